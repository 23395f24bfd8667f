/* redact.h - what nobody may be shown: secrets in Agora's objects and in texts of its errors. */
#ifndef AGORA_REDACT_H
#define AGORA_REDACT_H

#include "call.h"

/* Strikes stream keys, tokens and the like out of the value and what is below it. */
void object_hide_secrets(struct json_object *value);

/* Whether a member of this name holds a secret, or is a URL that ends with one. */
bool object_is_secret(const char *name);
bool object_is_stream_url(const char *name);

/* The part of a stream's URL that is its key: what follows the application, or the host. */
struct text stream_url_key(struct text url);
/* Its user and password, "" where it has none. */
struct text stream_url_user(struct text url);

/*
 * The text, which is the exchange's own, without the secrets of the settings, the call and the
 * request, and cut to a length that an error may have.  absent stays absent.
 */
struct text agora_redacted(struct exchange *x, const struct call *call, struct text said);

#endif
