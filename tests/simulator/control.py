"""/_sim/: how tests script the simulator and look into it. No credentials needed, never logged."""

import json
import re

from faults import BadFault
from listeners import STATES
from wire import answer
from world import BadSetting

PREFIX = "/_sim/"


class BadCall(Exception):
    pass


def _flag(request, name):
    return request.query.get(name, "") not in ("", "0", "false")


class Control:
    def __init__(self, simulator):
        self.simulator, self.world = simulator, simulator.world

    async def serve(self, request):
        name = request.path.removeprefix(PREFIX)
        call = getattr(self, f"{request.method.lower()}_{name}", None)
        if not name.isalpha() or call is None:
            return answer(404, {"error": f"no {request.method} {request.path}"})
        try:
            if request.body:
                request.json = json.loads(request.body)
            return answer(200, await call(request))
        except (BadCall, BadFault, BadSetting, ValueError, TypeError, re.error) as error:
            return answer(400, {"error": str(error)})

    def member(self, request, name, kind, default=None):
        value = (request.json or {}).get(name, default)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BadCall(f"{name}: is required, or has the wrong type")
        return value

    # Faults

    async def get_faults(self, _request):
        return {"faults": [fault.shown() for fault in self.simulator.faults.list]}

    async def post_faults(self, request):
        given = request.json if isinstance(request.json, list) else [request.json]
        made = [self.simulator.faults.add(one) for one in given]
        return {"ids": [fault.number for fault in made]}

    async def delete_faults(self, _request):
        self.simulator.faults.clear()
        return {}

    # What happened

    async def get_log(self, request):
        """?since=N &method= &path=REGEX &product= &operation= &violations=1 &last=N &fields=a,b"""
        query = request.query
        path = re.compile(query.get("path", ""))
        entries = [
            entry
            for entry in self.world.log
            if entry["n"] > int(query.get("since", 0))
            and path.search(entry["target"])
            and all(entry[k] == query[k] for k in ("method", "product", "operation") if k in query)
            and (entry["violations"] or not _flag(request, "violations"))
        ]
        last = int(query.get("last", 0))
        entries = entries[-last:]
        if "fields" in query:
            names = query["fields"].split(",")
            entries = [{name: entry.get(name) for name in names} for entry in entries]
        return {"entries": entries, "newest": self.world.entries}

    async def delete_log(self, _request):
        self.world.log.clear()
        return {}

    async def get_state(self, _request):
        door = self.simulator.door
        return self.world.state() | {
            "peaks": door.limits.peaks,  # the most requests within a second, by product
            "inFlight": self.simulator.in_flight,
            "peakInFlight": self.simulator.peak_in_flight,
            "requests": self.world.entries,
        }

    # What is to happen

    async def post_reset(self, request):
        await self.simulator.reset(request.listener)
        return {}

    async def post_advance(self, request):
        seconds = self.member(request, "seconds", (int, float))
        if seconds < 0:
            raise BadCall("seconds: time does not go back")
        self.world.clock.advance(seconds)
        return {"now": self.world.now(), "skipped": self.world.clock.skipped}

    async def get_config(self, _request):
        return self.world.config.shown()

    async def post_config(self, request):
        if not isinstance(request.json, dict):
            raise BadCall("an object of settings is required")
        self.world.config.change(request.json)
        if "seed" in request.json:
            self.world.dice.seed(self.world.config.seed)
        return self.world.config.shown()

    # Hosts

    async def get_hosts(self, _request):
        return {"hosts": [listener.shown() for listener in self.simulator.listeners]}

    async def post_hosts(self, request):
        """{"host", "state"?, "tls"?}"""
        name = self.member(request, "host", str)
        found = [listener for listener in self.simulator.listeners if listener.name == name]
        if not found:
            raise BadCall(f"host: there is no {name}")
        listener = found[0]
        state = self.member(request, "state", str, listener.state)
        tls = request.json.get("tls")
        if state not in STATES or tls not in (None, "good", "expired"):
            raise BadCall(f"state: one of {', '.join(STATES)}; tls: good or expired")
        if tls and tls not in listener.certificates:
            raise BadCall(f"tls: there is no {tls} certificate")
        if request.listener == name and (state != listener.state or tls):
            self.simulator.later(listener.set(state, tls))  # this answer goes out first
            return listener.shown() | {"state": state}
        await listener.set(state, tls)
        return listener.shown()
