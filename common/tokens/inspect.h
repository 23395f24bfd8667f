/*
 * inspect.h - why a token is refused: what it says, and each thing that is wrong with it or with
 * its use, in words.  POST /token/inspect and `agora-token inspect` ask the same evaluator.
 */
#ifndef TOKENS_INSPECT_H
#define TOKENS_INSPECT_H

#include "describe.h"
#include "exchange.h"
#include "fit.h"

struct ask;

struct problem {
	struct text code, problem, fix;
};

struct inspection {
	struct text version, app_id;
	int64_t issue_ts, expire, expire_at, salt, service_count; /* -1 = not known */
	int64_t channel_crc, user_crc;                            /* version 006; -1 = none */
	struct list services;                                     /* struct inspected_service */
	struct list privileges;     /* version 006: struct inspected_privilege */
	int complete;               /* these three: 1, 0, MAYBE_NULL, MAYBE_ABSENT */
	int64_t first_unknown_type; /* -1 = none */
	struct text signature;      /* hexadecimal */
	int signature_valid;
	struct text certificate; /* "secondary": the one that verifies it, where not the first */
	int expired;
	struct list compared; /* struct text: which of what the client has was looked at */
	bool valid;           /* no problem that it is refused for, and the signature is good */
	struct list problems; /* struct problem, the most likely cause first */
};

extern const struct table inspection_table;

/* Texts are views into the codec, the token or the arena, and hold as long as all three. */
void
inspect_token(struct agora_codec *codec, struct text token, const struct expectation *expectation,
    struct arena *arena, struct inspection *out) __attribute__((nonnull));

/*
 * A name as any terminal may show it, in quotes: what JSON escapes, and the control characters
 * U+0080 to U+009F, which some terminals obey.
 */
void inspect_name(struct buf *out, struct text name);

/* The endpoint, and of which project its token is (struct route). */
void inspect_ask(struct exchange *exchange, struct ask *ask);
enum step inspect_post(struct exchange *exchange);
extern const struct table inspect_request_table;

#endif
