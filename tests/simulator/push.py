"""Media push: converters that send a channel to an RTMP server."""

import copy

from fields import (
    MISSING,
    VALUE,
    Refused,
    anything,
    array,
    boolean,
    channel_name,
    choice,
    exactly_one,
    exclusive,
    forbidden,
    integer,
    query_number,
    record,
    resource_name,
    text,
    uid_number,
    url,
)
from media import REGION, Media, Thing
from product import route
from wire import answer, empty

BASE = "/" + REGION + "/v1/projects/{appid}/rtmp-converters"
LISTS = "/v1/projects/{appid}"
FOREVER = float("inf")
rtmp_url = url("rtmp", "rtmps")
image = url("http", "https")
fill = choice("fill", "fit")


def volumes_are_of_members(value, path, _notes):
    if "rtcStreamUids" in value:
        for i, one in enumerate(value.get("volumes", [])):
            if one["rtcStreamUid"] not in value["rtcStreamUids"]:
                name = f"{path}.volumes[{i}].rtcStreamUid"
                raise Refused(VALUE, name, "is not in rtcStreamUids")


audio_options = record(
    {},
    {
        "codecProfile": choice("LC-AAC", "HE-AAC"),
        "sampleRate": choice(32000, 44100, 48000),
        "bitrate": integer(32, 128),
        "audioChannels": choice(1, 2),
        "rtcStreamUids": array(uid_number),
        "volumes": array(record({"rtcStreamUid": uid_number, "volume": integer(0, 200)})),
    },
    volumes_are_of_members,
)
place = record(
    {},
    {
        "xPos": integer(),
        "yPos": integer(),
        "zIndex": integer(0, 100),
        "width": integer(0),
        "height": integer(0),
    },
)
layout_item = record(
    {"region": place},
    {
        "rtcStreamUid": uid_number,
        "imageUrl": image,
        "fillMode": fill,
        "placeholderImageUrl": image,
    },
    exactly_one("rtcStreamUid", "imageUrl"),
)
sei_options = record(
    {},
    {
        "source": record(
            {},
            {
                "metadata": boolean,
                "datastream": boolean,
                "customized": record(
                    {}, {"prefixForAgoraSei": text(0, 32), "payload": text(0, 4096)}
                ),
            },
        ),
        "sink": record({}, {"type": integer()}),
    },
)
VIDEO = {
    "layoutType": choice(0, 1),
    "layout": array(layout_item),
    "vertical": record(
        {},
        {"maxResolutionUid": uid_number, "fillMode": fill, "refreshIntervalSec": integer(0)},
    ),
    "defaultPlaceholderImageUrl": image,
    "frameRate": integer(1, 30),
    "gop": integer(1),
    "codec": choice("H.264", "H.265"),
    "codecProfile": choice("high", "baseline", "main"),
    "seiOptions": sei_options,
    "watermarks": array(anything),
}
canvas = record(
    {"width": integer(66, 1920), "height": integer(66, 1920)}, {"color": integer(0, 16777215)}
)
bitrate = integer(1, 10000)


def layout_is_there(value, path, _notes):
    if value.get("layoutType", 0) == 0 and "layout" not in value:
        raise Refused(MISSING, path + ".layout", "is required with layoutType 0")


def streams_something(value, path, notes):
    if not ("audioOptions" in value or "videoOptions" in value):
        notes.append(f"{path}: neither audioOptions nor videoOptions")


transcode_options = record(
    {"rtcChannel": channel_name},
    {
        "audioOptions": audio_options,
        "videoOptions": record({"canvas": canvas, "bitrate": bitrate}, VIDEO, layout_is_there),
    },
    streams_something,
)
create_request = record(
    {
        "converter": record(
            {"rtmpUrl": rtmp_url},
            {
                "name": resource_name,
                "transcodeOptions": transcode_options,
                "rawOptions": record({"rtcChannel": channel_name, "rtcStreamUid": uid_number}),
                "idleTimeout": integer(1),
                "idleTimeOut": integer(1),  # the documents spell it in both ways
                "jitterBufferSizeMs": integer(0, 1000),
            },
            exactly_one("transcodeOptions", "rawOptions"),
            exclusive("idleTimeout", "idleTimeOut"),
        )
    }
)
FIXED = "cannot be changed"
update_request = record(
    {
        "converter": record(
            {},
            {
                "rtmpUrl": rtmp_url,
                "jitterBufferSizeMs": integer(0, 1000),
                "transcodeOptions": record(
                    {},
                    {
                        "audioOptions": record(
                            {},
                            {
                                "rtcStreamUids": array(uid_number),
                                "volumes": array(
                                    record({"rtcStreamUid": uid_number, "volume": integer(0, 200)})
                                ),
                            },
                            forbidden(
                                FIXED, "codecProfile", "sampleRate", "bitrate", "audioChannels"
                            ),
                            volumes_are_of_members,
                        ),
                        "videoOptions": record(
                            {},
                            VIDEO | {"canvas": canvas, "bitrate": bitrate},
                            forbidden(FIXED, "codec", "codecProfile"),
                        ),
                    },
                    forbidden(FIXED, "rtcChannel"),
                ),
            },
            forbidden(FIXED, "name", "idleTimeout", "idleTimeOut", "rawOptions"),
        )
    },
    {"fields": text(1)},
)


def mask_fits(body):
    for name in [n for n in body.get("fields", "").split(",") if n]:
        value = body["converter"]
        for piece in name.removeprefix("converter.").split("."):
            if not isinstance(value, dict) or piece not in value:
                raise Refused(VALUE, "fields", f"{name} is not in converter")
            value = value[piece]


def merge(old, new):
    for name, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(name), dict):
            merge(old[name], value)
        else:
            old[name] = value


class Push(Media):
    name = "push"

    def limits(self, request, captures):
        if request.operation == "update":
            return [(f"update {captures['thing']}", 2, 1)]
        return [(request.operation, 50, 1)]

    @route("POST", BASE, body="json")
    def create(self, request, region):
        self.wants_request_id(request)
        self.address(request, "regionHintIp")
        self.check(request, create_request, request.json)
        converter = request.json["converter"]
        known = self.named(converter.get("name"))
        if known:
            tell = self.world.config.pushConflictId
            headers = [("X-Resource-ID", known.id)] if tell else []
            error = self.error(f"a converter named {known.name} exists already")
            return answer(409, error, *headers)
        now = self.world.now()
        options = converter.get("transcodeOptions") or converter["rawOptions"]
        idle = converter.get("idleTimeout", converter.get("idleTimeOut", 300))
        ends = now + idle if self.world.is_idle(options["rtcChannel"]) else FOREVER
        thing = Thing(
            self.world.hex_id(32), converter.get("name", ""), region, options["rtcChannel"],
            copy.deepcopy(converter), now, ends, now,
        )
        self.add(thing)
        return self.short(thing)

    def short(self, thing):
        body = {
            "converter": {
                "id": thing.id,
                "createTs": int(thing.began),
                "updateTs": int(thing.changed),
                "state": self.state_of(thing),
            },
            "fields": "id,createTs,updateTs,state",
        }
        return answer(200, body, ("X-Resource-ID", thing.id))

    def state_of(self, thing):
        return "running" if self.runs(thing) else "connecting"

    @route("GET", BASE + "/{thing}")
    def get(self, request, region, thing):
        self.wants_request_id(request)
        found = self.find(region, thing)
        body = copy.deepcopy(found.request) | {
            "id": found.id,
            "createTs": int(found.began),
            "updateTs": int(found.changed),
            "state": self.state_of(found),
        }
        shape = self.world.config.pushGetShape
        if shape == "wrapped" or (shape == "documented" and "rawOptions" in body):
            body = {"converter": body, "fields": ",".join(body)}
        return answer(200, body, ("X-Resource-ID", found.id))

    @route("PATCH", BASE + "/{thing}", body="json")
    def update(self, request, region, thing):
        self.wants_request_id(request)
        query_number(request, "sequence", None, 0, 2**63)
        self.check(request, update_request, request.json)
        mask_fits(request.json)
        found = self.find(region, thing)
        change = request.json["converter"]
        self.change_is_possible(found, change)
        if self.is_news(request, found):
            merge(found.request, copy.deepcopy(change))
            found.updates.append(request.json)
            found.changed = self.world.now()
        return self.short(found)

    @staticmethod
    def change_is_possible(thing, change):
        options, old = change.get("transcodeOptions"), thing.request.get("transcodeOptions")
        if options is None:
            return
        path = "converter.transcodeOptions"
        if old is None:
            raise Refused(VALUE, path, "this converter does not transcode")
        for kind in ("audioOptions", "videoOptions"):
            if kind in options and kind not in old:
                raise Refused(VALUE, f"{path}.{kind}", f"this converter has no {kind}")
        if old.get("videoOptions", {}).get("layoutType") == 1:
            raise Refused(VALUE, path, "with vertical layout only rtmpUrl can be changed")

    @route("DELETE", BASE + "/{thing}")
    def delete(self, request, region, thing):
        self.delete_thing(request, region, thing)
        return empty(200, ("X-Resource-ID", thing))

    @route("GET", LISTS + "/rtmp-converters")
    @route("GET", LISTS + "/channels/{cname}/rtmp-converters")
    def list(self, request, cname=None):
        self.wants_request_id(request)
        cursor, size = query_number(request, "cursor", 0, 0, 2**31), self.world.config.pageSize
        found = [t for t in self.alive() if self.filtered(cname) in (None, t.channel)]
        following = cursor + size if cursor + size < len(found) else 0
        data = {
            "total_count": len(found),
            "cursor": following,
            "members": [self.member(t) for t in found[cursor : cursor + size]],
        }
        return answer(200, {"success": True, "data": data})

    def member(self, thing):
        number = str if self.world.config.pushNumbers == "string" else int
        idle = thing.request.get("idleTimeout", thing.request.get("idleTimeOut", 300))
        return {
            "rtcChannel": thing.channel,
            "status": number(200),
            "converterName": thing.name,
            "updateTs": number(int(thing.changed)),
            "appId": self.world.config.appId,
            "rtmpUrl": thing.request["rtmpUrl"],
            "ip": "",
            "converterId": thing.id,
            "create": number(int(thing.began)),
            "idleTimeout": number(idle),
            "state": self.state_of(thing),
        }
