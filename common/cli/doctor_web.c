#include <stdio.h>
#include <stdlib.h>

#include "doctor_page.h"
#include "random.h"

#define NO_ANSWER_FIX "look into the logs of the web server and of agora-fcgi"
#define TOO_MANY "not checked: too many requests came from this address; look again in a minute"
#define STRANGER "https://doctor.invalid" /* an origin that nobody has (RFC 6761) */

/* The service through its web server: not by AGORA_PROXY, and by the system's certificates. */
static bool
get(struct doctor *d, struct page *page, const char *method, const char *target,
    const char *headers, struct text body)
{
	static const struct upstream_settings direct = { .max_calls = 1,
		.connect_timeout = 5,
		.try_timeout = PAGE_MS / 1000,
		.call_timeout = PAGE_MS / 1000 };

	*page = (struct page){ 0 };
	snprintf(page->id, sizeof(page->id), "doctor-%08x%08x", random_below(UINT32_MAX),
	    random_below(UINT32_MAX));
	page->call.method = method;
	page->call.url = text_of(doctor_text(d, "%s%s", d->url, target));
	page->call.headers = text_of(headers);
	page->call.body = body;
	page->call.repeat = CALL_ONCE;
	page->call.request_id = text_of(page->id);
	return page_fetch(&direct, page);
}

static struct text
member(const struct page *page, const char *name)
{
	struct json_object *value = json_object_is_type(page->call.json, json_type_object)
	    ? field_member(page->call.json, name)
	    : NULL;

	return text_of(
	    json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL);
}

/* The shape of an error of agora-fcgi's, which the web server's own have too. */
static bool
is_error(const struct page *page, const char *code)
{
	return text_is(member(page, "code"), code) && member(page, "requestId").data != NULL;
}

void
doctor_forget(struct doctor *d)
{
	if (d->ping == NULL)
		return;
	page_free(d->ping);
	free(d->ping);
	d->ping = NULL;
}

void
check_url(struct doctor *d)
{
	static const char what[] = "URL";
	struct page *page;
	const struct call *call;

	if (!page_can_be_fetched()) {
		doctor_say(d, FINDING_SKIPPED, what, NULL, "not checked: " WITHOUT_CURL);
		return;
	}
	page = xcalloc(1, sizeof(*page));
	call = &page->call;
	if (!get(d, page, "GET", "/ping", NULL, (struct text){ NULL, 0 }))
		doctor_say(d, FINDING_PROBLEM, what,
		    "start the web server, or correct the address, its DNS or its certificate",
		    "%s: %s", d->url, call->failure == NULL ? "no answer came" : call->failure);
	else if (call->status == 502 || call->status == 503 || call->status == 504)
		doctor_say(d, FINDING_PROBLEM, what,
		    "start agora-fcgi; let the web server's user connect to its socket; name the "
		    "same socket in both",
		    "%s/ping answers with %d: the web server does not reach agora-fcgi", d->url,
		    call->status);
	else if (call->status != 200 || !text_is(member(page, "message"), "pong"))
		doctor_say(d, FINDING_PROBLEM, what,
		    "pass all paths on to agora-fcgi (conf/nginx), and compare BASE_PATH",
		    "%s/ping answers with %d, and not as agora-fcgi does", d->url, call->status);
	else {
		doctor_say(d, FINDING_OK, what, NULL, "%s/ping answers", d->url);
		d->ping = page;
		return;
	}
	doctor_say(d, FINDING_SKIPPED, "web server", NULL,
	    "not checked: /ping has to answer at the URL first");
	page_free(page);
	free(page);
}

void
check_https(struct doctor *d)
{
	if (d->ping == NULL)
		return;
	if (strncmp(d->url, "https:", 6) == 0)
		doctor_say(d, FINDING_OK, "HTTPS", NULL, "its certificate is good");
	else
		doctor_say(d, FINDING_WARNING, "HTTPS",
		    "serve https:// to clients (conf/nginx/example-site.conf)",
		    "%s has no TLS: whoever is on the way reads tokens and keys", d->url);
}

void
check_request_id(struct doctor *d)
{
	if (d->ping == NULL)
		return;
	if (strcmp(d->ping->call.agora_request_id, d->ping->id) == 0)
		doctor_say(
		    d, FINDING_OK, "request id", NULL, "X-Request-ID comes back as it was sent");
	else
		doctor_say(d, FINDING_WARNING, "request id",
		    "have the web server pass X-Request-ID on, both ways "
		    "(conf/nginx/agora-location.conf)",
		    "X-Request-ID %s, so a client's report is not found in the log",
		    d->ping->call.agora_request_id[0] == '\0' ? "does not come back"
							      : "comes back as another");
}

/* CORS */

/* How /ping answers to a page of that origin: 1 may read, 0 may not, -1 nobody knows. */
static int
may_read(struct doctor *d, const char *origin, size_t *count)
{
	struct page page;
	struct text allowed;
	int may = -1;

	if (get(d, &page, "GET", "/ping", doctor_text(d, "Origin: %s", origin),
		(struct text){ NULL, 0 })) {
		allowed = page_header(&page, "Access-Control-Allow-Origin", count);
		may = *count > 0 && (text_is(allowed, origin) || text_is(allowed, "*"));
	}
	page_free(&page);
	return may;
}

/* One that the list allows: of a pattern, some name in the place of the star. */
static const char *
first_origin(struct doctor *d, struct text list)
{
	const char *comma = memchr(list.data, ',', list.length), *star;

	if (comma != NULL)
		list.length = (size_t)(comma - list.data);
	star = memchr(list.data, '*', list.length);
	if (star == NULL)
		return doctor_text(d, "%.*s", (int)list.length, list.data);
	return doctor_text(d, "%.*sdoctor%.*s", (int)(star - list.data), list.data,
	    (int)(list.data + list.length - star - 1), star + 1);
}

void
check_cors(struct doctor *d)
{
	static const char what[] = "CORS",
			  fix[] = "leave the headers to agora-fcgi: no add_header "
				  "Access-Control-... in the web server";
	const struct text list = d->config->cors.origins;
	const bool all = d->config->cors.any;
	const char *listed = all ? STRANGER : list.data == NULL ? NULL : first_origin(d, list);
	size_t before = d->findings.count, count = 0;

	if (d->ping == NULL)
		return;
	if (listed != NULL && may_read(d, listed, &count) == 0)
		doctor_say(d, FINDING_PROBLEM, what,
		    "have the web server pass Origin on and keep the answer's headers; reload "
		    "after "
		    "a change of CORS_ALLOW_ORIGIN",
		    "pages of %s, which CORS_ALLOW_ORIGIN allows, may not read answers",
		    all ? "other sites" : listed);
	else if (listed != NULL && count > 1)
		doctor_say(d, FINDING_PROBLEM, what, fix,
		    "Access-Control-Allow-Origin comes %zu times, and browsers take it once",
		    count);
	if (!all && may_read(d, STRANGER, &count) == 1)
		doctor_say(d, FINDING_PROBLEM, what, fix,
		    "pages of other sites may read answers, and CORS_ALLOW_ORIGIN does not allow "
		    "them");
	if (d->findings.count == before)
		doctor_say(d, FINDING_OK, what, NULL,
		    all ? "pages of all sites may read answers" : "as CORS_ALLOW_ORIGIN says");
}

/* As a browser writes it: without the port that the scheme has anyway. */
static const char *
own_origin(struct doctor *d)
{
	const bool tls = strncmp(d->url, "https:", 6) == 0;
	const char *host = strstr(d->url, "://") + 3, *port = tls ? ":443" : ":80";
	size_t length = strcspn(host, "/"), known = strlen(port);

	if (length > known && strncmp(host + length - known, port, known) == 0)
		length -= known;
	return doctor_text(d, "%.*s", (int)((size_t)(host - d->url) + length), d->url);
}

void
check_own_pages(struct doctor *d)
{
	static const char what[] = "own pages";
	const char *origin;
	size_t count;
	int may;

	if (d->ping == NULL)
		return;
	origin = own_origin(d);
	may = may_read(d, origin, &count);
	if (may == 1)
		doctor_say(d, FINDING_OK, what, NULL, "pages of %s may ask", origin);
	else if (may == 0)
		doctor_say(d, FINDING_WARNING, what,
		    doctor_text(d,
			"set CORS_ALLOW_ORIGIN to %s, or have the web server pass REQUEST_SCHEME "
			"%.*s and the Host that clients send",
			origin, (int)strcspn(origin, ":"), origin),
		    "pages of %s itself are refused: the service does not know that it is there, "
		    "as where TLS ends before the web server",
		    origin);
	else
		doctor_say(d, FINDING_PROBLEM, what, NO_ANSWER_FIX, "no answer came");
}

/* Authorization */

static bool
has_caller(const struct policy *policy, enum caller_type type)
{
	const struct caller *callers = policy->callers.items;

	for (size_t i = 0; i < policy->callers.count; i++)
		if (callers[i].type == (int64_t)type)
			return true;
	return false;
}

void
check_authorization(struct doctor *d)
{
	static const char what[] = "Authorization";
	const struct policy *policy = d->config->policy;
	const bool keys = policy != NULL && has_caller(policy, CALLER_APIKEY);
	struct page page;
	struct text challenge;
	size_t count;

	if (d->ping == NULL)
		return;
	if (policy == NULL || policy->enforce == ENFORCE_LOG ||
	    (!keys && !has_caller(policy, CALLER_JWT))) {
		doctor_say(d, FINDING_SKIPPED, what, NULL, "not checked: %s",
		    policy == NULL ? "without a policy nobody is asked who it is"
			: policy->enforce == ENFORCE_LOG ? "the policy refuses nothing"
							 : "no caller of the policy sends it");
		return;
	}
	/* Nobody's key, and no JSON Web Token. */
	if (!get(d, &page, "GET", "/me",
		keys ? "Authorization: Bearer ak_doctor_0" : "Authorization: Bearer doctor",
		(struct text){ NULL, 0 })) {
		doctor_say(d, FINDING_PROBLEM, what, NO_ANSWER_FIX, "no answer came");
		page_free(&page);
		return;
	}
	challenge = page_header(&page, "WWW-Authenticate", &count);
	if (page.call.status == 401 && challenge.data != NULL &&
	    memmem(challenge.data, challenge.length, "invalid_token", 13) != NULL)
		doctor_say(d, FINDING_OK, what, NULL, "it arrives: a wrong one gets 401");
	else if (page.call.status == 429)
		doctor_say(d, FINDING_SKIPPED, what, NULL, TOO_MANY);
	else
		doctor_say(d, FINDING_PROBLEM, what,
		    "Apache: CGIPassAuth On; nginx: no auth_basic here, and pass "
		    "HTTP_AUTHORIZATION",
		    "a wrong one gets %d, and not agora-fcgi's word that it is wrong: the web "
		    "server "
		    "keeps the header to itself",
		    page.call.status);
	page_free(&page);
}

/*
 * Whether agora-fcgi answers to a path of /rtm: with a token, or with an error that it has for such
 * a path and a web server has not.  (conf/nginx has an "unauthenticated" of its own, where it asks
 * for a login; check_authorization tells of that.)
 */
static bool
is_from_rtm(const struct page *page)
{
	static const char *const codes[] = { "unauthenticated", "not_granted", "missing_field",
		"invalid_field", "keys_unavailable", "audit_unavailable" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (is_error(page, codes[i]))
			return true;
	return page->call.status == 200 && member(page, "rtmToken").data != NULL;
}

void
check_slash(struct doctor *d)
{
	static const char what[] = "encoded slash";
	struct page page;

	if (d->ping == NULL)
		return;
	if (!get(d, &page, "GET", "/rtm/a%2Fb", NULL, (struct text){ NULL, 0 }))
		doctor_say(d, FINDING_PROBLEM, what, NO_ANSWER_FIX, "no answer came");
	else if (is_from_rtm(&page))
		doctor_say(d, FINDING_OK, what, NULL, "a %%2F in a path arrives");
	else if (page.call.status == 429)
		doctor_say(d, FINDING_SKIPPED, what, NULL, TOO_MANY);
	else
		doctor_say(d, FINDING_PROBLEM, what,
		    "Apache: AllowEncodedSlashes NoDecode; nginx: pass $request_uri, and no path "
		    "behind proxy_pass; let no firewall refuse %2F",
		    "/rtm/a%%2Fb gets %d, and not agora-fcgi's answer: users and channels with a / "
		    "in their name get no token",
		    page.call.status);
	page_free(&page);
}

/* So many blanks, of which nothing is made; its answer is free for the caller to page_free. */
static bool
post_blanks(struct doctor *d, int64_t size, struct page *page)
{
	struct buf body = { 0 };
	bool answered;

	memset(buf_reserve(&body, (size_t)size), ' ', (size_t)size);
	body.length = (size_t)size;
	answered = get(d, page, "POST", "/getToken", NULL, buf_view(&body));
	buf_free(&body);
	return answered;
}

/* What MAX_BODY allows has to arrive. */
static bool
takes_largest(struct doctor *d, const char *what)
{
	const long long size = d->config->api.max_body;
	struct page page;
	const bool answered = post_blanks(d, size, &page), fits = page.call.status != 413;

	if (!answered)
		doctor_say(d, FINDING_PROBLEM, what, NO_ANSWER_FIX,
		    "a body of MAX_BODY, %lld bytes, gets no answer", size);
	else if (!fits)
		doctor_say(d, FINDING_PROBLEM, what,
		    "set nginx's client_max_body_size, or Apache's LimitRequestBody, to MAX_BODY; "
		    "restart the service after a change of MAX_BODY",
		    "a body of MAX_BODY, %lld bytes, gets 413: the web server, or the service that "
		    "runs, takes less",
		    size);
	page_free(&page);
	return answered && fits;
}

void
check_body_limit(struct doctor *d)
{
	static const char what[] = "body limit",
			  fix[] =
			      "use conf/nginx, whose errors are JSON, with client_max_body_size "
			      "as MAX_BODY";
	const long long size = d->config->api.max_body + 1;
	struct page page;

	if (d->ping == NULL || !takes_largest(d, what))
		return;
	if (!post_blanks(d, size, &page))
		doctor_say(
		    d, FINDING_PROBLEM, what, fix, "a body of %lld bytes gets no answer", size);
	else if (page.call.status == 413 && is_error(&page, "body_too_large"))
		doctor_say(d, FINDING_OK, what, NULL,
		    "a body of MAX_BODY, %lld bytes, arrives; a larger one gets 413 as JSON",
		    size - 1);
	else if (page.call.status == 401 && is_error(&page, "unauthenticated"))
		doctor_say(d, FINDING_OK, what, NULL,
		    "a body of MAX_BODY, %lld bytes, arrives; a larger one gets 401: nobody is to "
		    "send one",
		    size - 1);
	else
		doctor_say(d, FINDING_PROBLEM, what, fix,
		    "a body of %lld bytes, more than MAX_BODY, gets %d%s", size, page.call.status,
		    page.call.json == NULL ? ", and not as JSON" : "");
	page_free(&page);
}

void
check_clock(struct doctor *d)
{
	if (d->ping != NULL)
		page_clock(d, "clock, by the URL", d->ping);
}
