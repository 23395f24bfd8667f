/*
 * cursor.h - the bounded cursor over the wire format: little-endian numbers, strings with a 16-bit
 * length.  After one overrun every later call does nothing and `failed` stays set, so that code
 * reads like the format and checks once.
 */
#ifndef TOKEN_CURSOR_H
#define TOKEN_CURSOR_H

#include <string.h>

#include "agoratoken.h"

struct reader {
	const unsigned char *at, *end;
	bool failed;
};

struct writer {
	unsigned char *at, *end;
	bool failed;
};

static inline struct reader
reader_over(struct agora_text text)
{
	const unsigned char *at = (const unsigned char *)text.data;

	return (struct reader){ at, text.data == NULL ? at : at + text.length, false };
}

static inline size_t
reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

/* The next n bytes, or NULL. */
static inline const unsigned char *
read_bytes(struct reader *r, size_t n)
{
	const unsigned char *bytes = r->at;

	if (r->failed || reader_left(r) < n) {
		r->failed = true;
		return NULL;
	}
	r->at += n;
	return bytes;
}

static inline uint16_t
read_u16(struct reader *r)
{
	const unsigned char *b = read_bytes(r, 2);

	return (uint16_t)(b == NULL ? 0 : b[0] | b[1] << 8);
}

static inline uint32_t
read_u32(struct reader *r)
{
	const unsigned char *b = read_bytes(r, 4);

	return b == NULL
	    ? 0
	    : (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline struct agora_text
read_string(struct reader *r)
{
	size_t length = read_u16(r);
	const unsigned char *bytes = read_bytes(r, length);

	return (struct agora_text){ (const char *)bytes, bytes == NULL ? 0 : length };
}

/* Everything that was consumed since `from`. */
static inline struct agora_text
read_since(const struct reader *r, const unsigned char *from)
{
	return (struct agora_text){ (const char *)from, (size_t)(r->at - from) };
}

static inline void
write_bytes(struct writer *w, const void *bytes, size_t n)
{
	if (w->failed || (size_t)(w->end - w->at) < n) {
		w->failed = true;
		return;
	}
	if (n > 0)
		memcpy(w->at, bytes, n);
	w->at += n;
}

static inline void
write_u16(struct writer *w, uint16_t v)
{
	unsigned char b[2] = { (unsigned char)v, (unsigned char)(v >> 8) };

	write_bytes(w, b, sizeof(b));
}

static inline void
write_u32(struct writer *w, uint32_t v)
{
	unsigned char b[4] = { (unsigned char)v, (unsigned char)(v >> 8), (unsigned char)(v >> 16),
		(unsigned char)(v >> 24) };

	write_bytes(w, b, sizeof(b));
}

static inline void
write_string(struct writer *w, struct agora_text text)
{
	if (text.length > AGORA_STRING_MAX) {
		w->failed = true;
		return;
	}
	write_u16(w, (uint16_t)text.length);
	write_bytes(w, text.data, text.length);
}

#endif
