/* actions.h - the actions that rows want granted, and what a policy says of them. */
#ifndef API_ACTIONS_H
#define API_ACTIONS_H

#include "policy.h"
#include "route.h"

/* Of the rows that want a grant the first whose action the pattern covers; NULL: none. */
const struct route *action_row(const struct route *routes, size_t route_count, struct text pattern);

/*
 * Whether each of the policy's actions ("recording.*") covers one that a row wants granted: any
 * other is a typing error, and its grant would not allow what it says.  path: of the policy.  false
 * with *error set to one line: "path: /grants/2/actions: ...".
 */
bool policy_actions_exist(const struct policy *policy, const char *path, const struct route *routes,
    size_t route_count, struct buf *error);

#endif
