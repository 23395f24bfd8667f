#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
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

/* Nobody need change what he only may not read. */
static const char *
unless_denied(bool denied, const char *fix)
{
	return denied && geteuid() != 0 ? "run the doctor as root" : fix;
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
	return unless_denied(says(error, strerror(EACCES)),
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
report_unknown(const char *file, size_t line, const char *name)
{
	doctor_say(reports_to, FINDING_WARNING, "unknown setting",
	    "look for a typing error, or take the line out", "%s:%zu: %s is not known", file, line,
	    name);
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

/* Files */

static const char *
user_name(struct doctor *d, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	return user != NULL ? doctor_text(d, "%s", user->pw_name)
			    : doctor_text(d, "uid %u", (unsigned)uid);
}

static const char *
group_name(struct doctor *d, gid_t gid)
{
	const struct group *group = getgrgid(gid);

	return group != NULL ? doctor_text(d, "%s", group->gr_name)
			     : doctor_text(d, "gid %u", (unsigned)gid);
}

/* Who may own a secret: root, who asks, and whom the service runs as. */
static bool
may_own(const struct doctor *d, uid_t uid)
{
	const char *socket = address_path(d->socket);
	struct stat info;

	return uid == 0 || uid == geteuid() ||
	    (socket != NULL && stat(socket, &info) == 0 && uid == info.st_uid);
}

/* A file that others must not see. */
static void
check_private(struct doctor *d, const char *what, const char *path)
{
	struct stat info;

	if (stat(path, &info) != 0)
		doctor_say(d, FINDING_PROBLEM, what,
		    unless_denied(errno == EACCES, "name a file that is there and can be read"),
		    "%s: %s", path, strerror(errno));
	else if (info.st_mode & S_IRWXO)
		doctor_say(d, FINDING_PROBLEM, what, doctor_text(d, "chmod o= %s", path),
		    "%s has mode %04o: every user of this machine may use it", path,
		    (unsigned)info.st_mode & 07777);
	else if (!may_own(d, info.st_uid))
		doctor_say(d, FINDING_WARNING, what,
		    doctor_text(d, "chown root %s, with the service's group", path),
		    "%s belongs to %s, who may read and change it", path,
		    user_name(d, info.st_uid));
	else
		doctor_say(d, FINDING_OK, what, NULL, "%s has mode %04o and belongs to %s:%s", path,
		    (unsigned)info.st_mode & 07777, user_name(d, info.st_uid),
		    group_name(d, info.st_gid));
}

void
check_settings_file(struct doctor *d)
{
	if (d->env_file != NULL)
		check_private(d, "settings file", d->env_file);
}

static void
check_secret_file(void *doctor, const char *what, const char *path)
{
	check_private(doctor, what, path);
}

void
check_secret_files(struct doctor *d)
{
	if (d->config->policy != NULL)
		check_private(d, "POLICY_FILE", d->config->access.policy_file.data);
	config_secret_files(d->config, check_secret_file, d);
}

/* Whether a file can be written, or made where it is not. */
static void
check_written(struct doctor *d, const char *what, struct text path)
{
	const char *me = user_name(d, geteuid()), *slash, *place;
	struct stat info;
	bool there;

	if (path.data == NULL)
		return;
	there = stat(path.data, &info) == 0;
	slash = strrchr(path.data, '/');
	place = there ? path.data
	    : slash == NULL
	    ? "."
	    : doctor_text(d, "%.*s", slash == path.data ? 1 : (int)(slash - path.data), path.data);
	if (there && !S_ISREG(info.st_mode) && !S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode))
		doctor_say(d, FINDING_PROBLEM, what, "name a file", "%s is no file", path.data);
	else if (faccessat(AT_FDCWD, place, there ? W_OK : W_OK | X_OK, AT_EACCESS) != 0)
		doctor_say(d, FINDING_PROBLEM, what,
		    "let the service's user write there, or run the doctor as that user",
		    "%s: %s cannot write %s: %s", path.data, me, there ? "it" : "its directory",
		    strerror(errno));
	else if (there && S_ISREG(info.st_mode) && info.st_mode & S_IRWXO)
		doctor_say(d, FINDING_PROBLEM, what, doctor_text(d, "chmod o= %s", path.data),
		    "%s has mode %04o: every user of this machine may use it", path.data,
		    (unsigned)info.st_mode & 07777);
	else
		doctor_say(d, FINDING_OK, what, NULL, "%s can write %s", me, path.data);
}

static void
check_key_cache(struct doctor *d)
{
	const char *path = d->config->access.key_cache.data;
	struct stat info;

	if (path == NULL)
		return;
	if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
		doctor_say(d, FINDING_PROBLEM, "KEY_CACHE", "make the directory, with mode 0700",
		    "%s is no directory", path);
	else if (info.st_mode & (S_IWGRP | S_IWOTH))
		doctor_say(d, FINDING_PROBLEM, "KEY_CACHE", doctor_text(d, "chmod go-w %s", path),
		    "%s has mode %04o: others may put keys there that callers are known by", path,
		    (unsigned)info.st_mode & 07777);
	else if (faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) != 0)
		doctor_say(d, FINDING_PROBLEM, "KEY_CACHE",
		    "let the service's user write there, or run the doctor as that user", "%s: %s",
		    path, strerror(errno));
	else
		doctor_say(d, FINDING_OK, "KEY_CACHE", NULL, "%s can write %s",
		    user_name(d, geteuid()), path);
}

/* What agora.cgi, which has no client, hands over to. */
static void
check_full_program(struct doctor *d)
{
	const char *path = d->service.full_program.data;
	const bool fetches = d->config->policy != NULL && policy_has_remote_keys(d->config->policy);
	struct stat info;

	if (path == NULL && fetches)
		doctor_say(d, FINDING_OK, "AGORA_FCGI", NULL,
		    "is not set: agora-fcgi can fetch the callers' keys, agora.cgi cannot");
	if (path == NULL)
		return;
	if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) ||
	    faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0)
		doctor_say(d, FINDING_PROBLEM, "AGORA_FCGI", "name the full agora-fcgi",
		    "%s is no program that %s can start", path, user_name(d, geteuid()));
	else if (fetches && d->config->access.key_cache.data == NULL)
		doctor_say(d, FINDING_WARNING, "AGORA_FCGI",
		    "name a directory of the service's own in KEY_CACHE",
		    "without a KEY_CACHE each request fetches the callers' keys anew");
	else
		doctor_say(d, FINDING_OK, "AGORA_FCGI", NULL, "%s can start %s",
		    user_name(d, geteuid()), path);
}

void
check_written_files(struct doctor *d)
{
	check_written(d, "AUDIT_FILE", d->config->access.audit_file);
	check_written(d, "LOG_FILE", d->service.log_file);
	check_key_cache(d);
	check_full_program(d);
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
	const char *own = group_name(d, info->st_gid);

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
		    path, mode, user_name(d, info->st_uid), own);
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
		    unless_denied(
			errno == EACCES, "start agora-fcgi, or say with --socket where it listens"),
		    "%s: %s", path, strerror(errno));
	else if (!S_ISSOCK(info.st_mode))
		doctor_say(d, FINDING_PROBLEM, "socket", "take it away, and start agora-fcgi",
		    "%s is no socket", path);
	else
		check_socket_mode(d, path, &info);
}

/* "records, clock": the checks of GET /readyz that failed. */
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
		    unless_denied(says(&why, strerror(EACCES)), "start agora-fcgi"), "%s: %.*s",
		    d->socket, (int)why.length, buf_view(&why).data);
	buf_free(&answer.output);
	buf_free(&why);
}
