#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "random.h"

static unsigned char page[4096];
static size_t left;

static void
forget_page(void)
{
	left = 0;
}

static void
fill_page(void)
{
	static int watching;
	size_t n = 0;

	if (!watching) {
		pthread_atfork(NULL, NULL, forget_page);
		watching = 1;
	}
	while (n < sizeof(page)) {
		ssize_t got = getrandom(page + n, sizeof(page) - n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			perror("agora-backend: getrandom");
			abort();
		}
		n += (size_t)got;
	}
	left = sizeof(page);
}

void
random_bytes(void *out, size_t length)
{
	unsigned char *to = out;

	while (length > 0) {
		size_t n;

		if (left == 0)
			fill_page();
		n = length < left ? length : left;
		memcpy(to, page + sizeof(page) - left, n);
		left -= n;
		to += n;
		length -= n;
	}
}

uint32_t
random_below(uint32_t limit)
{
	/* Numbers beyond the last whole multiple of limit would favour the small ones. */
	uint32_t skip = (uint32_t)-limit % limit, n;

	do
		random_bytes(&n, sizeof(n));
	while (n < skip);
	return n % limit;
}

void
random_id(char id[RANDOM_ID_SIZE])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char bytes[RANDOM_ID_SIZE - 1];

	random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		id[i] = digits[bytes[i] & 31];
	id[sizeof(bytes)] = '\0';
}
