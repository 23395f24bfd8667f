#include <stdio.h>
#include <stdlib.h>

#include "actions.h"
#include "cli.h"
#include "config.h"
#include "explain.h"
#include "json.h"
#include "routes.h"

#define INPUT_MAX 1048576

static const char *policy_file, *env_file, *caller, *subject, *claims, *action, *request, *type,
    *channel, *uid, *role, *expire, *rtm_uid, *project, *json;

/* Those from `type` on are members of POST /getToken, as with `issue`. */
const struct option policy_options[] = {
	{ "policy", "FILE", "the policy (default: what POLICY_FILE names)", &policy_file },
	{ "env-file", "FILE", "read POLICY_FILE from this .env file too", &env_file },
	{ "caller", "NAME", "test: as this caller of the policy", &caller },
	{ "sub", "TEXT", "test: the caller's subject (default: the claim sub)", &subject },
	{ "claims", "FILE", "test: a JSON object with the caller's claims; - for standard input",
	    &claims },
	{ "action", "ACTION", "test: what it would do (default token.issue)", &action },
	{ "request", "FILE", "test: the JSON body that the action's endpoint would get", &request },
	{ "type", "KIND", "test: in place of a body, its tokenType (default rtc)", &type },
	{ "channel", "NAME", "test: its channel", &channel },
	{ "uid", "UID", "test: its uid", &uid },
	{ "role", "ROLE", "test: its role", &role },
	{ "expire", "SECONDS", "test: its lifetime", &expire },
	{ "rtm-uid", "ID", "test: its RTM user", &rtm_uid },
	{ "project", "NAME", "test: its project", &project },
	{ "json", NULL, "test: print the answer of POST /policy/check", &json },
};
const size_t policy_option_count = sizeof(policy_options) / sizeof(policy_options[0]);

/* Members of the requests that the options stand for. */
static const struct option_name names[] = { { "tokenType", "type" }, { "channel", "channel" },
	{ "channelName", "channel" }, { "rtcChannel", "channel" }, { "cname", "channel" },
	{ "uid", "uid" }, { "role", "role" }, { "expire", "expire" }, { "rtmUid", "rtm-uid" },
	{ "project", "project" }, { "action", "action" } };

/* A JSON object in a file, or on standard input.  NULL after saying what is wrong. */
static struct json_object *
read_object(const char *option, const char *path, unsigned flags, int *code)
{
	struct buf content = { 0 }, why = { 0 };
	const char *problem = NULL;
	struct json_error wrong;
	struct json_object *object = NULL;

	*code = EXIT_NO_INPUT;
	if (strcmp(path, "-") == 0) {
		if (!cli_stdin(INPUT_MAX, &content))
			return NULL;
	} else {
		problem = buf_file(&content, path, INPUT_MAX);
	}
	if (problem == NULL) {
		object = json_read(buf_view(&content), JSON_COMMENTS | flags, &wrong);
		if (wrong.problem != JSON_FINE)
			problem = json_problem_text(wrong.problem);
		else if (!json_object_is_type(object, json_type_object))
			problem = "must be one JSON object";
	}
	buf_free(&content);
	if (problem == NULL)
		return object;
	json_object_put(object);
	buf_printf(&why, "--%s: %s: %s", option, path, problem);
	cli_fail(EXIT_NO_INPUT, &why);
	return NULL;
}

static void
set_member(struct json_object *body, const char *name, const char *text, bool number)
{
	struct json_object *value = NULL;
	uint64_t n;

	if (text == NULL)
		return;
	if (number && text_number(text_of(text), INT64_MAX, &n))
		value = json_object_new_int64((int64_t)n);
	else
		value = json_object_new_string(text);
	if (value == NULL || json_object_object_add(body, name, value) != 0)
		abort();
}

/* The request that is tested: a file, or what the options say. */
static struct json_object *
make_request(int *code)
{
	struct json_object *body;
	bool token = action == NULL || strcmp(action, TOKEN_ISSUE) == 0;

	if (request != NULL)
		return read_object("request", request, 0, code);
	body = json_object_new_object();
	if (body == NULL)
		abort();
	if (token)
		set_member(body, "tokenType", type == NULL ? "rtc" : type, false);
	set_member(body, "channel", channel, false);
	/* What the REST endpoints call it. */
	if (!token) {
		set_member(body, "channelName", channel, false);
		set_member(body, "rtcChannel", channel, false);
		set_member(body, "cname", channel, false);
	}
	set_member(body, "uid", uid, false);
	set_member(body, "role", role, true);
	set_member(body, "expire", expire, true);
	set_member(body, "rtmUid", rtm_uid, false);
	set_member(body, "project", project, false);
	return body;
}

static void
print_answer(const struct explain_answer *a)
{
	const struct text *narrowed = a->narrowed.items;
	struct buf out = { 0 };

	if (json != NULL) {
		field_write(&out, &policy_verdict_table, a);
		buf_text(&out, "\n");
	} else if (a->allowed) {
		buf_printf(&out, "allowed by grant %.*s\n", (int)a->grant.length, a->grant.data);
		if (a->uid.data != NULL)
			buf_printf(&out, "uid: %.*s\n", (int)a->uid.length, a->uid.data);
		if (a->project.data != NULL)
			buf_printf(
			    &out, "project: %.*s\n", (int)a->project.length, a->project.data);
		if (a->expire > 0)
			buf_printf(&out, "lifetime: %lld seconds%s\n", (long long)a->expire,
			    a->narrowed.count > 0 ? ", cut by the grant" : "");
		for (size_t i = 0; i < a->narrowed.count; i++)
			buf_printf(&out, "cut: %.*s\n", (int)narrowed[i].length, narrowed[i].data);
	} else {
		buf_printf(&out, "not allowed: %.*s: %.*s\n", (int)a->dimension.length,
		    a->dimension.data, (int)a->reason.length, a->reason.data);
		if (a->grant.data != NULL)
			buf_printf(
			    &out, "nearest grant: %.*s\n", (int)a->grant.length, a->grant.data);
	}
	fwrite(out.data, 1, out.length, stdout);
	buf_free(&out);
}

static int
test_with(const struct policy *policy, struct json_object *claim_object, struct json_object *body)
{
	struct identity identity = { policy_caller(policy, text_of(caller)), text_of(subject),
		claim_object };
	struct arena arena = { 0 };
	struct buf why = { 0 };
	struct explain_answer answer;
	struct field_error error;
	struct json_object *sub;
	int code;

	if (identity.caller == NULL) {
		buf_printf(&why, "--caller: %s",
		    caller == NULL ? "is required" : "the policy has no caller of that name");
		return cli_fail(EXIT_USAGE, &why);
	}
	if (project != NULL && policy_project(policy, text_of(project)) == NULL) {
		buf_text(&why, "--project: the policy has no project of that name");
		return cli_fail(EXIT_USAGE, &why);
	}
	if (subject == NULL && claim_object != NULL &&
	    json_object_object_get_ex(claim_object, "sub", &sub) &&
	    json_object_is_type(sub, json_type_string))
		identity.subject = text_of(json_object_get_string(sub));
	if (explain(policy, routes, route_count, &identity, action == NULL ? TOKEN_ISSUE : action,
		body, &arena, &answer, &error)) {
		print_answer(&answer);
		code = cli_end(answer.allowed ? 0 : EXIT_NOT_VALID);
	} else {
		cli_add_error(
		    &error, names, request == NULL ? sizeof(names) / sizeof(names[0]) : 0, &why);
		code = cli_fail(EXIT_USAGE, &why);
	}
	arena_free(&arena);
	return code;
}

static int
test(const struct policy *policy)
{
	struct json_object *claim_object = NULL, *body = NULL;
	int code = EXIT_USAGE;

	/* As those of a token, which has no two of a name. */
	if (claims != NULL &&
	    (claim_object = read_object("claims", claims, JSON_UNIQUE, &code)) == NULL)
		return code;
	body = make_request(&code);
	if (body != NULL)
		code = test_with(policy, claim_object, body);
	json_object_put(claim_object);
	json_object_put(body);
	return code;
}

static void
warn_of_dead_grants(const struct policy *policy)
{
	const struct grant *grants = policy->grants.items;

	for (size_t i = 0; i < policy->grants.count; i++) {
		const char *member = policy_dead_member(policy, &grants[i]);

		if (member != NULL)
			fprintf(stderr,
			    "agora-token: warning: /grants/%zu/%s " POLICY_DEAD_RULE "\n", i,
			    member);
	}
}

static struct policy *
read_policy(const char *path, struct buf *error)
{
	struct policy *policy = policy_open(path, error);

	if (policy == NULL || policy_actions_exist(policy, path, routes, route_count, error))
		return policy;
	policy_close(policy);
	return NULL;
}

/* The policy's path: the option, or the setting. */
static struct policy *
open_policy(struct buf *error)
{
	extern char **environ;
	struct access_settings found = { 0 };
	struct settings *settings = NULL;
	struct policy *policy = NULL;

	if (policy_file != NULL)
		return read_policy(policy_file, error);
	settings = settings_open(env_file, environ, error);
	if (settings != NULL && settings_read(settings, &access_settings_table, &found, error)) {
		if (found.policy_file.data != NULL)
			policy = read_policy(found.policy_file.data, error);
		else
			buf_text(error, "--policy FILE, or the setting POLICY_FILE, is needed");
	}
	settings_free(settings);
	return policy;
}

int
cli_policy(char **argv)
{
	struct buf why = { 0 };
	struct policy *policy;
	size_t operands;
	bool tests;
	int code;

	if (!cli_options(policy_options, policy_option_count, argv, &operands))
		return EXIT_USAGE;
	tests = operands == 1 && strcmp(argv[0], "test") == 0;
	if (operands != 1 || (!tests && strcmp(argv[0], "check") != 0)) {
		buf_text(&why, "say `policy check` or `policy test`; see policy --help");
		return cli_fail(EXIT_USAGE, &why);
	}
	policy = open_policy(&why);
	if (policy == NULL)
		return cli_fail(EXIT_CONFIG, &why);
	if (tests) {
		code = test(policy);
	} else {
		warn_of_dead_grants(policy);
		printf("the policy is good: %zu callers, %zu grants, %zu projects\n",
		    policy->callers.count, policy->grants.count, policy->projects.count);
		code = cli_end(0);
	}
	policy_close(policy);
	return code;
}
