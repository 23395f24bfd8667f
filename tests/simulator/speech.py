"""Speech-to-text v7: agents that transcribe a channel. The paths of v5 and v6 have ended."""

from dataclasses import dataclass, field

import tokens
from fields import (
    MISSING,
    TYPE,
    VALUE,
    Refused,
    array,
    boolean,
    channel_name,
    encryption,
    exclusive_lists,
    forbidden,
    integer,
    language,
    query_number,
    record,
    text,
    uid_list,
    uid_text,
)
from product import Answered, Product, route
from storage import caption_extension, caption_storage
from wire import answer, empty

BASE = "/api/speech-to-text/v1/projects/{appid}"
OLD = "/v1/projects/{appid}/rtsc/speech-to-text"
AGENT = BASE + "/agents/{agent}"
STATES = ("IDLE", "STARTING", "RUNNING", "STOPPING", "STOPPED", "RECOVERING", "FAILED")
STARTING, RUNNING, STOPPED, FAILED = 1, 2, 4, 6
LIFETIME = 72 * 3600
DEFAULT_IDLE = 30

languages = array(language, 1, 4)
keywords = array(text(), 0, 500)
language_of_uid = array(record({"uid": uid_text, "languages": languages}), 0, 5)


def _translations(required, optional):
    pair = record({"source": language, "target": array(language, 1, 10)})
    return record(
        {"languages": array(pair, 0, 4)} if required else {},
        {"enable": boolean, "languages": array(pair, 0, 4)} if optional else {},
    )


def one_bot(value, path, _notes):
    if value.get("subBotUid", value["pubBotUid"]) != value["pubBotUid"]:
        raise Refused(VALUE, path + ".subBotUid", "must be the same as pubBotUid")


def storage_has_its_endpoint(value, path, _notes):
    captions = value.get("captionConfig", {})
    extra = captions.get("extensionParams", value.get("extensionParams", {}))
    if captions.get("storage", {}).get("vendor") == 11 and "endpoint" not in extra:
        raise Refused(MISSING, "extensionParams.endpoint", "is required with vendor 11")


join_request = record(
    {
        "name": text(1, 64),
        "languages": languages,
        "rtcConfig": record(
            {"channelName": channel_name, "pubBotUid": uid_text},
            {
                "pubBotToken": text(0),
                "subBotUid": uid_text,
                "subBotToken": text(0),
                "subscribeAudioUids": uid_list("all", 32),
                "unSubscribeAudioUids": array(uid_text, 0, 5),
                "unsubscribeAudioUids": array(uid_text, 0, 5),
                "cryptionMode": integer(0, 8),
                "secret": text(),
                "salt": text(),
                "enableJsonProtocol": boolean,
            },
            exclusive_lists(
                "subscribeAudioUids", "unSubscribeAudioUids", "unsubscribeAudioUids"),
            encryption("cryptionMode", "secret", "salt", (7, 8)),
            one_bot,
        ),
    },
    {
        "uidLanguagesConfig": language_of_uid,
        "maxIdleTime": integer(0, 259200),
        "translateConfig": _translations(True, False),
        "captionConfig": record(
            {},
            {
                "sliceDuration": integer(5, 28800),
                "storage": caption_storage(),
                "extensionParams": caption_extension,
            },
        ),
        "extensionParams": caption_extension,
        "keywords": keywords,
    },
    storage_has_its_endpoint,
)
update_request = record(
    {},
    {
        "languages": languages,
        "keywords": keywords,
        "uidLanguagesConfig": language_of_uid,
        "rtcConfig": record({}, {
            "subscribeAudioUids": uid_list("all", 32),
            "unSubscribeAudioUids": array(uid_text, 0, 5),
            "unsubscribeAudioUids": array(uid_text, 0, 5),
        }),
        "translateConfig": _translations(False, True),
    },
    forbidden("cannot be changed", "name", "maxIdleTime", "captionConfig", "extensionParams"),
)


@dataclass
class Agent:
    id: str
    name: str
    channel: str
    request: dict
    began: float
    ends: float  # when it is over of itself
    ends_as: int
    why: str
    left: float = 0
    sequence: int = -1
    starts: int = 1
    updates: list = field(default_factory=list)


class Speech(Product):
    name = "speech"

    def reset(self):
        self.agents = {}
        self.names = {}
        self.per_channel = {}

    # Errors

    def error(self, detail, reason):
        if self.world.config.speechErrors == "message":
            return {"message": detail, "agent_id": "", "create_ts": 0, "status": ""}
        return {"detail": detail, "reason": reason}

    def refused(self, _request, why):
        reason = "MissingRequiredField" if why.kind == MISSING else "InvalidFieldValue"
        if why.path == "body":
            reason = "InvalidRequestBody"
        return answer(400, self.error(f"{why.path} {why.why}", reason))

    def no_agent(self, agent):
        return Answered(answer(404, self.error(f"task {agent} not found", "TaskNotFound")))

    # The calls

    @route("POST", BASE + "/join", body="json")
    def join(self, request):
        body = request.json
        self.check(request, join_request, body)
        seconds = self.token_seconds(request, body["rtcConfig"])
        self.opens(request, body["rtcConfig"]["channelName"])
        known = self.names.get(body["name"])
        if known:
            return self.conflict(known)
        agent = self.new_agent(body, seconds)
        return answer(200, self.summary(agent))

    def token_seconds(self, request, config):
        if "pubBotToken" not in config and self.world.config.tokens == "strict":
            path = "rtcConfig.pubBotToken"
            raise Refused(MISSING, path, "is required, the project has a certificate")
        channel, uid = config["channelName"], config["pubBotUid"]
        if "subBotToken" in config:
            path = "rtcConfig.subBotToken"
            self.check_token(request, config["subBotToken"], path, channel, uid, (tokens.JOIN,))
        path, rights = "rtcConfig.pubBotToken", (tokens.JOIN, tokens.DATA)
        return self.check_token(request, config.get("pubBotToken"), path, channel, uid, rights)

    @staticmethod
    def opens(request, channel):
        """The token that a request came with is for its channel."""
        if request.token and not request.token.opens(channel):
            request.notes.append(f"the request's token is not for channel {channel!r}")
            raise Answered(answer(401, {"message": "Invalid token"}))

    def conflict(self, agent):
        body = self.error(f"the task {agent.name} exists already", "TaskConflict")
        if self.world.config.speechConflict == "full":
            body |= self.summary(agent)
        return answer(409, body)

    def new_agent(self, body, token_seconds):
        now, channel = self.world.now(), body["rtcConfig"]["channelName"]
        idle = body.get("maxIdleTime", DEFAULT_IDLE)
        endings = [
            (now + LIFETIME, STOPPED, "Task exceeded maximum lifetime"),
            (now + token_seconds, FAILED, "RTC connection error"),
        ]
        if self.world.is_idle(channel) and idle:
            endings.append((now + idle, STOPPED, "Idle for too long"))
        agent = Agent(self.world.word_id(32), body["name"], channel, body, now, *min(endings))
        self.agents[agent.id] = self.names[agent.name] = agent
        self.per_channel[channel] = self.per_channel.get(channel, 0) + 1
        return agent

    def state_of(self, agent):
        now = self.world.now()
        if agent.left and agent.left <= min(now, agent.ends):
            return STOPPED
        if now >= agent.ends:
            return agent.ends_as
        return RUNNING if now - agent.began >= self.world.config.startSeconds else STARTING

    def is_alive(self, agent):
        return self.state_of(agent) in (STARTING, RUNNING)

    def summary(self, agent):
        return {
            "agent_id": agent.id,
            "create_ts": int(agent.began),
            "status": STATES[self.state_of(agent)],
        }

    def find(self, request, agent, alive):
        found = self.agents.get(agent)
        if found is None or (alive and not self.is_alive(found)):
            raise self.no_agent(agent)
        self.opens(request, found.channel)
        return found

    @route("POST", AGENT + "/leave", body="optional")
    def leave(self, request, agent):
        self.find(request, agent, True).left = self.world.now()
        return empty()

    @route("GET", AGENT)
    def get(self, request, agent):
        found = self.find(request, agent, False)
        state = self.state_of(found)
        message = found.why if state in (STOPPED, FAILED) and not found.left else "OK"
        return answer(200, {"message": message} | self.summary(found))

    @route("POST", AGENT + "/update", body="json")
    def update(self, request, agent):
        sequence = query_number(request, "sequenceId", None, 0, 2**63)
        mask = request.query.get("updateMask", "")
        if not mask:
            raise Refused(MISSING, "updateMask", "is required")
        self.check(request, update_request, request.json)
        self.mask_fits(request, mask.split(","))
        found = self.find(request, agent, True)
        if sequence <= found.sequence:
            raise Refused(VALUE, "sequenceId", f"must be above {found.sequence}")
        found.sequence = sequence
        found.updates.append(request.json)
        return answer(200, self.summary(found))

    @staticmethod
    def mask_fits(request, mask):
        for name in mask:
            value = request.json
            for piece in name.split("."):
                if not isinstance(value, dict) or piece not in value:
                    raise Refused(VALUE, "updateMask", f"{name} is not in the body")
                value = value[piece]
        for name in request.json:
            if not any(m == name or m.startswith(name + ".") for m in mask):
                request.notes.append(f"{name} is not in updateMask")

    @route("GET", BASE + "/agents")
    def list(self, request):
        query, now = request.query, int(self.world.now())
        start = query_number(request, "from_time", now - 86400, 0, 2**40)
        end = query_number(request, "to_time", now + 1, 0, 2**40)
        state = query_number(request, "state", RUNNING, 0, len(STATES) - 1)
        limit = query_number(request, "limit", 20, 1, self.world.config.pageSize)
        found = [
            agent
            for agent in self.agents.values()
            if start <= agent.began <= end
            and self.state_of(agent) == state
            and self.filtered(query.get("channel")) in (None, agent.channel)
        ]
        total = len(found)
        if query.get("cursor"):
            places = [i for i, agent in enumerate(found) if agent.id == query["cursor"]]
            if not places:
                raise Refused(VALUE, "cursor", "is no agent of this list")
            found = found[places[0] + 1 :]
        page, more = found[:limit], len(found) > limit
        items = [
            {
                "start_ts": int(agent.began),
                "status": STATES[self.state_of(agent)],
                "agent_id": agent.id,
            }
            for agent in page
        ]
        meta = {"cursor": page[-1].id if more else "", "total": total}
        return answer(
            200, {"data": {"count": len(items), "list": items}, "meta": meta, "status": "ok"}
        )

    # v5 and v6

    @route("POST", OLD + "/builderTokens", body="optional")
    @route("POST", OLD + "/tasks", body="optional")
    @route("GET", OLD + "/tasks/{task}")
    @route("DELETE", OLD + "/tasks/{task}", body="optional")
    @route("PATCH", OLD + "/tasks/{task}", body="optional")
    def ended(self, request, **_task):
        request.notes.append("speech-to-text v5 and v6 have ended")
        if self.world.config.speechEnded == 410:
            return answer(410, {"message": "this API version has reached its end of life"})
        return answer(404, {"message": "no Route matched with those values"})

    # What really happened

    def state(self):
        agents = [
            {
                "name": agent.name,
                "channel": agent.channel,
                "starts": agent.starts,
                "running": self.is_alive(agent),
                "ends": agent.ends,
                "updates": agent.updates,
            }
            | self.summary(agent)
            for agent in self.agents.values()
        ]
        return {
            "started": len(agents),
            "running": sum(agent["running"] for agent in agents),
            "startedPerChannel": self.per_channel,
            "agents": agents,
        }
