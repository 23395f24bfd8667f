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

/* `at` is where the second name begins, -1 where there is none. */
static void
refuses_equal_names_when_told(void)
{
	static const struct {
		const char *in;
		int at;
	} cases[] = {
		{ "{}", -1 },
		{ "{\"a\":1}", -1 },
		{ "{\"a\":1,\"b\":1,\"A\":1,\"aa\":1,\"\":1}", -1 },
		{ "{\"a\":1,\"a\":1}", 7 },
		{ "{\"\":1,\"\":1}", 6 },
		{ "{\"a\":1, \"b\":2 , \"a\":3, \"b\":4}", 16 },
		{ "{\"b\":1,\"a\":1,\"b\":1,\"a\":1}", 13 },
		{ "{\"a\":1,\"a\":2,\"a\":3}", 7 },
		/* Each object has names of its own. */
		{ "{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}", -1 },
		{ "{\"a\":{\"b\":1},\"b\":{\"a\":1}}", -1 },
		{ "[{\"a\":1},{\"a\":2}]", -1 },
		{ "{\"x\":{\"a\":1,\"b\":{},\"a\":1}}", 19 },
		{ "{\"a\":{\"b\":1},\"a\":{\"c\":1}}", 13 },
		{ "[0,[{\"a\":[],\"a\":{}}]]", 12 },
		/* Names, not strings. */
		{ "{\"a\":\"b\",\"b\":\"b\"}", -1 },
		{ "[\"a\",\"a\"]", -1 },
		/* The same once unescaped. */
		{ "{\"a\":1,\"\\u0061\":1}", 7 },
		{ "{\"\\u0061\":1,\"a\":1}", 12 },
		{ "{\"\\u006a\":1,\"\\u006A\":1}", 12 },
		{ "{\"/\":1,\"\\/\":1}", 7 },
		{ "{\"\\\"\":1,\"\\u0022\":1}", 8 },
		{ "{\"\\\\\":1,\"\\u005c\":1}", 8 },
		{ "{\"\\b\\f\\n\\r\\t\":1,\"\\u0008\\u000c\\u000a\\u000d\\u0009\":1}", 16 },
		{ "{\"\\n\":1,\"n\":1,\"\\t\":1,\"\\\\n\":1}", -1 },
		{ "{\"\xc3\xa9\":1,\"\\u00e9\":1}", 8 },
		{ "{\"\xc3\xa9\":1,\"\\u00e8\":1}", -1 },
		{ "{\"\xdf\xbf\":1,\"\\u07ff\":1}", 8 },
		{ "{\"\xe0\xa0\x80\":1,\"\\u0800\":1}", 9 },
		{ "{\"\xef\xbf\xbf\":1,\"\\uffff\":1}", 9 },
		{ "{\"\xf0\x9f\x8e\x89\":1,\"\\ud83c\\udf89\":1}", 10 },
		{ "{\"\xf4\x8f\xbf\xbfx\":1,\"\\udbff\\udfff\\u0078\":1}", 11 },
		{ "{\"x\\ud800\\udc00y\":1,\"x\xf0\x90\x80\x80y\":1}", 20 },
		{ "{\"a\\u0062c\":1,\"abd\":1,\"ab\\u0063\":1}", 22 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_error error = { JSON_CUT, 99 };
		struct json_object *value = read_guarded(text_of(cases[i].in), JSON_UNIQUE, &error);

		CHECK((value != NULL) == (cases[i].at < 0), cases[i].in);
		CHECK(error.problem == (cases[i].at < 0 ? JSON_FINE : JSON_DUPLICATE), cases[i].in);
		CHECK(error.at == (cases[i].at < 0 ? 0 : (size_t)cases[i].at), cases[i].in);
		json_object_put(value);
	}
}

/* Names by the thousand, alike but for their ends, take milliseconds. */
static void
compares_many_names(void)
{
	struct buf text = { 0 };
	struct json_error error;
	struct json_object *value;

	buf_text(&text, "{\"\":0");
	for (int i = 0; i < 100000; i++)
		buf_printf(&text, ",\"aaaaaaaa\\u0061%d\":0", i);
	buf_text(&text, "}");
	value = json_read(buf_view(&text), JSON_UNIQUE, &error);
	CHECK(value != NULL && json_object_object_length(value) == 100001, "all different");
	json_object_put(value);
	text.length--;
	buf_text(&text, ",\"aaaaaaaaa77777\":0}");
	CHECK(json_read(buf_view(&text), JSON_UNIQUE, &error) == NULL, "one twice");
	CHECK(error.problem == JSON_DUPLICATE && error.at == text.length - 19, "the last");
	buf_free(&text);
}

/* Each value counts as one and each name, whatever they hold. */
static void
counts_values_and_names(void)
{
	static const struct {
		const char *in;
		size_t values;
	} cases[] = {
		{ "0", 1 },
		{ "\"a long text, which is one value all the same\"", 1 },
		{ "[]", 1 },
		{ "{}", 1 },
		{ "[0]", 2 },
		{ "[[],{}]", 3 },
		{ "{\"a\":1}", 3 },
		{ "{\"a\":1,\"a\":1}", 5 },
		{ "{\"a\":{\"b\":[null,true,\"\",-1.5e3]}}", 9 },
		{ "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", 16 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_error error;
		struct json_object *value =
		    json_read_most(text_of(cases[i].in), 0, cases[i].values, &error);

		CHECK(value != NULL && error.problem == JSON_FINE, cases[i].in);
		json_object_put(value);
		value = json_read_most(text_of(cases[i].in), 0, cases[i].values - 1, &error);
		CHECK(value == NULL && error.problem == JSON_MANY, cases[i].in);
	}
}

/* `at` is where the first value or name begins that is one too many. */
static void
says_where_there_are_too_many(void)
{
	static const struct {
		const char *in;
		size_t most, at;
	} cases[] = {
		{ "0", 0, 0 },
		{ "[1, 2, 3]", 2, 4 },
		{ "{\"a\": 1}", 1, 1 },
		{ "{\"a\": 1}", 2, 6 },
		{ "[{},{}]", 2, 4 },
		/* What is wrong before that is said instead, and what follows it is not looked at.
		 */
		{ "[1,2,x", 2, 3 },
	};
	struct json_error error;

	for (size_t i = 0; i < COUNT(cases); i++) {
		CHECK(json_read_most(text_of(cases[i].in), JSON_UNIQUE, cases[i].most, &error) ==
			NULL,
		    cases[i].in);
		CHECK(error.problem == JSON_MANY && error.at == cases[i].at, cases[i].in);
	}
	CHECK(json_read_most(TEXT("[x,2,3]"), 0, 2, &error) == NULL &&
		error.problem == JSON_SYNTAX && error.at == 1,
	    "wrong before");
}

/* Whoever sets no number is bounded by what it would take: nothing here takes more than
 * JSON_MEMORY. */
static void
bounds_what_a_text_becomes(void)
{
	static const struct {
		const char *item, *last;
		size_t fits; /* so many do, and four times as many do not */
	} cases[] = {
		{ "{},", "{}", 30000 },
		{ "[],", "[]", 60000 },
		{ "0,", "0", 250000 },
		{ "{\"a\":0},", "{}", 30000 },
		{ "{\"\":[[[[]]]]},", "{}", 12000 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t times = 1; times <= 4; times += 3) {
			struct buf text = { 0 };
			struct json_error error;
			struct json_object *value;

			buf_text(&text, "[");
			for (size_t n = 0; n < times * cases[i].fits; n++)
				buf_text(&text, cases[i].item);
			buf_text(&text, cases[i].last);
			buf_text(&text, "]");
			value = json_read(buf_view(&text), 0, &error);
			CHECK((value != NULL) == (times == 1), cases[i].item);
			CHECK(error.problem == (times == 1 ? JSON_FINE : JSON_MANY), cases[i].item);
			json_object_put(value);
			buf_free(&text);
		}
}

static void
allows_comments_when_told(void)
{
	static const struct {
		struct text in;
		const char *out; /* NULL: refused */
		enum json_problem problem;
		size_t at;
	} cases[] = {
		{ TEXT("// a\n{// b\n\"a\"// c\n:// d\n1// e\n,// f\n\"b\":[// g\n]// h\n}// i"),
		    "{\"a\":1,\"b\":[]}", JSON_FINE, 0 },
		{ TEXT(
		      "/**/{/*a*/\"a\"/*b*/:/*c*/[/*d*/1/*e*/,/*f*/2/*g*/]/*h*/,\"b\":2/*i*/}/**/"),
		    "{\"a\":[1,2],\"b\":2}", JSON_FINE, 0 },
		{ TEXT("// one\n // two\n /* three */ /* four */ 1"), "1", JSON_FINE, 0 },
		{ TEXT("1//"), "1", JSON_FINE, 0 },
		{ TEXT("// a\r1"), "1", JSON_FINE, 0 },
		{ TEXT("// a\r\n1"), "1", JSON_FINE, 0 },
		{ TEXT("/* // \n */1"), "1", JSON_FINE, 0 },
		{ TEXT("/* /* */1"), "1", JSON_FINE, 0 },
		{ TEXT("/***/1"), "1", JSON_FINE, 0 },
		{ TEXT("/*\"*/1"), "1", JSON_FINE, 0 },
		{ TEXT("// \xff\0\n1"), "1", JSON_FINE, 0 },
		{ TEXT("[1/**//**/]"), "[1]", JSON_FINE, 0 },
		/* In strings they are none. */
		{ TEXT("[\"//a\",\"/*b*/\"]"), "[\"//a\",\"/*b*/\"]", JSON_FINE, 0 },
		{ TEXT("{\"/*\":\"*/\"}"), "{\"/*\":\"*/\"}", JSON_FINE, 0 },
		/* They end tokens, and a line comment what json-c would end later or sooner. */
		{ TEXT("1/**/2"), NULL, JSON_AFTER, 5 },
		{ TEXT("tr/**/ue"), NULL, JSON_SYNTAX, 2 },
		{ TEXT("{}// a\n}"), NULL, JSON_AFTER, 7 },
		{ TEXT("{}// a\r}"), NULL, JSON_AFTER, 7 },
		{ TEXT("/* */ */1"), NULL, JSON_SYNTAX, 6 },
		{ TEXT("/*/1"), NULL, JSON_CUT, 4 },
		{ TEXT("/*"), NULL, JSON_CUT, 2 },
		{ TEXT("1/* *"), NULL, JSON_CUT, 5 },
		{ TEXT("[1,/*"), NULL, JSON_CUT, 5 },
		{ TEXT("//"), NULL, JSON_EMPTY, 2 },
		{ TEXT("/**/"), NULL, JSON_EMPTY, 4 },
		{ TEXT("/"), NULL, JSON_SYNTAX, 0 },
		{ TEXT("[1/]"), NULL, JSON_SYNTAX, 2 },
		{ TEXT("1/"), NULL, JSON_AFTER, 1 },
		{ TEXT("# a\n1"), NULL, JSON_SYNTAX, 0 },
		{ TEXT("[1,/**/]"), NULL, JSON_SYNTAX, 7 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_error error = { JSON_CUT, 99 };
		struct json_object *value = read_guarded(cases[i].in, JSON_COMMENTS, &error);
		const char *name = cases[i].in.data;

		CHECK(error.problem == cases[i].problem && error.at == cases[i].at, name);
		CHECK((value != NULL) == (cases[i].out != NULL), name);
		if (value != NULL)
			CHECK(
			    same_text(text_of(json_object_to_json_string_ext(value,
					  JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)),
				cases[i].out),
			    name);
		json_object_put(value);
	}
}

static void
finds_equal_names_behind_comments(void)
{
	struct text in = TEXT("{\"a\":1,/*\"a\":2,*/\"b\":3,// \"b\"\n\"\\u0061\":4}");
	struct json_error error;

	CHECK(read_guarded(in, JSON_UNIQUE | JSON_COMMENTS, &error) == NULL, "refused");
	CHECK(error.problem == JSON_DUPLICATE && error.at == 30, "the last");
}

static void
counts_lines(void)
{
	struct text text = TEXT("a\nb\n\nc");
	static const size_t lines[] = { 1, 1, 2, 2, 3, 4, 4, 4 };

	for (size_t at = 0; at < COUNT(lines); at++)
		CHECK(json_line(text, at) == lines[at], "line");
	CHECK(json_line((struct text){ NULL, 0 }, 5) == 1, "nothing");
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
	for (int a = JSON_FINE; a <= JSON_DUPLICATE; a++) {
		const char *text = json_problem_text((enum json_problem)a);

		CHECK(text != NULL && text[0] != '\0' && text[strlen(text) - 1] != '.', "a clause");
		for (int b = JSON_FINE; b < a; b++)
			CHECK(strcmp(text, json_problem_text((enum json_problem)b)) != 0, text);
	}
}

static void
writes(void)
{
	struct buf out = { 0 };

	json_begin(&out, NULL, "{");
	json_begin(&out, "list", "[");
	json_put_item(&out, "a\"b");
	json_begin(&out, NULL, "{");
	buf_text(&out, "}");
	json_put_item(&out, "");
	buf_text(&out, "]");
	json_put_text(&out, "text", "c\n");
	json_put_number(&out, "number", -7);
	json_put_bool(&out, "yes", true);
	json_put_bool(&out, "no", false);
	buf_text(&out, "}");
	CHECK(text_is(buf_view(&out),
		  "{\"list\":[\"a\\\"b\",{},\"\"],\"text\":\"c\\n\",\"number\":-7,"
		  "\"yes\":true,\"no\":false}"),
	    "pieces");
	buf_free(&out);
}

/* Each value comes back as it was, and what json-c would write is written. */
static void
writes_values(void)
{
	static const char *const cases[] = { "null", "true", "false", "0", "-1",
		"9223372036854775807", "-9223372036854775808", "18446744073709551615", "0.5", "1e2",
		"1.25E-01", "\"\"", "\"a\\\"\\\\\\n\\u0001/\"", "\"\xc3\xa9\xf0\x9f\x8e\x89\"",
		"[]", "{}", "[null,[{}],1]", "{\"\":{\"a/b\":[true,null]},\"c\\\"\":\"\"}" };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_error error;
		struct json_object *value = json_read(text_of(cases[i]), 0, &error);
		struct buf out = { 0 };

		json_write(&out, value);
		CHECK(error.problem == JSON_FINE && text_is(buf_view(&out), cases[i]), cases[i]);
		buf_free(&out);
		json_object_put(value);
	}
}

static void
writes_what_does_not_show_so_that_it_does(void)
{
	struct json_object *value = json_object_new_string_len("a\xe2\x80\xae\0b", 6);
	struct buf out = { 0 };

	json_write(&out, value);
	CHECK(text_is(buf_view(&out), "\"a\\u202e\\u0000b\""), "a text with U+202E and NUL");
	buf_free(&out);
	json_object_put(value);
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
	{ "refuses equal names when told", refuses_equal_names_when_told },
	{ "compares many names", compares_many_names },
	{ "counts values and names", counts_values_and_names },
	{ "says where there are too many", says_where_there_are_too_many },
	{ "bounds what a text becomes", bounds_what_a_text_becomes },
	{ "allows comments when told", allows_comments_when_told },
	{ "finds equal names behind comments", finds_equal_names_behind_comments },
	{ "counts lines", counts_lines },
	{ "reads huge numbers", reads_huge_numbers },
	{ "explains", explains },
	{ "writes", writes },
	{ "writes values", writes_values },
	{ "writes what does not show so that it does", writes_what_does_not_show_so_that_it_does },
	CU_TEST_INFO_NULL,
};
