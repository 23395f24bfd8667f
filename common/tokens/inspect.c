#include <ctype.h>

#include "copied.h"
#include "foreign.h"
#include "inspect.h"
#include "names.h"
#include "tokens.h"

#define CLOCKS_DIFFER 30 /* seconds by which good clocks may */
#define SHOWN_MAX 255    /* bytes of a name in a problem's words */
#define SHORT_LIFE 60    /* seconds; SDKs warn 30 before the end */

/* Request and answer */

struct inspect_request {
	struct text token, channel, uid, app_id, account;
};

#define AT(member) offsetof(struct inspect_request, member)

/* Names by which this API has the same thing elsewhere: a client passes on what it has. */
static const char *const tokens[] = { "token", "rtcToken", "rtmToken", "chatToken", NULL };
static const char *const channels[] = { "channel", "channelName", "cname", "rtcChannel", NULL };
static const char *const uids[] = { "uid", "rtcuid", "rtmuid", "chatid", "userId", "userUuid",
	"rtcStreamUid", NULL };
static const char *const accounts[] = { "account", "userAccount", NULL };

#define ALSO(name, kind, member, of)                                                               \
	{                                                                                          \
		name, kind, 0, AT(member), .meaning = "the same as " of                            \
	}
#define ALSO_UID(name)                                                                             \
	{                                                                                          \
		name, FIELD_ID, 0, AT(uid), .check = name_is_not_negative,                         \
					    .meaning = "the same as uid"                           \
	}

static const struct field request_fields[] = {
	{ "token", FIELD_TEXT, 0, AT(token), .meaning = "as the client has it" },
	ALSO("rtcToken", FIELD_TEXT, token, "token"),
	ALSO("rtmToken", FIELD_TEXT, token, "token"),
	ALSO("chatToken", FIELD_TEXT, token, "token"),
	{ "channel", FIELD_TEXT, FIELD_OR_DIGITS, AT(channel),
	    .meaning = "the channel that the client joins" },
	{ "channelName", FIELD_TEXT, FIELD_OR_DIGITS, AT(channel),
	    .meaning = "the same as channel" },
	{ "cname", FIELD_TEXT, FIELD_OR_DIGITS, AT(channel), .meaning = "the same as channel" },
	{ "rtcChannel", FIELD_TEXT, FIELD_OR_DIGITS, AT(channel),
	    .meaning = "the same as channel" },
	{ "uid", FIELD_ID, 0, AT(uid), .check = name_is_not_negative,
	    .meaning = "the uid that it joins with; 0 or null = none" },
	ALSO_UID("rtcuid"),
	ALSO_UID("rtmuid"),
	ALSO_UID("chatid"),
	ALSO_UID("userId"),
	ALSO_UID("userUuid"),
	ALSO_UID("rtcStreamUid"),
	{ "appId", FIELD_TEXT, 0, AT(app_id), .meaning = "the client's App ID; absent = ours" },
	{ "account", FIELD_TEXT, 0, AT(account),
	    .meaning = "the string account that it joins with, in place of uid" },
	ALSO("userAccount", FIELD_TEXT, account, "account"),
};
static const struct needs request_needs = { "token", "is required",
	{ { "token" }, { "rtcToken" }, { "rtmToken" }, { "chatToken" } } };
const struct table inspect_request_table =
    NEEDS_TABLE(request_fields, struct inspect_request, &request_needs);

#undef AT
#define AT(member) offsetof(struct problem, member)

static const struct field problem_fields[] = {
	{ "code", FIELD_TEXT, FIELD_REQUIRED, AT(code),
	    .meaning = "the problem's name, which does not change" },
	{ "problem", FIELD_TEXT, FIELD_REQUIRED, AT(problem),
	    .meaning = "what is wrong, in words" },
	{ "fix", FIELD_TEXT, FIELD_REQUIRED, AT(fix), .meaning = "what to do" },
	/* What problem was called before it had a fix. */
	{ "message", FIELD_TEXT, FIELD_REQUIRED, AT(problem), .meaning = "the same as problem" },
};
static const struct table problem_table = TABLE(problem_fields, struct problem);

#undef AT
#define AT(member) offsetof(struct inspection, member)
#define OPTIONAL_NUMBER(name, member, most, text)                                                  \
	{                                                                                          \
		name, FIELD_INT, FIELD_OMIT, AT(member), 0, most, .fallback = -1, .meaning = text  \
	}

static const struct field inspection_fields[] = {
	{ "version", FIELD_TEXT, 0, AT(version), .meaning = "006 or 007" },
	{ "appId", FIELD_TEXT, 0, AT(app_id), .meaning = "its App ID" },
	OPTIONAL_NUMBER("issueTs", issue_ts, UINT32_MAX, "Unix time of its issue"),
	OPTIONAL_NUMBER("expire", expire, UINT32_MAX, "its lifetime in seconds"),
	OPTIONAL_NUMBER("expireAt", expire_at, INT64_MAX, "Unix time at which it ends"),
	OPTIONAL_NUMBER("salt", salt, UINT32_MAX, "a number by chance"),
	OPTIONAL_NUMBER(
	    "serviceCount", service_count, UINT16_MAX, "how many services it says it has"),
	{ "services", FIELD_LIST, 0, AT(services), .nested = &inspected_service_table,
	    .meaning = "what a token of version 007 is for" },
	OPTIONAL_NUMBER("crcChannelName", channel_crc, UINT32_MAX,
	    "version 006: checksum of the channel's name"),
	OPTIONAL_NUMBER("crcUid", user_crc, UINT32_MAX, "version 006: checksum of the uid"),
	{ "privileges", FIELD_LIST, 0, AT(privileges), .nested = &inspected_privilege_006_table,
	    .meaning = "the privileges of a token of version 006" },
	{ "complete", FIELD_MAYBE, 0, AT(complete),
	    .meaning = "false: something in it is not known here" },
	OPTIONAL_NUMBER("firstUnknownType", first_unknown_type, UINT16_MAX,
	    "type of the first service that is not known here"),
	{ "signature", FIELD_TEXT, 0, AT(signature), .meaning = "in hexadecimal" },
	{ "signatureValid", FIELD_MAYBE, 0, AT(signature_valid),
	    .meaning = "null: it was not checked" },
	{ "certificate", FIELD_TEXT, 0, AT(certificate),
	    .meaning = "secondary, where that one verifies it" },
	{ "expired", FIELD_MAYBE, 0, AT(expired), .meaning = "whether its lifetime is over" },
	{ "compared", FIELD_TEXTS, FIELD_REQUIRED, AT(compared),
	    .meaning = "which of appId, channel, uid and account was compared with the token" },
	{ "valid", FIELD_BOOL, 0, AT(valid),
	    .meaning = "whether Agora takes it, as far as can be known" },
	{ "problems", FIELD_LIST, FIELD_REQUIRED, AT(problems), .nested = &problem_table,
	    .meaning = "what is wrong with it, the most likely cause first" },
};
const struct table inspection_table = TABLE(inspection_fields, struct inspection);

#undef AT

/* The rows of problems */

struct look {
	const struct expectation *e;
	const struct agora_parsed *p;
	const struct inspection *out;
	enum agora_error error;
	struct copied copied;
	struct foreign foreign; /* where it is not a token: what it is */
	struct fit fit;
	bool names_missing; /* a 006 signature covers them */
	bool is_certified;  /* the certificates are of the token's App ID, as far as is known */
};

struct row {
	const char *code, *words, *fix;
	/* Whether it is so; what is known of it comes behind the words. */
	bool (*is_so)(const struct look *look, const struct row *row, struct buf *detail);
	enum agora_error error;
	bool is_hint; /* the token is not refused for it */
};

static struct text
view(struct agora_text text)
{
	return (struct text){ text.data, text.length };
}

static void
add_duration(struct buf *out, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "days" }, { 3600, "hours" }, { 60, "minutes" }, { 1, "seconds" } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (seconds >= 2 * units[i].seconds || units[i].seconds == 1) {
			buf_number(out, seconds / units[i].seconds);
			buf_printf(out, " %.*s", (int)strlen(units[i].name) - (seconds == 1),
			    units[i].name);
			return;
		}
}

void
inspect_name(struct buf *out, struct text name)
{
	struct buf quoted = { 0 };

	buf_json(&quoted, name);
	for (size_t i = 0; i < quoted.length; i++) {
		const unsigned char *p = (const unsigned char *)quoted.data + i;

		if (p[0] == 0xc2 && p[1] < 0xa0) {
			buf_printf(out, "\\u%04x", p[1]);
			i++;
		} else {
			buf_add(out, p, 1);
		}
	}
	buf_free(&quoted);
}

/* The length of the blank that stands here, also of U+00A0, U+200B and U+FEFF; or 0. */
static size_t
blank_length(struct text t, size_t i)
{
	static const char *const blanks[] = { " ", "\t", "\n", "\v", "\f", "\r", "\xc2\xa0",
		"\xe2\x80\x8b", "\xef\xbb\xbf" };

	for (size_t b = 0; b < sizeof(blanks) / sizeof(blanks[0]); b++) {
		const size_t length = strlen(blanks[b]);

		if (t.length - i >= length && memcmp(t.data + i, blanks[b], length) == 0)
			return length;
	}
	return 0;
}

static size_t
skip_blanks(struct text t, size_t i)
{
	size_t length;

	while ((length = blank_length(t, i)) > 0)
		i += length;
	return i;
}

/* Whether they are the same once case is left out, or blanks are, or both. */
static bool
same_but(struct text a, struct text b, bool any_case, bool any_blanks)
{
	size_t i = 0, k = 0;

	for (;;) {
		if (any_blanks) {
			i = skip_blanks(a, i);
			k = skip_blanks(b, k);
		}
		if (i == a.length || k == b.length)
			return i == a.length && k == b.length;
		if (any_case
			? tolower((unsigned char)a.data[i]) != tolower((unsigned char)b.data[k])
			: a.data[i] != b.data[k])
			return false;
		i++;
		k++;
	}
}

/* ": it is for "Lobby", and the client joins "lobby"; they differ only in case" */
static void
tell_apart(struct buf *detail, struct text its, const char *verb, struct text clients)
{
	if (its.data == NULL || its.length > SHOWN_MAX || clients.length > SHOWN_MAX)
		return;
	buf_text(detail, ": it is for ");
	inspect_name(detail, its);
	buf_printf(detail, ", and the client %s ", verb);
	inspect_name(detail, clients);
	if (same_but(its, clients, false, true))
		buf_text(detail, "; they differ only by blanks");
	else if (same_but(its, clients, true, false))
		buf_text(detail, "; they differ only in case");
	else if (same_but(its, clients, true, true))
		buf_text(detail, "; they differ only in case and blanks");
}

static bool
is_error(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)detail;
	return l->error == row->error && l->foreign.kind == FOREIGN_NONE;
}

static bool
is_not_ready(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return l->foreign.kind == FOREIGN_NOT_READY;
}

static bool
is_jwt(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return l->foreign.kind == FOREIGN_JWT;
}

/* In a time that tells nothing of the certificate.  name: 32 characters, or it is not the one. */
static bool
is_certificate(struct text name, struct text certificate)
{
	unsigned char differ = 0;

	if (name.data == NULL || name.length != AGORA_CERTIFICATE_LENGTH ||
	    certificate.length != AGORA_CERTIFICATE_LENGTH)
		return false;
	for (size_t i = 0; i < AGORA_CERTIFICATE_LENGTH; i++)
		differ |= (unsigned char)(name.data[i] ^ certificate.data[i]);
	return differ == 0;
}

static bool
is_ours(const struct look *l, struct text name)
{
	return is_certificate(name, l->e->certificate) |
	    is_certificate(name, l->e->second_certificate);
}

/* As the text itself, or in the token in the place of something that everybody may read. */
static bool
shows_certificate(const struct look *l, const struct row *row, struct buf *detail)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;
	const char *where = NULL;

	(void)row;
	if (l->foreign.kind == FOREIGN_HEX32 && is_ours(l, l->copied.text))
		where = "the client has it in place of a token";
	else if (is_ours(l, view(l->p->app_id)))
		where = "the token has it in place of the App ID";
	while (where == NULL && agora_service_next(l->p, &walk, &s))
		if (is_ours(l, view(s.channel)))
			where = "the token has it in place of the channel";
		else if (is_ours(l, view(s.user)))
			where = "the token has it in place of the user";
	if (where == NULL)
		return false;
	buf_printf(detail, ": %s", where);
	return true;
}

static bool
is_app_id(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row;
	if (l->foreign.kind != FOREIGN_HEX32 || is_ours(l, l->copied.text))
		return false;
	if (l->e->app_id.data != NULL && same_but(l->copied.text, l->e->app_id, true, false))
		buf_text(detail, ": it is the App ID of the project");
	return true;
}

/* An argument too far: the channel or the user is the App ID. */
static bool
names_app_id(const struct look *l, const struct row *row, struct buf *detail)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;
	const struct text app_id = view(l->p->app_id);

	(void)row;
	if (app_id.data == NULL || app_id.length != AGORA_APP_ID_LENGTH)
		return false;
	while (agora_service_next(l->p, &walk, &s)) {
		const bool channel =
		    s.channel.data != NULL && same_but(view(s.channel), app_id, true, false);

		if (!channel &&
		    (s.user.data == NULL || !same_but(view(s.user), app_id, true, false)))
			continue;
		buf_printf(detail, ": the %s", channel ? "channel" : "user");
		return true;
	}
	return false;
}

static bool
is_built_by_hand(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row;
	if (l->foreign.kind != FOREIGN_BUILT)
		return false;
	buf_printf(detail, ": it looks like %s", l->foreign.looks);
	return true;
}

static bool
is_inside(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return l->copied.is_inside;
}

static bool
is_quoted(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return l->copied.quotes;
}

static bool
has_bearer(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return l->copied.bearer;
}

static bool
has_blanks(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return l->copied.blanks;
}

static bool
is_percent_encoded(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return l->copied.percent;
}

static bool
lost_plus(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return l->copied.plus;
}

static bool
is_truncated(const struct look *l, const struct row *row, struct buf *detail)
{
	const struct copied *c = &l->copied;

	if (!c->is_cut || l->foreign.kind != FOREIGN_NONE)
		return is_error(l, row, detail);
	if (c->front > 0)
		buf_printf(detail, ": the first %zu of its characters are missing", c->front);
	else
		buf_printf(detail, ": it ends after %zu characters", c->length);
	if (c->end > 0)
		buf_printf(detail, ", and only = is missing%s", c->end == 2 ? ", twice" : "");
	if (c->missing > 0)
		buf_printf(detail, ", and %s%zu %s missing", c->is_exact ? "" : "about ",
		    c->missing, c->missing == 1 ? "is" : "are");
	return true;
}

static bool
has_more_behind(const struct look *l, const struct row *row, struct buf *detail)
{
	return l->copied.is_followed || is_error(l, row, detail);
}

static bool
is_version_006(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return l->p->version == 6 && l->foreign.kind == FOREIGN_NONE;
}

static bool
is_for_another_app(const struct look *l, const struct row *row, struct buf *detail)
{
	const struct text its = view(l->p->app_id), wanted = l->e->app_id;

	(void)row;
	if (wanted.data == NULL || its.data == NULL || l->error == AGORA_BAD_APP_ID ||
	    (its.length == wanted.length && memcmp(its.data, wanted.data, its.length) == 0))
		return false;
	tell_apart(detail, its, "has", wanted);
	return true;
}

static bool
is_signed_by_another(const struct look *l, const struct row *row, struct buf *detail)
{
	if (l->out->signature_valid != 0)
		return is_error(l, row, detail);
	if (l->p->version == 7 && l->e->app_id.length == AGORA_CERTIFICATE_LENGTH &&
	    agora_is_hex32(l->e->app_id.data, l->e->app_id.length) &&
	    agora_token_verify(l->p, l->e->app_id.data, (struct agora_text){ "", 0 },
		(struct agora_text){ "", 0 }) == AGORA_OK)
		buf_text(detail, ": with the App ID in place of a certificate");
	return true;
}

static bool
has_expired(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row;
	if (l->out->expired != 1)
		return false;
	buf_text(detail, ", ");
	add_duration(detail, l->e->now - l->out->expire_at);
	buf_text(detail, " ago");
	return true;
}

static bool
is_of_another_kind(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row;
	if (l->e->channel.data == NULL || l->fit.has_channels || l->fit.type == 0 ||
	    !l->p->complete)
		return false;
	buf_printf(detail, ": it is for %s", agora_service_name(l->fit.type));
	return true;
}

static bool
is_for_another_channel(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row;
	if (l->fit.channel || !l->fit.has_channels)
		return false;
	tell_apart(detail, l->fit.its_channel, "joins", l->e->channel);
	return true;
}

/* A uid as tokens write numbers: no zero in front, and no 0, which is nobody. */
static bool
is_number(struct text user)
{
	uint64_t n;

	return text_number(user, UINT32_MAX, &n) && user.data[0] != '0';
}

static bool
user_differs(const struct look *l)
{
	return !l->fit.user && (l->p->version == 6 || l->p->services_read > 0);
}

/* What a library makes of the number 0 that takes it for a string. */
static bool
is_for_account_zero(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return user_differs(l) && fit_any_user(l->fit.type) && text_is(l->fit.its_user, "0");
}

/* The same where it is not said who joins. */
static bool
names_zero(const struct look *l, const struct row *row, struct buf *detail)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;

	(void)row, (void)detail;
	while (fit_user(l->e).data == NULL && agora_service_next(l->p, &walk, &s))
		if (fit_any_user(s.type) && text_is(view(s.user), "0"))
			return true;
	return false;
}

static bool
joins_with_zero(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row;
	if (!user_differs(l) || fit_user(l->e).length > 0 || !fit_any_user(l->fit.type) ||
	    is_for_account_zero(l, row, detail))
		return false;
	buf_text(detail, ": ");
	inspect_name(detail, l->fit.its_user);
	return true;
}

static bool
kinds_of_users_differ(const struct look *l, const struct row *row, struct buf *detail)
{
	const struct text clients = fit_user(l->e);

	if (!user_differs(l) || clients.length == 0 || !fit_any_user(l->fit.type) ||
	    is_for_account_zero(l, row, detail) || is_number(l->fit.its_user) == is_number(clients))
		return false;
	tell_apart(detail, l->fit.its_user, "joins with", clients);
	return true;
}

static bool
is_for_another_user(const struct look *l, const struct row *row, struct buf *detail)
{
	struct buf none = { 0 };
	bool other = user_differs(l) && !is_for_account_zero(l, row, &none) &&
	    !joins_with_zero(l, row, &none) && !kinds_of_users_differ(l, row, &none);

	buf_free(&none);
	if (other)
		tell_apart(detail, l->fit.its_user, "joins with", fit_user(l->e));
	return other;
}

static bool
find_privilege(struct agora_text privileges, uint16_t id, struct agora_privilege *found)
{
	while (agora_privilege_next(&privileges, found))
		if (found->id == id)
			return true;
	return false;
}

/*
 * What the client uses has its own privilege to get in: 1, in all these.  Where it is for nobody
 * who joins, or for no channel that is joined, that of others is looked at.
 */
static bool
has_entrance(const struct look *l, const struct agora_service *s)
{
	if (l->fit.user && !fit_lets_in(s, l->e))
		return false;
	if (s->type == AGORA_RTC)
		return !l->fit.channel || fit_opens(s, l->e->channel);
	return (s->type == AGORA_RTM || s->type == AGORA_RTM2) &&
	    (l->e->channel.data == NULL || !l->fit.has_channels);
}

/* Agora refuses such a name without a word. */
static bool
is_refused(const char *kind, struct text name, size_t most,
    bool (*check)(struct text name, struct field_error *error), struct buf *detail)
{
	struct field_error error = { 0 };

	if (name.data == NULL)
		return false;
	if (name.length > most) {
		buf_printf(detail, ": the %s has %zu bytes", kind, name.length);
		return true;
	}
	if (check(name, &error))
		return false;
	buf_printf(detail, ": the %s ", kind);
	inspect_name(detail, name);
	return true;
}

static bool
is_empty(const char *kind, struct text name, struct buf *detail)
{
	if (name.length > 0)
		return false;
	buf_printf(detail, ": the %s is empty", kind);
	return true;
}

static bool
is_refused_user(uint16_t type, struct text user, struct buf *detail)
{
	if (fit_any_user(type) || type == 0)
		return is_refused("account", user, ACCOUNT_MAX, name_is_rtc, detail);
	if (type == AGORA_CHAT)
		return is_refused("Chat user", user, CHAT_USER_MAX, name_is_chat_capitals, detail);
	if (type == AGORA_APAAS)
		return is_refused("user", user, RTM_USER_MAX, name_is_rtm_user, detail);
	return is_refused("RTM user", user, RTM_USER_MAX, name_is_rtm_user, detail);
}

/* What issuing refuses, too. */
static bool
has_refused_name(const struct look *l, const struct agora_service *s, const struct agora_walk *walk,
    struct buf *detail)
{
	struct agora_privilege p;

	if (s->type == AGORA_RTC && l->fit.channel && !has_entrance(l, s))
		return false;
	if (is_refused("channel", view(s->channel), CHANNEL_MAX, name_is_rtc, detail) ||
	    is_refused("room", view(s->room), CHANNEL_MAX, name_is_room, detail))
		return true;
	if (s->type == AGORA_RTM || s->type == AGORA_RTM2)
		return is_empty("RTM user", view(s->user), detail) ||
		    is_refused_user(s->type, view(s->user), detail);
	/* An app's own tokens name nobody. */
	if (s->type == AGORA_CHAT && find_privilege(walk->privileges, 1, &p) &&
	    is_empty("Chat user", view(s->user), detail))
		return true;
	if (s->type == AGORA_APAAS && find_privilege(walk->privileges, 1, &p) &&
	    is_empty("room", view(s->room), detail))
		return true;
	if (s->type == AGORA_APAAS && !find_privilege(walk->privileges, 3, &p) &&
	    is_empty("user", view(s->user), detail))
		return true;
	return s->user.data != NULL && is_refused_user(s->type, view(s->user), detail);
}

/* The client's, and the token's own, which 006 does not hold. */
static bool
has_bad_name(const struct look *l, const struct row *row, struct buf *detail)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;

	(void)row;
	if ((fit_any_user(l->fit.type) || l->p->version == 6) &&
	    (is_refused("channel", l->e->channel, CHANNEL_MAX, name_is_rtc, detail) ||
		is_refused_user(l->fit.type, fit_user(l->e), detail)))
		return true;
	while (agora_service_next(l->p, &walk, &s))
		if (has_refused_name(l, &s, &walk, detail))
			return true;
	return false;
}

/* They are not to be used, and some of Agora's parts take them. */
static bool
has_capitals(const struct look *l, const struct row *row, struct buf *detail)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;

	(void)row;
	while (agora_service_next(l->p, &walk, &s))
		for (size_t i = 0; s.type == AGORA_CHAT && i < s.user.length; i++)
			if (s.user.data[i] >= 'A' && s.user.data[i] <= 'Z') {
				buf_text(detail, ": ");
				inspect_name(detail, view(s.user));
				return true;
			}
	return false;
}

/* "undefined" and the like, in the token or at the client. */
static bool
has_placeholder(const struct look *l, const struct row *row, struct buf *detail)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;
	const char *what = NULL;
	struct text name = { NULL, 0 };

	(void)row;
	while (what == NULL && agora_service_next(l->p, &walk, &s))
		if (foreign_name(view(s.channel))) {
			what = "channel";
			name = view(s.channel);
		} else if (foreign_name(view(s.user))) {
			what = "user";
			name = view(s.user);
		}
	if (what == NULL && foreign_name(l->e->channel)) {
		what = "client's channel";
		name = l->e->channel;
	} else if (what == NULL && foreign_name(fit_user(l->e))) {
		what = "client's user";
		name = fit_user(l->e);
	}
	if (what == NULL || name.length > SHOWN_MAX)
		return false;
	buf_printf(detail, ": the %s ", what);
	inspect_name(detail, name);
	return true;
}

/* When a privilege ends, Unix seconds; 0 = with the token. */
static int64_t
end_of(const struct look *l, const struct agora_privilege *p)
{
	if (p->expire == 0 || l->p->version == 6)
		return p->expire;
	return (int64_t)l->p->issue_ts + p->expire;
}

static bool
is_over(const struct look *l, const struct agora_privilege *p)
{
	return l->out->expired != 1 && end_of(l, p) != 0 && l->e->now > end_of(l, p);
}

static void
tell_end(const struct look *l, uint16_t type, const struct agora_privilege *p, struct buf *detail)
{
	buf_printf(detail, ": %s, ",
	    l->p->version == 6 ? agora_privilege_name_006(p->id)
			       : agora_privilege_name(type, p->id));
	add_duration(detail, l->e->now - end_of(l, p));
	buf_text(detail, " ago");
}

static uint16_t
entrance_006(const struct look *l)
{
	return l->fit.type == AGORA_RTM ? FIT_LOGIN_006 : AGORA_RTC_JOIN;
}

static bool
lacks_entrance(const struct look *l, const struct row *row, struct buf *detail)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;
	struct agora_privilege p;

	(void)row;
	if (l->p->version == 6 && l->p->message.data != NULL && l->p->complete &&
	    !find_privilege(l->p->privileges, entrance_006(l), &p)) {
		buf_text(detail, ": joinChannel");
		return true;
	}
	while (agora_service_next(l->p, &walk, &s))
		if (has_entrance(l, &s) && !find_privilege(walk.privileges, 1, &p)) {
			buf_printf(detail, ": %s for %s", agora_privilege_name(s.type, 1),
			    agora_service_name(s.type));
			return true;
		}
	return false;
}

static bool
entrance_is_over(const struct look *l, const struct row *row, struct buf *detail)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;
	struct agora_privilege p;

	(void)row;
	if (l->p->version == 6 && find_privilege(l->p->privileges, entrance_006(l), &p) &&
	    is_over(l, &p)) {
		tell_end(l, AGORA_RTC, &p, detail);
		return true;
	}
	while (agora_service_next(l->p, &walk, &s))
		if (has_entrance(l, &s) && find_privilege(walk.privileges, 1, &p) &&
		    is_over(l, &p)) {
			tell_end(l, s.type, &p, detail);
			return true;
		}
	return false;
}

static bool
publishing_is_over(const struct look *l, const struct row *row, struct buf *detail)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;
	struct agora_privilege p;

	(void)row;
	while (agora_service_next(l->p, &walk, &s))
		for (uint16_t id = AGORA_RTC_AUDIO; id <= AGORA_RTC_DATA; id++)
			if (s.type == AGORA_RTC && has_entrance(l, &s) &&
			    find_privilege(walk.privileges, id, &p) && is_over(l, &p)) {
				tell_end(l, s.type, &p, detail);
				return true;
			}
	return false;
}

/* The privileges of what lets the client join a channel: bits 1 << privilege; 0: nothing does. */
static unsigned
channel_privileges(const struct look *l)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;
	struct agora_privilege p;
	unsigned found = 0;

	while (agora_service_next(l->p, &walk, &s)) {
		if (s.type != AGORA_RTC || !has_entrance(l, &s))
			continue;
		if (!find_privilege(walk.privileges, AGORA_RTC_JOIN, &p))
			return 0;
		for (uint16_t id = AGORA_RTC_JOIN; id <= AGORA_RTC_DATA; id++)
			if (find_privilege(walk.privileges, id, &p))
				found |= 1U << id;
	}
	return found;
}

static bool
only_subscribes(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return channel_privileges(l) == AGORA_RTC_SUBSCRIBER;
}

static bool
has_service(const struct look *l, uint16_t type)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;

	while (agora_service_next(l->p, &walk, &s))
		if (s.type == type)
			return true;
	return false;
}

/* One for RTM's channels has the data alone, and wants no more. */
static bool
publishes_in_part(const struct look *l, const struct row *row, struct buf *detail)
{
	const unsigned found = channel_privileges(l);
	const char *join = ": ";

	(void)row;
	if (found == 0 || found == AGORA_RTC_SUBSCRIBER || found == AGORA_RTC_PUBLISHER ||
	    (found == (AGORA_RTC_SUBSCRIBER | 1U << AGORA_RTC_DATA) &&
		(has_service(l, AGORA_RTM) || has_service(l, AGORA_RTM2))))
		return false;
	for (uint16_t id = AGORA_RTC_AUDIO; id <= AGORA_RTC_DATA; id++)
		if (!(found & 1U << id)) {
			buf_printf(detail, "%s%s", join, agora_privilege_name(AGORA_RTC, id));
			join = " and ";
		}
	return true;
}

/* What opens the channel is not for joining it. */
static bool
opens_no_rtc(const struct look *l, const struct row *row, struct buf *detail)
{
	struct agora_walk walk = { 0 };
	struct agora_service s;

	(void)row;
	if (l->e->channel.data == NULL || !l->fit.channel || !l->fit.has_channels ||
	    !l->p->complete || l->p->version == 6)
		return false;
	while (agora_service_next(l->p, &walk, &s))
		if (s.type == AGORA_RTC && fit_opens(&s, l->e->channel))
			return false;
	buf_printf(detail, ": it is for %s", agora_service_name(l->fit.type));
	return true;
}

/* What lets the client in may stand behind it. */
static bool
hides_services(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row;
	if (l->out->first_unknown_type < 0 ||
	    (l->p->services_read > 0 && l->fit.channel && l->fit.user))
		return false;
	buf_printf(detail, ": type %lld", (long long)l->out->first_unknown_type);
	return true;
}

static bool
account_looks_like_a_number(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row;
	if (l->e->account.data == NULL || !is_number(l->e->account) || !l->fit.user ||
	    l->fit.its_user.length == 0)
		return false;
	buf_printf(detail, " %.*s", (int)l->e->account.length, l->e->account.data);
	return true;
}

static bool
lives_too_long(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row;
	if (l->out->expire <= AGORA_EXPIRE_MAX)
		return false;
	buf_printf(detail, ": it says %lld seconds", (long long)l->out->expire);
	return true;
}

/* Of the token, or of the privilege to get in. */
static bool
lives_shortly(const struct look *l, const struct row *row, struct buf *detail)
{
	int64_t least = l->out->expire;
	struct agora_walk walk = { 0 };
	struct agora_service s;
	struct agora_privilege p;

	(void)row;
	if (least < 0)
		return false;
	while (agora_service_next(l->p, &walk, &s))
		if (has_entrance(l, &s) && find_privilege(walk.privileges, 1, &p) && p.expire > 0 &&
		    p.expire < least)
			least = p.expire;
	if (least >= SHORT_LIFE)
		return false;
	buf_printf(detail, ": %lld %s", (long long)least, least == 1 ? "second" : "seconds");
	return true;
}

static bool
is_verified_by_secondary(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return l->out->certificate.data != NULL;
}

static bool
is_from_the_future(const struct look *l, const struct row *row, struct buf *detail)
{
	int64_t ahead = l->out->issue_ts - l->e->now;

	(void)row;
	if (l->out->issue_ts < 0 || ahead <= CLOCKS_DIFFER)
		return false;
	buf_text(detail, ": ");
	add_duration(detail, ahead);
	buf_text(detail, " from now, by the clock of this machine");
	return true;
}

/* What it says is read as far as it goes, and what is missing was signed, too. */
static bool
is_cut_in_two(const struct look *l)
{
	return l->copied.is_cut && l->error == AGORA_TRUNCATED;
}

static bool
is_not_verified(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row;
	if (l->out->signature.data == NULL || l->out->signature_valid != MAYBE_NULL ||
	    is_cut_in_two(l))
		return false;
	if (l->names_missing && l->fit.type == AGORA_RTM)
		buf_text(detail, ": that of 006 for RTM can be checked only with the user");
	else if (l->names_missing)
		buf_text(detail, ": that of 006 can be checked only with channel and uid");
	else if (l->e->certificate.data == NULL)
		buf_text(detail, ": there is no App Certificate to check it with");
	else if (!l->is_certified)
		buf_text(detail, ": the App Certificate here is of another App ID");
	else if (l->fit.type == AGORA_RTM)
		buf_text(detail, ": that of 006 covers the user, and it differs");
	else
		buf_text(detail, ": that of 006 covers the channel and the uid, and they differ");
	return true;
}

/* It is for anyone in one channel and lives as long as those that the console makes. */
static bool
is_like_the_consoles(const struct look *l, const struct row *row, struct buf *detail)
{
	(void)row, (void)detail;
	return l->p->version == 7 && l->out->expire == AGORA_EXPIRE_MAX &&
	    l->p->services_read == 1 && l->fit.type == AGORA_RTC && l->fit.its_user.length == 0 &&
	    l->fit.its_channel.length > 0 &&
	    memchr(l->fit.its_channel.data, '*', l->fit.its_channel.length) == NULL;
}

/*
 * The most likely cause first; hints are last.  docs/refused.md has the same words for people, and
 * tests/checks/docs compares them.
 */
static const struct row rows[] = {
	{ "empty", "there is no token",
	    "look at where the client gets it: it asked before the answer was there, or read "
	    "another member of it than token, rtcToken or rtmToken",
	    is_error, .error = AGORA_EMPTY },
	{ "not_ready", "there is no token yet, but what a program writes in its place",
	    "wait for the server's answer (await it), and take its member token, rtcToken or "
	    "rtmToken: what is here is an empty variable, an answer that has yet to come, or all "
	    "of an object",
	    is_not_ready },
	{ "jwt", "this is a JSON Web Token, not an Agora token",
	    "give the client the token that this API issues: a JSON Web Token says who asks, and "
	    "belongs in an Authorization header",
	    is_jwt },
	{ "certificate_exposed", "the App Certificate is where anybody can read it",
	    "look at the order of arguments where tokens are made; the certificate is a secret, so "
	    "have Agora's console make a new one and delete this one",
	    shows_certificate },
	{ "app_id", "this is an App ID or an App Certificate, not a token",
	    "give the client's SDK the App ID and the token in their own places; an App "
	    "Certificate never leaves the server",
	    is_app_id },
	{ "embedded", "the token is inside of something else: a JSON answer, a URL, a header line",
	    "give the client the token alone: parse the answer or the URL, and take the member or "
	    "the parameter that has it",
	    is_inside },
	{ "quoted", "there are quotes around the token, or a backslash, a comma or a semicolon",
	    "give the client the token without them: parse the server's JSON answer instead of "
	    "cutting it out",
	    is_quoted },
	{ "bearer", "the word Bearer stands before the token",
	    "leave it out: Bearer belongs in an Authorization header, not in front of a token for "
	    "Agora's SDK",
	    has_bearer },
	{ "blanks", "there are blanks or line ends around the token or in it",
	    "cut them off, and copy it in one line: a token that is read from a file often ends "
	    "with a line end",
	    has_blanks },
	{ "percent_encoded", "the token is encoded for a URL (%2B, %2F, %3D)",
	    "decode it before the client uses it", is_percent_encoded },
	{ "plus_lost", "the token has a blank where a + was",
	    "encode it before it becomes a part of a URL (encodeURIComponent makes %2B of +): in a "
	    "query a + means a blank",
	    lost_plus },
	{ "truncated", "the token is cut short",
	    "copy it whole, up to the = at its end if it has one, and look at the length of the "
	    "database column or field that kept it",
	    is_truncated, .error = AGORA_TRUNCATED },
	{ "bad_version", "the token does not begin with 007",
	    "give the client the token itself: what is here is something else, such as an App ID, "
	    "a certificate, a JSON Web Token, the server's whole answer or a URL",
	    is_error, .error = AGORA_BAD_VERSION },
	{ "not_accesstoken2", "the code that made the token does not follow AccessToken2",
	    "make tokens with a current library of Agora's (AccessToken2, RtcTokenBuilder2) or "
	    "with "
	    "this service: base64 of a zlib stream follows 007",
	    is_built_by_hand },
	{ "bad_base64", "the token is not base64: a character was changed, added or lost",
	    "copy it again, from the server's answer; it has letters, digits, +, / and = alone",
	    is_error, .error = AGORA_BAD_BASE64 },
	{ "bad_zlib", "the token's compressed content is damaged",
	    "copy it again: a character in it was changed, or some are missing in its middle",
	    is_error, .error = AGORA_BAD_ZLIB },
	{ "trailing_data", "there are bytes after the token's end",
	    "copy it alone: something follows it, perhaps a second token", has_more_behind,
	    .error = AGORA_TRAILING_DATA },
	{ "too_large", "the token is too large: 16384 bytes of text and 65536 of content at most",
	    "give the client the token alone; real ones have some hundred characters", is_error,
	    .error = AGORA_TOO_LARGE },
	{ "bad_app_id", "the App ID in the token is not 32 hexadecimal digits",
	    "set APP_ID where the token is issued, as Agora's console shows it", is_error,
	    .error = AGORA_BAD_APP_ID },
	{ "no_services", "the token holds no service",
	    "say what it is for where it is issued: it opens nothing as it is", is_error,
	    .error = AGORA_NO_SERVICE },
	{ "duplicate_privilege", "a service names the same privilege twice",
	    "issue it with a current token library: this one has been put together by hand",
	    is_error, .error = AGORA_DUPLICATE_PRIVILEGE },
	{ "unsupported_version", "the token is of an old version, and Agora wants 007 now",
	    "issue it with a current token library: AccessToken2, RtcTokenBuilder2, or this "
	    "service",
	    is_error, .error = AGORA_UNSUPPORTED_VERSION },
	{ "app_id_mismatch", "the token is for another App ID",
	    "give the client's SDK and the server that issues the App ID of the same project, in "
	    "the same letters",
	    is_for_another_app },
	{ "bad_signature", "the token was made with another App Certificate, or changed since",
	    "set APP_CERTIFICATE where it is issued to the primary certificate of this project, as "
	    "the console shows it; case counts",
	    is_signed_by_another, .error = AGORA_BAD_SIGNATURE },
	{ "expired", "the token has expired",
	    "have the client ask for a new one and renew it (renewToken) before the end; if it is "
	    "new, set the clock of the server that issues",
	    has_expired },
	{ "wrong_kind", "the token opens no channel, and the client joins one",
	    "issue an RTC token to join a channel (tokenType rtc), and use this one for what it is "
	    "for, such as to log in to RTM",
	    is_of_another_kind },
	{ "channel_mismatch", "the token is for another channel",
	    "use one name in both places, byte for byte: upper and lower case and blanks count",
	    is_for_another_channel },
	{ "account_zero",
	    "the token is for an account of the name 0, which is a user like any other and not the "
	    "uid 0",
	    "give an empty string where any user may use it, or the uid that the client joins "
	    "with: "
	    "PHP's library writes the number 0 as this account",
	    is_for_account_zero },
	{ "uid_zero",
	    "the client joins without a uid of its own (0), so Agora gives it one, and the token "
	    "is for a named user",
	    "join with the uid that the token names, or issue it for uid 0, which any user may use",
	    joins_with_zero },
	{ "uid_kind",
	    "the token is for a number where the client joins with a string, or the reverse",
	    "use one kind everywhere: a number without zeros in front in both places, or an "
	    "account in both (joinChannelWithUserAccount)",
	    kinds_of_users_differ },
	{ "uid_mismatch", "the token is for another user",
	    "issue it for the uid that the client joins with; 0 where any user may use it",
	    is_for_another_user },
	{ "bad_name", "Agora refuses such a name, even where the token is for it",
	    "use 1 to 64 bytes for a channel, a room, an RTM or a Chat user, and at most 255 for "
	    "an account: letters a to z and A to Z, digits, the blank and "
	    "!#$%&()+-:;<=.>?@[]^_{}|~, alone; for a Chat user a to z, digits, _ - and . alone",
	    has_bad_name },
	{ "no_privilege", "the token lacks the privilege to get in",
	    "issue it with that privilege: a role brings it along, and privileges.join where each "
	    "is named",
	    lacks_entrance },
	{ "privilege_over", "the privilege to get in has ended, though the token has not",
	    "issue a new one with a longer privilege; 0 makes it last as long as the token",
	    entrance_is_over },
	{ "unknown_service",
	    "the token has a service of a type that is not known here, and what follows it cannot "
	    "be read",
	    "inspect it with a newer version of this program, if there is one; what the client "
	    "uses may be in the part that was not read",
	    hides_services },
	{ "not_verified", "the signature was not checked",
	    "inspect it where APP_ID and APP_CERTIFICATE are those of its project; for a token of "
	    "version 006 also give the channel and the uid that it is for",
	    is_not_verified },
	{ "long_lifetime",
	    "the token says that it lives for more than 24 hours, and Agora ends it "
	    "24 hours after its issue",
	    "give expire as a lifetime in seconds, 86400 at most, not as a Unix time, and have the "
	    "client renew the token (renewToken)",
	    lives_too_long, .is_hint = true },
	{ "short_lifetime",
	    "the token, or its privilege to get in, lives for less than a minute, and SDKs warn 30 "
	    "seconds before the end",
	    "issue it for an hour or so, and have the client renew it (renewToken)", lives_shortly,
	    .is_hint = true },
	{ "issued_in_future", "the token was issued in the future",
	    "set the clock of the server that issues (NTP); Agora does not say whether it takes "
	    "such a token",
	    is_from_the_future, .is_hint = true },
	{ "publish_over", "a privilege to publish has ended, though the token has not",
	    "issue a new one with a longer privilege and have the client renew it (renewToken)",
	    publishing_is_over, .is_hint = true },
	{ "subscriber_only", "the token is a subscriber's: it may join and not publish",
	    "issue it with role publisher for who is to send. Where co-host authentication is "
	    "switched on for the project in Agora's console, Agora lets nobody publish with this "
	    "token; where it is not, Agora does not look at the role, and this is not the reason",
	    only_subscribes, .is_hint = true },
	{ "publish_partly", "the token may publish some things, and lacks the privilege for others",
	    "issue it with role publisher, or name what is missing in privileges (audio, video, "
	    "data). Where co-host authentication is switched on for the project in Agora's "
	    "console, Agora lets nobody publish what is missing; where it is not, Agora does not "
	    "look at these privileges",
	    publishes_in_part, .is_hint = true },
	{ "no_rtc", "the token opens the channel, and not for the RTC SDK",
	    "issue an RTC token (tokenType rtc) where the client joins with the RTC SDK; for what "
	    "this one is for it is right",
	    opens_no_rtc, .is_hint = true },
	{ "uid_or_account", "a token cannot tell the string account from the number",
	    "look whether the client joins with a string where the others join with numbers: "
	    "all users of a channel must be of one kind",
	    account_looks_like_a_number, .is_hint = true },
	{ "console_token", "the token is like the temporary ones of Agora's console",
	    "have a server issue tokens: a temporary one is for trying things out, is for one "
	    "channel and any user, and ends after 24 hours",
	    is_like_the_consoles, .is_hint = true },
	{ "account_named_zero",
	    "the token is for an account of the name 0, which is a user like any other and not the "
	    "uid 0",
	    "give an empty string or the number 0 where any user may use it: PHP's library and "
	    "userAccount/0 write this account",
	    names_zero, .is_hint = true },
	{ "placeholder_name",
	    "a name looks like a variable that had no value, or was not filled in",
	    "look at where the client and the server take the name from, and use one that is real",
	    has_placeholder, .is_hint = true },
	{ "app_id_inside", "the token has the App ID in place of a name",
	    "look at the order of the arguments where it is issued", names_app_id,
	    .is_hint = true },
	{ "chat_capitals", "the Chat user has capital letters, which are not to be used",
	    "use small letters for Chat users: this service issues no token for others",
	    has_capitals, .is_hint = true },
	{ "secondary_certificate", "the secondary App Certificate verified the signature",
	    "set APP_CERTIFICATE where it is issued to the primary one, before the secondary one "
	    "is "
	    "disabled",
	    is_verified_by_secondary, .is_hint = true },
	{ "version_006", "the token is of version 006, which came before 007",
	    "nothing, if it works: Agora's documents say that both versions are taken, and support "
	    "asks for 007 when one is refused. Make new ones with AccessToken2, RtcTokenBuilder2 "
	    "or "
	    "this service. Video SDKs before 3.5.2 and Signaling SDKs before 1.5.0 know 006 alone",
	    is_version_006, .is_hint = true },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void
evaluate(const struct look *look, struct arena *arena, struct inspection *out)
{
	struct problem *problems = arena_alloc(arena, ROWS, sizeof(*problems));
	struct problem *embedded = NULL;
	size_t refused = 0;
	struct buf words = { 0 };

	out->problems.items = problems;
	for (const struct row *row = rows; row < rows + ROWS; row++) {
		buf_clear(&words);
		buf_text(&words, row->words);
		if (!row->is_so(look, row, &words))
			continue;
		if (row->is_so == is_inside)
			embedded = &problems[out->problems.count];
		problems[out->problems.count++] = (struct problem){ text_of(row->code),
			arena_copy(arena, buf_view(&words)), text_of(row->fix) };
		refused += !row->is_hint;
	}
	if (embedded != NULL && refused == 1 && out->signature_valid == 1) {
		buf_clear(&words);
		buf_add(&words, embedded->problem.data, embedded->problem.length);
		buf_text(&words, "; the token inside is good, and the client must pass it alone");
		embedded->problem = arena_copy(arena, buf_view(&words));
	}
	buf_free(&words);
	out->valid = refused == 0 && out->signature_valid == 1;
}

/* What it says */

static void
check_signature(const struct look *l, struct inspection *out)
{
	const struct expectation *e = l->e;
	struct text channel_text = e->channel, user_text = fit_user(e);
	struct agora_text channel, user;

	if (l->p->version == 6 && l->fit.type == AGORA_RTM) {
		channel_text = fit_exact_user(e);
		user_text = TEXT("");
	}
	if (l->p->version == 6 && l->p->user_crc == 0)
		user_text = TEXT("");
	channel = (struct agora_text){ channel_text.data, channel_text.length };
	user = (struct agora_text){ user_text.data, user_text.length };
	if (l->p->signature == NULL || e->certificate.data == NULL || l->names_missing ||
	    !l->is_certified || is_cut_in_two(l))
		return;
	/* Names that it is not for would make a good signature look bad. */
	if (l->p->version == 6 && ((!l->fit.channel && l->fit.type != AGORA_RTM) || !l->fit.user))
		return;
	out->signature_valid =
	    agora_token_verify(l->p, e->certificate.data, channel, user) == AGORA_OK;
	if (!out->signature_valid && e->second_certificate.data != NULL &&
	    agora_token_verify(l->p, e->second_certificate.data, channel, user) == AGORA_OK) {
		out->signature_valid = 1;
		out->certificate = TEXT("secondary");
	}
}

static void
describe_007(const struct agora_parsed *p, struct arena *arena, struct inspection *out)
{
	if (p->services.data == NULL)
		return; /* not even the fixed part was there */
	out->issue_ts = p->issue_ts;
	out->expire = p->expire;
	/* Agora's limit, whatever the token says. */
	out->expire_at =
	    (int64_t)p->issue_ts + (p->expire < AGORA_EXPIRE_MAX ? p->expire : AGORA_EXPIRE_MAX);
	out->salt = p->salt;
	out->service_count = p->service_count;
	out->complete = p->complete && p->services_read == p->service_count;
	if (!p->complete)
		out->first_unknown_type = p->first_unknown_type;
	out->services = inspected_services(p, arena);
}

static void
describe_006(const struct agora_parsed *p, struct arena *arena, struct inspection *out)
{
	if (p->message.data == NULL)
		return;
	out->salt = p->salt;
	out->expire_at = p->ts;
	out->channel_crc = p->channel_crc;
	out->user_crc = p->user_crc;
	out->complete = p->complete;
	out->privileges = inspected_privileges(p->privileges, 0, true, arena);
}

static void
describe(const struct look *l, struct arena *arena, struct inspection *out)
{
	const struct agora_parsed *p = l->p;
	struct buf signature = { 0 };

	*out = (struct inspection){ .app_id = view(p->app_id),
		.issue_ts = -1,
		.expire = -1,
		.expire_at = -1,
		.salt = -1,
		.service_count = -1,
		.channel_crc = -1,
		.user_crc = -1,
		.first_unknown_type = -1,
		.complete = MAYBE_ABSENT,
		.signature_valid = MAYBE_NULL,
		.expired = MAYBE_ABSENT };
	if (p->version != 0)
		out->version = p->version == 6 ? TEXT("006") : TEXT("007");
	if (p->signature != NULL) {
		buf_hex(&signature, p->signature, AGORA_SIGNATURE_LENGTH);
		out->signature = arena_copy(arena, buf_view(&signature));
		buf_free(&signature);
	}
	if (p->version == 7)
		describe_007(p, arena, out);
	else if (p->version == 6)
		describe_006(p, arena, out);
	if (out->expire_at >= 0)
		out->expired = l->e->now > out->expire_at;
}

/* What the client has, of those that can be looked at: in the words of the request. */
static struct list
compared(const struct look *l, struct arena *arena)
{
	struct text *names = arena_alloc(arena, 3, sizeof(*names));
	const bool readable = l->p->services.data != NULL || l->p->message.data != NULL;
	size_t count = 0;

	if (l->e->app_id.data != NULL && l->p->app_id.data != NULL)
		names[count++] = TEXT("appId");
	if (l->e->channel.data != NULL && readable)
		names[count++] = TEXT("channel");
	if (l->e->account.data != NULL && readable)
		names[count++] = TEXT("account");
	else if (l->e->uid.data != NULL && readable)
		names[count++] = TEXT("uid");
	return (struct list){ names, count };
}

void
inspect_token(struct agora_codec *codec, struct text token, const struct expectation *e,
    struct arena *arena, struct inspection *out)
{
	struct agora_parsed parsed;
	struct look look = { .e = e, .p = &parsed, .out = out };

	look.error =
	    copied_parse(codec, token, e->channel, fit_user(e), arena, &parsed, &look.copied);
	if (look.error != AGORA_OK) {
		look.foreign = foreign_look(codec,
		    look.error == AGORA_BAD_VERSION ? look.copied.text : look.copied.token,
		    look.error, arena);
		/* The codec may hold another by now. */
		look.error = copied_parse(
		    codec, token, e->channel, fit_user(e), arena, &parsed, &look.copied);
	}
	look.is_certified = e->certified_app_id.data == NULL || parsed.app_id.data == NULL ||
	    look.error == AGORA_BAD_APP_ID ||
	    same_but(view(parsed.app_id), e->certified_app_id, true, false);
	look.fit = fit_of(&parsed, e);
	look.names_missing = parsed.version == 6 &&
	    (look.fit.type == AGORA_RTM ? fit_user(e).data == NULL
					: e->channel.data == NULL ||
			(fit_user(e).data == NULL && parsed.user_crc != 0));
	describe(&look, arena, out);
	out->compared = compared(&look, arena);
	check_signature(&look, out);
	evaluate(&look, arena, out);
}

void
inspect_ask(struct exchange *x, struct ask *ask)
{
	struct services *services = x->context;
	const struct inspect_request *r = x->input;
	const struct text none = { NULL, 0 };
	struct agora_parsed parsed;
	struct copied copied;

	/* Where it is only asked whether a caller may, there is no codec. */
	if (services == NULL)
		return;
	copied_parse(services->codec, r->token, none, none, &x->arena, &parsed, &copied);
	if (parsed.app_id.data == NULL)
		return;
	ask->app_id = arena_copy(&x->arena, view(parsed.app_id));
	ask->is_default_app = text_is_nocase(ask->app_id, services->settings->app_id.data);
}

/* NULL, or the second of several names that were given for one thing. */
static const char *
second_name(struct exchange *x, const char *const *names)
{
	bool first = false;

	for (; *names != NULL; names++) {
		if (field_member(x->members, *names) == NULL)
			continue;
		if (first)
			return *names;
		first = true;
	}
	return NULL;
}

/* A client that joins with null has no uid, as one that joins with 0. */
static bool
is_null(struct exchange *x, const char *name)
{
	json_object_object_foreach(x->members, key, value) {
		if (value == NULL && text_is_nocase(text_of(key), name))
			return true;
	}
	return false;
}

static enum step
refuse_twice(struct exchange *x)
{
	static const char *const *const all[] = { tokens, channels, uids, accounts };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const char *second = second_name(x, all[i]);
		struct buf rule = { 0 };

		if (second == NULL)
			continue;
		buf_printf(&rule, "must not be there beside another name of %s", all[i][0]);
		exchange_fail(
		    x, ERROR_INVALID_FIELD, second, arena_copy(&x->arena, buf_view(&rule)).data);
		buf_free(&rule);
		return ANSWERED;
	}
	return NEXT;
}

enum step
inspect_post(struct exchange *x)
{
	struct services *services = x->context;
	const struct token_settings project = services_project(x);
	const struct inspect_request *r = x->input;
	struct expectation expectation = {
		.app_id = r->app_id.data != NULL ? r->app_id : project.app_id,
		.certificate = project.certificate,
		.second_certificate = project.second_certificate,
		.certified_app_id = project.app_id,
		.channel = r->channel,
		.uid = r->uid,
		.account = r->account,
		.now = x->now,
	};

	if (r->uid.data != NULL && r->account.data != NULL)
		return exchange_fail(x, ERROR_INVALID_FIELD, "account",
		    "must not be there beside uid: a client joins with one of them");
	if (refuse_twice(x) == ANSWERED)
		return ANSWERED;
	if (r->uid.data == NULL && r->account.data == NULL &&
	    (is_null(x, "uid") || is_null(x, "rtcuid")))
		expectation.uid = TEXT("0");
	inspect_token(services->codec, r->token, &expectation, &x->arena, x->output);
	return NEXT;
}
