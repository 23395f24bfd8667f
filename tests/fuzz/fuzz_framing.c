/*
 * Bytes of a FastCGI connection: split into records, judged, and whole requests given to libfcgi,
 * which must take whatever was let through.
 *
 * Input: the bytes; or 'L' and records in short: type, id, padding, length and content, each of
 * which is cut to what there is, so that most inputs are whole records.
 */
#include <string.h>

#include "../../fcgi/codec.h" /* "codec.h" is the token library's */
#include "framing.h"
#include "fuzz.h"

static const struct framing_limits limits = { 2048, 2048 };

struct connection {
	struct framing framing;
	struct buf records, out;
	struct buf params; /* the contents of the PARAMS records that were kept */
	bool closed;
};

/* One length of a pair (section 3.4). */
static size_t
pair_length(const unsigned char **p)
{
	size_t n = *(*p)++;

	if (n & 0x80) {
		n = (n & 0x7f) << 24 | (size_t)(*p)[0] << 16 | (size_t)(*p)[1] << 8 | (*p)[2];
		*p += 3;
	}
	return n;
}

/* libfcgi's environment is what the records say, behind what it adds. */
static void
check_params(const struct buf *params, char *const *environment)
{
	const unsigned char *p = (const unsigned char *)buf_view(params).data;
	const unsigned char *end = p + params->length;

	MUST(*environment != NULL && strcmp(*environment++, "FCGI_ROLE=RESPONDER") == 0);
	for (; p < end; environment++) {
		size_t name = pair_length(&p), value = pair_length(&p);
		char *expected = xcalloc(1, name + value + 2);

		MUST(name + value <= (size_t)(end - p));
		memcpy(expected, p, name);
		expected[name] = '=';
		memcpy(expected + name + 1, p + name, value);
		MUST(*environment != NULL);
		MUST(memcmp(*environment, expected, name + value + 2) == 0);
		free(expected);
		p += name + value;
	}
	MUST(*environment == NULL);
}

static void
check_records(struct text out)
{
	while (out.length > 0) {
		size_t n = framing_length((const unsigned char *)out.data, out.length);

		MUST(n > 0 && n <= out.length && out.data[0] == 1);
		out = (struct text){ out.data + n, out.length - n };
	}
}

static void
next_request(struct connection *c)
{
	c->framing = (struct framing){ 0 };
	buf_clear(&c->records);
	buf_clear(&c->params);
}

static void
serve(struct connection *c)
{
	static struct codec *codec;

	if (codec == NULL) {
		MUST(codec_init());
		codec = codec_open();
	}
	MUST(codec_decode(codec, buf_view(&c->records)));
	check_params(&c->params, codec_params(codec));
	MUST(codec_body(codec).length <= limits.body);
	MUST(c->framing.too_large || codec_body(codec).length == c->framing.body);
	codec_answer(codec, codec_body(codec), &c->out);
	next_request(c);
}

/* As fcgi/connection.c does. */
static void
take_record(struct connection *c, const unsigned char *record)
{
	const char *why;
	struct text too_large = TEXT("Status: 431 Request Header Fields Too Large\r\n\r\n");

	switch (framing_record(&c->framing, &limits, record, &c->out, &why)) {
	case FRAMING_KEEP:
		framing_keep(record, &c->records);
		if (record[1] == 4)
			buf_add(&c->params, record + FRAMING_HEADER,
			    (size_t)(record[4] << 8 | record[5]));
		return;
	case FRAMING_DROP:
	case FRAMING_ANSWERED: return;
	case FRAMING_COMPLETE:
		framing_keep(record, &c->records);
		serve(c);
		return;
	case FRAMING_ABORTED: next_request(c); return;
	case FRAMING_PARAMS_TOO_LARGE:
		framing_answer(c->framing.id, too_large, &c->out);
		c->closed = true;
		return;
	case FRAMING_REFUSED:
		MUST(why != NULL);
		c->closed = true;
		return;
	}
}

static void
take_bytes(struct connection *c, struct text bytes)
{
	while (!c->closed) {
		const unsigned char *at = (const unsigned char *)bytes.data;
		size_t n = framing_length(at, bytes.length);
		unsigned char *record;

		MUST(n <= FRAMING_RECORD_MAX);
		if (n == 0 || n > bytes.length)
			return;
		/* A copy without room behind it. */
		record = memcpy(xcalloc(1, n), at, n);
		take_record(c, record);
		free(record);
		bytes = (struct text){ bytes.data + n, bytes.length - n };
	}
}

static void
put_records(struct buf *out, const uint8_t *data, size_t size)
{
	while (size >= 5) {
		size_t length = (size_t)(data[3] << 8 | data[4]), left = size - 5;
		unsigned char header[FRAMING_HEADER] = { 1, data[0], 0, data[1] };
		unsigned char padding = data[2] & 7;

		length = length < left ? length : left;
		header[4] = (unsigned char)(length >> 8);
		header[5] = (unsigned char)length;
		header[6] = padding;
		buf_add(out, header, sizeof(header));
		buf_add(out, data + 5, length);
		buf_add(out, "\0\0\0\0\0\0\0", padding);
		data += 5 + length;
		size -= 5 + length;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct connection c = { .closed = false };
	struct buf bytes = { 0 };

	if (size > 0 && data[0] == 'L')
		put_records(&bytes, data + 1, size - 1);
	else
		buf_add(&bytes, data, size);
	take_bytes(&c, buf_view(&bytes));
	check_records(buf_view(&c.out));
	buf_free(&bytes);
	buf_free(&c.records);
	buf_free(&c.params);
	buf_free(&c.out);
	return 0;
}
