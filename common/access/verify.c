#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "verify.h"

#define BUCKETS 4096

/* Records that have not been seen. */
struct gap {
	struct gap *next;
	uint64_t first, last;
	const char *file; /* where that was seen */
	size_t line;
};

/* What was read of a chain. */
struct known {
	struct known *next, *next_seen;
	struct chain at; /* its next record */
	bool closed;
	const char *file; /* its last record */
	size_t line;
	struct gap *gaps;
};

struct verifier {
	const unsigned char *key;
	bool partial;
	struct known *buckets[BUCKETS];
	struct known *first, **end; /* in the order in which they were seen */
	struct finding findings[FINDINGS_KEPT];
	size_t kept;
	struct verify_counts counts;
};

const char *
finding_name(enum finding_kind kind)
{
	static const char *const names[] = { "no_chain", "changed", "reordered", "repeated",
		"after_close", "cut", "gap", "no_close", "fragment" };

	return names[kind];
}

struct verifier *
verify_open(const unsigned char key[CHAIN_KEY], bool partial)
{
	struct verifier *v = xcalloc(1, sizeof(*v));

	if (sodium_init() < 0)
		abort();
	v->key = key;
	v->partial = partial;
	v->end = &v->first;
	return v;
}

void
verify_close(struct verifier *v)
{
	struct known *k, *next;
	struct gap *gap;

	for (k = v->first; k != NULL; k = next) {
		next = k->next_seen;
		while ((gap = k->gaps) != NULL) {
			k->gaps = gap->next;
			free(gap);
		}
		sodium_memzero(&k->at, sizeof(k->at));
		free(k);
	}
	free(v);
}

static void
find(struct verifier *v, enum finding_kind kind, const char *file, size_t line, const char *chain,
    uint64_t first, uint64_t last)
{
	struct finding *f;

	v->counts.findings++;
	if (v->kept == FINDINGS_KEPT)
		return;
	f = &v->findings[v->kept++];
	*f = (struct finding){ kind, file, line, "", first, last };
	memcpy(f->chain, chain, strlen(chain) + 1);
}

/* Only ids with a good code are kept, and those are random. */
static struct known **
bucket_of(struct verifier *v, const char *id)
{
	size_t hash = 0;

	for (size_t i = 0; i < 8; i++)
		hash = hash * 31 + (unsigned char)id[i];
	return &v->buckets[hash % BUCKETS];
}

static struct known *
known_chain(struct verifier *v, const char *id)
{
	struct known *k = *bucket_of(v, id);

	while (k != NULL && strcmp(k->at.id, id) != 0)
		k = k->next;
	return k;
}

static struct known *
new_chain(struct verifier *v, const char *id)
{
	struct known **bucket = bucket_of(v, id), *k = xcalloc(1, sizeof(*k));

	chain_begin(&k->at, v->key, id);
	k->next = *bucket;
	*bucket = *v->end = k;
	v->end = &k->next_seen;
	v->counts.chains++;
	return k;
}

static void
add_gap(struct known *k, uint64_t first, uint64_t last, const char *file, size_t line)
{
	struct gap **end = &k->gaps, *gap = xcalloc(1, sizeof(*gap));

	while (*end != NULL)
		end = &(*end)->next;
	*gap = (struct gap){ NULL, first, last, file, line };
	*end = gap;
}

/* false: that record was there before. */
static bool
fill_gap(struct known *k, uint64_t seq)
{
	for (struct gap **at = &k->gaps; *at != NULL; at = &(*at)->next) {
		struct gap *gap = *at, *rest;

		if (seq < gap->first || seq > gap->last)
			continue;
		if (gap->first == gap->last) {
			*at = gap->next;
			free(gap);
		} else if (seq == gap->first) {
			gap->first++;
		} else if (seq == gap->last) {
			gap->last--;
		} else {
			rest = xcalloc(1, sizeof(*rest));
			*rest = *gap;
			rest->first = seq + 1;
			gap->last = seq - 1;
			gap->next = rest;
		}
		return true;
	}
	return false;
}

/* The records of the chain's own begin with the time, and then say what they are. */
static bool
says(struct text line, const char *what)
{
	static const size_t time = sizeof("2026-01-01T00:00:00Z") - 1;
	const bool is_json = line.data[0] == '{';
	const char *before = is_json ? "{\"time\":\"" : "time=";
	const char *name = is_json ? "\",\"record\":\"" : " record=";
	const size_t at = strlen(before) + time, length = strlen(what);
	struct text rest;

	if (line.length < at + strlen(name) + length + 1 ||
	    memcmp(line.data, before, strlen(before)) != 0 ||
	    memcmp(line.data + at, name, strlen(name)) != 0)
		return false;
	rest = (struct text){ line.data + at + strlen(name), line.length - at - strlen(name) };
	return memcmp(rest.data, what, length) == 0 && rest.data[length] == (is_json ? '"' : ' ');
}

/* A number in one of those, which hold no client's text. */
static uint64_t
number_in(struct text line, const char *name)
{
	char mark[24];
	const int length =
	    snprintf(mark, sizeof(mark), line.data[0] == '{' ? ",\"%s\":" : " %s=", name);
	const char *at = memmem(line.data, line.length, mark, (size_t)length);
	const char *end = line.data + line.length;
	struct text digits;
	uint64_t number = 0;

	if (at == NULL)
		return 0;
	digits = (struct text){ at + length, 0 };
	while (digits.data + digits.length < end && digits.data[digits.length] >= '0' &&
	    digits.data[digits.length] <= '9')
		digits.length++;
	return text_number(digits, INT64_MAX, &number) ? number : 0;
}

/* So many of the last lines without a chain are what a full disk left: the chain says it. */
static void
forgive_fragments(struct verifier *v, uint64_t count)
{
	for (size_t i = v->kept; i > 0 && count > 0; i--)
		if (v->findings[i - 1].kind == FINDING_NO_CHAIN) {
			v->findings[i - 1].kind = FINDING_FRAGMENT;
			v->counts.findings--;
			count--;
		}
}

static void
take_record(struct verifier *v, struct known *k, const struct chain *at, struct text line,
    const char *file, size_t number)
{
	const uint64_t seq = at->seq;

	v->counts.records++;
	if (k->closed && seq >= k->at.seq)
		find(v, FINDING_AFTER, file, number, at->id, seq, seq);
	if (seq > k->at.seq)
		add_gap(k, k->at.seq, seq - 1, file, number);
	if (seq >= k->at.seq) {
		k->at = *at;
		chain_seek(&k->at, seq + 1);
		k->file = file;
		k->line = number;
	} else if (fill_gap(k, seq)) {
		find(v, FINDING_REORDERED, file, number, at->id, seq, seq);
	} else {
		find(v, FINDING_REPEATED, file, number, at->id, seq, seq);
	}
	if (says(line, "close") && !k->closed) {
		k->closed = true;
		v->counts.closed++;
	} else if (says(line, "lost")) {
		v->counts.lost += number_in(line, "lost");
		forgive_fragments(v, number_in(line, "fragments"));
	}
}

void
verify_line(struct verifier *v, const char *file, size_t number, struct text line, bool ended)
{
	struct chain_line read;
	struct known *k;
	struct chain at;

	v->counts.lines++;
	if (!chain_read(line, &read)) {
		find(v, FINDING_NO_CHAIN, file, number, "", 0, 0);
		return;
	}
	k = known_chain(v, read.id);
	if (k != NULL && read.seq >= k->at.seq)
		at = k->at;
	else
		chain_begin(&at, v->key, read.id);
	chain_seek(&at, read.seq);
	if (!chain_verify(&at, &read)) {
		find(v, FINDING_CHANGED, file, number, read.id, read.seq, read.seq);
	} else {
		take_record(
		    v, k == NULL ? new_chain(v, read.id) : k, &at, read.signed_part, file, number);
		if (!ended)
			find(v, FINDING_CUT, file, number, read.id, read.seq, read.seq);
	}
	sodium_memzero(&at, sizeof(at));
}

const struct finding *
verify_end(struct verifier *v, size_t *kept, struct verify_counts *counts)
{
	for (const struct known *k = v->first; k != NULL; k = k->next_seen) {
		for (const struct gap *gap = k->gaps; gap != NULL; gap = gap->next)
			if (gap->first > 0 || !v->partial)
				find(v, FINDING_GAP, gap->file, gap->line, k->at.id, gap->first,
				    gap->last);
		if (!k->closed && !v->partial)
			find(v, FINDING_NO_CLOSE, k->file, k->line, k->at.id, 0, k->at.seq - 1);
	}
	*kept = v->kept;
	*counts = v->counts;
	return v->findings;
}
