/*
 * exchange.h - a request, its response and where it stands between them.  It owns everything that
 * belongs to the one request; nothing of it outlives exchange_reset.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "request.h"
#include "response.h"

struct route;

struct exchange {
	struct request request;
	struct response response;
	const struct route *route; /* NULL until routed */
	struct json_object *members; /* body, query and path captures as one object */
	void *input; /* the route's input struct: checked; read by the handler */
	void *output; /* the route's output struct, zeroed; filled by the handler */
	void *context; /* what handlers work with; the application sets it */
	int64_t now; /* wall clock, Unix seconds */
	int64_t began; /* monotonic, microseconds */
	struct arena arena;
};

/* What a step or a handler says. */
enum step {
	NEXT, /* go on */
	ANSWERED, /* the response is complete */
};

/* Answers with an error.  Returns ANSWERED. */
enum step exchange_fail(
    struct exchange *exchange, enum http_error error, const char *field, const char *rule);

/* Ready for the next request; memory is kept. */
void exchange_reset(struct exchange *exchange);
void exchange_free(struct exchange *exchange);

#endif
