/*
 * Whole requests through the application: path, query, headers and body of any kind.
 *
 * Input: CGI variables, NAME=value, a line each; an empty line; the body.
 */
#include <string.h>

#include "app.h"
#include "fuzz.h"
#include "inspect.h"
#include "json.h"
#include "log.h"
#include "routes.h"

#define APP_ID "0123456789abcdef0123456789abcdef"
#define CERTIFICATE "fedcba9876543210fedcba9876543210"
#define VARIABLES_MAX 64

#define CREDENTIALS                                                                                \
	{                                                                                          \
		TEXT(APP_ID), TEXT(CERTIFICATE)                                                    \
	}

/* Each request goes through all of them. */
static const struct {
	struct config config;
	enum body_problem problem;
} setups[] = {
	{ { .token = CREDENTIALS,
	      .cors = { .origins =
			    TEXT("https://a.example,https://b.example:8443,https://*.c.example") },
	      .api = { .max_body = REQUEST_BODY_MAX, .max_values = REQUEST_VALUES_MAX } },
	    BODY_WHOLE },
	{ { .token = CREDENTIALS,
	      .cors = { .any = true, .any_header = true, .origins = TEXT("*") },
	      .api = { .base_path = TEXT("/agora"),
		  .max_body = REQUEST_BODY_MAX,
		  .max_values = REQUEST_VALUES_MAX } },
	    BODY_WHOLE },
	{ { .token = CREDENTIALS,
	      .api = { .max_body = REQUEST_BODY_MAX, .max_values = REQUEST_VALUES_MAX } },
	    BODY_CUT },
};
#define SETUPS (sizeof(setups) / sizeof(setups[0]))

/* The variables, terminated, as an environment; what is left is the body. */
static char **
take_variables(const uint8_t *data, size_t size, struct arena *arena, struct text *body)
{
	char **environment = arena_alloc(arena, VARIABLES_MAX + 1, sizeof(*environment));
	struct text rest = { (const char *)data, size };
	size_t n = 0;

	while (rest.length > 0 && n < VARIABLES_MAX) {
		const char *end = memchr(rest.data, '\n', rest.length);
		struct text line = { rest.data,
			end == NULL ? rest.length : (size_t)(end - rest.data) };
		size_t used = line.length + (end != NULL);

		rest = (struct text){ rest.data + used, rest.length - used };
		if (line.length == 0)
			break;
		environment[n++] = (char *)(uintptr_t)arena_copy(arena, line).data;
	}
	/* A copy without room behind it. */
	*body = (struct text){ arena_alloc(arena, 1, rest.length), rest.length };
	if (rest.length > 0)
		memcpy((char *)(uintptr_t)body->data, rest.data, rest.length);
	return environment;
}

static bool
contains(struct text text, const char *what)
{
	return memmem(text.data, text.length, what, strlen(what)) != NULL;
}

/* Lines that end with CR LF and hold no other control character. */
static void
check_headers(struct text headers)
{
	MUST(headers.length >= 2);
	MUST(memcmp(headers.data + headers.length - 2, "\r\n", 2) == 0);
	for (size_t i = 0; i < headers.length; i++) {
		unsigned char c = (unsigned char)headers.data[i];

		if (c == '\r')
			MUST(headers.data[++i] == '\n');
		else
			MUST(c >= 0x20 && c != 0x7f);
	}
}

/* Every token that is given out is good. */
static void
check_token(struct text token, struct arena *arena)
{
	static struct agora_codec *codec;
	const struct expectation expectation = {
		.app_id = TEXT(APP_ID), .certificate = TEXT(CERTIFICATE), .now = 0
	};
	struct inspection inspection;

	if (codec == NULL)
		codec = agora_codec_open();
	inspect_token(codec, token, &expectation, arena, &inspection);
	MUST(inspection.valid);
}

static void
check_answer(struct json_object *answer, int status, struct arena *arena)
{
	MUST(json_object_is_type(answer, json_type_object));
	MUST((status != 200) == (json_object_object_get(answer, "error") != NULL));
	json_object_object_foreach(answer, name, value) {
		struct text text = { json_object_get_string(value),
			(size_t)json_object_get_string_len(value) };

		if (strcmp(name, "token") == 0 ||
		    (strlen(name) > 5 && strcmp(name + strlen(name) - 5, "Token") == 0))
			check_token(text, arena);
	}
}

/* secret_known: the input holds it, so that an answer may, in a request's id. */
static void
check_response(const struct response *response, bool secret_known, struct arena *arena)
{
	struct text body = buf_view(&response->body), headers = buf_view(&response->headers);
	struct buf out = { 0 };

	MUST(response->status >= 200 && response->status <= 599 && response->status != 500);
	check_headers(headers);
	MUST(secret_known || (!contains(body, CERTIFICATE) && !contains(headers, CERTIFICATE)));
	if (body.length > 0) {
		struct json_error error;
		struct json_object *answer = json_read(body, 0, &error);

		MUST(answer != NULL);
		check_answer(answer, response->status, arena);
		json_object_put(answer);
	}
	response_write(response, false, &out);
	MUST(out.length > body.length + headers.length);
	buf_free(&out);
}

/* The command line reads this table too, from JSON in which strings may hold NUL. */
static void
read_description(struct text body, struct arena *arena)
{
	struct json_error error;
	struct field_error wrong;
	struct token_description description;
	struct json_object *object = json_read(body, JSON_NUL_ALLOWED, &error);

	MUST(error.problem == JSON_FINE || object == NULL);
	MUST(error.at <= body.length);
	if (error.problem == JSON_FINE &&
	    !field_read(&token_description_table, object, arena, &description, &wrong))
		MUST(wrong.rule[0] != '\0');
	json_object_put(object);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct app *apps[SETUPS];
	static struct exchange exchange;
	struct text input = { (const char *)data, size }, body;
	struct arena arena = { 0 };
	char **environment = take_variables(data, size, &arena, &body);

	log_set_level(LOG_LEVEL_ERROR);
	for (size_t i = 0; i < SETUPS; i++) {
		enum body_problem problem =
		    body.length > REQUEST_BODY_MAX ? BODY_TOO_LARGE : setups[i].problem;

		if (apps[i] == NULL)
			apps[i] = app_open(
			    &setups[i].config, routes, route_count, NULL, true, &(struct buf){ 0 });
		MUST(app_serve(apps[i], &exchange, environment, body, problem) == ANSWERED);
		check_response(&exchange.response, contains(input, CERTIFICATE), &arena);
		exchange_reset(&exchange);
	}
	read_description(body, &arena);
	arena_free(&arena);
	return 0;
}
