#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agora.h"
#include "clock.h"
#include "json.h"
#include "lists.h"
#include "objects.h"
#include "random.h"
#include "route.h"

#define BOT_EXPIRE AGORA_EXPIRE_MAX /* seconds: a running job cannot take a new token */
#define CALL_EXPIRE 600 /* seconds: longer than a call may take, and clocks may differ */
#define PREFIX_MAX 128  /* characters of fileNamePrefix with its slashes */
#define TEXT_MAX 4096   /* bytes of a text in an answer */
#define REASON_MAX 500  /* bytes of one that is passed on in an error */

/* Settings */

#define AT(member) offsetof(struct rest_settings, member)

static const struct field rest_fields[] = {
	{ "AGORA_CLOUD_RECORDING_URL", FIELD_TEXT, 0, AT(recording_url),
	    .meaning = "turns on /cloud_recording: v1/apps/{appId}/cloud_recording" },
	{ "AGORA_RTT_URL", FIELD_TEXT, 0, AT(rtt_url),
	    .meaning = "turns on /rtt: api/speech-to-text/v1/projects/{appId}" },
	{ "AGORA_RTMP_URL", FIELD_TEXT, 0, AT(rtmp_url),
	    .meaning = "turns on /rtmp/push: v1/projects/{appId}/rtmp-converters" },
	{ "AGORA_CLOUD_PLAYER_URL", FIELD_TEXT, 0, AT(player_url),
	    .meaning = "turns on /rtmp/pull: v1/projects/{appId}/cloud-player" },
};
const struct table rest_settings_table = TEXT_TABLE(rest_fields, struct rest_settings);

#undef AT
#define AT(member) offsetof(struct storage_settings, member)

static const struct choice prefixes[] = { { "off", PREFIX_OURS }, { "channel", PREFIX_CHANNEL },
	{ "any", PREFIX_ANY }, { NULL, 0 } };

static const struct field storage_fields[] = {
	{ "STORAGE_VENDOR", FIELD_INT, 0, AT(vendor), 0, 100, .fallback = -1,
	    .meaning = "who keeps the files: Agora's number, 1 = Amazon S3" },
	{ "STORAGE_REGION", FIELD_INT, 0, AT(region), 0, 100, .fallback = -1,
	    .meaning = "where: Agora's number for that vendor" },
	{ "STORAGE_BUCKET", FIELD_TEXT, 0, AT(bucket), .meaning = "name of the bucket" },
	{ "STORAGE_BUCKET_ACCESS_KEY", FIELD_TEXT, FIELD_FILE | FIELD_SECRET, AT(access_key),
	    .meaning = "its access key" },
	{ "STORAGE_BUCKET_SECRET_KEY", FIELD_TEXT, FIELD_FILE | FIELD_SECRET, AT(secret_key),
	    .meaning = "its secret key" },
	{ "STORAGE_OVERRIDE", FIELD_BOOL, 0, AT(override),
	    .meaning = "true: requests may bring a storageConfig of their own" },
	{ "STORAGE_PREFIX", FIELD_CHOICE, 0, AT(prefix), .choices = prefixes,
	    .fallback = PREFIX_OURS,
	    .meaning = "whether requests may bring a fileNamePrefix: off, channel "
		       "(it begins with the channel's letters and digits) or any" },
};
const struct table storage_settings_table = TEXT_TABLE(storage_fields, struct storage_settings);

/* Regions that exist, a bit each; source: Agora's "Third-party cloud storage regions". */
static const struct {
	int64_t vendor;
	uint32_t regions;
} vendors[] = {
	{ 1, 0x037dffff }, /* 0 to 25 without 17 and 23 */
	{ 2, 0x0fffffff },
	{ 3, 0x000fffff },
	{ 5, 1 },
	{ 6, 1 },
	{ 7, 0x0000ffff },
	{ 8, 0x000000fe },
	{ 11, 1 },
};

bool
storage_vendor_exists(int64_t vendor)
{
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
		if (vendors[i].vendor == vendor)
			return true;
	return false;
}

bool
storage_region_exists(int64_t vendor, int64_t region)
{
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
		if (vendors[i].vendor == vendor)
			return region >= 0 && region < 32 && (vendors[i].regions >> region & 1);
	return false;
}

struct rest_project *
rest_project(const struct exchange *x)
{
	const struct rest *rest = services_of(x)->rest;
	const struct project *wanted = x->admission == NULL ? NULL : x->admission->project;

	for (size_t i = 0; i < rest->project_count; i++)
		if (rest->projects[i].project == wanted)
			return &rest->projects[i];
	return &rest->projects[0];
}

/* JSON */

void
json_set(struct json_object *object, const char *name, struct json_object *value)
{
	if (value == NULL || json_object_object_add(object, name, value) != 0)
		out_of_memory();
}

void
json_append(struct json_object *list, struct json_object *item)
{
	if (item == NULL || json_object_array_add(list, item) != 0)
		out_of_memory();
}

/* json-c counts bytes in int; nothing of ours is as long.  json_write mends what is not UTF-8. */
struct json_object *
json_text(struct text text)
{
	struct json_object *value;

	if (text.length > INT32_MAX)
		text.length = INT32_MAX;
	value = json_object_new_string_len(text.data, (int)text.length);
	if (value == NULL)
		out_of_memory();
	return value;
}

struct json_object *
json_list(void)
{
	struct json_object *list = json_object_new_array();

	if (list == NULL)
		out_of_memory();
	return list;
}

void
json_set_text(struct json_object *object, const char *name, struct text value)
{
	json_set(object, name, json_text(value));
}

void
json_set_int(struct json_object *object, const char *name, int64_t value)
{
	json_set(object, name, json_object_new_int64(value));
}

struct json_object *
json_copy(struct json_object *object)
{
	struct json_object *copy = NULL;

	if (object == NULL)
		copy = json_object_new_object();
	else if (json_object_deep_copy(object, &copy, NULL) != 0)
		copy = NULL;
	if (copy == NULL)
		out_of_memory();
	return copy;
}

struct json_object *
json_share(struct json_object *object)
{
	return object == NULL ? json_copy(NULL) : json_object_get(object);
}

static void
put_json(void *object)
{
	json_object_put(object);
}

struct json_object *
agora_keep(struct exchange *x, struct json_object *object)
{
	exchange_defer(x, put_json, object);
	return object;
}

struct text
agora_text_member(struct exchange *x, struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (object == NULL || !json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value) || value == NULL)
		return (struct text){ NULL, 0 };
	if (!json_object_is_type(value, json_type_string) &&
	    !json_object_is_type(value, json_type_int))
		return (struct text){ NULL, 0 };
	if (json_object_get_string_len(value) > TEXT_MAX)
		return (struct text){ NULL, 0 };
	return arena_copy(&x->arena, text_of(json_object_get_string(value)));
}

int64_t
agora_int_member(struct json_object *object, const char *name, int64_t otherwise)
{
	struct json_object *value = NULL;

	if (object == NULL || !json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, json_type_int))
		return otherwise;
	return json_object_get_int64(value);
}

/* Paths */

static void
free_buf(void *object)
{
	buf_free(object);
}

struct buf *
agora_path(struct exchange *x, struct text url_template, const char *region)
{
	static const char mark[] = "{appId}";
	struct buf *path = arena_alloc(&x->arena, 1, sizeof(*path));
	const char *at = memmem(url_template.data, url_template.length, mark, sizeof(mark) - 1);
	size_t before = at == NULL ? url_template.length : (size_t)(at - url_template.data);

	exchange_defer(x, free_buf, path);
	if (region != NULL)
		buf_printf(path, "/%s", region);
	if (before == 0 || url_template.data[0] != '/')
		buf_text(path, "/");
	buf_add(path, url_template.data, before);
	if (at != NULL) {
		struct text app_id = services_project(x).app_id;
		size_t behind = before + sizeof(mark) - 1;

		buf_add(path, app_id.data, app_id.length);
		buf_add(path, url_template.data + behind, url_template.length - behind);
	}
	while (path->length > 1 && path->data[path->length - 1] == '/')
		path->length--;
	return path;
}

static void
add_escaped(struct buf *path, struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (isalnum(c) || memchr("-_.~", c, 4) != NULL)
			buf_add(path, &c, 1);
		else
			buf_printf(path, "%%%02X", c);
	}
}

void
agora_segment(struct buf *path, struct text id)
{
	buf_text(path, "/");
	add_escaped(path, id);
}

void
agora_query(struct buf *path, char *join, const char *name, struct text value)
{
	if (value.data == NULL)
		return;
	buf_printf(path, "%c%s=", *join, name);
	add_escaped(path, value);
	*join = '&';
}

bool
is_agora_id(struct text value, struct field_error *error)
{
	for (size_t i = 0; i < value.length; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if (!isalnum(c) && memchr("-_.~=", c, 5) == NULL) {
			field_rule(error, "is no id that Agora gave: byte %zu is 0x%02x", i + 1, c);
			return false;
		}
	}
	if (text_is(value, ".") || text_is(value, "..")) {
		field_rule(error, "is no id that Agora gave");
		return false;
	}
	return true;
}

/* Tokens */

/* Absent: the exchange is answered.  Names that no row checked end here, not in a token. */
static struct text
rtc_token(struct exchange *x, struct text channel, struct text uid, int64_t role, uint32_t expire)
{
	const struct token_request request = {
		.kind = TOKEN_RTC, .channel = channel, .uid = uid, .role = role, .expire = expire
	};
	const struct token_settings project = services_project(x);
	struct token_answer answer;
	struct field_error error;

	if (!token_issue(services_of(x), &project, &request, (uint32_t)x->now, token_salt(),
		&x->arena, &answer, &error)) {
		exchange_fail(x, ERROR_INVALID_FIELD, error.field[0] == '\0' ? NULL : error.field,
		    error.rule);
		return (struct text){ NULL, 0 };
	}
	return answer.token;
}

struct text
agora_bot_token(struct exchange *x, struct text channel, struct text uid, bool publish)
{
	return rtc_token(x, channel, uid, publish ? ROLE_PUBLISHER : ROLE_SUBSCRIBER, BOT_EXPIRE);
}

bool
agora_authorize(struct exchange *x, struct call *call, struct text token)
{
	const struct text bound = access_bound(x);
	struct buf header = { 0 };

	if (call->credentials->id.data != NULL)
		return true;
	if (token.data == NULL)
		token = rtc_token(x, bound.data == NULL ? TEXT("*") : bound, TEXT("0"),
		    ROLE_SUBSCRIBER, CALL_EXPIRE);
	if (token.data == NULL)
		return false;
	buf_printf(&header, "agora token=\"%.*s\"", (int)token.length, token.data);
	call->authorization = arena_copy(&x->arena, buf_view(&header));
	buf_wipe(&header);
	buf_free(&header);
	return true;
}

struct text
agora_bot_uid(struct exchange *x, struct text own)
{
	char digits[AGORA_UID_SIZE];

	if (own.data != NULL)
		return own;
	return arena_copy(&x->arena,
	    (struct text){ digits, agora_uid_text(1 + random_below(UINT32_MAX - 1), digits) });
}

/* Calls */

static void
free_call(void *object)
{
	call_free(object);
}

struct pace *
agora_pace(const struct exchange *x, struct budget *budget)
{
	static const char stop[] = ".stop";
	const char *action = x->route->action;
	const size_t length = strlen(action), n = sizeof(stop) - 1;

	return length > n && strcmp(action + length - n, stop) == 0 ? &budget->all
								    : &budget->others;
}

int64_t
agora_time_left(const struct exchange *x)
{
	const struct services *s = x->context;

	return s->rest->call_ms - (monotonic_us() - x->began) / 1000;
}

struct call *
agora_call(struct exchange *x, const char *method, const struct buf *path, enum call_repeat repeat,
    struct pace *pace)
{
	struct call *call = arena_alloc(&x->arena, 1, sizeof(*call));

	exchange_defer(x, free_call, call);
	call->method = method;
	call->path = buf_view(path);
	call->credentials = &rest_project(x)->credentials;
	call->repeat = repeat;
	call->pace = pace;
	call->room = x->room;
	/* Calls follow one another in an exchange and share its time. */
	call->total_ms = agora_time_left(x);
	if (call->total_ms < 1)
		call->total_ms = 1;
	return call;
}

void
agora_compose(struct exchange *x, struct json_object *body)
{
	struct buf text = { 0 };

	json_write(&text, body);
	json_object_put(body);
	buf_wipe(&x->sent);
	buf_fit(&x->sent, text.length);
	buf_add(&x->sent, text.data, text.length);
	buf_wipe(&text);
	buf_free(&text);
}

void
agora_body(struct exchange *x, struct call *call)
{
	call->body = buf_view(&x->sent);
}

static bool
changes_something(const struct call *call)
{
	return strcmp(call->method, "GET") != 0 && call->pace != NULL;
}

static void
forget_lists(struct exchange *x, const struct call *call)
{
	if (changes_something(call))
		lists_forget(services_of(x)->rest->lists, call->credentials, call->pace->api);
}

static void
call_done(struct call *call)
{
	forget_lists(call->owner, call);
	access_note_call(call->owner, NULL);
	exchange_go_on(call->owner);
}

static void
cancel(struct exchange *x)
{
	const struct sender *sender = &services_of(x)->rest->sender;

	sender->cancel(sender->owner, x->call);
}

/* Whether the segment is . or .. for whoever decodes it, once or more often. */
static bool
is_dots(struct text segment)
{
	size_t dots = 0;

	while (segment.length > 0) {
		size_t n = 1;

		if (segment.data[0] == '%') {
			while (segment.length - n >= 2 && memcmp(segment.data + n, "25", 2) == 0)
				n += 2;
			if (segment.length - n < 2 || segment.data[n] != '2' ||
			    (segment.data[n + 1] | 0x20) != 'e')
				return false;
			n += 2;
		} else if (segment.data[0] != '.') {
			return false;
		}
		dots++;
		segment = (struct text){ segment.data + n, segment.length - n };
	}
	return dots == 1 || dots == 2;
}

static bool
has_dots(struct text path)
{
	const char *mark = memchr(path.data, '?', path.length);

	if (mark != NULL)
		path.length = (size_t)(mark - path.data);
	while (path.length > 0) {
		const char *slash = memchr(path.data, '/', path.length);
		size_t n = slash == NULL ? path.length : (size_t)(slash - path.data);

		if (is_dots((struct text){ path.data, n }))
			return true;
		n += slash == NULL ? 0 : 1;
		path = (struct text){ path.data + n, path.length - n };
	}
	return false;
}

bool
agora_may_send(struct exchange *x, const struct call *call)
{
	if (services_of(x)->rest->sender.send == NULL)
		exchange_fail(x, ERROR_NOT_CONFIGURED, NULL,
		    "this program makes no calls to Agora: AGORA_BASE_URL or AGORA_AREA is not "
		    "set, "
		    "or it was built without them");
	else if (has_dots(call->path))
		exchange_fail(x, ERROR_INVALID_FIELD, NULL,
		    "a name that is . or .. cannot stand in a path of Agora's");
	else
		return true;
	return false;
}

void
agora_settle(struct exchange *x, struct call *call)
{
	if (!x->settled) {
		access_settle(x);
		exchange_release(x, put_json); /* what bodies were made of */
	} else if (x->call != NULL && x->call != call) {
		call_free(x->call); /* the answer before */
	}
	exchange_settle(x);
	/* What is passed on of the request, as it was kept. */
	call->request_id = x->request.id;
	call->traceparent = x->request.traceparent;
	call->tracestate = x->request.tracestate;
}

enum step
agora_send(struct exchange *x, struct call *call, enum step (*next)(struct exchange *))
{
	const struct rest *rest = services_of(x)->rest;

	if (!agora_may_send(x, call))
		return ANSWERED;
	agora_settle(x, call);
	call->done = call_done;
	call->owner = x;
	x->call = call;
	x->next = next;
	x->cancel = cancel;
	forget_lists(x, call);
	access_note_call(x, call);
	rest->sender.send(rest->sender.owner, call);
	return WAITING;
}

struct call *
agora_answer(struct exchange *x)
{
	return x->call;
}

bool
agora_configured(struct exchange *x, struct text value, const char *setting)
{
	char rule[96];

	if (value.data != NULL)
		return true;
	snprintf(rule, sizeof(rule), "%s is not set, so this feature is off", setting);
	exchange_fail(x, ERROR_NOT_CONFIGURED, NULL, rule);
	return false;
}

/*
 * Agora repeats parts of requests in its errors: what is secret in them is struck out, where they
 * lie, since it is longer than what takes its place.
 */
static void
strike(struct buf *text, size_t at, size_t length)
{
	static const char mark[] = "***";
	const size_t rest = at + length;

	memcpy(text->data + at, mark, sizeof(mark) - 1);
	memmove(text->data + at + sizeof(mark) - 1, text->data + rest, text->length - rest);
	text->length -= length - (sizeof(mark) - 1);
}

static void
strike_secret(struct buf *text, struct text secret)
{
	const char *at;

	while (secret.length >= 4 && text->length > 0 &&
	    (at = memmem(text->data, text->length, secret.data, secret.length)) != NULL)
		strike(text, (size_t)(at - text->data), secret.length);
}

/* Words that look like a token: "007eJ..." to the next byte that cannot be in one. */
static void
strike_tokens(struct buf *text)
{
	for (size_t from = 0; from + 40 < text->length; from += 3) {
		const char *at = memmem(text->data + from, text->length - from, "007", 3);
		const char *end = text->data + text->length;
		size_t n = 0;

		if (at == NULL)
			return;
		from = (size_t)(at - text->data);
		while (at + n < end &&
		    (isalnum((unsigned char)at[n]) || memchr("+/=", at[n], 3) != NULL))
			n++;
		if (n > 40)
			strike(text, from, n);
	}
}

/* A text that the request has under this name. */
static void
strike_text(struct buf *text, const char *name, struct text value)
{
	if (object_is_secret(name))
		strike_secret(text, value);
	if (object_is_stream_url(name)) {
		strike_secret(text, stream_url_key(value));
		strike_secret(text, stream_url_user(value));
	}
}

/* Its texts at any depth. */
static void
strike_members(struct buf *text, const char *name, struct json_object *value)
{
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, inner, member)
			strike_members(text, inner, member);
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			strike_members(text, name, json_object_array_get_idx(value, i));
	} else if (json_object_is_type(value, json_type_string)) {
		strike_text(text, name, text_of(json_object_get_string(value)));
	}
}

/* What is secret in the request: in its input, and in what it had sent on. */
static void
strike_request(struct exchange *x, struct buf *text)
{
	const struct table *table = x->route->input;
	struct json_error error;
	struct json_object *sent;

	for (size_t i = 0; table != NULL && i < table->count; i++) {
		const struct field *f = &table->fields[i];
		const char *at = (const char *)x->input + f->offset;

		if (f->kind == FIELD_TEXT && ((const struct text *)(const void *)at)->data != NULL)
			strike_text(text, f->name, *(const struct text *)(const void *)at);
	}
	sent = json_read(buf_view(&x->sent), 0, &error);
	strike_members(text, "", sent);
	json_object_put(sent);
}

/* The text is the exchange's own. */
static struct text
redacted(struct exchange *x, const struct call *call, struct text said)
{
	const struct services *s = services_of(x);
	struct buf text = { (char *)(uintptr_t)said.data, said.length, said.length };

	if (said.data == NULL)
		return said;
	strike_secret(&text, services_project(x).certificate);
	strike_secret(&text, s->rest->storage.access_key);
	strike_secret(&text, s->rest->storage.secret_key);
	for (size_t i = 0; i < 2 && call->credentials != NULL; i++)
		strike_secret(&text, call->credentials->secrets[i]);
	strike_request(x, &text);
	strike_tokens(&text);
	return (struct text){ text.data, text.length > REASON_MAX ? REASON_MAX : text.length };
}

static struct error_upstream
what_agora_said(struct exchange *x, const struct call *call)
{
	static const char *const reasons[] = { "reason", "message", "detail" };
	struct error_upstream said = { .status = call->status };
	size_t i;

	said.code = agora_text_member(x, call->json, "code");
	for (i = 0; i < 3 && said.reason.data == NULL; i++)
		said.reason = redacted(x, call, agora_text_member(x, call->json, reasons[i]));
	for (; i < 3 && said.detail.data == NULL; i++)
		said.detail = redacted(x, call, agora_text_member(x, call->json, reasons[2]));
	if (call->agora_request_id[0] != '\0')
		said.request_id = text_of(call->agora_request_id);
	return said;
}

static void
answer_error(struct exchange *x, enum http_error error, int status, const char *what,
    struct text why, const struct error_upstream *said, struct json_object *known)
{
	struct buf sentence = { 0 };

	buf_printf(&sentence, "%s: %.*s", what, (int)why.length, why.data);
	buf_add(&sentence, "", 1);
	response_error_upstream(
	    &x->response, error, status, sentence.data, x->request.id, said, known);
	buf_free(&sentence);
}

/* An earlier try of a start may have been carried out, whatever came of the last one. */
static bool
may_run(const struct call *call)
{
	return call->doubtful && call->repeat != CALL_SAFE;
}

static void
retry_later(struct exchange *x, const struct call *call)
{
	response_retry_after(
	    &x->response, (call->retry_after > 0 ? call->retry_after : 1) * 1000000);
}

static void
fail_with_answer(
    struct exchange *x, const char *what, const struct call *call, struct json_object *known)
{
	struct error_upstream said = what_agora_said(x, call);
	struct text why = said.reason;
	bool kept = call->status == 400 || call->status == 404 || call->status == 409 ||
	    call->status == 422 || call->status == 429;

	if (may_run(call)) {
		answer_error(x, ERROR_UNKNOWN_OUTCOME, 0, what,
		    TEXT("it may be running: an answer of Agora's was lost, or was an error of its "
			 "own"),
		    &said, known);
		return;
	}
	if (call->status < 300) {
		answer_error(x, ERROR_UPSTREAM, 0, what,
		    TEXT("Agora's answer is not the JSON object that it should be"), &said, known);
		return;
	}
	if (call->status == 401 || call->status == 403) {
		answer_error(x, ERROR_UPSTREAM_AUTH, 0, what,
		    call->authorization.data != NULL
			? TEXT("Agora does not accept a token of this server's App ID and "
			       "certificate, or the feature is not enabled for the project")
			: TEXT("Agora does not accept this server's customer id and secret, or the "
			       "feature is not enabled for the project"),
		    &said, known);
		return;
	}
	if (why.data == NULL)
		why = TEXT("Agora gave no reason");
	if (call->status == 429)
		retry_later(x, call);
	if (kept)
		answer_error(x, ERROR_UPSTREAM_REFUSED, call->status, what, why, &said, known);
	else
		answer_error(x, ERROR_UPSTREAM, 0, what, why, &said, known);
}

bool
agora_succeeded(struct exchange *x, const char *what, struct json_object *known)
{
	const struct call *call = agora_answer(x);
	bool succeeded = call->outcome == CALL_ANSWERED && call->status >= 200 &&
	    call->status < 300 &&
	    (json_object_is_type(call->json, json_type_object) || call->empty);
	enum call_outcome outcome = call->outcome;

	if (outcome != CALL_ANSWERED && may_run(call))
		outcome = CALL_UNKNOWN;
	switch (outcome) {
	case CALL_ANSWERED:
		if (succeeded)
			object_hide_secrets(call->json);
		else
			fail_with_answer(x, what, call, known);
		break;
	case CALL_NOT_DONE:
		answer_error(x, ERROR_UPSTREAM_TIMEOUT, 0, what,
		    text_of(call->failure == NULL ? "no answer came" : call->failure), NULL, known);
		break;
	case CALL_UNKNOWN:
		answer_error(x, ERROR_UNKNOWN_OUTCOME, 0, what,
		    TEXT("it may be running or not: the request was sent and no answer came"), NULL,
		    known);
		break;
	case CALL_CROWDED:
		response_header(&x->response, "Retry-After", TEXT("1"));
		answer_error(x, ERROR_OVERLOADED, 0, what,
		    text_of(call->failure == NULL ? "too many calls to Agora in progress"
						  : call->failure),
		    NULL, known);
		break;
	case CALL_PACED:
		retry_later(x, call);
		answer_error(x, ERROR_RATE_LIMITED, 0, what,
		    TEXT("Agora takes no more requests a second or minute than it has had"), NULL,
		    known);
		break;
	}
	json_object_put(known);
	return succeeded;
}

bool
agora_deleted(struct exchange *x, const char *what)
{
	const struct call *call = agora_answer(x);

	/* The first try did it, its answer was lost, and the second found nothing more. */
	if (call->outcome == CALL_ANSWERED && call->status == 404 && call->doubtful)
		return true;
	return agora_succeeded(x, what, NULL);
}

static enum step place_answered(struct exchange *x);

static enum step
ask_for_place(struct exchange *x, struct text page)
{
	const struct job_place *place = x->admission->place;
	struct call *call = place->ask(x, access_bound(x), page);

	if (call == NULL)
		return ANSWERED;
	return place->keep_ms > 0 ? lists_ask(x, call, place->keep_ms, place_answered)
				  : agora_send(x, call, place_answered);
}

static enum step
place_answered(struct exchange *x)
{
	const struct admission *a = x->admission;
	struct text page = { NULL, 0 };

	if (!agora_succeeded(x, "Failed to look the job up", NULL))
		return ANSWERED;
	if (a->place->is_there(x, access_bound(x), &page))
		return a->then(x);
	if (page.length > 0)
		return ask_for_place(x, page);
	return access_out_of_bounds(x);
}

enum step
agora_in_place(
    struct exchange *x, const struct job_place *place, enum step (*then)(struct exchange *))
{
	if (access_bound(x).data == NULL)
		return then(x);
	x->admission->place = place;
	x->admission->then = then;
	return ask_for_place(x, (struct text){ NULL, 0 });
}

size_t
agora_slot(struct text id)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < id.length; i++)
		hash = hash * 31 + (unsigned char)id.data[i];
	return hash % JOB_SLOTS;
}

int64_t
agora_sequence(struct exchange *x, struct text id)
{
	int64_t *last = &services_of(x)->rest->sequences[agora_slot(id)];

	*last = x->now > *last ? x->now : *last + 1;
	return *last;
}

/* Letters, digits, - and _: what all products allow in a name. */
struct text
agora_job_name(struct exchange *x)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char name[25] = "agora-";

	for (size_t i = 6; i < sizeof(name) - 1; i++)
		name[i] = digits[random_below(sizeof(digits) - 1)];
	name[sizeof(name) - 1] = '\0';
	return arena_copy(&x->arena, text_of(name));
}

enum step
agora_bad_answer(struct exchange *x, enum http_error error, const char *what, const char *why,
    struct json_object *known)
{
	const struct call *call = agora_answer(x);
	struct error_upstream said = what_agora_said(x, call);

	answer_error(x, error, 0, what, text_of(why), &said, known);
	json_object_put(known);
	return ANSWERED;
}

/* Values */

struct text
agora_timestamp(struct exchange *x)
{
	char text[32];
	time_t now = (time_t)x->now;
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_copy(&x->arena, text_of(text));
}

/* The channel's letters and digits, as far as they are a folder: Agora allows no others. */
static void
channel_folder(struct text channel, char folder[static PREFIX_MAX - 16 - 1])
{
	size_t n = 0;

	for (size_t i = 0; i < channel.length && n < PREFIX_MAX - 16 - 2; i++)
		if (isalnum((unsigned char)channel.data[i]))
			folder[n++] = channel.data[i];
	folder[n] = '\0';
}

/* [channel's folder, YYYYMMDD, HHMMSS] */
static struct json_object *
file_name_prefix(struct exchange *x, struct text channel)
{
	struct json_object *list = json_list();
	char name[PREFIX_MAX - 16 - 1], date[16], hour[16];
	time_t now = (time_t)x->now;
	struct tm tm;

	channel_folder(channel, name);
	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y%m%d", &tm);
	strftime(hour, sizeof(hour), "%H%M%S", &tm);
	if (name[0] != '\0')
		json_append(list, json_text(text_of(name)));
	json_append(list, json_text(text_of(date)));
	json_append(list, json_text(text_of(hour)));
	return list;
}

/* Agora's rule: letters and digits, PREFIX_MAX characters with the slashes between. */
static bool
is_prefix(struct json_object *list)
{
	size_t length = 0;

	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		const char *folder;

		if (!json_object_is_type(item, json_type_string))
			return false;
		folder = json_object_get_string(item);
		for (size_t n = 0; folder[n] != '\0'; n++)
			if (!isalnum((unsigned char)folder[n]))
				return false;
		if (folder[0] == '\0')
			return false;
		length += strlen(folder) + 1;
	}
	return length - 1 <= PREFIX_MAX;
}

/* Whether the request may name its files so; false: the exchange is answered. */
static bool
check_prefix(struct exchange *x, struct json_object *prefix, struct text channel)
{
	const struct storage_settings *s = &services_of(x)->rest->storage;
	char folder[PREFIX_MAX - 16 - 1];
	const char *rule = NULL;

	channel_folder(channel, folder);
	if (s->prefix == PREFIX_OURS)
		rule = "is not taken: this server names the files itself (STORAGE_PREFIX)";
	else if (!is_prefix(prefix))
		rule = "must be a list of folders, letters and digits each, at most 128 characters "
		       "with the slashes between them";
	else if ((s->prefix == PREFIX_CHANNEL || access_bound(x).data != NULL) &&
	    strcmp(json_object_get_string(json_object_array_get_idx(prefix, 0)), folder) != 0)
		rule = "must begin with the channel's letters and digits";
	if (rule != NULL)
		exchange_fail(x, ERROR_INVALID_FIELD, "fileNamePrefix", rule);
	return rule == NULL;
}

static bool
is_set(struct exchange *x, int64_t number, const char *setting)
{
	return agora_configured(x, number < 0 ? (struct text){ NULL, 0 } : TEXT(""), setting);
}

static bool
refuse_storage(
    struct exchange *x, const char *field, const char *member, bool missing, const char *rule)
{
	char path[96];

	snprintf(path, sizeof(path), "%s%s%s", field, member == NULL ? "" : ".",
	    member == NULL ? "" : member);
	exchange_fail(x, missing ? ERROR_MISSING_FIELD : ERROR_INVALID_FIELD, path, rule);
	return false;
}

/* A storage of the request's own: each member that Agora needs, by its name. */
static bool
check_own_storage(struct exchange *x, const char *field, struct json_object *own)
{
	static const struct {
		const char *name;
		json_type type;
	} needed[] = { { "vendor", json_type_int }, { "region", json_type_int },
		{ "bucket", json_type_string }, { "accessKey", json_type_string },
		{ "secretKey", json_type_string } };
	struct json_object *value;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		json_object_object_get_ex(own, needed[i].name, &value);
		if (value == NULL)
			return refuse_storage(x, field, needed[i].name, true, "is required");
		if (!json_object_is_type(value, needed[i].type))
			return refuse_storage(x, field, needed[i].name, false,
			    needed[i].type == json_type_int ? "must be a whole number"
							    : "must be a string");
	}
	if (!storage_vendor_exists(agora_int_member(own, "vendor", -1)))
		return refuse_storage(
		    x, field, "vendor", false, "is not a vendor of Agora's table");
	if (!storage_region_exists(
		agora_int_member(own, "vendor", -1), agora_int_member(own, "region", -1)))
		return refuse_storage(
		    x, field, "region", false, "is not a region of that vendor in Agora's table");
	if (json_object_object_get_ex(own, "fileNamePrefix", &value) && value != NULL &&
	    !is_prefix(value))
		return refuse_storage(x, field, "fileNamePrefix", false,
		    "must be a list of folders, letters and digits each, at most 128 characters "
		    "with the slashes between them");
	return true;
}

/* A storageConfig that only names the files: its prefix.  Else NULL. */
static struct json_object *
prefix_alone(struct json_object *own)
{
	struct json_object *prefix = NULL;

	if (own == NULL || json_object_object_length(own) != 1)
		return NULL;
	json_object_object_get_ex(own, "fileNamePrefix", &prefix);
	return prefix;
}

struct json_object *
agora_storage(struct exchange *x, const char *field, struct json_object *own,
    struct json_object *prefix, struct text channel)
{
	const struct storage_settings *s = &services_of(x)->rest->storage;
	struct json_object *storage;

	if (prefix == NULL && prefix_alone(own) != NULL) {
		prefix = prefix_alone(own);
		own = NULL;
	}
	if (own != NULL && !s->override) {
		refuse_storage(x, field, NULL, false, STORAGE_IS_OURS);
		return NULL;
	}
	if (own != NULL && prefix != NULL) {
		exchange_fail(x, ERROR_INVALID_FIELD, "fileNamePrefix",
		    "goes into the storage that the request brings");
		return NULL;
	}
	if (own == NULL &&
	    (!is_set(x, s->vendor, "STORAGE_VENDOR") || !is_set(x, s->region, "STORAGE_REGION") ||
		!agora_configured(x, s->bucket, "STORAGE_BUCKET") ||
		!agora_configured(x, s->access_key, "STORAGE_BUCKET_ACCESS_KEY") ||
		!agora_configured(x, s->secret_key, "STORAGE_BUCKET_SECRET_KEY")))
		return NULL;
	if ((own != NULL && !check_own_storage(x, field, own)) ||
	    (prefix != NULL && !check_prefix(x, prefix, channel)))
		return NULL;
	storage = json_share(own);
	if (own == NULL) {
		json_set_int(storage, "vendor", s->vendor);
		json_set_int(storage, "region", s->region);
		json_set_text(storage, "bucket", s->bucket);
		json_set_text(storage, "accessKey", s->access_key);
		json_set_text(storage, "secretKey", s->secret_key);
	}
	if (prefix != NULL)
		json_set(storage, "fileNamePrefix", json_copy(prefix));
	else if (json_object_object_get(storage, "fileNamePrefix") == NULL)
		json_set(storage, "fileNamePrefix", file_name_prefix(x, channel));
	return storage;
}
