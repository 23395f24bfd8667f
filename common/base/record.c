#include "record.h"

#define AROUND 4 /* bytes of punctuation about a name, at most */

/* Appends the name and what comes before its value, and makes room for a value of that length. */
static void
add_name(struct buf *line, enum record_format format, struct text name, size_t value)
{
	char *at = buf_reserve(line, name.length + value + AROUND);

	if (format == RECORD_JSON) {
		*at++ = line->length == 0 ? '{' : ',';
		*at++ = '"';
	} else if (line->length > 0) {
		*at++ = ' ';
	}
	memcpy(at, name.data, name.length);
	at += name.length;
	if (format == RECORD_JSON)
		*at++ = '"';
	*at++ = format == RECORD_JSON ? ':' : '=';
	line->length = (size_t)(at - line->data);
}

/* A word needs no quotes in logfmt: the first = of a value ends its name. */
static bool
is_word(struct text text)
{
	return text.length > 0 && text_plain(text, ' ' + 1) == text.length;
}

void
record_add_text(struct buf *line, enum record_format format, struct text name, struct text value)
{
	if (value.data == NULL)
		return;
	add_name(line, format, name, value.length);
	if (format == RECORD_LOGFMT && is_word(value))
		buf_add(line, value.data, value.length);
	else
		buf_json(line, value);
}

void
record_add_number(struct buf *line, enum record_format format, struct text name, int64_t number)
{
	add_name(line, format, name, 0);
	buf_number(line, number);
}

void
record_end(struct buf *line, enum record_format format)
{
	buf_text(line, format == RECORD_JSON ? "}\n" : "\n");
}
