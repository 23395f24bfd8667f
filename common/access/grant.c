#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "grant.h"

#define ANYTHING '\0' /* the metacharacter in an expanded text; no name holds a NUL */

static const char *const dimension_names[] = { "caller", "action", "project", "service", "channel",
	"uid", "role", "none" };

const char *
dimension_name(enum dimension dimension)
{
	return dimension_names[dimension];
}

static bool
same(struct text a, struct text b)
{
	return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

/* Claims */

struct json_object *
identity_claim(const struct identity *identity, struct text name)
{
	struct json_object *value = identity->claims, *whole = NULL;
	char part[128];

	if (value == NULL || name.length >= sizeof(part))
		return NULL;
	memcpy(part, name.data, name.length);
	part[name.length] = '\0';
	/* Some claims' names have dots themselves. */
	if (json_object_object_get_ex(value, part, &whole))
		return whole;
	while (name.length > 0) {
		const char *dot = memchr(name.data, '.', name.length);
		size_t length = dot == NULL ? name.length : (size_t)(dot - name.data);

		memcpy(part, name.data, length);
		part[length] = '\0';
		if (!json_object_is_type(value, json_type_object) ||
		    !json_object_object_get_ex(value, part, &value))
			return NULL;
		length += dot == NULL ? 0 : 1;
		name = (struct text){ name.data + length, name.length - length };
	}
	return value;
}

/* A claim as bytes of a name: text, or a whole number. */
static struct text
claim_text(const struct identity *identity, struct text name)
{
	struct json_object *value;

	if (text_is(name, "sub"))
		return identity->subject;
	value = identity_claim(identity, name);
	if (!json_object_is_type(value, json_type_string) &&
	    !json_object_is_type(value, json_type_int))
		return (struct text){ NULL, 0 };
	return text_of(json_object_get_string(value));
}

/* A uid that stays the same for a subject: 1 to 4294967295, of its SHA-256. */
static void
hash32(struct text text, struct buf *out)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	uint32_t uid = 0;

	crypto_hash_sha256(hash, (const unsigned char *)text.data, text.length);
	for (size_t i = 0; i < 4; i++)
		uid = uid << 8 | hash[i];
	buf_printf(out, "%u", uid == 0 ? 1U : uid);
}

/* Appends the text with claims in their places, and * as ANYTHING. */
static bool
expand(struct text text, const struct identity *identity, struct buf *out)
{
	while (text.length > 0) {
		size_t used = 1;

		if (text.length > 2 && text.data[0] == '$' && text.data[1] == '{') {
			const char *end = memchr(text.data, '}', text.length);
			struct text value = claim_text(identity,
			    (struct text){ text.data + 2, (size_t)(end - text.data) - 2 });

			if (value.length == 0)
				return false;
			buf_add(out, value.data, value.length);
			used = (size_t)(end - text.data) + 1;
		} else {
			const char c = text.data[0] == '*' ? ANYTHING : text.data[0];

			buf_add(out, &c, 1);
		}
		text = (struct text){ text.data + used, text.length - used };
	}
	return true;
}

bool
grant_expand(
    struct text text, const struct identity *identity, struct arena *arena, struct text *out)
{
	static const char call[] = "hash32(";
	static struct buf expanded, hash; /* their memory serves the next one */
	const size_t start = sizeof(call) - 1;
	bool hashed = text.length > start && memcmp(text.data, call, start) == 0 &&
	    text.data[text.length - 1] == ')';
	bool fine;

	if (hashed)
		text = (struct text){ text.data + start, text.length - start - 1 };
	buf_clear(&expanded);
	buf_clear(&hash);
	fine = expand(text, identity, &expanded);
	if (fine && hashed)
		hash32(buf_view(&expanded), &hash);
	if (fine)
		*out = arena_copy(arena, buf_view(hashed ? &hash : &expanded));
	return fine;
}

/* Patterns */

/* An empty name, too, is none that a * was meant for. */
static bool
is_for_many(struct text name)
{
	return name.length == 0 || memchr(name.data, '*', name.length) != NULL;
}

/* ANYTHING stands for a name without a *, unless the grant allows those. */
static bool
covers(struct text pattern, struct text name, bool wildcard)
{
	size_t p = 0, n = 0, again_p = SIZE_MAX, again_n = 0;

	if (!wildcard && is_for_many(name))
		return false;
	while (n < name.length) {
		if (p < pattern.length && pattern.data[p] == ANYTHING) {
			again_p = ++p;
			again_n = n;
		} else if (p < pattern.length && pattern.data[p] == name.data[n]) {
			p++;
			n++;
		} else if (again_p != SIZE_MAX) {
			p = again_p;
			n = ++again_n;
		} else {
			return false;
		}
	}
	while (p < pattern.length && pattern.data[p] == ANYTHING)
		p++;
	return p == pattern.length;
}

static bool
any_covers(const struct list *patterns, struct text name, const struct identity *identity,
    bool wildcard, struct arena *arena)
{
	const struct text *list = patterns->items;
	struct text pattern;

	for (size_t i = 0; i < patterns->count; i++)
		if (grant_expand(list[i], identity, arena, &pattern) &&
		    covers(pattern, name, wildcard))
			return true;
	return false;
}

static bool
is_everyone(struct text uid)
{
	return text_is(uid, "0") || is_for_many(uid);
}

/* Dimensions: each returns whether the grant covers it, with the reason filled where not. */

static bool
value_is(struct json_object *claim, const char *wanted)
{
	if (json_object_is_type(claim, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(claim); i++)
			if (value_is(json_object_array_get_idx(claim, i), wanted))
				return true;
		return false;
	}
	return (json_object_is_type(claim, json_type_string) ||
		   json_object_is_type(claim, json_type_int) ||
		   json_object_is_type(claim, json_type_boolean)) &&
	    strcmp(json_object_get_string(claim), wanted) == 0;
}

static bool
condition_holds(const struct identity *identity, const char *name, struct json_object *wanted)
{
	struct json_object *claim = identity_claim(identity, text_of(name)), *subject = NULL;
	bool holds = false;

	if (claim == NULL && strcmp(name, "sub") == 0 && identity->subject.data != NULL)
		claim = subject = json_object_new_string_len(
		    identity->subject.data, (int)identity->subject.length);
	if (claim != NULL && json_object_is_type(wanted, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(wanted) && !holds; i++)
			holds = value_is(
			    claim, json_object_get_string(json_object_array_get_idx(wanted, i)));
	} else if (claim != NULL) {
		holds = value_is(claim, json_object_get_string(wanted));
	}
	json_object_put(subject);
	return holds;
}

bool
grant_is_for(const struct grant *g, const struct identity *identity)
{
	const struct text *from = g->from.items;
	bool listed = false;

	for (size_t i = 0; i < g->from.count && identity->caller != NULL; i++)
		listed = listed || same(from[i], identity->caller->name);
	if (!listed || g->when == NULL)
		return listed;
	json_object_object_foreach(g->when, name, wanted) {
		if (!condition_holds(identity, name, wanted))
			return false;
	}
	return true;
}

static bool
why(struct verdict *v, const char *before, const char *word, const char *after)
{
	snprintf(v->reason, sizeof(v->reason), "%s%s%s", before, word, after);
	return false;
}

static bool
covers_action(const struct grant *g, const struct ask *ask, struct verdict *v)
{
	return grant_has_action(g, ask->action) || why(v, "", ask->action, " is not granted");
}

static bool
covers_project(const struct grant *g, const struct ask *ask, struct verdict *v)
{
	const bool any = text_is(g->project, "*");
	bool covered;

	if (ask->project.data == NULL) {
		v->project = any ? (struct text){ NULL, 0 } : g->project;
		return true;
	}
	if (text_is(ask->project, PROJECT_DEFAULT))
		covered = any || g->project.data == NULL;
	else
		covered = any || (g->project.data != NULL && same(g->project, ask->project));
	if (!covered)
		return why(v, "this project is not granted", "", "");
	if (!text_is(ask->project, PROJECT_DEFAULT))
		v->project = ask->project;
	return true;
}

/* A user that is not named, of a grant that has no uid of its own. */
static bool
stays_unnamed(const struct ask_user *user, struct text own)
{
	return user->value->data == NULL && !(user->to_fill && own.data != NULL);
}

static bool
covers_services(const struct grant *g, const struct ask *ask, struct text own, struct verdict *v)
{
	unsigned asked = ask->services, missing;

	for (size_t i = 0; i < ask->user_count; i++) {
		const struct ask_user *user = &ask->users[i];

		asked |= stays_unnamed(user, own) ? user->unnamed : user->named;
	}
	missing = asked & ~g->services;
	for (const struct choice *s = policy_services; s->name != NULL; s++)
		if (missing & (unsigned)s->value)
			return why(v, "tokens for ", s->name, " are not granted");
	return true;
}

static bool
covers_channels(const struct grant *g, const struct identity *identity, const struct ask *ask,
    struct arena *arena, struct verdict *v)
{
	const struct text *channels = ask->channels.items;

	if (ask->placed && ask->channels.count == 0 && !g->everywhere)
		return why(v, "must be named, since only some are granted", "", "");
	for (size_t i = 0; i < ask->channels.count; i++) {
		if (any_covers(&g->channels, channels[i], identity, g->wildcard, arena))
			continue;
		return why(v, "this channel is not granted",
		    g->wildcard || !is_for_many(channels[i]) ? ""
			: channels[i].length == 0 ? ": an empty one wants a grant with wildcard"
						  : ": a * wants a grant with wildcard",
		    "");
	}
	return true;
}

/* Whom the caller is where the grant says so; absent where it leaves that to the request. */
static bool
own_uid(const struct grant *g, const struct identity *identity, struct arena *arena,
    struct text *own, struct verdict *v)
{
	struct text uid = g->uid.data == NULL ? TEXT("${sub}") : g->uid;

	*own = (struct text){ NULL, 0 };
	if (text_is(uid, "any"))
		return true;
	if (!grant_expand(uid, identity, arena, own))
		return why(v, "the caller lacks the claim that the grant makes it of", "", "");
	if (memchr(own->data, ANYTHING, own->length) != NULL)
		*own = (struct text){ NULL, 0 };
	else if (is_everyone(*own))
		return why(v, "the caller's own would mean everyone", "", "");
	return true;
}

static bool
covers_user(const struct grant *g, const struct identity *identity, const struct ask_user *user,
    struct text own, struct arena *arena, struct verdict *v)
{
	struct text value = *user->value, pattern;
	struct field_error error;

	if (text_is(g->uid, "any"))
		return true;
	if (stays_unnamed(user, own)) {
		/* Who must be named is missed later; nobody in particular is a service. */
		if (user->required || user->unnamed != 0)
			return true;
		return why(v, "a token for everyone is not granted", "", "");
	}
	if (value.data == NULL) {
		if (own.length > (size_t)user->max || !user->check(own, &error))
			return why(v, "the caller's own cannot be the ", user->field, " here");
		v->uid = own;
		return true;
	}
	if (user->is_account ? is_for_many(value) : is_everyone(value))
		return why(v, "a token for everyone is not granted", "", "");
	if (own.data != NULL)
		return same(own, value) ||
		    why(v, "another than the caller's own is not granted", "", "");
	return (grant_expand(g->uid, identity, arena, &pattern) && covers(pattern, value, false)) ||
	    why(v, "this uid is not granted", "", "");
}

static bool
covers_users(const struct grant *g, const struct identity *identity, const struct ask *ask,
    struct text own, struct arena *arena, struct verdict *v)
{
	for (size_t i = 0; i < ask->user_count; i++)
		if (!covers_user(g, identity, &ask->users[i], own, arena, v))
			return false;
	return true;
}

static bool
covers_role(const struct grant *g, const struct ask *ask, struct verdict *v)
{
	return !ask->has_role || ask->role <= g->role ||
	    why(v, "the right to publish is not granted", "", "");
}

/* The dimension in which the grant does not cover it. */
static enum dimension
compare(const struct grant *g, const struct identity *identity, const struct ask *ask,
    struct arena *arena, struct verdict *v)
{
	struct text own = { NULL, 0 };
	bool has_uid = true;

	if (!covers_action(g, ask, v))
		return DIMENSION_ACTION;
	if (!covers_project(g, ask, v))
		return DIMENSION_PROJECT;
	if (ask->user_count > 0)
		has_uid = own_uid(g, identity, arena, &own, v);
	if (!covers_services(g, ask, own, v))
		return DIMENSION_SERVICE;
	if (!covers_channels(g, identity, ask, arena, v))
		return DIMENSION_CHANNEL;
	if (!has_uid || !covers_users(g, identity, ask, own, arena, v))
		return DIMENSION_UID;
	return covers_role(g, ask, v) ? DIMENSION_NONE : DIMENSION_ROLE;
}

void
grant_evaluate(const struct policy *policy, const struct identity *identity, const struct ask *ask,
    struct arena *arena, struct verdict *verdict)
{
	const struct grant *grants = policy->grants.items;

	*verdict = (struct verdict){ .dimension = DIMENSION_CALLER };
	snprintf(verdict->reason, sizeof(verdict->reason), "no grant is for this caller");
	for (size_t i = 0; i < policy->grants.count; i++) {
		struct verdict v = { .grant = &grants[i] };

		if (!grant_is_for(&grants[i], identity))
			continue;
		v.dimension = compare(&grants[i], identity, ask, arena, &v);
		if (v.dimension > verdict->dimension)
			*verdict = v;
		if (v.dimension == DIMENSION_NONE) {
			verdict->allowed = true;
			verdict->reason[0] = '\0';
			return;
		}
	}
}

static void
note(struct list *names, const char *name, struct arena *arena)
{
	struct text *longer = arena_alloc(arena, names->count + 1, sizeof(*longer));

	if (names->count > 0)
		memcpy(longer, names->items, names->count * sizeof(*longer));
	longer[names->count] = text_of(name);
	*names = (struct list){ longer, names->count + 1 };
}

void
grant_apply(const struct verdict *verdict, const struct ask *ask, struct arena *arena)
{
	for (size_t i = 0; i < ask->user_count; i++) {
		const struct ask_user *user = &ask->users[i];

		if (user->value->data != NULL || !user->to_fill || verdict->uid.data == NULL)
			continue;
		*user->value = verdict->uid;
		if (ask->chosen != NULL)
			*ask->chosen = verdict->uid;
	}
	for (size_t i = 0; i < ask->lifetime_count; i++) {
		const struct ask_lifetime *l = &ask->lifetimes[i];
		int64_t asked = *l->seconds == 0 ? l->otherwise : *l->seconds;

		if (asked <= verdict->grant->ttl)
			continue;
		*l->seconds = verdict->grant->ttl;
		note(ask->narrowed, l->field, arena);
	}
}
