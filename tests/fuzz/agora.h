/* agora.h - Agora as a harness plays it: calls end with what the harness says, and nothing is sent.
 */
#ifndef TESTS_FUZZ_AGORA_H
#define TESTS_FUZZ_AGORA_H

#include "app.h"

extern const struct upstream_driver agora_driver;

/*
 * Serves the request to its end.  answers, borrowed: those of Agora in order, between lines of two
 * dashes; of each the first line is its status, or NONE, UNKNOWN, CROWDED or PACED, and the rest
 * its body.  Calls beyond them get none.
 */
void agora_serve(struct app *app, struct exchange *exchange, char *const *params, struct text body,
    enum body_problem problem, struct text answers);

/* Whether the response is one that may leave: headers, and a body that is strict JSON, or none. */
void agora_check_response(const struct response *response);

#endif
