/* listener.h - the socket that web servers connect to. */
#ifndef FCGI_LISTENER_H
#define FCGI_LISTENER_H

#include "buf.h"

/*
 * Opens "/path" (or "unix:/path") with mode 0660, or "host:port", "[v6]:port", "*:port".  A socket
 * file that nobody listens on is replaced; one that is in use is an error.  The descriptor is
 * non-blocking and close-on-exec; -1 with *error set to one line.
 */
int listener_open(const char *address, struct buf *error);

/* Removes the socket file of a Unix address; nothing for others. */
void listener_remove(const char *address);

#endif
