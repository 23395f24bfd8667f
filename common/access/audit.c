#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "log.h"

static int file = -1;
static const char *file_path;

bool
audit_to_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	if (fd < 0)
		return false;
	audit_close();
	file = fd;
	file_path = path;
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
audit_close(void)
{
	if (file >= 0)
		close(file);
	file = -1;
	file_path = NULL;
}

/* A word needs no quotes in logfmt. */
static bool
is_word(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.data[i] <= 0x20 || (unsigned char)text.data[i] >= 0x7f ||
		    strchr("\"=\\", text.data[i]) != NULL)
			return false;
	return text.length > 0;
}

static void
add(struct buf *line, enum audit_format format, const char *name, struct text value)
{
	if (value.data == NULL)
		return;
	if (format == AUDIT_JSON) {
		buf_text(line, line->length == 0 ? "{" : ",");
		buf_json(line, text_of(name));
		buf_text(line, ":");
		buf_json(line, value);
		return;
	}
	buf_text(line, line->length == 0 ? "" : " ");
	buf_text(line, name);
	buf_text(line, "=");
	if (is_word(value))
		buf_add(line, value.data, value.length);
	else
		buf_json(line, value);
}

static void
add_number(struct buf *line, enum audit_format format, const char *name, int64_t n)
{
	if (format == AUDIT_JSON)
		buf_printf(line, ",\"%s\":%lld", name, (long long)n);
	else
		buf_printf(line, " %s=%lld", name, (long long)n);
}

void
audit_line(enum audit_format format, const struct audit_record *r, struct buf *line)
{
	time_t seconds = (time_t)r->time;
	char when[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	add(line, format, "time", text_of(when));
	add(line, format, "id", r->id);
	add(line, format, "verdict", text_of(r->verdict));
	add(line, format, "action", text_of(r->action));
	add(line, format, "caller", r->caller);
	add(line, format, "sub", r->subject);
	add(line, format, "grant", r->grant);
	add(line, format, "project", r->project);
	add(line, format, "service", r->service);
	add(line, format, "channel", r->channel);
	add(line, format, "uid", r->uid);
	add(line, format, "role", text_of(r->role));
	if (r->ttl > 0)
		add_number(line, format, "ttl", r->ttl);
	add_number(line, format, "status", r->status);
	add(line, format, "reason", text_of(r->reason));
	add(line, format, "client", r->client);
	for (size_t i = 0; i < 2; i++)
		if (r->tokens[i][0] != '\0')
			add(line, format, i == 0 ? "token" : "token2", text_of(r->tokens[i]));
	buf_text(line, format == AUDIT_JSON ? "}\n" : "\n");
}

static void
say_lost(int why)
{
	static time_t said;
	time_t now = time(NULL);

	if (now != said)
		log_line(LOG_LEVEL_ERROR, "AUDIT_FILE: %s: %s", file_path, strerror(why));
	said = now;
}

bool
audit_write(enum audit_format format, const struct audit_record *record)
{
	static struct buf line;
	ssize_t n;

	buf_clear(&line);
	audit_line(format, record, &line);
	if (file < 0) {
		log_line(LOG_LEVEL_INFO, "audit %.*s", (int)line.length - 1, line.data);
		return true;
	}
	do
		n = write(file, line.data, line.length);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)line.length)
		return true;
	/* A disk that is full takes a part: what stands there must not look like a record. */
	if (n > 0 && write(file, "\n", 1) < 0)
		errno = ENOSPC;
	say_lost(n < 0 ? errno : ENOSPC);
	return false;
}
