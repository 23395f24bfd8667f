#include "framing.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Record types of the specification that framing does not name in its header. */
enum { BEGIN = 1, ABORT = 2, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6, GET_VALUES = 9 };

static const struct framing_limits limits = { 200, 100 };

/* A record with `padding` bytes behind its content, at the end of a readable page. */
static const unsigned char *
record(unsigned version, unsigned type, uint16_t id, struct text content, unsigned padding)
{
	unsigned char header[FRAMING_HEADER] = { (unsigned char)version, (unsigned char)type,
		(unsigned char)(id >> 8), (unsigned char)id, (unsigned char)(content.length >> 8),
		(unsigned char)content.length, (unsigned char)padding, 0x5a };
	unsigned char zeros[255] = { 0 };
	struct buf bytes = { 0 };
	const unsigned char *copy;

	buf_add(&bytes, header, sizeof(header));
	buf_add(&bytes, content.data, content.length);
	buf_add(&bytes, zeros, padding);
	copy = (const unsigned char *)guarded(bytes.data, bytes.length);
	CHECK(framing_length(copy, FRAMING_HEADER) == bytes.length, "its own length");
	buf_free(&bytes);
	return copy;
}

static bool
same_bytes(const struct buf *buf, struct text expected)
{
	struct buf got = { 0 }, want = { 0 };
	bool same = buf->length == expected.length &&
	    (buf->length == 0 || memcmp(buf->data, expected.data, buf->length) == 0);

	if (!same) {
		buf_hex(&got, buf->data, buf->length);
		buf_hex(&want, expected.data, expected.length);
		fprintf(stderr, "got %.*s, expected %.*s\n", (int)got.length, got.data,
		    (int)want.length, want.data);
	}
	buf_free(&got);
	buf_free(&want);
	return same;
}

#define NOT_FASTCGI "bytes that are not FastCGI"
#define BAD_BEGIN "a malformed BEGIN_REQUEST"
#define SECOND_BEGIN "a second BEGIN_REQUEST for the same request"
#define BAD_ROLE "a role other than responder"
#define LATE_PARAMS "PARAMS after their end"
#define CUT_PARAMS "PARAMS that end within a name or a value"
#define EARLY_STDIN "STDIN before the end of PARAMS"
#define BAD_TYPE "a record of a type that no responder gets"

/* What is sent, and what is said of it. */
struct step {
	unsigned type; /* 0: no more steps */
	uint16_t id;
	struct text content;
	enum framing_verdict verdict;
	const char *why;    /* of a refusal */
	struct text answer; /* what this step adds to it */
};

#define START                                                                                      \
	{                                                                                          \
		BEGIN, 1, TEXT("\0\1\1\0\0\0\0\0"), FRAMING_KEEP                                   \
	}
#define PAIR TEXT("\1\2Ab1")
#define PAIR_STEP                                                                                  \
	{                                                                                          \
		PARAMS, 1, PAIR, FRAMING_KEEP                                                      \
	}
#define PARAMS_END                                                                                 \
	{                                                                                          \
		PARAMS, 1, TEXT(""), FRAMING_KEEP                                                  \
	}
#define WHOLE                                                                                      \
	{                                                                                          \
		STDIN, 1, TEXT(""), FRAMING_COMPLETE                                               \
	}
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define ENDED(id, status) TEXT("\1\3\0" id "\0\10\0\0\0\0\0\0" status "\0\0\0")
#define UNKNOWN(type) TEXT("\1\13\0\0\0\10\0\0" type "\0\0\0\0\0\0\0")

static const struct {
	const char *name;
	struct step steps[10];
	bool keep, complete, too_large; /* of the state at the end */
	uint16_t id;
} scripts[] = {
	{ "a request", { START, PAIR_STEP, PARAMS_END, WHOLE }, true, true, false, 1 },
	{ "a request without parameters", { START, PARAMS_END, WHOLE }, true, true, false, 1 },
	{ "a request whose connection is not kept",
	    { { BEGIN, 7, TEXT("\0\1\0\0\0\0\0\0"), FRAMING_KEEP },
		{ PARAMS, 7, TEXT(""), FRAMING_KEEP }, { STDIN, 7, TEXT(""), FRAMING_COMPLETE } },
	    false, true, false, 7 },
	{ "other flags mean nothing", { { BEGIN, 1, TEXT("\0\1\376zzzzz"), FRAMING_KEEP } }, false,
	    false, false, 1 },
	{ "ids have two bytes",
	    { { BEGIN, 0x0102, TEXT("\0\1\1\0\0\0\0\0"), FRAMING_KEEP },
		{ PARAMS, 0x0202, TEXT("x"), FRAMING_DROP },
		{ PARAMS, 0x0102, TEXT(""), FRAMING_KEEP },
		{ STDIN, 0x0101, TEXT(""), FRAMING_DROP },
		{ STDIN, 0x0102, TEXT(""), FRAMING_COMPLETE } },
	    true, true, false, 0x0102 },
	{ "a body in two records",
	    { START, PAIR_STEP, PARAMS_END, { STDIN, 1, TEXT("a"), FRAMING_KEEP },
		{ STDIN, 1, TEXT("b"), FRAMING_KEEP }, WHOLE },
	    true, true, false, 1 },

	/* BEGIN_REQUEST */
	{ "BEGIN for id 0", { { BEGIN, 0, TEXT("\0\1\1\0\0\0\0\0"), FRAMING_REFUSED, BAD_BEGIN } },
	    false, false, false, 0 },
	{ "BEGIN without content", { { BEGIN, 1, TEXT(""), FRAMING_REFUSED, BAD_BEGIN } }, false,
	    false, false, 0 },
	{ "BEGIN too short", { { BEGIN, 1, TEXT("\0\1\1\0\0\0\0"), FRAMING_REFUSED, BAD_BEGIN } },
	    false, false, false, 0 },
	{ "BEGIN too long",
	    { { BEGIN, 1, TEXT("\0\1\1\0\0\0\0\0\0"), FRAMING_REFUSED, BAD_BEGIN } }, false, false,
	    false, 0 },
	{ "a second BEGIN",
	    { START, { BEGIN, 1, TEXT("\0\1\1\0\0\0\0\0"), FRAMING_REFUSED, SECOND_BEGIN } }, true,
	    false, false, 1 },
	{ "a second BEGIN in the body",
	    { START, PARAMS_END, { STDIN, 1, TEXT("a"), FRAMING_KEEP },
		{ BEGIN, 1, TEXT("\0\1\1\0\0\0\0\0"), FRAMING_REFUSED, SECOND_BEGIN } },
	    true, false, false, 1 },
	{ "a second BEGIN of another request",
	    { START,
		{ BEGIN, 2, TEXT("\0\1\1\0\0\0\0\0"), FRAMING_ANSWERED, NULL, ENDED("\2", "\1") },
		{ PARAMS, 2, TEXT("\177"), FRAMING_DROP }, PAIR_STEP, PARAMS_END,
		{ STDIN, 2, TEXT(""), FRAMING_DROP }, WHOLE },
	    true, true, false, 1 },
	{ "a malformed second BEGIN",
	    { START, { BEGIN, 2, TEXT("\0\1"), FRAMING_REFUSED, BAD_BEGIN } }, true, false, false,
	    1 },
	{ "the role authorizer",
	    { { BEGIN, 1, TEXT("\0\2\1\0\0\0\0\0"), FRAMING_REFUSED, BAD_ROLE,
		ENDED("\1", "\3") } },
	    false, false, false, 0 },
	{ "the role filter",
	    { { BEGIN, 1, TEXT("\0\3\1\0\0\0\0\0"), FRAMING_REFUSED, BAD_ROLE,
		ENDED("\1", "\3") } },
	    false, false, false, 0 },
	{ "role 0",
	    { { BEGIN, 1, TEXT("\0\0\1\0\0\0\0\0"), FRAMING_REFUSED, BAD_ROLE,
		ENDED("\1", "\3") } },
	    false, false, false, 0 },
	{ "a role with two bytes",
	    { { BEGIN, 1, TEXT("\1\1\1\0\0\0\0\0"), FRAMING_REFUSED, BAD_ROLE,
		ENDED("\1", "\3") } },
	    false, false, false, 0 },

	/* order */
	{ "records of no request",
	    { { PARAMS, 1, PAIR, FRAMING_DROP }, { STDIN, 1, TEXT(""), FRAMING_DROP },
		{ ABORT, 1, TEXT(""), FRAMING_DROP }, { 99, 1, TEXT(""), FRAMING_DROP }, START,
		PARAMS_END, WHOLE },
	    true, true, false, 1 },
	{ "records of another request",
	    { START, { PARAMS, 2, TEXT("\377\377"), FRAMING_DROP },
		{ ABORT, 2, TEXT(""), FRAMING_DROP }, { 99, 2, TEXT(""), FRAMING_DROP },
		{ END, 2, TEXT(""), FRAMING_DROP }, PAIR_STEP, PARAMS_END, WHOLE },
	    true, true, false, 1 },
	{ "STDIN at once", { START, { STDIN, 1, TEXT(""), FRAMING_REFUSED, EARLY_STDIN } }, true,
	    false, false, 1 },
	{ "STDIN among PARAMS",
	    { START, PAIR_STEP, { STDIN, 1, TEXT("a"), FRAMING_REFUSED, EARLY_STDIN } }, true,
	    false, false, 1 },
	{ "PARAMS after their end",
	    { START, PARAMS_END, { PARAMS, 1, PAIR, FRAMING_REFUSED, LATE_PARAMS } }, true, false,
	    false, 1 },
	{ "a second end of PARAMS",
	    { START, PARAMS_END, { PARAMS, 1, TEXT(""), FRAMING_REFUSED, LATE_PARAMS } }, true,
	    false, false, 1 },
	{ "STDIN after its end",
	    { START, PARAMS_END, WHOLE, { STDIN, 1, TEXT("a"), FRAMING_DROP },
		{ STDIN, 1, TEXT(""), FRAMING_DROP } },
	    true, true, false, 1 },
	{ "a request behind the request",
	    { START, PARAMS_END, WHOLE,
		{ BEGIN, 2, TEXT("\0\1\1\0\0\0\0\0"), FRAMING_ANSWERED, NULL, ENDED("\2", "\1") } },
	    true, true, false, 1 },

	/* ABORT_REQUEST */
	{ "abort at once",
	    { START, { ABORT, 1, TEXT(""), FRAMING_ABORTED, NULL, ENDED("\1", "\0") } }, true,
	    false, false, 1 },
	{ "abort among PARAMS",
	    { START, { PARAMS, 1, TEXT("\5"), FRAMING_KEEP },
		{ ABORT, 1, TEXT(""), FRAMING_ABORTED, NULL, ENDED("\1", "\0") } },
	    true, false, false, 1 },
	{ "abort in the body",
	    { START, PARAMS_END, { STDIN, 1, TEXT("a"), FRAMING_KEEP },
		{ ABORT, 1, TEXT("x"), FRAMING_ABORTED, NULL, ENDED("\1", "\0") } },
	    true, false, false, 1 },
	{ "abort of a whole request",
	    { START, PARAMS_END, WHOLE,
		{ ABORT, 1, TEXT(""), FRAMING_ABORTED, NULL, ENDED("\1", "\0") } },
	    true, true, false, 1 },

	/* management */
	{ "values, whenever",
	    { { GET_VALUES, 0, TEXT("\17\0FCGI_MPXS_CONNS"), FRAMING_ANSWERED, NULL,
		  TEXT("\1\12\0\0\0\22\0\0\17\1FCGI_MPXS_CONNS0") },
		START,
		{ GET_VALUES, 0, TEXT(""), FRAMING_ANSWERED, NULL, TEXT("\1\12\0\0\0\0\0\0") },
		PARAMS_END,
		{ GET_VALUES, 0, TEXT(""), FRAMING_ANSWERED, NULL, TEXT("\1\12\0\0\0\0\0\0") },
		WHOLE },
	    true, true, false, 1 },
	{ "management of unknown type",
	    { { 12, 0, TEXT("x"), FRAMING_ANSWERED, NULL, UNKNOWN("\14") },
		{ 255, 0, TEXT(""), FRAMING_ANSWERED, NULL, UNKNOWN("\377") },
		{ PARAMS, 0, PAIR, FRAMING_ANSWERED, NULL, UNKNOWN("\4") },
		{ STDIN, 0, TEXT(""), FRAMING_ANSWERED, NULL, UNKNOWN("\5") },
		{ ABORT, 0, TEXT(""), FRAMING_ANSWERED, NULL, UNKNOWN("\2") }, START, PARAMS_END,
		WHOLE },
	    true, true, false, 1 },

	/* limits: 200 bytes of parameters, 100 of body */
	{ "parameters of just the size",
	    { START,
		{ PARAMS, 1,
		    TEXT("\1\177n" FIFTY FIFTY TEN TEN "0123456\1\103n" FIFTY "0123456789"),
		    FRAMING_KEEP },
		{ PARAMS, 1, TEXT("0123456"), FRAMING_KEEP }, PARAMS_END, WHOLE },
	    true, true, false, 1 },
	{ "parameters one byte larger",
	    { START,
		{ PARAMS, 1,
		    TEXT("\1\177n" FIFTY FIFTY TEN TEN "0123456\1\104n" FIFTY "0123456789"),
		    FRAMING_KEEP },
		{ PARAMS, 1, TEXT("01234567"), FRAMING_PARAMS_TOO_LARGE } },
	    true, false, false, 1 },
	{ "one pair that fits the limit", { START, { PARAMS, 1, TEXT("\144\144"), FRAMING_KEEP } },
	    true, false, false, 1 },
	{ "one pair that does not",
	    { START, { PARAMS, 1, TEXT("\144\145"), FRAMING_PARAMS_TOO_LARGE } }, true, false,
	    false, 1 },
	{ "a body of just the size",
	    { START, PARAMS_END, { STDIN, 1, TEXT(FIFTY), FRAMING_KEEP },
		{ STDIN, 1, TEXT(FIFTY), FRAMING_KEEP }, WHOLE },
	    true, true, false, 1 },
	{ "a body one byte larger",
	    { START, PARAMS_END, { STDIN, 1, TEXT(FIFTY), FRAMING_KEEP },
		{ STDIN, 1, TEXT(FIFTY "x"), FRAMING_DROP }, { STDIN, 1, TEXT("y"), FRAMING_DROP },
		WHOLE },
	    true, true, true, 1 },
};

static void
judges_records(void)
{
	for (size_t i = 0; i < COUNT(scripts); i++) {
		struct framing f = { 0 };

		for (size_t s = 0; s < COUNT(scripts[i].steps); s++) {
			const struct step *step = &scripts[i].steps[s];
			struct buf answer = { 0 };
			const char *why = "left over";
			char name[96];

			if (step->type == 0)
				break;
			snprintf(name, sizeof(name), "%s, step %zu", scripts[i].name, s + 1);
			CHECK(framing_record(&f, &limits,
				  record(1, step->type, step->id, step->content,
				      (unsigned)(i * 37 + s * 5) % 256),
				  &answer, &why) == step->verdict,
			    name);
			CHECK((why != NULL) == (step->verdict == FRAMING_REFUSED), name);
			CHECK(step->why == NULL || same_text(text_of(why), step->why), name);
			CHECK(same_bytes(&answer, step->answer), name);
			buf_free(&answer);
		}
		CHECK(f.id == scripts[i].id && f.keep == scripts[i].keep, scripts[i].name);
		CHECK(f.complete == scripts[i].complete && f.too_large == scripts[i].too_large,
		    scripts[i].name);
	}
}

static void
refuses_other_versions(void)
{
	for (unsigned version = 0; version < 256; version++) {
		struct framing f = { 0 };
		struct buf answer = { 0 };
		const char *why;
		char name[16];

		snprintf(name, sizeof(name), "version %u", version);
		CHECK(framing_record(&f, &limits,
			  record(version, BEGIN, 1, TEXT("\0\1\1\0\0\0\0\0"), 0), &answer,
			  &why) == (version == 1 ? FRAMING_KEEP : FRAMING_REFUSED),
		    name);
		CHECK(version == 1 || same_text(text_of(why), NOT_FASTCGI), name);
		CHECK(answer.length == 0, name);
		buf_free(&answer);
	}
}

/* Each type on an active request that no web server sends a responder. */
static void
refuses_other_types(void)
{
	for (unsigned type = 0; type < 256; type++) {
		struct framing f = { .id = 1, .params_done = true };
		struct buf answer = { 0 };
		const char *why;
		char name[16];

		if (type == BEGIN || type == ABORT || type == PARAMS || type == STDIN)
			continue;
		snprintf(name, sizeof(name), "type %u", type);
		CHECK(framing_record(&f, &limits, record(1, type, 1, TEXT("x"), 0), &answer,
			  &why) == FRAMING_REFUSED,
		    name);
		CHECK(same_text(text_of(why), BAD_TYPE), name);
		CHECK(answer.length == 0, name);
		buf_free(&answer);
	}
}

static void
measures_records(void)
{
	static const struct {
		struct text header;
		size_t length;
	} cases[] = {
		{ TEXT("\1\4\0\1\0\0\0\0"), 8 },
		{ TEXT("\1\4\0\1\0\5\0\0"), 13 },
		{ TEXT("\1\4\0\1\0\5\3\0"), 16 },
		{ TEXT("\1\4\0\1\1\0\0\0"), 264 },
		{ TEXT("\1\4\0\1\377\377\377\377"), FRAMING_RECORD_MAX },
		{ TEXT("\0\0\0\0\0\0\0\0"), 8 },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t have = 0; have <= FRAMING_HEADER; have++) {
			const char *bytes = guarded(cases[i].header.data, have);
			char name[32];

			snprintf(name, sizeof(name), "case %zu, %zu bytes", i, have);
			CHECK(framing_length((const unsigned char *)bytes, have) ==
				(have < FRAMING_HEADER ? 0 : cases[i].length),
			    name);
		}
}

/* Sends PARAMS in records of these contents and then their end. */
static enum framing_verdict
send_params(struct framing *f, const struct framing_limits *limit, const struct text *parts,
    size_t count, const char **why)
{
	struct buf answer = { 0 };
	enum framing_verdict verdict = FRAMING_KEEP;

	*f = (struct framing){ .id = 1 };
	for (size_t i = 0; i < count && verdict == FRAMING_KEEP; i++)
		verdict = framing_record(
		    f, limit, record(1, PARAMS, 1, parts[i], (unsigned)i % 256), &answer, why);
	if (verdict == FRAMING_KEEP)
		verdict = framing_record(f, limit, record(1, PARAMS, 1, TEXT(""), 0), &answer, why);
	CHECK(answer.length == 0, "no answer");
	buf_free(&answer);
	return verdict;
}

/* Pairs with all four forms of lengths; offsets at which one ends are marked. */
static const struct text pairs = TEXT("\3\2ABC12"
				      "\200\0\0\1\1D3"
				      "\1\200\0\0\2E45"
				      "\200\0\0\2\200\0\0\3FG678"
				      "\0\0"
				      "\1\0H"
				      "\0\1z");
static const size_t ends[] = { 0, 7, 14, 22, 35, 37, 40, 43 };

static bool
is_end(size_t at)
{
	for (size_t i = 0; i < COUNT(ends); i++)
		if (ends[i] == at)
			return true;
	return false;
}

static void
reads_pairs_over_records(void)
{
	struct framing f;
	const char *why;
	struct text bytes[64];

	CHECK(pairs.length == ends[COUNT(ends) - 1], "the sample");
	for (size_t split = 0; split <= pairs.length; split++) {
		const struct text parts[] = { { pairs.data, split },
			{ pairs.data + split, pairs.length - split } };
		char name[32];

		snprintf(name, sizeof(name), "split at %zu", split);
		if (split == 0 || split == pairs.length)
			continue; /* an empty record would be the end */
		CHECK(send_params(&f, &limits, parts, 2, &why) == FRAMING_KEEP, name);
		CHECK(f.params_done && f.params == pairs.length, name);
		for (size_t second = split + 1; second < pairs.length; second++) {
			const struct text three[] = { { pairs.data, split },
				{ pairs.data + split, second - split },
				{ pairs.data + second, pairs.length - second } };

			if (send_params(&f, &limits, three, 3, &why) != FRAMING_KEEP)
				CHECK(false, name);
		}
	}
	for (size_t i = 0; i < pairs.length; i++)
		bytes[i] = (struct text){ pairs.data + i, 1 };
	CHECK(send_params(&f, &limits, bytes, pairs.length, &why) == FRAMING_KEEP, "byte by byte");
	CHECK(f.params_done, "byte by byte");
}

static void
refuses_every_truncation_of_pairs(void)
{
	for (size_t length = 1; length <= pairs.length; length++) {
		const struct text part = { pairs.data, length };
		struct framing f;
		const char *why;
		char name[32];

		snprintf(name, sizeof(name), "%zu bytes", length);
		CHECK(send_params(&f, &limits, &part, 1, &why) ==
			(is_end(length) ? FRAMING_KEEP : FRAMING_REFUSED),
		    name);
		CHECK(is_end(length) || same_text(text_of(why), CUT_PARAMS), name);
	}
}

static void
limits_pairs(void)
{
	static const struct framing_limits wide = { SIZE_MAX, 0 };
	static const struct {
		const char *name;
		const struct framing_limits *limit;
		struct text params;
		enum framing_verdict verdict; /* KEEP: so far, and cut by the end of PARAMS */
	} cases[] = {
		{ "127", &limits, TEXT("\177\0"), FRAMING_KEEP },
		{ "200", &limits, TEXT("\200\0\0\310\0"), FRAMING_KEEP },
		{ "201", &limits, TEXT("\200\0\0\311\0"), FRAMING_PARAMS_TOO_LARGE },
		{ "256", &limits, TEXT("\200\0\1\0\0"), FRAMING_PARAMS_TOO_LARGE },
		{ "65536", &limits, TEXT("\200\1\0\0\0"), FRAMING_PARAMS_TOO_LARGE },
		{ "200 of value", &limits, TEXT("\0\200\0\0\310"), FRAMING_KEEP },
		{ "201 of value", &limits, TEXT("\0\200\0\0\311"), FRAMING_PARAMS_TOO_LARGE },
		{ "100 and 100", &limits, TEXT("\144\144"), FRAMING_KEEP },
		{ "100 and 101", &limits, TEXT("\200\0\0\144\200\0\0\145"),
		    FRAMING_PARAMS_TOO_LARGE },
		{ "0x7ffffffe", &limits, TEXT("\377\377\377\376\377\377\377\376"),
		    FRAMING_PARAMS_TOO_LARGE },
		{ "0x7fffffff", &limits, TEXT("\377\377\377\377\377\377\377\377"),
		    FRAMING_PARAMS_TOO_LARGE },
		{ "0x7ffffffe and 3: no 32 bits", &limits, TEXT("\377\377\377\376\3"),
		    FRAMING_PARAMS_TOO_LARGE },
		{ "0x7fffffff without a limit", &wide, TEXT("\377\377\377\377\377\377\377\377"),
		    FRAMING_KEEP },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct framing f;
		const char *why;
		enum framing_verdict verdict =
		    send_params(&f, cases[i].limit, &cases[i].params, 1, &why);

		CHECK(verdict ==
			(cases[i].verdict == FRAMING_KEEP ? FRAMING_REFUSED : cases[i].verdict),
		    cases[i].name);
		CHECK(cases[i].verdict != FRAMING_KEEP || same_text(text_of(why), CUT_PARAMS),
		    cases[i].name);
		CHECK(!f.params_done, cases[i].name);
	}
}

/* All 31 bits of a length count, in this order. */
static void
reads_long_lengths(void)
{
	static const struct framing_limits wide = { SIZE_MAX, 0 };
	static const struct {
		struct text lengths;
		size_t left;
	} cases[] = {
		{ TEXT("\177\0"), 0x7f },
		{ TEXT("\200\0\0\0\177"), 0x7f },
		{ TEXT("\201\2\3\4\0"), 0x01020304 },
		{ TEXT("\0\201\2\3\4"), 0x01020304 },
		{ TEXT("\201\2\3\4\220\40\60\100"), 0x11223344 },
		{ TEXT("\377\377\377\377\377\377\377\377"), 0xfffffffe },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct framing f = { .id = 1 };
		struct buf answer = { 0 };
		const char *why;
		char name[32];

		snprintf(name, sizeof(name), "%zx", cases[i].left);
		CHECK(framing_record(&f, &wide, record(1, PARAMS, 1, cases[i].lengths, 0), &answer,
			  &why) == FRAMING_KEEP,
		    name);
		CHECK(f.pair_left == cases[i].left && f.length_count == 0, name);
		buf_free(&answer);
	}
}

static void
add_pair(struct buf *out, const char *name, const char *value)
{
	const unsigned char lengths[] = { (unsigned char)strlen(name),
		(unsigned char)strlen(value) };

	buf_add(out, lengths, 2);
	buf_text(out, name);
	buf_text(out, value);
}

static void
answers_values(void)
{
	static const struct {
		const char *name;
		struct text asked;
		const char *conns, *reqs, *mpxs; /* what the answer says; NULL = nothing */
	} cases[] = {
		{ "nothing", TEXT(""), NULL, NULL, NULL },
		{ "all", TEXT("\16\0FCGI_MAX_CONNS\15\0FCGI_MAX_REQS\17\0FCGI_MPXS_CONNS"), "1024",
		    "1024", "0" },
		{ "in any order", TEXT("\17\0FCGI_MPXS_CONNS\15\0FCGI_MAX_REQS\16\0FCGI_MAX_CONNS"),
		    "1024", "1024", "0" },
		{ "one", TEXT("\15\0FCGI_MAX_REQS"), NULL, "1024", NULL },
		{ "values are not read", TEXT("\15\2FCGI_MAX_REQS77\17\1FCGI_MPXS_CONNS1"), NULL,
		    "1024", "0" },
		{ "unknown names", TEXT("\1\0x\0\0\15\0FCGI_MAX_REQS\1\1yz"), NULL, "1024", NULL },
		{ "names that begin alike", TEXT("\14\0FCGI_MAX_REQ\16\0FCGI_MAX_REQSS"), NULL,
		    NULL, NULL },
		{ "in small letters", TEXT("\15\0fcgi_max_reqs"), NULL, NULL, NULL },
		{ "cut in a length", TEXT("\15\0FCGI_MAX_REQS\17"), NULL, "1024", NULL },
		{ "cut in a name", TEXT("\15\0FCGI_MAX_REQS\17\0FCGI_MPXS_CONN"), NULL, "1024",
		    NULL },
		{ "cut in a value", TEXT("\15\0FCGI_MAX_REQS\17\1FCGI_MPXS_CONNS"), NULL, "1024",
		    NULL },
		{ "a length beyond the end", TEXT("\15\177FCGI_MAX_REQS"), NULL, NULL, NULL },
		{ "a huge length", TEXT("\377\377\377\377\377\377\377\377FCGI_MAX_REQS"), NULL,
		    NULL, NULL },
	};

	for (size_t i = 0; i <= COUNT(cases); i++) {
		struct framing f = { 0 };
		struct buf answer = { 0 }, values = { 0 }, expected = { 0 }, asked = { 0 };
		const char *why, *name;
		unsigned char header[FRAMING_HEADER] = { 1, 10 };

		if (i < COUNT(cases)) {
			name = cases[i].name;
			buf_add(&asked, cases[i].asked.data, cases[i].asked.length);
			if (cases[i].conns != NULL)
				add_pair(&values, "FCGI_MAX_CONNS", cases[i].conns);
			if (cases[i].reqs != NULL)
				add_pair(&values, "FCGI_MAX_REQS", cases[i].reqs);
			if (cases[i].mpxs != NULL)
				add_pair(&values, "FCGI_MPXS_CONNS", cases[i].mpxs);
		} else {
			name = "40 times"; /* libfcgi's own answer overruns at that */
			for (int n = 0; n < 40; n++) {
				add_pair(&asked, "FCGI_MAX_CONNS", "");
				add_pair(&asked, "FCGI_MAX_REQS", "");
				add_pair(&asked, "FCGI_MPXS_CONNS", "");
			}
			add_pair(&values, "FCGI_MAX_CONNS", "1024");
			add_pair(&values, "FCGI_MAX_REQS", "1024");
			add_pair(&values, "FCGI_MPXS_CONNS", "0");
		}
		header[5] = (unsigned char)values.length;
		buf_add(&expected, header, sizeof(header));
		buf_add(&expected, values.data, values.length);
		CHECK(framing_record(&f, &limits, record(1, GET_VALUES, 0, buf_view(&asked), 3),
			  &answer, &why) == FRAMING_ANSWERED,
		    name);
		CHECK(same_bytes(&answer, buf_view(&expected)), name);
		buf_free(&answer);
		buf_free(&values);
		buf_free(&expected);
		buf_free(&asked);
	}
}

static void
strips_padding(void)
{
	static const unsigned paddings[] = { 0, 1, 7, 255 };
	struct buf large = { 0 };

	while (large.length < 65535)
		buf_add(&large, "0123456789abcdefg",
		    large.length + 17 > 65535 ? 65535 - large.length : 17);
	for (size_t i = 0; i < COUNT(paddings); i++)
		for (int size = 0; size < 3; size++) {
			struct text content = size == 0 ? TEXT("")
			    : size == 1                 ? TEXT("content")
							: buf_view(&large);
			struct buf kept = { 0 }, expected = { 0 };
			unsigned char header[FRAMING_HEADER] = { 1, STDIN, 1, 2,
				(unsigned char)(content.length >> 8), (unsigned char)content.length,
				0, 0 };
			char name[32];

			snprintf(name, sizeof(name), "%zu and %u", content.length, paddings[i]);
			buf_text(&expected, ">");
			buf_add(&expected, header, sizeof(header));
			buf_add(&expected, content.data, content.length);
			buf_text(&kept, ">");
			framing_keep(record(1, STDIN, 0x0102, content, paddings[i]), &kept);
			CHECK(kept.length == expected.length &&
				memcmp(kept.data, expected.data, kept.length) == 0,
			    name);
			buf_free(&kept);
			buf_free(&expected);
		}
	buf_free(&large);
}

/* Whatever the size, its records carry it whole and end it. */
static void
answers_without_libfcgi(void)
{
	static const size_t sizes[] = { 0, 1, 100, 65527, 65528, 65529, 65536, 200000 };

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct buf bytes = { 0 }, out = { 0 }, found = { 0 };
		size_t at = 1, length = 0;
		char name[16];
		bool ended = false, id_right = true;

		snprintf(name, sizeof(name), "%zu", sizes[i]);
		for (size_t n = 0; n < sizes[i]; n++) {
			char c = (char)(n * 7 + n / 256);

			buf_add(&bytes, &c, 1);
		}
		buf_text(&out, ">");
		framing_answer(0x0102, buf_view(&bytes), &out);
		for (; at < out.length && !ended; at += length) {
			const unsigned char *r = (const unsigned char *)out.data + at;

			length = framing_length(r, out.length - at);
			if (length == 0 || length > out.length - at || r[0] != 1 || r[1] != STDOUT)
				break;
			id_right = id_right && r[2] == 1 && r[3] == 2;
			ended = (r[4] | r[5]) == 0;
			buf_add(&found, r + FRAMING_HEADER, (size_t)(r[4] << 8 | r[5]));
		}
		CHECK(ended && id_right, name);
		CHECK(found.length == bytes.length &&
			(found.length == 0 || memcmp(found.data, bytes.data, found.length) == 0),
		    name);
		CHECK(out.length - at == 16 &&
			memcmp(out.data + at, "\1\3\1\2\0\10\0\0\0\0\0\0\0\0\0\0", 16) == 0,
		    name);
		buf_free(&bytes);
		buf_free(&out);
		buf_free(&found);
	}
}

CU_TestInfo fcgi_framing_tests[] = {
	{ "judges records", judges_records },
	{ "refuses other versions", refuses_other_versions },
	{ "refuses other types", refuses_other_types },
	{ "measures records", measures_records },
	{ "reads pairs over records", reads_pairs_over_records },
	{ "refuses every truncation of pairs", refuses_every_truncation_of_pairs },
	{ "limits pairs", limits_pairs },
	{ "reads long lengths", reads_long_lengths },
	{ "answers values", answers_values },
	{ "strips padding", strips_padding },
	{ "answers without libfcgi", answers_without_libfcgi },
	CU_TEST_INFO_NULL,
};
