#include "inspect.h"

#include <stdlib.h>

#include "cli.h"
#include "json.h"

#define DESCRIPTION_MAX (1024 * 1024) /* a token's 64 KiB of content as JSON */

static const char *env_file;

const struct option sign_options[] = {
	{ "env-file", "FILE", "read settings from this .env file too", &env_file },
};
const size_t sign_option_count = sizeof(sign_options) / sizeof(sign_options[0]);

static struct agora_text
agora(struct text text)
{
	return (struct agora_text){ text.data == NULL ? "" : text.data, text.length };
}

static struct agora_permission
permission_of(const struct inspected_permission *in, struct arena *arena)
{
	const struct text *names = in->names.items;
	struct agora_text *out = arena_alloc(arena, in->names.count, sizeof(*out));

	for (size_t i = 0; i < in->names.count; i++)
		out[i] = agora(names[i]);
	return (struct agora_permission){ (uint16_t)in->resource, (uint16_t)in->permission, out,
		in->names.count };
}

static struct agora_service
service_of(const struct inspected_service *in, struct arena *arena)
{
	const struct inspected_privilege *p = in->privileges.items;
	const struct inspected_permission *q = in->permissions.items;
	struct agora_privilege *privileges =
	    arena_alloc(arena, in->privileges.count, sizeof(*privileges));
	struct agora_permission *permissions =
	    arena_alloc(arena, in->permissions.count, sizeof(*permissions));
	struct text user = in->user_id;

	for (size_t i = 0; i < in->privileges.count; i++)
		privileges[i] =
		    (struct agora_privilege){ (uint16_t)p[i].id, (uint32_t)p[i].expire };
	for (size_t i = 0; i < in->permissions.count; i++)
		permissions[i] = permission_of(&q[i], arena);
	if (in->type == AGORA_RTC)
		user = in->uid;
	else if (in->type == AGORA_STREAMING || in->type == AGORA_FCDN)
		user = in->account;
	else if (in->type == AGORA_APAAS)
		user = in->user_uuid;
	return (struct agora_service){ .type = (uint16_t)in->type,
		.privileges = privileges,
		.privilege_count = in->privileges.count,
		.channel = agora(in->channel),
		.user = agora(user),
		.room = agora(in->room_uuid),
		.role = in->role == INT64_MIN ? -1 : (int16_t)in->role,
		.permissions = permissions,
		.permission_count = in->permissions.count };
}

/* Signs and prints. */
static int
sign(const struct token_description *d, const char *certificate, struct arena *arena)
{
	const struct inspected_service *in = d->services.items;
	struct agora_service *services = arena_alloc(arena, d->services.count, sizeof(*services));
	char *out = arena_alloc(arena, 1, AGORA_TOKEN_MAX + 1);
	struct agora_codec *codec = agora_codec_open();
	struct buf why = { 0 };
	enum agora_error error;
	struct agora_token token = { .app_id = d->app_id.data,
		.issue_ts = (uint32_t)d->issue_ts,
		.expire = (uint32_t)d->expire,
		.salt = (uint32_t)d->salt,
		.services = services,
		.service_count = d->services.count,
		.keep_order = d->signature.data != NULL };

	if (codec == NULL) {
		buf_text(&why, "out of memory");
		return cli_fail(EXIT_OS, &why);
	}
	for (size_t i = 0; i < d->services.count; i++)
		services[i] = service_of(&in[i], arena);
	error = agora_token_sign(codec, &token, certificate, out, NULL);
	agora_codec_close(codec);
	if (error != AGORA_OK) {
		buf_text(&why, agora_error_message(error));
		return cli_fail(EXIT_USAGE, &why);
	}
	puts(out);
	return cli_end(0);
}

int
cli_sign(char **argv)
{
	struct token_settings credentials;
	struct token_description description;
	struct settings *settings;
	struct buf content = { 0 }, why = { 0 };
	struct arena arena = { 0 };
	struct json_object *body;
	struct json_error wrong;
	struct field_error error;
	size_t operands;
	int code = EXIT_USAGE;

	if (!cli_options(sign_options, sign_option_count, argv, &operands))
		return EXIT_USAGE;
	if (operands > 1 || (operands == 1 && strcmp(argv[0], "-") != 0)) {
		buf_text(&why, "it reads standard input and takes no operand but -; see --help");
		return cli_fail(EXIT_USAGE, &why);
	}
	settings = cli_credentials(env_file, &token_settings_optional_table, &credentials);
	if (settings == NULL)
		return EXIT_CONFIG;
	if (credentials.certificate.data == NULL) {
		buf_text(&why, "APP_CERTIFICATE: is required");
		settings_free(settings);
		return cli_fail(EXIT_CONFIG, &why);
	}
	if (!cli_stdin(DESCRIPTION_MAX, &content)) {
		settings_free(settings);
		return EXIT_NO_INPUT;
	}
	body = json_read(buf_view(&content), JSON_NUL_ALLOWED, &wrong);
	if (wrong.problem != JSON_FINE)
		buf_printf(&why, "standard input %s, at byte %zu", json_problem_text(wrong.problem),
		    wrong.at + 1);
	else if (!field_read(&token_description_table, body, &arena, &description, &error))
		buf_printf(
		    &why, "%s%s%s", error.field, error.field[0] == '\0' ? "" : ": ", error.rule);
	else if (!description.complete)
		buf_text(&why,
		    "complete: is false: a service of an unknown type cannot be signed "
		    "again");
	else
		code = sign(&description, credentials.certificate.data, &arena);
	if (why.length > 0)
		cli_fail(code, &why);
	json_object_put(body);
	arena_free(&arena);
	buf_free(&content);
	settings_free(settings);
	return code;
}
