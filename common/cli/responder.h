/* responder.h - one request to a FastCGI responder over its socket, as a web server sends it. */
#ifndef CLI_RESPONDER_H
#define CLI_RESPONDER_H

#include "buf.h"

#define RESPONDER_SOCKET "/run/agora-backend/fcgi.sock" /* where it is when nobody says */

struct responder_answer {
	int status;
	struct buf output; /* header lines, an empty one, the body */
	struct text body;  /* of output */
};

/*
 * GETs target ("/ping"), in at most timeout_ms in all.  false with *error set to one line.  Free
 * answer->output in either case.
 */
bool responder_get(const char *address, const char *target, int64_t timeout_ms,
    struct responder_answer *answer, struct buf *error);

#endif
