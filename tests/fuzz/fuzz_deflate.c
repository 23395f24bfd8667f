/* The encoder of tokens, over any bytes: what it makes must come back from zlib, to the last one.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "deflate.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t length = size < DEFLATE_FIXED_MAX ? size : DEFLATE_FIXED_MAX;
	/* Without room behind them. */
	unsigned char *in = malloc(length == 0 ? 1 : length), *out = malloc(DEFLATE_FIXED_ROOM);
	unsigned char back[DEFLATE_FIXED_MAX + 1];
	uLongf back_length = sizeof(back);
	size_t packed;
	uLong used;

	MUST(in != NULL && out != NULL);
	if (length > 0)
		memcpy(in, data, length);
	used = packed = deflate_fixed(in, length, out);
	MUST(packed <= DEFLATE_FIXED_ROOM);
	MUST(uncompress2(back, &back_length, out, &used) == Z_OK);
	MUST(used == packed && back_length == length && memcmp(back, in, length) == 0);
	free(in);
	free(out);
	return 0;
}
