/*
 * copied.h - a token as somebody copied it: in quotes, behind the word Bearer, URL-decoded, cut,
 * in the middle of a text.  What is around it is looked through, so that the rest can be judged.
 */
#ifndef TOKENS_COPIED_H
#define TOKENS_COPIED_H

#include "agoratoken.h"
#include "buf.h"

struct copied {
	bool quotes, bearer; /* around it; also backslashes in it */
	bool blanks;         /* around it or in it */
	bool percent, plus;  /* it holds %2B; blanks, where a + was */
	bool is_inside;      /* of something else, which is not looked at */
	bool is_followed;    /* by another token */
	bool is_cut, is_exact;
	size_t length;     /* of the token alone, in characters */
	size_t front, end; /* characters that are known to be missing there */
	size_t missing;    /* at the end, likely or exactly; 0 = it cannot be said */
	/* In the arena: without what was around it; and that without blanks, which was parsed. */
	struct text text, token;
};

/*
 * Parses the token in the text.  channel and user, where the token is likely for them (else
 * absent), tell how long it was before it was cut.  *parsed holds as long as the codec and arena.
 */
enum agora_error copied_parse(struct agora_codec *codec, struct text text, struct text channel,
    struct text user, struct arena *arena, struct agora_parsed *parsed, struct copied *copied)
    __attribute__((nonnull));

#endif
