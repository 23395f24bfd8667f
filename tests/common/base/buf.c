#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "json.h"
#include "unit.h"

static void
grows(void)
{
	struct buf buf = { 0 };
	struct text view = buf_view(&buf);

	CHECK(view.data != NULL && view.length == 0, "an unused one has a view");
	buf_add(&buf, NULL, 0);
	CHECK(buf.data == NULL, "adding nothing takes no memory");
	for (size_t i = 0; i < 100000; i++) {
		char c = (char)('a' + i % 26);

		buf_add(&buf, &c, 1);
	}
	CHECK(buf.length == 100000 && buf.capacity >= 100000, "length");
	for (size_t i = 0; i < 100000; i++)
		if (buf.data[i] != (char)('a' + i % 26)) {
			CHECK(false, "kept while growing");
			break;
		}
	buf_text(&buf, "end");
	CHECK(memcmp(buf.data + 100000, "end", 3) == 0 && buf.length == 100003, "text");
	buf_free(&buf);
	CHECK(buf.data == NULL && buf.length == 0 && buf.capacity == 0, "freed");
	buf_free(&buf);
}

static void
reserves(void)
{
	static const size_t sizes[] = { 0, 1, 255, 256, 257, 4096, 65536, 65537 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct buf buf = { 0 };
		char name[32], *at;

		snprintf(name, sizeof(name), "%zu", sizes[i]);
		buf_text(&buf, "abc");
		at = buf_reserve(&buf, sizes[i]);
		CHECK(at == buf.data + 3 && buf.length == 3, name);
		CHECK(buf.capacity - buf.length >= sizes[i], name);
		memset(at, 'x', sizes[i]); /* the sanitizer watches */
		CHECK(same_text(buf_view(&buf), "abc"), name);
		buf_free(&buf);
	}
}

static void
prints(void)
{
	/* Around the room that is reserved before the length is known. */
	static const int lengths[] = { 0, 1, 254, 255, 256, 257, 511, 512, 513, 5000 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (size_t front = 0; front < 3; front++) {
			struct buf buf = { 0 };
			char name[32];
			size_t expected = front * 100 + (size_t)lengths[i] + 1;

			snprintf(name, sizeof(name), "%d behind %zu", lengths[i], front * 100);
			for (size_t n = 0; n < front * 100; n++)
				buf_add(&buf, "f", 1);
			buf_printf(&buf, "%*s", lengths[i], "");
			buf_printf(&buf, "%c", 'z');
			CHECK(buf.length == expected, name);
			CHECK(buf.data[expected - 1] == 'z', name);
			for (size_t n = 0; n < expected - 1; n++)
				if (buf.data[n] != (n < front * 100 ? 'f' : ' ')) {
					CHECK(false, name);
					break;
				}
			buf_free(&buf);
		}
}

static void
consumes(void)
{
	static const struct {
		size_t length;
		const char *left;
	} cases[] = { { 0, "abcdef" }, { 1, "bcdef" }, { 5, "f" }, { 6, "" }, { 7, "" },
		{ SIZE_MAX, "" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf buf = { 0 };

		buf_text(&buf, "abcdef");
		buf_consume(&buf, cases[i].length);
		CHECK(same_text(buf_view(&buf), cases[i].left), cases[i].left);
		buf_text(&buf, "!");
		CHECK(buf.length == strlen(cases[i].left) + 1, cases[i].left);
		buf_free(&buf);
	}
}

static void
clears_and_wipes(void)
{
	struct buf buf = { 0 };
	char *data;
	size_t capacity;

	buf_wipe(&buf);
	CHECK(buf.length == 0, "an unused one");
	buf_text(&buf, "secret");
	data = buf.data;
	capacity = buf.capacity;
	buf_clear(&buf);
	CHECK(buf.length == 0 && buf.data == data && buf.capacity == capacity, "keeps its memory");
	CHECK(memcmp(data, "secret", 6) == 0, "clearing does not overwrite");
	memset(data, 's', capacity);
	buf_wipe(&buf);
	CHECK(buf.length == 0 && buf.data == data && buf.capacity == capacity, "wiped: the same");
	for (size_t i = 0; i < capacity; i++)
		if (data[i] != 0) {
			CHECK(false, "wiped: all of it, beyond the length too");
			break;
		}
	buf_free(&buf);
}

static void
writes_hex(void)
{
	struct buf buf = { 0 };

	buf_text(&buf, "x");
	buf_hex(&buf, "\x00\x01\x7f\x80\x9a\xff", 6);
	CHECK(same_text(buf_view(&buf), "x00017f809aff"), "bytes");
	buf_hex(&buf, "", 0);
	CHECK(buf.length == 13, "none");
	buf_free(&buf);
}

static void
writes_json_strings(void)
{
	static const struct {
		struct text in;
		const char *out;
	} cases[] = {
		{ TEXT(""), "\"\"" },
		{ { NULL, 0 }, "\"\"" },
		{ TEXT("plain"), "\"plain\"" },
		{ TEXT("\""), "\"\\\"\"" },
		{ TEXT("\\"), "\"\\\\\"" },
		{ TEXT("/"), "\"/\"" },
		{ TEXT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
		{ TEXT("\0"), "\"\\u0000\"" },
		{ TEXT("a\0b"), "\"a\\u0000b\"" },
		{ TEXT("\x01\x0b\x1f"), "\"\\u0001\\u000b\\u001f\"" },
		{ TEXT("\x20\x7e"), "\" ~\"" },
		{ TEXT("\x7f"), "\"\\u007f\"" },
		{ TEXT("\xc3\xa9"), "\"\xc3\xa9\"" },
		{ TEXT("a\xe2\x82\xac\xf0\x9f\x8e\x89z"), "\"a\xe2\x82\xac\xf0\x9f\x8e\x89z\"" },
		{ TEXT("\x80"), "\"\xef\xbf\xbd\"" },
		{ TEXT("\xff\xfe"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("a\xe2\x82"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("\xe2\x82z"), "\"\xef\xbf\xbd\xef\xbf\xbdz\"" },
		{ TEXT("</script>"), "\"</script>\"" },
		{ TEXT("\xc2\x85\xc2\x9b\xc2\xa0"), "\"\\u0085\\u009b\xc2\xa0\"" },
		{ TEXT("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9"), "\"\xe2\x80\xa7\\u2028\\u2029\"" },
		{ TEXT("a\xe2\x80\xae"
		       "b"),
		    "\"a\\u202eb\"" },
		{ TEXT("\xef\xbb\xbf\xef\xbf\xbc"), "\"\\ufeff\xef\xbf\xbc\"" },
		{ TEXT("\xf3\xa0\x80\x81\xf0\x9f\x98\x80"), "\"\\udb40\\udc01\xf0\x9f\x98\x80\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf buf = { 0 };
		struct text in = cases[i].in;

		if (in.data != NULL)
			in.data = guarded(in.data, in.length);
		buf_json(&buf, in);
		CHECK(same_text(buf_view(&buf), cases[i].out), cases[i].out);
		buf_free(&buf);
	}
}

/* Whatever goes in, a strict reader takes what comes out. */
static void
writes_only_json(void)
{
	for (unsigned n = 0; n < 65536; n++) {
		const char bytes[3] = { (char)(n >> 8), (char)n, 'z' };
		struct buf buf = { 0 };
		struct json_error error;
		struct json_object *value;
		char name[8];

		snprintf(name, sizeof(name), "%04x", n);
		buf_json(&buf, (struct text){ bytes, 3 });
		value = json_read(buf_view(&buf), JSON_NUL_ALLOWED, &error);
		if (value == NULL || !json_object_is_type(value, json_type_string))
			CHECK(false, name);
		else if (text_is_utf8((struct text){ bytes, 3 }) &&
		    (json_object_get_string_len(value) != 3 ||
			memcmp(json_object_get_string(value), bytes, 3) != 0))
			CHECK(false, name);
		json_object_put(value);
		buf_free(&buf);
	}
	CU_PASS("all pairs of bytes");
}

/* No character that does not show stands there raw, and none is lost. */
static void
escapes_what_does_not_show(void)
{
	size_t hidden = 0;

	for (uint32_t c = 0x80; c < 0x110000; c++) {
		char bytes[4], name[16];
		size_t n = 0;
		struct buf buf = { 0 };
		struct json_error error;
		struct json_object *value;

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		if (c > 0xffff) {
			bytes[n++] = (char)(0xf0 | c >> 18);
			bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		} else if (c > 0x7ff) {
			bytes[n++] = (char)(0xe0 | c >> 12);
		}
		bytes[n] = (char)(n == 0 ? 0xc0 | c >> 6 : 0x80 | (c >> 6 & 0x3f));
		n++;
		bytes[n++] = (char)(0x80 | (c & 0x3f));
		buf_json(&buf, (struct text){ bytes, n });
		if (character_shows(c)) {
			if (buf.length != n + 2 || memcmp(buf.data + 1, bytes, n) != 0)
				CHECK(false, "changed one that shows");
			buf_free(&buf);
			continue;
		}
		hidden++;
		snprintf(name, sizeof(name), "U+%04X", (unsigned)c);
		for (size_t i = 0; i < buf.length; i++)
			if ((unsigned char)buf.data[i] >= 0x7f)
				CHECK(false, name);
		value = json_read(buf_view(&buf), 0, &error);
		if (value == NULL || json_object_get_string_len(value) != (int)n ||
		    memcmp(json_object_get_string(value), bytes, n) != 0)
			CHECK(false, name);
		json_object_put(value);
		buf_free(&buf);
	}
	CHECK(hidden > 4096, "there are some");
}

static void
allocates_in_an_arena(void)
{
	static const size_t sizes[] = { 0, 1, 7, 16, 17, 100, 4000, 4096, 5000, 100000, 3 };
	struct arena arena = { 0 };
	unsigned char *given[2 * sizeof(sizes) / sizeof(sizes[0])];
	size_t count = 0;

	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i / 2];
		unsigned char *p = arena_alloc(&arena, 1, size);
		char name[32];
		bool zero = true;

		snprintf(name, sizeof(name), "%zu bytes", size);
		CHECK(p != NULL, name);
		CHECK((uintptr_t)p % alignof(max_align_t) == 0, name);
		for (size_t n = 0; n < size; n++)
			zero = zero && p[n] == 0;
		CHECK(zero, name);
		memset(p, (int)i + 1, size);
		given[count++] = p;
	}
	for (size_t i = 0; i < count; i++) {
		bool kept = true;

		for (size_t n = 0; n < sizes[i / 2]; n++)
			kept = kept && given[i][n] == i + 1;
		CHECK(kept, "no two overlap");
	}
	arena_free(&arena);
	CHECK(arena.first == NULL && arena.current == NULL, "freed");
	arena_free(&arena);
}

static void
reuses_an_arena(void)
{
	struct arena arena = { 0 };
	unsigned char *first, *again;
	bool zero = true;

	arena_reset(&arena);
	CHECK(arena.first == NULL, "an unused one");
	first = arena_alloc(&arena, 10, 10);
	memset(first, 0xff, 100);
	arena_alloc(&arena, 1, 10000);
	arena_alloc(&arena, 1, 10000);
	arena_reset(&arena);
	again = arena_alloc(&arena, 10, 10);
	CHECK(again == first, "the first block is kept");
	for (size_t i = 0; i < 100; i++)
		zero = zero && again[i] == 0;
	CHECK(zero, "zeroed again");
	memset(arena_alloc(&arena, 3, 5000), 1, 15000);
	arena_free(&arena);
}

static void
copies_into_an_arena(void)
{
	static const struct text texts[] = { TEXT(""), { NULL, 0 }, TEXT("a"), TEXT("a\0b"),
		TEXT("sixteen bytes ..") };
	struct arena arena = { 0 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct text copy = arena_copy(&arena, texts[i]);

		CHECK(copy.data != NULL && copy.data != texts[i].data, "a copy");
		CHECK(
		    copy.length == texts[i].length && copy.data[copy.length] == '\0', "terminated");
		CHECK(copy.length == 0 || memcmp(copy.data, texts[i].data, copy.length) == 0,
		    "the same bytes");
	}
	arena_free(&arena);
}

static void
gives_zeroed_memory(void)
{
	unsigned char *p = xcalloc(3, 5), *none = xcalloc(0, 5), *nothing = xcalloc(5, 0);
	bool zero = true;

	for (int i = 0; i < 15; i++)
		zero = zero && p[i] == 0;
	CHECK(zero, "zeroed");
	CHECK(none != NULL && nothing != NULL, "never NULL");
	free(p);
	free(none);
	free(nothing);
}

static void
writes_numbers(void)
{
	static const struct {
		int64_t number;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 7, "7" },
		{ 10, "10" },
		{ -1, "-1" },
		{ 4294967295, "4294967295" },
		{ INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf buf = { 0 };

		buf_number(&buf, cases[i].number);
		CHECK(same_text(buf_view(&buf), cases[i].text), cases[i].text);
		buf_free(&buf);
	}
}

/* Bytes that the kernel keeps out of swap for us, in KiB. */
static long
locked(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[128];
	long kib = -1;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "VmLck: %ld", &kib) == 1)
			break;
	if (status != NULL)
		fclose(status);
	return kib;
}

/* AddressSanitizer's mlock does nothing. */
#ifdef __SANITIZE_ADDRESS__
#define LOCKED(kib) (0 * (kib))
#else
#define LOCKED(kib) (kib)
#endif

static void
locks_secrets(void)
{
	char *page =
	    mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long before = locked();

	if (page == MAP_FAILED)
		abort();
	lock_secret((struct text){ NULL, 0 });
	CHECK(locked() == before, "nothing");
	lock_secret((struct text){ page + 100, 32 });
	CHECK(locked() == before + LOCKED(4), "the page that holds it");
	lock_secret((struct text){ page + 2 * 4096 - 1, 2 });
	CHECK(locked() == before + LOCKED(12), "both pages");
	munmap(page, 3 * 4096);
}

CU_TestInfo base_buf_tests[] = {
	{ "locks secrets", locks_secrets },
	{ "grows", grows },
	{ "reserves", reserves },
	{ "prints", prints },
	{ "consumes", consumes },
	{ "clears and wipes", clears_and_wipes },
	{ "writes numbers", writes_numbers },
	{ "writes hexadecimal", writes_hex },
	{ "writes JSON strings", writes_json_strings },
	{ "writes only JSON", writes_only_json },
	{ "escapes what does not show", escapes_what_does_not_show },
	{ "allocates in an arena", allocates_in_an_arena },
	{ "reuses an arena", reuses_an_arena },
	{ "copies into an arena", copies_into_an_arena },
	{ "gives zeroed memory", gives_zeroed_memory },
	CU_TEST_INFO_NULL,
};
