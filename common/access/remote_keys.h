/*
 * remote_keys.h - keys of JWT callers that are fetched from an address (a JWKS): kept in memory,
 * and in a directory for programs that have no memory.
 *
 * Sets are used for a day at most, and fetched anew when they are an hour old or when a token names
 * a key that is not in them, or is signed by none of them; but never more than once in five
 * minutes, while there are any.
 */
#ifndef ACCESS_REMOTE_KEYS_H
#define ACCESS_REMOTE_KEYS_H

#include "exchange.h"
#include "limit.h"
#include "policy.h"
#include "upstream.h"

#define REMOTE_KEYS_FRESH 3600  /* seconds */
#define REMOTE_KEYS_STALE 86400 /* seconds */
#define REMOTE_KEYS_PAUSE 300   /* seconds between two fetches */
#define REMOTE_KEYS_RETRY 10    /* the same while there is nothing to check a token with */

/*
 * Whoever waits for keys is not known yet, so few may: what they hold is nothing to the server, and
 * one address cannot take it all.
 */
#define REMOTE_KEYS_WAITING 100   /* exchanges at once */
#define REMOTE_KEYS_WAITING_OF 10 /* of one address, as limit_address counts it */

struct remote_keys;
struct remote_key_list;

/*
 * Of all callers of the policy; both are borrowed.  sender.send NULL: nothing can be fetched here,
 * only what the directory holds is used.  directory: absent for none.
 */
struct remote_key_list *
remote_keys_open(const struct policy *policy, const struct sender *sender, struct text directory);
void remote_keys_close(struct remote_key_list *list);

/*
 * For a process that serves one request: what nobody waits for is only noted, and fetched by
 * remote_keys_fetch_due, when the answer has left.
 */
void remote_keys_defer(struct remote_key_list *list);

/* The next of a caller's sets after `previous` (NULL: the first), or NULL. */
struct remote_keys *remote_keys_next(
    struct remote_key_list *list, const struct caller *caller, struct remote_keys *previous);

/* Its keys; NULL: there are none that may be used at `now` (Unix seconds). */
const struct key_set *remote_keys_now(struct remote_keys *remote, int64_t now);

/* Whether fetching it now is allowed and possible, or under way. */
bool remote_keys_may_fetch(struct remote_keys *remote, int64_t now);

/* Fetches it when it is no longer fresh, without anyone waiting for it. */
void remote_keys_refresh(struct remote_keys *remote, int64_t now);

/* Whether there is something noted, or being fetched. */
bool remote_keys_due(const struct remote_key_list *list);
/* Fetches what was noted, but for what another process has begun to fetch meanwhile. */
void remote_keys_fetch_due(struct remote_key_list *list, int64_t now);

/* Whether one more exchange of the address may wait; where not, the log says so once a fetch. */
bool remote_keys_have_room(struct remote_keys *remote, struct text address);
/* How many wait, for whichever keys. */
size_t remote_keys_waiting(const struct remote_key_list *list);

/*
 * Fetches it; exchange->next (which the caller has set) goes on when it is there or failed.  There
 * must be room.
 */
enum step
remote_keys_wait(struct remote_keys *remote, struct exchange *exchange, struct text address);

/* false: there is a set that could not be fetched, and nothing to use in its place. */
bool remote_keys_ready(const struct remote_key_list *list, int64_t now);
/* Sets the age of each set that is here. */
void remote_keys_metrics(const struct remote_key_list *list, int64_t now);

#endif
