/* routes.h - the whole API: one row per endpoint. */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include "route.h"

extern const struct route routes[];
extern const size_t route_count;

#endif
