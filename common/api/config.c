#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "actions.h"
#include "config.h"
#include "storage.h"
#include "host.h"
#include "log.h"
#include "transcription.h"

static bool
is_base_path(struct text value, struct field_error *error)
{
	if (value.data[0] == '/' && value.data[value.length - 1] != '/' &&
	    memchr(value.data, '?', value.length) == NULL)
		return true;
	field_rule(error, "must begin with / and not end with it");
	return false;
}

static const struct choice consoles[] = { { "off", CONSOLE_OFF }, { "local", CONSOLE_LOCAL },
	{ "on", CONSOLE_ON }, { NULL, 0 } };

#define AT(member) offsetof(struct api_settings, member)

static const struct field api_fields[] = {
	{ "CORS_ALLOW_ORIGIN", FIELD_TEXT, 0, AT(cors_allow_origin), .check = cors_origins_check,
	    .meaning = "origins that browsers may call from: a list with commas; "
		       "https://*.example.com is all below example.com, * any; unset = the same "
		       "origin only" },
	{ "CORS_ALLOW_HEADERS", FIELD_TEXT, 0, AT(cors_allow_headers), .check = cors_headers_check,
	    .meaning = "request headers that pages may send beside the usual ones: a list with "
		       "commas, or *" },
	{ "ALLOWED_HOSTS", FIELD_TEXT, 0, AT(allowed_hosts), .check = is_host_list,
	    .meaning = "host names of the service, with commas; *.example.com has those below it; "
		       "others get 421, but for IP addresses; unset = any" },
	{ "BASE_PATH", FIELD_TEXT, 0, AT(base_path), .check = is_base_path,
	    .meaning = "prefix of every path, where the web server passes on a part of a site" },
	{ "MAX_BODY", FIELD_INT, 0, AT(max_body), 1024, 1048576, "bytes",
	    .fallback = REQUEST_BODY_MAX, .meaning = "largest request body" },
	{ "MAX_VALUES", FIELD_INT, 0, AT(max_values), 64, 65536, .fallback = REQUEST_VALUES_MAX,
	    .meaning = "most values of a request, and names of members; more get 400" },
	{ "CONSOLE", FIELD_CHOICE, 0, AT(console), .choices = consoles, .fallback = CONSOLE_OFF,
	    .meaning = "off, local or on: whom the web server shows the console" },
};

static const struct table api_table = TEXT_TABLE(api_fields, struct api_settings);

/* Known, and not for the responder: nginx/serve and the container listen there. */
static const struct field serve_fields[] = {
	{ "SERVER_PORT", FIELD_TEXT, .meaning = "port for nginx/serve (default 8080)" },
	{ "PORT", FIELD_TEXT, .meaning = "the same, looked at second" },
};

static const struct table serve_table = TEXT_TABLE(serve_fields, struct text);

const struct table *const config_tables[] = { &token_settings_table, &api_table,
	&access_settings_table, &upstream_settings_table, &rest_settings_table,
	&storage_settings_table, &serve_table };
const size_t config_table_count = sizeof(config_tables) / sizeof(config_tables[0]);

struct secret_files {
	void (*each)(void *owner, const char *what, const char *path);
	void *owner;
	struct buf what, path;
};

static void
visit(struct secret_files *s)
{
	buf_add(&s->what, "", 1);
	buf_add(&s->path, "", 1);
	s->each(s->owner, s->what.data, s->path.data);
	buf_clear(&s->what);
	buf_clear(&s->path);
}

/* A path in the policy is relative to the policy. */
static void
visit_named(struct secret_files *s, const struct config *config, const char *path)
{
	const char *policy = config->access.policy_file.data, *slash = strrchr(policy, '/');

	if (path[0] != '/' && slash != NULL)
		buf_add(&s->path, policy, (size_t)(slash + 1 - policy));
	buf_text(&s->path, path);
	visit(s);
}

static void
visit_project(struct secret_files *s, const struct config *config, const struct project *p)
{
	const struct {
		const char *member;
		struct text path;
	} files[] = { { "certificateFile", p->certificate_file },
		{ "secondCertificateFile", p->second_certificate_file },
		{ "customerSecretFile", p->customer_secret_file } };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i].path.data != NULL) {
			buf_printf(&s->what, "project %s, %s", p->name.data, files[i].member);
			visit_named(s, config, files[i].path.data);
		}
}

/* Of a caller's keys those that sign as well as verify. */
static void
visit_keys(struct secret_files *s, const struct config *config, const struct caller *c)
{
	const struct text *sources = c->sources.items;
	bool secret = false;

	for (size_t i = 0; i < c->algorithm_count; i++)
		secret = secret || c->algorithms[i] == ALGORITHM_HS256;
	for (size_t i = 0; secret && i < c->sources.count; i++)
		if (strncmp(sources[i].data, "file:", 5) == 0) {
			buf_printf(&s->what, "caller %s, keys", c->name.data);
			visit_named(s, config, sources[i].data + 5);
		}
}

void
config_secret_files(const struct config *config,
    void (*each)(void *owner, const char *what, const char *path), void *owner)
{
	struct secret_files s = { .each = each, .owner = owner };
	const struct policy *policy = config->policy;
	const struct project *projects = policy == NULL ? NULL : policy->projects.items;
	const struct caller *callers = policy == NULL ? NULL : policy->callers.items;

	for (size_t t = 0; t < config_table_count; t++)
		for (size_t i = 0; i < config_tables[t]->count; i++) {
			const struct field *f = &config_tables[t]->fields[i];
			struct text path = settings_file(config->settings, f);

			if (!(f->flags & FIELD_SECRET) || path.data == NULL)
				continue;
			buf_printf(&s.what, "%s_FILE", f->name);
			buf_add(&s.path, path.data, path.length);
			visit(&s);
		}
	for (size_t i = 0; policy != NULL && i < policy->projects.count; i++)
		visit_project(&s, config, &projects[i]);
	for (size_t i = 0; policy != NULL && i < policy->callers.count; i++)
		visit_keys(&s, config, &callers[i]);
	buf_free(&s.what);
	buf_free(&s.path);
}

/* Not refused: what Docker and Kubernetes mount for one container has mode 0444. */
static void
warn_of_open_file(void *owner, const char *what, const char *path)
{
	struct stat info;

	(void)owner;
	if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_mode & S_IRWXO)
		log_line(LOG_LEVEL_WARNING,
		    "%s: %s has mode %04o: every user of this machine may use it; chmod o= %s",
		    what, path, (unsigned)info.st_mode & 07777, path);
}

static void
warn_unknown(const char *file, size_t line, const char *name, const char *meant)
{
	char place[32] = "";

	if (file != NULL)
		snprintf(place, sizeof(place), ":%zu", line);
	log_line(LOG_LEVEL_WARNING, "%s%s: %s is not a setting of this program%s%s%s",
	    file == NULL ? "environment" : file, place, name,
	    meant == NULL ? "" : "; did you mean ", meant == NULL ? "" : meant,
	    meant == NULL ? "" : "?");
}

static void
warn_twice(const char *name, bool value_counts)
{
	log_line(LOG_LEVEL_WARNING, "%s and %s_FILE are both set: %s%s counts", name, name, name,
	    value_counts ? "" : "_FILE");
}

static void
warn_of_dead_grants(const struct policy *policy)
{
	const struct grant *grants = policy == NULL ? NULL : policy->grants.items;

	for (size_t i = 0; policy != NULL && i < policy->grants.count; i++) {
		const char *member = policy_dead_member(policy, &grants[i]);

		if (member != NULL)
			log_line(LOG_LEVEL_WARNING, "the policy's /grants/%zu/%s %s", i, member,
			    POLICY_DEAD_RULE);
	}
}

static void
warn_of_lists(const struct policy *policy)
{
	const struct caller *callers = policy == NULL ? NULL : policy->callers.items;

	for (size_t i = 0; policy != NULL && i < policy->callers.count; i++)
		if (caller_leaves_lists_out(&callers[i]))
			log_line(LOG_LEVEL_WARNING, "the policy's /callers/%s " POLICY_LISTS_RULE,
			    callers[i].name.data);
}

void
config_warn_unknown(const struct config *config, const struct table *own)
{
	const struct table *known[sizeof(config_tables) / sizeof(config_tables[0]) + 1];

	memcpy(known, config_tables, sizeof(config_tables));
	known[config_table_count] = own;
	settings_unknown(
	    config->settings, known, config_table_count + (own == NULL ? 0 : 1), warn_unknown);
	settings_twice(
	    config->settings, known, config_table_count + (own == NULL ? 0 : 1), warn_twice);
	config_secret_files(config, warn_of_open_file, NULL);
	if (rtt_url_has_ended(config->rest.rtt_url))
		log_line(LOG_LEVEL_WARNING,
		    "AGORA_RTT_URL names an API that Agora has ended; its version 7 is used: "
		    "api/speech-to-text/v1/projects/{appId}");
	if (config->policy == NULL)
		log_line(LOG_LEVEL_WARNING,
		    "POLICY_FILE is not set: the service is open, and whoever reaches it gets any "
		    "token%s",
		    config_takes_any_host(config) ? "; ALLOWED_HOSTS is not set: " ANY_HOST_RULE
						  : "");
	else if (config->policy->enforce == ENFORCE_LOG)
		log_line(LOG_LEVEL_WARNING,
		    "the policy says \"enforce\": \"log\": nothing is refused, only recorded");
	warn_of_dead_grants(config->policy);
	warn_of_lists(config->policy);
	if (config_storage_is_unknown(config))
		log_line(LOG_LEVEL_WARNING,
		    "STORAGE_REGION %lld of STORAGE_VENDOR %lld is not in this release's copy of "
		    "Agora's table of storage regions; Agora may refuse it",
		    (long long)config->storage.region, (long long)config->storage.vendor);
}

bool
config_takes_any_host(const struct config *config)
{
	const struct policy *policy = config->policy;
	const struct caller *callers = policy == NULL ? NULL : policy->callers.items;
	bool open = policy == NULL || policy->enforce == ENFORCE_LOG;

	for (size_t i = 0; policy != NULL && i < policy->callers.count; i++)
		open = open || callers[i].type == CALLER_ANONYMOUS;
	return open && config->api.allowed_hosts.data == NULL;
}

bool
config_storage_is_unknown(const struct config *config)
{
	const struct storage_settings *s = &config->storage;

	return config_has_upstream(config) && s->vendor >= 0 && s->region >= 0 &&
	    !storage_region_exists(s->vendor, s->region);
}

bool
config_has_upstream(const struct config *config)
{
	return config->upstream.base_url.data != NULL || config->upstream.area.data != NULL;
}

/* Its API takes tokens of the project's; the others want a customer id and secret. */
static bool
is_transcription_alone(const struct config *config)
{
	return config->rest.rtt_url.data != NULL && config->rest.recording_url.data == NULL &&
	    config->rest.rtmp_url.data == NULL && config->rest.player_url.data == NULL &&
	    config->upstream.customer_id.data == NULL &&
	    config->upstream.customer_secret.data == NULL;
}

/* What one setting requires of another. */
static bool
check_rest(const struct config *config, struct buf *error)
{
	if (!config_has_upstream(config))
		return true;
	if (!is_transcription_alone(config) &&
	    (config->upstream.customer_id.data == NULL ||
		config->upstream.customer_secret.data == NULL)) {
		buf_printf(error, "%s: is required with AGORA_BASE_URL or AGORA_AREA",
		    config->upstream.customer_id.data == NULL ? "CUSTOMER_ID" : "CUSTOMER_SECRET");
		return false;
	}
	return true;
}

static bool
check_audit(const struct config *config, struct buf *error)
{
	if (config->access.audit_key.data == NULL || config->access.audit_file.data != NULL)
		return true;
	buf_text(error, "AUDIT_KEY: AUDIT_FILE is not set, and the chain is kept nowhere else");
	return false;
}

void
config_forget_audit_key(const struct config *config)
{
	settings_forget(config->settings, "AUDIT_KEY");
}

static bool
read_policy(
    struct config *config, const struct route *routes, size_t route_count, struct buf *error)
{
	const char *path = config->access.policy_file.data;
	struct buf why = { 0 };
	bool good;

	if (path == NULL)
		return true;
	config->policy = policy_open(path, &why);
	good = config->policy != NULL &&
	    policy_actions_exist(config->policy, path, routes, route_count, &why);
	if (!good)
		buf_printf(error, "POLICY_FILE: %.*s", (int)why.length, why.data);
	buf_free(&why);
	return good;
}

struct config *
config_open(const char *env_file, char *const *environment, const struct route *routes,
    size_t route_count, const struct table *own, void *own_out, struct buf *error)
{
	struct config *config = xcalloc(1, sizeof(*config));

	config->settings = settings_open(env_file, environment, error);
	if (config->settings == NULL ||
	    !settings_read(config->settings, &token_settings_table, &config->token, error) ||
	    !settings_read(config->settings, &api_table, &config->api, error) ||
	    !settings_read(config->settings, &upstream_settings_table, &config->upstream, error) ||
	    !settings_read(config->settings, &rest_settings_table, &config->rest, error) ||
	    !settings_read(config->settings, &storage_settings_table, &config->storage, error) ||
	    !settings_read(config->settings, &access_settings_table, &config->access, error) ||
	    !check_audit(config, error) || !check_rest(config, error) ||
	    !read_policy(config, routes, route_count, error) ||
	    (own != NULL && !settings_read(config->settings, own, own_out, error))) {
		config_close(config);
		return NULL;
	}
	cors_make(config->api.cors_allow_origin, config->api.cors_allow_headers, &config->arena,
	    &config->cors);
	return config;
}

void
config_close(struct config *config)
{
	if (config == NULL)
		return;
	policy_close(config->policy);
	arena_free(&config->arena);
	settings_free(config->settings);
	free(config);
}
