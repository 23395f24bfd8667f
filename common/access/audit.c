#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "audit.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"

#define FAILED_MS 10000
#define WAIT_MS 100 /* for what takes nothing at the moment */

static int file = -1;
static const char *file_path;
static struct buf records; /* for the file, not yet written */
static struct buf one;     /* record, on its way */
static bool keeps;
static struct buf kept[AUDIT_KEPT];
static size_t kept_count;  /* so far; the newest is the one before, modulo AUDIT_KEPT */
static int64_t failed;     /* when a write did, monotonic ms; 0: the last one did not */
static bool torn;          /* the file ends in the middle of a line */
static bool needs_log;     /* as it does a file */
static bool in_log;        /* there are records since audit_write */
static size_t lost_before; /* log lines, when the first of them came */

bool
audit_to_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	if (fd < 0)
		return false;
	if (file >= 0)
		close(file);
	file = fd;
	file_path = path;
	torn = torn && lseek(fd, 0, SEEK_END) > 0;
	return true;
}

void
audit_reopen(void)
{
	if (file_path != NULL && !audit_to_file(file_path))
		log_line(LOG_LEVEL_ERROR, "AUDIT_FILE: %s cannot be reopened: %s", file_path,
		    strerror(errno));
}

bool
audit_has_file(void)
{
	return file >= 0;
}

void
audit_need_log(bool needed)
{
	needs_log = needed;
	log_wait(needed ? WAIT_MS : 0);
}

bool
audit_is_fine(int64_t now_ms)
{
	return failed == 0 || now_ms - failed > FAILED_MS;
}

void
audit_close(void)
{
	if (file >= 0) {
		audit_write();
		close(file);
	}
	file = -1;
	file_path = NULL;
	audit_need_log(false);
	in_log = false;
	failed = 0;
	torn = false;
	audit_keep(false);
	buf_free(&records);
	buf_free(&one);
}

static void
add_values(struct buf *line, enum record_format format, const struct audit_record *r)
{
	const struct text absent = { NULL, 0 };

	record_text(line, format, "id", r->id);
	record_text(line, format, "verdict", text_of(r->verdict));
	record_text(line, format, "action", text_of(r->action));
	record_text(line, format, "caller", r->caller);
	record_text(line, format, "sub", r->subject);
	record_text(line, format, "grant", r->grant);
	record_text(line, format, "project", r->project);
	record_text(line, format, "service", r->service);
	record_text(line, format, "channel", r->channel);
	record_text(line, format, "uid", r->uids[0]);
	record_text(line, format, "uid2", r->uids[1]);
	record_text(line, format, "role", text_of(r->role));
	if (r->ttl > 0)
		record_number(line, format, "ttl", r->ttl);
	if (r->status > 0)
		record_number(line, format, "status", r->status);
	record_text(line, format, "reason", text_of(r->reason));
	record_text(line, format, "client", r->client);
	for (size_t i = 0; i < 2; i++)
		record_text(line, format, i == 0 ? "token" : "token2",
		    r->tokens[i][0] == '\0' ? absent : text_of(r->tokens[i]));
}

void
audit_line(struct buf *line, enum record_format format, const struct audit_record *record)
{
	record_text(line, format, "time", text_of(utc_text(record->time)));
	add_values(line, format, record);
	record_end(line, format);
}

void
audit_keep(bool wanted)
{
	keeps = wanted;
	for (size_t i = 0; i < AUDIT_KEPT && !wanted; i++)
		buf_free(&kept[i]);
	kept_count = 0;
}

struct text
audit_kept(size_t before_newest)
{
	if (before_newest >= AUDIT_KEPT || before_newest >= kept_count)
		return (struct text){ NULL, 0 };
	return buf_view(&kept[(kept_count - 1 - before_newest) % AUDIT_KEPT]);
}

static void
keep(const struct audit_record *record)
{
	struct buf *line = &kept[kept_count % AUDIT_KEPT];

	/* Who looks at them would push out of there what he came to see. */
	if (!keeps ||
	    (record->action != NULL && strcmp(record->action, "status.read") == 0 &&
		strcmp(record->verdict, "deny") != 0))
		return;
	buf_clear(line);
	audit_line(line, RECORD_JSON, record);
	kept_count++;
}

static void
add_to_log(const struct audit_record *record)
{
	struct buf *line = log_begin_record();

	record_text(line, log_record_format(), "record", TEXT("audit"));
	add_values(line, log_record_format(), record);
	log_end();
}

static void
say_lost(int why)
{
	static int64_t said;
	int64_t now = unix_seconds();

	if (now != said)
		log_line(LOG_LEVEL_ERROR,
		    "AUDIT_FILE: %s: %s (requests without a record: audit=lost)", file_path,
		    strerror(why));
	said = now;
}

static bool
note_written(bool written)
{
	failed = written ? 0 : monotonic_ms();
	if (!written)
		metric_add(METRIC_AUDIT_FAILURES, &LABELS(NULL), 1);
	return written;
}

/*
 * Returns 0, or why not all of it could be written, in the system's words; *done is how much was.
 * A file that takes nothing for a moment, as a pipe does, has until `until` (monotonic ms).
 */
static int
write_whole(struct text text, int64_t until, size_t *done)
{
	*done = 0;
	while (*done < text.length) {
		const ssize_t n = write(file, text.data + *done, text.length - *done);
		const int problem = n < 0 ? errno : 0;
		struct pollfd ready = { file, POLLOUT, 0 };
		int64_t left;

		if (n > 0)
			*done += (size_t)n;
		if (n > 0 || problem == EINTR)
			continue;
		left = until - monotonic_ms();
		if (problem != EAGAIN || left <= 0)
			return n == 0 ? ENOSPC : problem;
		/* A file that poll(2) calls ready all the same is asked again a little later. */
		if (poll(&ready, 1, (int)left) > 0)
			poll(NULL, 0, 1);
	}
	return 0;
}

/* A disk that is full takes a part: that must neither look like a record nor begin the next. */
static bool
write_to_file(struct text text)
{
	const int64_t until = monotonic_ms() + WAIT_MS;
	size_t done;
	int problem = 0;

	if (torn)
		problem = write_whole(TEXT("\n"), until, &done);
	if (problem == 0) {
		torn = false;
		problem = write_whole(text, until, &done);
		torn = problem != 0 && done > 0 && text.data[done - 1] != '\n';
	}
	if (note_written(problem == 0))
		return true;
	say_lost(problem);
	return false;
}

/* Whether all of the log was written since so many lines of it were lost. */
static bool
flush_log(size_t lost)
{
	log_flush();
	return note_written(log_lost() == lost);
}

bool
audit_add(enum record_format format, const struct audit_record *record)
{
	keep(record);
	if (file < 0) {
		if (needs_log && !in_log)
			lost_before = log_lost();
		in_log = needs_log;
		add_to_log(record);
		return needs_log;
	}
	buf_clear(&one);
	audit_line(&one, format, record);
	buf_add(&records, one.data, one.length);
	return true;
}

bool
audit_write(void)
{
	bool written = true;

	if (in_log)
		written = flush_log(lost_before);
	if (records.length > 0)
		written = write_to_file(buf_view(&records));
	in_log = false;
	buf_clear(&records);
	return written;
}

bool
audit_write_now(enum record_format format, const struct audit_record *record)
{
	keep(record);
	if (file < 0) {
		const size_t lost = log_lost();

		add_to_log(record);
		return !needs_log || flush_log(lost);
	}
	buf_clear(&one);
	audit_line(&one, format, record);
	return write_to_file(buf_view(&one));
}
