/*
 * audit.h - one record for each token, action and refusal.  It holds no token, key or secret; of a
 * token the first 8 hexadecimal digits of its SHA-256, by which it can be found again.
 */
#ifndef ACCESS_AUDIT_H
#define ACCESS_AUDIT_H

#include "record.h"

struct audit_record {
	int64_t time;        /* Unix seconds */
	const char *action;  /* NULL: none that a policy has */
	const char *verdict; /* "allow", "deny", "shadow" (refused but for enforce: log), "open" */
	const char *reason;  /* why not; NULL */
	const char *role;    /* "publisher", "subscriber"; NULL */
	struct text id, client, caller, subject, grant, project, service, channel;
	struct text uids[2]; /* the second is the RTM user, where a token is for two */
	int64_t ttl;         /* seconds; 0: none */
	int status;          /* of the answer; 0: there is none yet */
	char tokens[2][9];   /* "" = none */
};

/*
 * Appends to this file from now on; made with mode 0640.  The path is borrowed.  false with errno
 * set when it cannot be opened.
 */
bool audit_to_file(const char *path);
/* Opens the file anew, after it was moved away; says so in the log where it cannot. */
void audit_reopen(void);
bool audit_has_file(void);
/*
 * false: a write has failed in the last seconds; after these the next record has to show it.
 * now_ms: monotonic.
 */
bool audit_is_fine(int64_t now_ms);
void audit_close(void);
/*
 * Without a file: whether those in the log count as much as those in a file, so that answers wait
 * for them, and the log for a reader who is slow.
 */
void audit_need_log(bool needed);

/*
 * Keeps the record for audit_write, or puts it into the log where there is no file.  true: it
 * counts whether that comes to be written.
 */
bool audit_add(enum record_format format, const struct audit_record *record);
/*
 * Writes the records that were kept to the file, or those that count with all of the log, in one
 * write(2).  false: it did not take them; they are lost then, and the log says why once a second,
 * or how many lines it lost.
 */
bool audit_write(void);
/* The same for this record alone, without those that are kept. */
bool audit_write_now(enum record_format format, const struct audit_record *record);

/*
 * Whether the last AUDIT_KEPT records are kept in memory, too, for people to look at; and the one
 * that is so many before the newest, as JSON, empty where there is none.  Looks at them, which are
 * not refused, are not kept.
 */
#define AUDIT_KEPT 50
void audit_keep(bool wanted);
struct text audit_kept(size_t before_newest);

/* The line itself, with its end. */
void audit_line(struct buf *line, enum record_format format, const struct audit_record *record);

#endif
