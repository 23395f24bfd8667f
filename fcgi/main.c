/* agora-fcgi(8): FastCGI service, or plain CGI program, as it is started. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgi.h"
#include "codec.h"
#include "connection.h"
#include "listener.h"
#include "log.h"
#include "options.h"

#define DRAIN_MS 10000

extern char **environ;

static const char *socket_address, *env_file, *check_config, *version, *help;

static const struct option options[] = {
	{ "socket", "ADDRESS", "listen on a path with a / in it, or on host:port",
	    &socket_address },
	{ "env-file", "FILE", "read settings from this .env file too", &env_file },
	{ "check-config", NULL, "read the settings, say whether they are good, and end",
	    &check_config },
	{ "version", NULL, "print the version and end", &version },
	{ "help", NULL, "print this and end", &help },
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

struct service {
	struct loop *loop;
	struct connections *connections;
	int64_t drain_until; /* monotonic ms; 0 = not draining */
};

static int
usage(void)
{
	printf("agora-fcgi - issues Agora tokens behind a web server\n\n"
	       "usage: agora-fcgi --socket ADDRESS [--env-file FILE]\n"
	       "       agora-fcgi --check-config [--env-file FILE]\n\n"
	       "Started by a web server, as CGI or with the socket on descriptor 0, it needs no\n"
	       "option; AGORA_ENV_FILE in its environment then names the .env file.\n\n");
	options_help(options, OPTION_COUNT, stdout);
	printf("\nexit codes: 0 fine, 64 usage, 71 operating system, 78 configuration\n"
	       "settings and endpoints: agora-fcgi(8)\n");
	return 0;
}

/* One line for whoever started it. */
static int
fail(int code, struct text why)
{
	fprintf(stderr, "agora-fcgi: %.*s\n", (int)why.length, why.data);
	return code;
}

static void
end_when_idle(struct service *service)
{
	if (connections_count(service->connections) == 0 ||
	    loop_now(service->loop) >= service->drain_until)
		loop_stop(service->loop);
}

static void
on_signal(void *owner, int signal)
{
	struct service *service = owner;

	if (service->drain_until != 0) {
		loop_stop(service->loop); /* asked twice */
		return;
	}
	log_line(LOG_LEVEL_INFO, "signal %d: finishing %zu connections", signal,
	    connections_count(service->connections));
	service->drain_until = loop_now(service->loop) + DRAIN_MS;
	connections_drain(service->connections);
}

static void
on_tick(void *owner, int64_t now)
{
	struct service *service = owner;

	connections_tick(service->connections, now);
}

static void
on_turn(void *owner)
{
	struct service *service = owner;

	connections_turn(service->connections);
	log_flush();
	if (service->drain_until != 0)
		end_when_idle(service);
}

static int
serve(int listener, const struct config *config)
{
	static const int signals[] = { SIGTERM, SIGINT, 0 };
	const struct connection_limits limits = {
		.request = { .params = 131072, .body = REQUEST_BODY_MAX },
		.connections = 1024,
		.request_ms = 15000,
		.answer_ms = 15000,
	};
	struct service service = { 0 };
	const struct loop_hooks hooks = { &service, on_signal, on_tick, on_turn };
	struct app *app = app_open(config);
	int code = EXIT_OS;

	service.loop = loop_open(&hooks, signals);
	if (app != NULL && service.loop != NULL)
		service.connections = connections_open(service.loop, app, listener, &limits);
	if (service.connections != NULL) {
		log_line(LOG_LEVEL_INFO, "agora-fcgi %s ready", PACKAGE_VERSION);
		log_flush();
		if (loop_run(service.loop))
			code = 0;
	}
	if (code != 0)
		log_line(LOG_LEVEL_ERROR, "cannot serve: %s", strerror(errno));
	connections_close(service.connections);
	loop_close(service.loop);
	app_close(app);
	log_flush();
	return code;
}

static int
listen_and_serve(const struct config *config)
{
	struct buf error = { 0 };
	int listener, code;

	if (socket_address == NULL)
		return serve(STDIN_FILENO, config);
	listener = listener_open(socket_address, &error);
	if (listener < 0) {
		code = fail(EXIT_OS, buf_view(&error));
		buf_free(&error);
		return code;
	}
	code = serve(listener, config);
	close(listener);
	listener_remove(socket_address);
	return code;
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
run_service(void)
{
	struct buf error = { 0 };
	struct config *config = config_open(env_file, environ, &error);
	int code = 0;

	log_flush();
	if (config == NULL)
		code = fail(EXIT_CONFIG, buf_view(&error));
	else if (check_config != NULL)
		printf("the configuration is good\n");
	else if (!codec_init())
		code = fail(EXIT_SOFTWARE, TEXT("libfcgi cannot be used"));
	else {
		/* libfcgi's own handlers end here; SIGPIPE would end the program. */
		signal(SIGPIPE, SIG_IGN);
		signal(SIGUSR1, SIG_IGN);
		code = listen_and_serve(config);
	}
	config_close(config);
	buf_free(&error);
	return code;
}

int
main(int argc, char **argv)
{
	struct buf error = { 0 };
	size_t operands = 0;
	bool by_web_server;

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
	by_web_server = socket_address == NULL && check_config == NULL;
	if (env_file == NULL)
		env_file = getenv("AGORA_ENV_FILE");
	if (by_web_server && started_as_cgi())
		return cgi_serve(env_file, environ);
	if (by_web_server && !stdin_is_listener())
		return fail(EXIT_USAGE, TEXT("--socket says where to listen; see --help"));
	return run_service();
}
