#include "framing.h"

enum record_type {
	BEGIN_REQUEST = 1,
	ABORT_REQUEST = 2,
	END_REQUEST = 3,
	PARAMS = 4,
	STDIN = 5,
	STDOUT = 6,
	GET_VALUES = 9,
	GET_VALUES_RESULT = 10,
	UNKNOWN_TYPE = 11,
};

enum protocol_status { REQUEST_COMPLETE = 0, CANT_MPX_CONN = 1, UNKNOWN_ROLE = 3 };

#define VERSION_1 1
#define RESPONDER 1
#define KEEP_CONN 1
#define BODY_LENGTH 8 /* of BEGIN_REQUEST, END_REQUEST and UNKNOWN_TYPE */

struct record {
	unsigned type;
	uint16_t id;
	size_t length;
	const unsigned char *content;
};

static struct record
record_at(const unsigned char *r)
{
	return (struct record){ r[1], (uint16_t)(r[2] << 8 | r[3]), (size_t)(r[4] << 8 | r[5]),
		r + FRAMING_HEADER };
}

size_t
framing_length(const unsigned char *bytes, size_t length)
{
	if (length < FRAMING_HEADER)
		return 0;
	return FRAMING_HEADER + record_at(bytes).length + bytes[6];
}

static void
write_header(struct buf *out, enum record_type type, uint16_t id, size_t length)
{
	const unsigned char header[FRAMING_HEADER] = { VERSION_1, (unsigned char)type,
		(unsigned char)(id >> 8), (unsigned char)id, (unsigned char)(length >> 8),
		(unsigned char)length, 0, 0 };

	buf_add(out, header, sizeof(header));
}

static void
write_end(struct buf *out, uint16_t id, enum protocol_status status)
{
	const unsigned char body[BODY_LENGTH] = { 0, 0, 0, 0, (unsigned char)status };

	write_header(out, END_REQUEST, id, sizeof(body));
	buf_add(out, body, sizeof(body));
}

void
framing_answer(uint16_t id, struct text bytes, struct buf *out)
{
	while (bytes.length > 0) {
		size_t n = bytes.length < 65528 ? bytes.length : 65528;

		write_header(out, STDOUT, id, n);
		buf_add(out, bytes.data, n);
		bytes = (struct text){ bytes.data + n, bytes.length - n };
	}
	write_header(out, STDOUT, id, 0);
	write_end(out, id, REQUEST_COMPLETE);
}

void
framing_keep(const unsigned char *record, struct buf *records)
{
	struct record r = record_at(record);

	write_header(records, (enum record_type)r.type, r.id, r.length);
	buf_add(records, r.content, r.length);
}

void
framing_cut(const struct framing *f, struct buf *records)
{
	write_header(records, STDIN, f->id, 0);
}

/*
 * Name-value pairs (section 3.4) run on over records; each must end within the stream.  false:
 * one is longer than the limit, so it cannot.
 */
static bool
scan_pairs(struct framing *f, size_t limit, const unsigned char *p, size_t length)
{
	while (length > 0) {
		size_t name, value, name_size;

		if (f->pair_left > 0) {
			size_t n = f->pair_left < length ? f->pair_left : length;

			f->pair_left -= n;
			p += n;
			length -= n;
			continue;
		}
		f->lengths[f->length_count++] = *p++;
		length--;
		name_size = f->lengths[0] & 0x80 ? 4 : 1;
		if (f->length_count <= name_size)
			continue;
		if (f->length_count < name_size + (f->lengths[name_size] & 0x80 ? 4 : 1))
			continue;
		name = f->lengths[0];
		if (name_size == 4)
			name = (size_t)(name & 0x7f) << 24 | (size_t)f->lengths[1] << 16 |
			    (size_t)f->lengths[2] << 8 | f->lengths[3];
		value = f->lengths[name_size];
		if (value & 0x80)
			value = (size_t)(value & 0x7f) << 24 |
			    (size_t)f->lengths[name_size + 1] << 16 |
			    (size_t)f->lengths[name_size + 2] << 8 | f->lengths[name_size + 3];
		if (name + value > limit)
			return false;
		f->pair_left = name + value;
		f->length_count = 0;
	}
	return true;
}

static enum framing_verdict
refuse(const char **why, const char *reason)
{
	*why = reason;
	return FRAMING_REFUSED;
}

static enum framing_verdict
begin(struct framing *f, const struct record *r, struct buf *answer, const char **why)
{
	if (r->id == 0 || r->length != BODY_LENGTH)
		return refuse(why, "a malformed BEGIN_REQUEST");
	if (f->id == r->id)
		return refuse(why, "a second BEGIN_REQUEST for the same request");
	if (f->id != 0) {
		write_end(answer, r->id, CANT_MPX_CONN);
		return FRAMING_ANSWERED;
	}
	if ((r->content[0] << 8 | r->content[1]) != RESPONDER) {
		write_end(answer, r->id, UNKNOWN_ROLE);
		return refuse(why, "a role other than responder");
	}
	f->id = r->id;
	f->keep = r->content[2] & KEEP_CONN;
	return FRAMING_KEEP;
}

static enum framing_verdict
params(struct framing *f, const struct framing_limits *limits, const struct record *r,
    const char **why)
{
	if (f->params_done)
		return refuse(why, "PARAMS after their end");
	f->params += r->length;
	if (f->params > limits->params || !scan_pairs(f, limits->params, r->content, r->length))
		return FRAMING_PARAMS_TOO_LARGE;
	if (r->length > 0)
		return FRAMING_KEEP;
	if (f->pair_left > 0 || f->length_count > 0)
		return refuse(why, "PARAMS that end within a name or a value");
	f->params_done = true;
	return FRAMING_KEEP;
}

static enum framing_verdict
body(struct framing *f, const struct framing_limits *limits, const struct record *r,
    const char **why)
{
	if (!f->params_done)
		return refuse(why, "STDIN before the end of PARAMS");
	if (f->complete)
		return FRAMING_DROP;
	if (r->length == 0) {
		f->complete = true;
		return FRAMING_COMPLETE;
	}
	f->body += r->length;
	if (f->body <= limits->body)
		return FRAMING_KEEP;
	f->too_large = true;
	return FRAMING_DROP;
}

/* The values that section 4.1 names; others are not answered. */
static void
answer_values(const struct record *r, struct buf *answer)
{
	static const struct {
		const char *name, *value;
	} values[] = { { "FCGI_MAX_CONNS", "1024" }, { "FCGI_MAX_REQS", "1024" },
		{ "FCGI_MPXS_CONNS", "0" } };
	bool asked[3] = { false };
	struct buf pairs = { 0 };
	const unsigned char *p = r->content, *end = p + r->length;

	/* Our names are short, so longer lengths need not be understood to be stepped over. */
	while (end - p >= 2 && p[0] < 0x80 && p[1] < 0x80 && end - p - 2 >= p[0] + p[1]) {
		for (size_t i = 0; i < 3; i++)
			if (strlen(values[i].name) == p[0] &&
			    memcmp(values[i].name, p + 2, p[0]) == 0)
				asked[i] = true;
		p += 2 + p[0] + p[1];
	}
	for (size_t i = 0; i < 3; i++) {
		unsigned char lengths[2];

		if (!asked[i])
			continue;
		lengths[0] = (unsigned char)strlen(values[i].name);
		lengths[1] = (unsigned char)strlen(values[i].value);
		buf_add(&pairs, lengths, 2);
		buf_text(&pairs, values[i].name);
		buf_text(&pairs, values[i].value);
	}
	write_header(answer, GET_VALUES_RESULT, 0, pairs.length);
	buf_add(answer, pairs.data, pairs.length);
	buf_free(&pairs);
}

static enum framing_verdict
management(const struct record *r, struct buf *answer)
{
	if (r->type == GET_VALUES) {
		answer_values(r, answer);
	} else {
		const unsigned char unknown[BODY_LENGTH] = { (unsigned char)r->type };

		write_header(answer, UNKNOWN_TYPE, 0, sizeof(unknown));
		buf_add(answer, unknown, sizeof(unknown));
	}
	return FRAMING_ANSWERED;
}

enum framing_verdict
framing_record(struct framing *f, const struct framing_limits *limits, const unsigned char *record,
    struct buf *answer, const char **why)
{
	struct record r = record_at(record);

	*why = NULL;
	if (record[0] != VERSION_1)
		return refuse(why, "bytes that are not FastCGI");
	if (r.type == BEGIN_REQUEST)
		return begin(f, &r, answer, why);
	if (r.id == 0)
		return management(&r, answer);
	if (f->id == 0 || r.id != f->id)
		return FRAMING_DROP; /* section 3.3: of a request that is not active */
	switch (r.type) {
	case PARAMS: return params(f, limits, &r, why);
	case STDIN: return body(f, limits, &r, why);
	case ABORT_REQUEST: write_end(answer, f->id, REQUEST_COMPLETE); return FRAMING_ABORTED;
	default: return refuse(why, "a record of a type that no responder gets");
	}
}
