"""What is written down of requests and counted, in a file or in the log, and how often an address may
ask: through real nginx, and for other addresses through the socket."""

import fcntl
import hashlib
import json
import os
import re
import resource
import subprocess

import access_kit as ak
import engine_client
import rest_kit as rk
import sites
from kit import expect, same, wait_until
from rest_access import backend, new_key, token, unknown

ROOM = {"channel": "room", "uid": 1}


def guarded(w, grant, caller="app", **settings):
    """A site with one caller and his grant, and the headers he sends."""
    if caller == "guest":
        callers, headers = {caller: {"type": "anonymous"}}, []
    else:
        key, digest = new_key(w, caller)
        callers, headers = {caller: {"type": "apikey", "sha256": digest}}, [("X-API-Key", key)]
    policy = {"callers": callers,
              "projects": {"second": {"appId": "ab" * 16, "certificate": "cd" * 16}},
              "grants": [{"name": "g", "from": caller, "services": ["rtc", "rtm", "rtm2"],
                          "channels": "*", "uid": "*", "role": "publisher", **grant}]}
    return ak.Guarded(w.run, w.build, policy, rk.settings_for(w.sim) | settings), headers


def records(site):
    return [json.loads(line) for line in sites.read(site.audit_path).splitlines()]


def logged(site):
    """The records in its log."""
    return [line for line in site.responder_log().splitlines() if " record=audit " in line]


class QuietSite(rk.Site):
    """Its responder says nothing that is no error, not even that it serves."""

    def start_responder(self, **_):
        with open(self.log_path, "ab") as log:
            process = self.run.start(
                [sites.responder_path(self.build), "--socket", self.socket], log,
                sites.environment(self.settings | {"LOG_LEVEL": "error"}))
        wait_until(lambda: os.path.exists(self.socket) and children(process), "its worker")
        return process


def children(process):
    return subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True,
                          check=False).stdout.split()


def test_records_in_the_log(w):
    """They come whatever the level is, and where they do not nothing is done that wants one."""
    start = {"channelName": "meeting-1"}
    for required, statuses in (("true", [503, 503, 403]), ("false", [200, 200, 403])):
        site, keys, _ = backend(w, cls=QuietSite, AUDIT_FILE="", AUDIT_REQUIRED=required)
        made = token(site, ROOM, keys["web"]).json()["token"]
        wait_until(lambda: logged(site), "the record")
        expect(re.search(r"Z info record=audit id=\S+ verdict=allow action=token.issue caller=web .*"
                         f" token={hashlib.sha256(made.encode()).hexdigest()[:8]}$", logged(site)[0]),
               logged(site))
        unknown(token(site, ROOM), "no credentials came")
        wait_until(lambda: len(logged(site)) == 2, "the refusal's record")
        mark, worker = w.sim.newest(), int(children(site.responder)[0])
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (0, -1))  # as if its disk were full
        answers = [token(site, ROOM, keys["web"]),
                   site.ask("POST", "/cloud_recording/start", start, [keys["recorder"]]),
                   token(site, ROOM, keys["recorder"])]
        same([a.status for a in answers], statuses, "statuses of what has no record")
        if required == "true":
            same({a.json()["code"] for a in answers[:2]}, {"audit_unavailable"}, "code")
            same(w.sim.since(mark), [], "calls to Agora")
            answer = site.ask("GET", "/readyz?verbose")
            same((answer.status, [c["reason"] for c in answer.json()["checks"] if "reason" in c]),
                 (503, ["the log, which has the records without AUDIT_FILE, cannot be written"]),
                 "readiness")
        same(site.ask("GET", "/ping").status, 200, "what has no record")
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (-1, -1))
        same(token(site, ROOM, keys["web"]).status, 200, "once there is room")
        wait_until(lambda: len(logged(site)) == 3, "its record")
        site.stop()


def test_a_log_that_nobody_reads(w):
    """Stops tokens where there is a policy, until somebody reads it; elsewhere it loses its lines."""
    key, digest = new_key(w, "app")
    policy = os.path.join(w.run.directory(), "policy.json")
    sites.write(policy, json.dumps({
        "callers": {"app": {"type": "apikey", "sha256": digest}},
        "grants": [{"name": "g", "from": "app", "services": "rtc", "channels": "*", "uid": "*",
                    "role": "publisher"}]}))
    for settings, statuses in (({"POLICY_FILE": policy}, {200, 503}),
                               ({"POLICY_FILE": policy, "AUDIT_REQUIRED": "false"}, {200}),
                               ({}, {200})):
        address = os.path.join(w.run.directory(), "socket")
        ours, theirs = os.pipe()
        fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, 4096)
        process = w.run.start([sites.responder_path(w.build), "--socket", address], theirs,
                              sites.environment(settings))
        os.close(theirs)
        said = b""
        while b" serves" not in said:
            said += os.read(ours, 4096)
        with engine_client.Client(address) as client:
            def ask():
                return client.ask(engine_client.post(HTTP_X_API_KEY=key)).status

            found = [ask() for _ in range(40)]
            same(set(found), statuses, f"statuses with {settings}")
            same(found, sorted(found), "statuses in order")
            os.read(ours, 4096)
            same(ask(), 200, "with room again")
        said = os.read(ours, 4096)
        expect(b"log lines lost: nobody read them" in said, said)
        same(b"record=audit" in said, "POLICY_FILE" in settings, f"a record in {said}")
        process.terminate()
        while os.read(ours, 4096):  # it may have much to say at its end
            pass
        same(process.wait(), 0, "exit status")
        os.close(ours)


def test_what_records_say(w):
    """All that was issued: to whom, where, and for how long; by which way, from where."""
    site, headers = guarded(w, {"actions": ["token.issue", "recording.*"], "project": "*"})
    names = [f"name-{n:02}" for n in range(40)]
    read = {"resource": "messageChannels", "permission": "read"}
    for body in ({"tokenType": "rtc", "channel": "room", "uid": "7", "rtmUid": "ann"},
                 {"tokenType": "rtm2", "uid": "ann", "permissions": [
                     read | {"resources": ["a", "b"]},
                     read | {"resource": "streamChannels", "resources": ["c"]}]},
                 {"tokenType": "rtm2", "uid": "ann", "permissions": [read | {"resources": names}]},
                 {"tokenType": "rtc", "channel": "room", "uid": "7", "expire": 4294967295,
                  "project": "second"}):
        same(site.ask("POST", "/getToken", body, headers).status, 200, f"{body}")
    answer = site.ask("GET", "/rte/room/publisher/uid/7/ann?expiry=60", headers=headers)
    same(answer.status, 200, answer.body)
    rk.succeeds(site.ask("POST", "/cloud_recording/start", {"channelName": "room"}, headers))
    site.stop()
    both, places, many, longest, path, action, outcome = records(site)
    same((both["uid"], both["uid2"], both["channel"]), ("7", "ann", "room"), "two users")
    expect("token2" not in both, both)  # one token for both
    same((places["uid"], places["channel"]), ("ann", "a,b,c"), "the names of an RTM2 token")
    expect("uid2" not in places, places)
    same(many["channel"], ",".join(names)[:256], "more names than there is room for")
    same((longest["ttl"], longest["project"]), (86400, "second"), "the lifetime that was issued")
    expect("project" not in both, both)
    same((path["uid"], path["uid2"], path["ttl"]), ("7", "ann", 60), "two tokens")
    same([path[name] for name in ("token", "token2")],
         [hashlib.sha256(answer.json()[name].encode()).hexdigest()[:8]
          for name in ("rtcToken", "rtmToken")], "their digits")
    same((action["action"], action["channel"], action.get("status")),
         ("recording.start", "room", None), "an action")
    same([(r["action"], r["act"]) for r in (action, outcome)],
         [("recording.start", action["act"])] * 2, "what became of it")
    same({r["client"] for r in records(site)}, {"127.0.0.1"}, "who asked")
    same([r.get("status") for r in records(site)], [200] * 5 + [None, 200], "statuses")


def test_records_of_an_open_service(w):
    """None without a file; and with one the lifetime that was issued, not the one that was wished."""
    site = rk.Site(w.run, w.build, rk.settings_for(w.sim))
    same(token(site, ROOM).status, 200, "a token")
    site.stop()
    same(logged(site), [], "records in the log")
    site = ak.Guarded(w.run, w.build, None, rk.settings_for(w.sim))
    answer = token(site, ROOM | {"expire": 400000})
    same((answer.status, answer.json()["expire"]), (200, 86400), answer.body)
    site.stop()
    same([(r["verdict"], r["ttl"]) for r in records(site)], [("open", 86400)], "records")


def statuses(site, requests):
    return [engine_client.ask(site.socket, request).status for request in requests]


def asked(headers, address="127.0.0.1"):
    """A request for a token from that address, by FastCGI."""
    params = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers}
    return engine_client.post(REMOTE_ADDR=address, **params)


def test_an_anonymous_rate_is_for_each_address(w):
    site, _ = guarded(w, {"rate": "2/day"}, caller="guest")
    for addresses in (["192.0.2.1"] * 3, ["192.0.2.2"] * 3,
                      ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:3::3"], ["2001:db8::1"] * 3):
        same(statuses(site, [asked([], address) for address in addresses]), [200, 200, 429],
             f"statuses from {addresses}")
    site.stop()
    site, key = guarded(w, {"rate": "2/day"})
    same(statuses(site, [asked(key, f"192.0.2.{n}") for n in range(3)]), [200, 200, 429],
         "statuses of one who is known, wherever he is")
    site.stop()


def test_wrong_credentials(w):
    """Sixty a minute where nothing is said; none at all are no wrong ones."""
    wrong = [("X-API-Key", "ak_app_x")]
    for settings, wanted in (({}, True), ({"FAILURE_RATE": "off"}, False)):
        site, key = guarded(w, {}, **settings)
        found = statuses(site, [asked(wrong, "192.0.2.9")] * 90)
        same(found[:60], [401] * 60, "the first sixty")
        same(429 in found[60:], wanted, f"too many of {found[60:]}")
        same(statuses(site, [asked(key, "192.0.2.10")]), [200], "another address")
        site.stop()
    site, key = guarded(w, {}, FAILURE_RATE="2/day")
    same(statuses(site, [asked([])] * 5), [401] * 5, "without credentials")
    same(statuses(site, [asked(wrong)] * 3), [401, 401, 429], "with wrong ones")
    same(statuses(site, [asked(key), asked([]), asked(wrong)]), [200, 401, 429],
         "and then")
    net = [f"2001:db8:1:2:{n}::{n}" for n in range(1, 4)]
    same(statuses(site, [asked(wrong, address) for address in net]), [401, 401, 429],
         "addresses of one IPv6 client")
    same(statuses(site, [asked(wrong, "2001:db8:1:3::1")]), [401], "another client")
    site.stop()


def test_addresses_of_one_client(w):
    site, key = guarded(w, {}, ADDRESS_RATE="2/day")
    net = [f"2001:db8:1:2:{n}::{n}" for n in range(1, 4)]
    same(statuses(site, [asked(key, address) for address in net]), [200, 200, 429], "one /64")
    same(statuses(site, [asked(key, "2001:db8:1:3::1")]), [200], "another")
    same(statuses(site, [asked(key, a) for a in ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1")]),
         [200, 200, 429], "an IPv4 address")
    site.stop()


def test_refusals_are_counted(w):
    """In metrics, with why; and a wrong key's answer says it to programs too."""
    site, key = guarded(w, {"rate": "3/day", "actions": ["token.issue", "metrics.read"]},
                        FAILURE_RATE="1/day")
    answer = token(site, ROOM, ("X-API-Key", "ak_app_x"))
    unknown(answer, "not known here")
    same(answer.header("WWW-Authenticate"), 'Bearer realm="agora-backend", error="invalid_token", '
         'error_description="the API key is not known here"', "WWW-Authenticate")
    same(token(site, ROOM, ("X-API-Key", "ak_app_x")).status, 429, "the second wrong one")
    away = "192.0.2.7"
    same(statuses(site, [asked(key, away)] * 2 + [asked([], away)]), [200, 200, 401], "statuses")
    found = engine_client.ask(site.socket, engine_client.get(
        "/metrics", REMOTE_ADDR=away, HTTP_X_API_KEY=key[0][1]))
    same(found.status, 200, "status of the metrics")
    same(statuses(site, [asked(key, away)]), [429], "the grant's rate")
    lines = found.body.decode().splitlines()
    for line in ('agora_auth_failures_total{type="apikey",reason="the API key is not known here"} 1',
                 'agora_auth_failures_total{type="none",reason="no credentials came that this server takes"} 1',
                 'agora_rate_limited_total{scope="failure"} 1'):
        expect(line in lines, f"no {line} in {[l for l in lines if 'fail' in l or 'rate' in l]}")
    site.stop()
