/*
 * chain.h - what holds audit records together.  Each writer has a chain: its records are numbered,
 * and each has a message authentication code whose key is wiped after one use.  Each key comes from
 * the one before it by a one-way hash, so that whoever steals what the writer's memory holds can
 * make no record that came before; and the first one from AUDIT_KEY and the chain's id, so that
 * whoever has AUDIT_KEY can verify all.
 */
#ifndef ACCESS_CHAIN_H
#define ACCESS_CHAIN_H

#include "buf.h"
#include "random.h"

#define CHAIN_KEY 32
#define CHAIN_MAC 16
#define CHAIN_EPOCH 65536 /* records after which a key comes from another that was kept for it */
#define CHAIN_SEQ_MAX (UINT64_C(1) << 36) /* a higher number is none that a writer gets to */

struct chain {
	char id[RANDOM_ID_SIZE];
	uint64_t seq;                   /* of the next record */
	unsigned char key[CHAIN_KEY];   /* its key */
	unsigned char epoch[CHAIN_KEY]; /* what the next epoch's first key comes from */
};

/* The key as it is written: 64 hexadecimal digits.  false with *error set. */
struct field_error;
bool is_chain_key(struct text digits, struct field_error *error);

/* A key for AUDIT_KEY from the kernel's random bytes; the caller wipes it. */
void chain_new_key(unsigned char key[CHAIN_KEY]);

/* Where the chain of that id begins. */
void chain_begin(struct chain *chain, const unsigned char key[CHAIN_KEY], const char *id);

/* Goes forward to that record, which is not before the next one; keys on the way are wiped. */
void chain_seek(struct chain *chain, uint64_t seq);

/*
 * Appends the line, which has its end, with the members chain, seq and mac, and goes on to the next
 * record.
 */
void chain_seal(struct chain *chain, struct buf *out, struct text line);

/* What a line says, without its end: all before its mac, and that. */
struct chain_line {
	char id[RANDOM_ID_SIZE];
	uint64_t seq;
	struct text signed_part;
	unsigned char mac[CHAIN_MAC];
};

/* false: the line does not end as chain_seal ends lines. */
bool chain_read(struct text line, struct chain_line *out);

/* Whether it is the chain's next record.  In constant time. */
bool chain_verify(const struct chain *chain, const struct chain_line *line);

#endif
