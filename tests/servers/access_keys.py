"""Keys of JWT callers that come from an address, fetched from a server of our own."""

import functools
import hashlib
import http.server
import json
import os
import re
import select
import ssl
import subprocess
import sys
import threading
import time

import access_kit as ak
import engine_client as client
import kit
import rest_kit as rk
import sites
from access_kit import bearer, issued, jwt, unknown
from kit import TOP, connect, expect, same, wait_until
from rest_access import new_key
from rest_kit import fails, in_threads

sys.path.append(os.path.join(TOP, "tests", "simulator"))

import certificates  # noqa: E402  (of the simulator)

URL = "https://keys.school.example/jwks.json"
KEYS_FILE = f"keys-{hashlib.sha256(URL.encode()).hexdigest()[:32]}.json"


class JwksServer:
    """Answers with its keys, and keeps the heads of what it was asked."""

    def __init__(self, directory, keys):
        self.keys, self.asked, self.answers = keys, [], threading.Event()
        self.answers.set()
        certificates.make(directory, ("DNS:keys.school.example",))
        self.ca_file = os.path.join(directory, "ca.pem")
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                owner.asked.append((self.path, dict(self.headers.items())))
                owner.answers.wait()
                body = json.dumps({"keys": [key.jwk() for key in owner.keys]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificates.pair(directory, "good"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def settings(self):
        return {"AGORA_CA_FILE": self.ca_file,
                "AGORA_CONNECT_TO": f"keys.school.example:443:127.0.0.1:{self.port}"}

    def stop(self):
        self.answers.set()
        self.server.shutdown()
        self.server.server_close()


class World:
    def __init__(self, run, build):
        self.run, self.build, self.made = run, build, []
        self.directory = run.directory()
        self.cache = run.directory()

    @functools.cached_property
    def key(self):
        return ak.EcKey(self.directory, "first")

    @functools.cached_property
    def server(self):
        return self.new_server()

    def new_server(self):
        self.made.append(JwksServer(self.run.directory(), [self.key]))
        return self.made[-1]

    def site(self, server, changes=None, files=None, **more):
        text = ak.policy_text("classroom", **{'"file:classroom.pem"': f'"{URL}"',
                                              '"rate": "20/min"': '"rate": "1000/s"'}
                              | (changes or {}))
        site = ak.Guarded(self.run, self.build, text, server.settings() | more, files)
        self.made.append(site)
        return site

    @functools.cached_property
    def cached(self):
        """A site that has fetched the keys, and kept them in a directory."""
        return self.site(self.server, KEY_CACHE=self.cache)

    def student(self, key=None, **more):
        return bearer(jwt(key or self.key, sub="alice", groups="student", **more))

    def end(self):
        for made in reversed(self.made):
            made.stop()


def test_first_token_waits_and_500_make_one_fetch(w):
    site, headers = w.cached, w.student()
    same(len(w.server.asked), 0, "fetches before the first token")

    def many():
        return [site.token(headers).status for _ in range(62)]

    issued(site, site.token(headers), "class-1", "alice")
    same(len(w.server.asked), 1, "fetches for the first token")
    found = in_threads(*[many] * 8)
    same([s for statuses in found for s in statuses], [200] * 496, "statuses")
    same(len(w.server.asked), 1, "fetches")
    path, head = w.server.asked[0]
    same(path, "/jwks.json", "path")
    expect("Authorization" not in head, "our credentials went to the keys' server")


def test_tokens_at_the_same_time_wait_for_one_fetch(w):
    server = w.new_server()
    site, headers = w.site(server), w.student()
    answers = in_threads(*[lambda: site.token(headers)] * 8)
    same([a.status for a in answers], [200] * 8, "statuses")
    same(len(server.asked), 1, "fetches")


def test_unknown_kid_makes_no_fetch_within_the_pause(w):
    site = w.cached
    site.token(w.student())
    before = len(w.server.asked)
    other = ak.EcKey(w.directory, "second")
    for kid in ("second", "third", "second"):
        unknown(site.token(w.student(other, kid=kid)))
    same(len(w.server.asked), before, "fetches within five minutes")
    w.server.keys.append(other)
    unknown(site.token(w.student(other)))
    same(len(w.server.asked), before, "fetches")
    w.server.keys.remove(other)
    issued(site, site.token(w.student()), "class-1", "alice")


def test_unknown_kid_makes_one_fetch_after_the_pause(w):
    """The cache says that the last fetch was long ago."""
    other = ak.EcKey(w.directory, "fourth")
    cache, _ = aged(w, 400)
    server = w.new_server()
    server.keys.append(other)
    site = w.site(server, KEY_CACHE=cache)
    issued(site, site.token(w.student()), "class-1", "alice")
    same(len(server.asked), 0, "fetches of what the cache has")
    issued(site, site.token(w.student(other)), "class-1", "alice")
    same(len(server.asked), 1, "fetches for the new key")
    for _ in range(3):
        unknown(site.token(w.student(other, kid="none")))
    same(len(server.asked), 1, "fetches")


def test_cgi_uses_the_cache(w):
    w.cached.token(w.student())
    before = len(w.server.asked)
    body = json.dumps({"tokenType": "rtc", "channel": "class-1"}).encode()
    settings = {"POLICY_FILE": w.cached.policy_path, "AGORA_CONNECT_TO":
                "keys.school.example:443:127.0.0.1:1", "AGORA_CA_FILE": w.server.ca_file}
    cgi = sites.Cgi(w.build, "unset", "agora.cgi")
    os.chmod(w.cached.policy_path, 0o644)
    same(cgi.send("POST", "/getToken", w.student(), body, settings=settings).status, 500,
         "a policy that everybody may read")
    expect(any("chmod o=" in line for line in cgi.log), f"the log does not say why: {cgi.log}")
    os.chmod(w.cached.policy_path, 0o640)
    good = cgi.send("POST", "/getToken", w.student(), body, settings=settings | {"KEY_CACHE": w.cache})
    same(good.status, 200, f"status ({good.body})")
    same(good.json()["uid"], "alice", "uid")
    expect(any("rates are not kept under CGI" in line for line in cgi.log), f"no word: {cgi.log}")
    for settings_of_rates, said in (({"ADDRESS_RATE": "5/s"}, True), ({"FAILURE_RATE": "5/min"}, True),
                                    ({"FAILURE_RATE": "off"}, False), ({}, False)):
        same(cgi.send("GET", "/ping", settings=settings_of_rates).status, 200, "open")
        same(any("rates are not kept under CGI" in line for line in cgi.log), said, cgi.log)
    same(len(w.server.asked), before, "fetches")
    answer = cgi.send("POST", "/getToken", w.student(), body, settings=settings)
    fails(answer, 503, "keys_unavailable")


def aged(w, seconds):
    """A copy of the cache as it was left so long ago, by us; and the file of its keys."""
    w.cached.token(w.student())
    cache, then = w.run.directory(), time.time() - seconds
    for name in os.listdir(w.cache):
        sites.write(os.path.join(cache, name), sites.read(w.cache, name))
        os.utime(os.path.join(cache, name), (then, then))
    return cache, os.path.join(cache, KEYS_FILE)


class CgiSite:
    """A program that is started once a request, with a policy whose keys are at the server's."""

    def __init__(self, w, server, program, **more):
        os.chmod(w.cached.policy_path, 0o640)
        self.build, self.cgi = w.build, sites.Cgi(w.build, "unset", program)
        self.settings = server.settings() | {"POLICY_FILE": w.cached.policy_path} | more

    def token(self, headers):
        body = json.dumps({"tokenType": "rtc", "channel": "class-1"}).encode()
        return self.cgi.send("POST", "/getToken", headers, body, settings=self.settings)

    def says(self, words):
        return any(words in line for line in self.cgi.log)


def test_cgi_keeps_the_cache_fresh(w):
    """Its answer does not wait for the keys that were no longer fresh; the next process has them."""
    for program in ("agora-fcgi", "agora.cgi"):
        cache, file = aged(w, 7200)
        tried = os.stat(file + ".tried").st_mtime
        server, other = w.new_server(), ak.EcKey(w.directory, f"new-{program}")
        server.keys.append(other)
        server.answers.clear()
        site = CgiSite(w, server, program, KEY_CACHE=cache, AGORA_FCGI=sites.responder_path(w.build))
        issued(site, site.token(w.student()), "class-1", "alice")
        wait_until(lambda: server.asked, "the fetch")
        expect(os.stat(file + ".tried").st_mtime > tried, "the fetch is not noted")
        issued(site, site.token(w.student()), "class-1", "alice")
        server.answers.set()
        wait_until(lambda: other.kid in sites.read(file), "the new keys in the cache")
        issued(site, site.token(w.student(other)), "class-1", "alice")
        same(len(server.asked), 1, "fetches")


def test_cgi_keeps_the_cache_fresh_where_its_answer_ends_it(w):
    """lighttpd kills a program as soon as it has the whole answer."""
    cache, file = aged(w, 7200)
    server, other = w.new_server(), ak.EcKey(w.directory, "killed")
    server.keys.append(other)
    site = CgiSite(w, server, "agora-fcgi", KEY_CACHE=cache)
    env = sites.environment(site.settings) | {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET",
                                              "REQUEST_URI": "/me"}
    for name, value in w.student():
        env[f"HTTP_{name.upper()}"] = value
    with sites.held_answer(sites.responder_path(w.build), env) as (process, answer):
        process.terminate()
        while os.read(answer, 65536):
            pass
        same(process.wait(kit.DEADLINE), 0, "exit status")
    wait_until(lambda: other.kid in sites.read(file), "the new keys in the cache")


def test_what_cgi_could_not_fetch_is_in_its_log_file(w):
    cache, _ = aged(w, 7200)
    log, server = os.path.join(w.run.directory(), "log"), w.new_server()
    server.keys = []
    site = CgiSite(w, server, "agora-fcgi", KEY_CACHE=cache, LOG_FILE=log)
    answer = site.token(w.student())
    issued(site, answer, "class-1", "alice")
    wait_until(lambda: "keys of caller " in sites.read(log), "why there are no new keys")
    same(set(ids_in(sites.read(log), "text")), {answer.header("X-Request-ID")}, "ids")


def test_agora_cgi_hands_over_what_wants_keys(w):
    server, cache, other = w.new_server(), w.run.directory(), ak.EcKey(w.directory, "late")
    site = CgiSite(w, server, "agora.cgi", KEY_CACHE=cache)
    fails(site.token(w.student()), 503, "keys_unavailable")
    expect(site.says("AGORA_FCGI: "), f"the log does not say what to do: {site.cgi.log}")
    for headers in ([], bearer("eyJ"), bearer("ak_app_" + "x" * 43)):
        fails(site.token(headers), 401, "unauthenticated")
        expect(not site.says("AGORA_FCGI: "), f"nothing is wanted: {site.cgi.log}")
    same(os.listdir(cache), [], "noted in the cache")

    site.settings["AGORA_FCGI"] = sites.responder_path(w.build)
    issued(site, site.token(w.student()), "class-1", "alice")
    same(len(server.asked), 1, "fetches")
    site.settings["AGORA_FCGI"] = "/nowhere/agora-fcgi"
    issued(site, site.token(w.student()), "class-1", "alice")
    unknown(site.token(w.student(other)))
    expect(not site.says("AGORA_FCGI: "), f"handed over, though it has fresh keys: {site.cgi.log}")

    server.keys.append(other)
    cache, file = aged(w, 400)
    site.settings |= {"KEY_CACHE": cache, "AGORA_FCGI": sites.responder_path(w.build)}
    issued(site, site.token(w.student(other)), "class-1", "alice")
    same(len(server.asked), 2, "fetches for the new key")
    expect(other.kid in sites.read(file), "the new key is not in the cache")


def test_agora_cgi_says_at_its_check_that_it_fetches_no_keys(w):
    path = os.path.join(w.build, "agora.cgi")
    os.chmod(w.cached.policy_path, 0o640)
    for more, said in (({}, True), ({"AGORA_FCGI": sites.responder_path(w.build)}, False)):
        env = sites.environment({"POLICY_FILE": w.cached.policy_path} | more)
        done = subprocess.run([path, "--check-config"], env=env, capture_output=True, text=True,
                              check=True)
        same("AGORA_FCGI: " in done.stderr, said, done.stderr)


def test_cached_keys_of_others_are_not_used(w):
    """Whoever could write them could make tokens."""
    for mode, owner, trusted in ((0o600, 0, True), (0o644, 0, True), (0o620, 0, False),
                                 (0o602, 0, False), (0o600, 65534, False)):
        if owner != 0 and os.geteuid() != 0:
            continue
        cache, file = aged(w, 5)
        os.chmod(file, mode)
        os.chown(file, owner or -1, -1)
        site = CgiSite(w, w.server, "agora.cgi", KEY_CACHE=cache)
        answer = site.token(w.student())
        same(answer.status, 200 if trusted else 503, f"status with mode {mode:04o} of {owner}")
        same(site.says(f"KEY_CACHE: {file}: "), not trusted, f"the log: {site.cgi.log}")


def test_another_callers_key_does_not_hide_the_one_to_fetch(w):
    """A PEM has no kid, so a token of anyone's is tried with it, and does not fit."""
    other = """"callers": {
    "other": {"type": "jwt", "keys": "file:other.pem", "algorithms": "ES256",
              "issuer": "https://other.example/", "audience": []},"""
    server = w.new_server()
    site = w.site(server, {'"callers": {': other},
                  {"other.pem": ak.EcKey(w.directory, "other").pem()})
    issued(site, site.token(w.student()), "class-1", "alice")
    same(len(server.asked), 1, "fetches")


def test_without_keys_they_are_fetched_again_soon(w):
    """As after a fetch that failed: the next one is 10 seconds later, not five minutes."""
    name = KEYS_FILE + ".tried"
    for age, status, fetches in ((5, 503, 0), (15, 200, 1)):
        server, cache = w.new_server(), w.run.directory()
        sites.write(os.path.join(cache, name), "")
        then = time.time() - age
        os.utime(os.path.join(cache, name), (then, then))
        site = w.site(server, KEY_CACHE=cache)
        same(site.token(w.student()).status, status, f"status {age} s after the last fetch")
        same(len(server.asked), fetches, "fetches")


UNCHECKED = ("deny", 503, "the keys that credentials are checked with cannot be had", "token.issue")
CROWDED = ("deny", 503, "too many requests wait for keys", "token.issue")


def denials(site):
    records = [json.loads(line) for line in sites.read(site.audit_path).splitlines()]
    return [(r["verdict"], r["status"], r["reason"], r["action"]) for r in records
            if r["verdict"] == "deny"]


def no_keys(site, answer, count, record=UNCHECKED):
    """503 that may be tried again, and the record of each so far."""
    fails(answer, 503, "keys_unavailable")
    expect(int(answer.header("Retry-After")) >= 1, "Retry-After")
    same(denials(site), [record] * count, "records")


def test_ten_of_an_address_wait_for_keys_and_no_more(w):
    """However small MAX_WAITING is: they have places of their own."""
    server = w.new_server()
    site, refused = w.site(server, MAX_WAITING="1"), []
    server.answers.clear()

    def one():
        answer = site.token(w.student())
        if answer.status == 503:
            refused.append(answer)
            if len(refused) == 2:
                server.answers.set()
        return answer

    answers = in_threads(*[one] * 12)
    same(sorted(a.status for a in answers), [200] * 10 + [503] * 2, "statuses")
    for answer in refused:
        fails(answer, 503, "keys_unavailable")
        expect(int(answer.header("Retry-After")) >= 1, "Retry-After")
    same(denials(site), [CROWDED] * 2, "records of refusals")
    same(len(server.asked), 1, "fetches")
    issued(site, site.token(w.student()), "class-1", "alice")


def test_in_a_crowd_nobody_waits_for_keys(w):
    """All that MAX_WAITING allows wait for Agora."""
    server, sim = w.new_server(), rk.Simulator(w.run)
    key, changes = with_api_key(w)
    site = w.site(server, changes, MAX_WAITING="1", **rk.settings_for(sim))
    sim.fault("hang", match={"path": "/query$"})
    with client.Client(site.socket) as waiter:
        waiter.send(client.get("/cloud_recording/status?resourceId=r&sid=s", HTTP_X_API_KEY=key))
        wait_until(lambda: sim.control("GET", "state")["inFlight"] == 1, "the call to Agora")
        for n in (1, 2):
            no_keys(site, site.token(w.student()), n, CROWDED)
        same(len(server.asked), 0, "fetches")
    wait_until(lambda: sim.control("GET", "state")["inFlight"] == 0, "the call to be given up")
    issued(site, site.token(w.student()), "class-1", "alice")
    same(len(server.asked), 1, "fetches")


def test_what_is_no_token_fetches_no_keys(w):
    server = w.new_server()
    site = w.site(server)
    for text in ("eyJ", "a.b.c", "a." + "x" * 6000 + ".c"):
        unknown(site.token(bearer(text)))
    unknown(site.token(bearer(jwt(w.key, algorithm="HS256", sub="alice"))))
    same(len(server.asked), 0, "fetches")


def test_shadow_refuses_nobody_for_missing_keys(w):
    server = w.new_server()
    site = w.site(server, {'{\n  "callers"': '{\n  "enforce": "log",\n  "callers"'},
                  FAILURE_RATE="1/min")
    server.stop()
    w.made.remove(server)
    for headers in (w.student(), bearer("eyJ"), bearer("eyJ"), bearer("eyJ")):
        same(site.token(headers, uid="bob").status, 200, "nothing is refused")


FORGED = "Bearer " + ".".join(ak.base64url(part) for part in (
    json.dumps({"alg": "ES256", "kid": "x"}).encode(),
    json.dumps({"iss": ak.ISSUER, "aud": ak.AUDIENCE, "exp": 9999999999, "sub": "a"}).encode(),
    bytes(64)))


def with_api_key(w):
    """A key that needs none to be fetched, and what a policy has of it."""
    key, digest = new_key(w, "key")
    return key, {
        '"callers": {': '"callers": { "key": { "type": "apikey", "sha256": "' + digest + '" },',
        '"grants": [': '"grants": [ { "name": "key", "from": "key", "services": "rtc", '
                       '"channels": "*", "uid": "*", "ttl": "30m", '
                       '"actions": ["token.issue", "recording.*"] },'}


def forged_from(n):
    return client.begin(keep=False) + client.stream(client.PARAMS, client.params_for(
        "/cloud_recording/start", "POST", b"{}", REMOTE_ADDR=f"192.0.2.{n}",
        HTTP_AUTHORIZATION=FORGED)) + client.stream(client.STDIN, b"{}")


def test_forged_tokens_hold_up_nobody(w):
    """The keys' server hangs, and many tokens that nobody can verify come from 30 addresses: few wait,
    and an API key is served all the while."""
    server = w.new_server()
    server.answers.clear()
    key, changes = with_api_key(w)
    site = w.site(server, changes, MAX_WAITING="40", FAILURE_RATE="5/day")
    clients = [client.Client(site.socket) for _ in range(300)]
    for n, one in enumerate(clients):
        one.send(forged_from(n % 30))

    def waiting():
        return [n for n, one in enumerate(clients) if not select.select([one.sock], [], [], 0)[0]]

    wait_until(lambda: len(waiting()) <= 100, "answers to all but 100")
    held = waiting()
    expect(held, "nobody waits for the keys")
    for address in range(30):  # it has no more than its failures
        expect(len([n for n in held if n % 30 == address]) <= 5, f"{address} in {held}")
    good = [("X-API-Key", key)]
    issued(site, site.token(good, uid="7"), "class-1", "7")
    answer = site.ask("POST", "/cloud_recording/start", {"channelName": "class-1"}, good)
    same(answer.json()["code"], "not_configured", "the code of a start, which may wait")
    expect("requests wait for keys" in site.responder_log(), "the log says so")
    server.answers.set()
    for n in held:
        expect(clients[n].sock.recv(200).find(b"Status: 401") > 0, "in the end it is known")
    for one in clients:
        one.close()


def test_good_tokens_that_waited_cost_nothing(w):
    server = w.new_server()
    site, headers = w.site(server, FAILURE_RATE="3/day"), w.student()
    server.answers.clear()

    def answer_when_asked():
        wait_until(lambda: server.asked, "the fetch")
        server.answers.set()

    answers = in_threads(answer_when_asked, *[lambda: site.token(headers)] * 3)
    same([a.status for a in answers[1:]], [200] * 3, "statuses")
    for _ in range(3):
        unknown(site.token(bearer(jwt(w.key, sub="a", iss="https://evil/"))))
    fails(site.token(headers), 429, "rate_limited", says="wrong credentials")


def test_server_that_is_down(w):
    server = w.new_server()
    site = w.site(server)
    server.stop()
    w.made.remove(server)
    for n in (1, 2):
        no_keys(site, site.token(w.student()), n)
    unknown(site.token([]), invalid=False)


def ids_in(text, log_format):
    """The ids of its lines, in each format of the log."""
    if log_format == "json":
        return [json.loads(line).get("id") for line in text.splitlines()]
    return [found and found.group(1) for found in
            (re.search(r' id="?([^ "]+)', line) for line in text.splitlines())]


def test_each_line_of_a_request_has_its_id(w):
    """Before it waits, while nothing of it runs, and when it goes on: warnings of its keys' fetch,
    its record, and the line of each request."""
    for log_format in ("text", "logfmt", "json"):
        cache, server = w.run.directory(), w.new_server()
        site = w.site(server, KEY_CACHE=cache, AUDIT_FILE="", LOG_FORMAT=log_format,
                      LOG_LEVEL="debug")
        os.rmdir(cache)
        wanted = {
            "good": (w.student(), "class-1", 200,
                     ["KEY_CACHE: .*\\.tried: ", "KEY_CACHE: ", "allow", "/getToken"]),
            "not-granted": (w.student(), "hall", 403, ["deny", "/getToken"]),
            "nobody": ([], "class-1", 401, ["deny", "/getToken"]),
        }
        for name, (headers, channel, status, says) in wanted.items():
            check_lines(site, name, log_format, headers, channel, status, says)
        site.stop()
    site = w.site(server, AUDIT_FILE="", LOG_FORMAT="text")
    server.stop()
    w.made.remove(server)
    check_lines(site, "no-keys", "text", w.student(), "class-1", 503,
                ["keys of caller ", "deny", "/getToken"])
    site.stop()


def test_a_failed_fetch_is_said_of_a_request_whose_client_has_gone(w):
    server = w.new_server()
    server.answers.clear()
    server.keys = []
    site = w.site(server, AUDIT_FILE="")
    ask = site.request("POST", "/getToken", [*w.student(), ("X-Request-ID", "gone")],
                       b'{"tokenType":"rtc","channel":"class-1"}')
    with connect(site.port) as client:
        client.sendall(ask)
        wait_until(lambda: server.asked, "the fetch")
    wait_until(lambda: " id=gone method=POST " in site.responder_log(), "its line")
    server.answers.set()
    wait_until(lambda: "keys of caller " in site.responder_log(), "why there are no keys")
    lines = [line for line in site.responder_log().splitlines() if "keys of caller " in line]
    same(ids_in("\n".join(lines), "text"), ["gone"], f"ids of {lines}")
    site.stop()


def check_lines(site, name, log_format, headers, channel, status, says):
    before = len(site.responder_log())
    answer = site.token([*headers, ("X-Request-ID", name)], channel)
    same(answer.status, status, f"status of {name} ({answer.body})")
    wait_until(lambda: re.search(says[-1], site.responder_log()[before:]), "its last line")
    text = site.responder_log()[before:]
    same(ids_in(text, log_format), [name] * len(says), f"ids of the lines {text}")
    for line, part in zip(text.splitlines(), says):
        expect(re.search(part, line), f"no {part} in {line}")
