#include "record.h"

static void
add_name(struct buf *line, enum record_format format, const char *name)
{
	const size_t length = strlen(name);

	buf_reserve(line, length + 4);
	if (format == RECORD_JSON) {
		buf_add(line, line->length == 0 ? "{\"" : ",\"", 2);
		buf_add(line, name, length);
		buf_add(line, "\":", 2);
		return;
	}
	if (line->length > 0)
		buf_add(line, " ", 1);
	buf_add(line, name, length);
	buf_add(line, "=", 1);
}

/* A word needs no quotes in logfmt: the first = of a value ends its name. */
static bool
is_word(struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		const unsigned char c = (unsigned char)text.data[i];

		if (c <= 0x20 || c >= 0x7f || c == '"' || c == '\\')
			return false;
	}
	return text.length > 0;
}

void
record_text(struct buf *line, enum record_format format, const char *name, struct text value)
{
	if (value.data == NULL)
		return;
	add_name(line, format, name);
	if (format == RECORD_LOGFMT && is_word(value))
		buf_add(line, value.data, value.length);
	else
		buf_json(line, value);
}

void
record_number(struct buf *line, enum record_format format, const char *name, int64_t number)
{
	add_name(line, format, name);
	buf_number(line, number);
}

void
record_end(struct buf *line, enum record_format format)
{
	buf_text(line, format == RECORD_JSON ? "}\n" : "\n");
}
