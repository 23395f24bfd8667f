"""HTTP/1.1 as bytes: requests in, responses out, over one connection."""

import asyncio
import json
import socket
import struct
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_HEAD, MAX_BODY = 64 * 1024, 1024 * 1024


class BadRequest(Exception):
    """Not HTTP: nothing to answer but 400 and goodbye."""


@dataclass
class Request:
    method: str
    target: str  # as it came: path and query
    version: str
    headers: dict  # lower-case names
    body: bytes = b""
    listener: str = ""
    connection: int = 0
    notes: list = field(default_factory=list)  # violations found on the way
    json: object = None
    token: object = None  # that it came with, in place of a customer id and secret
    operation: str = ""
    product: str = ""

    @property
    def path(self):
        return urlsplit(self.target).path if "?" in self.target else self.target

    @property
    def query(self):
        query = self.target.partition("?")[2]
        return dict(parse_qsl(query, keep_blank_values=True))

    def header(self, name, default=""):
        return self.headers.get(name.lower(), default)

    @property
    def keep_alive(self):
        token = self.header("connection").lower()
        return "close" not in token if self.version == "HTTP/1.1" else "keep-alive" in token


@dataclass
class Response:
    status: int
    body: bytes = b""
    headers: list = field(default_factory=list)
    delay: float = 0.0  # seconds of work before it is there
    json: object = None  # the body again, for the log


def answer(status, value, *headers, delay=0.0):
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )
    kind = ("Content-Type", "application/json; charset=utf-8")
    return Response(status, body, [kind, *headers], delay, value)


def empty(status=200, *headers):
    return Response(status, b"", list(headers))


def segment(text):
    """A captured path segment, decoded."""
    return unquote(text)


class Wire:
    """One connection, with the ways to mistreat it."""

    def __init__(self, reader, writer, listener, number):
        self.reader, self.writer, self.listener, self.number = reader, writer, listener, number
        self.sent = None  # the status that the last request was answered with

    async def receive(self):
        """The next request, or None when the peer is done."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as cut:
            if cut.partial:
                raise BadRequest("cut in the head") from None
            return None
        except asyncio.LimitOverrunError:
            raise BadRequest("the head is too large") from None
        request = self._head(head)
        if request.header("expect").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.body = await self._body(request)
        return request

    def _head(self, head):
        lines = head[:-4].decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3 or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
            raise BadRequest("bad request line")
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise BadRequest("bad header line")
            name, value = name.lower(), value.strip()
            if name in headers and name in ("host", "content-length", "authorization"):
                raise BadRequest(f"{name} twice")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        if parts[2] == "HTTP/1.1" and not headers.get("host"):
            raise BadRequest("no Host")
        if not parts[1].startswith("/"):
            raise BadRequest("the target is not a path")
        return Request(*parts, headers, listener=self.listener.name, connection=self.number)

    async def _body(self, request):
        if "transfer-encoding" in request.headers:
            if request.header("transfer-encoding").lower() != "chunked":
                raise BadRequest("unknown transfer coding")
            return await self._chunks()
        length = request.header("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            raise BadRequest("bad or too large Content-Length")
        return await self.reader.readexactly(int(length))

    async def _chunks(self):
        body = b""
        while True:
            line = await self.reader.readuntil(b"\r\n")
            size = int(line.partition(b";")[0], 16)
            if len(body) + size > MAX_BODY:
                raise BadRequest("the body is too large")
            piece = await self.reader.readexactly(size + 2)
            if size == 0:
                return body
            body += piece[:-2]

    # Answers, right and wrong

    def head(self, response, keep_alive=True, length=None):
        self.sent = response.status
        try:
            reason = HTTPStatus(response.status).phrase
        except ValueError:
            reason = "Unknown"
        lines = [f"HTTP/1.1 {response.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in response.headers]
        if not any(name.lower() == "date" for name, _ in response.headers):
            lines.append(f"Date: {formatdate(usegmt=True)}")
        if length != "chunked":
            lines.append(f"Content-Length: {len(response.body) if length is None else length}")
        else:
            lines.append("Transfer-Encoding: chunked")
        if not keep_alive:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def respond(self, response, keep_alive=True):
        await self.send(self.head(response, keep_alive) + response.body)

    def close(self):
        self.writer.close()

    def abort(self):
        """Gone without a word; over TCP that is a FIN, or a RST if bytes were left unread."""
        self.writer.transport.abort()

    def reset(self):
        """Gone with a RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self):
        """Returns when the peer has closed."""
        while await self.reader.read(4096):
            pass
