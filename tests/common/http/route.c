#include "json.h"
#include "route.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct route table[] = {
	{ "GET", "/ping" },
	{ "POST", "/token" },
	{ "GET", "/token/new" },
	{ "DELETE", "/token/new" },
	{ "POST", "/token/new" },
	{ "GET", "/item/:id" },
	{ "PATCH", "/item/:id" },
	{ "GET", "/item/:id/:kind" },
	{ "GET", "/item/:id/all/:page" },
};

/* A request for this path, whose segments are written with | between them. */
static void
make_request(struct request *request, const char *method, const char *segments)
{
	*request = (struct request){ .method = text_of(method) };
	while (segments != NULL) {
		const char *end = strchr(segments, '|');

		request->segments[request->segment_count++] = (struct text){ segments,
			end == NULL ? strlen(segments) : (size_t)(end - segments) };
		segments = end == NULL ? NULL : end + 1;
	}
}

static void
finds_rows(void)
{
	static const struct {
		const char *method, *segments; /* NULL = none: the path / */
		int row;                       /* -1 = none */
		const char *allow;             /* NULL = there is no such path */
	} cases[] = {
		{ "GET", "ping", 0, NULL },
		{ "HEAD", "ping", 0, NULL },
		{ "POST", "token", 1, NULL },
		{ "GET", "token|new", 2, NULL },
		{ "HEAD", "token|new", 2, NULL },
		{ "DELETE", "token|new", 3, NULL },
		{ "POST", "token|new", 4, NULL },
		{ "GET", "item|7", 5, NULL },
		{ "GET", "item|", 5, NULL },
		{ "GET", "item|:id", 5, NULL },
		{ "GET", "item|a/b", 5, NULL },
		{ "PATCH", "item|7", 6, NULL },
		{ "GET", "item|7|kind", 7, NULL },
		{ "GET", "item|7|", 7, NULL },
		{ "GET", "item||", 7, NULL },
		{ "GET", "item|7|all|2", 8, NULL },
		{ "GET", "item||all|", 8, NULL },

		{ "POST", "ping", -1, "GET, HEAD, OPTIONS" },
		{ "GET", "token", -1, "POST, OPTIONS" },
		{ "HEAD", "token", -1, "POST, OPTIONS" },
		{ "PUT", "token|new", -1, "GET, HEAD, DELETE, POST, OPTIONS" },
		{ "PUT", "item|7", -1, "GET, HEAD, PATCH, OPTIONS" },
		{ "get", "ping", -1, "GET, HEAD, OPTIONS" },
		{ "GETS", "ping", -1, "GET, HEAD, OPTIONS" },
		{ "", "ping", -1, "GET, HEAD, OPTIONS" },

		{ "GET", NULL, -1, NULL },
		{ "GET", "", -1, NULL },
		{ "GET", "|ping", -1, NULL },
		{ "GET", "ping|", -1, NULL },
		{ "GET", "pin", -1, NULL },
		{ "GET", "pings", -1, NULL },
		{ "GET", "Ping", -1, NULL },
		{ "GET", "ping|x", -1, NULL },
		{ "GET", "token|old", -1, NULL },
		{ "GET", "token|new|x", -1, NULL },
		{ "GET", "token/new", -1, NULL },
		{ "GET", "item", -1, NULL },
		{ "GET", "item|7|any|2", -1, NULL },
		{ "GET", "item|7|all|2|3", -1, NULL },
		{ "GET", ":id", -1, NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct request request;
		struct buf allow = { 0 };
		bool path_exists = cases[i].allow == NULL;
		const struct route *route;
		char name[64];

		make_request(&request, cases[i].method, cases[i].segments);
		snprintf(name, sizeof(name), "%s %s", cases[i].method,
		    cases[i].segments == NULL ? "/" : cases[i].segments);
		route = route_find(table, COUNT(table), &request, &allow, &path_exists);
		CHECK((route == NULL ? -1 : (int)(route - table)) == cases[i].row, name);
		if (route == NULL) {
			CHECK(path_exists == (cases[i].allow != NULL), name);
			CHECK(same_text(
				  buf_view(&allow), cases[i].allow == NULL ? "" : cases[i].allow),
			    name);
		}
		buf_free(&allow);
	}
}

static void
has_no_row_in_an_empty_table(void)
{
	struct request request;
	struct buf allow = { 0 };
	bool path_exists = true;

	make_request(&request, "GET", "ping");
	CHECK(route_find(table, 0, &request, &allow, &path_exists) == NULL && !path_exists, "none");
	buf_free(&allow);
}

static void
captures(void)
{
	static const struct {
		const char *path, *segments, *before, *after;
	} cases[] = {
		{ "/ping", "ping", "{}", "{}" },
		{ "/item/:id", "item|7", "{}", "{\"id\":\"7\"}" },
		{ "/item/:id", "item|", "{}", "{\"id\":\"\"}" },
		{ "/item/:id", "item|a/b c", "{}", "{\"id\":\"a/b c\"}" },
		{ "/item/:id/all/:page", "item|7|all|2", "{}", "{\"id\":\"7\",\"page\":\"2\"}" },
		{ "/:a/:b", "x|y", "{\"b\":1,\"c\":2}", "{\"b\":\"y\",\"c\":2,\"a\":\"x\"}" },
		{ "/:a", "x", "{\"A\":1}", "{\"A\":1,\"a\":\"x\"}" },
		{ "/:a/:a", "x|y", "{}", "{\"a\":\"y\"}" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct route route = { "GET", cases[i].path };
		struct request request;
		struct json_error error;
		struct json_object *members = json_read(text_of(cases[i].before), 0, &error);

		make_request(&request, "GET", cases[i].segments);
		route_captures(&route, &request, members);
		CHECK(same_text(text_of(json_object_to_json_string_ext(members,
				    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)),
			  cases[i].after),
		    cases[i].path);
		json_object_put(members);
	}
}

static void
captures_nul(void)
{
	const struct route route = { "GET", "/:a" };
	struct request request = { .segments = { TEXT("x\0y") }, .segment_count = 1 };
	struct json_object *members = json_object_new_object();

	route_captures(&route, &request, members);
	CHECK(json_object_get_string_len(json_object_object_get(members, "a")) == 3, "NUL inside");
	json_object_put(members);
}

static void
names_captures(void)
{
	static const char path[] = "/a/:bc/d/:e";

	CHECK(route_has_capture(path, "bc") && route_has_capture(path, "e"), "captures");
	CHECK(!route_has_capture(path, "a") && !route_has_capture(path, "b") &&
		!route_has_capture(path, "d") && !route_has_capture("", "a"),
	    "others");
}

CU_TestInfo http_route_tests[] = {
	{ "finds rows", finds_rows },
	{ "has no row in an empty table", has_no_row_in_an_empty_table },
	{ "captures", captures },
	{ "captures NUL", captures_nul },
	{ "names captures", names_captures },
	CU_TEST_INFO_NULL,
};
