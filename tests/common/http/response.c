#include "exchange.h"
#include "json.h"
#include "response.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Every error that there is, with the status and code that clients rely on. */
static const struct {
	enum http_error error;
	int status;
	const char *code;
} errors[] = {
	{ ERROR_BAD_PATH, 400, "invalid_path" },
	{ ERROR_NOT_FOUND, 404, "not_found" },
	{ ERROR_METHOD_NOT_ALLOWED, 405, "method_not_allowed" },
	{ ERROR_HOST_NOT_ALLOWED, 421, "host_not_allowed" },
	{ ERROR_ORIGIN_NOT_ALLOWED, 403, "origin_not_allowed" },
	{ ERROR_BODY_TOO_LARGE, 413, "body_too_large" },
	{ ERROR_HEADERS_TOO_LARGE, 431, "headers_too_large" },
	{ ERROR_BODY_CUT, 400, "body_cut" },
	{ ERROR_BAD_BODY, 400, "invalid_body" },
	{ ERROR_UNSUPPORTED_BODY, 415, "unsupported_body" },
	{ ERROR_TOO_MANY_VALUES, 400, "too_many_values" },
	{ ERROR_MISSING_FIELD, 400, "missing_field" },
	{ ERROR_INVALID_FIELD, 400, "invalid_field" },
	{ ERROR_OVERLOADED, 503, "overloaded" },
	{ ERROR_TIMEOUT, 504, "timeout" },
	{ ERROR_INTERNAL, 500, "internal" },
	{ ERROR_CLIENT_GONE, 499, "client_gone" },
};

static struct text
member(struct json_object *object, const char *name)
{
	return text_of(json_object_get_string(field_member(object, name)));
}

static void
writes_errors_in_one_shape(void)
{
	for (size_t i = 0; i < COUNT(errors); i++) {
		struct response response = { 0 };
		struct json_error problem;
		struct json_object *object;

		buf_text(&response.body, "left over");
		response_error(&response, errors[i].error, NULL, NULL, TEXT("the-id"));
		CHECK(response.status == errors[i].status, errors[i].code);
		object = json_read(buf_view(&response.body), 0, &problem);
		CHECK(problem.problem == JSON_FINE, errors[i].code);
		CHECK(json_object_object_length(object) == 4, errors[i].code);
		CHECK(member(object, "error").length > 0, errors[i].code);
		CHECK(same_text(member(object, "code"), errors[i].code), errors[i].code);
		CHECK(same_text(member(object, "requestId"), "the-id"), errors[i].code);
		CHECK(json_object_get_int(field_member(object, "status")) == errors[i].status,
		    errors[i].code);
		/* 499 is for the log alone */
		CHECK((strcmp(status_text(errors[i].status), "Unknown") == 0) ==
			(errors[i].status == 499),
		    errors[i].code);
		json_object_put(object);
		response_free(&response);
	}
}

static void
says_what_is_wrong(void)
{
	static const struct {
		enum http_error error;
		const char *field, *rule, *body;
	} cases[] = {
		{ ERROR_INVALID_FIELD, "expire", "must be a number",
		    "{\"error\":\"expire: must be a number\",\"code\":\"invalid_field\","
		    "\"field\":\"expire\",\"status\":400,\"requestId\":\"id\"}" },
		{ ERROR_MISSING_FIELD, "uid", NULL,
		    "{\"error\":\"uid: is required\",\"code\":\"missing_field\",\"field\":\"uid\","
		    "\"status\":400,\"requestId\":\"id\"}" },
		{ ERROR_BAD_BODY, NULL, "the body is empty",
		    "{\"error\":\"the body is empty\",\"code\":\"invalid_body\",\"status\":400,"
		    "\"requestId\":\"id\"}" },
		{ ERROR_ORIGIN_NOT_ALLOWED, NULL, NULL,
		    "{\"error\":\"Origin not allowed\",\"code\":\"origin_not_allowed\","
		    "\"status\":403,\"requestId\":\"id\"}" },
		{ ERROR_INVALID_FIELD, "a\"b", "byte 1 is '\"'\n",
		    "{\"error\":\"a\\\"b: byte 1 is '\\\"'\\n\",\"code\":\"invalid_field\","
		    "\"field\":\"a\\\"b\",\"status\":400,\"requestId\":\"id\"}" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct response response = { 0 };

		response_error(
		    &response, cases[i].error, cases[i].field, cases[i].rule, TEXT("id"));
		CHECK(same_text(buf_view(&response.body), cases[i].body), cases[i].body);
		response_free(&response);
	}
}

static void
bounds_what_it_says(void)
{
	struct response response = { 0 };
	struct json_error problem;
	struct json_object *object;
	char rule[2000];

	memset(rule, 'r', sizeof(rule));
	rule[sizeof(rule) - 1] = '\0';
	response_error(&response, ERROR_INVALID_FIELD, "field", rule, TEXT("id"));
	object = json_read(buf_view(&response.body), 0, &problem);
	CHECK(problem.problem == JSON_FINE, "still JSON");
	CHECK(member(object, "error").length == strlen("field: ") + 1999, "whole");
	json_object_put(object);
	response_free(&response);
}

static void
writes_cgi_responses(void)
{
	static const struct {
		const char *name;
		int status;
		const char *body, *header;
		bool without_body;
		const char *out;
	} cases[] = {
		{ "a body", 200, "{\"a\":1}", "X-A: b\r\n", false,
		    "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n"
		    "X-A: b\r\n\r\n{\"a\":1}" },
		{ "HEAD", 200, "{\"a\":1}", "X-A: b\r\n", true,
		    "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n"
		    "X-A: b\r\n\r\n" },
		{ "none", 204, "", "X-A: b\r\n", false,
		    "Status: 204 No Content\r\nX-A: b\r\n\r\n" },
		{ "an error", 404, "{}", "", false,
		    "Status: 404 Not Found\r\nContent-Type: application/json\r\n"
		    "Content-Length: 2\r\n\r\n{}" },
		{ "another status", 299, "", "", false, "Status: 299 Unknown\r\n\r\n" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct response response = { .status = cases[i].status };
		struct buf out = { 0 };

		buf_text(&response.body, cases[i].body);
		buf_text(&response.headers, cases[i].header);
		buf_text(&out, ">");
		response_write(&response, cases[i].without_body, &out);
		buf_consume(&out, 1);
		CHECK(same_text(buf_view(&out), cases[i].out), cases[i].name);
		buf_free(&out);
		response_free(&response);
	}
}

static void
adds_headers(void)
{
	struct response response = { 0 };

	response_header(&response, "A", TEXT("b c"));
	response_header(&response, "Empty", TEXT(""));
	response_header(&response, "A", TEXT("again"));
	CHECK(
	    same_text(buf_view(&response.headers), "A: b c\r\nEmpty: \r\nA: again\r\n"), "headers");
	response_error(&response, ERROR_NOT_FOUND, NULL, NULL, TEXT("id"));
	CHECK(same_text(buf_view(&response.headers), "A: b c\r\nEmpty: \r\nA: again\r\n"),
	    "an error keeps them");
	response_free(&response);
}

static void
clears(void)
{
	struct response response = { .status = 200 };

	buf_text(&response.body, "b");
	response_header(&response, "A", TEXT("b"));
	response_clear(&response);
	CHECK(response.status == 0 && response.headers.length == 0 && response.body.length == 0,
	    "empty");
	CHECK(response.body.data != NULL, "keeps its memory");
	response_free(&response);
	CHECK(response.body.data == NULL && response.headers.data == NULL, "freed");
}

static void
names_statuses(void)
{
	static const struct {
		int status;
		const char *text;
	} cases[] = { { 200, "OK" }, { 204, "No Content" }, { 400, "Bad Request" },
		{ 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 413, "Content Too Large" }, { 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" }, { 0, "Unknown" } };

	for (size_t i = 0; i < COUNT(cases); i++)
		CHECK(
		    same_text(text_of(status_text(cases[i].status)), cases[i].text), cases[i].text);
}

/* The table is there for documentation: it says what the writer writes. */
static void
describes_errors(void)
{
	static const char *const names[] = { "error", "code", "field", "dimension", "status",
		"requestId", "upstream", "known" };
	const struct table *table = response_error_table();

	CHECK(table->count == COUNT(names), "count");
	for (size_t i = 0; i < COUNT(names) && i < table->count; i++)
		CHECK(strcmp(table->fields[i].name, names[i]) == 0, names[i]);
}

static void
fails_an_exchange(void)
{
	struct exchange x = { .request = { .id = TEXT("x-id") } };

	CHECK(exchange_fail(&x, ERROR_INVALID_FIELD, "uid", "is bad") == ANSWERED, "answered");
	CHECK(x.response.status == 400, "status");
	CHECK(same_text(buf_view(&x.response.body),
		  "{\"error\":\"uid: is bad\",\"code\":\"invalid_field\",\"field\":\"uid\","
		  "\"status\":400,\"requestId\":\"x-id\"}"),
	    "with the exchange's id");
	x.members = json_object_new_object();
	x.input = arena_alloc(&x.arena, 1, 1);
	exchange_reset(&x);
	CHECK(x.members == NULL && x.input == NULL && x.response.status == 0 &&
		x.response.body.length == 0 && x.request.id.data == NULL,
	    "reset");
	exchange_free(&x);
}

CU_TestInfo http_response_tests[] = {
	{ "writes errors in one shape", writes_errors_in_one_shape },
	{ "says what is wrong", says_what_is_wrong },
	{ "bounds what it says", bounds_what_it_says },
	{ "writes CGI responses", writes_cgi_responses },
	{ "adds headers", adds_headers },
	{ "clears", clears },
	{ "names statuses", names_statuses },
	{ "describes errors", describes_errors },
	{ "fails an exchange", fails_an_exchange },
	CU_TEST_INFO_NULL,
};
