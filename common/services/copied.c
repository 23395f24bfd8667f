#include <ctype.h>

#include "copied.h"

#define VERSION_LENGTH 3

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
cut_blanks(struct text *t)
{
	size_t before = t->length;

	while (t->length > 0 && is_blank(t->data[t->length - 1]))
		t->length--;
	while (t->length > 0 && is_blank(t->data[0]))
		*t = (struct text){ t->data + 1, t->length - 1 };
	return t->length < before;
}

static bool
is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`' || c == '\\';
}

static bool
cut_quotes(struct text *t)
{
	size_t before = t->length;

	while (t->length > 0 && is_quote(t->data[t->length - 1]))
		t->length--;
	while (t->length > 0 && is_quote(t->data[0]))
		*t = (struct text){ t->data + 1, t->length - 1 };
	return t->length < before;
}

static bool
cut_bearer(struct text *t)
{
	static const char word[] = "Bearer ";
	const size_t length = sizeof(word) - 1;

	if (t->length < length || !text_is_nocase((struct text){ t->data, length }, word))
		return false;
	*t = (struct text){ t->data + length, t->length - length };
	while (t->length > 0 && is_blank(t->data[0]))
		*t = (struct text){ t->data + 1, t->length - 1 };
	return true;
}

/* Undoes what a URL makes of a text, in place. */
static struct text
percent_decode(char *text, size_t length, struct copied *c)
{
	size_t to = 0;

	for (size_t from = 0; from < length; from++) {
		unsigned char byte;

		if (text[from] == '%' && from + 2 < length &&
		    hex_decode((struct text){ text + from + 1, 2 }, &byte)) {
			text[to++] = (char)byte;
			c->percent = true;
			from += 2;
		} else {
			text[to++] = text[from];
		}
	}
	return (struct text){ text, to };
}

/* The token alone, in the arena. */
static struct text
unwrap(struct text t, struct arena *arena, struct copied *c)
{
	char *out = arena_alloc(arena, t.length + 1, 1);
	size_t length = 0;

	if (t.length > 0)
		memcpy(out, t.data, t.length);
	t = percent_decode(out, t.length, c);
	for (bool again = true; again;) {
		bool blanks = cut_blanks(&t), quotes = cut_quotes(&t), bearer = cut_bearer(&t);

		c->blanks |= blanks;
		c->quotes |= quotes;
		c->bearer |= bearer;
		again = blanks || quotes || bearer;
	}
	for (size_t i = 0; i < t.length; i++) {
		c->plus |= t.data[i] == ' ';
		c->blanks |= t.data[i] != ' ' && is_blank(t.data[i]);
		if (t.data[i] == ' ' || !is_blank(t.data[i]))
			out[length++] = t.data[i] == ' ' ? '+' : t.data[i];
	}
	return (struct text){ out, length };
}

/*
 * A publisher's token for this channel and user is about as long as the one that was cut: what is
 * in every token, and the names, in base64.  The console reckons the same.
 */
static size_t
likely_length(struct text channel, struct text user, bool is_006)
{
	size_t names =
	    (channel.data == NULL ? 8 : channel.length) + (user.data == NULL ? 5 : user.length);

	/* The names are not in 006, so a publisher's is always as long. */
	return is_006 ? 139 : 150 + names * 4 / 3;
}

static bool
is_base64(char c)
{
	return isalnum((unsigned char)c) || c == '+' || c == '/';
}

static enum agora_error
parse(struct agora_codec *codec, struct text token, struct agora_parsed *parsed)
{
	return agora_token_parse(codec, token.data, token.length, parsed);
}

/* Whether it is whole with `front` characters before it and `end` signs = behind it. */
static bool
is_whole_with(struct agora_codec *codec, struct text token, size_t front, size_t end,
    struct arena *arena, struct agora_parsed *parsed)
{
	char *text;

	if (token.length > AGORA_TOKEN_MAX)
		return false;
	text = arena_alloc(arena, front + token.length + end + 1, 1);
	memcpy(text, "007", front);
	memcpy(text + front, token.data, token.length);
	memset(text + front + token.length, '=', end);
	return parse(codec, (struct text){ text, front + token.length + end }, parsed) == AGORA_OK;
}

/* Parses it, without characters that were lost at either end if need be. */
static enum agora_error
parse_cut(struct agora_codec *codec, struct text token, struct text channel, struct text user,
    struct arena *arena, struct agora_parsed *parsed, struct copied *c)
{
	enum agora_error error = parse(codec, token, parsed);
	size_t likely;

	for (size_t front = 1; error == AGORA_BAD_VERSION && front <= VERSION_LENGTH; front++)
		if (is_whole_with(codec, token, front, 0, arena, parsed)) {
			c->is_cut = true;
			c->front = front;
			return AGORA_OK;
		}
	for (size_t end = 1; error == AGORA_BAD_BASE64 && end <= 2; end++)
		if (is_whole_with(codec, token, 0, end, arena, parsed)) {
			c->is_cut = true;
			c->end = end;
			return AGORA_OK;
		}
	/* It is by luck alone when the cut is between two of base64's groups of four. */
	for (size_t over = 1; error == AGORA_BAD_BASE64 && over <= 3 && over < token.length &&
	     is_base64(token.data[token.length - over]);
	     over++)
		if (parse(codec, (struct text){ token.data, token.length - over }, parsed) ==
		    AGORA_TRUNCATED)
			error = AGORA_TRUNCATED;
	if (error == AGORA_TRUNCATED && parsed->signature == NULL) {
		likely = likely_length(channel, user, parsed->version == 6);
		c->is_cut = true;
		c->about = likely > token.length ? likely - token.length : 0;
	}
	/* The codec may hold another token by now. */
	if (error != AGORA_OK)
		parse(codec, token, parsed);
	return error;
}

enum agora_error
copied_parse(struct agora_codec *codec, struct text text, struct text channel, struct text user,
    struct arena *arena, struct agora_parsed *parsed, struct copied *copied)
{
	struct text token;

	*copied = (struct copied){ 0 };
	token = unwrap(text, arena, copied);
	copied->length = token.length;
	return parse_cut(codec, token, channel, user, arena, parsed, copied);
}
