#include <stdlib.h>

#include "field.h"
#include "json.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct inner {
	int64_t number;
	struct text text;
	struct inner *deeper;
};

struct sample {
	struct text text, name, id;
	int64_t number, choice;
	bool flag;
	int maybe;
	struct inner *object;
	struct list list, texts, names;
};

static bool
has_no_x(struct text value, struct field_error *error)
{
	if (memchr(value.data, 'x', value.length) == NULL)
		return true;
	field_rule(error, "must have no x");
	return false;
}

static const struct choice choices[] = { { "one", 1 }, { "two", 2 }, { "1", 1 }, { "-7", 3 },
	{ NULL, 0 } };

static const struct field deeper_fields[] = {
	{ "number", FIELD_INT, FIELD_REQUIRED, offsetof(struct inner, number), 0, 9 },
	{ "t", FIELD_TEXT, 0, offsetof(struct inner, text), 1, 1 },
};
static const struct table deeper_table = TABLE(deeper_fields, struct inner);

static const struct field inner_fields[] = {
	{ "number", FIELD_INT, FIELD_REQUIRED, offsetof(struct inner, number), 0, UINT32_MAX },
	{ "text", FIELD_TEXT, 0, offsetof(struct inner, text), .check = has_no_x },
	{ "deeper", FIELD_OBJECT, 0, offsetof(struct inner, deeper), .nested = &deeper_table },
};
static const struct table inner_table = TABLE(inner_fields, struct inner);

#define AT(member) offsetof(struct sample, member)

static const struct field sample_fields[] = {
	{ "text", FIELD_TEXT, 0, AT(text), 2, 4, .check = has_no_x },
	{ "name", FIELD_NAME, 0, AT(name) },
	{ "id", FIELD_ID, 0, AT(id), 1, 12, .check = has_no_x },
	{ "number", FIELD_INT, 0, AT(number), -5, 10, .unit = "seconds", .fallback = 3 },
	{ "choice", FIELD_CHOICE, 0, AT(choice), .choices = choices, .fallback = 2 },
	{ "flag", FIELD_BOOL, 0, AT(flag), .fallback = 1 },
	{ "object", FIELD_OBJECT, 0, AT(object), .nested = &inner_table },
	{ "list", FIELD_LIST, 0, AT(list), .max = 2, .nested = &inner_table },
	{ "texts", FIELD_TEXTS, 0, AT(texts), .max = 3, .check = has_no_x },
	{ "names", FIELD_NAMES, 0, AT(names) },
};
static const struct table sample_table = TABLE(sample_fields, struct sample);
/* The same where numbers come as strings. */
static const struct table text_table = TEXT_TABLE(sample_fields, struct sample);

static struct json_object *
parse(const char *json)
{
	struct json_error error;
	struct json_object *object = json_read(text_of(json), JSON_NUL_ALLOWED, &error);

	CHECK(error.problem == JSON_FINE, json);
	return object;
}

/* Reads `in` by the table and writes it again: `out`; or fails at `field` by `rule`. */
struct read_case {
	const char *in, *out;
	const char *field, *rule;
	bool missing;
};

static bool
has_json(const struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->fields[i].kind == FIELD_JSON || table->fields[i].kind == FIELD_JSONS)
			return true;
	return false;
}

/* What was kept outlives the object, whose memory is not read any more. */
static void
check_keeping(const struct table *table, const struct read_case *c, struct json_object *object,
    void *out, struct arena *arena)
{
	struct buf written = { 0 };

	field_keep(table, out, arena);
	field_forget(table, out);
	json_object_put(object);
	field_write(&written, table, out);
	CHECK(has_json(table) || same_text(buf_view(&written), c->out), c->in);
	buf_free(&written);
}

static void
check_reading(const struct table *table, const struct read_case *c)
{
	struct json_object *object = parse(c->in);
	struct arena arena = { 0 };
	struct field_error error = { true, "left over", "left over" };
	char *out = xcalloc(1, table->size);
	struct buf written = { 0 };

	memset(out, 0x55, table->size);
	if (field_read(table, object, &arena, out, &error)) {
		CHECK(c->out != NULL, c->in);
		CHECK(error.field[0] == '\0' && error.rule[0] == '\0' && !error.missing, c->in);
		field_write(&written, table, out);
		CHECK(c->out == NULL || same_text(buf_view(&written), c->out), c->in);
		check_keeping(table, c, object, out, &arena);
		object = NULL;
	} else {
		CHECK(c->out == NULL, c->in);
		CHECK(c->field != NULL && same_text(text_of(error.field), c->field), c->in);
		CHECK(c->rule != NULL && same_text(text_of(error.rule), c->rule), c->in);
		CHECK(error.missing == c->missing, c->in);
	}
	free(out);
	buf_free(&written);
	arena_free(&arena);
	json_object_put(object);
}

#define HEX_8 "ff01fe02fd03fc04"
#define HEX_40 HEX_8 HEX_8 HEX_8 HEX_8 HEX_8
#define REST "\"number\":3,\"choice\":\"two\",\"flag\":true"
#define NUMBER_RULE "must be a whole number of seconds, -5 to 10"
#define CHOICE_RULE "must be one, two, 1 or -7"
#define ID_RULE "must be a string or a whole number, 0 to 4294967295"
#define HEX_RULE "must be an even number of hexadecimal digits"
#define INNER_RULE "must be a whole number, 0 to 4294967295"

static void
reads_each_kind(void)
{
	static const struct read_case cases[] = {
		{ "{}", "{" REST "}" },
		{ "{\"unknown\":1,\"number2\":[{}]}", "{" REST "}" },
		{ "[]", .field = "", .rule = "must be an object" },
		{ "\"text\"", .field = "", .rule = "must be an object" },

		{ "{\"text\":\"ab\"}", "{\"text\":\"ab\"," REST "}" },
		{ "{\"text\":\"abcd\"}", "{\"text\":\"abcd\"," REST "}" },
		{ "{\"text\":null}", "{" REST "}" },
		{ "{\"text\":\"a\\u0000\"}", "{\"text\":\"a\\u0000\"," REST "}" },
		{ "{\"text\":\"\"}", .field = "text", .rule = "must not be empty" },
		{ "{\"text\":\"a\"}", .field = "text", .rule = "must be at least 2 bytes long" },
		{ "{\"text\":\"abcde\"}", .field = "text",
		    .rule = "must be at most 4 bytes long and has 5" },
		{ "{\"text\":\"\xc3\xa9\xc3\xa9\xc3\xa9\"}", .field = "text",
		    .rule = "must be at most 4 bytes long and has 6" },
		{ "{\"text\":\"axb\"}", .field = "text", .rule = "must have no x" },
		{ "{\"text\":12}", .field = "text", .rule = "must be a string" },
		{ "{\"text\":true}", .field = "text", .rule = "must be a string" },
		{ "{\"text\":[\"ab\"]}", .field = "text", .rule = "must be a string" },
		{ "{\"text\":{}}", .field = "text", .rule = "must be a string" },

		{ "{\"name\":\"\"}", "{\"name\":\"\"," REST "}" },
		{ "{\"name\":\"\xc3\xa9\"}", "{\"name\":\"\xc3\xa9\"," REST "}" },
		{ "{\"name\":null,\"nameHex\":\"ff00\"}",
		    "{\"name\":null,\"nameHex\":\"ff00\"," REST "}" },
		{ "{\"nameHex\":\"FF\"}", "{\"name\":null,\"nameHex\":\"ff\"," REST "}" },
		{ "{\"nameHex\":\"4142\"}", "{\"name\":\"AB\"," REST "}" },
		{ "{\"nameHex\":\"\"}", "{\"name\":\"\"," REST "}" },
		{ "{\"name\":\"n\",\"nameHex\":\"ff\"}", "{\"name\":\"n\"," REST "}" },
		{ "{\"name\":null,\"nameHex\":null}", "{" REST "}" },
		{ "{\"nameHex\":\"f\"}", .field = "name", .rule = HEX_RULE },
		{ "{\"nameHex\":\"fg\"}", .field = "name", .rule = HEX_RULE },
		{ "{\"nameHex\":12}", .field = "name", .rule = HEX_RULE },
		{ "{\"name\":1}", .field = "name", .rule = "must be a string" },

		{ "{\"id\":\"007\"}", "{\"id\":\"007\"," REST "}" },
		{ "{\"id\":0}", "{\"id\":\"0\"," REST "}" },
		{ "{\"id\":-0}", "{\"id\":\"0\"," REST "}" },
		{ "{\"id\":4294967295}", "{\"id\":\"4294967295\"," REST "}" },
		{ "{\"id\":4294967296}", .field = "id", .rule = ID_RULE },
		{ "{\"id\":-1}", .field = "id",
		    .rule = "must be a whole number, 0 to 4294967295: this negative number is "
			    "4294967295 as an unsigned one, so send that" },
		{ "{\"id\":-2147483648}", .field = "id",
		    .rule = "must be a whole number, 0 to 4294967295: this negative number is "
			    "2147483648 as an unsigned one, so send that" },
		{ "{\"id\":-2147483649}", .field = "id",
		    .rule = "must not be a negative number, but 0 to 4294967295" },
		{ "{\"id\":99999999999999999999999}", .field = "id", .rule = ID_RULE },
		{ "{\"id\":18446744073709551615}", .field = "id", .rule = ID_RULE },
		{ "{\"id\":1.0}", "{\"id\":\"1\"," REST "}" },
		{ "{\"id\":1e3}", "{\"id\":\"1000\"," REST "}" },
		{ "{\"id\":4294967295.0}", "{\"id\":\"4294967295\"," REST "}" },
		{ "{\"id\":4294967296.0}", .field = "id", .rule = ID_RULE },
		{ "{\"id\":-1.0}", .field = "id",
		    .rule = "must be a whole number, 0 to 4294967295: this negative number is "
			    "4294967295 as an unsigned one, so send that" },
		{ "{\"id\":1.5}", .field = "id", .rule = ID_RULE },
		{ "{\"id\":1e400}", .field = "id", .rule = ID_RULE },
		{ "{\"id\":true}", .field = "id", .rule = ID_RULE },
		{ "{\"id\":[1]}", .field = "id", .rule = ID_RULE },
		{ "{\"id\":{}}", .field = "id", .rule = ID_RULE },
		{ "{\"id\":\"\"}", .field = "id", .rule = "must not be empty" },
		{ "{\"id\":\"1234567890123\"}", .field = "id",
		    .rule = "must be at most 12 bytes long and has 13" },
		{ "{\"id\":\"x\"}", .field = "id", .rule = "must have no x" },

		{ "{\"number\":-5}", "{\"number\":-5,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":10}", "{\"number\":10,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":0}", "{\"number\":0,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":null}", "{" REST "}" },
		{ "{\"number\":-6}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":11}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":18446744073709551616}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":18446744073709551615}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":-99999999999999999999}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":4294967296}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":5.0}", "{\"number\":5,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":5e0}", "{\"number\":5,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":1e1}", "{\"number\":10,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":100E-1}", "{\"number\":10,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":-5.0}", "{\"number\":-5,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":-0.0}", "{\"number\":0,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":\"5\"}", "{\"number\":5,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":\"-5\"}", "{\"number\":-5,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":5.5}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":1e2}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":1e400}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":-1e19}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"11\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\" 5\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"+5\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"--5\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"0x5\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"5s\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"99999999999999999999\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":true}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":[]}", .field = "number", .rule = NUMBER_RULE },

		{ "{\"choice\":\"one\"}", "{\"number\":3,\"choice\":\"one\",\"flag\":true}" },
		{ "{\"choice\":\"1\"}", "{\"number\":3,\"choice\":\"one\",\"flag\":true}" },
		{ "{\"choice\":1}", "{\"number\":3,\"choice\":\"one\",\"flag\":true}" },
		{ "{\"choice\":-7}", "{\"number\":3,\"choice\":\"-7\",\"flag\":true}" },
		{ "{\"choice\":\"One\"}", .field = "choice", .rule = CHOICE_RULE },
		{ "{\"choice\":\"\"}", .field = "choice", .rule = CHOICE_RULE },
		{ "{\"choice\":\"one\\u0000\"}", .field = "choice", .rule = CHOICE_RULE },
		{ "{\"choice\":2}", .field = "choice", .rule = CHOICE_RULE },
		{ "{\"choice\":1.0}", "{\"number\":3,\"choice\":\"one\",\"flag\":true}" },
		{ "{\"choice\":1.5}", .field = "choice", .rule = CHOICE_RULE },
		{ "{\"choice\":true}", .field = "choice", .rule = CHOICE_RULE },
		{ "{\"choice\":[\"one\"]}", .field = "choice", .rule = CHOICE_RULE },

		{ "{\"flag\":true}", "{" REST "}" },
		{ "{\"flag\":false}", "{\"number\":3,\"choice\":\"two\",\"flag\":false}" },
		{ "{\"flag\":null}", "{" REST "}" },
		{ "{\"flag\":1}", .field = "flag", .rule = "must be true or false" },
		{ "{\"flag\":\"true\"}", .field = "flag", .rule = "must be true or false" },

		{ "{\"object\":{\"number\":4294967295}}",
		    "{" REST ",\"object\":{\"number\":4294967295}}" },
		{ "{\"object\":{\"number\":1,\"text\":\"\",\"deeper\":{\"number\":9}}}",
		    "{" REST
		    ",\"object\":{\"number\":1,\"text\":\"\",\"deeper\":{\"number\":9}}}" },
		{ "{\"object\":null}", "{" REST "}" },
		{ "{\"object\":{}}", .field = "object.number", .rule = "is required", true },
		{ "{\"object\":{\"number\":null}}", .field = "object.number", .rule = "is required",
		    true },
		{ "{\"object\":{\"number\":-1}}", .field = "object.number", .rule = INNER_RULE },
		{ "{\"object\":{\"number\":1,\"text\":\"x\"}}", .field = "object.text",
		    .rule = "must have no x" },
		{ "{\"object\":{\"number\":1,\"deeper\":{\"number\":10}}}",
		    .field = "object.deeper.number", .rule = "must be a whole number, 0 to 9" },
		{ "{\"object\":{\"number\":1,\"deeper\":{\"number\":1,\"t\":\"ab\"}}}",
		    .field = "object.deeper.t", .rule = "must be at most 1 bytes long and has 2" },
		{ "{\"object\":{\"number\":1,\"deeper\":{\"number\":1,\"t\":\"\"}}}",
		    .field = "object.deeper.t", .rule = "must not be empty" },
		{ "{\"object\":{\"number\":1,\"deeper\":[]}}", .field = "object.deeper",
		    .rule = "must be an object" },
		{ "{\"object\":[]}", .field = "object", .rule = "must be an object" },
		{ "{\"object\":1}", .field = "object", .rule = "must be an object" },

		{ "{\"list\":[]}", "{" REST ",\"list\":[]}" },
		{ "{\"list\":[{\"number\":1},{\"number\":2,\"text\":\"t\"}]}",
		    "{" REST ",\"list\":[{\"number\":1},{\"number\":2,\"text\":\"t\"}]}" },
		{ "{\"list\":null}", "{" REST "}" },
		{ "{\"list\":[{\"number\":1},{}]}", .field = "list[1].number",
		    .rule = "is required", true },
		{ "{\"list\":[{\"number\":1,\"deeper\":{\"number\":\"x\"}}]}",
		    .field = "list[0].deeper.number", .rule = "must be a whole number, 0 to 9" },
		{ "{\"list\":[{\"number\":1},1]}", .field = "list[1]",
		    .rule = "must be an object" },
		{ "{\"list\":[null]}", .field = "list[0]", .rule = "must be an object" },
		{ "{\"list\":[{\"number\":1},{\"number\":1},{\"number\":1}]}", .field = "list",
		    .rule = "must have at most 2 items" },
		{ "{\"list\":{\"number\":1}}", .field = "list", .rule = "must be an array" },
		{ "{\"list\":\"[]\"}", .field = "list", .rule = "must be an array" },

		{ "{\"texts\":[]}", "{" REST ",\"texts\":[]}" },
		{ "{\"texts\":[\"a\",\"\",\"a\"]}", "{" REST ",\"texts\":[\"a\",\"\",\"a\"]}" },
		{ "{\"texts\":[\"a\",\"b\",\"c\",\"d\"]}", .field = "texts",
		    .rule = "must have at most 3 items" },
		{ "{\"texts\":[\"a\",1]}", .field = "texts[1]", .rule = "must be a string" },
		{ "{\"texts\":[null]}", .field = "texts[0]", .rule = "must be a string" },
		{ "{\"texts\":[[\"a\"]]}", .field = "texts[0]", .rule = "must be a string" },
		{ "{\"texts\":[\"a\",\"b\",\"x\"]}", .field = "texts[2]",
		    .rule = "must have no x" },
		{ "{\"texts\":\"a\"}", .field = "texts", .rule = "must be an array" },

		{ "{\"names\":[]}", "{" REST ",\"names\":[]}" },
		{ "{\"names\":[\"a\",null,\"b\",null],\"namesHex\":[\"ff\",\"00fe\"]}",
		    "{" REST ",\"names\":[\"a\",null,\"b\",null],\"namesHex\":[\"ff\",\"00fe\"]}" },
		{ "{\"names\":[null,null],\"namesHex\":[\"" HEX_40 "\",\"" HEX_40 "ff\"]}",
		    "{" REST ",\"names\":[null,null],\"namesHex\":[\"" HEX_40 "\",\"" HEX_40
		    "ff\"]}" },
		{ "{\"names\":[null],\"namesHex\":[\"41\",\"zz\"]}",
		    "{" REST ",\"names\":[\"A\"]}" },
		{ "{\"names\":[\"a\"],\"namesHex\":\"zz\"}", "{" REST ",\"names\":[\"a\"]}" },
		{ "{\"names\":[null]}", .field = "names[0]", .rule = HEX_RULE },
		{ "{\"names\":[\"a\",null],\"namesHex\":[]}", .field = "names[1]",
		    .rule = HEX_RULE },
		{ "{\"names\":[null],\"namesHex\":\"ff\"}", .field = "names[0]", .rule = HEX_RULE },
		{ "{\"names\":[null],\"namesHex\":[\"f\"]}", .field = "names[0]",
		    .rule = HEX_RULE },
		{ "{\"names\":[null],\"namesHex\":[null]}", .field = "names[0]", .rule = HEX_RULE },
		{ "{\"names\":[null,null],\"namesHex\":[\"ff\"]}", .field = "names[1]",
		    .rule = HEX_RULE },
		{ "{\"names\":[1]}", .field = "names[0]", .rule = "must be a string" },
		{ "{\"names\":\"a\"}", .field = "names", .rule = "must be an array" },

		/* the first row that is wrong is the one that is told */
		{ "{\"texts\":1,\"number\":11,\"text\":\"\"}", .field = "text",
		    .rule = "must not be empty" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_reading(&sample_table, &cases[i]);
}

static void
reads_text_sources(void)
{
	static const struct read_case cases[] = {
		{ "{\"number\":\"10\"}", "{\"number\":10,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":\"007\"}", "{\"number\":7,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":\"-5\"}", "{\"number\":-5,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":\"-0\"}", "{\"number\":0,\"choice\":\"two\",\"flag\":true}" },
		{ "{\"number\":\"\"}", "{" REST "}" },
		{ "{\"number\":\"11\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"-6\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"-\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"--1\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"+1\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\" 1\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"1 \"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"1.0\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"1e1\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"0x1\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"1\\u0000\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"9223372036854775808\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"18446744073709551617\"}", .field = "number", .rule = NUMBER_RULE },
		{ "{\"number\":\"-9223372036854775807\"}", .field = "number", .rule = NUMBER_RULE },

		{ "{\"choice\":\"one\"}", "{\"number\":3,\"choice\":\"one\",\"flag\":true}" },
		{ "{\"choice\":\"1\"}", "{\"number\":3,\"choice\":\"one\",\"flag\":true}" },
		{ "{\"choice\":\"\"}", "{" REST "}" },
		{ "{\"choice\":\"2\"}", .field = "choice", .rule = CHOICE_RULE },

		{ "{\"flag\":\"false\"}", "{\"number\":3,\"choice\":\"two\",\"flag\":false}" },
		{ "{\"flag\":\"0\"}", "{\"number\":3,\"choice\":\"two\",\"flag\":false}" },
		{ "{\"flag\":\"off\"}", "{\"number\":3,\"choice\":\"two\",\"flag\":false}" },
		{ "{\"flag\":\"true\"}", "{" REST "}" },
		{ "{\"flag\":\"1\"}", "{" REST "}" },
		{ "{\"flag\":\"on\"}", "{" REST "}" },
		{ "{\"flag\":\"\"}", "{" REST "}" },
		{ "{\"flag\":\"TRUE\"}", .field = "flag", .rule = "must be true or false" },
		{ "{\"flag\":\"yes\"}", .field = "flag", .rule = "must be true or false" },

		{ "{\"text\":\"\"}", "{" REST "}" },
		{ "{\"text\":\"a\"}", .field = "text", .rule = "must be at least 2 bytes long" },
		{ "{\"id\":\"12\"}", "{\"id\":\"12\"," REST "}" },
		{ "{\"id\":\"\"}", "{" REST "}" },
	};
	/* Without numbers below 0, a minus is wrong. */
	static const struct field positive_fields[] = {
		{ "number", FIELD_INT, FIELD_REQUIRED, AT(number), 0, 10 },
	};
	static const struct table positive = TEXT_TABLE(positive_fields, struct sample);
	static const struct read_case positive_cases[] = {
		{ "{\"number\":\"0\"}", "{\"number\":0}" },
		{ "{\"number\":\"-0\"}", .field = "number",
		    .rule = "must be a whole number, 0 to 10" },
		{ "{\"number\":\"-1\"}", .field = "number",
		    .rule = "must be a whole number, 0 to 10" },
		{ "{\"number\":\"\"}", .field = "number", .rule = "is required", true },
	};

	/* A text that may be a number, and a word in any case. */
	static const struct field loose_fields[] = {
		{ "text", FIELD_TEXT, FIELD_OR_DIGITS, AT(text), 1, 16 },
		{ "id", FIELD_TEXT, FIELD_SCOPE, AT(id) },
		{ "choice", FIELD_CHOICE, FIELD_WORD, AT(choice), .choices = choices,
		    .fallback = 2 },
	};
	static const struct table loose = TABLE(loose_fields, struct sample);
	static const char digits_rule[] =
	    "must be a string, or a whole number that is not negative";
	static const struct read_case loose_cases[] = {
		{ "{\"text\":7,\"id\":0}", "{\"text\":\"7\",\"id\":\"0\",\"choice\":\"two\"}" },
		{ "{\"text\":9007199254740991}",
		    "{\"text\":\"9007199254740991\",\"choice\":\"two\"}" },
		{ "{\"text\":9007199254740992}", .field = "text", .rule = digits_rule },
		{ "{\"text\":-1}", .field = "text", .rule = digits_rule },
		{ "{\"id\":true}", .field = "id", .rule = digits_rule },
		{ "{\"choice\":\"\"}", "{\"choice\":\"two\"}" },
		{ "{\"choice\":\"oNE\"}", "{\"choice\":\"one\"}" },
		{ "{\"choice\":\"one \"}", .field = "choice", .rule = "must be one, two, 1 or -7" },
	};

	for (size_t i = 0; i < COUNT(loose_cases); i++)
		check_reading(&loose, &loose_cases[i]);
	for (size_t i = 0; i < COUNT(cases); i++)
		check_reading(&text_table, &cases[i]);
	for (size_t i = 0; i < COUNT(positive_cases); i++)
		check_reading(&positive, &positive_cases[i]);
}

static void
matches_names(void)
{
	static const struct {
		const char *object, *name, *value; /* NULL = absent */
	} cases[] = {
		{ "{\"ab\":1}", "ab", "1" },
		{ "{\"AB\":1}", "ab", "1" },
		{ "{\"aB\":1}", "Ab", "1" },
		{ "{\"AB\":1,\"ab\":2}", "ab", "2" },
		{ "{\"ab\":2,\"AB\":1}", "ab", "2" },
		{ "{\"AB\":1,\"ab\":2}", "AB", "1" },
		{ "{\"abc\":1}", "ab", NULL },
		{ "{\"a\":1}", "ab", NULL },
		{ "{\"ab \":1}", "ab", NULL },
		{ "{}", "ab", NULL },
		{ "{\"ab\":null}", "ab", NULL },
		{ "{\"AB\":null}", "ab", NULL },
		{ "{\"AB\":1,\"ab\":null}", "ab", NULL },
		{ "{\"\xc3\x84\":1}", "\xc3\xa4", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_object *object = parse(cases[i].object), *value;

		value = field_member(object, cases[i].name);
		CHECK((value != NULL) == (cases[i].value != NULL), cases[i].object);
		if (value != NULL && cases[i].value != NULL)
			CHECK(same_text(text_of(json_object_get_string(value)), cases[i].value),
			    cases[i].object);
		json_object_put(object);
	}
}

static void
reads_names_without_case(void)
{
	static const struct read_case cases[] = {
		{ "{\"TEXT\":\"ab\",\"Number\":7,\"CHOICE\":1,\"fLAG\":false}",
		    "{\"text\":\"ab\",\"number\":7,\"choice\":\"one\",\"flag\":false}" },
		{ "{\"TEXT\":\"ab\",\"text\":\"cd\"}", "{\"text\":\"cd\"," REST "}" },
		{ "{\"text\":\"cd\",\"TEXT\":5}", "{\"text\":\"cd\"," REST "}" },
		{ "{\"NAMEHEX\":\"ff\"}", "{\"name\":null,\"nameHex\":\"ff\"," REST "}" },
		{ "{\"OBJECT\":{\"NUMBER\":1}}", "{" REST ",\"object\":{\"number\":1}}" },
		{ "{\"OBJECT\":{\"NUMBER\":-1}}", .field = "object.number", .rule = INNER_RULE },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_reading(&sample_table, &cases[i]);
}

/* `when`: rows that depend on a deciding choice. */

struct decided {
	int64_t kind, number;
	struct text always, a, b, text;
};

static const struct choice deciding[] = { { "a", 0 }, { "b", 1 }, { "alias", 1 }, { "last", 63 },
	{ NULL, 0 } };

#undef AT
#define AT(member) offsetof(struct decided, member)
#define A UINT64_C(1)
#define B UINT64_C(2)
#define LAST (UINT64_C(1) << 63)

static const struct field decided_fields[] = {
	{ "kind", FIELD_CHOICE, FIELD_REQUIRED | FIELD_DECIDES, AT(kind), .choices = deciding },
	{ "always", FIELD_TEXT, 0, AT(always) },
	{ "a", FIELD_TEXT, FIELD_REQUIRED, AT(a), .when = A },
	{ "b", FIELD_TEXT, FIELD_IGNORED, AT(b), .when = B | LAST },
	/* one name, another rule for each kind */
	{ "both", FIELD_INT, FIELD_OMIT, AT(number), 0, 9, .fallback = -1, .when = A },
	{ "both", FIELD_TEXT, FIELD_REQUIRED, AT(text), .when = B },
};
static const struct table decided_table = TABLE(decided_fields, struct decided);

static void
reads_what_the_choice_allows(void)
{
	static const struct read_case cases[] = {
		{ "{}", .field = "kind", .rule = "is required", true },
		{ "{\"kind\":\"c\"}", .field = "kind", .rule = "must be a, b, alias or last" },
		{ "{\"kind\":\"a\",\"a\":\"1\"}", "{\"kind\":\"a\",\"a\":\"1\"}" },
		{ "{\"a\":\"1\",\"kind\":\"a\",\"always\":\"2\"}",
		    "{\"kind\":\"a\",\"always\":\"2\",\"a\":\"1\"}" },
		{ "{\"kind\":\"a\"}", .field = "a", .rule = "is required", true },
		{ "{\"kind\":\"a\",\"a\":\"1\",\"b\":\"ignored\"}",
		    "{\"kind\":\"a\",\"a\":\"1\"}" },
		{ "{\"kind\":\"a\",\"a\":\"1\",\"b\":17}", "{\"kind\":\"a\",\"a\":\"1\"}" },
		{ "{\"kind\":\"a\",\"a\":\"1\",\"both\":9}",
		    "{\"kind\":\"a\",\"a\":\"1\",\"both\":9}" },
		{ "{\"kind\":\"a\",\"a\":\"1\",\"both\":\"x\"}", .field = "both",
		    .rule = "must be a whole number, 0 to 9" },

		{ "{\"kind\":\"b\",\"both\":\"t\"}", "{\"kind\":\"b\",\"both\":0,\"both\":\"t\"}" },
		{ "{\"kind\":\"b\"}", .field = "both", .rule = "is required", true },
		{ "{\"kind\":\"b\",\"both\":9}", .field = "both", .rule = "must be a string" },
		{ "{\"kind\":\"b\",\"both\":\"t\",\"b\":\"2\"}",
		    "{\"kind\":\"b\",\"b\":\"2\",\"both\":0,\"both\":\"t\"}" },
		{ "{\"kind\":\"alias\",\"both\":\"t\"}",
		    "{\"kind\":\"b\",\"both\":0,\"both\":\"t\"}" },
		{ "{\"kind\":\"b\",\"both\":\"t\",\"a\":\"1\"}", .field = "a",
		    .rule = "has no meaning with kind b" },
		{ "{\"kind\":\"b\",\"both\":\"t\",\"a\":null}",
		    "{\"kind\":\"b\",\"both\":0,\"both\":\"t\"}" },

		{ "{\"kind\":\"last\"}", "{\"kind\":\"last\",\"both\":0}" },
		{ "{\"kind\":\"last\",\"b\":\"2\"}", "{\"kind\":\"last\",\"b\":\"2\",\"both\":0}" },
		{ "{\"kind\":\"last\",\"a\":\"1\"}", .field = "a",
		    .rule = "has no meaning with kind last" },
		{ "{\"kind\":\"last\",\"both\":1}", .field = "both",
		    .rule = "has no meaning with kind last" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_reading(&decided_table, &cases[i]);
}

static void
borrows_texts(void)
{
	struct json_object *object =
	    parse("{\"text\":\"abc\",\"texts\":[\"d\"],\"id\":12,\"object\":{\"number\":1}}");
	struct arena arena = { 0 };
	struct field_error error;
	struct sample out;

	CHECK(field_read(&sample_table, object, &arena, &out, &error), "read");
	CHECK(out.text.data == json_object_get_string(field_member(object, "text")), "borrowed");
	CHECK(((struct text *)out.texts.items)[0].data ==
		json_object_get_string(json_object_array_get_idx(field_member(object, "texts"), 0)),
	    "borrowed in a list");
	CHECK(out.name.data == NULL && out.list.items == NULL && out.names.items == NULL, "absent");
	CHECK(out.number == 3 && out.choice == 2 && out.flag, "fallbacks");
	CHECK(
	    out.object != NULL && out.object->number == 1 && out.object->deeper == NULL, "object");
	json_object_put(object);
	CHECK(same_text(out.id, "12"), "digits live in the arena");
	arena_free(&arena);
}

static void
bounds_what_it_says(void)
{
	static const struct choice many[] = {
#define EIGHT(a)                                                                                   \
	{ a "-choice-1", 1 }, { a "-choice-2", 2 }, { a "-choice-3", 3 }, { a "-choice-4", 4 },    \
	    { a "-choice-5", 5 }, { a "-choice-6", 6 }, { a "-choice-7", 7 }, { a "-choice-8", 8 }
		EIGHT("first"),
		EIGHT("second"),
		EIGHT("third"),
		EIGHT("fourth"),
		{ NULL, 0 },
	};
	static const struct field choice_fields[] = { { "many", FIELD_CHOICE, 0, 0,
	    .choices = many } };
	static const struct table choice_table = TABLE(choice_fields, struct sample);
	static const char long_name[] =
	    "a-name-that-is-longer-than-anybody-would-ever-write-in-an-api";
	static const struct field leaf_fields[] = { { long_name, FIELD_INT, 0, 0 } };
	static const struct table leaf = TABLE(leaf_fields, struct inner);
	static const struct field branch_fields[] = { { long_name, FIELD_LIST, 0, 0,
	    .nested = &leaf } };
	static const struct table branch = TABLE(branch_fields, struct list);
	struct json_object *object = parse("{\"many\":\"none\"}");
	struct arena arena = { 0 };
	struct field_error error;
	struct sample out;
	struct buf nested = { 0 };

	CHECK(!field_read(&choice_table, object, &arena, &out, &error), "a long list of choices");
	CHECK(strlen(error.rule) == sizeof(error.rule) - 1, "cut where it ends");
	json_object_put(object);

	buf_printf(&nested, "{\"%s\":[{\"%s\":\"\"}]}", long_name, long_name);
	buf_add(&nested, "", 1);
	object = parse(nested.data);
	CHECK(!field_read(&branch, object, &arena, &out, &error), "long names");
	CHECK(same_text(text_of(error.field),
		  "a-name-that-is-longer-than-anybody-would[0]."
		  "a-name-that-is-longer-than-anybody-would"),
	    "both parts are cut");
	json_object_put(object);
	buf_free(&nested);
	arena_free(&arena);
}

/* Writing */

#undef AT
#define AT(member) offsetof(struct sample, member)

static const struct field written_fields[] = {
	{ "text", FIELD_TEXT, 0, AT(text) },
	{ "name", FIELD_NAME, 0, AT(name) },
	{ "id", FIELD_ID, 0, AT(id) },
	{ "number", FIELD_INT, FIELD_OMIT, AT(number), .fallback = -1 },
	{ "choice", FIELD_CHOICE, FIELD_OMIT, AT(choice), .choices = choices, .fallback = 2 },
	{ "flag", FIELD_BOOL, FIELD_OMIT, AT(flag), .fallback = 1 },
	{ "maybe", FIELD_MAYBE, 0, AT(maybe) },
	{ "object", FIELD_OBJECT, 0, AT(object), .nested = &inner_table },
	{ "list", FIELD_LIST, 0, AT(list), .nested = &inner_table },
	{ "texts", FIELD_TEXTS, 0, AT(texts) },
	{ "names", FIELD_NAMES, 0, AT(names) },
};
static const struct table written_table = TABLE(written_fields, struct sample);

#define NOTHING .number = -1, .choice = 2, .flag = true, .maybe = MAYBE_ABSENT

static void
writes(void)
{
	static struct inner inner = { 5, { "in", 2 }, NULL };
	static struct inner two[] = { { 1, { NULL, 0 }, NULL }, { INT64_MIN, { "", 0 }, &inner } };
	static struct text texts[] = { { "a", 1 }, { "\"\xff", 2 } };
	static struct text names[] = { { "\xff\x00", 2 }, { "a", 1 }, { "\xfe", 1 } };
	static const struct {
		struct sample in;
		const char *out;
	} cases[] = {
		{ { NOTHING }, "{}" },
		{ { NOTHING, .text = { "", 0 } }, "{\"text\":\"\"}" },
		{ { NOTHING, .text = { "\"\n\0", 3 } }, "{\"text\":\"\\\"\\n\\u0000\"}" },
		{ { NOTHING, .text = { "\xff", 1 } }, "{\"text\":\"\xef\xbf\xbd\"}" },
		{ { NOTHING, .name = { "n", 1 } }, "{\"name\":\"n\"}" },
		{ { NOTHING, .name = { "a\0", 2 } }, "{\"name\":\"a\\u0000\"}" },
		{ { NOTHING, .name = { "\xff\x0a", 2 } }, "{\"name\":null,\"nameHex\":\"ff0a\"}" },
		{ { NOTHING, .id = { "12", 2 } }, "{\"id\":\"12\"}" },
		{ { .number = INT64_MAX, .choice = 1, .flag = false, .maybe = 1 },
		    "{\"number\":9223372036854775807,\"choice\":\"one\",\"flag\":false,"
		    "\"maybe\":true}" },
		{ { .number = INT64_MIN, .choice = 9, .flag = true, .maybe = 0 },
		    "{\"number\":-9223372036854775808,\"choice\":null,\"maybe\":false}" },
		{ { .number = 0, .choice = 2, .flag = true, .maybe = MAYBE_NULL },
		    "{\"number\":0,\"maybe\":null}" },
		{ { NOTHING, .object = &inner }, "{\"object\":{\"number\":5,\"text\":\"in\"}}" },
		{ { NOTHING, .list = { two, 2 } },
		    "{\"list\":[{\"number\":1},{\"number\":-9223372036854775808,\"text\":\"\","
		    "\"deeper\":{\"number\":5,\"t\":\"in\"}}]}" },
		{ { NOTHING, .list = { two, 0 }, .texts = { texts, 0 }, .names = { names, 0 } },
		    "{\"list\":[],\"texts\":[],\"names\":[]}" },
		{ { NOTHING, .texts = { texts, 2 } }, "{\"texts\":[\"a\",\"\\\"\xef\xbf\xbd\"]}" },
		{ { NOTHING, .names = { names, 3 } },
		    "{\"names\":[null,\"a\",null],\"namesHex\":[\"ff00\",\"fe\"]}" },
		{ { NOTHING, .names = { names + 1, 1 } }, "{\"names\":[\"a\"]}" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = { 0 };

		buf_text(&out, ">");
		field_write(&out, &written_table, &cases[i].in);
		buf_consume(&out, 1);
		CHECK(same_text(buf_view(&out), cases[i].out), cases[i].out);
		buf_free(&out);
	}
}

static void
formats_rules(void)
{
	struct field_error error = { 0 };
	char name[400];

	field_rule(&error, "is %d of %s", 3, "four");
	CHECK(same_text(text_of(error.rule), "is 3 of four"), "formatted");
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	field_rule(&error, "%s", name);
	CHECK(strlen(error.rule) == sizeof(error.rule) - 1, "cut where it ends");
}

static void
reads_arrays_as_they_are(void)
{
	static const struct field fields[] = {
		{ "any", FIELD_JSONS, 0, 0 },
		{ "strings", FIELD_JSONS, FIELD_STRINGS, sizeof(void *), .max = 2 },
	};
	static const struct table table = TABLE(fields, void *[2]);
	static const struct read_case cases[] = {
		{ "{\"any\":[1,null,[]]}", "{\"any\":[1,null,[]]}" },
		{ "{\"strings\":[]}", "{\"strings\":[]}" },
		{ "{\"strings\":[\"a\",\"\"]}", "{\"strings\":[\"a\",\"\"]}" },
		{ "{\"strings\":[\"a\",1]}", .field = "strings", .rule = "must hold strings" },
		{ "{\"strings\":[null]}", .field = "strings", .rule = "must hold strings" },
		{ "{\"strings\":[\"a\",\"b\",\"c\"]}", .field = "strings",
		    .rule = "must have at most 2 items" },
		{ "{\"strings\":{}}", .field = "strings", .rule = "must be an array" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_reading(&table, &cases[i]);
}

static void
reads_what_is_needed(void)
{
	static const struct needs needs = { "text", "is needed",
		{ { "text", "number" }, { "flag" }, { "maybe" } } };
	static const struct field fields[] = {
		{ "text", FIELD_TEXT, 0, 0 },
		{ "number", FIELD_INT, FIELD_OMIT, 16, .max = 9 },
		{ "flag", FIELD_BOOL, FIELD_OMIT, 24 },
		{ "maybe", FIELD_MAYBE, 0, 28 },
	};
	static const struct table table = NEEDS_TABLE(fields, char[32], &needs);
	static const struct read_case cases[] = {
		{ "{\"text\":\"\",\"number\":1}", "{\"text\":\"\",\"number\":1}" },
		{ "{\"Text\":\"a\",\"NUMBER\":0}", "{\"text\":\"a\"}" },
		{ "{\"flag\":true}", "{\"flag\":true}" },
		{ "{\"maybe\":false}", "{\"maybe\":false}" },
		{ "{\"text\":\"a\"}", .field = "text", .rule = "is needed", true },
		{ "{\"number\":1}", .field = "text", .rule = "is needed", true },
		{ "{\"text\":\"a\",\"number\":null,\"flag\":false,\"maybe\":null}", .field = "text",
		    .rule = "is needed", true },
		{ "{}", .field = "text", .rule = "is needed", true },
		{ "{\"number\":10}", .field = "number", .rule = "must be a whole number, 0 to 9" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		check_reading(&table, &cases[i]);
}

CU_TestInfo base_field_tests[] = {
	{ "reads each kind", reads_each_kind },
	{ "reads text sources", reads_text_sources },
	{ "matches names", matches_names },
	{ "reads names without case", reads_names_without_case },
	{ "reads what the choice allows", reads_what_the_choice_allows },
	{ "reads arrays as they are", reads_arrays_as_they_are },
	{ "reads what is needed", reads_what_is_needed },
	{ "borrows texts", borrows_texts },
	{ "bounds what it says", bounds_what_it_says },
	{ "writes", writes },
	{ "formats rules", formats_rules },
	CU_TEST_INFO_NULL,
};
