"""Agora fails, in every way it has: what the client is told, and what is started all the same."""

import json
import re
import socket
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import engine_client as fc
import kit
import rest_kit as rk
from kit import expect, same
from rest_kit import HASTY, IMPATIENT, fails, succeeds
from rest_routes import JOB_IDS, PULL, RAW_PUSH, ids_of

LOST = {"code": 2, "reason": "no good"}
SAID = {"code": "2", "reason": "no good"}


class Kind:
    """A start that is billed."""

    def __init__(self, name, target, body, path, product, known, id_of):
        self.name, self.target, self.body, self.product = name, target, body, product
        self.match = {"method": "POST", "path": path}
        self.known, self.id_of = known, id_of

    def start(self, site, **more):
        return site.post(self.target, self.body | more)

    def started(self, w):
        return w.sim.state(self.product)["started"]


KINDS = (
    Kind("recording", "/cloud_recording/start", {"channelName": "lobby"}, "/start$", "recording",
         ("cname", "uid", "resourceId"), lambda a: a["sid"]),
    Kind("transcription", "/rtt/start", {"channelName": "lobby", "languages": ["en-US"]}, "/join$",
         "speech", ("name",), lambda a: a["start"]["taskId"]),
    Kind("push", "/rtmp/push/start", RAW_PUSH, "/rtmp-converters$", "push", ("converterName",),
         lambda a: a["converter"]["id"]),
    Kind("pull", "/rtmp/pull/start", {k: v for k, v in PULL.items() if k != "name"}, "/players$",
         "pull", ("playerName",), lambda a: a["player"]["id"]),
)
RECORDING, TRANSCRIPTION, PUSH, PULLED = KINDS
SAFE = (  # what is asked of us; what we ask of Agora
    ("GET", "/cloud_recording/status?resourceId=r&sid=s", None, "GET", "/query$"),
    ("POST", "/cloud_recording/stop", {"cname": "c", "uid": "1", "resourceId": "r", "sid": "s"},
     "POST", "/stop$"),
    ("POST", "/cloud_recording/update/layout", {"cname": "c", "uid": "1", "resourceId": "r", "sid": "s",
                                                "recordingConfig": {"mixedVideoLayout": 1}},
     "POST", "/updateLayout$"),
    ("POST", "/cloud_recording/start", {"channelName": "c"}, "POST", "/acquire$"),
    ("GET", "/rtt/status/t", None, "GET", "/agents/t$"),
    ("DELETE", "/rtt/stop/t", None, "POST", "/leave$"),
    ("POST", "/rtt/update/t", {"languages": ["en-US"]}, "POST", "/update[?]"),
    ("GET", "/rtt/list", None, "GET", "/agents$"),
    ("POST", "/rtmp/push/stop", {"converterId": "c", "region": "na"}, "DELETE", "/rtmp-converters/c$"),
    ("POST", "/rtmp/push/update", {"converterId": "c", "region": "na", "jitterBufferSizeMs": 1},
     "PATCH", "/rtmp-converters/"),
    ("GET", "/rtmp/push/status/c?region=na", None, "GET", "/rtmp-converters/c$"),
    ("GET", "/rtmp/push/list", None, "GET", "/rtmp-converters$"),
    ("POST", "/rtmp/pull/stop", {"playerId": "p", "region": "na"}, "DELETE", "/players/p$"),
    ("POST", "/rtmp/pull/update", {"playerId": "p", "region": "na", "isPause": True},
     "PATCH", "/players/"),
    ("GET", "/rtmp/pull/list", None, "GET", "/players$"),
    ("GET", "/rtmp/pull/status/p", None, "GET", "/players[?]"),
)
EVERY = SAFE + tuple(("POST", k.target, k.body, *k.match.values()) for k in KINDS)


def each(w, rows, test):
    """test(row, match) for all rows at the same time: their faults do not meet."""
    wrong = []

    def one(row):
        try:
            test(row[:3], {"method": row[3], "path": row[4]})
        except AssertionError as error:
            wrong.append(f"{row[0]} {row[1]}: {error}"[:700])

    rk.in_threads(*[lambda r=row: one(r) for row in rows])
    w.sim.no_faults()
    expect(not wrong, f"{len(wrong)} of {len(rows)}:\n  " + "\n  ".join(wrong))


def by_kind(w, rows, test):
    """test(row, kind) for each kind of start at the same time; faults go by its path."""
    wrong = []

    def one(kind):
        for row in rows:
            try:
                test(row, kind)
            except AssertionError as error:
                wrong.append(f"{row} {kind.name}: {error}"[:600])

    rk.in_threads(*[lambda k=kind: one(k) for kind in KINDS])
    w.sim.no_faults()
    expect(not wrong, f"{len(wrong)} of {len(rows) * len(KINDS)}:\n  " + "\n  ".join(wrong))


def lasting(w, action, kind, times, **more):
    """A fault for as often as a start may be tried."""
    return w.sim.fault(action, times=times, match=kind.match, **more)


def wait_for_end(w, fault, kind, times):
    """Uses up what is left of a fault: others of the same kind must not meet it."""
    while w.sim.fired()[fault] < times:
        kind.start(w.hasty)


# Agora answers


def test_agoras_refusals_keep_their_status(w):
    for status in (400, 404, 409, 422):

        def one(asked, match, status=status):
            w.sim.fault("status", match=match, status=status, body=LOST,
                        headers={"X-Custom-Request-ID": "agoras-id"})
            answer = w.site.ask(*asked)
            error = fails(answer, status, "upstream_refused", says="no good",
                          upstream={"status": status, **SAID, "requestId": "agoras-id"})
            expect(error["error"].startswith("Failed to "), error)

        each(w, EVERY, one)


def test_errors_in_agoras_other_shapes(w):
    for body, said in (
        ({"message": "m"}, {"reason": "m"}),
        ({"detail": "d", "reason": "TaskNotFound"}, {"reason": "TaskNotFound", "detail": "d"}),
        ({"code": 404, "reason": "r"}, {"code": "404", "reason": "r"}),
        ({"message": ""}, {"reason": ""}),
        ({"message": 7, "code": None}, {"reason": "7"}),
        ({}, {}),
        ([], {}),
        ("<html>", {}),
        ("", {}),
    ):
        w.sim.fault("status", match={"path": "/query$"}, status=404, body=body)
        answer = w.site.get("/cloud_recording/status", resourceId="r", sid="s")
        fails(answer, 404, "upstream_refused", upstream={"status": 404, **said})


def test_agora_does_not_accept_us(w):
    for status, body in ((401, {"message": "Invalid authentication credentials"}), (403, {"message": "no"})):

        def one(asked, match, status=status, body=body):
            w.sim.fault("status", match=match, status=status, body=body)
            fails(w.site.ask(*asked), 502, "upstream_auth",
                  says="customer id and secret", upstream={"status": status, "reason": body["message"]})

        each(w, EVERY, one)


def test_wrong_credentials(w):
    site = rk.Site(w.run, w.build, rk.settings_for(w.sim) | {"CUSTOMER_ID": "somebody-else"})
    for kind in KINDS:
        fails(kind.start(site), 502, "upstream_auth")
    site.stop()


def test_429_backs_off_and_tries_again(w):
    for _, target, body, path in (("", "/rtt/list", None, "/agents$"),):
        upstream = rk.Upstream(w.sim)
        w.sim.fault("status", times=2, match={"path": path}, status=429)
        succeeds(w.site.get(target))
        same(len(upstream.entries()), 3, "tries")
    for kind in KINDS:
        before = kind.started(w)
        w.sim.fault("status", times=1, match=kind.match, status=429, headers={"Retry-After": "1"})
        upstream = rk.Upstream(w.sim)
        succeeds(kind.start(w.site))
        times = [e["time"] for e in upstream.entries() if e["method"] == "POST"][-2:]
        expect(1 <= times[1] - times[0] < 2, f"{kind.name}: again after {times[1] - times[0]:.2f} s")
        same(kind.started(w), before + 1, kind.name)


def test_429_that_stays(w):
    date = formatdate(time.time() + 7200, usegmt=True)
    for headers, seconds in (({}, "1"), ({"Retry-After": "60"}, "60"), ({"Retry-After": "soon"}, "1"),
                             ({"Retry-After": "99999999"}, "86400"), ({"Retry-After": date}, "7200")):
        w.sim.fault("status", times=None, match={"path": "/agents$"}, status=429, headers=headers)
        answer = w.hasty.get("/rtt/list")
        fails(answer, 429, "upstream_refused", says="rate limit",
              upstream={"status": 429, "reason": "API rate limit exceeded"})
        told = int(answer.header("Retry-After"))
        expect(0 <= int(seconds) - told < 60, f"Retry-After {told} of {headers}")
        w.sim.no_faults()


def test_redirects_are_not_followed(w):
    upstream = rk.Upstream(w.sim)
    w.sim.fault("status", match={"path": "/agents$"}, status=302, headers={"Location": w.sim.url + "/x"})
    fails(w.site.get("/rtt/list"), 502, "upstream_error")
    same(len(upstream.entries()), 1, "requests")


def test_5xx_is_502_where_nothing_is_billed(w):
    for status in (500, 501, 503, 504):

        def one(asked, match, status=status):
            fault = w.sim.fault("status", times=None, match=match, status=status, body=LOST)
            fails(w.hasty.ask(*asked), 502, "upstream_error", upstream={"status": status, **SAID})
            tries = w.sim.fired()[fault]
            expect(2 <= tries <= 6, f"{tries} tries")

        rows = SAFE if status == 503 else SAFE[:1]
        each(w, rows, one)


def test_5xx_once_is_not_seen_by_anybody(w):
    w.sim.fault("status", times=2, match={"path": "/agents$"}, status=503)
    succeeds(w.site.get("/rtt/list"))
    for kind in KINDS:
        for fault in ("status", "status_after"):
            before = kind.started(w)
            w.sim.fault(fault, match=kind.match, status=504)
            job = succeeds(kind.start(w.site))
            expect(kind.id_of(job), f"{kind.name}: {job}")
            same(kind.started(w), before + 1, f"{kind.name} started after {fault}")


# Agora answers nothing, or nonsense

BROKEN = ("hang", "drop", "reset", "truncate", "truncate_head", "garbage", "huge", "huge_head",
          "slow_loris", "drop_after", "hang_after")
NONSENSE = ("not_json", "empty")


def test_no_answer_is_504_where_nothing_is_billed(w):
    rows = (SAFE[0], SAFE[7], SAFE[10], SAFE[11])

    def one(action, row):
        w.sim.fault(action, times=None, match={"method": row[3], "path": row[4]})
        began = time.monotonic()
        answer = w.hasty.ask(*row[:3])
        # What cannot be read as an answer at all, or is none of Agora's.
        # The last try may be cut short, and decides.
        if action in (*NONSENSE, "truncate_head") and answer.status == 502:
            fails(answer, 502, "upstream_error", says="not the JSON object")
        else:
            fails(answer, 504, "upstream_timeout")
        took = time.monotonic() - began
        expect(took < 4, f"answered after {took:.1f} s")

    wrong, actions = [], BROKEN + NONSENSE

    def try_one(action, row):
        try:
            one(action, row)
        except AssertionError as error:
            wrong.append(f"{row[1]} {action}: {error}")

    for at in range(len(actions)):
        if at % 2 == 0:  # each action meets two rows
            four = [actions[(at + i) % len(actions)] for i in range(4)]
            rk.in_threads(*[lambda p=pair: try_one(*p) for pair in zip(four, rows)])
            w.sim.no_faults()
    expect(not wrong, "\n  ".join(wrong))


def test_what_breaks_once_nobody_sees(w):
    def one(action, kind):
        before = kind.started(w)
        w.sim.fault(action, match=kind.match)
        job = succeeds(kind.start(w.impatient))
        expect(kind.id_of(job), job)
        same(kind.started(w), before + 1, "started")

    by_kind(w, BROKEN + NONSENSE, one)
    for action in BROKEN + NONSENSE:
        for target, path in (("/rtt/list", "/agents$"), ("/rtmp/push/list", "/rtmp-converters$")):
            w.sim.fault(action, match={"method": "GET", "path": path})
            answer = w.impatient.get(target)
            expect(succeeds(answer).get("data"), f"{target} with {action}: {answer.body}")


def test_starts_without_an_answer_are_unknown(w):
    """Whatever happens: started once at most, and the client has what it needs to look."""
    def one(action, kind):
        before = kind.started(w)
        fault = lasting(w, action, kind, 6)
        # A recording needs two calls, and may queue for each.
        site, most = (w.impatient, 6) if kind is RECORDING else (w.hasty, 4)
        began = time.monotonic()
        answer = kind.start(site)
        took = time.monotonic() - began
        fails(answer, 504, "unknown_outcome", known=kind.known)
        expect(took < most, f"answered after {took:.1f} s")
        expect(kind.started(w) - before <= 1, f"{kind.started(w) - before} started")
        # Those that are left of the fault.
        wait_for_end(w, fault, kind, 6)

    by_kind(w, ("hang", "drop_after", "hang_after", "reset_after", "truncate", "garbage", "not_json",
                "empty"), one)


def test_5xx_to_starts_are_unknown(w):
    def one(status, kind):
        before = kind.started(w)
        fault = lasting(w, "status", kind, 6, status=status, body=LOST)
        answer = kind.start(w.hasty)
        same(kind.started(w), before, "started")
        wait_for_end(w, fault, kind, 6)
        fails(answer, 504, "unknown_outcome", known=kind.known, upstream={"status": status, **SAID})

    by_kind(w, (500, 504), one)


def test_a_lost_answer_and_then_a_refusal_is_unknown(w):
    """The first try may run: the refusal of the second says nothing about it."""
    def one(status, kind):
        before = kind.started(w)
        w.sim.fault("drop_after", match=kind.match)
        w.sim.fault("status", match=kind.match, status=status, body=LOST,
                    headers={"Retry-After": "60"})
        fails(kind.start(w.impatient), 504, "unknown_outcome", known=kind.known)
        same(kind.started(w), before + 1, "started")

    by_kind(w, (400, 401, 403, 404, 422, 429), one)


def test_a_lost_answer_and_a_409_that_names_nobody(w):
    w.sim.config(speechConflict="bare", pushConflictId=False)
    for kind in (TRANSCRIPTION, PUSH):
        before = kind.started(w)
        w.sim.fault("drop_after", match=kind.match)
        fails(kind.start(w.impatient), 504, "unknown_outcome", known=kind.known)
        same(kind.started(w), before + 1, kind.name)
    w.sim.config(speechConflict="full", pushConflictId=True)


def test_206_is_repeated_as_agora_says(w):
    later = {"code": 65, "reason": "request not completed"}
    for action in ("status", "status_after"):
        before = RECORDING.started(w)
        w.sim.fault(action, times=1, match=RECORDING.match, status=206, body=later)
        upstream = rk.Upstream(w.sim)
        job = succeeds(RECORDING.start(w.site))
        same(RECORDING.started(w), before + 1, "started")
        starts = [e["json"] for e in upstream.entries() if e["target"].endswith("/start")]
        same(len(starts), 2, "starts sent")
        same(starts[0], starts[1], "the same start")
        expect(job["sid"], job)
    w.sim.fault("status_after", times=None, match=RECORDING.match, status=206, body=later)
    before = RECORDING.started(w)
    fails(RECORDING.start(w.site), 504, "unknown_outcome", known=RECORDING.known)
    same(RECORDING.started(w), before + 1, "started")
    w.sim.no_faults()
    # 206, and then nothing at all: it may run.
    w.sim.fault("status_after", times=1, match=RECORDING.match, status=206, body=later)
    w.sim.fault("status", times=None, match=RECORDING.match, status=400, body=LOST)
    fails(RECORDING.start(w.site), 504, "unknown_outcome", known=RECORDING.known)
    w.sim.no_faults()


def test_starts_whose_answer_lacks_the_id(w):
    for kind, body in (
        (RECORDING, {"resourceId": "r", "sid": "", "code": 15}),
        (RECORDING, {"cname": "lobby"}),
        (TRANSCRIPTION, {"status": "RUNNING"}),
        (PUSH, {}),
        (PUSH, {"converter": {"state": "running"}}),
        (PULLED, {"player": {}}),
        (PULLED, {"player": {"uid": 1}}),
        (PULLED, {}),
    ):
        w.sim.fault("status", times=None, match=kind.match, status=200, body=body)
        answer = kind.start(w.impatient)
        w.sim.no_faults()
        fails(answer, 504, "unknown_outcome", known=kind.known)


def test_an_answer_without_a_resource_id(w):
    w.sim.fault("status", match={"path": "/acquire$"}, status=200, body={"cname": "c"})
    fails(RECORDING.start(w.site), 502, "upstream_error", says="no resourceId")
    w.sim.config(acquireShape="resourceId")
    succeeds(RECORDING.start(w.site))
    w.sim.config(acquireShape="full")


def test_lost_answers_of_stops(w):
    """What was stopped by the try whose answer was lost is stopped."""
    for fault in ("drop_after", "reset_after", "hang_after"):
        job = succeeds(RECORDING.start(w.impatient))
        w.sim.fault(fault, match={"path": "/stop$"})
        site = w.site if fault != "hang_after" else w.impatient
        stopped = succeeds(site.post("/cloud_recording/stop", ids_of(job) | {"async_stop": True}))
        same({k: stopped[k] for k in JOB_IDS}, ids_of(job), "ids")
        job = succeeds(RECORDING.start(w.impatient))
        if fault != "hang_after":  # a synchronous stop may take its 20 s
            w.sim.fault(fault, match={"path": "/stop$"})
            stopped = succeeds(site.post("/cloud_recording/stop", ids_of(job)))
            same({k: stopped[k] for k in JOB_IDS}, ids_of(job), "ids")
        task = succeeds(TRANSCRIPTION.start(w.site))["start"]["taskId"]
        w.sim.fault(fault, match={"path": "/leave$"})
        succeeds(w.impatient.ask("DELETE", f"/rtt/stop/{task}"))
        one = succeeds(PUSH.start(w.site))["converter"]["id"]
        w.sim.fault(fault, match={"method": "DELETE"})
        succeeds(w.impatient.post("/rtmp/push/stop", {"converterId": one, "region": "na"}))
        one = succeeds(PULLED.start(w.site))["player"]["id"]
        w.sim.fault(fault, match={"method": "DELETE"})
        succeeds(w.impatient.post("/rtmp/pull/stop", {"playerId": one, "region": "na"}))
    for product in ("speech", "push", "pull"):
        state = w.sim.state(product)
        expect(state["running"] < state["started"], state)


def test_lost_answers_of_updates(w):
    task = succeeds(TRANSCRIPTION.start(w.site))["start"]["taskId"]
    w.sim.fault("drop_after", match={"path": "/update[?]"})
    succeeds(w.site.post(f"/rtt/update/{task}", {"languages": ["de-DE"]}))
    # One with a number of the client's own: nothing else can be said than what Agora says.
    agent = next(a for a in w.sim.state("speech")["agents"] if a["agent_id"] == task)
    same(agent["updates"][-1], {"languages": ["de-DE"]}, "the update")
    w.sim.fault("drop_after", match={"path": "/update[?]"})
    answer = w.site.post(f"/rtt/update/{task}", {"languages": ["fr-FR"], "sequenceId": 2**40})
    expect(answer.status == 200 or answer.json()["code"] == "unknown_outcome", answer.body)
    for kind, name, target in ((PUSH, "converterId", "/rtmp/push/update"),
                               (PULLED, "playerId", "/rtmp/pull/update")):
        one = kind.id_of(succeeds(kind.start(w.site)))
        change = {"jitterBufferSizeMs": 7} if kind is PUSH else {"isPause": True}
        w.sim.fault("drop_after", match={"method": "PATCH"})
        succeeds(w.site.post(target, {name: one, "region": "na"} | change))


def test_host_that_does_not_listen(w):
    """Nothing was sent, so nothing is unknown."""
    for url, says in ((f"http://127.0.0.1:{kit.free_port()}", "does not take connections"),
                      ("http://no-such-host.invalid", "cannot be resolved")):
        site = rk.Site(w.run, w.build, rk.settings_for(w.sim) | HASTY | {"AGORA_BASE_URL": url})
        asked = [lambda: site.get("/rtt/list"), *[lambda k=kind: k.start(site) for kind in KINDS]]
        for answer in rk.in_threads(*asked):
            error = fails(answer, 504, "upstream_timeout", says=says)
            expect("upstream" not in error, error)
            line = lines_of(site, answer)[0]
            expect(re.search(rf"Z warning {url}: the host.* {says}, try 1 id=", line), line)
        site.stop()


def lines_of(site, answer):
    site.access_lines(answer)  # waits for the last
    lines = site.responder_log().splitlines()
    return [line for line in lines if kit.names_request(line, answer.request_id)]


def test_tries_that_fail_are_said(w):
    """Though a further one does it, and nobody sees them in the answer."""
    w.sim.fault("status", times=2, match={"path": "/agents$"}, status=503)
    answer = w.site.get("/rtt/list")
    succeeds(answer)
    lines = lines_of(w.site, answer)
    for n, line in enumerate(lines[:-1], 1):
        expect(line.endswith(f"Z warning {w.sim.url}: status 503, try {n} id={answer.request_id}"), line)
    same(len(lines), 3, f"lines of {lines}")


def test_request_ids_of_agora(w):
    for action in ("rename_request_id", "omit_request_id"):
        for kind in KINDS:
            w.sim.fault(action, match=kind.match)
            succeeds(kind.start(w.site))
    w.sim.config(requestId="rename")
    answer = w.site.get("/rtmp/push/status/none", region="na")
    fails(answer, 404, "upstream_refused", upstream={
        "status": 404, "reason": "Resource is not found and destroyed.", "requestId": answer.request_id})
    w.sim.config(requestId="omit")
    fails(w.site.get("/rtmp/push/status/none", region="na"), 404, "upstream_refused", upstream={
        "status": 404, "reason": "Resource is not found and destroyed."})
    w.sim.config(requestId="echo")


def test_connections_that_agora_closes_without_a_word(w):
    """A kept connection that is gone: safe calls are sent again, starts never go over one."""
    for _ in range(3):
        w.sim.fault("close", match={"path": "/agents$"})
        succeeds(w.site.get("/rtt/list"))
        for kind in KINDS[1:3]:
            w.sim.fault("close", match=kind.match)
            before = kind.started(w)
            upstream = rk.Upstream(w.sim)
            succeeds(kind.start(w.site))
            same((kind.started(w) - before, len(upstream.entries())), (1, 1), "started, sent")
    w.sim.fault("chunked", match={"path": "/agents$"})
    succeeds(w.site.get("/rtt/list"))


def test_wait_ends_in_time_and_loses_no_id(w):
    """The client's wait is longer than the time for calls, and Agora hangs."""
    site = rk.Site(w.run, w.build, rk.settings_for(w.sim) | IMPATIENT | {
        "CALL_TIMEOUT": "7", "WAIT_TIMEOUT": "20"})
    w.sim.fault("hang", times=None, match={"path": "/query$"})
    began = time.monotonic()
    error = fails(RECORDING.start(site, wait=20), 504, "unknown_outcome", known=JOB_IDS)
    took = time.monotonic() - began
    expect(took < 10, f"answered after {took:.1f} s")
    w.sim.no_faults()
    succeeds(site.post("/cloud_recording/stop", error["known"]))
    site.stop()


# Secrets


class Echo:
    """An Agora whose errors repeat all that it was sent."""

    def __init__(self):
        echo = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                echo.heard.append(body)
                if self.path.endswith("/acquire"):
                    status, said = 200, {"resourceId": "r"}
                else:
                    what = f"{self.headers['Authorization']} {echo.secret} {body}"
                    status, said = echo.status, {echo.name: what, "code": 2}
                data = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("X-Request-ID", "agoras")
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = do_PATCH = answer

            def log_message(self, *_):
                pass

        self.status, self.name, self.heard, self.secret = 400, "reason", [], rk.CUSTOMER_SECRET
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_secrets_that_agora_repeats(w):
    """rk.Site.ask and stop() look for every secret in every error and in the logs."""
    own = {"vendor": 1, "region": 0, "bucket": "b", "accessKey": "own", "secretKey": rk.OWN_SECRET_KEY}
    crypt = {"decryptionMode": 7, "secret": rk.CIPHER_SECRET, "salt": rk.CIPHER_SALT}
    requests = [
        ("POST", "/cloud_recording/start", {"channelName": "lobby"}),
        ("POST", "/cloud_recording/start", {"channelName": "lobby", "recordingConfig": crypt}),
        ("POST", "/cloud_recording/start", {"channelName": "lobby", "storageConfig": own}),
        ("POST", "/cloud_recording/update/subscriber-list",
         {"cname": "c", "uid": "1", "resourceId": "r", "sid": "s", "recordingMode": "web",
          "recordingConfig": {"rtmpPublishConfig": {"outputs": [
              {"rtmpUrl": "rtmp://a.example/app/" + rk.STREAM_KEY}]}}}),
        ("POST", "/rtt/start", {"channelName": "lobby", "languages": ["en-US"], "enableStorage": True,
                                "cryptionMode": 7, "secret": rk.CIPHER_SECRET, "salt": rk.CIPHER_SALT}),
        ("POST", "/rtmp/push/start", RAW_PUSH),
        ("POST", "/rtmp/push/start", {k: v for k, v in RAW_PUSH.items() if k != "streamKey"}
         | {"streamUrl": "rtmp://a.example/app/" + rk.STREAM_KEY}),
        ("POST", "/rtmp/push/update", {"converterId": "c", "region": "na",
                                       "streamUrl": "rtmp://a.example/app", "streamKey": rk.STREAM_KEY}),
        ("POST", "/rtmp/pull/start", PULL | {
            "encryptMode": "aes-128-gcm2", "encryptKey": rk.CIPHER_SECRET,
            "encryptKdfSalt": rk.CIPHER_SALT, "streamUrl": "rtmp://a.example/app/" + rk.STREAM_KEY}),
        ("GET", "/rtt/list", None),
    ]
    with Echo() as echo:
        settings = rk.settings_for(w.sim) | HASTY | {
            "AGORA_BASE_URL": echo.url, "STORAGE_OVERRIDE": "true"}
        site = rk.Site(w.run, w.build, settings)
        wrong = []

        def one(request, code):
            try:
                error = site.ask(*request).json()
                expect(code is None or error["code"] == code, f"code in {error}")
                expect(error["upstream"].get("reason"), f"no reason in {error}")
            except AssertionError as problem:
                wrong.append(f"{echo.status} {request}: {problem}"[:700])

        for echo.status, code in ((400, "upstream_refused"), (403, "upstream_auth"), (500, None)):
            for echo.name in ("reason", "message", "detail"):
                some = requests if echo.name == "reason" else requests[:1]
                rk.in_threads(*[lambda r=r, c=code: one(r, c) for r in some])
        sent = "".join(echo.heard)
        for secret in set(rk.SECRETS) - {rk.CERTIFICATE, rk.CUSTOMER_SECRET}:
            expect(secret in sent, f"{secret} was sent to nobody: the test tests nothing")
        expect(rk.TOKEN.search(sent), "no token was sent")
        expect(not wrong, f"{len(wrong)}:\n  " + "\n  ".join(wrong))
        site.stop()


def test_verbose_log_holds_no_secret_either(w):
    site = rk.Site(w.run, w.build, rk.settings_for(w.sim) | {"LOG_LEVEL": "debug"})
    for kind in KINDS:
        succeeds(kind.start(site))
        w.sim.fault("drop_after", match=kind.match)
        succeeds(kind.start(site))
    site.stop()  # looks at the log


# Proxies


class Proxy:
    """Forwards bytes, and notes where to: CONNECT, or plain requests with a whole URL."""

    def __init__(self):
        self.seen = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, client.makefile("rb") as stream:
            line = stream.readline().decode().split()
            if not line:
                return
            head = [stream.readline()]
            while head[-1] not in (b"\r\n", b""):
                head.append(stream.readline())
            self.seen.append(line[:2])
            if line[0] == "CONNECT":
                host, _, port = line[1].rpartition(":")
                client.sendall(b"HTTP/1.1 200 Fine\r\n\r\n")
                with socket.create_connection((host, int(port))) as server:
                    back = threading.Thread(target=pump, args=(server, client))
                    back.start()
                    pump(client, server)
                    back.join()
                return
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n"
                           b'{"proxied":"!"}')

    def close(self):
        self.listener.close()


def pump(source, target, seen=None):
    try:
        while data := source.recv(65536):
            if seen is not None:
                seen += data
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_proxy_of_the_settings_and_no_other(w):
    proxy = Proxy()
    here = f"http://127.0.0.1:{proxy.port}"
    environment = {name: here for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                           "ALL_PROXY", "all_proxy")}
    site = rk.Site(w.run, w.build, rk.settings_for(w.sim) | environment)
    upstream = rk.Upstream(w.sim)
    succeeds(site.get("/rtt/list"))
    same((len(upstream.entries()), proxy.seen), (1, []), "asked directly")
    site.stop()
    for extra in ({}, {"no_proxy": "*", "NO_PROXY": "*"}):
        proxy.seen.clear()
        site = rk.Site(w.run, w.build, rk.settings_for(w.sim) | extra | {"AGORA_PROXY": here})
        site.get("/rtt/list")
        same([s[0] for s in proxy.seen], ["GET"], f"asked through the proxy with {extra}")
        site.stop()
    proxy.close()


# This server's own limits


def test_agoras_limits_are_kept(w):
    """The simulator refuses more than Agora takes, in any second."""
    sim = rk.Simulator(w.run, "--rate-limits")
    site = rk.Site(w.run, w.build, rk.settings_for(sim))
    answers = rk.in_threads(*[
        lambda k=kind: k.start(site) for kind in (RECORDING, RECORDING, TRANSCRIPTION) * 10])
    jobs = [succeeds(a) for a in answers]
    expect(len(jobs) == 30, "answers")
    refused = [e for e in sim.since(0) if e["status"] == 429]
    peaks = sim.control("GET", "state")["peaks"]
    same(len(refused), 0, f"429s of Agora (peaks {peaks})")
    for product, most in (("recording", 10), ("speech", 10)):
        expect(peaks[product] <= most, f"{peaks[product]} {product} requests in a second")
    acquires = [e for e in sim.since(0) if e["target"].endswith("/acquire")]
    same(len(acquires), 20, "acquires of 20 recordings")
    pulls = rk.in_threads(*[lambda: PULLED.start(site) for _ in range(6)])
    for answer in pulls:
        succeeds(answer)
    for answer in rk.in_threads(*[lambda: site.get("/rtmp/pull/list", channel="lobby")] * 5):
        succeeds(answer)
    converters = [PUSH.id_of(succeeds(PUSH.start(site))) for _ in range(2)]
    for answer in rk.in_threads(*[lambda c=converter: update(site, c) for converter in converters * 5]):
        succeeds(answer)
    same([e["operation"] for e in sim.since(0) if e["status"] == 429], [], "429s of Agora")
    site.stop()


def list_from(site, address, target):
    """As a client there that is patient with the limit of a second."""
    while True:
        answer = fc.ask(site.socket, fc.get(target, REMOTE_ADDR=address))
        if answer.status != 429 or int(answer.header("Retry-After")) > 3:
            return answer
        time.sleep(0.1)


def test_limits_of_a_minute_are_kept(w):
    """By all callers together; one of them has half of it, and stops have a part of their own."""
    for query, share, most in (("?pageSize={}", 10, 20), ("?channel=lobby&pageSize={}", 7, 10)):
        sim = rk.Simulator(w.run, "--rate-limits")
        site = rk.Site(w.run, w.build, rk.settings_for(sim))
        targets = ["/rtmp/pull/list" + query.format(n) for n in range(1, most + 3)]
        for n, target in enumerate(targets[:most]):
            answer = list_from(site, f"192.0.2.{n // share}", target)
            same(answer.status, 200, f"status of list {n} ({answer.body})")
            if n + 1 == share and most == 20:  # those of one channel go out one a second
                answer = list_from(site, "192.0.2.0", targets[most])
                fails(answer, 429, "rate_limited", says="this caller has had its share")
        answer = list_from(site, "192.0.2.99", targets[most + 1])
        fails(answer, 429, "rate_limited", says="minute")
        expect("share" not in answer.json()["error"], answer.body)
        expect(40 <= int(answer.header("Retry-After")) <= 60, answer.headers)
        same(list_from(site, "192.0.2.99", targets[most - 1]).status, 200, "a list that was kept")
        same([e["status"] for e in sim.since(0)], [200] * most, "what Agora answered")
        site.stop()


def test_further_tries_keep_agoras_limits_too(w):
    """What Agora has answered with an error counts for it all the same."""
    sim = rk.Simulator(w.run, "--rate-limits")
    site = rk.Site(w.run, w.build, rk.settings_for(sim))
    sim.fault("status_after", times=10, match={"path": r"/agents\?"}, status=503)
    for answer in rk.in_threads(*[lambda c=n: site.get("/rtt/list", channel=f"c{c}")
                                  for n in range(10)]):
        succeeds(answer)
    same(len(sim.since(0)), 20, "requests")
    expect(sim.control("GET", "state")["peaks"]["speech"] <= 10, "more than 10 requests in a second")
    site.stop()


def update(site, converter):
    return site.post("/rtmp/push/update", {"converterId": converter, "region": "na",
                                           "jitterBufferSizeMs": 7})


def test_a_few_more_than_agora_takes_wait(w):
    """Eight in a second, since two of Agora's ten are for stops, and four that wait their turn."""
    sim = rk.Simulator(w.run, "--rate-limits")
    site = rk.Site(w.run, w.build, rk.settings_for(sim))
    for answer in rk.in_threads(*[
            lambda c=n: site.ask("GET", f"/rtt/list?channel=c{c}", patient=False) for n in range(12)]):
        succeeds(answer)
    site.stop()


def test_more_than_agora_takes_is_429_at_once(w):
    sim = rk.Simulator(w.run)
    site = rk.Site(w.run, w.build, rk.settings_for(sim))
    upstream = rk.Upstream(sim)
    answers = rk.in_threads(*[lambda: site.ask("POST", PULLED.target, PULLED.body, patient=False)
                              for _ in range(12)])
    refused = [a for a in answers if a.status != 200]
    expect(6 <= len(refused) <= 10, f"{len(refused)} refused")
    for answer in refused:
        fails(answer, 429, "rate_limited", says="no more requests a second")
        expect(answer.header("Retry-After") in ("1", "2"), answer.headers)
    same(len(upstream.entries()), 12 - len(refused), "asked of Agora")
    site.stop()
