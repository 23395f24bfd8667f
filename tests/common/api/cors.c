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
	{ "null is nobody", "*", "null", false },
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
	{ "nothing but blanks", " \t ", "https://a.example", false },
	{ "blanks for an item", "https://b.example,  ", "https://a.example", false },
	{ "blanks at the start", "  https://a.example", "https://a.example", true },
	{ "empty items", ",,https://a.example,,", "https://a.example", true },
	{ "a list of nothing", ",", "https://a.example", false },
	{ "not listed", "https://a.example,https://b.example", "https://c.example", false },
	{ "another scheme", "https://a.example", "http://a.example", false },
	{ "another port", "https://a.example", "https://a.example:8443", false },
	{ "a longer name", "https://a.example", "https://a.example.evil", false },
	{ "a shorter name", "https://a.example", "https://a.exampl", false },
	{ "a subdomain", "https://a.example", "https://x.a.example", false },
	{ "in capitals", "https://a.example", "https://A.example", false },
	{ "with a slash", "https://a.example", "https://a.example/", false },
	{ "the whole list", "https://a,https://b", "https://a,https://b", false },
	{ "a star in a name is no pattern", "https://*.example", "https://a.example", false },

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
	return cors_step(x, allowed);
}

#define METHODS "Access-Control-Allow-Methods: GET, POST, DELETE, PATCH, OPTIONS\r\n"
#define HEADERS                                                                                    \
	"Access-Control-Allow-Headers: Origin, Content-Type, Authorization, X-API-Key, "           \
	"X-Request-ID, "                                                                           \
	"X-Requested-With\r\n"
#define EXPOSED "Access-Control-Expose-Headers: Retry-After, X-Request-ID, X-Timestamp\r\n"

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
				(has_origin && text_is(text_of(cases[i].allowed), "*") &&
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

CU_TestInfo api_cors_tests[] = {
	{ "judges requests", judges_requests },
	{ "answers preflights", answers_preflights },
	CU_TEST_INFO_NULL,
};
