#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"
#include "cli.h"
#include "clock.h"
#include "responder.h"

extern char **environ;

/* FastCGI 1.0, section 8. */
enum { VERSION_1 = 1, ROLE_RESPONDER = 1, ID = 1, HEADER = 8 };
enum record { BEGIN_REQUEST = 1, END_REQUEST = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };

#define OUTPUT_MAX 1048576
#define PING_MS 5000

static const char *socket_address, *env_file;

const struct option ping_options[] = {
	{ "socket", "ADDRESS", "where agora-fcgi listens (default " RESPONDER_SOCKET ")",
	    &socket_address },
	{ "env-file", "FILE", "read BASE_PATH from this .env file too", &env_file },
};
const size_t ping_option_count = sizeof(ping_options) / sizeof(ping_options[0]);

/* Waits until the socket is ready; false when the time is over. */
static bool
wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd ready = { fd, events, 0 };
	int64_t left;
	int n;

	do {
		left = deadline - monotonic_ms();
		n = poll(&ready, 1, left < 0 ? 0 : (int)left);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

static bool
connect_to(int fd, const struct sockaddr *address, socklen_t size, int64_t deadline)
{
	int problem = 0;
	socklen_t length = sizeof(problem);

	if (connect(fd, address, size) == 0)
		return true;
	if (errno != EINPROGRESS || !wait_for(fd, POLLOUT, deadline))
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &length) == 0 && problem != 0)
		errno = problem;
	return problem == 0;
}

static int
connect_unix(const char *path, int64_t deadline, struct buf *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		buf_text(error, "the path is longer than a socket's may be (107 bytes)");
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect_to(fd, (const struct sockaddr *)&address, sizeof(address), deadline))
		return fd;
	/* A Unix socket has no connection in progress: this one's queue is full. */
	buf_text(error, errno == EAGAIN ? "it takes no more connections" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int
connect_inet(const char *address, int64_t deadline, struct buf *error)
{
	const char *why;
	struct addrinfo *found = address_find(address, 0, &why);
	int fd = -1, saved = 0;

	if (found == NULL) {
		buf_text(error, why);
		return -1;
	}
	for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect_to(fd, a->ai_addr, a->ai_addrlen, deadline))
			break;
		saved = errno;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	if (fd < 0)
		buf_text(error, strerror(saved));
	return fd;
}

static void
add_record(struct buf *out, enum record type, struct text content)
{
	const unsigned char header[HEADER] = { VERSION_1, (unsigned char)type, 0, ID,
		(unsigned char)(content.length >> 8), (unsigned char)content.length };

	buf_add(out, header, sizeof(header));
	buf_add(out, content.data, content.length);
}

static void
add_length(struct buf *out, size_t length)
{
	const unsigned char bytes[] = { (unsigned char)(0x80 | length >> 24),
		(unsigned char)(length >> 16), (unsigned char)(length >> 8),
		(unsigned char)length };

	buf_add(out, length < 0x80 ? bytes + 3 : bytes, length < 0x80 ? 1 : 4);
}

static void
add_param(struct buf *out, const char *name, const char *value)
{
	add_length(out, strlen(name));
	add_length(out, strlen(value));
	buf_text(out, name);
	buf_text(out, value);
}

static void
write_request(struct buf *out, const char *target)
{
	static const char begin[8] = { 0, ROLE_RESPONDER };
	const char *query = strchr(target, '?');
	struct buf params = { 0 };

	add_param(&params, "REQUEST_METHOD", "GET");
	add_param(&params, "REQUEST_URI", target);
	add_param(&params, "QUERY_STRING", query == NULL ? "" : query + 1);
	add_param(&params, "SERVER_PROTOCOL", "HTTP/1.1");
	add_param(&params, "SERVER_NAME", "localhost");
	add_param(&params, "HTTP_HOST", "127.0.0.1"); /* whatever ALLOWED_HOSTS is */
	add_param(&params, "REMOTE_ADDR", "127.0.0.1");
	add_record(out, BEGIN_REQUEST, (struct text){ begin, sizeof(begin) });
	add_record(out, PARAMS, buf_view(&params));
	add_record(out, PARAMS, TEXT(""));
	add_record(out, STDIN, TEXT(""));
	buf_free(&params);
}

static bool
send_all(int fd, struct text bytes, int64_t deadline)
{
	while (bytes.length > 0) {
		ssize_t n = send(fd, bytes.data, bytes.length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno != EAGAIN || !wait_for(fd, POLLOUT, deadline)))
			return false;
		if (n > 0)
			bytes = (struct text){ bytes.data + n, bytes.length - (size_t)n };
	}
	return true;
}

/* Takes whole records off the front of `in`; *ended when the request's end is among them. */
static const char *
take_records(struct buf *in, struct buf *output, bool *ended)
{
	while (in->length >= HEADER && !*ended) {
		const unsigned char *h = (const unsigned char *)in->data;
		size_t length = (size_t)(h[4] << 8 | h[5]), whole = HEADER + length + h[6];

		if (h[0] != VERSION_1)
			return "what listens there does not speak FastCGI";
		if (in->length < whole)
			return NULL;
		if (h[1] == STDOUT)
			buf_add(output, in->data + HEADER, length);
		if (output->length > OUTPUT_MAX)
			return "the answer is larger than 1 MiB";
		*ended = h[1] == END_REQUEST;
		buf_consume(in, whole);
	}
	return NULL;
}

static const char *
closed_or(int code)
{
	return code == EPIPE || code == ECONNRESET ? "the connection was closed without an answer"
						   : strerror(code);
}

static bool
receive(int fd, struct buf *output, int64_t deadline, struct buf *error)
{
	const char *problem = NULL;
	struct buf in = { 0 };
	bool ended = false;

	while (problem == NULL && !ended) {
		ssize_t n;

		if (!wait_for(fd, POLLIN, deadline)) {
			problem = errno == ETIMEDOUT ? "no answer came in time" : strerror(errno);
			break;
		}
		n = recv(fd, buf_reserve(&in, 16384), 16384, 0);
		if (n > 0) {
			in.length += (size_t)n;
			problem = take_records(&in, output, &ended);
		} else if (n == 0) {
			problem = closed_or(EPIPE);
		} else if (errno != EINTR && errno != EAGAIN) {
			problem = closed_or(errno);
		}
	}
	buf_free(&in);
	if (problem != NULL)
		buf_text(error, problem);
	return problem == NULL;
}

/* RFC 3875, section 6.3.3: without a Status it is 200. */
static bool
read_output(struct responder_answer *answer)
{
	const struct text all = buf_view(&answer->output);
	const char *end = memmem(all.data, all.length, "\r\n\r\n", 4);
	const char *line = memmem(all.data, all.length, "Status: ", 8);
	uint64_t status = 200;

	if (end == NULL)
		return false;
	if (line != NULL && line < end && !text_number((struct text){ line + 8, 3 }, 999, &status))
		return false;
	answer->status = (int)status;
	answer->body = (struct text){ end + 4, all.length - (size_t)(end + 4 - all.data) };
	return true;
}

bool
responder_get(const char *address, const char *target, int64_t timeout_ms,
    struct responder_answer *answer, struct buf *error)
{
	const int64_t deadline = monotonic_ms() + timeout_ms;
	const char *path = address_path(address);
	struct buf request = { 0 };
	int fd;
	bool fine;

	*answer = (struct responder_answer){ 0 };
	fd = path != NULL ? connect_unix(path, deadline, error)
			  : connect_inet(address, deadline, error);
	if (fd < 0)
		return false;
	write_request(&request, target);
	fine = send_all(fd, buf_view(&request), deadline);
	if (!fine)
		buf_text(error, closed_or(errno));
	else
		fine = receive(fd, &answer->output, deadline, error);
	if (fine && !read_output(answer)) {
		buf_text(error, "the answer is no CGI response");
		fine = false;
	}
	buf_free(&request);
	close(fd);
	return fine;
}

/* Alone, so that a container's health does not depend on files that its check cannot read. */
static const struct field ping_fields[] = { { "BASE_PATH", FIELD_TEXT } };
static const struct table ping_table = TEXT_TABLE(ping_fields, struct text);

int
cli_ping(char **argv)
{
	struct responder_answer answer = { 0 };
	struct buf target = { 0 }, why = { 0 };
	struct settings *settings;
	struct text base_path = { NULL, 0 };
	const char *address;
	size_t operands;
	int code = EXIT_NOT_VALID;

	if (!cli_options(ping_options, ping_option_count, argv, &operands))
		return EXIT_USAGE;
	if (operands > 0) {
		buf_text(&why, "it takes no operands; see ping --help");
		return cli_fail(EXIT_USAGE, &why);
	}
	settings = settings_open(env_file, environ, &why);
	if (settings == NULL || !settings_read(settings, &ping_table, &base_path, &why)) {
		settings_free(settings);
		return cli_fail(EXIT_CONFIG, &why);
	}
	address = socket_address == NULL ? RESPONDER_SOCKET : socket_address;
	buf_add(&target, base_path.data, base_path.length);
	buf_add(&target, "/ping", sizeof("/ping"));
	if (!responder_get(address, target.data, PING_MS, &answer, &why)) {
		struct buf line = { 0 };

		buf_printf(&line, "%s: %.*s", address, (int)why.length, why.data);
		cli_fail(code, &line);
	} else if (answer.status != 200) {
		buf_printf(&why, "%s: it answers with status %d", address, answer.status);
		cli_fail(code, &why);
	} else {
		code = 0;
	}
	buf_free(&answer.output);
	buf_free(&target);
	buf_free(&why);
	settings_free(settings);
	return code;
}
