/* The reader of .env files, over any bytes. */
#include <ctype.h>
#include <string.h>

#include "fuzz.h"
#include "settings.h"

static void
check_name(struct text name)
{
	MUST(name.length > 0 && !isdigit((unsigned char)name.data[0]));
	for (size_t i = 0; i < name.length; i++)
		MUST(isalnum((unsigned char)name.data[i]) || name.data[i] == '_');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy without room behind it. */
	char *bytes = xcalloc(1, size == 0 ? 1 : size);
	struct env_reader reader = { .rest = { bytes, size } };
	struct buf name = { 0 }, value = { 0 };
	size_t line = 0;

	if (size > 0)
		memcpy(bytes, data, size);
	while (env_next(&reader, &name, &value)) {
		MUST(reader.line > line && reader.problem == NULL);
		line = reader.line;
		check_name(buf_view(&name));
		MUST(value.length <= size);
		MUST(value.length == 0 || memchr(value.data, '\0', value.length) == NULL);
	}
	/* The end is the end, and a problem is somewhere. */
	MUST(reader.problem == NULL ? reader.rest.length == 0 : reader.line > line);
	MUST(!env_next(&reader, &name, &value));
	buf_free(&name);
	buf_free(&value);
	free(bytes);
	return 0;
}
