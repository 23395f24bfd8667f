#include "options.h"

static const struct option *
find(const struct option *options, size_t count, struct text name)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(name, options[i].name))
			return &options[i];
	return NULL;
}

bool
options_read(const struct option *options, size_t count, char **argv, size_t *operand_count,
    struct buf *error)
{
	size_t operands = 0;
	bool ended = false;

	for (char **arg = argv; *arg != NULL; arg++) {
		const struct option *option;
		struct text name;
		const char *equals;

		if (ended || strncmp(*arg, "--", 2) != 0) {
			if (!ended && (*arg)[0] == '-' && (*arg)[1] != '\0') {
				buf_printf(error, "options begin with two dashes; see --help");
				return false;
			}
			argv[operands++] = *arg;
			continue;
		}
		if (strcmp(*arg, "--") == 0) {
			ended = true;
			continue;
		}
		equals = strchr(*arg, '=');
		name = (struct text){ *arg + 2,
			equals == NULL ? strlen(*arg) - 2 : (size_t)(equals - *arg - 2) };
		option = find(options, count, name);
		if (option == NULL) {
			buf_printf(error, "there is no option --%.*s; see --help",
			    (int)(name.length < 40 ? name.length : 40), name.data);
			return false;
		}
		*option->value = "";
		if (option->argument == NULL && equals == NULL)
			continue;
		if (option->argument != NULL && equals == NULL)
			arg++;
		if (option->argument == NULL || *arg == NULL) {
			buf_printf(error, "--%s takes %s", option->name,
			    option->argument == NULL ? "no argument" : "an argument");
			return false;
		}
		*option->value = equals == NULL ? *arg : equals + 1;
	}
	*operand_count = operands;
	return true;
}

void
options_help(const struct option *options, size_t count, FILE *out)
{
	for (size_t i = 0; i < count; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", options[i].name,
		    options[i].argument == NULL ? "" : " ",
		    options[i].argument == NULL ? "" : options[i].argument);
		fprintf(out, "  %-22s %s\n", left, options[i].meaning);
	}
}
