#include "cors.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ORIGIN_512 /* https:// and 504 more */ "https://" X63 X63 X63 X63 X63 X63 X63 X63
#define X63 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* Every rule of the issue, from both sides.  "allowed" NULL: CORS_ALLOW_ORIGIN is unset. */
static const struct {
	const char *name, *allowed, *origin; /* origin NULL: no such header */
	bool passes;
	const char *host, *scheme, *https;
} cases[] = {
	/* a request without Origin is not a CORS request */
	{ "no Origin, unset", NULL, NULL, true },
	{ "no Origin, *", "*", NULL, true },
	{ "no Origin, a list", "https://a.example", NULL, true },
	{ "an empty Origin", "https://a.example", "", true },

	/* unset: the same origin only */
	{ "another origin, unset", NULL, "https://a.example", false, "b.example" },
	{ "without a Host", NULL, "https://a.example", false },
	{ "the same origin", NULL, "http://a.example", true, "a.example" },
	{ "the same with a port", NULL, "http://a.example:8080", true, "a.example:8080" },
	{ "the same by REQUEST_SCHEME", NULL, "https://a.example", true, "a.example", "https" },
	{ "the same by HTTPS", NULL, "https://a.example", true, "a.example", NULL, "on" },
	{ "the same by HTTPS=1", NULL, "https://a.example", true, "a.example", NULL, "1" },
	{ "HTTPS above REQUEST_SCHEME", NULL, "https://a.example", true, "a.example", "http",
	    "on" },
	{ "HTTPS=off", NULL, "http://a.example", true, "a.example", NULL, "off" },
	{ "HTTPS=OFF", NULL, "http://a.example", true, "a.example", NULL, "OFF" },
	{ "an empty HTTPS", NULL, "http://a.example", true, "a.example", NULL, "" },
	{ "the same origin beside a list", "https://b.example", "http://a.example", true,
	    "a.example" },
	{ "another scheme", NULL, "https://a.example", false, "a.example" },
	{ "another scheme, the other way", NULL, "http://a.example", false, "a.example", "https" },
	{ "another scheme by HTTPS", NULL, "http://a.example", false, "a.example", "http", "on" },
	{ "another port", NULL, "http://a.example:1", false, "a.example:2" },
	{ "a port more", NULL, "http://a.example:1", false, "a.example" },
	{ "a port less", NULL, "http://a.example", false, "a.example:1" },
	{ "a longer host", NULL, "http://a.example.evil", false, "a.example" },
	{ "a shorter host", NULL, "http://a.exampl", false, "a.example" },
	{ "a subdomain", NULL, "http://x.a.example", false, "a.example" },
	{ "a host alone", NULL, "a.example", false, "a.example" },
	{ "an empty Host", NULL, "http://", false, "" },

	/* any */
	{ "any", "*", "https://a.example", true },
	{ "any scheme", "*", "capacitor://localhost", true },
	{ "any, and its own", "*", "http://a.example", true, "a.example" },
	{ "null, any", "*", "null", true },
	{ "any, within a list", "https://b.example, *", "https://a.example", true },
	{ "null, any within a list", "*,https://b.example", "null", true },
	{ "null, unset", NULL, "null", false, "null" },
	{ "null, listed", "https://a.example, null", "null", true },
	{ "null beside a list", "https://a.example", "null", false },

	/* a list: each item as a whole, less the blanks around it */
	{ "listed alone", "https://a.example", "https://a.example", true },
	{ "listed first", "https://a.example,https://b.example", "https://a.example", true },
	{ "listed last", "https://a.example,https://b.example", "https://b.example", true },
	{ "listed in the middle", "https://a.example,https://b.example,https://c.example",
	    "https://b.example", true },
	{ "blanks", " https://a.example ,\t https://b.example\t", "https://b.example", true },
	{ "a blank behind", "https://a.example , https://b.example", "https://a.example", true },
	{ "blanks at the end", "https://a.example \t ", "https://a.example", true },
	{ "blanks for an item", "https://b.example,  ", "https://a.example", false },
	{ "blanks at the start", "  https://a.example", "https://a.example", true },
	{ "empty items", ",,https://a.example,,", "https://a.example", true },
	{ "not listed", "https://a.example,https://b.example", "https://c.example", false },
	{ "another scheme", "https://a.example", "http://a.example", false },
	{ "another port", "https://a.example", "https://a.example:8443", false },
	{ "a longer name", "https://a.example", "https://a.example.evil", false },
	{ "a shorter name", "https://a.example", "https://a.exampl", false },
	{ "a subdomain", "https://a.example", "https://x.a.example", false },
	{ "in capitals", "https://a.example", "https://A.example", false },
	{ "with a slash", "https://a.example", "https://a.example/", false },
	{ "the whole list", "https://a,https://b", "https://a,https://b", false },

	/* patterns: one name or more in the place of the star */
	{ "a pattern", "https://*.example.com", "https://a.example.com", true },
	{ "two names", "https://*.example.com", "https://a.b.example.com", true },
	{ "a pattern with a port", "https://*.example.com:8443", "https://a.example.com:8443",
	    true },
	{ "a pattern beside others", "https://b.example,https://*.example.com",
	    "https://a-1.example.com", true },
	{ "a pattern of localhost", "http://*.localhost:3000", "http://a.localhost:3000", true },
	{ "not the domain itself", "https://*.example.com", "https://example.com", false },
	{ "an empty name", "https://*.example.com", "https://.example.com", false },
	{ "an empty name between", "https://*.example.com", "https://a..example.com", false },
	{ "a longer name before it", "https://*.example.com", "https://evilexample.com", false },
	{ "and behind it", "https://*.example.com", "https://a.example.com.evil", false },
	{ "another port than none", "https://*.example.com", "https://a.example.com:8443", false },
	{ "another port", "https://*.example.com:8443", "https://a.example.com:8444", false },
	{ "no port", "https://*.example.com:8443", "https://a.example.com", false },
	{ "another scheme than the pattern's", "https://*.example.com", "http://a.example.com",
	    false },
	{ "a user", "https://*.example.com", "https://evil@a.example.com", false },
	{ "a port in the star", "https://*.example.com", "https://evil:1.example.com", false },
	{ "a path in the star", "https://*.example.com", "https://evil/a.example.com", false },
	{ "the pattern", "https://*.example.com", "https://*.example.com", true },
	{ "in capitals", "https://*.example.com", "https://A.example.com", false },

	/* entries that can only mean one origin */
	{ "a slash at the end", "https://a.example/", "https://a.example", true },
	{ "capitals", "HTTPS://A.Example", "https://a.example", true },
	{ "the scheme's port", "https://a.example:443", "https://a.example", true },
	{ "http's port", "http://a.example:80/", "http://a.example", true },
	{ "another scheme's port", "http://a.example:443", "http://a.example:443", true },
	{ "NULL", "NULL", "null", true },
	{ "an address", "http://127.0.0.1:3000", "http://127.0.0.1:3000", true },
	{ "a long IPv6 address", "http://[0:0:0:0:0:0:0:1]:80", "http://[::1]", true },
	{ "IPv6 with a port", "http://[::1]:3000/", "http://[::1]:3000", true },
	{ "a foreign scheme", "capacitor://localhost", "capacitor://localhost", true },
	{ "a page opened from disk", "file://", "file://", true },
	{ "the same", "file:///", "file://", true },
	{ "an extension", "chrome-extension://abcdef", "chrome-extension://abcdef", true },
	{ "an ending dot", "https://a.example.", "https://a.example.", true },

	/* what is no origin is never sent back */
	{ "a blank", "*", "https://a b", false },
	{ "a blank in front", "*", " https://a", false },
	{ "a blank behind", "*", "https://a ", false },
	{ "one letter", "*", "a", true },
	{ "one letter, refused", NULL, "a", false },
	{ "a tab", "*", "https://a\tb", false },
	{ "a control character", "*", "https://a\x01", false },
	{ "DEL", "*", "https://a\x7f", false },
	{ "not ASCII", "*", "https://\xc3\xa9", false },
	{ "a line end", "*", "https://a\r\nX: y", false },
	{ "512 bytes", "*", ORIGIN_512, true },
	{ "513 bytes", "*", ORIGIN_512 "x", false },
};

/* An exchange with these parameters, run through the step. */
static enum step
run(struct exchange *x, size_t i, const char *method, char variables[4][600], char *params[5])
{
	static const char *const names[] = { "HTTP_ORIGIN", "HTTP_HOST", "REQUEST_SCHEME",
		"HTTPS" };
	const char *const values[] = { cases[i].origin, cases[i].host, cases[i].scheme,
		cases[i].https };
	struct text allowed = text_of(cases[i].allowed);
	struct arena arena = { 0 };
	struct cors cors;
	enum step step;
	size_t n = 0;

	for (size_t v = 0; v < 4; v++)
		if (values[v] != NULL) {
			snprintf(variables[n], 600, "%s=%s", names[v], values[v]);
			params[n] = variables[n];
			n++;
		}
	params[n] = NULL;
	*x = (struct exchange){
		.request = { .params = params, .method = text_of(method), .id = TEXT("id") }
	};
	if (allowed.data != NULL)
		allowed.data = guarded(allowed.data, allowed.length);
	cors_make(allowed, (struct text){ NULL, 0 }, &arena, &cors);
	if (cors.origins.data != NULL)
		cors.origins.data = guarded(cors.origins.data, cors.origins.length);
	step = cors_step(x, &cors);
	arena_free(&arena);
	return step;
}

#define METHODS "Access-Control-Allow-Methods: GET, POST, DELETE, PATCH, OPTIONS\r\n"
#define HEADERS                                                                                    \
	"Access-Control-Allow-Headers: Origin, Content-Type, Authorization, X-API-Key, "           \
	"X-Request-ID, X-Requested-With, traceparent, tracestate, baggage, Idempotency-Key, "      \
	"Last-Event-ID\r\n"
#define EXPOSED "Access-Control-Expose-Headers: Retry-After, X-Request-ID, X-Timestamp\r\n"

/* A list of cases, with a star for an entry. */
static bool
lets_any_in(const char *list)
{
	const char *star = list == NULL ? NULL : strchr(list, '*');

	return star != NULL && (star == list || star[-1] == ' ') &&
	    (star[1] == '\0' || star[1] == ',');
}

static void
answers(const char *method)
{
	bool preflight = strcmp(method, "OPTIONS") == 0;

	for (size_t i = 0; i < COUNT(cases); i++) {
		char variables[4][600], *params[5];
		struct exchange x;
		struct buf expected = { 0 };
		enum step step = run(&x, i, method, variables, params);
		bool has_origin = cases[i].origin != NULL && cases[i].origin[0] != '\0';

		buf_text(&expected, "Vary: Origin\r\n");
		if (!cases[i].passes) {
			CHECK(step == ANSWERED && x.response.status == 403, cases[i].name);
			CHECK(same_text(buf_view(&x.response.body),
				  "{\"error\":\"Origin not allowed\",\"code\":"
				  "\"origin_not_allowed\",\"status\":403,\"requestId\":\"id\"}"),
			    cases[i].name);
		} else {
			if (has_origin)
				buf_printf(&expected, "Access-Control-Allow-Origin: %s\r\n" EXPOSED,
				    cases[i].origin);
			if (has_origin || preflight)
				buf_text(&expected, METHODS HEADERS);
			if (preflight)
				buf_text(&expected, "Access-Control-Max-Age: 7200\r\n");
			CHECK(step == (preflight ? ANSWERED : NEXT), cases[i].name);
			CHECK(x.response.status == (preflight ? 204 : 0), cases[i].name);
			CHECK(x.response.body.length == 0, cases[i].name);
			CHECK(x.request.from_any_page ==
				(has_origin && lets_any_in(cases[i].allowed) &&
				    cases[i].host == NULL),
			    cases[i].name);
		}
		buf_add(&expected, "", 1);
		CHECK(same_text(buf_view(&x.response.headers), expected.data), cases[i].name);
		buf_free(&expected);
		exchange_free(&x);
	}
}

static void
judges_requests(void)
{
	answers("GET");
	answers("POST");
}

static void
answers_preflights(void)
{
	answers("OPTIONS");
}

/* Entries that no browser's Origin could ever match, and what is said of them. */
static void
refuses_entries(void)
{
	static const struct {
		const char *list, *entry, *says;
	} bad[] = {
		{ "a.example", "a.example", "scheme" },
		{ "localhost:3000", "localhost:3000", "scheme" },
		{ "//a.example", "//a.example", "scheme" },
		{ "https:/a.example", "https:/a.example", "scheme" },
		{ "https//a.example", "https//a.example", "scheme" },
		{ "https:a.example", "https:a.example", "scheme" },
		{ "*.example.com", "*.example.com", "scheme" },
		{ "*://a.example", "*://a.example", "scheme" },
		{ "http*://a.example", "http*://a.example", "scheme" },
		{ "https://a.example/app", "https://a.example/app", "path" },
		{ "https://a.example//", "https://a.example//", "path" },
		{ "https://a.example/*", "https://a.example/*", "path" },
		{ "https://a.example?x", "https://a.example?x", "path" },
		{ "https://user@a.example", "https://user@a.example", "user" },
		{ "https://a.example;https://b.example", "https://a.example;https://b.example",
		    "commas" },
		{ "https://a.example https://b.example", "https://a.example https://b.example",
		    "commas" },
		{ "https://a.example\nhttps://b.example", "https://a.example?https://b.example",
		    "commas" },
		{ "https://a.example|https://b.example", "https://a.example|https://b.example",
		    "commas" },
		{ "[\"https://a.example\"]", "[\"https://a.example\"]", "JSON" },
		{ "[\"https://a.example\",\"https://b.example\"]", "[\"https://a.example\"",
		    "JSON" },
		{ "https://a.example # the app", "https://a.example # the app", "commas" },
		{ "https://a.example#app", "https://a.example#app", "comment" },
		{ "https://b.example, 'https://a.example'", "'https://a.example'", "quotes" },
		{ "https://a.example'", "https://a.example'", "quote" },
		{ "https://", "https://", "host" },
		{ "https:///", "https:///", "host" },
		{ "capacitor://", "capacitor://", "host" },
		{ "https://a.example:", "https://a.example:", "port" },
		{ "https://a.example:0", "https://a.example:0", "port" },
		{ "https://a.example:65536", "https://a.example:65536", "port" },
		{ "https://a.example:*", "https://a.example:*", "port" },
		{ "https://a.example:80:80", "https://a.example:80:80", "port" },
		{ "https://a..example", "https://a..example", "host" },
		{ "https://.a.example", "https://.a.example", "host" },
		{ "https://m\xc3\xbcller.example", "https://m??ller.example", "xn--" },
		{ "https://[::1", "https://[::1", "IPv6" },
		{ "https://[::g]", "https://[::g]", "IPv6" },
		{ "https://[]", "https://[]", "IPv6" },
		{ "https://*", "https://*", "*" },
		{ "https://*.com", "https://*.com", "top-level" },
		{ "https://*.127.0.0.1", "https://*.127.0.0.1", "address" },
		{ "https://*.", "https://*.", "*" },
		{ "https://app-*.example.com", "https://app-*.example.com", "first name" },
		{ "https://a.*.example.com", "https://a.*.example.com", "first name" },
		{ "https://*.*.example.com", "https://*.*.example.com", "host" },
		{ "https://*example.com", "https://*example.com", "first name" },
		{ "app://*.example.com", "app://*.example.com", "http" },
		{ "https://" X63 X63 X63 X63 X63 X63 X63 X63 "x", "https://xxxx", "longer" },
		{ ",", "", "no entry" },
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct field_error error = { 0 };
		size_t length = strlen(bad[i].list);
		bool good = cors_origins_check(
		    (struct text){ guarded(bad[i].list, length), length }, &error);

		CHECK(!good, bad[i].list);
		CHECK(strstr(error.rule, bad[i].entry) != NULL, bad[i].list);
		CHECK(strstr(error.rule, bad[i].says) != NULL, bad[i].list);
	}
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct field_error error = { 0 };

		CHECK(cases[i].allowed == NULL ||
			cors_origins_check(text_of(cases[i].allowed), &error),
		    cases[i].name);
	}
}

#define KNOWN CORS_HEADERS

static void
allows_headers(void)
{
	static const struct {
		const char *origins, *headers, *asked, *allowed;
	} rows[] = {
		{ "https://a.example", NULL, "x-custom", KNOWN },
		{ "https://a.example", "X-Custom", "x-other", KNOWN ", X-Custom" },
		{ "https://a.example", " X-One ,x-two,, x-one ,Content-type", NULL,
		    KNOWN ", X-One, x-two" },
		{ "https://a.example", "*", "x-custom,sentry-trace",
		    KNOWN ", x-custom, sentry-trace" },
		{ "*", NULL, NULL, KNOWN },
		{ "*", NULL, "", KNOWN },
		{ "*", NULL, "x-custom, content-type,TRACEPARENT,x-b3-traceid",
		    KNOWN ", x-custom, x-b3-traceid" },
		{ "*", "X-One", "x-one,x-two", KNOWN ", X-One, x-two" },
		{ "*", NULL, "x-a,x-a,x-A", KNOWN ", x-a" },
		/* what is not a name is never sent back */
		{ "*", NULL, "x b,x:y,\"x\",x\r\nSet-Cookie,x-good,\xc3\xa9,(", KNOWN ", x-good" },
		{ "*", NULL,
		    X63 X63 X63 X63 X63 X63 X63 X63 "," X63 X63 X63 X63 X63 X63 X63 X63 ",x," X63,
		    KNOWN ", " X63 X63 X63 X63 X63 X63 X63 X63 ", x, " X63 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena arena = { 0 };
		struct cors cors;
		char variable[2000];
		char origin[] = "HTTP_ORIGIN=https://a.example";
		char *params[] = { origin, NULL, NULL };
		struct exchange x = { .request = { .params = params, .method = TEXT("OPTIONS") } };
		struct field_error error;
		char wanted[2200];

		snprintf(variable, sizeof(variable), "HTTP_ACCESS_CONTROL_REQUEST_HEADERS=%s",
		    rows[i].asked == NULL ? "" : rows[i].asked);
		params[1] = rows[i].asked == NULL ? NULL : variable;
		CHECK(
		    rows[i].headers == NULL || cors_headers_check(text_of(rows[i].headers), &error),
		    rows[i].allowed);
		cors_make(text_of(rows[i].origins), text_of(rows[i].headers), &arena, &cors);
		CHECK(cors_step(&x, &cors) == ANSWERED, rows[i].allowed);
		snprintf(wanted, sizeof(wanted), "\r\nAccess-Control-Allow-Headers: %s\r\n",
		    rows[i].allowed);
		buf_add(&x.response.headers, "", 1);
		CHECK(strstr(x.response.headers.data, wanted) != NULL, x.response.headers.data);
		exchange_free(&x);
		arena_free(&arena);
	}
}

static void
refuses_headers(void)
{
	static const char *const bad[] = { "X-One X-Two", "X-One;X-Two", "[\"X-One\"]",
		"X-One:", "X-One # it", "'X-One'", "X-\xc3\xa9", ",", "X-One\nX-Two" };

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct field_error error = { 0 };

		CHECK(!cors_headers_check(text_of(bad[i]), &error), bad[i]);
		CHECK(error.rule[0] != '\0', bad[i]);
	}
}

CU_TestInfo api_cors_tests[] = {
	{ "refuses entries that match nothing", refuses_entries },
	{ "allows headers", allows_headers },
	{ "refuses what is not a header", refuses_headers },
	{ "judges requests", judges_requests },
	{ "answers preflights", answers_preflights },
	CU_TEST_INFO_NULL,
};
