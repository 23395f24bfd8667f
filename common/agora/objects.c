#include <ctype.h>

#include "objects.h"
#include "value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct text
string_of(struct json_object *value)
{
	return (struct text){ json_object_get_string(value),
		(size_t)json_object_get_string_len(value) };
}

static bool
same(struct text a, struct text b)
{
	return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

/* Adds what the object says of its channel to what is known: the names that are it, and are not. */
static void
look(struct json_object *object, struct text channel, bool *is, bool *is_not)
{
	static const char *const names[] = { "rtcChannel", "channelName", "channel", "channel_name",
		"cname" };

	if (!json_object_is_type(object, json_type_object))
		return;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct json_object *value = NULL;

		if (!json_object_object_get_ex(object, names[i], &value) || value == NULL)
			continue;
		if (json_object_is_type(value, json_type_string) && same(string_of(value), channel))
			*is = true;
		else
			*is_not = true;
	}
}

bool
object_is_in(struct json_object *object, struct text channel, bool otherwise)
{
	static const char *const inner[] = { "transcodeOptions", "rawOptions", "rtcConfig" };
	bool is = false, is_not = false;

	if (!json_object_is_type(object, json_type_object))
		return false;
	look(object, channel, &is, &is_not);
	for (size_t i = 0; i < COUNT(inner); i++) {
		struct json_object *part = NULL;

		if (json_object_object_get_ex(object, inner[i], &part))
			look(part, channel, &is, &is_not);
	}
	return !is_not && (is || otherwise);
}

bool
is_plain_word(struct text channel)
{
	for (size_t i = 0; i < channel.length; i++)
		if (!isalnum((unsigned char)channel.data[i]) && channel.data[i] != '-' &&
		    channel.data[i] != '_')
			return false;
	return channel.length > 0;
}

struct json_object *
objects_in(struct exchange *x, struct json_object *list, struct text channel, bool otherwise)
{
	size_t count = json_object_array_length(list), in = 0;
	struct json_object *some;

	for (size_t i = 0; i < count; i++)
		in += object_is_in(json_object_array_get_idx(list, i), channel, otherwise);
	if (in == count)
		return list;
	some = agora_keep(x, json_list());
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (object_is_in(item, channel, otherwise))
			json_append(some, json_object_get(item));
	}
	return some;
}

struct json_object *
object_with(struct json_object *list, const char *member, struct text value)
{
	if (!json_object_is_type(list, json_type_array))
		return NULL;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i), *found = NULL;

		if (json_object_is_type(item, json_type_object) &&
		    json_object_object_get_ex(item, member, &found) &&
		    json_object_is_type(found, json_type_string) && same(string_of(found), value))
			return item;
	}
	return NULL;
}
