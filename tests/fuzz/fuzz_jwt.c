/*
 * Tokens and keys of any origin.
 *
 * Input: a token, a line end, the text of a key set; or 'K' and such a text alone; or 'C', a
 * header, a line end and a payload, which are signed here, because no fuzzer guesses signatures.
 */
#include <sodium.h>
#include <string.h>

#include "fuzz.h"
#include "jwt.h"

#define SECRET "an HS256 secret of 32 bytes, yes"
#define NOW 1700000000

static const enum algorithm algorithms[] = { ALGORITHM_HS256, ALGORITHM_PS256, ALGORITHM_RS256,
	ALGORITHM_ES256, ALGORITHM_EDDSA };

static struct key_set *
read_keys(struct text text, bool secrets)
{
	struct key_rules rules = { algorithms, sizeof(algorithms) / sizeof(algorithms[0]),
		secrets };
	struct buf error = { 0 };
	struct key_set *keys = keys_read(text, &rules, &error);

	MUST((keys == NULL) == (error.length > 0));
	if (keys != NULL) {
		MUST(keys->count > 0 && keys->count + keys->skipped <= KEYS_MAX);
		for (size_t i = 0; i < keys->count; i++)
			MUST(secrets || keys->keys[i].algorithm != ALGORITHM_HS256);
	}
	buf_free(&error);
	return keys;
}

/* A payload that is refused is refused by looser rules too, unless it is for what they leave out.
 */
static void
verify(struct text token, const struct key_set *keys)
{
	struct text audience = TEXT("tokens");
	struct jwt_rules strict = { TEXT("https://id.example"), { &audience, 1 }, 0 };
	struct jwt_rules loose = { .leeway = 60 };
	enum jwt_problem problem;
	struct json_object *claims = jwt_verify(token, keys, &strict, NOW, &problem);
	bool valid = claims != NULL;

	MUST(valid == (problem == JWT_FINE));
	json_object_put(claims);
	claims = jwt_verify(token, keys, &loose, NOW, &problem);
	MUST((claims != NULL) == (problem == JWT_FINE));
	MUST(!valid || claims != NULL);
	if (claims != NULL)
		MUST(json_object_is_type(claims, json_type_object) &&
		    json_object_object_get(claims, "exp") != NULL);
	json_object_put(claims);
}

static void
put_base64(struct buf *out, const void *bytes, size_t length)
{
	const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	size_t room = sodium_base64_encoded_len(length, variant);

	sodium_bin2base64(buf_reserve(out, room), room, bytes, length, variant);
	out->length += room - 1;
}

static void
sign(struct text header, struct text payload, struct buf *token)
{
	crypto_auth_hmacsha256_state state;
	unsigned char mac[crypto_auth_hmacsha256_BYTES];

	put_base64(token, header.data, header.length);
	buf_text(token, ".");
	put_base64(token, payload.data, payload.length);
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)SECRET, strlen(SECRET));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)token->data, token->length);
	crypto_auth_hmacsha256_final(&state, mac);
	buf_text(token, ".");
	put_base64(token, mac, sizeof(mac));
}

static void
run(char mode, struct text first, struct text rest)
{
	struct buf token = { 0 };
	struct key_set *keys = NULL;

	if (mode == 'C') {
		sign(first, rest, &token);
		keys = read_keys(TEXT(SECRET), true);
	} else {
		buf_add(&token, first.data, first.length);
		keys = read_keys(rest, true);
		keys_free(read_keys(rest, false));
	}
	if (keys != NULL)
		verify(buf_view(&token), keys);
	keys_free(keys);
	buf_free(&token);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy without room behind it. */
	char *bytes = xcalloc(1, size), *end;
	struct text all = { bytes, size }, first, rest;
	char mode = size > 0 && (data[0] == 'C' || data[0] == 'K') ? (char)data[0] : ' ';

	if (size > 0)
		memcpy(bytes, data, size);
	if (mode != ' ')
		all = (struct text){ bytes + 1, size - 1 };
	end = mode == 'K' ? NULL : memchr(all.data, '\n', all.length);
	first = (struct text){ all.data, end == NULL ? 0 : (size_t)(end - all.data) };
	rest = end == NULL ? all : (struct text){ end + 1, all.length - first.length - 1 };
	run(mode, first, rest);
	free(bytes);
	return 0;
}
