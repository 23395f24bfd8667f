/*
 * exchange.h - a request, its response and where it stands between them.  It owns everything that
 * belongs to the one request; nothing of it outlives exchange_reset.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "room.h"
#include "progress.h"
#include "request.h"
#include "response.h"

struct route;
struct admission;

/* What a step or a handler says. */
enum step {
	NEXT,     /* go on */
	ANSWERED, /* the response is complete */
	WAITING,  /* a call is under way; exchange_go_on is called when it has ended */
};

struct exchange {
	struct request request;
	struct response response;
	const struct route *route;   /* NULL until routed */
	struct json_object *members; /* body, query and path captures as one object */
	void *input;                 /* the route's input struct: checked; read by the handler */
	void *output;                /* the route's output struct, zeroed; filled by the handler */
	void *context;               /* what handlers work with; the application sets it */
	struct admission *admission; /* who asks, and what he may; NULL before the steps begin */
	int64_t now;                 /* wall clock, Unix seconds */
	int64_t began;               /* monotonic, microseconds */
	bool crowded;                /* the engine takes no more that wait */
	bool held;                   /* complete, but for app_release */
	int body_problem;            /* the application's: why the body is not whole */
	bool settled;                /* see exchange_settle */
	struct room *room;           /* the engine's, of bytes that waiting takes; NULL: none */
	struct buf sent;             /* the body that it sends on to another server */
	struct arena arena;
	struct deferred *deferred; /* what exchange_defer noted, last first */

	/* A handler that answers WAITING has set these two. */
	enum step (*next)(struct exchange *exchange); /* what to do when the call has ended */
	void (*cancel)(struct exchange *exchange); /* gives the call up; next is not called then */
	void *call;                                /* theirs */
	void *kept;                                /* theirs too: from one call to the next */
	/* The engine's: a step that had waited waits again; may be NULL. */
	void (*waits)(struct exchange *exchange);
	/* The application's: completes the response after the last step. */
	void (*complete)(struct exchange *exchange, enum step step);
	/* The engine's: takes the response of an exchange that has waited. */
	void (*finished)(struct exchange *exchange);
	void *owner;
};

/* Answers with an error.  Returns ANSWERED. */
enum step exchange_fail(
    struct exchange *exchange, enum http_error error, const char *field, const char *rule);

/* free_it(object) is called when the exchange is reset: for what the arena cannot own. */
void exchange_defer(struct exchange *exchange, void (*free_it)(void *object), void *object);

/*
 * Whether it may wait, as far as the engine's bounds go: of exchanges, and of the bytes that they
 * hold.  One that ends something may where others may not.
 */
bool exchange_may_wait(const struct exchange *exchange, bool is_stop);

/* Bytes of memory that it holds. */
size_t exchange_held(const struct exchange *exchange);

/*
 * Before it waits for another server: forgets what was borrowed for the request, its parameters and
 * its body, and the object that its input was read from.  The input's texts must have been kept and
 * its JSON forgotten (field_keep, field_forget).
 */
void exchange_settle(struct exchange *exchange);

/* Frees now what was noted with this function. */
void exchange_release(struct exchange *exchange, void (*free_it)(void *object));

/* The call has ended: runs what comes next, to the exchange's end or to its next call. */
void exchange_go_on(struct exchange *exchange);

/* Gives a waiting exchange up; its response becomes this error.  Not finished, only complete. */
void exchange_give_up(struct exchange *exchange, enum http_error error);

/*
 * Its response is complete and only waits to leave: forgets what was borrowed for the request and
 * what nobody looks at any more, so that the response is left, and what makes another one of it.
 */
void exchange_keep(struct exchange *exchange);

/* Ready for the next request; memory is kept. */
void exchange_reset(struct exchange *exchange);
void exchange_free(struct exchange *exchange);

#endif
