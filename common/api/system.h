/* system.h - endpoints about the service itself. */
#ifndef API_SYSTEM_H
#define API_SYSTEM_H

#include "exchange.h"

extern const struct table ping_table;

/* Whether the service answers at all. */
enum step system_ping(struct exchange *exchange);

#endif
