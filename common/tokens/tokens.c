#include <stdio.h>

#include "names.h"
#include "random.h"
#include "settings.h"
#include "tokens.h"

#define BIT(kind) (UINT64_C(1) << (kind))

/* Settings */

#define SETTINGS_ROWS(required)                                                                    \
	{                                                                                          \
		{ "APP_ID", FIELD_TEXT, (required) | FIELD_FILE,                                   \
			offsetof(struct token_settings, app_id), .check = settings_hex32,          \
			.meaning = "App ID of the Agora project" },                                \
		    { "APP_CERTIFICATE", FIELD_TEXT, (required) | FIELD_FILE | FIELD_SECRET,       \
			    offsetof(struct token_settings, certificate), .check = settings_hex32, \
			    .meaning = "its primary certificate; keep it secret" },                \
		    { "APP_CERTIFICATE_SECONDARY", FIELD_TEXT, FIELD_FILE | FIELD_SECRET,          \
			    offsetof(struct token_settings, second_certificate),                   \
			    .check = settings_hex32,                                               \
			    .meaning = "one that verifies too, while certificates change" },       \
	}

static const struct field settings_fields[] = SETTINGS_ROWS(FIELD_REQUIRED);
static const struct field settings_optional_fields[] = SETTINGS_ROWS(0U);

const struct table token_settings_table = TEXT_TABLE(settings_fields, struct token_settings);
const struct table token_settings_optional_table =
    TEXT_TABLE(settings_optional_fields, struct token_settings);

/* POST /getToken */

static const struct choice kinds[] = { { "rtc", TOKEN_RTC }, { "rtm", TOKEN_RTM },
	{ "chat", TOKEN_CHAT }, { "apaas", TOKEN_APAAS }, { "education", TOKEN_APAAS },
	{ "fpa", TOKEN_FPA }, { "streaming", TOKEN_STREAMING }, { "fcdn", TOKEN_FCDN },
	{ "rtm2", TOKEN_RTM2 }, { "convoai", TOKEN_CONVOAI }, { "stt", TOKEN_STT }, { NULL, 0 } };

static const struct choice roles[] = { { "publisher", ROLE_PUBLISHER },
	{ "subscriber", ROLE_SUBSCRIBER }, { "1", ROLE_PUBLISHER }, { "2", ROLE_SUBSCRIBER },
	/* What SDKs call them. */
	{ "host", ROLE_PUBLISHER }, { "broadcaster", ROLE_PUBLISHER },
	{ "audience", ROLE_SUBSCRIBER }, { NULL, 0 } };

static const struct choice resources[] = { { "messageChannels", 0 }, { "streamChannels", 1 },
	{ "groupChannels", 2 }, { "serverGroups", 3 }, { "users", 4 }, { "0", 0 }, { "1", 1 },
	{ "2", 2 }, { "3", 3 }, { "4", 4 }, { NULL, 0 } };

static const struct choice permissions[] = { { "read", 0 }, { "write", 1 }, { "0", 0 }, { "1", 1 },
	{ NULL, 0 } };

#define SECONDS .max = UINT32_MAX, .unit = "seconds"
#define ROLE_MEANING                                                                               \
	"publisher, host, broadcaster or 1; subscriber, audience, 2 or empty; words in any case"
#define EXPIRE_MEANING "lifetime in seconds; 0 = 3600, over 86400 = 86400"
#define CLAMPED_MEANING "inputs that were cut, to Agora's maximum or the grant's"
#define CHOSEN_MEANING "the user, where the grant chose it"

#define PRIVILEGE(name, flags, text)                                                               \
	{                                                                                          \
#name, FIELD_INT, flags, offsetof(struct token_privileges, name), SECONDS,         \
		    .fallback = -1, .meaning = text                                                \
	}

static const struct field privileges_fields[] = {
	PRIVILEGE(join, FIELD_REQUIRED, "seconds after issue; 0 = as long as the token"),
	PRIVILEGE(audio, 0, "the same, for publishing audio; absent = not allowed"),
	PRIVILEGE(video, 0, "the same, for publishing video"),
	PRIVILEGE(data, 0, "the same, for publishing data streams"),
};

static const struct table privileges_table = TABLE(privileges_fields, struct token_privileges);

static const struct field permission_fields[] = {
	{ "resource", FIELD_CHOICE, FIELD_REQUIRED, offsetof(struct token_permission, resource),
	    .choices = resources, .meaning = "what kind of thing" },
	{ "permission", FIELD_CHOICE, FIELD_REQUIRED, offsetof(struct token_permission, permission),
	    .choices = permissions, .meaning = "what may be done with it" },
	{ "resources", FIELD_TEXTS, FIELD_REQUIRED, offsetof(struct token_permission, names),
	    .meaning = "names of the things; * and patterns as Agora reads them" },
};

static const struct table permission_table = TABLE(permission_fields, struct token_permission);

#define WITH_CHANNEL                                                                               \
	(BIT(TOKEN_RTC) | BIT(TOKEN_STREAMING) | BIT(TOKEN_FCDN) | BIT(TOKEN_CONVOAI) |            \
	    BIT(TOKEN_STT))
#define WITH_RTM_USER (BIT(TOKEN_RTM) | BIT(TOKEN_RTM2))
#define AT(member) offsetof(struct token_request, member)

static const struct field request_fields[] = {
	{ "tokenType", FIELD_CHOICE, FIELD_REQUIRED | FIELD_DECIDES, AT(kind), .choices = kinds,
	    .meaning = "kind of token" },
	{ "channel", FIELD_TEXT, FIELD_REQUIRED | FIELD_IGNORED | FIELD_OR_DIGITS, AT(channel), 1,
	    CHANNEL_MAX, .when = WITH_CHANNEL, .check = name_is_rtc,
	    .meaning = "channel name; * = any channel" },
	/* The peers take "" for none here. */
	{ "channel", FIELD_TEXT, FIELD_IGNORED | FIELD_OR_DIGITS, AT(channel), 0, CHANNEL_MAX,
	    .when = BIT(TOKEN_RTM), .check = name_is_rtc,
	    .meaning = "adds the right to join this channel and send data in it" },
	/* Required too; but a grant may fill it in, so that is looked at when the token is made. */
	{ "uid", FIELD_ID, FIELD_IGNORED, AT(uid), 1, ACCOUNT_MAX, .when = WITH_CHANNEL,
	    .check = name_is_rtc_user,
	    .meaning = "uid or account; 0 and * = any user; required unless the grant gives it" },
	{ "account", FIELD_TEXT, 0, AT(account), 1, ACCOUNT_MAX, .when = WITH_CHANNEL,
	    .check = name_is_rtc,
	    .meaning = "in place of uid: a string account, whatever it looks like" },
	{ "uid", FIELD_ID, FIELD_IGNORED, AT(uid), 1, RTM_USER_MAX, .when = WITH_RTM_USER,
	    .check = name_is_rtm_user,
	    .meaning = "RTM user id; required unless the grant gives it" },
	{ "uid", FIELD_ID, FIELD_IGNORED, AT(uid), 1, CHAT_USER_MAX, .when = BIT(TOKEN_CHAT),
	    .check = name_is_chat_user, .meaning = "Chat user id; absent = app token" },
	{ "uid", FIELD_ID, FIELD_IGNORED, AT(uid), 1, RTM_USER_MAX, .when = BIT(TOKEN_APAAS),
	    .check = name_is_rtm_user, .meaning = "user uuid; absent = app token" },
	{ "role", FIELD_CHOICE, FIELD_WORD, AT(role), .choices = roles, .fallback = ROLE_SUBSCRIBER,
	    .when = ~BIT(TOKEN_APAAS), .meaning = ROLE_MEANING },
	{ "role", FIELD_INT, 0, AT(room_role), INT16_MIN, INT16_MAX, .fallback = -1,
	    .when = BIT(TOKEN_APAAS), .meaning = "the user's role in the room" },
	{ "expire", FIELD_INT, 0, AT(expire), SECONDS, .meaning = EXPIRE_MEANING },
	{ "privileges", FIELD_OBJECT, 0, AT(privileges), .nested = &privileges_table,
	    .when = BIT(TOKEN_RTC), .meaning = "lifetime of each right, instead of a role" },
	{ "rtmUid", FIELD_ID, 0, AT(rtm_uid), 1, RTM_USER_MAX,
	    .when = BIT(TOKEN_RTC) | BIT(TOKEN_CONVOAI) | BIT(TOKEN_STT), .check = name_is_rtm_user,
	    .meaning = "RTM user id to log in with the same token; required with convoai and stt "
		       "where uid "
		       "is 0, * or longer than 64 bytes" },
	{ "room", FIELD_ID, 0, AT(room), 1, CHANNEL_MAX, .when = BIT(TOKEN_APAAS),
	    .check = name_is_room,
	    .meaning = "room uuid, with a uid; absent = the user's own token" },
	{ "permissions", FIELD_LIST, 0, AT(permissions), .max = 1024, .nested = &permission_table,
	    .when = BIT(TOKEN_RTM2), .meaning = "what the user may do" },
};

const struct table token_request_table = TABLE(request_fields, struct token_request);

#undef AT
#define AT(member) offsetof(struct token_answer, member)

static const struct field answer_fields[] = {
	{ "token", FIELD_TEXT, FIELD_REQUIRED, AT(token), .meaning = "the token" },
	{ "expire", FIELD_INT, 0, AT(expire), .meaning = "its lifetime in seconds, as signed" },
	{ "expiresAt", FIELD_INT, 0, AT(expires_at), .meaning = "Unix time at which it ends" },
	{ "clamped", FIELD_TEXTS, FIELD_OMIT, AT(clamped), .meaning = CLAMPED_MEANING },
	{ "uid", FIELD_TEXT, 0, AT(uid), .meaning = CHOSEN_MEANING },
	{ "grant", FIELD_TEXT, 0, AT(grant),
	    .meaning = "the grant that covers it; absent: the service is open" },
};

const struct table token_answer_table = TABLE(answer_fields, struct token_answer);

#undef AT

/* Asking */

/* A user of each kind of name, as a grant sees it. */
static struct ask_user
rtc_user_ask(const char *field, struct text *value)
{
	return (struct ask_user){ .field = field,
		.value = value,
		.to_fill = true,
		.max = ACCOUNT_MAX,
		.check = name_is_rtc };
}

static struct ask_user
rtm_user_ask(const char *field, struct text *value)
{
	return (struct ask_user){
		.field = field, .value = value, .max = RTM_USER_MAX, .check = name_is_rtm_user
	};
}

static const unsigned services_of_kind[] = { [TOKEN_RTC] = SERVICE_RTC,
	[TOKEN_RTM] = SERVICE_RTM,
	[TOKEN_CHAT] = 0,
	[TOKEN_APAAS] = 0,
	[TOKEN_FPA] = SERVICE_FPA,
	[TOKEN_STREAMING] = SERVICE_STREAMING,
	[TOKEN_FCDN] = SERVICE_FCDN,
	[TOKEN_RTM2] = SERVICE_RTM2,
	[TOKEN_CONVOAI] = SERVICE_CONVOAI | SERVICE_RTC | SERVICE_RTM,
	[TOKEN_STT] = SERVICE_STT | SERVICE_RTC | SERVICE_RTM };

static void
ask_for_user(struct token_request *r, struct ask *ask)
{
	struct ask_user user = rtc_user_ask("uid", &r->uid);

	if (r->kind == TOKEN_FPA)
		return;
	if (r->account.data != NULL) {
		user.field = "account";
		user.value = &r->account;
		user.is_account = true;
	}
	user.required = (BIT(r->kind) & (WITH_CHANNEL | WITH_RTM_USER)) != 0;
	if (!(BIT(r->kind) & WITH_CHANNEL)) {
		user.max = RTM_USER_MAX;
		user.check = name_is_rtm_user;
	}
	if (r->kind == TOKEN_CHAT) {
		user.max = CHAT_USER_MAX;
		user.check = name_is_chat_user;
		user.named = SERVICE_CHAT;
		user.unnamed = SERVICE_CHAT_APP;
	}
	if (r->kind == TOKEN_APAAS) {
		user.named = SERVICE_APAAS;
		user.unnamed = SERVICE_APAAS_APP;
	}
	ask->users[ask->user_count++] = user;
	if (r->rtm_uid.data != NULL)
		ask->users[ask->user_count++] = rtm_user_ask("rtmUid", &r->rtm_uid);
}

/*
 * The names of an RTM2 token's things are places, whatever their kind.  Agora does not say what a
 * right without names is good for, so it is judged as one for all of them.
 */
static struct list
permission_names(const struct token_request *r, struct arena *arena)
{
	const struct token_permission *p = r->permissions.items;
	struct text *names;
	size_t count = 0;

	for (size_t i = 0; i < r->permissions.count; i++)
		count += p[i].names.count > 0 ? p[i].names.count : 1;
	names = arena_alloc(arena, count, sizeof(*names));
	count = 0;
	for (size_t i = 0; i < r->permissions.count; i++) {
		if (p[i].names.count > 0)
			memcpy(names + count, p[i].names.items, p[i].names.count * sizeof(*names));
		else
			names[count] = TEXT("*");
		count += p[i].names.count > 0 ? p[i].names.count : 1;
	}
	return (struct list){ names, count };
}

/* Whether it is a right to send anything into the place. */
static bool
publishes(const struct token_request *r)
{
	const struct token_permission *p = r->permissions.items;

	for (size_t i = 0; i < r->permissions.count; i++)
		if (p[i].permission != 0)
			return true;
	if (r->privileges != NULL)
		return r->privileges->audio >= 0 || r->privileges->video >= 0 ||
		    r->privileges->data >= 0;
	if (BIT(r->kind) & (BIT(TOKEN_RTM) | BIT(TOKEN_STREAMING) | BIT(TOKEN_APAAS)))
		return true;
	return r->role == ROLE_PUBLISHER;
}

static void
ask_for_lifetimes(struct token_request *r, struct ask *ask)
{
	const struct ask_lifetime token = { "expire", &r->expire,
		r->kind == TOKEN_FPA ? AGORA_EXPIRE_MAX : EXPIRE_DEFAULT };

	ask->lifetimes[ask->lifetime_count++] = token;
	if (r->privileges == NULL)
		return;
	ask->lifetimes[ask->lifetime_count++] =
	    (struct ask_lifetime){ "privileges.join", &r->privileges->join, 0 };
	ask->lifetimes[ask->lifetime_count++] =
	    (struct ask_lifetime){ "privileges.audio", &r->privileges->audio, 0 };
	ask->lifetimes[ask->lifetime_count++] =
	    (struct ask_lifetime){ "privileges.video", &r->privileges->video, 0 };
	ask->lifetimes[ask->lifetime_count++] =
	    (struct ask_lifetime){ "privileges.data", &r->privileges->data, 0 };
}

void
token_ask(struct exchange *x, struct ask *ask)
{
	struct token_request *r = x->input;

	ask->services = services_of_kind[r->kind];
	if (r->kind == TOKEN_RTM && r->channel.length > 0)
		ask->services |= SERVICE_RTC;
	if (r->kind == TOKEN_RTC && r->rtm_uid.data != NULL)
		ask->services |= SERVICE_RTM;
	if (r->kind == TOKEN_RTM2)
		ask->channels = permission_names(r, &x->arena);
	else if (r->channel.length > 0)
		ask->channels = (struct list){ &r->channel, 1 };
	else if (r->room.data != NULL)
		ask->channels = (struct list){ &r->room, 1 };
	ask_for_user(r, ask);
	ask->has_role = ask->channels.count > 0;
	ask->role = publishes(r) ? GRANT_PUBLISHER : GRANT_SUBSCRIBER;
	ask_for_lifetimes(r, ask);
	ask->narrowed = &r->narrowed;
	ask->chosen = &r->chosen;
}

/* Issuing */

struct token_settings
services_project(const struct exchange *x)
{
	const struct services *services = x->context;
	const struct project *project = x->admission == NULL ? NULL : x->admission->project;

	if (project == NULL)
		return *services->settings;
	return (struct token_settings){ project->app_id, project->certificate,
		project->second_certificate };
}

static struct agora_text
agora(struct text text)
{
	return (struct agora_text){ text.data == NULL ? "" : text.data, text.length };
}

/* Agora writes "any user" as the empty string; an account of the name 0 is somebody. */
static struct agora_text
rtc_user(const struct token_request *r)
{
	if (r->account.data != NULL)
		return agora(r->account);
	return text_is(r->uid, "0") ? (struct agora_text){ "", 0 } : agora(r->uid);
}

static void
note_clamped(struct arena *arena, struct list *clamped, const char *name)
{
	struct text *names = arena_alloc(arena, clamped->count + 1, sizeof(*names));

	if (clamped->count > 0)
		memcpy(names, clamped->items, clamped->count * sizeof(*names));
	names[clamped->count] = text_of(name);
	*clamped = (struct list){ names, clamped->count + 1 };
}

static uint32_t
clamp(int64_t seconds, struct arena *arena, struct list *clamped, const char *name)
{
	if (seconds <= AGORA_EXPIRE_MAX)
		return (uint32_t)seconds;
	note_clamped(arena, clamped, name);
	return AGORA_EXPIRE_MAX;
}

/* The privileges of an RTC token: by role, each as long as the token; or one by one. */
static unsigned
rtc_privileges(const struct token_request *r, uint32_t expire, struct arena *arena,
    struct list *clamped, struct agora_rtc_expire *expires)
{
	static const char *const names[] = { "privileges.join", "privileges.audio",
		"privileges.video", "privileges.data" };
	unsigned allowed = 0;
	int64_t asked[4];
	uint32_t *to[4] = { &expires->join, &expires->audio, &expires->video, &expires->data };

	*expires = (struct agora_rtc_expire){ expire, expire, expire, expire };
	if (r->privileges == NULL)
		return r->role == ROLE_PUBLISHER ? AGORA_RTC_PUBLISHER : AGORA_RTC_SUBSCRIBER;
	asked[0] = r->privileges->join;
	asked[1] = r->privileges->audio;
	asked[2] = r->privileges->video;
	asked[3] = r->privileges->data;
	for (unsigned i = 0; i < 4; i++) {
		if (asked[i] < 0)
			continue;
		allowed |= 1U << (AGORA_RTC_JOIN + i);
		*to[i] = clamp(asked[i], arena, clamped, names[i]);
	}
	return allowed;
}

/* RTC, and with an RTM user both: buildTokenWithRtm2, and what ConvoAI and STT are built on. */
static bool
add_rtc(struct agora_set *set, const struct token_request *r, uint32_t expire, struct arena *arena,
    struct list *clamped)
{
	struct agora_rtc_expire expires;
	unsigned allowed = rtc_privileges(r, expire, arena, clamped, &expires);

	return agora_add_rtc(set, agora(r->channel), rtc_user(r), allowed, &expires) &&
	    (r->rtm_uid.data == NULL || agora_add_rtm(set, agora(r->rtm_uid), expire));
}

/* As go-tokenbuilder's, which the peers use: with a channel the right to join and send data. */
static bool
add_rtm(struct agora_set *set, const struct token_request *r, uint32_t expire)
{
	const struct agora_rtc_expire expires = { expire, expire, expire, expire };

	return (r->channel.length == 0 ||
		   agora_add_rtc(set, agora(r->channel), agora(r->uid),
		       1U << AGORA_RTC_JOIN | 1U << AGORA_RTC_DATA, &expires)) &&
	    agora_add_rtm(set, agora(r->uid), expire);
}

static bool
add_apaas(struct agora_set *set, const struct token_request *r, uint32_t expire,
    struct field_error *error)
{
	if (r->uid.data == NULL && r->room.data != NULL) {
		*error = (struct field_error){ .missing = true, .field = "uid" };
		field_rule(error, "is required with a room");
		return false;
	}
	if (r->uid.data == NULL)
		return agora_add_apaas_app(set, expire);
	if (r->room.data == NULL)
		return agora_add_apaas_user(set, agora(r->uid), expire);
	return agora_add_apaas_room_user(
	    set, agora(r->room), agora(r->uid), (int16_t)r->room_role, expire);
}

static bool
add_rtm2(struct agora_set *set, const struct token_request *r, uint32_t expire, struct arena *arena)
{
	const struct token_permission *asked = r->permissions.items;
	struct agora_permission *p = arena_alloc(arena, r->permissions.count, sizeof(*p));

	for (size_t i = 0; i < r->permissions.count; i++) {
		const struct text *names = asked[i].names.items;
		struct agora_text *texts = arena_alloc(arena, asked[i].names.count, sizeof(*texts));

		for (size_t n = 0; n < asked[i].names.count; n++)
			texts[n] = agora(names[n]);
		p[i] = (struct agora_permission){ (uint16_t)asked[i].resource,
			(uint16_t)asked[i].permission, texts, asked[i].names.count };
	}
	return agora_add_rtm2(set, agora(r->uid), p, r->permissions.count, expire);
}

/* ConvoAI and STT log in to RTM too, as the RTC user when no other is named. */
static bool
add_agent(struct agora_set *set, const struct token_request *r, uint16_t type, uint32_t expire,
    struct arena *arena, struct list *clamped, struct field_error *error)
{
	struct token_request both = *r;
	const struct text user = r->account.data != NULL ? r->account : r->uid;

	if (both.rtm_uid.data == NULL) {
		if (!name_is_rtm_user(user, error) || user.length > RTM_USER_MAX) {
			*error = (struct field_error){ .missing = true, .field = "rtmUid" };
			field_rule(error, "is required where uid cannot be an RTM user id");
			return false;
		}
		both.rtm_uid = user;
	}
	return add_rtc(set, &both, expire, arena, clamped) && agora_add_bare(set, type);
}

static bool
fill_set(struct agora_set *set, const struct token_request *r, uint32_t expire, struct arena *arena,
    struct list *clamped, struct field_error *error)
{
	switch ((enum token_kind)r->kind) {
	case TOKEN_RTC: return add_rtc(set, r, expire, arena, clamped);
	case TOKEN_RTM: return add_rtm(set, r, expire);
	case TOKEN_CHAT:
		return r->uid.data == NULL ? agora_add_chat_app(set, expire)
					   : agora_add_chat_user(set, agora(r->uid), expire);
	case TOKEN_APAAS: return add_apaas(set, r, expire, error);
	case TOKEN_FPA: return agora_add_fpa(set);
	case TOKEN_STREAMING:
		return agora_add_streaming(set, agora(r->channel), rtc_user(r), expire, expire);
	case TOKEN_FCDN:
		return agora_add_fcdn(
		    set, agora(r->channel), rtc_user(r), r->role == ROLE_PUBLISHER, expire);
	case TOKEN_RTM2: return add_rtm2(set, r, expire, arena);
	case TOKEN_CONVOAI: return add_agent(set, r, AGORA_CONVOAI, expire, arena, clamped, error);
	case TOKEN_STT: return add_agent(set, r, AGORA_STT, expire, arena, clamped, error);
	}
	return false;
}

uint32_t
token_salt(void)
{
	return 1 + random_below(99999999);
}

bool
token_joins(int64_t kind)
{
	return (BIT(kind) & WITH_CHANNEL) != 0;
}

static bool
names_its_user(const struct token_request *r, struct field_error *error)
{
	if (r->uid.data != NULL && r->account.data != NULL) {
		*error = (struct field_error){ .field = "account" };
		field_rule(error, "must not be there beside uid: a client joins with one of them");
		return false;
	}
	if (r->account.data != NULL)
		return true;
	if (r->uid.data != NULL || !(BIT(r->kind) & (WITH_CHANNEL | WITH_RTM_USER)))
		return true;
	*error = (struct field_error){ .missing = true, .field = "uid" };
	field_rule(error, "is required");
	return false;
}

bool
token_issue(struct services *services, const struct token_settings *project,
    const struct token_request *request, uint32_t issue_ts, uint32_t salt, struct arena *arena,
    struct token_answer *answer, struct field_error *error)
{
	struct agora_set set = { .count = 0 };
	struct agora_token token = {
		.app_id = project->app_id.data, .issue_ts = issue_ts, .salt = salt
	};
	enum agora_error failed;
	size_t length;

	*error = (struct field_error){ 0 };
	*answer = (struct token_answer){ .clamped = request->narrowed, .uid = request->chosen };
	if (!names_its_user(request, error))
		return false;
	token.expire = clamp(request->expire, arena, &answer->clamped, "expire");
	if (token.expire == 0)
		token.expire = request->kind == TOKEN_FPA ? AGORA_EXPIRE_MAX : EXPIRE_DEFAULT;
	if (!fill_set(&set, request, token.expire, arena, &answer->clamped, error))
		return false;
	token.services = set.services;
	token.service_count = set.count;
	failed = agora_token_sign(
	    services->codec, &token, project->certificate.data, services->text, &length);
	if (failed != AGORA_OK) {
		snprintf(error->field, sizeof(error->field), "permissions");
		field_rule(error, "%s", agora_error_message(failed));
		return false;
	}
	answer->token = arena_copy(arena, (struct text){ services->text, length });
	answer->expire = token.expire;
	answer->expires_at = (int64_t)issue_ts + token.expire;
	return true;
}

/* Issues for a handler; on failure the exchange is answered. */
static bool
issue(struct exchange *x, const struct token_request *request, struct token_answer *answer)
{
	struct services *services = x->context;
	const struct token_settings project = services_project(x);
	struct field_error error;

	if (token_issue(services, &project, request, (uint32_t)x->now, token_salt(), &x->arena,
		answer, &error)) {
		access_note_token(x, answer->token);
		return true;
	}
	exchange_fail(
	    x, error.missing ? ERROR_MISSING_FIELD : ERROR_INVALID_FIELD, error.field, error.rule);
	return false;
}

enum step
token_post(struct exchange *x)
{
	struct token_answer *out = x->output;

	if (!issue(x, x->input, out))
		return ANSWERED;
	if (x->admission->granted)
		out->grant = x->admission->verdict.grant->name;
	return NEXT;
}

/* Routes of other public token servers, which clients ask by their names */

struct fetch_request {
	struct token_request token; /* first: what is asked and issued */
	int64_t expiry, expire_time;
};

#define AT(member) offsetof(struct fetch_request, member)
#define FETCH_CHANNEL_ROWS(least)                                                                  \
	{ "channel", FIELD_TEXT, 0, AT(token.channel), least, CHANNEL_MAX, .check = name_is_rtc,   \
		.meaning = "another name of channelName" },                                        \
	{                                                                                          \
		"channelName", FIELD_TEXT, 0, AT(token.channel), least, CHANNEL_MAX,               \
		    .check = name_is_rtc, .meaning = "channel name; * = any channel"               \
	}
#define FETCH_ROWS                                                                                 \
	{ "role", FIELD_CHOICE, FIELD_WORD, AT(token.role), .choices = roles,                      \
		.fallback = ROLE_SUBSCRIBER, .meaning = ROLE_MEANING },                            \
	    { "expire", FIELD_INT, 0, AT(token.expire), SECONDS, .meaning = EXPIRE_MEANING },      \
	    { "expiry", FIELD_INT, 0, AT(expiry), SECONDS, .meaning = "another name of expire" },  \
	{                                                                                          \
		"expireTime", FIELD_INT, 0, AT(expire_time), SECONDS,                              \
		    .meaning = "another name of expire"                                            \
	}

static const struct field fetch_rtc_fields[] = {
	FETCH_CHANNEL_ROWS(1),
	{ "uid", FIELD_ID, 0, AT(token.uid), 1, ACCOUNT_MAX, .check = name_is_rtc,
	    .meaning = "uid or account; 0 and * = any user; required unless the grant gives it" },
	FETCH_ROWS,
};
static const struct field fetch_rtm_fields[] = {
	FETCH_CHANNEL_ROWS(0),
	{ "uid", FIELD_ID, 0, AT(token.uid), 1, RTM_USER_MAX, .check = name_is_rtm_user,
	    .meaning = "RTM user id; required unless the grant gives it" },
	FETCH_ROWS,
};
static const struct field access_token_fields[] = {
	FETCH_CHANNEL_ROWS(1),
	{ "uid", FIELD_TEXT, 0, AT(token.uid), 1, ACCOUNT_MAX, .check = name_is_rtc,
	    .meaning = "uid or account; 0, * or nothing = any user, or the grant's" },
	FETCH_ROWS,
};

#undef AT

static const struct needs needs_channel = { "channelName", "is required",
	{ { "channelName" }, { "channel" } } };

const struct table fetch_rtc_table =
    NEEDS_TABLE(fetch_rtc_fields, struct fetch_request, &needs_channel);
const struct table fetch_rtm_table = TABLE(fetch_rtm_fields, struct fetch_request);
const struct table access_token_table = { access_token_fields,
	sizeof(access_token_fields) / sizeof(access_token_fields[0]), sizeof(struct fetch_request),
	.text_source = true, .needs = &needs_channel };

static void
fetch_ask(struct exchange *x, struct ask *ask, enum token_kind kind)
{
	struct fetch_request *f = x->input;

	f->token.kind = kind;
	if (f->token.expire == 0)
		f->token.expire = f->expiry != 0 ? f->expiry : f->expire_time;
	token_ask(x, ask);
}

void
token_fetch_rtc_ask(struct exchange *x, struct ask *ask)
{
	fetch_ask(x, ask, TOKEN_RTC);
}

void
token_fetch_rtm_ask(struct exchange *x, struct ask *ask)
{
	fetch_ask(x, ask, TOKEN_RTM);
}

/* As with the GET routes, where nobody is named the grant's user is, or else any may use it. */
void
token_access_ask(struct exchange *x, struct ask *ask)
{
	fetch_ask(x, ask, TOKEN_RTC);
	ask->users[0].required = false;
}

enum step
token_get_access(struct exchange *x)
{
	struct token_request *r = x->input;

	if (r->uid.data == NULL)
		r->uid = TEXT("0");
	return token_post(x);
}

/* The token service's GET routes */

enum path_kind { PATH_UID, PATH_ACCOUNT };

struct path_request {
	int64_t kind; /* enum path_kind */
	struct text channel;
	int64_t role;
	struct text uid;     /* with PATH_UID, as it stands there */
	struct text account; /* with PATH_ACCOUNT */
	struct text user;    /* RTM or Chat */
	int64_t expiry;      /* seconds, 0 = default */
	/* from asking on */
	struct text rtc_user; /* uid or account; absent = any user */
	struct list narrowed;
	struct text chosen;
};

struct path_answer {
	struct text rtc, rtm, chat;
	struct text uid; /* where the grant chose it */
	int64_t expire;  /* 0 unless it was cut */
	struct list clamped;
};

static const struct choice path_kinds[] = { { "uid", PATH_UID }, { "userAccount", PATH_ACCOUNT },
	{ NULL, 0 } };

#define AT(member) offsetof(struct path_request, member)

#define RTC_ROWS                                                                                   \
	{ "tokenType", FIELD_CHOICE, FIELD_REQUIRED | FIELD_DECIDES, AT(kind),                     \
		.choices = path_kinds, .meaning = "how to read rtcuid" },                          \
	    { "channelName", FIELD_TEXT, FIELD_REQUIRED, AT(channel), 1, CHANNEL_MAX,              \
		    .check = name_is_rtc, .meaning = "channel name; * = any channel" },            \
	    { "role", FIELD_CHOICE, FIELD_WORD, AT(role), .choices = roles,                        \
		    .fallback = ROLE_SUBSCRIBER, .meaning = ROLE_MEANING },                        \
	    { "rtcuid", FIELD_ID, 0, AT(uid), .check = name_is_path_uid, .when = BIT(PATH_UID),    \
		    .meaning = "uid; 0 or nothing = any user" },                                   \
	{                                                                                          \
		"rtcuid", FIELD_TEXT, 0, AT(account), 1, ACCOUNT_MAX,                              \
		    .when = BIT(PATH_ACCOUNT), .check = name_is_rtc,                               \
		    .meaning = "account; * or nothing = any user"                                  \
	}
#define RTM_ROW                                                                                    \
	{                                                                                          \
		"rtmuid", FIELD_TEXT, FIELD_REQUIRED, AT(user), 1, RTM_USER_MAX,                   \
		    .check = name_is_rtm_user, .meaning = "RTM user id"                            \
	}
#define EXPIRY_ROW                                                                                 \
	{                                                                                          \
		"expiry", FIELD_INT, 0, AT(expiry), SECONDS, .meaning = EXPIRE_MEANING             \
	}

static const struct field rtc_path_fields[] = { RTC_ROWS, EXPIRY_ROW };
static const struct field rtm_path_fields[] = { RTM_ROW, EXPIRY_ROW };
static const struct field rte_path_fields[] = { RTC_ROWS, EXPIRY_ROW };
static const struct field rte_rtm_path_fields[] = { RTC_ROWS, RTM_ROW, EXPIRY_ROW };
static const struct field chat_app_path_fields[] = { EXPIRY_ROW };
static const struct field chat_user_path_fields[] = {
	{ "chatid", FIELD_TEXT, FIELD_REQUIRED, AT(user), 1, CHAT_USER_MAX,
	    .check = name_is_chat_user, .meaning = "Chat user id" },
	EXPIRY_ROW,
};

#undef AT

const struct table rtc_path_table = TEXT_TABLE(rtc_path_fields, struct path_request);
const struct table rtm_path_table = TEXT_TABLE(rtm_path_fields, struct path_request);
const struct table rte_path_table = TEXT_TABLE(rte_path_fields, struct path_request);
const struct table rte_rtm_path_table = TEXT_TABLE(rte_rtm_path_fields, struct path_request);
const struct table chat_app_path_table = TEXT_TABLE(chat_app_path_fields, struct path_request);
const struct table chat_user_path_table = TEXT_TABLE(chat_user_path_fields, struct path_request);

#define AT(member) offsetof(struct path_answer, member)
#define CLAMPED_ROWS                                                                               \
	{ "expire", FIELD_INT, FIELD_OMIT, AT(expire),                                             \
		.meaning = "lifetime in seconds, where it was cut" },                              \
	    { "clamped", FIELD_TEXTS, FIELD_OMIT, AT(clamped), .meaning = CLAMPED_MEANING },       \
	{                                                                                          \
		"uid", FIELD_TEXT, 0, AT(uid), .meaning = CHOSEN_MEANING                           \
	}

static const struct field rtc_answer_fields[] = { { "rtcToken", FIELD_TEXT, FIELD_REQUIRED, AT(rtc),
						      .meaning = "the RTC token" },
	CLAMPED_ROWS };
static const struct field rtm_answer_fields[] = { { "rtmToken", FIELD_TEXT, FIELD_REQUIRED, AT(rtm),
						      .meaning = "the RTM token" },
	CLAMPED_ROWS };
static const struct field rte_answer_fields[] = { { "rtcToken", FIELD_TEXT, FIELD_REQUIRED, AT(rtc),
						      .meaning = "the RTC token" },
	{ "rtmToken", FIELD_TEXT, FIELD_REQUIRED, AT(rtm), .meaning = "the RTM token" },
	CLAMPED_ROWS };
static const struct field chat_answer_fields[] = { { "chatToken", FIELD_TEXT, FIELD_REQUIRED,
						       AT(chat), .meaning = "the Chat token" },
	CLAMPED_ROWS };

#undef AT

const struct table rtc_answer_table = TABLE(rtc_answer_fields, struct path_answer);
const struct table rtm_answer_table = TABLE(rtm_answer_fields, struct path_answer);
const struct table rte_answer_table = TABLE(rte_answer_fields, struct path_answer);
const struct table chat_answer_table = TABLE(chat_answer_fields, struct path_answer);

/* The RTC user as text: digits without leading zeros, or the account as it is. */
static struct text
path_uid(const struct path_request *p)
{
	struct text uid = p->uid;

	if (p->kind == PATH_ACCOUNT)
		return p->account;
	while (uid.length > 1 && uid.data[0] == '0')
		uid = (struct text){ uid.data + 1, uid.length - 1 };
	return uid;
}

static struct path_request *
path_ask(struct exchange *x, struct ask *ask, unsigned services)
{
	struct path_request *p = x->input;

	ask->services = services;
	ask->lifetimes[ask->lifetime_count++] =
	    (struct ask_lifetime){ "expiry", &p->expiry, EXPIRE_DEFAULT };
	ask->narrowed = &p->narrowed;
	ask->chosen = &p->chosen;
	return p;
}

static void
ask_for_channel(struct path_request *p, struct ask *ask)
{
	struct ask_user user = rtc_user_ask("rtcuid", &p->rtc_user);

	p->rtc_user = path_uid(p);
	if (p->kind == PATH_UID)
		user.check = name_is_uid;
	user.is_account = p->kind == PATH_ACCOUNT;
	ask->users[ask->user_count++] = user;
	ask->channels = (struct list){ &p->channel, 1 };
	ask->has_role = true;
	ask->role = p->role == ROLE_PUBLISHER ? GRANT_PUBLISHER : GRANT_SUBSCRIBER;
}

void
token_rtc_ask(struct exchange *x, struct ask *ask)
{
	ask_for_channel(path_ask(x, ask, SERVICE_RTC), ask);
}

/* Its RTM token is one to join the channel and send data in it, too. */
void
token_rte_ask(struct exchange *x, struct ask *ask)
{
	struct path_request *p = path_ask(x, ask, SERVICE_RTC | SERVICE_RTM);

	ask_for_channel(p, ask);
	ask->role = GRANT_PUBLISHER;
	/* 007 is uid 7, and a user 007 of RTM. */
	if (p->user.data == NULL && p->uid.length > p->rtc_user.length)
		p->user = p->uid;
	if (p->user.data != NULL)
		ask->users[ask->user_count++] = rtm_user_ask("rtmuid", &p->user);
}

void
token_rtm_ask(struct exchange *x, struct ask *ask)
{
	struct path_request *p = path_ask(x, ask, SERVICE_RTM);

	ask->users[ask->user_count++] = rtm_user_ask("rtmuid", &p->user);
}

/* /chat/app names nobody, and nobody is to be filled in. */
void
token_chat_ask(struct exchange *x, struct ask *ask)
{
	struct path_request *p = path_ask(x, ask, 0);

	ask->users[ask->user_count++] = (struct ask_user){ .field = "chatid",
		.value = &p->user,
		.named = SERVICE_CHAT,
		.unnamed = SERVICE_CHAT_APP,
		.max = CHAT_USER_MAX,
		.check = name_is_chat_user };
}

/* Issues one token for a GET route; these call the lifetime expiry. */
static bool
issue_for_path(struct exchange *x, struct token_request request, struct text *token)
{
	const struct path_request *p = x->input;
	struct path_answer *out = x->output;
	struct token_answer answer;

	request.expire = p->expiry;
	request.narrowed = p->narrowed;
	if (!issue(x, &request, &answer))
		return false;
	*token = answer.token;
	out->uid = p->chosen;
	if (answer.clamped.count > 0 && out->clamped.count == 0) {
		note_clamped(&x->arena, &out->clamped, "expiry");
		out->expire = answer.expire;
	}
	return true;
}

enum step
token_get_rtc(struct exchange *x)
{
	const struct path_request *p = x->input;
	struct path_answer *out = x->output;
	struct token_request request = {
		.kind = TOKEN_RTC, .channel = p->channel, .role = p->role
	};

	if (p->kind == PATH_ACCOUNT && p->rtc_user.data != NULL && p->chosen.data == NULL)
		request.account = p->rtc_user;
	else
		request.uid = p->rtc_user.data == NULL ? TEXT("") : p->rtc_user;

	return issue_for_path(x, request, &out->rtc) ? NEXT : ANSWERED;
}

static bool
issue_rtm(struct exchange *x, struct text user, struct text channel)
{
	struct path_answer *out = x->output;
	const struct token_request request = { .kind = TOKEN_RTM, .channel = channel, .uid = user };

	return issue_for_path(x, request, &out->rtm);
}

enum step
token_get_rtm(struct exchange *x)
{
	const struct path_request *p = x->input;

	return issue_rtm(x, p->user, TEXT("")) ? NEXT : ANSWERED;
}

enum step
token_get_rte(struct exchange *x)
{
	const struct path_request *p = x->input;
	struct text user = p->user;
	struct field_error error;

	if (user.data == NULL) {
		user = p->rtc_user;
		if (user.length == 0 || text_is(user, "0"))
			return exchange_fail(x, ERROR_MISSING_FIELD, "rtmuid",
			    "is required when rtcuid names no user");
		if (user.length > RTM_USER_MAX || !name_is_rtm_user(user, &error))
			return exchange_fail(x, ERROR_MISSING_FIELD, "rtmuid",
			    "is required when rtcuid cannot be an RTM user id");
	}
	if (token_get_rtc(x) == ANSWERED)
		return ANSWERED;
	return issue_rtm(x, user, p->channel) ? NEXT : ANSWERED;
}

enum step
token_get_chat_app(struct exchange *x)
{
	struct path_answer *out = x->output;
	const struct token_request request = { .kind = TOKEN_CHAT };

	return issue_for_path(x, request, &out->chat) ? NEXT : ANSWERED;
}

enum step
token_get_chat_user(struct exchange *x)
{
	const struct path_request *p = x->input;
	struct path_answer *out = x->output;
	const struct token_request request = { .kind = TOKEN_CHAT, .uid = p->user };

	return issue_for_path(x, request, &out->chat) ? NEXT : ANSWERED;
}
