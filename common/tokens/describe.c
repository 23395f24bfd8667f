#include "describe.h"

#define AT(member) offsetof(struct inspected_privilege, member)
#define NUMBER(name, member, most, text)                                                           \
	{                                                                                          \
		name, FIELD_INT, FIELD_REQUIRED, AT(member), 0, most, .meaning = text              \
	}

static const struct field privilege_fields[] = {
	NUMBER("id", id, UINT16_MAX, "Agora's number"),
	{ "name", FIELD_TEXT, 0, AT(name), .meaning = "its name, where it is known" },
	NUMBER("expire", expire, UINT32_MAX, "seconds after issue; 0 = as long as the token"),
};
static const struct table privilege_table = TABLE(privilege_fields, struct inspected_privilege);

static const struct field privilege_006_fields[] = {
	NUMBER("id", id, UINT16_MAX, "Agora's number"),
	{ "name", FIELD_TEXT, 0, AT(name), .meaning = "its name, where it is known" },
	NUMBER("expireAt", expire_at, UINT32_MAX, "Unix time at which it ends"),
};
const struct table inspected_privilege_006_table =
    TABLE(privilege_006_fields, struct inspected_privilege);

#undef AT
#define AT(member) offsetof(struct inspected_permission, member)

static const struct field permission_fields[] = {
	NUMBER("resource", resource, UINT16_MAX, "Agora's number of a kind of thing"),
	NUMBER("permission", permission, UINT16_MAX, "0 = read, 1 = write"),
	{ "resources", FIELD_NAMES, FIELD_REQUIRED, AT(names), .meaning = "names of the things" },
};
static const struct table permission_table = TABLE(permission_fields, struct inspected_permission);

#undef AT
#define AT(member) offsetof(struct inspected_service, member)

static const struct field service_fields[] = {
	NUMBER("type", type, UINT16_MAX, "Agora's number of the service"),
	{ "name", FIELD_TEXT, 0, AT(name), .meaning = "its name, where it is known" },
	{ "privileges", FIELD_LIST, FIELD_REQUIRED, AT(privileges), .nested = &privilege_table,
	    .meaning = "what it allows" },
	{ "channelName", FIELD_NAME, 0, AT(channel), .meaning = "the channel" },
	{ "uid", FIELD_NAME, 0, AT(uid), .meaning = "the uid or account" },
	{ "userId", FIELD_NAME, 0, AT(user_id), .meaning = "the user" },
	{ "account", FIELD_NAME, 0, AT(account), .meaning = "the account" },
	{ "roomUuid", FIELD_NAME, 0, AT(room_uuid), .meaning = "the room" },
	{ "userUuid", FIELD_NAME, 0, AT(user_uuid), .meaning = "the user" },
	{ "role", FIELD_INT, FIELD_OMIT, AT(role), INT16_MIN, INT16_MAX, .fallback = INT64_MIN,
	    .meaning = "the user's role in the room" },
	{ "permissions", FIELD_LIST, 0, AT(permissions), .nested = &permission_table,
	    .meaning = "what the user may do" },
};
const struct table inspected_service_table = TABLE(service_fields, struct inspected_service);

#undef AT
#define AT(member) offsetof(struct token_description, member)

static const struct field description_fields[] = {
	{ "appId", FIELD_TEXT, FIELD_REQUIRED, AT(app_id), AGORA_APP_ID_LENGTH,
	    AGORA_APP_ID_LENGTH },
	NUMBER("issueTs", issue_ts, UINT32_MAX, "Unix time of its issue"),
	NUMBER("expire", expire, UINT32_MAX, "its lifetime in seconds"),
	NUMBER("salt", salt, UINT32_MAX, "a number by chance"),
	{ "services", FIELD_LIST, FIELD_REQUIRED, AT(services),
	    .nested = &inspected_service_table },
	{ "signature", FIELD_TEXT, 0, AT(signature) },
	/* Behind an unknown service nothing is known, so it could not be written again. */
	{ "complete", FIELD_BOOL, 0, AT(complete), .fallback = 1 },
};
const struct table token_description_table = TABLE(description_fields, struct token_description);

#undef AT

static struct text
view(struct agora_text text)
{
	return (struct text){ text.data, text.length };
}

struct list
inspected_privileges(struct agora_text bytes, uint16_t type, bool absolute, struct arena *arena)
{
	size_t count = bytes.length / 6, i = 0;
	struct inspected_privilege *list = arena_alloc(arena, count, sizeof(*list));
	struct agora_privilege p;

	for (; i < count && agora_privilege_next(&bytes, &p); i++)
		list[i] = (struct inspected_privilege){ p.id,
			text_of(absolute ? agora_privilege_name_006(p.id)
					 : agora_privilege_name(type, p.id)),
			p.expire, p.expire };
	return (struct list){ list, i };
}

static struct list
list_names(struct agora_text bytes, size_t count, struct arena *arena)
{
	struct text *list = arena_alloc(arena, count, sizeof(*list));
	struct agora_text name;
	size_t i = 0;

	for (; i < count && agora_name_next(&bytes, &name); i++)
		list[i] = view(name);
	return (struct list){ list, i };
}

static struct list
list_permissions(struct agora_text bytes, struct arena *arena)
{
	struct agora_permission_cursor cursor = { 0 };
	struct agora_text names;
	uint16_t resource, permission;
	size_t name_count, count = 0, i = 0;
	struct inspected_permission *list;

	while (agora_permission_next(bytes, &cursor, &resource, &permission, &names, &name_count))
		count++;
	list = arena_alloc(arena, count, sizeof(*list));
	cursor = (struct agora_permission_cursor){ 0 };
	for (; i < count &&
	     agora_permission_next(bytes, &cursor, &resource, &permission, &names, &name_count);
	     i++)
		list[i] = (struct inspected_permission){ resource, permission,
			list_names(names, name_count, arena) };
	return (struct list){ list, i };
}

static struct inspected_service
inspect_service(const struct agora_service *s, const struct agora_walk *walk, struct arena *arena)
{
	struct inspected_service out = { .type = s->type,
		.name = text_of(agora_service_name(s->type)),
		.privileges = inspected_privileges(walk->privileges, s->type, false, arena),
		.channel = view(s->channel),
		.role = INT64_MIN };

	switch (s->type) {
	case AGORA_RTC: out.uid = view(s->user); break;
	case AGORA_STREAMING:
	case AGORA_FCDN: out.account = view(s->user); break;
	case AGORA_APAAS:
		out.room_uuid = view(s->room);
		out.user_uuid = view(s->user);
		out.role = s->role;
		break;
	case AGORA_RTM2:
		out.permissions = list_permissions(walk->permissions, arena);
		out.user_id = view(s->user);
		break;
	default: out.user_id = view(s->user); break;
	}
	return out;
}

struct list
inspected_services(const struct agora_parsed *parsed, struct arena *arena)
{
	struct inspected_service *list = arena_alloc(arena, parsed->services_read, sizeof(*list));
	struct agora_walk walk = { 0 };
	struct agora_service s;
	size_t i = 0;

	while (i < parsed->services_read && agora_service_next(parsed, &walk, &s))
		list[i++] = inspect_service(&s, &walk, arena);
	return (struct list){ list, i };
}
