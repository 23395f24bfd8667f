/*
 * grant.h - may this caller have that?  A pure function of the policy, who asks and what for.
 */
#ifndef ACCESS_GRANT_H
#define ACCESS_GRANT_H

#include "policy.h"

#define ASK_USERS 2
#define ASK_LIFETIMES 6

/* Who asks.  caller NULL: nobody that the policy knows. */
struct identity {
	const struct caller *caller;
	struct text subject;        /* absent: it has none */
	struct json_object *claims; /* may be NULL; owned by whoever made it */
};

/* A user that the request names, or leaves to the grant. */
struct ask_user {
	const char *field;  /* of the request */
	struct text *value; /* in the route's input; data NULL: not named */
	bool to_fill;       /* where not named, the grant's may take its place */
	unsigned named,
	    unnamed;   /* services that it is for somebody, and for nobody in particular */
	bool required; /* somebody has to name it, and everyone is no name */
	int64_t max;   /* bytes */
	bool (*check)(struct text value, struct field_error *error); /* what such a name may be */
	bool is_account; /* "0" is a name, too, and not everyone */
};

struct ask_lifetime {
	const char *field;
	int64_t *seconds;  /* in the route's input; negative: not asked for */
	int64_t otherwise; /* what 0 means; 0: nothing of its own */
};

/* What a request asks for.  Zeroed: nothing. */
struct ask {
	const char *action;
	struct text project; /* absent: the default, or the grant's; PROJECT_DEFAULT: the default */
	struct text app_id;  /* where no project is named: the one of this App ID, if it may be */
	bool is_default_app; /* that is the settings' own */
	unsigned services;   /* enum token_service */
	struct list channels; /* struct text; the places where it has its effect */
	bool placed;          /* it has its effect in a channel, whether it names one or not */
	struct ask_user users[ASK_USERS];
	size_t user_count;
	bool has_role;
	int64_t role; /* enum grant_role */
	struct ask_lifetime lifetimes[ASK_LIFETIMES];
	size_t lifetime_count;
	struct list *narrowed; /* struct text: gets the names of lifetimes that were cut */
	struct text *chosen;   /* gets the uid that the grant filled in */
};

/* What of a request no grant covers; in the order in which they are looked at. */
enum dimension {
	DIMENSION_CALLER,
	DIMENSION_ACTION,
	DIMENSION_PROJECT,
	DIMENSION_SERVICE,
	DIMENSION_CHANNEL,
	DIMENSION_UID,
	DIMENSION_ROLE,
	DIMENSION_NONE, /* it is covered */
};

struct verdict {
	bool allowed;
	const struct grant *grant; /* that covers it, or that came closest; NULL: none is his */
	enum dimension dimension;
	char reason[160];    /* why not, for the caller; it holds nothing of the request */
	struct text uid;     /* for users that are not named; absent: the grant has none */
	struct text project; /* absent: the default */
};

/* The first grant that covers all of it.  What it fills in lives in arena. */
void grant_evaluate(const struct policy *policy, const struct identity *identity,
    const struct ask *ask, struct arena *arena, struct verdict *verdict);

/* Fills in the users and narrows the lifetimes of a request that is allowed. */
void grant_apply(const struct verdict *verdict, const struct ask *ask, struct arena *arena);

/* Whether the grant is this caller's. */
bool grant_is_for(const struct grant *grant, const struct identity *identity);

/*
 * The text with ${claim} replaced by the caller's claims, ${sub} by the subject and
 * hash32(${...}) by a uid made of it.  The claims' bytes are marked so that a * in them is no
 * metacharacter.  false: a claim is missing.
 */
bool grant_expand(
    struct text text, const struct identity *identity, struct arena *arena, struct text *out);

/* "service", "channel", ... Static text. */
const char *dimension_name(enum dimension dimension);

/* A claim by name, "a.b" also for b in a; NULL when there is none. */
struct json_object *identity_claim(const struct identity *identity, struct text name);

#endif
