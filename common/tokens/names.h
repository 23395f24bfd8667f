/*
 * names.h - which names Agora allows.  Each is a field check: false with error->rule saying which
 * byte is wrong.  Source: Agora's API reference of joinChannel, Signaling and Chat user ids.
 */
#ifndef TOKENS_NAMES_H
#define TOKENS_NAMES_H

#include "field.h"

#define CHANNEL_MAX 64 /* bytes */
#define ACCOUNT_MAX 255
#define RTM_USER_MAX 64
#define CHAT_USER_MAX 64

/* RTC channel or account: Agora's 89 characters, and * alone or in a pattern (a wildcard). */
bool name_is_rtc(struct text name, struct field_error *error);
/* The same where a uid is as good: not a negative number. */
bool name_is_rtc_user(struct text name, struct field_error *error);
/* RTM user: the 89 characters; not "0". */
bool name_is_rtm_user(struct text name, struct field_error *error);
/* Chat user: a to z, digits, _ - . ; not "0". */
bool name_is_chat_user(struct text name, struct field_error *error);
/* The same, and A to Z. */
bool name_is_chat_capitals(struct text name, struct field_error *error);
/* APaaS room: the 89 characters. */
bool name_is_room(struct text name, struct field_error *error);

/* RTC channel that a bot of ours joins: the 89 characters, no wildcard. */
bool name_is_channel(struct text name, struct field_error *error);
/* RTC account of a bot of ours: the 89 characters, no wildcard, and not a number. */
bool name_is_account(struct text name, struct field_error *error);
/* Name of a converter, player or task: letters, digits, - and _. */
bool name_is_job(struct text name, struct field_error *error);

/* A uid as a number: 0 to 4294967295. */
bool name_is_uid(struct text name, struct field_error *error);
/* The same in a path that has userAccount for what is not a number. */
bool name_is_path_uid(struct text name, struct field_error *error);
/*
 * A uid as people type it, where an account has its own option: a number as tokens write it, or
 * what does not look like one.
 */
bool name_is_typed_uid(struct text name, struct field_error *error);
/* Anything but a negative number. */
bool name_is_not_negative(struct text name, struct field_error *error);
/* The same of a bot that Agora runs: 1 to 4294967295, without zeros in front. */
bool name_is_bot_uid(struct text name, struct field_error *error);

/* Whether a token's name, which may hold the wildcard *, covers this one. */
bool name_covers(struct text pattern, struct text name);

#endif
