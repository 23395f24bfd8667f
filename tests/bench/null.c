/*
 * The least that a FastCGI responder can do: `null SOCKET FILE` answers every request with the CGI
 * answer in FILE, in one epoll loop, and looks at nothing but where a request ends.  What is
 * measured beside it shows what is left to gain.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEADER = 8, BEGIN = 1, END = 3, STDIN = 5, STDOUT = 6, ANSWER_MAX = 4096 };

/* Of one connection; a request that does not fit ends it. */
struct peer {
	int fd;
	bool keep;
	size_t length;
	unsigned char bytes[16384];
};

static unsigned char answer[ANSWER_MAX + 4 * HEADER];
static size_t answer_length;

static void
put_header(unsigned type, size_t length)
{
	const unsigned char header[HEADER] = { 1, (unsigned char)type, 0, 1,
		(unsigned char)(length >> 8), (unsigned char)length, 0, 0 };

	memcpy(answer + answer_length, header, HEADER);
	answer_length += HEADER;
}

static bool
read_answer(const char *path)
{
	FILE *file = fopen(path, "r");
	char text[ANSWER_MAX + 1];
	size_t length;

	if (file == NULL)
		return false;
	length = fread(text, 1, sizeof(text), file);
	fclose(file);
	if (length == 0 || length > ANSWER_MAX)
		return false;
	put_header(STDOUT, length);
	memcpy(answer + answer_length, text, length);
	answer_length += length;
	put_header(STDOUT, 0);
	put_header(END, HEADER);
	answer_length += HEADER; /* of zeros */
	return true;
}

/* The bytes of the first request that is there as a whole; 0: it is not. */
static size_t
whole_request(struct peer *peer)
{
	size_t at = 0;

	while (peer->length - at >= HEADER) {
		const unsigned char *header = peer->bytes + at;
		const size_t length = (size_t)header[4] << 8 | header[5];

		if (peer->length - at - HEADER < length + header[6])
			break;
		if (header[1] == BEGIN && length == HEADER)
			peer->keep = header[HEADER + 2] & 1;
		at += HEADER + length + header[6];
		if (header[1] == STDIN && length == 0)
			return at;
	}
	return 0;
}

/* false: the connection has ended. */
static bool
serve(struct peer *peer)
{
	const ssize_t got =
	    read(peer->fd, peer->bytes + peer->length, sizeof(peer->bytes) - peer->length);
	size_t used;

	if (got <= 0)
		return false;
	peer->length += (size_t)got;
	while ((used = whole_request(peer)) > 0) {
		if (write(peer->fd, answer, answer_length) != (ssize_t)answer_length || !peer->keep)
			return false;
		peer->length -= used;
		memmove(peer->bytes, peer->bytes + used, peer->length);
	}
	return peer->length < sizeof(peer->bytes);
}

static void
take(int loop, int listener)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct peer *peer = calloc(1, sizeof(*peer));

	event.data.ptr = peer;
	if (peer == NULL || (peer->fd = accept(listener, NULL, NULL)) < 0 ||
	    epoll_ctl(loop, EPOLL_CTL_ADD, peer->fd, &event) != 0)
		exit(71);
}

/* A client that has left is no reason to end, and a thousand come at once. */
static void
prepare(void)
{
	struct rlimit files;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct epoll_event event = { .events = EPOLLIN }, events[512];
	int loop = epoll_create1(0), listener = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc != 3 || strlen(argv[1]) >= sizeof(address.sun_path) || !read_answer(argv[2]))
		return 64;
	memcpy(address.sun_path, argv[1], strlen(argv[1]));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(argv[1], 0666) != 0 || listen(listener, 4096) != 0 ||
	    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event) != 0) {
		perror(argv[1]);
		return 71;
	}
	prepare();
	for (;;) {
		const int count = epoll_wait(loop, events, 512, -1);

		for (int i = 0; i < count; i++) {
			struct peer *peer = events[i].data.ptr;

			if (peer == NULL) {
				take(loop, listener);
			} else if (!serve(peer)) {
				close(peer->fd);
				free(peer);
			}
		}
	}
}
