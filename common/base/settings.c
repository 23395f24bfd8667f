#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "settings.h"

struct entry {
	struct entry *next;
	char *name;
	struct text value;
	size_t line;
};

struct settings {
	const char *env_file;
	char *const *environment;
	struct entry *entries; /* the .env file's, last first */
	struct json_object *values;
	struct arena arena;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct text
take_line(struct text *rest)
{
	const char *end = memchr(rest->data, '\n', rest->length);
	struct text line = { rest->data, end == NULL ? rest->length : (size_t)(end - rest->data) };
	size_t used = line.length + (end == NULL ? 0 : 1);

	*rest = (struct text){ rest->data + used, rest->length - used };
	return line;
}

static void
skip_blanks(struct text *text)
{
	while (text->length > 0 && is_blank(text->data[0]))
		*text = (struct text){ text->data + 1, text->length - 1 };
}

static bool
starts_comment(struct text text)
{
	return text.length == 0 || text.data[0] == '#';
}

static const char *
read_name(struct text *line, struct buf *name)
{
	size_t n = 0;

	while (n < line->length && (isalnum((unsigned char)line->data[n]) || line->data[n] == '_'))
		n++;
	if (n == 0 || isdigit((unsigned char)line->data[0]))
		return "a line is NAME=value, and a name is letters, digits and _";
	buf_clear(name);
	buf_add(name, line->data, n);
	*line = (struct text){ line->data + n, line->length - n };
	return NULL;
}

static const char *
read_quoted(struct text *line, struct buf *value)
{
	char quote = line->data[0];
	size_t i = 1;

	for (; i < line->length && line->data[i] != quote; i++) {
		static const char escapes[] = "nrt\"\\$", meanings[] = "\n\r\t\"\\$";
		const char *escape;
		char c = line->data[i];

		if (quote == '"' && c == '\\') {
			if (++i == line->length)
				break;
			escape = memchr(escapes, line->data[i], sizeof(escapes) - 1);
			if (escape == NULL)
				return "in double quotes \\ is followed by n, r, t, \", \\ or $";
			c = meanings[escape - escapes];
		}
		buf_add(value, &c, 1);
	}
	if (i >= line->length)
		return "a quote is not closed on its line";
	*line = (struct text){ line->data + i + 1, line->length - i - 1 };
	skip_blanks(line);
	return starts_comment(*line) ? NULL : "something follows the closing quote";
}

/* `line` begins behind the equals sign: a # right there belongs to the value. */
static void
read_plain(struct text line, struct buf *value)
{
	size_t end = 0;

	while (end < line.length &&
	    !(line.data[end] == '#' && end > 0 && is_blank(line.data[end - 1])))
		end++;
	line.length = end;
	skip_blanks(&line);
	while (line.length > 0 && is_blank(line.data[line.length - 1]))
		line.length--;
	buf_add(value, line.data, line.length);
}

static const char *
read_assignment(struct text line, struct buf *name, struct buf *value)
{
	const char *problem = read_name(&line, name);
	struct text plain;

	if (problem != NULL)
		return problem;
	if (text_is(buf_view(name), "export") && line.length > 0 && is_blank(line.data[0])) {
		skip_blanks(&line);
		problem = read_name(&line, name);
		if (problem != NULL)
			return problem;
	}
	skip_blanks(&line);
	if (line.length == 0 || line.data[0] != '=')
		return "a line is NAME=value, and this one has no = after the name";
	line = plain = (struct text){ line.data + 1, line.length - 1 };
	skip_blanks(&line);
	buf_clear(value);
	if (line.length > 0 && (line.data[0] == '"' || line.data[0] == '\''))
		return read_quoted(&line, value);
	read_plain(plain, value);
	return NULL;
}

bool
env_next(struct env_reader *reader, struct buf *name, struct buf *value)
{
	while (reader->problem == NULL && reader->rest.length > 0) {
		struct text line;

		if (reader->line == 0 && reader->rest.length >= 3 &&
		    memcmp(reader->rest.data, "\xef\xbb\xbf", 3) == 0)
			reader->rest =
			    (struct text){ reader->rest.data + 3, reader->rest.length - 3 };
		line = take_line(&reader->rest);
		reader->line++;
		if (memchr(line.data, '\0', line.length) != NULL) {
			reader->problem = "there is a NUL byte";
			return false;
		}
		skip_blanks(&line);
		if (starts_comment(line))
			continue;
		reader->problem = read_assignment(line, name, value);
		return reader->problem == NULL;
	}
	return false;
}

static bool
load_env_file(struct settings *s, struct buf *error)
{
	struct buf content = { 0 }, name = { 0 }, value = { 0 };
	struct env_reader reader = { 0 };
	const char *problem = buf_file(&content, s->env_file, ENV_FILE_MAX);

	if (problem != NULL) {
		buf_printf(error, "%s: %s", s->env_file, problem);
	} else {
		buf_reserve(&value, content.length + 1);
		reader.rest = buf_view(&content);
		while (env_next(&reader, &name, &value)) {
			struct entry *e = arena_alloc(&s->arena, 1, sizeof(*e));

			*e = (struct entry){ s->entries,
				(char *)(uintptr_t)arena_copy(&s->arena, buf_view(&name)).data,
				arena_copy(&s->arena, buf_view(&value)), reader.line };
			s->entries = e;
		}
		problem = reader.problem;
		if (problem != NULL)
			buf_printf(error, "%s:%zu: %s", s->env_file, reader.line, problem);
	}
	buf_wipe(&content);
	buf_wipe(&value);
	buf_free(&content);
	buf_free(&value);
	buf_free(&name);
	return problem == NULL;
}

struct settings *
settings_open(const char *env_file, char *const *environment, struct buf *error)
{
	struct settings *s = xcalloc(1, sizeof(*s));

	s->env_file = env_file;
	s->environment = environment;
	s->values = json_object_new_object();
	if (s->values == NULL)
		abort();
	if (env_file != NULL && !load_env_file(s, error)) {
		settings_free(s);
		return NULL;
	}
	return s;
}

void
settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	json_object_object_foreach(s->values, key, value) {
		(void)key;
		explicit_bzero((char *)(uintptr_t)json_object_get_string(value),
		    (size_t)json_object_get_string_len(value));
	}
	json_object_put(s->values);
	for (struct entry *e = s->entries; e != NULL; e = e->next)
		explicit_bzero((char *)(uintptr_t)e->value.data, e->value.length);
	arena_free(&s->arena);
	free(s);
}

static struct text
from_environment(const struct settings *s, const char *name)
{
	size_t length = strlen(name);

	for (char *const *e = s->environment; *e != NULL; e++)
		if (strncmp(*e, name, length) == 0 && (*e)[length] == '=' &&
		    (*e)[length + 1] != '\0')
			return text_of(*e + length + 1);
	return (struct text){ NULL, 0 };
}

static const struct entry *
from_env_file(const struct settings *s, const char *name)
{
	for (const struct entry *e = s->entries; e != NULL; e = e->next)
		if (strcmp(e->name, name) == 0)
			return e->value.length > 0 ? e : NULL;
	return NULL;
}

/* A secret's file: its content less line ends at the end. */
static bool
from_file(struct settings *s, const char *path, struct text *value, struct buf *error)
{
	struct buf content = { 0 };
	const char *problem = buf_file(&content, path, ENV_FILE_MAX);

	while (problem == NULL && content.length > 0 &&
	    (content.data[content.length - 1] == '\n' || content.data[content.length - 1] == '\r'))
		content.length--;
	if (problem == NULL)
		*value = arena_copy(&s->arena, buf_view(&content));
	else
		buf_printf(error, "%s: %s", path, problem);
	buf_wipe(&content);
	buf_free(&content);
	return problem == NULL;
}

/* systemd's LoadCredential: the setting's name in lower case. */
static bool
credential_path(const struct settings *s, const char *name, char *path, size_t size)
{
	struct text directory = from_environment(s, "CREDENTIALS_DIRECTORY");
	int used;

	if (directory.data == NULL)
		return false;
	used = snprintf(path, size, "%s/%s", directory.data, name);
	if (used < 0 || (size_t)used >= size)
		return false;
	for (char *c = path + directory.length + 1; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return access(path, F_OK) == 0;
}

/* What the value came from, for an error line. */
static void
name_place(const struct settings *s, const struct entry *entry, struct buf *error)
{
	if (entry == NULL)
		buf_text(error, "environment: ");
	else
		buf_printf(error, "%s:%zu: ", s->env_file, entry->line);
}

#define PATH_SIZE 4096

/* Where a setting is: in *value itself, or in the file that *file names; place: its line, if any.
 */
static void
locate(const struct settings *s, const struct field *f, char path[PATH_SIZE], struct text *value,
    struct text *file, const struct entry **place)
{
	char name[64];

	*place = NULL;
	*file = (struct text){ NULL, 0 };
	*value = from_environment(s, f->name);
	if (value->data != NULL)
		return;
	snprintf(name, sizeof(name), "%s_FILE", f->name);
	if (f->flags & FIELD_FILE) {
		*file = from_environment(s, name);
		if (file->data == NULL && credential_path(s, f->name, path, PATH_SIZE))
			*file = text_of(path);
	}
	if (file->data != NULL)
		return;
	*place = from_env_file(s, f->name);
	if (*place != NULL) {
		*value = (*place)->value;
		return;
	}
	if (f->flags & FIELD_FILE)
		*place = from_env_file(s, name);
	if (*place != NULL)
		*file = (*place)->value;
}

struct text
settings_file(struct settings *s, const struct field *field)
{
	char path[PATH_SIZE];
	struct text value, file;
	const struct entry *place;

	locate(s, field, path, &value, &file, &place);
	return file.data == NULL ? file : arena_copy(&s->arena, file);
}

static bool
find(struct settings *s, const struct field *f, struct text *value, const struct entry **place,
    struct buf *error)
{
	char path[PATH_SIZE];
	struct text file;

	locate(s, f, path, value, &file, place);
	if (file.data == NULL)
		return true;
	name_place(s, *place, error);
	buf_printf(error, "%s_FILE: ", f->name);
	if (!from_file(s, file.data, value, error))
		return false;
	buf_clear(error);
	return true;
}

static bool
add_value(struct settings *s, const struct field *f, struct text value)
{
	struct json_object *text = json_object_new_string_len(value.data, (int)value.length);

	return text != NULL && json_object_object_add(s->values, f->name, text) == 0;
}

/* What the programs use, and what was read from the file. */
static void
lock_secrets(const struct settings *s, const struct table *table, const void *values)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *f = &table->fields[i];
		const struct entry *entry;

		if (!(f->flags & FIELD_SECRET))
			continue;
		lock_secret(
		    *(const struct text *)((const void *)((const char *)values + f->offset)));
		entry = from_env_file(s, f->name);
		if (entry != NULL)
			lock_secret(entry->value);
	}
}

bool
settings_read(struct settings *s, const struct table *table, void *out, struct buf *error)
{
	struct field_error wrong;
	const struct field *f;
	const struct entry *place = NULL;
	struct text value;

	for (size_t i = 0; i < table->count; i++) {
		f = &table->fields[i];
		if (!find(s, f, &value, &place, error))
			return false;
		if (value.data != NULL && !add_value(s, f, value))
			abort();
	}
	if (field_read(table, s->values, &s->arena, out, &wrong)) {
		lock_secrets(s, table, out);
		return true;
	}
	for (size_t i = 0; i < table->count && !wrong.missing; i++)
		if (strcmp(table->fields[i].name, wrong.field) == 0 &&
		    find(s, &table->fields[i], &value, &place, error))
			name_place(s, place, error);
	buf_printf(error, "%s: %s", wrong.field, wrong.rule);
	return false;
}

static bool
is_known(const char *name, const struct table *const *tables, size_t table_count)
{
	for (size_t t = 0; t < table_count; t++)
		for (size_t i = 0; i < tables[t]->count; i++) {
			const struct field *f = &tables[t]->fields[i];
			size_t length = strlen(f->name);

			if (strncmp(name, f->name, length) == 0 &&
			    (name[length] == '\0' ||
				((f->flags & FIELD_FILE) && strcmp(name + length, "_FILE") == 0)))
				return true;
		}
	return false;
}

void
settings_unknown(const struct settings *s, const struct table *const *tables, size_t table_count,
    void (*report)(const char *file, size_t line, const char *name))
{
	for (const struct entry *e = s->entries; e != NULL; e = e->next)
		if (!is_known(e->name, tables, table_count))
			report(s->env_file, e->line, e->name);
}
