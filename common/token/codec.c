/* The plain functions of SHA-256: see hmac(). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "deflate.h"

/* memLevel 4 gives mostly the same bytes as zlib's default and spares it a 64 KiB hash table. */
#define DEFLATE_MEM_LEVEL 4

/* zlib's memory is the codec's, so that nothing is allocated later. */
static voidpf
take_memory(voidpf owner, uInt count, uInt size)
{
	struct zlib_memory *m = owner;
	const size_t wanted = ((size_t)count * size + 15) / 16 * 16;
	unsigned char *taken = m->bytes + m->used;

	if (wanted > sizeof(m->bytes) - m->used)
		return Z_NULL;
	m->used += wanted;
	return taken;
}

static void
keep_memory(voidpf owner, voidpf taken)
{
	(void)owner;
	(void)taken;
}

/* Both streams begin when they are first needed: a CGI program mostly needs neither. */
static bool
begin_deflate(struct agora_codec *codec)
{
	if (codec->deflate.state != Z_NULL)
		return deflateReset(&codec->deflate) == Z_OK;
	codec->deflate.zalloc = take_memory;
	codec->deflate.zfree = keep_memory;
	codec->deflate.opaque = &codec->memory;
	return deflateInit2(&codec->deflate, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS,
		   DEFLATE_MEM_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
}

static bool
begin_inflate(struct agora_codec *codec)
{
	if (codec->inflate.state != Z_NULL)
		return inflateReset(&codec->inflate) == Z_OK;
	codec->inflate.zalloc = take_memory;
	codec->inflate.zfree = keep_memory;
	codec->inflate.opaque = &codec->memory;
	return inflateInit(&codec->inflate) == Z_OK;
}

struct agora_codec *
agora_codec_open(void)
{
	return calloc(1, sizeof(struct agora_codec));
}

void
agora_codec_lock(struct agora_codec *codec)
{
	sodium_mlock(&codec->key, sizeof(codec->key));
	codec->locked = true;
}

void
agora_codec_close(struct agora_codec *codec)
{
	if (codec == NULL)
		return;
	/* Memory that was never used is not there yet, and wiping it would bring it. */
	if (codec->locked)
		sodium_munlock(&codec->key, sizeof(codec->key)); /* and wiped */
	sodium_memzero(&codec->key, sizeof(codec->key));
	sodium_memzero(codec->content, codec->content_used);
	sodium_memzero(codec->packed, codec->packed_used);
	sodium_memzero(codec->memory.bytes, codec->memory.used);
	free(codec);
}

bool
agora_is_hex32(const char *text, size_t length)
{
	if (length != 32)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
			return false;
	}
	return true;
}

static void
note_use(struct agora_codec *codec, size_t content, size_t packed)
{
	if (content > codec->content_used)
		codec->content_used = content;
	if (packed > codec->packed_used)
		codec->packed_used = packed;
}

/* content to packed[]; 0 when it does not fit. */
static size_t
compress_content(struct agora_codec *codec, size_t length)
{
	z_stream *z = &codec->deflate;

	if (length <= DEFLATE_FIXED_MAX)
		return deflate_fixed(codec->content, length, codec->packed);
	if (!begin_deflate(codec))
		return 0;
	z->next_in = codec->content;
	z->avail_in = (uInt)length;
	z->next_out = codec->packed;
	z->avail_out = sizeof(codec->packed);
	return deflate(z, Z_FINISH) == Z_STREAM_END ? sizeof(codec->packed) - z->avail_out : 0;
}

/* libsodium's takes the same time for all bytes, which costs, and a token needs it no more. */
static void
write_base64(const unsigned char *bytes, size_t length, char *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; length > 0; bytes += 3, out += 4) {
		const size_t n = length < 3 ? length : 3;
		const uint32_t bits = (uint32_t)bytes[0] << 16 |
		    (n > 1 ? (uint32_t)bytes[1] << 8 : 0) | (n > 2 ? bytes[2] : 0U);

		out[0] = digits[bits >> 18];
		out[1] = digits[bits >> 12 & 63];
		out[2] = n > 1 ? digits[bits >> 6 & 63] : '=';
		out[3] = n > 2 ? digits[bits & 63] : '=';
		length -= n;
	}
	*out = '\0';
}

enum agora_error
codec_pack(
    struct agora_codec *codec, size_t content_length, char out[AGORA_TOKEN_MAX + 1], size_t *length)
{
	size_t packed = compress_content(codec, content_length), room;

	note_use(codec, content_length, packed);
	if (packed == 0)
		return AGORA_TOO_LARGE;
	room = (packed + 2) / 3 * 4 + 1;
	if (3 + room > AGORA_TOKEN_MAX + 1)
		return AGORA_TOO_LARGE;
	memcpy(out, "007", 3);
	write_base64(codec->packed, packed, out + 3);
	*length = 3 + room - 1;
	return AGORA_OK;
}

enum agora_error
codec_unbase64(struct agora_codec *codec, const char *text, size_t length, size_t *packed_length)
{
	const char *end = NULL;

	if (length == 0)
		return AGORA_TRUNCATED;
	/* libsodium 1.0.18 takes bytes above 0x7f for digits. */
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] > 0x7f)
			return AGORA_BAD_BASE64;
	if (sodium_base642bin(codec->packed, sizeof(codec->packed), text, length, NULL,
		packed_length, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    end != text + length)
		return AGORA_BAD_BASE64;
	return AGORA_OK;
}

enum agora_error
codec_inflate(struct agora_codec *codec, size_t packed_length, size_t *content_length)
{
	z_stream *z = &codec->inflate;
	int result;

	if (!begin_inflate(codec))
		return AGORA_BAD_ZLIB;
	z->next_in = codec->packed;
	z->avail_in = (uInt)packed_length;
	z->next_out = codec->content;
	z->avail_out = sizeof(codec->content);
	result = inflate(z, Z_FINISH);
	*content_length = sizeof(codec->content) - z->avail_out;
	note_use(codec, *content_length, packed_length);
	if (*content_length > AGORA_CONTENT_MAX)
		return AGORA_TOO_LARGE;
	if (result == Z_BUF_ERROR && z->avail_in == 0)
		return AGORA_TRUNCATED;
	if (result != Z_STREAM_END)
		return AGORA_BAD_ZLIB;
	return z->avail_in > 0 ? AGORA_TRAILING_DATA : AGORA_OK;
}

/*
 * RFC 2104 over libcrypto's SHA-256, for it uses the processor's own instructions; libsodium's
 * takes half of a token's time.  OpenSSL would rather have EVP called, whose look-ups and copies
 * cost more than the hashes of a token.  No key is longer than a block.
 */
static void
hmac(const void *key, size_t key_length, const void *message, size_t length,
    unsigned char out[AGORA_SIGNATURE_LENGTH])
{
	unsigned char inner[SHA256_CBLOCK], outer[SHA256_CBLOCK];
	SHA256_CTX state;

	memset(inner, 0x36, sizeof(inner));
	memset(outer, 0x5c, sizeof(outer));
	for (size_t i = 0; i < key_length; i++) {
		inner[i] ^= ((const unsigned char *)key)[i];
		outer[i] ^= ((const unsigned char *)key)[i];
	}
	SHA256_Init(&state);
	SHA256_Update(&state, inner, sizeof(inner));
	SHA256_Update(&state, message, length);
	SHA256_Final(out, &state);
	SHA256_Init(&state);
	SHA256_Update(&state, outer, sizeof(outer));
	SHA256_Update(&state, out, AGORA_SIGNATURE_LENGTH);
	SHA256_Final(out, &state);
	sodium_memzero(&state, sizeof(state));
	sodium_memzero(inner, sizeof(inner));
	sodium_memzero(outer, sizeof(outer));
}

static void
little_endian(uint32_t v, unsigned char out[4])
{
	for (int i = 0; i < 4; i++)
		out[i] = (unsigned char)(v >> (8 * i));
}

static void
make_key(struct codec_key *key, const char *certificate, uint32_t issue_ts)
{
	unsigned char number[4];

	if (key->is_set && key->issue_ts == issue_ts &&
	    sodium_memcmp(key->certificate, certificate, sizeof(key->certificate)) == 0)
		return;
	little_endian(issue_ts, number);
	hmac(number, sizeof(number), certificate, AGORA_CERTIFICATE_LENGTH, key->bytes);
	memcpy(key->certificate, certificate, sizeof(key->certificate));
	key->issue_ts = issue_ts;
	key->is_set = true;
}

void
codec_signature(struct codec_key *key, const char *certificate, uint32_t issue_ts, uint32_t salt,
    struct agora_text info, unsigned char signature[AGORA_SIGNATURE_LENGTH])
{
	unsigned char number[4], salted[AGORA_SIGNATURE_LENGTH];

	make_key(key, certificate, issue_ts);
	little_endian(salt, number);
	hmac(number, sizeof(number), key->bytes, sizeof(key->bytes), salted);
	hmac(salted, sizeof(salted), info.data, info.length, signature);
	sodium_memzero(salted, sizeof(salted));
}
