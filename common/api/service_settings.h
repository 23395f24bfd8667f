/* service_settings.h - the settings of the FastCGI service. */
#ifndef API_SERVICE_SETTINGS_H
#define API_SERVICE_SETTINGS_H

#include "field.h"

/* Times are in seconds here, as the operator gives them. */
struct service_settings {
	int64_t max_connections, max_waiting, max_params;
	int64_t waiting_bytes; /* of those that wait, together */
	int64_t request_timeout, answer_timeout, wait_timeout, drain_timeout, worker_timeout;
	int64_t socket_mode; /* octal digits read as such: 0660 */
	struct text socket_group, log_file, full_program;
	bool sandbox;
	int64_t log_level;  /* enum log_level */
	int64_t log_format; /* enum log_format */
};

extern const struct table service_settings_table;

#endif
