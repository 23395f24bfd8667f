#include <stdlib.h>
#include <time.h>

#include "app.h"
#include "clock.h"
#include "inspect.h"
#include "json.h"
#include "log.h"
#include "routes.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define APP_ID "0123456789abcdef0123456789abcdef"
#define CERTIFICATE "fedcba9876543210fedcba9876543210"
#define OTHER "ffeeddccbbaa99887766554433221100"

/* pub-v006-uid0-all of the vectors: channel demo, uid 0, ended in 2025. */
#define TOKEN_006                                                                                  \
	"0060123456789abcdef0123456789abcdefIAAnODc3QjGjRabGkoxDvPStfnhlU1c"                       \
	"7w25zNG5Gre5xB6DfQtYAAAAAIgAJAwAAANd1ZwQAAQCQk3RnAgCQk3RnAwCQk3RnBACQk3Rn"

#define SIXTY_FOUR "0123456789012345678901234567890123456789012345678901234567890123"

/* Its first 115 characters. */
#define TOKEN_006_CUT                                                                              \
	"0060123456789abcdef0123456789abcdefIAAnODc3QjGjRabGkoxDvPStfnhlU1c7"                      \
	"w25zNG5Gre5xB6DfQtYAAAAAIgAJAwAAANd1ZwQAAQCQk3Rn"

static struct config *config;
static struct app *app;
static struct exchange x;
static struct agora_codec *codec;

static void
open_app(void)
{
	char id[] = "APP_ID=" APP_ID, certificate[] = "APP_CERTIFICATE=" CERTIFICATE;
	char *environment[] = { id, certificate, NULL };

	log_set_level(LOG_LEVEL_ERROR);
	config =
	    config_open(NULL, environment, routes, route_count, NULL, NULL, &(struct buf){ 0 });
	if (config == NULL)
		abort();
	app = app_open(config, routes, route_count, NULL, true, &(struct buf){ 0 });
	codec = agora_codec_open();
	if (app == NULL || codec == NULL)
		abort();
}

static void
close_app(void)
{
	exchange_free(&x);
	x = (struct exchange){ 0 };
	app_close(app);
	config_close(config);
	agora_codec_close(codec);
	log_set_level(LOG_LEVEL_INFO);
}

static void
post(struct text body)
{
	static char method[] = "REQUEST_METHOD=POST", uri[] = "REQUEST_URI=/token/inspect",
		    client[] = "REMOTE_ADDR=192.0.2.1";
	static char *params[] = { method, uri, client, NULL };

	exchange_reset(&x);
	CHECK(app_serve(app, &x, params, body, BODY_WHOLE) == ANSWERED, "served");
}

/* A token with one mistake, or none; times are seconds from now. */
struct recipe {
	enum { RTC, RTC_JOIN, RTC_NO_JOIN, RTC_AUDIO, RTM, FCDN } kind;
	const char *channel, *user;
	int issued, expire, join, publish; /* 0: an hour, and as long as the token */
	const char *app_id, *certificate;
	const char *text; /* in its place */
	const char *before, *behind;
	void (*damage)(char *text);
};

static void
add_services(const struct recipe *r, struct agora_set *set)
{
	const struct agora_rtc_expire expires = { (uint32_t)r->join, (uint32_t)r->publish,
		(uint32_t)r->publish, (uint32_t)r->publish };
	const char *channel = r->channel == NULL ? "demo" : r->channel;
	const char *user = r->user == NULL ? "42" : r->user;
	unsigned privileges = r->kind == RTC_JOIN ? AGORA_RTC_SUBSCRIBER
	    : r->kind == RTC_AUDIO                ? AGORA_RTC_SUBSCRIBER | 1U << AGORA_RTC_AUDIO
	    : r->kind == RTC_NO_JOIN              ? AGORA_RTC_PUBLISHER & ~(1U << AGORA_RTC_JOIN)
						  : AGORA_RTC_PUBLISHER;

	if (r->kind == RTM)
		agora_add_rtm(set, (struct agora_text){ user, strlen(user) }, 3600);
	else if (r->kind == FCDN)
		agora_add_fcdn(set, (struct agora_text){ channel, strlen(channel) },
		    (struct agora_text){ user, strlen(user) }, true, 3600);
	else
		agora_add_rtc(set, (struct agora_text){ channel, strlen(channel) },
		    (struct agora_text){ user, strlen(user) }, privileges, &expires);
}

/* salt: some tokens have a + in them, and some have not. */
static void
make(const struct recipe *r, uint32_t salt, char text[AGORA_TOKEN_MAX + 1])
{
	struct agora_set set = { .count = 0 };
	struct agora_token token = { .app_id = r->app_id == NULL ? APP_ID : r->app_id,
		.issue_ts = (uint32_t)(unix_seconds() + r->issued),
		.expire = r->expire == 0 ? 3600 : (uint32_t)r->expire,
		.salt = salt };

	add_services(r, &set);
	token.services = set.services;
	token.service_count = set.count;
	CHECK(agora_token_sign(codec, &token, r->certificate == NULL ? CERTIFICATE : r->certificate,
		  text, NULL) == AGORA_OK,
	    "signed");
}

static void
cut_forty(char *text)
{
	text[strlen(text) - 40] = '\0';
}

/* To a length that is one or two more than a multiple of four, as base64 goes. */
static void
cut_unevenly(char *text)
{
	size_t length = 3 + (strlen(text) - 3) / 8 * 4;

	text[length + 2] = '\0';
}

static void
cut_the_first_two(char *text)
{
	memmove(text, text + 2, strlen(text) - 1);
}

static void
lose_plus(char *text)
{
	for (char *p = text; *p != '\0'; p++)
		if (*p == '+')
			*p = ' ';
}

static void
lose_last_plus(char *text)
{
	text[strlen(text) - 1] = ' ';
}

static void
replace(char *text, char sign, const char *with)
{
	for (char *p = text; (p = strchr(p, sign)) != NULL; p += strlen(with)) {
		memmove(p + strlen(with), p + 1, strlen(p));
		memcpy(p, with, strlen(with));
	}
}

static void
encode_plus(char *text)
{
	replace(text, '+', "%2B");
}

static void
encode_plus_twice(char *text)
{
	replace(text, '+', "%252B");
}

/* As it is in a JSON text that is shown in a JSON text. */
static void
escape_plus(char *text)
{
	replace(text, '+', "\\\\u002B");
}

static void
escape_slash(char *text)
{
	replace(text, '/', "\\\\/");
}

static void
add_blank(char *text)
{
	memmove(text + 51, text + 50, strlen(text + 50) + 1);
	text[50] = ' ';
}

static void
indent(char *text)
{
	memmove(text + 66, text + 60, strlen(text + 60) + 1);
	memcpy(text + 60, "\\n    ", 6);
}

static void
change_base64(char *text)
{
	text[60] = '!';
}

/* Deflate has no third kind of block. */
static void
change_zlib(char *text)
{
	memcpy(text, "007eJz/", 7);
}

static void
make_huge(char *text)
{
	memset(text + 3, 'A', AGORA_TOKEN_MAX - 3);
	text[AGORA_TOKEN_MAX] = '\0';
}

/*
 * Not every token has a + or / to be changed, and one with = at its end is not made longer.
 */
static bool
is_apt(const struct recipe *r, const char *text)
{
	if (r->damage == lose_last_plus)
		return text[strlen(text) - 1] == '+';
	if (r->damage == lose_plus || r->damage == encode_plus || r->damage == encode_plus_twice ||
	    r->damage == escape_plus)
		return strchr(text, '+') != NULL;
	if (r->damage == escape_slash)
		return strchr(text, '/') != NULL;
	return r->behind == NULL || strcmp(r->behind, "AAAA") != 0 || strchr(text, '=') == NULL;
}

struct mistake {
	const char *codes; /* each with a blank behind it */
	const char *words; /* of the first; "..." at their end: so they begin */
	struct recipe recipe;
	const char *more; /* of the body */
	bool valid;
};

#define NOT_READY "there is no token yet, but what a program writes in its place"
#define EMBEDDED "the token is inside of something else: a JSON answer, a URL, a header line"
#define GOOD_INSIDE "; the token inside is good, and the client must pass it alone"
#define SHORT                                                                                      \
	"the token, or its privilege to get in, lives for less than a minute, and SDKs warn 30 "   \
	"seconds before the end"
#define JWT "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"

static const struct mistake mistakes[] = {
	{ "", "", { .channel = NULL }, ",\"channel\":\"demo\",\"uid\":42", true },
	{ "empty ", "there is no token", { .text = "" }, "" },
	{ "quoted ", "there are quotes around the token, or a backslash, a comma or a semicolon",
	    { .before = "'", .behind = "'" }, ",\"channel\":\"demo\",\"uid\":42" },
	{ "bearer ", "the word Bearer stands before the token", { .before = "bearer  " }, "" },
	{ "blanks ", "there are blanks or line ends around the token or in it",
	    { .behind = "\\r\\n" }, "" },
	{ "quoted bearer blanks ",
	    "there are quotes around the token, or a backslash, a comma or a semicolon",
	    { .before = " \\\"Bearer ", .behind = "\\\"\\n" }, "" },
	{ "percent_encoded ", "the token is encoded for a URL (%2B, %2F, %3D)",
	    { .damage = encode_plus }, "" },
	{ "blanks percent_encoded ", "there are blanks or line ends around the token or in it",
	    { .behind = "%20" }, "" },
	{ "percent_encoded ", "the token is encoded for a URL (%2B, %2F, %3D)",
	    { .damage = encode_plus_twice }, "" },
	{ "plus_lost ", "the token has a blank where a + was", { .damage = lose_plus }, "" },
	{ "plus_lost ", "the token has a blank where a + was", { .damage = lose_last_plus }, "" },
	{ "blanks ", "there are blanks or line ends around the token or in it",
	    { .damage = add_blank }, "" },
	{ "blanks ", "there are blanks or line ends around the token or in it",
	    { .damage = indent }, "" },
	{ "blanks ", "there are blanks or line ends around the token or in it",
	    { .before = "\xef\xbb\xbf", .behind = "\xc2\xa0" }, "" },
	{ "quoted ", "there are quotes around the token, or a backslash, a comma or a semicolon",
	    { .before = "\xe2\x80\x9c", .behind = "\xe2\x80\x9d" }, "" },
	{ "quoted ", "there are quotes around the token, or a backslash, a comma or a semicolon",
	    { .before = "\\\"", .behind = "\\\"," }, "" },
	{ "quoted ", "there are quotes around the token, or a backslash, a comma or a semicolon",
	    { .damage = escape_slash }, "" },
	{ "quoted ", "there are quotes around the token, or a backslash, a comma or a semicolon",
	    { .damage = escape_plus }, "" },
	{ "quoted expired ",
	    "there are quotes around the token, or a backslash, a comma or a semicolon",
	    { .before = "'", .behind = "'", .issued = -9000 }, "" },
	{ "quoted bad_signature ",
	    "there are quotes around the token, or a backslash, a comma or a semicolon",
	    { .before = "'", .behind = "';", .certificate = OTHER }, "" },
	{ "embedded ", EMBEDDED GOOD_INSIDE,
	    { .before = "{\\\"token\\\": \\\"", .behind = "\\\"}" }, "" },
	{ "embedded ", EMBEDDED GOOD_INSIDE, { .before = "Authorization: Bearer " }, "" },
	{ "embedded ", EMBEDDED GOOD_INSIDE, { .before = "Authorization: agora token=" }, "" },
	{ "embedded expired ",
	    "the token is inside of something else: a JSON answer, a URL, a header line",
	    { .before = "https://x.example/?t=",
		.behind = "&uid=42",
		.damage = encode_plus,
		.issued = -9000 },
	    "" },
	{ "not_ready ", NOT_READY, { .text = "[object Object]" }, "" },
	{ "not_ready ", NOT_READY, { .text = "undefined" }, "" },
	{ "not_ready ", NOT_READY, { .text = "None" }, "" },
	{ "not_ready ", NOT_READY, { .text = "(null)" }, "" },
	{ "not_ready ", NOT_READY, { .text = "Instance of 'Future<String>'" }, "" },
	{ "not_ready ", NOT_READY, { .text = "Promise { <pending> }" }, "" },
	{ "not_ready ", NOT_READY, { .text = "\\\"null\\\"" }, "" },
	{ "jwt ", "this is a JSON Web Token, not an Agora token", { .text = JWT }, "" },
	{ "jwt ", "this is a JSON Web Token, not an Agora token", { .text = "Bearer " JWT }, "" },
	{ "jwt ", "this is a JSON Web Token, not an Agora token",
	    { .text = "{\\\"access_token\\\":\\\"" JWT "\\\"}" }, "" },
	{ "app_id ", "this is an App ID or an App Certificate, not a token", { .text = OTHER },
	    "" },
	{ "certificate_exposed ",
	    "the App Certificate is where anybody can read it: the client has it in place of a "
	    "token",
	    { .text = CERTIFICATE }, "" },
	{ "certificate_exposed app_id_mismatch not_verified ",
	    "the App Certificate is where anybody can read it: the token has it in place of the "
	    "App ID",
	    { .app_id = CERTIFICATE, .certificate = APP_ID }, "" },
	{ "bad_signature ",
	    "the token was made with another App Certificate, or changed since: with the App ID in "
	    "place of a certificate",
	    { .certificate = APP_ID }, "" },
	/* A JSON answer, a header line, a URL: and what stands after a token alone. */
	{ "embedded ", EMBEDDED GOOD_INSIDE, { .before = "[", .behind = "]" }, "" },
	{ "embedded ", EMBEDDED GOOD_INSIDE, { .behind = ")" }, "" },
	{ "embedded ", EMBEDDED GOOD_INSIDE, { .behind = "?" }, "" },
	{ "embedded ", EMBEDDED GOOD_INSIDE, { .behind = "&x=1" }, "" },
	{ "embedded ", EMBEDDED GOOD_INSIDE, { .behind = "..." }, "" },
	{ "embedded ", EMBEDDED GOOD_INSIDE, { .behind = "/?expiry=60" }, "" },
	{ "embedded ", EMBEDDED GOOD_INSIDE, { .behind = "/" }, "" },
	{ "embedded ", EMBEDDED GOOD_INSIDE, { .behind = "}" }, "" },
	{ "embedded ", EMBEDDED GOOD_INSIDE, { .behind = "%29" }, "" },
	{ "embedded expired ", EMBEDDED, { .behind = ")", .issued = -9000 }, "" },
	{ "truncated ", "the token is cut short: it ends after ...",
	    { .damage = cut_forty, .behind = "..." }, "" },
	{ "truncated ", "the token is cut short: it ends after ...",
	    { .damage = cut_unevenly, .behind = "=" }, "" },
	{ "truncated ", "the token is cut short: it ends after ...",
	    { .damage = cut_unevenly, .behind = "==" }, "" },
	{ "short_lifetime ", SHORT ": 30 seconds", { .expire = 30, .join = 30, .publish = 30 }, "",
	    true },
	{ "expired short_lifetime ", "the token has expired, 5 minutes ago",
	    { .issued = -340, .expire = 10 }, "" },
	{ "", "", { .expire = 60 }, "", true },
	{ "bad_version ", "the token does not begin with 007", { .text = "'%20+ Token'" }, "" },
	{ "trailing_data ", "there are bytes after the token's end",
	    { .behind = " 007eJxTYODhmiOm" }, "" },
	{ "truncated version_006 ",
	    "the token is cut short: it ends after 119 characters, and 20 are missing",
	    { .text = TOKEN_006_CUT "AgCQ" }, "" },
	{ "truncated version_006 ",
	    "the token is cut short: it ends after 116 characters, and 23 are missing",
	    { .text = TOKEN_006_CUT "A" }, ",\"channel\":\"demo\",\"uid\":0" },
	{ "truncated ", "the token is cut short: it ends after ...", { .damage = cut_forty }, "" },
	{ "truncated ", "the token is cut short: the first 2 of its characters are missing",
	    { .damage = cut_the_first_two }, "" },
	{ "app_id ",
	    "this is an App ID or an App Certificate, not a token: it is the App ID of the project",
	    { .text = APP_ID }, "" },
	{ "bad_base64 ", "the token is not base64: a character was changed, added or lost",
	    { .damage = change_base64 }, "" },
	{ "bad_zlib ", "the token's compressed content is damaged", { .damage = change_zlib }, "" },
	{ "trailing_data ", "there are bytes after the token's end", { .behind = "AAAA" }, "" },
	{ "too_large ", "the token is too large: 16384 bytes of text and 65536 of content at most",
	    { .damage = make_huge, .behind = "AAAA" }, "" },
	{ "expired version_006 ", "the token has expired, ...", { .text = TOKEN_006 },
	    ",\"channel\":\"demo\",\"uid\":0,\"appId\":\"" APP_ID "\"" },
	{ "expired not_verified version_006 ", "the token has expired, ...", { .text = TOKEN_006 },
	    "" },
	{ "app_id_mismatch not_verified ",
	    "the token is for another App ID: it is for \"" OTHER "\", and the client has \"" APP_ID
	    "\"",
	    { .app_id = OTHER, .certificate = OTHER }, "" },
	{ "not_verified ",
	    "the signature was not checked: the App Certificate here is of another App ID",
	    { .app_id = OTHER, .certificate = OTHER }, ",\"appId\":\"" OTHER "\"" },
	{ "app_id_mismatch ",
	    "the token is for another App ID: it is for \"" APP_ID
	    "\", and the client has \"0123456789ABCDEF0123456789ABCDEF\"; they differ only in case",
	    { .kind = RTC }, ",\"appId\":\"0123456789ABCDEF0123456789ABCDEF\"" },
	{ "bad_signature ", "the token was made with another App Certificate, or changed since",
	    { .certificate = OTHER }, "" },
	{ "expired ", "the token has expired, 5 minutes ago", { .issued = -3930 }, "" },
	{ "expired ", "the token has expired, 2 days ago", { .issued = -3600 - 172900 }, "" },
	{ "expired long_lifetime ", "the token has expired, 6 hours ago",
	    { .issued = -86400 - 21610, .expire = 604800 }, "" },
	{ "long_lifetime ",
	    "the token says that it lives for more than 24 hours, and Agora ends it 24 hours after "
	    "its issue: it says 1795899004 seconds",
	    { .expire = 1795899004 }, "", true },
	{ "long_lifetime ",
	    "the token says that it lives for more than 24 hours, and Agora ends it 24 hours after "
	    "its issue: it says 86401 seconds",
	    { .expire = 86401 }, "", true },
	{ "", "", { .expire = 86400, .issued = -86370 }, "", true },
	{ "wrong_kind ", "the token opens no channel, and the client joins one: it is for RTM",
	    { .kind = RTM }, ",\"channel\":\"demo\",\"uid\":\"42\"" },
	{ "channel_mismatch ",
	    "the token is for another channel: it is for \"demo\", and the client joins \"lobby\"",
	    { .kind = RTC }, ",\"channel\":\"lobby\"" },
	{ "channel_mismatch ",
	    "the token is for another channel: it is for \"demo\", and the client joins \"Demo\"; "
	    "they differ only in case",
	    { .kind = RTC }, ",\"channel\":\"Demo\"" },
	{ "channel_mismatch ",
	    "the token is for another channel: it is for \"a room\", and the client joins "
	    "\"a room \"; they differ only by blanks",
	    { .channel = "a room" }, ",\"channel\":\"a room \"" },
	{ "channel_mismatch ",
	    "the token is for another channel: it is for \"a room\", and the client joins "
	    "\"ARoom\"; they differ only in case and blanks",
	    { .channel = "a room" }, ",\"channel\":\"ARoom\"" },
	{ "channel_mismatch bad_name ",
	    "the token is for another channel: it is for \"a room\", and the client joins "
	    "\"a\xc2\xa0room\\t\"; they differ only by blanks",
	    { .channel = "a room" }, ",\"channel\":\"a\xc2\xa0room\\t\"" },
	{ "channel_mismatch ",
	    "the token is for another channel: it is for \"a Room\", and the client joins "
	    "\"aroom \"; they differ only in case and blanks",
	    { .channel = "a Room" }, ",\"channel\":\"aroom \"" },
	{ "uid_zero ",
	    "the client joins without a uid of its own (0), so Agora gives it one, and the token "
	    "is for a named user: \"42\"",
	    { .kind = RTC }, ",\"channel\":\"demo\",\"uid\":0" },
	{ "uid_kind ",
	    "the token is for a number where the client joins with a string, or the reverse: it is "
	    "for \"ann\", and the client joins with \"42\"",
	    { .user = "ann" }, ",\"uid\":42" },
	{ "uid_kind ",
	    "the token is for a number where the client joins with a string, or the reverse: it is "
	    "for \"042\", and the client joins with \"42\"",
	    { .user = "042" }, ",\"uid\":42" },
	{ "uid_kind ",
	    "the token is for a number where the client joins with a string, or the reverse: it is "
	    "for \"42\", and the client joins with \"ann\"",
	    { .kind = RTC }, ",\"account\":\"ann\"" },
	{ "account_zero ",
	    "the token is for an account of the name 0, which is a user like any other and not the "
	    "uid 0",
	    { .user = "0" }, ",\"channel\":\"demo\",\"uid\":42" },
	{ "account_zero ",
	    "the token is for an account of the name 0, which is a user like any other and not the "
	    "uid 0",
	    { .user = "0" }, ",\"channel\":\"demo\",\"uid\":0" },
	{ "", "", { .user = "0" }, ",\"account\":\"0\"", true },
	{ "", "", { .user = "0" }, ",\"userAccount\":\"0\"", true },
	/* The names that other routes have for them, all that is wrong at once, and null. */
	{ "", "", { .kind = RTC }, ",\"channelName\":\"demo\",\"rtcuid\":\"42\"", true },
	{ "channel_mismatch uid_mismatch ",
	    "the token is for another channel: it is for \"demo\", and the client joins \"lobby\"",
	    { .kind = RTC }, ",\"cname\":\"lobby\",\"uid\":43" },
	{ "channel_mismatch ",
	    "the token is for another channel: it is for \"demo\", and the client joins \"7\"",
	    { .kind = RTC }, ",\"rtcChannel\":7" },
	{ "uid_mismatch ",
	    "the token is for another user: it is for \"ann\", and the client joins with \"bob\"",
	    { .kind = RTM, .user = "ann" }, ",\"rtmuid\":\"bob\"" },
	{ "uid_mismatch ",
	    "the token is for another user: it is for \"ann\", and the client joins with \"bob\"",
	    { .kind = RTM, .user = "ann" }, ",\"userId\":\"bob\"" },
	{ "uid_zero ",
	    "the client joins without a uid of its own (0), so Agora gives it one, and the token "
	    "is for a named user: \"42\"",
	    { .kind = RTC }, ",\"channel\":\"demo\",\"uid\":null" },
	{ "", "", { .user = "" }, ",\"channel\":\"demo\",\"uid\":null", true },
	{ "uid_mismatch ",
	    "the token is for another user: it is for \"Ann\", and the client joins with \"ann\"; "
	    "they differ only in case",
	    { .user = "Ann" }, ",\"uid\":null,\"account\":\"ann\"" },
	{ "bad_name ",
	    "Agora refuses such a name, even where the token is for it: the channel \"a/b\"",
	    { .channel = "a/b" }, ",\"channel\":\"a/b\"" },
	{ "bad_name ",
	    "Agora refuses such a name, even where the token is for it: the channel has 65 bytes",
	    { .channel = SIXTY_FOUR "5" }, ",\"channel\":\"" SIXTY_FOUR "5\"" },
	{ "", "", { .channel = SIXTY_FOUR }, ",\"channel\":\"" SIXTY_FOUR "\"", true },
	{ "bad_name ",
	    "Agora refuses such a name, even where the token is for it: the account \"a/b\"",
	    { .user = "a/b" }, ",\"account\":\"a/b\"" },
	{ "bad_name ",
	    "Agora refuses such a name, even where the token is for it: the channel \"a/b\"",
	    { .channel = "a/b" }, "" },
	{ "bad_name ",
	    "Agora refuses such a name, even where the token is for it: the account \"a/b\"",
	    { .user = "a/b" }, ",\"channel\":\"demo\"" },
	{ "uid_mismatch ",
	    "the token is for another user: it is for \"42\", and the client joins with \"43\"",
	    { .kind = RTC }, ",\"channel\":\"demo\",\"uid\":43" },
	{ "uid_mismatch ",
	    "the token is for another user: it is for \"Ann\", and the client joins with \"ann\"; "
	    "they differ only in case",
	    { .user = "Ann" }, ",\"account\":\"ann\"" },
	{ "no_privilege ", "the token lacks the privilege to get in: joinChannel for RTC",
	    { .kind = RTC_NO_JOIN }, "" },
	{ "privilege_over ",
	    "the privilege to get in has ended, though the token has not: joinChannel, 5 minutes "
	    "ago",
	    { .issued = -390, .join = 60 }, "" },
	{ "issued_in_future ",
	    "the token was issued in the future: 5 minutes from now, by the clock of this machine",
	    { .issued = 330 }, "", true },
	{ "publish_over ",
	    "a privilege to publish has ended, though the token has not: publishAudioStream, 5 "
	    "minutes ago",
	    { .issued = -390, .publish = 60 }, "", true },
	{ "subscriber_only ", "the token is a subscriber's: it may join and not publish",
	    { .kind = RTC_JOIN }, "", true },
	{ "publish_partly ",
	    "the token may publish some things, and lacks the privilege for others: "
	    "publishVideoStream and publishDataStream",
	    { .kind = RTC_AUDIO }, "", true },
	{ "no_rtc ", "the token opens the channel, and not for the RTC SDK: it is for FCDN",
	    { .kind = FCDN }, ",\"channel\":\"demo\",\"uid\":42", true },
	{ "uid_or_account ", "a token cannot tell the string account from the number 42",
	    { .kind = RTC }, ",\"account\":\"42\"", true },
	{ "", "", { .channel = "*", .user = "", .expire = 86400 }, ",\"uid\":42", true },
	{ "", "", { .channel = "", .user = "", .expire = 86400 }, ",\"uid\":42", true },
	{ "console_token ", "the token is like the temporary ones of Agora's console",
	    { .user = "", .expire = 86400 }, ",\"uid\":42", true },
};

static struct text
member(struct json_object *object, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(object, name, &value)
	    ? text_of(json_object_get_string(value))
	    : (struct text){ NULL, 0 };
}

/* The text, or where it ends with dots what it begins with. */
static bool
says(struct text got, const char *words)
{
	size_t length = strlen(words);

	if (length > 3 && strcmp(words + length - 3, "...") == 0)
		return got.length > length - 3 && memcmp(got.data, words, length - 3) == 0;
	return same_text(got, words);
}

static void
check_mistake(const struct mistake *m, const char *token)
{
	struct buf body = { 0 }, codes = { 0 };
	struct json_error error;
	struct json_object *answer, *problems = NULL, *valid = NULL;

	buf_printf(&body, "{\"token\":\"%s%s%s\"%s}",
	    m->recipe.before == NULL ? "" : m->recipe.before, token,
	    m->recipe.behind == NULL ? "" : m->recipe.behind, m->more);
	post(buf_view(&body));
	CHECK(x.response.status == 200, m->words);
	answer = json_read(buf_view(&x.response.body), JSON_NUL_ALLOWED, &error);
	json_object_object_get_ex(answer, "problems", &problems);
	json_object_object_get_ex(answer, "valid", &valid);
	for (size_t i = 0; problems != NULL && i < json_object_array_length(problems); i++) {
		struct json_object *problem = json_object_array_get_idx(problems, i);

		buf_printf(&codes, "%s ", member(problem, "code").data);
		CHECK(member(problem, "fix").length > 20, m->words);
		if (i == 0)
			CHECK(says(member(problem, "problem"), m->words), m->words);
	}
	CHECK(same_text(buf_view(&codes), m->codes), m->words);
	CHECK(json_object_get_boolean(valid) == m->valid, m->words);
	json_object_put(answer);
	buf_free(&body);
	buf_free(&codes);
}

static void
tells_each_mistake(void)
{
	static char text[AGORA_TOKEN_MAX + 1];

	open_app();
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		const struct recipe *r = &mistakes[i].recipe;
		uint32_t salt = 1;

		if (r->text != NULL) {
			check_mistake(&mistakes[i], r->text);
			continue;
		}
		do
			make(r, salt++, text);
		while (!is_apt(r, text));
		if (r->damage != NULL)
			r->damage(text);
		check_mistake(&mistakes[i], text);
	}
	close_app();
}

/* What is said to be missing is near to what is. */
static void
guesses_how_much_is_missing(void)
{
	/* As real as an App ID and lifetimes are. */
	static const struct recipe recipe = { .kind = RTC,
		.app_id = "4f1bd0c3a97e4d5f8b26e07c91a3d864",
		.join = 3600,
		.publish = 3600 };
	char text[AGORA_TOKEN_MAX + 1];
	size_t whole;

	open_app();
	make(&recipe, 1, text);
	whole = strlen(text);
	for (size_t left = whole - 1; left > 8; left--) {
		struct arena arena = { 0 };
		const struct expectation expected = { .certificate = TEXT(CERTIFICATE),
			.channel = TEXT("demo"),
			.uid = TEXT("42"),
			.now = unix_seconds() };
		struct inspection out;
		const struct problem *first;
		const char *about;
		char name[32];

		snprintf(name, sizeof(name), "%zu of %zu", left, whole);
		text[left] = '\0';
		inspect_token(codec, text_of(text), &expected, &arena, &out);
		first = out.problems.items;
		CHECK(out.problems.count > 0 && text_is(first->code, "truncated"), name);
		about = strstr(first->problem.data, "about ");
		if (about != NULL)
			CHECK(labs(strtol(about + 6, NULL, 10) - (long)(whole - left)) <= 12, name);
		else
			CHECK(whole - left <= 12, name);
		arena_free(&arena);
	}
	close_app();
}

static void
refuses_bodies(void)
{
	static const struct {
		const char *body, *code, *field;
	} cases[] = {
		{ "{}", "missing_field", "token" },
		{ "{\"token\":null}", "missing_field", "token" },
		{ "{\"token\":7}", "invalid_field", "token" },
		{ "{\"token\":\"x\",\"channel\":-7}", "invalid_field", "channel" },
		{ "{\"token\":\"x\",\"channelName\":true}", "invalid_field", "channelName" },
		{ "{\"token\":\"x\",\"uid\":-1294967296}", "invalid_field", "uid" },
		{ "{\"token\":\"x\",\"uid\":\"-1\"}", "invalid_field", "uid" },
		{ "{\"token\":\"x\",\"rtcuid\":-1}", "invalid_field", "rtcuid" },
		{ "{\"token\":\"x\",\"channel\":\"a\",\"channelName\":\"a\"}", "invalid_field",
		    "channelName" },
		{ "{\"token\":\"x\",\"uid\":1,\"rtcuid\":1}", "invalid_field", "rtcuid" },
		{ "{\"token\":\"x\",\"rtcToken\":\"x\"}", "invalid_field", "rtcToken" },
		{ "{\"token\":\"x\",\"uid\":1,\"userAccount\":\"1\"}", "invalid_field", "account" },
		{ "{\"token\":\"x\",\"uid\":{}}", "invalid_field", "uid" },
		{ "{\"token\":\"x\",\"appId\":7}", "invalid_field", "appId" },
		{ "{\"token\":\"x\",\"account\":7}", "invalid_field", "account" },
		{ "{\"token\":\"x\",\"uid\":1,\"account\":\"1\"}", "invalid_field", "account" },
	};

	open_app();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_error error;
		struct json_object *answer;

		post(text_of(cases[i].body));
		CHECK(x.response.status == 400, cases[i].body);
		answer = json_read(buf_view(&x.response.body), 0, &error);
		CHECK(same_text(member(answer, "code"), cases[i].code), cases[i].body);
		CHECK(same_text(member(answer, "field"), cases[i].field), cases[i].body);
		json_object_put(answer);
	}
	close_app();
}

/* Which of what was given was looked at. */
static void
tells_what_it_compared(void)
{
	static const struct {
		const char *more, *compared; /* "" for the token: one that cannot be read */
		bool broken;
	} cases[] = {
		{ "", "[ \"appId\" ]" },
		{ ",\"appId\":\"" OTHER "\",\"channelName\":\"x\",\"rtcuid\":1",
		    "[ \"appId\", \"channel\", \"uid\" ]" },
		{ ",\"userAccount\":\"ann\"", "[ \"appId\", \"account\" ]" },
		{ ",\"uid\":null", "[ \"appId\", \"uid\" ]" },
		{ ",\"Uid\":7", "[ \"appId\", \"uid\" ]" },
		{ ",\"user\":7", "[ \"appId\" ]" },
		{ ",\"channel\":\"x\",\"uid\":1", "[ ]", true },
	};
	static char text[AGORA_TOKEN_MAX + 1];

	open_app();
	make(&(struct recipe){ .kind = RTC }, 1, text);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf body = { 0 };
		struct json_error error;
		struct json_object *answer;

		buf_printf(
		    &body, "{\"rtcToken\":\"%s\"%s}", cases[i].broken ? "x" : text, cases[i].more);
		post(buf_view(&body));
		answer = json_read(buf_view(&x.response.body), JSON_NUL_ALLOWED, &error);
		CHECK(same_text(member(answer, "compared"), cases[i].compared), cases[i].more);
		json_object_put(answer);
		buf_free(&body);
	}
	close_app();
}

CU_TestInfo api_inspect_tests[] = {
	{ "tells what it compared", tells_what_it_compared },
	{ "tells each mistake", tells_each_mistake },
	{ "guesses how much is missing", guesses_how_much_is_missing },
	{ "refuses bodies", refuses_bodies },
	CU_TEST_INFO_NULL,
};
