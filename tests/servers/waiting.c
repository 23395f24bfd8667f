/*
 * agora-fcgi with routes that only tests want: handlers that wait, that fill a big answer, that
 * hang or crash.  Their calls go to a clock in place of Agora: it is driven through the same seam
 * (struct progress) as the client for Agora's API.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "routes.h"
#include "service.h"

#define CALLS_MAX 4096
#define ROUTES_MAX 64

struct number_input {
	int64_t n;
};

struct text_answer {
	struct text text;
};

struct counts_answer {
	int64_t started, ended, cancelled;
};

struct pending {
	struct exchange *exchange; /* NULL: free */
	int64_t due;               /* monotonic ms */
};

static struct pending calls[CALLS_MAX];
static struct counts_answer counts;
static int timer = -1;

static int64_t
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The timer rings for the call that is due first. */
static void
set_timer(void)
{
	struct itimerspec when = { 0 };
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < CALLS_MAX; i++)
		if (calls[i].exchange != NULL && calls[i].due < first)
			first = calls[i].due;
	if (first != INT64_MAX) {
		when.it_value.tv_sec = first / 1000;
		when.it_value.tv_nsec = first % 1000 * 1000000 + 1;
	}
	timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static int64_t
never(void *owner)
{
	(void)owner;
	return -1;
}

static void
end_calls(void *owner)
{
	int64_t now = monotonic_ms();
	uint64_t rings;

	(void)owner;
	if (read(timer, &rings, sizeof(rings)) < 0)
		return;
	for (size_t i = 0; i < CALLS_MAX; i++) {
		struct exchange *x = calls[i].exchange;

		if (x == NULL || calls[i].due > now)
			continue;
		calls[i].exchange = NULL;
		counts.ended++;
		exchange_go_on(x);
	}
	set_timer();
}

static const struct progress *
open_progress(void)
{
	static struct progress progress = { -1, NULL, never, end_calls };

	timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	progress.fd = timer;
	return &progress;
}

static enum step
has_waited(struct exchange *x)
{
	struct text_answer *out = x->output;

	out->text = TEXT("waited");
	return NEXT;
}

static void
cancel_call(struct exchange *x)
{
	struct pending *call = x->call;

	call->exchange = NULL;
	counts.cancelled++;
	set_timer();
}

static enum step
wait_start(struct exchange *x)
{
	const struct number_input *in = x->input;

	for (size_t i = 0; i < CALLS_MAX; i++) {
		if (calls[i].exchange != NULL)
			continue;
		calls[i] = (struct pending){ x, monotonic_ms() + in->n };
		x->call = &calls[i];
		x->next = has_waited;
		x->cancel = cancel_call;
		counts.started++;
		set_timer();
		return WAITING;
	}
	return exchange_fail(x, ERROR_OVERLOADED, NULL, NULL);
}

static enum step
big_answer(struct exchange *x)
{
	const struct number_input *in = x->input;
	struct text_answer *out = x->output;
	char *bytes = arena_alloc(&x->arena, 1, (size_t)in->n);

	memset(bytes, 'x', (size_t)in->n);
	out->text = (struct text){ bytes, (size_t)in->n };
	return NEXT;
}

static enum step
hang(struct exchange *x)
{
	const struct number_input *in = x->input;
	struct text_answer *out = x->output;

	sleep((unsigned)in->n);
	out->text = TEXT("slept");
	return NEXT;
}

static enum step
crash(struct exchange *x)
{
	(void)x;
	raise(SIGKILL);
	return ANSWERED;
}

static enum step
show_counts(struct exchange *x)
{
	*(struct counts_answer *)x->output = counts;
	return NEXT;
}

static const struct field number_fields[] = {
	{ "n", FIELD_INT, FIELD_REQUIRED, offsetof(struct number_input, n), 0, 16777216 },
};
static const struct table number_table = TEXT_TABLE(number_fields, struct number_input);

static const struct field text_fields[] = {
	{ "text", FIELD_TEXT, 0, offsetof(struct text_answer, text) },
};
static const struct table text_table = TABLE(text_fields, struct text_answer);

static const struct field counts_fields[] = {
	{ "started", FIELD_INT, 0, offsetof(struct counts_answer, started) },
	{ "ended", FIELD_INT, 0, offsetof(struct counts_answer, ended) },
	{ "cancelled", FIELD_INT, 0, offsetof(struct counts_answer, cancelled) },
};
static const struct table counts_table = TABLE(counts_fields, struct counts_answer);

static const struct route test_routes[] = {
	{ "GET", "/test/wait/:n", wait_start, &number_table, &text_table, PUBLIC, "waits n ms",
	    ROUTE_CANCELLED },
	{ "GET", "/test/bill/:n", wait_start, &number_table, &text_table, PUBLIC, "goes to its end",
	    ROUTE_GOES_TO_END },
	{ "GET", "/test/big/:n", big_answer, &number_table, &text_table, PUBLIC, "n bytes",
	    ROUTE_INLINE },
	{ "GET", "/test/hang/:n", hang, &number_table, &text_table, PUBLIC, "sleeps n s",
	    ROUTE_INLINE },
	{ "GET", "/test/crash", crash, NULL, NULL, PUBLIC, "dies", ROUTE_INLINE },
	{ "GET", "/test/counts", show_counts, NULL, &counts_table, PUBLIC, "calls", ROUTE_INLINE },
};
#define TEST_ROUTE_COUNT (sizeof(test_routes) / sizeof(test_routes[0]))

int
main(int argc, char **argv)
{
	static struct route all[ROUTES_MAX];
	struct service service = { all, route_count + TEST_ROUTE_COUNT, NULL, open_progress };

	if (service.route_count > ROUTES_MAX)
		return 1;
	memcpy(all, routes, route_count * sizeof(routes[0]));
	memcpy(all + route_count, test_routes, sizeof(test_routes));
	return service_main(argc, argv, &service);
}
