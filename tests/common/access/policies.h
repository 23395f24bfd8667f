/* policies.h - policies and callers of the tests, read as the program reads them. */
#ifndef TESTS_POLICIES_H
#define TESTS_POLICIES_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define POLICY_PATH 32

/* A file in memory with this content: its descriptor, and the path by which it can be opened. */
static inline int
file_of(struct text content, char path[POLICY_PATH])
{
	int fd = memfd_create("policy", MFD_CLOEXEC);

	if (fd < 0 || write(fd, content.data, content.length) != (ssize_t)content.length)
		abort();
	snprintf(path, POLICY_PATH, "/proc/self/fd/%d", fd);
	return fd;
}

#define READ_AS "/proc/self/fd/policy" /* so that its relative paths are descriptors */

/* The policy, or NULL with what is said of it behind its path. */
static inline struct policy *
read_policy(struct text content, struct buf *error)
{
	/* A copy without room behind it, which the policy must not need any more. */
	char *bytes = xcalloc(1, content.length);
	struct policy *policy;

	memcpy(bytes, content.data, content.length);
	policy = policy_read((struct text){ bytes, content.length }, READ_AS, error);
	free(bytes);
	if (policy == NULL) {
		CHECK(error->length > strlen(READ_AS) &&
			memcmp(error->data, READ_AS, strlen(READ_AS)) == 0,
		    "the path is named");
		buf_consume(error, strlen(READ_AS));
	}
	return policy;
}

/* One that is good. */
static inline struct policy *
policy_of(const char *text)
{
	struct buf error = { 0 };
	struct policy *policy = read_policy(text_of(text), &error);

	if (policy == NULL) {
		fprintf(stderr, "%.*s in %s\n", (int)error.length, error.data, text);
		abort();
	}
	buf_free(&error);
	return policy;
}

#endif
