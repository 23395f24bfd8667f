#include <zlib.h>

#include "fit.h"
#include "names.h"

static struct text
view(struct agora_text text)
{
	return (struct text){ text.data, text.length };
}

bool
fit_any_user(uint16_t type)
{
	return type == AGORA_RTC || type == AGORA_STREAMING || type == AGORA_FCDN;
}

struct text
fit_user(const struct expectation *e)
{
	if (e->account.data != NULL)
		return e->account;
	return text_is(e->uid, "0") ? TEXT("") : e->uid;
}

bool
fit_opens(const struct agora_service *s, struct text channel)
{
	return s->channel.data != NULL &&
	    (channel.data == NULL || name_covers(view(s->channel), channel));
}

bool
fit_lets_in(const struct agora_service *s, const struct expectation *e)
{
	const struct text user = fit_user(e);
	const struct text exact = e->account.data != NULL ? e->account : e->uid;

	if (user.data == NULL)
		return true;
	if (fit_any_user(s->type))
		return name_covers(view(s->user), user);
	return exact.length == s->user.length &&
	    memcmp(exact.data, s->user.data, exact.length) == 0;
}

static struct fit
fit_007(const struct agora_parsed *parsed, const struct expectation *e)
{
	struct fit fit = { .channel = e->channel.data == NULL, .user = fit_user(e).data == NULL };
	struct agora_walk walk = { 0 };
	struct agora_service s;
	bool closest = false;

	while (agora_service_next(parsed, &walk, &s)) {
		bool has_channel = s.channel.data != NULL, opens = fit_opens(&s, e->channel);
		bool counts = has_channel ? opens : e->channel.data == NULL && s.user.data != NULL;

		if (has_channel && !fit.has_channels)
			fit.its_channel = view(s.channel);
		fit.has_channels |= has_channel;
		fit.channel |= opens;
		fit.user |= counts && fit_lets_in(&s, e);
		if (fit.type == 0 || (counts && !closest)) {
			fit.type = s.type;
			fit.its_user = view(s.user);
			closest = counts;
		}
	}
	return fit;
}

static uint32_t
crc_of(struct text text)
{
	return (uint32_t)crc32(crc32(0, NULL, 0), (const Bytef *)text.data, (uInt)text.length);
}

/* The names themselves are not in it; no user is any. */
static struct fit
fit_006(const struct agora_parsed *parsed, const struct expectation *e)
{
	const struct text user = fit_user(e);

	return (struct fit){ .has_channels = true,
		.channel = e->channel.data == NULL || crc_of(e->channel) == parsed->channel_crc,
		.user = user.data == NULL || parsed->user_crc == 0 ||
		    crc_of(user) == parsed->user_crc };
}

struct fit
fit_of(const struct agora_parsed *parsed, const struct expectation *e)
{
	if (parsed->version == 7 && parsed->services.data != NULL)
		return fit_007(parsed, e);
	if (parsed->version == 6 && parsed->message.data != NULL)
		return fit_006(parsed, e);
	return (struct fit){ .channel = true, .user = true };
}
