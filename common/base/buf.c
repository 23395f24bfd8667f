#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "buf.h"

#define BUF_FIRST 256
#define ARENA_BLOCK 4096

void
out_of_memory(void)
{
	fputs("agora-backend: out of memory\n", stderr);
	abort();
}

static bool not_locked; /* a page with a secret */

bool
secrets_are_locked(void)
{
	return !not_locked;
}

void
lock_secret(struct text secret)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t at = (uintptr_t)secret.data, start = at - at % page;
	const size_t length = at + secret.length - start;

	if (secret.length == 0)
		return;
	if (mlock((void *)start, length) != 0)
		not_locked = true;
	madvise((void *)start, (length + page - 1) / page * page, MADV_DONTDUMP);
}

void
forbid_core_files(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0); /* a core_pattern that is a program ignores the limit */
}

void *
xcalloc(size_t count, size_t size)
{
	void *p = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);

	if (p == NULL)
		out_of_memory();
	return p;
}

char *
buf_reserve(struct buf *buf, size_t length)
{
	size_t capacity = buf->capacity == 0 ? BUF_FIRST : buf->capacity;

	if (length > SIZE_MAX / 4 - buf->length)
		out_of_memory();
	while (capacity - buf->length < length)
		capacity *= 2;
	if (capacity != buf->capacity) {
		char *data = realloc(buf->data, capacity);

		if (data == NULL)
			out_of_memory();
		buf->data = data;
		buf->capacity = capacity;
	}
	return buf->data + buf->length;
}

void
buf_fit(struct buf *buf, size_t length)
{
	char *data;

	if (length > SIZE_MAX / 4 - buf->length)
		out_of_memory();
	if (buf->capacity - buf->length >= length)
		return;
	data = realloc(buf->data, buf->length + length);
	if (data == NULL)
		out_of_memory();
	buf->data = data;
	buf->capacity = buf->length + length;
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	char *at = buf_reserve(buf, BUF_FIRST);
	size_t room = buf->capacity - buf->length;
	int length;

	va_start(args, format);
	length = vsnprintf(at, room, format, args);
	va_end(args);
	if (length < 0)
		out_of_memory();
	if ((size_t)length >= room) {
		at = buf_reserve(buf, (size_t)length + 1);
		va_start(args, format);
		vsnprintf(at, (size_t)length + 1, format, args);
		va_end(args);
	}
	buf->length += (size_t)length;
}

void
buf_number(struct buf *buf, int64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);
	uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do
		digits[--at] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (number < 0)
		buf_add(buf, "-", 1);
	buf_add(buf, digits + at, sizeof(digits) - at);
}

void
buf_hex(struct buf *buf, const void *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = bytes;
	char *out = buf_reserve(buf, 2 * length);

	for (size_t i = 0; i < length; i++) {
		out[2 * i] = digits[b[i] >> 4];
		out[2 * i + 1] = digits[b[i] & 15];
	}
	buf->length += 2 * length;
}

void
buf_escaped(struct buf *buf, uint32_t character)
{
	if (character > 0xffff) {
		character -= 0x10000;
		buf_printf(buf, "\\u%04x", 0xd800 + (unsigned)(character >> 10));
		character = 0xdc00 + (character & 0x3ff);
	}
	buf_printf(buf, "\\u%04x", (unsigned)character);
}

static void
json_escape(struct buf *buf, unsigned char c)
{
	switch (c) {
	case '"': buf_text(buf, "\\\""); break;
	case '\\': buf_text(buf, "\\\\"); break;
	case '\b': buf_text(buf, "\\b"); break;
	case '\f': buf_text(buf, "\\f"); break;
	case '\n': buf_text(buf, "\\n"); break;
	case '\r': buf_text(buf, "\\r"); break;
	case '\t': buf_text(buf, "\\t"); break;
	default: buf_escaped(buf, c); break;
	}
}

void
buf_json(struct buf *buf, struct text text)
{
	const unsigned char *p = (const unsigned char *)text.data;
	size_t i = 0;

	buf_add(buf, "\"", 1);
	while (i < text.length) {
		size_t n = text_plain((struct text){ text.data + i, text.length - i }, ' ');

		buf_add(buf, p + i, n);
		i += n;
		if (i == text.length)
			break;
		if (p[i] < 0x80) {
			json_escape(buf, p[i]);
			n = 1;
		} else if ((n = utf8_length(p + i, text.length - i)) > 0) {
			const uint32_t character = utf8_character(p + i, n);

			if (character_shows(character))
				buf_add(buf, p + i, n);
			else
				buf_escaped(buf, character);
		} else {
			buf_text(buf, "\xef\xbf\xbd");
			n = 1;
		}
		i += n;
	}
	buf_add(buf, "\"", 1);
}

void
buf_utf8(struct buf *buf, struct text text)
{
	for (size_t i = 0, n; i < text.length; i += n) {
		n = utf8_length((const unsigned char *)text.data + i, text.length - i);
		if (n > 0) {
			buf_add(buf, text.data + i, n);
		} else {
			buf_text(buf, "\xef\xbf\xbd");
			n = 1;
		}
	}
}

const char *
buf_descriptor(struct buf *buf, int fd, size_t max)
{
	static char too_large[40];
	size_t before = buf->length;
	ssize_t n;

	buf_reserve(buf, max + 1);
	do {
		n = read(fd, buf->data + buf->length, before + max + 1 - buf->length);
		if (n > 0)
			buf->length += (size_t)n;
	} while ((n > 0 && buf->length <= before + max) || (n < 0 && errno == EINTR));
	if (n < 0)
		return strerror(errno);
	if (buf->length <= before + max)
		return NULL;
	snprintf(too_large, sizeof(too_large), "is larger than %zu bytes", max);
	return too_large;
}

const char *
buf_file(struct buf *buf, const char *path, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *problem;

	if (fd < 0)
		return strerror(errno);
	problem = buf_descriptor(buf, fd, max);
	close(fd);
	return problem;
}

void
buf_consume(struct buf *buf, size_t length)
{
	if (length >= buf->length) {
		buf->length = 0;
		return;
	}
	memmove(buf->data, buf->data + length, buf->length - length);
	buf->length -= length;
}

void
buf_clear(struct buf *buf)
{
	buf->length = 0;
}

void
buf_wipe(struct buf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->capacity);
	buf->length = 0;
}

void
buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){ 0 };
}

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *
new_block(size_t size)
{
	struct arena_block *block;

	if (size < ARENA_BLOCK)
		size = ARENA_BLOCK;
	if (size > SIZE_MAX - sizeof(*block))
		out_of_memory();
	block = malloc(sizeof(*block) + size);
	if (block == NULL)
		out_of_memory();
	*block = (struct arena_block){ .size = size };
	return block;
}

void *
arena_alloc(struct arena *arena, size_t count, size_t size)
{
	const size_t align = alignof(max_align_t);
	size_t need;
	void *p;

	if (size != 0 && count > (SIZE_MAX / 4) / size)
		out_of_memory();
	need = (count * size + align - 1) / align * align;
	if (arena->first == NULL)
		arena->first = arena->current = new_block(need);
	if (arena->current->size - arena->current->used < need) {
		struct arena_block *block = new_block(need);

		block->next = NULL;
		arena->current->next = block;
		arena->current = block;
	}
	p = arena->current->bytes + arena->current->used;
	arena->current->used += need;
	return memset(p, 0, count * size);
}

struct text
arena_copy(struct arena *arena, struct text text)
{
	char *copy = arena_alloc(arena, 1, text.length + 1);

	if (text.length > 0)
		memcpy(copy, text.data, text.length);
	return (struct text){ copy, text.length };
}

size_t
arena_held(const struct arena *arena)
{
	size_t held = 0;

	for (const struct arena_block *b = arena->first; b != NULL; b = b->next)
		held += sizeof(*b) + b->size;
	return held;
}

static void
free_from(struct arena_block *block)
{
	while (block != NULL) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
}

void
arena_reset(struct arena *arena)
{
	if (arena->first == NULL)
		return;
	free_from(arena->first->next);
	arena->first->next = NULL;
	arena->first->used = 0;
	arena->current = arena->first;
}

void
arena_free(struct arena *arena)
{
	free_from(arena->first);
	*arena = (struct arena){ 0 };
}
