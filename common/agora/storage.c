#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "answer.h"
#include "route.h"
#include "storage.h"
#include "value.h"

#define PREFIX_MAX 128 /* characters of fileNamePrefix with its slashes */

/* Regions that exist, a bit each; source: Agora's "Third-party cloud storage regions". */
static const struct {
	int64_t vendor;
	uint32_t regions;
} vendors[] = {
	{ 1, 0x037dffff }, /* 0 to 25 without 17 and 23 */
	{ 2, 0x0fffffff },
	{ 3, 0x000fffff },
	{ 5, 1 },
	{ 6, 1 },
	{ 7, 0x0000ffff },
	{ 8, 0x000000fe },
	{ 11, 1 },
};

bool
storage_vendor_exists(int64_t vendor)
{
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
		if (vendors[i].vendor == vendor)
			return true;
	return false;
}

bool
storage_region_exists(int64_t vendor, int64_t region)
{
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
		if (vendors[i].vendor == vendor)
			return region >= 0 && region < 32 && (vendors[i].regions >> region & 1);
	return false;
}

/* The channel's letters and digits, as far as they are a folder: Agora allows no others. */
static void
channel_folder(struct text channel, char folder[static PREFIX_MAX - 16 - 1])
{
	size_t n = 0;

	for (size_t i = 0; i < channel.length && n < PREFIX_MAX - 16 - 2; i++)
		if (isalnum((unsigned char)channel.data[i]))
			folder[n++] = channel.data[i];
	folder[n] = '\0';
}

/* [channel's folder, YYYYMMDD, HHMMSS] */
static struct json_object *
file_name_prefix(struct exchange *x, struct text channel)
{
	struct json_object *list = json_list();
	char name[PREFIX_MAX - 16 - 1], date[16], hour[16];
	time_t now = (time_t)x->now;
	struct tm tm;

	channel_folder(channel, name);
	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y%m%d", &tm);
	strftime(hour, sizeof(hour), "%H%M%S", &tm);
	if (name[0] != '\0')
		json_append(list, json_text(text_of(name)));
	json_append(list, json_text(text_of(date)));
	json_append(list, json_text(text_of(hour)));
	return list;
}

/* Agora's rule: letters and digits, PREFIX_MAX characters with the slashes between. */
static bool
is_prefix(struct json_object *list)
{
	size_t length = 0;

	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		const char *folder;

		if (!json_object_is_type(item, json_type_string))
			return false;
		folder = json_object_get_string(item);
		for (size_t n = 0; folder[n] != '\0'; n++)
			if (!isalnum((unsigned char)folder[n]))
				return false;
		if (folder[0] == '\0')
			return false;
		length += strlen(folder) + 1;
	}
	return length - 1 <= PREFIX_MAX;
}

/* Whether the request may name its files so; false: the exchange is answered. */
static bool
check_prefix(struct exchange *x, struct json_object *prefix, struct text channel)
{
	const struct storage_settings *s = &services_of(x)->rest->storage;
	char folder[PREFIX_MAX - 16 - 1];
	const char *rule = NULL;

	channel_folder(channel, folder);
	if (s->prefix == PREFIX_OURS)
		rule = "is not taken: this server names the files itself (STORAGE_PREFIX)";
	else if (!is_prefix(prefix))
		rule = "must be a list of folders, letters and digits each, at most 128 characters "
		       "with the slashes between them";
	else if ((s->prefix == PREFIX_CHANNEL || access_bound(x).data != NULL) &&
	    strcmp(json_object_get_string(json_object_array_get_idx(prefix, 0)), folder) != 0)
		rule = "must begin with the channel's letters and digits";
	if (rule != NULL)
		exchange_fail(x, ERROR_INVALID_FIELD, "fileNamePrefix", rule);
	return rule == NULL;
}

static bool
is_set(struct exchange *x, int64_t number, const char *setting)
{
	return agora_configured(x, number < 0 ? (struct text){ NULL, 0 } : TEXT(""), setting);
}

static bool
refuse_storage(
    struct exchange *x, const char *field, const char *member, bool missing, const char *rule)
{
	char path[96];

	snprintf(path, sizeof(path), "%s%s%s", field, member == NULL ? "" : ".",
	    member == NULL ? "" : member);
	exchange_fail(x, missing ? ERROR_MISSING_FIELD : ERROR_INVALID_FIELD, path, rule);
	return false;
}

/* A storage of the request's own: each member that Agora needs, by its name. */
static bool
check_own_storage(struct exchange *x, const char *field, struct json_object *own)
{
	static const struct {
		const char *name;
		json_type type;
	} needed[] = { { "vendor", json_type_int }, { "region", json_type_int },
		{ "bucket", json_type_string }, { "accessKey", json_type_string },
		{ "secretKey", json_type_string } };
	struct json_object *value;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		json_object_object_get_ex(own, needed[i].name, &value);
		if (value == NULL)
			return refuse_storage(x, field, needed[i].name, true, "is required");
		if (!json_object_is_type(value, needed[i].type))
			return refuse_storage(x, field, needed[i].name, false,
			    needed[i].type == json_type_int ? "must be a whole number"
							    : "must be a string");
	}
	if (!storage_vendor_exists(agora_int_member(own, "vendor", -1)))
		return refuse_storage(
		    x, field, "vendor", false, "is not a vendor of Agora's table");
	if (!storage_region_exists(
		agora_int_member(own, "vendor", -1), agora_int_member(own, "region", -1)))
		return refuse_storage(
		    x, field, "region", false, "is not a region of that vendor in Agora's table");
	if (json_object_object_get_ex(own, "fileNamePrefix", &value) && value != NULL &&
	    !is_prefix(value))
		return refuse_storage(x, field, "fileNamePrefix", false,
		    "must be a list of folders, letters and digits each, at most 128 characters "
		    "with the slashes between them");
	return true;
}

/* A storageConfig that only names the files: its prefix.  Else NULL. */
static struct json_object *
prefix_alone(struct json_object *own)
{
	struct json_object *prefix = NULL;

	if (own == NULL || json_object_object_length(own) != 1)
		return NULL;
	json_object_object_get_ex(own, "fileNamePrefix", &prefix);
	return prefix;
}

struct json_object *
agora_storage(struct exchange *x, const char *field, struct json_object *own,
    struct json_object *prefix, struct text channel)
{
	const struct storage_settings *s = &services_of(x)->rest->storage;
	struct json_object *storage;

	if (prefix == NULL && prefix_alone(own) != NULL) {
		prefix = prefix_alone(own);
		own = NULL;
	}
	if (own != NULL && !s->override) {
		refuse_storage(x, field, NULL, false, STORAGE_IS_OURS);
		return NULL;
	}
	if (own != NULL && prefix != NULL) {
		exchange_fail(x, ERROR_INVALID_FIELD, "fileNamePrefix",
		    "goes into the storage that the request brings");
		return NULL;
	}
	if (own == NULL &&
	    (!is_set(x, s->vendor, "STORAGE_VENDOR") || !is_set(x, s->region, "STORAGE_REGION") ||
		!agora_configured(x, s->bucket, "STORAGE_BUCKET") ||
		!agora_configured(x, s->access_key, "STORAGE_BUCKET_ACCESS_KEY") ||
		!agora_configured(x, s->secret_key, "STORAGE_BUCKET_SECRET_KEY")))
		return NULL;
	if ((own != NULL && !check_own_storage(x, field, own)) ||
	    (prefix != NULL && !check_prefix(x, prefix, channel)))
		return NULL;
	storage = json_share(own);
	if (own == NULL) {
		json_set_int(storage, "vendor", s->vendor);
		json_set_int(storage, "region", s->region);
		json_set_text(storage, "bucket", s->bucket);
		json_set_text(storage, "accessKey", s->access_key);
		json_set_text(storage, "secretKey", s->secret_key);
	}
	if (prefix != NULL)
		json_set(storage, "fileNamePrefix", json_copy(prefix));
	else if (json_object_object_get(storage, "fileNamePrefix") == NULL)
		json_set(storage, "fileNamePrefix", file_name_prefix(x, channel));
	return storage;
}

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
			for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
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
