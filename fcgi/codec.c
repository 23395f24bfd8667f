#include <stdlib.h>

#include <fcgiapp.h>
#include <fcgios.h>

#include "codec.h"

/*
 * libfcgi asks for a descriptor and only hands it back to OS_Read and OS_Write, and to close(2),
 * which refuses it: no descriptor can have this number.
 */
#define NO_DESCRIPTOR 0x7ffffff0

/* libfcgi's streams, of which one has 8 KiB for what it reads, and two for what it writes. */
#define STREAMS 17408

#define KEPT_BODY 8192 /* bytes of memory kept for the next request */

struct codec {
	FCGX_Request request; /* its streams point into it: never moved */
	struct text in;       /* what is left to be read */
	struct buf *out;
	struct buf body;
	size_t decoded; /* bytes that the request came in: its parameters are copies of some */
	bool open;
};

/* Whose call into libfcgi is running. */
static struct codec *current;

/* These two take the place of libfcgi's own; configure proves that they do. */
int
OS_Read(int fd, char *buf, size_t length)
{
	struct codec *codec = current;

	(void)fd;
	if (length > codec->in.length)
		length = codec->in.length;
	if (length > 0)
		memcpy(buf, codec->in.data, length);
	codec->in = (struct text){ codec->in.data + length, codec->in.length - length };
	return (int)length;
}

int
OS_Write(int fd, char *buf, size_t length)
{
	(void)fd;
	if (current->out != NULL)
		buf_add(current->out, buf, length);
	return (int)length;
}

bool
codec_init(void)
{
	return FCGX_Init() == 0;
}

struct codec *
codec_open(void)
{
	struct codec *codec = xcalloc(1, sizeof(*codec));

	if (FCGX_InitRequest(&codec->request, -1, 0) != 0)
		abort();
	return codec;
}

/* Frees libfcgi's part.  keepConnection stops it from closing the descriptor. */
static void
end_request(struct codec *codec)
{
	if (!codec->open)
		return;
	codec->request.keepConnection = 1;
	FCGX_Finish_r(&codec->request);
	codec->open = false;
	if (codec->body.capacity > KEPT_BODY)
		buf_free(&codec->body);
}

void
codec_drop(struct codec *codec)
{
	current = codec;
	codec->out = NULL;
	end_request(codec);
}

void
codec_close(struct codec *codec)
{
	if (codec == NULL)
		return;
	codec_drop(codec);
	buf_free(&codec->body);
	free(codec);
}

/* To the end of the stream, or the next request would begin with what was left. */
static void
read_body(struct codec *codec)
{
	int n;

	buf_clear(&codec->body);
	do {
		n = FCGX_GetStr(buf_reserve(&codec->body, 4096), 4096, codec->request.in);
		if (n > 0)
			codec->body.length += (size_t)n;
	} while (n > 0);
}

bool
codec_decode(struct codec *codec, struct text records)
{
	current = codec;
	codec->in = records;
	codec->out = NULL;
	/* With a descriptor set, FCGX_Accept_r decodes from there and accepts nothing. */
	codec->request.ipcFd = NO_DESCRIPTOR;
	codec->request.keepConnection = 1;
	if (FCGX_Accept_r(&codec->request) != 0)
		return false;
	codec->open = true;
	codec->decoded = records.length;
	read_body(codec);
	return FCGX_GetError(codec->request.in) == 0;
}

char *const *
codec_params(const struct codec *codec)
{
	return codec->request.envp;
}

struct text
codec_body(const struct codec *codec)
{
	return buf_view(&codec->body);
}

size_t
codec_held(const struct codec *codec)
{
	const size_t params =
	    codec->decoded > codec->body.length ? codec->decoded - codec->body.length : 0;

	return sizeof(*codec) + codec->body.capacity + (codec->open ? STREAMS + params : 0);
}

void
codec_answer(struct codec *codec, struct text answer, struct buf *out)
{
	current = codec;
	codec->out = out;
	FCGX_PutStr(answer.data, (int)answer.length, codec->request.out);
	end_request(codec);
	codec->out = NULL;
}
