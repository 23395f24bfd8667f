#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "sandbox.h"
#include "unit.h"

static char directory[] = "/tmp/agora-sandbox-XXXXXX";
static char elsewhere[] = "/tmp/agora-elsewhere-XXXXXX";

static bool
can_open(const char *in, const char *name, int flags)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", in, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
can_rename(void)
{
	char from[80], to[80];

	snprintf(from, sizeof(from), "%s/old", directory);
	snprintf(to, sizeof(to), "%s/new", directory);
	return rename(from, to) == 0;
}

static bool
can_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
can_fork(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static void *
nothing(void *argument)
{
	return argument;
}

static bool
can_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

static bool
can_exec(void)
{
	static char *const none[] = { NULL };

	syscall(SYS_execve, "/bin/true", none, none);
	return errno != EPERM && errno != EACCES;
}

/* A bit for each thing that is not as it should be. */
static unsigned
look(void)
{
	unsigned wrong = 0, bit = 1;
	const bool wanted[] = {
		/* what it needs */
		can_open("/etc", "passwd", O_RDONLY),
		can_open(directory, "log", O_WRONLY | O_CREAT),
		can_open(directory, "log", O_WRONLY | O_TRUNC),
		can_open(directory, "old", O_WRONLY | O_CREAT),
		can_rename(),
		can_socket(AF_UNIX),
		can_socket(AF_INET),
		can_socket(AF_INET6),
		can_thread(),
		/* what it does not */
		!can_open(elsewhere, "log", O_WRONLY | O_CREAT),
		!can_open("/dev", "null", O_WRONLY),
		mkdir("/tmp/agora-sandbox-directory", 0700) != 0,
		!can_socket(AF_NETLINK),
		!can_socket(AF_PACKET),
		!can_fork(),
		!can_exec(),
		ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0,
		unshare(CLONE_NEWUSER) != 0,
		setuid(getuid()) != 0,
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++, bit <<= 1)
		wrong |= wanted[i] ? 0 : bit;
	return wrong;
}

static unsigned
confined(int answer)
{
	const struct text directories[] = { text_of(NULL), text_of(directory),
		text_of("/no/such") };
	unsigned wrong;

	log_set_level(LOG_LEVEL_ERROR);
	sandbox_enter(directories, sizeof(directories) / sizeof(directories[0]));
	wrong = look();
	return write(answer, &wrong, sizeof(wrong)) == sizeof(wrong) ? 0 : 1;
}

/* In a process of its own, for there is no way back. */
static void
gives_up_what_it_does_not_need(void)
{
	char path[80], said[32];
	unsigned wrong = ~0U;
	int ends[2], status;
	pid_t pid;

	if (mkdtemp(directory) == NULL || mkdtemp(elsewhere) == NULL || pipe(ends) != 0)
		abort();
	log_flush();
	pid = fork();
	if (pid == 0)
		_exit((int)confined(ends[1]));
	CHECK(waitpid(pid, &status, 0) == pid && status == 0, "it lives to its end");
	CHECK(read(ends[0], &wrong, sizeof(wrong)) == sizeof(wrong), "and answers");
	snprintf(said, sizeof(said), "bits %05x", wrong);
	CHECK(wrong == 0, said);
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = { "log", "new", "old" };

		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	CHECK(rmdir(directory) == 0, "no other file");
	snprintf(path, sizeof(path), "%s/log", elsewhere);
	unlink(path);
	rmdir(elsewhere);
	close(ends[0]);
	close(ends[1]);
}

CU_TestInfo fcgi_sandbox_tests[] = {
	{ "gives up what it does not need", gives_up_what_it_does_not_need },
	CU_TEST_INFO_NULL,
};
