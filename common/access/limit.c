#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>

#include "buf.h"
#include "limit.h"

/* Generic cell rate: the time at which the bucket is full again says all about it. */
struct place {
	uint64_t key; /* 0: free */
	int64_t full_at;
};

struct limits {
	unsigned char secret[crypto_shorthash_KEYBYTES]; /* so that nobody can aim at a place */
	struct place places[LIMIT_PLACES];
};

struct limits *
limits_open(void)
{
	struct limits *limits;

	if (sodium_init() < 0)
		return NULL;
	limits = xcalloc(1, sizeof(*limits));
	crypto_shorthash_keygen(limits->secret);
	return limits;
}

void
limits_close(struct limits *limits)
{
	free(limits);
}

/* The key's texts with their lengths, so that no two keys are the same bytes. */
static uint64_t
hash_of(
    const struct limits *limits, enum limit_scope scope, const struct text *key, size_t key_count)
{
	static struct buf bytes;
	unsigned char out[crypto_shorthash_BYTES];
	const char kind = (char)scope;
	uint64_t hash;

	buf_clear(&bytes);
	buf_add(&bytes, &kind, 1);
	for (size_t i = 0; i < key_count; i++) {
		buf_add(&bytes, &key[i].length, sizeof(key[i].length));
		buf_add(&bytes, key[i].data, key[i].length);
	}
	crypto_shorthash(out, (const unsigned char *)bytes.data, bytes.length, limits->secret);
	memcpy(&hash, out, sizeof(hash));
	return hash == 0 ? 1 : hash;
}

static struct place *
place_of(struct limits *limits, uint64_t key)
{
	struct place *first = &limits->places[key % (LIMIT_PLACES / LIMIT_WAYS) * LIMIT_WAYS];
	struct place *least = first;

	for (struct place *p = first; p < first + LIMIT_WAYS; p++) {
		if (p->key == key)
			return p;
		if (p->full_at < least->full_at)
			least = p;
	}
	*least = (struct place){ key, 0 };
	return least;
}

static int64_t
take(struct limits *limits, enum limit_scope scope, const struct text *key, size_t key_count,
    int64_t interval_us, int64_t burst, int64_t now_us, bool really)
{
	struct place *p;
	int64_t full_at, wait;

	if (burst == 0)
		return 0;
	p = place_of(limits, hash_of(limits, scope, key, key_count));
	full_at = p->full_at > now_us ? p->full_at : now_us;
	wait = full_at + interval_us - now_us - interval_us * burst;
	if (wait > 0)
		return wait;
	if (really)
		p->full_at = full_at + interval_us;
	return 0;
}

int64_t
limit_take(struct limits *limits, enum limit_scope scope, const struct text *key, size_t key_count,
    int64_t interval_us, int64_t burst, int64_t now_us)
{
	return take(limits, scope, key, key_count, interval_us, burst, now_us, true);
}

int64_t
limit_look(struct limits *limits, enum limit_scope scope, const struct text *key, size_t key_count,
    int64_t interval_us, int64_t burst, int64_t now_us)
{
	return take(limits, scope, key, key_count, interval_us, burst, now_us, false);
}

void
limit_give(struct limits *limits, enum limit_scope scope, const struct text *key, size_t key_count,
    int64_t interval_us, int64_t burst, int64_t now_us)
{
	struct place *p;

	if (burst == 0)
		return;
	p = place_of(limits, hash_of(limits, scope, key, key_count));
	if (p->full_at > now_us)
		p->full_at -= interval_us;
}

struct text
limit_address(struct text address, char out[LIMIT_ADDRESS_SIZE])
{
	char terminated[LIMIT_ADDRESS_SIZE];
	unsigned char bytes[16];

	if (address.length == 0 || address.length >= sizeof(terminated))
		return TEXT("-");
	if (memchr(address.data, ':', address.length) == NULL)
		return address; /* no IPv6 */
	memcpy(terminated, address.data, address.length);
	terminated[address.length] = '\0';
	if (inet_pton(AF_INET6, terminated, bytes) != 1)
		return address;
	/* ::ffff:192.0.2.1 is an IPv4 client. */
	if (memcmp(bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0) {
		inet_ntop(AF_INET, bytes + 12, out, LIMIT_ADDRESS_SIZE);
		return text_of(out);
	}
	memset(bytes + 8, 0, 8);
	inet_ntop(AF_INET6, bytes, out, LIMIT_ADDRESS_SIZE);
	return text_of(out);
}
