#include "pace.h"

#define WINDOW_US 1100000 /* a second, and a bit for requests that catch up with one another */

int64_t
pace_take(struct pace *pace, int64_t now_us)
{
	unsigned count = (unsigned)pace->per_second;
	int64_t *oldest = &pace->sent[pace->next], at = now_us, last;

	if (count == 0)
		return 0;
	pace->before = *oldest;
	if (*oldest != 0 && *oldest + WINDOW_US > at) {
		/* Those that wait come one by one, or the late ones of a crowd meet the next. */
		last = pace->sent[(pace->next + count - 1) % count];
		at = *oldest + WINDOW_US;
		if (at < last + 1000000 / count)
			at = last + 1000000 / count;
	}
	*oldest = at;
	pace->next = (pace->next + 1) % count;
	return at - now_us;
}

void
pace_give_back(struct pace *pace)
{
	if (pace->per_second == 0)
		return;
	pace->next = (pace->next == 0 ? (unsigned)pace->per_second : pace->next) - 1;
	pace->sent[pace->next] = pace->before;
}
