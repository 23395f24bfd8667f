/* agora-fcgi(8): FastCGI service, or plain CGI program, as it is started. */
#include "app.h"
#include "routes.h"
#include "service.h"

#ifdef HAVE_CURL
#define UPSTREAM_DRIVER &upstream_curl
#else
#define UPSTREAM_DRIVER NULL
#endif

int
main(int argc, char **argv)
{
	const struct service service = { routes, route_count, UPSTREAM_DRIVER, NULL };

	return service_main(argc, argv, &service);
}
