#include "routes.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The endpoints of the issue, by hand: a row that goes missing or is misspelt is found here. */
static const struct {
	const char *method, *path;
	bool public;
} endpoints[] = {
	{ "GET", "/ping", true },
	{ "POST", "/getToken", false },
	{ "POST", "/token/getNew", false },
	{ "POST", "/fetchToken", false },
	{ "POST", "/fetch_rtc_token", false },
	{ "POST", "/fetch_rtm_token", false },
	{ "GET", "/access_token", false },
	{ "GET", "/rtc/:channelName/:role/:tokenType/:rtcuid", false },
	{ "GET", "/rtm/:rtmuid", false },
	{ "GET", "/rte/:channelName/:role/:tokenType/:rtcuid", false },
	{ "GET", "/rte/:channelName/:role/:tokenType/:rtcuid/:rtmuid", false },
	{ "GET", "/chat/app", false },
	{ "GET", "/chat/account/:chatid", false },
};

static void
lists_every_endpoint(void)
{
	for (size_t i = 0; i < COUNT(endpoints); i++) {
		const struct route *found = NULL;

		for (size_t r = 0; r < route_count; r++)
			if (strcmp(routes[r].path, endpoints[i].path) == 0 &&
			    strcmp(routes[r].method, endpoints[i].method) == 0)
				found = &routes[r];
		CHECK(found != NULL, endpoints[i].path);
		CHECK(found == NULL || (strcmp(found->action, PUBLIC) == 0) == endpoints[i].public,
		    endpoints[i].path);
	}
}

static void
is_complete(void)
{
	static const char *const methods[] = { "GET", "POST", "DELETE", "PATCH" };

	for (size_t r = 0; r < route_count; r++) {
		const struct route *row = &routes[r];
		bool known = false;
		size_t length = strlen(row->path);

		for (size_t m = 0; m < COUNT(methods); m++)
			known = known || strcmp(row->method, methods[m]) == 0;
		CHECK(known, row->path); /* Access-Control-Allow-Methods names these */
		CHECK(row->path[0] == '/' && length > 1 && row->path[length - 1] != '/', row->path);
		CHECK(strstr(row->path, "//") == NULL, row->path);
		CHECK(row->handle != NULL, row->path);
		CHECK(row->action != NULL && row->action[0] != '\0', row->path);
		CHECK(row->summary != NULL && row->summary[0] != '\0', row->path);
		CHECK(row->summary[strlen(row->summary) - 1] != '.', row->path);
		CHECK((row->output != NULL) != (row->content_type != NULL), row->path);
	}
}

/* The next segment of a pattern, after its slash; its length is 0 at the end. */
static struct text
next_segment(const char **path)
{
	struct text segment = { *path, 0 };

	if (**path == '/') {
		segment.data = *path + 1;
		segment.length = strcspn(segment.data, "/");
		*path = segment.data + segment.length;
	}
	return segment;
}

/* What a path captures, the row's input table reads; and what GET reads as numbers is text. */
static void
reads_every_capture(void)
{
	for (size_t r = 0; r < route_count; r++) {
		const char *path = routes[r].path;

		for (struct text s = next_segment(&path); s.length > 0; s = next_segment(&path)) {
			const struct table *input = routes[r].input;
			bool found = false;

			if (s.data[0] != ':')
				continue;
			CHECK(s.length > 1 && s.length < 64, routes[r].path);
			for (size_t f = 0; input != NULL && f < input->count; f++)
				found = found ||
				    (strlen(input->fields[f].name) == s.length - 1 &&
					memcmp(input->fields[f].name, s.data + 1, s.length - 1) ==
					    0);
			CHECK(found, routes[r].path);
		}
		if (strcmp(routes[r].method, "GET") == 0 && routes[r].input != NULL)
			CHECK(routes[r].input->text_source, routes[r].path);
		if (strcmp(routes[r].method, "POST") == 0 && routes[r].input != NULL)
			CHECK(!routes[r].input->text_source, routes[r].path);
	}
}

/* Whether some path matches both. */
static bool
overlap(const char *a, const char *b)
{
	for (;;) {
		struct text x = next_segment(&a), y = next_segment(&b);

		if (x.length == 0 || y.length == 0)
			return x.length == y.length;
		if (x.data[0] != ':' && y.data[0] != ':' &&
		    (x.length != y.length || memcmp(x.data, y.data, x.length) != 0))
			return false;
	}
}

static void
has_no_two_rows_for_one_request(void)
{
	CHECK(overlap("/a/:b", "/a/c") && overlap("/:a", "/b") && !overlap("/a/:b", "/a") &&
		!overlap("/a/b", "/a/c"),
	    "overlap itself");
	for (size_t a = 0; a < route_count; a++)
		for (size_t b = 0; b < a; b++)
			CHECK(strcmp(routes[a].method, routes[b].method) != 0 ||
				!overlap(routes[a].path, routes[b].path),
			    routes[a].path);
}

/* The deciding row is the first, and its values are bits that `when` has room for. */
static void
has_sound_tables(void)
{
	for (size_t r = 0; r < route_count; r++)
		for (size_t f = 0; routes[r].input != NULL && f < routes[r].input->count; f++) {
			const struct field *row = &routes[r].input->fields[f];

			CHECK(!(row->flags & FIELD_DECIDES) || f == 0, row->name);
			CHECK(row->when == 0 ||
				(routes[r].input->fields[0].flags & FIELD_DECIDES) != 0,
			    row->name);
			for (const struct choice *c = row->choices;
			     row->flags & FIELD_DECIDES && c->name != NULL; c++)
				CHECK(c->value >= 0 && c->value < 64, c->name);
			CHECK(row->kind != FIELD_CHOICE || row->choices != NULL, row->name);
			CHECK((row->kind != FIELD_LIST && row->kind != FIELD_OBJECT) ||
				row->nested != NULL,
			    row->name);
			CHECK(row->kind != FIELD_INT || row->min < row->max, row->name);
			CHECK(row->offset < routes[r].input->size, row->name);
			CHECK(strlen(row->name) < 40, row->name);
		}
}

CU_TestInfo api_routes_tests[] = {
	{ "lists every endpoint", lists_every_endpoint },
	{ "is complete", is_complete },
	{ "reads every capture", reads_every_capture },
	{ "has no two rows for one request", has_no_two_rows_for_one_request },
	{ "has sound tables", has_sound_tables },
	CU_TEST_INFO_NULL,
};
