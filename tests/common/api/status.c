#include <stdlib.h>

#include "../access/policies.h"
#include "app.h"
#include "json.h"
#include "log.h"
#include "metrics.h"
#include "routes.h"
#include "unit.h"

#define CERTIFICATE "fedcba9876543210fedcba9876543210"

static struct config *config;
static struct app *app;
static struct exchange x;

/* NULL: without the setting. */
static void
open_app(const char *console, const char *policy)
{
	static char id[] = "APP_ID=0123456789abcdef0123456789abcdef",
		    certificate[] = "APP_CERTIFICATE=" CERTIFICATE,
		    audit[] = "AUDIT_FILE=/dev/null", who[40], file[60];
	char *environment[] = { id, certificate, audit, NULL, NULL, NULL };
	char path[POLICY_PATH];
	size_t count = 3;
	struct buf error = { 0 };
	int fd = -1;

	if (console != NULL) {
		snprintf(who, sizeof(who), "CONSOLE=%s", console);
		environment[count++] = who;
	}
	if (policy != NULL) {
		fd = file_of(text_of(policy), path);
		snprintf(file, sizeof(file), "POLICY_FILE=%s", path);
		environment[count] = file;
	}
	log_set_level(LOG_LEVEL_ERROR);
	metrics_reset();
	config = config_open(NULL, environment, routes, route_count, NULL, NULL, &error);
	app = config == NULL ? NULL : app_open(config, routes, route_count, NULL, true, &error);
	if (app == NULL)
		abort();
	if (fd >= 0)
		close(fd);
}

static void
close_app(void)
{
	exchange_free(&x);
	x = (struct exchange){ 0 };
	app_close(app);
	config_close(config);
	metrics_reset();
	log_set_level(LOG_LEVEL_INFO);
}

/* The answer, of whatever status; the caller puts it. */
static struct json_object *
ask(const char *uri, const char *address, const char *host, const char *origin)
{
	static char method[] = "REQUEST_METHOD=GET", target[80], from[60], name[60], page[60];
	char *params[] = { method, target, from, name, origin == NULL ? NULL : page, NULL };
	struct json_error error;

	snprintf(target, sizeof(target), "REQUEST_URI=%s", uri);
	snprintf(from, sizeof(from), "REMOTE_ADDR=%s", address);
	snprintf(name, sizeof(name), "HTTP_HOST=%s", host);
	snprintf(page, sizeof(page), "HTTP_ORIGIN=%s", origin == NULL ? "" : origin);
	exchange_reset(&x);
	CHECK(app_serve(app, &x, params, TEXT(""), BODY_WHOLE) == ANSWERED, uri);
	return json_read(buf_view(&x.response.body), 0, &error);
}

static bool
has(struct json_object *object, const char *name)
{
	return json_object_object_get_ex(object, name, NULL);
}

/* In open mode nobody is asked who he is, so what is nobody's business is for this machine. */
static void
shows_more_on_this_machine(void)
{
	static const struct {
		const char *console, *address, *host, *origin;
		int status;
		bool more;
	} cases[] = {
		{ NULL, "127.0.0.1", "localhost", NULL, 501, false },
		{ "off", "127.0.0.1", "localhost", NULL, 501, false },
		{ "local", "127.0.0.1", "localhost", NULL, 200, true },
		{ "local", "127.0.0.1", "localhost:8080", NULL, 200, true },
		{ "local", "127.0.0.1", "127.0.0.1:8080", NULL, 200, true },
		{ "local", "::1", "[::1]:8080", NULL, 200, true },
		{ "local", "::1", "[::1]", NULL, 200, true },
		{ "on", "127.0.0.1", "LOCALHOST", NULL, 200, true },
		{ "on", "192.0.2.1", "localhost", NULL, 200, false },
		{ "local", "", "localhost", NULL, 200, false },
		{ "local", "127.0.0.1", "rebound.example:8080", NULL, 200, false },
		{ "local", "127.0.0.1", "localhost.example", NULL, 200, false },
		{ "local", "127.0.0.1", "localhost8080", NULL, 200, false },
		{ "local", "127.0.0.1", "localhost:", NULL, 200, false },
		{ "local", "127.0.0.1", "127.0.0.1.example", NULL, 200, false },
		{ "local", "127.0.0.1", "", NULL, 200, false },
		{ "local", "127.0.0.1", "localhost", "http://localhost", 200, false },
		{ "local", "127.0.0.1", "localhost", "null", 200, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_object *answer;
		char name[120];

		snprintf(name, sizeof(name), "%s %s %s %s",
		    cases[i].console == NULL ? "unset" : cases[i].console, cases[i].address,
		    cases[i].host, cases[i].origin == NULL ? "" : cases[i].origin);
		open_app(cases[i].console, NULL);
		answer = ask("/status", cases[i].address, cases[i].host, cases[i].origin);
		/* A foreign origin is refused outright where no list has it. */
		CHECK(x.response.status == cases[i].status ||
			(cases[i].origin != NULL && x.response.status == 403),
		    name);
		CHECK(has(answer, "projects") == cases[i].more &&
			has(answer, "audit") == cases[i].more,
		    name);
		CHECK(has(answer, "limits") == (x.response.status == 200), name);
		CHECK(memmem(x.response.body.data, x.response.body.length, CERTIFICATE, 28) == NULL,
		    "not the certificate");
		json_object_put(answer);
		close_app();
	}
}

#define GRANT(action)                                                                              \
	"{\"callers\":{\"any\":{\"type\":\"anonymous\"}},\"grants\":[{\"name\":\"eyes\","          \
	"\"from\":\"any\",\"actions\":[\"token.issue\",\"" action "\"],\"services\":\"rtm\","      \
	"\"uid\":\"*\",\"ttl\":\"1h\"}]}"

static void
asks_the_policy(void)
{
	struct json_object *answer, *records = NULL, *record;

	open_app(NULL, GRANT("metrics.read"));
	json_object_put(ask("/status", "127.0.0.1", "localhost", NULL));
	CHECK(x.response.status == 403, "no grant");
	close_app();
	open_app(NULL, GRANT("status.read"));
	answer = ask("/status", "192.0.2.1", "tokens.example.com", NULL);
	CHECK(x.response.status == 200 && has(answer, "projects"), "a grant");
	json_object_object_get_ex(answer, "audit", &records);
	CHECK(records != NULL && json_object_array_length(records) == 0, "none are kept");
	json_object_put(answer);
	close_app();
	open_app("on", GRANT("status.read"));
	for (int i = 0; i < AUDIT_KEPT + 5; i++) {
		char uri[40];

		snprintf(uri, sizeof(uri), "/rtm/user-%d", i);
		json_object_put(ask(uri, "192.0.2.1", "tokens.example.com", NULL));
		json_object_put(ask("/status", "192.0.2.1", "tokens.example.com", NULL));
	}
	answer = ask("/status", "192.0.2.1", "tokens.example.com", NULL);
	json_object_object_get_ex(answer, "audit", &records);
	CHECK(records != NULL && json_object_array_length(records) == AUDIT_KEPT, "bounded");
	record = json_object_array_get_idx(records, 0);
	CHECK(strcmp(json_object_get_string(json_object_object_get(record, "uid")), "user-54") == 0,
	    "the newest first");
	record = json_object_array_get_idx(records, AUDIT_KEPT - 1);
	CHECK(strcmp(json_object_get_string(json_object_object_get(record, "uid")), "user-5") == 0,
	    "and none of who looked");
	CHECK(memmem(x.response.body.data, x.response.body.length, "007eJ", 5) == NULL, "no token");
	CHECK(memmem(x.response.body.data, x.response.body.length, "\"primary\":\"3210\"", 16) !=
		NULL,
	    "the certificate's end");
	CHECK(memmem(x.response.body.data, x.response.body.length, "\"tokens\":55", 11) != NULL,
	    "counted");
	json_object_put(answer);
	close_app();
}

CU_TestInfo api_status_tests[] = {
	{ "shows more on this machine", shows_more_on_this_machine },
	{ "asks the policy", asks_the_policy },
	CU_TEST_INFO_NULL,
};
