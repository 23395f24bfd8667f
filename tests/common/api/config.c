#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "routes.h"
#include "log.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define APP_ID "0123456789abcdef0123456789abcdef"
#define CERTIFICATE "fedcba9876543210fedcba9876543210"
#define BOTH "APP_ID=" APP_ID "\nAPP_CERTIFICATE=" CERTIFICATE "\n"

static char path[] = "/tmp/agora-config-XXXXXX";

static void
make_file(const char *content)
{
	int fd;

	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content))
		abort();
	close(fd);
}

/* A program's own table, as agora-fcgi has one. */
struct own {
	int64_t number;
};

static const struct field own_fields[] = {
	{ "OWN_NUMBER", FIELD_INT, 0, offsetof(struct own, number), 1, 9, .fallback = 5 },
};
static const struct table own_table = TEXT_TABLE(own_fields, struct own);

static void
reads_settings(void)
{
	static const struct {
		const char *env, *cors, *base_path; /* NULL = unset */
		int64_t max_body, own;
	} cases[] = {
		{ BOTH, NULL, NULL, 65536, 5 },
		{ BOTH "CORS_ALLOW_ORIGIN=*\nBASE_PATH=/agora\nMAX_BODY=1024\nOWN_NUMBER=9", "*",
		    "/agora", 1024, 9 },
		{ BOTH "CORS_ALLOW_ORIGIN=\nBASE_PATH=\nMAX_BODY=\nOWN_NUMBER=", NULL, NULL, 65536,
		    5 },
		{ BOTH "CORS_ALLOW_ORIGIN=https://a, https://b\nBASE_PATH='/a/b'\nMAX_BODY=1048576",
		    "https://a, https://b", "/a/b", 1048576, 5 },
		{ BOTH "SERVER_PORT=nonsense\nPORT=nonsense\nUNKNOWN=1", NULL, NULL, 65536, 5 },
		{ BOTH "STORAGE_VENDOR=1\nCUSTOMER_SECRET=\"y\"\nSTORAGE_REGION=0", NULL, NULL,
		    65536, 5 },
	};
	char *none[] = { NULL };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf error = { 0 };
		struct own own;
		struct config *config;

		make_file(cases[i].env);
		config = config_open(path, none, routes, route_count, &own_table, &own, &error);
		CHECK(config != NULL && error.length == 0, cases[i].env);
		if (config != NULL) {
			CHECK(same_text(config->token.app_id, APP_ID), cases[i].env);
			CHECK(same_text(config->token.certificate, CERTIFICATE), cases[i].env);
			CHECK(cases[i].cors == NULL
				? config->api.cors_allow_origin.data == NULL
				: same_text(config->api.cors_allow_origin, cases[i].cors),
			    cases[i].env);
			CHECK(cases[i].base_path == NULL
				? config->api.base_path.data == NULL
				: same_text(config->api.base_path, cases[i].base_path),
			    cases[i].env);
			CHECK(config->api.max_body == cases[i].max_body, cases[i].env);
			CHECK(own.number == cases[i].own, cases[i].env);
		}
		config_close(config);
		buf_free(&error);
		unlink(path);
	}
}

static void
reads_the_environment_alone(void)
{
	char id[] = "APP_ID=" APP_ID, certificate[] = "APP_CERTIFICATE=" CERTIFICATE;
	char *environment[] = { id, certificate, NULL };
	struct buf error = { 0 };
	struct config *config =
	    config_open(NULL, environment, routes, route_count, NULL, NULL, &error);

	CHECK(config != NULL, "opened");
	CHECK(config != NULL && same_text(config->token.app_id, APP_ID), "read");
	config_close(config);
	config_close(NULL);
	buf_free(&error);
}

#define HEX_RULE ", and Agora's console shows 32 hexadecimal digits"
#define PATH_RULE "must begin with / and not end with it"
#define BODY_RULE "must be a whole number of bytes, 1024 to 1048576"

/* One line that names the setting, and where it stands; never what it holds. */
static void
names_what_is_wrong(void)
{
	static const struct {
		const char *env, *error; /* "@" = the file */
	} cases[] = {
		{ "", "APP_ID: is required" },
		{ "APP_ID=\nAPP_CERTIFICATE=\n", "APP_ID: is required" },
		{ "APP_ID=" APP_ID, "APP_CERTIFICATE: is required" },
		{ "APP_CERTIFICATE=" CERTIFICATE, "APP_ID: is required" },
		{ "APP_ID=abc\nAPP_CERTIFICATE=" CERTIFICATE,
		    "@:1: APP_ID: 3 characters" HEX_RULE },
		{ "APP_ID=" APP_ID "0\nAPP_CERTIFICATE=" CERTIFICATE,
		    "@:1: APP_ID: 33 characters" HEX_RULE },
		{ "APP_ID=" APP_ID "\n\nAPP_CERTIFICATE=SECRETg9876543210fedcba987654321",
		    "@:3: APP_CERTIFICATE: 32 characters" HEX_RULE
		    "; the first wrong one, character 1, is another letter" },
		{ BOTH "CORS_ALLOW_ORIGIN=https://a.example,b.example",
		    "@:3: CORS_ALLOW_ORIGIN: the entry b.example does not begin with a scheme, "
		    "such "
		    "as https://" },
		{ BOTH "CORS_ALLOW_HEADERS=X-A X-B",
		    "@:3: CORS_ALLOW_HEADERS: the entry X-A X-B is not the name of a header; names "
		    "are "
		    "separated with commas" },
		{ BOTH "BASE_PATH=agora", "@:3: BASE_PATH: " PATH_RULE },
		{ BOTH "BASE_PATH=/agora/", "@:3: BASE_PATH: " PATH_RULE },
		{ BOTH "BASE_PATH=/", "@:3: BASE_PATH: " PATH_RULE },
		{ BOTH "BASE_PATH=/a?b", "@:3: BASE_PATH: " PATH_RULE },
		{ BOTH "MAX_BODY=1023", "@:3: MAX_BODY: " BODY_RULE },
		{ BOTH "MAX_BODY=1048577", "@:3: MAX_BODY: " BODY_RULE },
		{ BOTH "MAX_BODY=64k", "@:3: MAX_BODY: " BODY_RULE },
		{ BOTH "OWN_NUMBER=10", "@:3: OWN_NUMBER: must be a whole number, 1 to 9" },
		{ BOTH "nonsense",
		    "@:3: a line is NAME=value, and this one has no = after the name" },
	};
	char *none[] = { NULL };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf error = { 0 }, expected = { 0 };
		struct own own;
		struct config *config;
		const char *text = cases[i].error;

		make_file(cases[i].env);
		config = config_open(path, none, routes, route_count, &own_table, &own, &error);
		CHECK(config == NULL, cases[i].env);
		config_close(config);
		if (text[0] == '@') {
			buf_text(&expected, path);
			text++;
		}
		buf_text(&expected, text);
		buf_add(&expected, "", 1);
		CHECK(same_text(buf_view(&error), expected.data), cases[i].env);
		buf_free(&error);
		buf_free(&expected);
		unlink(path);
	}
}

/* The warnings that config_warn_unknown logs. */
static void
warnings(const struct config *config, const struct table *own, char *out, size_t size)
{
	int ends[2], aside = dup(STDERR_FILENO);
	ssize_t n;

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
		abort();
	log_flush();
	fflush(stderr);
	dup2(ends[1], STDERR_FILENO);
	config_warn_unknown(config, own);
	log_flush();
	dup2(aside, STDERR_FILENO);
	n = read(ends[0], out, size - 1);
	out[n < 0 ? 0 : n] = '\0';
	close(aside);
	close(ends[0]);
	close(ends[1]);
}

/* Takes the line that `within` points into out of the text. */
static void
cut_line(char *text, char *within)
{
	char *start = within, *end = strchr(within, '\n');

	while (start > text && start[-1] != '\n')
		start--;
	memmove(start, end + 1, strlen(end + 1) + 1);
}

static void
warns_of_unknown_names(void)
{
	static const struct {
		const char *env;
		const char *name; /* NULL = no warning */
		const char *line;
	} cases[] = {
		{ BOTH, NULL, NULL },
		{ BOTH "CORS_ALLOW_ORIGIN=*\nBASE_PATH=/a\nMAX_BODY=2000\nSERVER_PORT=1\nPORT=1",
		    NULL, NULL },
		{ BOTH "OWN_NUMBER=1", NULL, NULL },
		/* the peers' settings */
		{ BOTH "AGORA_BASE_URL=https://api.agora.io/\nCUSTOMER_ID=x\nCUSTOMER_SECRET=x\n"
		       "AGORA_CLOUD_RECORDING_URL=x\nAGORA_RTT_URL=x\nAGORA_RTMP_URL=x\n"
		       "AGORA_CLOUD_PLAYER_URL=x\nSTORAGE_VENDOR=1\nSTORAGE_REGION=0\n"
		       "STORAGE_BUCKET=x\nSTORAGE_BUCKET_ACCESS_KEY=x\n"
		       "STORAGE_BUCKET_SECRET_KEY=x",
		    NULL, NULL },
		{ BOTH "CORS_ALLOW_ORIGINS=*", "CORS_ALLOW_ORIGINS", ":3: " },
		{ "APP_IDS=secret\n" BOTH, "APP_IDS", ":1: " },
		{ BOTH "app_id=secret", "app_id", ":3: " },
		{ BOTH "CUSTOMER_KEY=secret", "CUSTOMER_KEY", "did you mean CUSTOMER_ID?" },
		{ BOTH "MAX_BODY_FILE=/x", "MAX_BODY_FILE", ":3: " },
	};
	char *none[] = { NULL };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf error = { 0 };
		struct own own;
		struct config *config;
		char lines[4096], *open_warning;

		make_file(cases[i].env);
		config = config_open(path, none, routes, route_count, &own_table, &own, &error);
		CHECK(config != NULL, cases[i].env);
		if (config == NULL)
			continue;
		warnings(config, &own_table, lines, sizeof(lines));
		/* A service without a policy says so each time. */
		open_warning =
		    strstr(lines, " warning POLICY_FILE is not set: the service is open");
		CHECK(open_warning != NULL, lines);
		if (open_warning != NULL)
			cut_line(lines, open_warning);
		if (cases[i].name == NULL) {
			CHECK(lines[0] == '\0', lines);
		} else {
			CHECK(strstr(lines, " warning /tmp/agora-config-") != NULL, lines);
			CHECK(strstr(lines, cases[i].name) != NULL, lines);
			CHECK(strstr(lines, cases[i].line) != NULL, lines);
			CHECK(strstr(lines, "secret") == NULL, lines);
			CHECK(strchr(lines, '\n') != NULL && strchr(lines, '\n')[1] == '\0', lines);
		}
		config_close(config);
		buf_free(&error);
		unlink(path);
	}
}

static void
warns_of_another_programs_names(void)
{
	char *none[] = { NULL }, lines[4096];
	struct buf error = { 0 };
	struct config *config;

	make_file(BOTH "OWN_NUMBER=1");
	config = config_open(path, none, routes, route_count, NULL, NULL, &error);
	CHECK(config != NULL, "without a table of its own");
	warnings(config, NULL, lines, sizeof(lines));
	CHECK(strstr(lines, "OWN_NUMBER is not a setting") != NULL, lines);
	config_close(config);
	buf_free(&error);
	unlink(path);
}

static void
write_file(const char *file, const char *content, mode_t mode)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content) ||
	    fchmod(fd, mode) != 0)
		abort();
	close(fd);
}

#define POLICY(callers, projects)                                                                  \
	"{\"callers\":{" callers "},\"projects\":{" projects "},\"grants\":[]}"
#define PROJECT(more) "\"p\":{\"appId\":\"" APP_ID "\"," more "}"
#define CALLER(algorithm)                                                                          \
	"\"c\":{\"type\":\"jwt\",\"keys\":\"file:secret\",\"algorithms\":\"" algorithm             \
	"\",\"issuer\":\"i\",\"audience\":\"a\"}"

struct secret_case {
	const char *setting, *policy; /* NULL: the setting names the file itself */
	const char *content;
	const char *what; /* NULL: it is no secret */
};

static void
warns_of_secrets_that_all_may_read(void)
{
	static const struct secret_case cases[] = {
		{ "APP_CERTIFICATE_FILE", NULL, CERTIFICATE, " warning APP_CERTIFICATE_FILE: " },
		{ "APP_ID_FILE", NULL, APP_ID, NULL },
		{ "POLICY_FILE", POLICY("", PROJECT("\"certificateFile\":\"secret\"")), CERTIFICATE,
		    " warning project p, certificateFile: " },
		{ "POLICY_FILE",
		    POLICY("",
			PROJECT("\"certificate\":\"" CERTIFICATE
				"\",\"secondCertificateFile\":\"secret\"")),
		    CERTIFICATE, " warning project p, secondCertificateFile: " },
		{ "POLICY_FILE",
		    POLICY("",
			PROJECT("\"certificate\":\"" CERTIFICATE
				"\",\"customerId\":\"x\",\"customerSecretFile\":\"secret\"")),
		    "x", " warning project p, customerSecretFile: " },
		{ "POLICY_FILE", POLICY(CALLER("HS256"), ""), CERTIFICATE,
		    " warning caller c, keys: " },
		{ "POLICY_FILE", POLICY(CALLER("EdDSA"), ""),
		    "-----BEGIN PUBLIC KEY-----\n"
		    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
		    "-----END PUBLIC KEY-----\n",
		    NULL },
	};
	static const mode_t modes[] = { 0600, 0640, 0644, 0444, 0602 };
	char directory[] = "/tmp/agora-config-XXXXXX", secret[64], policy[64], env[512];
	char *none[] = { NULL };

	CHECK(mkdtemp(directory) != NULL, "a directory");
	snprintf(secret, sizeof(secret), "%s/secret", directory);
	snprintf(policy, sizeof(policy), "%s/policy", directory);
	for (size_t i = 0; i < COUNT(cases) * COUNT(modes); i++) {
		const mode_t mode = modes[i % COUNT(modes)];
		const struct secret_case *c = &cases[i / COUNT(modes)];
		const char *what = c->what;
		struct buf error = { 0 };
		struct own own;
		struct config *config;
		char lines[4096], says[128];

		write_file(secret, c->content, mode);
		if (c->policy != NULL)
			write_file(policy, c->policy, 0600);
		snprintf(env, sizeof(env), "%s%s%s=%s\n",
		    strcmp(c->setting, "APP_ID_FILE") == 0 ? "" : "APP_ID=" APP_ID "\n",
		    strcmp(c->setting, "APP_CERTIFICATE_FILE") == 0 ? ""
								    : "APP_CERTIFICATE=" CERTIFICATE
								      "\n",
		    c->setting, c->policy == NULL ? secret : policy);
		make_file(env);
		config = config_open(path, none, routes, route_count, &own_table, &own, &error);
		CHECK(config != NULL, what == NULL ? "public" : what);
		warnings(config, &own_table, lines, sizeof(lines));
		snprintf(says, sizeof(says), "%s%s has mode %04o: ", what == NULL ? "" : what,
		    secret, (unsigned)mode);
		CHECK((strstr(lines, says) != NULL) == (what != NULL && mode & 07), lines);
		CHECK((strstr(lines, "every user of this machine") != NULL) ==
			(what != NULL && mode & 07),
		    lines);
		config_close(config);
		buf_free(&error);
		unlink(path);
	}
	unlink(secret);
	unlink(policy);
	CHECK(rmdir(directory) == 0, directory);
}

/* Every setting has one row, in one table, and a line of meaning for conf/env.example. */
static void
describes_every_setting(void)
{
	for (size_t t = 0; t < config_table_count; t++)
		for (size_t i = 0; i < config_tables[t]->count; i++) {
			const struct field *f = &config_tables[t]->fields[i];

			CHECK(f->meaning != NULL && f->meaning[0] != '\0', f->name);
			CHECK(config_tables[t]->text_source, f->name);
			for (size_t u = 0; u <= t; u++)
				for (size_t j = 0; j < (u == t ? i : config_tables[u]->count); j++)
					CHECK(
					    strcmp(config_tables[u]->fields[j].name, f->name) != 0,
					    f->name);
			for (const char *c = f->name; *c != '\0'; c++)
				CHECK((*c >= 'A' && *c <= 'Z') || *c == '_', f->name);
			CHECK(strlen(f->name) < 40, f->name);
		}
}

CU_TestInfo api_config_tests[] = {
	{ "reads settings", reads_settings },
	{ "reads the environment alone", reads_the_environment_alone },
	{ "names what is wrong", names_what_is_wrong },
	{ "warns of unknown names", warns_of_unknown_names },
	{ "warns of another program's names", warns_of_another_programs_names },
	{ "warns of secrets that all may read", warns_of_secrets_that_all_may_read },
	{ "describes every setting", describes_every_setting },
	CU_TEST_INFO_NULL,
};
