/* job.h - what a job of Agora's is given: its name, numbers of its updates, its bot's uid and
 * token. */
#ifndef AGORA_JOB_H
#define AGORA_JOB_H

#include "call.h"

/*
 * For an API that takes a token of the project's too: where there is no customer id and secret the
 * call shows this one; absent: one of ten minutes for the caller's channel, or for any where the
 * call names a job alone.  false: the exchange is answered.
 */
bool agora_authorize(struct exchange *x, struct call *call, struct text token)
    __attribute__((warn_unused_result));

/* A new name for a job, by which Agora recognises a start that is sent again. */
struct text agora_job_name(struct exchange *x);

/* Where what is kept for a job stands, by its id: 0 to JOB_SLOTS - 1. */
size_t agora_slot(struct text id);

/*
 * A number for an update of this job that is larger than the ones before: the seconds of the time,
 * or a few more.  Another worker, that knows only the time, soon gives larger ones too.
 */
int64_t agora_sequence(struct exchange *x, struct text id);

/* A token for a bot of ours: RTC, 24 hours.  Absent: the exchange is answered. */
struct text agora_bot_token(struct exchange *x, struct text channel, struct text uid, bool publish);

/* The bot's uid: the request's own, or a random one where that is absent. */
struct text agora_bot_uid(struct exchange *x, struct text own);

#endif
