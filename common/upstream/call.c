#include "json.h"
#include "upstream.h"

#define AT(member) offsetof(struct upstream_settings, member)
#define SECONDS(name, member, most, usual, text)                                                   \
	{                                                                                          \
		name, FIELD_INT, 0, AT(member), 1, most, "seconds", .fallback = usual,             \
								    .meaning = text                \
	}

static const struct field settings_fields[] = {
	{ "AGORA_BASE_URL", FIELD_TEXT, 0, AT(base_url),
	    .meaning =
		"turns on Agora's REST services; one of Agora's hosts means its whole area" },
	{ "AGORA_AREA", FIELD_TEXT, 0, AT(area), .meaning = "US, EU, AP or CN; unset = global" },
	{ "CUSTOMER_ID", FIELD_TEXT, FIELD_FILE, AT(customer_id),
	    .meaning = "customer id for Agora's REST API" },
	{ "CUSTOMER_SECRET", FIELD_TEXT, FIELD_FILE | FIELD_SECRET, AT(customer_secret),
	    .meaning = "its secret" },
	{ "AGORA_PROXY", FIELD_TEXT, 0, AT(proxy), .meaning = "HTTP proxy for calls to Agora" },
	{ "AGORA_CA_FILE", FIELD_TEXT, 0, AT(ca_file),
	    .meaning = "certificates to trust instead of the system's" },
	{ "AGORA_CONNECT_TO", FIELD_TEXT, 0, AT(connect_to),
	    .meaning = "host:port:host:port, list with commas: where to connect instead" },
	{ "MAX_CALLS", FIELD_INT, 0, AT(max_calls), 1, 65536, .fallback = 500,
	    .meaning = "calls to Agora at once; more get 503" },
	SECONDS("CONNECT_TIMEOUT", connect_timeout, 60, 3, "to connect to a host of Agora"),
	SECONDS("TRY_TIMEOUT", try_timeout, 120, 8, "for one try of a call"),
	SECONDS("CALL_TIMEOUT", call_timeout, 300, 25, "for a call with all its tries"),
};

const struct table upstream_settings_table = TEXT_TABLE(settings_fields, struct upstream_settings);

static void
base64(struct text text, struct buf *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < text.length; i += 3) {
		uint32_t bits = 0;

		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 |
			    (i + j < text.length ? (unsigned char)text.data[i + j] : 0U);
		for (size_t j = 0; j < 4; j++)
			buf_add(
			    out, i + j > text.length ? "=" : &digits[bits >> (18 - 6 * j) & 63], 1);
	}
}

void
credentials_make(struct credentials *c, struct text id, struct text secret)
{
	static const char scheme[] = "Basic ";
	struct buf both = { 0 };

	*c = (struct credentials){ .id = id, .secret = secret };
	buf_add(&both, id.data, id.length);
	buf_text(&both, ":");
	buf_add(&both, secret.data, secret.length);
	buf_text(&c->basic, scheme);
	base64(buf_view(&both), &c->basic);
	buf_wipe(&both);
	buf_free(&both);
	lock_secret(buf_view(&c->basic));
	c->secrets[0] = secret;
	c->secrets[1] = (struct text){ c->basic.data + sizeof(scheme) - 1,
		c->basic.length - (sizeof(scheme) - 1) };
}

void
credentials_wipe(struct credentials *c)
{
	buf_wipe(&c->basic);
	buf_free(&c->basic);
	*c = (struct credentials){ 0 };
}

/*
 * A name in some old encoding must not make what was started unknown: its ids are in the same
 * answer.
 */
void
call_read(struct call *call)
{
	struct json_error error;
	struct buf mended = { 0 };

	json_object_put(call->json);
	call->json = NULL;
	if (call->answer.length == 0)
		return;
	call->json = json_read(buf_view(&call->answer), 0, &error);
	if (error.problem != JSON_UTF8 || text_is_utf8(buf_view(&call->answer)))
		return;
	buf_utf8(&mended, buf_view(&call->answer));
	call->json = json_read(buf_view(&mended), 0, &error);
	buf_wipe(&mended);
	buf_free(&mended);
}

void
call_free(struct call *call)
{
	json_object_put(call->json);
	call->json = NULL;
	buf_wipe(&call->answer);
	buf_free(&call->answer);
	room_hold(call->room, &call->held, 0);
}
