/*
 * policy.h - the policy file: who may ask (callers), what each may have (grants), and the Agora
 * projects that tokens are signed for.  Read once, from JSON with comments; agora-policy(5)
 * describes it.
 */
#ifndef ACCESS_POLICY_H
#define ACCESS_POLICY_H

#include "field.h"
#include "keys.h"

#define POLICY_MAX 1048576   /* bytes of the file */
#define POLICY_VALUES 131072 /* values and names in it */
#define TTL_MAX 86400        /* seconds: Agora's */
#define ALGORITHMS_MAX 5
#define TOKEN_ISSUE "token.issue" /* the action that most grants allow */

/* How a caller proves who it is. */
enum caller_type {
	CALLER_APIKEY,    /* a secret of ours, of which we keep the SHA-256 */
	CALLER_JWT,       /* a token that somebody else signed */
	CALLER_FRONTEND,  /* the web server has asked, and says so in a parameter */
	CALLER_MTLS,      /* the same, with a client certificate */
	CALLER_ANONYMOUS, /* it does not */
};

struct caller {
	struct text name;
	int64_t type;
	struct list hashes;          /* apikey: struct text, 32 bytes of SHA-256 each */
	struct list sources;         /* jwt: struct text, "file:PATH" or "https://..." */
	struct list algorithm_names; /* jwt: struct text */
	enum algorithm algorithms[ALGORITHMS_MAX];
	size_t algorithm_count;
	struct text issuer;         /* jwt */
	struct list audiences;      /* jwt: struct text */
	int64_t leeway;             /* jwt: seconds */
	struct text parameter;      /* frontend, mtls: the one that names the user */
	struct json_object *claims; /* frontend, mtls: claim -> parameter */
	struct list lists;      /* struct text: claims whose parameter holds several, with commas */
	struct key_set **files; /* jwt: the sets read from files, NULL at the end */
};

/* What a token can be for; bits of services. */
enum token_service {
	SERVICE_RTC = 1 << 0,
	SERVICE_RTM = 1 << 1,
	SERVICE_CHAT = 1 << 2,
	SERVICE_CHAT_APP = 1 << 3,
	SERVICE_APAAS = 1 << 4,
	SERVICE_APAAS_APP = 1 << 5,
	SERVICE_FPA = 1 << 6,
	SERVICE_STREAMING = 1 << 7,
	SERVICE_FCDN = 1 << 8,
	SERVICE_RTM2 = 1 << 9,
	SERVICE_CONVOAI = 1 << 10,
	SERVICE_STT = 1 << 11,
};
extern const struct choice policy_services[]; /* "rtc" -> SERVICE_RTC */

enum grant_role { GRANT_SUBSCRIBER, GRANT_PUBLISHER };

/* Texts may hold ${claim}; a * matches anything but what holds a * itself. */
struct grant {
	struct text name;
	struct list from;         /* struct text: names of callers */
	struct json_object *when; /* claim -> value or values; NULL: always */
	struct list service_names, channels, actions;
	unsigned services;
	bool wildcard;   /* channels that hold a *, too */
	bool everywhere; /* channels has a plain * */
	struct text uid; /* "any", a pattern, or the one that the caller has */
	int64_t role;    /* the most: enum grant_role */
	struct text ttl_text, rate_text;
	int64_t ttl; /* seconds, 1 to 86400 */
	int64_t rate_us,
	    burst;           /* a request each so many microseconds, so many at once; 0: no limit */
	struct text project; /* its name; absent: the default; "*": any */
};

/* An Agora project.  The default one comes from the settings and has no name. */
struct project {
	struct text name;
	struct text app_id, certificate, certificate_file, second_certificate,
	    second_certificate_file;
	struct text customer_id, customer_secret, customer_secret_file;
};

#define PROJECT_DEFAULT "default" /* its name in metrics and answers */

enum enforce { ENFORCE_ON, ENFORCE_LOG };

struct policy {
	int64_t enforce;
	struct list callers, grants, projects; /* struct caller, struct grant, struct project */
	struct json_object *json;
	struct arena arena;
};

/*
 * Reads the file.  NULL with *error set to one line: "path:line: ..." for what is not JSON,
 * "path: /grants/2/ttl: ..." for the rest; never a secret.
 */
struct policy *policy_open(const char *path, struct buf *error);
/* The same from a text; path is its name in errors, and where its relative paths begin. */
struct policy *policy_read(struct text text, const char *path, struct buf *error);
/* Wipes the secrets. */
void policy_close(struct policy *policy);

/* By name; NULL when there is none. */
const struct caller *policy_caller(const struct policy *policy, struct text name);
const struct project *policy_project(const struct policy *policy, struct text name);

/*
 * The member of the grant that can never match, "when" or "channels", because all of its callers
 * are without claims; NULL: none.  Static text.
 */
const char *policy_dead_member(const struct policy *policy, const struct grant *grant);
#define POLICY_DEAD_RULE "never matches: API keys and anonymous callers have no claims"

/*
 * Whether the caller has claims of a login, which often sends several groups with commas, and the
 * policy does not say which of its claims are lists.
 */
bool caller_leaves_lists_out(const struct caller *caller);
#define POLICY_LISTS_RULE                                                                          \
	"does not say which of its claims are lists, so each is one value, commas and all"

/* Whether any caller's keys come from an address. */
bool policy_has_remote_keys(const struct policy *policy);
/* Whether any grant has a rate. */
bool policy_has_rates(const struct policy *policy);

/* A name as the policy's callers have: 1 to 64 letters, digits, - and .  A field check. */
bool is_caller_name(struct text value, struct field_error *error);

/* Whether a grant's pattern ("recording.*") covers an action. */
bool action_covers(struct text pattern, const char *action);

/* Whether the grant allows the action; one that names none allows to issue tokens. */
bool grant_has_action(const struct grant *grant, const char *action);

/* "20/min": how many microseconds apart, and how many at once; per s, min, h or day. */
bool rate_read(struct text text, int64_t *interval_us, int64_t *burst);
/* The same as a field check. */
bool is_rate(struct text text, struct field_error *error);

#endif
