/*
 * agora.cgi: the token service as one static file for shared hosting.  The same as agora-fcgi
 * started as CGI, without libfcgi.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgi.h"
#include "options.h"
#include "routes.h"
#include "service.h"

extern char **environ;

/* For whom the web server's log is out of reach: as if one had started it where it lies. */
static int
check(const struct service *service)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length > 0) {
		path[length] = '\0';
		setenv("SCRIPT_FILENAME", path, 1);
	}
	return cgi_check(getenv("AGORA_ENV_FILE"), environ, service);
}

int
main(int argc, char **argv)
{
	const struct service service = { routes, route_count, NULL, NULL };
	/* A web server may make arguments of a query, but never without its variables. */
	bool started_by_hand = getenv("GATEWAY_INTERFACE") == NULL;

	if (started_by_hand && argc == 2 && strcmp(argv[1], "--check-config") == 0)
		return check(&service);
	if (started_by_hand || getenv("REQUEST_METHOD") == NULL) {
		fprintf(stderr,
		    "agora.cgi %s: a web server starts this program; copy it to a cgi-bin "
		    "directory, run it there with --check-config, and see agora-fcgi(8)\n",
		    PACKAGE_VERSION);
		return EXIT_USAGE;
	}
	return cgi_serve(getenv("AGORA_ENV_FILE"), environ, &service);
}
