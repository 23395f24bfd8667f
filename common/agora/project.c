#include "project.h"

#define AT(member) offsetof(struct rest_settings, member)

static const struct field rest_fields[] = {
	{ "AGORA_CLOUD_RECORDING_URL", FIELD_TEXT, 0, AT(recording_url),
	    .meaning = "turns on /cloud_recording: v1/apps/{appId}/cloud_recording" },
	{ "AGORA_RTT_URL", FIELD_TEXT, 0, AT(rtt_url),
	    .meaning = "turns on /rtt: api/speech-to-text/v1/projects/{appId}" },
	{ "AGORA_RTMP_URL", FIELD_TEXT, 0, AT(rtmp_url),
	    .meaning = "turns on /rtmp/push: v1/projects/{appId}/rtmp-converters" },
	{ "AGORA_CLOUD_PLAYER_URL", FIELD_TEXT, 0, AT(player_url),
	    .meaning = "turns on /rtmp/pull: v1/projects/{appId}/cloud-player" },
};

const struct table rest_settings_table = TEXT_TABLE(rest_fields, struct rest_settings);

#undef AT
#define AT(member) offsetof(struct storage_settings, member)

static const struct choice prefixes[] = { { "off", PREFIX_OURS }, { "channel", PREFIX_CHANNEL },
	{ "any", PREFIX_ANY }, { NULL, 0 } };

static const struct field storage_fields[] = {
	{ "STORAGE_VENDOR", FIELD_INT, 0, AT(vendor), 0, 100, .fallback = -1,
	    .meaning = "who keeps the files: Agora's number, 1 = Amazon S3" },
	{ "STORAGE_REGION", FIELD_INT, 0, AT(region), 0, 100, .fallback = -1,
	    .meaning = "where: Agora's number for that vendor" },
	{ "STORAGE_BUCKET", FIELD_TEXT, 0, AT(bucket), .meaning = "name of the bucket" },
	{ "STORAGE_BUCKET_ACCESS_KEY", FIELD_TEXT, FIELD_FILE | FIELD_SECRET, AT(access_key),
	    .meaning = "its access key" },
	{ "STORAGE_BUCKET_SECRET_KEY", FIELD_TEXT, FIELD_FILE | FIELD_SECRET, AT(secret_key),
	    .meaning = "its secret key" },
	{ "STORAGE_OVERRIDE", FIELD_BOOL, 0, AT(override),
	    .meaning = "true: requests may bring a storageConfig of their own" },
	{ "STORAGE_PREFIX", FIELD_CHOICE, 0, AT(prefix), .choices = prefixes,
	    .fallback = PREFIX_OURS,
	    .meaning = "whether requests may bring a fileNamePrefix: off, channel "
		       "(it begins with the channel's letters and digits) or any" },
};

const struct table storage_settings_table = TEXT_TABLE(storage_fields, struct storage_settings);

/* A quarter of a second's requests, and a third of a minute's, are for stops alone. */
void
budget_open(struct budget *b, const char *api, int64_t most, bool a_minute)
{
	const int64_t reserve = most / (a_minute ? 3 : 4);

	b->all = (struct pace){ .api = api, .most = most, .a_minute = a_minute };
	b->others = (struct pace){ .api = api,
		.most = most - (reserve > 0 ? reserve : 1),
		.a_minute = a_minute,
		.also = &b->all };
}

struct rest_project *
rest_project(const struct exchange *x)
{
	const struct rest *rest = services_of(x)->rest;
	const struct project *wanted = x->admission == NULL ? NULL : x->admission->project;

	for (size_t i = 0; i < rest->project_count; i++)
		if (rest->projects[i].project == wanted)
			return &rest->projects[i];
	return &rest->projects[0];
}
