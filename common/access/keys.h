/*
 * keys.h - sets of keys that verify tokens, read from what an operator puts in a file or an issuer
 * publishes: PEM public keys, a JSON Web Key Set (RFC 7517), or one shared secret.
 */
#ifndef ACCESS_KEYS_H
#define ACCESS_KEYS_H

#include "key.h"

#define KEYS_TEXT_MAX 65536 /* bytes */
#define KEYS_VALUES 4096    /* values and names in a set */
#define KEYS_MAX 64         /* keys in a set */

struct key_rules {
	/*
	 * Which are allowed, at least one; a key without "alg" gets the first that it is made for.
	 * Borrowed.
	 */
	const enum algorithm *algorithms;
	size_t algorithm_count;
	/* Whether secrets are allowed: those of a file are, a published one is none. */
	bool secrets;
};

struct key_set {
	struct key *keys; /* at least one */
	size_t count;
	size_t skipped;      /* keys of a JSON set that are not for us (RFC 7517, section 5) */
	unsigned algorithms; /* ALGORITHM_BITs of those allowed, whether a key has it or not */
	bool named;          /* some key has a kid */
};

/*
 * Of a JSON set those keys are left out that are of another kind, for another use, for an algorithm
 * that is not allowed, or broken; a set of which no key is left is refused, and so is a private
 * key, because whoever can read it can sign.  PEM keys must all be good.  One line end behind a
 * secret is none of it.  NULL with *error set to one clause that names the key but holds nothing of
 * it: "keys[2] (kid \"a\"): an RSA key must have 2048 bits or more".
 */
struct key_set *keys_read(struct text text, const struct key_rules *rules, struct buf *error)
    __attribute__((warn_unused_result, nonnull(2, 3)));

/* Wipes the secrets; NULL is fine. */
void keys_free(struct key_set *set);

#endif
