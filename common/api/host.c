#include <arpa/inet.h>

#include "host.h"
#include "route.h"

#define NAME_MAX_BYTES 253 /* RFC 1035 */
#define LABEL_MAX_BYTES 63
#define PORT_DIGITS 5

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* In whatever case. */
static bool
same(struct text a, struct text b)
{
	if (a.length != b.length)
		return false;
	for (size_t i = 0; i < a.length; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

struct text
host_name(struct text host)
{
	const struct text none = { NULL, 0 };
	size_t end = host.length;

	while (end > 0 && host.length - end < PORT_DIGITS && is_digit(host.data[end - 1]))
		end--;
	if (end > 0 && end < host.length && host.data[end - 1] == ':')
		host.length = end - 1;
	if (host.length > 0 && host.data[host.length - 1] == '.')
		host.length--;
	return host.length == 0 || host.length > NAME_MAX_BYTES ? none : host;
}

bool
host_is_address(struct text name)
{
	const bool bracketed =
	    name.length > 2 && name.data[0] == '[' && name.data[name.length - 1] == ']';
	char text[INET6_ADDRSTRLEN];
	unsigned char bytes[16];

	if (bracketed)
		name = (struct text){ name.data + 1, name.length - 2 };
	if (name.length == 0 || name.length >= sizeof(text) ||
	    (!bracketed && !is_digit(name.data[0])) || memchr(name.data, '\0', name.length) != NULL)
		return false;
	memcpy(text, name.data, name.length);
	text[name.length] = '\0';
	return inet_pton(bracketed ? AF_INET6 : AF_INET, text, bytes) == 1;
}

/* Takes the next entry off the list, without blanks around it. */
static struct text
next_entry(struct text *list)
{
	const char *comma = memchr(list->data, ',', list->length);
	struct text entry = { list->data,
		comma == NULL ? list->length : (size_t)(comma - list->data) };
	const size_t used = entry.length + (comma == NULL ? 0 : 1);

	*list = (struct text){ list->data + used, list->length - used };
	while (entry.length > 0 && (entry.data[0] == ' ' || entry.data[0] == '\t'))
		entry = (struct text){ entry.data + 1, entry.length - 1 };
	while (entry.length > 0 &&
	    (entry.data[entry.length - 1] == ' ' || entry.data[entry.length - 1] == '\t'))
		entry.length--;
	return entry;
}

static bool
is_wildcard(struct text entry)
{
	return entry.length > 2 && entry.data[0] == '*' && entry.data[1] == '.';
}

static bool
covers(struct text entry, struct text name)
{
	if (entry.data[entry.length - 1] == '.')
		entry.length--;
	if (!is_wildcard(entry))
		return same(entry, name);
	entry = (struct text){ entry.data + 1, entry.length - 1 }; /* from its dot on */
	return name.length > entry.length && name.data[0] != '.' &&
	    same(entry, (struct text){ name.data + name.length - entry.length, entry.length });
}

bool
host_is_allowed(struct text allowed, struct text host)
{
	const struct text name = host_name(host);

	if (host.length == 0)
		return true;
	if (name.length == 0)
		return false;
	while (allowed.length > 0)
		if (covers(next_entry(&allowed), name))
			return true;
	return host_is_address(name);
}

/* Labels of letters, digits, - and _, which names inside of container networks have. */
static bool
has_good_labels(struct text name)
{
	size_t label = 0;
	bool digits = true; /* the last label is a number: an address, and no good one */

	for (size_t i = 0; i < name.length; i++) {
		const char c = lower(name.data[i]);

		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
			digits = true;
			continue;
		}
		if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' && c != '_')
			return false;
		digits = digits && is_digit(c);
		if (++label > LABEL_MAX_BYTES)
			return false;
	}
	return label > 0 && !digits;
}

/* What is wrong with an entry; NULL: nothing. */
static const char *
entry_problem(struct text entry)
{
	const struct text host = host_name(entry);
	struct text name = entry;

	if (entry.length == 0)
		return "is empty";
	if (text_is(entry, "*"))
		return "allows every host: leave the setting out for that";
	if (memmem(entry.data, entry.length, "://", 3) != NULL)
		return "is a URL: name the host alone";
	if (entry.data[entry.length - 1] == '.')
		name.length--;
	if (is_wildcard(name))
		return has_good_labels((struct text){ name.data + 2, name.length - 2 }) &&
			name.length <= NAME_MAX_BYTES
		    ? NULL
		    : "must be *. and a name";
	if (host_is_address(name))
		return NULL;
	if (host.length < name.length &&
	    (host_is_address(host) ||
		memchr(entry.data, ':', entry.length) == memrchr(entry.data, ':', entry.length)))
		return "has a port: name the host alone, since any port will do";
	return has_good_labels(name) && name.length <= NAME_MAX_BYTES
	    ? NULL
	    : "must be a name, *.name, an IPv4 address or an IPv6 address in brackets";
}

static bool
is_printable(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			return false;
	return text.length > 0;
}

bool
is_host_list(struct text value, struct field_error *error)
{
	bool more = true;

	for (int number = 1; more; number++) {
		/* "a," has two entries. */
		const bool last = memchr(value.data, ',', value.length) == NULL;
		const struct text entry = next_entry(&value);
		const char *problem = entry_problem(entry);

		more = !last;
		if (problem == NULL)
			continue;
		if (is_printable(entry))
			field_rule(error, "entry %d, %.*s, %s", number,
			    (int)(entry.length < 80 ? entry.length : 80), entry.data, problem);
		else
			field_rule(error, "entry %d %s", number, problem);
		return false;
	}
	return true;
}

enum step
host_step(struct exchange *x, const struct route *route, struct text allowed)
{
	if (allowed.length == 0 || (route != NULL && route->any_host) ||
	    host_is_allowed(allowed, request_param(&x->request, "HTTP_HOST")))
		return NEXT;
	response_header(&x->response, "Vary", TEXT("Origin"));
	return exchange_fail(x, ERROR_HOST_NOT_ALLOWED, NULL, NULL);
}
