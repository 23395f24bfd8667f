#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Reading .env files */

/* All assignments, "NAME=value|" each, up to a problem. */
static const char *
read_env(struct text text, struct buf *all, size_t *line)
{
	struct env_reader reader = { .rest = { guarded(text.data, text.length), text.length } };
	struct buf name = { 0 }, value = { 0 };

	while (env_next(&reader, &name, &value)) {
		buf_add(all, name.data, name.length);
		buf_text(all, "=");
		buf_add(all, value.data, value.length);
		buf_text(all, "|");
	}
	*line = reader.line;
	buf_free(&name);
	buf_free(&value);
	return reader.problem;
}

#define NAME_PROBLEM "a line is NAME=value, and a name is letters, digits and _"
#define EQUALS_PROBLEM "a line is NAME=value, and this one has no = after the name"
#define CLOSE_PROBLEM "a quote is not closed on its line"
#define AFTER_PROBLEM "something follows the closing quote"
#define ESCAPE_PROBLEM "in double quotes \\ is followed by n, r, t, \", \\ or $"
#define NUL_PROBLEM "there is a NUL byte"

static void
reads_env_files(void)
{
	static const struct {
		struct text in;
		const char *out;
		const char *problem;
		size_t line;
	} cases[] = {
		{ TEXT(""), "" },
		{ TEXT("\n"), "" },
		{ TEXT("\n\r\n \t\n"), "" },
		{ TEXT("A=1"), "A=1|" },
		{ TEXT("A=1\n"), "A=1|" },
		{ TEXT("A=1\nB=2"), "A=1|B=2|" },
		{ TEXT("A=1\r\nB=2\r\n"), "A=1|B=2|" },
		{ TEXT("A='1'\r\nB=\"2\"\r\nC=\r\n"), "A=1|B=2|C=|" },
		{ TEXT("A=1\nA=2\n"), "A=1|A=2|" },
		{ TEXT("\xef\xbb\xbf"
		       "A=1\n"),
		    "A=1|" },
		{ TEXT("\xef\xbb\xbf"), "" },
		{ TEXT("\xef\xbb\xbf# c\nA=1"), "A=1|" },
		{ TEXT("_a1_B=1"), "_a1_B=1|" },
		{ TEXT("A=b=c"), "A=b=c|" },
		{ TEXT("A=="), "A==|" },
		{ TEXT("A=\xc3\xa9"), "A=\xc3\xa9|" },
		{ TEXT("A=a\rb"), "A=a\rb|" },
		{ TEXT("A=$B ${C} `d`"), "A=$B ${C} `d`|" },
		{ TEXT("A=a\\nb\\"), "A=a\\nb\\|" },

		{ TEXT("A="), "A=|" },
		{ TEXT("A=''"), "A=|" },
		{ TEXT("A=\"\""), "A=|" },
		{ TEXT("A=  "), "A=|" },
		{ TEXT("A=   # c"), "A=|" },

		{ TEXT(" \tA \t= \t1 2 \t"), "A=1 2|" },
		{ TEXT("A=  ' 1 '  "), "A= 1 |" },

		{ TEXT("export A=1"), "A=1|" },
		{ TEXT("export\tA=1"), "A=1|" },
		{ TEXT("  export   A = 1"), "A=1|" },
		{ TEXT("export=1"), "export=1|" },
		{ TEXT("exportA=1"), "exportA=1|" },
		{ TEXT("export export=1"), "export=1|" },
		{ TEXT("Export A=1"), "", EQUALS_PROBLEM, 1 },
		{ TEXT("export"), "", EQUALS_PROBLEM, 1 },
		{ TEXT("export A"), "", EQUALS_PROBLEM, 1 },
		{ TEXT("export "), "", NAME_PROBLEM, 1 },
		{ TEXT("export = 1"), "", NAME_PROBLEM, 1 },

		{ TEXT("# A=1\nB=2"), "B=2|" },
		{ TEXT(" \t# A=1"), "" },
		{ TEXT("#"), "" },
		{ TEXT("A=1 # c"), "A=1|" },
		{ TEXT("A=1\t#c"), "A=1|" },
		{ TEXT("A=1#2"), "A=1#2|" },
		{ TEXT("A=1# 2"), "A=1# 2|" },
		{ TEXT("A=1#2 #3"), "A=1#2|" },
		{ TEXT("A=#2"), "A=#2|" },
		{ TEXT("A=#2 # c"), "A=#2|" },
		{ TEXT("A = #2"), "A=|" },
		{ TEXT("A='1' # c"), "A=1|" },
		{ TEXT("A=\"1\" # c"), "A=1|" },
		{ TEXT("A='1 # 2'"), "A=1 # 2|" },
		{ TEXT("A=\"1 # 2\""), "A=1 # 2|" },

		{ TEXT("A='a\\nb$C\"'"), "A=a\\nb$C\"|" },
		{ TEXT("A='\\'"), "A=\\|" },
		{ TEXT("A=\"a\\nb\\rc\\td\\\"e\\\\f\\$g\""), "A=a\nb\rc\td\"e\\f$g|" },
		{ TEXT("A=\"$B 'c'\""), "A=$B 'c'|" },
		{ TEXT("A=a'b'c"), "A=a'b'c|" },
		{ TEXT("A=a\"b\""), "A=a\"b\"|" },
		{ TEXT("A=\"\\x\""), "", ESCAPE_PROBLEM, 1 },
		{ TEXT("A=\"\\'\""), "", ESCAPE_PROBLEM, 1 },
		{ TEXT("A=\"\\a\""), "", ESCAPE_PROBLEM, 1 },
		{ TEXT("A='"), "", CLOSE_PROBLEM, 1 },
		{ TEXT("A='1"), "", CLOSE_PROBLEM, 1 },
		{ TEXT("A=\"1"), "", CLOSE_PROBLEM, 1 },
		{ TEXT("A=\"1'"), "", CLOSE_PROBLEM, 1 },
		{ TEXT("A=\"1\\\""), "", CLOSE_PROBLEM, 1 },
		{ TEXT("A=\"1\\"), "", CLOSE_PROBLEM, 1 },
		{ TEXT("A='1\n2'"), "", CLOSE_PROBLEM, 1 },
		{ TEXT("A='1'2"), "", AFTER_PROBLEM, 1 },
		{ TEXT("A='1' 2"), "", AFTER_PROBLEM, 1 },
		{ TEXT("A=\"1\"\"2\""), "", AFTER_PROBLEM, 1 },

		{ TEXT("=1"), "", NAME_PROBLEM, 1 },
		{ TEXT("1A=1"), "", NAME_PROBLEM, 1 },
		{ TEXT("-A=1"), "", NAME_PROBLEM, 1 },
		{ TEXT("\xc3\xa9=1"), "", NAME_PROBLEM, 1 },
		{ TEXT("{\"A\":1}"), "", NAME_PROBLEM, 1 },
		{ TEXT("A=1\n\xef\xbb\xbf"
		       "B=2"),
		    "A=1|", NAME_PROBLEM, 2 },
		{ TEXT("A"), "", EQUALS_PROBLEM, 1 },
		{ TEXT("A-B=1"), "", EQUALS_PROBLEM, 1 },
		{ TEXT("A B=1"), "", EQUALS_PROBLEM, 1 },
		{ TEXT("A.B=1"), "", EQUALS_PROBLEM, 1 },
		{ TEXT("A: 1"), "", EQUALS_PROBLEM, 1 },
		{ TEXT("A\n=1"), "", EQUALS_PROBLEM, 1 },
		{ TEXT("A=1\n\n# c\nB='2"), "A=1|", CLOSE_PROBLEM, 4 },
		{ TEXT("A=1\r\nB"), "A=1|", EQUALS_PROBLEM, 2 },
		{ TEXT("A=1\0"), "", NUL_PROBLEM, 1 },
		{ TEXT("A=1\n# \0"), "A=1|", NUL_PROBLEM, 2 },
		{ TEXT("A=1\nB='\0'"), "A=1|", NUL_PROBLEM, 2 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf all = { 0 };
		size_t line;
		const char *problem = read_env(cases[i].in, &all, &line);

		CHECK(same_text(buf_view(&all), cases[i].out), cases[i].in.data);
		CHECK(cases[i].problem == NULL ? problem == NULL
					       : same_text(text_of(problem), cases[i].problem),
		    cases[i].in.data);
		CHECK(problem == NULL || line == cases[i].line, cases[i].in.data);
		buf_free(&all);
	}
}

static void
counts_lines(void)
{
	static const struct {
		const char *name;
		size_t line;
	} cases[] = { { "A", 2 }, { "B", 3 }, { "C", 6 } };
	struct env_reader reader = { .rest = TEXT("# c\nA=1\r\nB=2\n\n\nC=3\n\n") };
	struct buf name = { 0 }, value = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		CHECK(env_next(&reader, &name, &value), cases[i].name);
		CHECK(same_text(buf_view(&name), cases[i].name), cases[i].name);
		CHECK(reader.line == cases[i].line, cases[i].name);
	}
	CHECK(!env_next(&reader, &name, &value) && reader.problem == NULL, "the end");
	CHECK(!env_next(&reader, &name, &value), "it stays the end");

	reader = (struct env_reader){ .rest = TEXT("A\nB=2\n") };
	CHECK(!env_next(&reader, &name, &value) && reader.problem != NULL, "a problem");
	CHECK(!env_next(&reader, &name, &value) && reader.line == 1, "nothing after a problem");
	buf_free(&name);
	buf_free(&value);
}

static const struct text sample =
    TEXT("\xef\xbb\xbf# c\r\nexport APP_ID = 'a # b' # c\nB=\"x\\n\\\"\\$\"\r\nC=1#2 # \xc3\xa9\n");

/* What was whole before the cut is read as it was; the guard page watches the end. */
static void
survives_every_truncation(void)
{
	static const char whole[] = "APP_ID=a # b|B=x\n\"$|C=1#2|";

	for (size_t length = 0; length <= sample.length; length++) {
		struct buf all = { 0 };
		size_t line, same = 0;
		char name[32];
		const char *problem = read_env((struct text){ sample.data, length }, &all, &line);

		snprintf(name, sizeof(name), "%zu bytes", length);
		while (same < all.length && all.data[same] == whole[same])
			same++;
		CHECK(same + 1 >= all.length, name); /* only the last | may come too early */
		CHECK(problem == NULL || line >= 1, name);
		CHECK(length < sample.length || same_text(buf_view(&all), whole), name);
		buf_free(&all);
	}
}

static void
survives_every_flipped_bit(void)
{
	for (size_t bit = 0; bit < 8 * sample.length; bit++) {
		char bytes[128], name[16];
		struct buf all = { 0 };
		size_t line;
		const char *problem;

		memcpy(bytes, sample.data, sample.length);
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
		problem = read_env((struct text){ bytes, sample.length }, &all, &line);
		snprintf(name, sizeof(name), "bit %zu", bit);
		CHECK(line >= 1 && line <= 5, name);
		CHECK(problem != NULL || all.length > 0, name);
		buf_free(&all);
	}
}

/* Settings */

struct sample_settings {
	struct text plain, secret;
	int64_t number;
	bool flag;
};

static bool
has_no_bang(struct text value, struct field_error *error)
{
	if (memchr(value.data, '!', value.length) == NULL)
		return true;
	field_rule(error, "must have no bang");
	return false;
}

static const struct field sample_fields[] = {
	{ "PLAIN", FIELD_TEXT, 0, offsetof(struct sample_settings, plain), .check = has_no_bang },
	{ "THE_SECRET", FIELD_TEXT, FIELD_FILE | FIELD_SECRET,
	    offsetof(struct sample_settings, secret), .check = has_no_bang },
	{ "NUMBER", FIELD_INT, 0, offsetof(struct sample_settings, number), 1, 9, .fallback = 5 },
	{ "FLAG", FIELD_BOOL, 0, offsetof(struct sample_settings, flag), .fallback = 1 },
};
static const struct table sample_table = TEXT_TABLE(sample_fields, struct sample_settings);

static char directory[] = "/tmp/agora-settings-XXXXXX";
static char paths[8][128];
static size_t path_count;

static int
make_directory(void)
{
	memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
	path_count = 0;
	return mkdtemp(directory) == NULL;
}

static void
remove_directory(void)
{
	while (path_count > 0)
		unlink(paths[--path_count]);
	rmdir(directory);
}

/* A file in the directory; its path. */
static const char *
make_file(const char *name, struct text content)
{
	char *path = paths[path_count++];
	FILE *file;

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(content.data, 1, content.length, file) != content.length)
		abort();
	fclose(file);
	return path;
}

/* Whether it names the file that holds the secret, where one does. */
static void
names_its_file(struct settings *settings, const char *content, const char *name, bool in_file)
{
	for (size_t i = 0; i < sample_table.count; i++) {
		const struct field *f = &sample_table.fields[i];
		struct text path = settings_file(settings, f);
		struct buf found = { 0 };

		if (strcmp(f->name, "THE_SECRET") != 0 || !in_file) {
			CHECK(path.data == NULL, name);
			continue;
		}
		CHECK(path.data != NULL && buf_file(&found, path.data, 64) == NULL, name);
		CHECK(same_text(buf_view(&found), content), name);
		buf_free(&found);
	}
}

/*
 * Each set of the five sources: the first of them in the documented order wins, files count only
 * for rows that may come as one, and an empty source is like none.
 */
static void
prefers_sources(void)
{
	static const char *const order[] = { "environment", "environment's file", "credential",
		"env file", "env file's file" };
	enum { ENVIRONMENT = 1, ITS_FILE = 2, CREDENTIAL = 4, ENV_FILE = 8, ENV_FILES_FILE = 16 };

	for (unsigned set = 0; set < 32; set++)
		for (int empty = 0; empty < 2; empty++) {
			char named[160], credentials[160], name[64];
			char environment_value[] = "THE_SECRET=environment";
			char plain_value[] = "PLAIN=environment";
			char *environment[6] = { NULL };
			size_t n = 0;
			const char *env_file, *expected = NULL, *expected_plain = NULL;
			struct buf error = { 0 }, content = { 0 };
			struct settings *settings;
			struct sample_settings out;

			snprintf(name, sizeof(name), "set %02x%s", set, empty ? ", empty" : "");
			if (make_directory() != 0)
				abort();
			snprintf(named, sizeof(named), "THE_SECRET_FILE=%s",
			    make_file("named", text_of(order[1])));
			snprintf(credentials, sizeof(credentials), "CREDENTIALS_DIRECTORY=%s",
			    directory);
			if (set & ENVIRONMENT) {
				environment[n++] = environment_value;
				environment[n++] = plain_value;
			} else if (empty) {
				environment_value[strlen("THE_SECRET=")] = '\0';
				environment[n++] = environment_value;
				plain_value[strlen("PLAIN=")] = '\0';
				environment[n++] = plain_value;
			}
			if (!(set & ITS_FILE) && empty)
				named[strlen("THE_SECRET_FILE=")] = '\0';
			if (set & ITS_FILE || empty)
				environment[n++] = named;
			if (set & CREDENTIAL) {
				make_file("the_secret", text_of(order[2]));
				environment[n++] = credentials;
			}
			if (set & ENV_FILE)
				buf_text(&content, "THE_SECRET=env file\nPLAIN=env file\n");
			else if (empty)
				buf_text(&content, "THE_SECRET=\nPLAIN=''\n");
			if (set & ENV_FILES_FILE)
				buf_printf(&content, "THE_SECRET_FILE=%s\nPLAIN_FILE=%s\n",
				    make_file("other", text_of(order[4])), paths[0]);
			env_file = make_file("env", buf_view(&content));

			for (unsigned source = 0; source < 5 && expected == NULL; source++)
				if (set & 1U << source)
					expected = order[source];
			if (set & ENVIRONMENT)
				expected_plain = order[0];
			else if (set & ENV_FILE)
				expected_plain = order[3];
			settings = settings_open(env_file, environment, &error);
			CHECK(settings != NULL, name);
			CHECK(settings_read(settings, &sample_table, &out, &error), name);
			CHECK(error.length == 0, name);
			CHECK(expected == NULL ? out.secret.data == NULL
					       : same_text(out.secret, expected),
			    name);
			CHECK(expected_plain == NULL ? out.plain.data == NULL
						     : same_text(out.plain, expected_plain),
			    name);
			names_its_file(settings, expected, name,
			    expected == order[1] || expected == order[2] || expected == order[4]);
			settings_free(settings);
			buf_free(&error);
			buf_free(&content);
			remove_directory();
		}
}

/* The environment that these make, up to the first empty one. */
static char *const *
environment_of(char (*variables)[48], size_t count)
{
	static char *environment[8];
	size_t n = 0;

	while (n < count && variables[n][0] != '\0') {
		environment[n] = variables[n];
		n++;
	}
	environment[n] = NULL;
	return environment;
}

/* Opens one .env file and reads the sample table; "" when fine, else the error less the path. */
static void
read_settings(const char *env, char *const *environment, struct sample_settings *out,
    struct settings **settings, struct buf *error)
{
	const char *path = env == NULL ? NULL : make_file("env", text_of(env));

	*settings = settings_open(path, environment, error);
	if (*settings == NULL || settings_read(*settings, &sample_table, out, error))
		return;
	CHECK(error->length > 0, env == NULL ? "environment" : env);
}

static void
reads_values(void)
{
	static const struct {
		const char *env;
		int64_t number;
		bool flag;
		const char *plain; /* NULL = unset */
	} cases[] = {
		{ "", 5, true, NULL },
		{ "NUMBER=9\nFLAG=off\nPLAIN=a b", 9, false, "a b" },
		{ "NUMBER=\nFLAG=\nPLAIN=", 5, true, NULL },
		{ "NUMBER='1'\nFLAG=\"1\"", 1, true, NULL },
		{ "NUMBER=1\nNUMBER=2\nPLAIN=a\nPLAIN=b", 2, true, "b" },
		{ "PLAIN=a\nPLAIN=", 5, true, NULL },
		{ "plain=a\nnumber=7", 5, true, NULL },
		{ "UNKNOWN=1\nPLAIN=a", 5, true, "a" },
		{ "PLAIN_FILE=/nonexistent", 5, true, NULL },
	};
	char *none[] = { NULL };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf error = { 0 };
		struct settings *settings;
		struct sample_settings out;

		if (make_directory() != 0)
			abort();
		read_settings(cases[i].env, none, &out, &settings, &error);
		CHECK(settings != NULL && error.length == 0, cases[i].env);
		CHECK(out.number == cases[i].number && out.flag == cases[i].flag, cases[i].env);
		CHECK(cases[i].plain == NULL ? out.plain.data == NULL
					     : same_text(out.plain, cases[i].plain),
		    cases[i].env);
		settings_free(settings);
		buf_free(&error);
		remove_directory();
	}
}

static void
reads_the_environment(void)
{
	static struct {
		char environment[2][48];
		const char *plain; /* NULL = unset */
	} cases[] = {
		{ { "" }, NULL },
		{ { "PLAIN=a" }, "a" },
		{ { "PLAIN==" }, "=" },
		{ { "PLAIN= a " }, "a" },
		{ { "PLAIN='a'" }, "a" },
		{ { "PLAIN=\"a b\"" }, "a b" },
		{ { "PLAIN= \" a \" " }, "a" },
		{ { "PLAIN=\"\"a\"\"" }, "\"a\"" },
		{ { "PLAIN='a\"" }, "'a\"" },
		{ { "PLAIN=\"" }, "\"" },
		{ { "PLAIN=''" }, NULL },
		{ { "PLAIN=\"\"" }, NULL },
		{ { "PLAIN= \t\r\n" }, NULL },
		{ { "PLAIN=a\n" }, "a" },
		{ { "PLAIN=a\r\n" }, "a" },
		{ { "PLAIN=\xef\xbb\xbf"
		    "a" },
		    "a" },
		{ { "PLAIN=\xc2\xa0"
		    "a\xe2\x80\x8b" },
		    "a" },
		{ { "PLAIN=\xe2\x81\xa0\xc2\xa0" }, NULL },
		{ { "PLAIN=a\xc2\xa0"
		    "b" },
		    "a\xc2\xa0"
		    "b" },
		{ { "PLAIN=\xc3\xa9" }, "\xc3\xa9" },
		{ { "PLAINER=b", "PLAIN=a" }, "a" },
		{ { "XPLAIN=b" }, NULL },
		{ { "PLAIN" }, NULL },
		{ { "PLAIN=" }, NULL },
		{ { "plain=a" }, NULL },
		{ { "PLAIN=a", "PLAIN=b" }, "a" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf error = { 0 };
		struct settings *settings;
		struct sample_settings out;
		const char *name = cases[i].environment[0];

		read_settings(
		    NULL, environment_of(cases[i].environment, 2), &out, &settings, &error);
		CHECK(error.length == 0, name);
		CHECK(cases[i].plain == NULL ? out.plain.data == NULL
					     : same_text(out.plain, cases[i].plain),
		    name);
		settings_free(settings);
		buf_free(&error);
	}
}

/* The text, terminated, with the directory in place of each @. */
static void
put_directory(const char *text, struct buf *out)
{
	for (; *text != '\0'; text++)
		if (*text == '@')
			buf_text(out, directory);
		else
			buf_add(out, text, 1);
	buf_add(out, "", 1);
}

/* Each line says which setting, where it stands and what it must be; never what it is. */
static void
names_the_place_of_errors(void)
{
	static struct {
		const char *env; /* NULL = no file */
		char environment[1][48];
		const char *file; /* content of the file that SECRET_FILE names; NULL = none */
		const char *expected;
	} cases[] = {
		{ "# c\nPLAIN=value!\n", { "" }, NULL, "@/env:2: PLAIN: must have no bang" },
		{ "NUMBER=0", { "" }, NULL, "@/env:1: NUMBER: must be a whole number, 1 to 9" },
		{ "\n\n\nFLAG=value", { "" }, NULL, "@/env:4: FLAG: must be true or false" },
		{ "NUMBER=1\nNUMBER=value\n", { "" }, NULL,
		    "@/env:2: NUMBER: must be a whole number, 1 to 9" },
		{ NULL, { "PLAIN=value!" }, NULL, "environment: PLAIN: must have no bang" },
		{ "PLAIN=a", { "PLAIN=value!" }, NULL, "environment: PLAIN: must have no bang" },
		{ "THE_SECRET=value!", { "" }, NULL, "@/env:1: THE_SECRET: must have no bang" },
		{ "THE_SECRET_FILE=@/file", { "" }, "value!",
		    "@/env:1: THE_SECRET: must have no bang" },
		{ "PLAIN=a\nTHE_SECRET_FILE=/nonexistent/value", { "" }, NULL,
		    "@/env:2: THE_SECRET_FILE: /nonexistent/value: No such file or directory" },
		{ NULL, { "THE_SECRET_FILE=/nonexistent/value" }, NULL,
		    "environment: THE_SECRET_FILE: /nonexistent/value: No such file or directory" },
		{ NULL, { "THE_SECRET_FILE=/" }, NULL,
		    "environment: THE_SECRET_FILE: /: Is a directory" },
		{ "A=1\nPLAIN='value", { "" }, NULL, "@/env:2: a quote is not closed on its line" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf error = { 0 };
		struct settings *settings;
		struct sample_settings out;
		struct buf expected = { 0 }, env = { 0 };
		char name[16];

		snprintf(name, sizeof(name), "%zu", i);
		if (make_directory() != 0)
			abort();
		if (cases[i].file != NULL)
			make_file("file", text_of(cases[i].file));
		put_directory(cases[i].expected, &expected);
		if (cases[i].env != NULL)
			put_directory(cases[i].env, &env);
		read_settings(cases[i].env == NULL ? NULL : env.data,
		    environment_of(cases[i].environment, 1), &out, &settings, &error);
		CHECK(same_text(buf_view(&error), expected.data), name);
		settings_free(settings);
		buf_free(&error);
		buf_free(&expected);
		buf_free(&env);
		remove_directory();
	}
}

static void
says_what_is_missing(void)
{
	static const struct field required_fields[] = {
		{ "PLAIN", FIELD_TEXT, FIELD_REQUIRED, offsetof(struct sample_settings, plain) },
		{ "THE_SECRET", FIELD_TEXT, FIELD_REQUIRED | FIELD_FILE,
		    offsetof(struct sample_settings, secret) },
	};
	static const struct table required = TEXT_TABLE(required_fields, struct sample_settings);
	static const struct {
		const char *env, *expected;
	} cases[] = {
		{ "", "PLAIN: is required" },
		{ "PLAIN=", "PLAIN: is required" },
		{ "PLAIN=1", "THE_SECRET: is required" },
		{ "PLAIN=1\nTHE_SECRET=2", "" },
	};
	char *none[] = { NULL };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf error = { 0 };
		struct settings *settings;
		struct sample_settings out;

		if (make_directory() != 0)
			abort();
		settings = settings_open(make_file("env", text_of(cases[i].env)), none, &error);
		CHECK(settings_read(settings, &required, &out, &error) ==
			(cases[i].expected[0] == '\0'),
		    cases[i].env);
		CHECK(same_text(buf_view(&error), cases[i].expected), cases[i].env);
		settings_free(settings);
		buf_free(&error);
		remove_directory();
	}
}

static void
trims_files(void)
{
	static const struct {
		struct text content;
		const char *value; /* NULL = unset */
	} cases[] = {
		{ TEXT("value"), "value" },
		{ TEXT("value\n"), "value" },
		{ TEXT("value\r\n"), "value" },
		{ TEXT("value\n\n\r\n"), "value" },
		{ TEXT(" value \n"), "value" },
		{ TEXT("\"value\"\n"), "value" },
		{ TEXT("'value'\r\n"), "value" },
		{ TEXT("\xef\xbb\xbfvalue\n"), "value" },
		{ TEXT("value\xc2\xa0\n"), "value" },
		{ TEXT(" \"\" \n"), NULL },
		{ TEXT("a\nb\n"), "a\nb" },
		{ TEXT("'value' # c\n"), "'value' # c" },
		{ TEXT(""), NULL },
		{ TEXT("\n"), NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char named[160];
		char *environment[] = { named, NULL };
		struct buf error = { 0 };
		struct settings *settings;
		struct sample_settings out;

		if (make_directory() != 0)
			abort();
		snprintf(named, sizeof(named), "THE_SECRET_FILE=%s",
		    make_file("named", cases[i].content));
		read_settings(NULL, environment, &out, &settings, &error);
		CHECK(error.length == 0, cases[i].content.data);
		CHECK(cases[i].value == NULL ? out.secret.data == NULL
					     : same_text(out.secret, cases[i].value),
		    cases[i].content.data);
		settings_free(settings);
		buf_free(&error);
		remove_directory();
	}
}

static void
limits_files(void)
{
	static const struct {
		size_t size;
		bool fine;
	} cases[] = { { ENV_FILE_MAX - 1, true }, { ENV_FILE_MAX, true },
		{ ENV_FILE_MAX + 1, false }, { 10 * ENV_FILE_MAX, false } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf content = { 0 }, error = { 0 };
		struct settings *settings;
		struct sample_settings out;
		char *none[] = { NULL }, named[160], name[16], expected[160];
		char *environment[] = { named, NULL };

		snprintf(name, sizeof(name), "%zu", cases[i].size);
		if (make_directory() != 0)
			abort();
		buf_text(&content, "PLAIN=a\n#");
		while (content.length < cases[i].size)
			buf_add(&content, "c", 1);
		settings = settings_open(make_file("env", buf_view(&content)), none, &error);
		snprintf(
		    expected, sizeof(expected), "%s/env: is larger than 65536 bytes", directory);
		CHECK((settings != NULL) == cases[i].fine, name);
		CHECK(same_text(buf_view(&error), cases[i].fine ? "" : expected), name);
		settings_free(settings);

		buf_clear(&error);
		snprintf(named, sizeof(named), "THE_SECRET_FILE=%s", paths[0]);
		read_settings(NULL, environment, &out, &settings, &error);
		snprintf(expected, sizeof(expected),
		    "environment: THE_SECRET_FILE: %s/env: is larger than 65536 bytes", directory);
		CHECK(same_text(buf_view(&error), cases[i].fine ? "" : expected), name);
		CHECK(!cases[i].fine || out.secret.length == cases[i].size, name);
		settings_free(settings);
		buf_free(&content);
		buf_free(&error);
		remove_directory();
	}
}

static void
says_why_a_file_cannot_be_read(void)
{
	char *none[] = { NULL };
	struct buf error = { 0 };

	CHECK(settings_open("/nonexistent/env", none, &error) == NULL, "no file");
	CHECK(
	    same_text(buf_view(&error), "/nonexistent/env: No such file or directory"), "no file");
	buf_clear(&error);
	CHECK(settings_open("/", none, &error) == NULL, "a directory");
	CHECK(same_text(buf_view(&error), "/: Is a directory"), "a directory");
	buf_free(&error);
	settings_free(NULL);
}

/* systemd's directory may be named and have nothing for us. */
static void
takes_credentials(void)
{
	char credentials[160], long_path[5000];
	char *environment[] = { credentials, NULL };
	struct buf error = { 0 };
	struct settings *settings;
	struct sample_settings out;

	if (make_directory() != 0)
		abort();
	snprintf(credentials, sizeof(credentials), "CREDENTIALS_DIRECTORY=%s", directory);
	make_file("plain", TEXT("not for plain rows"));
	make_file("THE_SECRET", TEXT("not in capitals"));
	read_settings(NULL, environment, &out, &settings, &error);
	CHECK(error.length == 0 && out.secret.data == NULL && out.plain.data == NULL, "none");
	settings_free(settings);

	make_file("the_secret", TEXT("credential!"));
	read_settings(NULL, environment, &out, &settings, &error);
	CHECK(error.length > 0 && memmem(error.data, error.length, "THE_SECRET: must", 16) != NULL,
	    "checked");
	CHECK(memmem(error.data, error.length, "credential!", 11) == NULL, "not shown");
	settings_free(settings);
	remove_directory();

	memset(long_path, 'p', sizeof(long_path));
	memcpy(long_path, "CREDENTIALS_DIRECTORY=/", 23);
	long_path[sizeof(long_path) - 1] = '\0';
	environment[0] = long_path;
	buf_clear(&error);
	read_settings(NULL, environment, &out, &settings, &error);
	CHECK(error.length == 0 && out.secret.data == NULL, "a path that is too long is none");
	settings_free(settings);
	buf_free(&error);
}

static struct buf reported;

static void
report(const char *file, size_t line, const char *name, const char *meant)
{
	buf_printf(&reported, "%s:%zu:%s%s%s ", file == NULL ? "" : strrchr(file, '/') + 1, line,
	    name, meant == NULL ? "" : "=", meant == NULL ? "" : meant);
}

static void
finds_unknown_names(void)
{
	static const struct field more_fields[] = { { "MORE", FIELD_TEXT } };
	static const struct table more = TEXT_TABLE(more_fields, struct text);
	const struct table *const tables[] = { &sample_table, &more };
	static const struct {
		const char *env, *reported;
	} cases[] = {
		{ "PLAIN=1\nTHE_SECRET=1\nTHE_SECRET_FILE=/x\nNUMBER=1\nFLAG=1\nMORE=1", "" },
		{ "PLAINER=1", "env:1:PLAINER " },
		{ "PLAI=1", "env:1:PLAI=PLAIN " },
		{ "plain=1", "env:1:plain=PLAIN " },
		{ "\nPLAIN_FILE=1", "env:2:PLAIN_FILE " },
		{ "THE_SECRET_FIL=1", "env:1:THE_SECRET_FIL " },
		{ "THE_SECRET_FILES=1", "env:1:THE_SECRET_FILES " },
		{ "_FILE=1", "env:1:_FILE " },
		{ "UNKNOWN=", "env:1:UNKNOWN " },
		{ "MORE=1\nA=1\nMORE=2", "env:2:A " },
	};
	char unknown[] = "ALSO_UNKNOWN=1", *environment[] = { unknown, NULL };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf error = { 0 };
		struct settings *settings;

		if (make_directory() != 0)
			abort();
		settings =
		    settings_open(make_file("env", text_of(cases[i].env)), environment, &error);
		buf_clear(&reported);
		settings_unknown(settings, tables, COUNT(tables), report);
		CHECK(same_text(buf_view(&reported), cases[i].reported), cases[i].env);
		settings_free(settings);
		buf_free(&error);
		remove_directory();
	}
	buf_free(&reported);
}

static void
reads_several_tables(void)
{
	static const struct field more_fields[] = { { "MORE", FIELD_TEXT } };
	static const struct table more = TEXT_TABLE(more_fields, struct text);
	char first[] = "PLAIN=a", second[] = "MORE=b";
	char *environment[] = { first, second, NULL };
	struct buf error = { 0 };
	struct settings *settings = settings_open(NULL, environment, &error);
	struct sample_settings out;
	struct text b;

	CHECK(settings_read(settings, &sample_table, &out, &error), "the first");
	CHECK(settings_read(settings, &more, &b, &error), "the second");
	CHECK(same_text(out.plain, "a") && same_text(b, "b"), "values");
	CHECK(settings_read(settings, &sample_table, &out, &error), "the first again");
	CHECK(same_text(out.plain, "a"), "the same value");
	settings_free(settings);
	buf_free(&error);
}

#define SHOWN ", and Agora's console shows 32 hexadecimal digits"
#define HEX32 "0123456789abcdef0123456789ABCDEF"

/* The length, and where and what the first wrong character is; never the value. */
static void
says_what_is_wrong_with_32_digits(void)
{
	static const struct {
		struct text value;
		const char *rule; /* NULL = fine */
	} cases[] = {
		{ TEXT(HEX32), NULL },
		{ TEXT(""), "0 characters" SHOWN },
		{ TEXT("0"), "1 character" SHOWN },
		{ TEXT("0123456789abcdef0123456789ABCDE"), "31 characters" SHOWN },
		{ TEXT(HEX32 "0"), "33 characters" SHOWN },
		{ TEXT(HEX32 "\n"), "33 characters" SHOWN "; the last is a newline" },
		{ TEXT(HEX32 "\xc2\xa0"), "33 characters" SHOWN "; the last is a no-break space" },
		{ TEXT("\xef\xbb\xbf" HEX32),
		    "33 characters" SHOWN
		    "; the first wrong one, character 1, is a byte order mark" },
		{ TEXT("\"" HEX32 "\""),
		    "34 characters" SHOWN "; the first wrong one, character 1, is a double quote" },
		{ TEXT("0123\r\n56789abcdef0123456789abcdef"),
		    "33 characters" SHOWN
		    "; the first wrong one, character 5, is a carriage return" },
		{ TEXT("01234567-89ab-cdef-0123-456789abcdef"),
		    "36 characters" SHOWN "; the first wrong one, character 9, is a hyphen" },
		{ TEXT("0123456789abcdef\xe2\x80\x8b"
		       "0123456789abcdef"),
		    "33 characters" SHOWN
		    "; the first wrong one, character 17, is a zero-width space" },
		{ TEXT("0123456789abcdef0123456789abcdeO"),
		    "32 characters" SHOWN "; the last is another letter" },
		{ TEXT("\xff\xfe"
		       "0\0"),
		    "4 characters" SHOWN
		    "; the first wrong one, character 1, is a mark of UTF-16" },
		{ TEXT("0\0"), "2 characters" SHOWN "; the last is a NUL byte" },
		{ TEXT("\x1b"), "1 character" SHOWN "; the last is a control character" },
		{ TEXT("<app"),
		    "4 characters" SHOWN
		    "; the first wrong one, character 1, is a punctuation mark" },
		{ TEXT("\xe2\x80\x9c"), "1 character" SHOWN "; the last is a typographic quote" },
		{ TEXT("\xc3\xa9"), "1 character" SHOWN "; the last is not ASCII" },
		{ TEXT("\xe2\x80"),
		    "2 characters" SHOWN "; the first wrong one, character 1, is not ASCII" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text value = { guarded(cases[i].value.data, cases[i].value.length),
			cases[i].value.length };
		struct field_error error = { 0 };
		bool fine = settings_hex32(value, &error);

		CHECK(fine == (cases[i].rule == NULL), cases[i].value.data);
		CHECK(same_text(text_of(error.rule), cases[i].rule == NULL ? "" : cases[i].rule),
		    error.rule);
	}
}

/* What is around a value is no part of it in a .env file either; an odd character is named. */
static void
reads_values_alike(void)
{
	static const struct {
		struct text env;
		const char *plain, *error; /* error: after the place; NULL = fine */
	} cases[] = {
		{ TEXT("PLAIN=' a '"), "a", NULL },
		{ TEXT("PLAIN='\"a\"'"), "a", NULL },
		{ TEXT("PLAIN=\"a\\n\""), "a", NULL },
		{ TEXT("PLAIN=\xc2\xa0"
		       "a\xe2\x80\x8b"),
		    "a", NULL },
		{ TEXT("PLAIN=\xef\xbb\xbf"), NULL, NULL },
		{ TEXT("NUMBER=\xc2\xa0"
		       "7"),
		    NULL, NULL },
		{ TEXT("NUMBER=7\xe2\x80\x8b"
		       "1"),
		    NULL,
		    "NUMBER: must be a whole number, 1 to 9; it has 3 characters, and number 2 is "
		    "a "
		    "zero-width space" },
		{ TEXT("FLAG=\"tr\\tue\""), NULL,
		    "FLAG: must be true or false; it has 5 characters, and number 3 is a tab" },
		{ TEXT("\xff\xfeP\0L\0A\0I\0N\0=\0a\0"), NULL,
		    "it is text in UTF-16; save it as UTF-8" },
		{ TEXT("\xfe\xff\0P\0=\0a"), NULL, "it is text in UTF-16; save it as UTF-8" },
	};
	char *none[] = { NULL };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf error = { 0 };
		struct settings *settings;
		struct sample_settings out = { 0 };
		const char *name = cases[i].env.data;

		if (make_directory() != 0)
			abort();
		settings = settings_open(make_file("env", cases[i].env), none, &error);
		CHECK((settings != NULL && settings_read(settings, &sample_table, &out, &error)) ==
			(cases[i].error == NULL),
		    name);
		buf_add(&error, "", 1);
		CHECK(strstr(error.data, cases[i].error == NULL ? "" : cases[i].error) != NULL,
		    error.data);
		CHECK(cases[i].error != NULL ||
			(cases[i].plain == NULL ? out.plain.data == NULL
						: same_text(out.plain, cases[i].plain)),
		    name);
		settings_free(settings);
		buf_free(&error);
		remove_directory();
	}
}

#define ROW(name, flags)                                                                           \
	{                                                                                          \
		name, FIELD_TEXT, flags, offsetof(struct sample_settings, plain)                   \
	}

static const struct field real_fields[] = { ROW("APP_ID", FIELD_REQUIRED | FIELD_FILE),
	ROW("APP_CERTIFICATE", FIELD_REQUIRED | FIELD_FILE | FIELD_SECRET),
	ROW("APP_CERTIFICATE_SECONDARY", FIELD_FILE | FIELD_SECRET), ROW("CORS_ALLOW_ORIGIN", 0),
	ROW("CUSTOMER_ID", FIELD_FILE), ROW("CUSTOMER_SECRET", FIELD_FILE),
	ROW("STORAGE_BUCKET_ACCESS_KEY", FIELD_FILE), ROW("PORT", 0), ROW("MAX_BODY", 0) };
static const struct table real_table = TEXT_TABLE(real_fields, struct sample_settings);

static void
guesses_names(void)
{
	static const struct table *const tables[] = { &real_table };
	static const struct {
		const char *name, *meant; /* meant NULL: unknown, and no guess */
		bool in_environment;      /* guessed there, too, where names of others are */
	} cases[] = {
		{ "APP_CERT", "APP_CERTIFICATE", true },
		{ "AGORA_APP_ID", "APP_ID", true },
		{ "AGORA_APP_CERTIFICATE", "APP_CERTIFICATE", true },
		{ "AGORA_APP_CERTIFICATE_FILE", "APP_CERTIFICATE_FILE", true },
		{ "APPID", "APP_ID", true },
		{ "AGORA_APPID", "APP_ID", true },
		{ "app_id", "APP_ID", true },
		{ "appCertificate", "APP_CERTIFICATE", true },
		{ "REACT_APP_AGORA_APP_ID", "APP_ID", true },
		{ "NEXT_PUBLIC_AGORA_APP_ID", "APP_ID", true },
		{ "PRIMARY_CERTIFICATE", "APP_CERTIFICATE", true },
		{ "CUSTOMER_KEY", "CUSTOMER_ID", true },
		{ "AGORA_CUSTOMER_KEY", "CUSTOMER_ID", true },
		{ "AGORA_CUSTOMER_SECRET", "CUSTOMER_SECRET", true },
		{ "CORS_ORIGIN", "CORS_ALLOW_ORIGIN", true },
		{ "ALLOWED_ORIGINS", "CORS_ALLOW_ORIGIN", true },
		{ "CORS_ALLOW_ORIGINS", "CORS_ALLOW_ORIGIN", false },
		{ "APP_CERTIFCATE", "APP_CERTIFICATE", false },
		{ "APP_IDS", "APP_ID", false },
		{ "MAXBODY", "MAX_BODY", true },
		{ "POST", NULL, false },
		{ "HOME", NULL, false },
		{ "PATH", NULL, false },
		{ "AGORA_", NULL, false },
		{ "AGORA_ENV_FILE", NULL, false },
		{ "_FILE", NULL, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char variable[80], line[80], wanted[160];
		char *environment[] = { variable, NULL }, *none[] = { NULL };
		struct buf error = { 0 };
		struct settings *settings;

		if (make_directory() != 0)
			abort();
		snprintf(variable, sizeof(variable), "%s=x", cases[i].name);
		snprintf(line, sizeof(line), "%s=x\n", cases[i].name);
		settings = settings_open(make_file("env", text_of(line)), none, &error);
		buf_clear(&reported);
		settings_unknown(settings, tables, COUNT(tables), report);
		snprintf(wanted, sizeof(wanted), "env:1:%s%s%s ", cases[i].name,
		    cases[i].meant == NULL ? "" : "=",
		    cases[i].meant == NULL ? "" : cases[i].meant);
		CHECK(same_text(buf_view(&reported), wanted), cases[i].name);
		settings_free(settings);

		settings = settings_open(NULL, environment, &error);
		buf_clear(&reported);
		settings_unknown(settings, tables, COUNT(tables), report);
		snprintf(wanted, sizeof(wanted), ":0:%s=%s ", cases[i].name,
		    cases[i].meant == NULL ? "" : cases[i].meant);
		CHECK(same_text(buf_view(&reported), cases[i].in_environment ? wanted : ""),
		    cases[i].name);
		settings_free(settings);
		buf_free(&error);
		remove_directory();
	}
	buf_free(&reported);
}

static void
finds_twice(const char *name, bool value_counts)
{
	buf_printf(&reported, "%s%s ", name, value_counts ? "" : "_FILE");
}

static void
finds_settings_twice(void)
{
	static const struct table *const tables[] = { &real_table };
	static struct {
		const char *env;
		char environment[2][48];
		const char *reported, *missing; /* what is said where APP_ID is required */
	} cases[] = {
		{ "APP_ID=a\n", { "" }, "", NULL },
		{ "APP_ID=a\nAPP_ID_FILE=/x\n", { "" }, "APP_ID ", NULL },
		{ "APP_ID=\nAPP_ID_FILE=/x\n", { "" }, "", NULL },
		{ "APP_ID=a\n", { "APP_ID=b" }, "", NULL },
		{ "APP_ID=a\n", { "APP_ID_FILE=/x" }, "APP_ID_FILE ", NULL },
		{ "APP_ID_FILE=/x\n", { "APP_ID=a" }, "APP_ID ", NULL },
		{ "", { "APP_ID_FILE=/x", "APP_ID=' '" }, "", NULL },
		{ "CUSTOMER_ID=a\n", { "CUSTOMER_ID=a", "CUSTOMER_ID_FILE=/x" }, "CUSTOMER_ID ",
		    "APP_ID: is required" },
		{ "A=1\nAGORA_APP_ID=secret\n", { "" }, "",
		    "APP_ID: is required; @:2 has AGORA_APP_ID, which should be APP_ID" },
		{ "", { "APPID=secret" }, "",
		    "APP_ID: is required; the environment has APPID, which should be APP_ID" },
		{ "", { "HOME=/" }, "", "APP_ID: is required" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf error = { 0 };
		struct settings *settings;
		struct sample_settings out;
		const char *path;
		char name[16];

		snprintf(name, sizeof(name), "%zu", i);
		if (make_directory() != 0)
			abort();
		path = make_file("env", text_of(cases[i].env));
		settings = settings_open(path, environment_of(cases[i].environment, 2), &error);
		buf_clear(&reported);
		settings_twice(settings, tables, COUNT(tables), finds_twice);
		CHECK(same_text(buf_view(&reported), cases[i].reported), name);
		if (cases[i].missing != NULL) {
			struct buf wanted = { 0 };

			for (const char *c = cases[i].missing; *c != '\0'; c++)
				if (*c == '@')
					buf_text(&wanted, path);
				else
					buf_add(&wanted, c, 1);
			buf_add(&wanted, "", 1);
			CHECK(!settings_read(settings, &real_table, &out, &error), name);
			CHECK(same_text(buf_view(&error), wanted.data), name);
			buf_free(&wanted);
		}
		settings_free(settings);
		buf_free(&error);
		remove_directory();
	}
	buf_free(&reported);
}

CU_TestInfo base_settings_tests[] = {
	{ "reads .env files", reads_env_files },
	{ "counts lines", counts_lines },
	{ "survives every truncation", survives_every_truncation },
	{ "survives every flipped bit", survives_every_flipped_bit },
	{ "prefers sources", prefers_sources },
	{ "reads values", reads_values },
	{ "reads the environment", reads_the_environment },
	{ "names the place of errors", names_the_place_of_errors },
	{ "says what is missing", says_what_is_missing },
	{ "trims files", trims_files },
	{ "says what is wrong with 32 digits", says_what_is_wrong_with_32_digits },
	{ "reads values of .env files alike", reads_values_alike },
	{ "guesses which setting was meant", guesses_names },
	{ "finds settings that are given twice", finds_settings_twice },
	{ "limits files", limits_files },
	{ "says why a file cannot be read", says_why_a_file_cannot_be_read },
	{ "takes credentials", takes_credentials },
	{ "finds unknown names", finds_unknown_names },
	{ "reads several tables", reads_several_tables },
	CU_TEST_INFO_NULL,
};
