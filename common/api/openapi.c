#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "app.h"
#include "components.h"
#include "examples.h"
#include "json.h"
#include "openapi.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Endpoints of one kind, by how their paths begin. */
static const struct {
	const char *path, *name, *meaning;
} tags[] = {
	{ "/getToken", "Tokens", "Tokens that clients join, log in and publish with" },
	{ "/token", "Tokens", NULL },
	{ "/fetchToken", "Tokens", NULL },
	{ "/fetch_rtc_token", "Tokens", NULL },
	{ "/fetch_rtm_token", "Tokens", NULL },
	{ "/access_token", "Tokens", NULL },
	{ "/rtc", "Tokens", NULL },
	{ "/rtm", "Tokens", NULL },
	{ "/rte", "Tokens", NULL },
	{ "/chat", "Tokens", NULL },
	{ "/cloud_recording", "Recording", "Agora's cloud recording" },
	{ "/rtt", "Transcription", "Agora's real-time transcription" },
	{ "/rtmp/push", "Media push", "Channels sent to RTMP servers" },
	{ "/rtmp/pull", "Media pull", "Streams played into channels" },
	{ "/me", "Access", "Who asks, and what may be asked for" },
	{ "/policy", "Access", NULL },
	{ "/", "Service", "Whether it runs, and what it counts" },
};

static const char about[] =
    "Issues access tokens for Agora apps, and starts and stops Agora's cloud services.\n\n"
    "A body is one JSON object, whatever its Content-Type says. Names of members and of query "
    "parameters match in any case, and members that are not described here are ignored. Each "
    "path answers with and without a slash at its end, and HEAD where there is GET. Lengths of "
    "text are in bytes of UTF-8.\n\n"
    "Every error is one JSON object of the same shape, also where the web server in front "
    "answers. Every answer has the header X-Request-ID: the client's own, if it sent one that is "
    "well formed.\n\n"
    "Without a policy the service is open, and needs no credentials.";

/* Paths */

/* "/rtt/stop/{taskId}" */
static void
put_path(struct buf *out, const char *path)
{
	struct buf shown = { 0 };

	for (struct text s = route_segment(&path); s.data != NULL; s = route_segment(&path)) {
		if (s.data[0] == ':')
			buf_printf(&shown, "/{%.*s}", (int)s.length - 1, s.data + 1);
		else
			buf_printf(&shown, "/%.*s", (int)s.length, s.data);
	}
	json_separate(out);
	buf_json(out, buf_view(&shown));
	buf_text(out, ":");
	buf_free(&shown);
}

/* Two paths differ in their captures alone: the last of them goes into the name. */
static void
put_operation_id(const struct document *d, const struct route *row)
{
	struct buf id = { 0 };
	const char *last = strrchr(row->path, ':');

	for (const char *c = row->method; *c != '\0'; c++) {
		char lower = (char)tolower((unsigned char)*c);

		buf_add(&id, &lower, 1);
	}
	buf_text(&id, "_");
	components_words(&id, row->path, false);
	for (const struct route *r = d->routes; r < row; r++) {
		struct buf words = { 0 }, own = { 0 };

		components_words(&words, r->path, false);
		components_words(&own, row->path, false);
		if (strcmp(r->method, row->method) == 0 && last != NULL &&
		    words.length == own.length && memcmp(words.data, own.data, own.length) == 0)
			buf_printf(&id, "_%s", last + 1);
		buf_free(&words);
		buf_free(&own);
	}
	json_put_name(d->out, "operationId");
	buf_json(d->out, buf_view(&id));
	buf_free(&id);
}

static const char *
tag_of(const char *path)
{
	for (size_t i = 0; i < COUNT(tags); i++) {
		const size_t length = strlen(tags[i].path);

		if (length == 1 ||
		    (strncmp(path, tags[i].path, length) == 0 &&
			(path[length] == '\0' || path[length] == '/')))
			return tags[i].name;
	}
	return NULL;
}

/* Operations */

/* The example's members that the path captures, or the others. */
static struct json_object *
example_members(const struct route *row, bool captured)
{
	const struct example *example = example_of(row);
	struct json_object *members = json_object_new_object(), *all;
	struct json_error error;
	struct buf text = { 0 };

	if (members == NULL)
		abort();
	if (example == NULL || example->request == NULL)
		return members;
	example_json(&text, example->request);
	all = json_read(buf_view(&text), 0, &error);
	buf_free(&text);
	if (all == NULL)
		abort(); /* the tests read them all */
	json_object_object_foreach(all, name, value) {
		if (route_has_capture(row->path, name) == captured &&
		    json_object_object_add(members, name, json_object_get(value)) != 0)
			abort();
	}
	json_object_put(all);
	return members;
}

/* "with tokenType uid", for a row that is there for some values of the deciding one. */
static void
add_when(struct buf *text, const struct field *decider, const struct field *f)
{
	const char *join = "with ";

	if (f->when == 0)
		return;
	buf_printf(text, "%s%s", join, decider->name);
	join = " ";
	for (const struct choice *c = decider->choices; c->name != NULL; c++)
		if (f->when & UINT64_C(1) << c->value) {
			buf_printf(text, "%s%s", join, c->name);
			join = ", ";
		}
	buf_text(text, ": ");
}

/* A parameter; some have several rows, of which the deciding parameter chooses one. */
static void
put_parameter(const struct document *d, const struct route *row, const struct field *f,
    struct json_object *examples)
{
	const struct field *end = row->input->fields + row->input->count;
	const bool captured = route_has_capture(row->path, f->name);
	struct json_object *example;
	struct buf text = { 0 };
	size_t rows = 0;

	json_begin(d->out, NULL, "{");
	json_put_text(d->out, "name", f->name);
	json_put_text(d->out, "in", captured ? "path" : "query");
	json_put_bool(d->out, "required", captured || (f->flags & FIELD_REQUIRED));
	for (const struct field *g = f; g < end; g++) {
		if (strcmp(g->name, f->name) != 0)
			continue;
		buf_text(&text, rows++ == 0 ? "" : ". ");
		add_when(&text, row->input->fields, g);
		buf_text(&text, g->meaning == NULL ? "" : g->meaning);
	}
	json_put_name(d->out, "description");
	buf_json(d->out, buf_view(&text));
	buf_free(&text);
	json_begin(d->out, "schema", "{");
	if (rows > 1)
		json_begin(d->out, "anyOf", "[");
	for (const struct field *g = f; g < end; g++) {
		if (strcmp(g->name, f->name) != 0)
			continue;
		if (rows > 1)
			json_begin(d->out, NULL, "{");
		schema_value(d->out, g, SCHEMA_QUERY, SCHEMA_ANY_CHOICE);
		buf_text(d->out, rows > 1 ? "}" : "");
	}
	buf_text(d->out, rows > 1 ? "]}" : "}");
	if (json_object_object_get_ex(examples, f->name, &example))
		json_put_value(d->out, "example", example);
	buf_text(d->out, "}");
}

static bool
is_repeated(const struct table *table, const struct field *f)
{
	for (const struct field *g = table->fields; g < f; g++)
		if (strcmp(g->name, f->name) == 0)
			return true;
	return false;
}

static void
put_input(const struct document *d, const struct route *row)
{
	struct json_object *captured = example_members(row, true);
	struct json_object *others = example_members(row, false);

	json_begin(d->out, "parameters", "[");
	for (size_t i = 0; row->input != NULL && i < row->input->count; i++) {
		const struct field *f = &row->input->fields[i];
		const bool in_path = route_has_capture(row->path, f->name);

		if ((in_path || !components_has_body(row)) && !is_repeated(row->input, f))
			put_parameter(d, row, f, in_path ? captured : others);
	}
	if (row->input != NULL && !components_has_body(row) && strcmp(row->action, PUBLIC) != 0) {
		json_begin(d->out, NULL, "{");
		json_put_text(d->out, "name", schema_project_field.name);
		json_put_text(d->out, "in", "query");
		schema_description(d->out, &schema_project_field, SCHEMA_QUERY, SCHEMA_ANY_CHOICE);
		json_begin(d->out, "schema", "{");
		schema_value(d->out, &schema_project_field, SCHEMA_QUERY, SCHEMA_ANY_CHOICE);
		buf_text(d->out, "}}");
	}
	buf_text(d->out, "]");
	if (components_has_body(row)) {
		json_begin(d->out, "requestBody", "{");
		json_put_bool(d->out, "required", true);
		json_begin(d->out, "content", "{");
		json_begin(d->out, "application/json", "{");
		json_begin(d->out, "schema", "{");
		components_refer(d, "$ref", row->input, SCHEMA_BODY, NULL);
		buf_text(d->out, "}");
		json_put_value(d->out, "example", others);
		buf_text(d->out, "}}}");
	}
	json_object_put(captured);
	json_object_put(others);
}

static void
put_schema_of_answer(const struct document *d, const struct route *row, int status)
{
	json_begin(d->out, "schema", "{");
	if (row->output == NULL && row->content_type[0] == 't') {
		json_put_text(d->out, "type", "string");
	} else if (row->output == NULL) {
		schema_open(d->out);
	} else if (status != 200 && components_may_have(d, row, status)) {
		json_begin(d->out, "anyOf", "[{");
		components_refer(d, "$ref", row->output, SCHEMA_ANSWER, NULL);
		buf_text(d->out, "},{");
		components_refer(d, "$ref", response_error_table(), SCHEMA_ANSWER, NULL);
		buf_text(d->out, "}]");
	} else {
		components_refer(d, "$ref", row->output, SCHEMA_ANSWER, NULL);
	}
	buf_text(d->out, "}");
}

static void
put_answer(const struct document *d, const struct route *row, int status)
{
	const struct example *example = example_of(row);
	char number[12];

	snprintf(number, sizeof(number), "%d", status);
	json_begin(d->out, number, "{");
	json_put_text(d->out, "description", status_text(status));
	components_headers(d, status);
	json_begin(d->out, "content", "{");
	json_begin(d->out, row->content_type == NULL ? "application/json" : row->content_type, "{");
	put_schema_of_answer(d, row, status);
	if (status == 200 && example != NULL && example->answer != NULL) {
		json_put_name(d->out, "example");
		example_json(d->out, example->answer);
	}
	buf_text(d->out, "}}}");
}

static void
put_responses(const struct document *d, const struct route *row)
{
	json_begin(d->out, "responses", "{");
	put_answer(d, row, 200);
	for (int status = 201; status < 600; status++) {
		if (status == row->also) {
			put_answer(d, row, status);
		} else if (components_may_have(d, row, status)) {
			json_separate(d->out);
			buf_printf(d->out, "\"%d\":{\"$ref\":\"#/components/responses/Error%d\"}",
			    status, status);
		}
	}
	json_begin(d->out, "default", "{");
	json_put_text(d->out, "$ref", "#/components/responses/OtherError");
	buf_text(d->out, "}}");
}

static void
put_operation(const struct document *d, const struct route *row)
{
	struct buf text = { 0 };
	struct buf method = { 0 };

	for (const char *c = row->method; *c != '\0'; c++) {
		char lower = (char)tolower((unsigned char)*c);

		buf_add(&method, &lower, 1);
	}
	buf_add(&method, "", 1);
	json_begin(d->out, method.data, "{");
	buf_free(&method);
	put_operation_id(d, row);
	json_begin(d->out, "tags", "[");
	json_put_item(d->out, tag_of(row->path));
	buf_text(d->out, "]");
	json_put_text(d->out, "summary", row->summary);
	if (strcmp(row->action, PUBLIC) == 0)
		json_begin(d->out, "security", "[]");
	else if (strcmp(row->action, ANY_CALLER) != 0)
		buf_printf(&text, "Where there is a policy it needs a grant with the action `%s`.",
		    row->action);
	/* tests/checks/asked_once compares the web servers' files with this. */
	if (row->wait == ROUTE_GOES_TO_END)
		buf_printf(&text, "%sAgora may bill it.", text.length == 0 ? "" : " ");
	if (text.length > 0) {
		json_put_name(d->out, "description");
		buf_json(d->out, buf_view(&text));
	}
	buf_free(&text);
	put_input(d, row);
	put_responses(d, row);
	buf_text(d->out, "}");
}

/* All methods of a path stand together, where the first of its rows is. */
static void
put_paths(const struct document *d)
{
	const struct route *end = d->routes + d->count;

	json_begin(d->out, "paths", "{");
	for (const struct route *row = d->routes; row < end; row++) {
		const struct route *other = d->routes;

		while (strcmp(other->path, row->path) != 0)
			other++;
		if (other < row)
			continue;
		put_path(d->out, row->path);
		buf_text(d->out, "{");
		for (other = row; other < end; other++)
			if (strcmp(other->path, row->path) == 0)
				put_operation(d, other);
		buf_text(d->out, "}");
	}
	buf_text(d->out, "}");
}

static void
put_info(struct buf *out)
{
	json_begin(out, "info", "{");
	json_put_text(out, "title", "agora-backend");
	json_put_text(out, "version", PACKAGE_VERSION);
	json_put_text(out, "description", about);
	json_begin(out, "license", "{");
	json_put_text(out, "name", "MIT");
	json_put_text(out, "identifier", "MIT");
	buf_text(out, "}}");
}

void
openapi_write(
    struct buf *out, const struct route *routes, size_t route_count, struct text base_path)
{
	const struct document d = { out, routes, route_count };

	buf_text(out, "{");
	json_put_text(out, "openapi", "3.1.0");
	put_info(out);
	json_begin(out, "servers", "[{\"url\":");
	buf_json(out, base_path.length == 0 ? TEXT("/") : base_path);
	/* Either scheme, or nothing where the service is open. */
	buf_text(out, "}],\"security\":[{\"bearer\":[]},{\"apiKey\":[]},{}]");
	json_begin(out, "tags", "[");
	for (size_t i = 0; i < COUNT(tags); i++)
		if (tags[i].meaning != NULL) {
			json_begin(out, NULL, "{");
			json_put_text(out, "name", tags[i].name);
			json_put_text(out, "description", tags[i].meaning);
			buf_text(out, "}");
		}
	buf_text(out, "]");
	put_paths(&d);
	components_write(&d);
}

enum step
openapi_get(struct exchange *x)
{
	size_t count;
	const struct route *routes = app_routes(x, &count);

	openapi_write(&x->response.body, routes, count, app_config(x)->api.base_path);
	return NEXT;
}
