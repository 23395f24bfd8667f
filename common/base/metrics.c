#include <stdio.h>
#include <stdlib.h>

#include "metrics.h"

enum kind { COUNTER, GAUGE, HISTOGRAM, MICROSECONDS };

static const struct {
	const char *name, *help;
	enum kind kind;
	const char *labels[METRIC_LABELS];
} metrics[METRIC_COUNT] = {
	[METRIC_BUILD_INFO] = { "agora_build_info", "The version that runs; always 1", GAUGE,
	    { "version" } },
	[METRIC_OPEN_MODE] = { "agora_open_mode",
	    "1 where no policy is enforced, so that whoever reaches the service may have anything",
	    GAUGE, { NULL } },
	[METRIC_REQUESTS] = { "agora_http_requests_total", "Requests that were answered", COUNTER,
	    { "route", "method", "code" } },
	[METRIC_REQUEST_SECONDS] = { "agora_http_request_duration_seconds",
	    "Time from a request to its answer, within the service", HISTOGRAM, { "route" } },
	[METRIC_CONNECTIONS] = { "agora_connections", "Connections from the web server", GAUGE,
	    { NULL } },
	[METRIC_WAITING] = { "agora_waiting_requests", "Requests that wait for an answer to them",
	    GAUGE, { NULL } },
	[METRIC_WAITING_BYTES] = { "agora_waiting_bytes",
	    "Memory that they and the answers to them hold", GAUGE, { NULL } },
	[METRIC_OVERLOADED] = { "agora_overloaded_total",
	    "Requests refused and idle connections closed because there were too many", COUNTER,
	    { "what" } },
	[METRIC_TOKENS] = { "agora_tokens_issued_total", "Tokens that were issued", COUNTER,
	    { "project", "service", "role" } },
	[METRIC_DENIED] = { "agora_policy_denied_total",
	    "Requests that no grant covers, by the dimension that failed", COUNTER,
	    { "reason", "mode" } },
	[METRIC_AUTH_FAILURES] = { "agora_auth_failures_total",
	    "Requests whose caller is not known, by what they showed", COUNTER,
	    { "type", "reason" } },
	[METRIC_RATE_LIMITED] = { "agora_rate_limited_total", "Requests that came too often",
	    COUNTER, { "scope" } },
	[METRIC_AUDIT_FAILURES] = { "agora_audit_failures_total",
	    "Writes of audit records that failed", COUNTER, { NULL } },
	[METRIC_AUDIT_LOST] = { "agora_audit_lost_total", "Audit records that could not be written",
	    COUNTER, { NULL } },
	[METRIC_KEYS_AGE] = { "agora_jwks_age_seconds",
	    "Age of the keys of a caller that were fetched", GAUGE, { "caller" } },
	[METRIC_CERTIFICATE_SLOT] = { "agora_certificate_slot", "1 where an App Certificate is set",
	    GAUGE, { "project", "slot" } },
	[METRIC_UPSTREAM_REQUESTS] = { "agora_upstream_requests_total",
	    "Requests that were sent to Agora; code 0 is no answer", COUNTER,
	    { "api", "domain", "code" } },
	[METRIC_UPSTREAM_SECONDS] = { "agora_upstream_request_duration_seconds",
	    "Time of a request to Agora", HISTOGRAM, { "api" } },
	[METRIC_UPSTREAM_RETRIES] = { "agora_upstream_retries_total",
	    "Requests to Agora that were sent again", COUNTER, { "api" } },
	[METRIC_UPSTREAM_BUSY] = { "agora_upstream_calls", "Calls to Agora under way", GAUGE,
	    { NULL } },
	[METRIC_UPSTREAM_CLOCK] = { "agora_upstream_clock_ahead_seconds",
	    "Seconds by which Agora's clock is ahead of this machine's", GAUGE, { NULL } },
	[METRIC_LOG_LINES_LOST] = { "agora_log_lines_lost_total", "Log lines that nobody read",
	    COUNTER, { NULL } },
	[METRIC_RELOADED] = { "agora_config_last_reload_successful",
	    "0 where the last reload failed, so that the settings and the policy before it serve",
	    GAUGE, { NULL } },
	[METRIC_PROCESS_START] = { "process_start_time_seconds",
	    "When the worker began, in Unix seconds", GAUGE, { NULL } },
	[METRIC_PROCESS_CPU] = { "process_cpu_seconds_total", "CPU time of the worker",
	    MICROSECONDS, { NULL } },
	[METRIC_PROCESS_MEMORY] = { "process_resident_memory_bytes", "Memory of the worker", GAUGE,
	    { NULL } },
	[METRIC_PROCESS_DESCRIPTORS] = { "process_open_fds", "Open descriptors of the worker",
	    GAUGE, { NULL } },
	[METRIC_DROPPED] = { "agora_metrics_dropped_total",
	    "Counts that were lost because there are too many series", COUNTER, { NULL } },
};

static const int64_t bounds_us[] = { 100, 1000, 5000, 25000, 100000, 500000, 1000000, 2500000,
	5000000, 10000000, 30000000 };
#define BOUNDS (sizeof(bounds_us) / sizeof(bounds_us[0]))

struct series {
	uint64_t hash; /* 0: none */
	enum metric metric;
	char *values[METRIC_LABELS];
	int64_t value;   /* a histogram's: the sum, microseconds */
	int64_t *counts; /* a histogram's, BOUNDS and one more */
};

static struct series table[METRICS_MAX];
static bool has_counters; /* without labels */
static int64_t dropped;

/* FNV-1a. */
static uint64_t
hash_of(enum metric metric, const struct labels *labels)
{
	uint64_t hash = 14695981039346656037U ^ (uint64_t)metric;

	for (size_t i = 0; i < METRIC_LABELS && labels->values[i] != NULL; i++) {
		for (const char *p = labels->values[i]; *p != '\0'; p++)
			hash = (hash ^ (unsigned char)*p) * 1099511628211U;
		hash = (hash ^ 0xff) * 1099511628211U;
	}
	return hash == 0 ? 1 : hash;
}

static bool
is_series(const struct series *s, uint64_t hash, enum metric metric, const struct labels *labels)
{
	if (s->hash != hash || s->metric != metric)
		return false;
	for (size_t i = 0; i < METRIC_LABELS; i++) {
		const char *a = s->values[i], *b = labels->values[i];

		if ((a == NULL) != (b == NULL) || (a != NULL && strcmp(a, b) != 0))
			return false;
	}
	return true;
}

static void
fill(struct series *s, uint64_t hash, enum metric metric, const struct labels *labels)
{
	s->hash = hash;
	s->metric = metric;
	for (size_t i = 0; i < METRIC_LABELS && labels->values[i] != NULL; i++) {
		const size_t size = strlen(labels->values[i]) + 1;

		s->values[i] = xcalloc(1, size);
		memcpy(s->values[i], labels->values[i], size);
	}
	if (metrics[metric].kind == HISTOGRAM)
		s->counts = xcalloc(BOUNDS + 1, sizeof(*s->counts));
}

/* NULL: there is no room for another one. */
static struct series *
find_series(enum metric metric, const struct labels *labels)
{
	const uint64_t hash = hash_of(metric, labels);

	for (size_t i = 0; i < METRICS_MAX; i++) {
		struct series *s = &table[(hash + i) % METRICS_MAX];

		if (s->hash == 0)
			fill(s, hash, metric, labels);
		if (is_series(s, hash, metric, labels))
			return s;
	}
	dropped++;
	return NULL;
}

/*
 * What has no labels is counted from 0, before any other takes its place: Prometheus sees no
 * increase in a counter that comes with its first count.
 */
static struct series *
series_of(enum metric metric, const struct labels *labels)
{
	for (size_t m = 0; !has_counters && m < METRIC_COUNT; m++)
		if (metrics[m].kind == COUNTER && metrics[m].labels[0] == NULL)
			find_series((enum metric)m, &LABELS(NULL));
	has_counters = true;
	return find_series(metric, labels);
}

void
metric_add(enum metric metric, const struct labels *labels, int64_t amount)
{
	struct series *s = series_of(metric, labels);

	if (s != NULL)
		s->value += amount;
}

void
metric_observe(enum metric metric, const struct labels *labels, int64_t us)
{
	struct series *s = series_of(metric, labels);
	size_t i = 0;

	if (s == NULL)
		return;
	while (i < BOUNDS && us > bounds_us[i])
		i++;
	s->counts[i]++;
	s->value += us;
}

void
metric_set(enum metric metric, const struct labels *labels, int64_t value)
{
	struct series *s = series_of(metric, labels);

	if (s != NULL)
		s->value = value;
}

bool
metric_total(enum metric metric, int64_t *total)
{
	bool any = false;

	*total = 0;
	for (size_t i = 0; i < METRICS_MAX; i++)
		if (table[i].hash != 0 && table[i].metric == metric) {
			*total += table[i].value;
			any = true;
		}
	return any;
}

static void
add_seconds(struct buf *out, int64_t us)
{
	buf_printf(out, "%lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
}

static void
add_label(struct buf *out, bool *any, const char *name, const char *value)
{
	buf_text(out, *any ? "," : "{");
	*any = true;
	buf_text(out, name);
	buf_text(out, "=\"");
	for (; *value != '\0'; value++)
		if (*value == '\n')
			buf_text(out, "\\n");
		else
			buf_printf(
			    out, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
	buf_text(out, "\"");
}

/* le is a bucket's upper bound, or NULL. */
static void
add_name(struct buf *out, const struct series *s, const char *ending, const char *le)
{
	bool any = false;

	buf_text(out, metrics[s->metric].name);
	buf_text(out, ending);
	for (size_t i = 0; i < METRIC_LABELS && s->values[i] != NULL; i++)
		add_label(out, &any, metrics[s->metric].labels[i], s->values[i]);
	if (le != NULL)
		add_label(out, &any, "le", le);
	buf_text(out, any ? "} " : " ");
}

static void
write_histogram(struct buf *out, const struct series *s)
{
	int64_t total = 0;
	char le[32];

	for (size_t i = 0; i <= BOUNDS; i++) {
		total += s->counts[i];
		if (i < BOUNDS)
			snprintf(le, sizeof(le), "%g", (double)bounds_us[i] / 1e6);
		add_name(out, s, "_bucket", i < BOUNDS ? le : "+Inf");
		buf_number(out, total);
		buf_text(out, "\n");
	}
	add_name(out, s, "_sum", NULL);
	add_seconds(out, s->value);
	buf_text(out, "\n");
	add_name(out, s, "_count", NULL);
	buf_number(out, total);
	buf_text(out, "\n");
}

static void
write_series(struct buf *out, const struct series *s)
{
	if (metrics[s->metric].kind == HISTOGRAM) {
		write_histogram(out, s);
		return;
	}
	add_name(out, s, "", NULL);
	if (metrics[s->metric].kind == MICROSECONDS)
		add_seconds(out, s->value);
	else
		buf_number(out, s->value);
	buf_text(out, "\n");
}

void
metrics_write(struct buf *out)
{
	static const char *const types[] = { "counter", "gauge", "histogram", "counter" };

	metric_set(METRIC_DROPPED, &LABELS(NULL), dropped);
	for (size_t m = 0; m < METRIC_COUNT; m++) {
		bool said = false;

		for (size_t i = 0; i < METRICS_MAX; i++) {
			if (table[i].hash == 0 || (size_t)table[i].metric != m)
				continue;
			if (!said)
				buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metrics[m].name,
				    metrics[m].help, metrics[m].name, types[metrics[m].kind]);
			said = true;
			write_series(out, &table[i]);
		}
	}
}

void
metrics_reset(void)
{
	for (size_t i = 0; i < METRICS_MAX; i++) {
		for (size_t n = 0; n < METRIC_LABELS; n++)
			free(table[i].values[n]);
		free(table[i].counts);
		table[i] = (struct series){ 0 };
	}
	has_counters = false;
	dropped = 0;
}

const char *
metric_name(enum metric metric)
{
	return metrics[metric].name;
}

const char *
metric_help(enum metric metric)
{
	return metrics[metric].help;
}
