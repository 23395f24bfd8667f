#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "doctor.h"
#include "json.h"
#include "responder.h"

#define READY_MS 5000

/* Settings */

static bool
says(const struct buf *line, const char *words)
{
	return memmem(line->data, line->length, words, strlen(words)) != NULL;
}

static const char *
configuration_fix(const struct buf *error)
{
	if (says(error, "APP_CERTIFICATE: is required") ||
	    says(error, "CUSTOMER_SECRET: is required"))
		return "set it, unless it comes by LoadCredential: the doctor sees that as root, "
		       "without --env-file, while the service runs";
	if (says(error, ": is required"))
		return "set it, or name the service's settings with --env-file";
	return doctor_unless_denied(says(error, strerror(EACCES)),
	    "correct what the message names; agora-fcgi does not start with it");
}

void
check_configuration(struct doctor *d)
{
	if (d->config != NULL)
		doctor_say(
		    d, FINDING_OK, "configuration", NULL, "it reads, as agora-fcgi reads it");
	else
		doctor_say(d, FINDING_PROBLEM, "configuration", configuration_fix(&d->config_error),
		    "%.*s", (int)d->config_error.length, buf_view(&d->config_error).data);
}

static struct doctor *reports_to; /* settings_unknown knows no owner */

static void
report_unknown(const char *file, size_t line, const char *name, const char *meant)
{
	const char *fix = meant == NULL ? "look for a typing error, or take the line out"
					: doctor_text(reports_to, "write %s", meant);

	if (file == NULL)
		doctor_say(reports_to, FINDING_WARNING, "unknown setting", fix,
		    "the environment has %s, which is not known", name);
	else
		doctor_say(reports_to, FINDING_WARNING, "unknown setting", fix,
		    "%s:%zu: %s is not known", file, line, name);
}

static void
report_twice(const char *name, bool value_counts)
{
	doctor_say(reports_to, FINDING_WARNING, "setting given twice", "take one of them out",
	    "%s and %s_FILE are both set, and %s%s counts", name, name, name,
	    value_counts ? "" : "_FILE");
}

void
check_unknown_settings(struct doctor *d)
{
	const struct table **known = xcalloc(config_table_count + 1, sizeof(struct table *));
	size_t before = d->findings.count;

	memcpy(known, config_tables, config_table_count * sizeof(known[0]));
	known[config_table_count] = &service_settings_table;
	reports_to = d;
	settings_unknown(d->config->settings, known, config_table_count + 1, report_unknown);
	settings_twice(d->config->settings, known, config_table_count + 1, report_twice);
	free(known);
	if (d->env_file != NULL && d->findings.count == before)
		doctor_say(
		    d, FINDING_OK, "unknown setting", NULL, "there is none in %s", d->env_file);
}

void
check_mode(struct doctor *d)
{
	const char *mode = access_mode(d->config->policy);

	if (strcmp(mode, "open") == 0)
		doctor_say(d, FINDING_WARNING, "policy",
		    "set POLICY_FILE to a policy; conf/policies has some to begin with",
		    "there is none, so whoever reaches the service gets any token");
	else if (strcmp(mode, "log") == 0)
		doctor_say(d, FINDING_WARNING, "policy",
		    "when the record shows no \"shadow\" that should not be, say \"enforce\": "
		    "\"on\"",
		    "it says \"enforce\": \"log\": nothing is refused, only recorded");
	else
		doctor_say(d, FINDING_OK, "policy", NULL, "%s is enforced",
		    d->config->access.policy_file.data);
}

void
check_hosts(struct doctor *d)
{
	const struct text hosts = d->config->api.allowed_hosts;

	if (config_takes_any_host(d->config))
		doctor_say(d, FINDING_WARNING, "host names",
		    "set ALLOWED_HOSTS to the names that clients use, such as "
		    "localhost,tokens.example.com",
		    "ALLOWED_HOSTS is not set: " ANY_HOST_RULE);
	else if (hosts.data == NULL)
		doctor_say(d, FINDING_OK, "host names", NULL,
		    "any: ALLOWED_HOSTS is not set, and the policy asks everyone for credentials");
	else
		doctor_say(d, FINDING_OK, "host names", NULL, "%s, and IP addresses", hosts.data);
}

/* Certificates */

static void
check_slots(struct doctor *d, const char *what, struct text first, struct text second)
{
	if (second.data == NULL)
		doctor_say(d, FINDING_OK, what, NULL, "primary ...%.4s, no secondary",
		    first.data + first.length - 4);
	else if (text_is_nocase(first, second.data))
		doctor_say(d, FINDING_WARNING, what, "give the one that is being replaced, or none",
		    "primary and secondary are the same, ...%.4s", first.data + first.length - 4);
	else
		doctor_say(d, FINDING_OK, what, NULL,
		    "primary ...%.4s signs, secondary ...%.4s verifies",
		    first.data + first.length - 4, second.data + second.length - 4);
}

void
check_certificates(struct doctor *d)
{
	const struct token_settings *t = &d->config->token;
	const struct policy *policy = d->config->policy;
	const struct project *projects = policy == NULL ? NULL : policy->projects.items;

	check_slots(d, "certificates", t->certificate, t->second_certificate);
	for (size_t i = 0; policy != NULL && i < policy->projects.count; i++)
		check_slots(d, doctor_text(d, "certificates of %s", projects[i].name.data),
		    projects[i].certificate, projects[i].second_certificate);
}

/* A subscriber's token is no limit by itself, and nothing that is asked here shows whether it is.
 */
void
check_roles(struct doctor *d)
{
	doctor_say(d, FINDING_OK, "roles", NULL,
	    "a note: Agora holds subscribers to their role only where co-host authentication is "
	    "switched on in its console");
}

/* Socket */

static bool
is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "localhost:", 10) == 0 ||
	    strncmp(address, "[::1]:", 6) == 0;
}

static void
check_socket_mode(struct doctor *d, const char *path, const struct stat *info)
{
	const unsigned mode = (unsigned)info->st_mode & 0777,
		       wanted = d->config == NULL ? 0660U : (unsigned)d->service.socket_mode;
	const char *group = d->config == NULL ? NULL : d->service.socket_group.data;
	const char *own = doctor_group(d, info->st_gid);

	if (mode & S_IWOTH)
		doctor_say(d, FINDING_WARNING, "socket", "set SOCKET_MODE=0660 and SOCKET_GROUP",
		    "%s has mode %04o: whoever is on this machine may ask past the web server",
		    path, mode);
	else if (mode != wanted)
		doctor_say(d, FINDING_WARNING, "socket",
		    "restart the service, or change the systemd socket's SocketMode",
		    "%s has mode %04o, and SOCKET_MODE says %04o", path, mode, wanted);
	else if (group != NULL && strcmp(group, own) != 0)
		doctor_say(d, FINDING_PROBLEM, "socket",
		    "restart the service, or change the systemd socket's SocketGroup",
		    "%s has the group %s, and SOCKET_GROUP says %s", path, own, group);
	else
		doctor_say(d, FINDING_OK, "socket", NULL, "%s has mode %04o and belongs to %s:%s",
		    path, mode, doctor_user(d, info->st_uid), own);
}

void
check_socket(struct doctor *d)
{
	const char *path = address_path(d->socket);
	struct stat info;

	if (path == NULL) {
		if (!is_loopback(d->socket))
			doctor_say(d, FINDING_WARNING, "socket",
			    "let nothing but the web server reach it, or use a Unix socket",
			    "%s: whoever reaches this address may ask past the web server",
			    d->socket);
		return;
	}
	if (stat(path, &info) != 0)
		doctor_say(d, d->socket_named ? FINDING_PROBLEM : FINDING_WARNING, "socket",
		    doctor_unless_denied(
			errno == EACCES, "start agora-fcgi, or say with --socket where it listens"),
		    "%s: %s", path, strerror(errno));
	else if (!S_ISSOCK(info.st_mode))
		doctor_say(d, FINDING_PROBLEM, "socket", "take it away, and start agora-fcgi",
		    "%s is no socket", path);
	else
		check_socket_mode(d, path, &info);
}

/* Why checks of GET /readyz failed, or warn. */
static void
add_failed(struct buf *out, struct json_object *ready)
{
	struct json_object *list = field_member(ready, "checks");
	size_t count =
	    json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *check = json_object_array_get_idx(list, i);
		struct json_object *reason = field_member(check, "reason");

		if (reason != NULL)
			buf_printf(out, "%s%s", out->length == 0 ? "" : "; ",
			    json_object_get_string(reason));
	}
}

static void
check_ready(struct doctor *d, const struct responder_answer *answer)
{
	struct json_error wrong;
	struct json_object *ready = json_read(answer->body, 0, &wrong);
	struct json_object *member =
	    json_object_is_type(ready, json_type_object) ? field_member(ready, "mode") : NULL;
	const char *runs = member == NULL ? NULL : json_object_get_string(member);
	const char *mode = d->config == NULL ? NULL : access_mode(d->config->policy);
	struct buf failed = { 0 };

	if (runs != NULL)
		add_failed(&failed, ready);
	if (runs == NULL)
		doctor_say(d, FINDING_PROBLEM, "responder",
		    "look whether it is agora-fcgi that listens there, and at BASE_PATH",
		    "%s: it answers with status %d, and not as agora-fcgi does", d->socket,
		    answer->status);
	else if (answer->status != 200)
		doctor_say(d, FINDING_PROBLEM, "responder", "the service's log says more",
		    "%s: it is not ready: %.*s", d->socket, (int)failed.length,
		    buf_view(&failed).data);
	else if (failed.length > 0)
		doctor_say(d, FINDING_WARNING, "responder",
		    "correct what agora-fcgi --check-config or the log names, and reload it "
		    "(SIGHUP)",
		    "%s: it is ready, but %.*s", d->socket, (int)failed.length,
		    buf_view(&failed).data);
	else if (mode != NULL && strcmp(mode, runs) != 0)
		doctor_say(d, FINDING_WARNING, "responder",
		    "reload it (SIGHUP), or give the doctor the settings that it has",
		    "%s: it runs with the policy in mode \"%s\", and these settings mean \"%s\"",
		    d->socket, runs, mode);
	else
		doctor_say(d, FINDING_OK, "responder", NULL, "%s: it is ready", d->socket);
	buf_free(&failed);
	json_object_put(ready);
}

void
check_responder(struct doctor *d)
{
	const char *path = address_path(d->socket);
	const char *base = d->config == NULL ? NULL : d->config->api.base_path.data;
	struct responder_answer answer;
	struct buf why = { 0 };
	struct stat info;

	if (path != NULL && (stat(path, &info) != 0 || !S_ISSOCK(info.st_mode)))
		return;
	if (responder_get(d->socket, doctor_text(d, "%s/readyz?verbose", base == NULL ? "" : base),
		READY_MS, &answer, &why))
		check_ready(d, &answer);
	else
		doctor_say(d, FINDING_PROBLEM, "responder",
		    doctor_unless_denied(says(&why, strerror(EACCES)), "start agora-fcgi"),
		    "%s: %.*s", d->socket, (int)why.length, buf_view(&why).data);
	buf_free(&answer.output);
	buf_free(&why);
}
