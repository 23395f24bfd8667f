#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "remote_keys.h"

#define FETCH_MS 10000

struct waiter {
	struct waiter *next;
	struct remote_keys *remote;
	struct exchange *exchange; /* NULL: it has gone */
	char address[LIMIT_ADDRESS_SIZE];
};

struct remote_keys {
	struct remote_key_list *list;
	const struct caller *caller;
	struct text url;
	struct key_set *keys;
	int64_t fetched; /* Unix seconds, of these keys */
	int64_t tried;   /* of the last fetch */
	char file[300];  /* in the directory; "" = none */
	struct call call;
	bool fetching;
	bool due;                          /* no longer fresh, where fetching that is put off */
	char first_id[REQUEST_ID_MAX + 1]; /* of the request that waits longest; "" = none */
	struct waiter *waiters;
	size_t turned_away; /* since it is being fetched */
};

struct remote_key_list {
	struct sender sender;
	bool defers; /* what nobody waits for */
	struct remote_keys *items;
	size_t count;
	size_t waiting; /* for any of them */
};

static bool
is_remote(struct text source)
{
	return source.length > 8 && memcmp(source.data, "https://", 8) == 0;
}

/* A name for a URL that a directory can hold. */
static void
file_name(struct text directory, struct text url, char *out, size_t size)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[33];

	out[0] = '\0';
	if (directory.length == 0 || directory.length > 200)
		return;
	crypto_hash_sha256(hash, (const unsigned char *)url.data, url.length);
	sodium_bin2hex(hex, sizeof(hex), hash, 16);
	snprintf(out, size, "%.*s/keys-%s.json", (int)directory.length, directory.data, hex);
}

/* When a file was last written; a time to come says nothing, and is taken as long ago. */
static int64_t
written(const struct stat *info)
{
	return info->st_mtime <= unix_seconds() ? (int64_t)info->st_mtime : 0;
}

static void
tried_name(const struct remote_keys *r, char out[320])
{
	snprintf(out, 320, "%s.tried", r->file);
}

/* Also of other processes, where there is a directory. */
static void
look_at_tried(struct remote_keys *r)
{
	char name[320];
	struct stat info;

	if (r->file[0] == '\0')
		return;
	tried_name(r, name);
	r->tried = stat(name, &info) == 0 ? written(&info) : 0;
}

static bool
take_keys(struct remote_keys *r, struct text text, int64_t fetched, struct buf *error)
{
	const struct key_rules rules = { r->caller->algorithms, r->caller->algorithm_count, false };
	struct key_set *keys = keys_read(text, &rules, error);

	if (keys == NULL)
		return false;
	keys_free(r->keys);
	r->keys = keys;
	r->fetched = fetched;
	return true;
}

/* Keys that another could have written would let him make tokens. */
static const char *
read_own_file(int fd, struct buf *content, int64_t *when)
{
	struct stat info;

	if (fd < 0 || fstat(fd, &info) != 0)
		return strerror(errno);
	*when = written(&info);
	if (!S_ISREG(info.st_mode))
		return "is not used: it is no file";
	if (info.st_uid != geteuid() && info.st_uid != 0)
		return "is not used: it belongs to another user";
	if (info.st_mode & (S_IWGRP | S_IWOTH))
		return "is not used: others may write to it";
	return buf_descriptor(content, fd, KEYS_TEXT_MAX);
}

static void
load(struct remote_keys *r)
{
	struct buf content = { 0 }, error = { 0 };
	const char *problem;
	int64_t when = 0;
	int fd;

	if (r->file[0] == '\0')
		return;
	look_at_tried(r);
	fd = open(r->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return;
	problem = read_own_file(fd, &content, &when);
	if (problem != NULL)
		buf_text(&error, problem);
	else
		take_keys(r, buf_view(&content), when, &error);
	if (error.length > 0)
		log_line(LOG_LEVEL_WARNING, "KEY_CACHE: %s: %.*s", r->file, (int)error.length,
		    error.data);
	if (fd >= 0)
		close(fd);
	buf_free(&content);
	buf_free(&error);
}

struct remote_key_list *
remote_keys_open(const struct policy *policy, const struct sender *sender, struct text directory)
{
	struct remote_key_list *list = xcalloc(1, sizeof(*list));
	const struct caller *callers = policy->callers.items;
	size_t room = 0;

	list->sender = *sender;
	for (size_t i = 0; i < policy->callers.count; i++)
		room += callers[i].sources.count;
	list->items = xcalloc(room + 1, sizeof(*list->items));
	for (size_t i = 0; i < policy->callers.count; i++) {
		const struct text *sources = callers[i].sources.items;

		for (size_t n = 0; n < callers[i].sources.count; n++) {
			struct remote_keys *r = &list->items[list->count];

			if (!is_remote(sources[n]))
				continue;
			list->count++;
			r->list = list;
			r->caller = &callers[i];
			r->url = sources[n];
			file_name(directory, r->url, r->file, sizeof(r->file));
			load(r);
		}
	}
	return list;
}

void
remote_keys_defer(struct remote_key_list *list)
{
	list->defers = true;
}

void
remote_keys_close(struct remote_key_list *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->count; i++) {
		struct remote_keys *r = &list->items[i];

		if (r->fetching)
			list->sender.cancel(list->sender.owner, &r->call);
		call_free(&r->call);
		keys_free(r->keys);
		for (struct waiter *next; r->waiters != NULL; r->waiters = next) {
			next = r->waiters->next;
			free(r->waiters);
		}
	}
	free(list->items);
	free(list);
}

struct remote_keys *
remote_keys_next(
    struct remote_key_list *list, const struct caller *caller, struct remote_keys *previous)
{
	size_t i = previous == NULL ? 0 : (size_t)(previous - list->items) + 1;

	for (; i < list->count; i++)
		if (list->items[i].caller == caller)
			return &list->items[i];
	return NULL;
}

const struct key_set *
remote_keys_now(struct remote_keys *remote, int64_t now)
{
	return remote->keys != NULL && now - remote->fetched < REMOTE_KEYS_STALE ? remote->keys
										 : NULL;
}

bool
remote_keys_may_fetch(struct remote_keys *remote, int64_t now)
{
	int64_t pause =
	    remote_keys_now(remote, now) == NULL ? REMOTE_KEYS_RETRY : REMOTE_KEYS_PAUSE;

	return remote->list->sender.send != NULL &&
	    (remote->fetching || now - remote->tried >= pause || now < remote->tried);
}

bool
remote_keys_ready(const struct remote_key_list *list, int64_t now)
{
	/* One that was never tried is fetched with the first token. */
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].tried != 0 && !list->items[i].fetching &&
		    remote_keys_now(&list->items[i], now) == NULL)
			return false;
	return true;
}

void
remote_keys_metrics(const struct remote_key_list *list, int64_t now)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].keys != NULL)
			metric_set(METRIC_KEYS_AGE, &LABELS(list->items[i].caller->name.data),
			    now - list->items[i].fetched);
}

/* Returns 0, or errno of the call that failed. */
static int
write_new(const char *name, struct text text)
{
	const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int problem = fd < 0 ? errno : 0;

	while (problem == 0 && text.length > 0) {
		const ssize_t n = write(fd, text.data, text.length);

		if (n > 0)
			text = (struct text){ text.data + n, text.length - (size_t)n };
		else if (n == 0 || errno != EINTR)
			problem = n == 0 ? ENOSPC : errno;
	}
	if (fd >= 0 && close(fd) != 0 && problem == 0)
		problem = errno;
	return problem;
}

/* Whole or not at all: others read it at the same time. */
static void
save(const struct remote_keys *r, struct text text)
{
	char temporary[340];
	int problem;

	if (r->file[0] == '\0')
		return;
	snprintf(temporary, sizeof(temporary), "%s.%ld", r->file, (long)getpid());
	problem = write_new(temporary, text);
	if (problem == 0 && rename(temporary, r->file) != 0)
		problem = errno;
	if (problem == 0)
		return;
	log_line(LOG_LEVEL_WARNING, "KEY_CACHE: %s: %s", r->file, strerror(problem));
	unlink(temporary);
}

static void
note_tried(struct remote_keys *r, int64_t now)
{
	char name[320];
	int fd;

	r->tried = now;
	if (r->file[0] == '\0')
		return;
	tried_name(r, name);
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || futimens(fd, NULL) != 0)
		log_line(LOG_LEVEL_WARNING, "KEY_CACHE: %s: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void
fetched(struct call *call)
{
	struct remote_keys *r = call->owner;
	struct buf error = { 0 };
	struct waiter *waiters = r->waiters;
	bool fine = call->outcome == CALL_ANSWERED && call->status == 200;

	r->fetching = false;
	r->waiters = NULL;
	r->turned_away = 0;
	log_request(text_of(r->first_id)); /* though its client may have gone */
	if (!fine)
		buf_printf(&error, "%s (status %d)",
		    call->outcome == CALL_ANSWERED ? "no JWKS came"
			: call->failure != NULL    ? call->failure
						   : "it could not be sent",
		    call->status);
	else if (take_keys(r, buf_view(&call->answer), r->tried, &error))
		save(r, buf_view(&call->answer));
	if (error.length > 0)
		log_line(LOG_LEVEL_WARNING, "keys of caller %.*s: %.*s: %.*s",
		    (int)r->caller->name.length, r->caller->name.data, (int)r->url.length,
		    r->url.data, (int)error.length, error.data);
	log_request((struct text){ NULL, 0 });
	r->first_id[0] = '\0';
	buf_free(&error);
	call_free(call);
	for (struct waiter *next; waiters != NULL; waiters = next) {
		struct exchange *x = waiters->exchange;

		next = waiters->next;
		free(waiters);
		r->list->waiting--;
		if (x != NULL)
			exchange_go_on(x);
	}
}

static void
fetch(struct remote_keys *r, int64_t now)
{
	if (r->fetching)
		return;
	r->fetching = true;
	r->due = false;
	note_tried(r, now);
	r->call = (struct call){ .method = "GET",
		.url = r->url,
		.repeat = CALL_SAFE,
		.total_ms = FETCH_MS,
		.done = fetched,
		.owner = r };
	r->list->sender.send(r->list->sender.owner, &r->call);
}

void
remote_keys_refresh(struct remote_keys *remote, int64_t now)
{
	const int64_t age = now - remote->fetched;

	if ((age >= 0 && age < REMOTE_KEYS_FRESH) || !remote_keys_may_fetch(remote, now))
		return;
	if (remote->list->defers)
		remote->due = true;
	else
		fetch(remote, now);
}

bool
remote_keys_due(const struct remote_key_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].due || list->items[i].fetching)
			return true;
	return false;
}

void
remote_keys_fetch_due(struct remote_key_list *list, int64_t now)
{
	for (size_t i = 0; i < list->count; i++) {
		struct remote_keys *r = &list->items[i];

		if (!r->due)
			continue;
		r->due = false;
		look_at_tried(r);
		if (remote_keys_may_fetch(r, now))
			fetch(r, now);
	}
}

bool
remote_keys_have_room(struct remote_keys *remote, struct text address)
{
	const struct remote_key_list *list = remote->list;
	size_t of_address = 0;

	for (size_t i = 0; i < list->count; i++)
		for (const struct waiter *w = list->items[i].waiters; w != NULL; w = w->next)
			of_address += text_is(address, w->address);
	if (list->waiting < REMOTE_KEYS_WAITING && of_address < REMOTE_KEYS_WAITING_OF)
		return true;
	if (remote->turned_away++ == 0)
		log_line(LOG_LEVEL_WARNING,
		    "keys of caller %.*s: %.*s: %zu requests wait for keys, %zu of this address, "
		    "so others get 503 until they are here",
		    (int)remote->caller->name.length, remote->caller->name.data,
		    (int)remote->url.length, remote->url.data, list->waiting, of_address);
	return false;
}

size_t
remote_keys_waiting(const struct remote_key_list *list)
{
	return list->waiting;
}

/* The client has gone, and gives its place up; the fetch goes on for the next one. */
static void
leave(struct exchange *exchange)
{
	struct waiter *waiter = exchange->call, **at = &waiter->remote->waiters;

	waiter->exchange = NULL;
	while (*at != NULL && *at != waiter)
		at = &(*at)->next;
	if (*at == NULL) /* the fetch has ended, and is about to free it */
		return;
	*at = waiter->next;
	waiter->remote->list->waiting--;
	free(waiter);
}

enum step
remote_keys_wait(struct remote_keys *remote, struct exchange *exchange, struct text address)
{
	struct waiter *waiter = xcalloc(1, sizeof(*waiter));

	if (remote->waiters == NULL)
		snprintf(remote->first_id, sizeof(remote->first_id), "%.*s",
		    (int)exchange->request.id.length, exchange->request.id.data);
	*waiter =
	    (struct waiter){ .next = remote->waiters, .remote = remote, .exchange = exchange };
	snprintf(
	    waiter->address, sizeof(waiter->address), "%.*s", (int)address.length, address.data);
	remote->waiters = waiter;
	remote->list->waiting++;
	exchange->call = waiter;
	exchange->cancel = leave;
	fetch(remote, exchange->now);
	return WAITING;
}
