/*
 * `deflate COUNT [SEED]`: random tokens of all kinds, each beside what zlib makes of the same
 * content.  Every one must inflate to its content; all together must not be more than 3 % longer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "codec.h"

#define CERTIFICATE "fedcba9876543210fedcba9876543210"
#define MOST 1.03

enum kind { RTC, RTC_RTM, RTM, RTM2, CHAT, CHAT_APP, ROOM, APAAS, FPA, STREAMING, FCDN, CONVOAI };
static const char *const kind_names[] = { "rtc", "rtc and rtm", "rtm", "rtm2", "chat", "chat app",
	"apaas room", "apaas", "fpa", "streaming", "fcdn", "convoai" };
#define KINDS (sizeof(kind_names) / sizeof(kind_names[0]))

static uint64_t state;

/* splitmix64: the same tokens for the same seed. */
static uint64_t
next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15U;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return z ^ z >> 31;
}

static uint32_t
below(uint32_t bound)
{
	return (uint32_t)(next() % bound);
}

/* 1 to most characters, as channels and users have them. */
static struct agora_text
name(char *out, uint32_t most)
{
	static const char *const alphabets[] = { "0123456789", "0123456789abcdef-",
		"abcdefghijklmnopqrstuvwxyz",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 "
		"!#$%&()+-:;<=.>?@[]^_{}|"
		"~," };
	const char *alphabet = alphabets[below(5)];
	const uint32_t letters = (uint32_t)strlen(alphabet);
	/* Most are short. */
	const uint32_t length = 1 + below(below(4) == 0 ? most : most / 4);

	for (uint32_t i = 0; i < length; i++)
		out[i] = alphabet[below(letters)];
	return (struct agora_text){ out, length };
}

static uint32_t
lifetime(void)
{
	static const uint32_t usual[] = { 3600, 86400, 600, 1800 };

	return below(2) == 0 ? usual[below(4)] : 1 + below(86400);
}

static void
fill(struct agora_set *set, enum kind kind, char room[4][64])
{
	const uint32_t expire = lifetime();
	const struct agora_rtc_expire each = { expire, expire, expire, expire };
	const struct agora_text channel = name(room[0], 64), user = name(room[1], 64);
	static struct agora_text names[2];
	static struct agora_permission permission;
	char *number = room[2];

	switch (kind) {
	case RTC:
	case RTC_RTM:
	case CONVOAI:
		agora_add_rtc(set, channel,
		    below(4) == 0
			? user
			: (struct agora_text){ number,
			      agora_uid_text(
				  below(3) == 0 ? below(10000) : (uint32_t)next(), number) },
		    below(2) ? AGORA_RTC_PUBLISHER : AGORA_RTC_SUBSCRIBER, &each);
		if (kind == RTC_RTM)
			agora_add_rtm(set, user, expire);
		if (kind == CONVOAI)
			agora_add_bare(set, below(2) ? AGORA_CONVOAI : AGORA_STT);
		break;
	case RTM: agora_add_rtm(set, user, expire); break;
	case RTM2:
		names[0] = channel;
		names[1] = name(room[3], 64);
		permission = (struct agora_permission){ (uint16_t)(1 + below(5)),
			(uint16_t)below(2), names, 1 + below(2) };
		agora_add_rtm2(set, user, &permission, 1, expire);
		break;
	case CHAT: agora_add_chat_user(set, user, expire); break;
	case CHAT_APP: agora_add_chat_app(set, expire); break;
	case ROOM: agora_add_apaas_room_user(set, channel, user, (int16_t)below(3), expire); break;
	case APAAS: agora_add_apaas_user(set, user, expire); break;
	case FPA: agora_add_fpa(set); break;
	case STREAMING: agora_add_streaming(set, channel, user, expire, expire); break;
	case FCDN: agora_add_fcdn(set, channel, user, below(2) != 0, expire); break;
	}
}

struct sizes {
	uint64_t ours, theirs;
	unsigned long count;
};

static void
fail(const char *why)
{
	fprintf(stderr, "%s\n", why);
	exit(1);
}

/* The token's text back to its content, by zlib alone; and that packed by zlib, as text. */
static void
compare(struct agora_codec *codec, const char *text, size_t length, struct sizes *sizes)
{
	static unsigned char content[AGORA_CONTENT_MAX], packed[AGORA_CONTENT_MAX + 1024];
	static z_stream zlib;
	uLongf content_length = sizeof(content);
	size_t packed_length;
	size_t used = 0;

	if (codec_unbase64(codec, text + 3, length - 3, &used) != AGORA_OK ||
	    uncompress(content, &content_length, codec->packed, used) != Z_OK)
		fail("a token that zlib cannot read");
	if ((zlib.state == NULL && deflateInit(&zlib, Z_DEFAULT_COMPRESSION) != Z_OK) ||
	    deflateReset(&zlib) != Z_OK)
		fail("zlib cannot begin");
	zlib.next_in = content;
	zlib.avail_in = (uInt)content_length;
	zlib.next_out = packed;
	zlib.avail_out = sizeof(packed);
	if (deflate(&zlib, Z_FINISH) != Z_STREAM_END)
		fail("zlib cannot pack");
	packed_length = sizeof(packed) - zlib.avail_out;
	sizes->ours += length;
	sizes->theirs += 3 + (packed_length + 2) / 3 * 4;
	sizes->count++;
}

int
main(int argc, char **argv)
{
	const unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	static char text[AGORA_TOKEN_MAX + 1];
	struct agora_codec *codec = agora_codec_open();
	struct sizes kinds[KINDS] = { { 0 } }, all = { 0 };

	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	if (codec == NULL || count == 0)
		return 1;
	for (unsigned long i = 0; i < count; i++) {
		const enum kind kind = (enum kind)(next() % KINDS);
		static const char digits[] = "0123456789abcdef";
		struct agora_set set = { .count = 0 };
		char app_id[33] = { 0 }, room[4][64];
		size_t length = 0;
		struct agora_token token = { .app_id = app_id,
			.issue_ts = 1700000000U + below(200000000),
			.expire = lifetime(),
			.salt = 1 + below(99999999) };

		for (size_t d = 0; d < 32; d++)
			app_id[d] = digits[below(16)];
		fill(&set, kind, room);
		token.services = set.services;
		token.service_count = set.count;
		if (agora_token_sign(codec, &token, CERTIFICATE, text, &length) != AGORA_OK)
			fail("a token that is not signed");
		compare(codec, text, length, &kinds[kind]);
	}
	for (size_t k = 0; k < KINDS; k++) {
		if (kinds[k].count > 0)
			printf("%-12s %9lu tokens, %+.2f %%\n", kind_names[k], kinds[k].count,
			    100.0 * ((double)kinds[k].ours / (double)kinds[k].theirs - 1));
		all.ours += kinds[k].ours;
		all.theirs += kinds[k].theirs;
	}
	printf("all          %9lu tokens, %+.2f %%\n", count,
	    100.0 * ((double)all.ours / (double)all.theirs - 1));
	agora_codec_close(codec);
	return (double)all.ours <= MOST * (double)all.theirs ? 0 : 1;
}
