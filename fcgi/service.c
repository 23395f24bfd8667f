#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgi.h"
#include "listener.h"
#include "log.h"
#include "master.h"
#include "openapi.h"
#include "options.h"
#include "service.h"
#include "worker.h"

#define OTHER_DESCRIPTORS 64 /* that are no connections: the log, the loop, calls to Agora */

extern char **environ;

static const char *socket_address, *env_file, *check_config, *dump_openapi, *version, *help;

static const struct option options[] = {
	{ "socket", "ADDRESS", "listen on a path with a / in it, or on host:port",
	    &socket_address },
	{ "env-file", "FILE", "read settings from this .env file too", &env_file },
	{ "check-config", NULL, "read the settings, say whether they are good, and end",
	    &check_config },
	{ "dump-openapi", NULL, "print the API's description (OpenAPI 3.1), and end",
	    &dump_openapi },
	{ "version", NULL, "print the version and end", &version },
	{ "help", NULL, "print this and end", &help },
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static int
usage(void)
{
	printf(
	    "agora-fcgi - issues Agora tokens behind a web server\n\n"
	    "usage: agora-fcgi --socket ADDRESS [--env-file FILE]\n"
	    "       agora-fcgi --check-config [--env-file FILE]\n"
	    "       agora-fcgi --dump-openapi\n\n"
	    "Started by a web server as CGI, or with the socket on descriptor 0 or from systemd,\n"
	    "it needs no option; AGORA_ENV_FILE in its environment then names the .env file.\n\n");
	options_help(options, OPTION_COUNT, stdout);
	printf("\nsignals: HUP reads the settings anew, USR1 opens the log file anew, TERM ends\n"
	       "exit codes: 0 fine, 64 usage, 70 internal, 71 operating system, 78 configuration\n"
	       "settings: agora-backend.conf(5); endpoints: agora-fcgi(8)\n");
	return 0;
}

/* One line for whoever started it. */
static int
fail(int code, struct text why)
{
	fprintf(stderr, "%sagora-fcgi: %.*s\n", log_priority(LOG_LEVEL_ERROR), (int)why.length,
	    why.data);
	return code;
}

static struct config *
read_config(const struct service *service, struct service_settings *settings, struct buf *error)
{
	static struct buf log_file; /* outlives the configuration: the log borrows it */
	struct config *config = config_open(env_file, environ, service->routes,
	    service->route_count, &service_settings_table, settings, error);
	struct buf name = { 0 };

	if (config == NULL)
		return NULL;
	log_set_level((enum log_level)settings->log_level);
	log_set_format((enum log_format)settings->log_format);
	if (settings->log_file.data == NULL)
		return config;
	buf_add(&name, settings->log_file.data, settings->log_file.length + 1);
	if (!log_to_file(name.data)) {
		buf_printf(error, "LOG_FILE: %s: %s", name.data, strerror(errno));
		buf_free(&name);
		config_close(config);
		return NULL;
	}
	buf_free(&log_file);
	log_file = name;
	return config;
}

/* Whoever does not read our log loses lines of it; the loop does not wait for them. */
static void
unblock_stderr(void)
{
	struct stat info;
	int fd = -1;

	if (fstat(STDERR_FILENO, &info) != 0 || !(S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode)))
		return;
	/* A pipe opened anew: others that write there too do not get the flag. */
	if (S_ISFIFO(info.st_mode))
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		fcntl(STDERR_FILENO, F_SETFL, fcntl(STDERR_FILENO, F_GETFL) | O_NONBLOCK);
		return;
	}
	dup2(fd, STDERR_FILENO);
	close(fd);
}

/* A descriptor for each connection, where the soft limit is lower and may be raised. */
static void
raise_descriptors(int64_t connections)
{
	const rlim_t wanted = (rlim_t)connections + OTHER_DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* The worker reads the configuration itself, so that a reload is a new worker and nothing else. */
static int
work(void *owner, int listener, int pipe)
{
	const struct service *service = owner;
	struct service_settings settings;
	struct buf error = { 0 };
	struct config *config = read_config(service, &settings, &error);
	struct worker_setup setup = { .listener = listener,
		.pipe = pipe,
		.config = config,
		.settings = &settings,
		.routes = service->routes,
		.route_count = service->route_count,
		.driver = service->driver };
	int code;

	if (config == NULL) {
		log_line(LOG_LEVEL_ERROR, "configuration: %.*s", (int)error.length, error.data);
		log_flush();
		code = EXIT_CONFIG;
	} else {
		raise_descriptors(settings.max_connections);
		setup.progress = service->progress == NULL ? NULL : service->progress();
		code = worker_run(&setup);
	}
	config_close(config);
	buf_free(&error);
	return code;
}

/* sd_listen_fds(3): the first descriptor that systemd passes; -1: none. */
static int
systemd_listener(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	uint64_t n;
	const int first = 3;

	if (pid == NULL || count == NULL || !text_number(text_of(pid), INT32_MAX, &n) ||
	    n != (uint64_t)getpid() || !text_number(text_of(count), INT32_MAX, &n) || n < 1)
		return -1;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	fcntl(first, F_SETFD, FD_CLOEXEC);
	fcntl(first, F_SETFL, fcntl(first, F_GETFL) | O_NONBLOCK);
	return first;
}

/* A web server hands over the listening socket as descriptor 0 (FastCGI section 2.2). */
static bool
stdin_is_listener(void)
{
	int listening = 0;
	socklen_t size = sizeof(listening);

	return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 &&
	    listening;
}

static bool
started_as_cgi(void)
{
	return getenv("GATEWAY_INTERFACE") != NULL && getenv("REQUEST_METHOD") != NULL;
}

static int
open_socket(const struct service_settings *settings, struct buf *error)
{
	const struct listener_access access = { (unsigned)settings->socket_mode,
		settings->socket_group.data };

	return listener_open(socket_address, &access, error);
}

static int
run_service(const struct service *service, int systemd)
{
	struct service_settings settings;
	struct buf error = { 0 };
	int listener = -1, code;
	bool alone = systemd < 0 && socket_address == NULL; /* the web server is our master */
	struct config *config;
	struct master_setup setup = { .owner = (void *)(uintptr_t)service, .work = work };

	close_range(systemd >= 0 ? (unsigned)systemd + 1 : STDERR_FILENO + 1, ~0U, 0);
	log_to_journal();
	config = read_config(service, &settings, &error);
	if (config == NULL) {
		code = fail(EXIT_CONFIG, buf_view(&error));
		buf_free(&error);
		return code;
	}
	unblock_stderr();
	config_warn_unknown(config, &service_settings_table);
	setup.drain_ms = settings.drain_timeout * 1000;
	setup.silent_ms = settings.worker_timeout * 1000;
	if (!alone)
		master_hold_signals();
	if (systemd >= 0)
		listener = systemd;
	else if (!alone)
		listener = open_socket(&settings, &error);
	config_close(config); /* the master goes on without any secret */
	if (alone) {
		fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
		return work(setup.owner, STDIN_FILENO, -1);
	}
	if (listener < 0) {
		code = fail(EXIT_OS, buf_view(&error));
	} else {
		setup.listener = listener;
		setup.address = systemd >= 0 ? NULL : socket_address;
		log_line(LOG_LEVEL_INFO, "agora-fcgi %s listens on %s", PACKAGE_VERSION,
		    systemd >= 0 ? "the socket of systemd" : socket_address);
		code = master_run(&setup);
	}
	buf_free(&error);
	return code;
}

static int
check(const struct service *service)
{
	struct service_settings settings;
	struct buf error = { 0 };
	struct config *config = config_open(env_file, environ, service->routes,
	    service->route_count, &service_settings_table, &settings, &error);
	int code = 0;

	if (config == NULL) {
		code = fail(EXIT_CONFIG, buf_view(&error));
	} else {
		config_warn_unknown(config, &service_settings_table);
		log_flush();
		printf("the configuration is good\n");
	}
	config_close(config);
	buf_free(&error);
	return code;
}

static int
dump(const struct service *service)
{
	struct buf document = { 0 };
	int code = 0;

	openapi_write(&document, service->routes, service->route_count, TEXT(""));
	buf_text(&document, "\n");
	if (fwrite(document.data, 1, document.length, stdout) != document.length ||
	    fflush(stdout) != 0)
		code = fail(EXIT_OS, text_of(strerror(errno)));
	buf_free(&document);
	return code;
}

int
service_main(int argc, char **argv, const struct service *service)
{
	struct buf error = { 0 };
	size_t operands = 0;
	int systemd;

	/* Its arguments are the client's: a query without = becomes such (RFC 3875 section 4.4). */
	if (started_as_cgi())
		return cgi_serve(getenv("AGORA_ENV_FILE"), environ, service);
	forbid_core_files();
	if (argc > 0 && !options_read(options, OPTION_COUNT, argv + 1, &operands, &error))
		return fail(EXIT_USAGE, buf_view(&error));
	if (operands > 0)
		return fail(EXIT_USAGE, TEXT("it takes no operands; see --help"));
	if (help != NULL)
		return usage();
	if (version != NULL) {
		printf("agora-fcgi %s\n", PACKAGE_VERSION);
		return 0;
	}
	if (dump_openapi != NULL)
		return dump(service);
	if (env_file == NULL)
		env_file = getenv("AGORA_ENV_FILE");
	if (check_config != NULL)
		return check(service);
	systemd = systemd_listener();
	if (socket_address == NULL && systemd < 0 && !stdin_is_listener())
		return fail(EXIT_USAGE, TEXT("--socket says where to listen; see --help"));
	return run_service(service, systemd);
}
