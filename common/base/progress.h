/*
 * progress.h - what makes waiting exchanges go on, as an event loop sees it: one descriptor, one
 * timeout, one function.  Under CGI a plain poll(2) does the same.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdint.h>

struct progress {
	int fd; /* readable when there is something to do; -1: none */
	void *owner;
	int64_t (*timeout)(void *owner); /* milliseconds until step is due; -1: not at all */
	void (*step)(void *owner);       /* does it; takes no longer than 2 ms */
};

#endif
