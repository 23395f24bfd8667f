#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "access.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "route.h"

#define FAILURE_RATE "60/min"
#define AUDIT_TEXT_MAX 256 /* bytes of a client's text in a record */
#define AUDIT_ID_MAX 1024  /* and of a job's id */

struct access {
	const struct access_settings *settings;
	const struct policy *policy;
	struct remote_key_list *remote;
	struct limits *limits; /* NULL: the process serves one request */
	int64_t address_us, address_burst, failure_us, failure_burst;
};

static const struct choice formats[] = { { "logfmt", RECORD_LOGFMT }, { "json", RECORD_JSON },
	{ NULL, 0 } };

#define AT(member) offsetof(struct access_settings, member)

static bool
is_rate_or_off(struct text value, struct field_error *error)
{
	return text_is(value, "off") || is_rate(value, error);
}

static const struct field settings_fields[] = {
	{ "POLICY_FILE", FIELD_TEXT, 0, AT(policy_file),
	    .meaning = "who may ask for what; unset = anyone for anything" },
	{ "ADDRESS_RATE", FIELD_TEXT, 0, AT(address_rate), .check = is_rate_or_off,
	    .meaning = "requests of one client address, like 50/s; unset = no limit" },
	{ "FAILURE_RATE", FIELD_TEXT, 0, AT(failure_rate), .check = is_rate_or_off,
	    .meaning = "wrong credentials of one address; unset = " FAILURE_RATE },
	{ "KEY_CACHE", FIELD_TEXT, 0, AT(key_cache),
	    .meaning = "directory for keys that were fetched, which CGI programs need" },
	{ "AUDIT_FILE", FIELD_TEXT, 0, AT(audit_file),
	    .meaning = "file for the record of tokens, actions and refusals; unset = the log, "
		       "and nothing without a policy" },
	{ "AUDIT_FORMAT", FIELD_CHOICE, 0, AT(audit_format), .choices = formats,
	    .fallback = RECORD_LOGFMT, .meaning = "logfmt or json" },
	{ "AUDIT_REQUIRED", FIELD_BOOL, 0, AT(audit_required), .fallback = true,
	    .meaning = "true: what cannot be recorded is not done, and answered with 503" },
	{ "AUDIT_KEY", FIELD_TEXT, FIELD_FILE | FIELD_SECRET, AT(audit_key), .check = is_chain_key,
	    .meaning = "64 hexadecimal digits: key of a chain that holds AUDIT_FILE's records "
		       "together; unset = none" },
};

const struct table access_settings_table = TEXT_TABLE(settings_fields, struct access_settings);

#undef AT

const char *
access_mode(const struct policy *policy)
{
	if (policy == NULL)
		return "open";
	return policy->enforce == ENFORCE_LOG ? "log" : "on";
}

static void
read_limit(struct text rate, int64_t *interval_us, int64_t *burst)
{
	if (rate.data != NULL && !text_is(rate, "off"))
		rate_read(rate, interval_us, burst);
}

static void
open_chain(const struct access_settings *settings, bool has_memory)
{
	unsigned char key[CHAIN_KEY];

	if (settings->audit_key.data == NULL || !hex_decode(settings->audit_key, key))
		return;
	audit_chain((enum record_format)settings->audit_format, key);
	sodium_memzero(key, sizeof(key));
	/* Whoever takes all of a chain away leaves its name there. */
	if (has_memory)
		log_line(LOG_LEVEL_INFO, "audit chain %s", audit_chain_id());
}

struct access *
access_open(const struct access_settings *settings, const struct policy *policy,
    const struct sender *sender, bool has_memory, struct buf *error)
{
	struct access *a = xcalloc(1, sizeof(*a));

	a->settings = settings;
	a->policy = policy;
	read_limit(settings->address_rate, &a->address_us, &a->address_burst);
	read_limit(
	    settings->failure_rate.data == NULL ? TEXT(FAILURE_RATE) : settings->failure_rate,
	    &a->failure_us, &a->failure_burst);
	if (has_memory)
		a->limits = limits_open();
	else if (a->address_burst > 0 ||
	    (settings->failure_rate.data != NULL && a->failure_burst > 0) ||
	    (policy != NULL && policy_has_rates(policy)))
		log_line(LOG_LEVEL_WARNING,
		    "rates are not kept under CGI, where each request is a new process: limit "
		    "them in the web server");
	if (settings->audit_file.data != NULL && !audit_to_file(settings->audit_file.data)) {
		buf_printf(error, "AUDIT_FILE: %s: %s", settings->audit_file.data, strerror(errno));
		access_close(a);
		return NULL;
	}
	if (audit_has_file())
		open_chain(settings, has_memory);
	audit_need_log(policy != NULL && !audit_has_file() && settings->audit_required);
	if (policy != NULL)
		a->remote = remote_keys_open(policy, sender, settings->key_cache);
	if (a->remote != NULL && !has_memory)
		remote_keys_defer(a->remote);
	return a;
}

void
access_close(struct access *access)
{
	if (access == NULL)
		return;
	remote_keys_close(access->remote);
	limits_close(access->limits);
	audit_close();
	free(access);
}

/* What no endpoint is found for is nobody's in particular either. */
static bool
is_public(const struct exchange *x)
{
	return x->route == NULL || strcmp(x->route->action, PUBLIC) == 0;
}

/* Refusals are only said, not made. */
static bool
in_shadow(const struct access *access)
{
	return access->policy != NULL && access->policy->enforce == ENFORCE_LOG;
}

/* Records */

/* At most so many bytes of it, and no half of a character. */
static struct text
cut(struct text text, size_t most)
{
	if (text.length <= most)
		return text;
	text.length = most;
	while (text.length > 0 && ((unsigned char)text.data[text.length] & 0xc0) == 0x80)
		text.length--;
	return text;
}

static struct text
bounded(struct text text)
{
	return cut(text, AUDIT_TEXT_MAX);
}

/* The services of a request once its users are known. */
static unsigned
services_asked(const struct ask *ask)
{
	unsigned services = ask->services;

	for (size_t i = 0; i < ask->user_count; i++)
		services |=
		    ask->users[i].value->data == NULL ? ask->users[i].unnamed : ask->users[i].named;
	return services;
}

/* "rtc,rtm"; kept with the admission.  All names have room there. */
static const char *
services_text(struct admission *a)
{
	const unsigned services = services_asked(&a->ask);
	char *at = a->services;

	*at = '\0';
	for (const struct choice *s = policy_services; s->name != NULL; s++)
		if (services & (unsigned)s->value)
			at = stpcpy(at == a->services ? at : stpcpy(at, ","), s->name);
	return a->services;
}

/* "a,b": all of its places, at least as far as a record has room. */
static struct text
channels_text(const struct ask *ask, struct arena *arena)
{
	const struct text *channels = ask->channels.items;
	struct buf all = { 0 };
	struct text text;

	if (ask->channels.count < 2)
		return ask->channels.count == 0 ? (struct text){ NULL, 0 } : channels[0];
	for (size_t i = 0; i < ask->channels.count && all.length <= AUDIT_TEXT_MAX; i++) {
		buf_add(&all, ",", i > 0);
		buf_add(&all, channels[i].data, channels[i].length);
	}
	text = arena_copy(arena, buf_view(&all));
	buf_free(&all);
	return text;
}

static const char *
role_text(const struct ask *ask)
{
	return ask->role == GRANT_PUBLISHER ? "publisher" : "subscriber";
}

static struct audit_record
record_of(struct exchange *x, const char *verdict, const char *reason)
{
	struct admission *a = x->admission;
	const struct ask *ask = &a->ask;
	const char *services = services_text(a);
	/* Where any caller may ask, that is no action of the policy's. */
	const bool any = strcmp(x->route->action, ANY_CALLER) == 0;
	struct audit_record r = { .time = x->now,
		.action = any ? NULL : x->route->action,
		.verdict = verdict,
		.reason = reason,
		.id = x->request.id,
		.client = bounded(x->request.address),
		.subject = bounded(a->identity.subject),
		.service = text_of(services[0] == '\0' ? NULL : services),
		.status = x->response.status };

	if (a->identity.caller != NULL)
		r.caller = a->identity.caller->name;
	if (a->verdict.grant != NULL)
		r.grant = a->verdict.grant->name;
	if (a->project != NULL)
		r.project = a->project->name;
	r.channel = bounded(channels_text(ask, &x->arena));
	r.uids[0] = a->job[JOB_UID];
	for (size_t i = 0; i < ask->user_count; i++)
		r.uids[i] = bounded(*ask->users[i].value);
	memcpy(r.job, a->job, sizeof(r.job));
	r.host = a->hosts;
	if (a->act[0] != '\0')
		r.act = text_of(a->act);
	if (ask->has_role)
		r.role = role_text(ask);
	if (ask->lifetime_count > 0) {
		const struct ask_lifetime *l = &ask->lifetimes[0];

		r.ttl = *l->seconds == 0 ? l->otherwise : *l->seconds;
		if (r.ttl > TTL_MAX)
			r.ttl = TTL_MAX;
	}
	memcpy(r.tokens, a->tokens, sizeof(r.tokens));
	return r;
}

static void
note(const struct access *access, struct admission *a, const struct audit_record *record)
{
	a->noted = audit_add((enum record_format)access->settings->audit_format, record);
}

/* That this record cannot be written does not change the answer. */
static enum step
refused(const struct access *access, struct exchange *x, const char *reason)
{
	const struct audit_record record = record_of(x, "deny", reason);

	note(access, x->admission, &record);
	return ANSWERED;
}

static enum step
too_often(const struct access *access, struct exchange *x, int64_t wait_us, const char *scope,
    const char *rule)
{
	metric_add(METRIC_RATE_LIMITED, &LABELS(scope), 1);
	response_retry_after(&x->response, wait_us);
	exchange_fail(x, ERROR_RATE_LIMITED, NULL, rule);
	return x->admission->recorded && !is_public(x) ? refused(access, x, rule) : ANSWERED;
}

enum step
access_address(struct access *access, struct exchange *x)
{
	struct text address;
	char text[LIMIT_ADDRESS_SIZE];
	int64_t wait;

	x->admission = arena_alloc(&x->arena, 1, sizeof(*x->admission));
	x->admission->access = access;
	x->admission->recorded = access->policy != NULL || audit_has_file();
	if (access->limits == NULL || access->address_burst == 0)
		return NEXT;
	address = limit_address(x->request.address, text);
	wait = limit_take(access->limits, LIMIT_ADDRESS, &address, 1, access->address_us,
	    access->address_burst, monotonic_us());
	return wait == 0
	    ? NEXT
	    : too_often(access, x, wait, "address", "too many requests from this address");
}

/* Callers */

/* Apache keeps Authorization from programs unless it is told not to. */
static bool
may_be_dropped(const struct exchange *x)
{
	struct text server = request_param(&x->request, "SERVER_SOFTWARE");

	return server.length >= 6 && memcmp(server.data, "Apache", 6) == 0 &&
	    request_param(&x->request, "HTTP_AUTHORIZATION").length == 0;
}

static enum step
unauthenticated(struct exchange *x, const struct caller_reason *reason)
{
	char header[200], rule[240];

	if (reason->had_credentials)
		snprintf(header, sizeof(header),
		    "Bearer realm=\"agora-backend\", error=\"invalid_token\", "
		    "error_description=\"%s\"",
		    reason->text);
	else
		snprintf(header, sizeof(header), "Bearer realm=\"agora-backend\"");
	response_header(&x->response, "WWW-Authenticate", text_of(header));
	snprintf(rule, sizeof(rule), "%s%s", reason->text,
	    !reason->had_credentials && may_be_dropped(x)
		? "; Apache passes the Authorization header on only with CGIPassAuth On"
		: "");
	return exchange_fail(x, ERROR_UNAUTHENTICATED, NULL, rule);
}

static void
put_claims(void *identity)
{
	struct identity *who = identity;

	json_object_put(who->claims);
	who->claims = NULL;
}

void
access_settle(struct exchange *x)
{
	struct admission *a = x->admission;

	if (a == NULL)
		return;
	if (a->identity.subject.data != NULL)
		a->identity.subject = arena_copy(&x->arena, a->identity.subject);
	put_claims(&a->identity);
	a->ask.project = a->project == NULL ? (struct text){ NULL, 0 } : a->project->name;
}

static enum step
too_often_wrong(const struct access *access, struct exchange *x, int64_t wait_us)
{
	return too_often(
	    access, x, wait_us, "failure", "too many wrong credentials from this address");
}

/* Wrong credentials cost their address one of its few, once.  Returns as limit_take does. */
static int64_t
charge(struct access *access, struct admission *a, struct text address)
{
	int64_t wait;

	if (access->limits == NULL || a->charged)
		return 0;
	wait = limit_take(access->limits, LIMIT_FAILURE, &address, 1, access->failure_us,
	    access->failure_burst, monotonic_us());
	a->charged = wait == 0;
	return wait;
}

static enum step
known(struct access *access, struct exchange *x, struct text address)
{
	struct admission *a = x->admission;

	if (a->charged)
		limit_give(access->limits, LIMIT_FAILURE, &address, 1, access->failure_us,
		    access->failure_burst, monotonic_us());
	a->charged = false;
	if (a->identity.claims != NULL)
		exchange_defer(x, put_claims, &a->identity);
	return NEXT;
}

static enum step
not_known(struct access *access, struct exchange *x, struct text address)
{
	struct admission *a = x->admission;
	int64_t wait = a->reason.had_credentials ? charge(access, a, address) : 0;

	if (wait > 0 && !in_shadow(access))
		return too_often_wrong(access, x, wait);
	metric_add(METRIC_AUTH_FAILURES, &LABELS(a->reason.kind, a->reason.text), 1);
	if (in_shadow(access))
		return NEXT; /* the grant step says it */
	unauthenticated(x, &a->reason);
	return refused(access, x, a->reason.text);
}

static enum step
no_keys(struct access *access, struct exchange *x, int64_t retry_us, const char *reason)
{
	if (in_shadow(access))
		return NEXT;
	response_retry_after(&x->response, retry_us);
	exchange_fail(x, ERROR_KEYS_UNAVAILABLE, NULL, NULL);
	return refused(access, x, reason);
}

/*
 * A token that nobody has verified may be anybody's, so what it may hold while its keys are fetched
 * is bounded, and it costs what a wrong one costs until it turns out to be good.
 */
static enum step
wait_for_keys(struct access *access, struct exchange *x, struct text address)
{
	struct admission *a = x->admission;
	int64_t wait;

	if (!exchange_may_wait(x, false) || !remote_keys_have_room(a->reason.wanted, address))
		return no_keys(access, x, 1000000, "too many requests wait for keys");
	wait = charge(access, a, address);
	if (wait > 0)
		return in_shadow(access) ? NEXT : too_often_wrong(access, x, wait);
	return remote_keys_wait(a->reason.wanted, x, address);
}

enum step
access_caller(struct access *access, struct exchange *x)
{
	struct admission *a = x->admission;
	struct text address;
	char text[LIMIT_ADDRESS_SIZE];
	int64_t wait;

	if (access->policy == NULL || is_public(x))
		return NEXT;
	address = limit_address(x->request.address, text);
	/*
	 * Where many clients share an address, a good key is worth nothing less for others' bad
	 * ones: nobody guesses 256 bits.  A token is not verified while the limit lasts, but for
	 * one that was charged before it waited for its keys.
	 */
	if (access->limits != NULL && !in_shadow(access) && !a->charged &&
	    caller_shows_jwt(access->policy, &x->request)) {
		wait = limit_look(access->limits, LIMIT_FAILURE, &address, 1, access->failure_us,
		    access->failure_burst, monotonic_us());
		if (wait > 0)
			return too_often_wrong(access, x, wait);
	}
	switch (caller_identify(
	    access->policy, access->remote, &x->request, x->now, &a->identity, &a->reason)) {
	case CALLER_KNOWN: return known(access, x, address);
	case CALLER_UNKNOWN: return not_known(access, x, address);
	case CALLER_KEYS_WANTED: return wait_for_keys(access, x, address);
	case CALLER_KEYS_MISSING: break;
	}
	return no_keys(access, x, (int64_t)REMOTE_KEYS_RETRY * 1000000,
	    "the keys that credentials are checked with cannot be had");
}

/* Grants */

/* Where the request has its effect, by its table. */
static void
ask_by_table(struct exchange *x, struct ask *ask)
{
	const struct table *table = x->route->input;
	struct text *channel;

	for (size_t i = 0; table != NULL && i < table->count; i++) {
		const struct field *f = &table->fields[i];

		if (!(f->flags & FIELD_SCOPE))
			continue;
		ask->placed = true;
		channel = (struct text *)(void *)((char *)x->input + f->offset);
		if (channel->data != NULL)
			ask->channels = (struct list){ channel, 1 };
	}
}

/*
 * The request's own choice of a project.  Where the policy has none the member is nothing of ours,
 * and left alone as others are that are not known.
 */
static bool
read_project(
    const struct policy *policy, struct exchange *x, struct ask *ask, struct field_error *error)
{
	struct json_object *value = x->members == NULL ? NULL : field_member(x->members, "project");

	if (value == NULL || policy == NULL || policy->projects.count == 0)
		return true;
	snprintf(error->field, sizeof(error->field), "project");
	if (!json_object_is_type(value, json_type_string)) {
		field_rule(error, "must be a string");
		return false;
	}
	ask->project = text_of(json_object_get_string(value));
	if (policy_project(policy, ask->project) != NULL)
		return true;
	field_rule(error, "is none of this server's projects");
	return false;
}

bool
access_ask(
    const struct policy *policy, struct exchange *x, struct ask *ask, struct field_error *error)
{
	if (x->route->ask != NULL)
		x->route->ask(x, ask);
	else
		ask_by_table(x, ask);
	return read_project(policy, x, ask, error);
}

static enum step
limit_grant(struct access *access, struct exchange *x)
{
	const struct admission *a = x->admission;
	const struct grant *g = a->verdict.grant;
	struct text key[] = { g->name, a->identity.caller->name, a->identity.subject };
	char address[LIMIT_ADDRESS_SIZE];
	int64_t wait;

	if (access->limits == NULL)
		return NEXT;
	/* Nobody in particular is known by where he comes from. */
	if (a->identity.caller->type == CALLER_ANONYMOUS)
		key[2] = limit_address(x->request.address, address);
	wait = limit_take(access->limits, LIMIT_GRANT, key, sizeof(key) / sizeof(key[0]),
	    g->rate_us, g->burst, monotonic_us());
	if (wait == 0)
		return NEXT;
	if (in_shadow(access)) {
		snprintf(x->admission->shadow, sizeof(x->admission->shadow),
		    "the grant's rate is used up");
		return NEXT;
	}
	return too_often(access, x, wait, "grant", "the grant's rate is used up");
}

/* As if he had named that project; whether he may. */
static bool
may_choose(const struct access *access, struct exchange *x, struct text project)
{
	struct admission *a = x->admission;
	struct ask ask = a->ask;

	ask.project = project;
	grant_evaluate(access->policy, &a->identity, &ask, &x->arena, &a->verdict);
	return a->verdict.allowed;
}

/* Of the projects that he may have, the one that what he asks for is about; else as ever. */
static void
evaluate(const struct access *access, struct exchange *x)
{
	struct admission *a = x->admission;
	const struct project *projects = access->policy->projects.items;

	if (a->ask.project.data == NULL && a->ask.app_id.data != NULL) {
		if (a->ask.is_default_app && may_choose(access, x, TEXT(PROJECT_DEFAULT)))
			return;
		for (size_t i = 0; i < access->policy->projects.count; i++)
			if (text_is_nocase(a->ask.app_id, projects[i].app_id.data) &&
			    may_choose(access, x, projects[i].name))
				return;
	}
	grant_evaluate(access->policy, &a->identity, &a->ask, &x->arena, &a->verdict);
}

static enum step
enforce(struct access *access, struct exchange *x)
{
	struct admission *a = x->admission;
	struct verdict *v = &a->verdict;

	evaluate(access, x);
	a->granted = v->allowed && !in_shadow(access);
	if (v->allowed) {
		if (a->granted) {
			grant_apply(v, &a->ask, &x->arena);
			if (v->project.data != NULL)
				a->project = policy_project(access->policy, v->project);
		}
		return limit_grant(access, x);
	}
	snprintf(a->shadow, sizeof(a->shadow), "%s: %s", dimension_name(v->dimension),
	    a->identity.caller == NULL ? a->reason.text : v->reason);
	metric_add(
	    METRIC_DENIED, &LABELS(dimension_name(v->dimension), access_mode(access->policy)), 1);
	if (in_shadow(access))
		return NEXT;
	response_not_granted(&x->response, dimension_name(v->dimension), v->reason, x->request.id);
	return refused(access, x, a->shadow);
}

/* What a request for an action says of its job. */

/*
 * Appends the URL's host: neither name nor password of a user, nor port, nor path, which may hold a
 * key.  A host that is there stays alone.
 */
static void
add_host(struct text url, struct buf *hosts)
{
	static const char host_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789.-_";
	const char *mark = memmem(url.data, url.length, "://", 3), *at;
	struct text rest, all = buf_view(hosts);
	size_t n = 0;

	if (mark == NULL)
		return;
	rest = (struct text){ mark + 3, url.length - (size_t)(mark + 3 - url.data) };
	while (n < rest.length && memchr("/?#\\", rest.data[n], 4) == NULL)
		n++;
	at = memrchr(rest.data, '@', n);
	if (at != NULL) {
		n -= (size_t)(at + 1 - rest.data);
		rest.data = at + 1;
	}
	rest.length = n;
	if (n > 0 && rest.data[0] == '[') {
		at = memchr(rest.data, ']', n);
		rest.length = at == NULL ? 0 : (size_t)(at + 1 - rest.data);
	} else {
		for (n = 0; n < rest.length && rest.data[n] != '\0' &&
		     strchr(host_bytes, rest.data[n]) != NULL;
		     n++)
			;
		rest.length = n;
	}
	if (rest.length == 0 || rest.length > AUDIT_TEXT_MAX)
		return;
	while (all.length > 0) {
		const char *comma = memchr(all.data, ',', all.length);
		const size_t one = comma == NULL ? all.length : (size_t)(comma - all.data);

		if (one == rest.length && memcmp(all.data, rest.data, one) == 0)
			return;
		all.data += one + (comma != NULL);
		all.length -= one + (comma != NULL);
	}
	buf_add(hosts, ",", hosts->length > 0);
	buf_add(hosts, rest.data, rest.length);
}

/* Of all URLs of streams and of pages in it, at any depth, as far as a record has room. */
static void
add_hosts(struct json_object *value, const char *name, struct buf *hosts)
{
	if (hosts->length > AUDIT_TEXT_MAX)
		return;
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, inner, member)
			add_hosts(member, inner, hosts);
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			add_hosts(json_object_array_get_idx(value, i), name, hosts);
	} else if (json_object_is_type(value, json_type_string) &&
	    (text_is_nocase(text_of(name), "rtmpUrl") ||
		text_is_nocase(text_of(name), "streamUrl") ||
		text_is_nocase(text_of(name), "url"))) {
		add_host((struct text){ json_object_get_string(value),
			     (size_t)json_object_get_string_len(value) },
		    hosts);
	}
}

static void
note_asked_job(struct exchange *x)
{
	struct admission *a = x->admission;
	const struct table *table = x->route->input;
	struct buf hosts = { 0 };

	for (size_t i = 0; table != NULL && i < table->count; i++) {
		const struct field *f = &table->fields[i];
		enum job_id id = 0;

		if (f->record == NULL)
			continue;
		while (strcmp(job_id_names[id], f->record) != 0)
			id++;
		access_note_job(x, id,
		    *(const struct text *)(const void *)((const char *)x->input + f->offset));
	}
	add_hosts(x->members, "", &hosts);
	if (hosts.length > 0)
		a->hosts = arena_copy(&x->arena, bounded(buf_view(&hosts)));
	buf_free(&hosts);
}

void
access_note_job(struct exchange *x, enum job_id id, struct text value)
{
	struct admission *a = x->admission;

	if (a == NULL || !a->recorded || value.length == 0)
		return;
	a->job[id] = arena_copy(&x->arena, cut(value, AUDIT_ID_MAX));
}

void
access_note_call(struct exchange *x, const struct call *call)
{
	struct admission *a = x->admission;

	if (a == NULL)
		return;
	a->calling = call != NULL;
	if (call == NULL)
		return;
	a->call = call;
	if (!call->prepares && strcmp(call->method, "GET") != 0)
		a->change = call;
}

/* The record of what is done. */
static struct audit_record
record_of_done(const struct access *access, struct exchange *x)
{
	const char *shadow = x->admission->shadow;

	if (access->policy == NULL)
		return record_of(x, "open", NULL);
	return shadow[0] != '\0' ? record_of(x, "shadow", shadow) : record_of(x, "allow", NULL);
}

/* What became of an action at Agora, as far as that is known. */
static const char *
outcome_of(const struct exchange *x)
{
	const struct admission *a = x->admission;
	const struct call *change = a->change;

	if (x->response.status < 300)
		return "done";
	if (x->response.error == response_error_code(ERROR_UNKNOWN_OUTCOME))
		return "unknown";
	if (change == NULL)
		return "failed";
	if (a->calling && a->call == change) /* given up in the middle of it */
		return change->tries > 0 ? "unknown" : "failed";
	if (change->doubtful)
		return "unknown";
	return a->calling && change->status >= 200 && change->status < 300 ? "done" : "failed";
}

static struct audit_record
record_of_outcome(struct exchange *x)
{
	const struct admission *a = x->admission;
	struct audit_record r = record_of(x, NULL, x->response.error);

	r.outcome = outcome_of(x);
	if (a->call != NULL)
		r.agora_status = a->change == NULL ? a->call->status : a->change->status;
	return r;
}

static bool
action_is_recorded(const struct access *access, struct exchange *x)
{
	const struct audit_record record = record_of_done(access, x);

	x->admission->lost =
	    !audit_write_now((enum record_format)access->settings->audit_format, &record);
	return !x->admission->lost || !access->settings->audit_required;
}

static bool
is_action(const struct exchange *x)
{
	return strcmp(x->route->action, ANY_CALLER) != 0 &&
	    strcmp(x->route->action, TOKEN_ISSUE) != 0;
}

enum step
access_grant(struct access *access, struct exchange *x)
{
	struct admission *a = x->admission;
	struct ask *ask = &a->ask;
	struct field_error error;

	if (is_public(x))
		return NEXT;
	ask->action = x->route->action;
	if (!access_ask(access->policy, x, ask, &error))
		return exchange_fail(x, ERROR_INVALID_FIELD, error.field, error.rule);
	if (ask->project.data != NULL)
		a->project = policy_project(access->policy, ask->project);
	if (a->recorded && x->route->wait != ROUTE_INLINE)
		note_asked_job(x);
	if (access->policy != NULL && strcmp(x->route->action, ANY_CALLER) != 0 &&
	    enforce(access, x) == ANSWERED)
		return ANSWERED;
	/* A token is recorded when it is there; an action before it is done. */
	if (!a->recorded || !is_action(x))
		return NEXT;
	if (x->route->wait != ROUTE_INLINE)
		random_id(a->act);
	if (action_is_recorded(access, x))
		return NEXT;
	a->act[0] = '\0'; /* nothing is done that could have an outcome */
	return exchange_fail(x, ERROR_AUDIT, NULL, NULL);
}

void
access_note_token(struct exchange *x, struct text token)
{
	struct admission *a = x->admission;
	unsigned char hash[32];

	if (a == NULL)
		return;
	metric_add(METRIC_TOKENS,
	    &LABELS(a->project == NULL ? PROJECT_DEFAULT : a->project->name.data, services_text(a),
		a->ask.has_role ? role_text(&a->ask) : "none"),
	    1);
	if (!a->recorded || a->token_count == sizeof(a->tokens) / sizeof(a->tokens[0]))
		return;
	sha256(token, hash);
	sodium_bin2hex(a->tokens[a->token_count++], sizeof(a->tokens[0]), hash, 4);
}

bool
access_account(struct access *access, struct exchange *x)
{
	struct admission *a = x->admission;
	struct audit_record record;

	if (a == NULL)
		return false;
	if (a->token_count > 0) { /* those are noted where there is to be a record */
		record = record_of_done(access, x);
		note(access, a, &record);
	}
	if (a->act[0] != '\0') {
		record = record_of_outcome(x);
		note(access, a, &record);
	}
	return a->noted;
}

bool
access_release(struct access *access, struct exchange *x, bool recorded)
{
	struct admission *a = x->admission;

	a->lost = a->lost || !recorded;
	if (recorded || a->token_count == 0 || !access->settings->audit_required)
		return false;
	exchange_fail(x, ERROR_AUDIT, NULL, NULL);
	return true;
}

static void
no_call(void *owner, struct call *call)
{
	(void)owner;
	(void)call;
}

/* Asks as a program would that can fetch, and so looks at the cache as that will. */
bool
access_wants_keys(const struct access *access, const struct exchange *x)
{
	static const struct sender supposed = { NULL, no_call, no_call };
	struct remote_key_list *list;
	struct caller_reason reason;
	struct identity who;
	bool wants;

	if (access->policy == NULL || !policy_has_remote_keys(access->policy) || is_public(x))
		return false;
	list = remote_keys_open(access->policy, &supposed, access->settings->key_cache);
	remote_keys_defer(list);
	wants = caller_identify(access->policy, list, &x->request, x->now, &who, &reason) ==
		CALLER_KEYS_WANTED ||
	    remote_keys_due(list);
	json_object_put(who.claims);
	remote_keys_close(list);
	return wants;
}

bool
access_keys_due(const struct access *access)
{
	return access->remote != NULL && remote_keys_due(access->remote);
}

void
access_fetch_keys(struct access *access, int64_t now)
{
	remote_keys_fetch_due(access->remote, now);
}

size_t
access_waiting_for_keys(const struct access *access)
{
	return access->remote == NULL ? 0 : remote_keys_waiting(access->remote);
}

bool
access_has_keys(const struct access *access, int64_t now)
{
	return access->remote == NULL || remote_keys_ready(access->remote, now);
}

bool
access_has_records(const struct access *access)
{
	return !access->settings->audit_required || audit_is_fine(monotonic_ms());
}

static void
certificate_metric(const char *project, struct text first, struct text second)
{
	metric_set(METRIC_CERTIFICATE_SLOT, &LABELS(project, "primary"), first.data != NULL);
	metric_set(METRIC_CERTIFICATE_SLOT, &LABELS(project, "secondary"), second.data != NULL);
}

void
access_metrics(const struct access *access, int64_t now)
{
	const struct policy *policy = access->policy;
	const struct project *projects = policy == NULL ? NULL : policy->projects.items;

	metric_set(METRIC_OPEN_MODE, &LABELS(NULL), strcmp(access_mode(policy), "on") != 0);
	for (size_t i = 0; policy != NULL && i < policy->projects.count; i++)
		certificate_metric(
		    projects[i].name.data, projects[i].certificate, projects[i].second_certificate);
	if (access->remote != NULL)
		remote_keys_metrics(access->remote, now);
}

struct text
access_bound(const struct exchange *x)
{
	const struct admission *a = x->admission;
	const struct text *channels;

	if (a == NULL || !a->granted || a->verdict.grant->everywhere || a->ask.channels.count == 0)
		return (struct text){ NULL, 0 };
	channels = a->ask.channels.items;
	return channels[0];
}

int64_t
access_share(struct exchange *x, struct text of, int64_t most, int64_t us)
{
	const struct admission *a = x->admission;
	const struct caller *caller = a == NULL ? NULL : a->identity.caller;
	struct text key[] = { of, { NULL, 0 }, { NULL, 0 } };
	char address[46];
	int64_t wait;

	if (a == NULL || a->access->limits == NULL)
		return 0;
	if (caller == NULL || caller->type == CALLER_ANONYMOUS) {
		key[2] = limit_address(x->request.address, address);
	} else {
		key[1] = caller->name;
		key[2] = a->identity.subject;
	}
	wait = limit_take(a->access->limits, LIMIT_SHARE, key, sizeof(key) / sizeof(key[0]),
	    us / most, most, monotonic_us());
	if (wait > 0)
		metric_add(METRIC_RATE_LIMITED, &LABELS("share"), 1);
	return wait;
}

enum step
access_out_of_bounds(struct exchange *x)
{
	static const char reason[] = "Agora does not list the job in the channel that was named; a "
				     "new one appears after some seconds";

	response_retry_after(&x->response, 10000000);
	response_not_granted(
	    &x->response, dimension_name(DIMENSION_CHANNEL), reason, x->request.id);
	return refused(x->admission->access, x, reason);
}
