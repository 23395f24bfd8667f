"""Media gateway: the keys with which encoders stream into channels."""

from dataclasses import dataclass

from fields import VALUE, Refused, account, channel_name, integer, record, text
from media import REGION
from product import Answered, Product, route
from wire import answer

BASE = "/" + REGION + "/v1/projects/{appid}/rtls/ingress/streamkeys"
create_request = record(
    {
        "settings": record(
            {"channel": channel_name, "uid": account, "expiresAfter": integer(0)},
            {"templateId": text(1, 12, r"[A-Za-z0-9]*")},
        )
    }
)


@dataclass
class Key:
    key: str
    region: str
    settings: dict
    made: float


class Ingress(Product):
    name = "ingress"

    def reset(self):
        self.keys = {}

    def refused(self, _request, why):
        if why.path == "settings.channel":
            return answer(400, {"message": "Invalid 'channel' format."})
        return answer(400, {"message": "Invalid settings."})

    def limits(self, request, _captures):
        return [("get", 100, 1)] if request.operation == "get" else [("", 50, 1)]

    def is_alive(self, key):
        lasts = key.settings["expiresAfter"]
        return not lasts or self.world.now() < key.made + lasts

    def find(self, region, key):
        found = self.keys.get(key)
        if found is None or found.region != region or not self.is_alive(found):
            raise Answered(answer(404, {"message": "Resource is not found."}))
        return found

    @staticmethod
    def shown(key):
        settings = key.settings
        uid = settings["uid"]
        if uid.isdigit() and int(uid) < 2**32:
            uid = str(int(uid))
        data = {
            "streamKey": key.key,
            "channel": settings["channel"],
            "uid": uid,
            "expiresAfter": settings["expiresAfter"],
            "createdAt": str(int(key.made)),
        }
        return answer(200, {"status": "success", "data": data})

    @route("POST", BASE, body="json")
    def create(self, request, region):
        self.check(request, create_request, request.json)
        settings = request.json["settings"]
        if settings["uid"] == "0":
            raise Refused(VALUE, "settings.uid", "must not be 0")
        key = Key(self.world.url_id(32), region, settings, self.world.now())
        self.keys[key.key] = key
        return self.shown(key)

    @route("GET", BASE + "/{key}")
    def get(self, _request, region, key):
        return self.shown(self.find(region, key))

    @route("DELETE", BASE + "/{key}")
    def delete(self, _request, region, key):
        del self.keys[self.find(region, key).key]
        return answer(200, {"status": "success"})

    def state(self):
        return {"keys": sum(self.is_alive(key) for key in self.keys.values())}
