/* service.h - agora-fcgi's command line, apart from main() so that tests add routes that wait. */
#ifndef FCGI_SERVICE_H
#define FCGI_SERVICE_H

#include "route.h"

struct service {
	const struct route *routes;
	size_t route_count;
	/* In the worker, before it serves; NULL, or NULL returned: nothing waits. */
	const struct progress *(*progress)(void);
};

int service_main(int argc, char **argv, const struct service *service);

#endif
