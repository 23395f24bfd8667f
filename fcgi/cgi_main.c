/*
 * agora.cgi: the token service as one static file for shared hosting.  The same as agora-fcgi
 * started as CGI, without libfcgi.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cgi.h"
#include "options.h"
#include "routes.h"
#include "service.h"

extern char **environ;

int
main(void)
{
	const struct service service = { routes, route_count, NULL, NULL };

	if (getenv("GATEWAY_INTERFACE") == NULL || getenv("REQUEST_METHOD") == NULL) {
		fprintf(stderr,
		    "agora.cgi %s: a web server starts this program; copy it to a cgi-bin "
		    "directory "
		    "and see agora-fcgi(8)\n",
		    PACKAGE_VERSION);
		return EXIT_USAGE;
	}
	return cgi_serve(getenv("AGORA_ENV_FILE"), environ, &service);
}
