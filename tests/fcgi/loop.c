/* The loop goes on whatever interrupts it, and whatever errno its hooks leave. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "loop.h"
#include "unit.h"

static struct loop *loop;
static unsigned turns, interrupted;
static int left_errno;

static void
note_interrupted(int signal)
{
	(void)signal;
	interrupted++;
}

static void
on_signal(void *owner, int signal)
{
	(void)owner, (void)signal;
	errno = left_errno;
}

static void
on_tick(void *owner, int64_t now)
{
	(void)owner, (void)now;
	errno = left_errno;
}

static void
on_turn(void *owner)
{
	(void)owner;
	errno = left_errno;
	if (++turns == 20)
		loop_stop(loop);
}

static const int signals[] = { SIGUSR2, 0 };
static const struct loop_hooks hooks = { NULL, on_signal, on_tick, on_turn };

static void
interrupted_wait(void)
{
	static const int left[] = { 0, EBADF, EAGAIN, EINTR, ENOENT };
	const struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = note_interrupted }, before;

	sigaction(SIGALRM, &action, &before);
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		left_errno = left[i];
		turns = interrupted = 0;
		loop = loop_open(&hooks, signals);
		setitimer(ITIMER_REAL, &often, NULL);
		CHECK(loop_run(loop), strerror(left[i]));
		setitimer(ITIMER_REAL, &never, NULL);
		CHECK(turns == 20 && interrupted > 0, strerror(left[i]));
		loop_close(loop);
	}
	sigaction(SIGALRM, &before, NULL);
}

/* The descriptor of an epoll is the first that is free. */
static void
epoll_that_fails(void)
{
	const int fd = dup(STDIN_FILENO), other = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	left_errno = ENOENT;
	turns = 0;
	loop = loop_open(&hooks, signals);
	dup2(other, fd);
	CHECK(!loop_run(loop), "it says so");
	CHECK(errno == EINVAL && turns == 1, "and why");
	loop_close(loop);
	close(other);
}

CU_TestInfo fcgi_loop_tests[] = {
	{ "a wait that is interrupted", interrupted_wait },
	{ "an epoll that fails", epoll_that_fails },
	CU_TEST_INFO_NULL,
};
