/*
 * agoratoken.h - Agora access tokens: build, parse, verify.
 *
 * AccessToken2 (version 007) in full, and version 006 for reading.  The library has no clock, no
 * randomness, no log and no global state: issue time and salt come from the caller, so equal
 * arguments give equal tokens.  libsodium's sodium_init() is not needed before it.
 *
 * Times are Unix seconds where they are absolute (issue_ts) and seconds after issue_ts where they
 * are lifetimes (expire).  Byte strings are struct agora_text: not terminated, any byte allowed.
 *
 * Threads: a codec, and every view made with it, belongs to one thread at a time.  Functions
 * without a codec argument are pure.
 */
#ifndef AGORATOKEN_H
#define AGORATOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define AGORA_NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#define AGORA_CHECK_RESULT __attribute__((warn_unused_result))
#else
#define AGORA_NONNULL(...)
#define AGORA_CHECK_RESULT
#endif

#define AGORA_APP_ID_LENGTH 32 /* hexadecimal digits, either case, kept as given */
#define AGORA_CERTIFICATE_LENGTH                                                                   \
	32                        /* likewise; the ASCII text itself is the key, so case matters */
#define AGORA_SIGNATURE_LENGTH 32 /* bytes */
#define AGORA_TOKEN_MAX 16384     /* longest token text built or read, in bytes */
#define AGORA_CONTENT_MAX 65536   /* longest uncompressed content built or read, in bytes */
#define AGORA_STRING_MAX 65535    /* longest string in a token, in bytes */
#define AGORA_EXPIRE_MAX 86400    /* what Agora's service honours, in seconds; not enforced here */

enum agora_error {
	AGORA_OK = 0,
	AGORA_EMPTY,               /* no bytes at all */
	AGORA_BAD_VERSION,         /* does not begin with 007 or 006 */
	AGORA_UNSUPPORTED_VERSION, /* one of Agora's older versions, 001 to 005 */
	AGORA_BAD_BASE64,          /* strict: standard alphabet, padded, no blanks, canonical */
	AGORA_BAD_ZLIB,            /* not one whole zlib stream */
	AGORA_TRUNCATED,           /* ends before its own lengths say */
	AGORA_TRAILING_DATA,       /* bytes after the zlib stream, or after the last service */
	AGORA_TOO_LARGE,       /* beyond AGORA_TOKEN_MAX, AGORA_CONTENT_MAX or AGORA_STRING_MAX */
	AGORA_BAD_APP_ID,      /* not 32 hexadecimal digits */
	AGORA_BAD_CERTIFICATE, /* not 32 hexadecimal digits */
	AGORA_BAD_SIGNATURE,   /* another certificate signed it, or it was changed */
	AGORA_NO_SERVICE,      /* a token needs at least one service */
	AGORA_UNKNOWN_SERVICE, /* a service type outside enum agora_service_type */
	AGORA_DUPLICATE_PRIVILEGE, /* one privilege twice in a service: Agora's parsers disagree */
};

/* The error's short name, for programs: "bad_base64".  Static text, never NULL. */
const char *agora_error_code(enum agora_error error);
/* The same for people, one clause without a full stop.  Static text, never NULL. */
const char *agora_error_message(enum agora_error error);

/* Borrowed bytes. */
struct agora_text {
	const char *data;
	size_t length;
};

enum agora_service_type {
	AGORA_RTC = 1,
	AGORA_RTM = 2,
	AGORA_STREAMING = 3,
	AGORA_FPA = 4,
	AGORA_CHAT = 5,
	AGORA_FCDN = 6,
	AGORA_APAAS = 7, /* once called Education */
	AGORA_RTM2 = 8,
	AGORA_CONVOAI = 9,
	AGORA_STT = 10,
};

enum agora_rtc_privilege {
	AGORA_RTC_JOIN = 1,
	AGORA_RTC_AUDIO = 2,
	AGORA_RTC_VIDEO = 3,
	AGORA_RTC_DATA = 4,
};

struct agora_privilege {
	uint16_t id;
	uint32_t expire; /* seconds after issue_ts; 0 = as long as the token */
};

/* RTM2: what a user may do with some resources. */
struct agora_permission {
	uint16_t resource;   /* 0 message channels, 1 stream channels, 2 group channels, 3 server
	                        groups, 4 users */
	uint16_t permission; /* 0 read, 1 write */
	const struct agora_text *names; /* borrowed; order and repetitions are kept */
	size_t name_count;              /* 0 to 65535 */
};

/*
 * One service.  Which of the texts it carries depends on its type; the others are ignored when
 * signing and have data == NULL when parsed.
 */
struct agora_service {
	uint16_t type;
	const struct agora_privilege *privileges; /* borrowed */
	size_t privilege_count;                   /* 0 to 65535 */
	struct agora_text channel;                /* RTC, Streaming, FCDN */
	struct agora_text user; /* RTC: uid or account, "" = any; RTM, RTM2, Chat: user id;
	                           Streaming, FCDN: account; APaaS: user uuid */
	struct agora_text room; /* APaaS: room uuid */
	int16_t role;           /* APaaS; -1 = none */
	const struct agora_permission *permissions; /* RTM2, borrowed */
	size_t permission_count;
};

/* A token before it is text. */
struct agora_token {
	const char *app_id; /* AGORA_APP_ID_LENGTH hexadecimal digits, terminated */
	uint32_t issue_ts;  /* Unix seconds; written as given, 0 too */
	uint32_t expire;    /* seconds after issue_ts */
	uint32_t salt;      /* any value; Agora's builders draw 1 to 99999999 */
	const struct agora_service *services;
	size_t service_count; /* at least 1 */
	/*
	 * false: as Agora's builders write: services by type (equal types keep their order),
	 * privileges and permissions ascending, of equal permissions the last.
	 * true: in the order given, so that a parsed token can be written again; a privilege that
	 * is there twice is then written twice and is no error.
	 */
	bool keep_order;
};

/*
 * Owns zlib's state and the scratch memory, about 400 KiB, so that signing and parsing allocate
 * nothing.  agora_codec_open returns NULL when there is no memory; the caller closes it.
 * Closing NULL does nothing.
 */
struct agora_codec;
struct agora_codec *agora_codec_open(void) AGORA_CHECK_RESULT;
void agora_codec_close(struct agora_codec *codec);

/*
 * For programs that live long: keeps the signing key, which the codec remembers from one token to
 * the next, out of swap and core files, as far as the process's limits go.
 */
void agora_codec_lock(struct agora_codec *codec);

/* Whether the text is 32 hexadecimal digits, which an App ID and an App Certificate are. */
bool agora_is_hex32(const char *text, size_t length) AGORA_NONNULL(1);

/*
 * Signs: token and certificate (terminated, 32 digits) in, text out.  *length (may be NULL) is the
 * length without the terminating NUL.  On failure out is "".  AGORA_BAD_APP_ID,
 * AGORA_BAD_CERTIFICATE, AGORA_NO_SERVICE, AGORA_UNKNOWN_SERVICE, AGORA_DUPLICATE_PRIVILEGE,
 * AGORA_TOO_LARGE.  Key material on the stack is wiped; the codec keeps the certificate, and the
 * key made of it for this second, until it is closed.
 */
enum agora_error agora_token_sign(struct agora_codec *codec, const struct agora_token *token,
    const char *certificate, char out[AGORA_TOKEN_MAX + 1], size_t *length)
    AGORA_NONNULL(1, 2, 3, 4) AGORA_CHECK_RESULT;

/*
 * A parsed token.  Its texts are views into the codec and hold until the codec is used or closed.
 */
struct agora_parsed {
	unsigned version; /* 6 or 7; 0 when not even that could be read */
	struct agora_text app_id;
	uint32_t issue_ts; /* 007 */
	uint32_t expire;   /* 007 */
	uint32_t salt;
	uint16_t service_count;      /* 007, as the token claims */
	size_t services_read;        /* 007, those of a known type, in front of the first unknown */
	bool complete;               /* 007: no unknown service type met */
	uint16_t first_unknown_type; /* 007, when not complete */
	const unsigned char *signature; /* AGORA_SIGNATURE_LENGTH bytes */
	struct agora_text signed_info;  /* 007: the bytes that the signature covers */
	/* 006 only: CRC-32 of names that the token does not carry, which verifying leaves to the
	   caller to compare, and absolute times */
	uint32_t channel_crc;
	uint32_t user_crc;
	uint32_t ts;               /* Unix seconds at which the token ends */
	struct agora_text message; /* what 006 signs, after App ID, channel and user */
	/* private to agora_service_next and agora_privilege_next */
	struct agora_text services, privileges;
};

/*
 * Parses text of any origin.  Refuses whatever two of Agora's own parsers could read differently
 * (agoratoken(3) lists the choices).  On failure *parsed holds what was read before the fault.
 * An unknown service type is no failure: see complete.
 */
enum agora_error agora_token_parse(struct agora_codec *codec, const char *text, size_t length,
    struct agora_parsed *parsed) AGORA_NONNULL(1, 2, 4) AGORA_CHECK_RESULT;

/*
 * Compares the signature, in constant time, with the one that this certificate (terminated, 32
 * digits) gives over the received bytes.  For a 007 token channel and user are not used; a 006
 * token can only be checked with both.  AGORA_OK, AGORA_BAD_SIGNATURE or AGORA_BAD_CERTIFICATE.
 */
enum agora_error agora_token_verify(const struct agora_parsed *parsed, const char *certificate,
    struct agora_text channel, struct agora_text user) AGORA_NONNULL(1, 2) AGORA_CHECK_RESULT;

/*
 * Walks a parsed 007 token.  Start with a zeroed walk; each call gives the next service, false at
 * the end.  The service's privileges and permissions are not filled in: walk them too.
 */
struct agora_walk {
	size_t at, seen;
	struct agora_text privileges, permissions; /* of the service given last */
};
bool agora_service_next(const struct agora_parsed *parsed, struct agora_walk *walk,
    struct agora_service *service) AGORA_NONNULL(1, 2, 3);

/*
 * Walks the privileges of a service (walk.privileges) or of a 006 token (parsed.privileges, where
 * expire is an absolute time).  The text is consumed; start from a copy to walk again.
 */
bool agora_privilege_next(struct agora_text *privileges, struct agora_privilege *privilege)
    AGORA_NONNULL(1, 2);

/*
 * Walks the permissions of an RTM2 service: one (resource, permission) a call, whose names are
 * then walked by agora_name_next(&names, ...).  Start with a zeroed cursor.
 */
struct agora_permission_cursor {
	size_t at;
	uint16_t resource, left;
};
bool agora_permission_next(struct agora_text permissions, struct agora_permission_cursor *cursor,
    uint16_t *resource, uint16_t *permission, struct agora_text *names, size_t *name_count)
    AGORA_NONNULL(2, 3, 4, 5, 6);
bool agora_name_next(struct agora_text *names, struct agora_text *name) AGORA_NONNULL(1, 2);

/* "RTC", "APaaS"; NULL for an unknown type.  Static text. */
const char *agora_service_name(uint16_t type);
/* "joinChannel"; NULL for an unknown one.  Static text. */
const char *agora_privilege_name(uint16_t type, uint16_t id);
/* The same for version 006, whose only numbering holds all services. */
const char *agora_privilege_name_006(uint16_t id);

/*
 * What Agora's builders put into a token, as a set of services to be signed.  Zero it, add to it,
 * sign it: token.services = set.services, token.service_count = set.count.  The texts stay the
 * caller's, and the set points into itself, so it must not be moved or copied.  It holds
 * AGORA_SET_SERVICES services; adding more is a programming error, answered by false.  Each
 * official builder is one or two of these calls: agoratoken(3) has the table.
 */
#define AGORA_SET_SERVICES 4
struct agora_set {
	struct agora_service services[AGORA_SET_SERVICES];
	struct agora_privilege privileges[AGORA_SET_SERVICES][4];
	size_t count;
	char chat_user[33]; /* the Chat user of an APaaS room token: MD5 of the user uuid */
};

/* Privileges of an RTC service, as a set of bits 1 << enum agora_rtc_privilege. */
#define AGORA_RTC_SUBSCRIBER (1U << AGORA_RTC_JOIN)
#define AGORA_RTC_PUBLISHER                                                                        \
	(1U << AGORA_RTC_JOIN | 1U << AGORA_RTC_AUDIO | 1U << AGORA_RTC_VIDEO |                    \
	    1U << AGORA_RTC_DATA)

/* Lifetimes of the RTC privileges, in seconds after issue_ts; 0 = as long as the token. */
struct agora_rtc_expire {
	uint32_t join, audio, video, data;
};

bool agora_add_rtc(struct agora_set *set, struct agora_text channel, struct agora_text user,
    unsigned privileges, const struct agora_rtc_expire *expire) AGORA_NONNULL(1, 5);
bool agora_add_rtm(struct agora_set *set, struct agora_text user, uint32_t expire) AGORA_NONNULL(1);
/* Service type 8; the permissions stay the caller's. */
bool agora_add_rtm2(struct agora_set *set, struct agora_text user,
    const struct agora_permission *permissions, size_t permission_count, uint32_t expire)
    AGORA_NONNULL(1);
bool agora_add_chat_user(struct agora_set *set, struct agora_text user, uint32_t expire)
    AGORA_NONNULL(1);
bool agora_add_chat_app(struct agora_set *set, uint32_t expire) AGORA_NONNULL(1);
/* Three services: RTM and Chat for the user, and the room. */
bool agora_add_apaas_room_user(struct agora_set *set, struct agora_text room,
    struct agora_text user, int16_t role, uint32_t expire) AGORA_NONNULL(1);
bool agora_add_apaas_user(struct agora_set *set, struct agora_text user, uint32_t expire)
    AGORA_NONNULL(1);
bool agora_add_apaas_app(struct agora_set *set, uint32_t expire) AGORA_NONNULL(1);
/* Agora's builder gives the token 86400 seconds. */
bool agora_add_fpa(struct agora_set *set) AGORA_NONNULL(1);
bool agora_add_streaming(struct agora_set *set, struct agora_text channel,
    struct agora_text account, uint32_t mix_expire, uint32_t raw_expire) AGORA_NONNULL(1);
/* publish: privileges publish and play; otherwise play alone. */
bool agora_add_fcdn(struct agora_set *set, struct agora_text channel, struct agora_text account,
    bool publish, uint32_t expire) AGORA_NONNULL(1);
/* Type AGORA_CONVOAI or AGORA_STT: a service without privileges beside RTC and RTM. */
bool agora_add_bare(struct agora_set *set, uint16_t type) AGORA_NONNULL(1);

/* A numeric uid as tokens write it: decimal, 0 (any user) as "".  Returns the length. */
#define AGORA_UID_SIZE 11
size_t agora_uid_text(uint32_t uid, char out[AGORA_UID_SIZE]) AGORA_NONNULL(2);

#ifdef __cplusplus
}
#endif

#endif
