"""What every request meets first: credentials, then the route, then limits and the body; in that
order, as at Agora. What remains goes to the product."""

import base64
import binascii
import hmac
import json
import uuid
from urllib.parse import unquote

import tokens
from fields import Refused
from limits import Limits
from product import Answered
from wire import answer

NO_CREDENTIALS = {"message": "Unauthorized"}
BAD_CREDENTIALS = {"message": "Invalid authentication credentials"}
NO_ROUTE = {"message": "no Route matched with those values"}
TOO_MANY = {"message": "API rate limit exceeded"}
TOKEN_PATHS = ("/api/speech-to-text/",)  # these take `Authorization: agora token=...` too


def resolved(path, notes):
    """The path as a gateway takes it: without . and .. however often they are encoded."""
    kept = []
    for segment in path.split("/")[1:]:
        plain = segment
        while unquote(plain) != plain:
            plain = unquote(plain)
        if plain in (".", ".."):
            notes.append("a segment of the path is . or ..")
            if plain == "..":
                del kept[-1:]
        else:
            kept.append(segment)
    return "/" + "/".join(kept)


class FrontDoor:
    def __init__(self, world):
        self.world = world
        self.rows = [row for product in world.products.values() for row in product.rows()]
        self.limits = Limits()

    def serve(self, request):
        """The response; request.notes then holds the violations."""
        response = self._serve(request)
        if self._echoes(response):
            given = request.header("x-request-id") or str(uuid.uuid4())
            renamed = self.world.config.requestId == "rename"
            name = "X-Custom-Request-ID" if renamed else "X-Request-ID"
            response.headers.append((name, given))
        return response

    def _echoes(self, response):
        config = self.world.config
        return config.requestId != "omit" and (config.requestIdOnErrors or response.status < 400)

    def _serve(self, request):
        refusal = self._credentials(request)
        if refusal:
            request.notes.append(f"credentials: {refusal['message']}")
            return answer(401, refusal)
        row, captures = self._route(request)
        if row is None:
            request.notes.append("no such route")
            return answer(404, NO_ROUTE)
        request.product, request.operation = row.product.name, row.operation
        self.limits.measure(row.product.name)
        try:
            if not self._within_limits(row, request, captures):
                return answer(429, TOO_MANY)
            if captures.pop("appid", self.world.config.appId) != self.world.config.appId:
                request.notes.append("another App ID")
                return row.product.wrong_app(request)
            if row.body:
                refusal = self._read_body(row, request)
                if refusal:
                    return refusal
            elif request.body:
                request.notes.append("a body where none is expected")
            return row.handler(request, **captures)
        except Answered as done:
            return done.response
        except Refused as why:
            request.notes.append(f"refused: {why}")
            return row.product.refused(request, why)

    def _credentials(self, request):
        """None, or the body of the 401."""
        given = request.header("authorization")
        if not given:
            return NO_CREDENTIALS
        scheme, _, rest = given.partition(" ")
        if scheme.lower() == "agora" and request.path.startswith(TOKEN_PATHS):
            return self._token_credentials(request, rest.strip())
        if scheme.lower() != "basic":
            return BAD_CREDENTIALS
        try:
            pair = base64.b64decode(rest.strip(), validate=True)
        except binascii.Error:
            return BAD_CREDENTIALS
        config = self.world.config
        wanted = f"{config.customerId}:{config.customerSecret}".encode()
        return None if hmac.compare_digest(pair, wanted) else BAD_CREDENTIALS

    def _token_credentials(self, request, rest):
        config = self.world.config
        name, _, value = rest.partition("=")
        try:
            token = tokens.decode(value.strip('"'))
        except tokens.TokenError:
            return {"message": "Invalid token"}
        good = token.app_id == config.appId and token.signature_is_right(config.appCertificate)
        if name != "token" or not good or not any(s.type == 1 for s in token.services):
            return {"message": "Invalid token"}
        if self.world.clock.real() > token.ends:
            return {"message": "Token is expired"}
        if token.expire > tokens.DAY:
            return {"message": "Invalid token"}
        request.token = token
        return None

    def _route(self, request):
        path = resolved(request.path, request.notes)
        for row in self.rows:
            if row.method == request.method:
                found = row.pattern.fullmatch(path)
                if found:
                    return row, {k: unquote(v) for k, v in found.groupdict().items()}
        return None, {}

    def _within_limits(self, row, request, captures):
        if not self.world.config.rateLimits:
            return True
        for key, count, seconds in row.product.limits(request, captures):
            if not self.limits.take((row.product.name, key), count, seconds):
                return False
        return True

    def _read_body(self, row, request):
        """Reads request.json; a response if that is not possible."""
        if not request.body and row.body == "optional":
            request.json = {}
            return None
        kind = request.header("content-type").partition(";")[0].strip().lower()
        if kind != "application/json":
            request.notes.append(f"Content-Type is {kind!r}")
            return row.product.bad_media_type(request)
        try:
            request.json = json.loads(
                request.body.decode("utf-8"),
                object_pairs_hook=lambda pairs: _object(pairs, request.notes),
                parse_constant=_no_constant,
            )
        except (ValueError, RecursionError):
            raise Refused("type", "body", "must be JSON") from None
        if not isinstance(request.json, dict):
            raise Refused("type", "body", "must be a JSON object")
        return None


def _object(pairs, notes):
    result = dict(pairs)
    if len(result) != len(pairs):
        notes.append("a JSON member stands twice")
    return result


def _no_constant(name):
    raise ValueError(name)
