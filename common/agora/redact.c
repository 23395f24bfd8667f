#include <ctype.h>

#include "json.h"
#include "redact.h"
#include "route.h"
#include "value.h"

#define REASON_MAX 500 /* bytes of a text that is passed on in an error */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct text
string_of(struct json_object *value)
{
	return (struct text){ json_object_get_string(value),
		(size_t)json_object_get_string_len(value) };
}

static bool
is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_is_nocase(text_of(name), names[i]))
			return true;
	return false;
}

bool
object_is_secret(const char *name)
{
	static const char *const names[] = { "streamKey", "secret", "salt", "accessKey",
		"secretKey", "stsToken", "encryptKey", "encryptKdfSalt", "token", "pubBotToken",
		"subBotToken" };

	return is_one_of(name, names, COUNT(names));
}

bool
object_is_stream_url(const char *name)
{
	static const char *const names[] = { "rtmpUrl", "streamUrl" };

	return is_one_of(name, names, COUNT(names));
}

static size_t
next_of(struct text url, size_t from, const char *ends)
{
	while (from < url.length && memchr(ends, url.data[from], strlen(ends)) == NULL)
		from++;
	return from;
}

static size_t
host_begins(struct text url)
{
	const char *scheme = memmem(url.data, url.length, "://", 3);

	return scheme == NULL ? 0 : (size_t)(scheme - url.data) + 3;
}

struct text
stream_url_user(struct text url)
{
	const size_t from = host_begins(url), end = next_of(url, from, "/?#");
	const char *at = memrchr(url.data + from, '@', end - from);

	return (struct text){ url.data + from, at == NULL ? 0 : (size_t)(at - (url.data + from)) };
}

struct text
stream_url_key(struct text url)
{
	size_t from = next_of(url, host_begins(url), "/?#"), first;

	from += from < url.length;
	first = next_of(url, from, "/?#");
	/* "/app/key" shows the application; of "/key", "/key/" and "/app?key" nothing is. */
	if (first + 1 < url.length && url.data[first] == '/')
		from = first + 1;
	return (struct text){ url.data + from, url.length - from };
}

static struct json_object *
without_key(struct text url)
{
	const struct text user = stream_url_user(url), key = stream_url_key(url);
	const size_t host = (size_t)(user.data - url.data) + user.length;
	struct json_object *value;
	struct buf hidden = { 0 };

	buf_add(&hidden, url.data, (size_t)(user.data - url.data));
	buf_text(&hidden, user.length > 0 ? "***" : "");
	buf_add(&hidden, url.data + host, (size_t)(key.data - url.data) - host);
	buf_text(&hidden, "***");
	value = json_text(buf_view(&hidden));
	buf_free(&hidden);
	return value;
}

void
object_hide_secrets(struct json_object *value)
{
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			object_hide_secrets(json_object_array_get_idx(value, i));
		return;
	}
	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, name, member) {
		if (object_is_secret(name) && member != NULL)
			json_set_text(value, name, TEXT("***"));
		else if (object_is_stream_url(name) &&
		    json_object_is_type(member, json_type_string))
			json_set(value, name, without_key(string_of(member)));
		else
			object_hide_secrets(member);
	}
}

/*
 * Agora repeats parts of requests in its errors: what is secret in them is struck out, where they
 * lie, since it is longer than what takes its place.
 */
static void
strike(struct buf *text, size_t at, size_t length)
{
	static const char mark[] = "***";
	const size_t rest = at + length;

	memcpy(text->data + at, mark, sizeof(mark) - 1);
	memmove(text->data + at + sizeof(mark) - 1, text->data + rest, text->length - rest);
	text->length -= length - (sizeof(mark) - 1);
}

static void
strike_secret(struct buf *text, struct text secret)
{
	const char *at;

	while (secret.length >= 4 && text->length > 0 &&
	    (at = memmem(text->data, text->length, secret.data, secret.length)) != NULL)
		strike(text, (size_t)(at - text->data), secret.length);
}

/* Words that look like a token: "007eJ..." to the next byte that cannot be in one. */
static void
strike_tokens(struct buf *text)
{
	for (size_t from = 0; from + 40 < text->length; from += 3) {
		const char *at = memmem(text->data + from, text->length - from, "007", 3);
		const char *end = text->data + text->length;
		size_t n = 0;

		if (at == NULL)
			return;
		from = (size_t)(at - text->data);
		while (at + n < end &&
		    (isalnum((unsigned char)at[n]) || memchr("+/=", at[n], 3) != NULL))
			n++;
		if (n > 40)
			strike(text, from, n);
	}
}

/* A text that the request has under this name. */
static void
strike_text(struct buf *text, const char *name, struct text value)
{
	if (object_is_secret(name))
		strike_secret(text, value);
	if (object_is_stream_url(name)) {
		strike_secret(text, stream_url_key(value));
		strike_secret(text, stream_url_user(value));
	}
}

/* Its texts at any depth. */
static void
strike_members(struct buf *text, const char *name, struct json_object *value)
{
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, inner, member)
			strike_members(text, inner, member);
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			strike_members(text, name, json_object_array_get_idx(value, i));
	} else if (json_object_is_type(value, json_type_string)) {
		strike_text(text, name, text_of(json_object_get_string(value)));
	}
}

/* What is secret in the request: in its input, and in what it had sent on. */
static void
strike_request(struct exchange *x, struct buf *text)
{
	const struct table *table = x->route->input;
	struct json_error error;
	struct json_object *sent;

	for (size_t i = 0; table != NULL && i < table->count; i++) {
		const struct field *f = &table->fields[i];
		const char *at = (const char *)x->input + f->offset;

		if (f->kind == FIELD_TEXT && ((const struct text *)(const void *)at)->data != NULL)
			strike_text(text, f->name, *(const struct text *)(const void *)at);
	}
	sent = json_read(buf_view(&x->sent), 0, &error);
	strike_members(text, "", sent);
	json_object_put(sent);
}

/* The text is the exchange's own. */
struct text
agora_redacted(struct exchange *x, const struct call *call, struct text said)
{
	const struct services *s = services_of(x);
	struct buf text = { (char *)(uintptr_t)said.data, said.length, said.length };

	if (said.data == NULL)
		return said;
	strike_secret(&text, services_project(x).certificate);
	strike_secret(&text, s->rest->storage.access_key);
	strike_secret(&text, s->rest->storage.secret_key);
	for (size_t i = 0; i < 2 && call->credentials != NULL; i++)
		strike_secret(&text, call->credentials->secrets[i]);
	strike_request(x, &text);
	strike_tokens(&text);
	return (struct text){ text.data, text.length > REASON_MAX ? REASON_MAX : text.length };
}
