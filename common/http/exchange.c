#include "clock.h"
#include "exchange.h"
#include "log.h"

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
exchange_go_on(struct exchange *exchange)
{
	enum step step;

	exchange->now = unix_seconds();
	log_request(exchange->request.id);
	step = exchange->next(exchange);
	if (step == WAITING) {
		log_request((struct text){ NULL, 0 });
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

static void
free_objects(struct exchange *exchange)
{
	for (struct deferred *d = exchange->deferred; d != NULL; d = d->next)
		d->free_it(d->object);
	exchange->deferred = NULL;
	json_object_put(exchange->members);
	exchange->members = NULL;
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
	exchange->input = exchange->output = exchange->call = NULL;
	exchange->next = NULL;
	exchange->cancel = NULL;
	exchange->held = false;
	exchange->request = (struct request){ 0 };
	response_clear(&exchange->response);
	arena_reset(&exchange->arena);
}

void
exchange_free(struct exchange *exchange)
{
	exchange_reset(exchange);
	response_free(&exchange->response);
	arena_free(&exchange->arena);
}
