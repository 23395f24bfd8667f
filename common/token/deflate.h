/* deflate.h - a zlib stream made of one block with deflate's fixed codes. */
#ifndef TOKEN_DEFLATE_H
#define TOKEN_DEFLATE_H

#include <stddef.h>

#define DEFLATE_FIXED_MAX 160 /* bytes in; longer texts mostly want codes of their own */
#define DEFLATE_FIXED_ROOM (DEFLATE_FIXED_MAX / 8 * 9 + 16) /* bytes out, at most */

/* in[0..length), at most DEFLATE_FIXED_MAX bytes, to out.  Returns the stream's length. */
size_t deflate_fixed(const unsigned char *in, size_t length, unsigned char out[DEFLATE_FIXED_ROOM]);

#endif
