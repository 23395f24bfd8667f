/* storage.h - where recordings and captions are kept: the settings' bucket, or the request's own.
 */
#ifndef AGORA_STORAGE_H
#define AGORA_STORAGE_H

#include "call.h"

/* A row for a table whose struct has a struct json_object *prefix. */
#define PREFIX_ROW                                                                                 \
	{                                                                                          \
		"fileNamePrefix", FIELD_JSONS, FIELD_STRINGS, AT(prefix),                          \
		    .meaning = "where STORAGE_PREFIX allows it: folders of the files, letters "    \
			       "and digits each"                                                   \
	}

/*
 * Agora's storageConfig with the settings' bucket and fileNamePrefix from the channel and the
 * time; `own` and `prefix` (may be NULL) are the request's, `own` under the name `field`.  NULL:
 * the exchange is answered.
 */
struct json_object *agora_storage(struct exchange *x, const char *field, struct json_object *own,
    struct json_object *prefix, struct text channel);

/* Agora's table of third-party storage, as of this release: Agora adds to it. */
bool storage_vendor_exists(int64_t vendor);
bool storage_region_exists(int64_t vendor, int64_t region);

#define STORAGE_IS_OURS                                                                            \
	"is not taken: this server keeps all files in its own storage (STORAGE_OVERRIDE)"

/*
 * Whether the objects that the request hands on to Agora leave alone what this server decides:
 * where files are kept, and with which keys.  false: the exchange is answered with 400.
 */
bool objects_leave_storage(struct exchange *x);

#endif
