#include <stdio.h>

#include "answer.h"
#include "job.h"
#include "lists.h"
#include "names.h"
#include "objects.h"
#include "place.h"
#include "push.h"
#include "rtmp.h"
#include "send.h"
#include "storage.h"
#include "value.h"

#define LIST_MS 2000 /* how long a list is good for others: Agora gives 50 a second */

struct start_request {
	struct text name, channel, stream_url, stream_key, hint_ip, uid;
	int64_t region, idle, jitter; /* -1: not given */
	bool transcoding;
	struct json_object *audio, *video;
};

struct converter_request {
	struct text id, channel, stream_url, stream_key;
	int64_t region, sequence, jitter;
	struct json_object *audio, *video;
};

struct list_request {
	struct text channel;
	int64_t cursor;
};

struct converter_answer {
	struct json_object *converter;
	struct text name, region, fields, timestamp;
};

struct list_answer {
	struct json_object *success, *data;
	struct text timestamp;
};

#define AUDIO_MEANING "Agora's audioOptions; it names users by their numeric uids"
#define VIDEO_MEANING "Agora's videoOptions; it names users by their numeric uids"
#define AT(member) offsetof(struct start_request, member)
#define JITTER_ROW                                                                                 \
	{                                                                                          \
		"jitterBufferSizeMs", FIELD_INT, 0, AT(jitter), 0, 1000, "milliseconds",           \
		    .fallback = -1, .meaning = "Agora's jitterBufferSizeMs"                        \
	}

static const struct field start_fields[] = {
	{ "rtcChannel", FIELD_TEXT, FIELD_REQUIRED | FIELD_SCOPE, AT(channel), 1, CHANNEL_MAX,
	    .check = name_is_channel, .meaning = "the channel to send" },
	{ "streamUrl", FIELD_TEXT, FIELD_REQUIRED, AT(stream_url), 1, 1024, .check = is_stream_url,
	    .meaning = "where to: the RTMP server's URL" },
	{ "streamKey", FIELD_TEXT, FIELD_SECRET, AT(stream_key), 0, 1024, .check = is_stream_key,
	    .meaning = "its stream key" },
	REGION_ROW(struct start_request),
	{ "converterName", FIELD_TEXT, 0, AT(name), 1, 64, .check = name_is_job,
	    .meaning = "name of the converter; one of ours when absent", .record = "name" },
	{ "regionHintIp", FIELD_TEXT, 0, AT(hint_ip), .check = is_ipv4,
	    .meaning = "address of the RTMP server" },
	{ "useTranscoding", FIELD_BOOL, 0, AT(transcoding),
	    .meaning = "true: mixed, with audioOptions and videoOptions" },
	{ "rtcStreamUid", FIELD_ID, 0, AT(uid), .check = name_is_uid,
	    .meaning = "without transcoding: whose stream" },
	{ "audioOptions", FIELD_JSON, 0, AT(audio), .meaning = AUDIO_MEANING },
	{ "videoOptions", FIELD_JSON, 0, AT(video), .meaning = VIDEO_MEANING },
	{ "idleTimeOut", FIELD_INT, 0, AT(idle), 5, 600, "seconds", .fallback = -1,
	    .meaning = "ends after so long without a stream" },
	JITTER_ROW,
};
static const struct needs stream = {
	.field = "rtcStreamUid",
	.rule = "is required without transcoding",
	.any = { { "rtcStreamUid" }, { "useTranscoding" } },
};
const struct table push_start_table = STRICT_TABLE(start_fields, struct start_request, &stream);

#undef AT
#define AT(member) offsetof(struct converter_request, member)
#define ID_ROW(name)                                                                               \
	{                                                                                          \
		name, FIELD_TEXT, FIELD_REQUIRED, AT(id), 1, 256,                                  \
		    .check = is_agora_id, .meaning = "the converter", .record = "converterId"      \
	}

#define CHANNEL_ROW                                                                                \
	{                                                                                          \
		"rtcChannel", FIELD_TEXT, FIELD_SCOPE, AT(channel), 1, CHANNEL_MAX,                \
		    .check = name_is_channel,                                                      \
		    .meaning = "the channel that it sends; for callers with some channels"         \
	}

static const struct field stop_fields[] = { ID_ROW("converterId"),
	REGION_ROW(struct converter_request), CHANNEL_ROW };
const struct table push_stop_table = TABLE(stop_fields, struct converter_request);

static const struct field status_fields[] = { ID_ROW("id"), REGION_ROW(struct converter_request),
	CHANNEL_ROW };
const struct table push_status_table = TEXT_TABLE(status_fields, struct converter_request);

static const struct field update_fields[] = { ID_ROW("converterId"),
	REGION_ROW(struct converter_request),
	{ "streamUrl", FIELD_TEXT, 0, AT(stream_url), 1, 1024, .check = is_stream_url,
	    .meaning = "another server; with streamKey" },
	{ "streamKey", FIELD_TEXT, FIELD_SECRET, AT(stream_key), 0, 1024, .check = is_stream_key,
	    .meaning = "its stream key" },
	{ "rtcChannel", FIELD_TEXT, FIELD_SCOPE, AT(channel), 1, CHANNEL_MAX,
	    .check = name_is_channel, .meaning = "the channel that it sends" },
	{ "audioOptions", FIELD_JSON, 0, AT(audio), .meaning = AUDIO_MEANING },
	{ "videoOptions", FIELD_JSON, 0, AT(video), .meaning = VIDEO_MEANING }, JITTER_ROW,
	{ "sequenceId", FIELD_INT, 0, AT(sequence), 0, INT64_MAX, .fallback = -1,
	    .meaning = "must grow; ours when absent" } };
static const struct needs changes = {
	.rule = "nothing to update: give streamUrl with streamKey, audioOptions, videoOptions or "
		"jitterBufferSizeMs",
	.any = { { "streamUrl", "streamKey" }, { "audioOptions" }, { "videoOptions" },
	    { "jitterBufferSizeMs" } },
};
const struct table push_update_table =
    STRICT_TABLE(update_fields, struct converter_request, &changes);

#undef AT
#define AT(member) offsetof(struct list_request, member)

static const struct field list_fields[] = {
	{ "channel", FIELD_TEXT, FIELD_SCOPE, AT(channel), 1, CHANNEL_MAX, .check = name_is_channel,
	    .meaning = "of this channel only" },
	{ "cursor", FIELD_INT, 0, AT(cursor), 0, INT64_MAX, .fallback = -1,
	    .meaning = "where the page before ended" },
};
const struct table push_list_table = TEXT_TABLE(list_fields, struct list_request);

#undef AT
#define AT(member) offsetof(struct converter_answer, member)

static const struct field converter_fields[] = {
	{ "converter", FIELD_JSON, 0, AT(converter),
	    .meaning = "Agora's converter, without stream keys" },
	{ "converterName", FIELD_TEXT, 0, AT(name), .meaning = "its name" },
	{ "region", FIELD_TEXT, 0, AT(region),
	    .meaning = "of a start: the region that a stop has to name" },
	{ "fields", FIELD_TEXT, 0, AT(fields),
	    .meaning = "Agora's list of the members that it shows" },
	{ "timestamp", FIELD_TEXT, FIELD_REQUIRED, AT(timestamp),
	    .meaning = "when it was answered, UTC" },
};
const struct table push_converter_table = TABLE(converter_fields, struct converter_answer);

#undef AT
#define AT(member) offsetof(struct list_answer, member)

static const struct field listed_fields[] = {
	{ "data", FIELD_JSON, 0, AT(data),
	    .meaning = "Agora's converters and their number, without stream keys" },
	{ "timestamp", FIELD_TEXT, FIELD_REQUIRED, AT(timestamp),
	    .meaning = "when it was answered, UTC" },
};
const struct table push_listed_table = TABLE(listed_fields, struct list_answer);

#undef AT

static bool
is_on(struct exchange *x)
{
	return agora_configured(x, services_of(x)->rest->settings.rtmp_url, "AGORA_RTMP_URL") &&
	    objects_leave_storage(x);
}

static struct buf *
push_path(struct exchange *x, const char *region)
{
	return agora_path(x, services_of(x)->rest->settings.rtmp_url, region);
}

void
push_limits(struct rest_project *p)
{
	budget_open(&p->push, "push", 50, false);
	for (size_t i = 0; i < JOB_SLOTS; i++) /* updates of one converter */
		p->push_update[i] = (struct pace){ "push", 2 };
}

static struct pace *
push_pace(struct exchange *x)
{
	return agora_pace(x, &rest_project(x)->push);
}

/* Options of a transcoded stream; NULL: the exchange is answered. */
static struct json_object *
transcode_options(
    struct exchange *x, struct text channel, struct json_object *audio, struct json_object *video)
{
	struct json_object *options = json_copy(NULL);

	if (channel.data != NULL)
		json_set_text(options, "rtcChannel", channel);
	if (audio != NULL)
		json_set(options, "audioOptions", json_share(audio));
	if (video != NULL)
		json_set(options, "videoOptions", json_share(video));
	if (rtmp_numeric_uids(x, options, audio == NULL ? "videoOptions" : "audioOptions"))
		return options;
	json_object_put(options);
	return NULL;
}

/* The converter to create; NULL: the exchange is answered. */
static struct json_object *
new_converter(struct exchange *x, const struct start_request *r, struct text name)
{
	struct json_object *converter, *options;
	uint64_t uid = 0;

	if (!r->transcoding && !text_number(r->uid, UINT32_MAX, &uid)) {
		exchange_fail(x, ERROR_INVALID_FIELD, "rtcStreamUid", "must be a user's number");
		return NULL;
	}
	if (r->transcoding) {
		options = transcode_options(x, r->channel, r->audio, r->video);
	} else {
		options = json_copy(NULL);
		json_set_text(options, "rtcChannel", r->channel);
		json_set_int(options, "rtcStreamUid", (int64_t)uid);
	}
	if (options == NULL)
		return NULL;
	converter = json_copy(NULL);
	json_set_text(converter, "name", name);
	json_set(converter, r->transcoding ? "transcodeOptions" : "rawOptions", options);
	json_set_text(converter, "rtmpUrl", rtmp_join(x, r->stream_url, r->stream_key));
	/* Agora's table and its examples spell it differently; the examples agree with its errors.
	 */
	if (r->idle >= 0)
		json_set_int(converter, "idleTimeout", r->idle);
	if (r->jitter >= 0)
		json_set_int(converter, "jitterBufferSizeMs", r->jitter);
	return converter;
}

static enum step push_started(struct exchange *x);

enum step
push_start(struct exchange *x)
{
	const struct start_request *r = x->input;
	struct converter_answer *out = x->output;
	struct json_object *converter, *body;
	struct call *call;
	struct buf *path;
	char join = '?';

	if (!is_on(x))
		return ANSWERED;
	out->name = r->name.data == NULL ? agora_job_name(x) : r->name;
	out->region = text_of(rtmp_region_name(r->region));
	access_note_job(x, JOB_NAME, out->name);
	converter = new_converter(x, r, out->name);
	if (converter == NULL)
		return ANSWERED;
	body = json_copy(NULL);
	json_set(body, "converter", converter);
	path = push_path(x, rtmp_region_name(r->region));
	agora_query(path, &join, "regionHintIp", r->hint_ip);
	call = agora_call(x, "POST", path, CALL_REPEATABLE, push_pace(x));
	agora_compose(x, body);
	agora_body(x, call);
	return agora_send(x, call, push_started);
}

static struct json_object *
known(struct text name, const struct call *call)
{
	struct json_object *known = json_copy(NULL);

	json_set_text(known, "converterName", name);
	if (call->resource_id[0] != '\0')
		json_set_text(known, "converterId", text_of(call->resource_id));
	return known;
}

/* {"converter":{...},"fields"} of create and update; get answers with or without the wrapping. */
static enum step
take_converter(struct exchange *x, const char *what)
{
	struct converter_answer *out = x->output;
	const struct call *call = agora_answer(x);
	struct json_object *converter = NULL;
	bool started = out->name.data != NULL;

	if (!json_object_object_get_ex(call->json, "converter", &converter))
		converter = call->json;
	if (started && agora_text_member(x, converter, "id").length == 0)
		return agora_bad_answer(x, ERROR_UNKNOWN_OUTCOME, what,
		    "it may be running: Agora's answer holds no id", known(out->name, call));
	access_note_job(x, JOB_CONVERTER_ID, agora_text_member(x, converter, "id"));
	if (!json_object_is_type(converter, json_type_object))
		return agora_bad_answer(
		    x, ERROR_UPSTREAM, what, "Agora's answer holds no converter", NULL);
	out->converter = converter;
	out->fields = agora_text_member(x, call->json, "fields");
	out->timestamp = agora_timestamp(x);
	return NEXT;
}

static enum step
push_started(struct exchange *x)
{
	static const char what[] = "Failed to start RTMP converter";
	struct converter_answer *out = x->output;
	const struct call *call = agora_answer(x);

	access_note_job(x, JOB_CONVERTER_ID, text_of(call->resource_id));
	/* The first try made it, its answer was lost, and this one found the name in use. */
	if (call->outcome == CALL_ANSWERED && call->status == 409 && call->doubtful &&
	    call->resource_id[0] != '\0') {
		out->converter = agora_keep(x, json_copy(NULL));
		json_set_text(out->converter, "id", text_of(call->resource_id));
		out->timestamp = agora_timestamp(x);
		return NEXT;
	}
	if (!agora_succeeded(x, what, known(out->name, call)))
		return ANSWERED;
	return take_converter(x, what);
}

/*
 * Whether the channel is put into the path of its list.  Others are looked for in the list of all:
 * a name that begins with a dot, or with the % of one, may be a way up for who decodes the path.
 */
static bool
fits_in_path(struct text channel)
{
	return channel.length > 0 && channel.data[0] != '.' && channel.data[0] != '%';
}

/* "v1/projects/X/rtmp-converters" of a channel is "v1/projects/X/channels/C/rtmp-converters". */
static void
put_channel_in(struct buf *path, struct text channel)
{
	struct buf tail = { 0 };
	const char *slash;

	if (!fits_in_path(channel))
		return;
	slash = memrchr(path->data, '/', path->length);
	buf_add(&tail, slash, path->length - (size_t)(slash - path->data));
	path->length = (size_t)(slash - path->data);
	buf_text(path, "/channels");
	agora_segment(path, channel);
	buf_add(path, tail.data, tail.length);
	buf_free(&tail);
}

static struct call *
list_call(struct exchange *x, struct text channel, struct text cursor)
{
	struct buf *path = push_path(x, NULL);
	char join = '?';

	put_channel_in(path, channel);
	agora_query(path, &join, "cursor", cursor);
	return agora_call(x, "GET", path, CALL_SAFE, push_pace(x));
}

static bool
is_there(struct exchange *x, struct text channel, struct text *page)
{
	const struct converter_request *r = x->input;
	struct json_object *data = NULL, *members = NULL, *found = NULL;

	if (!json_object_object_get_ex(agora_answer(x)->json, "data", &data))
		return false;
	if (json_object_is_type(data, json_type_object) &&
	    json_object_object_get_ex(data, "members", &members))
		found = object_with(members, "converterId", r->id);
	if (found != NULL)
		return object_is_in(found, channel, fits_in_path(channel));
	*page = agora_text_member(x, data, "cursor");
	if (text_is(*page, "0"))
		*page = (struct text){ NULL, 0 };
	return false;
}

static const struct job_place push_place = { list_call, is_there, LIST_MS };

static struct buf *
converter_path(struct exchange *x, const struct converter_request *r)
{
	struct buf *path = push_path(x, rtmp_region_name(r->region));

	agora_segment(path, r->id);
	return path;
}

static enum step
push_stopped(struct exchange *x)
{
	if (!agora_deleted(x, "Failed to stop RTMP converter"))
		return ANSWERED;
	rtmp_succeed(x);
	return NEXT;
}

static enum step
send_stop(struct exchange *x)
{
	struct call *call =
	    agora_call(x, "DELETE", converter_path(x, x->input), CALL_SAFE, push_pace(x));

	call->empty = true;
	return agora_send(x, call, push_stopped);
}

enum step
push_stop(struct exchange *x)
{
	return is_on(x) ? agora_in_place(x, &push_place, send_stop) : ANSWERED;
}

static enum step
push_updated(struct exchange *x)
{
	static const char what[] = "Failed to update RTMP converter";

	return agora_succeeded(x, what, NULL) ? take_converter(x, what) : ANSWERED;
}

/* false: the exchange is answered. */
static bool
compose_update(struct exchange *x)
{
	const struct converter_request *r = x->input;
	struct json_object *converter, *options, *body, *ignored;

	converter = json_copy(NULL);
	if (r->video != NULL || r->audio != NULL) {
		/* The channel is not to be updated, so it is not sent; the peers' clients give it.
		 */
		options = transcode_options(x, (struct text){ NULL, 0 }, r->audio, r->video);
		if (options == NULL) {
			json_object_put(converter);
			return false;
		}
		if (json_object_object_get_ex(options, "videoOptions", &ignored)) {
			json_object_object_del(ignored, "codec"); /* not to be updated */
			json_object_object_del(ignored, "codecProfile");
		}
		json_set(converter, "transcodeOptions", options);
	}
	if (r->stream_url.data != NULL && r->stream_key.data != NULL)
		json_set_text(converter, "rtmpUrl", rtmp_join(x, r->stream_url, r->stream_key));
	if (r->jitter >= 0)
		json_set_int(converter, "jitterBufferSizeMs", r->jitter);
	body = json_copy(NULL);
	json_set(body, "converter", converter);
	agora_compose(x, body);
	return true;
}

static enum step
send_update(struct exchange *x)
{
	const struct converter_request *r = x->input;
	struct buf *path = converter_path(x, r);
	struct call *call;

	buf_printf(path, "?sequence=%lld",
	    (long long)(r->sequence >= 0 ? r->sequence : agora_sequence(x, r->id)));
	call = agora_call(
	    x, "PATCH", path, CALL_SAFE, &rest_project(x)->push_update[agora_slot(r->id)]);
	agora_body(x, call);
	return agora_send(x, call, push_updated);
}

enum step
push_update(struct exchange *x)
{
	return is_on(x) && compose_update(x) ? agora_in_place(x, &push_place, send_update)
					     : ANSWERED;
}

static enum step
push_status_answered(struct exchange *x)
{
	static const char what[] = "Failed to query RTMP converter";
	const struct converter_answer *out = x->output;
	const struct text channel = access_bound(x);

	if (!agora_succeeded(x, what, NULL) || take_converter(x, what) == ANSWERED)
		return ANSWERED;
	if (channel.data != NULL && !object_is_in(out->converter, channel, true))
		return access_out_of_bounds(x);
	return NEXT;
}

static enum step
send_status(struct exchange *x)
{
	return agora_send(x,
	    agora_call(x, "GET", converter_path(x, x->input), CALL_SAFE, push_pace(x)),
	    push_status_answered);
}

enum step
push_status(struct exchange *x)
{
	return is_on(x) ? agora_in_place(x, &push_place, send_status) : ANSWERED;
}

static enum step
push_listed(struct exchange *x)
{
	const struct list_request *r = x->input;
	struct list_answer *out = x->output;
	struct json_object *data = NULL, *members = NULL, *some;

	if (!agora_succeeded(x, "Failed to list RTMP converters", NULL))
		return ANSWERED;
	if (json_object_object_get_ex(agora_answer(x)->json, "data", &data) &&
	    json_object_is_type(data, json_type_object)) {
		out->data = data;
	}
	/* What Agora shows of other channels is not asked for, whatever its filter makes of it. */
	if (r->channel.data != NULL && json_object_object_get_ex(out->data, "members", &members) &&
	    json_object_is_type(members, json_type_array)) {
		some = objects_in(x, members, r->channel, fits_in_path(r->channel));
		if (some != members) {
			json_set_int(data, "total_count", (int64_t)json_object_array_length(some));
			json_set(data, "members", json_object_get(some));
		}
	} else if (r->channel.data != NULL) {
		out->data = NULL;
	}
	out->timestamp = agora_timestamp(x);
	return NEXT;
}

enum step
push_list(struct exchange *x)
{
	const struct list_request *r = x->input;
	struct text cursor = { NULL, 0 };
	char digits[24];

	if (!is_on(x))
		return ANSWERED;
	if (r->cursor >= 0) {
		snprintf(digits, sizeof(digits), "%lld", (long long)r->cursor);
		cursor = text_of(digits);
	}
	return lists_ask(x, list_call(x, r->channel, cursor), LIST_MS, push_listed);
}
