"""What only a real nginx shows: its own errors, its connections, its clients, its limits."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import kit
import tokens
from cases import ALLOW_ORIGIN, check_common, check_error
from fastcgi import CLOSES, CUTS, HANGS, RESETS, Recorder
from kit import Skip, exchange, expect, http, read_answer, request_bytes, same, wait_until
from sites import Nginx, read

BODY = b'{"tokenType":"rtc","channel":"ch","uid":"7"}'
LISTED = [("Origin", "https://a.example")]


class Load:
    """Clients that ask for tokens, each on a kept connection, until they are told to stop."""

    def __init__(self, port, clients=16):
        self.port, self.stopped = port, threading.Event()
        self.good, self.bad, self.lock = 0, [], threading.Lock()
        self.threads = [threading.Thread(target=self.client) for _ in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def client(self):
        data = request_bytes("POST", "/getToken", body=BODY, close=False)
        while not self.stopped.is_set():
            try:
                with kit.connect(self.port) as s, s.makefile("rb") as stream:
                    for _ in range(900):  # nginx ends a connection after 1000 requests
                        if self.stopped.is_set():
                            break
                        s.sendall(data)
                        answer = read_answer(stream, data)
                        same(answer.status, 200, f"status ({answer.body!r})")
                        expect(answer.json()["token"].startswith("007"), "a token")
                        with self.lock:
                            self.good += 1
            except Exception as error:
                with self.lock:
                    self.bad.append(error)
                time.sleep(0.05)

    def wait_for(self, more):
        wanted = self.good + more
        wait_until(lambda: self.good >= wanted or self.bad, "the load's answers")
        expect(not self.bad, f"{len(self.bad)} of {self.good} lost: {self.bad[:3]}")


def header_names(answer):
    return {n for n, _ in answer.headers} - {"Server", "Date", "Connection", "Content-Length"}


def own_error(answer, status, code, origin=None):
    """An error that nginx answers itself."""
    check_common(answer, answer.request_id)
    error = check_error(answer, status, code)
    same(answer.header(ALLOW_ORIGIN), origin, ALLOW_ORIGIN)
    return error


def test_413_by_nginx_and_by_us_are_the_same(run, build):
    shut = Nginx(run, build)
    changed = ("agora-location.conf", "client_max_body_size      64k", "client_max_body_size 1m")
    wide = Nginx(run, build, changes=[changed])
    for headers in ([], LISTED):
        ours = wide.send("POST", "/getToken", headers, b"x" * 65537)
        same(len(wide.access_lines(ours)), 1, "our log lines")
        theirs = shut.send("POST", "/getToken", headers, b"x" * 65537)
        errors = [own_error(a, 413, "body_too_large", headers and headers[0][1] or None)
                  for a in (ours, theirs)]
        same(errors[1].pop("error"), "the body is larger than this server takes", "nginx's words")
        same(errors[0].pop("error"), "the body is larger than 65536 bytes", "our words")
        same(errors[1] | {"requestId": 0}, errors[0] | {"requestId": 0}, "body")
        same(header_names(theirs), header_names(ours), "headers")
    refused = shut.send("POST", "/getToken", [("Origin", "https://c.example")], b"x" * 65537)
    own_error(refused, 413, "body_too_large")
    shut.stop()
    wide.stop()


def test_limits_of_the_responder_itself(run, build):
    site = Nginx(run, build, "small")
    large = site.send("GET", "/ping", [("X-Large", "x" * 6000)])
    check_common(large, "")
    check_error(large, 431, "headers_too_large")
    check_error(site.send("POST", "/getToken", body=b"x" * 1025), 413, "body_too_large")
    same(site.send("GET", "/ping", [("X-Large", "x" * 2000)]).status, 200, "status afterwards")
    site.stop()


def test_429(run, build):
    site = Nginx(
        run,
        build,
        zone="limit_req_zone $binary_remote_addr zone=agora:1m rate=1r/m;",
        changes=[("agora-location.conf", "burst=60 nodelay", "burst=2 nodelay")],
    )
    got = [site.send("GET", "/ping", LISTED) for _ in range(6)]
    same([a.status for a in got], [200] * 3 + [429] * 3, "statuses")
    own_error(got[-1], 429, "rate_limited", "https://a.example")
    same(got[-1].header("Retry-After"), "1", "Retry-After")
    own_error(site.send("POST", "/getToken", body=BODY), 429, "rate_limited")
    site.stop()


def test_502_when_the_responder_is_gone(run, build):
    site = Nginx(run, build)
    same(site.send("GET", "/ping").status, 200, "status")
    site.stop_responder()
    for method, target, body in (("GET", "/ping", b""), ("POST", "/getToken", BODY), ("GET", "/rtt/x", b"")):
        own_error(site.send(method, target, body=body), 502, "bad_gateway")
        own_error(site.send(method, target, LISTED, body), 502, "bad_gateway", "https://a.example")
        itself = f"http://127.0.0.1:{site.port}"
        own_error(site.send(method, target, [("Origin", itself)], body), 502, "bad_gateway", itself)
    for origin in ("null", "https://c.example", "http://a.example", "https://a.example.evil"):
        own_error(site.send("GET", "/ping", [("Origin", origin)]), 502, "bad_gateway")
    same(site.send("HEAD", "/ping").body, b"", "body of HEAD")
    site.responder = site.start_responder()
    same(site.send("GET", "/ping").status, 200, "status with a new responder")
    site.stop()


def test_502_and_the_origins_of_the_other_settings(run, build):
    for kind, origin, allowed in (
        ("star", "https://x.example", True),
        ("star", "null", True),
        ("below", "https://a.b.example.com", True),
        ("below", "https://evilexample.com", False),
        ("below", "https://example.com", False),
        ("below", "https://a.example.com:8443", False),
        ("null", "null", True),
        ("unset", "https://x.example", False),
    ):
        site = Nginx(run, build, kind, responder=False)
        answer = site.send("GET", "/ping", [("Origin", origin)])
        own_error(answer, 502, "bad_gateway", origin if allowed else None)
        site.stop()


def test_504_when_the_responder_hangs(run, build):
    changed = ("agora-again.conf", "fastcgi_read_timeout 15s", "fastcgi_read_timeout 300ms")
    site = Nginx(run, build, changes=[changed])
    kit.signal_group(site.responder, signal.SIGSTOP)
    own_error(site.send("GET", "/ping", LISTED), 504, "gateway_timeout", "https://a.example")
    own_error(site.send("POST", "/getToken", body=BODY), 504, "gateway_timeout")
    kit.signal_group(site.responder, signal.SIGCONT)
    same(site.send("GET", "/ping").status, 200, "status afterwards")
    site.stop()


def test_every_error_that_nginx_may_give(run, build):
    snippet = read(kit.TOP, "conf", "nginx", "agora-location.conf")
    listed = re.search(r"^error_page ([0-9 ]+?) +/", snippet, re.M)[1].split()
    gives = "".join(
        f"location = /give/{n} {{ include agora/agora-location.conf; return {n}; }}\n" for n in listed
    )
    port = kit.free_port()
    servers = f"server {{ listen 127.0.0.1:{port}; include agora/agora-server.conf;\n{gives} }}\n"
    site = Nginx(run, build, servers=servers, responder=False)
    codes = set()
    for status in listed:
        answer = http(port, "GET", f"/give/{status}", LISTED)
        check_common(answer, "")
        codes.add(check_error(answer, int(status))["code"])
        same(answer.header(ALLOW_ORIGIN), "https://a.example", ALLOW_ORIGIN)
    same(len(codes), len(listed), f"different codes of {listed}: {codes}")
    expect("error" not in codes, "a status without a code")
    same(http(port, "GET", "/give/503").header("Retry-After"), "5", "Retry-After")
    site.stop()


def test_what_nginx_refuses_itself(run, build):
    site = Nginx(run, build)
    host = f"Host: 127.0.0.1:{site.port}\r\n"
    for name, data, status, code in (
        ("no request", "BROKEN\r\n\r\n", 400, "bad_request"),
        ("no Host", "GET /ping HTTP/1.1\r\n\r\n", 400, "bad_request"),
        ("lower case", f"get /ping HTTP/1.1\r\n{host}\r\n", 400, "bad_request"),
        ("above the root", f"GET /../ping HTTP/1.1\r\n{host}\r\n", 400, "bad_request"),
        ("long path", f"GET /{'a' * 9000} HTTP/1.1\r\n{host}\r\n", 414, "uri_too_long"),
        ("large header", f"GET / HTTP/1.1\r\n{host}X: {'a' * 9000}\r\n\r\n", 431, "headers_too_large"),
        ("HTTP 2 as text", f"GET /ping HTTP/2.0\r\n{host}\r\n", 505, "http_version_not_supported"),
        ("encoding", f"POST /getToken HTTP/1.1\r\n{host}Transfer-Encoding: br\r\n\r\n", 501, "not_implemented"),
        ("chunk", f"POST /getToken HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "bad_request"),
        ("length", f"POST /getToken HTTP/1.1\r\n{host}Content-Length: x\r\n\r\n", 400, "bad_request"),
        ("TRACE", f"TRACE /ping HTTP/1.1\r\n{host}\r\n", 405, "method_not_allowed"),
        ("the error page", f"GET /.agora-error HTTP/1.1\r\n{host}\r\n", 404, "not_found"),
    ):
        try:
            answer = exchange(site.port, data.encode())
            own_error(answer, status, code)
            if status == 405:
                same(answer.header("Allow"), "GET, HEAD, POST, OPTIONS", "Allow")
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
    same(site.responder_log().count("status="), 0, "requests that reached us")
    site.stop()


def test_chunked_bodies(run, build):
    site = Nginx(run, build)
    head = [("Transfer-Encoding", "chunked")]

    def chunked(body, size):
        parts = [body[i : i + size] for i in range(0, len(body), size)]
        return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"

    padded = BODY[:-1] + b',"x":"' + b"y" * (65536 - len(BODY) - 7) + b'"}'
    for body, size, status in ((BODY, 1, 200), (BODY, 999, 200), (padded, 5000, 200), (padded + b" ", 5000, 413)):
        answer = site.send("POST", "/getToken", head, chunked(body, size))
        same(answer.status, status, f"status of {len(body)} bytes")
        if status == 200:
            tokens.check(build, answer.json()["token"], tokens.rtc("ch", "7"))
        else:
            own_error(answer, 413, "body_too_large")
    site.stop()


def test_one_byte_at_a_time(run, build):
    site = Nginx(run, build)
    data = request_bytes("POST", "/getToken", body=BODY)
    with kit.connect(site.port) as s, s.makefile("rb") as stream:
        for i in range(len(data)):
            s.sendall(data[i : i + 1])
        tokens.check(build, read_answer(stream, data).json()["token"], tokens.rtc("ch", "7"))
    site.stop()


def test_kept_and_pipelined_connections(run, build):
    site = Nginx(run, build)
    ask = request_bytes("POST", "/getToken", body=BODY, close=False)
    with kit.connect(site.port) as s, s.makefile("rb") as stream:
        for count in [1] * 50 + [5] * 10:
            s.sendall(ask * count)
            for _ in range(count):
                same(read_answer(stream, ask).status, 200, "status")
    with open("/proc/net/unix") as file:
        connected = [line for line in file if site.socket in line and line.split()[5] == "03"]
    expect(1 <= len(connected) <= 2, f"{len(connected)} connections from 2 nginx workers to us")
    site.stop()


def test_200_requests_at_once(run, build):
    site = Nginx(run, build)
    sockets = [kit.connect(site.port) for _ in range(200)]
    for i, s in enumerate(sockets):
        body = b'{"tokenType":"rtc","channel":"ch","uid":%d}' % i
        ask = request_bytes("POST", "/getToken", body=body)
        s.sendall(ask)
    issued = []
    for s in sockets:
        with s, s.makefile("rb") as stream:
            answer = read_answer(stream, ask)
            same(answer.status, 200, f"status ({answer.body!r})")
            issued.append((answer.json()["token"], answer.header("X-Request-ID")))
    same(len(set(issued)), 200, "different tokens and ids")
    for i in range(0, 200, 20):
        tokens.check(build, issued[i][0], tokens.rtc("ch", str(i) if i else ""))
    for _, request_id in issued:
        wait_until(lambda one=request_id: len(site.log_lines(one)) == 1, "its log line")
    site.stop()


def test_stop_and_start_under_load_loses_nothing(run, build):
    """The socket is held, as systemd holds it: one responder ends, then the next begins."""
    site = Nginx(run, build, responder=False)
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(site.socket)
        if os.geteuid() == 0:
            os.chmod(site.socket, 0o660)
        held.listen(1024)
        site.responder = site.start_responder(stdin=held)
        with Load(site.port) as load:
            for _ in range(5):
                load.wait_for(200)
                site.stop_responder()
                site.responder = site.start_responder(stdin=held)
            load.wait_for(200)
        expect(not load.bad, f"lost: {load.bad[:3]}")
        site.stop()


def test_reload_under_load_loses_nothing(run, build):
    site = Nginx(run, build)
    with Load(site.port) as load:
        for _ in range(5):
            before = site.responder_log().count(" serves")
            load.wait_for(200)
            site.responder.send_signal(signal.SIGHUP)
            wait_until(lambda n=before: site.responder_log().count(" serves") > n, "a new worker")
        load.wait_for(200)
    expect(not load.bad, f"lost: {load.bad[:3]}")
    site.stop()


def test_what_nginx_passes_on(run, build):
    site = Nginx(run, build, responder=False)
    with Recorder(site.socket) as recorder:
        sent = [
            ("Proxy", "http://evil/"),
            ("X-Request-ID", "mine"),
            ("X_Request_ID", "forged"),
            ("Authorization", "Bearer x"),
        ]
        for target in ("/rtc//a%2Fb%20c//x/?expiry=1%2F", "/rtt/a//b?c"):
            answer = http(site.port, "POST", target, sent, b"{}")
            same(answer.status, 200, "status")
            request = recorder.requests[-1]
            for name, value in {
                "REQUEST_URI": target,
                "HTTP_X_REQUEST_ID": "mine",
                "HTTP_AUTHORIZATION": "Bearer x",
                "HTTP_HOST": f"127.0.0.1:{site.port}",
                "REQUEST_METHOD": "POST",
                "REQUEST_SCHEME": "http",
                "CONTENT_LENGTH": "2",
                "REMOTE_ADDR": "127.0.0.1",
            }.items():
                same(request.params.get(name), [value], name)
            expect("HTTP_PROXY" not in request.params, "the client's Proxy header came through")
            same(request.keep, target.startswith("/rtc"), f"kept connection for {target}")
        # What may be billed has one id, whoever made it; where that costs more than it is worth, only
        # the client's, and the responder looks whether it is well formed.
        for target, sent, makes in (("/getToken", None, False), ("/getToken", "not well formed", False),
                                    ("/rtt/start", None, True), ("/rtt/start", "not well formed", True),
                                    ("/sessions/x/stop", None, True)):
            http(site.port, "POST", target, [("X-Request-ID", sent)] if sent else [], b"{}")
            got = recorder.requests[-1].params.get("HTTP_X_REQUEST_ID", [])
            if makes:
                expect(len(got) == 1 and re.fullmatch("[0-9a-f]{32}", got[0]), f"id of {target}: {got}")
            else:
                same(got, [sent] if sent else [], f"id of {target}")
    site.stop()


def test_a_request_without_an_id_gets_one(run, build):
    """Whoever makes it, the answer has the one that the log has."""
    site = Nginx(run, build)
    ids = set()
    for method, target, body in (("GET", "/ping", b""), ("POST", "/getToken", BODY), ("POST", "/rtt/start", b"{}")):
        for sent in ([], [("X-Request-ID", "not well formed")]):
            made = http(site.port, method, target, sent, body).header("X-Request-ID")
            expect(re.fullmatch("[0-9a-f]{32}", made or ""), f"id {made!r} of {target}")
            wait_until(lambda one=made: len(site.log_lines(one)) == 1, "its log line")
            ids.add(made)
    same(len(ids), 6, "different ids")
    site.stop()


def test_tokens_are_asked_again_and_billed_calls_never(run, build):
    """As if there were two responders, of which one dies when it has acted."""
    once = [(m, p) for m, p in kit.billed(build)] + [
        ("POST", "/%72tmp/push/start"), ("POST", "/rtc/../rtmp/push/start"), ("POST", "/rtmp"),
        # Rows that may come, of which the files know nothing.
        ("POST", "/sessions/x/stop"), ("DELETE", "/agents/x"), ("POST", "/messages"), ("POST", "/x"),
        ("GET", "/rtt/list"), ("GET", "/")]
    again = [("POST", "/getToken"), ("POST", "/fetchToken/"), ("POST", "/token/getNew"),
             ("GET", "/rtc/a/1/uid/1"), ("GET", "/rtm/u"), ("GET", "/rte/a/1/uid/1"),
             ("GET", "/chat/app"), ("GET", "/ping")]
    site = Nginx(run, build, responder=False, twice=True, changes=[
        ("agora-server.conf", "fastcgi_read_timeout 40s", "fastcgi_read_timeout 300ms"),
        ("agora-again.conf", "fastcgi_read_timeout 15s", "fastcgi_read_timeout 300ms")])
    with Recorder(site.socket) as recorder:
        for how in (CLOSES, RESETS, CUTS, HANGS):
            for (method, target), attempts in ([(row, 1) for row in once] + [(row, 2) for row in again]):
                # A kept connection is what can break too: so many that both workers have one.
                for _ in range(8):
                    same(http(site.port, "GET", "/ping").status, 200, "status")
                recorder.requests.clear()
                recorder.break_next = how
                answer = http(site.port, method, target, body=BODY if method == "POST" else b"")
                what = f"{method} {target} of one that {how}"
                same(len(recorder.requests), attempts, f"attempts of {what}")
                same(answer.status, 200 if attempts == 2 else 504 if how == HANGS else 502,
                     f"status of {what}")
                if attempts == 1:
                    expect(recorder.requests[0].first, f"{target} came over a used connection")
    site.stop()


BELOW_A_PATH = tuple(("agora-server.conf", old, new) for old, new in (
    ("location /", "location /agora/"),
    ("location = /rtm", "location = /agora/rtm"),
    ("merge_slashes off;", ""),
    ("error_page 400 405 414 501 505      /.agora-error;", ""),
    ("error_page 494 =431                 /.agora-error;", ""),
    ("error_page 495 496 497 =400         /.agora-error;", ""),
))


def test_below_a_path_of_another_site(run, build):
    """As agora-server.conf tells it."""
    site = Nginx(run, build, "base", changes=BELOW_A_PATH)
    os.mkdir(os.path.join(site.directory, "html"))
    kit.write(os.path.join(site.directory, "html", "page"), "its page")
    answer = site.send("POST", "/agora/getToken/", body=BODY)
    tokens.check(build, answer.json()["token"], tokens.rtc("ch", "7"))
    own_error(site.send("POST", "/agora/getToken", body=b"x" * 65537), 413, "body_too_large")
    answer = site.send("GET", "/page")
    same((answer.status, answer.body), (200, b"its page"), "the other site's own page")
    for method, target, status in (("POST", "/page", 405), ("GET", "/ping", 404)):
        answer = site.send(method, target)
        same(answer.status, status, f"status of {method} {target}")
        expect(b'"code"' not in answer.body, f"the error is ours: {answer.body!r}")
    check_error(site.send("GET", "/agora/rtt/x"), 404, "not_found")
    site.stop()


def certificate(directory):
    if not shutil.which("openssl"):
        raise Skip("no openssl to make a certificate with")
    argv = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    argv = argv.split() + ["-subj", "/CN=tokens.example.com", "-keyout", "privkey.pem"]
    argv += ["-addext", "subjectAltName=DNS:tokens.example.com", "-out", "fullchain.pem"]
    subprocess.run(argv, cwd=directory, check=True, capture_output=True)
    return os.path.join(directory, "fullchain.pem")


class ExampleSite(Nginx):
    """conf/nginx/example-site.conf with ports, socket and certificate of the test's."""

    def config(self):
        self.plain_port = kit.free_port()
        self.certificate = certificate(self.directory)
        os.symlink(os.path.join(kit.TOP, "conf", "nginx"), os.path.join(self.directory, "agora"))
        site = read(kit.TOP, "conf", "nginx", "example-site.conf")
        for old, new in (
            ("unix:/run/agora-backend/fcgi.sock", f"unix:{self.socket}"),
            ("/etc/letsencrypt/live/tokens.example.com", self.directory),
            ("    listen [::]:80;\n", ""),
            ("    listen [::]:443 ssl http2;\n", ""),
            ("listen 80;", f"listen 127.0.0.1:{self.plain_port};"),
            ("listen 443 ", f"listen 127.0.0.1:{self.port} "),
            ("#set_real_ip_from 10.0.0.0/8", "set_real_ip_from 127.0.0.0/8"),
            ("#real_ip_", "real_ip_"),
            ("#203.0.113.5 ", "203.0.113.5 "),
            ("/usr/local/share/agora-backend/console", f"{self.directory}/console"),
        ):
            expect(old in site, f"example-site.conf has no {old!r}")
            site = site.replace(old, new)
        shutil.copytree(os.path.join(kit.TOP, "nginx", "console"), f"{self.directory}/console")
        site, lines = re.subn(r"^    #(location|    |\})", r"    \1", site, flags=re.M)
        same(lines, 8, "lines that turn the console on")
        around = read(kit.TOP, "nginx", "nginx.conf.in").partition("    upstream agora {")[0]
        return around + site + "}\n"

    def https(self, data):
        tls = ssl.create_default_context(cafile=self.certificate)
        return exchange(self.port, data, tls, "tokens.example.com")

    def https_many(self, data, count):
        """The statuses, asked on one connection."""
        tls = ssl.create_default_context(cafile=self.certificate)
        with kit.connect(self.port, tls=tls, server_name="tokens.example.com") as s:
            s.sendall(data * count)
            with s.makefile("rb") as stream:
                return [read_answer(stream, data).status for _ in range(count)]


def test_the_example_site(run, build):
    site = ExampleSite(run, build)
    name = "tokens.example.com"
    answer = exchange(site.plain_port, request_bytes("GET", "/rtm/u/?expiry=1", host=name))
    same(answer.status, 308, "status over http")
    same(answer.header("Location"), f"https://{name}/rtm/u/?expiry=1", "Location")

    itself = [("Origin", f"https://{name}"), ("X-Forwarded-For", "203.0.113.9")]
    answer = site.https(request_bytes("POST", "/getToken", itself, BODY, host=name))
    same(answer.status, 200, "status over https")
    same(answer.header(ALLOW_ORIGIN), f"https://{name}", "same origin")
    tokens.check(build, answer.json()["token"], tokens.rtc("ch", "7"))
    expect("client=203.0.113.9" in site.access_lines(answer)[0], "the real client's address")

    answer = site.https(request_bytes("GET", "/console/", host=name))
    same((answer.status, answer.header("Content-Type")), (200, "text/html; charset=utf-8"), "the console")
    expect("require-trusted-types-for 'script'" in answer.header("Content-Security-Policy"), "its policy")
    for target in ("/console/", "/console/console.js"):
        answer = site.https(request_bytes("GET", target, [("X-Forwarded-For", "203.0.113.9")], host=name))
        own_error(answer, 403, "forbidden", None)
    answer = site.https(request_bytes("GET", "/console", host=name))
    same((answer.status, answer.header("Location")), (301, "/console/"), "without its slash")

    # One address has its burst of 60 and little more; a server of the operator's has no limit.
    for address, limited in (("203.0.113.5", False), ("203.0.113.6", True)):
        asked = [("X-Forwarded-For", address)]
        statuses = site.https_many(request_bytes("GET", "/ping", asked, host=name, close=False), 200)
        same(sorted(set(statuses)), [200, 429] if limited else [200], f"statuses for {address}")

    large = request_bytes("POST", "/getToken", itself, b"x" * 65537, host=name)
    own_error(site.https(large), 413, "body_too_large", f"https://{name}")
    if shutil.which("curl"):
        argv = ["curl", "-sS", "--http2", "--cacert", site.certificate, "-w",
                " %{http_version}" + kit.CURL_SAYS]
        argv += ["--connect-to", f"::127.0.0.1:{site.port}", f"https://{name}/ping"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        same(done.stdout, '{"message":"pong"} 2', f"answer over HTTP/2 ({done.stderr})")
        kit.note_curl(done.stdout[:-2], done.stderr)
    site.stop()


def test_paths_that_nginx_and_we_might_read_differently(run, build):
    """nginx takes a location by the path without dots; what those hide reaches no row of ours."""
    site = Nginx(run, build)
    for target in ("/rtt/stop/a%2F..%2F..%2F..%2FgetToken", "/rtt/stop/..%2F../getToken", "/rtt/./start",
                   "/rtt/stop/%2e%2e%2F%2E%2E%2Frtm/x", "/getToken/../rtt/start",
                   "/getToken%2F..%2Frtmp/push/start", "/rtm/%2e%2e%2frtmp%2fpush/start"):
        answer = site.send("POST", target, body=BODY)
        same(check_error(answer, 400, "invalid_path")["error"],
             "the path must not have the segments . and ..", target)
    site.stop()
