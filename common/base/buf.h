/*
 * buf.h - growing text, and the arena that owns what belongs to one request.  Both end the program
 * when memory runs out, so that nothing else has to branch on it.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "text.h"

/* Zeroed is empty.  Not terminated. */
struct buf {
	char *data;
	size_t length, capacity;
};

/* Room for `length` more bytes at data + length, for a read(2) into it. */
char *buf_reserve(struct buf *buf, size_t length);

/* The same without room for more than that, for what stays long and grows no more. */
void buf_fit(struct buf *buf, size_t length);

static inline void
buf_add(struct buf *buf, const void *bytes, size_t length)
{
	if (length == 0)
		return;
	if (buf->capacity - buf->length < length)
		buf_reserve(buf, length);
	memcpy(buf->data + buf->length, bytes, length);
	buf->length += length;
}

static inline void
buf_text(struct buf *buf, const char *terminated)
{
	buf_add(buf, terminated, strlen(terminated));
}

void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Decimal digits, with a minus where due. */
void buf_number(struct buf *buf, int64_t number);
/* Lower-case hexadecimal. */
void buf_hex(struct buf *buf, const void *bytes, size_t length);
/* As JSON escapes a character: \u202e, or two of those beyond U+FFFF. */
void buf_escaped(struct buf *buf, uint32_t character);
/*
 * A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD, and characters that do not
 * show (character_shows) are escaped.
 */
void buf_json(struct buf *buf, struct text text);
/* The text; bytes of it that are not UTF-8 become U+FFFD. */
void buf_utf8(struct buf *buf, struct text text);
/*
 * Appends a file's content, at most `max` bytes.  NULL, or why not, for people: "is larger than N
 * bytes", or strerror(3)'s words.  The buffer grows once, so that a secret leaves no copies.
 */
const char *buf_file(struct buf *buf, const char *path, size_t max);
/* The same of a file that is open, from where it stands. */
const char *buf_descriptor(struct buf *buf, int fd, size_t max);
/* Removes bytes from the front. */
void buf_consume(struct buf *buf, size_t length);
/* Empties it and keeps the memory. */
void buf_clear(struct buf *buf);
/* The same after overwriting what it held. */
void buf_wipe(struct buf *buf);
void buf_free(struct buf *buf);

static inline struct text
buf_view(const struct buf *buf)
{
	return (struct text){ buf->data == NULL ? "" : buf->data, buf->length };
}

/*
 * Keeps the pages that hold this secret out of swap and core files, as far as the process's limits
 * go, until they are freed.
 */
void lock_secret(struct text secret);
/* false: for one of them there was no room (RLIMIT_MEMLOCK). */
bool secrets_are_locked(void);

/*
 * For a program that holds secrets, before it reads them: no core file of it or of its children,
 * and none of their user's other processes may trace them or read their memory or environment.
 */
void forbid_core_files(void);

/* Ends the program: the one way out when there is no memory. */
void out_of_memory(void) __attribute__((noreturn));

/* Zeroed memory; never NULL. */
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* Zeroed is empty.  What it gives lives until arena_reset or arena_free. */
struct arena {
	struct arena_block *first, *current;
};

/* Zeroed and aligned for any type; size 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
/* A terminated copy. */
struct text arena_copy(struct arena *arena, struct text text);
/* Bytes of memory that it holds. */
size_t arena_held(const struct arena *arena);
/* Forgets all of it and keeps the first block for the next request. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

#endif
