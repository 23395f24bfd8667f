/*
 * pace.h - Agora's limits on requests a second, kept by a token bucket for each API so that our
 * requests are not the ones that Agora refuses.
 */
#ifndef UPSTREAM_PACE_H
#define UPSTREAM_PACE_H

#include <stdint.h>

struct pace {
	int64_t per_second; /* and the most at once; 0 = no limit */
	int64_t due;        /* monotonic us at which the bucket would be full again */
};

/* Takes one request out of the bucket; microseconds until it may be sent, 0 = now. */
int64_t pace_take(struct pace *pace, int64_t now_us);
/* Puts it back: the request is not sent after all. */
void pace_give_back(struct pace *pace);

#endif
