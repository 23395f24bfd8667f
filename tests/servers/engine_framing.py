"""What bytes do to the engine: a table of them, and clients that are slow, silent or gone."""

import random
import threading
import time
from dataclasses import dataclass

import engine_client as fc
from engine_client import (
    ABORT,
    BEGIN,
    DATA,
    END,
    GET_VALUES,
    GET_VALUES_RESULT,
    PARAMS,
    STDERR,
    STDIN,
    STDOUT,
    TOKEN,
    UNKNOWN_TYPE,
    Client,
    begin,
    get,
    length,
    pair,
    pairs,
    params_for,
    post,
    record,
    stream,
)
from engine_responder import Responder
from kit import expect, same

MAX_PARAMS, MAX_BODY = 131072, 65536
HUGE = 0x7FFFFFFE
VALUES = ("FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS")
ALL_VALUES = "VALUES FCGI_MAX_CONNS=1024 FCGI_MAX_REQS=1024 FCGI_MPXS_CONNS=0"

# What becomes of the connection
OPEN = "open"  # it takes the next request
CLOSED = "closed"  # at once, and in order: after what was due
PARTIAL = "partial"  # it waits for the rest, and is closed by us


@dataclass
class Row:
    name: str
    data: bytes
    events: list
    then: str = OPEN
    log: str = ""
    step: int = 0  # bytes a write; 0: all at once


def one(name, data, event, then=OPEN, log="", step=0):
    return Row(name, data, [event] if event else [], then, log, step)


def refused(name, data, log, events=()):
    return Row(name, data, list(events), CLOSED, log)


def by_bytes(kind, content, request=1):
    """A stream in records of one byte."""
    return stream(kind, content, request, size=1)


def params_of(size):
    """Exactly so many bytes of parameters."""
    some = params_for("/ping")
    while size - len(some) > 70000:
        some += pair(b"HTTP_X_LONG", b"v" * 60000, wide=True)
    rest = size - len(some) - len(pair(b"HTTP_X_LAST", wide=True))
    return some + pair(b"HTTP_X_LAST", b"v" * rest, wide=True)


def request_with(params, body=b"", keep=True):
    return begin(keep=keep) + stream(PARAMS, params) + stream(STDIN, body)


PING = get("/ping")
HALF = begin() + stream(PARAMS, params_for("/ping"))  # all but its end
ASKED = b"".join(pair(name.encode()) for name in VALUES)
BEHIND_PARAMS = stream(STDIN, b"")
LONG_PARAM = params_for("/ping") + pair(b"HTTP_X_LONG", b"v" * 65535)
ONE_PARAMS_RECORD = params_for("/ping") + pair(b"N", b"v" * (65535 - len(params_for("/ping")) - 6))


def good_rows():
    yield one("a token", TOKEN, "200")
    yield one("one byte at a time", TOKEN, "200", step=1)
    yield one("seven bytes at a time", TOKEN, "200", step=7)
    yield one("a body of 64 KiB", post(fc.padded_body(MAX_BODY)), "200")
    yield one("a body of 64 KiB in writes of a byte", post(fc.padded_body(MAX_BODY)), "200", step=1)
    yield one("a body of 64 KiB in records of a byte", post(fc.padded_body(MAX_BODY), size=1), "200")
    yield one("parameters in records of a byte", post(size=1, padding=3), "200")
    yield one("padding of 255 on every record", post(size=1, padding=255), "200")
    yield one("padding of 255, a byte a write", post(padding=255), "200", step=1)
    yield one("a parameter of 65,535 bytes", request_with(LONG_PARAM), "200")
    yield one("a record of parameters that is full", request_with(ONE_PARAMS_RECORD), "200")
    yield one("a full record in writes of a byte", request_with(ONE_PARAMS_RECORD), "200", step=1)
    yield one("parameters at the limit", request_with(params_of(MAX_PARAMS)), "200")
    yield one("1,000 empty parameters", request_with(params_for("/ping") + b"\0\0" * 1000), "200")
    yield one("parameters with long lengths",
        request_with(pair(b"REQUEST_METHOD", b"GET", True) + pair(b"REQUEST_URI", b"/ping", True)),
        "200")
    yield one("NUL in a name and a value",
        request_with(params_for("/ping") + pair(b"A\0B", b"C\0D")), "200")
    yield one("no parameters at all", request_with(b""), "404")
    yield one("request 65535", get("/ping", request=65535), "200 to 65535")
    yield Row("two requests in one write", TOKEN + PING, ["200", "200"])
    yield Row("two requests under two ids", TOKEN + get("/ping", 9), ["200", "200 to 9"])
    yield Row("200 requests in one write", TOKEN * 200, ["200"] * 200)
    yield Row("20 requests in writes of 13 bytes", TOKEN * 20, ["200"] * 20, step=13)
    yield one("without keep_conn", post(keep=False), "200", CLOSED)
    yield one("a second request without keep_conn", post(keep=False) + TOKEN, "200", CLOSED)
    yield Row("the last without keep_conn", TOKEN + post(keep=False), ["200", "200"], CLOSED)


def limit_rows():
    over = "bytes of parameters"
    yield one("parameters a byte over the limit",
        request_with(params_of(MAX_PARAMS + 1)), "431", CLOSED, over)
    yield one("1 MiB of parameters", request_with(pair(b"A", b"v" * 60000) * 18), "431", CLOSED, over)
    yield one("200,000 parameter records of a byte",
        begin() + record(PARAMS, b"\0") * 200000, "431", CLOSED, over)
    yield one("a name of 0x7ffffffe bytes",
        request_with(length(HUGE) + length(1) + b"x" * 99), "431", CLOSED, over)
    yield one("a value of 0x7ffffffe bytes",
        request_with(length(1) + length(HUGE) + b"x" * 99), "431", CLOSED, over)
    yield one("name and value of 0x7ffffffe bytes",
        request_with(length(HUGE) + length(HUGE) + b"x" * 99), "431", CLOSED, over)
    yield one("two names of 0x7ffffffe bytes",
        request_with((length(HUGE) + length(0)) * 2), "431", CLOSED, over)
    yield one("0x7ffffffe behind good parameters, a byte a write",
        request_with(params_for("/ping") + length(HUGE) + length(HUGE)), "431", CLOSED, over, 1)
    yield one("a body a byte over the limit", post(fc.padded_body(MAX_BODY + 1)), "413")
    yield one("a body over the limit in records of a byte",
        post(fc.padded_body(MAX_BODY + 1), size=1), "413")
    yield one("a body of 16 MiB", post(fc.padded_body(1 << 24)), "413")
    yield one("a body shorter than announced", post(CONTENT_LENGTH="500"), "400")
    yield one("a body longer than announced", post(CONTENT_LENGTH="5"), "400")
    yield one("a length that is no number", post(CONTENT_LENGTH="-1"), "400")
    yield one("a body that nobody announced", post(CONTENT_LENGTH=""), "200")


def management_rows():
    yield one("GET_VALUES", record(GET_VALUES, ASKED, 0), ALL_VALUES)
    yield one("GET_VALUES with padding", record(GET_VALUES, ASKED, 0, 255), ALL_VALUES)
    yield one("GET_VALUES of nothing", record(GET_VALUES, b"", 0), "VALUES")
    yield one("GET_VALUES of names that nobody knows",
        record(GET_VALUES, pair(b"FCGI_NO") + pair(b"", b"x"), 0), "VALUES")
    yield one("GET_VALUES of 40 repeated names",
        record(GET_VALUES, ASKED * 40, 0), ALL_VALUES)
    yield one("GET_VALUES that is full", record(GET_VALUES, ASKED * 1365, 0), ALL_VALUES)
    yield one("GET_VALUES that ends within a name", record(GET_VALUES, ASKED[:-3], 0),
        " ".join(ALL_VALUES.split()[:-1]))
    yield one("GET_VALUES with lengths of 0x7ffffffe",
        record(GET_VALUES, (length(HUGE) + length(HUGE)) * 2, 0), "VALUES")
    yield Row("5,000 GET_VALUES", record(GET_VALUES, ASKED, 0) * 5000, [ALL_VALUES] * 5000)
    yield Row("50,000 empty GET_VALUES", record(GET_VALUES, b"", 0) * 50000, ["VALUES"] * 50000)
    yield Row("GET_VALUES within a request",
        HALF + record(GET_VALUES, ASKED, 0) + BEHIND_PARAMS, [ALL_VALUES, "200"])
    for kind in (END, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES_RESULT, UNKNOWN_TYPE, 12, 255, 0):
        yield one(f"type {kind} with id 0", record(kind, b"\0" * 8, 0), f"UNKNOWN_TYPE {kind}")
    yield one("type 2 with id 0", record(ABORT, b"", 0), "UNKNOWN_TYPE 2")
    yield Row("1,000 unknown types", record(77, b"x" * 500, 0) * 1000, ["UNKNOWN_TYPE 77"] * 1000)
    yield Row("an unknown type within a request",
        HALF + record(77, b"", 0) + BEHIND_PARAMS, ["UNKNOWN_TYPE 77", "200"])


def other_id_rows():
    for kind in (ABORT, END, PARAMS, STDIN, STDOUT, DATA, 77, 255):
        yield one(f"type {kind} of no request", record(kind, b"\0" * 8), None)
        yield one(f"type {kind} of another request",
            HALF + record(kind, b"\0" * 8, 2) + BEHIND_PARAMS, "200")
    yield one("STDIN behind the end", PING + record(STDIN, b"left over") + record(STDIN), "200")
    yield one("another id's whole request but its begin",
        HALF + stream(PARAMS, params_for("/x"), 7) + stream(STDIN, b"x", 7) + BEHIND_PARAMS, "200")
    yield Row("a second begin of another id",
        HALF + begin(2) + BEHIND_PARAMS, ["END 2 CANT_MPX_CONN", "200"])
    yield Row("requests interleaved",
        begin(1) + begin(2) + stream(PARAMS, params_for("/ping"), 1)
        + stream(PARAMS, params_for("/ping"), 2) + stream(STDIN, b"", 2) + stream(STDIN, b"", 1),
        ["END 2 CANT_MPX_CONN", "200"])
    yield Row("1,000 begins of other ids",
        HALF + b"".join(begin(i) for i in range(2, 1002)) + BEHIND_PARAMS,
        [f"END {i} CANT_MPX_CONN" for i in range(2, 1002)] + ["200"])


def abort_rows():
    ended = "END 1 REQUEST_COMPLETE"
    for name, data in (("begin", begin()), ("half", begin() + record(PARAMS, params_for("/x"))),
                       ("all but the end", HALF), ("a part of the body", HALF + record(STDIN, b"{"))):
        yield one(f"abort after {name}", data + record(ABORT), ended)
    yield one("abort after the end", PING + record(ABORT), "200")
    yield Row("abort twice", begin() + record(ABORT) * 2, [ended])
    yield one("abort without keep_conn", begin(keep=False) + record(ABORT), ended, CLOSED)
    yield Row("abort while a handler waits", get("/test/wait/60000") + record(ABORT), [ended])
    yield one("abort while one waits, without keep_conn",
        get("/test/wait/60000", keep=False) + record(ABORT), ended, CLOSED)
    yield Row("1,000 begun and aborted", (begin() + record(ABORT)) * 1000, [ended] * 1000)


def refused_rows():
    twice = "a second BEGIN_REQUEST for the same request"
    yield refused("begin twice", begin() * 2, twice)
    yield refused("a second begin before the end", HALF + begin(), twice)
    yield refused("a second begin while a handler waits", get("/test/wait/60000") * 2, twice)
    for role in (0, 2, 3, 9, 65535):
        yield refused(f"role {role}", begin(role=role), "a role other than responder",
            ["END 1 UNKNOWN_ROLE"])
    yield refused("a role refused behind an answer", PING + begin(role=2),
        "a role other than responder", ["200", "END 1 UNKNOWN_ROLE"])
    malformed = "a malformed BEGIN_REQUEST"
    yield refused("begin with id 0", begin(0), malformed)
    for size in (0, 7, 9, 65535):
        content = (b"\0\1\1" + bytes(65532))[:size]
        yield refused(f"begin of {size} bytes", record(BEGIN, content), malformed)
    for version in (0, 2, 71, 255):
        yield refused(f"version {version}", record(BEGIN, b"\0\1\1\0\0\0\0\0", version=version),
            "bytes that are not FastCGI")
        yield refused(f"version {version} within a request",
            HALF + record(STDIN, b"", version=version), "bytes that are not FastCGI")
    yield refused("HTTP", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + b"x" * 65536,
        "bytes that are not FastCGI")
    yield refused("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + b"x" * 1000,
        "bytes that are not FastCGI")
    cut = "PARAMS that end within a name or a value"
    yield refused("parameters that end within a value", request_with(pair(b"A", b"1234")[:-1]), cut)
    yield refused("parameters that end within a name", request_with(b"\5\0ABC"), cut)
    yield refused("parameters that end within a length", request_with(b"\x80\0\0"), cut)
    yield refused("parameters that end behind a length", request_with(b"\5"), cut)
    yield refused("STDIN before the end of PARAMS", begin() + record(STDIN, b"x"),
        "STDIN before the end of PARAMS")
    yield refused("the end of STDIN before that of PARAMS",
        begin() + record(PARAMS, params_for("/")) + record(STDIN), "STDIN before the end of PARAMS")
    yield refused("PARAMS after their end", HALF + record(PARAMS, pair(b"A", b"1")),
        "PARAMS after their end")
    yield refused("the end of PARAMS twice", HALF + record(PARAMS), "PARAMS after their end")
    for kind in (0, END, STDOUT, STDERR, DATA, GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE, 12, 255):
        yield refused(f"type {kind} within its request", begin() + record(kind, b"\0" * 8),
            "a record of a type that no responder gets")


def partial_rows():
    for size in (1, 7, 8, 15):
        yield Row(f"{size} bytes and the connection is closed", TOKEN[:size], [], PARTIAL)
    yield Row("a request less a byte", TOKEN[:-1], [], PARTIAL)
    yield Row("a header of 65,535 bytes and no more", record(STDIN, b"x" * 65535)[:8], [], PARTIAL)
    yield Row("a waiting request and the connection is closed", get("/test/wait/60000"), [], PARTIAL)
    yield Row("an answer and half a request", PING + TOKEN[:50], ["200"], PARTIAL)


ROW_MAKERS = (good_rows, limit_rows, management_rows, other_id_rows, abort_rows, refused_rows,
              partial_rows)


def send_in_steps(client, row):
    for at in range(0, len(row.data), row.step):
        client.send(row.data[at : at + row.step])


def check_row(responder, row):
    pid, mark = responder.worker(), responder.mark()
    with responder.client() as client:
        if row.step:
            send_in_steps(client, row)
            client.pump(b"", lambda: len(client.events) >= len(row.events))
        else:
            client.pump(row.data, lambda: len(client.events) >= len(row.events))
        same(client.events, row.events, "answers")
        if row.then == OPEN:
            same(client.converse(TOKEN), ["200"], "the next request's answer")
        elif row.then == CLOSED:
            lived = client.wait_closed(5)
            expect(lived is not None, "the connection was not closed")
            same(client.events, row.events, "answers by its end")
    began = time.monotonic()
    responder.token()
    expect(time.monotonic() - began < 1, "the next token was late")
    if row.log:
        responder.wait_log(row.log, mark, 5)
    same(responder.worker(), pid, "the worker")


def check_garbage(responder, count=150):
    """Bytes by chance, some of them behind a good beginning, some with a good header."""
    pid, chance = responder.worker(), random.Random(20240817)
    for i in range(count):
        noise = chance.randbytes(chance.randrange(1, 3000))
        if i % 3 == 1:
            noise = TOKEN[: chance.randrange(len(TOKEN))] + noise
        elif i % 3 == 2:  # a good request with some bytes changed
            changed = bytearray(TOKEN)
            for _ in range(chance.randrange(1, 6)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            noise = bytes(changed)
        with responder.client() as client:
            client.pump(noise, lambda: False, 0.002)
    responder.token()
    same(responder.worker(), pid, "the worker")


def check_cuts(responder, close):
    """A client that goes in the middle of everything."""
    pid = responder.worker()
    for data in (post(size=40), get("/test/wait/60000"), get("/test/big/1000000")):
        for size in range(1, len(data) + 1, 3 if len(data) > 300 else 1):
            client = responder.client()
            client.send(data[:size])
            close(client)
    responder.token()
    same(responder.worker(), pid, "the worker")
    responder.wait_counts(lambda c: c["started"] == c["cancelled"] + c["ended"])


def run_table(suite, run, build):
    for kind in ("unix", "tcp"):
        with Responder(build, run, tcp=kind == "tcp") as responder:
            for rows in ROW_MAKERS:
                for row in rows():
                    suite.run(f"framing: {kind}: {row.name}", check_row, responder, row)
            suite.run(f"framing: {kind}: bytes by chance", check_garbage, responder)
            suite.run(f"framing: {kind}: closed in the middle", check_cuts, responder, Client.close)
            suite.run(f"framing: {kind}: reset in the middle", check_cuts, responder, Client.reset)
            suite.run(f"framing: {kind}: ends cleanly", responder.stop)


# Slow clients: all of them at once, since each takes a second or two

SOON = 1.0  # REQUEST_TIMEOUT and ANSWER_TIMEOUT here
LATE = 4.0  # the same, a tick of the loop, and a slow machine
OUT_OF_TIME = "a request did not arrive whole in time"
NOT_TAKEN = "the web server did not take its answer in time"


@dataclass
class Slow:
    name: str
    sends: list  # (seconds before it, bytes)
    events: list
    closed: bool  # and not before SOON
    reads: float = -1.0  # seconds between reads of 64 KiB; -1: as it comes, LATE: not at all


def every(seconds, *pieces):
    return [(seconds, piece) for piece in pieces]


def drip(data, seconds):
    return every(seconds, *(data[i : i + 1] for i in range(len(data))))


def slow_rows(kind):
    """kind: a TCP socket takes megabytes before it says that nobody reads."""
    big = 1048576 if kind == "unix" else 4194304
    yield Slow("silent", [], [], True)
    yield Slow("half a header", [(0, TOKEN[:4])], [], True)
    yield Slow("a header and nothing of its record", [(0, record(PARAMS, b"x" * 99)[:8])], [], True)
    yield Slow("half a request", [(0, TOKEN[:60])], [], True)
    yield Slow("a request less a byte", [(0, TOKEN[:-1])], [], True)
    yield Slow("a byte now and then", drip(TOKEN[:40], 0.1), [], True)
    yield Slow("a body that never ends", [(0, HALF), *every(0.2, *[record(STDIN, b" ")] * 20)], [], True)
    yield Slow("half a request on a kept connection", [(0, PING), (0.1, TOKEN[:60])], ["200"], True)
    values = record(GET_VALUES, b"", 0)
    yield Slow("half a request and GET_VALUES", [(0, HALF), *every(0.3, *[values] * 12)], None, True)
    yield Slow("half a request and other begins", [(0, HALF), *every(0.3, *[begin(2)] * 12)], None, True)
    yield Slow("nothing but GET_VALUES", every(0.3, *[values] * 14), None, True)
    yield Slow("a kept connection at rest", [(0, TOKEN)], ["200"], False)
    body = fc.padded_body(5000)
    yield Slow("a body that is streamed slowly",
        [(0, begin() + stream(PARAMS, params_for("/getToken", "POST", body))),
         *every(0.1, *(record(STDIN, body[i : i + 1000]) for i in range(0, 5000, 1000))),
         (0.1, record(STDIN))], ["200"], False)
    yield Slow("a handler that waits longer", [(0, get("/test/wait/2500"))], ["200"], False)
    yield Slow("1 MiB read slowly", [(0, get("/test/big/1048576"))], ["200"], False, 0.15)
    yield Slow("a big answer that nobody reads", [(0, get(f"/test/big/{big}"))], [], True, LATE)
    if kind == "unix":
        yield Slow("5,000 tokens that nobody reads", [(0, TOKEN * 5000)], None, True, LATE)


class SlowClient(threading.Thread):
    def __init__(self, row, address):
        super().__init__(daemon=True)
        self.row, self.address, self.problem = row, address, "it did not end"
        self.start()

    def run(self):
        try:
            with Client(self.address, receive=65536 if self.row.reads == LATE else 0) as client:
                self.act(client)
            self.problem = ""
        except Exception as error:
            self.problem = f"{type(error).__name__}: {error}"

    def act(self, client):
        row = self.row
        if row.reads == LATE:
            threading.Thread(target=self.only_send, args=(client,), daemon=True).start()
            time.sleep(LATE)  # not reading is what is tested
        elif row.reads > 0:
            client.send(row.sends[0][1])
            while not client.events and client.closed_at is None:
                time.sleep(row.reads)
                client.receive_some(65536)
        else:
            for seconds, data in row.sends:
                client.pump(b"", lambda: False, seconds)
                client.pump(data, lambda: True)
        lived = client.wait_closed(max(0, client.connected + LATE + 1 - time.monotonic()))
        if row.events is not None:
            same(client.events, row.events, "answers")
        if row.closed:
            expect(lived is not None, "the connection was not closed")
            expect(row.reads == LATE or SOON - 0.05 <= lived <= LATE, f"closed after {lived:.2f} s")
        else:
            expect(lived is None, f"closed after {lived} s")
            same(client.converse(PING), ["200"], "the next answer")

    def only_send(self, client):
        try:
            client.sock.sendall(self.row.sends[0][1])
        except OSError:
            pass  # closed, as it should be


def check_slow(slow):
    slow.join(20)
    expect(not slow.problem, slow.problem)


def latency_while(responder, done):
    """The worst of tokens asked for until then, each on a connection of its own."""
    worst = 0
    while not done():
        began = time.monotonic()
        responder.token()
        worst = max(worst, time.monotonic() - began)
        time.sleep(0.01)
    return worst


def run_slow(suite, run, build, kind, report):
    settings = {"REQUEST_TIMEOUT": "1", "ANSWER_TIMEOUT": "1"}
    with Responder(build, run, settings, tcp=kind == "tcp") as responder:
        pid = responder.worker()
        clients = [SlowClient(row, responder.address) for row in slow_rows(kind)]
        worst = latency_while(responder, lambda: not any(c.is_alive() for c in clients))
        report(f"worst token among slow clients ({kind})", f"{worst * 1000:.1f} ms")
        for slow in clients:
            suite.run(f"slow: {kind}: {slow.row.name}", check_slow, slow)

        def check_rest():
            expect(worst < 1, f"a token took {worst:.2f} s")
            same(responder.worker(), pid, "the worker")
            log = responder.log()
            expect(log.count(OUT_OF_TIME) >= 8, f"{log.count(OUT_OF_TIME)} lines of late requests")
            expect(log.count(NOT_TAKEN) >= 1, f"{log.count(NOT_TAKEN)} lines of unread answers")

        suite.run(f"slow: {kind}: tokens meanwhile, and the log", check_rest)
        suite.run(f"slow: {kind}: ends cleanly", responder.stop)


def run_all(suite, run, build, report):
    run_table(suite, run, build)
    for kind in ("unix", "tcp"):
        run_slow(suite, run, build, kind, report)
