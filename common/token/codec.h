/* codec.h - the codec's inside: scratch memory, zlib's state, base64, the signature. */
#ifndef TOKEN_CODEC_H
#define TOKEN_CODEC_H

#include <zlib.h>

#include "agoratoken.h"

#define TOKEN_PACKED_MAX (AGORA_TOKEN_MAX / 4 * 3) /* bytes that fit the longest base64 */

/*
 * The first of a signature's three HMACs, which depends on the certificate and the second alone.
 * Zeroed it is of none; wiped by whoever owns it.
 */
struct codec_key {
	bool is_set;
	char certificate[AGORA_CERTIFICATE_LENGTH];
	uint32_t issue_ts;
	unsigned char bytes[AGORA_SIGNATURE_LENGTH];
};

#define ZLIB_MEMORY 262144 /* what both of its streams take, and some more */
struct zlib_memory {
	size_t used;
	_Alignas(16) unsigned char bytes[ZLIB_MEMORY];
};

struct agora_codec {
	struct codec_key key; /* of the last token signed */
	bool locked;          /* it is, in memory */
	z_stream deflate;
	z_stream inflate;
	unsigned char content[AGORA_CONTENT_MAX + 1]; /* one more, to notice what is too long */
	unsigned char packed[TOKEN_PACKED_MAX];
	size_t content_used, packed_used; /* at most, so far: what is to be wiped */
	struct zlib_memory memory;
};

/* content[0..length) to text behind the three bytes "007"; AGORA_TOO_LARGE when it does not fit. */
enum agora_error codec_pack(struct agora_codec *codec, size_t content_length,
    char out[AGORA_TOKEN_MAX + 1], size_t *length);

/* base64 text to packed[]. */
enum agora_error
codec_unbase64(struct agora_codec *codec, const char *text, size_t length, size_t *packed_length);

/* packed[0..packed_length), one whole zlib stream, to content[]. */
enum agora_error
codec_inflate(struct agora_codec *codec, size_t packed_length, size_t *content_length);

/*
 * The AccessToken2 signature over info: the small integers are the HMAC keys and the certificate's
 * ASCII text is the first message.  *key is made anew where it is not the one that is needed.
 */
void codec_signature(struct codec_key *key, const char *certificate, uint32_t issue_ts,
    uint32_t salt, struct agora_text info, unsigned char signature[AGORA_SIGNATURE_LENGTH]);

#endif
