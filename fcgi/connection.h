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
	size_t connections;
	int64_t request_ms; /* for a request to arrive whole, from its first byte */
	int64_t answer_ms; /* for the web server to take an answer */
};

struct connections;

/* All borrowed; listener is a listening, non-blocking socket that the caller closes afterwards. */
struct connections *connections_open(
    struct loop *loop, struct app *app, int listener, const struct connection_limits *limits);
void connections_close(struct connections *connections);

/* The loop's tick and turn: deadlines, and the release of what was closed. */
void connections_tick(struct connections *connections, int64_t now);
void connections_turn(struct connections *connections);

/* Stops accepting, closes what is idle; the rest ends with its answer. */
void connections_drain(struct connections *connections);
/* Connections that are still open. */
size_t connections_count(const struct connections *connections);

#endif
