"""The other ways to run it: plain CGI, agora.cgi, and a build without libcurl."""

import os
import subprocess
import time

import kit
import rest_kit as rk
import sites
import tokens
from kit import Skip, expect, same
from rest_failures import KINDS, PUSH, RECORDING
from rest_kit import HASTY, fails, succeeds
from rest_routes import FEATURES, ids_of

TOKEN = b'{"tokenType":"rtm","uid":"u"}'


class Cgi(sites.Cgi):
    """agora-fcgi, or another program in its place, started once a request."""

    def __init__(self, w, settings, program=None):
        self.directory = w.build
        if program:
            self.directory = w.run.directory()
            os.symlink(program, os.path.join(self.directory, "agora-fcgi"))
        super().__init__(self.directory, "unset")
        self.settings = settings

    def ask(self, method, target, body=None, **more):
        data = b"" if body is None else body if isinstance(body, bytes) else rk.json.dumps(body).encode()
        headers = [("X-Request-ID", f"cgi-{time.monotonic_ns()}")]
        answer = self.send(method, target, headers, data, settings=self.settings, **more)
        same(answer.header("X-Request-ID"), headers[0][1], "X-Request-ID")
        rk.no_secrets("\n".join(self.log), "the log")
        if answer.status >= 400:
            rk.no_secrets(answer.body.decode(), "the error")
        return answer

    def post(self, target, body, **more):
        return self.ask("POST", target, body, **more)


def serves_everything(w, cgi):
    upstream = rk.Upstream(w.sim)
    for kind in KINDS:
        job = succeeds(kind.start(cgi))
        expect(kind.id_of(job), job)
        line = cgi.log[-1]
        expect(f" route={kind.target} status=200 " in line and len(cgi.log) == 1, cgi.log)
        if kind is RECORDING:
            target = f"/cloud_recording/status?resourceId={job['resourceId']}&sid={job['sid']}"
            succeeds(cgi.ask("GET", target))
            succeeds(cgi.post("/cloud_recording/stop", ids_of(job)))
    for entry in upstream.entries():
        same(entry["violations"], [], "violations")
    fails(cgi.ask("GET", "/rtt/status/none"), 404, "upstream_refused")
    fails(cgi.post("/rtmp/push/start", {}), 400, "missing_field", "rtcChannel")
    tokens.check(w.build, cgi.post("/getToken", TOKEN).json()["token"], tokens.rtm("u"))


def test_agora_fcgi_as_cgi(w):
    serves_everything(w, Cgi(w, rk.settings_for(w.sim)))


def test_failures_as_cgi(w):
    cgi = Cgi(w, rk.settings_for(w.sim) | HASTY)
    w.sim.fault("drop_after", match=PUSH.match)
    succeeds(PUSH.start(cgi))
    w.sim.fault("hang", times=None, match=PUSH.match)
    began = time.monotonic()
    fails(PUSH.start(cgi), 504, "unknown_outcome", known=PUSH.known)
    expect(time.monotonic() - began < 5, f"answered after {time.monotonic() - began:.1f} s")
    w.sim.no_faults()
    w.sim.fault("status", times=1, match={"path": "/agents$"}, status=503)
    succeeds(cgi.ask("GET", "/rtt/list"))
    upstream = rk.Upstream(w.sim)
    lacking = Cgi(w, {k: v for k, v in rk.settings_for(w.sim).items() if k != "AGORA_RTT_URL"})
    fails(lacking.ask("GET", "/rtt/list"), 501, "not_configured", says="AGORA_RTT_URL")
    upstream.nothing()


def every_row(cgi, says):
    for requests in FEATURES.values():
        for request in requests:
            fails(cgi.ask(*request), 501, "not_configured", says=says)


def agora_cgi(w):
    return os.path.join(w.build, "agora.cgi")


def test_agora_cgi_alone(w):
    upstream = rk.Upstream(w.sim)
    cgi = Cgi(w, rk.settings_for(w.sim), agora_cgi(w))
    every_row(cgi, "makes no calls to Agora")
    tokens.check(w.build, cgi.post("/getToken", TOKEN).json()["token"], tokens.rtm("u"))
    upstream.nothing()


def test_agora_cgi_hands_over(w):
    settings = rk.settings_for(w.sim) | {"AGORA_FCGI": sites.responder_path(w.build)}
    cgi = Cgi(w, settings, agora_cgi(w))
    serves_everything(w, cgi)
    # A body without a length ends with the input, in the other program too.
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": None}
    succeeds(cgi.post(PUSH.target, PUSH.body, variables=chunked))
    padded = rk.json.dumps(PUSH.body).encode().ljust(65536)
    succeeds(cgi.post(PUSH.target, padded))
    fails(cgi.post(PUSH.target, padded + b" "), 413, "body_too_large")
    script = {"SCRIPT_NAME": "/cgi-bin/agora.cgi", "PATH_INFO": "/rtt/list"}
    succeeds(cgi.ask("GET", "/cgi-bin/agora.cgi/rtt/list/", variables=script))
    cgi.settings = settings | {"BASE_PATH": "/agora"}
    succeeds(cgi.ask("GET", "/agora/rtt/list"))


def test_agora_cgi_hands_over_the_body_unread(w):
    """Only what Agora is to be asked goes to the other program, and all of it."""
    directory = w.run.directory()
    script, seen = os.path.join(directory, "program"), os.path.join(directory, "seen")
    sites.write(script, f"#!/bin/sh\necho \"$# $REQUEST_URI\" >>{seen}\ncat >>{seen}\n"
                "printf 'Status: 503 Service Unavailable\\r\\nX-Request-ID: %s\\r\\n'"
                " \"$HTTP_X_REQUEST_ID\"\n"
                "printf 'Content-Type: application/json\\r\\n\\r\\n{\"error\":\"its own\",'\n"
                "printf '\"code\":\"overloaded\",\"status\":503,\"requestId\":\"%s\"}' \"$HTTP_X_REQUEST_ID\"\n")
    os.chmod(script, 0o755)
    cgi = Cgi(w, rk.settings_for(w.sim) | {"AGORA_FCGI": script}, agora_cgi(w))
    same(cgi.post("/rtmp/push/start", b"{not read here").json()["error"], "its own", "answer")
    same(sites.read(seen), "0 /rtmp/push/start\n{not read here", "what the program was given")
    tokens.check(w.build, cgi.post("/getToken", TOKEN).json()["token"], tokens.rtm("u"))
    fails(cgi.ask("GET", "/nothing"), 404, "not_found")
    fails(cgi.ask("GET", "/rtmp/push/start"), 405, "method_not_allowed")
    same(sites.read(seen).count("\n"), 1, "requests that were handed over")


def test_agora_cgi_when_there_is_nobody_to_hand_over_to(w):
    for program in ("/nowhere/agora-fcgi", w.run.directory()):
        cgi = Cgi(w, rk.settings_for(w.sim) | {"AGORA_FCGI": program}, agora_cgi(w))
        fails(cgi.ask("GET", "/rtt/list"), 501, "not_configured")
        expect(any("AGORA_FCGI" in line for line in cgi.log), f"no word of it: {cgi.log}")
        tokens.check(w.build, cgi.post("/getToken", TOKEN).json()["token"], tokens.rtm("u"))


# Without libcurl


def build_without_curl(w):
    where = os.path.join(w.build, "without-curl")
    program = os.path.join(where, "agora-fcgi")
    if not os.path.exists(program) and not w.all:
        raise Skip(f"there is no {program}; --all builds it")
    os.makedirs(where, exist_ok=True)
    log = os.path.join(where, "rest.log")
    with open(log, "wb") as out:
        for command in (f"test -e Makefile || {kit.TOP}/configure --enable-werror --without-curl",
                        "make agora-fcgi agora-token"):
            done = subprocess.run(["sh", "-c", command], cwd=where, stdout=out, stderr=out, check=False)
            expect(done.returncode == 0, f"{command} failed: {sites.read(log)[-2000:]}")
    return where


def test_without_curl(w):
    where = build_without_curl(w)
    linked = subprocess.run(["ldd", os.path.join(where, "agora-fcgi")], capture_output=True, text=True,
                            check=True).stdout
    expect("libcurl" not in linked and "libjson-c" in linked, linked)
    upstream = rk.Upstream(w.sim)
    site = rk.Site(w.run, where, rk.settings_for(w.sim))
    every_row(site, "built without them")
    tokens.check(w.build, site.post("/getToken", TOKEN).json()["token"], tokens.rtm("u"))
    site.stop()
    upstream.nothing()
