#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "listener.h"
#include "log.h"
#include "loop.h"
#include "master.h"
#include "options.h"
#include "worker.h"

#define WORKERS 4 /* one that serves, one that starts, the others drain */
#define KILL_AFTER_MS 5000
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MOST_MS 10000
#define LONG_LIFE_MS 10000 /* a worker that lived so long did not die of its start */

enum worker_state { NONE, STARTING, SERVING, DRAINING };

struct worker_process {
	struct watch pipe; /* first, so that the watch is the worker */
	struct master *master;
	enum worker_state state;
	pid_t pid;
	int64_t since;   /* monotonic ms: start */
	int64_t heard;   /* last heartbeat */
	int64_t kill_at; /* 0 = not to be killed */
};

struct master {
	const struct master_setup *setup;
	struct loop *loop;
	struct worker_process workers[WORKERS];
	bool stopping;
	bool reload_again;  /* SIGHUP came while a new worker was starting, or too many ended */
	bool has_served;    /* a worker once got ready */
	int64_t restart_at; /* monotonic ms; 0 = none is due */
	int64_t backoff_ms;
	int64_t notify_every_ms, notified; /* systemd's watchdog; 0 = none */
	int code;
};

static void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* sd_notify(3), the protocol of $NOTIFY_SOCKET: a datagram of lines. */
static void
notify(const char *format, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char text[256];
	va_list args;
	size_t length;
	int fd, n;

	if (path == NULL || path[0] == '\0')
		return;
	length = strlen(path);
	if (length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (n > 0 && (size_t)n < sizeof(text) &&
	    sendto(fd, text, (size_t)n, MSG_NOSIGNAL, (const struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		log_line(LOG_LEVEL_WARNING, "NOTIFY_SOCKET: %s", strerror(errno));
	close(fd);
}

static void
notify_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	notify("RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

static struct worker_process *
worker_in(struct master *m, enum worker_state state)
{
	for (size_t i = 0; i < WORKERS; i++)
		if (m->workers[i].state == state)
			return &m->workers[i];
	return NULL;
}

static void
signal_worker(const struct worker_process *w, int signal)
{
	if (w != NULL)
		kill(w->pid, signal);
}

static void
drain_worker(struct master *m, struct worker_process *w)
{
	if (w == NULL)
		return;
	if (w->state != DRAINING)
		signal_worker(w, SIGTERM);
	w->state = DRAINING;
	w->kill_at = loop_now(m->loop) + m->setup->drain_ms + KILL_AFTER_MS;
}

static void
worker_ready(struct master *m, struct worker_process *w)
{
	drain_worker(m, worker_in(m, SERVING));
	w->state = SERVING;
	if (m->stopping) {
		drain_worker(m, w);
		return;
	}
	log_line(LOG_LEVEL_INFO, "worker %d serves", (int)w->pid);
	notify("READY=1\nSTATUS=worker %d serves\nMAINPID=%d", (int)w->pid, (int)getpid());
	m->has_served = true;
}

static void
pipe_ready(struct watch *watch, uint32_t events)
{
	struct worker_process *w = (struct worker_process *)watch;
	struct master *m = w->master;
	char bytes[256];
	ssize_t n = read(watch->fd, bytes, sizeof(bytes));

	(void)events;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		loop_unwatch(m->loop, watch); /* it is about to die; SIGCHLD tells */
		return;
	}
	if (n < 0)
		return;
	w->heard = loop_now(m->loop);
	if (w->state == STARTING && memchr(bytes, 'R', (size_t)n) != NULL)
		worker_ready(m, w);
}

/* In the new process. */
static int
become_worker(struct master *m, pid_t parent, int write_end)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGINT); /* not SIGTERM: twice, that ends what drains at once */
	if (getppid() != parent)
		return EXIT_OS; /* it died before that took effect */
	for (size_t i = 0; i < WORKERS; i++)
		if (m->workers[i].state != NONE && m->workers[i].pipe.fd >= 0)
			close(m->workers[i].pipe.fd);
	loop_close(m->loop);
	/* What the master waits for; the worker's own loop blocks what it wants. */
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	sigaddset(&none, SIGCHLD);
	sigprocmask(SIG_UNBLOCK, &none, NULL);
	unsetenv("NOTIFY_SOCKET");
	return m->setup->work(m->setup->owner, m->setup->listener, write_end);
}

static bool
start_worker(struct master *m)
{
	struct worker_process *w = worker_in(m, NONE);
	int ends[2];
	pid_t parent = getpid(), pid;

	if (w == NULL) {
		log_line(LOG_LEVEL_ERROR, "no new worker: %d old ones still drain", WORKERS - 1);
		return false;
	}
	log_flush(); /* or both processes would write what is gathered */
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		log_line(LOG_LEVEL_ERROR, "no new worker: pipe: %s", strerror(errno));
		return false;
	}
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		exit(become_worker(m, parent, ends[1]));
	}
	if (pid < 0) {
		log_line(LOG_LEVEL_ERROR, "no new worker: fork: %s", strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return false;
	}
	close(ends[1]);
	*w = (struct worker_process){ .pipe = { ends[0], 0, pipe_ready },
		.master = m,
		.state = STARTING,
		.pid = pid,
		.since = loop_now(m->loop),
		.heard = loop_now(m->loop) };
	if (!loop_watch(m->loop, &w->pipe, EPOLLIN)) {
		log_line(LOG_LEVEL_ERROR, "worker %d cannot be heard: epoll: %s: killed", (int)pid,
		    strerror(errno));
		kill(pid, SIGKILL); /* SIGCHLD tells, and then another is started */
	}
	return true;
}

static void
start_later(struct master *m, int64_t lived_ms)
{
	int64_t now = loop_now(m->loop);

	if (lived_ms >= LONG_LIFE_MS)
		m->backoff_ms = 0;
	/* The first time at once: most often it is a chance. */
	m->restart_at = now + m->backoff_ms;
	m->backoff_ms = m->backoff_ms == 0 ? BACKOFF_FIRST_MS : m->backoff_ms * 2;
	if (m->backoff_ms > BACKOFF_MOST_MS)
		m->backoff_ms = BACKOFF_MOST_MS;
}

static void
start_if_due(struct master *m)
{
	if (m->restart_at == 0 || loop_now(m->loop) < m->restart_at)
		return;
	m->restart_at = 0;
	if (!start_worker(m))
		start_later(m, 0);
}

static void
say_why(const struct worker_process *w, int status)
{
	static const char *const states[] = {
		[NONE] = "", [STARTING] = "starting", [SERVING] = "serving", [DRAINING] = "stopping"
	};
	bool expected = w->state == DRAINING && WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (WIFSIGNALED(status))
		log_line(LOG_LEVEL_ERROR, "worker %d, %s, was killed by signal %d (%s)",
		    (int)w->pid, states[w->state], WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_line(expected ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
		    "worker %d, %s, ended with exit code %d", (int)w->pid, states[w->state],
		    WEXITSTATUS(status));
}

/* Said where an operator looks: by systemd, and by the worker that goes on. */
static void
reload_failed(const struct worker_process *serving)
{
	signal_worker(serving, WORKER_STAYS);
	notify("READY=1\nSTATUS=reload failed, the old configuration serves");
}

static void
worker_died(struct master *m, struct worker_process *w, int status)
{
	const struct worker_process *serving = worker_in(m, SERVING);
	enum worker_state was = w->state;
	int64_t lived = loop_now(m->loop) - w->since;

	say_why(w, status);
	loop_unwatch(m->loop, &w->pipe);
	close(w->pipe.fd);
	w->state = NONE;
	if (serving == w)
		serving = NULL;
	if (m->stopping || was == DRAINING)
		return;
	if (!m->has_served && WIFEXITED(status)) {
		/* The very first one could not start: whoever started us wants to know. */
		m->code = WEXITSTATUS(status) == 0 ? EXIT_SOFTWARE : WEXITSTATUS(status);
		loop_stop(m->loop);
		return;
	}
	if (was == STARTING && serving != NULL) {
		log_line(LOG_LEVEL_ERROR, "the new configuration is not used; worker %d goes on",
		    (int)serving->pid);
		reload_failed(serving);
		return;
	}
	if (worker_in(m, STARTING) == NULL)
		start_later(m, lived);
	start_if_due(m);
}

static void
reap(struct master *m)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < WORKERS; i++)
			if (m->workers[i].state != NONE && m->workers[i].pid == pid)
				worker_died(m, &m->workers[i], status);
}

static void
reload(struct master *m)
{
	if (m->stopping)
		return;
	if (worker_in(m, STARTING) != NULL || worker_in(m, NONE) == NULL) {
		if (worker_in(m, NONE) == NULL)
			log_line(LOG_LEVEL_WARNING, "reload waits: %d old workers still drain",
			    WORKERS - 1);
		m->reload_again = true;
		return;
	}
	log_line(LOG_LEVEL_INFO, "reloading");
	notify_reloading();
	if (!start_worker(m))
		reload_failed(worker_in(m, SERVING));
}

static void
stop_listening(const struct master_setup *setup)
{
	/* The file first: whoever starts next puts one of his own there. */
	if (setup->address != NULL)
		listener_remove(setup->address);
	close(setup->listener);
}

static void
stop(struct master *m)
{
	if (m->stopping) {
		for (size_t i = 0; i < WORKERS; i++)
			if (m->workers[i].state != NONE)
				signal_worker(&m->workers[i], SIGTERM); /* asked twice: at once */
		return;
	}
	log_line(LOG_LEVEL_INFO, "stopping");
	notify("STOPPING=1");
	m->stopping = true;
	m->restart_at = 0;
	stop_listening(m->setup);
	for (size_t i = 0; i < WORKERS; i++)
		if (m->workers[i].state != NONE)
			drain_worker(m, &m->workers[i]);
}

static void
on_signal(void *owner, int signal)
{
	struct master *m = owner;

	switch (signal) {
	case SIGCHLD: reap(m); break;
	case SIGHUP: reload(m); break;
	case SIGUSR1:
		log_reopen();
		for (size_t i = 0; i < WORKERS; i++)
			if (m->workers[i].state != NONE)
				signal_worker(&m->workers[i], SIGUSR1);
		break;
	default: stop(m); break;
	}
}

/* A worker without a heartbeat hangs; one that does not end is made to. */
static void
check_workers(struct master *m, int64_t now)
{
	for (size_t i = 0; i < WORKERS; i++) {
		struct worker_process *w = &m->workers[i];

		if (w->state == NONE)
			continue;
		if (w->state != DRAINING && now - w->heard > m->setup->silent_ms) {
			log_line(LOG_LEVEL_ERROR,
			    "worker %d gives no sign of life for %lld s (WORKER_TIMEOUT): killed",
			    (int)w->pid, (long long)((now - w->heard) / 1000));
			signal_worker(w, SIGKILL);
			w->heard = now;
		} else if (w->kill_at != 0 && now >= w->kill_at) {
			log_line(LOG_LEVEL_ERROR, "worker %d does not end (DRAIN_TIMEOUT): killed",
			    (int)w->pid);
			signal_worker(w, SIGKILL);
			w->kill_at = now + KILL_AFTER_MS;
		}
	}
}

/* systemd hears from us only while we hear from a worker. */
static void
feed_watchdog(struct master *m, int64_t now)
{
	const struct worker_process *w = worker_in(m, SERVING);

	if (m->notify_every_ms == 0 || now - m->notified < m->notify_every_ms)
		return;
	m->notified = now;
	if (w != NULL && now - w->heard <= m->setup->silent_ms)
		notify("WATCHDOG=1");
}

static void
on_tick(void *owner, int64_t now)
{
	struct master *m = owner;

	check_workers(m, now);
}

static void
on_turn(void *owner)
{
	struct master *m = owner;
	bool any = false;

	start_if_due(m);
	if (m->reload_again && worker_in(m, STARTING) == NULL && worker_in(m, NONE) != NULL) {
		m->reload_again = false;
		reload(m);
	}
	for (size_t i = 0; i < WORKERS; i++)
		any = any || m->workers[i].state != NONE;
	if (m->stopping && !any)
		loop_stop(m->loop);
	log_flush();
}

static int64_t
time_until(int64_t when, int64_t now)
{
	return when > now ? when - now : 0;
}

/* The loop has no timers but its tick: what is due sooner is told it by this. */
static int64_t
next_timeout(void *owner)
{
	const struct master *m = owner;
	int64_t now = loop_now(m->loop), next = -1;

	if (m->restart_at != 0)
		next = time_until(m->restart_at, now);
	if (m->notify_every_ms != 0) {
		int64_t feed = time_until(m->notified + m->notify_every_ms, now);

		next = next < 0 || feed < next ? feed : next;
	}
	return next;
}

static void
next_step(void *owner)
{
	struct master *m = owner;

	start_if_due(m);
	feed_watchdog(m, loop_now(m->loop));
}

static int64_t
watchdog_ms(void)
{
	const char *text = getenv("WATCHDOG_USEC");
	uint64_t usec;

	if (text == NULL || !text_number(text_of(text), INT64_MAX, &usec))
		return 0;
	return (int64_t)(usec / 2000); /* sd_watchdog_enabled(3): twice as often */
}

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD, 0 };

void
master_hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (const int *s = signals; *s != 0; s++)
		sigaddset(&set, *s);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int
master_run(const struct master_setup *setup)
{
	struct master m = { .setup = setup, .notify_every_ms = watchdog_ms() };
	const struct loop_hooks hooks = { &m, on_signal, on_tick, on_turn };
	const struct progress due = { -1, &m, next_timeout, next_step };

	signal(SIGPIPE, SIG_IGN); /* whoever reads our log may go */
	signal(SIGXFSZ, SIG_IGN); /* and it may not be allowed to grow */
	m.loop = loop_open(&hooks, signals);
	if (m.loop == NULL || !loop_progress(m.loop, &due)) {
		log_line(LOG_LEVEL_ERROR, "cannot run: %s", strerror(errno));
		m.code = EXIT_OS;
	} else if (!start_worker(&m)) {
		m.code = EXIT_OS; /* it has said why */
	} else if (!loop_run(m.loop)) {
		log_line(LOG_LEVEL_ERROR, "cannot run: %s", strerror(errno));
		m.code = EXIT_OS;
	}
	loop_close(m.loop);
	if (!m.stopping)
		stop_listening(setup);
	log_flush();
	return m.code;
}
