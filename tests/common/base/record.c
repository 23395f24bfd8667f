#include "record.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
writes_values(void)
{
	static const struct {
		struct text value;
		const char *logfmt, *json;
	} cases[] = {
		{ { "word", 4 }, "a=word\n", "{\"a\":\"word\"}\n" },
		{ { "a,b/c:d", 7 }, "a=a,b/c:d\n", "{\"a\":\"a,b/c:d\"}\n" },
		{ { "", 0 }, "a=\"\"\n", "{\"a\":\"\"}\n" },
		{ { "two words", 9 }, "a=\"two words\"\n", "{\"a\":\"two words\"}\n" },
		{ { "b=c", 3 }, "a=b=c\n", "{\"a\":\"b=c\"}\n" },
		{ { "\"", 1 }, "a=\"\\\"\"\n", "{\"a\":\"\\\"\"}\n" },
		{ { "\\", 1 }, "a=\"\\\\\"\n", "{\"a\":\"\\\\\"}\n" },
		{ { "\n", 1 }, "a=\"\\n\"\n", "{\"a\":\"\\n\"}\n" },
		{ { "\x7f", 1 }, "a=\"\\u007f\"\n", "{\"a\":\"\\u007f\"}\n" },
		{ { "\xc2\x9b", 2 }, "a=\"\\u009b\"\n", "{\"a\":\"\\u009b\"}\n" },
		{ { "\xe2\x80\xae", 3 }, "a=\"\\u202e\"\n", "{\"a\":\"\\u202e\"}\n" },
		{ { "\xc3\xa9", 2 }, "a=\"\xc3\xa9\"\n", "{\"a\":\"\xc3\xa9\"}\n" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (int format = RECORD_LOGFMT; format <= RECORD_JSON; format++) {
			const char *wanted =
			    format == RECORD_JSON ? cases[i].json : cases[i].logfmt;
			struct buf line = { 0 };

			record_text(&line, (enum record_format)format, "a", cases[i].value);
			record_end(&line, (enum record_format)format);
			CHECK(text_is(buf_view(&line), wanted), wanted);
			buf_free(&line);
		}
}

static void
separates_values(void)
{
	static const char *const wanted[] = { "a=1 n=-7 b=2\n",
		"{\"a\":\"1\",\"n\":-7,\"b\":\"2\"}\n" };

	for (int format = RECORD_LOGFMT; format <= RECORD_JSON; format++) {
		const enum record_format f = (enum record_format)format;
		struct buf line = { 0 };

		record_text(&line, f, "none", (struct text){ NULL, 0 });
		record_text(&line, f, "a", TEXT("1"));
		record_number(&line, f, "n", -7);
		record_text(&line, f, "none", (struct text){ NULL, 0 });
		record_text(&line, f, "b", TEXT("2"));
		record_end(&line, f);
		CHECK(text_is(buf_view(&line), wanted[format]), wanted[format]);
		buf_free(&line);
	}
}

CU_TestInfo base_record_tests[] = {
	{ "writes values", writes_values },
	{ "separates values", separates_values },
	CU_TEST_INFO_NULL,
};
