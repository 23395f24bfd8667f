#include <ctype.h>

#include "components.h"
#include "explain.h"
#include "status.h"
#include "system.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

void
components_words(struct buf *name, const char *path, bool as_type)
{
	bool first = true;

	for (struct text s = route_segment(&path); s.data != NULL; s = route_segment(&path)) {
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

/* Schemas of bodies and answers, by the name of the first row that has the table */

bool
components_has_body(const struct route *row)
{
	return row->input != NULL && strcmp(row->method, "GET") != 0 &&
	    strcmp(row->method, "DELETE") != 0;
}

static const struct route *
first_with(const struct document *d, const struct table *table, enum schema_use use)
{
	const struct route *row = d->routes;

	while (use == SCHEMA_BODY ? !components_has_body(row) || row->input != table
				  : row->output != table)
		row++;
	return row;
}

/* "GetTokenRequest", and of one choice "GetTokenRequestRtc" */
static void
add_schema_name(const struct document *d, struct buf *name, const struct table *table,
    enum schema_use use, const char *choice)
{
	components_words(name, first_with(d, table, use)->path, true);
	buf_text(name, use == SCHEMA_BODY ? "Request" : "Answer");
	if (choice != NULL) {
		char first = (char)toupper((unsigned char)choice[0]);

		buf_add(name, &first, 1);
		buf_text(name, choice + 1);
	}
}

static void
begin_schema(
    const struct document *d, const struct table *table, enum schema_use use, const char *choice)
{
	struct buf name = { 0 };

	add_schema_name(d, &name, table, use, choice);
	json_separate(d->out);
	buf_json(d->out, buf_view(&name));
	buf_text(d->out, ":{");
	buf_free(&name);
}

void
components_refer(const struct document *d, const char *member, const struct table *table,
    enum schema_use use, const char *choice)
{
	struct buf name = { 0 };

	buf_text(&name, "#/components/schemas/");
	if (table == response_error_table())
		buf_text(&name, "Error");
	else
		add_schema_name(d, &name, table, use, choice);
	json_put_name(d->out, member);
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
	json_begin(d->out, decider->flags & FIELD_REQUIRED ? "oneOf" : "anyOf", "[");
	for (const struct choice *c = decider->choices; c->name != NULL; c++)
		if (is_first(decider->choices, c)) {
			json_begin(d->out, NULL, "{");
			components_refer(d, "$ref", row->input, SCHEMA_BODY, c->name);
			buf_text(d->out, "}");
		}
	buf_text(d->out, "]");
	/* OpenAPI wants the discriminator to be there always. */
	if (decider->flags & FIELD_REQUIRED) {
		json_begin(d->out, "discriminator", "{");
		json_put_text(d->out, "propertyName", decider->name);
		json_begin(d->out, "mapping", "{");
		for (const struct choice *c = decider->choices; c->name != NULL; c++) {
			const struct choice *first = decider->choices;

			while (first->value != c->value)
				first++;
			components_refer(d, c->name, row->input, SCHEMA_BODY, first->name);
		}
		buf_text(d->out, "}}");
	}
	buf_text(d->out, "}");
	for (const struct choice *c = decider->choices; c->name != NULL; c++)
		if (is_first(decider->choices, c)) {
			begin_schema(d, row->input, SCHEMA_BODY, c->name);
			schema_object(
			    d->out, row->input, SCHEMA_BODY, row->path, UINT64_C(1) << c->value);
			buf_text(d->out, "}");
		}
}

static void
put_error_schema(const struct document *d)
{
	const struct table *table = response_error_table();

	json_begin(d->out, "Error", "{");
	schema_object(d->out, table, SCHEMA_ANSWER, "", SCHEMA_ANY_CHOICE);
	/* What this service says in code, beside the web server's own. */
	json_begin(d->out, "x-codes", "[");
	for (int e = 0; e < ERROR_CLIENT_GONE; e++)
		json_put_item(d->out, response_error_code((enum http_error)e));
	buf_text(d->out, "]}");
}

static void
put_schemas(const struct document *d)
{
	json_begin(d->out, "schemas", "{");
	for (const struct route *row = d->routes; row < d->routes + d->count; row++) {
		if (components_has_body(row) && first_with(d, row->input, SCHEMA_BODY) == row) {
			begin_schema(d, row->input, SCHEMA_BODY, NULL);
			if (row->input->fields[0].flags & FIELD_DECIDES) {
				put_variants(d, row);
			} else {
				schema_object(
				    d->out, row->input, SCHEMA_BODY, row->path, SCHEMA_ANY_CHOICE);
				buf_text(d->out, "}");
			}
		}
		if (row->output != NULL && first_with(d, row->output, SCHEMA_ANSWER) == row) {
			begin_schema(d, row->output, SCHEMA_ANSWER, NULL);
			schema_object(d->out, row->output, SCHEMA_ANSWER, "", SCHEMA_ANY_CHOICE);
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
	json_begin(d->out, "headers", "{");
	for (size_t i = 0; i < COUNT(headers); i++) {
		json_begin(d->out, headers[i].name, "{");
		json_put_text(d->out, "description", headers[i].meaning);
		if (headers[i].always)
			json_put_bool(d->out, "required", true);
		json_begin(d->out, "schema", "{");
		json_put_text(d->out, "type", headers[i].type);
		buf_text(d->out, "}}");
	}
	buf_text(d->out, "}");
}

void
components_headers(const struct document *d, int status)
{
	struct buf name = { 0 };

	json_begin(d->out, "headers", "{");
	for (size_t i = 0; i < COUNT(headers); i++) {
		const int *s = headers[i].statuses;

		if (s[0] != 0 && status != s[0] && status != s[1] && status != s[2] &&
		    status != s[3])
			continue;
		json_begin(d->out, headers[i].name, "{");
		buf_clear(&name);
		buf_printf(&name, "#/components/headers/%s", headers[i].name);
		json_put_name(d->out, "$ref");
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
	case ERROR_HOST_NOT_ALLOWED: return !row->any_host;
	case ERROR_BAD_BODY:
	case ERROR_UNSUPPORTED_BODY: return components_has_body(row);
	case ERROR_MISSING_FIELD:
	case ERROR_INVALID_FIELD:
	case ERROR_TOO_MANY_VALUES: return row->input != NULL;
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

bool
components_may_have(const struct document *d, const struct route *row, int status)
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
	json_begin(d->out, "content", "{");
	json_begin(d->out, "application/json", "{");
	json_begin(d->out, "schema", "{");
	components_refer(d, "$ref", response_error_table(), SCHEMA_ANSWER, NULL);
	buf_text(d->out, "}}}");
}

static void
put_error_responses(const struct document *d)
{
	json_begin(d->out, "responses", "{");
	for (int status = 400; status < 600; status++) {
		struct buf text = { 0 };

		if (!components_may_have(d, NULL, status))
			continue;
		for (int e = 0; e < ERROR_CLIENT_GONE; e++)
			if (has_status((enum http_error)e, status))
				buf_printf(&text, "%s`%s`: %s", text.length == 0 ? "" : ". ",
				    response_error_code((enum http_error)e),
				    response_error_text((enum http_error)e));
		json_separate(d->out);
		buf_printf(d->out, "\"Error%d\":{", status);
		json_put_name(d->out, "description");
		buf_json(d->out, buf_view(&text));
		buf_free(&text);
		components_headers(d, status);
		put_error_content(d);
		buf_text(d->out, "}");
	}
	json_begin(d->out, "OtherError", "{");
	json_put_text(
	    d->out, "description", "An error of the web server in front, in the same shape");
	components_headers(d, -1); /* those of all */
	put_error_content(d);
	buf_text(d->out, "}}");
}

static void
put_security(struct buf *out)
{
	json_begin(out, "securitySchemes", "{");
	json_begin(out, "bearer", "{");
	json_put_text(out, "type", "http");
	json_put_text(out, "scheme", "bearer");
	json_put_text(out, "description", "An API key or a JSON Web Token, as the policy wants it");
	buf_text(out, "}");
	json_begin(out, "apiKey", "{");
	json_put_text(out, "type", "apiKey");
	json_put_text(out, "in", "header");
	json_put_text(out, "name", "X-API-Key");
	json_put_text(out, "description", "An API key of the policy");
	buf_text(out, "}}");
}

void
components_write(const struct document *d)
{
	json_begin(d->out, "components", "{");
	put_schemas(d);
	put_error_responses(d);
	put_headers(d);
	put_security(d->out);
	buf_text(d->out, "}}");
}
