#include "content.h"

#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define T(literal) ((struct agora_text){ literal, sizeof(literal) - 1 })

/* Channel "demo", any user. */
#define V006_CONTENT                                                                               \
	"2000273837374231a345a6c6928c43bcf4ad7e786553573bc36e73346e46adee7107a0df42d600000000"     \
	"22000903000000d775670400010090937467020090937467030090937467040090937467"
#define V006_CHANNEL_CRC 3594706848

static struct agora_codec *
codec(void)
{
	static struct agora_codec *shared;

	if (shared == NULL)
		shared = agora_codec_open();
	return shared;
}

/* The text ends where an unreadable page begins. */
static enum agora_error
parse(const void *text, size_t length, struct agora_parsed *parsed)
{
	return agora_token_parse(codec(), guarded(text, length), length, parsed);
}

static enum agora_error
parse_content(const void *content, size_t length, struct agora_parsed *parsed)
{
	struct buf token = token_of(content, length);
	enum agora_error error = agora_token_parse(codec(), token.data, token.length, parsed);

	buf_free(&token);
	return error;
}

static enum agora_error
verify(const struct agora_parsed *parsed)
{
	return agora_token_verify(parsed, CERTIFICATE, T("demo"), T(""));
}

static void
put_hex(struct buf *out, const char *hex)
{
	for (; *hex != '\0'; hex++) {
		unsigned char byte;

		if (*hex == ' ')
			continue;
		if (!hex_decode((struct text){ hex, 2 }, &byte))
			abort();
		buf_add(out, &byte, 1);
		hex++;
	}
}

/* A service of each type, and an RTC one again. */
static const char each_service[] = "0100 0200 010058020000 0400ffffffff 0400 64656d6f 0100 31 "
				   "0200 0100 010058020000 0200 6d65 "
				   "0300 0200 010001000000 020002000000 0400 6c697665 0300 6d6978 "
				   "0400 0100 010000000000 "
				   "0500 0100 020058020000 0000 "
				   "0600 0000 0400 6c697665 0000 "
				   "0700 0100 010058020000 0300 6d6174 0200 6d65 feff "
				   "0800 0100 010058020000 0200 6d65 0300 "
				   "  0000 0200 0000 0200 0100 61 0000 0100 0000 "
				   "  0500 0000 "
				   "  0400 0100 0100 0100 0100 2a "
				   "0900 0000 "
				   "0a00 0000 "
				   "0100 0000 0000 0000";
static const char each_described[] =
    "1 demo/1/ 1=600 4=4294967295;2 /me/ 1=600;3 live/mix/ 1=1 2=2;4 // 1=0;5 // 2=600;6 live//;"
    "7 /me/mat -2 1=600;8 /me/ 1=600 0.0:a: 0.1 4.1:*;9 //;10 //;1 //;";
#define EACH_COUNT 11

static void
describe_service(const struct agora_service *s, const struct agora_walk *walk, struct buf *out)
{
	struct agora_text privileges = walk->privileges, names, name;
	struct agora_permission_cursor cursor = { 0 };
	struct agora_privilege privilege;
	uint16_t resource, permission;
	size_t count;

	buf_printf(out, "%u %.*s/%.*s/%.*s", s->type, (int)s->channel.length, s->channel.data,
	    (int)s->user.length, s->user.data, (int)s->room.length, s->room.data);
	if (s->type == AGORA_APAAS)
		buf_printf(out, " %d", s->role);
	while (agora_privilege_next(&privileges, &privilege))
		buf_printf(out, " %u=%u", privilege.id, privilege.expire);
	while (agora_permission_next(
	    walk->permissions, &cursor, &resource, &permission, &names, &count)) {
		buf_printf(out, " %u.%u", resource, permission);
		for (; count > 0 && agora_name_next(&names, &name); count--)
			buf_printf(out, ":%.*s", (int)name.length, name.data);
		CHECK(count == 0 && names.length == 0, "as many names as counted");
	}
	buf_text(out, ";");
}

/* How many services there were. */
static size_t
describe(const struct agora_parsed *parsed, struct buf *out)
{
	struct agora_walk walk = { 0 };
	struct agora_service service;
	size_t n = 0;

	for (; agora_service_next(parsed, &walk, &service); n++)
		describe_service(&service, &walk, out);
	return n;
}

static void
put_each(struct buf *content)
{
	put_head(content, EACH_COUNT);
	put_hex(content, each_service);
	sign_content(content, CERTIFICATE);
}

static void
everything(void)
{
	struct buf content = { 0 }, text = { 0 };
	struct agora_parsed p;

	put_each(&content);
	CHECK(parse_content(content.data, content.length, &p) == AGORA_OK, "parse");
	CHECK(p.version == 7 && p.complete && p.service_count == EACH_COUNT &&
		p.services_read == EACH_COUNT,
	    "counts");
	CHECK(same_text(text_from(p.app_id), APP_ID), "app id");
	CHECK(p.issue_ts == 1735689600 && p.expire == 3600 && p.salt == 12345678, "numbers");
	CHECK(memcmp(p.signature, content.data + 2, AGORA_SIGNATURE_LENGTH) == 0, "signature");
	CHECK(p.signed_info.length == content.length - 34 &&
		memcmp(p.signed_info.data, content.data + 34, content.length - 34) == 0,
	    "signed info");
	CHECK(verify(&p) == AGORA_OK, "verify");
	CHECK(describe(&p, &text) == EACH_COUNT, "services");
	CHECK(same_text(buf_view(&text), each_described), "services");
	buf_free(&content);
	buf_free(&text);
}

static void
certificates(void)
{
	static const struct {
		const char *certificate;
		enum agora_error expected;
	} cases[] = {
		{ CERTIFICATE, AGORA_OK },
		{ OTHER_CERTIFICATE, AGORA_BAD_SIGNATURE },
		{ "FEDCBA9876543210FEDCBA9876543210", AGORA_BAD_SIGNATURE },
		{ "", AGORA_BAD_CERTIFICATE },
		{ "fedcba9876543210fedcba987654321", AGORA_BAD_CERTIFICATE },
		{ "fedcba9876543210fedcba98765432100", AGORA_BAD_CERTIFICATE },
		{ "fedcba9876543210fedcba987654321g", AGORA_BAD_CERTIFICATE },
	};
	const struct agora_parsed nothing = { 0 };
	struct buf content = { 0 };
	struct agora_parsed p;

	put_each(&content);
	for (size_t i = 0; i < COUNT(cases); i++) {
		CHECK(parse_content(content.data, content.length, &p) == AGORA_OK, "parse");
		CHECK(
		    agora_token_verify(&p, cases[i].certificate, T(""), T("")) == cases[i].expected,
		    cases[i].certificate);
	}
	CHECK(agora_token_verify(&nothing, CERTIFICATE, T(""), T("")) == AGORA_BAD_SIGNATURE,
	    "nothing parsed");
	buf_free(&content);
}

static void
versions(void)
{
	static const struct {
		struct text text;
		enum agora_error expected;
		unsigned version;
	} cases[] = {
		{ TEXT(""), AGORA_EMPTY, 0 },
		{ TEXT("0"), AGORA_BAD_VERSION, 0 },
		{ TEXT("00"), AGORA_BAD_VERSION, 0 },
		{ TEXT("07"), AGORA_BAD_VERSION, 0 },
		{ TEXT("000"), AGORA_BAD_VERSION, 0 },
		{ TEXT("001"), AGORA_UNSUPPORTED_VERSION, 0 },
		{ TEXT("002abc"), AGORA_UNSUPPORTED_VERSION, 0 },
		{ TEXT("003"), AGORA_UNSUPPORTED_VERSION, 0 },
		{ TEXT("004"), AGORA_UNSUPPORTED_VERSION, 0 },
		{ TEXT("005AQAoADc0"), AGORA_UNSUPPORTED_VERSION, 0 },
		{ TEXT("006"), AGORA_TRUNCATED, 6 },
		{ TEXT("007"), AGORA_TRUNCATED, 7 },
		{ TEXT("008"), AGORA_BAD_VERSION, 0 },
		{ TEXT("00\0"), AGORA_BAD_VERSION, 0 },
		{ TEXT("105"), AGORA_BAD_VERSION, 0 },
		{ TEXT("015"), AGORA_BAD_VERSION, 0 },
		{ TEXT("107eJx"), AGORA_BAD_VERSION, 0 },
		{ TEXT("0O7eJx"), AGORA_BAD_VERSION, 0 },
		{ TEXT(" 007eJx"), AGORA_BAD_VERSION, 0 },
		{ TEXT("\n"), AGORA_BAD_VERSION, 0 },
		{ TEXT("\xef\xbb\xbf"
		       "007eJx"),
		    AGORA_BAD_VERSION, 0 },
		{ TEXT("Bearer 007eJx"), AGORA_BAD_VERSION, 0 },
		{ TEXT("eJxTYNjM"), AGORA_BAD_VERSION, 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct agora_parsed p;

		CHECK(parse(cases[i].text.data, cases[i].text.length, &p) == cases[i].expected,
		    cases[i].text.data);
		CHECK(p.version == cases[i].version, cases[i].text.data);
	}
}

static void
put_006(struct buf *out, const void *content, size_t length)
{
	buf_text(out, "006" APP_ID);
	put_base64(out, content, length);
}

static void
each_text_cut(void)
{
	struct buf content = { 0 }, content_006 = { 0 }, texts[2] = { { 0 }, { 0 } };

	put_each(&content);
	texts[0] = token_of(content.data, content.length);
	put_hex(&content_006, V006_CONTENT);
	put_006(&texts[1], content_006.data, content_006.length);
	for (size_t i = 0; i < 2; i++) {
		struct agora_parsed p;

		CHECK(parse(texts[i].data, texts[i].length, &p) == AGORA_OK, "whole");
		for (size_t n = 0; n < texts[i].length; n++) {
			char name[32];

			snprintf(name, sizeof(name), "00%zu cut at %zu", 7 - i, n);
			CHECK(parse(texts[i].data, n, &p) != AGORA_OK, name);
			describe(&p, &content);
		}
		buf_free(&texts[i]);
	}
	buf_free(&content);
	buf_free(&content_006);
}

/* What was read before the end is still there, so that a tool can show it. */
static void
each_content_cut(void)
{
	struct buf content = { 0 }, content_006 = { 0 };
	struct agora_parsed p;
	char name[32];

	put_each(&content);
	for (size_t n = 0; n < content.length; n++) {
		struct buf text = { 0 };

		snprintf(name, sizeof(name), "007 cut at %zu", n);
		CHECK(parse_content(content.data, n, &p) == AGORA_TRUNCATED, name);
		CHECK(describe(&p, &text) == p.services_read && p.services_read < EACH_COUNT, name);
		CHECK(n < HEAD_LENGTH ||
			(p.service_count == EACH_COUNT && p.app_id.length == 32 &&
			    strncmp(each_described, buf_view(&text).data, text.length) == 0),
		    name);
		CHECK(verify(&p) == AGORA_BAD_SIGNATURE, name);
		buf_free(&text);
	}
	put_hex(&content_006, V006_CONTENT);
	for (size_t n = 0; n < content_006.length; n++) {
		struct buf text = { 0 };

		snprintf(name, sizeof(name), "006 cut at %zu", n);
		put_006(&text, content_006.data, n);
		CHECK(parse(text.data, text.length, &p) == AGORA_TRUNCATED, name);
		buf_free(&text);
	}
	buf_free(&content);
	buf_free(&content_006);
}

/*
 * A changed text is refused, or does not verify; unless it was one of the bits that zlib's stream
 * does not use, and the content is the same.  The CRCs of a 006 token are not signed; they are
 * there to be compared.
 */
static bool
is_noticed(const struct buf *text, const struct buf *content)
{
	struct agora_parsed p;
	struct buf same;
	bool is_same;

	if (agora_token_parse(codec(), text->data, text->length, &p) != AGORA_OK ||
	    verify(&p) != AGORA_OK)
		return true;
	if (p.version == 6)
		return p.channel_crc != V006_CHANNEL_CRC || p.user_crc != 0;
	same = content_of(buf_view(text));
	is_same = same.length == content->length &&
	    memcmp(same.data, content->data, content->length) == 0;
	buf_free(&same);
	return is_same;
}

static void
each_bit_flipped(void)
{
	struct buf content = { 0 }, content_006 = { 0 }, texts[2] = { { 0 }, { 0 } };

	put_each(&content);
	texts[0] = token_of(content.data, content.length);
	put_hex(&content_006, V006_CONTENT);
	put_006(&texts[1], content_006.data, content_006.length);
	for (size_t i = 0; i < 2; i++) {
		for (size_t n = 0; n < 8 * texts[i].length; n++) {
			char name[32];

			snprintf(name, sizeof(name), "00%zu bit %zu", 7 - i, n);
			texts[i].data[n / 8] ^= (char)(1 << n % 8);
			CHECK(is_noticed(&texts[i], &content), name);
			texts[i].data[n / 8] ^= (char)(1 << n % 8);
		}
		buf_free(&texts[i]);
	}
	buf_free(&content);
	buf_free(&content_006);
}

/* A good token whose text ends with so many = and holds + and /. */
static struct buf
padded_token(unsigned padding)
{
	for (uint32_t salt = 1;; salt++) {
		struct buf content = { 0 }, token;
		size_t end;

		put_head(&content, 1);
		put_rtc(&content);
		memcpy(content.data + 76, &salt, sizeof(salt));
		sign_content(&content, CERTIFICATE);
		token = token_of(content.data, content.length);
		buf_free(&content);
		end = token.length;
		while (token.data[end - 1] == '=')
			end--;
		if (token.length - end == padding && memchr(token.data, '+', end) != NULL &&
		    memchr(token.data, '/', end) != NULL)
			return token;
		buf_free(&token);
	}
}

static void
spelling(void)
{
	static const struct {
		const char *name;
		unsigned padding; /* of the token */
		int at;           /* where to change it; below 0: from the end */
		size_t removed;
		struct text inserted;
		enum agora_error expected;
	} cases[] = {
		{ "as it is", 0, 0, 0, TEXT(""), AGORA_OK },
		{ "as it is, =", 1, 0, 0, TEXT(""), AGORA_OK },
		{ "as it is, ==", 2, 0, 0, TEXT(""), AGORA_OK },
		{ "without its =", 1, -1, 1, TEXT(""), AGORA_BAD_BASE64 },
		{ "without its ==", 2, -2, 2, TEXT(""), AGORA_BAD_BASE64 },
		{ "one = of two", 2, -1, 1, TEXT(""), AGORA_BAD_BASE64 },
		{ "one = too many", 0, -1, 0, TEXT("="), AGORA_BAD_BASE64 },
		{ "== for =", 1, -1, 0, TEXT("="), AGORA_BAD_BASE64 },
		{ "=== for ==", 2, -1, 0, TEXT("="), AGORA_BAD_BASE64 },
		{ "a block of =", 0, -1, 0, TEXT("===="), AGORA_BAD_BASE64 },
		{ "a block behind =", 1, -1, 1, TEXT("=AAAA"), AGORA_BAD_BASE64 },
		{ "= in the middle", 0, 10, 1, TEXT("="), AGORA_BAD_BASE64 },
		{ "one character short", 0, -1, 1, TEXT(""), AGORA_BAD_BASE64 },
		{ "a blank behind the version", 0, 3, 0, TEXT(" "), AGORA_BAD_BASE64 },
		{ "a blank within", 0, 40, 0, TEXT(" "), AGORA_BAD_BASE64 },
		{ "a line break within", 0, 40, 0, TEXT("\n"), AGORA_BAD_BASE64 },
		{ "CR LF within", 0, 40, 0, TEXT("\r\n"), AGORA_BAD_BASE64 },
		{ "a tab within", 0, 40, 0, TEXT("\t"), AGORA_BAD_BASE64 },
		{ "NUL within", 0, 40, 0, TEXT("\0"), AGORA_BAD_BASE64 },
		{ "NUL for a character", 0, 40, 1, TEXT("\0"), AGORA_BAD_BASE64 },
		{ "a blank at the end", 0, -1, 0, TEXT(" "), AGORA_BAD_BASE64 },
		{ "a line break at the end", 2, -1, 0, TEXT("\n"), AGORA_BAD_BASE64 },
		{ "NUL at the end", 1, -1, 0, TEXT("\0"), AGORA_BAD_BASE64 },
		{ "not ASCII", 0, 40, 1, TEXT("\xc3"), AGORA_BAD_BASE64 },
		{ "percent escaped", 0, 40, 1, TEXT("%2B"), AGORA_BAD_BASE64 },
		{ "four characters more", 0, -1, 0, TEXT("AAAA"), AGORA_TRAILING_DATA },
		{ "the version twice", 0, 0, 0, TEXT("007"), AGORA_BAD_BASE64 },
		{ "in quotes", 0, -1, 0, TEXT("\""), AGORA_BAD_BASE64 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf token = padded_token(cases[i].padding), text = { 0 };
		/* What is inserted at the end goes behind the last character. */
		size_t at = cases[i].at >= 0 ? (size_t)cases[i].at
		    : cases[i].removed > 0   ? token.length - (size_t)-cases[i].at
					     : token.length;
		struct agora_parsed p;

		buf_add(&text, token.data, at);
		buf_add(&text, cases[i].inserted.data, cases[i].inserted.length);
		buf_add(&text, token.data + at + cases[i].removed,
		    token.length - at - cases[i].removed);
		CHECK(parse(text.data, text.length, &p) == cases[i].expected, cases[i].name);
		buf_free(&token);
		buf_free(&text);
	}
}

/* Only one spelling of the same bytes is read: no other alphabet, no bits behind the last byte. */
static void
other_spellings(void)
{
	struct buf any = padded_token(0);
	const size_t places[] = { 3, 40, any.length - 1 };
	struct agora_parsed p;

	for (size_t i = 0; i < COUNT(places) * 256; i++) {
		char *at = any.data + places[i / 256], good = *at;

		*at = (char)(i % 256);
		/* At the end = has a meaning, and digits may leave bits behind the last byte. */
		if (memchr(ALPHABET, *at, 64) == NULL)
			CHECK(parse(any.data, any.length, &p) == AGORA_BAD_BASE64,
			    "a byte that is no digit");
		else if (i / 256 == 1)
			CHECK(parse(any.data, any.length, &p) != AGORA_BAD_BASE64, "a digit");
		*at = good;
	}
	buf_free(&any);
	for (unsigned padding = 1; padding <= 2; padding++) {
		struct buf token = padded_token(padding);
		char *last = token.data + token.length - padding - 1;
		const char *digit = strchr(ALPHABET, *last);
		char good = *last;

		for (unsigned bits = 1; bits < 1U << 2 * padding; bits++) {
			*last = digit[bits];
			CHECK(parse(token.data, token.length, &p) == AGORA_BAD_BASE64,
			    "bits behind the last byte");
		}
		*last = good;
		*(char *)memchr(token.data, '+', token.length) = '-';
		CHECK(parse(token.data, token.length, &p) == AGORA_BAD_BASE64, "- for +");
		buf_free(&token);
		token = padded_token(padding);
		*(char *)memchr(token.data, '/', token.length) = '_';
		CHECK(parse(token.data, token.length, &p) == AGORA_BAD_BASE64, "_ for /");
		buf_free(&token);
	}
}

/* The text of a token whose compressed bytes are these. */
static enum agora_error
parse_packed(const struct buf *packed, struct agora_parsed *p)
{
	struct buf text = { 0 };
	enum agora_error error;

	buf_text(&text, "007");
	put_base64(&text, packed->data, packed->length);
	error = parse(text.data, text.length, p);
	buf_free(&text);
	return error;
}

static void
compression(void)
{
	static const struct {
		const char *name;
		int level, window_bits;
		enum agora_error expected;
	} cases[] = {
		{ "stored", 0, 15, AGORA_OK },
		{ "fastest", 1, 15, AGORA_OK },
		{ "best", 9, 15, AGORA_OK },
		{ "smallest window", 6, 9, AGORA_OK },
		{ "middle window", 6, 12, AGORA_OK },
		{ "raw deflate", 6, -15, AGORA_BAD_ZLIB },
		{ "gzip", 6, 31, AGORA_BAD_ZLIB },
	};
	static const unsigned char dictionary_wanted[] = { 0x78, 0xbb, 0, 0, 0, 1, 3, 0, 0, 0, 0,
		1 };
	struct buf content = { 0 }, packed = { 0 };
	struct agora_parsed p;

	put_each(&content);
	for (size_t i = 0; i < COUNT(cases); i++) {
		packed =
		    deflated(content.data, content.length, cases[i].level, cases[i].window_bits);
		CHECK(parse_packed(&packed, &p) == cases[i].expected, cases[i].name);
		CHECK(cases[i].expected != AGORA_OK || verify(&p) == AGORA_OK, cases[i].name);
		buf_free(&packed);
	}
	packed = deflated(content.data, content.length, 6, 15);
	for (size_t n = 1; n < packed.length; n++) {
		struct buf cut = { packed.data, n, n };

		CHECK(parse_packed(&cut, &p) == AGORA_TRUNCATED, "stream cut");
	}
	packed.data[packed.length - 1] ^= 1;
	CHECK(parse_packed(&packed, &p) == AGORA_BAD_ZLIB, "checksum");
	packed.data[packed.length - 1] ^= 1;
	buf_add(&packed, "", 1);
	CHECK(parse_packed(&packed, &p) == AGORA_TRAILING_DATA, "a byte behind the stream");
	packed.length--;
	buf_add(&packed, guarded(packed.data, packed.length), packed.length);
	CHECK(parse_packed(&packed, &p) == AGORA_TRAILING_DATA, "two streams");
	buf_clear(&packed);
	buf_add(&packed, dictionary_wanted, sizeof(dictionary_wanted));
	CHECK(parse_packed(&packed, &p) == AGORA_BAD_ZLIB, "a dictionary");
	buf_free(&packed);
	buf_free(&content);
}

/* One byte of good content with one RTC service, changed. */
static void
changed_head(void)
{
	static const struct {
		const char *name;
		size_t at;
		unsigned char value;
		enum agora_error expected;
	} cases[] = {
		{ "unchanged", 0, 32, AGORA_OK },
		{ "no signature", 0, 0, AGORA_BAD_SIGNATURE },
		{ "signature of 31 bytes", 0, 31, AGORA_BAD_SIGNATURE },
		{ "signature of 33 bytes", 0, 33, AGORA_BAD_SIGNATURE },
		{ "signature longer than all", 1, 255, AGORA_TRUNCATED },
		{ "no app id", 34, 0, AGORA_BAD_APP_ID },
		{ "app id of 31 bytes", 34, 31, AGORA_BAD_APP_ID },
		{ "app id of 33 bytes", 34, 33, AGORA_BAD_APP_ID },
		{ "app id longer than all", 35, 255, AGORA_TRUNCATED },
		{ "app id not hexadecimal", 36, 'g', AGORA_BAD_APP_ID },
		{ "app id with NUL", 67, 0, AGORA_BAD_APP_ID },
		{ "no service", 80, 0, AGORA_NO_SERVICE },
		{ "a service more than there is", 80, 2, AGORA_TRUNCATED },
		{ "65281 services", 81, 255, AGORA_TRUNCATED },
		{ "more privileges than there are", 84, 2, AGORA_TRUNCATED },
		{ "65281 privileges", 85, 255, AGORA_TRUNCATED },
		{ "a longer channel", 92, 5, AGORA_TRUNCATED },
		{ "a shorter channel", 92, 3, AGORA_TRUNCATED },
		{ "a longer uid", 98, 2, AGORA_TRUNCATED },
		{ "a shorter uid", 98, 0, AGORA_TRAILING_DATA },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf content = { 0 };
		struct agora_parsed p;

		put_head(&content, 1);
		put_rtc(&content);
		content.data[cases[i].at] = (char)cases[i].value;
		if (cases[i].at > 33)
			sign_content(&content, CERTIFICATE);
		CHECK(parse_content(content.data, content.length, &p) == cases[i].expected,
		    cases[i].name);
		buf_free(&content);
	}
}

static void
services(void)
{
	static const struct {
		const char *name;
		unsigned count;
		const char *services; /* hexadecimal */
		enum agora_error expected;
		size_t read;
		int unknown; /* -1: none */
		const char *described;
	} cases[] = {
		{ "any order", 3, "0a000000 020000000000 01000000 00000000", AGORA_OK, 3, -1,
		    "10 //;2 //;1 //;" },
		{ "the same type three times", 3,
		    "05000000 0100 62 05000000 0100 61 05000000 0100 62", AGORA_OK, 3, -1,
		    "5 /b/;5 /a/;5 /b/;" },
		{ "unknown type 11", 1, "0b00", AGORA_OK, 0, 11, "" },
		{ "unknown type 0", 2, "0000 09000000", AGORA_OK, 0, 0, "" },
		{ "unknown type 65535", 1, "ffff", AGORA_OK, 0, 65535, "" },
		{ "unknown behind a known one", 2, "09000000 0b00 0000", AGORA_OK, 1, 11, "9 //;" },
		{ "unknown between known ones", 3, "09000000 0b000000 0a000000", AGORA_OK, 1, 11,
		    "9 //;" },
		{ "unknown where the rest is missing", 9, "09000000 0b00", AGORA_OK, 1, 11,
		    "9 //;" },
		{ "cut within an unknown type", 2, "09000000 0b", AGORA_TRUNCATED, 1, -1, "9 //;" },
		{ "a byte behind the last service", 1, "09000000 00", AGORA_TRAILING_DATA, 1, -1,
		    "9 //;" },
		{ "a service behind the last one", 1, "09000000 0a000000", AGORA_TRAILING_DATA, 1,
		    -1, "9 //;" },
		{ "privileges in any order", 1, "0400 0300 ffff01000000 000002000000 070003000000",
		    AGORA_OK, 1, -1, "4 // 65535=1 0=2 7=3;" },
		{ "a privilege twice", 1, "0400 0200 010001000000 010002000000",
		    AGORA_DUPLICATE_PRIVILEGE, 1, -1, "4 // 1=1 1=2;" },
		{ "privilege 65535 twice, far apart", 1,
		    "0400 0300 ffff01000000 010002000000 ffff01000000", AGORA_DUPLICATE_PRIVILEGE,
		    1, -1, "4 // 65535=1 1=2 65535=1;" },
		{ "a privilege twice, then a good service", 2,
		    "0400 0200 000001000000 000001000000 0a000000", AGORA_DUPLICATE_PRIVILEGE, 2,
		    -1, "4 // 0=1 0=1;10 //;" },
		{ "a privilege twice, then an unknown service", 2,
		    "0400 0200 000001000000 000001000000 0b00", AGORA_DUPLICATE_PRIVILEGE, 1, 11,
		    "4 // 0=1 0=1;" },
		{ "the same privilege in two services", 2,
		    "0400 0100 010001000000 0400 0100 010001000000", AGORA_OK, 2, -1,
		    "4 // 1=1;4 // 1=1;" },
		{ "privileges 1 and 257", 1, "0400 0200 010001000000 010101000000", AGORA_OK, 1, -1,
		    "4 // 1=1 257=1;" },
		{ "no permissions", 1, "0800 0000 0000 0000", AGORA_OK, 1, -1, "8 //;" },
		{ "resources without permissions", 1, "0800 0000 0000 0200 01000000 02000000",
		    AGORA_OK, 1, -1, "8 //;" },
		{ "permissions in any order, and twice", 1,
		    "0800 0000 0000 0200 0900 0200 0100 0000 0000 0100 0100 61 "
		    "0100 0100 0000 0100 0000",
		    AGORA_OK, 1, -1, "8 // 9.1 9.0:a 1.0:;" },
		{ "names with NUL and no UTF-8", 1, "0200 0000 0300 61 00 ff", AGORA_OK, 1, -1,
		    NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf content = { 0 }, text = { 0 };
		struct agora_parsed p;

		put_head(&content, cases[i].count);
		put_hex(&content, cases[i].services);
		sign_content(&content, CERTIFICATE);
		CHECK(parse_content(content.data, content.length, &p) == cases[i].expected,
		    cases[i].name);
		CHECK(p.services_read == cases[i].read && p.service_count == cases[i].count,
		    cases[i].name);
		CHECK(p.complete == (cases[i].unknown < 0), cases[i].name);
		CHECK(cases[i].unknown < 0 || p.first_unknown_type == cases[i].unknown,
		    cases[i].name);
		/* Whatever they hold, the bytes were signed. */
		CHECK(verify(&p) == AGORA_OK, cases[i].name);
		CHECK(describe(&p, &text) == cases[i].read, cases[i].name);
		if (cases[i].described != NULL)
			CHECK(same_text(buf_view(&text), cases[i].described), cases[i].name);
		buf_free(&content);
		buf_free(&text);
	}
}

static void
unsigned_end(void)
{
	struct buf content = { 0 };
	struct agora_parsed p;

	put_each(&content);
	buf_add(&content, "", 1);
	CHECK(parse_content(content.data, content.length, &p) == AGORA_TRAILING_DATA, "one byte");
	CHECK(verify(&p) == AGORA_BAD_SIGNATURE, "one byte");
	/* cpp, whose lengths are of 16 bits, takes this one for signed. */
	memset(buf_reserve(&content, 65535), 0, 65535);
	content.length += 65535;
	CHECK(parse_content(content.data, content.length, &p) == AGORA_TOO_LARGE, "65536 bytes");
	buf_free(&content);
}

/* Content of one RTM service, as long as wanted. */
static void
put_sized(struct buf *content, size_t length)
{
	size_t user = length - HEAD_LENGTH - 6;

	put_head(content, 1);
	put_hex(content, "0200 0000");
	put_16(content, (unsigned)user);
	memset(buf_reserve(content, user), 'u', user);
	content->length += user;
	sign_content(content, CERTIFICATE);
}

static void
content_limit(void)
{
	static const struct {
		const char *name;
		size_t length;
		enum agora_error expected;
	} cases[] = {
		{ "one byte below", AGORA_CONTENT_MAX - 1, AGORA_OK },
		{ "as much as may be", AGORA_CONTENT_MAX, AGORA_OK },
		{ "one byte above", AGORA_CONTENT_MAX + 1, AGORA_TOO_LARGE },
		{ "a string of 65535 bytes", HEAD_LENGTH + 6 + AGORA_STRING_MAX, AGORA_TOO_LARGE },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf content = { 0 };
		struct agora_parsed p;

		put_sized(&content, cases[i].length);
		CHECK(parse_content(content.data, content.length, &p) == cases[i].expected,
		    cases[i].name);
		CHECK(
		    verify(&p) == (cases[i].expected == AGORA_OK ? AGORA_OK : AGORA_BAD_SIGNATURE),
		    cases[i].name);
		buf_free(&content);
	}
}

/* Stored, so that the text is as long as wanted: 3 + 4 n characters. */
static void
text_limit(void)
{
	static const struct {
		const char *name;
		size_t content; /* stored in one block: 11 bytes more */
		size_t text;
		enum agora_error expected;
	} cases[] = {
		{ "as long as may be", 12274, AGORA_TOKEN_MAX - 1, AGORA_OK },
		{ "one block above", 12275, AGORA_TOKEN_MAX + 3, AGORA_TOO_LARGE },
		{ "four times that", 49000, 65351, AGORA_TOO_LARGE },
	};
	struct agora_parsed p;
	struct buf text = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf content = { 0 }, packed;

		put_sized(&content, cases[i].content);
		packed = deflated(content.data, content.length, 0, 15);
		buf_clear(&text);
		buf_text(&text, "007");
		put_base64(&text, packed.data, packed.length);
		CHECK(text.length == cases[i].text, cases[i].name);
		CHECK(parse(text.data, text.length, &p) == cases[i].expected, cases[i].name);
		buf_free(&content);
		buf_free(&packed);
	}
	for (unsigned version = 6; version <= 7; version++) {
		buf_clear(&text);
		buf_printf(&text, "00%u" APP_ID, version);
		while (text.length < AGORA_TOKEN_MAX)
			buf_text(&text, "A");
		CHECK(parse(text.data, text.length, &p) != AGORA_TOO_LARGE, "16384 characters");
		CHECK(p.version == version, "16384 characters");
		buf_text(&text, "A");
		CHECK(parse(text.data, text.length, &p) == AGORA_TOO_LARGE, "16385 characters");
		CHECK(p.version == version, "16385 characters");
	}
	buf_free(&text);
}

static void
many(void)
{
	static const struct {
		const char *name, *item;
		size_t count;
	} cases[] = {
		{ "services", "09000000", (AGORA_CONTENT_MAX - HEAD_LENGTH) / 4 },
		{ "privileges", "000001000000", 5000 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t count = cases[i].count;
		struct buf content = { 0 }, text = { 0 };
		struct agora_parsed p;

		put_head(&content, i == 0 ? (unsigned)count : 1);
		if (i == 1) {
			put_16(&content, AGORA_STT);
			put_16(&content, (unsigned)count);
		}
		for (size_t n = 0; n < count; n++) {
			put_hex(&content, cases[i].item);
			if (i == 1) /* each its own number */
				memcpy(content.data + content.length - 6,
				    &(uint16_t){ (uint16_t)n }, 2);
		}
		CHECK(parse_content(content.data, content.length, &p) == AGORA_OK, cases[i].name);
		CHECK(describe(&p, &text) == (i == 0 ? count : 1), cases[i].name);
		CHECK(text.length > count, cases[i].name);
		buf_free(&content);
		buf_free(&text);
	}
}

/* The walks by themselves, over bytes cut anywhere and ending at an unreadable page. */
static void
walks_of_cut_bytes(void)
{
	struct buf bytes = { 0 }, out = { 0 };

	put_hex(&bytes, each_service);
	for (size_t n = 0; n <= bytes.length; n++) {
		const struct agora_parsed p = { .version = 7,
			.services_read = UINT16_MAX,
			.services = { guarded(bytes.data, n), n } };
		const struct agora_walk walk = { .privileges = p.services,
			.permissions = p.services };
		struct agora_text names = p.services, name;
		struct agora_permission_cursor cursor = { 0 };
		struct agora_text privileges = walk.privileges;
		struct agora_privilege privilege;
		uint16_t resource, permission;
		size_t count;

		CHECK(describe(&p, &out) <= EACH_COUNT, "services");
		while (agora_privilege_next(&privileges, &privilege))
			continue;
		CHECK(privileges.length < 6, "privileges");
		while (agora_name_next(&names, &name))
			CHECK(name.data + name.length <= p.services.data + n, "names");
		while (agora_permission_next(
		    walk.permissions, &cursor, &resource, &permission, &names, &count))
			CHECK(names.data + names.length <= p.services.data + n, "permissions");
		buf_clear(&out);
	}
	buf_free(&bytes);
	buf_free(&out);
}

static void
nothing_to_walk(void)
{
	const struct agora_text nothing[] = { { NULL, 0 }, { "", 0 } };

	for (size_t i = 0; i < COUNT(nothing); i++) {
		const struct agora_parsed p = { .services = nothing[i], .services_read = 1 };
		struct agora_walk walk = { 0 };
		struct agora_service service;
		struct agora_text text = nothing[i], name;
		struct agora_privilege privilege;
		struct agora_permission_cursor cursor = { 0 };
		uint16_t resource, permission;
		size_t count;

		CHECK(!agora_service_next(&p, &walk, &service), "service");
		CHECK(!agora_privilege_next(&text, &privilege), "privilege");
		CHECK(!agora_name_next(&text, &name), "name");
		CHECK(!agora_permission_next(text, &cursor, &resource, &permission, &name, &count),
		    "permission");
	}
}

static void
version_006(void)
{
	static const struct {
		const char *name;
		size_t at; /* the byte to change */
		unsigned char value;
		enum agora_error expected;
	} cases[] = {
		{ "unchanged", 0, 32, AGORA_OK },
		{ "signature of 31 bytes", 0, 31, AGORA_BAD_SIGNATURE },
		{ "signature longer than all", 1, 255, AGORA_TRUNCATED },
		{ "message shorter by one", 42, 0x21, AGORA_TRUNCATED },
		{ "message longer by one", 42, 0x23, AGORA_TRUNCATED },
		{ "message without its numbers", 42, 7, AGORA_TRUNCATED },
		{ "a privilege more", 52, 5, AGORA_TRUNCATED },
		{ "a privilege less", 52, 3, AGORA_TRAILING_DATA },
		{ "a privilege twice", 60, 1, AGORA_DUPLICATE_PRIVILEGE },
	};
	struct buf content = { 0 }, text = { 0 };
	struct agora_parsed p;
	struct agora_privilege privilege;

	put_hex(&content, V006_CONTENT);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char good = content.data[cases[i].at];

		content.data[cases[i].at] = (char)cases[i].value;
		buf_clear(&text);
		put_006(&text, content.data, content.length);
		content.data[cases[i].at] = good;
		CHECK(parse(text.data, text.length, &p) == cases[i].expected, cases[i].name);
	}
	/* A byte behind the message, and then at its end. */
	buf_add(&content, "", 1);
	for (size_t i = 0; i < 2; i++) {
		buf_clear(&text);
		put_006(&text, content.data, content.length);
		CHECK(parse(text.data, text.length, &p) == AGORA_TRAILING_DATA, "a byte more");
		content.data[42]++;
	}
	content.data[42] = (char)(content.data[42] - 2);
	content.length--;

	buf_clear(&text);
	put_006(&text, content.data, content.length);
	CHECK(parse(text.data, text.length, &p) == AGORA_OK, "good");
	CHECK(p.version == 6 && p.complete && p.salt == 777 && p.ts == 1735776000 &&
		p.channel_crc == V006_CHANNEL_CRC && p.user_crc == 0,
	    "numbers");
	CHECK(same_text(text_from(p.app_id), APP_ID), "app id");
	for (uint16_t id = 1; agora_privilege_next(&p.privileges, &privilege); id++)
		CHECK(privilege.id == id && privilege.expire == 1735693200, "privileges");
	CHECK(agora_service_next(&p, &(struct agora_walk){ 0 }, &(struct agora_service){ 0 }) ==
		false,
	    "it has no services");
	text.data[3] = 'g';
	CHECK(parse(text.data, text.length, &p) == AGORA_BAD_APP_ID, "app id not hexadecimal");
	text.data[3] = '0';
	buf_text(&text, "\n");
	CHECK(parse(text.data, text.length, &p) == AGORA_BAD_BASE64, "a line break at the end");
	CHECK(parse(text.data, 3 + AGORA_APP_ID_LENGTH, &p) == AGORA_TRUNCATED, "no content");
	CHECK(parse(text.data, 3 + AGORA_APP_ID_LENGTH - 1, &p) == AGORA_TRUNCATED, "no app id");
	buf_free(&content);
	buf_free(&text);
}

static void
version_006_signature(void)
{
	static const struct {
		const char *name, *certificate, *channel, *user;
		enum agora_error expected;
	} cases[] = {
		{ "right", CERTIFICATE, "demo", "", AGORA_OK },
		{ "another channel", CERTIFICATE, "Demo", "", AGORA_BAD_SIGNATURE },
		{ "no channel", CERTIFICATE, "", "", AGORA_BAD_SIGNATURE },
		{ "another user", CERTIFICATE, "demo", "0", AGORA_BAD_SIGNATURE },
		/* The signature is over the names run together; the CRCs tell them apart. */
		{ "channel and user divided otherwise", CERTIFICATE, "de", "mo", AGORA_OK },
		{ "another certificate", OTHER_CERTIFICATE, "demo", "", AGORA_BAD_SIGNATURE },
		{ "no certificate", "", "demo", "", AGORA_BAD_CERTIFICATE },
	};
	struct buf content = { 0 }, text = { 0 };

	put_hex(&content, V006_CONTENT);
	put_006(&text, content.data, content.length);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct agora_parsed p;

		CHECK(parse(text.data, text.length, &p) == AGORA_OK, cases[i].name);
		CHECK(agora_token_verify(&p, cases[i].certificate, agora_text_of(cases[i].channel),
			  agora_text_of(cases[i].user)) == cases[i].expected,
		    cases[i].name);
	}
	buf_free(&content);
	buf_free(&text);
}

CU_TestInfo token_parse_tests[] = {
	{ "everything", everything },
	{ "certificates", certificates },
	{ "versions", versions },
	{ "each text cut", each_text_cut },
	{ "each content cut", each_content_cut },
	{ "each bit flipped", each_bit_flipped },
	{ "spelling", spelling },
	{ "other spellings", other_spellings },
	{ "compression", compression },
	{ "changed head", changed_head },
	{ "services", services },
	{ "unsigned end", unsigned_end },
	{ "content limit", content_limit },
	{ "text limit", text_limit },
	{ "many", many },
	{ "walks of cut bytes", walks_of_cut_bytes },
	{ "nothing to walk", nothing_to_walk },
	{ "version 006", version_006 },
	{ "signature of 006", version_006_signature },
	CU_TEST_INFO_NULL,
};
