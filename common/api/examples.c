#include "examples.h"

/* JSON with ' for ", which is read more easily here. */

/* What Agora and we gave at a start, and the requests behind it name. */
/* With the certificate fedcba9876543210fedcba9876543210, and what the answer of inspect says. */
#define TOKEN                                                                                      \
	"007eJxTYLgYd6KYlVFYgOOBb8mdB7YJnaeOFZx+uLpkyrSkIB5rITkFBgNDI2MTUzNzC8vEpOSU1DR0fo0dd7Y"   \
	"AHwNDCFcxIyMDIwMLEIP4TGCSGUyygElWhpz8pKRKJgYTIwC67Rxw"
#define OTHER_TOKEN "007eJxTYPj66H+cfvO1GfHuTGVpX0sV0uW7GZlXm0RO/HP9RYvU3mIF"
#define TIME "2026-11-28T20:50:04Z"
#define RESOURCE "yY_jJjzqdGhHYMr8WDGw-sfZdPrZHD61B1WTWpWjJjKKvAsKrxKQYPOKIoK8F4Dp"
#define SID "d11ebb901eed3c99a96241ca8748ed14"
#define APP_ID "0123456789abcdef0123456789abcdef"
#define TASK "OEMYC2MLO40AYN593LX4JULSK06CHZI6"
#define CONVERTER "0043e120f6d7a429e0580abfa92fd466"
#define PLAYER "5dd8c90b8240b331c6de3fe46842b75c"
#define PUSH_NAME "agora-z81awkggsgbjcw5iwj"
#define PULL_NAME "agora-zyw13zauqze9re1dah"

static const struct example examples[] = {
	{ "GET", "/ping", NULL, "{'message':'pong'}" },
	{ "GET", "/livez", NULL, "{'status':'ok'}" },
	{ "GET", "/readyz", "{'verbose':'1'}",
	    "{'status':'ready','mode':'on','checks':[{'name':'settings','status':'ok'},{'name':'"
	    "clock','status':'ok'},{"
	    "'name':'keys','status':'ok'},{'name':'records','status':'ok'}]}" },
	{ "GET", "/metrics", NULL, NULL },
	{ "GET", "/status", NULL,
	    "{'version':'0.1.0','mode':'on','time':1795497296,'services':[{"
	    "'name':'recording','on':true},{'name':'rtt','on':true},{'name':'push','on':true},{"
	    "'name':'pull','on':true}],'limits':{'body':65536,'calls':500,'callSeconds':25},"
	    "'counts':{'requests':3,'tokens':1,'denied':0,'failures':0,'limited':0,'calls':0},"
	    "'projects':[{'name':'default','appId':'0123456789abcdef0123456789abcdef',"
	    "'primary':'3210'}],'audit':[]}" },
	{ "GET", "/openapi.json", NULL, NULL },
	{ "GET", "/me", NULL,
	    "{'mode':'on','caller':'backend','type':'apikey','grants':[{'name':'all',"
	    "'actions':['token.*','policy.check','metrics.read','status.read','recording.*','rtt.*'"
	    ","
	    "'push.*','pull.*'],'services':['rtc','rtm','chat','chat-app'],'channels':['*'],"
	    "'wildcard':true,'uid':'*','role':'publisher','ttl':86400}]}" },
	{ "POST", "/policy/check", "{'action':'recording.start','request':{'channelName':'lobby'}}",
	    "{'allowed':true,'action':'recording.start','caller':'backend','grant':'all'}" },
	{ "POST", "/getToken",
	    "{'tokenType':'rtc','channel':'lobby','uid':'42','role':'publisher'}",
	    "{'token':'" TOKEN "','expire':3600,'expiresAt':1795902604,'grant':'all'}" },
	{ "POST", "/token/getNew", "{'tokenType':'rtm','uid':'ann','expire':3600}",
	    "{'token':'" OTHER_TOKEN "','expire':3600,'expiresAt':1795902604,'grant':'all'}" },
	{ "POST", "/fetchToken", "{'tokenType':'chat','uid':'ann'}",
	    "{'token':'" OTHER_TOKEN "','expire':3600,'expiresAt':1795902604,'grant':'all'}" },
	{ "POST", "/fetch_rtc_token", "{'channelName':'lobby','uid':42,'role':1}",
	    "{'token':'" OTHER_TOKEN "','expire':3600,'expiresAt':1795902604,'grant':'all'}" },
	{ "POST", "/fetch_rtm_token", "{'uid':'ann'}",
	    "{'token':'" OTHER_TOKEN "','expire':3600,'expiresAt':1795902604,'grant':'all'}" },
	{ "GET", "/access_token", "{'channelName':'lobby','uid':'42','role':'publisher'}",
	    "{'token':'" OTHER_TOKEN "','expire':3600,'expiresAt':1795902604,'grant':'all'}" },
	{ "POST", "/token/inspect", "{'token':'" TOKEN "','channel':'lobby','uid':43}",
	    "{'version':'007','appId':'" APP_ID "','issueTs':1795899004,'expire':3600,"
	    "'expireAt':1795902604,'salt':24316500,'serviceCount':1,'services':[{'type':1,"
	    "'name':'RTC','privileges':[{'id':1,'name':'joinChannel','expire':3600},{'id':2,"
	    "'name':'publishAudioStream','expire':3600},{'id':3,'name':'publishVideoStream',"
	    "'expire':3600},{'id':4,'name':'publishDataStream','expire':3600}],"
	    "'channelName':'lobby','uid':'42'}],'complete':true,"
	    "'signature':'d15ec8730501131008e04d74dce03d6089cac670cbe1ab74949662520c3b121e'"
	    ",'signatureValid':true,'expired':false,"
	    "'compared':['appId','channel','uid'],'valid':false,'problems':[{"
	    "'code':'uid_mismatch',"
	    "'problem':'the token is for another user: it is for \\\"42\\\", and the "
	    "client joins with \\\"43\\\"',"
	    "'fix':'issue it for the uid that the client joins with; 0 where any user may "
	    "use it',"
	    "'message':'the token is for another user: it is for \\\"42\\\", and the "
	    "client joins with \\\"43\\\"'}]}" },
	{ "GET", "/rtc/:channelName/:role/:tokenType/:rtcuid",
	    "{'channelName':'lobby','role':'publisher','tokenType':'uid','rtcuid':'42',"
	    "'expiry':3600}",
	    "{'rtcToken':'" OTHER_TOKEN "'}" },
	{ "GET", "/rtm/:rtmuid", "{'rtmuid':'ann'}", "{'rtmToken':'" OTHER_TOKEN "'}" },
	{ "GET", "/rte/:channelName/:role/:tokenType/:rtcuid",
	    "{'channelName':'lobby','role':'publisher','tokenType':'uid','rtcuid':'42'}",
	    "{'rtcToken':'" OTHER_TOKEN "','rtmToken':'" OTHER_TOKEN "'}" },
	{ "GET", "/rte/:channelName/:role/:tokenType/:rtcuid/:rtmuid",
	    "{'channelName':'lobby','role':'publisher','tokenType':'uid','rtcuid':'42',"
	    "'rtmuid':'ann'}",
	    "{'rtcToken':'" OTHER_TOKEN "','rtmToken':'" OTHER_TOKEN "'}" },
	{ "GET", "/chat/app", "{'expiry':90000}",
	    "{'chatToken':'" OTHER_TOKEN "','expire':86400,'clamped':['expiry']}" },
	{ "GET", "/chat/account/:chatid", "{'chatid':'ann'}", "{'chatToken':'" OTHER_TOKEN "'}" },
	{ "POST", "/cloud_recording/start", "{'channelName':'lobby'}",
	    "{'cname':'lobby','uid':'3925266119','resourceId':'" RESOURCE "','sid':'" SID "',"
	    "'recordsUntil':1795985404,'timestamp':'" TIME "'}" },
	{ "POST", "/cloud_recording/stop",
	    "{'cname':'lobby','uid':'3925266119','resourceId':'" RESOURCE "','sid':'" SID "'}",
	    "{'resourceId':'" RESOURCE "','sid':'" SID "','serverResponse':{"
	    "'fileListMode':'string','fileList':'" SID "_lobby.m3u8',"
	    "'uploadingStatus':'uploaded'},'cname':'lobby','uid':'3925266119',"
	    "'timestamp':'" TIME "'}" },
	{ "GET", "/cloud_recording/status",
	    "{'resourceId':'" RESOURCE "','sid':'" SID "','mode':'mix'}",
	    "{'resourceId':'" RESOURCE "','sid':'" SID "','serverResponse':{"
	    "'fileListMode':'string','fileList':'" SID "_lobby.m3u8','status':5,"
	    "'sliceStartTime':1795899004000},'cname':'lobby','uid':'3925266119',"
	    "'timestamp':'" TIME "'}" },
	{ "POST", "/cloud_recording/update/subscriber-list",
	    "{'cname':'lobby','uid':'3925266119','resourceId':'" RESOURCE "','sid':'" SID "',"
	    "'recordingConfig':{'streamSubscribe':{'audioUidList':{'subscribeAudioUids':["
	    "'42']}}}}",
	    "{'resourceId':'" RESOURCE "','sid':'" SID "','cname':'lobby','uid':'3925266119',"
	    "'timestamp':'" TIME "'}" },
	{ "POST", "/cloud_recording/update/layout",
	    "{'cname':'lobby','uid':'3925266119','resourceId':'" RESOURCE "','sid':'" SID "',"
	    "'recordingConfig':{'mixedVideoLayout':1}}",
	    "{'resourceId':'" RESOURCE "','sid':'" SID "','cname':'lobby','uid':'3925266119',"
	    "'timestamp':'" TIME "'}" },
	{ "POST", "/rtt/start", "{'channelName':'lobby','languages':['en-US']}",
	    "{'acquire':{'tokenName':'agora-dmoh6xvh7wvnffmfdr','createTs':1795899004,"
	    "'instanceId':'lobby','timestamp':'" TIME "'},'start':{'createTs':1795899004,"
	    "'status':'STARTING','taskId':'" TASK "','pubBotUid':'527841','timestamp':'" TIME "'},"
	    "'timestamp':'" TIME "'}" },
	{ "DELETE", "/rtt/stop/:taskId", "{'taskId':'" TASK "'}",
	    "{'stop':{'status':'Success','timestamp':'" TIME "'},'timestamp':'" TIME "'}" },
	{ "POST", "/rtt/stop/:taskId", "{'taskId':'" TASK "'}",
	    "{'stop':{'status':'Success','timestamp':'" TIME "'},'timestamp':'" TIME "'}" },
	{ "GET", "/rtt/status/:taskId", "{'taskId':'" TASK "'}",
	    "{'query':{'createTs':1795899004,'status':'RUNNING','taskId':'" TASK "',"
	    "'timestamp':'" TIME "'},'timestamp':'" TIME "'}" },
	{ "POST", "/rtt/update/:taskId", "{'taskId':'" TASK "','languages':['en-US','de-DE']}",
	    "{'update':{'createTs':1795899004,'status':'RUNNING','taskId':'" TASK "',"
	    "'timestamp':'" TIME "'},'timestamp':'" TIME "'}" },
	{ "GET", "/rtt/list", "{'channel':'lobby'}",
	    "{'data':{'count':1,'list':[{'start_ts':1795899004,'status':'RUNNING',"
	    "'agent_id':'" TASK "'}]},'meta':{'cursor':'','total':1},'status':'ok',"
	    "'timestamp':'" TIME "'}" },
	{ "POST", "/rtmp/push/start",
	    "{'rtcChannel':'lobby','streamUrl':'rtmp://live.example.com/app',"
	    "'streamKey':'key','region':'eu','rtcStreamUid':'42'}",
	    "{'converter':{'id':'" CONVERTER "','createTs':1795899004,'updateTs':1795899004,"
	    "'state':'connecting'},'converterName':'" PUSH_NAME "','region':'eu',"
	    "'fields':'id,createTs,updateTs,state','timestamp':'" TIME "'}" },
	{ "POST", "/rtmp/push/stop", "{'converterId':'" CONVERTER "','region':'eu'}",
	    "{'status':'Success','timestamp':'" TIME "'}" },
	{ "POST", "/rtmp/push/update",
	    "{'converterId':'" CONVERTER "','region':'eu',"
	    "'streamUrl':'rtmp://other.example.com/app','streamKey':'key'}",
	    "{'converter':{'id':'" CONVERTER "','createTs':1795899004,'updateTs':1795899004,"
	    "'state':'running'},'fields':'id,createTs,updateTs,state','timestamp':'" TIME "'}" },
	{ "GET", "/rtmp/push/list", "{'channel':'lobby'}",
	    "{'data':{'total_count':1,'cursor':0,'members':[{'rtcChannel':'lobby',"
	    "'status':'200','converterName':'" PUSH_NAME "','updateTs':'1795899004',"
	    "'appId':'" APP_ID "','rtmpUrl':'rtmp://live.example.com/app/***','ip':'',"
	    "'converterId':'" CONVERTER "','create':'1795899004','idleTimeout':'300',"
	    "'state':'running'}]},'timestamp':'" TIME "'}" },
	{ "GET", "/rtmp/push/status/:id", "{'id':'" CONVERTER "','region':'eu'}",
	    "{'converter':{'name':'" PUSH_NAME "','rawOptions':{'rtcChannel':'lobby',"
	    "'rtcStreamUid':42},'rtmpUrl':'rtmp://live.example.com/app/***',"
	    "'id':'" CONVERTER "','createTs':1795899004,'updateTs':1795899004,"
	    "'state':'running'},"
	    "'fields':'name,rawOptions,rtmpUrl,id,createTs,updateTs,state',"
	    "'timestamp':'" TIME "'}" },
	{ "POST", "/rtmp/pull/start",
	    "{'channelName':'lobby','streamUrl':'https://media.example.com/film.mp4',"
	    "'region':'eu','uid':'7'}",
	    "{'player':{'uid':7,'id':'" PLAYER "','createTs':1795899004,'status':'connecting'},"
	    "'playerName':'" PULL_NAME "','region':'eu',"
	    "'fields':'player.uid,player.id,player.createTs,player.status',"
	    "'timestamp':'" TIME "'}" },
	{ "POST", "/rtmp/pull/stop", "{'playerId':'" PLAYER "','region':'eu'}",
	    "{'status':'Success','timestamp':'" TIME "'}" },
	{ "POST", "/rtmp/pull/update",
	    "{'playerId':'" PLAYER "','region':'eu','audioOptions':{'volume':50}}",
	    "{'status':'Success','timestamp':'" TIME "'}" },
	{ "GET", "/rtmp/pull/list", "{'channel':'lobby'}",
	    "{'totalSize':1,'players':[{'name':'" PULL_NAME "',"
	    "'streamUrl':'https://media.example.com/***','channelName':'lobby','uid':7,"
	    "'id':'" PLAYER "','createTs':1795899004,'status':'running'}],"
	    "'fields':'players.name,players.streamUrl,players.channelName,players.uid,"
	    "players.id,players.createTs,players.status','nextPageToken':'',"
	    "'timestamp':'" TIME "'}" },
	{ "GET", "/rtmp/pull/status/:id", "{'id':'" PLAYER "'}",
	    "{'player':{'name':'" PULL_NAME "',"
	    "'streamUrl':'https://media.example.com/***','channelName':'lobby','uid':7,"
	    "'id':'" PLAYER "','createTs':1795899004,'status':'running'},'timestamp':'" TIME "'}" },
};

const struct example *
example_of(const struct route *route)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		if (strcmp(examples[i].method, route->method) == 0 &&
		    strcmp(examples[i].path, route->path) == 0)
			return &examples[i];
	return NULL;
}

void
example_json(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		buf_add(out, *text == '\'' ? "\"" : text, 1);
}
