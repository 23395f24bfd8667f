#include <stdlib.h>

#include "options.h"
#include "unit.h"

static const char *name_value, *other_value, *flag_value;

static const struct option options[] = {
	{ "name", "NAME", "a name", &name_value },
	{ "other-name", "X", "another", &other_value },
	{ "flag", NULL, "a flag", &flag_value },
};

#define COUNT (sizeof(options) / sizeof(options[0]))

static void
reads(void)
{
	static const struct {
		const char *arguments[8];
		const char *name, *other, *flag; /* NULL: not given */
		const char *operands;            /* each with a blank behind it */
		const char *error;               /* NULL: none */
	} cases[] = {
		{ { NULL }, .operands = "" },
		{ { "--name", "v" }, .name = "v", .operands = "" },
		{ { "--name=v" }, .name = "v", .operands = "" },
		{ { "--name=" }, .name = "", .operands = "" },
		{ { "--name", "" }, .name = "", .operands = "" },
		{ { "--name=a=b" }, .name = "a=b", .operands = "" },
		{ { "--name", "a=b" }, .name = "a=b", .operands = "" },
		{ { "--flag" }, .flag = "", .operands = "" },
		{ { "--flag", "x" }, .flag = "", .operands = "x " },
		{ { "--name", "v", "--other-name=w", "--flag" }, "v", "w", "", "" },
		{ { "--name", "v", "--name", "w" }, .name = "w", .operands = "" },
		{ { "--name", "--flag" }, .name = "--flag", .operands = "" },
		{ { "--name", "--", "x" }, .name = "--", .operands = "x " },
		{ { "a", "--flag", "b", "--name", "v", "c" }, .name = "v", .flag = "",
		    .operands = "a b c " },
		{ { "-" }, .operands = "- " },
		{ { "" }, .operands = " " },
		{ { "--" }, .operands = "" },
		{ { "--flag", "--", "--name", "-x", "--", "y" }, .flag = "",
		    .operands = "--name -x -- y " },
		{ { "--name" }, .error = "--name takes an argument" },
		{ { "a", "--other-name" }, .error = "--other-name takes an argument" },
		{ { "--flag=x" }, .error = "--flag takes no argument" },
		{ { "--flag=" }, .error = "--flag takes no argument" },
		{ { "-n" }, .error = "options begin with two dashes; did you mean --name?" },
		{ { "-name" }, .error = "options begin with two dashes; did you mean --name?" },
		{ { "--nam" }, .error = "there is no option --nam; did you mean --name?" },
		{ { "--names" }, .error = "there is no option --names; did you mean --name?" },
		{ { "--Name=v" }, .error = "there is no option --Name; did you mean --name?" },
		{ { "--=v" }, .error = "there is no option --; see --help" },
		{ { "---name" }, .error = "there is no option ---name; did you mean --name?" },
		{ { "--a-name-of-more-than-forty-bytes-is-cut-off-here" },
		    .error = "there is no option --a-name-of-more-than-forty-bytes-is-cut-o; did "
			     "you mean --name?" },
		{ { "-x" }, .error = "options begin with two dashes; see --help" },
		{ { "--fagl" }, .error = "there is no option --fagl; did you mean --flag?" },
		{ { "--otherName", "v" },
		    .error = "there is no option --otherName; did you mean --other-name?" },
		{ { "--other" },
		    .error = "there is no option --other; did you mean --other-name?" },
		{ { "--user-name" },
		    .error = "there is no option --user-name; did you mean --name?" },
		{ { "--unlike" }, .error = "there is no option --unlike; see --help" },
		{ { "-h" }, .error = "options begin with two dashes; see --help" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *argv[9] = { NULL }, *copies[8] = { NULL };
		struct buf error = { 0 }, operands = { 0 };
		size_t operand_count = 99;
		const char *name =
		    cases[i].arguments[0] == NULL ? "nothing" : cases[i].arguments[0];

		for (size_t a = 0; a < 8 && cases[i].arguments[a] != NULL; a++)
			argv[a] = copies[a] = strdup(cases[i].arguments[a]);
		name_value = other_value = flag_value = NULL;
		if (options_read(options, COUNT, argv, &operand_count, &error)) {
			CHECK(cases[i].error == NULL, name);
			CHECK(error.length == 0, name);
			for (size_t o = 0; o < operand_count; o++)
				buf_printf(&operands, "%s ", argv[o]);
			CHECK(same_text(buf_view(&operands), cases[i].operands), name);
			CHECK(cases[i].name == NULL ? name_value == NULL
						    : same_text(text_of(name_value), cases[i].name),
			    name);
			CHECK(cases[i].other == NULL
				? other_value == NULL
				: same_text(text_of(other_value), cases[i].other),
			    name);
			CHECK(cases[i].flag == NULL ? flag_value == NULL
						    : same_text(text_of(flag_value), cases[i].flag),
			    name);
		} else {
			CHECK(cases[i].error != NULL && same_text(buf_view(&error), cases[i].error),
			    name);
		}
		buf_free(&error);
		buf_free(&operands);
		for (size_t a = 0; a < 8; a++)
			free(copies[a]);
	}
}

static void
helps(void)
{
	static const struct option long_options[] = {
		{ "a-rather-long-name-that-fills-its-column", "ARGUMENT", "still there", NULL },
	};
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL) {
		CU_FAIL("open_memstream");
		return;
	}
	options_help(options, COUNT, out);
	options_help(long_options, 1, out);
	fclose(out);
	CHECK(same_text((struct text){ text, length },
		  "  --name NAME            a name\n"
		  "  --other-name X         another\n"
		  "  --flag                 a flag\n"
		  "  --a-rather-long-name-that-fills-its-column ARGUMENT still there\n"),
	    "a line each");
	free(text);
}

CU_TestInfo base_options_tests[] = {
	{ "reads", reads },
	{ "helps", helps },
	CU_TEST_INFO_NULL,
};
