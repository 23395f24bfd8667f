"""Rates by address, in a table of fixed size: what a flood of distinct clients costs."""

import os
import re
from collections import Counter

import engine_client as fc
import kit
from engine_client import get
from engine_responder import Responder, rss
from kit import expect, same

CLIENTS = 200_000
AT_ONCE = 250  # requests that are sent before their answers are read
ADDRESS = b"2001:db8:0000:0000::1"  # its place in the bytes stays the same
END = fc.record(fc.END, bytes(8))
ID = re.compile(rb"X-Request-ID: [0-9a-f]{32}\r\n")
SAME_ID = b"X-Request-ID: %032d\r\n" % 0
# What the sanitizer keeps of freed memory must not hide what is not freed.
ASAN = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1")))


class Flood:
    """Asks from so many networks, one after the other, each once."""

    def __init__(self, responder):
        self.client, self.asked, self.came = responder.client(), 0, Counter()
        request = get("/ping", REMOTE_ADDR=ADDRESS.decode())
        self.start, self.end = request.split(ADDRESS)

    def send(self, count):
        """Returns how many of them were refused."""
        refused = 0
        for first in range(self.asked, self.asked + count, AT_ONCE):
            addresses = (b"2001:db8:%04x:%04x::1" % divmod(n, 65536)
                         for n in range(first, first + AT_ONCE))
            got = self.exchange(b"".join(self.start + a + self.end for a in addresses))
            refused += got.count(b"Status: 429")
            same(got.count(b"Status: "), AT_ONCE, "answers")
            same(len(ID.findall(got)), AT_ONCE, "request ids")
            self.came.update(ID.sub(SAME_ID, got).split(END)[:-1])
        self.asked += count
        return refused

    def note(self):
        """All that came: but for their ids they are a few."""
        for got, times in self.came.items():
            fc.parse_answer(fc.stdout_of(got), "GET", "/ping")
            kit.answers += kit.answers[-1:] * (times - 1)

    def exchange(self, data):
        sock, got, answered = self.client.sock, bytearray(), 0
        sock.sendall(data)
        while answered < AT_ONCE:
            more = sock.recv(1 << 20)
            expect(more, f"closed after {answered} answers")
            before = max(0, len(got) - len(END) + 1)
            got += more
            answered += got.count(END, before)
        return got


def refused(responder, request):
    answer = responder.ask(request)
    same(answer.status, 429, f"status ({answer.body})")
    same(answer.json()["code"], "rate_limited", "code")
    expect(int(answer.headers["retry-after"]) > 3600, "Retry-After")


def test_why_a_request_is_too_large_is_said_with_its_id(run, build, report):
    """Though nothing of it was decoded."""
    for log_format, sign in (("text", " id=%s"), ("logfmt", " id=%s"), ("json", '"id":"%s"')):
        with Responder(build, run, {"MAX_PARAMS": "4096", "LOG_FORMAT": log_format}) as responder:
            mark = responder.mark()
            answer = responder.ask(get("/ping", HTTP_X="x" * 5000))
            same(answer.status, 431, "status")
            lines = responder.wait_log("headers_too_large", mark).splitlines()
            expect("(MAX_PARAMS)" in lines[0] and len(lines) == 2, lines)
            for line in lines:
                expect(sign % answer.headers["x-request-id"] in line, f"no id in {line}")


def test_flood_of_addresses(run, build, report):
    """It costs no memory, and who asks most is not forgotten for it (limit.h)."""
    settings = {"ADDRESS_RATE": "5/day", "ASAN_OPTIONS": ASAN}
    busy = get("/ping", REMOTE_ADDR="2001:db8:ffff:1:2:3:4:5")
    with Responder(build, run, settings) as responder:
        for _ in range(5):
            same(responder.ask(busy).status, 200, "the busy client's burst")
        refused(responder, busy)
        flood = Flood(responder)
        same(flood.send(CLIENTS // 10), 0, "of those who ask once")
        pid = responder.worker()
        memory = rss(pid)
        for n in range(9):
            same(flood.send(CLIENTS // 10), 0, "of those who ask once")
            refused(responder, busy)
            refused(responder, get("/ping", REMOTE_ADDR="2001:db8:ffff:1::99"))
            same(responder.ask(get("/ping", REMOTE_ADDR=f"2001:db8:fffe:{n}::1")).status, 200,
                 "another network")
        grown = rss(pid) - memory
        report("RSS grown by 180,000 more addresses", f"{grown} KiB")
        expect(grown < 2048, f"grown by {grown} KiB")
        same(responder.worker(), pid, "the worker")
        flood.note()
        flood.client.close()
