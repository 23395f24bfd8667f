#include "service_settings.h"
#include "log.h"

static const struct choice levels[] = { { "error", LOG_LEVEL_ERROR },
	{ "warning", LOG_LEVEL_WARNING }, { "info", LOG_LEVEL_INFO }, { "debug", LOG_LEVEL_DEBUG },
	{ NULL, 0 } };

static const struct choice formats[] = { { "text", LOG_FORMAT_TEXT },
	{ "logfmt", LOG_FORMAT_LOGFMT }, { "json", LOG_FORMAT_JSON }, { NULL, 0 } };

static const struct choice modes[] = { { "0600", 0600 }, { "0660", 0660 }, { "0666", 0666 },
	{ NULL, 0 } };

#define AT(member) offsetof(struct service_settings, member)
#define SECONDS(name, member, most, usual, text)                                                   \
	{                                                                                          \
		name, FIELD_INT, 0, AT(member), 1, most, "seconds", .fallback = usual,             \
								    .meaning = text                \
	}

static const struct field settings_fields[] = {
	{ "SOCKET_MODE", FIELD_CHOICE, 0, AT(socket_mode), .choices = modes, .fallback = 0660,
	    .meaning = "mode of a Unix socket: 0600, 0660 or 0666" },
	{ "SOCKET_GROUP", FIELD_TEXT, 0, AT(socket_group),
	    .meaning = "group of a Unix socket, the web server's; unset = that of the program" },
	{ "MAX_CONNECTIONS", FIELD_INT, 0, AT(max_connections), 8, 65536, .fallback = 1024,
	    .meaning = "connections from the web server at once" },
	{ "MAX_WAITING", FIELD_INT, 0, AT(max_waiting), 1, 65536, .fallback = 1000,
	    .meaning = "requests at once that wait for Agora; more get 503" },
	{ "WAITING_BYTES", FIELD_INT, FIELD_SIZE, AT(waiting_bytes), 1048576, INT64_C(1) << 40,
	    "bytes", .fallback = 67108864,
	    .meaning = "bytes that those requests hold; more get 503; may end with K, M or G" },
	{ "MAX_PARAMS", FIELD_INT, 0, AT(max_params), 4096, 1048576, "bytes", .fallback = 131072,
	    .meaning = "most bytes of a request's headers and variables; more get 431" },
	SECONDS("REQUEST_TIMEOUT", request_timeout, 3600, 15,
	    "for a request to arrive from the web server"),
	SECONDS("ANSWER_TIMEOUT", answer_timeout, 3600, 15,
	    "for the web server to take a part of an answer"),
	SECONDS(
	    "WAIT_TIMEOUT", wait_timeout, 3600, 30, "for an answer that waits for Agora; then 504"),
	SECONDS("DRAIN_TIMEOUT", drain_timeout, 3600, 35,
	    "for requests under way to end when the service stops or reloads"),
	SECONDS("WORKER_TIMEOUT", worker_timeout, 3600, 20,
	    "without a sign of life after which the worker is replaced"),
	{ "SANDBOX", FIELD_BOOL, 0, AT(sandbox), .fallback = true,
	    .meaning =
		"true: the worker gives up what it does not need, as far as the kernel can" },
	{ "LOG_FILE", FIELD_TEXT, 0, AT(log_file),
	    .meaning = "file for the log, opened anew on SIGUSR1; unset = standard error" },
	{ "AGORA_FCGI", FIELD_TEXT, 0, AT(full_program),
	    .meaning =
		"for agora.cgi: the agora-fcgi that it hands calls, and fetching keys, over to" },
	{ "LOG_LEVEL", FIELD_CHOICE, 0, AT(log_level), .choices = levels,
	    .fallback = LOG_LEVEL_INFO, .meaning = "error, warning, info (each request) or debug" },
	{ "LOG_FORMAT", FIELD_CHOICE, 0, AT(log_format), .choices = formats,
	    .fallback = LOG_FORMAT_TEXT, .meaning = "text, logfmt or json" },
};

const struct table service_settings_table = TEXT_TABLE(settings_fields, struct service_settings);
