/* status.h - GET /status: what an operator wants to see of the running service. */
#ifndef API_STATUS_H
#define API_STATUS_H

#include "exchange.h"

extern const struct table status_table;

/*
 * What is configured, its limits and counts.  The ends of certificates, App IDs and the last audit
 * records are there where a grant allows it, or in open mode for the console on this machine.
 */
enum step status_get(struct exchange *exchange);

#endif
