/* record.h - a line of named values for people and programs, as logfmt or as a JSON object. */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include "buf.h"

enum record_format { RECORD_LOGFMT, RECORD_JSON };

/* Appends a value; the first one begins the line.  One that is absent (data NULL) is left out. */
void
record_add_text(struct buf *line, enum record_format format, struct text name, struct text value);
void
record_add_number(struct buf *line, enum record_format format, struct text name, int64_t number);
/* The same, for names that stand in the program: inline, so that their lengths are known there. */
static inline void
record_text(struct buf *line, enum record_format format, const char *name, struct text value)
{
	record_add_text(line, format, text_of(name), value);
}

static inline void
record_number(struct buf *line, enum record_format format, const char *name, int64_t number)
{
	record_add_number(line, format, text_of(name), number);
}

/* Ends the line, with its newline. */
void record_end(struct buf *line, enum record_format format);

#endif
