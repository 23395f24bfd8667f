#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "settings.h"

#define NAME_SIZE 64 /* of a setting's name, terminated */

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
	struct entry *files;   /* what files of secrets held */
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

/* Values */

/* White space, and what editors and web pages put in its place; its length in bytes, 0 for none. */
static size_t
space_at(struct text text, bool at_end)
{
	static const char *const wide[] = { "\xef\xbb\xbf", "\xc2\xa0", "\xe2\x80\x8b",
		"\xe2\x80\x8c", "\xe2\x80\x8d", "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x81\xa0",
		"\xe2\x80\xa8", "\xe2\x80\xa9", "\xe3\x80\x80", "\xc2\xad" };
	char c;

	if (text.length == 0)
		return 0;
	c = text.data[at_end ? text.length - 1 : 0];
	if (c == ' ' || (c >= '\t' && c <= '\r'))
		return 1;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		const size_t length = strlen(wide[i]);

		if (text.length >= length &&
		    memcmp(text.data + (at_end ? text.length - length : 0), wide[i], length) == 0)
			return length;
	}
	return 0;
}

static struct text
trim(struct text text)
{
	size_t n;

	while ((n = space_at(text, false)) > 0)
		text = (struct text){ text.data + n, text.length - n };
	while ((n = space_at(text, true)) > 0)
		text.length -= n;
	return text;
}

struct text
settings_clean(struct text value)
{
	char quote;

	if (value.data == NULL)
		return value;
	value = trim(value);
	quote = value.length >= 2 ? value.data[0] : 'x';
	if ((quote == '"' || quote == '\'') && value.data[value.length - 1] == quote)
		value = trim((struct text){ value.data + 1, value.length - 2 });
	return value;
}

/* What a character is that stands where none of its kind may; never the character itself. */
static const char *
kind_of_character(struct text at)
{
	static const struct {
		const char *bytes, *kind;
	} known[] = {
		{ "\n", "a newline" },
		{ "\r", "a carriage return" },
		{ "\t", "a tab" },
		{ " ", "a space" },
		{ "\"", "a double quote" },
		{ "'", "a single quote" },
		{ "-", "a hyphen" },
		{ "\xc2\xa0", "a no-break space" },
		{ "\xef\xbb\xbf", "a byte order mark" },
		{ "\xe2\x80\x8b", "a zero-width space" },
		{ "\xe2\x80\x8c", "a zero-width character" },
		{ "\xe2\x80\x8d", "a zero-width character" },
		{ "\xe2\x81\xa0", "a zero-width character" },
		{ "\xe2\x80\x9c", "a typographic quote" },
		{ "\xe2\x80\x9d", "a typographic quote" },
		{ "\xe2\x80\x98", "a typographic quote" },
		{ "\xe2\x80\x99", "a typographic quote" },
		{ "\xff\xfe", "a mark of UTF-16" },
		{ "\xfe\xff", "a mark of UTF-16" },
	};
	const unsigned char c = (unsigned char)at.data[0];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const size_t length = strlen(known[i].bytes);

		if (at.length >= length && memcmp(at.data, known[i].bytes, length) == 0)
			return known[i].kind;
	}
	if (c == '\0')
		return "a NUL byte";
	if (c < 0x20 || c == 0x7f)
		return "a control character";
	if (c >= 0x80)
		return "not ASCII";
	return isalpha(c) ? "another letter" : isdigit(c) ? "a digit" : "a punctuation mark";
}

/* Characters, where it is UTF-8; else bytes. */
static size_t
character_length(struct text text)
{
	size_t length = utf8_length((const unsigned char *)text.data, text.length);

	return length == 0 ? 1 : length;
}

/* How many characters, and the first that `is_odd`: its number from 1, 0 for none, and its kind. */
static size_t
find_odd(struct text value, bool (*is_odd)(char c), size_t *count, const char **kind)
{
	size_t found = 0;

	*count = 0;
	for (size_t length; value.length > 0;
	     value = (struct text){ value.data + length, value.length - length }) {
		length = character_length(value);
		(*count)++;
		if (found == 0 && is_odd(value.data[0])) {
			found = *count;
			*kind = kind_of_character(value);
		}
	}
	return found;
}

static bool
is_not_hex(char c)
{
	return !isxdigit((unsigned char)c);
}

static bool
is_not_printable(char c)
{
	return (unsigned char)c < ' ' || (unsigned char)c >= 0x7f;
}

bool
settings_hex32(struct text value, struct field_error *error)
{
	const char *kind = NULL;
	char where[80] = "";
	size_t count, at = find_odd(value, is_not_hex, &count, &kind);

	if (count == 32 && at == 0)
		return true;
	if (at > 0 && at == count)
		snprintf(where, sizeof(where), "; the last is %s", kind);
	else if (at > 0)
		snprintf(
		    where, sizeof(where), "; the first wrong one, character %zu, is %s", at, kind);
	field_rule(error, "%zu character%s, and Agora's console shows 32 hexadecimal digits%s",
	    count, count == 1 ? "" : "s", where);
	return false;
}

/* What nobody sees in a value that was refused. */
static void
note_odd(struct text value, struct buf *error)
{
	const char *kind;
	size_t count, at = find_odd(value, is_not_printable, &count, &kind);

	if (at > 0)
		buf_printf(error, "; it has %zu characters, and number %zu is %s", count, at, kind);
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
	} else if (content.length >= 2 &&
	    (memcmp(content.data, "\xff\xfe", 2) == 0 ||
		memcmp(content.data, "\xfe\xff", 2) == 0)) {
		problem = "it is text in UTF-16; save it as UTF-8";
		buf_printf(error, "%s: %s", s->env_file, problem);
	} else {
		buf_reserve(&value, content.length + 1);
		reader.rest = buf_view(&content);
		while (env_next(&reader, &name, &value)) {
			struct entry *e = arena_alloc(&s->arena, 1, sizeof(*e));

			*e = (struct entry){ s->entries,
				(char *)(uintptr_t)arena_copy(&s->arena, buf_view(&name)).data,
				settings_clean(arena_copy(&s->arena, buf_view(&value))),
				reader.line };
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

static void
wipe(struct text value)
{
	if (value.data != NULL)
		explicit_bzero((char *)(uintptr_t)value.data, value.length);
}

/* Those of that name; NULL: all. */
static void
wipe_entries(const struct entry *entries, const char *name)
{
	for (const struct entry *e = entries; e != NULL; e = e->next)
		if (name == NULL || strcmp(e->name, name) == 0)
			wipe(e->value);
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
	wipe_entries(s->entries, NULL);
	wipe_entries(s->files, NULL);
	arena_free(&s->arena);
	free(s);
}

/* Cleaned, and so perhaps not terminated. */
static struct text
from_environment(const struct settings *s, const char *name)
{
	size_t length = strlen(name);

	for (char *const *e = s->environment; *e != NULL; e++)
		if (strncmp(*e, name, length) == 0 && (*e)[length] == '=') {
			struct text value = settings_clean(text_of(*e + length + 1));

			if (value.length > 0)
				return value;
		}
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

void
settings_forget(struct settings *s, const char *name)
{
	struct json_object *value;

	wipe(from_environment(s, name));
	wipe_entries(s->entries, name);
	wipe_entries(s->files, name);
	if (json_object_object_get_ex(s->values, name, &value))
		wipe((struct text){
		    json_object_get_string(value), (size_t)json_object_get_string_len(value) });
}

/* A secret's file: its content, cleaned. */
static bool
from_file(
    struct settings *s, const char *name, const char *path, struct text *value, struct buf *error)
{
	struct entry *e;
	struct buf content = { 0 };
	const char *problem = buf_file(&content, path, ENV_FILE_MAX);

	if (problem == NULL) {
		e = arena_alloc(&s->arena, 1, sizeof(*e));
		*e = (struct entry){ s->files,
			(char *)(uintptr_t)arena_copy(&s->arena, text_of(name)).data,
			arena_copy(&s->arena, settings_clean(buf_view(&content))), 0 };
		s->files = e;
		*value = e->value;
	} else {
		buf_printf(error, "%s: %s", path, problem);
	}
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
	used = snprintf(path, size, "%.*s/%s", (int)directory.length, directory.data, name);
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
	if (!from_file(s, f->name, arena_copy(&s->arena, file).data, value, error))
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

/* Names */

/* Letters and digits alone, in capitals, without a prefix that frameworks want. */
static void
plain_name(const char *name, char *out, size_t size)
{
	static const char *const prefixes[] = { "REACT_APP_", "NEXT_PUBLIC_", "VITE_",
		"EXPO_PUBLIC_", "AGORA_", "MY_", "YOUR_" };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		const size_t length = strlen(prefixes[i]);

		if (strncasecmp(name, prefixes[i], length) == 0 && name[length] != '\0')
			name += length;
	}
	for (; *name != '\0' && n + 1 < size; name++)
		if (isalnum((unsigned char)*name))
			out[n++] = (char)toupper((unsigned char)*name);
	out[n] = '\0';
}

/* Names of other programs and of Agora's console for our settings, as plain_name has them. */
static const char *const aliases[][2] = {
	{ "APP", "APP_ID" },
	{ "PROJECTID", "APP_ID" },
	{ "APPCERT", "APP_CERTIFICATE" },
	{ "APPCERTIFICATEKEY", "APP_CERTIFICATE" },
	{ "APPSECRET", "APP_CERTIFICATE" },
	{ "CERT", "APP_CERTIFICATE" },
	{ "CERTIFICATE", "APP_CERTIFICATE" },
	{ "PRIMARYCERT", "APP_CERTIFICATE" },
	{ "PRIMARYCERTIFICATE", "APP_CERTIFICATE" },
	{ "APPCERTIFICATEPRIMARY", "APP_CERTIFICATE" },
	{ "APPPRIMARYCERTIFICATE", "APP_CERTIFICATE" },
	{ "SECONDARYCERTIFICATE", "APP_CERTIFICATE_SECONDARY" },
	{ "APPSECONDARYCERTIFICATE", "APP_CERTIFICATE_SECONDARY" },
	{ "CUSTOMERKEY", "CUSTOMER_ID" },
	{ "RESTFULKEY", "CUSTOMER_ID" },
	{ "RESTKEY", "CUSTOMER_ID" },
	{ "RESTFULSECRET", "CUSTOMER_SECRET" },
	{ "RESTSECRET", "CUSTOMER_SECRET" },
	{ "CUSTOMERCERTIFICATE", "CUSTOMER_SECRET" },
	{ "CORS", "CORS_ALLOW_ORIGIN" },
	{ "CORSORIGIN", "CORS_ALLOW_ORIGIN" },
	{ "CORSORIGINS", "CORS_ALLOW_ORIGIN" },
	{ "CORSALLOWEDORIGIN", "CORS_ALLOW_ORIGIN" },
	{ "CORSALLOWEDORIGINS", "CORS_ALLOW_ORIGIN" },
	{ "ALLOWORIGIN", "CORS_ALLOW_ORIGIN" },
	{ "ALLOWEDORIGIN", "CORS_ALLOW_ORIGIN" },
	{ "ALLOWEDORIGINS", "CORS_ALLOW_ORIGIN" },
	{ "CORSHEADERS", "CORS_ALLOW_HEADERS" },
	{ "CORSALLOWEDHEADERS", "CORS_ALLOW_HEADERS" },
	{ "BUCKET", "STORAGE_BUCKET" },
	{ "BUCKETACCESSKEY", "STORAGE_BUCKET_ACCESS_KEY" },
	{ "BUCKETSECRETKEY", "STORAGE_BUCKET_SECRET_KEY" },
};

/* Whether someone who writes this name likely means that setting; or_mistyped: or nearly wrote it.
 */
static bool
means(const char *name, const char *setting, bool or_mistyped)
{
	char plain[NAME_SIZE], known[NAME_SIZE];
	size_t length, most;

	plain_name(name, plain, sizeof(plain));
	plain_name(setting, known, sizeof(known));
	if (strcmp(plain, known) == 0)
		return true;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcmp(plain, aliases[i][0]) == 0)
			return strcmp(setting, aliases[i][1]) == 0;
	length = strlen(known);
	most = length < 5 ? 0 : length < 9 ? 1 : 2;
	return or_mistyped && text_distance(plain, known, most) <= most;
}

/* Which name of the setting it likely means: its own, or that of its file.  false: neither. */
static bool
meant_of_row(const struct field *f, const char *name, bool or_mistyped, char meant[NAME_SIZE])
{
	static const char end[] = "_FILE";
	const size_t length = strlen(name), front = length - (sizeof(end) - 1);

	if (means(name, f->name, or_mistyped)) {
		snprintf(meant, NAME_SIZE, "%s", f->name);
		return true;
	}
	if (!(f->flags & FIELD_FILE) || length < sizeof(end) || length >= NAME_SIZE ||
	    strcasecmp(name + front, end) != 0)
		return false;
	snprintf(meant, NAME_SIZE, "%.*s", (int)front, name);
	if (!means(meant, f->name, or_mistyped))
		return false;
	snprintf(meant, NAME_SIZE, "%s%s", f->name, end);
	return true;
}

/* Appends which name was likely written for the setting that is missing. */
static void
note_meant(const struct settings *s, const struct field *f, struct buf *error)
{
	char name[NAME_SIZE], meant[NAME_SIZE];

	for (const struct entry *e = s->entries; e != NULL; e = e->next)
		if (strcmp(e->name, f->name) != 0 && e->value.length > 0 &&
		    meant_of_row(f, e->name, true, meant)) {
			buf_printf(error, "; %s:%zu has %s, which should be %s", s->env_file,
			    e->line, e->name, meant);
			return;
		}
	for (char *const *e = s->environment; *e != NULL; e++) {
		size_t length = strcspn(*e, "=");

		if (length == 0 || length >= sizeof(name) || (*e)[length] != '=' ||
		    (*e)[length + 1] == '\0')
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)length, *e);
		if (strcmp(name, f->name) != 0 && meant_of_row(f, name, false, meant)) {
			buf_printf(
			    error, "; the environment has %s, which should be %s", name, meant);
			return;
		}
	}
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
	value = (struct text){ NULL, 0 };
	f = table->fields;
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->fields[i].name, wrong.field) == 0)
			f = &table->fields[i];
	if (!wrong.missing && find(s, f, &value, &place, error))
		name_place(s, place, error);
	buf_printf(error, "%s: %s", wrong.field, wrong.rule);
	if (wrong.missing)
		note_meant(s, f, error);
	else if (f->check != settings_hex32) /* which has said it */
		note_odd(value, error);
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

/* The row that the name likely means, and how it should be written there; NULL for none. */
static const struct field *
meant_of(const char *name, bool or_mistyped, const struct table *const *tables, size_t table_count,
    char meant[NAME_SIZE])
{
	/* One that is the same but for its case or its _ is meant more than one that is close. */
	for (int mistyped = 0; mistyped <= (or_mistyped ? 1 : 0); mistyped++)
		for (size_t t = 0; t < table_count; t++)
			for (size_t i = 0; i < tables[t]->count; i++)
				if (meant_of_row(&tables[t]->fields[i], name, mistyped != 0, meant))
					return &tables[t]->fields[i];
	return NULL;
}

/* Whether a source has the setting, itself or as a file. */
static bool
is_set(const struct settings *s, const struct field *f)
{
	char path[PATH_SIZE];
	struct text value, file;
	const struct entry *place;

	locate(s, f, path, &value, &file, &place);
	return value.data != NULL || file.data != NULL;
}

void
settings_unknown(const struct settings *s, const struct table *const *tables, size_t table_count,
    void (*report)(const char *file, size_t line, const char *name, const char *meant))
{
	char name[NAME_SIZE], meant[NAME_SIZE];

	for (const struct entry *e = s->entries; e != NULL; e = e->next)
		if (!is_known(e->name, tables, table_count))
			report(s->env_file, e->line, e->name,
			    meant_of(e->name, true, tables, table_count, meant) == NULL ? NULL
											: meant);
	for (char *const *e = s->environment; *e != NULL; e++) {
		const size_t length = strcspn(*e, "=");
		const struct field *row;

		if (length == 0 || length >= sizeof(name) || (*e)[length] == '\0')
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)length, *e);
		row = is_known(name, tables, table_count)
		    ? NULL
		    : meant_of(name, false, tables, table_count, meant);
		if (row != NULL && !is_set(s, row))
			report(NULL, 0, name, meant);
	}
}

void
settings_twice(const struct settings *s, const struct table *const *tables, size_t table_count,
    void (*report)(const char *name, bool value_counts))
{
	for (size_t t = 0; t < table_count; t++)
		for (size_t i = 0; i < tables[t]->count; i++) {
			const struct field *f = &tables[t]->fields[i];
			char name[NAME_SIZE], path[PATH_SIZE];
			struct text value, file;
			const struct entry *place;

			if (!(f->flags & FIELD_FILE))
				continue;
			snprintf(name, sizeof(name), "%s_FILE", f->name);
			if ((from_environment(s, f->name).data == NULL &&
				from_env_file(s, f->name) == NULL) ||
			    (from_environment(s, name).data == NULL &&
				from_env_file(s, name) == NULL))
				continue;
			locate(s, f, path, &value, &file, &place);
			report(f->name, value.data != NULL);
		}
}
