/*
 * json.h - strict reading of JSON (RFC 8259).  json-c is lenient in ways that hide mistakes (bytes
 * after the value, names cut at NUL, trailing commas), so each text is scanned once before json-c
 * sees it.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <json-c/json.h>

#include "buf.h"

#define JSON_DEPTH 16        /* objects and arrays in one another */
#define JSON_MEMORY 33554432 /* bytes that a document may take once it is read, as estimated */

enum json_problem {
	JSON_FINE,
	JSON_EMPTY,     /* nothing but white space */
	JSON_CUT,       /* ends within a value */
	JSON_SYNTAX,    /* anything else that is not JSON */
	JSON_AFTER,     /* something follows the value */
	JSON_DEEP,      /* nested deeper than JSON_DEPTH */
	JSON_NUL,       /* a NUL in a string or a name */
	JSON_UTF8,      /* not UTF-8, or half a surrogate pair */
	JSON_DUPLICATE, /* a second member of the same name; only with JSON_UNIQUE */
	JSON_MANY,      /* more values and names than the caller takes, or than JSON_MEMORY holds */
};

struct json_error {
	enum json_problem problem;
	size_t at; /* offset of the byte, from 0 */
};

#define JSON_NUL_ALLOWED 1U /* strings, not names, may hold \u0000 */
#define JSON_UNIQUE 2U      /* no two members of an object have the same name, once unescaped */
#define JSON_COMMENTS 4U    /* between tokens: // to the end of the line, and slash-star */

/*
 * One JSON value of any kind, and nothing after it but white space.  Of members with the same name
 * the last stays, or with JSON_UNIQUE error->at is where the second name begins.  The caller owns
 * the result (json_object_put); NULL with *error filled on failure and, json-c's own NULL, for the
 * text `null`, where error->problem is JSON_FINE.
 */
struct json_object *json_read(struct text text, unsigned flags, struct json_error *error)
    __attribute__((warn_unused_result, nonnull(3)));

/*
 * The same of a document from outside: each value counts as one, of whatever kind and however deep,
 * and so does each member's name; more than `most` are not read.  What json-c makes of a value
 * takes up to 800 bytes, so a text's length alone bounds little.
 */
struct json_object *json_read_most(struct text text, unsigned flags, size_t most,
    struct json_error *error) __attribute__((warn_unused_result, nonnull(4)));

/* The line, from 1, that an offset into the text lies in. */
size_t json_line(struct text text, size_t at);

/* What is wrong, for people, one clause.  Static text. */
const char *json_problem_text(enum json_problem problem);

/*
 * Writing, piece by piece: each appends a comma where something of the same object or array stands
 * before.  Names and values are escaped.
 */

/* The comma alone. */
void json_separate(struct buf *out);

/* "name": */
void json_put_name(struct buf *out, const char *name);

/* An object or array, of which the caller appends the end; name is NULL within an array. */
void json_begin(struct buf *out, const char *name, const char *bracket);

/* Members of an object. */
void json_put_text(struct buf *out, const char *name, const char *value);
void json_put_number(struct buf *out, const char *name, int64_t value);
void json_put_bool(struct buf *out, const char *name, bool value);

/*
 * A value of json-c's, NULL for null, compact: each of its parts, or out_of_memory.  Its depth is
 * that of json_read, which bounds it.
 */
void json_write(struct buf *out, struct json_object *value);
void json_put_value(struct buf *out, const char *name, struct json_object *value);

/* A text within an array. */
void json_put_item(struct buf *out, const char *value);

#endif
