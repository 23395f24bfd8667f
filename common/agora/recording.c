#include <stdio.h>
#include <stdlib.h>

#include "answer.h"
#include "job.h"
#include "json.h"
#include "names.h"
#include "objects.h"
#include "place.h"
#include "recording.h"
#include "redact.h"
#include "send.h"
#include "storage.h"
#include "subscription.h"
#include "value.h"

#define MODE(mode) (UINT64_C(1) << (mode))
#define MODES_WITH_TOKEN (MODE(MODE_INDIVIDUAL) | MODE(MODE_RAW) | MODE(MODE_MIX))
#define STOP_MS 22000       /* a synchronous stop takes up to 20 s */
#define FIRST_QUERY_MS 5000 /* Agora: query from 5 s after the start on */
#define NEXT_QUERY_MS 2000
#define START_AGAIN_MS 2000
#define START_QUEUE_MS 3000 /* once there is a resourceId, it is to be used */
#define STARTS_MAX 3
#define SCENE_POSTPONED 2
#define STARTED 4 /* serverResponse.status: ready; 5: in progress */
#define IN_PROGRESS 5
#define STOP_REQUESTED 6 /* from here on it is over */
#define CODE_INVALID_OPERATION 49

enum recording_mode { MODE_INDIVIDUAL, MODE_RAW, MODE_MIX, MODE_WEB };

struct start_request {
	int64_t mode;   /* enum recording_mode */
	int64_t scene;  /* Agora's number */
	int64_t region; /* of regions; -1: not given */
	struct text channel, uid;
	struct json_object *exclude_ids, *config, *file_config, *snapshot, *extension, *storage,
	    *prefix, *apps, *transcode;
	int64_t hours, wait; /* hours; seconds */
	int64_t affinity;    /* Agora's number; -1: not given */
};

struct job_request {
	int64_t mode;
	struct text channel, uid, resource_id, sid;
	bool async_stop;
	struct json_object *config;
};

/* What is known of a recording; the answer of all of these endpoints. */
struct job {
	struct text channel, uid, resource_id, sid, timestamp;
	struct json_object *server_response;
	int64_t code; /* 0: none */
	struct text reason;
	int64_t records_until; /* Unix seconds; 0: no end of its own */
	/* while starting */
	size_t request, request_length; /* start's clientRequest, within what is sent */
	int starts;
	int64_t wait_until; /* Unix seconds; 0: not asked for */
};

static const struct choice modes[] = { { "individual", MODE_INDIVIDUAL }, { "raw", MODE_RAW },
	{ "mix", MODE_MIX }, { "web", MODE_WEB }, { NULL, 0 } };
static const struct choice scenes[] = { { "realtime", 0 }, { "web", 1 },
	{ "postponed", SCENE_POSTPONED }, { NULL, 0 } };
static const struct choice regions[] = { { "CN", 0 }, { "AP", 1 }, { "EU", 2 }, { "NA", 3 },
	{ NULL, 0 } };

#define AT(member) offsetof(struct start_request, member)

static const struct field start_fields[] = {
	{ "recordingMode", FIELD_CHOICE, FIELD_DECIDES, AT(mode), .choices = modes,
	    .fallback = MODE_MIX, .meaning = "individual, raw, mix (default) or web" },
	{ "channelName", FIELD_TEXT, FIELD_REQUIRED | FIELD_SCOPE, AT(channel), 1, CHANNEL_MAX,
	    .check = name_is_channel, .when = MODES_WITH_TOKEN,
	    .meaning = "the channel to record" },
	{ "channelName", FIELD_TEXT, FIELD_REQUIRED | FIELD_SCOPE, AT(channel), 1, 1024,
	    .when = MODE(MODE_WEB), .meaning = "a label for the recording" },
	{ "uid", FIELD_ID, 0, AT(uid), 1, 10, .check = name_is_bot_uid,
	    .meaning = "the recorder's own uid; default: one by chance", .record = "uid" },
	{ "sceneMode", FIELD_CHOICE, 0, AT(scene), .choices = scenes, .fallback = -1,
	    .meaning = "realtime, web or postponed; default: as the mode wants" },
	{ "excludeResourceIds", FIELD_JSONS, 0, AT(exclude_ids),
	    .meaning = "resourceIds of other recordings of the channel" },
	{ "region", FIELD_CHOICE, 0, AT(region), .choices = regions, .fallback = -1,
	    .meaning = "CN, AP, EU or NA; the storage must be there too" },
	{ "resourceExpiredHour", FIELD_INT, 0, AT(hours), 1, 720, "hours", .fallback = 24,
	    .meaning = "how long the recording can be asked about" },
	{ "recordingConfig", FIELD_JSON, 0, AT(config), .when = MODES_WITH_TOKEN,
	    .meaning = "Agora's recordingConfig; members left out get defaults; its lists hold at "
		       "most 32 uids as text, and it has either those to subscribe to or those to "
		       "leave out; without streamMode in raw mode" },
	{ "recordingFileConfig", FIELD_JSON, 0, AT(file_config),
	    .meaning = "Agora's recordingFileConfig" },
	{ "snapshotConfig", FIELD_JSON, 0, AT(snapshot),
	    .when = MODE(MODE_INDIVIDUAL) | MODE(MODE_RAW), .meaning = "Agora's snapshotConfig" },
	{ "extensionServiceConfig", FIELD_JSON, FIELD_REQUIRED, AT(extension),
	    .when = MODE(MODE_WEB), .meaning = "Agora's extensionServiceConfig: what to record" },
	{ "extensionServiceConfig", FIELD_JSON, 0, AT(extension),
	    .when = MODE(MODE_INDIVIDUAL) | MODE(MODE_MIX), .meaning = "the same" },
	{ "appsCollection", FIELD_JSON, 0, AT(apps), .when = MODES_WITH_TOKEN,
	    .meaning = "with sceneMode postponed: Agora's appsCollection" },
	{ "transcodeOptions", FIELD_JSON, 0, AT(transcode), .when = MODES_WITH_TOKEN,
	    .meaning = "with sceneMode postponed: Agora's transcodeOptions" },
	{ "regionAffinity", FIELD_INT, 0, AT(affinity), 0, 100, .fallback = -1,
	    .meaning = "Agora's number of the region that records" },
	{ "storageConfig", FIELD_JSON, 0, AT(storage),
	    .meaning = "another storage, where STORAGE_OVERRIDE allows it: Agora's "
		       "storageConfig, with a region of its vendor" },
	PREFIX_ROW,
	{ "wait", FIELD_INT, 0, AT(wait), 0, 20, "seconds",
	    .meaning = "answer only when it records or has failed, after so long at most" },
};
const struct table recording_start_table = STRICT_TABLE(start_fields, struct start_request, NULL);

#undef AT
#define AT(member) offsetof(struct job_request, member)
#define JOB_ROWS                                                                                   \
	{ "cname", FIELD_TEXT, FIELD_REQUIRED | FIELD_SCOPE, AT(channel), 1, 1024,                 \
		.meaning = "its channel" },                                                        \
	    { "uid", FIELD_ID, FIELD_REQUIRED, AT(uid), 1, 10, .check = name_is_bot_uid,           \
		    .meaning = "its uid", .record = "uid" },                                       \
	    ID_ROWS
#define ID_ROWS                                                                                    \
	{ "resourceId", FIELD_TEXT, FIELD_REQUIRED, AT(resource_id), 1, 1024,                      \
		.check = is_agora_id, .meaning = "its resourceId", .record = "resourceId" },       \
	{                                                                                          \
		"sid", FIELD_TEXT, FIELD_REQUIRED, AT(sid), 1, 128,                                \
		    .check = is_agora_id, .meaning = "its sid", .record = "sid"                    \
	}
#define MODE_ROW(name)                                                                             \
	{                                                                                          \
		name, FIELD_CHOICE, 0, AT(mode), .choices = modes, .fallback = MODE_MIX,           \
						 .meaning = "its mode; default mix"                \
	}

static const struct field stop_fields[] = { JOB_ROWS, MODE_ROW("recordingMode"),
	{ "async_stop", FIELD_BOOL, 0, AT(async_stop),
	    .meaning = "true: do not wait for the files to be uploaded" } };
const struct table recording_stop_table = TABLE(stop_fields, struct job_request);

static const struct field status_fields[] = { ID_ROWS, MODE_ROW("mode"),
	{ "cname", FIELD_TEXT, FIELD_SCOPE, AT(channel), 1, 1024,
	    .meaning = "its channel; for callers with some channels" } };
const struct table recording_status_table = TEXT_TABLE(status_fields, struct job_request);

static const struct field update_fields[] = { JOB_ROWS, MODE_ROW("recordingMode"),
	{ "recordingConfig", FIELD_JSON, FIELD_REQUIRED, AT(config),
	    .meaning =
		"what to change: exactly one of Agora's streamSubscribe, webRecordingConfig, "
		"rtmpPublishConfig and, with STORAGE_OVERRIDE, storageConfig" } };
const struct table recording_update_table = STRICT_TABLE(update_fields, struct job_request, NULL);

static const struct choice mixed[] = { { "mix", MODE_MIX }, { NULL, 0 } };
static const struct field layout_fields[] = { JOB_ROWS,
	{ "recordingMode", FIELD_CHOICE, 0, AT(mode), .choices = mixed, .fallback = MODE_MIX,
	    .meaning = "mix: only mixed recordings have a layout" },
	{ "recordingConfig", FIELD_JSON, FIELD_REQUIRED, AT(config),
	    .meaning = "Agora's members of the layout" } };
const struct table recording_layout_table = STRICT_TABLE(layout_fields, struct job_request, NULL);

#undef AT
#define AT(member) offsetof(struct job, member)

static const struct field started_fields[] = {
	{ "cname", FIELD_TEXT, FIELD_REQUIRED, AT(channel), .meaning = "the channel" },
	{ "uid", FIELD_TEXT, FIELD_REQUIRED, AT(uid), .meaning = "the recorder's uid" },
	{ "resourceId", FIELD_TEXT, FIELD_REQUIRED, AT(resource_id),
	    .meaning = "Agora's resourceId: needed for what follows" },
	{ "sid", FIELD_TEXT, FIELD_REQUIRED, AT(sid), .meaning = "Agora's id of the recording" },
	{ "serverResponse", FIELD_JSON, 0, AT(server_response),
	    .meaning = "with wait: what Agora last said of it" },
	{ "recordsUntil", FIELD_INT, FIELD_OMIT, AT(records_until),
	    .meaning = "Unix time at which the recorder's token ends, and it with it" },
	{ "timestamp", FIELD_TEXT, FIELD_REQUIRED, AT(timestamp),
	    .meaning = "when it was answered, UTC" },
};
const struct table recording_started_table = TABLE(started_fields, struct job);

static const struct field job_fields[] = {
	{ "resourceId", FIELD_TEXT, FIELD_REQUIRED, AT(resource_id), .meaning = "its resourceId" },
	{ "sid", FIELD_TEXT, FIELD_REQUIRED, AT(sid), .meaning = "its sid" },
	{ "serverResponse", FIELD_JSON, 0, AT(server_response),
	    .meaning = "what Agora says of it" },
	{ "cname", FIELD_TEXT, 0, AT(channel), .meaning = "its channel" },
	{ "uid", FIELD_TEXT, 0, AT(uid), .meaning = "the recorder's uid" },
	{ "code", FIELD_INT, FIELD_OMIT, AT(code),
	    .meaning = "Agora's code, where it is not done" },
	{ "reason", FIELD_TEXT, 0, AT(reason), .meaning = "Agora's reason" },
	{ "timestamp", FIELD_TEXT, FIELD_REQUIRED, AT(timestamp),
	    .meaning = "when it was answered, UTC" },
};
const struct table recording_job_table = TABLE(job_fields, struct job);

#undef AT

static const char *
mode_name(int64_t mode)
{
	return modes[mode].name;
}

/* Checks of Agora's own objects, where a wrong one is a known trap */

static bool
check_config(struct exchange *x, const struct start_request *r)
{
	if (r->mode == MODE_RAW && r->config != NULL &&
	    json_object_object_get_ex(r->config, "streamMode", NULL)) {
		exchange_fail(x, ERROR_INVALID_FIELD, "recordingConfig.streamMode",
		    "has no meaning in raw mode");
		return false;
	}
	if (r->scene != SCENE_POSTPONED && (r->apps != NULL || r->transcode != NULL)) {
		exchange_fail(x, ERROR_INVALID_FIELD,
		    r->apps != NULL ? "appsCollection" : "transcodeOptions",
		    "is for sceneMode postponed");
		return false;
	}
	return true;
}

/* Starting: acquire, start, and if asked for queries until it records */

static void
set_default_int(struct json_object *config, const char *name, int64_t value)
{
	struct json_object *ignored;

	if (!json_object_object_get_ex(config, name, &ignored))
		json_set_int(config, name, value);
}

/* `kind` is "Audio" or "Video". */
static void
subscribe_to_all(struct json_object *config, const char *kind, const char *name)
{
	struct json_object *list;

	if (subscription_is_given(config, kind))
		return;
	list = json_list();
	json_append(list, json_text(TEXT("#allstream#")));
	json_set(config, name, list);
}

/*
 * The middleware's defaults, each on its own and only where it belongs to the mode.  NULL: the
 * exchange is answered.
 */
static struct json_object *
config_with_defaults(struct exchange *x, struct json_object *own, int64_t mode)
{
	struct json_object *config = json_share(own);
	int64_t types;

	if (!subscription_tidy(x, config, "recordingConfig", true)) {
		json_object_put(config);
		return NULL;
	}
	set_default_int(config, "channelType", 0);
	set_default_int(config, "maxIdleTime", 120);
	set_default_int(config, "streamTypes", 2);
	types = agora_int_member(config, "streamTypes", 2);
	if (types != 0)
		set_default_int(config, "videoStreamType", 0);
	if (types != 1)
		subscribe_to_all(config, "Audio", "subscribeAudioUids");
	if (types != 0)
		subscribe_to_all(config, "Video", "subscribeVideoUids");
	if (mode != MODE_MIX)
		set_default_int(config, "subscribeUidGroup", 0);
	if (mode == MODE_INDIVIDUAL && !json_object_object_get_ex(config, "streamMode", NULL))
		json_set_text(config, "streamMode", TEXT("standard"));
	return config;
}

static void
set_if_given(struct json_object *request, const char *name, struct json_object *value)
{
	if (value != NULL)
		json_set(request, name, json_share(value));
}

/* clientRequest of start, which acquire must be given too; NULL: the exchange is answered. */
static struct json_object *
client_request(struct exchange *x, const struct start_request *r, struct job *job)
{
	struct json_object *request = agora_keep(x, json_copy(NULL)), *part;
	struct text token;

	if (r->mode != MODE_WEB) {
		part = config_with_defaults(x, r->config, r->mode);
		if (part == NULL)
			return NULL;
		json_set(request, "recordingConfig", part);
		token = agora_bot_token(x, r->channel, job->uid, false);
		if (token.data == NULL)
			return NULL;
		json_set_text(request, "token", token);
		job->records_until = x->now + AGORA_EXPIRE_MAX;
	}
	part = agora_storage(x, "storageConfig", r->storage, r->prefix, r->channel);
	if (part == NULL)
		return NULL;
	json_set(request, "storageConfig", part);
	set_if_given(request, "recordingFileConfig", r->file_config);
	set_if_given(request, "snapshotConfig", r->snapshot);
	set_if_given(request, "extensionServiceConfig", r->extension);
	set_if_given(request, "appsCollection", r->apps);
	set_if_given(request, "transcodeOptions", r->transcode);
	return request;
}

/* {"cname","uid","clientRequest"}; the request is taken. */
static struct json_object *
job_body(const struct job *job, struct json_object *request)
{
	struct json_object *body = json_copy(NULL);

	json_set_text(body, "cname", job->channel);
	json_set_text(body, "uid", job->uid);
	json_set(body, "clientRequest", request);
	return body;
}

/* {"cname","uid","clientRequest": */
static void
begin_body(const struct job *job, struct buf *out)
{
	buf_text(out, "{");
	json_put_text(out, "cname", job->channel.data);
	json_put_text(out, "uid", job->uid.data);
	json_put_name(out, "clientRequest");
}

/*
 * acquire's body, in which start's clientRequest comes last, so that the body of start can be made
 * of it where it lies.
 */
static void
compose_acquire(struct exchange *x, const struct start_request *r, struct json_object *request)
{
	const int64_t scene = r->scene >= 0 ? r->scene : r->mode == MODE_WEB ? 1 : 0;
	struct job *job = x->output;
	struct buf body = { 0 }, text = { 0 };

	json_write(&text, request);
	begin_body(job, &body);
	buf_text(&body, "{");
	if (scene != 0)
		json_put_number(&body, "scene", scene);
	json_put_number(&body, "resourceExpiredHour", r->hours);
	if (r->region >= 0)
		json_put_text(&body, "region", regions[r->region].name);
	if (r->affinity >= 0)
		json_put_number(&body, "regionAffinity", r->affinity);
	if (r->exclude_ids != NULL)
		json_put_value(&body, "excludeResourceIds", r->exclude_ids);
	json_put_name(&body, "startParameter");
	job->request = body.length;
	job->request_length = text.length;
	buf_fit(&x->sent, body.length + text.length + 2);
	buf_add(&x->sent, body.data, body.length);
	buf_add(&x->sent, text.data, text.length);
	buf_text(&x->sent, "}}");
	buf_free(&body);
	buf_wipe(&text);
	buf_free(&text);
}

static void
compose_start(struct exchange *x)
{
	struct job *job = x->output;
	struct buf body = { 0 };

	begin_body(job, &body);
	memmove(x->sent.data + body.length, x->sent.data + job->request, job->request_length);
	memcpy(x->sent.data, body.data, body.length);
	job->request = body.length;
	x->sent.length = body.length + job->request_length;
	buf_text(&x->sent, "}");
	buf_free(&body);
}

/* What a client needs to look after a recording that may be running. */
static struct json_object *
known(const struct job *job)
{
	struct json_object *known = json_copy(NULL);

	json_set_text(known, "cname", job->channel);
	json_set_text(known, "uid", job->uid);
	if (job->resource_id.data != NULL)
		json_set_text(known, "resourceId", job->resource_id);
	if (job->sid.data != NULL)
		json_set_text(known, "sid", job->sid);
	return known;
}

static bool
is_on(struct exchange *x)
{
	return agora_configured(
		   x, services_of(x)->rest->settings.recording_url, "AGORA_CLOUD_RECORDING_URL") &&
	    objects_leave_storage(x);
}

static struct buf *
recording_path(struct exchange *x)
{
	return agora_path(x, services_of(x)->rest->settings.recording_url, NULL);
}

void
recording_limits(struct rest_project *p)
{
	budget_open(&p->recording, "recording", 10, false);
}

static struct pace *
recording_pace(struct exchange *x)
{
	return agora_pace(x, &rest_project(x)->recording);
}

/* .../resourceid/{id}[/sid/{sid}]/mode/{mode}/{verb} */
static struct buf *
job_path(struct exchange *x, const struct job *job, int64_t mode, const char *verb)
{
	struct buf *path = recording_path(x);

	buf_text(path, "/resourceid");
	agora_segment(path, job->resource_id);
	if (job->sid.data != NULL) {
		buf_text(path, "/sid");
		agora_segment(path, job->sid);
	}
	buf_printf(path, "/mode/%s/%s", mode_name(mode), verb);
	return path;
}

static enum step recording_acquired(struct exchange *x);
static enum step recording_started(struct exchange *x);
static enum step recording_queried(struct exchange *x);
static enum step query_after(struct exchange *x, int64_t delay_ms);

enum step
recording_start(struct exchange *x)
{
	const struct start_request *r = x->input;
	struct job *job = x->output;
	struct json_object *request;
	struct call *call;
	struct buf *path;

	if (!is_on(x) || !check_config(x, r))
		return ANSWERED;
	job->channel = r->channel;
	job->uid = agora_bot_uid(x, r->uid);
	access_note_job(x, JOB_UID, job->uid);
	request = client_request(x, r, job);
	if (request == NULL)
		return ANSWERED;
	compose_acquire(x, r, request);
	job->wait_until = r->wait == 0 ? 0 : x->now + r->wait;
	path = recording_path(x);
	buf_text(path, "/acquire");
	call = agora_call(x, "POST", path, CALL_SAFE, recording_pace(x));
	call->prepares = true;
	agora_body(x, call);
	return agora_send(x, call, recording_acquired);
}

static enum step
send_start(struct exchange *x, int64_t delay_ms)
{
	const struct start_request *r = x->input;
	struct job *job = x->output;
	struct call *call = agora_call(
	    x, "POST", job_path(x, job, r->mode, "start"), CALL_REPEATABLE, recording_pace(x));

	job->starts++;
	call->delay_ms = delay_ms;
	call->queue_ms = START_QUEUE_MS;
	agora_body(x, call);
	return agora_send(x, call, recording_started);
}

static enum step
recording_acquired(struct exchange *x)
{
	static const char what[] = "Failed to acquire resource";
	struct job *job = x->output;

	if (!agora_succeeded(x, what, NULL))
		return ANSWERED;
	job->resource_id = agora_text_member(x, agora_answer(x)->json, "resourceId");
	if (job->resource_id.length == 0)
		return agora_bad_answer(
		    x, ERROR_UPSTREAM, what, "Agora's answer holds no resourceId", NULL);
	access_note_job(x, JOB_RESOURCE_ID, job->resource_id);
	compose_start(x);
	return send_start(x, 0);
}

static enum step
send_query(struct exchange *x, int64_t mode, int64_t delay_ms, enum step (*next)(struct exchange *))
{
	const struct job *job = x->output;
	struct call *call =
	    agora_call(x, "GET", job_path(x, job, mode, "query"), CALL_SAFE, recording_pace(x));

	call->delay_ms = delay_ms;
	return agora_send(x, call, next);
}

/* "already started": the same resourceId runs, so this very recording does. */
static bool
runs_already(const struct call *call)
{
	return call->status == 201 && agora_int_member(call->json, "code", 0) == 7;
}

static enum step
recording_started(struct exchange *x)
{
	static const char what[] = "Failed to start recording";
	struct job *job = x->output;
	struct call *call = agora_answer(x);
	bool not_yet = call->outcome == CALL_ANSWERED && call->status == 206;

	/* 206, code 65: Agora says to repeat it with the same parameters. */
	if (not_yet && job->starts < STARTS_MAX)
		return send_start(x, START_AGAIN_MS);
	if (job->starts > 1)
		call->doubtful = true; /* the one that was answered so may be carried out yet */
	if (!agora_succeeded(x, what, known(job)))
		return ANSWERED;
	job->sid = agora_text_member(x, call->json, "sid");
	if (job->sid.length == 0) {
		job->sid = (struct text){ NULL, 0 };
		return agora_bad_answer(x, ERROR_UNKNOWN_OUTCOME, what,
		    runs_already(call) ? "it runs, and Agora does not say under which sid"
				       : "it may be running: Agora's answer holds no sid",
		    known(job));
	}
	access_note_job(x, JOB_SID, job->sid);
	job->timestamp = agora_timestamp(x);
	if (job->wait_until == 0)
		return NEXT;
	return query_after(x, FIRST_QUERY_MS);
}

/* Asks after a while how it goes; without the time for that it is left at what is known. */
static enum step
query_after(struct exchange *x, int64_t delay_ms)
{
	const struct start_request *r = x->input;

	if (agora_time_left(x) > delay_ms)
		return send_query(x, r->mode, delay_ms, recording_queried);
	return agora_bad_answer(x, ERROR_UNKNOWN_OUTCOME, "Failed to start recording",
	    "it was started, and does not record yet after the time to wait", known(x->output));
}

/* wait: until it records, or failed, or the time is over. */
static enum step
recording_queried(struct exchange *x)
{
	struct job *job = x->output;
	const struct call *call = agora_answer(x);
	struct json_object *response = NULL;
	int64_t status = -1;

	if (call->outcome == CALL_ANSWERED && call->status == 200 &&
	    json_object_object_get_ex(call->json, "serverResponse", &response))
		status = agora_int_member(response, "status", -1);
	if (status == STARTED || status == IN_PROGRESS) {
		object_hide_secrets(response);
		job->server_response = response;
		job->timestamp = agora_timestamp(x);
		return NEXT;
	}
	if (status >= STOP_REQUESTED)
		return agora_bad_answer(x, ERROR_UPSTREAM, "Failed to start recording",
		    "the recording ended before it recorded anything", known(job));
	return query_after(
	    x, x->now + NEXT_QUERY_MS / 1000 > job->wait_until ? INT64_MAX : NEXT_QUERY_MS);
}

/* A job that runs */

static void
take_job(struct exchange *x)
{
	const struct job_request *r = x->input;
	struct job *job = x->output;

	job->channel = r->channel;
	job->uid = r->uid;
	job->resource_id = r->resource_id;
	job->sid = r->sid;
}

/* Agora's answer about a job: what it says is passed on, with its own 206. */
static enum step
job_answered(struct exchange *x, const char *what)
{
	struct job *job = x->output;
	const struct call *call = agora_answer(x);
	struct json_object *response = NULL;
	struct text text;

	/* While Agora moves a recording to another worker it does not find it, for 90 s at most. */
	if (call->outcome == CALL_ANSWERED && call->status == 404)
		response_header(&x->response, "Retry-After", TEXT("10"));
	if (!agora_succeeded(x, what, NULL))
		return ANSWERED;
	if (call->json != NULL &&
	    json_object_object_get_ex(call->json, "serverResponse", &response) &&
	    json_object_is_type(response, json_type_object))
		job->server_response = response;
	text = agora_text_member(x, call->json, "cname");
	if (text.data != NULL)
		job->channel = text;
	text = agora_text_member(x, call->json, "uid");
	if (text.data != NULL)
		job->uid = text;
	job->code = agora_int_member(call->json, "code", 0);
	job->reason = agora_text_member(x, call->json, "reason");
	job->timestamp = agora_timestamp(x);
	if (call->status == 206)
		x->response.status = 206;
	return NEXT;
}

static struct call *
ask_for_place(struct exchange *x, struct text channel, struct text page)
{
	const struct job_request *r = x->input;

	(void)channel, (void)page;
	return agora_call(
	    x, "GET", job_path(x, x->output, r->mode, "query"), CALL_SAFE, recording_pace(x));
}

static bool
is_there(struct exchange *x, struct text channel, struct text *page)
{
	const struct text name = agora_text_member(x, agora_answer(x)->json, "cname");

	(void)page;
	return name.data != NULL && name.length == channel.length &&
	    memcmp(name.data, channel.data, channel.length) == 0;
}

static const struct job_place recording_place = { ask_for_place, is_there, 0 };

/* The first try did it, its answer was lost, and the second found it ending or gone. */
static bool
stopped_before(const struct call *call)
{
	if (call->outcome != CALL_ANSWERED || !call->doubtful)
		return false;
	return call->status == 404 ||
	    (call->status == 400 &&
		agora_int_member(call->json, "code", 0) == CODE_INVALID_OPERATION);
}

static enum step
recording_stopped(struct exchange *x)
{
	struct job *job = x->output;

	if (!stopped_before(agora_answer(x)))
		return job_answered(x, "Failed to stop recording");
	job->timestamp = agora_timestamp(x);
	return NEXT;
}

static enum step
send_stop(struct exchange *x)
{
	const struct job_request *r = x->input;
	struct json_object *request = json_copy(NULL);
	struct call *call;

	if (r->async_stop)
		json_set(request, "async_stop", json_object_new_boolean(true));
	call = agora_call(
	    x, "POST", job_path(x, x->output, r->mode, "stop"), CALL_SAFE, recording_pace(x));
	call->try_ms = r->async_stop ? 0 : STOP_MS;
	agora_compose(x, job_body(x->output, request));
	agora_body(x, call);
	return agora_send(x, call, recording_stopped);
}

enum step
recording_stop(struct exchange *x)
{
	if (!is_on(x))
		return ANSWERED;
	take_job(x);
	return agora_in_place(x, &recording_place, send_stop);
}

static enum step
recording_status_answered(struct exchange *x)
{
	return job_answered(x, "Failed to query recording");
}

static enum step
send_status(struct exchange *x)
{
	const struct job_request *r = x->input;

	return send_query(x, r->mode, 0, recording_status_answered);
}

enum step
recording_status(struct exchange *x)
{
	if (!is_on(x))
		return ANSWERED;
	take_job(x);
	return agora_in_place(x, &recording_place, send_status);
}

static enum step
recording_updated(struct exchange *x)
{
	return job_answered(x, "Failed to update recording");
}

static enum step
send_change(struct exchange *x, const char *verb)
{
	const struct job_request *r = x->input;
	struct call *call;

	call = agora_call(
	    x, "POST", job_path(x, x->output, r->mode, verb), CALL_SAFE, recording_pace(x));
	agora_body(x, call);
	return agora_send(x, call, recording_updated);
}

/* Renames a member to the spelling that Agora's pages use. */
static void
rename_member(struct json_object *object, const char *name)
{
	struct json_object *value = field_member(object, name);

	if (value == NULL || json_object_object_get_ex(object, name, NULL))
		return;
	json_object_get(value);
	json_object_object_foreach(object, spelled, member)
		if (member == value)
			json_object_object_del(object, spelled);
	json_set(object, name, value);
}

/* The lists of streamSubscribe; false: the exchange is answered. */
static bool
tidy_subscription(struct exchange *x, struct json_object *request)
{
	static const char *const lists[] = { "audioUidList", "videoUidList" };
	struct json_object *subscribe = NULL, *list;
	char field[80];

	json_object_object_get_ex(request, "streamSubscribe", &subscribe);
	if (!json_object_is_type(subscribe, json_type_object))
		return true;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		rename_member(subscribe, lists[i]);
		list = field_member(subscribe, lists[i]);
		snprintf(field, sizeof(field), "recordingConfig.streamSubscribe.%s", lists[i]);
		if (json_object_is_type(list, json_type_object) &&
		    !subscription_tidy(x, list, field, false))
			return false;
	}
	return true;
}

static enum step
send_update(struct exchange *x)
{
	return send_change(x, "update");
}

enum step
recording_update(struct exchange *x)
{
	static const char *const kinds[] = { "streamSubscribe", "webRecordingConfig",
		"rtmpPublishConfig", "storageConfig" };
	const struct job_request *r = x->input;
	struct json_object *ignored;
	int given = 0;

	if (!is_on(x))
		return ANSWERED;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		given += json_object_object_get_ex(r->config, kinds[i], &ignored);
	if (given != 1)
		return exchange_fail(x, ERROR_INVALID_FIELD, "recordingConfig",
		    "must hold exactly one of streamSubscribe, webRecordingConfig, "
		    "rtmpPublishConfig and storageConfig");
	take_job(x);
	if (!tidy_subscription(x, r->config))
		return ANSWERED;
	agora_compose(x, job_body(x->output, json_share(r->config)));
	return agora_in_place(x, &recording_place, send_update);
}

static enum step
send_layout(struct exchange *x)
{
	return send_change(x, "updateLayout");
}

enum step
recording_layout(struct exchange *x)
{
	const struct job_request *r = x->input;

	if (!is_on(x))
		return ANSWERED;
	take_job(x);
	agora_compose(x, job_body(x->output, json_share(r->config)));
	return agora_in_place(x, &recording_place, send_layout);
}
