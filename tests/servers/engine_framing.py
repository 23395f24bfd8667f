"""What bytes do to the engine: a table of them, and clients that are slow, silent or gone."""

import random
import re
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


def rows(events, table, then=OPEN, log="", step=0):
    """Those of {name: bytes} that have the same outcome."""
    return [Row(name, data, events, then, log, step) for name, data in table.items()]


def params_of(size):
    """Exactly so many bytes of parameters."""
    some = params_for("/ping")
    while size - len(some) > 70000:
        some += pair(b"HTTP_X_LONG", b"v" * 60000, wide=True)
    rest = size - len(some) - len(pair(b"HTTP_X_LAST", wide=True))
    return some + pair(b"HTTP_X_LAST", b"v" * rest, wide=True)


def request_with(params, body=b""):
    return begin() + stream(PARAMS, params) + stream(STDIN, body)


def within(*records):
    """A good request with these before the last record."""
    return HALF + b"".join(records) + record(STDIN)


PING = get("/ping")
PING_PARAMS = params_for("/ping")
HALF = begin() + stream(PARAMS, PING_PARAMS)  # all but the end of its body
WAIT = get("/test/wait/60000")
LAST_WAIT = get("/test/wait/60000", keep=False)
FULL_PARAMS = PING_PARAMS + pair(b"N", b"v" * (65535 - len(PING_PARAMS) - 6))  # one whole record
FULL_BODY = fc.padded_body(MAX_BODY)
LONG_BODY = fc.padded_body(MAX_BODY + 1)
LONG_NAMES = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/ping"}
ASKED = b"".join(pair(name.encode()) for name in VALUES)
OTHER_TYPES = (0, END, STDOUT, STDERR, DATA, GET_VALUES_RESULT, UNKNOWN_TYPE, 12, 255)

GOOD = {
    "a token": TOKEN,
    "a body of 64 KiB": post(FULL_BODY),
    "a body of 64 KiB in records of a byte": post(FULL_BODY, size=1),
    "parameters in records of a byte": post(size=1, padding=3),
    "padding of 255 on every record": post(size=1, padding=255),
    "a parameter of 65,535 bytes": request_with(PING_PARAMS + pair(b"N", b"v" * 65535)),
    "a record of parameters that is full": request_with(FULL_PARAMS),
    "parameters at the limit": request_with(params_of(MAX_PARAMS)),
    "1,000 empty parameters": request_with(PING_PARAMS + b"\0\0" * 1000),
    "long lengths": request_with(
        b"".join(pair(n.encode(), v.encode(), wide=True) for n, v in LONG_NAMES.items())
    ),
    "NUL in a name and a value": request_with(PING_PARAMS + pair(b"A\0B", b"C\0D")),
    "a body that nobody announced": post(CONTENT_LENGTH=""),
    "STDIN behind the end": PING + record(STDIN, b"left over") + record(STDIN),
    "abort after the end": PING + record(ABORT),
    "a whole other request without its begin": within(
        stream(PARAMS, PING_PARAMS, 7), stream(STDIN, b"x", 7)
    ),
    **{
        f"type {kind} of another request": within(record(kind, bytes(8), 2))
        for kind in (ABORT, PARAMS, STDIN, *OTHER_TYPES)
    },
}
IN_PIECES = {
    "a token": (TOKEN, 1),
    "a token, seven bytes a write": (TOKEN, 7),
    "a body of 64 KiB": (post(FULL_BODY), 1),
    "a full record of parameters": (request_with(FULL_PARAMS), 1),
    "padding of 255": (post(padding=255), 1),
}
LAST = {
    "without keep_conn": post(keep=False),
    "a second request without keep_conn": post(keep=False) + TOKEN,
}
NOTHING = {
    f"type {kind} of no request": record(kind, bytes(8))
    for kind in (ABORT, PARAMS, STDIN, *OTHER_TYPES)
}

OVER_PARAMS = {
    "parameters a byte over the limit": request_with(params_of(MAX_PARAMS + 1)),
    "1 MiB of parameters": request_with(pair(b"A", b"v" * 60000) * 18),
    "200,000 parameter records of a byte": begin() + record(PARAMS, b"\0") * 200000,
    "a name of 0x7ffffffe bytes": request_with(length(HUGE) + length(1) + b"x" * 99),
    "a value of 0x7ffffffe bytes": request_with(length(1) + length(HUGE) + b"x" * 99),
    "name and value of 0x7ffffffe bytes": request_with(length(HUGE) * 2 + b"x" * 99),
    "two names of 0x7ffffffe bytes": request_with((length(HUGE) + length(0)) * 2),
    "0x7ffffffe behind good ones": request_with(PING_PARAMS + length(HUGE) * 2),
}
OVER_BODY = {
    "a body a byte over the limit": post(LONG_BODY),
    "a body over the limit in records of a byte": post(LONG_BODY, size=1),
    "a body of 16 MiB": post(fc.padded_body(1 << 24)),
}
WRONG_LENGTH = {
    "a body shorter than announced": post(CONTENT_LENGTH="500"),
    "a body longer than announced": post(CONTENT_LENGTH="5"),
    "a length that is no number": post(CONTENT_LENGTH="-1"),
}

SOME_VALUES = {
    "of three names": record(GET_VALUES, ASKED, 0),
    "with padding": record(GET_VALUES, ASKED, 0, 255),
    "of 40 repeated names": record(GET_VALUES, ASKED * 40, 0),
    "that is full": record(GET_VALUES, ASKED * 1365, 0),
}
NO_VALUES = {
    "of nothing": record(GET_VALUES, b"", 0),
    "of names that nobody knows": record(GET_VALUES, pair(b"FCGI_NO") + pair(b"", b"x"), 0),
    "that ends within a name": record(GET_VALUES, ASKED[:10], 0),
    "with lengths of 0x7ffffffe": record(GET_VALUES, length(HUGE) * 4, 0),
}

CUT_PARAMS = {
    "a value": request_with(pair(b"A", b"1234")[:-1]),
    "a name": request_with(b"\5\0ABC"),
    "a length": request_with(b"\x80\0\0"),
    "a length of two": request_with(b"\5"),
}
NOT_FASTCGI = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + b"x" * 65536,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + b"x" * 1000,
    **{f"version {v}": record(BEGIN, b"\0\1\1" + bytes(5), version=v) for v in (0, 2, 71, 255)},
    **{f"version {v} in a request": HALF + record(STDIN, version=v) for v in (0, 2, 255)},
}
BAD_BEGIN = {
    "id 0": begin(0),
    **{f"{n} bytes": record(BEGIN, (b"\0\1\1" + bytes(n))[:n]) for n in (0, 7, 9, 65535)},
}
TWICE = {
    "at once": begin() * 2,
    "before the end": HALF + begin(),
    "while a handler waits": WAIT * 2,
}
EARLY_BODY = {
    "STDIN before the end of PARAMS": begin() + record(STDIN, b"x"),
    "its end before theirs": begin() + record(PARAMS, params_for("/")) + record(STDIN),
}
LATE_PARAMS = {
    "PARAMS after their end": HALF + record(PARAMS, pair(b"A", b"1")),
    "the end of PARAMS twice": HALF + record(PARAMS),
}
ABORTED = {
    "abort after begin": begin() + record(ABORT),
    "abort after half the parameters": begin() + record(PARAMS, PING_PARAMS) + record(ABORT),
    "abort before the end": HALF + record(ABORT),
    "abort after a part of the body": HALF + record(STDIN, b"{") + record(ABORT),
    "abort twice": begin() + record(ABORT) * 2,
    "abort while a handler waits": WAIT + record(ABORT),
}
LAST_ABORTED = {
    "abort without keep_conn": begin(keep=False) + record(ABORT),
    "abort while a handler waits, without keep_conn": LAST_WAIT + record(ABORT),
}
# The client closes then.
UNFINISHED = {
    **{f"only {n} bytes": TOKEN[:n] for n in (1, 7, 8, 15, 16, len(TOKEN) - 1)},
    "a header of 65,535 bytes and no more": record(STDIN, b"x" * 65535)[:8],
    "gone while a handler waits": WAIT,
}


def named(prefix, table):
    return {f"{prefix}: {name}": data for name, data in table.items()}


def table():
    no_mpx, no_role, ended = "END 2 CANT_MPX_CONN", "END 1 UNKNOWN_ROLE", "END 1 REQUEST_COMPLETE"
    role_log = "a role other than responder"

    yield from rows(["200"], GOOD)
    for name, (data, step) in IN_PIECES.items():
        yield Row(f"in small writes: {name}", data, ["200"], step=step)
    yield from rows(["200"], LAST, CLOSED)
    yield from rows([], NOTHING)
    yield Row("no parameters at all", request_with(b""), ["404"])
    yield Row("request 65535", get("/ping", request=65535), ["200 to 65535"])
    yield Row("two requests in one write", TOKEN + PING, ["200", "200"])
    yield Row("two requests under two ids", TOKEN + get("/ping", 9), ["200", "200 to 9"])
    yield Row("200 requests in one write", TOKEN * 200, ["200"] * 200)
    yield Row("20 requests in writes of 13 bytes", TOKEN * 20, ["200"] * 20, step=13)
    yield Row("the last without keep_conn", TOKEN + post(keep=False), ["200", "200"], CLOSED)

    yield from rows(["431"], OVER_PARAMS, CLOSED, "bytes of parameters")
    yield from rows(["413"], OVER_BODY)
    yield from rows(["400"], WRONG_LENGTH)

    yield from rows([ALL_VALUES], named("GET_VALUES", SOME_VALUES))
    yield from rows(["VALUES"], named("GET_VALUES", NO_VALUES))
    values, unknown = record(GET_VALUES, ASKED, 0), record(77, b"x" * 500, 0)
    yield Row("5,000 GET_VALUES", values * 5000, [ALL_VALUES] * 5000)
    yield Row("50,000 empty ones", record(GET_VALUES, b"", 0) * 50000, ["VALUES"] * 50000)
    yield Row("GET_VALUES within a request", within(values), [ALL_VALUES, "200"])
    for kind in (ABORT, PARAMS, STDIN, *OTHER_TYPES):
        yield Row(f"type {kind} with id 0", record(kind, bytes(8), 0), [f"UNKNOWN_TYPE {kind}"])
    yield Row("1,000 unknown types", unknown * 1000, ["UNKNOWN_TYPE 77"] * 1000)
    yield Row("an unknown type within a request", within(unknown), ["UNKNOWN_TYPE 77", "200"])

    yield Row("begin of another id", within(begin(2)), [no_mpx, "200"])
    other = stream(PARAMS, PING_PARAMS, 2) + stream(STDIN, b"", 2)
    yield Row("requests interleaved", within(begin(2), other), [no_mpx, "200"])
    begins = within(*(begin(2) for _ in range(1000)))
    yield Row("1,000 begins of another id", begins, [no_mpx] * 1000 + ["200"])
    begins = WAIT + begin(2) + record(ABORT)
    yield Row("begin of another id while a handler waits", begins, [no_mpx, ended])
    for role in (0, 2, 3, 9, 65535):
        yield Row(f"role {role}", begin(role=role), [no_role], CLOSED, role_log)
    refused = PING + begin(role=2)
    yield Row("a role refused behind an answer", refused, ["200", no_role], CLOSED, role_log)

    yield from rows([ended], ABORTED)
    yield from rows([ended], LAST_ABORTED, CLOSED)
    yield Row("1,000 begun and aborted", (begin() + record(ABORT)) * 1000, [ended] * 1000)

    for prefix, refused, log in (
        ("begin twice", TWICE, "a second BEGIN_REQUEST for the same request"),
        ("begin", BAD_BEGIN, "a malformed BEGIN_REQUEST"),
        ("not FastCGI", NOT_FASTCGI, "bytes that are not FastCGI"),
        ("parameters that end within", CUT_PARAMS, "PARAMS that end within a name or a value"),
        ("order", EARLY_BODY, "STDIN before the end of PARAMS"),
        ("order", LATE_PARAMS, "PARAMS after their end"),
    ):
        yield from rows([], named(prefix, refused), CLOSED, log)
    for kind in (*OTHER_TYPES, GET_VALUES):
        data = begin() + record(kind, bytes(8))
        log = "a record of a type that no responder gets"
        yield Row(f"type {kind} within its request", data, [], CLOSED, log)
    yield from rows([], UNFINISHED, PARTIAL)


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
            for row in table():
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
    yield Slow(
        "a body that never ends", [(0, HALF), *every(0.2, *[record(STDIN, b" ")] * 20)], [], True
    )
    yield Slow("half a request on a kept connection", [(0, PING), (0.1, TOKEN[:60])], ["200"], True)
    values = record(GET_VALUES, b"", 0)
    yield Slow(
        "half a request and GET_VALUES", [(0, HALF), *every(0.3, *[values] * 12)], None, True
    )
    yield Slow(
        "half a request and other begins", [(0, HALF), *every(0.3, *[begin(2)] * 12)], None, True
    )
    yield Slow("nothing but GET_VALUES", every(0.3, *[values] * 14), None, True)
    yield Slow("a kept connection at rest", [(0, TOKEN)], ["200"], False)
    body = fc.padded_body(5000)
    yield Slow(
        "a body that is streamed slowly",
        [
            (0, begin() + stream(PARAMS, params_for("/getToken", "POST", body))),
            *every(0.1, *(record(STDIN, body[i : i + 1000]) for i in range(0, 5000, 1000))),
            (0.1, record(STDIN)),
        ],
        ["200"],
        False,
    )
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
            client.send(self.row.sends[0][1])
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


def check_ids(run, build):
    """What is said of a connection names the request that it ends."""
    with Responder(build, run, {"ANSWER_TIMEOUT": "1", "REQUEST_TIMEOUT": "1"}) as responder:
        mark = responder.mark()
        with responder.client() as client:
            client.send(get("/test/wait/60000", HTTP_X_REQUEST_ID="cut-off") + bytes(8))
            client.wait_closed(5)
        log = responder.wait_log("bytes that are not FastCGI", mark)
        expect("connection closed id=cut-off\n" in log, log)
        with responder.client() as client:
            client.send(get("/ping", HTTP_X_REQUEST_ID="taken"))
            client.send(get("/test/big/4000000", HTTP_X_REQUEST_ID="not-taken"))
            log = responder.wait_log(NOT_TAKEN, mark)
        expect("connection closed id=not-taken\n" in log, log)
        # One that never came whole has its own id, or once its parameters came the client's.
        params = params_for("/getToken", "POST", b"{}", HTTP_X_REQUEST_ID="theirs")
        whole = begin() + stream(PARAMS, params)
        made, theirs = "[0-9a-f]{32}", "theirs"
        for sent, what, wanted in (
            (whole + record(STDIN, b"{"), OUT_OF_TIME, theirs),
            (whole, OUT_OF_TIME, theirs),
            (whole[:-8], OUT_OF_TIME, made),
            (begin(), OUT_OF_TIME, made),
            (whole + record(PARAMS), "PARAMS after their end", theirs),
            (whole + record(STDIN, b"{") + begin(), "a second BEGIN_REQUEST", theirs),
            (begin() + stream(PARAMS, params[:-1]), "PARAMS that end within", made),
        ):
            mark = responder.mark()
            with responder.client() as client:
                client.send(sent)
                log = responder.wait_log(what, mark)
            expect(re.search(f"connection closed id={wanted}\n", log), wanted, log)


def run_all(suite, run, build, report):
    run_table(suite, run, build)
    for kind in ("unix", "tcp"):
        run_slow(suite, run, build, kind, report)
    suite.run("framing: ids in lines of connections", check_ids, run, build)
