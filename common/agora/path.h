/* path.h - paths of Agora's APIs, from the settings' templates and ids that are not trusted. */
#ifndef AGORA_PATH_H
#define AGORA_PATH_H

#include "exchange.h"
#include "field.h"

/*
 * "/" and a product's path with the App ID in it; in front of it "/region" where there is one.
 * Grown by the handler with buf_printf and agora_segment; lives as long as the exchange.
 */
struct buf *agora_path(struct exchange *x, struct text url_template, const char *region);

/*
 * Appends "/" and an id, escaped.  One that is . or .., however it is written, is refused by
 * agora_send: whoever passes such a path on takes it for another.
 */
void agora_segment(struct buf *path, struct text id);

/* Appends a query parameter, escaped, when there is one; *join is '?' first and '&' then. */
void agora_query(struct buf *path, char *join, const char *name, struct text value);

/* An id that Agora gave: letters, digits and - _ . ~ = */
bool is_agora_id(struct text value, struct field_error *error);

/*
 * Whether a segment of the path is . or .., however often it is decoded: whoever passes such a path
 * on takes it for another.
 */
bool agora_path_has_dots(struct text path);

#endif
