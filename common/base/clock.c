#include "clock.h"

const char *
utc_text(int64_t unix_time)
{
	/* It changes once a second, so it is kept. */
	static int64_t second = INT64_MIN;
	static char text[32];
	time_t seconds = (time_t)unix_time;
	struct tm tm;

	if (unix_time == second)
		return text;
	if (gmtime_r(&seconds, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		text[0] = '\0';
	second = unix_time;
	return text;
}
