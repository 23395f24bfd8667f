#include <stdio.h>

#include "doctor.h"

#define DAY 86400

/* The line of a check that found nothing. */
static void
say_fine(struct doctor *d, size_t before, const char *what, const char *words)
{
	if (d->findings.count == before)
		doctor_say(d, FINDING_OK, what, NULL, "%s", words);
}

static const struct grant *
grants_of(const struct doctor *d, size_t *count)
{
	*count = d->config->policy->grants.count;
	return d->config->policy->grants.items;
}

static const struct caller *
callers_of(const struct doctor *d, size_t *count)
{
	*count = d->config->policy->callers.count;
	return d->config->policy->callers.items;
}

static bool
same(struct text a, struct text b)
{
	return (a.data == NULL) == (b.data == NULL) && a.length == b.length &&
	    (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static bool
holds(const struct list *texts, struct text text)
{
	const struct text *items = texts->items;

	for (size_t i = 0; i < texts->count; i++)
		if (same(items[i], text))
			return true;
	return false;
}

void
check_callers(struct doctor *d)
{
	size_t caller_count, grant_count, before = d->findings.count;
	const struct caller *callers = callers_of(d, &caller_count);
	const struct grant *grants = grants_of(d, &grant_count);

	for (size_t i = 0; i < caller_count; i++) {
		bool has = false;

		for (size_t n = 0; n < grant_count; n++)
			has = has || holds(&grants[n].from, callers[i].name);
		if (!has)
			doctor_say(d, FINDING_WARNING, "callers",
			    "name it in the \"from\" of a grant, or take it out",
			    "%s has no grant, so it gets nothing", callers[i].name.data);
	}
	say_fine(d, before, "callers", "each has a grant");
}

void
check_audiences(struct doctor *d)
{
	size_t count, before = d->findings.count;
	const struct caller *callers = callers_of(d, &count);

	for (size_t i = 0; i < count; i++)
		if (callers[i].type == CALLER_JWT && callers[i].audiences.count == 0)
			doctor_say(d, FINDING_WARNING, "audiences",
			    "have the login put an aud for this service into its tokens, and name "
			    "it",
			    "%s takes tokens that its login made for any other service",
			    callers[i].name.data);
	say_fine(d, before, "audiences", "each caller of type jwt has one");
}

void
check_anonymous(struct doctor *d)
{
	size_t count, before = d->findings.count;
	const struct grant *grants = grants_of(d, &count);

	for (size_t i = 0; i < count; i++) {
		const struct text *from = grants[i].from.items;

		for (size_t n = 0; n < grants[i].from.count; n++)
			if (policy_caller(d->config->policy, from[n])->type == CALLER_ANONYMOUS &&
			    grants[i].role == GRANT_PUBLISHER)
				doctor_say(d, FINDING_WARNING, "anonymous callers",
				    "leave the role out, or ask who it is",
				    "grant %s lets anybody publish", grants[i].name.data);
	}
	say_fine(d, before, "anonymous callers", "none may publish");
}

void
check_lists(struct doctor *d)
{
	size_t count, before = d->findings.count;
	const struct caller *callers = callers_of(d, &count);

	for (size_t i = 0; i < count; i++)
		if (caller_leaves_lists_out(&callers[i]))
			doctor_say(d, FINDING_WARNING, "lists",
			    "name the claims that the login joins with commas, as \"lists\": "
			    "[\"groups\"], or write \"lists\": []",
			    "%s " POLICY_LISTS_RULE, callers[i].name.data);
	say_fine(d, before, "lists", "each frontend says which of its claims are lists");
}

void
check_breadth(struct doctor *d)
{
	size_t count, before = d->findings.count;
	const struct grant *grants = grants_of(d, &count);

	for (size_t i = 0; i < count; i++) {
		if (grants[i].wildcard)
			doctor_say(d, FINDING_WARNING, "breadth",
			    "leave wildcard out, unless one token has to serve many channels",
			    "grant %s gives tokens for channels with a *, each good for many",
			    grants[i].name.data);
		if (text_is(grants[i].uid, "any"))
			doctor_say(d, FINDING_WARNING, "breadth",
			    "leave uid out, or say \"*\", so that a token is one user's",
			    "grant %s gives tokens that let their holder be any user",
			    grants[i].name.data);
	}
	say_fine(d, before, "breadth", "no grant has wildcards, or \"any\" uid");
}

void
check_lifetimes(struct doctor *d)
{
	size_t count, before = d->findings.count;
	const struct grant *grants = grants_of(d, &count);

	for (size_t i = 0; i < count; i++)
		if (grants[i].ttl == DAY && grant_has_action(&grants[i], TOKEN_ISSUE))
			doctor_say(d, FINDING_WARNING, "lifetimes",
			    "give it a ttl as long as a session: a token cannot be called back",
			    "grant %s gives tokens for 24 hours%s", grants[i].name.data,
			    grants[i].ttl_text.data == NULL ? ", because it has no ttl" : "");
	say_fine(d, before, "lifetimes", "each grant's ttl is less than 24h");
}

/* Grants that never count */

static bool
has_all(const struct list *texts, const struct list *wanted)
{
	const struct text *items = wanted->items;

	for (size_t i = 0; i < wanted->count; i++)
		if (!holds(texts, items[i]))
			return false;
	return true;
}

static bool
has_actions(const struct grant *g, const struct grant *wanted)
{
	const struct text *actions = wanted->actions.items;

	if (actions == NULL)
		return grant_has_action(g, TOKEN_ISSUE);
	/* "recording.*" is covered by itself and by "*", as an action of that name would be. */
	for (size_t i = 0; i < wanted->actions.count; i++)
		if (!grant_has_action(g, actions[i].data))
			return false;
	return true;
}

/* By their texts alone: true is certain, false is not. */
static bool
is_covered(const struct grant *late, const struct grant *early)
{
	return early->when == NULL && has_all(&early->from, &late->from) &&
	    has_actions(early, late) && (late->services & ~early->services) == 0 &&
	    (early->everywhere || has_all(&early->channels, &late->channels)) &&
	    (early->wildcard || !late->wildcard) &&
	    (text_is(early->uid, "any") || same(early->uid, late->uid)) &&
	    early->role >= late->role && same(early->project, late->project);
}

void
check_covered(struct doctor *d)
{
	size_t count, before = d->findings.count;
	const struct grant *grants = grants_of(d, &count);

	for (size_t i = 1; i < count; i++)
		for (size_t n = 0; n < i; n++)
			if (is_covered(&grants[i], &grants[n])) {
				doctor_say(d, FINDING_WARNING, "order of grants",
				    "put the narrower grant first, or take it out",
				    "grant %s never counts: %s, before it, covers all of it",
				    grants[i].name.data, grants[n].name.data);
				break;
			}
	say_fine(d, before, "order of grants", "none hides a later one");
}
