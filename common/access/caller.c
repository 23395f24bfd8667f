#include <sodium.h>
#include <stdlib.h>

#include "caller.h"
#include "log.h"

#define KEY_START "ak_"
#define CLAIM_MAX 4096 /* bytes of a parameter that becomes a claim */

/* What a client shows, if anything. */
enum credential_kind { CREDENTIAL_NONE, CREDENTIAL_KEY, CREDENTIAL_BEARER };

static struct text
trimmed(struct text text)
{
	while (text.length > 0 && text.data[0] == ' ')
		text = (struct text){ text.data + 1, text.length - 1 };
	while (text.length > 0 && text.data[text.length - 1] == ' ')
		text.length--;
	return text;
}

static bool
is_key(struct text text)
{
	return text.length > 3 && memcmp(text.data, KEY_START, 3) == 0;
}

static bool
has_type(const struct policy *policy, enum caller_type type)
{
	const struct caller *callers = policy->callers.items;

	for (size_t i = 0; i < policy->callers.count; i++)
		if (callers[i].type == type)
			return true;
	return false;
}

/*
 * Authorization: Bearer, and X-API-Key after it, each where the policy has callers who show it.
 * Other schemes, and what is left, are the web server's affair: a gateway in front may have a
 * bearer of its own.
 */
static enum credential_kind
credential_of(const struct policy *policy, const struct request *request, struct text *credential)
{
	struct text value = request_param(request, "HTTP_AUTHORIZATION");
	bool takes_keys = has_type(policy, CALLER_APIKEY);

	if (value.length > 7 && text_is_nocase((struct text){ value.data, 7 }, "bearer ")) {
		*credential = trimmed((struct text){ value.data + 7, value.length - 7 });
		if (takes_keys && is_key(*credential))
			return CREDENTIAL_KEY;
		if (has_type(policy, CALLER_JWT) && !is_key(*credential))
			return CREDENTIAL_BEARER;
	}
	*credential = trimmed(request_param(request, "HTTP_X_API_KEY"));
	return takes_keys && credential->length > 0 ? CREDENTIAL_KEY : CREDENTIAL_NONE;
}

bool
caller_shows_jwt(const struct policy *policy, const struct request *request)
{
	struct text ignored;

	return has_type(policy, CALLER_JWT) &&
	    credential_of(policy, request, &ignored) == CREDENTIAL_BEARER;
}

/* ak_<caller's name>_<secret>: the hash is of all of it. */
static const struct caller *
caller_of_key(const struct policy *policy, struct text key)
{
	const struct text rest = { key.data + 3, key.length - 3 };
	const char *end = is_key(key) ? memchr(rest.data, '_', rest.length) : NULL;
	const struct caller *caller;
	const struct text *hashes;
	unsigned char hash[32];
	bool good = false;

	if (end == NULL)
		return NULL;
	caller = policy_caller(policy, (struct text){ rest.data, (size_t)(end - rest.data) });
	if (caller == NULL || caller->type != CALLER_APIKEY)
		return NULL;
	sha256(key, hash);
	hashes = caller->hashes.items;
	for (size_t i = 0; i < caller->hashes.count; i++)
		good |= sodium_memcmp(hash, hashes[i].data, sizeof(hash)) == 0;
	return good ? caller : NULL;
}

void
caller_new_key(struct text name, struct buf *key, char hash[65])
{
	unsigned char secret[32], digest[crypto_hash_sha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(
	    sizeof(secret), sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

	randombytes_buf(secret, sizeof(secret));
	sodium_bin2base64(
	    text, sizeof(text), secret, sizeof(secret), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	buf_reserve(key, name.length + sizeof(text) + 8);
	buf_printf(key, KEY_START "%.*s_%s", (int)name.length, name.data, text);
	crypto_hash_sha256(digest, (const unsigned char *)key->data, key->length);
	sodium_bin2hex(hash, 65, digest, sizeof(digest));
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(text, sizeof(text));
}

/* One set of keys of one caller. */
static enum jwt_problem
verify(const struct caller *caller, const struct key_set *keys, struct text token, int64_t now,
    struct json_object **claims)
{
	const struct jwt_rules rules = { caller->issuer, caller->audiences, caller->leeway };
	enum jwt_problem problem;

	*claims = jwt_verify(token, keys, &rules, now, &problem);
	return problem;
}

/* Of several reasons the first that tells more than that a key is not known. */
static void
keep_reason(enum jwt_problem *kept, enum jwt_problem problem)
{
	if (*kept == JWT_FINE || *kept == JWT_UNKNOWN_KEY)
		*kept = problem;
}

struct search {
	const struct caller *caller; /* whose keys verify it */
	struct json_object *claims;
	enum jwt_problem problem;   /* of those that do not */
	struct remote_keys *wanted; /* a set that may have the key when it is fetched anew */
	bool missing;               /* a set is not here and cannot be fetched */
};

static bool
search_remote(struct remote_key_list *remote, const struct caller *caller, struct text token,
    int64_t now, struct search *s)
{
	struct remote_keys *r = NULL;
	struct key_set none = { 0 };

	for (size_t i = 0; i < caller->algorithm_count; i++)
		none.algorithms |= ALGORITHM_BIT(caller->algorithms[i]);
	while (remote != NULL && (r = remote_keys_next(remote, caller, r)) != NULL) {
		const struct key_set *keys = remote_keys_now(r, now);
		/* Without keys only what could be a token of this caller is worth a fetch. */
		enum jwt_problem problem =
		    verify(caller, keys == NULL ? &none : keys, token, now, &s->claims);

		if (keys != NULL)
			remote_keys_refresh(r, now);
		if (problem == JWT_FINE)
			return true;
		keep_reason(&s->problem, problem);
		/* An issuer may change its keys without giving them a kid, or another one. */
		if (problem != JWT_UNKNOWN_KEY && problem != JWT_SIGNATURE)
			continue;
		if (remote_keys_may_fetch(r, now))
			s->wanted = r;
		else if (keys == NULL)
			s->missing = true;
	}
	return false;
}

/* The caller whose keys, issuer and audience the token fits. */
static bool
search(const struct policy *policy, struct remote_key_list *remote, struct text token, int64_t now,
    struct search *s)
{
	const struct caller *callers = policy->callers.items;

	for (size_t i = 0; i < policy->callers.count; i++) {
		const struct caller *c = &callers[i];

		if (c->type != CALLER_JWT)
			continue;
		s->caller = c;
		for (struct key_set *const *k = c->files; *k != NULL; k++) {
			enum jwt_problem problem = verify(c, *k, token, now, &s->claims);

			if (problem == JWT_FINE)
				return true;
			keep_reason(&s->problem, problem);
		}
		if (search_remote(remote, c, token, now, s))
			return true;
	}
	return false;
}

static enum caller_answer
identify_jwt(const struct policy *policy, struct remote_key_list *remote, struct text token,
    int64_t now, struct identity *identity, struct caller_reason *reason)
{
	struct search s = { .problem = JWT_FINE };
	struct json_object *subject;

	if (search(policy, remote, token, now, &s)) {
		identity->caller = s.caller;
		identity->claims = s.claims;
		if (json_object_object_get_ex(s.claims, "sub", &subject) &&
		    json_object_is_type(subject, json_type_string))
			identity->subject = (struct text){ json_object_get_string(subject),
				(size_t)json_object_get_string_len(subject) };
		return CALLER_KNOWN;
	}
	reason->kind = "jwt";
	reason->text = jwt_problem_text(s.problem);
	reason->wanted = s.wanted;
	if (s.wanted != NULL)
		return CALLER_KEYS_WANTED;
	/* Another caller's key that does not fit says nothing of the keys that are not here. */
	return s.missing && (s.problem == JWT_UNKNOWN_KEY || s.problem == JWT_SIGNATURE)
	    ? CALLER_KEYS_MISSING
	    : CALLER_UNKNOWN;
}

/*
 * "a,b" is a list only where the policy says so: logins join groups like that, but whoever asks for
 * a certificate chooses a name with a comma as well.
 */
static struct json_object *
claim_of(struct text value, bool is_list)
{
	struct json_object *list, *text;

	if (value.length > CLAIM_MAX)
		value.length = 0;
	if (!is_list)
		return json_object_new_string_len(value.data, (int)value.length);
	list = json_object_new_array();
	while (value.length > 0) {
		const char *comma = memchr(value.data, ',', value.length);
		size_t length = comma == NULL ? value.length : (size_t)(comma - value.data);
		struct text item = trimmed((struct text){ value.data, length });

		length += comma == NULL ? 0 : 1;
		value = (struct text){ value.data + length, value.length - length };
		if (item.length == 0)
			continue;
		text = json_object_new_string_len(item.data, (int)item.length);
		if (list == NULL || text == NULL || json_object_array_add(list, text) != 0)
			abort();
	}
	return list;
}

/*
 * What the web server says in a parameter.  nginx hands over each that is set, so also REMOTE_USER
 * of its own fastcgi_params, which is what the client says of itself: of two nothing is sure.
 * Empty is a word too: the login says with it that it knows nobody.
 */
static struct text
said(const struct request *request, const char *name, bool *sure)
{
	struct text value = request_param(request, name);
	size_t length = strlen(name);

	for (char *const *p = request->params; *p != NULL && value.data != NULL; p++)
		if (strncmp(*p, name, length) == 0 && (*p)[length] == '=' &&
		    !text_is(value, *p + length + 1)) {
			log_line(LOG_LEVEL_WARNING,
			    "parameter %s came twice with different values, so it names nobody: "
			    "the web server must set it once (nginx's own fastcgi_params sets "
			    "REMOTE_USER)",
			    name);
			*sure = false;
			return (struct text){ NULL, 0 };
		}
	return value;
}

static bool
is_in_lists(const struct caller *caller, const char *name)
{
	const struct text *lists = caller->lists.items;

	for (size_t i = 0; i < caller->lists.count; i++)
		if (text_is(lists[i], name))
			return true;
	return false;
}

static struct json_object *
claims_said(const struct caller *caller, const struct request *request, bool *sure)
{
	struct json_object *claims = json_object_new_object();

	if (claims == NULL)
		abort();
	if (caller->claims == NULL)
		return claims;
	json_object_object_foreach(caller->claims, name, parameter) {
		struct text value = said(request, json_object_get_string(parameter), sure);
		struct json_object *claim;

		if (value.length == 0)
			continue;
		claim = claim_of(value, is_in_lists(caller, name));
		if (claim == NULL || json_object_object_add(claims, name, claim) != 0)
			abort();
	}
	return claims;
}

/* sure becomes false where the web server says two things; then it is nobody. */
static bool
identify_frontend(const struct caller *caller, const struct request *request,
    struct identity *identity, bool *sure)
{
	struct text user = said(request, caller->parameter.data, sure);

	if (caller->type == CALLER_MTLS &&
	    !text_is(said(request, "SSL_CLIENT_VERIFY", sure), "SUCCESS"))
		return false;
	if (user.length == 0)
		return false;
	identity->claims = claims_said(caller, request, sure);
	if (!*sure) {
		json_object_put(identity->claims);
		identity->claims = NULL;
		return false;
	}
	identity->caller = caller;
	identity->subject = user;
	return true;
}

/* Those who show nothing of their own: the web server vouches for them, or nobody needs to. */
static bool
identify_by_place(const struct policy *policy, const struct request *request,
    struct identity *identity, struct caller_reason *reason)
{
	const struct caller *callers = policy->callers.items;
	bool sure = true;

	/* Browsers show the web server who sits there, whichever page asks. */
	for (size_t i = 0; !request->from_any_page && i < policy->callers.count; i++)
		if (callers[i].type == CALLER_FRONTEND || callers[i].type == CALLER_MTLS) {
			if (identify_frontend(&callers[i], request, identity, &sure))
				return true;
			if (!sure) {
				reason->text = "the web server says two things of who asks";
				return false;
			}
		}
	for (size_t i = 0; i < policy->callers.count; i++)
		if (callers[i].type == CALLER_ANONYMOUS) {
			identity->caller = &callers[i];
			return true;
		}
	return false;
}

enum caller_answer
caller_identify(const struct policy *policy, struct remote_key_list *remote,
    const struct request *request, int64_t now, struct identity *identity,
    struct caller_reason *reason)
{
	struct text credential;
	enum credential_kind kind = credential_of(policy, request, &credential);

	*identity = (struct identity){ 0 };
	*reason = (struct caller_reason){ .kind = "none",
		.text = "no credentials came that this server takes" };
	if (request->from_any_page &&
	    (has_type(policy, CALLER_FRONTEND) || has_type(policy, CALLER_MTLS)))
		reason->text = "a page of an origin that CORS_ALLOW_ORIGIN does not name must show "
			       "credentials of its own";
	if (kind == CREDENTIAL_KEY) {
		reason->had_credentials = true;
		reason->kind = "apikey";
		reason->text = "the API key is not known here";
		identity->caller = caller_of_key(policy, credential);
		return identity->caller != NULL ? CALLER_KNOWN : CALLER_UNKNOWN;
	}
	if (kind == CREDENTIAL_BEARER) {
		reason->had_credentials = true;
		return identify_jwt(policy, remote, credential, now, identity, reason);
	}
	return identify_by_place(policy, request, identity, reason) ? CALLER_KNOWN : CALLER_UNKNOWN;
}
