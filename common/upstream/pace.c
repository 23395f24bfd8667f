#include "pace.h"

#define WINDOW_US 1100000 /* a second, and a bit for requests that catch up with one another */

int64_t
pace_take(struct pace *pace, int64_t now_us)
{
	int64_t *oldest = &pace->sent[pace->next], at = now_us;

	if (pace->per_second == 0)
		return 0;
	pace->before = *oldest;
	if (*oldest != 0 && *oldest + WINDOW_US > at)
		at = *oldest + WINDOW_US;
	*oldest = at;
	pace->next = (pace->next + 1) % (unsigned)pace->per_second;
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
