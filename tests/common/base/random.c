#include <sys/wait.h>
#include <unistd.h>

#include "random.h"
#include "unit.h"

static void
fills_any_length(void)
{
	static const size_t lengths[] = { 0, 1, 4, 255, 256, 1023, 1024, 1025, 4095, 4096, 4097,
		20000 };
	static unsigned char out[20000 + 2];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char name[32];
		size_t zeros = 0;

		snprintf(name, sizeof(name), "%zu bytes", lengths[i]);
		memset(out, 0, sizeof(out));
		random_bytes(out + 1, lengths[i]);
		CHECK(out[0] == 0 && out[lengths[i] + 1] == 0, name);
		for (size_t n = 1; n <= lengths[i]; n++)
			zeros += out[n] == 0;
		CHECK(lengths[i] < 4 || zeros < lengths[i] / 16 + 4, name);
	}
}

static void
never_repeats(void)
{
	/* Longer than any page: 16 bytes that come twice would be a page given out twice. */
	enum { DRAWS = 2000 };
	static unsigned char draws[DRAWS][16];
	size_t repeated = 0;

	for (size_t i = 0; i < DRAWS; i++)
		random_bytes(draws[i], sizeof(draws[i]));
	for (size_t i = 0; i < DRAWS; i++)
		for (size_t j = i + 1; j < DRAWS; j++)
			repeated += memcmp(draws[i], draws[j], sizeof(draws[i])) == 0;
	CHECK(repeated == 0, "no two draws are equal");
}

static void
stays_below(void)
{
	static const uint32_t limits[] = { 1, 2, 3, 7, 100, 99999999, 0x80000000, 0x80000001,
		0xc0000000, UINT32_MAX };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		uint32_t most = 0, least = UINT32_MAX;
		char name[32];

		snprintf(name, sizeof(name), "%u", limits[i]);
		for (int n = 0; n < 2000; n++) {
			uint32_t value = random_below(limits[i]);

			most = value > most ? value : most;
			least = value < least ? value : least;
		}
		CHECK(most < limits[i], name);
		CHECK(most >= limits[i] / 10 * 9, name);
		CHECK(least <= limits[i] / 10, name);
	}
}

/*
 * How often each bucket is drawn, by a chi-squared test that a good generator fails once in a
 * million runs.  The limits are chosen so that a plain modulo would be off by a half.
 */
static void
is_uniform(void)
{
	enum { BUCKETS = 6, DRAWS = 60000 };
	static const uint32_t limits[] = { 6, 99999999, 0x80000001, 0xc0000000, UINT32_MAX };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		double drawn[BUCKETS] = { 0 }, chi = 0;
		char name[32];

		snprintf(name, sizeof(name), "%u", limits[i]);
		for (int n = 0; n < DRAWS; n++)
			drawn[(uint64_t)random_below(limits[i]) * BUCKETS / limits[i]]++;
		for (int b = 0; b < BUCKETS; b++) {
			double off = drawn[b] - DRAWS / BUCKETS;

			chi += off * off / (DRAWS / BUCKETS);
		}
		CHECK(chi < 36.0, name);
	}
}

/* A worker is forked with the parent's page in its memory. */
static void
differs_in_a_forked_child(void)
{
	unsigned char draws[3][32];
	int status, ends[2];

	random_bytes(draws[0], 1); /* the page is there */
	for (int child = 0; child < 2; child++) {
		pid_t pid;

		if (pipe(ends) != 0 || (pid = fork()) < 0) {
			CU_FAIL("pipe or fork");
			return;
		}
		if (pid == 0) {
			unsigned char bytes[32];

			random_bytes(bytes, sizeof(bytes));
			_exit(write(ends[1], bytes, sizeof(bytes)) == sizeof(bytes) ? 0 : 1);
		}
		close(ends[1]);
		CHECK(read(ends[0], draws[child], 32) == 32, "the child's bytes");
		CHECK(waitpid(pid, &status, 0) == pid && status == 0, "the child's end");
		close(ends[0]);
	}
	random_bytes(draws[2], sizeof(draws[2]));
	CHECK(memcmp(draws[0], draws[1], 32) != 0, "two children");
	CHECK(memcmp(draws[0], draws[2], 32) != 0, "the first child and its parent");
	CHECK(memcmp(draws[1], draws[2], 32) != 0, "the second child and its parent");
}

CU_TestInfo base_random_tests[] = {
	{ "fills any length", fills_any_length },
	{ "never repeats", never_repeats },
	{ "stays below", stays_below },
	{ "is uniform", is_uniform },
	{ "differs in a forked child", differs_in_a_forked_child },
	CU_TEST_INFO_NULL,
};
