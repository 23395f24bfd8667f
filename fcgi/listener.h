/* listener.h - the socket that web servers connect to. */
#ifndef FCGI_LISTENER_H
#define FCGI_LISTENER_H

#include "buf.h"

/* Of a Unix socket. */
struct listener_access {
	unsigned mode;     /* 0660 */
	const char *group; /* NULL: the program's own */
};

/*
 * Opens "/path" (or "unix:/path"), or "host:port", "[v6]:port", "*:port".  A socket file that
 * nobody listens on is replaced; one that is in use is an error.  The descriptor is non-blocking
 * and close-on-exec; -1 with *error set to one line.
 */
int listener_open(const char *address, const struct listener_access *access, struct buf *error);

/* Removes the socket file of a Unix address; nothing for others. */
void listener_remove(const char *address);

#endif
