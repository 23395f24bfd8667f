#include "cors.h"

#define ORIGIN_MAX 512

static bool
in_list(struct text list, struct text origin)
{
	while (list.length > 0) {
		const char *comma = memchr(list.data, ',', list.length);
		struct text item = { list.data,
			comma == NULL ? list.length : (size_t)(comma - list.data) };
		size_t used = item.length + (comma == NULL ? 0 : 1);

		list = (struct text){ list.data + used, list.length - used };
		while (item.length > 0 && (item.data[0] == ' ' || item.data[0] == '\t'))
			item = (struct text){ item.data + 1, item.length - 1 };
		while (item.length > 0 &&
		    (item.data[item.length - 1] == ' ' || item.data[item.length - 1] == '\t'))
			item.length--;
		if (item.length == origin.length &&
		    memcmp(item.data, origin.data, item.length) == 0)
			return true;
	}
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

/* `null` is the origin of sandboxed frames and files: anyone's.  It must be listed by name. */
static bool
is_allowed(const struct request *request, struct text allowed, struct text origin)
{
	if (!is_sane(origin))
		return false;
	if (text_is(allowed, "*") && !text_is(origin, "null"))
		return true;
	return in_list(allowed, origin) || is_same_origin(request, origin);
}

enum step
cors_step(struct exchange *x, struct text allowed)
{
	struct text origin = request_param(&x->request, "HTTP_ORIGIN");

	response_header(&x->response, "Vary", TEXT("Origin"));
	x->request.from_any_page =
	    origin.length > 0 && text_is(allowed, "*") && !is_same_origin(&x->request, origin);
	if (origin.length > 0 && !is_allowed(&x->request, allowed, origin))
		return exchange_fail(x, ERROR_ORIGIN_NOT_ALLOWED, NULL, NULL);
	if (origin.length > 0) {
		response_header(&x->response, "Access-Control-Allow-Origin", origin);
		response_header(&x->response, "Access-Control-Expose-Headers",
		    TEXT("Retry-After, X-Request-ID, X-Timestamp"));
	}
	/* The peers send these two with every answer to a page, so we do. */
	if (origin.length > 0 || text_is(x->request.method, "OPTIONS")) {
		response_header(&x->response, "Access-Control-Allow-Methods",
		    TEXT("GET, POST, DELETE, PATCH, OPTIONS"));
		response_header(&x->response, "Access-Control-Allow-Headers",
		    TEXT("Origin, Content-Type, Authorization, X-API-Key, X-Request-ID, "
			 "X-Requested-With"));
	}
	if (!text_is(x->request.method, "OPTIONS"))
		return NEXT;
	response_header(&x->response, "Access-Control-Max-Age", TEXT("7200"));
	x->response.status = 204;
	return ANSWERED;
}
