#include "access.h"
#include "job.h"
#include "random.h"
#include "tokens.h"

#define BOT_EXPIRE AGORA_EXPIRE_MAX /* seconds: a running job cannot take a new token */
#define CALL_EXPIRE 600 /* seconds: longer than a call may take, and clocks may differ */

/* Absent: the exchange is answered.  Names that no row checked end here, not in a token. */
static struct text
rtc_token(struct exchange *x, struct text channel, struct text uid, int64_t role, uint32_t expire)
{
	const struct token_request request = {
		.kind = TOKEN_RTC, .channel = channel, .uid = uid, .role = role, .expire = expire
	};
	const struct token_settings project = services_project(x);
	struct token_answer answer;
	struct field_error error;

	if (!token_issue(services_of(x), &project, &request, (uint32_t)x->now, token_salt(),
		&x->arena, &answer, &error)) {
		exchange_fail(x, ERROR_INVALID_FIELD, error.field[0] == '\0' ? NULL : error.field,
		    error.rule);
		return (struct text){ NULL, 0 };
	}
	return answer.token;
}

struct text
agora_bot_token(struct exchange *x, struct text channel, struct text uid, bool publish)
{
	return rtc_token(x, channel, uid, publish ? ROLE_PUBLISHER : ROLE_SUBSCRIBER, BOT_EXPIRE);
}

bool
agora_authorize(struct exchange *x, struct call *call, struct text token)
{
	const struct text bound = access_bound(x);
	struct buf header = { 0 };

	if (call->credentials->id.data != NULL)
		return true;
	if (token.data == NULL)
		token = rtc_token(x, bound.data == NULL ? TEXT("*") : bound, TEXT("0"),
		    ROLE_SUBSCRIBER, CALL_EXPIRE);
	if (token.data == NULL)
		return false;
	buf_printf(&header, "agora token=\"%.*s\"", (int)token.length, token.data);
	call->authorization = arena_copy(&x->arena, buf_view(&header));
	buf_wipe(&header);
	buf_free(&header);
	return true;
}

struct text
agora_bot_uid(struct exchange *x, struct text own)
{
	char digits[AGORA_UID_SIZE];

	if (own.data != NULL)
		return own;
	return arena_copy(&x->arena,
	    (struct text){ digits, agora_uid_text(1 + random_below(UINT32_MAX - 1), digits) });
}

/* Letters, digits, - and _: what all products allow in a name. */
struct text
agora_job_name(struct exchange *x)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char name[25] = "agora-";

	for (size_t i = 6; i < sizeof(name) - 1; i++)
		name[i] = digits[random_below(sizeof(digits) - 1)];
	name[sizeof(name) - 1] = '\0';
	return arena_copy(&x->arena, text_of(name));
}

size_t
agora_slot(struct text id)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < id.length; i++)
		hash = hash * 31 + (unsigned char)id.data[i];
	return hash % JOB_SLOTS;
}

int64_t
agora_sequence(struct exchange *x, struct text id)
{
	int64_t *last = &services_of(x)->rest->sequences[agora_slot(id)];

	*last = x->now > *last ? x->now : *last + 1;
	return *last;
}
