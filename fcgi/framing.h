/*
 * framing.h - is there one complete, sane FastCGI request in these bytes?  Functions of bytes and
 * of the state that they leave; no socket, no libfcgi.  Source: FastCGI Specification 1.0.
 *
 * A connection gives each record that it has received whole to framing_record.  Records that are
 * the request's own are to be kept (framing_keep) and given to libfcgi together; everything else
 * (management, other request ids, abort) is answered or dropped here, so that libfcgi never sees
 * what it mishandles.
 */
#ifndef FCGI_FRAMING_H
#define FCGI_FRAMING_H

#include "buf.h"

#define FRAMING_HEADER 8
#define FRAMING_RECORD_MAX (FRAMING_HEADER + 65535 + 255)

struct framing_limits {
	size_t params; /* bytes of all names and values with their lengths */
	size_t body;   /* bytes */
};

/* Zeroed is ready for a request. */
struct framing {
	uint16_t id;      /* 0: no request has begun */
	bool keep;        /* the web server wants the connection kept */
	bool params_done; /* they are whole, and sane */
	bool complete;    /* the request is whole and not yet answered */
	bool too_large;   /* the body went over the limit; the rest of it was dropped */
	size_t params;    /* bytes so far */
	size_t body;
	/* name/value lengths being read, and bytes of the pair still to come */
	unsigned char lengths[8];
	unsigned length_count;
	size_t pair_left;
};

enum framing_verdict {
	FRAMING_KEEP,             /* it belongs to the request */
	FRAMING_DROP,             /* it means nothing here */
	FRAMING_ANSWERED,         /* `answer` holds what to send */
	FRAMING_COMPLETE,         /* keep it: with it the request is whole */
	FRAMING_ABORTED,          /* the web server gave the request up; `answer` ends it */
	FRAMING_PARAMS_TOO_LARGE, /* the request cannot be decoded */
	FRAMING_REFUSED, /* not FastCGI, or against its rules: close.  `answer` may hold a last word
	                  */
};

/* Length of the record that begins at bytes, header and padding included; 0: not yet known. */
size_t framing_length(const unsigned char *bytes, size_t length);

/* Judges one whole record.  *why is set to a static text where the verdict is REFUSED. */
enum framing_verdict framing_record(struct framing *framing, const struct framing_limits *limits,
    const unsigned char *record, struct buf *answer, const char **why);

/* Appends a record without its padding, which could be 255 bytes for each byte of content. */
void framing_keep(const unsigned char *record, struct buf *records);

/* Ends the records of a request whose parameters are done, so that it can be decoded. */
void framing_cut(const struct framing *framing, struct buf *records);

/* Appends a whole answer to the request: bytes on STDOUT, the end of it, END_REQUEST. */
void framing_answer(uint16_t id, struct text bytes, struct buf *out);

#endif
