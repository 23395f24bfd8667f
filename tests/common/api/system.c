#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app.h"
#include "log.h"
#include "metrics.h"
#include "routes.h"
#include "unit.h"

static struct config *config;
static struct app *app;
static struct exchange x;

/* audit_file NULL: none. */
static void
open_app(const char *audit_file, bool has_memory)
{
	char id[] = "APP_ID=0123456789abcdef0123456789abcdef",
	     certificate[] = "APP_CERTIFICATE=fedcba9876543210fedcba9876543210", audit[80];
	char *environment[] = { id, certificate, audit_file == NULL ? NULL : audit, NULL };
	struct buf error = { 0 };

	snprintf(audit, sizeof(audit), "AUDIT_FILE=%s", audit_file);
	log_set_level(LOG_LEVEL_ERROR);
	metrics_reset();
	config = config_open(NULL, environment, routes, route_count, NULL, NULL, &error);
	app =
	    config == NULL ? NULL : app_open(config, routes, route_count, NULL, has_memory, &error);
	if (app == NULL)
		abort();
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

static void
serve(struct exchange *exchange, const char *uri)
{
	static char method[] = "REQUEST_METHOD=GET", targets[2][80];
	static char *params[2][3] = { { method, targets[0] }, { method, targets[1] } };
	size_t i = exchange == &x ? 0 : 1; /* what is held borrows its own */

	exchange_reset(exchange);
	snprintf(targets[i], sizeof(targets[i]), "REQUEST_URI=%s", uri);
	CHECK(app_serve(app, exchange, params[i], TEXT(""), BODY_WHOLE) == ANSWERED, uri);
}

static bool
answers(const char *uri, int status, const char *body)
{
	serve(&x, uri);
	return x.response.status == status && same_text(buf_view(&x.response.body), body);
}

static void
is_ready(void)
{
	open_app(NULL, true);
	CHECK(answers("/livez", 200, "{\"status\":\"ok\"}"), "alive");
	CHECK(answers("/readyz", 200, "{\"status\":\"ready\",\"mode\":\"open\"}"), "ready");
	CHECK(answers("/readyz?verbose", 200,
		  "{\"status\":\"ready\",\"mode\":\"open\",\"checks\":["
		  "{\"name\":\"settings\",\"status\":\"ok\"},"
		  "{\"name\":\"clock\",\"status\":\"ok\"},{\"name\":\"keys\",\"status\":\"ok\"},"
		  "{\"name\":\"records\",\"status\":\"ok\"}]}"),
	    "each check");
	close_app();
}

/* A token leaves when its record is written, and not before. */
static void
holds_tokens(void)
{
	char path[] = "/tmp/agora-records-XXXXXX";
	int fd = mkstemp(path);
	struct exchange other = { 0 };
	struct buf content = { 0 };

	CHECK(fd >= 0, path);
	close(fd);
	open_app(path, true);
	serve(&x, "/rtm/ann");
	serve(&other, "/rtm/zoe");
	CHECK(x.held && other.held, "held");
	CHECK(buf_file(&content, path, 65536) == NULL && content.length == 0, "not yet");
	CHECK(app_write_records(), "written");
	buf_clear(&content);
	CHECK(buf_file(&content, path, 65536) == NULL &&
		memmem(content.data, content.length, "uid=ann", 7) != NULL &&
		memmem(content.data, content.length, "uid=zoe", 7) != NULL,
	    "both");
	app_release(&x, true);
	app_release(&other, true);
	CHECK(!x.held && x.response.status == 200 && other.response.status == 200, "they go");
	serve(&x, "/ping");
	CHECK(!x.held, "what has no record is not held");
	serve(&x, "/rtc/room/publisher/uid/x");
	CHECK(!x.held && x.response.status == 400, "nor what is refused");
	exchange_free(&other);
	close_app();
	buf_free(&content);
	unlink(path);
}

static void
issues_nothing_unrecorded(void)
{
	open_app("/dev/full", true);
	serve(&x, "/rtm/ann");
	CHECK(x.held, "held");
	CHECK(!app_write_records(), "not written");
	app_release(&x, false);
	CHECK(x.response.status == 503 &&
		memmem(x.response.body.data, x.response.body.length, "audit_unavailable", 17) !=
		    NULL &&
		memmem(x.response.body.data, x.response.body.length, "007eJ", 5) == NULL,
	    "no token");
	CHECK(answers("/readyz?verbose", 503,
		  "{\"status\":\"not ready\",\"mode\":\"open\",\"checks\":["
		  "{\"name\":\"settings\",\"status\":\"ok\"},"
		  "{\"name\":\"clock\",\"status\":\"ok\"},{\"name\":\"keys\",\"status\":\"ok\"},"
		  "{\"name\":\"records\",\"status\":\"failed\","
		  "\"reason\":\"AUDIT_FILE cannot be written; the log says why\"}]}"),
	    "not ready");
	close_app();
}

static bool
metrics_have(const char *wanted)
{
	serve(&x, "/metrics");
	return x.response.status == 200 &&
	    memmem(x.response.body.data, x.response.body.length, wanted, strlen(wanted)) != NULL;
}

static void
counts(void)
{
	open_app(NULL, true);
	serve(&x, "/rtm/ann");
	serve(&x, "/rtm/zoe");
	serve(&x, "/nothing");
	serve(&x, "/rtc/room/publisher/uid/1");
	CHECK(metrics_have("\nagora_http_requests_total{route=\"/rtm/:rtmuid\",method=\"GET\","
			   "code=\"200\"} 2\n"),
	    "by route");
	CHECK(metrics_have("{route=\"none\",method=\"GET\",code=\"404\"} 1\n"), "no route");
	CHECK(metrics_have("\nagora_tokens_issued_total{project=\"default\",service=\"rtm\","
			   "role=\"none\"} 2\n"),
	    "tokens");
	CHECK(metrics_have("service=\"rtc\",role=\"publisher\"} 1\n"), "with a role");
	CHECK(metrics_have("_duration_seconds_count{route=\"/rtm/:rtmuid\"} 2\n"), "time");
	CHECK(metrics_have("\nagora_open_mode 1\n"), "open");
	CHECK(metrics_have("agora_certificate_slot{project=\"default\",slot=\"primary\"} 1\n"),
	    "a certificate");
	CHECK(metrics_have("agora_certificate_slot{project=\"default\",slot=\"secondary\"} 0\n"),
	    "and no second one");
	CHECK(!metrics_have("zoe") && !metrics_have("room"), "nobody's name");
	close_app();
	open_app(NULL, false);
	serve(&x, "/metrics");
	CHECK(x.response.status == 501, "a CGI program counts nothing");
	close_app();
}

CU_TestInfo api_system_tests[] = {
	{ "is ready", is_ready },
	{ "holds tokens", holds_tokens },
	{ "issues nothing unrecorded", issues_nothing_unrecorded },
	{ "counts", counts },
	CU_TEST_INFO_NULL,
};
