#include <regex.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "clock.h"
#include "inspect.h"
#include "json.h"
#include "log.h"
#include "routes.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define APP_ID "0123456789abcdef0123456789abcdef"
#define CERTIFICATE "fedcba9876543210fedcba9876543210"

/* The application under test */

static struct config *config;
static struct app *app;
static struct exchange x;
static struct agora_codec *codec; /* of the one who reads the tokens */

/* Opens it with one setting more, or NULL. */
static void
open_app(const char *setting, const struct route *rows, size_t row_count)
{
	char id[] = "APP_ID=" APP_ID, certificate[] = "APP_CERTIFICATE=" CERTIFICATE,
	     more[128] = "";
	char *environment[] = { id, certificate, setting == NULL ? NULL : more, NULL };
	struct buf error = { 0 };

	if (setting != NULL)
		snprintf(more, sizeof(more), "%s", setting);
	log_set_level(LOG_LEVEL_ERROR); /* an access line per case would be noise */
	config = config_open(NULL, environment, routes, route_count, NULL, NULL, &error);
	app = config == NULL ? NULL
			     : app_open(config, rows, row_count, NULL, true, &(struct buf){ 0 });
	codec = agora_codec_open();
	if (app == NULL || codec == NULL)
		abort();
	buf_free(&error);
}

static void
close_app(void)
{
	exchange_free(&x);
	x = (struct exchange){ 0 };
	app_close(app);
	config_close(config);
	agora_codec_close(codec);
	log_set_level(LOG_LEVEL_INFO);
}

/*
 * Serves one request.  more: further CGI variables, a line each, or NULL.  The response stays in
 * the exchange until the next one.
 */
static enum step
serve(const char *method, const char *uri, const char *more, struct text body,
    enum body_problem problem)
{
	static char text[16384], *params[32];
	size_t n = 0;

	exchange_reset(&x);
	snprintf(text, sizeof(text), "REQUEST_METHOD=%s\nREQUEST_URI=%s\n%s", method, uri,
	    more == NULL ? "" : more);
	for (char *line = text; *line != '\0'; n++) {
		char *end = line + strcspn(line, "\n");

		params[n] = line;
		line = *end == '\0' ? end : end + 1;
		*end = '\0';
	}
	params[n] = NULL;
	return app_serve(app, &x, params, body, problem);
}

static void
get(const char *uri)
{
	CHECK(serve("GET", uri, NULL, TEXT(""), BODY_WHOLE) == ANSWERED, uri);
}

static void
post(const char *uri, struct text body)
{
	CHECK(serve("POST", uri, NULL, body, BODY_WHOLE) == ANSWERED, uri);
}

/* Reading responses */

/* The only header of this name; absent data when there is none, or are several. */
static struct text
header(const char *name)
{
	struct text headers = buf_view(&x.response.headers), found = { NULL, 0 };
	size_t length = strlen(name), count = 0;

	while (headers.length > 0) {
		const char *end = memmem(headers.data, headers.length, "\r\n", 2);

		if (end == NULL)
			return (struct text){ NULL, 0 };
		if ((size_t)(end - headers.data) > length + 1 &&
		    memcmp(headers.data, name, length) == 0 &&
		    memcmp(headers.data + length, ": ", 2) == 0) {
			found.data = headers.data + length + 2;
			found.length = (size_t)(end - found.data);
			count++;
		}
		headers.length -= (size_t)(end + 2 - headers.data);
		headers.data = end + 2;
	}
	return count == 1 ? found : (struct text){ NULL, 0 };
}

/* The body as an object; NULL when it is none.  The caller puts it. */
static struct json_object *
body(void)
{
	struct json_error error;
	struct json_object *object = json_read(buf_view(&x.response.body), 0, &error);

	return json_object_is_type(object, json_type_object) ? object : NULL;
}

static struct text
member(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) || value == NULL)
		return (struct text){ NULL, 0 };
	return text_of(json_object_get_string(value));
}

/* "token expire expiresAt", as the body orders them. */
static void
name_members(struct json_object *object, struct buf *out)
{
	json_object_object_foreach(object, name, value) {
		(void)value;
		buf_printf(out, "%s%s", out->length == 0 ? "" : " ", name);
	}
}

/* "RTC(channel,user){1:3600} RTM(user){1:3600}/3600", or why it is not valid. */
static void
describe_token(struct text token, struct buf *out)
{
	struct arena arena = { 0 };
	const struct expectation expected = {
		.app_id = TEXT(APP_ID), .certificate = TEXT(CERTIFICATE), .now = unix_seconds()
	};
	struct inspection seen;

	inspect_token(codec, token, &expected, &arena, &seen);
	if (!seen.valid)
		buf_printf(out, "not valid: %.*s",
		    seen.problems.count == 0
			? 0
			: (int)((struct problem *)seen.problems.items)[0].code.length,
		    seen.problems.count == 0
			? ""
			: ((struct problem *)seen.problems.items)[0].code.data);
	for (size_t i = 0; seen.valid && i < seen.services.count; i++) {
		const struct inspected_service *s =
		    (struct inspected_service *)seen.services.items + i;
		const struct text user = s->uid.data != NULL ? s->uid : s->user_id;

		buf_printf(out, "%s%.*s(%.*s%s%.*s){", i == 0 ? "" : " ", (int)s->name.length,
		    s->name.data, (int)s->channel.length, s->channel.data,
		    s->channel.data == NULL ? "" : ",", (int)user.length, user.data);
		for (size_t p = 0; p < s->privileges.count; p++) {
			const struct inspected_privilege *privilege =
			    (struct inspected_privilege *)s->privileges.items + p;

			buf_printf(out, "%s%d:%d", p == 0 ? "" : " ", (int)privilege->id,
			    (int)privilege->expire);
		}
		buf_text(out, "}");
	}
	if (seen.valid)
		buf_printf(out, "/%d", (int)seen.expire);
	arena_free(&arena);
}

/* Whether the response is 200 and this member of it a valid token that says this. */
static bool
has_token(const char *name, const char *expected)
{
	struct json_object *object = body();
	struct buf description = { 0 };
	bool same;

	if (x.response.status != 200 || object == NULL || member(object, name).data == NULL) {
		fprintf(stderr, "%d %.*s\n", x.response.status, (int)x.response.body.length,
		    x.response.body.data);
		json_object_put(object);
		return false;
	}
	describe_token(member(object, name), &description);
	same = same_text(buf_view(&description), expected);
	buf_free(&description);
	json_object_put(object);
	return same;
}

/* Whether the response is this error, in the one shape of errors. */
static bool
is_error(int status, const char *code, const char *field, const char *sentence)
{
	struct json_object *object = body();
	struct buf names = { 0 };
	char status_text[16];
	bool same = object != NULL;

	snprintf(status_text, sizeof(status_text), "%d", status);
	if (same) {
		name_members(object, &names);
		same = same_text(buf_view(&names),
			   field == NULL ? "error code status requestId"
					 : "error code field status requestId") &&
		    same_text(member(object, "code"), code) &&
		    same_text(member(object, "status"), status_text) &&
		    (sentence == NULL || same_text(member(object, "error"), sentence)) &&
		    (field == NULL || same_text(member(object, "field"), field)) &&
		    member(object, "requestId").length == header("X-Request-ID").length &&
		    x.response.status == status;
	}
	if (!same)
		fprintf(stderr, "%d %.*s\n", x.response.status, (int)x.response.body.length,
		    x.response.body.data);
	buf_free(&names);
	json_object_put(object);
	return same;
}

/* Routes */

#define RTC_BODY "{\"tokenType\":\"rtc\",\"channel\":\"ch\",\"uid\":\"7\"}"

/* Every route; the paths without their trailing slash. */
static const struct {
	const char *method, *path, *body;
	const char *members; /* of the answer */
} every_route[] = {
	{ "GET", "/ping", "", "message" },
	{ "GET", "/livez", "", "status" },
	{ "GET", "/readyz", "", "status mode" },
	{ "GET", "/openapi.json", "", "openapi info servers security tags paths components" },
	{ "POST", "/getToken", RTC_BODY, "token expire expiresAt" },
	{ "POST", "/token/getNew", RTC_BODY, "token expire expiresAt" },
	{ "POST", "/fetchToken", RTC_BODY, "token expire expiresAt" },
	{ "POST", "/fetch_rtc_token", RTC_BODY, "token expire expiresAt" },
	{ "POST", "/fetch_rtm_token", "{\"uid\":\"u\"}", "token expire expiresAt" },
	{ "POST", "/token/inspect", "{\"token\":\"x\"}", "signatureValid compared valid problems" },
	{ "GET", "/rtc/ch/publisher/uid/7", "", "rtcToken" },
	{ "GET", "/rtm/u", "", "rtmToken" },
	{ "GET", "/rte/ch/publisher/uid/7", "", "rtcToken rtmToken" },
	{ "GET", "/rte/ch/publisher/uid/7/u", "", "rtcToken rtmToken" },
	{ "GET", "/chat/app", "", "chatToken" },
	{ "GET", "/chat/account/u", "", "chatToken" },
};

static void
answers_every_route(void)
{
	size_t inline_count = 0;
	static const char *const ends[] = { "", "/", "?", "/?", "?expiry=60", "/?expiry=" };

	open_app(NULL, routes, route_count);
	/* Those that ask Agora have tests of their own. */
	for (size_t i = 0; i < route_count; i++)
		inline_count += routes[i].wait == ROUTE_INLINE;
	/*
	 * Two rows answer about the policy, one with text, one not unless CONSOLE is set, and
	 * /access_token has its inputs in the query.
	 */
	CHECK(COUNT(every_route) + 5 == inline_count, "the table has every row");
	for (size_t i = 0; i < COUNT(every_route); i++)
		for (size_t e = 0; e < COUNT(ends); e++) {
			struct buf names = { 0 };
			struct json_object *object;
			char uri[128];

			snprintf(uri, sizeof(uri), "%s%s", every_route[i].path, ends[e]);
			CHECK(serve(every_route[i].method, uri, NULL, text_of(every_route[i].body),
				  BODY_WHOLE) == ANSWERED,
			    uri);
			CHECK(x.response.status == 200, uri);
			object = body();
			CHECK(object != NULL, uri);
			if (object != NULL)
				name_members(object, &names);
			CHECK(same_text(buf_view(&names), every_route[i].members), uri);
			buf_free(&names);
			json_object_put(object);
		}
	get("/ping");
	CHECK(same_text(buf_view(&x.response.body), "{\"message\":\"pong\"}"), "ping");
	close_app();
}

static void
answers_head_like_get(void)
{
	open_app(NULL, routes, route_count);
	for (size_t i = 0; i < COUNT(every_route); i++) {
		size_t length;

		serve(every_route[i].method, every_route[i].path, NULL,
		    text_of(every_route[i].body), BODY_WHOLE);
		length = x.response.body.length;
		serve("HEAD", every_route[i].path, NULL, TEXT(""), BODY_WHOLE);
		if (strcmp(every_route[i].method, "GET") == 0) {
			CHECK(x.response.status == 200, every_route[i].path);
			/* Tokens differ by what their salts compress to. */
			CHECK(x.response.body.length + 32 > length &&
				x.response.body.length < length + 32,
			    every_route[i].path);
		} else {
			CHECK(is_error(405, "method_not_allowed", NULL, NULL), every_route[i].path);
		}
	}
	close_app();
}

static void
answers_options_everywhere(void)
{
	static const char *const others[] = { "/", "/nothing", "/%zz", "/../x", "*", "/getToken/" };

	open_app(NULL, routes, route_count);
	for (size_t i = 0; i < COUNT(every_route) + COUNT(others); i++) {
		const char *uri =
		    i < COUNT(every_route) ? every_route[i].path : others[i - COUNT(every_route)];

		serve("OPTIONS", uri, NULL, TEXT(""), BODY_WHOLE);
		CHECK(x.response.status == 204 && x.response.body.length == 0, uri);
		CHECK(header("Access-Control-Allow-Methods").data != NULL, uri);
		CHECK(header("Access-Control-Max-Age").data != NULL, uri);
	}
	close_app();
}

static void
refuses_other_paths_and_methods(void)
{
	static const struct {
		const char *method, *uri;
		const char *allow; /* NULL: 404 */
	} cases[] = {
		{ "GET", "/", NULL },
		{ "GET", "", NULL },
		{ "GET", "/nothing", NULL },
		{ "GET", "/Ping", NULL },
		{ "POST", "//ping", "GET, HEAD, OPTIONS" },
		{ "GET", "/ping//", NULL },
		{ "GET", "/ping/x", NULL },
		{ "GET", "/getToken/x", NULL },
		{ "POST", "/token", NULL },
		{ "POST", "/token/getnew", NULL },
		{ "GET", "/rtc", NULL },
		{ "GET", "/rtc/ch/publisher/uid", NULL },
		{ "GET", "/rtc/ch/publisher/uid/", NULL },
		{ "GET", "/rtc/ch/publisher/uid/7/x", NULL },
		{ "GET", "/rtm", NULL },
		{ "GET", "/rtm/", NULL },
		{ "GET", "/rtm/u/x", NULL },
		{ "GET", "/rte/ch/publisher/uid/7/u/x", NULL },
		{ "GET", "/chat", NULL },
		{ "GET", "/chat/account", NULL },
		{ "GET", "/chat/app/x", NULL },
		{ "GET", "/rtm%2Fu", NULL },
		{ "POST", "/ping", "GET, HEAD, OPTIONS" },
		{ "DELETE", "/ping/", "GET, HEAD, OPTIONS" },
		{ "get", "/ping", "GET, HEAD, OPTIONS" },
		{ "BREW", "/ping", "GET, HEAD, OPTIONS" },
		{ "GET", "/getToken", "POST, OPTIONS" },
		{ "PUT", "/getToken/", "POST, OPTIONS" },
		{ "GET", "/token/getNew", "POST, OPTIONS" },
		{ "GET", "/fetchToken", "POST, OPTIONS" },
		{ "POST", "/rtc/ch/publisher/uid/7", "GET, HEAD, OPTIONS" },
		{ "POST", "/rtm/u", "GET, HEAD, OPTIONS" },
		{ "POST", "/rte/ch/publisher/uid/7", "GET, HEAD, OPTIONS" },
		{ "POST", "/rte/ch/publisher/uid/7/u", "GET, HEAD, OPTIONS" },
		{ "POST", "/chat/app", "GET, HEAD, OPTIONS" },
		{ "POST", "/chat/account/u", "GET, HEAD, OPTIONS" },
	};

	open_app(NULL, routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++) {
		serve(cases[i].method, cases[i].uri, NULL, TEXT(RTC_BODY), BODY_WHOLE);
		if (cases[i].allow == NULL) {
			CHECK(is_error(404, "not_found", NULL, "there is no such endpoint"),
			    cases[i].uri);
			CHECK(header("Allow").data == NULL, cases[i].uri);
		} else {
			CHECK(is_error(405, "method_not_allowed", NULL, NULL), cases[i].uri);
			CHECK(same_text(header("Allow"), cases[i].allow), cases[i].uri);
		}
	}
	close_app();
}

/* The request forms that real clients send: reference/agora-rest.md E.1 and E.2. */
static void
answers_real_clients(void)
{
#define SUBSCRIBER(uid) "RTC(ch," uid "){1:3600}/3600"
#define PUBLISHER(uid) "RTC(ch," uid "){1:3600 2:3600 3:3600 4:3600}/3600"
	static const struct {
		const char *client, *method, *uri, *body;
		const char *member, *token;
	} cases[] = {
		{ "UIKit Flutter, React Native", "GET", "/rtc/ch/publisher/uid/7", "", "rtcToken",
		    PUBLISHER("7") },
		{ "UIKit iOS, Android", "GET", "/rtc/ch/publisher/uid/7/", "", "rtcToken",
		    PUBLISHER("7") },
		{ "UIKit Web", "GET", "/rtc/ch/publisher/uid/0/", "", "rtcToken", PUBLISHER("") },
		{ "UIKit RTM", "GET", "/rtm/user", "", "rtmToken", "RTM(user){1:3600}/3600" },
		{ "UIKit Web RTM", "GET", "/rtm/user/", "", "rtmToken", "RTM(user){1:3600}/3600" },
		{ "samples, publisher", "GET", "/rtc/ch/1/uid/7/?expiry=45", "", "rtcToken",
		    "RTC(ch,7){1:45 2:45 3:45 4:45}/45" },
		{ "samples, subscriber", "GET", "/rtc/ch/2/uid/7/?expiry=45", "", "rtcToken",
		    "RTC(ch,7){1:45}/45" },
		{ "Flutter sample", "GET", "/rtc/ch/1/uid/7?expiry=45", "", "rtcToken",
		    "RTC(ch,7){1:45 2:45 3:45 4:45}/45" },
		{ "React sample", "GET", "/rtc/ch/publisher/uid/7/?expiry=45", "", "rtcToken",
		    "RTC(ch,7){1:45 2:45 3:45 4:45}/45" },
		{ "an empty expiry", "GET", "/rtc/ch/publisher/uid/7/?expiry=", "", "rtcToken",
		    PUBLISHER("7") },
		{ "Signaling", "GET", "/rtm/user/?expiry=45", "", "rtmToken",
		    "RTM(user){1:45}/45" },
		{ "iOS samples, rtc", "POST", "/getToken",
		    "{\"tokenType\":\"rtc\",\"uid\":\"7\",\"role\":\"publisher\",\"channel\":"
		    "\"ch\"}",
		    "token", PUBLISHER("7") },
		{ "iOS samples, rtm", "POST", "/getToken",
		    "{\"tokenType\":\"rtm\",\"uid\":\"user\",\"channel\":\"\"}", "token",
		    "RTM(user){1:3600}/3600" },
		{ "docs", "POST", "/fetchToken",
		    "{\"tokenType\":\"rtc\",\"uid\":\"7\",\"role\":\"subscriber\",\"channel\":"
		    "\"ch\"}",
		    "token", SUBSCRIBER("7") },
		{ "middleware", "POST", "/token/getNew",
		    "{\"tokenType\":\"rtm\",\"uid\":\"user\",\"channel\":\"ch\",\"expire\":45}",
		    "token", "RTC(ch,user){1:45 4:45} RTM(user){1:45}/45" },
		{ "the peer's own test", "GET", "/rtc/ch/publisher/uid//", "", "rtcToken",
		    PUBLISHER("") },
	};

	open_app(NULL, routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++) {
		serve(cases[i].method, cases[i].uri,
		    "HTTP_X_REQUESTED_WITH=XMLHttpRequest\nHTTP_AUTHORIZATION=Bearer x\n"
		    "CONTENT_TYPE=application/x-www-form-urlencoded",
		    text_of(cases[i].body), BODY_WHOLE);
		CHECK(has_token(cases[i].member, cases[i].token), cases[i].client);
	}
	get("/rtm/0/");
	CHECK(is_error(400, "invalid_field", "rtmuid",
		  "rtmuid: must not be \"0\": a token for an RTM user names its user"),
	    "/rtm/0/");
	close_app();
}

/* What the paths mean, in tokens. */
static void
issues_for_paths(void)
{
#define A_64 "0123456789012345678901234567890123456789012345678901234567890123"
	static const struct {
		const char *uri, *member, *token;
	} cases[] = {
		{ "/rtc/ch/subscriber/uid/7", "rtcToken", SUBSCRIBER("7") },
		{ "/rtc/ch/subscriber/uid/007", "rtcToken", SUBSCRIBER("7") },
		{ "/rtc/ch/subscriber/uid/000", "rtcToken", SUBSCRIBER("") },
		{ "/rtc/ch/subscriber/uid/4294967295", "rtcToken", SUBSCRIBER("4294967295") },
		{ "/rtc/ch/subscriber/userAccount/007", "rtcToken", SUBSCRIBER("007") },
		{ "/rtc/ch/subscriber/userAccount/0", "rtcToken", SUBSCRIBER("0") },
		{ "/rtc/ch/subscriber/uid/0", "rtcToken", SUBSCRIBER("") },
		{ "/rtc/ch/subscriber/uid/00", "rtcToken", SUBSCRIBER("") },
		{ "/rtc/ch/host/uid/7", "rtcToken", PUBLISHER("7") },
		{ "/rtc/ch/BroadCaster/uid/7", "rtcToken", PUBLISHER("7") },
		{ "/rtc/ch/PUBLISHER/uid/7", "rtcToken", PUBLISHER("7") },
		{ "/rtc/ch/audience/uid/7", "rtcToken", SUBSCRIBER("7") },
		{ "/rtc/ch//uid/7", "rtcToken", SUBSCRIBER("7") },
		{ "/rtc/ch/subscriber/userAccount/*", "rtcToken", SUBSCRIBER("*") },
		{ "/rtc/ch/subscriber/userAccount//", "rtcToken", SUBSCRIBER("") },
		{ "/rtc/ch/subscriber/userAccount/4294967296", "rtcToken",
		    SUBSCRIBER("4294967296") },
		{ "/rtc/ch/subscriber/userAccount/a%20b", "rtcToken", SUBSCRIBER("a b") },
		{ "/rtc/ch/subscriber/userAccount/a+b", "rtcToken", SUBSCRIBER("a+b") },
		{ "/rtc/ch/subscriber/userAccount/%2541", "rtcToken", SUBSCRIBER("%41") },
		{ "/rtc/%2A/subscriber/uid/7", "rtcToken", "RTC(*,7){1:3600}/3600" },
		{ "/rtc/a%3Fb%23c/subscriber/uid/7", "rtcToken", "RTC(a?b#c,7){1:3600}/3600" },
		{ "/rtc/ch/subscriber/uid/7?expiry=0", "rtcToken", SUBSCRIBER("7") },
		{ "/rtc/ch/subscriber/uid/7?expiry=1", "rtcToken", "RTC(ch,7){1:1}/1" },
		{ "/rtc/ch/subscriber/uid/7?expiry=86400", "rtcToken", "RTC(ch,7){1:86400}/86400" },
		{ "/rtc/ch/subscriber/uid/7?expiry=86401", "rtcToken", "RTC(ch,7){1:86400}/86400" },

		/* query: decoded, of equal names the first, unknown ones ignored */
		{ "/rtm/u?expiry=%36%30", "rtmToken", "RTM(u){1:60}/60" },
		{ "/rtm/u?expiry=60&expiry=70", "rtmToken", "RTM(u){1:60}/60" },
		{ "/rtm/u?a=b&&expiry=60&%zz", "rtmToken", "RTM(u){1:60}/60" },
		{ "/rtm/u?other=x", "rtmToken", "RTM(u){1:3600}/3600" },
		/* what the path says, no query can change */
		{ "/rtm/u?rtmuid=v", "rtmToken", "RTM(u){1:3600}/3600" },
		{ "/rtm/u?RTMUID=v", "rtmToken", "RTM(u){1:3600}/3600" },
		{ "/rtc/ch/subscriber/uid/7?role=publisher&tokenType=userAccount", "rtcToken",
		    SUBSCRIBER("7") },
		{ "/rtc/ch/subscriber/uid//?rtcuid=7&RTCUID=7", "rtcToken", SUBSCRIBER("") },

		{ "/rte/ch/publisher/uid/7", "rtcToken", PUBLISHER("7") },
		{ "/rte/ch/publisher/uid/7", "rtmToken",
		    "RTC(ch,7){1:3600 4:3600} RTM(7){1:3600}/3600" },
		{ "/rte/ch/publisher/uid/007", "rtcToken", PUBLISHER("7") },
		{ "/rte/ch/publisher/uid/007", "rtmToken",
		    "RTC(ch,007){1:3600 4:3600} RTM(007){1:3600}/3600" },
		{ "/rte/ch/publisher/uid/00", "rtmToken",
		    "RTC(ch,00){1:3600 4:3600} RTM(00){1:3600}/3600" },
		{ "/rte/ch/publisher/uid/007/u", "rtmToken",
		    "RTC(ch,u){1:3600 4:3600} RTM(u){1:3600}/3600" },
		{ "/rte/ch/publisher/userAccount/007", "rtmToken",
		    "RTC(ch,007){1:3600 4:3600} RTM(007){1:3600}/3600" },
		{ "/rte/ch/publisher/userAccount/" A_64, "rtmToken",
		    "RTC(ch," A_64 "){1:3600 4:3600} RTM(" A_64 "){1:3600}/3600" },
		{ "/rte/ch/publisher/uid/0/u?expiry=60", "rtcToken",
		    "RTC(ch,){1:60 2:60 3:60 4:60}/60" },
		{ "/rte/ch/publisher/uid/0/u?expiry=60", "rtmToken",
		    "RTC(ch,u){1:60 4:60} RTM(u){1:60}/60" },
		{ "/rte/ch/publisher/uid//u", "rtmToken",
		    "RTC(ch,u){1:3600 4:3600} RTM(u){1:3600}/3600" },
		{ "/rte/ch/publisher/userAccount/*/u", "rtcToken", PUBLISHER("*") },
		{ "/rte/ch/publisher/uid/7/u?rtmuid=v", "rtmToken",
		    "RTC(ch,u){1:3600 4:3600} RTM(u){1:3600}/3600" },

		{ "/chat/app", "chatToken", "Chat(){2:3600}/3600" },
		{ "/chat/account/u?expiry=60", "chatToken", "Chat(u){1:60}/60" },
	};

	open_app(NULL, routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++) {
		get(cases[i].uri);
		CHECK(has_token(cases[i].member, cases[i].token), cases[i].uri);
	}
	close_app();
}

#define BYTE_RULE(n, byte, kind) "byte " #n " is " byte ", which Agora does not allow in " kind
#define RTC_NAME "a channel or account name"
#define UID_RULE "must be a whole number, 0 to 4294967295"
#define PATH_UID_RULE UID_RULE "; for a string use userAccount in place of uid"
#define ROLE_RULE "must be publisher, subscriber, 1, 2, host, broadcaster or audience"
#define SECONDS_RULE "must be a whole number of seconds, 0 to 4294967295"
#define ZERO_RULE "must not be \"0\": a token for an RTM user names its user"

static void
refuses_paths(void)
{
	static const struct {
		const char *uri, *code, *field, *rule;
	} cases[] = {
		/* an escape is decoded once, in its segment, and then checked */
		{ "/rtc/a%2Fb/publisher/uid/7", "invalid_field", "channelName",
		    BYTE_RULE(2, "'/' (0x2f)", RTC_NAME) },
		{ "/rtc/%00/publisher/uid/7", "invalid_path", NULL,
		    "the path must not have %00 (NUL)" },
		{ "/rtc/ch%00/publisher/uid/7", "invalid_path", NULL,
		    "the path must not have %00 (NUL)" },
		{ "/rtc/%C3%A9/publisher/uid/7", "invalid_field", "channelName",
		    BYTE_RULE(1, "0xc3", RTC_NAME) },
		{ "/rtc/a%0D%0Ab/publisher/uid/7", "invalid_field", "channelName",
		    BYTE_RULE(2, "0x0d", RTC_NAME) },
		{ "/rtc/a%22/publisher/uid/7", "invalid_field", "channelName",
		    BYTE_RULE(2, "'\"' (0x22)", RTC_NAME) },
		{ "/rtc/" A_64 "x/publisher/uid/7", "invalid_field", "channelName",
		    "must be at most 64 bytes long and has 65" },
		{ "/rtc//publisher/uid/7", "missing_field", "channelName", "is required" },
		{ "/rtc/ch/hosts/uid/7", "invalid_field", "role", ROLE_RULE },
		{ "/rtc/ch/0/uid/7", "invalid_field", "role", ROLE_RULE },
		{ "/rtc/ch/publisher/xx/7", "invalid_field", "tokenType",
		    "must be uid or userAccount" },
		{ "/rtc/ch/publisher//7", "missing_field", "tokenType", "is required" },
		{ "/rtc/ch/publisher/uid/abc", "invalid_field", "rtcuid", PATH_UID_RULE },
		{ "/rtc/ch/publisher/uid/4294967296", "invalid_field", "rtcuid", PATH_UID_RULE },
		{ "/rtc/ch/publisher/uid/18446744073709551616", "invalid_field", "rtcuid",
		    PATH_UID_RULE },
		{ "/rtc/ch/publisher/uid/-1", "invalid_field", "rtcuid",
		    UID_RULE
		    ": this negative number is 4294967295 as an unsigned one, so send that" },
		{ "/rte/ch/publisher/uid/-1294967296", "invalid_field", "rtcuid",
		    UID_RULE
		    ": this negative number is 3000000000 as an unsigned one, so send that" },
		{ "/rtc/ch/publisher/uid/*", "invalid_field", "rtcuid", PATH_UID_RULE },
		{ "/rtc/ch/publisher/uid/7%00", "invalid_path", NULL,
		    "the path must not have %00 (NUL)" },
		{ "/rtc/ch/publisher/userAccount/a%2Fb", "invalid_field", "rtcuid",
		    BYTE_RULE(2, "'/' (0x2f)", RTC_NAME) },
		{ "/rtc/ch/publisher/uid/7?expiry=x", "invalid_field", "expiry", SECONDS_RULE },
		{ "/rtc/ch/publisher/uid/7?expiry=-1", "invalid_field", "expiry", SECONDS_RULE },
		{ "/rtc/ch/publisher/uid/7?expiry=1.5", "invalid_field", "expiry", SECONDS_RULE },
		{ "/rtc/ch/publisher/uid/7?expiry=+1", "invalid_field", "expiry", SECONDS_RULE },
		{ "/rtc/ch/publisher/uid/7?expiry=1%00", "invalid_field", "expiry",
		    "must not have %00 (NUL)" },
		{ "/rtc/ch/publisher/uid/7?expiry=4294967296", "invalid_field", "expiry",
		    SECONDS_RULE },

		{ "/rtm//", "missing_field", "rtmuid", "is required" },
		{ "/rtm/0", "invalid_field", "rtmuid", ZERO_RULE },
		{ "/rtm/%30", "invalid_field", "rtmuid", ZERO_RULE },
		{ "/rtm/a%2Fb", "invalid_field", "rtmuid",
		    BYTE_RULE(2, "'/' (0x2f)", "an RTM user") },
		{ "/rtm/*", "invalid_field", "rtmuid", BYTE_RULE(1, "'*' (0x2a)", "an RTM user") },
		{ "/rtm/" A_64 "x", "invalid_field", "rtmuid",
		    "must be at most 64 bytes long and has 65" },
		{ "/rtm/u?expiry=x", "invalid_field", "expiry", SECONDS_RULE },

		{ "/rte/ch/publisher/uid/0", "missing_field", "rtmuid",
		    "is required when rtcuid names no user" },
		{ "/rte/ch/publisher/uid//", "missing_field", "rtmuid",
		    "is required when rtcuid names no user" },
		{ "/rte/ch/publisher/userAccount//", "missing_field", "rtmuid",
		    "is required when rtcuid names no user" },
		{ "/rte/ch/publisher/userAccount/*", "missing_field", "rtmuid",
		    "is required when rtcuid cannot be an RTM user id" },
		{ "/rte/ch/publisher/userAccount/0", "missing_field", "rtmuid", NULL },
		{ "/rte/ch/publisher/userAccount/" A_64 "x", "missing_field", "rtmuid",
		    "is required when rtcuid cannot be an RTM user id" },
		{ "/rte/ch/publisher/uid/7/0", "invalid_field", "rtmuid", ZERO_RULE },
		{ "/rte/ch/publisher/uid/7//", "missing_field", "rtmuid", "is required" },
		{ "/rte/a%2Fb/publisher/uid/7", "invalid_field", "channelName",
		    BYTE_RULE(2, "'/' (0x2f)", RTC_NAME) },

		{ "/chat/account//", "missing_field", "chatid", "is required" },
		{ "/chat/account/0", "invalid_field", "chatid",
		    "must not be \"0\": a token for a Chat user (a to z, 0 to 9, _ - .) names its "
		    "user" },
		{ "/chat/account/User", "invalid_field", "chatid",
		    BYTE_RULE(1, "'U' (0x55)", "a Chat user (a to z, 0 to 9, _ - .)") },
		{ "/chat/app?expiry=x", "invalid_field", "expiry", SECONDS_RULE },

		/* what is no path at all */
		{ "/%", "invalid_path", NULL,
		    "the path has a % that is not followed by two hexadecimal digits" },
		{ "/rtm/%zz", "invalid_path", NULL,
		    "the path has a % that is not followed by two hexadecimal digits" },
		{ "/rtm/%2", "invalid_path", NULL,
		    "the path has a % that is not followed by two hexadecimal digits" },
		{ "/a/../ping", "invalid_path", NULL,
		    "the path must not have the segments . and .." },
		{ "/%2e%2E/ping", "invalid_path", NULL,
		    "the path must not have the segments . and .." },
		{ "/./ping", "invalid_path", NULL, "the path must not have the segments . and .." },
		{ "/1/2/3/4/5/6/7/8/9/a/b/c/d", "invalid_path", NULL,
		    "the path has too many segments" },
		{ "ping", "invalid_path", NULL, "the path must begin with /" },
	};

	open_app(NULL, routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf sentence = { 0 };

		get(cases[i].uri);
		if (cases[i].rule != NULL)
			buf_printf(&sentence, "%s%s%s",
			    cases[i].field == NULL ? "" : cases[i].field,
			    cases[i].field == NULL ? "" : ": ", cases[i].rule);
		buf_add(&sentence, "", 1);
		CHECK(is_error(400, cases[i].code, cases[i].field,
			  cases[i].rule == NULL ? NULL : sentence.data),
		    cases[i].uri);
		buf_free(&sentence);
	}
	close_app();
}

/* Bodies */

#define SEND "; send a JSON object, in UTF-8, with Content-Type: application/json"

static void
refuses_bodies(void)
{
#define IN_BODY "{\"tokenType\":\"rtc\",\"channel\":\"ch\","
	static const struct {
		struct text body;
		const char *error;
		int status; /* 0: 400 */
	} cases[] = {
		{ TEXT(""), "the body is empty; a JSON object is expected" },
		{ TEXT(" \r\n\t"), "the body is empty; a JSON object is expected" },
		{ TEXT("{"), "the body ends in the middle of the JSON, at byte 2" },
		{ TEXT("{\"tokenType\":\"rt"),
		    "the body ends in the middle of the JSON, at byte 17" },
		{ TEXT(RTC_BODY "x"), "the body has something after the JSON value, at byte 45" },
		{ TEXT(RTC_BODY RTC_BODY),
		    "the body has something after the JSON value, at byte 45" },
		{ TEXT(RTC_BODY "\0"), "the body has something after the JSON value, at byte 45" },
		{ TEXT("[]"), "the body must be one JSON object" },
		{ TEXT("[" RTC_BODY "]"), "the body must be one JSON object" },
		{ TEXT("null"), "the body must be one JSON object" },
		{ TEXT("\"x\""), "the body must be one JSON object" },
		{ TEXT("7"), "the body must be one JSON object" },
		{ TEXT("true"), "the body must be one JSON object" },
		{ TEXT("\"{}\""),
		    "the body is a JSON string; a JSON object is expected (was it "
		    "encoded twice?)" },
		{ TEXT("tokenType=rtc&channel=ch&uid=7"),
		    "the body is a form (application/x-www-form-urlencoded)" SEND, 415 },
		{ TEXT("--x\r\nContent-Disposition: form-data; name=\"uid\"\r\n\r\n7\r\n--x--\r\n"),
		    "the body is a multipart form" SEND, 415 },
		{ TEXT("\x1f\x8b\x08\0\0"),
		    "the body is compressed with gzip" SEND ", not compressed", 415 },
		{ TEXT("\xff\xfe{\0}\0"),
		    "the body is text in UTF-16, as PowerShell's > writes it" SEND, 415 },
		{ TEXT("{\0}\0"), "the body is text in UTF-16, as PowerShell's > writes it" SEND,
		    415 },
		{ TEXT("\0{\0}"), "the body is text in UTF-16, as PowerShell's > writes it" SEND,
		    415 },
		{ TEXT("\xff\xfe\0\0{\0\0\0}\0\0\0"), "the body is text in UTF-32" SEND, 415 },
		{ TEXT("{\0\0\0}\0\0\0"), "the body is text in UTF-32" SEND, 415 },
		{ TEXT("<xml/>"), "the body is XML or HTML" SEND, 415 },
		{ TEXT("\x82\xa9token"), "the body is not text" SEND, 415 },
		{ TEXT("[object Object]"),
		    "the body is the text [object Object]: make JSON of the "
		    "object first, as JSON.stringify does" },
		{ TEXT("{tokenType:rtc}"),
		    "the body has a name without double quotes, which JSON "
		    "wants; some shells take them away" },
		{ TEXT("{'tokenType':'rtc'}"),
		    "the body has single quotes; JSON has double quotes "
		    "around names and texts" },
		{ TEXT("\xef\xbb\xbf{\"uid\":7,}"), "the body is not JSON, at byte 13" },
		{ TEXT("{\"uid\":7,}"), "the body is not JSON, at byte 10" },
		{ TEXT(IN_BODY "\"uid\":\"a\\u0000b\"}"),
		    "the body has a NUL character in a string or a name, at byte 43" },
		{ TEXT(IN_BODY "\"uid\":\"a\0b\"}"),
		    "the body has a NUL character in a string or a name, at byte 43" },
		{ TEXT(IN_BODY "\"uid\\u0000x\":\"a\"}"),
		    "the body has a NUL character in a string or a name, at byte 39" },
		{ TEXT(IN_BODY "\"uid\":\"\xff\"}"), "the body is not UTF-8, at byte 42" },
		{ TEXT(IN_BODY "\"uid\":\"\xc0\x80\"}"), "the body is not UTF-8, at byte 42" },
		{ TEXT(IN_BODY "\"uid\":\"\\ud800\"}"), "the body is not UTF-8, at byte 42" },
		{ TEXT("{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}"), "tokenType: is required" },
		{ TEXT("{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"),
		    "the body is nested too deeply, at byte 21" },
		{ TEXT("\xef\xbb\xbf{}"), "tokenType: is required" },
	};
	static const char *const uris[] = { "/getToken", "/token/getNew/", "/fetchToken" };

	open_app(NULL, routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t u = 0; u < COUNT(uris); u++) {
			bool a_field = strncmp(cases[i].error, "tokenType", 9) == 0;
			struct text sent = { guarded(cases[i].body.data, cases[i].body.length),
				cases[i].body.length };

			post(uris[u], sent);
			CHECK(is_error(cases[i].status == 0 ? 400 : cases[i].status,
				  a_field                      ? "missing_field"
				      : cases[i].status == 415 ? "unsupported_body"
							       : "invalid_body",
				  a_field ? "tokenType" : NULL, cases[i].error),
			    cases[i].error);
		}
	close_app();
}

static void
reads_bodies(void)
{
	static const struct {
		const char *body, *token;
	} cases[] = {
		{ RTC_BODY, SUBSCRIBER("7") },
		{ " \r\n" RTC_BODY "\r\n", SUBSCRIBER("7") },
		{ "{\"TOKENTYPE\":\"rtc\",\"CHANNEL\":\"ch\",\"Uid\":7,\"rOLE\":1}",
		    PUBLISHER("7") },
		{ IN_BODY "\"uid\":8,\"unknown\":{\"a\":[1,null]},\"uid\":7}", SUBSCRIBER("7") },
		{ IN_BODY "\"uid\":7,\"UID\":8}", SUBSCRIBER("7") },
		{ IN_BODY "\"uid\":\"\\u0037\"}", SUBSCRIBER("7") },
		{ IN_BODY "\"uid\":\"007\"}", SUBSCRIBER("007") },
		{ IN_BODY "\"uid\":0}", SUBSCRIBER("") },
		{ IN_BODY "\"uid\":7,\"expire\":100000}", "RTC(ch,7){1:86400}/86400" },
	};

	open_app(NULL, routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++) {
		/* the query does not count where there is a body */
		post("/getToken?uid=9&expire=5&role=publisher", text_of(cases[i].body));
		CHECK(has_token("token", cases[i].token), cases[i].body);
	}
	post("/getToken?tokenType=rtc&channel=ch&uid=7", TEXT(""));
	CHECK(is_error(400, "invalid_body", NULL, NULL), "nor where it ought to be");
	close_app();
}

static void
names_the_field(void)
{
	static const struct {
		const char *body, *code, *field, *error;
	} cases[] = {
		{ "{}", "missing_field", "tokenType", "tokenType: is required" },
		{ IN_BODY "\"uid\":7,\"expire\":-1}", "invalid_field", "expire",
		    "expire: " SECONDS_RULE },
		{ IN_BODY "\"uid\":7,\"privileges\":{}}", "missing_field", "privileges.join",
		    "privileges.join: is required" },
		{ "{\"tokenType\":\"rtm2\",\"uid\":\"u\",\"permissions\":[null]}", "invalid_field",
		    "permissions[0]", "permissions[0]: must be an object" },
		{ "{\"tokenType\":\"apaas\",\"room\":\"r\"}", "missing_field", "uid",
		    "uid: is required with a room" },
		{ "{\"tokenType\":\"stt\",\"channel\":\"ch\",\"uid\":0}", "missing_field", "rtmUid",
		    "rtmUid: is required where uid cannot be an RTM user id" },
	};

	open_app(NULL, routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++) {
		post("/getToken", text_of(cases[i].body));
		CHECK(is_error(400, cases[i].code, cases[i].field, cases[i].error), cases[i].body);
	}
	close_app();
}

static void
tells_what_is_not_whole(void)
{
	static const struct {
		const char *method, *uri, *length; /* CONTENT_LENGTH */
		enum body_problem problem;
		int status; /* 200, 400 cut, 413, 404 */
	} cases[] = {
		{ "POST", "/getToken", "44", BODY_WHOLE, 200 },
		{ "POST", "/getToken", "044", BODY_WHOLE, 200 },
		{ "POST", "/getToken", "", BODY_WHOLE, 200 },
		{ "POST", "/getToken", NULL, BODY_WHOLE, 200 },
		{ "POST", "/getToken", "45", BODY_WHOLE, 400 },
		{ "POST", "/getToken", "43", BODY_WHOLE, 400 },
		{ "POST", "/getToken", "0", BODY_WHOLE, 400 },
		{ "POST", "/getToken", "-44", BODY_WHOLE, 400 },
		{ "POST", "/getToken", "44x", BODY_WHOLE, 400 },
		{ "POST", "/getToken", "99999999999999999999", BODY_WHOLE, 400 },
		{ "POST", "/getToken", "44", BODY_CUT, 400 },
		{ "POST", "/getToken", NULL, BODY_CUT, 400 },
		{ "POST", "/getToken", "44", BODY_TOO_LARGE, 413 },
		{ "POST", "/getToken", "100000", BODY_TOO_LARGE, 413 },
		{ "GET", "/ping", "44", BODY_WHOLE, 200 },
		{ "GET", "/ping", "45", BODY_WHOLE, 400 },
		{ "GET", "/rtm/u", NULL, BODY_TOO_LARGE, 413 },
		{ "POST", "/nothing", NULL, BODY_TOO_LARGE, 404 },
		{ "POST", "/nothing", "45", BODY_CUT, 404 },
	};

	open_app(NULL, routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char length[64] = "", name[64];

		snprintf(name, sizeof(name), "%s %s", cases[i].uri,
		    cases[i].length == NULL ? "-" : cases[i].length);
		if (cases[i].length != NULL)
			snprintf(length, sizeof(length), "CONTENT_LENGTH=%s", cases[i].length);
		serve(cases[i].method, cases[i].uri, length, TEXT(RTC_BODY), cases[i].problem);
		CHECK(x.response.status == cases[i].status, name);
		if (cases[i].status == 400)
			CHECK(is_error(400, "body_cut", NULL,
				  "the body is shorter than its Content-Length"),
			    name);
		else if (cases[i].status == 413)
			CHECK(is_error(413, "body_too_large", NULL,
				  "the body is larger than 65536 bytes"),
			    name);
	}
	close_app();
	open_app("MAX_BODY=2000", routes, route_count);
	serve("POST", "/getToken", NULL, TEXT(""), BODY_TOO_LARGE);
	CHECK(is_error(413, "body_too_large", NULL, "the body is larger than 2000 bytes"),
	    "MAX_BODY");
	close_app();
}

/* A body or a query of so many values and names. */
static void
refuses_too_many_values(void)
{
	static const char rule[] = "the %s has more than 100 values and names (MAX_VALUES): each "
				   "value counts, and each name";
	static const struct {
		const char *before, *item, *after;
		int own, each; /* values and names of the rest, and of an item */
	} cases[] = {
		/* 1 for the object, 2 for each member. */
		{ "{\"tokenType\":\"rtm\",\"uid\":\"u\",\"x\":[", "0", "]}", 7, 1 },
		{ "{\"tokenType\":\"rtm\",\"uid\":\"u\",\"x\":[", "{}", "]}", 7, 1 },
		{ "{\"tokenType\":\"rtm\",\"uid\":\"u\",\"x\":[", "[[]]", "]}", 7, 2 },
		{ "{\"tokenType\":\"rtm\",\"uid\":\"u\",", "\"a\":1", "}", 5, 2 },
		{ "{\"tokenType\":\"rtm\",\"uid\":\"u\",", "\"x\":{\"\":null}", "}", 5, 4 },
	};
	struct buf uri = { 0 };
	char says[128];

	open_app("MAX_VALUES=100", routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++)
		for (int over = 0; over < 2; over++) {
			const int count = (100 - cases[i].own) / cases[i].each + over;
			struct buf body = { 0 };

			buf_text(&body, cases[i].before);
			for (int n = 0; n < count; n++)
				buf_printf(&body, "%s%s", n == 0 ? "" : ",", cases[i].item);
			buf_text(&body, cases[i].after);
			post("/getToken", buf_view(&body));
			snprintf(says, sizeof(says), rule, "body");
			CHECK(over == 0 ? x.response.status == 200
					: is_error(400, "too_many_values", NULL, says),
			    cases[i].item);
			buf_free(&body);
		}
	buf_text(&uri, "/readyz?");
	for (int i = 0; i < 49; i++)
		buf_text(&uri, "a=&");
	buf_add(&uri, "", 1);
	get(uri.data);
	CHECK(x.response.status != 400, "a query of 49 names and values, and their object");
	uri.length--;
	buf_add(&uri, "b", 2);
	get(uri.data);
	snprintf(says, sizeof(says), rule, "query");
	CHECK(is_error(400, "too_many_values", NULL, says), "one more");
	buf_free(&uri);
	close_app();
}

/* No cut body makes a token, and none is read beyond its end. */
static void
survives_every_truncation_of_a_body(void)
{
	static const struct text whole =
	    TEXT("{\"tokenType\":\"rtm2\",\"uid\":\"u\",\"permissions\":[{\"resource\":\"users\","
		 "\"permission\":1,\"resources\":[\"\\u00e9\xc3\xa9\",\"*\"]}],\"expire\":60}");

	open_app(NULL, routes, route_count);
	for (size_t length = 0; length < whole.length; length++) {
		char name[32];

		snprintf(name, sizeof(name), "%zu bytes", length);
		post("/getToken", (struct text){ guarded(whole.data, length), length });
		CHECK(is_error(400, "invalid_body", NULL, NULL), name);
	}
	for (size_t bit = 0; bit < 8 * whole.length; bit++) {
		char bytes[256], name[32];

		snprintf(name, sizeof(name), "bit %zu", bit);
		memcpy(bytes, whole.data, whole.length);
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
		post("/getToken", (struct text){ guarded(bytes, whole.length), whole.length });
		CHECK(x.response.status == 200 || x.response.status == 400 ||
			x.response.status == 415,
		    name);
	}
	post("/getToken", whole);
	CHECK(has_token("token", "RTM2(u){1:60}/60"), "the whole one");
	close_app();
}

/* Answers */

static void
reports_what_was_clamped(void)
{
	static const struct {
		const char *method, *uri, *body;
		const char *members, *clamped;
	} cases[] = {
		{ "GET", "/rtc/ch/1/uid/7?expiry=86400", "", "rtcToken", NULL },
		{ "GET", "/rtc/ch/1/uid/7?expiry=86401", "", "rtcToken expire clamped",
		    "[ \"expiry\" ]" },
		{ "GET", "/rtm/u?expiry=4294967295", "", "rtmToken expire clamped",
		    "[ \"expiry\" ]" },
		{ "GET", "/rte/ch/1/uid/7?expiry=86401", "", "rtcToken rtmToken expire clamped",
		    "[ \"expiry\" ]" },
		{ "GET", "/chat/app?expiry=86401", "", "chatToken expire clamped",
		    "[ \"expiry\" ]" },
		{ "GET", "/chat/account/u?expiry=86401", "", "chatToken expire clamped",
		    "[ \"expiry\" ]" },
		{ "POST", "/getToken", IN_BODY "\"uid\":7,\"expire\":86400}",
		    "token expire expiresAt", NULL },
		{ "POST", "/getToken", IN_BODY "\"uid\":7,\"expire\":86401}",
		    "token expire expiresAt clamped", "[ \"expire\" ]" },
		{ "POST", "/getToken",
		    IN_BODY
		    "\"uid\":7,\"expire\":86401,\"privileges\":{\"join\":1,\"data\":86401}}",
		    "token expire expiresAt clamped", "[ \"expire\", \"privileges.data\" ]" },
	};

	open_app(NULL, routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_object *object;
		struct buf names = { 0 };

		serve(cases[i].method, cases[i].uri, NULL, text_of(cases[i].body), BODY_WHOLE);
		object = body();
		CHECK(x.response.status == 200 && object != NULL, cases[i].uri);
		name_members(object, &names);
		CHECK(same_text(buf_view(&names), cases[i].members), cases[i].uri);
		if (cases[i].clamped != NULL) {
			CHECK(same_text(member(object, "clamped"), cases[i].clamped), cases[i].uri);
			CHECK(same_text(member(object, "expire"), "86400"), cases[i].uri);
		}
		buf_free(&names);
		json_object_put(object);
	}
	close_app();
}

static void
tells_when_tokens_end(void)
{
	int64_t before, after, at;
	struct json_object *object;

	open_app(NULL, routes, route_count);
	before = unix_seconds();
	post("/getToken", TEXT(IN_BODY "\"uid\":7,\"expire\":60}"));
	after = unix_seconds();
	object = body();
	at = json_object_get_int64(json_object_object_get(object, "expiresAt"));
	CHECK(at >= before + 60 && at <= after + 60, "expiresAt");
	CHECK(same_text(member(object, "expire"), "60"), "expire");
	json_object_put(object);
	close_app();
}

/* Headers of every response, whatever became of the request. */
static void
sends_headers_always(void)
{
	static const struct {
		const char *method, *uri, *more;
		int status;
	} cases[] = {
		{ "GET", "/ping", NULL, 200 },
		{ "HEAD", "/ping", NULL, 200 },
		{ "GET", "/rtm/u", NULL, 200 },
		{ "OPTIONS", "/ping", NULL, 204 },
		{ "POST", "/getToken", NULL, 400 },
		{ "GET", "/rtm/0", NULL, 400 },
		{ "GET", "/%", NULL, 400 },
		{ "GET", "/nothing", NULL, 404 },
		{ "PUT", "/ping", NULL, 405 },
		{ "GET", "/ping", "HTTP_ORIGIN=https://other.example", 403 },
		{ "OPTIONS", "/ping", "HTTP_ORIGIN=https://other.example", 403 },
		{ "GET", "/ping", "HTTP_ORIGIN=https://a.example", 200 },
		{ "GET", "/nothing", "HTTP_ORIGIN=https://a.example", 404 },
		{ "PUT", "/ping", "HTTP_ORIGIN=https://a.example", 405 },
		{ "GET", "/%", "HTTP_ORIGIN=https://a.example", 400 },
		{ "POST", "/getToken", "HTTP_ORIGIN=https://a.example", 400 },
		{ "OPTIONS", "/getToken", "HTTP_ORIGIN=https://a.example", 204 },
		{ "GET", "/ping", "CONTENT_LENGTH=5", 400 },
	};
	static const char pattern[] = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$";
	regex_t regex;

	CHECK(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) == 0, "pattern");
	open_app("CORS_ALLOW_ORIGIN=https://a.example", routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool allowed = cases[i].more != NULL && strstr(cases[i].more, "//a.") != NULL;
		char name[96], stamp[32];

		snprintf(name, sizeof(name), "%s %s %s", cases[i].method, cases[i].uri,
		    cases[i].more == NULL ? "" : cases[i].more);
		serve(cases[i].method, cases[i].uri, cases[i].more, TEXT(""), BODY_WHOLE);
		CHECK(x.response.status == cases[i].status, name);
		CHECK(same_text(
			  header("Cache-Control"), "private, no-cache, no-store, must-revalidate"),
		    name);
		CHECK(same_text(header("Expires"), "-1"), name);
		CHECK(same_text(header("Pragma"), "no-cache"), name);
		CHECK(same_text(header("X-Content-Type-Options"), "nosniff"), name);
		CHECK(same_text(header("Vary"), "Origin"), name);
		CHECK(header("X-Request-ID").length == 32, name);
		snprintf(stamp, sizeof(stamp), "%.*s", (int)header("X-Timestamp").length,
		    header("X-Timestamp").data);
		CHECK(regexec(&regex, stamp, 0, NULL, 0) == 0, name);
		if (allowed)
			CHECK(same_text(header("Access-Control-Allow-Origin"), "https://a.example"),
			    name);
		else
			CHECK(header("Access-Control-Allow-Origin").data == NULL, name);
		CHECK((header("Access-Control-Expose-Headers").data != NULL) == allowed, name);
		CHECK((header("Access-Control-Max-Age").data != NULL) == (cases[i].status == 204),
		    name);
		if (cases[i].status >= 400)
			CHECK(is_error(cases[i].status,
				  cases[i].status == 403       ? "origin_not_allowed"
				      : cases[i].status == 404 ? "not_found"
				      : cases[i].status == 405 ? "method_not_allowed"
				      : cases[i].uri[1] == '%' ? "invalid_path"
				      : cases[i].uri[1] == 'p' ? "body_cut"
				      : cases[i].uri[1] == 'g' ? "invalid_body"
							       : "invalid_field",
				  strcmp(cases[i].uri, "/rtm/0") == 0 ? "rtmuid" : NULL, NULL),
			    name);
	}
	regfree(&regex);
	close_app();
}

static void
tells_the_time(void)
{
	struct tm tm = { 0 };
	time_t before, at;

	open_app(NULL, routes, route_count);
	before = unix_seconds();
	get("/ping");
	CHECK(strptime(header("X-Timestamp").data, "%Y-%m-%dT%H:%M:%SZ", &tm) != NULL, "a time");
	at = timegm(&tm);
	CHECK(at >= before && at <= unix_seconds(), "now, in UTC");
	close_app();
}

static void
carries_request_ids(void)
{
	static const struct {
		const char *id;
		bool kept;
	} cases[] = {
		{ "abc-123", true },
		{ "4bf92f3577b34da6a3ce929d0e0e4736", true },
		{ "a_b.c~d+e/f=g:h@i", true },
		{ "", false },
		{ "a b", false },
		{ "a\tb", false },
		{ "a\"b", false },
		{ "a,b", false },
		{ "\xc3\xa9", false },
		{ A_64 A_64, true },
		{ A_64 A_64 "x", false },
	};

	open_app(NULL, routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char variable[300];
		struct json_object *object;

		snprintf(variable, sizeof(variable), "HTTP_X_REQUEST_ID=%s", cases[i].id);
		serve("GET", "/nothing", variable, TEXT(""), BODY_WHOLE);
		object = body();
		if (cases[i].kept)
			CHECK(same_text(header("X-Request-ID"), cases[i].id), cases[i].id);
		else
			CHECK(header("X-Request-ID").length == 32 &&
				strspn(header("X-Request-ID").data, "0123456789abcdef") == 32,
			    cases[i].id);
		CHECK(member(object, "requestId").length == header("X-Request-ID").length &&
			memcmp(member(object, "requestId").data, header("X-Request-ID").data,
			    header("X-Request-ID").length) == 0,
		    cases[i].id);
		json_object_put(object);
	}
	close_app();
}

static bool
leads_to(const char *location)
{
	return x.response.status == 302 && x.response.body.length == 0 &&
	    memmem(x.response.headers.data, x.response.headers.length, location,
		strlen(location)) != NULL;
}

static void
leads_a_person_to_the_console(void)
{
	open_app("CONSOLE=on", routes, route_count);
	get("/");
	CHECK(leads_to("Location: /console/\r\n"), "GET /");
	serve("HEAD", "/?x", NULL, TEXT(""), BODY_WHOLE);
	CHECK(leads_to("Location: /console/\r\n"), "HEAD /?x");
	serve("POST", "/", NULL, TEXT(""), BODY_WHOLE);
	CHECK(x.response.status == 404, "POST /");
	get("/x");
	CHECK(x.response.status == 404, "GET /x");
	close_app();
	open_app("CONSOLE=local", routes, route_count);
	serve("GET", "/", "REMOTE_ADDR=127.0.0.1", TEXT(""), BODY_WHOLE);
	CHECK(leads_to("Location: /console/\r\n"), "from this machine");
	serve("GET", "/", "REMOTE_ADDR=192.0.2.7", TEXT(""), BODY_WHOLE);
	CHECK(x.response.status == 404, "from another");
	serve("GET", "/", NULL, TEXT(""), BODY_WHOLE);
	CHECK(x.response.status == 404, "from who knows where");
	close_app();
	open_app(NULL, routes, route_count);
	serve("GET", "/", "REMOTE_ADDR=127.0.0.1", TEXT(""), BODY_WHOLE);
	CHECK(x.response.status == 404, "where it is off");
	close_app();
}

static void
serves_below_a_base_path(void)
{
	static const struct {
		const char *uri;
		int status;
	} cases[] = {
		{ "/agora/ping", 200 },
		{ "/agora/ping/", 200 },
		{ "/agora/rtm/u?expiry=60", 200 },
		{ "/agora", 404 },
		{ "/agora/", 404 },
		{ "/agorax/ping", 404 },
		{ "/agora/agora/ping", 404 },
		{ "/other/ping", 404 },
	};

	open_app("BASE_PATH=/agora", routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++) {
		get(cases[i].uri);
		CHECK(x.response.status == cases[i].status, cases[i].uri);
	}
	close_app();
	open_app(NULL, routes, route_count);
	serve("GET", "/cgi-bin/agora.cgi/rtm/u", "SCRIPT_NAME=/cgi-bin/agora.cgi\nPATH_INFO=/rtm/u",
	    TEXT(""), BODY_WHOLE);
	CHECK(has_token("rtmToken", "RTM(u){1:3600}/3600"), "as a CGI program");
	get("/agora/ping");
	CHECK(x.response.status == 404, "without a base path");
	close_app();
}

/* The access line */

static void
access_line(
    const char *method, const char *uri, const char *more, struct text sent, char *out, size_t size)
{
	int ends[2], aside = dup(STDERR_FILENO);
	ssize_t n;

	if (pipe(ends) != 0)
		abort();
	log_flush();
	fflush(stderr);
	dup2(ends[1], STDERR_FILENO);
	log_set_level(LOG_LEVEL_INFO);
	serve(method, uri, more, sent, BODY_WHOLE);
	log_flush();
	log_set_level(LOG_LEVEL_ERROR);
	dup2(aside, STDERR_FILENO);
	n = read(ends[0], out, size - 1);
	out[n < 0 ? 0 : n] = '\0';
	close(aside);
	close(ends[0]);
	close(ends[1]);
}

static void
writes_one_access_line(void)
{
#define TIME "^[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z info "
	static const struct {
		const char *method, *uri, *more, *body, *pattern;
	} cases[] = {
		{ "GET", "/ping", "REMOTE_ADDR=192.0.2.7\nHTTP_X_REQUEST_ID=the-id", "",
		    TIME "id=the-id method=GET route=/ping status=200 duration_us=[0-9]+ "
			 "client=192\\.0\\.2\\.7\n$" },
		{ "GET", "/ping", NULL, "",
		    TIME "id=[0-9a-f]{32} method=GET route=/ping status=200 duration_us=[0-9]+ "
			 "client=-\n$" },
		{ "GET", "/rtc/secret-channel/1/uid/7?expiry=60&secret=1",
		    "REMOTE_ADDR=2001:db8::1", "",
		    TIME
		    "id=[0-9a-f]{32} method=GET route=/rtc/:channelName/:role/:tokenType/:rtcuid "
		    "status=200 duration_us=[0-9]+ client=2001:db8::1\n$" },
		{ "POST", "/getToken", NULL, "{\"secret\":",
		    TIME
		    "id=[0-9a-f]{32} method=POST route=/getToken status=400 duration_us=[0-9]+ "
		    "client=- error=[a-z_]+\n$" },
		{ "GET", "/secret", NULL, "",
		    TIME "id=[0-9a-f]{32} method=GET route=- status=404 duration_us=[0-9]+ "
			 "client=- error=not_found\n$" },
		{ "GET", "/%secret", NULL, "",
		    TIME "id=[0-9a-f]{32} method=GET route=- status=400 duration_us=[0-9]+ "
			 "client=- error=[a-z_]+\n$" },
		{ "GET", "/ping", "HTTP_ORIGIN=https://secret", "",
		    TIME "id=[0-9a-f]{32} method=GET route=- status=403 duration_us=[0-9]+ "
			 "client=- error=origin_not_allowed\n$" },
		{ "OPTIONS", "/ping", NULL, "",
		    TIME "id=[0-9a-f]{32} method=OPTIONS route=- status=204 duration_us=[0-9]+ "
			 "client=-\n$" },
		{ "GET status=200", "/ping", NULL, "",
		    TIME "id=[0-9a-f]{32} method=- route=- status=405 duration_us=[0-9]+ "
			 "client=- error=method_not_allowed\n$" },
		{ "SECRETSECRETSECRET", "/ping", NULL, "",
		    TIME "id=[0-9a-f]{32} method=- route=- status=405 duration_us=[0-9]+ "
			 "client=- error=method_not_allowed\n$" },
		{ "", "/ping", NULL, "",
		    TIME "id=[0-9a-f]{32} method=- route=- status=405 duration_us=[0-9]+ "
			 "client=- error=method_not_allowed\n$" },
		{ "GET", "/ping", "REMOTE_ADDR=" A_64 "x", "",
		    TIME "id=[0-9a-f]{32} method=GET route=/ping status=200 duration_us=[0-9]+ "
			 "client=-\n$" },
	};

	open_app("CORS_ALLOW_ORIGIN=https://a.example", routes, route_count);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char line[2048];
		regex_t regex;

		access_line(cases[i].method, cases[i].uri, cases[i].more, text_of(cases[i].body),
		    line, sizeof(line));
		CHECK(regcomp(&regex, cases[i].pattern, REG_EXTENDED | REG_NOSUB) == 0,
		    cases[i].pattern);
		CHECK(regexec(&regex, line, 0, NULL, 0) == 0, line);
		CHECK(strchr(line, '\n') != NULL && strchr(line, '\n')[1] == '\0', "one line");
		CHECK(strcasestr(line, "secret") == NULL && strstr(line, "007eJ") == NULL &&
			strstr(line, CERTIFICATE) == NULL,
		    line);
		regfree(&regex);
	}
	close_app();
}

/* Whatever is wrong with a request, it is one of its address. */
static void
counts_every_request_of_an_address(void)
{
	static const struct {
		const char *method, *uri, *more;
		int status;
	} cases[] = {
		{ "GET", "/ping", "", 200 },
		{ "GET", "/livez", "", 200 },
		{ "GET", "/nothing", "", 404 },
		{ "DELETE", "/ping", "", 405 },
		{ "OPTIONS", "/getToken", "", 204 },
		{ "OPTIONS", "/nothing", "", 204 },
		{ "GET", "/ping", "HTTP_ORIGIN=https://evil.example\n", 403 },
		{ "OPTIONS", "/getToken", "HTTP_ORIGIN=https://evil.example\n", 403 },
		{ "GET", "/a%", "", 400 },
		{ "POST", "/getToken", "", 400 },
		{ "POST", "/getToken", "CONTENT_LENGTH=3\n", 400 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char more[200];

		open_app("ADDRESS_RATE=2/day", routes, route_count);
		snprintf(more, sizeof(more), "REMOTE_ADDR=192.0.2.1\n%s", cases[i].more);
		for (int n = 0; n < 4; n++) {
			CHECK(serve(cases[i].method, cases[i].uri, more, TEXT(""), BODY_WHOLE) ==
				ANSWERED,
			    more);
			if (n < 2) {
				CHECK(x.response.status == cases[i].status, cases[i].uri);
				continue;
			}
			CHECK(is_error(
				  429, "rate_limited", NULL, "too many requests from this address"),
			    cases[i].uri);
			CHECK(header("Retry-After").data != NULL, cases[i].uri);
		}
		serve(
		    cases[i].method, cases[i].uri, "REMOTE_ADDR=192.0.2.2\n", TEXT(""), BODY_WHOLE);
		CHECK(x.response.status != 429, "another address");
		close_app();
	}
	/* The page whose request it was may read why. */
	open_app("ADDRESS_RATE=1/day", routes, route_count);
	for (int n = 0; n < 2; n++)
		serve("GET", "/ping", "HTTP_HOST=a.example\nHTTP_ORIGIN=http://a.example\n",
		    TEXT(""), BODY_WHOLE);
	CHECK(x.response.status == 429, "its own page");
	CHECK(same_text(header("Access-Control-Allow-Origin"), "http://a.example"), "may read it");
	close_app();
}

/* Handlers that wait, in a table of the test's own */

static int calls, cancelled, finished_count;
static struct exchange *finished_exchange;

static enum step
wait_next(struct exchange *exchange)
{
	calls++;
	if (calls == 1)
		return WAITING;
	CHECK(exchange->call == &calls, "its own state");
	return calls == 2 ? NEXT : exchange_fail(exchange, ERROR_INTERNAL, NULL, NULL);
}

static void
wait_cancel(struct exchange *exchange)
{
	(void)exchange;
	cancelled++;
}

static enum step
wait_handle(struct exchange *exchange)
{
	exchange->next = wait_next;
	exchange->cancel = wait_cancel;
	exchange->call = &calls;
	return WAITING;
}

static void
note_finished(struct exchange *exchange)
{
	finished_count++;
	finished_exchange = exchange;
}

static const struct route waiting_routes[] = {
	{ "GET", "/wait", wait_handle, NULL, NULL, PUBLIC, "Waits", ROUTE_CANCELLED },
};

static void
start_waiting(void)
{
	calls = cancelled = finished_count = 0;
	finished_exchange = NULL;
	x.finished = note_finished;
	CHECK(serve("GET", "/wait", NULL, TEXT(""), BODY_WHOLE) == WAITING, "it waits");
	CHECK(finished_count == 0 && calls == 0, "nothing has happened yet");
}

static void
goes_on_when_a_call_has_ended(void)
{
	open_app(NULL, waiting_routes, COUNT(waiting_routes));
	start_waiting();
	exchange_go_on(&x);
	CHECK(calls == 1 && finished_count == 0, "it waits again");
	exchange_go_on(&x);
	CHECK(calls == 2 && finished_count == 1 && finished_exchange == &x, "finished");
	CHECK(x.response.status == 200, "status");
	CHECK(header("X-Request-ID").length == 32 && header("Vary").data != NULL, "headers");

	start_waiting();
	calls = 2;
	exchange_go_on(&x);
	CHECK(finished_count == 1 && is_error(500, "internal", NULL, NULL), "an error at its end");
	CHECK(cancelled == 0, "nothing to cancel");
	close_app();
}

static void
gives_up_waiting(void)
{
	open_app(NULL, waiting_routes, COUNT(waiting_routes));
	start_waiting();
	exchange_give_up(&x, ERROR_TIMEOUT);
	CHECK(cancelled == 1 && calls == 0 && finished_count == 0, "cancelled");
	CHECK(is_error(504, "timeout", NULL, NULL), "504");
	close_app();
}

static void
refuses_to_wait_in_a_crowd(void)
{
	open_app(NULL, waiting_routes, COUNT(waiting_routes));
	exchange_reset(&x);
	x.crowded = true;
	calls = 0;
	CHECK(serve("GET", "/wait", NULL, TEXT(""), BODY_WHOLE) == ANSWERED, "answered at once");
	CHECK(is_error(503, "overloaded", NULL, NULL), "503");
	CHECK(same_text(header("Retry-After"), "1"), "Retry-After");
	close_app();

	open_app(NULL, routes, route_count);
	x.crowded = true;
	get("/ping");
	CHECK(x.response.status == 200, "what never waits goes on");
	close_app();
}

CU_TestInfo api_app_tests[] = {
	{ "answers every route", answers_every_route },
	{ "answers HEAD like GET", answers_head_like_get },
	{ "answers OPTIONS everywhere", answers_options_everywhere },
	{ "refuses other paths and methods", refuses_other_paths_and_methods },
	{ "answers real clients", answers_real_clients },
	{ "issues for paths", issues_for_paths },
	{ "refuses paths", refuses_paths },
	{ "refuses bodies", refuses_bodies },
	{ "reads bodies", reads_bodies },
	{ "names the field", names_the_field },
	{ "tells what is not whole", tells_what_is_not_whole },
	{ "refuses too many values", refuses_too_many_values },
	{ "survives every truncation of a body", survives_every_truncation_of_a_body },
	{ "reports what was clamped", reports_what_was_clamped },
	{ "tells when tokens end", tells_when_tokens_end },
	{ "sends headers always", sends_headers_always },
	{ "tells the time", tells_the_time },
	{ "carries request ids", carries_request_ids },
	{ "leads a person to the console", leads_a_person_to_the_console },
	{ "serves below a base path", serves_below_a_base_path },
	{ "writes one access line", writes_one_access_line },
	{ "counts every request of an address", counts_every_request_of_an_address },
	{ "goes on when a call has ended", goes_on_when_a_call_has_ended },
	{ "gives up waiting", gives_up_waiting },
	{ "refuses to wait in a crowd", refuses_to_wait_in_a_crowd },
	CU_TEST_INFO_NULL,
};
