#include "status.h"

#include <json-c/json.h>

#include "app.h"
#include "host.h"
#include "json.h"
#include "metrics.h"

#define LAST 4 /* characters of a certificate that are shown */

/* Answer */

struct status_service {
	struct text name;
	bool on;
};

struct status_limits {
	int64_t body, calls, call_seconds;
	struct text address, failure;
};

struct status_counts {
	int64_t requests, tokens, denied, failures, limited, calls;
};

struct status_project {
	struct text name, app_id, primary, secondary;
};

struct status_answer {
	struct text version, mode;
	int64_t time, agora_ahead;
	struct list services; /* struct status_service */
	struct status_limits *limits;
	struct status_counts *counts;
	struct list projects; /* struct status_project */
	struct json_object *audit;
};

#define AT(member) offsetof(struct status_service, member)

static const struct field service_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED, AT(name), .meaning = "recording, rtt, push or pull" },
	{ "on", FIELD_BOOL, FIELD_REQUIRED, AT(on), .meaning = "whether the settings turn it on" },
};
static const struct table service_table = TABLE(service_fields, struct status_service);

#undef AT
#define AT(member) offsetof(struct status_limits, member)

static const struct field limit_fields[] = {
	{ "body", FIELD_INT, FIELD_REQUIRED, AT(body), .unit = "bytes",
	    .meaning = "largest request body" },
	{ "address", FIELD_TEXT, 0, AT(address),
	    .meaning = "requests of one address; absent = no limit" },
	{ "failure", FIELD_TEXT, 0, AT(failure),
	    .meaning = "wrong credentials of one address; absent = 60/min" },
	{ "calls", FIELD_INT, FIELD_REQUIRED, AT(calls), .meaning = "calls to Agora at once" },
	{ "callSeconds", FIELD_INT, FIELD_REQUIRED, AT(call_seconds), .unit = "seconds",
	    .meaning = "for all calls of a request" },
};
static const struct table limits_table = TABLE(limit_fields, struct status_limits);

#undef AT
#define AT(member) offsetof(struct status_counts, member)
#define COUNT(name, member, text)                                                                  \
	{                                                                                          \
		name, FIELD_INT, FIELD_REQUIRED, AT(member), .meaning = text                       \
	}

static const struct field count_fields[] = {
	COUNT("requests", requests, "answered since the worker began"),
	COUNT("tokens", tokens, "issued"),
	COUNT("denied", denied, "requests that no grant covers"),
	COUNT("failures", failures, "requests whose caller is not known"),
	COUNT("limited", limited, "requests that came too often"),
	COUNT("calls", calls, "requests to Agora"),
};
static const struct table counts_table = TABLE(count_fields, struct status_counts);

#undef AT
#define AT(member) offsetof(struct status_project, member)

static const struct field project_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED, AT(name),
	    .meaning = "default, or as the policy calls it" },
	{ "appId", FIELD_TEXT, FIELD_REQUIRED, AT(app_id), .meaning = "its App ID" },
	{ "primary", FIELD_TEXT, 0, AT(primary),
	    .meaning = "the last 4 characters of the certificate that signs" },
	{ "secondary", FIELD_TEXT, 0, AT(secondary), .meaning = "and of the one that verifies" },
};
static const struct table project_table = TABLE(project_fields, struct status_project);

/* Only described: access/audit.c writes them. */
#define RECORD(name, kind, flags, text)                                                            \
	{                                                                                          \
		name, kind, flags, .meaning = text                                                 \
	}

static const struct choice verdicts[] = { { "allow", 0 }, { "deny", 1 }, { "shadow", 2 },
	{ "open", 3 }, { NULL, 0 } };
static const struct choice outcomes[] = { { "done", 0 }, { "failed", 1 }, { "unknown", 2 },
	{ NULL, 0 } };
static const struct choice second[] = { { "outcome", 0 }, { NULL, 0 } };
static const struct field record_fields[] = {
	RECORD("time", FIELD_TEXT, FIELD_REQUIRED, "when, in UTC"),
	{ "record", FIELD_CHOICE, FIELD_OMIT, .choices = second,
	    .meaning = "outcome: the second record of an action; absent: the one before it" },
	RECORD("id", FIELD_TEXT, 0, "the request's id"),
	RECORD("act", FIELD_TEXT, 0, "the server's own id of the action, in both its records"),
	{ "verdict", FIELD_CHOICE, FIELD_OMIT, .choices = verdicts,
	    .meaning = "shadow: refused but for enforce: log; open: there is no policy; absent "
		       "from an outcome" },
	{ "outcome", FIELD_CHOICE, FIELD_OMIT, .choices = outcomes,
	    .meaning = "what became of it at Agora; unknown: it may have been done" },
	RECORD("action", FIELD_TEXT, 0, "as policies name it; absent: none that they have"),
	RECORD("caller", FIELD_TEXT, 0, "as the policy calls it"),
	RECORD("sub", FIELD_TEXT, 0, "whom its JSON Web Token names"),
	RECORD("grant", FIELD_TEXT, 0, "that allowed it"),
	RECORD("project", FIELD_TEXT, 0, "as the policy calls it"),
	RECORD("service", FIELD_TEXT, 0, "of the token"),
	RECORD("channel", FIELD_TEXT, 0, "of the token or the job"),
	RECORD("uid", FIELD_TEXT, 0, "of the token or the job"),
	RECORD("uid2", FIELD_TEXT, 0, "the RTM user, where a token is for two"),
	RECORD("role", FIELD_TEXT, 0, "publisher or subscriber"),
	RECORD("name", FIELD_TEXT, 0, "of the job"),
	RECORD("resourceId", FIELD_TEXT, 0, "of the recording"),
	RECORD("sid", FIELD_TEXT, 0, "of the recording"),
	RECORD("converterId", FIELD_TEXT, 0, "of the push"),
	RECORD("playerId", FIELD_TEXT, 0, "of the pull"),
	RECORD("taskId", FIELD_TEXT, 0, "of the transcription"),
	RECORD("host", FIELD_TEXT, 0, "of the stream's URL; the rest of it is not recorded"),
	RECORD("ttl", FIELD_INT, FIELD_OMIT, "the token's lifetime in seconds"),
	RECORD("status", FIELD_INT, FIELD_OMIT, "of the answer"),
	RECORD("agoraStatus", FIELD_INT, FIELD_OMIT, "of Agora's answer"),
	RECORD("reason", FIELD_TEXT, 0, "why not"),
	RECORD("client", FIELD_TEXT, 0, "its address"),
	RECORD("token", FIELD_TEXT, 0, "the first 8 digits of its SHA-256"),
	RECORD("token2", FIELD_TEXT, 0, "of the second"),
};
static const struct table record_table = TABLE(record_fields, struct json_object *);

#undef AT
#define AT(member) offsetof(struct status_answer, member)

static const struct field status_fields[] = {
	{ "version", FIELD_TEXT, FIELD_REQUIRED, AT(version), .meaning = "of this program" },
	{ "mode", FIELD_TEXT, FIELD_REQUIRED, AT(mode),
	    .meaning = "open, log or on: what becomes of who may not" },
	{ "time", FIELD_INT, FIELD_REQUIRED, AT(time),
	    .meaning = "this machine's clock, Unix seconds" },
	{ "agoraAhead", FIELD_INT, FIELD_OMIT, AT(agora_ahead), .fallback = INT64_MIN,
	    .unit = "seconds",
	    .meaning = "by which Agora's clock is ahead of it; absent until Agora was asked" },
	{ "services", FIELD_LIST, FIELD_REQUIRED, AT(services), .nested = &service_table,
	    .meaning = "Agora's REST services" },
	{ "limits", FIELD_OBJECT, FIELD_REQUIRED, AT(limits), .nested = &limits_table,
	    .meaning = "of requests" },
	{ "counts", FIELD_OBJECT, 0, AT(counts), .nested = &counts_table,
	    .meaning = "absent under CGI, where each request is a new process" },
	{ "projects", FIELD_LIST, 0, AT(projects), .nested = &project_table,
	    .meaning = "absent where nobody may see them" },
	{ "audit", FIELD_JSONS, 0, AT(audit), .nested = &record_table,
	    .meaning =
		"the last audit records, the newest first, without looks at the status; likewise" },
};
const struct table status_table = TABLE(status_fields, struct status_answer);

#undef AT

/* Who may see more */

static bool
is_one_of(struct text text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (text_is_nocase(text, *words))
			return true;
	return false;
}

/*
 * Somebody who sits at this machine, by an address that only this machine has, and no page of
 * another origin: neither one that a browser here has open, nor one whose name leads here.
 */
static bool
is_on_this_machine(const struct exchange *x)
{
	static const char *const addresses[] = { "127.0.0.1", "::1", NULL };
	static const char *const names[] = { "127.0.0.1", "localhost", "[::1]", NULL };
	struct text host = host_name(request_param(&x->request, "HTTP_HOST"));

	return is_one_of(x->request.address, addresses) && is_one_of(host, names) &&
	    request_param(&x->request, "HTTP_ORIGIN").length == 0;
}

/* What there is to see */

static struct list
features_of(const struct config *config, struct arena *arena)
{
	const struct {
		const char *name;
		struct text url;
	} all[] = {
		{ "recording", config->rest.recording_url },
		{ "rtt", config->rest.rtt_url },
		{ "push", config->rest.rtmp_url },
		{ "pull", config->rest.player_url },
	};
	const size_t count = sizeof(all) / sizeof(all[0]);
	struct status_service *list = arena_alloc(arena, count, sizeof(*list));

	for (size_t i = 0; i < count; i++)
		list[i] = (struct status_service){ text_of(all[i].name),
			config_has_upstream(config) && all[i].url.data != NULL };
	return (struct list){ list, count };
}

static struct status_limits *
limits_of(const struct config *config, struct arena *arena)
{
	struct status_limits *limits = arena_alloc(arena, 1, sizeof(*limits));

	*limits = (struct status_limits){ config->api.max_body, config->upstream.max_calls,
		config->upstream.call_timeout, config->access.address_rate,
		config->access.failure_rate };
	return limits;
}

static int64_t
total_of(enum metric metric)
{
	int64_t total = 0;

	metric_total(metric, &total);
	return total;
}

static struct status_counts *
counts_of(struct arena *arena)
{
	struct status_counts *counts = arena_alloc(arena, 1, sizeof(*counts));

	*counts = (struct status_counts){ total_of(METRIC_REQUESTS), total_of(METRIC_TOKENS),
		total_of(METRIC_DENIED), total_of(METRIC_AUTH_FAILURES),
		total_of(METRIC_RATE_LIMITED), total_of(METRIC_UPSTREAM_REQUESTS) };
	return counts;
}

static struct text
end_of(struct text certificate)
{
	if (certificate.length <= LAST)
		return (struct text){ NULL, 0 };
	return (struct text){ certificate.data + certificate.length - LAST, LAST };
}

static struct status_project
project_of(struct text name, struct text app_id, struct text primary, struct text secondary)
{
	return (struct status_project){ name, app_id, end_of(primary), end_of(secondary) };
}

static struct list
projects_of(const struct config *config, struct arena *arena)
{
	const struct project *named =
	    config->policy == NULL ? NULL : config->policy->projects.items;
	const size_t count = config->policy == NULL ? 0 : config->policy->projects.count;
	struct status_project *list = arena_alloc(arena, count + 1, sizeof(*list));

	list[0] = project_of(TEXT("default"), config->token.app_id, config->token.certificate,
	    config->token.second_certificate);
	for (size_t i = 0; i < count; i++)
		list[i + 1] = project_of(named[i].name, named[i].app_id, named[i].certificate,
		    named[i].second_certificate);
	return (struct list){ list, count + 1 };
}

static void
put_records(void *records)
{
	json_object_put(records);
}

static struct json_object *
records_of(struct exchange *x)
{
	struct json_object *records = json_object_new_array();

	if (records == NULL)
		abort();
	exchange_defer(x, put_records, records);
	for (size_t i = 0; i < AUDIT_KEPT && audit_kept(i).length > 0; i++) {
		struct json_error error;
		struct json_object *record = json_read(audit_kept(i), 0, &error);

		if (record != NULL && json_object_array_add(records, record) != 0)
			abort();
	}
	return records;
}

enum step
status_get(struct exchange *x)
{
	const struct config *config = app_config(x);
	const bool granted = x->admission->granted;
	struct status_answer *out = x->output;

	if (!granted && config->api.console == CONSOLE_OFF)
		return exchange_fail(x, ERROR_NOT_CONFIGURED, NULL,
		    "CONSOLE is off, and no policy says who may see the status");
	out->version = TEXT(PACKAGE_VERSION);
	out->mode = text_of(access_mode(config->policy));
	out->time = x->now;
	if (!metric_total(METRIC_UPSTREAM_CLOCK, &out->agora_ahead))
		out->agora_ahead = INT64_MIN;
	out->services = features_of(config, &x->arena);
	out->limits = limits_of(config, &x->arena);
	if (app_has_memory(x))
		out->counts = counts_of(&x->arena);
	if (granted || is_on_this_machine(x)) {
		out->projects = projects_of(config, &x->arena);
		out->audit = records_of(x);
	}
	return NEXT;
}
