/*
 * upstream.h - calls to Agora's REST API: one client with many transfers at once, in the event
 * loop.  It knows hosts, deadlines and what may be repeated; it knows no routes and no products.
 */
#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H

#include "room.h"
#include "field.h"
#include "pace.h"
#include "progress.h"

#define ANSWER_MAX 1048576 /* bytes of an answer's body */
#define ANSWER_SURE 65536  /* of one to a call that changes something: always taken */
#define HEAD_MAX 65536     /* bytes of an answer's header lines */

struct upstream_settings {
	struct text base_url, area, customer_id, customer_secret, proxy, ca_file, connect_to;
	int64_t max_calls;
	int64_t connect_timeout, try_timeout, call_timeout; /* seconds */
};
extern const struct table upstream_settings_table;

/* How Agora knows an account: customer id and secret.  Made once, and borrowed by its calls. */
struct credentials {
	struct text id, secret;
	struct buf basic;       /* "Basic " and base64 of both */
	struct text secrets[2]; /* the secret, and that base64: nobody may be shown them */
};
/* id and secret are borrowed. */
void credentials_make(struct credentials *credentials, struct text id, struct text secret);
void credentials_wipe(struct credentials *credentials);

/* What may be done when an answer may have been lost. */
enum call_repeat {
	CALL_SAFE,       /* sent again: doing it twice is the same as once */
	CALL_REPEATABLE, /* sent again: Agora knows it by its name or resourceId and says so */
	CALL_ONCE,       /* never sent again */
};

enum call_outcome {
	CALL_ANSWERED, /* status and json are Agora's last word */
	CALL_NOT_DONE, /* no host took it: it was not carried out */
	CALL_UNKNOWN,  /* it may have been carried out, and no answer came */
	CALL_CROWDED,  /* too many calls are under way, or for its answer there is no room */
	CALL_PACED,    /* not sent: Agora's limit of requests a second is used up */
};

/* One call.  Zero it, fill the first part, send it; it must stay where it is until done. */
struct call {
	const char *method; /* "POST" */
	struct text path;   /* "/v1/apps/..."; encoded, with its query; until done */
	struct text url; /* instead: a whole address that is not Agora's; no credentials go there */
	const struct credentials *credentials; /* with a path: whose they are */
	struct text authorization; /* with a path, where those are none: that header; until done */
	struct text body;          /* JSON; absent: none; until done */
	enum call_repeat repeat;
	struct pace *pace; /* the API's limit; NULL: none */
	int64_t try_ms;    /* for one try; 0 = the setting */
	int64_t delay_ms;  /* not sent before so long from now */
	int64_t queue_ms;  /* how long the API's limit may hold it back; 0 = a second and a half */
	int64_t total_ms;  /* for all tries, the delay included; 0 = the setting */
	bool empty;        /* a success without a body is one; else it is a JSON object */
	bool prepares;     /* nothing is started, changed or ended by it */
	struct text request_id, traceparent, tracestate; /* passed on; may be absent */
	struct text headers; /* more of them: lines of "Name: value"; until done; may be absent */
	struct buf *head;    /* gets the answer's header lines; NULL: nobody reads them */
	unsigned most_tries; /* 0 = as many as there is time for */
	void (*done)(struct call *call); /* not called when cancelled */
	void *owner;

	enum call_outcome outcome;
	int status;
	struct buf answer;        /* the body as it came */
	struct room *room;        /* that the answer counts for as it grows; NULL: none */
	size_t held;              /* of it */
	struct json_object *json; /* the body parsed; NULL when it is not JSON */
	char agora_request_id[129], resource_id[129]; /* headers; "" = none */
	bool doubtful;                                /* an earlier try may have been carried out */
	int64_t retry_after; /* seconds, with status 429 or CALL_PACED; 0 = not said */
	unsigned tries;
	/*
	 * Why no answer came, or with CALL_CROWDED what was used up: the reason that says most;
	 * static text; NULL: one did.
	 */
	const char *failure;
	/* private */
	struct transfer *transfer;
};

struct upstream;

/* NULL with *error set to one line.  settings is borrowed. */
struct upstream *upstream_open(const struct upstream_settings *settings, struct buf *error);
void upstream_close(struct upstream *upstream);

/* What the loop has to watch. */
const struct progress *upstream_progress(struct upstream *upstream);

/* Sends; call->done is called from a later step, also when it is not sent at all. */
void upstream_send(struct upstream *upstream, struct call *call);
/* Gives it up; what was sent was sent. */
void upstream_cancel(struct upstream *upstream, struct call *call);
/* Reads call->json out of call->answer.  Bytes in it that are not UTF-8 become U+FFFD. */
void call_read(struct call *call);
/* Frees what the answer holds. */
void call_free(struct call *call);

/* How calls are sent: the client, or a test's stand-in.  send NULL: none can be. */
struct sender {
	void *owner;
	void (*send)(void *owner, struct call *call);
	void (*cancel)(void *owner, struct call *call);
};

/*
 * The client as a value, so that a program without it (agora.cgi) does not link it and tests give
 * another.
 */
struct upstream_driver {
	struct upstream *(*open)(const struct upstream_settings *settings, struct buf *error);
	void (*close)(struct upstream *upstream);
	const struct progress *(*progress)(struct upstream *upstream);
	void (*send)(struct upstream *upstream, struct call *call);
	void (*cancel)(struct upstream *upstream, struct call *call);
};
extern const struct upstream_driver upstream_curl;

/* Calls under way, for metrics and tests. */
size_t upstream_busy(const struct upstream *upstream);

#endif
