#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
	interrupted = number;
}

/*
 * A byte at a time: what follows the line is for the next question.  Signals come while it waits,
 * and at no other time, so that none is missed.
 */
static bool
read_line(struct buf *line, const sigset_t *waiting)
{
	struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
	ssize_t n = -1;
	char c;

	buf_reserve(line, ASK_MAX);
	while (ppoll(&input, 1, NULL, waiting) == 1 && (n = read(STDIN_FILENO, &c, 1)) == 1 &&
	    c != '\n') {
		if (line->length < ASK_MAX)
			buf_add(line, &c, 1);
		n = -1;
	}
	return n == 1;
}

bool
cli_ask(const char *question, bool hidden, struct buf *answer)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	enum { COUNT = sizeof(signals) / sizeof(signals[0]) };
	struct sigaction catch = { .sa_handler = on_signal }, before[COUNT];
	struct termios as_it_was, silent;
	sigset_t blocked, mask;
	bool got;

	if (tcgetattr(STDIN_FILENO, &as_it_was) != 0)
		return false;
	sigemptyset(&blocked);
	for (int i = 0; i < COUNT; i++)
		sigaddset(&blocked, signals[i]);
	sigprocmask(SIG_BLOCK, &blocked, &mask);
	for (int i = 0; i < COUNT; i++)
		sigaction(signals[i], &catch, &before[i]);
	silent = as_it_was;
	if (hidden)
		silent.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fputs(question, stderr);
	got = read_line(answer, &mask);
	tcsetattr(STDIN_FILENO, TCSANOW, &as_it_was);
	if (hidden || !got)
		fputc('\n', stderr);
	for (int i = 0; i < COUNT; i++)
		sigaction(signals[i], &before[i], NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (interrupted != 0)
		raise(interrupted);
	return got;
}
