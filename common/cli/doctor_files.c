#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "doctor.h"

#define UNIT_USER "agora-backend" /* of systemd's unit */
#define WRITE_FIX "let the service's user write there, or run the doctor as that user"

const char *
doctor_user(struct doctor *d, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	return user != NULL ? doctor_text(d, "%s", user->pw_name)
			    : doctor_text(d, "uid %u", (unsigned)uid);
}

const char *
doctor_group(struct doctor *d, gid_t gid)
{
	const struct group *group = getgrgid(gid);

	return group != NULL ? doctor_text(d, "%s", group->gr_name)
			     : doctor_text(d, "gid %u", (unsigned)gid);
}

const char *
doctor_unless_denied(bool denied, const char *fix)
{
	return denied && geteuid() != 0 ? "run the doctor as root" : fix;
}

/*
 * Whom the service runs as: who owns its socket, or, as systemd's own belongs to root, the unit's
 * user.  false: nobody knows.
 */
static bool
find_service_user(const struct doctor *d, uid_t *uid)
{
	const char *socket = address_path(d->socket);
	const struct passwd *unit = d->socket_named ? NULL : getpwnam(UNIT_USER);
	struct stat info;

	if (socket != NULL && stat(socket, &info) == 0 && info.st_uid != 0)
		*uid = info.st_uid;
	else if (unit != NULL)
		*uid = unit->pw_uid;
	else
		return false;
	return true;
}

/* Who may own a secret: root, who asks, and whom the service runs as. */
static bool
may_own(const struct doctor *d, uid_t uid)
{
	uid_t service;

	return uid == 0 || uid == geteuid() || (find_service_user(d, &service) && uid == service);
}

/* The nearest directory above in which others may put a file in another's place; NULL: none. */
static const char *
open_directory(struct doctor *d, const char *path, struct stat *info)
{
	char *place = realpath(path, NULL), *slash;
	const char *found = NULL;

	while (found == NULL && place != NULL && place[1] != '\0') {
		slash = strrchr(place, '/');
		slash[slash == place ? 1 : 0] = '\0';
		if (stat(place, info) == 0 && info->st_mode & (S_IWGRP | S_IWOTH) &&
		    !(info->st_mode & S_ISVTX))
			found = doctor_text(d, "%s", place);
	}
	free(place);
	return found;
}

/* Of a file that is nobody's but its owner's and its group's: whether the group may only read. */
static void
check_unchanged(struct doctor *d, const char *what, const char *path, const struct stat *info)
{
	struct stat above;
	const char *directory = open_directory(d, path, &above);

	if (info->st_mode & S_IWGRP)
		doctor_say(d, FINDING_WARNING, what, doctor_text(d, "chmod g-w %s", path),
		    "%s has mode %04o: the group %s may change it", path,
		    (unsigned)info->st_mode & 07777, doctor_group(d, info->st_gid));
	else if (directory != NULL)
		doctor_say(d, above.st_mode & S_IWOTH ? FINDING_PROBLEM : FINDING_WARNING, what,
		    doctor_text(d, "chmod go-w %s", directory),
		    "%s: %s has mode %04o: who may write there may put another in its place", path,
		    directory, (unsigned)above.st_mode & 07777);
	else
		doctor_say(d, FINDING_OK, what, NULL, "%s has mode %04o and belongs to %s:%s", path,
		    (unsigned)info->st_mode & 07777, doctor_user(d, info->st_uid),
		    doctor_group(d, info->st_gid));
}

/* A file that others must not see, and none but its owner change. */
static void
check_private(struct doctor *d, const char *what, const char *path)
{
	struct stat info;

	if (stat(path, &info) != 0)
		doctor_say(d, FINDING_PROBLEM, what,
		    doctor_unless_denied(
			errno == EACCES, "name a file that is there and can be read"),
		    "%s: %s", path, strerror(errno));
	else if (info.st_mode & S_IRWXO)
		doctor_say(d, FINDING_PROBLEM, what, doctor_text(d, "chmod o= %s", path),
		    "%s has mode %04o: every user of this machine may use it", path,
		    (unsigned)info.st_mode & 07777);
	else if (!may_own(d, info.st_uid))
		doctor_say(d, FINDING_WARNING, what,
		    doctor_text(d, "chown root %s, with the service's group", path),
		    "%s belongs to %s, who may read and change it", path,
		    doctor_user(d, info.st_uid));
	else
		check_unchanged(d, what, path, &info);
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

/* Files that the service writes */

/* Who is to write them. */
struct writer {
	uid_t uid;
	bool known; /* false: root asks, who may write anything, and whom for is not known */
	const char *name;
};

static bool
is_in_group(uid_t uid, gid_t gid)
{
	const struct passwd *user = getpwuid(uid);
	gid_t groups[64];
	int count = sizeof(groups) / sizeof(groups[0]);

	if (user == NULL || getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
		return false;
	while (count > 0)
		if (groups[--count] == gid)
			return true;
	return false;
}

/*
 * 0, or why not, as errno has it.  Of another user by the mode alone, not by the directories above:
 * systemd keeps those of a DynamicUser where only root and the service come.
 */
static int
refusal(const struct writer *writer, const char *path)
{
	struct stat info;
	unsigned wanted, granted;

	if (stat(path, &info) != 0)
		return errno;
	wanted = S_ISDIR(info.st_mode) ? W_OK | X_OK : W_OK;
	if (writer->uid == geteuid() || (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)))
		return faccessat(AT_FDCWD, path, (int)wanted, AT_EACCESS) == 0 ? 0 : errno;
	granted = (unsigned)info.st_mode >> (writer->uid == info.st_uid                     ? 6
						    : is_in_group(writer->uid, info.st_gid) ? 3
											    : 0);
	return (granted & wanted) == wanted ? 0 : EACCES;
}

static void
say_written(struct doctor *d, const char *what, const char *path, const struct writer *writer)
{
	if (writer->known)
		doctor_say(d, FINDING_OK, what, NULL, "%s can write %s", writer->name, path);
	else
		doctor_say(d, FINDING_SKIPPED, what, NULL,
		    "not checked: root may write %s, and whom the service runs as is not known",
		    path);
}

/* Whether a file can be written, or made where it is not. */
static void
check_written(struct doctor *d, const char *what, struct text path, const struct writer *writer)
{
	const char *slash, *place;
	struct stat info;
	bool there;
	int error;

	if (path.data == NULL)
		return;
	there = stat(path.data, &info) == 0;
	slash = strrchr(path.data, '/');
	place = there ? path.data
	    : slash == NULL
	    ? "."
	    : doctor_text(d, "%.*s", slash == path.data ? 1 : (int)(slash - path.data), path.data);
	error = refusal(writer, place);
	if (there && !S_ISREG(info.st_mode) && !S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode))
		doctor_say(d, FINDING_PROBLEM, what, "name a file", "%s is no file", path.data);
	else if (error != 0)
		doctor_say(d, FINDING_PROBLEM, what, WRITE_FIX, "%s: %s cannot write %s: %s",
		    path.data, writer->name, there ? "it" : "its directory", strerror(error));
	else if (there && S_ISREG(info.st_mode) && info.st_mode & S_IRWXO)
		doctor_say(d, FINDING_PROBLEM, what, doctor_text(d, "chmod o= %s", path.data),
		    "%s has mode %04o: every user of this machine may use it", path.data,
		    (unsigned)info.st_mode & 07777);
	else
		say_written(d, what, path.data, writer);
}

static void
check_key_cache(struct doctor *d, const struct writer *writer)
{
	static const char what[] = "KEY_CACHE";
	const char *path = d->config->access.key_cache.data;
	struct stat info;
	int error;

	if (path == NULL)
		return;
	error = refusal(writer, path);
	if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
		doctor_say(d, FINDING_PROBLEM, what, "make the directory, with mode 0700",
		    "%s is no directory", path);
	else if (info.st_mode & (S_IWGRP | S_IWOTH))
		doctor_say(d, FINDING_PROBLEM, what, doctor_text(d, "chmod go-w %s", path),
		    "%s has mode %04o: others may put keys there that callers are known by", path,
		    (unsigned)info.st_mode & 07777);
	else if (error != 0)
		doctor_say(d, FINDING_PROBLEM, what, WRITE_FIX, "%s cannot write %s: %s",
		    writer->name, path, strerror(error));
	else
		say_written(d, what, path, writer);
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
		    "%s is no program that %s can start", path, doctor_user(d, geteuid()));
	else if (fetches && d->config->access.key_cache.data == NULL)
		doctor_say(d, FINDING_WARNING, "AGORA_FCGI",
		    "name a directory of the service's own in KEY_CACHE",
		    "without a KEY_CACHE each request fetches the callers' keys anew");
	else
		doctor_say(d, FINDING_OK, "AGORA_FCGI", NULL, "%s can start %s",
		    doctor_user(d, geteuid()), path);
}

void
check_written_files(struct doctor *d)
{
	struct writer writer = { geteuid(), true, NULL };

	if (writer.uid == 0)
		writer.known = find_service_user(d, &writer.uid);
	writer.name = doctor_user(d, writer.uid);
	check_written(d, "AUDIT_FILE", d->config->access.audit_file, &writer);
	check_written(d, "LOG_FILE", d->service.log_file, &writer);
	check_key_cache(d, &writer);
	check_full_program(d);
}
