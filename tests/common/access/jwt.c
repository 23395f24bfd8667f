#include <sodium.h>

#include "json.h"
#include "jwt.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW 1700000000
#define SECRET "an HS256 secret of 32 bytes, yes"
#define HEADER "{\"alg\":\"HS256\"}"

static const struct {
	const char *name;
	enum jwt_problem problem;
} names[] = {
	{ "fine", JWT_FINE },
	{ "malformed", JWT_MALFORMED },
	{ "algorithm", JWT_ALGORITHM },
	{ "unknown key", JWT_UNKNOWN_KEY },
	{ "signature", JWT_SIGNATURE },
};

static enum jwt_problem
verify(struct text token, const struct key_set *keys, const struct jwt_rules *rules, int64_t now)
{
	struct text copy = { guarded(token.data, token.length), token.length };
	enum jwt_problem problem;
	struct json_object *claims = jwt_verify(copy, keys, rules, now, &problem);

	CHECK((claims != NULL) == (problem == JWT_FINE), "claims where there is no problem");
	CHECK(claims == NULL || json_object_is_type(claims, json_type_object), "an object");
	json_object_put(claims);
	return problem;
}

/* Vectors: those of the RFCs, and those that tests/npm/jwt-vectors.js made. */

static size_t
read_algorithms(struct json_object *list, enum algorithm *algorithms)
{
	static const enum algorithm all[] = { ALGORITHM_HS256, ALGORITHM_RS256, ALGORITHM_PS256,
		ALGORITHM_ES256, ALGORITHM_EDDSA };

	memcpy(algorithms, all, sizeof(all));
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++)
		if (!algorithm_read(
			text_of(json_object_get_string(json_object_array_get_idx(list, i))),
			&algorithms[i]))
			abort();
	return list == NULL ? COUNT(all) : json_object_array_length(list);
}

static void
check_refused_keys(struct json_object *vector, const struct buf *error, const char *name)
{
	CHECK(same_text(
		  buf_view(error), json_object_get_string(json_object_object_get(vector, "error"))),
	    name);
}

static void
check_vector(struct json_object *vector, int64_t now)
{
	const char *name = json_object_get_string(json_object_object_get(vector, "name"));
	const char *problem = json_object_get_string(json_object_object_get(vector, "problem"));
	struct json_object *token = json_object_object_get(vector, "token");
	enum algorithm algorithms[5];
	struct key_rules rules = { algorithms,
		read_algorithms(json_object_object_get(vector, "algorithms"), algorithms), true };
	struct buf error = { 0 };
	struct text text = text_of(json_object_get_string(json_object_object_get(vector, "keys")));
	struct key_set *keys = keys_read(
	    (struct text){ guarded(text.data, text.length), text.length }, &rules, &error);
	bool known = false;

	CHECK((keys == NULL) == (strcmp(problem, "keys") == 0), name);
	if (keys == NULL) {
		check_refused_keys(vector, &error, name);
		buf_free(&error);
		return;
	}
	for (size_t i = 0; i < COUNT(names); i++) {
		if (strcmp(problem, names[i].name) != 0)
			continue;
		known = true;
		CHECK(verify(text_of(json_object_get_string(token)), keys,
			  &(struct jwt_rules){ .leeway = 0 }, now) == names[i].problem,
		    name);
	}
	CHECK(known, name);
	keys_free(keys);
	buf_free(&error);
}

static void
check_vectors(const char *path, size_t count)
{
	struct text text = test_file(path);
	struct json_error error;
	struct json_object *all = json_read(text, 0, &error), *cases;

	if (all == NULL)
		abort();
	cases = json_object_object_get(all, "cases");
	CHECK(json_object_array_length(cases) >= count, "all of them");
	for (size_t i = 0; i < json_object_array_length(cases); i++)
		check_vector(json_object_array_get_idx(cases, i),
		    json_object_get_int64(json_object_object_get(all, "now")));
	json_object_put(all);
	free((char *)(uintptr_t)text.data);
}

static void
verifies_the_examples_of_the_rfcs(void)
{
	check_vectors("vectors/jwt/rfc.json", 7);
}

static void
withstands_attacks_on_keys_and_signatures(void)
{
	check_vectors("vectors/jwt/made.json", 200);
}

/* Tokens signed here, with one secret. */

static struct key_set *
secret_keys(void)
{
	static const enum algorithm algorithms[] = { ALGORITHM_HS256 };
	struct key_rules rules = { algorithms, 1, true };
	struct buf error = { 0 };
	struct key_set *keys = keys_read(TEXT(SECRET), &rules, &error);

	if (keys == NULL)
		abort();
	return keys;
}

static void
put_base64(struct buf *out, const void *bytes, size_t length)
{
	const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	size_t room = sodium_base64_encoded_len(length, variant);

	sodium_bin2base64(buf_reserve(out, room), room, bytes, length, variant);
	out->length += room - 1;
}

/* A dot and the signature of what is there. */
static void
put_signature(struct buf *token)
{
	unsigned char mac[crypto_auth_hmacsha256_BYTES];

	crypto_auth_hmacsha256(
	    mac, (const unsigned char *)token->data, token->length, (const unsigned char *)SECRET);
	buf_text(token, ".");
	put_base64(token, mac, sizeof(mac));
}

static void
sign(struct text header, struct text payload, struct buf *token)
{
	buf_clear(token);
	put_base64(token, header.data, header.length);
	buf_text(token, ".");
	put_base64(token, payload.data, payload.length);
	put_signature(token);
}

#define EXP "\"exp\":1700000060"

static void
checks_headers(void)
{
	static const struct {
		struct text header;
		enum jwt_problem problem;
	} cases[] = {
		{ TEXT(HEADER), JWT_FINE },
		{ TEXT(" {\n\"alg\" : \"HS256\" }\t"), JWT_FINE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), JWT_FINE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":\"jwt\"}"), JWT_FINE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":\"application/jwt\"}"), JWT_FINE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}"), JWT_FINE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":\"Application/AT+JWT\"}"), JWT_FINE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":\"JOSE\"}"), JWT_TYPE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":\"dpop+jwt\"}"), JWT_TYPE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}"), JWT_TYPE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":\"\"}"), JWT_TYPE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":\"application/\"}"), JWT_TYPE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":\"application/application/jwt\"}"), JWT_TYPE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":null}"), JWT_TYPE },
		{ TEXT("{\"alg\":\"HS256\",\"typ\":[\"JWT\"]}"), JWT_TYPE },
		{ TEXT("{\"alg\":\"HS256\",\"cty\":\"JWT\"}"), JWT_TYPE },
		{ TEXT("{\"alg\":\"HS256\",\"cty\":\"jwt\"}"), JWT_TYPE },
		{ TEXT("{\"alg\":\"HS256\",\"cty\":\"application/jwt\"}"), JWT_TYPE },
		{ TEXT("{\"alg\":\"HS256\",\"cty\":null}"), JWT_TYPE },
		{ TEXT("{\"alg\":\"HS256\",\"cty\":\"json\"}"), JWT_FINE },
		{ TEXT("{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}"), JWT_CRITICAL },
		{ TEXT("{\"alg\":\"HS256\",\"crit\":[]}"), JWT_CRITICAL },
		{ TEXT("{\"alg\":\"HS256\",\"crit\":null}"), JWT_CRITICAL },
		{ TEXT("{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":true}"), JWT_CRITICAL },
		{ TEXT("{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}"), JWT_CRITICAL },
		{ TEXT("{\"alg\":\"HS256\",\"b64\":false}"), JWT_CRITICAL },
		{ TEXT("{\"alg\":\"HS256\",\"b64\":null}"), JWT_CRITICAL },
		{ TEXT("{\"alg\":\"HS256\",\"b64\":0}"), JWT_CRITICAL },
		{ TEXT("{\"alg\":\"HS256\",\"b64\":true}"), JWT_FINE },
		{ TEXT("{\"alg\":\"HS256\",\"kid\":\"x\"}"), JWT_FINE }, /* the secret has none */
		{ TEXT("{\"alg\":\"HS256\",\"kid\":1}"), JWT_MALFORMED },
		{ TEXT("{\"alg\":\"HS256\",\"zip\":\"DEF\",\"x\":{\"y\":[]}}"), JWT_FINE },
		{ TEXT("{\"alg\":\"HS384\"}"), JWT_ALGORITHM },
		{ TEXT("{\"alg\":\"none\"}"), JWT_ALGORITHM },
		{ TEXT("{\"alg\":\"RS256\"}"), JWT_ALGORITHM },
		{ TEXT("{}"), JWT_MALFORMED },
		{ TEXT("{\"Alg\":\"HS256\"}"), JWT_MALFORMED },
		{ TEXT("{\"alg\":null}"), JWT_MALFORMED },
		{ TEXT("{\"alg\":[\"HS256\"]}"), JWT_MALFORMED },
		{ TEXT("{\"alg\":\"HS256\",\"alg\":\"HS256\"}"), JWT_MALFORMED },
		{ TEXT("{\"alg\":\"none\",\"\\u0061lg\":\"HS256\"}"), JWT_MALFORMED },
		{ TEXT("{\"alg\":\"HS256\",\"x\":{\"a\":1,\"a\":1}}"), JWT_MALFORMED },
		{ TEXT("{\"alg\":\"HS256\\u0000\"}"), JWT_MALFORMED },
		{ TEXT("{\"alg\":\"HS256\",\"x\":\"\xff\"}"), JWT_MALFORMED },
		{ TEXT("{\"alg\":\"HS256\",}"), JWT_MALFORMED },
		{ TEXT("{\"alg\":\"HS256\"}x"), JWT_MALFORMED },
		{ TEXT("{\"alg\":\"HS256\"}\0"), JWT_MALFORMED },
		{ TEXT("\xef\xbb\xbf{\"alg\":\"HS256\"}"), JWT_MALFORMED },
		{ TEXT("/**/{\"alg\":\"HS256\"}"), JWT_MALFORMED },
		{ TEXT("[{\"alg\":\"HS256\"}]"), JWT_MALFORMED },
		{ TEXT("\"HS256\""), JWT_MALFORMED },
		{ TEXT("null"), JWT_MALFORMED },
		{ TEXT(""), JWT_MALFORMED },
	};
	struct key_set *keys = secret_keys();
	struct jwt_rules rules = { .leeway = 0 };
	struct buf token = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		sign(cases[i].header, TEXT("{" EXP "}"), &token);
		CHECK(verify(buf_view(&token), keys, &rules, NOW) == cases[i].problem,
		    cases[i].header.data);
	}
	buf_free(&token);
	keys_free(keys);
}

/* With an issuer, two audiences and 10 seconds of leeway at NOW. */
static void
checks_claims(void)
{
#define ISS "\"iss\":\"https://id.example\""
#define AUD "\"aud\":\"tokens\""
#define WITH(claims) TEXT("{" ISS "," AUD "," claims "}")
	static const struct {
		struct text payload;
		enum jwt_problem problem;
	} cases[] = {
		{ WITH(EXP), JWT_FINE },
		{ WITH(EXP ",\"sub\":\"u\",\"jti\":\"1\",\"nbf\":1,\"iat\":1,\"x\":[null]"),
		    JWT_FINE },

		{ WITH("\"exp\":1700000001"), JWT_FINE }, { WITH("\"exp\":1699999991"), JWT_FINE },
		{ WITH("\"exp\":1699999990.5"), JWT_FINE },
		{ WITH("\"exp\":1699999990"), JWT_EXPIRED },
		{ WITH("\"exp\":1699999989.9"), JWT_EXPIRED },
		{ WITH("\"exp\":1699999990.0"), JWT_EXPIRED }, { WITH("\"exp\":0"), JWT_EXPIRED },
		{ WITH("\"exp\":-0"), JWT_EXPIRED }, { WITH("\"exp\":1e-400"), JWT_EXPIRED },
		{ WITH("\"exp\":1.8e9"), JWT_FINE }, { WITH("\"exp\":253402300799"), JWT_FINE },
		{ WITH("\"exp\":253402300800"), JWT_CLAIM },
		{ WITH("\"exp\":253402300799.5"), JWT_CLAIM },
		{ WITH("\"exp\":1700000060000"), JWT_CLAIM }, /* milliseconds */
		{ WITH("\"exp\":1e400"), JWT_CLAIM }, { WITH("\"exp\":-1e400"), JWT_CLAIM },
		{ WITH("\"exp\":9223372036854775808"), JWT_CLAIM },
		{ WITH("\"exp\":18446744073709551616"), JWT_CLAIM },
		{ WITH("\"exp\":100000000000000000000000000000000000000000"), JWT_CLAIM },
		{ WITH("\"exp\":-1"), JWT_CLAIM },
		{ WITH("\"exp\":-9223372036854775809"), JWT_CLAIM },
		{ WITH("\"exp\":\"1700000060\""), JWT_CLAIM },
		{ WITH("\"exp\":\"never\""), JWT_CLAIM }, { WITH("\"exp\":null"), JWT_CLAIM },
		{ WITH("\"exp\":true"), JWT_CLAIM }, { WITH("\"exp\":[1700000060]"), JWT_CLAIM },
		{ WITH("\"exp\":{}"), JWT_CLAIM }, { WITH("\"exp\":NaN"), JWT_MALFORMED },
		{ WITH("\"Exp\":1700000060"), JWT_NO_EXPIRY },
		{ WITH("\"sub\":\"u\""), JWT_NO_EXPIRY },
		{ WITH(EXP ",\"exp\":1700000061"), JWT_MALFORMED },
		{ WITH("\"exp\":1,\"\\u0065xp\":1700000061"), JWT_MALFORMED },

		{ WITH(EXP ",\"nbf\":1700000010"), JWT_FINE },
		{ WITH(EXP ",\"nbf\":1700000010.5"), JWT_NOT_YET },
		{ WITH(EXP ",\"nbf\":1700000011"), JWT_NOT_YET },
		{ WITH(EXP ",\"nbf\":\"1\""), JWT_CLAIM }, { WITH(EXP ",\"nbf\":null"), JWT_CLAIM },
		{ WITH(EXP ",\"nbf\":-1"), JWT_CLAIM }, { WITH(EXP ",\"nbf\":1e400"), JWT_CLAIM },
		{ WITH(EXP ",\"iat\":1700000010"), JWT_FINE },
		{ WITH(EXP ",\"iat\":1700000011"), JWT_NOT_YET },
		{ WITH(EXP ",\"iat\":\"1\""), JWT_CLAIM }, { WITH(EXP ",\"iat\":-1"), JWT_CLAIM },
		{ WITH(EXP ",\"iat\":1e400"), JWT_CLAIM },

		{ TEXT("{" AUD "," EXP "}"), JWT_ISSUER },
		{ TEXT("{" AUD "," EXP ",\"iss\":\"\"}"), JWT_ISSUER },
		{ TEXT("{" AUD "," EXP ",\"iss\":\"https://id.example/\"}"), JWT_ISSUER },
		{ TEXT("{" AUD "," EXP ",\"iss\":\"https://id.exampl\"}"), JWT_ISSUER },
		{ TEXT("{" AUD "," EXP ",\"iss\":\"https://ID.example\"}"), JWT_ISSUER },
		{ TEXT("{" AUD "," EXP ",\"iss\":\"https:\\/\\/id.example\"}"), JWT_FINE },
		{ TEXT("{" AUD "," EXP ",\"iss\":[\"https://id.example\"]}"), JWT_CLAIM },
		{ TEXT("{" AUD "," EXP ",\"iss\":null}"), JWT_CLAIM },

		{ TEXT("{" ISS "," EXP "}"), JWT_AUDIENCE },
		{ TEXT("{" ISS "," EXP ",\"aud\":\"second\"}"), JWT_FINE },
		{ TEXT("{" ISS "," EXP ",\"aud\":\"Tokens\"}"), JWT_AUDIENCE },
		{ TEXT("{" ISS "," EXP ",\"aud\":\"token\"}"), JWT_AUDIENCE },
		{ TEXT("{" ISS "," EXP ",\"aud\":\"tokens second\"}"), JWT_AUDIENCE },
		{ TEXT("{" ISS "," EXP ",\"aud\":\"\"}"), JWT_AUDIENCE },
		{ TEXT("{" ISS "," EXP ",\"aud\":[\"tokens\"]}"), JWT_FINE },
		{ TEXT("{" ISS "," EXP ",\"aud\":[\"other\",\"tokens\"]}"), JWT_FINE },
		{ TEXT("{" ISS "," EXP ",\"aud\":[\"other\",\"third\"]}"), JWT_AUDIENCE },
		{ TEXT("{" ISS "," EXP ",\"aud\":[]}"), JWT_AUDIENCE },
		{ TEXT("{" ISS "," EXP ",\"aud\":[\"tokens\",1]}"), JWT_CLAIM },
		{ TEXT("{" ISS "," EXP ",\"aud\":[[\"tokens\"]]}"), JWT_CLAIM },
		{ TEXT("{" ISS "," EXP ",\"aud\":[null]}"), JWT_CLAIM },
		{ TEXT("{" ISS "," EXP ",\"aud\":{\"tokens\":1}}"), JWT_CLAIM },
		{ TEXT("{" ISS "," EXP ",\"aud\":1}"), JWT_CLAIM },
		{ TEXT("{" ISS "," EXP ",\"aud\":null}"), JWT_CLAIM },

		{ WITH(EXP ",\"sub\":1"), JWT_CLAIM }, { WITH(EXP ",\"sub\":null"), JWT_CLAIM },
		{ WITH(EXP ",\"sub\":[\"u\"]"), JWT_CLAIM }, { WITH(EXP ",\"jti\":1"), JWT_CLAIM },

		{ WITH(EXP ",\"x\":{\"a\":1,\"a\":2}"), JWT_MALFORMED },
		{ WITH(EXP ",\"sub\":\"a\\u0000b\""), JWT_MALFORMED },
		{ WITH(EXP ",\"sub\":\"\xff\""), JWT_MALFORMED },
		{ WITH(EXP ",\"sub\":\"\\ud800\""), JWT_MALFORMED },
		{ WITH(EXP ",\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"), JWT_MALFORMED },
		{ TEXT("[]"), JWT_MALFORMED }, { TEXT("null"), JWT_MALFORMED },
		{ TEXT("1"), JWT_MALFORMED }, { TEXT(""), JWT_MALFORMED },
		{ TEXT("{" EXP "} {}"), JWT_MALFORMED },
		{ TEXT("eyJhbGciOiJIUzI1NiJ9.e30.AAAA"), JWT_MALFORMED }, /* a token in a token */
	};
	struct text audiences[] = { TEXT("tokens"), TEXT("second") };
	struct jwt_rules rules = { TEXT("https://id.example"), { audiences, 2 }, 10 };
	struct key_set *keys = secret_keys();
	struct buf token = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		sign(TEXT(HEADER), cases[i].payload, &token);
		CHECK(verify(buf_view(&token), keys, &rules, NOW) == cases[i].problem,
		    cases[i].payload.data);
		/* Whatever the claims say, the signature is first. */
		token.data[token.length - 2] = token.data[token.length - 2] == 'A' ? 'B' : 'A';
		CHECK(verify(buf_view(&token), keys, &rules, NOW) == JWT_SIGNATURE,
		    cases[i].payload.data);
	}
	buf_free(&token);
	keys_free(keys);
}

static void
asks_no_more_than_the_rules(void)
{
	static const struct {
		struct text payload;
		enum jwt_problem problem;
	} cases[] = {
		{ TEXT("{" EXP "}"), JWT_FINE },
		{ TEXT("{" EXP ",\"iss\":\"any\",\"aud\":\"any\"}"), JWT_FINE },
		{ TEXT("{" EXP ",\"aud\":[]}"), JWT_FINE },
		{ TEXT("{" EXP ",\"aud\":1}"), JWT_CLAIM },
		{ TEXT("{" EXP ",\"aud\":[1]}"), JWT_CLAIM },
		{ TEXT("{" EXP ",\"iss\":1}"), JWT_CLAIM },
		{ TEXT("{\"exp\":1700000001}"), JWT_FINE },
		{ TEXT("{\"exp\":1700000000}"), JWT_EXPIRED },
		{ TEXT("{" EXP ",\"nbf\":1700000000}"), JWT_FINE },
		{ TEXT("{" EXP ",\"nbf\":1700000001}"), JWT_NOT_YET },
		{ TEXT("{}"), JWT_NO_EXPIRY },
	};
	struct key_set *keys = secret_keys();
	struct buf token = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		sign(TEXT(HEADER), cases[i].payload, &token);
		CHECK(verify(buf_view(&token), keys, &(struct jwt_rules){ .leeway = 0 }, NOW) ==
			cases[i].problem,
		    cases[i].payload.data);
	}
	buf_free(&token);
	keys_free(keys);
}

static void
gives_the_claims(void)
{
	struct key_set *keys = secret_keys();
	struct jwt_rules rules = { .leeway = 0 };
	enum jwt_problem problem;
	struct json_object *claims;
	struct buf token = { 0 };

	sign(TEXT(HEADER), TEXT("{" EXP ",\"sub\":\"u\",\"x\":{\"y\":[1]}}"), &token);
	claims = jwt_verify(buf_view(&token), keys, &rules, NOW, &problem);
	CHECK(claims != NULL && problem == JWT_FINE, "valid");
	CHECK(same_text(text_of(json_object_to_json_string_ext(claims, JSON_C_TO_STRING_PLAIN)),
		  "{\"exp\":1700000060,\"sub\":\"u\",\"x\":{\"y\":[1]}}"),
	    "all of them");
	json_object_put(claims);
	buf_free(&token);
	keys_free(keys);
}

/* What is signed over is the text, so each of these has a good signature over what it is. */
static void
refuses_other_forms(void)
{
	static const struct {
		const char *signed_text; /* < is a good header, > a good payload */
		const char *after;       /* the signature; NULL: there is none */
	} cases[] = {
		{ "<.>", NULL }, { "<=.>", "" }, { "<.>=", "" }, { "<.>==", "" }, { "<. >", "" },
		{ "<.>\n", "" }, { "\n<.>", "" }, { ".<.>", "" }, { "<..>", "" }, { "<.>.>", "" },
		{ "<.>", "." }, { "<.>", ".." }, { "<.>", ".AAAA" }, { "<.>", "=" },
		{ "<.>", "\n" }, { "<.>", " " }, { "<.>", "\xc3\xa9" },
		{ "{\"alg\":\"HS256\"}.>", "" }, { "<.{\"exp\":1700000060}", "" }, { "<.+/+/", "" },
		{ "eyJhbGciOiJIUzI1NiIgfR.>", "" }, /* bits left over */
		{ "<.>A", "" },                     /* a character left over */
	};
	static const char header[] = "eyJhbGciOiJIUzI1NiJ9";
	static const char payload[] = "eyJleHAiOjE3MDAwMDAwNjB9";
	struct key_set *keys = secret_keys();
	struct jwt_rules rules = { .leeway = 0 };
	struct buf token = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_clear(&token);
		for (const char *c = cases[i].signed_text; *c != '\0'; c++)
			if (*c == '<' || *c == '>')
				buf_text(&token, *c == '<' ? header : payload);
			else
				buf_add(&token, c, 1);
		if (cases[i].after != NULL) {
			put_signature(&token);
			buf_text(&token, cases[i].after);
		}
		CHECK(verify(buf_view(&token), keys, &rules, NOW) == JWT_MALFORMED,
		    cases[i].signed_text);
	}
	CHECK(jwt_verify((struct text){ NULL, 0 }, keys, &rules, NOW, &(enum jwt_problem){ 0 }) ==
		NULL,
	    "none");
	CHECK(verify(TEXT(""), keys, &rules, NOW) == JWT_MALFORMED, "empty");
	CHECK(verify(TEXT("."), keys, &rules, NOW) == JWT_MALFORMED, "a dot");
	CHECK(verify(TEXT(".."), keys, &rules, NOW) == JWT_MALFORMED, "two");
	CHECK(verify(TEXT("...."), keys, &rules, NOW) == JWT_MALFORMED, "encrypted");
	buf_free(&token);
	keys_free(keys);
}

/* Two bits of the last character of 32 bytes are left over: of four texts one is right. */
static void
takes_one_text_of_a_signature(void)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct key_set *keys = secret_keys();
	struct jwt_rules rules = { .leeway = 0 };
	struct buf token = { 0 };
	size_t digit;

	sign(TEXT(HEADER), TEXT("{" EXP "}"), &token);
	digit = (size_t)(strchr(alphabet, token.data[token.length - 1]) - alphabet);
	for (size_t i = 0; i < 4; i++) {
		token.data[token.length - 1] = alphabet[(digit & 60) + i];
		CHECK(verify(buf_view(&token), keys, &rules, NOW) ==
			(i == 0 ? JWT_FINE : JWT_MALFORMED),
		    "bits left over");
	}
	buf_free(&token);
	keys_free(keys);
}

static void
limits_size(void)
{
	struct key_set *keys = secret_keys();
	struct jwt_rules rules = { .leeway = 0 };
	struct buf token = { 0 }, payload = { 0 };
	size_t longest = 0;

	for (size_t fill = 6020; fill < 6080; fill++) {
		buf_clear(&payload);
		buf_text(&payload, "{" EXP ",\"x\":\"");
		memset(buf_reserve(&payload, fill), 'x', fill);
		payload.length += fill;
		buf_text(&payload, "\"}");
		sign(TEXT(HEADER), buf_view(&payload), &token);
		CHECK(verify(buf_view(&token), keys, &rules, NOW) ==
			(token.length <= JWT_MAX ? JWT_FINE : JWT_TOO_LARGE),
		    "by its length");
		if (token.length <= JWT_MAX)
			longest = token.length;
	}
	CHECK(longest >= JWT_MAX - 2 && token.length > JWT_MAX, "both were there");
	buf_free(&payload);
	buf_free(&token);
	keys_free(keys);
}

static void
refuses_every_truncation_and_flipped_bit(void)
{
	struct key_set *keys = secret_keys();
	struct jwt_rules rules = { .leeway = 0 };
	struct buf token = { 0 };

	sign(TEXT(HEADER), TEXT("{" EXP ",\"sub\":\"u\"}"), &token);
	CHECK(verify(buf_view(&token), keys, &rules, NOW) == JWT_FINE, "whole");
	for (size_t i = 0; i < token.length; i++)
		CHECK(verify((struct text){ token.data, i }, keys, &rules, NOW) != JWT_FINE,
		    "truncated");
	for (size_t bit = 0; bit < 8 * token.length; bit++) {
		token.data[bit / 8] = (char)(token.data[bit / 8] ^ 1 << bit % 8);
		CHECK(verify(buf_view(&token), keys, &rules, NOW) != JWT_FINE, "flipped");
		token.data[bit / 8] = (char)(token.data[bit / 8] ^ 1 << bit % 8);
	}
	buf_free(&token);
	keys_free(keys);
}

/* It goes into a quoted string of a header. */
static void
explains(void)
{
	for (int a = JWT_FINE; a <= JWT_AUDIENCE; a++) {
		const char *text = jwt_problem_text((enum jwt_problem)a);

		CHECK(text[0] != '\0' && strpbrk(text, "\"\\\r\n") == NULL, text);
		for (int b = JWT_FINE; b < a; b++)
			CHECK(strcmp(text, jwt_problem_text((enum jwt_problem)b)) != 0, text);
	}
}

CU_TestInfo access_jwt_tests[] = {
	{ "verifies the examples of the RFCs", verifies_the_examples_of_the_rfcs },
	{ "withstands attacks on keys and signatures", withstands_attacks_on_keys_and_signatures },
	{ "checks headers", checks_headers },
	{ "checks claims", checks_claims },
	{ "asks no more than the rules", asks_no_more_than_the_rules },
	{ "gives the claims", gives_the_claims },
	{ "refuses other forms", refuses_other_forms },
	{ "takes one text of a signature", takes_one_text_of_a_signature },
	{ "limits size", limits_size },
	{ "refuses every truncation and flipped bit", refuses_every_truncation_and_flipped_bit },
	{ "explains", explains },
	CU_TEST_INFO_NULL,
};
