#include <sodium.h>

#include "caller.h"
#include "policies.h"

#define NOW 1700000000
#define SCHOOLS "the school's HS256 secret, 32 bytes"
#define CLUBS "the club's HS256 secret of 32 bytes"
#define SCHOOL_FD 100
#define CLUB_FD 101

/* SHA-256 of ak_app_first, ak_app_second and ak_app.two_x_y */
#define FIRST "283d9821029302f7803bec8037511b95202e91c8c734a175edad36c1f861158e"
#define SECOND "4e673f4c3efcfc93e404eef8184c7a660868e8e20071427893b3d4a13489e44b"
#define TWO "ae80abd3273df388474719b368d8b1f825cdcd76994a2aad69f5e18f944d4ab6"

#define APP                                                                                        \
	"\"app\":{\"type\":\"apikey\",\"sha256\":[\"" FIRST "\",\"" SECOND "\"]},"                 \
	"\"app.two\":{\"type\":\"apikey\",\"sha256\":\"" TWO "\"}"
#define JWT(name, keys)                                                                            \
	"\"" name "\":{\"type\":\"jwt\",\"keys\":\"" keys                                          \
	"\",\"algorithms\":[\"HS256\",\"ES256\"],"                                                 \
	"\"issuer\":\"" name "\",\"audience\":\"tokens\",\"leeway\":0}"
#define SCHOOL JWT("school", "file:100")
#define CLUB JWT("club", "file:101")
#define REMOTE JWT("remote", "https://id.example/keys")
#define WEB                                                                                        \
	"\"web\":{\"type\":\"frontend\",\"claims\":{\"groups\":\"AUTH_GROUPS\",\"mail\":\"MAIL\"}" \
	",\"lists\":\"groups\"}"
#define PLAIN "\"plain\":{\"type\":\"frontend\",\"claims\":{\"groups\":\"AUTH_GROUPS\"}}"
#define CN(more)                                                                                   \
	"\"cert\":{\"type\":\"mtls\",\"claims\":{\"cn\":\"SSL_CLIENT_S_DN_CN\",\"ou\":"            \
	"\"OU\"}" more "}"
#define OWN "\"own\":{\"type\":\"frontend\",\"parameter\":\"AUTH_USER\"}"
#define CERT "\"cert\":{\"type\":\"mtls\",\"claims\":{\"serial\":\"SSL_CLIENT_SERIAL\"}}"
#define ALL "\"all\":{\"type\":\"anonymous\"}"

#define NOTHING_CAME "no credentials came that this server takes"
#define NO_KEY "the API key is not known here"
#define ITS_OWN                                                                                    \
	"a page of an origin that CORS_ALLOW_ORIGIN does not name must show credentials of its "   \
	"own"
#define TWO_THINGS "the web server says two things of who asks"
#define NO_TOKEN "the token is not a signed JSON Web Token"

#define PARAMS 5

struct identify_case {
	const char *rule, *callers, *params[PARAMS];
	/* Of a token in Authorization: its claims, and whose secret signs it. */
	const char *payload, *secret;
	const char *caller;           /* who it is; NULL: nobody */
	const char *subject, *claims; /* NULL: none */
	const char *kind, *text;      /* of the reason, where it is nobody */
	bool from_any_page;
};

static struct policy *
policy_with(const char *callers)
{
	struct buf text = { 0 };
	struct policy *policy;

	buf_printf(&text, "{\"callers\":{%s},\"grants\":[]}", callers);
	buf_add(&text, "", 1);
	policy = policy_of(text.data);
	buf_free(&text);
	return policy;
}

static void
put_base64(struct buf *out, const void *bytes, size_t length)
{
	const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	size_t room = sodium_base64_encoded_len(length, variant);

	sodium_bin2base64(buf_reserve(out, room), room, bytes, length, variant);
	out->length += room - 1;
}

static void
sign(const char *header, const char *payload, const char *secret, struct buf *token)
{
	crypto_auth_hmacsha256_state state;
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	size_t start = token->length;

	put_base64(token, header, strlen(header));
	buf_text(token, ".");
	put_base64(token, payload, strlen(payload));
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
	crypto_auth_hmacsha256_update(
	    &state, (const unsigned char *)token->data + start, token->length - start);
	crypto_auth_hmacsha256_final(&state, mac);
	buf_text(token, ".");
	put_base64(token, mac, sizeof(mac));
}

/* The request of these parameters; they live in the arena. */
static struct request
request_of(const struct identify_case *c, struct arena *arena)
{
	char **params = arena_alloc(arena, PARAMS + 2, sizeof(*params));
	struct buf token = { 0 };
	size_t n = 0;

	for (; n < PARAMS && c->params[n] != NULL; n++)
		params[n] = (char *)(uintptr_t)arena_copy(arena, text_of(c->params[n])).data;
	if (c->payload != NULL) {
		buf_text(&token, "HTTP_AUTHORIZATION=Bearer ");
		sign("{\"alg\":\"HS256\"}", c->payload, c->secret, &token);
		params[n] = (char *)(uintptr_t)arena_copy(arena, buf_view(&token)).data;
		buf_free(&token);
	}
	return (struct request){ .params = params, .from_any_page = c->from_any_page };
}

static bool
same_claims(struct json_object *claims, const char *expected)
{
	if (expected == NULL)
		return claims == NULL || json_object_object_length(claims) == 0;
	return same_text(text_of(json_object_to_json_string_ext(
			     claims, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)),
	    expected);
}

static void
run_case(const struct identify_case *c)
{
	struct policy *policy = policy_with(c->callers);
	struct arena arena = { 0 };
	struct request request = request_of(c, &arena);
	struct identity identity;
	struct caller_reason reason;
	enum caller_answer answer =
	    caller_identify(policy, NULL, &request, NOW, &identity, &reason);

	CHECK(answer == (c->caller == NULL ? CALLER_UNKNOWN : CALLER_KNOWN), c->rule);
	CHECK((identity.caller == NULL) == (c->caller == NULL), c->rule);
	if (c->caller != NULL && identity.caller != NULL) {
		CHECK(same_text(identity.caller->name, c->caller), c->rule);
		CHECK(c->subject == NULL ? identity.subject.data == NULL
					 : same_text(identity.subject, c->subject),
		    c->rule);
		CHECK(same_claims(identity.claims, c->claims), c->rule);
	} else {
		CHECK(strcmp(reason.kind, c->kind) == 0, c->rule);
		CHECK(same_text(text_of(reason.text), c->text), c->rule);
		CHECK(reason.had_credentials == (strcmp(c->kind, "none") != 0), c->rule);
	}
	CHECK(reason.wanted == NULL, c->rule);
	json_object_put(identity.claims);
	arena_free(&arena);
	policy_close(policy);
}

static void
run_cases(const struct identify_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		run_case(&cases[i]);
}

#define BEARER "HTTP_AUTHORIZATION=Bearer "
#define IN_HEADER "HTTP_X_API_KEY="
#define UNKNOWN_KEY .kind = "apikey", .text = NO_KEY
#define NO_CREDENTIALS .kind = "none", .text = NOTHING_CAME

static void
knows_api_keys(void)
{
	static const struct identify_case cases[] = {
		{ "as a bearer", APP, { BEARER "ak_app_first" }, .caller = "app" },
		{ "in its own header", APP, { IN_HEADER "ak_app_first" }, .caller = "app" },
		{ "the other of two", APP, { BEARER "ak_app_second" }, .caller = "app" },
		{ "a name with a dot, a secret with a _", APP, { BEARER "ak_app.two_x_y" },
		    .caller = "app.two" },
		{ "bearer in lower case", APP, { "HTTP_AUTHORIZATION=bearer ak_app_first" },
		    .caller = "app" },
		{ "blanks around", APP, { BEARER "  ak_app_first " }, .caller = "app" },
		{ "blanks around, in its own header", APP, { IN_HEADER " ak_app_first  " },
		    .caller = "app" },
		{ "beside another scheme", APP,
		    { "HTTP_AUTHORIZATION=Basic YTpi", IN_HEADER "ak_app_first" },
		    .caller = "app" },
		{ "of two the bearer counts", APP, { BEARER "ak_app_x", IN_HEADER "ak_app_first" },
		    UNKNOWN_KEY },

		{ "none", APP, { "REMOTE_ADDR=192.0.2.1" }, NO_CREDENTIALS },
		{ "empty headers", APP, { "HTTP_AUTHORIZATION=", IN_HEADER }, NO_CREDENTIALS },
		{ "blanks alone", APP, { IN_HEADER "  " }, NO_CREDENTIALS },
		{ "another scheme", APP, { "HTTP_AUTHORIZATION=Basic YTpi" }, NO_CREDENTIALS },
		{ "no scheme", APP, { "HTTP_AUTHORIZATION=ak_app_first" }, NO_CREDENTIALS },
		{ "another secret", APP, { BEARER "ak_app_third" }, UNKNOWN_KEY },
		{ "the start of it", APP, { BEARER "ak_app_firs" }, UNKNOWN_KEY },
		{ "more than it", APP, { BEARER "ak_app_first_" }, UNKNOWN_KEY },
		{ "another's secret", APP, { BEARER "ak_app.two_first" }, UNKNOWN_KEY },
		{ "another case", APP, { BEARER "ak_App_first" }, UNKNOWN_KEY },
		{ "an unknown caller", APP, { BEARER "ak_nobody_first" }, UNKNOWN_KEY },
		{ "no secret", APP, { BEARER "ak_app_" }, UNKNOWN_KEY },
		{ "no end of the name", APP, { BEARER "ak_app" }, UNKNOWN_KEY },
		{ "no name", APP, { IN_HEADER "ak__first" }, UNKNOWN_KEY },
		{ "no key", APP, { IN_HEADER "x" }, UNKNOWN_KEY },
		{ "its hash", APP, { IN_HEADER FIRST }, UNKNOWN_KEY },
		{ "a caller of another type", APP "," WEB, { BEARER "ak_web_first" }, UNKNOWN_KEY },
		{ "a wrong one, where the web server vouches", APP "," WEB,
		    { BEARER "ak_app_x", "REMOTE_USER=ann" }, UNKNOWN_KEY },
		{ "a wrong one, where anyone may come", APP "," ALL, { BEARER "ak_app_x" },
		    UNKNOWN_KEY },
		{ "where there are no such callers", ALL, { BEARER "ak_app_first" },
		    .caller = "all" },
		{ "beside a bearer that is a gateway's", APP,
		    { BEARER "x", IN_HEADER "ak_app_first" }, .caller = "app" },
		{ "the same where anyone may come", APP "," ALL,
		    { BEARER "x", IN_HEADER "ak_app_first" }, .caller = "app" },
		{ "a wrong one beside it, where anyone may come", APP "," ALL,
		    { BEARER "x", IN_HEADER "ak_app_x" }, UNKNOWN_KEY },
		{ "a bearer that is nobody's", APP, { BEARER "x" }, NO_CREDENTIALS },
	};

	run_cases(cases, COUNT(cases));
}

#define PAYLOAD(issuer, more)                                                                      \
	"{\"iss\":\"" issuer "\",\"aud\":\"tokens\",\"exp\":1700000060" more "}"
#define SAYS(words) .kind = "jwt", .text = words

static void
put_secret(int to, const char *secret)
{
	char path[POLICY_PATH];
	int fd = file_of(text_of(secret), path);

	if (dup2(fd, to) < 0)
		abort();
	close(fd);
}

static void
knows_tokens(void)
{
	static const struct identify_case cases[] = {
		{ "a user", SCHOOL, .payload = PAYLOAD("school", ",\"sub\":\"ann\""),
		    .secret = SCHOOLS, .caller = "school", .subject = "ann",
		    .claims = PAYLOAD("school", ",\"sub\":\"ann\"") },
		{ "nobody in particular", SCHOOL, .payload = PAYLOAD("school", ""),
		    .secret = SCHOOLS, .caller = "school", .claims = PAYLOAD("school", "") },
		{ "of the second caller", SCHOOL "," CLUB, .payload = PAYLOAD("club", ""),
		    .secret = CLUBS, .caller = "club", .claims = PAYLOAD("club", "") },
		{ "beside an API key", APP "," SCHOOL, { IN_HEADER "ak_app_first" },
		    .payload = PAYLOAD("school", ""), .secret = SCHOOLS, .caller = "school",
		    .claims = PAYLOAD("school", "") },

		{ "one caller's key, another's issuer", SCHOOL "," CLUB,
		    .payload = PAYLOAD("club", ""), .secret = SCHOOLS,
		    SAYS("the token is from another issuer") },
		{ "another's key", SCHOOL, .payload = PAYLOAD("school", ""), .secret = CLUBS,
		    SAYS("the token's signature is wrong") },
		{ "another audience", SCHOOL,
		    .payload = "{\"iss\":\"school\",\"aud\":\"x\",\"exp\":1700000060}",
		    .secret = SCHOOLS, SAYS("the token is for another audience") },
		{ "expired, by the caller's leeway", SCHOOL,
		    .payload = "{\"iss\":\"school\",\"aud\":\"tokens\",\"exp\":1699999999}",
		    .secret = SCHOOLS, SAYS("the token has expired") },
		{ "a subject that is none", SCHOOL, .payload = PAYLOAD("school", ",\"sub\":7"),
		    .secret = SCHOOLS, SAYS("the token has a registered claim of the wrong kind") },
		{ "no token", SCHOOL, { BEARER "x" }, SAYS(NO_TOKEN) },
		{ "blanks alone", SCHOOL, { BEARER "  " }, SAYS(NO_TOKEN) },
		{ "an API key where there are none", SCHOOL, { BEARER "ak_app_first" },
		    NO_CREDENTIALS },
		{ "a wrong one, where the web server vouches", SCHOOL "," WEB,
		    { BEARER "x", "REMOTE_USER=ann" }, SAYS(NO_TOKEN) },
		{ "a wrong one, where anyone may come", SCHOOL "," ALL, { BEARER "x" },
		    SAYS(NO_TOKEN) },
		{ "where there are no such callers", WEB, { BEARER "x", "REMOTE_USER=ann" },
		    .caller = "web", .subject = "ann" },
	};

	put_secret(SCHOOL_FD, SCHOOLS);
	put_secret(CLUB_FD, CLUBS);
	run_cases(cases, COUNT(cases));
	close(SCHOOL_FD);
	close(CLUB_FD);
}

static void
believes_the_web_server(void)
{
	static const struct identify_case cases[] = {
		{ "a user", WEB, { "REMOTE_USER=ann" }, .caller = "web", .subject = "ann" },
		{ "no user", WEB, { "REMOTE_ADDR=192.0.2.1" }, NO_CREDENTIALS },
		{ "asked by any page", WEB, { "REMOTE_USER=ann" }, .kind = "none", .text = ITS_OWN,
		    .from_any_page = true },
		{ "asked by any page, as anyone", WEB "," ALL, { "REMOTE_USER=ann" },
		    .caller = "all", .from_any_page = true },
		{ "an empty user", WEB, { "REMOTE_USER=" }, NO_CREDENTIALS },
		{ "a client's header", WEB, { "HTTP_REMOTE_USER=ann" }, NO_CREDENTIALS },
		{ "another parameter", OWN, { "REMOTE_USER=ann" }, NO_CREDENTIALS },
		{ "its own parameter", OWN, { "REMOTE_USER=ann", "AUTH_USER=bob" }, .caller = "own",
		    .subject = "bob" },
		{ "the first that has a user", OWN "," WEB, { "REMOTE_USER=ann" }, .caller = "web",
		    .subject = "ann" },
		{ "the first of both", OWN "," WEB, { "REMOTE_USER=ann", "AUTH_USER=bob" },
		    .caller = "own", .subject = "bob" },
		{ "basic authentication", WEB,
		    { "HTTP_AUTHORIZATION=Basic YW5uOng=", "REMOTE_USER=ann" }, .caller = "web",
		    .subject = "ann" },
		{ "claims", WEB, { "REMOTE_USER=ann", "AUTH_GROUPS=staff", "MAIL=a@b.example" },
		    .caller = "web", .subject = "ann",
		    .claims = "{\"groups\":[\"staff\"],\"mail\":\"a@b.example\"}" },
		{ "a list", WEB, { "REMOTE_USER=ann", "AUTH_GROUPS=staff, mods" }, .caller = "web",
		    .subject = "ann", .claims = "{\"groups\":[\"staff\",\"mods\"]}" },
		{ "a list of one", WEB, { "REMOTE_USER=ann", "AUTH_GROUPS=staff," },
		    .caller = "web", .subject = "ann", .claims = "{\"groups\":[\"staff\"]}" },
		{ "a list of nothing", WEB, { "REMOTE_USER=ann", "AUTH_GROUPS= ,," },
		    .caller = "web", .subject = "ann", .claims = "{\"groups\":[]}" },
		{ "empty names in a list", WEB, { "REMOTE_USER=ann", "AUTH_GROUPS=,a,,b" },
		    .caller = "web", .subject = "ann", .claims = "{\"groups\":[\"a\",\"b\"]}" },
		{ "commas in what is no list", WEB, { "REMOTE_USER=a,b", "MAIL=a,staff" },
		    .caller = "web", .subject = "a,b", .claims = "{\"mail\":\"a,staff\"}" },
		{ "no list unless the policy says so", PLAIN,
		    { "REMOTE_USER=ann", "AUTH_GROUPS=staff,mods" }, .caller = "plain",
		    .subject = "ann", .claims = "{\"groups\":\"staff,mods\"}" },
		{ "an empty claim", WEB, { "REMOTE_USER=ann", "AUTH_GROUPS=" }, .caller = "web",
		    .subject = "ann" },
		{ "said twice", WEB, { "REMOTE_USER=ann", "REMOTE_USER=ann" }, .caller = "web",
		    .subject = "ann" },
		{ "two users", WEB, { "REMOTE_USER=boss", "REMOTE_USER=ann" }, .kind = "none",
		    .text = TWO_THINGS },
		{ "a client's word before nobody", WEB, { "REMOTE_USER=boss", "REMOTE_USER=" },
		    .kind = "none", .text = TWO_THINGS },
		{ "nobody before a client's word", WEB, { "REMOTE_USER=", "REMOTE_USER=boss" },
		    .kind = "none", .text = TWO_THINGS },
		{ "two users, where anyone may come", WEB "," ALL,
		    { "REMOTE_USER=boss", "REMOTE_USER=ann" }, .kind = "none", .text = TWO_THINGS },
		{ "two users of another parameter", OWN,
		    { "REMOTE_USER=boss", "REMOTE_USER=ann", "AUTH_USER=bob" }, .caller = "own",
		    .subject = "bob" },
		{ "two of a claim", WEB, { "REMOTE_USER=ann", "AUTH_GROUPS=staff", "AUTH_GROUPS=" },
		    .kind = "none", .text = TWO_THINGS },
		{ "a claim of a client's", WEB, { "REMOTE_USER=ann", "HTTP_AUTH_GROUPS=staff" },
		    .caller = "web", .subject = "ann" },
	};

	run_cases(cases, COUNT(cases));
}

/* A claim that is too long is there, and empty. */
static void
bounds_claims(void)
{
	for (size_t length = 4096; length <= 4097; length++) {
		struct buf group = { 0 }, claims = { 0 };
		struct identify_case c = { "long", PLAIN, { "REMOTE_USER=ann" }, .caller = "plain",
			.subject = "ann" };

		buf_text(&group, "AUTH_GROUPS=");
		for (size_t i = 0; i < length; i++)
			buf_text(&group, "g");
		buf_add(&group, "", 1);
		buf_printf(&claims, "{\"groups\":\"%s\"}",
		    length == 4096 ? group.data + strlen("AUTH_GROUPS=") : "");
		buf_add(&claims, "", 1);
		c.params[1] = group.data;
		c.claims = claims.data;
		run_case(&c);
		buf_free(&group);
		buf_free(&claims);
	}
}

#define DN "SSL_CLIENT_S_DN=CN=ann,O=school"

static void
believes_certificates_that_were_verified(void)
{
	static const struct identify_case cases[] = {
		{ "verified", CERT, { "SSL_CLIENT_VERIFY=SUCCESS", DN }, .caller = "cert",
		    .subject = "CN=ann,O=school" },
		{ "with a claim", CERT, { "SSL_CLIENT_VERIFY=SUCCESS", DN, "SSL_CLIENT_SERIAL=0A" },
		    .caller = "cert", .subject = "CN=ann,O=school",
		    .claims = "{\"serial\":\"0A\"}" },
		{ "a name with a comma", CN(""),
		    { "SSL_CLIENT_VERIFY=SUCCESS", DN, "SSL_CLIENT_S_DN_CN=guest,admin", "OU=a,b" },
		    .caller = "cert", .subject = "CN=ann,O=school",
		    .claims = "{\"cn\":\"guest,admin\",\"ou\":\"a,b\"}" },
		{ "another claim is the list", CN(",\"lists\":[\"ou\"]"),
		    { "SSL_CLIENT_VERIFY=SUCCESS", DN, "SSL_CLIENT_S_DN_CN=guest,admin", "OU=a,b" },
		    .caller = "cert", .subject = "CN=ann,O=school",
		    .claims = "{\"cn\":\"guest,admin\",\"ou\":[\"a\",\"b\"]}" },
		{ "without one", CERT, { "SSL_CLIENT_VERIFY=NONE", DN }, NO_CREDENTIALS },
		{ "another authority's", CERT, { "SSL_CLIENT_VERIFY=FAILED:no issuer", DN },
		    NO_CREDENTIALS },
		{ "in another case", CERT, { "SSL_CLIENT_VERIFY=success", DN }, NO_CREDENTIALS },
		{ "nothing is said", CERT, { DN }, NO_CREDENTIALS },
		{ "a client says it", CERT, { "HTTP_SSL_CLIENT_VERIFY=SUCCESS", DN },
		    NO_CREDENTIALS },
		{ "asked by any page", CERT, { "SSL_CLIENT_VERIFY=SUCCESS", DN }, .kind = "none",
		    .text = ITS_OWN, .from_any_page = true },
		{ "verified and not", CERT,
		    { "SSL_CLIENT_VERIFY=SUCCESS", "SSL_CLIENT_VERIFY=NONE", DN }, .kind = "none",
		    .text = TWO_THINGS },
		{ "no subject", CERT, { "SSL_CLIENT_VERIFY=SUCCESS", "REMOTE_USER=ann" },
		    NO_CREDENTIALS },
		{ "not verified, but the web server asked otherwise", CERT "," WEB,
		    { "SSL_CLIENT_VERIFY=NONE", DN, "REMOTE_USER=ann" }, .caller = "web",
		    .subject = "ann" },
		{ "a frontend needs none", WEB, { "SSL_CLIENT_VERIFY=NONE", "REMOTE_USER=ann" },
		    .caller = "web", .subject = "ann" },
	};

	run_cases(cases, COUNT(cases));
}

static void
lets_anyone_in_last(void)
{
	static const struct identify_case cases[] = {
		{ "anyone", ALL, { "REMOTE_ADDR=192.0.2.1" }, .caller = "all" },
		{ "anyone has no subject", ALL, { "REMOTE_USER=ann" }, .caller = "all" },
		{ "one that is known otherwise", ALL "," WEB, { "REMOTE_USER=ann" },
		    .caller = "web", .subject = "ann" },
		{ "one that is not", ALL "," WEB "," CERT, { "SSL_CLIENT_VERIFY=NONE" },
		    .caller = "all" },
		{ "one with a key", ALL "," APP, { BEARER "ak_app_first" }, .caller = "app" },
		{ "one without", ALL "," APP, { "REMOTE_ADDR=192.0.2.1" }, .caller = "all" },
	};

	run_cases(cases, COUNT(cases));
}

/* Nothing is fetched here: that is for whoever asks. */
static void
must_not_send(void *owner, struct call *call)
{
	(void)owner;
	(void)call;
	CU_FAIL("something was sent");
}

/* What could be a token of a caller whose keys are not here is worth fetching them. */
static void
wants_keys_for_what_could_be_a_token(void)
{
	static const char es256[] = "{\"alg\":\"ES256\",\"kid\":\"a\"}";
	static const struct {
		const char *rule, *callers, *header, *token; /* header NULL: the token as it is */
		enum caller_answer can, cannot;              /* where they can be fetched or not */
		const char *payload, *secret;                /* NULL: remote's, the club's */
	} cases[] = {
		{ "a token", REMOTE, es256, NULL, CALLER_KEYS_WANTED, CALLER_KEYS_MISSING },
		{ "an algorithm that it has not", REMOTE, "{\"alg\":\"RS256\"}", NULL,
		    CALLER_UNKNOWN, CALLER_UNKNOWN },
		{ "no token", REMOTE, NULL, "a.b.c", CALLER_UNKNOWN, CALLER_UNKNOWN },
		{ "another caller's key does not fit", SCHOOL "," REMOTE, "{\"alg\":\"HS256\"}",
		    NULL, CALLER_KEYS_WANTED, CALLER_KEYS_MISSING },
		{ "another caller's token, and it has expired", SCHOOL "," REMOTE,
		    "{\"alg\":\"HS256\"}", NULL, CALLER_KEYS_WANTED, CALLER_UNKNOWN,
		    "{\"iss\":\"school\",\"aud\":\"tokens\",\"exp\":1699999999}", SCHOOLS },
		{ "nothing is remote", SCHOOL, es256, NULL, CALLER_UNKNOWN, CALLER_UNKNOWN },
	};
	const struct sender senders[] = { { .send = must_not_send }, { .send = NULL } };

	put_secret(SCHOOL_FD, SCHOOLS);
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t n = 0; n < COUNT(senders); n++) {
			struct policy *policy = policy_with(cases[i].callers);
			struct remote_key_list *list =
			    remote_keys_open(policy, &senders[n], (struct text){ NULL, 0 });
			struct buf header = { 0 };
			struct identity identity;
			struct caller_reason reason;
			char *params[2] = { NULL, NULL };
			struct request request = { .params = params };
			enum caller_answer wanted = n == 0 ? cases[i].can : cases[i].cannot;

			buf_text(&header, BEARER);
			if (cases[i].header == NULL)
				buf_text(&header, cases[i].token);
			else
				sign(cases[i].header,
				    cases[i].payload == NULL ? PAYLOAD("remote", "")
							     : cases[i].payload,
				    cases[i].secret == NULL ? CLUBS : cases[i].secret, &header);
			buf_add(&header, "", 1);
			params[0] = header.data;
			CHECK(caller_identify(policy, list, &request, NOW, &identity, &reason) ==
				wanted,
			    cases[i].rule);
			CHECK((reason.wanted != NULL) == (wanted == CALLER_KEYS_WANTED),
			    cases[i].rule);
			CHECK(identity.caller == NULL && identity.claims == NULL, cases[i].rule);
			CHECK(strcmp(reason.kind, "jwt") == 0 && reason.had_credentials,
			    cases[i].rule);
			buf_free(&header);
			remote_keys_close(list);
			policy_close(policy);
		}
	close(SCHOOL_FD);
}

static void
makes_keys(void)
{
	struct buf keys[2] = { { 0 }, { 0 } };
	char hashes[2][65], callers[320];

	for (size_t i = 0; i < COUNT(keys); i++) {
		struct identify_case c = { "made", callers, { NULL }, .caller = "my-app.1" };
		struct buf header = { 0 };

		caller_new_key(TEXT("my-app.1"), &keys[i], hashes[i]);
		CHECK(keys[i].length == strlen("ak_my-app.1_") + 43, "256 bits");
		CHECK(memcmp(keys[i].data, "ak_my-app.1_", strlen("ak_my-app.1_")) == 0, "name");
		snprintf(callers, sizeof(callers),
		    "\"my-app.1\":{\"type\":\"apikey\",\"sha256\":\"%s\"}", hashes[i]);
		buf_printf(&header, IN_HEADER "%.*s", (int)keys[i].length, keys[i].data);
		buf_add(&header, "", 1);
		c.params[0] = header.data;
		run_case(&c);
		buf_free(&header);
	}
	CHECK(memcmp(keys[0].data, keys[1].data, keys[0].length) != 0, "each its own");
	CHECK(strcmp(hashes[0], hashes[1]) != 0, "each its own");
	buf_free(&keys[0]);
	buf_free(&keys[1]);
}

/* Only what costs something to check counts. */
static void
sees_tokens(void)
{
	static const struct {
		const char *callers, *param;
		bool shown;
	} cases[] = {
		{ APP "," REMOTE, BEARER "x", true },
		{ APP "," REMOTE, BEARER "ak_app_first", false },
		{ APP "," REMOTE, IN_HEADER "x", false },
		{ APP "," REMOTE, BEARER, false },
		{ APP "," REMOTE, IN_HEADER, false },
		{ APP "," REMOTE, IN_HEADER " ", false },
		{ APP "," REMOTE, "HTTP_AUTHORIZATION=Basic YTpi", false },
		{ APP "," REMOTE, "HTTP_AUTHORIZATION=Bearerx", false },
		{ APP "," REMOTE, "REMOTE_USER=ann", false },
		{ APP, BEARER "x", false },
		{ REMOTE, BEARER "ak_app_first", false },
		{ REMOTE, IN_HEADER "x", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct identify_case c = { "", "", { cases[i].param } };
		struct policy *policy = policy_with(cases[i].callers);
		struct arena arena = { 0 };
		struct request request = request_of(&c, &arena);

		CHECK(caller_shows_jwt(policy, &request) == cases[i].shown, cases[i].param);
		arena_free(&arena);
		policy_close(policy);
	}
}

CU_TestInfo access_caller_tests[] = {
	{ "knows API keys", knows_api_keys },
	{ "knows tokens", knows_tokens },
	{ "believes the web server", believes_the_web_server },
	{ "bounds claims", bounds_claims },
	{ "believes certificates that were verified", believes_certificates_that_were_verified },
	{ "lets anyone in last", lets_anyone_in_last },
	{ "wants keys for what could be a token", wants_keys_for_what_could_be_a_token },
	{ "makes keys", makes_keys },
	{ "sees tokens", sees_tokens },
	CU_TEST_INFO_NULL,
};
