#include "agora.h"
#include "fuzz.h"
#include "json.h"

#define CALLS_MAX 64 /* of one exchange */

struct upstream {
	struct progress progress;
	struct call *waiting; /* an exchange has one at a time */
	struct text answers;
	unsigned count;
};

static struct upstream agora;

static struct upstream *
open_agora(const struct upstream_settings *settings, struct buf *error)
{
	(void)settings, (void)error;
	return &agora;
}

static void
close_agora(struct upstream *u)
{
	u->waiting = NULL;
}

static const struct progress *
progress_of(struct upstream *u)
{
	return &u->progress;
}

static void
send_call(struct upstream *u, struct call *call)
{
	MUST(u->waiting == NULL);
	/* The path is ours: whatever the client sent, it holds one segment of it at most. */
	for (size_t i = 0; i < call->path.length; i++)
		MUST(call->path.data[i] > ' ' && call->path.data[i] < 0x7f);
	MUST(call->path.length == 0 || call->path.data[0] == '/');
	if (call->body.length > 0) {
		struct json_error error;
		struct json_object *body = json_read(call->body, 0, &error);

		MUST(json_object_is_type(body, json_type_object));
		json_object_put(body);
	}
	u->waiting = call;
}

static void
cancel_call(struct upstream *u, struct call *call)
{
	MUST(u->waiting == call);
	u->waiting = NULL;
}

const struct upstream_driver agora_driver = { open_agora, close_agora, progress_of, send_call,
	cancel_call };

static struct text
next_answer(struct text *answers)
{
	static const char mark[] = "\n--\n";
	const char *end = memmem(answers->data, answers->length, mark, sizeof(mark) - 1);
	const struct text one = { answers->data,
		end == NULL ? answers->length : (size_t)(end - answers->data) };
	const size_t used = one.length + (end == NULL ? 0 : sizeof(mark) - 1);

	*answers = (struct text){ answers->data + used, answers->length - used };
	return one;
}

static void
end_call(struct upstream *u)
{
	static const struct {
		const char *name;
		enum call_outcome outcome;
	} outcomes[] = { { "NONE", CALL_NOT_DONE }, { "UNKNOWN", CALL_UNKNOWN },
		{ "CROWDED", CALL_CROWDED }, { "PACED", CALL_PACED } };
	struct call *call = u->waiting;
	struct text one = next_answer(&u->answers), first = one;
	const char *end = one.length == 0 ? NULL : memchr(one.data, '\n', one.length);
	struct json_error error;
	uint64_t status;

	u->waiting = NULL;
	call->outcome = CALL_NOT_DONE;
	call->failure = "no answer came";
	call->tries = 1;
	if (end != NULL)
		first.length = (size_t)(end - one.data);
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		if (text_is(first, outcomes[i].name))
			call->outcome = outcomes[i].outcome;
	if (u->count++ < CALLS_MAX && text_number(first, 599, &status) && status >= 100) {
		call->outcome = CALL_ANSWERED;
		call->failure = NULL;
		call->status = (int)status;
		if (end != NULL)
			buf_add(&call->answer, end + 1, one.length - first.length - 1);
		if (call->answer.length > 0)
			call->json = json_read(buf_view(&call->answer), 0, &error);
	}
	call->done(call);
}

static void
note_finished(struct exchange *exchange)
{
	*(bool *)exchange->owner = true;
}

void
agora_serve(struct app *app, struct exchange *x, char *const *params, struct text body,
    enum body_problem problem, struct text answers)
{
	bool finished = false;

	agora.answers = answers;
	agora.count = 0;
	x->finished = note_finished;
	x->owner = &finished;
	if (app_serve(app, x, params, body, problem) == WAITING)
		while (!finished) {
			MUST(agora.waiting != NULL);
			end_call(&agora);
		}
	MUST(agora.waiting == NULL);
	if (x->held)
		app_release(x, app_write_records());
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

void
agora_check_response(const struct response *response)
{
	const struct text body = buf_view(&response->body);
	struct buf out = { 0 };

	MUST(response->status >= 200 && response->status <= 599 && response->status != 500);
	check_headers(buf_view(&response->headers));
	if (body.length > 0 && response->content_type == NULL) {
		struct json_error error;
		struct json_object *answer = json_read(body, JSON_UNIQUE, &error);

		MUST(json_object_is_type(answer, json_type_object));
		MUST(
		    (response->status >= 300) == (json_object_object_get(answer, "error") != NULL));
		json_object_put(answer);
	}
	response_write(response, false, &out);
	MUST(out.length > body.length);
	buf_free(&out);
}
