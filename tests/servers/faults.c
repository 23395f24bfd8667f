/*
 * Preloaded into a responder: calls of its workers fail as tests/servers/faults.py wants it.  The
 * file FAULTS names is shared memory, a row a call; the order of the rows is the same there.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum call {
	RECV,
	SEND,
	ACCEPT,
	EPOLL_WAIT,
	EPOLL_CTL,
	SOCKET,
	CONNECT,
	WRITE,
	FSYNC,
	MALLOC,
	CALLS
};

#define SHORT (-1) /* in the place of an error: fewer bytes than were asked for */

struct row {
	_Atomic int64_t left;    /* the call that makes this 0 fails */
	_Atomic uint32_t chance; /* of 65536 calls, so many fail */
	_Atomic int32_t error;   /* how; 0: any of those that the call may have */
	_Atomic int64_t calls, failed;
};

static struct row *rows; /* NULL: nothing fails */
static bool in_worker;   /* which is a child of the one that was started */
static _Atomic uint32_t seed = 1;

/* What the manual pages say of each; zero-ended. */
static const int errors[CALLS][8] = {
	[RECV] = { EINTR, EAGAIN, ECONNRESET, ENOMEM, SHORT },
	[SEND] = { EINTR, EAGAIN, ECONNRESET, EPIPE, ENOBUFS, SHORT },
	[ACCEPT] = { EINTR, EAGAIN, ECONNABORTED, EMFILE, ENFILE, ENOMEM, EPROTO },
	[EPOLL_WAIT] = { EINTR },
	[EPOLL_CTL] = { ENOMEM, ENOSPC },
	[SOCKET] = { EMFILE, ENFILE, ENOMEM },
	[CONNECT] = { EINTR, ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EADDRNOTAVAIL },
	[WRITE] = { EINTR, EAGAIN, ENOSPC, EIO, SHORT },
	[FSYNC] = { EINTR, ENOSPC, EIO },
	[MALLOC] = { ENOMEM },
};

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static void
enter_worker(void)
{
	in_worker = true;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("FAULTS"), *number = getenv("FAULTS_SEED");
	const int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *shared = MAP_FAILED;

	if (number != NULL)
		seed = (uint32_t)strtoul(number, NULL, 10) * 2 + 1;
	if (fd >= 0) {
		shared =
		    mmap(NULL, CALLS * sizeof(*rows), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (path != NULL && (shared == MAP_FAILED || pthread_atfork(NULL, NULL, enter_worker) != 0))
		abort(); /* or nothing would fail, and all would be well */
	rows = path == NULL ? NULL : shared;
}

static uint32_t
next_random(void)
{
	const uint32_t n = atomic_fetch_add(&seed, 0x9e3779b9U) * 0x85ebca6bU;

	return (n ^ n >> 15) * 0xc2b2ae35U >> 8;
}

/* 0: the call is made as it is; else how it fails. */
static int
fault(enum call call)
{
	struct row *row;
	int error;
	size_t count = 0;

	if (rows == NULL || !in_worker)
		return 0;
	row = &rows[call];
	row->calls++;
	if (!(atomic_load(&row->left) > 0 && atomic_fetch_sub(&row->left, 1) == 1) &&
	    !(row->chance > 0 && (next_random() & 65535) < row->chance))
		return 0;
	row->failed++;
	error = row->error;
	if (error != 0)
		return error;
	while (count < 8 && errors[call][count] != 0)
		count++;
	return errors[call][next_random() % count];
}

/* Sets errno for a call that returns -1. */
static bool
fails(enum call call)
{
	const int error = fault(call);

	if (error != 0)
		errno = error;
	return error != 0;
}

/* The same for one that may do a part: *length becomes that of the part. */
static bool
fails_or_part(enum call call, size_t *length)
{
	const int error = fault(call);

	if (error == SHORT)
		*length = *length > 1 ? 1 + next_random() % (*length - 1) : *length;
	else if (error != 0)
		errno = error;
	return error != 0 && error != SHORT;
}

ssize_t
recv(int fd, void *bytes, size_t length, int flags)
{
	if (fails_or_part(RECV, &length))
		return -1;
	return syscall(SYS_recvfrom, fd, bytes, length, flags, NULL, NULL);
}

ssize_t
send(int fd, const void *bytes, size_t length, int flags)
{
	if (fails_or_part(SEND, &length))
		return -1;
	return syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0);
}

ssize_t
write(int fd, const void *bytes, size_t length)
{
	if (fails_or_part(WRITE, &length))
		return -1;
	return syscall(SYS_write, fd, bytes, length);
}

int
accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	return fails(ACCEPT) ? -1 : (int)syscall(SYS_accept4, fd, address, length, flags);
}

int
epoll_wait(int fd, struct epoll_event *events, int most, int ms)
{
	if (fails(EPOLL_WAIT))
		return -1;
	return (int)syscall(SYS_epoll_pwait, fd, events, most, ms, NULL, 8);
}

int
epoll_ctl(int fd, int what, int of, struct epoll_event *event)
{
	/* What was watched can always be left. */
	if (what != EPOLL_CTL_DEL && fails(EPOLL_CTL))
		return -1;
	return (int)syscall(SYS_epoll_ctl, fd, what, of, event);
}

int
socket(int domain, int type, int protocol)
{
	return fails(SOCKET) ? -1 : (int)syscall(SYS_socket, domain, type, protocol);
}

int
connect(int fd, const struct sockaddr *address, socklen_t length)
{
	return fails(CONNECT) ? -1 : (int)syscall(SYS_connect, fd, address, length);
}

int
fsync(int fd)
{
	return fails(FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

void *
malloc(size_t size)
{
	return fails(MALLOC) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails(MALLOC) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return fails(MALLOC) ? NULL : __libc_realloc(old, size);
}
