"""What a web server could change on the way, tried through every one: rows beside those of cases.py.
Where one cannot do it, its class in fronts.py has an Own, or says so."""

import functools
import os

import fronts
import kit
import sites
import tokens
from cases import ALLOW_ORIGIN, check_common, check_error, check_own
from fastcgi import CLOSES, CUTS, RESETS, Recorder
from kit import expect, read_answer, read_head, same, wait_until
from sites import ACCESS_LINE, CERTIFICATE, read, write

BODY = b'{"tokenType":"rtc","channel":"ch","uid":"7"}'
TOKEN = tokens.rtc("ch", "7")
MEBIBYTE = 1 << 20


class Row:
    """The sites of one front, each made when it is first wanted."""

    def __init__(self, run, build, front):
        self.run, self.responders, self.front = run, build, front
        self.build = sites.release()  # of the program that reads tokens
        self.site = functools.cache(lambda kind="list": self.new(kind))
        self.made = []

    def new(self, kind="list", **more):
        self.made.append(self.front(self.run, self.responders, kind, **more))
        return self.made[-1]


def where(concerns):
    """Only for those fronts."""

    def mark(test):
        test.where = lambda w: concerns(w.front)
        return test

    return mark


def issued(w, answer, services=TOKEN):
    same(answer.status, 200, f"status ({answer.body!r})")
    check_common(answer, answer.request_id)
    tokens.check(w.build, answer.json()["token"], services)


def chunked(body, size):
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def test_chunked_bodies(w):
    padded = BODY[:-1] + b',"x":"' + b"y" * (65536 - len(BODY) - 7) + b'"}'
    head = [("Transfer-Encoding", "chunked")]
    for body, size in ((BODY, 1), (BODY, 999), (padded, 5000)):
        issued(w, w.site().send("POST", "/getToken", head, chunked(body, size)))
    answer = w.site().send("POST", "/getToken", head, chunked(padded + b" ", 5000))
    check_common(answer, answer.request_id)
    check_error(answer, 413, "body_too_large")


def test_a_body_that_is_asked_for(w):
    """Expect: 100-continue."""
    site = w.site()
    expecting = [("Expect", "100-continue"), ("Content-Length", str(len(BODY)))]
    ask = site.request("POST", "/getToken", expecting)
    with kit.connect(site.port, tls=site.tls, server_name=site.server_name) as s:
        with s.makefile("rb") as stream:
            s.sendall(ask)
            same(read_head(stream).status, 100, "status before the body")
            s.sendall(BODY)
            answer = read_answer(stream, ask)
    tokens.check(w.build, answer.json()["token"], TOKEN)


def test_credentials(w):
    site = w.site("key")
    expect(site.key not in read(site.private, "policy.json"), "the key itself is in the policy")
    good = ("Authorization", f"Bearer {site.key}")
    issued(w, site.send("POST", "/getToken", [good], BODY))
    issued(w, site.send("POST", "/getToken", [("X-API-Key", site.key)], BODY))
    for headers, hint in (([], "Apache" in site.name), ([(good[0], good[1] + "x")], False)):
        answer = site.send("POST", "/getToken", headers, BODY)
        error = check_error(answer, 401, "unauthenticated")
        check_common(answer, answer.request_id)
        expect(answer.header("WWW-Authenticate").startswith("Bearer "), "WWW-Authenticate")
        same("CGIPassAuth On" in error["error"], hint, f"hint in {error['error']!r}")
    records = [line for line in read(site.audit_path).splitlines() if "action=token.issue" in line]
    same([line.split(" verdict=")[1].split()[0] for line in records], ["allow"] * 2 + ["deny"] * 2,
         f"records ({records})")
    for line in records:
        expect(" client=127.0.0.1" in line, f"the client in {line!r}")


@where(lambda front: "Apache" in front.name)
def test_without_cgipassauth_the_401_says_why(w):
    site = w.new("key", changes=[("CGIPassAuth On", "CGIPassAuth Off")])
    answer = site.send("POST", "/getToken", [("Authorization", f"Bearer {site.key}")], BODY)
    check_error(answer, 401, "unauthenticated", says="only with CGIPassAuth On")
    issued(w, site.send("POST", "/getToken", [("X-API-Key", site.key)], BODY))


def test_the_clients_address_cannot_be_forged(w):
    forged = [("X-Forwarded-For", "203.0.113.9"), ("Remote-Addr", "203.0.113.9"),
              ("X-Real-IP", "203.0.113.9"), ("Forwarded", "for=203.0.113.9")]
    line = w.site().access_lines(w.site().send("GET", "/ping", forged))[0]
    expect(ACCESS_LINE.fullmatch(line) and line.endswith(" client=127.0.0.1"), line)


def for_this_machine_alone(site, target):
    data = site.request("GET", target)
    # A process of its own for each request has nothing to count.
    counts = not isinstance(site, (fronts.ApacheCgi, fronts.ApacheHtaccess, fronts.LighttpdCgi))
    same(site.exchange(data).status, 200 if counts else 501, f"status of {target}")
    same(site.exchange(data, source="127.0.0.2").status, 403, f"status of {target} from elsewhere")


def test_metrics(w):
    for target in ("/metrics", "/metrics/", "/metrics?x", "/%6detrics"):
        for_this_machine_alone(w.site(), target)
    answer = w.site().exchange(w.site().request("GET", "/metrics%2F"), source="127.0.0.2")
    expect(answer.status in (403, 404), f"status of a slash as %2F: {answer.status}")


def test_below_a_path(w):
    changes, kind = w.front.below_a_path
    site = w.new(kind, changes=changes)
    issued(w, site.send("POST", "/agora/getToken/", body=BODY))
    check_error(site.send("GET", "/agora/rtc//2/uid/7"), 400, "missing_field", "channelName")
    check_error(site.send("GET", "/agora/nothing"), 404, "not_found")
    slash = site.send("GET", "/agora/rtc/ch/2/userAccount/a%2Fb")
    if w.front is fronts.ApacheHtaccess:
        same(slash.status, 404, "status of what the provider decides")
    else:
        check_error(slash, 400, "invalid_field", "rtcuid", says="byte 2 is '/'")
    issued(w, site.send("POST", "/agora/getToken", [("Transfer-Encoding", "chunked")], chunked(BODY, 9)))
    answer = site.send("HEAD", "/agora/ping")
    same((answer.status, answer.body), (200, b""), "HEAD")
    answer = site.send("GET", "/agora/rtc/a%20b/2/uid/7?expiry=60")
    tokens.check(w.build, answer.json()["rtcToken"], tokens.rtc("a b", "7", expire=60), 60)
    for_this_machine_alone(site, "/agora/metrics")
    for elsewhere in ("/ping", "/agoraping"):
        answer = site.exchange(kit.request_bytes("GET", elsewhere, host=site.host))
        expect(answer.status in (403, 404) and b"pong" not in answer.body, f"{elsewhere} is ours")


def test_headers_of_8_kib(w):
    site = w.site()
    large = [(f"X-Large-{n}", "x" * 8000) for n in range(2)]
    answer = site.send("GET", "/ping", large)
    same(answer.json(), {"message": "pong"}, "answer")
    check_common(answer, answer.request_id)
    answer = site.send("GET", "/ping", [("X-Large", "x" * site.oversize)])
    check_own(site.own["headers"], answer, site)
    answer = site.send("GET", "/" + "a" * site.oversize)
    check_own(site.own["path"], answer, site)


def test_kept_connections(w):
    site = w.site()
    ask = site.request("POST", "/getToken", body=BODY, close=False)
    with kit.connect(site.port, tls=site.tls, server_name=site.server_name) as s:
        with s.makefile("rb") as stream:
            for count in [1] * 10 + [5] * 2:
                s.sendall(ask * count)
                for _ in range(count):
                    answer = read_answer(stream, ask)
                    same(answer.status, 200, f"status ({answer.body!r})")
                    expect(answer.json()["token"].startswith("007"), "a token")
            for method, target, status in (("HEAD", "/ping", 200), ("GET", "/nothing", 404),
                                           ("GET", "/ping", 200)):
                ask = site.request(method, target, close=False)
                s.sendall(ask)
                same(read_answer(stream, ask).status, status, f"status of {method} {target}")


def test_unknown_methods(w):
    site = w.site()
    for method in ("FOO", "TRACE"):
        answer = site.send(method, "/ping")
        if method in site.own:
            check_own(site.own[method], answer, site)
        else:
            check_error(answer, 405, "method_not_allowed")
            same(answer.header("Allow"), "GET, HEAD, OPTIONS", "Allow")


def test_large_answers(w):
    site = w.new(program="tests/waiting")
    for n in (70000, MEBIBYTE):
        answer = site.send("GET", f"/test/big/{n}")
        same(answer.status, 200, f"status ({answer.body[:200]!r})")
        same(len(answer.json()["text"]), n, "length of the text")
    site.stop()


def test_20_requests_at_once(w):
    site, sockets = w.site(), []
    for i in range(20):
        sockets.append(kit.connect(site.port, tls=site.tls, server_name=site.server_name))
        body = b'{"tokenType":"rtc","channel":"ch","uid":%d}' % (i + 1)
        ask = site.request("POST", "/getToken", body=body)
        sockets[-1].sendall(ask)
    issued_now = set()
    for i, s in enumerate(sockets):
        with s, s.makefile("rb") as stream:
            answer = read_answer(stream, ask)
        same(answer.status, 200, f"status ({answer.body!r})")
        tokens.check(w.build, answer.json()["token"], tokens.rtc("ch", str(i + 1)))
        issued_now.add(answer.header("X-Request-ID"))
    same(len(issued_now), 20, "different ids")


@where(lambda front: not issubclass(front, fronts.Started))
def test_a_responder_that_is_gone(w):
    site = w.new()
    same(site.send("GET", "/ping").status, 200, "status")
    site.stop_responder()
    listed = [("Origin", "https://a.example")]
    for method, headers, body in (("GET", [], b""), ("POST", listed, BODY)):
        answer = site.send(method, "/getToken", headers, body)
        check_own(site.own["gone"], answer, site)
        if site.own["gone"].code:
            same(answer.header(ALLOW_ORIGIN), headers[0][1] if headers else None, ALLOW_ORIGIN)
    site.responder = site.start_responder()
    wait_until(lambda: site.send("GET", "/ping").status == 200, "a new responder to be asked", 3)
    site.stop()


@where(lambda front: not issubclass(front, fronts.Started))
def test_a_responder_that_dies_when_it_has_acted(w):
    """What may be billed is asked once, whatever becomes of the answer."""
    site = w.new(responder=False)
    with Recorder(site.socket) as recorder:
        for how in (CLOSES, RESETS, CUTS):
            for method, target in kit.billed(w.responders):
                site.send("GET", "/ping")  # a connection that could be kept
                recorder.requests.clear()
                recorder.break_next = how
                answer = site.send(method, target, body=b"{}" if method == "POST" else b"")
                what = f"{method} {target} of one that {how}"
                same([r.params["REQUEST_METHOD"] for r in recorder.requests], [[method]], f"attempts of {what}")
                expect(answer.status >= 500 or how == CUTS, f"status {answer.status} of {what}")
    site.stop()


# Started by the web server: it takes a whole request, acts, and dies.
DIES = """#!/usr/bin/python3
import os, socket
connection, data = socket.socket(fileno=0).accept()[0], b""
while not data.endswith(b"\\1\\5\\0\\1\\0\\0\\0\\0"):
    data += connection.recv(65536)
with open("@", "ab", 0) as acted:
    acted.write(b"acted\\n")
os._exit(1)
"""


@where(lambda front: front is fronts.ApacheFcgid)
def test_a_program_that_dies_when_it_has_acted(w):
    acted = os.path.join(w.run.directory(), "acted")

    class Dies(fronts.ApacheFcgid):
        def program_path(self):
            path = os.path.join(self.directory, "dies")
            write(path, DIES.replace("@", acted))
            return path

    write(acted, "")
    os.chmod(os.path.dirname(acted), 0o755)
    os.chmod(acted, 0o666)
    site = Dies(w.run, w.responders)
    w.made.append(site)
    rows = kit.billed(w.responders)
    # One of each method: Apache waits before it starts again what has died.
    for times, (method, target) in enumerate({row[0]: row for row in rows}.values(), 1):
        answer = site.send(method, target, body=b"{}" if method == "POST" else b"")
        same((read(acted).count("acted"), answer.status), (times, 500), f"{method} {target}: acted, status")
    site.stop()


@where(lambda front: front is fronts.ApacheHtaccess)
def test_a_settings_file_in_the_directory_itself(w):
    """Apache does not give it away, and agora.cgi does not use it."""
    site = w.new()
    for name in (".env", "agora.env", "policy.json", "key.pem", ".htaccess"):
        path = os.path.join(site.place, name)
        if name != ".htaccess":
            write(path, f"APP_CERTIFICATE={CERTIFICATE}\n")
            os.chmod(path, 0o644)
        answer = site.send("GET", f"/{name}")
        same(answer.status, 403, f"status of {name}")
        expect(CERTIFICATE.encode() not in answer.body, f"{name} is given away")
    same(site.send("GET", "/ping").status, 200, "status beside them")
    inside = os.path.join(site.root, "agora.env")
    os.rename(os.path.join(site.directory, "agora.env"), inside)
    check_error(site.send("GET", "/ping"), 500, "internal")
    expect(f"{inside}: lies where the web server may serve it" in site.responder_log(), "no reason")


@where(lambda front: front is fronts.ApacheHtaccess)
def test_the_program_by_its_own_name(w):
    """As in a cgi-bin, where no file may say more."""
    site = w.new(changes=[("RewriteEngine On", "RewriteEngine Off")], settings={"BASE_PATH": ""})
    issued(w, site.send("POST", "/agora.cgi/getToken", body=BODY))
    answer = site.send("GET", "/agora.cgi/rtc/a%20b/2/uid/7")
    tokens.check(w.build, answer.json()["rtcToken"], tokens.rtc("a b", "7"))
    check_error(site.send("GET", "/agora.cgi/nothing"), 404, "not_found")
