#include "answer.h"
#include "job.h"
#include "lists.h"
#include "names.h"
#include "objects.h"
#include "place.h"
#include "pull.h"
#include "random.h"
#include "rtmp.h"
#include "send.h"
#include "storage.h"
#include "value.h"

#define IDLE_LEAST 5
#define IDLE_MOST 600
#define LIST_MS 8000 /* how long a list is good for others: Agora gives 15 a minute */

struct start_request {
	struct text name, player_name, channel, stream_url, uid, account, origin_ip, encrypt_mode,
	    encrypt_key, encrypt_salt;
	int64_t region, idle, play_ts, repeat, seek; /* INT64_MIN: not given */
	struct json_object *audio, *video, *data_stream;
};

struct player_request {
	struct text id, channel, stream_url;
	int64_t region, sequence, seek;
	int pause; /* 1, 0 or MAYBE_ABSENT */
	struct json_object *audio;
};

struct list_request {
	struct text channel, page;
	int64_t size;
};

struct player_answer {
	struct json_object *player;
	struct text name, region, fields, timestamp;
};

struct list_answer {
	struct json_object *players;
	int64_t total;
	struct text fields, next_page, timestamp;
};

#define AT(member) offsetof(struct start_request, member)
#define NUMBER(name, member, least, most, unit, text)                                              \
	{                                                                                          \
		name, FIELD_INT, 0, AT(member), least, most, unit, .fallback = INT64_MIN,          \
								   .meaning = text                 \
	}

static const struct field start_fields[] = {
	{ "channelName", FIELD_TEXT, FIELD_REQUIRED | FIELD_SCOPE, AT(channel), 1, CHANNEL_MAX,
	    .check = name_is_channel, .meaning = "the channel to play into" },
	{ "streamUrl", FIELD_TEXT, FIELD_REQUIRED | FIELD_SECRET, AT(stream_url), 1, 1024,
	    .check = is_stream_url, .meaning = "what to play" },
	REGION_ROW(struct start_request),
	{ "uid", FIELD_ID, 0, AT(uid), .check = name_is_uid,
	    .meaning = "the player's uid; default: a random uid" },
	{ "account", FIELD_TEXT, 0, AT(account), 1, ACCOUNT_MAX, .check = name_is_account,
	    .meaning = "in place of uid: the player's user account" },
	{ "name", FIELD_TEXT, 0, AT(name), 1, 64, .check = name_is_job,
	    .meaning = "name of the player; one of ours when absent", .record = "name" },
	{ "playerName", FIELD_TEXT, 0, AT(player_name), 1, 64, .check = name_is_job,
	    .meaning = "the same", .record = "name" },
	{ "streamOriginIp", FIELD_TEXT, 0, AT(origin_ip), .check = is_ipv4,
	    .meaning = "address of the stream's server" },
	{ "audioOptions", FIELD_JSON, 0, AT(audio), .meaning = "Agora's audioOptions" },
	{ "videoOptions", FIELD_JSON, 0, AT(video), .meaning = "Agora's videoOptions" },
	{ "dataStreamOptions", FIELD_JSON, 0, AT(data_stream),
	    .meaning = "Agora's dataStreamOptions" },
	NUMBER("idleTimeOut", idle, 0, INT32_MAX, "seconds",
	    "ends after so long without a stream; 5 to 600, the nearest is taken"),
	NUMBER("playTs", play_ts, 0, UINT32_MAX, "seconds", "Unix time at which to begin"),
	NUMBER("repeatTime", repeat, -1, INT32_MAX, NULL, "how often; -1 for ever"),
	NUMBER("seekPosition", seek, 0, INT32_MAX, "seconds", "where in the stream to begin"),
	{ "encryptMode", FIELD_TEXT, 0, AT(encrypt_mode), 0, 32, .check = name_is_job,
	    .meaning = "Agora's encryptMode" },
	{ "encryptKey", FIELD_TEXT, FIELD_SECRET, AT(encrypt_key), 0, 256, .meaning = "its key" },
	{ "encryptKdfSalt", FIELD_TEXT, FIELD_SECRET, AT(encrypt_salt), 0, 256,
	    .meaning = "its salt" },
};
const struct table pull_start_table = STRICT_TABLE(start_fields, struct start_request, NULL);

#undef AT
#define AT(member) offsetof(struct player_request, member)
#define ID_ROW(name)                                                                               \
	{                                                                                          \
		name, FIELD_TEXT, FIELD_REQUIRED, AT(id), 1, 256,                                  \
		    .check = is_agora_id, .meaning = "the player", .record = "playerId"            \
	}

#define CHANNEL_ROW                                                                                \
	{                                                                                          \
		"channelName", FIELD_TEXT, FIELD_SCOPE, AT(channel), 1, CHANNEL_MAX,               \
		    .check = name_is_channel,                                                      \
		    .meaning = "the channel that it plays into; for callers with some channels"    \
	}

static const struct field stop_fields[] = { ID_ROW("playerId"), REGION_ROW(struct player_request),
	CHANNEL_ROW };
const struct table pull_stop_table = TABLE(stop_fields, struct player_request);

static const struct field status_fields[] = { ID_ROW("id"), CHANNEL_ROW };
const struct table pull_status_table = TEXT_TABLE(status_fields, struct player_request);

static const struct field update_fields[] = { ID_ROW("playerId"), REGION_ROW(struct player_request),
	CHANNEL_ROW,
	{ "streamUrl", FIELD_TEXT, FIELD_SECRET, AT(stream_url), 1, 1024, .check = is_stream_url,
	    .meaning = "another stream" },
	{ "audioOptions", FIELD_JSON, 0, AT(audio), .meaning = "{\"volume\": 0 to 200}" },
	{ "isPause", FIELD_MAYBE, 0, AT(pause), .meaning = "true: pause, false: go on" },
	NUMBER("seekPosition", seek, 0, INT32_MAX, "seconds", "go to this place"),
	{ "sequenceId", FIELD_INT, 0, AT(sequence), 0, INT64_MAX, .fallback = -1,
	    .meaning = "must grow; ours when absent" } };
static const struct needs changes = {
	.rule = "nothing to update: give streamUrl, audioOptions, isPause or seekPosition",
	.any = { { "streamUrl" }, { "audioOptions" }, { "isPause" }, { "seekPosition" } },
};
const struct table pull_update_table = STRICT_TABLE(update_fields, struct player_request, &changes);

#undef AT
#define AT(member) offsetof(struct list_request, member)

static const struct field list_fields[] = {
	{ "channel", FIELD_TEXT, FIELD_SCOPE, AT(channel), 1, CHANNEL_MAX, .check = name_is_channel,
	    .meaning = "of this channel only" },
	{ "pageSize", FIELD_INT, 0, AT(size), 1, 500, .fallback = -1,
	    .meaning = "at most so many" },
	{ "pageToken", FIELD_TEXT, 0, AT(page), 1, 1024, .check = is_agora_id,
	    .meaning = "nextPageToken of the page before" },
};
const struct table pull_list_table = TEXT_TABLE(list_fields, struct list_request);

#undef AT
#define AT(member) offsetof(struct player_answer, member)

static const struct field player_fields[] = {
	{ "player", FIELD_JSON, 0, AT(player), .meaning = "Agora's player" },
	{ "playerName", FIELD_TEXT, 0, AT(name), .meaning = "its name" },
	{ "region", FIELD_TEXT, 0, AT(region),
	    .meaning = "of a start: the region that a stop has to name" },
	{ "fields", FIELD_TEXT, 0, AT(fields),
	    .meaning = "Agora's list of the members that it shows" },
	{ "timestamp", FIELD_TEXT, FIELD_REQUIRED, AT(timestamp),
	    .meaning = "when it was answered, UTC" },
};
const struct table pull_player_table = TABLE(player_fields, struct player_answer);

#undef AT
#define AT(member) offsetof(struct list_answer, member)

static const struct field listed_fields[] = {
	{ "totalSize", FIELD_INT, FIELD_OMIT, AT(total), .fallback = -1,
	    .meaning = "how many there are" },
	{ "players", FIELD_JSONS, 0, AT(players), .meaning = "Agora's players" },
	{ "fields", FIELD_TEXT, 0, AT(fields),
	    .meaning = "Agora's list of the members that it shows" },
	{ "nextPageToken", FIELD_TEXT, 0, AT(next_page),
	    .meaning = "pageToken of the page behind it" },
	{ "timestamp", FIELD_TEXT, FIELD_REQUIRED, AT(timestamp),
	    .meaning = "when it was answered, UTC" },
};
const struct table pull_listed_table = TABLE(listed_fields, struct list_answer);

#undef AT

static bool
is_on(struct exchange *x)
{
	return agora_configured(
		   x, services_of(x)->rest->settings.player_url, "AGORA_CLOUD_PLAYER_URL") &&
	    objects_leave_storage(x);
}

static struct buf *
players_path(struct exchange *x, const char *region)
{
	struct buf *path = agora_path(x, services_of(x)->rest->settings.player_url, region);

	buf_text(path, "/players");
	return path;
}

/* Agora's limits, for one App ID. */
enum { CALLS = 10, CREATES = 2, LISTS = 2 }; /* a second; lists: of one channel */
enum { MINUTE_LISTS = 15, ALL_LISTS = 20 };  /* a minute: lists of one channel, and of all */

/*
 * Lists of media pull are few a minute: of those no caller may have more than a half.  Who looks
 * asks first for the place of a minute, and of a second last.
 */
void
pull_limits(struct rest_project *p)
{
	struct budget *second = &p->pull_filtered, *minute = &p->pull_filtered_minute;

	budget_open(&p->pull, "pull", CALLS, false);
	p->pull_create = (struct pace){ .api = "pull", .most = CREATES };
	p->pull_list = (struct pace){ .api = "pull",
		.most = ALL_LISTS,
		.a_minute = true,
		.also = &p->pull.others,
		.share = ALL_LISTS / 2 };
	budget_open(second, "pull", LISTS, false);
	budget_open(minute, "pull", MINUTE_LISTS, true);
	second->others.also = &minute->all;
	minute->others.also = &second->others;
	minute->all.also = &second->all;
	minute->others.share = minute->all.share = MINUTE_LISTS / 2;
}

static struct pace *
pull_pace(struct exchange *x)
{
	return agora_pace(x, &rest_project(x)->pull);
}

static void
set_text_if_given(struct json_object *object, const char *name, struct text value)
{
	if (value.length > 0)
		json_set_text(object, name, value);
}

static void
set_int_if_given(struct json_object *object, const char *name, int64_t value)
{
	if (value != INT64_MIN)
		json_set_int(object, name, value);
}

static void
set_json_if_given(struct json_object *object, const char *name, struct json_object *value)
{
	if (value != NULL)
		json_set(object, name, json_share(value));
}

static int64_t
nearest_idle(int64_t asked)
{
	if (asked == INT64_MIN)
		return asked;
	return asked < IDLE_LEAST ? IDLE_LEAST : asked > IDLE_MOST ? IDLE_MOST : asked;
}

/* NULL: the exchange is answered. */
static struct json_object *
new_player(struct exchange *x, const struct start_request *r, struct text name)
{
	struct json_object *player;
	char digits[AGORA_UID_SIZE];
	uint64_t number = 1 + random_below(UINT32_MAX - 1);
	struct text user = r->account, token;

	if (user.data == NULL) {
		if (r->uid.data != NULL && !text_number(r->uid, UINT32_MAX, &number)) {
			exchange_fail(x, ERROR_INVALID_FIELD, "uid", "must be a user's number");
			return NULL;
		}
		/* "007" is user 7 here, and so it is in the token. */
		user = arena_copy(
		    &x->arena, (struct text){ digits, agora_uid_text((uint32_t)number, digits) });
	}
	token = agora_bot_token(x, r->channel, user, true);
	if (token.data == NULL)
		return NULL;
	player = json_copy(NULL);
	json_set_text(player, "name", name);
	json_set_text(player, "streamUrl", r->stream_url);
	json_set_text(player, "channelName", r->channel);
	if (r->account.data != NULL)
		json_set_text(player, "account", user);
	else
		json_set_int(player, "uid", (int64_t)number);
	json_set_text(player, "token", token);
	set_json_if_given(player, "audioOptions", r->audio);
	set_json_if_given(player, "videoOptions", r->video);
	set_json_if_given(player, "dataStreamOptions", r->data_stream);
	set_int_if_given(player, "idleTimeout", nearest_idle(r->idle));
	set_int_if_given(player, "playTs", r->play_ts);
	set_int_if_given(player, "repeatTime", r->repeat);
	set_int_if_given(player, "seekPosition", r->seek);
	set_text_if_given(player, "encryptMode", r->encrypt_mode);
	set_text_if_given(player, "encryptKey", r->encrypt_key);
	set_text_if_given(player, "encryptKdfSalt", r->encrypt_salt);
	return player;
}

static enum step pull_started(struct exchange *x);

enum step
pull_start(struct exchange *x)
{
	const struct start_request *r = x->input;
	struct player_answer *out = x->output;
	struct json_object *body, *player;
	struct call *call;
	struct buf *path;
	char join = '?';

	if (!is_on(x))
		return ANSWERED;
	if (r->account.data != NULL && r->uid.data != NULL)
		return exchange_fail(x, ERROR_INVALID_FIELD, "account", "excludes uid");
	if (r->name.data != NULL && r->player_name.data != NULL)
		return exchange_fail(x, ERROR_INVALID_FIELD, "playerName", "excludes name");
	out->region = text_of(rtmp_region_name(r->region));
	out->name = r->name.data != NULL ? r->name : r->player_name;
	if (out->name.data == NULL)
		out->name = agora_job_name(x);
	access_note_job(x, JOB_NAME, out->name);
	player = new_player(x, r, out->name);
	if (player == NULL)
		return ANSWERED;
	body = json_copy(NULL);
	json_set(body, "player", player);
	path = players_path(x, rtmp_region_name(r->region));
	agora_query(path, &join, "streamIp", r->origin_ip);
	call = agora_call(x, "POST", path, CALL_REPEATABLE, &rest_project(x)->pull_create);
	agora_compose(x, body);
	agora_body(x, call);
	return agora_send(x, call, pull_started);
}

static struct json_object *
known(struct text name, const struct call *call)
{
	struct json_object *known = json_copy(NULL);

	json_set_text(known, "playerName", name);
	if (call->resource_id[0] != '\0')
		json_set_text(known, "playerId", text_of(call->resource_id));
	return known;
}

static enum step
pull_started(struct exchange *x)
{
	static const char what[] = "Failed to start Cloud Player";
	struct player_answer *out = x->output;
	const struct call *call = agora_answer(x);
	struct json_object *player = NULL;

	access_note_job(x, JOB_PLAYER_ID, text_of(call->resource_id));
	/* The first try made it, its answer was lost, and this one found the name in use. */
	if (call->outcome == CALL_ANSWERED && call->status == 409 && call->doubtful &&
	    call->resource_id[0] != '\0') {
		out->player = agora_keep(x, json_copy(NULL));
		json_set_text(out->player, "id", text_of(call->resource_id));
		out->timestamp = agora_timestamp(x);
		return NEXT;
	}
	if (!agora_succeeded(x, what, known(out->name, call)))
		return ANSWERED;
	json_object_object_get_ex(call->json, "player", &player);
	if (agora_text_member(x, player, "id").length == 0)
		return agora_bad_answer(x, ERROR_UNKNOWN_OUTCOME, what,
		    "it may be running: Agora's answer holds no id", known(out->name, call));
	access_note_job(x, JOB_PLAYER_ID, agora_text_member(x, player, "id"));
	json_object_object_del(player, "token");
	out->player = player;
	out->fields = agora_text_member(x, call->json, "fields");
	out->timestamp = agora_timestamp(x);
	return NEXT;
}

static struct buf *
player_path(struct exchange *x, const struct player_request *r)
{
	struct buf *path = players_path(x, rtmp_region_name(r->region));

	agora_segment(path, r->id);
	return path;
}

static struct json_object *
players_of(const struct call *call)
{
	struct json_object *players = NULL;

	if (call->json == NULL || !json_object_object_get_ex(call->json, "players", &players) ||
	    !json_object_is_type(players, json_type_array))
		return NULL;
	return players;
}

static struct call *
list_call(struct exchange *x, const struct list_request *r, struct text page)
{
	struct buf *path = players_path(x, NULL), filter = { 0 };
	struct rest_project *project = rest_project(x);
	struct pace *pace = &project->pull_list;
	char join = '?';

	if (r->channel.data != NULL) {
		buf_printf(&filter, "channelName eq %.*s", (int)r->channel.length, r->channel.data);
		agora_query(path, &join, "filter", buf_view(&filter));
		buf_free(&filter);
		pace = agora_pace(x, &project->pull_filtered_minute);
	}
	if (r->size >= 0) {
		buf_printf(path, "%cpageSize=%lld", join, (long long)r->size);
		join = '&';
	}
	agora_query(path, &join, "pageToken", page);
	return agora_call(x, "GET", path, CALL_SAFE, pace);
}

static struct call *
ask_for_place(struct exchange *x, struct text channel, struct text page)
{
	const struct list_request of_channel = { .channel = channel, .size = 500 };

	return list_call(x, &of_channel, page);
}

static bool
is_there(struct exchange *x, struct text channel, struct text *page)
{
	const struct player_request *r = x->input;
	struct json_object *player = object_with(players_of(agora_answer(x)), "id", r->id);

	*page = agora_text_member(x, agora_answer(x)->json, "nextPageToken");
	return player != NULL && object_is_in(player, channel, is_plain_word(channel));
}

static const struct job_place pull_place = { ask_for_place, is_there, LIST_MS };

/* Agora's filter is made of words: a name with a blank could ask for other channels too. */
static bool
is_one_word(struct exchange *x, const char *field)
{
	const struct text channel = access_bound(x);

	if (channel.data == NULL || memchr(channel.data, ' ', channel.length) == NULL)
		return true;
	exchange_fail(x, ERROR_INVALID_FIELD, field,
	    "must hold no blank: Agora could not tell it from other channels");
	return false;
}

/* Goes on with `then` where the caller may. */
static enum step
in_place(struct exchange *x, enum step (*then)(struct exchange *))
{
	return is_on(x) && is_one_word(x, "channelName") ? agora_in_place(x, &pull_place, then)
							 : ANSWERED;
}

static enum step
pull_stopped(struct exchange *x)
{
	if (!agora_deleted(x, "Failed to stop Cloud Player"))
		return ANSWERED;
	rtmp_succeed(x);
	return NEXT;
}

static enum step
send_stop(struct exchange *x)
{
	struct call *call =
	    agora_call(x, "DELETE", player_path(x, x->input), CALL_SAFE, pull_pace(x));

	call->empty = true;
	return agora_send(x, call, pull_stopped);
}

enum step
pull_stop(struct exchange *x)
{
	return in_place(x, send_stop);
}

static enum step
pull_updated(struct exchange *x)
{
	if (!agora_succeeded(x, "Failed to update Cloud Player", NULL))
		return ANSWERED;
	rtmp_succeed(x);
	return NEXT;
}

static void
compose_update(struct exchange *x)
{
	const struct player_request *r = x->input;
	struct json_object *player, *body;

	player = json_copy(NULL);
	set_text_if_given(player, "streamUrl", r->stream_url);
	set_json_if_given(player, "audioOptions", r->audio);
	set_int_if_given(player, "seekPosition", r->seek);
	if (r->pause != MAYBE_ABSENT)
		json_set(player, "isPause", json_object_new_boolean(r->pause));
	body = json_copy(NULL);
	json_set(body, "player", player);
	agora_compose(x, body);
}

static enum step
send_update(struct exchange *x)
{
	const struct player_request *r = x->input;
	struct buf *path = player_path(x, r);
	struct call *call;

	buf_printf(path, "?sequence=%lld",
	    (long long)(r->sequence >= 0 ? r->sequence : agora_sequence(x, r->id)));
	call = agora_call(x, "PATCH", path, CALL_SAFE, pull_pace(x));
	call->empty = true;
	agora_body(x, call);
	return agora_send(x, call, pull_updated);
}

enum step
pull_update(struct exchange *x)
{
	compose_update(x);
	return in_place(x, send_update);
}

static struct call *
status_call(struct exchange *x, struct text page)
{
	const struct list_request of = { .channel = access_bound(x), .size = 500 };

	return list_call(x, &of, page);
}

/* Agora has no call for one player: it is looked up in the list of those that the caller may see.
 */
static enum step
pull_status_answered(struct exchange *x)
{
	static const char what[] = "Failed to query Cloud Player";
	const struct text bound = access_bound(x);
	const struct player_request *r = x->input;
	struct player_answer *out = x->output;
	const struct call *call = agora_answer(x);
	struct text page;

	if (!agora_succeeded(x, what, NULL))
		return ANSWERED;
	out->player = object_with(players_of(call), "id", r->id);
	if (out->player != NULL && bound.data != NULL &&
	    !object_is_in(out->player, bound, is_plain_word(bound)))
		return access_out_of_bounds(x);
	if (out->player != NULL) {
		out->timestamp = agora_timestamp(x);
		return NEXT;
	}
	page = agora_text_member(x, call->json, "nextPageToken");
	if (page.length > 0)
		return lists_ask(x, status_call(x, page), LIST_MS, pull_status_answered);
	if (bound.data != NULL)
		return access_out_of_bounds(x);
	return exchange_fail(x, ERROR_NOT_FOUND, NULL,
	    "Agora lists no such player; a new one appears after about ten seconds");
}

enum step
pull_status(struct exchange *x)
{
	if (!is_on(x) || !is_one_word(x, "channelName"))
		return ANSWERED;
	return lists_ask(
	    x, status_call(x, (struct text){ NULL, 0 }), LIST_MS, pull_status_answered);
}

static enum step
pull_listed(struct exchange *x)
{
	const struct list_request *r = x->input;
	struct list_answer *out = x->output;
	const struct call *call = agora_answer(x);
	struct json_object *players;

	if (!agora_succeeded(x, "Failed to list Cloud Players", NULL))
		return ANSWERED;
	players = out->players = players_of(call);
	out->total = agora_int_member(call->json, "totalSize", -1);
	/* What Agora shows of other channels is not asked for, whatever its filter makes of it. */
	if (players != NULL && r->channel.data != NULL)
		out->players = objects_in(x, players, r->channel, is_plain_word(r->channel));
	if (out->players != players)
		out->total = (int64_t)json_object_array_length(out->players);
	out->fields = agora_text_member(x, call->json, "fields");
	out->next_page = agora_text_member(x, call->json, "nextPageToken");
	out->timestamp = agora_timestamp(x);
	return NEXT;
}

enum step
pull_list(struct exchange *x)
{
	const struct list_request *r = x->input;

	if (!is_on(x) || !is_one_word(x, "channel"))
		return ANSWERED;
	return lists_ask(x, list_call(x, r, r->page), LIST_MS, pull_listed);
}
