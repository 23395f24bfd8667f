/*
 * explain.h - what the policy says of a caller, in words: GET /me, POST /policy/check, and
 * `agora-token policy test`, which all ask the evaluator that decides.
 */
#ifndef API_EXPLAIN_H
#define API_EXPLAIN_H

#include "access.h"
#include "route.h"

struct explain_answer {
	bool allowed;
	struct text caller, subject, action, grant, dimension, reason, uid, project;
	int64_t expire;       /* seconds; 0: none */
	struct list narrowed; /* struct text */
};
extern const struct table policy_verdict_table;

/*
 * Would this identity be allowed the action with this request (an object as the action's endpoint
 * takes it; NULL: empty)?  The action's first row in the table reads it.  What the answer holds
 * lives in arena.  false with *error filled: there is no such action, or the request is not one.
 */
bool explain(const struct policy *policy, const struct route *routes, size_t route_count,
    const struct identity *identity, const char *action, struct json_object *request,
    struct arena *arena, struct explain_answer *answer, struct field_error *error);

/* Endpoints. */
enum step policy_me(struct exchange *exchange);
enum step policy_check(struct exchange *exchange);

extern const struct table policy_me_table, policy_check_table;

#endif
