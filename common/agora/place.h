/*
 * place.h - whether a job is in the channel that the caller's grant is bound to, as Agora itself
 * says: nothing is done to a job that is elsewhere.
 */
#ifndef AGORA_PLACE_H
#define AGORA_PLACE_H

#include "answer.h"

/* How a product says whether a job is in a channel. */
struct job_place {
	/*
	 * The call that asks; page is where the answer before ended, absent at first.  NULL: the
	 * exchange is answered.
	 */
	struct call *(*ask)(struct exchange *x, struct text channel, struct text page);
	/* Whether the answer says so; else *page where there is more of it. */
	bool (*is_there)(struct exchange *x, struct text channel, struct text *page);
	int64_t keep_ms; /* the call lists jobs, and its answer is good for others so long; 0: no */
};

/*
 * Goes on with `then` at once; or, for a caller whose grant is bound to channels, when Agora has
 * said that the job is in the one that he named.
 */
enum step agora_in_place(
    struct exchange *x, const struct job_place *place, enum step (*then)(struct exchange *));

#endif
