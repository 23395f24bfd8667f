/*
 * Verifies tokens for tests/npm/jwt.js.  A line of standard input is, between tabs: a key set, the
 * allowed algorithms with commas, issuer, audience (both may be empty), leeway, now, token.  A line
 * of standard output is "valid", or why not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "jwt.h"

enum { KEYS, ALGORITHMS, ISSUER, AUDIENCE, LEEWAY, NOW, TOKEN, FIELDS };

static struct text
take_until(struct text *rest, char end)
{
	const char *at = memchr(rest->data, end, rest->length);
	size_t length = at == NULL ? rest->length : (size_t)(at - rest->data);
	struct text taken = { rest->data, length };

	length += at != NULL;
	*rest = (struct text){ rest->data + length, rest->length - length };
	return taken;
}

static struct text
given(struct text text)
{
	return text.length == 0 ? (struct text){ NULL, 0 } : text;
}

/* What is no number, a test of this test would see. */
static int64_t
number(struct text text)
{
	uint64_t n;

	if (!text_number(text, INT64_MAX, &n))
		abort();
	return (int64_t)n;
}

static const char *
judge(const struct text *fields, struct buf *error)
{
	enum algorithm algorithms[8];
	struct key_rules key_rules = { algorithms, 0, true };
	struct text audience = given(fields[AUDIENCE]), names = fields[ALGORITHMS];
	struct jwt_rules rules = { given(fields[ISSUER]), { &audience, audience.data != NULL },
		number(fields[LEEWAY]) };
	struct key_set *keys;
	struct json_object *claims;
	enum jwt_problem problem;

	while (names.length > 0)
		if (!algorithm_read(
			take_until(&names, ','), &algorithms[key_rules.algorithm_count++]))
			abort();
	keys = keys_read(fields[KEYS], &key_rules, error);
	if (keys == NULL)
		return NULL;
	claims = jwt_verify(fields[TOKEN], keys, &rules, number(fields[NOW]), &problem);
	json_object_put(claims);
	keys_free(keys);
	return claims == NULL ? jwt_problem_text(problem) : "valid";
}

int
main(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	struct buf error = { 0 };

	while ((length = getline(&line, &room, stdin)) > 0) {
		struct text rest = { line, (size_t)length - 1 }, fields[FIELDS];
		const char *verdict;

		for (size_t i = 0; i < FIELDS; i++)
			fields[i] = take_until(&rest, '\t');
		verdict = judge(fields, &error);
		if (verdict != NULL)
			puts(verdict);
		else
			printf("keys: %.*s\n", (int)error.length, error.data);
		fflush(stdout);
	}
	free(line);
	buf_free(&error);
	return 0;
}
