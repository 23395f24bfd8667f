#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "agora.h"
#include "app.h"
#include "examples.h"
#include "explain.h"
#include "json.h"
#include "names.h"
#include "openapi.h"
#include "rtmp.h"
#include "status.h"
#include "system.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ANY_CHOICE (~UINT64_C(0))

/* What a table describes. */
enum use {
	BODY,  /* members of a request's body */
	QUERY, /* parameters in the query or the path, which are text */
	ANSWER,
};

struct document {
	struct buf *out;
	const struct route *routes;
	size_t count;
};

/* Endpoints of one kind, by how their paths begin. */
static const struct {
	const char *path, *name, *meaning;
} tags[] = {
	{ "/getToken", "Tokens", "Tokens that clients join, log in and publish with" },
	{ "/token", "Tokens", NULL },
	{ "/fetchToken", "Tokens", NULL },
	{ "/rtc", "Tokens", NULL },
	{ "/rtm", "Tokens", NULL },
	{ "/rte", "Tokens", NULL },
	{ "/chat", "Tokens", NULL },
	{ "/cloud_recording", "Recording", "Agora's cloud recording" },
	{ "/rtt", "Transcription", "Agora's real-time transcription" },
	{ "/rtmp/push", "Media push", "Channels sent to RTMP servers" },
	{ "/rtmp/pull", "Media pull", "Streams played into channels" },
	{ "/me", "Access", "Who asks, and what may be asked for" },
	{ "/policy", "Access", NULL },
	{ "/", "Service", "Whether it runs, and what it counts" },
};

/* Headers of answers, beside those of HTTP and of CORS. */
static const struct {
	const char *name, *type, *meaning;
	bool always;
	int statuses[4]; /* of the answers that may have it; { 0 }: all */
} headers[] = {
	{ "X-Request-ID", "string", "the request's id, as in the log", true, { 0 } },
	{ "X-Timestamp", "string", "when it was answered, in UTC", false, { 0 } },
	{ "WWW-Authenticate", "string", "what credentials are wanted", false, { 401 } },
	{ "Retry-After", "integer", "seconds after which to try again", false,
	    { 403, 404, 429, 503 } },
};

/* What checks of names want, as regular expressions (ECMA-262). */
#define RTC_LEGAL "A-Za-z0-9 !#$%&()+\\-:;<=.>?@\\[\\]\\^_{}|~,"
static const struct {
	bool (*check)(struct text value, struct field_error *error);
	const char *pattern;
} patterns[] = {
	{ name_is_rtc, "^[" RTC_LEGAL "*]*$" },
	{ name_is_channel, "^[" RTC_LEGAL "]*$" },
	{ name_is_room, "^[" RTC_LEGAL "]*$" },
	{ name_is_rtm_user, "^(?!0$)[" RTC_LEGAL "]*$" },
	{ name_is_chat_user, "^(?!0$)[a-z0-9_\\-.]*$" },
	{ name_is_job, "^[A-Za-z0-9_\\-]*$" },
	{ name_is_uid, "^[0-9]+$" },
	{ is_agora_id, "^[A-Za-z0-9\\-_.~=]*$" },
	{ is_ipv4, "^[0-9]+(\\.[0-9]+){3}$" },
	{ is_stream_url, "^[!-~]*://[!-~]*$" },
};

/* A member that access control reads, of each request that it looks at. */
static const struct field project_field = { "project", FIELD_TEXT,
	.meaning = "which of the policy's projects; absent = the default one" };

static const char about[] =
    "Issues access tokens for Agora apps, and starts and stops Agora's cloud services.\n\n"
    "A body is one JSON object, whatever its Content-Type says. Names of members and of query "
    "parameters match in any case, and members that are not described here are ignored. Each "
    "path answers with and without a slash at its end, and HEAD where there is GET. Lengths of "
    "text are in bytes of UTF-8.\n\n"
    "Every error is one JSON object of the same shape, also where the web server in front "
    "answers. Every answer has the header X-Request-ID: the client's own, if it sent one that is "
    "well formed.\n\n"
    "Without a policy the service is open, and needs no credentials.";

/* Writing JSON */

/* A comma, where something of the same object or array stands before. */
static void
separate(struct buf *out)
{
	const char last = out->length == 0 ? '[' : out->data[out->length - 1];

	if (last != '{' && last != '[' && last != ':')
		buf_text(out, ",");
}

static void
put_name(struct buf *out, const char *name)
{
	separate(out);
	buf_json(out, text_of(name));
	buf_text(out, ":");
}

/* An object or array; name is NULL within an array. */
static void
begin(struct buf *out, const char *name, const char *bracket)
{
	if (name == NULL)
		separate(out);
	else
		put_name(out, name);
	buf_text(out, bracket);
}

static void
put_text(struct buf *out, const char *name, const char *value)
{
	put_name(out, name);
	buf_json(out, text_of(value));
}

static void
put_number(struct buf *out, const char *name, int64_t value)
{
	put_name(out, name);
	buf_number(out, value);
}

static void
put_item(struct buf *out, const char *value)
{
	separate(out);
	buf_json(out, text_of(value));
}

static void
put_true(struct buf *out, const char *name, bool value)
{
	put_name(out, name);
	buf_text(out, value ? "true" : "false");
}

/* Paths */

/* The next segment, after its slash; data is NULL at the end. */
static struct text
next_segment(const char **path)
{
	struct text segment = { NULL, 0 };

	if (**path == '/') {
		segment.data = *path + 1;
		segment.length = strcspn(segment.data, "/");
		*path = segment.data + segment.length;
	}
	return segment;
}

static bool
is_captured(const char *path, const char *name)
{
	for (struct text s = next_segment(&path); s.data != NULL; s = next_segment(&path))
		if (s.data[0] == ':' && text_is((struct text){ s.data + 1, s.length - 1 }, name))
			return true;
	return false;
}

/* "/rtt/stop/{taskId}" */
static void
put_path(struct buf *out, const char *path)
{
	struct buf shown = { 0 };

	for (struct text s = next_segment(&path); s.data != NULL; s = next_segment(&path)) {
		if (s.data[0] == ':')
			buf_printf(&shown, "/{%.*s}", (int)s.length - 1, s.data + 1);
		else
			buf_printf(&shown, "/%.*s", (int)s.length, s.data);
	}
	separate(out);
	buf_json(out, buf_view(&shown));
	buf_text(out, ":");
	buf_free(&shown);
}

/* The path's words: "rtt_stop", or in the manner of a type "RttStop". */
static void
add_words(struct buf *name, const char *path, bool as_type)
{
	bool first = true;

	for (struct text s = next_segment(&path); s.data != NULL; s = next_segment(&path)) {
		bool begins = true;

		if (s.data[0] == ':')
			continue;
		if (!as_type && !first)
			buf_text(name, "_");
		first = false;
		for (size_t i = 0; i < s.length; i++) {
			char c = s.data[i];

			if (!isalnum((unsigned char)c)) {
				begins = true;
				if (as_type)
					continue;
				c = '_';
			}
			if (as_type && begins)
				c = (char)toupper((unsigned char)c);
			begins = !isalnum((unsigned char)c);
			buf_add(name, &c, 1);
		}
	}
}

/* Two paths differ in their captures alone: the last of them goes into the name. */
static void
put_operation_id(const struct document *d, const struct route *row)
{
	struct buf id = { 0 };
	const char *last = strrchr(row->path, ':');

	for (const char *c = row->method; *c != '\0'; c++) {
		char lower = (char)tolower((unsigned char)*c);

		buf_add(&id, &lower, 1);
	}
	buf_text(&id, "_");
	add_words(&id, row->path, false);
	for (const struct route *r = d->routes; r < row; r++) {
		struct buf words = { 0 }, own = { 0 };

		add_words(&words, r->path, false);
		add_words(&own, row->path, false);
		if (strcmp(r->method, row->method) == 0 && last != NULL &&
		    words.length == own.length && memcmp(words.data, own.data, own.length) == 0)
			buf_printf(&id, "_%s", last + 1);
		buf_free(&words);
		buf_free(&own);
	}
	put_name(d->out, "operationId");
	buf_json(d->out, buf_view(&id));
	buf_free(&id);
}

static const char *
tag_of(const char *path)
{
	for (size_t i = 0; i < COUNT(tags); i++) {
		const size_t length = strlen(tags[i].path);

		if (length == 1 ||
		    (strncmp(path, tags[i].path, length) == 0 &&
			(path[length] == '\0' || path[length] == '/')))
			return tags[i].name;
	}
	return NULL;
}

/* Fields */

static void
put_description(struct buf *out, const struct field *f)
{
	struct buf text = { 0 };

	if (f->meaning == NULL)
		return;
	buf_text(&text, f->meaning);
	if (f->unit != NULL && strstr(f->meaning, f->unit) == NULL)
		buf_printf(&text, " (%s)", f->unit);
	put_name(out, "description");
	buf_json(out, buf_view(&text));
	buf_free(&text);
}

static void
put_text_rules(struct buf *out, const struct field *f)
{
	if (f->max > 0 && f->min > 0)
		put_number(out, "minLength", 1); /* so many bytes may be fewer characters */
	if (f->max > 0 && f->kind != FIELD_TEXTS)
		put_number(out, "maxLength", f->max);
	for (size_t i = 0; f->check != NULL && i < COUNT(patterns); i++)
		if (patterns[i].check == f->check)
			put_text(out, "pattern", patterns[i].pattern);
	if (f->flags & FIELD_SECRET)
		put_text(out, "format", "password");
}

static void
put_string_or(struct buf *out, const char *other)
{
	begin(out, "type", "[");
	put_item(out, "string");
	put_item(out, other);
	buf_text(out, "]");
}

static void
put_number_rules(struct buf *out, const struct field *f, enum use use)
{
	put_text(out, "type", "integer");
	if (f->min == 0 && f->max == 0)
		return;
	put_number(out, "minimum", f->min);
	if (f->max < INT64_MAX) /* which no client has as a number */
		put_number(out, "maximum", f->max);
	if (use != ANSWER && f->fallback != 0 && f->fallback >= f->min && f->fallback <= f->max)
		put_number(out, "default", f->fallback);
}

/* Names that are digits may be numbers in a body.  Only those of one value, where it is decided. */
static void
put_choices(struct buf *out, const struct field *f, enum use use, uint64_t decided)
{
	uint64_t n;

	begin(out, "enum", "[");
	for (const struct choice *c = f->choices; c->name != NULL; c++) {
		if ((f->flags & FIELD_DECIDES) && !(decided & UINT64_C(1) << c->value))
			continue;
		put_item(out, c->name);
		if (use == BODY && text_number(text_of(c->name), INT64_MAX, &n)) {
			separate(out);
			buf_text(out, c->name);
		}
	}
	buf_text(out, "]");
	for (const struct choice *c = f->choices; use != ANSWER && c->name != NULL; c++)
		if (c->value == f->fallback && !(f->flags & FIELD_REQUIRED) &&
		    (!(f->flags & FIELD_DECIDES) || (decided & UINT64_C(1) << c->value))) {
			put_text(out, "default", c->name);
			return;
		}
}

static void put_object(
    struct buf *out, const struct table *table, enum use use, const char *path, uint64_t decided);

static void
put_list(struct buf *out, const struct field *f, enum use use)
{
	if (f->flags & FIELD_OR_ONE)
		put_string_or(out, "array");
	else
		put_text(out, "type", "array");
	if (f->max > 0)
		put_number(out, "maxItems", f->max);
	begin(out, "items", "{");
	if (f->kind == FIELD_LIST) {
		put_object(out, f->nested, use, "", ANY_CHOICE);
	} else if (f->kind == FIELD_NAMES) {
		put_string_or(out, "null");
	} else {
		put_text(out, "type", "string");
		put_text_rules(out, f);
	}
	buf_text(out, "}");
}

/* The members of a schema. */
static void
put_schema(struct buf *out, const struct field *f, enum use use, uint64_t decided)
{
	switch (f->kind) {
	case FIELD_TEXT:
		put_text(out, "type", "string");
		put_text_rules(out, f);
		return;
	case FIELD_NAME: put_string_or(out, "null"); return;
	case FIELD_ID:
		if (use == BODY) {
			put_string_or(out, "integer");
			put_number(out, "minimum", 0);
			put_number(out, "maximum", UINT32_MAX);
		} else {
			put_text(out, "type", "string");
		}
		put_text_rules(out, f);
		return;
	case FIELD_INT: put_number_rules(out, f, use); return;
	case FIELD_CHOICE: put_choices(out, f, use, decided); return;
	case FIELD_BOOL: put_text(out, "type", "boolean"); return;
	case FIELD_MAYBE:
		begin(out, "type", "[");
		put_item(out, "boolean");
		put_item(out, "null");
		buf_text(out, "]");
		return;
	case FIELD_OBJECT: put_object(out, f->nested, use, "", ANY_CHOICE); return;
	case FIELD_LIST:
	case FIELD_TEXTS:
	case FIELD_NAMES: put_list(out, f, use); return;
	case FIELD_JSON: put_text(out, "type", "object"); return;
	case FIELD_JSONS:
		put_text(out, "type", "array");
		begin(out, "items", "{}");
		return;
	case FIELD_MAP:
		put_text(out, "type", "object");
		begin(out, "additionalProperties", "{");
		put_object(out, f->nested, use, "", ANY_CHOICE);
		buf_text(out, "}");
		return;
	}
}

static bool
applies(const struct field *f, uint64_t decided)
{
	return f->when == 0 || (f->when & decided) != 0;
}

/* What a decision is when nothing is said is of no other choice than that. */
static bool
is_required(const struct field *f, enum use use, uint64_t decided)
{
	if (f->flags & FIELD_REQUIRED)
		return true;
	if (f->flags & FIELD_DECIDES)
		return (decided & UINT64_C(1) << f->fallback) == 0;
	return use == ANSWER && !(f->flags & FIELD_OMIT) &&
	    (f->kind == FIELD_INT || f->kind == FIELD_CHOICE || f->kind == FIELD_BOOL);
}

/* What stands beside a name that JSON cannot hold. */
static void
put_hex(struct buf *out, const struct field *f)
{
	struct buf name = { 0 };

	buf_printf(&name, "%sHex", f->name);
	separate(out);
	buf_json(out, buf_view(&name));
	buf_text(out, ":{");
	put_text(out, "description",
	    f->kind == FIELD_NAME ? "its bytes in hexadecimal, where it is no UTF-8 and so null"
				  : "bytes in hexadecimal of those that are null");
	if (f->kind == FIELD_NAMES) {
		put_text(out, "type", "array");
		begin(out, "items", "{");
	}
	put_text(out, "type", "string");
	put_text(out, "pattern", "^([0-9a-f]{2})*$");
	buf_text(out, f->kind == FIELD_NAMES ? "}}" : "}");
	buf_free(&name);
}

/*
 * The members of an object's schema; of a whole body without those that the row's path captures,
 * else path is "".
 */
static void
put_object(
    struct buf *out, const struct table *table, enum use use, const char *path, uint64_t decided)
{
	bool required = false;

	put_text(out, "type", "object");
	begin(out, "properties", "{");
	for (const struct field *f = table->fields; f < table->fields + table->count; f++) {
		if (!applies(f, decided) || is_captured(path, f->name))
			continue;
		begin(out, f->name, "{");
		put_description(out, f);
		put_schema(out, f, use, decided);
		buf_text(out, "}");
		if (f->kind == FIELD_NAME || f->kind == FIELD_NAMES)
			put_hex(out, f);
	}
	if (path[0] != '\0') { /* the whole body */
		begin(out, project_field.name, "{");
		put_description(out, &project_field);
		put_schema(out, &project_field, use, decided);
		buf_text(out, "}");
	}
	buf_text(out, "}");
	for (const struct field *f = table->fields; f < table->fields + table->count; f++) {
		if (!applies(f, decided) || is_captured(path, f->name) ||
		    !is_required(f, use, decided))
			continue;
		if (!required)
			begin(out, "required", "[");
		required = true;
		put_item(out, f->name);
	}
	buf_text(out, required ? "]" : "");
	put_true(out, "additionalProperties", false);
}

/* Schemas of bodies and answers, by the name of the first row that has the table */

static bool
has_body(const struct route *row)
{
	return row->input != NULL && strcmp(row->method, "GET") != 0 &&
	    strcmp(row->method, "DELETE") != 0;
}

static const struct route *
first_with(const struct document *d, const struct table *table, enum use use)
{
	const struct route *row = d->routes;

	while (use == BODY ? !has_body(row) || row->input != table : row->output != table)
		row++;
	return row;
}

/* "GetTokenRequest", and of one choice "GetTokenRequestRtc" */
static void
add_schema_name(const struct document *d, struct buf *name, const struct table *table, enum use use,
    const char *choice)
{
	add_words(name, first_with(d, table, use)->path, true);
	buf_text(name, use == BODY ? "Request" : "Answer");
	if (choice != NULL) {
		char first = (char)toupper((unsigned char)choice[0]);

		buf_add(name, &first, 1);
		buf_text(name, choice + 1);
	}
}

static void
begin_schema(const struct document *d, const struct table *table, enum use use, const char *choice)
{
	struct buf name = { 0 };

	add_schema_name(d, &name, table, use, choice);
	separate(d->out);
	buf_json(d->out, buf_view(&name));
	buf_text(d->out, ":{");
	buf_free(&name);
}

static void
put_reference(const struct document *d, const char *member, const struct table *table, enum use use,
    const char *choice)
{
	struct buf name = { 0 };

	buf_text(&name, "#/components/schemas/");
	if (table == response_error_table())
		buf_text(&name, "Error");
	else
		add_schema_name(d, &name, table, use, choice);
	put_name(d->out, member);
	buf_json(d->out, buf_view(&name));
	buf_free(&name);
}

/* Of choices with one value the first stands for all. */
static bool
is_first(const struct choice *choices, const struct choice *choice)
{
	while (choices->value != choice->value)
		choices++;
	return choices == choice;
}

/* A body whose first member decides about the others: one schema for each of its values. */
static void
put_variants(const struct document *d, const struct route *row)
{
	const struct field *decider = row->input->fields;

	/* Where one of them is meant when nothing is said, no member tells them apart. */
	begin(d->out, decider->flags & FIELD_REQUIRED ? "oneOf" : "anyOf", "[");
	for (const struct choice *c = decider->choices; c->name != NULL; c++)
		if (is_first(decider->choices, c)) {
			begin(d->out, NULL, "{");
			put_reference(d, "$ref", row->input, BODY, c->name);
			buf_text(d->out, "}");
		}
	buf_text(d->out, "]");
	/* OpenAPI wants the discriminator to be there always. */
	if (decider->flags & FIELD_REQUIRED) {
		begin(d->out, "discriminator", "{");
		put_text(d->out, "propertyName", decider->name);
		begin(d->out, "mapping", "{");
		for (const struct choice *c = decider->choices; c->name != NULL; c++) {
			const struct choice *first = decider->choices;

			while (first->value != c->value)
				first++;
			put_reference(d, c->name, row->input, BODY, first->name);
		}
		buf_text(d->out, "}}");
	}
	buf_text(d->out, "}");
	for (const struct choice *c = decider->choices; c->name != NULL; c++)
		if (is_first(decider->choices, c)) {
			begin_schema(d, row->input, BODY, c->name);
			put_object(d->out, row->input, BODY, row->path, UINT64_C(1) << c->value);
			buf_text(d->out, "}");
		}
}

static void
put_error_schema(const struct document *d)
{
	const struct table *table = response_error_table();

	begin(d->out, "Error", "{");
	put_object(d->out, table, ANSWER, "", ANY_CHOICE);
	/* What this service says in code, beside the web server's own. */
	begin(d->out, "x-codes", "[");
	for (int e = 0; e < ERROR_CLIENT_GONE; e++)
		put_item(d->out, response_error_code((enum http_error)e));
	buf_text(d->out, "]}");
}

static void
put_schemas(const struct document *d)
{
	begin(d->out, "schemas", "{");
	for (const struct route *row = d->routes; row < d->routes + d->count; row++) {
		if (has_body(row) && first_with(d, row->input, BODY) == row) {
			begin_schema(d, row->input, BODY, NULL);
			if (row->input->fields[0].flags & FIELD_DECIDES) {
				put_variants(d, row);
			} else {
				put_object(d->out, row->input, BODY, row->path, ANY_CHOICE);
				buf_text(d->out, "}");
			}
		}
		if (row->output != NULL && first_with(d, row->output, ANSWER) == row) {
			begin_schema(d, row->output, ANSWER, NULL);
			put_object(d->out, row->output, ANSWER, "", ANY_CHOICE);
			buf_text(d->out, "}");
		}
	}
	put_error_schema(d);
	buf_text(d->out, "}");
}

/* Headers */

static void
put_headers(const struct document *d)
{
	begin(d->out, "headers", "{");
	for (size_t i = 0; i < COUNT(headers); i++) {
		begin(d->out, headers[i].name, "{");
		put_text(d->out, "description", headers[i].meaning);
		if (headers[i].always)
			put_true(d->out, "required", true);
		begin(d->out, "schema", "{");
		put_text(d->out, "type", headers[i].type);
		buf_text(d->out, "}}");
	}
	buf_text(d->out, "}");
}

static void
put_headers_of(const struct document *d, int status)
{
	struct buf name = { 0 };

	begin(d->out, "headers", "{");
	for (size_t i = 0; i < COUNT(headers); i++) {
		const int *s = headers[i].statuses;

		if (s[0] != 0 && status != s[0] && status != s[1] && status != s[2] &&
		    status != s[3])
			continue;
		begin(d->out, headers[i].name, "{");
		buf_clear(&name);
		buf_printf(&name, "#/components/headers/%s", headers[i].name);
		put_name(d->out, "$ref");
		buf_json(d->out, buf_view(&name));
		buf_text(d->out, "}");
	}
	buf_text(d->out, "}");
	buf_free(&name);
}

/* Errors */

/* What of Agora's own is kept, beside the error's status. */
static const int refused_statuses[] = { 404, 409, 422, 429 };

static bool
may_come(const struct route *row, enum http_error error)
{
	const bool is_public = strcmp(row->action, PUBLIC) == 0;
	const bool asks_agora = row->wait != ROUTE_INLINE;

	switch (error) {
	case ERROR_BAD_PATH:
	case ERROR_ORIGIN_NOT_ALLOWED:
	case ERROR_BODY_TOO_LARGE:
	case ERROR_HEADERS_TOO_LARGE:
	case ERROR_BODY_CUT:
	case ERROR_INTERNAL:
	case ERROR_RATE_LIMITED:
	case ERROR_OVERLOADED: return true;
	case ERROR_BAD_BODY: return has_body(row);
	case ERROR_MISSING_FIELD:
	case ERROR_INVALID_FIELD: return row->input != NULL;
	case ERROR_UNAUTHENTICATED:
	case ERROR_NOT_GRANTED:
	case ERROR_KEYS_UNAVAILABLE:
	case ERROR_TIMEOUT: return !is_public;
	case ERROR_AUDIT: return !is_public;
	case ERROR_NOT_CONFIGURED:
		return asks_agora || row->handle == system_metrics || row->handle == status_get ||
		    row->handle == policy_check;
	case ERROR_NOT_FOUND:
	case ERROR_UPSTREAM_REFUSED:
	case ERROR_UPSTREAM_AUTH:
	case ERROR_UPSTREAM:
	case ERROR_UPSTREAM_TIMEOUT: return asks_agora;
	case ERROR_UNKNOWN_OUTCOME: return row->wait == ROUTE_GOES_TO_END;
	case ERROR_METHOD_NOT_ALLOWED:
	case ERROR_CLIENT_GONE: break;
	}
	return false;
}

/* Whether the error is answered with the status. */
static bool
has_status(enum http_error error, int status)
{
	if (response_error_status(error) == status)
		return true;
	for (size_t i = 0; error == ERROR_UPSTREAM_REFUSED && i < COUNT(refused_statuses); i++)
		if (refused_statuses[i] == status)
			return true;
	return false;
}

/* row NULL: whether any row has it. */
static bool
may_have_status(const struct document *d, const struct route *row, int status)
{
	const struct route *first = row == NULL ? d->routes : row;
	const struct route *end = row == NULL ? d->routes + d->count : row + 1;

	for (row = first; row < end; row++)
		for (int e = 0; e < ERROR_CLIENT_GONE; e++)
			if (has_status((enum http_error)e, status) &&
			    may_come(row, (enum http_error)e))
				return true;
	return false;
}

static void
put_error_content(const struct document *d)
{
	begin(d->out, "content", "{");
	begin(d->out, "application/json", "{");
	begin(d->out, "schema", "{");
	put_reference(d, "$ref", response_error_table(), ANSWER, NULL);
	buf_text(d->out, "}}}");
}

static void
put_error_responses(const struct document *d)
{
	begin(d->out, "responses", "{");
	for (int status = 400; status < 600; status++) {
		struct buf text = { 0 };

		if (!may_have_status(d, NULL, status))
			continue;
		for (int e = 0; e < ERROR_CLIENT_GONE; e++)
			if (has_status((enum http_error)e, status))
				buf_printf(&text, "%s`%s`: %s", text.length == 0 ? "" : ". ",
				    response_error_code((enum http_error)e),
				    response_error_text((enum http_error)e));
		separate(d->out);
		buf_printf(d->out, "\"Error%d\":{", status);
		put_name(d->out, "description");
		buf_json(d->out, buf_view(&text));
		buf_free(&text);
		put_headers_of(d, status);
		put_error_content(d);
		buf_text(d->out, "}");
	}
	begin(d->out, "OtherError", "{");
	put_text(d->out, "description", "An error of the web server in front, in the same shape");
	put_headers_of(d, -1); /* those of all */
	put_error_content(d);
	buf_text(d->out, "}}");
}

/* Operations */

/* The example's members that the path captures, or the others. */
static struct json_object *
example_members(const struct route *row, bool captured)
{
	const struct example *example = example_of(row);
	struct json_object *members = json_object_new_object(), *all;
	struct json_error error;
	struct buf text = { 0 };

	if (members == NULL)
		abort();
	if (example == NULL || example->request == NULL)
		return members;
	example_json(&text, example->request);
	all = json_read(buf_view(&text), 0, &error);
	buf_free(&text);
	if (all == NULL)
		abort(); /* the tests read them all */
	json_object_object_foreach(all, name, value) {
		if (is_captured(row->path, name) == captured &&
		    json_object_object_add(members, name, json_object_get(value)) != 0)
			abort();
	}
	json_object_put(all);
	return members;
}

static void
put_json(struct buf *out, const char *name, struct json_object *value)
{
	put_name(out, name);
	buf_text(out,
	    json_object_to_json_string_ext(
		value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* "with tokenType uid", for a row that is there for some values of the deciding one. */
static void
add_when(struct buf *text, const struct field *decider, const struct field *f)
{
	const char *join = "with ";

	if (f->when == 0)
		return;
	buf_printf(text, "%s%s", join, decider->name);
	join = " ";
	for (const struct choice *c = decider->choices; c->name != NULL; c++)
		if (f->when & UINT64_C(1) << c->value) {
			buf_printf(text, "%s%s", join, c->name);
			join = ", ";
		}
	buf_text(text, ": ");
}

/* A parameter; some have several rows, of which the deciding parameter chooses one. */
static void
put_parameter(const struct document *d, const struct route *row, const struct field *f,
    struct json_object *examples)
{
	const struct field *end = row->input->fields + row->input->count;
	const bool captured = is_captured(row->path, f->name);
	struct json_object *example;
	struct buf text = { 0 };
	size_t rows = 0;

	begin(d->out, NULL, "{");
	put_text(d->out, "name", f->name);
	put_text(d->out, "in", captured ? "path" : "query");
	put_true(d->out, "required", captured || (f->flags & FIELD_REQUIRED));
	for (const struct field *g = f; g < end; g++) {
		if (strcmp(g->name, f->name) != 0)
			continue;
		buf_text(&text, rows++ == 0 ? "" : ". ");
		add_when(&text, row->input->fields, g);
		buf_text(&text, g->meaning == NULL ? "" : g->meaning);
	}
	put_name(d->out, "description");
	buf_json(d->out, buf_view(&text));
	buf_free(&text);
	begin(d->out, "schema", "{");
	if (rows > 1)
		begin(d->out, "anyOf", "[");
	for (const struct field *g = f; g < end; g++) {
		if (strcmp(g->name, f->name) != 0)
			continue;
		if (rows > 1)
			begin(d->out, NULL, "{");
		put_schema(d->out, g, QUERY, ANY_CHOICE);
		buf_text(d->out, rows > 1 ? "}" : "");
	}
	buf_text(d->out, rows > 1 ? "]}" : "}");
	if (json_object_object_get_ex(examples, f->name, &example))
		put_json(d->out, "example", example);
	buf_text(d->out, "}");
}

static bool
is_repeated(const struct table *table, const struct field *f)
{
	for (const struct field *g = table->fields; g < f; g++)
		if (strcmp(g->name, f->name) == 0)
			return true;
	return false;
}

static void
put_input(const struct document *d, const struct route *row)
{
	struct json_object *captured = example_members(row, true);
	struct json_object *others = example_members(row, false);

	begin(d->out, "parameters", "[");
	for (size_t i = 0; row->input != NULL && i < row->input->count; i++) {
		const struct field *f = &row->input->fields[i];
		const bool in_path = is_captured(row->path, f->name);

		if ((in_path || !has_body(row)) && !is_repeated(row->input, f))
			put_parameter(d, row, f, in_path ? captured : others);
	}
	if (row->input != NULL && !has_body(row) && strcmp(row->action, PUBLIC) != 0) {
		begin(d->out, NULL, "{");
		put_text(d->out, "name", project_field.name);
		put_text(d->out, "in", "query");
		put_description(d->out, &project_field);
		begin(d->out, "schema", "{");
		put_schema(d->out, &project_field, QUERY, ANY_CHOICE);
		buf_text(d->out, "}}");
	}
	buf_text(d->out, "]");
	if (has_body(row)) {
		begin(d->out, "requestBody", "{");
		put_true(d->out, "required", true);
		begin(d->out, "content", "{");
		begin(d->out, "application/json", "{");
		begin(d->out, "schema", "{");
		put_reference(d, "$ref", row->input, BODY, NULL);
		buf_text(d->out, "}");
		put_json(d->out, "example", others);
		buf_text(d->out, "}}}");
	}
	json_object_put(captured);
	json_object_put(others);
}

static void
put_schema_of_answer(const struct document *d, const struct route *row, int status)
{
	begin(d->out, "schema", "{");
	if (row->output == NULL) {
		put_text(d->out, "type", row->content_type[0] == 't' ? "string" : "object");
	} else if (status != 200 && may_have_status(d, row, status)) {
		begin(d->out, "anyOf", "[{");
		put_reference(d, "$ref", row->output, ANSWER, NULL);
		buf_text(d->out, "},{");
		put_reference(d, "$ref", response_error_table(), ANSWER, NULL);
		buf_text(d->out, "}]");
	} else {
		put_reference(d, "$ref", row->output, ANSWER, NULL);
	}
	buf_text(d->out, "}");
}

static void
put_answer(const struct document *d, const struct route *row, int status)
{
	const struct example *example = example_of(row);
	char number[12];

	snprintf(number, sizeof(number), "%d", status);
	begin(d->out, number, "{");
	put_text(d->out, "description", status_text(status));
	put_headers_of(d, status);
	begin(d->out, "content", "{");
	begin(d->out, row->content_type == NULL ? "application/json" : row->content_type, "{");
	put_schema_of_answer(d, row, status);
	if (status == 200 && example != NULL && example->answer != NULL) {
		put_name(d->out, "example");
		example_json(d->out, example->answer);
	}
	buf_text(d->out, "}}}");
}

static void
put_responses(const struct document *d, const struct route *row)
{
	begin(d->out, "responses", "{");
	put_answer(d, row, 200);
	for (int status = 201; status < 600; status++) {
		if (status == row->also) {
			put_answer(d, row, status);
		} else if (may_have_status(d, row, status)) {
			separate(d->out);
			buf_printf(d->out, "\"%d\":{\"$ref\":\"#/components/responses/Error%d\"}",
			    status, status);
		}
	}
	begin(d->out, "default", "{");
	put_text(d->out, "$ref", "#/components/responses/OtherError");
	buf_text(d->out, "}}");
}

static void
put_operation(const struct document *d, const struct route *row)
{
	struct buf text = { 0 };
	struct buf method = { 0 };

	for (const char *c = row->method; *c != '\0'; c++) {
		char lower = (char)tolower((unsigned char)*c);

		buf_add(&method, &lower, 1);
	}
	buf_add(&method, "", 1);
	begin(d->out, method.data, "{");
	buf_free(&method);
	put_operation_id(d, row);
	begin(d->out, "tags", "[");
	put_item(d->out, tag_of(row->path));
	buf_text(d->out, "]");
	put_text(d->out, "summary", row->summary);
	if (strcmp(row->action, PUBLIC) == 0) {
		begin(d->out, "security", "[]");
	} else if (strcmp(row->action, ANY_CALLER) != 0) {
		buf_printf(&text,
		    "Where there is a policy it needs a grant with the action `%s`.%s", row->action,
		    row->wait == ROUTE_GOES_TO_END ? " Agora may bill it." : "");
		put_name(d->out, "description");
		buf_json(d->out, buf_view(&text));
	}
	buf_free(&text);
	put_input(d, row);
	put_responses(d, row);
	buf_text(d->out, "}");
}

/* All methods of a path stand together, where the first of its rows is. */
static void
put_paths(const struct document *d)
{
	const struct route *end = d->routes + d->count;

	begin(d->out, "paths", "{");
	for (const struct route *row = d->routes; row < end; row++) {
		const struct route *other = d->routes;

		while (strcmp(other->path, row->path) != 0)
			other++;
		if (other < row)
			continue;
		put_path(d->out, row->path);
		buf_text(d->out, "{");
		for (other = row; other < end; other++)
			if (strcmp(other->path, row->path) == 0)
				put_operation(d, other);
		buf_text(d->out, "}");
	}
	buf_text(d->out, "}");
}

static void
put_security(struct buf *out)
{
	begin(out, "securitySchemes", "{");
	begin(out, "bearer", "{");
	put_text(out, "type", "http");
	put_text(out, "scheme", "bearer");
	put_text(out, "description", "An API key or a JSON Web Token, as the policy wants it");
	buf_text(out, "}");
	begin(out, "apiKey", "{");
	put_text(out, "type", "apiKey");
	put_text(out, "in", "header");
	put_text(out, "name", "X-API-Key");
	put_text(out, "description", "An API key of the policy");
	buf_text(out, "}}");
}

static void
put_info(struct buf *out)
{
	begin(out, "info", "{");
	put_text(out, "title", "agora-backend");
	put_text(out, "version", PACKAGE_VERSION);
	put_text(out, "description", about);
	begin(out, "license", "{");
	put_text(out, "name", "MIT");
	put_text(out, "identifier", "MIT");
	buf_text(out, "}}");
}

void
openapi_write(
    struct buf *out, const struct route *routes, size_t route_count, struct text base_path)
{
	const struct document d = { out, routes, route_count };

	buf_text(out, "{");
	put_text(out, "openapi", "3.1.0");
	put_info(out);
	begin(out, "servers", "[{\"url\":");
	buf_json(out, base_path.length == 0 ? TEXT("/") : base_path);
	/* Either scheme, or nothing where the service is open. */
	buf_text(out, "}],\"security\":[{\"bearer\":[]},{\"apiKey\":[]},{}]");
	begin(out, "tags", "[");
	for (size_t i = 0; i < COUNT(tags); i++)
		if (tags[i].meaning != NULL) {
			begin(out, NULL, "{");
			put_text(out, "name", tags[i].name);
			put_text(out, "description", tags[i].meaning);
			buf_text(out, "}");
		}
	buf_text(out, "]");
	put_paths(&d);
	begin(out, "components", "{");
	put_schemas(&d);
	put_error_responses(&d);
	put_headers(&d);
	put_security(out);
	buf_text(out, "}}");
}

enum step
openapi_get(struct exchange *x)
{
	size_t count;
	const struct route *routes = app_routes(x, &count);

	openapi_write(&x->response.body, routes, count, app_config(x)->api.base_path);
	return NEXT;
}
