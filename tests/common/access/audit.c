#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "unit.h"
#include "verify.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct audit_record full = { .time = 1760000000,
	.action = "token.issue",
	.verdict = "deny",
	.reason = "uid: \"x\"",
	.role = "subscriber",
	.id = { "0a", 2 },
	.client = { "192.0.2.1", 9 },
	.caller = { "app", 3 },
	.subject = { "a b=\n", 5 },
	.grant = { "g", 1 },
	.project = { "two", 3 },
	.service = { "rtc,rtm", 7 },
	.channel = { "room", 4 },
	.uids = { { "", 0 }, { "ann", 3 } },
	.ttl = 60,
	.status = 403,
	.tokens = { "01234567", "89abcdef" } };
static const struct audit_record little = {
	.action = "recording.stop", .verdict = "allow", .id = { "1", 1 }
};

/* The second record of an action, with all that it may have. */
static const struct audit_record outcome = { .outcome = "unknown",
	.action = "recording.start",
	.id = { "1", 1 },
	.act = { "a2", 2 },
	.uids = { { "7", 1 } },
	.job = { { "n", 1 }, { "r", 1 }, { "s", 1 }, { "c", 1 }, { "p", 1 }, { "t", 1 },
	    { "not twice", 9 } },
	.host = { "h\xe2\x80\xae", 4 },
	.status = 504,
	.agora_status = 502,
	.reason = "unknown_outcome" };

static void
writes_lines(void)
{
	static const struct {
		enum record_format format;
		const struct audit_record *record;
		const char *line;
	} cases[] = {
		{ RECORD_LOGFMT, &full,
		    "time=2025-10-09T08:53:20Z id=0a verdict=deny action=token.issue caller=app "
		    "sub=\"a b=\\n\" grant=g project=two service=rtc,rtm channel=room uid=\"\" "
		    "uid2=ann "
		    "role=subscriber ttl=60 status=403 reason=\"uid: \\\"x\\\"\" client=192.0.2.1 "
		    "token=01234567 token2=89abcdef\n" },
		{ RECORD_JSON, &full,
		    "{\"time\":\"2025-10-09T08:53:20Z\",\"id\":\"0a\",\"verdict\":\"deny\","
		    "\"action\":\"token.issue\",\"caller\":\"app\",\"sub\":\"a b=\\n\","
		    "\"grant\":\"g\",\"project\":\"two\",\"service\":\"rtc,rtm\","
		    "\"channel\":\"room\",\"uid\":\"\",\"uid2\":\"ann\",\"role\":\"subscriber\","
		    "\"ttl\":60,"
		    "\"status\":403,\"reason\":\"uid: \\\"x\\\"\",\"client\":\"192.0.2.1\","
		    "\"token\":\"01234567\",\"token2\":\"89abcdef\"}\n" },
		{ RECORD_LOGFMT, &little,
		    "time=1970-01-01T00:00:00Z id=1 verdict=allow action=recording.stop\n" },
		{ RECORD_JSON, &little,
		    "{\"time\":\"1970-01-01T00:00:00Z\",\"id\":\"1\",\"verdict\":\"allow\","
		    "\"action\":\"recording.stop\"}\n" },
		{ RECORD_LOGFMT, &outcome,
		    "time=1970-01-01T00:00:00Z record=outcome id=1 act=a2 outcome=unknown "
		    "action=recording.start uid=7 name=n resourceId=r sid=s converterId=c "
		    "playerId=p taskId=t host=\"h\\u202e\" status=504 agoraStatus=502 "
		    "reason=unknown_outcome\n" },
		{ RECORD_JSON, &outcome,
		    "{\"time\":\"1970-01-01T00:00:00Z\",\"record\":\"outcome\",\"id\":\"1\","
		    "\"act\":\"a2\",\"outcome\":\"unknown\",\"action\":\"recording.start\","
		    "\"uid\":\"7\",\"name\":\"n\",\"resourceId\":\"r\",\"sid\":\"s\","
		    "\"converterId\":\"c\",\"playerId\":\"p\",\"taskId\":\"t\","
		    "\"host\":\"h\\u202e\",\"status\":504,\"agoraStatus\":502,"
		    "\"reason\":\"unknown_outcome\"}\n" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf line = { 0 };

		audit_line(&line, cases[i].format, cases[i].record);
		CHECK(text_is(buf_view(&line), cases[i].line), cases[i].line);
		buf_free(&line);
	}
}

static size_t
lines_of(const char *path)
{
	struct buf content = { 0 };
	size_t lines = 0;

	CHECK(buf_file(&content, path, 65536) == NULL, path);
	for (size_t i = 0; i < content.length; i++)
		lines += content.data[i] == '\n';
	buf_free(&content);
	return lines;
}

/* Records go to the file, and after it was moved away to a new one. */
static void
keeps_a_file(void)
{
	char path[] = "/tmp/agora-audit-XXXXXX", moved[sizeof(path) + 2];
	struct stat info;
	int fd = mkstemp(path);

	CHECK(fd >= 0, path);
	close(fd);
	unlink(path);
	snprintf(moved, sizeof(moved), "%s.1", path);
	CHECK(audit_to_file(path) && audit_has_file(), path);
	CHECK(stat(path, &info) == 0 && (info.st_mode & 07777) == 0640, "mode");
	audit_add(RECORD_LOGFMT, &full);
	audit_add(RECORD_JSON, &full);
	CHECK(lines_of(path) == 0, "kept");
	CHECK(audit_write_now(RECORD_LOGFMT, &little) && lines_of(path) == 1, "one at once");
	CHECK(audit_write() && lines_of(path) == 3, "written");
	CHECK(audit_write() && lines_of(path) == 3, "nothing twice");
	audit_add(RECORD_LOGFMT, &little);
	CHECK(rename(path, moved) == 0, moved);
	audit_reopen();
	CHECK(audit_write() && lines_of(moved) == 3 && lines_of(path) == 1, "a new file");
	audit_add(RECORD_LOGFMT, &little);
	audit_close();
	CHECK(!audit_has_file() && lines_of(path) == 2, "closed, and nothing lost");
	CHECK(!audit_to_file("/tmp/no-such-directory/audit"), "a file that cannot be");
	CHECK(audit_to_file("/dev/full"), "a full disk");
	audit_add(RECORD_LOGFMT, &full);
	CHECK(!audit_write_now(RECORD_LOGFMT, &little), "not one at once");
	CHECK(!audit_write(), "nor those that were kept");
	CHECK(audit_write(), "which are lost");
	audit_close();
	unlink(path);
	unlink(moved);
}

/* Standard error is this until it is given back. */
static int
log_on(int fd)
{
	int aside = dup(STDERR_FILENO);

	log_flush();
	dup2(fd, STDERR_FILENO);
	close(fd);
	return aside;
}

static void
log_off(int aside)
{
	dup2(aside, STDERR_FILENO);
	close(aside);
}

/* Without a file: those that count are written when audit_write says so, the others later. */
static void
keeps_a_log(void)
{
	char found[4096];
	ssize_t n;
	int ends[2], aside;

	CHECK(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0, "pipe");
	aside = log_on(ends[1]);
	log_set_level(LOG_LEVEL_ERROR);
	CHECK(!audit_add(RECORD_JSON, &little), "nobody waits for it");
	CHECK(audit_write() && read(ends[0], found, sizeof(found)) < 0, "so it is not written yet");
	CHECK(audit_write_now(RECORD_JSON, &little) && read(ends[0], found, sizeof(found)) < 0,
	    "nor this one");
	audit_need_log(true);
	CHECK(audit_add(RECORD_JSON, &full) && read(ends[0], found, sizeof(found)) < 0, "kept");
	CHECK(audit_write(), "written");
	n = read(ends[0], found, sizeof(found));
	CHECK(n > 0 && memmem(found, (size_t)n, "info record=audit id=0a verdict=deny ", 37) &&
		memmem(found, (size_t)n, "token2=89abcdef\n", 16),
	    "all that was kept");
	CHECK(audit_write() && read(ends[0], found, sizeof(found)) < 0, "nothing twice");
	CHECK(audit_write_now(RECORD_JSON, &little) && read(ends[0], found, sizeof(found)) > 0,
	    "one at once");
	log_off(aside);
	close(ends[0]);

	aside = log_on(open("/dev/full", O_WRONLY | O_CLOEXEC));
	CHECK(audit_add(RECORD_JSON, &full), "kept");
	CHECK(!audit_write_now(RECORD_JSON, &little), "not one at once");
	CHECK(!audit_write() && !audit_is_fine(monotonic_ms()), "nor the one before it");
	CHECK(audit_write(), "which is lost");
	log_line(LOG_LEVEL_ERROR, "lost");
	log_flush();
	log_off(aside);
	CHECK(audit_add(RECORD_JSON, &little) && audit_write() && audit_is_fine(monotonic_ms()),
	    "a line that was lost before is not this one's");
	audit_close();
	log_set_level(LOG_LEVEL_INFO);
	CHECK(!audit_add(RECORD_JSON, &little), "over");
	aside = log_on(open("/dev/null", O_WRONLY | O_CLOEXEC));
	log_flush();
	log_off(aside);
}

/* So many milliseconds from now somebody takes what is in the pipe. */
static pid_t
read_later(int pipe, unsigned ms)
{
	static char bytes[1 << 20];
	const pid_t child = fork();

	if (child == 0) {
		usleep(ms * 1000);
		_exit(read(pipe, bytes, sizeof(bytes)) > 0 ? 0 : 1);
	}
	return child;
}

/* A pipe that is full for a moment takes the record all the same; else the reason is its own. */
static void
waits_a_moment(void)
{
	char directory[] = "/tmp/agora-audit-XXXXXX", path[sizeof(directory) + 5], said[4096];
	int ends[2], reader, writer, aside, status;
	const struct timespec past_second = { 1, 100000000 };
	pid_t child;
	ssize_t n;

	CHECK(mkdtemp(directory) != NULL, directory);
	snprintf(path, sizeof(path), "%s/pipe", directory);
	CHECK(mkfifo(path, 0600) == 0, path);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	writer = dup(reader);
	close(writer); /* the number that comes next */
	CHECK(audit_to_file(path) && fcntl(writer, F_SETFL, O_APPEND | O_NONBLOCK) == 0, path);
	while (write(writer, said, sizeof(said)) > 0)
		;
	child = read_later(reader, 20);
	CHECK(audit_write_now(RECORD_JSON, &little), "written in the end");
	CHECK(waitpid(child, &status, 0) == child && status == 0, "what was there was read");
	while (write(writer, said, sizeof(said)) > 0)
		;
	CHECK(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0, "pipe");
	nanosleep(&past_second, NULL); /* it is said once a second */
	aside = log_on(ends[1]);
	CHECK(!audit_write_now(RECORD_JSON, &little), "nobody reads");
	log_flush();
	log_off(aside);
	n = read(ends[0], said, sizeof(said) - 1);
	said[n < 0 ? 0 : n] = '\0';
	CHECK(strstr(said, strerror(EAGAIN)) != NULL, said);
	CHECK(strstr(said, strerror(ENOSPC)) == NULL, said);
	close(ends[0]);
	close(reader);
	audit_close();
	unlink(path);
	rmdir(directory);
}

static void
allow_bytes(size_t bytes)
{
	struct rlimit limit;

	CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0, "getrlimit");
	limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
}

/* What of a record was written before there was no more room stands alone in its line. */
static void
ends_what_was_cut(void)
{
	char path[] = "/tmp/agora-audit-XXXXXX", moved[sizeof(path) + 2];
	struct buf line = { 0 }, expected = { 0 }, found = { 0 };
	int fd = mkstemp(path);

	CHECK(fd >= 0 && close(fd) == 0 && audit_to_file(path), path);
	signal(SIGXFSZ, SIG_IGN);
	audit_line(&line, RECORD_JSON, &little);
	CHECK(audit_write_now(RECORD_JSON, &little) && audit_is_fine(monotonic_ms()), "whole");
	allow_bytes(line.length + 5);
	audit_add(RECORD_JSON, &little);
	CHECK(!audit_write() && !audit_is_fine(monotonic_ms()), "cut");
	CHECK(!audit_is_fine(monotonic_ms() + 9000) && audit_is_fine(monotonic_ms() + 10001),
	    "another try after ten seconds");
	CHECK(!audit_write_now(RECORD_JSON, &little), "no room");
	audit_reopen();
	CHECK(!audit_write_now(RECORD_JSON, &little), "nor in the same file once more");
	allow_bytes(0);
	CHECK(
	    audit_write_now(RECORD_JSON, &little) && audit_is_fine(monotonic_ms()), "whole again");
	allow_bytes(2 * line.length + 6 + 5);
	CHECK(!audit_write_now(RECORD_JSON, &little), "cut once more");
	allow_bytes(0);
	snprintf(moved, sizeof(moved), "%s.1", path);
	CHECK(rename(path, moved) == 0, moved);
	audit_reopen();
	CHECK(audit_write_now(RECORD_JSON, &little), "a new file");
	audit_close();
	buf_add(&line, "", 1);
	buf_printf(&expected, "%s{\"tim\n%s{\"tim", line.data, line.data);
	buf_add(&expected, "", 1);
	CHECK(buf_file(&found, moved, 65536) == NULL, moved);
	CHECK(text_is(buf_view(&found), expected.data), "four lines");
	buf_clear(&found);
	CHECK(buf_file(&found, path, 65536) == NULL, path);
	CHECK(text_is(buf_view(&found), line.data), "one line, and none before it");
	signal(SIGXFSZ, SIG_DFL);
	unlink(path);
	unlink(moved);
	buf_free(&line);
	buf_free(&expected);
	buf_free(&found);
}

static const unsigned char key[CHAIN_KEY] = "not a secret, but 32 bytes long";

static void
read_into(struct verifier *v, const char *path)
{
	struct buf content = { 0 };
	struct text rest;
	size_t number = 0;

	CHECK(buf_file(&content, path, 1 << 20) == NULL, path);
	rest = buf_view(&content);
	while (rest.length > 0) {
		const char *end = memchr(rest.data, '\n', rest.length);
		const size_t n = end == NULL ? rest.length : (size_t)(end - rest.data);

		verify_line(v, path, ++number, (struct text){ rest.data, n }, end != NULL);
		rest.data += n + (end != NULL);
		rest.length -= n + (end != NULL);
	}
	buf_free(&content);
}

/* What the verifier says of one file, or of two. */
static struct verify_counts
verified(const char *path, const char *second)
{
	struct verifier *v = verify_open(key, false);
	struct verify_counts counts;
	size_t kept;

	read_into(v, path);
	if (second != NULL)
		read_into(v, second);
	verify_end(v, &kept, &counts);
	verify_close(v);
	return counts;
}

/* Records on their way and those at once, in one file and the next; its close comes at the end. */
static void
chains_records(void)
{
	for (int f = RECORD_LOGFMT; f <= RECORD_JSON; f++) {
		const enum record_format format = (enum record_format)f;
		char path[] = "/tmp/agora-audit-XXXXXX", moved[sizeof(path) + 2];
		struct verify_counts counts;
		int fd = mkstemp(path);

		snprintf(moved, sizeof(moved), "%s.1", path);
		CHECK(fd >= 0 && close(fd) == 0 && audit_to_file(path), path);
		CHECK(audit_chain_id() == NULL, "none yet");
		audit_chain(format, key);
		CHECK(strlen(audit_chain_id()) == 26, "its id");
		CHECK(lines_of(path) == 0, "nothing before the first record");
		audit_add(format, &full);
		CHECK(audit_write_now(format, &little), "one at once");
		audit_add(format, &outcome);
		CHECK(audit_write() && lines_of(path) == 4, "open and three");
		CHECK(rename(path, moved) == 0, moved);
		audit_reopen();
		CHECK(audit_write_now(format, &full) && lines_of(path) == 1, "the next file");
		counts = verified(moved, path);
		CHECK(counts.findings == 1 && counts.closed == 0, "only the close is missing");
		audit_close();
		counts = verified(moved, path);
		CHECK(counts.findings == 0 && counts.records == 6 && counts.closed == 1, "whole");
		CHECK(verified(path, NULL).findings == 1, "half of it");
		unlink(path);
		unlink(moved);
	}
}

/* What did not fit is a number in the chain, and no gap; a part of a line is nobody's forgery. */
static void
chains_over_a_full_disk(void)
{
	char path[] = "/tmp/agora-audit-XXXXXX";
	struct buf content = { 0 };
	struct verify_counts counts;
	int fd = mkstemp(path);
	size_t whole, before;
	int64_t lost_before = 0, lost_after = 0;

	CHECK(fd >= 0 && close(fd) == 0 && audit_to_file(path), path);
	signal(SIGXFSZ, SIG_IGN);
	metric_total(METRIC_AUDIT_LOST, &lost_before);
	audit_chain(RECORD_JSON, key);
	CHECK(audit_write_now(RECORD_JSON, &little), "whole");
	CHECK(buf_file(&content, path, 65536) == NULL, path);
	before = content.length;
	buf_clear(&content);
	CHECK(audit_write_now(RECORD_JSON, &little), "and one more, for its length");
	CHECK(buf_file(&content, path, 65536) == NULL, path);
	whole = content.length - before;
	buf_free(&content);
	/* The first of three fits, and a part of the second; then nothing; then all. */
	allow_bytes(before + 2 * whole + 10);
	for (int i = 0; i < 3; i++)
		audit_add(RECORD_JSON, &little);
	CHECK(!audit_write(), "cut");
	CHECK(!audit_write_now(RECORD_JSON, &little), "no room");
	allow_bytes(0);
	CHECK(audit_write_now(RECORD_JSON, &little), "room");
	/* All but the end of the line fits: that one is there. */
	CHECK(buf_file(&content, path, 65536) == NULL, path);
	allow_bytes(content.length + whole - 1);
	CHECK(!audit_write_now(RECORD_JSON, &little), "its end is missing");
	allow_bytes(0);
	CHECK(audit_write_now(RECORD_JSON, &little), "room again");
	audit_close();
	signal(SIGXFSZ, SIG_DFL);
	counts = verified(path, NULL);
	CHECK(counts.findings == 0, "nothing that looks forged");
	CHECK(counts.lost == 3 && counts.closed == 1, "three are counted");
	metric_total(METRIC_AUDIT_LOST, &lost_after);
	CHECK(lost_after - lost_before == 3, "and in the metric");
	unlink(path);
	buf_free(&content);
}

CU_TestInfo access_audit_tests[] = {
	{ "writes lines", writes_lines },
	{ "keeps a file", keeps_a_file },
	{ "keeps a log", keeps_a_log },
	{ "ends what was cut", ends_what_was_cut },
	{ "waits a moment", waits_a_moment },
	{ "chains records", chains_records },
	{ "chains over a full disk", chains_over_a_full_disk },
	CU_TEST_INFO_NULL,
};
