#include "pace.h"

/*
 * The bucket as a moment in time (the generic cell rate algorithm): each request moves `due` on by
 * its share of a second; up to one second of them may be taken at once.
 */
int64_t
pace_take(struct pace *pace, int64_t now_us)
{
	int64_t share, wait;

	if (pace->per_second == 0)
		return 0;
	share = 1000000 / pace->per_second;
	if (pace->due < now_us)
		pace->due = now_us;
	pace->due += share;
	wait = pace->due - now_us - 1000000;
	return wait > 0 ? wait : 0;
}

void
pace_give_back(struct pace *pace)
{
	if (pace->per_second != 0)
		pace->due -= 1000000 / pace->per_second;
}
