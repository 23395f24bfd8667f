#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "app.h"
#include "body.h"
#include "clock.h"
#include "cors.h"
#include "host.h"
#include "json.h"
#include "log.h"
#include "metrics.h"
#include "products.h"

struct app {
	const struct config *config;
	const struct route *routes;
	size_t route_count;
	struct services services;
	struct rest rest;
	const struct upstream_driver *driver;
	struct upstream *upstream; /* NULL: no calls to Agora */
	struct access *access;
	bool has_memory;
};

static struct app *
app_of(const struct exchange *x)
{
	return (struct app *)(void *)((char *)x->context - offsetof(struct app, services));
}

const struct config *
app_config(const struct exchange *x)
{
	return app_of(x)->config;
}

const struct route *
app_routes(const struct exchange *x, size_t *count)
{
	*count = app_of(x)->route_count;
	return app_of(x)->routes;
}

const struct access *
app_access(const struct exchange *x)
{
	return app_of(x)->access;
}

bool
app_has_memory(const struct exchange *x)
{
	return app_of(x)->has_memory;
}

static void
send_call(void *owner, struct call *call)
{
	struct app *app = owner;

	app->driver->send(app->upstream, call);
}

static void
cancel_call(void *owner, struct call *call)
{
	struct app *app = owner;

	app->driver->cancel(app->upstream, call);
}

static void
open_rest(struct app *app, const struct config *config)
{
	app->rest = (struct rest){ .settings = config->rest, .storage = config->storage };
	if (app->upstream != NULL && config_has_upstream(config))
		app->rest.sender = (struct sender){ app, send_call, cancel_call };
	rest_open(&app->rest, config->policy == NULL ? NULL : &config->policy->projects,
	    &config->upstream);
	app->services.rest = &app->rest;
}

struct app *
app_open(const struct config *config, const struct route *routes, size_t route_count,
    const struct upstream_driver *driver, bool has_memory, struct buf *error)
{
	struct app *app = xcalloc(1, sizeof(*app));
	struct sender sender = { 0 };

	app->config = config;
	app->routes = routes;
	app->route_count = route_count;
	app->driver = driver;
	app->has_memory = has_memory;
	app->services.settings = &config->token;
	app->services.codec = agora_codec_open();
	if (app->services.codec == NULL) {
		buf_text(error, "out of memory");
		app_close(app);
		return NULL;
	}
	if (has_memory) /* a CGI program ends before it could be swapped */
		agora_codec_lock(app->services.codec);
	if (driver != NULL &&
	    (config_has_upstream(config) ||
		(config->policy != NULL && policy_has_remote_keys(config->policy)))) {
		app->upstream = driver->open(&config->upstream, error);
		if (app->upstream == NULL) {
			app_close(app);
			return NULL;
		}
	}
	open_rest(app, config);
	if (app->upstream != NULL)
		sender = (struct sender){ app, send_call, cancel_call };
	audit_keep(has_memory && config->api.console != CONSOLE_OFF);
	app->access = access_open(&config->access, config->policy, &sender, has_memory, error);
	if (app->access == NULL) {
		app_close(app);
		return NULL;
	}
	return app;
}

void
app_close(struct app *app)
{
	if (app == NULL)
		return;
	access_close(app->access); /* before what it sends with */
	if (app->upstream != NULL)
		app->driver->close(app->upstream);
	rest_close(&app->rest);
	agora_codec_close(app->services.codec);
	free(app);
}

void
app_reopen_logs(void)
{
	log_reopen();
	audit_reopen();
}

const struct progress *
app_progress(const struct app *app)
{
	return app->upstream == NULL ? NULL : app->driver->progress(app->upstream);
}

bool
app_wants_keys(const struct app *app, const struct exchange *exchange)
{
	return access_wants_keys(app->access, exchange);
}

bool
app_keys_due(const struct app *app)
{
	return access_keys_due(app->access);
}

void
app_fetch_keys(struct app *app)
{
	access_fetch_keys(app->access, unix_seconds());
}

size_t
app_waiting_for_keys(const struct app *app)
{
	return access_waiting_for_keys(app->access);
}

static void
add_common_headers(struct exchange *x)
{
	response_header(
	    &x->response, "Cache-Control", TEXT("private, no-cache, no-store, must-revalidate"));
	response_header(&x->response, "Expires", TEXT("-1"));
	response_header(&x->response, "Pragma", TEXT("no-cache"));
	response_header(&x->response, "X-Content-Type-Options", TEXT("nosniff"));
	response_header(&x->response, "X-Timestamp", text_of(utc_text(x->now)));
	response_header(&x->response, "X-Request-ID", x->request.id);
}

/* Whether the web server shows the console to this client, as CONSOLE has it. */
static bool
sees_console(const struct exchange *x)
{
	const struct text address = x->request.address;

	switch (app_of(x)->config->api.console) {
	case CONSOLE_ON: return true;
	case CONSOLE_LOCAL: return text_is(address, "127.0.0.1") || text_is(address, "::1");
	default: return false;
	}
}

/* Whether a person may have opened the bare address. */
static bool
is_bare(const struct request *request)
{
	return request->segment_count == 0 &&
	    (text_is(request->method, "GET") || text_is(request->method, "HEAD"));
}

/* By a whole path: a web server takes one that is relative for a page of its own. */
static enum step
lead_to_console(struct exchange *x)
{
	const struct text base_path = app_of(x)->config->api.base_path;
	struct buf path = { 0 };

	buf_add(&path, base_path.data, base_path.length);
	buf_text(&path, "/console/");
	x->response.status = 302;
	response_header(&x->response, "Location", buf_view(&path));
	buf_free(&path);
	return ANSWERED;
}

static enum step
no_route(struct exchange *x, bool path_exists, struct text allow)
{
	if (is_bare(&x->request) && sees_console(x))
		return lead_to_console(x);
	if (path_exists)
		response_header(&x->response, "Allow", allow);
	return exchange_fail(
	    x, path_exists ? ERROR_METHOD_NOT_ALLOWED : ERROR_NOT_FOUND, NULL, NULL);
}

/* The web server announced more than came: the client went in the middle. */
static bool
is_cut(const struct exchange *x, struct text body)
{
	struct text length = request_param(&x->request, "CONTENT_LENGTH");
	uint64_t announced;

	return length.length > 0 &&
	    (!text_number(length, INT64_MAX, &announced) || announced != body.length);
}

static enum step
too_many_values(struct exchange *x, const char *what)
{
	char rule[160];

	snprintf(rule, sizeof(rule),
	    "the %s has more than %lld values and names (MAX_VALUES): each value counts, and each "
	    "name",
	    what, (long long)app_config(x)->api.max_values);
	return exchange_fail(x, ERROR_TOO_MANY_VALUES, NULL, rule);
}

static enum step
body_step(const struct app *app, struct exchange *x)
{
	const struct text body = x->request.body;
	const enum body_problem problem = (enum body_problem)x->body_problem;
	struct json_error error;
	struct json_object *members;
	char rule[120];

	if (problem == BODY_TOO_LARGE) {
		snprintf(rule, sizeof(rule), "the body is larger than %lld bytes",
		    (long long)app->config->api.max_body);
		return exchange_fail(x, ERROR_BODY_TOO_LARGE, NULL, rule);
	}
	if (problem == BODY_CUT || is_cut(x, body))
		return exchange_fail(x, ERROR_BODY_CUT, NULL, NULL);
	if (x->route->input == NULL || strcmp(x->route->method, "GET") == 0)
		return NEXT;
	/* DELETE names its subject in the path; a body is allowed and not asked for. */
	if (strcmp(x->route->method, "DELETE") == 0 && body.length == 0)
		return NEXT;
	members = json_read_most(body_text(body), 0, (size_t)app->config->api.max_values, &error);
	if (error.problem == JSON_MANY)
		return too_many_values(x, "body");
	if (error.problem == JSON_EMPTY)
		return exchange_fail(
		    x, ERROR_BAD_BODY, NULL, "the body is empty; a JSON object is expected");
	if (error.problem != JSON_FINE) {
		const struct body_kind kind = body_kind_of(&x->request);

		if (kind.rule != NULL)
			return exchange_fail(x, kind.error, NULL, kind.rule);
		snprintf(rule, sizeof(rule), "the body %s, at byte %zu",
		    json_problem_text(error.problem),
		    error.at + 1 + (body.length - body_text(body).length));
		return exchange_fail(x, ERROR_BAD_BODY, NULL, rule);
	}
	x->members = members;
	if (json_object_is_type(members, json_type_string) &&
	    json_object_get_string(members)[0] == '{')
		return exchange_fail(x, ERROR_BAD_BODY, NULL,
		    "the body is a JSON string; a JSON object is expected (was it encoded twice?)");
	if (!json_object_is_type(members, json_type_object))
		return exchange_fail(x, ERROR_BAD_BODY, NULL, "the body must be one JSON object");
	return NEXT;
}

/* Query parameters count where there is no body; of those with the same name the first. */
static enum step
query_step(struct exchange *x)
{
	const int64_t most = app_config(x)->api.max_values;
	struct text query = x->request.query, name, value;
	int64_t values = 1; /* the object that they become */

	while (query_next(&query, &x->arena, &name, &value)) {
		struct text key = arena_copy(&x->arena, name);
		struct json_object *text;

		if ((values += 2) > most)
			return too_many_values(x, "query");
		if (json_object_object_get_ex(x->members, key.data, NULL))
			continue;
		text = json_object_new_string_len(value.data, (int)value.length);
		if (text == NULL || json_object_object_add(x->members, key.data, text) != 0)
			out_of_memory();
	}
	return NEXT;
}

static enum step
fields_step(struct exchange *x)
{
	struct field_error error;

	if (x->route->output != NULL)
		x->output = arena_alloc(&x->arena, 1, x->route->output->size);
	if (x->route->input == NULL)
		return NEXT;
	if (x->members == NULL) {
		x->members = json_object_new_object();
		if (x->members == NULL)
			out_of_memory();
		if (query_step(x) == ANSWERED)
			return ANSWERED;
	}
	route_captures(x->route, &x->request, x->members);
	x->input = arena_alloc(&x->arena, 1, x->route->input->size);
	if (field_read(x->route->input, x->members, &x->arena, x->input, &error) &&
	    !(x->route->input->strict &&
		field_stranger(x->route->input, x->members, "project", &error)))
		return NEXT;
	return exchange_fail(x, error.missing ? ERROR_MISSING_FIELD : ERROR_INVALID_FIELD,
	    error.field[0] == '\0' ? NULL : error.field, error.rule);
}

static enum step
handler_step(struct exchange *x)
{
	if (x->route->wait == ROUTE_INLINE)
		return x->route->handle(x);
	if (!exchange_may_wait(x, route_ends(x->route))) {
		response_header(&x->response, "Retry-After", TEXT("1"));
		return exchange_fail(x, ERROR_OVERLOADED, NULL, NULL);
	}
	/* What it was read from is not there any more when the exchange goes on. */
	if (x->route->input != NULL)
		field_keep(x->route->input, x->input, &x->arena);
	return x->route->handle(x);
}

/* Behind the caller; a step that waited for his keys goes on here. */
static enum step
steps_of_known(struct app *app, struct exchange *x)
{
	if (body_step(app, x) == ANSWERED)
		return ANSWERED;
	if (fields_step(x) == ANSWERED)
		return ANSWERED;
	if (access_grant(app->access, x) == ANSWERED)
		return ANSWERED;
	return handler_step(x);
}

static enum step
caller_step(struct exchange *x)
{
	struct app *app = app_of(x);
	enum step step;

	x->next = caller_step;
	step = access_caller(app->access, x);
	return step == NEXT ? steps_of_known(app, x) : step;
}

/* What the host, origin, path and method of a request decide. */
static enum step
door_steps(struct app *app, struct exchange *x, const char *path_problem)
{
	const struct route *route = NULL;
	struct buf allow = { 0 };
	bool path_exists = false;
	enum step step = NEXT;

	if (path_problem == NULL)
		route =
		    route_find(app->routes, app->route_count, &x->request, &allow, &path_exists);
	/* First, for what the host is not ours is of no origin of ours either. */
	if (host_step(x, route, app->config->api.allowed_hosts) == ANSWERED ||
	    cors_step(x, &app->config->cors) == ANSWERED)
		step = ANSWERED;
	else if (path_problem != NULL)
		step = exchange_fail(x,
		    x->request.parameter == NULL ? ERROR_BAD_PATH : ERROR_INVALID_FIELD,
		    x->request.parameter, path_problem);
	else if (route == NULL)
		step = no_route(x, path_exists, buf_view(&allow));
	else
		x->route = route;
	buf_free(&allow);
	return step;
}

/* The steps of an exchange, each the condition of the next. */
static enum step
run_steps(struct app *app, struct exchange *x, const char *path_problem)
{
	enum step step = door_steps(app, x, path_problem);

	/* What the door refuses or answers itself, such as a preflight, counts too. */
	if (access_address(app->access, x) == ANSWERED || step == ANSWERED)
		return ANSWERED;
	return caller_step(x);
}

/* A method that is no word would forge the line's other members. */
static struct text
method_word(struct text method)
{
	for (size_t i = 0; i < method.length; i++)
		if (method.data[i] < 'A' || method.data[i] > 'Z')
			return TEXT("-");
	return method.length > 0 && method.length <= 16 ? method : TEXT("-");
}

/* The client's word, where it is one of HTTP's. */
static const char *
method_label(struct text method)
{
	static const char *const known[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
		"OPTIONS" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (text_is(method, known[i]))
			return known[i];
	return "other";
}

static void
count(const struct app *app, const struct exchange *x, int64_t us)
{
	const char *route = x->route == NULL ? "none" : x->route->path;
	const int status = x->response.status;
	const char code[] = { (char)('0' + status / 100), (char)('0' + status / 10 % 10),
		(char)('0' + status % 10), '\0' };

	if (!app->has_memory)
		return;
	metric_add(METRIC_REQUESTS, &LABELS(route, method_label(x->request.method), code), 1);
	metric_observe(METRIC_REQUEST_SECONDS, &LABELS(route), us);
}

/* One line, with nothing of the client's in it but a checked id and the web server's address. */
static void
account(const struct exchange *x, int64_t us)
{
	const struct text address = x->request.address;
	const enum record_format format = log_record_format();
	struct buf *line = log_begin(LOG_LEVEL_INFO);

	if (line == NULL)
		return;
	record_text(line, format, "id", x->request.id);
	record_text(line, format, "method", method_word(x->request.method));
	record_text(line, format, "route", text_of(x->route == NULL ? "-" : x->route->path));
	record_number(line, format, "status", x->response.status);
	record_number(line, format, "duration_us", us);
	record_text(line, format, "client",
	    address.length == 0 || address.length > 64 ? TEXT("-") : address);
	record_text(line, format, "error", text_of(x->response.error));
	record_text(line, format, "audit",
	    x->admission != NULL && x->admission->lost ? TEXT("lost") : (struct text){ NULL, 0 });
	record_text(line, format, "trace", request_trace(&x->request));
	log_end();
}

/* The line of an exchange that is held goes with its record, or is lost with it. */
static bool
in_one_write(void)
{
	return !audit_has_file();
}

static void
complete(struct exchange *x, enum step step)
{
	struct app *app = app_of(x);
	int64_t us;

	if (step == NEXT) {
		if (x->response.status == 0)
			x->response.status = 200;
		if (x->route->output != NULL)
			field_write(&x->response.body, x->route->output, x->output);
		else
			x->response.content_type = x->route->content_type;
	}
	x->held = access_account(app->access, x);
	us = monotonic_us() - x->began;
	if (!x->held || in_one_write())
		account(x, us);
	if (!x->held)
		count(app, x, us);
	log_request((struct text){ NULL, 0 });
}

bool
app_write_records(void)
{
	return audit_write();
}

bool
app_release(struct exchange *x, bool recorded)
{
	struct app *app = app_of(x);
	const bool refused = access_release(app->access, x, recorded);
	const int64_t us = monotonic_us() - x->began;

	x->held = false;
	if (!recorded || !in_one_write())
		account(x, us);
	count(app, x, us);
	return refused;
}

enum step
app_serve(struct app *app, struct exchange *x, char *const *params, struct text body,
    enum body_problem body_problem)
{
	struct text base_path = app->config->api.base_path;
	const char *path_problem;
	enum step step;

	x->began = monotonic_us();
	x->now = unix_seconds();
	x->context = &app->services;
	x->complete = complete;
	x->body_problem = (int)body_problem;
	path_problem = request_parse(
	    &x->request, params, base_path.data == NULL ? "" : base_path.data, &x->arena);
	add_common_headers(x);
	log_request(x->request.id);
	x->request.body = body;
	step = run_steps(app, x, path_problem);
	if (step == WAITING)
		log_request((struct text){ NULL, 0 });
	else
		complete(x, step);
	return step == WAITING ? WAITING : ANSWERED;
}

void
app_refuse(struct exchange *x, char *const *params, enum http_error error, enum log_level level,
    struct text why)
{
	static char *const none[] = { NULL };

	x->began = monotonic_us();
	x->now = unix_seconds();
	request_parse(&x->request, params == NULL ? none : params, "", &x->arena);
	add_common_headers(x);
	response_header(&x->response, "Vary", TEXT("Origin"));
	exchange_fail(x, error, NULL, NULL);
	log_request(x->request.id);
	log_line(level, "%.*s", (int)why.length, why.data);
	account(x, monotonic_us() - x->began);
	log_request((struct text){ NULL, 0 });
}
