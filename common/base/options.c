#include <ctype.h>

#include "options.h"

static const struct option *
find(const struct option *options, size_t count, struct text name)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(name, options[i].name))
			return &options[i];
	return NULL;
}

/* The word in small letters without dashes and _. */
static void
plain_word(struct text word, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < word.length && n + 1 < size; i++)
		if (word.data[i] != '-' && word.data[i] != '_')
			out[n++] = (char)tolower((unsigned char)word.data[i]);
	out[n] = '\0';
}

/* Words for an option that others use; it counts where the table has that option. */
static const char *const synonyms[][2] = { { "ttl", "expire" }, { "lifetime", "expire" },
	{ "duration", "expire" }, { "seconds", "expire" }, { "user", "uid" }, { "userid", "uid" },
	{ "account", "uid" }, { "useraccount", "uid" }, { "cname", "channel" }, { "kind", "type" },
	{ "service", "type" }, { "config", "env-file" }, { "settings", "env-file" },
	{ "dotenv", "env-file" }, { "time", "now" }, { "at", "now" }, { "host", "url" },
	{ "subject", "sub" } };

const char *
options_nearest(const struct option *options, size_t count, struct text name)
{
	char asked[40], known[40];
	const char *found = NULL;
	size_t least = 3;

	plain_word(name, asked, sizeof(asked));
	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
		if (strcmp(asked, synonyms[i][0]) == 0 &&
		    find(options, count, text_of(synonyms[i][1])) != NULL)
			return synonyms[i][1];
	for (size_t i = 0; i < count; i++) {
		size_t far;

		plain_word(text_of(options[i].name), known, sizeof(known));
		far = text_distance(asked, known, least);
		if (far < least && far < strlen(known) - 1) {
			least = far;
			found = options[i].name;
		}
	}
	/* --tokenType, --channel-name, and the beginning of a name. */
	for (size_t i = 0; i < count && found == NULL; i++) {
		plain_word(text_of(options[i].name), known, sizeof(known));
		if ((strlen(known) > 2 && strstr(asked, known) != NULL) ||
		    (asked[0] != '\0' && strncmp(known, asked, strlen(asked)) == 0))
			found = options[i].name;
	}
	return found;
}

/* " did you mean --NAME?", where one is close. */
static void
add_nearest(const struct option *options, size_t count, struct text name, struct buf *error)
{
	const char *nearest = options_nearest(options, count, name);

	if (nearest != NULL)
		buf_printf(error, "; did you mean --%s?", nearest);
	else
		buf_text(error, "; see --help");
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

		if (!ended && strcmp(*arg, "-h") == 0 && find(options, count, TEXT("help")) != NULL)
			*arg = (char *)(uintptr_t) "--help";
		if (ended || strncmp(*arg, "--", 2) != 0) {
			if (!ended && (*arg)[0] == '-' && (*arg)[1] != '\0') {
				name = (struct text){ *arg + 1, strcspn(*arg + 1, "=") };
				buf_text(error, "options begin with two dashes");
				add_nearest(options, count, name, error);
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
			buf_printf(error, "there is no option --%.*s",
			    (int)(name.length < 40 ? name.length : 40), name.data);
			add_nearest(options, count, name, error);
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
