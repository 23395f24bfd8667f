/* Paths and queries, as the web server hands them over, over any bytes but NUL. */
#include <string.h>

#include "fuzz.h"
#include "request.h"

/* No byte that came decoded is there twice, and none that did not come. */
static void
check_query(struct text query, size_t size)
{
	struct arena arena = { 0 };
	struct text name, value;
	size_t bytes = 0, pairs = 0;

	while (query_next(&query, &arena, &name, &value)) {
		MUST(name.data != NULL && value.data != NULL);
		bytes += name.length + value.length + 1; /* an = or & between them and the next */
		pairs++;
		MUST(query.length <= size);
	}
	MUST(query.length == 0);
	MUST(bytes <= size + pairs);
	/* Decoding copies each byte once at most, into blocks that are filled but for the last. */
	MUST(arena_held(&arena) <= 2 * size + 32 * pairs + 8192);
	arena_free(&arena);
}

static void
check_path(const struct request *request, const char *problem, size_t size)
{
	size_t bytes = 0;

	MUST(request->segment_count <= REQUEST_SEGMENTS);
	if (problem != NULL) {
		MUST(problem[0] != '\0');
		return;
	}
	for (size_t i = 0; i < request->segment_count; i++) {
		const struct text segment = request->segments[i];

		MUST(segment.data != NULL);
		MUST(!text_is(segment, ".") && !text_is(segment, ".."));
		bytes += segment.length + 1;
	}
	MUST(bytes <= size + REQUEST_SEGMENTS);
}

/* "NAME=" and the bytes. */
static char *
parameter(const char *name, const uint8_t *data, size_t size)
{
	struct buf out = { 0 };

	buf_text(&out, name);
	buf_add(&out, data, size);
	buf_add(&out, "", 1);
	return out.data;
}

static void
check(char *const *params, const char *base_path, size_t size)
{
	struct arena arena = { 0 };
	struct request request;
	const char *problem = request_parse(&request, params, base_path, &arena);

	check_path(&request, problem, size);
	check_query(request.query, size);
	request_keep(&request, &arena);
	MUST(request.query.length == 0 && request.segment_count == 0);
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\0', size);
	char *uri, *info, *script = parameter("SCRIPT_NAME=/a", NULL, 0), *query;

	if (end != NULL)
		size = (size_t)(end - data);
	uri = parameter("REQUEST_URI=", data, size);
	info = parameter("PATH_INFO=", data, size);
	query = parameter("QUERY_STRING=", data, size);
	{
		char *const whole[] = { uri, NULL };
		char *const cgi[] = { uri, script, info, query, NULL };
		char *const decoded[] = { info, query, NULL };

		check(whole, "", size);
		check(whole, "/a", size);
		check(cgi, "", size);
		check(decoded, "", size);
	}
	check_query((struct text){ uri + strlen("REQUEST_URI="), size }, size);
	free(uri);
	free(info);
	free(query);
	free(script);
	return 0;
}
