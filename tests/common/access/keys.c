#include "keys.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SECRET "an HS256 secret of 32 bytes, yes"
#define K "YW4gSFMyNTYgc2VjcmV0IG9mIDMyIGJ5dGVzLCB5ZXM" /* the same */
#define ED_MEMBERS                                                                                 \
	"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_"                               \
	"7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define ED "{" ED_MEMBERS "}"
#define ED_PEM                                                                                     \
	"-----BEGIN PUBLIC KEY-----\n"                                                             \
	"MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"                           \
	"-----END PUBLIC KEY-----\n"
#define PRIVATE "it is a private key, which must not be here: put the public one in its place"
#define NEITHER "it is neither PEM public keys nor a JSON Web Key Set"

static const enum algorithm all[] = { ALGORITHM_HS256, ALGORITHM_RS256, ALGORITHM_PS256,
	ALGORITHM_ES256, ALGORITHM_EDDSA };
static const struct key_rules from_file = { all, COUNT(all), true };
static const struct key_rules from_url = { all, COUNT(all), false };
static const struct key_rules public_file = { all + 1, COUNT(all) - 1, true };

static struct key_set *
read_keys(struct text text, const struct key_rules *rules, struct buf *error)
{
	buf_clear(error);
	buf_text(error, "left from before");
	return keys_read(
	    (struct text){ guarded(text.data, text.length), text.length }, rules, error);
}

static void
reads_what_operators_write(void)
{
	static const struct {
		struct text text;
		size_t count;
		enum algorithm first;
	} cases[] = {
		{ TEXT(SECRET), 1, ALGORITHM_HS256 },
		{ TEXT(SECRET "\n"), 1, ALGORITHM_HS256 },
		{ TEXT(SECRET "\r\n"), 1, ALGORITHM_HS256 },
		{ TEXT(SECRET SECRET SECRET), 1, ALGORITHM_HS256 },
		{ TEXT("\0\1\2\3\4\5\6\7\0\1\2\3\4\5\6\7\0\1\2\3\4\5\6\7\0\1\2\3\4\5\6\7"), 1,
		    ALGORITHM_HS256 },
		{ TEXT(ED_PEM), 1, ALGORITHM_EDDSA },
		{ TEXT(ED_PEM ED_PEM), 2, ALGORITHM_EDDSA },
		{ TEXT("# ours\r\n" ED_PEM "\n\n# theirs\n" ED_PEM "# end"), 2, ALGORITHM_EDDSA },
		{ TEXT("{\"keys\":[" ED "]}"), 1, ALGORITHM_EDDSA },
		{ TEXT("\n {\"more\":1,\"keys\":[" ED ",{\"kty\":\"oct\",\"k\":\"" K "\"}]} "), 2,
		    ALGORITHM_EDDSA },
		{ TEXT("{\"keys\":[{\"kty\":\"oct\",\"k\":\"" K "\",\"alg\":\"HS256\"}]}"), 1,
		    ALGORITHM_HS256 },
	};
	struct buf error = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct key_set *keys = read_keys(cases[i].text, &from_file, &error);

		CHECK(keys != NULL && error.length == 0, cases[i].text.data);
		if (keys == NULL)
			continue;
		CHECK(keys->count == cases[i].count, cases[i].text.data);
		CHECK(keys->keys[0].algorithm == cases[i].first, cases[i].text.data);
		CHECK(!keys->named && keys->skipped == 0 && keys->algorithms == 31, "the rest");
		keys_free(keys);
	}
	buf_free(&error);
	keys_free(NULL);
}

static void
takes_a_line_end_off_a_secret(void)
{
	struct buf error = { 0 };
	struct key_set *keys = read_keys(TEXT(SECRET "\n\n"), &from_file, &error);

	CHECK(keys != NULL && same_text(buf_view(&keys->keys[0].octets), SECRET "\n"), "one");
	keys_free(keys);
	keys = read_keys(TEXT(SECRET "\r\n"), &from_file, &error);
	CHECK(keys != NULL && same_text(buf_view(&keys->keys[0].octets), SECRET), "of two bytes");
	keys_free(keys);
	buf_free(&error);
}

static void
refuses(void)
{
	static const struct {
		struct text text;
		const struct key_rules *rules;
		const char *error;
	} cases[] = {
		{ TEXT(""), &from_file, "a secret must have 32 bytes or more" },
		{ TEXT("an HS256 secret of 31 bytes, no"), &from_file,
		    "a secret must have 32 bytes or more" },
		{ TEXT("an HS256 secret of 31 bytes, no\n"), &from_file,
		    "a secret must have 32 bytes or more" },
		{ TEXT(SECRET), &from_url, NEITHER },
		{ TEXT(SECRET), &public_file, NEITHER },
		/* Public keys, which must not become secrets. */
		{ TEXT("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC"), &from_file, NEITHER },
		{ TEXT("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"), &from_file, NEITHER },
		{ TEXT("ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTI"), &from_file, NEITHER },
		{ TEXT("---- BEGIN SSH2 PUBLIC KEY ----\nAAAAB3NzaC1yc2E"), &from_file, NEITHER },
		{ TEXT("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"), &from_file, NEITHER },
		{ TEXT("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"), &from_file, NEITHER },
		{ TEXT("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiM"), &from_file, NEITHER },
		{ TEXT("\x30\x82\x01\x22\x30\x0d 0123456789012345678901234567"), &from_file,
		    NEITHER },
		{ TEXT("[" ED "]"), &from_file, NEITHER },
		{ TEXT("<!DOCTYPE html><title>404 Not Found</title>"), &from_url, NEITHER },

		{ TEXT("-----BEGIN PRIV"
		       "ATE KEY-----\nAAAA\n-----END PRIV"
		       "ATE KEY-----\n"),
		    &from_file, "PEM block 1: " PRIVATE },
		{ TEXT(ED_PEM "-----BEGIN EC PRIV"
			      "ATE KEY-----\nAAAA\n-----END EC PRIV"
			      "ATE KEY-----\n"),
		    &from_file, "PEM block 2: " PRIVATE },
		{ TEXT("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
		    &from_file,
		    "PEM block 1: it is none of BEGIN PUBLIC KEY and BEGIN RSA PUBLIC KEY" },
		{ TEXT("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), &from_file,
		    "PEM block 1: it cannot be read" },
		{ TEXT("-----BEGIN PUBLIC KEY-----"), &from_file,
		    "PEM block 1: it cannot be read" },
		{ TEXT("-----BEGIN "), &from_file, "PEM block 1: it cannot be read" },
		{ TEXT(ED_PEM "-----BEGIN PUBLIC KEY-----\n\xff\n-----END PUBLIC KEY-----"),
		    &from_file, "PEM block 2: it cannot be read" },

		{ TEXT("{}"), &from_file,
		    "it is no JSON Web Key Set: \"keys\" is missing or no array" },
		{ TEXT(ED), &from_file,
		    "it is no JSON Web Key Set: \"keys\" is missing or no array" },
		{ TEXT("{\"keys\":{}}"), &from_file,
		    "it is no JSON Web Key Set: \"keys\" is missing or no array" },
		{ TEXT("{\"Keys\":[" ED "]}"), &from_file,
		    "it is no JSON Web Key Set: \"keys\" is missing or no array" },
		{ TEXT("{\"keys\":[]}"), &from_file, "there is no key in \"keys\"" },
		{ TEXT("{\"keys\":["), &from_file,
		    "line 1: the text ends in the middle of the JSON" },
		{ TEXT("{\n\"keys\":[" ED "],\n\"keys\":[]}"), &from_file,
		    "line 3: the text has two members of the same name in an object" },
		{ TEXT("{\"keys\":[{\"kty\":\"OKP\",\"kty\":\"oct\"}]}"), &from_file,
		    "line 1: the text has two members of the same name in an object" },
		{ TEXT("{\"keys\":[" ED ",null]}"), &from_file, "keys[1]: it is no object" },
		{ TEXT("{\"keys\":[\"" K "\"]}"), &from_file, "keys[0]: it is no object" },
		{ TEXT("{\"keys\":[{}]}"), &from_file,
		    "keys[0]: it is none of RSA, EC P-256, OKP Ed25519 and oct" },
		{ TEXT("{\"keys\":[{\"kty\":1}]}"), &from_file,
		    "keys[0]: it is none of RSA, EC P-256, OKP Ed25519 and oct" },
		{ TEXT("{\"keys\":[{\"kty\":\"OCT\",\"k\":\"" K "\"}]}"), &from_file,
		    "keys[0]: it is none of RSA, EC P-256, OKP Ed25519 and oct" },
		{ TEXT("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\",\"kid\":\"a\\n\\\"b\"}]}"),
		    &from_file,
		    "keys[0] (kid \"a\\n\\\"b\"): it is none of RSA, EC P-256, OKP Ed25519 and "
		    "oct" },
		{ TEXT("{\"keys\":[{\"kty\":\"oct\",\"k\":\"" K "\"}]}"), &from_url,
		    "keys[0]: it is a shared secret, and what is published is none" },
		{ TEXT("{\"keys\":[{\"kty\":\"oct\",\"k\":\"" K "\"}]}"), &public_file,
		    "keys[0]: no algorithm that is allowed here takes it" },
		{ TEXT("{\"keys\":[{\"alg\":\"Ed448\"," ED_MEMBERS "}]}"), &from_file,
		    "keys[0]: no algorithm that is allowed here takes it" },
		{ TEXT("{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}]}"), &from_file,
		    "keys[0]: a secret must have 32 bytes or more" },
		{ TEXT("{\"keys\":[{\"kty\":\"oct\",\"k\":\"" K "=\"}]}"), &from_file,
		    "keys[0]: a member that its kind needs is missing or no base64url" },
		{ TEXT("{\"keys\":[{\"kty\":\"oct\"}]}"), &from_file,
		    "keys[0]: a member that its kind needs is missing or no base64url" },
		{ TEXT("{\"keys\":[{\"kty\":\"oct\",\"k\":[]}]}"), &from_file,
		    "keys[0]: a member that its kind needs is missing or no base64url" },
		{ TEXT("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\"}]}"), &from_file,
		    "keys[0]: a member that its kind needs is missing or no base64url" },
		{ TEXT("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"AQAB\"}]}"),
		    &from_file,
		    "keys[0]: a member that its kind needs is missing or no base64url" },
		{ TEXT("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}]}"), &from_file,
		    "keys[0]: a member that its kind needs is missing or no base64url" },
		{ TEXT("{\"keys\":[{\"kty\":\"OKP\",\"d\":null}]}"), &from_file,
		    "keys[0]: " PRIVATE },
	};
	struct buf error = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct key_set *keys = read_keys(cases[i].text, cases[i].rules, &error);

		CHECK(keys == NULL, cases[i].text.data);
		CHECK(same_text(buf_view(&error), cases[i].error), cases[i].text.data);
		keys_free(keys);
	}
	buf_free(&error);
}

static void
skips_what_is_not_for_us(void)
{
	static const char text[] = "{\"keys\":["
				   "{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AA\"},"
				   "{\"kty\":\"oct\",\"k\":\"" K "\",\"kid\":\"s\"},"
				   "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}," ED "]}";
	struct buf error = { 0 };
	struct key_set *keys = read_keys(text_of(text), &from_url, &error);

	CHECK(keys != NULL && keys->count == 1 && keys->skipped == 3, "one of four");
	CHECK(keys != NULL && !keys->named, "the named one was left out");
	keys_free(keys);
	keys = read_keys(text_of(text), &from_file, &error);
	CHECK(keys != NULL && keys->count == 2 && keys->skipped == 2 && keys->named, "two");
	CHECK(keys != NULL && same_text(keys->keys[0].kid, "s"), "its kid");
	CHECK(keys != NULL && same_text(buf_view(&keys->keys[0].octets), SECRET), "its secret");
	CHECK(keys != NULL && keys->keys[1].kid.data == NULL, "no kid");
	keys_free(keys);
	buf_free(&error);
}

static void
limits_keys_and_bytes(void)
{
	struct buf text = { 0 }, error = { 0 };

	for (int pem = 0; pem < 2; pem++)
		for (size_t count = KEYS_MAX; count <= KEYS_MAX + 1; count++) {
			struct key_set *keys;

			buf_clear(&text);
			buf_text(&text, pem ? "" : "{\"keys\":[");
			for (size_t i = 0; i < count; i++) {
				buf_text(&text, i > 0 && !pem ? "," : "");
				buf_text(&text, pem ? ED_PEM : ED);
			}
			buf_text(&text, pem ? "" : "]}");
			keys = read_keys(buf_view(&text), &from_url, &error);
			CHECK((keys != NULL) == (count == KEYS_MAX), "64 keys");
			if (keys == NULL)
				CHECK(
				    same_text(buf_view(&error), "there are more than 64 keys"), "");
			keys_free(keys);
		}
	for (size_t length = KEYS_TEXT_MAX; length <= KEYS_TEXT_MAX + 1; length++) {
		struct key_set *keys;

		buf_clear(&text);
		memset(buf_reserve(&text, length), 'x', length);
		text.length = length;
		keys = read_keys(buf_view(&text), &from_file, &error);
		CHECK((keys != NULL) == (length == KEYS_TEXT_MAX), "65536 bytes");
		if (keys == NULL)
			CHECK(
			    same_text(buf_view(&error), "the text is larger than 65536 bytes"), "");
		keys_free(keys);
	}
	buf_free(&text);
	buf_free(&error);
}

static void
shortens_a_long_kid_in_messages(void)
{
	struct buf text = { 0 }, error = { 0 };

	buf_text(&text, "{\"keys\":[{\"kid\":\"");
	for (int i = 0; i < 1000; i++)
		buf_text(&text, "k");
	buf_text(&text, "\"}]}");
	CHECK(read_keys(buf_view(&text), &from_file, &error) == NULL, "refused");
	CHECK(error.length < 160, "short");
	buf_free(&text);
	buf_free(&error);
}

static void
refuses_every_truncation(void)
{
	static const struct text texts[] = { TEXT("{\"keys\":[" ED "]}"),
		TEXT("-----BEGIN PUBLIC KEY-----\n"
		     "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
		     "-----END PUBLIC KEY-----") };
	struct buf error = { 0 };

	for (size_t t = 0; t < COUNT(texts); t++)
		for (size_t i = 0; i < texts[t].length; i++) {
			struct key_set *keys =
			    read_keys((struct text){ texts[t].data, i }, &from_url, &error);

			CHECK(keys == NULL && error.length > 0, texts[t].data);
			keys_free(keys);
		}
	buf_free(&error);
}

static void
names_algorithms(void)
{
	enum algorithm algorithm;

	CHECK(algorithm_read(TEXT("EdDSA"), &algorithm) && algorithm == ALGORITHM_EDDSA, "EdDSA");
	CHECK(algorithm_read(TEXT("Ed25519"), &algorithm) && algorithm == ALGORITHM_EDDSA, "2nd");
	CHECK(algorithm_read(TEXT("PS256"), &algorithm) && algorithm == ALGORITHM_PS256, "PS256");
	CHECK(!algorithm_read(TEXT("ps256"), &algorithm), "case");
	CHECK(!algorithm_read(TEXT("none"), &algorithm), "none");
	CHECK(!algorithm_read((struct text){ NULL, 0 }, &algorithm), "absent");
}

CU_TestInfo access_keys_tests[] = {
	{ "reads what operators write", reads_what_operators_write },
	{ "takes a line end off a secret", takes_a_line_end_off_a_secret },
	{ "refuses", refuses },
	{ "skips what is not for us", skips_what_is_not_for_us },
	{ "limits keys and bytes", limits_keys_and_bytes },
	{ "shortens a long kid in messages", shortens_a_long_kid_in_messages },
	{ "refuses every truncation", refuses_every_truncation },
	{ "names algorithms", names_algorithms },
	CU_TEST_INFO_NULL,
};
