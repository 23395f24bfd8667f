#include <stdlib.h>

#include "json.h"
#include "tokens.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define APP_ID "0123456789abcdef0123456789ABCDEF"
#define CERTIFICATE "fedcba9876543210FEDCBA9876543210"
#define ISSUED 1735689600

static const struct token_settings settings = { TEXT(APP_ID), TEXT(CERTIFICATE) };

static struct json_object *
parse(const char *json)
{
	struct json_error error;
	struct json_object *object = json_read(text_of(json), 0, &error);

	CHECK(object != NULL, json);
	return object;
}

/* What a token says */

static void
describe_permissions(struct agora_text bytes, struct buf *out)
{
	struct agora_permission_cursor cursor = { 0 };
	struct agora_text names, name;
	uint16_t resource, permission;
	size_t count;

	while (agora_permission_next(bytes, &cursor, &resource, &permission, &names, &count)) {
		buf_printf(out, "[%u %u", resource, permission);
		while (count-- > 0 && agora_name_next(&names, &name))
			buf_printf(out, " %.*s", (int)name.length, name.data);
		buf_text(out, "]");
	}
}

/* "RTC(channel,user){1:3600} RTM(user){1:3600}" */
static void
describe(const struct agora_parsed *parsed, struct buf *out)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;

	while (agora_service_next(parsed, &walk, &s)) {
		struct agora_privilege p;
		const char *comma = "";

		buf_printf(out, "%s%s(", out->length == 0 ? "" : " ", agora_service_name(s.type));
		if (s.channel.data != NULL)
			buf_printf(out, "%.*s,", (int)s.channel.length, s.channel.data);
		if (s.room.data != NULL)
			buf_printf(out, "%.*s,", (int)s.room.length, s.room.data);
		if (s.user.data != NULL)
			buf_printf(out, "%.*s", (int)s.user.length, s.user.data);
		if (s.type == AGORA_APAAS)
			buf_printf(out, ",%d", s.role);
		buf_text(out, "){");
		while (agora_privilege_next(&walk.privileges, &p)) {
			buf_printf(out, "%s%u:%u", comma, p.id, p.expire);
			comma = " ";
		}
		buf_text(out, "}");
		describe_permissions(walk.permissions, out);
	}
}

/* Reads by the request table and issues; false with *error filled by either. */
static bool
issue(struct services *services, struct json_object *object, uint32_t issue_ts, uint32_t salt,
    struct arena *arena, struct token_answer *answer, struct field_error *error)
{
	struct token_request request;

	return field_read(&token_request_table, object, arena, &request, error) &&
	    token_issue(
		services, services->settings, &request, issue_ts, salt, arena, answer, error);
}

#define RTC(more) "{\"tokenType\":\"rtc\",\"channel\":\"ch\",\"uid\":\"7\"" more "}"
#define RTC_UID(uid) "{\"tokenType\":\"rtc\",\"channel\":\"ch\",\"uid\":" uid "}"
#define ACCOUNT(name) "{\"tokenType\":\"rtc\",\"channel\":\"ch\",\"account\":\"" name "\"}"
#define CHANNEL_64 "0123456789012345678901234567890123456789012345678901234567890123"
#define USER_64 CHANNEL_64
#define ACCOUNT_255                                                                                \
	CHANNEL_64 CHANNEL_64 CHANNEL_64                                                           \
	    "012345678901234567890123456789012345678901234567890123456789012"
#define MD5_OF_U "7b774effe4a349c6dd82ad4f4f21d34c"

/* Every kind of token with every input that it takes. */
static const struct {
	const char *json, *services;
	int64_t expire;
	const char *clamped; /* each with a blank behind it; NULL = none */
} good[] = {
	{ RTC(""), "RTC(ch,7){1:3600}", 3600, NULL },
	{ RTC(",\"role\":\"publisher\""), "RTC(ch,7){1:3600 2:3600 3:3600 4:3600}", 3600, NULL },
	{ RTC(",\"role\":1"), "RTC(ch,7){1:3600 2:3600 3:3600 4:3600}", 3600, NULL },
	{ RTC(",\"role\":\"1\""), "RTC(ch,7){1:3600 2:3600 3:3600 4:3600}", 3600, NULL },
	{ RTC(",\"role\":\"subscriber\""), "RTC(ch,7){1:3600}", 3600, NULL },
	{ RTC(",\"role\":2"), "RTC(ch,7){1:3600}", 3600, NULL },
	{ RTC(",\"role\":\"2\""), "RTC(ch,7){1:3600}", 3600, NULL },
	{ RTC(",\"role\":1.0,\"expire\":\"60\""), "RTC(ch,7){1:60 2:60 3:60 4:60}", 60, NULL },
	{ RTC(",\"expire\":6e1"), "RTC(ch,7){1:60}", 60, NULL },
	{ RTC_UID("42.0"), "RTC(ch,42){1:3600}", 3600, NULL },
	{ RTC(",\"role\":null"), "RTC(ch,7){1:3600}", 3600, NULL },
	{ RTC(",\"role\":\"\""), "RTC(ch,7){1:3600}", 3600, NULL },
	{ RTC(",\"role\":\"audience\""), "RTC(ch,7){1:3600}", 3600, NULL },
	{ RTC(",\"role\":\"Audience\""), "RTC(ch,7){1:3600}", 3600, NULL },
	{ RTC(",\"role\":\"SUBSCRIBER\""), "RTC(ch,7){1:3600}", 3600, NULL },
	{ RTC(",\"role\":\"host\""), "RTC(ch,7){1:3600 2:3600 3:3600 4:3600}", 3600, NULL },
	{ RTC(",\"role\":\"HOST\""), "RTC(ch,7){1:3600 2:3600 3:3600 4:3600}", 3600, NULL },
	{ RTC(",\"role\":\"broadcaster\""), "RTC(ch,7){1:3600 2:3600 3:3600 4:3600}", 3600, NULL },
	{ RTC(",\"role\":\"Publisher\""), "RTC(ch,7){1:3600 2:3600 3:3600 4:3600}", 3600, NULL },

	/* uid */
	{ RTC_UID("7"), "RTC(ch,7){1:3600}", 3600, NULL },
	{ RTC_UID("0"), "RTC(ch,){1:3600}", 3600, NULL },
	{ RTC_UID("\"0\""), "RTC(ch,){1:3600}", 3600, NULL },
	{ RTC_UID("4294967295"), "RTC(ch,4294967295){1:3600}", 3600, NULL },
	{ RTC_UID("\"4294967295\""), "RTC(ch,4294967295){1:3600}", 3600, NULL },
	{ RTC_UID("\"4294967296\""), "RTC(ch,4294967296){1:3600}", 3600, NULL },
	{ RTC_UID("\"18446744073709551617\""), "RTC(ch,18446744073709551617){1:3600}", 3600, NULL },
	{ RTC_UID("\"007\""), "RTC(ch,007){1:3600}", 3600, NULL },
	{ RTC_UID("\"00\""), "RTC(ch,00){1:3600}", 3600, NULL },
	{ RTC_UID("\"user account\""), "RTC(ch,user account){1:3600}", 3600, NULL },
	{ RTC_UID("\"*\""), "RTC(ch,*){1:3600}", 3600, NULL },
	{ RTC_UID("\"" ACCOUNT_255 "\""), "RTC(ch," ACCOUNT_255 "){1:3600}", 3600, NULL },

	/* account, in its place: what a uid means, "0" means not */
	{ ACCOUNT("0"), "RTC(ch,0){1:3600}", 3600, NULL },
	{ ACCOUNT("7"), "RTC(ch,7){1:3600}", 3600, NULL },
	{ ACCOUNT("-1"), "RTC(ch,-1){1:3600}", 3600, NULL },
	{ ACCOUNT("4294967296"), "RTC(ch,4294967296){1:3600}", 3600, NULL },
	{ ACCOUNT("*"), "RTC(ch,*){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"streaming\",\"channel\":\"ch\",\"account\":\"0\"}",
	    "Streaming(ch,0){1:3600 2:3600}", 3600, NULL },
	{ "{\"tokenType\":\"fcdn\",\"channel\":\"ch\",\"account\":\"0\"}", "FCDN(ch,0){2:3600}",
	    3600, NULL },
	{ "{\"tokenType\":\"convoai\",\"channel\":\"ch\",\"account\":\"ann\"}",
	    "RTC(ch,ann){1:3600} RTM(ann){1:3600} ConvoAI(){}", 3600, NULL },

	/* channel */
	{ "{\"tokenType\":\"rtc\",\"channel\":5,\"uid\":7}", "RTC(5,7){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"rtc\",\"channel\":9007199254740991,\"uid\":7}",
	    "RTC(9007199254740991,7){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"rtm\",\"channel\":5,\"uid\":\"u\"}",
	    "RTC(5,u){1:3600 4:3600} RTM(u){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"rtc\",\"channel\":\"*\",\"uid\":7}", "RTC(*,7){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"rtc\",\"channel\":\"1*a*2\",\"uid\":7}", "RTC(1*a*2,7){1:3600}", 3600,
	    NULL },
	{ "{\"tokenType\":\"rtc\",\"channel\":\" \",\"uid\":7}", "RTC( ,7){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"rtc\",\"channel\":\"" CHANNEL_64 "\",\"uid\":7}",
	    "RTC(" CHANNEL_64 ",7){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"rtc\",\"channel\":\"!#$%&()+-:;<=.>?@[]^_{}|~,\",\"uid\":7}",
	    "RTC(!#$%&()+-:;<=.>?@[]^_{}|~,,7){1:3600}", 3600, NULL },

	/* expire */
	{ RTC(",\"expire\":0"), "RTC(ch,7){1:3600}", 3600, NULL },
	{ RTC(",\"expire\":null"), "RTC(ch,7){1:3600}", 3600, NULL },
	{ RTC(",\"expire\":1"), "RTC(ch,7){1:1}", 1, NULL },
	{ RTC(",\"expire\":86399"), "RTC(ch,7){1:86399}", 86399, NULL },
	{ RTC(",\"expire\":86400"), "RTC(ch,7){1:86400}", 86400, NULL },
	{ RTC(",\"expire\":86401"), "RTC(ch,7){1:86400}", 86400, "expire " },
	{ RTC(",\"expire\":4294967295"), "RTC(ch,7){1:86400}", 86400, "expire " },

	/* privileges, instead of a role */
	{ RTC(",\"privileges\":{\"join\":10,\"audio\":20,\"video\":30,\"data\":40}"),
	    "RTC(ch,7){1:10 2:20 3:30 4:40}", 3600, NULL },
	{ RTC(",\"privileges\":{\"join\":0}"), "RTC(ch,7){1:0}", 3600, NULL },
	{ RTC(",\"privileges\":{\"join\":0,\"video\":0}"), "RTC(ch,7){1:0 3:0}", 3600, NULL },
	{ RTC(",\"privileges\":{\"join\":5,\"data\":null}"), "RTC(ch,7){1:5}", 3600, NULL },
	{ RTC(",\"role\":\"publisher\",\"privileges\":{\"join\":5,\"audio\":6}"),
	    "RTC(ch,7){1:5 2:6}", 3600, NULL },
	{ RTC(",\"privileges\":{\"JOIN\":5}"), "RTC(ch,7){1:5}", 3600, NULL },
	{ RTC(",\"privileges\":{\"join\":86400,\"audio\":86401,\"video\":4294967295,\"data\":"
	      "99999}"),
	    "RTC(ch,7){1:86400 2:86400 3:86400 4:86400}", 3600,
	    "privileges.audio privileges.video privileges.data " },
	{ RTC(",\"expire\":100000,\"privileges\":{\"join\":100000}"), "RTC(ch,7){1:86400}", 86400,
	    "expire privileges.join " },

	{ RTC(",\"rtmUid\":\"u\",\"expire\":60"), "RTC(ch,7){1:60} RTM(u){1:60}", 60, NULL },
	{ RTC(",\"rtmUid\":5"), "RTC(ch,7){1:3600} RTM(5){1:3600}", 3600, NULL },
	{ RTC(",\"rtmUid\":\"u\",\"privileges\":{\"join\":9}"), "RTC(ch,7){1:9} RTM(u){1:3600}",
	    3600, NULL },

	/* names match without case, unknown members are ignored, of equal names the last counts */
	{ "{\"TOKENTYPE\":\"rtc\",\"Channel\":\"ch\",\"UID\":7,\"Expire\":9}", "RTC(ch,7){1:9}", 9,
	    NULL },
	{ RTC(",\"CHANNEL\":\"other\",\"expire\":5,\"expire\":6,\"nothing\":{\"a\":[]}"),
	    "RTC(ch,7){1:6}", 6, NULL },
	/* what belongs to another kind, and every client of a form sends */
	{ RTC(",\"room\":null,\"permissions\":null"), "RTC(ch,7){1:3600}", 3600, NULL },

	{ "{\"tokenType\":\"rtm\",\"uid\":\"u\"}", "RTM(u){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"rtm\",\"uid\":5,\"expire\":60}", "RTM(5){1:60}", 60, NULL },
	{ "{\"tokenType\":\"rtm\",\"uid\":\"" USER_64 "\"}", "RTM(" USER_64 "){1:3600}", 3600,
	    NULL },
	{ "{\"tokenType\":\"rtm\",\"uid\":\"u\",\"channel\":\"\",\"role\":\"publisher\"}",
	    "RTM(u){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"rtm\",\"uid\":\"u\",\"channel\":\"ch\",\"expire\":60}",
	    "RTC(ch,u){1:60 4:60} RTM(u){1:60}", 60, NULL },
	{ "{\"tokenType\":\"rtm\",\"uid\":\"u\",\"channel\":\"*\"}",
	    "RTC(*,u){1:3600 4:3600} RTM(u){1:3600}", 3600, NULL },

	{ "{\"tokenType\":\"chat\"}", "Chat(){2:3600}", 3600, NULL },
	{ "{\"tokenType\":\"chat\",\"uid\":\"u_1-2.3\",\"expire\":60}", "Chat(u_1-2.3){1:60}", 60,
	    NULL },
	{ "{\"tokenType\":\"chat\",\"uid\":12}", "Chat(12){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"chat\",\"channel\":\"ignored/\"}", "Chat(){2:3600}", 3600, NULL },

	{ "{\"tokenType\":\"apaas\",\"room\":\"r\",\"uid\":\"u\",\"role\":2,\"expire\":60}",
	    "RTM(u){1:60} Chat(" MD5_OF_U "){1:60} APaaS(r,u,2){1:60}", 60, NULL },
	{ "{\"tokenType\":\"education\",\"room\":12,\"uid\":\"u\",\"role\":0}",
	    "RTM(u){1:3600} Chat(" MD5_OF_U "){1:3600} APaaS(12,u,0){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"apaas\",\"room\":\"" CHANNEL_64 "\",\"uid\":\"u\",\"role\":-32768}",
	    "RTM(u){1:3600} Chat(" MD5_OF_U "){1:3600} APaaS(" CHANNEL_64 ",u,-32768){1:3600}",
	    3600, NULL },
	{ "{\"tokenType\":\"apaas\",\"room\":\"r\",\"uid\":\"u\"}",
	    "RTM(u){1:3600} Chat(" MD5_OF_U "){1:3600} APaaS(r,u,-1){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"apaas\",\"uid\":\"u\"}", "APaaS(,u,-1){2:3600}", 3600, NULL },
	{ "{\"tokenType\":\"apaas\"}", "APaaS(,,-1){3:3600}", 3600, NULL },

	{ "{\"tokenType\":\"fpa\"}", "FPA(){1:0}", 86400, NULL },
	{ "{\"tokenType\":\"fpa\",\"expire\":60,\"uid\":\"ignored/\",\"channel\":7}", "FPA(){1:0}",
	    60, NULL },

	{ "{\"tokenType\":\"streaming\",\"channel\":\"ch\",\"uid\":\"a\"}",
	    "Streaming(ch,a){1:3600 2:3600}", 3600, NULL },
	{ "{\"tokenType\":\"streaming\",\"channel\":\"ch\",\"uid\":0,\"expire\":60}",
	    "Streaming(ch,){1:60 2:60}", 60, NULL },

	{ "{\"tokenType\":\"fcdn\",\"channel\":\"ch\",\"uid\":\"a\",\"role\":\"publisher\"}",
	    "FCDN(ch,a){1:3600 2:3600}", 3600, NULL },
	{ "{\"tokenType\":\"fcdn\",\"channel\":\"ch\",\"uid\":0}", "FCDN(ch,){2:3600}", 3600,
	    NULL },

	{ "{\"tokenType\":\"rtm2\",\"uid\":\"u\"}", "RTM2(u){1:3600}", 3600, NULL },
	{ "{\"tokenType\":\"rtm2\",\"uid\":\"u\",\"permissions\":[]}", "RTM2(u){1:3600}", 3600,
	    NULL },
	{ "{\"tokenType\":\"rtm2\",\"uid\":\"u\",\"permissions\":["
	  "{\"resource\":\"users\",\"permission\":\"write\",\"resources\":[\"b\",\"a\",\"b\"]},"
	  "{\"resource\":\"messageChannels\",\"permission\":\"read\",\"resources\":[\"*\"]},"
	  "{\"resource\":1,\"permission\":1,\"resources\":[]},"
	  "{\"resource\":\"2\",\"permission\":\"0\",\"resources\":[\"\"]},"
	  "{\"resource\":\"serverGroups\",\"permission\":\"read\",\"resources\":[\"g\"]},"
	  "{\"resource\":\"users\",\"permission\":\"read\",\"resources\":[\"z\"]}]}",
	    "RTM2(u){1:3600}[0 0 *][1 1][2 0 ][3 0 g][4 0 z][4 1 b a b]", 3600, NULL },
	{ "{\"tokenType\":\"rtm2\",\"uid\":\"u\",\"permissions\":["
	  "{\"resource\":4,\"permission\":0,\"resources\":[\"first\"]},"
	  "{\"resource\":4,\"permission\":0,\"resources\":[\"last\"]}]}",
	    "RTM2(u){1:3600}[4 0 last]", 3600, NULL },

	{ "{\"tokenType\":\"convoai\",\"channel\":\"ch\",\"uid\":\"7\",\"expire\":60}",
	    "RTC(ch,7){1:60} RTM(7){1:60} ConvoAI(){}", 60, NULL },
	{ "{\"tokenType\":\"convoai\",\"channel\":\"ch\",\"uid\":0,\"rtmUid\":\"u\",\"role\":1}",
	    "RTC(ch,){1:3600 2:3600 3:3600 4:3600} RTM(u){1:3600} ConvoAI(){}", 3600, NULL },
	{ "{\"tokenType\":\"stt\",\"channel\":\"ch\",\"uid\":\"*\",\"rtmUid\":9}",
	    "RTC(ch,*){1:3600} RTM(9){1:3600} STT(){}", 3600, NULL },
	{ "{\"tokenType\":\"stt\",\"channel\":\"ch\",\"uid\":\"" USER_64 "\"}",
	    "RTC(ch," USER_64 "){1:3600} RTM(" USER_64 "){1:3600} STT(){}", 3600, NULL },
};

static void
issues_every_kind(void)
{
	struct services services = { .settings = &settings, .codec = agora_codec_open() };

	for (size_t i = 0; i < COUNT(good); i++) {
		struct arena arena = { 0 };
		struct json_object *object = parse(good[i].json);
		struct token_answer answer;
		struct field_error error = { 0 };
		struct agora_parsed parsed;
		struct buf services_found = { 0 }, clamped = { 0 };

		CHECK(
		    issue(&services, object, ISSUED, 12345, &arena, &answer, &error), good[i].json);
		CHECK(error.rule[0] == '\0', error.rule);
		CHECK(agora_token_parse(services.codec, answer.token.data, answer.token.length,
			  &parsed) == AGORA_OK,
		    good[i].json);
		CHECK(agora_token_verify(&parsed, CERTIFICATE, (struct agora_text){ NULL, 0 },
			  (struct agora_text){ NULL, 0 }) == AGORA_OK,
		    good[i].json);
		describe(&parsed, &services_found);
		CHECK(same_text(buf_view(&services_found), good[i].services), good[i].json);
		CHECK(parsed.issue_ts == ISSUED && parsed.salt == 12345, good[i].json);
		CHECK(parsed.app_id.length == 32 && memcmp(parsed.app_id.data, APP_ID, 32) == 0,
		    good[i].json);
		CHECK(parsed.expire == good[i].expire && answer.expire == good[i].expire,
		    good[i].json);
		CHECK(answer.expires_at == ISSUED + good[i].expire, good[i].json);
		for (size_t c = 0; c < answer.clamped.count; c++) {
			struct text name = ((struct text *)answer.clamped.items)[c];

			buf_printf(&clamped, "%.*s ", (int)name.length, name.data);
		}
		CHECK(same_text(buf_view(&clamped), good[i].clamped == NULL ? "" : good[i].clamped),
		    good[i].json);
		buf_free(&services_found);
		buf_free(&clamped);
		json_object_put(object);
		arena_free(&arena);
	}
	agora_codec_close(services.codec);
}

#define SECONDS_RULE "must be a whole number of seconds, 0 to 4294967295"
#define UID_RULE "must be a string or a whole number, 0 to 4294967295"
#define KIND_RULE                                                                                  \
	"must be rtc, rtm, chat, apaas, education, fpa, streaming, fcdn, rtm2, convoai or stt"
#define ROLE_RULE "must be publisher, subscriber, 1, 2, host, broadcaster or audience"
#define PATH_UID_RULE                                                                              \
	"must be a whole number, 0 to 4294967295; for a string use userAccount in place of uid"
#define NEGATIVE_RULE(meant)                                                                       \
	"must be a whole number, 0 to 4294967295: this negative number is " meant                  \
	" as an unsigned one, so send that"
#define CHANNEL_RULE "must be a string, or a whole number that is not negative"
#define RTM2(permission)                                                                           \
	"{\"tokenType\":\"rtm2\",\"uid\":\"u\",\"permissions\":[{\"resource\":0,\"permission\":0," \
	"\"resources\":[]}," permission "]}"
#define SHORT_RULE "must not be empty"
#define BAD_SLASH(n, kind) "byte " #n " is '/' (0x2f), which Agora does not allow in " kind
#define RTC_NAME "a channel or account name"
#define ZERO_RULE(kind) "must not be \"0\": a token for " kind " names its user"

/* Every row of the table, and what contradicts another input. */
static const struct {
	const char *json, *field, *rule;
	bool missing;
} bad[] = {
	{ "{}", "tokenType", "is required", true },
	{ "{\"tokenType\":null}", "tokenType", "is required", true },
	{ "{\"tokenType\":\"RTC\"}", "tokenType", KIND_RULE },
	{ "{\"tokenType\":\"video\"}", "tokenType", KIND_RULE },
	{ "{\"tokenType\":\"\"}", "tokenType", KIND_RULE },
	{ "{\"tokenType\":1}", "tokenType", KIND_RULE },

	/* channel */
	{ "{\"tokenType\":\"rtc\",\"uid\":1}", "channel", "is required", true },
	{ "{\"tokenType\":\"streaming\",\"uid\":1}", "channel", "is required", true },
	{ "{\"tokenType\":\"fcdn\",\"uid\":1}", "channel", "is required", true },
	{ "{\"tokenType\":\"convoai\",\"uid\":1}", "channel", "is required", true },
	{ "{\"tokenType\":\"stt\",\"uid\":1}", "channel", "is required", true },
	{ "{\"tokenType\":\"rtc\",\"uid\":1,\"channel\":\"\"}", "channel", SHORT_RULE },
	{ "{\"tokenType\":\"rtc\",\"uid\":1,\"channel\":-5}", "channel", CHANNEL_RULE },
	{ "{\"tokenType\":\"rtc\",\"uid\":1,\"channel\":true}", "channel", CHANNEL_RULE },
	{ "{\"tokenType\":\"rtc\",\"uid\":1,\"channel\":9007199254740992}", "channel",
	    CHANNEL_RULE },
	{ "{\"tokenType\":\"rtc\",\"uid\":1,\"channel\":\"" CHANNEL_64 "x\"}", "channel",
	    "must be at most 64 bytes long and has 65" },
	{ "{\"tokenType\":\"rtc\",\"uid\":1,\"channel\":\"a/b\"}", "channel",
	    BAD_SLASH(2, RTC_NAME) },
	{ "{\"tokenType\":\"rtc\",\"uid\":1,\"channel\":\"\xc3\xa9\"}", "channel",
	    "byte 1 is 0xc3, which Agora does not allow in " RTC_NAME },
	{ "{\"tokenType\":\"rtm\",\"uid\":\"u\",\"channel\":\"a/b\"}", "channel",
	    BAD_SLASH(2, RTC_NAME) },
	{ "{\"tokenType\":\"rtm\",\"uid\":\"u\",\"channel\":\"" CHANNEL_64 "x\"}", "channel",
	    "must be at most 64 bytes long and has 65" },

	/* uid, by kind; native SDKs show 3000000000 as a negative number */
	{ RTC_UID("-1294967296"), "uid", NEGATIVE_RULE("3000000000") },
	{ RTC_UID("\"-1294967296\""), "uid", NEGATIVE_RULE("3000000000") },
	{ RTC_UID("-2147483648"), "uid", NEGATIVE_RULE("2147483648") },
	{ RTC_UID("\"-1\""), "uid", NEGATIVE_RULE("4294967295") },
	{ RTC_UID("-2147483649"), "uid", "must not be a negative number, but 0 to 4294967295" },
	{ RTC_UID("\"-99999999999999999999\""), "uid",
	    "must not be a negative number, but 0 to 4294967295" },
	{ "{\"tokenType\":\"stt\",\"channel\":\"ch\",\"uid\":\"-2\"}", "uid",
	    NEGATIVE_RULE("4294967294") },
	{ "{\"tokenType\":\"rtm\",\"uid\":-1}", "uid", NEGATIVE_RULE("4294967295") },
	{ RTC(",\"account\":\"7\""), "account",
	    "must not be there beside uid: a client joins with one of them" },
	{ "{\"tokenType\":\"rtc\",\"channel\":\"ch\",\"account\":7}", "account",
	    "must be a string" },
	{ ACCOUNT(""), "account", "must not be empty" },
	{ ACCOUNT("a/b"), "account", BAD_SLASH(2, RTC_NAME) },
	{ "{\"tokenType\":\"chat\",\"account\":\"ann\"}", "account",
	    "has no meaning with tokenType chat" },
	{ "{\"tokenType\":\"rtc\",\"channel\":\"ch\"}", "uid", "is required", true },
	{ RTC_UID("\"\""), "uid", SHORT_RULE },
	{ RTC_UID("4294967296"), "uid", UID_RULE },
	{ RTC_UID("-1"), "uid", NEGATIVE_RULE("4294967295") },
	{ RTC_UID("7.5"), "uid", UID_RULE },
	{ RTC_UID("1e10"), "uid", UID_RULE },
	{ RTC_UID("true"), "uid", UID_RULE },
	{ RTC_UID("[7]"), "uid", UID_RULE },
	{ RTC_UID("99999999999999999999999"), "uid", UID_RULE },
	{ RTC_UID("\"a/b\""), "uid", BAD_SLASH(2, RTC_NAME) },
	{ RTC_UID("\"" ACCOUNT_255 "x\""), "uid", "must be at most 255 bytes long and has 256" },
	{ "{\"tokenType\":\"rtm\"}", "uid", "is required", true },
	{ "{\"tokenType\":\"rtm\",\"uid\":\"\"}", "uid", SHORT_RULE },
	{ "{\"tokenType\":\"rtm\",\"uid\":\"0\"}", "uid", ZERO_RULE("an RTM user") },
	{ "{\"tokenType\":\"rtm\",\"uid\":0}", "uid", ZERO_RULE("an RTM user") },
	{ "{\"tokenType\":\"rtm\",\"uid\":\"*\"}", "uid",
	    "byte 1 is '*' (0x2a), which Agora does not allow in an RTM user" },
	{ "{\"tokenType\":\"rtm\",\"uid\":\"" USER_64 "x\"}", "uid",
	    "must be at most 64 bytes long and has 65" },
	{ "{\"tokenType\":\"rtm2\"}", "uid", "is required", true },
	{ "{\"tokenType\":\"rtm2\",\"uid\":0}", "uid", ZERO_RULE("an RTM user") },
	{ "{\"tokenType\":\"chat\",\"uid\":\"\"}", "uid", SHORT_RULE },
	{ "{\"tokenType\":\"chat\",\"uid\":0}", "uid",
	    ZERO_RULE("a Chat user (a to z, 0 to 9, _ - .)") },
	{ "{\"tokenType\":\"chat\",\"uid\":\"User\"}", "uid",
	    "byte 1 is 'U' (0x55), which Agora does not allow in a Chat user (a to z, 0 to 9, _ - "
	    ".)" },
	{ "{\"tokenType\":\"chat\",\"uid\":\"" USER_64 "x\"}", "uid",
	    "must be at most 64 bytes long and has 65" },
	{ "{\"tokenType\":\"apaas\",\"uid\":\"0\"}", "uid", ZERO_RULE("an RTM user") },
	{ "{\"tokenType\":\"apaas\",\"uid\":\"" USER_64 "x\"}", "uid",
	    "must be at most 64 bytes long and has 65" },
	{ "{\"tokenType\":\"apaas\",\"room\":\"r\"}", "uid", "is required with a room", true },

	/* role */
	{ RTC(",\"role\":\"hosts\""), "role", ROLE_RULE },
	{ RTC(",\"role\":0"), "role", ROLE_RULE },
	{ RTC(",\"role\":3"), "role", ROLE_RULE },
	{ RTC(",\"role\":1.5"), "role", ROLE_RULE },
	{ RTC(",\"role\":true"), "role", ROLE_RULE },
	{ "{\"tokenType\":\"fpa\",\"role\":\"x\"}", "role", ROLE_RULE },
	{ "{\"tokenType\":\"apaas\",\"role\":\"publisher\"}", "role",
	    "must be a whole number, -32768 to 32767" },
	{ "{\"tokenType\":\"apaas\",\"role\":32768}", "role",
	    "must be a whole number, -32768 to 32767" },

	/* expire */
	{ RTC(",\"expire\":-1"), "expire", SECONDS_RULE },
	{ RTC(",\"expire\":4294967296"), "expire", SECONDS_RULE },
	{ RTC(",\"expire\":1.5"), "expire", SECONDS_RULE },
	{ RTC(",\"expire\":60.5"), "expire", SECONDS_RULE },
	{ RTC(",\"expire\":\"60s\""), "expire", SECONDS_RULE },
	{ RTC(",\"expire\":\"\""), "expire", SECONDS_RULE },
	{ RTC(",\"expire\":true"), "expire", SECONDS_RULE },
	{ RTC(",\"expire\":[]"), "expire", SECONDS_RULE },
	{ RTC(",\"expire\":18446744073709551616"), "expire", SECONDS_RULE },

	/* privileges */
	{ RTC(",\"privileges\":{}"), "privileges.join", "is required", true },
	{ RTC(",\"privileges\":{\"audio\":1}"), "privileges.join", "is required", true },
	{ RTC(",\"privileges\":{\"join\":-1}"), "privileges.join", SECONDS_RULE },
	{ RTC(",\"privileges\":{\"join\":1,\"audio\":-1}"), "privileges.audio", SECONDS_RULE },
	{ RTC(",\"privileges\":{\"join\":1,\"video\":\"x\"}"), "privileges.video", SECONDS_RULE },
	{ RTC(",\"privileges\":{\"join\":1,\"data\":4294967296}"), "privileges.data",
	    SECONDS_RULE },
	{ RTC(",\"privileges\":[]"), "privileges", "must be an object" },
	{ RTC(",\"privileges\":5"), "privileges", "must be an object" },
	{ "{\"tokenType\":\"rtm\",\"uid\":\"u\",\"privileges\":{\"join\":1}}", "privileges",
	    "has no meaning with tokenType rtm" },

	/* rtmUid, and what ConvoAI and STT take for it */
	{ RTC(",\"rtmUid\":\"\""), "rtmUid", SHORT_RULE },
	{ RTC(",\"rtmUid\":0"), "rtmUid", ZERO_RULE("an RTM user") },
	{ RTC(",\"rtmUid\":\"a/b\""), "rtmUid", BAD_SLASH(2, "an RTM user") },
	{ RTC(",\"rtmUid\":\"" USER_64 "x\""), "rtmUid",
	    "must be at most 64 bytes long and has 65" },
	{ "{\"tokenType\":\"rtm\",\"uid\":\"u\",\"rtmUid\":\"v\"}", "rtmUid",
	    "has no meaning with tokenType rtm" },
	{ "{\"tokenType\":\"convoai\",\"channel\":\"ch\",\"uid\":0}", "rtmUid",
	    "is required where uid cannot be an RTM user id", true },
	{ "{\"tokenType\":\"convoai\",\"channel\":\"ch\",\"uid\":\"*\"}", "rtmUid",
	    "is required where uid cannot be an RTM user id", true },
	{ "{\"tokenType\":\"stt\",\"channel\":\"ch\",\"uid\":\"" USER_64 "x\"}", "rtmUid",
	    "is required where uid cannot be an RTM user id", true },

	/* room */
	{ "{\"tokenType\":\"apaas\",\"uid\":\"u\",\"room\":\"\"}", "room", SHORT_RULE },
	{ "{\"tokenType\":\"apaas\",\"uid\":\"u\",\"room\":\"a/b\"}", "room",
	    BAD_SLASH(2, "a room") },
	{ "{\"tokenType\":\"apaas\",\"uid\":\"u\",\"room\":\"*\"}", "room",
	    "byte 1 is '*' (0x2a), which Agora does not allow in a room" },
	{ "{\"tokenType\":\"apaas\",\"uid\":\"u\",\"room\":\"" CHANNEL_64 "x\"}", "room",
	    "must be at most 64 bytes long and has 65" },
	{ RTC(",\"room\":\"r\""), "room", "has no meaning with tokenType rtc" },
	{ "{\"tokenType\":\"education\",\"uid\":\"u\",\"privileges\":{}}", "privileges",
	    "has no meaning with tokenType apaas" },

	/* permissions */
	{ "{\"tokenType\":\"rtm2\",\"uid\":\"u\",\"permissions\":{}}", "permissions",
	    "must be an array" },
	{ RTM2("null"), "permissions[1]", "must be an object" },
	{ RTM2("[]"), "permissions[1]", "must be an object" },
	{ RTM2("{\"permission\":0,\"resources\":[]}"), "permissions[1].resource", "is required",
	    true },
	{ RTM2("{\"resource\":0,\"resources\":[]}"), "permissions[1].permission", "is required",
	    true },
	{ RTM2("{\"resource\":0,\"permission\":0}"), "permissions[1].resources", "is required",
	    true },
	{ RTM2("{\"resource\":5,\"permission\":0,\"resources\":[]}"), "permissions[1].resource",
	    "must be messageChannels, streamChannels, groupChannels, serverGroups, users, 0, 1, 2, "
	    "3 or 4" },
	{ RTM2("{\"resource\":0,\"permission\":2,\"resources\":[]}"), "permissions[1].permission",
	    "must be read, write, 0 or 1" },
	{ RTM2("{\"resource\":0,\"permission\":0,\"resources\":\"a\"}"), "permissions[1].resources",
	    "must be an array" },
	{ RTM2("{\"resource\":0,\"permission\":0,\"resources\":[\"a\",1]}"),
	    "permissions[1].resources[1]", "must be a string" },
	{ RTC(",\"permissions\":[]"), "permissions", "has no meaning with tokenType rtc" },
};

static void
refuses(void)
{
	struct services services = { .settings = &settings, .codec = agora_codec_open() };

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct arena arena = { 0 };
		struct json_object *object = parse(bad[i].json);
		struct token_answer answer;
		struct field_error error = { 0 };

		CHECK(!issue(&services, object, ISSUED, 1, &arena, &answer, &error), bad[i].json);
		CHECK(same_text(text_of(error.field), bad[i].field), bad[i].json);
		CHECK(same_text(text_of(error.rule), bad[i].rule), bad[i].json);
		CHECK(error.missing == bad[i].missing, bad[i].json);
		json_object_put(object);
		arena_free(&arena);
	}
	agora_codec_close(services.codec);
}

/* That the tables above forget no row. */

static uint64_t
kind_bit(const char *json)
{
	struct json_object *object = parse(json), *kind = field_member(object, "tokenType");
	const struct field *decider = &token_request_table.fields[0];
	uint64_t bit = 0;

	for (const struct choice *c = decider->choices; c->name != NULL; c++)
		if (kind != NULL && strcmp(json_object_get_string(kind), c->name) == 0)
			bit = UINT64_C(1) << c->value;
	json_object_put(object);
	return bit;
}

static bool
has_member(const char *json, const char *outer, const char *name)
{
	struct json_object *object = parse(json), *in = object;
	bool found;

	if (outer != NULL)
		in = field_member(in, outer);
	if (in != NULL && json_object_is_type(in, json_type_array))
		in = json_object_array_get_idx(in, 0);
	found = in != NULL && field_member(in, name) != NULL;
	json_object_put(object);
	return found;
}

/* Whether an error's path, less its indices, is outer.name. */
static bool
is_path(const char *path, const char *outer, const char *name)
{
	char expected[96], plain[96];
	size_t n = 0;
	bool index = false;

	snprintf(expected, sizeof(expected), "%s%s%s", outer == NULL ? "" : outer,
	    outer == NULL ? "" : ".", name);
	for (; *path != '\0'; path++) {
		index = index || *path == '[';
		if (!index)
			plain[n++] = *path;
		index = index && *path != ']';
	}
	plain[n] = '\0';
	return strcmp(plain, expected) == 0;
}

static void
check_rows(const struct table *table, const char *outer)
{
	for (size_t r = 0; r < table->count; r++) {
		const struct field *f = &table->fields[r];
		bool passes = false, fails = false;
		char name[64];

		for (size_t i = 0; i < COUNT(good) && !passes; i++)
			passes = (f->when == 0 || (f->when & kind_bit(good[i].json)) != 0) &&
			    has_member(good[i].json, outer, f->name);
		for (size_t i = 0; i < COUNT(bad) && !fails; i++)
			fails = (f->when == 0 || (f->when & kind_bit(bad[i].json)) != 0) &&
			    is_path(bad[i].field, outer, f->name);
		snprintf(name, sizeof(name), "row %zu, %s", r, f->name);
		CHECK(passes, name);
		CHECK(fails, name);
		if (f->nested != NULL)
			check_rows(f->nested, f->name);
	}
}

static void
every_row_passes_and_fails(void)
{
	check_rows(&token_request_table, NULL);
}

static void
every_row_is_explained(void)
{
	const struct table *const tables[] = { &token_request_table, &rtc_path_table,
		&rtm_path_table, &rte_path_table, &rte_rtm_path_table, &chat_app_path_table,
		&chat_user_path_table, &token_settings_table, &token_settings_optional_table };

	for (size_t t = 0; t < COUNT(tables); t++)
		for (size_t r = 0; r < tables[t]->count; r++)
			CHECK(tables[t]->fields[r].meaning != NULL &&
				tables[t]->fields[r].meaning[0] != '\0',
			    tables[t]->fields[r].name);
}

/* A body of the largest size can ask for more than a token holds. */
static void
refuses_tokens_that_are_too_large(void)
{
	struct services services = { .settings = &settings, .codec = agora_codec_open() };
	struct arena arena = { 0 };
	struct token_answer answer;
	struct field_error error = { 0 };
	struct buf body = { 0 };
	struct json_object *object;
	uint32_t noise = 1;

	buf_text(&body,
	    "{\"tokenType\":\"rtm2\",\"uid\":\"u\",\"permissions\":[{\"resource\":0,"
	    "\"permission\":0,\"resources\":[\"");
	while (body.length < 60000) {
		noise = noise * 1664525 + 1013904223; /* what zlib cannot make small */
		buf_printf(&body, "%08x", noise);
	}
	buf_text(&body, "\"]}]}");
	buf_add(&body, "", 1);
	object = parse(body.data);
	CHECK(!issue(&services, object, ISSUED, 1, &arena, &answer, &error), "60000 bytes");
	CHECK(same_text(text_of(error.field), "permissions") && error.rule[0] != '\0' &&
		!error.missing,
	    "the reason");
	json_object_put(object);

	/* The codec is fine afterwards. */
	object = parse(good[0].json);
	CHECK(issue(&services, object, ISSUED, 1, &arena, &answer, &error), "the next one");
	json_object_put(object);
	arena_free(&arena);
	buf_free(&body);
	agora_codec_close(services.codec);
}

static void
limits_permissions(void)
{
	static const struct {
		size_t count;
		bool fine;
	} cases[] = { { 1024, true }, { 1025, false } };
	struct services services = { .settings = &settings, .codec = agora_codec_open() };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct token_answer answer;
		struct field_error error = { 0 };
		struct buf body = { 0 };
		struct json_object *object;
		char name[16];

		snprintf(name, sizeof(name), "%zu", cases[i].count);
		buf_text(&body, "{\"tokenType\":\"rtm2\",\"uid\":\"u\",\"permissions\":[");
		for (size_t n = 0; n < cases[i].count; n++)
			buf_printf(&body, "%s{\"resource\":%d,\"permission\":0,\"resources\":[]}",
			    n == 0 ? "" : ",", (int)(n % 5));
		buf_text(&body, "]}");
		buf_add(&body, "", 1);
		object = parse(body.data);
		CHECK(issue(&services, object, ISSUED, 1, &arena, &answer, &error) == cases[i].fine,
		    name);
		CHECK(
		    cases[i].fine || same_text(text_of(error.rule), "must have at most 1024 items"),
		    name);
		json_object_put(object);
		arena_free(&arena);
		buf_free(&body);
	}
	agora_codec_close(services.codec);
}

static void
adds_times_in_64_bits(void)
{
	struct services services = { .settings = &settings, .codec = agora_codec_open() };
	struct arena arena = { 0 };
	struct token_answer answer;
	struct field_error error = { 0 };
	struct json_object *object = parse(RTC(",\"expire\":86400"));

	CHECK(issue(&services, object, UINT32_MAX, UINT32_MAX, &arena, &answer, &error), "issued");
	CHECK(answer.expires_at == INT64_C(4294967295) + 86400, "beyond 32 bits");
	json_object_put(object);
	arena_free(&arena);
	agora_codec_close(services.codec);
}

/* Equal arguments, equal token; the salt alone makes another. */
static void
depends_on_the_salt(void)
{
	struct services services = { .settings = &settings, .codec = agora_codec_open() };
	struct arena arena = { 0 };
	struct token_answer a, b, c;
	struct field_error error = { 0 };
	struct json_object *object = parse(good[0].json);

	CHECK(issue(&services, object, ISSUED, 1, &arena, &a, &error) &&
		issue(&services, object, ISSUED, 1, &arena, &b, &error) &&
		issue(&services, object, ISSUED, 2, &arena, &c, &error),
	    "issued");
	CHECK(a.token.length == b.token.length &&
		memcmp(a.token.data, b.token.data, a.token.length) == 0,
	    "the same again");
	CHECK(a.token.length != c.token.length ||
		memcmp(a.token.data, c.token.data, a.token.length) != 0,
	    "another salt");
	json_object_put(object);
	arena_free(&arena);
	agora_codec_close(services.codec);
}

static void
draws_salts(void)
{
	uint32_t least = UINT32_MAX, most = 0;

	for (int i = 0; i < 20000; i++) {
		uint32_t salt = token_salt();

		least = salt < least ? salt : least;
		most = salt > most ? salt : most;
	}
	CHECK(least >= 1 && most <= 99999999, "in the range of Agora's builders");
	CHECK(least < 1000000 && most > 99000000, "all of the range");
}

/* Path tables: what captures and query may hold; each value is text. */

#define PATH(kind, more)                                                                           \
	"{\"channelName\":\"ch\",\"role\":\"publisher\",\"tokenType\":\"" kind "\"" more "}"
#define PATH_OUT(kind, more)                                                                       \
	"{\"tokenType\":\"" kind "\",\"channelName\":\"ch\",\"role\":\"publisher\"" more
#define EXPIRY "\"expiry\":0}"

static const struct {
	const struct table *table;
	const char *json;
	const char *out; /* NULL = refused */
	const char *field, *rule;
	bool missing;
} paths[] = {
	{ &rtc_path_table, PATH("uid", ",\"rtcuid\":\"7\""),
	    PATH_OUT("uid", ",\"rtcuid\":\"7\"," EXPIRY) },
	{ &rtc_path_table, PATH("uid", ",\"rtcuid\":\"007\""),
	    PATH_OUT("uid", ",\"rtcuid\":\"007\"," EXPIRY) },
	{ &rtc_path_table, PATH("uid", ",\"rtcuid\":\"0\""),
	    PATH_OUT("uid", ",\"rtcuid\":\"0\"," EXPIRY) },
	{ &rtc_path_table, PATH("uid", ",\"rtcuid\":\"\""), PATH_OUT("uid", "," EXPIRY) },
	{ &rtc_path_table, PATH("uid", ",\"rtcuid\":\"4294967295\""),
	    PATH_OUT("uid", ",\"rtcuid\":\"4294967295\"," EXPIRY) },
	{ &rtc_path_table, PATH("uid", ",\"rtcuid\":\"4294967296\""), NULL, "rtcuid",
	    PATH_UID_RULE },
	{ &rtc_path_table, PATH("uid", ",\"rtcuid\":\"18446744073709551616\""), NULL, "rtcuid",
	    PATH_UID_RULE },
	{ &rtc_path_table, PATH("uid", ",\"rtcuid\":\"-1\""), NULL, "rtcuid",
	    NEGATIVE_RULE("4294967295") },
	{ &rtc_path_table, PATH("uid", ",\"rtcuid\":\"abc\""), NULL, "rtcuid", PATH_UID_RULE },
	{ &rtc_path_table, PATH("uid", ",\"rtcuid\":\"7 \""), NULL, "rtcuid", PATH_UID_RULE },
	{ &rtc_path_table, PATH("uid", ",\"rtcuid\":\"*\""), NULL, "rtcuid", PATH_UID_RULE },

	{ &rtc_path_table, PATH("userAccount", ",\"rtcuid\":\"007\""),
	    PATH_OUT("userAccount", ",\"rtcuid\":\"007\"," EXPIRY) },
	{ &rtc_path_table, PATH("userAccount", ",\"rtcuid\":\"*\""),
	    PATH_OUT("userAccount", ",\"rtcuid\":\"*\"," EXPIRY) },
	{ &rtc_path_table, PATH("userAccount", ",\"rtcuid\":\"\""),
	    PATH_OUT("userAccount", "," EXPIRY) },
	{ &rtc_path_table, PATH("userAccount", ",\"rtcuid\":\"" ACCOUNT_255 "\""),
	    PATH_OUT("userAccount", ",\"rtcuid\":\"" ACCOUNT_255 "\"," EXPIRY) },
	{ &rtc_path_table, PATH("userAccount", ",\"rtcuid\":\"" ACCOUNT_255 "x\""), NULL, "rtcuid",
	    "must be at most 255 bytes long and has 256" },
	{ &rtc_path_table, PATH("userAccount", ",\"rtcuid\":\"a/b\""), NULL, "rtcuid",
	    BAD_SLASH(2, RTC_NAME) },

	{ &rtc_path_table, PATH("xx", ""), NULL, "tokenType", "must be uid or userAccount" },
	{ &rtc_path_table, PATH("UID", ""), NULL, "tokenType", "must be uid or userAccount" },
	{ &rtc_path_table, PATH("", ""), NULL, "tokenType", "is required", true },
	{ &rtc_path_table, "{\"channelName\":\"\",\"role\":\"1\",\"tokenType\":\"uid\"}", NULL,
	    "channelName", "is required", true },
	{ &rtc_path_table, "{\"channelName\":\"a/b\",\"role\":\"1\",\"tokenType\":\"uid\"}", NULL,
	    "channelName", BAD_SLASH(2, RTC_NAME) },
	{ &rtc_path_table,
	    "{\"channelName\":\"" CHANNEL_64 "x\",\"role\":\"1\",\"tokenType\":\"uid\"}", NULL,
	    "channelName", "must be at most 64 bytes long and has 65" },
	{ &rtc_path_table, "{\"channelName\":\"*\",\"role\":\"2\",\"tokenType\":\"uid\"}",
	    "{\"tokenType\":\"uid\",\"channelName\":\"*\",\"role\":\"subscriber\"," EXPIRY },
	{ &rtc_path_table, "{\"channelName\":\"c\",\"role\":\"\",\"tokenType\":\"uid\"}",
	    "{\"tokenType\":\"uid\",\"channelName\":\"c\",\"role\":\"subscriber\"," EXPIRY },
	{ &rtc_path_table, "{\"channelName\":\"c\",\"role\":\"3\",\"tokenType\":\"uid\"}", NULL,
	    "role", ROLE_RULE },
	{ &rtc_path_table, PATH("uid", ",\"expiry\":\"60\""), PATH_OUT("uid", ",\"expiry\":60}") },
	{ &rtc_path_table, PATH("uid", ",\"expiry\":\"4294967295\""),
	    PATH_OUT("uid", ",\"expiry\":4294967295}") },
	{ &rtc_path_table, PATH("uid", ",\"expiry\":\"\""), PATH_OUT("uid", "," EXPIRY) },
	{ &rtc_path_table, PATH("uid", ",\"expiry\":\"x\""), NULL, "expiry", SECONDS_RULE },
	{ &rtc_path_table, PATH("uid", ",\"expiry\":\"-1\""), NULL, "expiry", SECONDS_RULE },
	{ &rtc_path_table, PATH("uid", ",\"expiry\":\"1.5\""), NULL, "expiry", SECONDS_RULE },
	{ &rtc_path_table, PATH("uid", ",\"expiry\":\"4294967296\""), NULL, "expiry",
	    SECONDS_RULE },

	/* /rte/ without rtmuid has the rows of /rtc/ */
	{ &rte_path_table, PATH("uid", ",\"rtcuid\":\"7\",\"expiry\":\"9\""),
	    PATH_OUT("uid", ",\"rtcuid\":\"7\",\"expiry\":9}") },
	{ &rte_path_table, PATH("userAccount", ",\"rtcuid\":\"a\""),
	    PATH_OUT("userAccount", ",\"rtcuid\":\"a\"," EXPIRY) },
	{ &rte_path_table, PATH("uid", ",\"rtcuid\":\"x\""), NULL, "rtcuid", PATH_UID_RULE },
	{ &rte_path_table, PATH("userAccount", ",\"rtcuid\":\"/\""), NULL, "rtcuid",
	    BAD_SLASH(1, RTC_NAME) },
	{ &rte_path_table, PATH("x", ""), NULL, "tokenType", "must be uid or userAccount" },
	{ &rte_path_table, "{\"channelName\":\"/\",\"role\":\"1\",\"tokenType\":\"uid\"}", NULL,
	    "channelName", BAD_SLASH(1, RTC_NAME) },
	{ &rte_path_table, "{\"channelName\":\"c\",\"role\":\"x\",\"tokenType\":\"uid\"}", NULL,
	    "role", ROLE_RULE },
	{ &rte_path_table, PATH("uid", ",\"expiry\":\"x\""), NULL, "expiry", SECONDS_RULE },

	{ &rte_rtm_path_table, PATH("uid", ",\"rtcuid\":\"0\",\"rtmuid\":\"u\",\"expiry\":\"9\""),
	    PATH_OUT("uid", ",\"rtcuid\":\"0\",\"rtmuid\":\"u\",\"expiry\":9}") },
	{ &rte_rtm_path_table, PATH("userAccount", ",\"rtcuid\":\"a\",\"rtmuid\":\"u\""),
	    PATH_OUT("userAccount", ",\"rtcuid\":\"a\",\"rtmuid\":\"u\"," EXPIRY) },
	{ &rte_rtm_path_table, PATH("uid", ",\"rtmuid\":\"\""), NULL, "rtmuid", "is required",
	    true },
	{ &rte_rtm_path_table, PATH("uid", ",\"rtmuid\":\"0\""), NULL, "rtmuid",
	    ZERO_RULE("an RTM user") },
	{ &rte_rtm_path_table, PATH("uid", ",\"rtmuid\":\"a/b\""), NULL, "rtmuid",
	    BAD_SLASH(2, "an RTM user") },
	{ &rte_rtm_path_table, PATH("uid", ",\"rtcuid\":\"x\",\"rtmuid\":\"u\""), NULL, "rtcuid",
	    PATH_UID_RULE },
	{ &rte_rtm_path_table, PATH("userAccount", ",\"rtcuid\":\"/\",\"rtmuid\":\"u\""), NULL,
	    "rtcuid", BAD_SLASH(1, RTC_NAME) },
	{ &rte_rtm_path_table, PATH("x", ""), NULL, "tokenType", "must be uid or userAccount" },
	{ &rte_rtm_path_table, "{\"channelName\":\"/\",\"role\":\"1\",\"tokenType\":\"uid\"}", NULL,
	    "channelName", BAD_SLASH(1, RTC_NAME) },
	{ &rte_rtm_path_table, "{\"channelName\":\"c\",\"role\":\"x\",\"tokenType\":\"uid\"}", NULL,
	    "role", ROLE_RULE },
	{ &rte_rtm_path_table, PATH("uid", ",\"rtmuid\":\"u\",\"expiry\":\"x\""), NULL, "expiry",
	    SECONDS_RULE },

	{ &rtm_path_table, "{\"rtmuid\":\"u\",\"expiry\":\"5\"}",
	    "{\"rtmuid\":\"u\",\"expiry\":5}" },
	{ &rtm_path_table, "{\"rtmuid\":\"" USER_64 "\"}", "{\"rtmuid\":\"" USER_64 "\"," EXPIRY },
	{ &rtm_path_table, "{\"rtmuid\":\"" USER_64 "x\"}", NULL, "rtmuid",
	    "must be at most 64 bytes long and has 65" },
	{ &rtm_path_table, "{\"rtmuid\":\"\"}", NULL, "rtmuid", "is required", true },
	{ &rtm_path_table, "{\"rtmuid\":\"0\"}", NULL, "rtmuid", ZERO_RULE("an RTM user") },
	{ &rtm_path_table, "{\"rtmuid\":\"u\",\"expiry\":\"x\"}", NULL, "expiry", SECONDS_RULE },

	{ &chat_app_path_table, "{}", "{" EXPIRY },
	{ &chat_app_path_table, "{\"expiry\":\"5\"}", "{\"expiry\":5}" },
	{ &chat_app_path_table, "{\"expiry\":\"x\"}", NULL, "expiry", SECONDS_RULE },

	{ &chat_user_path_table, "{\"chatid\":\"u\",\"expiry\":\"5\"}",
	    "{\"chatid\":\"u\",\"expiry\":5}" },
	{ &chat_user_path_table, "{\"chatid\":\"" USER_64 "\"}",
	    "{\"chatid\":\"" USER_64 "\"," EXPIRY },
	{ &chat_user_path_table, "{\"chatid\":\"" USER_64 "x\"}", NULL, "chatid",
	    "must be at most 64 bytes long and has 65" },
	{ &chat_user_path_table, "{\"chatid\":\"\"}", NULL, "chatid", "is required", true },
	{ &chat_user_path_table, "{\"chatid\":\"0\"}", NULL, "chatid",
	    ZERO_RULE("a Chat user (a to z, 0 to 9, _ - .)") },
	{ &chat_user_path_table, "{\"chatid\":\"U\"}", NULL, "chatid",
	    "byte 1 is 'U' (0x55), which Agora does not allow in a Chat user (a to z, 0 to 9, _ - "
	    ".)" },
	{ &chat_user_path_table, "{\"chatid\":\"u\",\"expiry\":\"x\"}", NULL, "expiry",
	    SECONDS_RULE },
};

static void
reads_paths(void)
{
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct json_object *object = parse(paths[i].json);
		struct arena arena = { 0 };
		struct field_error error = { 0 };
		void *out = xcalloc(1, paths[i].table->size);
		struct buf written = { 0 };

		if (field_read(paths[i].table, object, &arena, out, &error)) {
			field_write(&written, paths[i].table, out);
			CHECK(paths[i].out != NULL, paths[i].json);
			CHECK(paths[i].out != NULL && same_text(buf_view(&written), paths[i].out),
			    paths[i].json);
		} else {
			CHECK(paths[i].out == NULL, paths[i].json);
			CHECK(paths[i].field != NULL &&
				same_text(text_of(error.field), paths[i].field),
			    paths[i].json);
			CHECK(
			    paths[i].rule != NULL && same_text(text_of(error.rule), paths[i].rule),
			    paths[i].json);
			CHECK(error.missing == paths[i].missing, paths[i].json);
		}
		free(out);
		buf_free(&written);
		arena_free(&arena);
		json_object_put(object);
	}
}

static void
every_path_row_passes_and_fails(void)
{
	const struct table *const tables[] = { &rtc_path_table, &rtm_path_table, &rte_path_table,
		&rte_rtm_path_table, &chat_app_path_table, &chat_user_path_table };

	for (size_t t = 0; t < COUNT(tables); t++)
		for (size_t r = 0; r < tables[t]->count; r++) {
			const struct field *f = &tables[t]->fields[r];
			bool passes = false, fails = false;
			char name[64];

			for (size_t i = 0; i < COUNT(paths); i++) {
				bool account = strstr(paths[i].json, "userAccount") != NULL;

				if (paths[i].table != tables[t] ||
				    (f->when != 0 && !(f->when & (account ? 2U : 1U))))
					continue;
				if (paths[i].out == NULL)
					fails = fails || strcmp(paths[i].field, f->name) == 0;
				else
					passes = passes || has_member(paths[i].json, NULL, f->name);
			}
			snprintf(name, sizeof(name), "table %zu, row %zu, %s", t, r, f->name);
			CHECK(passes, name);
			CHECK(fails, name);
		}
}

/* Settings */

#define HEX_RULE ", and Agora's console shows 32 hexadecimal digits"

static void
reads_settings(void)
{
	static const struct {
		const char *json;
		const char *field, *rule; /* NULL = fine */
		bool missing;
	} cases[] = {
		{ "{\"APP_ID\":\"" APP_ID "\",\"APP_CERTIFICATE\":\"" CERTIFICATE "\"}", NULL,
		    NULL },
		{ "{\"APP_ID\":\"" APP_ID "0\",\"APP_CERTIFICATE\":\"" CERTIFICATE "\"}", "APP_ID",
		    "33 characters" HEX_RULE },
		{ "{\"APP_ID\":\"0123456789abcdef0123456789ABCDE\",\"APP_CERTIFICATE\":"
		  "\"" CERTIFICATE "\"}",
		    "APP_ID", "31 characters" HEX_RULE },
		{ "{\"APP_ID\":\"0123456789abcdef0123456789ABCDEg\",\"APP_CERTIFICATE\":"
		  "\"" CERTIFICATE "\"}",
		    "APP_ID", "32 characters" HEX_RULE "; the last is another letter" },
		{ "{\"APP_ID\":\"" APP_ID
		  "\",\"APP_CERTIFICATE\":\" 123456789abcdef0123456789ABCDEF\"}",
		    "APP_CERTIFICATE",
		    "32 characters" HEX_RULE "; the first wrong one, character 1, is a space" },
		{ "{\"APP_ID\":\"" APP_ID "\",\"APP_CERTIFICATE\":\"" CERTIFICATE "\\n\"}",
		    "APP_CERTIFICATE", "33 characters" HEX_RULE "; the last is a newline" },
		{ "{\"APP_ID\":\"" APP_ID "\",\"APP_CERTIFICATE\":\"a\"}", "APP_CERTIFICATE",
		    "1 character" HEX_RULE },
		{ "{\"APP_CERTIFICATE\":\"" CERTIFICATE "\"}", "APP_ID", "is required", true },
		{ "{\"APP_ID\":\"" APP_ID "\"}", "APP_CERTIFICATE", "is required", true },
		{ "{\"APP_ID\":\"\",\"APP_CERTIFICATE\":\"\"}", "APP_ID", "is required", true },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (int optional = 0; optional < 2; optional++) {
			struct json_object *object = parse(cases[i].json);
			struct arena arena = { 0 };
			struct field_error error = { 0 };
			struct token_settings out;
			bool fine = cases[i].field == NULL || (optional && cases[i].missing);

			CHECK(field_read(
				  optional ? &token_settings_optional_table : &token_settings_table,
				  object, &arena, &out, &error) == fine,
			    cases[i].json);
			if (!fine) {
				CHECK(
				    same_text(text_of(error.field), cases[i].field), cases[i].json);
				CHECK(same_text(text_of(error.rule), cases[i].rule), cases[i].json);
				CHECK(error.missing == cases[i].missing, cases[i].json);
			}
			arena_free(&arena);
			json_object_put(object);
		}
}

static void
keeps_secrets(void)
{
	const struct table *const tables[] = { &token_settings_table,
		&token_settings_optional_table };

	for (size_t t = 0; t < COUNT(tables); t++)
		for (size_t i = 0; i < tables[t]->count; i++) {
			const struct field *f = &tables[t]->fields[i];

			CHECK(f->flags & FIELD_FILE, f->name);
			CHECK(((f->flags & FIELD_SECRET) != 0) == (strcmp(f->name, "APP_ID") != 0),
			    f->name);
		}
}

CU_TestInfo services_tokens_tests[] = {
	{ "issues every kind", issues_every_kind },
	{ "refuses", refuses },
	{ "every row passes and fails", every_row_passes_and_fails },
	{ "every row is explained", every_row_is_explained },
	{ "refuses tokens that are too large", refuses_tokens_that_are_too_large },
	{ "limits permissions", limits_permissions },
	{ "adds times in 64 bits", adds_times_in_64_bits },
	{ "depends on the salt", depends_on_the_salt },
	{ "draws salts", draws_salts },
	{ "reads paths", reads_paths },
	{ "every path row passes and fails", every_path_row_passes_and_fails },
	{ "reads settings", reads_settings },
	{ "keeps secrets", keeps_secrets },
	CU_TEST_INFO_NULL,
};
