#include <stdio.h>

#include "doctor_page.h"
#include "hosts.h"

static const char by_agora[] = "clock, by Agora";

static bool
fetch_root(struct doctor *d, const char *base, struct page *page)
{
	page->call.method = "GET";
	page->call.url = text_of(doctor_text(d, "%s/", base));
	page->call.repeat = CALL_SAFE;
	return page_fetch(&d->config->upstream, page);
}

static bool
ask_host(struct doctor *d, const char *base, bool *clock_known)
{
	struct page page = { 0 };
	bool answered;

	answered = fetch_root(d, base, &page);
	if (!answered)
		doctor_say(d, FINDING_WARNING, "Agora's hosts",
		    "let the service out to it (firewall, DNS, AGORA_PROXY, AGORA_CA_FILE)",
		    "%s: %s", base,
		    page.call.failure == NULL ? "no answer came" : page.call.failure);
	else if (strncmp(base, "https:", 6) != 0)
		doctor_say(d, FINDING_WARNING, "Agora's hosts", "write https:// in AGORA_BASE_URL",
		    "%s answers, without TLS: the customer secret goes over the wire as it is",
		    base);
	else
		doctor_say(d, FINDING_OK, "Agora's hosts", NULL, "%s answers over TLS", base);
	if (answered && !*clock_known) {
		page_clock(d, by_agora, &page);
		*clock_known = true;
	}
	page_free(&page);
	return answered;
}

/* Without its REST services nobody needs Agora's hosts, but one of them knows the time. */
static void
ask_time(struct doctor *d, const char *base)
{
	struct page page = { 0 };

	if (fetch_root(d, base, &page))
		page_clock(d, by_agora, &page);
	else
		doctor_say(d, FINDING_SKIPPED, by_agora, NULL, "not checked: %s: %s", base,
		    page.call.failure == NULL ? "no answer came" : page.call.failure);
	page_free(&page);
}

void
check_agora_hosts(struct doctor *d)
{
	struct hosts hosts = { 0 };
	struct buf error = { 0 };
	bool clock_known = false, any = false;

	if (!page_can_be_fetched()) {
		doctor_say(d, FINDING_SKIPPED, "Agora", NULL, "not checked: " WITHOUT_CURL);
		return;
	}
	if (!hosts_init(&hosts, d->config->upstream.base_url, d->config->upstream.area, &error)) {
		doctor_say(d, FINDING_PROBLEM, "Agora's hosts", "correct that setting", "%.*s",
		    (int)error.length, buf_view(&error).data);
		buf_free(&error);
		return;
	}
	if (!config_has_upstream(d->config)) {
		ask_time(d, hosts.list[0].base);
		return;
	}
	for (size_t i = 0; i < hosts.count; i++)
		any = ask_host(d, hosts.list[i].base, &clock_known) || any;
	if (!any)
		doctor_say(d, FINDING_PROBLEM, "Agora's hosts",
		    "the lines above say why; without them only tokens are served",
		    "none of them can be reached");
}

/* A list of one channel of the project's: it changes nothing and costs nothing. */
static void
ask_account(
    struct doctor *d, const char *what, struct text app_id, struct text id, struct text secret)
{
	struct credentials credentials;
	struct page page = { 0 };
	const struct call *call = &page.call;

	credentials_make(&credentials, id, secret);
	page.call.method = "GET";
	page.call.path = text_of(doctor_text(
	    d, "/dev/v1/channel/%.*s?page_no=0&page_size=1", (int)app_id.length, app_id.data));
	page.call.credentials = &credentials;
	page.call.repeat = CALL_SAFE;
	if (!page_fetch(&d->config->upstream, &page))
		doctor_say(d, FINDING_WARNING, what,
		    "look at what is said of Agora's hosts, and then again",
		    "cannot be checked: %s",
		    call->failure == NULL ? "no answer came" : call->failure);
	else if (call->status == 401)
		doctor_say(d, FINDING_PROBLEM, what,
		    "compare customer id and secret with Agora's console, RESTful API",
		    "Agora does not know the customer id and secret (401)");
	else if (call->status != 200)
		doctor_say(d, FINDING_WARNING, what,
		    "look whether the App ID is a project of the same account",
		    "Agora knows the customer id and secret, and answers with %d to a list of the "
		    "project's channels",
		    call->status);
	else
		doctor_say(d, FINDING_OK, what, NULL, "Agora takes the customer id and secret");
	page_free(&page);
	credentials_wipe(&credentials);
}

void
check_agora_credentials(struct doctor *d)
{
	const struct policy *policy = d->config->policy;
	const struct project *projects = policy == NULL ? NULL : policy->projects.items;

	if (!page_can_be_fetched())
		return;
	if (d->config->upstream.customer_id.data != NULL)
		ask_account(d, "Agora's account", d->config->token.app_id,
		    d->config->upstream.customer_id, d->config->upstream.customer_secret);
	else
		doctor_say(d, FINDING_SKIPPED, "Agora's account", NULL,
		    "not checked: there is no CUSTOMER_ID, and transcription takes tokens");
	for (size_t i = 0; policy != NULL && i < policy->projects.count; i++)
		if (projects[i].customer_id.data != NULL)
			ask_account(d,
			    doctor_text(d, "Agora's account, project %s", projects[i].name.data),
			    projects[i].app_id, projects[i].customer_id,
			    projects[i].customer_secret);
}
