/* agora-token(1): tokens on the command line. */
#include <stdio.h>

#include "cli.h"
#include "routes.h"

static const struct command {
	const char *name;
	int (*run)(char **argv);
	const struct option *options;
	const size_t *option_count;
	const char *usage;
	const char *meaning;
	const char
	    *operands; /* words that may stand after the options, for the shell's completion */
} commands[] = {
	{ "issue", cli_issue, issue_options, &issue_option_count, "agora-token issue [OPTIONS | -]",
	    "make a token, from options or from the JSON body of POST /getToken on standard "
	    "input, and print it",
	    "-" },
	{ "inspect", cli_inspect, inspect_options, &inspect_option_count,
	    "agora-token inspect [OPTIONS] TOKEN|-",
	    "show what a token says and whether it is good", "-" },
	{ "sign", cli_sign, sign_options, &sign_option_count, "agora-token sign [OPTIONS] [-]",
	    "sign the JSON that `inspect --json` prints, from standard input", "-" },
	{ "policy", cli_policy, policy_options, &policy_option_count,
	    "agora-token policy check|test [OPTIONS]",
	    "check whether the policy file is good; or test what a caller may have, and why",
	    "check test" },
	{ "key", cli_key, key_options, &key_option_count, "agora-token key new NAME",
	    "make an API key for the caller NAME: the key, and the line to add to the policy's "
	    "callers",
	    "new" },
	{ "doctor", cli_doctor, doctor_options, &doctor_option_count,
	    "agora-token doctor [OPTIONS]",
	    "check an installation, and say what to do about what is wrong", "" },
	{ "ping", cli_ping, ping_options, &ping_option_count, "agora-token ping [OPTIONS]",
	    "ask agora-fcgi whether it answers, over its socket", "" },
	{ "init", cli_init, init_options, &init_option_count, "agora-token init [OPTIONS | -]",
	    "make the settings, a policy and a first API key, and say what to do next", "-" },
	{ "audit", cli_audit, audit_options, &audit_option_count,
	    "agora-token audit verify [OPTIONS] FILE...",
	    "check that no audit record was changed, added or taken away, with AUDIT_KEY",
	    "verify" },
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

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
	    "\n`agora-token COMMAND --help` lists a command's options, as does `agora-token help "
	    "COMMAND`.\n"
	    "App ID and App Certificate come from APP_ID and APP_CERTIFICATE, from the files that\n"
	    "APP_ID_FILE and APP_CERTIFICATE_FILE name, or from --env-file; never from options.\n"
	    "exit codes: 0 fine, valid or allowed, 1 not, 64 usage, 66 no input, 71 operating "
	    "system,\n"
	    "78 configuration\n");
}

static void
print_words(const char *words)
{
	for (size_t n; *words != '\0'; words += n + (words[n] != '\0')) {
		n = strcspn(words, " ");
		printf("%.*s\n", (int)n, words);
	}
}

/* The words of a member of POST /getToken; numbers are left out, they say the same. */
static void
print_choices(const char *member)
{
	for (size_t i = 0; i < token_request_table.count; i++) {
		const struct field *f = &token_request_table.fields[i];

		if (strcmp(f->name, member) != 0 || f->kind != FIELD_CHOICE)
			continue;
		for (const struct choice *c = f->choices; c->name != NULL; c++)
			if (c->name[0] > '9')
				puts(c->name);
	}
}

/* Each action of the routes once. */
static void
print_actions(void)
{
	for (size_t i = 0; i < route_count; i++) {
		size_t before = 0;

		while (before < i && strcmp(routes[before].action, routes[i].action) != 0)
			before++;
		if (before == i && strcmp(routes[i].action, PUBLIC) != 0 &&
		    strcmp(routes[i].action, ANY_CALLER) != 0)
			puts(routes[i].action);
	}
}

/* What may be an option's argument: words, or which files; nothing where only the user knows. */
static void
complete_argument(const struct option *o)
{
	if (o->argument == NULL)
		return;
	if (strcmp(o->argument, "KIND") == 0)
		print_choices("tokenType");
	else if (strcmp(o->argument, "ROLE") == 0)
		print_choices("role");
	else if (strcmp(o->argument, "ACTION") == 0)
		print_actions();
	else if (strcmp(o->argument, "FILE") == 0 || strcmp(o->argument, "ADDRESS") == 0)
		puts(":files");
	else if (strcmp(o->argument, "DIR") == 0)
		puts(":directories");
	else if (strcmp(o->name, "group") == 0)
		puts(":groups");
	else
		puts(":nothing");
}

/*
 * For the shell's completion: the commands; a command's operands and options; or what an option of
 * it takes, nothing where it takes no argument.
 */
static int
complete(const char *command, const char *option)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *c = &commands[i];

		if (command == NULL)
			puts(c->name);
		if (command == NULL || strcmp(c->name, command) != 0)
			continue;
		if (option == NULL)
			print_words(c->operands);
		for (size_t n = 0; n < *c->option_count; n++)
			if (option == NULL)
				printf("--%s\n", c->options[n].name);
			else if (strncmp(option, "--", 2) == 0 &&
			    strcmp(option + 2, c->options[n].name) == 0)
				complete_argument(&c->options[n]);
	}
	return 0;
}

static bool
asks_for_help(char **argv)
{
	for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++)
		if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0)
			return true;
	return false;
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

/* What other programs call it. */
static const char *const synonyms[][2] = { { "token", "issue" }, { "generate", "issue" },
	{ "gen", "issue" }, { "create", "issue" }, { "build", "issue" }, { "new", "issue" },
	{ "get", "issue" }, { "decode", "inspect" }, { "verify", "inspect" },
	{ "parse", "inspect" }, { "check", "inspect" }, { "explain", "inspect" },
	{ "show", "inspect" }, { "debug", "inspect" }, { "status", "doctor" }, { "test", "doctor" },
	{ "setup", "init" }, { "keys", "key" } };

/* The command that is likely meant; the word itself may be a secret and is never shown. */
static int
no_command(const char *name)
{
	struct buf error = { 0 };
	const char *found = NULL;
	size_t least = 3;

	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
		if (strcmp(name, synonyms[i][0]) == 0)
			found = synonyms[i][1];
	for (size_t i = 0; i < COMMAND_COUNT && found == NULL; i++) {
		const size_t far = text_distance(name, commands[i].name, least);

		if (strncmp(name, "--", 2) == 0 && strcmp(name + 2, commands[i].name) == 0)
			found = commands[i].name;
		else if (far < least && far + 1 < strlen(commands[i].name))
			least = far, found = commands[i].name;
	}
	if (found != NULL)
		buf_printf(&error, "there is no such command; did you mean %s?", found);
	else
		buf_text(&error,
		    name[0] == '-' ? "there is no such command; a command comes first, and its "
				     "options after it"
				   : "there is no such command; see --help");
	return cli_fail(EXIT_USAGE, &error);
}

/* `help`, and `help COMMAND`. */
static int
help_for(const char *name)
{
	const struct command *c = name == NULL ? NULL : find_command(name);

	if (name != NULL && c == NULL)
		return no_command(name);
	if (c == NULL)
		help(stdout);
	else
		command_help(c, stdout);
	return cli_end(0);
}

static bool
is_one_of(const char *word, const char *a, const char *b, const char *c)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

int
main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (is_one_of(argv[1], "--help", "-h", "help"))
		return help_for(argv[2]);
	if (is_one_of(argv[1], "--version", "-V", "version")) {
		printf("agora-token %s\n", PACKAGE_VERSION);
		return 0;
	}
	if (strcmp(argv[1], "--complete") == 0)
		return complete(argv[2], argc > 3 ? argv[3] : NULL);
	c = find_command(argv[1]);
	if (c == NULL)
		return no_command(argv[1]);
	if (asks_for_help(argv + 2)) {
		command_help(c, stdout);
		return 0;
	}
	forbid_core_files();
	return c->run(argv + 2);
}
