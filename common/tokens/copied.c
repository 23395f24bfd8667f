#include <ctype.h>

#include "copied.h"

#define VERSION_LENGTH 3
#define FRONT_006 (VERSION_LENGTH + AGORA_APP_ID_LENGTH)   /* characters before the base64 */
#define FIXED_006 (2 + AGORA_SIGNATURE_LENGTH + 4 + 4 + 2) /* bytes before the message */
#define TIMES_ENCODED 3                                    /* for a URL, at most */

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
	return c == '"' || c == '\'' || c == '`';
}

/* And what ends a line of JSON or source text. */
static bool
cut_quotes(struct text *t)
{
	size_t before = t->length;

	while (t->length > 0 &&
	    (is_quote(t->data[t->length - 1]) || t->data[t->length - 1] == ',' ||
		t->data[t->length - 1] == ';'))
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
static size_t
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
	return to;
}

/* What JSON and source text make of it behind a backslash: the length of that, and its meaning. */
static size_t
read_escape(const char *text, size_t length, char *meaning)
{
	unsigned char code[2];

	if (length > 1 && (text[1] == 'n' || text[1] == 'r' || text[1] == 't')) {
		*meaning = '\n';
		return 2;
	}
	if (length > 5 && text[1] == 'u' && hex_decode((struct text){ text + 2, 4 }, code) &&
	    code[0] == 0 && code[1] < 0x80) {
		*meaning = (char)code[1];
		return 6;
	}
	return 0;
}

/* Undoes these, and what word processors make of quotes and blanks, in place. */
static size_t
make_plain(char *text, size_t length, struct copied *c)
{
	static const struct {
		const char *sign;
		char plain; /* a blank that is no lost + */
	} signs[] = {
		{ "\xc2\xa0", '\t' },     /* U+00A0, a blank */
		{ "\xe2\x80\x8b", '\t' }, /* U+200B, one of no width */
		{ "\xef\xbb\xbf", '\t' }, /* U+FEFF, the mark in front of a file */
		{ "\xe2\x80\x98", '\'' },
		{ "\xe2\x80\x99", '\'' },
		{ "\xe2\x80\x9c", '"' },
		{ "\xe2\x80\x9d", '"' },
	};
	size_t to = 0;

	for (size_t from = 0; from < length;) {
		char plain = text[from];
		size_t used = 1;

		if (plain == '\\') {
			used = read_escape(text + from, length - from, &plain);
			c->quotes = true;
			if (used == 0) {
				from++;
				continue;
			}
		}
		for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
			size_t its = strlen(signs[i].sign);

			if (length - from >= its && memcmp(text + from, signs[i].sign, its) == 0) {
				plain = signs[i].plain;
				used = its;
			}
		}
		text[to++] = plain;
		from += used;
	}
	return to;
}

static void
trim(struct text *t, struct copied *c)
{
	for (bool again = true; again;) {
		bool blanks = cut_blanks(t), quotes = cut_quotes(t), bearer = cut_bearer(t);

		c->blanks |= blanks;
		c->quotes |= quotes;
		c->bearer |= bearer;
		again = blanks || quotes || bearer;
	}
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

/* How long a token of version 006 was, which it says itself; 0: that is cut off, too. */
static size_t
exact_length(const struct agora_parsed *parsed, struct text token)
{
	const unsigned char *length;
	size_t bytes;

	if (parsed->version != 6 || parsed->signature == NULL || token.length < FRONT_006)
		return 0;
	bytes = (token.length - FRONT_006) / 4 * 3;
	for (size_t i = token.length; bytes > 0 && token.data[i - 1] == '='; i--)
		bytes--;
	if (bytes < FIXED_006)
		return 0;
	length = parsed->signature + AGORA_SIGNATURE_LENGTH + 8;
	return FRONT_006 + (FIXED_006 + (size_t)(length[0] | length[1] << 8) + 2) / 3 * 4;
}

static bool
is_base64(char c)
{
	return isalnum((unsigned char)c) || c == '+' || c == '/';
}

/* What a token is read with. */
struct reading {
	struct agora_codec *codec;
	struct text channel, user;
	struct arena *arena;
	struct agora_parsed *parsed;
};

static enum agora_error
parse(const struct reading *r, struct text token)
{
	return agora_token_parse(r->codec, token.data, token.length, r->parsed);
}

/* Whether it is whole with `front` characters before it and `count` such signs behind it. */
static bool
is_whole_with(const struct reading *r, struct text token, size_t front, char sign, size_t count)
{
	char *text;

	if (token.length > AGORA_TOKEN_MAX)
		return false;
	text = arena_alloc(r->arena, front + token.length + count + 1, 1);
	memcpy(text, "007", front);
	memcpy(text + front, token.data, token.length);
	memset(text + front + token.length, sign, count);
	return parse(r, (struct text){ text, front + token.length + count }) == AGORA_OK;
}

/* Parses it, without characters that were lost at either end if need be. */
static enum agora_error
parse_cut(const struct reading *r, struct text token, struct copied *c)
{
	enum agora_error error = parse(r, token);
	struct text part = token;
	size_t exact, whole;

	c->length = token.length;
	for (size_t front = 1; error == AGORA_BAD_VERSION && front <= VERSION_LENGTH; front++)
		if (is_whole_with(r, token, front, '=', 0)) {
			c->is_cut = true;
			c->front = front;
			return AGORA_OK;
		}
	for (size_t end = 1; error == AGORA_BAD_BASE64 && end <= 2; end++)
		if (is_whole_with(r, token, 0, '=', end)) {
			c->is_cut = true;
			c->end = end;
			return AGORA_OK;
		}
	/*
	 * It is by luck alone when the cut is between two of base64's groups of four.  And somebody
	 * may have added the = that a decoder wanted.
	 */
	while (error == AGORA_BAD_BASE64 && part.length > 0 && part.data[part.length - 1] == '=')
		part.length--;
	for (size_t over = part.length == token.length ? 1 : 0, whole_length = part.length;
	     error == AGORA_BAD_BASE64 && over <= 3 && over < whole_length &&
	     (over == 0 || is_base64(token.data[whole_length - over]));
	     over++) {
		part.length = whole_length - over;
		if (parse(r, part) == AGORA_TRUNCATED) {
			error = AGORA_TRUNCATED;
			c->length = whole_length;
		}
	}
	if (error == AGORA_TRUNCATED && (r->parsed->version == 6 || r->parsed->signature == NULL)) {
		exact = exact_length(r->parsed, part);
		whole =
		    exact > 0 ? exact : likely_length(r->channel, r->user, r->parsed->version == 6);
		c->is_cut = exact == 0 || exact > token.length;
		c->is_exact = exact > 0;
		c->missing = whole > token.length ? whole - token.length : 0;
	}
	/* The codec may hold another token by now. */
	if (error != AGORA_OK)
		parse(r, token);
	return error;
}

/*
 * The text in one line: blanks at its line ends are left out, and `blank` is in place of each of
 * the others, '\0': of none.
 */
static struct text
join(struct text t, char blank, struct arena *arena, struct copied *c, bool *has_blanks)
{
	char *out = arena_alloc(arena, t.length + 1, 1);
	size_t length = 0;

	for (size_t i = 0, end; i < t.length; i = end) {
		bool has_end = false;

		end = i + 1;
		if (!is_blank(t.data[i])) {
			out[length++] = t.data[i];
			continue;
		}
		for (end = i; end < t.length && is_blank(t.data[end]); end++)
			has_end |= t.data[end] != ' ';
		c->blanks |= has_end;
		*has_blanks |= !has_end;
		if (!has_end && blank != '\0') {
			memset(out + length, blank, end - i);
			length += end - i;
		}
	}
	return (struct text){ out, length };
}

/* Parses what was trimmed, each blank in it as a +, or else as a blank that was added. */
static enum agora_error
parse_trimmed(const struct reading *r, struct text t, bool blank_behind, struct copied *c)
{
	struct copied without = *c, with;
	bool has_blanks = false;
	struct text token = join(t, '+', r->arena, c, &has_blanks);
	enum agora_error error;

	c->plus = has_blanks;
	c->token = token;
	with = *c;
	error = parse_cut(r, token, c);
	if (error == AGORA_OK)
		return error;
	if (has_blanks) {
		without.blanks = true;
		if (parse_cut(r, join(t, '\0', r->arena, &without, &has_blanks), &without) ==
		    AGORA_OK) {
			*c = without;
			return AGORA_OK;
		}
	}
	if (blank_behind && is_whole_with(r, token, 0, '+', 1)) {
		*c = with;
		c->plus = true;
		c->blanks = false;
		return AGORA_OK;
	}
	parse(r, token);
	return error;
}

/* Where a token begins in the text, not before `from`; its length: nowhere. */
static size_t
find_token(struct text t, size_t from)
{
	for (size_t i = from; i + 5 <= t.length; i++) {
		size_t digits = 0;

		/* Each of zlib's levels has its own fifth character. */
		if (memcmp(t.data + i, "007e", 4) == 0 &&
		    memchr("AFJN", t.data[i + 4], 4) != NULL && t.data[i + 4] != '\0')
			return i;
		if (memcmp(t.data + i, "006", VERSION_LENGTH) != 0)
			continue;
		while (digits < AGORA_APP_ID_LENGTH && i + VERSION_LENGTH + digits < t.length &&
		    isxdigit((unsigned char)t.data[i + VERSION_LENGTH + digits]))
			digits++;
		if (digits == AGORA_APP_ID_LENGTH && i + FRONT_006 + 2 <= t.length &&
		    memcmp(t.data + i + FRONT_006, "IA", 2) == 0)
			return i;
	}
	return t.length;
}

/* Whether what comes after a token cannot be a part of it: the alphabet of URLs could. */
static bool
ends_there(struct text rest)
{
	return rest.length > 0 && rest.data[0] != '-' && rest.data[0] != '_';
}

/* It was cut, and dots say so. */
static bool
is_ellipsis(struct text rest)
{
	return (rest.length >= 2 && memcmp(rest.data, "..", 2) == 0) ||
	    (rest.length == 3 && memcmp(rest.data, "\xe2\x80\xa6", 3) == 0);
}

/* It stands inside of something else: from here as far as it can go. */
static struct text
token_at(struct text t, size_t begin)
{
	size_t end = begin;

	while (end < t.length && is_base64(t.data[end]))
		end++;
	for (size_t i = 0; i < 2 && end < t.length && t.data[end] == '='; i++)
		end++;
	return (struct text){ t.data + begin, end - begin };
}

/*
 * Parses it without what follows it: `T)`, `T&x=1`, `T/`.  false: that is not why it cannot be
 * read, and the codec holds another.
 */
static bool
parse_followed(const struct reading *r, struct text t, struct copied *c, enum agora_error *error)
{
	struct text token = token_at(t, 0);
	const struct text rest = { t.data + token.length, t.length - token.length };
	struct copied alone = { 0 };

	if (rest.length == 0 && (token.length == 0 || token.data[token.length - 1] != '/'))
		return false;
	if (rest.length > 0 && !ends_there(rest))
		return false;
	*error = parse_trimmed(r, token, false, &alone);
	while (*error != AGORA_OK && token.length > 0 && token.data[token.length - 1] == '/') {
		token.length--;
		*error = parse_trimmed(r, token, false, &alone);
	}
	if (*error != AGORA_OK && !(*error == AGORA_TRUNCATED && is_ellipsis(rest)))
		return false;
	alone.is_inside = *error == AGORA_OK;
	alone.text = c->text;
	*c = alone;
	return true;
}

enum agora_error
copied_parse(struct agora_codec *codec, struct text text, struct text channel, struct text user,
    struct arena *arena, struct agora_parsed *parsed, struct copied *c)
{
	const struct reading r = { codec, channel, user, arena, parsed };
	char *plain = arena_alloc(arena, text.length + 1, 1);
	size_t length = text.length, begin;
	struct copied ignored = { 0 }, before;
	enum agora_error error;
	struct text t;

	*c = (struct copied){ 0 };
	if (length > 0)
		memcpy(plain, text.data, length);
	for (unsigned i = 0; i < TIMES_ENCODED; i++)
		length = percent_decode(plain, length, c);
	length = make_plain(plain, length, c);
	plain[length] = '\0';
	t = (struct text){ plain, length };
	trim(&t, c);
	error = parse_trimmed(&r, t, t.data[t.length] == ' ', c);
	c->text = t;
	if (error == AGORA_BAD_VERSION) {
		*c = (struct copied){ .length = t.length, .text = t, .token = c->token };
		begin = find_token(t, 1);
		if (begin == t.length)
			return error;
		c->is_inside = true;
		return parse_trimmed(&r, token_at(t, begin), false, c);
	}
	begin = error == AGORA_OK ? t.length : find_token(t, VERSION_LENGTH);
	if (begin == t.length) {
		if (error != AGORA_BAD_BASE64 && error != AGORA_TRUNCATED &&
		    error != AGORA_TRAILING_DATA)
			return error;
		before = *c;
		if (!parse_followed(&r, t, c, &error)) {
			*c = before;
			error = parse_trimmed(&r, t, t.data[t.length] == ' ', c);
			c->text = t;
		}
		return error;
	}
	t.length = begin;
	trim(&t, &ignored);
	c->is_followed = true;
	c->is_cut = false;
	c->plus = false;
	return parse_trimmed(&r, t, false, c);
}
