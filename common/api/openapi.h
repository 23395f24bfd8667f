/* openapi.h - the API as OpenAPI 3.1 describes it, made from the table of routes. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "route.h"

/* Appends the document.  base_path: "/agora"; absent for none. */
void openapi_write(
    struct buf *out, const struct route *routes, size_t route_count, struct text base_path);

/* GET /openapi.json */
enum step openapi_get(struct exchange *exchange);

#endif
