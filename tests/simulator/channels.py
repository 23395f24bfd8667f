"""Channel management: kicking rules, and who is in which channel (config.channels says)."""

import re
from dataclasses import dataclass
from datetime import datetime, timezone

from fields import (
    MISSING,
    VALUE,
    Refused,
    array,
    channel_name,
    choice,
    exclusive,
    integer,
    query_number,
    record,
    text,
)
from product import Product, route
from wire import answer

RULES = "/dev/v1/kicking-rule"
CHANNELS = "/dev/v1/channel"
DEFAULT_SECONDS = 3600
MODES = {"users": 1, "broadcasters": 2, "audience": 2}


def user(value, path, notes):
    integer(1, 2**32 - 1)(value, path, notes)


def address(value, path, notes):
    text(7, 45, r"[0-9a-fA-F.:]*", "must be an address")(value, path, notes)


def names_somebody(value, path, _notes):
    if not any(name in value for name in ("cname", "uid", "ip")):
        raise Refused(MISSING, path + "cname", "is required, or uid, ip")


privileges = array(choice("join_channel", "publish_audio", "publish_video"), 1)
duration = {"time": integer(0), "time_in_seconds": integer(0)}
rule_request = record(
    {"appid": text(), "privileges": privileges},
    {"cname": channel_name, "uid": user, "ip": address, **duration},
    exclusive("time", "time_in_seconds"),
    names_somebody,
)
change_request = record(
    {"appid": text(), "id": integer(1)}, duration, exclusive("time", "time_in_seconds")
)
end_request = record({"appid": text(), "id": integer(1)})


def seconds_of(body):
    """How long a rule lives: out of range is clamped, 0 means kicked once."""
    if "time_in_seconds" in body:
        value = body["time_in_seconds"]
        return value and min(max(value, 10), 86430)
    if "time" in body:
        return body["time"] and min(max(body["time"], 1), 1440) * 60
    return DEFAULT_SECONDS


def utc(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@dataclass
class Rule:
    id: int
    body: dict
    made: float
    changed: float
    ends: float


class Channels(Product):
    name = "channels"

    def reset(self):
        self.rules = {}
        self.made = 0

    def limits(self, request, _captures):
        query = request.operation in ("channels", "users", "property")
        return [("query", 20, 1)] if query else [("rule", 10, 1)]

    def error(self, text_):
        return {"message": text_}

    def bad_media_type(self, _request):
        return answer(415, {"message": "Unsupported Media Type"})

    def own(self, appid):
        if appid != self.world.config.appId:
            raise Refused(VALUE, "appid", "is not of this account")

    def alive(self):
        return [rule for rule in self.rules.values() if rule.ends > self.world.now()]

    # Kicking rules

    @route("POST", RULES, body="json")
    def kick(self, request):
        self.check(request, rule_request, request.json)
        self.own(request.json["appid"])
        now = self.world.now()
        self.made += 1
        number = 1952 + self.made
        self.rules[number] = Rule(number, request.json, now, now, now + seconds_of(request.json))
        return answer(200, {"status": "success", "id": number})

    @route("GET", RULES)
    def list(self, request):
        if "appid" not in request.query:
            raise Refused(MISSING, "appid", "is required")
        self.own(request.query["appid"])
        rules = [
            {
                "id": rule.id,
                "appid": rule.body["appid"],
                "uid": rule.body.get("uid", 0),
                "opid": 1000 + rule.id,
                "cname": rule.body.get("cname"),
                "ip": rule.body.get("ip"),
                "ts": utc(rule.ends),
                "privileges": rule.body["privileges"],
                "createAt": utc(rule.made),
                "updateAt": utc(rule.changed),
            }
            for rule in self.alive()
        ]
        return answer(200, {"status": "success", "rules": rules})

    def rule(self, request, table):
        self.check(request, table, request.json)
        self.own(request.json["appid"])
        rule = self.rules.get(request.json["id"])
        if rule is None or rule not in self.alive():
            raise Refused(VALUE, "id", "no such rule")
        return rule

    @route("PUT", RULES, body="json")
    def change(self, request):
        rule = self.rule(request, change_request)
        rule.changed = self.world.now()
        rule.ends = rule.changed + seconds_of(request.json)
        result = {"id": rule.id, "ts": utc(rule.ends)}
        return answer(200, {"status": "success", "result": result})

    @route("DELETE", RULES, body="json")
    def end(self, request):
        rule = self.rule(request, end_request)
        del self.rules[rule.id]
        return answer(200, {"status": "success", "id": rule.id})

    # Who is where

    def population(self, name):
        """The channel as configured, or None: {"mode": 1, "users"} or {"mode": 2, "broadcasters",
        "audience"}."""
        channel = self.world.config.channels.get(name)
        if channel is None:
            return None
        mode = channel.get("mode", 1 if "users" in channel else 2)
        people = {"users": []} if mode == 1 else {"broadcasters": [], "audience": []}
        return {"mode": mode} | {kind: channel.get(kind, []) for kind in people}

    @route("GET", CHANNELS + "/{appid}")
    def channels(self, request):
        page = query_number(request, "page_no", 0, 0, 2**31)
        size = query_number(request, "page_size", 100, 1, 500)
        names = sorted(self.world.config.channels)
        shown = []
        for name in names[page * size : (page + 1) * size]:
            people = self.population(name)
            count = sum(len(people.get(kind, [])) for kind in MODES)
            shown.append({"channel_name": name, "user_count": count})
        return answer(200, {"success": True, "data": {"channels": shown, "total_size": len(names)}})

    @route("GET", CHANNELS + "/user/{appid}/{channel}")
    @route("GET", CHANNELS + "/user/{appid}/{channel}/{hosts:hosts_only}")
    def users(self, _request, channel, hosts=None):
        people = self.population(channel)
        if people is None:
            return answer(200, {"success": True, "data": {"channel_exist": False}})
        data = {"channel_exist": True, **people}
        if people["mode"] == 1:
            data["total"] = len(people["users"])
        elif hosts:
            del data["audience"]
        else:
            data["audience_total"] = len(people["audience"])
            data["audience"] = people["audience"][:10000]
        return answer(200, {"success": True, "data": data})

    @route("GET", CHANNELS + "/user/property/{appid}/{uid}/{channel}")
    def property(self, _request, uid, channel):
        if not re.fullmatch(r"[0-9]{1,10}", uid):
            raise Refused(VALUE, "uid", "must be a number")
        people, number = self.population(channel) or {}, int(uid)
        roles = {"users": 1, "broadcasters": 2, "audience": 3}
        for kind, role in roles.items():
            if number in people.get(kind, []):
                data = {
                    "join": int(self.world.now()) - 60,
                    "uid": number,
                    "in_channel": True,
                    "platform": 7,
                    "role": role,
                }
                return answer(200, {"success": True, "data": data})
        return answer(200, {"success": True, "data": {"in_channel": False}})

    # Where webhooks come from

    @route("GET", "/v2/ncs/ip")
    @route("GET", "/v1/ncs/ip")
    def addresses(self, _request):
        hosts = [{"primaryIP": "127.0.0.1"}]
        return answer(200, {"data": {"service": {"hosts": hosts}}})

    def state(self):
        return {"rulesMade": self.made, "rules": [rule.id for rule in self.alive()]}
