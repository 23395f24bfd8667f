/* recording.h - /cloud_recording: Agora's cloud recording, in the middleware's words. */
#ifndef AGORA_RECORDING_H
#define AGORA_RECORDING_H

#include "exchange.h"

struct rest_project;

/* Sets how much of Agora's limits the project has. */
void recording_limits(struct rest_project *project);

enum step recording_start(struct exchange *exchange);
enum step recording_stop(struct exchange *exchange);
enum step recording_status(struct exchange *exchange);
enum step recording_update(struct exchange *exchange);
enum step recording_layout(struct exchange *exchange);

extern const struct table recording_start_table, recording_stop_table, recording_status_table,
    recording_update_table, recording_layout_table, recording_started_table, recording_job_table;

#endif
