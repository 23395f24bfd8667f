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

struct text
fit_exact_user(const struct expectation *e)
{
	return e->account.data != NULL ? e->account : e->uid;
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
	const struct text exact = fit_exact_user(e);

	if (user.data == NULL)
		return true;
	if (fit_any_user(s->type))
		return name_covers(view(s->user), user);
	return exact.length == s->user.length &&
	    memcmp(exact.data, s->user.data, exact.length) == 0;
}

/* Which services the user has to be one of: what opens the channel; else what opens one; else all.
 */
static bool
counts(const struct agora_service *s, const struct fit *fit, const struct expectation *e)
{
	if (e->channel.data == NULL || !fit->has_channels)
		return s->user.data != NULL;
	return s->channel.data != NULL && (!fit->channel || fit_opens(s, e->channel));
}

static struct fit
fit_007(const struct agora_parsed *parsed, const struct expectation *e)
{
	struct fit fit = { .channel = e->channel.data == NULL, .user = fit_user(e).data == NULL };
	struct agora_walk walk = { 0 };
	struct agora_service s;
	bool closest = false;

	while (agora_service_next(parsed, &walk, &s)) {
		if (s.channel.data != NULL && !fit.has_channels)
			fit.its_channel = view(s.channel);
		fit.has_channels |= s.channel.data != NULL;
		fit.channel |= fit_opens(&s, e->channel);
	}
	walk = (struct agora_walk){ 0 };
	while (agora_service_next(parsed, &walk, &s)) {
		const bool its = counts(&s, &fit, e);

		fit.user |= its && fit_lets_in(&s, e);
		if (fit.type == 0 || (its && !closest)) {
			fit.type = s.type;
			fit.its_user = view(s.user);
			closest = its;
		}
	}
	return fit;
}

static uint32_t
crc_of(struct text text)
{
	return (uint32_t)crc32(crc32(0, NULL, 0), (const Bytef *)text.data, (uInt)text.length);
}

static bool
has_privilege(struct agora_text privileges, uint16_t id)
{
	struct agora_privilege p;

	while (agora_privilege_next(&privileges, &p))
		if (p.id == id)
			return true;
	return false;
}

/*
 * The names themselves are not in it; no user is any.  One for RTM has its user where those for
 * RTC have the channel.
 */
static struct fit
fit_006(const struct agora_parsed *parsed, const struct expectation *e)
{
	const struct text user = fit_user(e), exact = fit_exact_user(e);

	if (has_privilege(parsed->privileges, FIT_LOGIN_006) &&
	    !has_privilege(parsed->privileges, AGORA_RTC_JOIN))
		return (struct fit){ .type = AGORA_RTM,
			.channel = e->channel.data == NULL,
			.user = exact.data == NULL || crc_of(exact) == parsed->channel_crc };
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
