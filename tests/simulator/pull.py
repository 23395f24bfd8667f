"""Media pull: players that bring a stream from outside into a channel."""

import random
import re

import tokens
from fields import (
    MISSING,
    UINT32,
    VALUE,
    Refused,
    account,
    boolean,
    channel_name,
    choice,
    integer,
    query_number,
    record,
    resource_name,
    text,
    uid_number,
    url,
)
from media import REGION, Media, Thing
from product import route
from wire import answer, empty

BASE = "/" + REGION + "/v1/projects/{appid}/cloud-player/players"
DAY = tokens.DAY
CONCURRENT_PLAYERS = 20
CIPHERS = ("aes-128-xts", "aes-256-xts", "aes-128-ecb", "sm4-128-ecb",
           "aes-128-gcm", "aes-256-gcm", "aes-128-gcm2", "aes-256-gcm2")
stream_url = url("http", "https", "rtmp", "rtmps")


def has_a_user(value, path, notes):
    if not ("uid" in value or "account" in value):
        raise Refused(MISSING, path + ".uid", "is required, or account")
    if "uid" in value and "account" in value:
        notes.append(f"{path}: uid and account, one is enough")


def has_its_key(value, path, _notes):
    cipher = value.get("encryptMode")
    if cipher and "encryptKey" not in value:
        raise Refused(MISSING, path + ".encryptKey", "is required with encryptMode")
    if cipher in ("aes-128-gcm2", "aes-256-gcm2") and "encryptKdfSalt" not in value:
        raise Refused(MISSING, path + ".encryptKdfSalt", f"is required with {cipher}")


def repeat_time(value, path, notes):
    integer(-1)(value, path, notes)
    if value == 0:
        raise Refused(VALUE, path, "must be -1, or 1 and more")


create_request = record(
    {
        "player": record(
            {"streamUrl": stream_url, "channelName": channel_name},
            {
                "uid": uid_number,
                "account": account,
                "token": text(0),
                "name": resource_name,
                "idleTimeout": integer(),
                "playTs": integer(0),
                "repeatTime": repeat_time,
                "seekPosition": integer(0),
                "encryptMode": choice(*CIPHERS),
                "encryptKey": text(),
                "encryptKdfSalt": text(),
                "dataStreamOptions": record({}, {"enable": boolean}),
                "audioOptions": record({}, {"profile": integer(0, 5), "volume": integer(0, 200)}),
                "videoOptions": record(
                    {},
                    {
                        "width": integer(66, 1920),
                        "height": integer(66, 1080),
                        "widthHeightAdaption": boolean,
                        "frameRate": integer(1, 30),
                        "bitrate": integer(1, 10000),
                        "codec": choice("H.264", "VP9"),
                        "fillMode": choice("fit", "fill"),
                        "gop": integer(1),
                    },
                ),
            },
            has_a_user,
            has_its_key,
        )
    }
)
CHANGES = ("streamUrl", "audioOptions", "isPause", "seekPosition")


def only_changes(value, path, _notes):
    for name in value:
        if name not in CHANGES:
            raise Refused(VALUE, f"{path}.{name}", "cannot be changed")
    if not value:
        raise Refused(MISSING, f"{path}.{CHANGES[0]}", "is required, or " + ", ".join(CHANGES[1:]))


def only_volume(value, path, _notes):
    if "profile" in value:
        raise Refused(VALUE, path + ".profile", "cannot be changed")


update_request = record(
    {
        "player": record(
            {},
            {
                "streamUrl": stream_url,
                "audioOptions": record({"volume": integer(0, 200)}, {}, only_volume),
                "isPause": boolean,
                "seekPosition": integer(0),
            },
            only_changes,
        )
    }
)


class Pull(Media):
    name = "pull"

    def limits(self, request, _captures):
        if request.operation == "list":
            if "filter" in request.query:
                return [("filtered", 2, 1), ("filtered", 15, 60)]
            return [("list", 10, 1), ("list", 20, 60)]
        if request.operation == "create":
            named = b'"name"' in request.body
            return [("named", 2, 1)] if named else [("unnamed", 50, 1)]
        return [(request.operation, 100 if request.operation == "delete" else 50, 1)]

    @route("POST", BASE, body="json")
    def create(self, request, region):
        self.wants_request_id(request)
        self.address(request, "streamIp")
        self.check(request, create_request, request.json)
        player = request.json["player"]
        now = self.world.now()
        start = player.get("playTs", 0)
        if start and not now - DAY <= start <= now + 300:
            raise Refused(VALUE, "player.playTs", "must be within a day before and 5 min after now")
        seconds = self.token_seconds(request, player)
        known = self.named(player.get("name"))
        if known:
            error = self.error(f"a player named {known.name} exists already")
            return answer(409, error, ("X-Resource-ID", known.id))
        if self.world.config.concurrencyLimits and len(self.alive()) >= CONCURRENT_PLAYERS:
            return answer(429, self.error("the quota of players is used up"))
        thing = Thing(
            self.world.hex_id(32), player.get("name", ""), region, player["channelName"],
            dict(player), now, self.ends(player, now, seconds), now,
        )
        if player.get("uid", 0) == 0:
            thing.request["uid"] = random.randint(1, UINT32)
        self.add(thing)
        names = ["uid", "id", "createTs", "status"]
        if "account" in player:
            names.insert(0, "account")
        body = {
            "player": self.shown(thing, names),
            "fields": ",".join("player." + name for name in names),
        }
        return answer(200, body, ("X-Resource-ID", thing.id))

    def token_seconds(self, request, player):
        if "token" not in player and self.world.config.tokens == "strict":
            raise Refused(MISSING, "player.token", "is required, the project has a certificate")
        user = player.get("account") or str(player.get("uid", 0))
        if "account" not in player and user == "0":
            user = ""
        rights = (tokens.JOIN, tokens.AUDIO, tokens.VIDEO)
        channel, token = player["channelName"], player.get("token")
        return self.check_token(request, token, "player.token", channel, user, rights)

    def ends(self, player, now, seconds):
        if self.world.is_idle(player["channelName"]):
            return now + min(max(player.get("idleTimeout", 300), 5), 600)
        return now + seconds

    def shown(self, thing, names):
        uid = thing.request["uid"]
        everything = {
            "name": thing.name,
            "streamUrl": thing.request["streamUrl"],
            "channelName": thing.channel,
            "account": thing.request.get("account"),
            "uid": str(uid) if self.world.config.pullUid == "string" else uid,
            "id": thing.id,
            "createTs": int(thing.began),
            "status": "running" if self.runs(thing) else "connecting",
        }
        return {name: everything[name] for name in names if everything[name] is not None}

    @route("PATCH", BASE + "/{thing}", body="json")
    def update(self, request, region, thing):
        self.wants_request_id(request)
        query_number(request, "sequence", None, 0, 2**63)
        self.check(request, update_request, request.json)
        found = self.find(region, thing)
        if self.is_news(request, found):
            found.request |= request.json["player"]
            found.updates.append(request.json)
            found.changed = self.world.now()
        return empty(200, ("X-Resource-ID", found.id))

    @route("DELETE", BASE + "/{thing}")
    def delete(self, request, region, thing):
        self.delete_thing(request, region, thing)
        return empty(200, ("X-Resource-ID", thing))

    @route("GET", "/v1/projects/{appid}/cloud-player/players")
    def list(self, request):
        self.wants_request_id(request)
        most = self.world.config.pageSize
        size = query_number(request, "pageSize", min(200, most), 1, most)
        channel = self.filtered(self.filter(request))
        visible = self.world.now() - self.world.config.pullListDelay
        found = [
            thing
            for thing in self.alive()
            if thing.began <= visible and channel in (None, thing.channel)
        ]
        start = query_number(request, "pageToken", 0, 0, 2**31) if self.paged(request) else 0
        names = ["name", "streamUrl", "channelName", "account", "uid", "id", "createTs", "status"]
        more = start + size < len(found)
        body = {
            "totalSize": len(found),
            "players": [self.shown(thing, names) for thing in found[start : start + size]],
            "fields": ",".join("players." + name for name in names if name != "account"),
            "nextPageToken": str(start + size) if more else "",
        }
        return answer(200, body)

    @staticmethod
    def paged(request):
        return request.query.get("pageToken", "") != ""

    @staticmethod
    def filter(request):
        if "filter" not in request.query:
            return None
        found = re.fullmatch(r"channelName eq (.+)", request.query["filter"])
        if not found:
            raise Refused(VALUE, "filter", "must be: channelName eq NAME")
        return found[1]
