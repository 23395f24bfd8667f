/* call.h - calls to Agora that an exchange makes, and what it waits with. */
#ifndef AGORA_CALL_H
#define AGORA_CALL_H

#include "path.h"
#include "project.h"

/* The budget's limit that the exchange's calls keep: its action says whether it is a stop. */
struct pace *agora_pace(const struct exchange *x, struct budget *budget);

/* The exchange's next call, zeroed but for its account and what bounds it. */
struct call *agora_call(struct exchange *x, const char *method, const struct buf *path,
    enum call_repeat repeat, struct pace *pace);

/*
 * What the exchange sends on: serialised here, once and before it waits for anything, so that
 * nothing else of the request's body is there while it waits.  The object is taken.
 */
void agora_compose(struct exchange *x, struct json_object *body);

/* Gives the call that body. */
void agora_body(struct exchange *x, struct call *call);

/*
 * Whether this program makes calls, and the path is one that nobody on the way takes for another:
 * no segment of it is . or .., however often it is decoded.  false: the exchange is answered.
 */
bool agora_may_send(struct exchange *x, const struct call *call);

/*
 * Before the exchange waits for this call: frees what only its request and the answer before
 * needed.
 */
void agora_settle(struct exchange *x, struct call *call);

/* The call that ended last, in `next`. */
struct call *agora_answer(struct exchange *x);

/* 501 when the setting's value is absent. */
bool agora_configured(struct exchange *x, struct text value, const char *setting);

/* Milliseconds that are left for calls of this exchange. */
int64_t agora_time_left(const struct exchange *x);

/*
 * The object is taken and lives as long as the exchange; one that is kept before the first call is
 * sent, until then.
 */
struct json_object *agora_keep(struct exchange *x, struct json_object *object);

#endif
