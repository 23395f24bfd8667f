#include <poll.h>
#include <time.h>

#include "clock.h"
#include "doctor_page.h"

#define CLOCK_WARNING 5  /* seconds */
#define CLOCK_PROBLEM 60 /* a token issued that far in the future is not valid yet */

#ifdef HAVE_CURL
static const struct upstream_driver *const driver = &upstream_curl;
#else
static const struct upstream_driver *const driver = NULL;
#endif

bool
page_can_be_fetched(void)
{
	return driver != NULL;
}

static void
page_done(struct call *call)
{
	struct page *page = call->owner;

	page->done = true;
}

void
page_free(struct page *page)
{
	call_free(&page->call);
	buf_wipe(&page->head);
	buf_free(&page->head);
}

bool
page_fetch(const struct upstream_settings *settings, struct page *page)
{
	struct buf error = { 0 };
	struct upstream *upstream = driver == NULL ? NULL : driver->open(settings, &error);
	const struct progress *progress;

	page->call.done = page_done;
	page->call.owner = page;
	page->call.head = &page->head;
	page->call.total_ms = page->call.try_ms = PAGE_MS;
	page->call.most_tries = 1;
	if (driver == NULL || upstream == NULL) {
		page->call.failure = "the HTTP client cannot be started";
		buf_free(&error);
		return false;
	}
	progress = driver->progress(upstream);
	driver->send(upstream, &page->call);
	while (!page->done) {
		struct pollfd ready = { progress->fd, POLLIN, 0 };
		int64_t timeout = progress->timeout(progress->owner);

		poll(&ready, 1, timeout < 0 || timeout > 1000 ? 1000 : (int)timeout);
		progress->step(progress->owner);
	}
	driver->close(upstream);
	return page->call.outcome == CALL_ANSWERED;
}

struct text
page_header(const struct page *page, const char *name, size_t *count)
{
	struct text rest = buf_view(&page->head), value = { NULL, 0 };
	size_t length = strlen(name);

	*count = 0;
	while (rest.length > 0) {
		const char *end = memchr(rest.data, '\n', rest.length);
		size_t used = end == NULL ? rest.length : (size_t)(end - rest.data) + 1;
		struct text line = { rest.data, used };

		rest = (struct text){ rest.data + used, rest.length - used };
		if (line.length <= length || line.data[length] != ':' ||
		    !text_is_nocase((struct text){ line.data, length }, name))
			continue;
		line = (struct text){ line.data + length + 1, line.length - length - 1 };
		while (line.length > 0 && line.data[0] == ' ')
			line = (struct text){ line.data + 1, line.length - 1 };
		while (line.length > 0 && (unsigned char)line.data[line.length - 1] <= ' ')
			line.length--;
		value = line;
		(*count)++;
	}
	return value;
}

void
page_clock(struct doctor *d, const char *what, const struct page *page)
{
	size_t count;
	struct text date = page_header(page, "Date", &count);
	struct tm tm = { 0 };
	int64_t ahead;

	if (date.data == NULL ||
	    strptime(doctor_text(d, "%.*s", (int)date.length, date.data),
		"%a, %d %b %Y %H:%M:%S GMT", &tm) == NULL) {
		doctor_say(d, FINDING_SKIPPED, what, NULL,
		    "not checked: the answer does not say what time it is (Date)");
		return;
	}
	ahead = unix_seconds() - (int64_t)timegm(&tm);
	if (ahead <= CLOCK_WARNING && ahead >= -CLOCK_WARNING)
		doctor_say(d, FINDING_OK, what, NULL, "this machine's agrees, within %d seconds",
		    CLOCK_WARNING);
	else
		doctor_say(d,
		    ahead > CLOCK_PROBLEM || ahead < -CLOCK_PROBLEM ? FINDING_PROBLEM
								    : FINDING_WARNING,
		    what, "have the machines' clocks set by NTP (timedatectl set-ntp true)",
		    "this machine's is %lld seconds %s: tokens begin and end with it",
		    (long long)(ahead < 0 ? -ahead : ahead), ahead < 0 ? "behind" : "ahead");
}
