/*
 * agora.h - between handlers and the upstream client: what the REST services are configured with,
 * calls made from an exchange, and Agora's answers made ours.
 */
#ifndef AGORA_AGORA_H
#define AGORA_AGORA_H

#include "tokens.h"
#include "upstream.h"

/* Paths of the products, as the peers' settings name them. */
struct rest_settings {
	struct text recording_url, rtt_url, rtmp_url, player_url;
};
extern const struct table rest_settings_table;

enum storage_prefix {
	PREFIX_OURS,    /* requests may bring none */
	PREFIX_CHANNEL, /* one that begins with the channel's letters and digits */
	PREFIX_ANY,     /* any; callers with some channels as above */
};

struct storage_settings {
	int64_t vendor, region; /* -1: not set */
	struct text bucket, access_key, secret_key;
	bool override;  /* requests may bring their own */
	int64_t prefix; /* enum storage_prefix: whether requests may name their files */
};
extern const struct table storage_settings_table;

#define JOB_SLOTS 32 /* jobs whose ids meet in one share what is kept there */

/* An API's limit.  What is not for a stop has less of it, so that stops are never crowded out. */
struct budget {
	struct pace others, all;
};

/*
 * A project's account with Agora and its share of Agora's limits, which count by App ID; updates of
 * a push converter by converter.
 */
struct rest_project {
	const struct project *project; /* NULL: the settings' own */
	struct credentials credentials;
	struct budget recording, rtt, push, pull;
	struct pace pull_create, pull_list;                /* of all channels */
	struct budget pull_filtered, pull_filtered_minute; /* of one channel */
	struct pace push_update[JOB_SLOTS];                /* by agora_slot */
};

/* What REST handlers work with beside struct services. */
struct rest {
	struct rest_settings settings;
	struct storage_settings storage;
	struct sender sender;
	struct rest_project *projects; /* the first is the settings' own */
	size_t project_count;
	struct lists *lists;
	int64_t sequences[JOB_SLOTS]; /* the last that agora_sequence gave, by agora_slot */
	int64_t call_ms;              /* for all calls of one exchange */
};

static inline struct services *
services_of(const struct exchange *x)
{
	return x->context;
}

/* The one that the exchange is about. */
struct rest_project *rest_project(const struct exchange *x);

/*
 * "/" and a product's path with the App ID in it; in front of it "/region" where there is one.
 * Grown by the handler with buf_printf and agora_segment; lives as long as the exchange.
 */
struct buf *agora_path(struct exchange *x, struct text url_template, const char *region);

/*
 * Appends "/" and an id, escaped.  One that is . or .., however it is written, is refused by
 * agora_send: whoever passes such a path on takes it for another.
 */
void agora_segment(struct buf *path, struct text id);

/* Appends a query parameter, escaped, when there is one; *join is '?' first and '&' then. */
void agora_query(struct buf *path, char *join, const char *name, struct text value);

/* The budget's limit that the exchange's calls keep: its action says whether it is a stop. */
struct pace *agora_pace(const struct exchange *x, struct budget *budget);

/* The exchange's next call, zeroed but for its account and what bounds it. */
struct call *agora_call(struct exchange *x, const char *method, const struct buf *path,
    enum call_repeat repeat, struct pace *pace);

/*
 * For an API that takes a token of the project's too: where there is no customer id and secret the
 * call shows this one; absent: one of ten minutes for the caller's channel, or for any where the
 * call names a job alone.  false: the exchange is answered.
 */
bool agora_authorize(struct exchange *x, struct call *call, struct text token)
    __attribute__((warn_unused_result));

/*
 * What the exchange sends on: serialised here, once and before it waits for anything, so that
 * nothing else of the request's body is there while it waits.  The object is taken.
 */
void agora_compose(struct exchange *x, struct json_object *body);
/* Gives the call that body. */
void agora_body(struct exchange *x, struct call *call);

/*
 * Whether this program makes calls, and the path is one that nobody on the way takes for another:
 * no segment of it is . or .., however often it is decoded.  false: the exchange is answered.
 */
bool agora_may_send(struct exchange *x, const struct call *call);

/*
 * Before the exchange waits for this call: frees what only its request and the answer before
 * needed.
 */
void agora_settle(struct exchange *x, struct call *call);

/*
 * Sends it; `next` goes on, and finds neither the request's parameters, nor its body, nor JSON of
 * its input, nor the answer before.  Returns WAITING, or ANSWERED with 501 or 400.
 */
enum step agora_send(struct exchange *x, struct call *call, enum step (*next)(struct exchange *));

/* The call that ended last, in `next`. */
struct call *agora_answer(struct exchange *x);

/*
 * true: Agora's answer is a success (2xx).  false: the exchange is answered with an error whose
 * text begins with `what` ("Failed to start recording"); known (taken, may be NULL) is what is
 * known of a job that may be running.
 */
bool agora_succeeded(struct exchange *x, const char *what, struct json_object *known);

/* The same for a call that ends something: one that was gone at a repetition is ended. */
bool agora_deleted(struct exchange *x, const char *what);

/* How a product says whether a job is in a channel. */
struct job_place {
	/*
	 * The call that asks; page is where the answer before ended, absent at first.  NULL: the
	 * exchange is answered.
	 */
	struct call *(*ask)(struct exchange *x, struct text channel, struct text page);
	/* Whether the answer says so; else *page where there is more of it. */
	bool (*is_there)(struct exchange *x, struct text channel, struct text *page);
	int64_t keep_ms; /* the call lists jobs, and its answer is good for others so long; 0: no */
};

/*
 * Goes on with `then` at once; or, for a caller whose grant is bound to channels, when Agora has
 * said that the job is in the one that he named.
 */
enum step agora_in_place(
    struct exchange *x, const struct job_place *place, enum step (*then)(struct exchange *));

/* Where what is kept for a job stands, by its id: 0 to JOB_SLOTS - 1. */
size_t agora_slot(struct text id);

/*
 * A number for an update of this job that is larger than the ones before: the seconds of the time,
 * or a few more.  Another worker, that knows only the time, soon gives larger ones too.
 */
int64_t agora_sequence(struct exchange *x, struct text id);

/* A new name for a job, by which Agora recognises a start that is sent again. */
struct text agora_job_name(struct exchange *x);

/* 501 when the setting's value is absent. */
bool agora_configured(struct exchange *x, struct text value, const char *setting);

/*
 * An error made here about an answer that is no use.  ERROR_UNKNOWN_OUTCOME for what may be running
 * all the same, with what is known of it (taken, may be NULL).
 */
enum step agora_bad_answer(struct exchange *x, enum http_error error, const char *what,
    const char *why, struct json_object *known);

/* Milliseconds that are left for calls of this exchange. */
int64_t agora_time_left(const struct exchange *x);

/*
 * Members of Agora's answers; absent where they are not there or of another type, and texts also
 * where they are longer than any of Agora's, 4096 bytes.
 */
struct text agora_text_member(struct exchange *x, struct json_object *object, const char *name);
int64_t agora_int_member(struct json_object *object, const char *name, int64_t otherwise);

/* RFC 3339 in UTC, whole seconds: the peers' "timestamp". */
struct text agora_timestamp(struct exchange *x);

/* An id that Agora gave: letters, digits and - _ . ~ = */
bool is_agora_id(struct text value, struct field_error *error);

/* A row for a table whose struct has a struct json_object *prefix. */
#define PREFIX_ROW                                                                                 \
	{                                                                                          \
		"fileNamePrefix", FIELD_JSONS, FIELD_STRINGS, AT(prefix),                          \
		    .meaning = "where STORAGE_PREFIX allows it: folders of the files, letters "    \
			       "and digits each"                                                   \
	}

/*
 * Agora's storageConfig with the settings' bucket and fileNamePrefix from the channel and the
 * time; `own` and `prefix` (may be NULL) are the request's, `own` under the name `field`.  NULL:
 * the exchange is answered.
 */
struct json_object *agora_storage(struct exchange *x, const char *field, struct json_object *own,
    struct json_object *prefix, struct text channel);

/* Agora's table of third-party storage, as of this release: Agora adds to it. */
bool storage_vendor_exists(int64_t vendor);
bool storage_region_exists(int64_t vendor, int64_t region);

#define STORAGE_IS_OURS                                                                            \
	"is not taken: this server keeps all files in its own storage (STORAGE_OVERRIDE)"

/* A token for a bot of ours: RTC, 24 hours.  Absent: the exchange is answered. */
struct text agora_bot_token(struct exchange *x, struct text channel, struct text uid, bool publish);

/* The bot's uid: the request's own, or a random one where that is absent. */
struct text agora_bot_uid(struct exchange *x, struct text own);

/*
 * The object is taken and lives as long as the exchange; one that is kept before the first call is
 * sent, until then.
 */
struct json_object *agora_keep(struct exchange *x, struct json_object *object);

/* JSON, with out-of-memory dealt with: member or item added, object taken. */
void json_set(struct json_object *object, const char *name, struct json_object *value);
void json_set_text(struct json_object *object, const char *name, struct text value);
void json_set_int(struct json_object *object, const char *name, int64_t value);
void json_append(struct json_object *list, struct json_object *item);
/* Bytes that are not UTF-8 become U+FFFD. */
struct json_object *json_text(struct text text);
struct json_object *json_list(void);
/* A deep copy of an object, or a new one for NULL. */
struct json_object *json_copy(struct json_object *object);
/* The object once more, to be put by its new owner too; or a new one for NULL. */
struct json_object *json_share(struct json_object *object);

#endif
