#include <sodium.h>
#include <stdlib.h>
#include <zlib.h>

#include "inspect.h"
#include "json.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define APP_ID "0123456789abcdef0123456789abcdef"
#define CERTIFICATE "fedcba9876543210fedcba9876543210"
#define OTHER "fedcba9876543210fedcba9876543211"
#define ISSUED 1735689600

/* pub-v006-uid0-all of the vectors: channel demo, uid 0, ends at 1735776000. */
static const char token_006[] = "0060123456789abcdef0123456789abcdefIAAnODc3QjGjRabGkoxDvPStfnhlU1c"
				"7w25zNG5Gre5xB6DfQtYAAAAAIgAJ"
				"AwAAANd1ZwQAAQCQk3RnAgCQk3RnAwCQk3RnBACQk3Rn";

static struct agora_codec *codec;

static int
open_codec(void)
{
	codec = agora_codec_open();
	return codec == NULL;
}

static void
close_codec(void)
{
	agora_codec_close(codec);
}

static struct agora_text
bytes(const char *terminated)
{
	return (struct agora_text){ terminated, strlen(terminated) };
}

static struct text
sign(const struct agora_service *services, size_t count, struct arena *arena)
{
	static char out[AGORA_TOKEN_MAX + 1];
	const struct agora_token token = { .app_id = APP_ID,
		.issue_ts = ISSUED,
		.expire = 600,
		.salt = 1,
		.services = services,
		.service_count = count };
	size_t length;

	CHECK(agora_token_sign(codec, &token, CERTIFICATE, out, &length) == AGORA_OK, "sign");
	return arena_copy(arena, (struct text){ out, length });
}

static const struct agora_rtc_expire as_token = { 0, 0, 0, 0 };
static const struct agora_rtc_expire briefly = { 59, 0, 0, 0 };

/* What the tables below inspect. */
enum sample {
	RTC_7,         /* channel "ch", uid 7 */
	RTC_ANY_USER,  /* channel "ch", any uid */
	RTC_STAR_USER, /* channel "ch", account "*" */
	RTC_PATTERN,   /* channel "1*a*2", any uid */
	RTC_ALL,       /* channel "*", any uid */
	RTM_U,         /* RTM user "u" */
	RTC_RTM,       /* channel "ch", uid 7, RTM user "u" */
	TWO_CHANNELS,  /* channel "a" for 1 and channel "b" for 2 */
	SAME_CHANNEL,  /* channel "ch" for 7, who may publish, and for 8, who may not join */
	AUDIO_ONLY,    /* channel "ch", uid 7 */
	DATA_ONLY,     /* the same */
	DATA_RTM,      /* the same, and RTM user "u" */
	DATA_RTM2,     /* the same, and RTM2 user "u" */
	FCDN_7,        /* channel "ch", account "7" */
	STREAMING_7,   /* the same */
	BAD_CHANNEL,   /* channel "a/b", uid 7 */
	BAD_AND_GOOD,  /* the same, and channel "ch" */
	RTC_ZERO,      /* channel "ch", account "0" */
	RTC_SHORT,     /* channel "ch", uid 7: who may join for 59 seconds */
	UNDEFINED,     /* channel "undefined", uid 7 */
	APP_ID_CHANNEL,
	CERTIFICATE_CHANNEL, /* these as the channel, for uid 7 */
	RTM_EMPTY,
	RTM_ZERO,
	RTM2_STAR, /* users "", "0" and "a*" */
	CHAT_U,
	CHAT_EMPTY,
	CHAT_BLANK,
	CHAT_CAPITALS,
	APAAS_U,
	APAAS_STAR,
	APAAS_EMPTY, /* without a room; rooms "r*" and "" */
	FCDN_BAD,    /* channel "ch", account "a/b" */
	CHAT_APP,
	SAMPLES,
};

static struct text
make_sample(enum sample sample, struct arena *arena)
{
	struct agora_set set = { .count = 0 };
	const unsigned publisher = AGORA_RTC_PUBLISHER, join = AGORA_RTC_SUBSCRIBER;

	switch (sample) {
	case RTC_7: agora_add_rtc(&set, bytes("ch"), bytes("7"), publisher, &as_token); break;
	case RTC_ANY_USER: agora_add_rtc(&set, bytes("ch"), bytes(""), publisher, &as_token); break;
	case RTC_STAR_USER:
		agora_add_rtc(&set, bytes("ch"), bytes("*"), publisher, &as_token);
		break;
	case RTC_PATTERN:
		agora_add_rtc(&set, bytes("1*a*2"), bytes(""), publisher, &as_token);
		break;
	case RTC_ALL: agora_add_rtc(&set, bytes("*"), bytes(""), publisher, &as_token); break;
	case RTM_U: agora_add_rtm(&set, bytes("u"), 0); break;
	case RTC_RTM:
		agora_add_rtc(&set, bytes("ch"), bytes("7"), publisher, &as_token);
		agora_add_rtm(&set, bytes("u"), 0);
		break;
	case TWO_CHANNELS:
		agora_add_rtc(&set, bytes("a"), bytes("1"), publisher, &as_token);
		agora_add_rtc(&set, bytes("b"), bytes("2"), publisher, &as_token);
		break;
	case SAME_CHANNEL:
		agora_add_rtc(&set, bytes("ch"), bytes("7"), publisher, &as_token);
		agora_add_rtc(&set, bytes("ch"), bytes("8"), publisher & ~join, &as_token);
		break;
	case AUDIO_ONLY:
		agora_add_rtc(
		    &set, bytes("ch"), bytes("7"), join | 1U << AGORA_RTC_AUDIO, &as_token);
		break;
	case DATA_ONLY:
	case DATA_RTM:
	case DATA_RTM2:
		agora_add_rtc(
		    &set, bytes("ch"), bytes("7"), join | 1U << AGORA_RTC_DATA, &as_token);
		if (sample == DATA_RTM)
			agora_add_rtm(&set, bytes("u"), 0);
		if (sample == DATA_RTM2)
			agora_add_rtm2(&set, bytes("u"), NULL, 0, 0);
		break;
	case FCDN_7: agora_add_fcdn(&set, bytes("ch"), bytes("7"), true, 60); break;
	case STREAMING_7: agora_add_streaming(&set, bytes("ch"), bytes("7"), 60, 60); break;
	case BAD_CHANNEL:
	case BAD_AND_GOOD:
		agora_add_rtc(&set, bytes("a/b"), bytes("7"), publisher, &as_token);
		if (sample == BAD_AND_GOOD)
			agora_add_rtc(&set, bytes("ch"), bytes("7"), publisher, &as_token);
		break;
	case RTC_ZERO: agora_add_rtc(&set, bytes("ch"), bytes("0"), publisher, &as_token); break;
	case RTC_SHORT: agora_add_rtc(&set, bytes("ch"), bytes("7"), publisher, &briefly); break;
	case UNDEFINED:
		agora_add_rtc(&set, bytes("undefined"), bytes("7"), publisher, &as_token);
		break;
	case APP_ID_CHANNEL:
		agora_add_rtc(&set, bytes(APP_ID), bytes("7"), publisher, &as_token);
		break;
	case CERTIFICATE_CHANNEL:
		agora_add_rtc(&set, bytes(CERTIFICATE), bytes("7"), publisher, &as_token);
		break;
	case RTM_EMPTY: agora_add_rtm(&set, bytes(""), 0); break;
	case RTM_ZERO: agora_add_rtm(&set, bytes("0"), 0); break;
	case RTM2_STAR: agora_add_rtm2(&set, bytes("a*"), NULL, 0, 0); break;
	case CHAT_U: agora_add_chat_user(&set, bytes("u_1-2.3"), 60); break;
	case CHAT_EMPTY: agora_add_chat_user(&set, bytes(""), 60); break;
	case CHAT_BLANK: agora_add_chat_user(&set, bytes("a b"), 60); break;
	case CHAT_CAPITALS: agora_add_chat_user(&set, bytes("Ann"), 60); break;
	case APAAS_U: agora_add_apaas_user(&set, bytes("u"), 60); break;
	case APAAS_STAR: agora_add_apaas_room_user(&set, bytes("r*"), bytes("u"), 1, 60); break;
	case APAAS_EMPTY: agora_add_apaas_room_user(&set, bytes(""), bytes("u"), 1, 60); break;
	case FCDN_BAD: agora_add_fcdn(&set, bytes("ch"), bytes("a/b"), true, 60); break;
	case CHAT_APP:
	case SAMPLES: agora_add_chat_app(&set, 60); break;
	}
	return sign(set.services, set.count, arena);
}

#define GOOD .certificate = TEXT(CERTIFICATE), .now = ISSUED + 1

static void
finds_problems(void)
{
	static const struct {
		const char *name;
		enum sample sample;
		struct expectation expected;
		const char *problems; /* codes, each with a blank behind it */
		int signature_valid;
		bool is_hint; /* it is valid nonetheless */
	} cases[] = {
		{ "good", RTC_7, { GOOD }, "", 1 },
		{ "its App ID", RTC_7, { GOOD, .app_id = TEXT(APP_ID) }, "", 1 },
		{ "another App ID", RTC_7, { GOOD, .app_id = TEXT(OTHER) }, "app_id_mismatch ", 1 },
		{ "the App ID in capitals", RTC_7,
		    { GOOD, .app_id = TEXT("0123456789ABCDEF0123456789ABCDEF") },
		    "app_id_mismatch ", 1 },

		{ "a certificate of another App ID", RTC_7,
		    { .certificate = TEXT(OTHER), .certified_app_id = TEXT(OTHER), .now = ISSUED },
		    "not_verified ", MAYBE_NULL },
		{ "that, and another App ID", RTC_7,
		    { .certificate = TEXT(OTHER),
			.certified_app_id = TEXT(OTHER),
			.app_id = TEXT(OTHER),
			.now = ISSUED },
		    "app_id_mismatch not_verified ", MAYBE_NULL },
		{ "another certificate of its App ID", RTC_7,
		    { .certificate = TEXT(OTHER), .certified_app_id = TEXT(APP_ID), .now = ISSUED },
		    "bad_signature ", 0 },
		{ "no certificate", RTC_7, { .now = ISSUED }, "not_verified ", MAYBE_NULL },
		{ "another certificate", RTC_7, { .certificate = TEXT(OTHER), .now = ISSUED },
		    "bad_signature ", 0 },
		{ "the certificate in capitals", RTC_7,
		    { .certificate = TEXT("FEDCBA9876543210FEDCBA9876543210"), .now = ISSUED },
		    "bad_signature ", 0 },
		{ "no certificate that can be", RTC_7, { .certificate = TEXT("x"), .now = ISSUED },
		    "bad_signature ", 0 },

		{ "half a minute before its time", RTC_7,
		    { .certificate = TEXT(CERTIFICATE), .now = ISSUED - 30 }, "", 1 },
		{ "a second more", RTC_7, { .certificate = TEXT(CERTIFICATE), .now = ISSUED - 31 },
		    "issued_in_future ", 1, true },
		{ "long before its time", RTC_7, { .certificate = TEXT(CERTIFICATE), .now = 0 },
		    "issued_in_future ", 1, true },
		{ "its last second", RTC_7,
		    { .certificate = TEXT(CERTIFICATE), .now = ISSUED + 600 }, "", 1 },
		{ "one second later", RTC_7,
		    { .certificate = TEXT(CERTIFICATE), .now = ISSUED + 601 }, "expired ", 1 },
		{ "late and of another", RTC_7, { .certificate = TEXT(OTHER), .now = INT64_MAX },
		    "bad_signature expired ", 0 },

		{ "its channel", RTC_7, { GOOD, .channel = TEXT("ch") }, "", 1 },
		{ "another channel", RTC_7, { GOOD, .channel = TEXT("c") }, "channel_mismatch ",
		    1 },
		{ "a longer channel", RTC_7, { GOOD, .channel = TEXT("chx") }, "channel_mismatch ",
		    1 },
		{ "the channel in capitals", RTC_7, { GOOD, .channel = TEXT("CH") },
		    "channel_mismatch ", 1 },
		{ "an empty channel", RTC_7, { GOOD, .channel = TEXT("") }, "channel_mismatch ",
		    1 },
		{ "its uid", RTC_7, { GOOD, .uid = TEXT("7") }, "", 1 },
		{ "another uid", RTC_7, { GOOD, .uid = TEXT("8") }, "uid_mismatch ", 1 },
		{ "a longer uid", RTC_7, { GOOD, .uid = TEXT("77") }, "uid_mismatch ", 1 },
		{ "no uid of one's own", RTC_7, { GOOD, .uid = TEXT("0") }, "uid_zero ", 1 },
		{ "the account 0", RTC_7, { GOOD, .account = TEXT("0") }, "uid_kind ", 1 },
		{ "the account 7", RTC_7, { GOOD, .account = TEXT("7") }, "uid_or_account ", 1,
		    true },
		{ "both", RTC_7, { GOOD, .channel = TEXT("ch"), .uid = TEXT("7") }, "", 1 },
		{ "channel right, uid wrong", RTC_7,
		    { GOOD, .channel = TEXT("ch"), .uid = TEXT("8") }, "uid_mismatch ", 1 },
		{ "both wrong", RTC_7, { GOOD, .channel = TEXT("x"), .uid = TEXT("8") },
		    "channel_mismatch uid_mismatch ", 1 },
		{ "both wrong, and a number for a string", RTC_7,
		    { GOOD, .channel = TEXT("x"), .uid = TEXT("ann") },
		    "channel_mismatch uid_kind ", 1 },
		{ "the channel wrong, and no uid", RTC_7,
		    { GOOD, .channel = TEXT("x"), .uid = TEXT("0") }, "channel_mismatch uid_zero ",
		    1 },
		{ "all wrong", RTC_7,
		    { .certificate = TEXT(OTHER),
			.app_id = TEXT(OTHER),
			.now = ISSUED + 601,
			.channel = TEXT("x"),
			.uid = TEXT("8") },
		    "app_id_mismatch bad_signature expired channel_mismatch uid_mismatch ", 0 },
		{ "the secondary certificate", RTC_7,
		    { .certificate = TEXT(OTHER),
			.second_certificate = TEXT(CERTIFICATE),
			.now = ISSUED },
		    "secondary_certificate ", 1, true },
		{ "the first of two certificates", RTC_7,
		    { GOOD, .second_certificate = TEXT(OTHER) }, "", 1 },

		{ "any user: a number", RTC_ANY_USER, { GOOD, .uid = TEXT("8") }, "", 1 },
		{ "any user: 0", RTC_ANY_USER, { GOOD, .uid = TEXT("0") }, "", 1 },
		{ "any user: an account", RTC_ANY_USER,
		    { GOOD, .channel = TEXT("ch"), .uid = TEXT("a") }, "", 1 },
		{ "any user: another channel", RTC_ANY_USER,
		    { GOOD, .channel = TEXT("x"), .uid = TEXT("a") }, "channel_mismatch ", 1 },
		{ "star: a number", RTC_STAR_USER, { GOOD, .uid = TEXT("8") }, "", 1 },
		{ "star: 0", RTC_STAR_USER, { GOOD, .uid = TEXT("0") }, "", 1 },
		{ "pattern that fits", RTC_PATTERN, { GOOD, .channel = TEXT("1xax2") }, "", 1 },
		{ "pattern that does not", RTC_PATTERN, { GOOD, .channel = TEXT("1x2") },
		    "channel_mismatch ", 1 },
		{ "any channel", RTC_ALL, { GOOD, .channel = TEXT("x"), .uid = TEXT("y") }, "", 1 },

		{ "RTM user", RTM_U, { GOOD, .uid = TEXT("u") }, "", 1 },
		{ "another RTM user", RTM_U, { GOOD, .uid = TEXT("v") }, "uid_mismatch ", 1 },
		{ "an RTM user is no pattern", RTM_U, { GOOD, .uid = TEXT("") }, "uid_mismatch ",
		    1 },
		{ "an RTM token for a channel", RTM_U, { GOOD, .channel = TEXT("ch") },
		    "wrong_kind ", 1 },
		{ "an RTM token for a channel, of another", RTM_U,
		    { GOOD, .channel = TEXT("ch"), .uid = TEXT("v") }, "wrong_kind uid_mismatch ",
		    1 },
		{ "no RTM user", RTM_EMPTY, { GOOD }, "bad_name ", 1 },
		{ "the RTM user 0", RTM_ZERO, { GOOD }, "bad_name ", 1 },
		{ "an RTM2 user with a star", RTM2_STAR, { GOOD }, "bad_name ", 1 },
		{ "a Chat user with a blank", CHAT_BLANK, { GOOD }, "bad_name ", 1 },
		{ "no Chat user", CHAT_EMPTY, { GOOD }, "bad_name ", 1 },
		{ "a Chat user in capitals", CHAT_CAPITALS, { GOOD }, "chat_capitals ", 1, true },
		{ "a Chat user", CHAT_U, { GOOD }, "", 1 },
		{ "a room with a star", APAAS_STAR, { GOOD }, "bad_name ", 1 },
		{ "no room", APAAS_EMPTY, { GOOD }, "bad_name ", 1 },
		{ "a user's own APaaS token", APAAS_U, { GOOD }, "", 1 },
		{ "FCDN with a bad account", FCDN_BAD, { GOOD }, "bad_name ", 1 },
		{ "the account 0, and nothing said", RTC_ZERO, { GOOD }, "account_named_zero ", 1,
		    true },
		{ "the account 0, for the number", RTC_ZERO, { GOOD, .uid = TEXT("0") },
		    "account_zero ", 1 },
		{ "the account 0, for the account", RTC_ZERO, { GOOD, .account = TEXT("0") }, "",
		    1 },
		{ "a channel that was undefined", UNDEFINED, { GOOD }, "placeholder_name ", 1,
		    true },
		{ "a client's channel that was", RTC_ALL, { GOOD, .channel = TEXT("null") },
		    "placeholder_name ", 1, true },
		{ "a client's user that was", RTC_ALL, { GOOD, .uid = TEXT("NaN") },
		    "placeholder_name ", 1, true },
		{ "a route's own word", RTC_ALL, { GOOD, .channel = TEXT(":channelName") },
		    "placeholder_name ", 1, true },
		{ "a template", RTC_ALL, { GOOD, .channel = TEXT("{channel}") },
		    "placeholder_name ", 1, true },
		{ "a name with a colon", RTC_ALL, { GOOD, .channel = TEXT("a:b") }, "", 1 },
		{ "the App ID as channel", APP_ID_CHANNEL, { GOOD }, "app_id_inside ", 1, true },
		{ "the certificate as channel", CERTIFICATE_CHANNEL, { GOOD },
		    "certificate_exposed ", 1 },
		{ "and where it is not known", CERTIFICATE_CHANNEL, { .now = ISSUED },
		    "not_verified ", MAYBE_NULL },
		{ "a privilege that is soon over", RTC_SHORT, { GOOD }, "short_lifetime ", 1,
		    true },

		{ "RTC and RTM: channel", RTC_RTM, { GOOD, .channel = TEXT("ch") }, "", 1 },
		{ "RTC and RTM: RTC user", RTC_RTM, { GOOD, .uid = TEXT("7") }, "", 1 },
		{ "RTC and RTM: RTM user", RTC_RTM, { GOOD, .uid = TEXT("u") }, "", 1 },
		{ "RTC and RTM: RTM user in the channel", RTC_RTM,
		    { GOOD, .channel = TEXT("ch"), .uid = TEXT("u") }, "uid_kind ", 1 },
		{ "two channels: first", TWO_CHANNELS,
		    { GOOD, .channel = TEXT("a"), .uid = TEXT("1") }, "", 1 },
		{ "two channels: second", TWO_CHANNELS,
		    { GOOD, .channel = TEXT("b"), .uid = TEXT("2") }, "", 1 },
		{ "two channels: crossed", TWO_CHANNELS,
		    { GOOD, .channel = TEXT("a"), .uid = TEXT("2") }, "uid_mismatch ", 1 },

		{ "one channel: who may", SAME_CHANNEL,
		    { GOOD, .channel = TEXT("ch"), .uid = TEXT("7") }, "", 1 },
		{ "one channel: who may not", SAME_CHANNEL,
		    { GOOD, .channel = TEXT("ch"), .uid = TEXT("8") }, "no_privilege ", 1 },
		{ "one channel: nobody", SAME_CHANNEL,
		    { GOOD, .channel = TEXT("ch"), .uid = TEXT("9") }, "uid_mismatch no_privilege ",
		    1 },
		{ "audio alone", AUDIO_ONLY, { GOOD, .channel = TEXT("ch") }, "publish_partly ", 1,
		    true },
		{ "audio alone, in another channel", AUDIO_ONLY, { GOOD, .channel = TEXT("x") },
		    "channel_mismatch publish_partly ", 1 },
		{ "data alone", DATA_ONLY, { GOOD }, "publish_partly ", 1, true },
		{ "data alone, and RTM", DATA_RTM, { GOOD, .channel = TEXT("ch") }, "", 1 },
		{ "data alone, and RTM2", DATA_RTM2, { GOOD, .channel = TEXT("ch") }, "", 1 },
		{ "FCDN", FCDN_7, { GOOD, .uid = TEXT("7") }, "", 1 },
		{ "FCDN, for a channel", FCDN_7, { GOOD, .channel = TEXT("ch") }, "no_rtc ", 1,
		    true },
		{ "FCDN, for another", FCDN_7, { GOOD, .channel = TEXT("x") }, "channel_mismatch ",
		    1 },
		{ "Streaming, for a channel", STREAMING_7, { GOOD, .channel = TEXT("ch") },
		    "no_rtc ", 1, true },
		{ "a bad name", BAD_CHANNEL, { GOOD }, "bad_name ", 1 },
		{ "a bad name, and another that is joined", BAD_AND_GOOD,
		    { GOOD, .channel = TEXT("ch") }, "", 1 },
		{ "a bad name, for another", BAD_CHANNEL, { GOOD, .channel = TEXT("ab") },
		    "channel_mismatch bad_name ", 1 },

		{ "a Chat app token", CHAT_APP, { GOOD }, "", 1 },
		{ "a Chat app token for a user", CHAT_APP, { GOOD, .uid = TEXT("u") },
		    "uid_mismatch ", 1 },
	};

	if (open_codec() != 0)
		abort();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct text token = make_sample(cases[i].sample, &arena);
		struct inspection out;
		struct buf codes = { 0 };

		inspect_token(codec, token, &cases[i].expected, &arena, &out);
		for (size_t p = 0; p < out.problems.count; p++) {
			const struct problem *problem = (struct problem *)out.problems.items + p;

			buf_printf(&codes, "%.*s ", (int)problem->code.length, problem->code.data);
			CHECK(
			    problem->problem.length > 0 && problem->fix.length > 0, cases[i].name);
		}
		CHECK(same_text(buf_view(&codes), cases[i].problems), cases[i].name);
		CHECK(out.signature_valid == cases[i].signature_valid, cases[i].name);
		CHECK(
		    out.valid == (cases[i].problems[0] == '\0' || cases[i].is_hint), cases[i].name);
		CHECK(out.expired == (strstr(cases[i].problems, "expired") != NULL), cases[i].name);
		buf_free(&codes);
		arena_free(&arena);
	}
	close_codec();
}

/* The JSON of section 3 of the issue, member by member. */
static void
writes_what_the_issue_says(void)
{
	static const struct agora_privilege privileges[] = { { 1, 60 }, { 2, 0 }, { 3, 0 },
		{ 4, 0 } };
	static const struct agora_privilege login[] = { { 1, 60 } };
#define PUBLISHES                                                                                  \
	"{\"id\":2,\"name\":\"publishAudioStream\",\"expire\":0},"                                 \
	"{\"id\":3,\"name\":\"publishVideoStream\",\"expire\":0},"
	static const struct agora_text names[] = { { "a", 1 }, { "\xff", 1 }, { "b", 1 } };
	static const struct agora_permission permissions[] = { { 0, 1, names, 3 },
		{ 4, 0, NULL, 0 } };
	static const struct {
		const char *name;
		struct agora_service service;
		const char *json; /* of the service */
		bool is_refused;
	} cases[] = {
		{ "RTC", { AGORA_RTC, privileges, 4, .channel = { "ch", 2 }, .user = { "7", 1 } },
		    "{\"type\":1,\"name\":\"RTC\",\"privileges\":[{\"id\":1,\"name\":"
		    "\"joinChannel\",\"expire\":60}," PUBLISHES
		    "{\"id\":4,\"name\":\"publishDataStream\","
		    "\"expire\":0}],\"channelName\":\"ch\",\"uid\":\"7\"}" },
		{ "names that are not UTF-8",
		    { AGORA_STREAMING, login, 1, .channel = { "\xff", 1 }, .user = { "a\0b", 3 } },
		    "{\"type\":3,\"name\":\"Streaming\",\"privileges\":[{\"id\":1,\"name\":"
		    "\"publishMixStream\",\"expire\":60}],\"channelName\":null,"
		    "\"channelNameHex\":\"ff\",\"account\":\"a\\u0000b\"}",
		    true },
		{ "RTC for anyone",
		    { AGORA_RTC, privileges, 4, .channel = { "", 0 }, .user = { "", 0 } },
		    "{\"type\":1,\"name\":\"RTC\",\"privileges\":[{\"id\":1,\"name\":"
		    "\"joinChannel\",\"expire\":60}," PUBLISHES
		    "{\"id\":4,\"name\":\"publishDataStream\","
		    "\"expire\":0}],\"channelName\":\"\","
		    "\"uid\":\"\"}" },
		{ "RTM", { AGORA_RTM, login, 1, .user = { "u", 1 } },
		    "{\"type\":2,\"name\":\"RTM\",\"privileges\":[{\"id\":1,\"name\":\"login\","
		    "\"expire\":60}],\"userId\":\"u\"}" },
		{ "Streaming",
		    { AGORA_STREAMING, login, 1, .channel = { "ch", 2 }, .user = { "a", 1 } },
		    "{\"type\":3,\"name\":\"Streaming\",\"privileges\":[{\"id\":1,\"name\":"
		    "\"publishMixStream\",\"expire\":60}],\"channelName\":\"ch\",\"account\":"
		    "\"a\"}" },
		{ "FPA", { AGORA_FPA, login, 1 },
		    "{\"type\":4,\"name\":\"FPA\",\"privileges\":[{\"id\":1,\"name\":\"login\","
		    "\"expire\":60}]}" },
		{ "Chat", { AGORA_CHAT, login, 1, .user = { "u", 1 } },
		    "{\"type\":5,\"name\":\"Chat\",\"privileges\":[{\"id\":1,\"name\":\"user\","
		    "\"expire\":60}],\"userId\":\"u\"}" },
		{ "FCDN", { AGORA_FCDN, login, 1, .channel = { "ch", 2 }, .user = { "a", 1 } },
		    "{\"type\":6,\"name\":\"FCDN\",\"privileges\":[{\"id\":1,\"name\":\"publish\","
		    "\"expire\":60}],\"channelName\":\"ch\",\"account\":\"a\"}" },
		{ "APaaS",
		    { AGORA_APAAS, login, 1, .room = { "r", 1 }, .user = { "u", 1 }, .role = -1 },
		    "{\"type\":7,\"name\":\"APaaS\",\"privileges\":[{\"id\":1,\"name\":"
		    "\"roomUser\",\"expire\":60}],\"roomUuid\":\"r\",\"userUuid\":\"u\","
		    "\"role\":-1}" },
		{ "RTM2",
		    { AGORA_RTM2, login, 1, .user = { "u", 1 }, .permissions = permissions,
			.permission_count = 2 },
		    "{\"type\":8,\"name\":\"RTM2\",\"privileges\":[{\"id\":1,\"name\":\"login\","
		    "\"expire\":60}],\"userId\":\"u\",\"permissions\":[{\"resource\":0,"
		    "\"permission\":1,\"resources\":[\"a\",null,\"b\"],\"resourcesHex\":[\"ff\"]},"
		    "{\"resource\":4,\"permission\":0,\"resources\":[]}]}" },
		{ "ConvoAI", { AGORA_CONVOAI },
		    "{\"type\":9,\"name\":\"ConvoAI\",\"privileges\":[]}" },
		{ "STT with a privilege of no name", { AGORA_STT, privileges + 3, 1 },
		    "{\"type\":10,\"name\":\"STT\",\"privileges\":[{\"id\":4,\"expire\":0}]}" },
	};
	const struct expectation expected = { GOOD };

	if (open_codec() != 0)
		abort();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct text token = sign(&cases[i].service, 1, &arena);
		struct inspection out;
		struct buf json = { 0 }, whole = { 0 };

		inspect_token(codec, token, &expected, &arena, &out);
		field_write(&json, &inspection_table, &out);
		buf_printf(&whole,
		    "{\"version\":\"007\",\"appId\":\"" APP_ID
		    "\",\"issueTs\":1735689600,\"expire\":600,\"expireAt\":1735690200,\"salt\":1,"
		    "\"serviceCount\":1,\"services\":[%s],\"complete\":true,\"signature\":\"%.*s\","
		    "\"signatureValid\":true,\"expired\":false,\"compared\":[],\"valid\":%s",
		    cases[i].json, (int)out.signature.length, out.signature.data,
		    cases[i].is_refused ? "false,\"problems\":[{" : "true,\"problems\":[]}");
		if (cases[i].is_refused && json.length > whole.length)
			json.length = whole.length; /* what is wrong, other tests look at */
		buf_add(&whole, "", 1);
		CHECK(out.signature.length == 64, cases[i].name);
		CHECK(same_text(buf_view(&json), whole.data), cases[i].name);
		buf_free(&json);
		buf_free(&whole);
		arena_free(&arena);
	}
	close_codec();
}

static void
inspects_what_is_no_token(void)
{
	static const struct {
		struct text token;
		const char *json;
	} cases[] = {
		{ TEXT(""),
		    "{\"signatureValid\":null,\"compared\":[],\"valid\":false,\"problems\":[{"
		    "\"code\":"
		    "\"empty\",\"problem\":" },
		{ TEXT("008"),
		    "{\"signatureValid\":null,\"compared\":[],\"valid\":false,\"problems\":[{"
		    "\"code\":"
		    "\"bad_version\",\"problem\":" },
		{ TEXT("005xyz"),
		    "{\"signatureValid\":null,\"compared\":[],\"valid\":false,\"problems\":[{"
		    "\"code\":"
		    "\"unsupported_version\",\"problem\":" },
		{ TEXT("\0\0\0"),
		    "{\"signatureValid\":null,\"compared\":[],\"valid\":false,\"problems\":[{"
		    "\"code\":"
		    "\"bad_version\",\"problem\":" },
		{ TEXT("007!"),
		    "{\"version\":\"007\",\"signatureValid\":null,\"compared\":[],\"valid\":false,"
		    "\"problems\":[{\"code\":\"bad_base64\",\"problem\":" },
		{ TEXT("007AAAA"),
		    "{\"version\":\"007\",\"signatureValid\":null,\"compared\":[],\"valid\":false,"
		    "\"problems\":[{\"code\":\"not_accesstoken2\",\"problem\":" },
	};
	const struct expectation expected = { GOOD, .app_id = TEXT(APP_ID), .channel = TEXT("ch"),
		.uid = TEXT("7") };

	if (open_codec() != 0)
		abort();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct inspection out;
		struct buf json = { 0 };
		struct text token = { guarded(cases[i].token.data, cases[i].token.length),
			cases[i].token.length };

		inspect_token(codec, token, &expected, &arena, &out);
		field_write(&json, &inspection_table, &out);
		CHECK(json.length > strlen(cases[i].json) &&
			memcmp(json.data, cases[i].json, strlen(cases[i].json)) == 0,
		    cases[i].json);
		CHECK(out.problems.count == 1, cases[i].json);
		buf_free(&json);
		arena_free(&arena);
	}
	close_codec();
}

static void
inspects_006(void)
{
	static const struct {
		const char *name;
		struct expectation expected;
		const char *problems;
		int signature_valid;
	} cases[] = {
		{ "with names", { GOOD, .channel = TEXT("demo"), .uid = TEXT("0") }, "version_006 ",
		    1 },
		{ "with an empty uid", { GOOD, .channel = TEXT("demo"), .uid = TEXT("") },
		    "version_006 ", 1 },
		{ "without names", { GOOD }, "not_verified version_006 ", MAYBE_NULL },
		{ "without uid, for any", { GOOD, .channel = TEXT("demo") }, "version_006 ", 1 },
		{ "without certificate",
		    { .now = ISSUED, .channel = TEXT("demo"), .uid = TEXT("0") },
		    "not_verified version_006 ", MAYBE_NULL },
		{ "another channel", { GOOD, .channel = TEXT("x"), .uid = TEXT("0") },
		    "channel_mismatch not_verified version_006 ", MAYBE_NULL },
		{ "any user", { GOOD, .channel = TEXT("demo"), .uid = TEXT("1") }, "version_006 ",
		    1 },
		{ "another certificate",
		    { .certificate = TEXT(OTHER),
			.now = ISSUED + 1,
			.channel = TEXT("demo"),
			.uid = TEXT("0") },
		    "bad_signature version_006 ", 0 },
		{ "a certificate of another App ID",
		    { GOOD, .certified_app_id = TEXT(OTHER), .channel = TEXT("demo") },
		    "not_verified version_006 ", MAYBE_NULL },
		{ "its last second",
		    { .certificate = TEXT(CERTIFICATE),
			.now = 1735776000,
			.channel = TEXT("demo"),
			.uid = TEXT("0") },
		    "privilege_over version_006 ", 1 },
		{ "one second later",
		    { .certificate = TEXT(CERTIFICATE),
			.now = 1735776001,
			.channel = TEXT("demo"),
			.uid = TEXT("0") },
		    "expired version_006 ", 1 },
	};
	static const char json[] =
	    "{\"version\":\"006\",\"appId\":\"" APP_ID
	    "\",\"expireAt\":1735776000,\"salt\":777,\"crcChannelName\":3594706848,\"crcUid\":0,"
	    "\"privileges\":[{\"id\":1,\"name\":\"joinChannel\",\"expireAt\":1735693200},"
	    "{\"id\":2,\"name\":\"publishAudioStream\",\"expireAt\":1735693200},"
	    "{\"id\":3,\"name\":\"publishVideoStream\",\"expireAt\":1735693200},"
	    "{\"id\":4,\"name\":\"publishDataStream\",\"expireAt\":1735693200}],\"complete\":true,"
	    "\"signature\":\"";

	if (open_codec() != 0)
		abort();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct inspection out;
		struct buf codes = { 0 }, written = { 0 };

		inspect_token(codec, text_of(token_006), &cases[i].expected, &arena, &out);
		for (size_t p = 0; p < out.problems.count; p++) {
			const struct problem *problem = (struct problem *)out.problems.items + p;

			buf_printf(&codes, "%.*s ", (int)problem->code.length, problem->code.data);
		}
		CHECK(same_text(buf_view(&codes), cases[i].problems), cases[i].name);
		CHECK(out.signature_valid == cases[i].signature_valid, cases[i].name);
		CHECK(out.valid == (strcmp(cases[i].problems, "version_006 ") == 0), cases[i].name);
		field_write(&written, &inspection_table, &out);
		CHECK(
		    written.length > strlen(json) && memcmp(written.data, json, strlen(json)) == 0,
		    cases[i].name);
		buf_free(&codes);
		buf_free(&written);
		arena_free(&arena);
	}
	close_codec();
}

/* Builders of 006 put the user of RTM where the channel is, and the right to log in. */
static struct text
make_rtm_006(const char *user, struct arena *arena)
{
	unsigned char content[64] = { 32, 0 };
	const unsigned char message[] = { 9, 0, 0, 0, 0x90, 0x93, 0x74, 0x67, 1, 0, 0xe8, 3, 0x90,
		0x93, 0x74, 0x67 };
	const uint32_t crc =
	    (uint32_t)crc32(crc32(0, NULL, 0), (const Bytef *)user, (uInt)strlen(user));
	crypto_auth_hmacsha256_state state;
	char base64[128];
	struct buf token = { 0 };
	struct text made;

	crypto_auth_hmacsha256_init(&state, (const unsigned char *)CERTIFICATE, 32);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)APP_ID, 32);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)user, strlen(user));
	crypto_auth_hmacsha256_update(&state, message, sizeof(message));
	crypto_auth_hmacsha256_final(&state, content + 2);
	for (int i = 0; i < 4; i++)
		content[34 + i] = (unsigned char)(crc >> 8 * i);
	content[42] = sizeof(message);
	memcpy(content + 44, message, sizeof(message));
	sodium_bin2base64(
	    base64, sizeof(base64), content, 44 + sizeof(message), sodium_base64_VARIANT_ORIGINAL);
	buf_printf(&token, "006" APP_ID "%s", base64);
	made = arena_copy(arena, buf_view(&token));
	buf_free(&token);
	return made;
}

static void
judges_rtm_006_by_its_user(void)
{
	static const struct {
		const char *name;
		struct expectation expected;
		const char *problems;
		int signature_valid;
	} cases[] = {
		{ "its user", { GOOD, .uid = TEXT("ann") }, "version_006 ", 1 },
		{ "as an account", { GOOD, .account = TEXT("ann") }, "version_006 ", 1 },
		{ "another", { GOOD, .uid = TEXT("bob") }, "uid_mismatch not_verified version_006 ",
		    MAYBE_NULL },
		{ "not said", { GOOD }, "not_verified version_006 ", MAYBE_NULL },
		{ "its user, for a channel", { GOOD, .channel = TEXT("ch"), .uid = TEXT("ann") },
		    "wrong_kind version_006 ", 1 },
		{ "its user as a channel", { GOOD, .channel = TEXT("ann") },
		    "wrong_kind not_verified version_006 ", MAYBE_NULL },
		{ "another certificate",
		    { .certificate = TEXT(OTHER), .now = ISSUED, .uid = TEXT("ann") },
		    "bad_signature version_006 ", 0 },
		{ "one second later",
		    { .certificate = TEXT(CERTIFICATE), .now = 1735693201, .uid = TEXT("ann") },
		    "expired version_006 ", 1 },
	};

	if (open_codec() != 0)
		abort();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct inspection out;
		struct buf codes = { 0 };

		inspect_token(codec, make_rtm_006("ann", &arena), &cases[i].expected, &arena, &out);
		for (size_t p = 0; p < out.problems.count; p++) {
			const struct problem *problem = (struct problem *)out.problems.items + p;

			buf_printf(&codes, "%.*s ", (int)problem->code.length, problem->code.data);
		}
		CHECK(same_text(buf_view(&codes), cases[i].problems), cases[i].name);
		CHECK(out.signature_valid == cases[i].signature_valid, cases[i].name);
		buf_free(&codes);
		arena_free(&arena);
	}
	close_codec();
}

/* No cut token is valid, none is read beyond its end, and each names what is wrong. */
static void
survives_every_truncation(void)
{
	struct arena arena = { 0 };
	const struct expectation expected = { GOOD };
	struct text tokens[2];

	if (open_codec() != 0)
		abort();
	tokens[0] = make_sample(RTC_RTM, &arena);
	tokens[1] = text_of(token_006);
	for (size_t t = 0; t < COUNT(tokens); t++)
		for (size_t length = 0; length < tokens[t].length; length++) {
			struct arena mine = { 0 };
			struct inspection out;
			struct buf json = { 0 };
			char name[32];

			snprintf(name, sizeof(name), "%zu: %zu bytes", t, length);
			inspect_token(codec,
			    (struct text){ guarded(tokens[t].data, length), length }, &expected,
			    &mine, &out);
			CHECK(!out.valid && out.problems.count > 0, name);
			field_write(&json, &inspection_table, &out);
			buf_free(&json);
			arena_free(&mine);
		}
	arena_free(&arena);
	close_codec();
}

/*
 * Bits that deflate does not use may change; all others make it another token, or none.  (The
 * names' CRCs of a 006 token are not signed, but compared.)
 */
static void
survives_every_flipped_bit(void)
{
	struct arena arena = { 0 };
	const struct expectation expected = { GOOD, .channel = TEXT("demo"), .uid = TEXT("0") };
	struct text tokens[2];

	if (open_codec() != 0)
		abort();
	tokens[0] = make_sample(RTC_ALL, &arena);
	tokens[1] = text_of(token_006);
	for (size_t t = 0; t < COUNT(tokens); t++) {
		struct buf original = { 0 };
		struct inspection out;
		size_t unchanged = 0, problems;

		inspect_token(codec, tokens[t], &expected, &arena, &out);
		CHECK(out.signature_valid == 1, "the token itself");
		problems = out.problems.count; /* 006: that it is old */
		field_write(&original, &inspection_table, &out);
		for (size_t bit = 0; bit < 8 * tokens[t].length; bit++) {
			struct arena mine = { 0 };
			struct buf json = { 0 };
			char changed[1024], name[32];

			snprintf(name, sizeof(name), "%zu: bit %zu", t, bit);
			memcpy(changed, tokens[t].data, tokens[t].length);
			changed[bit / 8] = (char)(changed[bit / 8] ^ 1 << bit % 8);
			inspect_token(codec,
			    (struct text){ guarded(changed, tokens[t].length), tokens[t].length },
			    &expected, &mine, &out);
			field_write(&json, &inspection_table, &out);
			if (out.signature_valid == 1 && out.problems.count == problems) {
				unchanged++;
				CHECK(json.length == original.length &&
					memcmp(json.data, original.data, json.length) == 0,
				    name);
			} else {
				CHECK(!out.valid && out.problems.count > 0, name);
			}
			buf_free(&json);
			arena_free(&mine);
		}
		CHECK(unchanged < 8, "only what is left of one byte");
		buf_free(&original);
	}
	arena_free(&arena);
	close_codec();
}

/* What `sign` reads: each row has input that passes and input that fails. */
static void
reads_descriptions(void)
{
#define START "{\"appId\":\"" APP_ID "\",\"issueTs\":1,\"expire\":2,\"salt\":3,\"services\":["
#define SERVICE(more) START "{\"type\":1,\"privileges\":[]" more "}]}"
#define RULE_16 "must be a whole number, 0 to 65535"
#define RULE_32 "must be a whole number, 0 to 4294967295"
	static const struct {
		const char *json, *field, *rule; /* NULL = fine */
		bool missing;
	} cases[] = {
		{ START "]}", NULL, NULL },
		{ SERVICE(""), NULL, NULL },
		{ START "{\"type\":65535,\"name\":\"x\",\"privileges\":[{\"id\":65535,\"name\":"
			"\"y\",\"expire\":4294967295}],\"channelName\":\"c\",\"uid\":\"\","
			"\"userId\":\"u\",\"account\":\"a\",\"roomUuid\":\"r\",\"userUuid\":\"v\","
			"\"role\":-32768,\"permissions\":[{\"resource\":65535,\"permission\":"
			"65535,\"resources\":[null],\"resourcesHex\":[\"ff\"]}]}],\"signature\":"
			"\"s\",\"complete\":false,\"problems\":[{}],\"valid\":1}",
		    NULL, NULL },
		{ SERVICE(",\"channelName\":null,\"channelNameHex\":\"ff\""), NULL, NULL },

		{ "{\"issueTs\":1}", "appId", "is required", true },
		{ "{\"appId\":1}", "appId", "must be a string" },
		{ "{\"appId\":\"" APP_ID "\"}", "issueTs", "is required", true },
		{ "{\"appId\":\"" APP_ID "\",\"issueTs\":-1}", "issueTs", RULE_32 },
		{ "{\"appId\":\"" APP_ID "\",\"issueTs\":1}", "expire", "is required", true },
		{ "{\"appId\":\"" APP_ID "\",\"issueTs\":1,\"expire\":4294967296}", "expire",
		    RULE_32 },
		{ "{\"appId\":\"" APP_ID "\",\"issueTs\":1,\"expire\":1}", "salt", "is required",
		    true },
		{ "{\"appId\":\"" APP_ID "\",\"issueTs\":1,\"expire\":1,\"salt\":\"x\"}", "salt",
		    RULE_32 },
		{ "{\"appId\":\"" APP_ID "\",\"issueTs\":1,\"expire\":1,\"salt\":1}", "services",
		    "is required", true },
		{ START "null]}", "services[0]", "must be an object" },
		{ START "{}]}", "services[0].type", "is required", true },
		{ START "{\"type\":65536}]}", "services[0].type", RULE_16 },
		{ START "{\"type\":1}]}", "services[0].privileges", "is required", true },
		{ START "{\"type\":1,\"name\":1}]}", "services[0].name", "must be a string" },
		{ START "{\"type\":1,\"privileges\":[{}]}]}", "services[0].privileges[0].id",
		    "is required", true },
		{ START "{\"type\":1,\"privileges\":[{\"id\":65536}]}]}",
		    "services[0].privileges[0].id", RULE_16 },
		{ START "{\"type\":1,\"privileges\":[{\"id\":1,\"name\":1}]}]}",
		    "services[0].privileges[0].name", "must be a string" },
		{ START "{\"type\":1,\"privileges\":[{\"id\":1}]}]}",
		    "services[0].privileges[0].expire", "is required", true },
		{ START "{\"type\":1,\"privileges\":[{\"id\":1,\"expire\":-1}]}]}",
		    "services[0].privileges[0].expire", RULE_32 },
		{ SERVICE(",\"channelName\":1"), "services[0].channelName", "must be a string" },
		{ SERVICE(",\"channelNameHex\":\"f\""), "services[0].channelName",
		    "must be an even number of hexadecimal digits" },
		{ SERVICE(",\"uid\":7"), "services[0].uid", "must be a string" },
		{ SERVICE(",\"userId\":7"), "services[0].userId", "must be a string" },
		{ SERVICE(",\"account\":7"), "services[0].account", "must be a string" },
		{ SERVICE(",\"roomUuid\":7"), "services[0].roomUuid", "must be a string" },
		{ SERVICE(",\"userUuid\":7"), "services[0].userUuid", "must be a string" },
		{ SERVICE(",\"role\":32768"), "services[0].role",
		    "must be a whole number, -32768 to 32767" },
		{ SERVICE(",\"permissions\":1"), "services[0].permissions", "must be an array" },
		{ SERVICE(",\"permissions\":[{\"resource\":-1}]"),
		    "services[0].permissions[0].resource", RULE_16 },
		{ SERVICE(",\"permissions\":[{\"resource\":1}]"),
		    "services[0].permissions[0].permission", "is required", true },
		{ SERVICE(",\"permissions\":[{\"resource\":1,\"permission\":1}]"),
		    "services[0].permissions[0].resources", "is required", true },
		{ START "],\"signature\":1}", "signature", "must be a string" },
		{ START "],\"complete\":1}", "complete", "must be true or false" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_error problem;
		struct json_object *object =
		    json_read(text_of(cases[i].json), JSON_NUL_ALLOWED, &problem);
		struct arena arena = { 0 };
		struct field_error error;
		struct token_description out;

		CHECK(problem.problem == JSON_FINE, cases[i].json);
		CHECK(field_read(&token_description_table, object, &arena, &out, &error) ==
			(cases[i].field == NULL),
		    cases[i].json);
		if (cases[i].field != NULL) {
			CHECK(same_text(text_of(error.field), cases[i].field), cases[i].json);
			CHECK(same_text(text_of(error.rule), cases[i].rule), cases[i].json);
			CHECK(error.missing == cases[i].missing, cases[i].json);
		}
		json_object_put(object);
		arena_free(&arena);
	}
}

/* An inspection is a description: what one table writes, the other reads. */
static void
writes_what_sign_reads(void)
{
	if (open_codec() != 0)
		abort();
	for (unsigned sample = 0; sample < SAMPLES; sample++) {
		struct arena arena = { 0 };
		const struct expectation expected = { GOOD };
		struct inspection inspected;
		struct buf json = { 0 };
		struct json_error problem;
		struct json_object *object;
		struct token_description out;
		struct field_error error;
		char name[16];

		snprintf(name, sizeof(name), "sample %u", sample);
		inspect_token(
		    codec, make_sample((enum sample)sample, &arena), &expected, &arena, &inspected);
		field_write(&json, &inspection_table, &inspected);
		object = json_read(buf_view(&json), JSON_NUL_ALLOWED, &problem);
		CHECK(field_read(&token_description_table, object, &arena, &out, &error), name);
		CHECK(out.complete && out.services.count == inspected.services.count, name);
		CHECK(out.issue_ts == inspected.issue_ts && out.salt == inspected.salt &&
			out.expire == inspected.expire,
		    name);
		json_object_put(object);
		buf_free(&json);
		arena_free(&arena);
	}
	close_codec();
}

CU_TestInfo services_inspect_tests[] = {
	{ "finds problems", finds_problems },
	{ "writes what the issue says", writes_what_the_issue_says },
	{ "inspects what is no token", inspects_what_is_no_token },
	{ "inspects 006", inspects_006 },
	{ "judges RTM 006 by its user", judges_rtm_006_by_its_user },
	{ "survives every truncation", survives_every_truncation },
	{ "survives every flipped bit", survives_every_flipped_bit },
	{ "reads descriptions", reads_descriptions },
	{ "writes what sign reads", writes_what_sign_reads },
	CU_TEST_INFO_NULL,
};
