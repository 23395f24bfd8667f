#include "lists.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CALLERS 4

/* Agora's stand-in: what was sent to it, oldest first. */
static struct call *sent[16];
static size_t sent_count, cancelled;

static struct rest rest;
static struct rest_project project;
static struct services services;
static struct pace pace = { .api = "pull" };
static struct exchange x[CALLERS];
static struct call calls[CALLERS];
static size_t went_on, finished;

static void
note_sent(void *owner, struct call *call)
{
	(void)owner;
	sent[sent_count++] = call;
}

static void
note_cancelled(void *owner, struct call *call)
{
	(void)owner, (void)call;
	cancelled++;
}

static enum step
next(struct exchange *exchange)
{
	CHECK(agora_answer(exchange) == &calls[exchange - x], "its own call");
	went_on++;
	return NEXT;
}

static void
complete(struct exchange *exchange, enum step step)
{
	(void)exchange, (void)step;
}

static void
finish(struct exchange *exchange)
{
	(void)exchange;
	finished++;
}

static void
begin(void)
{
	sent_count = cancelled = went_on = finished = 0;
	rest = (struct rest){ .sender = { NULL, note_sent, note_cancelled },
		.lists = lists_open(),
		.projects = &project,
		.project_count = 1 };
	services = (struct services){ .rest = &rest };
	for (size_t i = 0; i < CALLERS; i++) {
		x[i].context = &services;
		x[i].complete = complete;
		x[i].finished = finish;
	}
}

static void
end(void)
{
	for (size_t i = 0; i < CALLERS; i++) {
		call_free(&calls[i]);
		exchange_free(&x[i]);
	}
	lists_close(rest.lists);
}

static enum step
ask(size_t who, const char *path, int64_t keep_ms)
{
	call_free(&calls[who]);
	calls[who] = (struct call){ .method = "GET",
		.path = text_of(path),
		.credentials = &project.credentials,
		.pace = &pace };
	return lists_ask(&x[who], &calls[who], keep_ms, next);
}

static void
answer(size_t which, int status, const char *body)
{
	struct call *call = sent[which];

	call->outcome = CALL_ANSWERED;
	call->status = status;
	buf_text(&call->answer, body);
	call_read(call);
	call->done(call);
}

static bool
has_list(size_t who)
{
	struct json_object *list = NULL;

	return calls[who].outcome == CALL_ANSWERED && calls[who].status == 200 &&
	    json_object_object_get_ex(calls[who].json, "list", &list);
}

static void
asks_once(void)
{
	begin();
	CHECK(ask(0, "/a", 60000) == WAITING, "the first waits");
	CHECK(ask(1, "/a", 60000) == WAITING, "the second waits with it");
	CHECK(ask(2, "/b", 60000) == WAITING, "another list");
	CHECK(sent_count == 2, "calls");
	answer(0, 200, "{\"list\":[]}");
	CHECK(went_on == 2 && finished == 2 && has_list(0) && has_list(1), "both have it");
	CHECK(calls[0].json != calls[1].json, "each its own");
	CHECK(ask(3, "/a", 60000) == NEXT && has_list(3) && sent_count == 2, "later: at once");
	CHECK(lists_kept(rest.lists) > 0, "bytes");
	end();
}

static void
keeps_no_failure(void)
{
	begin();
	(void)ask(0, "/a", 60000);
	(void)ask(1, "/a", 60000);
	answer(0, 503, "{}");
	CHECK(went_on == 2 && calls[1].status == 503, "told to both");
	CHECK(ask(2, "/a", 60000) == WAITING && sent_count == 2, "asked again");
	answer(1, 200, "not JSON");
	CHECK(ask(3, "/a", 60000) == WAITING && sent_count == 3, "and again");
	CHECK(lists_kept(rest.lists) == 0, "bytes");
	end();
}

static void
forgets_what_changed(void)
{
	struct credentials other = { 0 };

	begin();
	(void)ask(0, "/a", 60000);
	answer(0, 200, "{\"list\":[]}");
	lists_forget(rest.lists, &project.credentials, "push");
	lists_forget(rest.lists, &other, "pull");
	CHECK(ask(1, "/a", 60000) == NEXT, "of another API or project: kept");
	lists_forget(rest.lists, &project.credentials, "pull");
	CHECK(ask(1, "/a", 60000) == WAITING && sent_count == 2, "of this one: asked again");
	lists_forget(rest.lists, &project.credentials, "pull");
	CHECK(ask(2, "/a", 60000) == WAITING && sent_count == 3, "changed while it was asked for");
	answer(1, 200, "{\"list\":[]}");
	CHECK(has_list(1) && went_on == 3 && lists_kept(rest.lists) == 0, "good for who waited");
	answer(2, 200, "{\"list\":[]}");
	CHECK(ask(3, "/a", 60000) == NEXT && sent_count == 3, "the newer one is kept");
	end();
}

static void
is_left_by_those_who_go(void)
{
	begin();
	(void)ask(0, "/a", 60000);
	(void)ask(1, "/a", 60000);
	x[0].cancel(&x[0]);
	CHECK(cancelled == 0, "somebody waits yet");
	answer(0, 200, "{\"list\":[]}");
	CHECK(went_on == 1 && has_list(1) && calls[0].json == NULL, "and alone is told");
	(void)ask(2, "/b", 60000);
	x[2].cancel(&x[2]);
	CHECK(cancelled == 1, "nobody waits");
	CHECK(ask(3, "/b", 60000) == WAITING && sent_count == 3, "asked again");
	end();
}

/* However many lists there are, and however long. */
static void
keeps_a_bounded_number_of_bytes(void)
{
	static char body[1000000], path[32];

	begin();
	snprintf(body, sizeof(body), "{\"list\":[]}%*s", (int)sizeof(body) - 20, "");
	for (int i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		sent_count = 0;
		CHECK(ask(0, path, 60000) == WAITING, path);
		answer(0, 200, i % 3 == 0 ? body : "{\"list\":[]}");
		CHECK(has_list(0), path);
		CHECK(lists_kept(rest.lists) <= LISTS_BYTES, path);
	}
	CHECK(lists_kept(rest.lists) > 0, "something is kept");
	CHECK(ask(1, "/0", 60000) == WAITING, "the oldest is forgotten");
	CHECK(ask(2, "/199", 60000) == NEXT, "the newest is not");
	end();
}

CU_TestInfo services_lists_tests[] = {
	{ "asks once", asks_once },
	{ "keeps no failure", keeps_no_failure },
	{ "forgets what changed", forgets_what_changed },
	{ "is left by those who go", is_left_by_those_who_go },
	{ "keeps a bounded number of bytes", keeps_a_bounded_number_of_bytes },
	CU_TEST_INFO_NULL,
};
