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
	[ERROR_HOST_NOT_ALLOWED] = { 421, "host_not_allowed",
	    "the service has no such host name; ALLOWED_HOSTS in its settings lists those it has" },
	[ERROR_ORIGIN_NOT_ALLOWED] = { 403, "origin_not_allowed", "Origin not allowed" },
	[ERROR_BODY_TOO_LARGE] = { 413, "body_too_large",
	    "the body is larger than this server takes" },
	[ERROR_HEADERS_TOO_LARGE] = { 431, "headers_too_large",
	    "the request's headers are larger than this server takes" },
	[ERROR_BODY_CUT] = { 400, "body_cut", "the body is shorter than its Content-Length" },
	[ERROR_BAD_BODY] = { 400, "invalid_body", "the body is not a JSON object" },
	[ERROR_UNSUPPORTED_BODY] = { 415, "unsupported_body", "the body is not JSON" },
	[ERROR_TOO_MANY_VALUES] = { 400, "too_many_values",
	    "the request has more values than this server takes" },
	[ERROR_UNAUTHENTICATED] = { 401, "unauthenticated", "credentials are needed here" },
	[ERROR_NOT_GRANTED] = { 403, "not_granted", "no grant covers this" },
	[ERROR_KEYS_UNAVAILABLE] = { 503, "keys_unavailable",
	    "the keys that credentials are checked with cannot be had; try again soon" },
	[ERROR_AUDIT] = { 503, "audit_unavailable",
	    "the server cannot record what it does, so it does nothing" },
	[ERROR_MISSING_FIELD] = { 400, "missing_field", "is required" },
	[ERROR_INVALID_FIELD] = { 400, "invalid_field", "is not valid" },
	[ERROR_INTERNAL] = { 500, "internal",
	    "something went wrong on the server; its log says what" },
	[ERROR_NOT_CONFIGURED] = { 501, "not_configured", "this feature is not configured" },
	[ERROR_RATE_LIMITED] = { 429, "rate_limited", "too many requests; try again soon" },
	[ERROR_UPSTREAM_REFUSED] = { 400, "upstream_refused", "Agora refused the request" },
	[ERROR_UPSTREAM_AUTH] = { 502, "upstream_auth",
	    "Agora does not accept this server's customer id and secret" },
	[ERROR_UPSTREAM] = { 502, "upstream_error", "Agora could not do it" },
	[ERROR_UPSTREAM_TIMEOUT] = { 504, "upstream_timeout", "Agora did not answer" },
	[ERROR_UNKNOWN_OUTCOME] = { 504, "unknown_outcome",
	    "it may have been started or not: no answer came" },
	[ERROR_OVERLOADED] = { 503, "overloaded",
	    "the server has as many requests under way as it takes; try again soon" },
	[ERROR_TIMEOUT] = { 504, "timeout", "the answer took too long" },
	/* Nobody reads this one; the status, nginx's own, is for the log. */
	[ERROR_CLIENT_GONE] = { 499, "client_gone", "the client did not wait for the answer" },
};

struct error_answer {
	struct text error, code, field, dimension, request_id;
	int64_t status;
	const struct error_upstream *upstream;
	struct json_object *known;
};

#define UP(name, kind, flags, member, text)                                                        \
	{                                                                                          \
		name, kind, flags, offsetof(struct error_upstream, member), .meaning = text        \
	}

static const struct field upstream_fields[] = {
	UP("status", FIELD_INT, FIELD_OMIT, status, "its status; absent: no answer"),
	UP("code", FIELD_TEXT, 0, code, "its code"),
	UP("reason", FIELD_TEXT, 0, reason, "its reason"),
	UP("detail", FIELD_TEXT, 0, detail, "what it says besides its reason"),
	UP("requestId", FIELD_TEXT, 0, request_id, "its id of the request, for its support"),
};
static const struct table upstream_table = TABLE(upstream_fields, struct error_upstream);

/* Only described: it comes as the handler made it. */
#define KNOWN(name, text)                                                                          \
	{                                                                                          \
		name, FIELD_TEXT, .meaning = text                                                  \
	}

static const struct field known_fields[] = {
	KNOWN("cname", "the channel that is recorded"),
	KNOWN("uid", "the recorder's uid"),
	KNOWN("resourceId", "Agora's resourceId of the recording"),
	KNOWN("sid", "Agora's id of the recording"),
	KNOWN("name", "name of the transcription's task"),
	KNOWN("taskId", "Agora's id of the transcription's task"),
	KNOWN("converterName", "name of the converter"),
	KNOWN("converterId", "Agora's id of the converter"),
	KNOWN("playerName", "name of the player"),
	KNOWN("playerId", "Agora's id of the player"),
};
static const struct table known_table = TABLE(known_fields, struct json_object *);

#define ROW(name, kind, flags, member, text)                                                       \
	{                                                                                          \
		name, kind, flags, offsetof(struct error_answer, member), .meaning = text          \
	}

static const struct field error_fields[] = {
	ROW("error", FIELD_TEXT, FIELD_REQUIRED, error, "what is wrong, for people"),
	ROW("code", FIELD_TEXT, FIELD_REQUIRED, code, "what is wrong, for programs"),
	ROW("field", FIELD_TEXT, 0, field, "the member or parameter that is wrong"),
	ROW("dimension", FIELD_TEXT, 0, dimension,
	    "in which way no grant covers it: caller, action, project, service, channel, uid or "
	    "role"),
	ROW("status", FIELD_INT, 0, status, "the status of the answer"),
	ROW("requestId", FIELD_TEXT, FIELD_REQUIRED, request_id, "the request's id, as in the log"),
	{ "upstream", FIELD_OBJECT, .offset = offsetof(struct error_answer, upstream),
	    .nested = &upstream_table, .meaning = "what Agora said, where it was asked" },
	{ "known", FIELD_JSON, .offset = offsetof(struct error_answer, known),
	    .nested = &known_table,
	    .meaning = "what is known of a job that may be running: its ids" },
};

static const struct table error_table = TABLE(error_fields, struct error_answer);

const struct table *
response_error_table(void)
{
	return &error_table;
}

int
response_error_status(enum http_error error)
{
	return errors[error].status;
}

const char *
response_error_code(enum http_error error)
{
	return errors[error].code;
}

const char *
response_error_text(enum http_error error)
{
	return errors[error].text;
}

void
response_header(struct response *response, const char *name, struct text value)
{
	buf_text(&response->headers, name);
	buf_add(&response->headers, ": ", 2);
	buf_add(&response->headers, value.data, value.length);
	buf_add(&response->headers, "\r\n", 2);
}

static void
write_error(
    struct response *response, const char *field, const char *rule, struct error_answer *answer)
{
	struct buf sentence = { 0 };

	if (field != NULL)
		buf_printf(&sentence, "%s: ", field);
	buf_text(&sentence, rule);
	answer->error = buf_view(&sentence);
	response->status = (int)answer->status;
	response->error = answer->code.data;
	response->content_type = NULL;
	buf_clear(&response->body);
	field_write(&response->body, &error_table, answer);
	buf_free(&sentence);
}

void
response_error(struct response *response, enum http_error error, const char *field,
    const char *rule, struct text request_id)
{
	struct error_answer answer = { .code = text_of(errors[error].code),
		.field = text_of(field),
		.request_id = request_id,
		.status = errors[error].status };

	write_error(response, field, rule == NULL ? errors[error].text : rule, &answer);
}

void
response_not_granted(
    struct response *response, const char *dimension, const char *reason, struct text request_id)
{
	struct error_answer answer = { .code = text_of(errors[ERROR_NOT_GRANTED].code),
		.dimension = text_of(dimension),
		.request_id = request_id,
		.status = errors[ERROR_NOT_GRANTED].status };

	write_error(response, dimension, reason, &answer);
}

void
response_retry_after(struct response *response, int64_t us)
{
	char seconds[24];
	int length = snprintf(seconds, sizeof(seconds), "%lld",
	    us < 1000000 ? 1LL : (long long)((us + 999999) / 1000000));

	response_header(response, "Retry-After", (struct text){ seconds, (size_t)length });
}

void
response_error_upstream(struct response *response, enum http_error error, int status,
    const char *rule, struct text request_id, const struct error_upstream *upstream,
    struct json_object *known)
{
	struct error_answer answer = { .code = text_of(errors[error].code),
		.request_id = request_id,
		.status = status == 0 ? errors[error].status : status,
		.upstream = upstream,
		.known = known };

	write_error(response, NULL, rule == NULL ? errors[error].text : rule, &answer);
}

const char *
status_text(int status)
{
	switch (status) {
	case 200: return "OK";
	case 201: return "Created";
	case 206: return "Partial Content";
	case 204: return "No Content";
	case 302: return "Found";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 409: return "Conflict";
	case 413: return "Content Too Large";
	case 415: return "Unsupported Media Type";
	case 421: return "Misdirected Request";
	case 422: return "Unprocessable Content";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	}
	return "Unknown";
}

void
response_write(const struct response *response, bool without_body, struct buf *out)
{
	buf_text(out, "Status: ");
	buf_number(out, response->status);
	buf_text(out, " ");
	buf_text(out, status_text(response->status));
	if (response->body.length > 0) {
		buf_text(out, "\r\nContent-Type: ");
		buf_text(out,
		    response->content_type == NULL ? "application/json" : response->content_type);
		buf_text(out, "\r\nContent-Length: ");
		buf_number(out, (int64_t)response->body.length);
	}
	buf_text(out, "\r\n");
	buf_add(out, response->headers.data, response->headers.length);
	buf_add(out, "\r\n", 2);
	if (!without_body)
		buf_add(out, response->body.data, response->body.length);
}

void
response_clear(struct response *response)
{
	response->status = 0;
	response->error = response->content_type = NULL;
	buf_clear(&response->headers);
	buf_clear(&response->body);
}

void
response_free(struct response *response)
{
	buf_free(&response->headers);
	buf_free(&response->body);
}
