#include "json.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Reads from the end of a readable page. */
static struct json_object *
read_guarded(struct text text, unsigned flags, struct json_error *error)
{
	return json_read(
	    (struct text){ guarded(text.data, text.length), text.length }, flags, error);
}

static void
accepts(void)
{
	static const struct {
		struct text in;
		const char *out; /* as json-c writes it */
	} cases[] = {
		{ TEXT("{}"), "{}" },
		{ TEXT("[]"), "[]" },
		{ TEXT("0"), "0" },
		{ TEXT("-0"), "0" },
		{ TEXT("-1"), "-1" },
		{ TEXT("10"), "10" },
		{ TEXT("1234567890"), "1234567890" },
		{ TEXT("0.5"), "0.5" },
		{ TEXT("-0.0"), "-0.0" },
		{ TEXT("1e2"), "1e2" },
		{ TEXT("1E+2"), "1E+2" },
		{ TEXT("1e-2"), "1e-2" },
		{ TEXT("0e0"), "0e0" },
		{ TEXT("1.25e01"), "1.25e01" },
		{ TEXT("true"), "true" },
		{ TEXT("false"), "false" },
		{ TEXT("\"\""), "\"\"" },
		{ TEXT("\"a\""), "\"a\"" },
		{ TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\\"\\\\/\\b\\f\\n\\r\\t\"" },
		{ TEXT("\"\\u0041\\u00e9\\u20AC\\ud83c\\udf89\""),
		    "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\x89\"" },
		{ TEXT("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\x89\""),
		    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\x89\"" },
		{ TEXT("\"\\ud800\\udc00\\udbff\\udfff\""),
		    "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"" },
		{ TEXT("\"\x7f\""), "\"\x7f\"" },
		{ TEXT(" \t\r\n{ \t\r\n\"a\" \t\r\n: \t\r\n[ 1 , 2 ] , \"b\" : { } } \t\r\n"),
		    "{\"a\":[1,2],\"b\":{}}" },
		{ TEXT("[null,true,false,0,\"\",{},[]]"), "[null,true,false,0,\"\",{},[]]" },
		{ TEXT("{\"\":1}"), "{\"\":1}" },
		{ TEXT("[[[[]]],{\"a\":{\"b\":[{}]}}]"), "[[[[]]],{\"a\":{\"b\":[{}]}}]" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_error error = { JSON_CUT, 99 };
		struct json_object *value = read_guarded(cases[i].in, 0, &error);

		CHECK(value != NULL && error.problem == JSON_FINE && error.at == 0, cases[i].out);
		if (value == NULL)
			continue;
		CHECK(same_text(text_of(json_object_to_json_string_ext(value,
				    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)),
			  cases[i].out),
		    cases[i].out);
		json_object_put(value);
	}
}

static void
tells_null_from_failure(void)
{
	struct json_error error = { JSON_CUT, 99 };

	CHECK(json_read(TEXT("null"), 0, &error) == NULL && error.problem == JSON_FINE, "null");
	CHECK(json_read(TEXT(" null "), 0, &error) == NULL && error.problem == JSON_FINE, "blanks");
	CHECK(json_read(TEXT("nul"), 0, &error) == NULL && error.problem == JSON_CUT, "nul");
}

/* Each problem, and the offset of the byte that it is about. */
static void
refuses(void)
{
	static const struct {
		struct text in;
		enum json_problem problem;
		size_t at;
	} cases[] = {
		{ { NULL, 0 }, JSON_EMPTY, 0 },
		{ TEXT(""), JSON_EMPTY, 0 },
		{ TEXT(" \t\r\n"), JSON_EMPTY, 4 },

		{ TEXT("{"), JSON_CUT, 1 },
		{ TEXT("["), JSON_CUT, 1 },
		{ TEXT("[1"), JSON_CUT, 2 },
		{ TEXT("[1,"), JSON_CUT, 3 },
		{ TEXT("{\"a\""), JSON_CUT, 4 },
		{ TEXT("{\"a\":"), JSON_CUT, 5 },
		{ TEXT("{\"a\":1 "), JSON_CUT, 7 },
		{ TEXT("{\"a\":1,"), JSON_CUT, 7 },
		{ TEXT("\""), JSON_CUT, 1 },
		{ TEXT("\"a"), JSON_CUT, 2 },
		{ TEXT("\"\\"), JSON_CUT, 2 },
		{ TEXT("\"\\u"), JSON_CUT, 3 },
		{ TEXT("\"\\u12"), JSON_CUT, 5 },
		{ TEXT("\"\\ud800"), JSON_CUT, 7 },
		{ TEXT("\"\\ud800\\"), JSON_CUT, 8 },
		{ TEXT("\"\\ud800\\u"), JSON_CUT, 9 },
		{ TEXT("tru"), JSON_CUT, 3 },
		{ TEXT("-"), JSON_CUT, 1 },
		{ TEXT("1."), JSON_CUT, 2 },
		{ TEXT("1e"), JSON_CUT, 2 },
		{ TEXT("1e+"), JSON_CUT, 3 },

		{ TEXT("}"), JSON_SYNTAX, 0 },
		{ TEXT("]"), JSON_SYNTAX, 0 },
		{ TEXT(","), JSON_SYNTAX, 0 },
		{ TEXT("\xef\xbb\xbf{}"), JSON_SYNTAX, 0 },
		{ TEXT("'a'"), JSON_SYNTAX, 0 },
		{ TEXT("nope"), JSON_SYNTAX, 1 },
		{ TEXT("True"), JSON_SYNTAX, 0 },
		{ TEXT("NaN"), JSON_SYNTAX, 0 },
		{ TEXT("Infinity"), JSON_SYNTAX, 0 },
		{ TEXT("-Infinity"), JSON_SYNTAX, 1 },
		{ TEXT("+1"), JSON_SYNTAX, 0 },
		{ TEXT(".5"), JSON_SYNTAX, 0 },
		{ TEXT("1.x"), JSON_SYNTAX, 2 },
		{ TEXT("1ex"), JSON_SYNTAX, 2 },
		{ TEXT("--1"), JSON_SYNTAX, 1 },
		{ TEXT("-a"), JSON_SYNTAX, 1 },
		{ TEXT("/**/{}"), JSON_SYNTAX, 0 },
		{ TEXT("{}//"), JSON_AFTER, 2 },
		{ TEXT("[1,]"), JSON_SYNTAX, 3 },
		{ TEXT("[,1]"), JSON_SYNTAX, 1 },
		{ TEXT("[1 2]"), JSON_SYNTAX, 3 },
		{ TEXT("[1}"), JSON_SYNTAX, 2 },
		{ TEXT("{]"), JSON_SYNTAX, 1 },
		{ TEXT("{\"a\":1,}"), JSON_SYNTAX, 7 },
		{ TEXT("{,}"), JSON_SYNTAX, 1 },
		{ TEXT("{a:1}"), JSON_SYNTAX, 1 },
		{ TEXT("{1:1}"), JSON_SYNTAX, 1 },
		{ TEXT("{null:1}"), JSON_SYNTAX, 1 },
		{ TEXT("{\"a\" 1}"), JSON_SYNTAX, 5 },
		{ TEXT("{\"a\":}"), JSON_SYNTAX, 5 },
		{ TEXT("{\"a\":1 \"b\":2}"), JSON_SYNTAX, 7 },
		{ TEXT("{\"a\":1]"), JSON_SYNTAX, 6 },
		{ TEXT("\"\\x41\""), JSON_SYNTAX, 2 },
		{ TEXT("\"\\U0041\""), JSON_SYNTAX, 2 },
		{ TEXT("\"\\'\""), JSON_SYNTAX, 2 },
		{ TEXT("\"\\\0\""), JSON_SYNTAX, 2 },
		{ TEXT("\"\\u00g0\""), JSON_SYNTAX, 5 },
		{ TEXT("\"a\nb\""), JSON_SYNTAX, 2 },
		{ TEXT("\"a\tb\""), JSON_SYNTAX, 2 },
		{ TEXT("\"\x1f\""), JSON_SYNTAX, 1 },
		{ TEXT("\v1"), JSON_SYNTAX, 0 },
		{ TEXT("\f1"), JSON_SYNTAX, 0 },
		{ TEXT("\xc2\xa0"), JSON_SYNTAX, 0 },
		{ TEXT("\0"), JSON_SYNTAX, 0 },
		{ TEXT("[\0]"), JSON_SYNTAX, 1 },

		{ TEXT("{}x"), JSON_AFTER, 2 },
		{ TEXT("{} {}"), JSON_AFTER, 3 },
		{ TEXT("1 2"), JSON_AFTER, 2 },
		{ TEXT("01"), JSON_AFTER, 1 },
		{ TEXT("-01"), JSON_AFTER, 2 },
		{ TEXT("0x10"), JSON_AFTER, 1 },
		{ TEXT("1a"), JSON_AFTER, 1 },
		{ TEXT("truex"), JSON_AFTER, 4 },
		{ TEXT("nullx"), JSON_AFTER, 4 },
		{ TEXT("{}\0"), JSON_AFTER, 2 },
		{ TEXT("{}]"), JSON_AFTER, 2 },
		{ TEXT("\"a\"\"b\""), JSON_AFTER, 3 },
		{ TEXT("{}\xef\xbb\xbf"), JSON_AFTER, 2 },

		{ TEXT("\"a\0b\""), JSON_NUL, 2 },
		{ TEXT("\"\\u0000\""), JSON_NUL, 1 },
		{ TEXT("{\"ab\\u0000\":1}"), JSON_NUL, 4 },
		{ TEXT("{\"a\0\":1}"), JSON_NUL, 3 },

		{ TEXT("\"\x80\""), JSON_UTF8, 1 },
		{ TEXT("\"ab\xff\""), JSON_UTF8, 3 },
		{ TEXT("\"\xc0\x80\""), JSON_UTF8, 1 },
		{ TEXT("\"\xed\xa0\x80\""), JSON_UTF8, 1 },
		{ TEXT("\"\xe2\x82\""), JSON_UTF8, 1 },
		{ TEXT("\"a\xe2\x82"), JSON_UTF8, 2 }, /* cut, but first of all not UTF-8 */
		{ TEXT("\"\xf4\x90\x80\x80\""), JSON_UTF8, 1 },
		{ TEXT("{\"\xff\":1}"), JSON_UTF8, 2 },
		{ TEXT("\"\\ud800\""), JSON_UTF8, 1 },
		{ TEXT("\"\\uDBFFx\""), JSON_UTF8, 1 },
		{ TEXT("\"\\udc00\""), JSON_UTF8, 1 },
		{ TEXT("\"ab\\uDFFF\""), JSON_UTF8, 3 },
		{ TEXT("\"\\ud800\\n\""), JSON_UTF8, 1 },
		{ TEXT("\"\\ud800\\u0041\""), JSON_UTF8, 1 },
		{ TEXT("\"\\ud800\\ud800\""), JSON_UTF8, 1 },
		{ TEXT("\"\\ud800\\ue000\""), JSON_UTF8, 1 },
		{ TEXT("\"\\udc00\\ud800\""), JSON_UTF8, 1 },
		{ TEXT("[\xff]"), JSON_SYNTAX, 1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_error error = { JSON_FINE, 99 };
		struct text in = cases[i].in;
		struct json_object *value =
		    in.data == NULL ? json_read(in, 0, &error) : read_guarded(in, 0, &error);
		char name[64];

		snprintf(name, sizeof(name), "%zu: %.40s", i, in.data == NULL ? "-" : in.data);
		CHECK(value == NULL, name);
		CHECK(error.problem == cases[i].problem, name);
		CHECK(error.at == cases[i].at, name);
		json_object_put(value);
	}
}

/* What is cut off anywhere is called cut, except within a character, and never read beyond. */
static void
refuses_every_truncation(void)
{
	static const struct text whole =
	    TEXT("{\"a\\u00e9\xc3\xa9\\ud83c\\udf89\":[-1.5e+3,true,false,null],\"b\\n\":{}}");

	for (size_t length = 0; length < whole.length; length++) {
		struct text cut = { whole.data, length };
		struct json_error error = { JSON_FINE, 99 };
		char name[16];

		snprintf(name, sizeof(name), "%zu bytes", length);
		CHECK(read_guarded(cut, 0, &error) == NULL, name);
		CHECK(error.problem ==
			(length == 0                ? JSON_EMPTY
				: text_is_utf8(cut) ? JSON_CUT
						    : JSON_UTF8),
		    name);
		CHECK(error.at <= length, name);
	}
}

/* Nothing to expect but an answer, and that json-c agrees where the scan finds it fine. */
static void
survives_every_flipped_bit(void)
{
	static const struct text whole =
	    TEXT("{\"a\\u00e9\xc3\xa9\\ud83c\\udf89\":[-1.5e+3,true,false,null],\"b\\n\":{}}");

	for (size_t bit = 0; bit < 8 * whole.length; bit++) {
		char bytes[128], name[16];
		struct json_error error;
		struct json_object *value;

		memcpy(bytes, whole.data, whole.length);
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
		value = read_guarded((struct text){ bytes, whole.length }, 0, &error);
		snprintf(name, sizeof(name), "bit %zu", bit);
		CHECK((value != NULL) == (error.problem == JSON_FINE), name);
		CHECK(error.at <= whole.length, name);
		CHECK(value == NULL || json_object_is_type(value, json_type_object), name);
		json_object_put(value);
	}
}

static void
nest(struct buf *out, size_t depth, bool objects)
{
	buf_clear(out);
	for (size_t i = 0; i < depth; i++)
		buf_text(out, objects && i + 1 < depth ? "{\"a\":" : objects ? "{" : "[");
	for (size_t i = 0; i < depth; i++)
		buf_text(out, objects ? "}" : "]");
}

static void
limits_depth(void)
{
	struct buf text = { 0 };

	for (size_t depth = 1; depth <= 40; depth++)
		for (int objects = 0; objects < 2; objects++) {
			struct json_error error;
			struct json_object *value;
			char name[32];

			snprintf(
			    name, sizeof(name), "%zu %s", depth, objects ? "objects" : "arrays");
			nest(&text, depth, objects);
			value = read_guarded(buf_view(&text), 0, &error);
			CHECK((value != NULL) == (depth <= JSON_DEPTH), name);
			CHECK(error.problem == (depth <= JSON_DEPTH ? JSON_FINE : JSON_DEEP), name);
			CHECK(error.at ==
				(depth <= JSON_DEPTH ? 0 : (size_t)JSON_DEPTH * (objects ? 5 : 1)),
			    name);
			json_object_put(value);
		}
	/* Siblings do not add up, and a scalar in the deepest place is fine. */
	buf_clear(&text);
	for (size_t i = 0; i < JSON_DEPTH; i++)
		buf_text(&text, "[");
	buf_text(&text, "1");
	for (size_t i = 0; i < JSON_DEPTH - 1; i++)
		buf_text(&text, "],[]");
	buf_text(&text, "]");
	for (int i = 0; i < 2; i++) {
		struct json_error error;
		struct json_object *value = json_read(buf_view(&text), 0, &error);

		CHECK(value != NULL && error.problem == JSON_FINE, "siblings");
		json_object_put(value);
	}
	buf_clear(&text);
	for (size_t i = 0; i < 60000; i++)
		buf_text(&text, "[");
	{
		struct json_error error;

		CHECK(json_read(buf_view(&text), 0, &error) == NULL && error.problem == JSON_DEEP,
		    "60000");
	}
	buf_free(&text);
}

static void
allows_nul_when_told(void)
{
	static const struct {
		struct text in;
		bool fine;
		size_t length; /* of the string */
	} cases[] = {
		{ TEXT("\"\\u0000\""), true, 1 }, { TEXT("\"a\\u0000b\""), true, 3 },
		{ TEXT("\"a\0b\""), false, 0 },          /* a raw one is a control character */
		{ TEXT("{\"a\\u0000b\":1}"), false, 0 }, /* json-c would cut the name */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_error error;
		struct json_object *value = read_guarded(cases[i].in, JSON_NUL_ALLOWED, &error);

		CHECK((value != NULL) == cases[i].fine, cases[i].in.data);
		CHECK(error.problem == (cases[i].fine ? JSON_FINE : JSON_NUL), cases[i].in.data);
		if (value != NULL)
			CHECK((size_t)json_object_get_string_len(value) == cases[i].length,
			    cases[i].in.data);
		json_object_put(value);
	}
}

static void
keeps_the_last_of_equal_names(void)
{
	struct json_error error;
	struct json_object *value =
	    json_read(TEXT("{\"a\":1,\"b\":2,\"a\":3,\"\\u0061\":4,\"A\":5}"), 0, &error);

	CHECK(value != NULL && json_object_object_length(value) == 3, "members");
	CHECK(same_text(text_of(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN)),
		  "{\"a\":4,\"b\":2,\"A\":5}"),
	    "the last, by its decoded name; case matters");
	json_object_put(value);
}

static void
reads_huge_numbers(void)
{
	static const struct {
		const char *in;
		enum json_type type;
		int64_t value; /* of integers */
	} cases[] = {
		{ "9223372036854775807", json_type_int, INT64_MAX },
		{ "-9223372036854775808", json_type_int, INT64_MIN },
		{ "9223372036854775808", json_type_int, INT64_MAX },
		{ "18446744073709551615", json_type_int, INT64_MAX },
		{ "18446744073709551616", json_type_int, INT64_MAX },
		{ "-9223372036854775809", json_type_int, INT64_MIN },
		{ "100000000000000000000000000000000000000000", json_type_int, INT64_MAX },
		{ "-100000000000000000000000000000000000000000", json_type_int, INT64_MIN },
		{ "4294967296.0", json_type_double, 0 },
		{ "1e400", json_type_double, 0 },
		{ "-1e400", json_type_double, 0 },
		{ "1e-400", json_type_double, 0 },
		{ "1e99999999999999999999", json_type_double, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (int inside = 0; inside < 2; inside++) {
			struct json_error error;
			struct json_object *value, *number;
			char text[80];

			snprintf(text, sizeof(text), inside ? "[%s]" : "%s", cases[i].in);
			value = read_guarded(text_of(text), 0, &error);
			CHECK(value != NULL && error.problem == JSON_FINE, text);
			number = inside ? json_object_array_get_idx(value, 0) : value;
			CHECK(json_object_is_type(number, cases[i].type), text);
			if (cases[i].type == json_type_int)
				CHECK(json_object_get_int64(number) == cases[i].value, text);
			json_object_put(value);
		}
}

static void
explains(void)
{
	for (int a = JSON_FINE; a <= JSON_UTF8; a++) {
		const char *text = json_problem_text((enum json_problem)a);

		CHECK(text != NULL && text[0] != '\0' && text[strlen(text) - 1] != '.', "a clause");
		for (int b = JSON_FINE; b < a; b++)
			CHECK(strcmp(text, json_problem_text((enum json_problem)b)) != 0, text);
	}
}

CU_TestInfo base_json_tests[] = {
	{ "accepts", accepts },
	{ "tells null from failure", tells_null_from_failure },
	{ "refuses", refuses },
	{ "refuses every truncation", refuses_every_truncation },
	{ "survives every flipped bit", survives_every_flipped_bit },
	{ "limits depth", limits_depth },
	{ "allows NUL when told", allows_nul_when_told },
	{ "keeps the last of equal names", keeps_the_last_of_equal_names },
	{ "reads huge numbers", reads_huge_numbers },
	{ "explains", explains },
	CU_TEST_INFO_NULL,
};
