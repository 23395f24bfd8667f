#include <stdlib.h>

#include "clock.h"
#include "lists.h"

#define MINUTE_US INT64_C(60000000)

/* An exchange that waits for an answer. */
struct waiter {
	struct waiter *next;
	struct exchange *exchange;
	struct call *call; /* its own, which is not sent */
	struct entry *entry;
};

enum state { ASKED, TELLING, KEPT };

/* One list, from when it is asked for until it is forgotten. */
struct entry {
	struct entry *next;
	enum state state;
	bool changed; /* since it was asked for: good for those who wait alone */
	struct call call;
	struct buf path, authorization, request_id;
	struct waiter *waiters;
	int64_t keep_ms, until; /* until: monotonic ms */
};

struct lists {
	struct entry *first; /* the newest */
	size_t count, bytes; /* of those that are kept */
};

struct lists *
lists_open(void)
{
	return xcalloc(1, sizeof(struct lists));
}

static void
free_entry(struct entry *e)
{
	call_free(&e->call);
	buf_free(&e->path);
	buf_wipe(&e->authorization);
	buf_free(&e->authorization);
	buf_free(&e->request_id);
	free(e);
}

void
lists_close(struct lists *lists)
{
	struct entry *e, *next;

	if (lists == NULL)
		return;
	for (e = lists->first; e != NULL; e = next) {
		next = e->next;
		free_entry(e);
	}
	free(lists);
}

size_t
lists_kept(const struct lists *lists)
{
	return lists->bytes;
}

static void
drop(struct lists *lists, struct entry *e)
{
	struct entry **at = &lists->first;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	if (e->state == KEPT) {
		lists->count--;
		lists->bytes -= e->call.answer.capacity;
	}
	free_entry(e);
}

/* Drops what is too old, and the oldest of what is too much. */
static void
sweep(struct lists *lists, int64_t now)
{
	struct entry *e, *next, *oldest;

	for (e = lists->first; e != NULL; e = next) {
		next = e->next;
		if (e->state == KEPT && e->until <= now)
			drop(lists, e);
	}
	while (lists->bytes > LISTS_BYTES || lists->count > LISTS_MOST) {
		oldest = NULL;
		for (e = lists->first; e != NULL; e = e->next)
			if (e->state == KEPT)
				oldest = e;
		drop(lists, oldest);
	}
}

void
lists_forget(struct lists *lists, const struct credentials *project, const char *api)
{
	struct entry *e, *next;

	for (e = lists->first; e != NULL; e = next) {
		next = e->next;
		if (e->call.credentials != project || strcmp(e->call.pace->api, api) != 0)
			continue;
		e->changed = true;
		if (e->state == KEPT)
			drop(lists, e);
	}
}

static struct entry *
find(struct lists *lists, const struct call *call)
{
	for (struct entry *e = lists->first; e != NULL; e = e->next)
		if (!e->changed && e->call.credentials == call->credentials &&
		    e->path.length == call->path.length &&
		    memcmp(e->path.data, call->path.data, call->path.length) == 0)
			return e;
	return NULL;
}

/* Gives a call the answer: its own copy, which its handler may change. */
static void
answer(const struct entry *e, struct call *call)
{
	const struct call *from = &e->call;

	call->outcome = from->outcome;
	call->status = from->status;
	call->doubtful = from->doubtful;
	call->retry_after = from->retry_after;
	call->failure = from->failure;
	memcpy(call->agora_request_id, from->agora_request_id, sizeof(call->agora_request_id));
	call_free(call);
	buf_add(&call->answer, from->answer.data, from->answer.length);
	call_read(call);
}

static bool
is_worth_keeping(const struct entry *e)
{
	return !e->changed && e->keep_ms > 0 && e->call.outcome == CALL_ANSWERED &&
	    e->call.status == 200 && e->call.json != NULL;
}

static void
told(struct call *call)
{
	struct entry *e = call->owner;
	struct exchange *x = e->waiters->exchange; /* there is one, or it would be cancelled */
	struct lists *lists = services_of(x)->rest->lists;
	const bool kept = is_worth_keeping(e);
	struct waiter *w;

	/* What is kept is bounded by itself, and outlives those who wait. */
	room_hold(call->room, &call->held, 0);
	call->room = NULL;
	/* Who goes on may ask again, or end another that waits here. */
	e->state = TELLING;
	e->changed = !kept;
	e->until = monotonic_ms() + e->keep_ms;
	while ((w = e->waiters) != NULL) {
		e->waiters = w->next;
		answer(e, w->call);
		exchange_go_on(w->exchange);
	}
	json_object_put(e->call.json); /* a tree takes many times its text */
	e->call.json = NULL;
	e->state = KEPT;
	lists->count++;
	lists->bytes += e->call.answer.capacity;
	if (e->changed)
		drop(lists, e);
	sweep(lists, monotonic_ms());
}

/* The call goes on while somebody waits for it. */
static void
leave(struct exchange *x)
{
	const struct rest *rest = services_of(x)->rest;
	struct waiter *w = ((struct call *)x->call)->owner, **at;
	struct entry *e = w->entry;

	for (at = &e->waiters; *at != NULL; at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			break;
		}
	if (e->waiters != NULL || e->state != ASKED)
		return;
	rest->sender.cancel(rest->sender.owner, &e->call);
	drop(rest->lists, e);
}

static enum step
wait_for(
    struct exchange *x, struct entry *e, struct call *call, enum step (*next)(struct exchange *))
{
	struct waiter *w = arena_alloc(&x->arena, 1, sizeof(*w));

	*w = (struct waiter){ e->waiters, x, call, e };
	e->waiters = w;
	call->owner = w;
	x->call = call;
	x->next = next;
	x->cancel = leave;
	return WAITING;
}

static struct entry *
new_entry(struct lists *lists, const struct call *call, int64_t keep_ms)
{
	struct entry *e = xcalloc(1, sizeof(*e));

	buf_add(&e->path, call->path.data, call->path.length);
	buf_add(&e->authorization, call->authorization.data, call->authorization.length);
	buf_add(&e->request_id, call->request_id.data, call->request_id.length);
	e->call = (struct call){ .method = call->method,
		.path = buf_view(&e->path),
		.credentials = call->credentials,
		.repeat = CALL_SAFE,
		.pace = call->pace,
		.room = call->room,
		.total_ms = call->total_ms,
		.request_id = buf_view(&e->request_id),
		.done = told,
		.owner = e };
	if (call->authorization.data != NULL)
		e->call.authorization = buf_view(&e->authorization);
	e->state = ASKED;
	e->keep_ms = keep_ms;
	e->next = lists->first;
	lists->first = e;
	return e;
}

/* Microseconds until the caller may have one more of what Agora lists a minute; 0: now. */
static int64_t
take_share(struct exchange *x, const struct pace *pace)
{
	const struct pace *all = pace;

	if (pace->share == 0)
		return 0;
	while (all->also != NULL)
		all = all->also;
	return access_share(
	    x, (struct text){ (const char *)&all, sizeof(all) }, pace->share, MINUTE_US);
}

enum step
lists_ask(
    struct exchange *x, struct call *call, int64_t keep_ms, enum step (*next)(struct exchange *))
{
	const struct rest *rest = services_of(x)->rest;
	struct entry *e;
	enum step step;
	int64_t wait;

	if (!agora_may_send(x, call))
		return ANSWERED;
	agora_settle(x, call);
	sweep(rest->lists, monotonic_ms());
	e = find(rest->lists, call);
	if (e != NULL && e->state != ASKED) {
		answer(e, call);
		x->call = call;
		return next(x);
	}
	if (e != NULL)
		return wait_for(x, e, call, next);
	wait = take_share(x, call->pace);
	if (wait > 0) {
		response_retry_after(&x->response, wait);
		return exchange_fail(x, ERROR_RATE_LIMITED, NULL,
		    "this caller has had its share of the lists that Agora gives in a minute");
	}
	e = new_entry(rest->lists, call, keep_ms);
	step = wait_for(x, e, call, next);
	rest->sender.send(rest->sender.owner, &e->call);
	return step;
}
