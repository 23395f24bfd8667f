/* text.h - borrowed bytes: not terminated, any byte allowed; data == NULL means absent. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
	const char *data;
	size_t length;
};

#define TEXT(literal) ((struct text){ "" literal, sizeof(literal) - 1 })

/* Items of one kind, borrowed; which kind, the field says. */
struct list {
	void *items;
	size_t count;
};

static inline struct text
text_of(const char *terminated)
{
	return (struct text){ terminated, terminated == NULL ? 0 : strlen(terminated) };
}

static inline bool
text_is(struct text text, const char *terminated)
{
	return text.data != NULL && text.length == strlen(terminated) &&
	    memcmp(text.data, terminated, text.length) == 0;
}

/* ASCII letters match in either case, whatever the locale. */
bool text_is_nocase(struct text text, const char *terminated);

/* The whole text is a decimal number of digits alone, at most `max`.  No sign, no blank. */
bool text_number(struct text text, uint64_t max, uint64_t *value);

/*
 * How many bytes at its front need no care in a quoted string: printable ASCII, from `lowest`
 * (a blank or what comes after it) on, other than " and \.
 */
size_t text_plain(struct text text, unsigned char lowest);

#define TEXT_DISTANCE_MAX 64 /* bytes of a word that is compared */

/*
 * The least number of bytes to change, add or take away between two words, or some number over
 * `most`; words longer than TEXT_DISTANCE_MAX are that far apart.
 */
size_t text_distance(const char *a, const char *b, size_t most);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms); NUL is legal. */
bool text_is_utf8(struct text text);

/* Length of the well-formed UTF-8 character that begins at p, 0 when there is none. */
size_t utf8_length(const unsigned char *p, size_t left);

/* That character; length is what utf8_length said, not 0. */
uint32_t utf8_character(const unsigned char *p, size_t length);

/*
 * false: a reader does not see the character as what it is.  It is a control, a format character
 * such as U+202E, which turns the text after it around, a separator of lines or one that leaves no
 * mark.  Raw, it would let a client's text pass for another in a log.
 */
bool character_shows(uint32_t character);

/* Hexadecimal digits to bytes; out holds length / 2.  false: odd, or no hex digit. */
bool hex_decode(struct text hex, unsigned char *out);

/* What base64url_decode may write. */
#define BASE64URL_ROOM(length) ((length) / 4 * 3 + 2)

/*
 * RFC 4648, section 5, as JOSE writes it (RFC 7515, section 2): no padding, no other byte, and the
 * bits left over are zero, so that no two texts mean the same bytes.  out holds BASE64URL_ROOM.
 */
bool base64url_decode(struct text text, unsigned char *out, size_t *length);

#endif
