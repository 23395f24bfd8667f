#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Standard error, put aside while a test listens to it. */
static int stderr_aside = -1;

static void
listen_on(int fd)
{
	log_flush();
	fflush(stderr);
	stderr_aside = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
}

static void
listen_end(void)
{
	dup2(stderr_aside, STDERR_FILENO);
	close(stderr_aside);
}

/* What comes out of the descriptor at once. */
static struct text
take(int fd)
{
	static char bytes[1 << 20];
	ssize_t n = read(fd, bytes, sizeof(bytes) - 1);

	bytes[n < 0 ? 0 : n] = '\0';
	return (struct text){ bytes, n < 0 ? 0 : (size_t)n };
}

/* A pipe that never blocks, at either end. */
static void
open_pipe(int ends[2])
{
	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
		abort();
}

/* One line through stderr: what follows the time. */
static struct text
logged(int ends[2], enum log_level level, const char *message)
{
	struct text line;

	listen_on(ends[1]);
	log_line(level, "%s", message);
	log_flush();
	listen_end();
	line = take(ends[0]);
	return line.length < 25 ? line : (struct text){ line.data + 25, line.length - 25 };
}

/* time(2) may lag behind the clock that the log reads, by a tick. */
static time_t
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

static void
says_when_and_how_bad(void)
{
	static const char pattern[] =
	    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z warning a 7 b\n$";
	regex_t regex;
	int ends[2];
	struct text line;
	struct tm tm = { 0 };
	time_t before = seconds_now(), at;

	open_pipe(ends);
	listen_on(ends[1]);
	log_line(LOG_LEVEL_WARNING, "a %d %s", 7, "b");
	log_flush();
	listen_end();
	line = take(ends[0]);
	CHECK(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) == 0, "pattern");
	CHECK(regexec(&regex, line.data, 0, NULL, 0) == 0, line.data);
	regfree(&regex);
	CHECK(strptime(line.data, "%Y-%m-%dT%H:%M:%S", &tm) != NULL, line.data);
	at = timegm(&tm);
	CHECK(at >= before && at <= seconds_now(), "it is now, in UTC");
	close(ends[0]);
	close(ends[1]);
}

static void
drops_what_is_above_the_level(void)
{
	static const char *const lines[] = { "error message\n", "warning message\n",
		"info message\n", "debug message\n" };
	int ends[2];

	open_pipe(ends);
	for (int set = LOG_LEVEL_ERROR; set <= LOG_LEVEL_DEBUG; set++) {
		log_set_level((enum log_level)set);
		for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
			struct text line = logged(ends, (enum log_level)level, "message");
			char name[32];

			snprintf(name, sizeof(name), "%d at %d", level, set);
			CHECK(
			    level <= set ? same_text(line, lines[level]) : line.length == 0, name);
		}
	}
	log_set_level(LOG_LEVEL_INFO);
	close(ends[0]);
	close(ends[1]);
}

static void
escapes_control_characters(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain ~ \xc3\xa9", "info plain ~ \xc3\xa9\n" },
		{ "a\nb", "info a\\x0ab\n" },
		{ "forged\n2026-01-01T00:00:00.000Z info line",
		    "info forged\\x0a2026-01-01T00:00:00.000Z info line\n" },
		{ "\r\x1b[2J\x7f", "info \\x0d\\x1b[2J\\x7f\n" },
		{ "\n", "info \\x0a\n" },
		{ "", "info \n" },
		{ "\xc2\x9b"
		  "2J",
		    "info \\u009b"
		    "2J\n" },
		{ "a\xe2\x80\xa8"
		  "b\xe2\x80\xae"
		  "c",
		    "info a\\u2028b\\u202ec\n" },
		{ "\xf3\xa0\x81\x81", "info \\udb40\\udc41\n" },
		{ "\xe2\x80", "info \\xe2\\x80\n" },
	};
	int ends[2];

	open_pipe(ends);
	for (size_t i = 0; i < COUNT(cases); i++)
		CHECK(same_text(logged(ends, LOG_LEVEL_INFO, cases[i].in), cases[i].out),
		    cases[i].out);
	for (int c = 1; c < 256; c++) {
		char in[2] = { (char)c, '\0' }, out[16], name[8];

		snprintf(name, sizeof(name), "%02x", (unsigned)c);
		if (c < 0x20 || c >= 0x7f) /* beyond, it is no UTF-8 */
			snprintf(out, sizeof(out), "info \\x%02x\n", (unsigned)c);
		else
			snprintf(out, sizeof(out), "info %c\n", c);
		CHECK(same_text(logged(ends, LOG_LEVEL_INFO, in), out), name);
	}
	listen_on(ends[1]);
	log_line(LOG_LEVEL_INFO, "a%cb", 0);
	log_flush();
	listen_end();
	CHECK(strstr(take(ends[0]).data, "info a\\x00b\n") != NULL, "NUL");
	close(ends[0]);
	close(ends[1]);
}

static void
cuts_long_lines(void)
{
	static const size_t lengths[] = { 1022, 1023, 1024, 5000 };
	char message[5001];
	int ends[2];

	open_pipe(ends);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct text line;
		char name[16];

		snprintf(name, sizeof(name), "%zu", lengths[i]);
		memset(message, 'm', lengths[i]);
		message[lengths[i]] = '\0';
		line = logged(ends, LOG_LEVEL_ERROR, message);
		CHECK(line.length == strlen("error ") + (lengths[i] < 1023 ? lengths[i] : 1023) + 1,
		    name);
		CHECK(line.length > 0 && line.data[line.length - 1] == '\n', name);
	}
	/* Escapes do not count. */
	memset(message, '\n', 1023);
	message[1023] = '\0';
	CHECK(logged(ends, LOG_LEVEL_ERROR, message).length == strlen("error ") + 4 * 1023 + 1,
	    "escaped");
	close(ends[0]);
	close(ends[1]);
}

static size_t
count_lines(struct text text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.length; i++)
		n += text.data[i] == '\n';
	return n;
}

/* A datagram socket shows what each write(2) wrote. */
static void
gathers_lines(void)
{
	int ends[2];
	struct text lines;
	size_t before, count;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) != 0)
		abort();
	listen_on(ends[1]);
	log_line(LOG_LEVEL_INFO, "one");
	log_line(LOG_LEVEL_INFO, "two");
	before = take(ends[0]).length;
	log_flush();
	log_flush();
	listen_end();
	lines = take(ends[0]);
	CHECK(before == 0, "nothing before the flush");
	CHECK(count_lines(lines) == 2 && strstr(lines.data, "info one\n") != NULL &&
		strstr(lines.data, "info two\n") != NULL,
	    "both in one write");
	CHECK(take(ends[0]).length == 0, "nothing twice");

	listen_on(ends[1]);
	for (int i = 0; i < 1000; i++)
		log_line(LOG_LEVEL_INFO, "a line that is %d bytes or so long", 60);
	log_flush();
	listen_end();
	lines = take(ends[0]);
	CHECK(lines.length >= 32768 && lines.length < 33000, "32 KiB are written at once");
	CHECK(lines.length > 0 && lines.data[lines.length - 1] == '\n', "whole lines");
	count = count_lines(lines);
	while ((lines = take(ends[0])).length > 0)
		count += count_lines(lines);
	CHECK(count == 1000, "none is lost");
	close(ends[0]);
	close(ends[1]);
}

static void
fill(int fd)
{
	char bytes[4096];

	memset(bytes, 'f', sizeof(bytes));
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	while (write(fd, bytes, 1) > 0)
		;
}

static void
log_lines(int fd, int count, const char *message)
{
	listen_on(fd);
	for (int i = 0; i < count; i++)
		log_line(LOG_LEVEL_INFO, "%s", message);
	log_flush();
	listen_end();
}

static void
counts_lost_lines(void)
{
	int ends[2];
	struct text lines;

	open_pipe(ends);
	fill(ends[1]);
	log_lines(ends[1], 3, "gone");
	log_lines(ends[1], 2, "gone too");
	while (take(ends[0]).length > 0)
		;
	log_lines(ends[1], 1, "kept");
	lines = take(ends[0]);
	CHECK(strstr(lines.data, "info kept\n") != NULL, "it goes on");
	CHECK(strstr(lines.data, " 5 log lines lost: nobody read them\n") != NULL, lines.data);
	CHECK(strstr(lines.data, "info gone") == NULL, "lost lines do not come later");
	log_lines(ends[1], 1, "again");
	lines = take(ends[0]);
	CHECK(strstr(lines.data, "info again\n") != NULL && strstr(lines.data, "lost") == NULL,
	    "it is said once");
	close(ends[0]);
	close(ends[1]);
}

static void
says_why_lines_are_lost(void)
{
	int ends[2], full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct text lines;

	open_pipe(ends);
	log_lines(full, 2, "gone");
	log_lines(ends[1], 1, "kept");
	lines = take(ends[0]);
	CHECK(
	    strstr(lines.data, " 2 log lines lost: No space left on device\n") != NULL, lines.data);
	close(full);
	close(ends[0]);
	close(ends[1]);
}

/* A record comes whatever the level is; it is the same line as one of info. */
static void
keeps_records(void)
{
	struct text line;
	int ends[2];

	open_pipe(ends);
	listen_on(ends[1]);
	log_set_level(LOG_LEVEL_ERROR);
	record_text(log_begin_record(), log_record_format(), "record", TEXT("audit"));
	log_end();
	log_flush();
	log_set_level(LOG_LEVEL_INFO);
	listen_end();
	line = take(ends[0]);
	CHECK(line.length > 25 && strcmp(line.data + 25, "info record=audit\n") == 0, line.data);
	close(ends[0]);
	close(ends[1]);
}

/* Lines that come when the one before was cut begin a new line, and are counted when lost. */
static void
ends_what_was_cut(void)
{
	const size_t before = log_lost();
	struct text lines;
	char long_one[900];
	int ends[2];

	memset(long_one, 'a', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = '\0';
	open_pipe(ends);
	if (fcntl(ends[1], F_SETPIPE_SZ, 4096) != 4096)
		abort();
	log_lines(ends[1], 9, long_one);
	CHECK(log_lost() == before + 9, "all nine count");
	lines = take(ends[0]);
	CHECK(lines.length == 4096 && lines.data[4095] == 'a', "a part of them came");
	log_lines(ends[1], 1, "whole");
	CHECK(log_lost() == before + 9, "and no more");
	lines = take(ends[0]);
	CHECK(lines.data[0] == '\n' && strstr(lines.data, "info whole\n") != NULL, lines.data);
	CHECK(count_lines(lines) == 3, lines.data);
	close(ends[0]);
	close(ends[1]);
}

/* The time until lines are lost, with a reader who comes after so many ms; negative: never. */
static int64_t
waited(int reader_ms, bool *lost)
{
	const size_t before = log_lost();
	int64_t began = monotonic_ms();
	int ends[2], status;
	pid_t pid;

	open_pipe(ends);
	fill(ends[1]);
	log_flush();
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		usleep(reader_ms < 0 ? 0 : (useconds_t)reader_ms * 1000);
		while (reader_ms >= 0 && take(ends[0]).length > 0)
			;
		_exit(0);
	}
	if (reader_ms < 0)
		waitpid(pid, &status, 0);
	began = monotonic_ms();
	log_lines(ends[1], 1, "late");
	began = monotonic_ms() - began;
	if (reader_ms >= 0)
		waitpid(pid, &status, 0);
	*lost = log_lost() != before;
	close(ends[0]);
	close(ends[1]);
	return began;
}

static void
waits_for_a_reader(void)
{
	int ends[2];
	int64_t ms;
	bool lost;

	open_pipe(ends);
	log_lines(ends[1], 1, "nothing is lost now");
	waited(50, &lost);
	CHECK(lost, "it does not wait unless it is told");
	log_lines(ends[1], 1, "said");
	log_wait(5000);
	waited(50, &lost);
	CHECK(!lost, "it waits for one who is slow");
	log_wait(50);
	ms = waited(-1, &lost);
	CHECK(lost && ms >= 50, "and not for ever");
	log_wait(60000);
	ms = waited(-1, &lost);
	CHECK(lost && ms < 30000, "nor once more while lines are lost");
	log_wait(0);
	log_lines(ends[1], 1, "said");
	close(ends[0]);
	close(ends[1]);
}

static struct text
content_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct text content = take(fd);

	close(fd);
	return content;
}

/* How many things are not as they should be.  Nothing brings stderr back: for a child alone. */
static unsigned
log_to_files(const char *directory, int ends[2])
{
	char path[64], moved[64], nowhere[64];
	struct stat status;
	struct text content;
	unsigned wrong = 0;

	snprintf(path, sizeof(path), "%s/log", directory);
	snprintf(moved, sizeof(moved), "%s/moved", directory);
	snprintf(nowhere, sizeof(nowhere), "%s/none/log", directory);

	listen_on(ends[1]);
	wrong |= log_to_file(nowhere) ? 1U : 0; /* there is no such directory */
	log_reopen();                           /* nothing to reopen */
	log_line(LOG_LEVEL_INFO, "to stderr");
	wrong |= log_to_file(path) ? 0 : 2U;
	content = take(ends[0]); /* what was gathered goes where it was meant to go */
	wrong |= strstr(content.data, "info to stderr\n") == NULL ? 4U : 0;
	log_line(LOG_LEVEL_INFO, "first");
	log_flush();
	wrong |= take(ends[0]).length > 0 ? 8U : 0;
	wrong |= rename(path, moved) == 0 ? 0 : 16U;
	log_line(LOG_LEVEL_INFO, "second");
	log_reopen();
	log_line(LOG_LEVEL_INFO, "third");
	log_flush();
	listen_end();
	wrong |= stat(path, &status) == 0 && (status.st_mode & 0777 & ~0640U) == 0 ? 0 : 32U;
	content = content_of(moved);
	wrong |= strstr(content.data, "info first\n") == NULL ||
		strstr(content.data, "info second\n") == NULL || count_lines(content) != 2
	    ? 64U
	    : 0;
	content = content_of(path);
	wrong |=
	    strstr(content.data, "info third\n") == NULL || count_lines(content) != 1 ? 128U : 0;
	unlink(path);
	unlink(moved);
	return wrong;
}

static void
appends_to_a_file(void)
{
	char directory[] = "/tmp/agora-log-XXXXXX", wrong[16];
	int ends[2], status = -1;
	pid_t pid;

	open_pipe(ends);
	log_flush();
	if (mkdtemp(directory) == NULL || (pid = fork()) < 0)
		abort();
	if (pid == 0)
		_exit((int)log_to_files(directory, ends));
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "the child's end");
	snprintf(wrong, sizeof(wrong), "bits %02x", (unsigned)WEXITSTATUS(status));
	CHECK(WEXITSTATUS(status) == 0, wrong);
	CHECK(rmdir(directory) == 0, "no other file");
	close(ends[0]);
	close(ends[1]);
}

/* One line of values through stderr. */
static struct text
values_logged(int ends[2])
{
	struct buf *line;

	listen_on(ends[1]);
	line = log_begin(LOG_LEVEL_INFO);
	record_number(line, log_record_format(), "status", 200);
	record_text(line, log_record_format(), "route", TEXT("/rtm/:rtmuid"));
	log_end();
	log_flush();
	listen_end();
	return take(ends[0]);
}

static bool
matches(struct text line, const char *pattern)
{
	regex_t regex;
	bool found;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	found = regexec(&regex, line.data, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

#define TIME "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"

static struct text
all_logged(int ends[2], const char *message)
{
	listen_on(ends[1]);
	log_line(LOG_LEVEL_ERROR, "%s", message);
	log_flush();
	listen_end();
	return take(ends[0]);
}

static void
writes_formats(void)
{
	static const struct {
		enum log_format format;
		const char *message, *about, *values;
	} cases[] = {
		{ LOG_FORMAT_TEXT, "^" TIME " error say \"a\"\n$",
		    "^" TIME " error say \"a\" id=0a\n$",
		    "^" TIME " info status=200 route=/rtm/:rtmuid\n$" },
		{ LOG_FORMAT_LOGFMT, "^time=" TIME " level=error message=\"say \\\\\"a\\\\\"\"\n$",
		    "^time=" TIME " level=error message=\"say \\\\\"a\\\\\"\" id=0a\n$",
		    "^time=" TIME " level=info status=200 route=/rtm/:rtmuid\n$" },
		{ LOG_FORMAT_JSON,
		    "^\\{\"time\":\"" TIME
		    "\",\"level\":\"error\",\"message\":\"say \\\\\"a\\\\\"\"}\n$",
		    "^\\{\"time\":\"" TIME
		    "\",\"level\":\"error\",\"message\":\"say \\\\\"a\\\\\"\",\"id\":\"0a\"}\n$",
		    "^\\{\"time\":\"" TIME
		    "\",\"level\":\"info\",\"status\":200,\"route\":\"/rtm/:rtmuid\"}\n$" },
	};
	int ends[2];

	open_pipe(ends);
	for (size_t i = 0; i < COUNT(cases); i++) {
		log_set_format(cases[i].format);
		CHECK(matches(all_logged(ends, "say \"a\""), cases[i].message), cases[i].message);
		log_request(TEXT("0a"));
		CHECK(matches(all_logged(ends, "say \"a\""), cases[i].about), cases[i].about);
		log_only_request(TEXT("0b"));
		CHECK(matches(all_logged(ends, "say \"a\""), cases[i].about), "the nearer one");
		log_only_request(TEXT("0a"));
		log_request((struct text){ NULL, 0 });
		CHECK(matches(all_logged(ends, "say \"a\""), cases[i].about), cases[i].about);
		log_only_request((struct text){ NULL, 0 });
		CHECK(matches(values_logged(ends), cases[i].values), cases[i].values);
	}
	log_set_format(LOG_FORMAT_TEXT);
	log_set_level(LOG_LEVEL_WARNING);
	CHECK(log_begin(LOG_LEVEL_INFO) == NULL, "a level that is dropped");
	log_set_level(LOG_LEVEL_INFO);
	close(ends[0]);
	close(ends[1]);
}

static void
speaks_to_the_journal(void)
{
	static const char *const lines[] = { "<3>error message\n", "<4>warning message\n",
		"<6>info message\n", "<7>debug message\n" };
	char stream[64];
	struct stat info;
	int ends[2];

	open_pipe(ends);
	if (fstat(ends[1], &info) != 0)
		abort();
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)info.st_dev,
	    (unsigned long long)info.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	listen_on(ends[1]);
	log_to_journal();
	log_set_level(LOG_LEVEL_DEBUG);
	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		log_line((enum log_level)level, "message");
		log_flush();
		CHECK(same_text(take(ends[0]), lines[level]), lines[level]);
	}
	setenv("JOURNAL_STREAM", "0:0", 1);
	log_to_journal();
	log_line(LOG_LEVEL_INFO, "message");
	log_flush();
	CHECK(take(ends[0]).data[0] != '<', "another's journal");
	listen_end();
	log_set_level(LOG_LEVEL_INFO);
	unsetenv("JOURNAL_STREAM");
	close(ends[0]);
	close(ends[1]);
}

CU_TestInfo base_log_tests[] = {
	{ "writes formats", writes_formats },
	{ "speaks to the journal", speaks_to_the_journal },
	{ "says when and how bad", says_when_and_how_bad },
	{ "drops what is above the level", drops_what_is_above_the_level },
	{ "escapes control characters", escapes_control_characters },
	{ "cuts long lines", cuts_long_lines },
	{ "gathers lines", gathers_lines },
	{ "counts lost lines", counts_lost_lines },
	{ "says why lines are lost", says_why_lines_are_lost },
	{ "keeps records", keeps_records },
	{ "ends what was cut", ends_what_was_cut },
	{ "waits for a reader", waits_for_a_reader },
	{ "appends to a file", appends_to_a_file },
	CU_TEST_INFO_NULL,
};
