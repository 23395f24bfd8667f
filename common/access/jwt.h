/*
 * jwt.h - JSON Web Tokens (RFC 7519) in the compact form of RFC 7515, verified by the rules of RFC
 * 8725.  Nothing is signed here.
 */
#ifndef ACCESS_JWT_H
#define ACCESS_JWT_H

#include <json-c/json.h>

#include "keys.h"

#define JWT_MAX 8192              /* bytes of a token */
#define JWT_VALUES 1024           /* values and names in its header, and in its claims */
#define JWT_KEYS_TRIED 8          /* for one token */
#define JWT_TIME_MAX 253402300799 /* the last second of the year 9999 */

enum jwt_problem {
	JWT_FINE,
	JWT_TOO_LARGE,   /* longer than JWT_MAX */
	JWT_MALFORMED,   /* no three parts of base64url, or no JSON objects in them */
	JWT_TYPE,        /* "typ" is neither JWT nor at+jwt, or "cty" tells a token within it */
	JWT_CRITICAL,    /* "crit" or "b64": extensions, of which we know none */
	JWT_ALGORITHM,   /* none that is allowed, or not the one that the key is for */
	JWT_UNKNOWN_KEY, /* the set has no such key; it may be worth fetching anew */
	JWT_SIGNATURE,
	JWT_CLAIM,     /* a registered claim is of the wrong kind, or a time out of range */
	JWT_NO_EXPIRY, /* "exp" is missing */
	JWT_EXPIRED,
	JWT_NOT_YET,  /* before "nbf", or issued in the future */
	JWT_ISSUER,   /* another one, or none */
	JWT_AUDIENCE, /* others, or none */
};

struct jwt_rules {
	struct text issuer;    /* data NULL: any */
	struct list audiences; /* struct text; one must be the token's; none: any */
	int64_t leeway;        /* seconds by which clocks may differ, 0 or more */
};

/*
 * The claims of a token that one of the keys signed and that is valid at `now`, Unix seconds; the
 * caller owns them (json_object_put).  Registered claims that are there are of their kinds: "iss",
 * "sub" and "jti" strings, "aud" a string or an array of strings.  NULL with *problem set on
 * failure; claims are not looked at before the signature holds.
 */
struct json_object *
jwt_verify(struct text token, const struct key_set *keys, const struct jwt_rules *rules,
    int64_t now, enum jwt_problem *problem) __attribute__((warn_unused_result, nonnull(2, 3, 5)));

/* For the client, one clause: "the token has expired".  Static text, without quotes. */
const char *jwt_problem_text(enum jwt_problem problem);

#endif
