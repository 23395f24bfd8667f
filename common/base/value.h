/*
 * value.h - JSON values made for an answer or a call.  Where memory ends the process does, so no
 * value is ever missing in silence.
 */
#ifndef AGORA_VALUE_H
#define AGORA_VALUE_H

#include "json.h"
#include "text.h"

/* JSON, with out-of-memory dealt with: member or item added, object taken. */
void json_set(struct json_object *object, const char *name, struct json_object *value);
void json_set_text(struct json_object *object, const char *name, struct text value);
void json_set_int(struct json_object *object, const char *name, int64_t value);
void json_append(struct json_object *list, struct json_object *item);
/* Bytes that are not UTF-8 become U+FFFD. */
struct json_object *json_text(struct text text);
struct json_object *json_list(void);
/* A deep copy of an object, or a new one for NULL. */
struct json_object *json_copy(struct json_object *object);
/* The object once more, to be put by its new owner too; or a new one for NULL. */
struct json_object *json_share(struct json_object *object);

#endif
