"""Scripted faults: what matches, how often, and how an answer is spoilt.

A fault is {"match": {...}, "times": N, "action": "...", ...}. The parameters of the actions stand
beside "action"; ACTIONS says which. "work" overrides whether the request's work is done.
"""

import asyncio
import json
import re
import time
from http import HTTPStatus

from wire import Response, answer

FOREVER = 10**9

# action: (is the work done?, parameters and their defaults)
ACTIONS = {
    "delay": (True, {"ms": 1000}),  # wait, work, answer
    "delay_after": (True, {"ms": 1000}),  # work, wait, answer
    "hang": (False, {}),  # no answer ever
    "hang_after": (True, {}),
    "drop": (False, {"ms": 0}),  # closed without an answer
    "drop_after": (True, {"ms": 0}),
    "reset": (False, {"ms": 0}),  # the same with a RST
    "reset_after": (True, {"ms": 0}),
    "truncate": (True, {"bytes": None}),  # so many bytes of the body (half of it), then closed
    "truncate_head": (True, {"bytes": 20}),  # so many bytes of the head
    "garbage": (True, {}),  # bytes that are not HTTP
    "huge": (True, {"mib": 2, "chunked": False}),  # a JSON body of so many MiB
    "huge_head": (True, {"kib": 512}),
    "status": (False, {"status": 500, "body": None, "headers": {}, "ms": 0}),
    "status_after": (True, {"status": 504, "body": None, "headers": {}, "ms": 0}),
    "rename_request_id": (True, {}),  # X-Custom-Request-ID
    "omit_request_id": (True, {}),
    "slow_loris": (True, {"ms": 100, "body_only": False}),  # one byte each ms
    "not_json": (True, {"status": 200, "body": "<html><body>It works!</body></html>"}),
    "empty": (True, {"status": 200}),  # no body
    "close": (True, {}),  # a good answer, then the connection is closed without notice
    "chunked": (True, {}),  # a good answer in small chunks
}
COMMON = {"match", "times", "skip", "probability", "seconds", "action", "work"}
MATCH = {"method", "path", "host", "body"}
GARBAGE = b"\x16\x03\x01\x00\xff\x00 not HTTP at all \xfe\xff\r\n\r\n" + bytes(range(256))
DEFAULT_BODIES = {
    429: {"message": "API rate limit exceeded"},
    500: {"message": "An unexpected error occurred"},
    502: {"message": "An invalid response was received from the upstream server"},
    503: {"message": "failure to get a peer from the ring-balancer"},
    504: {"message": "The upstream server is timing out"},
}


class BadFault(Exception):
    pass


class Fault:
    def __init__(self, number, given):
        if not isinstance(given, dict):
            raise BadFault("a fault is an object")
        self.action = given.get("action")
        if self.action not in ACTIONS:
            raise BadFault(f"action: must be one of {', '.join(ACTIONS)}")
        work, defaults = ACTIONS[self.action]
        unknown = set(given) - COMMON - set(defaults)
        if unknown:
            raise BadFault(f"{self.action} has no {', '.join(sorted(unknown))}")
        self.number, self.given = number, given
        self.match = given.get("match", {})
        if set(self.match) - MATCH:
            raise BadFault(f"match: only {', '.join(sorted(MATCH))}")
        try:
            self.patterns = {k: re.compile(v) for k, v in self.match.items() if k != "host"}
        except (re.error, TypeError) as error:
            raise BadFault(f"match: {error}") from None
        times, seconds = given.get("times", 1), given.get("seconds")
        self.left = FOREVER if times is None else times
        self.skip = given.get("skip", 0)
        self.probability = given.get("probability", 1)
        for number in (self.left, self.skip, self.probability, seconds or 0):
            if type(number) not in (int, float):
                raise BadFault("times, skip, probability, seconds: must be numbers")
        self.until = None if seconds is None else time.monotonic() + seconds
        self.work = given.get("work", work)
        self.parameters = {**defaults, **{k: given[k] for k in defaults if k in given}}
        self.fired = 0

    def __getitem__(self, name):
        return self.parameters[name]

    def matches(self, request):
        host = self.match.get("host")
        if host and host not in (request.listener, request.header("host").partition(":")[0]):
            return False
        parts = {"method": request.method, "path": request.target}
        if "body" in self.patterns:
            parts["body"] = request.body.decode("utf-8", "replace")
        return all(pattern.search(parts[name]) for name, pattern in self.patterns.items())

    def shown(self):
        left = None if self.left > FOREVER // 2 else self.left
        return {"id": self.number, "fired": self.fired, "left": left, **self.given}


class Faults:
    def __init__(self, dice):
        self.dice, self.list, self.count = dice, [], 0
        self.unanswered = Fault(0, {"action": "hang"})  # what a stuck host does to all

    def add(self, given):
        fault = Fault(self.count + 1, given)
        self.count += 1
        self.list.append(fault)
        return fault

    def clear(self):
        self.list.clear()

    def choose(self, request):
        """The first fault that is due for this request, or None. It counts as fired."""
        for fault in self.list:
            if fault.left <= 0 or not fault.matches(request):
                continue
            if fault.until is not None and time.monotonic() > fault.until:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.probability < 1 and self.dice.random() >= fault.probability:
                continue
            fault.left -= 1
            fault.fired += 1
            return fault
        return None


class Abandoned(Exception):
    """The simulator was reset, or the connection is to end, while a request was waiting."""


class Delivery:
    """One request on its way: the work it asks for, and the answer that it gets."""

    def __init__(self, wire, keep_alive, work, ended):
        self.wire, self.keep_alive = wire, keep_alive
        self.work = work  # done when called; returns the response
        self.ended = ended  # an asyncio.Event: set when everything is reset

    async def sleep(self, seconds):
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self.ended.wait(), seconds)
        except asyncio.TimeoutError:
            return
        raise Abandoned

    async def plain(self):
        response = self.work()
        await self.sleep(response.delay)
        await self.wire.respond(response, self.keep_alive)
        return self.keep_alive

    async def run(self, fault):
        """Answers, or not. Returns whether the connection stays."""
        if fault is None:
            return await self.plain()
        action = getattr(self, "_" + fault.action.removesuffix("_after"))
        if fault.action in ("delay", "drop", "reset", "status", "status_after"):
            await self.sleep(fault["ms"] / 1000)
        response = self.work() if fault.work else None
        if fault.action in ("delay_after", "drop_after", "reset_after"):
            await self.sleep(fault["ms"] / 1000)
        if response:
            await self.sleep(response.delay)
        return await action(fault, response or answer(200, {}))

    async def _delay(self, _fault, response):
        await self.wire.respond(response, self.keep_alive)
        return self.keep_alive

    async def _hang(self, _fault, _response):
        waits = [asyncio.ensure_future(w) for w in (self.ended.wait(), self.wire.gone())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self.wire.abort()
        return False

    async def _drop(self, _fault, _response):
        self.wire.close()
        return False

    async def _reset(self, _fault, _response):
        self.wire.reset()
        return False

    async def _truncate(self, fault, response):
        count = len(response.body) // 2 if fault["bytes"] is None else fault["bytes"]
        # an empty body cannot be cut: promise one that never comes
        length = len(response.body) or 100
        await self.wire.send(self.wire.head(response, True, length) + response.body[:count])
        self.wire.close()
        return False

    async def _truncate_head(self, fault, response):
        await self.wire.send(self.wire.head(response)[: fault["bytes"]])
        self.wire.close()
        return False

    async def _garbage(self, _fault, _response):
        await self.wire.send(GARBAGE)
        self.wire.close()
        return False

    async def _huge(self, fault, response):
        start, end = b'{"padding":"', b'"}'
        size = int(fault["mib"] * 1024 * 1024)
        length = "chunked" if fault["chunked"] else size
        await self.wire.send(self.wire.head(response, self.keep_alive, length))
        left = size - len(start) - len(end)
        pieces = [start]
        while left > 0:
            pieces.append(b"x" * min(left, 65536))
            left -= len(pieces[-1])
        for piece in (*pieces, end):
            await self.wire.send(_chunk(piece) if fault["chunked"] else piece)
        if fault["chunked"]:
            await self.wire.send(b"0\r\n\r\n")
        return self.keep_alive

    async def _huge_head(self, fault, response):
        padding = [("X-Padding", "x" * 1000)] * fault["kib"]
        full = Response(response.status, response.body, response.headers + padding)
        await self.wire.respond(full, self.keep_alive)
        return self.keep_alive

    async def _status(self, fault, response):
        headers = list(fault["headers"].items())
        body = fault["body"]
        if body is None:
            try:
                phrase = HTTPStatus(fault["status"]).phrase
            except ValueError:
                phrase = "Unknown"
            body = DEFAULT_BODIES.get(fault["status"], {"message": phrase})
        if not isinstance(body, str):
            body = json.dumps(body)
            headers.append(("Content-Type", "application/json; charset=utf-8"))
        headers += [h for h in response.headers if h[0].lower() == "x-request-id"]
        await self.wire.respond(Response(fault["status"], body.encode("utf-8", "surrogateescape"), headers), self.keep_alive)
        return self.keep_alive

    async def _rename_request_id(self, _fault, response):
        response.headers = [
            ("X-Custom-Request-ID" if name.lower() == "x-request-id" else name, value)
            for name, value in response.headers
        ]
        return await self._delay(None, response)

    async def _omit_request_id(self, _fault, response):
        response.headers = [h for h in response.headers if h[0].lower() != "x-request-id"]
        return await self._delay(None, response)

    async def _slow_loris(self, fault, response):
        head = self.wire.head(response, self.keep_alive)
        if fault["body_only"]:
            await self.wire.send(head)
            head = b""
        for byte in head + response.body:
            await self.wire.send(bytes((byte,)))
            await self.sleep(fault["ms"] / 1000)
        return self.keep_alive

    async def _not_json(self, fault, response):
        headers = [h for h in response.headers if h[0].lower() != "content-type"]
        headers.append(("Content-Type", "text/html"))
        page = Response(fault["status"], fault["body"].encode("utf-8", "surrogateescape"), headers)
        await self.wire.respond(page, self.keep_alive)
        return self.keep_alive

    async def _empty(self, fault, _response):
        await self.wire.respond(Response(fault["status"]), self.keep_alive)
        return self.keep_alive

    async def _close(self, _fault, response):
        await self.wire.respond(response)
        self.wire.close()
        return False

    async def _chunked(self, _fault, response):
        await self.wire.send(self.wire.head(response, self.keep_alive, "chunked"))
        for i in range(0, len(response.body), 7):
            await self.wire.send(_chunk(response.body[i : i + 7]))
        await self.wire.send(b"0\r\n\r\n")
        return self.keep_alive


def _chunk(piece):
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
