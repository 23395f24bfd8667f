#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"
#include "listener.h"

#define BACKLOG 1024
#define SOCKET_FLAGS (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

static int
fail(int fd, const char *address, const char *problem, struct buf *error)
{
	buf_printf(error, "cannot listen on %s: %s", address, problem);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* NULL where nobody accepts connections there; what cannot be known may be somebody's. */
static const char *
why_in_use(const struct sockaddr_un *address)
{
	const int fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
	int problem = 0;

	if (fd < 0)
		return strerror(errno);
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		problem = errno;
	close(fd);
	if (problem == ECONNREFUSED || problem == ENOENT)
		return NULL;
	return problem == 0 || problem == EAGAIN ? "another program listens there"
						 : strerror(problem);
}

/* Group and mode, before anyone can know of the socket; NULL, or why not. */
static const char *
grant_access(const char *path, const struct listener_access *access)
{
	const struct group *group;

	if (access->group != NULL) {
		group = getgrnam(access->group);
		if (group == NULL)
			return "SOCKET_GROUP: there is no such group";
		if (chown(path, (uid_t)-1, group->gr_gid) != 0)
			return strerror(errno);
	}
	return chmod(path, access->mode) == 0 ? NULL : strerror(errno);
}

static int
open_unix(const char *path, const struct listener_access *access, struct buf *error)
{
	const char *problem;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat info;
	mode_t old;
	int fd, bound;

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(
		    -1, path, "the path is longer than a socket's may be (107 bytes)", error);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (lstat(path, &info) == 0) {
		if (!S_ISSOCK(info.st_mode))
			return fail(-1, path, "a file that is no socket is there", error);
		problem = why_in_use(&address);
		if (problem != NULL)
			return fail(-1, path, problem, error);
		unlink(path);
	}
	fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
	if (fd < 0)
		return fail(fd, path, strerror(errno), error);
	/* Closed to all others until group and mode are set. */
	old = umask(0177);
	bound = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(old);
	if (bound != 0)
		return fail(fd, path, strerror(errno), error);
	problem = grant_access(path, access);
	if (problem == NULL && listen(fd, BACKLOG) != 0)
		problem = strerror(errno);
	if (problem != NULL) {
		unlink(path);
		return fail(fd, path, problem, error);
	}
	return fd;
}

static int
open_inet(const char *address, struct buf *error)
{
	const char *why;
	struct addrinfo *found = address_find(address, AI_PASSIVE, &why);
	int fd, one = 1;

	if (found == NULL)
		return fail(-1, address, why, error);
	fd = socket(found->ai_family, SOCKET_FLAGS, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		int saved = errno;

		freeaddrinfo(found);
		return fail(fd, address, strerror(saved), error);
	}
	freeaddrinfo(found);
	return fd;
}

int
listener_open(const char *address, const struct listener_access *access, struct buf *error)
{
	const char *path = address_path(address);

	return path != NULL ? open_unix(path, access, error) : open_inet(address, error);
}

void
listener_remove(const char *address)
{
	const char *path = address_path(address);

	if (path != NULL)
		unlink(path);
}
