"""`agora-token doctor` and `ping`: each fault of a socket, a web server or Agora, by itself."""

import http.server
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, nullcontext
from email.utils import formatdate

import access_kit
import engine_client
import kit
import rest_hosts
import rest_kit as rk
import rest_programs
import sites
from fastcgi import Recorder
from kit import Skip, expect, same
from rest_failures import pump

KEY_POLICY = json.dumps({
    "callers": {"key": {"type": "apikey", "sha256": "00" * 32}},
    "grants": [{"name": "g", "from": "key", "services": ["rtc", "rtm"], "channels": "room-*",
                "uid": "*", "ttl": "1h"}]})
JWT_POLICY = json.dumps({
    "callers": {"login": {"type": "jwt", "keys": "file:secret", "algorithms": "HS256",
                          "issuer": "https://id.example.com/", "audience": "us"}},
    "grants": [{"name": "g", "from": "login", "services": "rtc", "channels": "room-*",
                "ttl": "1h"}]})
LOGIN_POLICY = json.dumps({
    "callers": {"site": {"type": "frontend"}},
    "grants": [{"name": "g", "from": "site", "services": "rtc", "channels": "room-*",
                "ttl": "1h"}]})
LOCATION, SERVER, AGAIN = "agora-location.conf", "agora-server.conf", "agora-again.conf"
KEPT = "fastcgi_keep_conn on;"
PARAM = "fastcgi_param REQUEST_METHOD"


# Nobody is there: tests of other things do not ask Agora what time it is.
NO_AGORA = {"AGORA_CONNECT_TO": "api.agora.io:443:127.0.0.1:1"}


def token_program(w, *arguments, env, before=(), **more):
    done = subprocess.run([*before, os.path.join(w.build, "agora-token"), *arguments],
                          capture_output=True, text=True, check=False, timeout=120,
                          env=env if before else sites.environment(env),
                          stdin=subprocess.DEVNULL, **more)
    rk.no_secrets(done.stdout + done.stderr, "what it says")
    expect(not sites.SANITIZER.search(done.stderr), done.stderr)
    return done


def doctor(w, env, *arguments, code=None, **more):
    """Its findings; the exit code is what they mean."""
    done = token_program(w, "doctor", "--json", *arguments, env=NO_AGORA | env, **more)
    findings = json.loads(done.stdout)["findings"]
    problems = [f for f in findings if f["status"] == "problem"]
    same([f for f in findings if (f["status"] in ("ok", "skipped")) == bool(f.get("fix"))], [],
         "findings without a fix, and fixes of nothing")
    same([f for f in findings if (f["status"] == "skipped") !=
          f["message"].startswith("not checked: ")], [], "what was not checked says so")
    same(done.returncode, 1 if problems else 0, f"exit status ({findings} {done.stderr})")
    if code is not None:
        same(done.returncode, code, f"exit status ({findings})")
    return findings


def has(findings, status, what, says=""):
    """One such finding, and it says what to do where something is to be done."""
    found = [f for f in findings if (f["status"], f["what"]) == (status, what)
             and says in f["message"]]
    same(len(found), 1, f"findings {status} {what} {says!r} in {findings}")
    return found[0]


def only(findings, *allowed):
    """Nothing is a problem but these."""
    same([f for f in findings if f["status"] == "problem" and f["what"] not in allowed], [],
         "other problems")


def guarded(w, policy=KEY_POLICY, changes=(), files=None, **settings):
    os_files = {"secret": "k" * 43} | (files or {})
    site = access_kit.Guarded(w.run, w.build, policy, settings, os_files, changes)
    for name in os.listdir(site.policy_directory):
        os.chmod(os.path.join(site.policy_directory, name), 0o640)
    return site


def note_all(asked, answered):
    """The answers that came over a connection, to the requests that went."""
    requests, came = io.BytesIO(asked), io.BytesIO(answered)
    while line := requests.readline():
        length = 0
        while (header := requests.readline().lower()) not in (b"\r\n", b""):
            if header.startswith(b"content-length:"):
                length = int(header[15:])
        requests.read(length)
        kit.read_answer(came, line)


@contextmanager
def listened_to(port):
    """Another port to the same web server, whose answers are noted."""
    connections = []  # (its thread, what was asked, what was answered)

    def forward(client, asked, answered):
        with client, kit.connect(port) as server:
            back = threading.Thread(target=pump, args=(server, client, answered))
            back.start()
            pump(client, server, asked)
            back.join()

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            asked, answered = bytearray(), bytearray()
            thread = threading.Thread(target=forward, args=(client, asked, answered))
            thread.start()
            connections.append((thread, asked, answered))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    for thread, asked, answered in connections:
        thread.join()
        note_all(asked, answered)


def examined(w, site, *arguments, **more):
    """What the doctor is answered is noted: through the web server, and the same at the socket."""
    env = sites.SETTINGS[site.kind] | site.settings | more
    if site.responder is not None:
        engine_client.ask(site.socket, engine_client.get("/readyz"))
    running = site.server.poll() is None
    with listened_to(site.port) if running else nullcontext(site.port) as port:
        return doctor(w, env, "--socket", site.socket, "--url", f"http://127.0.0.1:{port}/", *arguments)


def test_a_sound_installation(w):
    for policy, rest in ((KEY_POLICY, {}), (JWT_POLICY, rk.settings_for(w.sim))):
        site = guarded(w, policy, **rest)
        findings = examined(w, site)
        only(findings)
        for what in ("configuration", "socket", "responder", "URL", "request id", "CORS",
                     "own pages", "Authorization", "encoded slash", "body limit", "clock, by the URL",
                     *(["Agora's account"] if rest else [])):
            has(findings, "ok", what)
        # The socket is root's, as systemd's is: it does not tell who the service is.
        has(findings, "skipped" if os.geteuid() == 0 else "ok", "AUDIT_FILE")
        expect("fix" in has(findings, "warning", "HTTPS"), findings)
        same({f["what"] for f in findings if f["status"] == "warning"} - {"Agora's hosts"},
             {"HTTPS"}, "warnings")
        site.stop()


# (what of the web server's is changed, what is said of it)
WEB = [
    ([(LOCATION, PARAM, f'fastcgi_param HTTP_X_REQUEST_ID "another"; {PARAM}')], "warning",
     "request id", "comes back as another"),
    ([(AGAIN, KEPT, KEPT + " fastcgi_hide_header X-Request-ID;")], "warning",
     "request id", "does not come back"),
    ([(LOCATION, PARAM, f'fastcgi_param HTTP_ORIGIN ""; {PARAM}')], "problem", "CORS",
     "pages of https://a.example, which CORS_ALLOW_ORIGIN allows, may not"),
    ([(AGAIN, KEPT,
       KEPT + " fastcgi_hide_header Access-Control-Allow-Origin; "
       "add_header Access-Control-Allow-Origin $http_origin always;")],
     "problem", "CORS", "pages of other sites may read"),
    ([(AGAIN, KEPT,
       KEPT + ' add_header Access-Control-Allow-Origin "https://a.example" always;')],
     "problem", "CORS", "comes 2 times"),
    ([(LOCATION, PARAM, f'fastcgi_param HTTP_AUTHORIZATION ""; {PARAM}')], "problem",
     "Authorization", "gets 401, and not agora-fcgi's word"),
    ([(LOCATION, "$scheme;", '"https";')], "warning", "own pages", "itself are refused"),
    ([(LOCATION, "$request_uri;", "$uri;")], "problem", "encoded slash", "/rtm/a%2Fb gets 404"),
    # Its own answers, in our shape and in others.
    *[([(SERVER, "location /rtm/       { include agora/agora-again.conf; }",
         f"location /rtm/ {{ return {answer}; }}")],
       "problem", "encoded slash", f"gets {answer[:3]}, and not agora-fcgi's")
      for answer in ("400", "403", '200 "{}"')],
    ([(LOCATION, "404 405 413 414", "404 405 414")], "problem", "body limit",
     "gets 413, and not as JSON"),
]


def test_faults_of_a_web_server(w):
    for changes, status, what, says in WEB:
        site = guarded(w, changes=changes)
        findings = examined(w, site)
        has(findings, status, what, says)
        only(findings, what)
        site.stop()


# (nginx's configuration, what is said of it)
CONFIGURATIONS = [
    ("worker_processes 2; http { upstream agora { server @; keepalive 256; } }", "ok", "at most 512 of"),
    ("worker_processes 4; http { upstream agora { server @; keepalive 256; } }", "warning",
     "4 workers of nginx times keepalive 256 is not below MAX_CONNECTIONS, 1024"),
    ("http { upstream agora { keepalive 1023; server @ max_fails=2; } }", "ok", "at most 1023 of"),
    ("worker_processes auto;\nhttp { upstream agora { server '@'; keepalive 1024; } }", "warning",
     f"{os.sysconf('SC_NPROCESSORS_ONLN')} workers"),
    # Of a second upstream too, and not of others.
    ("upstream a { server @; keepalive 500; } upstream b { server unix:/other; server @; keepalive 524; }"
     "upstream c { server unix:/other; keepalive 5000; } upstream d { server @; }", "warning",
     "keepalive 1024"),
    ("upstream a { server @; #keepalive 9999;\n keepalive 7; } # }", "ok", "at most 7 of"),
    ("upstream a { server unix:/other; keepalive 64; }", "skipped", "no upstream in "),
    ("upstream a { server @; }", "skipped", "no upstream in "),
    # What nginx would refuse is no harm here.
    ("upstream a { server @; keepalive 99999999999999999999; }", "skipped", "no upstream in "),
    ('upstream a { server "@', "skipped", "no upstream in "), ("", "skipped", "no upstream in "),
    ("}}}; { upstream", "skipped", "no upstream in "), ("include nginx.conf;", "skipped", "no upstream in "),
    ("a\\", "skipped", "no upstream in "), ('"', "skipped", "no upstream in "),
]


def test_connections_that_nginx_keeps(w):
    directory = w.run.directory()
    path = os.path.join(directory, "nginx.conf")
    arguments = ("--offline", "--socket", os.path.join(directory, "fcgi.sock"), "--nginx", path)
    env = sites.SETTINGS["list"]
    server = f"unix:{directory}/fcgi.sock"
    has(doctor(w, env, *arguments), "skipped", "kept connections", "No such file")
    for text, status, says in CONFIGURATIONS:
        kit.write(path, text.replace("@", server))
        has(doctor(w, env, *arguments), status, "kept connections", says)
    # As Debian has it, with the shipped site.
    os.mkdir(os.path.join(directory, "sites"))
    kit.write(path, "worker_processes 4;\nhttp {\n    include sites/*;\n    include nothing/*.conf;\n}\n")
    site = sites.read(kit.TOP, "conf", "nginx", "example-site.conf")
    kit.write(os.path.join(directory, "sites", "agora"), site.replace("unix:/run/agora-backend/fcgi.sock", server))
    found = has(doctor(w, env, *arguments), "warning", "kept connections", "4 workers of nginx times keepalive 256")
    expect("above 1024" in found["fix"], found)
    has(doctor(w, env | {"MAX_CONNECTIONS": "1025"}, *arguments), "ok", "kept connections", "at most 1024 of")
    kit.write(path, "upstream a { server 127.0.0.1:9000; keepalive 16; }")
    has(doctor(w, env, "--offline", "--socket", "127.0.0.1:9000", "--nginx", path), "ok",
        "kept connections", "at most 16 of")


def test_a_smaller_limit_than_the_settings(w):
    """The web server's is larger than MAX_BODY: then agora-fcgi refuses, and that is fine."""
    site = guarded(w, MAX_BODY="2048")
    has(examined(w, site), "ok", "body limit", "a larger one gets 401")
    site.stop()
    site = guarded(w, None, MAX_BODY="2048")
    has(examined(w, site), "ok", "body limit", "2048 bytes, arrives; a larger one gets 413 as JSON")
    # The settings that the doctor is given are not those of the service.
    has(examined(w, site, MAX_BODY="1024"), "problem", "body limit", "1025 bytes, more than")
    site.stop()


def test_a_larger_limit_than_the_web_servers(w):
    """What MAX_BODY allows has to arrive; the web server refuses it, and names no wrong number."""
    site = guarded(w, None, MAX_BODY="1048576")
    findings = examined(w, site)
    has(findings, "problem", "body limit", "a body of MAX_BODY, 1048576 bytes, gets 413")
    only(findings, "body limit")
    refused = site.ask("POST", "/getToken", b" " * 200000)
    rk.fails(refused, 413, "body_too_large", says="larger than this server takes")
    site.stop()
    wide = guarded(w, None, changes=[(LOCATION, "client_max_body_size      64k",
                                      "client_max_body_size 1m")], MAX_BODY="1048576")
    has(examined(w, wide), "ok", "body limit", "1048576 bytes, arrives")
    wide.stop()


def test_what_cannot_be_checked(w):
    for policy, says in ((None, "without a policy"), (LOGIN_POLICY, "no caller of the policy"),
                         (KEY_POLICY[:-1] + ', "enforce": "log"}', "refuses nothing")):
        site = guarded(w, policy)
        findings = examined(w, site)
        has(findings, "skipped", "Authorization", says)
        only(findings)
        site.stop()


def test_no_answer_through_the_web_server(w):
    site = guarded(w)
    site.stop_responder()
    findings = examined(w, site)
    has(findings, "problem", "URL", "answers with 502")
    has(findings, "skipped", "web server", "/ping has to answer")
    has(findings, "problem", "socket", "No such file")
    only(findings, "URL", "socket")
    site.stop()
    has(examined(w, site), "problem", "URL", "does not take connections")
    tls = w.get("area", lambda: rk.Simulator(w.run, hosts=4, tls=True))
    findings = doctor(w, {}, "--url", f"https://127.0.0.1:{tls.ports[0]}")
    has(findings, "problem", "URL", "TLS with the host failed")


@contextmanager
def web_server(body, seconds=0, status=200):
    """One of the tests' own, whose clock is that far ahead, or whose Date is that text."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def date_time_string(self, timestamp=None):
            return seconds if isinstance(seconds, str) else formatdate(
                time.time() + seconds, usegmt=True)

        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_clocks(w):
    for seconds, status, says in ((600, "problem", "behind"), (-600, "problem", "ahead"),
                                  (-20, "warning", "ahead"), (0, "ok", "agrees"),
                                  ("noon", "skipped", "does not say what time it is")):
        with web_server(b'{"message":"pong"}', seconds) as url:
            findings = doctor(w, {}, "--url", url)
            has(findings, status, "clock, by the URL", says)
            findings = doctor(w, {"AGORA_BASE_URL": url, **rk.CUSTOMER})
            has(findings, status, "clock, by Agora", says)


def test_the_clock_without_agoras_services(w):
    """The URL's clock is this machine's own most of the time: Agora's is looked at in any case."""
    sim = w.get("area", lambda: rk.Simulator(w.run, hosts=4, tls=True))
    sim.reset()
    env = {"AGORA_CONNECT_TO": f"::127.0.0.1:{sim.ports[0]}", "AGORA_CA_FILE": sim.ca_file}
    findings = doctor(w, env)
    has(findings, "ok", "clock, by Agora", "agrees")
    has(findings, "skipped", "Agora's account", "Agora's REST services are off")
    has(findings, "skipped", "web server", "give --url")
    same([e["path"] for e in sim.since(0)], ["/"], "asked of Agora")
    findings = doctor(w, {})
    has(findings, "skipped", "clock, by Agora", "https://api.agora.io: the host does not take")
    only(findings)


def test_another_site(w):
    with web_server(b"<html>It works!</html>") as url:
        has(doctor(w, {}, "--url", url), "problem", "URL", "and not as agora-fcgi does")
    with web_server(b'{"message":"pong"}') as url:
        findings = doctor(w, {}, "--url", url)
        has(findings, "problem", "body limit", "gets 200")
        has(findings, "problem", "encoded slash", "gets 200, and not agora-fcgi's")


# What nobody names, and what not everybody may read


def own_root(w, files):
    """How a program is started whose /etc and /run hold these alone."""
    top = w.run.directory()
    for name in ("etc", "run"):
        os.mkdir(os.path.join(top, name))
    for name, text in files.items():
        path = os.path.join(top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        sites.write(path, text)
        os.chmod(path, 0o640)
    before = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c",
              'mount --bind "$0/etc" /etc && mount --bind "$0/run" /run && exec "$@"', top]
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode != 0:
        raise Skip("no mount namespace can be made here")
    return before


def test_the_units_settings(w):
    name, whole = "etc/agora-backend/agora.env", f"APP_ID={sites.APP_ID}\n"
    certificate = f"APP_CERTIFICATE={sites.CERTIFICATE}\n"
    kept = {n: v for n, v in sites.environment({}).items() if not n.startswith("APP_")}

    def findings(files, **env):
        return doctor(w, kept | env, "--offline", before=own_root(w, files))

    found = findings({name: whole + certificate})
    only(found)
    has(found, "ok", "settings file", "/etc/agora-backend/agora.env")
    credential = {"run/credentials/agora-backend.service/app_certificate": sites.CERTIFICATE}
    only(findings({name: whole} | credential))
    found = findings({name: whole})
    fault = has(found, "problem", "configuration", "APP_CERTIFICATE: is required")
    expect("LoadCredential" in fault["fix"], fault)
    has(found, "skipped", "settings and policy", "cannot be read")
    # Settings in the environment are a container's, or another service's.
    found = findings({name: "x\n"}, APP_ID=sites.APP_ID, APP_CERTIFICATE=sites.CERTIFICATE)
    same([f for f in found if f["what"] == "settings file"], [], "settings file")
    only(found)
    fault = has(findings({}), "problem", "configuration", "APP_ID: is required")
    expect("--env-file" in fault["fix"], fault)


def test_as_a_user_who_may_not_look(w):
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    top = w.run.directory()
    os.chmod(top, 0o755)
    shut = os.path.join(top, "shut")
    os.mkdir(shut, 0)
    findings = doctor(w, {}, "--env-file", os.path.join(shut, "agora.env"), "--socket",
                      os.path.join(shut, "s"), **user)
    for what in ("configuration", "settings file", "socket"):
        fault = has(findings, "problem", what, "Permission denied")
        same(fault["fix"], "run the doctor as root", what)
    os.chmod(shut, 0o700)
    path = os.path.join(top, "s")
    with listener(path, b""):
        os.chmod(path, 0)
        fault = has(doctor(w, {}, "--socket", path, **user), "problem", "responder", "denied")
        same(fault["fix"], "run the doctor as root", "responder")


# The socket


def test_modes_of_the_socket(w):
    site = guarded(w)
    os.chmod(site.socket, 0o666)
    has(examined(w, site), "warning", "socket", "has mode 0666: whoever is on this machine")
    os.chmod(site.socket, 0o600)
    findings = examined(w, site)
    has(findings, "warning", "socket", "has mode 0600, and SOCKET_MODE says 0660")
    os.chmod(site.socket, 0o660)
    if os.geteuid() == 0:
        shutil.chown(site.socket, group="www-data")
        has(examined(w, site, SOCKET_GROUP="nogroup"), "problem", "socket",
            "has the group www-data, and SOCKET_GROUP says nogroup")
    site.stop()


def test_a_service_that_is_not_ready(w):
    site = guarded(w, AUDIT_FILE="/dev/full")
    same(site.ask("GET", "/rtm/ann").status, 401, "a refusal, whose record is lost")
    findings = examined(w, site)
    has(findings, "problem", "responder", "not ready: AUDIT_FILE cannot be written")
    only(findings, "responder")
    site.stop()


def test_a_reload_that_failed(w):
    site = guarded(w)
    policy = os.path.join(site.policy_directory, "policy.json")
    good = sites.read(policy)
    sites.write(policy, good + "}")
    site.responder.send_signal(signal.SIGHUP)
    kit.wait_until(lambda: "the new configuration is not used" in site.responder_log(), "the log")
    sites.write(policy, good)
    findings = examined(w, site)
    has(findings, "warning", "responder", "it is ready, but the last reload failed")
    only(findings)
    site.stop()


def test_other_settings_than_the_services(w):
    site = guarded(w)
    env = {n: v for n, v in site.settings.items() if n != "POLICY_FILE"}
    findings = doctor(w, env, "--socket", site.socket)
    has(findings, "warning", "responder", 'in mode "on", and these settings mean "open"')
    site.stop()


@contextmanager
def listener(path, answer):
    """What takes connections there and says that, or nothing; None: it closes them at once."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        os.chmod(path, 0o660)
        server.listen(8)
        kept = []

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                if answer is None:
                    connection.close()
                    continue
                connection.sendall(answer)
                kept.append(connection)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for connection in kept:
                connection.close()


def ping(w, address, **env):
    return token_program(w, "ping", "--socket", address, env=env)


def test_what_is_no_responder(w):
    for answer, says in ((b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak FastCGI"),
                         (None, "closed without an answer"), (b"", "no answer came in time"),
                         (b"\1\6\0\1\0\0", "no answer came in time"),
                         (b"\1\6\0\1\0\2\0\0ab\1\3\0\1\0\0\0\0", "no CGI response")):
        path = os.path.join(w.run.directory(), "s")
        with listener(path, answer):
            done = ping(w, path)
            same((done.returncode, done.stdout), (1, ""), f"ping ({answer})")
            expect(says in done.stderr, done.stderr)
            if answer != b"":
                findings = doctor(w, {}, "--socket", path)
                found = [f for f in findings if f["what"] == "responder"]
                same([f["status"] for f in found], ["problem"], f"{answer} {findings}")
    path = os.path.join(w.run.directory(), "s")
    with Recorder(path):  # a responder, and not ours
        os.chmod(path, 0o660)
        has(doctor(w, {}, "--socket", path), "problem", "responder", "not as agora-fcgi does")
    path = os.path.join(w.run.directory(), "s")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
        os.chmod(path, 0o660)
    findings = doctor(w, {}, "--socket", path)
    has(findings, "problem", "responder", "Connection refused")
    same(ping(w, path).returncode, 1, "ping of a dead socket")


def test_ping(w):
    site = guarded(w)
    for address in (site.socket, "unix:" + site.socket):
        done = ping(w, address)
        same((done.returncode, done.stdout, done.stderr), (0, "", ""), "ping")
    done = ping(w, site.socket, BASE_PATH="/elsewhere")
    same(done.returncode, 1, "another path")
    expect("status 404" in done.stderr, done.stderr)
    site.stop()
    same(ping(w, site.socket).returncode, 1, "ping of nobody")
    port = kit.free_port()
    log_path = os.path.join(w.run.directory(), "log")
    with open(log_path, "ab") as log:
        process = w.run.start([sites.responder_path(w.build), "--socket", f"127.0.0.1:{port}"], log,
                              sites.environment({"BASE_PATH": "/agora"}))
    kit.wait_until(lambda: " serves" in sites.read(log_path), "the responder")
    for address in (f"127.0.0.1:{port}", f"localhost:{port}"):
        same(ping(w, address, BASE_PATH="/agora").returncode, 0, f"ping {address}")
    has(doctor(w, {"BASE_PATH": "/agora"}, "--socket", f"127.0.0.1:{port}"), "ok", "responder")
    process.terminate()
    same(process.wait(kit.DEADLINE), 0, "exit status")


def test_an_address_that_others_reach(w):
    has(doctor(w, {}, "--socket", "0.0.0.0:1"), "warning", "socket", "may ask past the web server")


# Agora


def agora(w, *arguments, **changes):
    sim = w.get("area", lambda: rk.Simulator(w.run, hosts=4, tls=True))
    sim.reset()
    env = {n: v for n, v in (rest_hosts.area(sim) | changes).items() if v is not None}
    return sim, doctor(w, env, *arguments)


def test_agora(w):
    sim, findings = agora(w)
    only(findings)
    for host in rest_hosts.US:
        has(findings, "ok", "Agora's hosts", host)
    has(findings, "ok", "Agora's account")
    entries = [(e["method"], e["path"]) for e in sim.since(0) if e["path"] != "/"]
    same(entries, [("GET", f"/dev/v1/channel/{sites.APP_ID}")], "asked of Agora")


def test_faults_of_agora(w):
    _, findings = agora(w, CUSTOMER_SECRET="a-wrong-secret")
    has(findings, "problem", "Agora's account", "(401)")
    only(findings, "Agora's account")
    _, findings = agora(w, APP_ID="ab" * 16)
    has(findings, "warning", "Agora's account", "answers with 4")
    only(findings)
    closed = f"127.0.0.1:{kit.free_port()}"
    sim = w.get("area", None)
    _, findings = agora(w, AGORA_CONNECT_TO=rest_hosts.connect_to(sim, h2=closed))
    host = rest_hosts.US[2]
    has(findings, "warning", "Agora's hosts", f"https://{host}: the host does not take connections")
    only(findings)
    _, findings = agora(w, AGORA_CA_FILE=None)
    has(findings, "problem", "Agora's hosts", "none of them can be reached")
    same(sum("TLS with the host failed" in f["message"] for f in findings), 5, "TLS failures")
    findings = doctor(w, {"AGORA_BASE_URL": w.sim.url, **rk.CUSTOMER})
    has(findings, "warning", "Agora's hosts", "without TLS")
    has(findings, "ok", "Agora's account")


def test_a_projects_own_account(w):
    policy = json.loads(KEY_POLICY) | {"projects": {"two": {
        "appId": sites.APP_ID, "certificate": "ab" * 16, "customerId": "id",
        "customerSecret": "project-secret-77"}}}
    path = os.path.join(w.run.directory(), "policy.json")
    sites.write(path, json.dumps(policy))
    os.chmod(path, 0o640)
    env = rk.settings_for(w.sim) | {"POLICY_FILE": path}
    done = token_program(w, "doctor", "--json", env=env)
    expect("project-secret-77" not in done.stdout, done.stdout)
    findings = json.loads(done.stdout)["findings"]
    has(findings, "problem", "Agora's account, project two", "(401)")
    has(findings, "ok", "Agora's account")


def test_offline(w):
    upstream = rk.Upstream(w.sim)
    findings = doctor(w, rk.settings_for(w.sim), "--offline")
    same([f for f in findings if "Agora's" in f["what"]], [], "findings of Agora")
    has(findings, "skipped", "Agora", "--offline")
    upstream.nothing()


def test_without_curl(w):
    where = rest_programs.build_without_curl(w)
    if not os.path.exists(os.path.join(where, "agora-token")):
        raise Skip("it was built before it had an agora-token")
    without = w.at(None)
    without.build = where
    upstream = rk.Upstream(w.sim)
    findings = doctor(without, rk.settings_for(w.sim), "--url", "http://127.0.0.1:1")
    has(findings, "skipped", "URL", "built without libcurl")
    has(findings, "skipped", "Agora", "built without libcurl")
    only(findings)
    upstream.nothing()
