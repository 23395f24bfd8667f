#include <ctype.h>
#include <stdlib.h>

#include "request.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* CGI variables from text with a line each. */
static char *const *
params_of(const char *lines)
{
	static char text[8192];
	static char *params[32];
	size_t n = 0;

	snprintf(text, sizeof(text), "%s", lines);
	for (char *line = text; *line != '\0'; n++) {
		char *end = strchr(line, '\n');

		params[n] = line;
		if (end == NULL)
			end = line + strlen(line);
		else
			*end++ = '\0';
		line = end;
	}
	params[n] = NULL;
	return params;
}

/* "|" in front of each segment. */
static void
join_segments(const struct request *request, struct buf *out)
{
	for (size_t i = 0; i < request->segment_count; i++) {
		buf_text(out, "|");
		buf_add(out, request->segments[i].data, request->segments[i].length);
	}
}

static void
reads_paths(void)
{
	static const struct {
		const char *uri;
		struct text segments; /* joined */
		const char *problem;
	} cases[] = {
		{ "", TEXT("") },
		{ "/", TEXT("") },
		{ "/ping", TEXT("|ping") },
		{ "/ping/", TEXT("|ping") },
		{ "/a/b/c", TEXT("|a|b|c") },
		{ "//", TEXT("") },
		{ "///", TEXT("") },
		{ "//ping", TEXT("|ping") },
		{ "///a//b/", TEXT("|a||b") },
		{ "/a//b", TEXT("|a||b") },
		{ "/a//", TEXT("|a|") },
		{ "/a///", TEXT("|a||") },
		{ "/1/2/3/4/5/6/7/8/9/a/b/c", TEXT("|1|2|3|4|5|6|7|8|9|a|b|c") },
		{ "/1/2/3/4/5/6/7/8/9/a/b/c/", TEXT("|1|2|3|4|5|6|7|8|9|a|b|c") },
		{ "/1/2/3/4/5/6/7/8/9/a/b/c/d", .problem = "the path has too many segments" },
		{ "/1/2/3/4/5/6/7/8/9/a/b/c//", .problem = "the path has too many segments" },
		{ "ping", .problem = "the path must begin with /" },
		{ "*", .problem = "the path must begin with /" },
		{ "http://h/ping", .problem = "the path must begin with /" },

		{ "/a%2Fb/c", TEXT("|a/b|c") },
		{ "/a%2fb", TEXT("|a/b") },
		{ "/%2F", TEXT("|/") },
		{ "/a%20b%7E", TEXT("|a b~") },
		{ "/a+b", TEXT("|a+b") },
		{ "/%2B", TEXT("|+") },
		{ "/%C3%A9\xc3\xa9", TEXT("|\xc3\xa9\xc3\xa9") },
		{ "/%ff", TEXT("|\xff") },
		{ "/%00", .problem = "the path must not have %00 (NUL)" },
		{ "/a%00b/c", .problem = "the path must not have %00 (NUL)" },
		{ "/%0a", TEXT("|\n") },
		{ "/%252F", TEXT("|%2F") },
		{ "/%25%32%46", TEXT("|%2F") },
		{ "/%3Fa%23", TEXT("|?a#") },
		{ "/a;b=c,d", TEXT("|a;b=c,d") },

		{ "/%", .problem = "%" },
		{ "/%2", .problem = "%" },
		{ "/a%", .problem = "%" },
		{ "/a%/b", .problem = "%" },
		{ "/a%2/b", .problem = "%" },
		{ "/%2g", .problem = "%" },
		{ "/%g2", .problem = "%" },
		{ "/%%20", .problem = "%" },
		{ "/% 20", .problem = "%" },
		{ "/%u0041", .problem = "%" },
		{ "/a%20b%2", .problem = "%" },
		{ "/ok/%zz/ok", .problem = "%" },

		{ "/.", .problem = "." },
		{ "/./", .problem = "." },
		{ "/..", .problem = "." },
		{ "/a/../b", .problem = "." },
		{ "/a/./b", .problem = "." },
		{ "/a/..", .problem = "." },
		{ "/%2e%2E/a", .problem = "." },
		{ "/%2e", .problem = "." },
		{ "/.%2e", .problem = "." },
		{ "/...", TEXT("|...") },
		{ "/.a", TEXT("|.a") },
		{ "/a..", TEXT("|a..") },
		{ "/..%2F", .problem = "." },
		{ "/a%2f..%2F..%2FgetToken", .problem = "." },
		{ "/a/%2E%2F", .problem = "." },
		{ "/a%2F%2e", .problem = "." },
		{ "/a%2F..b%2F...", TEXT("|a/..b/...") },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct request request;
		struct buf line = { 0 }, joined = { 0 };
		const char *problem;

		buf_printf(&line, "REQUEST_URI=%s", cases[i].uri);
		buf_add(&line, "", 1);
		problem = request_parse(&request, params_of(line.data), "", &arena);
		if (cases[i].problem == NULL) {
			join_segments(&request, &joined);
			CHECK(problem == NULL, cases[i].uri);
			CHECK(joined.length == cases[i].segments.length &&
				memcmp(joined.data == NULL ? "" : joined.data,
				    cases[i].segments.data, joined.length) == 0,
			    cases[i].uri);
		} else if (strcmp(cases[i].problem, "%") == 0) {
			CHECK(problem != NULL &&
				same_text(text_of(problem),
				    "the path has a % that is not followed by two hexadecimal "
				    "digits"),
			    cases[i].uri);
		} else if (strcmp(cases[i].problem, ".") == 0) {
			CHECK(problem != NULL &&
				same_text(text_of(problem),
				    "the path must not have the segments . and .."),
			    cases[i].uri);
		} else {
			CHECK(problem != NULL && same_text(text_of(problem), cases[i].problem),
			    cases[i].uri);
		}
		buf_free(&line);
		buf_free(&joined);
		arena_free(&arena);
	}
}

/* A NUL, however it comes: refused, and the parameter that has it is named. */
static void
refuses_nul(void)
{
	static const struct {
		const char *uri, *parameter; /* "": the path; NULL: it is fine */
	} cases[] = {
		{ "/a%00b", "" },
		{ "/%00", "" },
		{ "/a/..%00", "" },
		{ "/a%00?b=1", "" },
		{ "/a%2500b", NULL },
		{ "/a?channel=secret%00-public", "channel" },
		{ "/a?x=1&channel=%00", "channel" },
		{ "/a?x=1&channel=b%00&y=2", "channel" },
		{ "/a?a-b_c.d=%00", "a-b_c.d" },
		{ "/a?%00", "query" },
		{ "/a?%00=1", "query" },
		{ "/a?chan%00nel=1", "query" },
		{ "/a?chan%6eel=%00", "query" },
		{ "/a?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=%00", "query" },
		{ "/a?b=%%00", "b" },
		{ "/a?b=%2500", NULL },
		{ "/a?b=%0", NULL },
		{ "/a?b=%2%300", NULL },
		{ "/a?", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct request request;
		struct buf line = { 0 };
		const char *problem, *wanted = cases[i].parameter;

		buf_printf(&line, "REQUEST_URI=%s", cases[i].uri);
		buf_add(&line, "", 1);
		problem = request_parse(&request, params_of(line.data), "", &arena);
		CHECK((problem != NULL) == (wanted != NULL), cases[i].uri);
		CHECK(problem == NULL || strstr(problem, "%00 (NUL)") != NULL, cases[i].uri);
		if (wanted == NULL || *wanted == '\0')
			CHECK(request.parameter == NULL, cases[i].uri);
		else
			CHECK(same_text(text_of(request.parameter), wanted), cases[i].uri);
		buf_free(&line);
		arena_free(&arena);
	}
}

/*
 * What each web server sends for /pre/env/a%2Fb%20c/x?k=v%2F1, from reference/servers.md section 5,
 * and variations.
 */
static void
finds_the_path_behind_each_server(void)
{
	static const char path[] = "|env|a/b c|x";
	static const struct {
		const char *name, *params, *base, *segments, *query;
	} cases[] = {
		{ "nginx, stock fastcgi_params",
		    "REQUEST_URI=/pre/env/a%2Fb%20c/x?k=v%2F1\nSCRIPT_NAME=/pre/env/a/b c/x\n"
		    "QUERY_STRING=k=v%2F1",
		    "/pre", path, "k=v%2F1" },
		{ "nginx, split_path_info",
		    "REQUEST_URI=/pre/env/a%2Fb%20c/x?k=v%2F1\nSCRIPT_NAME=/pre\n"
		    "PATH_INFO=/env/a/b c/x",
		    "", path, "k=v%2F1" },
		{ "Apache proxy_fcgi, ProxyPass",
		    "REQUEST_URI=/pre/env/a%2Fb%20c/x?k=v%2F1\nSCRIPT_NAME=/pre/env/a%2Fb c/x",
		    "/pre", path, "k=v%2F1" },
		{ "Apache proxy_fcgi, SetHandler",
		    "REQUEST_URI=/pre/env/a%2Fb%20c/x?k=v%2F1\nSCRIPT_NAME=/pre\n"
		    "PATH_INFO=/env/a%2Fb c/x",
		    "", path, "k=v%2F1" },
		{ "lighttpd",
		    "REQUEST_URI=/pre/env/a%2Fb%20c/x?k=v%2F1\nSCRIPT_NAME=/pre\n"
		    "PATH_INFO=/env/a/b c/x",
		    "", path, "k=v%2F1" },
		{ "both a base path and a script name",
		    "REQUEST_URI=/pre/env/a%2Fb%20c/x\nSCRIPT_NAME=/pre/env\nPATH_INFO=/a/b c/x",
		    "/pre", path, NULL },
		{ "a script two segments deep",
		    "REQUEST_URI=/cgi-bin/agora.cgi/ping\nSCRIPT_NAME=/cgi-bin/agora.cgi\n"
		    "PATH_INFO=/ping",
		    "", "|ping", NULL },
		{ "a script that is called with a slash alone",
		    "REQUEST_URI=/agora.cgi/\nSCRIPT_NAME=/agora.cgi\nPATH_INFO=/", "", "", NULL },
		{ "without PATH_INFO the script name says nothing",
		    "REQUEST_URI=/ping\nSCRIPT_NAME=/ping", "", "|ping", NULL },
		{ "an empty PATH_INFO says nothing",
		    "REQUEST_URI=/ping\nSCRIPT_NAME=/ping\nPATH_INFO=", "", "|ping", NULL },
		{ "a script name that ends within a segment",
		    "REQUEST_URI=/prefix/ping\nSCRIPT_NAME=/pre\nPATH_INFO=/ping", "",
		    "|prefix|ping", NULL },
		{ "a script name that is elsewhere",
		    "REQUEST_URI=/x/ping\nSCRIPT_NAME=/pre\nPATH_INFO=/ping", "", "|x|ping", NULL },
		{ "an empty script name", "REQUEST_URI=/ping\nSCRIPT_NAME=\nPATH_INFO=/ping", "",
		    "|ping", NULL },
		{ "a base path of two segments", "REQUEST_URI=/a/b/ping", "/a/b", "|ping", NULL },
		{ "the base path itself", "REQUEST_URI=/pre", "/pre", "", NULL },
		{ "the base path with a slash", "REQUEST_URI=/pre/", "/pre", "", NULL },
		{ "the base path and a query", "REQUEST_URI=/pre?a", "/pre", "", "a" },
		{ "a base path that ends within a segment", "REQUEST_URI=/prefix/ping", "/pre",
		    "|prefix|ping", NULL },
		{ "a path without the base path", "REQUEST_URI=/ping", "/pre", "|ping", NULL },
		{ "the base path is not decoded", "REQUEST_URI=/%70re/ping", "/pre", "|pre|ping",
		    NULL },
		{ "no REQUEST_URI", "PATH_INFO=/env/x\nQUERY_STRING=a=b", "", "|env|x", "a=b" },
		{ "no REQUEST_URI: PATH_INFO is decoded already", "PATH_INFO=/a%2Fb/%zz", "",
		    "|a%2Fb|%zz", NULL },
		{ "neither", "QUERY_STRING=a", "", "", "a" },
		{ "nothing", "", "", "", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct request request;
		struct buf joined = { 0 };
		const char *problem =
		    request_parse(&request, params_of(cases[i].params), cases[i].base, &arena);

		join_segments(&request, &joined);
		CHECK(problem == NULL, cases[i].name);
		CHECK(same_text(buf_view(&joined), cases[i].segments), cases[i].name);
		CHECK(cases[i].query == NULL ? request.query.length == 0
					     : same_text(request.query, cases[i].query),
		    cases[i].name);
		buf_free(&joined);
		arena_free(&arena);
	}
}

static void
cuts_off_the_query(void)
{
	static const struct {
		const char *uri, *segments, *query;
	} cases[] = {
		{ "/a?b=c", "|a", "b=c" },
		{ "/a/?b", "|a", "b" },
		{ "/a?", "|a", "" },
		{ "/a?b?c", "|a", "b?c" },
		{ "/a?b/../c%", "|a", "b/../c%" },
		{ "?b", "", "b" },
		{ "/?b", "", "b" },
		{ "/a%3Fb", "|a?b", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct request request;
		struct buf line = { 0 }, joined = { 0 };

		/* QUERY_STRING is the server's copy, of which some decode a part: it does not
		 * count. */
		buf_printf(&line, "QUERY_STRING=x=y\nREQUEST_URI=%s", cases[i].uri);
		buf_add(&line, "", 1);
		CHECK(request_parse(&request, params_of(line.data), "", &arena) == NULL,
		    cases[i].uri);
		join_segments(&request, &joined);
		CHECK(same_text(buf_view(&joined), cases[i].segments), cases[i].uri);
		CHECK(request.query.length == strlen(cases[i].query) &&
			(request.query.length == 0 || same_text(request.query, cases[i].query)),
		    cases[i].uri);
		buf_free(&line);
		buf_free(&joined);
		arena_free(&arena);
	}
}

static void
finds_parameters(void)
{
	static const struct {
		const char *params, *name, *value; /* NULL = absent */
	} cases[] = {
		{ "A=1\nB=2", "A", "1" },
		{ "A=1\nB=2", "B", "2" },
		{ "A=1\nB=2", "C", NULL },
		{ "AB=1\nA=2", "A", "2" },
		{ "A=1", "AB", NULL },
		{ "A=", "A", "" },
		{ "A", "A", NULL },
		{ "A==", "A", "=" },
		{ "A=1\nA=2", "A", "1" },
		{ "a=1", "A", NULL },
		{ "", "A", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct request request = { .params = params_of(cases[i].params) };
		struct text value = request_param(&request, cases[i].name);

		CHECK(
		    cases[i].value == NULL ? value.data == NULL : same_text(value, cases[i].value),
		    cases[i].params);
	}
}

static void
reads_the_method(void)
{
	static const struct {
		const char *params, *method;
	} cases[] = {
		{ "REQUEST_METHOD=POST", "POST" },
		{ "REQUEST_METHOD=get", "get" },
		{ "REQUEST_METHOD=", "" },
		{ "REQUEST_URI=/", "GET" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct request request;

		CHECK(request_parse(&request, params_of(cases[i].params), "", &arena) == NULL,
		    cases[i].params);
		CHECK(same_text(request.method, cases[i].method), cases[i].params);
		arena_free(&arena);
	}
}

/* The id of a request that came with this X-Request-ID; NULL = without. */
static struct text
id_given(const char *id, struct arena *arena)
{
	struct request request;
	struct buf line = { 0 };

	buf_printf(&line, "REQUEST_URI=/\n%s%s",
	    id == NULL ? "" : "HTTP_X_REQUEST_ID=", id == NULL ? "" : id);
	buf_add(&line, "", 1);
	CHECK(request_parse(&request, params_of(line.data), "", arena) == NULL, id);
	buf_free(&line);
	/* Ours live in the arena, the client's in params: a copy lives long enough. */
	return arena_copy(arena, request.id);
}

static bool
is_made(struct text id)
{
	if (id.length != 32)
		return false;
	for (size_t i = 0; i < id.length; i++)
		if (!isxdigit((unsigned char)id.data[i]) || isupper((unsigned char)id.data[i]))
			return false;
	return true;
}

static void
takes_over_request_ids(void)
{
	static const char kept[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=:@";
	static const size_t lengths[] = { 1, 127, 128 };
	struct arena arena = { 0 };
	char id[1024];

	CHECK(same_text(id_given(kept, &arena), kept), "every character that is kept");
	for (int c = 1; c < 256; c++)
		for (size_t at = 0; at < 3; at++) {
			struct text got;
			char name[16];

			if (c == '\n')
				continue; /* params_of's own */
			memcpy(id, "abc", 4);
			id[at] = (char)c;
			snprintf(name, sizeof(name), "%02x at %zu", (unsigned)c, at);
			got = id_given(id, &arena);
			CHECK(strchr(kept, c) != NULL ? same_text(got, id) : is_made(got), name);
		}
	for (size_t i = 0; i < COUNT(lengths); i++) {
		memset(id, 'i', lengths[i]);
		id[lengths[i]] = '\0';
		CHECK(same_text(id_given(id, &arena), id), "a length that is kept");
	}
	memset(id, 'i', 129);
	id[129] = '\0';
	CHECK(is_made(id_given(id, &arena)), "too long");
	CHECK(is_made(id_given("", &arena)), "empty");
	arena_free(&arena);
}

static void
makes_request_ids(void)
{
	struct arena arena = { 0 };
	struct text first = id_given(NULL, &arena), second = id_given(NULL, &arena);

	CHECK(is_made(first) && is_made(second), "32 hexadecimal digits");
	CHECK(memcmp(first.data, second.data, 32) != 0, "another each time");
	arena_free(&arena);
}

/* A path that is refused has an id too: the answer needs it. */
static void
has_an_id_where_the_path_is_refused(void)
{
	struct arena arena = { 0 };
	struct request request;

	CHECK(request_parse(&request,
		  params_of("REQUEST_URI=/%\nHTTP_X_REQUEST_ID=mine\nREQUEST_METHOD=POST"), "",
		  &arena) != NULL,
	    "refused");
	CHECK(same_text(request.id, "mine") && same_text(request.method, "POST"), "id, method");
	arena_free(&arena);
}

static void
takes_over_a_trace(void)
{
#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"
	static const struct {
		const char *header;
		bool good;
	} cases[] = {
		{ "00-" TRACE "-" PARENT "-01", true },
		{ "cc-" TRACE "-" PARENT "-00", true },
		{ "ff-" TRACE "-" PARENT "-01", false },
		{ "00-00000000000000000000000000000000-" PARENT "-01", false },
		{ "00-" TRACE "-0000000000000000-01", false },
		{ "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", false },
		{ "00-0gf7651916cd43dd8448eb211c80319c-" PARENT "-01", false },
		{ "00-" TRACE "-" PARENT "-0", false },
		{ "00-" TRACE "-" PARENT "-01-", false },
		{ "00 " TRACE "-" PARENT "-01", false },
		{ "00-" TRACE "_" PARENT "-01", false },
		{ "", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { NULL };
		struct request request;
		char params[128];
		struct text whole, trace;

		snprintf(
		    params, sizeof(params), "REQUEST_URI=/\nHTTP_TRACEPARENT=%s", cases[i].header);
		(void)request_parse(&request, params_of(params), "", &arena);
		whole = request.traceparent;
		trace = request_trace(&request);
		if (cases[i].good)
			CHECK(text_is(whole, cases[i].header) && text_is(trace, TRACE),
			    cases[i].header);
		else
			CHECK(whole.data == NULL && trace.data == NULL, cases[i].header);
		arena_free(&arena);
	}
}

/* What is passed on of a tracestate: `state` are more parameters, one a line. */
static void
check_state(const char *state, const char *wanted)
{
	struct arena arena = { NULL };
	struct buf params = { 0 };
	struct request request;

	buf_printf(&params, "HTTP_TRACEPARENT=00-" TRACE "-" PARENT "-01\n%s", state);
	buf_add(&params, "", 1);
	(void)request_parse(&request, params_of(params.data), "", &arena);
	if (wanted == NULL)
		CHECK(request.tracestate.data == NULL, state);
	else
		CHECK(text_is(request.tracestate, wanted), state);
	buf_free(&params);
	arena_free(&arena);
}

static void
passes_on_the_state_of_a_trace(void)
{
#define STATE "HTTP_TRACESTATE="
	static const struct {
		const char *params, *wanted;
	} cases[] = {
		{ STATE "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
		    "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE" },
		{ STATE "a=1 , \tb=2\t,,", "a=1,b=2" },
		{ STATE "0@_-*/z=! b~", "0@_-*/z=! b~" },
		/* Several lines are one value; a web server may join them itself. */
		{ STATE "a=1,b=2\n" STATE "\n" STATE "c=3", "a=1,b=2,c=3" },
		{ "", NULL },
		{ STATE, NULL },
		{ STATE " , ", NULL },
		{ STATE "a", NULL },
		{ STATE "a=", NULL },
		{ STATE "=1", NULL },
		{ STATE "a=1,b", NULL },
		{ STATE "a=1\n" STATE "b", NULL },
		{ STATE "A=1", NULL },
		{ STATE "@a=1", NULL },
		{ STATE "a b=1", NULL },
		{ STATE "a=1=2", NULL },
		{ STATE "a=1\t2", NULL },
		{ STATE "a=\xc3\xa9", NULL },
		{ STATE "a=\x7f", NULL },
		{ STATE "a=1\r,b=2", NULL },
	};
	struct buf state = { 0 }, wanted = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++)
		check_state(cases[i].params, cases[i].wanted);

	/* At most 32 members. */
	for (int n = 32; n <= 33; n++) {
		buf_clear(&state);
		for (int i = 0; i < n; i++)
			buf_printf(&state, "%sk%d=v", i == 0 ? STATE : ",", i);
		buf_add(&state, "", 1);
		check_state(state.data, n == 32 ? state.data + strlen(STATE) : NULL);
	}
	/* A key, and a value, of at most 256 bytes; one too large to pass on with others is left
	 * out. */
	for (int n = 256; n <= 257; n++) {
		buf_clear(&state);
		buf_clear(&wanted);
		buf_printf(&state, STATE "a=1,b=%0*d", n, 0);
		buf_printf(&wanted, "a=1,b=%0*d", n, 0);
		buf_add(&state, "", 1);
		buf_add(&wanted, "", 1);
		check_state(state.data, n == 256 ? wanted.data : NULL);
		buf_clear(&state);
		buf_printf(&state, STATE "a%0*d=1", n - 1, 0);
		buf_add(&state, "", 1);
		check_state(state.data, n == 256 ? state.data + strlen(STATE) : NULL);
	}
	/* At most 512 bytes: first those of more than 128 go, then the last. */
	for (int n = 124; n <= 128; n++) {
		buf_clear(&state);
		buf_clear(&wanted);
		buf_text(&wanted, "a=1");
		buf_printf(&state, STATE "a=1");
		for (char c = 'b'; c <= 'e'; c++) {
			buf_printf(&state, ",%c=%0*d", c, n, 0);
			/* 3 and four times 3 + 124 are 511; with 125 they are 515. */
			if (n == 124 || c != 'e')
				buf_printf(&wanted, ",%c=%0*d", c, n, 0);
		}
		buf_add(&state, "", 1);
		buf_add(&wanted, "", 1);
		check_state(state.data, wanted.data);
	}
	buf_clear(&state);
	buf_printf(&state, STATE "a=%0*d,b=%0*d,c=%0*d,d=%0*d", 200, 0, 126, 0, 126, 0, 126, 0);
	buf_add(&state, "", 1);
	buf_clear(&wanted);
	buf_printf(&wanted, "b=%0*d,c=%0*d,d=%0*d", 126, 0, 126, 0, 126, 0);
	buf_add(&wanted, "", 1);
	check_state(state.data, wanted.data);
	buf_free(&state);
	buf_free(&wanted);

	/* None without a good traceparent, and two of those are none. */
	for (int i = 0; i < 2; i++) {
		struct arena arena = { NULL };
		struct request request;

		(void)request_parse(&request,
		    params_of(i == 0 ? STATE "a=1"
				     : "HTTP_TRACEPARENT=00-" TRACE "-" PARENT "-01\n"
				       "HTTP_TRACEPARENT=00-" TRACE "-" PARENT "-01\n" STATE "a=1"),
		    "", &arena);
		CHECK(request.tracestate.data == NULL && request.traceparent.data == NULL,
		    i == 0 ? "no traceparent" : "two of them");
		arena_free(&arena);
	}
}

static void
reads_queries(void)
{
	static const struct {
		struct text query;
		struct text pairs; /* "name=value|" each */
	} cases[] = {
		{ TEXT(""), TEXT("") },
		{ TEXT("a=1"), TEXT("a=1|") },
		{ TEXT("a=1&b=2"), TEXT("a=1|b=2|") },
		{ TEXT("a=1&a=2"), TEXT("a=1|a=2|") },
		{ TEXT("a"), TEXT("a=|") },
		{ TEXT("a="), TEXT("a=|") },
		{ TEXT("=1"), TEXT("=1|") },
		{ TEXT("="), TEXT("=|") },
		{ TEXT("a=b=c"), TEXT("a=b=c|") },
		{ TEXT("&"), TEXT("") },
		{ TEXT("&&a=1&&b=2&"), TEXT("a=1|b=2|") },
		{ TEXT("a+b=c+d"), TEXT("a b=c d|") },
		{ TEXT("%61%3D=%26%2B"), TEXT("a==&+|") },
		{ TEXT("a=%00"), TEXT("a=\0|") },
		{ TEXT("a=%2541"), TEXT("a=%41|") },
		{ TEXT("a=%"), TEXT("a=%|") },
		{ TEXT("a=%4"), TEXT("a=%4|") },
		{ TEXT("a=%4&b=1"), TEXT("a=%4|b=1|") },
		{ TEXT("a=%zz%41"), TEXT("a=%zzA|") },
		{ TEXT("%=%"), TEXT("%=%|") },
		{ TEXT("a;b=1"), TEXT("a;b=1|") },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena arena = { 0 };
		struct text query = { guarded(cases[i].query.data, cases[i].query.length),
			cases[i].query.length };
		struct text name, value;
		struct buf pairs = { 0 };

		while (query_next(&query, &arena, &name, &value)) {
			buf_add(&pairs, name.data, name.length);
			buf_text(&pairs, "=");
			buf_add(&pairs, value.data, value.length);
			buf_text(&pairs, "|");
		}
		CHECK(pairs.length == cases[i].pairs.length &&
			memcmp(buf_view(&pairs).data, cases[i].pairs.data, pairs.length) == 0,
		    cases[i].query.data);
		CHECK(query.length == 0, cases[i].query.data);
		buf_free(&pairs);
		arena_free(&arena);
	}
}

static void
survives_every_query(void)
{
	static const char sample[] = "expiry=%33%36&a%3Db+c=%C3%A9&&x";

	for (size_t length = 0; length < sizeof(sample); length++)
		for (size_t bit = 0; bit < 8 * length + 1; bit++) {
			struct arena arena = { 0 };
			char bytes[sizeof(sample)];
			struct text query, name, value;
			size_t total = 0, pairs = 0;

			memcpy(bytes, sample, length);
			if (bit < 8 * length) {
				if (length + 1 < sizeof(sample))
					continue; /* bits are flipped in the whole one */
				bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
			}
			query = (struct text){ guarded(bytes, length), length };
			while (query_next(&query, &arena, &name, &value)) {
				total += name.length + value.length;
				pairs++;
			}
			CHECK(total <= length && pairs <= length, "no longer than it was");
			arena_free(&arena);
		}
}

static void
keeps_what_outlives_the_parameters(void)
{
	struct arena arena = { 0 };
	struct request request;
	char *params = strdup("REQUEST_METHOD=POST"), *id = strdup("HTTP_X_REQUEST_ID=the-id"),
	     *address = strdup("REMOTE_ADDR=192.0.2.7");
	char *all[] = { params, id, address, NULL };

	(void)request_parse(&request, all, "", &arena);
	request_keep(&request, &arena);
	free(params);
	free(id);
	free(address);
	CHECK(text_is(request.method, "POST") && text_is(request.id, "the-id") &&
		text_is(request.address, "192.0.2.7") && request.traceparent.data == NULL,
	    "kept");
	CHECK(request_param(&request, "REQUEST_METHOD").data == NULL && request.body.data == NULL &&
		request.segment_count == 0,
	    "forgotten");
	arena_free(&arena);
}

CU_TestInfo http_request_tests[] = {
	{ "reads paths", reads_paths },
	{ "refuses NUL", refuses_nul },
	{ "finds the path behind each server", finds_the_path_behind_each_server },
	{ "cuts off the query", cuts_off_the_query },
	{ "finds parameters", finds_parameters },
	{ "reads the method", reads_the_method },
	{ "takes over request ids", takes_over_request_ids },
	{ "makes request ids", makes_request_ids },
	{ "has an id where the path is refused", has_an_id_where_the_path_is_refused },
	{ "takes over a trace", takes_over_a_trace },
	{ "passes on the state of a trace", passes_on_the_state_of_a_trace },
	{ "keeps what outlives the parameters", keeps_what_outlives_the_parameters },
	{ "reads queries", reads_queries },
	{ "survives every query", survives_every_query },
	CU_TEST_INFO_NULL,
};
