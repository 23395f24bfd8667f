#include <stdio.h>

#include "call.h"
#include "clock.h"
#include "json.h"
#include "route.h"

static void
put_json(void *object)
{
	json_object_put(object);
}

struct json_object *
agora_keep(struct exchange *x, struct json_object *object)
{
	exchange_defer(x, put_json, object);
	return object;
}

bool
agora_configured(struct exchange *x, struct text value, const char *setting)
{
	char rule[96];

	if (value.data != NULL)
		return true;
	snprintf(rule, sizeof(rule), "%s is not set, so this feature is off", setting);
	exchange_fail(x, ERROR_NOT_CONFIGURED, NULL, rule);
	return false;
}

static void
free_call(void *object)
{
	call_free(object);
}

struct pace *
agora_pace(const struct exchange *x, struct budget *budget)
{
	static const char stop[] = ".stop";
	const char *action = x->route->action;
	const size_t length = strlen(action), n = sizeof(stop) - 1;

	return length > n && strcmp(action + length - n, stop) == 0 ? &budget->all
								    : &budget->others;
}

int64_t
agora_time_left(const struct exchange *x)
{
	const struct services *s = x->context;

	return s->rest->call_ms - (monotonic_us() - x->began) / 1000;
}

struct call *
agora_call(struct exchange *x, const char *method, const struct buf *path, enum call_repeat repeat,
    struct pace *pace)
{
	struct call *call = arena_alloc(&x->arena, 1, sizeof(*call));

	exchange_defer(x, free_call, call);
	call->method = method;
	call->path = buf_view(path);
	call->credentials = &rest_project(x)->credentials;
	call->repeat = repeat;
	call->pace = pace;
	call->room = x->room;
	/* Calls follow one another in an exchange and share its time. */
	call->total_ms = agora_time_left(x);
	if (call->total_ms < 1)
		call->total_ms = 1;
	return call;
}

void
agora_compose(struct exchange *x, struct json_object *body)
{
	struct buf text = { 0 };

	json_write(&text, body);
	json_object_put(body);
	buf_wipe(&x->sent);
	buf_fit(&x->sent, text.length);
	buf_add(&x->sent, text.data, text.length);
	buf_wipe(&text);
	buf_free(&text);
}

void
agora_body(struct exchange *x, struct call *call)
{
	call->body = buf_view(&x->sent);
}

bool
agora_may_send(struct exchange *x, const struct call *call)
{
	if (services_of(x)->rest->sender.send == NULL)
		exchange_fail(x, ERROR_NOT_CONFIGURED, NULL,
		    "this program makes no calls to Agora: AGORA_BASE_URL or AGORA_AREA is not "
		    "set, "
		    "or it was built without them");
	else if (agora_path_has_dots(call->path))
		exchange_fail(x, ERROR_INVALID_FIELD, NULL,
		    "a name that is . or .. cannot stand in a path of Agora's");
	else
		return true;
	return false;
}

void
agora_settle(struct exchange *x, struct call *call)
{
	if (!x->settled) {
		access_settle(x);
		exchange_release(x, put_json); /* what bodies were made of */
		if (x->route != NULL && x->route->input != NULL && x->input != NULL)
			field_forget(x->route->input, x->input);
	} else if (x->call != NULL && x->call != call) {
		call_free(x->call); /* the answer before */
	}
	exchange_settle(x);
	/* What is passed on of the request, as it was kept. */
	call->request_id = x->request.id;
	call->traceparent = x->request.traceparent;
	call->tracestate = x->request.tracestate;
}

struct call *
agora_answer(struct exchange *x)
{
	return x->call;
}
