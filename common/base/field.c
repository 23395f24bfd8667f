#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "field.h"
#include "json.h"

void
field_rule(struct field_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->rule, sizeof(error->rule), format, args);
	va_end(args);
}

void
field_negative_rule(struct field_error *error, int64_t negative)
{
	if (negative < INT32_MIN || negative >= 0)
		field_rule(error, "must not be a negative number, but 0 to 4294967295");
	else
		field_rule(error,
		    "must be a whole number, 0 to 4294967295: this negative number is %llu as an "
		    "unsigned one, so send that",
		    (unsigned long long)(UINT32_MAX + INT64_C(1) + negative));
}

/* Objects are small: one look at each member takes less than a hash. */
struct json_object *
field_member(struct json_object *object, const char *name)
{
	struct json_object *found = NULL;

	if (object == NULL)
		return NULL;
	json_object_object_foreach(object, key, member) {
		if (((*key ^ *name) & ~('a' ^ 'A')) != 0)
			continue; /* not even the first letters are the same */
		if (strcmp(key, name) == 0)
			return member;
		if (found == NULL && text_is_nocase(text_of(key), name))
			found = member;
	}
	return found;
}

static void *
member_of(void *out, const struct field *f)
{
	return (char *)out + f->offset;
}

static const void *
const_member_of(const void *in, const struct field *f)
{
	return (const char *)in + f->offset;
}

static struct text
string_of(struct json_object *value)
{
	return (struct text){ json_object_get_string(value),
		(size_t)json_object_get_string_len(value) };
}

static bool
number_rule(const struct field *f, struct field_error *error, const char *otherwise)
{
	field_rule(error, "must be %sa whole number%s%s, %lld to %lld", otherwise,
	    f->unit == NULL ? "" : " of ", f->unit == NULL ? "" : f->unit, (long long)f->min,
	    (long long)f->max);
	return false;
}

/* "64M": the number in front of the unit's letter, and what that multiplies it with. */
static int64_t
take_unit(struct text *text)
{
	static const char units[] = "KMG";
	const char last = text->length == 0 ? '\0' : text->data[text->length - 1];
	const char *unit = last == '\0' ? NULL : strchr(units, last);

	if (unit == NULL)
		return 1;
	text->length--;
	return INT64_C(1) << 10 * (unit - units + 1);
}

/* Digits with a minus where the range has one. */
static bool
digits_value(struct text text, bool may_be_negative, int64_t *number)
{
	bool negative = may_be_negative && text.length > 0 && text.data[0] == '-';
	uint64_t n;

	if (negative)
		text = (struct text){ text.data + 1, text.length - 1 };
	if (!text_number(text, INT64_MAX, &n))
		return false;
	*number = negative ? -(int64_t)n : (int64_t)n;
	return true;
}

bool
field_whole(struct json_object *value, int64_t *number)
{
	static const double exact = 9007199254740992.0; /* 2^53: beyond it doubles have gaps */
	double d;

	if (json_object_is_type(value, json_type_int)) {
		/* json-c saturates, and so lands outside of any range of ours. */
		*number = json_object_get_int64(value);
		return true;
	}
	if (json_object_is_type(value, json_type_string))
		return digits_value(string_of(value), true, number);
	if (!json_object_is_type(value, json_type_double))
		return false;
	d = json_object_get_double(value);
	if (!(d >= -exact && d <= exact) || (double)(int64_t)d != d)
		return false;
	*number = (int64_t)d;
	return true;
}

/* Where text is the source, digits alone; in a closed table, which people write, a number. */
static bool
read_int(const struct field *f, const struct table *table, struct json_object *value, int64_t *out,
    struct field_error *error)
{
	bool whole;

	if (table->text_source) {
		struct text text = string_of(value);
		const int64_t times = f->flags & FIELD_SIZE ? take_unit(&text) : 1;

		whole = digits_value(text, f->min < 0, out) && *out <= INT64_MAX / times &&
		    *out >= INT64_MIN / times;
		*out = whole ? *out * times : 0;
	} else {
		whole = field_whole(value, out) &&
		    (!table->closed || json_object_is_type(value, json_type_int));
	}
	if (!whole)
		return number_rule(f, error, "");
	return (*out >= f->min && *out <= f->max) || number_rule(f, error, "");
}

static bool
check_text(const struct field *f, struct text text, struct field_error *error)
{
	if (f->max > 0 && text.length < (size_t)f->min) {
		if (text.length == 0)
			field_rule(error, "must not be empty");
		else
			field_rule(error, "must be at least %lld bytes long", (long long)f->min);
		return false;
	}
	if (f->max > 0 && text.length > (size_t)f->max) {
		field_rule(error, "must be at most %lld bytes long and has %zu", (long long)f->max,
		    text.length);
		return false;
	}
	return f->check == NULL || f->check(text, error);
}

static struct text
digits_of(struct arena *arena, int64_t n)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%lld", (long long)n);

	return arena_copy(arena, (struct text){ digits, (size_t)length });
}

static bool
read_text(const struct field *f, struct json_object *value, struct arena *arena, struct text *out,
    struct field_error *error)
{
	if ((f->flags & (FIELD_OR_DIGITS | FIELD_SCOPE)) &&
	    json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0 &&
	    json_object_get_int64(value) <= FIELD_DIGITS_MAX) {
		*out = digits_of(arena, json_object_get_int64(value));
	} else if (json_object_is_type(value, json_type_string)) {
		*out = string_of(value);
	} else {
		field_rule(error, "must be a string%s",
		    f->flags & (FIELD_OR_DIGITS | FIELD_SCOPE)
			? ", or a whole number that is not negative"
			: "");
		return false;
	}
	return check_text(f, *out, error);
}

static bool
read_id(const struct field *f, struct json_object *value, struct arena *arena, struct text *out,
    struct field_error *error)
{
	if (json_object_is_type(value, json_type_int) ||
	    json_object_is_type(value, json_type_double)) {
		int64_t n;

		if (!field_whole(value, &n)) {
			field_rule(error, "must be a string or a whole number, 0 to 4294967295");
			return false;
		}
		if (n < 0) {
			field_negative_rule(error, n);
			return false;
		}
		if (n > UINT32_MAX) {
			field_rule(error, "must be a string or a whole number, 0 to 4294967295");
			return false;
		}
		*out = digits_of(arena, n);
	} else if (json_object_is_type(value, json_type_string)) {
		*out = string_of(value);
	} else {
		field_rule(error, "must be a string or a whole number, 0 to 4294967295");
		return false;
	}
	return check_text(f, *out, error);
}

static bool
read_choice(const struct field *f, struct json_object *value, struct arena *arena, int64_t *out,
    struct field_error *error)
{
	struct text name = { NULL, 0 };
	int64_t n;
	int used;

	if (json_object_is_type(value, json_type_string))
		name = string_of(value);
	else if (field_whole(value, &n))
		name = digits_of(arena, n);
	if ((f->flags & FIELD_WORD) && name.data != NULL && name.length == 0) {
		*out = f->fallback;
		return true;
	}
	for (const struct choice *c = f->choices; c->name != NULL; c++)
		if (f->flags & FIELD_WORD ? text_is_nocase(name, c->name)
					  : text_is(name, c->name)) {
			*out = c->value;
			return true;
		}
	used = snprintf(error->rule, sizeof(error->rule), "must be ");
	for (const struct choice *c = f->choices; c->name != NULL; c++) {
		const char *join = c == f->choices ? "" : c[1].name == NULL ? " or " : ", ";

		if ((size_t)used < sizeof(error->rule))
			used += snprintf(error->rule + used, sizeof(error->rule) - (size_t)used,
			    "%s%s", join, c->name);
	}
	return false;
}

static bool
read_bool(struct json_object *value, bool text_source, bool *out, struct field_error *error)
{
	if (text_source) {
		struct text text = string_of(value);

		*out = text_is(text, "true") || text_is(text, "1") || text_is(text, "on");
		if (*out || text_is(text, "false") || text_is(text, "0") || text_is(text, "off"))
			return true;
	} else if (json_object_is_type(value, json_type_boolean)) {
		*out = json_object_get_boolean(value);
		return true;
	}
	field_rule(error, "must be true or false");
	return false;
}

static bool
read_maybe(struct json_object *value, bool text_source, int *out, struct field_error *error)
{
	bool truth;

	if (!read_bool(value, text_source, &truth, error))
		return false;
	*out = truth;
	return true;
}

/* <name>Hex, for a name that JSON cannot hold. */
static bool
read_hex(
    struct json_object *value, struct arena *arena, struct text *out, struct field_error *error)
{
	struct text hex;
	unsigned char *bytes;

	if (value != NULL && json_object_is_type(value, json_type_string)) {
		hex = string_of(value);
		bytes = arena_alloc(arena, 1, hex.length / 2 + 1);
		if (hex_decode(hex, bytes)) {
			*out = (struct text){ (const char *)bytes, hex.length / 2 };
			return true;
		}
	}
	field_rule(error, "must be an even number of hexadecimal digits");
	return false;
}

static struct json_object *
hex_member(struct json_object *object, const char *name)
{
	char hex_name[64];

	snprintf(hex_name, sizeof(hex_name), "%sHex", name);
	return field_member(object, hex_name);
}

/* Prefixes the error's path: "resource" becomes "permissions[2].resource". */
static void
prefix(struct field_error *error, const char *name, const char *at)
{
	char inner[sizeof(error->field)];

	memcpy(inner, error->field, sizeof(inner));
	if ((size_t)snprintf(error->field, sizeof(error->field), "%.40s%s%s%.40s", name, at,
		inner[0] == '\0' ? "" : ".", inner) >= sizeof(error->field))
		error->field[sizeof(error->field) - 1] = '\0';
}

static bool
has_room(const struct field *f, size_t count, struct field_error *error)
{
	if (f->max == 0 || count <= (size_t)f->max)
		return true;
	field_rule(error, "must have at most %lld items", (long long)f->max);
	return false;
}

static bool
read_list(const struct field *f, struct json_object *object, struct json_object *value,
    struct arena *arena, struct list *out, struct field_error *error)
{
	bool nested = f->kind == FIELD_LIST;
	size_t size = nested ? f->nested->size : sizeof(struct text), count, hex_count = 0;
	struct json_object *hex = f->kind == FIELD_NAMES ? hex_member(object, f->name) : NULL;
	bool ok = true;

	if ((f->flags & FIELD_OR_ONE) && json_object_is_type(value, json_type_string)) {
		*out = (struct list){ arena_alloc(arena, 1, size), 1 };
		*(struct text *)out->items = string_of(value);
		return f->check == NULL || f->check(string_of(value), error);
	}
	if (!json_object_is_type(value, json_type_array)) {
		field_rule(error, "must be an array%s",
		    f->flags & FIELD_OR_ONE ? " of strings, or a string" : "");
		return false;
	}
	count = json_object_array_length(value);
	if (!has_room(f, count, error))
		return false;
	*out = (struct list){ arena_alloc(arena, count, size), count };
	for (size_t i = 0; i < count && ok; i++) {
		struct json_object *item = json_object_array_get_idx(value, i);
		void *to = (char *)out->items + i * size;

		if (nested) {
			ok = field_read(f->nested, item, arena, to, error);
		} else if (f->kind == FIELD_NAMES && item == NULL) {
			bool listed = hex != NULL && json_object_is_type(hex, json_type_array);

			ok = read_hex(listed ? json_object_array_get_idx(hex, hex_count++) : NULL,
			    arena, to, error);
		} else if (!json_object_is_type(item, json_type_string)) {
			field_rule(error, "must be a string");
			ok = false;
		} else {
			*(struct text *)to = string_of(item);
			ok = f->check == NULL || f->check(*(struct text *)to, error);
		}
		if (!ok) {
			char at[24];

			snprintf(at, sizeof(at), "[%zu]", i);
			prefix(error, f->name, at);
		}
	}
	return ok;
}

/* As it is, once its items are what they are to be. */
static bool
read_jsons(const struct field *f, struct json_object *value, struct json_object **out,
    struct field_error *error)
{
	if (!json_object_is_type(value, json_type_array)) {
		field_rule(error, "must be an array");
		return false;
	}
	for (size_t i = 0; (f->flags & FIELD_STRINGS) && i < json_object_array_length(value); i++)
		if (!json_object_is_type(json_object_array_get_idx(value, i), json_type_string)) {
			field_rule(error, "must hold strings");
			return false;
		}
	*out = value;
	return has_room(f, json_object_array_length(value), error);
}

static bool
read_map(const struct field *f, struct json_object *value, struct arena *arena, struct list *out,
    struct field_error *error)
{
	char *to;

	if (!json_object_is_type(value, json_type_object)) {
		field_rule(error, "must be an object");
		return false;
	}
	*out = (struct list){ arena_alloc(
				  arena, (size_t)json_object_object_length(value), f->nested->size),
		(size_t)json_object_object_length(value) };
	to = out->items;
	json_object_object_foreach(value, name, member) {
		const struct text key = text_of(name);

		if ((f->check != NULL && !f->check(key, error)) ||
		    !field_read(f->nested, member, arena, to, error)) {
			char at[72];

			/* In brackets, so that a dot in it is not taken for the path's. */
			snprintf(at, sizeof(at), "[%.64s]", name);
			prefix(error, f->name, at);
			return false;
		}
		memcpy(to, &key, sizeof(key));
		to += f->nested->size;
	}
	return true;
}

static bool
read_value(const struct field *f, const struct table *table, struct json_object *object,
    struct json_object *value, struct arena *arena, void *out, struct field_error *error)
{
	void *to = member_of(out, f);

	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_NAME: return read_text(f, value, arena, to, error);
	case FIELD_ID: return read_id(f, value, arena, to, error);
	case FIELD_INT: return read_int(f, table, value, to, error);
	case FIELD_CHOICE: return read_choice(f, value, arena, to, error);
	case FIELD_BOOL: return read_bool(value, table->text_source, to, error);
	case FIELD_MAYBE: return read_maybe(value, table->text_source, to, error);
	case FIELD_JSON:
		if (json_object_is_type(value, json_type_object)) {
			*(struct json_object **)to = value;
			return true;
		}
		field_rule(error, "must be an object");
		return false;
	case FIELD_JSONS: return read_jsons(f, value, to, error);
	case FIELD_OBJECT:
		*(void **)to = arena_alloc(arena, 1, f->nested->size);
		if (field_read(f->nested, value, arena, *(void **)to, error))
			return true;
		prefix(error, f->name, "");
		return false;
	case FIELD_LIST:
	case FIELD_TEXTS:
	case FIELD_NAMES: return read_list(f, object, value, arena, to, error);
	case FIELD_MAP: return read_map(f, value, arena, to, error);
	}
	return false;
}

static void
set_fallback(const struct field *f, void *out)
{
	if (f->kind == FIELD_INT || f->kind == FIELD_CHOICE)
		*(int64_t *)member_of(out, f) = f->fallback;
	else if (f->kind == FIELD_BOOL)
		*(bool *)member_of(out, f) = f->fallback != 0;
	else if (f->kind == FIELD_MAYBE)
		*(int *)member_of(out, f) = MAYBE_ABSENT;
}

static bool
applies(const struct field *f, uint64_t decided)
{
	return f->when == 0 || (f->when & decided) != 0;
}

/* Another row of the same name applies: this one has no say. */
static bool
has_substitute(const struct table *table, const struct field *f, uint64_t decided)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->fields[i].name, f->name) == 0 &&
		    applies(&table->fields[i], decided))
			return true;
	return false;
}

static const char *
decided_name(const struct field *decider, int64_t value)
{
	for (const struct choice *c = decider->choices; c->name != NULL; c++)
		if (c->value == value)
			return c->name;
	return "";
}

static bool
read_field(const struct table *table, const struct field *f, const struct field *decider,
    uint64_t decided, struct json_object *object, struct arena *arena, void *out,
    struct field_error *error)
{
	struct json_object *value = field_member(object, f->name);

	if (value != NULL && table->text_source && json_object_get_string_len(value) == 0)
		value = NULL;
	if (!applies(f, decided)) {
		if (value == NULL || (f->flags & FIELD_IGNORED) ||
		    has_substitute(table, f, decided))
			return true;
		field_rule(error, "has no meaning with %s %s", decider->name,
		    decided_name(decider, *(int64_t *)member_of(out, decider)));
		return false;
	}
	set_fallback(f, out);
	if (value == NULL && f->kind == FIELD_NAME) {
		struct json_object *hex = hex_member(object, f->name);

		if (hex != NULL)
			return read_hex(hex, arena, member_of(out, f), error);
	}
	if (value != NULL)
		return read_value(f, table, object, value, arena, out, error);
	if (!(f->flags & FIELD_REQUIRED))
		return true;
	error->missing = true;
	field_rule(error, "is required");
	return false;
}

/* A name that may stand in an answer as it came. */
static bool
is_word(const char *name)
{
	size_t n = 0;

	while (isalnum((unsigned char)name[n]) || name[n] == '_')
		n++;
	return n > 0 && n < 64 && name[n] == '\0';
}

static const struct field *
row_of(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->fields[i].name, name) == 0)
			return &table->fields[i];
	return NULL;
}

static bool
check_closed(const struct table *table, struct json_object *object, struct field_error *error)
{
	json_object_object_foreach(object, name, member) {
		(void)member;
		if (row_of(table, name) != NULL)
			continue;
		snprintf(error->field, sizeof(error->field), "%.40s", name);
		field_rule(error, "is no member that is known here");
		return false;
	}
	return true;
}

/* The first row that a member goes to, by its name in any case. */
static const struct field *
row_of_member(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcasecmp(table->fields[i].name, name) == 0)
			return &table->fields[i];
	return NULL;
}

bool
field_stranger(const struct table *table, struct json_object *object, const char *shared,
    struct field_error *error)
{
	uint64_t seen = 0;

	*error = (struct field_error){ 0 };
	json_object_object_foreach(object, name, member) {
		const struct field *row = row_of_member(table, name);
		const bool is_shared = shared != NULL && strcasecmp(name, shared) == 0;
		uint64_t bit;

		if (member == NULL || (row == NULL && is_shared))
			continue;
		if (row == NULL) {
			if (is_word(name))
				snprintf(error->field, sizeof(error->field), "%s", name);
			field_rule(error,
			    "is not a member of this request (see /openapi.json); members of "
			    "Agora's own clientRequest, converter and player go at the top level");
			return true;
		}
		bit = UINT64_C(1) << (row - table->fields);
		if (seen & bit) {
			snprintf(error->field, sizeof(error->field), "%s", row->name);
			field_rule(error, "is given twice, in two spellings");
			return true;
		}
		seen |= bit;
	}
	return false;
}

static bool
is_given(const struct table *table, struct json_object *object, const char *name)
{
	const struct field *row = row_of(table, name);
	struct json_object *value = field_member(object, name);

	if (table->text_source && value != NULL && json_object_get_string_len(value) == 0)
		return false;
	return row != NULL && value != NULL &&
	    (row->kind != FIELD_BOOL || json_object_get_boolean(value));
}

/* One of the members that the table needs is there. */
static bool
check_needs(const struct table *table, struct json_object *object, struct field_error *error)
{
	const struct needs *needs = table->needs;

	for (size_t i = 0; needs->any[i][0] != NULL; i++)
		if (is_given(table, object, needs->any[i][0]) &&
		    (needs->any[i][1] == NULL || is_given(table, object, needs->any[i][1])))
			return true;
	error->missing = true;
	if (needs->field != NULL)
		snprintf(error->field, sizeof(error->field), "%s", needs->field);
	field_rule(error, "%s", needs->rule);
	return false;
}

bool
field_read(const struct table *table, struct json_object *object, struct arena *arena, void *out,
    struct field_error *error)
{
	const struct field *decider = NULL;
	uint64_t decided = 0;

	memset(out, 0, table->size);
	*error = (struct field_error){ 0 };
	if (!json_object_is_type(object, json_type_object)) {
		field_rule(error, "must be an object");
		return false;
	}
	if (table->closed && !check_closed(table, object, error))
		return false;
	for (size_t i = 0; i < table->count; i++) {
		const struct field *f = &table->fields[i];

		if (!read_field(table, f, decider, decided, object, arena, out, error)) {
			if (error->field[0] == '\0')
				snprintf(error->field, sizeof(error->field), "%s", f->name);
			return false;
		}
		if (f->flags & FIELD_DECIDES) {
			decider = f;
			decided = UINT64_C(1) << *(int64_t *)member_of(out, f);
		}
	}
	return table->needs == NULL || check_needs(table, object, error);
}

static void
keep_list(const struct field *f, struct list *list, struct arena *arena)
{
	const bool nested = f->kind == FIELD_LIST || f->kind == FIELD_MAP;
	struct text *texts = list->items;

	for (size_t i = 0; i < list->count; i++) {
		char *item = (char *)list->items + (nested ? i * f->nested->size : 0);

		if (nested)
			field_keep(f->nested, item, arena);
		if (f->kind == FIELD_MAP)
			*(struct text *)(void *)item =
			    arena_copy(arena, *(struct text *)(void *)item);
		if (!nested)
			texts[i] = arena_copy(arena, texts[i]);
	}
}

void
field_keep(const struct table *table, void *in, struct arena *arena)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *f = &table->fields[i];
		void *at = member_of(in, f);
		struct text *text = at;

		switch (f->kind) {
		case FIELD_TEXT:
		case FIELD_NAME:
		case FIELD_ID:
			if (text->data != NULL)
				*text = arena_copy(arena, *text);
			break;
		case FIELD_OBJECT:
			if (*(void **)at != NULL)
				field_keep(f->nested, *(void **)at, arena);
			break;
		case FIELD_LIST:
		case FIELD_TEXTS:
		case FIELD_NAMES:
		case FIELD_MAP: keep_list(f, at, arena); break;
		case FIELD_INT:
		case FIELD_CHOICE:
		case FIELD_BOOL:
		case FIELD_MAYBE:
		case FIELD_JSON:
		case FIELD_JSONS: break;
		}
	}
}

void
field_forget(const struct table *table, void *in)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *f = &table->fields[i];

		if (f->kind == FIELD_JSON || f->kind == FIELD_JSONS)
			*(struct json_object **)member_of(in, f) = NULL;
	}
}

static void
write_name(struct buf *buf, const char *name, bool *first)
{
	buf_text(buf, *first ? "" : ",");
	buf_json(buf, text_of(name));
	buf_text(buf, ":");
	*first = false;
}

static void
write_hex_string(struct buf *buf, struct text text)
{
	buf_text(buf, "\"");
	buf_hex(buf, text.data, text.length);
	buf_text(buf, "\"");
}

static void
write_hex_name(struct buf *buf, const char *name, bool *first)
{
	char hex_name[64];

	snprintf(hex_name, sizeof(hex_name), "%sHex", name);
	write_name(buf, hex_name, first);
}

static void
write_text(struct buf *buf, const struct field *f, struct text text, bool *first)
{
	if (text.data == NULL)
		return;
	write_name(buf, f->name, first);
	if (f->kind != FIELD_NAME || text_is_utf8(text)) {
		buf_json(buf, text);
		return;
	}
	buf_text(buf, "null");
	write_hex_name(buf, f->name, first);
	write_hex_string(buf, text);
}

static void
write_items(struct buf *buf, const struct field *f, const struct list *list)
{
	const struct text *texts = list->items;

	buf_text(buf, "[");
	for (size_t i = 0; i < list->count; i++) {
		buf_text(buf, i == 0 ? "" : ",");
		if (f->kind == FIELD_LIST)
			field_write(
			    buf, f->nested, (const char *)list->items + i * f->nested->size);
		else if (f->kind == FIELD_NAMES && !text_is_utf8(texts[i]))
			buf_text(buf, "null");
		else
			buf_json(buf, texts[i]);
	}
	buf_text(buf, "]");
}

static void
write_list(struct buf *buf, const struct field *f, const struct list *list, bool *first)
{
	const struct text *texts = list->items;
	bool first_hex = true;

	if (list->items == NULL)
		return;
	write_name(buf, f->name, first);
	write_items(buf, f, list);
	if (f->kind != FIELD_NAMES)
		return;
	for (size_t i = 0; i < list->count; i++) {
		if (text_is_utf8(texts[i]))
			continue;
		if (first_hex) {
			write_hex_name(buf, f->name, first);
			buf_text(buf, "[");
		} else {
			buf_text(buf, ",");
		}
		first_hex = false;
		write_hex_string(buf, texts[i]);
	}
	buf_text(buf, first_hex ? "" : "]");
}

static void
write_choice(struct buf *buf, const struct field *f, int64_t value)
{
	for (const struct choice *c = f->choices; c->name != NULL; c++)
		if (c->value == value) {
			buf_json(buf, text_of(c->name));
			return;
		}
	buf_text(buf, "null");
}

static void
write_field(struct buf *buf, const struct field *f, const void *from, bool *first)
{
	bool omit = f->flags & FIELD_OMIT;

	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_NAME:
	case FIELD_ID: write_text(buf, f, *(const struct text *)from, first); return;
	case FIELD_INT:
	case FIELD_CHOICE:
		if (omit && *(const int64_t *)from == f->fallback)
			return;
		write_name(buf, f->name, first);
		if (f->kind == FIELD_CHOICE)
			write_choice(buf, f, *(const int64_t *)from);
		else
			buf_number(buf, *(const int64_t *)from);
		return;
	case FIELD_BOOL:
		if (omit && *(const bool *)from == (f->fallback != 0))
			return;
		write_name(buf, f->name, first);
		buf_text(buf, *(const bool *)from ? "true" : "false");
		return;
	case FIELD_MAYBE:
		if (*(const int *)from == MAYBE_ABSENT)
			return;
		write_name(buf, f->name, first);
		buf_text(buf,
		    *(const int *)from < 0   ? "null"
			: *(const int *)from ? "true"
					     : "false");
		return;
	case FIELD_JSON:
	case FIELD_JSONS:
		if (*(struct json_object *const *)from == NULL)
			return;
		write_name(buf, f->name, first);
		json_write(buf, *(struct json_object *const *)from);
		return;
	case FIELD_OBJECT:
		if (*(void *const *)from == NULL)
			return;
		write_name(buf, f->name, first);
		field_write(buf, f->nested, *(void *const *)from);
		return;
	case FIELD_LIST:
	case FIELD_TEXTS:
	case FIELD_NAMES: write_list(buf, f, from, first); return;
	case FIELD_MAP: return; /* for reading only */
	}
}

void
field_write(struct buf *buf, const struct table *table, const void *in)
{
	bool first = true;

	buf_text(buf, "{");
	for (size_t i = 0; i < table->count; i++)
		write_field(buf, &table->fields[i], const_member_of(in, &table->fields[i]), &first);
	buf_text(buf, "}");
}
