#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor_report.h"

struct finding {
	int64_t status;
	struct text what, message, fix;
};

struct report {
	int64_t problems, warnings;
	struct list findings;
};

#define AT(member) offsetof(struct finding, member)

static const struct choice statuses[] = { { "ok", FINDING_OK }, { "skipped", FINDING_SKIPPED },
	{ "warning", FINDING_WARNING }, { "problem", FINDING_PROBLEM }, { NULL, 0 } };

static const struct field finding_fields[] = {
	{ "status", FIELD_CHOICE, 0, AT(status), .choices = statuses },
	{ "what", FIELD_TEXT, 0, AT(what) },
	{ "message", FIELD_TEXT, 0, AT(message) },
	{ "fix", FIELD_TEXT, 0, AT(fix) },
};

static const struct table finding_table = TABLE(finding_fields, struct finding);

#undef AT
#define AT(member) offsetof(struct report, member)

static const struct field report_fields[] = {
	{ "problems", FIELD_INT, 0, AT(problems) },
	{ "warnings", FIELD_INT, 0, AT(warnings) },
	{ "findings", FIELD_LIST, 0, AT(findings), .nested = &finding_table },
};

static const struct table report_table = TABLE(report_fields, struct report);

#undef AT

/* Paths and names are somebody's: a line of ours stays one line. */
static struct text
keep(struct doctor *d, struct buf *text)
{
	struct text kept;

	for (size_t i = 0; i < text->length; i++)
		if ((unsigned char)text->data[i] < 0x20 || text->data[i] == 0x7f)
			text->data[i] = '?';
	kept = arena_copy(&d->arena, buf_view(text));
	buf_free(text);
	return kept;
}

static void add_format(struct buf *out, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void
add_format(struct buf *out, const char *format, va_list arguments)
{
	char *text = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		abort();
	buf_text(out, text);
	free(text);
}

const char *
doctor_text(struct doctor *d, const char *format, ...)
{
	struct buf text = { 0 };
	va_list arguments;

	va_start(arguments, format);
	add_format(&text, format, arguments);
	va_end(arguments);
	return keep(d, &text).data;
}

void
doctor_say(struct doctor *d, enum finding_status status, const char *what, const char *fix,
    const char *format, ...)
{
	struct finding *items =
	    realloc(d->findings.items, (d->findings.count + 1) * sizeof(struct finding));
	struct buf text = { 0 };
	va_list arguments;

	if (items == NULL)
		abort();
	va_start(arguments, format);
	add_format(&text, format, arguments);
	va_end(arguments);
	d->findings.items = items;
	items[d->findings.count++] = (struct finding){ status, text_of(doctor_text(d, "%s", what)),
		keep(d, &text), text_of(fix == NULL ? NULL : doctor_text(d, "%s", fix)) };
}

static void
print(const struct report *report, bool as_json)
{
	const struct finding *items = report->findings.items;
	struct buf out = { 0 };

	if (as_json) {
		field_write(&out, &report_table, report);
		buf_text(&out, "\n");
	}
	for (size_t i = 0; !as_json && i < report->findings.count; i++) {
		buf_printf(&out, "%-7s  %s: %s\n", statuses[items[i].status].name,
		    items[i].what.data, items[i].message.data);
		if (items[i].fix.data != NULL)
			buf_printf(&out, "         fix: %s\n", items[i].fix.data);
	}
	fwrite(out.data, 1, out.length, stdout);
	buf_free(&out);
}

size_t
doctor_report(const struct doctor *d, bool as_json)
{
	struct report report = { .findings = d->findings };
	const struct finding *items = d->findings.items;

	for (size_t i = 0; i < d->findings.count; i++) {
		report.problems += items[i].status == FINDING_PROBLEM;
		report.warnings += items[i].status == FINDING_WARNING;
	}
	print(&report, as_json);
	return (size_t)report.problems;
}
