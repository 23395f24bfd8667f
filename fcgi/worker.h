/* worker.h - the process that serves: one loop, its connections, its signals. */
#ifndef FCGI_WORKER_H
#define FCGI_WORKER_H

#include <signal.h>

#include "app.h"
#include "service_settings.h"

/* The master's signal to one whose successor could not start, so that it says so, too. */
#define WORKER_STAYS SIGUSR2

struct worker_setup {
	int listener;
	int pipe; /* to the master: 'R' when ready, and each second; -1: there is no master */
	const struct config *config;
	const struct service_settings *settings;
	const struct route *routes;
	size_t route_count;
	const struct upstream_driver *driver; /* NULL: no calls to Agora */
	const struct progress *progress; /* a test's, in the place of the driver's; NULL: none */
};

/*
 * Serves until SIGTERM and the end of what was under way.  Without a master SIGINT is the same and
 * SIGUSR1 reopens the log.  Returns the exit code.
 */
int worker_run(const struct worker_setup *setup);

#endif
