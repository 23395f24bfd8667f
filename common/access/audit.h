/*
 * audit.h - one record for each token, action and refusal, and a second one for what became of an
 * action at Agora.  It holds no token, key or secret; of a token the first 8 hexadecimal digits of
 * its SHA-256, by which it can be found again; of a stream's URL the host.
 */
#ifndef ACCESS_AUDIT_H
#define ACCESS_AUDIT_H

#include "chain.h"
#include "record.h"

/* What a job of Agora's is known by; the last one stands in a record as its uid. */
enum job_id {
	JOB_NAME,
	JOB_RESOURCE_ID,
	JOB_SID,
	JOB_CONVERTER_ID,
	JOB_PLAYER_ID,
	JOB_TASK_ID,
	JOB_UID,
	JOB_IDS
};
/* As records call them: "sid". */
extern const char *const job_id_names[JOB_IDS];

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
	struct text act; /* an id of ours, the same in both records of an action; may be absent */
	const char *outcome; /* of the second one: "done", "failed", "unknown"; NULL: it is none */
	struct text job[JOB_IDS], host; /* the job, and where its streams go or come from */
	int agora_status;               /* Agora's last; 0: none */
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
 * From now on each record in the file has its place in a chain of this process: it begins with a
 * record of its own before the first one, says so where records were lost, goes on when the file is
 * opened anew, and ends with a record of its own in audit_close.  The key is not kept.
 */
void audit_chain(enum record_format format, const unsigned char key[CHAIN_KEY]);
/* The id of that chain; NULL: there is none. */
const char *audit_chain_id(void);
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
