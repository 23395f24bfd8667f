"""What stands before every product: credentials, routes, bodies, limits, request ids, the log."""

import base64
import http.client
import json
import socket
from urllib.parse import urlsplit

from client import APP_ID, CUSTOMER, basic, token
from expecting import clean, expect, gives, has, noted, same

ACQUIRE = f"/v1/apps/{APP_ID}/cloud_recording/acquire"
JOIN = f"/api/speech-to-text/v1/projects/{APP_ID}/join"
PUSH = f"/na/v1/projects/{APP_ID}/rtmp-converters"
PULL = f"/eu/v1/projects/{APP_ID}/cloud-player/players"
KICK = "/dev/v1/kicking-rule"
EVERY = (ACQUIRE, JOIN, PUSH, PULL, KICK)
GOOD = {"cname": "lobby", "uid": "42", "clientRequest": {}}


def test_no_credentials(s):
    for path in (*EVERY, "/nowhere"):  # before the route is known
        gives(s.call("POST", path, {}, {"Authorization": None}), 401, {"message": "Unauthorized"})


def test_bad_credentials(s):
    good = basic().partition(" ")[2]
    for given in (
        basic((CUSTOMER[0], "wrong")),
        basic(("other", CUSTOMER[1])),
        "Basic",
        "Basic %%%",
        "Basic " + good[:-4],
        "Bearer " + good,
        "agora token=" + token("lobby", "42"),
        good,
    ):
        answer = s.call("POST", ACQUIRE, GOOD, {"Authorization": given})
        gives(answer, 401, {"message": "Invalid authentication credentials"})
    noted(s, "credentials")


def test_no_route(s):
    for method, path in (
        ("POST", "/"),
        ("POST", ACQUIRE + "/"),
        ("GET", ACQUIRE),
        ("POST", ACQUIRE.replace("acquire", "/acquire")),
        ("POST", f"/v1/apps/{APP_ID}/cloud_recording/resourceid//mode/mix/start"),
        ("POST", PUSH.replace("/na/", "/NA/")),
        ("POST", PUSH.replace("/na/", "/")),
        ("GET", PUSH),  # lists have no region
        ("DELETE", PUSH + "/"),
        ("GET", PULL + "/x"),  # players cannot be asked for one by one
    ):
        answer = s.call(method, path, {} if method == "POST" else None)
        gives(answer, 404, {"message": "no Route matched with those values"})
    noted(s, "no such route")


def test_another_app_id(s):
    other = "f" * 32
    invalid = {"message": "appid is invalid"}
    gives(s.call("POST", ACQUIRE.replace(APP_ID, other), GOOD), 400,
          {"code": 400, "reason": "invalid_appid"})
    gives(s.call("POST", ACQUIRE.replace(APP_ID, "x"), GOOD), 400, invalid)
    for path in (JOIN, PUSH, PULL):
        gives(s.call("POST", path.replace(APP_ID, other), {}), 400, invalid)


def test_media_types(s):
    plain = {"Content-Type": "text/plain"}
    gives(s.call("POST", KICK, {}, plain), 415)
    for path in EVERY[:-1]:
        gives(s.call("POST", path, {}, plain), 400)
        gives(s.call("POST", path, {}, {"Content-Type": None}), 400)
    with_charset = {"Content-Type": "application/json;charset=utf-8"}
    gives(s.call("POST", ACQUIRE, GOOD, with_charset), 200)


def test_bodies_that_are_not_json(s):
    for body in (b"", b"{", b"[]", b'"x"', b"null", b'{"a":NaN}', b'{"a":"\xff"}', b"{} x",
                 b"[" * 100000):
        for path in EVERY:
            gives(s.call("POST", path, body), 400)
    twice = json.dumps(GOOD).encode()[:-1] + b',"uid":"42"}'
    gives(s.call("POST", ACQUIRE, twice), 200)
    noted(s, "twice")


def test_unknown_fields_are_noted_or_refused(s):
    body = {**GOOD, "extra": 1, "clientRequest": {"scen": 0}}
    gives(s.call("POST", ACQUIRE, body), 200)
    noted(s, "extra: no such field")
    noted(s, "clientRequest.scen: no such field")
    s.config(strictUnknown=True)
    gives(s.call("POST", ACQUIRE, body), 400)


def test_request_ids(s):
    given = {"X-Request-ID": "abc-1"}
    same(s.call("POST", ACQUIRE, GOOD, given).header("X-Request-ID"), "abc-1", "echoed")
    same(s.call("GET", "/x", None, given).header("X-Request-ID"), "abc-1", "echoed on 404")
    expect(s.call("POST", ACQUIRE, GOOD, {"X-Request-ID": None}).header("X-Request-ID"), "made")
    s.config(requestId="rename")
    answer = s.call("POST", ACQUIRE, GOOD, given)
    same(answer.header("X-Custom-Request-ID"), "abc-1", "renamed")
    same(answer.header("X-Request-ID"), None, "renamed")
    s.config(requestId="omit")
    same(s.call("POST", ACQUIRE, GOOD, given).header("X-Request-ID"), None, "omitted")
    s.config(requestId="echo", requestIdOnErrors=False)
    same(s.call("GET", "/x", None, given).header("X-Request-ID"), None, "omitted on errors")
    same(s.call("POST", ACQUIRE, GOOD, given).header("X-Request-ID"), "abc-1", "kept")


def test_rate_limits(s):
    for _ in range(15):
        gives(s.call("POST", ACQUIRE, GOOD), 200)
    s.reset()
    s.config(rateLimits=True)
    got = [s.call("POST", ACQUIRE, GOOD) for _ in range(15)]
    same([a.status for a in got[:10]], [200] * 10, "the first ten")
    gives(got[10], 429, {"message": "API rate limit exceeded"})
    gives(s.call("POST", KICK, {}), 400)  # another product has its own
    same(s.state()["peaks"]["recording"], 15, "peak")
    update = PUSH + "/x?sequence=1"
    statuses = [s.call("PATCH", update, {"converter": {}}).status for _ in range(3)]
    same(statuses, [404, 404, 429], "updates of one converter")


def test_the_log(s):
    gives(s.call("POST", ACQUIRE + "?a=1", GOOD, {"traceparent": "00-ab"}), 200)
    (entry,) = s.log()
    for name, value in {
        "method": "POST", "path": ACQUIRE, "query": {"a": "1"}, "json": GOOD, "status": 200,
        "sent": 200, "fault": None, "worked": True, "product": "recording",
        "operation": "acquire", "violations": [], "authorization": True, "host": "h0",
    }.items():
        same(entry[name], value, name)
    same(entry["headers"]["traceparent"], "00-ab", "headers")
    same(entry["headers"]["authorization"], "Basic <redacted>", "authorization")
    secret = base64.b64encode(":".join(CUSTOMER).encode()).decode()
    expect(secret not in json.dumps(s.log()), "the credentials are in the log")
    s.call("GET", "/x")
    same(len(s.log(since=entry["n"])), 1, "since")
    same(len(s.log(path="acquire$")), 0, "path")
    same(len(s.log(violations=1)), 1, "violations")
    same(s.log(last=1, fields="path,status"), [{"path": "/x", "status": 404}], "fields")
    s.control("DELETE", "log")
    same(s.log(), [], "cleared")


def test_connections_are_kept(s):
    parts = urlsplit(s.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    for _ in range(3):
        connection.request("POST", ACQUIRE, json.dumps(GOOD),
                           {"Authorization": basic(), "Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        same(response.status, 200, "status")
    connection.close()
    same(len({entry["connection"] for entry in s.log()}), 1, "connections")


def test_chunked_bodies_and_expect(s):
    parts = urlsplit(s.url)
    with socket.create_connection((parts.hostname, parts.port), 5) as raw:
        head = f"POST {ACQUIRE} HTTP/1.1\r\nHost: x\r\nAuthorization: {basic()}\r\n"
        head += "Content-Type: application/json\r\n"
        raw.sendall((head + "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n").encode())
        expect(raw.recv(100).startswith(b"HTTP/1.1 100 "), "100 Continue")
        for piece in (json.dumps(GOOD)[:9], json.dumps(GOOD)[9:]):
            raw.sendall(f"{len(piece):x}\r\n{piece}\r\n".encode())
        raw.sendall(b"0\r\n\r\n")
        expect(raw.recv(4096).startswith(b"HTTP/1.1 200 "), "200")
    clean(s)


def test_not_http(s):
    parts = urlsplit(s.url)
    for data in (b"hello\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/2\r\nHost: x\r\n\r\n",
                 b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"):
        with socket.create_connection((parts.hostname, parts.port), 5) as raw:
            raw.sendall(data)
            expect(raw.recv(100).startswith(b"HTTP/1.1 400 "), data)
    noted(s, "not HTTP")


def test_the_control_api_refuses_nonsense(s):
    for method, name, body in (
        ("POST", "faults", {"action": "explode"}),
        ("POST", "faults", {"action": "drop", "mib": 1}),
        ("POST", "faults", {"action": "drop", "times": "x"}),
        ("POST", "faults", [5]),
        ("POST", "faults", {"action": "drop", "match": {"path": "("}}),
        ("POST", "config", {"nothing": 1}),
        ("POST", "config", {"statusStep": "x"}),
        ("POST", "config", {"fileListMode": "x"}),
        ("POST", "advance", {"seconds": -1}),
        ("POST", "advance", {}),
        ("POST", "hosts", {"host": "none", "state": "down"}),
        ("POST", "hosts", {"host": "h0", "state": "off"}),
        ("POST", "hosts", {"host": "h0", "tls": "good"}),
    ):
        answer = s.call(method, "/_sim/" + name, body)
        expect(has(answer, 400)["error"], "an error")
    gives(s.call("GET", "/_sim/nothing"), 404)
    gives(s.call("GET", "/_sim/state", None, {"Authorization": None}), 200)
    expect(CUSTOMER[1] not in json.dumps(s.control("GET", "config")), "secret in config")


def test_advance_and_reset(s):
    now = s.state()["now"]
    s.advance(1000)
    expect(1000 <= s.state()["now"] - now < 1010, "advanced")
    s.config(statusStep=7)
    s.fault("drop", times=None)
    s.reset()
    same(s.control("GET", "config")["statusStep"], 1.0, "config")
    same(s.control("GET", "faults")["faults"], [], "faults")
    same(s.state()["skipped"], 0.0, "time")
