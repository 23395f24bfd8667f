/*
 * key.h - one key that verifies signatures: the algorithms of RFC 7518 and RFC 8037 that we take,
 * what makes a key of each, and whether a signature holds.  What is made of a key's numbers is
 * checked here, wherever they come from.  OpenSSL is known to this file alone, and begins, without
 * openssl.cnf or any module, with the first key or hash.  One thread.
 */
#ifndef ACCESS_KEY_H
#define ACCESS_KEY_H

#include "buf.h"
#include "field.h"

/* SHA-256, by OpenSSL, which is some times faster than libsodium where the CPU knows it. */
void sha256(struct text text, unsigned char out[32]);

enum algorithm {
	ALGORITHM_HS256,
	ALGORITHM_RS256,
	ALGORITHM_PS256,
	ALGORITHM_ES256,
	ALGORITHM_EDDSA, /* Ed25519 */
};

#define ALGORITHM_BIT(algorithm) (1U << (algorithm))

#define KEY_SECRET_MIN 32 /* bytes (RFC 7518, section 3.2) */
#define KEY_RSA_MIN 2048  /* bits (RFC 7518, section 3.3) */
#define KEY_RSA_MAX 8192  /* bits */

/* By their names in JOSE: "RS256".  Ed25519 is a second name of EdDSA (RFC 9864). */
extern const struct choice algorithm_choices[];

/* false: none of ours.  Names are exact; "none" is none. */
bool algorithm_read(struct text name, enum algorithm *algorithm) __attribute__((nonnull(2)));

/* The first of these algorithms that is in a mask of ALGORITHM_BITs; false: none. */
bool algorithm_first(const enum algorithm *algorithms, size_t algorithm_count, unsigned mask,
    enum algorithm *algorithm);

/* A key is for one algorithm, whatever a token says (RFC 8725, section 3.1). */
struct key {
	struct text kid; /* data NULL: it has none.  Borrowed */
	enum algorithm algorithm;
	struct buf octets;                /* HS256: the secret; EdDSA: the public key */
	struct evp_pkey_ctx_st *verifier; /* RSA and EC: the public key, ready to verify */
};

/*
 * Fill in a key, whose algorithm is set before, of numbers in big-endian order, any length.  NULL,
 * or what is wrong with it, one clause of static text; it needs no key_clear then.
 */
const char *key_secret(struct key *key, struct text secret);
const char *key_rsa(struct key *key, struct text n, struct text e);
const char *key_p256(struct key *key, struct text x, struct text y); /* 32 bytes each */
const char *key_ed25519(struct key *key, struct text x);             /* 32 bytes */

/*
 * The same from one PEM block, BEGIN PUBLIC KEY or BEGIN RSA PUBLIC KEY.  The algorithm is the
 * first of `algorithms` that such a key is for.
 */
const char *key_pem(
    struct key *key, struct text block, const enum algorithm *algorithms, size_t algorithm_count);

/* Whether the signature, as JWS has it, is one of the message by this key. */
bool key_verifies(const struct key *key, struct text message, struct text signature)
    __attribute__((warn_unused_result));

/* Wipes and releases what the key owns. */
void key_clear(struct key *key);

#endif
