#include "answer.h"
#include "rtmp.h"
#include "value.h"

const struct choice rtmp_regions[] = { { "na", 0 }, { "eu", 1 }, { "ap", 2 }, { "cn", 3 },
	{ NULL, 0 } };

const char *
rtmp_region_name(int64_t region)
{
	return rtmp_regions[region].name;
}

bool
is_ipv4(struct text value, struct field_error *error)
{
	int parts = 0;

	while (parts < 4) {
		const char *dot = memchr(value.data, '.', value.length);
		struct text part = { value.data,
			dot == NULL ? value.length : (size_t)(dot - value.data) };
		uint64_t n;

		if (!text_number(part, 255, &n))
			break;
		parts++;
		if (dot == NULL) {
			if (parts == 4)
				return true;
			break;
		}
		value = (struct text){ dot + 1, value.length - part.length - 1 };
	}
	field_rule(error, "must be an IPv4 address");
	return false;
}

static bool
is_printable(struct text value)
{
	for (size_t i = 0; i < value.length; i++)
		if (value.data[i] <= 0x20 || value.data[i] >= 0x7f)
			return false;
	return true;
}

bool
is_stream_url(struct text value, struct field_error *error)
{
	if (memmem(value.data, value.length, "://", 3) != NULL && is_printable(value))
		return true;
	field_rule(error, "must be a URL");
	return false;
}

bool
is_stream_key(struct text value, struct field_error *error)
{
	if (is_printable(value))
		return true;
	field_rule(error, "must be printable ASCII without spaces, as it ends a URL");
	return false;
}

static bool
is_uid_name(const char *name)
{
	return strcmp(name, "rtcStreamUid") == 0 || strcmp(name, "maxResolutionUid") == 0;
}

static bool
is_uid(struct json_object *value)
{
	int64_t n = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : -1;

	return n >= 0 && n <= UINT32_MAX;
}

/* A text of digits, or 5.0, becomes a number; anything else is an error. */
static struct json_object *
number_of(struct json_object *value)
{
	int64_t n;

	if (json_object_is_type(value, json_type_int) || !field_whole(value, &n) || n < 0 ||
	    n > UINT32_MAX)
		return NULL;
	return json_object_new_int64(n);
}

static bool
numeric_list(struct exchange *x, struct json_object *list, const char *field)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i), *number;

		if (is_uid(item))
			continue;
		number = number_of(item);
		if (number == NULL) {
			exchange_fail(x, ERROR_INVALID_FIELD, field, "must hold numeric uids");
			return false;
		}
		json_object_array_put_idx(list, i, number);
	}
	return true;
}

bool
rtmp_numeric_uids(struct exchange *x, struct json_object *value, const char *field)
{
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			if (!rtmp_numeric_uids(x, json_object_array_get_idx(value, i), field))
				return false;
		return true;
	}
	if (!json_object_is_type(value, json_type_object))
		return true;
	json_object_object_foreach(value, name, member) {
		if (strcmp(name, "rtcStreamUids") == 0 &&
		    json_object_is_type(member, json_type_array)) {
			if (!numeric_list(x, member, field))
				return false;
		} else if (is_uid_name(name) && !is_uid(member)) {
			struct json_object *number = number_of(member);

			if (number == NULL) {
				exchange_fail(x, ERROR_INVALID_FIELD, field,
				    "must name users by numeric uids, 0 to 4294967295");
				return false;
			}
			json_set(value, name, number);
		} else if (!rtmp_numeric_uids(x, member, field)) {
			return false;
		}
	}
	return true;
}

struct text
rtmp_join(struct exchange *x, struct text url, struct text key)
{
	struct buf joined = { 0 };
	struct text text;

	if (key.length == 0)
		return url;
	while (url.length > 0 && url.data[url.length - 1] == '/')
		url.length--;
	while (key.length > 0 && key.data[0] == '/')
		key = (struct text){ key.data + 1, key.length - 1 };
	buf_add(&joined, url.data, url.length);
	buf_text(&joined, "/");
	buf_add(&joined, key.data, key.length);
	text = arena_copy(&x->arena, buf_view(&joined));
	buf_wipe(&joined);
	buf_free(&joined);
	return text;
}

#define AT(member) offsetof(struct rtmp_success, member)

static const struct field success_fields[] = {
	{ "status", FIELD_TEXT, FIELD_REQUIRED, AT(status), .meaning = "Success" },
	{ "timestamp", FIELD_TEXT, FIELD_REQUIRED, AT(timestamp),
	    .meaning = "when it was answered, UTC" },
};
const struct table rtmp_success_table = TABLE(success_fields, struct rtmp_success);

void
rtmp_succeed(struct exchange *x)
{
	struct rtmp_success *out = x->output;

	out->status = TEXT("Success");
	out->timestamp = agora_timestamp(x);
}
