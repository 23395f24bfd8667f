/* doctor_page.h - one request of the doctor's over HTTP, and its answer. */
#ifndef CLI_DOCTOR_PAGE_H
#define CLI_DOCTOR_PAGE_H

#include "doctor.h"
#include "upstream.h"

#define PAGE_MS 10000
#define WITHOUT_CURL "this program was built without libcurl"

/* Zeroed, then the first part of its call is filled. */
struct page {
	struct call call;
	struct buf head; /* the answer's header lines */
	char id[32];     /* the request's X-Request-ID; "" = none */
	bool done;
};

/* Whether the program was built with the HTTP client. */
bool page_can_be_fetched(void);
/* Sends the call once and waits for its end, PAGE_MS at most; false: no answer came. */
bool page_fetch(const struct upstream_settings *settings, struct page *page);
void page_free(struct page *page);

/* A header's value; *count says how many there are of that name. */
struct text page_header(const struct page *page, const char *name, size_t *count);
/* Says how the answer's Date and this machine's clock agree, or that it has none. */
void page_clock(struct doctor *doctor, const char *what, const struct page *page);

#endif
