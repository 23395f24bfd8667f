/* answer.h - Agora's answers made ours: successes, errors in one shape, members of both. */
#ifndef AGORA_ANSWER_H
#define AGORA_ANSWER_H

#include "call.h"

/*
 * true: Agora's answer is a success (2xx).  false: the exchange is answered with an error whose
 * text begins with `what` ("Failed to start recording"); known (taken, may be NULL) is what is
 * known of a job that may be running.
 */
bool agora_succeeded(struct exchange *x, const char *what, struct json_object *known);

/* The same for a call that ends something: one that was gone at a repetition is ended. */
bool agora_deleted(struct exchange *x, const char *what);

/*
 * An error made here about an answer that is no use.  ERROR_UNKNOWN_OUTCOME for what may be running
 * all the same, with what is known of it (taken, may be NULL).
 */
enum step agora_bad_answer(struct exchange *x, enum http_error error, const char *what,
    const char *why, struct json_object *known);

/*
 * Members of Agora's answers; absent where they are not there or of another type, and texts also
 * where they are longer than any of Agora's, 4096 bytes.
 */
struct text agora_text_member(struct exchange *x, struct json_object *object, const char *name);

int64_t agora_int_member(struct json_object *object, const char *name, int64_t otherwise);

/* RFC 3339 in UTC, whole seconds: the peers' "timestamp". */
struct text agora_timestamp(struct exchange *x);

#endif
