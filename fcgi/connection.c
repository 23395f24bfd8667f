#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec.h"
#include "connection.h"
#include "log.h"

#define READ_SIZE 65536
#define ACCEPTS_PER_TURN 64
#define KEPT_BUFFER 8192 /* bytes of memory that an idle connection may keep */
#define LINGER_MS 2000

enum connection_state {
	RECEIVING, /* reads requests */
	FINISHING, /* answers what it has, then closes */
	LINGERING, /* closed for writing; reads until the web server closes too */
};

struct connection {
	struct watch watch; /* first, so that the watch is the connection */
	struct connections *owner;
	struct connection *next, *previous;
	enum connection_state state;
	struct buf in; /* bytes behind the last whole record */
	struct buf records; /* of the request that is arriving */
	struct buf out;
	size_t sent; /* of out */
	struct framing framing;
	int64_t deadline; /* monotonic ms; 0 = none */
};

struct connections {
	struct loop *loop;
	struct app *app;
	struct connection_limits limits;
	struct watch listener;
	struct connection *open, *closed;
	size_t count;
	bool draining;
	bool full;
	/* one request at a time is decoded and answered: they are shared */
	struct codec *codec;
	struct exchange exchange;
	struct buf answer;
	unsigned char bytes[READ_SIZE];
};

static void accept_ready(struct watch *watch, uint32_t events);
static void connection_ready(struct watch *watch, uint32_t events);

struct connections *
connections_open(
    struct loop *loop, struct app *app, int listener, const struct connection_limits *limits)
{
	struct connections *all = xcalloc(1, sizeof(*all));

	all->loop = loop;
	all->app = app;
	all->limits = *limits;
	all->listener = (struct watch){ listener, 0, accept_ready };
	all->codec = codec_open();
	if (!loop_watch(loop, &all->listener, EPOLLIN)) {
		connections_close(all);
		return NULL;
	}
	return all;
}

static void
set_deadline(struct connection *c, int64_t ms)
{
	c->deadline = ms == 0 ? 0 : loop_now(c->owner->loop) + ms;
}

static void
close_connection(struct connection *c)
{
	struct connections *all = c->owner;

	loop_unwatch(all->loop, &c->watch);
	close(c->watch.fd);
	c->watch.fd = -1;
	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		all->open = c->next;
	if (c->next != NULL)
		c->next->previous = c->previous;
	c->next = all->closed;
	all->closed = c;
	all->count--;
	if (all->full && !all->draining) {
		all->full = false;
		loop_watch(all->loop, &all->listener, EPOLLIN);
	}
}

static void
free_closed(struct connections *all)
{
	while (all->closed != NULL) {
		struct connection *c = all->closed;

		all->closed = c->next;
		buf_free(&c->in);
		buf_free(&c->records);
		buf_free(&c->out);
		free(c);
	}
}

void
connections_close(struct connections *all)
{
	if (all == NULL)
		return;
	all->draining = true;
	loop_unwatch(all->loop, &all->listener);
	while (all->open != NULL)
		close_connection(all->open);
	free_closed(all);
	codec_close(all->codec);
	exchange_free(&all->exchange);
	buf_free(&all->answer);
	free(all);
}

size_t
connections_count(const struct connections *all)
{
	return all->count;
}

static void
accept_ready(struct watch *watch, uint32_t events)
{
	struct connections *all =
	    (struct connections *)((char *)watch - offsetof(struct connections, listener));

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct connection *c;
		int fd;

		if (all->count >= all->limits.connections) {
			/* Those who wait in the socket's queue are taken as places come free. */
			log_line(LOG_LEVEL_WARNING, "all %zu connections are in use",
			    all->limits.connections);
			all->full = true;
			loop_unwatch(all->loop, &all->listener);
			return;
		}
		fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				log_line(LOG_LEVEL_ERROR, "accept: %s", strerror(errno));
			return;
		}
		c = xcalloc(1, sizeof(*c));
		c->owner = all;
		c->watch = (struct watch){ fd, 0, connection_ready };
		c->next = all->open;
		if (all->open != NULL)
			all->open->previous = c;
		all->open = c;
		all->count++;
		if (!loop_watch(all->loop, &c->watch, EPOLLIN)) {
			log_line(LOG_LEVEL_ERROR, "epoll: %s", strerror(errno));
			close_connection(c);
		}
	}
}

static void
shrink(struct buf *buf)
{
	if (buf->length == 0 && buf->capacity > KEPT_BUFFER)
		buf_free(buf);
}

/* Ready for the next request on this connection. */
static void
next_request(struct connection *c)
{
	c->framing = (struct framing){ 0 };
	c->deadline = 0;
	buf_clear(&c->records);
	shrink(&c->records);
}

/* No more requests from here: the answers that are due go out, then it is closed. */
static void
finish(struct connection *c)
{
	if (c->state == RECEIVING)
		c->state = FINISHING;
	buf_clear(&c->in);
	next_request(c);
}

static void
serve(struct connection *c)
{
	struct connections *all = c->owner;
	struct exchange *x = &all->exchange;
	bool keep = c->framing.keep;

	if (!codec_decode(all->codec, buf_view(&c->records))) {
		log_line(LOG_LEVEL_ERROR, "a request that libfcgi refused; connection closed");
		finish(c);
		return;
	}
	app_serve(all->app, x, codec_params(all->codec), codec_body(all->codec),
	    c->framing.too_large ? BODY_TOO_LARGE : BODY_WHOLE);
	buf_clear(&all->answer);
	response_write(&x->response, text_is(x->request.method, "HEAD"), &all->answer);
	codec_answer(all->codec, buf_view(&all->answer), &c->out);
	buf_wipe(&c->records);
	exchange_reset(x);
	if (keep && !all->draining)
		next_request(c);
	else
		finish(c);
}

/* The parameters did not fit, so there is nothing to decode: the answer is made without libfcgi. */
static void
answer_params_too_large(struct connection *c)
{
	struct response response = { 0 };
	struct buf bytes = { 0 };

	response_error(&response, ERROR_HEADERS_TOO_LARGE, NULL, NULL, TEXT("-"));
	response_write(&response, false, &bytes);
	framing_answer(c->framing.id, buf_view(&bytes), &c->out);
	response_free(&response);
	buf_free(&bytes);
	log_line(LOG_LEVEL_WARNING, "a request with more than %zu bytes of parameters refused",
	    c->owner->limits.request.params);
	finish(c);
}

static void
take_record(struct connection *c, const unsigned char *record)
{
	const char *why;

	switch (framing_record(&c->framing, &c->owner->limits.request, record, &c->out, &why)) {
	case FRAMING_KEEP: framing_keep(record, &c->records); return;
	case FRAMING_DROP:
	case FRAMING_ANSWERED: return;
	case FRAMING_COMPLETE:
		framing_keep(record, &c->records);
		serve(c);
		return;
	case FRAMING_ABORTED:
		if (c->framing.keep)
			next_request(c);
		else
			finish(c);
		return;
	case FRAMING_PARAMS_TOO_LARGE: answer_params_too_large(c); return;
	case FRAMING_REFUSED:
		log_line(LOG_LEVEL_WARNING, "the web server sent %s; connection closed", why);
		finish(c);
		return;
	}
}

/* Takes whole records off the front; returns how many bytes they were. */
static size_t
take_records(struct connection *c, const unsigned char *bytes, size_t length)
{
	size_t done = 0;

	while (c->state == RECEIVING) {
		size_t record = framing_length(bytes + done, length - done);

		if (record == 0 || record > length - done)
			break;
		take_record(c, bytes + done);
		done += record;
	}
	return c->state == RECEIVING ? done : length;
}

static void
send_out(struct connection *c)
{
	while (c->sent < c->out.length) {
		ssize_t n =
		    send(c->watch.fd, c->out.data + c->sent, c->out.length - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			close_connection(c);
			return;
		}
		c->sent += (size_t)n;
	}
	c->sent = 0;
	buf_wipe(&c->out);
	shrink(&c->out);
	if (c->state == FINISHING) {
		c->state = LINGERING;
		shutdown(c->watch.fd, SHUT_WR);
		set_deadline(c, LINGER_MS);
	}
}

/* What to wait for, and how long. */
static void
settle(struct connection *c)
{
	bool unsent = c->out.length > 0, arriving = c->framing.id != 0 || c->in.length > 0;
	uint32_t events = unsent ? EPOLLOUT : EPOLLIN;

	if (c->state == LINGERING)
		events = EPOLLIN;
	else if (unsent)
		set_deadline(c, c->owner->limits.answer_ms);
	else if (!arriving)
		c->deadline = 0;
	else if (c->deadline == 0)
		set_deadline(c, c->owner->limits.request_ms);
	if (!loop_watch(c->owner->loop, &c->watch, events))
		close_connection(c);
}

static void
receive(struct connection *c)
{
	struct connections *all = c->owner;
	ssize_t n = recv(c->watch.fd, all->bytes, sizeof(all->bytes), 0);
	size_t done;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_connection(c);
		return;
	}
	if (c->state != RECEIVING)
		return; /* lingering: thrown away */
	if (c->in.length == 0) {
		done = take_records(c, all->bytes, (size_t)n);
		buf_add(&c->in, all->bytes + done, (size_t)n - done);
	} else {
		buf_add(&c->in, all->bytes, (size_t)n);
		done = take_records(c, (unsigned char *)c->in.data, c->in.length);
		buf_consume(&c->in, done);
	}
	shrink(&c->in);
}

static void
connection_ready(struct watch *watch, uint32_t events)
{
	struct connection *c = (struct connection *)watch;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && c->out.length == 0)
		receive(c);
	else if (events & (EPOLLHUP | EPOLLERR))
		close_connection(c);
	if (c->watch.fd >= 0 && c->state != LINGERING)
		send_out(c);
	if (c->watch.fd >= 0)
		settle(c);
}

void
connections_tick(struct connections *all, int64_t now)
{
	struct connection *c, *next;

	for (c = all->open; c != NULL; c = next) {
		next = c->next;
		if (c->deadline == 0 || now < c->deadline)
			continue;
		if (c->state != LINGERING)
			log_line(LOG_LEVEL_WARNING, "%s; connection closed",
			    c->out.length > 0 ? "the web server did not take its answer in time"
					      : "a request did not arrive whole in time");
		close_connection(c);
	}
}

void
connections_turn(struct connections *all)
{
	free_closed(all);
}

void
connections_drain(struct connections *all)
{
	struct connection *c, *next;

	all->draining = true;
	loop_unwatch(all->loop, &all->listener);
	for (c = all->open; c != NULL; c = next) {
		next = c->next;
		if (c->framing.id == 0 && c->in.length == 0 && c->out.length == 0)
			close_connection(c);
	}
}
