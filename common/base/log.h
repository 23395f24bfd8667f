/*
 * log.h - lines for the operator, on stderr or in a file.  Lines are gathered and written by
 * log_flush in one write(2); a program flushes when it has nothing else to do and before it ends.
 * One thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/*
 * One line: time (RFC 3339, UTC, milliseconds), level, message.  Control characters of the message
 * are written as \xNN, so that no input can forge a line.  A trailing newline is not wanted.
 */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Appends to this file from now on, instead of stderr; made with mode 0640.  The path is borrowed.
 * false with errno set, and stderr kept, when it cannot be opened.
 */
bool log_to_file(const char *path);
/* Opens the file anew, after it was moved away.  Nothing without a file. */
void log_reopen(void);

/* Lines above this level are dropped.  Default: info. */
void log_set_level(enum log_level level);

/*
 * Writes what was gathered.  A pipe that is full loses the lines; how many is said in the log as
 * soon as it takes lines again.
 */
void log_flush(void);

#endif
