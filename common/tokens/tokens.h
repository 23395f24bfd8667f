/*
 * tokens.h - issuing tokens: what may be asked for, the token that comes of it, and the endpoints
 * that do it.  The command line uses the same table and the same function.
 */
#ifndef TOKENS_TOKENS_H
#define TOKENS_TOKENS_H

#include "access.h"
#include "services.h"

#define EXPIRE_DEFAULT 3600 /* seconds */

/* tokenType */
enum token_kind {
	TOKEN_RTC,
	TOKEN_RTM,
	TOKEN_CHAT,
	TOKEN_APAAS,
	TOKEN_FPA,
	TOKEN_STREAMING,
	TOKEN_FCDN,
	TOKEN_RTM2,
	TOKEN_CONVOAI,
	TOKEN_STT,
};

enum token_role { ROLE_PUBLISHER = 1, ROLE_SUBSCRIBER = 2 };

/* Lifetimes in seconds after issue, 0 = as long as the token, -1 = not granted. */
struct token_privileges {
	int64_t join, audio, video, data;
};

struct token_permission {
	int64_t resource, permission;
	struct list names; /* struct text */
};

struct token_request {
	int64_t kind; /* enum token_kind */
	struct text channel;
	struct text uid;     /* "0" or "" = any user, where the kind allows it */
	struct text account; /* in its place: a string, also where it is "0" */
	struct text rtm_uid; /* RTM user beside the RTC one */
	struct text room;
	int64_t role; /* enum token_role */
	int64_t room_role;
	int64_t expire;                      /* seconds, 0 = default */
	struct token_privileges *privileges; /* rtc: instead of a role */
	struct list permissions;             /* rtm2: struct token_permission */
	/* the grant's */
	struct list narrowed; /* struct text: lifetimes that it cut */
	struct text chosen;   /* uid that it filled in */
};

struct token_answer {
	struct text token;  /* in the arena */
	int64_t expire;     /* seconds, as signed */
	int64_t expires_at; /* Unix seconds */
	struct list
	    clamped;     /* struct text: inputs that were cut, to Agora's maximum or the grant's */
	struct text uid; /* where the grant chose it */
	struct text grant; /* that covers it; absent: the service is open */
};

/* Input of POST /getToken and of `agora-token issue`; its answer. */
extern const struct table token_request_table;
extern const struct table token_answer_table;

/*
 * Signs what is asked for, valid from issue_ts (Unix seconds).  The request must have passed
 * token_request_table or obey the same rules.  false with *error filled when inputs contradict one
 * another or the token would be too large.
 */
bool token_issue(struct services *services, const struct token_settings *project,
    const struct token_request *request, uint32_t issue_ts, uint32_t salt, struct arena *arena,
    struct token_answer *answer, struct field_error *error)
    __attribute__((nonnull, warn_unused_result));

/* Whether a token of this kind is for a uid or an account that joins a channel. */
bool token_joins(int64_t kind);

/* A salt as Agora's builders draw it: 1 to 99999999. */
uint32_t token_salt(void);

/* What a request asks for (struct route). */
void token_ask(struct exchange *exchange, struct ask *ask);
void token_rtc_ask(struct exchange *exchange, struct ask *ask);
void token_rte_ask(struct exchange *exchange, struct ask *ask);
void token_rtm_ask(struct exchange *exchange, struct ask *ask);
void token_chat_ask(struct exchange *exchange, struct ask *ask);
void token_fetch_rtc_ask(struct exchange *exchange, struct ask *ask);
void token_fetch_rtm_ask(struct exchange *exchange, struct ask *ask);
void token_access_ask(struct exchange *exchange, struct ask *ask);

/* Endpoints. */
enum step token_post(struct exchange *exchange);
enum step token_get_access(struct exchange *exchange);
enum step token_get_rtc(struct exchange *exchange);
enum step token_get_rtm(struct exchange *exchange);
enum step token_get_rte(struct exchange *exchange);
enum step token_get_chat_app(struct exchange *exchange);
enum step token_get_chat_user(struct exchange *exchange);

/* Their inputs and answers. */
extern const struct table rtc_path_table, rtm_path_table, rte_path_table, rte_rtm_path_table,
    chat_app_path_table, chat_user_path_table, fetch_rtc_table, fetch_rtm_table, access_token_table;
extern const struct table rtc_answer_table, rtm_answer_table, rte_answer_table, chat_answer_table;

#endif
