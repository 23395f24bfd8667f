#include "json.h"
#include "jwt.h"

/* A token's parts: views of it, and their bytes. */
struct parts {
	struct text header, payload, signature;
	struct text signed_text; /* header and payload with their dot */
};

/* What of the header matters.  jku, jwk, x5u, x5c and their like would let a token bring its key.
 */
struct header {
	struct text kid; /* data NULL: none.  Borrowed from the JSON */
	enum algorithm algorithm;
};

static bool
split(struct text token, struct parts *parts)
{
	const char *first = memchr(token.data, '.', token.length), *second, *end;

	if (first == NULL)
		return false;
	end = token.data + token.length;
	second = memchr(first + 1, '.', (size_t)(end - first - 1));
	if (second == NULL)
		return false;
	parts->header = (struct text){ token.data, (size_t)(first - token.data) };
	parts->payload = (struct text){ first + 1, (size_t)(second - first - 1) };
	parts->signature = (struct text){ second + 1, (size_t)(end - second - 1) };
	parts->signed_text = (struct text){ token.data, (size_t)(second - token.data) };
	return true;
}

static bool
decode(struct text text, struct buf *out)
{
	size_t length;
	bool fine = base64url_decode(
	    text, (unsigned char *)buf_reserve(out, BASE64URL_ROOM(text.length)), &length);

	out->length = fine ? length : 0;
	return fine;
}

static struct json_object *
read_object(struct text text)
{
	struct json_error error;
	struct json_object *object = json_read_most(text, JSON_UNIQUE, JWT_VALUES, &error);

	if (json_object_is_type(object, json_type_object))
		return object;
	json_object_put(object);
	return NULL;
}

static struct text
string_of(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_string))
		return (struct text){ NULL, 0 };
	return (struct text){ json_object_get_string(value),
		(size_t)json_object_get_string_len(value) };
}

/* Without "application/", which a media type leaves out (RFC 7515, section 4.1.9). */
static bool
is_media_type(struct text text, const char *type)
{
	static const char prefix[] = "application/";
	size_t length = sizeof(prefix) - 1;

	if (text.length > length && text_is_nocase((struct text){ text.data, length }, prefix))
		text = (struct text){ text.data + length, text.length - length };
	return text_is_nocase(text, type);
}

static enum jwt_problem
read_header(struct json_object *object, unsigned allowed, struct header *header)
{
	struct json_object *value;
	struct text text;

	if (json_object_object_get_ex(object, "crit", NULL))
		return JWT_CRITICAL;
	if (json_object_object_get_ex(object, "b64", &value) &&
	    !(json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value)))
		return JWT_CRITICAL;
	if (json_object_object_get_ex(object, "typ", &value)) {
		text = string_of(value);
		if (!is_media_type(text, "JWT") && !is_media_type(text, "at+jwt"))
			return JWT_TYPE;
	}
	if (json_object_object_get_ex(object, "cty", &value) &&
	    (string_of(value).data == NULL || is_media_type(string_of(value), "JWT")))
		return JWT_TYPE;
	if (json_object_object_get_ex(object, "kid", &value)) {
		header->kid = string_of(value);
		if (header->kid.data == NULL)
			return JWT_MALFORMED;
	}
	text = string_of(json_object_object_get(object, "alg"));
	if (text.data == NULL)
		return JWT_MALFORMED;
	if (!algorithm_read(text, &header->algorithm) ||
	    !(allowed & ALGORITHM_BIT(header->algorithm)))
		return JWT_ALGORITHM;
	return JWT_FINE;
}

static bool
same_bytes(struct text a, struct text b)
{
	return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

/* PEM files and secrets name no key: there a kid says nothing. */
static bool
may_be_meant(const struct key *key, const struct key_set *keys, struct text kid)
{
	if (kid.data == NULL || !keys->named)
		return true;
	return key->kid.data != NULL && same_bytes(key->kid, kid);
}

static enum jwt_problem
check_signature(const struct key_set *keys, const struct header *header, struct text signed_text,
    struct text signature)
{
	enum jwt_problem problem = JWT_UNKNOWN_KEY;
	int tried = 0;

	for (size_t i = 0; i < keys->count && tried < JWT_KEYS_TRIED; i++) {
		const struct key *key = &keys->keys[i];

		if (!may_be_meant(key, keys, header->kid))
			continue;
		if (key->algorithm != header->algorithm) {
			if (problem == JWT_UNKNOWN_KEY && header->kid.data != NULL && keys->named)
				problem = JWT_ALGORITHM;
			continue;
		}
		if (key_verifies(key, signed_text, signature))
			return JWT_FINE;
		problem = JWT_SIGNATURE;
		tried++;
	}
	return problem;
}

/* A NumericDate (RFC 7519, section 2), fractions allowed. */
static enum jwt_problem
read_time(struct json_object *claims, const char *name, double fallback, double *seconds)
{
	struct json_object *value;

	*seconds = fallback;
	if (!json_object_object_get_ex(claims, name, &value))
		return JWT_FINE;
	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return JWT_CLAIM;
	*seconds = json_object_get_double(value);
	return *seconds >= 0 && *seconds <= (double)JWT_TIME_MAX ? JWT_FINE : JWT_CLAIM;
}

static enum jwt_problem
check_times(struct json_object *claims, int64_t leeway, int64_t now)
{
	double exp, nbf, iat, early = (double)now - (double)leeway,
			      late = (double)now + (double)leeway;

	if (read_time(claims, "exp", -1, &exp) != JWT_FINE ||
	    read_time(claims, "nbf", 0, &nbf) != JWT_FINE ||
	    read_time(claims, "iat", 0, &iat) != JWT_FINE)
		return JWT_CLAIM;
	if (exp < 0)
		return JWT_NO_EXPIRY;
	if (exp <= early)
		return JWT_EXPIRED;
	return nbf > late || iat > late ? JWT_NOT_YET : JWT_FINE;
}

static bool
is_string_or_absent(struct json_object *claims, const char *name)
{
	struct json_object *value;

	return !json_object_object_get_ex(claims, name, &value) ||
	    json_object_is_type(value, json_type_string);
}

static bool
is_among(struct text audience, struct list audiences)
{
	const struct text *texts = audiences.items;

	for (size_t i = 0; i < audiences.count; i++)
		if (same_bytes(audience, texts[i]))
			return true;
	return false;
}

static enum jwt_problem
check_audience(struct json_object *claims, struct list audiences)
{
	struct json_object *aud, *one;
	bool found = audiences.count == 0;

	if (!json_object_object_get_ex(claims, "aud", &aud))
		return found ? JWT_FINE : JWT_AUDIENCE;
	if (json_object_is_type(aud, json_type_string))
		return found || is_among(string_of(aud), audiences) ? JWT_FINE : JWT_AUDIENCE;
	if (!json_object_is_type(aud, json_type_array))
		return JWT_CLAIM;
	for (size_t i = 0; i < json_object_array_length(aud); i++) {
		one = json_object_array_get_idx(aud, i);
		if (!json_object_is_type(one, json_type_string))
			return JWT_CLAIM;
		found = found || is_among(string_of(one), audiences);
	}
	return found ? JWT_FINE : JWT_AUDIENCE;
}

static enum jwt_problem
check_claims(struct json_object *claims, const struct jwt_rules *rules, int64_t now)
{
	struct text iss = string_of(json_object_object_get(claims, "iss"));
	enum jwt_problem problem;

	if (!is_string_or_absent(claims, "iss") || !is_string_or_absent(claims, "sub") ||
	    !is_string_or_absent(claims, "jti"))
		return JWT_CLAIM;
	problem = check_times(claims, rules->leeway, now);
	if (problem != JWT_FINE)
		return problem;
	if (rules->issuer.data != NULL && (iss.data == NULL || !same_bytes(iss, rules->issuer)))
		return JWT_ISSUER;
	return check_audience(claims, rules->audiences);
}

static enum jwt_problem
verify_header(
    struct text text, const struct key_set *keys, struct text signed_text, struct text signature)
{
	struct json_object *object = read_object(text);
	struct header header = { .kid = { NULL, 0 } };
	enum jwt_problem problem = JWT_MALFORMED;

	if (object != NULL)
		problem = read_header(object, keys->algorithms, &header);
	if (problem == JWT_FINE)
		problem = check_signature(keys, &header, signed_text, signature);
	json_object_put(object);
	return problem;
}

struct json_object *
jwt_verify(struct text token, const struct key_set *keys, const struct jwt_rules *rules,
    int64_t now, enum jwt_problem *problem)
{
	struct json_object *claims = NULL;
	struct buf header = { 0 }, payload = { 0 }, signature = { 0 };
	struct parts parts;

	*problem = JWT_TOO_LARGE;
	if (token.length > JWT_MAX)
		return NULL;
	*problem = JWT_MALFORMED;
	if (token.data == NULL || !split(token, &parts))
		return NULL;
	if (decode(parts.header, &header) && decode(parts.payload, &payload) &&
	    decode(parts.signature, &signature))
		*problem =
		    verify_header(buf_view(&header), keys, parts.signed_text, buf_view(&signature));
	if (*problem == JWT_FINE) {
		claims = read_object(buf_view(&payload));
		*problem = claims == NULL ? JWT_MALFORMED : check_claims(claims, rules, now);
	}
	if (*problem != JWT_FINE) {
		json_object_put(claims);
		claims = NULL;
	}
	buf_free(&header);
	buf_free(&payload);
	buf_free(&signature);
	return claims;
}

const char *
jwt_problem_text(enum jwt_problem problem)
{
	switch (problem) {
	case JWT_FINE: return "the token is valid";
	case JWT_TOO_LARGE: return "the token is larger than 8192 bytes";
	case JWT_MALFORMED: return "the token is not a signed JSON Web Token";
	case JWT_TYPE: return "the token is of a type that is not accepted";
	case JWT_CRITICAL: return "the token requires an extension that is not known";
	case JWT_ALGORITHM: return "the token is signed by an algorithm that is not allowed";
	case JWT_UNKNOWN_KEY: return "the token is signed by a key that is not known";
	case JWT_SIGNATURE: return "the token's signature is wrong";
	case JWT_CLAIM: return "the token has a registered claim of the wrong kind";
	case JWT_NO_EXPIRY: return "the token has no expiry time";
	case JWT_EXPIRED: return "the token has expired";
	case JWT_NOT_YET: return "the token is not valid yet";
	case JWT_ISSUER: return "the token is from another issuer";
	case JWT_AUDIENCE: return "the token is for another audience";
	}
	return "the token is not valid";
}
