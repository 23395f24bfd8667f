#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>

#include "access.h"
#include "cli.h"
#include "verify.h"

#define LINE_MOST 1048576 /* bytes; a record is far shorter */
#define KEY_FILE_MAX 1024

extern char **environ;

static const char *env_file, *key_file, *partial, *json;

const struct option audit_options[] = {
	{ "key-file", "FILE", "the key itself, in place of AUDIT_KEY", &key_file },
	{ "env-file", "FILE", "read AUDIT_KEY from this .env file too", &env_file },
	{ "partial", NULL, "chains may begin before these files, and go on after them", &partial },
	{ "json", NULL, "print what was found as JSON", &json },
};
const size_t audit_option_count = sizeof(audit_options) / sizeof(audit_options[0]);

/* One of the files, and its first line, by which they are put in order. */
struct records_file {
	const char *path;
	size_t given;
	char time[21];           /* "": the line has none */
	struct timespec written; /* last: gzip and mv keep it */
	struct chain_line first;
	bool has_place;
};

/* Its lines, one by one; what gzip has packed, too. */
struct reader {
	const char *path;
	gzFile file;
	struct buf bytes; /* that were read and not yet taken */
	size_t taken;
	bool over;
};

static int
cannot_read(const char *path, const char *why)
{
	struct buf line = { 0 };

	buf_printf(&line, "%s: %s", path, why);
	return cli_fail(EXIT_NO_INPUT, &line);
}

static bool
open_reader(struct reader *r, const char *path)
{
	errno = 0;
	*r = (struct reader){ .path = path, .file = gzopen(path, "rb") };
	if (r->file != NULL)
		return true;
	cannot_read(path, errno == 0 ? "out of memory" : strerror(errno));
	return false;
}

static void
close_reader(struct reader *r)
{
	if (r->file != NULL)
		gzclose(r->file);
	buf_free(&r->bytes);
	r->file = NULL;
}

static bool
fill(struct reader *r)
{
	const char *why;
	int n, code;

	buf_consume(&r->bytes, r->taken);
	r->taken = 0;
	n = gzread(r->file, buf_reserve(&r->bytes, 65536), 65536);
	why = gzerror(r->file, &code);
	if (n > 0)
		r->bytes.length += (size_t)n;
	else if (code == Z_OK || code == Z_STREAM_END)
		r->over = true;
	if (n > 0 || r->over)
		return true;
	cannot_read(r->path, code == Z_ERRNO ? strerror(errno) : why);
	return false;
}

/*
 * The next line, without its end; line->data NULL after the last one.  One that is too long to be a
 * record comes in pieces.  false after saying why it cannot be read.
 */
static bool
next_line(struct reader *r, struct text *line, bool *ended)
{
	for (;;) {
		const char *at = buf_view(&r->bytes).data + r->taken;
		const size_t left = r->bytes.length - r->taken;
		const char *end = left == 0 ? NULL : memchr(at, '\n', left);

		*ended = end != NULL;
		*line = (struct text){ at, end == NULL ? left : (size_t)(end - at) };
		if (end != NULL || left >= LINE_MOST || r->over) {
			if (left == 0)
				line->data = NULL;
			r->taken += line->length + *ended;
			return true;
		}
		if (!fill(r))
			return false;
	}
}

static bool
look_at_first_line(struct records_file *f)
{
	const size_t length = sizeof(f->time) - 1;
	struct reader reader;
	struct text line;
	size_t at;
	bool good, ended;

	struct stat info;

	if (!open_reader(&reader, f->path))
		return false;
	if (stat(f->path, &info) == 0)
		f->written = info.st_mtim;
	good = next_line(&reader, &line, &ended);
	if (good && line.data != NULL) {
		at = line.length > 0 && line.data[0] == '{' ? sizeof("{\"time\":\"") - 1
							    : sizeof("time=") - 1;
		if (line.length > at + length)
			memcpy(f->time, line.data + at, length);
		f->has_place = chain_read(line, &f->first);
	}
	close_reader(&reader);
	return good;
}

/* The oldest first, whatever order a shell's pattern has them in. */
static int
compare(const void *one, const void *other)
{
	const struct records_file *a = one, *b = other;
	const int by_time = memcmp(a->time, b->time, sizeof(a->time));

	if (by_time != 0)
		return by_time;
	/* Files that were begun in one second: the one that was written last is the newest. */
	if (a->written.tv_sec != b->written.tv_sec)
		return a->written.tv_sec < b->written.tv_sec ? -1 : 1;
	if (a->written.tv_nsec != b->written.tv_nsec)
		return a->written.tv_nsec < b->written.tv_nsec ? -1 : 1;
	if (a->has_place && b->has_place && strcmp(a->first.id, b->first.id) == 0 &&
	    a->first.seq != b->first.seq)
		return a->first.seq < b->first.seq ? -1 : 1;
	return a->given < b->given ? -1 : 1;
}

static bool
verify_file(struct verifier *v, const char *path)
{
	struct reader reader;
	struct text line;
	size_t number = 0;
	bool good, ended = true;

	if (!open_reader(&reader, path))
		return false;
	while ((good = next_line(&reader, &line, &ended)) && line.data != NULL)
		verify_line(v, path, ++number, line, ended);
	close_reader(&reader);
	return good;
}

/* What it means, without its place and its chain. */
static void
add_meaning(struct buf *out, const struct finding *f)
{
	const unsigned long long first = f->first, last = f->last;

	switch (f->kind) {
	case FINDING_NO_CHAIN:
		buf_text(out,
		    "the line has no place in a chain: it was inserted or changed, or is "
		    "older than AUDIT_KEY");
		break;
	case FINDING_CHANGED:
		buf_printf(out,
		    "the line says that it is record %llu, and was changed or inserted: its code "
		    "(mac) is wrong",
		    first);
		break;
	case FINDING_REORDERED:
		buf_printf(out, "record %llu comes after later ones: it was moved", first);
		break;
	case FINDING_REPEATED:
		buf_printf(out, "record %llu was there before: it was copied", first);
		break;
	case FINDING_AFTER: buf_printf(out, "record %llu comes after the close", first); break;
	case FINDING_CUT:
		buf_printf(out, "the file is cut at the end of record %llu", first);
		break;
	case FINDING_GAP:
		if (first == last)
			buf_printf(out, "before this line record %llu is missing", first);
		else
			buf_printf(
			    out, "before this line records %llu to %llu are missing", first, last);
		break;
	case FINDING_NO_CLOSE:
		buf_printf(out,
		    "no close: after record %llu the process died, or goes on, or the tail was "
		    "cut",
		    last);
		break;
	case FINDING_FRAGMENT:
		buf_text(out, "an unfinished line, as the disk was full; the chain says so");
		break;
	}
}

static void
add_finding(struct buf *out, const struct finding *f)
{
	buf_printf(out, "%s:%zu: ", f->file, f->line);
	if (f->chain[0] != '\0')
		buf_printf(out, "chain %s: ", f->chain);
	add_meaning(out, f);
	buf_text(out, "\n");
}

static void
add_json_finding(struct buf *out, const struct finding *f)
{
	struct buf text = { 0 };

	buf_text(out, "{\"problem\":");
	buf_json(out, text_of(finding_name(f->kind)));
	buf_text(out, ",\"file\":");
	buf_json(out, text_of(f->file));
	buf_printf(out, ",\"line\":%zu", f->line);
	if (f->chain[0] != '\0')
		buf_printf(out, ",\"chain\":\"%s\",\"first\":%llu,\"last\":%llu", f->chain,
		    (unsigned long long)f->first, (unsigned long long)f->last);
	add_meaning(&text, f);
	buf_text(out, ",\"meaning\":");
	buf_json(out, buf_view(&text));
	buf_text(out, "}");
	buf_free(&text);
}

static void
add_summary(struct buf *out, const struct verify_counts *c)
{
	if (c->records == 0)
		buf_text(out, "no records: there is nothing to verify\n");
	else
		buf_printf(out, "%s: %zu records, %zu chains, %zu of them closed\n",
		    c->findings == 0 ? "good" : "not good", c->records, c->chains, c->closed);
	if (c->lost > 0)
		buf_printf(out,
		    "%llu records could not be written when they were made, as the chains say\n",
		    (unsigned long long)c->lost);
	if (c->findings > FINDINGS_KEPT)
		buf_printf(
		    out, "%zu findings; the first %d are listed\n", c->findings, FINDINGS_KEPT);
}

static int
print(struct verifier *v)
{
	struct verify_counts counts;
	struct buf out = { 0 };
	size_t kept;
	const struct finding *findings = verify_end(v, &kept, &counts);
	const bool good = counts.findings == 0 && counts.records > 0;

	if (json != NULL) {
		buf_printf(&out,
		    "{\"good\":%s,\"lines\":%zu,\"records\":%zu,\"chains\":%zu,\"closed\":%zu,"
		    "\"lost\":%llu,\"problems\":%zu,\"findings\":[",
		    good ? "true" : "false", counts.lines, counts.records, counts.chains,
		    counts.closed, (unsigned long long)counts.lost, counts.findings);
		for (size_t i = 0; i < kept; i++) {
			buf_text(&out, i == 0 ? "" : ",");
			add_json_finding(&out, &findings[i]);
		}
		buf_text(&out, "]}\n");
	} else {
		for (size_t i = 0; i < kept; i++)
			add_finding(&out, &findings[i]);
		add_summary(&out, &counts);
	}
	fwrite(out.data, 1, out.length, stdout);
	buf_free(&out);
	return cli_end(good ? 0 : EXIT_NOT_VALID);
}

static int
verify(const unsigned char key[CHAIN_KEY], char **paths, size_t count)
{
	struct records_file *files = xcalloc(count, sizeof(*files));
	struct verifier *v = verify_open(key, partial != NULL);
	bool good = true;
	int code = EXIT_NO_INPUT;

	for (size_t i = 0; good && i < count; i++) {
		files[i] = (struct records_file){ .path = paths[i], .given = i };
		good = look_at_first_line(&files[i]);
	}
	if (good)
		qsort(files, count, sizeof(*files), compare);
	for (size_t i = 0; good && i < count; i++)
		good = verify_file(v, files[i].path);
	if (good)
		code = print(v);
	verify_close(v);
	free(files);
	return code;
}

static bool
take_key(const char *where, struct text digits, unsigned char key[CHAIN_KEY], struct buf *why)
{
	struct field_error error;

	while (digits.length > 0 &&
	    (digits.data[digits.length - 1] == '\n' || digits.data[digits.length - 1] == '\r'))
		digits.length--;
	if (is_chain_key(digits, &error) && hex_decode(digits, key))
		return true;
	buf_printf(why, "%s: %s", where, error.rule);
	return false;
}

static bool
read_key(unsigned char key[CHAIN_KEY], struct buf *why)
{
	struct access_settings found = { 0 };
	struct settings *settings;
	struct buf content = { 0 };
	const char *problem;
	bool good = false;

	if (key_file != NULL) {
		problem = buf_file(&content, key_file, KEY_FILE_MAX);
		if (problem != NULL)
			buf_printf(why, "--key-file: %s: %s", key_file, problem);
		else
			good = take_key("--key-file", buf_view(&content), key, why);
		buf_wipe(&content);
		buf_free(&content);
		return good;
	}
	settings = settings_open(env_file, environ, why);
	if (settings != NULL && settings_read(settings, &access_settings_table, &found, why)) {
		if (found.audit_key.data == NULL)
			buf_text(why,
			    "AUDIT_KEY is not set; --key-file or --env-file says where "
			    "the key is");
		else
			good = take_key("AUDIT_KEY", found.audit_key, key, why);
	}
	settings_free(settings);
	return good;
}

int
cli_audit(char **argv)
{
	unsigned char key[CHAIN_KEY];
	struct buf why = { 0 };
	size_t operands;
	int code;

	if (!cli_options(audit_options, audit_option_count, argv, &operands))
		return EXIT_USAGE;
	if (operands < 2 || strcmp(argv[0], "verify") != 0) {
		buf_text(&why, "say `audit verify FILE...`; see audit --help");
		return cli_fail(EXIT_USAGE, &why);
	}
	if (!read_key(key, &why))
		return cli_fail(EXIT_CONFIG, &why);
	buf_free(&why);
	lock_secret((struct text){ (const char *)key, sizeof(key) });
	code = verify(key, argv + 1, operands - 1);
	explicit_bzero(key, sizeof(key));
	return code;
}
