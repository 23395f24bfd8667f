#include <stdlib.h>

#include "json.h"

struct scan {
	const unsigned char *at, *end, *start;
	unsigned flags;
	enum json_problem problem;
};

static bool
fail(struct scan *s, enum json_problem problem)
{
	if (s->problem == JSON_FINE)
		s->problem = problem;
	return false;
}

/* A wrong byte, or the end of the text where a byte was due. */
static bool
unexpected(struct scan *s)
{
	return fail(s, s->at == s->end ? JSON_CUT : JSON_SYNTAX);
}

static void
skip_space(struct scan *s)
{
	while (
	    s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
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
scan_name(struct scan *s)
{
	skip_space(s);
	if (!scan_string(s, true))
		return false;
	skip_space(s);
	return take(s, ':') || unexpected(s);
}

/*
 * One value.  `open` is the stack of what is open: '{' or '['.  The loop runs once per value; what
 * follows a value (a comma, the ends of what is open) is taken at its end.
 */
static bool
scan_value(struct scan *s)
{
	unsigned char open[JSON_DEPTH];
	size_t depth = 0;

	for (;;) {
		skip_space(s);
		if (s->at < s->end && (*s->at == '{' || *s->at == '[')) {
			unsigned char bracket = *s->at;

			if (depth == JSON_DEPTH)
				return fail(s, JSON_DEEP);
			s->at++;
			open[depth++] = bracket;
			skip_space(s);
			if (!take(s, bracket == '{' ? '}' : ']')) {
				if (bracket == '{' && !scan_name(s))
					return false;
				continue;
			}
			depth--;
		} else if (!scan_scalar(s)) {
			return false;
		}
		while (depth > 0) {
			skip_space(s);
			if (take(s, ',')) {
				if (open[depth - 1] == '{' && !scan_name(s))
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
	return s->at == s->end || fail(s, JSON_AFTER);
}

struct json_object *
json_read(struct text text, unsigned flags, struct json_error *error)
{
	const unsigned char *start = (const unsigned char *)(text.data == NULL ? "" : text.data);
	struct scan s = { start, start + text.length, start, flags, JSON_FINE };
	struct json_tokener *tokener;
	struct json_object *value;

	/* json-c counts lengths in int. */
	if (text.length > INT32_MAX / 2 || !scan_text(&s)) {
		*error = (struct json_error){ s.problem == JSON_FINE ? JSON_DEEP : s.problem,
			(size_t)(s.at - s.start) };
		return NULL;
	}
	*error = (struct json_error){ JSON_FINE, 0 };
	tokener = json_tokener_new_ex(JSON_DEPTH + 2);
	if (tokener == NULL)
		abort();
	value = json_tokener_parse_ex(tokener, (const char *)start, (int)text.length);
	/* A number at the very end may go on, as far as json-c knows: end it. */
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		value = json_tokener_parse_ex(tokener, "", 1);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		*error = (struct json_error){ JSON_SYNTAX, json_tokener_get_parse_end(tokener) };
	json_tokener_free(tokener);
	return value;
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
	}
	return "is not JSON";
}
