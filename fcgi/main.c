/* agora-fcgi(8): FastCGI service, or plain CGI program, as it is started. */
#include "routes.h"
#include "service.h"

int
main(int argc, char **argv)
{
	const struct service service = { routes, route_count, NULL };

	return service_main(argc, argv, &service);
}
