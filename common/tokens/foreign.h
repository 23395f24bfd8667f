/*
 * foreign.h - what a text is that is not a token of Agora's libraries: the value of a variable that
 * had no token yet, a JSON Web Token, an App ID, or the work of a builder that somebody wrote.
 */
#ifndef TOKENS_FOREIGN_H
#define TOKENS_FOREIGN_H

#include "agoratoken.h"
#include "buf.h"

enum foreign_kind {
	FOREIGN_NONE, /* nothing is known of it */
	FOREIGN_NOT_READY,
	FOREIGN_JWT,
	FOREIGN_HEX32, /* an App ID or an App Certificate */
	FOREIGN_BUILT, /* not by AccessToken2 */
};

struct foreign {
	enum foreign_kind kind;
	const char *looks; /* FOREIGN_BUILT: what it looks like, static text */
};

/*
 * text: without what was around it; error: why it is not a token.  The codec may hold another token
 * afterwards.
 */
struct foreign foreign_look(struct agora_codec *codec, struct text text, enum agora_error error,
    struct arena *arena) __attribute__((nonnull));

/* Whether a channel or a user has the name of a variable's missing value, or of a placeholder. */
bool foreign_name(struct text name);

#endif
