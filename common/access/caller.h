/*
 * caller.h - who is asking: from the credentials in a request to an identity.
 */
#ifndef ACCESS_CALLER_H
#define ACCESS_CALLER_H

#include "grant.h"
#include "jwt.h"
#include "remote_keys.h"
#include "request.h"

enum caller_answer {
	CALLER_KNOWN,
	CALLER_UNKNOWN,      /* credentials are missing or not good: 401 */
	CALLER_KEYS_WANTED,  /* a key that is not here may be at its address: fetch and ask again */
	CALLER_KEYS_MISSING, /* and cannot be had now: 503 */
};

struct caller_reason {
	const char *text; /* what was wrong in general terms; static */
	const char *kind; /* "apikey", "jwt", "none": for the log and metrics; static */
	bool had_credentials;
	struct remote_keys *wanted; /* with CALLER_KEYS_WANTED */
};

/*
 * Looks at Authorization: Bearer and X-API-Key, then at what the web server says; remote may be
 * NULL.  identity->claims is the caller's to free (json_object_put).  now: Unix seconds.
 */
enum caller_answer caller_identify(const struct policy *policy, struct remote_key_list *remote,
    const struct request *request, int64_t now, struct identity *identity,
    struct caller_reason *reason);

/*
 * Makes an API key for the caller of that name, from 256 bits of the kernel's randomness; hash gets
 * the SHA-256 of it in hexadecimal.  The buf holds a secret: wipe it.
 */
void caller_new_key(struct text name, struct buf *key, char hash[65]);

/* Whether the request shows what has to be verified as a JSON Web Token, which costs something. */
bool caller_shows_jwt(const struct policy *policy, const struct request *request);

#endif
