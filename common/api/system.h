/* system.h - endpoints about the service itself. */
#ifndef API_SYSTEM_H
#define API_SYSTEM_H

#include "exchange.h"

extern const struct table ping_table, live_table, ready_request_table, ready_table;

/* Whether the service answers at all. */
enum step system_ping(struct exchange *exchange);
/* The same, as programs ask it that restart what does not answer. */
enum step system_live(struct exchange *exchange);
/* Whether it has what the next request needs, else 503.  Agora itself is not a part of that. */
enum step system_ready(struct exchange *exchange);
/* Counts for Prometheus; 501 where a process serves one request only. */
enum step system_metrics(struct exchange *exchange);

#endif
