#include "clock.h"

static char *
put_digits(char *at, int64_t number, int count)
{
	for (int i = count - 1; i >= 0; i--, number /= 10)
		at[i] = (char)('0' + number % 10);
	return at + count;
}

/* The Gregorian calendar in cycles of 400 years of 146097 days, from 0000-03-01 on. */
static char *
put_date(char *at, int64_t days)
{
	const int64_t since = days + 719468, cycle = since / 146097, day = since % 146097;
	const int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	const int64_t of_year = day - (365 * year + year / 4 - year / 100);
	const int64_t month = (5 * of_year + 2) / 153; /* 0 is March */

	at = put_digits(at, 400 * cycle + year + (month >= 10), 4);
	*at++ = '-';
	at = put_digits(at, month < 10 ? month + 3 : month - 9, 2);
	*at++ = '-';
	return put_digits(at, of_year - (153 * month + 2) / 5 + 1, 2);
}

/* libc's gmtime_r reads the time zone's file first, which is much of a CGI program's time. */
const char *
utc_text(int64_t unix_time)
{
	/* It changes once a second, so it is kept. */
	static int64_t kept = -1;
	static char text[sizeof("2026-11-24T12:00:00Z")];
	const int64_t second = unix_time < 0 ? 0 : unix_time > UTC_LAST ? UTC_LAST : unix_time;
	const int64_t of_day = second % 86400;
	char *at;

	if (second == kept)
		return text;
	kept = second;
	at = put_date(text, second / 86400);
	*at++ = 'T';
	at = put_digits(at, of_day / 3600, 2);
	*at++ = ':';
	at = put_digits(at, of_day / 60 % 60, 2);
	*at++ = ':';
	at = put_digits(at, of_day % 60, 2);
	*at = 'Z';
	return text;
}
