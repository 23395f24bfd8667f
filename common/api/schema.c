#include <inttypes.h>

#include "names.h"
#include "project.h"
#include "rtmp.h"
#include "schema.h"
#include "storage.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Up to 4294967295 */
#define UID_DIGITS                                                                                 \
	"([0-9]{1,9}|[1-3][0-9]{9}|4([01][0-9]{8}|2([0-8][0-9]{7}|9([0-3][0-9]{6}|4([0-8][0-9]"    \
	"{5}|9([0-5][0-9]{4}|6([0-6][0-9]{3}|7([01][0-9]{2}|2([0-8][0-9]|9[0-5])))))))))"
#define BYTE_DIGITS "0*(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

/* What checks of names want, as regular expressions (ECMA-262), and of those that are numbers. */
#define RTC_LEGAL "A-Za-z0-9 !#$%&()+\\-:;<=.>?@\\[\\]\\^_{}|~,"
static const struct {
	bool (*check)(struct text value, struct field_error *error);
	const char *pattern;
	int64_t least;
} patterns[] = {
	{ name_is_rtc, "^[" RTC_LEGAL "*]*$", 0 },
	{ name_is_rtc_user, "^(?!-[0-9]+$)[" RTC_LEGAL "*]*$", 0 },
	{ name_is_channel, "^[" RTC_LEGAL "]*$", 0 },
	{ name_is_room, "^[" RTC_LEGAL "]*$", 0 },
	{ name_is_rtm_user, "^(?!0$)[" RTC_LEGAL "]*$", 1 },
	{ name_is_chat_user, "^(?!0$)[a-z0-9_\\-.]*$", 1 },
	{ name_is_account, "^(?![0-9]*$)[" RTC_LEGAL "]*$", 1 },
	{ name_is_job, "^[A-Za-z0-9_\\-]*$", 0 },
	{ name_is_uid, "^0*" UID_DIGITS "$", 0 },
	{ name_is_path_uid, "^0*" UID_DIGITS "$", 0 },
	{ name_is_not_negative, "^(?!-[0-9]+$)", 0 },
	{ name_is_bot_uid, "^(?!0)" UID_DIGITS "$", 1 },
	{ is_agora_id, "^[A-Za-z0-9\\-_.~=]*$", 0 },
	{ is_ipv4, "^(" BYTE_DIGITS "\\.){3}" BYTE_DIGITS "$", 0 },
	{ is_stream_url, "^[!-~]*://[!-~]*$", 0 },
	{ is_stream_key, "^[!-~]*$", 0 },
};

const struct field schema_project_field = { "project", FIELD_TEXT,
	.meaning = "which of the policy's projects; absent = the default one" };

static bool
is_shown(const struct field *f, const struct choice *c, uint64_t decided)
{
	return !(f->flags & FIELD_DECIDES) || (decided & UINT64_C(1) << c->value) != 0;
}

/* The number or name that is meant where there is none; nothing: none in particular. */
static void
add_fallback(struct buf *text, const struct field *f, uint64_t decided)
{
	if (f->kind == FIELD_INT && f->fallback != 0 && f->fallback >= f->min &&
	    f->fallback <= f->max)
		buf_printf(text, "%" PRId64, f->fallback);
	if (f->kind != FIELD_CHOICE || (f->flags & FIELD_REQUIRED))
		return;
	for (const struct choice *c = f->choices; c->name != NULL; c++)
		if (c->value == f->fallback && is_shown(f, c, decided)) {
			buf_text(text, c->name);
			return;
		}
}

/*
 * A body's fallback is said here: from the word `default` some generators of clients make a member
 * that must be there.
 */
void
schema_description(struct buf *out, const struct field *f, enum schema_use use, uint64_t decided)
{
	struct buf text = { 0 }, fallback = { 0 };

	if (f->meaning == NULL)
		return;
	buf_text(&text, f->meaning);
	if (f->unit != NULL && strstr(f->meaning, f->unit) == NULL)
		buf_printf(&text, " (%s)", f->unit);
	add_fallback(&fallback, f, decided);
	if (use == SCHEMA_BODY && fallback.length > 0 && strstr(f->meaning, "default") == NULL)
		buf_printf(&text, "; default %.*s", (int)fallback.length, fallback.data);
	json_put_name(out, "description");
	buf_json(out, buf_view(&text));
	buf_free(&fallback);
	buf_free(&text);
}

static void
put_text_rules(struct buf *out, const struct field *f, enum schema_use use)
{
	int64_t least = 0;

	if (f->max > 0 && f->min > 0)
		json_put_number(out, "minLength", 1); /* so many bytes may be fewer characters */
	if (f->max > 0 && f->kind != FIELD_TEXTS)
		json_put_number(out, "maxLength", f->max);
	for (size_t i = 0; f->check != NULL && i < COUNT(patterns); i++) {
		if (patterns[i].check != f->check)
			continue;
		json_put_text(out, "pattern", patterns[i].pattern);
		least = patterns[i].least;
	}
	if (f->kind == FIELD_ID && use == SCHEMA_BODY) {
		json_put_number(out, "minimum", least);
		json_put_number(out, "maximum", UINT32_MAX);
	}
	if (f->flags & FIELD_SECRET)
		json_put_text(out, "format", "password");
}

static void
put_string_or(struct buf *out, const char *other)
{
	json_begin(out, "type", "[");
	json_put_item(out, "string");
	json_put_item(out, other);
	buf_text(out, "]");
}

static void
put_number_rules(struct buf *out, const struct field *f)
{
	json_put_text(out, "type", "integer");
	if (f->min == 0 && f->max == 0)
		return;
	json_put_number(out, "minimum", f->min);
	if (f->max < INT64_MAX) /* which no client has as a number */
		json_put_number(out, "maximum", f->max);
}

/* A parameter's alone; schema_description() has a body's. */
static void
put_default(struct buf *out, const struct field *f, enum schema_use use)
{
	struct buf text = { 0 };

	if (use != SCHEMA_QUERY)
		return;
	add_fallback(&text, f, SCHEMA_ANY_CHOICE);
	if (text.length > 0) {
		json_put_name(out, "default");
		if (f->kind == FIELD_INT)
			buf_add(out, text.data, text.length);
		else
			buf_json(out, buf_view(&text));
	}
	buf_free(&text);
}

static void
put_names(struct buf *out, const struct field *f, uint64_t decided)
{
	json_put_text(out, "type", "string");
	json_begin(out, "enum", "[");
	for (const struct choice *c = f->choices; c->name != NULL; c++)
		if (is_shown(f, c, decided))
			json_put_item(out, c->name);
	buf_text(out, "]");
}

/* The least and the largest of the names that are digits; false: none is. */
static bool
numbers_of(const struct field *f, uint64_t decided, uint64_t *least, uint64_t *most)
{
	uint64_t n;
	bool any = false;

	for (const struct choice *c = f->choices; c->name != NULL; c++)
		if (is_shown(f, c, decided) && text_number(text_of(c->name), INT64_MAX, &n)) {
			*least = any && *least < n ? *least : n;
			*most = any && *most > n ? *most : n;
			any = true;
		}
	return any;
}

/*
 * Names that are digits may be numbers in a body: a range beside the names, since generators of
 * clients make one name of "1" and 1 in an enum; each is of numbers that follow one another.  Only
 * those of one value, where it is decided.
 */
static void
put_choices(struct buf *out, const struct field *f, enum schema_use use, uint64_t decided)
{
	uint64_t least = 0, most = 0;

	if (use == SCHEMA_BODY && numbers_of(f, decided, &least, &most)) {
		json_begin(out, "anyOf", "[");
		json_begin(out, NULL, "{");
		put_names(out, f, decided);
		buf_text(out, "}");
		json_begin(out, NULL, "{");
		json_put_text(out, "type", "integer");
		json_put_number(out, "minimum", (int64_t)least);
		json_put_number(out, "maximum", (int64_t)most);
		buf_text(out, "}]");
	} else {
		put_names(out, f, decided);
	}
}

static void
put_list(struct buf *out, const struct field *f, enum schema_use use)
{
	if (f->flags & FIELD_OR_ONE)
		put_string_or(out, "array");
	else
		json_put_text(out, "type", "array");
	if (f->max > 0)
		json_put_number(out, "maxItems", f->max);
	json_begin(out, "items", "{");
	if (f->kind == FIELD_LIST) {
		schema_object(out, f->nested, use, "", SCHEMA_ANY_CHOICE);
	} else if (f->kind == FIELD_NAMES) {
		put_string_or(out, "null");
	} else {
		json_put_text(out, "type", "string");
		put_text_rules(out, f, use);
	}
	buf_text(out, "}");
}

void
schema_open(struct buf *out)
{
	json_put_text(out, "type", "object");
	/* Said, as generators of clients take an object without members for an empty one. */
	json_put_bool(out, "additionalProperties", true);
}

void
schema_value(struct buf *out, const struct field *f, enum schema_use use, uint64_t decided)
{
	switch (f->kind) {
	case FIELD_TEXT:
		if (use == SCHEMA_BODY && (f->flags & (FIELD_OR_DIGITS | FIELD_SCOPE))) {
			put_string_or(out, "integer");
			json_put_number(out, "minimum", 0);
			json_put_number(out, "maximum", FIELD_DIGITS_MAX);
		} else {
			json_put_text(out, "type", "string");
		}
		put_text_rules(out, f, use);
		return;
	case FIELD_NAME: put_string_or(out, "null"); return;
	case FIELD_ID:
		if (use == SCHEMA_BODY)
			put_string_or(out, "integer");
		else
			json_put_text(out, "type", "string");
		put_text_rules(out, f, use);
		return;
	case FIELD_INT:
		put_number_rules(out, f);
		put_default(out, f, use);
		return;
	case FIELD_CHOICE:
		put_choices(out, f, use, decided);
		put_default(out, f, use);
		return;
	case FIELD_BOOL: json_put_text(out, "type", "boolean"); return;
	case FIELD_MAYBE:
		if (use != SCHEMA_ANSWER) {
			json_put_text(out, "type", "boolean");
			return;
		}
		json_begin(out, "type", "[");
		json_put_item(out, "boolean");
		json_put_item(out, "null");
		buf_text(out, "]");
		return;
	case FIELD_OBJECT: schema_object(out, f->nested, use, "", SCHEMA_ANY_CHOICE); return;
	case FIELD_LIST:
	case FIELD_TEXTS:
	case FIELD_NAMES: put_list(out, f, use); return;
	case FIELD_JSON:
		if (f->nested == NULL)
			schema_open(out);
		else
			schema_object(out, f->nested, use, "", SCHEMA_ANY_CHOICE);
		return;
	case FIELD_JSONS:
		json_put_text(out, "type", "array");
		if (f->max > 0)
			json_put_number(out, "maxItems", f->max);
		json_begin(out, "items", "{");
		if (f->nested != NULL)
			schema_object(out, f->nested, use, "", SCHEMA_ANY_CHOICE);
		else if (f->flags & FIELD_STRINGS)
			json_put_text(out, "type", "string");
		buf_text(out, "}");
		return;
	case FIELD_MAP:
		json_put_text(out, "type", "object");
		json_begin(out, "additionalProperties", "{");
		schema_object(out, f->nested, use, "", SCHEMA_ANY_CHOICE);
		buf_text(out, "}");
		return;
	}
}

static bool
applies(const struct field *f, uint64_t decided)
{
	return f->when == 0 || (f->when & decided) != 0;
}

/* What a decision is when nothing is said is of no other choice than that. */
static bool
is_required(const struct field *f, enum schema_use use, uint64_t decided)
{
	if (f->flags & FIELD_REQUIRED)
		return true;
	if (f->flags & FIELD_DECIDES)
		return (decided & UINT64_C(1) << f->fallback) == 0;
	return use == SCHEMA_ANSWER && !(f->flags & FIELD_OMIT) &&
	    (f->kind == FIELD_INT || f->kind == FIELD_CHOICE || f->kind == FIELD_BOOL);
}

/* What stands beside a name that JSON cannot hold. */
static void
put_hex(struct buf *out, const struct field *f)
{
	struct buf name = { 0 };

	buf_printf(&name, "%sHex", f->name);
	json_separate(out);
	buf_json(out, buf_view(&name));
	buf_text(out, ":{");
	json_put_text(out, "description",
	    f->kind == FIELD_NAME ? "its bytes in hexadecimal, where it is no UTF-8 and so null"
				  : "bytes in hexadecimal of those that are null");
	if (f->kind == FIELD_NAMES) {
		json_put_text(out, "type", "array");
		json_begin(out, "items", "{");
	}
	json_put_text(out, "type", "string");
	json_put_text(out, "pattern", "^([0-9a-f]{2})*$");
	buf_text(out, f->kind == FIELD_NAMES ? "}}" : "}");
	buf_free(&name);
}

/* One of the members that the table needs. */
static void
put_needs(struct buf *out, const struct table *table)
{
	json_begin(out, "anyOf", "[");
	for (size_t i = 0; table->needs->any[i][0] != NULL; i++) {
		const char *const *names = table->needs->any[i];

		json_begin(out, NULL, "{");
		json_begin(out, "required", "[");
		for (size_t n = 0; n < 2 && names[n] != NULL; n++)
			json_put_item(out, names[n]);
		buf_text(out, "]");
		for (const struct field *f = table->fields; f < table->fields + table->count; f++) {
			if (f->kind != FIELD_BOOL || strcmp(f->name, names[0]) != 0)
				continue;
			json_begin(out, "properties", "{");
			json_begin(out, f->name, "{");
			json_put_bool(out, "const", true);
			buf_text(out, "}}");
		}
		buf_text(out, "}");
	}
	buf_text(out, "]");
}

void
schema_object(struct buf *out, const struct table *table, enum schema_use use, const char *path,
    uint64_t decided)
{
	bool required = false;

	json_put_text(out, "type", "object");
	json_begin(out, "properties", "{");
	for (const struct field *f = table->fields; f < table->fields + table->count; f++) {
		if (!applies(f, decided) || route_has_capture(path, f->name))
			continue;
		json_begin(out, f->name, "{");
		schema_description(out, f, use, decided);
		schema_value(out, f, use, decided);
		buf_text(out, "}");
		if (f->kind == FIELD_NAME || f->kind == FIELD_NAMES)
			put_hex(out, f);
	}
	if (path[0] != '\0') { /* the whole body */
		json_begin(out, schema_project_field.name, "{");
		schema_description(out, &schema_project_field, use, decided);
		schema_value(out, &schema_project_field, use, decided);
		buf_text(out, "}");
	}
	buf_text(out, "}");
	for (const struct field *f = table->fields; f < table->fields + table->count; f++) {
		if (!applies(f, decided) || route_has_capture(path, f->name) ||
		    !is_required(f, use, decided))
			continue;
		if (!required)
			json_begin(out, "required", "[");
		required = true;
		json_put_item(out, f->name);
	}
	buf_text(out, required ? "]" : "");
	if (table->needs != NULL && use == SCHEMA_BODY)
		put_needs(out, table);
	json_put_bool(out, "additionalProperties", false);
}
