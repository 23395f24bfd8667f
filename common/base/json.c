#include <inttypes.h>
#include <stdlib.h>

#include "buf.h"
#include "json.h"

/* What json-c allocates, rounded up: an empty object has a table of 16 members. */
enum memory { OF_OBJECT = 800, OF_ARRAY = 400, OF_SCALAR = 64, OF_NAME = 160 };

/* A member's name, for JSON_UNIQUE. */
struct name {
	size_t object;    /* the how manieth of the text */
	size_t at;        /* of its quote in the text */
	struct text text; /* between the quotes, and unescaped before it is compared */
};

struct scan {
	const unsigned char *at, *end, *start;
	unsigned flags;
	enum json_problem problem;
	size_t most, values, memory; /* values and names: allowed, and so far; bytes so far */
	unsigned char *blank; /* with JSON_COMMENTS: the text, in which comments become blanks */
	size_t objects;       /* begun so far */
	struct buf names;     /* with JSON_UNIQUE: struct name */
};

static bool
fail(struct scan *s, enum json_problem problem)
{
	if (s->problem == JSON_FINE)
		s->problem = problem;
	return false;
}

/* One more value or name, at its first byte. */
static bool
count(struct scan *s, enum memory memory)
{
	s->memory += (size_t)memory;
	return ++s->values > s->most || s->memory > JSON_MEMORY ? fail(s, JSON_MANY) : true;
}

/* A wrong byte, or the end of the text where a byte was due. */
static bool
unexpected(struct scan *s)
{
	return fail(s, s->at == s->end ? JSON_CUT : JSON_SYNTAX);
}

static bool
is_next(const struct scan *s, size_t ahead, char c)
{
	return (size_t)(s->end - s->at) > ahead && s->at[ahead] == (unsigned char)c;
}

/*
 * Editors show what follows a CR as a line of its own, so it ends a comment as LF does.  Blanked,
 * because json-c knows comments too, and by other rules.
 */
static bool
skip_comment(struct scan *s)
{
	const unsigned char *from = s->at;
	bool line = is_next(s, 1, '/');

	if (!(s->flags & JSON_COMMENTS) || !is_next(s, 0, '/') || !(line || is_next(s, 1, '*')))
		return false;
	s->at += 2;
	while (s->at < s->end && !(line && (*s->at == '\n' || *s->at == '\r')) &&
	    !(!line && is_next(s, 0, '*') && is_next(s, 1, '/')))
		s->at++;
	if (!line && s->at == s->end)
		return fail(s, JSON_CUT);
	if (!line)
		s->at += 2;
	memset(s->blank + (from - s->start), ' ', (size_t)(s->at - from));
	return true;
}

static void
skip_space(struct scan *s)
{
	do
		while (s->at < s->end &&
		    (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
			s->at++;
	while (skip_comment(s));
}

static bool
take(struct scan *s, unsigned char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static bool
is_digit(const struct scan *s)
{
	return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static bool
scan_digits(struct scan *s)
{
	if (!is_digit(s))
		return unexpected(s);
	while (is_digit(s))
		s->at++;
	return true;
}

static bool
scan_number(struct scan *s)
{
	take(s, '-');
	if (!take(s, '0') && !scan_digits(s))
		return false;
	if (take(s, '.') && !scan_digits(s))
		return false;
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			take(s, '-');
		if (!scan_digits(s))
			return false;
	}
	return true;
}

static bool
scan_word(struct scan *s, const char *word)
{
	for (; *word != '\0'; word++)
		if (!take(s, (unsigned char)*word))
			return unexpected(s);
	return true;
}

/* Behind "\u": four digits. */
static bool
scan_code_unit(struct scan *s, unsigned *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		unsigned char c = s->at < s->end ? *s->at : 0;

		if (c >= '0' && c <= '9')
			*unit = *unit << 4 | (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*unit = *unit << 4 | (unsigned)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			*unit = *unit << 4 | (unsigned)(c - 'A' + 10);
		else
			return unexpected(s);
		s->at++;
	}
	return true;
}

/* Fails at the backslash of the escape that is wrong as a whole. */
static bool
bad_escape(struct scan *s, const unsigned char *backslash, enum json_problem problem)
{
	s->at = backslash;
	return fail(s, problem);
}

static bool
scan_escape(struct scan *s, bool is_name)
{
	const unsigned char *backslash = s->at - 1;
	unsigned unit, low;

	if (s->at == s->end)
		return unexpected(s);
	if (*s->at != 'u') {
		if (memchr("\"\\/bfnrt", *s->at, 8) == NULL)
			return unexpected(s);
		s->at++;
		return true;
	}
	s->at++;
	if (!scan_code_unit(s, &unit))
		return false;
	if (unit == 0 && (is_name || !(s->flags & JSON_NUL_ALLOWED)))
		return bad_escape(s, backslash, JSON_NUL);
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return bad_escape(s, backslash, JSON_UTF8);
	if (unit >= 0xd800 && unit <= 0xdbff) {
		if (!take(s, '\\') || !take(s, 'u'))
			return s->at == s->end ? fail(s, JSON_CUT)
					       : bad_escape(s, backslash, JSON_UTF8);
		if (!scan_code_unit(s, &low))
			return false;
		if (low < 0xdc00 || low > 0xdfff)
			return bad_escape(s, backslash, JSON_UTF8);
	}
	return true;
}

static bool
scan_string(struct scan *s, bool is_name)
{
	if (!take(s, '"'))
		return unexpected(s);
	while (s->at < s->end) {
		size_t n;

		if (*s->at == '"') {
			s->at++;
			return true;
		}
		if (*s->at == '\\') {
			s->at++;
			if (!scan_escape(s, is_name))
				return false;
			continue;
		}
		if (*s->at == 0)
			return fail(s, JSON_NUL);
		if (*s->at < 0x20)
			return fail(s, JSON_SYNTAX);
		n = utf8_length(s->at, (size_t)(s->end - s->at));
		if (n == 0)
			return fail(s, JSON_UTF8);
		s->at += n;
	}
	return fail(s, JSON_CUT);
}

static bool
scan_scalar(struct scan *s)
{
	if (s->at == s->end)
		return unexpected(s);
	switch (*s->at) {
	case '"': return scan_string(s, false);
	case 't': return scan_word(s, "true");
	case 'f': return scan_word(s, "false");
	case 'n': return scan_word(s, "null");
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9': return scan_number(s);
	default: return unexpected(s);
	}
}

static bool
scan_name(struct scan *s, size_t object)
{
	const unsigned char *from;

	skip_space(s);
	from = s->at;
	if (!count(s, OF_NAME) || !scan_string(s, true))
		return false;
	s->memory += (size_t)(s->at - from);
	if (s->flags & JSON_UNIQUE) {
		struct name name = { object, (size_t)(from - s->start),
			{ (const char *)from + 1, (size_t)(s->at - from) - 2 } };

		buf_add(&s->names, &name, sizeof(name));
	}
	skip_space(s);
	return take(s, ':') || unexpected(s);
}

/*
 * One value.  `open` is the stack of what is open, '{' or '[', and `object` numbers it.  The loop
 * runs once per value; what follows a value (a comma, the ends of what is open) is taken at its
 * end.
 */
static bool
scan_value(struct scan *s)
{
	unsigned char open[JSON_DEPTH];
	size_t object[JSON_DEPTH], depth = 0;

	for (;;) {
		skip_space(s);
		if (s->at < s->end && (*s->at == '{' || *s->at == '[')) {
			unsigned char bracket = *s->at;

			if (depth == JSON_DEPTH)
				return fail(s, JSON_DEEP);
			if (!count(s, bracket == '{' ? OF_OBJECT : OF_ARRAY))
				return false;
			s->at++;
			object[depth] = s->objects++;
			open[depth++] = bracket;
			skip_space(s);
			if (!take(s, bracket == '{' ? '}' : ']')) {
				if (bracket == '{' && !scan_name(s, object[depth - 1]))
					return false;
				continue;
			}
			depth--;
		} else {
			const unsigned char *from = s->at;

			if (!count(s, OF_SCALAR) || !scan_scalar(s))
				return false;
			s->memory += (size_t)(s->at - from);
		}
		while (depth > 0) {
			skip_space(s);
			if (take(s, ',')) {
				if (open[depth - 1] == '{' && !scan_name(s, object[depth - 1]))
					return false;
				break;
			}
			if (!take(s, open[depth - 1] == '{' ? '}' : ']'))
				return unexpected(s);
			depth--;
		}
		if (depth == 0)
			return true;
	}
}

static bool
scan_text(struct scan *s)
{
	skip_space(s);
	if (s->at == s->end)
		return fail(s, JSON_EMPTY);
	if (!scan_value(s))
		return false;
	skip_space(s);
	if (s->at < s->end)
		return fail(s, JSON_AFTER);
	return s->problem == JSON_FINE; /* a comment may lack its end */
}

/* Of a string that was scanned. */
static unsigned
code_unit(const char *digits)
{
	struct scan s = { .at = (const unsigned char *)digits,
		.end = (const unsigned char *)digits + 4 };
	unsigned unit = 0;

	(void)scan_code_unit(&s, &unit);
	return unit;
}

static size_t
put_utf8(unsigned c, char *out)
{
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = length; i-- > 0; c >>= 6)
		out[i] = (char)(i > 0 ? 0x80 | (c & 0x3f) : first[length] | c);
	return length;
}

/* No escape is shorter than what it stands for, so `out` needs no more room than `from` takes. */
static struct text
unescape(struct text from, char *out)
{
	static const char escapes[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	size_t length = 0;

	for (size_t i = 0; i < from.length; i++) {
		char c = from.data[i];
		const char *escape;
		unsigned unit;

		if (c != '\\') {
			out[length++] = c;
			continue;
		}
		c = from.data[++i];
		if (c != 'u') {
			escape = strchr(escapes, c);
			out[length++] = escape == NULL ? c : bytes[escape - escapes];
			continue;
		}
		unit = code_unit(from.data + i + 1);
		i += 4;
		if (unit >= 0xd800 && unit <= 0xdbff) {
			unit = 0x10000 + ((unit - 0xd800) << 10) +
			    (code_unit(from.data + i + 3) - 0xdc00);
			i += 6;
		}
		length += put_utf8(unit, out + length);
	}
	return (struct text){ out, length };
}

/* By object, then name, then place; qsort(3) finds the place whatever its method. */
static int
compare_names(const void *left, const void *right)
{
	const struct name *a = left, *b = right;
	int order;

	if (a->object != b->object)
		return a->object < b->object ? -1 : 1;
	if (a->text.length != b->text.length)
		return a->text.length < b->text.length ? -1 : 1;
	order = memcmp(a->text.data, b->text.data, a->text.length);
	if (order != 0)
		return order;
	return (a->at > b->at) - (a->at < b->at);
}

/* Sorted, so that a text made of names costs little more than its length. */
static bool
names_are_unique(struct scan *s)
{
	struct name *names = (struct name *)(void *)s->names.data;
	size_t count = s->names.length / sizeof(*names), used = 0;
	const unsigned char *second = NULL;
	char *unescaped;

	if (count < 2)
		return true;
	unescaped = xcalloc(1, (size_t)(s->end - s->start));
	for (size_t i = 0; i < count; i++) {
		if (memchr(names[i].text.data, '\\', names[i].text.length) == NULL)
			continue;
		names[i].text = unescape(names[i].text, unescaped + used);
		used += names[i].text.length;
	}
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count; i++) {
		const struct name *a = &names[i - 1], *b = &names[i];

		if (a->object == b->object && a->text.length == b->text.length &&
		    memcmp(a->text.data, b->text.data, a->text.length) == 0 &&
		    (second == NULL || s->start + b->at < second))
			second = s->start + b->at;
	}
	free(unescaped);
	if (second == NULL)
		return true;
	s->at = second;
	return fail(s, JSON_DUPLICATE);
}

/*
 * From here on the text is known to be good, so only its memory is looked at: json-c's own reader
 * leaves out what it has no memory for, and says nothing.
 */
struct build {
	const char *at, *end;
	char *scratch; /* room for what any string of it stands for */
};

static struct json_object *build_value(struct build *b);

static void
skip_to(struct build *b)
{
	while (b->at < b->end && (memchr(" \t\n\r", *b->at, 4) != NULL))
		b->at++;
}

/* The string that begins here; its bytes stay until the next one is built. */
static struct text
build_text(struct build *b)
{
	struct text between = { ++b->at, 0 };

	while (*b->at != '"')
		b->at += *b->at == '\\' ? 2 : 1;
	between.length = (size_t)(b->at++ - between.data);
	return unescape(between, b->scratch);
}

static struct json_object *
made(struct json_object *value)
{
	if (value == NULL)
		out_of_memory();
	return value;
}

static struct json_object *
build_object(struct build *b)
{
	struct json_object *object = made(json_object_new_object());

	b->at++;
	for (skip_to(b); *b->at != '}'; skip_to(b)) {
		struct buf name = { 0 };
		struct text text;

		if (*b->at == ',') {
			b->at++;
			continue;
		}
		text = build_text(b);
		buf_add(&name, text.data, text.length);
		buf_add(&name, "", 1);
		skip_to(b);
		b->at++; /* the colon */
		if (json_object_object_add(object, name.data, build_value(b)) != 0)
			out_of_memory();
		buf_free(&name);
	}
	b->at++;
	return object;
}

static struct json_object *
build_array(struct build *b)
{
	struct json_object *array = made(json_object_new_array());

	b->at++;
	for (skip_to(b); *b->at != ']'; skip_to(b)) {
		if (*b->at == ',')
			b->at++;
		else if (json_object_array_add(array, build_value(b)) != 0)
			out_of_memory();
	}
	b->at++;
	return array;
}

/* Whole numbers that 64 bits do not hold become the nearest that they do. */
static struct json_object *
build_number(struct build *b)
{
	const char *from = b->at;
	uint64_t number;
	size_t length;

	while (b->at < b->end && memchr("+-.0123456789eE", *b->at, 15) != NULL)
		b->at++;
	length = (size_t)(b->at - from);
	memcpy(b->scratch, from, length);
	b->scratch[length] = '\0';
	if (strpbrk(b->scratch, ".eE") != NULL)
		return made(json_object_new_double_s(strtod(b->scratch, NULL), b->scratch));
	if (b->scratch[0] == '-')
		return made(json_object_new_int64(strtoll(b->scratch, NULL, 10)));
	number = strtoull(b->scratch, NULL, 10);
	return made(number <= INT64_MAX ? json_object_new_int64((int64_t)number)
					: json_object_new_uint64(number));
}

static struct json_object *
build_value(struct build *b)
{
	struct text text;

	skip_to(b);
	switch (*b->at) {
	case '{': return build_object(b);
	case '[': return build_array(b);
	case '"':
		text = build_text(b);
		return made(json_object_new_string_len(text.data, (int)text.length));
	case 't': b->at += strlen("true"); return made(json_object_new_boolean(1));
	case 'f': b->at += strlen("false"); return made(json_object_new_boolean(0));
	case 'n': b->at += strlen("null"); return NULL;
	default: return build_number(b);
	}
}

static struct json_object *
build(struct text text)
{
	struct build b = { text.data, text.data + text.length, xcalloc(1, text.length + 1) };
	struct json_object *value = build_value(&b);

	explicit_bzero(b.scratch, text.length + 1);
	free(b.scratch);
	return value;
}

struct json_object *
json_read(struct text text, unsigned flags, struct json_error *error)
{
	return json_read_most(text, flags, SIZE_MAX, error);
}

struct json_object *
json_read_most(struct text text, unsigned flags, size_t most, struct json_error *error)
{
	struct text in = { text.data == NULL ? "" : text.data, text.length };
	struct scan s = { .flags = flags, .most = most };
	struct json_object *value = NULL;

	/* json-c counts lengths in int. */
	if (in.length > INT32_MAX / 2) {
		*error = (struct json_error){ JSON_DEEP, 0 };
		return NULL;
	}
	if (flags & JSON_COMMENTS) {
		s.blank = xcalloc(1, in.length + 1);
		memcpy(s.blank, in.data, in.length);
		in.data = (const char *)s.blank;
	}
	s.at = s.start = (const unsigned char *)in.data;
	s.end = s.start + in.length;
	if (scan_text(&s) && names_are_unique(&s)) {
		*error = (struct json_error){ JSON_FINE, 0 };
		value = build(in);
	} else {
		*error = (struct json_error){ s.problem, (size_t)(s.at - s.start) };
	}
	buf_free(&s.names);
	if (s.blank != NULL)
		explicit_bzero(s.blank, in.length); /* a policy may hold secrets */
	free(s.blank);
	return value;
}

size_t
json_line(struct text text, size_t at)
{
	size_t line = 1;

	for (size_t i = 0; i < at && i < text.length; i++)
		if (text.data[i] == '\n')
			line++;
	return line;
}

const char *
json_problem_text(enum json_problem problem)
{
	switch (problem) {
	case JSON_FINE: return "no problem";
	case JSON_EMPTY: return "is empty; a JSON object is expected";
	case JSON_CUT: return "ends in the middle of the JSON";
	case JSON_SYNTAX: return "is not JSON";
	case JSON_AFTER: return "has something after the JSON value";
	case JSON_DEEP: return "is nested too deeply";
	case JSON_NUL: return "has a NUL character in a string or a name";
	case JSON_UTF8: return "is not UTF-8";
	case JSON_DUPLICATE: return "has two members of the same name in an object";
	case JSON_MANY: return "has too many values";
	}
	return "is not JSON";
}

/* Writing */

void
json_separate(struct buf *out)
{
	const char last = out->length == 0 ? '[' : out->data[out->length - 1];

	if (last != '{' && last != '[' && last != ':')
		buf_text(out, ",");
}

void
json_put_name(struct buf *out, const char *name)
{
	json_separate(out);
	buf_json(out, text_of(name));
	buf_text(out, ":");
}

void
json_begin(struct buf *out, const char *name, const char *bracket)
{
	if (name == NULL)
		json_separate(out);
	else
		json_put_name(out, name);
	buf_text(out, bracket);
}

void
json_put_text(struct buf *out, const char *name, const char *value)
{
	json_put_name(out, name);
	buf_json(out, text_of(value));
}

void
json_put_number(struct buf *out, const char *name, int64_t value)
{
	json_put_name(out, name);
	buf_number(out, value);
}

/* A number with a fraction, as json-c writes it: in its own bytes, where it was read. */
static void
write_double(struct buf *out, struct json_object *value)
{
	size_t length = 0;
	const char *text =
	    json_object_to_json_string_length(value, JSON_C_TO_STRING_PLAIN, &length);

	if (text == NULL || length == 0)
		out_of_memory();
	buf_add(out, text, length);
}

static void
write_whole(struct buf *out, struct json_object *value)
{
	const int64_t number = json_object_get_int64(value);

	if (number == INT64_MAX)
		buf_printf(out, "%" PRIu64, json_object_get_uint64(value));
	else
		buf_printf(out, "%" PRId64, number);
}

static void
write_object(struct buf *out, struct json_object *value)
{
	const char *join = "{";

	json_object_object_foreach(value, name, member) {
		buf_text(out, join);
		join = ",";
		buf_json(out, text_of(name));
		buf_text(out, ":");
		json_write(out, member);
	}
	buf_text(out, *join == '{' ? "{}" : "}");
}

static void
write_array(struct buf *out, struct json_object *value)
{
	const size_t length = json_object_array_length(value);

	buf_text(out, "[");
	for (size_t i = 0; i < length; i++) {
		if (i > 0)
			buf_text(out, ",");
		json_write(out, json_object_array_get_idx(value, i));
	}
	buf_text(out, "]");
}

/*
 * json-c's own writer leaves out what it has no memory for, and says nothing: the parts are put
 * together here.
 */
void
json_write(struct buf *out, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null: buf_text(out, "null"); return;
	case json_type_boolean:
		buf_text(out, json_object_get_boolean(value) ? "true" : "false");
		return;
	case json_type_int: write_whole(out, value); return;
	case json_type_double: write_double(out, value); return;
	case json_type_string:
		buf_json(out,
		    (struct text){
			json_object_get_string(value), (size_t)json_object_get_string_len(value) });
		return;
	case json_type_array: write_array(out, value); return;
	case json_type_object: write_object(out, value); return;
	}
}

void
json_put_value(struct buf *out, const char *name, struct json_object *value)
{
	json_put_name(out, name);
	json_write(out, value);
}

void
json_put_item(struct buf *out, const char *value)
{
	json_separate(out);
	buf_json(out, text_of(value));
}

void
json_put_bool(struct buf *out, const char *name, bool value)
{
	json_put_name(out, name);
	buf_text(out, value ? "true" : "false");
}
