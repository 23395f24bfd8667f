"""What the products have in common: a table of routes, and each its own shapes of errors."""

import re

from fields import MISSING, UNKNOWN, Refused
from wire import answer

APP_ID = re.compile(r"[0-9A-Fa-f]{32}")


def route(method, path, body=None):
    """Marks a method as the handler of METHOD path. In the path, {name} is one segment and
    {name:regex} a segment of that form. body: None (none expected), "json", or "optional"."""

    def mark(handler):
        if not hasattr(handler, "routes"):
            handler.routes = []
        handler.routes.append((method, path, body))
        return handler

    return mark


class Row:
    def __init__(self, product, handler, method, path, body):
        self.product, self.handler, self.method, self.body = product, handler, method, body
        self.operation = handler.__name__
        pattern = ""
        for piece in re.split(r"(\{[^}]*\})", path):
            if piece.startswith("{"):
                name, _, form = piece[1:-1].partition(":")
                pattern += f"(?P<{name}>{form or '[^/]+'})"
            else:
                pattern += re.escape(piece)
        self.pattern = re.compile(pattern)


class Answered(Exception):
    """A handler is done, deeper down than where it would return."""

    def __init__(self, response):
        super().__init__(response.status)
        self.response = response


class Product:
    name = ""

    def __init__(self, world):
        self.world = world
        self.reset()

    def reset(self):
        """Forget everything."""

    def rows(self):
        for name in dir(type(self)):
            handler = getattr(self, name)
            for method, path, body in getattr(handler, "routes", ()):
                yield Row(self, handler, method, path, body)

    # The errors that the front door needs, in this product's shape

    def refused(self, _request, why):
        """A field is wrong."""
        kind = "is required" if why.kind == MISSING else "is invalid"
        return answer(400, self.error(f"{why.path} {kind}: {why.why}"))

    def error(self, text):
        return {self.world.config.errorKey: text}

    def wrong_app(self, _request):
        return answer(400, {"message": "appid is invalid"})

    def bad_media_type(self, request):
        return self.refused(request, Refused("type", "Content-Type", "must be application/json"))

    def limits(self, _request, _captures):
        """(key, how many, in how many seconds) that this request counts against."""
        return [("", 10, 1)]

    def state(self):
        return {}

    def filtered(self, channel):
        """The channel that a list keeps to; None: to none."""
        return None if self.world.config.listFilter == "ignored" else channel

    # What a handler starts with

    def check(self, request, table, value, path=""):
        """The value keeps to the table, or Refused."""
        notes = []
        table(value, path, notes)
        request.notes += notes
        if self.world.config.strictUnknown:
            for note in notes:
                name, _, what = note.partition(": ")
                if what == "no such field":
                    raise Refused(UNKNOWN, name, what)

    def check_token(self, request, token, path, channel, uid, privileges):
        """How many seconds the token is good for. A bad one is refused and a violation."""
        world = self.world
        if world.config.tokens == "off":
            return float("inf")
        verdict = world.judge(token, channel, uid, privileges)
        request.notes += [f"{path}: {note}" for note in verdict.notes]
        if verdict.errors:
            raise Refused("value", path, "bad token: " + "; ".join(verdict.errors))
        return verdict.seconds
