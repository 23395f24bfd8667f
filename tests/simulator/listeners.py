"""The hosts of the simulated area: listening sockets that can fail, each by itself."""

import asyncio
import itertools
import socket
import ssl

from wire import MAX_HEAD, Wire

STATES = ("up", "down", "stuck", "blackhole")
BACKLOG = 1024
connection_numbers = itertools.count(1)


def tls_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context


class Listener:
    """up: serves. down: refuses connections, the open ones are cut. stuck: accepts and reads, but
    never answers. blackhole: connections are neither accepted nor refused."""

    def __init__(self, name, host, port, serve, certificates=None, tls=None):
        self.name, self.host, self.port, self.serve = name, host, port, serve
        self.certificates = certificates or {}  # "good", "expired": a context
        self.tls = self.first_tls = tls
        self.state = "down"
        self.wires = set()
        self.accepted = 0
        self.server = self.hole = None
        self.changed = asyncio.Event()

    @property
    def url(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def shown(self):
        return {
            "host": self.name,
            "url": self.url,
            "state": self.state,
            "tls": self.tls,
            "connections": len(self.wires),
            "accepted": self.accepted,
        }

    async def set(self, state, tls=None):
        if tls and not self.certificates.get(tls):
            raise ValueError(f"there is no {tls} certificate")
        restart = tls and tls != self.tls
        if state == self.state and not restart:
            return
        self.tls = tls or self.tls
        listening = self.state in ("up", "stuck")
        if state in ("down", "blackhole") or restart or not listening:
            await self._silence()
            if state in ("up", "stuck"):
                await self._listen()
            elif state == "blackhole":
                self._blackhole()
        self.state = state
        self.changed.set()
        self.changed = asyncio.Event()

    async def _listen(self):
        context = self.certificates[self.tls] if self.tls else None
        more = {"ssl_handshake_timeout": 30, "ssl_shutdown_timeout": 1} if context else {}
        self.server = await asyncio.start_server(
            self._accept, self.host, self.port, ssl=context, limit=MAX_HEAD, backlog=BACKLOG, **more
        )
        self.port = self.server.sockets[0].getsockname()[1]

    async def _silence(self):
        """Nothing listens here any more, and nobody is connected."""
        if self.server:
            self.server.close()
            self.server = None
        for one in self.hole or ():
            one.close()
        self.hole = None
        for wire in list(self.wires):
            wire.abort()
        await asyncio.sleep(0)

    def _blackhole(self):
        """A listening socket whose queue is full: the kernel drops whoever comes."""
        full = socket.socket()
        full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        full.bind((self.host, self.port))
        full.listen(0)
        self.hole = [full]
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((self.host, self.port))
            self.hole.append(filler)

    async def _accept(self, reader, writer):
        wire = Wire(reader, writer, self, next(connection_numbers))
        self.accepted += 1
        self.wires.add(wire)
        try:
            await self.serve(wire)
        finally:
            self.wires.discard(wire)
            writer.close()
