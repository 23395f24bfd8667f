/* products.h - Agora's REST products, a row each, and the accounts that all of them share. */
#ifndef AGORA_PRODUCTS_H
#define AGORA_PRODUCTS_H

#include "project.h"

/*
 * Opens what the products work with.  settings, storage and sender are set by the caller; projects
 * holds the policy's struct project, borrowed, and upstream the account of those without one.
 */
void
rest_open(struct rest *rest, const struct list *projects, const struct upstream_settings *upstream);
void rest_close(struct rest *rest);

#endif
