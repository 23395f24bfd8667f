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

void
call_free(struct call *call)
{
	json_object_put(call->json);
	call->json = NULL;
	buf_wipe(&call->answer);
	buf_free(&call->answer);
}
