#include <time.h>

#include "answer.h"
#include "redact.h"

#define TEXT_MAX 4096 /* bytes of a text in an answer */

struct text
agora_text_member(struct exchange *x, struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (object == NULL || !json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value) || value == NULL)
		return (struct text){ NULL, 0 };
	if (!json_object_is_type(value, json_type_string) &&
	    !json_object_is_type(value, json_type_int))
		return (struct text){ NULL, 0 };
	if (json_object_get_string_len(value) > TEXT_MAX)
		return (struct text){ NULL, 0 };
	return arena_copy(&x->arena, text_of(json_object_get_string(value)));
}

int64_t
agora_int_member(struct json_object *object, const char *name, int64_t otherwise)
{
	struct json_object *value = NULL;

	if (object == NULL || !json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, json_type_int))
		return otherwise;
	return json_object_get_int64(value);
}

struct text
agora_timestamp(struct exchange *x)
{
	char text[32];
	time_t now = (time_t)x->now;
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_copy(&x->arena, text_of(text));
}

static struct error_upstream
what_agora_said(struct exchange *x, const struct call *call)
{
	static const char *const reasons[] = { "reason", "message", "detail" };
	struct error_upstream said = { .status = call->status };
	size_t i;

	said.code = agora_text_member(x, call->json, "code");
	for (i = 0; i < 3 && said.reason.data == NULL; i++)
		said.reason = agora_redacted(x, call, agora_text_member(x, call->json, reasons[i]));
	for (; i < 3 && said.detail.data == NULL; i++)
		said.detail = agora_redacted(x, call, agora_text_member(x, call->json, reasons[2]));
	if (call->agora_request_id[0] != '\0')
		said.request_id = text_of(call->agora_request_id);
	return said;
}

static void
answer_error(struct exchange *x, enum http_error error, int status, const char *what,
    struct text why, const struct error_upstream *said, struct json_object *known)
{
	struct buf sentence = { 0 };

	buf_printf(&sentence, "%s: %.*s", what, (int)why.length, why.data);
	buf_add(&sentence, "", 1);
	response_error_upstream(
	    &x->response, error, status, sentence.data, x->request.id, said, known);
	buf_free(&sentence);
}

/* An earlier try of a start may have been carried out, whatever came of the last one. */
static bool
may_run(const struct call *call)
{
	return call->doubtful && call->repeat != CALL_SAFE;
}

static void
retry_later(struct exchange *x, const struct call *call)
{
	response_retry_after(
	    &x->response, (call->retry_after > 0 ? call->retry_after : 1) * 1000000);
}

static void
fail_with_answer(
    struct exchange *x, const char *what, const struct call *call, struct json_object *known)
{
	struct error_upstream said = what_agora_said(x, call);
	struct text why = said.reason;
	bool kept = call->status == 400 || call->status == 404 || call->status == 409 ||
	    call->status == 422 || call->status == 429;

	if (may_run(call)) {
		answer_error(x, ERROR_UNKNOWN_OUTCOME, 0, what,
		    TEXT("it may be running: an answer of Agora's was lost, or was an error of its "
			 "own"),
		    &said, known);
		return;
	}
	if (call->status < 300) {
		answer_error(x, ERROR_UPSTREAM, 0, what,
		    TEXT("Agora's answer is not the JSON object that it should be"), &said, known);
		return;
	}
	if (call->status == 401 || call->status == 403) {
		answer_error(x, ERROR_UPSTREAM_AUTH, 0, what,
		    call->authorization.data != NULL
			? TEXT("Agora does not accept a token of this server's App ID and "
			       "certificate, or the feature is not enabled for the project")
			: TEXT("Agora does not accept this server's customer id and secret, or the "
			       "feature is not enabled for the project"),
		    &said, known);
		return;
	}
	if (why.data == NULL)
		why = TEXT("Agora gave no reason");
	if (call->status == 429)
		retry_later(x, call);
	if (kept)
		answer_error(x, ERROR_UPSTREAM_REFUSED, call->status, what, why, &said, known);
	else
		answer_error(x, ERROR_UPSTREAM, 0, what, why, &said, known);
}

bool
agora_succeeded(struct exchange *x, const char *what, struct json_object *known)
{
	const struct call *call = agora_answer(x);
	bool succeeded = call->outcome == CALL_ANSWERED && call->status >= 200 &&
	    call->status < 300 &&
	    (json_object_is_type(call->json, json_type_object) || call->empty);
	enum call_outcome outcome = call->outcome;

	if (outcome != CALL_ANSWERED && may_run(call))
		outcome = CALL_UNKNOWN;
	switch (outcome) {
	case CALL_ANSWERED:
		if (succeeded)
			object_hide_secrets(call->json);
		else
			fail_with_answer(x, what, call, known);
		break;
	case CALL_NOT_DONE:
		answer_error(x, ERROR_UPSTREAM_TIMEOUT, 0, what,
		    text_of(call->failure == NULL ? "no answer came" : call->failure), NULL, known);
		break;
	case CALL_UNKNOWN:
		answer_error(x, ERROR_UNKNOWN_OUTCOME, 0, what,
		    TEXT("it may be running or not: the request was sent and no answer came"), NULL,
		    known);
		break;
	case CALL_CROWDED:
		response_header(&x->response, "Retry-After", TEXT("1"));
		answer_error(x, ERROR_OVERLOADED, 0, what,
		    text_of(call->failure == NULL ? "too many calls to Agora in progress"
						  : call->failure),
		    NULL, known);
		break;
	case CALL_PACED:
		retry_later(x, call);
		answer_error(x, ERROR_RATE_LIMITED, 0, what,
		    TEXT("Agora takes no more requests a second or minute than it has had"), NULL,
		    known);
		break;
	}
	json_object_put(known);
	return succeeded;
}

bool
agora_deleted(struct exchange *x, const char *what)
{
	const struct call *call = agora_answer(x);

	/* The first try did it, its answer was lost, and the second found nothing more. */
	if (call->outcome == CALL_ANSWERED && call->status == 404 && call->doubtful)
		return true;
	return agora_succeeded(x, what, NULL);
}

enum step
agora_bad_answer(struct exchange *x, enum http_error error, const char *what, const char *why,
    struct json_object *known)
{
	const struct call *call = agora_answer(x);
	struct error_upstream said = what_agora_said(x, call);

	answer_error(x, error, 0, what, text_of(why), &said, known);
	json_object_put(known);
	return ANSWERED;
}
