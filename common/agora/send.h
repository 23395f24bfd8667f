/* send.h - a call sent, and the exchange that waits for it. */
#ifndef AGORA_SEND_H
#define AGORA_SEND_H

#include "call.h"

/*
 * Sends the call; `next` goes on, and finds neither the request's parameters, nor its body, nor
 * JSON of its input, nor the answer before.  Returns WAITING, or ANSWERED with 501 or 400.
 */
enum step agora_send(struct exchange *x, struct call *call, enum step (*next)(struct exchange *));

#endif
