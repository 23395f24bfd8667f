#define OPENSSL_SUPPRESS_DEPRECATED /* sha256() */

#include "key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <sodium.h>

#define RSA_EXPONENT_BITS 64 /* more would cost the verifier time and nobody has them */
#define P256_SIZE 32
#define ANY_RSA (ALGORITHM_BIT(ALGORITHM_RS256) | ALGORITHM_BIT(ALGORITHM_PS256))

#define NOT_ALLOWED "no algorithm that is allowed here takes such a key"
#define NOT_RSA "it is not a valid RSA key"
#define NOT_P256 "it is not a point on the curve P-256"
#define NOT_ED25519 "it is not a valid Ed25519 key"
#define NOT_PEM "it cannot be read"

const struct choice algorithm_choices[] = {
	{ "HS256", ALGORITHM_HS256 },
	{ "RS256", ALGORITHM_RS256 },
	{ "PS256", ALGORITHM_PS256 },
	{ "ES256", ALGORITHM_ES256 },
	{ "EdDSA", ALGORITHM_EDDSA },
	{ "Ed25519", ALGORITHM_EDDSA },
	{ NULL, 0 },
};

bool
algorithm_read(struct text name, enum algorithm *algorithm)
{
	for (const struct choice *c = algorithm_choices; c->name != NULL; c++)
		if (text_is(name, c->name)) {
			*algorithm = (enum algorithm)c->value;
			return true;
		}
	return false;
}

bool
algorithm_first(const enum algorithm *algorithms, size_t algorithm_count, unsigned mask,
    enum algorithm *algorithm)
{
	for (size_t i = 0; i < algorithm_count; i++)
		if (mask & ALGORITHM_BIT(algorithms[i])) {
			*algorithm = algorithms[i];
			return true;
		}
	return false;
}

/*
 * OpenSSL begins by itself too, but with openssl.cnf, which may name modules to load: a static
 * program cannot, and no file of another program should decide what our signatures mean.
 */
static void
begin(void)
{
	static bool begun;

	if (begun)
		return;
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		abort();
	begun = true;
}

/* OpenSSL's queue of errors belongs to the thread; what is left there would be libcurl's. */
static const char *
refuse(const char *why)
{
	ERR_clear_error();
	return why;
}

/* EVP's look-ups would cost more than the hash of a key. */
void
sha256(struct text text, unsigned char out[32])
{
	SHA256_CTX state;

	SHA256_Init(&state);
	SHA256_Update(&state, text.data, text.length);
	SHA256_Final(out, &state);
	sodium_memzero(&state, sizeof(state));
}

static const unsigned char *
bytes_of(struct text text)
{
	return (const unsigned char *)text.data;
}

static BIGNUM *
number(struct text text)
{
	BIGNUM *n = BN_bin2bn(bytes_of(text), (int)text.length, NULL);

	if (n == NULL)
		abort();
	return n;
}

/* What an algorithm wants of the signature, told once, so that a token costs no look-ups. */
static bool
prepare(struct key *key, EVP_PKEY *public_key)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, public_key, NULL);
	bool fine = context != NULL && EVP_PKEY_verify_init(context) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1;

	if (key->algorithm == ALGORITHM_RS256)
		fine = fine && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
	/* RFC 7518, section 3.5: MGF1 with the same hash, and a salt as long as it. */
	if (key->algorithm == ALGORITHM_PS256)
		fine = fine && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
	if (!fine) {
		EVP_PKEY_CTX_free(context);
		context = NULL;
	}
	key->verifier = context;
	return fine;
}

static bool
make(struct key *key, const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *public_key = NULL;
	bool fine = context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &public_key, EVP_PKEY_PUBLIC_KEY, params) == 1 &&
	    prepare(key, public_key);

	EVP_PKEY_free(public_key);
	EVP_PKEY_CTX_free(context);
	return fine;
}

const char *
key_secret(struct key *key, struct text secret)
{
	if (secret.length < KEY_SECRET_MIN)
		return "a secret must have 32 bytes or more";
	buf_add(&key->octets, secret.data, secret.length);
	lock_secret(buf_view(&key->octets));
	return NULL;
}

const char *
key_ed25519(struct key *key, struct text x)
{
	if (x.length != crypto_sign_PUBLICKEYBYTES ||
	    crypto_core_ed25519_is_valid_point(bytes_of(x)) != 1)
		return NOT_ED25519;
	buf_add(&key->octets, x.data, x.length);
	return NULL;
}

static const char *
judge_rsa(const BIGNUM *n, const BIGNUM *e)
{
	if (BN_num_bits(n) < KEY_RSA_MIN)
		return "an RSA key must have 2048 bits or more";
	if (BN_num_bits(n) > KEY_RSA_MAX)
		return "an RSA key must have 8192 bits or less";
	if (!BN_is_odd(n) || !BN_is_odd(e) || BN_is_one(e))
		return NOT_RSA;
	if (BN_num_bits(e) > RSA_EXPONENT_BITS)
		return "an RSA key's exponent must have 64 bits or less";
	return NULL;
}

static bool
make_rsa(struct key *key, const BIGNUM *n, const BIGNUM *e)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	bool fine;

	if (build == NULL || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1 ||
	    (params = OSSL_PARAM_BLD_to_param(build)) == NULL)
		abort();
	fine = make(key, "RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	return fine;
}

const char *
key_rsa(struct key *key, struct text n, struct text e)
{
	BIGNUM *modulus, *exponent;
	const char *problem;

	begin();
	modulus = number(n);
	exponent = number(e);
	problem = judge_rsa(modulus, exponent);
	if (problem == NULL && !make_rsa(key, modulus, exponent))
		problem = refuse(NOT_RSA);
	BN_free(modulus);
	BN_free(exponent);
	return problem;
}

const char *
key_p256(struct key *key, struct text x, struct text y)
{
	unsigned char point[1 + 2 * P256_SIZE] = { POINT_CONVERSION_UNCOMPRESSED };
	char group[] = SN_X9_62_prime256v1;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};

	if (x.length != P256_SIZE || y.length != P256_SIZE)
		return NOT_P256;
	memcpy(point + 1, x.data, P256_SIZE);
	memcpy(point + 1 + P256_SIZE, y.data, P256_SIZE);
	begin();
	return make(key, "EC", params) ? NULL : refuse(NOT_P256);
}

/* One number of a key that OpenSSL read; `size` 0: as long as it is. */
static bool
take_number(EVP_PKEY *from, const char *name, size_t size, struct buf *out)
{
	BIGNUM *n = NULL;
	bool fine = EVP_PKEY_get_bn_param(from, name, &n) == 1;

	if (fine) {
		size = size == 0 ? (size_t)BN_num_bytes(n) : size;
		fine = BN_bn2binpad(n, (unsigned char *)buf_reserve(out, size + 1), (int)size) >= 0;
		out->length += fine ? size : 0;
	}
	BN_free(n);
	return fine;
}

static const char *
take_rsa(struct key *key, EVP_PKEY *from)
{
	struct buf n = { 0 }, e = { 0 };
	const char *problem = NOT_RSA;

	if (take_number(from, OSSL_PKEY_PARAM_RSA_N, 0, &n) &&
	    take_number(from, OSSL_PKEY_PARAM_RSA_E, 0, &e))
		problem = key_rsa(key, buf_view(&n), buf_view(&e));
	buf_free(&n);
	buf_free(&e);
	return problem;
}

static const char *
take_p256(struct key *key, EVP_PKEY *from)
{
	struct buf x = { 0 }, y = { 0 };
	char group[32];
	const char *problem = "its curve is not P-256";

	/* A curve spelt out has no name; it may differ from P-256 in its generator alone. */
	if (EVP_PKEY_get_utf8_string_param(
		from, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) == 1 &&
	    strcmp(group, SN_X9_62_prime256v1) == 0 &&
	    take_number(from, OSSL_PKEY_PARAM_EC_PUB_X, P256_SIZE, &x) &&
	    take_number(from, OSSL_PKEY_PARAM_EC_PUB_Y, P256_SIZE, &y))
		problem = key_p256(key, buf_view(&x), buf_view(&y));
	buf_free(&x);
	buf_free(&y);
	return problem;
}

static const char *
take_ed25519(struct key *key, EVP_PKEY *from)
{
	unsigned char x[crypto_sign_PUBLICKEYBYTES];
	size_t length = sizeof(x);

	if (EVP_PKEY_get_raw_public_key(from, x, &length) != 1)
		return NOT_ED25519;
	return key_ed25519(key, (struct text){ (const char *)x, length });
}

static const char *
take_key(struct key *key, EVP_PKEY *from, const enum algorithm *algorithms, size_t algorithm_count)
{
	static const struct {
		const char *type;
		unsigned algorithms;
		const char *(*take)(struct key *key, EVP_PKEY *from);
	} types[] = {
		{ "RSA", ANY_RSA, take_rsa },
		{ "EC", ALGORITHM_BIT(ALGORITHM_ES256), take_p256 },
		{ "ED25519", ALGORITHM_BIT(ALGORITHM_EDDSA), take_ed25519 },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (EVP_PKEY_is_a(from, types[i].type) != 1)
			continue;
		if (!algorithm_first(
			algorithms, algorithm_count, types[i].algorithms, &key->algorithm))
			return NOT_ALLOWED;
		return types[i].take(key, from);
	}
	return "it is none of RSA, EC P-256 and Ed25519";
}

static const char *
read_block(struct key *key, const char *label, const unsigned char *der, long length,
    const enum algorithm *algorithms, size_t algorithm_count)
{
	const unsigned char *at = der;
	EVP_PKEY *from = NULL;
	const char *problem = NOT_PEM;

	if (strcmp(label, PEM_STRING_PUBLIC) == 0)
		from = d2i_PUBKEY(NULL, &at, length);
	else if (strcmp(label, PEM_STRING_RSA_PUBLIC) == 0)
		from = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, length);
	else
		problem = "it is none of BEGIN PUBLIC KEY and BEGIN RSA PUBLIC KEY";
	if (from != NULL && at == der + length)
		problem = take_key(key, from, algorithms, algorithm_count);
	EVP_PKEY_free(from);
	return problem;
}

const char *
key_pem(
    struct key *key, struct text block, const enum algorithm *algorithms, size_t algorithm_count)
{
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	const char *problem = NOT_PEM;
	long length;
	BIO *bio;

	begin();
	bio = BIO_new_mem_buf(block.data, (int)block.length);
	if (bio == NULL)
		abort();
	if (PEM_read_bio(bio, &label, &header, &der, &length) == 1 && header[0] == '\0')
		problem = read_block(key, label, der, length, algorithms, algorithm_count);
	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
	return problem == NULL ? NULL : refuse(problem);
}

static bool
verifies_hmac(const struct key *key, struct text message, struct text signature)
{
	crypto_auth_hmacsha256_state state;
	unsigned char expected[crypto_auth_hmacsha256_BYTES];
	bool same;

	if (signature.length != sizeof(expected))
		return false;
	crypto_auth_hmacsha256_init(
	    &state, (const unsigned char *)key->octets.data, key->octets.length);
	crypto_auth_hmacsha256_update(&state, bytes_of(message), message.length);
	crypto_auth_hmacsha256_final(&state, expected);
	same = crypto_verify_32(expected, bytes_of(signature)) == 0;
	sodium_memzero(&state, sizeof(state));
	sodium_memzero(expected, sizeof(expected));
	return same;
}

static bool
verifies_ed25519(const struct key *key, struct text message, struct text signature)
{
	return signature.length == crypto_sign_BYTES &&
	    crypto_sign_verify_detached(bytes_of(signature), bytes_of(message), message.length,
		(const unsigned char *)key->octets.data) == 0;
}

static bool
verifies_public(const struct key *key, struct text message, struct text signature)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	bool fine;

	crypto_hash_sha256(hash, bytes_of(message), message.length);
	fine = EVP_PKEY_verify(
		   key->verifier, bytes_of(signature), signature.length, hash, sizeof(hash)) == 1;
	if (!fine)
		ERR_clear_error();
	return fine;
}

/* 0 < number < the order of P-256 (FIPS 186-4, D.1.2.3). */
static bool
is_in_order(const char *bytes)
{
	static const unsigned char order[P256_SIZE] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00,
		0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
		0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };

	return !sodium_is_zero((const unsigned char *)bytes, P256_SIZE) &&
	    memcmp(bytes, order, P256_SIZE) < 0;
}

/* JWS has two numbers of 32 bytes (RFC 7518, section 3.4), OpenSSL wants them in DER. */
static bool
verifies_p256(const struct key *key, struct text message, struct text signature)
{
	struct text r = { signature.data, P256_SIZE };
	struct text s = { signature.data + P256_SIZE, P256_SIZE };
	ECDSA_SIG *pair;
	unsigned char *der = NULL;
	int length;
	bool fine;

	if (signature.length != 2 * (size_t)P256_SIZE || !is_in_order(r.data) ||
	    !is_in_order(s.data))
		return false;
	pair = ECDSA_SIG_new();
	if (pair == NULL || ECDSA_SIG_set0(pair, number(r), number(s)) != 1 ||
	    (length = i2d_ECDSA_SIG(pair, &der)) < 0)
		abort();
	fine = verifies_public(key, message, (struct text){ (const char *)der, (size_t)length });
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	return fine;
}

bool
key_verifies(const struct key *key, struct text message, struct text signature)
{
	switch (key->algorithm) {
	case ALGORITHM_HS256: return verifies_hmac(key, message, signature);
	case ALGORITHM_RS256:
	case ALGORITHM_PS256: return verifies_public(key, message, signature);
	case ALGORITHM_ES256: return verifies_p256(key, message, signature);
	case ALGORITHM_EDDSA: return verifies_ed25519(key, message, signature);
	}
	return false;
}

void
key_clear(struct key *key)
{
	buf_wipe(&key->octets);
	buf_free(&key->octets);
	EVP_PKEY_CTX_free(key->verifier);
	*key = (struct key){ .kid = { NULL, 0 } };
}
