#include <sodium.h>
#include <zlib.h>

#include "codec.h"
#include "cursor.h"

#define VERSION_LENGTH 3
#define PRIVILEGE_SIZE 6

/* A map u16 -> u32, as the bytes of its entries. */
static struct agora_text
read_privileges(struct reader *r)
{
	size_t count = read_u16(r);
	const unsigned char *from = read_bytes(r, count * PRIVILEGE_SIZE);

	return (struct agora_text){ (const char *)from, from == NULL ? 0 : count * PRIVILEGE_SIZE };
}

/* Skips them, checking every length: the bytes behind the resource count. */
static struct agora_text
read_permissions(struct reader *r)
{
	const unsigned char *from = r->at;

	for (uint16_t resources = read_u16(r); resources > 0 && !r->failed; resources--) {
		read_u16(r);
		for (uint16_t permissions = read_u16(r); permissions > 0 && !r->failed;
		     permissions--) {
			read_u16(r);
			for (uint16_t names = read_u16(r); names > 0 && !r->failed; names--)
				read_string(r);
		}
	}
	return read_since(r, from);
}

/* Reads one service.  false: its type is unknown, and where it ends cannot be known. */
static bool
read_service(struct reader *r, struct agora_walk *walk, struct agora_service *s)
{
	*s = (struct agora_service){ .type = read_u16(r), .role = -1 };
	if (!r->failed && agora_service_name(s->type) == NULL)
		return false;
	walk->privileges = read_privileges(r);
	walk->permissions = (struct agora_text){ NULL, 0 };
	switch (s->type) {
	case AGORA_RTC:
	case AGORA_STREAMING:
	case AGORA_FCDN:
		s->channel = read_string(r);
		s->user = read_string(r);
		break;
	case AGORA_RTM:
	case AGORA_CHAT: s->user = read_string(r); break;
	case AGORA_APAAS:
		s->room = read_string(r);
		s->user = read_string(r);
		s->role = (int16_t)read_u16(r);
		break;
	case AGORA_RTM2:
		s->user = read_string(r);
		walk->permissions = read_permissions(r);
		break;
	default: break;
	}
	return true;
}

/* The order is not checked, as Agora's parsers do not either; a key that comes twice is refused. */
static bool
has_duplicate(struct agora_text privileges)
{
	unsigned char seen[(UINT16_MAX + 1) / 8];
	struct agora_privilege p;

	if (privileges.length <= PRIVILEGE_SIZE)
		return false;
	memset(seen, 0, sizeof(seen));
	while (agora_privilege_next(&privileges, &p)) {
		unsigned char bit = (unsigned char)(1U << (p.id & 7));

		if (seen[p.id >> 3] & bit)
			return true;
		seen[p.id >> 3] |= bit;
	}
	return false;
}

/* The services are walked once to the end, so that walking them later cannot fail. */
static enum agora_error
parse_services(struct reader *r, struct agora_parsed *parsed)
{
	bool duplicate = false;

	for (size_t i = 0; i < parsed->service_count; i++) {
		struct agora_walk walk = { 0 };
		struct agora_service s;

		if (!read_service(r, &walk, &s)) {
			parsed->complete = false;
			parsed->first_unknown_type = s.type;
			return duplicate ? AGORA_DUPLICATE_PRIVILEGE : AGORA_OK;
		}
		if (r->failed)
			return AGORA_TRUNCATED;
		parsed->services_read++;
		duplicate = duplicate || has_duplicate(walk.privileges);
	}
	if (reader_left(r) > 0)
		return AGORA_TRAILING_DATA;
	return duplicate ? AGORA_DUPLICATE_PRIVILEGE : AGORA_OK;
}

static enum agora_error
parse_007(struct agora_text content, struct agora_parsed *parsed)
{
	struct reader r = reader_over(content);
	struct agora_text signature = read_string(&r);

	if (r.failed)
		return AGORA_TRUNCATED;
	if (signature.length != AGORA_SIGNATURE_LENGTH)
		return AGORA_BAD_SIGNATURE;
	parsed->signature = (const unsigned char *)signature.data;
	parsed->signed_info = (struct agora_text){ (const char *)r.at, reader_left(&r) };
	parsed->app_id = read_string(&r);
	parsed->issue_ts = read_u32(&r);
	parsed->expire = read_u32(&r);
	parsed->salt = read_u32(&r);
	parsed->service_count = read_u16(&r);
	if (r.failed)
		return AGORA_TRUNCATED;
	parsed->complete = true;
	parsed->services = (struct agora_text){ (const char *)r.at, reader_left(&r) };
	if (!agora_is_hex32(parsed->app_id.data, parsed->app_id.length))
		return AGORA_BAD_APP_ID;
	if (parsed->service_count == 0)
		return AGORA_NO_SERVICE;
	return parse_services(&r, parsed);
}

static enum agora_error
parse_006(struct agora_text content, struct agora_parsed *parsed)
{
	struct reader r = reader_over(content), m;
	struct agora_text signature = read_string(&r);

	if (r.failed)
		return AGORA_TRUNCATED;
	if (signature.length != AGORA_SIGNATURE_LENGTH)
		return AGORA_BAD_SIGNATURE;
	parsed->signature = (const unsigned char *)signature.data;
	parsed->channel_crc = read_u32(&r);
	parsed->user_crc = read_u32(&r);
	parsed->message = read_string(&r);
	m = reader_over(parsed->message);
	parsed->salt = read_u32(&m);
	parsed->ts = read_u32(&m);
	parsed->privileges = read_privileges(&m);
	if (r.failed || m.failed)
		return AGORA_TRUNCATED;
	if (reader_left(&r) > 0 || reader_left(&m) > 0)
		return AGORA_TRAILING_DATA;
	parsed->complete = true;
	return has_duplicate(parsed->privileges) ? AGORA_DUPLICATE_PRIVILEGE : AGORA_OK;
}

static enum agora_error
version_error(const char *text, size_t length)
{
	if (length == 0)
		return AGORA_EMPTY;
	if (length >= VERSION_LENGTH && text[0] == '0' && text[1] == '0' && text[2] >= '1' &&
	    text[2] <= '5')
		return AGORA_UNSUPPORTED_VERSION;
	return AGORA_BAD_VERSION;
}

enum agora_error
agora_token_parse(
    struct agora_codec *codec, const char *text, size_t length, struct agora_parsed *parsed)
{
	struct agora_text content;
	size_t packed;
	enum agora_error error;

	*parsed = (struct agora_parsed){ 0 };
	if (length < VERSION_LENGTH ||
	    (memcmp(text, "007", VERSION_LENGTH) != 0 && memcmp(text, "006", VERSION_LENGTH) != 0))
		return version_error(text, length);
	parsed->version = (unsigned)(text[2] - '0');
	if (length > AGORA_TOKEN_MAX)
		return AGORA_TOO_LARGE;
	text += VERSION_LENGTH;
	length -= VERSION_LENGTH;

	if (parsed->version == 6) {
		if (length < AGORA_APP_ID_LENGTH)
			return AGORA_TRUNCATED;
		if (!agora_is_hex32(text, AGORA_APP_ID_LENGTH))
			return AGORA_BAD_APP_ID;
		error = codec_unbase64(
		    codec, text + AGORA_APP_ID_LENGTH, length - AGORA_APP_ID_LENGTH, &packed);
		if (error != AGORA_OK)
			return error;
		/* The text is the caller's; the view must not outlive it. */
		memcpy(codec->content, text, AGORA_APP_ID_LENGTH);
		parsed->app_id =
		    (struct agora_text){ (const char *)codec->content, AGORA_APP_ID_LENGTH };
		content = (struct agora_text){ (const char *)codec->packed, packed };
		return parse_006(content, parsed);
	}
	error = codec_unbase64(codec, text, length, &packed);
	if (error != AGORA_OK)
		return error;
	error = codec_inflate(codec, packed, &content.length);
	if (error != AGORA_OK)
		return error;
	content.data = (const char *)codec->content;
	return parse_007(content, parsed);
}

static void
signature_006(const struct agora_parsed *p, const char *certificate, struct agora_text channel,
    struct agora_text user, unsigned char signature[AGORA_SIGNATURE_LENGTH])
{
	crypto_auth_hmacsha256_state state;
	struct agora_text parts[] = { p->app_id, channel, user, p->message };

	crypto_auth_hmacsha256_init(
	    &state, (const unsigned char *)certificate, AGORA_CERTIFICATE_LENGTH);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		crypto_auth_hmacsha256_update(
		    &state, (const unsigned char *)parts[i].data, parts[i].length);
	crypto_auth_hmacsha256_final(&state, signature);
	sodium_memzero(&state, sizeof(state));
}

enum agora_error
agora_token_verify(const struct agora_parsed *parsed, const char *certificate,
    struct agora_text channel, struct agora_text user)
{
	unsigned char signature[AGORA_SIGNATURE_LENGTH];
	struct codec_key key = { 0 };
	bool same;

	if (!agora_is_hex32(certificate, strlen(certificate)))
		return AGORA_BAD_CERTIFICATE;
	if (parsed->signature == NULL)
		return AGORA_BAD_SIGNATURE;
	if (parsed->version == 6)
		signature_006(parsed, certificate, channel, user, signature);
	else
		codec_signature(&key, certificate, parsed->issue_ts, parsed->salt,
		    parsed->signed_info, signature);
	same = sodium_memcmp(signature, parsed->signature, sizeof(signature)) == 0;
	sodium_memzero(signature, sizeof(signature));
	sodium_memzero(&key, sizeof(key));
	return same ? AGORA_OK : AGORA_BAD_SIGNATURE;
}

bool
agora_service_next(
    const struct agora_parsed *parsed, struct agora_walk *walk, struct agora_service *service)
{
	struct reader r;

	if (walk->seen >= parsed->services_read || walk->at > parsed->services.length)
		return false;
	r = reader_over((struct agora_text){
	    parsed->services.data + walk->at, parsed->services.length - walk->at });
	if (!read_service(&r, walk, service) || r.failed)
		return false;
	walk->at = (size_t)((const char *)r.at - parsed->services.data);
	walk->seen++;
	return true;
}

bool
agora_privilege_next(struct agora_text *privileges, struct agora_privilege *privilege)
{
	struct reader r = reader_over(*privileges);

	privilege->id = read_u16(&r);
	privilege->expire = read_u32(&r);
	if (r.failed)
		return false;
	*privileges = (struct agora_text){ (const char *)r.at, reader_left(&r) };
	return true;
}

bool
agora_permission_next(struct agora_text permissions, struct agora_permission_cursor *cursor,
    uint16_t *resource, uint16_t *permission, struct agora_text *names, size_t *name_count)
{
	struct reader r;
	const unsigned char *from;

	if (cursor->at == 0)
		cursor->at = 2; /* the resource count: the end of the bytes tells as well */
	if (cursor->at >= permissions.length)
		return false;
	r = reader_over(
	    (struct agora_text){ permissions.data + cursor->at, permissions.length - cursor->at });
	while (cursor->left == 0) {
		cursor->resource = read_u16(&r);
		cursor->left = read_u16(&r);
		if (r.failed)
			return false;
	}
	*resource = cursor->resource;
	*permission = read_u16(&r);
	*name_count = read_u16(&r);
	from = r.at;
	for (size_t i = 0; i < *name_count && !r.failed; i++)
		read_string(&r);
	if (r.failed)
		return false;
	*names = read_since(&r, from);
	cursor->left--;
	cursor->at = (size_t)((const char *)r.at - permissions.data);
	return true;
}

bool
agora_name_next(struct agora_text *names, struct agora_text *name)
{
	struct reader r = reader_over(*names);

	*name = read_string(&r);
	if (r.failed)
		return false;
	*names = (struct agora_text){ (const char *)r.at, reader_left(&r) };
	return true;
}
