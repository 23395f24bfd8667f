#include "body.h"

#define SEND_JSON "; send a JSON object, in UTF-8, with Content-Type: application/json"

struct text
body_text(struct text body)
{
	if (body.length >= 3 && memcmp(body.data, "\xef\xbb\xbf", 3) == 0)
		return (struct text){ body.data + 3, body.length - 3 };
	return body;
}

static bool
begins(struct text text, const char *bytes, size_t length)
{
	return text.length >= length && memcmp(text.data, bytes, length) == 0;
}

static bool
begins_nocase(struct text text, const char *word)
{
	const size_t length = strlen(word);

	return text.length >= length && text_is_nocase((struct text){ text.data, length }, word);
}

static bool
holds(struct text text, const char *word)
{
	return memmem(text.data, text.length, word, strlen(word)) != NULL;
}

/* Under CGI a variable without HTTP_; nginx passes the header on as any other. */
static struct text
header(const struct request *request, const char *cgi, const char *fastcgi)
{
	const struct text value = request_param(request, cgi);

	return value.length > 0 ? value : request_param(request, fastcgi);
}

#define BYTES(literal) "" literal, sizeof(literal) - 1

/* What the first bytes say, in this order: the marks of UTF-32 begin as one of UTF-16 does. */
static const struct {
	const char *bytes;
	size_t length;
	const char *rule;
} signatures[] = {
	{ BYTES("\x1f\x8b"), "the body is compressed with gzip" SEND_JSON ", not compressed" },
	{ BYTES("\x28\xb5\x2f\xfd"),
	    "the body is compressed with zstd" SEND_JSON ", not compressed" },
	{ BYTES("\x78\x01"), "the body is compressed (deflate)" SEND_JSON ", not compressed" },
	{ BYTES("\x78\x5e"), "the body is compressed (deflate)" SEND_JSON ", not compressed" },
	{ BYTES("\x78\x9c"), "the body is compressed (deflate)" SEND_JSON ", not compressed" },
	{ BYTES("\x78\xda"), "the body is compressed (deflate)" SEND_JSON ", not compressed" },
	{ BYTES("PK\x03\x04"), "the body is a ZIP archive" SEND_JSON },
	{ BYTES("BZh"), "the body is compressed with bzip2" SEND_JSON ", not compressed" },
	{ BYTES("\xff\xfe\0\0"), "the body is text in UTF-32" SEND_JSON },
	{ BYTES("\0\0\xfe\xff"), "the body is text in UTF-32" SEND_JSON },
	{ BYTES("\xff\xfe"), "the body is text in UTF-16, as PowerShell's > writes it" SEND_JSON },
	{ BYTES("\xfe\xff"), "the body is text in UTF-16" SEND_JSON },
};

/* Text of two or four bytes a letter, without a mark: its first letter is ASCII, and has zeros. */
static const char *
wide_text(struct text body)
{
	const char *p = body.data;

	if (body.length >= 4 &&
	    ((p[0] == 0 && p[1] == 0 && p[2] == 0 && p[3] != 0) ||
		(p[0] != 0 && p[1] == 0 && p[2] == 0 && p[3] == 0)))
		return "the body is text in UTF-32" SEND_JSON;
	if (body.length >= 2 && body.length % 2 == 0 && (p[0] == 0) != (p[1] == 0))
		return "the body is text in UTF-16, as PowerShell's > writes it" SEND_JSON;
	return NULL;
}

/* Letters, digits and what URLs leave as it is, with at least one = before any other byte. */
static bool
is_form(struct text body)
{
	bool has_name = false;

	for (size_t i = 0; i < body.length; i++) {
		const char c = body.data[i];

		if (c == '=')
			return has_name;
		if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') &&
		    memchr("%+-._*~[]", c, 9) == NULL)
			return false;
		has_name = true;
	}
	return false;
}

static struct text
skip_space(struct text body)
{
	while (body.length > 0 && memchr(" \t\r\n", body.data[0], 4) != NULL)
		body = (struct text){ body.data + 1, body.length - 1 };
	return body;
}

static bool
is_binary(struct text body)
{
	for (size_t i = 0; i < body.length && i < 64; i++)
		if ((unsigned char)body.data[i] < ' ' && memchr("\t\r\n", body.data[i], 3) == NULL)
			return true;
	return !text_is_utf8(body);
}

/* Why the headers say that the bytes are not JSON. */
static const char *
by_headers(const struct request *request)
{
	const struct text encoding = request_param(request, "HTTP_CONTENT_ENCODING");
	const struct text type = header(request, "CONTENT_TYPE", "HTTP_CONTENT_TYPE");

	if (encoding.length > 0 && !text_is_nocase(encoding, "identity") &&
	    !begins_nocase(encoding, "utf"))
		return "the body has a Content-Encoding, which this server does not take" SEND_JSON;
	if (begins_nocase(type, "multipart/"))
		return "the body is a multipart form" SEND_JSON;
	if (begins_nocase(type, "application/x-www-form-urlencoded"))
		return "the body is a form (application/x-www-form-urlencoded)" SEND_JSON;
	return NULL;
}

/* What a program or a shell made of JSON on its way. */
static const char *
spoiled_json(struct text body)
{
	const struct text rest = skip_space((struct text){ body.data + 1, body.length - 1 });

	if (begins(body, BYTES("[object ")))
		return "the body is the text [object Object]: make JSON of the object first, as "
		       "JSON.stringify does";
	if (body.data[0] == '\'')
		return "the body begins with a single quote: on Windows put \"double quotes\" "
		       "around "
		       "it and a \\ before those within, or send a file";
	if (body.data[0] == '@')
		return "the body is the name of a file, not its content; curl reads a file with -d "
		       "@name or --data-binary @name";
	if (body.data[0] == '{' && rest.length > 0 && rest.data[0] == '\'')
		return "the body has single quotes; JSON has double quotes around names and texts";
	if (body.data[0] == '{' && rest.length > 0 &&
	    ((rest.data[0] >= 'a' && rest.data[0] <= 'z') ||
		(rest.data[0] >= 'A' && rest.data[0] <= 'Z')))
		return "the body has a name without double quotes, which JSON wants; some shells "
		       "take them away";
	return NULL;
}

struct body_kind
body_kind_of(const struct request *request)
{
	const struct text body = skip_space(body_text(request->body));
	struct body_kind kind = { ERROR_UNSUPPORTED_BODY, NULL };

	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
		if (begins(body, signatures[i].bytes, signatures[i].length)) {
			kind.rule = signatures[i].rule;
			return kind;
		}
	kind.rule = wide_text(request->body);
	if (kind.rule != NULL || body.length == 0)
		return kind;
	if (begins(body, "--", 2) && holds(body, "Content-Disposition:"))
		kind.rule = "the body is a multipart form" SEND_JSON;
	else if (body.data[0] == '<')
		kind.rule = "the body is XML or HTML" SEND_JSON;
	else if (begins_nocase(body, "%7b") || is_form(body))
		kind.rule = "the body is a form (application/x-www-form-urlencoded)" SEND_JSON;
	if (kind.rule != NULL)
		return kind;
	kind = (struct body_kind){ ERROR_BAD_BODY, spoiled_json(body) };
	/* What begins as JSON does is JSON with a mistake, whatever its headers say. */
	if (kind.rule != NULL || memchr("{[\"", body.data[0], 3) != NULL)
		return kind;
	kind = (struct body_kind){ ERROR_UNSUPPORTED_BODY, by_headers(request) };
	if (kind.rule == NULL && is_binary(body))
		kind.rule = "the body is not text" SEND_JSON;
	return kind;
}
