/* schema.h - JSON Schema out of tables of fields, as members of an object that is being written. */
#ifndef API_SCHEMA_H
#define API_SCHEMA_H

#include "json.h"
#include "route.h"

/* What a table describes. */
enum schema_use {
	SCHEMA_BODY,  /* members of a request's body */
	SCHEMA_QUERY, /* parameters in the query or the path, which are text */
	SCHEMA_ANSWER,
};

#define SCHEMA_ANY_CHOICE (~UINT64_C(0))

/* A member that access control reads, of each request that it looks at. */
extern const struct field schema_project_field;

/* The description of a field, if it has one; a body's with its fallback. */
void schema_description(
    struct buf *out, const struct field *field, enum schema_use use, uint64_t decided);

/* Of a field's value; decided: bits 1 << value, as in a field's `when`. */
void
schema_value(struct buf *out, const struct field *field, enum schema_use use, uint64_t decided);

/* Of an object with any members. */
void schema_open(struct buf *out);

/*
 * Of an object with the table's members; of a whole body without those that the row's path
 * captures, else path is "".
 */
void schema_object(struct buf *out, const struct table *table, enum schema_use use,
    const char *path, uint64_t decided);

#endif
