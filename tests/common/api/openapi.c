#include <stdlib.h>

#include "app.h"
#include "examples.h"
#include "json.h"
#include "log.h"
#include "openapi.h"
#include "routes.h"
#include "unit.h"

#define APP_ID "0123456789abcdef0123456789abcdef"
#define CERTIFICATE "fedcba9876543210fedcba9876543210"

static struct json_object *document;

static struct json_object *
read(const struct buf *text)
{
	struct json_error error;
	struct json_object *value = json_read(buf_view(text), JSON_UNIQUE, &error);

	if (error.problem != JSON_FINE)
		fprintf(stderr, "JSON problem %d at byte %zu\n", (int)error.problem, error.at);
	return value;
}

static void
write_document(void)
{
	struct buf text = { 0 };

	openapi_write(&text, routes, route_count, TEXT(""));
	document = read(&text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(document);
	buf_free(&text);
}

static void
free_document(void)
{
	json_object_put(document);
	document = NULL;
}

/* The member; NULL where there is none. */
static struct json_object *
at(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (object != NULL && json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, name, &value);
	return value;
}

static bool
lists(struct json_object *array, const char *text)
{
	for (size_t i = 0; array != NULL && i < json_object_array_length(array); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(array, i)), text) == 0)
			return true;
	return false;
}

static struct json_object *
schema(const char *name)
{
	return at(at(at(document, "components"), "schemas"), name);
}

/* Behind a $ref to a schema. */
static struct json_object *
referred(struct json_object *value)
{
	const char *reference = json_object_get_string(at(value, "$ref"));

	return reference == NULL ? value : schema(strrchr(reference, '/') + 1);
}

static struct json_object *
operation(const struct route *row)
{
	struct buf path = { 0 };
	struct json_object *found;
	char method[8] = "";

	for (const char *c = row->path; *c != '\0'; c++) {
		if (*c != ':') {
			buf_add(&path, c, 1);
			continue;
		}
		buf_printf(&path, "{%.*s}", (int)strcspn(c, "/") - 1, c + 1);
		c += strcspn(c, "/") - 1;
	}
	buf_add(&path, "", 1);
	for (size_t i = 0; row->method[i] != '\0' && i < sizeof(method) - 1; i++)
		method[i] = (char)(row->method[i] | 0x20);
	found = at(at(at(document, "paths"), path.data), method);
	buf_free(&path);
	return found;
}

static void
has_each_row(void)
{
	struct json_object *ids = json_object_new_object();

	write_document();
	for (const struct route *row = routes; row < routes + route_count; row++) {
		struct json_object *found = operation(row), *security;
		const char *id = json_object_get_string(at(found, "operationId"));

		CHECK(found != NULL, row->path);
		CHECK(
		    same_text(text_of(json_object_get_string(at(found, "summary"))), row->summary),
		    row->path);
		CHECK(id != NULL && at(ids, id) == NULL, row->path);
		if (id != NULL)
			json_object_object_add(ids, id, json_object_new_boolean(true));
		security = at(found, "security");
		CHECK((strcmp(row->action, PUBLIC) == 0) == (security != NULL), row->path);
		CHECK(strcmp(row->action, PUBLIC) == 0 || strcmp(row->action, ANY_CALLER) == 0 ||
			strstr(json_object_get_string(at(found, "description")), row->action) !=
			    NULL,
		    row->path);
	}
	json_object_put(ids);
	free_document();
}

/* Whether the schema, or one of those that it chooses from, has the member. */
static bool
has_member(struct json_object *body, const char *name)
{
	struct json_object *choices = at(body, "oneOf");

	if (at(body, "properties") != NULL)
		return at(at(body, "properties"), name) != NULL;
	if (choices == NULL)
		choices = at(body, "anyOf");
	if (choices == NULL)
		return false;
	for (size_t i = 0; i < json_object_array_length(choices); i++)
		if (has_member(referred(json_object_array_get_idx(choices, i)), name))
			return true;
	return false;
}

static struct json_object *
parameter(struct json_object *found, const char *name)
{
	struct json_object *parameters = at(found, "parameters");

	for (size_t i = 0; parameters != NULL && i < json_object_array_length(parameters); i++) {
		struct json_object *one = json_object_array_get_idx(parameters, i);

		if (strcmp(json_object_get_string(at(one, "name")), name) == 0)
			return one;
	}
	return NULL;
}

static void
has_each_field(void)
{
	write_document();
	for (const struct route *row = routes; row < routes + route_count; row++) {
		struct json_object *found = operation(row), *content, *answer;

		content =
		    at(at(at(at(found, "requestBody"), "content"), "application/json"), "schema");
		for (size_t f = 0; row->input != NULL && f < row->input->count; f++) {
			const char *name = row->input->fields[f].name;

			CHECK(
			    (parameter(found, name) != NULL) != has_member(referred(content), name),
			    name);
		}
		content = at(at(at(found, "responses"), "200"), "content");
		answer = referred(at(at(content, "application/json"), "schema"));
		for (size_t f = 0; row->output != NULL && f < row->output->count; f++)
			CHECK(has_member(answer, row->output->fields[f].name),
			    row->output->fields[f].name);
		if (row->output == NULL)
			CHECK(at(content, row->content_type) != NULL, row->path);
	}
	free_document();
}

static void
explain_each(const struct table *table, const char *where)
{
	for (size_t f = 0; f < table->count; f++) {
		const struct field *row = &table->fields[f];
		bool good = row->meaning != NULL;

		if (!good)
			fprintf(stderr, "%s has no meaning\n", row->name);
		CHECK(good, where);
		if (row->nested != NULL)
			explain_each(row->nested, row->name);
	}
}

static void
explains_each_field(void)
{
	for (const struct route *row = routes; row < routes + route_count; row++) {
		if (row->input != NULL)
			explain_each(row->input, row->path);
		if (row->output != NULL)
			explain_each(row->output, row->path);
	}
	explain_each(response_error_table(), "an error");
}

/* What depends on the first member, by hand. */
static void
knows_what_decides(void)
{
	static const struct {
		const char *schema, *has, *requires, *has_not;
	} cases[] = {
		{ "GetTokenRequestRtc", "privileges", "channel", "room" },
		{ "GetTokenRequestRtm", "channel", "tokenType", "privileges" },
		{ "GetTokenRequestChat", "uid", "tokenType", "channel" },
		{ "GetTokenRequestApaas", "room", "tokenType", "channel" },
		{ "GetTokenRequestFpa", "expire", "tokenType", "uid" },
		{ "GetTokenRequestStreaming", "role", "channel", "rtmUid" },
		{ "GetTokenRequestFcdn", "role", "channel", "rtmUid" },
		{ "GetTokenRequestRtm2", "permissions", "tokenType", "channel" },
		{ "GetTokenRequestConvoai", "rtmUid", "channel", "permissions" },
		{ "GetTokenRequestStt", "rtmUid", "channel", "room" },
		{ "CloudRecordingStartRequestMix", "recordingMode", "channelName",
		    "snapshotConfig" },
		{ "CloudRecordingStartRequestRaw", "snapshotConfig", "recordingMode",
		    "extensionServiceConfig" },
		{ "CloudRecordingStartRequestWeb", "channelName", "extensionServiceConfig",
		    "recordingConfig" },
	};
	struct json_object *token, *mapping, *member;

	write_document();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_object *found = schema(cases[i].schema);

		CHECK(at(at(found, "properties"), cases[i].has) != NULL, cases[i].schema);
		CHECK(lists(at(found, "required"), cases[i].requires), cases[i].schema);
		CHECK(!lists(at(found, "required"), "uid"), "uid: a grant may give it");
		CHECK(at(at(found, "properties"), cases[i].has_not) == NULL, cases[i].schema);
		CHECK(at(found, "additionalProperties") != NULL &&
			!json_object_get_boolean(at(found, "additionalProperties")),
		    cases[i].schema);
	}
	CHECK(!lists(at(schema("CloudRecordingStartRequestMix"), "required"), "recordingMode"),
	    "mix is meant when nothing is said");
	token = schema("GetTokenRequest");
	mapping = at(at(token, "discriminator"), "mapping");
	CHECK(json_object_array_length(at(token, "oneOf")) == 10, "ten kinds");
	CHECK(json_object_object_length(mapping) == 11, "eleven names");
	CHECK(same_text(text_of(json_object_get_string(at(mapping, "education"))),
		  "#/components/schemas/GetTokenRequestApaas"),
	    "the other name");
	member = at(at(schema("GetTokenRequestRtc"), "properties"), "tokenType");
	CHECK(json_object_array_length(at(member, "enum")) == 1, "one kind of its own");
	member = at(at(schema("GetTokenRequestRtc"), "properties"), "role");
	CHECK(strstr(json_object_get_string(at(member, "description")), "; default subscriber") !=
		NULL,
	    "role");
	CHECK(at(member, "default") == NULL, "generators make what has a default required");
	member = at(at(schema("GetTokenRequestApaas"), "properties"), "role");
	CHECK(json_object_get_int(at(member, "minimum")) == INT16_MIN, "role in a room");
	member = at(schema("GetTokenRequestRtc"), "properties");
	CHECK(json_object_get_int64(at(at(member, "expire"), "maximum")) == UINT32_MAX, "expire");
	CHECK(json_object_get_int(at(at(member, "channel"), "maxLength")) == 64, "channel");
	CHECK(json_object_get_int(at(at(member, "rtmUid"), "minimum")) == 1, "no user of RTM is 0");
	CHECK(json_object_get_int(at(at(member, "uid"), "minimum")) == 0, "any user");
	member = at(schema("RttStartRequest"), "properties");
	CHECK(json_object_get_int(at(at(member, "languages"), "maxItems")) == 4, "languages");
	member = at(at(member, "cryptionMode"), "anyOf");
	CHECK(lists(at(json_object_array_get_idx(member, 0), "enum"), "8") &&
		json_object_get_int(at(json_object_array_get_idx(member, 1), "maximum")) == 8,
	    "cryptionMode");
	CHECK(
	    json_object_array_length(at(schema("RtmpPushUpdateRequest"), "anyOf")) == 4, "changes");
	member =
	    at(at(schema("CloudRecordingStartRequestWeb"), "properties"), "extensionServiceConfig");
	CHECK(json_object_get_boolean(at(member, "additionalProperties")),
	    "Agora's own objects are open");
	free_document();
}

/* Generators of clients make names of an enum's values: "1" and 1 would be one name. */
static void
check_enums(struct json_object *value, const char *name)
{
	struct json_object *choices = at(value, "enum");

	if (json_object_is_type(value, json_type_array))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			check_enums(json_object_array_get_idx(value, i), name);
	if (!json_object_is_type(value, json_type_object))
		return;
	if (choices != NULL && json_object_is_type(choices, json_type_array)) {
		CHECK(
		    same_text(text_of(json_object_get_string(at(value, "type"))), "string"), name);
		for (size_t i = 0; i < json_object_array_length(choices); i++)
			CHECK(json_object_is_type(
				  json_object_array_get_idx(choices, i), json_type_string),
			    name);
	}
	json_object_object_foreach(value, member, inner) {
		check_enums(inner, member);
	}
}

/* Where choices may be numbers too, the range beside them is of those that are names, all of them.
 */
static void
check_ranges(struct json_object *value, const char *name)
{
	struct json_object *ways = at(value, "anyOf"), *range, *names;
	int64_t count = 0;
	uint64_t n;

	if (json_object_is_type(value, json_type_array))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			check_ranges(json_object_array_get_idx(value, i), name);
	if (!json_object_is_type(value, json_type_object))
		return;
	names = ways == NULL ? NULL : at(json_object_array_get_idx(ways, 0), "enum");
	if (names != NULL) {
		range = json_object_array_get_idx(ways, 1);
		for (size_t i = 0; i < json_object_array_length(names); i++)
			count += text_number(
			    text_of(json_object_get_string(json_object_array_get_idx(names, i))),
			    INT64_MAX, &n);
		CHECK(json_object_get_int64(at(range, "maximum")) -
			    json_object_get_int64(at(range, "minimum")) + 1 ==
			count,
		    name);
	}
	json_object_object_foreach(value, member, inner) {
		check_ranges(inner, member);
	}
}

static void
has_enums_of_one_type(void)
{
	write_document();
	check_enums(document, "");
	check_ranges(document, "");
	free_document();
}

/* The members of an example are the table's. */
static void
check_members(const struct table *table, struct json_object *object, const char *path)
{
	json_object_object_foreach(object, name, value) {
		bool found = false;

		(void)value;
		for (size_t f = 0; table != NULL && f < table->count; f++)
			found = found || strcmp(table->fields[f].name, name) == 0;
		CHECK(found, path);
	}
}

static void
has_an_example_of_each_row(void)
{
	for (const struct route *row = routes; row < routes + route_count; row++) {
		const struct example *example = example_of(row);
		struct buf text = { 0 };
		struct json_object *value;
		struct field_error error;
		struct arena arena = { 0 };

		CHECK(example != NULL, row->path);
		if (example == NULL)
			continue;
		CHECK((row->output != NULL) == (example->answer != NULL), row->path);
		example_json(&text, example->request == NULL ? "{}" : example->request);
		value = read(&text);
		CHECK(value != NULL, row->path);
		check_members(row->input, value, row->path);
		if (row->input != NULL && !row->input->text_source) {
			void *input = arena_alloc(&arena, 1, row->input->size);

			CHECK(field_read(row->input, value, &arena, input, &error), row->path);
		}
		json_object_put(value);
		buf_clear(&text);
		if (example->answer != NULL) {
			example_json(&text, example->answer);
			value = read(&text);
			CHECK(value != NULL, row->path);
			check_members(row->output, value, row->path);
			json_object_put(value);
		}
		buf_free(&text);
		arena_free(&arena);
	}
}

/* What is served is what is written, and nothing of the settings but the path. */
static void
is_served(void)
{
	static char method[] = "REQUEST_METHOD=GET", uri[] = "REQUEST_URI=/agora/openapi.json",
		    id[] = "APP_ID=" APP_ID, certificate[] = "APP_CERTIFICATE=" CERTIFICATE,
		    base[] = "BASE_PATH=/agora";
	static char *params[] = { method, uri, NULL },
		    *environment[] = { id, certificate, base, NULL };
	struct config *config;
	struct app *app;
	struct exchange x = { 0 };
	struct buf text = { 0 }, error = { 0 };
	struct json_object *server;

	log_set_level(LOG_LEVEL_ERROR);
	config = config_open(NULL, environment, routes, route_count, NULL, NULL, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	app = app_open(config, routes, route_count, NULL, true, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(app);
	CHECK(app_serve(app, &x, params, TEXT(""), BODY_WHOLE) == ANSWERED, "served");
	CHECK(x.response.status == 200, "status");
	CHECK(same_text(text_of(x.response.content_type), "application/json"), "type");
	openapi_write(&text, routes, route_count, TEXT("/agora"));
	CHECK(text.length == x.response.body.length &&
		memcmp(text.data, x.response.body.data, text.length) == 0,
	    "the same each time");
	CHECK(memmem(text.data, text.length, CERTIFICATE, strlen(CERTIFICATE)) == NULL,
	    "no certificate");
	document = read(&x.response.body);
	server = json_object_array_get_idx(at(document, "servers"), 0);
	CHECK(same_text(text_of(json_object_get_string(at(server, "url"))), "/agora"), "BASE_PATH");
	free_document();
	exchange_free(&x);
	app_close(app);
	config_close(config);
	buf_free(&text);
	buf_free(&error);
	log_set_level(LOG_LEVEL_INFO);
}

/* Statuses that can come, and none that cannot. */
static void
lists_errors(void)
{
	static const struct {
		const char *method, *path, *statuses, *others;
	} cases[] = {
		{ "GET", "/ping", "400 403 413 421 429 431 500 503", "401 404 501 502 504" },
		{ "GET", "/livez", "400 403 413 429 431 500 503", "421" },
		{ "POST", "/getToken", "400 401 403 413 429 431 500 503 504", "404 501 502" },
		{ "GET", "/metrics", "401 403 501", "404 502" },
		{ "GET", "/status", "401 403 501", "404 502" },
		{ "GET", "/readyz", "200 503", "401" },
		{ "GET", "/cloud_recording/status", "200 206 400 404 409 422 501 502 504", "201" },
		{ "POST", "/rtmp/push/start", "200 400 404 409 422 429 501 502 503 504", "206" },
	};

	write_document();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct route row = { cases[i].method, cases[i].path };
		struct json_object *responses = at(operation(&row), "responses");
		char status[4] = "";

		for (const char *s = cases[i].statuses; *s != '\0'; s += s[3] == '\0' ? 3 : 4)
			CHECK(at(responses, memcpy(status, s, 3)) != NULL, s);
		for (const char *s = cases[i].others; *s != '\0'; s += s[3] == '\0' ? 3 : 4)
			CHECK(at(responses, memcpy(status, s, 3)) == NULL, s);
		CHECK(at(responses, "default") != NULL, cases[i].path);
	}
	free_document();
}

CU_TestInfo api_openapi_tests[] = {
	{ "has each row", has_each_row },
	{ "has each field", has_each_field },
	{ "explains each field", explains_each_field },
	{ "knows what decides", knows_what_decides },
	{ "has enums of one type", has_enums_of_one_type },
	{ "has an example of each row", has_an_example_of_each_row },
	{ "is served", is_served },
	{ "lists errors", lists_errors },
	CU_TEST_INFO_NULL,
};
