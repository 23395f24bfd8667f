#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "caller.h"
#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "policies.h"

#define HOUR 3600
#define DAY 86400
#define URL_HASH "1795ddef3f50ae4012def311fefbadbe"
#define POLICY                                                                                     \
	"{\"callers\":{\"login\":{\"type\":\"jwt\",\"keys\":\"https://id.example/keys\","          \
	"\"algorithms\":[\"EdDSA\",\"ES256\"],\"issuer\":\"login\",\"audience\":\"tokens\"}},"     \
	"\"grants\":[]}"

/* Keys by their letter: 'a' and 'b' each sign by one of their own. */
static void
make_pair(char key, unsigned char *public_key, unsigned char *secret_key)
{
	unsigned char seed[crypto_sign_SEEDBYTES];

	memset(seed, key, sizeof(seed));
	crypto_sign_seed_keypair(public_key, secret_key, seed);
}

static void
put_base64(struct buf *out, const void *bytes, size_t length)
{
	const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	size_t room = sodium_base64_encoded_len(length, variant);

	sodium_bin2base64(buf_reserve(out, room), room, bytes, length, variant);
	out->length += room - 1;
}

/* A set of one key; kid NULL: without. */
static void
put_set(struct buf *out, char key, const char *kid)
{
	unsigned char public_key[crypto_sign_PUBLICKEYBYTES],
	    secret_key[crypto_sign_SECRETKEYBYTES];

	make_pair(key, public_key, secret_key);
	buf_text(out, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
	put_base64(out, public_key, sizeof(public_key));
	buf_text(out, "\"");
	if (kid != NULL)
		buf_printf(out, ",\"kid\":\"%s\"", kid);
	buf_text(out, "}]}");
}

struct token {
	char key;
	const char *kid, *alg, *issuer; /* NULL: none; EdDSA; login */
	bool expired;
};

static void
put_token(struct buf *out, const struct token *t, int64_t now)
{
	unsigned char public_key[crypto_sign_PUBLICKEYBYTES],
	    secret_key[crypto_sign_SECRETKEYBYTES];
	unsigned char signature[crypto_sign_BYTES];
	struct buf part = { 0 };
	size_t start = out->length;

	buf_printf(&part, "{\"alg\":\"%s\"", t->alg == NULL ? "EdDSA" : t->alg);
	if (t->kid != NULL)
		buf_printf(&part, ",\"kid\":\"%s\"", t->kid);
	buf_text(&part, "}");
	put_base64(out, part.data, part.length);
	buf_clear(&part);
	buf_printf(&part, "{\"iss\":\"%s\",\"aud\":\"tokens\",\"sub\":\"ann\",\"exp\":%lld}",
	    t->issuer == NULL ? "login" : t->issuer, (long long)(t->expired ? now - 60 : now + 60));
	buf_text(out, ".");
	put_base64(out, part.data, part.length);
	make_pair(t->key, public_key, secret_key);
	crypto_sign_detached(signature, NULL, (const unsigned char *)out->data + start,
	    out->length - start, secret_key);
	buf_text(out, ".");
	put_base64(out, signature, sizeof(signature));
	buf_free(&part);
}

/* The client: it only notes what it is given. */

static struct call *sent;
static int sent_count, cancelled, went_on;

static void
note_sent(void *owner, struct call *call)
{
	(void)owner;
	sent = call;
	sent_count++;
}

static void
note_cancelled(void *owner, struct call *call)
{
	(void)owner;
	CHECK(call == sent, "the call that was sent");
	cancelled++;
}

static const struct sender client = { NULL, note_sent, note_cancelled };

static void
answer(int status, struct text body)
{
	struct call *call = sent;

	sent = NULL;
	call->outcome = status == 0 ? CALL_NOT_DONE : CALL_ANSWERED;
	call->status = status;
	buf_add(&call->answer, body.data, body.length);
	call->done(call);
}

static enum step
go_on(struct exchange *exchange)
{
	(void)exchange;
	went_on++;
	return ANSWERED;
}

static void
complete(struct exchange *exchange, enum step step)
{
	(void)exchange;
	(void)step;
}

static void
finished(struct exchange *exchange)
{
	(void)exchange;
}

struct world {
	struct policy *policy;
	struct remote_key_list *list;
	struct remote_keys *wanted; /* by the last token */
	struct exchange exchange;
};

static void
open_world_of(
    struct world *w, const char *policy, const struct sender *sender, struct text directory)
{
	log_set_level(LOG_LEVEL_ERROR); /* what could not be fetched is said each time */
	*w = (struct world){ .policy = policy_of(policy) };
	w->list = remote_keys_open(w->policy, sender, directory);
	w->exchange =
	    (struct exchange){ .next = go_on, .complete = complete, .finished = finished };
	sent = NULL;
	sent_count = cancelled = went_on = 0;
}

static void
open_world(struct world *w, const struct sender *sender, struct text directory)
{
	open_world_of(w, POLICY, sender, directory);
}

static void
close_world(struct world *w)
{
	remote_keys_close(w->list);
	exchange_free(&w->exchange);
	policy_close(w->policy);
	log_set_level(LOG_LEVEL_INFO);
}

static enum caller_answer
identify(struct world *w, const struct token *token, int64_t now)
{
	struct buf header = { 0 };
	struct identity identity;
	struct caller_reason reason;
	char *params[2] = { NULL, NULL };
	struct request request = { .params = params };
	enum caller_answer said;

	buf_text(&header, "HTTP_AUTHORIZATION=Bearer ");
	put_token(&header, token, now);
	buf_add(&header, "", 1);
	params[0] = header.data;
	said = caller_identify(w->policy, w->list, &request, now, &identity, &reason);
	w->wanted = reason.wanted;
	json_object_put(identity.claims);
	buf_free(&header);
	return said;
}

static void
fetch(struct world *w, int64_t now, int status, struct text body)
{
	w->exchange.now = now;
	CHECK(remote_keys_wait(w->wanted, &w->exchange, TEXT("192.0.2.1")) == WAITING, "it waits");
	answer(status, body);
}

/* A world that has fetched a set of key a; kid NULL: that has none. */
static void
open_fetched(struct world *w, const char *kid, struct text directory, int64_t at)
{
	const struct token first = { .key = 'a', .kid = kid };
	struct buf set = { 0 };

	open_world(w, &client, directory);
	put_set(&set, 'a', kid);
	CHECK(identify(w, &first, at) == CALLER_KEYS_WANTED, "the first token wants them");
	fetch(w, at, 200, buf_view(&set));
	CHECK(went_on == 1 && identify(w, &first, at) == CALLER_KNOWN, "and is known then");
	buf_free(&set);
}

static const struct text nowhere = { NULL, 0 };

/* So many seconds behind the first fetch. */
static void
knows_when_to_fetch(void)
{
	static const struct {
		const char *rule, *kid; /* of the set */
		int64_t later;
		struct token token;
		enum caller_answer said;
		bool fetches; /* without anyone waiting for it */
	} cases[] = {
		{ "fresh", "a", HOUR - 1, { 'a', "a" }, CALLER_KNOWN, false },
		{ "an hour old", "a", HOUR, { 'a', "a" }, CALLER_KNOWN, true },
		{ "nearly a day old", "a", DAY - 1, { 'a', "a" }, CALLER_KNOWN, true },
		{ "a day old", "a", DAY, { 'a', "a" }, CALLER_KEYS_WANTED, false },
		{ "the clock was set back", "a", -9, { 'a', "a" }, CALLER_KNOWN, true },
		{ "an unknown kid, too soon", "a", 299, { 'b', "b" }, CALLER_UNKNOWN, false },
		{ "an unknown kid", "a", 300, { 'b', "b" }, CALLER_KEYS_WANTED, false },
		{ "an unknown kid, and the clock was set back", "a", -9, { 'b', "b" },
		    CALLER_KEYS_WANTED, true },
		{ "no key fits, too soon", NULL, 299, { 'b', NULL }, CALLER_UNKNOWN, false },
		{ "no key fits", NULL, 300, { 'b', NULL }, CALLER_KEYS_WANTED, false },
		{ "no key fits, whatever kid it names", NULL, 300, { 'b', "b" }, CALLER_KEYS_WANTED,
		    false },
		{ "the key of that kid does not fit", "a", 300, { 'b', "a" }, CALLER_KEYS_WANTED,
		    false },
		{ "an algorithm that is not allowed", "a", 300, { 'b', "b", "HS256" },
		    CALLER_UNKNOWN, false },
		{ "another's algorithm for that kid", "a", 300, { 'b', "a", "ES256" },
		    CALLER_UNKNOWN, false },
		{ "expired", "a", 300, { 'a', "a", .expired = true }, CALLER_UNKNOWN, false },
		{ "another issuer", "a", 300, { 'a', "a", .issuer = "x" }, CALLER_UNKNOWN, false },
	};
	const int64_t start = unix_seconds();

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;

		open_fetched(&w, cases[i].kid, nowhere, start);
		CHECK(identify(&w, &cases[i].token, start + cases[i].later) == cases[i].said,
		    cases[i].rule);
		CHECK((w.wanted != NULL) == (cases[i].said == CALLER_KEYS_WANTED), cases[i].rule);
		CHECK((sent_count == 2) == cases[i].fetches, cases[i].rule);
		close_world(&w);
		CHECK(cancelled == (cases[i].fetches ? 1 : 0), "closing gives it up");
	}
}

static void
takes_new_keys(void)
{
	const struct token a = { 'a', NULL }, b = { 'b', NULL };
	const int64_t start = unix_seconds();
	struct buf set = { 0 };
	struct world w;

	open_fetched(&w, NULL, nowhere, start);
	CHECK(identify(&w, &b, start + 300) == CALLER_KEYS_WANTED, "the other key");
	put_set(&set, 'b', NULL);
	fetch(&w, start + 300, 200, buf_view(&set));
	CHECK(identify(&w, &b, start + 300) == CALLER_KNOWN, "is there");
	CHECK(identify(&w, &a, start + 599) == CALLER_UNKNOWN, "the first is gone");
	CHECK(identify(&w, &a, start + 600) == CALLER_KEYS_WANTED, "and worth a look again");
	close_world(&w);
	buf_free(&set);
}

/* What cannot be used leaves the old keys, and is not asked for again at once. */
static void
keeps_keys_when_a_fetch_fails(void)
{
	static const struct {
		int status;
		const char *body; /* "b": a good set, of that key; "long": with too many blanks */
	} cases[] = {
		{ 0, "" },
		{ 500, "b" },
		{ 404, "b" },
		{ 203, "b" },
		{ 200, "long" },
		{ 304, "" },
		{ 200, "" },
		{ 200, "<html>" },
		{ 200, "{\"keys\":[]}" },
		{ 200, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}]}" },
		{ 200,
		    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\",\"d\":\"AA\"}]"
		    "}" },
		{ 200,
		    "{\"keys\":[{\"kty\":\"oct\",\"k\":"
		    "\"YW4gSFMyNTYgc2VjcmV0IG9mIDMyIGJ5dGVzLCB5ZXM\"}]}" },
	};
	const struct token a = { 'a', "a" }, b = { 'b', "b" };
	const int64_t start = unix_seconds();
	struct buf good = { 0 }, large = { 0 };

	put_set(&good, 'b', "b");
	put_set(&large, 'b', "b");
	while (large.length <= KEYS_TEXT_MAX)
		buf_text(&large, " ");
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct text body = strcmp(cases[i].body, "b") == 0 ? buf_view(&good)
		    : strcmp(cases[i].body, "long") == 0                 ? buf_view(&large)
									 : text_of(cases[i].body);
		int64_t age;
		struct world w;

		open_fetched(&w, "a", nowhere, start);
		CHECK(identify(&w, &b, start + 300) == CALLER_KEYS_WANTED, cases[i].body);
		fetch(&w, start + 300, cases[i].status, body);
		metrics_reset();
		remote_keys_metrics(w.list, start + 400);
		CHECK(metric_total(METRIC_KEYS_AGE, &age) && age == 400, "the age of the old ones");
		CHECK(identify(&w, &b, start + 300) == CALLER_UNKNOWN, cases[i].body);
		CHECK(identify(&w, &a, start + DAY - 1) == CALLER_KNOWN, cases[i].body);
		CHECK(remote_keys_ready(w.list, start + DAY - 1), cases[i].body);
		close_world(&w);

		open_world(&w, &client, nowhere);
		CHECK(remote_keys_ready(w.list, start), "before the first token");
		CHECK(identify(&w, &a, start) == CALLER_KEYS_WANTED, "none are there");
		fetch(&w, start, cases[i].status, body);
		CHECK(!remote_keys_ready(w.list, start), "and none came");
		CHECK(identify(&w, &a, start + 9) == CALLER_KEYS_MISSING, "too soon");
		CHECK(identify(&w, &a, start + 10) == CALLER_KEYS_WANTED, "after ten seconds");
		close_world(&w);
	}
	metrics_reset();
	buf_free(&large);
	buf_free(&good);
}

/* All that wait are told by one fetch; who has gone is not. */
static void
fetches_once_for_all_that_wait(void)
{
	const struct token a = { 'a', "a" };
	const int64_t start = unix_seconds();
	struct exchange others[3];
	struct buf set = { 0 };
	struct world w;

	open_world(&w, &client, nowhere);
	put_set(&set, 'a', "a");
	for (size_t i = 0; i < COUNT(others); i++) {
		others[i] = (struct exchange){
			.next = go_on, .complete = complete, .finished = finished, .now = start
		};
		CHECK(identify(&w, &a, start) == CALLER_KEYS_WANTED, "each wants them");
		CHECK(remote_keys_wait(w.wanted, &others[i], TEXT("-")) == WAITING, "each waits");
	}
	others[1].cancel(&others[1]);
	CHECK(sent_count == 1, "one fetch");
	CHECK(sent->credentials == NULL && sent->path.data == NULL, "nothing of Agora's in it");
	answer(200, buf_view(&set));
	CHECK(went_on == 2, "those who are still there");
	close_world(&w);
	buf_free(&set);
}

/* Few may wait, and fewer of one address; who goes gives the place up. */
static void
bounds_those_that_wait(void)
{
	const struct token a = { 'a', "a" };
	const int64_t start = unix_seconds();
	static struct exchange all[REMOTE_KEYS_WAITING];
	struct buf set = { 0 };
	struct world w;
	size_t n = 0;

	open_world(&w, &client, nowhere);
	put_set(&set, 'a', "a");
	CHECK(identify(&w, &a, start) == CALLER_KEYS_WANTED, "they are wanted");
	for (int address = 0; n < COUNT(all); address++) {
		char text[LIMIT_ADDRESS_SIZE];

		snprintf(text, sizeof(text), "192.0.2.%d", address);
		for (int i = 0; i < REMOTE_KEYS_WAITING_OF; i++, n++) {
			CHECK(remote_keys_have_room(w.wanted, text_of(text)), text);
			all[n] = (struct exchange){ .next = go_on,
				.complete = complete,
				.finished = finished,
				.now = start };
			remote_keys_wait(w.wanted, &all[n], text_of(text));
		}
		CHECK(!remote_keys_have_room(w.wanted, text_of(text)), "one address has its part");
	}
	CHECK(remote_keys_waiting(w.list) == COUNT(all), "all of them");
	CHECK(!remote_keys_have_room(w.wanted, TEXT("203.0.113.1")), "nor has another room");
	all[0].cancel(&all[0]);
	CHECK(remote_keys_waiting(w.list) == COUNT(all) - 1, "one has gone");
	CHECK(remote_keys_have_room(w.wanted, TEXT("203.0.113.1")), "so another may");
	CHECK(remote_keys_have_room(w.wanted, TEXT("192.0.2.0")), "or one of that address");
	CHECK(!remote_keys_have_room(w.wanted, TEXT("192.0.2.1")), "but not of others");
	CHECK(sent_count == 1, "one fetch");
	answer(200, buf_view(&set));
	CHECK(went_on == (int)COUNT(all) - 1, "those who are still there");
	CHECK(remote_keys_waiting(w.list) == 0, "nobody waits");
	CHECK(remote_keys_have_room(w.wanted, TEXT("192.0.2.1")), "and there is room");
	close_world(&w);
	buf_free(&set);
}

static void
set_age(const char *path, int64_t when)
{
	const struct timespec times[] = { { .tv_sec = when }, { .tv_sec = when } };

	CHECK(utimensat(AT_FDCWD, path, times, 0) == 0, path);
}

/* Programs without a memory: each of these opens as a new one does. */
static void
keeps_keys_in_a_directory(void)
{
	const struct sender none = { .send = NULL };
	const struct token a = { 'a', "a" }, b = { 'b', "b" };
	const int64_t now = unix_seconds();
	char directory[] = "/tmp/agora-keys-XXXXXX", file[80], tried[96];
	const char *made = mkdtemp(directory);
	struct stat info;
	struct world w;
	FILE *broken;

	CHECK(made != NULL, "a directory");
	/* printf https://id.example/keys | sha256sum */
	snprintf(file, sizeof(file), "%s/keys-%s.json", directory, URL_HASH);
	snprintf(tried, sizeof(tried), "%s.tried", file);
	open_fetched(&w, "a", text_of(directory), now);
	close_world(&w);
	CHECK(stat(file, &info) == 0 && (info.st_mode & 07777) == 0600, "nobody else's");
	CHECK(stat(tried, &info) == 0 && (info.st_mode & 07777) == 0600, "nor that");

	open_world(&w, &none, text_of(directory));
	CHECK(identify(&w, &a, now) == CALLER_KNOWN, "the keys are there");
	CHECK(identify(&w, &b, now + DAY - 1) == CALLER_UNKNOWN, "others cannot be fetched");
	CHECK(identify(&w, &a, now + DAY) == CALLER_KEYS_MISSING, "for a day");
	close_world(&w);
	open_world(&w, &client, text_of(directory));
	CHECK(identify(&w, &b, now + 298) == CALLER_UNKNOWN, "not fetched again so soon");
	CHECK(identify(&w, &b, now + 310) == CALLER_KEYS_WANTED, "but later");
	close_world(&w);
	set_age(file, now - DAY);
	set_age(tried, now - 9);
	open_world(&w, &client, text_of(directory));
	CHECK(identify(&w, &a, now) == CALLER_KEYS_MISSING, "too old, and tried just now");
	CHECK(identify(&w, &a, now + 1) == CALLER_KEYS_WANTED, "ten seconds later");
	close_world(&w);
	set_age(file, now + 400 * DAY);
	open_world(&w, &none, text_of(directory));
	CHECK(identify(&w, &a, now) == CALLER_KEYS_MISSING, "a time to come says no age");
	close_world(&w);
	broken = fopen(file, "w");
	CHECK(broken != NULL && fputs("{\"keys\":[", broken) > 0 && fclose(broken) == 0, file);
	open_world(&w, &none, text_of(directory));
	CHECK(identify(&w, &a, now) == CALLER_KEYS_MISSING, "what is broken is nothing");
	close_world(&w);
	unlink(file);
	unlink(tried);
	CHECK(rmdir(directory) == 0, "nothing else was left there");
}

/* Whoever could write them could make tokens. */
static void
takes_no_keys_of_others(void)
{
	static const mode_t modes[] = { 0600, 0644, 0620, 0602 };
	const struct sender none = { .send = NULL };
	const struct token a = { 'a', "a" };
	const int64_t now = unix_seconds();
	char directory[] = "/tmp/agora-keys-XXXXXX", file[80], tried[96], link[80];
	struct world w;

	CHECK(mkdtemp(directory) != NULL, "a directory");
	snprintf(file, sizeof(file), "%s/keys-%s.json", directory, URL_HASH);
	snprintf(tried, sizeof(tried), "%s.tried", file);
	snprintf(link, sizeof(link), "%s/link", directory);
	open_fetched(&w, "a", text_of(directory), now);
	close_world(&w);
	for (size_t i = 0; i < COUNT(modes); i++) {
		CHECK(chmod(file, modes[i]) == 0, file);
		open_world(&w, &none, text_of(directory));
		CHECK(
		    identify(&w, &a, now) == (modes[i] & 022 ? CALLER_KEYS_MISSING : CALLER_KNOWN),
		    "only who may write them");
		close_world(&w);
	}
	CHECK(chmod(file, 0600) == 0 && rename(file, link) == 0 && symlink(link, file) == 0, link);
	open_world(&w, &none, text_of(directory));
	CHECK(identify(&w, &a, now) == CALLER_KEYS_MISSING, "nor what a link leads to");
	close_world(&w);
	unlink(link);
	unlink(file);
	unlink(tried);
	CHECK(rmdir(directory) == 0, "nothing else was left there");
}

/* A process that serves one request fetches behind its answer what the next one needs. */
static void
defers_what_nobody_waits_for(void)
{
	const struct token a = { 'a', "a" }, b = { 'b', "b" };
	const int64_t now = unix_seconds();
	char directory[] = "/tmp/agora-keys-XXXXXX", file[80], tried[96];
	struct buf set = { 0 };
	struct stat info;
	struct world w;

	CHECK(mkdtemp(directory) != NULL, "a directory");
	snprintf(file, sizeof(file), "%s/keys-%s.json", directory, URL_HASH);
	snprintf(tried, sizeof(tried), "%s.tried", file);
	put_set(&set, 'b', "b");
	open_fetched(&w, "a", text_of(directory), now);
	close_world(&w);

	open_world(&w, &client, text_of(directory));
	remote_keys_defer(w.list);
	CHECK(identify(&w, &a, now) == CALLER_KNOWN, "fresh");
	CHECK(!remote_keys_due(w.list), "there is nothing to do");
	close_world(&w);

	set_age(file, now - HOUR);
	set_age(tried, now - HOUR);
	open_world(&w, &client, text_of(directory));
	remote_keys_defer(w.list);
	CHECK(identify(&w, &a, now) == CALLER_KNOWN, "an hour old");
	CHECK(sent_count == 0 && remote_keys_due(w.list), "nothing is fetched yet");
	CHECK(stat(tried, &info) == 0 && info.st_mtime == now - HOUR, "nor said to be");
	remote_keys_fetch_due(w.list, now);
	CHECK(sent_count == 1 && remote_keys_due(w.list), "it is under way");
	CHECK(stat(tried, &info) == 0 && info.st_mtime >= now, "as others see");
	answer(200, buf_view(&set));
	CHECK(!remote_keys_due(w.list), "all is done");
	close_world(&w);

	open_world(&w, &client, text_of(directory));
	remote_keys_defer(w.list);
	CHECK(identify(&w, &b, now) == CALLER_KNOWN, "the next one has the new key");
	close_world(&w);

	/* Another process has begun meanwhile. */
	set_age(file, now - HOUR);
	set_age(tried, now - HOUR);
	open_world(&w, &client, text_of(directory));
	remote_keys_defer(w.list);
	CHECK(identify(&w, &b, now) == CALLER_KNOWN && remote_keys_due(w.list), "an hour old");
	set_age(tried, now);
	remote_keys_fetch_due(w.list, now);
	CHECK(sent_count == 0 && !remote_keys_due(w.list), "left to that");
	close_world(&w);

	/* What somebody waits for is not fetched once more. */
	set_age(tried, now - HOUR);
	open_world(&w, &client, text_of(directory));
	remote_keys_defer(w.list);
	CHECK(identify(&w, &a, now) == CALLER_KEYS_WANTED && remote_keys_due(w.list), "both");
	fetch(&w, now, 200, buf_view(&set));
	CHECK(!remote_keys_due(w.list), "one fetch is for both");
	close_world(&w);
	unlink(file);
	unlink(tried);
	CHECK(rmdir(directory) == 0, "nothing else was left there");
	buf_free(&set);
}

/* Where others can write to the directory, they cannot have another file written to. */
static void
follows_no_links(void)
{
	char directory[] = "/tmp/agora-keys-XXXXXX", target[80], names[3][112];
	const int64_t now = unix_seconds();
	struct stat info;
	struct world w;

	CHECK(mkdtemp(directory) != NULL, "a directory");
	snprintf(target, sizeof(target), "%s/target", directory);
	snprintf(
	    names[0], sizeof(names[0]), "%s/keys-%s.json.%ld", directory, URL_HASH, (long)getpid());
	snprintf(names[1], sizeof(names[1]), "%s/keys-%s.json.tried", directory, URL_HASH);
	snprintf(names[2], sizeof(names[2]), "%s/keys-%s.json", directory, URL_HASH);
	for (size_t i = 0; i < 2; i++) {
		CHECK(symlink(target, names[i]) == 0, names[i]);
		open_fetched(&w, "a", text_of(directory), now);
		close_world(&w);
		CHECK(stat(target, &info) != 0, names[i]);
		unlink(target);
		for (size_t n = 0; n < COUNT(names); n++)
			unlink(names[n]);
	}
	CHECK(rmdir(directory) == 0, "nothing else was left there");
}

/* A caller's keys that are in a file are nobody's to fetch. */
static void
fetches_from_addresses_only(void)
{
	char path[POLICY_PATH];
	struct buf set = { 0 }, text = { 0 };
	struct policy *policy;
	struct remote_key_list *list;
	const struct caller *caller;
	int fd;

	put_set(&set, 'a', "a");
	fd = file_of(buf_view(&set), path);
	buf_printf(&text,
	    "{\"callers\":{\"login\":{\"type\":\"jwt\",\"keys\":[\"file:%s\","
	    "\"https://id.example/keys\"],\"algorithms\":\"EdDSA\",\"issuer\":\"login\","
	    "\"audience\":\"tokens\"}},\"grants\":[]}",
	    path);
	buf_add(&text, "", 1);
	policy = policy_of(text.data);
	close(fd);
	list = remote_keys_open(policy, &client, nowhere);
	caller = policy->callers.items;
	CHECK(remote_keys_next(list, caller, NULL) != NULL, "the address");
	CHECK(remote_keys_next(list, caller, remote_keys_next(list, caller, NULL)) == NULL,
	    "and no more");
	remote_keys_close(list);
	policy_close(policy);
	buf_free(&set);
	buf_free(&text);
}

/* What anybody can fetch is no secret, also where those from a file are taken. */
static void
takes_no_published_secrets(void)
{
	static const char policy[] =
	    "{\"callers\":{\"login\":{\"type\":\"jwt\",\"keys\":\"https://id.example/keys\","
	    "\"algorithms\":[\"HS256\",\"EdDSA\"],\"issuer\":\"login\",\"audience\":\"tokens\"}},"
	    "\"grants\":[]}";
	static const char set[] = "{\"keys\":[{\"kty\":\"oct\","
				  "\"k\":\"YW4gSFMyNTYgc2VjcmV0IG9mIDMyIGJ5dGVzLCB5ZXM\"}]}";
	const struct token a = { 'a', "a" };
	const int64_t now = unix_seconds();
	struct world w;

	open_world_of(&w, policy, &client, nowhere);
	CHECK(identify(&w, &a, now) == CALLER_KEYS_WANTED, "the first token");
	fetch(&w, now, 200, text_of(set));
	CHECK(!remote_keys_ready(w.list, now), "there is no key");
	close_world(&w);
}

CU_TestInfo access_remote_keys_tests[] = {
	{ "knows when to fetch", knows_when_to_fetch },
	{ "takes new keys", takes_new_keys },
	{ "keeps keys when a fetch fails", keeps_keys_when_a_fetch_fails },
	{ "fetches once for all that wait", fetches_once_for_all_that_wait },
	{ "bounds those that wait", bounds_those_that_wait },
	{ "keeps keys in a directory", keeps_keys_in_a_directory },
	{ "takes no keys of others", takes_no_keys_of_others },
	{ "defers what nobody waits for", defers_what_nobody_waits_for },
	{ "follows no links", follows_no_links },
	{ "fetches from addresses only", fetches_from_addresses_only },
	{ "takes no published secrets", takes_no_published_secrets },
	CU_TEST_INFO_NULL,
};
