#include "names.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef bool name_check(struct text name, struct field_error *error);

/* reference/agora-rest.md H.1, typed from there and not from the code. */
static const char agora_89[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz"
			       "0123456789"
			       " ! # $ % & ( ) + - : ; < = . > ? @ [ ] ^ _ { } | ~ ,";
static const char chat_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-.";

static const struct {
	const char *name;
	name_check *check;
	const char *legal, *also;
	const char *kind;
} checks[] = {
	{ "RTC", name_is_rtc, agora_89, "*", "a channel or account name" },
	{ "RTM", name_is_rtm_user, agora_89, "", "an RTM user" },
	{ "Chat", name_is_chat_user, chat_letters, "", "a Chat user (a to z, 0 to 9, _ - .)" },
	{ "room", name_is_room, agora_89, "", "a room" },
};

static void
has_89_characters(void)
{
	size_t count = 0;

	for (int c = 1; c < 256; c++)
		count += strchr(agora_89, c) != NULL;
	CHECK(count == 89, "as Agora counts them");
}

/* Each byte alone, and in the middle, where the reason says which one it is. */
static void
judges_each_byte(void)
{
	for (size_t i = 0; i < COUNT(checks); i++)
		for (int c = 0; c < 256; c++) {
			const char middle[] = { 'a', 'b', (char)c, 'd' };
			bool legal = c != 0 &&
			    (strchr(checks[i].legal, c) != NULL ||
				strchr(checks[i].also, c) != NULL);
			struct field_error error = { 0 };
			char name[16], rule[200];
			struct text text = { guarded(middle, 4), 4 };

			snprintf(name, sizeof(name), "%s %02x", checks[i].name, (unsigned)c);
			CHECK(checks[i].check(text, &error) == legal, name);
			if (legal) {
				CHECK(error.rule[0] == '\0', name);
			} else {
				if (c > 0x20 && c < 0x7f)
					snprintf(rule, sizeof(rule),
					    "byte 3 is '%c' (0x%02x), which Agora does not allow "
					    "in %s",
					    c, (unsigned)c, checks[i].kind);
				else
					snprintf(rule, sizeof(rule),
					    "byte 3 is 0x%02x, which Agora does not allow in %s",
					    (unsigned)c, checks[i].kind);
				CHECK(same_text(text_of(error.rule), rule), name);
			}
			text = (struct text){ guarded(middle + 2, 1), 1 };
			CHECK(checks[i].check(text, &error) ==
				(legal &&
				    !(c == '0' && checks[i].check != name_is_rtc &&
					checks[i].check != name_is_room)),
			    name);
		}
}

#define TYPED_RULE                                                                                 \
	"must be a whole number, 0 to 4294967295, without zeros in front; for a string of this "   \
	"spelling use account"

static void
judges_names(void)
{
	static const struct {
		name_check *check;
		struct text name;
		const char *rule; /* NULL = fine */
	} cases[] = {
		{ name_is_rtc, TEXT("*"), NULL },
		{ name_is_rtc, TEXT("1*a*2"), NULL },
		{ name_is_rtc, TEXT("0"), NULL },
		{ name_is_rtc, TEXT(" a b "), NULL },
		{ name_is_rtc, TEXT("a/b"),
		    "byte 2 is '/' (0x2f), which Agora does not allow in a channel or account "
		    "name" },
		{ name_is_rtc, TEXT("\xc3\xa9"),
		    "byte 1 is 0xc3, which Agora does not allow in a channel or account name" },
		{ name_is_rtc, TEXT("ab\0"),
		    "byte 3 is 0x00, which Agora does not allow in a channel or account name" },
		{ name_is_rtm_user, TEXT("0"),
		    "must not be \"0\": a token for an RTM user names its user" },
		{ name_is_rtm_user, TEXT("00"), NULL },
		{ name_is_rtm_user, TEXT("0\0"),
		    "byte 2 is 0x00, which Agora does not allow in an RTM user" },
		{ name_is_rtm_user, TEXT("*"),
		    "byte 1 is '*' (0x2a), which Agora does not allow in an RTM user" },
		{ name_is_chat_user, TEXT("0"),
		    "must not be \"0\": a token for a Chat user (a to z, 0 to 9, _ - .) names its "
		    "user" },
		{ name_is_chat_user, TEXT("a-b_c.9"), NULL },
		{ name_is_chat_user, TEXT("Ab"),
		    "byte 1 is 'A' (0x41), which Agora does not allow in a Chat user (a to z, 0 to "
		    "9, _ - .)" },
		{ name_is_rtc_user, TEXT("-1294967296"),
		    "must be a whole number, 0 to 4294967295: this negative number is 3000000000 "
		    "as an unsigned one, so send that" },
		{ name_is_rtc_user, TEXT("-99999999999999999999"),
		    "must not be a negative number, but 0 to 4294967295" },
		{ name_is_rtc_user, TEXT("-"), NULL },
		{ name_is_rtc_user, TEXT("--1"), NULL },
		{ name_is_rtc_user, TEXT("-1a"), NULL },
		{ name_is_rtc_user, TEXT("a/b"),
		    "byte 2 is '/' (0x2f), which Agora does not allow in a channel or account "
		    "name" },
		{ name_is_path_uid, TEXT("007"), NULL },
		{ name_is_path_uid, TEXT("hello"),
		    "must be a whole number, 0 to 4294967295; for a string use userAccount in "
		    "place of uid" },
		{ name_is_bot_uid, TEXT("-1"),
		    "must be a whole number, 0 to 4294967295: this negative number is 4294967295 "
		    "as an unsigned one, so send that" },
		{ name_is_typed_uid, TEXT("0"), NULL },
		{ name_is_typed_uid, TEXT("4294967295"), NULL },
		{ name_is_typed_uid, TEXT("ann"), NULL },
		{ name_is_typed_uid, TEXT("7a"), NULL },
		{ name_is_typed_uid, TEXT("2026-11-30"), NULL },
		{ name_is_typed_uid, TEXT("*"), NULL },
		{ name_is_typed_uid, TEXT("042"), TYPED_RULE },
		{ name_is_typed_uid, TEXT("00"), TYPED_RULE },
		{ name_is_typed_uid, TEXT("4294967296"), TYPED_RULE },
		{ name_is_typed_uid, TEXT("18446744073709551617"), TYPED_RULE },
		{ name_is_typed_uid, TEXT(" 42 "), TYPED_RULE },
		{ name_is_typed_uid, TEXT("+42"), TYPED_RULE },
		{ name_is_typed_uid, TEXT("42.0"), TYPED_RULE },
		{ name_is_typed_uid, TEXT("1e3"), TYPED_RULE },
		{ name_is_typed_uid, TEXT("0x2a"), TYPED_RULE },
		{ name_is_room, TEXT("0"), NULL },
		{ name_is_room, TEXT("a*"),
		    "byte 2 is '*' (0x2a), which Agora does not allow in a room" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct field_error error = { 0 };

		CHECK(cases[i].check(cases[i].name, &error) == (cases[i].rule == NULL),
		    cases[i].name.data);
		CHECK(cases[i].rule == NULL || same_text(text_of(error.rule), cases[i].rule),
		    cases[i].name.data);
	}
}

static void
covers_names(void)
{
	static const struct {
		const char *pattern, *name;
		bool covered;
	} cases[] = {
		{ "", "", true },
		{ "", "any", true },
		{ "*", "", true },
		{ "*", "any", true },
		{ "**", "any", true },
		{ "a", "a", true },
		{ "a", "b", false },
		{ "a", "", false },
		{ "a", "aa", false },
		{ "aa", "a", false },
		{ "A", "a", false },
		{ "a*", "a", true },
		{ "a*", "ab", true },
		{ "a*", "ba", false },
		{ "*a", "a", true },
		{ "*a", "ba", true },
		{ "*a", "ab", false },
		{ "*a", "aba", true },
		{ "1*a*2", "1a2", true },
		{ "1*a*2", "1xaxa2", true },
		{ "1*a*2", "12", false },
		{ "1*a*2", "1a23", false },
		{ "a*b*c", "aXbXbXc", true },
		{ "*ab", "aab", true },
		{ "*aab", "aaab", true },
		{ "?", "x", false },
		{ "[a]", "a", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text pattern = text_of(cases[i].pattern), name = text_of(cases[i].name);
		char label[32];

		snprintf(label, sizeof(label), "%s / %s", cases[i].pattern, cases[i].name);
		pattern.data = guarded(pattern.data, pattern.length);
		name.data = guarded(name.data, name.length);
		CHECK(name_covers(pattern, name) == cases[i].covered, label);
	}
}

/* The definition itself: a star is nothing, or a byte and a star. */
static bool
covers_slowly(struct text p, struct text n)
{
	const struct text p_rest = { p.data + 1, p.length - 1 };
	const struct text n_rest = { n.data + 1, n.length - 1 };

	if (p.length == 0)
		return n.length == 0;
	if (p.data[0] == '*')
		return covers_slowly(p_rest, n) || (n.length > 0 && covers_slowly(p, n_rest));
	return n.length > 0 && p.data[0] == n.data[0] && covers_slowly(p_rest, n_rest);
}

/* All words of up to `max` letters of an alphabet of three, in order: 0 is the empty one. */
static struct text
word(size_t number, const char *alphabet, char out[8])
{
	size_t length = 0;

	for (; number > 0; number = (number - 1) / 3)
		out[length++] = alphabet[(number - 1) % 3];
	return (struct text){ out, length };
}

static void
covers_by_definition(void)
{
	char p[8], n[8];
	size_t wrong = 0;

	for (size_t i = 1; i < 364; i++)
		for (size_t j = 0; j < 121; j++) {
			struct text pattern = word(i, "ab*", p), name = word(j, "abc", n);

			wrong += name_covers(pattern, name) != covers_slowly(pattern, name);
		}
	CHECK(wrong == 0, "all patterns of 1 to 5 letters on all names of up to 4");
}

CU_TestInfo services_names_tests[] = {
	{ "has 89 characters", has_89_characters },
	{ "judges each byte", judges_each_byte },
	{ "judges names", judges_names },
	{ "covers names", covers_names },
	{ "covers by definition", covers_by_definition },
	CU_TEST_INFO_NULL,
};
