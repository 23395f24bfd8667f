#include <ctype.h>
#include <stdio.h>

#include "objects.h"
#include "route.h"

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

/* Channels */

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

/* Secrets */

static bool
is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_is_nocase(text_of(name), names[i]))
			return true;
	return false;
}

bool
object_is_secret(const char *name)
{
	static const char *const names[] = { "streamKey", "secret", "salt", "accessKey",
		"secretKey", "stsToken", "encryptKey", "encryptKdfSalt", "token", "pubBotToken",
		"subBotToken" };

	return is_one_of(name, names, COUNT(names));
}

bool
object_is_stream_url(const char *name)
{
	static const char *const names[] = { "rtmpUrl", "streamUrl" };

	return is_one_of(name, names, COUNT(names));
}

static size_t
next_of(struct text url, size_t from, const char *ends)
{
	while (from < url.length && memchr(ends, url.data[from], strlen(ends)) == NULL)
		from++;
	return from;
}

static size_t
host_begins(struct text url)
{
	const char *scheme = memmem(url.data, url.length, "://", 3);

	return scheme == NULL ? 0 : (size_t)(scheme - url.data) + 3;
}

struct text
stream_url_user(struct text url)
{
	const size_t from = host_begins(url), end = next_of(url, from, "/?#");
	const char *at = memrchr(url.data + from, '@', end - from);

	return (struct text){ url.data + from, at == NULL ? 0 : (size_t)(at - (url.data + from)) };
}

struct text
stream_url_key(struct text url)
{
	size_t from = next_of(url, host_begins(url), "/?#"), first;

	from += from < url.length;
	first = next_of(url, from, "/?#");
	/* "/app/key" shows the application; of "/key", "/key/" and "/app?key" nothing is. */
	if (first + 1 < url.length && url.data[first] == '/')
		from = first + 1;
	return (struct text){ url.data + from, url.length - from };
}

static struct json_object *
without_key(struct text url)
{
	const struct text user = stream_url_user(url), key = stream_url_key(url);
	const size_t host = (size_t)(user.data - url.data) + user.length;
	struct json_object *value;
	struct buf hidden = { 0 };

	buf_add(&hidden, url.data, (size_t)(user.data - url.data));
	buf_text(&hidden, user.length > 0 ? "***" : "");
	buf_add(&hidden, url.data + host, (size_t)(key.data - url.data) - host);
	buf_text(&hidden, "***");
	value = json_text(buf_view(&hidden));
	buf_free(&hidden);
	return value;
}

void
object_hide_secrets(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			object_hide_secrets(json_object_array_get_idx(value, i));
		return;
	}
	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, name, member) {
		if (object_is_secret(name) && member != NULL)
			json_set_text(value, name, TEXT("***"));
		else if (object_is_stream_url(name) &&
		    json_object_is_type(member, json_type_string))
			json_set(value, name, without_key(string_of(member)));
		else
			object_hide_secrets(member);
	}
}

/* What the server decides */

static const char *
owned_in(struct json_object *value)
{
	static const char *const names[] = { "storageConfig", "storage", "captionConfig", "bucket",
		"accessKey", "secretKey", "stsToken" };
	const char *found = NULL;

	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; found == NULL && i < json_object_array_length(value); i++)
			found = owned_in(json_object_array_get_idx(value, i));
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, member) {
			for (size_t i = 0; i < COUNT(names); i++)
				if (text_is_nocase(text_of(name), names[i]))
					return names[i];
			found = owned_in(member);
			if (found != NULL)
				return found;
		}
	}
	return found;
}

bool
objects_leave_storage(struct exchange *x)
{
	const struct table *table = x->route->input;
	const char *owned = NULL;
	char field[80];

	if (services_of(x)->rest->storage.override)
		return true;
	for (size_t i = 0; i < table->count && owned == NULL; i++) {
		const struct field *f = &table->fields[i];

		/* The request's own storageConfig has its rule where it is used. */
		if ((f->kind != FIELD_JSON && f->kind != FIELD_JSONS) ||
		    strcmp(f->name, "storageConfig") == 0)
			continue;
		owned = owned_in(field_member(x->members, f->name));
		if (owned != NULL)
			snprintf(field, sizeof(field), "%s.%s", f->name, owned);
	}
	if (owned == NULL)
		return true;
	exchange_fail(x, ERROR_INVALID_FIELD, field, STORAGE_IS_OURS);
	return false;
}
