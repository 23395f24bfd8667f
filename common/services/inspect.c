#include <stdio.h>
#include <zlib.h>

#include "inspect.h"
#include "names.h"

#define PROBLEMS_MAX 8

#define AT(member) offsetof(struct inspected_privilege, member)
#define NUMBER(name, member, top)                                                                  \
	{                                                                                          \
		name, FIELD_INT, FIELD_REQUIRED, AT(member), 0, top                                \
	}
#define OPTIONAL_NUMBER(name, member)                                                              \
	{                                                                                          \
		name, FIELD_INT, FIELD_OMIT, AT(member), 0, UINT32_MAX, .fallback = -1             \
	}

static const struct field privilege_fields[] = {
	NUMBER("id", id, UINT16_MAX),
	{ "name", FIELD_TEXT, 0, AT(name) },
	NUMBER("expire", expire, UINT32_MAX),
};
static const struct table privilege_table = TABLE(privilege_fields, struct inspected_privilege);

static const struct field privilege_006_fields[] = {
	NUMBER("id", id, UINT16_MAX),
	{ "name", FIELD_TEXT, 0, AT(name) },
	NUMBER("expireAt", expire_at, UINT32_MAX),
};
static const struct table privilege_006_table =
    TABLE(privilege_006_fields, struct inspected_privilege);

#undef AT
#define AT(member) offsetof(struct inspected_permission, member)

static const struct field permission_fields[] = {
	NUMBER("resource", resource, UINT16_MAX),
	NUMBER("permission", permission, UINT16_MAX),
	{ "resources", FIELD_NAMES, FIELD_REQUIRED, AT(names) },
};
static const struct table permission_table = TABLE(permission_fields, struct inspected_permission);

#undef AT
#define AT(member) offsetof(struct inspected_service, member)

static const struct field service_fields[] = {
	NUMBER("type", type, UINT16_MAX),
	{ "name", FIELD_TEXT, 0, AT(name) },
	{ "privileges", FIELD_LIST, FIELD_REQUIRED, AT(privileges), .nested = &privilege_table },
	{ "channelName", FIELD_NAME, 0, AT(channel) },
	{ "uid", FIELD_NAME, 0, AT(uid) },
	{ "userId", FIELD_NAME, 0, AT(user_id) },
	{ "account", FIELD_NAME, 0, AT(account) },
	{ "roomUuid", FIELD_NAME, 0, AT(room_uuid) },
	{ "userUuid", FIELD_NAME, 0, AT(user_uuid) },
	{ "role", FIELD_INT, FIELD_OMIT, AT(role), INT16_MIN, INT16_MAX, .fallback = INT64_MIN },
	{ "permissions", FIELD_LIST, 0, AT(permissions), .nested = &permission_table },
};
static const struct table service_table = TABLE(service_fields, struct inspected_service);

#undef AT
#define AT(member) offsetof(struct problem, member)

static const struct field problem_fields[] = {
	{ "code", FIELD_TEXT, 0, AT(code) },
	{ "message", FIELD_TEXT, 0, AT(message) },
};
static const struct table problem_table = TABLE(problem_fields, struct problem);

#undef AT
#define AT(member) offsetof(struct inspection, member)

static const struct field inspection_fields[] = {
	{ "version", FIELD_TEXT, 0, AT(version) },
	{ "appId", FIELD_TEXT, 0, AT(app_id) },
	OPTIONAL_NUMBER("issueTs", issue_ts),
	OPTIONAL_NUMBER("expire", expire),
	OPTIONAL_NUMBER("expireAt", expire_at),
	OPTIONAL_NUMBER("salt", salt),
	OPTIONAL_NUMBER("serviceCount", service_count),
	{ "services", FIELD_LIST, 0, AT(services), .nested = &service_table },
	OPTIONAL_NUMBER("crcChannelName", channel_crc),
	OPTIONAL_NUMBER("crcUid", user_crc),
	{ "privileges", FIELD_LIST, 0, AT(privileges), .nested = &privilege_006_table },
	{ "complete", FIELD_MAYBE, 0, AT(complete) },
	OPTIONAL_NUMBER("firstUnknownType", first_unknown_type),
	{ "signature", FIELD_TEXT, 0, AT(signature) },
	{ "signatureValid", FIELD_MAYBE, 0, AT(signature_valid) },
	{ "certificate", FIELD_TEXT, 0, AT(certificate) },
	{ "expired", FIELD_MAYBE, 0, AT(expired) },
	{ "valid", FIELD_BOOL, 0, AT(valid) },
	{ "problems", FIELD_LIST, 0, AT(problems), .nested = &problem_table },
};
const struct table inspection_table = TABLE(inspection_fields, struct inspection);

#undef AT
#define AT(member) offsetof(struct token_description, member)

static const struct field description_fields[] = {
	{ "appId", FIELD_TEXT, FIELD_REQUIRED, AT(app_id), AGORA_APP_ID_LENGTH,
	    AGORA_APP_ID_LENGTH },
	NUMBER("issueTs", issue_ts, UINT32_MAX),
	NUMBER("expire", expire, UINT32_MAX),
	NUMBER("salt", salt, UINT32_MAX),
	{ "services", FIELD_LIST, FIELD_REQUIRED, AT(services), .nested = &service_table },
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

static void
add_problem(struct inspection *out, const char *code, const char *message)
{
	struct problem *problems = out->problems.items;

	if (out->problems.count < PROBLEMS_MAX)
		problems[out->problems.count++] =
		    (struct problem){ text_of(code), text_of(message) };
}

static void
add_error(struct inspection *out, enum agora_error error)
{
	add_problem(out, agora_error_code(error), agora_error_message(error));
}

static struct list
list_privileges(struct agora_text bytes, uint16_t type, bool absolute, struct arena *arena)
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
		.privileges = list_privileges(walk->privileges, s->type, false, arena),
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

/* Whether a service lets this channel and user in; absent expectations fit. */
static bool
service_fits(const struct agora_service *s, struct text channel, struct text uid)
{
	bool any_user = s->type == AGORA_RTC || s->type == AGORA_STREAMING || s->type == AGORA_FCDN;
	struct text user = text_is(uid, "0") ? TEXT("") : uid;

	if (channel.data != NULL && !name_covers(view(s->channel), channel))
		return false;
	if (uid.data == NULL)
		return true;
	if (any_user)
		return name_covers(view(s->user), user);
	return uid.length == s->user.length && memcmp(uid.data, s->user.data, uid.length) == 0;
}

static void
compare_names(
    const struct agora_parsed *parsed, const struct expectation *e, struct inspection *out)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;
	bool channel_fits = e->channel.data == NULL, uid_fits = e->uid.data == NULL;
	const struct text none = { NULL, 0 };

	while (agora_service_next(parsed, &walk, &s)) {
		if (s.channel.data != NULL && service_fits(&s, e->channel, none)) {
			channel_fits = true;
			uid_fits = uid_fits || service_fits(&s, e->channel, e->uid);
		} else if (s.channel.data == NULL && e->channel.data == NULL &&
		    s.user.data != NULL) {
			uid_fits = uid_fits || service_fits(&s, none, e->uid);
		}
	}
	if (!channel_fits)
		add_problem(out, "channel_mismatch", "the token is for another channel");
	else if (!uid_fits)
		add_problem(out, "uid_mismatch", "the token is for another user");
}

static uint32_t
crc_of(struct text text)
{
	return (uint32_t)crc32(crc32(0, NULL, 0), (const Bytef *)text.data, (uInt)text.length);
}

static void
compare_names_006(
    const struct agora_parsed *parsed, const struct expectation *e, struct inspection *out)
{
	struct text user = text_is(e->uid, "0") ? TEXT("") : e->uid;

	if (e->channel.data != NULL && crc_of(e->channel) != parsed->channel_crc)
		add_problem(out, "channel_mismatch", "the token is for another channel");
	if (e->uid.data != NULL && crc_of(user) != parsed->user_crc)
		add_problem(out, "uid_mismatch", "the token is for another user");
}

static void
check_signature(
    const struct agora_parsed *parsed, const struct expectation *e, struct inspection *out)
{
	struct agora_text channel = { e->channel.data, e->channel.length };
	struct agora_text user = { e->uid.data, e->uid.length };
	bool names_missing = parsed->version == 6 && (channel.data == NULL || user.data == NULL);
	enum agora_error error;

	if (text_is(e->uid, "0"))
		user = (struct agora_text){ "", 0 };
	if (parsed->signature == NULL)
		return;
	if (e->certificate.data == NULL || names_missing) {
		add_problem(out, "not_verified",
		    names_missing ? "a 006 signature can be checked only with channel and uid"
				  : "without the App Certificate the signature cannot be checked");
		return;
	}
	error = agora_token_verify(parsed, e->certificate.data, channel, user);
	if (error != AGORA_OK && e->second_certificate.data != NULL &&
	    agora_token_verify(parsed, e->second_certificate.data, channel, user) == AGORA_OK) {
		error = AGORA_OK;
		out->certificate = TEXT("secondary");
	}
	out->signature_valid = error == AGORA_OK;
	if (error != AGORA_OK)
		add_error(out, error);
}

static void
list_services(const struct agora_parsed *parsed, struct arena *arena, struct inspection *out)
{
	struct inspected_service *list = arena_alloc(arena, parsed->services_read, sizeof(*list));
	struct agora_walk walk = { 0 };
	struct agora_service s;
	size_t i = 0;

	while (i < parsed->services_read && agora_service_next(parsed, &walk, &s))
		list[i++] = inspect_service(&s, &walk, arena);
	out->services = (struct list){ list, i };
}

static void
describe_007(const struct agora_parsed *p, const struct expectation *e, struct arena *arena,
    struct inspection *out)
{
	if (p->services.data == NULL)
		return; /* not even the fixed part was there */
	out->issue_ts = p->issue_ts;
	out->expire = p->expire;
	out->expire_at = (int64_t)p->issue_ts + p->expire;
	out->salt = p->salt;
	out->service_count = p->service_count;
	out->complete = p->complete && p->services_read == p->service_count;
	if (!p->complete)
		out->first_unknown_type = p->first_unknown_type;
	list_services(p, arena, out);
	compare_names(p, e, out);
}

static void
describe_006(const struct agora_parsed *p, const struct expectation *e, struct arena *arena,
    struct inspection *out)
{
	add_error(out, AGORA_UNSUPPORTED_VERSION);
	if (p->message.data == NULL)
		return;
	out->salt = p->salt;
	out->expire_at = p->ts;
	out->channel_crc = p->channel_crc;
	out->user_crc = p->user_crc;
	out->complete = p->complete;
	out->privileges = list_privileges(p->privileges, 0, true, arena);
	compare_names_006(p, e, out);
}

void
inspect_token(struct agora_codec *codec, struct text token, const struct expectation *expectation,
    struct arena *arena, struct inspection *out)
{
	struct agora_parsed parsed;
	enum agora_error error = agora_token_parse(codec, token.data, token.length, &parsed);
	struct buf signature = { 0 };

	*out = (struct inspection){ .issue_ts = -1,
		.expire = -1,
		.expire_at = -1,
		.salt = -1,
		.service_count = -1,
		.channel_crc = -1,
		.user_crc = -1,
		.first_unknown_type = -1,
		.complete = MAYBE_ABSENT,
		.signature_valid = MAYBE_NULL,
		.expired = MAYBE_ABSENT,
		.problems = { arena_alloc(arena, PROBLEMS_MAX, sizeof(struct problem)), 0 } };
	if (error != AGORA_OK)
		add_error(out, error);
	if (parsed.version != 0)
		out->version = parsed.version == 6 ? TEXT("006") : TEXT("007");
	out->app_id = view(parsed.app_id);
	if (parsed.signature != NULL) {
		buf_hex(&signature, parsed.signature, AGORA_SIGNATURE_LENGTH);
		out->signature = arena_copy(arena, buf_view(&signature));
		buf_free(&signature);
	}
	check_signature(&parsed, expectation, out);
	if (expectation->app_id.data != NULL && parsed.app_id.data != NULL &&
	    (parsed.app_id.length != expectation->app_id.length ||
		memcmp(parsed.app_id.data, expectation->app_id.data, parsed.app_id.length) != 0))
		add_problem(out, "app_id_mismatch", "the token is for another App ID");
	if (parsed.version == 7)
		describe_007(&parsed, expectation, arena, out);
	else if (parsed.version == 6)
		describe_006(&parsed, expectation, arena, out);
	if (out->expire_at >= 0) {
		out->expired = expectation->now > out->expire_at;
		if (out->expired)
			add_problem(out, "expired", "the token has expired");
	}
	out->valid = out->problems.count == 0 && out->signature_valid == 1;
}
