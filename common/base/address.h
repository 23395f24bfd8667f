/* address.h - where a service listens, as --socket says it. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <netdb.h>

/* The path of a Unix socket: what stands behind "unix:", or has a / in it.  Else NULL. */
const char *address_path(const char *address);

/*
 * The addresses of host:port, for TCP: [::1]:9000 too; no host, or *, is all addresses with
 * AI_PASSIVE in flags, else this machine.  The caller gives them to freeaddrinfo.  NULL with *why,
 * static text.
 */
struct addrinfo *address_find(const char *address, int flags, const char **why);

#endif
