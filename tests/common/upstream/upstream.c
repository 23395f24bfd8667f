/* The client, against a server in the same thread that answers, hangs or closes by path. */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "unit.h"
#include "upstream.h"

#define ACCEPTED_MAX 64
#define PATIENCE_MS 20000 /* only a failure waits so long */

static struct {
	int listener, accepted[ACCEPTED_MAX];
	size_t count;
	char base[64];
} server;

static struct upstream *upstream;

static void
open_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	server.count = 0;
	if (bind(server.listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(server.listener, 64) != 0 ||
	    getsockname(server.listener, (struct sockaddr *)&address, &size) != 0)
		abort();
	snprintf(server.base, sizeof(server.base), "http://127.0.0.1:%d", ntohs(address.sin_port));
}

static void
hang_up(void)
{
	for (size_t i = 0; i < server.count; i++)
		if (server.accepted[i] >= 0)
			close(server.accepted[i]);
	server.count = 0;
}

static void
close_server(void)
{
	hang_up();
	close(server.listener);
}

static void
answer(int *fd)
{
	static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\": 12}";
	char request[4096];
	ssize_t n = recv(*fd, request, sizeof(request) - 1, MSG_DONTWAIT);

	if (n < 0)
		return;
	request[n] = '\0';
	if (n > 0 && strstr(request, "/hang") != NULL)
		return;
	if (n > 0 && strstr(request, "/close") == NULL &&
	    send(*fd, good, sizeof(good) - 1, MSG_NOSIGNAL) > 0)
		return;
	close(*fd);
	*fd = -1;
}

/* What the loop does, and the server. */
static void
turn(void)
{
	const struct progress *progress = upstream_progress(upstream);
	const int64_t timeout = progress->timeout(progress->owner);
	struct pollfd ready = { progress->fd, POLLIN, 0 };
	int fd;

	while (server.count < ACCEPTED_MAX && (fd = accept(server.listener, NULL, NULL)) >= 0)
		server.accepted[server.count++] = fd;
	for (size_t i = 0; i < server.count; i++)
		if (server.accepted[i] >= 0)
			answer(&server.accepted[i]);
	poll(&ready, 1, timeout < 0 || timeout > 5 ? 5 : (int)timeout);
	progress->step(progress->owner);
}

static const struct upstream_settings *
settings(int64_t most)
{
	static struct upstream_settings s;

	s = (struct upstream_settings){ .base_url = text_of(server.base),
		.max_calls = most,
		.connect_timeout = 5,
		.try_timeout = 10,
		.call_timeout = 15 };
	return &s;
}

static void
open_both(int64_t most)
{
	struct buf error = { 0 };

	open_server();
	upstream = upstream_open(settings(most), &error);
	CHECK(upstream != NULL, "open");
	buf_free(&error);
}

static void
close_both(void)
{
	upstream_close(upstream);
	close_server();
}

/* Calls, each in memory of its own, which is freed as soon as it may be. */

#define CALLS 8

static struct call *calls[CALLS];
static unsigned told, told_of[CALLS];
static enum call_outcome outcomes[CALLS];
static void (*then)(size_t which); /* what is done when a call is told */

static void
drop(size_t which)
{
	if (calls[which] == NULL)
		return;
	call_free(calls[which]);
	memset(calls[which], 0x5a, sizeof(*calls[which]));
	free(calls[which]);
	calls[which] = NULL;
}

static void
cancel(size_t which)
{
	if (calls[which] == NULL)
		return;
	upstream_cancel(upstream, calls[which]);
	upstream_cancel(upstream, calls[which]); /* twice is as good as once */
	drop(which);
}

static void
done(struct call *call)
{
	const size_t which = (size_t)((struct call **)call->owner - calls);

	told++;
	told_of[which]++;
	outcomes[which] = call->outcome;
	if (then != NULL)
		then(which);
	drop(which);
}

static void
send_call(size_t which, const char *path, enum call_repeat repeat, int64_t delay_ms)
{
	struct call *call = xcalloc(1, sizeof(*call));

	*call = (struct call){ .method = "POST",
		.path = text_of(path),
		.body = TEXT("{}"),
		.repeat = repeat,
		.delay_ms = delay_ms,
		.done = done,
		.owner = &calls[which] };
	calls[which] = call;
	told_of[which] = 0;
	upstream_send(upstream, call);
}

static void
run_until(unsigned count)
{
	const int64_t end = monotonic_ms() + PATIENCE_MS;

	while (told < count && monotonic_ms() < end)
		turn();
	CHECK(told == count, "all are told");
}

static void
start(int64_t most, void (*what)(size_t which))
{
	open_both(most);
	told = 0;
	then = what;
	memset(told_of, 0, sizeof(told_of));
	memset(calls, 0, sizeof(calls));
}

static void
stop(void)
{
	for (size_t i = 0; i < CALLS; i++)
		cancel(i);
	CHECK(upstream_busy(upstream) == 0, "none is under way");
	close_both();
}

/* Those that end in one step: the first that is told cancels all others. */

static void
cancel_others(size_t which)
{
	for (size_t i = 0; i < CALLS; i++)
		if (i != which)
			cancel(i);
}

static void
cancelled_in_the_turn_of_its_end(void)
{
	static const char *const paths[] = { "/answer", "/close", "/hang" };

	for (size_t n = 0; n < sizeof(paths) / sizeof(paths[0]); n++) {
		start(CALLS, cancel_others);
		send_call(0, "/answer", CALL_ONCE, 0);
		for (size_t i = 1; i < CALLS; i++)
			send_call(i, paths[n], CALL_ONCE, i % 3 == 0 ? 20 : 0);
		run_until(1);
		for (int i = 0; i < 20; i++)
			turn();
		CHECK(told == 1, paths[n]);
		stop();
	}
	/* Those that are not sent at all end in one step for sure. */
	start(1, cancel_others);
	send_call(0, "/hang", CALL_ONCE, 0);
	for (size_t i = 1; i < CALLS; i++)
		send_call(i, "/answer", CALL_ONCE, 0);
	run_until(1);
	turn();
	CHECK(told == 1 && outcomes[1] == CALL_CROWDED, "crowded");
	stop();
}

/* The one that is told cancels itself. */

static void
cancelled_by_itself(void)
{
	start(1, cancel);
	for (size_t i = 0; i < 3; i++)
		send_call(i, "/answer", CALL_ONCE, 0);
	run_until(3);
	CHECK(outcomes[0] == CALL_ANSWERED && outcomes[1] == CALL_CROWDED, "outcomes");
	stop();
}

/* The one that is told sends others; what it sends at once ends in the next step. */

static void
send_others(size_t which)
{
	if (which > 1)
		return;
	cancel(1 - which);
	for (size_t i = 2; i < CALLS; i++)
		if (calls[i] == NULL)
			send_call(i, "/answer", CALL_SAFE, 0);
	cancel(CALLS - 1);
}

static void
sent_and_cancelled_while_told(void)
{
	start(2, send_others);
	send_call(0, "/answer", CALL_ONCE, 0);
	send_call(1, "/answer", CALL_ONCE, 0);
	run_until(1 + CALLS - 3);
	for (size_t i = 2; i < CALLS; i++)
		CHECK(told_of[i] == (i < CALLS - 1), "each is told once");
	stop();
}

static void
cancelled_at_any_time(void)
{
	static const char *const paths[] = { "/answer", "/close", "/hang", "/answer?2" };
	unsigned random = 12345;

	start(CALLS - 2, NULL);
	for (int i = 0; i < 2000; i++) {
		const size_t which = (random = random * 1103515245U + 12345U) >> 16 & (CALLS - 1);

		cancel(which);
		send_call(which, paths[random >> 20 & 3], (enum call_repeat)(random >> 22 & 3U) % 3,
		    random >> 24 & 1 ? 3 : 0);
		if ((random >> 25 & 3) == 0)
			cancel((which + 3) % CALLS);
		if (server.count == ACCEPTED_MAX)
			hang_up();
		turn();
	}
	stop();
}

static void
closed_with_calls_under_way(void)
{
	start(CALLS, NULL);
	send_call(0, "/hang", CALL_ONCE, 0);
	send_call(1, "/answer", CALL_ONCE, 500);
	send_call(2, "/answer", CALL_ONCE, 0);
	for (int i = 0; i < 10; i++)
		turn();
	/* Crowded ones, which nobody is told of. */
	for (size_t i = 3; i < CALLS; i++)
		send_call(i, "/hang", CALL_ONCE, 0);
	close_both();
	for (size_t i = 0; i < CALLS; i++)
		drop(i);
}

/* A socket that cannot be watched ends its own call, and none that comes later. */
static void
socket_that_is_not_watched(void)
{
	static const enum call_repeat repeats[] = { CALL_SAFE, CALL_REPEATABLE, CALL_ONCE };
	int fd, kept, other = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(repeats) / sizeof(repeats[0]); i++) {
		start(CALLS, NULL);
		fd = upstream_progress(upstream)->fd;
		kept = dup(fd);
		send_call(0, "/answer", CALL_ONCE, 0);
		run_until(1);
		CHECK(outcomes[0] == CALL_ANSWERED, "before");
		send_call(1, "/hang", CALL_ONCE, 0);
		for (int n = 0; n < 20; n++)
			turn();
		dup2(other, fd);
		send_call(2, "/answer", repeats[i], 0);
		calls[2]->most_tries = 2;
		run_until(2);
		CHECK(outcomes[2] == CALL_NOT_DONE, "not sent");
		dup2(kept, fd);
		send_call(3, "/answer", CALL_ONCE, 0);
		run_until(3);
		CHECK(outcomes[3] == CALL_ANSWERED, "after");
		close(kept);
		stop();
	}
	close(other);
}

CU_TestInfo upstream_upstream_tests[] = {
	{ "cancelled in the turn of its end", cancelled_in_the_turn_of_its_end },
	{ "cancelled by itself", cancelled_by_itself },
	{ "sent and cancelled while told", sent_and_cancelled_while_told },
	{ "cancelled at any time", cancelled_at_any_time },
	{ "closed with calls under way", closed_with_calls_under_way },
	{ "a socket that is not watched", socket_that_is_not_watched },
	CU_TEST_INFO_NULL,
};
