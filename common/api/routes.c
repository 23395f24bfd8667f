#include "routes.h"
#include "system.h"
#include "tokens.h"

/* A row names its action or says PUBLIC; without either it does not compile. */
#define ROUTE(method, path, handler, input, output, action, summary)                               \
	{                                                                                          \
		method, path, handler, input, output,                                              \
		    action "" + 0 * sizeof(char[sizeof(action) > 1 ? 1 : -1]), summary             \
	}

const struct route routes[] = {
	ROUTE(
	    "GET", "/ping", system_ping, NULL, &ping_table, PUBLIC, "Whether the service answers"),
	ROUTE("POST", "/getToken", token_post, &token_request_table, &token_answer_table,
	    "token.issue", "A token of any kind"),
	ROUTE("POST", "/token/getNew", token_post, &token_request_table, &token_answer_table,
	    "token.issue", "The same, by the middleware's name"),
	ROUTE("POST", "/fetchToken", token_post, &token_request_table, &token_answer_table,
	    "token.issue", "The same, by the name in Agora's samples"),
	ROUTE("GET", "/rtc/:channelName/:role/:tokenType/:rtcuid", token_get_rtc, &rtc_path_table,
	    &rtc_answer_table, "token.issue", "An RTC token"),
	ROUTE("GET", "/rtm/:rtmuid", token_get_rtm, &rtm_path_table, &rtm_answer_table,
	    "token.issue", "An RTM token"),
	ROUTE("GET", "/rte/:channelName/:role/:tokenType/:rtcuid", token_get_rte, &rte_path_table,
	    &rte_answer_table, "token.issue", "An RTC and an RTM token for one user"),
	ROUTE("GET", "/rte/:channelName/:role/:tokenType/:rtcuid/:rtmuid", token_get_rte,
	    &rte_rtm_path_table, &rte_answer_table, "token.issue",
	    "The same, with an RTM user of another name"),
	ROUTE("GET", "/chat/app", token_get_chat_app, &chat_app_path_table, &chat_answer_table,
	    "token.issue", "A Chat token for the app itself"),
	ROUTE("GET", "/chat/account/:chatid", token_get_chat_user, &chat_user_path_table,
	    &chat_answer_table, "token.issue", "A Chat token for a user"),
};

const size_t route_count = sizeof(routes) / sizeof(routes[0]);
