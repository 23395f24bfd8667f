/* All settings, from a .env file of any bytes; the files that it could name are not looked at. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "routes.h"
#include "fuzz.h"
#include "service_settings.h"

static const char good[] = "APP_ID=0123456789abcdef0123456789abcdef\n"
			   "APP_CERTIFICATE=fedcba9876543210fedcba9876543210\n";

static void
check_texts(const struct table *table, const void *in)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *f = &table->fields[i];
		const char *at = (const char *)in + f->offset;
		const struct text *text = (const void *)at;

		if (f->kind == FIELD_TEXT && text->data != NULL)
			MUST(text->length > 0 && strlen(text->data) == text->length);
		if (f->kind == FIELD_INT) {
			const int64_t n = *(const int64_t *)(const void *)at;

			MUST((n >= f->min && n <= f->max) || n == f->fallback);
		}
	}
}

static void
check(const char *before, const uint8_t *data, size_t size)
{
	static char *const none[] = { NULL };
	struct service_settings settings;
	struct buf error = { 0 };
	struct config *config;
	char path[32];
	int fd = memfd_create("env", 0);

	MUST(fd >= 0);
	MUST(write(fd, before, strlen(before)) == (ssize_t)strlen(before));
	MUST(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config = config_open(
	    path, none, routes, route_count, &service_settings_table, &settings, &error);
	if (config == NULL) {
		/* One line, that says something. */
		MUST(error.length > 0 && memchr(error.data, '\n', error.length) == NULL);
	} else {
		MUST(error.length == 0);
		check_texts(&service_settings_table, &settings);
		check_texts(&upstream_settings_table, &config->upstream);
		check_texts(&rest_settings_table, &config->rest);
		check_texts(&storage_settings_table, &config->storage);
		check_texts(&access_settings_table, &config->access);
		MUST(config->token.app_id.length == 32);
		MUST(config->api.max_body >= 1024 && config->api.max_values >= 64);
	}
	config_close(config);
	buf_free(&error);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > ENV_FILE_MAX / 2 || memmem(data, size, "_FILE", 5) != NULL)
		return 0;
	check("", data, size);
	check(good, data, size);
	return 0;
}
