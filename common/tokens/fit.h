/* fit.h - whether the names in a token let a client in, and which of them come closest. */
#ifndef TOKENS_FIT_H
#define TOKENS_FIT_H

#include "agoratoken.h"
#include "text.h"

#define FIT_LOGIN_006 1000 /* the privilege of version 006 to log in to RTM */

/* What the token ought to be.  Absent texts are not compared. */
struct expectation {
	struct text app_id;
	struct text certificate; /* absent: the signature cannot be checked, and nothing is valid */
	struct text second_certificate; /* looked at where the first does not verify it */
	struct text certified_app_id;   /* the App ID that these certificates are of */
	struct text channel;            /* what the client joins */
	struct text uid;     /* the number or name it joins with; "0" = without a uid of its own */
	struct text account; /* in its place: a string, whatever it looks like */
	int64_t now;         /* Unix seconds */
};

struct fit {
	bool channel, user;                /* the client's go with it, or are not given */
	bool has_channels;                 /* it opens channels at all */
	struct text its_channel, its_user; /* of the service that comes closest; 006 has none */
	uint16_t type; /* of that one; 0 = none.  006: RTM where it logs in and joins nothing */
};

/*
 * Where no service opens the client's channel, the user is compared with those of the others: each
 * fault is to be told at once.
 */
struct fit fit_of(const struct agora_parsed *parsed, const struct expectation *expectation);

/* Who joins: the account, or the uid; "" = with no uid of its own. */
struct text fit_user(const struct expectation *expectation);

/* The same where 0 is a name like any other, as in RTM. */
struct text fit_exact_user(const struct expectation *expectation);

/* Whether tokens of this kind may be for any user. */
bool fit_any_user(uint16_t type);

/* Whether it opens this channel; absent: any. */
bool fit_opens(const struct agora_service *service, struct text channel);

/* Whether it is for who joins; where that is not said: yes. */
bool fit_lets_in(const struct agora_service *service, const struct expectation *expectation);

#endif
