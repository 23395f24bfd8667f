/* service.h - agora-fcgi's command line, apart from main() so that tests add routes that wait. */
#ifndef FCGI_SERVICE_H
#define FCGI_SERVICE_H

#include "app.h"

int service_main(int argc, char **argv, const struct service *service);

#endif
