#include <arpa/inet.h>

#include "cors.h"

#define ORIGIN_MAX 512 /* bytes */
#define ASKED_HEADERS_MAX                                                                          \
	1024 /* bytes of header names that a preflight gets beside the known ones */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next entry of a list with commas, without the white space around it.  false at the end. */
static bool
next_item(struct text *list, struct text *item)
{
	const char *comma;
	size_t used;

	if (list->length == 0)
		return false;
	comma = memchr(list->data, ',', list->length);
	item->data = list->data;
	item->length = comma == NULL ? list->length : (size_t)(comma - list->data);
	used = item->length + (comma == NULL ? 0 : 1);
	*list = (struct text){ list->data + used, list->length - used };
	while (item->length > 0 && is_space(item->data[0]))
		*item = (struct text){ item->data + 1, item->length - 1 };
	while (item->length > 0 && is_space(item->data[item->length - 1]))
		item->length--;
	return true;
}

/* The settings */

static bool
is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Names of letters, digits, - and _, joined by dots; none of them is empty. */
static bool
is_host_name(struct text host)
{
	char before = '.';

	for (size_t i = 0; i < host.length; before = host.data[i++])
		if (host.data[i] == '.' ? before == '.'
					: !is_lower_or_digit(host.data[i]) && host.data[i] != '-' &&
			    host.data[i] != '_')
			return false;
	return before != '.';
}

static bool
is_dotted_number(struct text host)
{
	for (size_t i = 0; i < host.length; i++)
		if (host.data[i] != '.' && (host.data[i] < '0' || host.data[i] > '9'))
			return false;
	return host.length > 0;
}

/* What may stand in the place of the star: one name or more. */
static const char *
pattern_problem(struct text host)
{
	if (!is_host_name(host))
		return "has a name that a host cannot have";
	if (is_dotted_number(host))
		return "can match nothing: an address has no names below it";
	if (memchr(host.data, '.', host.length) == NULL && !text_is(host, "localhost"))
		return "would allow everyone below a whole top-level domain; name a domain, such "
		       "as https://*.example.com";
	return NULL;
}

/* Appends an address in brackets as browsers write it. */
static const char *
add_ipv6(struct text host, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (host.length < 2 || host.data[host.length - 1] != ']' || host.length - 2 >= sizeof(text))
		return "has a malformed IPv6 address";
	memcpy(text, host.data + 1, host.length - 2);
	text[host.length - 2] = '\0';
	if (inet_pton(AF_INET6, text, &address) != 1 ||
	    inet_ntop(AF_INET6, &address, text, sizeof(text)) == NULL)
		return "has a malformed IPv6 address";
	buf_printf(out, "[%s]", text);
	return NULL;
}

static const char *
add_host(struct text host, struct buf *out)
{
	const char *problem = NULL;

	if (host.length > 0 && host.data[0] == '[')
		return add_ipv6(host, out);
	if (host.length == 0)
		return "has no host";
	if (text_is(host, "*"))
		return "has * in the place of a host: * alone allows every origin, "
		       "https://*.example.com those below a domain";
	if (host.length > 2 && memcmp(host.data, "*.", 2) == 0) {
		problem = pattern_problem((struct text){ host.data + 2, host.length - 2 });
	} else if (memchr(host.data, '*', host.length) != NULL) {
		return "has * within a name: it can only be the first name as a whole, as in "
		       "https://*.example.com";
	} else {
		struct text name = host;

		/* One dot at the end means the same host, and browsers keep it. */
		if (name.length > 1 && name.data[name.length - 1] == '.')
			name.length--;
		if (!is_host_name(name))
			problem =
			    "has a host that browsers do not write so; write letters, digits, - "
			    "and ., and other letters as xn--...";
	}
	if (problem == NULL)
		buf_add(out, host.data, host.length);
	return problem;
}

/* The host and port of an http or https origin. */
static const char *
add_authority(struct text rest, bool tls, struct buf *out)
{
	const char *bracket = memchr(rest.data, ']', rest.length), *problem;
	size_t from = bracket == NULL ? 0 : (size_t)(bracket - rest.data);
	const char *colon = memchr(rest.data + from, ':', rest.length - from);
	struct text host = { rest.data, colon == NULL ? rest.length : (size_t)(colon - rest.data) };
	struct text digits;
	uint64_t port;

	problem = add_host(host, out);
	if (problem != NULL || colon == NULL)
		return problem;
	digits = (struct text){ colon + 1, rest.length - host.length - 1 };
	if (!text_number(digits, 65535, &port) || port == 0)
		return "has no port, 1 to 65535, after the colon";
	if (port != (tls ? 443 : 80)) /* browsers leave out the port that the scheme has anyway */
		buf_printf(out, ":%u", (unsigned)port);
	return NULL;
}

/* The letters of which an entry shows what was meant instead. */
static const char *
separator_problem(struct text item)
{
	const char first = item.data[0];

	if (first == '[' || first == '{' || first == '"' || first == '\'')
		return "looks like JSON or has quotes; write the entries as they are, with commas "
		       "between them";
	for (size_t i = 0; i < item.length; i++) {
		const char c = item.data[i];

		if (c == '#')
			return "has a comment; a # begins one only in a .env file";
		if (is_space(c) || c == ';' || c == '|')
			return "has a space, ; or | in it; entries are separated with commas";
		if (c == '"' || c == '\'')
			return "has a quote in it";
		if (c <= 0x20 || c >= 0x7f)
			return "has a byte that is not printable ASCII; browsers write other "
			       "letters "
			       "of a host as xn--...";
	}
	return NULL;
}

/* The scheme in small letters, and what follows its "://".  false: there is none. */
static bool
split_scheme(struct text item, struct buf *scheme, struct text *rest)
{
	size_t n = 0;

	for (; n < item.length && item.data[n] != ':'; n++) {
		const char c = lower(item.data[n]);

		if (!is_lower_or_digit(c) && (n == 0 || (c != '+' && c != '-' && c != '.')))
			return false;
		buf_add(scheme, &c, 1);
	}
	if (n == 0 || item.length - n < 3 || memcmp(item.data + n, "://", 3) != 0)
		return false;
	*rest = (struct text){ item.data + n + 3, item.length - n - 3 };
	return true;
}

/* The same for schemes whose hosts have no rules of their own, such as capacitor://localhost. */
static const char *
add_foreign(struct text rest, struct buf *out)
{
	if (rest.length == 0)
		return "has no host";
	if (memchr(rest.data, '*', rest.length) != NULL)
		return "has a *, which only http and https origins may have";
	buf_add(out, rest.data, rest.length);
	return NULL;
}

static const char *
add_web(struct text rest, bool tls, struct buf *out)
{
	char small[ORIGIN_MAX];

	for (size_t i = 0; i < rest.length; i++)
		small[i] = lower(rest.data[i]);
	return add_authority((struct text){ small, rest.length }, tls, out);
}

/* Appends one entry as browsers write it.  NULL, or what is wrong with it. */
static const char *
add_origin(struct text item, struct buf *out)
{
	const char *problem = separator_problem(item);
	struct buf scheme = { 0 };
	struct text rest;
	bool tls;

	if (problem != NULL)
		return problem;
	if (item.length > ORIGIN_MAX)
		return "is longer than an origin can be";
	if (text_is(item, "*") || text_is_nocase(item, "null")) {
		buf_text(out, item.length == 1 ? "*" : "null");
		return NULL;
	}
	if (!split_scheme(item, &scheme, &rest)) {
		buf_free(&scheme);
		return "does not begin with a scheme, such as https://";
	}
	buf_add(out, scheme.data, scheme.length);
	buf_text(out, "://");
	tls = text_is(buf_view(&scheme), "https");
	if (rest.length > 0 && rest.data[rest.length - 1] == '/')
		rest.length--;
	if (memchr(rest.data, '/', rest.length) != NULL ||
	    memchr(rest.data, '?', rest.length) != NULL ||
	    memchr(rest.data, '\\', rest.length) != NULL)
		problem = "has a path; an origin ends after its host or port";
	else if (memchr(rest.data, '@', rest.length) != NULL)
		problem = "has a user in it; an origin is a scheme, a host and perhaps a port";
	else if (tls || text_is(buf_view(&scheme), "http"))
		problem = add_web(rest, tls, out);
	else if (rest.length > 0 || !text_is(buf_view(&scheme), "file")) /* file:// has none */
		problem = add_foreign(rest, out);
	buf_free(&scheme);
	return problem;
}

/* Sets the rule: the entry, in what of it can be shown, and what is wrong with it. */
static bool
refuse_item(struct text item, const char *problem, struct field_error *error)
{
	char shown[64];
	size_t n = 0;

	for (; n < item.length && n < sizeof(shown) - 1; n++)
		shown[n] = item.data[n] >= ' ' && item.data[n] < 0x7f ? item.data[n] : '?';
	shown[n] = '\0';
	field_rule(error, "the entry %s%s %s", shown, n < item.length ? "..." : "", problem);
	return false;
}

/* Appends the entries as browsers write them, with commas; error may be NULL for a good list. */
static bool
add_origins(struct text list, struct buf *out, struct field_error *error)
{
	struct text item;
	size_t count = 0;

	while (next_item(&list, &item)) {
		const char *problem;

		if (item.length == 0)
			continue;
		buf_text(out, count++ == 0 ? "" : ",");
		problem = add_origin(item, out);
		if (problem != NULL)
			return refuse_item(item, problem, error);
	}
	if (count > 0)
		return true;
	field_rule(error, "has no entry");
	return false;
}

bool
cors_origins_check(struct text value, struct field_error *error)
{
	struct buf out = { 0 };
	bool good = add_origins(value, &out, error);

	buf_free(&out);
	return good;
}

/* A field name (RFC 9110, section 5.1), but for the quote, which stands around one by mistake. */
static bool
is_token(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (!is_lower_or_digit(lower(text.data[i])) &&
		    memchr("!#$%&*+-.^_`|~", text.data[i], 14) == NULL)
			return false;
	return text.length > 0;
}

bool
cors_headers_check(struct text value, struct field_error *error)
{
	struct text item;
	size_t count = 0;

	while (next_item(&value, &item)) {
		if (item.length == 0)
			continue;
		count++;
		if (!is_token(item))
			return refuse_item(item,
			    "is not the name of a header; names are separated with commas", error);
	}
	if (count > 0)
		return true;
	field_rule(error, "has no entry");
	return false;
}

/* Whether a list of header names has it, in any case. */
static bool
names_header(struct text list, struct text name)
{
	struct text item;

	while (next_item(&list, &item)) {
		size_t i = 0;

		while (item.length == name.length && i < name.length &&
		    lower(item.data[i]) == lower(name.data[i]))
			i++;
		if (i == name.length && item.length == name.length)
			return true;
	}
	return false;
}

/* Appends those names that are not in it yet, up to so many bytes. */
static void
add_headers(struct text names, size_t most, struct buf *out)
{
	struct text item;

	while (next_item(&names, &item)) {
		if (!is_token(item) || names_header(buf_view(out), item) ||
		    out->length + 2 + item.length > most)
			continue;
		buf_text(out, ", ");
		buf_add(out, item.data, item.length);
	}
}

void
cors_make(struct text origins, struct text headers, struct arena *arena, struct cors *out)
{
	struct buf made = { 0 };
	struct field_error error;
	struct text list, item;

	*out = (struct cors){ 0 };
	if (origins.data != NULL && add_origins(origins, &made, &error)) {
		out->origins = arena_copy(arena, buf_view(&made));
		for (list = out->origins; next_item(&list, &item);)
			out->any = out->any || text_is(item, "*");
	}
	out->any_header = out->any;
	buf_clear(&made);
	buf_text(&made, CORS_HEADERS);
	for (list = headers; next_item(&list, &item);) {
		out->any_header = out->any_header || text_is(item, "*");
		if (!text_is(item, "*"))
			add_headers(item, SIZE_MAX, &made);
	}
	out->headers = arena_copy(arena, buf_view(&made));
	buf_free(&made);
}

/* Requests */

/* Whether the origin is what the pattern says, with one name or more in the place of the star. */
static bool
fits_pattern(struct text pattern, struct text origin)
{
	const char *star = memchr(pattern.data, '*', pattern.length);
	size_t before = star == NULL ? 0 : (size_t)(star - pattern.data);
	size_t after = pattern.length - before - 1; /* with its dot */

	return star != NULL && pattern.length > 1 && origin.length > before + after &&
	    memcmp(origin.data, pattern.data, before) == 0 &&
	    memcmp(origin.data + origin.length - after, star + 1, after) == 0 &&
	    is_host_name((struct text){ origin.data + before, origin.length - before - after });
}

static bool
in_list(struct text list, struct text origin)
{
	struct text item;

	while (next_item(&list, &item))
		if ((item.length == origin.length &&
			memcmp(item.data, origin.data, origin.length) == 0) ||
		    fits_pattern(item, origin))
			return true;
	return false;
}

/* Whether the page comes from the very site that it calls. */
static bool
is_same_origin(const struct request *request, struct text origin)
{
	struct text host = request_param(request, "HTTP_HOST");
	struct text scheme = request_param(request, "REQUEST_SCHEME");
	struct text https = request_param(request, "HTTPS");

	if (https.length > 0 && !text_is_nocase(https, "off"))
		scheme = TEXT("https");
	else if (scheme.length == 0)
		scheme = TEXT("http");
	return host.length > 0 && origin.length == scheme.length + 3 + host.length &&
	    memcmp(origin.data, scheme.data, scheme.length) == 0 &&
	    memcmp(origin.data + scheme.length, "://", 3) == 0 &&
	    memcmp(origin.data + scheme.length + 3, host.data, host.length) == 0;
}

/* An origin is printable ASCII without blanks (RFC 6454); what is not is never sent back. */
static bool
is_sane(struct text origin)
{
	for (size_t i = 0; i < origin.length; i++)
		if (origin.data[i] <= 0x20 || origin.data[i] >= 0x7f)
			return false;
	return origin.length > 0 && origin.length <= ORIGIN_MAX;
}

/* `null`, the origin of files and of sandboxed frames, may be anyone's: listed by name, or by *. */
static bool
is_allowed(const struct request *request, const struct cors *cors, struct text origin)
{
	return is_sane(origin) &&
	    (cors->any || in_list(cors->origins, origin) || is_same_origin(request, origin));
}

static bool
comes_from_any_page(const struct request *request, const struct cors *cors, struct text origin)
{
	return origin.length > 0 && cors->any && !in_list(cors->origins, origin) &&
	    !is_same_origin(request, origin);
}

/* The headers that a page may send: those of the settings, and where any may, those asked for. */
static void
allow_headers(struct exchange *x, const struct cors *cors)
{
	const struct text asked = request_param(&x->request, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS");
	const struct text known = cors->headers.data == NULL ? TEXT(CORS_HEADERS) : cors->headers;
	struct buf names = { 0 };

	if (!cors->any_header || asked.data == NULL) {
		response_header(&x->response, "Access-Control-Allow-Headers", known);
		return;
	}
	buf_add(&names, known.data, known.length);
	add_headers(asked, known.length + ASKED_HEADERS_MAX, &names);
	response_header(&x->response, "Access-Control-Allow-Headers", buf_view(&names));
	buf_free(&names);
}

enum step
cors_step(struct exchange *x, const struct cors *cors)
{
	const struct text origin = request_param(&x->request, "HTTP_ORIGIN");
	const bool preflight = text_is(x->request.method, "OPTIONS");

	response_header(&x->response, "Vary", TEXT("Origin"));
	x->request.from_any_page = comes_from_any_page(&x->request, cors, origin);
	if (origin.length > 0 && !is_allowed(&x->request, cors, origin))
		return exchange_fail(x, ERROR_ORIGIN_NOT_ALLOWED, NULL, NULL);
	if (origin.length > 0) {
		response_header(&x->response, "Access-Control-Allow-Origin", origin);
		response_header(&x->response, "Access-Control-Expose-Headers",
		    TEXT("Retry-After, X-Request-ID, X-Timestamp"));
	}
	/* The peers send these two with every answer to a page, so we do. */
	if (origin.length > 0 || preflight) {
		response_header(&x->response, "Access-Control-Allow-Methods",
		    TEXT("GET, POST, DELETE, PATCH, OPTIONS"));
		allow_headers(x, cors);
	}
	if (!preflight)
		return NEXT;
	response_header(&x->response, "Access-Control-Max-Age", TEXT("7200"));
	x->response.status = 204;
	return ANSWERED;
}
