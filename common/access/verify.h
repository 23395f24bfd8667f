/* verify.h - reads audit records back and says where a chain is broken. */
#ifndef ACCESS_VERIFY_H
#define ACCESS_VERIFY_H

#include "chain.h"

enum finding_kind {
	FINDING_NO_CHAIN,  /* the line has no place in a chain */
	FINDING_CHANGED,   /* it names one that it was not made with */
	FINDING_REORDERED, /* it comes too late */
	FINDING_REPEATED,  /* it was there before */
	FINDING_AFTER,     /* it comes after the chain's close */
	FINDING_CUT,       /* the file ends in the middle of it */
	FINDING_GAP,       /* records first to last are not there */
	FINDING_NO_CLOSE,  /* the chain ends with record last, which is not its close */
	FINDING_FRAGMENT,  /* no finding: what a full disk left of a line, as the chain says */
};

struct finding {
	enum finding_kind kind;
	const char *file;           /* as verify_line was told */
	size_t line;                /* where it was seen */
	char chain[RANDOM_ID_SIZE]; /* "": none */
	uint64_t first, last;       /* records */
};

/* Static text: "gap". */
const char *finding_name(enum finding_kind kind);

struct verify_counts {
	size_t lines, records, chains, closed;
	uint64_t lost;   /* records that could not be written, as the chains say */
	size_t findings; /* all, also those beyond FINDINGS_KEPT */
};

#define FINDINGS_KEPT 1000

struct verifier;

/*
 * partial: a chain may begin before what is read, and go on after it.  Key and texts are borrowed
 * until verify_close.
 */
struct verifier *verify_open(const unsigned char key[CHAIN_KEY], bool partial);

/* The next line of the file, without its end; ended: it has one. */
void verify_line(
    struct verifier *verifier, const char *file, size_t number, struct text line, bool ended);

/* After the last line: what is missing.  The findings that were kept; *counts is filled. */
const struct finding *
verify_end(struct verifier *verifier, size_t *kept, struct verify_counts *counts);

void verify_close(struct verifier *verifier);

#endif
