/*
 * settings.h - where settings come from: the environment, files named by it, and a .env file.
 * Each folder describes the settings it wants in a table and gets its own struct.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include "field.h"

#define ENV_FILE_MAX 65536 /* bytes of a .env file, and of a file named by NAME_FILE */

/*
 * Reads the text of a .env file, one assignment a call: NAME=value, `export` and blanks around the
 * equals sign allowed.  'single quotes' are literal, "double quotes" know \n \r \t \" \\ \$, a # at
 * the start of a line or after a blank begins a comment.  Nothing is expanded.
 */
struct env_reader {
	struct text rest;
	size_t line;         /* of the assignment read last, from 1 */
	const char *problem; /* why reading ended before the end; static text */
};

/* false at the end, or with reader->problem set. */
bool env_next(struct env_reader *reader, struct buf *name, struct buf *value);

/*
 * The value without what is around it and not meant: white space, a byte order mark, zero-width and
 * no-break spaces, and one pair of quotes.  Borrowed from value, and so perhaps not terminated.
 */
struct text settings_clean(struct text value);

/*
 * Rule for App IDs and certificates.  false with error->rule, which has the length and where the
 * first wrong character is and of what kind, never the character: the value may be a secret.
 */
bool settings_hex32(struct text value, struct field_error *error) __attribute__((nonnull(2)));

struct settings;

/*
 * Opens the sources: `environment` is borrowed until settings_free, env_file may be NULL.  NULL
 * with *error set to one line, "name of file:line: what is wrong", on failure.
 */
struct settings *settings_open(const char *env_file, char *const *environment, struct buf *error);

/*
 * Fills a folder's struct.  A value is looked for in this order: environment NAME, environment
 * NAME_FILE, $CREDENTIALS_DIRECTORY/name, .env NAME, .env NAME_FILE; the files only for rows
 * flagged FIELD_FILE.  White space around a value, a byte order mark and one pair of quotes are no
 * part of it, wherever it comes from: docker's --env-file keeps quotes, `echo | base64` adds a line
 * end.  An empty value means unset.  The struct's texts live until settings_free.
 * false with *error set to one line that names the setting and its place, never the value.
 */
bool
settings_read(struct settings *settings, const struct table *table, void *out, struct buf *error);

/* The path of the file that a setting's value comes from; absent where no file holds it. */
struct text settings_file(struct settings *settings, const struct field *field);

/*
 * Calls `report` for each name of the .env file that is in none of the tables, with the setting
 * that is likely meant, or NULL; and for each name in the environment (file NULL) that likely means
 * a setting which is set nowhere.
 */
void settings_unknown(const struct settings *settings, const struct table *const *tables,
    size_t table_count,
    void (*report)(const char *file, size_t line, const char *name, const char *meant));

/* Calls `report` for each setting of the tables of which both NAME and NAME_FILE are set. */
void settings_twice(const struct settings *settings, const struct table *const *tables,
    size_t table_count, void (*report)(const char *name, bool value_counts));

/*
 * Wipes a setting's value wherever this process has it, its environment too.  What was read of it
 * is not to be used any more.
 */
void settings_forget(struct settings *settings, const char *name);

/* Wipes every value. */
void settings_free(struct settings *settings);

#endif
