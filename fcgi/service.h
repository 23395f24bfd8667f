/* service.h - agora-fcgi's command line, apart from main() so that tests add routes that wait. */
#ifndef FCGI_SERVICE_H
#define FCGI_SERVICE_H

#include "route.h"

struct upstream_driver;

struct service {
	const struct route *routes;
	size_t route_count;
	const struct upstream_driver *driver; /* NULL: this program makes no calls to Agora */
	/* For tests, in the driver's place: called in the worker before it serves. */
	const struct progress *(*progress)(void);
};

int service_main(int argc, char **argv, const struct service *service);

#endif
