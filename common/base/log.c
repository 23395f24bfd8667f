#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"

#define FLUSH_AT 32768
#define MESSAGE_MAX 1024

static enum log_level max_level = LOG_LEVEL_INFO;
static enum log_format format = LOG_FORMAT_TEXT;
static struct text request, only_request;
static struct buf lines, line, time_text;
static bool in_journal;
static int output = STDERR_FILENO;
static const char *file_path;
static size_t line_count, lost_ever;
static size_t lost;      /* since it was last said */
static int lost_because; /* errno */
static bool torn;        /* what was written ends in the middle of a line */
static int wait_ms;

static const char *const level_names[] = { "error", "warning", "info", "debug" };
static const char *const priorities[] = { "<3>", "<4>", "<6>", "<7>" };

void
log_set_level(enum log_level level)
{
	max_level = level;
}

void
log_set_format(enum log_format wanted)
{
	format = wanted;
}

void
log_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat info;
	char ours[64];

	if (stream == NULL || fstat(STDERR_FILENO, &info) != 0)
		return;
	snprintf(ours, sizeof(ours), "%llu:%llu", (unsigned long long)info.st_dev,
	    (unsigned long long)info.st_ino);
	in_journal = strcmp(stream, ours) == 0;
}

const char *
log_priority(enum log_level level)
{
	return in_journal ? priorities[level] : "";
}

bool
log_to_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	if (fd < 0)
		return false;
	log_flush();
	if (output != STDERR_FILENO)
		close(output);
	output = fd;
	file_path = path;
	torn = torn && lseek(fd, 0, SEEK_END) > 0;
	return true;
}

void
log_reopen(void)
{
	if (file_path != NULL && !log_to_file(file_path))
		log_line(LOG_LEVEL_ERROR, "LOG_FILE: %s cannot be reopened: %s", file_path,
		    strerror(errno));
}

/* RFC 3339 with milliseconds. */
static void
add_time(struct buf *buf)
{
	struct timespec now;
	char fraction[] = ".000Z";
	long ms;

	clock_gettime(CLOCK_REALTIME, &now);
	ms = now.tv_nsec / 1000000;
	fraction[1] = (char)('0' + ms / 100);
	fraction[2] = (char)('0' + ms / 10 % 10);
	fraction[3] = (char)('0' + ms % 10);
	buf_add(buf, utc_text(now.tv_sec), strlen("2026-11-24T12:00:00"));
	buf_add(buf, fraction, sizeof(fraction) - 1);
}

/*
 * What does not show as \xNN or \uNNNN, bytes that are not UTF-8 too; what lies between in one
 * piece.
 */
static void
add_printable(struct buf *buf, struct text text)
{
	const unsigned char *p = (const unsigned char *)text.data;
	size_t from = 0;

	for (size_t i = 0, n; i < text.length; i += n) {
		uint32_t character = p[i];
		const size_t length = utf8_length(p + i, text.length - i);

		n = length == 0 ? 1 : length;
		if (length > 0)
			character = utf8_character(p + i, length);
		if (length > 0 && character_shows(character))
			continue;
		buf_add(buf, p + from, i - from);
		if (length > 1)
			buf_escaped(buf, character);
		else
			buf_printf(buf, "\\x%02x", (unsigned)character);
		from = i + n;
	}
	buf_add(buf, p + from, text.length - from);
}

void
log_request(struct text id)
{
	request = id;
}

void
log_only_request(struct text id)
{
	only_request = id;
}

enum record_format
log_record_format(void)
{
	return format == LOG_FORMAT_JSON ? RECORD_JSON : RECORD_LOGFMT;
}

static struct buf *
begin(enum log_level level)
{
	buf_clear(&line);
	if (output == STDERR_FILENO)
		buf_text(&lines, log_priority(level));
	if (format == LOG_FORMAT_TEXT) {
		if (!in_journal || output != STDERR_FILENO) {
			add_time(&line);
			buf_add(&line, " ", 1);
		}
		buf_text(&line, level_names[level]);
		return &line;
	}
	buf_clear(&time_text);
	add_time(&time_text);
	record_text(&line, log_record_format(), "time", buf_view(&time_text));
	record_text(&line, log_record_format(), "level", text_of(level_names[level]));
	return &line;
}

struct buf *
log_begin(enum log_level level)
{
	return level > max_level ? NULL : begin(level);
}

struct buf *
log_begin_record(void)
{
	return begin(LOG_LEVEL_INFO);
}

/* The line joins those that wait for log_flush. */
static void
gather(void)
{
	record_end(&line, log_record_format());
	buf_add(&lines, line.data, line.length);
}

void
log_end(void)
{
	gather();
	line_count++;
	if (lines.length >= FLUSH_AT)
		log_flush();
}

/* To the line that was begun. */
static void
add_message(struct text message)
{
	if (format == LOG_FORMAT_TEXT) {
		buf_add(&line, " ", 1);
		add_printable(&line, message);
	} else {
		record_text(&line, log_record_format(), "message", message);
	}
}

static void
add_id(void)
{
	const struct text id = request.length > 0 ? request : only_request;

	if (id.length > 0)
		record_text(&line, log_record_format(), "id", id);
}

void
log_line(enum log_level level, const char *words, ...)
{
	char message[MESSAGE_MAX];
	va_list args;
	int length;

	if (log_begin(level) == NULL)
		return;
	va_start(args, words);
	length = vsnprintf(message, sizeof(message), words, args);
	va_end(args);
	if (length >= MESSAGE_MAX)
		length = MESSAGE_MAX - 1;
	add_message((struct text){ message, length < 0 ? 0 : (size_t)length });
	add_id();
	log_end();
}

static void
say_lost(size_t count)
{
	char message[128];

	if (log_begin(LOG_LEVEL_WARNING) == NULL)
		return;
	snprintf(message, sizeof(message), "%zu log lines lost: %s", count,
	    lost_because == EAGAIN ? "nobody read them" : strerror(lost_because));
	add_message(text_of(message));
	add_id();
	gather();
}

void
log_wait(int ms)
{
	wait_ms = ms;
}

size_t
log_lost(void)
{
	return lost_ever;
}

/* Whether there is room now, or soon. */
static bool
has_room(int64_t until)
{
	struct pollfd ready = { output, POLLOUT, 0 };
	const int64_t left = until - monotonic_ms();

	return left > 0 && poll(&ready, 1, (int)left) > 0;
}

void
log_flush(void)
{
	const int saved = errno; /* whoever says something may look at it afterwards */
	size_t done = 0, told = lost;
	int64_t until = 0;

	if (lines.length == 0)
		return;
	if (told > 0)
		say_lost(told);
	else if (wait_ms > 0)
		until = monotonic_ms() + wait_ms;
	while (done < lines.length) {
		const bool ends = torn; /* that line, which stands alone then */
		ssize_t n = ends ? write(output, "\n", 1)
				 : write(output, lines.data + done, lines.length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && has_room(until))
			continue;
		if (n < 0) {
			lost_because = errno;
			lost += line_count;
			lost_ever += line_count;
			metric_add(METRIC_LOG_LINES_LOST, &LABELS(NULL), (int64_t)line_count);
			told = 0;
			torn = torn || (done > 0 && lines.data[done - 1] != '\n');
			break;
		}
		torn = false;
		done += ends ? 0 : (size_t)n;
	}
	lost -= told;
	line_count = 0;
	buf_clear(&lines);
	errno = saved;
}
