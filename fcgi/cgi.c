#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "cgi.h"
#include "clock.h"
#include "log.h"
#include "options.h"
#include "service_settings.h"

#define BODY_TIMEOUT_MS 30000
#define UNREAD_BODY 65536 /* bytes of one that is of no use */

/* Reads `want` bytes of standard input, or up to its end at most so many. */
static enum body_problem
read_body(struct buf *body, size_t want, bool to_end)
{
	size_t most = want + (to_end ? 1 : 0); /* one more tells that there is more */

	while (body->length < most) {
		struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
		ssize_t n = poll(&input, 1, BODY_TIMEOUT_MS);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return BODY_CUT;
		n = read(STDIN_FILENO, buf_reserve(body, most - body->length), most - body->length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return BODY_CUT;
		if (n == 0)
			return to_end ? BODY_WHOLE : BODY_CUT;
		body->length += (size_t)n;
	}
	return to_end ? BODY_TOO_LARGE : BODY_WHOLE;
}

/*
 * CONTENT_LENGTH says how long the body is.  Apache's mod_cgid passes a chunked body on without
 * one: then it ends where the input ends.
 */
static enum body_problem
take_body(const struct request *request, size_t limit, struct buf *body)
{
	struct text length = request_param(request, "CONTENT_LENGTH");
	struct text encoding = request_param(request, "HTTP_TRANSFER_ENCODING");
	uint64_t n;

	if (length.length == 0)
		return encoding.length == 0 ? BODY_WHOLE : read_body(body, limit, true);
	if (!text_number(length, INT64_MAX, &n))
		return BODY_CUT;
	return n > limit ? BODY_TOO_LARGE : read_body(body, n, false);
}

static bool
write_all(struct text bytes)
{
	while (bytes.length > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes.data, bytes.length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes = (struct text){ bytes.data + n, bytes.length - (size_t)n };
	}
	return true;
}

/*
 * Under Apache's mod_cgid input and output are one Unix socket.  Closed with bytes unread it would
 * reset, and take from Apache the end of the answer; so no more may come, and what came is read.
 */
static void
leave_input(void)
{
	char rest[4096];
	ssize_t n;

	if (shutdown(STDIN_FILENO, SHUT_RD) != 0)
		return; /* a pipe or a file, which have no such trouble */
	do
		n = recv(STDIN_FILENO, rest, sizeof(rest), MSG_DONTWAIT);
	while (n > 0 || (n < 0 && errno == EINTR));
}

static int
answer(const struct response *response, bool without_body)
{
	struct buf out = { 0 };
	bool written;

	response_write(response, without_body, &out);
	log_flush(); /* first: lighttpd kills a program once it has the whole answer */
	written = write_all(buf_view(&out));
	buf_wipe(&out);
	buf_free(&out);
	leave_input();
	return written ? 0 : EXIT_OS;
}

/* Whether the real path lies in the directory, or in one below it. */
static bool
is_inside(const char *path, const char *directory)
{
	char root[PATH_MAX];
	size_t length;

	if (directory == NULL || directory[0] == '\0' || realpath(directory, root) == NULL)
		return false;
	length = strlen(root);
	while (length > 0 && root[length - 1] == '/')
		length--; /* the root directory itself holds everything */
	return strncmp(path, root, length) == 0 && path[length] == '/';
}

static const char *
variable(char *const *environment, const char *name)
{
	const struct request request = { .params = environment };

	return request_param(&request, name).data;
}

/* Where the program itself lies, as the web server says; "" where it does not. */
static void
script_directory(char *const *environment, char directory[PATH_MAX])
{
	const char *script = variable(environment, "SCRIPT_FILENAME");

	directory[0] = '\0';
	if (script == NULL || script[0] != '/' || strlen(script) >= PATH_MAX)
		return;
	memcpy(directory, script, strlen(script) + 1);
	*strrchr(directory, '/') = '\0';
}

/* A settings file holds the App Certificate; it is not used where others can get at it. */
static bool
is_private(const char *file, char *const *environment, const char *directory, struct buf *error)
{
	char path[PATH_MAX];
	struct stat info;

	if (realpath(file, path) == NULL || stat(path, &info) != 0) {
		buf_printf(error, "%s: %s", file, strerror(errno));
		return false;
	}
	if (is_inside(path, variable(environment, "DOCUMENT_ROOT")) || is_inside(path, directory)) {
		buf_printf(error,
		    "%s: lies where the web server may serve it; move it out of the document root",
		    file);
		return false;
	}
	if (info.st_mode & S_IRWXO) {
		buf_printf(
		    error, "%s: every user of this machine may use it; chmod o= %s", file, file);
		return false;
	}
	return true;
}

/*
 * The settings file: the one that was named, else agora.env beside the script's directory or in
 * the two directories above.  path is "" when there is none.  false with *error set: there is
 * one, and it must not be used.
 */
static bool
find_env_file(const char *named, char *const *environment, char path[PATH_MAX], struct buf *error)
{
	char directory[PATH_MAX], *slash;

	path[0] = '\0';
	script_directory(environment, directory);
	if (named != NULL) {
		if (strlen(named) >= PATH_MAX) {
			buf_text(error, "AGORA_ENV_FILE: the path is too long");
			return false;
		}
		memcpy(path, named, strlen(named) + 1);
		return is_private(path, environment, directory, error);
	}
	for (int up = 0; up < 3; up++) {
		char parent[PATH_MAX];

		memcpy(parent, directory, sizeof(parent));
		for (int i = 0; i <= up; i++)
			if ((slash = strrchr(parent, '/')) != NULL)
				*slash = '\0';
		if (directory[0] == '\0' ||
		    snprintf(path, PATH_MAX, "%.4000s/agora.env", parent) >= PATH_MAX)
			break;
		if (access(path, F_OK) == 0)
			return is_private(path, environment, directory, error);
	}
	path[0] = '\0';
	return true;
}

/* Everything that one request needs. */
struct cgi {
	const struct service *service;
	char *const *environment;
	struct service_settings settings;
	struct config *config;
	struct app *app;
	struct exchange exchange;
	bool finished; /* an exchange that waited is complete */
};

/* A policy may hold certificates; it is not used where others can get at it, either. */
static bool
policy_is_private(const struct cgi *cgi, struct buf *error)
{
	const char *file = cgi->config->access.policy_file.data;
	char directory[PATH_MAX];

	script_directory(cgi->environment, directory);
	return file == NULL || is_private(file, cgi->environment, directory, error);
}

static bool
read_config(struct cgi *cgi, const char *env_file, struct buf *error)
{
	char path[PATH_MAX];

	if (!find_env_file(env_file, cgi->environment, path, error))
		return false;
	cgi->config =
	    config_open(path[0] == '\0' ? NULL : path, cgi->environment, cgi->service->routes,
		cgi->service->route_count, &service_settings_table, &cgi->settings, error);
	if (cgi->config == NULL || !policy_is_private(cgi, error))
		return false;
	log_set_level((enum log_level)cgi->settings.log_level);
	log_set_format((enum log_format)cgi->settings.log_format);
	if (cgi->settings.log_file.data != NULL && !log_to_file(cgi->settings.log_file.data))
		log_line(LOG_LEVEL_ERROR, "LOG_FILE: %s: %s", cgi->settings.log_file.data,
		    strerror(errno));
	cgi->app = app_open(cgi->config, cgi->service->routes, cgi->service->route_count,
	    cgi->service->driver, false, error);
	return cgi->app != NULL;
}

static void
say_no_client(void)
{
	log_line(LOG_LEVEL_WARNING,
	    "AGORA_FCGI: is not set, and agora.cgi cannot fetch keys of callers itself: name "
	    "a full agora-fcgi there, and a directory in KEY_CACHE");
}

static bool
has_remote_keys(const struct cgi *cgi)
{
	return cgi->config->policy != NULL && policy_has_remote_keys(cgi->config->policy);
}

static bool
is_this_program(const char *path)
{
	struct stat one, other;

	return stat(path, &one) == 0 && stat("/proc/self/exe", &other) == 0 &&
	    one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/*
 * A program without the client for Agora's API hands a request that needs it, its body still
 * unread, to one that has it.  Returns where there is none, or it cannot be started.
 */
static void
hand_over(const struct cgi *cgi)
{
	const char *program = cgi->settings.full_program.data;
	char *argv[] = { (char *)(uintptr_t)program, NULL };
	struct text base_path = cgi->config->api.base_path;
	struct exchange x = { .now = unix_seconds() };
	struct buf allow = { 0 };
	bool path_exists, wants_keys;

	if (cgi->service->driver != NULL || (program == NULL && !has_remote_keys(cgi)))
		return;
	if (request_parse(&x.request, cgi->environment,
		base_path.data == NULL ? "" : base_path.data, &x.arena) == NULL)
		x.route = route_find(cgi->service->routes, cgi->service->route_count, &x.request,
		    &allow, &path_exists);
	wants_keys = x.route != NULL && app_wants_keys(cgi->app, &x);
	if (wants_keys && program == NULL)
		say_no_client();
	if (program != NULL && x.route != NULL && (wants_keys || x.route->wait != ROUTE_INLINE)) {
		const bool itself = is_this_program(program); /* and again, without end */

		log_flush();
		if (!itself)
			execve(program, argv, cgi->environment);
		log_line(LOG_LEVEL_ERROR, "AGORA_FCGI: %s: %s", program,
		    itself ? "this is the program that hands over" : strerror(errno));
	}
	exchange_free(&x);
	buf_free(&allow);
}

static void
finished(struct exchange *exchange)
{
	struct cgi *cgi = exchange->owner;

	cgi->finished = true;
}

/* What the event loop does for the service. */
static void
go_on(const struct cgi *cgi)
{
	const struct progress *progress = app_progress(cgi->app);
	struct pollfd ready = { progress->fd, POLLIN, 0 };
	int64_t timeout = progress->timeout(progress->owner);

	poll(&ready, 1, timeout < 0 || timeout > 1000 ? 1000 : (int)timeout);
	progress->step(progress->owner);
}

/* Lets go of what the web server, or whoever reads our log, waits to be closed. */
static bool
leave_web_server(void)
{
	struct stat info;
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool left;

	left = nothing >= 0 && setsid() >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
	    dup2(nothing, STDOUT_FILENO) >= 0;
	if (fstat(STDERR_FILENO, &info) != 0 || !S_ISREG(info.st_mode))
		left = left && dup2(nothing, STDERR_FILENO) >= 0;
	return left;
}

/*
 * Keys that this request found to be no longer fresh, for the next one.  A child fetches them: a
 * web server that has the answer waits for the end of its program, or kills it.  It takes no longer
 * than the call may.
 */
static void
fetch_keys(const struct cgi *cgi, int code)
{
	pid_t child;

	if (!app_keys_due(cgi->app))
		return;
	child = fork();
	if (child > 0)
		_exit(code); /* all that is open is the child's now */
	if (child < 0 || !leave_web_server())
		return;
	app_fetch_keys(cgi->app);
	while (app_keys_due(cgi->app))
		go_on(cgi);
	log_flush();
}

static int
serve(struct cgi *cgi)
{
	struct request request = { .params = cgi->environment };
	struct buf body = { 0 };
	enum body_problem problem;
	int code;

	hand_over(cgi);
	problem = take_body(&request, (size_t)cgi->config->api.max_body, &body);
	cgi->exchange.owner = cgi;
	cgi->exchange.finished = finished;
	if (app_serve(cgi->app, &cgi->exchange, cgi->environment, buf_view(&body), problem) ==
	    WAITING)
		while (!cgi->finished)
			go_on(cgi);
	if (cgi->exchange.held)
		app_release(&cgi->exchange, app_write_records());
	if (app_keys_due(cgi->app))
		signal(SIGTERM, SIG_IGN); /* lighttpd ends a program once it has the answer */
	code = answer(&cgi->exchange.response, text_is(cgi->exchange.request.method, "HEAD"));
	exchange_free(&cgi->exchange);
	buf_wipe(&body);
	buf_free(&body);
	fetch_keys(cgi, code);
	return code;
}

static int
fail(struct cgi *cgi, struct text why)
{
	struct exchange *x = &cgi->exchange;
	const struct request request = { .params = cgi->environment };
	struct buf body = { 0 };
	int code;

	/* Read all the same: else the site's log has nothing but Apache's failure to write it. */
	take_body(&request, UNREAD_BODY, &body);
	buf_wipe(&body);
	buf_free(&body);
	app_refuse(x, cgi->environment, ERROR_INTERNAL, LOG_LEVEL_ERROR, why);
	code = answer(&x->response, text_is(x->request.method, "HEAD"));
	exchange_free(x);
	return code;
}

/*
 * The environment with the request's id in front.  All that reads the request takes it from there,
 * also a program that it is handed over to, and it is known before the first line is logged.
 */
static char *const *
with_id(char *const *environment, struct arena *arena)
{
	struct text id = request_id(environment, arena);
	struct buf variable = { 0 };
	size_t count = 0;
	char **all;

	buf_printf(&variable, "HTTP_X_REQUEST_ID=%.*s", (int)id.length, id.data);
	while (environment[count] != NULL)
		count++;
	all = arena_alloc(arena, count + 2, sizeof(*all));
	all[0] = (char *)(uintptr_t)arena_copy(arena, buf_view(&variable)).data;
	memcpy(all + 1, environment, (count + 1) * sizeof(*all));
	buf_free(&variable);
	log_only_request(id);
	return all;
}

int
cgi_serve(const char *env_file, char *const *environment, const struct service *service)
{
	struct arena arena = { 0 };
	struct cgi cgi = { .service = service, .environment = with_id(environment, &arena) };
	struct buf error = { 0 };
	int code;

	forbid_core_files();
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a write that fails */
	code = read_config(&cgi, env_file, &error) ? serve(&cgi) : fail(&cgi, buf_view(&error));
	app_close(cgi.app);
	config_close(cgi.config);
	buf_free(&error);
	log_only_request((struct text){ NULL, 0 });
	arena_free(&arena);
	return code;
}

int
cgi_check(const char *env_file, char *const *environment, const struct service *service)
{
	struct cgi cgi = { .service = service, .environment = environment };
	struct buf error = { 0 };
	int code = 0;

	forbid_core_files();
	if (!read_config(&cgi, env_file, &error)) {
		fprintf(stderr, "agora.cgi: %.*s\n", (int)error.length, error.data);
		code = EXIT_CONFIG;
	} else {
		if (service->driver == NULL && cgi.settings.full_program.data == NULL &&
		    has_remote_keys(&cgi))
			say_no_client();
		printf("the configuration is good\n");
	}
	log_flush();
	app_close(cgi.app);
	config_close(cgi.config);
	buf_free(&error);
	return code;
}
