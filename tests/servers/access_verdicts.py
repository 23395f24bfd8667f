"""What a policy says of a request, asked in every way there is: the request itself through nginx,
POST /policy/check, `agora-token policy test`, GET /me and the record have to agree, row by row."""

import functools
import hashlib
import hmac
import json
import os
import subprocess

import access_kit as ak
import kit
import sites
from kit import expect, same
from rest_access import denied, new_key

HASH32_OF_ANN = str(int(hashlib.sha256(b"ann").hexdigest()[:8], 16))

# (name, grant's members, caller's claims, request, what is expected: a dimension, or what the
# answer says where it is allowed)
VERDICTS = [
    ("services", {}, {}, {}, {"grant": "g", "uid": "ann", "expire": 3600}),
    ("another service", {"services": "rtm"}, {}, {}, "service"),
    ("two services", {"services": ["rtc", "rtm"]}, {}, {"rtmUid": "ann"}, {}),
    ("one of two", {}, {}, {"rtmUid": "ann"}, "service"),
    ("a channel", {"channels": ["x", "room-*"]}, {}, {"channel": "room-1"}, {}),
    ("the pattern's start alone", {"channels": "room-*"}, {}, {"channel": "room-"}, {}),
    ("another channel", {"channels": "room-*"}, {}, {"channel": "class-1"}, "channel"),
    ("a pattern in the middle", {"channels": "a*b"}, {}, {"channel": "a1b2b"}, {}),
    ("not its end", {"channels": "a*b"}, {}, {"channel": "a1b2"}, "channel"),
    ("no other metacharacter", {"channels": "room-[1]?"}, {}, {"channel": "room-1x"}, "channel"),
    ("which are letters", {"channels": "room-[1]?"}, {}, {"channel": "room-[1]?"}, {}),
    ("case counts", {"channels": "room"}, {}, {"channel": "ROOM"}, "channel"),
    ("no channels granted", {"channels": None}, {}, {"channel": "a"}, "channel"),
    ("a wildcard asked for", {"channels": "*"}, {}, {"channel": "*"}, "channel"),
    ("a wildcard in a name", {"channels": "room-*"}, {}, {"channel": "room-*"}, "channel"),
    ("a wildcard granted", {"channels": "room-*", "wildcard": True}, {}, {"channel": "room-*"}, {}),
    ("and no more than that", {"channels": "room-*", "wildcard": True}, {}, {"channel": "*"},
     "channel"),
    ("a claim", {"channels": "dm-${sub}"}, {}, {"channel": "dm-ann"}, {}),
    ("another's", {"channels": "dm-${sub}"}, {}, {"channel": "dm-bob"}, "channel"),
    ("a claim with a star is no pattern", {"channels": "dm-${sub}", "uid": "any"}, {"sub": "*"},
     {"channel": "dm-bob"}, "channel"),
    ("a claim with a star is no wildcard", {"channels": "dm-${sub}", "uid": "any"}, {"sub": "*"},
     {"channel": "dm-*"}, "channel"),
    ("a claim that is missing", {"channels": "${tenant}-*"}, {}, {"channel": "-a"}, "channel"),
    ("a claim that is empty", {"channels": "${tenant}*"}, {"sub": "ann", "tenant": ""},
     {"channel": "a"}, "channel"),
    ("a claim in an object", {"channels": "${org.name}"}, {"sub": "ann", "org": {"name": "acme"}},
     {"channel": "acme"}, {}),
    ("a number as a claim", {"uid": "${id}"}, {"sub": "ann", "id": 17}, {}, {"uid": "17"}),
    ("the own uid named", {}, {}, {"uid": "ann"}, {}),
    ("another uid", {}, {}, {"uid": "bob"}, "uid"),
    ("everyone as 0", {}, {}, {"uid": "0"}, "uid"),
    ("everyone as 0 by any uid of one", {"uid": "*"}, {}, {"uid": 0}, "uid"),
    ("everyone as a star", {"uid": "*"}, {}, {"uid": "*"}, "uid"),
    ("a uid with a star", {"uid": "*"}, {}, {"uid": "a*"}, "uid"),
    ("everyone where any is granted", {"uid": "any"}, {}, {"uid": "0"}, {}),
    ("a pattern for uids", {"uid": "bot-*"}, {}, {"uid": "bot-1"}, {}),
    ("not of the pattern", {"uid": "bot-*"}, {}, {"uid": "ann"}, "uid"),
    ("a fixed uid", {"uid": "42"}, {}, {}, {"uid": "42"}),
    ("which is no other", {"uid": "42"}, {}, {"uid": "420"}, "uid"),
    ("a uid made of the subject", {"uid": "hash32(${sub})"}, {}, {}, {"uid": HASH32_OF_ANN}),
    ("a subject that is everyone", {}, {"sub": "0"}, {}, "uid"),
    ("a subject that is no account", {}, {"sub": "a/b"}, {}, "uid"),
    ("no subject", {}, {"name": "x"}, {}, "uid"),
    ("a subject that is longer than a record's", {"uid": "*"}, {"sub": "x" + "\u00e9" * 200},
     {"uid": "1"}, {}),
    ("the RTM user too", {"services": ["rtc", "rtm"]}, {}, {"rtmUid": "bob"}, "uid"),
    ("a publisher", {"role": "publisher"}, {}, {"role": "publisher"}, {}),
    ("no publisher", {}, {}, {"role": "publisher"}, "role"),
    ("a subscriber of a publisher's grant", {"role": "publisher"}, {}, {}, {}),
    ("rights one by one", {}, {}, {"privileges": {"join": 0, "audio": 0}}, "role"),
    ("to join alone", {}, {}, {"privileges": {"join": 0}}, {}),
    ("RTM with a channel may send", {"services": ["rtc", "rtm"]}, {}, {"tokenType": "rtm"}, "role"),
    ("Chat user", {"services": "chat"}, {}, {"tokenType": "chat"}, {"uid": "ann"}),
    ("Chat app", {"services": "chat", "uid": "any"}, {}, {"tokenType": "chat"}, "service"),
    ("Chat app granted", {"services": "chat-app", "uid": "any"}, {}, {"tokenType": "chat"}, {}),
    ("ConvoAI is three", {"services": "convoai"}, {}, {"tokenType": "convoai"}, "service"),
    ("ConvoAI", {"services": ["convoai", "rtc", "rtm"]}, {}, {"tokenType": "convoai"}, {}),
    ("RTM2's things", {"services": "rtm2", "channels": "a-*"}, {}, {
        "tokenType": "rtm2", "permissions": [
            {"resource": "messageChannels", "permission": "read", "resources": ["a-1", "b"]}]},
     "channel"),
    ("RTM2 with a star", {"services": "rtm2"}, {}, {"tokenType": "rtm2", "permissions": [
        {"resource": "messageChannels", "permission": "read", "resources": ["*"]}]}, "channel"),
    ("RTM2 to write", {"services": "rtm2"}, {}, {"tokenType": "rtm2", "permissions": [
        {"resource": "messageChannels", "permission": "write", "resources": ["a"]}]}, "role"),
    ("a lifetime that is cut", {"ttl": "10m"}, {}, {"expire": 7200},
     {"expire": 600, "narrowed": ["expire"]}),
    ("the default is cut", {"ttl": "90s"}, {}, {}, {"expire": 90, "narrowed": ["expire"]}),
    ("a lifetime that fits", {"ttl": "2h"}, {}, {"expire": 7200}, {"expire": 7200}),
    ("each right's lifetime", {"ttl": "1m"}, {}, {"expire": 60, "privileges": {"join": 61}},
     {"expire": 60, "narrowed": ["privileges.join"]}),
    ("a condition", {"when": {"groups": "staff"}}, {"sub": "ann", "groups": "staff"}, {}, {}),
    ("one of a list", {"when": {"groups": "staff"}}, {"sub": "ann", "groups": ["x", "staff"]}, {},
     {}),
    ("one of the wanted", {"when": {"groups": ["a", "b"]}}, {"sub": "ann", "groups": "b"}, {}, {}),
    ("none of them", {"when": {"groups": ["a", "b"]}}, {"sub": "ann", "groups": "ab"}, {},
     "caller"),
    ("a condition on true", {"when": {"ok": True}}, {"sub": "ann", "ok": True}, {}, {}),
    ("which is false", {"when": {"ok": True}}, {"sub": "ann", "ok": False}, {}, "caller"),
    ("two conditions", {"when": {"a": "1", "b": "2"}}, {"sub": "ann", "a": "1"}, {}, "caller"),
    ("a claim that is absent", {"when": {"groups": "staff"}}, {}, {}, "caller"),
    ("another caller's grant", {"from": "key", "uid": "*"}, {}, {}, "caller"),
    ("another project", {}, {}, {"project": "two"}, "project"),
    ("its project", {"project": "two"}, {}, {}, {"project": "two"}),
    ("any project", {"project": "*"}, {}, {"project": "two"}, {"project": "two"}),
    ("an action it has not", {"actions": "recording.*"}, {}, {}, "action"),
    # Tokens for more than one thing: each is looked at.
    ("an RTM user of its own", {"services": ["rtc", "rtm"], "uid": "*"}, {},
     {"uid": "1", "rtmUid": "ann"}, {}),
    ("an RTC user who is everyone beside one who is not", {"services": ["rtc", "rtm"], "uid": "*"},
     {}, {"uid": 0, "rtmUid": "ann"}, "uid"),
    ("RTM to all channels", {"services": ["rtc", "rtm"], "role": "publisher"}, {},
     {"tokenType": "rtm", "channel": "*"}, "channel"),
    ("RTM with a channel is RTC too", {"services": "rtm", "role": "publisher"}, {},
     {"tokenType": "rtm"}, "service"),
    ("a second name of RTM2 with a star", {"services": "rtm2"}, {}, {
        "tokenType": "rtm2", "permissions": [
            {"resource": "messageChannels", "permission": "read", "resources": ["a"]},
            {"resource": "streamChannels", "permission": "read", "resources": ["b", "c*"]}]},
     "channel"),
    ("the second RTM2 right writes", {"services": "rtm2"}, {}, {
        "tokenType": "rtm2", "permissions": [
            {"resource": "messageChannels", "permission": "read", "resources": ["a"]},
            {"resource": "streamChannels", "permission": "write", "resources": ["b"]}]}, "role"),
    ("RTM2 with an empty name", {"services": "rtm2"}, {}, {
        "tokenType": "rtm2", "permissions": [
            {"resource": "messageChannels", "permission": "read", "resources": [""]}]}, "channel"),
    # A right without names is one for all things.
    ("RTM2 to write, without names", {"services": "rtm2"}, {}, {"tokenType": "rtm2", "permissions": [
        {"resource": "messageChannels", "permission": "write", "resources": []}]}, "channel"),
    ("RTM2 to write, without names, of a subscriber's wildcard",
     {"services": "rtm2", "wildcard": True}, {}, {"tokenType": "rtm2", "permissions": [
         {"resource": "users", "permission": "1", "resources": []}]}, "role"),
    ("RTM2 to write, without names, granted",
     {"services": "rtm2", "wildcard": True, "role": "publisher"}, {}, {
         "tokenType": "rtm2", "permissions": [
             {"resource": "messageChannels", "permission": "write", "resources": []}]}, {}),
    ("RTM2 to read, without names", {"services": "rtm2", "channels": "a-*", "wildcard": True}, {}, {
        "tokenType": "rtm2", "permissions": [
            {"resource": "streamChannels", "permission": "read", "resources": []}]}, "channel"),
    ("a second RTM2 right without names", {"services": "rtm2"}, {}, {
        "tokenType": "rtm2", "permissions": [
            {"resource": "messageChannels", "permission": "read", "resources": ["a"]},
            {"resource": "serverGroups", "permission": "write", "resources": []}]}, "channel"),
    ("RTM2 without rights", {"services": "rtm2"}, {}, {"tokenType": "rtm2"}, {}),
    ("RTM2 with a star granted", {"services": "rtm2", "wildcard": True}, {}, {
        "tokenType": "rtm2", "permissions": [
            {"resource": "messageChannels", "permission": "read", "resources": ["*"]}]}, {}),
    ("data alone is a right to publish", {}, {}, {"privileges": {"join": 0, "data": 0}}, "role"),
    ("each right's lifetime is cut", {"ttl": "1m", "role": "publisher"}, {},
     {"expire": 61, "privileges": {"join": 0, "audio": 62, "video": 60, "data": 63}},
     {"expire": 60, "narrowed": ["expire", "privileges.audio", "privileges.data"]}),
    ("STT is three", {"services": ["stt", "rtc"]}, {}, {"tokenType": "stt"}, "service"),
    ("an APaaS room may send", {"services": "apaas"}, {}, {"tokenType": "apaas", "room": "r1"},
     "role"),
    ("an APaaS room", {"services": "apaas", "role": "publisher"}, {},
     {"tokenType": "apaas", "room": "r1"}, {"uid": "ann"}),
    ("another APaaS room", {"services": "apaas", "role": "publisher", "channels": "r2"}, {},
     {"tokenType": "apaas", "room": "r1"}, "channel"),
    ("the APaaS app", {"services": "apaas", "uid": "*"}, {}, {"tokenType": "apaas"}, "service"),
    ("the APaaS app granted", {"services": "apaas-app", "uid": "*"}, {}, {"tokenType": "apaas"},
     {}),
    ("streaming may send", {"services": "streaming"}, {}, {"tokenType": "streaming"}, "role"),
    ("FPA", {"services": "fpa", "ttl": "1h"}, {}, {"tokenType": "fpa"},
     {"expire": 3600, "narrowed": ["expire"]}),
    ("not FPA", {}, {}, {"tokenType": "fpa"}, "service"),
]

BOTH = {"services": ["rtc", "rtm"], "role": "publisher"}
ANYBODY = BOTH | {"uid": "*"}

# The same for tokens by path: (name, grant's members, path, expected).  These are no actions of
# their own, so /policy/check does not know them.
PATHS = [
    ("rtc", {}, "/rtc/room/subscriber/userAccount/ann", {}),
    ("rtc, another's", {}, "/rtc/room/subscriber/userAccount/bob", "uid"),
    ("rtc, everyone", {"uid": "*"}, "/rtc/room/subscriber/uid/0", "uid"),
    ("rtc, everyone granted", {"uid": "any"}, "/rtc/room/subscriber/uid/0", {}),
    ("rtc, all channels", {}, "/rtc/*/subscriber/userAccount/ann", "channel"),
    ("rtc, all channels in other letters", {}, "/rtc/%2A/subscriber/userAccount/ann", "channel"),
    ("rtc, some channels", {}, "/rtc/a*/subscriber/userAccount/ann", "channel"),
    ("rtc, to publish", {}, "/rtc/room/publisher/userAccount/ann", "role"),
    ("rtc, longer", {"ttl": "10m"}, "/rtc/room/subscriber/userAccount/ann?expiry=7200",
     {"expire": 600, "clamped": ["expiry"]}),
    ("rtm", {"services": "rtm"}, "/rtm/ann", {}),
    ("rtm, not granted", {}, "/rtm/ann", "service"),
    ("rtm, another's", {"services": "rtm"}, "/rtm/bob", "uid"),
    ("rte", BOTH, "/rte/room/publisher/userAccount/ann", {}),
    ("rte without rtm", {"role": "publisher"}, "/rte/room/publisher/userAccount/ann", "service"),
    ("rte without rtc", {"services": "rtm", "role": "publisher"},
     "/rte/room/publisher/userAccount/ann", "service"),
    ("rte may send", BOTH | {"role": "subscriber"}, "/rte/room/subscriber/userAccount/ann", "role"),
    ("rte, all channels", BOTH, "/rte/*/publisher/userAccount/ann", "channel"),
    ("rte, another's RTC user", BOTH, "/rte/room/publisher/userAccount/bob/ann", "uid"),
    ("rte, another's RTM user", BOTH, "/rte/room/publisher/userAccount/ann/bob", "uid"),
    ("rte, nobody named for RTC", BOTH, "/rte/room/publisher/userAccount//ann", {"uid": "ann"}),
    ("rte, his number for RTC", BOTH | {"uid": "hash32(${sub})"},
     f"/rte/room/publisher/uid//{HASH32_OF_ANN}", {"uid": HASH32_OF_ANN}),
    ("rte, both his own", BOTH, "/rte/room/publisher/userAccount/ann/ann", {}),
    ("rte, everyone", ANYBODY, "/rte/room/publisher/uid/0", "uid"),
    ("rte, everyone in RTC", ANYBODY, "/rte/room/publisher/uid/0/ann", "uid"),
    ("rte, somebody in both", ANYBODY, "/rte/room/publisher/uid/1/bob", {}),
    ("chat", {"services": "chat"}, "/chat/account/ann", {}),
    ("chat, another's", {"services": "chat"}, "/chat/account/bob", "uid"),
    ("chat for the app", {"services": "chat"}, "/chat/app", "service"),
    ("chat for the app granted", {"services": "chat-app"}, "/chat/app", {}),
]

# (grant's members, action, request, expected)
ACTIONS = [
    ({"actions": "recording.*"}, "recording.start", {"channelName": "room"}, None),
    ({"actions": "recording.*", "channels": "class-*"}, "recording.start", {"channelName": "room"},
     "channel"),
    ({"actions": "recording.start"}, "recording.stop",
     {"cname": "room", "uid": "1", "resourceId": "r", "sid": "s"}, "action"),
    ({"actions": "rtt.*", "channels": "class-*"}, "rtt.stop", {"taskId": "t"}, "channel"),
    ({"actions": "rtt.*", "channels": "class-*"}, "rtt.stop",
     {"taskId": "t", "channelName": "class-1"}, None),
    ({"actions": "rtt.*", "channels": "*"}, "rtt.stop", {"taskId": "t"}, None),
    ({"actions": "push.*", "channels": "class-*"}, "push.list", {}, "channel"),
    ({"actions": "push.*", "channels": "class-*"}, "push.list", {"channel": "class-1"}, None),
    ({"actions": "pull.*", "channels": "class-*"}, "pull.stop",
     {"playerId": "p", "region": "na", "channelName": "class-2"}, None),
    ({"actions": "pull.*", "channels": "class-*"}, "pull.stop",
     {"playerId": "p", "region": "na", "channelName": "room"}, "channel"),
    ({"actions": "*"}, "policy.check", {"request": {"tokenType": "fpa"}}, None),
    ({}, "policy.check", {}, "action"),
    # A channel to compare with is not one to have an effect in.
    ({"actions": "token.inspect", "channels": "class-*"}, "token.inspect",
     {"token": "x", "channel": "room"}, None),
    ({}, "token.inspect", {"token": "x"}, "action"),
]

ENDPOINTS = {
    "recording.start": ("POST", "/cloud_recording/start"),
    "recording.stop": ("POST", "/cloud_recording/stop"),
    "rtt.stop": ("POST", "/rtt/stop/t"), "push.list": ("GET", "/rtmp/push/list"),
    "pull.stop": ("POST", "/rtmp/pull/stop"), "policy.check": ("POST", "/policy/check"),
    "token.inspect": ("POST", "/token/inspect"),
}
SECRET = b"what HS256 is signed with, 32 bytes"


class Secret:
    algorithm, kid = "HS256", None

    @staticmethod
    def sign(message):
        return hmac.new(SECRET, message, hashlib.sha256).digest()


class Row:
    """A grant, the caller who alone has it, and what he asks for."""

    def __init__(self, number, name, grant, claims, action, request, expected):
        self.name, self.caller, self.grant = name, f"r{number}", f"g{number}"
        self.claims = {"iss": self.caller, **(claims or {"sub": "ann"})}
        self.action, self.request, self.expected = action, request, expected
        members = {"name": self.grant, "from": self.caller, "services": "rtc", "channels": "*",
                   **grant}
        self.members = {name: value for name, value in members.items() if value is not None}
        self.allowed = not isinstance(expected, str)

    def headers(self):
        return ak.bearer(ak.jwt(Secret, **self.claims))


def all_rows():
    rows = []

    def add(*row):
        rows.append(Row(len(rows), *row))

    for name, grant, claims, request, expected in VERDICTS:
        body = {"tokenType": "rtc", "channel": "room", **request}
        if body["tokenType"] in ("chat", "rtm2", "apaas", "fpa"):
            del body["channel"]
        add(name, grant, claims, "token.issue", body, expected)
    for grant, action, request, expected in ACTIONS:
        add(f"{action} {grant} {request}", grant, None, action, request, expected or {})
    for name, grant, path, expected in PATHS:
        add(name, grant, None, "path", path, expected)
    return rows


class World:
    def __init__(self, run, build):
        self.run, self.build, self.rows = run, build, all_rows()

    @functools.cached_property
    def asker(self):
        return new_key(self, "asker")

    @functools.cached_property
    def site(self):
        jwt = {"type": "jwt", "keys": "file:secret", "algorithms": "HS256", "audience": []}
        policy = {
            "callers": {"key": {"type": "apikey", "sha256": "00" * 32},
                        "asker": {"type": "apikey", "sha256": self.asker[1]},
                        **{row.caller: jwt | {"issuer": row.caller} for row in self.rows}},
            "projects": {"two": {"appId": "ab" * 16, "certificate": "cd" * 16}},
            "grants": [{"name": "asker", "from": "asker", "actions": "policy.check"},
                       *[row.members for row in self.rows]]}
        return ak.Guarded(self.run, self.build, policy, files={"secret": SECRET.decode()})

    def end(self):
        if "site" in vars(self):
            self.site.stop()


def check_verdict(row, said):
    same(said["allowed"], row.allowed, f"allowed ({said})")
    if not row.allowed:
        same(said["dimension"], row.expected, f"dimension ({said})")
        return
    same(said["grant"], row.grant, "grant")
    for member, value in row.expected.items():
        if member != "grant":
            same(said.get(member), value, member)
    same("narrowed" in said, "narrowed" in row.expected, "narrowed")


def by_command(w, row):
    path = os.path.join(w.run.directory(), "request.json")
    sites.write(path, json.dumps(row.request))
    done = subprocess.run(
        [os.path.join(w.build, "agora-token"), "policy", "test", "--json", "--policy",
         w.site.policy_path, "--caller", row.caller, "--claims", "-", "--action", row.action,
         "--request", path], input=json.dumps(row.claims), capture_output=True, text=True,
        check=False, env=sites.environment({}))
    same((done.returncode, done.stderr), (0 if row.allowed else 1, ""), "the command's exit")
    return json.loads(done.stdout)


def check_tried(w, row, said):
    """What becomes of the request itself."""
    if row.action == "path":
        answer = w.site.ask("GET", row.request, headers=row.headers())
    elif row.action == "token.issue":
        answer = w.site.ask("POST", "/getToken", row.request, row.headers())
    else:
        method, target = ENDPOINTS[row.action]
        query = row.request if method == "GET" else {}
        target += "".join(f"?{name}={value}" for name, value in query.items())
        answer = w.site.ask(method, target, None if method == "GET" else row.request,
                            row.headers())
    if not row.allowed:
        denied(answer, row.expected)
        expect(said is None or said["reason"] in answer.json()["error"], f"{said}: {answer.body}")
    elif row.action in ("path", "token.issue", "token.inspect", "policy.check"):
        same(answer.status, 200, f"status ({answer.body})")
    else:  # there is no Agora here
        same((answer.status, answer.json()["code"]), (501, "not_configured"), f"{answer.body}")
    if row.action == "token.issue" and row.allowed:
        body = answer.json()
        same(body.get("uid"), said.get("uid"), "the uid that was chosen")
        same(body["expire"], said["expire"], "expire")
        same(body.get("clamped"), said.get("narrowed"), "clamped")
    if row.action == "path" and row.allowed:
        for member, value in row.expected.items():
            same(answer.json().get(member), value, member)


def check_row(w, row):
    asker, said = ak.bearer(w.asker[0]), None
    if row.action != "path":
        answer = w.site.ask("POST", "/policy/check", {
            "caller": row.caller, "claims": row.claims, "action": row.action,
            "request": row.request}, asker)
        same(answer.status, 200, f"status of /policy/check ({answer.body})")
        said = answer.json()
        check_verdict(row, said)
        same(by_command(w, row), said, "the command's word")
    check_tried(w, row, said)
    own = w.site.ask("GET", "/me", headers=row.headers()).json()
    same([g["name"] for g in own["grants"]], [] if row.expected == "caller" else [row.grant], "/me")


def check_records(w):
    records = [json.loads(line) for line in sites.read(w.site.audit_path).splitlines()]
    for row in w.rows:
        found = [r for r in records if r.get("caller") == row.caller and "record" not in r]
        same([r["verdict"] for r in found], ["allow" if row.allowed else "deny"],
             f"records of {row.name}")
        expect(row.allowed or found[0]["reason"].startswith(row.expected + ": "), found)
        # What may be asked of Agora has a second record: what became of it, where there is none.
        asks = row.allowed and row.action not in ("path", "token.issue", "token.inspect", "policy.check")
        same([(r["outcome"], r["status"]) for r in records
              if r.get("record") == "outcome" and r["act"] == found[0].get("act")],
             [("failed", 501)] * asks, f"outcomes of {row.name}")
        same(found[0].get("grant"), None if row.expected == "caller" else row.grant, "grant")
        sub = row.claims.get("sub")  # at most 256 bytes, and no half of a character
        same(found[0].get("sub"), sub and sub.encode()[:256].decode(errors="ignore"), "sub")


def run_all(suite, w):
    for row in w.rows:
        suite.run(f"access_verdicts: {row.name}", check_row, w, row)
    if suite.only in "access_verdicts":  # each row has asked once
        suite.run("access_verdicts: the records say the same", check_records, w)
