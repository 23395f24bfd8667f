/* push.h - /rtmp/push: Agora's Media Push, which sends a channel to an RTMP server. */
#ifndef AGORA_PUSH_H
#define AGORA_PUSH_H

#include "exchange.h"

struct rest_project;

/* Sets how much of Agora's limits the project has. */
void push_limits(struct rest_project *project);

enum step push_start(struct exchange *exchange);
enum step push_stop(struct exchange *exchange);
enum step push_update(struct exchange *exchange);
enum step push_list(struct exchange *exchange);
enum step push_status(struct exchange *exchange);

extern const struct table push_start_table, push_stop_table, push_update_table, push_list_table,
    push_status_table, push_converter_table, push_listed_table;

#endif
