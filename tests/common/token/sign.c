#include "content.h"

#define T(literal) ((struct agora_text){ literal, sizeof(literal) - 1 })

static struct agora_codec *
open_codec(void)
{
	struct agora_codec *codec = agora_codec_open();

	if (codec == NULL)
		abort();
	return codec;
}

static struct agora_token
token_with(const struct agora_service *services, size_t count)
{
	return (struct agora_token){ .app_id = APP_ID,
		.issue_ts = 1735689600,
		.expire = 3600,
		.salt = 12345678,
		.services = services,
		.service_count = count };
}

/* Expected: hexadecimal digits with blanks between. */
static bool
same_hex(const struct buf *bytes, const char *expected)
{
	struct buf hex = { 0 }, digits = { 0 };
	bool same;

	buf_hex(&hex, bytes->data, bytes->length);
	for (; *expected != '\0'; expected++)
		if (*expected != ' ')
			buf_add(&digits, expected, 1);
	buf_add(&digits, "", 1);
	same = same_text(buf_view(&hex), digits.data);
	buf_free(&hex);
	buf_free(&digits);
	return same;
}

/* The content of services behind the head; nothing when it was not signed. */
static void
services_content(const struct agora_token *token, struct buf *out)
{
	struct agora_codec *codec = open_codec();
	char text[AGORA_TOKEN_MAX + 1];
	struct buf content;
	size_t length;

	if (agora_token_sign(codec, token, CERTIFICATE, text, &length) == AGORA_OK) {
		content = content_of((struct text){ text, length });
		if (content.length > HEAD_LENGTH)
			buf_add(out, content.data + HEAD_LENGTH, content.length - HEAD_LENGTH);
		buf_free(&content);
	}
	agora_codec_close(codec);
}

static const struct agora_privilege unsorted[] = { { 65535, 4 }, { 2, 3 }, { 0, 2 }, { 1, 1 } };
static const struct agora_text b_a_b[] = { T("b"), T("a"), T("b") };
static const struct agora_text c[] = { T("c") };
static const struct agora_permission permissions[] = { { 4, 1, b_a_b, 3 }, { 1, 1, c, 1 },
	{ 1, 0, NULL, 0 }, { 4, 0, c, 1 } };
/* 1.1 is given three times and 1.0 twice. */
static const struct agora_permission replaced[] = { { 1, 1, b_a_b, 3 }, { 1, 0, c, 1 },
	{ 1, 1, c, 1 }, { 1, 0, NULL, 0 }, { 1, 1, b_a_b, 2 } };
static const struct agora_permission extremes[] = { { 65535, 65535, c, 1 }, { 0, 65535, c, 1 },
	{ 65535, 0, c, 1 }, { 0, 0, c, 1 } };

static const struct agora_service rtm_z = { .type = AGORA_RTM, .user = T("z") };
static const struct agora_service rtm_a = { .type = AGORA_RTM, .user = T("a") };
static const struct agora_service rtc = { .type = AGORA_RTC, .channel = T("c"), .user = T("u") };
static const struct agora_service stt = { .type = AGORA_STT };
/* A service takes only the texts of its type. */
static const struct agora_service full_fpa = { .type = AGORA_FPA,
	.channel = T("c"),
	.user = T("u"),
	.room = T("r"),
	.role = 3,
	.permissions = permissions,
	.permission_count = 4 };
static const struct agora_service apaas = {
	.type = AGORA_APAAS, .user = T("u"), .room = T("r"), .role = -32768
};
static const struct agora_service with_unsorted = {
	.type = AGORA_FPA, .privileges = unsorted, .privilege_count = 4
};
static const struct agora_service with_permissions = {
	.type = AGORA_RTM2, .user = T("u"), .permissions = permissions, .permission_count = 4
};
static const struct agora_service with_replaced = {
	.type = AGORA_RTM2, .user = T("u"), .permissions = replaced, .permission_count = 5
};
static const struct agora_service with_extremes = {
	.type = AGORA_RTM2, .user = T("u"), .permissions = extremes, .permission_count = 4
};

#define RTC_HEX "01000000 010063 010075 "
#define RTM_A_HEX "02000000 010061 "
#define RTM_Z_HEX "02000000 01007a "
#define RTM2_HEX "08000000 010075 "

/* What Agora's builders write, and with keep_order what was given. */
static void
order(void)
{
	static const struct {
		const char *name;
		const struct agora_service *services[4];
		const char *sorted, *kept;
	} cases[] = {
		{ "equal types keep their order", { &stt, &rtm_z, &rtc, &rtm_a },
		    RTC_HEX RTM_Z_HEX RTM_A_HEX "0a000000",
		    "0a000000" RTM_Z_HEX RTC_HEX RTM_A_HEX },
		{ "privileges", { &with_unsorted },
		    "04000400 000002000000 010001000000 020003000000 ffff04000000",
		    "04000400 ffff04000000 020003000000 000002000000 010001000000" },
		{ "permissions", { &with_permissions },
		    RTM2_HEX "0200 01000200 00000000 01000100010063 "
			     "04000200 00000100010063 01000300010062010061010062",
		    RTM2_HEX "0300 04000100 01000300010062010061010062 "
			     "01000200 01000100010063 00000000 04000100 00000100010063" },
		{ "the last of equal permissions", { &with_replaced },
		    RTM2_HEX "0100 01000200 00000000 01000200010062010061", NULL },
		{ "the largest permission keys", { &with_extremes },
		    RTM2_HEX "0200 00000200 00000100010063 ffff0100010063 "
			     "ffff0200 00000100010063 ffff0100010063",
		    NULL },
		{ "texts of other types", { &full_fpa }, "04000000", "04000000" },
		{ "role", { &apaas }, "07000000 010072 010075 0080",
		    "07000000 010072 010075 0080" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct agora_service services[4];
		struct agora_token token = token_with(services, 0);
		struct buf sorted = { 0 }, kept = { 0 };

		while (token.service_count < 4 && cases[i].services[token.service_count] != NULL) {
			services[token.service_count] = *cases[i].services[token.service_count];
			token.service_count++;
		}
		services_content(&token, &sorted);
		CHECK(same_hex(&sorted, cases[i].sorted), cases[i].name);
		token.keep_order = true;
		services_content(&token, &kept);
		if (cases[i].kept != NULL)
			CHECK(same_hex(&kept, cases[i].kept), cases[i].name);
		buf_free(&sorted);
		buf_free(&kept);
	}
}

/* The fixed part, byte by byte, and a signature that does not come from the library. */
static void
head(void)
{
	static const struct {
		const char *app_id;
		uint32_t issue_ts, expire, salt;
		const char *hex;
	} cases[] = {
		{ APP_ID, 0x01020304, 0x11121314, 0x0a0b0c0d, "04030201 14131211 0d0c0b0a" },
		{ "ABCDEFabcdef0123456789ABCDEF0123", 0, 0, 0, "00000000 00000000 00000000" },
		{ APP_ID, UINT32_MAX, UINT32_MAX, UINT32_MAX, "ffffffff ffffffff ffffffff" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct agora_codec *codec = open_codec();
		struct agora_token token = token_with(&stt, 1);
		char out[AGORA_TOKEN_MAX + 1];
		struct buf content, signed_here = { 0 }, numbers = { 0 };
		size_t length;

		token.app_id = cases[i].app_id;
		token.issue_ts = cases[i].issue_ts;
		token.expire = cases[i].expire;
		token.salt = cases[i].salt;
		CHECK(agora_token_sign(codec, &token, CERTIFICATE, out, &length) == AGORA_OK,
		    cases[i].hex);
		CHECK(length == strlen(out) && strncmp(out, "007eJ", 5) == 0, cases[i].hex);
		content = content_of((struct text){ out, length });
		CHECK(content.length == HEAD_LENGTH + 4, cases[i].hex);
		CHECK(memcmp(content.data + 34, " \0", 2) == 0, cases[i].hex);
		CHECK(memcmp(content.data + 36, cases[i].app_id, 32) == 0, cases[i].hex);
		buf_add(&numbers, content.data + 68, 12);
		CHECK(same_hex(&numbers, cases[i].hex), cases[i].hex);
		buf_add(&signed_here, content.data, content.length);
		sign_content(&signed_here, CERTIFICATE);
		CHECK(memcmp(content.data, signed_here.data, content.length) == 0, cases[i].hex);
		/* The length may be left out. */
		CHECK(agora_token_sign(codec, &token, CERTIFICATE, out, NULL) == AGORA_OK &&
			strlen(out) == length,
		    cases[i].hex);
		buf_free(&content);
		buf_free(&signed_here);
		buf_free(&numbers);
		agora_codec_close(codec);
	}
}

static const struct agora_privilege twice[] = { { 1, 1 }, { 2, 2 }, { 1, 3 } };
static const struct agora_service duplicate = { .type = AGORA_RTC,
	.channel = T("c"),
	.user = T("u"),
	.privileges = twice,
	.privilege_count = 3 };
static const struct agora_service type_0 = { .type = 0 };
static const struct agora_service type_11 = { .type = 11 };
static const struct agora_service type_max = { .type = UINT16_MAX };
static const struct agora_service many_privileges = {
	.type = AGORA_FPA, .privileges = unsorted, .privilege_count = UINT16_MAX + 1
};
static const struct agora_permission many_names[] = { { 0, 0, c, UINT16_MAX + 1 } };
static const struct agora_service with_many_names = {
	.type = AGORA_RTM2, .user = T("u"), .permissions = many_names, .permission_count = 1
};
static const struct agora_service unknown_behind[] = { { .type = AGORA_STT }, { .type = 11 } };

static void
errors(void)
{
	static const char short_hex[] = "0123456789abcdef0123456789abcde";
	static const char long_hex[] = "0123456789abcdef0123456789abcdef0";
	static const char not_hex[] = "0123456789abcdef0123456789abcdeg";
	static const struct {
		const char *name, *app_id, *certificate;
		const struct agora_service *services;
		size_t count;
		enum agora_error sorted, kept;
	} cases[] = {
		{ "good", APP_ID, CERTIFICATE, &rtc, 1, AGORA_OK, AGORA_OK },
		{ "empty app id", "", CERTIFICATE, &rtc, 1, AGORA_BAD_APP_ID, AGORA_BAD_APP_ID },
		{ "short app id", short_hex, CERTIFICATE, &rtc, 1, AGORA_BAD_APP_ID,
		    AGORA_BAD_APP_ID },
		{ "long app id", long_hex, CERTIFICATE, &rtc, 1, AGORA_BAD_APP_ID,
		    AGORA_BAD_APP_ID },
		{ "app id not hex", not_hex, CERTIFICATE, &rtc, 1, AGORA_BAD_APP_ID,
		    AGORA_BAD_APP_ID },
		{ "empty certificate", APP_ID, "", &rtc, 1, AGORA_BAD_CERTIFICATE,
		    AGORA_BAD_CERTIFICATE },
		{ "short certificate", APP_ID, short_hex, &rtc, 1, AGORA_BAD_CERTIFICATE,
		    AGORA_BAD_CERTIFICATE },
		{ "long certificate", APP_ID, long_hex, &rtc, 1, AGORA_BAD_CERTIFICATE,
		    AGORA_BAD_CERTIFICATE },
		{ "certificate not hex", APP_ID, not_hex, &rtc, 1, AGORA_BAD_CERTIFICATE,
		    AGORA_BAD_CERTIFICATE },
		{ "no service", APP_ID, CERTIFICATE, &rtc, 0, AGORA_NO_SERVICE, AGORA_NO_SERVICE },
		{ "too many services", APP_ID, CERTIFICATE, &rtc, UINT16_MAX + 1, AGORA_TOO_LARGE,
		    AGORA_TOO_LARGE },
		{ "type 0", APP_ID, CERTIFICATE, &type_0, 1, AGORA_UNKNOWN_SERVICE,
		    AGORA_UNKNOWN_SERVICE },
		{ "type 11", APP_ID, CERTIFICATE, &type_11, 1, AGORA_UNKNOWN_SERVICE,
		    AGORA_UNKNOWN_SERVICE },
		{ "type 65535", APP_ID, CERTIFICATE, &type_max, 1, AGORA_UNKNOWN_SERVICE,
		    AGORA_UNKNOWN_SERVICE },
		{ "unknown type behind a known one", APP_ID, CERTIFICATE, unknown_behind, 2,
		    AGORA_UNKNOWN_SERVICE, AGORA_UNKNOWN_SERVICE },
		/* A parsed token is written again as it was. */
		{ "privilege twice", APP_ID, CERTIFICATE, &duplicate, 1, AGORA_DUPLICATE_PRIVILEGE,
		    AGORA_OK },
		{ "too many privileges", APP_ID, CERTIFICATE, &many_privileges, 1, AGORA_TOO_LARGE,
		    AGORA_TOO_LARGE },
		{ "too many names", APP_ID, CERTIFICATE, &with_many_names, 1, AGORA_TOO_LARGE,
		    AGORA_TOO_LARGE },
	};
	struct agora_codec *codec = open_codec();

	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		size_t n = i / 2, length = 99;
		struct agora_token token = token_with(cases[n].services, cases[n].count);
		enum agora_error expected = i % 2 ? cases[n].kept : cases[n].sorted;
		char out[AGORA_TOKEN_MAX + 1] = "left over";

		token.app_id = cases[n].app_id;
		token.keep_order = i % 2;
		CHECK(
		    agora_token_sign(codec, &token, cases[n].certificate, out, &length) == expected,
		    cases[n].name);
		CHECK(expected == AGORA_OK ? length > 100 : out[0] == '\0' && length == 0,
		    cases[n].name);
	}
	agora_codec_close(codec);
}

/* Channel names of one byte repeated (content is the limit) and of noise (the text is). */
static void
too_large(void)
{
	/* The content of an RTC service without privileges and names. */
	const size_t rest = HEAD_LENGTH + 8;
	const struct {
		const char *name;
		size_t channel, user;
		bool noise;
		enum agora_error expected;
	} cases[] = {
		{ "the largest content", AGORA_CONTENT_MAX - rest, 0, false, AGORA_OK },
		{ "content one byte over", AGORA_CONTENT_MAX - rest, 1, false, AGORA_TOO_LARGE },
		{ "the longest string", AGORA_STRING_MAX, 0, false, AGORA_TOO_LARGE },
		{ "two of the longest strings", AGORA_STRING_MAX, AGORA_STRING_MAX, false,
		    AGORA_TOO_LARGE },
		{ "a string one byte over", AGORA_STRING_MAX + 1, 0, false, AGORA_TOO_LARGE },
		{ "a string whose length would be 0", 2 * (AGORA_STRING_MAX + 1), 0, false,
		    AGORA_TOO_LARGE },
		{ "noise that fits", 12000, 0, true, AGORA_OK },
		{ "noise that does not", 12300, 0, true, AGORA_TOO_LARGE },
		{ "much noise", 60000, 0, true, AGORA_TOO_LARGE },
	};
	struct agora_codec *codec = open_codec();
	struct buf bytes = { 0 };

	while (bytes.length < 2 * (AGORA_STRING_MAX + 1))
		buf_text(&bytes, "x");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct agora_service service = { .type = AGORA_RTC,
			.channel = { bytes.data, cases[i].channel },
			.user = { bytes.data, cases[i].user } };
		struct agora_token token = token_with(&service, 1);
		char out[AGORA_TOKEN_MAX + 1];
		size_t length;
		struct agora_parsed parsed;
		enum agora_error error;

		if (cases[i].noise)
			randombytes_buf_deterministic(bytes.data, cases[i].channel,
			    (const unsigned char *)"one seed of thirty-two bytes....");
		error = agora_token_sign(codec, &token, CERTIFICATE, out, &length);
		CHECK(error == cases[i].expected, cases[i].name);
		if (error != AGORA_OK) {
			CHECK(out[0] == '\0' && length == 0, cases[i].name);
			continue;
		}
		CHECK(length <= AGORA_TOKEN_MAX && out[length] == '\0', cases[i].name);
		CHECK(agora_token_parse(codec, out, length, &parsed) == AGORA_OK, cases[i].name);
		CHECK(agora_token_verify(&parsed, CERTIFICATE, T(""), T("")) == AGORA_OK,
		    cases[i].name);
	}
	buf_free(&bytes);
	agora_codec_close(codec);
}

/* The longest text that is written is the longest that is read: both sides of the limit. */
static void
longest_text(void)
{
	struct agora_codec *codec = open_codec();
	char noise[12300], out[AGORA_TOKEN_MAX + 1];
	size_t longest = 0, refused = 0;

	randombytes_buf_deterministic(
	    noise, sizeof(noise), (const unsigned char *)"one seed of thirty-two bytes....");
	for (size_t n = 12100; n < sizeof(noise); n++) {
		struct agora_service service = { .type = AGORA_RTM, .user = { noise, n } };
		struct agora_token token = token_with(&service, 1);
		struct agora_parsed parsed;
		size_t length;

		if (agora_token_sign(codec, &token, CERTIFICATE, out, &length) != AGORA_OK) {
			refused++;
			continue;
		}
		longest = length > longest ? length : longest;
		CHECK(agora_token_parse(codec, out, length, &parsed) == AGORA_OK, "parse");
	}
	CHECK(refused > 0, "refused");
	/* 3 + 4 n: nothing fits better. */
	CHECK(longest == AGORA_TOKEN_MAX - 1, "longest");
	agora_codec_close(codec);
}

/* A codec that signed before signs as a new one does, whatever it keeps of the last key. */
static void
last_key(void)
{
	static const struct agora_service fpa = { .type = AGORA_FPA };
	static const struct {
		const char *name, *certificate;
		uint32_t issue_ts;
	} cases[] = {
		{ "first", CERTIFICATE, 1735689600 },
		{ "the same again", CERTIFICATE, 1735689600 },
		{ "another certificate", OTHER_CERTIFICATE, 1735689600 },
		{ "another second", OTHER_CERTIFICATE, 1735689601 },
		{ "both", CERTIFICATE, 0 },
		{ "certificate in capitals", "FEDCBA9876543210FEDCBA9876543210", 0 },
	};
	struct agora_codec *used = open_codec();

	for (size_t n = 0; n < COUNT(cases); n++) {
		struct agora_token token = token_with(&fpa, 1);
		struct agora_codec *fresh = open_codec();
		char here[AGORA_TOKEN_MAX + 1], there[AGORA_TOKEN_MAX + 1];

		token.issue_ts = cases[n].issue_ts;
		CHECK(agora_token_sign(used, &token, cases[n].certificate, here, NULL) == AGORA_OK,
		    cases[n].name);
		CHECK(
		    agora_token_sign(fresh, &token, cases[n].certificate, there, NULL) == AGORA_OK,
		    cases[n].name);
		CHECK(strcmp(here, there) == 0, cases[n].name);
		agora_codec_close(fresh);
	}
	agora_codec_close(used);
}

CU_TestInfo token_sign_tests[] = {
	{ "order", order },
	{ "head", head },
	{ "errors", errors },
	{ "too large", too_large },
	{ "longest text", longest_text },
	{ "last key", last_key },
	CU_TEST_INFO_NULL,
};
