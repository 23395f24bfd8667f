#include "system.h"

struct ping_answer {
	struct text message;
};

static const struct field ping_fields[] = {
	{ "message", FIELD_TEXT, 0, offsetof(struct ping_answer, message) },
};

const struct table ping_table = TABLE(ping_fields, struct ping_answer);

enum step
system_ping(struct exchange *x)
{
	struct ping_answer *out = x->output;

	out->message = TEXT("pong");
	return NEXT;
}
