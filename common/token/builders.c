#include <stdio.h>
#include <string.h>

#include "agoratoken.h"
#include "md5.h"

static const struct agora_text no_text = { "", 0 };

/* The set's next service and room for its privileges; NULL when the set is full. */
static struct agora_service *
add(struct agora_set *set, uint16_t type)
{
	struct agora_service *s;

	if (set->count >= AGORA_SET_SERVICES)
		return NULL;
	s = &set->services[set->count];
	*s = (struct agora_service){ .type = type,
		.privileges = set->privileges[set->count],
		.channel = no_text,
		.user = no_text,
		.room = no_text,
		.role = -1 };
	set->count++;
	return s;
}

static void
allow(struct agora_set *set, uint16_t id, uint32_t expire)
{
	struct agora_service *s = &set->services[set->count - 1];

	set->privileges[set->count - 1][s->privilege_count++] =
	    (struct agora_privilege){ id, expire };
}

bool
agora_add_rtc(struct agora_set *set, struct agora_text channel, struct agora_text user,
    unsigned privileges, const struct agora_rtc_expire *expire)
{
	const uint32_t expires[] = { expire->join, expire->audio, expire->video, expire->data };
	struct agora_service *s = add(set, AGORA_RTC);

	if (s == NULL)
		return false;
	s->channel = channel;
	s->user = user;
	for (uint16_t id = AGORA_RTC_JOIN; id <= AGORA_RTC_DATA; id++)
		if (privileges & 1U << id)
			allow(set, id, expires[id - 1]);
	return true;
}

/* A service of one user with one privilege. */
static bool
add_user(struct agora_set *set, uint16_t type, struct agora_text user, uint16_t privilege,
    uint32_t expire)
{
	struct agora_service *s = add(set, type);

	if (s == NULL)
		return false;
	s->user = user;
	allow(set, privilege, expire);
	return true;
}

bool
agora_add_rtm(struct agora_set *set, struct agora_text user, uint32_t expire)
{
	return add_user(set, AGORA_RTM, user, 1, expire);
}

bool
agora_add_rtm2(struct agora_set *set, struct agora_text user,
    const struct agora_permission *permissions, size_t permission_count, uint32_t expire)
{
	if (!add_user(set, AGORA_RTM2, user, 1, expire))
		return false;
	set->services[set->count - 1].permissions = permissions;
	set->services[set->count - 1].permission_count = permission_count;
	return true;
}

bool
agora_add_chat_user(struct agora_set *set, struct agora_text user, uint32_t expire)
{
	return add_user(set, AGORA_CHAT, user, 1, expire);
}

bool
agora_add_chat_app(struct agora_set *set, uint32_t expire)
{
	return add_user(set, AGORA_CHAT, no_text, 2, expire);
}

bool
agora_add_apaas_room_user(struct agora_set *set, struct agora_text room, struct agora_text user,
    int16_t role, uint32_t expire)
{
	struct agora_text chat_user = { set->chat_user, sizeof(set->chat_user) - 1 };

	if (set->count + 3 > AGORA_SET_SERVICES)
		return false;
	md5_hex(user.data, user.length, set->chat_user);
	if (!agora_add_rtm(set, user, expire) || !agora_add_chat_user(set, chat_user, expire) ||
	    !add_user(set, AGORA_APAAS, user, 1, expire))
		return false;
	set->services[set->count - 1].room = room;
	set->services[set->count - 1].role = role;
	return true;
}

bool
agora_add_apaas_user(struct agora_set *set, struct agora_text user, uint32_t expire)
{
	return add_user(set, AGORA_APAAS, user, 2, expire);
}

bool
agora_add_apaas_app(struct agora_set *set, uint32_t expire)
{
	return add_user(set, AGORA_APAAS, no_text, 3, expire);
}

bool
agora_add_fpa(struct agora_set *set)
{
	return add_user(set, AGORA_FPA, no_text, 1, 0);
}

bool
agora_add_streaming(struct agora_set *set, struct agora_text channel, struct agora_text account,
    uint32_t mix_expire, uint32_t raw_expire)
{
	if (!add_user(set, AGORA_STREAMING, account, 1, mix_expire))
		return false;
	set->services[set->count - 1].channel = channel;
	allow(set, 2, raw_expire);
	return true;
}

bool
agora_add_fcdn(struct agora_set *set, struct agora_text channel, struct agora_text account,
    bool publish, uint32_t expire)
{
	if (!add_user(set, AGORA_FCDN, account, publish ? 1 : 2, expire))
		return false;
	set->services[set->count - 1].channel = channel;
	if (publish)
		allow(set, 2, expire);
	return true;
}

bool
agora_add_bare(struct agora_set *set, uint16_t type)
{
	return add(set, type) != NULL;
}

size_t
agora_uid_text(uint32_t uid, char out[AGORA_UID_SIZE])
{
	if (uid == 0) {
		out[0] = '\0';
		return 0;
	}
	return (size_t)snprintf(out, AGORA_UID_SIZE, "%lu", (unsigned long)uid);
}
