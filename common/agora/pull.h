/* pull.h - /rtmp/pull: Agora's Media Pull, which plays a stream into a channel. */
#ifndef AGORA_PULL_H
#define AGORA_PULL_H

#include "exchange.h"

struct rest_project;

/* Sets how much of Agora's limits the project has. */
void pull_limits(struct rest_project *project);

enum step pull_start(struct exchange *exchange);
enum step pull_stop(struct exchange *exchange);
enum step pull_update(struct exchange *exchange);
enum step pull_list(struct exchange *exchange);
enum step pull_status(struct exchange *exchange);

extern const struct table pull_start_table, pull_stop_table, pull_update_table, pull_list_table,
    pull_status_table, pull_player_table, pull_listed_table;

#endif
