#include <stdio.h>

#include "response.h"

static const struct {
	int status;
	const char *code;
	const char *text;
} errors[] = {
	[ERROR_BAD_PATH] = { 400, "invalid_path", "the path is malformed" },
	[ERROR_NOT_FOUND] = { 404, "not_found", "there is no such endpoint" },
	[ERROR_METHOD_NOT_ALLOWED] = { 405, "method_not_allowed",
	    "this endpoint does not take that method; Allow names those it takes" },
	[ERROR_ORIGIN_NOT_ALLOWED] = { 403, "origin_not_allowed", "Origin not allowed" },
	[ERROR_BODY_TOO_LARGE] = { 413, "body_too_large",
	    "the body is larger than this server takes" },
	[ERROR_HEADERS_TOO_LARGE] = { 431, "headers_too_large",
	    "the request's headers are larger than this server takes" },
	[ERROR_BODY_CUT] = { 400, "body_cut", "the body is shorter than its Content-Length" },
	[ERROR_BAD_BODY] = { 400, "invalid_body", "the body is not a JSON object" },
	[ERROR_MISSING_FIELD] = { 400, "missing_field", "is required" },
	[ERROR_INVALID_FIELD] = { 400, "invalid_field", "is not valid" },
	[ERROR_INTERNAL] = { 500, "internal",
	    "something went wrong on the server; its log says what" },
	[ERROR_OVERLOADED] = { 503, "overloaded",
	    "the server has as many requests under way as it takes; try again soon" },
	[ERROR_TIMEOUT] = { 504, "timeout", "the answer took too long" },
	/* Nobody reads this one; the status, nginx's own, is for the log. */
	[ERROR_CLIENT_GONE] = { 499, "client_gone", "the client did not wait for the answer" },
};

struct error_answer {
	struct text error, code, field, request_id;
	int64_t status;
};

#define ROW(name, kind, member)                                                                    \
	{                                                                                          \
		name, kind, .offset = offsetof(struct error_answer, member)                        \
	}

static const struct field error_fields[] = {
	ROW("error", FIELD_TEXT, error),
	ROW("code", FIELD_TEXT, code),
	ROW("field", FIELD_TEXT, field),
	ROW("status", FIELD_INT, status),
	ROW("requestId", FIELD_TEXT, request_id),
};

static const struct table error_table = TABLE(error_fields, struct error_answer);

const struct table *
response_error_table(void)
{
	return &error_table;
}

void
response_header(struct response *response, const char *name, struct text value)
{
	buf_text(&response->headers, name);
	buf_add(&response->headers, ": ", 2);
	buf_add(&response->headers, value.data, value.length);
	buf_add(&response->headers, "\r\n", 2);
}

void
response_error(struct response *response, enum http_error error, const char *field,
    const char *rule, struct text request_id)
{
	char sentence[400];
	struct error_answer answer = { .code = text_of(errors[error].code),
		.field = text_of(field),
		.request_id = request_id,
		.status = errors[error].status };

	if (rule == NULL)
		rule = errors[error].text;
	snprintf(sentence, sizeof(sentence), "%s%s%s", field == NULL ? "" : field,
	    field == NULL ? "" : ": ", rule);
	answer.error = text_of(sentence);
	response->status = errors[error].status;
	buf_clear(&response->body);
	field_write(&response->body, &error_table, &answer);
}

const char *
status_text(int status)
{
	switch (status) {
	case 200: return "OK";
	case 204: return "No Content";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 413: return "Content Too Large";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	}
	return "Unknown";
}

void
response_write(const struct response *response, bool without_body, struct buf *out)
{
	buf_printf(out, "Status: %d %s\r\n", response->status, status_text(response->status));
	if (response->body.length > 0)
		buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
		    response->body.length);
	buf_add(out, response->headers.data, response->headers.length);
	buf_add(out, "\r\n", 2);
	if (!without_body)
		buf_add(out, response->body.data, response->body.length);
}

void
response_clear(struct response *response)
{
	response->status = 0;
	buf_clear(&response->headers);
	buf_clear(&response->body);
}

void
response_free(struct response *response)
{
	buf_free(&response->headers);
	buf_free(&response->body);
}
