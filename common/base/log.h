/*
 * log.h - lines for the operator, on stderr or in a file.  Lines are gathered and written by
 * log_flush in one write(2); a program flushes when it has nothing else to do and before it ends.
 * One thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "record.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Text is time, level, message; in the others these and all values have names. */
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/*
 * One line: time (RFC 3339, UTC, milliseconds), level, message.  Characters of the message that do
 * not show (character_shows) are written as \xNN or \uNNNN, so that no input can forge a line or
 * turn one around.  A trailing newline is not wanted.
 */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * One line of named values: what log_begin gives is for record_text and record_number with
 * log_record_format, until log_end.  NULL: the level is dropped, and there is nothing to end.
 */
struct buf *log_begin(enum log_level level);
/* The same for a record: one of info that no level drops. */
struct buf *log_begin_record(void);
enum record_format log_record_format(void);
void log_end(void);

/* The request that lines are about from now on, by its id, which is borrowed; absent: none. */
void log_request(struct text id);
/* The one request of this process: lines are about it where log_request says none.  Borrowed. */
void log_only_request(struct text id);

/*
 * Appends to this file from now on, instead of stderr; made with mode 0640.  The path is borrowed.
 * false with errno set, and stderr kept, when it cannot be opened.
 */
bool log_to_file(const char *path);
/* Opens the file anew, after it was moved away.  Nothing without a file. */
void log_reopen(void);
/*
 * Where stderr is systemd's journal, lines begin with their priority (sd-daemon(3)), and leave the
 * time to it where they are text.
 */
void log_to_journal(void);
/* That priority, for a line written to stderr without this log; "" elsewhere.  Borrowed, static. */
const char *log_priority(enum log_level level);

/* Lines above this level are dropped.  Default: info. */
void log_set_level(enum log_level level);
/* Default: text. */
void log_set_format(enum log_format format);

/*
 * Writes what was gathered.  A pipe that is full loses the lines; how many is said in the log as
 * soon as it takes lines again.
 */
void log_flush(void);
/* How many lines were lost so far.  It grows when a flush fails, also one that a long line made. */
size_t log_lost(void);
/*
 * Milliseconds for which a flush waits for room in a full pipe before the lines are lost; not while
 * some are, which would cost each flush as much.  Default: 0.
 */
void log_wait(int ms);

#endif
