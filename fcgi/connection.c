#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec.h"
#include "connection.h"
#include "log.h"
#include "metrics.h"

#define READ_SIZE 65536
#define ACCEPTS_PER_TURN 64
#define TRIM_BYTES 4194304 /* held before, and free now, that are worth giving back */
#define KEPT_BUFFER 8192   /* bytes of memory that an idle connection may keep */
#define AHEAD_MAX 65536    /* bytes taken while an exchange waits */
#define CALL_BYTES 32768   /* of libcurl's, for a call over plain HTTP */
#define LINGER_MS 2000
#define GRACE_MS 1000
#define DRAIN_MS 2000 /* for a request to arrive whole once the service stops */
#define SPARE_MAX 64  /* connections, and jobs, kept for the next ones */
/*
 * Answers whose records are one write(2).  More would be fewer writes, but the web server would
 * run out of work meanwhile and have to be woken for each of the answers.
 */
#define HELD_MAX 6

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
	struct buf in;      /* bytes behind the last whole record */
	struct buf records; /* of the request that is arriving */
	struct buf out;
	size_t sent; /* of out */
	struct framing framing;
	struct job *job;                   /* the exchange that waits or is held */
	bool has_served;                   /* at least one request */
	bool blocked;                      /* the web server does not take what we send */
	char answered[REQUEST_ID_MAX + 1]; /* id of the request whose answer is the last in out */
	int64_t deadline; /* monotonic ms; 0 = none: of the answer if blocked, else the request */
};

/* A request on its way through the application. */
struct job {
	struct exchange exchange;
	struct codec *codec;
	struct connection *connection; /* NULL: the client is gone, the call goes to its end */
	struct connections *owner;
	struct job *next, *previous; /* among those that wait, or are held */
	int64_t deadline;            /* monotonic ms */
	size_t bytes;                /* that it holds of the room, while it waits */
	size_t answer_at;            /* where in the connection's output a held answer begins */
};

struct connections {
	struct loop *loop;
	struct app *app;
	struct connection_limits limits;
	struct watch listener;
	struct connection *open, *last, *closed, *spare;     /* open to last: used last first */
	struct job *waiting, *held, *last_held, *spare_jobs; /* held: in the order they came */
	size_t count, waiting_count, held_count, spare_count, spare_job_count;
	struct room room;   /* what waiting exchanges, their calls and connections hold */
	size_t most_held;   /* since memory was given back */
	size_t overloaded;  /* requests refused since it was last said */
	size_t crowded_out; /* connections closed for others */
	bool draining;
	bool full; /* the listener is not watched */
	struct buf answer;
	unsigned char bytes[READ_SIZE];
};

static void accept_ready(struct watch *watch, uint32_t events);
static void connection_ready(struct watch *watch, uint32_t events);
static void job_finished(struct exchange *exchange);
static void give_up(struct job *job, enum http_error error);
static void release_held(struct connections *all);
static void job_waits(struct exchange *exchange);

struct connections *
connections_open(
    struct loop *loop, struct app *app, int listener, const struct connection_limits *limits)
{
	struct connections *all = xcalloc(1, sizeof(*all));

	all->loop = loop;
	all->app = app;
	all->limits = *limits;
	all->room.most = limits->waiting_bytes;
	all->listener = (struct watch){ listener, 0, accept_ready };
	if (!loop_watch(loop, &all->listener, EPOLLIN)) {
		const int problem = errno;

		connections_close(all);
		errno = problem;
		return NULL;
	}
	return all;
}

/* Jobs */

static struct job *
take_job(struct connections *all)
{
	struct job *job = all->spare_jobs;

	if (job == NULL) {
		job = xcalloc(1, sizeof(*job));
		job->codec = codec_open();
		job->owner = all;
		job->exchange.finished = job_finished;
		job->exchange.waits = job_waits;
		job->exchange.room = &all->room;
		job->exchange.owner = job;
		return job;
	}
	all->spare_jobs = job->next;
	all->spare_job_count--;
	job->next = NULL;
	return job;
}

static void
free_job(struct job *job)
{
	codec_close(job->codec);
	exchange_free(&job->exchange);
	free(job);
}

static void
return_job(struct job *job)
{
	struct connections *all = job->owner;

	job->connection = NULL;
	codec_drop(job->codec);
	if (job->exchange.response.body.capacity > KEPT_BUFFER)
		exchange_free(&job->exchange);
	else
		exchange_reset(&job->exchange);
	if (all->spare_job_count >= SPARE_MAX) {
		free_job(job);
		return;
	}
	job->next = all->spare_jobs;
	all->spare_jobs = job;
	all->spare_job_count++;
}

static size_t
bytes_of(const struct job *job)
{
	const struct connection *c = job->connection;
	size_t bytes = sizeof(*job) + exchange_held(&job->exchange) + codec_held(job->codec);

	if (c != NULL)
		bytes += sizeof(*c) + c->in.capacity + c->records.capacity + c->out.capacity;
	/* One that waits for keys has no call of its own. */
	return bytes + (job->exchange.settled ? CALL_BYTES : 0);
}

/* What it waits with is counted, and what it needs no more is given back. */
static void
weigh(struct job *job)
{
	struct connections *all = job->owner;

	if (job->exchange.settled)
		codec_drop(job->codec);
	room_hold(&all->room, &job->bytes, bytes_of(job));
	if (all->room.held > all->most_held)
		all->most_held = all->room.held;
}

static void
job_waits(struct exchange *exchange)
{
	weigh(exchange->owner);
}

static void
start_waiting(struct job *job)
{
	struct connections *all = job->owner;

	/* It is decoded: the bytes that it came in are not needed any more. */
	buf_wipe(&job->connection->records);
	buf_free(&job->connection->records);
	weigh(job);
	job->connection->job = job;
	job->deadline = loop_now(all->loop) + all->limits.wait_ms;
	job->previous = NULL;
	job->next = all->waiting;
	if (all->waiting != NULL)
		all->waiting->previous = job;
	all->waiting = job;
	all->waiting_count++;
}

static void
stop_waiting(struct job *job)
{
	struct connections *all = job->owner;

	if (job->previous != NULL)
		job->previous->next = job->next;
	else
		all->waiting = job->next;
	if (job->next != NULL)
		job->next->previous = job->previous;
	job->next = job->previous = NULL;
	all->waiting_count--;
	room_hold(&all->room, &job->bytes, 0);
	if (job->connection != NULL)
		job->connection->job = NULL;
}

/* The client went: the call is given up, unless it may bill. */
static void
abandon(struct job *job)
{
	job->connection->job = NULL;
	job->connection = NULL;
	if (!job->exchange.held && job->exchange.route->wait != ROUTE_GOES_TO_END)
		give_up(job, ERROR_CLIENT_GONE);
}

/* Connections */

static void
set_deadline(struct connection *c, int64_t ms)
{
	c->deadline = loop_now(c->owner->loop) + ms;
}

static void
unlink_connection(struct connection *c)
{
	struct connections *all = c->owner;

	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		all->open = c->next;
	if (c->next != NULL)
		c->next->previous = c->previous;
	else
		all->last = c->previous;
}

static void
link_connection(struct connection *c)
{
	struct connections *all = c->owner;

	c->previous = NULL;
	c->next = all->open;
	if (all->open != NULL)
		all->open->previous = c;
	else
		all->last = c;
	all->open = c;
}

/* There may be a place for those that wait in the socket's queue; if not, the tick tries again. */
static void
accept_again(struct connections *all)
{
	if (all->full && !all->draining)
		all->full = !loop_watch(all->loop, &all->listener, EPOLLIN);
}

static void
close_connection(struct connection *c)
{
	struct connections *all = c->owner;

	if (c->job != NULL)
		abandon(c->job);
	loop_unwatch(all->loop, &c->watch);
	close(c->watch.fd);
	c->watch.fd = -1;
	unlink_connection(c);
	c->next = all->closed;
	all->closed = c;
	all->count--;
	accept_again(all);
}

static void
shrink(struct buf *buf)
{
	if (buf->length == 0 && buf->capacity > KEPT_BUFFER)
		buf_free(buf);
}

static void
free_connection(struct connection *c)
{
	buf_free(&c->in);
	buf_free(&c->records);
	buf_free(&c->out);
	free(c);
}

/* Not before the turn is over: an event for it may still be in the batch. */
static void
release_closed(struct connections *all)
{
	while (all->closed != NULL) {
		struct connection *c = all->closed;

		all->closed = c->next;
		if (all->spare_count >= SPARE_MAX) {
			free_connection(c);
			continue;
		}
		buf_clear(&c->in);
		buf_wipe(&c->records);
		buf_wipe(&c->out);
		shrink(&c->in);
		shrink(&c->records);
		shrink(&c->out);
		c->next = all->spare;
		all->spare = c;
		all->spare_count++;
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
	release_closed(all);
	while (all->spare != NULL) {
		struct connection *c = all->spare;

		all->spare = c->next;
		free_connection(c);
	}
	while (all->waiting != NULL)
		give_up(all->waiting, ERROR_CLIENT_GONE);
	release_held(all);
	while (all->spare_jobs != NULL) {
		struct job *job = all->spare_jobs;

		all->spare_jobs = job->next;
		free_job(job);
	}
	buf_free(&all->answer);
	free(all);
}

size_t
connections_busy(const struct connections *all)
{
	return all->count + all->waiting_count;
}

static bool
is_idle(const struct connection *c)
{
	return c->state == RECEIVING && c->framing.id == 0 && c->in.length == 0 &&
	    c->out.length == 0 && c->job == NULL;
}

/* It is the web server that has to send something. */
static bool
is_silent(const struct connection *c)
{
	return c->state == RECEIVING && c->out.length == 0 && c->job == NULL;
}

/* While the service stops the time of what was not under way before is short. */
static void
shorten_deadline(struct connection *c)
{
	const int64_t latest = loop_now(c->owner->loop) + DRAIN_MS;

	if (c->deadline == 0 || c->deadline > latest)
		c->deadline = latest;
}

/* One that has just come is about to send its first request. */
static bool
may_go(const struct connection *c)
{
	return is_idle(c) &&
	    (c->has_served ||
		c->deadline - loop_now(c->owner->loop) < c->owner->limits.request_ms - GRACE_MS);
}

/* Room for one more: the connection that has been idle longest goes.  false: none is idle. */
static bool
make_room(struct connections *all)
{
	struct connection *c = all->last;

	while (c != NULL && !may_go(c))
		c = c->previous;
	if (c == NULL)
		return false;
	all->crowded_out++;
	close_connection(c);
	return true;
}

static struct connection *
new_connection(struct connections *all, int fd)
{
	struct connection *c = all->spare;

	if (c == NULL) {
		c = xcalloc(1, sizeof(*c));
	} else {
		const struct buf in = c->in, records = c->records, out = c->out;

		all->spare = c->next;
		all->spare_count--;
		*c = (struct connection){ .in = in, .records = records, .out = out };
	}
	c->owner = all;
	c->watch = (struct watch){ fd, 0, connection_ready };
	link_connection(c);
	all->count++;
	set_deadline(c, all->limits.request_ms);
	return c;
}

static void
stop_accepting(struct connections *all)
{
	all->full = true;
	loop_unwatch(all->loop, &all->listener);
}

/* accept(2) also tells what befell the connection that it would have returned. */
static bool
is_of_network(int problem)
{
	return problem == ENETDOWN || problem == EPROTO || problem == ENOPROTOOPT ||
	    problem == EHOSTDOWN || problem == ENONET || problem == EHOSTUNREACH ||
	    problem == EOPNOTSUPP || problem == ENETUNREACH;
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

		if (all->count >= (size_t)all->limits.connections) {
			if (i > 0)
				return; /* perhaps nobody waits; if so, we are called again */
			if (!make_room(all)) {
				/* The newest wait in the queue until a place comes free. */
				stop_accepting(all);
				return;
			}
		}
		fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			const int problem = errno;

			if (problem == EAGAIN)
				return;
			/* The client gave up meanwhile, or its network did: the next one waits. */
			if (problem == EINTR || problem == ECONNABORTED || is_of_network(problem))
				continue;
			/* Mostly no descriptor is free; the tick tries again. */
			if ((problem == EMFILE || problem == ENFILE) && make_room(all))
				continue;
			log_line(LOG_LEVEL_ERROR, "accept: %s", strerror(problem));
			stop_accepting(all);
			return;
		}
		c = new_connection(all, fd);
		if (!loop_watch(all->loop, &c->watch, EPOLLIN | EPOLLRDHUP)) {
			log_line(LOG_LEVEL_ERROR, "epoll: %s; connection closed", strerror(errno));
			close_connection(c);
		}
	}
}

/* Ready for the next request on this connection. */
static void
next_request(struct connection *c)
{
	c->framing = (struct framing){ 0 };
	c->deadline = 0;
	buf_wipe(&c->records);
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

/* For the log: the request itself is forgotten when its answer is on its way. */
static void
note_answered(struct connection *c, struct text id)
{
	memcpy(c->answered, id.data, id.length);
	c->answered[id.length] = '\0';
}

/* The exchange's answer goes to the connection's output without libfcgi. */
static void
frame_answer(struct connection *c, const struct exchange *x)
{
	struct buf *answer = &c->owner->answer;

	buf_clear(answer);
	response_write(&x->response, text_is(x->request.method, "HEAD"), answer);
	note_answered(c, x->request.id);
	framing_answer(c->framing.id, buf_view(answer), &c->out);
	buf_wipe(answer);
	shrink(answer);
}

/* The same by libfcgi, where it still has the request. */
static void
write_answer(struct job *job)
{
	struct connections *all = job->owner;
	const struct exchange *x = &job->exchange;

	if (x->settled) { /* libfcgi's part has gone */
		frame_answer(job->connection, x);
		return;
	}
	buf_clear(&all->answer);
	response_write(&x->response, text_is(x->request.method, "HEAD"), &all->answer);
	note_answered(job->connection, x->request.id);
	codec_answer(job->codec, buf_view(&all->answer), &job->connection->out);
	buf_wipe(&all->answer);
	shrink(&all->answer);
}

/* Another answer takes the place of the one that was held, whose codec has gone. */
static void
write_other_answer(struct job *job)
{
	struct connection *c = job->connection;

	explicit_bzero(c->out.data + job->answer_at, c->out.length - job->answer_at);
	c->out.length = job->answer_at;
	frame_answer(c, &job->exchange);
}

/* The answer is in the output, and the connection is there for the next request. */
static void
end_request(struct job *job)
{
	struct connection *c = job->connection;
	struct connections *all = job->owner;

	return_job(job);
	c->has_served = true;
	/* The list is in the order of last use. */
	unlink_connection(c);
	link_connection(c);
	if (c->framing.keep && !all->draining)
		next_request(c);
	else
		finish(c);
}

/* The exchange is complete. */
static void
deliver(struct job *job)
{
	write_answer(job);
	end_request(job);
}

/*
 * Until its record is written, at the end of the turn at the latest.  The answer is put into the
 * output all the same, from which nothing is sent meanwhile, so that libfcgi's large buffers serve
 * the next one.
 */
static void
hold(struct job *job)
{
	struct connection *c = job->connection;
	struct connections *all = job->owner;

	exchange_keep(&job->exchange); /* what it was made of goes with the codec's part */
	if (c != NULL) {
		c->job = job;
		job->answer_at = c->out.length;
		write_answer(job);
	}
	if (all->held == NULL)
		all->held = job;
	else
		all->last_held->next = job;
	all->last_held = job;
	all->held_count++;
}

static void
serve(struct connection *c)
{
	struct connections *all = c->owner;
	struct job *job = take_job(all);
	struct exchange *x = &job->exchange;

	job->connection = c;
	if (!codec_decode(job->codec, buf_view(&c->records))) {
		log_line(LOG_LEVEL_ERROR, "a request that libfcgi refused; connection closed");
		return_job(job);
		finish(c);
		return;
	}
	x->crowded =
	    all->waiting_count >= (size_t)all->limits.waiting + app_waiting_for_keys(all->app);
	if (app_serve(all->app, x, codec_params(job->codec), codec_body(job->codec),
		c->framing.too_large ? BODY_TOO_LARGE : BODY_WHOLE) == WAITING) {
		start_waiting(job);
		return;
	}
	if (x->held) {
		hold(job);
		return;
	}
	if (text_is(text_of(x->response.error), response_error_code(ERROR_OVERLOADED)))
		all->overloaded++;
	deliver(job);
}

/* The parameters did not fit, so there is nothing to decode: the answer is made without libfcgi. */
static void
answer_params_too_large(struct connection *c)
{
	struct connections *all = c->owner;
	struct job *job = take_job(all);

	buf_clear(&all->answer);
	buf_printf(&all->answer, "a request has more than %zu bytes of parameters (MAX_PARAMS)",
	    all->limits.request.params);
	app_refuse(&job->exchange, NULL, ERROR_HEADERS_TOO_LARGE, LOG_LEVEL_WARNING,
	    buf_view(&all->answer));
	frame_answer(c, &job->exchange);
	return_job(job);
	finish(c);
}

/* One that will never be whole has an id all the same: the client's, if its parameters came. */
static void
say_unfinished(struct connection *c, const char *what)
{
	static char *const none[] = { NULL };
	struct job *job = take_job(c->owner);
	char *const *params = none;

	if (c->framing.params_done) {
		framing_cut(&c->framing, &c->records);
		if (codec_decode(job->codec, buf_view(&c->records)))
			params = codec_params(job->codec);
	}
	log_request(request_id(params, &job->exchange.arena));
	log_line(LOG_LEVEL_WARNING, "%s; connection closed", what);
	log_request((struct text){ NULL, 0 });
	return_job(job);
}

static void
aborted(struct connection *c)
{
	if (c->job != NULL)
		abandon(c->job);
	if (c->framing.keep && !c->owner->draining)
		next_request(c);
	else
		finish(c);
}

static void
take_record(struct connection *c, const unsigned char *record)
{
	const char *why;
	char what[128];

	switch (framing_record(&c->framing, &c->owner->limits.request, record, &c->out, &why)) {
	case FRAMING_KEEP: framing_keep(record, &c->records); return;
	case FRAMING_DROP:
	case FRAMING_ANSWERED: return;
	case FRAMING_COMPLETE:
		framing_keep(record, &c->records);
		serve(c);
		return;
	case FRAMING_ABORTED: aborted(c); return;
	case FRAMING_PARAMS_TOO_LARGE: answer_params_too_large(c); return;
	case FRAMING_REFUSED:
		snprintf(what, sizeof(what), "the web server sent %s", why);
		if (c->job != NULL) { /* which now fails for this reason */
			log_request(c->job->exchange.request.id);
			log_line(LOG_LEVEL_WARNING, "%s; connection closed", what);
			log_request((struct text){ NULL, 0 });
			abandon(c->job);
		} else {
			say_unfinished(c, what);
		}
		finish(c);
		return;
	}
}

static bool
is_held(const struct connection *c)
{
	return c->job != NULL && c->job->exchange.held;
}

/* Takes whole records off the front; returns how many bytes they were. */
static size_t
take_records(struct connection *c, const unsigned char *bytes, size_t length)
{
	size_t done = 0;

	while (c->state == RECEIVING && !is_held(c)) {
		size_t record = framing_length(bytes + done, length - done);

		if (record == 0 || record > length - done)
			break;
		take_record(c, bytes + done);
		done += record;
	}
	return c->state == RECEIVING ? done : length;
}

/* A warning with the id of the request whose answer is the last that was made. */
static void
warn_of_answer(const struct connection *c, const char *what)
{
	log_request(text_of(c->answered));
	log_line(LOG_LEVEL_WARNING, "%s; connection closed", what);
	log_request((struct text){ NULL, 0 });
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
			/* One that has gone does not wait for it; else somebody does in vain. */
			if (errno != EPIPE && errno != ECONNRESET)
				warn_of_answer(c, strerror(errno));
			close_connection(c);
			return;
		}
		c->sent += (size_t)n;
		if (c->blocked)
			c->deadline = 0; /* it takes the answer: the time starts anew */
	}
	c->blocked = false;
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
	uint32_t events = unsent ? EPOLLOUT : EPOLLIN | EPOLLRDHUP;

	if (c->state == LINGERING) {
		events = EPOLLIN;
	} else if (unsent) {
		if (!c->blocked || c->deadline == 0)
			set_deadline(c, c->owner->limits.answer_ms);
		c->blocked = true;
	} else if (c->job != NULL || (!arriving && c->has_served)) {
		c->deadline = 0;
	} else if (c->deadline == 0) {
		set_deadline(c, c->owner->draining ? DRAIN_MS : c->owner->limits.request_ms);
	}
	if (!loop_watch(c->owner->loop, &c->watch, events))
		close_connection(c);
	else if (c->owner->full && may_go(c))
		accept_again(c->owner);
}

/* Sends what there is and waits for what comes next. */
static void
go_on(struct connection *c)
{
	if (is_held(c))
		return; /* release_held comes back */
	if (c->state != LINGERING)
		send_out(c);
	if (c->watch.fd >= 0)
		settle(c);
}

/* What the connection has to do once a request of it that waited has its answer. */
static void
resume(struct connection *c)
{
	/* Requests that came in the meantime. */
	if (c->in.length > 0) {
		size_t done = take_records(c, (unsigned char *)c->in.data, c->in.length);

		buf_consume(&c->in, done);
	}
	go_on(c);
}

/* The exchange, which no longer waits, is complete. */
static void
end_waiting(struct job *job)
{
	struct connection *c = job->connection;

	if (job->exchange.held) {
		hold(job);
	} else if (c == NULL) {
		return_job(job);
	} else {
		deliver(job);
		resume(c);
	}
}

static void
job_finished(struct exchange *exchange)
{
	struct job *job = exchange->owner;

	stop_waiting(job);
	end_waiting(job);
}

/* The call does not go on; the answer is this error. */
static void
give_up(struct job *job, enum http_error error)
{
	stop_waiting(job);
	exchange_give_up(&job->exchange, error);
	end_waiting(job);
}

/* Records are written at once, before the answers leave. */
static void
release_held(struct connections *all)
{
	bool written = app_write_records();
	struct job *job, *next;

	all->held_count = 0;
	for (job = all->held, all->held = NULL; job != NULL; job = next) {
		struct connection *c = job->connection;

		next = job->next;
		job->next = NULL;
		if (app_release(&job->exchange, written) && c != NULL)
			write_other_answer(job);
		if (c == NULL) {
			return_job(job);
			continue;
		}
		c->job = NULL;
		end_request(job);
		resume(c);
	}
}

static void
receive(struct connection *c)
{
	struct connections *all = c->owner;
	ssize_t n = recv(c->watch.fd, all->bytes, sizeof(all->bytes), 0);
	size_t done;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || c->in.length > FRAMING_RECORD_MAX + AHEAD_MAX) {
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
	if (c->job != NULL && c->job->bytes > 0)
		weigh(c->job);
}

static void
connection_ready(struct watch *watch, uint32_t events)
{
	struct connection *c = (struct connection *)watch;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) && c->out.length == 0)
		receive(c);
	else if (events & (EPOLLHUP | EPOLLERR))
		close_connection(c);
	if (c->watch.fd >= 0)
		go_on(c);
	if (c->owner->held_count >= HELD_MAX)
		release_held(c->owner);
}

static void
say_late(struct connection *c)
{
	if (c->out.length == 0) {
		if (!c->owner->draining)
			say_unfinished(
			    c, "a request did not arrive whole in time (REQUEST_TIMEOUT)");
		else if (!is_idle(c))
			say_unfinished(c, "a request did not arrive whole before the stop");
		return;
	}
	warn_of_answer(c, "the web server did not take its answer in time (ANSWER_TIMEOUT)");
}

static void
check_connections(struct connections *all, int64_t now)
{
	struct connection *c, *next;

	for (c = all->open; c != NULL; c = next) {
		next = c->next;
		if (c->deadline == 0 || now < c->deadline)
			continue;
		if (c->state != LINGERING)
			say_late(c);
		close_connection(c);
	}
}

/* Calls have deadlines of their own; this is for one that keeps none. */
static void
check_waiting(struct connections *all, int64_t now)
{
	struct job *job, *next;

	for (job = all->waiting; job != NULL; job = next) {
		next = job->next;
		if (now >= job->deadline)
			give_up(job, job->connection == NULL ? ERROR_CLIENT_GONE : ERROR_TIMEOUT);
	}
}

static void
say_overload(struct connections *all)
{
	if (all->overloaded > 0)
		log_line(LOG_LEVEL_WARNING,
		    "overload: %zu requests refused; %zu of %lld wait (MAX_WAITING) and hold %zu "
		    "of "
		    "%zu bytes (WAITING_BYTES)",
		    all->overloaded, all->waiting_count, (long long)all->limits.waiting,
		    all->room.held, all->room.most);
	if (all->crowded_out > 0)
		log_line(LOG_LEVEL_WARNING,
		    "overload: %zu idle connections closed for new ones (MAX_CONNECTIONS)",
		    all->crowded_out);
	if (all->full)
		log_line(LOG_LEVEL_WARNING,
		    "overload: all %zu connections are busy, new ones wait (MAX_CONNECTIONS)",
		    all->count);
	metric_add(METRIC_OVERLOADED, &LABELS("refused"), (int64_t)all->overloaded);
	metric_add(METRIC_OVERLOADED, &LABELS("crowded_out"), (int64_t)all->crowded_out);
	all->overloaded = all->crowded_out = 0;
}

/*
 * Objects that a body became lie in small pieces between what is still needed, so malloc keeps
 * their pages.  Giving them back takes milliseconds: it is done once after many have gone.
 */
static void
give_memory_back(struct connections *all)
{
	if (all->most_held < all->room.held + TRIM_BYTES)
		return;
	all->most_held = all->room.held;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

void
connections_tick(struct connections *all, int64_t now)
{
	check_connections(all, now);
	check_waiting(all, now);
	give_memory_back(all);
	say_overload(all);
	metric_set(METRIC_CONNECTIONS, &LABELS(NULL), (int64_t)all->count);
	metric_set(METRIC_WAITING, &LABELS(NULL), (int64_t)all->waiting_count);
	metric_set(METRIC_WAITING_BYTES, &LABELS(NULL), (int64_t)all->room.held);
	accept_again(all);
}

void
connections_turn(struct connections *all)
{
	do
		release_held(all);
	while (all->held != NULL);
	release_closed(all);
}

/* A request may have come that was not yet read: it is served. */
static void
close_unless_asked(struct connection *c)
{
	receive(c);
	if (c->watch.fd >= 0 && is_idle(c))
		close_connection(c);
	if (c->watch.fd >= 0)
		go_on(c);
}

void
connections_drain(struct connections *all)
{
	struct connection *c, *next;
	size_t before;

	/* Those that the kernel has let in are ours to serve. */
	do {
		before = all->count;
		accept_ready(&all->listener, EPOLLIN);
	} while (all->count > before);
	all->draining = true;
	loop_unwatch(all->loop, &all->listener);
	for (c = all->open; c != NULL; c = next) {
		next = c->next;
		if (is_idle(c) && c->has_served)
			close_unless_asked(c);
		if (c->watch.fd >= 0 && is_silent(c))
			shorten_deadline(c);
	}
}
