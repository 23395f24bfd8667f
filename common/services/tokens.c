#include <stdio.h>

#include "names.h"
#include "random.h"
#include "tokens.h"

#define BIT(kind) (UINT64_C(1) << (kind))

/* Settings */

static bool
is_hex32(struct text value, struct field_error *error)
{
	if (agora_is_hex32(value.data, value.length))
		return true;
	field_rule(error, "must be 32 hexadecimal digits, as Agora's console shows it");
	return false;
}

#define SETTINGS_ROWS(required)                                                                    \
	{                                                                                          \
		{ "APP_ID", FIELD_TEXT, (required) | FIELD_FILE,                                   \
			offsetof(struct token_settings, app_id), .check = is_hex32,                \
			.meaning = "App ID of the Agora project" },                                \
		    { "APP_CERTIFICATE", FIELD_TEXT, (required) | FIELD_FILE | FIELD_SECRET,       \
			    offsetof(struct token_settings, certificate), .check = is_hex32,       \
			    .meaning = "its primary certificate; keep it secret" },                \
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
	{ NULL, 0 } };

static const struct choice resources[] = { { "messageChannels", 0 }, { "streamChannels", 1 },
	{ "groupChannels", 2 }, { "serverGroups", 3 }, { "users", 4 }, { "0", 0 }, { "1", 1 },
	{ "2", 2 }, { "3", 3 }, { "4", 4 }, { NULL, 0 } };

static const struct choice permissions[] = { { "read", 0 }, { "write", 1 }, { "0", 0 }, { "1", 1 },
	{ NULL, 0 } };

#define SECONDS .max = UINT32_MAX, .unit = "seconds"
#define EXPIRE_MEANING "lifetime in seconds; 0 = 3600, over 86400 = 86400"

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
	{ "channel", FIELD_TEXT, FIELD_REQUIRED | FIELD_IGNORED, AT(channel), 1, CHANNEL_MAX,
	    .when = WITH_CHANNEL, .check = name_is_rtc,
	    .meaning = "channel name; * = any channel" },
	/* The peers take "" for none here. */
	{ "channel", FIELD_TEXT, FIELD_IGNORED, AT(channel), 0, CHANNEL_MAX, .when = BIT(TOKEN_RTM),
	    .check = name_is_rtc,
	    .meaning = "adds the right to join this channel and send data in it" },
	{ "uid", FIELD_ID, FIELD_REQUIRED | FIELD_IGNORED, AT(uid), 1, ACCOUNT_MAX,
	    .when = WITH_CHANNEL, .check = name_is_rtc,
	    .meaning = "uid or account; 0 and * = any user" },
	{ "uid", FIELD_ID, FIELD_REQUIRED | FIELD_IGNORED, AT(uid), 1, RTM_USER_MAX,
	    .when = WITH_RTM_USER, .check = name_is_rtm_user, .meaning = "RTM user id" },
	{ "uid", FIELD_ID, FIELD_IGNORED, AT(uid), 1, CHAT_USER_MAX, .when = BIT(TOKEN_CHAT),
	    .check = name_is_chat_user, .meaning = "Chat user id; absent = app token" },
	{ "uid", FIELD_ID, FIELD_IGNORED, AT(uid), 1, RTM_USER_MAX, .when = BIT(TOKEN_APAAS),
	    .check = name_is_rtm_user, .meaning = "user uuid; absent = app token" },
	{ "role", FIELD_CHOICE, 0, AT(role), .choices = roles, .fallback = ROLE_SUBSCRIBER,
	    .when = ~BIT(TOKEN_APAAS), .meaning = "publisher or 1, subscriber or 2" },
	{ "role", FIELD_INT, 0, AT(room_role), INT16_MIN, INT16_MAX, .fallback = -1,
	    .when = BIT(TOKEN_APAAS), .meaning = "the user's role in the room" },
	{ "expire", FIELD_INT, 0, AT(expire), SECONDS, .meaning = EXPIRE_MEANING },
	{ "privileges", FIELD_OBJECT, 0, AT(privileges), .nested = &privileges_table,
	    .when = BIT(TOKEN_RTC), .meaning = "lifetime of each right, instead of a role" },
	{ "rtmUid", FIELD_ID, 0, AT(rtm_uid), 1, RTM_USER_MAX,
	    .when = BIT(TOKEN_RTC) | BIT(TOKEN_CONVOAI) | BIT(TOKEN_STT), .check = name_is_rtm_user,
	    .meaning = "RTM user id to log in with the same token" },
	{ "room", FIELD_ID, 0, AT(room), 1, CHANNEL_MAX, .when = BIT(TOKEN_APAAS),
	    .check = name_is_room, .meaning = "room uuid; absent = the user's own token" },
	{ "permissions", FIELD_LIST, 0, AT(permissions), .max = 1024, .nested = &permission_table,
	    .when = BIT(TOKEN_RTM2), .meaning = "what the user may do" },
};

const struct table token_request_table = TABLE(request_fields, struct token_request);

#undef AT
#define AT(member) offsetof(struct token_answer, member)

static const struct field answer_fields[] = {
	{ "token", FIELD_TEXT, 0, AT(token) },
	{ "expire", FIELD_INT, 0, AT(expire) },
	{ "expiresAt", FIELD_INT, 0, AT(expires_at) },
	{ "clamped", FIELD_TEXTS, FIELD_OMIT, AT(clamped) },
};

const struct table token_answer_table = TABLE(answer_fields, struct token_answer);

#undef AT

/* Issuing */

static struct agora_text
agora(struct text text)
{
	return (struct agora_text){ text.data == NULL ? "" : text.data, text.length };
}

/* Agora writes "any user" as the empty string. */
static struct agora_text
rtc_user(struct text uid)
{
	return text_is(uid, "0") ? (struct agora_text){ "", 0 } : agora(uid);
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

	return agora_add_rtc(set, agora(r->channel), rtc_user(r->uid), allowed, &expires) &&
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

	if (both.rtm_uid.data == NULL) {
		if (!name_is_rtm_user(both.uid, error) || both.uid.length > RTM_USER_MAX) {
			*error = (struct field_error){ .missing = true, .field = "rtmUid" };
			field_rule(error, "is required where uid cannot be an RTM user id");
			return false;
		}
		both.rtm_uid = both.uid;
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
		return agora_add_streaming(
		    set, agora(r->channel), rtc_user(r->uid), expire, expire);
	case TOKEN_FCDN:
		return agora_add_fcdn(
		    set, agora(r->channel), rtc_user(r->uid), r->role == ROLE_PUBLISHER, expire);
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
token_issue(struct services *services, const struct token_request *request, uint32_t issue_ts,
    uint32_t salt, struct arena *arena, struct token_answer *answer, struct field_error *error)
{
	struct agora_set set = { .count = 0 };
	struct agora_token token = {
		.app_id = services->settings->app_id.data, .issue_ts = issue_ts, .salt = salt
	};
	enum agora_error failed;
	size_t length;

	*error = (struct field_error){ 0 };
	*answer = (struct token_answer){ 0 };
	token.expire = clamp(request->expire, arena, &answer->clamped, "expire");
	if (token.expire == 0)
		token.expire = request->kind == TOKEN_FPA ? AGORA_EXPIRE_MAX : EXPIRE_DEFAULT;
	if (!fill_set(&set, request, token.expire, arena, &answer->clamped, error))
		return false;
	token.services = set.services;
	token.service_count = set.count;
	failed = agora_token_sign(
	    services->codec, &token, services->settings->certificate.data, services->text, &length);
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
	struct field_error error;

	if (token_issue(
		services, request, (uint32_t)x->now, token_salt(), &x->arena, answer, &error))
		return true;
	exchange_fail(
	    x, error.missing ? ERROR_MISSING_FIELD : ERROR_INVALID_FIELD, error.field, error.rule);
	return false;
}

enum step
token_post(struct exchange *x)
{
	return issue(x, x->input, x->output) ? NEXT : ANSWERED;
}

/* The token service's GET routes */

enum path_kind { PATH_UID, PATH_ACCOUNT };

struct path_request {
	int64_t kind; /* enum path_kind */
	struct text channel;
	int64_t role;
	int64_t uid;         /* with PATH_UID */
	struct text account; /* with PATH_ACCOUNT */
	struct text user;    /* RTM or Chat */
	int64_t expiry;      /* seconds, 0 = default */
};

struct path_answer {
	struct text rtc, rtm, chat;
	int64_t expire; /* 0 unless it was cut */
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
	    { "role", FIELD_CHOICE, FIELD_REQUIRED, AT(role), .choices = roles,                    \
		    .meaning = "publisher or 1, subscriber or 2" },                                \
	    { "rtcuid", FIELD_INT, 0, AT(uid), .max = UINT32_MAX, .when = BIT(PATH_UID),           \
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
	{ "expire", FIELD_INT, FIELD_OMIT, AT(expire) },                                           \
	{                                                                                          \
		"clamped", FIELD_TEXTS, FIELD_OMIT, AT(clamped)                                    \
	}

static const struct field rtc_answer_fields[] = { { "rtcToken", FIELD_TEXT, 0, AT(rtc) },
	CLAMPED_ROWS };
static const struct field rtm_answer_fields[] = { { "rtmToken", FIELD_TEXT, 0, AT(rtm) },
	CLAMPED_ROWS };
static const struct field rte_answer_fields[] = { { "rtcToken", FIELD_TEXT, 0, AT(rtc) },
	{ "rtmToken", FIELD_TEXT, 0, AT(rtm) }, CLAMPED_ROWS };
static const struct field chat_answer_fields[] = { { "chatToken", FIELD_TEXT, 0, AT(chat) },
	CLAMPED_ROWS };

#undef AT

const struct table rtc_answer_table = TABLE(rtc_answer_fields, struct path_answer);
const struct table rtm_answer_table = TABLE(rtm_answer_fields, struct path_answer);
const struct table rte_answer_table = TABLE(rte_answer_fields, struct path_answer);
const struct table chat_answer_table = TABLE(chat_answer_fields, struct path_answer);

/* The RTC user as text: digits without leading zeros, or the account as it is. */
static struct text
path_uid(const struct path_request *p, struct arena *arena)
{
	char digits[AGORA_UID_SIZE];

	if (p->kind == PATH_ACCOUNT)
		return p->account.data == NULL ? TEXT("") : p->account;
	return arena_copy(arena, (struct text){ digits, agora_uid_text((uint32_t)p->uid, digits) });
}

/* Issues one token for a GET route; these call the lifetime expiry. */
static bool
issue_for_path(struct exchange *x, struct token_request request, struct text *token)
{
	const struct path_request *p = x->input;
	struct path_answer *out = x->output;
	struct token_answer answer;

	request.expire = p->expiry;
	if (!issue(x, &request, &answer))
		return false;
	*token = answer.token;
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
	const struct token_request request = { .kind = TOKEN_RTC,
		.channel = p->channel,
		.uid = path_uid(p, &x->arena),
		.role = p->role };

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
		user = path_uid(p, &x->arena);
		if (user.length == 0)
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
