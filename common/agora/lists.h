/*
 * lists.h - what Agora lists, asked once for all who want the same: those who ask while the call is
 * under way wait for its answer, and those who ask some seconds after it get it too.  Agora takes
 * few lists a minute, so that one caller must not be able to use them up.
 *
 * Answers are Agora's own words; whoever shows them filters by the caller's grant.
 */
#ifndef AGORA_LISTS_H
#define AGORA_LISTS_H

#include "call.h"

#define LISTS_BYTES 4194304 /* of the answers that are kept */
#define LISTS_MOST 64       /* answers that are kept */

struct lists *lists_open(void);
/* What is under way is forgotten; nobody waits any more. */
void lists_close(struct lists *lists);

/*
 * As agora_send, for a GET: its answer is Agora's of at most keep_ms ago, where there is one.  The
 * exchange may go on at once: then it returns what `next` does.
 */
enum step lists_ask(
    struct exchange *x, struct call *call, int64_t keep_ms, enum step (*next)(struct exchange *));

/* Something was started, changed or ended: what was listed of the same API is asked anew. */
void lists_forget(struct lists *lists, const struct credentials *project, const char *api);

/* Bytes that are kept, for tests. */
size_t lists_kept(const struct lists *lists);

#endif
