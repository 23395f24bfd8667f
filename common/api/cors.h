/* cors.h - which web pages may read answers (Fetch Standard, "CORS protocol"). */
#ifndef API_CORS_H
#define API_CORS_H

#include "exchange.h"
#include "field.h"

/* What CORS_ALLOW_ORIGIN and CORS_ALLOW_HEADERS say.  Zeroed: the same origin only. */
struct cors {
	bool any;            /* `*` is in the list: a page of any origin */
	bool any_header;     /* a preflight gets the headers that it asks for */
	struct text origins; /* with commas, as browsers write them; a name that begins with *. is a
	                        pattern */
	struct text headers; /* the whole Access-Control-Allow-Headers; absent: CORS_HEADERS */
};

/* Headers that every page may send: what this service reads, and what tracing adds by itself. */
#define CORS_HEADERS                                                                               \
	"Origin, Content-Type, Authorization, X-API-Key, X-Request-ID, X-Requested-With, "         \
	"traceparent, tracestate, baggage, Idempotency-Key, Last-Event-ID"

/*
 * Rules for the two settings: false with error->rule, which quotes the entry and says what is wrong
 * with it.  An entry that can only mean one origin is fine: https://A.example:443/ is one.
 */
bool cors_origins_check(struct text value, struct field_error *error);
bool cors_headers_check(struct text value, struct field_error *error);

/* Of values that passed these checks, either may be absent.  The texts live in arena. */
void cors_make(struct text origins, struct text headers, struct arena *arena, struct cors *out);

/*
 * The first step of each exchange.  Adds the headers that every later answer keeps; answers
 * preflights (OPTIONS) and refuses origins that are not allowed.  A request without Origin goes on:
 * it comes from no page.  One that only "*" lets in is marked: it may come from any page
 * (request.from_any_page).
 */
enum step cors_step(struct exchange *exchange, const struct cors *cors);

#endif
