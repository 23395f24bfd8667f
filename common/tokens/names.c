#include <stdlib.h>

#include "names.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define RTC_LEGAL LETTERS DIGITS " !#$%&()+-:;<=.>?@[]^_{}|~,"
#define CHAT_LEGAL "abcdefghijklmnopqrstuvwxyz" DIGITS "_-."

static bool
is_digits(struct text t)
{
	for (size_t i = 0; i < t.length; i++)
		if (t.data[i] < '0' || t.data[i] > '9')
			return false;
	return t.length > 0;
}

static bool
is_legal(struct text name, const char *legal, const char *kind, struct field_error *error)
{
	for (size_t i = 0; i < name.length; i++) {
		unsigned char c = (unsigned char)name.data[i];

		if (c != '\0' && strchr(legal, c) != NULL)
			continue;
		if (c > 0x20 && c < 0x7f)
			field_rule(error,
			    "byte %zu is '%c' (0x%02x), which Agora does not allow in %s", i + 1, c,
			    c, kind);
		else
			field_rule(error, "byte %zu is 0x%02x, which Agora does not allow in %s",
			    i + 1, c, kind);
		return false;
	}
	return true;
}

static bool
is_user(struct text name, const char *legal, const char *kind, struct field_error *error)
{
	if (text_is(name, "0")) {
		field_rule(error, "must not be \"0\": a token for %s names its user", kind);
		return false;
	}
	return is_legal(name, legal, kind, error);
}

bool
name_is_rtc(struct text name, struct field_error *error)
{
	return is_legal(name, RTC_LEGAL "*", "a channel or account name", error);
}

bool
name_is_not_negative(struct text name, struct field_error *error)
{
	const struct text digits = { name.data + 1, name.length - 1 };
	uint64_t n;

	if (name.length < 2 || name.data[0] != '-' || !is_digits(digits))
		return true;
	if (!text_number(digits, INT64_MAX, &n))
		n = INT64_MAX;
	field_negative_rule(error, -(int64_t)n);
	return false;
}

bool
name_is_rtc_user(struct text name, struct field_error *error)
{
	return name_is_not_negative(name, error) && name_is_rtc(name, error);
}

bool
name_is_rtm_user(struct text name, struct field_error *error)
{
	return is_user(name, RTC_LEGAL, "an RTM user", error);
}

bool
name_is_chat_user(struct text name, struct field_error *error)
{
	return is_user(name, CHAT_LEGAL, "a Chat user (a to z, 0 to 9, _ - .)", error);
}

bool
name_is_chat_capitals(struct text name, struct field_error *error)
{
	return is_user(name, LETTERS CHAT_LEGAL, "a Chat user", error);
}

bool
name_is_room(struct text name, struct field_error *error)
{
	return is_legal(name, RTC_LEGAL, "a room", error);
}

bool
name_is_channel(struct text name, struct field_error *error)
{
	return is_legal(name, RTC_LEGAL, "one channel's name", error);
}

bool
name_is_account(struct text name, struct field_error *error)
{
	size_t digits = 0;

	while (digits < name.length && name.data[digits] >= '0' && name.data[digits] <= '9')
		digits++;
	if (digits < name.length)
		return is_legal(name, RTC_LEGAL, "one user's account", error);
	field_rule(error, "is a number: give it as uid");
	return false;
}

bool
name_is_job(struct text name, struct field_error *error)
{
	return is_legal(name, LETTERS DIGITS "-_", "a name like this", error);
}

/* The usual two-pointer match: on a mismatch the last * takes one more byte. */
bool
name_covers(struct text pattern, struct text name)
{
	size_t p = 0, n = 0, star = SIZE_MAX, resume = 0;

	if (pattern.length == 0)
		return true;
	while (n < name.length) {
		if (p < pattern.length && pattern.data[p] == '*') {
			star = p++;
			resume = n;
		} else if (p < pattern.length && pattern.data[p] == name.data[n]) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.length && pattern.data[p] == '*')
		p++;
	return p == pattern.length;
}

static bool
is_uid(struct text value, const char *otherwise, struct field_error *error)
{
	uint64_t n;

	if (text_number(value, UINT32_MAX, &n))
		return true;
	if (name_is_not_negative(value, error))
		field_rule(error, "must be a whole number, 0 to 4294967295%s", otherwise);
	return false;
}

bool
name_is_uid(struct text value, struct field_error *error)
{
	return is_uid(value, "", error);
}

/* 042, +7, 7.0, 1e3, 0x2a, and blanks around them. */
static bool
looks_like_a_number(struct text t)
{
	char copy[32];
	char *stop;

	while (t.length > 0 && t.data[0] == ' ')
		t = (struct text){ t.data + 1, t.length - 1 };
	while (t.length > 0 && t.data[t.length - 1] == ' ')
		t.length--;
	if (is_digits(t))
		return true;
	if (t.length == 0 || t.length >= sizeof(copy) || strchr("+-.0123456789", t.data[0]) == NULL)
		return false;
	memcpy(copy, t.data, t.length);
	copy[t.length] = '\0';
	strtod(copy, &stop);
	return *stop == '\0' && stop != copy;
}

bool
name_is_typed_uid(struct text value, struct field_error *error)
{
	uint64_t n;

	if (!name_is_not_negative(value, error))
		return false;
	if (!looks_like_a_number(value) ||
	    (text_number(value, UINT32_MAX, &n) && (value.length == 1 || value.data[0] != '0')))
		return true;
	field_rule(error,
	    "must be a whole number, 0 to 4294967295, without zeros in front; for a string of this "
	    "spelling use account");
	return false;
}

bool
name_is_path_uid(struct text value, struct field_error *error)
{
	return is_uid(value, "; for a string use userAccount in place of uid", error);
}

bool
name_is_bot_uid(struct text value, struct field_error *error)
{
	uint64_t n;

	if (text_number(value, UINT32_MAX, &n) && n > 0 && value.data[0] != '0')
		return true;
	if (name_is_not_negative(value, error))
		field_rule(error, "must be a whole number, 1 to 4294967295");
	return false;
}
