#include "../../fcgi/codec.h" /* "codec.h" is the token library's */
#include "framing.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };

static int
init(void)
{
	static bool done;

	if (!done && !codec_init())
		return 1;
	done = true;
	return 0;
}

static void
add_record(struct buf *out, unsigned type, uint16_t id, struct text content)
{
	const unsigned char header[FRAMING_HEADER] = { 1, (unsigned char)type,
		(unsigned char)(id >> 8), (unsigned char)id, (unsigned char)(content.length >> 8),
		(unsigned char)content.length, 0, 0 };

	buf_add(out, header, sizeof(header));
	buf_add(out, content.data, content.length);
}

/* A stream in records of up to `size` bytes, and its end. */
static void
add_stream(struct buf *out, unsigned type, uint16_t id, struct text content, size_t size)
{
	while (content.length > 0) {
		size_t n = content.length < size ? content.length : size;

		add_record(out, type, id, (struct text){ content.data, n });
		content = (struct text){ content.data + n, content.length - n };
	}
	add_record(out, type, id, TEXT(""));
}

static void
add_length(struct buf *out, size_t length)
{
	const unsigned char bytes[4] = { (unsigned char)(0x80 | length >> 24),
		(unsigned char)(length >> 16), (unsigned char)(length >> 8),
		(unsigned char)length };

	buf_add(out, length < 128 ? bytes + 3 : bytes, length < 128 ? 1 : 4);
}

static void
add_pair(struct buf *out, struct text name, struct text value)
{
	add_length(out, name.length);
	add_length(out, value.length);
	buf_add(out, name.data, name.length);
	buf_add(out, value.data, value.length);
}

static void
make_request(struct buf *out, uint16_t id, struct text pairs, size_t pairs_size, struct text body,
    size_t body_size)
{
	buf_clear(out);
	add_record(out, BEGIN, id, TEXT("\0\1\1\0\0\0\0\0"));
	add_stream(out, PARAMS, id, pairs, pairs_size);
	add_stream(out, STDIN, id, body, body_size);
}

static bool
decode(struct codec *codec, const struct buf *records)
{
	return codec_decode(
	    codec, (struct text){ guarded(records->data, records->length), records->length });
}

/* The request's parameters; libfcgi puts one of its own in front of them. */
static char *const *
params_of(const struct codec *codec)
{
	char *const *params = codec_params(codec);

	CHECK(same_text(text_of(params[0]), "FCGI_ROLE=RESPONDER"), "libfcgi's own");
	return params[0] == NULL ? params : params + 1;
}

/* The answer that the records carry; false when they are not one whole answer to this id. */
static bool
read_answer(struct text records, uint16_t id, struct buf *answer)
{
	const unsigned char *r = (const unsigned char *)records.data;
	size_t left = records.length, length;
	bool ended = false;

	for (; left > 0; r += length, left -= length) {
		length = framing_length(r, left);
		if (length == 0 || length > left || r[0] != 1 || (r[2] << 8 | r[3]) != id)
			return false;
		if (r[1] == STDOUT && !ended) {
			ended = (r[4] | r[5]) == 0;
			buf_add(answer, r + FRAMING_HEADER, (size_t)(r[4] << 8 | r[5]));
		} else if (r[1] == END && ended) {
			return left == length && (r[4] << 8 | r[5]) == 8 &&
			    memcmp(r + FRAMING_HEADER, "\0\0\0\0\0", 5) == 0;
		} else {
			return false;
		}
	}
	return false;
}

/* Bytes that compress badly and hide no mistake in their order. */
static void
add_noise(struct buf *out, size_t length)
{
	uint32_t noise = (uint32_t)length;

	while (length-- > 0) {
		char c;

		noise = noise * 1664525 + 1013904223;
		c = (char)(noise >> 24);
		buf_add(out, &c, 1);
	}
}

static void
decodes_parameters(void)
{
	static const struct {
		const char *name;
		struct text pairs;
		const char *params[6]; /* as environ has them */
	} cases[] = {
		{ "none", TEXT(""), { NULL } },
		{ "one", TEXT("\1\1AB"), { "A=B" } },
		{ "two", TEXT("\1\1AB\2\2CDEF"), { "A=B", "CD=EF" } },
		{ "an empty value", TEXT("\1\0A"), { "A=" } },
		{ "an empty name", TEXT("\0\1A"), { "=A" } },
		{ "equals signs", TEXT("\1\3A=B="), { "A==B=" } },
		{ "the same twice", TEXT("\1\1AB\1\1AC"), { "A=B", "A=C" } },
		{ "four-byte lengths", TEXT("\200\0\0\1\200\0\0\2ABC"), { "A=BC" } },
		{ "more than libfcgi expects", TEXT("\1\1A1\1\1B2\1\1C3\1\1D4\1\1E5"),
		    { "A=1", "B=2", "C=3", "D=4", "E=5" } },
	};
	struct codec *codec = codec_open();
	struct buf records = { 0 }, out = { 0 };

	CHECK(init() == 0, "libfcgi");
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t size = 1; size < 40; size += 19) {
			char *const *params;
			size_t n = 0;

			make_request(&records, 1, cases[i].pairs, size, TEXT(""), 1);
			CHECK(decode(codec, &records), cases[i].name);
			params = params_of(codec);
			for (; n < 5 && cases[i].params[n] != NULL; n++)
				CHECK(params[n] != NULL &&
					same_text(text_of(params[n]), cases[i].params[n]),
				    cases[i].name);
			CHECK(params[n] == NULL, cases[i].name);
			CHECK(codec_body(codec).length == 0, cases[i].name);
			codec_answer(codec, TEXT(""), &out);
		}
	buf_free(&records);
	buf_free(&out);
	codec_close(codec);
}

static void
decodes_many_and_large_parameters(void)
{
	struct codec *codec = codec_open();
	struct buf records = { 0 }, pairs = { 0 }, out = { 0 }, large = { 0 };
	char *const *params;
	bool same = true;

	CHECK(init() == 0, "libfcgi");
	for (int i = 0; i < 300; i++) {
		char name[32];

		snprintf(name, sizeof(name), "NAME_%d", i);
		add_pair(&pairs, text_of(name), text_of(name + 5));
	}
	for (size_t i = 0; i < 40000; i++)
		buf_text(&large, "v");
	add_pair(&pairs, TEXT("LARGE"), buf_view(&large));
	make_request(&records, 1, buf_view(&pairs), 60000, TEXT(""), 1);
	CHECK(decode(codec, &records), "decoded");
	params = params_of(codec);
	for (int i = 0; i < 300; i++) {
		char expected[32];

		snprintf(expected, sizeof(expected), "NAME_%d=%d", i, i);
		same = same && params[i] != NULL && strcmp(params[i], expected) == 0;
	}
	CHECK(same, "300 of them");
	CHECK(params[300] != NULL && strlen(params[300]) == 40006, "a large one");
	CHECK(params[301] == NULL, "the end");
	codec_answer(codec, TEXT("x"), &out);
	buf_free(&records);
	buf_free(&pairs);
	buf_free(&out);
	buf_free(&large);
	codec_close(codec);
}

/* Request after request through one codec: bodies and answers of sizes around every buffer. */
static void
answers_one_after_the_other(void)
{
	static const struct {
		size_t body, record; /* sizes */
		size_t answer;
	} cases[] = {
		{ 0, 1, 0 },
		{ 1, 1, 1 },
		{ 0, 1, 8191 },
		{ 4095, 4095, 8192 },
		{ 4096, 4096, 8193 },
		{ 4097, 4096, 65535 },
		{ 8192, 8000, 65536 },
		{ 65536, 65535, 65537 },
		{ 65536, 1, 200000 },
		{ 65536, 8192, 1000000 },
		{ 100000, 333, 0 },
		{ 3, 1, 3 },
	};
	struct codec *codec = codec_open();
	struct buf records = { 0 }, pairs = { 0 };

	CHECK(init() == 0, "libfcgi");
	add_pair(&pairs, TEXT("REQUEST_URI"), TEXT("/getToken"));
	for (size_t round = 0; round < 3 * COUNT(cases); round++) {
		size_t i = round % COUNT(cases);
		uint16_t id = (uint16_t)(1 + round * 300);
		struct buf body = { 0 }, answer = { 0 }, out = { 0 }, found = { 0 };
		struct text decoded;
		char name[64];

		snprintf(name, sizeof(name), "body %zu by %zu, answer %zu", cases[i].body,
		    cases[i].record, cases[i].answer);
		add_noise(&body, cases[i].body);
		add_noise(&answer, cases[i].answer);
		make_request(&records, id, buf_view(&pairs), 5, buf_view(&body), cases[i].record);
		CHECK(decode(codec, &records), name);
		CHECK(params_of(codec)[0] != NULL &&
			same_text(text_of(params_of(codec)[0]), "REQUEST_URI=/getToken"),
		    name);
		decoded = codec_body(codec);
		CHECK(decoded.length == body.length &&
			(body.length == 0 || memcmp(decoded.data, body.data, body.length) == 0),
		    name);
		buf_text(&out, ">");
		codec_answer(codec, buf_view(&answer), &out);
		CHECK(out.data[0] == '>', name);
		buf_consume(&out, 1);
		CHECK(read_answer(buf_view(&out), id, &found), name);
		CHECK(found.length == answer.length &&
			(found.length == 0 || memcmp(found.data, answer.data, found.length) == 0),
		    name);
		buf_free(&body);
		buf_free(&answer);
		buf_free(&out);
		buf_free(&found);
	}
	buf_free(&records);
	buf_free(&pairs);
	codec_close(codec);
}

/* Two codecs between each other: libfcgi calls back without saying for which. */
static void
keeps_codecs_apart(void)
{
	struct codec *codecs[2] = { codec_open(), codec_open() };
	struct buf records[2] = { { 0 }, { 0 } }, out[2] = { { 0 }, { 0 } };
	struct buf found[2] = { { 0 }, { 0 } };

	CHECK(init() == 0, "libfcgi");
	make_request(&records[0], 1, TEXT("\1\1AB"), 9, TEXT("first"), 9);
	make_request(&records[1], 2, TEXT("\1\1CD"), 9, TEXT("second"), 9);
	CHECK(decode(codecs[0], &records[0]) && decode(codecs[1], &records[1]), "decoded");
	CHECK(same_text(text_of(params_of(codecs[0])[0]), "A=B") &&
		same_text(text_of(params_of(codecs[1])[0]), "C=D"),
	    "parameters");
	CHECK(
	    same_text(codec_body(codecs[0]), "first") && same_text(codec_body(codecs[1]), "second"),
	    "bodies");
	codec_answer(codecs[0], TEXT("to the first"), &out[0]);
	codec_answer(codecs[1], TEXT("to the second"), &out[1]);
	CHECK(read_answer(buf_view(&out[0]), 1, &found[0]) &&
		same_text(buf_view(&found[0]), "to the first"),
	    "the first answer");
	CHECK(read_answer(buf_view(&out[1]), 2, &found[1]) &&
		same_text(buf_view(&found[1]), "to the second"),
	    "the second answer");
	for (int i = 0; i < 2; i++) {
		buf_free(&records[i]);
		buf_free(&out[i]);
		buf_free(&found[i]);
		codec_close(codecs[i]);
	}
}

static void
drops_requests(void)
{
	struct codec *codec = codec_open();
	struct buf records = { 0 }, out = { 0 }, found = { 0 };

	CHECK(init() == 0, "libfcgi");
	codec_drop(codec);
	make_request(&records, 1, TEXT("\1\1AB"), 9, TEXT("body"), 9);
	for (int i = 0; i < 3; i++) {
		CHECK(decode(codec, &records), "decoded");
		codec_drop(codec);
		codec_drop(codec);
	}
	CHECK(decode(codec, &records) && decode(codec, &records), "one in place of the other");
	CHECK(same_text(codec_body(codec), "body"), "its body");
	codec_answer(codec, TEXT("answer"), &out);
	CHECK(read_answer(buf_view(&out), 1, &found) && same_text(buf_view(&found), "answer"),
	    "nothing of the dropped ones");
	CHECK(decode(codec, &records), "closed while one is open");
	buf_free(&records);
	buf_free(&out);
	buf_free(&found);
	codec_close(codec);
	codec_close(NULL);
}

/* Framing lets none of these through; still nothing may be read beyond, and the next is served. */
static void
refuses_every_truncation(void)
{
	struct codec *codec = codec_open();
	struct buf records = { 0 }, out = { 0 };

	CHECK(init() == 0, "libfcgi");
	make_request(&records, 1, TEXT("\1\1AB\2\2CDEF"), 4, TEXT("body of two"), 6);
	for (size_t length = 0; length < records.length; length++) {
		struct buf cut = { records.data, length, records.capacity };
		char name[32];

		snprintf(name, sizeof(name), "%zu bytes", length);
		CHECK(!decode(codec, &cut), name);
		codec_drop(codec);
		CHECK(decode(codec, &records), name);
		CHECK(same_text(codec_body(codec), "body of two"), name);
		buf_clear(&out);
		codec_answer(codec, TEXT("x"), &out);
	}
	buf_free(&records);
	buf_free(&out);
	codec_close(codec);
}

/* As a connection does: whole records to framing, what it keeps to libfcgi.  false: not whole. */
static bool
frame(struct text bytes, struct buf *kept)
{
	static const struct framing_limits limits = { 4096, 4096 };
	struct framing f = { 0 };
	struct buf answer = { 0 };
	bool whole = false, going = true;

	buf_clear(kept);
	while (going) {
		size_t length = framing_length((const unsigned char *)bytes.data, bytes.length);
		const unsigned char *record;
		const char *why;

		if (length == 0 || length > bytes.length)
			break;
		record = (const unsigned char *)guarded(bytes.data, length);
		switch (framing_record(&f, &limits, record, &answer, &why)) {
		case FRAMING_KEEP: framing_keep(record, kept); break;
		case FRAMING_COMPLETE:
			framing_keep(record, kept);
			whole = true;
			going = false;
			break;
		case FRAMING_DROP:
		case FRAMING_ANSWERED: break;
		case FRAMING_ABORTED:
		case FRAMING_PARAMS_TOO_LARGE:
		case FRAMING_REFUSED: going = false; break;
		}
		bytes = (struct text){ bytes.data + length, bytes.length - length };
	}
	buf_free(&answer);
	return whole;
}

static void
decode_what_framing_lets_through(struct codec *codec, struct text bytes, const char *name)
{
	struct buf kept = { 0 }, out = { 0 };

	if (frame(bytes, &kept)) {
		CHECK(decode(codec, &kept), name);
		codec_answer(codec, TEXT("x"), &out);
		CHECK(out.length > 0, name);
	}
	buf_free(&kept);
	buf_free(&out);
}

/* libfcgi aborts on some records: framing is there so that it never meets one. */
static void
decodes_all_that_framing_lets_through(void)
{
	struct codec *codec = codec_open();
	struct buf records = { 0 };
	uint32_t noise = 1;

	CHECK(init() == 0, "libfcgi");
	make_request(&records, 1, TEXT("\1\1AB\200\0\0\2\2CDEF\0\0"), 4, TEXT("body of two"), 6);
	for (size_t bit = 0; bit < 8 * records.length; bit++) {
		char name[32];

		snprintf(name, sizeof(name), "bit %zu", bit);
		records.data[bit / 8] = (char)(records.data[bit / 8] ^ 1 << bit % 8);
		decode_what_framing_lets_through(codec, buf_view(&records), name);
		records.data[bit / 8] = (char)(records.data[bit / 8] ^ 1 << bit % 8);
	}
	/* Records of any type and id in any order: the same ones each run. */
	for (int round = 0; round < 3000; round++) {
		static const unsigned types[] = { BEGIN, PARAMS, PARAMS, PARAMS, STDIN, STDIN, 2,
			9 };
		char name[32];

		snprintf(name, sizeof(name), "round %d", round);
		buf_clear(&records);
		add_record(&records, BEGIN, 1, TEXT("\0\1\1\0\0\0\0\0"));
		for (int n = 0; n < 12; n++) {
			static const struct text contents[] = { TEXT(""), TEXT("\1\1AB"),
				TEXT("\0\1\0\0\0\0\0\0"), TEXT("\2"), TEXT("\1AB"), TEXT("\0\0") };

			noise = noise * 1664525 + 1013904223;
			add_record(&records, types[noise >> 24 & 7], noise >> 20 & 7 ? 1 : 2,
			    contents[(noise >> 8 & 0xffff) % COUNT(contents)]);
		}
		decode_what_framing_lets_through(codec, buf_view(&records), name);
	}
	buf_free(&records);
	codec_close(codec);
}

CU_TestInfo fcgi_codec_tests[] = {
	{ "decodes parameters", decodes_parameters },
	{ "decodes many and large parameters", decodes_many_and_large_parameters },
	{ "answers one after the other", answers_one_after_the_other },
	{ "keeps codecs apart", keeps_codecs_apart },
	{ "drops requests", drops_requests },
	{ "refuses every truncation", refuses_every_truncation },
	{ "decodes all that framing lets through", decodes_all_that_framing_lets_through },
	CU_TEST_INFO_NULL,
};
