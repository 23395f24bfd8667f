#include "agoratoken.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *
agora_error_code(enum agora_error error)
{
	switch (error) {
	case AGORA_OK: return "ok";
	case AGORA_EMPTY: return "empty";
	case AGORA_BAD_VERSION: return "bad_version";
	case AGORA_UNSUPPORTED_VERSION: return "unsupported_version";
	case AGORA_BAD_BASE64: return "bad_base64";
	case AGORA_BAD_ZLIB: return "bad_zlib";
	case AGORA_TRUNCATED: return "truncated";
	case AGORA_TRAILING_DATA: return "trailing_data";
	case AGORA_TOO_LARGE: return "too_large";
	case AGORA_BAD_APP_ID: return "bad_app_id";
	case AGORA_BAD_CERTIFICATE: return "bad_certificate";
	case AGORA_BAD_SIGNATURE: return "bad_signature";
	case AGORA_NO_SERVICE: return "no_services";
	case AGORA_UNKNOWN_SERVICE: return "unknown_service";
	case AGORA_DUPLICATE_PRIVILEGE: return "duplicate_privilege";
	}
	return "unknown";
}

const char *
agora_error_message(enum agora_error error)
{
	switch (error) {
	case AGORA_OK: return "no error";
	case AGORA_EMPTY: return "the token is empty";
	case AGORA_BAD_VERSION: return "the token does not begin with 007";
	case AGORA_UNSUPPORTED_VERSION:
		return "the token is of an old version; Agora wants 007 now";
	case AGORA_BAD_BASE64:
		return "the token is not base64: a character was changed, added or lost";
	case AGORA_BAD_ZLIB: return "the token's compressed content is damaged";
	case AGORA_TRUNCATED: return "the token is cut short";
	case AGORA_TRAILING_DATA: return "there are bytes after the token's end";
	case AGORA_TOO_LARGE:
		return "the token is too large: 16384 bytes of text and 65536 of content at most";
	case AGORA_BAD_APP_ID: return "the App ID is not 32 hexadecimal digits";
	case AGORA_BAD_CERTIFICATE: return "the App Certificate is not 32 hexadecimal digits";
	case AGORA_BAD_SIGNATURE:
		return "the signature does not match: signed with another App Certificate, or "
		       "changed";
	case AGORA_NO_SERVICE: return "the token holds no service";
	case AGORA_UNKNOWN_SERVICE: return "the service type is not known";
	case AGORA_DUPLICATE_PRIVILEGE: return "a service names the same privilege twice";
	}
	return "unknown error";
}

const char *
agora_service_name(uint16_t type)
{
	static const char *const names[] = { [AGORA_RTC] = "RTC",
		[AGORA_RTM] = "RTM",
		[AGORA_STREAMING] = "Streaming",
		[AGORA_FPA] = "FPA",
		[AGORA_CHAT] = "Chat",
		[AGORA_FCDN] = "FCDN",
		[AGORA_APAAS] = "APaaS",
		[AGORA_RTM2] = "RTM2",
		[AGORA_CONVOAI] = "ConvoAI",
		[AGORA_STT] = "STT" };

	return type < COUNT(names) ? names[type] : NULL;
}

const char *
agora_privilege_name(uint16_t type, uint16_t id)
{
	static const char *const names[][5] = {
		[AGORA_RTC] = { NULL, "joinChannel", "publishAudioStream", "publishVideoStream",
		    "publishDataStream" },
		[AGORA_RTM] = { NULL, "login" },
		[AGORA_STREAMING] = { NULL, "publishMixStream", "publishRawStream" },
		[AGORA_FPA] = { NULL, "login" },
		[AGORA_CHAT] = { NULL, "user", "app" },
		[AGORA_FCDN] = { NULL, "publish", "play" },
		[AGORA_APAAS] = { NULL, "roomUser", "user", "app" },
		[AGORA_RTM2] = { NULL, "login" },
	};

	return type < COUNT(names) && id < COUNT(names[0]) ? names[type][id] : NULL;
}

const char *
agora_privilege_name_006(uint16_t id)
{
	return id == 1000 ? "rtmLogin" : agora_privilege_name(AGORA_RTC, id);
}
