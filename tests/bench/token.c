/* Tokens per second of one thread: `token COUNT`.  The same token that peer.js makes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agoratoken.h"

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
make_tokens(struct agora_codec *codec, long count)
{
	const struct agora_rtc_expire expire = { 3600, 3600, 3600, 3600 };
	const struct agora_text channel = { "demo", 4 };
	static char out[AGORA_TOKEN_MAX + 1];

	for (long i = 0; i < count; i++) {
		struct agora_set set = { .count = 0 };
		char uid[AGORA_UID_SIZE];
		const struct agora_text user = { uid, agora_uid_text(1234, uid) };
		struct agora_token token = { .app_id = "0123456789abcdef0123456789abcdef",
			.issue_ts = 1700000000U + (uint32_t)(i >> 10),
			.expire = 3600,
			.salt = (uint32_t)i * 2654435761U,
			.services = set.services };

		agora_add_rtc(&set, channel, user, AGORA_RTC_PUBLISHER, &expire);
		token.service_count = set.count;
		if (agora_token_sign(
			codec, &token, "fedcba9876543210fedcba9876543210", out, NULL) != AGORA_OK)
			abort();
	}
}

int
main(int argc, char **argv)
{
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
	struct agora_codec *codec = agora_codec_open();
	double began;

	if (codec == NULL || count <= 0)
		return 1;
	make_tokens(codec, count / 10);
	began = seconds();
	make_tokens(codec, count);
	printf("%.1f\n", (double)count / (seconds() - began));
	agora_codec_close(codec);
	return 0;
}
