#include <ctype.h>
#include <zlib.h>

#include "foreign.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define VERSION_LENGTH 3

static struct text
after(struct text t, size_t count)
{
	return (struct text){ t.data + count, t.length - count };
}

static bool
begins_with(struct text t, const char *word)
{
	return t.length >= strlen(word) &&
	    text_is_nocase((struct text){ t.data, strlen(word) }, word);
}

static bool
is_hex(struct text t)
{
	for (size_t i = 0; i < t.length; i++)
		if (!isxdigit((unsigned char)t.data[i]))
			return false;
	return true;
}

/* What languages write where there is nothing. */
static bool
is_nothing(struct text t)
{
	static const char *const words[] = { "undefined", "null", "(null)", "<null>", "none", "nil",
		"<nil>", "nan", "false", "true" };

	for (size_t i = 0; i < COUNT(words); i++)
		if (text_is_nocase(t, words[i]))
			return true;
	return false;
}

/* And what they write of something that is not a text, such as an answer that has yet to come. */
static bool
is_object(struct text t)
{
	static const char *const words[] = { "[object ", "instance of ", "promise {", "<coroutine ",
		"<task ", "<future ", "system.threading.tasks", "kotlinx.coroutines", "optional(",
		"java.util.concurrent", "closure: ", "function ", "async " };

	for (size_t i = 0; i < COUNT(words); i++)
		if (begins_with(t, words[i]))
			return true;
	return false;
}

static size_t
base64url_length(struct text t)
{
	size_t i = 0;

	while (i < t.length &&
	    (isalnum((unsigned char)t.data[i]) || t.data[i] == '-' || t.data[i] == '_'))
		i++;
	return i;
}

/* Head and claims are JSON objects, whose first two characters make these three. */
static bool
is_jwt(struct text t)
{
	size_t head;

	if (t.length < 3 || memcmp(t.data, "eyJ", 3) != 0)
		return false;
	head = base64url_length(t);
	return head + 4 <= t.length && memcmp(t.data + head, ".eyJ", 4) == 0;
}

static bool
holds_jwt(struct text t)
{
	for (size_t i = 0; i < t.length; i++)
		if ((i == 0 || !isalnum((unsigned char)t.data[i - 1])) && is_jwt(after(t, i)))
			return true;
	return false;
}

/* Standard base64, with its = or without them. */
static bool
unbase64(struct text t, struct arena *arena, struct text *bytes)
{
	char *url = arena_alloc(arena, t.length + 1, 1);
	unsigned char *out;
	size_t length = 0;

	while (t.length > 0 && t.data[t.length - 1] == '=')
		t.length--;
	for (size_t i = 0; i < t.length; i++)
		url[i] = (char)(t.data[i] == '+' ? '-' : t.data[i] == '/' ? '_' : t.data[i]);
	out = arena_alloc(arena, BASE64URL_ROOM(t.length), 1);
	if (t.length == 0 || memchr(t.data, '-', t.length) != NULL ||
	    memchr(t.data, '_', t.length) != NULL ||
	    !base64url_decode((struct text){ url, t.length }, out, &length))
		return false;
	*bytes = (struct text){ (const char *)out, length };
	return true;
}

static unsigned char
byte(struct text t, size_t i)
{
	return i < t.length ? (unsigned char)t.data[i] : 0;
}

static bool
has_zlib_header(struct text t)
{
	return t.length >= 2 && (byte(t, 0) & 0x0f) == 8 && byte(t, 0) >> 4 <= 7 &&
	    (byte(t, 0) * 256 + byte(t, 1)) % 31 == 0;
}

/* One whole stream; window as zlib's inflateInit2 takes it. */
static bool
unpack(struct text packed, int window, struct arena *arena, struct text *content)
{
	unsigned char *out = arena_alloc(arena, AGORA_CONTENT_MAX, 1);
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)packed.data,
		.avail_in = (uInt)packed.length,
		.next_out = out,
		.avail_out = AGORA_CONTENT_MAX };
	int result;

	if (inflateInit2(&z, window) != Z_OK)
		return false;
	result = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	*content = (struct text){ (const char *)out, AGORA_CONTENT_MAX - z.avail_out };
	return result == Z_STREAM_END && z.avail_in == 0 && content->length > 0;
}

static bool
is_printable(struct text t)
{
	for (size_t i = 0; i < t.length; i++)
		if (byte(t, i) < 0x20 || byte(t, i) > 0x7e)
			return false;
	return t.length > 0;
}

enum content {
	CONTENT_UNKNOWN,
	CONTENT_JSON,
	CONTENT_007,
	CONTENT_006,
	CONTENT_BIG_ENDIAN,
	CONTENT_HEX,
	CONTENT_TEXT,
};

/* A signature's length, and what comes after it. */
static enum content
content_of(struct text t)
{
	if (byte(t, 0) == '{')
		return CONTENT_JSON;
	if (byte(t, 0) == 0 && byte(t, 1) == AGORA_SIGNATURE_LENGTH)
		return CONTENT_BIG_ENDIAN;
	if (byte(t, 0) == 2 * AGORA_SIGNATURE_LENGTH && byte(t, 1) == 0 && t.length >= 66 &&
	    is_hex((struct text){ t.data + 2, 64 }))
		return CONTENT_HEX;
	if (byte(t, 0) == AGORA_SIGNATURE_LENGTH && byte(t, 1) == 0 && t.length > 44) {
		if (byte(t, 34) == AGORA_APP_ID_LENGTH && byte(t, 35) == 0)
			return CONTENT_007;
		if ((size_t)(byte(t, 42) | byte(t, 43) << 8) == t.length - 44)
			return CONTENT_006;
	}
	return is_printable(t) ? CONTENT_TEXT : CONTENT_UNKNOWN;
}

/* What came out of a good zlib stream; NULL: it may be what it should. */
static const char *
looks_inside(struct text content)
{
	switch (content_of(content)) {
	case CONTENT_JSON: return "JSON in a zlib stream";
	case CONTENT_006: return "the layout of version 006 in a zlib stream";
	case CONTENT_BIG_ENDIAN: return "numbers with the high byte first";
	case CONTENT_HEX: return "a signature in hexadecimal";
	case CONTENT_TEXT: return "text in a zlib stream";
	case CONTENT_007:
	case CONTENT_UNKNOWN: break;
	}
	return NULL;
}

static const char *
looks_uncompressed(struct text bytes)
{
	switch (content_of(bytes)) {
	case CONTENT_JSON: return "base64 of JSON";
	case CONTENT_006: return "the layout of version 006 after 007";
	case CONTENT_007: return "AccessToken2 that is not compressed";
	case CONTENT_BIG_ENDIAN:
		return "bytes that are not compressed, and numbers with the high byte first";
	case CONTENT_HEX: return "bytes that are not compressed, and a signature in hexadecimal";
	case CONTENT_TEXT: return "base64 of text";
	case CONTENT_UNKNOWN: break;
	}
	return "bytes that are not compressed, or not by zlib";
}

static const char *
looks_packed(struct text bytes, struct arena *arena)
{
	struct text content;

	if (has_zlib_header(bytes))
		return unpack(bytes, MAX_WBITS, arena, &content) ? looks_inside(content) : NULL;
	if (byte(bytes, 0) == 0x1f && byte(bytes, 1) == 0x8b)
		return "gzip, where zlib belongs";
	if (content_of(bytes) == CONTENT_UNKNOWN && unpack(bytes, -MAX_WBITS, arena, &content))
		return "raw deflate, without zlib's header and checksum";
	/* A good stream after its header: that is damaged, and so is the checksum then, or not. */
	if (bytes.length > 6 &&
	    unpack((struct text){ bytes.data + 2, bytes.length - 6 }, -MAX_WBITS, arena, &content))
		return NULL;
	return looks_uncompressed(bytes);
}

/* Its alphabet is that of URLs: it is good in the other. */
static bool
is_good_for_urls(struct agora_codec *codec, struct text t, struct arena *arena)
{
	char *text = arena_alloc(arena, t.length + 4, 1);
	size_t length = t.length;
	struct agora_parsed parsed;

	if (base64url_length(after(t, VERSION_LENGTH)) + VERSION_LENGTH < t.length ||
	    t.length > AGORA_TOKEN_MAX - 3)
		return false;
	for (size_t i = 0; i < t.length; i++)
		text[i] = (char)(t.data[i] == '-' ? '+' : t.data[i] == '_' ? '/' : t.data[i]);
	while ((length - VERSION_LENGTH) % 4 != 0)
		text[length++] = '=';
	return agora_token_parse(codec, text, length, &parsed) == AGORA_OK;
}

static const char *
looks_behind_007(struct agora_codec *codec, struct text t, struct arena *arena)
{
	const struct text body = after(t, VERSION_LENGTH);
	struct text bytes;

	if (body.length >= AGORA_APP_ID_LENGTH &&
	    is_hex((struct text){ body.data, AGORA_APP_ID_LENGTH })) {
		if (body.length == AGORA_APP_ID_LENGTH)
			return "007 and an App ID, and nothing more";
		if (unbase64(after(body, AGORA_APP_ID_LENGTH), arena, &bytes))
			return has_zlib_header(bytes)
			    ? "the App ID as text after 007, which belongs into the compressed part"
			    : "the layout of version 006 after 007";
	}
	if (is_jwt(body))
		return "a JSON Web Token after 007";
	if (body.length >= 16 && is_hex(body))
		return "hexadecimal, where base64 belongs";
	if (unbase64(body, arena, &bytes))
		return looks_packed(bytes, arena);
	return is_good_for_urls(codec, t, arena) ? "base64 in the alphabet of URLs, with - and _"
						 : NULL;
}

static const char *
looks_behind_006(struct agora_codec *codec, struct text t, struct arena *arena)
{
	const struct text body = after(t, VERSION_LENGTH);
	char *text = arena_alloc(arena, t.length + 1, 1);
	struct agora_parsed parsed;
	struct text bytes;

	memcpy(text, t.data, t.length);
	text[2] = '7';
	if (agora_token_parse(codec, text, t.length, &parsed) == AGORA_OK)
		return "AccessToken2 with 006 in front of it";
	if (body.length > AGORA_APP_ID_LENGTH &&
	    unbase64(after(body, AGORA_APP_ID_LENGTH), arena, &bytes) && has_zlib_header(bytes))
		return "version 006 that is compressed";
	return NULL;
}

struct foreign
foreign_look(struct agora_codec *codec, struct text t, enum agora_error error, struct arena *arena)
{
	struct foreign f = { .kind = FOREIGN_NONE };

	if (error == AGORA_BAD_VERSION) {
		if (is_nothing(t) || is_object(t))
			f.kind = FOREIGN_NOT_READY;
		else if (agora_is_hex32(t.data, t.length))
			f.kind = FOREIGN_HEX32;
		else if (holds_jwt(t))
			f.kind = FOREIGN_JWT;
		return f;
	}
	if (error == AGORA_OK || error == AGORA_TOO_LARGE || t.length <= VERSION_LENGTH ||
	    t.length > AGORA_TOKEN_MAX)
		return f;
	if (memcmp(t.data, "007", VERSION_LENGTH) == 0)
		f.looks = looks_behind_007(codec, t, arena);
	else if (memcmp(t.data, "006", VERSION_LENGTH) == 0)
		f.looks = looks_behind_006(codec, t, arena);
	if (f.looks != NULL)
		f.kind = FOREIGN_BUILT;
	return f;
}

/* ":channelName" and the like of a route, "{channel}", "<channel>", "${channel}", "%s". */
static bool
is_placeholder(struct text t)
{
	const char last = t.length > 0 ? t.data[t.length - 1] : '\0';

	if (t.length < 2)
		return false;
	if (t.data[0] == ':')
		return isalpha((unsigned char)t.data[1]) != 0;
	return (t.data[0] == '{' && last == '}') || (t.data[0] == '<' && last == '>') ||
	    (t.data[0] == '$' && last == '}') || text_is(t, "%s") || text_is(t, "%d");
}

bool
foreign_name(struct text name)
{
	return is_nothing(name) || is_object(name) || is_placeholder(name);
}
