/* agora-token(1): tokens on the command line. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

extern char **environ;

static const struct command {
	const char *name;
	int (*run)(char **argv);
	const struct option *options;
	const size_t *option_count;
	const char *usage;
	const char *meaning;
} commands[] = {
	{ "issue", cli_issue, issue_options, &issue_option_count, "agora-token issue [OPTIONS | -]",
	    "make a token, from options or from the JSON body of POST /getToken on standard "
	    "input, and print it" },
	{ "inspect", cli_inspect, inspect_options, &inspect_option_count,
	    "agora-token inspect [OPTIONS] TOKEN|-",
	    "show what a token says and whether it is good" },
	{ "sign", cli_sign, sign_options, &sign_option_count, "agora-token sign [OPTIONS] [-]",
	    "sign the JSON that `inspect --json` prints, from standard input" },
	{ "policy", cli_policy, policy_options, &policy_option_count,
	    "agora-token policy check|test [OPTIONS]",
	    "check whether the policy file is good; or test what a caller may have, and why" },
	{ "key", cli_key, key_options, &key_option_count, "agora-token key new NAME",
	    "make an API key for the caller NAME: the key, and the line to add to the policy's "
	    "callers" },
	{ "doctor", cli_doctor, doctor_options, &doctor_option_count,
	    "agora-token doctor [OPTIONS]",
	    "check an installation, and say what to do about what is wrong" },
	{ "ping", cli_ping, ping_options, &ping_option_count, "agora-token ping [OPTIONS]",
	    "ask agora-fcgi whether it answers, over its socket" },
	{ "init", cli_init, init_options, &init_option_count, "agora-token init [OPTIONS | -]",
	    "make the settings, a policy and a first API key, and say what to do next" },
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

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
	cli_fail(EXIT_CONFIG, &error);
	return NULL;
}

static void
command_help(const struct command *c, FILE *out)
{
	fprintf(out, "usage: %s\n\n%s\n\n", c->usage, c->meaning);
	options_help(c->options, *c->option_count, out);
}

static void
help(FILE *out)
{
	fprintf(out, "agora-token - Agora access tokens on the command line\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %s\n      %s\n", commands[i].usage, commands[i].meaning);
	fprintf(out,
	    "\n`agora-token COMMAND --help` lists a command's options.\n"
	    "App ID and App Certificate come from APP_ID and APP_CERTIFICATE, from the files that\n"
	    "APP_ID_FILE and APP_CERTIFICATE_FILE name, or from --env-file; never from options.\n"
	    "exit codes: 0 fine, valid or allowed, 1 not, 64 usage, 66 no input, 71 operating "
	    "system,\n"
	    "78 configuration\n");
}

/* For the shell's completion: the commands, or a command's options. */
static int
complete(const char *command)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (command == NULL)
			puts(commands[i].name);
		else if (strcmp(commands[i].name, command) == 0)
			for (size_t n = 0; n < *commands[i].option_count; n++)
				printf("--%s\n", commands[i].options[n].name);
	}
	return 0;
}

static bool
asks_for_help(char **argv)
{
	for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++)
		if (strcmp(*argv, "--help") == 0)
			return true;
	return false;
}

int
main(int argc, char **argv)
{
	struct buf error = { 0 };

	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0) {
		help(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("agora-token %s\n", PACKAGE_VERSION);
		return 0;
	}
	if (strcmp(argv[1], "--complete") == 0)
		return complete(argv[2]);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		if (asks_for_help(argv + 2)) {
			command_help(&commands[i], stdout);
			return 0;
		}
		forbid_core_files();
		return commands[i].run(argv + 2);
	}
	buf_printf(&error, "there is no such command; see --help");
	return cli_fail(EXIT_USAGE, &error);
}
