"""What media push and media pull share: regions, sequence numbers, things that have names."""

import ipaddress
from dataclasses import dataclass, field

from fields import VALUE, Refused, query_number
from product import Answered, Product
from wire import answer

REGION = "{region:cn|ap|na|eu}"
GONE = "Resource is not found and destroyed."


@dataclass
class Thing:
    """A converter or a player."""

    id: str
    name: str
    region: str
    channel: str
    request: dict
    began: float
    ends: float  # when it is over of itself
    changed: float = 0
    deleted: float = 0
    sequence: int = -1
    starts: int = 1
    updates: list = field(default_factory=list)


class Media(Product):
    def reset(self):
        self.things = {}
        self.per_channel = {}
        self.per_name = {}

    def wants_request_id(self, request):
        if not request.header("x-request-id"):
            request.notes.append("no X-Request-ID")

    def address(self, request, name):
        """An IPv4 address in the query string."""
        if name in request.query:
            try:
                ipaddress.IPv4Address(request.query[name])
            except ValueError:
                raise Refused(VALUE, name, "must be an IPv4 address") from None

    def is_alive(self, thing):
        return not thing.deleted and self.world.now() < thing.ends

    def alive(self):
        return [thing for thing in self.things.values() if self.is_alive(thing)]

    def find(self, region, thing):
        found = self.things.get(thing)
        if found is None or found.region != region or not self.is_alive(found):
            raise Answered(answer(404, self.error(GONE)))
        return found

    def named(self, name):
        return next((t for t in self.alive() if name and t.name == name), None)

    def add(self, thing):
        self.things[thing.id] = thing
        self.per_channel[thing.channel] = self.per_channel.get(thing.channel, 0) + 1
        if thing.name:
            self.per_name[thing.name] = self.per_name.get(thing.name, 0) + 1

    def is_news(self, request, thing):
        """Whether the sequence number grew. An update that comes late is ignored."""
        sequence = query_number(request, "sequence", None, 0, 2**63)
        if sequence <= thing.sequence:
            request.notes.append(f"sequence {sequence} after {thing.sequence}: ignored")
            return False
        thing.sequence = sequence
        return True

    def runs(self, thing):
        return self.world.now() - thing.began >= self.world.config.startSeconds

    def delete_thing(self, request, region, thing):
        self.wants_request_id(request)
        self.find(region, thing).deleted = self.world.now()

    def state(self):
        things = [
            {
                "id": thing.id,
                "name": thing.name,
                "region": thing.region,
                "channel": thing.channel,
                "starts": thing.starts,
                "running": self.is_alive(thing),
                "sequence": thing.sequence,
                "updates": thing.updates,
            }
            for thing in self.things.values()
        ]
        return {
            "started": len(things),
            "running": sum(thing["running"] for thing in things),
            "startedPerChannel": self.per_channel,
            "startedPerName": self.per_name,
            "things": things,
        }
