#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "answer.h"
#include "job.h"
#include "lists.h"
#include "names.h"
#include "objects.h"
#include "place.h"
#include "send.h"
#include "storage.h"
#include "subscription.h"
#include "transcription.h"
#include "value.h"

#define V7_URL "api/speech-to-text/v1/projects/{appId}"
#define IDLE_DEFAULT 30
#define IDLE_LEAST 5     /* the middleware's range; what is outside becomes 30 */
#define IDLE_MOST 259200 /* Agora's since 7.2.3 */
#define LANGUAGES_MAX 4
#define CIPHER_MAX 256        /* bytes of a key or salt */
#define PLACE_SECONDS 2592000 /* a task that began longer ago is not found */
#define PLACE_STEP 60         /* seconds in which a look for a task asks for the same list */
#define LIST_MS 2000          /* how long a list is good for others */

struct start_request {
	struct text channel, crypt_secret, crypt_salt, name, pub_uid, sub_uid, builder_token;
	struct json_object *languages, *audio_uids, *avoided_uids, *translate, *keywords,
	    *uid_languages, *rtc, *caption, *prefix;
	int64_t crypt_mode; /* -1: not given */
	int64_t max_idle;
	bool storage, ntp;
	int json_protocol; /* 1, 0 or MAYBE_ABSENT */
};

struct task_request {
	struct text task_id, channel, builder_token;
	int64_t sequence; /* -1: ours */
	struct json_object *languages, *keywords, *uid_languages, *rtc, *translate;
};

struct list_request {
	struct text channel, cursor;
	int64_t from, to, state, limit; /* -1: Agora's own */
};

/* Parts of the envelopes */
struct acquired {
	struct text name, instance, timestamp;
	int64_t created;
};
struct task {
	struct text status, task_id, bot_uid, timestamp;
	int64_t created;
};
struct envelope {
	struct acquired *acquire;
	struct task *task;
	struct text timestamp, bot_uid;
	bool again;       /* an update was sent with another number */
	struct text mask; /* names of what it changes */
};
struct listed {
	struct json_object *data, *meta;
	struct text status, timestamp;
};

/* The old API wanted text, the new one a number: both are taken. */
static const struct choice crypt_modes[] = { { "0", 0 }, { "1", 1 }, { "2", 2 }, { "3", 3 },
	{ "4", 4 }, { "5", 5 }, { "6", 6 }, { "7", 7 }, { "8", 8 }, { NULL, 0 } };

#define AT(member) offsetof(struct start_request, member)
#define BUILDER_TOKEN_ROW                                                                          \
	{                                                                                          \
		"builderToken", FIELD_TEXT, 0, AT(builder_token),                                  \
		    .meaning = "accepted; v7 has no such thing"                                    \
	}

static const struct field start_fields[] = {
	{ "channelName", FIELD_TEXT, FIELD_REQUIRED | FIELD_SCOPE, AT(channel), 1, CHANNEL_MAX,
	    .check = name_is_channel, .meaning = "the channel to transcribe" },
	{ "languages", FIELD_JSONS, FIELD_REQUIRED | FIELD_STRINGS, AT(languages), 0, LANGUAGES_MAX,
	    .meaning = "at most 4 languages, such as en-US" },
	{ "subscribeAudioUids", FIELD_JSONS, FIELD_STRINGS, AT(audio_uids), 0, 32,
	    .meaning = "uids to listen to; absent = all" },
	{ "unSubscribeAudioUids", FIELD_JSONS, FIELD_STRINGS, AT(avoided_uids), 0, 32,
	    .meaning = "uids not to listen to, instead" },
	{ "pubBotUid", FIELD_ID, 0, AT(pub_uid), 1, 10, .check = name_is_bot_uid,
	    .meaning = "the uid that sends the captions; default: a random uid" },
	{ "subBotUid", FIELD_ID, 0, AT(sub_uid), 1, 10, .check = name_is_bot_uid,
	    .meaning = "the uid that listens: the same, where it is given" },
	{ "cryptionMode", FIELD_CHOICE, 0, AT(crypt_mode), .choices = crypt_modes, .fallback = -1,
	    .meaning = "encryption of the channel, Agora's number" },
	{ "secret", FIELD_TEXT, FIELD_SECRET, AT(crypt_secret), 0, CIPHER_MAX,
	    .meaning = "its key" },
	{ "salt", FIELD_TEXT, FIELD_SECRET, AT(crypt_salt), 0, CIPHER_MAX, .meaning = "its salt" },
	{ "maxIdleTime", FIELD_INT, 0, AT(max_idle), INT32_MIN, INT32_MAX, "seconds",
	    .fallback = IDLE_DEFAULT,
	    .meaning = "ends after so long without speakers; 0 = only after 72 hours" },
	{ "translateConfig", FIELD_JSON, 0, AT(translate), .meaning = "Agora's translateConfig" },
	{ "enableStorage", FIELD_BOOL, 0, AT(storage),
	    .meaning = "true: captions are kept in the storage" },
	{ "captionConfig", FIELD_JSON, 0, AT(caption),
	    .meaning = "Agora's captionConfig; with a storage of its own where STORAGE_OVERRIDE "
		       "allows it" },
	PREFIX_ROW,
	{ "rtcConfig", FIELD_JSON, 0, AT(rtc),
	    .meaning = "Agora's rtcConfig: what is left out is made here, and so are its tokens" },
	{ "enableJsonProtocol", FIELD_MAYBE, 0, AT(json_protocol),
	    .meaning = "true: captions are sent as JSON" },
	{ "enableNTPtimestamp", FIELD_BOOL, 0, AT(ntp),
	    .meaning = "accepted; v7 has no such thing" },
	{ "keywords", FIELD_JSONS, 0, AT(keywords), .meaning = "words to expect" },
	{ "uidLanguagesConfig", FIELD_JSONS, 0, AT(uid_languages),
	    .meaning = "languages by speaker" },
	{ "name", FIELD_TEXT, 0, AT(name), 1, 64, .check = name_is_job,
	    .meaning = "name of the task; one of ours when absent", .record = "name" },
	BUILDER_TOKEN_ROW,
};
const struct table rtt_start_table = STRICT_TABLE(start_fields, struct start_request, NULL);

#undef AT
#define AT(member) offsetof(struct task_request, member)
#define TASK_ROW                                                                                   \
	{                                                                                          \
		"taskId", FIELD_TEXT, FIELD_REQUIRED, AT(task_id), 1, 256,                         \
		    .check = is_agora_id, .meaning = "the task", .record = "taskId"                \
	}

#define CHANNEL_ROW                                                                                \
	{                                                                                          \
		"channelName", FIELD_TEXT, FIELD_SCOPE, AT(channel), 1, CHANNEL_MAX,               \
		    .check = name_is_channel,                                                      \
		    .meaning = "its channel; for callers with some channels"                       \
	}

static const struct field task_fields[] = { TASK_ROW, CHANNEL_ROW };
const struct table rtt_task_table = TABLE(task_fields, struct task_request);
const struct table rtt_task_path_table = TEXT_TABLE(task_fields, struct task_request);

static const struct field update_fields[] = { TASK_ROW, CHANNEL_ROW,
	{ "sequenceId", FIELD_INT, 0, AT(sequence), 0, INT64_MAX, .fallback = -1,
	    .meaning = "must grow; ours when absent" },
	{ "languages", FIELD_JSONS, 0, AT(languages), .meaning = "as at the start" },
	{ "keywords", FIELD_JSONS, 0, AT(keywords), .meaning = "as at the start" },
	{ "uidLanguagesConfig", FIELD_JSONS, 0, AT(uid_languages), .meaning = "as at the start" },
	{ "rtcConfig", FIELD_JSON, 0, AT(rtc),
	    .meaning = "{\"subscribeAudioUids\": [...]}, or unSubscribeAudioUids" },
	{ "translateConfig", FIELD_JSON, 0, AT(translate), .meaning = "as at the start" },
	BUILDER_TOKEN_ROW };
static const struct needs changes = {
	.rule = "nothing to update: give languages, keywords, uidLanguagesConfig, rtcConfig or "
		"translateConfig",
	.any = { { "languages" }, { "keywords" }, { "uidLanguagesConfig" }, { "rtcConfig" },
	    { "translateConfig" } },
};
const struct table rtt_update_table = STRICT_TABLE(update_fields, struct task_request, &changes);

#undef AT
#define AT(member) offsetof(struct list_request, member)
#define LIST_NUMBER(name, member, text)                                                            \
	{                                                                                          \
		name, FIELD_INT, 0, AT(member), 0, INT64_MAX, .fallback = -1, .meaning = text      \
	}

static const struct field list_fields[] = {
	{ "channel", FIELD_TEXT, FIELD_SCOPE, AT(channel), 1, CHANNEL_MAX, .check = name_is_channel,
	    .meaning = "of this channel only" },
	LIST_NUMBER("from_time", from, "Unix seconds; default a day ago"),
	LIST_NUMBER("to_time", to, "Unix seconds; default now"),
	LIST_NUMBER("state", state, "Agora's number; default 2, running"),
	LIST_NUMBER("limit", limit, "at most so many; default 20"),
	{ "cursor", FIELD_TEXT, 0, AT(cursor), 1, 256, .check = is_agora_id,
	    .meaning = "where the page before ended" },
};
const struct table rtt_list_table = TEXT_TABLE(list_fields, struct list_request);

#undef AT
#define AT(member) offsetof(struct acquired, member)

static const struct field acquired_fields[] = {
	{ "tokenName", FIELD_TEXT, FIELD_REQUIRED, AT(name), .meaning = "name of the task" },
	{ "createTs", FIELD_INT, 0, AT(created), .meaning = "Unix time of its start" },
	{ "instanceId", FIELD_TEXT, 0, AT(instance),
	    .meaning = "the same name, as the middleware had it" },
	{ "timestamp", FIELD_TEXT, FIELD_REQUIRED, AT(timestamp),
	    .meaning = "when it was answered, UTC" },
};
static const struct table acquired_table = TABLE(acquired_fields, struct acquired);

#undef AT
#define AT(member) offsetof(struct task, member)

static const struct field task_answer_fields[] = {
	{ "createTs", FIELD_INT, FIELD_OMIT, AT(created), .fallback = -1,
	    .meaning = "Unix time of its start" },
	{ "status", FIELD_TEXT, 0, AT(status), .meaning = "Agora's word for how it is going" },
	{ "taskId", FIELD_TEXT, 0, AT(task_id),
	    .meaning = "Agora's id of the task: needed for what follows" },
	{ "pubBotUid", FIELD_TEXT, 0, AT(bot_uid),
	    .meaning = "of a start: the uid that sends the captions" },
	{ "timestamp", FIELD_TEXT, FIELD_REQUIRED, AT(timestamp),
	    .meaning = "when it was answered, UTC" },
};
static const struct table task_answer_table = TABLE(task_answer_fields, struct task);

#undef AT
#define AT(member) offsetof(struct envelope, member)
#define TASK_AND_TIME(name)                                                                        \
	{ name, FIELD_OBJECT, FIELD_REQUIRED, AT(task), .nested = &task_answer_table,              \
		.meaning = "what Agora says of the task" },                                        \
	{                                                                                          \
		"timestamp", FIELD_TEXT, FIELD_REQUIRED, AT(timestamp),                            \
		    .meaning = "when it was answered, UTC"                                         \
	}

static const struct field started_fields[] = {
	{ "acquire", FIELD_OBJECT, FIELD_REQUIRED, AT(acquire), .nested = &acquired_table,
	    .meaning = "what the middleware's clients read of it" },
	TASK_AND_TIME("start"),
};
static const struct field stopped_fields[] = { TASK_AND_TIME("stop") };
static const struct field queried_fields[] = { TASK_AND_TIME("query") };
static const struct field updated_fields[] = { TASK_AND_TIME("update") };
const struct table rtt_started_table = TABLE(started_fields, struct envelope);
const struct table rtt_stopped_table = TABLE(stopped_fields, struct envelope);
const struct table rtt_queried_table = TABLE(queried_fields, struct envelope);
const struct table rtt_updated_table = TABLE(updated_fields, struct envelope);

#undef AT
#define AT(member) offsetof(struct listed, member)

static const struct field listed_fields[] = {
	{ "data", FIELD_JSON, 0, AT(data), .meaning = "Agora's list of tasks" },
	{ "meta", FIELD_JSON, 0, AT(meta), .meaning = "Agora's total and cursor" },
	{ "status", FIELD_TEXT, 0, AT(status), .meaning = "Agora's word for the answer" },
	{ "timestamp", FIELD_TEXT, FIELD_REQUIRED, AT(timestamp),
	    .meaning = "when it was answered, UTC" },
};
const struct table rtt_listed_table = TABLE(listed_fields, struct listed);

#undef AT

static bool
is_on(struct exchange *x)
{
	return agora_configured(x, services_of(x)->rest->settings.rtt_url, "AGORA_RTT_URL") &&
	    objects_leave_storage(x);
}

bool
rtt_url_has_ended(struct text url)
{
	return url.data != NULL && memmem(url.data, url.length, "rtsc/speech-to-text", 19) != NULL;
}

/* A setting that still names the ended API means the one that took its place. */
static struct buf *
rtt_path(struct exchange *x)
{
	struct text url = services_of(x)->rest->settings.rtt_url;

	if (rtt_url_has_ended(url))
		url = TEXT(V7_URL);
	return agora_path(x, url, NULL);
}

void
rtt_limits(struct rest_project *p)
{
	budget_open(&p->rtt, "rtt", 10, false);
}

/*
 * Agora takes a token for this API too; absent: agora_authorize makes one.  NULL: the exchange is
 * answered.
 */
static struct call *
rtt_call(struct exchange *x, const char *method, const struct buf *path, enum call_repeat repeat,
    struct text token)
{
	struct call *call =
	    agora_call(x, method, path, repeat, agora_pace(x, &rest_project(x)->rtt));

	return agora_authorize(x, call, token) ? call : NULL;
}

/* One that may be repeated. */
static struct call *
rtt_safe_call(struct exchange *x, const char *method, const struct buf *path)
{
	return rtt_call(x, method, path, CALL_SAFE, (struct text){ NULL, 0 });
}

/* The middleware's rule, within what Agora takes today; 0 is Agora's own: no end for idleness. */
static int64_t
idle_time(int64_t asked)
{
	if (asked == 0)
		return 0;
	if (asked < IDLE_LEAST || asked > 2592000)
		return IDLE_DEFAULT;
	return asked > IDLE_MOST ? IDLE_MOST : asked;
}

static void
set_if_given(struct json_object *object, const char *name, struct json_object *value)
{
	if (value != NULL)
		json_set(object, name, json_share(value));
}

static bool
refuse(struct exchange *x, const char *member, const char *rule)
{
	char field[80];

	snprintf(field, sizeof(field), "rtcConfig.%s", member);
	exchange_fail(x, ERROR_INVALID_FIELD, field, rule);
	return false;
}

/* Members that this server sets, and those that nobody may give in two places. */
static bool
check_rtc_config(struct exchange *x, const struct start_request *r, struct json_object *rtc)
{
	static const char *const ours[] = { "pubBotToken", "subBotToken" };
	const struct text channel = agora_text_member(x, rtc, "channelName");
	const struct {
		const char *name;
		bool given;
	} twice[] = { { "subscribeAudioUids", r->audio_uids != NULL },
		{ "unsubscribeAudioUids", r->avoided_uids != NULL },
		{ "unSubscribeAudioUids", r->avoided_uids != NULL },
		{ "pubBotUid", r->pub_uid.data != NULL }, { "subBotUid", r->sub_uid.data != NULL },
		{ "cryptionMode", r->crypt_mode >= 0 }, { "secret", r->crypt_secret.data != NULL },
		{ "salt", r->crypt_salt.data != NULL },
		{ "enableJsonProtocol", r->json_protocol != MAYBE_ABSENT } };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (field_member(rtc, ours[i]) != NULL)
			return refuse(x, ours[i], "is not taken: this server makes the token");
	if (json_object_object_get_ex(rtc, "channelName", NULL) &&
	    (channel.length != r->channel.length ||
		memcmp(channel.data, r->channel.data, channel.length) != 0))
		return refuse(x, "channelName", "must be channelName, or left out");
	for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++)
		if (twice[i].given && json_object_object_get_ex(rtc, twice[i].name, NULL))
			return refuse(x, twice[i].name,
			    "is given twice: here and at the top level of the request");
	return true;
}

/* The uid of the bot, which sends and listens; absent: the exchange is answered. */
static struct text
bot_uid(struct exchange *x, const struct start_request *r, struct json_object *rtc)
{
	static const struct text none = { NULL, 0 };
	const struct text top[] = { r->pub_uid, r->sub_uid };
	static const char *const names[] = { "pubBotUid", "subBotUid" };
	struct text uid = none;
	struct field_error error = { 0 };

	for (size_t i = 0; i < 2; i++) {
		struct text own =
		    top[i].data != NULL ? top[i] : agora_text_member(x, rtc, names[i]);

		if (own.data == NULL)
			continue;
		if (!name_is_bot_uid(own, &error)) {
			refuse(x, names[i], error.rule);
			return none;
		}
		if (uid.data != NULL &&
		    (uid.length != own.length || memcmp(uid.data, own.data, uid.length) != 0)) {
			exchange_fail(
			    x, ERROR_INVALID_FIELD, names[i], "must be the same as pubBotUid");
			return none;
		}
		uid = own;
	}
	return agora_bot_uid(x, uid);
}

/* rtcConfig of a start, made from the request's; NULL: the exchange is answered. */
static struct json_object *
rtc_config(struct exchange *x, const struct start_request *r, struct text *uid, struct text *token)
{
	struct json_object *rtc = agora_keep(x, json_copy(r->rtc));

	if (!subscription_tidy(x, rtc, "rtcConfig", true) || !check_rtc_config(x, r, rtc))
		return NULL;
	*uid = bot_uid(x, r, rtc);
	if (uid->data == NULL)
		return NULL;
	set_if_given(rtc, "subscribeAudioUids", r->audio_uids);
	set_if_given(rtc, "unSubscribeAudioUids", r->avoided_uids);
	if (!subscription_tidy(x, rtc, "rtcConfig", true))
		return NULL;
	*token = agora_bot_token(x, r->channel, *uid, true);
	if (token->data == NULL)
		return NULL;
	json_set_text(rtc, "channelName", r->channel);
	json_set_text(rtc, "pubBotUid", *uid);
	json_set_text(rtc, "pubBotToken", *token);
	json_set_text(rtc, "subBotUid", *uid);
	json_set_text(rtc, "subBotToken", *token);
	if (r->crypt_mode >= 0)
		json_set_int(rtc, "cryptionMode", r->crypt_mode);
	if (r->crypt_secret.data != NULL)
		json_set_text(rtc, "secret", r->crypt_secret);
	if (r->crypt_salt.data != NULL)
		json_set_text(rtc, "salt", r->crypt_salt);
	if (r->json_protocol >= 0)
		json_set(rtc, "enableJsonProtocol", json_object_new_boolean(r->json_protocol));
	return rtc;
}

/*
 * captionConfig of a start in *caption, NULL where there is none.  Where the files go is the
 * request's own choice only together with its own storage: an endpoint would get the keys of ours.
 * false: the exchange is answered.
 */
static bool
caption_config(struct exchange *x, const struct start_request *r, struct json_object **caption)
{
	struct json_object *own = NULL, *storage;

	*caption = NULL;
	if (r->caption != NULL)
		own = field_member(r->caption, "storage");
	if (own != NULL && !json_object_is_type(own, json_type_object)) {
		exchange_fail(x, ERROR_INVALID_FIELD, "captionConfig.storage", "must be an object");
		return false;
	}
	if (r->caption != NULL && field_member(r->caption, "extensionParams") != NULL &&
	    (own == NULL || !services_of(x)->rest->storage.override)) {
		exchange_fail(x, ERROR_INVALID_FIELD, "captionConfig.extensionParams",
		    "is taken with a storage of the request's own only (STORAGE_OVERRIDE)");
		return false;
	}
	if (r->prefix != NULL && !r->storage && own == NULL) {
		exchange_fail(
		    x, ERROR_INVALID_FIELD, "fileNamePrefix", "is of no use without enableStorage");
		return false;
	}
	if (r->caption == NULL && !r->storage)
		return true;
	*caption = agora_keep(x, json_copy(r->caption));
	if (own == NULL && !r->storage)
		return true;
	storage = agora_storage(x, "captionConfig.storage", own, r->prefix, r->channel);
	if (storage == NULL)
		return false;
	json_set(*caption, "storage", storage);
	return true;
}

static enum step rtt_started(struct exchange *x);

enum step
rtt_start(struct exchange *x)
{
	const struct start_request *r = x->input;
	struct envelope *out = x->output;
	struct json_object *body, *rtc, *caption;
	struct text token;
	struct call *call;
	struct buf *path;

	if (!is_on(x))
		return ANSWERED;
	rtc = rtc_config(x, r, &out->bot_uid, &token);
	if (rtc == NULL || !caption_config(x, r, &caption))
		return ANSWERED;
	out->acquire = arena_alloc(&x->arena, 1, sizeof(*out->acquire));
	out->acquire->name = r->name.data == NULL ? agora_job_name(x) : r->name;
	access_note_job(x, JOB_NAME, out->acquire->name);
	body = json_copy(NULL);
	json_set_text(body, "name", out->acquire->name);
	json_set(body, "languages", json_share(r->languages));
	json_set_int(body, "maxIdleTime", idle_time(r->max_idle));
	json_set(body, "rtcConfig", json_object_get(rtc));
	set_if_given(body, "translateConfig", r->translate);
	if (r->translate != NULL) /* a member that the ended API had */
		json_object_object_del(
		    json_object_object_get(body, "translateConfig"), "forceTranslateInterval");
	set_if_given(body, "keywords", r->keywords);
	set_if_given(body, "uidLanguagesConfig", r->uid_languages);
	if (caption != NULL)
		json_set(body, "captionConfig", json_object_get(caption));
	path = rtt_path(x);
	buf_text(path, "/join");
	call = rtt_call(x, "POST", path, CALL_REPEATABLE, token);
	if (call == NULL) {
		json_object_put(body);
		return ANSWERED;
	}
	agora_compose(x, body);
	agora_body(x, call);
	return agora_send(x, call, rtt_started);
}

/* The task as the old API's answers show it. */
static struct task *
take_task(struct exchange *x, const struct call *call)
{
	struct task *task = arena_alloc(&x->arena, 1, sizeof(*task));

	task->status = agora_text_member(x, call->json, "status");
	task->task_id = agora_text_member(x, call->json, "agent_id");
	access_note_job(x, JOB_TASK_ID, task->task_id);
	task->created = agora_int_member(call->json, "create_ts", -1);
	task->timestamp = agora_timestamp(x);
	return task;
}

/* The task's name and, of one that is there already (409), its id. */
static struct json_object *
known_task(struct exchange *x, struct text name)
{
	struct json_object *known = json_copy(NULL);
	const struct text id = agora_text_member(x, agora_answer(x)->json, "agent_id");

	json_set_text(known, "name", name);
	if (id.length > 0)
		json_set_text(known, "taskId", id);
	return known;
}

/* A start that was sent again, and 409: the task of that name is the one that the first try made.
 */
static bool
is_own_task(const struct call *call)
{
	return call->outcome == CALL_ANSWERED && call->status == 409 && call->doubtful;
}

static enum step
rtt_started(struct exchange *x)
{
	static const char what[] = "Failed to start transcription";
	const struct start_request *r = x->input;
	struct envelope *out = x->output;
	const struct call *call = agora_answer(x);

	if (!is_own_task(call) && !agora_succeeded(x, what, known_task(x, out->acquire->name)))
		return ANSWERED;
	out->task = take_task(x, call);
	if (out->task->task_id.length == 0)
		return agora_bad_answer(x, ERROR_UNKNOWN_OUTCOME, what,
		    "it may be running: Agora's answer holds no agent_id",
		    known_task(x, out->acquire->name));
	out->task->bot_uid = out->bot_uid;
	out->acquire->created = out->task->created < 0 ? x->now : out->task->created;
	out->acquire->instance = r->channel;
	out->acquire->timestamp = out->task->timestamp;
	out->timestamp = out->task->timestamp;
	return NEXT;
}

static struct buf *
task_path(struct exchange *x, struct text task_id)
{
	struct buf *path = rtt_path(x);

	buf_text(path, "/agents");
	agora_segment(path, task_id);
	return path;
}

static enum step
rtt_stopped(struct exchange *x)
{
	struct envelope *out = x->output;

	if (!agora_deleted(x, "Failed to stop transcription"))
		return ANSWERED;
	out->task = arena_alloc(&x->arena, 1, sizeof(*out->task));
	out->task->created = -1;
	out->task->status = TEXT("Success");
	out->task->timestamp = out->timestamp = agora_timestamp(x);
	return NEXT;
}

/* Agora does not say of one task which channel it is in; it lists a channel's running ones. */
static struct call *
ask_for_place(struct exchange *x, struct text channel, struct text page)
{
	struct buf *path = rtt_path(x);
	char join = '&';

	buf_printf(path, "/agents?limit=100&from_time=%lld",
	    (long long)(x->now - x->now % PLACE_STEP) - PLACE_SECONDS);
	agora_query(path, &join, "channel", channel);
	agora_query(path, &join, "cursor", page);
	return rtt_safe_call(x, "GET", path);
}

static bool
is_there(struct exchange *x, struct text channel, struct text *page)
{
	const struct task_request *r = x->input;
	struct json_object *data = NULL, *list = NULL, *meta = NULL, *task;

	if (!json_object_object_get_ex(agora_answer(x)->json, "data", &data) ||
	    !json_object_is_type(data, json_type_object) ||
	    !json_object_object_get_ex(data, "list", &list) ||
	    !json_object_is_type(list, json_type_array))
		return false;
	task = object_with(list, "agent_id", r->task_id);
	if (task != NULL)
		return object_is_in(task, channel, true); /* Agora's tasks need not name it */
	if (json_object_array_length(list) > 0 &&
	    json_object_object_get_ex(agora_answer(x)->json, "meta", &meta))
		*page = agora_text_member(x, meta, "cursor");
	return false;
}

static const struct job_place rtt_place = { ask_for_place, is_there, LIST_MS };

static enum step
send_stop(struct exchange *x)
{
	const struct task_request *r = x->input;
	struct buf *path;
	struct call *call;

	path = task_path(x, r->task_id);
	buf_text(path, "/leave");
	call = rtt_safe_call(x, "POST", path);
	if (call == NULL)
		return ANSWERED;
	call->body = TEXT("");
	call->empty = true;
	return agora_send(x, call, rtt_stopped);
}

enum step
rtt_stop(struct exchange *x)
{
	return is_on(x) ? agora_in_place(x, &rtt_place, send_stop) : ANSWERED;
}

static enum step
rtt_queried(struct exchange *x)
{
	struct envelope *out = x->output;
	const struct text channel = access_bound(x);

	if (!agora_succeeded(x, "Failed to query transcription status", NULL))
		return ANSWERED;
	if (channel.data != NULL && !object_is_in(agora_answer(x)->json, channel, true))
		return access_out_of_bounds(x);
	out->task = take_task(x, agora_answer(x));
	out->timestamp = out->task->timestamp;
	return NEXT;
}

static enum step
send_status(struct exchange *x)
{
	const struct task_request *r = x->input;
	struct call *call = rtt_safe_call(x, "GET", task_path(x, r->task_id));

	return call == NULL ? ANSWERED : agora_send(x, call, rtt_queried);
}

enum step
rtt_status(struct exchange *x)
{
	return is_on(x) ? agora_in_place(x, &rtt_place, send_status) : ANSWERED;
}

static enum step send_update(struct exchange *x, int64_t sequence);

static enum step
rtt_updated(struct exchange *x)
{
	const struct task_request *r = x->input;
	const struct call *call = agora_answer(x);
	struct envelope *out = x->output;

	/* The first try did it, its answer was lost, and the second had a number that is used. */
	if (call->outcome == CALL_ANSWERED && call->status == 400 && call->doubtful &&
	    !out->again) {
		out->again = true;
		return send_update(
		    x, r->sequence >= 0 ? r->sequence + 1 : agora_sequence(x, r->task_id));
	}
	if (!agora_succeeded(x, "Failed to update transcription", NULL))
		return ANSWERED;
	out->task = take_task(x, agora_answer(x));
	out->timestamp = out->task->timestamp;
	return NEXT;
}

/* Adds a member to the body and its name to the mask. */
static void
change(struct json_object *body, struct buf *mask, const char *name, const char *mask_name,
    struct json_object *value)
{
	if (value == NULL)
		return;
	json_set(body, name, json_share(value));
	buf_printf(mask, "%s%s", mask->length == 0 ? "" : ",", mask_name);
}

/* Agora changes what the mask names alone: each member of rtcConfig is named. */
static void
change_rtc(struct json_object *body, struct buf *mask, struct json_object *rtc)
{
	if (rtc == NULL)
		return;
	json_set(body, "rtcConfig", rtc);
	json_object_object_foreach(rtc, name, value) {
		(void)value;
		buf_printf(mask, "%srtcConfig.%s", mask->length == 0 ? "" : ",", name);
	}
}

static void
compose_update(struct exchange *x)
{
	const struct task_request *r = x->input;
	struct envelope *out = x->output;
	struct json_object *body = json_copy(NULL);
	struct buf mask = { 0 };

	change(body, &mask, "languages", "languages", r->languages);
	change(body, &mask, "keywords", "keywords", r->keywords);
	change(body, &mask, "uidLanguagesConfig", "uidLanguagesConfig", r->uid_languages);
	change_rtc(body, &mask, r->rtc == NULL ? NULL : json_object_get(r->rtc));
	change(body, &mask, "translateConfig", "translateConfig", r->translate);
	out->mask = arena_copy(&x->arena, buf_view(&mask));
	buf_free(&mask);
	agora_compose(x, body);
}

static enum step
send_update(struct exchange *x, int64_t sequence)
{
	const struct task_request *r = x->input;
	const struct envelope *out = x->output;
	struct buf *path = task_path(x, r->task_id);
	struct call *call;

	buf_printf(path, "/update?sequenceId=%lld&updateMask=%.*s", (long long)sequence,
	    (int)out->mask.length, out->mask.data);
	call = rtt_safe_call(x, "POST", path);
	if (call == NULL)
		return ANSWERED;
	agora_body(x, call);
	return agora_send(x, call, rtt_updated);
}

static enum step
send_first_update(struct exchange *x)
{
	const struct task_request *r = x->input;

	return send_update(x, r->sequence >= 0 ? r->sequence : agora_sequence(x, r->task_id));
}

/* Whose voices are transcribed can be changed, nothing else of rtcConfig. */
static bool
check_rtc_update(struct exchange *x, struct json_object *rtc)
{
	if (rtc == NULL)
		return true;
	if (!subscription_tidy(x, rtc, "rtcConfig", false))
		return false;
	json_object_object_foreach(rtc, name, value) {
		(void)value;
		if (strcmp(name, "subscribeAudioUids") == 0 ||
		    strcasecmp(name, "unsubscribeAudioUids") == 0)
			continue;
		exchange_fail(x, ERROR_INVALID_FIELD, "rtcConfig",
		    "can only change subscribeAudioUids or unSubscribeAudioUids");
		return false;
	}
	return true;
}

enum step
rtt_update(struct exchange *x)
{
	const struct task_request *r = x->input;

	if (!is_on(x) || !check_rtc_update(x, r->rtc))
		return ANSWERED;
	compose_update(x);
	return agora_in_place(x, &rtt_place, send_first_update);
}

static enum step
rtt_listed(struct exchange *x)
{
	const struct list_request *r = x->input;
	struct listed *out = x->output;
	const struct call *call = agora_answer(x);
	struct json_object *part = NULL, *list = NULL, *some;

	if (!agora_succeeded(x, "Failed to list transcriptions", NULL))
		return ANSWERED;
	if (json_object_object_get_ex(call->json, "data", &part) &&
	    json_object_is_type(part, json_type_object))
		out->data = part;
	/* What Agora shows of other channels is not asked for, whatever its filter makes of it. */
	if (r->channel.data != NULL && json_object_object_get_ex(out->data, "list", &list) &&
	    json_object_is_type(list, json_type_array)) {
		some = objects_in(x, list, r->channel, true);
		if (some != list) {
			json_set_int(out->data, "count", (int64_t)json_object_array_length(some));
			json_set(out->data, "list", json_object_get(some));
		}
	}
	if (json_object_object_get_ex(call->json, "meta", &part) &&
	    json_object_is_type(part, json_type_object))
		out->meta = part;
	out->status = agora_text_member(x, call->json, "status");
	out->timestamp = agora_timestamp(x);
	return NEXT;
}

enum step
rtt_list(struct exchange *x)
{
	const struct list_request *r = x->input;
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = { { "from_time", r->from }, { "to_time", r->to }, { "state", r->state },
		{ "limit", r->limit } };
	struct buf *path;
	struct call *call;
	char join = '?';

	if (!is_on(x))
		return ANSWERED;
	path = rtt_path(x);
	buf_text(path, "/agents");
	for (size_t i = 0; i < 4; i++)
		if (numbers[i].value >= 0) {
			buf_printf(
			    path, "%c%s=%lld", join, numbers[i].name, (long long)numbers[i].value);
			join = '&';
		}
	agora_query(path, &join, "channel", r->channel);
	agora_query(path, &join, "cursor", r->cursor);
	call = rtt_safe_call(x, "GET", path);
	return call == NULL ? ANSWERED : lists_ask(x, call, LIST_MS, rtt_listed);
}
