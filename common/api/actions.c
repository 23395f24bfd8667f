#include "access.h"
#include "actions.h"

const struct route *
action_row(const struct route *routes, size_t route_count, struct text pattern)
{
	for (size_t i = 0; i < route_count; i++)
		if (strcmp(routes[i].action, PUBLIC) != 0 &&
		    strcmp(routes[i].action, ANY_CALLER) != 0 &&
		    action_covers(pattern, routes[i].action))
			return &routes[i];
	return NULL;
}

bool
policy_actions_exist(const struct policy *policy, const char *path, const struct route *routes,
    size_t route_count, struct buf *error)
{
	const struct grant *grants = policy->grants.items;

	for (size_t i = 0; i < policy->grants.count; i++) {
		const struct text *actions = grants[i].actions.items;

		for (size_t n = 0; n < grants[i].actions.count; n++) {
			if (action_row(routes, route_count, actions[n]) != NULL)
				continue;
			buf_printf(
			    error, "%s: /grants/%zu/actions: this service has no action ", path, i);
			buf_json(error, actions[n]);
			return false;
		}
	}
	return true;
}
