#include "policies.h"

#define HEX32 "0123456789abcdef0123456789ABCDEF"
#define HASH HEX32 HEX32
#define SECRET "an HS256 secret of 32 bytes, yes"
#define ISSUER "\"issuer\":\"https://id.example.com/\""
#define AUDIENCE "\"audience\":\"https://tokens.example.com\""
#define RULE_HEX ", and Agora's console shows 32 hexadecimal digits"
#define RULE_TTL "must be a duration like \"45s\", \"30m\" or \"2h\", at most \"24h\""
#define RULE_RATE "must be a rate like \"5/s\", \"20/min\", \"100/h\" or \"500/day\""
#define RULE_HASH "must be the 64 hexadecimal digits of a SHA-256"
#define RULE_PARAMETER                                                                             \
	"must name a parameter of the web server's: capital letters, digits and _, and none that " \
	"clients choose, such as HTTP_... and QUERY_STRING"
#define RULE_CLAIMS                                                                                \
	"must map claims to parameters of the web server's, and none that clients choose, such "   \
	"as HTTP_... and QUERY_STRING"
#define RULE_LISTS "must name claims that this caller has"
#define RULE_MTLS "SSL_CLIENT_... wants type mtls, where the certificate must have been verified"
#define RULE_SPELLED "must be spelled hash32(...), with nothing behind it"
#define RULE_ONE_NAME "hash32(...) is of one name, without a *"
#define RULE_PUBLISHED                                                                             \
	"must begin with file: where HS256 is the only algorithm, for what is published is no "    \
	"secret"
#define RULE_WHEN "must map claims to strings, numbers, true or false, or lists of strings"
#define UNKNOWN "is no member that is known here"
#define RULE_NO_SUB "caller k has no ${sub}: name the uid, or \"*\" for the one that is asked for"

/* Files beside the policy. */

#define SECRET_FD 100
#define SECRET_FILE "100"
#define CERTIFICATE_FD 101
#define CERTIFICATE_FILE "101"

static void
put_file(int to, struct text content)
{
	char path[POLICY_PATH];
	int fd = file_of(content, path);

	if (dup2(fd, to) < 0)
		abort();
	close(fd);
}

static void
put_files(void)
{
	put_file(SECRET_FD, TEXT(SECRET "\n"));
	put_file(CERTIFICATE_FD, TEXT(HEX32 "\r\n"));
}

static void
remove_files(void)
{
	close(SECRET_FD);
	close(CERTIFICATE_FD);
}

static const char full[] =
    "// who may ask\n"
    "{ /* and for what */ \"enforce\": \"log\",\n"
    "\"callers\": {\n"
    " \"app-1.x\": {\"type\":\"apikey\",\"sha256\":[\"" HASH "\",\"" HASH "\"]},\n"
    " \"one\": {\"type\":\"apikey\",\"sha256\":\"" HASH "\"},\n"
    " \"idp\": {\"type\":\"jwt\",\"keys\":[\"file:" SECRET_FILE
    "\",\"https://id.example.com/jwks\"],\n"
    "  \"algorithms\":[\"HS256\",\"EdDSA\"]," ISSUER ",\"audience\":[\"a\",\"b\"],"
    "\"leeway\":0},\n"
    " \"short\": {\"type\":\"jwt\",\"keys\":\"file:" SECRET_FILE
    "\",\"algorithms\":\"HS256\"," ISSUER "," AUDIENCE "},\n"
    " \"web\": {\"type\":\"frontend\",\"claims\":{\"groups\":\"OIDC_CLAIM_GROUPS_1\"}},\n"
    " \"cert\": {\"type\":\"mtls\"},\n"
    " \"other\": {\"type\":\"mtls\",\"parameter\":\"SSL_CLIENT_S_DN_CN\"},\n"
    " \"all\": {\"type\":\"anonymous\"}\n"
    "},\n"
    "\"grants\": [\n"
    " {\"name\":\"g0\",\"from\":[\"idp\",\"web\"],\"services\":[\"rtc\",\"chat-app\"],"
    "\"channels\":[\"*\"],\"wildcard\":true,\"role\":\"publisher\",\"ttl\":\"30m\","
    "\"rate\":\"20/min\",\"project\":\"second\",\"when\":{\"a\":[\"b\"],\"n\":1,\"t\":true}},\n"
    " {\"name\":\"g1\",\"from\":\"one\",\"services\":\"stt\",\"uid\":\"*\"},\n"
    " {\"name\":\"g2\",\"from\":\"all\",\"actions\":\"recording.*\",\"project\":\"*\"}\n"
    "],\n"
    "\"projects\": {\n"
    " \"second\": {\"appId\":\"" HEX32 "\",\"certificateFile\":\"" CERTIFICATE_FILE "\","
    "\"secondCertificate\":\"" HEX32 "\",\"customerId\":\"c\","
    "\"customerSecretFile\":\"" SECRET_FILE "\"}}} // end";

static void
reads_a_full_one(void)
{
	struct buf error = { 0 };
	struct policy *policy;
	const struct caller *c;
	const struct grant *g;
	const struct project *p;
	const struct text *texts;

	put_files();
	policy = read_policy(text_of(full), &error);
	remove_files();
	CHECK(policy != NULL && error.length == 0, "no complaint");
	if (policy == NULL) {
		CHECK(same_text(buf_view(&error), ""), "no complaint");
		buf_free(&error);
		return;
	}
	CHECK(policy->enforce == ENFORCE_LOG && policy->callers.count == 8, "sizes");
	c = policy_caller(policy, TEXT("app-1.x"));
	CHECK(c != NULL && c->type == CALLER_APIKEY && c->hashes.count == 2, "API keys");
	texts = c->hashes.items;
	CHECK(texts[1].length == 32 && memcmp(texts[1].data, "\x01\x23\x45", 3) == 0, "bytes");
	c = policy_caller(policy, TEXT("one"));
	CHECK(c != NULL && c->hashes.count == 1, "a single hash");
	c = policy_caller(policy, TEXT("idp"));
	CHECK(c != NULL && c->algorithm_count == 2 && c->leeway == 0, "jwt");
	CHECK(c->algorithms[0] == ALGORITHM_HS256 && c->algorithms[1] == ALGORITHM_EDDSA, "order");
	CHECK(c->files[0] != NULL && c->files[0]->count == 1 && c->files[1] == NULL, "one file");
	c = policy_caller(policy, TEXT("short"));
	CHECK(c != NULL && c->files[0] != NULL && c->audiences.count == 1, "strings for lists");
	CHECK(c->leeway == 30, "leeway's default");
	c = policy_caller(policy, TEXT("web"));
	CHECK(c != NULL && same_text(c->parameter, "REMOTE_USER"), "frontend's default");
	c = policy_caller(policy, TEXT("cert"));
	CHECK(c != NULL && same_text(c->parameter, "SSL_CLIENT_S_DN"), "mtls's default");
	c = policy_caller(policy, TEXT("other"));
	CHECK(c != NULL && same_text(c->parameter, "SSL_CLIENT_S_DN_CN"), "its own");
	c = policy_caller(policy, TEXT("all"));
	CHECK(c != NULL && c->type == CALLER_ANONYMOUS, "anonymous");
	CHECK(policy_caller(policy, TEXT("Web")) == NULL, "names are exact");

	g = policy->grants.items;
	CHECK(g[0].services == (SERVICE_RTC | SERVICE_CHAT_APP), "services");
	CHECK(g[0].wildcard && g[0].everywhere && g[0].role == GRANT_PUBLISHER, "flags");
	CHECK(g[0].ttl == 1800 && g[0].rate_us == 3000000 && g[0].burst == 20, "times");
	CHECK(g[1].ttl == 86400 && g[1].burst == 0 && g[1].role == GRANT_SUBSCRIBER, "defaults");
	CHECK(!g[1].everywhere && !g[1].wildcard && g[1].services == SERVICE_STT, "defaults");
	CHECK(grant_has_action(&g[1], "token.issue"), "actions' default");
	CHECK(!grant_has_action(&g[1], "recording.start"), "and no other");
	CHECK(grant_has_action(&g[2], "recording.start"), "a family");
	CHECK(!grant_has_action(&g[2], "token.issue"), "another");

	p = policy_project(policy, TEXT("second"));
	CHECK(p != NULL && same_text(p->certificate, HEX32), "no line end");
	CHECK(same_text(p->customer_secret, SECRET), "from a file");
	CHECK(policy_project(policy, TEXT("third")) == NULL, "no other");
	CHECK(policy_has_remote_keys(policy) && policy_has_rates(policy), "both");
	policy_close(policy);
	policy_close(NULL);
	buf_free(&error);

	policy = policy_of("{\"callers\":{},\"grants\":[]}");
	CHECK(policy->enforce == ENFORCE_ON, "enforced unless it says otherwise");
	CHECK(!policy_has_remote_keys(policy) && !policy_has_rates(policy), "neither");
	policy_close(policy);
}

#define NAME64 "n234567890123456789012345678901234567890123456789012345678901234"
#define K "\"k\":{\"type\":\"apikey\",\"sha256\":\"" HASH "\"}"
#define CALLER(members) "{\"callers\":{\"c\":{" members "}},\"grants\":[]}"
#define CALLERS(type, members, second_type, second_members)                                        \
	"{\"callers\":{\"a\":{\"type\":\"" type "\"" members "},\"b\":{\"type\":\"" second_type    \
	"\"" second_members "}},\"grants\":[]}"
#define RULE_REACHED "is never reached: a, before it, has the same parameter"
#define JWT(members) CALLER("\"type\":\"jwt\"," ISSUER "," AUDIENCE "," members)
#define GRANT(members)                                                                             \
	"{\"callers\":{" K ",\"w\":{\"type\":\"frontend\"},\"n\":{\"type\":\"anonymous\"}},"       \
	"\"grants\":[{\"name\":\"a\",\"from\":\"w\",\"services\":\"rtc\"},{\"name\":\"b\","        \
	"\"from\":\"w\",\"services\":\"rtc\"},{" members "}]}"
/* A grant that is complete, and something more. */
#define MORE(members) GRANT("\"name\":\"g\",\"from\":\"w\",\"services\":\"rtc\"," members)
#define PROJECT(members) "{\"callers\":{},\"grants\":[],\"projects\":{\"p\":{" members "}}}"
#define ID "\"appId\":\"" HEX32 "\""
#define CERTIFICATE "\"certificate\":\"" HEX32 "\""

static void
refuses(void)
{
	static const struct {
		const char *text, *error; /* behind the path */
	} cases[] = {
		{ "", ":1: the policy is empty; a JSON object is expected" },
		{ "{\n\"callers\":{},\n\"grants\":[",
		    ":3: the policy ends in the middle of the JSON" },
		{ "{\n\"callers\":{},\n\"grants\":[],\n}", ":4: the policy is not JSON" },
		{ "{\"callers\":{}\n,\"grants\":[{},]}", ":2: the policy is not JSON" },
		{ "{'callers':{}}", ":1: the policy is not JSON" },
		{ "{}\n{}", ":2: the policy has something after the JSON value" },
		{ "{\n\"callers\":{},\n\"callers\":{}}",
		    ":3: the policy has two members of the same name in an object" },
		{ "{\"callers\":{\"a\":{},\n\"\\u0061\":{}}}",
		    ":2: the policy has two members of the same name in an object" },
		{ "{\"a\":\"\\u0000\"}",
		    ":1: the policy has a NUL character in a string or a name" },
		{ "{\"a\":\"\xff\"}", ":1: the policy is not UTF-8" },
		{ "[]", ": /: must be an object" },
		{ "null", ": /: must be an object" },
		{ "{}", ": /callers: is required" },
		{ "{\"callers\":{}}", ": /grants: is required" },
		{ "{\"callers\":[],\"grants\":[]}", ": /callers: must be an object" },
		{ "{\"callers\":{},\"grants\":{}}", ": /grants: must be an array" },
		{ "{\"callers\":{},\"grants\":[],\"enforce\":\"off\"}",
		    ": /enforce: must be on or log" },
		{ "{\"callers\":{},\"grants\":[],\"grant\":[]}", ": /grant: " UNKNOWN },
		{ "{\"Callers\":{},\"grants\":[]}", ": /Callers: " UNKNOWN },

		{ "{\"callers\":{\"a_b\":{\"type\":\"anonymous\"}},\"grants\":[]}",
		    ": /callers/a_b: must have a name of 1 to 64 letters, digits, - and ." },
		{ "{\"callers\":{\"\":{\"type\":\"anonymous\"}},\"grants\":[]}",
		    ": /callers/: must have a name of 1 to 64 letters, digits, - and ." },
		{ "{\"callers\":{\"a.b\":{\"type\":\"none\"}},\"grants\":[]}",
		    ": /callers/a.b/type: must be apikey, jwt, frontend, mtls or anonymous" },
		{ "{\"callers\":{\"" NAME64 "\":{}},\"grants\":[]}",
		    ": /callers/" NAME64 "/type: is required" },
		{ "{\"callers\":{\"c\":[]},\"grants\":[]}", ": /callers/c: must be an object" },
		{ CALLER("\"type\":\"anonymous\",\"\\n\":1"), ": /callers/c/?: " UNKNOWN },
		{ CALLER(""), ": /callers/c/type: is required" },
		{ CALLER("\"type\":\"basic\""),
		    ": /callers/c/type: must be apikey, jwt, frontend, mtls or anonymous" },
		{ CALLER("\"type\":\"anonymous\",\"secret\":\"x\""),
		    ": /callers/c/secret: " UNKNOWN },
		{ CALLER("\"type\":\"anonymous\",\"issuer\":\"x\""),
		    ": /callers/c/issuer: has no meaning with type anonymous" },
		{ CALLER("\"type\":\"apikey\""), ": /callers/c/sha256: is required" },
		{ CALLER("\"type\":\"apikey\",\"sha256\":[]"),
		    ": /callers/c/sha256: must hold one" },
		{ CALLER("\"type\":\"apikey\",\"sha256\":\"" HEX32 "\""),
		    ": /callers/c/sha256: " RULE_HASH },
		{ CALLER("\"type\":\"apikey\",\"sha256\":[\"" HASH "\",\"" HEX32 HEX32 "0\"]"),
		    ": /callers/c/sha256/1: " RULE_HASH },
		{ CALLER("\"type\":\"apikey\",\"sha256\":\"g" HEX32
			 "0123456789abcdef0123456789ABCDE\""),
		    ": /callers/c/sha256: " RULE_HASH },
		{ CALLER("\"type\":\"frontend\",\"parameter\":\"HTTP_X_USER\""),
		    ": /callers/c/parameter: " RULE_PARAMETER },
		{ CALLER("\"type\":\"frontend\",\"parameter\":\"HTTP_\""),
		    ": /callers/c/parameter: " RULE_PARAMETER },
		{ CALLER("\"type\":\"frontend\",\"parameter\":\"A B\""),
		    ": /callers/c/parameter: " RULE_PARAMETER },
		{ CALLER("\"type\":\"frontend\",\"parameter\":1"),
		    ": /callers/c/parameter: must be a string" },
		{ CALLER("\"type\":\"frontend\",\"parameter\":\"SSL_CLIENT_S_DN\""),
		    ": /callers/c/parameter: " RULE_MTLS },
		{ CALLER("\"type\":\"frontend\",\"claims\":{\"o\":\"SSL_CLIENT_S_DN_O\"}"),
		    ": /callers/c/claims: " RULE_MTLS },
		{ CALLER("\"type\":\"frontend\",\"claims\":{\"sub\":\"OTHER\"}"),
		    ": /callers/c/claims: must not have sub, which is the user that parameter "
		    "holds" },
		{ CALLER("\"type\":\"frontend\",\"claims\":[]"),
		    ": /callers/c/claims: must be an object" },
		{ CALLER("\"type\":\"frontend\",\"claims\":{\"a\":\"A\",\"g\":\"groups\"}"),
		    ": /callers/c/claims: " RULE_CLAIMS },
		{ CALLER("\"type\":\"mtls\",\"parameter\":\"ssl\""),
		    ": /callers/c/parameter: " RULE_PARAMETER },
		{ CALLER("\"type\":\"mtls\",\"parameter\":\"\""),
		    ": /callers/c/parameter: " RULE_PARAMETER },
		{ CALLER("\"type\":\"frontend\",\"claims\":{\"g\":\"HTTP_GROUPS\"}"),
		    ": /callers/c/claims: " RULE_CLAIMS },
		{ CALLER("\"type\":\"mtls\",\"claims\":{\"g\":1}"),
		    ": /callers/c/claims: " RULE_CLAIMS },
		{ CALLER("\"type\":\"mtls\",\"lists\":\"cn\""), ": /callers/c/lists: " RULE_LISTS },
		{ CALLER("\"type\":\"frontend\",\"claims\":{\"g\":\"G\"},\"lists\":[\"g\",\"G\"]"),
		    ": /callers/c/lists: " RULE_LISTS },
		{ CALLER("\"type\":\"frontend\",\"claims\":{\"g\":\"G\"},\"lists\":[1]"),
		    ": /callers/c/lists/0: must be a string" },

		{ CALLER(
		      "\"type\":\"jwt\",\"keys\":\"https://x\",\"algorithms\":\"RS256\"," AUDIENCE),
		    ": /callers/c/issuer: is required" },
		{ CALLER(
		      "\"type\":\"jwt\",\"keys\":\"https://x\",\"algorithms\":\"RS256\"," ISSUER),
		    ": /callers/c/audience: is required" },
		{ JWT("\"algorithms\":\"RS256\""), ": /callers/c/keys: is required" },
		{ JWT("\"keys\":\"https://x\""), ": /callers/c/algorithms: is required" },
		{ JWT("\"keys\":[],\"algorithms\":\"RS256\""), ": /callers/c/keys: must name one" },
		{ JWT("\"keys\":\"https://x\",\"algorithms\":[]"),
		    ": /callers/c/algorithms: must name one" },
		{ JWT("\"keys\":\"http://x\",\"algorithms\":\"RS256\""),
		    ": /callers/c/keys: must begin with file: or https://" },
		{ JWT("\"keys\":[\"https://x y\"],\"algorithms\":\"RS256\""),
		    ": /callers/c/keys/0: must begin with file: or https://" },
		{ JWT("\"keys\":\"https://x\",\"algorithms\":\"HS256\""),
		    ": /callers/c/keys: " RULE_PUBLISHED },
		{ JWT("\"keys\":[\"file:" SECRET_FILE "\",\"https://x\"],\"algorithms\":[\"HS256\","
		      "\"HS256\"]"),
		    ": /callers/c/keys: " RULE_PUBLISHED },
		{ JWT("\"keys\":\"https://x\",\"algorithms\":[\"RS256\",\"none\"]"),
		    ": /callers/c/algorithms: must be of HS256, RS256, PS256, ES256 and EdDSA" },
		{ JWT("\"keys\":\"https://x\",\"algorithms\":\"RS256\",\"leeway\":601"),
		    ": /callers/c/leeway: must be a whole number of seconds, 0 to 600" },
		{ JWT("\"keys\":\"https://x\",\"algorithms\":\"RS256\",\"leeway\":-1"),
		    ": /callers/c/leeway: must be a whole number of seconds, 0 to 600" },
		{ JWT("\"keys\":\"https://x\",\"algorithms\":\"RS256\",\"leeway\":\"30\""),
		    ": /callers/c/leeway: must be a whole number of seconds, 0 to 600" },
		{ JWT("\"keys\":\"https://\",\"algorithms\":\"RS256\""),
		    ": /callers/c/keys: must begin with file: or https://" },
		{ JWT("\"keys\":\"file:\",\"algorithms\":\"RS256\""),
		    ": /callers/c/keys: must begin with file: or https://" },
		{ JWT("\"keys\":[\"https://1\",\"https://2\",\"https://3\",\"https://4\",\"https://"
		      "5\","
		      "\"https://6\",\"https://7\",\"https://8\",\"https://9\"],"
		      "\"algorithms\":\"RS256\""),
		    ": /callers/c/keys: must have at most 8 items" },
		{ JWT("\"keys\":\"https://x\",\"algorithms\":[\"RS256\",\"PS256\",\"ES256\","
		      "\"EdDSA\",\"HS256\",\"RS256\"]"),
		    ": /callers/c/algorithms: must have at most 5 items" },
		{ CALLER("\"type\":\"jwt\",\"keys\":\"https://x\",\"algorithms\":\"RS256\","
			 "\"issuer\":\"\"," AUDIENCE),
		    ": /callers/c/issuer: must not be empty" },
		{ CALLER("\"type\":\"jwt\",\"keys\":\"https://x\",\"algorithms\":\"RS256\"," ISSUER
			 ",\"audience\":[\"a\",1]"),
		    ": /callers/c/audience/1: must be a string" },
		{ JWT("\"keys\":\"file:/nonexistent\",\"algorithms\":\"RS256\""),
		    ": /callers/c/keys: /nonexistent: No such file or directory" },

		{ CALLERS("anonymous", "", "anonymous", ""),
		    ": /callers/b/type: is never reached: a, before it, is anonymous too" },
		{ CALLERS("frontend", "", "frontend", ""),
		    ": /callers/b/parameter: " RULE_REACHED },
		{ CALLERS("frontend", "", "frontend", ",\"parameter\":\"REMOTE_USER\""),
		    ": /callers/b/parameter: " RULE_REACHED },
		{ CALLERS("mtls", "", "mtls", ""), ": /callers/b/parameter: " RULE_REACHED },
		{ CALLERS("frontend", "", "mtls", ",\"parameter\":\"REMOTE_USER\""),
		    ": /callers/b/parameter: " RULE_REACHED },

		{ GRANT(""), ": /grants/2/name: is required" },
		{ GRANT("\"name\":\"a b\""),
		    ": /grants/2/name: must be printable ASCII without blanks and quotes" },
		{ GRANT("\"name\":\"\""), ": /grants/2/name: must not be empty" },
		{ GRANT("\"name\":\"" NAME64 "x\""),
		    ": /grants/2/name: must be at most 64 bytes long and has 65" },
		{ GRANT("\"name\":\"g\\\"\""),
		    ": /grants/2/name: must be printable ASCII without blanks and quotes" },
		{ GRANT("\"name\":\"g\303\244\""),
		    ": /grants/2/name: must be printable ASCII without blanks and quotes" },
		{ GRANT("\"name\":1"), ": /grants/2/name: must be a string" },
		{ GRANT("\"name\":\"g\",\"from\":[\"w\",\"a_b\"]"),
		    ": /grants/2/from/1: must have a name of 1 to 64 letters, digits, - and ." },
		{ GRANT("\"name\":\"g\""), ": /grants/2/from: is required" },
		{ GRANT("\"name\":\"g\",\"from\":[],\"services\":\"rtc\""),
		    ": /grants/2/from: must name a caller" },
		{ GRANT("\"name\":\"g\",\"from\":[\"w\",\"x\"],\"services\":\"rtc\""),
		    ": /grants/2/from: there is no caller x" },
		{ GRANT("\"name\":\"g\",\"from\":\"w\""),
		    ": /grants/2/services: is required where tokens may be issued" },
		{ GRANT("\"name\":\"g\",\"from\":\"w\",\"actions\":\"token.*\""),
		    ": /grants/2/services: is required where tokens may be issued" },
		{ GRANT("\"name\":\"g\",\"from\":\"w\",\"actions\":\"*\""),
		    ": /grants/2/services: is required where tokens may be issued" },
		{ GRANT("\"name\":\"g\",\"from\":\"w\",\"services\":[\"rtc\",\"RTM\"]"),
		    ": /grants/2/services: must be of rtc, rtm, chat, chat-app, apaas, apaas-app, "
		    "fpa, streaming, fcdn, rtm2, convoai and stt" },
		{ GRANT("\"name\":\"g\",\"from\":\"k\",\"services\":\"rtc\""),
		    ": /grants/2/uid: " RULE_NO_SUB },
		{ GRANT("\"name\":\"g\",\"from\":\"k\",\"services\":\"rtc\",\"uid\":\"u-${sub}\""),
		    ": /grants/2/uid: " RULE_NO_SUB },
		{ GRANT(
		      "\"name\":\"g\",\"from\":\"k\",\"services\":\"rtc\",\"actions\":\"token.*\""),
		    ": /grants/2/uid: " RULE_NO_SUB },
		{ GRANT("\"name\":\"g\",\"from\":\"n\",\"services\":\"rtc\""),
		    ": /grants/2/uid: caller n has no ${sub}: name the uid, or \"*\" for the one "
		    "that is asked for" },
		{ GRANT("\"name\":\"a\",\"from\":\"w\",\"services\":\"rtc\""),
		    ": /grants/2/name: must be another: records and rates tell grants apart by "
		    "it" },
		{ MORE("\"uid\":\"0\""),
		    ": /grants/2/uid: must not be 0, which is everyone: \"any\" allows that" },
		{ MORE("\"uid\":\"Any\""), ": /grants/2/uid: must be spelled any" },
		{ MORE("\"uid\":\"Hash32(${sub})\""), ": /grants/2/uid: " RULE_SPELLED },
		{ MORE("\"uid\":\"hash32(${sub}\""), ": /grants/2/uid: " RULE_SPELLED },
		{ MORE("\"uid\":\"hash32(${sub})x\""), ": /grants/2/uid: " RULE_SPELLED },
		{ MORE("\"uid\":\"hash32(*)\""), ": /grants/2/uid: " RULE_ONE_NAME },
		{ MORE("\"uid\":\"hash32(${sub}*)\""), ": /grants/2/uid: " RULE_ONE_NAME },
		{ MORE("\"channels\":[\"a\",\"HASH32(${sub})\"]"),
		    ": /grants/2/channels: " RULE_SPELLED },
		{ MORE("\"channels\":\"hash32(*)\""), ": /grants/2/channels: " RULE_ONE_NAME },
		{ MORE("\"chanels\":\"x\""), ": /grants/2/chanels: " UNKNOWN },
		{ MORE("\"channels\":\"\""),
		    ": /grants/2/channels: must not be empty, and ${ wants a claim and a }" },
		{ MORE("\"channels\":[\"a\",\"${sub\"]"),
		    ": /grants/2/channels: must not be empty, and ${ wants a claim and a }" },
		{ MORE("\"channels\":\"${sub}${}\""),
		    ": /grants/2/channels: must not be empty, and ${ wants a claim and a }" },
		{ MORE("\"channels\":[1]"), ": /grants/2/channels/0: must be a string" },
		{ MORE("\"channels\":1"),
		    ": /grants/2/channels: must be an array of strings, or a string" },
		{ MORE("\"uid\":\"${\""), ": /grants/2/uid: ${ wants a claim and a }" },
		{ MORE("\"uid\":\"\""), ": /grants/2/uid: must not be empty" },
		{ MORE("\"uid\":7"), ": /grants/2/uid: must be a string" },
		{ MORE("\"actions\":[7]"), ": /grants/2/actions/0: must be a string" },
		{ MORE("\"Role\":\"publisher\""), ": /grants/2/Role: " UNKNOWN },
		{ MORE("\"role\":\"host\""), ": /grants/2/role: must be subscriber or publisher" },
		{ MORE("\"wildcard\":\"yes\""), ": /grants/2/wildcard: must be true or false" },
		{ MORE("\"ttl\":\"25h\""), ": /grants/2/ttl: " RULE_TTL },
		{ MORE("\"ttl\":\"0s\""), ": /grants/2/ttl: " RULE_TTL },
		{ MORE("\"ttl\":\"30\""), ": /grants/2/ttl: " RULE_TTL },
		{ MORE("\"ttl\":\"2d\""), ": /grants/2/ttl: " RULE_TTL },
		{ MORE("\"ttl\":3600"), ": /grants/2/ttl: must be a string" },
		{ MORE("\"rate\":\"20\""), ": /grants/2/rate: " RULE_RATE },
		{ MORE("\"rate\":\"0/s\""), ": /grants/2/rate: " RULE_RATE },
		{ MORE("\"rate\":20"), ": /grants/2/rate: must be a string" },
		{ MORE("\"project\":\"\""), ": /grants/2/project: must not be empty" },
		{ MORE("\"project\":\"p\""), ": /grants/2/project: there is no such project" },
		{ MORE("\"when\":\"x\""), ": /grants/2/when: must be an object" },
		{ MORE("\"when\":{\"a\":{}}"), ": /grants/2/when: " RULE_WHEN },
		{ MORE("\"when\":{\"a\":null}"), ": /grants/2/when: " RULE_WHEN },
		{ MORE("\"when\":{\"a\":1.5}"), ": /grants/2/when: " RULE_WHEN },
		{ MORE("\"when\":{\"a\":[]}"), ": /grants/2/when: " RULE_WHEN },
		{ MORE("\"when\":{\"a\":[\"x\",1]}"), ": /grants/2/when: " RULE_WHEN },

		{ "{\"callers\":{},\"grants\":[],\"projects\":{\"a b\":{}}}",
		    ": /projects/a b: must have a name of 1 to 64 letters, digits, - and ." },
		{ "{\"callers\":{},\"grants\":[],\"projects\":{\"default\":{}}}",
		    ": /projects/default: must have another name: default is the settings' own "
		    "project" },
		{ "{\"callers\":{},\"grants\":[],\"projects\":[]}",
		    ": /projects: must be an object" },
		{ PROJECT("\"appId\":\"0123456789abcdef0123456789abcde\"," CERTIFICATE),
		    ": /projects/p/appId: "
		    "31 characters" RULE_HEX },
		{ PROJECT("\"appId\":\"0123456789abcdef0123456789abcdeg\"," CERTIFICATE),
		    ": /projects/p/appId: "
		    "32 characters" RULE_HEX "; the last is another letter" },
		{ PROJECT(CERTIFICATE), ": /projects/p/appId: is required" },
		{ PROJECT("\"appId\":\"x\"," CERTIFICATE),
		    ": /projects/p/appId: "
		    "1 character" RULE_HEX "; the last is another letter" },
		{ PROJECT(ID), ": /projects/p/certificate: is required" },
		{ PROJECT(ID ",\"certificate\":\"SECRETVALUE\""),
		    ": /projects/p/certificate: "
		    "11 characters" RULE_HEX
		    "; the first wrong one, character 1, is another letter" },
		{ PROJECT(ID "," CERTIFICATE ",\"secondCertificate\":\"SECRETVALUE\""),
		    ": /projects/p/secondCertificate: "
		    "11 characters" RULE_HEX
		    "; the first wrong one, character 1, is another letter" },
		{ PROJECT(ID "," CERTIFICATE ",\"certificateFile\":\"/dev/null\""),
		    ": /projects/p/certificateFile: is there as text and as a file" },
		{ PROJECT(ID ",\"certificateFile\":\"/nonexistent\""),
		    ": /projects/p/certificateFile: /nonexistent: No such file or directory" },
		{ PROJECT(ID ",\"certificateFile\":\"/dev/null\""),
		    ": /projects/p/certificate: "
		    "0 characters" RULE_HEX },
		{ PROJECT(ID "," CERTIFICATE ",\"customerId\":\"c\""),
		    ": /projects/p/customerSecret: is required with the other of the pair" },
		{ PROJECT(ID "," CERTIFICATE ",\"customerSecret\":\"SECRETVALUE\""),
		    ": /projects/p/customerId: is required with the other of the pair" },
		{ PROJECT(ID "," CERTIFICATE ",\"key\":\"SECRETVALUE\""),
		    ": /projects/p/key: " UNKNOWN },
	};
	struct buf error = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct policy *policy;

		buf_clear(&error);
		policy = read_policy(text_of(cases[i].text), &error);
		CHECK(policy == NULL, cases[i].text);
		CHECK(same_text(buf_view(&error), cases[i].error), cases[i].text);
		CHECK(memmem(error.data, error.length, "SECRETVALUE", 11) == NULL,
		    "no secret in a message");
		policy_close(policy);
	}
	buf_clear(&error);
	CHECK(policy_open("/nonexistent", &error) == NULL, "no file");
	CHECK(same_text(buf_view(&error), "/nonexistent: No such file or directory"), "no file");
	buf_free(&error);
}

/* What a client sends can name nobody. */
static void
refuses_parameters_that_clients_choose(void)
{
	static const char *const names[] = { "HTTP_X_USER", "QUERY_STRING", "REQUEST_URI",
		"REQUEST_METHOD", "REQUEST_SCHEME", "CONTENT_TYPE", "CONTENT_LENGTH", "PATH_INFO",
		"PATH_TRANSLATED", "SCRIPT_NAME", "SCRIPT_FILENAME", "DOCUMENT_URI", "SERVER_NAME",
		"SERVER_PROTOCOL", "REMOTE_PORT", "SSL_TLS_SNI", "REDIRECT_QUERY_STRING",
		"REDIRECT_REDIRECT_HTTP_X" };
	static const char *const types[] = { "frontend", "mtls" };

	for (size_t i = 0; i < COUNT(names) * COUNT(types) * 2; i++) {
		const char *name = names[i / 4];
		bool claim = i % 2 == 1;
		struct buf text = { 0 }, error = { 0 };
		struct policy *policy;

		buf_printf(&text,
		    "{\"callers\":{\"c\":{\"type\":\"%s\",%s\"%s\"%s}},\"grants\":[]}",
		    types[i / 2 % 2], claim ? "\"claims\":{\"g\":" : "\"parameter\":", name,
		    claim ? "}" : "");
		policy = read_policy(buf_view(&text), &error);
		CHECK(policy == NULL, name);
		CHECK(same_text(buf_view(&error),
			  claim ? ": /callers/c/claims: " RULE_CLAIMS
				: ": /callers/c/parameter: " RULE_PARAMETER),
		    name);
		policy_close(policy);
		buf_free(&text);
		buf_free(&error);
	}
}

static void
refuses_keys_that_are_none(void)
{
	static const char text[] =
	    JWT("\"keys\":\"file:" SECRET_FILE "\",\"algorithms\":\"HS256\"");
	struct buf error = { 0 };

	put_file(SECRET_FD, TEXT("SECRETVALUE"));
	CHECK(read_policy(text_of(text), &error) == NULL, "too short");
	CHECK(same_text(buf_view(&error),
		  ": /callers/c/keys: /proc/self/fd/" SECRET_FILE
		  ": a secret must have 32 bytes or more"),
	    "beside the policy");
	close(SECRET_FD);
	buf_free(&error);
}

static void
reads_rates(void)
{
	static const struct {
		const char *text;
		int64_t interval_us, burst; /* 0: refused */
	} cases[] = {
		{ "5/s", 200000, 5 },
		{ "20/min", 3000000, 20 },
		{ "100/h", 36000000, 100 },
		{ "500/day", 172800000, 500 },
		{ "1/day", 86400000000, 1 },
		{ "1000000/s", 1, 1000000 },
		{ "1000001/s", 0, 0 },
		{ "0/s", 0, 0 },
		{ "-1/s", 0, 0 },
		{ "1.5/s", 0, 0 },
		{ "5/m", 0, 0 },
		{ "5/d", 0, 0 },
		{ "5/S", 0, 0 },
		{ "5/", 0, 0 },
		{ "/s", 0, 0 },
		{ "5 /s", 0, 0 },
		{ "5/s/s", 0, 0 },
		{ "5", 0, 0 },
		{ "", 0, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text text = text_of(cases[i].text);
		struct field_error error;
		int64_t interval = 0, burst = 0;
		bool good = cases[i].burst > 0;

		text.data = guarded(text.data, text.length);
		CHECK(rate_read(text, &interval, &burst) == good, cases[i].text);
		CHECK(is_rate(text, &error) == good, cases[i].text);
		CHECK(!good || (interval == cases[i].interval_us && burst == cases[i].burst),
		    cases[i].text);
	}
}

/* Every member but type belongs to some types, and to no other. */
static void
takes_each_member_of_its_types_only(void)
{
	enum {
		A = 1 << CALLER_APIKEY,
		J = 1 << CALLER_JWT,
		F = 1 << CALLER_FRONTEND,
		M = 1 << CALLER_MTLS,
	};
	static const struct {
		const char *name, *value;
		unsigned allowed, required; /* bits of types */
	} members[] = {
		{ "sha256", "\"" HASH "\"", A, A },
		{ "keys", "\"https://x\"", J, J },
		{ "algorithms", "\"RS256\"", J, J },
		{ "issuer", "\"i\"", J, J },
		{ "audience", "[]", J, J },
		{ "leeway", "0", J, 0 },
		{ "parameter", "\"P\"", F | M, 0 },
		{ "claims", "{}", F | M, 0 },
		{ "lists", "[]", F | M, 0 },
	};
	static const char *const types[] = { [CALLER_APIKEY] = "apikey",
		[CALLER_JWT] = "jwt",
		[CALLER_FRONTEND] = "frontend",
		[CALLER_MTLS] = "mtls",
		[CALLER_ANONYMOUS] = "anonymous" };

	for (size_t type = 0; type < COUNT(types); type++)
		for (size_t m = 0; m < COUNT(members); m++) {
			bool allowed = members[m].allowed >> type & 1;
			bool required = members[m].required >> type & 1;
			struct buf text = { 0 }, error = { 0 };
			struct policy *policy;
			char expected[160] = "";

			buf_printf(&text, "{\"callers\":{\"c\":{\"type\":\"%s\"", types[type]);
			/* All that it needs; of the member in question only what it may not have.
			 */
			for (size_t n = 0; n < COUNT(members); n++)
				if (n == m ? !allowed : members[n].required >> type & 1)
					buf_printf(
					    &text, ",\"%s\":%s", members[n].name, members[n].value);
			buf_text(&text, "}},\"grants\":[]}");
			policy = read_policy(buf_view(&text), &error);
			if (required)
				snprintf(expected, sizeof(expected), ": /callers/c/%s: is required",
				    members[m].name);
			else if (!allowed)
				snprintf(expected, sizeof(expected),
				    ": /callers/c/%s: has no meaning with type %s", members[m].name,
				    types[type]);
			CHECK((policy != NULL) == (expected[0] == '\0'), members[m].name);
			CHECK(same_text(buf_view(&error), expected), types[type]);
			policy_close(policy);
			buf_free(&text);
			buf_free(&error);
		}
}

static void
takes_what_is_at_the_edge(void)
{
	static const char *const texts[] = {
		"{\"callers\":{},\"grants\":[]}",
		"/* a */ // b\n{ // c\n\"callers\" /* d */ : /**/ {}, //\n\"grants\":[]\n}\n// "
		"end\n",
		"{\"callers\":{\"" NAME64 "\":{\"type\":\"anonymous\"}},\"grants\":[]}",
		"{\"callers\":{},\"grants\":[],\"enforce\":\"on\",\"projects\":{}}",
		"{\"callers\":{},\"grants\":[],\"enforce\":null,\"projects\":null}",
		JWT("\"keys\":\"https://x\",\"algorithms\":\"Ed25519\",\"leeway\":600"),
		CALLER("\"type\":\"jwt\",\"keys\":\"https://x\",\"algorithms\":\"RS256\"," ISSUER
		       ",\"audience\":[]"),
		CALLER("\"type\":\"mtls\",\"parameter\":\"A_1\",\"claims\":{\"g\":\"HTTPS\"}"),
		CALLER("\"type\":\"mtls\",\"claims\":{\"o\":\"SSL_CLIENT_S_DN_O\"}"),
		CALLER("\"type\":\"frontend\",\"parameter\":\"REDIRECT_REMOTE_USER\",\"claims\":"
		       "{\"a\":\"REMOTE_ADDR\"}"),
		GRANT("\"name\":\"" NAME64 "\",\"from\":\"w\",\"services\":\"rtc\""),
		GRANT("\"name\":\"#!~\",\"from\":[\"w\",\"w\"],\"services\":\"rtc\""),
		GRANT("\"name\":\"g\",\"from\":\"k\",\"actions\":\"recording.start\""),
		GRANT("\"name\":\"g\",\"from\":\"k\",\"services\":\"rtc\",\"uid\":\"any\""),
		GRANT("\"name\":\"g\",\"from\":\"n\",\"services\":\"rtc\",\"uid\":\"7\""),
		GRANT("\"name\":\"g\",\"from\":[\"k\",\"n\"],\"services\":\"rtc\",\"uid\":\"*\""),
		MORE("\"channels\":[]"),
		MORE("\"channels\":[\"$\",\"$x{\",\"}\",\"${a}${b.c}\",\"***\"]"),
		MORE("\"uid\":\"hash32(${sub})\""),
		MORE("\"uid\":\"anybody\",\"channels\":[\"Any\",\"any\",\"0\",\"hash32\"]"),
		MORE("\"uid\":\"00\",\"channels\":\"hash32(${sub})\""),
		JWT("\"keys\":\"https://x\",\"algorithms\":[\"HS256\",\"ES256\"]"),
		CALLERS("mtls", ",\"parameter\":\"REMOTE_USER\"", "frontend", ""),
		CALLERS("frontend", "", "frontend", ",\"parameter\":\"OTHER\""),
		CALLERS("anonymous", "", "frontend", ""),
		MORE("\"when\":{}"),
		MORE("\"when\":{\"a\":\"x\",\"b\":[\"x\",\"y\"],\"c\":1,\"d\":false}"),
		MORE("\"project\":\"*\",\"role\":\"subscriber\",\"wildcard\":false"),
		PROJECT(ID "," CERTIFICATE),
		PROJECT(ID "," CERTIFICATE ",\"customerId\":\"c\",\"customerSecret\":\"s\""),
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct buf error = { 0 };
		struct policy *policy = read_policy(text_of(texts[i]), &error);

		CHECK(policy != NULL && error.length == 0, texts[i]);
		if (policy == NULL)
			fprintf(stderr, "%.*s\n", (int)error.length, error.data);
		policy_close(policy);
		buf_free(&error);
	}
}

static void
reads_services(void)
{
	static const char *const names[] = { "rtc", "rtm", "chat", "chat-app", "apaas", "apaas-app",
		"fpa", "streaming", "fcdn", "rtm2", "convoai", "stt" };
	unsigned seen = 0;

	for (size_t i = 0; i < COUNT(names); i++) {
		struct buf text = { 0 };
		struct policy *policy;
		const struct grant *g;

		buf_printf(&text,
		    "{\"callers\":{\"w\":{\"type\":\"frontend\"}},\"grants\":["
		    "{\"name\":\"g\",\"from\":\"w\",\"services\":[\"%s\"]}]}",
		    names[i]);
		buf_add(&text, "", 1);
		policy = policy_of(text.data);
		g = policy->grants.items;
		CHECK(g->services != 0 && (g->services & (g->services - 1)) == 0, names[i]);
		CHECK((g->services & seen) == 0, names[i]);
		seen |= g->services;
		policy_close(policy);
		buf_free(&text);
	}
	CHECK(seen == 4095, "twelve bits");
}

static void
reads_lifetimes(void)
{
	static const struct {
		const char *text;
		int64_t seconds; /* 0: refused */
	} cases[] = {
		{ "1s", 1 },
		{ "45s", 45 },
		{ "30m", 1800 },
		{ "2h", 7200 },
		{ "24h", 86400 },
		{ "1440m", 86400 },
		{ "86400s", 86400 },
		{ "1d", 86400 },
		{ "86401s", 0 },
		{ "1441m", 0 },
		{ "25h", 0 },
		{ "2d", 0 },
		{ "0s", 0 },
		{ "0h", 0 },
		{ "-1s", 0 },
		{ "1.5h", 0 },
		{ "1 h", 0 },
		{ "1H", 0 },
		{ "1min", 0 },
		{ "h", 0 },
		{ "60", 0 },
		{ "1h30m", 0 },
		{ "99999999999999999999h", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text = { 0 }, error = { 0 };
		struct policy *policy;
		const struct grant *g;

		buf_printf(&text,
		    "{\"callers\":{\"w\":{\"type\":\"frontend\"}},\"grants\":[{\"name\":\"g\","
		    "\"from\":\"w\",\"services\":\"rtc\",\"ttl\":\"%s\"}]}",
		    cases[i].text);
		policy = read_policy(buf_view(&text), &error);
		CHECK((policy != NULL) == (cases[i].seconds > 0), cases[i].text);
		if (policy != NULL) {
			g = policy->grants.items;
			CHECK(g->ttl == cases[i].seconds, cases[i].text);
		} else {
			CHECK(same_text(buf_view(&error), ": /grants/0/ttl: " RULE_TTL),
			    cases[i].text);
		}
		policy_close(policy);
		buf_free(&text);
		buf_free(&error);
	}
}

static void
covers_actions(void)
{
	static const struct {
		const char *pattern, *action;
		bool covers;
	} cases[] = {
		{ "recording.start", "recording.start", true },
		{ "recording.start", "recording.stop", false },
		{ "recording.start", "recording.start2", false },
		{ "recording.start", "recording", false },
		{ "recording.*", "recording.start", true },
		{ "recording.*", "recording.", true },
		{ "recording.*", "recording", false },
		{ "recording.*", "rtt.start", false },
		{ "rec*", "recording.start", true },
		{ "*", "token.issue", true },
		{ "*.start", "recording.start", false },
		{ "", "token.issue", false },
		{ "Recording.*", "recording.start", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text pattern = text_of(cases[i].pattern);

		pattern.data = guarded(pattern.data, pattern.length);
		CHECK(action_covers(pattern, cases[i].action) == cases[i].covers, cases[i].pattern);
	}
}

/* Callers without claims have nothing for `when` and ${...}. */
static void
finds_members_that_never_match(void)
{
	static const struct {
		const char *members, *dead;
	} cases[] = {
		{ "\"from\":\"k\"", NULL },
		{ "\"from\":\"k\",\"when\":{}", NULL },
		{ "\"from\":\"k\",\"when\":{\"groups\":\"staff\"}", "when" },
		{ "\"from\":[\"k\",\"n\"],\"when\":{\"groups\":\"staff\"}", "when" },
		{ "\"from\":[\"k\",\"w\"],\"when\":{\"groups\":\"staff\"}", NULL },
		{ "\"from\":\"n\",\"channels\":\"dm-${sub}\"", "channels" },
		{ "\"from\":\"n\",\"channels\":[\"${a}\",\"dm-${sub}\"]", "channels" },
		{ "\"from\":\"n\",\"channels\":[\"dm-${sub}\",\"lobby\"]", NULL },
		{ "\"from\":[\"n\",\"w\"],\"channels\":\"dm-${sub}\"", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text = { 0 };
		struct policy *policy;
		const char *dead;

		buf_printf(&text,
		    "{\"callers\":{" K
		    ",\"w\":{\"type\":\"frontend\"},\"n\":{\"type\":\"anonymous\"}},"
		    "\"grants\":[{\"name\":\"g\",\"services\":\"rtc\",\"uid\":\"*\",%s}]}",
		    cases[i].members);
		buf_add(&text, "", 1);
		policy = policy_of(text.data);
		dead = policy_dead_member(policy, policy->grants.items);
		CHECK((dead == NULL) == (cases[i].dead == NULL), cases[i].members);
		CHECK(dead == NULL || strcmp(dead, cases[i].dead) == 0, cases[i].members);
		policy_close(policy);
		buf_free(&text);
	}
}

static void
limits_its_size(void)
{
	static const char policy[] = "{\"callers\":{},\"grants\":[]}";
	struct buf text = { 0 }, error = { 0 };
	struct policy *read;

	for (size_t length = POLICY_MAX; length <= POLICY_MAX + 1; length++) {
		char path[POLICY_PATH];
		int fd;

		buf_clear(&text);
		memset(buf_reserve(&text, length), ' ', length);
		memcpy(text.data, policy, strlen(policy));
		text.length = length;
		buf_clear(&error);
		fd = file_of(buf_view(&text), path);
		read = policy_open(path, &error);
		close(fd);
		CHECK((read != NULL) == (length == POLICY_MAX), "1048576 bytes");
		policy_close(read);
		buf_clear(&text);
		buf_printf(&text, "%s: is larger than 1048576 bytes", path);
		buf_add(&text, "", 1);
	}
	CHECK(same_text(buf_view(&error), text.data), "says so");
	buf_clear(&text);
	buf_text(&text, "{\"callers\":{},\"grants\":[");
	for (int i = 0; i < 1025; i++)
		buf_text(&text, i == 0 ? "{}" : ",{}");
	buf_text(&text, "]}");
	buf_clear(&error);
	CHECK(read_policy(buf_view(&text), &error) == NULL, "1025 grants");
	CHECK(same_text(buf_view(&error), ": /grants: must have at most 1024 items"), "says so");
	buf_free(&text);
	buf_free(&error);
}

/* Whatever is cut off or wrong, what is said is one line, and all is freed. */
static void
withstands_cuts_and_flipped_bits(void)
{
	struct buf text = { 0 }, error = { 0 };
	struct policy *policy;
	size_t end = strlen(full) - strlen(" // end");

	put_files();
	for (size_t length = 0; length < end; length++) {
		buf_clear(&error);
		policy = read_policy((struct text){ full, length }, &error);
		CHECK(policy == NULL && error.length > 0, "cut");
		policy_close(policy);
	}
	for (size_t i = 0; i < strlen(full); i++) {
		buf_clear(&text);
		buf_text(&text, full);
		text.data[i] = (char)(text.data[i] ^ (1 << i % 8));
		buf_clear(&error);
		policy = read_policy(buf_view(&text), &error);
		CHECK((policy == NULL) == (error.length > 0), "flipped");
		CHECK(memchr(buf_view(&error).data, '\n', error.length) == NULL, "one line");
		policy_close(policy);
	}
	remove_files();
	buf_free(&text);
	buf_free(&error);
}

CU_TestInfo access_policy_tests[] = {
	{ "reads a full one", reads_a_full_one },
	{ "refuses", refuses },
	{ "refuses parameters that clients choose", refuses_parameters_that_clients_choose },
	{ "refuses keys that are none", refuses_keys_that_are_none },
	{ "takes each member of its types only", takes_each_member_of_its_types_only },
	{ "takes what is at the edge", takes_what_is_at_the_edge },
	{ "reads services", reads_services },
	{ "reads lifetimes", reads_lifetimes },
	{ "reads rates", reads_rates },
	{ "covers actions", covers_actions },
	{ "finds members that never match", finds_members_that_never_match },
	{ "limits its size", limits_its_size },
	{ "withstands cuts and flipped bits", withstands_cuts_and_flipped_bits },
	CU_TEST_INFO_NULL,
};
