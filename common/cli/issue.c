#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "json.h"
#include "names.h"

static const char *type, *channel, *uid, *account, *role, *expire, *room, *rtm_uid, *issued_at,
    *salt, *json, *env_file;

/* Those of the first part are members of POST /getToken, by the names in `members`. */
const struct option issue_options[] = {
	{ "type", "KIND",
	    "rtc (default), rtm, chat, apaas, fpa, streaming, fcdn, rtm2, convoai, stt", &type },
	{ "channel", "NAME", "channel; * for any", &channel },
	{ "uid", "UID", "uid, account or user id; 0 for any RTC user", &uid },
	{ "account", "NAME", "in place of --uid: a string account, also one of digits", &account },
	{ "role", "ROLE", "publisher or subscriber (default); apaas: a number", &role },
	{ "expire", "SECONDS", "lifetime (default 3600, at most 86400)", &expire },
	{ "room", "UUID", "apaas: the room", &room },
	{ "rtm-uid", "ID", "rtc, convoai, stt: RTM user of the same token", &rtm_uid },
	{ "issued-at", "UNIX", "time of issue (default now)", &issued_at },
	{ "salt", "NUMBER", "salt (default random)", &salt },
	{ "json", NULL, "print the answer of POST /getToken instead of the token alone", &json },
	{ "env-file", "FILE", "read settings from this .env file too", &env_file },
};
const size_t issue_option_count = sizeof(issue_options) / sizeof(issue_options[0]);

static const struct {
	const char **option;
	const char *member;
	bool number;
} members[] = {
	{ &type, "tokenType", false },
	{ &channel, "channel", false },
	{ &uid, "uid", false },
	{ &account, "account", false },
	{ &role, "role", false },
	{ &expire, "expire", true },
	{ &room, "room", false },
	{ &rtm_uid, "rtmUid", false },
};
#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static const struct option_name names[] = { { "tokenType", "type" }, { "channel", "channel" },
	{ "uid", "uid" }, { "account", "account" }, { "role", "role" }, { "expire", "expire" },
	{ "room", "room" }, { "rtmUid", "rtm-uid" } };

static bool
any_member(void)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		if (*members[i].option != NULL)
			return true;
	return false;
}

/* What POST /getToken would get: a number where digits stand for one. */
static struct json_object *
body_of_options(void)
{
	struct json_object *body = json_object_new_object();

	if (type == NULL)
		type = "rtc";
	for (size_t i = 0; i < MEMBER_COUNT && body != NULL; i++) {
		const char *text = *members[i].option;
		bool number = members[i].number || members[i].option == &role;
		bool negative = text != NULL && text[0] == '-';
		struct json_object *value;
		uint64_t n;

		if (text == NULL)
			continue;
		if (number && text_number(text_of(text + negative), INT64_MAX, &n))
			value = json_object_new_int64(negative ? -(int64_t)n : (int64_t)n);
		else
			value = json_object_new_string(text);
		if (value == NULL || json_object_object_add(body, members[i].member, value) != 0)
			abort();
	}
	return body;
}

static struct json_object *
from_stdin(int *code)
{
	struct buf content = { 0 }, error = { 0 };
	struct json_object *body = NULL;
	struct json_error wrong;

	*code = EXIT_NO_INPUT;
	if (!cli_stdin(REQUEST_BODY_MAX, &content))
		return NULL;
	body = json_read(buf_view(&content), 0, &wrong);
	if (body == NULL) {
		buf_printf(&error, "standard input %s, at byte %zu",
		    json_problem_text(wrong.problem == JSON_FINE ? JSON_EMPTY : wrong.problem),
		    wrong.at + 1);
		*code = cli_fail(EXIT_USAGE, &error);
	}
	buf_free(&content);
	return body;
}

static int
print_answer(const struct token_answer *answer, bool from_options)
{
	const struct text *clamped = answer->clamped.items;
	struct buf out = { 0 };

	for (size_t i = 0; i < answer->clamped.count; i++)
		fprintf(stderr, "agora-token: %s%s: more than Agora's maximum, cut to %d seconds\n",
		    from_options ? "--" : "", clamped[i].data, AGORA_EXPIRE_MAX);
	if (json != NULL)
		field_write(&out, &token_answer_table, answer);
	else
		buf_add(&out, answer->token.data, answer->token.length);
	printf("%.*s\n", (int)out.length, out.data);
	buf_free(&out);
	return cli_end(0);
}

/* Where an account was meant it has its own option. */
static bool
is_uid(const struct token_request *request, struct field_error *error)
{
	if (uid == NULL || !token_joins(request->kind) || name_is_typed_uid(text_of(uid), error))
		return true;
	snprintf(error->field, sizeof(error->field), "uid");
	return false;
}

static int
issue(struct json_object *body, bool from_options, const struct token_settings *credentials,
    uint32_t issue_ts, uint32_t salt_value)
{
	struct services *services = xcalloc(1, sizeof(*services));
	struct arena arena = { 0 };
	struct buf why = { 0 };
	struct field_error error;
	struct token_request request;
	struct token_answer answer;
	int code = EXIT_OS;

	services->codec = agora_codec_open();
	if (services->codec == NULL) {
		buf_text(&why, "out of memory");
		code = cli_fail(EXIT_OS, &why);
	} else if (!field_read(&token_request_table, body, &arena, &request, &error) ||
	    !is_uid(&request, &error) ||
	    !token_issue(
		services, credentials, &request, issue_ts, salt_value, &arena, &answer, &error)) {
		cli_add_error(
		    &error, names, from_options ? sizeof(names) / sizeof(names[0]) : 0, &why);
		code = cli_fail(EXIT_USAGE, &why);
	} else {
		code = print_answer(&answer, from_options);
	}
	arena_free(&arena);
	agora_codec_close(services->codec);
	free(services);
	return code;
}

int
cli_issue(char **argv)
{
	struct token_settings credentials;
	struct settings *settings;
	struct json_object *body;
	struct buf why = { 0 };
	size_t operands;
	uint64_t issue_ts = (uint64_t)unix_seconds(), salt_value = token_salt();
	bool from_input;
	int code = EXIT_OS;

	if (!cli_options(issue_options, issue_option_count, argv, &operands))
		return EXIT_USAGE;
	from_input = operands == 1 && strcmp(argv[0], "-") == 0;
	if (operands > 0 && (!from_input || any_member())) {
		buf_text(&why,
		    from_input
			? "either options or - for standard input, not both"
			: "unexpected argument; options begin with two dashes, see issue --help");
		return cli_fail(EXIT_USAGE, &why);
	}
	if (operands == 0 && !any_member()) {
		if (isatty(STDIN_FILENO)) {
			buf_text(&why,
			    "say what to issue, for example --env-file .env --channel demo --uid "
			    "1; "
			    "see issue --help");
			return cli_fail(EXIT_USAGE, &why);
		}
		from_input = true;
	}
	if ((issued_at != NULL && !cli_number("issued-at", issued_at, UINT32_MAX, &issue_ts)) ||
	    (salt != NULL && !cli_number("salt", salt, UINT32_MAX, &salt_value)))
		return EXIT_USAGE;
	settings = cli_credentials(env_file, &token_settings_table, &credentials);
	if (settings == NULL)
		return EXIT_CONFIG;
	body = from_input ? from_stdin(&code) : body_of_options();
	if (body != NULL)
		code = issue(
		    body, !from_input, &credentials, (uint32_t)issue_ts, (uint32_t)salt_value);
	json_object_put(body);
	settings_free(settings);
	return code;
}
