#include <curl/curl.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "hosts.h"
#include "json.h"
#include "log.h"
#include "metrics.h"
#include "random.h"
#include "upstream.h"

#define STEP_US 2000         /* what one step may take */
#define CALL_BUFFER 8192L    /* bytes for what arrives */
#define UPLOAD_BUFFER 16384L /* for what is sent: the least that libcurl takes */
#define TLS_BYTES 61440      /* of memory for a connection of a call's own (measured) */
#define KEPT_CONNECTIONS 16  /* that are kept for later calls */
#define EVENTS 64
#define QUEUE_MS 1500  /* how long Agora's limit may hold a call back; its window is 1100 */
#define BACKOFF_MS 250 /* before the second try of a host; doubled, with jitter */
#define TRIES_MAX 6
#define RETRY_AFTER_MAX 86400 /* seconds */
#define SPARE_MAX 32
#define LATE_MS 500   /* after its time is over, in which libcurl ends a try by itself */
#define QUIET_MS 1000 /* without a call, before memory is given back */

/* A call on its way. */
struct transfer {
	struct upstream *upstream;
	struct call *call;
	struct transfer *next, *previous; /* in `active` or `delayed` */
	CURL *easy;
	struct curl_slist *headers;
	size_t host;
	unsigned tried;              /* hosts, a bit each */
	int64_t deadline;            /* monotonic ms, for all tries */
	int64_t due;                 /* when delayed */
	bool placed;                 /* the next try has its place in the API's limit */
	enum call_outcome otherwise; /* how it ends when there is no time for the next try */
	bool running;                /* in curl's hands */
	bool tls;                    /* and over TLS */
	int unwatched;               /* errno: why a socket of it is not watched; 0: all are */
	int64_t began;               /* monotonic us, of this try */
	int64_t ends;                /* monotonic ms at which this try is over in any case */
	unsigned sent;               /* how often this try was sent: curl repeats some by itself */
	size_t given;                /* bytes of the body that curl has taken */
	size_t head;                 /* bytes of header lines */
	bool too_large, crowded;     /* why its answer was not taken */
};

struct upstream {
	const struct upstream_settings *settings;
	struct hosts hosts;
	CURLM *multi;
	struct curl_slist *connect_to;
	int epoll;
	int64_t curl_due; /* monotonic ms at which curl wants to be called; -1 = not */
	int64_t trim_due; /* and at which memory is given back */
	int64_t late_due; /* monotonic ms before which no try is overdue; -1 = none is under way */
	struct transfer *active, *delayed, *spare;
	bool any_unwatched;                  /* of the active */
	size_t busy, most_busy, spare_count; /* most_busy: since memory was given back */
	struct call **ended;                 /* calls whose end is to be told */
	size_t ended_count, ended_capacity;
	struct progress progress;
};

/* curl's callbacks */

/*
 * A socket that cannot be watched ends its transfer at the next step.  Were it said here, curl
 * would give up all of them and take no more.
 */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *known)
{
	struct upstream *u = owner;
	struct epoll_event event = { .data = { .fd = fd } };
	struct transfer *t = NULL;

	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(u->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events =
	    (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
	if (epoll_ctl(u->epoll, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0 &&
	    epoll_ctl(u->epoll, EPOLL_CTL_MOD, fd, &event) != 0) {
		const int problem = errno;

		if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t) == CURLE_OK &&
		    t != NULL) {
			t->unwatched = problem;
			u->any_unwatched = true;
		}
		return 0;
	}
	curl_multi_assign(u->multi, fd, u);
	return 0;
}

static int
set_timer(CURLM *multi, long ms, void *owner)
{
	struct upstream *u = owner;

	(void)multi;
	u->curl_due = ms < 0 ? -1 : monotonic_ms() + ms;
	return 0;
}

/*
 * Whether the answer may grow.  The one that says what was started or ended is small, and is taken
 * in any case: without it nobody would know.
 */
static bool
has_room(const struct call *call, size_t length)
{
	const size_t after = call->answer.length + length, now = call->answer.capacity;
	size_t capacity = now == 0 ? 256 : now; /* as a buf grows */

	while (capacity < after)
		capacity *= 2;
	if (capacity == now || (strcmp(call->method, "GET") != 0 && after <= ANSWER_SURE))
		return true;
	return room_fits(call->room, capacity - now, false);
}

/* What a call holds beside what the engine counts for it: its answer, and TLS while it is sent. */
static void
count_held(const struct transfer *t)
{
	struct call *call = t->call;

	room_hold(call->room, &call->held, call->answer.capacity + (t->tls ? TLS_BYTES : 0));
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *owner)
{
	struct transfer *t = owner;
	size_t length = size * count;

	if (t->call->answer.length + length > ANSWER_MAX) {
		t->too_large = true;
		return 0;
	}
	if (!has_room(t->call, length)) {
		t->crowded = true;
		return 0;
	}
	buf_add(&t->call->answer, bytes, length);
	count_held(t);
	return length;
}

/* Copies a header's value when it has this name and is printable. */
static void
take_value(struct text line, const char *name, char *out, size_t size)
{
	size_t length = strlen(name), n = 0;

	if (line.length <= length || line.data[length] != ':' ||
	    !text_is_nocase((struct text){ line.data, length }, name))
		return;
	line = (struct text){ line.data + length + 1, line.length - length - 1 };
	while (line.length > 0 && line.data[0] == ' ')
		line = (struct text){ line.data + 1, line.length - 1 };
	while (n < line.length && line.data[n] > 0x20 && line.data[n] < 0x7f)
		n++;
	if (n == 0 || n >= size)
		return;
	memcpy(out, line.data, n);
	out[n] = '\0';
}

/* "Date: Sat, 28 Nov 2026 20:51:44 GMT" */
static void
take_date(struct text line)
{
	static const char name[] = "Date:";
	const size_t from = sizeof(name) - 1;
	char value[64];
	time_t date;

	if (line.length <= from || line.length - from >= sizeof(value) ||
	    !text_is_nocase((struct text){ line.data, from }, name))
		return;
	memcpy(value, line.data + from, line.length - from);
	value[line.length - from] = '\0';
	date = curl_getdate(value, NULL);
	if (date > 0)
		metric_set(METRIC_UPSTREAM_CLOCK, &LABELS(NULL), (int64_t)date - unix_seconds());
}

static size_t
take_header(char *bytes, size_t size, size_t count, void *owner)
{
	struct transfer *t = owner;
	struct text line = { bytes, size * count };

	t->head += line.length;
	if (t->head > HEAD_MAX) {
		t->too_large = true;
		return 0;
	}
	if (t->call->head != NULL)
		buf_add(t->call->head, bytes, size * count);
	if (t->call->url.data == NULL)
		take_date(line);
	take_value(
	    line, "X-Request-ID", t->call->agora_request_id, sizeof(t->call->agora_request_id));
	take_value(line, "X-Custom-Request-ID", t->call->agora_request_id,
	    sizeof(t->call->agora_request_id));
	take_value(line, "X-Resource-ID", t->call->resource_id, sizeof(t->call->resource_id));
	return size * count;
}

/*
 * The body, piece by piece.  Given as a whole, curl would copy all of it (up to 64 KiB) and keep
 * the copy until the answer is there.
 */
static size_t
give_body(char *out, size_t size, size_t count, void *owner)
{
	struct transfer *t = owner;
	const struct text body = t->call->body;
	size_t length = body.length - t->given;

	if (length > size * count)
		length = size * count;
	memcpy(out, body.data + t->given, length);
	t->given += length;
	return length;
}

/* curl begins again where a connection did not take what it was given. */
static int
seek_body(void *owner, curl_off_t offset, int origin)
{
	struct transfer *t = owner;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->call->body.length)
		return CURL_SEEKFUNC_FAIL;
	t->given = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* About to send the request, on whatever connection. */
static int
note_sent(void *owner, char *from, char *to, int from_port, int to_port)
{
	struct transfer *t = owner;

	(void)from, (void)to, (void)from_port, (void)to_port;
	if (++t->sent > 1)
		t->call->doubtful = true;
	return CURL_PREREQFUNC_OK;
}

/* Lists */

static void
push(struct transfer **list, struct transfer *t)
{
	t->previous = NULL;
	t->next = *list;
	if (*list != NULL)
		(*list)->previous = t;
	*list = t;
}

static void
pull(struct transfer **list, struct transfer *t)
{
	if (t->previous != NULL)
		t->previous->next = t->next;
	else
		*list = t->next;
	if (t->next != NULL)
		t->next->previous = t->previous;
	t->next = t->previous = NULL;
}

/* Transfers */

static bool
set_constant_options(struct upstream *u, CURL *easy)
{
	const struct upstream_settings *s = u->settings;
	bool fine = true;

	fine = fine && curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
	/* Its defaults, 16 and 64 KiB, would be most of what a call that waits takes. */
	fine = fine && curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, CALL_BUFFER) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
	/* What is asked for is what was checked: no /../ is taken out of it. */
	fine = fine && curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK;
	fine = fine &&
	    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
	fine = fine &&
	    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, note_sent) == CURLE_OK;
	/* "" is "no proxy", where unset would be what the environment says. */
	fine = fine &&
	    curl_easy_setopt(easy, CURLOPT_PROXY, s->proxy.data == NULL ? "" : s->proxy.data) ==
		CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_NOPROXY, "") == CURLE_OK;
	fine = fine &&
	    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)s->connect_timeout) == CURLE_OK;
	if (s->ca_file.data != NULL)
		fine = fine && curl_easy_setopt(easy, CURLOPT_CAINFO, s->ca_file.data) == CURLE_OK;
	if (u->connect_to != NULL)
		fine =
		    fine && curl_easy_setopt(easy, CURLOPT_CONNECT_TO, u->connect_to) == CURLE_OK;
	return fine;
}

static struct transfer *
take_transfer(struct upstream *u, struct call *call)
{
	struct transfer *t = u->spare;
	CURL *easy;

	if (t == NULL) {
		t = xcalloc(1, sizeof(*t));
		t->easy = curl_easy_init();
		if (t->easy == NULL || !set_constant_options(u, t->easy))
			abort();
	} else {
		u->spare = t->next;
		u->spare_count--;
	}
	easy = t->easy;
	*t = (struct transfer){ .upstream = u, .call = call, .easy = easy };
	call->transfer = t;
	u->busy++;
	if (u->busy > u->most_busy)
		u->most_busy = u->busy;
	return t;
}

/* One of them holds a secret. */
static void
drop_headers(struct transfer *t)
{
	for (struct curl_slist *h = t->headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(t->headers);
	t->headers = NULL;
}

static void
free_transfer(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	drop_headers(t);
	free(t);
}

static void
return_transfer(struct transfer *t)
{
	struct upstream *u = t->upstream;

	drop_headers(t);
	t->call->transfer = NULL;
	t->call = NULL;
	u->busy--;
	if (u->busy == 0 && u->most_busy > SPARE_MAX)
		u->trim_due = monotonic_ms() + QUIET_MS;
	if (u->spare_count >= SPARE_MAX) {
		free_transfer(t);
		return;
	}
	t->next = u->spare;
	u->spare = t;
	u->spare_count++;
}

static void
add_header(struct transfer *t, const char *name, struct text value)
{
	struct buf line = { 0 };
	struct curl_slist *longer;

	if (value.data == NULL)
		return;
	buf_printf(&line, "%s: %.*s", name, (int)value.length, value.data);
	buf_add(&line, "", 1);
	longer = curl_slist_append(t->headers, line.data);
	buf_wipe(&line);
	buf_free(&line);
	if (longer == NULL)
		abort();
	t->headers = longer;
}

/* The call's own lines; one that is empty ends them. */
static void
add_headers(struct transfer *t, struct text lines)
{
	while (lines.length > 0) {
		const char *end = memchr(lines.data, '\n', lines.length);
		size_t length = end == NULL ? lines.length : (size_t)(end - lines.data);
		const char *colon = memchr(lines.data, ':', length);
		char name[64];

		if (colon == NULL)
			return;
		snprintf(name, sizeof(name), "%.*s", (int)(colon - lines.data), lines.data);
		add_header(
		    t, name, (struct text){ colon + 2, length - (size_t)(colon + 2 - lines.data) });
		length += end == NULL ? 0 : 1;
		lines = (struct text){ lines.data + length, lines.length - length };
	}
}

static void
end_call(struct upstream *u, struct call *call, enum call_outcome outcome)
{
	call->outcome = outcome;
	if (u->ended_count == u->ended_capacity) {
		size_t capacity = u->ended_capacity == 0 ? 64 : 2 * u->ended_capacity;
		struct call **longer = realloc(u->ended, capacity * sizeof(struct call *));

		if (longer == NULL)
			abort();
		u->ended = longer;
		u->ended_capacity = capacity;
	}
	u->ended[u->ended_count++] = call;
}

/* It is in curl's hands no more. */
static void
stop_running(struct transfer *t)
{
	t->running = t->tls = false;
	count_held(t);
	pull(&t->upstream->active, t);
}

static void
finish(struct transfer *t, enum call_outcome outcome)
{
	end_call(t->upstream, t->call, outcome);
	return_transfer(t);
}

/* How a call ends whose last try got no answer. */
static enum call_outcome
unanswered(const struct call *call)
{
	return call->doubtful && call->repeat != CALL_SAFE ? CALL_UNKNOWN : CALL_NOT_DONE;
}

static const char *
api_of(const struct call *call)
{
	return call->pace == NULL ? "keys" : call->pace->api;
}

static void
count_try(const struct transfer *t, long status)
{
	const char *base = t->upstream->hosts.list[t->host].base, *name = strstr(base, "://");
	const char *api = api_of(t->call);
	char code[16];

	snprintf(code, sizeof(code), "%ld", status);
	metric_add(METRIC_UPSTREAM_REQUESTS,
	    &LABELS(api, t->call->url.data != NULL || name == NULL ? "other" : name + 3, code), 1);
	metric_observe(METRIC_UPSTREAM_SECONDS, &LABELS(api), monotonic_us() - t->began);
}

static struct text
authorization(const struct call *call)
{
	const struct credentials *c = call->credentials;

	return c != NULL && c->id.data != NULL ? buf_view(&c->basic) : call->authorization;
}

/* false: curl has no memory for it. */
static bool
set_options(struct transfer *t, const char *url, int64_t ms)
{
	const struct call *call = t->call;
	CURL *easy = t->easy;
	bool fine = true;

	fine = fine && curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_PRIVATE, t) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_WRITEDATA, t) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_HEADERDATA, t) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_PREREQDATA, t) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_READDATA, t) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_SEEKDATA, t) == CURLE_OK;
	if (call->body.data != NULL) {
		fine = fine && curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK;
		fine = fine &&
		    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)call->body.length) ==
			CURLE_OK;
	} else {
		fine = fine && curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
	}
	fine = fine && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method) == CURLE_OK;
	fine = fine && curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)ms) == CURLE_OK;
	/*
	 * On a kept connection that closes without a word curl sends the request once more by
	 * itself.  What must be known to have been sent once goes over a new one.
	 */
	fine = fine &&
	    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, call->repeat == CALL_SAFE ? 0L : 1L) ==
		CURLE_OK;
	/* A connection that opens may turn out to speak HTTP/2, which is over TLS only. */
	return fine &&
	    curl_easy_setopt(
		easy, CURLOPT_PIPEWAIT, call->repeat == CALL_SAFE && t->tls ? 1L : 0L) == CURLE_OK;
}

/* Hands one try to curl; there is time left for it. */
static void
start_try(struct transfer *t)
{
	struct upstream *u = t->upstream;
	struct call *call = t->call;
	const char *base = call->url.data != NULL ? "" : u->hosts.list[t->host].base;
	const struct text rest = call->url.data != NULL ? call->url : call->path;
	int64_t left = t->deadline - monotonic_ms();
	int64_t ms = call->try_ms != 0 ? call->try_ms : u->settings->try_timeout * 1000;
	struct buf url = { 0 };

	buf_text(&url, base);
	buf_add(&url, rest.data, rest.length);
	buf_add(&url, "", 1);
	buf_clear(&call->answer);
	if (call->head != NULL)
		buf_clear(call->head);
	json_object_put(call->json);
	call->json = NULL;
	call->agora_request_id[0] = call->resource_id[0] = '\0';
	call->retry_after = 0;
	call->tries++;
	t->tried |= 1U << t->host;
	t->too_large = t->crowded = false;
	t->given = t->head = 0;
	t->sent = 0;
	t->unwatched = 0;
	t->running = true;
	t->tls = strncmp(url.data, "https:", 6) == 0;
	count_held(t);
	t->began = monotonic_us();
	if (call->tries > 1)
		metric_add(METRIC_UPSTREAM_RETRIES, &LABELS(api_of(call)), 1);
	drop_headers(t);
	if (call->url.data == NULL)
		add_header(t, "Authorization", authorization(call));
	add_header(t, "Accept", TEXT("application/json"));
	add_header(t, "Content-Type", TEXT("application/json"));
	add_header(t, "Expect", TEXT("")); /* no 100-continue */
	add_header(t, "X-Request-ID", call->request_id);
	add_header(t, "traceparent", call->traceparent);
	add_header(t, "tracestate", call->tracestate);
	add_headers(t, call->headers);
	if (ms > left)
		ms = left > 0 ? left : 1; /* 0 would be for ever */
	t->ends = monotonic_ms() + ms + LATE_MS;
	if (u->late_due < 0 || t->ends < u->late_due)
		u->late_due = t->ends;
	push(&u->active, t);
	if (!set_options(t, url.data, ms) || curl_multi_add_handle(u->multi, t->easy) != CURLM_OK) {
		stop_running(t);
		if (call->failure == NULL)
			call->failure = "it could not be sent";
		finish(t, unanswered(call));
	}
	buf_free(&url);
}

static void
try_later(struct transfer *t, int64_t ms)
{
	t->due = monotonic_ms() + ms;
	push(&t->upstream->delayed, t);
}

/* Milliseconds before the next try: doubled each time, a half of it by chance. */
static int64_t
backoff(const struct transfer *t)
{
	int64_t most = BACKOFF_MS << (t->call->tries < 5 ? t->call->tries - 1 : 4);

	return most / 2 + random_below((uint32_t)(most / 2) + 1);
}

/* Tries again on `host` after `ms`, or ends the call when there is no time or no try left. */
static void
try_again(struct transfer *t, size_t host, int64_t ms, enum call_outcome otherwise)
{
	const unsigned most = t->call->most_tries == 0 ? TRIES_MAX : t->call->most_tries;

	if (t->call->tries >= most || monotonic_ms() + ms >= t->deadline) {
		finish(t, otherwise);
		return;
	}
	t->host = host;
	t->placed = false;
	t->otherwise = otherwise;
	try_later(t, ms);
}

static const char *
failure_text(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST: return "the host's name cannot be resolved";
	case CURLE_COULDNT_CONNECT: return "the host does not take connections";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION: return "TLS with the host failed";
	case CURLE_OPERATION_TIMEDOUT: return "the host did not answer in time";
	case CURLE_ABORTED_BY_CALLBACK: return "its connection cannot be watched";
	case CURLE_WRITE_ERROR: return "the answer is larger than 1 MiB, or its header than 64 KiB";
	default: return "the connection broke";
	}
}

/* For the operator, also where another host does it; of an address of its own the caller says. */
static void
say_failed_try(const struct transfer *t, CURLcode code, long status)
{
	const struct call *call = t->call;
	const char *base = t->upstream->hosts.list[t->host].base;

	if (call->url.data != NULL || (code == CURLE_OK && status < 500))
		return;
	log_request(call->request_id);
	if (code == CURLE_OK)
		log_line(LOG_LEVEL_WARNING, "%s: status %ld, try %u", base, status, call->tries);
	else
		log_line(
		    LOG_LEVEL_WARNING, "%s: %s, try %u", base, failure_text(code), call->tries);
	log_request((struct text){ NULL, 0 });
}

/* The host to try after this one failed; a whole address has no other. */
static size_t
next_host(struct transfer *t, enum host_failure failure, int64_t now)
{
	struct hosts *hosts = &t->upstream->hosts;

	if (t->call->url.data != NULL)
		return t->host;
	hosts_failed(hosts, t->host, failure, now);
	return hosts_next(hosts, t->host, failure, t->tried, now);
}

/* No answer came: was the request carried out all the same? */
static void
without_answer(struct transfer *t, CURLcode code)
{
	int64_t now = monotonic_ms();
	bool maybe_done = t->sent > 0;
	enum host_failure failure;
	size_t next;

	if (t->crowded && t->call->repeat == CALL_SAFE && strcmp(t->call->method, "GET") == 0) {
		t->call->failure = "no room for its answer beside those that wait (WAITING_BYTES)";
		finish(t, CALL_CROWDED);
		return;
	}
	failure = code == CURLE_COULDNT_RESOLVE_HOST ? HOST_NO_NAME : HOST_DOWN;
	/* The last try is cut when the time is over, which says less than what came before. */
	if (code != CURLE_OPERATION_TIMEDOUT || t->call->failure == NULL)
		t->call->failure = failure_text(code);
	/* What this machine cannot do is not the host's fault. */
	next = code == CURLE_ABORTED_BY_CALLBACK ? t->host : next_host(t, failure, now);
	if (maybe_done)
		t->call->doubtful = true;
	if (maybe_done && t->call->repeat == CALL_ONCE) {
		finish(t, CALL_UNKNOWN);
		return;
	}
	try_again(t, next, t->tried & 1U << next ? backoff(t) : 0, unanswered(t->call));
}

/* Whether the body is what the call wants: a page of some proxy's on the way is not. */
static bool
is_of_use(const struct call *call)
{
	if (call->status < 200 || call->status >= 300)
		return true;
	return json_object_is_type(call->json, json_type_object) ||
	    (call->empty && call->answer.length == 0);
}

static void
with_answer(struct transfer *t)
{
	struct upstream *u = t->upstream;
	struct call *call = t->call;
	int64_t now = monotonic_ms();
	size_t next;

	call->failure = NULL;
	call_read(call);
	if (call->status == 429) {
		/* Agora counts by App ID: another host would not help. */
		try_again(t, t->host, call->retry_after > 0 ? call->retry_after * 1000 : backoff(t),
		    CALL_ANSWERED);
		return;
	}
	if (call->status < 500 && is_of_use(call)) {
		if (call->url.data == NULL)
			hosts_answered(&u->hosts, t->host);
		finish(t, CALL_ANSWERED);
		return;
	}
	/*
	 * A gateway's 502 or 504 does not say whether what is behind it did the work; nor does a
	 * success that cannot be read.
	 */
	next = next_host(t, HOST_DOWN, now);
	call->doubtful = true;
	if (call->repeat == CALL_ONCE)
		finish(t, CALL_ANSWERED);
	else
		try_again(t, next, backoff(t), CALL_ANSWERED);
}

static void
end_try(struct transfer *t, CURLcode code)
{
	struct upstream *u = t->upstream;
	long status = 0;
	curl_off_t wait = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &wait); /* seconds or a date */
	curl_multi_remove_handle(u->multi, t->easy);
	stop_running(t);
	t->call->status = (int)status;
	t->call->retry_after = wait > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : (int64_t)wait;
	count_try(t, code == CURLE_OK ? status : 0);
	say_failed_try(t, code, status);
	if (code == CURLE_OK)
		with_answer(t);
	else
		without_answer(t, code);
}

static void
take_ended_tries(struct upstream *u)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(u->multi, &left)) != NULL) {
		struct transfer *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		end_try(t, message->data.result);
	}
}

static void
end_unwatched(struct upstream *u)
{
	struct transfer *t, *next;

	if (!u->any_unwatched)
		return;
	u->any_unwatched = false;
	for (t = u->active; t != NULL; t = next) {
		next = t->next;
		if (t->unwatched == 0)
			continue;
		log_line(LOG_LEVEL_ERROR, "epoll: %s", strerror(t->unwatched));
		end_try(t, CURLE_ABORTED_BY_CALLBACK);
	}
}

/* libcurl that had no memory may forget a transfer's time, and would then keep it for ever. */
static void
end_overdue(struct upstream *u)
{
	const int64_t now = monotonic_ms();
	struct transfer *t, *next;

	if (u->late_due < 0 || now < u->late_due)
		return;
	u->late_due = -1;
	for (t = u->active; t != NULL; t = next) {
		next = t->next;
		if (now >= t->ends)
			end_try(t, CURLE_OPERATION_TIMEDOUT);
		else if (u->late_due < 0 || t->ends < u->late_due)
			u->late_due = t->ends;
	}
}

/* Milliseconds until the API's limit takes a request of this call; -1: longer than it may wait. */
static int64_t
take_place(struct call *call)
{
	const int64_t most = call->queue_ms != 0 ? call->queue_ms : QUEUE_MS;
	const int64_t us = call->pace == NULL ? 0 : pace_take(call->pace, monotonic_us());

	if (us <= most * 1000)
		return (us + 999) / 1000;
	pace_give_back(call->pace);
	call->retry_after = (us + 999999) / 1000000;
	return -1;
}

/* What is due: a further try counts at Agora as the first one did, so it too takes its place. */
static void
start_delayed(struct upstream *u)
{
	struct transfer *t, *next;

	for (t = u->delayed; t != NULL; t = next) {
		int64_t now = monotonic_ms(), wait = 0;

		next = t->next;
		if (t->due > now)
			continue;
		if (!t->placed && now < t->deadline) {
			wait = take_place(t->call);
			t->placed = wait >= 0;
		}
		if (now >= t->deadline || (wait < 0 && t->call->tries == 0)) {
			pull(&u->delayed, t);
			finish(t, t->otherwise);
		} else if (wait != 0) {
			t->due = now + (wait > 0 ? wait : backoff(t));
			if (t->due > t->deadline)
				t->due = t->deadline;
		} else {
			pull(&u->delayed, t);
			start_try(t);
		}
	}
}

static void
tell_ended(struct upstream *u)
{
	/* Those that end while these are told are for the next step; one told may cancel another.
	 */
	size_t count = u->ended_count;

	for (size_t i = 0; i < count; i++) {
		struct call *call = u->ended[i];

		u->ended[i] = NULL;
		if (call != NULL)
			call->done(call);
	}
	u->ended_count -= count;
	if (u->ended_count > 0)
		memmove(u->ended, u->ended + count, u->ended_count * sizeof(struct call *));
}

/*
 * A call over a connection of its own takes some 85 KiB, most of it TLS in small pieces, and malloc
 * keeps the pages, because pieces that live on lie between those that were freed.  Giving them back
 * takes time, so it is done when many calls have ended and none has come for a while.
 */
static void
give_memory_back(struct upstream *u)
{
	if (u->trim_due < 0 || u->busy > 0 || monotonic_ms() < u->trim_due)
		return;
	u->trim_due = -1;
	u->most_busy = 0;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

static void
step(void *owner)
{
	struct upstream *u = owner;
	struct epoll_event events[EVENTS];
	int64_t end = monotonic_us() + STEP_US;
	int running = 0, count = epoll_wait(u->epoll, events, EVENTS, 0);

	for (int i = 0; i < count && monotonic_us() < end; i++) {
		int what = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		    (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		    (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

		curl_multi_socket_action(u->multi, events[i].data.fd, what, &running);
	}
	if (u->curl_due >= 0 && monotonic_ms() >= u->curl_due) {
		u->curl_due = -1;
		curl_multi_socket_action(u->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	take_ended_tries(u);
	end_unwatched(u);
	end_overdue(u);
	start_delayed(u);
	tell_ended(u);
	metric_set(METRIC_UPSTREAM_BUSY, &LABELS(NULL), (int64_t)u->busy);
	give_memory_back(u);
}

static int64_t
timeout(void *owner)
{
	const struct upstream *u = owner;
	int64_t now = monotonic_ms(), due = u->curl_due;

	if (u->ended_count > 0 || u->any_unwatched)
		return 0;
	if (u->late_due >= 0 && (due < 0 || u->late_due < due))
		due = u->late_due;
	if (u->busy == 0 && u->trim_due >= 0 && (due < 0 || u->trim_due < due))
		due = u->trim_due;
	for (const struct transfer *t = u->delayed; t != NULL; t = t->next)
		if (due < 0 || t->due < due)
			due = t->due;
	if (due < 0)
		return -1;
	return due > now ? due - now : 0;
}

const struct progress *
upstream_progress(struct upstream *u)
{
	return &u->progress;
}

size_t
upstream_busy(const struct upstream *u)
{
	return u->busy;
}

static bool
add_connect_to(struct upstream *u, struct text list)
{
	while (list.length > 0) {
		const char *comma = memchr(list.data, ',', list.length);
		size_t length = comma == NULL ? list.length : (size_t)(comma - list.data);
		struct buf item = { 0 };
		struct curl_slist *longer;

		buf_add(&item, list.data, length);
		buf_add(&item, "", 1);
		longer = curl_slist_append(u->connect_to, item.data);
		buf_free(&item);
		if (longer == NULL)
			return false;
		u->connect_to = longer;
		length += comma == NULL ? 0 : 1;
		list = (struct text){ list.data + length, list.length - length };
	}
	return true;
}

struct upstream *
upstream_open(const struct upstream_settings *settings, struct buf *error)
{
	struct upstream *u = xcalloc(1, sizeof(*u));

	u->settings = settings;
	u->curl_due = u->trim_due = u->late_due = -1;
	u->epoll = -1;
	if ((settings->base_url.data != NULL || settings->area.data != NULL) &&
	    !hosts_init(&u->hosts, settings->base_url, settings->area, error))
		goto failed;
	u->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (u->epoll < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (u->multi = curl_multi_init()) == NULL || !add_connect_to(u, settings->connect_to)) {
		buf_text(error, "the HTTP client cannot be started");
		goto failed;
	}
	curl_multi_setopt(u->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(u->multi, CURLMOPT_SOCKETDATA, u);
	curl_multi_setopt(u->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(u->multi, CURLMOPT_TIMERDATA, u);
	curl_multi_setopt(u->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	/*
	 * Over HTTP/2 many calls share a connection.  Where Agora speaks HTTP/1.1 alone each has
	 * its own: a call must not wait for those that hang.
	 */
	curl_multi_setopt(u->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
	u->progress = (struct progress){ u->epoll, u, timeout, step };
	return u;
failed:
	upstream_close(u);
	return NULL;
}

static void
close_list(struct upstream *u, struct transfer *t)
{
	while (t != NULL) {
		struct transfer *next = t->next;

		if (t->running)
			curl_multi_remove_handle(u->multi, t->easy);
		free_transfer(t);
		t = next;
	}
}

void
upstream_close(struct upstream *u)
{
	if (u == NULL)
		return;
	close_list(u, u->active);
	close_list(u, u->delayed);
	close_list(u, u->spare);
	if (u->multi != NULL)
		curl_multi_cleanup(u->multi);
	curl_slist_free_all(u->connect_to);
	if (u->epoll >= 0)
		close(u->epoll);
	free(u->ended);
	free(u);
}

void
upstream_send(struct upstream *u, struct call *call)
{
	struct transfer *t;
	int64_t wait = 0;

	call->tries = 0;
	call->failure = NULL;
	call->status = 0;
	call->doubtful = false;
	if (u->busy >= (size_t)u->settings->max_calls) {
		call->failure = "too many calls to Agora in progress (MAX_CALLS)";
		end_call(u, call, CALL_CROWDED);
		return;
	}
	/* One that is for later takes its place when it is sent. */
	if (call->delay_ms == 0 && (wait = take_place(call)) < 0) {
		end_call(u, call, CALL_PACED);
		return;
	}
	t = take_transfer(u, call);
	t->deadline = monotonic_ms() +
	    (call->total_ms != 0 ? call->total_ms : u->settings->call_timeout * 1000);
	t->host = call->url.data != NULL ? 0 : hosts_first(&u->hosts, monotonic_ms());
	t->placed = call->delay_ms == 0;
	t->otherwise = CALL_PACED;
	if (wait > 0 || call->delay_ms > 0)
		try_later(t, wait + call->delay_ms);
	else
		start_try(t);
}

void
upstream_cancel(struct upstream *u, struct call *call)
{
	struct transfer *t = call->transfer;

	for (size_t i = 0; i < u->ended_count; i++)
		if (u->ended[i] == call)
			u->ended[i] = NULL;
	if (t == NULL)
		return;
	if (t->running) {
		curl_multi_remove_handle(u->multi, t->easy);
		stop_running(t);
	} else {
		pull(&u->delayed, t);
	}
	return_transfer(t);
}

const struct upstream_driver upstream_curl = { upstream_open, upstream_close, upstream_progress,
	upstream_send, upstream_cancel };
