/* components.h - what the operations of the API's description have in common. */
#ifndef API_COMPONENTS_H
#define API_COMPONENTS_H

#include "schema.h"

struct document {
	struct buf *out;
	const struct route *routes;
	size_t count;
};

/* Schemas, errors, headers, credentials: the document's last member, and its end. */
void components_write(const struct document *document);

/*
 * A member, "$ref" or another, that names the schema of a row's table, or of the table of errors;
 * choice: of that value of a body's first member, NULL for the whole.
 */
void components_refer(const struct document *document, const char *member,
    const struct table *table, enum schema_use use, const char *choice);

/* The headers of an answer with this status; -1: those of all. */
void components_headers(const struct document *document, int status);

/* Whether the row's endpoint, or with NULL any of them, may answer an error with this status. */
bool components_may_have(const struct document *document, const struct route *row, int status);

/* Whether the row's input comes in a body. */
bool components_has_body(const struct route *row);

/* Appends the path's words: "rtt_stop", or in the manner of a type "RttStop". */
void components_words(struct buf *name, const char *path, bool as_type);

#endif
