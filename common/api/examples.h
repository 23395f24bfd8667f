/* examples.h - one request of each endpoint and its answer.  The tests send them. */
#ifndef API_EXAMPLES_H
#define API_EXAMPLES_H

#include "route.h"

struct example {
	const char *method, *path; /* the row's */
	/* Members of the body, the query and the path as one JSON object; NULL: none. */
	const char *request;
	const char *answer; /* NULL: too long to show */
};

/* Appends a request or an answer as JSON. */
void example_json(struct buf *out, const char *text);

/* The row's; NULL: it has none. */
const struct example *example_of(const struct route *route);

#endif
