#include "grant.h"
#include "json.h"
#include "policies.h"

/*
 * A case says what differs from a request that the grant covers: caller web, ann, for an RTC token
 * in room, without a uid, as a subscriber.
 */
struct grant_case {
	const char *rule, *grants; /* members of one grant, or of several with }{ between them */
	const char *caller, *subject, *claims;
	const char *action, *project, *channel, *second_channel, *uid;
	unsigned services;
	bool publisher, placed;
	enum dimension dimension; /* in which it is refused; DIMENSION_CALLER: it is not */
	bool no_grant;            /* no grant is the caller's */
	const char *says;         /* why; where it is allowed, the uid that is filled in */
	const char *grant;        /* that allows it or came closest; NULL: the first */
};

#define RTC "\"services\":\"rtc\","
#define ROOM "\"services\":\"rtc\",\"channels\":\"room\","
#define ANYWHERE "\"services\":\"rtc\",\"channels\":\"*\","
#define CALLERS                                                                                    \
	"{\"callers\":{\"web\":{\"type\":\"frontend\"},\"other\":{\"type\":\"mtls\"},"             \
	"\"we\":{\"type\":\"frontend\",\"parameter\":\"WE\"},\"key\":{\"type\":\"apikey\","        \
	"\"sha256\":\""                                                                            \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}},"                    \
	"\"projects\":{\"second\":{\"appId\":\"0123456789abcdef0123456789abcdef\","                \
	"\"certificate\":\"0123456789abcdef0123456789abcdef\"}},\"grants\":["

/* "A}{B" becomes grants g0 and g1; each is from web unless it says from whom. */
static struct policy *
policy_with(const char *grants)
{
	struct buf text = { 0 };
	struct policy *policy;
	const char *next = grants;

	buf_text(&text, CALLERS);
	for (int i = 0; next != NULL; i++) {
		const char *end = strstr(next, "}{");
		size_t length = end == NULL ? strlen(next) : (size_t)(end - next);

		buf_printf(&text, "%s{%.*s%s\"name\":\"g%d\"}", i == 0 ? "" : ",", (int)length,
		    next, memmem(next, length, "\"from\"", 6) == NULL ? "\"from\":\"web\"," : "",
		    i);
		next = end == NULL ? NULL : end + 2;
	}
	buf_add(&text, "]}", 3);
	policy = policy_of(text.data);
	buf_free(&text);
	return policy;
}

static struct json_object *
claims_of(const char *text)
{
	struct json_error error;

	return text == NULL ? NULL : json_read(text_of(text), 0, &error);
}

static bool
is_plain_name(struct text value, struct field_error *error)
{
	field_rule(error, "must not begin with a dash");
	return value.length > 0 && value.data[0] != '-';
}

static struct text
guarded_text(const char *text)
{
	size_t length = text == NULL ? 0 : strlen(text);

	return (struct text){ text == NULL ? NULL : guarded(text, length), length };
}

static void
check_verdict(const struct grant_case *c, const struct verdict *v, struct text uid)
{
	bool allowed = c->dimension == DIMENSION_CALLER && !c->no_grant;
	const char *grant = c->grant == NULL ? "g0" : c->grant;

	CHECK(v->allowed == allowed, c->rule);
	CHECK(v->dimension == (allowed ? DIMENSION_NONE : c->dimension), c->rule);
	if (c->no_grant)
		CHECK(v->grant == NULL, c->rule);
	else
		CHECK(v->grant != NULL && same_text(v->grant->name, grant), c->rule);
	if (allowed) {
		CHECK(v->reason[0] == '\0', c->rule);
		CHECK(c->says == NULL || same_text(uid, c->says), c->rule);
	} else {
		CHECK(c->says == NULL ? v->reason[0] != '\0' : strcmp(v->reason, c->says) == 0,
		    v->reason);
	}
}

static void
run_case(const struct grant_case *c)
{
	struct policy *policy = policy_with(c->grants);
	struct text uid = guarded_text(c->uid),
		    channels[] = { guarded_text("room"), guarded_text(c->second_channel) };
	struct identity identity = { .caller = policy_caller(
					 policy, text_of(c->caller == NULL ? "web" : c->caller)),
		.subject = guarded_text(c->subject == NULL ? "ann" : c->subject),
		.claims = claims_of(c->claims) };
	struct ask ask = { .action = c->action == NULL ? TOKEN_ISSUE : c->action,
		.project = text_of(c->project),
		.services = c->services == 0 ? SERVICE_RTC : c->services,
		.channels = { channels, c->second_channel == NULL ? 1 : 2 },
		.placed = true,
		.users = { { .field = "uid",
		    .value = &uid,
		    .to_fill = true,
		    .required = true,
		    .max = 10,
		    .check = is_plain_name } },
		.user_count = 1,
		.has_role = true,
		.role = c->publisher ? GRANT_PUBLISHER : GRANT_SUBSCRIBER };
	struct arena arena = { 0 };
	struct verdict verdict;

	if (c->channel != NULL)
		channels[0] = guarded_text(c->channel);
	if (c->placed)
		ask.channels.count = 0;
	grant_evaluate(policy, &identity, &ask, &arena, &verdict);
	if (verdict.allowed)
		grant_apply(&verdict, &ask, &arena);
	check_verdict(c, &verdict, uid);
	json_object_put(identity.claims);
	arena_free(&arena);
	policy_close(policy);
}

static void
run_cases(const struct grant_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		run_case(&cases[i]);
}

#define NOBODY .no_grant = true, .says = "no grant is for this caller"

static void
finds_the_callers_grants(void)
{
	static const struct grant_case cases[] = {
		{ "its caller", ROOM, .says = "ann" },
		{ "one of several callers", ROOM "\"from\":[\"key\",\"web\"],\"uid\":\"*\",",
		    .uid = "bob" },
		{ "another caller", ROOM, .caller = "other", NOBODY },
		{ "a caller whose name begins so", ROOM, .caller = "we", NOBODY },
		{ "nobody that the policy knows", ROOM, .caller = "nobody", NOBODY },
		{ "no grants at all", ROOM "\"from\":\"key\",\"uid\":\"7\",", NOBODY },
	};

	run_cases(cases, COUNT(cases));
}

#define WHEN(conditions) ROOM "\"when\":{" conditions "},"

static void
looks_at_claims(void)
{
	static const struct grant_case cases[] = {
		{ "no condition", WHEN("") },
		{ "a text", WHEN("\"g\":\"a\""), .claims = "{\"g\":\"a\"}" },
		{ "another text", WHEN("\"g\":\"a\""), .claims = "{\"g\":\"b\"}", NOBODY },
		{ "a longer text", WHEN("\"g\":\"a\""), .claims = "{\"g\":\"ab\"}", NOBODY },
		{ "another case", WHEN("\"g\":\"a\""), .claims = "{\"g\":\"A\"}", NOBODY },
		{ "a name in another case", WHEN("\"g\":\"a\""), .claims = "{\"G\":\"a\"}",
		    NOBODY },
		{ "no such claim", WHEN("\"g\":\"a\""), .claims = "{}", NOBODY },
		{ "no claims", WHEN("\"g\":\"a\""), NOBODY },
		{ "null", WHEN("\"g\":\"a\""), .claims = "{\"g\":null}", NOBODY },
		{ "null by its name", WHEN("\"g\":\"null\""), .claims = "{\"g\":null}", NOBODY },
		{ "a list that has it", WHEN("\"g\":\"a\""), .claims = "{\"g\":[\"b\",\"a\"]}" },
		{ "a list without it", WHEN("\"g\":\"a\""), .claims = "{\"g\":[\"b\"]}", NOBODY },
		{ "an empty list", WHEN("\"g\":\"a\""), .claims = "{\"g\":[]}", NOBODY },
		{ "one of those wanted", WHEN("\"g\":[\"a\",\"b\"]"), .claims = "{\"g\":\"b\"}" },
		{ "none of those wanted", WHEN("\"g\":[\"a\",\"b\"]"), .claims = "{\"g\":\"c\"}",
		    NOBODY },
		{ "lists that meet", WHEN("\"g\":[\"a\",\"b\"]"),
		    .claims = "{\"g\":[\"c\",\"b\"]}" },
		{ "lists that do not", WHEN("\"g\":[\"a\",\"b\"]"), .claims = "{\"g\":[\"c\"]}",
		    NOBODY },
		{ "a number", WHEN("\"n\":1"), .claims = "{\"n\":1}" },
		{ "another number", WHEN("\"n\":1"), .claims = "{\"n\":10}", NOBODY },
		{ "a fraction", WHEN("\"n\":1"), .claims = "{\"n\":1.0}", NOBODY },
		{ "a fraction by its text", WHEN("\"n\":\"1.5\""), .claims = "{\"n\":1.5}",
		    NOBODY },
		{ "true", WHEN("\"t\":true"), .claims = "{\"t\":true}" },
		{ "false", WHEN("\"t\":true"), .claims = "{\"t\":false}", NOBODY },
		{ "false that is wanted", WHEN("\"t\":false"), .claims = "{\"t\":false}" },
		{ "an object", WHEN("\"g\":\"{}\""), .claims = "{\"g\":{}}", NOBODY },
		{ "into an object", WHEN("\"a.b.c\":\"x\""),
		    .claims = "{\"a\":{\"b\":{\"c\":\"x\"}}}" },
		{ "into what is none", WHEN("\"a.b\":\"x\""), .claims = "{\"a\":\"x\"}", NOBODY },
		{ "not to its end", WHEN("\"a.b\":\"x\""), .claims = "{\"a\":{\"c\":\"x\"}}",
		    NOBODY },
		{ "a name with a dot", WHEN("\"https://x.example/g\":\"a\""),
		    .claims = "{\"https://x.example/g\":\"a\"}" },
		{ "two that hold", WHEN("\"g\":\"a\",\"n\":1"), .claims = "{\"g\":\"a\",\"n\":1}" },
		{ "the first of two", WHEN("\"g\":\"a\",\"n\":1"), .claims = "{\"g\":\"a\"}",
		    NOBODY },
		{ "the second of two", WHEN("\"g\":\"a\",\"n\":1"), .claims = "{\"n\":1}", NOBODY },
		{ "the subject", WHEN("\"sub\":\"ann\"") },
		{ "another subject", WHEN("\"sub\":\"bob\""), NOBODY },
		{ "the claim before the subject", WHEN("\"sub\":\"ann\""),
		    .claims = "{\"sub\":\"bob\"}", NOBODY },
	};

	run_cases(cases, COUNT(cases));
}

#define ACTION(name) DIMENSION_ACTION, .says = name " is not granted"

static void
bounds_actions(void)
{
	static const struct grant_case cases[] = {
		{ "tokens by default", ROOM },
		{ "nothing else by default", ROOM, .action = "recording.start",
		    .dimension = ACTION("recording.start") },
		{ "named", ROOM "\"actions\":\"rtt.start\",", .action = "rtt.start" },
		{ "another", ROOM "\"actions\":\"rtt.start\",", .action = "rtt.stop",
		    .dimension = ACTION("rtt.stop") },
		{ "then no tokens", ROOM "\"actions\":\"rtt.start\",",
		    .dimension = ACTION("token.issue") },
		{ "an empty list is nothing", ROOM "\"actions\":[],",
		    .dimension = ACTION("token.issue") },
		{ "a family", ROOM "\"actions\":[\"token.issue\",\"push.*\"],",
		    .action = "push.stop" },
		{ "another family", ROOM "\"actions\":[\"token.issue\",\"push.*\"],",
		    .action = "pull.stop", .dimension = ACTION("pull.stop") },
		{ "all", ROOM "\"actions\":\"*\",", .action = "recording.start" },
	};

	run_cases(cases, COUNT(cases));
}

#define PROJECT DIMENSION_PROJECT, .says = "this project is not granted"

static void
bounds_projects(void)
{
	static const struct grant_case cases[] = {
		{ "the default one", ROOM },
		{ "a named one of a grant without", ROOM, .project = "second",
		    .dimension = PROJECT },
		{ "the one that it names", ROOM "\"project\":\"second\",", .project = "second" },
		{ "it, unasked", ROOM "\"project\":\"second\"," },
		{ "another than it names", ROOM "\"project\":\"second\",", .project = "third",
		    .dimension = PROJECT },
		{ "any", ROOM "\"project\":\"*\",", .project = "second" },
		{ "any, unasked", ROOM "\"project\":\"*\"," },
	};

	run_cases(cases, COUNT(cases));
}

#define SERVICE(name) DIMENSION_SERVICE, .says = "tokens for " name " are not granted"

static void
bounds_services(void)
{
	static const struct grant_case cases[] = {
		{ "one", ROOM },
		{ "another", ROOM, .services = SERVICE_RTM, .dimension = SERVICE("rtm") },
		{ "both of two", "\"channels\":\"room\",\"services\":[\"rtm\",\"rtc\"],",
		    .services = SERVICE_RTC | SERVICE_RTM },
		{ "one of two that is missing", ROOM, .services = SERVICE_RTC | SERVICE_STT,
		    .dimension = SERVICE("stt") },
		{ "rtm is not rtm2", "\"channels\":\"room\",\"services\":\"rtm\",",
		    .services = SERVICE_RTM2, .dimension = SERVICE("rtm2") },
		{ "chat is not chat-app", "\"channels\":\"room\",\"services\":\"chat\",",
		    .services = SERVICE_CHAT_APP, .dimension = SERVICE("chat-app") },
		{ "chat-app is not chat", "\"channels\":\"room\",\"services\":\"chat-app\",",
		    .services = SERVICE_CHAT, .dimension = SERVICE("chat") },
		{ "apaas is not apaas-app", "\"channels\":\"room\",\"services\":\"apaas\",",
		    .services = SERVICE_APAAS_APP, .dimension = SERVICE("apaas-app") },
	};

	run_cases(cases, COUNT(cases));
}

#define CHANNELS(list) RTC "\"channels\":[" list "],"
#define WIDE(list) CHANNELS(list) "\"wildcard\":true,"
#define CHANNEL DIMENSION_CHANNEL, .says = "this channel is not granted"
#define EMPTY                                                                                      \
	DIMENSION_CHANNEL,                                                                         \
	    .says = "this channel is not granted: an empty one wants a grant with wildcard"
#define STAR                                                                                       \
	DIMENSION_CHANNEL, .says = "this channel is not granted: a * wants a grant with wildcard"

static void
bounds_channels(void)
{
	static const struct grant_case cases[] = {
		{ "its name", CHANNELS("\"room\"") },
		{ "a longer name", CHANNELS("\"room\""), .channel = "room2", .dimension = CHANNEL },
		{ "a shorter name", CHANNELS("\"room\""), .channel = "roo", .dimension = CHANNEL },
		{ "another case", CHANNELS("\"room\""), .channel = "Room", .dimension = CHANNEL },
		{ "no name", CHANNELS("\"room\""), .channel = "", .dimension = EMPTY },
		{ "no list", RTC, .dimension = CHANNEL },
		{ "an empty list", CHANNELS(""), .dimension = CHANNEL },
		{ "the second of the list", CHANNELS("\"hall\",\"room\"") },
		{ "two, both covered", CHANNELS("\"hall\",\"room\""), .second_channel = "hall" },
		{ "two, the second not", CHANNELS("\"room\""), .second_channel = "hall",
		    .dimension = CHANNEL },
		{ "two, the first not", CHANNELS("\"hall\""), .second_channel = "hall",
		    .dimension = CHANNEL },

		{ "a start", CHANNELS("\"class-*\""), .channel = "class-7" },
		{ "the start alone", CHANNELS("\"class-*\""), .channel = "class-" },
		{ "another start", CHANNELS("\"class-*\""), .channel = "xclass-7",
		    .dimension = CHANNEL },
		{ "an end", CHANNELS("\"*-en\""), .channel = "a-b-en" },
		{ "another end", CHANNELS("\"*-en\""), .channel = "a-en-x", .dimension = CHANNEL },
		{ "in the middle", CHANNELS("\"a*c\""), .channel = "abc" },
		{ "too short for both", CHANNELS("\"ab*bc\""), .channel = "abc",
		    .dimension = CHANNEL },
		{ "twice", CHANNELS("\"*-*\""), .channel = "a-b" },
		{ "twice, and it goes back", CHANNELS("\"a*bc*d\""), .channel = "abbcbcxd" },
		{ "twice, in vain", CHANNELS("\"a*bc*d\""), .channel = "abbxd",
		    .dimension = CHANNEL },
		{ "? is a character", CHANNELS("\"roo?\""), .dimension = CHANNEL },
		{ "[] are characters", CHANNELS("\"[r]oom\""), .dimension = CHANNEL },
		{ "[] as they are", CHANNELS("\"room-[1]\""), .channel = "room-[1]" },
		{ "anything", CHANNELS("\"*\""), .channel = "x" },

		{ "* asked of *", CHANNELS("\"*\""), .channel = "*", .dimension = STAR },
		{ "* asked of the same text", CHANNELS("\"class-*\""), .channel = "class-*",
		    .dimension = STAR },
		{ "* within a name", CHANNELS("\"*\""), .channel = "a*b", .dimension = STAR },
		{ "* as the second", CHANNELS("\"*\""), .second_channel = "*", .dimension = STAR },
		{ "* with wildcard", WIDE("\"*\""), .channel = "*" },
		{ "a pattern with wildcard", WIDE("\"class-*\""), .channel = "class-7*" },
		{ "a wider one than its own", WIDE("\"class-*\""), .channel = "*",
		    .dimension = CHANNEL },
		{ "wildcard that is false", CHANNELS("\"*\"") "\"wildcard\":false,", .channel = "*",
		    .dimension = STAR },

		{ "an empty name asked of *", CHANNELS("\"*\""), .second_channel = "",
		    .dimension = EMPTY },
		{ "an empty name with wildcard", WIDE("\"*\""), .second_channel = "" },
		{ "an empty name of a narrower wildcard", WIDE("\"class-*\""), .channel = "class-1",
		    .second_channel = "", .dimension = CHANNEL },

		{ "unnamed, of some", CHANNELS("\"room\",\"*x\""), .placed = true,
		    .dimension = DIMENSION_CHANNEL,
		    .says = "must be named, since only some are granted" },
		{ "unnamed, of all", CHANNELS("\"room\",\"*\""), .placed = true },
		{ "unnamed, of none", RTC, .placed = true, .dimension = DIMENSION_CHANNEL },
	};

	run_cases(cases, COUNT(cases));
}

static void
puts_claims_into_names(void)
{
	static const struct grant_case cases[] = {
		{ "the subject", CHANNELS("\"dm-${sub}\""), .channel = "dm-ann" },
		{ "another's", CHANNELS("\"dm-${sub}\""), .channel = "dm-bob",
		    .dimension = CHANNEL },
		{ "the text itself", CHANNELS("\"dm-${sub}\""), .channel = "dm-${sub}",
		    .dimension = CHANNEL },
		{ "a claim", CHANNELS("\"${team}-x\""), .channel = "a-x",
		    .claims = "{\"team\":\"a\"}" },
		{ "a number", CHANNELS("\"${team}-x\""), .channel = "12-x",
		    .claims = "{\"team\":12}" },
		{ "in an object", CHANNELS("\"${a.b}\""), .channel = "x",
		    .claims = "{\"a\":{\"b\":\"x\"}}" },
		{ "two", CHANNELS("\"${a}-${sub}\""), .channel = "x-ann",
		    .claims = "{\"a\":\"x\"}" },
		{ "and a pattern", CHANNELS("\"${a}-*\""), .channel = "x-9",
		    .claims = "{\"a\":\"x\"}" },
		{ "$ alone", CHANNELS("\"$x{\""), .channel = "$x{" },
		{ "what is missing", CHANNELS("\"x${a}\""), .channel = "x", .claims = "{}",
		    .dimension = CHANNEL },
		{ "what is empty", CHANNELS("\"x${a}\""), .channel = "x", .claims = "{\"a\":\"\"}",
		    .dimension = CHANNEL },
		{ "a list", CHANNELS("\"${a}\""), .channel = "x", .claims = "{\"a\":[\"x\"]}",
		    .dimension = CHANNEL },
		{ "true", CHANNELS("\"${a}\""), .channel = "true", .claims = "{\"a\":true}",
		    .dimension = CHANNEL },
		{ "missing, but another covers it", CHANNELS("\"${a}\",\"room\""), .claims = "{}" },
		/* A claim is bytes: it must not become a pattern or a reference. */
		{ "* in a claim", CHANNELS("\"${a}\""), .claims = "{\"a\":\"*\"}",
		    .dimension = CHANNEL },
		{ "* in a claim, with wildcard", WIDE("\"${a}\""), .claims = "{\"a\":\"*\"}",
		    .dimension = CHANNEL },
		{ "* in a claim is a *", WIDE("\"${a}\""), .channel = "*",
		    .claims = "{\"a\":\"*\"}" },
		{ "${} in a claim", CHANNELS("\"${a}\""), .channel = "ann",
		    .claims = "{\"a\":\"${sub}\"}", .dimension = CHANNEL },
	};

	run_cases(cases, COUNT(cases));
}

#define UID(text) ANYWHERE "\"uid\":\"" text "\","
#define OWN DIMENSION_UID, .says = "another than the caller's own is not granted"
#define EVERYONE DIMENSION_UID, .says = "a token for everyone is not granted"
#define OWN_IS_ALL DIMENSION_UID, .says = "the caller's own would mean everyone"
#define LACKS DIMENSION_UID, .says = "the caller lacks the claim that the grant makes it of"
#define THIS_UID DIMENSION_UID, .says = "this uid is not granted"

static void
bounds_uids(void)
{
	static const struct grant_case cases[] = {
		{ "filled in", ANYWHERE, .says = "ann" },
		{ "his own", ANYWHERE, .uid = "ann", .says = "ann" },
		{ "another's", ANYWHERE, .uid = "bob", .dimension = OWN },
		{ "a longer one", ANYWHERE, .uid = "anna", .dimension = OWN },
		{ "everyone as 0", ANYWHERE, .uid = "0", .dimension = EVERYONE },
		{ "everyone as *", ANYWHERE, .uid = "*", .dimension = EVERYONE },
		{ "some as a pattern", ANYWHERE, .uid = "a*", .dimension = EVERYONE },
		{ "everyone as nothing", ANYWHERE, .uid = "", .dimension = EVERYONE },
		{ "no subject", ANYWHERE, .subject = "", .dimension = LACKS },
		{ "a subject 0", ANYWHERE, .subject = "0", .dimension = OWN_IS_ALL },
		{ "a subject 0, asked for", ANYWHERE, .subject = "0", .uid = "0",
		    .dimension = OWN_IS_ALL },
		{ "a subject *", ANYWHERE, .subject = "*", .dimension = OWN_IS_ALL },
		{ "a subject with a *", ANYWHERE, .subject = "a*", .dimension = OWN_IS_ALL },
		{ "a subject that is too long here", ANYWHERE, .subject = "12345678901",
		    .dimension = DIMENSION_UID, .says = "the caller's own cannot be the uid here" },
		{ "a subject that is no name here", ANYWHERE, .subject = "-a",
		    .dimension = DIMENSION_UID, .says = "the caller's own cannot be the uid here" },

		{ "of another claim", UID("${id}"), .claims = "{\"id\":7}", .says = "7" },
		{ "of a claim that is not there", UID("${id}"), .claims = "{}",
		    .dimension = LACKS },
		{ "with something before it", UID("u-${sub}"), .says = "u-ann" },
		{ "with something before it, another's", UID("u-${sub}"), .uid = "ann",
		    .dimension = OWN },
		{ "one for all", UID("7"), .says = "7" },

		{ "any", UID("any"), .uid = "bob" },
		{ "any, everyone", UID("any"), .uid = "0" },
		{ "any, a pattern", UID("any"), .uid = "*" },
		{ "any, none", UID("any") },

		{ "the one that is asked for", UID("*"), .uid = "bob" },
		{ "it, as 0", UID("*"), .uid = "0", .dimension = EVERYONE },
		{ "it, as *", UID("*"), .uid = "*", .dimension = EVERYONE },
		{ "a pattern", UID("bot-*"), .uid = "bot-1" },
		{ "a pattern, not so", UID("bot-*"), .uid = "bob", .dimension = THIS_UID },
		{ "a pattern with a claim", UID("${sub}-*"), .uid = "ann-2" },
		{ "another's", UID("${sub}-*"), .uid = "bob-2", .dimension = THIS_UID },
	};

	run_cases(cases, COUNT(cases));
}

/* The first four bytes of a SHA-256, as `printf TEXT | sha256sum` has them. */
static void
makes_numbers_of_names(void)
{
	static const struct grant_case cases[] = {
		{ "ann", UID("hash32(${sub})"), .says = "1234263565" },
		{ "another", UID("hash32(${sub})"), .subject = "bob", .says = "2176202712" },
		{ "with something before it", UID("hash32(x-${sub})"), .says = "1525982575" },
		{ "another's", UID("hash32(${sub})"), .uid = "2176202712", .dimension = OWN },
		{ "the name itself", UID("hash32(${sub})"), .uid = "ann", .dimension = OWN },
		{ "no subject", UID("hash32(${sub})"), .subject = "", .dimension = LACKS },
	};

	run_cases(cases, COUNT(cases));
}

static void
bounds_roles(void)
{
	static const char reason[] = "the right to publish is not granted";
	static const struct grant_case cases[] = {
		{ "a publisher without a role", ROOM, .publisher = true,
		    .dimension = DIMENSION_ROLE, .says = reason },
		{ "a publisher of a subscriber", ROOM "\"role\":\"subscriber\",", .publisher = true,
		    .dimension = DIMENSION_ROLE, .says = reason },
		{ "a publisher of a publisher", ROOM "\"role\":\"publisher\",", .publisher = true },
		{ "a subscriber of a publisher", ROOM "\"role\":\"publisher\"," },
		{ "a subscriber of a subscriber", ROOM "\"role\":\"subscriber\"," },
	};

	run_cases(cases, COUNT(cases));
}

static void
takes_the_first_grant_that_covers_all(void)
{
	static const struct grant_case cases[] = {
		{ "the first of two", ROOM "\"uid\":\"1\",}{" ROOM "\"uid\":\"2\",", .says = "1" },
		{ "the second", CHANNELS("\"hall\"") "}{" ROOM, .grant = "g1" },
		{ "another's first", ROOM "\"from\":\"other\",}{" ROOM, .grant = "g1" },
		{ "one whose claims do not hold", WHEN("\"g\":\"a\"") "}{" ROOM,
		    .claims = "{\"g\":\"b\"}", .grant = "g1" },
		/* No union: the service of one and the channel of another are nothing. */
		{ "a channel here, a right there",
		    ROOM "}{" CHANNELS("\"hall\"") "\"role\":\"publisher\",", .publisher = true,
		    .dimension = DIMENSION_ROLE, .says = "the right to publish is not granted" },
		{ "a service here, a channel there",
		    "\"services\":\"rtm\",\"channels\":\"room\",}{" CHANNELS("\"hall\""),
		    .dimension = CHANNEL, .grant = "g1" },
		{ "two services of two grants",
		    ROOM "}{\"services\":\"rtm\",\"channels\":\"room\",",
		    .services = SERVICE_RTC | SERVICE_RTM, .dimension = SERVICE("rtm") },
		{ "two channels of two grants", ROOM "}{" CHANNELS("\"hall\""),
		    .second_channel = "hall", .dimension = CHANNEL },
		{ "the one that came closest", CHANNELS("\"hall\"") "}{" ROOM "}{" RTC,
		    .publisher = true, .dimension = DIMENSION_ROLE, .grant = "g1" },
	};

	run_cases(cases, COUNT(cases));
}

/* The verdict's project, which the token is then signed for. */
static void
chooses_the_project(void)
{
	static const struct {
		const char *grant, *asked, *chosen;
	} cases[] = {
		{ ROOM, NULL, NULL },
		{ ROOM "\"project\":\"second\",", NULL, "second" },
		{ ROOM "\"project\":\"second\",", "second", "second" },
		{ ROOM "\"project\":\"*\",", NULL, NULL },
		{ ROOM "\"project\":\"*\",", "second", "second" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct policy *policy = policy_with(cases[i].grant);
		struct identity identity = { .caller = policy_caller(policy, TEXT("web")) };
		struct ask ask = { .action = TOKEN_ISSUE, .project = text_of(cases[i].asked) };
		struct arena arena = { 0 };
		struct verdict v;

		grant_evaluate(policy, &identity, &ask, &arena, &v);
		CHECK(v.allowed, cases[i].grant);
		CHECK(cases[i].chosen == NULL ? v.project.data == NULL
					      : same_text(v.project, cases[i].chosen),
		    cases[i].grant);
		arena_free(&arena);
		policy_close(policy);
	}
}

/* A user who may be left out, or whose place is nobody's to fill: Chat's tokens. */
static void
knows_who_may_be_nobody(void)
{
	static const struct {
		const char *rule, *grant;
		unsigned named, unnamed;
		bool to_fill, required;
		const char *uid;
		enum dimension dimension;
		const char *filled; /* the uid in the end */
	} cases[] = {
		{ "the app's", "\"services\":\"chat-app\",\"uid\":\"*\",", SERVICE_CHAT,
		    SERVICE_CHAT_APP, true, false, NULL, DIMENSION_NONE, NULL },
		{ "the app's, not granted", "\"services\":\"chat\",\"uid\":\"*\",", SERVICE_CHAT,
		    SERVICE_CHAT_APP, true, false, NULL, DIMENSION_SERVICE, NULL },
		{ "a user's", "\"services\":\"chat\",\"uid\":\"*\",", SERVICE_CHAT,
		    SERVICE_CHAT_APP, true, false, "bob", DIMENSION_NONE, "bob" },
		{ "his own, filled in", "\"services\":\"chat\",", SERVICE_CHAT, SERVICE_CHAT_APP,
		    true, false, NULL, DIMENSION_NONE, "ann" },
		{ "not to be filled in", "\"services\":\"chat\",", SERVICE_CHAT, SERVICE_CHAT_APP,
		    false, false, NULL, DIMENSION_SERVICE, NULL },
		{ "not to be filled in, the app's", "\"services\":\"chat-app\",", SERVICE_CHAT,
		    SERVICE_CHAT_APP, false, false, NULL, DIMENSION_NONE, NULL },
		{ "everyone, who needs no name", RTC "\"uid\":\"*\",", 0, 0, true, false, NULL,
		    DIMENSION_UID, NULL },
		{ "everyone, who may be meant", RTC "\"uid\":\"any\",", 0, 0, true, false, NULL,
		    DIMENSION_NONE, NULL },
		{ "who must be named, later", RTC "\"uid\":\"*\",", 0, 0, true, true, NULL,
		    DIMENSION_NONE, NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct policy *policy = policy_with(cases[i].grant);
		struct identity identity = { .caller = policy_caller(policy, TEXT("web")),
			.subject = TEXT("ann") };
		struct text uid = text_of(cases[i].uid), chosen = { NULL, 0 };
		struct ask ask = { .action = TOKEN_ISSUE,
			.users = { { "uid", &uid, cases[i].to_fill, cases[i].named,
			    cases[i].unnamed, cases[i].required, 64, is_plain_name } },
			.user_count = 1,
			.chosen = &chosen };
		struct arena arena = { 0 };
		struct verdict v;

		grant_evaluate(policy, &identity, &ask, &arena, &v);
		CHECK(v.dimension == cases[i].dimension, cases[i].rule);
		if (v.allowed)
			grant_apply(&v, &ask, &arena);
		CHECK(cases[i].filled == NULL ? uid.data == NULL : same_text(uid, cases[i].filled),
		    cases[i].rule);
		CHECK((chosen.data != NULL) == (cases[i].uid == NULL && cases[i].filled != NULL),
		    cases[i].rule);
		arena_free(&arena);
		policy_close(policy);
	}
}

/* Each user has to be covered. */
static void
looks_at_all_users(void)
{
	struct policy *policy = policy_with(RTC);
	struct identity identity = { .caller = policy_caller(policy, TEXT("web")),
		.subject = TEXT("ann") };
	struct text first = TEXT("ann"), second = TEXT("bob");
	struct ask ask = { .action = TOKEN_ISSUE,
		.users = { { .field = "uid", .value = &first, .check = is_plain_name },
		    { .field = "rtmUid", .value = &second, .check = is_plain_name } },
		.user_count = 2 };
	struct arena arena = { 0 };
	struct verdict v;

	grant_evaluate(policy, &identity, &ask, &arena, &v);
	CHECK(v.dimension == DIMENSION_UID, "the second is another");
	second = TEXT("ann");
	grant_evaluate(policy, &identity, &ask, &arena, &v);
	CHECK(v.allowed, "both are his own");
	arena_free(&arena);
	policy_close(policy);
}

/* Beside one that is filled in, another stays nobody. */
static void
fills_in_only_where_it_may(void)
{
	struct policy *policy = policy_with("\"services\":[\"rtc\",\"chat-app\"],");
	struct identity identity = { .caller = policy_caller(policy, TEXT("web")),
		.subject = TEXT("ann") };
	struct text first = { NULL, 0 }, second = { NULL, 0 };
	struct ask ask = { .action = TOKEN_ISSUE,
		.users = { { .field = "uid",
			       .value = &first,
			       .to_fill = true,
			       .max = 64,
			       .check = is_plain_name },
		    { .field = "chatid", .value = &second, .unnamed = SERVICE_CHAT_APP } },
		.user_count = 2 };
	struct arena arena = { 0 };
	struct verdict v;

	grant_evaluate(policy, &identity, &ask, &arena, &v);
	CHECK(v.allowed, "both");
	if (v.allowed)
		grant_apply(&v, &ask, &arena);
	CHECK(same_text(first, "ann"), "the first");
	CHECK(second.data == NULL, "the second");
	arena_free(&arena);
	policy_close(policy);
}

static void
narrows_lifetimes(void)
{
	static const struct {
		int64_t asked, otherwise, given;
	} cases[] = {
		{ 60, 3600, 60 },
		{ 1799, 3600, 1799 },
		{ 1800, 3600, 1800 },
		{ 1801, 3600, 1800 },
		{ INT64_MAX, 3600, 1800 },
		{ 0, 3600, 1800 },
		{ 0, 600, 0 },
		{ 0, 0, 0 },
		{ -1, 3600, -1 },
	};
	struct policy *policy = policy_with(RTC "\"ttl\":\"30m\",");
	const struct verdict verdict = { .allowed = true, .grant = policy->grants.items };
	struct arena arena = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t n = 0; n < COUNT(cases); n++) {
			int64_t a = cases[i].asked, b = cases[n].asked;
			struct list narrowed = { NULL, 0 };
			struct ask ask = { .lifetimes = { { "expire", &a, cases[i].otherwise },
					       { "privileges.join", &b, cases[n].otherwise } },
				.lifetime_count = 2,
				.narrowed = &narrowed };
			const struct text *names;
			bool first = a != cases[i].given, second = b != cases[n].given;

			grant_apply(&verdict, &ask, &arena);
			CHECK(a == cases[i].given && b == cases[n].given, "seconds");
			names = narrowed.items;
			CHECK(narrowed.count == (size_t)first + (size_t)second, "how many");
			CHECK(!first || same_text(names[0], "expire"), "the first");
			CHECK(!second || same_text(names[narrowed.count - 1], "privileges.join"),
			    "the second");
		}
	arena_free(&arena);
	policy_close(policy);
}

static void
names_dimensions(void)
{
	static const char *const names[] = { "caller", "action", "project", "service", "channel",
		"uid", "role", "none" };

	for (size_t i = 0; i < COUNT(names); i++)
		CHECK(strcmp(dimension_name((enum dimension)i), names[i]) == 0, names[i]);
}

CU_TestInfo access_grant_tests[] = {
	{ "finds the caller's grants", finds_the_callers_grants },
	{ "looks at claims", looks_at_claims },
	{ "bounds actions", bounds_actions },
	{ "bounds projects", bounds_projects },
	{ "bounds services", bounds_services },
	{ "bounds channels", bounds_channels },
	{ "puts claims into names", puts_claims_into_names },
	{ "bounds uids", bounds_uids },
	{ "makes numbers of names", makes_numbers_of_names },
	{ "bounds roles", bounds_roles },
	{ "takes the first grant that covers all", takes_the_first_grant_that_covers_all },
	{ "chooses the project", chooses_the_project },
	{ "knows who may be nobody", knows_who_may_be_nobody },
	{ "looks at all users", looks_at_all_users },
	{ "fills in only where it may", fills_in_only_where_it_may },
	{ "narrows lifetimes", narrows_lifetimes },
	{ "names dimensions", names_dimensions },
	CU_TEST_INFO_NULL,
};
