/*
 * connection.h - the worker's connections from the web server: bytes in, requests out to the
 * application, answers back.  Nothing here blocks, and no connection waits for another.
 */
#ifndef FCGI_CONNECTION_H
#define FCGI_CONNECTION_H

#include "app.h"
#include "framing.h"
#include "loop.h"

struct connection_limits {
	struct framing_limits request;
	int64_t connections;
	int64_t waiting;      /* exchanges that wait for a call */
	size_t waiting_bytes; /* that they hold */
	int64_t request_ms;   /* for a request to arrive whole, from its first byte */
	int64_t answer_ms;    /* for the web server to take a part of an answer */
	int64_t wait_ms;      /* for an exchange that waits */
};

struct connections;

/* All borrowed; listener is a listening, non-blocking socket that the caller closes afterwards. */
struct connections *connections_open(
    struct loop *loop, struct app *app, int listener, const struct connection_limits *limits);
void connections_close(struct connections *connections);

/*
 * The loop's tick and turn: deadlines and what is said once a second; what is held leaves once its
 * records are written, and what was closed is released.
 */
void connections_tick(struct connections *connections, int64_t now);
void connections_turn(struct connections *connections);

/*
 * Stops accepting.  Kept connections without a request are closed; those that have not yet sent
 * their first one, or not all of a request, may for two seconds, and every other ends with its
 * answer.
 */
void connections_drain(struct connections *connections);
/* Connections and waiting exchanges that there still are. */
size_t connections_busy(const struct connections *connections);

#endif
