#include "doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "responder.h"
#include "routes.h"

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
	d->config = config_open(d->env_file, environ, routes, route_count, &service_settings_table,
	    &d->service, &d->config_error);
	run_checks(d);
	return cli_end(doctor_report(d, json != NULL) > 0 ? EXIT_NOT_VALID : 0);
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
