#include "host.h"
#include "route.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct text
guarded_text(const char *terminated)
{
	return (struct text){ guarded(terminated, strlen(terminated)), strlen(terminated) };
}

static void
reads_names(void)
{
	static const struct {
		const char *host, *name; /* NULL: none */
	} cases[] = {
		{ "localhost", "localhost" },
		{ "localhost:8080", "localhost" },
		{ "localhost.:8080", "localhost" },
		{ "localhost.", "localhost" },
		{ "[::1]:443", "[::1]" },
		{ "[::1]", "[::1]" },
		{ "127.0.0.1:1", "127.0.0.1" },
		{ "localhost:", "localhost:" },
		{ "localhost:123456", "localhost:123456" },
		{ "localhost:80:80", "localhost:80" },
		{ "a:b", "a:b" },
		{ ":80", NULL },
		{ ".", NULL },
		{ "", NULL },
		{ "8080", "8080" },
	};
	char label[300];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text name = host_name(guarded_text(cases[i].host));

		CHECK(cases[i].name == NULL ? name.data == NULL : same_text(name, cases[i].name),
		    cases[i].host);
	}
	memset(label, 'a', sizeof(label));
	CHECK(host_name((struct text){ label, 253 }).length == 253, "as long as a name may be");
	CHECK(host_name((struct text){ label, 254 }).data == NULL, "and longer");
}

#define LIST "localhost, tokens.example.com ,*.Apps.example.org,Dotted.example."

static void
allows_hosts(void)
{
	static const struct {
		const char *host;
		bool allowed;
	} cases[] = {
		{ "localhost", true },
		{ "LocalHost:8080", true },
		{ "localhost.:8080", true },
		{ "tokens.example.com", true },
		{ "TOKENS.EXAMPLE.COM.", true },
		{ "dotted.example", true },
		{ "dotted.example.:443", true },
		{ "a.apps.example.org", true },
		{ "a.b.APPS.example.org:8443", true },
		{ "", true },
		/* Addresses, which no DNS leads elsewhere. */
		{ "127.0.0.1", true },
		{ "192.0.2.7:8080", true },
		{ "0.0.0.0", true },
		{ "[::1]", true },
		{ "[2001:db8::7]:443", true },
		{ "[::ffff:192.0.2.1]", true },
		{ "127.0.0.1.", true },
		/* What looks like one. */
		{ "0x7f.1", false },
		{ "0x7f000001", false },
		{ "2130706433", false },
		{ "127.1", false },
		{ "127.0.0.1.evil.example", false },
		{ "127.0.0.256", false },
		{ "127.0.0.01", false },
		{ "1.2.3.4.5", false },
		{ "::1", false },
		{ "[::1", false },
		{ "[127.0.0.1]", false },
		{ "[::1]evil.example", false },
		{ "[]", false },
		{ "[fe80::1%eth0]", false },
		{ "[evil.example]", false },
		/* Others. */
		{ "evil.example", false },
		{ "evil.example:8080", false },
		{ "apps.example.org", false },
		{ ".apps.example.org", false },
		{ "evilapps.example.org", false },
		{ "a.apps.example.org.evil.example", false },
		{ "localhost.evil.example", false },
		{ "xlocalhost", false },
		{ "localhos", false },
		{ "localhost..", false },
		{ "localhost:", false },
		{ "localhost:8080:8080", false },
		{ "localhost,evil.example", false },
		{ "localhost tokens.example.com", false },
		{ "localhost@evil.example", false },
		{ "*.apps.example.org", true }, /* no browser can send it */
		{ "*", false },
		{ ":8080", false },
		{ ".", false },
		{ "http://localhost", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *host = guarded(cases[i].host, strlen(cases[i].host));

		CHECK(host_is_allowed(TEXT(LIST), (struct text){ host, strlen(cases[i].host) }) ==
			cases[i].allowed,
		    cases[i].host);
	}
	CHECK(!host_is_allowed(TEXT(LIST), (struct text){ "localhost\0evil", 14 }), "a NUL");
	CHECK(
	    !host_is_allowed(TEXT(LIST), (struct text){ "127.0.0.1\0.evil", 15 }), "in an address");
}

static void
checks_lists(void)
{
	static const struct {
		const char *list, *rule; /* NULL: it is good */
	} cases[] = {
		{ "localhost", NULL },
		{ "localhost,127.0.0.1,[::1],my-machine", NULL },
		{ " localhost\t, a.example. ", NULL },
		{ "*.example.com,*.local", NULL },
		{ "agora_backend", NULL },
		{ "xn--bcher-kva.example", NULL },
		{ "3d-printer", NULL },
		{ "", "entry 1 is empty" },
		{ "localhost,", "entry 2 is empty" },
		{ "a,,b", "entry 2 is empty" },
		{ " ", "entry 1 is empty" },
		{ "*", "entry 1, *, allows every host: leave the setting out for that" },
		{ "a,https://b.example",
		    "entry 2, https://b.example, is a URL: name the host alone" },
		{ "localhost:8080",
		    "entry 1, localhost:8080, has a port: name the host alone, since any port will "
		    "do" },
		{ "[::1]:80",
		    "entry 1, [::1]:80, has a port: name the host alone, since any port will do" },
		{ "*.", "entry 1, *., must be " },
		{ "*.*.example", "entry 1, *.*.example, must be *. and a name" },
		{ "*.1.2.3.4", "entry 1, *.1.2.3.4, must be *. and a name" },
		{ "*example.com", "entry 1, *example.com, must be a name" },
		{ "a.*.example", "entry 1, a.*.example, must be a name" },
		{ "a b", "entry 1, a b, must be a name" },
		{ "a..b", "entry 1, a..b, must be a name" },
		{ ".a", "entry 1, .a, must be a name" },
		{ "a..", "entry 1, a.., must be a name" },
		{ "a/b", "entry 1, a/b, must be a name" },
		{ "127.0.0.256", "entry 1, 127.0.0.256, must be a name" },
		{ "127.1", "entry 1, 127.1, must be a name" },
		{ "::1",
		    "entry 1, ::1, must be a name, *.name, an IPv4 address or an IPv6 address "
		    "in brackets" },
		{ "[::1", "entry 1, [::1, must be a name" },
		{ "[x]", "entry 1, [x], must be a name" },
		{ "b\xc3\xbc"
		  "cher.example",
		    "entry 1 must be a name" },
		{ "a,b\x7f", "entry 2 must be a name" },
	};
	struct field_error error;
	char label[80];

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool good;

		error = (struct field_error){ 0 };
		good = is_host_list(guarded_text(cases[i].list), &error);
		CHECK(good == (cases[i].rule == NULL), cases[i].list);
		CHECK(good || strncmp(error.rule, cases[i].rule, strlen(cases[i].rule)) == 0,
		    error.rule);
	}
	memset(label, 'a', sizeof(label));
	CHECK(is_host_list((struct text){ label, 63 }, &error), "a label");
	CHECK(!is_host_list((struct text){ label, 64 }, &error), "a longer one");
}

/* Every truncation of a good list is read to its end and no further. */
static void
survives_truncation(void)
{
	struct field_error error;

	for (size_t length = 0; length < strlen(LIST); length++) {
		const struct text cut = { guarded(LIST, length), length };

		is_host_list(cut, &error);
		host_is_allowed(TEXT(LIST), cut);
		if (is_host_list(cut, &error))
			host_is_allowed(cut, TEXT("evil.example"));
	}
}

static void
answers_421(void)
{
	static const struct route probe = { .any_host = true }, other = { .any_host = false };
	static char evil[] = "HTTP_HOST=evil.example:8080", good[] = "HTTP_HOST=localhost:8080",
		    forwarded[] = "HTTP_X_FORWARDED_HOST=localhost";
	static char *params[][3] = { { evil, NULL }, { good, NULL }, { evil, forwarded, NULL },
		{ NULL } };
	static const struct {
		size_t params;
		const struct route *route;
		const char *allowed;
		enum step step;
	} cases[] = {
		{ 0, &other, "localhost", ANSWERED },
		{ 0, NULL, "localhost", ANSWERED },
		{ 0, &probe, "localhost", NEXT },
		{ 0, &other, "", NEXT },
		{ 1, &other, "localhost", NEXT },
		{ 2, &other, "localhost", ANSWERED },
		{ 3, &other, "localhost", NEXT },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct exchange x = { .request.params = params[cases[i].params],
			.request.id = TEXT("id") };
		const char *name = params[cases[i].params][0];

		CHECK(host_step(&x, cases[i].route, text_of(cases[i].allowed)) == cases[i].step,
		    name == NULL ? "no host" : name);
		CHECK(cases[i].step == NEXT ||
			(x.response.status == 421 &&
			    strcmp(x.response.error, "host_not_allowed") == 0),
		    "421");
		exchange_free(&x);
	}
}

CU_TestInfo api_host_tests[] = {
	{ "reads names", reads_names },
	{ "allows hosts", allows_hosts },
	{ "checks lists", checks_lists },
	{ "survives truncation", survives_truncation },
	{ "answers 421", answers_421 },
	CU_TEST_INFO_NULL,
};
