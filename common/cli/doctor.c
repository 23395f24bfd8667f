#include "doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "responder.h"

/* What the service of systemd reads, and where its credentials are while it runs. */
#define UNIT_SETTINGS "/etc/agora-backend/agora.env"
#define UNIT_CREDENTIALS "/run/credentials/agora-backend.service"

#define NGINX_CONFIGURATION "/etc/nginx/nginx.conf"

extern char **environ;

static const char *env_file, *socket_address, *nginx, *url, *offline, *json;

const struct option doctor_options[] = {
	{ "env-file", "FILE", "its settings (default AGORA_ENV_FILE, or " UNIT_SETTINGS ")",
	    &env_file },
	{ "socket", "ADDRESS", "where agora-fcgi listens (default " RESPONDER_SOCKET ")",
	    &socket_address },
	{ "nginx", "FILE", "nginx's configuration (default " NGINX_CONFIGURATION ")", &nginx },
	{ "url", "URL", "the service as its clients see it, through the web server", &url },
	{ "offline", NULL, "do not ask Agora", &offline },
	{ "json", NULL, "print JSON for programs", &json },
};
const size_t doctor_option_count = sizeof(doctor_options) / sizeof(doctor_options[0]);

/* What a check cannot do without. */
enum need { CONFIG = 1, POLICY = 2, ONLINE = 4, URL = 8, REST = 16 };

/* What is said when that is not there; check_mode says that there is no policy. */
static const struct lack {
	unsigned need;
	const char *what, *why;
} lacks[] = {
	{ CONFIG, "settings and policy", "the configuration cannot be read" },
	{ ONLINE, "Agora", "--offline says not to ask it" },
	{ URL, "web server", "give --url, the address of the service through it" },
	{ REST, "Agora's account", "Agora's REST services are off" },
};

static const struct check {
	void (*run)(struct doctor *doctor);
	unsigned needs;
} checks[] = {
	{ check_configuration, 0 },
	{ check_unknown_settings, CONFIG },
	{ check_settings_file, 0 },
	{ check_secret_files, CONFIG },
	{ check_written_files, CONFIG },
	{ check_certificates, CONFIG },
	{ check_mode, CONFIG },
	{ check_hosts, CONFIG },
	{ check_callers, CONFIG | POLICY },
	{ check_audiences, CONFIG | POLICY },
	{ check_anonymous, CONFIG | POLICY },
	{ check_lists, CONFIG | POLICY },
	{ check_breadth, CONFIG | POLICY },
	{ check_lifetimes, CONFIG | POLICY },
	{ check_covered, CONFIG | POLICY },
	{ check_roles, CONFIG },
	{ check_socket, 0 },
	{ check_responder, 0 },
	{ check_kept_connections, CONFIG },
	{ check_url, URL },
	{ check_https, URL },
	{ check_request_id, URL },
	{ check_cors, URL | CONFIG },
	{ check_own_pages, URL },
	{ check_authorization, URL | CONFIG },
	{ check_slash, URL },
	{ check_body_limit, URL | CONFIG },
	{ check_clock, URL },
	{ check_agora_hosts, CONFIG | ONLINE },
	{ check_agora_credentials, CONFIG | ONLINE | REST },
};

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
print(const struct report *report)
{
	const struct finding *items = report->findings.items;
	struct buf out = { 0 };

	if (json != NULL) {
		field_write(&out, &report_table, report);
		buf_text(&out, "\n");
	}
	for (size_t i = 0; json == NULL && i < report->findings.count; i++) {
		buf_printf(&out, "%-7s  %s: %s\n", statuses[items[i].status].name,
		    items[i].what.data, items[i].message.data);
		if (items[i].fix.data != NULL)
			buf_printf(&out, "         fix: %s\n", items[i].fix.data);
	}
	fwrite(out.data, 1, out.length, stdout);
	buf_free(&out);
}

static unsigned
what_is_there(const struct doctor *d)
{
	return (d->config == NULL ? 0U : CONFIG) |
	    (d->config == NULL || d->config->policy == NULL ? 0U : POLICY) |
	    (offline != NULL ? 0U : ONLINE) | (d->url == NULL ? 0U : URL) |
	    (d->config == NULL || !config_has_upstream(d->config) ? 0U : REST);
}

/* A check that is not made says why, unless another has said so; the first reason is enough. */
static void
skip(struct doctor *d, unsigned missing, unsigned *told)
{
	const unsigned first = missing & -missing;

	for (size_t i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
		if (lacks[i].need == first && !(*told & first))
			doctor_say(d, FINDING_SKIPPED, lacks[i].what, NULL, "not checked: %s",
			    lacks[i].why);
	*told |= first;
}

static void
run_checks(struct doctor *d)
{
	const unsigned there = what_is_there(d);
	unsigned told = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if ((checks[i].needs & ~there) == 0)
			checks[i].run(d);
		else
			skip(d, checks[i].needs & ~there, &told);
}

static int
examine(struct doctor *d)
{
	struct report report = { 0 };
	const struct finding *items;

	d->config = config_open(
	    d->env_file, environ, &service_settings_table, &d->service, &d->config_error);
	run_checks(d);
	report.findings = d->findings;
	items = d->findings.items;
	for (size_t i = 0; i < d->findings.count; i++) {
		report.problems += items[i].status == FINDING_PROBLEM;
		report.warnings += items[i].status == FINDING_WARNING;
	}
	print(&report);
	return cli_end(report.problems > 0 ? EXIT_NOT_VALID : 0);
}

/* It is shown, so it must not hold a password. */
static bool
is_url(struct text text)
{
	size_t scheme = strncmp(text.data, "https://", 8) == 0 ? 8
	    : strncmp(text.data, "http://", 7) == 0            ? 7
							       : 0;

	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] <= 0x20 || text.data[i] >= 0x7f ||
		    strchr("@?#", text.data[i]) != NULL)
			return false;
	return scheme > 0 && text.length > scheme && text.length < 1024 && text.data[scheme] != '/';
}

/*
 * The settings file that nobody named: the unit's, where there is one and the settings are not in
 * the environment.  Then its credentials count as well, as far as the caller may see them.
 */
static const char *
usual_env_file(void)
{
	const char *named = getenv("AGORA_ENV_FILE");
	struct stat info;

	if (named != NULL)
		return named;
	if (getenv("APP_ID") != NULL ||
	    (stat(UNIT_SETTINGS, &info) != 0 && (errno == ENOENT || errno == ENOTDIR)))
		return NULL;
	if (access(UNIT_CREDENTIALS, X_OK) == 0)
		setenv("CREDENTIALS_DIRECTORY", UNIT_CREDENTIALS, 0);
	return UNIT_SETTINGS;
}

int
cli_doctor(char **argv)
{
	struct doctor d = { 0 };
	struct buf why = { 0 };
	size_t operands, length;
	int code;

	if (!cli_options(doctor_options, doctor_option_count, argv, &operands))
		return EXIT_USAGE;
	if (operands > 0)
		buf_text(&why, "it takes no operands; see doctor --help");
	else if (url != NULL && !is_url(text_of(url)))
		buf_text(&why,
		    "--url must be http:// or https://, a host, and no more than a path behind it");
	if (why.length > 0)
		return cli_fail(EXIT_USAGE, &why);
	if (url != NULL) {
		length = strlen(url);
		while (url[length - 1] == '/')
			length--;
		d.url = doctor_text(&d, "%.*s", (int)length, url);
	}
	d.env_file = env_file != NULL ? env_file : usual_env_file();
	d.socket = socket_address == NULL ? RESPONDER_SOCKET : socket_address;
	d.nginx = nginx == NULL ? NGINX_CONFIGURATION : nginx;
	d.socket_named = socket_address != NULL;
	code = examine(&d);
	doctor_forget(&d);
	config_close(d.config);
	buf_free(&d.config_error);
	free(d.findings.items);
	arena_free(&d.arena);
	return code;
}
