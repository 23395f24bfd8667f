/* options.h - command line options from a table, which also prints the help. */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stdio.h>

#include "buf.h"

/* Exit codes, as sysexits(3) has them. */
enum exit_code {
	EXIT_USAGE = 64,
	EXIT_NO_INPUT = 66,
	EXIT_SOFTWARE = 70,
	EXIT_OS = 71,
	EXIT_CONFIG = 78,
};

struct option {
	const char *name;     /* without the dashes */
	const char *argument; /* its name in the help; NULL: the option takes none */
	const char *meaning;
	const char **value; /* set to the argument, or to "" where there is none */
};

/*
 * Reads --name value, --name=value; "--" ends the options; -h is --help where the table has it.
 * Operands are moved to the front of argv, *operand_count says how many.  false with *error set to
 * one line.
 */
bool options_read(const struct option *options, size_t count, char **argv, size_t *operand_count,
    struct buf *error);

/* The option that is likely meant by a word that is none, NULL where none is close. */
const char *options_nearest(const struct option *options, size_t count, struct text name);

/* The options, a line each. */
void options_help(const struct option *options, size_t count, FILE *out);

#endif
