/*
 * project.h - what the REST services are configured with, and a project's account with Agora: whose
 * credentials its calls carry, and how much of Agora's limits it may use.
 */
#ifndef AGORA_PROJECT_H
#define AGORA_PROJECT_H

#include "access.h"
#include "services.h"
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
/* Requests a second, or a minute, that Agora takes of one App ID; api is the limit's name. */
void budget_open(struct budget *budget, const char *api, int64_t most, bool a_minute);

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

/* The one that the exchange is about. */
struct rest_project *rest_project(const struct exchange *x);

#endif
