#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "caller.h"
#include "chain.h"
#include "cli.h"
#include "host.h"

#define DIRECTORY "/etc/agora-backend"
#define GROUP "agora-backend" /* the service's, where a package or an administrator made it */
#define CALLER "backend"

static const char *directory, *group, *hosts, *force;

const struct option init_options[] = {
	{ "dir", "DIR", "where the files go (default " DIRECTORY ")", &directory },
	{ "group", "NAME", "group that may read them (default for root: " GROUP " where it exists)",
	    &group },
	{ "host", "NAMES", "names of the site, with commas, for ALLOWED_HOSTS: tokens.example.com",
	    &hosts },
	{ "force", NULL, "make new ones where there are some, and keep those as .bak", &force },
};
const size_t init_option_count = sizeof(init_options) / sizeof(init_options[0]);

/* A file that is written beside its place, so that nobody ever sees half of it. */
struct file {
	const char *name, *kept;
	char draft[32];
	struct buf content;
	bool drafted, placed;
};

/* agora.env comes last: it is what makes the service start. */
static struct file files[] = {
	{ .name = "policy.json", .kept = "policy.json.bak" },
	{ .name = "agora.env", .kept = "agora.env.bak" },
};
#define FILE_COUNT (sizeof(files) / sizeof(files[0]))
static struct file *const policy = &files[0], *const settings_out = &files[1];

static int
failed(const char *what, const char *why)
{
	struct buf line = { 0 };

	buf_printf(&line, "%s: %s", what, why);
	return cli_fail(EXIT_OS, &line);
}

/* (gid_t)-1 leaves the group as it is. */
static bool
find_group(gid_t *id)
{
	struct buf why = { 0 };
	const struct group *found = NULL;

	*id = (gid_t)-1;
	if (group != NULL || geteuid() == 0)
		found = getgrnam(group != NULL ? group : GROUP);
	if (found != NULL)
		*id = found->gr_gid;
	if (found != NULL || group == NULL)
		return true;
	buf_text(&why, "--group: there is no such group");
	cli_fail(EXIT_USAGE, &why);
	return false;
}

/* Its descriptor and its absolute path; -1 after saying why not. */
static int
open_directory(char path[static PATH_MAX])
{
	int fd;

	if ((mkdir(directory, 0755) == 0 || errno == EEXIST) && realpath(directory, path) != NULL) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	failed(directory, strerror(errno));
	return -1;
}

/* Asked before the questions are, so that nobody answers in vain. */
static bool
nothing_is_there(int dir, const char *path)
{
	struct buf why = { 0 };
	struct stat info;

	for (size_t i = 0; i < FILE_COUNT; i++) {
		if (force != NULL || fstatat(dir, files[i].name, &info, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		buf_printf(&why,
		    "%s/%s is there already, and stays as it is; --force makes a new one and "
		    "keeps this one as %s",
		    path, files[i].name, files[i].kept);
		cli_fail(EXIT_OS, &why);
		return false;
	}
	return true;
}

/* On a terminal, until the answer is good. */
static bool
ask(const char *question, bool hidden, const struct field *field, struct buf *answer,
    struct text *out)
{
	struct buf why = { 0 };
	struct field_error error;

	while (out->data == NULL) {
		buf_wipe(answer);
		if (!cli_ask(question, hidden, answer)) {
			buf_printf(&why, "%s: there was no answer", field->name);
			cli_fail(EXIT_NO_INPUT, &why);
			return false;
		}
		if (field->check(buf_view(answer), &error))
			*out = buf_view(answer);
		else
			fprintf(stderr, "agora-token: %s: %s\n", field->name, error.rule);
	}
	return true;
}

/* In double quotes, as a .env file is read. */
static void
add_quoted(struct buf *out, const char *text)
{
	static const char special[] = "\n\r\"\\$", escapes[] = "nr\"\\$";

	buf_text(out, "\"");
	for (; *text != '\0'; text++) {
		const char *found = strchr(special, *text);

		if (found != NULL)
			buf_printf(out, "\\%c", escapes[found - special]);
		else
			buf_add(out, text, 1);
	}
	buf_text(out, "\"");
}

/* This machine, by the names that a client on it uses, and the site where it is known. */
static void
add_hosts(struct buf *out)
{
	struct utsname machine;
	struct field_error error;

	buf_text(out, "localhost,127.0.0.1,[::1]");
	if (uname(&machine) == 0 && is_host_list(text_of(machine.nodename), &error) &&
	    strcmp(machine.nodename, "localhost") != 0)
		buf_printf(out, ",%s", machine.nodename);
	if (hosts != NULL)
		buf_printf(out, ",%s", hosts);
}

static void
write_settings(struct buf *out, const struct token_settings *project, const char *path)
{
	struct buf names = { 0 };
	unsigned char key[CHAIN_KEY];

	/* It never grows, so that the certificate leaves no copies. */
	buf_reserve(out, PATH_MAX * 3 + (hosts == NULL ? 0 : 2 * strlen(hosts)));
	buf_printf(out,
	    "# Settings of agora-backend; agora-backend.conf(5) lists them all.  Whoever can read "
	    "this "
	    "file can\n# make tokens.\nAPP_ID=%.*s\nAPP_CERTIFICATE=%.*s\n",
	    (int)project->app_id.length, project->app_id.data, (int)project->certificate.length,
	    project->certificate.data);
	if (project->second_certificate.data != NULL)
		buf_printf(out, "APP_CERTIFICATE_SECONDARY=%.*s\n",
		    (int)project->second_certificate.length, project->second_certificate.data);
	buf_text(out, "\n# Who may ask for what.\nPOLICY_FILE=");
	add_quoted(out, path);
	buf_text(out,
	    "\n\n# Names that clients call the service by, add your site's; by others they get "
	    "421.\nALLOWED_HOSTS=");
	add_hosts(&names);
	buf_add(&names, "", 1);
	add_quoted(out, names.data);
	buf_text(out, "\n");
	buf_free(&names);
	chain_new_key(key);
	buf_text(out,
	    "\n# Audit records in a file of their own, in a chain that `agora-token audit verify` "
	    "verifies.\n#AUDIT_FILE=/var/log/agora-backend/audit.log\n#AUDIT_KEY=");
	buf_hex(out, key, sizeof(key));
	buf_text(out, "\n");
	explicit_bzero(key, sizeof(key));
}

static void
write_policy(struct buf *out, const char *hash)
{
	buf_printf(out,
	    "// Who may ask for what; agora-policy(5) says what may stand here.\n"
	    "// `agora-token key new NAME` makes the key of another caller.\n"
	    "{\n"
	    "  \"callers\": {\n"
	    "    \"" CALLER "\": { \"type\": \"apikey\", \"sha256\": \"%s\" }\n"
	    "  },\n"
	    "  \"grants\": [\n"
	    "    {\n"
	    "      // Your server names the channel and the user; nobody gets a token for all of "
	    "them.\n"
	    "      \"name\": \"tokens\",\n"
	    "      \"from\": \"" CALLER "\",\n"
	    "      \"services\": [\"rtc\", \"rtm\", \"chat\"],\n"
	    "      \"channels\": \"*\",\n"
	    "      \"uid\": \"*\",\n"
	    "      \"role\": \"publisher\",\n"
	    "      \"ttl\": \"4h\"\n"
	    "    }\n"
	    "  ]\n"
	    "}\n",
	    hash);
}

static bool
draft(int dir, struct file *f, gid_t gid)
{
	struct text rest = buf_view(&f->content);
	bool whole;
	int fd;

	snprintf(f->draft, sizeof(f->draft), ".%s.%d", f->name, (int)getpid());
	fd = openat(dir, f->draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	f->drafted = true;
	while (rest.length > 0) {
		ssize_t n = write(fd, rest.data, rest.length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		rest = (struct text){ rest.data + n, rest.length - (size_t)n };
	}
	/* The group first: changing it may clear mode bits. */
	whole = rest.length == 0 && fchown(fd, (uid_t)-1, gid) == 0 && fchmod(fd, 0640) == 0 &&
	    fsync(fd) == 0;
	return close(fd) == 0 && whole;
}

static bool
place(int dir, struct file *f)
{
	/* link(2), unlike rename(2), never takes the place of a file. */
	if (force == NULL) {
		f->placed = linkat(dir, f->draft, dir, f->name, 0) == 0;
		return f->placed;
	}
	if (unlinkat(dir, f->kept, 0) != 0 && errno != ENOENT)
		return false;
	if (linkat(dir, f->name, dir, f->kept, 0) != 0 && errno != ENOENT)
		return false;
	if (renameat(dir, f->draft, dir, f->name) != 0)
		return false;
	f->drafted = false;
	return true;
}

/*
 * All of them or, on failure, none that was not there before.  The key is printed before they take
 * their place: a policy whose key nobody has seen is of no use.
 */
static int
write_files(int dir, gid_t gid, const struct buf *key)
{
	const struct file *bad = NULL;
	int code = 0, why = 0;

	for (size_t i = 0; i < FILE_COUNT && bad == NULL; i++)
		if (!draft(dir, &files[i], gid))
			bad = &files[i];
	why = errno;
	if (bad == NULL) {
		printf("%.*s\n", (int)key->length, key->data);
		code = cli_end(0);
	}
	for (size_t i = 0; i < FILE_COUNT && bad == NULL && code == 0; i++)
		if (!place(dir, &files[i])) {
			bad = &files[i];
			why = errno;
		}
	for (size_t i = 0; i < FILE_COUNT; i++) {
		if (files[i].drafted)
			unlinkat(dir, files[i].draft, 0);
		if (bad != NULL && files[i].placed)
			unlinkat(dir, files[i].name, 0);
	}
	return bad == NULL ? code : failed(bad->name, strerror(why));
}

static void
say_what_next(const char *path)
{
	bool service = strcmp(path, DIRECTORY) == 0;

	fprintf(stderr,
	    "agora-token: made %s/agora.env, the settings, and %s/policy.json, who may ask for "
	    "what.\nThe line on standard output is the API key of your server; it is kept nowhere "
	    "else.\n\n",
	    path, path);
	if (service)
		fprintf(stderr,
		    "1. Start the service:\n\n"
		    "    systemctl enable --now agora-backend.socket agora-backend.service\n\n"
		    "2. Put this into /etc/nginx/conf.d/agora.conf and run `nginx -s reload`:\n\n"
		    "    server {\n"
		    "        listen 127.0.0.1:8081;\n"
		    "        merge_slashes off;\n"
		    "        location / {\n"
		    "            fastcgi_param REQUEST_URI    $request_uri;\n"
		    "            fastcgi_param REQUEST_METHOD $request_method;\n"
		    "            fastcgi_param QUERY_STRING   $query_string;\n"
		    "            fastcgi_param CONTENT_LENGTH $content_length;\n"
		    "            fastcgi_param REQUEST_SCHEME $scheme;\n"
		    "            fastcgi_param REMOTE_ADDR    $remote_addr;\n"
		    "            fastcgi_param HTTP_PROXY     \"\";\n"
		    "            fastcgi_pass unix:/run/agora-backend/fcgi.sock;\n"
		    "        }\n"
		    "    }\n\n"
		    "   A whole site, with TLS and limits, is below; ALLOWED_HOSTS in agora.env "
		    "has to name it:\n"
		    "   " DOCUMENTATION "/conf/nginx/example-site.conf.\n\n");
	else
		fprintf(stderr,
		    "1. Start the service with these settings:\n\n"
		    "    agora-fcgi --socket ADDRESS --env-file %s/agora.env\n\n"
		    "   or, on plain CGI hosting, copy %s\n"
		    "   to your cgi-bin directory.  It finds agora.env up to three directories "
		    "above itself,\n   or where AGORA_ENV_FILE says.  Where you copy the files "
		    "elsewhere, write the policy's\n   new place into POLICY_FILE.\n\n"
		    "2. Have the web server pass requests to it.\n\n",
		    path, CGI_PROGRAM);
	fprintf(stderr,
	    "3. Ask for a token, with the key in KEY's place:\n\n"
	    "    echo 'X-API-Key: KEY' | curl -H @- -d '{\"tokenType\":\"rtc\",\"channel\":"
	    "\"lobby\",\"uid\":\"42\"}' \\\n        %s/getToken\n",
	    service ? "http://127.0.0.1:8081" : "ADDRESS-OF-THE-SERVICE");
}

static int
init(int dir, const char *path, gid_t gid, const struct token_settings *project)
{
	char policy_path[PATH_MAX + 16], hash[65];
	struct buf key = { 0 };
	int code;

	caller_new_key(TEXT(CALLER), &key, hash);
	snprintf(policy_path, sizeof(policy_path), "%s/%s", path, policy->name);
	write_policy(&policy->content, hash);
	write_settings(&settings_out->content, project, policy_path);
	code = write_files(dir, gid, &key);
	if (code == 0)
		say_what_next(path);
	buf_wipe(&key);
	buf_wipe(&settings_out->content);
	buf_free(&key);
	buf_free(&settings_out->content);
	buf_free(&policy->content);
	return code;
}

int
cli_init(char **argv)
{
	struct token_settings project;
	struct settings *settings = NULL;
	struct buf id = { 0 }, certificate = { 0 }, why = { 0 };
	char path[PATH_MAX];
	bool from_input, asks;
	size_t operands;
	int dir = -1, code = EXIT_OS;
	gid_t gid;
	struct field_error error;

	if (!cli_options(init_options, init_option_count, argv, &operands))
		return EXIT_USAGE;
	from_input = operands == 1 && strcmp(argv[0], "-") == 0;
	if (operands > 0 && !from_input) {
		buf_text(&why, "it takes no operand but -; see init --help");
		return cli_fail(EXIT_USAGE, &why);
	}
	if (hosts != NULL && !is_host_list(text_of(hosts), &error)) {
		buf_printf(&why, "--host: %s", error.rule);
		return cli_fail(EXIT_USAGE, &why);
	}
	if (directory == NULL)
		directory = DIRECTORY;
	if (!find_group(&gid))
		return EXIT_USAGE;
	dir = open_directory(path);
	if (dir < 0 || !nothing_is_there(dir, path))
		goto out;
	asks = !from_input && isatty(STDIN_FILENO);
	settings = cli_credentials(from_input ? "/dev/stdin" : NULL,
	    asks ? &token_settings_optional_table : &token_settings_table, &project);
	if (settings == NULL) {
		code = EXIT_CONFIG;
		goto out;
	}
	if (asks &&
	    (!ask("App ID: ", false, &token_settings_table.fields[0], &id, &project.app_id) ||
		!ask("App Certificate (not shown): ", true, &token_settings_table.fields[1],
		    &certificate, &project.certificate))) {
		code = EXIT_NO_INPUT;
		goto out;
	}
	code = init(dir, path, gid, &project);
out:
	if (dir >= 0)
		close(dir);
	settings_free(settings);
	buf_wipe(&certificate);
	buf_free(&certificate);
	buf_free(&id);
	return code;
}
