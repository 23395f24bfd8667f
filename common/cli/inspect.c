#include "inspect.h"

#include <stdlib.h>

#include "cli.h"
#include "clock.h"
#include "names.h"

static const char *json, *now, *channel, *uid, *account, *wanted_app_id, *env_file;

const struct option inspect_options[] = {
	{ "json", NULL, "print JSON for programs", &json },
	{ "now", "UNIX", "judge as at this time (default now)", &now },
	{ "channel", "NAME", "the channel that the client joins", &channel },
	{ "uid", "UID", "the uid or account that it joins with; 0 = none of its own", &uid },
	{ "account", "NAME", "the string account that it joins with, in place of --uid", &account },
	{ "app-id", "ID", "the client's App ID (default APP_ID)", &wanted_app_id },
	{ "env-file", "FILE", "read settings from this .env file too", &env_file },
};
const size_t inspect_option_count = sizeof(inspect_options) / sizeof(inspect_options[0]);

static void
print_name(const char *label, struct text name, const char *empty)
{
	struct buf quoted = { 0 };

	if (name.data == NULL)
		return;
	if (name.length == 0) {
		printf("    %-12s %s\n", label, empty);
		return;
	}
	inspect_name(&quoted, name);
	printf("    %-12s %.*s\n", label, (int)quoted.length - 2, quoted.data + 1);
	buf_free(&quoted);
}

static void
print_time(const char *label, int64_t at)
{
	char text[64] = "?";
	time_t seconds = (time_t)at;
	struct tm tm;

	if (at < 0)
		return;
	if (gmtime_r(&seconds, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	printf("%-14s %s (%lld)\n", label, text, (long long)at);
}

static void
print_duration(int64_t seconds)
{
	if (seconds >= 86400)
		printf("%lld d ", (long long)(seconds / 86400));
	if (seconds >= 3600)
		printf("%lld h ", (long long)(seconds % 86400 / 3600));
	if (seconds >= 60)
		printf("%lld min ", (long long)(seconds % 3600 / 60));
	printf("%lld s", (long long)(seconds % 60));
}

static void
print_time_left(int64_t expire_at, int64_t at)
{
	if (expire_at < 0)
		return;
	printf("%-14s ", "time left");
	if (at <= expire_at) {
		print_duration(expire_at - at);
		printf("\n");
	} else {
		printf("none, expired ");
		print_duration(at - expire_at);
		printf(" ago\n");
	}
}

static void
print_privileges(const struct list *list, bool absolute)
{
	const struct inspected_privilege *p = list->items;

	for (size_t i = 0; i < list->count; i++) {
		printf("    %-12s ", i == 0 ? "privileges" : "");
		if (p[i].name.data != NULL)
			printf("%s", p[i].name.data);
		else
			printf("number %lld", (long long)p[i].id);
		if (p[i].expire == 0)
			printf(", as long as the token\n");
		else if (absolute)
			printf(", until %lld\n", (long long)p[i].expire_at);
		else
			printf(", %lld s after issue\n", (long long)p[i].expire);
	}
}

/* "read", or "permission 7" where there is no word for it. */
static void
add_word(struct buf *line, const char *const *words, size_t count, const char *kind, int64_t number)
{
	if (number < (int64_t)count)
		buf_text(line, words[number]);
	else
		buf_printf(line, "%s %lld", kind, (long long)number);
}

static void
print_permissions(const struct list *list)
{
	static const char *const resources[] = { "message channels", "stream channels",
		"group channels", "server groups", "users" };
	static const char *const permissions[] = { "read", "write" };
	const struct inspected_permission *p = list->items;

	for (size_t i = 0; i < list->count; i++) {
		const struct text *names = p[i].names.items;
		struct buf line = { 0 };

		add_word(&line, permissions, 2, "permission", p[i].permission);
		buf_text(&line, " ");
		add_word(&line, resources, 5, "resource", p[i].resource);
		for (size_t n = 0; n < p[i].names.count; n++) {
			buf_text(&line, n == 0 ? ": " : ", ");
			inspect_name(&line, names[n]);
		}
		printf("    %-12s %.*s\n", "may", (int)line.length, line.data);
		buf_free(&line);
	}
}

static void
print_service(const struct inspected_service *s)
{
	printf("  %s\n", s->name.data);
	print_name("channel", s->channel, "any (empty)");
	print_name("uid", s->uid, "any");
	print_name("user", s->user_id, "none");
	print_name("account", s->account, "any");
	print_name("room", s->room_uuid, "none");
	print_name("user", s->user_uuid, "none");
	if (s->role != INT64_MIN)
		printf("    %-12s %lld\n", "role", (long long)s->role);
	print_privileges(&s->privileges, false);
	print_permissions(&s->permissions);
}

/* It is not checked to be hexadecimal, so it is shown like any name. */
static void
print_app_id(struct text app_id)
{
	struct buf quoted = { 0 };

	inspect_name(&quoted, app_id);
	printf("%-14s %.*s\n", "App ID", (int)quoted.length - 2, quoted.data + 1);
	buf_free(&quoted);
}

static const char *
signature_word(int valid)
{
	return valid < 0 ? "not checked" : valid ? "good" : "wrong";
}

static void
print_sheet(const struct inspection *t, int64_t at)
{
	const struct inspected_service *services = t->services.items;
	const struct problem *problems = t->problems.items;

	printf("%-14s %s\n", "token",
	    t->version.data == NULL ? "not an Agora token" : t->version.data);
	if (t->app_id.data != NULL)
		print_app_id(t->app_id);
	print_time("issued", t->issue_ts);
	print_time("expires", t->expire_at);
	print_time_left(t->expire_at, at);
	if (t->version.data != NULL)
		printf("%-14s %s%s\n", "signature", signature_word(t->signature_valid),
		    t->certificate.data != NULL ? ", by the secondary certificate" : "");
	if (t->services.count > 0)
		printf("services\n");
	for (size_t i = 0; i < t->services.count; i++)
		print_service(&services[i]);
	print_privileges(&t->privileges, true);
	if (t->first_unknown_type >= 0)
		printf("  and a service of the unknown type %lld; what follows it cannot be read\n",
		    (long long)t->first_unknown_type);
	printf("%-14s %s\n", "verdict", t->valid ? "valid" : "NOT VALID");
	for (size_t i = 0; i < t->problems.count; i++)
		printf("  %s (%s)\n    fix: %s\n", problems[i].problem.data, problems[i].code.data,
		    problems[i].fix.data);
}

/*
 * Judges a token of another App ID by the policy's project that has it, if there is one.  false
 * with *error set; *policy owns what *expectation then points to.
 */
static bool
look_in_policy(struct settings *settings, struct text app_id, struct expectation *e,
    struct policy **policy, struct buf *error)
{
	struct access_settings found = { 0 };
	const struct project *p;

	if (app_id.data == NULL ||
	    (e->certified_app_id.data == NULL ? e->certificate.data != NULL
					      : text_is_nocase(app_id, e->certified_app_id.data)))
		return true;
	if (!settings_read(settings, &access_settings_table, &found, error))
		return false;
	if (found.policy_file.data == NULL)
		return true;
	*policy = policy_open(found.policy_file.data, error);
	if (*policy == NULL)
		return false;
	p = (*policy)->projects.items;
	for (size_t i = 0; i < (*policy)->projects.count; i++)
		if (text_is_nocase(app_id, p[i].app_id.data)) {
			if (wanted_app_id == NULL)
				e->app_id = p[i].app_id;
			e->certificate = p[i].certificate;
			e->second_certificate = p[i].second_certificate;
			e->certified_app_id = p[i].app_id;
			break;
		}
	return true;
}

static int
inspect(struct text token, struct settings *settings, struct expectation *expectation)
{
	struct agora_codec *codec = agora_codec_open();
	struct policy *policy = NULL;
	struct arena arena = { 0 };
	struct buf out = { 0 };
	struct inspection inspection;

	if (codec == NULL) {
		buf_text(&out, "out of memory");
		return cli_fail(EXIT_OS, &out);
	}
	inspect_token(codec, token, expectation, &arena, &inspection);
	if (!look_in_policy(settings, inspection.app_id, expectation, &policy, &out)) {
		arena_free(&arena);
		agora_codec_close(codec);
		return cli_fail(EXIT_CONFIG, &out);
	}
	inspect_token(codec, token, expectation, &arena, &inspection);
	if (json != NULL) {
		field_write(&out, &inspection_table, &inspection);
		buf_text(&out, "\n");
		fwrite(out.data, 1, out.length, stdout);
	} else {
		print_sheet(&inspection, expectation->now);
	}
	buf_free(&out);
	arena_free(&arena);
	agora_codec_close(codec);
	policy_close(policy);
	return cli_end(inspection.valid ? 0 : EXIT_NOT_VALID);
}

/* The token's text; from standard input without the line's end. */
static bool
take_token(const char *operand, struct buf *content, struct text *token)
{
	*token = text_of(operand);
	if (strcmp(operand, "-") != 0)
		return true;
	if (!cli_stdin(1024 * 1024, content))
		return false;
	while (content->length > 0 &&
	    (content->data[content->length - 1] == '\n' ||
		content->data[content->length - 1] == '\r'))
		content->length--;
	*token = buf_view(content);
	return true;
}

int
cli_inspect(char **argv)
{
	struct token_settings credentials;
	struct settings *settings;
	struct buf content = { 0 };
	struct field_error wrong;
	struct expectation expectation;
	struct text token;
	uint64_t at = (uint64_t)unix_seconds();
	size_t operands;
	int code;

	if (!cli_options(inspect_options, inspect_option_count, argv, &operands))
		return EXIT_USAGE;
	if (operands != 1) {
		buf_text(&content, "it takes one token, or - for standard input; see --help");
		return cli_fail(EXIT_USAGE, &content);
	}
	if (uid != NULL && account != NULL) {
		buf_text(&content, "--account must not be there beside --uid; see --help");
		return cli_fail(EXIT_USAGE, &content);
	}
	if (uid != NULL && !name_is_not_negative(text_of(uid), &wrong)) {
		buf_printf(&content, "uid: %s", wrong.rule);
		return cli_fail(EXIT_USAGE, &content);
	}
	if (now != NULL && !cli_number("now", now, INT64_MAX, &at))
		return EXIT_USAGE;
	settings = cli_credentials(env_file, &token_settings_optional_table, &credentials);
	if (settings == NULL)
		return EXIT_CONFIG;
	if (!take_token(argv[0], &content, &token)) {
		settings_free(settings);
		return EXIT_NO_INPUT;
	}
	expectation = (struct expectation){
		.app_id = wanted_app_id != NULL ? text_of(wanted_app_id) : credentials.app_id,
		.certificate = credentials.certificate,
		.second_certificate = credentials.second_certificate,
		.certified_app_id = credentials.app_id,
		.channel = text_of(channel),
		.uid = text_of(uid),
		.account = text_of(account),
		.now = (int64_t)at,
	};
	code = inspect(token, settings, &expectation);
	buf_free(&content);
	settings_free(settings);
	return code;
}
