#include "text.h"

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool
text_is_nocase(struct text text, const char *terminated)
{
	if (text.data == NULL || text.length != strlen(terminated))
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (lower(text.data[i]) != lower(terminated[i]))
			return false;
	return true;
}

bool
text_number(struct text text, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	if (text.length == 0)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';

		if (digit > 9 || n > (max - (digit < max ? digit : max)) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (n > max)
		return false;
	*value = n;
	return true;
}

size_t
text_distance(const char *a, const char *b, size_t most)
{
	size_t row[TEXT_DISTANCE_MAX + 1], n = strlen(b);

	if (strlen(a) > TEXT_DISTANCE_MAX || n > TEXT_DISTANCE_MAX)
		return most + 1;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t corner = row[0], least = row[0] = i;

		for (size_t j = 1; j <= n; j++) {
			size_t next = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < next)
				next = row[j] + 1;
			if (row[j - 1] + 1 < next)
				next = row[j - 1] + 1;
			row[j] = next;
			least = next < least ? next : least;
		}
		if (least > most)
			return least;
	}
	return row[n];
}

/* In each of the eight bytes: the high bit is set in the lowest one that is `byte`, or less. */
#define EACH(byte) (UINT64_MAX / 255 * (byte))
#define ANY_BELOW(word, byte) (((word)-EACH(byte)) & ~(word)&EACH(0x80))
#define ANY_IS(word, byte) ANY_BELOW((word) ^ EACH(byte), 1)

static bool
is_plain(unsigned char c, unsigned char lowest)
{
	return c >= lowest && c < 0x7f && c != '"' && c != '\\';
}

size_t
text_plain(struct text text, unsigned char lowest)
{
	size_t n = 0;
	uint64_t word;

	for (; text.length - n >= sizeof(word); n += sizeof(word)) {
		memcpy(&word, text.data + n, sizeof(word));
		if (((word & EACH(0x80)) | ANY_BELOW(word, lowest) | ANY_IS(word, 0x7f) |
			ANY_IS(word, '"') | ANY_IS(word, '\\')) != 0)
			break;
	}
	while (n < text.length && is_plain((unsigned char)text.data[n], lowest))
		n++;
	return n;
}

/* RFC 3629, section 4. */
size_t
utf8_length(const unsigned char *p, size_t left)
{
	size_t length;
	unsigned char low = 0x80, high = 0xbf;

	if (left == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		length = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		length = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (left < length)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return length;
}

uint32_t
utf8_character(const unsigned char *p, size_t length)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t character = p[0] & first_bits[length];

	for (size_t i = 1; i < length; i++)
		character = character << 6 | (p[i] & 0x3f);
	return character;
}

/*
 * Unicode's general categories Cc, Cf, Zl and Zp, its Default_Ignorable_Code_Point, and the last
 * two of each plane, which are no characters.
 */
bool
character_shows(uint32_t character)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = { { 0, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x34f, 0x34f },
		{ 0x600, 0x605 }, { 0x61c, 0x61c }, { 0x6dd, 0x6dd }, { 0x70f, 0x70f },
		{ 0x890, 0x891 }, { 0x8e2, 0x8e2 }, { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 },
		{ 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0x3164, 0x3164 }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 },
		{ 0xfff0, 0xfffb }, { 0x110bd, 0x110bd }, { 0x110cd, 0x110cd },
		{ 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
		{ 0xe0000, 0xe0fff } };
	size_t i = 0;

	while (i < sizeof(hidden) / sizeof(hidden[0]) && character > hidden[i].last)
		i++;
	return (i == sizeof(hidden) / sizeof(hidden[0]) || character < hidden[i].first) &&
	    (character & 0xfffe) != 0xfffe;
}

bool
text_is_utf8(struct text text)
{
	const unsigned char *p = (const unsigned char *)text.data;

	for (size_t i = 0, n; i < text.length; i += n) {
		n = utf8_length(p + i, text.length - i);
		if (n == 0)
			return false;
	}
	return true;
}

static int
hex_digit(char c)
{
	c = lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
hex_decode(struct text hex, unsigned char *out)
{
	if (hex.length % 2 != 0)
		return false;
	for (size_t i = 0; i < hex.length; i += 2) {
		int high = hex_digit(hex.data[i]), low = hex_digit(hex.data[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static int
base64url_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool
base64url_decode(struct text text, unsigned char *out, size_t *length)
{
	unsigned bits = 0, held = 0; /* held: how many bits wait */

	*length = 0;
	for (size_t i = 0; i < text.length; i++) {
		int digit = base64url_digit(text.data[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (unsigned)digit;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[(*length)++] = (unsigned char)(bits >> held);
			bits &= (1U << held) - 1;
		}
	}
	return held < 6 && bits == 0;
}
