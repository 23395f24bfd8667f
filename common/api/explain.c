#include <stdio.h>
#include <stdlib.h>

#include "actions.h"
#include "app.h"
#include "explain.h"

/* Answers */

#define AT(member) offsetof(struct explain_answer, member)

static const struct field verdict_fields[] = {
	{ "allowed", FIELD_BOOL, 0, AT(allowed), .meaning = "whether it may" },
	{ "action", FIELD_TEXT, FIELD_REQUIRED, AT(action), .meaning = "what it would do" },
	{ "caller", FIELD_TEXT, 0, AT(caller), .meaning = "as whom; absent: nobody that is known" },
	{ "subject", FIELD_TEXT, 0, AT(subject), .meaning = "the caller's ${sub}" },
	{ "grant", FIELD_TEXT, 0, AT(grant), .meaning = "the grant that covers it" },
	{ "dimension", FIELD_TEXT, 0, AT(dimension),
	    .meaning =
		"in which way no grant covers it: caller, action, project, service, channel, uid "
		"or role" },
	{ "reason", FIELD_TEXT, 0, AT(reason), .meaning = "why, in words" },
	{ "uid", FIELD_TEXT, 0, AT(uid), .meaning = "the uid that the grant would give" },
	{ "project", FIELD_TEXT, 0, AT(project),
	    .meaning = "the project that the grant would use" },
	{ "expire", FIELD_INT, FIELD_OMIT, AT(expire),
	    .meaning = "lifetime that the token would have, in seconds" },
	{ "narrowed", FIELD_TEXTS, 0, AT(narrowed), .meaning = "inputs that the grant would cut" },
};
const struct table policy_verdict_table = TABLE(verdict_fields, struct explain_answer);

struct check_request {
	struct text action, caller, subject;
	struct json_object *claims, *request;
};

#undef AT
#define AT(member) offsetof(struct check_request, member)

static const struct field check_fields[] = {
	{ "action", FIELD_TEXT, 0, AT(action), 1, 64,
	    .meaning = "what it would do; absent = token.issue" },
	{ "caller", FIELD_TEXT, 0, AT(caller), 1, 64,
	    .meaning = "as whom: a caller of the policy; absent = who asks" },
	{ "subject", FIELD_TEXT, 0, AT(subject), 0, 256,
	    .meaning = "with caller: its ${sub}; absent = the claim sub" },
	{ "claims", FIELD_JSON, 0, AT(claims), .meaning = "with caller: its claims" },
	{ "request", FIELD_JSON, 0, AT(request),
	    .meaning = "what the action's endpoint would be sent" },
};
const struct table policy_check_table = TABLE(check_fields, struct check_request);

#undef AT

/* A grant as its caller sees it. */
struct own_grant {
	struct text name, uid, role, rate, project;
	struct list actions, services, channels;
	bool wildcard;
	int64_t ttl;
};

struct me_answer {
	struct text mode, caller, type, subject;
	struct list grants;
};

#define AT(member) offsetof(struct own_grant, member)

static const struct field own_grant_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED, AT(name), .meaning = "its name in the policy" },
	{ "actions", FIELD_TEXTS, 0, AT(actions), .meaning = "what may be done by it" },
	{ "services", FIELD_TEXTS, 0, AT(services), .meaning = "kinds of token" },
	{ "channels", FIELD_TEXTS, 0, AT(channels), .meaning = "patterns of channels" },
	{ "wildcard", FIELD_BOOL, FIELD_OMIT, AT(wildcard),
	    .meaning = "true: also channels with a *, and empty names of RTM2" },
	{ "uid", FIELD_TEXT, 0, AT(uid),
	    .meaning = "the uid, or a pattern of it; absent: none may be asked for" },
	{ "role", FIELD_TEXT, 0, AT(role), .meaning = "the highest role" },
	{ "ttl", FIELD_INT, 0, AT(ttl), .meaning = "longest lifetime in seconds" },
	{ "rate", FIELD_TEXT, 0, AT(rate), .meaning = "how often, such as 30/min" },
	{ "project", FIELD_TEXT, 0, AT(project),
	    .meaning = "the project, where it is not the default" },
};
static const struct table own_grant_table = TABLE(own_grant_fields, struct own_grant);

#undef AT
#define AT(member) offsetof(struct me_answer, member)

static const struct field me_fields[] = {
	{ "mode", FIELD_TEXT, FIELD_REQUIRED, AT(mode),
	    .meaning = "what the policy does: open, log or on" },
	{ "caller", FIELD_TEXT, 0, AT(caller), .meaning = "the policy's name for who asks" },
	{ "type", FIELD_TEXT, 0, AT(type), .meaning = "how the caller is known" },
	{ "subject", FIELD_TEXT, 0, AT(subject), .meaning = "the caller's ${sub}" },
	{ "grants", FIELD_LIST, 0, AT(grants), .nested = &own_grant_table,
	    .meaning = "the caller's grants" },
};
const struct table policy_me_table = TABLE(me_fields, struct me_answer);

#undef AT

/* Explaining */

static void
fill_answer(struct explain_answer *answer, const struct verdict *v, const struct ask *ask,
    struct arena *arena)
{
	answer->allowed = v->allowed;
	if (v->grant != NULL)
		answer->grant = v->grant->name;
	if (!v->allowed) {
		answer->dimension = text_of(dimension_name(v->dimension));
		answer->reason = arena_copy(arena, text_of(v->reason));
		return;
	}
	answer->uid = v->uid;
	answer->project = v->project;
	if (ask->lifetime_count > 0)
		answer->expire = *ask->lifetimes[0].seconds == 0 ? ask->lifetimes[0].otherwise
								 : *ask->lifetimes[0].seconds;
	if (ask->narrowed != NULL)
		answer->narrowed = *ask->narrowed;
}

bool
explain(const struct policy *policy, const struct route *routes, size_t route_count,
    const struct identity *identity, const char *action, struct json_object *request,
    struct arena *arena, struct explain_answer *answer, struct field_error *error)
{
	const struct route *row = action_row(routes, route_count, text_of(action));
	/* What the row's own functions work on; its memory is the arena's in the end. */
	struct exchange x = { .route = row, .arena = *arena };
	struct verdict verdict;
	struct ask ask = { .action = action };
	char inner[sizeof(error->field)];
	bool fine = false;

	*answer =
	    (struct explain_answer){ .action = text_of(action), .subject = identity->subject };
	*error = (struct field_error){ 0 };
	if (identity->caller != NULL)
		answer->caller = identity->caller->name;
	if (row == NULL || strcmp(row->action, action) != 0) {
		snprintf(error->field, sizeof(error->field), "action");
		field_rule(error, "is no action of this service");
		return false;
	}
	x.members = request == NULL ? json_object_new_object() : json_object_get(request);
	if (x.members == NULL)
		abort();
	if (row->input != NULL) {
		x.input = arena_alloc(&x.arena, 1, row->input->size);
		fine = field_read(row->input, x.members, &x.arena, x.input, error);
	} else {
		fine = true;
	}
	fine = fine && access_ask(policy, &x, &ask, error);
	if (fine) {
		grant_evaluate(policy, identity, &ask, &x.arena, &verdict);
		if (verdict.allowed)
			grant_apply(&verdict, &ask, &x.arena);
		fill_answer(answer, &verdict, &ask, &x.arena);
	} else {
		memcpy(inner, error->field, sizeof(inner));
		snprintf(error->field, sizeof(error->field), "request%s%.80s",
		    inner[0] == '\0' ? "" : ".", inner);
	}
	json_object_put(x.members);
	*arena = x.arena;
	return fine;
}

/* Endpoints */

static const struct choice type_names[] = { { "apikey", CALLER_APIKEY }, { "jwt", CALLER_JWT },
	{ "frontend", CALLER_FRONTEND }, { "mtls", CALLER_MTLS }, { "anonymous", CALLER_ANONYMOUS },
	{ NULL, 0 } };

/* With the caller's own claims in their places; what he lacks a claim for he has not. */
static struct list
expanded(const struct list *patterns, const struct identity *identity, struct arena *arena)
{
	const struct text *from = patterns->items;
	struct text *to = arena_alloc(arena, patterns->count, sizeof(*to));
	size_t count = 0;

	for (size_t i = 0; i < patterns->count; i++) {
		struct text text;

		if (!grant_expand(from[i], identity, arena, &text))
			continue;
		for (size_t n = 0; n < text.length; n++)
			if (text.data[n] == '\0')
				((char *)(uintptr_t)text.data)[n] = '*';
		to[count++] = text;
	}
	return (struct list){ to, count };
}

static struct own_grant
own_grant(const struct grant *g, const struct identity *identity, struct arena *arena)
{
	static struct text issue[] = { { TOKEN_ISSUE, sizeof(TOKEN_ISSUE) - 1 } };
	const struct text sub = TEXT("${sub}");
	const struct list uid_list = { (void *)(uintptr_t)(g->uid.data == NULL ? &sub : &g->uid),
		1 };
	struct list uid = expanded(&uid_list, identity, arena);
	const struct text *uids = uid.items;

	return (struct own_grant){ .name = g->name,
		.actions = g->actions.items == NULL ? (struct list){ issue, 1 } : g->actions,
		.services = g->service_names,
		.channels = expanded(&g->channels, identity, arena),
		.wildcard = g->wildcard,
		.uid = uid.count > 0 ? uids[0] : (struct text){ NULL, 0 },
		.role = text_of(g->role == GRANT_PUBLISHER ? "publisher" : "subscriber"),
		.ttl = g->ttl,
		.rate = g->rate_text,
		.project = g->project };
}

enum step
policy_me(struct exchange *x)
{
	const struct policy *policy = app_config(x)->policy;
	const struct identity *identity = &x->admission->identity;
	struct me_answer *out = x->output;
	const struct grant *grants;
	struct own_grant *own;

	out->mode = text_of(access_mode(policy));
	if (policy == NULL || identity->caller == NULL)
		return NEXT;
	out->caller = identity->caller->name;
	for (const struct choice *c = type_names; c->name != NULL; c++)
		if (c->value == identity->caller->type)
			out->type = text_of(c->name);
	out->subject = identity->subject;
	grants = policy->grants.items;
	own = arena_alloc(&x->arena, policy->grants.count, sizeof(*own));
	out->grants.items = own;
	for (size_t i = 0; i < policy->grants.count; i++)
		if (grant_is_for(&grants[i], identity))
			own[out->grants.count++] = own_grant(&grants[i], identity, &x->arena);
	return NEXT;
}

static struct text
subject_of(const struct check_request *r)
{
	struct json_object *sub = NULL;

	if (r->subject.data != NULL || r->claims == NULL ||
	    !json_object_object_get_ex(r->claims, "sub", &sub) ||
	    !json_object_is_type(sub, json_type_string))
		return r->subject;
	return text_of(json_object_get_string(sub));
}

enum step
policy_check(struct exchange *x)
{
	const struct policy *policy = app_config(x)->policy;
	const struct check_request *r = x->input;
	struct identity identity = x->admission->identity;
	struct field_error error;
	size_t count;
	const struct route *routes = app_routes(x, &count);

	if (policy == NULL)
		return exchange_fail(x, ERROR_NOT_CONFIGURED, NULL,
		    "POLICY_FILE is not set, so anyone may do anything");
	if (r->caller.data != NULL) {
		identity =
		    (struct identity){ policy_caller(policy, r->caller), subject_of(r), r->claims };
		if (identity.caller == NULL)
			return exchange_fail(
			    x, ERROR_INVALID_FIELD, "caller", "is no caller of the policy");
	}
	if (explain(policy, routes, count, &identity,
		r->action.data == NULL ? TOKEN_ISSUE : r->action.data, r->request, &x->arena,
		x->output, &error))
		return NEXT;
	return exchange_fail(
	    x, error.missing ? ERROR_MISSING_FIELD : ERROR_INVALID_FIELD, error.field, error.rule);
}
