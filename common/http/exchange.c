#include "clock.h"
#include "exchange.h"
#include "log.h"

#define SENT_KEPT 4096 /* bytes of memory kept for the next request */

enum step
exchange_fail(struct exchange *exchange, enum http_error error, const char *field, const char *rule)
{
	response_error(&exchange->response, error, field, rule, exchange->request.id);
	return ANSWERED;
}

struct deferred {
	struct deferred *next;
	void (*free_it)(void *object);
	void *object;
};

void
exchange_defer(struct exchange *exchange, void (*free_it)(void *object), void *object)
{
	struct deferred *d = arena_alloc(&exchange->arena, 1, sizeof(*d));

	*d = (struct deferred){ exchange->deferred, free_it, object };
	exchange->deferred = d;
}

void
exchange_release(struct exchange *exchange, void (*free_it)(void *object))
{
	for (struct deferred **at = &exchange->deferred, *d; (d = *at) != NULL;) {
		if (d->free_it != free_it) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		d->free_it(d->object);
	}
}

void
exchange_go_on(struct exchange *exchange)
{
	enum step step;

	exchange->now = unix_seconds();
	log_request(exchange->request.id);
	step = exchange->next(exchange);
	if (step == WAITING) {
		log_request((struct text){ NULL, 0 });
		if (exchange->waits != NULL)
			exchange->waits(exchange);
		return;
	}
	exchange->complete(exchange, step);
	exchange->finished(exchange);
}

void
exchange_give_up(struct exchange *exchange, enum http_error error)
{
	exchange->cancel(exchange);
	exchange->complete(exchange, exchange_fail(exchange, error, NULL, NULL));
}

bool
exchange_may_wait(const struct exchange *exchange, bool is_stop)
{
	const size_t more = exchange_held(exchange) + exchange->request.body.length;

	return !exchange->crowded && room_fits(exchange->room, more, is_stop);
}

size_t
exchange_held(const struct exchange *exchange)
{
	return sizeof(*exchange) + arena_held(&exchange->arena) +
	    exchange->response.headers.capacity + exchange->response.body.capacity +
	    exchange->sent.capacity;
}

static void
put_members(struct exchange *exchange)
{
	json_object_put(exchange->members);
	exchange->members = NULL;
}

void
exchange_settle(struct exchange *exchange)
{
	if (exchange->settled)
		return;
	exchange->settled = true;
	request_keep(&exchange->request, &exchange->arena);
	put_members(exchange);
}

static void
free_objects(struct exchange *exchange)
{
	for (struct deferred *d = exchange->deferred; d != NULL; d = d->next)
		d->free_it(d->object);
	exchange->deferred = NULL;
	put_members(exchange);
	buf_wipe(&exchange->sent);
	if (exchange->sent.capacity > SENT_KEPT)
		buf_free(&exchange->sent);
}

void
exchange_keep(struct exchange *exchange)
{
	request_keep(&exchange->request, &exchange->arena);
	free_objects(exchange);
}

void
exchange_reset(struct exchange *exchange)
{
	free_objects(exchange);
	exchange->admission = NULL;
	exchange->route = NULL;
	exchange->input = exchange->output = exchange->call = exchange->kept = NULL;
	exchange->next = NULL;
	exchange->cancel = NULL;
	exchange->held = exchange->settled = false;
	exchange->request = (struct request){ 0 };
	response_clear(&exchange->response);
	arena_reset(&exchange->arena);
}

void
exchange_free(struct exchange *exchange)
{
	exchange_reset(exchange);
	response_free(&exchange->response);
	buf_free(&exchange->sent);
	arena_free(&exchange->arena);
}
