/* cli.h - agora-token(1): its subcommands and what they share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "agoratoken.h"
#include "options.h"
#include "settings.h"
#include "tokens.h"

#define EXIT_NOT_VALID 1 /* or not allowed */

/* Each returns the exit code; argv begins behind the subcommand's name. */
int cli_issue(char **argv);
int cli_inspect(char **argv);
int cli_sign(char **argv);
int cli_policy(char **argv);
int cli_key(char **argv);
int cli_doctor(char **argv);
int cli_ping(char **argv);
int cli_init(char **argv);
int cli_audit(char **argv);

/* The options of each, for help and completion. */
extern const struct option issue_options[], inspect_options[], sign_options[], policy_options[],
    key_options[], doctor_options[], ping_options[], init_options[], audit_options[];
extern const size_t issue_option_count, inspect_option_count, sign_option_count,
    policy_option_count, key_option_count, doctor_option_count, ping_option_count,
    init_option_count, audit_option_count;

/* Prints "agora-token: ..." on stderr, empties the buf, returns the code. */
int cli_fail(int code, struct buf *why);

/* The code, when all that was printed could be written; else EXIT_OS after saying why not. */
int cli_end(int code);

/* Reads the options; false after printing what is wrong. */
bool cli_options(const struct option *options, size_t count, char **argv, size_t *operand_count);

/* Standard input to its end, at most `limit` bytes; false after printing what is wrong. */
bool cli_stdin(size_t limit, struct buf *content);

#define ASK_MAX 255 /* bytes of an answer; more are dropped */

/*
 * Asks on the terminal that standard input is; a hidden answer is not echoed.  The buffer grows
 * once, so that a secret leaves no copies.  false: no terminal, or its end.
 */
bool cli_ask(const char *question, bool hidden, struct buf *answer);

struct option_name {
	const char *member; /* of POST /getToken */
	const char *option; /* what gives it here */
};

/* Appends "--role: must be..." for the error of a member that came from an option. */
void cli_add_error(const struct field_error *error, const struct option_name *names, size_t count,
    struct buf *why);

/* A whole number for an option; false after printing what is wrong. */
bool cli_number(const char *option, const char *text, uint64_t max, uint64_t *value);

/*
 * App ID and certificate from the environment, their _FILE forms or the .env file; the settings
 * own the texts.  NULL after printing what is wrong.
 */
struct settings *
cli_credentials(const char *env_file, const struct table *table, struct token_settings *out);

#endif
