/* route.h - what one endpoint is, and which row a request matches. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "exchange.h"

struct ask;

typedef enum step handler(struct exchange *exchange);

/* Whether a handler may answer WAITING, and what becomes of its call when the client goes. */
enum route_wait {
	ROUTE_INLINE,      /* it never waits */
	ROUTE_CANCELLED,   /* the call is cancelled */
	ROUTE_GOES_TO_END, /* the call may bill: it goes to its end and is logged */
};

struct route {
	const char *method;
	const char
	    *path; /* "/rtc/:channelName"; a capture matches one segment, also an empty one */
	handler *handle;
	const struct table *input;  /* NULL: takes none */
	const struct table *output; /* NULL: the handler writes the answer itself */
	const char *action;         /* what a grant must allow, PUBLIC or ANY_CALLER */
	const char *summary;        /* one line for people */
	enum route_wait wait;
	/* What the input asks for; NULL: to have its effect where its FIELD_SCOPE says. */
	void (*ask)(struct exchange *exchange, struct ask *ask);
	int also;                 /* a status other than 200 that comes with the output; 0: none */
	bool any_host;            /* answers whatever Host asks: for probes, and tells nothing */
	const char *content_type; /* of what the handler writes itself, without an output table */
};

#define PUBLIC "public"     /* an action: anyone may */
#define ANY_CALLER "caller" /* an action: whoever is known may */

/*
 * The row for method and path; HEAD takes a GET row.  NULL when there is none; then *path_exists
 * says whether another method would have found one, and allow lists those methods ("GET, HEAD").
 */
const struct route *route_find(const struct route *routes, size_t count,
    const struct request *request, struct buf *allow, bool *path_exists) __attribute__((nonnull));

/* Whether it ends what costs money: its action is a product's "stop". */
bool route_ends(const struct route *route) __attribute__((nonnull));

/* Adds the path's captures to the object, by name.  Later ones replace members of that name. */
void route_captures(const struct route *route, const struct request *request,
    struct json_object *members) __attribute__((nonnull));

/* The next segment of a row's path, after its slash; data is NULL at the end. */
struct text route_segment(const char **path) __attribute__((nonnull));

/* Whether the row's path captures that. */
bool route_has_capture(const char *path, const char *name) __attribute__((nonnull));

#endif
