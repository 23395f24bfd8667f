#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "cgi.h"
#include "log.h"
#include "options.h"

#define BODY_TIMEOUT_MS 30000

/* Reads up to `want` bytes of standard input. */
static enum body_problem
read_body(struct buf *body, size_t want, bool to_end)
{
	while (body->length < want) {
		struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
		ssize_t n;

		if (poll(&input, 1, BODY_TIMEOUT_MS) == 0)
			return BODY_CUT;
		n = read(STDIN_FILENO, buf_reserve(body, want - body->length), want - body->length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return BODY_CUT;
		if (n == 0)
			return to_end ? BODY_WHOLE : BODY_CUT;
		body->length += (size_t)n;
	}
	return to_end && body->length > REQUEST_BODY_MAX ? BODY_TOO_LARGE : BODY_WHOLE;
}

/*
 * CONTENT_LENGTH says how long the body is.  Apache's mod_cgid passes a chunked body on without
 * one: then it ends where the input ends.
 */
static enum body_problem
take_body(const struct request *request, struct buf *body)
{
	struct text length = request_param(request, "CONTENT_LENGTH");
	struct text encoding = request_param(request, "HTTP_TRANSFER_ENCODING");
	uint64_t n;

	if (length.length == 0)
		return encoding.length == 0 ? BODY_WHOLE
					    : read_body(body, REQUEST_BODY_MAX + 1, true);
	if (!text_number(length, INT64_MAX, &n))
		return BODY_CUT;
	return n > REQUEST_BODY_MAX ? BODY_TOO_LARGE : read_body(body, n, false);
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

int
cgi_serve(
    const char *env_file, char *const *environment, const struct route *routes, size_t route_count)
{
	struct request request = { .params = environment };
	struct exchange exchange = { 0 };
	struct buf body = { 0 }, error = { 0 };
	struct config *config = config_open(env_file, environment, NULL, NULL, &error);
	struct app *app = config == NULL ? NULL : app_open(config, routes, route_count);
	enum body_problem problem;
	int code;

	if (app == NULL) {
		struct response failed = { 0 };

		log_line(LOG_LEVEL_ERROR, "%.*s", (int)error.length,
		    error.length == 0 ? "out of memory" : error.data);
		response_error(&failed, ERROR_INTERNAL, NULL, NULL, TEXT("-"));
		code = answer(&failed, false);
		response_free(&failed);
	} else {
		problem = take_body(&request, &body);
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
