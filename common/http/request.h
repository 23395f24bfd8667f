/*
 * request.h - an HTTP request as a value, made from CGI/1.1 meta-variables (RFC 3875) as FastCGI,
 * plain CGI and the tests alike give them.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "buf.h"

#define REQUEST_SEGMENTS 12     /* of a path, at most */
#define REQUEST_ID_MAX 128      /* bytes */
#define REQUEST_BODY_MAX 65536  /* bytes, the default limit */
#define REQUEST_VALUES_MAX 4096 /* values and names in a body or a query, likewise */

struct request {
	char *const *params; /* "NAME=value", NULL at the end; borrowed */
	struct text body;    /* borrowed */
	bool body_cut;       /* the client went before all of it came */
	struct text method;
	struct text segments[REQUEST_SEGMENTS]; /* of the path behind the base path, decoded once */
	size_t segment_count;
	struct text query; /* raw; without %00 */
	/* Where the query is refused: its parameter, or "query"; NULL: the path is. */
	const char *parameter;
	struct text id;      /* X-Request-ID: the client's if well formed, else ours */
	struct text address; /* REMOTE_ADDR: the client, as the web server says; may be absent */
	/*
	 * As W3C Trace Context has it, to be passed on: version, trace, parent and flags.  Absent
	 * where it is malformed, or its trace or parent is all zeros.
	 */
	struct text traceparent;
	/*
	 * Its header fields as one value, to be passed on with traceparent, at most 512 bytes:
	 * where there is more, members are left out.  Absent where one is malformed.
	 */
	struct text tracestate;
	bool from_any_page; /* of another origin, and only "any" lets it in */
};

/*
 * Reads method, path, query and id from params.  base_path ("" or "/prefix") is cut off the path;
 * without one, SCRIPT_NAME is where PATH_INFO says that the program was named by it.  What is
 * decoded lives in arena.  NULL, or why the path or the query is refused: static text.
 */
const char *request_parse(struct request *request, char *const *params, const char *base_path,
    struct arena *arena) __attribute__((nonnull));

/* The client's X-Request-ID where it is well formed, else a new id, which lives in arena. */
struct text request_id(char *const *params, struct arena *arena) __attribute__((nonnull));

/* The parameter's value; data is NULL when absent. */
struct text request_param(const struct request *request, const char *name) __attribute__((nonnull));

/* The 32 digits of its trace; absent where there is none. */
struct text request_trace(const struct request *request) __attribute__((nonnull));

/*
 * Forgets the parameters, path, query and body, so that they may be freed; method, id, address and
 * what is passed on stay, as copies in arena, which may be the one that they were made in.
 */
void request_keep(struct request *request, struct arena *arena) __attribute__((nonnull));

/*
 * Takes the next name and value off a query string, decoded (+ is a blank).  false at the end.
 * Malformed escapes stay as they are.
 */
bool query_next(struct text *query, struct arena *arena, struct text *name, struct text *value)
    __attribute__((nonnull));

#endif
