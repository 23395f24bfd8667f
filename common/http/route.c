#include "route.h"

struct text
route_segment(const char **pattern)
{
	struct text segment = { NULL, 0 };

	if (**pattern == '/') {
		segment.data = *pattern + 1;
		segment.length = strcspn(segment.data, "/");
		*pattern = segment.data + segment.length;
	}
	return segment;
}

static bool
same(struct text a, struct text b)
{
	return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

static bool
path_matches(const char *pattern, const struct request *request)
{
	struct text segment;

	for (size_t i = 0; i < request->segment_count; i++) {
		segment = route_segment(&pattern);
		if (segment.length == 0)
			return false;
		if (segment.data[0] != ':' && !same(segment, request->segments[i]))
			return false;
	}
	segment = route_segment(&pattern);
	return segment.length == 0;
}

static bool
method_matches(const char *method, struct text asked)
{
	return text_is(asked, method) || (text_is(asked, "HEAD") && strcmp(method, "GET") == 0);
}

const struct route *
route_find(const struct route *routes, size_t count, const struct request *request,
    struct buf *allow, bool *path_exists)
{
	*path_exists = false;
	for (size_t i = 0; i < count; i++) {
		if (!path_matches(routes[i].path, request))
			continue;
		if (method_matches(routes[i].method, request->method))
			return &routes[i];
		*path_exists = true;
		buf_printf(allow, "%s%s, ", routes[i].method,
		    strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
	}
	if (*path_exists)
		buf_text(allow, "OPTIONS");
	return NULL;
}

void
route_captures(
    const struct route *route, const struct request *request, struct json_object *members)
{
	const char *pattern = route->path;

	for (size_t i = 0; i < request->segment_count; i++) {
		struct text segment = route_segment(&pattern), value = request->segments[i];
		struct json_object *text;
		char name[64];

		if (segment.data == NULL || segment.data[0] != ':' || segment.length > sizeof(name))
			continue;
		memcpy(name, segment.data + 1, segment.length - 1);
		name[segment.length - 1] = '\0';
		text = json_object_new_string_len(value.data, (int)value.length);
		if (text == NULL || json_object_object_add(members, name, text) != 0)
			out_of_memory();
	}
}

bool
route_has_capture(const char *path, const char *name)
{
	for (struct text s = route_segment(&path); s.data != NULL; s = route_segment(&path))
		if (s.data[0] == ':' && text_is((struct text){ s.data + 1, s.length - 1 }, name))
			return true;
	return false;
}

bool
route_ends(const struct route *route)
{
	static const char stop[] = ".stop";
	const size_t length = strlen(route->action), tail = sizeof(stop) - 1;

	return length > tail && memcmp(route->action + length - tail, stop, tail) == 0;
}
