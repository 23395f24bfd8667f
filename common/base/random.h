/*
 * random.h - random bytes from the kernel, taken a page at a time because one getrandom(2) per
 * token costs a tenth of the token.  Not for keys: the page stays in memory.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Ends the program when the kernel gives none.  A forked child draws its own page. */
void random_bytes(void *out, size_t length);

/* Uniform in 0 to limit - 1; limit > 0. */
uint32_t random_below(uint32_t limit);

#define RANDOM_ID_SIZE 27

/* An id of ours: 26 characters a-z2-7, 130 bits, and its end. */
void random_id(char id[RANDOM_ID_SIZE]);

#endif
