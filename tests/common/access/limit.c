#include <sodium.h>

#include "limit.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SECOND 1000000

static int64_t
take(struct limits *limits, enum limit_scope scope, const char *a, const char *b, int64_t now)
{
	const struct text key[] = { text_of(a), text_of(b) };

	return limit_take(limits, scope, key, 2, SECOND / 2, 3, now);
}

/* Three at once, then one each half second. */
static void
fills_and_empties(void)
{
	struct limits *limits = limits_open();
	const int64_t start = 1000 * (int64_t)SECOND;
	const struct text key[] = { TEXT("a"), TEXT("b") };

	for (int i = 0; i < 3; i++)
		CHECK(take(limits, LIMIT_GRANT, "a", "b", start) == 0, "the burst");
	CHECK(take(limits, LIMIT_GRANT, "a", "b", start) == SECOND / 2, "the one behind it");
	CHECK(take(limits, LIMIT_GRANT, "a", "b", start + 100) == SECOND / 2 - 100, "and later");
	CHECK(limit_look(limits, LIMIT_GRANT, key, 2, SECOND / 2, 3, start) == SECOND / 2, "look");
	CHECK(take(limits, LIMIT_GRANT, "a", "b", start + SECOND / 2) == 0, "after half a second");
	CHECK(take(limits, LIMIT_GRANT, "a", "b", start + SECOND / 2) > 0, "and no more");
	for (int i = 0; i < 3; i++)
		CHECK(take(limits, LIMIT_GRANT, "a", "b", start + 60 * SECOND) == 0, "full again");
	CHECK(take(limits, LIMIT_GRANT, "a", "b", start + 60 * SECOND) > 0, "but not fuller");
	CHECK(limit_look(limits, LIMIT_GRANT, key, 2, SECOND / 2, 0, start) == 0, "no limit");
	limits_close(limits);
}

/* Looking takes nothing; scopes and keys count by themselves, wherever their texts meet. */
static void
keeps_apart(void)
{
	struct limits *limits = limits_open();
	const struct text key[] = { TEXT("a"), TEXT("b") };

	for (int i = 0; i < 9; i++)
		CHECK(limit_look(limits, LIMIT_GRANT, key, 2, SECOND, 3, SECOND) == 0, "look");
	for (int i = 0; i < 3; i++)
		take(limits, LIMIT_GRANT, "a", "b", SECOND);
	CHECK(take(limits, LIMIT_GRANT, "a", "b", SECOND) > 0, "itself");
	CHECK(take(limits, LIMIT_FAILURE, "a", "b", SECOND) == 0, "another scope");
	CHECK(take(limits, LIMIT_GRANT, "a", "c", SECOND) == 0, "another key");
	CHECK(take(limits, LIMIT_GRANT, "ab", "", SECOND) == 0, "the same bytes, otherwise cut");
	limits_close(limits);
}

/* Clients that ask once each do not make it forget one that asks all the time. */
static void
stands_a_flood(void)
{
	struct limits *limits = limits_open();
	int64_t now = 1000 * (int64_t)SECOND;
	size_t let_through = 0;
	char name[32];

	for (int i = 0; i < 200000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		take(limits, LIMIT_ADDRESS, name, "", now);
		let_through += i % 100 == 0 && take(limits, LIMIT_ADDRESS, "busy", "", now) == 0;
		now += 10; /* two seconds in all */
	}
	CHECK(let_through >= 3 && let_through <= 3 + 4 + 1, "of 2000 requests in two seconds");
	limits_close(limits);
}

/* Whoever takes the place of one who has used up his bucket has a full one. */
static void
owes_nothing_for_others(void)
{
	struct limits *limits = limits_open();
	const int64_t now = 1000 * (int64_t)SECOND;
	size_t refused = 0;
	char name[32];

	for (int i = 0; i < 3 * LIMIT_PLACES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		for (int n = 0; n < 3; n++)
			refused += take(limits, LIMIT_ADDRESS, name, "", now) != 0;
	}
	CHECK(refused == 0, "three for each");
	limits_close(limits);
}

/* Where a key is put, if the table's secret were zeros. */
static uint64_t
place_without_secret(const char *a, const char *b)
{
	static const unsigned char secret[crypto_shorthash_KEYBYTES];
	unsigned char bytes[64] = { LIMIT_ADDRESS }, hash[crypto_shorthash_BYTES];
	const size_t lengths[] = { strlen(a), strlen(b) };
	size_t used = 1;
	uint64_t key;

	memcpy(bytes + used, &lengths[0], sizeof(lengths[0]));
	used += sizeof(lengths[0]);
	memcpy(bytes + used, a, lengths[0]);
	used += lengths[0];
	memcpy(bytes + used, &lengths[1], sizeof(lengths[1]));
	used += sizeof(lengths[1]);
	memcpy(bytes + used, b, lengths[1]);
	used += lengths[1];
	crypto_shorthash(hash, bytes, used, secret);
	memcpy(&key, hash, sizeof(key));
	return key % (LIMIT_PLACES / LIMIT_WAYS);
}

/* Nobody who knows the program can choose names that push another's bucket out. */
static void
cannot_be_aimed_at(void)
{
	struct limits *limits = limits_open();
	const int64_t now = 1000 * (int64_t)SECOND;
	const uint64_t place = place_without_secret("victim", "");
	char name[32];

	while (take(limits, LIMIT_ADDRESS, "victim", "", now) == 0)
		;
	for (int i = 0, aimed = 0; aimed < 2 * LIMIT_WAYS; i++) {
		snprintf(name, sizeof(name), "%d", i);
		if (place_without_secret(name, "") != place)
			continue;
		aimed++;
		for (int n = 0; n < 3; n++)
			take(limits, LIMIT_ADDRESS, name, "", now + 1);
	}
	CHECK(take(limits, LIMIT_ADDRESS, "victim", "", now) != 0, "it is still there");
	limits_close(limits);
}

static void
counts_addresses(void)
{
	static const struct {
		const char *address, *counted;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::" },
		{ "2001:DB8:1:2::9", "2001:db8:1:2::" },
		{ "2001:db8:1:3::9", "2001:db8:1:3::" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "unix:", "unix:" },
		{ "", "-" },
		{ "2001:0db8:0000:0000:0000:0000:0000:00000000001", "-" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[46];

		CHECK(text_is(limit_address(text_of(cases[i].address), out), cases[i].counted),
		    cases[i].address);
	}
}

CU_TestInfo access_limit_tests[] = {
	{ "fills and empties", fills_and_empties },
	{ "keeps apart", keeps_apart },
	{ "stands a flood", stands_a_flood },
	{ "owes nothing for others", owes_nothing_for_others },
	{ "cannot be aimed at", cannot_be_aimed_at },
	{ "counts addresses", counts_addresses },
	CU_TEST_INFO_NULL,
};
