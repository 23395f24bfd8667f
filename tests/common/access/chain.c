#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit.h"
#include "field.h"
#include "unit.h"
#include "verify.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SAMPLE 12

static const unsigned char key[CHAIN_KEY] = "not a secret, but 32 bytes long";

/* A chain of records, with its open and its close; the lines are borrowed from it. */
struct sample {
	struct buf all;
	struct text lines[SAMPLE];
	size_t count;
};

static struct sample
make_sample(enum record_format format, size_t records)
{
	static const char *const words[2][3] = {
		{ "time=2026-01-01T00:00:00Z record=open pid=7\n",
		    "time=2026-01-01T00:00:00Z id=a sub=\"x chain=a seq=1 mac=00\"\n",
		    "time=2026-01-01T00:00:00Z record=close\n" },
		{ "{\"time\":\"2026-01-01T00:00:00Z\",\"record\":\"open\",\"pid\":7}\n",
		    "{\"time\":\"2026-01-01T00:00:00Z\",\"id\":\"a\",\"sub\":\"}\"}\n",
		    "{\"time\":\"2026-01-01T00:00:00Z\",\"record\":\"close\"}\n" },
	};
	struct sample s = { .count = records + 2 };
	struct chain chain;
	const char *at;

	chain_begin(&chain, key, "abcdefghijklmnopqrstuvwxyz");
	for (size_t i = 0; i < s.count; i++)
		chain_seal(&chain, &s.all,
		    text_of(words[format == RECORD_JSON][i == 0 ? 0
			    : i + 1 < s.count                   ? 1
								: 2]));
	at = s.all.data;
	for (size_t i = 0; i < s.count; i++) {
		const char *end = memchr(at, '\n', (size_t)(s.all.data + s.all.length - at));

		s.lines[i] = (struct text){ at, (size_t)(end - at) };
		at = end + 1;
	}
	return s;
}

/* The findings of a file's text, by their names. */
static const char *
findings_of(struct text content, bool partial, struct verify_counts *counts)
{
	static char names[512];
	struct verifier *v = verify_open(key, partial);
	const struct finding *found;
	size_t number = 0, kept, used = 0;

	while (content.length > 0) {
		const char *end = memchr(content.data, '\n', content.length);
		const size_t n = end == NULL ? content.length : (size_t)(end - content.data);

		verify_line(v, "f", ++number, (struct text){ content.data, n }, end != NULL);
		content.data += n + (end != NULL);
		content.length -= n + (end != NULL);
	}
	found = verify_end(v, &kept, counts);
	names[0] = '\0';
	for (size_t i = 0; i < kept && used < 400; i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
		    used == 0 ? "" : " ", finding_name(found[i].kind));
	verify_close(v);
	return names;
}

static struct text
join(struct buf *out, const struct text *lines, const size_t *order, size_t count)
{
	buf_clear(out);
	for (size_t i = 0; i < count; i++) {
		buf_add(out, lines[order[i]].data, lines[order[i]].length);
		buf_text(out, "\n");
	}
	return buf_view(out);
}

static void
finds_nothing_in_what_is_whole(void)
{
	for (int f = RECORD_LOGFMT; f <= RECORD_JSON; f++) {
		struct sample s = make_sample((enum record_format)f, 5);
		struct verify_counts counts;

		CHECK(findings_of(buf_view(&s.all), false, &counts)[0] == '\0', "whole");
		CHECK(counts.records == 7 && counts.chains == 1 && counts.closed == 1, "counts");
		CHECK(findings_of(TEXT(""), false, &counts)[0] == '\0' && counts.records == 0,
		    "nothing");
		buf_free(&s.all);
	}
}

static void
finds_each_line_that_is_gone_or_elsewhere(void)
{
	struct sample s = make_sample(RECORD_LOGFMT, 5);
	struct verify_counts counts;
	struct buf out = { 0 };
	char name[64];

	for (size_t gone = 0; gone < s.count; gone++) {
		size_t order[SAMPLE], n = 0;

		for (size_t i = 0; i < s.count; i++)
			if (i != gone)
				order[n++] = i;
		snprintf(name, sizeof(name), "line %zu gone", gone);
		CHECK(strcmp(findings_of(join(&out, s.lines, order, n), false, &counts),
			  gone + 1 == s.count ? "no_close" : "gap") == 0,
		    name);
	}
	for (size_t a = 0; a < s.count; a++)
		for (size_t b = a + 1; b < s.count; b++) {
			size_t order[SAMPLE];

			for (size_t i = 0; i < s.count; i++)
				order[i] = i == a ? b : i == b ? a : i;
			snprintf(name, sizeof(name), "%zu and %zu swapped", a, b);
			CHECK(strncmp(
				  findings_of(join(&out, s.lines, order, s.count), false, &counts),
				  "reordered", 9) == 0,
			    name);
		}
	for (size_t twice = 0; twice < s.count; twice++) {
		size_t order[SAMPLE], n = 0;

		for (size_t i = 0; i < s.count; i++) {
			order[n++] = i;
			if (i == twice)
				order[n++] = i;
		}
		snprintf(name, sizeof(name), "line %zu twice", twice);
		CHECK(strcmp(findings_of(join(&out, s.lines, order, n), false, &counts),
			  "repeated") == 0,
		    name);
	}
	for (size_t kept = 1; kept < s.count; kept++) {
		static const size_t order[SAMPLE] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };

		snprintf(name, sizeof(name), "the first %zu", kept);
		CHECK(strcmp(findings_of(join(&out, s.lines, order, kept), false, &counts),
			  "no_close") == 0,
		    name);
		CHECK(
		    findings_of(join(&out, s.lines, order, kept), true, &counts)[0] == '\0', name);
		CHECK(findings_of(join(&out, s.lines, order + kept, s.count - kept), true,
			  &counts)[0] == '\0',
		    name);
		CHECK(strcmp(findings_of(
				 join(&out, s.lines, order + kept, s.count - kept), false, &counts),
			  "gap") == 0,
		    name);
	}
	buf_free(&out);
	buf_free(&s.all);
}

/* Each byte of it changed, each taken away, and each cut. */
static void
finds_each_byte(void)
{
	for (int f = RECORD_LOGFMT; f <= RECORD_JSON; f++) {
		struct sample s = make_sample((enum record_format)f, 2);
		struct verify_counts counts;
		struct buf out = { 0 };
		char name[64];

		for (size_t i = 0; i < s.all.length; i++)
			for (int bit = 0; bit < 8; bit++) {
				snprintf(name, sizeof(name), "bit %d of byte %zu", bit, i);
				s.all.data[i] = (char)(s.all.data[i] ^ 1 << bit);
				if (findings_of(buf_view(&s.all), false, &counts)[0] == '\0')
					CHECK(false, name);
				s.all.data[i] = (char)(s.all.data[i] ^ 1 << bit);
			}
		for (size_t i = 0; i < s.all.length; i++) {
			snprintf(name, sizeof(name), "without byte %zu", i);
			buf_clear(&out);
			buf_add(&out, s.all.data, i);
			buf_add(&out, s.all.data + i + 1, s.all.length - i - 1);
			if (findings_of(buf_view(&out), false, &counts)[0] == '\0')
				CHECK(false, name);
			out.length = i;
			if (i > 0 && findings_of(buf_view(&out), false, &counts)[0] == '\0')
				CHECK(false, name);
		}
		CU_PASS("each byte");
		buf_free(&out);
		buf_free(&s.all);
	}
}

static void
finds_lines_that_are_not_the_writers(void)
{
	static const struct {
		const char *line, *finding;
	} cases[] = {
		{ "", "no_chain" },
		{ "time=2026-01-01T00:00:00Z id=a verdict=allow", "no_chain" },
		{ "x chain=abcdefghijklmnopqrstuvwxyz seq=3 mac=00000000000000000000000000000000",
		    "changed" },
		{ "x chain=abcdefghijklmnopqrstuvwxyz seq=1000000 "
		  "mac=00000000000000000000000000000000",
		    "changed" },
		{ "x chain=abcdefghijklmnopqrstuvwxyz seq=68719476736 "
		  "mac=00000000000000000000000000000000",
		    "no_chain" },
		{ "x chain=abcdefghijklmnopqrstuvwxyz seq=03 mac=00000000000000000000000000000000",
		    "no_chain" },
		{ "x chain=zzzzzzzzzzzzzzzzzzzzzzzzzz seq=0 mac=00000000000000000000000000000000",
		    "changed" },
		{ "x chain=Zzzzzzzzzzzzzzzzzzzzzzzzzz seq=0 mac=00000000000000000000000000000000",
		    "no_chain" },
		{ " seq=0 mac=00000000000000000000000000000000", "no_chain" },
		{ "{\"seq\":0,\"mac\":\"00000000000000000000000000000000\"}", "no_chain" },
		{ "{}", "no_chain" },
	};
	struct sample s = make_sample(RECORD_JSON, 3);
	struct verify_counts counts;
	struct buf out = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t where = 0; where <= s.count; where++) {
			buf_clear(&out);
			for (size_t n = 0; n <= s.count; n++) {
				if (n == where)
					buf_printf(&out, "%s\n", cases[i].line);
				if (n < s.count) {
					buf_add(&out, s.lines[n].data, s.lines[n].length);
					buf_text(&out, "\n");
				}
			}
			CHECK(strcmp(findings_of(buf_view(&out), false, &counts),
				  cases[i].finding) == 0,
			    cases[i].line);
		}
	buf_free(&out);
	buf_free(&s.all);
}

/* By the way of single steps and by that of epochs, and never back. */
static void
comes_to_the_same_key(void)
{
	static const uint64_t places[] = { 1, CHAIN_EPOCH - 1, CHAIN_EPOCH, CHAIN_EPOCH + 1,
		CHAIN_EPOCH + CHAIN_EPOCH / 4 };
	struct chain steps, jump;

	chain_begin(&steps, key, "abcdefghijklmnopqrstuvwxyz");
	for (size_t i = 0; i < COUNT(places); i++) {
		struct chain before;

		while (steps.seq < places[i]) {
			before = steps;
			chain_seek(&steps, steps.seq + 1);
			if (memcmp(before.key, steps.key, CHAIN_KEY) == 0)
				CHECK(false, "a key that serves twice");
		}
		chain_begin(&jump, key, "abcdefghijklmnopqrstuvwxyz");
		chain_seek(&jump, places[i]);
		CHECK(jump.seq == steps.seq && memcmp(jump.key, steps.key, CHAIN_KEY) == 0 &&
			memcmp(jump.epoch, steps.epoch, CHAIN_KEY) == 0,
		    "the same");
	}
	chain_begin(&jump, key, "abcdefghijklmnopqrstuvwxyy");
	chain_seek(&jump, steps.seq);
	CHECK(memcmp(jump.key, steps.key, CHAIN_KEY) != 0, "another chain, another key");
}

static void
knows_a_key(void)
{
	static const char *const bad[] = { "", "00", "zz",
		"000000000000000000000000000000000000000000000000000000000000000",
		"00000000000000000000000000000000000000000000000000000000000000000",
		"000000000000000000000000000000000000000000000000000000000000000g" };
	struct field_error error;

	CHECK(is_chain_key(
		  text_of("0123456789abcdefABCDEF00000000000000000000000000000000000000000f"),
		  &error),
	    "good");
	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(!is_chain_key(text_of(bad[i]), &error) &&
			strstr(error.rule, "openssl rand") != NULL,
		    bad[i]);
}

CU_TestInfo access_chain_tests[] = {
	{ "finds nothing in what is whole", finds_nothing_in_what_is_whole },
	{ "finds each line that is gone or elsewhere", finds_each_line_that_is_gone_or_elsewhere },
	{ "finds each byte", finds_each_byte },
	{ "finds lines that are not the writer's", finds_lines_that_are_not_the_writers },
	{ "comes to the same key", comes_to_the_same_key },
	{ "knows a key", knows_a_key },
	CU_TEST_INFO_NULL,
};
