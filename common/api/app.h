/*
 * app.h - the application: from a request to its response, step by step.  It knows no FastCGI, no
 * socket and no thread; tests, the FastCGI engine and plain CGI drive it alike.
 */
#ifndef API_APP_H
#define API_APP_H

#include "config.h"
#include "log.h"
#include "route.h"

struct app;

/* What a program serves. */
struct service {
	const struct route *routes;
	size_t route_count;
	const struct upstream_driver *driver; /* NULL: this program makes no calls to Agora */
	/* For tests, in the driver's place: called in the worker before it serves. */
	const struct progress *(*progress)(void);
};

/*
 * All are borrowed and must outlive the app; routes is the table of api/routes.h but in tests.
 * driver makes the calls to Agora, where the settings turn them on; NULL: this program makes none.
 * has_memory: it serves more than one request, so rates can be kept.
 * NULL with *error set on failure.
 */
struct app *app_open(const struct config *config, const struct route *routes, size_t route_count,
    const struct upstream_driver *driver, bool has_memory, struct buf *error);
void app_close(struct app *app);

/* Opens the files of log and audit anew, after they were moved away. */
void app_reopen_logs(void);

/*
 * An exchange that is held is complete, but its answer must not leave before its record is written:
 * app_write_records writes those of all exchanges at once and says whether that went well, and
 * app_release then takes what it said: a token without a record becomes an error.  true: it did.
 * Between the two the exchange may be cut down with exchange_keep.
 */
bool app_write_records(void);
bool app_release(struct exchange *exchange, bool recorded);

/* What makes its waiting exchanges go on; NULL: none ever waits. */
const struct progress *app_progress(const struct app *app);

/* See access_wants_keys, access_keys_due and access_fetch_keys in access.h. */
bool app_wants_keys(const struct app *app, const struct exchange *exchange);
bool app_keys_due(const struct app *app);
void app_fetch_keys(struct app *app);

/*
 * Exchanges that wait for keys to know their callers by.  Those are bounded by themselves, and take
 * no place of those that wait for Agora.
 */
size_t app_waiting_for_keys(const struct app *app);

/* What an exchange is served with. */
const struct config *app_config(const struct exchange *exchange);
const struct route *app_routes(const struct exchange *exchange, size_t *count);
const struct access *app_access(const struct exchange *exchange);
bool app_has_memory(const struct exchange *exchange);

enum body_problem { BODY_WHOLE, BODY_CUT, BODY_TOO_LARGE };

/*
 * Serves one request.  exchange: reset, or zeroed, with finished and owner set where it may wait.
 * params: CGI variables, borrowed until the exchange is reset.  body: likewise; body_problem says
 * why it is not whole.  ANSWERED: exchange->response is complete and the access line in the log,
 * unless it is held.
 * WAITING: that will be so when exchange->finished is called.
 */
enum step app_serve(struct app *app, struct exchange *exchange, char *const *params,
    struct text body, enum body_problem body_problem);

/*
 * Answers with an error outside of the application's steps: where there is no configuration, or
 * no request that could be decoded (params NULL).  Headers and access line are as always; the log
 * says why, at this level.
 */
void app_refuse(struct exchange *exchange, char *const *params, enum http_error error,
    enum log_level level, struct text why);

#endif
