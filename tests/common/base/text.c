#include "unit.h"

static void
compares(void)
{
	static const struct {
		const char *name;
		struct text text;
		const char *with;
		bool same, same_nocase;
	} cases[] = {
		{ "equal", TEXT("abc"), "abc", true, true },
		{ "case", TEXT("aBc"), "AbC", false, true },
		{ "first and last letter", TEXT("AZ"), "az", false, true },
		{ "neighbours of the letters", TEXT("@["), "`{", false, false },
		{ "shorter", TEXT("ab"), "abc", false, false },
		{ "longer", TEXT("abcd"), "abc", false, false },
		{ "empty", TEXT(""), "", true, true },
		{ "empty and not", TEXT(""), "a", false, false },
		{ "absent is not empty", { NULL, 0 }, "", false, false },
		{ "NUL inside", TEXT("a\0c"), "a", false, false },
		{ "not ASCII", TEXT("\xc3\x84"), "\xc3\xa4", false, false },
		{ "last byte", TEXT("abc"), "abd", false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text text = cases[i].text;

		if (text.data != NULL)
			text.data = guarded(text.data, text.length);
		CHECK(text_is(text, cases[i].with) == cases[i].same, cases[i].name);
		CHECK(text_is_nocase(text, cases[i].with) == cases[i].same_nocase, cases[i].name);
	}
}

static void
measures_what_is_terminated(void)
{
	CHECK(text_of(NULL).data == NULL && text_of(NULL).length == 0, "NULL");
	CHECK(text_of("").data != NULL && text_of("").length == 0, "empty");
	CHECK(same_text(text_of("ab\0cd"), "ab"), "ends at the NUL");
	CHECK(TEXT("ab\0cd").length == 5, "a literal keeps its NUL");
}

static void
reads_numbers(void)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool fine;
		uint64_t value;
	} cases[] = {
		{ "0", 0, true, 0 },
		{ "1", 0, false, 0 },
		{ "0", 9, true, 0 },
		{ "5", 5, true, 5 },
		{ "6", 5, false, 0 },
		{ "9", 5, false, 0 },
		{ "10", 9, false, 0 },
		{ "14", 14, true, 14 },
		{ "15", 14, false, 0 },
		{ "19", 14, false, 0 },
		{ "20", 14, false, 0 },
		{ "007", 7, true, 7 },
		{ "00000000000000000000000000000042", 42, true, 42 },
		{ "4294967295", UINT32_MAX, true, UINT32_MAX },
		{ "4294967296", UINT32_MAX, false, 0 },
		{ "9223372036854775807", INT64_MAX, true, INT64_MAX },
		{ "9223372036854775808", INT64_MAX, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "18446744073709551620", UINT64_MAX, false, 0 },
		{ "28446744073709551615", UINT64_MAX, false, 0 },
		{ "184467440737095516150", UINT64_MAX, false, 0 },
		{ "", 9, false, 0 },
		{ "-1", 9, false, 0 },
		{ "-0", 9, false, 0 },
		{ "+1", 9, false, 0 },
		{ " 1", 9, false, 0 },
		{ "1 ", 9, false, 0 },
		{ "1.0", 99, false, 0 },
		{ "1e1", 99, false, 0 },
		{ "0x1", 99, false, 0 },
		{ "/", 99, false, 0 },
		{ ":", 99, false, 0 },
		{ "1\n", 99, false, 0 },
		{ "\xef\xbc\x91", 99, false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].text);
		struct text text = { guarded(cases[i].text, length), length };
		uint64_t value = 77;

		CHECK(text_number(text, cases[i].max, &value) == cases[i].fine, cases[i].text);
		CHECK(value == (cases[i].fine ? cases[i].value : 77), cases[i].text);
	}
	for (int c = 0; c < 256; c++) {
		char bytes[2] = { '1', (char)c }, name[8];
		uint64_t value;

		snprintf(name, sizeof(name), "1 %02x", (unsigned)c);
		CHECK(text_number((struct text){ bytes, 2 }, 99, &value) == (c >= '0' && c <= '9'),
		    name);
	}
}

/* Each bound of RFC 3629's table from both sides, and what older definitions allowed. */
static void
knows_utf8(void)
{
	static const struct {
		const char *bytes;
		size_t length; /* of the first character; 0 = not one */
	} cases[] = {
		{ "\x01", 1 },
		{ "\x7f", 1 },
		{ "\x80", 0 },
		{ "\xbf", 0 },
		{ "\xc0\x80", 0 },
		{ "\xc0\xaf", 0 },
		{ "\xc1\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xc2\x7f", 0 },
		{ "\xc2\x80", 2 },
		{ "\xc2\xbf", 2 },
		{ "\xc2\xc0", 0 },
		{ "\xdf\xbf", 2 },
		{ "\xdf\x7f", 0 },
		{ "\xe0\x80\x80", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xe0\xa0\x7f", 0 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xe0\xbf\xbf", 3 },
		{ "\xe0\xc0\x80", 0 },
		{ "\xe1\x7f\x80", 0 },
		{ "\xe1\x80\x80", 3 },
		{ "\xe1\x80\xc0", 0 },
		{ "\xec\xbf\xbf", 3 },
		{ "\xed\x80\x80", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xed\xa0\x80", 0 },
		{ "\xed\xbf\xbf", 0 },
		{ "\xee\x80\x80", 3 },
		{ "\xef\xbf\xbd", 3 },
		{ "\xef\xbf\xbf", 3 },
		{ "\xf0\x80\x80\x80", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf0\x90\x80\x7f", 0 },
		{ "\xf0\x90\x7f\x80", 0 },
		{ "\xf1\x80\x80\x80", 4 },
		{ "\xf1\x80\x80\xc0", 0 },
		{ "\xf3\xbf\xbf\xbf", 4 },
		{ "\xf4\x80\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xf7\xbf\xbf\xbf", 0 },
		{ "\xf8\x88\x80\x80\x80", 0 },
		{ "\xfc\x84\x80\x80\x80\x80", 0 },
		{ "\xfe", 0 },
		{ "\xff", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].bytes);
		const unsigned char *p = (const unsigned char *)guarded(cases[i].bytes, length);
		char name[32], inside[16];

		snprintf(name, sizeof(name), "%zu: %02x %02x", i, p[0], length > 1 ? p[1] : 0U);
		CHECK(utf8_length(p, length) == cases[i].length, name);
		CHECK(text_is_utf8((struct text){ (const char *)p, length }) ==
			(cases[i].length == length),
		    name);
		snprintf(inside, sizeof(inside), "a%sz", cases[i].bytes);
		CHECK(text_is_utf8(text_of(inside)) == (cases[i].length == length), name);
		for (size_t cut = 1; cut < length; cut++)
			CHECK(utf8_length((const unsigned char *)guarded(p, cut), cut) == 0, name);
	}
	CHECK(utf8_length((const unsigned char *)guarded("", 0), 0) == 0, "nothing left");
	CHECK(utf8_length((const unsigned char *)"", 1) == 1, "NUL");
	CHECK(text_is_utf8(TEXT("a\0b")), "NUL inside");
	CHECK(text_is_utf8(TEXT("")), "empty");
	CHECK(text_is_utf8((struct text){ NULL, 0 }), "absent");
	CHECK(!text_is_utf8(TEXT("ab\xe2\x82")), "cut at the end");
}

static void
decodes_hex(void)
{
	static const struct {
		const char *hex;
		const char *bytes; /* NULL: refused */
	} cases[] = {
		{ "", "" },
		{ "41", "A" },
		{ "6a6B", "jk" },
		{ "09afAF90", "\x09\xaf\xaf\x90" },
		{ "4", NULL },
		{ "414", NULL },
		{ "4g", NULL },
		{ "g4", NULL },
		{ "4G", NULL },
		{ "4/", NULL },
		{ "4:", NULL },
		{ "4@", NULL },
		{ "4`", NULL },
		{ "0x", NULL },
		{ " 4", NULL },
		{ "-4", NULL },
		{ "4\xb1", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].hex);
		struct text hex = { guarded(cases[i].hex, length), length };
		unsigned char out[8] = { 0 };
		bool fine = hex_decode(hex, out);

		CHECK(fine == (cases[i].bytes != NULL), cases[i].hex);
		if (fine)
			CHECK(memcmp(out, cases[i].bytes, length / 2) == 0 && out[length / 2] == 0,
			    cases[i].hex);
	}
}

static void
decodes_every_hex_byte(void)
{
	for (unsigned n = 0; n < 256; n++) {
		struct buf hex = { 0 };
		unsigned char byte = (unsigned char)n, back = 0;

		buf_hex(&hex, &byte, 1);
		CHECK(hex_decode(buf_view(&hex), &back) && back == byte, "round trip");
		buf_free(&hex);
	}
}

static void
decodes_base64url(void)
{
	static const struct {
		const char *text;
		const char *bytes; /* NULL: refused */
		size_t length;
	} cases[] = {
		{ "", "", 0 },
		{ "QQ", "A", 1 },
		{ "QUI", "AB", 2 },
		{ "QUJD", "ABC", 3 },
		{ "QUJDRA", "ABCD", 4 },
		{ "AAAA", "\0\0\0", 3 },
		{ "-_-_", "\xfb\xff\xbf", 3 },
		{ "_w", "\xff", 1 },
		{ "09az", "\xd3\xd6\xb3", 3 },
		{ "Q", NULL, 0 },
		{ "QUJDR", NULL, 0 },
		{ "QR", NULL, 0 }, /* the bits left over are not zero */
		{ "QUJ", NULL, 0 },
		{ "QQ==", NULL, 0 },
		{ "QQ=", NULL, 0 },
		{ "+/+/", NULL, 0 },
		{ "-/AA", NULL, 0 },
		{ "QU JD", NULL, 0 },
		{ "QUJD\n", NULL, 0 },
		{ "QUJ\x80", NULL, 0 },
		{ "@@@@", NULL, 0 },
		{ "[[[[", NULL, 0 },
		{ "````", NULL, 0 },
		{ "{{{{", NULL, 0 },
		{ "::::", NULL, 0 },
		{ "....", NULL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t room = strlen(cases[i].text), length = 99;
		struct text text = { guarded(cases[i].text, room), room };
		unsigned char out[16] = { 0 };
		bool fine = base64url_decode(text, out, &length);

		CHECK(fine == (cases[i].bytes != NULL), cases[i].text);
		CHECK(length <= BASE64URL_ROOM(room), cases[i].text);
		if (fine)
			CHECK(length == cases[i].length && memcmp(out, cases[i].bytes, length) == 0,
			    cases[i].text);
	}
}

static void
finds_what_needs_quotes(void)
{
	/* Longer than two of the machine's words; every byte at every place. */
	for (size_t at = 0; at < 19; at++)
		for (int byte = 0; byte < 256; byte++) {
			const bool fine = byte > ' ' && byte < 0x7f && byte != '"' && byte != '\\';
			char bytes[19];

			memset(bytes, at % 2 == 0 ? '!' : '~', sizeof(bytes));
			bytes[at] = (char)byte;
			if (text_plain((struct text){ bytes, sizeof(bytes) }, '!') !=
				(fine ? sizeof(bytes) : at) ||
			    text_plain((struct text){ bytes, sizeof(bytes) }, ' ') !=
				(fine || byte == ' ' ? sizeof(bytes) : at))
				CU_FAIL("a byte is taken for another");
		}
	for (size_t length = 0; length <= 17; length++) {
		struct text text = { guarded("aaaaaaaaaaaaaaaaa", length), length };

		CHECK(text_plain(text, ' ') == length, "reads no further");
	}
}

CU_TestInfo base_text_tests[] = {
	{ "compares", compares },
	{ "measures what is terminated", measures_what_is_terminated },
	{ "reads numbers", reads_numbers },
	{ "knows UTF-8", knows_utf8 },
	{ "finds what needs quotes", finds_what_needs_quotes },
	{ "decodes hexadecimal", decodes_hex },
	{ "decodes every hexadecimal byte", decodes_every_hex_byte },
	{ "decodes base64url", decodes_base64url },
	CU_TEST_INFO_NULL,
};
