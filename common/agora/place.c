#include "access.h"
#include "lists.h"
#include "place.h"
#include "send.h"

/* What an exchange asks, and what it does then. */
struct question {
	const struct job_place *place;
	enum step (*then)(struct exchange *exchange);
};

static enum step place_answered(struct exchange *x);

static enum step
ask_for_place(struct exchange *x, struct text page)
{
	const struct question *q = x->kept;
	const struct job_place *place = q->place;
	struct call *call = place->ask(x, access_bound(x), page);

	if (call == NULL)
		return ANSWERED;
	return place->keep_ms > 0 ? lists_ask(x, call, place->keep_ms, place_answered)
				  : agora_send(x, call, place_answered);
}

static enum step
place_answered(struct exchange *x)
{
	const struct question *q = x->kept;
	struct text page = { NULL, 0 };

	if (!agora_succeeded(x, "Failed to look the job up", NULL))
		return ANSWERED;
	if (q->place->is_there(x, access_bound(x), &page))
		return q->then(x);
	if (page.length > 0)
		return ask_for_place(x, page);
	return access_out_of_bounds(x);
}

enum step
agora_in_place(
    struct exchange *x, const struct job_place *place, enum step (*then)(struct exchange *))
{
	struct question *q;

	if (access_bound(x).data == NULL)
		return then(x);
	q = arena_alloc(&x->arena, 1, sizeof(*q));
	*q = (struct question){ place, then };
	x->kept = q;
	return ask_for_place(x, (struct text){ NULL, 0 });
}
