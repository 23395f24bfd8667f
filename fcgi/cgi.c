#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi.h"
#include "log.h"
#include "options.h"
#include "service_settings.h"

#define BODY_TIMEOUT_MS 30000

/* Reads `want` bytes of standard input, or up to its end at most so many. */
static enum body_problem
read_body(struct buf *body, size_t want, bool to_end)
{
	size_t most = want + (to_end ? 1 : 0); /* one more tells that there is more */

	while (body->length < most) {
		struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
		ssize_t n;

		if (poll(&input, 1, BODY_TIMEOUT_MS) == 0)
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

static int
answer(const struct response *response, bool without_body)
{
	struct buf out = { 0 };
	bool written;

	response_write(response, without_body, &out);
	written = write_all(buf_view(&out));
	buf_wipe(&out);
	buf_free(&out);
	log_flush();
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

/* A settings file holds the App Certificate; it is not used where others can get at it. */
static bool
is_private(
    const char *file, char *const *environment, const char *script_directory, struct buf *error)
{
	char path[PATH_MAX];
	struct stat info;

	if (realpath(file, path) == NULL || stat(path, &info) != 0) {
		buf_printf(error, "%s: %s", file, strerror(errno));
		return false;
	}
	if (is_inside(path, variable(environment, "DOCUMENT_ROOT")) ||
	    is_inside(path, script_directory)) {
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
	const char *script = variable(environment, "SCRIPT_FILENAME");
	char directory[PATH_MAX] = "";
	char *slash;

	path[0] = '\0';
	if (script != NULL && script[0] == '/' && strlen(script) < sizeof(directory)) {
		memcpy(directory, script, strlen(script) + 1);
		*strrchr(directory, '/') = '\0';
	}
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

int
cgi_serve(
    const char *env_file, char *const *environment, const struct route *routes, size_t route_count)
{
	struct request request = { .params = environment };
	struct exchange exchange = { 0 };
	struct buf body = { 0 }, error = { 0 };
	struct service_settings settings;
	struct config *config = NULL;
	struct app *app = NULL;
	enum body_problem problem;
	const struct rlimit no_core = { 0, 0 };
	char path[PATH_MAX];
	int code;

	setrlimit(RLIMIT_CORE, &no_core); /* a core file would hold the certificate */
	if (find_env_file(env_file, environment, path, &error))
		config = config_open(path[0] == '\0' ? NULL : path, environment,
		    &service_settings_table, &settings, &error);
	if (config != NULL)
		log_set_level((enum log_level)settings.log_level);
	if (config != NULL && settings.log_file.data != NULL &&
	    !log_to_file(settings.log_file.data))
		log_line(LOG_LEVEL_ERROR, "LOG_FILE: %s", strerror(errno));
	if (config != NULL)
		app = app_open(config, routes, route_count);

	if (app == NULL) {
		log_line(LOG_LEVEL_ERROR, "%.*s", (int)error.length,
		    error.length == 0 ? "out of memory" : error.data);
		app_refuse(&exchange, environment, ERROR_INTERNAL);
		code = answer(&exchange.response, text_is(exchange.request.method, "HEAD"));
	} else {
		problem = take_body(&request, (size_t)config->api.max_body, &body);
		app_serve(app, &exchange, environment, buf_view(&body), problem);
		code = answer(&exchange.response, text_is(exchange.request.method, "HEAD"));
	}
	exchange_free(&exchange);
	buf_free(&body);
	buf_free(&error);
	app_close(app);
	config_close(config);
	return code;
}
