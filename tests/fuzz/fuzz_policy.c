/*
 * Policies of any origin, and what they say to some requests.  Each caller of the policy asks, for
 * names that the policy itself has among others, because no fuzzer guesses what a pattern covers.
 */
#include <string.h>

#include "caller.h"
#include "fuzz.h"

#define PATH "/nonexistent/policy" /* so that its relative paths lead nowhere */
#define ASKED_MAX 8                /* of the policy's callers, grants and names each */

static const struct text names[] = { TEXT("room"), TEXT("*"), TEXT("class-7"), TEXT("class-*"),
	TEXT("dm-ann"), TEXT("0") };

static size_t
few(size_t count)
{
	return count < ASKED_MAX ? count : ASKED_MAX;
}

/* What every policy that was read holds to. */
static void
check_grant(const struct policy *policy, const struct grant *g)
{
	const struct text *from = g->from.items;

	MUST(g->name.length > 0 && g->from.count > 0);
	for (size_t i = 0; i < g->from.count; i++)
		MUST(policy_caller(policy, from[i]) != NULL);
	MUST(g->ttl >= 1 && g->ttl <= 86400);
	MUST((g->burst == 0) == (g->rate_text.data == NULL));
	MUST(g->burst == 0 || g->rate_us > 0);
	MUST(g->services != 0 || !grant_has_action(g, TOKEN_ISSUE));
	MUST(g->project.data == NULL || text_is(g->project, "*") ||
	    policy_project(policy, g->project) != NULL);
}

static bool
is_everyone(struct text uid)
{
	return uid.data == NULL || uid.length == 0 || text_is(uid, "0") ||
	    memchr(uid.data, '*', uid.length) != NULL;
}

static bool
is_name(struct text value, struct field_error *error)
{
	(void)error;
	return value.length > 0;
}

/* One request; what is allowed stays within its grant, and asking for less is allowed too. */
static bool
asks(const struct policy *policy, const struct identity *identity, unsigned services,
    struct text channel, struct text uid, int64_t role)
{
	int64_t seconds = 86400;
	struct list narrowed = { NULL, 0 };
	struct ask ask = { .action = TOKEN_ISSUE,
		.services = services,
		.channels = { &channel, 1 },
		.users = { { .field = "uid",
		    .value = &uid,
		    .to_fill = true,
		    .required = true,
		    .max = 255,
		    .check = is_name } },
		.user_count = 1,
		.has_role = true,
		.role = role,
		.lifetimes = { { "expire", &seconds, 3600 } },
		.lifetime_count = 1,
		.narrowed = &narrowed };
	struct arena arena = { 0 };
	struct verdict v;
	bool named = uid.data != NULL;

	grant_evaluate(policy, identity, &ask, &arena, &v);
	MUST(v.allowed == (v.dimension == DIMENSION_NONE));
	MUST(v.allowed == (v.reason[0] == '\0'));
	if (v.allowed) {
		const struct grant *g = v.grant;

		grant_apply(&v, &ask, &arena);
		MUST(grant_is_for(g, identity) && grant_has_action(g, TOKEN_ISSUE));
		MUST((services & ~g->services) == 0 && role <= g->role);
		MUST(g->wildcard || memchr(channel.data, '*', channel.length) == NULL);
		MUST(seconds == g->ttl && narrowed.count == (g->ttl < 86400 ? 1 : 0));
		MUST(!named || text_is(g->uid, "any") || !is_everyone(uid));
		MUST(named || uid.data == NULL || !is_everyone(uid));
	}
	arena_free(&arena);
	return v.allowed;
}

static void
ask_for(const struct policy *policy, const struct identity *identity, struct text channel)
{
	const struct text none = { NULL, 0 };

	for (size_t i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
		struct text uid = i == 0 ? none : names[i - 1];

		if (asks(policy, identity, SERVICE_RTC, channel, uid, GRANT_PUBLISHER))
			MUST(asks(policy, identity, SERVICE_RTC, channel, uid, GRANT_SUBSCRIBER));
		if (asks(policy, identity, SERVICE_RTC | SERVICE_RTM, channel, uid,
			GRANT_SUBSCRIBER))
			MUST(asks(policy, identity, SERVICE_RTM, channel, uid, GRANT_SUBSCRIBER));
	}
}

static void
ask_as(const struct policy *policy, const struct identity *identity)
{
	const struct grant *grants = policy->grants.items;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ask_for(policy, identity, names[i]);
	for (size_t i = 0; i < few(policy->grants.count); i++) {
		const struct text *channels = grants[i].channels.items;

		for (size_t n = 0; n < few(grants[i].channels.count); n++)
			ask_for(policy, identity, channels[n]);
	}
}

/* The web server's word, an API key and a token that nobody signed. */
static void
identify(const struct policy *policy)
{
	char *const params[][4] = {
		{ (char[]){ "REMOTE_USER=ann" }, (char[]){ "AUTH_GROUPS=staff,mods" }, NULL },
		{ (char[]){ "SSL_CLIENT_VERIFY=SUCCESS" }, (char[]){ "SSL_CLIENT_S_DN=CN=ann" },
		    NULL },
		{ (char[]){ "HTTP_AUTHORIZATION=Bearer ak_web_x" }, NULL },
		{ (char[]){ "HTTP_AUTHORIZATION=Bearer eyJhbGciOiJFUzI1NiJ9.e30.AAAA" }, NULL },
	};

	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		const struct request request = { .params = params[i] };
		struct identity identity;
		struct caller_reason reason;
		bool known =
		    caller_identify(policy, NULL, &request, 0, &identity, &reason) == CALLER_KNOWN;

		MUST(known == (identity.caller != NULL));
		MUST(known || identity.claims == NULL);
		/* What the web server does not vouch for is refused, or is anyone. */
		MUST(!known || i < 2 || identity.caller->type >= CALLER_FRONTEND);
		if (known)
			ask_for(policy, &identity, names[0]);
		json_object_put(identity.claims);
	}
}

static void
ask_all(const struct policy *policy)
{
	const struct caller *callers = policy->callers.items;
	const struct grant *grants = policy->grants.items;
	struct json_object *claims = json_tokener_parse(
	    "{\"groups\":[\"staff\",\"student\"],\"team\":\"*\",\"n\":7,\"a\":{\"b\":\"x\"}}");

	for (size_t i = 0; i < policy->grants.count; i++)
		check_grant(policy, &grants[i]);
	for (size_t i = 0; i < few(policy->callers.count); i++) {
		struct identity identity = { &callers[i], TEXT("ann"), claims };

		ask_as(policy, &identity);
		identity.subject = TEXT("*");
		ask_for(policy, &identity, names[0]);
		identity.claims = NULL;
		identity.subject = (struct text){ NULL, 0 };
		ask_for(policy, &identity, names[0]);
	}
	json_object_put(claims);
	identify(policy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy without room behind it. */
	char *bytes = xcalloc(1, size == 0 ? 1 : size);
	struct buf error = { 0 };
	struct policy *policy;

	if (size > 0)
		memcpy(bytes, data, size);
	policy = policy_read((struct text){ bytes, size }, PATH, &error);
	free(bytes);
	MUST((policy == NULL) == (error.length > 0));
	if (policy == NULL)
		MUST(error.length > strlen(PATH) && memcmp(error.data, PATH, strlen(PATH)) == 0 &&
		    memchr(error.data, '\n', error.length) == NULL);
	else
		ask_all(policy);
	policy_close(policy);
	buf_free(&error);
	return 0;
}
