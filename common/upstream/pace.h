/*
 * pace.h - Agora's limits on requests a second or a minute, kept for each API so that our requests
 * are not the ones that Agora refuses: no more than so many in any of them, wherever it begins.
 */
#ifndef UPSTREAM_PACE_H
#define UPSTREAM_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_MOST 50

struct pace {
	const char *api;         /* whose limit it is, for metrics */
	int64_t most;            /* requests in a second, at most PACE_MOST; 0 = no limit */
	bool a_minute;           /* in a minute */
	struct pace *also;       /* another limit that they count for; NULL: none */
	int64_t share;           /* of requests in a minute that one caller may have; 0 = all */
	int64_t sent[PACE_MOST]; /* monotonic us of the last of them, a ring */
	unsigned next;           /* the oldest of them */
	int64_t before;          /* what stood there before the last was taken */
};

/*
 * Takes the next place of all, in the order of the chain, so that the last one, Agora's own limit,
 * is exact; microseconds until the request may be sent, 0 = now.
 */
int64_t pace_take(struct pace *pace, int64_t now_us);
/* Gives the place that was taken last back: the request is not sent after all. */
void pace_give_back(struct pace *pace);

#endif
