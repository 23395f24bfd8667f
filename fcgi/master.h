/*
 * master.h - owns the listening socket and keeps one worker at work on it: starts it, replaces it
 * when it dies, hangs or the configuration changes, and drains it at the end.  It holds no secret
 * and parses nothing that comes from outside.
 */
#ifndef FCGI_MASTER_H
#define FCGI_MASTER_H

#include <stdint.h>

struct master_setup {
	void *owner;
	/* In the new process: serves on the listener, returns the exit code. */
	int (*work)(void *owner, int listener, int pipe);
	int listener;        /* closed as soon as it is to end */
	const char *address; /* of our own socket, whose file goes then too; NULL: another's */
	int64_t drain_ms;    /* after which a worker that was told to end is killed */
	int64_t silent_ms;   /* without a heartbeat after which a worker is killed */
};

/*
 * Holds back the signals that master_run obeys, until it runs.  Before the socket is made: one that
 * comes in between must not leave its file behind.
 */
void master_hold_signals(void);

/*
 * Runs until SIGTERM or SIGINT and the worker's end.  SIGHUP starts a new worker, which reads the
 * configuration anew, and drains the old one once the new one serves; if it cannot, the old one
 * stays.  SIGUSR1 reopens logs.  Tells $NOTIFY_SOCKET (sd_notify(3)) how it is.  Returns the exit
 * code: the first worker's, when that does not even start.
 */
int master_run(const struct master_setup *setup);

#endif
