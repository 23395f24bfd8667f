#include "content.h"
#include "inspect.h"
#include "json.h"
#include "names.h"

/* Vectors are JSON of our own; each says in "name" which case it is. */

static struct json_object *
vectors(const char *kind)
{
	static struct json_object *all;

	if (all == NULL) {
		struct text text = test_file("vectors/accesstoken2.json");
		struct json_error error;

		all = json_read(text, JSON_NUL_ALLOWED, &error);
		if (all == NULL)
			abort();
		free((char *)(uintptr_t)text.data);
	}
	return json_object_object_get(all, kind);
}

static struct text
text_in(struct json_object *object, const char *name)
{
	struct json_object *value = json_object_object_get(object, name);

	if (!json_object_is_type(value, json_type_string))
		return (struct text){ NULL, 0 };
	return (struct text){ json_object_get_string(value),
		(size_t)json_object_get_string_len(value) };
}

static struct agora_text
agora_in(struct json_object *object, const char *name)
{
	struct text text = text_in(object, name);

	return (struct agora_text){ text.data == NULL ? "" : text.data, text.length };
}

static uint32_t
number_in(struct json_object *object, const char *name)
{
	return (uint32_t)json_object_get_int64(json_object_object_get(object, name));
}

static const char *
name_of(struct json_object *vector)
{
	return text_in(vector, "name").data;
}

static struct agora_codec *
codec(void)
{
	static struct agora_codec *shared;

	if (shared == NULL)
		shared = agora_codec_open();
	return shared;
}

/* Building: one function for each of Agora's builders, in agora_add_* calls. */

static struct agora_text
uid_in(struct json_object *in)
{
	static char text[AGORA_UID_SIZE];

	return (struct agora_text){ text, agora_uid_text(number_in(in, "uid"), text) };
}

static unsigned
role_privileges(struct json_object *in, const char *name)
{
	return number_in(in, name) == 1 ? AGORA_RTC_PUBLISHER : AGORA_RTC_SUBSCRIBER;
}

static struct agora_rtc_expire
same_expire(uint32_t seconds)
{
	return (struct agora_rtc_expire){ seconds, seconds, seconds, seconds };
}

static struct agora_rtc_expire
each_expire(struct json_object *in)
{
	return (struct agora_rtc_expire){ number_in(in, "join_channel_privilege_expire"),
		number_in(in, "pub_audio_privilege_expire"),
		number_in(in, "pub_video_privilege_expire"),
		number_in(in, "pub_data_stream_privilege_expire") };
}

static bool
add_rtc_role(struct agora_set *set, struct json_object *in, struct agora_text user,
    const char *privilege_expire)
{
	struct agora_rtc_expire expire = same_expire(number_in(in, privilege_expire));

	return agora_add_rtc(
	    set, agora_in(in, "channel_name"), user, role_privileges(in, "role"), &expire);
}

static bool
rtc_uid(struct agora_set *set, struct json_object *in)
{
	return add_rtc_role(set, in, uid_in(in), "privilege_expire");
}

static bool
rtc_account(struct agora_set *set, struct json_object *in)
{
	return add_rtc_role(set, in, agora_in(in, "account"), "privilege_expire");
}

static bool
rtc_uid_privileges(struct agora_set *set, struct json_object *in)
{
	struct agora_rtc_expire expire = each_expire(in);

	return agora_add_rtc(
	    set, agora_in(in, "channel_name"), uid_in(in), AGORA_RTC_PUBLISHER, &expire);
}

static bool
rtc_account_privileges(struct agora_set *set, struct json_object *in)
{
	struct agora_rtc_expire expire = each_expire(in);

	return agora_add_rtc(set, agora_in(in, "channel_name"), agora_in(in, "account"),
	    AGORA_RTC_PUBLISHER, &expire);
}

static bool
rtc_rtm(struct agora_set *set, struct json_object *in)
{
	return rtc_account(set, in) &&
	    agora_add_rtm(set, agora_in(in, "account"), number_in(in, "token_expire"));
}

static bool
rtc_rtm2(struct agora_set *set, struct json_object *in)
{
	struct agora_rtc_expire expire = each_expire(in);

	return agora_add_rtc(set, agora_in(in, "channel_name"), agora_in(in, "rtc_account"),
		   role_privileges(in, "rtc_role"), &expire) &&
	    agora_add_rtm(set, agora_in(in, "rtm_user_id"), number_in(in, "rtm_token_expire"));
}

static bool
convoai(struct agora_set *set, struct json_object *in)
{
	return rtc_rtm2(set, in) && agora_add_bare(set, AGORA_CONVOAI);
}

static bool
stt(struct agora_set *set, struct json_object *in)
{
	return rtc_rtm2(set, in) && agora_add_bare(set, AGORA_STT);
}

static bool
rtm(struct agora_set *set, struct json_object *in)
{
	return agora_add_rtm(set, agora_in(in, "user_id"), number_in(in, "expire"));
}

/* What a vector points to lives as long as the tests. */
static struct arena arena;

static size_t
permissions_in(struct json_object *in, struct agora_permission **out)
{
	struct json_object *list = json_object_object_get(in, "permissions");
	size_t count = list == NULL ? 0 : json_object_array_length(list);

	*out = arena_alloc(&arena, count, sizeof(**out));
	for (size_t i = 0; i < count; i++) {
		struct json_object *p = json_object_array_get_idx(list, i);
		struct json_object *names = json_object_object_get(p, "resources");
		size_t name_count = json_object_array_length(names);
		struct agora_text *texts = arena_alloc(&arena, name_count, sizeof(*texts));

		for (size_t n = 0; n < name_count; n++) {
			struct json_object *name = json_object_array_get_idx(names, n);

			texts[n] = (struct agora_text){ json_object_get_string(name),
				(size_t)json_object_get_string_len(name) };
		}
		(*out)[i] = (struct agora_permission){ (uint16_t)number_in(p, "resource"),
			(uint16_t)number_in(p, "permission"), texts, name_count };
	}
	return count;
}

static bool
rtm_permissions(struct agora_set *set, struct json_object *in)
{
	struct agora_permission *permissions;
	size_t count = permissions_in(in, &permissions);

	return agora_add_rtm2(
	    set, agora_in(in, "user_id"), permissions, count, number_in(in, "expire"));
}

static bool
chat_user(struct agora_set *set, struct json_object *in)
{
	return agora_add_chat_user(set, agora_in(in, "user_id"), number_in(in, "expire"));
}

static bool
chat_app(struct agora_set *set, struct json_object *in)
{
	return agora_add_chat_app(set, number_in(in, "expire"));
}

static bool
apaas_room_user(struct agora_set *set, struct json_object *in)
{
	return agora_add_apaas_room_user(set, agora_in(in, "room_uuid"), agora_in(in, "user_uuid"),
	    (int16_t)number_in(in, "role"), number_in(in, "expire"));
}

static bool
apaas_user(struct agora_set *set, struct json_object *in)
{
	return agora_add_apaas_user(set, agora_in(in, "user_uuid"), number_in(in, "expire"));
}

static bool
apaas_app(struct agora_set *set, struct json_object *in)
{
	return agora_add_apaas_app(set, number_in(in, "expire"));
}

static bool
fpa(struct agora_set *set, struct json_object *in)
{
	(void)in;
	return agora_add_fpa(set);
}

/* go-tokenbuilder: one lifetime for all. */

static bool
go_rtc_uid(struct agora_set *set, struct json_object *in)
{
	return add_rtc_role(set, in, uid_in(in), "expire");
}

static bool
go_rtc_account(struct agora_set *set, struct json_object *in)
{
	return add_rtc_role(set, in, agora_in(in, "account"), "expire");
}

static bool
go_rtm(struct agora_set *set, struct json_object *in)
{
	struct agora_text stream = agora_in(in, "stream_name");
	struct agora_rtc_expire expire = same_expire(number_in(in, "expire"));

	return (stream.length == 0 ||
		   agora_add_rtc(set, stream, agora_in(in, "user_id"),
		       1U << AGORA_RTC_JOIN | 1U << AGORA_RTC_DATA, &expire)) &&
	    rtm(set, in);
}

static const struct {
	const char *key;
	bool (*add)(struct agora_set *set, struct json_object *inputs);
	const char *expire; /* the input that is the token's; NULL: fixed */
} builders[] = {
	{ "rtc.uid", rtc_uid, "token_expire" },
	{ "rtc.account", rtc_account, "token_expire" },
	{ "rtc.uid_priv", rtc_uid_privileges, "token_expire" },
	{ "rtc.account_priv", rtc_account_privileges, "token_expire" },
	{ "rtc.rtm", rtc_rtm, "token_expire" },
	{ "rtc.rtm2", rtc_rtm2, "rtc_token_expire" },
	{ "convoai.build", convoai, "rtc_token_expire" },
	{ "stt.build", stt, "rtc_token_expire" },
	{ "rtm.build", rtm, "expire" },
	{ "rtm.perm", rtm_permissions, "expire" },
	{ "chat.user", chat_user, "expire" },
	{ "chat.app", chat_app, "expire" },
	{ "edu.room", apaas_room_user, "expire" },
	{ "edu.user", apaas_user, "expire" },
	{ "edu.app", apaas_app, "expire" },
	{ "apaas.room", apaas_room_user, "expire" },
	{ "apaas.user", apaas_user, "expire" },
	{ "apaas.app", apaas_app, "expire" },
	{ "fpa.build", fpa, NULL },
	{ "gtb.rtc.uid", go_rtc_uid, "expire" },
	{ "gtb.rtc.account", go_rtc_account, "expire" },
	{ "gtb.rtm", go_rtm, "expire" },
	{ "gtb.chat.user", chat_user, "expire" },
	{ "gtb.chat.app", chat_app, "expire" },
};

static struct agora_service
raw_service(struct json_object *in)
{
	struct json_object *list = json_object_object_get(in, "privileges");
	size_t count = json_object_array_length(list);
	struct agora_privilege *privileges = arena_alloc(&arena, count, sizeof(*privileges));
	struct agora_permission *permissions;
	struct json_object *role = json_object_object_get(in, "role");
	static const char *const user_names[] = { "uid", "user_id", "account", "user_uuid" };
	struct agora_text user = { "", 0 };
	size_t permission_count = permissions_in(in, &permissions);

	for (size_t i = 0; i < count; i++) {
		struct json_object *pair = json_object_array_get_idx(list, i);

		privileges[i] = (struct agora_privilege){ (uint16_t)json_object_get_int64(
							      json_object_array_get_idx(pair, 0)),
			(uint32_t)json_object_get_int64(json_object_array_get_idx(pair, 1)) };
	}
	for (size_t i = 0; i < COUNT(user_names); i++)
		if (text_in(in, user_names[i]).data != NULL)
			user = agora_in(in, user_names[i]);
	return (struct agora_service){ .type = (uint16_t)number_in(in, "type"),
		.privileges = privileges,
		.privilege_count = count,
		.channel = agora_in(in, "channel_name"),
		.user = user,
		.room = agora_in(in, "room_uuid"),
		.role = role == NULL ? -1 : (int16_t)json_object_get_int64(role),
		.permissions = permissions,
		.permission_count = permission_count };
}

/* Signs what a vector's inputs ask for.  The error, or AGORA_OK and the token in out. */
static enum agora_error
build(struct json_object *vector, char out[AGORA_TOKEN_MAX + 1], size_t *length)
{
	struct json_object *in = json_object_object_get(vector, "inputs");
	struct json_object *list = json_object_object_get(in, "services");
	struct agora_set set = { .count = 0 };
	struct agora_token token = { .app_id = text_in(in, "app_id").data,
		.issue_ts = number_in(in, "issue_ts"),
		.expire = number_in(in, "expire"),
		.salt = number_in(in, "salt"),
		.services = set.services };
	struct text key = text_in(vector, "builder_key");

	if (list != NULL) {
		size_t count = json_object_array_length(list);
		struct agora_service *services = arena_alloc(&arena, count, sizeof(*services));

		for (size_t i = 0; i < count; i++)
			services[i] = raw_service(json_object_array_get_idx(list, i));
		token.services = services;
		token.service_count = count;
	}
	for (size_t i = 0; i < COUNT(builders); i++) {
		if (!text_is(key, builders[i].key))
			continue;
		CHECK(builders[i].add(&set, in), name_of(vector));
		token.service_count = set.count;
		token.expire = builders[i].expire == NULL ? AGORA_EXPIRE_MAX
							  : number_in(in, builders[i].expire);
	}
	return agora_token_sign(codec(), &token, text_in(in, "app_certificate").data, out, length);
}

static void
positive_build(void)
{
	struct json_object *list = vectors("positive");
	size_t count = json_object_array_length(list);

	CHECK(count >= 42, "vectors");
	for (size_t i = 0; i < count; i++) {
		struct json_object *vector = json_object_array_get_idx(list, i);
		char out[AGORA_TOKEN_MAX + 1];
		size_t length;
		struct buf content, hex = { 0 };

		CHECK(build(vector, out, &length) == AGORA_OK, name_of(vector));
		content = content_of((struct text){ out, length });
		buf_hex(&hex, content.data, content.length);
		CHECK(
		    same_text(buf_view(&hex), text_in(vector, "packed_hex").data), name_of(vector));
		buf_free(&content);
		buf_free(&hex);
	}
}

/* Decoding: what was parsed, as the vectors write it. */

static void
put(struct json_object *object, const char *name, struct json_object *value)
{
	if (json_object_object_add(object, name, value) != 0)
		abort();
}

/* NULL is null. */
static void
put_name(struct json_object *object, const char *name, const char *value)
{
	put(object, name, value == NULL ? NULL : json_object_new_string(value));
}

static void
put_number(struct json_object *object, const char *name, int64_t value)
{
	put(object, name, json_object_new_int64(value));
}

static void
put_text(struct json_object *object, const char *name, struct agora_text text)
{
	put(object, name, json_object_new_string_len(text.data, (int)text.length));
}

static struct json_object *
decoded_privileges(struct agora_text bytes, uint16_t type, const char *expire_name)
{
	struct json_object *list = json_object_new_array();
	struct agora_privilege p;

	while (agora_privilege_next(&bytes, &p)) {
		struct json_object *one = json_object_new_object();
		const char *name =
		    type == 0 ? agora_privilege_name_006(p.id) : agora_privilege_name(type, p.id);

		put_number(one, "id", p.id);
		put(one, "name", json_object_new_string(name == NULL ? "" : name));
		put_number(one, expire_name, p.expire);
		json_object_array_add(list, one);
	}
	return list;
}

static struct json_object *
decoded_permissions(struct agora_text bytes)
{
	static const char *const resource_names[] = { "messageChannels", "streamChannels",
		"groupChannels", "serverGroups", "users" };
	static const char *const permission_names[] = { "read", "write" };
	struct json_object *list = json_object_new_array();
	struct agora_permission_cursor cursor = { 0 };
	uint16_t resource, permission;
	struct agora_text names, name;
	size_t count;

	while (agora_permission_next(bytes, &cursor, &resource, &permission, &names, &count)) {
		struct json_object *one = json_object_new_object();
		struct json_object *resources = json_object_new_array();

		put_number(one, "resource", resource);
		put_name(one, "resource_name",
		    resource < COUNT(resource_names) ? resource_names[resource] : NULL);
		put_number(one, "permission", permission);
		put_name(one, "permission_name",
		    permission < COUNT(permission_names) ? permission_names[permission] : NULL);
		while (agora_name_next(&names, &name))
			json_object_array_add(
			    resources, json_object_new_string_len(name.data, (int)name.length));
		put(one, "resources", resources);
		json_object_array_add(list, one);
	}
	return list;
}

static struct json_object *
decoded_service(const struct agora_service *s, const struct agora_walk *walk)
{
	static const char *const user_names[] = { [AGORA_RTC] = "uid",
		[AGORA_RTM] = "user_id",
		[AGORA_STREAMING] = "account",
		[AGORA_CHAT] = "user_id",
		[AGORA_FCDN] = "account",
		[AGORA_APAAS] = "user_uuid",
		[AGORA_RTM2] = "user_id",
		[AGORA_STT] = NULL };
	struct json_object *out = json_object_new_object();

	put_number(out, "type", s->type);
	put_name(out, "name", agora_service_name(s->type));
	put(out, "privileges", decoded_privileges(walk->privileges, s->type, "expire"));
	if (s->channel.data != NULL)
		put_text(out, "channel_name", s->channel);
	if (s->user.data != NULL)
		put_text(out, user_names[s->type], s->user);
	if (s->room.data != NULL)
		put_text(out, "room_uuid", s->room);
	if (s->type == AGORA_APAAS)
		put_number(out, "role", s->role);
	if (s->type == AGORA_RTM2)
		put(out, "permissions", decoded_permissions(walk->permissions));
	return out;
}

static struct json_object *
decoded(const struct agora_parsed *p)
{
	struct json_object *out = json_object_new_object(), *list = json_object_new_array();
	struct agora_walk walk = { 0 };
	struct agora_service service;

	put_text(out, "app_id", p->app_id);
	put_number(out, "salt", p->salt);
	put_name(out, "version", p->version == 6 ? "006" : "007");
	if (p->version == 6) {
		struct buf hex = { 0 };

		buf_hex(&hex, p->signature, AGORA_SIGNATURE_LENGTH);
		put_text(out, "signature_hex", (struct agora_text){ hex.data, hex.length });
		buf_free(&hex);
		put_number(out, "crc_channel_name", p->channel_crc);
		put_number(out, "crc_uid", p->user_crc);
		put_number(out, "ts", p->ts);
		put(out, "privileges", decoded_privileges(p->privileges, 0, "expire_at"));
		json_object_put(list);
		return out;
	}
	while (agora_service_next(p, &walk, &service))
		json_object_array_add(list, decoded_service(&service, &walk));
	put_number(out, "issue_ts", p->issue_ts);
	put_number(out, "expire", p->expire);
	put_number(out, "expire_at", (int64_t)p->issue_ts + p->expire);
	put_number(out, "service_count", p->service_count);
	put(out, "services", list);
	put(out, "complete", json_object_new_boolean(p->complete));
	return out;
}

static void
check_decoded(struct json_object *vector, const struct agora_parsed *p)
{
	struct json_object *got = decoded(p), *expected = json_object_object_get(vector, "decoded");
	bool same = json_object_equal(got, expected);

	if (!same)
		fprintf(stderr, "got %s\nexpected %s\n", json_object_to_json_string(got),
		    json_object_to_json_string(expected));
	CHECK(same, name_of(vector));
	json_object_put(got);
}

/* The other certificate of the same shape. */
static void
change_certificate(const char *certificate, char out[33])
{
	memcpy(out, certificate, 33);
	out[31] = out[31] == '0' ? '1' : '0';
}

static void
check_token(struct json_object *vector, struct text token)
{
	const char *name = name_of(vector);
	struct json_object *in = json_object_object_get(vector, "inputs");
	const char *certificate = text_in(in, "app_certificate").data;
	const struct agora_text none = { "", 0 };
	struct buf content = content_of(token), hex = { 0 };
	char other[33];
	struct agora_parsed p;

	CHECK(agora_token_parse(codec(), guarded(token.data, token.length), token.length, &p) ==
		AGORA_OK,
	    name);
	check_decoded(vector, &p);
	CHECK(agora_token_verify(&p, certificate, none, none) == AGORA_OK, name);
	change_certificate(certificate, other);
	CHECK(agora_token_verify(&p, other, none, none) == AGORA_BAD_SIGNATURE, name);
	buf_hex(&hex, p.signature, AGORA_SIGNATURE_LENGTH);
	CHECK(same_text(buf_view(&hex), text_in(vector, "signature_hex").data), name);
	buf_clear(&hex);
	buf_hex(&hex, content.data, content.length);
	CHECK(same_text(buf_view(&hex), text_in(vector, "packed_hex").data), name);
	buf_free(&content);
	buf_free(&hex);
}

static void
positive_parse(void)
{
	struct json_object *list = vectors("positive");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *vector = json_object_array_get_idx(list, i);
		struct json_object *spellings = json_object_object_get(vector, "token_spellings");
		size_t count = spellings == NULL ? 0 : json_object_array_length(spellings);

		check_token(vector, text_in(vector, "token"));
		for (size_t n = 0; n < count; n++)
			check_token(
			    vector, text_in(json_object_array_get_idx(spellings, n), "token"));
	}
}

static bool
has_problem(const struct inspection *inspection, struct json_object *codes)
{
	const struct problem *problems = inspection->problems.items;

	for (size_t i = 0; i < inspection->problems.count; i++)
		for (size_t n = 0; n < json_object_array_length(codes); n++)
			if (text_is(problems[i].code,
				json_object_get_string(json_object_array_get_idx(codes, n))))
				return true;
	return false;
}

/* A member that the vector does not have, says nothing. */
static bool
agrees(struct json_object *expect, const char *name, int value)
{
	struct json_object *member = json_object_object_get(expect, name);

	return member == NULL || json_object_get_boolean(member) == value;
}

static void
check_inspection(
    struct json_object *vector, struct json_object *expect, const struct expectation *expectation)
{
	struct json_object *codes = json_object_object_get(expect, "codes");
	struct text token = text_in(vector, "token");
	struct inspection inspection;
	struct arena memory = { 0 };

	token.data = guarded(token.data, token.length);
	inspect_token(codec(), token, expectation, &memory, &inspection);
	CHECK(agrees(expect, "valid", inspection.valid), name_of(vector));
	CHECK(agrees(expect, "signature_ok", inspection.signature_valid), name_of(vector));
	CHECK(agrees(expect, "expired", inspection.expired), name_of(vector));
	/* What is valid may have hints. */
	if (json_object_array_length(codes) == 0)
		CHECK(inspection.valid || inspection.problems.count == 0, name_of(vector));
	else
		CHECK(has_problem(&inspection, codes), name_of(vector));
	arena_free(&memory);
}

static void
positive_inspect(void)
{
	struct json_object *list = vectors("positive");
	struct json_object *valid = json_tokener_parse("{\"valid\":true,\"codes\":[]}");
	/* The builders take any name, and Agora does not. */
	struct json_object *refused =
	    json_tokener_parse("{\"valid\":false,\"signature_ok\":true,\"codes\":[\"bad_name\"]}");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *vector = json_object_array_get_idx(list, i);
		struct json_object *in = json_object_object_get(vector, "inputs");
		struct json_object *expected = json_object_object_get(vector, "decoded");
		struct expectation expectation = { .app_id = text_in(in, "app_id"),
			.certificate = text_in(in, "app_certificate"),
			/* Privileges may end before the token does. */
			.now =
			    json_object_get_int64(json_object_object_get(expected, "issue_ts")) };
		struct field_error error;
		bool is_good = name_is_rtc(text_in(in, "channel_name"), &error) &&
		    name_is_rtc(text_in(in, "account"), &error);

		check_inspection(vector, is_good ? valid : refused, &expectation);
	}
	json_object_put(valid);
	json_object_put(refused);
}

static void
negative(void)
{
	struct json_object *list = vectors("negative");
	size_t count = json_object_array_length(list);

	CHECK(count >= 20, "vectors");
	for (size_t i = 0; i < count; i++) {
		struct json_object *vector = json_object_array_get_idx(list, i);
		struct expectation expectation = { .certificate =
						       text_in(vector, "app_certificate"),
			.now = number_in(vector, "now") };

		check_inspection(vector, json_object_object_get(vector, "expect"), &expectation);
	}
}

static void
builder_errors(void)
{
	struct json_object *list = vectors("builder_errors");
	size_t count = json_object_array_length(list);

	CHECK(count >= 4, "vectors");
	for (size_t i = 0; i < count; i++) {
		struct json_object *vector = json_object_array_get_idx(list, i);
		struct text builder = text_in(vector, "builder");
		char out[AGORA_TOKEN_MAX + 1] = "left over";
		size_t length;

		/* These have no key; all but the raw one are of this builder. */
		if (text_is(builder, "RtmTokenBuilder2.buildToken"))
			put(vector, "builder_key", json_object_new_string("rtm.build"));
		else
			CHECK(text_is(builder, "AccessToken2"), name_of(vector));
		CHECK(build(vector, out, &length) != AGORA_OK, name_of(vector));
		CHECK(out[0] == '\0' && length == 0, name_of(vector));
	}
}

static bool
is_for_rtm(const struct agora_parsed *p)
{
	struct agora_text privileges = p->privileges;
	struct agora_privilege privilege;

	while (agora_privilege_next(&privileges, &privilege))
		if (privilege.id == 1000)
			return true;
	return false;
}

static void
v006(void)
{
	struct json_object *list = vectors("v006");
	struct json_object *good =
	    json_tokener_parse("{\"signature_ok\":true,\"codes\":[\"version_006\"]}");
	size_t count = json_object_array_length(list);

	CHECK(count >= 3, "vectors");
	for (size_t i = 0; i < count; i++) {
		struct json_object *vector = json_object_array_get_idx(list, i);
		const char *name = name_of(vector);
		struct json_object *in = json_object_object_get(vector, "inputs");
		struct json_object *uid = json_object_object_get(in, "uid");
		struct text token = text_in(vector, "token");
		const char *certificate = text_in(in, "app_certificate").data;
		struct agora_text channel = agora_in(in, "channel_name");
		struct agora_text user =
		    json_object_is_type(uid, json_type_string) ? agora_in(in, "uid") : uid_in(in);
		struct agora_text other = { channel.data, channel.length - 1 };
		struct expectation expectation = { .certificate = text_of(certificate),
			.channel = text_from(channel),
			.uid = text_from(user),
			.now = number_in(json_object_object_get(vector, "decoded"), "ts") };
		struct agora_parsed p;
		char wrong[33];

		CHECK(agora_token_parse(
			  codec(), guarded(token.data, token.length), token.length, &p) == AGORA_OK,
		    name);
		check_decoded(vector, &p);
		change_certificate(certificate, wrong);
		CHECK(agora_token_verify(&p, certificate, channel, user) == AGORA_OK, name);
		CHECK(agora_token_verify(&p, wrong, channel, user) == AGORA_BAD_SIGNATURE, name);
		CHECK(
		    agora_token_verify(&p, certificate, other, user) == AGORA_BAD_SIGNATURE, name);
		CHECK(agora_token_verify(&p, certificate, channel, agora_text_of("x")) ==
			AGORA_BAD_SIGNATURE,
		    name);
		/* In time its privileges may be over; what it is for has its user in the channel.
		 */
		if (is_for_rtm(&p))
			expectation = (struct expectation){ .certificate = expectation.certificate,
				.uid = expectation.channel,
				.now = expectation.now };
		check_inspection(vector, good, &expectation);
	}
	json_object_put(good);
}

CU_TestInfo token_vectors_tests[] = {
	{ "positive vectors built", positive_build },
	{ "positive vectors parsed", positive_parse },
	{ "positive vectors inspected", positive_inspect },
	{ "negative vectors", negative },
	{ "builder errors", builder_errors },
	{ "version 006", v006 },
	CU_TEST_INFO_NULL,
};
