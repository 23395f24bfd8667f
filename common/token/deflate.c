/*
 * RFC 1950 and 1951.  For contents of a token's size zlib chooses the fixed codes too, but makes
 * codes of its own first to see whether they would be better, which takes most of its time.
 */
#include <stdint.h>
#include <zlib.h>

#include "deflate.h"

#define END_OF_BLOCK 256
#define MATCH_MIN 3
#define SLOTS 256

struct bits {
	unsigned char *at;
	uint64_t held; /* fewer than 32 between two calls */
	unsigned count;
};

/* The position behind the last three bytes with this hash; 0: none. */
struct matcher {
	const unsigned char *in;
	size_t length;
	uint16_t behind[SLOTS];
};

/* So many bits, whole bytes, lowest first. */
static void
flush(struct bits *bits, unsigned count)
{
	for (unsigned shift = 0; shift < count; shift += 8)
		*bits->at++ = (unsigned char)(bits->held >> shift);
	bits->held >>= count;
	bits->count -= count;
}

static void
put(struct bits *bits, unsigned value, unsigned count)
{
	bits->held |= (uint64_t)value << bits->count;
	bits->count += count;
	if (bits->count >= 32)
		flush(bits, 32);
}

/* Codes begin with their highest bit, numbers with their lowest. */
static void
put_code(struct bits *bits, unsigned code, unsigned count)
{
	static const unsigned char mirrored[] = { 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7,
		15 };
	unsigned nine = (unsigned)mirrored[code & 15] << 5 |
	    (unsigned)mirrored[code >> 4 & 15] << 1 | code >> 8;

	put(bits, nine >> (9 - count), count);
}

/* RFC 1951, 3.2.6. */
static void
put_symbol(struct bits *bits, unsigned symbol)
{
	if (symbol < 144)
		put_code(bits, 0x30 + symbol, 8);
	else if (symbol < 256)
		put_code(bits, 0x190 + symbol - 144, 9);
	else if (symbol < 280)
		put_code(bits, symbol - 256, 7);
	else
		put_code(bits, 0xc0 + symbol - 280, 8);
}

/*
 * 3.2.5: the code says how many bits follow, and its own rank is the number's first bits.  Only the
 * length 258 is another case, and no match is so long.
 */
static void
put_match(struct bits *bits, size_t length, size_t distance)
{
	unsigned l = (unsigned)length - MATCH_MIN, d = (unsigned)distance - 1, extra;

	for (extra = 0; l >> extra >= 8; extra++)
		;
	put_symbol(bits, 257 + 4 * extra + (l >> extra));
	put(bits, l & ((1U << extra) - 1), extra);
	for (extra = 0; d >> extra >= 4; extra++)
		;
	put_code(bits, 2 * extra + (d >> extra), 5);
	put(bits, d & ((1U << extra) - 1), extra);
}

/* Where the three bytes at `at` were last; remembers them.  SIZE_MAX: nowhere. */
static size_t
last_place(struct matcher *m, size_t at)
{
	const unsigned char *p = m->in + at;
	uint16_t *behind, last;

	if (m->length - at < MATCH_MIN)
		return SIZE_MAX;
	behind = &m->behind[(p[0] * 5U + p[1] * 3U + p[2]) % SLOTS];
	last = *behind;
	*behind = (uint16_t)(at + 1);
	return (size_t)last - 1;
}

static size_t
match_length(const struct matcher *m, size_t place, size_t at)
{
	size_t n = 0;

	while (n < m->length - at && m->in[place + n] == m->in[at + n])
		n++;
	return n;
}

size_t
deflate_fixed(const unsigned char *in, size_t length, unsigned char out[DEFLATE_FIXED_ROOM])
{
	struct matcher matcher = { .in = in, .length = length };
	struct bits bits = { .at = out + 2 };
	uLong sum = adler32(1, in, (uInt)length);
	size_t at = 0;

	out[0] = 0x78;
	out[1] = 0x9c;
	put(&bits, 3, 3); /* the last block, with fixed codes */
	while (at < length) {
		size_t place = last_place(&matcher, at);
		size_t n = place == SIZE_MAX ? 0 : match_length(&matcher, place, at);

		if (n < MATCH_MIN) {
			put_symbol(&bits, in[at++]);
			continue;
		}
		put_match(&bits, n, at - place);
		while (at++, --n > 0)
			last_place(&matcher, at);
	}
	put_symbol(&bits, END_OF_BLOCK);
	put(&bits, 0, 7); /* fills the last byte */
	flush(&bits, bits.count / 8 * 8);
	for (int shift = 24; shift >= 0; shift -= 8)
		*bits.at++ = (unsigned char)(sum >> shift);
	return (size_t)(bits.at - out);
}
