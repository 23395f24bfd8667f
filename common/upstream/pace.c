#include <stddef.h>

#include "pace.h"

/* A second, and a bit for requests that catch up with one another. */
#define SECOND_US 1100000
#define MINUTE_US (60 * INT64_C(1000000) + 100000)

static int64_t
take(struct pace *pace, int64_t now_us)
{
	const unsigned count = (unsigned)pace->most;
	const int64_t window = pace->a_minute ? MINUTE_US : SECOND_US;
	int64_t *oldest = &pace->sent[pace->next], at = now_us, last;

	if (count == 0)
		return 0;
	pace->before = *oldest;
	if (*oldest != 0 && *oldest + window > at) {
		/* Those that wait come one by one, or the late ones of a crowd meet the next. */
		last = pace->sent[(pace->next + count - 1) % count];
		at = *oldest + window;
		if (at < last + 1000000 / count)
			at = last + 1000000 / count;
	}
	*oldest = at;
	pace->next = (pace->next + 1) % count;
	return at - now_us;
}

int64_t
pace_take(struct pace *pace, int64_t now_us)
{
	int64_t longest = 0;

	for (; pace != NULL; pace = pace->also) {
		longest += take(pace, now_us + longest);
	}
	return longest;
}

void
pace_give_back(struct pace *pace)
{
	for (; pace != NULL; pace = pace->also) {
		if (pace->most == 0)
			continue;
		pace->next = (pace->next == 0 ? (unsigned)pace->most : pace->next) - 1;
		pace->sent[pace->next] = pace->before;
	}
}
