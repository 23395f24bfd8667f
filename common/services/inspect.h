/*
 * inspect.h - what a token says and whether it is good: decoded, verified, compared with what the
 * caller expects.
 */
#ifndef SERVICES_INSPECT_H
#define SERVICES_INSPECT_H

#include "agoratoken.h"
#include "field.h"

struct inspected_privilege {
	int64_t id;
	struct text name;
	int64_t expire;    /* seconds after issue; 0 = as long as the token */
	int64_t expire_at; /* version 006 alone: Unix seconds, 0 = as long as the token */
};

struct inspected_permission {
	int64_t resource, permission;
	struct list names; /* struct text */
};

struct inspected_service {
	int64_t type;
	struct text name;
	struct list privileges; /* struct inspected_privilege */
	struct text channel, uid, user_id, account, room_uuid, user_uuid;
	int64_t role;            /* APaaS; INT64_MIN = none */
	struct list permissions; /* struct inspected_permission */
};

struct problem {
	struct text code, message;
};

struct inspection {
	struct text version, app_id;
	int64_t issue_ts, expire, expire_at, salt, service_count; /* -1 = not known */
	int64_t channel_crc, user_crc;                            /* version 006; -1 = none */
	struct list services;                                     /* struct inspected_service */
	struct list privileges;     /* version 006: struct inspected_privilege */
	int complete;               /* these three: 1, 0, MAYBE_NULL, MAYBE_ABSENT */
	int64_t first_unknown_type; /* -1 = none */
	struct text signature;      /* hexadecimal */
	int signature_valid;
	struct text certificate; /* "secondary": the one that verifies it, where not the first */
	int expired;
	bool valid;           /* nothing is wrong, and the signature was checked */
	struct list problems; /* struct problem */
};

/* What the token ought to be.  Absent texts are not compared. */
struct expectation {
	struct text app_id;
	struct text certificate; /* absent: the signature cannot be checked, and nothing is valid */
	struct text second_certificate; /* looked at where the first does not verify it */
	struct text channel;            /* what the client joins */
	struct text uid;                /* "0" = it joins without a uid of its own */
	int64_t now;                    /* Unix seconds */
};

extern const struct table inspection_table;

/* What sign reads: the part of an inspection that makes a token. */
struct token_description {
	struct text app_id;
	int64_t issue_ts, expire, salt;
	struct list services;  /* struct inspected_service */
	struct text signature; /* present: it describes a token that exists, whose order is kept */
	bool complete;         /* false: there was more behind an unknown service */
};
extern const struct table token_description_table;

/* Texts are views into the codec, the token or the arena, and hold as long as all three. */
void
inspect_token(struct agora_codec *codec, struct text token, const struct expectation *expectation,
    struct arena *arena, struct inspection *out) __attribute__((nonnull));

#endif
