#include "routes.h"
#include "explain.h"
#include "inspect.h"
#include "openapi.h"
#include "pull.h"
#include "push.h"
#include "recording.h"
#include "rtmp.h"
#include "status.h"
#include "system.h"
#include "tokens.h"
#include "transcription.h"

/* A row names its action or says PUBLIC; without either it does not compile. */
#define ROW(method, path, handler, input, output, action, summary, ...)                            \
	{                                                                                          \
		method, path, handler, input, output,                                              \
		    &(action "")[0 * sizeof(char[sizeof(action) > 1 ? 1 : -1])], summary,          \
		    __VA_ARGS__                                                                    \
	}
#define ROUTE(method, path, handler, input, output, action, summary)                               \
	ROW(method, path, handler, input, output, action, summary, .wait = ROUTE_INLINE)
/* Writes an answer of this type itself. */
#define WRITES(method, path, handler, content, action, summary)                                    \
	ROW(method, path, handler, NULL, NULL, action, summary, .content_type = content)
/* Issues tokens; ask says what for. */
#define ISSUES(method, path, handler, input, output, asks, summary)                                \
	ROW(method, path, handler, input, output, TOKEN_ISSUE, summary, .ask = asks)
/* Asks Agora something. */
#define ASKS(method, path, handler, input, output, action, summary)                                \
	ROW(method, path, handler, input, output, action, summary, .wait = ROUTE_CANCELLED)
/* Has Agora start, change or end something that costs money. */
#define BILLS(method, path, handler, input, output, action, summary)                               \
	ROW(method, path, handler, input, output, action, summary, .wait = ROUTE_GOES_TO_END)

const struct route routes[] = {
	ROUTE(
	    "GET", "/ping", system_ping, NULL, &ping_table, PUBLIC, "Whether the service answers"),
	ROW("GET", "/livez", system_live, NULL, &live_table, PUBLIC, "Whether the process lives",
	    .any_host = true),
	ROW("GET", "/readyz", system_ready, &ready_request_table, &ready_table, PUBLIC,
	    "Whether it has what the next request needs", .also = 503, .any_host = true),
	WRITES("GET", "/metrics", system_metrics, "text/plain; version=0.0.4; charset=utf-8",
	    "metrics.read", "Counts for Prometheus"),
	ROUTE("GET", "/status", status_get, NULL, &status_table, "status.read",
	    "What is configured, its limits and counts, and the last audit records"),
	WRITES("GET", "/openapi.json", openapi_get, "application/json", PUBLIC,
	    "This API, as OpenAPI describes it"),
	ROUTE("GET", "/me", policy_me, NULL, &policy_me_table, ANY_CALLER,
	    "Who the caller is, and what it may have"),
	ROUTE("POST", "/policy/check", policy_check, &policy_check_table, &policy_verdict_table,
	    "policy.check", "Whether a caller may have something, and why"),
	ISSUES("POST", "/getToken", token_post, &token_request_table, &token_answer_table,
	    token_ask, "A token of any kind"),
	ISSUES("POST", "/token/getNew", token_post, &token_request_table, &token_answer_table,
	    token_ask, "The same, by the middleware's name"),
	ISSUES("POST", "/fetchToken", token_post, &token_request_table, &token_answer_table,
	    token_ask, "The same, by the name in Agora's samples"),
	ISSUES("POST", "/fetch_rtc_token", token_post, &fetch_rtc_table, &token_answer_table,
	    token_fetch_rtc_ask, "An RTC token, by the names of Agora's other samples"),
	ISSUES("POST", "/fetch_rtm_token", token_post, &fetch_rtm_table, &token_answer_table,
	    token_fetch_rtm_ask, "An RTM token, likewise"),
	ISSUES("GET", "/access_token", token_get_access, &access_token_table, &token_answer_table,
	    token_access_ask, "An RTC token, by the name of the community's Node.js server"),
	ROW("POST", "/token/inspect", inspect_post, &inspect_request_table, &inspection_table,
	    "token.inspect", "What a token says, and why it is refused", .ask = inspect_ask),
	ISSUES("GET", "/rtc/:channelName/:role/:tokenType/:rtcuid", token_get_rtc, &rtc_path_table,
	    &rtc_answer_table, token_rtc_ask, "An RTC token"),
	ISSUES("GET", "/rtm/:rtmuid", token_get_rtm, &rtm_path_table, &rtm_answer_table,
	    token_rtm_ask, "An RTM token"),
	ISSUES("GET", "/rte/:channelName/:role/:tokenType/:rtcuid", token_get_rte, &rte_path_table,
	    &rte_answer_table, token_rte_ask, "An RTC and an RTM token for one user"),
	ISSUES("GET", "/rte/:channelName/:role/:tokenType/:rtcuid/:rtmuid", token_get_rte,
	    &rte_rtm_path_table, &rte_answer_table, token_rte_ask,
	    "The same, with an RTM user of another name"),
	ISSUES("GET", "/chat/app", token_get_chat_app, &chat_app_path_table, &chat_answer_table,
	    token_chat_ask, "A Chat token for the app itself"),
	ISSUES("GET", "/chat/account/:chatid", token_get_chat_user, &chat_user_path_table,
	    &chat_answer_table, token_chat_ask, "A Chat token for a user"),
	BILLS("POST", "/cloud_recording/start", recording_start, &recording_start_table,
	    &recording_started_table, "recording.start", "Start a cloud recording"),
	ROW("POST", "/cloud_recording/stop", recording_stop, &recording_stop_table,
	    &recording_job_table, "recording.stop", "Stop it", .wait = ROUTE_GOES_TO_END,
	    .also = 206),
	ROW("GET", "/cloud_recording/status", recording_status, &recording_status_table,
	    &recording_job_table, "recording.status", "How it is going", .wait = ROUTE_CANCELLED,
	    .also = 206),
	ROW("POST", "/cloud_recording/update/subscriber-list", recording_update,
	    &recording_update_table, &recording_job_table, "recording.update",
	    "Change whom it records", .wait = ROUTE_GOES_TO_END, .also = 206),
	ROW("POST", "/cloud_recording/update/layout", recording_layout, &recording_layout_table,
	    &recording_job_table, "recording.update", "Change its layout",
	    .wait = ROUTE_GOES_TO_END, .also = 206),
	BILLS("POST", "/rtt/start", rtt_start, &rtt_start_table, &rtt_started_table, "rtt.start",
	    "Start a transcription"),
	BILLS("DELETE", "/rtt/stop/:taskId", rtt_stop, &rtt_task_table, &rtt_stopped_table,
	    "rtt.stop", "Stop it"),
	BILLS("POST", "/rtt/stop/:taskId", rtt_stop, &rtt_task_table, &rtt_stopped_table,
	    "rtt.stop", "The same, for clients without DELETE"),
	ASKS("GET", "/rtt/status/:taskId", rtt_status, &rtt_task_path_table, &rtt_queried_table,
	    "rtt.status", "How it is going"),
	BILLS("POST", "/rtt/update/:taskId", rtt_update, &rtt_update_table, &rtt_updated_table,
	    "rtt.update", "Change it"),
	ASKS("GET", "/rtt/list", rtt_list, &rtt_list_table, &rtt_listed_table, "rtt.list",
	    "Transcriptions of the project"),
	BILLS("POST", "/rtmp/push/start", push_start, &push_start_table, &push_converter_table,
	    "push.start", "Send a channel to an RTMP server"),
	BILLS("POST", "/rtmp/push/stop", push_stop, &push_stop_table, &rtmp_success_table,
	    "push.stop", "End it"),
	BILLS("POST", "/rtmp/push/update", push_update, &push_update_table, &push_converter_table,
	    "push.update", "Change it"),
	ASKS("GET", "/rtmp/push/list", push_list, &push_list_table, &push_listed_table, "push.list",
	    "Converters of the project"),
	ASKS("GET", "/rtmp/push/status/:id", push_status, &push_status_table, &push_converter_table,
	    "push.status", "How it is going"),
	BILLS("POST", "/rtmp/pull/start", pull_start, &pull_start_table, &pull_player_table,
	    "pull.start", "Play a stream into a channel"),
	BILLS("POST", "/rtmp/pull/stop", pull_stop, &pull_stop_table, &rtmp_success_table,
	    "pull.stop", "End it"),
	BILLS("POST", "/rtmp/pull/update", pull_update, &pull_update_table, &rtmp_success_table,
	    "pull.update", "Change it"),
	ASKS("GET", "/rtmp/pull/list", pull_list, &pull_list_table, &pull_listed_table, "pull.list",
	    "Players of the project"),
	ASKS("GET", "/rtmp/pull/status/:id", pull_status, &pull_status_table, &pull_player_table,
	    "pull.status", "How it is going"),
};

const size_t route_count = sizeof(routes) / sizeof(routes[0]);
