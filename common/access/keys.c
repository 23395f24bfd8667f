#include <sodium.h>
#include <stdlib.h>

#include "json.h"
#include "keys.h"

#define KID_SHOWN 64 /* bytes of it in a message */

#define PEM_BEGIN "-----BEGIN "
#define PEM_END "-----END "
#define PRIVATE_KEY "it is a private key, which must not be here: put the public one in its place"

/* Bytes of a JSON Web Key, unless *problem tells another one already. */
static void
read_octets(struct json_object *jwk, const char *name, struct buf *out, const char **problem)
{
	struct json_object *value = json_object_object_get(jwk, name);
	size_t length;
	struct text text;

	if (*problem != NULL)
		return;
	*problem = "a member that its kind needs is missing or no base64url";
	if (!json_object_is_type(value, json_type_string))
		return;
	text = (struct text){ json_object_get_string(value),
		(size_t)json_object_get_string_len(value) };
	if (!base64url_decode(
		text, (unsigned char *)buf_reserve(out, BASE64URL_ROOM(text.length)), &length))
		return;
	out->length = length;
	*problem = NULL;
}

static const char *
read_rsa(struct key *key, struct json_object *jwk)
{
	struct buf n = { 0 }, e = { 0 };
	const char *problem = NULL;

	read_octets(jwk, "n", &n, &problem);
	read_octets(jwk, "e", &e, &problem);
	if (problem == NULL)
		problem = key_rsa(key, buf_view(&n), buf_view(&e));
	buf_free(&n);
	buf_free(&e);
	return problem;
}

static const char *
read_p256(struct key *key, struct json_object *jwk)
{
	struct buf x = { 0 }, y = { 0 };
	const char *problem = NULL;

	read_octets(jwk, "x", &x, &problem);
	read_octets(jwk, "y", &y, &problem);
	if (problem == NULL)
		problem = key_p256(key, buf_view(&x), buf_view(&y));
	buf_free(&x);
	buf_free(&y);
	return problem;
}

static const char *
read_ed25519(struct key *key, struct json_object *jwk)
{
	struct buf x = { 0 };
	const char *problem = NULL;

	read_octets(jwk, "x", &x, &problem);
	if (problem == NULL)
		problem = key_ed25519(key, buf_view(&x));
	buf_free(&x);
	return problem;
}

static const char *
read_secret(struct key *key, struct json_object *jwk)
{
	struct buf k = { 0 };
	const char *problem = NULL;

	read_octets(jwk, "k", &k, &problem);
	if (problem == NULL)
		problem = key_secret(key, buf_view(&k));
	k.length = k.capacity; /* what of a broken one was decoded is a secret too */
	buf_wipe(&k);
	buf_free(&k);
	return problem;
}

struct kind {
	const char *kty, *crv;
	unsigned algorithms;
	const char *(*read)(struct key *key, struct json_object *jwk);
};

static const struct kind kinds[] = {
	{ "RSA", NULL, ALGORITHM_BIT(ALGORITHM_RS256) | ALGORITHM_BIT(ALGORITHM_PS256), read_rsa },
	{ "EC", "P-256", ALGORITHM_BIT(ALGORITHM_ES256), read_p256 },
	{ "OKP", "Ed25519", ALGORITHM_BIT(ALGORITHM_EDDSA), read_ed25519 },
	{ "oct", NULL, ALGORITHM_BIT(ALGORITHM_HS256), read_secret },
};

/* Absent leaves *text alone; false: there, and no string. */
static bool
read_text(struct json_object *jwk, const char *name, struct text *text)
{
	struct json_object *value;

	if (!json_object_object_get_ex(jwk, name, &value))
		return true;
	if (!json_object_is_type(value, json_type_string))
		return false;
	*text = (struct text){ json_object_get_string(value),
		(size_t)json_object_get_string_len(value) };
	return true;
}

static const struct kind *
find_kind(struct json_object *jwk)
{
	struct text kty = { NULL, 0 }, crv = { NULL, 0 };

	if (!read_text(jwk, "kty", &kty) || !read_text(jwk, "crv", &crv))
		return NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (text_is(kty, kinds[i].kty) &&
		    (kinds[i].crv == NULL || text_is(crv, kinds[i].crv)))
			return &kinds[i];
	return NULL;
}

/* RFC 7517, sections 4.2 and 4.3. */
static bool
is_for_verifying(struct json_object *jwk)
{
	struct text use = TEXT("sig");
	struct json_object *operations;

	if (!read_text(jwk, "use", &use) || !text_is(use, "sig"))
		return false;
	if (!json_object_object_get_ex(jwk, "key_ops", &operations))
		return true;
	if (!json_object_is_type(operations, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(operations); i++) {
		struct json_object *one = json_object_array_get_idx(operations, i);

		if (json_object_is_type(one, json_type_string) &&
		    strcmp(json_object_get_string(one), "verify") == 0)
			return true;
	}
	return false;
}

static bool
pin_algorithm(
    struct key *key, struct json_object *jwk, unsigned possible, const struct key_rules *rules)
{
	struct text alg = { NULL, 0 };
	enum algorithm told;

	if (!read_text(jwk, "alg", &alg))
		return false;
	if (alg.data != NULL) {
		if (!algorithm_read(alg, &told))
			return false;
		possible &= ALGORITHM_BIT(told);
	}
	return algorithm_first(
	    rules->algorithms, rules->algorithm_count, possible, &key->algorithm);
}

/* The key's kid is borrowed from the object until it is kept.  NULL, or why it is left out. */
static const char *
read_jwk(struct key *key, struct json_object *jwk, const struct key_rules *rules)
{
	const struct kind *kind = find_kind(jwk);

	if (!read_text(jwk, "kid", &key->kid))
		return "its kid is no string";
	if (kind == NULL)
		return "it is none of RSA, EC P-256, OKP Ed25519 and oct";
	if (kind->read == read_secret && !rules->secrets)
		return "it is a shared secret, and what is published is none";
	if (!is_for_verifying(jwk))
		return "its use or key_ops is not to verify signatures";
	if (!pin_algorithm(key, jwk, kind->algorithms, rules))
		return "no algorithm that is allowed here takes it";
	return kind->read(key, jwk);
}

static bool
is_private(struct json_object *jwk)
{
	struct text kty = { NULL, 0 };

	return read_text(jwk, "kty", &kty) && !text_is(kty, "oct") &&
	    json_object_object_get_ex(jwk, "d", NULL);
}

static void
put_problem(struct buf *error, size_t index, struct text kid, const char *problem)
{
	buf_printf(error, "keys[%zu]", index);
	if (kid.data != NULL) {
		buf_text(error, " (kid ");
		buf_json(error,
		    (struct text){ kid.data, kid.length < KID_SHOWN ? kid.length : KID_SHOWN });
		buf_text(error, ")");
	}
	buf_printf(error, ": %s", problem);
}

/* Takes the key over, and its kid in a copy. */
static void
keep(struct key_set *set, struct key *key)
{
	char *kid;

	if (key->kid.data != NULL) {
		kid = xcalloc(1, key->kid.length + 1);
		memcpy(kid, key->kid.data, key->kid.length);
		key->kid.data = kid;
		set->named = true;
	}
	set->keys[set->count++] = *key;
}

/* *error then holds why the first that was left out was, in case that none is left. */
static bool
read_jwks(
    struct key_set *set, struct json_object *keys, const struct key_rules *rules, struct buf *error)
{
	size_t count = json_object_array_length(keys);

	if (count > KEYS_MAX) {
		buf_text(error, "there are more than 64 keys");
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		struct json_object *jwk = json_object_array_get_idx(keys, i);
		struct key key = { .kid = { NULL, 0 } };
		const char *problem;

		/* One that is no string is told of below. */
		(void)read_text(jwk, "kid", &key.kid);
		if (!json_object_is_type(jwk, json_type_object) || is_private(jwk)) {
			buf_clear(error);
			put_problem(error, i, key.kid,
			    json_object_is_type(jwk, json_type_object) ? PRIVATE_KEY
								       : "it is no object");
			return false;
		}
		problem = read_jwk(&key, jwk, rules);
		if (problem == NULL)
			keep(set, &key);
		else if (set->skipped++ == 0)
			put_problem(error, i, key.kid, problem);
	}
	if (set->count > 0)
		buf_clear(error);
	else if (count == 0)
		buf_text(error, "there is no key in \"keys\"");
	return set->count > 0;
}

/* What json-c keeps of the secrets. */
static void
wipe_secrets(struct json_object *keys)
{
	for (size_t i = 0; i < json_object_array_length(keys); i++) {
		struct json_object *k =
		    json_object_object_get(json_object_array_get_idx(keys, i), "k");

		if (json_object_is_type(k, json_type_string))
			sodium_memzero((char *)(uintptr_t)json_object_get_string(k),
			    (size_t)json_object_get_string_len(k));
	}
}

static bool
read_json(struct key_set *set, struct text text, const struct key_rules *rules, struct buf *error)
{
	struct json_error wrong;
	struct json_object *root = json_read_most(text, JSON_UNIQUE, KEYS_VALUES, &wrong), *keys;
	bool fine = false;

	if (root == NULL) {
		buf_printf(error, "line %zu: the text %s", json_line(text, wrong.at),
		    json_problem_text(wrong.problem));
		return false;
	}
	keys = json_object_object_get(root, "keys");
	if (json_object_is_type(keys, json_type_array)) {
		fine = read_jwks(set, keys, rules, error);
		wipe_secrets(keys);
	} else {
		buf_text(error, "it is no JSON Web Key Set: \"keys\" is missing or no array");
	}
	json_object_put(root);
	return fine;
}

static const char *
find(struct text text, const char *what)
{
	return memmem(text.data, text.length, what, strlen(what));
}

static struct text
from(struct text text, const char *at)
{
	return (struct text){ at, text.length - (size_t)(at - text.data) };
}

/* The next PEM block, from BEGIN to the end of the line of END; data NULL where there is none. */
static struct text
next_block(struct text *text)
{
	const char *begin = find(*text, PEM_BEGIN), *end, *line;
	struct text block;

	if (begin == NULL)
		return (struct text){ NULL, 0 };
	block = from(*text, begin);
	end = find(block, PEM_END);
	if (end != NULL) {
		line = memchr(end, '\n', from(block, end).length);
		if (line != NULL)
			block.length = (size_t)(line + 1 - begin);
	}
	*text = from(*text, begin + block.length);
	return block;
}

static bool
read_pem(struct key_set *set, struct text text, const struct key_rules *rules, struct buf *error)
{
	for (;;) {
		struct text block = next_block(&text);
		struct key key = { .kid = { NULL, 0 } };
		const char *problem;

		if (block.data == NULL)
			return true;
		if (set->count == KEYS_MAX) {
			buf_text(error, "there are more than 64 keys");
			return false;
		}
		problem = find(block, "PRIVATE KEY-----") != NULL
		    ? PRIVATE_KEY
		    : key_pem(&key, block, rules->algorithms, rules->algorithm_count);
		if (problem != NULL) {
			buf_printf(error, "PEM block %zu: %s", set->count + 1, problem);
			return false;
		}
		keep(set, &key);
	}
}

/*
 * Public keys in forms that we do not read.  Taken for a secret, everybody could sign with it
 * (RFC 8725, section 2.1).
 */
static bool
looks_public(struct text text)
{
	static const char *const begins[] = { "ssh-", "ecdsa-", "sk-", "MII", "MFkw", "MCow",
		"\x30\x81", "\x30\x82", "\x30\x59", "\x30\x2a", "[", "<" };

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (text.length >= strlen(begins[i]) &&
		    memcmp(text.data, begins[i], strlen(begins[i])) == 0)
			return true;
	return find(text, "---- BEGIN ") != NULL;
}

static bool
read_raw(struct key_set *set, struct text text, const struct key_rules *rules, struct buf *error)
{
	struct key key = { .algorithm = ALGORITHM_HS256 };
	const char *problem;

	if (!rules->secrets || !(set->algorithms & ALGORITHM_BIT(ALGORITHM_HS256)) ||
	    looks_public(text)) {
		buf_text(error, "it is neither PEM public keys nor a JSON Web Key Set");
		return false;
	}
	if (text.length > 0 && text.data[text.length - 1] == '\n')
		text.length--;
	if (text.length > 0 && text.data[text.length - 1] == '\r')
		text.length--;
	problem = key_secret(&key, text);
	if (problem != NULL) {
		buf_text(error, problem);
		return false;
	}
	keep(set, &key);
	return true;
}

static struct text
skip_blanks(struct text text)
{
	size_t n = 0;

	while (n < text.length && memchr(" \t\r\n", text.data[n], 4) != NULL)
		n++;
	return from(text, text.data + n);
}

struct key_set *
keys_read(struct text text, const struct key_rules *rules, struct buf *error)
{
	struct text begin;
	struct key_set *set;
	bool fine;

	buf_clear(error);
	if (text.length > KEYS_TEXT_MAX) {
		buf_text(error, "the text is larger than 65536 bytes");
		return NULL;
	}
	if (text.data == NULL)
		text = TEXT("");
	set = xcalloc(1, sizeof(*set));
	set->keys = xcalloc(KEYS_MAX, sizeof(*set->keys));
	for (size_t i = 0; i < rules->algorithm_count; i++)
		set->algorithms |= ALGORITHM_BIT(rules->algorithms[i]);
	begin = skip_blanks(text);
	if (begin.length > 0 && begin.data[0] == '{')
		fine = read_json(set, text, rules, error);
	else if (find(text, PEM_BEGIN) != NULL)
		fine = read_pem(set, text, rules, error);
	else
		fine = read_raw(set, text, rules, error);
	if (fine)
		return set;
	keys_free(set);
	return NULL;
}

void
keys_free(struct key_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->count; i++) {
		free((char *)(uintptr_t)set->keys[i].kid.data);
		key_clear(&set->keys[i]);
	}
	free(set->keys);
	free(set);
}
