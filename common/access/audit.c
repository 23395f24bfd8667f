#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <unistd.h>

#include "audit.h"
#include "chain.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"

#define FAILED_MS 10000
#define WAIT_MS 100       /* for what takes nothing at the moment */
#define OUTCOME "outcome" /* that record's name */

static int file = -1;
static const char *file_path;
static struct buf records; /* for the file, not yet written */
static struct buf one;     /* record, on its way */
static bool keeps;
static struct buf kept[AUDIT_KEPT];
static size_t kept_count;  /* so far; the newest is the one before, modulo AUDIT_KEPT */
static int64_t failed;     /* when a write did, monotonic ms; 0: the last one did not */
static bool torn;          /* the file ends in the middle of a line */
static size_t count;       /* of the records since audit_write that wait to be written */
static bool needs_log;     /* as it does a file */
static bool in_log;        /* there are records since audit_write */
static size_t lost_before; /* log lines, when the first of them came */

/* What holds the file's records together; it goes on in a file opened anew. */
static struct chain chain; /* where the next record is to come */
static bool chained;
static enum record_format chain_format;
static struct buf sealed;   /* records with their places in it */
static struct buf own_line; /* of the chain itself, on its way */
static size_t unwritten;    /* records that were lost since the chain last said so */
static size_t fragments;    /* and lines that were left unfinished in the file */

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

const char *const job_id_names[JOB_IDS] = { "name", "resourceId", "sid", "converterId", "playerId",
	"taskId", "uid" };

static void
add_values(struct buf *line, enum record_format format, const struct audit_record *r)
{
	const struct text absent = { NULL, 0 };

	record_text(line, format, "id", r->id);
	record_text(line, format, "act", r->act);
	record_text(line, format, "verdict", text_of(r->verdict));
	record_text(line, format, "outcome", text_of(r->outcome));
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
	for (size_t i = 0; i < JOB_UID; i++)
		record_text(line, format, job_id_names[i], r->job[i]);
	record_text(line, format, "host", r->host);
	if (r->ttl > 0)
		record_number(line, format, "ttl", r->ttl);
	if (r->status > 0)
		record_number(line, format, "status", r->status);
	if (r->agora_status > 0)
		record_number(line, format, "agoraStatus", r->agora_status);
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
	record_text(line, format, "record", text_of(record->outcome == NULL ? NULL : OUTCOME));
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

	record_text(line, log_record_format(), "record",
	    text_of(record->outcome == NULL ? "audit" : OUTCOME));
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
note_written(bool written, size_t lost)
{
	failed = written ? 0 : monotonic_ms();
	if (!written) {
		metric_add(METRIC_AUDIT_FAILURES, &LABELS(NULL), 1);
		metric_add(METRIC_AUDIT_LOST, &LABELS(NULL), (int64_t)lost);
	}
	return written;
}

static size_t
lines_in(const char *bytes, size_t length)
{
	size_t lines = 0;

	for (size_t i = 0; i < length; i++)
		lines += bytes[i] == '\n';
	return lines;
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

void
audit_chain(enum record_format format, const unsigned char key[CHAIN_KEY])
{
	char id[RANDOM_ID_SIZE];

	if (sodium_init() < 0)
		abort();
	random_id(id);
	chain_begin(&chain, key, id);
	lock_secret((struct text){ (const char *)&chain, sizeof(chain) });
	chain_format = format;
	chained = true;
}

const char *
audit_chain_id(void)
{
	return chained ? chain.id : NULL;
}

/* A record of the chain's own. */
static void
begin_own(struct buf *line, const char *what)
{
	buf_clear(line);
	record_text(line, chain_format, "time", text_of(utc_text(unix_seconds())));
	record_text(line, chain_format, "record", text_of(what));
}

/* The records with their places in the chain, after what it says itself: so many lines. */
static struct text
seal(struct chain *ahead, struct text text, size_t *own)
{
	buf_clear(&sealed);
	*own = 0;
	if (ahead->seq == 0) {
		begin_own(&own_line, "open");
		record_number(&own_line, chain_format, "pid", getpid());
		record_end(&own_line, chain_format);
		chain_seal(ahead, &sealed, buf_view(&own_line));
		++*own;
	}
	if (unwritten > 0 || fragments > 0) {
		begin_own(&own_line, "lost");
		record_number(&own_line, chain_format, "lost", (int64_t)unwritten);
		record_number(&own_line, chain_format, "fragments", (int64_t)fragments);
		record_end(&own_line, chain_format);
		chain_seal(ahead, &sealed, buf_view(&own_line));
		++*own;
	}
	while (text.length > 0) {
		const char *end = memchr(text.data, '\n', text.length);
		const size_t length = (size_t)(end + 1 - text.data);

		chain_seal(ahead, &sealed, (struct text){ text.data, length });
		text = (struct text){ text.data + length, text.length - length };
	}
	return buf_view(&sealed);
}

/* So many of the lines that were sealed are in the file; there the chain goes on. */
static void
note_sealed(const struct chain *ahead, size_t whole, size_t own, size_t lost)
{
	if (lost == 0)
		chain = *ahead;
	else
		chain_seek(&chain, chain.seq + whole);
	if (whole >= own)
		unwritten = fragments = 0;
	unwritten += lost;
}

/*
 * So many records.  A disk that is full takes a part: that must neither look like a record nor
 * begin the next.
 */
static bool
write_to_file(struct text text, size_t records_there)
{
	static struct chain ahead;
	const int64_t until = monotonic_ms() + WAIT_MS;
	size_t own = 0, whole = 0, done = 0, lost;
	bool is_cut = false;
	int problem = 0;

	if (chained) {
		ahead = chain;
		text = seal(&ahead, text, &own);
	}
	if (torn)
		problem = write_whole(TEXT("\n"), until, &done);
	if (problem == 0) {
		torn = false;
		problem = write_whole(text, until, &done);
		torn = problem != 0 && done > 0 && text.data[done - 1] != '\n';
		/* One that lacks its end alone gets that before the next one. */
		is_cut = torn && text.data[done] != '\n';
		whole = lines_in(text.data, done) + (torn && !is_cut);
	}
	lost = records_there - (whole > own ? whole - own : 0);
	if (chained) {
		note_sealed(&ahead, whole, own, lost);
		fragments += is_cut;
		sodium_memzero(&ahead, sizeof(ahead));
	}
	if (note_written(problem == 0, lost))
		return true;
	say_lost(problem);
	return false;
}

/* Whether all of the log was written since so many lines of it were lost; with so many records. */
static bool
flush_log(size_t lost, size_t records_there)
{
	log_flush();
	return note_written(log_lost() == lost, records_there);
}

bool
audit_add(enum record_format format, const struct audit_record *record)
{
	keep(record);
	if (file < 0) {
		if (needs_log && !in_log)
			lost_before = log_lost();
		in_log = needs_log;
		count += needs_log;
		add_to_log(record);
		return needs_log;
	}
	count++;
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
		written = flush_log(lost_before, count);
	if (records.length > 0)
		written = write_to_file(buf_view(&records), count);
	in_log = false;
	count = 0;
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
		return !needs_log || flush_log(lost, 1);
	}
	buf_clear(&one);
	audit_line(&one, format, record);
	return write_to_file(buf_view(&one), 1);
}

/* The chain's last word: what comes after it in the file is not the chain's. */
static void
end_chain(void)
{
	struct buf line = { 0 };

	if (chained && (chain.seq > 0 || unwritten > 0)) {
		begin_own(&line, "close");
		record_end(&line, chain_format);
		write_to_file(buf_view(&line), 1);
	}
	buf_free(&line);
}

void
audit_close(void)
{
	if (file >= 0) {
		audit_write();
		end_chain();
		close(file);
	}
	sodium_memzero(&chain, sizeof(chain));
	chained = false;
	unwritten = fragments = 0;
	buf_free(&sealed);
	buf_free(&own_line);
	file = -1;
	file_path = NULL;
	audit_need_log(false);
	in_log = false;
	count = 0;
	failed = 0;
	torn = false;
	audit_keep(false);
	buf_free(&records);
	buf_free(&one);
}
