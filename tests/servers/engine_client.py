"""A web server's side of FastCGI 1.0, byte by byte."""

import io
import json
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass

import kit
from fastcgi import read_params
from kit import expect, same

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA = range(1, 9)
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11
STATUS = ("REQUEST_COMPLETE", "CANT_MPX_CONN", "OVERLOADED", "UNKNOWN_ROLE")
RESPONDER = 1
HEADER = struct.Struct(">BBHHBx")

# What a web server sends


def record(kind, content=b"", request=1, padding=0, version=1):
    header = HEADER.pack(version, kind, request, len(content), padding)
    return header + content + b"\xff" * padding


def begin(request=1, keep=True, role=RESPONDER):
    return record(BEGIN, struct.pack(">HB5x", role, keep), request)


def length(n, wide=False):
    return struct.pack(">I", n | 0x80000000) if wide or n > 127 else bytes([n])


def pair(name, value=b"", wide=False):
    return length(len(name), wide) + length(len(value), wide) + name + value


def pairs(params):
    return b"".join(pair(n.encode(), str(v).encode()) for n, v in params.items())


def stream(kind, content, request=1, size=65535, padding=0):
    """A stream's records and its end."""
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(record(kind, part, request, padding) for part in [*parts, b""])


def params_for(target, method="GET", body=b"", **more):
    params = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "REMOTE_ADDR": "192.0.2.7",
        "CONTENT_LENGTH": len(body) if body else "",
    }
    return pairs(params | more)


def get(target, request=1, keep=True, **params):
    return (
        begin(request, keep)
        + stream(PARAMS, params_for(target, **params), request)
        + stream(STDIN, b"", request)
    )


TOKEN_BODY = json.dumps(
    {"tokenType": "rtc", "channel": "room", "uid": "7", "role": "publisher"}
).encode()


def post(body=TOKEN_BODY, request=1, keep=True, size=65535, padding=0, **params):
    """Asks for a token."""
    head = params_for("/getToken", "POST", body, **params)
    return (
        begin(request, keep)
        + stream(PARAMS, head, request, size, padding)
        + stream(STDIN, body, request, size, padding)
    )


def padded_body(size):
    """As large as that, and still the same request."""
    return TOKEN_BODY + b" " * (size - len(TOKEN_BODY))


TOKEN = post()

# What it gets


@dataclass
class Answer:
    status: int
    headers: dict  # names in lower case
    body: bytes

    def header(self, name):
        return self.headers.get(name.lower())

    def json(self):
        return json.loads(self.body)


def parse_answer(data, method, target):
    """The CGI answer to that; noted."""
    answer, headers = kit.cgi_answer(data, method, target), {}
    for name, value in answer.headers:
        expect(name.lower() not in headers, f"{name} came twice")
        headers[name.lower()] = value
    return Answer(answer.status, headers, answer.body)


def read_pairs(data):
    found = {}
    while data:
        name, value = data[0], data[1]
        found[data[2 : 2 + name].decode()] = data[2 + name : 2 + name + value].decode()
        data = data[2 + name + value :]
    return found


class Sent:
    """The requests in the bytes that a client sends, as far as they can be read."""

    def __init__(self):
        self.bytes, self.params = bytearray(), {}  # params: of the requests of each id, in order

    def take(self, data):
        self.bytes += data
        at = 0
        while len(self.bytes) - at >= HEADER.size:
            _, kind, request, size, padding = HEADER.unpack_from(self.bytes, at)
            if len(self.bytes) - at < HEADER.size + size + padding:
                break
            if kind == BEGIN:
                self.params.setdefault(request, []).append(bytearray())
            elif kind == PARAMS and self.params.get(request):
                self.params[request][-1] += self.bytes[at + HEADER.size : at + HEADER.size + size]
            at += HEADER.size + size + padding
        del self.bytes[:at]

    def ended(self, request):
        """Method and target of the first with this id, which is answered now."""
        params = self.params.get(request)
        try:
            sent = read_params(params.pop(0)) if params else {}
        except (IndexError, struct.error):  # broken on purpose
            sent = {}
        path = sent.get("REQUEST_URI") or sent.get("PATH_INFO") or ["/"]
        return sent.get("REQUEST_METHOD", ["GET"])[0], path[0]


class Client:
    """A connection.  What came is told in words, in `events`: "200" for an answer to request 1,
    "200 to 9" for another's, "END 2 CANT_MPX_CONN" for an end without an answer."""

    def __init__(self, address, seconds=kit.DEADLINE, receive=0):
        """receive: bytes that the kernel may hold for us; 0: as many as it likes."""
        self.seconds = seconds
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
        else:
            self.sock = socket.socket(socket.AF_INET)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.sock.settimeout(seconds)
        self.connected = time.monotonic()
        try:
            self.sock.connect(address)
        except OSError:
            self.sock.close()
            raise
        self.sent, self.bytes, self.stdout = Sent(), bytearray(), {}
        self.events, self.answers, self.closed_at = [], [], None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST where that exists."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, data):
        self.sent.take(data)
        self.sock.sendall(data)

    def take(self, data):
        self.bytes += data
        at = 0
        while len(self.bytes) - at >= HEADER.size:
            version, kind, request, size, padding = HEADER.unpack_from(self.bytes, at)
            same(version, 1, "version of a record")
            whole = HEADER.size + size + padding
            if len(self.bytes) - at < whole:
                break
            self.take_record(kind, request, bytes(self.bytes[at + HEADER.size :][:size]))
            at += whole
        del self.bytes[:at]

    def take_record(self, kind, request, content):
        if kind == STDOUT:
            self.stdout.setdefault(request, bytearray()).extend(content)
        elif kind == END:
            same(len(content), 8, "length of END_REQUEST")
            status, out = STATUS[content[4]], self.stdout.pop(request, None)
            asked = self.sent.ended(request)
            if out is None:
                self.events.append(f"END {request} {status}")
                return
            same(status, "REQUEST_COMPLETE", "END_REQUEST of an answer")
            self.answers.append(parse_answer(bytes(out), *asked))
            number = "" if request == 1 else f" to {request}"
            self.events.append(f"{self.answers[-1].status}{number}")
        elif kind == GET_VALUES_RESULT:
            same(request, 0, "id of GET_VALUES_RESULT")
            values = [f"{n}={v}" for n, v in sorted(read_pairs(content).items())]
            self.events.append(" ".join(["VALUES", *values]))
        elif kind == UNKNOWN_TYPE:
            same(request, 0, "id of UNKNOWN_TYPE")
            self.events.append(f"UNKNOWN_TYPE {content[0]}")
        else:
            self.events.append(f"record {kind} of {request}")

    def pump(self, data, enough, seconds=None):
        """Sends and receives at once until it is enough or the responder closes.  Returns whether
        it was enough."""
        end = time.monotonic() + (self.seconds if seconds is None else seconds)
        rest = memoryview(data)
        self.sock.setblocking(False)
        poll = select.poll()
        while rest or not enough():
            if self.closed_at is not None:
                return enough()
            poll.register(self.sock, select.POLLIN | (select.POLLOUT if rest else 0))
            left = end - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                return False
            try:
                if rest:
                    count = self.sock.send(rest)
                    self.sent.take(rest[:count])
                    rest = rest[count:]
            except BlockingIOError:
                pass
            except OSError:
                rest = rest[:0]
            self.receive_some()
        return True

    def receive_some(self, most=1 << 20):
        try:
            data = self.sock.recv(most)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if data:
            self.take(data)
        elif self.closed_at is None:
            self.closed_at = time.monotonic()

    def converse(self, data, count=1):
        """Sends, and waits for so many more events.  Returns those that came."""
        before = len(self.events)
        self.pump(data, lambda: len(self.events) >= before + count)
        return self.events[before:]

    def ask(self, data):
        """One request and its answer."""
        before = len(self.answers)
        if not self.pump(data, lambda: len(self.answers) > before):
            state = "still open" if self.closed_at is None else "closed"
            raise AssertionError(f"no answer; events {self.events}, {state}")
        return self.answers[-1]

    def wait_closed(self, seconds=None):
        """Seconds that the connection lived, or None when it is still open after the time."""
        self.pump(b"", lambda: False, seconds)
        return None if self.closed_at is None else self.closed_at - self.connected

    def is_open(self):
        """Looks, and waits for nothing."""
        self.sock.setblocking(False)
        self.receive_some()
        return self.closed_at is None


def ask(address, data, seconds=kit.DEADLINE):
    """One request on a connection of its own."""
    with Client(address, seconds) as client:
        return client.ask(data)


# Many at once


class Load:
    """So many clients, each asking again as soon as it is answered, in one thread of their own.
    A client that gets no answer is counted in `lost` and connects anew."""

    def __init__(self, clients, connect, request, finished, once=False):
        """connect() gives a connected socket; finished(bytes) the status of a whole answer, None
        while there is more to come.  once: one request a connection."""
        self.clients, self.connect, self.request = clients, connect, request
        self.finished, self.once = finished, once
        self.ended, self.lost, self.times = False, [], []  # times: of each good answer
        self.whole = []  # the bytes of each answer
        self.statuses = {}

    def run(self):
        poll, open_ones = select.epoll(), {}
        for _ in range(self.clients):
            self.begin(poll, open_ones)
        while open_ones and not (self.ended and time.monotonic() > self.end_by):
            for fd, _ in poll.poll(0.1):
                self.ready(poll, open_ones, fd)
        for sock, _ in open_ones.values():
            self.lost.append("no answer in time")
            sock.close()
        poll.close()
        for got in self.whole:
            self.note(got)

    def note(self, got):
        if self.finished is http_finished:
            kit.read_answer(io.BytesIO(got), self.request)
            return
        sent = Sent()
        sent.take(self.request)
        parse_answer(stdout_of(got), *sent.ended(1))

    def stop(self):
        """Every request that was sent is still to be answered."""
        self.end_by = time.monotonic() + kit.DEADLINE
        self.ended = True

    def begin(self, poll, open_ones, sock=None):
        for _ in range(50):
            try:
                if sock is None:
                    sock = self.connect()
                    poll.register(sock, select.EPOLLIN)
                sock.sendall(self.request)
                open_ones[sock.fileno()] = (sock, bytearray())
                return
            except OSError as error:
                self.lost.append(f"{type(error).__name__} when it was sent")
                if sock is not None:
                    sock.close()
                sock = None
                time.sleep(0.01)

    def ready(self, poll, open_ones, fd):
        sock, got = open_ones.pop(fd)
        try:
            data = sock.recv(65536)
            got += data
            status = self.finished(got)
            problem = None if data else f"closed after {len(got)} bytes"
        except OSError as error:
            status, problem = None, type(error).__name__
        if status is None and problem is None:
            open_ones[fd] = (sock, got)
            return
        if status is None:
            self.lost.append(problem)
        else:
            self.whole.append(bytes(got))
        if status == 200:
            self.times.append(time.monotonic())
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status is None or self.once:
            sock.close()
            sock = None
        if not self.ended:
            self.begin(poll, open_ones, sock)
        elif sock is not None:
            sock.close()


def stdout_of(got):
    at, out = 0, b""
    while len(got) - at >= HEADER.size:
        _, kind, _, size, padding = HEADER.unpack_from(got, at)
        if kind == STDOUT:
            out += got[at + HEADER.size :][:size]
        at += HEADER.size + size + padding
    return out


def fastcgi_finished(got):
    """The status of one whole answer on STDOUT."""
    at, status = 0, None
    while len(got) - at >= HEADER.size:
        _, kind, _, size, padding = HEADER.unpack_from(got, at)
        if kind == STDOUT and size and status is None:
            status = int(got[at + 16 : at + 19])  # Status: 200
        at += HEADER.size + size + padding
        if kind == END and at <= len(got):
            return status
    return None


def http_finished(got):
    head, separator, body = bytes(got).partition(b"\r\n\r\n")
    if not separator:
        return None
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:") and len(body) >= int(line[15:]):
            return int(head[9:12])
    return None


def started(load):
    thread = threading.Thread(target=load.run, daemon=True)
    thread.start()
    return thread


def connect(address):
    sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    sock.settimeout(kit.DEADLINE)
    sock.connect(address)
    return sock
