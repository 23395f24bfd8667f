#include <stdio.h>

#include "caller.h"
#include "cli.h"

/* It has none yet; the table keeps the commands alike. */
const struct option key_options[] = { { NULL, NULL, NULL, NULL } };
const size_t key_option_count = 0;

int
cli_key(char **argv)
{
	struct buf key = { 0 }, why = { 0 };
	struct field_error error;
	size_t operands;
	char hash[65];

	if (!cli_options(key_options, key_option_count, argv, &operands))
		return EXIT_USAGE;
	if (operands != 2 || strcmp(argv[0], "new") != 0) {
		buf_text(&why, "say `key new NAME`; see key --help");
		return cli_fail(EXIT_USAGE, &why);
	}
	if (!is_caller_name(text_of(argv[1]), &error)) {
		buf_printf(&why, "NAME: %s", error.rule);
		return cli_fail(EXIT_USAGE, &why);
	}
	caller_new_key(text_of(argv[1]), &key, hash);
	printf("%.*s\n\"%s\": { \"type\": \"apikey\", \"sha256\": \"%s\" }\n", (int)key.length,
	    key.data, argv[1], hash);
	buf_wipe(&key);
	buf_free(&key);
	fprintf(stderr,
	    "agora-token: the first line is the key, which is kept nowhere; the second goes into "
	    "the policy's callers\n");
	return cli_end(0);
}
