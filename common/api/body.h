/* body.h - what a body is that is not JSON, so that the answer can name it. */
#ifndef API_BODY_H
#define API_BODY_H

#include "request.h"
#include "response.h"

/* The body without the UTF-8 byte order mark that some editors and shells put in front. */
struct text body_text(struct text body);

/* rule: what it is and what to send instead, static text; NULL where only its JSON is wrong. */
struct body_kind {
	enum http_error error;
	const char *rule;
};

/*
 * Of a request whose body was not read as JSON: judged by its first bytes, and by Content-Encoding
 * and Content-Type where these do not tell.  A body that is JSON is never asked what its headers
 * say of it, as the peers do not.
 */
struct body_kind body_kind_of(const struct request *request) __attribute__((nonnull));

#endif
