/*
 * field.h - tables between JSON and structs.  A row describes one member: its name, its kind, the
 * rule it obeys and where its value lies in the struct.  Request bodies, query parameters, path
 * captures, settings and answers are all read or written by such tables.
 */
#ifndef BASE_FIELD_H
#define BASE_FIELD_H

#include <json-c/json.h>

#include "buf.h"

enum field_kind {
	FIELD_TEXT, /* struct text: a string */
	FIELD_NAME, /* struct text: a string; one that is not UTF-8 is null, and <name>Hex holds it
	             */
	FIELD_ID,   /* struct text: a string, or a whole number min to max as its digits */
	FIELD_INT,  /* int64_t: a whole number min to max, as field_whole reads it */
	FIELD_CHOICE, /* int64_t: one of choices, by its name; a number by its digits */
	FIELD_BOOL,   /* bool */
	FIELD_MAYBE,  /* int: 1 true, 0 false, MAYBE_NULL or MAYBE_ABSENT */
	FIELD_OBJECT, /* pointer to the nested table's struct, NULL when absent */
	FIELD_LIST,   /* struct list of the nested table's structs */
	FIELD_TEXTS,  /* struct list of struct text */
	FIELD_JSON,   /* struct json_object *: an object, as it is; borrowed.  A nested table
	                 describes it */
	FIELD_JSONS,  /* an array, likewise; max: of so many items at most, 0 = any */
	FIELD_NAMES,  /* the same, each like FIELD_NAME; beside a null its hex is in <name>Hex[] */
	FIELD_MAP, /* struct list of the nested table's structs, one for each member of an object;
	              each struct begins with the member's name, a struct text */
};

#define MAYBE_NULL (-1)
#define MAYBE_ABSENT (-2)

/* flags */
#define FIELD_REQUIRED 1U  /* reading: must be there; in an answer: is always there */
#define FIELD_DECIDES 2U   /* reading: a choice, the table's first row, that `when` speaks of */
#define FIELD_IGNORED 4U   /* reading: ignored, not refused, where `when` does not allow it */
#define FIELD_OMIT 8U      /* writing: left out while it has its fallback value */
#define FIELD_SECRET 16U   /* never shown in a log or a configuration listing */
#define FIELD_FILE 32U     /* settings: may come as <name>_FILE, the path of a file holding it */
#define FIELD_SCOPE 64U    /* a text: where the request has its effect; grants are bounded by it */
#define FIELD_OR_ONE 128U  /* FIELD_TEXTS: a single string is a list of one */
#define FIELD_STRINGS 256U /* FIELD_JSONS: its items are strings */
#define FIELD_SIZE 2048U   /* settings, a number of bytes: may end with K, M or G */
#define FIELD_OR_DIGITS 512U /* FIELD_TEXT: or a whole number, its digits; FIELD_SCOPE, too */
#define FIELD_WORD 1024U     /* FIELD_CHOICE: in any case; "" is the fallback */

#define FIELD_DIGITS_MAX INT64_C(9007199254740991) /* its largest: JSON writers hold it exactly */

struct choice {
	const char *name; /* NULL ends the list */
	int64_t value;    /* 0 to 63 where a field decides */
};

/* Why a value was refused.  Static or formatted text, never the value itself. */
struct field_error {
	bool missing;
	char field[96]; /* "channel", "permissions[2].resource", "callers[app].keys" */
	char rule[240]; /* "must be a whole number of seconds, 0 to 4294967295" */
};

struct field {
	const char *name;
	enum field_kind kind;
	unsigned flags;
	size_t offset;    /* of the value in the struct */
	int64_t min, max; /* numbers: the range.  Texts: length in bytes, max 0 = any */
	const char *unit; /* "seconds"; NULL for none */
	const struct choice *choices;
	int64_t fallback; /* numbers and choices, when absent */
	const struct table *nested;
	uint64_t when; /* bits 1 << value of the deciding choice; 0 = always */
	/* One more rule for texts: false with error->rule filled. */
	bool (*check)(struct text value, struct field_error *error);
	const char *meaning; /* one line for people */
	const char *record;  /* texts: their name in audit records; NULL: they do not stand there */
};

/* Members of which one must be given, and what is said where none is. */
struct needs {
	const char *field; /* NULL: of no one member */
	const char *rule;
	const char *any[8][2]; /* two names: both together.  A FIELD_BOOL counts when it is true */
};

struct table {
	const struct field *fields;
	size_t count;
	size_t size;      /* of the struct */
	bool text_source; /* numbers come as strings: query, path, settings; "" means absent */
	bool closed;      /* names are exact, and a member without a row is an error */
	const struct needs *needs; /* reading; NULL: none */
	/* What is not understood must not be left out: field_stranger is an error. */
	bool strict;
};

#define TABLE(fields, type)                                                                        \
	{                                                                                          \
		fields, sizeof(fields) / sizeof((fields)[0]), sizeof(type), false                  \
	}
#define TEXT_TABLE(fields, type)                                                                   \
	{                                                                                          \
		fields, sizeof(fields) / sizeof((fields)[0]), sizeof(type), true                   \
	}
#define CLOSED_TABLE(fields, type)                                                                 \
	{                                                                                          \
		fields, sizeof(fields) / sizeof((fields)[0]), sizeof(type), false, true            \
	}
#define NEEDS_TABLE(fields, type, needs)                                                           \
	{                                                                                          \
		fields, sizeof(fields) / sizeof((fields)[0]), sizeof(type), false, false, needs    \
	}
#define STRICT_TABLE(fields, type, needs)                                                          \
	{                                                                                          \
		fields, sizeof(fields) / sizeof((fields)[0]), sizeof(type), false, false, needs,   \
		    true                                                                           \
	}

/*
 * Reads a JSON object into *out; NULL, json-c's null, is none.  Names match exactly or else
 * without ASCII case; members without a row are ignored, null is absent.  Texts are borrowed from
 * `object`, lists and numbers' digits live in `arena`.  false with *error filled; *out is then
 * unspecified.
 */
bool field_read(const struct table *table, struct json_object *object, struct arena *arena,
    void *out, struct field_error *error) __attribute__((warn_unused_result, nonnull(1, 3, 4, 5)));

/* Appends the struct as a JSON object, members in the table's order; absent texts are left out. */
void
field_write(struct buf *buf, const struct table *table, const void *in) __attribute__((nonnull));

/*
 * Makes a struct that was read last longer than the object that it was read from: its texts become
 * copies in arena; what is JSON stays borrowed, until field_forget makes it absent.
 */
void field_keep(const struct table *table, void *in, struct arena *arena) __attribute__((nonnull));
void field_forget(const struct table *table, void *in) __attribute__((nonnull));

/* The member by this name, exactly or else without case; NULL when absent or null. */
struct json_object *field_member(struct json_object *object, const char *name);

/*
 * The rule for a negative number where an unsigned one of 32 bits belongs: native SDKs show uids
 * above 2147483647 as negative numbers, so it names the number that is meant.
 */
void field_negative_rule(struct field_error *error, int64_t negative);

/*
 * The whole number that a JSON value means: 3600, "3600", 3600.0 or 1e3.  false: it means none, or
 * one that is not exact in 64 bits.
 */
bool field_whole(struct json_object *value, int64_t *number) __attribute__((nonnull(2)));

/*
 * Whether the object has a member that no row takes, or two that the same row would take.  Null
 * counts as absent, and `shared` (may be NULL) is known without a row.  The table has at most 64
 * rows.  true with *error filled.
 */
bool field_stranger(const struct table *table, struct json_object *object, const char *shared,
    struct field_error *error);

/* Sets error->rule. */
void field_rule(struct field_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
