#include <time.h>

#include "clock.h"
#include "unit.h"

/* libc's own calendar: each day of five centuries, and the ends of days. */
static void
agrees_with_libc(void)
{
	bool same = true;

	for (int64_t day = 0; day < 183000 && same; day++)
		for (int64_t of_day = 0; of_day < 86400 && same; of_day += 86399) {
			const time_t seconds = (time_t)(86400 * day + of_day);
			char wanted[32];
			struct tm tm;

			gmtime_r(&seconds, &tm);
			strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%SZ", &tm);
			same = strcmp(utc_text(seconds), wanted) == 0;
			CHECK(same, wanted);
		}
}

static void
has_bounds(void)
{
	CHECK(strcmp(utc_text(0), "1970-01-01T00:00:00Z") == 0, "the first");
	CHECK(strcmp(utc_text(1795521600), "2026-11-24T12:00:00Z") == 0, "a day at noon");
	CHECK(strcmp(utc_text(951827696), "2000-02-29T12:34:56Z") == 0, "a leap day");
	CHECK(strcmp(utc_text(UTC_LAST), "9999-12-31T23:59:59Z") == 0, "the last");
	CHECK(strcmp(utc_text(INT64_MAX), "9999-12-31T23:59:59Z") == 0, "behind it");
	CHECK(strcmp(utc_text(-1), "1970-01-01T00:00:00Z") == 0, "before the first");
}

CU_TestInfo base_clock_tests[] = {
	{ "agrees with libc", agrees_with_libc },
	{ "has bounds", has_bounds },
	CU_TEST_INFO_NULL,
};
