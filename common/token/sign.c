#include "codec.h"
#include "cursor.h"

/*
 * Ascending order without sorting memory of the caller's: the entry with the smallest key above
 * `above`.  `last` takes the last of equal keys, else the first.  Returns count when none is left.
 */
static size_t
next_privilege(const struct agora_privilege *p, size_t count, long above)
{
	size_t best = count;

	for (size_t i = 0; i < count; i++)
		if ((long)p[i].id > above && (best == count || p[i].id < p[best].id))
			best = i;
	return best;
}

static long
permission_key(const struct agora_permission *p)
{
	return (long)p->resource << 16 | p->permission;
}

static size_t
next_permission(const struct agora_permission *p, size_t count, long above)
{
	size_t best = count;

	for (size_t i = 0; i < count; i++)
		if (permission_key(&p[i]) > above &&
		    (best == count || permission_key(&p[i]) <= permission_key(&p[best])))
			best = i;
	return best;
}

static enum agora_error
write_privileges(struct writer *w, const struct agora_service *s, bool keep_order)
{
	const struct agora_privilege *p = s->privileges;
	long above = -1;

	if (s->privilege_count > UINT16_MAX)
		return AGORA_TOO_LARGE;
	write_u16(w, (uint16_t)s->privilege_count);
	for (size_t n = 0; n < s->privilege_count && !w->failed; n++) {
		size_t i = keep_order ? n : next_privilege(p, s->privilege_count, above);

		if (i == s->privilege_count)
			return AGORA_DUPLICATE_PRIVILEGE;
		write_u16(w, p[i].id);
		write_u32(w, p[i].expire);
		above = p[i].id;
	}
	return AGORA_OK;
}

static void
write_permission(struct writer *w, const struct agora_permission *p)
{
	if (p->name_count > UINT16_MAX)
		w->failed = true;
	write_u16(w, p->permission);
	write_u16(w, (uint16_t)p->name_count);
	for (size_t i = 0; i < p->name_count && !w->failed; i++)
		write_string(w, p->names[i]);
}

/* Resources, each with its permissions; the two counts are known only afterwards. */
static void
write_permissions(struct writer *w, const struct agora_service *s, bool keep_order)
{
	const struct agora_permission *p = s->permissions;
	struct writer resources = *w, permissions = *w;
	uint16_t resource_count = 0, permission_count = 0;
	long above = -1;

	write_u16(w, 0);
	for (size_t n = 0; n < s->permission_count && !w->failed; n++) {
		size_t i = keep_order ? n : next_permission(p, s->permission_count, above);

		if (i == s->permission_count)
			break;
		if (above < 0 || p[i].resource != above >> 16) {
			if (resource_count++ == UINT16_MAX)
				w->failed = true;
			permission_count = 0;
			write_u16(w, p[i].resource);
			permissions = *w;
			write_u16(w, 0);
		}
		if (permission_count++ == UINT16_MAX)
			w->failed = true;
		write_permission(w, &p[i]);
		if (!w->failed) {
			struct writer count = permissions;

			write_u16(&count, permission_count);
		}
		above = permission_key(&p[i]);
	}
	if (!w->failed)
		write_u16(&resources, resource_count);
}

static enum agora_error
write_service(struct writer *w, const struct agora_service *s, bool keep_order)
{
	enum agora_error error;

	write_u16(w, s->type);
	error = write_privileges(w, s, keep_order);
	if (error != AGORA_OK)
		return error;
	switch (s->type) {
	case AGORA_RTC:
	case AGORA_STREAMING:
	case AGORA_FCDN:
		write_string(w, s->channel);
		write_string(w, s->user);
		break;
	case AGORA_RTM:
	case AGORA_CHAT: write_string(w, s->user); break;
	case AGORA_APAAS:
		write_string(w, s->room);
		write_string(w, s->user);
		write_u16(w, (uint16_t)s->role);
		break;
	case AGORA_RTM2:
		write_string(w, s->user);
		write_permissions(w, s, keep_order);
		break;
	case AGORA_FPA:
	case AGORA_CONVOAI:
	case AGORA_STT: break;
	default: return AGORA_UNKNOWN_SERVICE;
	}
	return AGORA_OK;
}

static enum agora_error
write_services(struct writer *w, const struct agora_token *t)
{
	enum agora_error error = AGORA_OK;
	size_t i;

	for (i = 0; i < t->service_count; i++)
		if (agora_service_name(t->services[i].type) == NULL)
			return AGORA_UNKNOWN_SERVICE;
	if (t->keep_order) {
		for (i = 0; i < t->service_count && error == AGORA_OK && !w->failed; i++)
			error = write_service(w, &t->services[i], true);
		return error;
	}
	for (uint16_t type = AGORA_RTC; type <= AGORA_STT; type++)
		for (i = 0; i < t->service_count && error == AGORA_OK && !w->failed; i++)
			if (t->services[i].type == type)
				error = write_service(w, &t->services[i], false);
	return error;
}

enum agora_error
agora_token_sign(struct agora_codec *codec, const struct agora_token *token,
    const char *certificate, char out[AGORA_TOKEN_MAX + 1], size_t *length)
{
	struct writer w = { codec->content, codec->content + AGORA_CONTENT_MAX, false };
	unsigned char signature[AGORA_SIGNATURE_LENGTH] = { 0 };
	struct agora_text app_id = { token->app_id, strlen(token->app_id) };
	unsigned char *info;
	enum agora_error error;
	size_t text_length = 0;

	out[0] = '\0';
	if (length != NULL)
		*length = 0;
	if (!agora_is_hex32(app_id.data, app_id.length))
		return AGORA_BAD_APP_ID;
	if (!agora_is_hex32(certificate, strlen(certificate)))
		return AGORA_BAD_CERTIFICATE;
	if (token->service_count == 0)
		return AGORA_NO_SERVICE;
	if (token->service_count > UINT16_MAX)
		return AGORA_TOO_LARGE;

	write_string(&w, (struct agora_text){ (const char *)signature, sizeof(signature) });
	info = w.at;
	write_string(&w, app_id);
	write_u32(&w, token->issue_ts);
	write_u32(&w, token->expire);
	write_u32(&w, token->salt);
	write_u16(&w, (uint16_t)token->service_count);
	error = write_services(&w, token);
	if (error != AGORA_OK)
		return error;
	if (w.failed)
		return AGORA_TOO_LARGE;

	codec_signature(&codec->key, certificate, token->issue_ts, token->salt,
	    (struct agora_text){ (const char *)info, (size_t)(w.at - info) }, codec->content + 2);
	error = codec_pack(codec, (size_t)(w.at - codec->content), out, &text_length);
	if (error != AGORA_OK) {
		out[0] = '\0';
		return error;
	}
	if (length != NULL)
		*length = text_length;
	return AGORA_OK;
}
