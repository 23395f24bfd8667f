/* describe.h - what a token says: its services and their privileges, to JSON and from it. */
#ifndef TOKENS_DESCRIBE_H
#define TOKENS_DESCRIBE_H

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

extern const struct table inspected_service_table, inspected_privilege_006_table;

/* The services that could be read.  Texts are views into the codec, lists live in the arena. */
struct list inspected_services(const struct agora_parsed *parsed, struct arena *arena);
/* absolute: of version 006. */
struct list inspected_privileges(
    struct agora_text privileges, uint16_t type, bool absolute, struct arena *arena);

/* What sign reads: the part of an inspection that makes a token. */
struct token_description {
	struct text app_id;
	int64_t issue_ts, expire, salt;
	struct list services;  /* struct inspected_service */
	struct text signature; /* present: it describes a token that exists, whose order is kept */
	bool complete;         /* false: there was more behind an unknown service */
};
extern const struct table token_description_table;

#endif
