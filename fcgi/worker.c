#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <unistd.h>

#include "codec.h"
#include "connection.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "options.h"
#include "sandbox.h"
#include "worker.h"

struct worker {
	const struct worker_setup *setup;
	struct loop *loop;
	struct connections *connections;
	int64_t drain_until; /* monotonic ms; 0 = not draining */
};

static void
drain(struct worker *worker)
{
	log_line(LOG_LEVEL_INFO, "stopping: %zu connections and waiting requests to end",
	    connections_busy(worker->connections));
	worker->drain_until =
	    loop_now(worker->loop) + worker->setup->settings->drain_timeout * 1000;
	connections_drain(worker->connections);
	/* Once the master has none either, web servers are refused at once and go elsewhere. */
	if (worker->setup->pipe >= 0)
		close(worker->setup->listener);
}

/* The master counts on a byte a second; without a master to read it, it is time to end. */
static void
beat(struct worker *worker)
{
	if (worker->setup->pipe >= 0 && write(worker->setup->pipe, "R", 1) < 0 && errno == EPIPE &&
	    worker->drain_until == 0) {
		log_line(LOG_LEVEL_ERROR, "the master process is gone");
		drain(worker);
	}
}

static void
on_signal(void *owner, int signal)
{
	struct worker *worker = owner;

	if (signal == SIGUSR1)
		app_reopen_logs();
	else if (signal == WORKER_STAYS)
		metric_set(METRIC_RELOADED, &LABELS(NULL), 0);
	else if (signal == SIGINT && worker->setup->pipe >= 0)
		beat(worker); /* from the terminal, or because the master died */
	else if (worker->drain_until == 0)
		drain(worker);
	else
		loop_stop(worker->loop); /* asked twice */
}

static void
on_tick(void *owner, int64_t now)
{
	struct worker *worker = owner;

	connections_tick(worker->connections, now);
	beat(worker);
}

static void
on_turn(void *owner)
{
	struct worker *worker = owner;

	connections_turn(worker->connections);
	log_flush();
	if (worker->drain_until == 0)
		return;
	if (connections_busy(worker->connections) == 0) {
		loop_stop(worker->loop);
	} else if (loop_now(worker->loop) >= worker->drain_until) {
		log_line(LOG_LEVEL_WARNING,
		    "%zu connections and waiting requests cut off (DRAIN_TIMEOUT)",
		    connections_busy(worker->connections));
		loop_stop(worker->loop);
	}
}

static struct text
directory_of(struct text path, char directory[PATH_MAX])
{
	if (path.data == NULL || path.length >= PATH_MAX)
		return (struct text){ NULL, 0 };
	memcpy(directory, path.data, path.length + 1);
	return text_of(dirname(directory));
}

/* Logs are opened anew in their directories, and fetched keys are kept in theirs. */
static void
enter_sandbox(const struct worker_setup *setup)
{
	char log[PATH_MAX], audit[PATH_MAX];
	const struct text directories[] = { directory_of(setup->settings->log_file, log),
		directory_of(setup->config->access.audit_file, audit),
		setup->config->access.key_cache };

#ifdef __SANITIZE_ADDRESS__
	return; /* at the end it looks for leaks from another process */
#endif
	if (setup->settings->sandbox)
		sandbox_enter(directories, sizeof(directories) / sizeof(directories[0]));
}

static struct connection_limits
limits_of(const struct worker_setup *setup)
{
	const struct service_settings *s = setup->settings;

	return (struct connection_limits){
		.request = { (size_t)s->max_params, (size_t)setup->config->api.max_body },
		.connections = s->max_connections,
		.waiting = s->max_waiting,
		.waiting_bytes = (size_t)s->waiting_bytes,
		.request_ms = s->request_timeout * 1000,
		.answer_ms = s->answer_timeout * 1000,
		.wait_ms = s->wait_timeout * 1000,
	};
}

int
worker_run(const struct worker_setup *setup)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGUSR1, WORKER_STAYS, 0 };
	const struct connection_limits limits = limits_of(setup);
	struct worker worker = { .setup = setup };
	const struct loop_hooks hooks = { &worker, on_signal, on_tick, on_turn };
	struct buf error = { 0 };
	struct app *app =
	    app_open(setup->config, setup->routes, setup->route_count, setup->driver, true, &error);
	const struct progress *progress = setup->progress;
	int code = EXIT_OS, problem;
	bool watched;

	if (app == NULL) {
		log_line(LOG_LEVEL_ERROR, "configuration: %.*s", (int)error.length, error.data);
		buf_free(&error);
		log_flush();
		return EXIT_CONFIG;
	}
	config_forget_audit_key(setup->config);
	if (progress == NULL)
		progress = app_progress(app);

	worker.loop = loop_open(&hooks, signals);
	if (worker.loop != NULL && codec_init())
		worker.connections = connections_open(worker.loop, app, setup->listener, &limits);
	watched = worker.connections != NULL &&
	    (progress == NULL || loop_progress(worker.loop, progress));
	problem = errno;
	/* libfcgi has its own ideas of these; they end here. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a write that fails */
	if (watched) {
		if (!secrets_are_locked())
			log_line(LOG_LEVEL_WARNING,
			    "secrets may be written to swap: memory cannot be locked "
			    "(RLIMIT_MEMLOCK, ulimit -l)");
		enter_sandbox(setup);
		metric_set(METRIC_RELOADED, &LABELS(NULL), 1);
		metric_set(METRIC_PROCESS_START, &LABELS(NULL), unix_seconds());
		log_flush(); /* what was said so far stands in front of the master's word */
		beat(&worker);
		if (loop_run(worker.loop))
			code = 0;
		problem = errno;
	}
	if (code != 0)
		log_line(LOG_LEVEL_ERROR, "cannot serve: %s", strerror(problem));
	connections_close(worker.connections);
	loop_close(worker.loop);
	app_close(app);
	log_flush();
	return code;
}
