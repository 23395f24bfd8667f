/*
 * Answers of Agora, of any kind, to each thing that is asked of it, without and with a policy; and
 * any request with the two.
 *
 * Input: answers as agora.h has them.  What stands in front of a line of two equal signs, if there
 * is one, is a request in the place of those below: CGI variables, NAME=value, a line each; an
 * empty line; the body.
 */
#include <string.h>

#include "agora.h"
#include "fuzz.h"
#include "log.h"
#include "routes.h"

#define CERTIFICATE "fedcba9876543210fedcba9876543210"
#define CUSTOMER_SECRET "customer-secret-of-the-harness"
#define BUCKET_SECRET "bucket-secret-of-the-harness"
#define VARIABLES_MAX 64

#define CONFIG                                                                                     \
	.token = { TEXT("0123456789abcdef0123456789abcdef"), TEXT(CERTIFICATE) },                  \
	.api = { .max_body = REQUEST_BODY_MAX },                                                   \
	.upstream = { .base_url = TEXT("https://agora.example"),                                   \
		.customer_id = TEXT("customer"),                                                   \
		.customer_secret = TEXT(CUSTOMER_SECRET),                                          \
		.max_calls = 500,                                                                  \
		.connect_timeout = 3,                                                              \
		.try_timeout = 8,                                                                  \
		.call_timeout = 25 },                                                              \
	.rest = { TEXT("v1/apps/{appId}/cloud_recording"),                                         \
		TEXT("api/speech-to-text/v1/projects/{appId}"),                                    \
		TEXT("v1/projects/{appId}/rtmp-converters"),                                       \
		TEXT("v1/projects/{appId}/cloud-player") },                                        \
	.storage = { 1, 3, TEXT("bucket"), TEXT("bucket-key"), TEXT(BUCKET_SECRET), true }

static const char policy_text[] =
    "{\"callers\":{\"all\":{\"type\":\"anonymous\"}},\"grants\":[{\"name\":\"class\","
    "\"from\":\"all\",\"actions\":[\"token.issue\",\"recording.*\",\"rtt.*\",\"push.*\",\"pull.*\"]"
    ","
    "\"services\":[\"rtc\"],\"channels\":\"class-*\",\"uid\":\"any\",\"role\":\"publisher\","
    "\"ttl\":\"10m\"}]}";

/* Each of Agora's services, as the middleware's clients ask. */
static const struct {
	const char *method, *target, *body;
} requests[] = {
	{ "POST", "/cloud_recording/start", "{\"channelName\":\"class-1\"}" },
	{ "POST", "/cloud_recording/stop",
	    "{\"cname\":\"class-1\",\"uid\":\"1\",\"resourceId\":\"r\",\"sid\":\"s\"}" },
	{ "GET", "/cloud_recording/status?resourceId=r&sid=s&cname=class-1", NULL },
	{ "POST", "/cloud_recording/update/layout",
	    "{\"cname\":\"class-1\",\"uid\":\"1\",\"resourceId\":\"r\",\"sid\":\"s\","
	    "\"recordingConfig\":{\"mixedVideoLayout\":1}}" },
	{ "POST", "/rtt/start", "{\"channelName\":\"class-1\",\"languages\":[\"en-US\"]}" },
	{ "GET", "/rtt/status/t?channel=class-1", NULL },
	{ "POST", "/rtt/stop/t?channel=class-1", "{\"channel\":\"class-1\"}" },
	{ "POST", "/rtt/update/t", "{\"languages\":[\"en-US\"],\"channel\":\"class-1\"}" },
	{ "GET", "/rtt/list?channel=class-1", NULL },
	{ "POST", "/rtmp/push/start",
	    "{\"rtcChannel\":\"class-1\",\"streamUrl\":\"rtmp://a.example/live\","
	    "\"streamKey\":\"stream-key-1\",\"region\":\"na\"}" },
	{ "POST", "/rtmp/push/stop",
	    "{\"converterId\":\"c\",\"region\":\"na\",\"channel\":\"class-1\"}" },
	{ "POST", "/rtmp/push/update",
	    "{\"converterId\":\"c\",\"region\":\"na\",\"channel\":\"class-1\","
	    "\"jitterBufferSizeMs\":500}" },
	{ "GET", "/rtmp/push/list?channel=class-1", NULL },
	{ "GET", "/rtmp/push/status/c?region=na&channel=class-1", NULL },
	{ "POST", "/rtmp/pull/start",
	    "{\"channelName\":\"class-1\",\"streamUrl\":\"rtmp://a.example/live/stream-key-1\","
	    "\"region\":\"na\",\"uid\":\"5\"}" },
	{ "POST", "/rtmp/pull/stop",
	    "{\"playerId\":\"p\",\"region\":\"na\",\"channel\":\"class-1\"}" },
	{ "POST", "/rtmp/pull/update",
	    "{\"playerId\":\"p\",\"region\":\"na\",\"channel\":\"class-1\",\"isPause\":true}" },
	{ "GET", "/rtmp/pull/list?channel=class-1", NULL },
	{ "GET", "/rtmp/pull/status/p?channel=class-1", NULL },
};
#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

static struct app *apps[2]; /* without and with a policy */

static void
open_apps(void)
{
	static struct config configs[2] = { { CONFIG }, { CONFIG } };
	struct buf error = { 0 };

	configs[1].policy =
	    policy_read((struct text){ policy_text, sizeof(policy_text) - 1 }, "policy", &error);
	for (size_t i = 0; i < 2; i++)
		apps[i] = app_open(&configs[i], routes, route_count, &agora_driver, true, &error);
	if (error.length > 0)
		fprintf(stderr, "%.*s\n", (int)error.length, error.data);
	MUST(configs[1].policy != NULL && apps[0] != NULL && apps[1] != NULL);
}

static bool
contains(struct text text, const char *what)
{
	return memmem(text.data, text.length, what, strlen(what)) != NULL;
}

/* What only the service knows, unless the input has it. */
static void
check_secrets(struct text answer, struct text input)
{
	static const char *const secrets[] = { CERTIFICATE, CUSTOMER_SECRET, BUCKET_SECRET };

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		MUST(!contains(answer, secrets[i]) || contains(input, secrets[i]));
}

static void
serve(char *const *params, struct text body, struct text answers, struct text input)
{
	static struct exchange exchange;

	for (size_t i = 0; i < 2; i++) {
		agora_serve(apps[i], &exchange, params, body, BODY_WHOLE, answers);
		agora_check_response(&exchange.response);
		check_secrets(buf_view(&exchange.response.body), input);
		check_secrets(buf_view(&exchange.response.headers), input);
		exchange_reset(&exchange);
	}
}

static void
serve_fixed(size_t which, struct text answers, struct text input)
{
	char method[32], uri[128];
	char *const params[] = { method, uri, NULL };

	snprintf(method, sizeof(method), "REQUEST_METHOD=%s", requests[which].method);
	snprintf(uri, sizeof(uri), "REQUEST_URI=%s", requests[which].target);
	serve(params,
	    requests[which].body == NULL ? (struct text){ NULL, 0 } : text_of(requests[which].body),
	    answers, input);
}

/* A request of the input. */
static void
serve_given(struct text request, struct text answers, struct text input)
{
	struct arena arena = { 0 };
	char **params = arena_alloc(&arena, VARIABLES_MAX + 1, sizeof(*params));
	struct text body;
	size_t n = 0;

	while (request.length > 0 && n < VARIABLES_MAX) {
		const char *end = memchr(request.data, '\n', request.length);
		const size_t length = end == NULL ? request.length : (size_t)(end - request.data);
		const size_t used = length + (end != NULL);

		if (length > 0)
			params[n++] = (char *)(uintptr_t)arena_copy(
			    &arena, (struct text){ request.data, length })
					  .data;
		request = (struct text){ request.data + used, request.length - used };
		if (length == 0)
			break;
	}
	/* A copy without room behind it. */
	body = (struct text){ arena_alloc(&arena, 1, request.length), request.length };
	if (request.length > 0)
		memcpy((char *)(uintptr_t)body.data, request.data, request.length);
	if (body.length <= REQUEST_BODY_MAX)
		serve(params, body, answers, input);
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char mark[] = "\n==\n";
	const struct text input = { (const char *)data, size };
	const char *end = size == 0 ? NULL : memmem(data, size, mark, sizeof(mark) - 1);

	log_set_level(LOG_LEVEL_ERROR);
	if (apps[0] == NULL)
		open_apps();
	if (end != NULL) {
		const size_t length = (size_t)(end - input.data), used = length + sizeof(mark) - 1;

		serve_given((struct text){ input.data, length },
		    (struct text){ input.data + used, input.length - used }, input);
		return 0;
	}
	for (size_t i = 0; i < REQUESTS; i++)
		serve_fixed(i, input, input);
	return 0;
}
