/* doctor_report.h - what the doctor looks at, and what its checks say of it. */
#ifndef CLI_DOCTOR_REPORT_H
#define CLI_DOCTOR_REPORT_H

#include "config.h"
#include "service_settings.h"

/* Skipped: a check that was not made, and no fault. */
enum finding_status { FINDING_OK, FINDING_SKIPPED, FINDING_WARNING, FINDING_PROBLEM };

struct doctor {
	const char *env_file; /* NULL: none */
	const char *socket;
	bool socket_named;     /* the operator said where it is */
	const char *nginx;     /* its configuration */
	const char *url;       /* without a slash at its end; NULL: not asked */
	struct config *config; /* NULL: it cannot be read */
	struct buf config_error;
	struct service_settings service;
	struct arena arena;
	struct list findings; /* struct finding */
	struct page *ping;    /* the web server's answer to GET /ping, once it has one */
};

/* Text that lives as long as the doctor. */
const char *
doctor_text(struct doctor *doctor, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * One line: what was looked at, in the format's words how it is, and what to do about it (fix;
 * NULL: nothing).  The words never hold a secret.
 */
void doctor_say(struct doctor *doctor, enum finding_status status, const char *what,
    const char *fix, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Prints all that was said, as lines or as JSON.  Returns how many are problems. */
size_t doctor_report(const struct doctor *doctor, bool as_json);

#endif
