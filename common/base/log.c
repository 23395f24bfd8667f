#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"

#define FLUSH_AT 32768

static enum log_level max_level = LOG_LEVEL_INFO;
static struct buf lines;
static int output = STDERR_FILENO;
static const char *file_path;
static size_t line_count, lost;

static const char *const level_names[] = { "error", "warning", "info", "debug" };

void
log_set_level(enum log_level level)
{
	max_level = level;
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
	return true;
}

void
log_reopen(void)
{
	if (file_path != NULL && !log_to_file(file_path))
		log_line(LOG_LEVEL_ERROR, "%s cannot be reopened: %s", file_path, strerror(errno));
}

static void
add_time(struct buf *buf)
{
	/* The date changes once a second, its text is kept. */
	static time_t second = -1;
	static char text[32];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != second) {
		second = now.tv_sec;
		gmtime_r(&second, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	}
	buf_printf(buf, "%s.%03ldZ ", text, now.tv_nsec / 1000000);
}

/* Control characters as \xNN; what lies between them in one piece. */
static void
add_printable(struct buf *buf, struct text text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c >= 0x20 && c != 0x7f)
			continue;
		buf_add(buf, text.data + from, i - from);
		buf_printf(buf, "\\x%02x", c);
		from = i + 1;
	}
	buf_add(buf, text.data + from, text.length - from);
}

void
log_line(enum log_level level, const char *format, ...)
{
	static struct buf message;
	va_list args;
	char *at;
	int length;

	if (level > max_level)
		return;
	buf_clear(&message);
	at = buf_reserve(&message, 1024);
	va_start(args, format);
	length = vsnprintf(at, 1024, format, args);
	va_end(args);
	if (length < 0)
		return;
	message.length = length < 1024 ? (size_t)length : 1023;

	add_time(&lines);
	buf_text(&lines, level_names[level]);
	buf_add(&lines, " ", 1);
	add_printable(&lines, buf_view(&message));
	buf_add(&lines, "\n", 1);
	line_count++;
	if (lines.length >= FLUSH_AT)
		log_flush();
}

void
log_flush(void)
{
	size_t done = 0, told = lost;

	if (lines.length == 0)
		return;
	if (told > 0)
		buf_printf(&lines, "warning: %zu log lines lost: nobody read them\n", told);
	while (done < lines.length) {
		ssize_t n = write(output, lines.data + done, lines.length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			lost += line_count;
			told = 0;
			break;
		}
		done += (size_t)n;
	}
	lost -= told;
	line_count = 0;
	buf_clear(&lines);
}
