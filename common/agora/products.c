#include <stdlib.h>

#include "lists.h"
#include "products.h"
#include "pull.h"
#include "push.h"
#include "recording.h"
#include "transcription.h"

/* A product says how much of Agora's limits each project has. */
static void (*const limits[])(
    struct rest_project *project) = { recording_limits, rtt_limits, push_limits, pull_limits };

/* A customer's account may have many projects; one without an account of its own is of these. */
static void
open_project(
    struct rest_project *p, const struct project *project, const struct upstream_settings *settings)
{
	*p = (struct rest_project){ .project = project };
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		limits[i](p);
	if (project != NULL && project->customer_id.data != NULL)
		credentials_make(&p->credentials, project->customer_id, project->customer_secret);
	else if (settings->customer_id.data != NULL && settings->customer_secret.data != NULL)
		credentials_make(&p->credentials, settings->customer_id, settings->customer_secret);
}

void
rest_open(struct rest *rest, const struct list *projects, const struct upstream_settings *upstream)
{
	const struct project *items = projects == NULL ? NULL : projects->items;

	rest->call_ms = upstream->call_timeout * 1000;
	rest->project_count = 1 + (projects == NULL ? 0 : projects->count);
	rest->projects = xcalloc(rest->project_count, sizeof(struct rest_project));
	open_project(&rest->projects[0], NULL, upstream);
	for (size_t i = 1; i < rest->project_count; i++)
		open_project(&rest->projects[i], &items[i - 1], upstream);
	rest->lists = lists_open();
}

void
rest_close(struct rest *rest)
{
	lists_close(rest->lists);
	for (size_t i = 0; i < rest->project_count; i++)
		credentials_wipe(&rest->projects[i].credentials);
	free(rest->projects);
}
