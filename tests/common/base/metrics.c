#include <stdio.h>

#include "metrics.h"
#include "unit.h"

static bool
written_has(const char *wanted)
{
	struct buf out = { 0 };
	bool found;

	metrics_write(&out);
	found = memmem(out.data, out.length, wanted, strlen(wanted)) != NULL;
	buf_free(&out);
	return found;
}

static void
counts(void)
{
	metrics_reset();
	metric_add(METRIC_RATE_LIMITED, &LABELS("address"), 1);
	metric_add(METRIC_RATE_LIMITED, &LABELS("grant"), 2);
	metric_add(METRIC_RATE_LIMITED, &LABELS("address"), 3);
	metric_set(METRIC_OPEN_MODE, &LABELS(NULL), 1);
	metric_set(METRIC_OPEN_MODE, &LABELS(NULL), 0);
	CHECK(written_has("# TYPE agora_rate_limited_total counter\n"), "type");
	CHECK(written_has("\nagora_rate_limited_total{scope=\"address\"} 4\n"), "added");
	CHECK(written_has("\nagora_rate_limited_total{scope=\"grant\"} 2\n"), "each by itself");
	CHECK(written_has("\nagora_open_mode 0\n"), "set, without labels");
	CHECK(!written_has("agora_tokens_issued_total"), "nothing that was never counted");
	metric_set(METRIC_PROCESS_CPU, &LABELS(NULL), 1500007);
	CHECK(written_has("\nprocess_cpu_seconds_total 1.500007\n"), "microseconds as seconds");
	metrics_reset();
	CHECK(!written_has("agora_rate_limited_total"), "forgotten");
}

/* "a","bc" and "ab","c" are two series, and so are the same values of two metrics. */
static void
tells_series_apart(void)
{
	metrics_reset();
	metric_add(METRIC_AUTH_FAILURES, &LABELS("a", "bc"), 1);
	metric_add(METRIC_AUTH_FAILURES, &LABELS("ab", "c"), 1);
	metric_add(METRIC_DENIED, &LABELS("a", "bc"), 1);
	CHECK(written_has("{type=\"a\",reason=\"bc\"} 1\n"), "first");
	CHECK(written_has("{type=\"ab\",reason=\"c\"} 1\n"), "second");
	CHECK(written_has("agora_policy_denied_total{reason=\"a\",mode=\"bc\"} 1\n"), "third");
	metrics_reset();
}

static void
escapes_values(void)
{
	metrics_reset();
	metric_add(METRIC_KEYS_AGE, &LABELS("a\"b\\c\nd"), 1);
	CHECK(written_has("{caller=\"a\\\"b\\\\c\\nd\"} 1\n"), "quotes, backslash, newline");
	metrics_reset();
}

static void
fills_buckets(void)
{
	static const struct {
		int64_t us;
		const char *le; /* the first bucket that it is in */
	} cases[] = { { 0, "0.0001" }, { 100, "0.0001" }, { 101, "0.001" }, { 1000, "0.001" },
		{ 5001, "0.025" }, { 30000000, "30" }, { 30000001, "+Inf" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char one[120], sum[120];

		metrics_reset();
		metric_observe(METRIC_UPSTREAM_SECONDS, &LABELS("push"), cases[i].us);
		snprintf(one, sizeof(one),
		    "agora_upstream_request_duration_seconds_bucket{api=\"push\",le=\"%s\"} 1\n",
		    cases[i].le);
		snprintf(sum, sizeof(sum),
		    "_sum{api=\"push\"} %lld.%06lld\nagora_upstream_request_duration_seconds_count"
		    "{api=\"push\"} 1\n",
		    (long long)(cases[i].us / 1000000), (long long)(cases[i].us % 1000000));
		CHECK(written_has(one), one);
		CHECK(written_has(sum), sum);
		CHECK(written_has("le=\"+Inf\"} 1\n"), "cumulative");
		CHECK(i < 2 || written_has("le=\"0.0001\"} 0\n"), "not below");
	}
	metrics_reset();
}

/* Nothing that comes from outside may grow it; what does not fit is counted. */
static void
is_bounded(void)
{
	char name[16], dropped[64];

	metrics_reset();
	for (int i = 0; i < METRICS_MAX + 100; i++) {
		snprintf(name, sizeof(name), "%d", i);
		metric_add(METRIC_KEYS_AGE, &LABELS(name), 1);
	}
	CHECK(written_has("{caller=\"0\"} 1\n"), "the first stays");
	metrics_reset();
	/* Counters without labels have their places before all others. */
	for (int i = 0; i < METRICS_MAX - 4; i++) {
		snprintf(name, sizeof(name), "%d", i);
		metric_add(METRIC_KEYS_AGE, &LABELS(name), 1);
	}
	for (int i = 0; i < 5; i++)
		metric_add(METRIC_OVERLOADED, &LABELS("one more"), 1);
	snprintf(dropped, sizeof(dropped), "\nagora_metrics_dropped_total 5\n");
	CHECK(written_has(dropped), "what does not fit is counted");
	CHECK(!written_has("one more"), "and is not there");
	metric_add(METRIC_AUDIT_FAILURES, &LABELS(NULL), 1);
	CHECK(written_has("\nagora_audit_failures_total 1\n"), "what had its place is counted");
	CHECK(written_has("\nagora_log_lines_lost_total 0\n"), "from 0");
	metrics_reset();
}

/* promtool wants names and units as Prometheus has them. */
static void
has_good_names(void)
{
	for (int m = 0; m < METRIC_COUNT; m++) {
		const char *name = metric_name((enum metric)m), *help = metric_help((enum metric)m);

		CHECK(
		    name != NULL && help != NULL && help[0] != '\0', "each has a name and a help");
		CHECK(name != NULL &&
			(strncmp(name, "agora_", 6) == 0 || strncmp(name, "process_", 8) == 0),
		    name);
		for (int other = 0; other < m; other++)
			CHECK(strcmp(name, metric_name((enum metric)other)) != 0, name);
	}
}

CU_TestInfo base_metrics_tests[] = {
	{ "counts", counts },
	{ "tells series apart", tells_series_apart },
	{ "escapes values", escapes_values },
	{ "fills buckets", fills_buckets },
	{ "is bounded", is_bounded },
	{ "has good names", has_good_names },
	CU_TEST_INFO_NULL,
};
