"""Media push, media pull and media gateway: C.4 to C.6 and H.5 of the reference."""

import time

from cases_recording import changed
from client import APP_ID, token
from expecting import clean, expect, gives, has, noted, same

PUSH = f"/na/v1/projects/{APP_ID}/rtmp-converters"
PUSHES = f"/v1/projects/{APP_ID}/rtmp-converters"
PULL = f"/eu/v1/projects/{APP_ID}/cloud-player/players"
PULLS = f"/v1/projects/{APP_ID}/cloud-player/players"
KEYS = f"/ap/v1/projects/{APP_ID}/rtls/ingress/streamkeys"
GONE = {"message": "Resource is not found and destroyed."}
TRANSCODED = {
    "name": "show68_vertical",
    "transcodeOptions": {
        "rtcChannel": "show68",
        "audioOptions": {
            "codecProfile": "HE-AAC", "sampleRate": 48000, "bitrate": 128, "audioChannels": 1,
            "rtcStreamUids": [201, 202], "volumes": [{"rtcStreamUid": 201, "volume": 50}],
        },
        "videoOptions": {
            "canvas": {"width": 360, "height": 640, "color": 0},
            "layoutType": 0,
            "layout": [
                {"rtcStreamUid": 201, "region": {"xPos": 0, "yPos": 0, "zIndex": 1, "width": 360,
                 "height": 320}, "fillMode": "fill", "placeholderImageUrl": "https://h/i.png"},
                {"imageUrl": "https://h/j.png",
                 "region": {"xPos": 0, "yPos": 0, "zIndex": 0, "width": 36, "height": 36}},
            ],
            "bitrate": 1000, "frameRate": 30, "gop": 60, "codec": "H.264", "codecProfile": "high",
            "seiOptions": {"source": {"metadata": True, "datastream": True, "customized":
                           {"prefixForAgoraSei": "x", "payload": "y"}}, "sink": {"type": 100}},
        },
    },
    "rtmpUrl": "rtmp://example.agora.io/live/show68",
    "idleTimeout": 300,
    "jitterBufferSizeMs": 1000,
}
RAW = {
    "name": "show68_raw",
    "rawOptions": {"rtcChannel": "show68", "rtcStreamUid": 201},
    "rtmpUrl": "rtmp://example.agora.io/live/show68",
}


def push(s, converter, query=""):
    return s.call("POST", PUSH + query, {"converter": converter})


def made(s, converter):
    got = gives(push(s, converter), 200).json["converter"]["id"]
    clean(s)
    return got


def patch(s, path, body, sequence=None):
    query = "" if sequence is None else f"?sequence={sequence}"
    return s.call("PATCH", path + query, body)


# Push


def test_push_create(s):
    for converter in (TRANSCODED, RAW):
        answer = push(s, converter, "?regionHintIp=10.0.0.1")
        got = gives(answer, 200).json
        same(got["fields"], "id,createTs,updateTs,state", "fields")
        same(set(got["converter"]), {"id", "createTs", "updateTs", "state"}, "members")
        same(got["converter"]["state"], "connecting", "state")
        same(answer.header("X-Resource-ID"), got["converter"]["id"], "X-Resource-ID")
        clean(s)
    vertical = changed(TRANSCODED, "transcodeOptions.videoOptions.layoutType", 1)
    vertical = changed(vertical, "transcodeOptions.videoOptions.layout")
    vertical = changed(vertical, "transcodeOptions.videoOptions.vertical",
                       {"maxResolutionUid": 201, "fillMode": "fit", "refreshIntervalSec": 4})
    made(s, changed(vertical, "name", "v"))
    audio = changed(TRANSCODED, "transcodeOptions.videoOptions")
    made(s, changed(audio, "name"))
    made(s, changed({**audio, "idleTimeOut": 100}, "idleTimeout") | {"name": "o"})
    gives(push(s, {"transcodeOptions": {"rtcChannel": "c"}, "rtmpUrl": "rtmp://h/a"}), 200)
    noted(s, "neither audioOptions nor videoOptions")


def test_push_create_refuses(s):
    options, audio = "transcodeOptions.", "transcodeOptions.audioOptions."
    video = "transcodeOptions.videoOptions."
    cases = [
        ("name", "a b"), ("name", "a" * 65), ("name", ""), ("rtmpUrl", ...), ("rtmpUrl", ""),
        ("rtmpUrl", "http://h/x"), ("rtmpUrl", "rtmp://h/" + "a" * 1024), ("rtmpUrl", None),
        ("transcodeOptions", ...), ("rawOptions", RAW["rawOptions"]), ("idleTimeout", "300"),
        ("idleTimeOut", 300), ("jitterBufferSizeMs", 1001), ("jitterBufferSizeMs", -1),
        (options + "rtcChannel", ...), (options + "rtcChannel", "a" * 65),
        (audio + "codecProfile", "AAC"), (audio + "sampleRate", 16000), (audio + "bitrate", 129),
        (audio + "audioChannels", 3), (audio + "rtcStreamUids", ["201"]),
        (audio + "volumes", [{"rtcStreamUid": 203, "volume": 50}]),
        (audio + "volumes", [{"rtcStreamUid": 201, "volume": 201}]),
        (video + "canvas", ...), (video + "canvas.width", 65), (video + "canvas.height", 1921),
        (video + "canvas.color", 16777216), (video + "bitrate", ...), (video + "bitrate", 10001),
        (video + "layoutType", 2), (video + "layout", ...), (video + "frameRate", 31),
        (video + "layout.0.rtcStreamUid", "201"), (video + "layout.0.region", ...),
        (video + "layout.0.region.zIndex", 101), (video + "layout.0.fillMode", "crop"),
        (video + "layout.0.rtcStreamUid", ...), (video + "codec", "H264"),
        (video + "codecProfile", "ultra"),
        (video + "seiOptions.source.customized.prefixForAgoraSei", "x" * 33),
    ]
    for path, value in cases:
        answer = push(s, changed(TRANSCODED, path, value))
        expect(answer.status == 400 and answer.json["message"], f"{path} = {value}: {answer}")
    for value in ("201", None, -1, 2**32, ...):
        gives(push(s, changed(RAW, "rawOptions.rtcStreamUid", value)), 400)
    gives(s.call("POST", PUSH, RAW), 400)
    gives(push(s, RAW, "?regionHintIp=300.0.0.1"), 400)
    same(s.state("push")["started"], 0, "started")
    s.config(errorKey="reason")
    expect(push(s, {}).json["reason"], "reason")


def test_push_names_are_unique(s):
    known = made(s, RAW)
    again = push(s, RAW)
    expect(gives(again, 409).json["message"], "message")
    same(again.header("X-Resource-ID"), known, "X-Resource-ID")
    gives(s.call("DELETE", f"{PUSH}/{known}"), 200)
    made(s, RAW)
    same(s.state("push")["startedPerName"], {"show68_raw": 2}, "started")
    s.config(pushConflictId=False)
    same(push(s, RAW).header("X-Resource-ID"), None, "X-Resource-ID")


def test_push_wants_a_request_id(s):
    answer = s.call("POST", PUSH, {"converter": RAW}, {"X-Request-ID": None})
    expect(gives(answer, 200).header("X-Request-ID"), "one is made")
    noted(s, "no X-Request-ID")


def test_push_get_and_delete(s):
    one, two = made(s, TRANSCODED), made(s, RAW)
    s.advance(1)
    got = gives(s.call("GET", f"{PUSH}/{one}"), 200).json
    same((got["id"], got["state"], got["name"]), (one, "running", "show68_vertical"), "unwrapped")
    got = gives(s.call("GET", f"{PUSH}/{two}"), 200).json
    same(got["converter"]["rawOptions"], RAW["rawOptions"], "wrapped")
    s.config(pushGetShape="unwrapped")
    same(s.call("GET", f"{PUSH}/{two}").json["id"], two, "unwrapped")
    other_region = PUSH.replace("/na/", "/eu/")
    gives(s.call("GET", f"{other_region}/{one}"), 404, GONE)
    gives(s.call("DELETE", f"{other_region}/{one}"), 404, GONE)
    same(gives(s.call("DELETE", f"{PUSH}/{one}"), 200).body, b"", "empty body")
    gives(s.call("DELETE", f"{PUSH}/{one}"), 404, GONE)
    gives(s.call("GET", f"{PUSH}/{one}"), 404, GONE)


def test_push_update(s):
    one, two = f"{PUSH}/{made(s, TRANSCODED)}", f"{PUSH}/{made(s, RAW)}"
    video = {"videoOptions": {"bitrate": 2000, "frameRate": 15}}
    change = {
        "converter": {"rtmpUrl": "rtmp://other/live/k", "transcodeOptions": video},
        "fields": "rtmpUrl,transcodeOptions.videoOptions",
    }
    answer = patch(s, one, change, 5)
    got = gives(answer, 200).json["converter"]
    same(set(got), {"id", "createTs", "updateTs", "state"}, "members")
    clean(s)
    got = s.call("GET", one).json
    same(got["transcodeOptions"]["videoOptions"]["bitrate"], 2000, "bitrate")
    same(got["transcodeOptions"]["videoOptions"]["canvas"]["width"], 360, "the rest stays")
    url = {"converter": {"rtmpUrl": "rtmp://third/live/k"}}
    for late in (5, 4, 0):
        gives(patch(s, one, url, late), 200)  # ignored
        noted(s, "ignored")
    same(s.call("GET", one).json["rtmpUrl"], "rtmp://other/live/k", "rtmpUrl")
    gives(patch(s, one, url, 6), 200)
    same(s.call("GET", one).json["rtmpUrl"], "rtmp://third/live/k", "rtmpUrl")
    gives(patch(s, two, url, 0), 200)
    gives(patch(s, two, change, 1), 400)  # a raw one does not transcode
    gives(patch(s, one, url), 400)
    gives(patch(s, one, url, "x"), 400)
    gives(patch(s, one, url, -1), 400)
    gives(patch(s, f"{PUSH}/none", url, 1), 404, GONE)


def test_push_update_refuses(s):
    one = f"{PUSH}/{made(s, TRANSCODED)}"
    for number, body in enumerate((
        {"name": "x"}, {"idleTimeout": 5}, {"idleTimeOut": 5}, {"rawOptions": RAW["rawOptions"]},
        {"transcodeOptions": {"rtcChannel": "show68"}},
        {"transcodeOptions": {"audioOptions": {"bitrate": 48}}},
        {"transcodeOptions": {"audioOptions": {"sampleRate": 48000}}},
        {"transcodeOptions": {"videoOptions": {"codec": "H.264"}}},
        {"transcodeOptions": {"videoOptions": {"codecProfile": "high"}}},
    )):
        gives(patch(s, one, {"converter": body}, number), 400)
    url = {"rtmpUrl": "rtmp://h/k"}
    gives(patch(s, one, {"converter": url, "fields": "jitterBufferSizeMs"}, 20), 400)
    audio = changed(changed(TRANSCODED, "transcodeOptions.videoOptions"), "name", "audio")
    video = {"transcodeOptions": {"videoOptions": {"bitrate": 5}}}
    gives(patch(s, f"{PUSH}/{made(s, audio)}", {"converter": video}, 1), 400)
    upright = changed(TRANSCODED, "transcodeOptions.videoOptions.layoutType", 1) | {"name": "up"}
    upright = f"{PUSH}/{made(s, upright)}"
    gives(patch(s, upright, {"converter": video}, 1), 400)
    gives(patch(s, upright, {"converter": url}, 1), 200)


def test_push_list(s):
    ids = [made(s, RAW | {"name": f"n{n}", "rawOptions": {"rtcChannel": f"c{n % 2}",
                                                         "rtcStreamUid": 1}}) for n in range(5)]
    got = gives(s.call("GET", PUSHES), 200).json
    same((got["success"], got["data"]["total_count"], got["data"]["cursor"]), (True, 5, 0), "list")
    one = got["data"]["members"][0]
    same(set(one), {"rtcChannel", "status", "converterName", "updateTs", "appId", "rtmpUrl", "ip",
                    "converterId", "create", "idleTimeout", "state"}, "members")
    same((one["status"], one["idleTimeout"], one["converterId"]), ("200", "300", ids[0]), "strings")
    channel = f"/v1/projects/{APP_ID}/channels/c1/rtmp-converters"
    same(s.call("GET", channel).json["data"]["total_count"], 2, "of one channel")
    s.config(pageSize=2, pushNumbers="number")
    data = s.call("GET", PUSHES + "?cursor=0").json["data"]
    same((len(data["members"]), data["cursor"], data["members"][0]["status"]), (2, 2, 200), "page")
    data = s.call("GET", PUSHES + "?cursor=4").json["data"]
    same((len(data["members"]), data["cursor"]), (1, 0), "last page")


def test_push_ends_when_idle(s):
    s.config(idleChannels=["show68"])
    made(s, RAW | {"idleTimeout": 100})
    s.advance(101)
    same(s.state("push")["running"], 0, "running")


# Pull


def player(**more):
    return {
        "streamUrl": "rtmp://example.agora.io/live/class32",
        "channelName": "class32",
        "token": token("class32", "101"),
        "uid": 101,
        "name": "player-1",
        "idleTimeout": 60,
    } | more


def pull(s, given, query=""):
    return s.call("POST", PULL + query, {"player": given})


def playing(s, given):
    got = gives(pull(s, given), 200).json["player"]["id"]
    clean(s)
    return got


def test_pull_create(s):
    answer = pull(s, player(), "?streamIp=10.0.0.1")
    got = gives(answer, 200).json
    same(got["fields"], "player.uid,player.id,player.createTs,player.status", "fields")
    same(set(got["player"]), {"uid", "id", "createTs", "status"}, "members")
    same((got["player"]["uid"], got["player"]["status"]), (101, "connecting"), "player")
    same(answer.header("X-Resource-ID"), got["player"]["id"], "X-Resource-ID")
    clean(s)
    full = player(
        name="full", playTs=int(time.time()) + 200, repeatTime=-1, seekPosition=5,
        encryptMode="aes-128-gcm2", encryptKey="k", encryptKdfSalt="s", idleTimeout=5000,
        dataStreamOptions={"enable": True}, audioOptions={"profile": 1, "volume": 100},
        videoOptions={"width": 1280, "height": 720, "widthHeightAdaption": False, "frameRate": 30,
                      "bitrate": 400, "codec": "H.264", "fillMode": "fit", "gop": 60},
    )
    playing(s, full)


def test_pull_users(s):
    nobody = changed(player(), "uid")
    gives(pull(s, nobody), 400)
    for uid in ("101", None, -1, 2**32, 1.5):
        gives(pull(s, player(uid=uid)), 400)
    zero = gives(pull(s, player(uid=0, token=token("class32", ""), name="z")), 200).json["player"]
    expect(zero["uid"] > 0, "a uid is assigned")
    clean(s)
    named = nobody | {"account": "host", "token": token("class32", "host"), "name": "a"}
    got = gives(pull(s, named), 200).json["player"]
    same(got["account"], "host", "account")
    clean(s)
    gives(pull(s, nobody | {"account": "", "name": "b"}), 400)
    s.config(pullUid="string")
    same(gives(pull(s, player()), 200).json["player"]["uid"], "101", "uid")


def test_pull_tokens_publish(s):
    for bad in (token("class32", "101", (1,)), token("class32", "102"), token("x", "101"), "", "x",
                token("class32", "101", certificate="f" * 32)):
        expect("token" in gives(pull(s, player(token=bad)), 400).json["message"], "told")
        noted(s, "bad token")
    gives(pull(s, changed(player(), "token")), 400)
    gives(pull(s, player(token=token("class32", "101", expire=3600))), 200)
    noted(s, "lives 3600 s")


def test_pull_create_refuses(s):
    now = int(time.time())
    for path, value in (
        ("streamUrl", ...), ("streamUrl", ""), ("streamUrl", None), ("streamUrl", "file:///x"),
        ("streamUrl", "https://h/" + "a" * 1024), ("channelName", ...), ("channelName", "a" * 65),
        ("channelName", None), ("name", "a b"), ("name", "a" * 65), ("idleTimeout", "300"),
        ("playTs", now - 86500), ("playTs", now + 400), ("playTs", "0"), ("repeatTime", 0),
        ("repeatTime", -2), ("seekPosition", -1), ("encryptMode", "aes"),
        ("encryptMode", "aes-128-xts"), ("audioOptions", {"profile": 6}),
        ("audioOptions", {"volume": 201}), ("videoOptions", {"width": 65}),
        ("videoOptions", {"height": 1081}), ("videoOptions", {"widthHeightAdaption": None}),
        ("videoOptions", {"frameRate": 31}), ("videoOptions", {"codec": "H.265"}),
    ):
        answer = pull(s, changed(player(), path, value))
        expect(answer.status == 400 and answer.json["message"], f"{path} = {value}: {answer}")
    gives(pull(s, player(), "?streamIp=x"), 400)
    same(s.state("pull")["started"], 0, "started")
    gives(pull(s, player(idleTimeOut=60)), 200)
    noted(s, "idleTimeOut: no such field")


def test_pull_names_are_unique(s):
    known = playing(s, player())
    again = pull(s, player())
    gives(again, 409)
    same(again.header("X-Resource-ID"), known, "X-Resource-ID")
    gives(s.call("DELETE", f"{PULL}/{known}"), 200)
    playing(s, player())
    same(s.state("pull")["startedPerName"], {"player-1": 2}, "started")


def test_pull_update_and_delete(s):
    path = f"{PULL}/{playing(s, player())}"
    change = {"player": {"streamUrl": "https://h/v.mp4", "audioOptions": {"volume": 50},
                         "isPause": True, "seekPosition": 0}}
    same(gives(patch(s, path, change, 1), 200).body, b"", "empty body")
    clean(s)
    gives(patch(s, path, change, 1), 200)
    noted(s, "ignored")
    same(len(s.state("pull")["things"][0]["updates"]), 1, "updates")
    for body in ({}, {"uid": 5}, {"channelName": "", "token": "", "uid": ""}, {"isPause": "true"},
                 {"audioOptions": {"profile": 1}}, {"audioOptions": {"volume": 201}},
                 {"streamUrl": ""}, {"name": "x"}):
        gives(patch(s, path, {"player": body}, 9), 400)
    gives(patch(s, path, change), 400)
    gives(patch(s, f"{PULL}/none", change, 2), 404, GONE)
    gives(s.call("DELETE", path.replace("/eu/", "/cn/")), 404, GONE)
    same(gives(s.call("DELETE", path), 200).body, b"", "empty body")
    gives(s.call("DELETE", path), 404, GONE)


def test_pull_list(s):
    ids = []
    for n in range(3):
        channel = f"c {n % 2}"
        one = player(name=f"n{n}", channelName=channel, token=token(channel, "101"))
        ids.append(playing(s, one))
    same(s.call("GET", PULLS).json["totalSize"], 0, "too new to be listed")
    s.advance(10)
    got = gives(s.call("GET", PULLS), 200).json
    same((got["totalSize"], got["nextPageToken"]), (3, ""), "list")
    same([p["id"] for p in got["players"]], ids, "players")
    same(set(got["players"][0]), {"name", "streamUrl", "channelName", "uid", "id", "createTs",
                                  "status"}, "members")
    same(s.call("GET", PULLS + "?filter=channelName%20eq%20c%201").json["totalSize"], 1, "filter")
    gives(s.call("GET", PULLS + "?filter=name%20eq%20c1"), 400)
    gives(s.call("GET", PULLS + "?pageSize=0"), 400)
    page = s.call("GET", PULLS + "?pageSize=2").json
    same((len(page["players"]), page["nextPageToken"]), (2, "2"), "page")
    page = s.call("GET", PULLS + "?pageSize=2&pageToken=2").json
    same(([p["id"] for p in page["players"]], page["nextPageToken"]), (ids[2:], ""), "last page")


def test_pull_limits(s):
    s.config(concurrencyLimits=True, rateLimits=True)
    unnamed = changed(player(), "name")
    for _ in range(20):
        gives(pull(s, unnamed), 200)
    expect("quota" in gives(pull(s, unnamed), 429).json["message"], "quota")
    got = [pull(s, player(name=f"n{n}")).json["message"] for n in range(3)]
    same(got[-1], "API rate limit exceeded", "named players")


# Gateway


def test_stream_keys(s):
    body = {"settings": {"channel": "class32", "uid": "0123", "expiresAfter": 60}}
    got = has(s.call("POST", KEYS, body), 200, status="success")["data"]
    same((got["channel"], got["uid"], got["expiresAfter"]), ("class32", "123", 60), "data")
    path = f"{KEYS}/{got['streamKey']}"
    same(s.call("GET", path).json["data"], got, "data")
    gives(s.call("POST", KEYS, changed(body, "settings.channel", "a/b")), 400,
          {"message": "Invalid 'channel' format."})
    for field, value in (("uid", 123), ("expiresAfter", ...), ("templateId", "a-b")):
        answer = s.call("POST", KEYS, changed(body, "settings." + field, value))
        gives(answer, 400, {"message": "Invalid settings."})
    gives(s.call("GET", path.replace("/ap/", "/na/")), 404)
    gives(s.call("DELETE", path), 200, {"status": "success"})
    gives(s.call("GET", path), 404)
