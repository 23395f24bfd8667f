/*
 * app.h - the application: from a request to its response, step by step.  It knows no FastCGI, no
 * socket and no thread; tests, the FastCGI engine and plain CGI drive it alike.
 */
#ifndef API_APP_H
#define API_APP_H

#include "config.h"
#include "exchange.h"

struct app;

/* config is borrowed and must outlive the app.  NULL when there is no memory. */
struct app *app_open(const struct config *config);
void app_close(struct app *app);

/*
 * Serves one request.  exchange: reset.  params: CGI variables, borrowed until the exchange is
 * reset.  body: likewise; body_problem says why it is not whole.  Afterwards exchange->response is
 * complete and the access line is in the log.
 */
enum body_problem { BODY_WHOLE, BODY_CUT, BODY_TOO_LARGE };
void app_serve(struct app *app, struct exchange *exchange, char *const *params, struct text body,
    enum body_problem body_problem);

#endif
