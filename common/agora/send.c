#include "lists.h"
#include "send.h"

static bool
changes_something(const struct call *call)
{
	return strcmp(call->method, "GET") != 0 && call->pace != NULL;
}

static void
forget_lists(struct exchange *x, const struct call *call)
{
	if (changes_something(call))
		lists_forget(services_of(x)->rest->lists, call->credentials, call->pace->api);
}

static void
call_done(struct call *call)
{
	forget_lists(call->owner, call);
	access_note_call(call->owner, NULL);
	exchange_go_on(call->owner);
}

static void
cancel(struct exchange *x)
{
	const struct sender *sender = &services_of(x)->rest->sender;

	sender->cancel(sender->owner, x->call);
}

enum step
agora_send(struct exchange *x, struct call *call, enum step (*next)(struct exchange *))
{
	const struct rest *rest = services_of(x)->rest;

	if (!agora_may_send(x, call))
		return ANSWERED;
	agora_settle(x, call);
	call->done = call_done;
	call->owner = x;
	x->call = call;
	x->next = next;
	x->cancel = cancel;
	forget_lists(x, call);
	access_note_call(x, call);
	rest->sender.send(rest->sender.owner, call);
	return WAITING;
}
