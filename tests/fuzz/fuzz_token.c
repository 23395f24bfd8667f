/*
 * Tokens of any origin: parsed, verified, walked; and what was read, signed again, is the same.
 *
 * Input: a token's text; or 'C' and the content of a 007 token, or 'D' and that of a 006 token,
 * because no fuzzer guesses checksums.
 */
#include <sodium.h>
#include <string.h>
#include <zlib.h>

#include "agoratoken.h"
#include "buf.h"
#include "fuzz.h"

#define CERTIFICATE "fedcba9876543210fedcba9876543210"
#define HEAD_006 "0060123456789abcdef0123456789abcdef"

static const struct agora_text channel = { "demo", 4 };
static const struct agora_text user = { "", 0 };

static void
put_base64(struct buf *out, const void *bytes, size_t length)
{
	size_t room = sodium_base64_ENCODED_LEN(length, sodium_base64_VARIANT_ORIGINAL);

	sodium_bin2base64(
	    buf_reserve(out, room), room, bytes, length, sodium_base64_VARIANT_ORIGINAL);
	out->length += room - 1;
}

static void
put_text(struct buf *out, const uint8_t *data, size_t size)
{
	uLongf packed_length = compressBound(size);
	unsigned char *packed;

	if (size > 0 && data[0] == 'D') {
		buf_text(out, HEAD_006);
		put_base64(out, data + 1, size - 1);
	} else if (size > 0 && data[0] == 'C') {
		packed = malloc(packed_length);
		if (packed == NULL ||
		    compress2(packed, &packed_length, data + 1, size - 1, Z_BEST_SPEED) != Z_OK)
			abort();
		buf_text(out, "007");
		put_base64(out, packed, packed_length);
		free(packed);
	} else {
		buf_add(out, data, size);
	}
}

/* Copied, so that a sanitizer sees a byte that is not there. */
static void
touch(struct agora_text text, struct arena *arena)
{
	arena_copy(arena, (struct text){ text.data == NULL ? "" : text.data, text.length });
}

static struct agora_privilege *
copy_privileges(struct agora_text bytes, struct arena *arena, size_t *count)
{
	struct agora_privilege *list = arena_alloc(arena, bytes.length / 6 + 1, sizeof(*list));

	for (*count = 0; agora_privilege_next(&bytes, &list[*count]); (*count)++)
		continue;
	MUST(bytes.length == 0);
	return list;
}

static struct agora_permission *
copy_permissions(struct agora_text bytes, struct arena *arena, size_t *count)
{
	/* One permission is 4 bytes at least. */
	struct agora_permission *list = arena_alloc(arena, bytes.length / 4 + 1, sizeof(*list));
	struct agora_permission_cursor cursor = { 0 };
	struct agora_text names;
	struct agora_permission *p = list;

	while (agora_permission_next(
	    bytes, &cursor, &p->resource, &p->permission, &names, &p->name_count)) {
		struct agora_text *texts = arena_alloc(arena, p->name_count, sizeof(*texts));

		for (size_t i = 0; i < p->name_count; i++) {
			MUST(agora_name_next(&names, &texts[i]));
			touch(texts[i], arena);
		}
		MUST(names.length == 0);
		p->names = texts;
		p++;
	}
	*count = (size_t)(p - list);
	return list;
}

static struct agora_service *
copy_services(const struct agora_parsed *parsed, struct arena *arena)
{
	struct agora_service *list = arena_alloc(arena, parsed->services_read + 1, sizeof(*list));
	struct agora_walk walk = { 0 };
	size_t i = 0;

	while (agora_service_next(parsed, &walk, &list[i])) {
		struct agora_service *s = &list[i++];

		MUST(i <= parsed->services_read);
		MUST(agora_service_name(s->type) != NULL);
		touch(s->channel, arena);
		touch(s->user, arena);
		touch(s->room, arena);
		s->privileges = copy_privileges(walk.privileges, arena, &s->privilege_count);
		s->permissions = copy_permissions(walk.permissions, arena, &s->permission_count);
	}
	MUST(i == parsed->services_read);
	return list;
}

/* RTM2 alone can be spelt in ways that builders do not use: empty and repeated resources. */
static bool
has_one_spelling(const struct agora_service *services, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (services[i].type == AGORA_RTM2)
			return false;
	return true;
}

static void
sign_again(const struct agora_parsed *parsed, const struct agora_service *services)
{
	static struct agora_codec *codec;
	char app_id[AGORA_APP_ID_LENGTH + 1] = "", out[AGORA_TOKEN_MAX + 1];
	const struct agora_token token = { .app_id = app_id,
		.issue_ts = parsed->issue_ts,
		.expire = parsed->expire,
		.salt = parsed->salt,
		.services = services,
		.service_count = parsed->services_read,
		.keep_order = true };
	struct agora_parsed again;
	enum agora_error error;
	size_t length;

	if (codec == NULL)
		codec = agora_codec_open();
	memcpy(app_id, parsed->app_id.data, AGORA_APP_ID_LENGTH);
	error = agora_token_sign(codec, &token, CERTIFICATE, out, &length);
	if (error == AGORA_TOO_LARGE)
		return; /* the text was packed better than ours */
	MUST(error == AGORA_OK && length == strlen(out));
	MUST(agora_token_parse(codec, out, length, &again) == AGORA_OK);
	MUST(agora_token_verify(&again, CERTIFICATE, user, user) == AGORA_OK);
	MUST(again.services_read == parsed->services_read);
	if (has_one_spelling(services, parsed->services_read))
		MUST(again.signed_info.length == parsed->signed_info.length &&
		    memcmp(again.signed_info.data, parsed->signed_info.data,
			again.signed_info.length) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct agora_codec *codec;
	struct arena arena = { 0 };
	struct buf text = { 0 };
	struct agora_parsed parsed;
	struct agora_service *services;
	struct agora_text privileges;
	struct agora_privilege privilege;
	enum agora_error error;

	if (codec == NULL)
		codec = agora_codec_open();
	put_text(&text, data, size);
	/* A copy without room behind it. */
	data = memcpy(arena_alloc(&arena, 1, text.length), buf_view(&text).data, text.length);
	error = agora_token_parse(codec, (const char *)data, text.length, &parsed);
	buf_free(&text);
	MUST(agora_error_code(error) != NULL && agora_error_message(error) != NULL);
	touch(parsed.app_id, &arena);
	touch(parsed.signed_info, &arena);
	touch(parsed.message, &arena);
	for (privileges = parsed.privileges; agora_privilege_next(&privileges, &privilege);)
		continue;
	MUST(parsed.services_read <= parsed.service_count);
	services = copy_services(&parsed, &arena);
	MUST(agora_token_verify(&parsed, CERTIFICATE, channel, user) != AGORA_BAD_CERTIFICATE);
	if (error == AGORA_OK) {
		MUST(parsed.version == 6 || parsed.version == 7);
		MUST(parsed.app_id.length == AGORA_APP_ID_LENGTH);
		MUST(parsed.signature != NULL);
	}
	if (error == AGORA_OK && parsed.version == 7 && parsed.complete) {
		MUST(parsed.services_read == parsed.service_count);
		sign_again(&parsed, services);
	}
	arena_free(&arena);
	return 0;
}
