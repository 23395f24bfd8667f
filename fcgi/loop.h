/*
 * loop.h - one thread's event loop: epoll(7), a tick each second, signals.  Callbacks must not
 * block.  A watch may be stopped from any callback: events already fetched for it are dropped.
 */
#ifndef FCGI_LOOP_H
#define FCGI_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "exchange.h"

struct loop;

/* Embedded in its owner, which must outlive the turn in which the watch is stopped. */
struct watch {
	int fd; /* -1: not watched */
	uint32_t events;
	void (*ready)(struct watch *watch, uint32_t events);
};

struct loop_hooks {
	void *owner;
	void (*signalled)(void *owner, int signal);
	void (*tick)(void *owner, int64_t now); /* about once a second */
	void (*turn)(void *owner);              /* after each batch of events */
};

/* Signals: a zero-ended list, which the loop blocks and reads.  NULL with errno set on failure. */
struct loop *loop_open(const struct loop_hooks *hooks, const int *signals);
void loop_close(struct loop *loop);

/* EPOLLIN, EPOLLOUT or both; again to change them. */
bool loop_watch(struct loop *loop, struct watch *watch, uint32_t events);
/* The descriptor stays open; close it afterwards. */
void loop_unwatch(struct loop *loop, struct watch *watch);

/* Watches what makes waiting exchanges go on (borrowed); at most one. */
bool loop_progress(struct loop *loop, const struct progress *progress);

/* Runs until loop_stop.  false with errno set when epoll fails. */
bool loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Monotonic milliseconds, read once a turn. */
int64_t loop_now(const struct loop *loop);

#endif
