#include "agoratoken.h"
#include "unit.h"

#define T(literal) ((struct agora_text){ literal, sizeof(literal) - 1 })

static const struct agora_rtc_expire expires = { 10, 20, 30, 40 };
static const struct agora_text names[] = { { "b", 1 }, { "a", 1 } };
static const struct agora_permission permissions[] = { { 4, 1, names, 2 }, { 0, 0, NULL, 0 } };

static bool
rtc_subscriber(struct agora_set *set)
{
	return agora_add_rtc(set, T("demo"), T("7"), AGORA_RTC_SUBSCRIBER, &expires);
}

static bool
rtc_publisher(struct agora_set *set)
{
	return agora_add_rtc(set, T("demo"), T(""), AGORA_RTC_PUBLISHER, &expires);
}

static bool
rtc_join_and_data(struct agora_set *set)
{
	return agora_add_rtc(
	    set, T("*"), T("u"), 1U << AGORA_RTC_DATA | 1U << AGORA_RTC_JOIN, &expires);
}

/* Bits that mean nothing must not write beyond the set's four privileges. */
static bool
rtc_all_bits(struct agora_set *set)
{
	return agora_add_rtc(set, T("c"), T("u"), ~0U, &expires);
}

static bool
rtc_no_bits(struct agora_set *set)
{
	return agora_add_rtc(set, T("c"), T("u"), 0, &expires);
}

static bool
rtm(struct agora_set *set)
{
	return agora_add_rtm(set, T("user-1"), 600);
}

static bool
rtm2(struct agora_set *set)
{
	return agora_add_rtm2(set, T("user-1"), permissions, 2, 600);
}

static bool
rtm2_without_permissions(struct agora_set *set)
{
	return agora_add_rtm2(set, T("user-1"), NULL, 0, 600);
}

static bool
chat_user(struct agora_set *set)
{
	return agora_add_chat_user(set, T("user-1"), 600);
}

static bool
chat_app(struct agora_set *set)
{
	return agora_add_chat_app(set, 600);
}

static bool
apaas_room_user(struct agora_set *set)
{
	return agora_add_apaas_room_user(set, T("room-1"), T("teacher-1"), 1, 600);
}

static bool
apaas_user(struct agora_set *set)
{
	return agora_add_apaas_user(set, T("teacher-1"), 600);
}

static bool
apaas_app(struct agora_set *set)
{
	return agora_add_apaas_app(set, 600);
}

static bool
fpa(struct agora_set *set)
{
	return agora_add_fpa(set);
}

static bool
streaming(struct agora_set *set)
{
	return agora_add_streaming(set, T("live"), T("caster"), 100, 200);
}

static bool
fcdn_publisher(struct agora_set *set)
{
	return agora_add_fcdn(set, T("live"), T("caster"), true, 600);
}

static bool
fcdn_player(struct agora_set *set)
{
	return agora_add_fcdn(set, T("live"), T("viewer"), false, 600);
}

static bool
convoai(struct agora_set *set)
{
	return agora_add_bare(set, AGORA_CONVOAI);
}

static bool
stt(struct agora_set *set)
{
	return agora_add_bare(set, AGORA_STT);
}

static const struct {
	const char *name;
	bool (*add)(struct agora_set *set);
	size_t services;
	const char *expected; /* as describe() writes them */
} builders[] = {
	{ "rtc subscriber", rtc_subscriber, 1, "1 demo/7/ -1 1=10;" },
	{ "rtc publisher", rtc_publisher, 1, "1 demo// -1 1=10 2=20 3=30 4=40;" },
	{ "rtc join and data", rtc_join_and_data, 1, "1 */u/ -1 1=10 4=40;" },
	{ "rtc all bits", rtc_all_bits, 1, "1 c/u/ -1 1=10 2=20 3=30 4=40;" },
	{ "rtc no bits", rtc_no_bits, 1, "1 c/u/ -1;" },
	{ "rtm", rtm, 1, "2 /user-1/ -1 1=600;" },
	{ "rtm2", rtm2, 1, "8 /user-1/ -1 1=600 4.1:b:a 0.0;" },
	{ "rtm2 without permissions", rtm2_without_permissions, 1, "8 /user-1/ -1 1=600;" },
	{ "chat user", chat_user, 1, "5 /user-1/ -1 1=600;" },
	{ "chat app", chat_app, 1, "5 // -1 2=600;" },
	{ "apaas room user", apaas_room_user, 3,
	    "2 /teacher-1/ -1 1=600;5 /afb653f8bb63d07aa138168f2f30acbb/ -1 1=600;"
	    "7 /teacher-1/room-1 1 1=600;" },
	{ "apaas user", apaas_user, 1, "7 /teacher-1/ -1 2=600;" },
	{ "apaas app", apaas_app, 1, "7 // -1 3=600;" },
	{ "fpa", fpa, 1, "4 // -1 1=0;" },
	{ "streaming", streaming, 1, "3 live/caster/ -1 1=100 2=200;" },
	{ "fcdn publisher", fcdn_publisher, 1, "6 live/caster/ -1 1=600 2=600;" },
	{ "fcdn player", fcdn_player, 1, "6 live/viewer/ -1 2=600;" },
	{ "convoai", convoai, 1, "9 // -1;" },
	{ "stt", stt, 1, "10 // -1;" },
};
#define BUILDERS (sizeof(builders) / sizeof(builders[0]))

static void
describe(const struct agora_set *set, struct buf *out)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct agora_service *s = &set->services[i];

		buf_printf(out, "%u %.*s/%.*s/%.*s %d", s->type, (int)s->channel.length,
		    s->channel.data, (int)s->user.length, s->user.data, (int)s->room.length,
		    s->room.data, s->role);
		for (size_t n = 0; n < s->privilege_count; n++)
			buf_printf(out, " %u=%u", s->privileges[n].id, s->privileges[n].expire);
		for (size_t n = 0; n < s->permission_count; n++) {
			const struct agora_permission *p = &s->permissions[n];

			buf_printf(out, " %u.%u", p->resource, p->permission);
			for (size_t m = 0; m < p->name_count; m++)
				buf_printf(out, ":%.*s", (int)p->names[m].length, p->names[m].data);
		}
		buf_text(out, ";");
	}
}

static void
each_builder(void)
{
	for (size_t i = 0; i < BUILDERS; i++) {
		struct agora_set set = { .count = 0 };
		struct buf text = { 0 };

		CHECK(builders[i].add(&set), builders[i].name);
		describe(&set, &text);
		CHECK(same_text(buf_view(&text), builders[i].expected), builders[i].name);
		buf_free(&text);
	}
}

/* What does not fit is refused whole: the set stays as it was. */
static void
full_set(void)
{
	for (size_t i = 0; i < BUILDERS; i++) {
		struct agora_set set = { .count = 0 };
		struct buf before = { 0 }, after = { 0 };

		while (set.count + builders[i].services <= AGORA_SET_SERVICES)
			CHECK(builders[i].add(&set), builders[i].name);
		while (builders[i].services > 1 && set.count < AGORA_SET_SERVICES - 1)
			CHECK(agora_add_fpa(&set), builders[i].name);
		describe(&set, &before);
		CHECK(!builders[i].add(&set), builders[i].name);
		describe(&set, &after);
		CHECK(before.length == after.length &&
			memcmp(before.data, after.data, after.length) == 0,
		    builders[i].name);
		buf_free(&before);
		buf_free(&after);
	}
}

static void
several_services(void)
{
	struct agora_set set = { .count = 0 };
	struct buf text = { 0 };

	CHECK(rtc_publisher(&set) && rtm(&set) && stt(&set) && rtc_subscriber(&set), "four");
	describe(&set, &text);
	CHECK(same_text(buf_view(&text),
		  "1 demo// -1 1=10 2=20 3=30 4=40;2 /user-1/ -1 1=600;10 // -1;1 demo/7/ -1 "
		  "1=10;"),
	    "four");
	set.count = 0;
	CHECK(fpa(&set) && apaas_room_user(&set) && set.count == AGORA_SET_SERVICES,
	    "the last three");
	buf_free(&text);
}

static void
uid_text(void)
{
	static const struct {
		uint32_t uid;
		const char *text;
	} cases[] = { { 0, "" }, { 1, "1" }, { 10, "10" }, { 2882341273, "2882341273" },
		{ 2147483648, "2147483648" }, { UINT32_MAX, "4294967295" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[AGORA_UID_SIZE] = "left over";
		size_t length = agora_uid_text(cases[i].uid, out);

		CHECK(same_text((struct text){ out, length }, cases[i].text), cases[i].text);
		CHECK(out[length] == '\0', cases[i].text);
	}
}

CU_TestInfo token_builders_tests[] = {
	{ "each builder", each_builder },
	{ "full set", full_set },
	{ "several services", several_services },
	{ "uid text", uid_text },
	CU_TEST_INFO_NULL,
};
