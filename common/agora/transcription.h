/* transcription.h - /rtt: Agora's real-time speech-to-text, API v7 behind the old envelopes. */
#ifndef AGORA_TRANSCRIPTION_H
#define AGORA_TRANSCRIPTION_H

#include "exchange.h"

struct rest_project;

/* Sets how much of Agora's limits the project has. */
void rtt_limits(struct rest_project *project);

enum step rtt_start(struct exchange *exchange);
enum step rtt_stop(struct exchange *exchange);
enum step rtt_status(struct exchange *exchange);
enum step rtt_update(struct exchange *exchange);
enum step rtt_list(struct exchange *exchange);

extern const struct table rtt_start_table, rtt_task_table, rtt_task_path_table, rtt_update_table,
    rtt_list_table;
extern const struct table rtt_started_table, rtt_stopped_table, rtt_queried_table,
    rtt_updated_table, rtt_listed_table;

/* Whether AGORA_RTT_URL names the API that has ended; version 7 is used then. */
bool rtt_url_has_ended(struct text url);

#endif
