/* cors.h - which web pages may read answers (Fetch Standard, "CORS protocol"). */
#ifndef API_CORS_H
#define API_CORS_H

#include "exchange.h"

/*
 * The first step of each exchange.  allowed: "*", a list with commas, or absent for the same
 * origin only.  Adds the headers that every later answer keeps; answers preflights (OPTIONS) and
 * refuses origins that are not allowed.  A request without Origin goes on: it comes from no page.
 * One that only "*" lets in is marked: it may come from any page (request.from_any_page).
 */
enum step cors_step(struct exchange *exchange, struct text allowed);

#endif
