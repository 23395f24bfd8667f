/* config.h - the settings of the whole service, read once. */
#ifndef API_CONFIG_H
#define API_CONFIG_H

#include "access.h"
#include "cors.h"
#include "project.h"
#include "settings.h"
#include "tokens.h"

enum console { CONSOLE_OFF, CONSOLE_LOCAL, CONSOLE_ON };

struct api_settings {
	struct text cors_allow_origin;  /* as it was written; struct cors is what it means */
	struct text cors_allow_headers; /* likewise */
	struct text allowed_hosts;      /* names of the service, with commas; absent: any */
	struct text base_path;          /* "/agora" in front of every path; absent: none */
	int64_t max_body;               /* bytes of a request's body */
	int64_t max_values;             /* values and names in it, or in its query */
	int64_t console;                /* enum console: who is served the page by the web server */
};

struct config {
	struct settings *settings; /* owns the texts */
	struct token_settings token;
	struct api_settings api;
	struct cors cors;
	struct upstream_settings upstream;
	struct rest_settings rest;
	struct storage_settings storage;
	struct access_settings access;
	struct policy *policy; /* NULL: the service is open */
	struct arena arena;    /* what was made of settings */
};

/* Whether any page could act here by having its name lead to this server: see host.h. */
bool config_takes_any_host(const struct config *config);
#define ANY_HOST_RULE                                                                              \
	"any page that a browser on this network opens can have its own name lead here, and get "  \
	"tokens"

/* Whether STORAGE_VENDOR and STORAGE_REGION are not in our copy of Agora's table, which grows. */
bool config_storage_is_unknown(const struct config *config);

/* Whether the settings turn Agora's REST services on. */
bool config_has_upstream(const struct config *config);

/* Every setting that the programs know, in the order of conf/env.example. */
extern const struct table *const config_tables[];
extern const size_t config_table_count;

/*
 * Reads .env (env_file may be NULL) and the environment, and the policy, whose actions are those of
 * the routes.  own (may be NULL) is the program's own
 * table, read into own_out.  NULL with *error set to one line that names the setting.
 */
struct config *
config_open(const char *env_file, char *const *environment, const struct route *routes,
    size_t route_count, const struct table *own, void *own_out, struct buf *error);
/*
 * Calls `each` for every file whose content is a secret, as the settings and the policy name them.
 * what: the setting, or the member.  The texts are valid until it returns.
 */
void config_secret_files(const struct config *config,
    void (*each)(void *owner, const char *what, const char *path), void *owner);
/*
 * Logs a warning for each name in the .env file that nothing here knows, for each file of a secret
 * that every user may read, and for what else an operator should know; own may be NULL.
 */
void config_warn_unknown(const struct config *config, const struct table *own);

/* For a worker whose audit chain has begun: nobody finds AUDIT_KEY in its memory any more. */
void config_forget_audit_key(const struct config *config);
void config_close(struct config *config);

#endif
