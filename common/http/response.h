/* response.h - an HTTP response as a value, the statuses we use, and the one writer of errors. */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "field.h"

struct response {
	int status;
	struct buf headers;       /* "Name: value\r\n" each */
	struct buf body;          /* JSON, or empty */
	const char *content_type; /* static; NULL: application/json */
	const char *error;        /* its code, where it is an error; static */
};

/* Why a request is refused.  The table in response.c gives each its status and code. */
enum http_error {
	ERROR_BAD_PATH,
	ERROR_NOT_FOUND,
	ERROR_METHOD_NOT_ALLOWED,
	ERROR_HOST_NOT_ALLOWED,
	ERROR_ORIGIN_NOT_ALLOWED,
	ERROR_BODY_TOO_LARGE,
	ERROR_HEADERS_TOO_LARGE,
	ERROR_BODY_CUT,
	ERROR_BAD_BODY,
	ERROR_UNSUPPORTED_BODY,
	ERROR_TOO_MANY_VALUES,
	ERROR_UNAUTHENTICATED,
	ERROR_NOT_GRANTED,
	ERROR_KEYS_UNAVAILABLE,
	ERROR_AUDIT,
	ERROR_MISSING_FIELD,
	ERROR_INVALID_FIELD,
	ERROR_INTERNAL,
	ERROR_NOT_CONFIGURED,
	ERROR_RATE_LIMITED,
	ERROR_UPSTREAM_REFUSED, /* Agora's own 400, 404, 409, 422 or 429: its status is kept */
	ERROR_UPSTREAM_AUTH,
	ERROR_UPSTREAM,
	ERROR_UPSTREAM_TIMEOUT,
	ERROR_UNKNOWN_OUTCOME,
	ERROR_OVERLOADED,
	ERROR_TIMEOUT,
	ERROR_CLIENT_GONE, /* the last one; nobody reads it */
};

/* Adds a header.  The value must hold no control character: ours, or checked input. */
void response_header(struct response *response, const char *name, struct text value);

/*
 * Makes it an error: {"error","code","field","status","requestId"}.  field is NULL, or the name
 * of the input; rule is what that must be, or the whole sentence, or NULL for the error's own
 * words.  Never give it the client's input.
 */
void response_error(struct response *response, enum http_error error, const char *field,
    const char *rule, struct text request_id);

/* ERROR_NOT_GRANTED: {"dimension": "channel"} says in which way no grant covers the request. */
void response_not_granted(
    struct response *response, const char *dimension, const char *reason, struct text request_id);

/* Adds Retry-After: whole seconds, at least one. */
void response_retry_after(struct response *response, int64_t us);

/* What Agora said, for an error that comes from there. */
struct error_upstream {
	int64_t status;                               /* 0: no answer */
	struct text code, reason, detail, request_id; /* absent where not said */
};

/*
 * The same with {"upstream": {"status","code","reason","detail","requestId"}}.  status 0 is the
 * error's own.  known (may be NULL) is an object whose members are added: what is known of a job
 * that may be running.
 */
void response_error_upstream(struct response *response, enum http_error error, int status,
    const char *rule, struct text request_id, const struct error_upstream *upstream,
    struct json_object *known);

/* For the API's description: the table of an error's answer, and what each error's answer has. */
const struct table *response_error_table(void);
int response_error_status(enum http_error error);
const char *response_error_code(enum http_error error);
const char *response_error_text(enum http_error error);

/*
 * Appends the response as CGI wants it (RFC 3875 section 6): Status, headers, blank line, body;
 * without_body for HEAD.
 */
void response_write(const struct response *response, bool without_body, struct buf *out);

/* "Not Found".  Static text. */
const char *status_text(int status);

/* Empties it and keeps its memory. */
void response_clear(struct response *response);
void response_free(struct response *response);

#endif
