/*
 * codec.h - libfcgi over memory: decodes the records of one whole request and encodes its answer.
 * The only file that knows libfcgi, which never sees a socket: its OS_Read and OS_Write are ours.
 */
#ifndef FCGI_CODEC_H
#define FCGI_CODEC_H

#include "buf.h"

struct codec;

/* Never NULL.  A codec is used for one request after the other. */
struct codec *codec_open(void);
void codec_close(struct codec *codec);

/*
 * Decodes records that framing let through.  Until codec_answer, codec_params gives the CGI
 * variables and codec_body the body.  false: libfcgi refused them.
 */
bool codec_decode(struct codec *codec, struct text records);
char *const *codec_params(const struct codec *codec);
struct text codec_body(const struct codec *codec);

/* Appends the answer's records to out and ends the request. */
void codec_answer(struct codec *codec, struct text answer, struct buf *out);

/* Bytes of memory that it holds for the request that is open. */
size_t codec_held(const struct codec *codec);

/* Ends a request without an answer; nothing when none is open. */
void codec_drop(struct codec *codec);

/* Once per program, before everything else. */
bool codec_init(void);

#endif
