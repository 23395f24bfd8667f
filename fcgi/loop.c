#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "loop.h"

#define BATCH 256
#define TICK_MS 1000

struct loop {
	struct loop_hooks hooks;
	int epoll;
	struct watch signals;
	struct epoll_event events[BATCH];
	int event_count, event_at;
	const struct progress *progress; /* NULL: none */
	struct watch progress_watch;
	bool progress_due;
	int64_t now, next_tick;
	bool stopped;
};

static struct loop *
loop_of_signals(struct watch *watch)
{
	return (struct loop *)((char *)watch - offsetof(struct loop, signals));
}

static void
read_signals(struct watch *watch, uint32_t events)
{
	struct loop *loop = loop_of_signals(watch);
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == sizeof(info))
		loop->hooks.signalled(loop->hooks.owner, (int)info.ssi_signo);
}

struct loop *
loop_open(const struct loop_hooks *hooks, const int *signals)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));
	sigset_t set;

	loop->hooks = *hooks;
	loop->signals = (struct watch){ -1, 0, read_signals };
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		goto failed;
	sigemptyset(&set);
	for (; *signals != 0; signals++)
		sigaddset(&set, *signals);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		goto failed;
	loop->signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (loop->signals.fd < 0 || !loop_watch(loop, &loop->signals, EPOLLIN))
		goto failed;
	loop->now = monotonic_ms();
	loop->next_tick = loop->now + TICK_MS;
	return loop;
failed:
	loop_close(loop);
	return NULL;
}

void
loop_close(struct loop *loop)
{
	int saved = errno;

	if (loop == NULL)
		return;
	if (loop->signals.fd >= 0)
		close(loop->signals.fd);
	if (loop->epoll >= 0)
		close(loop->epoll);
	free(loop);
	errno = saved;
}

bool
loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data = { .ptr = watch } };
	int op = watch->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (watch->events == events)
		return true;
	if (epoll_ctl(loop->epoll, op, watch->fd, &event) != 0 &&
	    (errno != EEXIST || epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) != 0))
		return false;
	watch->events = events;
	return true;
}

void
loop_unwatch(struct loop *loop, struct watch *watch)
{
	if (watch->events != 0)
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->events = 0;
	for (int i = loop->event_at; i < loop->event_count; i++)
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
}

static void
progress_ready(struct watch *watch, uint32_t events)
{
	struct loop *loop = (struct loop *)((char *)watch - offsetof(struct loop, progress_watch));

	(void)events;
	loop->progress_due = true;
}

bool
loop_progress(struct loop *loop, const struct progress *progress)
{
	loop->progress = progress;
	loop->progress_watch = (struct watch){ progress->fd, 0, progress_ready };
	return progress->fd < 0 || loop_watch(loop, &loop->progress_watch, EPOLLIN);
}

/* Milliseconds until something is due without an event. */
static int
wait_time(const struct loop *loop)
{
	int64_t wait = loop->next_tick > loop->now ? loop->next_tick - loop->now : 0;
	int64_t progress =
	    loop->progress == NULL ? -1 : loop->progress->timeout(loop->progress->owner);

	return (int)(progress >= 0 && progress < wait ? progress : wait);
}

static void
run_progress(struct loop *loop)
{
	if (loop->progress == NULL)
		return;
	if (loop->progress_due || loop->progress->timeout(loop->progress->owner) == 0)
		loop->progress->step(loop->progress->owner);
	loop->progress_due = false;
}

/* Returns 0, or why epoll failed: what runs after the wait has its own errno. */
static int
run_turn(struct loop *loop)
{
	int problem;

	loop->now = monotonic_ms();
	loop->event_count = epoll_wait(loop->epoll, loop->events, BATCH, wait_time(loop));
	problem = loop->event_count < 0 && errno != EINTR ? errno : 0;
	loop->now = monotonic_ms();
	for (loop->event_at = 0; loop->event_at < loop->event_count; loop->event_at++) {
		struct watch *watch = loop->events[loop->event_at].data.ptr;

		if (watch != NULL)
			watch->ready(watch, loop->events[loop->event_at].events);
	}
	run_progress(loop);
	if (loop->now >= loop->next_tick) {
		loop->next_tick = loop->now + TICK_MS;
		loop->hooks.tick(loop->hooks.owner, loop->now);
	}
	loop->hooks.turn(loop->hooks.owner);
	return problem;
}

bool
loop_run(struct loop *loop)
{
	int problem = 0;

	while (!loop->stopped && problem == 0)
		problem = run_turn(loop);
	if (problem != 0)
		errno = problem;
	return problem == 0;
}

void
loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

int64_t
loop_now(const struct loop *loop)
{
	return loop->now;
}
