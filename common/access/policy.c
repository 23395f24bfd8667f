#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "policy.h"
#include "settings.h"

#define NAME_MAX_BYTES 64 /* of a caller, grant or project */
#define LIST_MAX 1024
#define SECRET_MAX 4096
#define LEEWAY_MAX 600
#define HASH_BYTES 32

const struct choice policy_services[] = { { "rtc", SERVICE_RTC }, { "rtm", SERVICE_RTM },
	{ "chat", SERVICE_CHAT }, { "chat-app", SERVICE_CHAT_APP }, { "apaas", SERVICE_APAAS },
	{ "apaas-app", SERVICE_APAAS_APP }, { "fpa", SERVICE_FPA },
	{ "streaming", SERVICE_STREAMING }, { "fcdn", SERVICE_FCDN }, { "rtm2", SERVICE_RTM2 },
	{ "convoai", SERVICE_CONVOAI }, { "stt", SERVICE_STT }, { NULL, 0 } };

static const struct choice types[] = { { "apikey", CALLER_APIKEY }, { "jwt", CALLER_JWT },
	{ "frontend", CALLER_FRONTEND }, { "mtls", CALLER_MTLS }, { "anonymous", CALLER_ANONYMOUS },
	{ NULL, 0 } };

static const struct choice roles[] = { { "subscriber", GRANT_SUBSCRIBER },
	{ "publisher", GRANT_PUBLISHER }, { NULL, 0 } };

static const struct choice enforces[] = { { "on", ENFORCE_ON }, { "log", ENFORCE_LOG },
	{ NULL, 0 } };

/* Rules of texts */

/* A caller's name is the id in its API keys, where _ ends it. */
bool
is_caller_name(struct text value, struct field_error *error)
{
	bool fine = value.length > 0 && value.length <= NAME_MAX_BYTES;

	for (size_t i = 0; i < value.length; i++) {
		char c = value.data[i];

		fine = fine &&
		    ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			c == '-' || c == '.');
	}
	if (!fine)
		field_rule(error, "must have a name of 1 to 64 letters, digits, - and .");
	return fine;
}

/* The settings' own project has a name in metrics and /status. */
static bool
is_project_name(struct text value, struct field_error *error)
{
	if (!text_is(value, PROJECT_DEFAULT))
		return is_caller_name(value, error);
	field_rule(
	    error, "must have another name: " PROJECT_DEFAULT " is the settings' own project");
	return false;
}

/* Names go into logs and answers. */
static bool
is_name(struct text value, struct field_error *error)
{
	for (size_t i = 0; i < value.length; i++)
		if (value.data[i] <= 0x20 || value.data[i] >= 0x7f || value.data[i] == '"') {
			field_rule(error, "must be printable ASCII without blanks and quotes");
			return false;
		}
	return true;
}

static bool
is_hash(struct text value, struct field_error *error)
{
	unsigned char bytes[HASH_BYTES];

	if (value.length == 2 * sizeof(bytes) && hex_decode(value, bytes))
		return true;
	field_rule(error, "must be the 64 hexadecimal digits of a SHA-256");
	return false;
}

static bool
same(struct text a, struct text b)
{
	return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

static bool
starts_with(struct text text, const char *start)
{
	return text.length > strlen(start) && memcmp(text.data, start, strlen(start)) == 0;
}

static bool
is_source(struct text value, struct field_error *error)
{
	bool plain = true;

	for (size_t i = 0; i < value.length; i++)
		plain = plain && value.data[i] > 0x20 && value.data[i] < 0x7f;
	if (starts_with(value, "file:") || (starts_with(value, "https://") && plain))
		return true;
	field_rule(error, "must begin with file: or https://");
	return false;
}

/* Whether a parameter holds what the client sent: its headers, its path, its query. */
static bool
clients_choose(struct text parameter)
{
	static const char *const starts[] = { "HTTP_", "QUERY_STRING", "REQUEST_", "CONTENT_",
		"PATH_", "SCRIPT_", "DOCUMENT_URI", "SERVER_NAME", "SERVER_PROTOCOL", "REMOTE_PORT",
		"SSL_TLS_SNI" };
	static const char again[] = "REDIRECT_"; /* Apache's, of the request before a redirect */
	const size_t length = sizeof(again) - 1;

	while (parameter.length > length && memcmp(parameter.data, again, length) == 0)
		parameter = (struct text){ parameter.data + length, parameter.length - length };
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (parameter.length >= strlen(starts[i]) &&
		    memcmp(parameter.data, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

static bool
is_parameter(struct text value, struct field_error *error)
{
	bool fine = value.length > 0 && !clients_choose(value);

	for (size_t i = 0; i < value.length; i++) {
		char c = value.data[i];

		fine = fine && ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_');
	}
	if (!fine)
		field_rule(error,
		    "must name a parameter of the web server's: capital letters, digits and _, and "
		    "none that clients choose, such as HTTP_... and QUERY_STRING");
	return fine;
}

/* What behind the number stands for so many seconds. */
static bool
unit_seconds(struct text unit, bool words, int64_t *seconds)
{
	static const struct {
		const char *letter, *word;
		int64_t seconds;
	} units[] = { { "s", "s", 1 }, { "m", "min", 60 }, { "h", "h", 3600 },
		{ "d", "day", 86400 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (text_is(unit, words ? units[i].word : units[i].letter)) {
			*seconds = units[i].seconds;
			return true;
		}
	return false;
}

static bool
ttl_read(struct text text, int64_t *ttl)
{
	uint64_t n;
	int64_t seconds;

	if (text.length < 2 ||
	    !unit_seconds((struct text){ text.data + text.length - 1, 1 }, false, &seconds) ||
	    !text_number((struct text){ text.data, text.length - 1 }, TTL_MAX, &n))
		return false;
	*ttl = (int64_t)n * seconds;
	return *ttl >= 1 && *ttl <= TTL_MAX;
}

static bool
is_ttl(struct text value, struct field_error *error)
{
	int64_t ttl;

	if (ttl_read(value, &ttl))
		return true;
	field_rule(error, "must be a duration like \"45s\", \"30m\" or \"2h\", at most \"24h\"");
	return false;
}

bool
rate_read(struct text text, int64_t *interval_us, int64_t *burst)
{
	const char *slash = memchr(text.data, '/', text.length);
	size_t length = slash == NULL ? 0 : (size_t)(slash - text.data);
	uint64_t n;
	int64_t seconds;

	if (slash == NULL || !text_number((struct text){ text.data, length }, 1000000, &n) ||
	    n == 0 ||
	    !unit_seconds((struct text){ slash + 1, text.length - length - 1 }, true, &seconds))
		return false;
	*interval_us = seconds * 1000000 / (int64_t)n;
	*burst = (int64_t)n;
	return true;
}

bool
is_rate(struct text value, struct field_error *error)
{
	int64_t interval, burst;

	if (rate_read(value, &interval, &burst))
		return true;
	field_rule(error, "must be a rate like \"5/s\", \"20/min\", \"100/h\" or \"500/day\"");
	return false;
}

/* Tables */

#define AT(member) offsetof(struct caller, member)
#define TYPE(type) (UINT64_C(1) << (type))

static const struct field caller_fields[] = {
	{ "type", FIELD_CHOICE, FIELD_REQUIRED | FIELD_DECIDES, AT(type), .choices = types,
	    .meaning = "how it proves who it is" },
	{ "sha256", FIELD_TEXTS, FIELD_REQUIRED | FIELD_OR_ONE, AT(hashes), .max = LIST_MAX,
	    .when = TYPE(CALLER_APIKEY), .check = is_hash,
	    .meaning = "SHA-256 of its keys, as `agora-token key new` prints it" },
	{ "keys", FIELD_TEXTS, FIELD_REQUIRED | FIELD_OR_ONE, AT(sources), .max = 8,
	    .when = TYPE(CALLER_JWT), .check = is_source,
	    .meaning = "\"https://...\" of a JWKS, or \"file:PATH\" of a JWKS, PEM or secret" },
	{ "algorithms", FIELD_TEXTS, FIELD_REQUIRED | FIELD_OR_ONE, AT(algorithm_names),
	    .max = ALGORITHMS_MAX, .when = TYPE(CALLER_JWT),
	    .meaning = "HS256, RS256, PS256, ES256, EdDSA" },
	{ "issuer", FIELD_TEXT, FIELD_REQUIRED, AT(issuer), 1, 1024, .when = TYPE(CALLER_JWT),
	    .meaning = "the iss that its tokens have" },
	{ "audience", FIELD_TEXTS, FIELD_REQUIRED | FIELD_OR_ONE, AT(audiences), .max = 16,
	    .when = TYPE(CALLER_JWT), .meaning = "an aud that they have; [] = not looked at" },
	{ "leeway", FIELD_INT, 0, AT(leeway), 0, LEEWAY_MAX, "seconds", .fallback = 30,
	    .when = TYPE(CALLER_JWT), .meaning = "how far clocks may differ" },
	{ "parameter", FIELD_TEXT, 0, AT(parameter),
	    .when = TYPE(CALLER_FRONTEND) | TYPE(CALLER_MTLS), .check = is_parameter,
	    .meaning = "the web server's parameter with the user's name" },
	{ "claims", FIELD_JSON, 0, AT(claims), .when = TYPE(CALLER_FRONTEND) | TYPE(CALLER_MTLS),
	    .meaning = "claim -> the parameter that holds it" },
	{ "lists", FIELD_TEXTS, FIELD_OR_ONE, AT(lists), .max = LIST_MAX,
	    .when = TYPE(CALLER_FRONTEND) | TYPE(CALLER_MTLS),
	    .meaning = "those of its claims that are lists, joined with commas" },
};
static const struct table caller_table = CLOSED_TABLE(caller_fields, struct caller);

#undef AT
#define AT(member) offsetof(struct grant, member)

static const struct field grant_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED, AT(name), 1, NAME_MAX_BYTES, .check = is_name,
	    .meaning = "for the log" },
	{ "from", FIELD_TEXTS, FIELD_REQUIRED | FIELD_OR_ONE, AT(from), .max = LIST_MAX,
	    .check = is_caller_name, .meaning = "whose it is: names of callers" },
	{ "when", FIELD_JSON, 0, AT(when), .meaning = "claim -> the value or values it must have" },
	{ "actions", FIELD_TEXTS, FIELD_OR_ONE, AT(actions), .max = LIST_MAX,
	    .meaning = "what it allows; absent = token.issue" },
	{ "services", FIELD_TEXTS, FIELD_OR_ONE, AT(service_names), .max = LIST_MAX,
	    .meaning = "what its tokens are for" },
	{ "channels", FIELD_TEXTS, FIELD_OR_ONE, AT(channels), .max = LIST_MAX,
	    .meaning = "where; * stands for anything without a *" },
	{ "wildcard", FIELD_BOOL, 0, AT(wildcard), .meaning = "true: also channels with a *" },
	{ "uid", FIELD_TEXT, 0, AT(uid), 1, 256,
	    .meaning = "as whom; absent = ${sub}, \"any\" = whoever it says, everyone too" },
	{ "role", FIELD_CHOICE, 0, AT(role), .choices = roles,
	    .meaning = "publisher, or subscriber" },
	{ "ttl", FIELD_TEXT, 0, AT(ttl_text), .check = is_ttl,
	    .meaning = "longest lifetime, like 30m; absent = 24h" },
	{ "rate", FIELD_TEXT, 0, AT(rate_text), .check = is_rate,
	    .meaning = "for each caller and subject, like 20/min" },
	{ "project", FIELD_TEXT, 0, AT(project), 1, NAME_MAX_BYTES,
	    .meaning = "of the projects; absent = the settings', * = any" },
};
static const struct table grant_table = CLOSED_TABLE(grant_fields, struct grant);

#undef AT
#define AT(member) offsetof(struct project, member)
#define OPTIONAL(name, flags, member, most, text)                                                  \
	{                                                                                          \
		name, FIELD_TEXT, flags, AT(member), 1, most, .meaning = text                      \
	}

static const struct field project_fields[] = {
	{ "appId", FIELD_TEXT, FIELD_REQUIRED, AT(app_id), 1, 64, .meaning = "its App ID" },
	OPTIONAL("certificate", FIELD_SECRET, certificate, 64, "its App Certificate"),
	OPTIONAL("certificateFile", 0, certificate_file, 4096, "a file that holds it"),
	OPTIONAL("secondCertificate", FIELD_SECRET, second_certificate, 64,
	    "one that only verifies, while certificates change"),
	OPTIONAL("secondCertificateFile", 0, second_certificate_file, 4096, "a file that holds it"),
	OPTIONAL("customerId", 0, customer_id, 256, "for Agora's REST API"),
	OPTIONAL("customerSecret", FIELD_SECRET, customer_secret, 256, "its secret"),
	OPTIONAL("customerSecretFile", 0, customer_secret_file, 4096, "a file that holds it"),
};
static const struct table project_table = CLOSED_TABLE(project_fields, struct project);

#undef AT
#define AT(member) offsetof(struct policy, member)

static const struct field policy_fields[] = {
	{ "enforce", FIELD_CHOICE, 0, AT(enforce), .choices = enforces,
	    .meaning = "on, or log: refuse nothing and say what would be refused" },
	{ "callers", FIELD_MAP, FIELD_REQUIRED, AT(callers), .nested = &caller_table,
	    .check = is_caller_name, .meaning = "who may ask" },
	{ "grants", FIELD_LIST, FIELD_REQUIRED, AT(grants), .max = LIST_MAX, .nested = &grant_table,
	    .meaning = "for what; the first that covers a request counts" },
	{ "projects", FIELD_MAP, 0, AT(projects), .nested = &project_table,
	    .check = is_project_name, .meaning = "Agora projects beside the settings' own" },
};
static const struct table policy_table = CLOSED_TABLE(policy_fields, struct policy);

#undef AT

/* What tables cannot say.  Each returns false with where (a JSON pointer) and rule filled. */

struct trouble {
	char where[160], rule[320];
};

static bool
refuse(struct trouble *t, const char *kind, struct text name, size_t index, const char *member,
    const char *rule)
{
	if (name.data != NULL)
		snprintf(t->where, sizeof(t->where), "/%s/%.*s/%s", kind, (int)name.length,
		    name.data, member);
	else
		snprintf(t->where, sizeof(t->where), "/%s/%zu/%s", kind, index, member);
	if (rule != t->rule)
		snprintf(t->rule, sizeof(t->rule), "%s", rule);
	return false;
}

/* "callers[a.b].keys[2]" is /callers/a.b/keys/2. */
static void
pointer(const char *field, char *out, size_t size)
{
	size_t n = 0;
	bool bracketed = false;

	out[n++] = '/';
	for (; *field != '\0' && n + 1 < size; field++) {
		bracketed = *field == '[' || (bracketed && *field != ']');
		if (*field == '[' || (*field == '.' && !bracketed))
			out[n++] = '/';
		else if (*field != ']')
			out[n++] = *field;
	}
	out[n] = '\0';
}

/* One line, whatever is in the names and paths of the policy. */
static void
complain(struct buf *error, const char *path, const char *where, const char *rule)
{
	size_t start = error->length;

	buf_printf(error, "%s: %s: %s", path, where, rule);
	for (size_t i = start; i < error->length; i++)
		if ((unsigned char)error->data[i] < 0x20 || error->data[i] == 0x7f)
			error->data[i] = '?';
}

/* A path in the policy is relative to the policy. */
static void
add_path(struct buf *path, const char *policy_path, struct text relative)
{
	const char *slash = strrchr(policy_path, '/');

	if (relative.length > 0 && relative.data[0] != '/' && slash != NULL)
		buf_add(path, policy_path, (size_t)(slash - policy_path) + 1);
	buf_add(path, relative.data, relative.length);
	buf_add(path, "", 1);
}

static bool
read_keys_file(struct caller *c, const char *policy_path, struct text source, struct key_set **keys,
    struct trouble *t)
{
	struct buf path = { 0 }, content = { 0 }, error = { 0 };
	const char *problem;

	add_path(&path, policy_path, (struct text){ source.data + 5, source.length - 5 });
	problem = buf_file(&content, path.data, KEYS_TEXT_MAX);
	if (problem == NULL)
		*keys = keys_read(buf_view(&content),
		    &(struct key_rules){ c->algorithms, c->algorithm_count, true }, &error);
	if (*keys == NULL)
		snprintf(t->rule, sizeof(t->rule), "%s: %.*s", path.data,
		    problem != NULL ? (int)strlen(problem) : (int)error.length,
		    problem != NULL ? problem : error.data);
	buf_wipe(&content);
	buf_free(&content);
	buf_free(&path);
	buf_free(&error);
	return *keys != NULL || refuse(t, "callers", c->name, 0, "keys", t->rule);
}

/* Of a set that is fetched no secret is taken. */
static bool
check_published(const struct caller *c, struct trouble *t)
{
	const struct text *sources = c->sources.items;
	bool others = false;

	for (size_t i = 0; i < c->algorithm_count; i++)
		others = others || c->algorithms[i] != ALGORITHM_HS256;
	for (size_t i = 0; i < c->sources.count; i++)
		if (!others && !starts_with(sources[i], "file:"))
			return refuse(t, "callers", c->name, 0, "keys",
			    "must begin with file: where HS256 is the only algorithm, for what is "
			    "published is no secret");
	return true;
}

static bool
finish_jwt(struct policy *policy, struct caller *c, const char *path, struct trouble *t)
{
	const struct text *names = c->algorithm_names.items, *sources = c->sources.items;
	size_t files = 0;

	for (size_t i = 0; i < c->algorithm_names.count; i++) {
		if (!algorithm_read(names[i], &c->algorithms[i]))
			return refuse(t, "callers", c->name, 0, "algorithms",
			    "must be of HS256, RS256, PS256, ES256 and EdDSA");
		c->algorithm_count++;
	}
	if (c->algorithm_count == 0)
		return refuse(t, "callers", c->name, 0, "algorithms", "must name one");
	if (c->sources.count == 0)
		return refuse(t, "callers", c->name, 0, "keys", "must name one");
	if (!check_published(c, t))
		return false;
	c->files = arena_alloc(&policy->arena, c->sources.count + 1, sizeof(struct key_set *));
	for (size_t i = 0; i < c->sources.count; i++)
		if (starts_with(sources[i], "file:") &&
		    !read_keys_file(c, path, sources[i], &c->files[files++], t))
			return false;
	return true;
}

/* Such a parameter is only as good as SSL_CLIENT_VERIFY, which is looked at for mtls alone. */
static bool
wants_mtls(const struct caller *c, struct text parameter)
{
	return c->type == CALLER_FRONTEND && starts_with(parameter, "SSL_CLIENT_");
}

static bool
finish_claims(struct caller *c, struct trouble *t)
{
	static const char wrong_type[] = "SSL_CLIENT_... wants type mtls, where the certificate "
					 "must have been verified";
	struct field_error error;

	if (c->parameter.data == NULL)
		c->parameter =
		    c->type == CALLER_MTLS ? TEXT("SSL_CLIENT_S_DN") : TEXT("REMOTE_USER");
	if (wants_mtls(c, c->parameter))
		return refuse(t, "callers", c->name, 0, "parameter", wrong_type);
	if (c->claims == NULL)
		return true;
	json_object_object_foreach(c->claims, name, value) {
		if (!json_object_is_type(value, json_type_string) ||
		    !is_parameter(text_of(json_object_get_string(value)), &error))
			return refuse(t, "callers", c->name, 0, "claims",
			    "must map claims to parameters of the web server's, and none that "
			    "clients choose, such as HTTP_... and QUERY_STRING");
		if (strcmp(name, "sub") == 0)
			return refuse(t, "callers", c->name, 0, "claims",
			    "must not have sub, which is the user that parameter holds");
		if (wants_mtls(c, text_of(json_object_get_string(value))))
			return refuse(t, "callers", c->name, 0, "claims", wrong_type);
	}
	return true;
}

/* A name in it that is no claim would be a typing error that closes doors later. */
static bool
finish_lists(const struct caller *c, struct trouble *t)
{
	const struct text *lists = c->lists.items;

	for (size_t i = 0; i < c->lists.count; i++)
		if (c->claims == NULL || !json_object_object_get_ex(c->claims, lists[i].data, NULL))
			return refuse(t, "callers", c->name, 0, "lists",
			    "must name claims that this caller has");
	return true;
}

bool
caller_leaves_lists_out(const struct caller *caller)
{
	return caller->type == CALLER_FRONTEND && caller->claims != NULL &&
	    json_object_object_length(caller->claims) > 0 && caller->lists.items == NULL;
}

/* Those whom the web server names, and those whom nobody names, go to the first who takes them. */
static bool
check_reached(const struct policy *policy, const struct caller *c, struct trouble *t)
{
	const struct caller *earlier = policy->callers.items;
	bool by_parameter = c->type == CALLER_FRONTEND || c->type == CALLER_MTLS;

	for (; earlier < c; earlier++) {
		if (c->type == CALLER_ANONYMOUS && earlier->type == CALLER_ANONYMOUS) {
			snprintf(t->rule, sizeof(t->rule),
			    "is never reached: %.*s, before it, is anonymous too",
			    (int)earlier->name.length, earlier->name.data);
			return refuse(t, "callers", c->name, 0, "type", t->rule);
		}
		/* mtls asks for more than a frontend, so it may come before one. */
		if (by_parameter &&
		    (earlier->type == CALLER_FRONTEND ||
			(earlier->type == CALLER_MTLS && c->type == CALLER_MTLS)) &&
		    same(earlier->parameter, c->parameter)) {
			snprintf(t->rule, sizeof(t->rule),
			    "is never reached: %.*s, before it, has the same parameter",
			    (int)earlier->name.length, earlier->name.data);
			return refuse(t, "callers", c->name, 0, "parameter", t->rule);
		}
	}
	return true;
}

static bool
finish_caller(struct policy *policy, struct caller *c, const char *path, struct trouble *t)
{
	struct text *hashes = c->hashes.items;

	for (size_t i = 0; i < c->hashes.count; i++) {
		unsigned char *bytes = arena_alloc(&policy->arena, 1, HASH_BYTES);

		hex_decode(hashes[i], bytes);
		hashes[i] = (struct text){ (const char *)bytes, HASH_BYTES };
	}
	if (c->type == CALLER_APIKEY && c->hashes.count == 0)
		return refuse(t, "callers", c->name, 0, "sha256", "must hold one");
	if (c->type == CALLER_JWT)
		return finish_jwt(policy, c, path, t);
	return c->type == CALLER_APIKEY ||
	    (finish_claims(c, t) && finish_lists(c, t) && check_reached(policy, c, t));
}

bool
action_covers(struct text pattern, const char *action)
{
	size_t length = pattern.length;

	return text_is(pattern, action) ||
	    (length > 0 && pattern.data[length - 1] == '*' &&
		strncmp(action, pattern.data, length - 1) == 0);
}

bool
grant_has_action(const struct grant *g, const char *action)
{
	const struct text *actions = g->actions.items;

	for (size_t i = 0; i < g->actions.count; i++)
		if (action_covers(actions[i], action))
			return true;
	return g->actions.items == NULL && strcmp(action, TOKEN_ISSUE) == 0;
}

/* ${...}: closed, and with a name in it. */
static bool
is_template(struct text text)
{
	while (text.length > 0) {
		const char *at = memmem(text.data, text.length, "${", 2), *end;

		if (at == NULL)
			return true;
		text = (struct text){ at + 2, text.length - (size_t)(at + 2 - text.data) };
		end = memchr(text.data, '}', text.length);
		if (end == NULL || end == text.data)
			return false;
		text = (struct text){ end + 1, text.length - (size_t)(end + 1 - text.data) };
	}
	return true;
}

/* hash32(...) is one only when it is written so, and about one name. */
static bool
check_hash(struct text text, size_t index, const char *member, struct trouble *t)
{
	static const char call[] = "hash32(";
	const size_t length = sizeof(call) - 1;
	const struct text none = { NULL, 0 };

	if (text.length < length || !text_is_nocase((struct text){ text.data, length }, call))
		return true;
	if (memcmp(text.data, call, length) != 0 || text.data[text.length - 1] != ')')
		return refuse(t, "grants", none, index, member,
		    "must be spelled hash32(...), with nothing behind it");
	return memchr(text.data, '*', text.length) == NULL ||
	    refuse(t, "grants", none, index, member, "hash32(...) is of one name, without a *");
}

static bool
check_uid(const struct grant *g, size_t index, struct trouble *t)
{
	const struct text none = { NULL, 0 };

	if (g->uid.data == NULL)
		return true;
	if (!is_template(g->uid))
		return refuse(t, "grants", none, index, "uid", "${ wants a claim and a }");
	if (text_is(g->uid, "0"))
		return refuse(t, "grants", none, index, "uid",
		    "must not be 0, which is everyone: \"any\" allows that");
	if (text_is_nocase(g->uid, "any") && !text_is(g->uid, "any"))
		return refuse(t, "grants", none, index, "uid", "must be spelled any");
	return check_hash(g->uid, index, "uid", t);
}

/* An API key stands for a program, which is nobody in a channel. */
static bool
check_subject(const struct policy *policy, const struct grant *g, size_t index, struct trouble *t)
{
	const struct text *from = g->from.items;
	bool needs = g->uid.data == NULL || memmem(g->uid.data, g->uid.length, "${", 2) != NULL;

	for (size_t i = 0; i < g->from.count; i++) {
		const struct caller *c = policy_caller(policy, from[i]);

		if (c == NULL) {
			snprintf(t->rule, sizeof(t->rule), "there is no caller %.*s",
			    (int)from[i].length, from[i].data);
			return refuse(
			    t, "grants", (struct text){ NULL, 0 }, index, "from", t->rule);
		}
		if (needs && grant_has_action(g, TOKEN_ISSUE) &&
		    (c->type == CALLER_APIKEY || c->type == CALLER_ANONYMOUS)) {
			snprintf(t->rule, sizeof(t->rule),
			    "caller %.*s has no ${sub}: name the uid, or \"*\" for the one that is "
			    "asked for",
			    (int)c->name.length, c->name.data);
			return refuse(t, "grants", (struct text){ NULL, 0 }, index, "uid", t->rule);
		}
	}
	return true;
}

static bool
finish_services(struct grant *g, size_t index, struct trouble *t)
{
	const struct text *names = g->service_names.items, none = { NULL, 0 };

	for (size_t i = 0; i < g->service_names.count; i++) {
		const struct choice *s = policy_services;

		while (s->name != NULL && !text_is(names[i], s->name))
			s++;
		if (s->name == NULL)
			return refuse(t, "grants", none, index, "services",
			    "must be of rtc, rtm, chat, chat-app, apaas, apaas-app, fpa, "
			    "streaming, fcdn, rtm2, convoai and stt");
		g->services |= (unsigned)s->value;
	}
	if (g->services == 0 && grant_has_action(g, TOKEN_ISSUE))
		return refuse(
		    t, "grants", none, index, "services", "is required where tokens may be issued");
	return true;
}

static bool
finish_when(struct grant *g, size_t index, struct trouble *t)
{
	if (g->when == NULL)
		return true;
	json_object_object_foreach(g->when, name, value) {
		bool fine = json_object_is_type(value, json_type_string) ||
		    json_object_is_type(value, json_type_boolean) ||
		    json_object_is_type(value, json_type_int);

		(void)name;
		if (json_object_is_type(value, json_type_array)) {
			fine = json_object_array_length(value) > 0;
			for (size_t i = 0; i < json_object_array_length(value); i++)
				fine = fine &&
				    json_object_is_type(
					json_object_array_get_idx(value, i), json_type_string);
		}
		if (!fine)
			return refuse(t, "grants", (struct text){ NULL, 0 }, index, "when",
			    "must map claims to strings, numbers, true or false, or lists of "
			    "strings");
	}
	return true;
}

static bool
finish_grant(struct policy *policy, struct grant *g, size_t index, struct trouble *t)
{
	const struct text *channels = g->channels.items, none = { NULL, 0 };
	const struct grant *first = policy->grants.items;

	for (const struct grant *earlier = first; earlier < first + index; earlier++)
		if (same(earlier->name, g->name))
			return refuse(t, "grants", none, index, "name",
			    "must be another: records and rates tell grants apart by it");
	g->ttl = TTL_MAX;
	if (g->ttl_text.data != NULL)
		ttl_read(g->ttl_text, &g->ttl);
	if (g->rate_text.data != NULL)
		rate_read(g->rate_text, &g->rate_us, &g->burst);
	for (size_t i = 0; i < g->channels.count; i++) {
		if (channels[i].length == 0 || !is_template(channels[i]))
			return refuse(t, "grants", none, index, "channels",
			    "must not be empty, and ${ wants a claim and a }");
		if (!check_hash(channels[i], index, "channels", t))
			return false;
		g->everywhere = g->everywhere || text_is(channels[i], "*");
	}
	if (!check_uid(g, index, t))
		return false;
	if (g->project.data != NULL && !text_is(g->project, "*") &&
	    policy_project(policy, g->project) == NULL)
		return refuse(t, "grants", none, index, "project", "there is no such project");
	if (g->from.count == 0)
		return refuse(t, "grants", none, index, "from", "must name a caller");
	return finish_services(g, index, t) && finish_when(g, index, t) &&
	    check_subject(policy, g, index, t);
}

/* A secret that is there, or in a file. */
static bool
finish_secret(struct policy *policy, const struct project *p, const char *path, struct text *secret,
    struct text file, const char *member, struct trouble *t)
{
	struct buf name = { 0 }, content = { 0 };
	const char *problem;

	if (file.data == NULL)
		return true;
	if (secret->data != NULL)
		return refuse(t, "projects", p->name, 0, member, "is there as text and as a file");
	add_path(&name, path, file);
	problem = buf_file(&content, name.data, SECRET_MAX);
	if (problem == NULL)
		*secret = arena_copy(&policy->arena, settings_clean(buf_view(&content)));
	else
		snprintf(t->rule, sizeof(t->rule), "%s: %s", name.data, problem);
	buf_wipe(&content);
	buf_free(&content);
	buf_free(&name);
	return problem == NULL || refuse(t, "projects", p->name, 0, member, t->rule);
}

static bool
finish_project(struct policy *policy, struct project *p, const char *path, struct trouble *t)
{
	struct field_error wrong;

	if (!finish_secret(
		policy, p, path, &p->certificate, p->certificate_file, "certificateFile", t) ||
	    !finish_secret(policy, p, path, &p->second_certificate, p->second_certificate_file,
		"secondCertificateFile", t) ||
	    !finish_secret(policy, p, path, &p->customer_secret, p->customer_secret_file,
		"customerSecretFile", t))
		return false;
	if (!settings_hex32(p->app_id, &wrong))
		return refuse(t, "projects", p->name, 0, "appId", wrong.rule);
	if (p->certificate.data == NULL)
		return refuse(t, "projects", p->name, 0, "certificate", "is required");
	if (!settings_hex32(p->certificate, &wrong))
		return refuse(t, "projects", p->name, 0, "certificate", wrong.rule);
	if (p->second_certificate.data != NULL && !settings_hex32(p->second_certificate, &wrong))
		return refuse(t, "projects", p->name, 0, "secondCertificate", wrong.rule);
	if ((p->customer_id.data == NULL) != (p->customer_secret.data == NULL))
		return refuse(t, "projects", p->name, 0,
		    p->customer_id.data == NULL ? "customerId" : "customerSecret",
		    "is required with the other of the pair");
	lock_secret(p->certificate);
	lock_secret(p->second_certificate);
	lock_secret(p->customer_secret);
	return true;
}

static bool
finish(struct policy *policy, const char *path, struct trouble *t)
{
	struct caller *callers = policy->callers.items;
	struct grant *grants = policy->grants.items;
	struct project *projects = policy->projects.items;

	for (size_t i = 0; i < policy->callers.count; i++)
		if (!finish_caller(policy, &callers[i], path, t))
			return false;
	for (size_t i = 0; i < policy->projects.count; i++)
		if (!finish_project(policy, &projects[i], path, t))
			return false;
	for (size_t i = 0; i < policy->grants.count; i++)
		if (!finish_grant(policy, &grants[i], i, t))
			return false;
	return true;
}

struct policy *
policy_read(struct text text, const char *path, struct buf *error)
{
	struct policy *policy = xcalloc(1, sizeof(*policy));
	struct json_error wrong;
	struct field_error field;
	struct trouble trouble;
	struct json_object *json =
	    json_read_most(text, JSON_COMMENTS | JSON_UNIQUE, POLICY_VALUES, &wrong);
	bool read;

	if (wrong.problem != JSON_FINE) {
		buf_printf(error, "%s:%zu: the policy %s", path, json_line(text, wrong.at),
		    json_problem_text(wrong.problem));
		goto failed;
	}
	read = field_read(&policy_table, json, &policy->arena, policy, &field);
	policy->json = json; /* the policy's texts are its texts */
	if (!read) {
		pointer(field.field, trouble.where, sizeof(trouble.where));
		complain(error, path, trouble.where, field.rule);
		goto failed;
	}
	if (!finish(policy, path, &trouble)) {
		complain(error, path, trouble.where, trouble.rule);
		goto failed;
	}
	return policy;
failed:
	policy_close(policy);
	return NULL;
}

struct policy *
policy_open(const char *path, struct buf *error)
{
	struct buf content = { 0 };
	struct policy *policy = NULL;
	const char *problem = buf_file(&content, path, POLICY_MAX);

	if (problem == NULL)
		policy = policy_read(buf_view(&content), path, error);
	else
		buf_printf(error, "%s: %s", path, problem);
	buf_wipe(&content);
	buf_free(&content);
	return policy;
}

static void
wipe(struct text text)
{
	if (text.data != NULL)
		explicit_bzero((char *)(uintptr_t)text.data, text.length);
}

void
policy_close(struct policy *policy)
{
	struct caller *callers;
	struct project *projects;

	if (policy == NULL)
		return;
	callers = policy->callers.items;
	projects = policy->projects.items;
	for (size_t i = 0; callers != NULL && i < policy->callers.count; i++)
		for (struct key_set **k = callers[i].files; k != NULL && *k != NULL; k++)
			keys_free(*k);
	for (size_t i = 0; projects != NULL && i < policy->projects.count; i++) {
		wipe(projects[i].certificate);
		wipe(projects[i].second_certificate);
		wipe(projects[i].customer_secret);
	}
	json_object_put(policy->json);
	arena_free(&policy->arena);
	free(policy);
}

const struct caller *
policy_caller(const struct policy *policy, struct text name)
{
	const struct caller *callers = policy->callers.items;

	for (size_t i = 0; i < policy->callers.count; i++)
		if (same(callers[i].name, name))
			return &callers[i];
	return NULL;
}

const struct project *
policy_project(const struct policy *policy, struct text name)
{
	const struct project *projects = policy->projects.items;

	for (size_t i = 0; i < policy->projects.count; i++)
		if (same(projects[i].name, name))
			return &projects[i];
	return NULL;
}

/* Whether the grant is for callers with claims; without them ${...} and `when` come to nothing. */
static bool
has_claims(const struct policy *policy, const struct grant *g)
{
	const struct text *from = g->from.items;

	for (size_t i = 0; i < g->from.count; i++) {
		const struct caller *c = policy_caller(policy, from[i]);

		if (c != NULL && c->type != CALLER_APIKEY && c->type != CALLER_ANONYMOUS)
			return true;
	}
	return false;
}

const char *
policy_dead_member(const struct policy *policy, const struct grant *g)
{
	const struct text *channels = g->channels.items;
	size_t dead = 0;

	if (has_claims(policy, g))
		return NULL;
	if (g->when != NULL && json_object_object_length(g->when) > 0)
		return "when";
	while (dead < g->channels.count &&
	    memmem(channels[dead].data, channels[dead].length, "${", 2) != NULL)
		dead++;
	return dead > 0 && dead == g->channels.count ? "channels" : NULL;
}

bool
policy_has_remote_keys(const struct policy *policy)
{
	const struct caller *callers = policy->callers.items;

	for (size_t i = 0; i < policy->callers.count; i++) {
		const struct text *sources = callers[i].sources.items;

		for (size_t n = 0; n < callers[i].sources.count; n++)
			if (starts_with(sources[n], "https://"))
				return true;
	}
	return false;
}

bool
policy_has_rates(const struct policy *policy)
{
	const struct grant *grants = policy->grants.items;

	for (size_t i = 0; i < policy->grants.count; i++)
		if (grants[i].burst > 0)
			return true;
	return false;
}
