#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"

extern char **environ;

int
cli_fail(int code, struct buf *why)
{
	fprintf(stderr, "agora-token: %.*s\n", (int)why->length, why->length == 0 ? "" : why->data);
	buf_free(why);
	return code;
}

int
cli_end(int code)
{
	struct buf why = { 0 };

	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	buf_printf(&why, "standard output: %s", strerror(errno));
	return cli_fail(EXIT_OS, &why);
}

bool
cli_options(const struct option *options, size_t count, char **argv, size_t *operand_count)
{
	struct buf error = { 0 };

	if (options_read(options, count, argv, operand_count, &error))
		return true;
	cli_fail(EXIT_USAGE, &error);
	return false;
}

bool
cli_stdin(size_t limit, struct buf *content)
{
	struct buf error = { 0 };
	int problem;
	ssize_t n;

	do {
		n = read(STDIN_FILENO, buf_reserve(content, limit + 1 - content->length),
		    limit + 1 - content->length);
		if (n > 0)
			content->length += (size_t)n;
	} while ((n > 0 && content->length <= limit) || (n < 0 && errno == EINTR));
	problem = errno;
	if (n == 0)
		return true;
	buf_free(content);
	if (n < 0)
		buf_printf(&error, "standard input: %s", strerror(problem));
	else
		buf_printf(&error, "standard input is larger than %zu bytes", limit);
	cli_fail(EXIT_NO_INPUT, &error);
	return false;
}

/* The text with each of these members' names replaced by the option's. */
static void
add_renamed(const char *text, const struct option_name *names, size_t count, struct buf *out)
{
	bool in_word = false;

	while (*text != '\0') {
		size_t i = 0, length = 0;

		for (; !in_word && i < count; i++) {
			length = strlen(names[i].member);
			if (strncmp(text, names[i].member, length) == 0 &&
			    !isalnum((unsigned char)text[length]) &&
			    strcmp(names[i].member, names[i].option) != 0)
				break;
		}
		if (!in_word && i < count) {
			buf_printf(out, "--%s", names[i].option);
			text += length;
			continue;
		}
		in_word = isalnum((unsigned char)*text) != 0;
		buf_add(out, text++, 1);
	}
}

void
cli_add_error(
    const struct field_error *error, const struct option_name *names, size_t count, struct buf *why)
{
	const char *field = error->field;

	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i].member, error->field) == 0)
			field = names[i].option;
	if (field[0] != '\0')
		buf_printf(why, "%s%s: ", count > 0 && field != error->field ? "--" : "", field);
	add_renamed(error->rule, names, count, why);
}

bool
cli_number(const char *option, const char *text, uint64_t max, uint64_t *value)
{
	struct buf error = { 0 };

	if (text_number(text_of(text), max, value))
		return true;
	buf_printf(
	    &error, "--%s must be a whole number, 0 to %llu", option, (unsigned long long)max);
	cli_fail(EXIT_USAGE, &error);
	return false;
}

struct settings *
cli_credentials(const char *env_file, const struct table *table, struct token_settings *out)
{
	struct buf error = { 0 };
	struct settings *settings = settings_open(env_file, environ, &error);

	if (settings != NULL && settings_read(settings, table, out, &error)) {
		buf_free(&error);
		return settings;
	}
	settings_free(settings);
	if (env_file == NULL && memmem(error.data, error.length, ": is required", 13) != NULL)
		buf_text(&error,
		    access(".env", R_OK) == 0
			? "; add --env-file .env to read the .env file of this directory"
			: "; set it in the environment, or name a .env file with --env-file");
	cli_fail(EXIT_CONFIG, &error);
	return NULL;
}
