#include <ctype.h>

#include "random.h"
#include "request.h"

#define ID_BYTES 16

#define TRACE_DIGITS "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"
#define PARENT_DIGITS "hhhhhhhhhhhhhhhh"
#define TRACE_AT 3
#define PARENT_AT (TRACE_AT + sizeof(TRACE_DIGITS))
#define STATE_MEMBERS 32
#define STATE_PART_MAX 256  /* bytes of a member's key, and of its value */
#define STATE_PASSED_ON 512 /* bytes */
#define STATE_LARGE 128     /* bytes: such members are the first to be left out */
#define PARAMETER_MAX 40    /* bytes of a query parameter's name that an error repeats */

/* The next one of that name, from *at on, which is set behind it. */
static struct text
next_param(char *const **at, const char *name)
{
	size_t length = strlen(name);

	while (**at != NULL) {
		const char *param = *(*at)++;

		if (*param == *name && strncmp(param, name, length) == 0 && param[length] == '=')
			return text_of(param + length + 1);
	}
	return (struct text){ NULL, 0 };
}

struct text
request_param(const struct request *request, const char *name)
{
	char *const *at = request->params;

	return next_param(&at, name);
}

static bool
all_zeros(struct text digits)
{
	for (size_t i = 0; i < digits.length; i++)
		if (digits.data[i] != '0')
			return false;
	return true;
}

static struct text
traceparent_of(const struct request *request)
{
	static const char shape[] = "hh-" TRACE_DIGITS "-" PARENT_DIGITS "-hh";
	const struct text none = { NULL, 0 };
	char *const *at = request->params;
	struct text value = next_param(&at, "HTTP_TRACEPARENT");

	if (value.length != sizeof(shape) - 1 || next_param(&at, "HTTP_TRACEPARENT").data != NULL)
		return none;
	for (size_t i = 0; i < value.length; i++) {
		char c = value.data[i];
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');

		if (shape[i] == 'h' ? !hex : c != '-')
			return none;
	}
	/* Version ff is none; others of this length read as 00 does. */
	if (memcmp(value.data, "ff", 2) == 0 ||
	    all_zeros((struct text){ value.data + TRACE_AT, sizeof(TRACE_DIGITS) - 1 }) ||
	    all_zeros((struct text){ value.data + PARENT_AT, sizeof(PARENT_DIGITS) - 1 }))
		return none;
	return value;
}

/* Whether it is key=value, in the bytes that those may have. */
static bool
is_state_member(struct text member)
{
	const char *equals = memchr(member.data, '=', member.length);
	size_t key = equals == NULL ? 0 : (size_t)(equals - member.data);

	if (key == 0 || key > STATE_PART_MAX || member.length == key + 1 ||
	    member.length - key - 1 > STATE_PART_MAX)
		return false;
	for (size_t i = 0; i < key; i++) {
		char c = member.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!letter && (i == 0 || c == '\0' || strchr("_-*/@", c) == NULL))
			return false;
	}
	for (size_t i = key + 1; i < member.length; i++)
		if (member.data[i] < ' ' || member.data[i] > '~' || member.data[i] == '=')
			return false;
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes the members off one line of the header.  false: one of them is malformed, or too many. */
static bool
take_state(struct text line, struct text *members, size_t *count)
{
	const char *p = line.data, *const end = p + line.length;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *last = comma == NULL ? end : comma;
		struct text member;

		while (p < last && is_blank(*p))
			p++;
		member = (struct text){ p, (size_t)(last - p) };
		p = comma == NULL ? end : comma + 1;
		while (member.length > 0 && is_blank(member.data[member.length - 1]))
			member.length--;
		if (member.length == 0)
			continue;
		if (*count == STATE_MEMBERS || !is_state_member(member))
			return false;
		members[(*count)++] = member;
	}
	return true;
}

static struct text
tracestate_of(const struct request *request, struct arena *arena)
{
	struct text members[STATE_MEMBERS], line;
	char *const *at = request->params;
	size_t count = 0, length = 0;
	struct buf out;

	while ((line = next_param(&at, "HTTP_TRACESTATE")).data != NULL)
		if (!take_state(line, members, &count))
			return (struct text){ NULL, 0 };
	for (size_t i = 0; i < count; i++)
		length += members[i].length + 1; /* and a comma, or what ends the text */
	/* Those that were added last come first, so the last ones are the oldest. */
	for (int large = 1; large >= 0; large--)
		for (size_t i = count; i-- > 0 && length > STATE_PASSED_ON + 1;)
			if (members[i].length > (large ? STATE_LARGE : 0)) {
				length -= members[i].length + 1;
				members[i].length = 0;
			}
	if (length == 0)
		return (struct text){ NULL, 0 };
	out = (struct buf){ arena_alloc(arena, 1, length), 0, length };
	for (size_t i = 0; i < count; i++) {
		if (members[i].length > 0 && out.length > 0)
			buf_text(&out, ",");
		buf_add(&out, members[i].data, members[i].length);
	}
	return buf_view(&out);
}

struct text
request_trace(const struct request *request)
{
	const struct text value = request->traceparent;

	if (value.data == NULL)
		return value;
	return (struct text){ value.data + TRACE_AT, sizeof(TRACE_DIGITS) - 1 };
}

static void
keep(struct text *text, struct arena *arena)
{
	if (text->data != NULL)
		*text = arena_copy(arena, *text);
}

void
request_keep(struct request *request, struct arena *arena)
{
	static char *const none[] = { NULL };

	*request = (struct request){ .params = none,
		.method = request->method,
		.id = request->id,
		.address = request->address,
		.traceparent = request->traceparent,
		.tracestate = request->tracestate, /* made in an arena */
		.from_any_page = request->from_any_page };
	keep(&request->method, arena);
	keep(&request->id, arena);
	keep(&request->address, arena);
	keep(&request->traceparent, arena);
}

static struct text
without(struct text text, size_t prefix)
{
	return (struct text){ text.data + prefix, text.length - prefix };
}

/* Decodes %XX, and + where asked.  false: an escape is malformed (it is then kept as it is). */
static bool
decode(struct text raw, bool plus, struct arena *arena, struct text *out)
{
	char *to;
	size_t n = 0;
	bool fine = true;

	if (memchr(raw.data, '%', raw.length) == NULL &&
	    (!plus || memchr(raw.data, '+', raw.length) == NULL)) {
		*out = raw;
		return true;
	}
	to = arena_alloc(arena, 1, raw.length + 1);
	for (size_t i = 0; i < raw.length; i++) {
		unsigned char byte;

		if (raw.data[i] == '%' && raw.length - i > 2 &&
		    hex_decode((struct text){ raw.data + i + 1, 2 }, &byte)) {
			to[n++] = (char)byte;
			i += 2;
			continue;
		}
		fine = fine && raw.data[i] != '%';
		to[n++] = plus && raw.data[i] == '+' ? ' ' : raw.data[i];
	}
	*out = (struct text){ to, n };
	return fine;
}

bool
query_next(struct text *query, struct arena *arena, struct text *name, struct text *value)
{
	while (query->length > 0) {
		const char *end = memchr(query->data, '&', query->length), *equals;
		struct text pair = { query->data,
			end == NULL ? query->length : (size_t)(end - query->data) };

		*query = without(*query, pair.length + (end == NULL ? 0 : 1));
		if (pair.length == 0)
			continue;
		equals = memchr(pair.data, '=', pair.length);
		*name = (struct text){ pair.data,
			equals == NULL ? pair.length : (size_t)(equals - pair.data) };
		*value = equals == NULL ? (struct text){ "", 0 } : without(pair, name->length + 1);
		decode(*name, true, arena, name);
		decode(*value, true, arena, value);
		return true;
	}
	return false;
}

/* Whether the path begins with this prefix and goes on with a new segment, or ends there. */
static bool
has_prefix(struct text path, struct text prefix)
{
	return prefix.length > 0 && path.length >= prefix.length &&
	    memcmp(path.data, prefix.data, prefix.length) == 0 &&
	    (path.length == prefix.length || path.data[prefix.length] == '/');
}

/*
 * The raw path.  REQUEST_URI is not in RFC 3875, but every server gives it and it is the only one
 * of the path variables that all of them leave undecoded.  Without it: *decoded, and PATH_INFO.
 */
static struct text
raw_path(struct request *request, const char *base_path, bool *decoded)
{
	struct text path = request_param(request, "REQUEST_URI");
	struct text script = request_param(request, "SCRIPT_NAME");
	struct text info = request_param(request, "PATH_INFO");
	const char *mark;

	*decoded = path.data == NULL;
	if (*decoded) {
		request->query = request_param(request, "QUERY_STRING");
		return info.data == NULL ? TEXT("/") : info;
	}
	mark = memchr(path.data, '?', path.length);
	if (mark != NULL) {
		request->query = without(path, (size_t)(mark - path.data) + 1);
		path.length = (size_t)(mark - path.data);
	}
	if (has_prefix(path, text_of(base_path)))
		return without(path, strlen(base_path));
	if (base_path[0] == '\0' && info.length > 0 && has_prefix(path, script))
		return without(path, script.length);
	return path;
}

/*
 * Whether the segment is "." or "..", or with an encoded slash hides one: web servers choose what a
 * path may do, such as being asked again, by what is left when they have removed those.
 */
static bool
has_dots(struct text segment)
{
	for (;;) {
		const char *slash = memchr(segment.data, '/', segment.length);
		const struct text part = { segment.data,
			slash == NULL ? segment.length : (size_t)(slash - segment.data) };

		if (text_is(part, ".") || text_is(part, ".."))
			return true;
		if (slash == NULL)
			return false;
		segment = without(segment, part.length + 1);
	}
}

static const char *
split_path(struct request *request, struct text path, bool decoded, struct arena *arena)
{
	request->segment_count = 0;
	if (path.length > 0 && path.data[0] != '/')
		return "the path must begin with /";
	/* A base address that ends in / gives //rtc/...; no endpoint begins with an empty segment.
	 */
	while (path.length > 1 && path.data[1] == '/')
		path = without(path, 1);
	while (path.length > 0) {
		const char *end;
		struct text raw, *segment;

		path = without(path, 1);
		if (path.length == 0)
			break; /* one slash at the end is fine */
		end = memchr(path.data, '/', path.length);
		raw = (struct text){ path.data,
			end == NULL ? path.length : (size_t)(end - path.data) };
		path = without(path, raw.length);
		if (request->segment_count == REQUEST_SEGMENTS)
			return "the path has too many segments";
		segment = &request->segments[request->segment_count++];
		*segment = raw;
		if (!decoded && !decode(raw, false, arena, segment))
			return "the path has a % that is not followed by two hexadecimal digits";
		if (has_dots(*segment))
			return "the path must not have the segments . and ..";
		if (memchr(segment->data, 0, segment->length) != NULL)
			return "the path must not have %00 (NUL)";
	}
	return NULL;
}

/* A name that an error may repeat: letters, digits and what joins words. */
static bool
is_plain_name(struct text name)
{
	for (size_t i = 0; i < name.length; i++)
		if (!isalnum((unsigned char)name.data[i]) && memchr("_-.", name.data[i], 3) == NULL)
			return false;
	return name.length > 0 && name.length <= PARAMETER_MAX;
}

/*
 * No text that is asked for holds a NUL, and what goes on to a C string or to Agora would end there
 * while a grant saw all of it.  A % of an escape is no part of another one, so that the raw text
 * shows each.
 */
static const char *
check_query(struct request *request, struct arena *arena)
{
	static const char rule[] = "must not have %00 (NUL)";
	const struct text query = request->query;
	const char *nul = query.length == 0 ? NULL : memmem(query.data, query.length, "%00", 3);
	const char *from = nul, *equals;
	struct text name;

	if (nul == NULL)
		return NULL;
	while (from > query.data && from[-1] != '&')
		from--;
	equals = memchr(from, '=', (size_t)(nul - from));
	name = (struct text){ from, equals == NULL ? 0 : (size_t)(equals - from) };
	request->parameter = is_plain_name(name) ? arena_copy(arena, name).data : "query";
	return rule;
}

static bool
is_id(struct text id)
{
	if (id.length == 0 || id.length > REQUEST_ID_MAX)
		return false;
	for (size_t i = 0; i < id.length; i++)
		if (!isalnum((unsigned char)id.data[i]) &&
		    memchr("-._~+/=:@", id.data[i], 9) == NULL)
			return false;
	return true;
}

static struct text
new_id(struct arena *arena)
{
	unsigned char bytes[ID_BYTES];
	char *hex = arena_alloc(arena, 2, ID_BYTES);
	struct buf out = { hex, 0, 2 * ID_BYTES };

	random_bytes(bytes, sizeof(bytes));
	buf_hex(&out, bytes, sizeof(bytes));
	return buf_view(&out);
}

struct text
request_id(char *const *params, struct arena *arena)
{
	const struct request request = { .params = params };
	struct text id = request_param(&request, "HTTP_X_REQUEST_ID");

	return is_id(id) ? id : new_id(arena);
}

const char *
request_parse(
    struct request *request, char *const *params, const char *base_path, struct arena *arena)
{
	const char *problem;
	struct text path;
	bool decoded;

	*request = (struct request){ .params = params };
	request->method = request_param(request, "REQUEST_METHOD");
	if (request->method.data == NULL)
		request->method = TEXT("GET");
	request->id = request_id(params, arena);
	request->address = request_param(request, "REMOTE_ADDR");
	request->traceparent = traceparent_of(request);
	if (request->traceparent.data != NULL)
		request->tracestate = tracestate_of(request, arena);
	path = raw_path(request, base_path, &decoded);
	problem = split_path(request, path, decoded, arena);
	return problem == NULL ? check_query(request, arena) : problem;
}
