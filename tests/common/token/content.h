/*
 * content.h - between a token's text and its content, and content by hand: zlib and libsodium
 * directly, so that the library's own codec is not judged by itself.
 */
#ifndef TESTS_TOKEN_CONTENT_H
#define TESTS_TOKEN_CONTENT_H

#include <sodium.h>
#include <stdlib.h>
#include <zlib.h>

#include "agoratoken.h"
#include "unit.h"

#define APP_ID "0123456789abcdef0123456789abcdef"
#define CERTIFICATE "fedcba9876543210fedcba9876543210"
#define OTHER_CERTIFICATE "0edcba9876543210fedcba9876543210"
#define HEAD_LENGTH 82 /* of the content in front of the first service */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline struct agora_text
agora_text_of(const char *terminated)
{
	return (struct agora_text){ terminated, strlen(terminated) };
}

static inline struct text
text_from(struct agora_text text)
{
	return (struct text){ text.data, text.length };
}

static inline void
put_16(struct buf *out, unsigned v)
{
	const unsigned char bytes[] = { (unsigned char)v, (unsigned char)(v >> 8) };

	buf_add(out, bytes, sizeof(bytes));
}

static inline void
put_32(struct buf *out, uint32_t v)
{
	put_16(out, v & 0xffff);
	put_16(out, v >> 16);
}

static inline void
put_string(struct buf *out, const char *terminated)
{
	put_16(out, (unsigned)strlen(terminated));
	buf_text(out, terminated);
}

/* Everything in front of the services, with a signature of zeros. */
static inline void
put_head(struct buf *out, unsigned service_count)
{
	static const char signature[AGORA_SIGNATURE_LENGTH];

	put_16(out, sizeof(signature));
	buf_add(out, signature, sizeof(signature));
	put_string(out, APP_ID);
	put_32(out, 1735689600);
	put_32(out, 3600);
	put_32(out, 12345678);
	put_16(out, service_count);
}

/* An RTC service of channel "demo", uid "1". */
static inline void
put_rtc(struct buf *out)
{
	put_16(out, AGORA_RTC);
	put_16(out, 1);
	put_16(out, AGORA_RTC_JOIN);
	put_32(out, 600);
	put_string(out, "demo");
	put_string(out, "1");
}

/* Signs content whose head has the usual lengths. */
static inline void
sign_content(struct buf *content, const char *certificate)
{
	const size_t signed_at = 2 + AGORA_SIGNATURE_LENGTH;
	const unsigned char *bytes = (const unsigned char *)content->data;
	unsigned char key[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, bytes + 68, 4);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)certificate, 32);
	crypto_auth_hmacsha256_final(&state, key);
	crypto_auth_hmacsha256_init(&state, bytes + 76, 4);
	crypto_auth_hmacsha256_update(&state, key, sizeof(key));
	crypto_auth_hmacsha256_final(&state, key);
	crypto_auth_hmacsha256_init(&state, key, sizeof(key));
	crypto_auth_hmacsha256_update(&state, bytes + signed_at, content->length - signed_at);
	crypto_auth_hmacsha256_final(&state, (unsigned char *)content->data + 2);
}

/* Behind what out holds already. */
static inline void
put_base64(struct buf *out, const void *bytes, size_t length)
{
	size_t room = sodium_base64_ENCODED_LEN(length, sodium_base64_VARIANT_ORIGINAL);

	sodium_bin2base64(
	    buf_reserve(out, room), room, bytes, length, sodium_base64_VARIANT_ORIGINAL);
	out->length += room - 1;
}

/* window_bits as deflateInit2 takes them: 15 is what a token has. */
static inline struct buf
deflated(const void *bytes, size_t length, int level, int window_bits)
{
	struct buf out = { 0 };
	z_stream z = { 0 };

	if (deflateInit2(&z, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	z.avail_out = (uInt)deflateBound(&z, (uLong)length);
	z.next_out = (Bytef *)buf_reserve(&out, z.avail_out);
	z.next_in = (Bytef *)(uintptr_t)bytes;
	z.avail_in = (uInt)length;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	out.length = z.total_out;
	deflateEnd(&z);
	return out;
}

/* The caller frees it. */
static inline struct buf
token_of(const void *content, size_t length)
{
	struct buf packed = deflated(content, length, Z_DEFAULT_COMPRESSION, 15), out = { 0 };

	buf_text(&out, "007");
	put_base64(&out, packed.data, packed.length);
	buf_free(&packed);
	return out;
}

/* Empty when the text is no 007 token.  The caller frees it. */
static inline struct buf
content_of(struct text token)
{
	struct buf packed = { 0 }, content = { 0 };
	uLongf room = 2 * AGORA_CONTENT_MAX;
	size_t n;

	if (token.length > 3 &&
	    sodium_base642bin((unsigned char *)buf_reserve(&packed, token.length), token.length,
		token.data + 3, token.length - 3, NULL, &n, NULL,
		sodium_base64_VARIANT_ORIGINAL) == 0 &&
	    uncompress(
		(Bytef *)buf_reserve(&content, room), &room, (const Bytef *)packed.data, n) == Z_OK)
		content.length = room;
	buf_free(&packed);
	return content;
}

#endif
