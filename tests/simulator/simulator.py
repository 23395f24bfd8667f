#!/usr/bin/env python3
"""Agora's REST API on loopback, for tests and for the demo. README.md tells the rest."""

import argparse
import asyncio
import json
import os
import resource
import signal
import ssl
import sys
import tempfile

sys.dont_write_bytecode = True

import certificates
from channels import Channels
from control import PREFIX, Control
from faults import Abandoned, Delivery, Faults
from frontdoor import FrontDoor
from ingress import Ingress
from listeners import Listener, tls_context
from pull import Pull
from push import Push
from recording import Recording
from speech import Speech
from wire import BadRequest, answer
from world import World

PRODUCTS = (Recording, Speech, Push, Pull, Channels, Ingress)
LINGER = 0.05  # seconds for an answer to leave before its host goes down
SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie")


class Simulator:
    def __init__(self, settings=None):
        self.world = World(settings)
        for product in PRODUCTS:
            self.world.add(product)
        self.door = FrontDoor(self.world)
        self.faults = Faults(self.world.dice)
        self.control = Control(self)
        self.listeners = []
        self.control_listener = None
        self.ended = asyncio.Event()  # set when what waits is to be abandoned
        self.in_flight = self.peak_in_flight = 0
        self.tasks = set()

    async def reset(self, asked_by=None):
        self.ended.set()
        self.ended = asyncio.Event()
        self.faults.clear()
        self.door.limits.reset()
        self.world.reset()
        self.peak_in_flight = self.in_flight
        for listener in self.listeners:
            if listener.name == asked_by and listener.tls != listener.first_tls:
                self.later(listener.set("up", listener.first_tls))  # the answer goes out first
            else:
                await listener.set("up", listener.first_tls)

    def later(self, work):
        async def run():
            await asyncio.sleep(LINGER)
            await work

        task = asyncio.ensure_future(run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # Connections

    async def serve(self, wire):
        try:
            while True:
                request = await wire.receive()
                if request is None or not await self.exchange(wire, request):
                    return
        except BadRequest as error:
            self.note_bad_request(wire, error)
            await wire.respond(answer(400, {"message": "Bad Request"}), False)
        except Abandoned:
            wire.abort()
        except (OSError, EOFError, ValueError, ssl.SSLError, asyncio.LimitOverrunError):
            pass  # the peer is gone, or talks nonsense

    async def exchange(self, wire, request):
        """Answers one request; whether the connection stays."""
        wire.sent = None
        if request.path.startswith(PREFIX):
            await wire.respond(await self.control.serve(request), request.keep_alive)
            return request.keep_alive
        if wire.listener is self.control_listener:
            await wire.respond(answer(404, {"error": "only /_sim/ is here"}), request.keep_alive)
            return request.keep_alive
        entry = self.note(wire, request)
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            return await self.deliver(wire, request, entry)
        finally:
            self.in_flight -= 1
            entry["sent"] = wire.sent

    async def deliver(self, wire, request, entry):
        ended = self.ended
        if wire.listener.state == "stuck":
            entry["fault"] = "stuck"
            fault = self.faults.unanswered
        else:
            fault = self.faults.choose(request)
            entry["fault"] = fault.action if fault else None

        def work():
            if ended.is_set():
                raise Abandoned
            response = self.door.serve(request)
            entry.update(
                worked=True,
                status=response.status,
                answer=response.json,
                product=request.product,
                operation=request.operation,
                violations=request.notes,
            )
            return response

        return await Delivery(wire, request.keep_alive, work, ended).run(fault)

    # The log

    def note(self, wire, request):
        headers = {
            name: value if name not in SECRET_HEADERS else value.partition(" ")[0] + " <redacted>"
            for name, value in request.headers.items()
        }
        try:
            body, text = json.loads(request.body), None
        except (ValueError, RecursionError):
            body, text = None, request.body.decode("utf-8", "replace") or None
        return self.world.entry(
            method=request.method,
            target=request.target,
            path=request.path,
            query=request.query,
            headers=headers,
            authorization="authorization" in request.headers,
            json=body,
            text=text,
            host=wire.listener.name,
            port=wire.listener.port,
            connection=wire.number,
            product="",
            operation="",
            fault=None,
            worked=False,
            status=None,
            sent=None,
            answer=None,
            violations=[],
        )

    def note_bad_request(self, wire, error):
        self.world.entry(
            method="", target="", path="", query={}, headers={}, authorization=False, json=None,
            text=None, host=wire.listener.name, port=wire.listener.port, connection=wire.number,
            product="", operation="", fault=None, worked=False, status=400, sent=400, answer=None,
            violations=[f"not HTTP: {error}"],
        )

    # Start and end

    def listen(self, name, host, port, contexts=None, tls=None):
        self.listeners.append(Listener(name, host, port, self.serve, contexts, tls))

    async def run(self, control_port=None):
        for listener in self.listeners:
            await listener.set("up")
        line = "ready " + " ".join(listener.url for listener in self.listeners)
        if control_port is not None:
            self.control_listener = Listener("control", "127.0.0.1", control_port, self.serve)
            await self.control_listener.set("up")
            line += f" control={self.control_listener.url}"
        print(line, flush=True)

    async def end(self):
        self.ended.set()
        for listener in self.listeners + [self.control_listener or self.listeners[0]]:
            await listener.set("down")


# Options


def options(arguments):
    env = os.environ.get
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address of the only host (default: %(default)s)")
    add("--port", type=int, default=0, help="its port (default: 0, any)")
    add(
        "--listen", action="append", metavar="[NAME=]HOST:PORT", default=[],
        help="a host instead, may be repeated; names are h0, h1, ... unless given",
    )
    add("--control", type=int, metavar="PORT", help="/_sim/ also here, over plain HTTP always")
    add("--tls", nargs=2, metavar=("CERT", "KEY"), help="HTTPS with this certificate")
    add(
        "--tls-make", metavar="DIRECTORY",
        help="HTTPS with certificates made here: ca.pem, good.pem, expired.pem",
    )
    add(
        "--expired-tls", nargs="*", metavar="CERT KEY",
        help="HTTPS with a certificate that has expired: this one, or one made for it",
    )
    add("--app-id", default=env("APP_ID"), help="default: $APP_ID, else one of its own")
    add("--app-certificate", default=env("APP_CERTIFICATE"), help="$APP_CERTIFICATE")
    add("--customer-id", default=env("CUSTOMER_ID"), help="$CUSTOMER_ID")
    add("--customer-secret", default=env("CUSTOMER_SECRET"), help="$CUSTOMER_SECRET")
    add("--rate-limits", action="store_true", help="keep Agora's rate limits")
    add("--demo", action="store_true", help="new players show in lists at once")
    add("--config", metavar="JSON", default="{}", help="more settings, as of /_sim/config")
    add("--until-eof", action="store_true", help="end when standard input does")
    parsed = parser.parse_args(arguments)
    if parsed.expired_tls is not None and len(parsed.expired_tls) not in (0, 2):
        parser.error("--expired-tls takes nothing, or CERT and KEY")
    return parsed


def settings_of(parsed):
    settings = {
        "appId": parsed.app_id,
        "appCertificate": parsed.app_certificate,
        "customerId": parsed.customer_id,
        "customerSecret": parsed.customer_secret,
        "rateLimits": parsed.rate_limits or None,
        "pullListDelay": 0 if parsed.demo else None,
    }
    given = {name: value for name, value in settings.items() if value not in (None, "")}
    return given | json.loads(parsed.config)


def contexts_of(parsed, scratch):
    """The certificates there are, and which is served first."""
    files = {}
    if parsed.tls:
        files["good"] = parsed.tls
    if parsed.expired_tls:
        files["expired"] = parsed.expired_tls
    made = parsed.tls_make or (scratch if parsed.expired_tls == [] else None)
    if made:
        certificates.make(made)
        for kind in ("good", "expired"):
            files.setdefault(kind, certificates.pair(made, kind))
    if not files:
        return {}, None
    contexts = {kind: tls_context(*pair) for kind, pair in files.items()}
    return contexts, "good" if parsed.expired_tls is None else "expired"


def hosts_of(parsed):
    for number, given in enumerate(parsed.listen or [f"{parsed.host}:{parsed.port}"]):
        name, equals, address = given.rpartition("=")
        host, _, port = address.rpartition(":")
        yield name if equals else f"h{number}", host.strip("[]"), int(port)


def allow_many_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def main(parsed, scratch):
    simulator = Simulator(settings_of(parsed))
    contexts, tls = contexts_of(parsed, scratch)
    for name, host, port in hosts_of(parsed):
        simulator.listen(name, host, port, contexts, tls)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if parsed.until_eof:
        loop.add_reader(sys.stdin, lambda: os.read(0, 4096) or stop.set())
    await simulator.run(parsed.control)
    await stop.wait()
    await simulator.end()


if __name__ == "__main__":
    allow_many_files()
    with tempfile.TemporaryDirectory(prefix="agora-simulator.") as directory:
        asyncio.run(main(options(sys.argv[1:]), directory))
