/* clock.h - the time of day, and time that never goes back: for deadlines, rates and durations. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds since some point in the past; CLOCK_MONOTONIC. */
static inline int64_t
monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline int64_t
monotonic_ms(void)
{
	return monotonic_us() / 1000;
}

/* Unix seconds.  time(2) lags by up to a tick: a second that began for others has not for it. */
static inline int64_t
unix_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

#define UTC_LAST 253402300799 /* 9999-12-31T23:59:59Z */

/*
 * RFC 3339, UTC, whole seconds: "2026-11-24T12:00:00Z"; what lies before 1970 or behind UTC_LAST is
 * taken as these.  Kept until the next call; one thread.
 */
const char *utc_text(int64_t unix_time);

#endif
