/*
 * nginx's configuration, as far as it says how many connections to agora-fcgi nginx keeps.  It is
 * read as nginx reads it, with its includes; what is not about that is passed over.
 */
#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#include "address.h"
#include "doctor.h"

enum {
	FILE_MAX = 1 << 20, /* bytes of one file */
	FILES_MAX = 1000, /* with those that are included, so that one that includes itself ends */
	DEPTH_MAX = 10,
	NUMBER_MAX = 1000000,
};

/* What has been read up to here. */
struct nginx {
	struct doctor *doctor;
	struct text directory; /* of the first file; other paths begin there */
	const char *server;    /* agora-fcgi, as an upstream's server names it */
	size_t files;
	uint64_t workers, kept; /* connections of each worker */
	/* The upstream that is being read. */
	bool in_upstream, is_ours;
	uint64_t keepalive;
};

/* A statement's first two words; what comes after them does not matter here. */
struct words {
	struct text word[2];
	size_t count;
};

static const char *nginx_file(struct nginx *n, const char *path, size_t depth);

static void
add_word(struct words *words, struct text word)
{
	if (words->count < 2)
		words->word[words->count] = word;
	words->count++;
}

static void
include(struct nginx *n, struct text pattern, size_t depth)
{
	const bool whole = pattern.length > 0 && pattern.data[0] == '/';
	glob_t found;

	if (glob(doctor_text(n->doctor, "%.*s%.*s", whole ? 0 : (int)n->directory.length,
		     n->directory.data, (int)pattern.length, pattern.data),
		0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		nginx_file(n, found.gl_pathv[i], depth + 1);
	globfree(&found);
}

static void
statement(struct nginx *n, const struct words *words, size_t depth)
{
	const struct text name = words->word[0], value = words->word[1];
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (words->count < 2)
		return;
	if (text_is(name, "include"))
		include(n, value, depth);
	else if (text_is(name, "worker_processes") && text_is(value, "auto"))
		n->workers = processors > 0 ? (uint64_t)processors : 1;
	else if (text_is(name, "worker_processes"))
		text_number(value, NUMBER_MAX, &n->workers);
	else if (n->in_upstream && text_is(name, "keepalive"))
		text_number(value, NUMBER_MAX, &n->keepalive);
	else if (n->in_upstream && text_is(name, "server"))
		n->is_ours = n->is_ours || text_is(value, n->server);
}

static void
begin_block(struct nginx *n, const struct words *words)
{
	if (words->count >= 1 && text_is(words->word[0], "upstream")) {
		n->in_upstream = true;
		n->is_ours = false;
		n->keepalive = 0;
	}
}

static void
end_block(struct nginx *n)
{
	if (n->in_upstream && n->is_ours)
		n->kept += n->keepalive;
	n->in_upstream = false;
}

/* The word at the front, without its quotes; what is left of the text in *left. */
static struct text
next_word(struct text *left)
{
	const char quote = left->data[0];
	const bool quoted = quote == '"' || quote == '\'';
	struct text word = { left->data, quoted ? 1 : 0 };

	while (word.length < left->length &&
	    (quoted ? word.data[word.length] != quote
		    : memchr(" \t\r\n;{}", word.data[word.length], 7) == NULL))
		word.length +=
		    word.data[word.length] == '\\' && word.length + 1 < left->length ? 2 : 1;
	*left = (struct text){ left->data + word.length, left->length - word.length };
	if (!quoted)
		return word;
	if (left->length > 0)
		*left = (struct text){ left->data + 1, left->length - 1 };
	return (struct text){ word.data + 1, word.length - 1 };
}

static void
read_text(struct nginx *n, struct text left, size_t depth)
{
	struct words words = { 0 };

	while (left.length > 0) {
		const char c = left.data[0];
		const char *end;

		switch (c) {
		case '#':
			end = memchr(left.data, '\n', left.length);
			left.length -= end == NULL ? left.length : (size_t)(end - left.data);
			left.data = end;
			continue;
		case ';':
			statement(n, &words, depth);
			words.count = 0;
			break;
		case '{':
			begin_block(n, &words);
			words.count = 0;
			break;
		case '}':
			end_block(n);
			words.count = 0;
			break;
		case ' ':
		case '\t':
		case '\r':
		case '\n': break;
		default: add_word(&words, next_word(&left)); continue;
		}
		left = (struct text){ left.data + 1, left.length - 1 };
	}
}

/* Why it cannot be read, else NULL; a file that is included may be missing. */
static const char *
nginx_file(struct nginx *n, const char *path, size_t depth)
{
	struct buf text = { 0 };
	const char *why;

	if (depth > DEPTH_MAX || ++n->files > FILES_MAX)
		return NULL;
	why = buf_file(&text, path, FILE_MAX);
	if (why == NULL)
		read_text(n, buf_view(&text), depth);
	buf_free(&text);
	return why;
}

void
check_kept_connections(struct doctor *d)
{
	static const char what[] = "kept connections";
	const char *path = address_path(d->socket), *slash = strrchr(d->nginx, '/');
	const uint64_t most = (uint64_t)d->service.max_connections;
	struct nginx n = { .doctor = d,
		.directory = { d->nginx, slash == NULL ? 0 : (size_t)(slash + 1 - d->nginx) },
		.server = path == NULL ? d->socket : doctor_text(d, "unix:%s", path),
		.workers = 1 };
	const char *why = nginx_file(&n, d->nginx, 0);

	if (why != NULL)
		doctor_say(d, FINDING_SKIPPED, what, NULL, "not checked: %s: %s", d->nginx, why);
	else if (n.kept == 0)
		doctor_say(d, FINDING_SKIPPED, what, NULL,
		    "not checked: no upstream in %s keeps connections to %s", d->nginx, n.server);
	else if (n.workers * n.kept < most)
		doctor_say(d, FINDING_OK, what, NULL,
		    "nginx keeps at most %llu of MAX_CONNECTIONS, %llu",
		    (unsigned long long)(n.workers * n.kept), (unsigned long long)most);
	else
		doctor_say(d, FINDING_WARNING, what,
		    doctor_text(d,
			"set MAX_CONNECTIONS above %llu, or write a smaller keepalive in the "
			"upstream",
			(unsigned long long)(n.workers * n.kept)),
		    "%llu workers of nginx times keepalive %llu is not below MAX_CONNECTIONS, "
		    "%llu: connections are closed and opened again all the time",
		    (unsigned long long)n.workers, (unsigned long long)n.kept,
		    (unsigned long long)most);
}
