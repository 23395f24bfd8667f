"""Who may have what, through real nginx: the policies of conf/policies, unmodified but for keys."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import re
import resource
import signal
import subprocess
import threading
import time
from contextlib import ExitStack
from email.utils import formatdate
from urllib.parse import unquote

import access_kit as ak
import engine_client
import kit
import rest_kit as rk
import sites
from kit import expect, same, wait_until

CLASSROOM = {"iss": "https://id.example.com/", "aud": "agora-backend"}


def policy_file(run, name, *changes):
    """A copy of a policy, with (from, to) changed, in a directory of its own."""
    text = sites.read(kit.TOP, "conf", "policies", name)
    for old, new in changes:
        expect(old in text, f"{name} has no {old!r}")
        text = text.replace(old, new)
    path = os.path.join(run.directory(), name)
    sites.write(path, text)
    return path


def new_key(w, name):
    """An API key as the command makes it, and its line for the policy."""
    done = subprocess.run([os.path.join(w.build, "agora-token"), "key", "new", name],
                          capture_output=True, text=True, check=True)
    key, line = done.stdout.splitlines()
    return key, json.loads("{" + line + "}")[name]["sha256"]


def site_with(w, policy, kind="list", cls=rk.Site, **settings):
    return cls(w.run, w.build, rk.settings_for(w.sim) | {"POLICY_FILE": policy} | settings, kind)


def token(site, body, *headers):
    return site.ask("POST", "/getToken", {"tokenType": "rtc", **body}, headers, patient=False)


def denied(answer, dimension):
    body = rk.fails(answer, 403, "not_granted", says=f"{dimension}: ")
    same(body["dimension"], dimension, f"dimension ({body})")


def unknown(answer, says):
    rk.fails(answer, 401, "unauthenticated", says=says)
    expect(answer.header("WWW-Authenticate").startswith('Bearer realm="agora-backend"'),
           answer.header("WWW-Authenticate"))


def inspected(w, text, **env):
    done = subprocess.run([os.path.join(w.build, "agora-token"), "inspect", "--json", "-"],
                          input=text, capture_output=True, text=True, check=False,
                          env=sites.environment(sites.SETTINGS["list"] | env))
    return json.loads(done.stdout)


def backend(w, **settings):
    """A site with the policy for servers; its keys, by name; its audit file."""
    keys = {name: new_key(w, name) for name in ("web", "recorder")}
    policy = policy_file(w.run, "backend.json", ("0" * 64, keys["web"][1]),
                         ("1" * 64, keys["recorder"][1]))
    audit = os.path.join(w.run.directory(), "audit.log")
    site = site_with(w, policy, **({"AUDIT_FILE": audit} | settings))
    return site, {name: ("Authorization", f"Bearer {key}") for name, (key, _) in keys.items()}, audit


def test_backend_with_keys(w):
    site, keys, audit = backend(w)
    good = {"channel": "room", "uid": "7", "role": "publisher", "expire": 86400}
    answer = token(site, good, keys["web"])
    same(answer.status, 200, answer.body)
    same((answer.json()["expire"], answer.json()["clamped"]), (14400, ["expire"]), "lifetime")
    same(answer.json()["grant"], "tokens", "the grant that covered it")
    said = inspected(w, answer.json()["token"])
    same((said["valid"], said["expire"], said["services"][0]["uid"]), (True, 14400, "7"), "token")
    issued = answer.json()["token"]
    same(token(site, good, ("X-API-Key", keys["web"][1][7:])).status, 200, "X-API-Key")
    unknown(token(site, good), "no credentials came")
    unknown(token(site, good, (keys["web"][0], keys["web"][1][:-1] + "_")), "not known here")
    unknown(token(site, good, ("Authorization", "Bearer ak_nobody_x")), "not known here")
    denied(token(site, good, keys["recorder"]), "action")
    denied(token(site, good | {"channel": "*"}, keys["web"]), "channel")
    denied(token(site, good | {"uid": 0}, keys["web"]), "uid")
    denied(site.ask("GET", "/rtc/room/publisher/uid/0", headers=[keys["web"]]), "uid")
    denied(site.ask("GET", "/chat/app", headers=[keys["web"]]), "service")
    same(site.ask("GET", "/chat/account/ann", headers=[keys["web"]]).status, 200, "Chat")
    rk.fails(token(site, {"channel": "room"}, keys["web"]), 400, "missing_field", "uid")
    same(site.ask("GET", "/ping").status, 200, "public")
    me = site.ask("GET", "/me", headers=[keys["web"]]).json()
    same((me["mode"], me["caller"], [g["name"] for g in me["grants"]]), ("on", "web", ["tokens"]),
         "me")
    site.stop()
    lines = sites.read(audit).splitlines()
    allowed = [line for line in lines if " verdict=allow " in line]
    same(len(allowed), 3, f"records ({lines})")
    expect(f"token={hashlib.sha256(issued.encode()).hexdigest()[:8]}" in allowed[0], allowed[0])
    expect(re.search(r"caller=web grant=tokens service=rtc channel=room uid=7 role=publisher "
                     r"ttl=14400 ", allowed[0]), allowed[0])
    same(sum(" verdict=deny " in line for line in lines), 8, f"refusals ({lines})")
    text = "".join(lines)
    expect(issued not in text and keys["web"][1][7:] not in text, "the record holds a secret")


def test_recorder_is_bound_to_its_channels(w):
    site, keys, _ = backend(w)
    key = [keys["recorder"]]

    def post(what, body, headers=key):
        return site.ask("POST", "/cloud_recording/" + what, body, headers)

    denied(post("start", {"channelName": "lobby"}), "channel")
    denied(post("start", {"channelName": "meeting-1"}, [keys["web"]]), "action")
    job = rk.succeeds(post("start", {"channelName": "meeting-1"}))
    ids = {name: job[name] for name in ("cname", "uid", "resourceId", "sid")}
    mark = w.sim.newest()
    change = {"recordingConfig": {"mixedVideoLayout": 1, "backgroundColor": "#00FF00"}}
    for what, more in (("stop", {}), ("update/layout", change), ("update/subscriber-list", {
            "recordingConfig": {"streamSubscribe": {"audioUidList": {"subscribeAudioUids": ["1"]}}}})):
        denied(post(what, ids | more | {"cname": "lobby"}), "channel")
        denied(post(what, ids | more | {"cname": "meeting-2"}), "channel")
    same({e["method"] for e in w.sim.since(mark)} - {"GET"}, set(), "it was done all the same")
    rk.succeeds(post("update/layout", ids | change))
    query = f"?resourceId={ids['resourceId']}&sid={ids['sid']}&mode=mix"
    denied(site.ask("GET", "/cloud_recording/status" + query, headers=key), "channel")
    rk.succeeds(site.ask("GET", "/cloud_recording/status" + query + "&cname=meeting-1",
                         headers=key))
    rk.succeeds(post("stop", ids))
    site.stop()


def test_players_and_converters_are_bound_too(w):
    """push, pull and transcription: each product says in its own way what is in a channel."""
    key, digest = new_key(w, "recorder")
    site = site_with(w, policy_file(
        w.run, "backend.json", ("1" * 64, digest),
        ('["recording.*"]', '["push.*", "pull.*", "rtt.*"]')))

    def post(target, body):
        return site.ask("POST", target, body, [("X-API-Key", key)])

    start = {"channelName": "meeting-1", "streamUrl": "https://example.com/a.mp4", "region": "na"}
    player = rk.succeeds(post("/rtmp/pull/start", start))["player"]["id"]
    converter = rk.succeeds(post("/rtmp/push/start", {
        "rtcChannel": "meeting-1", "streamUrl": "rtmp://example.com/live", "streamKey": "key-of-it",
        "region": "na", "rtcStreamUid": "7"}))["converter"]["id"]
    task = rk.succeeds(post("/rtt/start", {"channelName": "meeting-1", "languages": ["en-US"]}))
    task = task["start"]["taskId"]
    w.sim.advance(30)  # until all are listed
    jobs = (("/rtmp/pull/stop", {"playerId": player, "region": "na"}, "channelName"),
            ("/rtmp/push/stop", {"converterId": converter, "region": "na"}, "rtcChannel"),
            (f"/rtt/stop/{task}", {}, "channelName"))
    others = (("/rtmp/pull/update", jobs[0][1] | {"isPause": True}, "channelName"),
              (f"/rtmp/pull/status/{player}", None, "channelName"),
              ("/rtmp/push/update", jobs[1][1] | {"jitterBufferSizeMs": 7}, "rtcChannel"),
              (f"/rtmp/push/status/{converter}", None, "rtcChannel"))

    def named(target, body, field, channel):
        if body is not None:
            return post(target, body | {field: channel})
        return site.ask("GET", f"{target}?region=na&{field}={channel}", headers=[("X-API-Key", key)])

    for target, body, field in jobs + others:
        mark = w.sim.newest()
        if body is not None:
            denied(post(target, body), "channel")
        else:
            denied(site.ask("GET", f"{target}?region=na", headers=[("X-API-Key", key)]), "channel")
        denied(named(target, body, field, "lobby"), "channel")
        same(w.sim.since(mark), [], f"calls to Agora for {target}")
        denied(named(target, body, field, "meeting-2"), "channel")
        expect({e["method"] for e in w.sim.since(mark)} <= {"GET"}, f"calls to Agora for {target}")
    forged = "meeting-1 or channelName eq lobby"
    mark = w.sim.newest()
    rk.fails(post("/rtmp/pull/stop", jobs[0][1] | {"channelName": forged}), 400, "invalid_field",
             "channelName")
    rk.fails(site.ask("GET", "/rtmp/pull/list?channel=" + forged.replace(" ", "%20"),
                      headers=[("X-API-Key", key)]), 400, "invalid_field", "channel")
    same(w.sim.since(mark), [], "calls to Agora for a name with blanks")
    for target, body, field in others + jobs:
        rk.succeeds(named(target, body, field, "meeting-1"))
    site.stop()


def test_transcription_is_bound_in_all_that_is_done_to_it(w):
    key, digest = new_key(w, "recorder")
    site = site_with(w, policy_file(w.run, "backend.json", ("1" * 64, digest),
                                    ('["recording.*"]', '["rtt.*"]')))

    def ask(method, target, body=None):
        return site.ask(method, target, body, [("X-API-Key", key)])

    start = {"channelName": "meeting-1", "languages": ["en-US"]}
    denied(ask("POST", "/rtt/start", start | {"channelName": "lobby"}), "channel")
    task = rk.succeeds(ask("POST", "/rtt/start", start))["start"]["taskId"]
    w.sim.advance(30)  # until it is listed
    change = {"languages": ["de-DE"]}
    for method, target, body in (("GET", f"/rtt/status/{task}", None),
                                 ("POST", f"/rtt/update/{task}", change),
                                 ("DELETE", f"/rtt/stop/{task}", {})):
        def named(channel):
            if body is None:
                return ask(method, f"{target}?channelName={channel}")
            return ask(method, target, body | {"channelName": channel})

        mark = w.sim.newest()
        denied(ask(method, target, body), "channel")
        denied(named("lobby"), "channel")
        same(w.sim.since(mark), [], f"calls to Agora for {target}")
        denied(named("meeting-2"), "channel")
        expect({e["path"] for e in w.sim.since(mark)} <= {rk.SPEECH + "/agents"},
               f"calls to Agora for {target}")
        rk.succeeds(named("meeting-1"))
    denied(ask("GET", "/rtt/list"), "channel")
    denied(ask("GET", "/rtt/list?channel=lobby"), "channel")
    rk.succeeds(ask("GET", "/rtt/list?channel=meeting-1"))
    site.stop()


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def es256(key, claims, **header):
    """Signed by the openssl command; its DER made the 64 bytes of JWS."""
    text = ".".join(base64url(json.dumps(part).encode())
                    for part in ({"alg": "ES256", "typ": "JWT", **header}, claims))
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text.encode(),
                         capture_output=True, check=True).stdout
    numbers, at = b"", 2
    for _ in range(2):
        length = der[at + 1]
        numbers += der[at + 2:at + 2 + length].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + length
    return text + "." + base64url(numbers)


def classroom(w, **settings):
    """A site with the policy for users of a login, and what signs its tokens."""
    policy = policy_file(w.run, "classroom.json")
    directory = os.path.dirname(policy)
    key = os.path.join(directory, "private.pem")
    public = os.path.join(directory, "classroom.pem")
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key],
                   check=True, capture_output=True)
    subprocess.run(["openssl", "ec", "-in", key, "-pubout", "-out", public], check=True,
                   capture_output=True)

    def bearer(groups, **more):
        return ("Authorization", "Bearer " + es256(key, CLASSROOM | {
            "sub": "ann", "exp": int(time.time()) + 600, "groups": groups} | more))

    return site_with(w, policy, **settings), bearer


def test_classroom(w):
    site, bearer = classroom(w)
    answer = token(site, {"channel": "class-7"}, bearer("student"))
    same(answer.status, 200, answer.body)
    same((answer.json()["uid"], answer.json()["expire"]), ("ann", 1800), "the grant's")
    same(inspected(w, answer.json()["token"])["services"][0]["uid"], "ann", "uid")
    same(token(site, {"channel": "help-ann"}, bearer(["x", "guest"])).status, 200, "own channel")
    denied(token(site, {"channel": "help-bob"}, bearer("student")), "channel")
    denied(token(site, {"channel": "class-7", "role": "publisher"}, bearer("student")), "role")
    denied(token(site, {"channel": "class-7", "uid": "bob"}, bearer("student")), "uid")
    denied(token(site, {"channel": "class-7"}, bearer("parent")), "caller")
    same(token(site, {"channel": "class-7", "role": "publisher"}, bearer("teacher")).status, 200,
         "a teacher")
    rtm = {"tokenType": "rtm", "channel": "class-7"}
    same(token(site, {"tokenType": "rtm"}, bearer("student")).json()["uid"], "ann", "RTM")
    denied(token(site, rtm, bearer("student")), "role")
    same(token(site, rtm, bearer("teacher")).status, 200, "RTM to send")
    denied(token(site, {"tokenType": "chat"}, bearer("teacher")), "service")
    denied(site.ask("POST", "/rtt/start", {"channelName": "lobby", "languages": ["en-US"]},
                    [bearer("teacher")]), "channel")
    denied(site.ask("POST", "/cloud_recording/start", {"channelName": "class-7"},
                    [bearer("student")]), "action")
    job = rk.succeeds(site.ask("POST", "/cloud_recording/start", {"channelName": "class-7"},
                               [bearer("teacher")]))
    rk.succeeds(site.ask("POST", "/cloud_recording/stop",
                         {n: job[n] for n in ("cname", "uid", "resourceId", "sid")},
                         [bearer("teacher")]))
    good = bearer("student")[1]
    unknown(token(site, {"channel": "class-7"}, bearer("student", exp=int(time.time()) - 31)), "expired")
    unknown(token(site, {"channel": "class-7"}, bearer("student", aud=["other"])), "")
    unknown(token(site, {"channel": "class-7"}, bearer("student", iss="https://evil/")), "")
    unknown(token(site, {"channel": "class-7"}, ("Authorization", good[:-4] + "AAAA")), "")
    head = base64url(b'{"alg":"none"}')
    unknown(token(site, {"channel": "class-7"},
                  ("Authorization", f"Bearer {head}.{good.split('.')[1]}.")), "")
    swapped = base64url(b'{"alg":"HS256"}') + "." + good.split(".")[1]
    public = sites.read(os.path.dirname(site.settings["POLICY_FILE"]), "classroom.pem").encode()
    mac = base64url(hmac.new(public, swapped.encode(), hashlib.sha256).digest())
    unknown(token(site, {"channel": "class-7"}, ("Authorization", f"Bearer {swapped}.{mac}")), "")
    # The student's rate: 20 a minute, less those above.
    answers = [token(site, {"channel": "class-7"}, bearer("student")) for _ in range(21)]
    expect(answers[-1].status == 429 and int(answers[-1].header("Retry-After")) >= 1,
           answers[-1].status)
    same(token(site, {"channel": "class-7"}, bearer("student", sub="bob")).status, 200,
         "another's rate is his own")
    site.stop()


class LoginSite(rk.Site):
    """A site whose nginx asks a login who the client is, as conf/nginx/auth_request.conf does."""

    login = None

    def config(self, **more):
        conf = super().config(**more)
        directory = os.path.join(self.directory, "agora")
        path = os.path.join(directory, "auth_request.conf")
        text = sites.read(path)
        expect("http://127.0.0.1:4180/oauth2/auth" in text, "the login's address")
        sites.write(path, text.replace("http://127.0.0.1:4180/oauth2/auth",
                                       f"http://127.0.0.1:{self.login}/"))
        for name, line in (("agora-location.conf", "include agora/auth_request_location.conf;"),
                           ("agora-server.conf", "include agora/auth_request.conf;")):
            path = os.path.join(directory, name)
            sites.write(path, sites.read(path) + line + "\n")
        return conf


class Login(http.server.BaseHTTPRequestHandler):
    """Believes who says so in a header or a cookie; passes it on in the headers of its answer."""

    def do_GET(self):
        cookie = re.search(r"\blogin=([^;]*)", self.headers.get("Cookie", ""))
        user = self.headers.get("X-Test-Login", unquote(cookie[1]) if cookie else "")
        self.send_response(200 if user else 401)
        name, _, groups = user.partition("/")
        self.send_header("X-Auth-Request-User", name)
        self.send_header("X-Auth-Request-Groups", groups)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_auth_request(w):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Login)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    LoginSite.login = server.server_address[1]
    try:
        site = site_with(w, policy_file(w.run, "auth_request.json"), cls=LoginSite)
        room, forged = {"channel": "room-1"}, [("REMOTE_USER", "ann"), ("Remote-User", "ann"),
                                               ("Auth-Groups", "staff")]
        refused = site.send("POST", "/getToken", forged, b"{}")
        same((refused.status, refused.json()["code"]), (401, "unauthenticated"), "without a login")
        forged += [("X-Auth-Request-User", "eve"), ("X-Auth-Request-Groups", "staff")]
        answer = token(site, room, ("X-Test-Login", "ann/readers,members"))
        same((answer.status, answer.json().get("uid")), (200, "ann"), answer.body)
        denied(token(site, room | {"role": 1}, ("X-Test-Login", "ann/members"), *forged), "role")
        denied(token(site, {"channel": "secret"}, ("X-Test-Login", "ann/members")), "channel")
        same(token(site, {"channel": "secret", "role": 1},
                   ("X-Test-Login", "eve/members,staff")).status, 200, "staff")
        job = rk.succeeds(site.ask("POST", "/cloud_recording/start", {"channelName": "room-1"},
                                   [("X-Test-Login", "eve/staff")]))
        ids = {name: job[name] for name in ("cname", "uid", "resourceId", "sid")}
        denied(site.ask("POST", "/cloud_recording/stop", ids,
                        [("X-Test-Login", "ann/members"), *forged]), "action")
        same(site.send("POST", "/cloud_recording/stop", [], b"{}").status, 401, "without a login")
        rk.succeeds(site.ask("POST", "/cloud_recording/stop", ids, [("X-Test-Login", "eve/staff")]))
        check = {"caller": "site", "claims": {"sub": "bob"}, "request": {
            "tokenType": "rtc", "channel": "lobby", "expire": 7200}}
        said = site.ask("POST", "/policy/check", check, [("X-Test-Login", "eve/staff")]).json()
        same((said["allowed"], said["grant"], said["uid"], said["expire"], said["narrowed"]),
             (True, "member", "bob", 3600, ["expire"]), "the verdict")
        denied(site.ask("POST", "/policy/check", check, [("X-Test-Login", "ann/members")]), "action")
        denied(site.ask("POST", "/token/inspect", {"token": "x"}, [("X-Test-Login", "ann/members")]),
               "action")
        expect(re.search(r"audit .*verdict=allow action=policy.check caller=site sub=eve ",
                         site.responder_log()), "an action without a record")
        site.stop()
    finally:
        server.shutdown()


def test_shadow_refuses_nothing(w):
    policy = policy_file(w.run, "backend.json", ('{\n  "callers"', '{\n  "enforce": "log",\n'
                                                 '  "callers"'))
    audit = os.path.join(w.run.directory(), "audit.log")
    site = site_with(w, policy, AUDIT_FILE=audit, AUDIT_FORMAT="json")
    answer = token(site, {"channel": "*", "uid": 0, "expire": 86400})
    same((answer.status, answer.json()["expire"]), (200, 86400), "as without a policy")
    rk.fails(token(site, {"channel": "room"}), 400, "missing_field", "uid")
    expect('"enforce": "log"' in site.responder_log(), "the log does not say it")
    site.stop()
    records = [json.loads(line) for line in sites.read(audit).splitlines()]
    same([(r["verdict"], r["channel"], r["status"]) for r in records], [("shadow", "*", 200)],
         "records")


def test_who_may_inspect(w):
    """The action token.inspect and no other; nothing of the token is written down."""
    keys = {name: new_key(w, name) for name in ("web", "recorder")}
    policy = policy_file(w.run, "backend.json", ("0" * 64, keys["web"][1]),
                         ("1" * 64, keys["recorder"][1]), ('"recording.*"', '"token.inspect"'))
    audit = os.path.join(w.run.directory(), "audit.log")
    site = site_with(w, policy, AUDIT_FILE=audit, LOG_LEVEL="debug")
    keys = {name: ("Authorization", f"Bearer {key}") for name, (key, _) in keys.items()}
    issued = token(site, {"channel": "meeting-1", "uid": 7}, keys["web"]).json()["token"]
    body = {"token": issued, "channel": "lobby", "uid": 7}
    denied(site.ask("POST", "/token/inspect", body, [keys["web"]]), "action")
    unknown(site.ask("POST", "/token/inspect", body), "no credentials came")
    said = site.ask("POST", "/token/inspect", body, [keys["recorder"]])
    same((said.status, said.json()["signatureValid"], [p["code"] for p in said.json()["problems"]]),
         (200, True, ["channel_mismatch", "subscriber_only"]), said.body)
    site.stop()
    log = site.responder_log() + sites.read(audit)
    expect(re.search(r"verdict=allow action=token.inspect caller=recorder ", log), log)
    for part in (issued[:20], issued[-20:], said.json()["signature"]):
        expect(part not in log, f"{part} of the token is written down")


def test_shadow_changes_nothing_that_is_allowed(w):
    """No lifetime is cut, no uid filled in, no project chosen, no channel held against a job."""
    key, digest = new_key(w, "app")
    members = {"services": "rtc", "channels": "room", "ttl": "1m", "rate": "2/day"}
    policy = {
        "enforce": "log",
        "callers": {"app": {"type": "apikey", "sha256": digest}},
        "projects": {"second": {"appId": "ab" * 16, "certificate": "cd" * 16}},
        "grants": [{"name": "own", "from": "app", "uid": "42", "project": "second", **members},
                   {"name": "jobs", "from": "app", "actions": "recording.*",
                    "channels": ["room", "hall"]}]}
    path = os.path.join(w.run.directory(), "policy.json")
    sites.write(path, json.dumps(policy))
    audit = os.path.join(w.run.directory(), "audit.log")
    site = site_with(w, path, AUDIT_FILE=audit, AUDIT_FORMAT="json")
    key = ("X-API-Key", key)
    for _ in range(3):
        answer = token(site, {"channel": "room", "uid": "42", "expire": 7200}, key)
        body = answer.json()
        same((answer.status, body["expire"], body.get("clamped"), body.get("uid")),
             (200, 7200, None, None), f"the answer {body}")
        same(inspected(w, body["token"])["appId"], sites.APP_ID, "its project")
    rk.fails(token(site, {"channel": "room"}, key), 400, "missing_field", "uid")
    job = rk.succeeds(site.ask("POST", "/cloud_recording/start", {"channelName": "room"}, [key]))
    stop = {n: job[n] for n in ("uid", "resourceId", "sid")} | {"cname": "hall"}
    expect(site.ask("POST", "/cloud_recording/stop", stop, [key]).status != 403, "it is refused")
    site.ask("POST", "/cloud_recording/stop", stop | {"cname": "room"}, [key])
    site.stop()
    records = [json.loads(line) for line in sites.read(audit).splitlines()]
    same([r["verdict"] for r in records if r["action"] == "token.issue"],
         ["allow", "allow", "shadow"], "records")
    same(records[2]["reason"], "the grant's rate is used up", "the third")


def test_what_cannot_be_recorded_is_not_done(w):
    site, keys, _ = backend(w, AUDIT_FILE="/dev/full")
    rk.fails(token(site, {"channel": "room", "uid": 1}, keys["web"]), 503, "audit_unavailable")
    mark = w.sim.newest()
    rk.fails(site.ask("POST", "/cloud_recording/start", {"channelName": "meeting-1"},
                      [keys["recorder"]]), 503, "audit_unavailable")
    same(w.sim.since(mark), [], "calls to Agora")
    site.stop()


def test_requests_that_lack_a_record_are_known_by_their_line(w):
    """Of several that were written at once, and of each that was done or refused all the same."""
    for required, status in (("true", 503), ("false", 200)):
        site, keys, _ = backend(w, AUDIT_FILE="/dev/full", AUDIT_REQUIRED=required)
        answers = [token(site, {"channel": "room", "uid": 1}, keys["web"]),
                   site.ask("POST", "/cloud_recording/start", {"channelName": "meeting-1"},
                            [keys["recorder"]])]
        same([a.status for a in answers], [status] * 2, "statuses")
        answers.append(token(site, {"channel": "room", "uid": 1}, keys["recorder"]))
        same(answers[2].status, 403, "status of what is refused")
        for answer in answers:
            expect(site.access_lines(answer)[-1].endswith(" audit=lost"), site.access_lines(answer))
        fine = site.access_lines(site.ask("GET", "/ping"))
        expect("audit" not in fine[0], fine)
        expect("AUDIT_FILE: /dev/full: No space left on device" in site.responder_log(),
               site.responder_log())
        site.stop()


def test_answers_wait_for_their_records(w):
    """Requests that came at once, and others: each answer, in order, and its record."""
    site, keys, audit = backend(w, AUDIT_FORMAT="json")
    key = {"HTTP_AUTHORIZATION": keys["web"][1]}

    def ask(n):
        body = json.dumps({"tokenType": "rtc", "channel": f"room{n}", "uid": n}).encode()
        return engine_client.post(body, **key)

    with ExitStack() as stack:
        clients = [stack.enter_context(engine_client.Client(site.socket)) for _ in range(4)]
        for c, client in enumerate(clients):
            some = b"".join(ask(100 * c + n) for n in range(1, 21))
            same(client.converse(some + engine_client.get("/ping", **key), 21), ["200"] * 21,
                 "answers")
            same(client.answers[-1].json(), {"message": "pong"}, "the last")
        gone = engine_client.Client(site.socket)
        gone.send(ask(1007) + ask(1008))
        gone.close()
        same(clients[0].ask(ask(1009)).status, 200, "others go on")
    records = [json.loads(line) for line in sites.read(audit).splitlines()]
    found = [int(r["uid"]) for r in records if r["verdict"] == "allow"]
    for c in range(4):
        wanted = list(range(100 * c + 1, 100 * c + 21))
        same([uid for uid in found if uid in wanted], wanted, "records in order")
    site.stop()


def allowed(*paths):
    """The records of tokens in these files, each of whose lines is one whole record."""
    records = [json.loads(line) for path in paths for line in sites.read(path).splitlines()]
    return [r for r in records if r["verdict"] == "allow"]


def worker_of(site):
    return int(re.findall(r"worker (\d+) serves", site.responder_log())[-1])


def stand_still(worker):
    """What is sent to it from now on comes in one turn of its loop."""
    os.kill(worker, signal.SIGSTOP)
    wait_until(lambda: "State:\tT" in sites.read(f"/proc/{worker}/status"), "it to stand still")


def writes(worker):
    return int(re.search(r"syscw: (\d+)", sites.read(f"/proc/{worker}/io"))[1])


def test_records_are_written_together(w):
    """Those of a turn at once.  Where they do not fit, no token leaves, and the next record is whole."""
    site, keys, audit = backend(w, AUDIT_FORMAT="json")
    request = engine_client.post(**{"HTTP_AUTHORIZATION": keys["web"][1]})
    same(engine_client.ask(site.socket, request).status, 200, "a token")
    one, worker = os.path.getsize(audit), worker_of(site)
    with ExitStack() as stack:
        clients = [stack.enter_context(engine_client.Client(site.socket)) for _ in range(20)]
        same({c.ask(engine_client.get("/ping")).status for c in clients}, {200}, "all connected")
        stand_still(worker)
        before = writes(worker)
        for client in clients:
            client.send(request)
        os.kill(worker, signal.SIGCONT)
        same([client.ask(b"").status for client in clients], [200] * 20, "answers")
        # Six records in each of three, two in a fourth, then the log, and what a second brings.
        expect(5 <= writes(worker) - before < 8, f"{writes(worker) - before} writes")
        stand_still(worker)
        for client in clients:
            client.send(request)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (24 * one - 9, -1))
        os.kill(worker, signal.SIGCONT)
        answers = [client.ask(b"") for client in clients]
        same([a.status for a in answers], [503] * 20, "answers")
        same({a.json()["code"] for a in answers}, {"audit_unavailable"}, "code")
        same(os.path.getsize(audit), 24 * one - 9, "size with the part that was written")
        same(clients[0].ask(request).status, 503, "and while there is no room")
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (-1, -1))
        same([c.ask(request).status for c in clients], [200] * 20, "once there is")
    same(worker_of(site), worker, "the worker")
    site.stop()
    lines = sites.read(audit).splitlines()
    whole = [line for line in lines if line.endswith("}") and json.loads(line)]
    # What was written before the write was cut stands there, and the torn line alone.
    same((len(lines), len(whole)), (21 + 3 + 20, 21 + 2 + 20), f"lines ({lines[22:26]})")


def test_a_record_in_the_log_goes_with_its_line(w):
    """In one write."""
    site, keys, _ = backend(w, AUDIT_FILE="")
    token(site, {"channel": "room", "uid": 1}, keys["web"])
    worker = worker_of(site)
    before, began = writes(worker), time.monotonic()
    for _ in range(10):
        answer = token(site, {"channel": "room", "uid": 1}, keys["web"])
        lines = site.access_lines(answer)
        same([" record=audit " in line for line in lines], [True, False], f"{lines}")
    beats = time.monotonic() - began + 2  # one a second
    expect(writes(worker) - before <= 10 + beats, f"{writes(worker) - before} writes")
    site.stop()


def test_rotation_and_reload_lose_no_record(w):
    """Under load; the answers that came are the records that are there."""
    site, keys, audit = backend(w, AUDIT_FORMAT="json")
    request = engine_client.post(keep=False, HTTP_AUTHORIZATION=keys["web"][1])
    load = engine_client.Load(16, lambda: engine_client.connect(site.socket), request,
                              engine_client.fastcgi_finished, once=True)
    thread = engine_client.started(load)
    for n in range(12):
        wait_until(lambda m=len(load.times): len(load.times) > m + 50, "answers")
        os.rename(audit, f"{audit}.{n}")
        if n % 4 == 3:  # a new worker opens it, while the old one still writes
            serving = worker_of(site)
            site.responder.send_signal(signal.SIGHUP)
            wait_until(lambda old=serving: worker_of(site) != old, "another worker")
        site.responder.send_signal(signal.SIGUSR1)
        wait_until(lambda: os.path.exists(audit), "the new file")
    load.stop()
    thread.join()
    same((load.lost, set(load.statuses)), ([], {200}), "answers")
    site.stop()
    files = [audit, *(f"{audit}.{n}" for n in range(12))]
    same(len(allowed(*files)), load.statuses[200], "records")
    expect(sum(bool(allowed(path)) for path in files) > 10, "it was hardly rotated")


def test_health_and_metrics(w):
    site, keys, _ = backend(w, AUDIT_FILE="/dev/full")
    same(site.ask("GET", "/livez").json(), {"status": "ok"}, "alive")
    same(site.ask("GET", "/readyz").json(), {"status": "ready", "mode": "on"}, "ready")
    unknown(site.ask("GET", "/metrics"), "no credentials")
    rk.fails(token(site, {"channel": "room", "uid": 1}, keys["web"]), 503, "audit_unavailable")
    answer = site.ask("GET", "/readyz?verbose")
    same((answer.status, answer.json()["status"]), (503, "not ready"), "without records")
    same([c["name"] for c in answer.json()["checks"] if c["status"] != "ok"], ["records"],
         "what failed")
    site.stop()
    site = rk.Site(w.run, w.build, rk.settings_for(w.sim))
    same(site.ask("GET", "/readyz").json(), {"status": "ready", "mode": "open"}, "open")
    same(token(site, {"channel": "room", "uid": 1}).status, 200, "a token")
    answer = site.send("GET", "/metrics")
    same((answer.status, answer.header("Content-Type")),
         (200, "text/plain; version=0.0.4; charset=utf-8"), "metrics")
    lines = answer.body.decode().splitlines()
    for line in ("agora_open_mode 1",
                 'agora_tokens_issued_total{project="default",service="rtc",role="subscriber"} 1',
                 'agora_http_requests_total{route="/readyz",method="GET",code="200"} 1'):
        expect(line in lines, f"no {line} in {lines}")
    site.stop()


def test_metrics_have_nothing_of_clients(w):
    """What they choose would make labels without end, and tell who talks where."""
    key = ak.EcKey(w.run.directory(), "odd-kid")
    policy = {
        "callers": {"app": {"type": "jwt", "keys": "file:app.pem", "algorithms": "ES256",
                            "issuer": ak.ISSUER, "audience": ak.AUDIENCE}},
        "grants": [{"name": "users", "from": "app", "services": ["rtc", "rtm", "chat"],
                    "channels": "odd-*", "uid": "any", "rate": "6/day",
                    "actions": ["token.issue", "recording.*", "metrics.read"]}]}
    site = ak.Guarded(w.run, w.build, policy, rk.settings_for(w.sim), {"app.pem": key.pem()})
    user = ak.bearer(ak.jwt(key, sub="odd-sub", email="odd@claim.example"))
    statuses = [token(site, body, *user).status for body in (
        {"channel": "odd-room", "uid": "71043"}, {"channel": "hall-odd", "uid": "71043"},
        {"tokenType": "rtm", "uid": "odd-uid"}, {"channel": "odd-room", "account": "odd-account"},
        {"channel": "odd-room", "uid": "71043", "role": "odd-role"})]
    statuses += [site.send("GET", target, [*user, ("User-Agent", "odd-agent")]).status for target in (
        "/rtc/odd-room/publisher/userAccount/odd-account", "/chat/account/odd-account", "/odd-path")]
    statuses += [site.send("ODD", "/ping").status,
                 token(site, {"channel": "odd-room", "uid": 1}, *ak.bearer("odd-token")).status]
    job = rk.succeeds(site.ask("POST", "/cloud_recording/start", {"channelName": "odd-room"}, user))
    names = site.send("GET", "/metrics", user).body.decode()
    same(statuses, [200, 403, 200, 200, 400, 403, 200, 404, 405, 401], "statuses")
    expect('agora_tokens_issued_total{project="default",service="chat",role="none"} 1' in names, names)
    for chosen in ("odd", "ODD", "hall", "71043", job["sid"], job["resourceId"]):
        expect(chosen not in names, f"{chosen} is in {names}")
    site.stop()


def test_the_status_has_agoras_clock(w):
    site = rk.Site(w.run, w.build, rk.settings_for(w.sim) | {"CONSOLE": "local"})
    status = site.send("GET", "/status").json()
    expect("agoraAhead" not in status, f"Agora was not asked yet: {status}")
    same([s["on"] for s in status["services"]], [True] * 4, "services")
    for seconds in (0, 3600, -7200):
        date = formatdate(time.time() + seconds, usegmt=True)
        w.sim.fault("status", status=404, body='{"message":"x"}', headers={"Date": date},
                    match={"method": "GET"})
        rk.fails(site.get("/rtt/status/none"), 404, "upstream_refused")
        ahead = site.send("GET", "/status").json()["agoraAhead"]
        expect(abs(ahead - seconds) <= 3, f"ahead by {ahead}, not by {seconds}")
        lines = site.send("GET", "/metrics").body.decode()
        expect(f"\nagora_upstream_clock_ahead_seconds {ahead}\n" in lines, "the metric")
    site.stop()


def test_how_open_it_is_is_said(w):
    """At its start, in readiness, in metrics, and by --check-config."""
    text = sites.read(kit.TOP, "conf", "policies", "backend.json").replace(
        '"recording.*"', '"recording.*", "metrics.read"').replace('"recorder"', '"all"').replace(
        '"all": { "type": "apikey"', '"all": { "type": "anonymous"')
    text = re.sub(r',\s*"sha256": "1+"', "", text)
    shadow = text.replace("{", '{ "enforce": "log",', 1)
    dead = text.replace('"from": "web"', '"from": "web", "when": {"a": "b"}', 1)
    expect(dead != text, "a grant from web")
    for mode, policy, says in (("open", None, "POLICY_FILE is not set: the service is open"),
                               ("log", shadow, '"enforce": "log": nothing is refused'),
                               ("on", dead, "/grants/0/when never matches"),
                               ("on", text, "")):
        settings = rk.settings_for(w.sim)
        if policy is not None:
            settings["POLICY_FILE"] = os.path.join(w.run.directory(), "policy.json")
            sites.write(settings["POLICY_FILE"], policy)
        site = rk.Site(w.run, w.build, settings)
        same(site.ask("GET", "/readyz").json()["mode"], mode, "readiness")
        same(site.ask("GET", "/me").json()["mode"], mode, "/me")
        lines = site.send("GET", "/metrics").body.decode().splitlines()
        expect(f"agora_open_mode {int(mode != 'on')}" in lines, f"metrics of mode {mode}")
        checked = subprocess.run(
            [sites.responder_path(w.build), "--check-config"], capture_output=True, text=True,
            check=True, env=sites.environment(sites.SETTINGS["list"] | settings))
        for log in (checked.stderr, site.responder_log()):
            warnings = [line for line in log.splitlines() if " warning " in line]
            same(len(warnings), int(says != ""), f"warnings in {log}")
            expect(says in log, f"{says} in {log}")
        site.stop()


def test_me_is_no_action_of_the_policys(w):
    site, _, audit = backend(w, AUDIT_FORMAT="json")
    unknown(site.ask("GET", "/me", headers=[("X-API-Key", "ak_web_x")]), "not known")
    site.stop()
    (record,) = [json.loads(line) for line in sites.read(audit).splitlines()]
    same((record["verdict"], record["status"], record.get("action")), ("deny", 401, None), "record")


def refusals(audit):
    records = [json.loads(line) for line in sites.read(audit).splitlines()]
    return [(r["status"], r["reason"]) for r in records if r["verdict"] == "deny"]


def test_rates_by_address(w):
    site, keys, audit = backend(w, FAILURE_RATE="3/min", AUDIT_FORMAT="json")
    good = {"channel": "room", "uid": 1}
    for _ in range(3):
        unknown(token(site, good, ("X-API-Key", "ak_web_x")), "not known")
    rk.fails(token(site, good, ("X-API-Key", "ak_web_x")), 429, "rate_limited",
             says="wrong credentials")
    same(token(site, good, keys["web"]).status, 200, "a good key from the same address")
    rk.fails(token(site, good, ("X-API-Key", "ak_web_x")), 429, "rate_limited")
    site.stop()
    same(refusals(audit), [(401, "the API key is not known here")] * 3 +
         [(429, "too many wrong credentials from this address")] * 2, "records")
    site, bearer = classroom(w, FAILURE_RATE="3/min")
    good_one = bearer("student")
    for _ in range(3):
        unknown(token(site, {"channel": "class-7"}, bearer("student", iss="https://evil/")), "")
    rk.fails(token(site, {"channel": "class-7"}, good_one), 429, "rate_limited",
             says="wrong credentials")  # it is not verified
    same(site.ask("GET", "/ping", headers=[good_one]).status, 200, "where nobody is asked for")
    site.stop()
    site, keys, audit = backend(w, ADDRESS_RATE="4/min", AUDIT_FORMAT="json")
    for n in range(6):  # what a client says of its address is not believed
        forged = [(name, f"192.0.2.{n}") for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded",
                                                      "Remote-Addr", "REMOTE_ADDR")]
        answer = site.ask("GET", "/ping", headers=forged, patient=False)
        same(answer.status, 200 if n < 4 else 429, "an address's requests")
    rk.fails(token(site, good, keys["web"]), 429, "rate_limited", says="from this address")
    site.stop()
    same(refusals(audit), [(429, "too many requests from this address")], "records")
    # What is refused before anybody is asked for counts as well.
    page = [("Origin", "https://evil.example")]
    for method, target, body, headers, status in (
            ("GET", "/nothing", None, [], 404), ("PUT", "/getToken", {}, [], 405),
            ("OPTIONS", "/getToken", None, [], 204), ("GET", "/ping", None, page, 403),
            ("GET", "/a/..%2Fb", None, [], 400), ("GET", "/livez", None, [], 200),
            ("POST", "/getToken", [], [keys["web"]], 400)):
        site = site_with(w, site.settings["POLICY_FILE"], ADDRESS_RATE="2/day",
                         CORS_ALLOW_ORIGIN="https://app.example")
        found = [site.ask(method, target, body, headers, patient=False).status for _ in range(3)]
        same(found, [status, status, 429], f"{method} {target} {headers}")
        rk.fails(token(site, good, keys["web"]), 429, "rate_limited", says="from this address")
        site.stop()


def test_hosts(w):
    """A page whose own name leads here is of the same origin: only its Host tells."""
    site = rk.Site(w.run, w.build, rk.settings_for(w.sim) | {
        "ALLOWED_HOSTS": "Tokens.Example.,*.apps.example", "CORS_ALLOW_ORIGIN": "*"})
    body = {"tokenType": "rtc", "channel": "room", "uid": "1"}
    start = {"channelName": "room"}
    upstream = rk.Upstream(w.sim)
    for host, fine in (("tokens.example", True), ("TOKENS.EXAMPLE:8080", True),
                       ("tokens.example.:1", True), ("a.apps.example", True),
                       ("a.b.Apps.example.", True), (f"127.0.0.1:{site.port}", True),
                       ("192.0.2.1", True), ("[::1]:8080", True), ("evil.example", False),
                       (f"evil.example:{site.port}", False), ("localhost", False),
                       ("apps.example", False), ("evilapps.example", False),
                       ("tokens.example.evil.example", False), ("0x7f.1", False),
                       ("2130706433", False), ("127.0.0.1.nip.example", False)):
        page = [("Host", host), ("Origin", f"http://{host}"),
                ("X-Forwarded-Host", "tokens.example"), ("Forwarded", "host=tokens.example")]
        for method, target, data, good in (
                ("POST", "/getToken", body, 200), ("GET", "/rtc/room/1/uid/1", None, 200),
                ("OPTIONS", "/getToken", None, 204), ("GET", "/ping", None, 200),
                ("GET", "/openapi.json", None, 200),
                ("GET", "/nothing", None, 404), ("PUT", "/getToken", body, 405),
                ("GET", "/livez", None, 200), ("GET", "/readyz", None, 200)):
            answer = site.ask(method, target, data, page)
            probe = target in ("/livez", "/readyz")
            same(answer.status, good if fine or probe else 421, f"{method} {target} as {host}")
            if not fine and not probe:
                rk.fails(answer, 421, "host_not_allowed")
                same(answer.header("Access-Control-Allow-Origin"), None, "who may read it")
        if not fine:
            rk.fails(site.ask("POST", "/cloud_recording/start", start, page), 421,
                     "host_not_allowed")
    upstream.nothing()
    data = b"GET /ping HTTP/1.0\r\n\r\n"
    same(site.exchange(data).status, 200, "no host, as in HTTP/1.0")
    site.stop()
    expect("ALLOWED_HOSTS" not in site.responder_log(), "no warning where it is set")
    site = rk.Site(w.run, w.build, rk.settings_for(w.sim))
    same(site.ask("POST", "/getToken", body, [("Host", "any.example")]).status, 200, "unset")
    expect("ALLOWED_HOSTS is not set: any page" in site.responder_log(), "and it is said")
    site.stop()
    for hosts, says in (("a.example,https://b.example", "entry 2, https://b.example, is a URL"),
                        ("localhost:8080", "entry 1, localhost:8080, has a port"),
                        ("*", "entry 1, *, allows every host"), ("a b", "entry 1, a b, must be"),
                        ("a,,b", "entry 2 is empty"), ("[::1", "entry 1, [::1, must be")):
        done = subprocess.run(
            [sites.responder_path(w.build), "--check-config"], capture_output=True, text=True,
            check=False, env=sites.environment({"ALLOWED_HOSTS": hosts}))
        same(done.returncode, 78, f"status with {hosts}")
        expect(f"ALLOWED_HOSTS: {says}" in done.stderr, done.stderr)


def test_a_rate_is_each_grants_and_callers_own(w):
    made = {name: new_key(w, name) for name in ("one", "two")}
    grant = {"services": "rtc", "uid": "*", "rate": "2/day"}
    path = os.path.join(w.run.directory(), "policy.json")
    sites.write(path, json.dumps({
        "callers": {name: {"type": "apikey", "sha256": digest}
                    for name, (_, digest) in made.items()},
        "grants": [{"name": "rooms", "from": list(made), "channels": "room", **grant},
                   {"name": "halls", "from": list(made), "channels": "hall", **grant}]}))
    site = site_with(w, path)
    for name, channel in (("one", "room"), ("two", "room"), ("one", "hall"), ("two", "hall")):
        found = [token(site, {"channel": channel, "uid": 1}, ("X-API-Key", made[name][0])).status
                 for _ in range(3)]
        same(found, [200, 200, 429], f"{name} in {channel}")
    site.stop()


def test_reload_of_the_policy(w):
    site, keys, audit = backend(w)
    good = {"channel": "room", "uid": 1}
    policy = site.settings["POLICY_FILE"]
    text = sites.read(policy)

    def reload(new, said):
        sites.write(policy, new)
        at = len(site.responder_log())
        site.responder.send_signal(signal.SIGHUP)
        wait_until(lambda: said in site.responder_log()[at:], said)

    same(token(site, good, keys["web"]).status, 200, "before")
    reload(text.replace('"4h"', '"4x"'), "/grants/0/ttl: must be a duration")
    reload(text.replace("recording.*", "recordin.*"),
           '/grants/1/actions: this service has no action "recordin.*"')
    same(token(site, good, keys["web"]).status, 200, "a bad policy leaves the old one")
    reload(text.replace('"channels": "*"', '"channels": "hall"'), " serves")
    wait_until(lambda: token(site, good, keys["web"]).status == 403, "the new policy")
    before = len(sites.read(audit).splitlines())
    os.rename(audit, audit + ".1")
    site.responder.send_signal(signal.SIGUSR1)
    wait_until(lambda: token(site, good | {"channel": "hall"}, keys["web"]).status == 200 and
               os.path.exists(audit) and sites.read(audit), "records in a file opened anew")
    expect(before >= 3, f"records before: {before}")
    site.stop()


def with_projects(w, projects, *keys):
    """A policy whose callers are these keys' (name, grant's members), with these projects."""
    made = {name: new_key(w, name) for name, _ in keys}
    path = os.path.join(w.run.directory(), "policy.json")
    sites.write(path, json.dumps({
        "callers": {name: {"type": "apikey", "sha256": digest}
                    for name, (_, digest) in made.items()},
        "projects": projects,
        "grants": [{"name": name, "from": name, "services": "rtc", "channels": "*", "uid": "*",
                    "actions": ["token.*", "recording.*"], **members} for name, members in keys]}))
    return path, {name: ("X-API-Key", key) for name, (key, _) in made.items()}


def test_where_there_are_no_projects(w):
    """A member of that name is nothing of ours, as it is for the peers."""
    policy, keys = with_projects(w, {}, ("web", {}))
    for site, headers in ((site_with(w, policy), [keys["web"]]),
                          (rk.Site(w.run, w.build, rk.settings_for(w.sim)), [])):
        for project in ("x", 2):
            answer = token(site, {"channel": "room", "uid": "7", "project": project}, *headers)
            same(answer.status, 200, f"status ({answer.body.decode()})")
            same(inspected(w, answer.json()["token"])["appId"], sites.APP_ID, "App ID")
        site.stop()


def test_projects(w):
    """By the request's word, where the grant allows it, or by the grant's own."""
    app, certificate = "ab" * 16, "cd" * 16
    policy, keys = with_projects(
        w, {"second": {"appId": app, "certificate": certificate},
            "third": {"appId": "ef" * 16, "certificate": "01" * 16}},
        ("any", {"project": "*"}), ("none", {}), ("fixed", {"project": "second"}))
    site = site_with(w, policy)
    good = {"channel": "room", "uid": "7"}
    second = {"APP_ID": app, "APP_CERTIFICATE": certificate}
    for name, asked, env in (("any", "second", second), ("any", None, {}), ("none", None, {}),
                             ("fixed", None, second), ("fixed", "second", second)):
        body = good if asked is None else good | {"project": asked}
        said = inspected(w, token(site, body, keys[name]).json()["token"], **env)
        same((said["valid"], said["appId"]), (True, env.get("APP_ID", sites.APP_ID)),
             f"{name} asks for {asked}")
    for name, asked in (("none", "second"), ("fixed", "third")):
        denied(token(site, good | {"project": asked}, keys[name]), "project")
    rk.fails(token(site, good | {"project": "x"}, keys["any"]), 400, "invalid_field", "project")
    rk.fails(token(site, good | {"project": 2}, keys["any"]), 400, "invalid_field", "project")
    expect(certificate not in site.responder_log(), "the log holds the certificate")
    site.stop()


def test_a_token_is_inspected_by_its_project(w):
    """That which has its App ID, where the grants allow it; of others nothing is said."""
    apps = {"second": ("ab" * 16, "cd" * 16), "third": ("ef" * 16, "01" * 16)}
    projects = {name: {"appId": app, "certificate": certificate}
                for name, (app, certificate) in apps.items()}
    policy, keys = with_projects(w, projects, ("any", {"project": "*"}), ("none", {}),
                                 ("fixed", {"project": "second"}),
                                 ("two", {"project": "second", "channels": "a"}))
    text = json.loads(sites.read(policy))
    text["grants"].append(text["grants"][-1] | {"name": "own", "channels": "b"})
    del text["grants"][-1]["project"]
    sites.write(policy, json.dumps(text))
    audit = os.path.join(w.run.directory(), "audit.log")
    site = site_with(w, policy, AUDIT_FILE=audit, AUDIT_FORMAT="json")
    made = {name: token(site, {"channel": "a", "uid": "7"} |
                        ({} if name is None else {"project": name}), keys["any"]).json()["token"]
            for name in (None, *apps)}
    for who, allowed in (("any", {None, "second", "third"}), ("none", {None}),
                         ("fixed", {"second"}), ("two", {None, "second"})):
        for name, text in made.items():
            answer = site.ask("POST", "/token/inspect", {"token": text, "channel": "a", "uid": 7},
                              [keys[who]])
            said = answer.json()
            codes = [problem["code"] for problem in said["problems"]]
            seen = (said["valid"], said["signatureValid"], codes)
            record = json.loads(sites.read(audit).splitlines()[-1])
            if name in allowed:
                same(seen, (True, True, ["subscriber_only"]), f"{who}, {name}")
                same(record.get("project"), name, f"the record of {who}, {name}")
            else:
                same(seen, (False, None, ["app_id_mismatch", "not_verified", "subscriber_only"]),
                     f"{who}, {name}")
                hidden = [app for p, (app, _) in apps.items() if p not in allowed | {name}]
                expect(not any(app in answer.body.decode() for app in hidden), answer.body)
    own = site.ask("POST", "/token/inspect", {"token": made["second"], "project": "third"},
                   [keys["any"]]).json()
    same([p["code"] for p in own["problems"]],
         ["app_id_mismatch", "not_verified", "subscriber_only"], "by its word")
    site.stop()


def test_certificates_change_without_a_cut(w):
    """The second one verifies while the first one signs: in the settings, and in a project."""
    old, new, app = "0a" * 16, "0b" * 16, "ab" * 16

    def projects(**certificates):
        return {"p": {"appId": app, **certificates}}

    policy, keys = with_projects(w, projects(certificate=old), ("web", {"project": "*"}))
    site = site_with(w, policy, APP_CERTIFICATE_SECONDARY=new)
    key, good = keys["web"], {"channel": "room", "uid": "7"}

    def inspect(text, project):
        body = {"token": text} | ({} if project is None else {"project": project})
        answer = site.ask("POST", "/token/inspect", body, [key]).json()
        return answer["signatureValid"], answer.get("certificate")

    first = token(site, good | {"project": "p"}, key).json()["token"]
    same(inspect(first, "p"), (True, None), "by the only one")
    text = json.loads(sites.read(policy))
    text["projects"] = projects(certificate=new, secondCertificate=old)
    sites.write(policy, json.dumps(text))
    site.responder.send_signal(signal.SIGHUP)

    def signed_by_new():
        made = token(site, good | {"project": "p"}, key).json()["token"]
        said = inspected(w, made, APP_ID=app, APP_CERTIFICATE=new)
        return made if said["signatureValid"] else None

    second = wait_until(signed_by_new, "tokens of the new certificate")
    same(inspect(second, "p"), (True, None), "by the first")
    same(inspect(first, "p"), (True, "secondary"), "by the second")
    same(inspect(first, None), (True, "secondary"), "of the project that has its App ID")
    by_second = subprocess.run(
        [os.path.join(w.build, "agora-token"), "issue", "--channel", "room", "--uid", "7"],
        capture_output=True, text=True, check=True,
        env=sites.environment({"APP_ID": sites.APP_ID, "APP_CERTIFICATE": new})).stdout.strip()
    same(inspect(by_second, None), (True, "secondary"), "the settings' second")
    made = token(site, good, key).json()["token"]
    same(inspected(w, made)["valid"], True, "the settings' first signs")
    site.stop()


def test_what_is_started_is_its_projects(w):
    """Agora is asked about the App ID of the project, with tokens that its certificate signed."""
    app, certificate = "ab" * 16, "cd" * 16
    policy, keys = with_projects(
        w, {"second": {"appId": app, "certificate": certificate}},
        ("web", {"project": "*", "actions": ["recording.*", "rtt.*"]}))
    site = site_with(w, policy)
    for project, env in (("second", {"APP_ID": app, "APP_CERTIFICATE": certificate}), (None, {})):
        more = {} if project is None else {"project": project}
        for target, path in (("/cloud_recording/start", rk.RECORDING), ("/rtt/start", rk.SPEECH)):
            mark = w.sim.newest()
            site.ask("POST", target, {"channelName": "room", "languages": ["en-US"]} | more
                     if target == "/rtt/start" else {"channelName": "room"} | more, [keys["web"]])
            sent = w.sim.since(mark)
            path = path.replace(sites.APP_ID, env.get("APP_ID", sites.APP_ID)) + "/"
            expect(sent and all(e["path"].startswith(path) for e in sent), f"{path}: {sent}")
        bots = sent[0]["json"]["rtcConfig"]
        for name in ("subBotToken", "pubBotToken"):
            said = inspected(w, bots[name], **env)
            same((said["valid"], said["appId"]), (True, env.get("APP_ID", sites.APP_ID)), name)
    site.stop()


def test_a_grant_for_all_channels_costs_no_call(w):
    """Where a job runs is asked of Agora only for a grant that has some channels."""
    made = {name: new_key(w, name) for name in ("all", "some")}
    path = os.path.join(w.run.directory(), "policy.json")
    sites.write(path, json.dumps({
        "callers": {name: {"type": "apikey", "sha256": digest}
                    for name, (_, digest) in made.items()},
        "grants": [{"name": name, "from": name, "actions": "recording.*", "channels": channels}
                   for name, channels in (("all", "*"), ("some", "room*"))]}))
    site = site_with(w, path)
    for name, methods in (("all", ["POST"]), ("some", ["GET", "POST"])):
        key = [("X-API-Key", made[name][0])]
        job = rk.succeeds(site.ask("POST", "/cloud_recording/start", {"channelName": "room"}, key))
        mark = w.sim.newest()
        rk.succeeds(site.ask("POST", "/cloud_recording/stop",
                             {n: job[n] for n in ("cname", "uid", "resourceId", "sid")}, key))
        same([e["method"] for e in w.sim.since(mark)], methods, f"calls to Agora for {name}")
    site.stop()


def test_me_and_the_check_of_who_asks(w):
    """All of a grant is said to the one who has it, and checked for him where nobody is named."""
    key, digest = new_key(w, "app")
    path = os.path.join(w.run.directory(), "policy.json")
    members = {"actions": ["token.issue", "policy.check"], "services": ["rtc"],
               "channels": ["room-*"], "wildcard": True, "uid": "any", "role": "publisher",
               "rate": "20/min"}
    sites.write(path, json.dumps({
        "callers": {"app": {"type": "apikey", "sha256": digest},
                    "none": {"type": "apikey", "sha256": "00" * 32}},
        "grants": [{"name": "g", "from": "app", "ttl": "30m", **members}]}))
    site = site_with(w, path)
    key = [("X-API-Key", key)]
    same(site.ask("GET", "/me", headers=key).json(), {
        "mode": "on", "caller": "app", "type": "apikey",
        "grants": [{"name": "g", "ttl": 1800, **members}]}, "/me")
    check = {"request": {"tokenType": "rtc", "channel": "room-1", "uid": "7"}}
    for more, caller, allowed in (({}, "app", True), ({"caller": "app"}, "app", True),
                                  ({"caller": "none"}, "none", False)):
        said = site.ask("POST", "/policy/check", check | more, key).json()
        same((said["caller"], said["allowed"]), (caller, allowed), f"the verdict {said}")
    site.stop()


def test_a_project_may_have_a_customer_of_its_own(w):
    """Agora is asked with its id and secret, and with the settings' where it has none."""
    ids = {"appId": sites.APP_ID, "certificate": rk.CERTIFICATE}
    policy, keys = with_projects(w, {
        "own": ids | {"customerId": rk.CUSTOMER_ID, "customerSecret": rk.CUSTOMER_SECRET},
        "none": ids}, ("web", {"project": "*"}))
    site = site_with(w, policy, CUSTOMER_ID="another", CUSTOMER_SECRET="another-secret-of-ours")
    start = {"channelName": "customers"}
    for project in ("none", None):
        body = start if project is None else start | {"project": project}
        answer = site.ask("POST", "/cloud_recording/start", body, [keys["web"]])
        error = rk.fails(answer, 502, "upstream_auth")
        same(error["upstream"]["status"], 401, f"Agora's word ({error})")
    job = rk.succeeds(site.ask("POST", "/cloud_recording/start", start | {"project": "own"},
                               [keys["web"]]))
    stop = {n: job[n] for n in ("cname", "uid", "resourceId", "sid")}
    rk.succeeds(site.ask("POST", "/cloud_recording/stop", stop | {"project": "own"}, [keys["web"]]))
    site.stop()
