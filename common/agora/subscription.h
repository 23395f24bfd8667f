/*
 * subscription.h - whose streams a bot of Agora's takes: the lists of users in Agora's own objects.
 * An exclusion that was not understood would record somebody who asked not to be, so each list is
 * recognised however it is spelled, and a member that looks like one but is not is refused.
 */
#ifndef AGORA_SUBSCRIPTION_H
#define AGORA_SUBSCRIPTION_H

#include "exchange.h"

/*
 * Puts the lists of `object` in order: null members are removed; subscribe... and unsubscribe...
 * of Audio and Video must be lists of at most 32 strings, and exclude one another.  The spelling
 * unSubscribe... of Agora's Go and Java clients is kept, other spellings become the documented one.
 * An empty list beside the other one is removed, and where `starting` an empty exclusion, since it
 * is no list.  `field` is the object's name in errors.  false: the exchange is answered.
 */
bool
subscription_tidy(struct exchange *x, struct json_object *object, const char *field, bool starting);

/* Whether a tidy object says whose streams are taken.  `kind` is "Audio" or "Video". */
bool subscription_is_given(struct json_object *object, const char *kind);

#endif
