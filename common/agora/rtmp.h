/* rtmp.h - what /rtmp/push and /rtmp/pull share: regions, uids as numbers, lists, stream URLs. */
#ifndef AGORA_RTMP_H
#define AGORA_RTMP_H

#include "exchange.h"
#include "field.h"

/* na, eu, ap, cn: the region's part of Agora's path is its name. */
extern const struct choice rtmp_regions[];
const char *rtmp_region_name(int64_t region);

/* A row for a table whose struct has an int64_t region. */
#define REGION_ROW(type)                                                                           \
	{                                                                                          \
		"region", FIELD_CHOICE, FIELD_REQUIRED, offsetof(type, region),                    \
		    .choices = rtmp_regions, .meaning = "na, eu, ap or cn"                         \
	}

/* Field checks. */
bool is_ipv4(struct text value, struct field_error *error);
bool is_stream_url(struct text value, struct field_error *error); /* a URL without blanks */
bool is_stream_key(struct text value, struct field_error *error);

/* Turns members that name users into numbers wherever they are text, in the value and below it. */
bool rtmp_numeric_uids(struct exchange *x, struct json_object *value, const char *field);

/* streamUrl and streamKey with one slash between them. */
struct text rtmp_join(struct exchange *x, struct text url, struct text key);

/* {"status":"Success","timestamp"}, the answer of stop and pull's update. */
struct rtmp_success {
	struct text status, timestamp;
};
extern const struct table rtmp_success_table;
void rtmp_succeed(struct exchange *x);

#endif
