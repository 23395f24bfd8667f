/*
 * access.h - the steps of an exchange between its route and its handler: how often its address may
 * ask, who it is, what it asks for, and whether it may have that; and the record of it.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "audit.h"
#include "caller.h"
#include "exchange.h"
#include "limit.h"
#include "random.h"
#include "upstream.h"

struct access_settings {
	struct text policy_file, audit_file, key_cache;
	int64_t audit_format;  /* enum record_format */
	bool audit_required;   /* without a record there is no token */
	struct text audit_key; /* of the chain in audit_file; absent: there is none */
	struct text address_rate, failure_rate;
};
extern const struct table access_settings_table;

struct access;

/* What an exchange has come to on its way through the steps; it has one when they begin. */
struct admission {
	struct identity identity;
	struct caller_reason reason; /* why nobody is known */
	struct ask ask;
	struct verdict verdict;
	bool charged; /* as wrong credentials, until it is known that they are not */
	bool granted; /* a grant covers it; false also where no policy asks */
	const struct project *project; /* NULL: the settings' own */
	struct access *access;
	bool recorded;     /* there is to be a record of it */
	char shadow[200];  /* why it would be refused, were the policy enforced */
	char tokens[2][9]; /* of the tokens that were issued: the first digits of SHA-256 */
	size_t token_count;
	char act[RANDOM_ID_SIZE];  /* "": no second record is to follow; else both have it */
	struct text job[JOB_IDS];  /* as far as they are known */
	struct text hosts;         /* of the streams that the request names: "a,b" */
	const struct call *call;   /* the last one to Agora; NULL: none */
	const struct call *change; /* the last that starts, changes or ends something */
	bool calling;              /* the last one has not ended */
	bool noted;                /* a record of it waits for audit_write */
	bool lost;                 /* its record could not be written */
	char services[96];         /* "rtc,rtm": of the record */
};

/*
 * All are borrowed.  policy NULL: the service is open.  has_memory: the process serves more than
 * one request, so limits can be kept.  NULL with *error set.
 */
struct access *access_open(const struct access_settings *settings, const struct policy *policy,
    const struct sender *sender, bool has_memory, struct buf *error);
void access_close(struct access *access);

/*
 * Has its address asked too often?  Each request counts, whatever else is wrong with it, so this
 * may come after an answer was made, and replaces it; the route may be NULL.
 */
enum step access_address(struct access *access, struct exchange *exchange);

/* Who asks.  WAITING: exchange->next goes on, and asks again. */
enum step access_caller(struct access *access, struct exchange *exchange);

/*
 * What it asks for and whether it may have that; fills in and narrows its input.  Without a policy
 * only what the handlers need is there in the end.
 */
enum step access_grant(struct access *access, struct exchange *exchange);

/*
 * Before the exchange waits for another server: forgets its caller's claims, and what was borrowed
 * from its input.
 */
void access_settle(struct exchange *exchange);

/*
 * The record of tokens that were issued, or of what became of an action.  true: the answer is not
 * to leave before audit_write was called, whose word access_release then takes: a token without a
 * record becomes an error.
 */
bool access_account(struct access *access, struct exchange *exchange);
/* true: it did. */
bool access_release(struct access *access, struct exchange *exchange, bool recorded);

/*
 * What the exchange's input asks for, by its route and its member "project".  false with *error
 * filled; policy may be NULL.
 */
bool access_ask(const struct policy *policy, struct exchange *exchange, struct ask *ask,
    struct field_error *error);

/* A handler has issued this token. */
void access_note_token(struct exchange *exchange, struct text token);

/* It sends this call to Agora, which stays until the exchange is complete; NULL: that has ended. */
void access_note_call(struct exchange *exchange, const struct call *call);

/* It knows this of the job that it is about; an empty text is nothing new. */
void access_note_job(struct exchange *exchange, enum job_id id, struct text value);

/*
 * The channel that a job must be in for the caller to have to do with it, where he named it;
 * absent: his grant holds everywhere.
 */
struct text access_bound(const struct exchange *exchange);

/*
 * Takes one of the caller's share of something that all callers have together: so many in that
 * time.  Microseconds until it may have one more, 0: it has it.  A caller without a subject that
 * is nobody in particular is its address.
 */
int64_t access_share(struct exchange *exchange, struct text of, int64_t most, int64_t us);

/* Answers 403: Agora does not say that the job is in that channel.  Returns ANSWERED. */
enum step access_out_of_bounds(struct exchange *exchange);

/*
 * For a program that cannot fetch keys: whether one that can would, for these credentials.  Of the
 * exchange its request, route and now are looked at.
 */
bool access_wants_keys(const struct access *access, const struct exchange *exchange);

/*
 * Where the process serves one request: keys that it found to be no longer fresh are fetched when
 * its answer has left.  access_keys_due: until that is done.
 */
bool access_keys_due(const struct access *access);
void access_fetch_keys(struct access *access, int64_t now);

/* Exchanges that wait for keys.  They have bounds of their own, and are nobody's yet. */
size_t access_waiting_for_keys(const struct access *access);

/*
 * Whether everything is there that the next request needs: keys that callers are known by, where
 * they have to be fetched, and room for records.
 */
bool access_has_keys(const struct access *access, int64_t now);
bool access_has_records(const struct access *access);
/* Sets the metrics that are a state. */
void access_metrics(const struct access *access, int64_t now);

/* "open", "log" or "on". Static text. */
const char *access_mode(const struct policy *policy);

#endif
