/*
 * limit.h - how often someone may ask: token buckets in a table of fixed size, so that a flood of
 * distinct clients costs no memory.
 *
 * The rule when it is full: a key has LIMIT_WAYS places it may be in; of those the bucket that is
 * nearest to being full again gives way, so that who asks most is forgotten last.  A bucket that is
 * forgotten is full.  One thread.
 */
#ifndef ACCESS_LIMIT_H
#define ACCESS_LIMIT_H

#include "text.h"

#define LIMIT_PLACES 16384 /* buckets, 16 bytes each */
#define LIMIT_WAYS 8
#define LIMIT_ADDRESS_SIZE 46 /* bytes of an address as text, with its NUL */

struct limits;

struct limits *limits_open(void);
void limits_close(struct limits *limits);

/* What a bucket is for: each counts by itself. */
enum limit_scope { LIMIT_ADDRESS, LIMIT_FAILURE, LIMIT_GRANT, LIMIT_SHARE };

/*
 * Takes one from the bucket of the key, which fills by one each interval_us up to burst.  Returns
 * 0, or the microseconds until there is one.  now_us is monotonic.  burst 0: there is no limit.
 */
int64_t limit_take(struct limits *limits, enum limit_scope scope, const struct text *key,
    size_t key_count, int64_t interval_us, int64_t burst, int64_t now_us);

/* The same without taking. */
int64_t limit_look(struct limits *limits, enum limit_scope scope, const struct text *key,
    size_t key_count, int64_t interval_us, int64_t burst, int64_t now_us);

/* Gives back what was taken from the bucket of the key, where it turned out not to count. */
void limit_give(struct limits *limits, enum limit_scope scope, const struct text *key,
    size_t key_count, int64_t interval_us, int64_t burst, int64_t now_us);

/* An address as it is counted: IPv6 by its first 64 bits, which one client may have all of. */
struct text limit_address(struct text address, char out[LIMIT_ADDRESS_SIZE]);

#endif
