/*
 * host.h - which names the service answers by.  A page may have its own name lead to this server
 * (DNS rebinding); then it is of the same origin, and only the Host that its browser sends tells.
 */
#ifndef API_HOST_H
#define API_HOST_H

#include "exchange.h"

/* "Tokens.Example.com.:8080" without port and last dot; absent where that is no host at all. */
struct text host_name(struct text host);

/*
 * Whether such a name is an IPv4 address, or an IPv6 one in brackets: no DNS leads them elsewhere.
 * 0x7f.1 and 2130706433 are none: browsers send such an address as 127.0.0.1.
 */
bool host_is_address(struct text name);

/*
 * Whether the list ("localhost,*.example.com") has the Host, in whatever case.  *. stands for one
 * label or more.  Addresses need not be listed.  Nor is there anything to compare where there is no
 * Host, as in HTTP/1.0: browsers send one.
 */
bool host_is_allowed(struct text allowed, struct text host);

/* A field check of such a list; the rule names the entry. */
bool is_host_list(struct text value, struct field_error *error);

/* Refuses a request for another host; allowed absent: any will do.  route may be NULL. */
enum step host_step(struct exchange *exchange, const struct route *route, struct text allowed);

#endif
