/*
 * metrics.h - counts of this process for Prometheus.  metrics.c has the table of all of them.
 * One thread.
 *
 * A metric has a series for each set of values that its labels take.  There are at most METRICS_MAX
 * series, so no label may hold what a client chooses; what does not fit is counted as such.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "buf.h"

#define METRICS_MAX 1024
#define METRIC_LABELS 3

enum metric {
	METRIC_BUILD_INFO,
	METRIC_OPEN_MODE,
	METRIC_REQUESTS,
	METRIC_REQUEST_SECONDS,
	METRIC_CONNECTIONS,
	METRIC_WAITING,
	METRIC_WAITING_BYTES,
	METRIC_OVERLOADED,
	METRIC_TOKENS,
	METRIC_DENIED,
	METRIC_AUTH_FAILURES,
	METRIC_RATE_LIMITED,
	METRIC_AUDIT_FAILURES,
	METRIC_AUDIT_LOST,
	METRIC_KEYS_AGE,
	METRIC_CERTIFICATE_SLOT,
	METRIC_UPSTREAM_REQUESTS,
	METRIC_UPSTREAM_SECONDS,
	METRIC_UPSTREAM_RETRIES,
	METRIC_UPSTREAM_BUSY,
	METRIC_UPSTREAM_CLOCK,
	METRIC_LOG_LINES_LOST,
	METRIC_RELOADED,
	METRIC_PROCESS_START,
	METRIC_PROCESS_CPU,
	METRIC_PROCESS_MEMORY,
	METRIC_PROCESS_DESCRIPTORS,
	METRIC_DROPPED,
	METRIC_COUNT
};

/* The values of a metric's labels, in the order of the table; the rest is NULL.  They are copied.
 */
struct labels {
	const char *values[METRIC_LABELS];
};
#define LABELS(...) ((const struct labels){ { __VA_ARGS__ } })

/* So many more of a counter. */
void metric_add(enum metric metric, const struct labels *labels, int64_t amount);
/* A duration, into a histogram. */
void metric_observe(enum metric metric, const struct labels *labels, int64_t us);
/* A gauge, or a counter that is counted elsewhere. */
void metric_set(enum metric metric, const struct labels *labels, int64_t value);

/* The sum of a metric's series, none of a histogram's.  false: it has none. */
bool metric_total(enum metric metric, int64_t *total);

/* Appends all series in the text format 0.0.4. */
void metrics_write(struct buf *out);
/* Forgets all series. */
void metrics_reset(void);

/* The name of a metric and what it counts, for documentation. */
const char *metric_name(enum metric metric);
const char *metric_help(enum metric metric);

#endif
