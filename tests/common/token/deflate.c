#include <sodium.h>
#include <zlib.h>

#include "deflate.h"
#include "unit.h"

static const unsigned char seed[randombytes_SEEDBYTES] = "one seed of thirty-two bytes...";

/* Whether zlib makes the same bytes of what we made of them, to the last byte. */
static bool
comes_back(const void *bytes, size_t length)
{
	unsigned char packed[DEFLATE_FIXED_ROOM], back[DEFLATE_FIXED_MAX + 1];
	size_t packed_length = deflate_fixed(bytes, length, packed);
	uLongf back_length = sizeof(back);
	uLong used = packed_length;

	return packed_length <= sizeof(packed) &&
	    uncompress2(back, &back_length, packed, &used) == Z_OK && used == packed_length &&
	    back_length == length && memcmp(back, bytes, length) == 0;
}

/* Of every length: noise, whose bytes need all the literals, and one byte over and over. */
static void
lengths(void)
{
	unsigned char noise[16 * (DEFLATE_FIXED_MAX + 1)], same[DEFLATE_FIXED_MAX];
	char name[32];

	randombytes_buf_deterministic(noise, sizeof(noise), seed);
	for (size_t length = 0; length <= DEFLATE_FIXED_MAX; length++) {
		snprintf(name, sizeof(name), "%zu bytes", length);
		CHECK(comes_back(guarded(noise + 15 * length, length), length), name);
		memset(same, (int)length & 255, sizeof(same));
		CHECK(comes_back(guarded(same, length), length), name);
	}
}

/* Bytes of which some come again: every length of a match, and every distance. */
static void
matches(void)
{
	unsigned char bytes[DEFLATE_FIXED_MAX];
	char name[64];

	for (size_t distance = 1; distance < sizeof(bytes); distance++)
		for (size_t length = 1; distance + length <= sizeof(bytes); length++) {
			randombytes_buf_deterministic(bytes, sizeof(bytes), seed);
			for (size_t i = distance; i < distance + length; i++)
				bytes[i] = bytes[i - distance];
			snprintf(
			    name, sizeof(name), "%zu bytes at a distance of %zu", length, distance);
			CHECK(comes_back(bytes, distance + length), name);
		}
}

/* The longest codes: literals above 143. */
static void
room(void)
{
	unsigned char bytes[DEFLATE_FIXED_MAX], packed[DEFLATE_FIXED_ROOM];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(144 + i * i % 109);
	CHECK(comes_back(bytes, sizeof(bytes)), "literals of nine bits");
	CHECK(deflate_fixed(bytes, 0, packed) == 8, "nothing");
}

/* What zlib makes of the same. */
static size_t
zlib_length(const unsigned char *bytes, size_t length)
{
	unsigned char packed[2 * DEFLATE_FIXED_ROOM];
	uLongf packed_length = sizeof(packed);

	return compress(packed, &packed_length, bytes, length) == Z_OK ? packed_length : 0;
}

/* Half noise, as signature and App ID are, then names of few different characters. */
static void
size(void)
{
	static const char *const alphabets[] = { "0123456789", "0123456789abcdef",
		"abcdefghijklmnopqrstuvwxyz" };

	for (size_t a = 0; a < sizeof(alphabets) / sizeof(alphabets[0]); a++) {
		unsigned char noise[2000 * DEFLATE_FIXED_MAX], packed[DEFLATE_FIXED_ROOM];
		size_t ours = 0, theirs = 0, count = strlen(alphabets[a]);

		randombytes_buf_deterministic(noise, sizeof(noise), seed);
		for (size_t at = 0; at < sizeof(noise); at += DEFLATE_FIXED_MAX) {
			for (size_t i = 68; i < DEFLATE_FIXED_MAX; i++)
				noise[at + i] = (unsigned char)alphabets[a][noise[at + i] % count];
			ours += deflate_fixed(noise + at, DEFLATE_FIXED_MAX, packed);
			theirs += zlib_length(noise + at, DEFLATE_FIXED_MAX);
		}
		CHECK(theirs > 0 && ours * 100 <= theirs * 103, alphabets[a]);
	}
}

CU_TestInfo token_deflate_tests[] = {
	{ "lengths", lengths },
	{ "matches", matches },
	{ "room", room },
	{ "size", size },
	CU_TEST_INFO_NULL,
};
