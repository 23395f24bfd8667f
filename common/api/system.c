#include <dirent.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "metrics.h"
#include "system.h"

#define CLOCK_LEAST 1767225600 /* 2026-01-01: before it no clock is right, and no token valid */

struct ping_answer {
	struct text message;
};

static const struct field ping_fields[] = {
	{ "message", FIELD_TEXT, FIELD_REQUIRED, offsetof(struct ping_answer, message),
	    .meaning = "pong" },
};

const struct table ping_table = TABLE(ping_fields, struct ping_answer);

struct live_answer {
	struct text status;
};

static const struct field live_fields[] = {
	{ "status", FIELD_TEXT, FIELD_REQUIRED, offsetof(struct live_answer, status),
	    .meaning = "ok" },
};

const struct table live_table = TABLE(live_fields, struct live_answer);

struct ready_request {
	struct text verbose;
};

static const struct field ready_request_fields[] = {
	{ "verbose", FIELD_TEXT, 0, offsetof(struct ready_request, verbose),
	    .meaning = "there, with any value or none: the answer lists what was checked" },
};
const struct table ready_request_table = TEXT_TABLE(ready_request_fields, struct ready_request);

struct check {
	struct text name, status, reason;
};

struct ready_answer {
	struct text status, mode;
	struct list checks;
};

#define AT(member) offsetof(struct check, member)

static const struct field check_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED, AT(name), .meaning = "what was looked at" },
	{ "status", FIELD_TEXT, FIELD_REQUIRED, AT(status),
	    .meaning = "ok, failed, or warning, with which it is ready all the same" },
	{ "reason", FIELD_TEXT, 0, AT(reason), .meaning = "why it is not ok" },
};
static const struct table check_table = TABLE(check_fields, struct check);

#undef AT
#define AT(member) offsetof(struct ready_answer, member)

static const struct field ready_fields[] = {
	{ "status", FIELD_TEXT, FIELD_REQUIRED, AT(status), .meaning = "ready or not ready" },
	{ "mode", FIELD_TEXT, FIELD_REQUIRED, AT(mode),
	    .meaning = "what the policy does: open, log or on" },
	{ "checks", FIELD_LIST, 0, AT(checks), .nested = &check_table,
	    .meaning = "with verbose: what was looked at" },
};
const struct table ready_table = TABLE(ready_fields, struct ready_answer);

#undef AT

enum step
system_ping(struct exchange *x)
{
	struct ping_answer *out = x->output;

	out->message = TEXT("pong");
	return NEXT;
}

enum step
system_live(struct exchange *x)
{
	struct live_answer *out = x->output;

	out->status = TEXT("ok");
	return NEXT;
}

/* ?verbose, as Kubernetes' own programs have it: without a value, which the table takes for none.
 */
static bool
wants_all(struct exchange *x)
{
	struct text query = x->request.query, name, value;

	while (query_next(&query, &x->arena, &name, &value))
		if (text_is(name, "verbose"))
			return true;
	return false;
}

/* The worker of a service that was told to read them anew; others read them once. */
static bool
has_the_last_settings(void)
{
	int64_t reloaded;

	return !metric_total(METRIC_RELOADED, &reloaded) || reloaded != 0;
}

enum step
system_ready(struct exchange *x)
{
	const struct config *config = app_config(x);
	const struct access *access = app_access(x);
	struct ready_answer *out = x->output;
	const struct {
		const char *name, *reason; /* why not, were it so */
		bool good, warns;
	} checks[] = {
		{ "settings",
		    "the last reload failed, so those from before it serve; the log says why",
		    has_the_last_settings(), true },
		{ "clock", "this machine's clock is years behind", x->now >= CLOCK_LEAST, false },
		{ "keys", "keys that callers are known by could not be fetched; the log says why",
		    access_has_keys(access, x->now), false },
		{ "records",
		    audit_has_file()
			? "AUDIT_FILE cannot be written; the log says why"
			: "the log, which has the records without AUDIT_FILE, cannot be written",
		    access_has_records(access), false },
	};
	const size_t count = sizeof(checks) / sizeof(checks[0]);
	struct check *items = arena_alloc(&x->arena, count, sizeof(*items));
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		items[i].name = text_of(checks[i].name);
		items[i].status = checks[i].good ? TEXT("ok")
		    : checks[i].warns            ? TEXT("warning")
						 : TEXT("failed");
		items[i].reason = text_of(checks[i].good ? NULL : checks[i].reason);
		good = good && (checks[i].good || checks[i].warns);
	}
	out->status = good ? TEXT("ready") : TEXT("not ready");
	out->mode = text_of(access_mode(config->policy));
	/* What failed is for the operator's eyes, and says nothing that helps others. */
	if (wants_all(x))
		out->checks = (struct list){ items, count };
	if (!good) {
		x->response.status = 503;
		response_retry_after(&x->response, 5000000);
	}
	return NEXT;
}

static int64_t
open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int64_t count = -3; /* ".", ".." and the directory itself */

	if (directory == NULL)
		return 0;
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static int64_t
resident_bytes(void)
{
	struct buf text = { 0 };
	long long pages = 0;

	if (buf_file(&text, "/proc/self/statm", 256) == NULL) {
		buf_add(&text, "", 1);
		if (sscanf(text.data, "%*d %lld", &pages) != 1)
			pages = 0;
	}
	buf_free(&text);
	return pages * sysconf(_SC_PAGESIZE);
}

static int64_t
cpu_us(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
	return (int64_t)spent.tv_sec * 1000000 + spent.tv_nsec / 1000;
}

enum step
system_metrics(struct exchange *x)
{
	const struct config *config = app_config(x);

	if (!app_has_memory(x))
		return exchange_fail(x, ERROR_NOT_CONFIGURED, NULL,
		    "a CGI program ends with its request and counts nothing: metrics need "
		    "agora-fcgi as a service");
	metric_set(METRIC_BUILD_INFO, &LABELS(PACKAGE_VERSION), 1);
	metric_set(METRIC_CERTIFICATE_SLOT, &LABELS("default", "primary"),
	    config->token.certificate.data != NULL);
	metric_set(METRIC_CERTIFICATE_SLOT, &LABELS("default", "secondary"),
	    config->token.second_certificate.data != NULL);
	access_metrics(app_access(x), x->now);
	metric_set(METRIC_PROCESS_CPU, &LABELS(NULL), cpu_us());
	metric_set(METRIC_PROCESS_MEMORY, &LABELS(NULL), resident_bytes());
	metric_set(METRIC_PROCESS_DESCRIPTORS, &LABELS(NULL), open_descriptors());
	metrics_write(&x->response.body);
	return NEXT;
}
