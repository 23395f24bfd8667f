#include <stdint.h>

#include "buf.h"
#include "value.h"

void
json_set(struct json_object *object, const char *name, struct json_object *value)
{
	if (value == NULL || json_object_object_add(object, name, value) != 0)
		out_of_memory();
}

void
json_append(struct json_object *list, struct json_object *item)
{
	if (item == NULL || json_object_array_add(list, item) != 0)
		out_of_memory();
}

/* json-c counts bytes in int; nothing of ours is as long.  json_write mends what is not UTF-8. */
struct json_object *
json_text(struct text text)
{
	struct json_object *value;

	if (text.length > INT32_MAX)
		text.length = INT32_MAX;
	value = json_object_new_string_len(text.data, (int)text.length);
	if (value == NULL)
		out_of_memory();
	return value;
}

struct json_object *
json_list(void)
{
	struct json_object *list = json_object_new_array();

	if (list == NULL)
		out_of_memory();
	return list;
}

void
json_set_text(struct json_object *object, const char *name, struct text value)
{
	json_set(object, name, json_text(value));
}

void
json_set_int(struct json_object *object, const char *name, int64_t value)
{
	json_set(object, name, json_object_new_int64(value));
}

struct json_object *
json_copy(struct json_object *object)
{
	struct json_object *copy = NULL;

	if (object == NULL)
		copy = json_object_new_object();
	else if (json_object_deep_copy(object, &copy, NULL) != 0)
		copy = NULL;
	if (copy == NULL)
		out_of_memory();
	return copy;
}

struct json_object *
json_share(struct json_object *object)
{
	return object == NULL ? json_copy(NULL) : json_object_get(object);
}
