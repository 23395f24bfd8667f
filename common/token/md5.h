/*
 * md5.h - MD5 (RFC 1321), which Agora's APaaS builders use to name a Chat user.  A name, not a
 * protection: nothing secret may depend on it.  Here because libsodium rightly has none.
 */
#ifndef TOKEN_MD5_H
#define TOKEN_MD5_H

#include <stddef.h>

/* 32 lower-case hexadecimal digits and NUL. */
void md5_hex(const void *data, size_t length, char out[33]);

#endif
