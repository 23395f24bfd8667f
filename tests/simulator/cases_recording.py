"""Cloud recording: C.2 and H.3 of the reference."""

import re
import time

from client import APP_ID, token
from expecting import clean, expect, gives, has, noted, same
from storage import AREAS

BASE = f"/v1/apps/{APP_ID}/cloud_recording"
STORAGE = {"vendor": 1, "region": 0, "bucket": "b", "accessKey": "a", "secretKey": "s",
           "fileNamePrefix": ["dir1", "20261124"]}
WEB = {
    "extensionServices": [
        {
            "serviceName": "web_recorder_service",
            "serviceParam": {
                "url": "https://example.com/page",
                "audioProfile": 0,
                "videoWidth": 1280,
                "videoHeight": 720,
                "maxRecordingHour": 3,
            },
        }
    ]
}
PUSH_SERVICE = {
    "serviceName": "rtmp_publish_service",
    "serviceParam": {"outputs": [{"rtmpUrl": "rtmp://h/live/k"}]},
}
NO_WORKER = {"code": 404, "reason": "failed to find worker"}


def changed(value, path, new=...):
    """A copy with the member at a.b.c set, or removed."""
    name, _, rest = path.partition(".")
    key = int(name) if isinstance(value, list) else name
    copy = list(value) if isinstance(value, list) else dict(value)
    if rest:
        copy[key] = changed(copy.get(key, {}) if isinstance(copy, dict) else copy[key], rest, new)
    elif new is ...:
        del copy[key]
    else:
        copy[key] = new
    return copy


def client_request(mode="mix", cname="lobby", uid="527841", **more):
    request = {"storageConfig": STORAGE}
    if mode == "web":
        request["extensionServiceConfig"] = WEB
    else:
        request["token"] = token(cname, uid, (1,))
        request["recordingConfig"] = {"channelType": 0}
    return {k: v for k, v in (request | more).items() if v is not None}


def acquire(s, cname="lobby", uid="527841", **client):
    body = {"cname": cname, "uid": uid, "clientRequest": client}
    return gives(s.call("POST", BASE + "/acquire", body), 200).json["resourceId"]


def start(s, rid, request, mode="mix", cname="lobby", uid="527841"):
    body = {"cname": cname, "uid": uid, "clientRequest": request}
    return s.call("POST", f"{BASE}/resourceid/{rid}/mode/{mode}/start", body)


class Task:
    """A running recording."""

    def __init__(self, s, mode="mix", cname="lobby", uid="527841", ready=True, **more):
        self.s, self.mode, self.cname, self.uid = s, mode, cname, uid
        self.rid = acquire(s, cname, uid, scene=int(mode == "web"))
        self.request = client_request(mode, cname, uid, **more)
        answer = start(s, self.rid, self.request, mode, cname, uid)
        self.sid = gives(answer, 200).json["sid"]
        clean(s)
        if ready:
            s.advance(6)

    def path(self, call, mode=None):
        return f"{BASE}/resourceid/{self.rid}/sid/{self.sid}/mode/{mode or self.mode}/{call}"

    def query(self):
        return self.s.call("GET", self.path("query"))

    def post(self, call, client, mode=None, **more):
        body = {"cname": self.cname, "uid": self.uid, "clientRequest": client} | more
        return self.s.call("POST", self.path(call, mode), body)

    def stop(self, **client):
        return self.post("stop", client)

    @property
    def names(self):
        return {"cname": self.cname, "uid": self.uid, "resourceId": self.rid, "sid": self.sid}


# acquire


def test_acquire(s):
    body = {"cname": "lobby", "uid": "527841", "clientRequest": {"scene": 0}}
    got = has(s.call("POST", BASE + "/acquire", body), 200, cname="lobby", uid="527841")
    same(set(got), {"cname", "uid", "resourceId"}, "members")
    expect(re.fullmatch(r"[A-Za-z0-9_-]{200,}", got["resourceId"]), "resourceId")
    s.config(acquireShape="resourceId")
    same(set(s.call("POST", BASE + "/acquire", body).json), {"resourceId"}, "members as of old")


def test_acquire_refuses(s):
    good = {"cname": "lobby", "uid": "527841", "clientRequest": {"resourceExpiredHour": 24}}
    expired = {"code": 2, "reason": "Acquire: invalid resourceExpiredHour value!"}
    for hours in (0, 721):
        body = changed(good, "clientRequest.resourceExpiredHour", hours)
        gives(s.call("POST", BASE + "/acquire", body), 400, expired)
    cases = [("cname", v) for v in ("", "a" * 65, "a/b", "ü", "a*", 5, ...)]
    for path, value in cases:
        answer = s.call("POST", BASE + "/acquire", changed(good, path, value))
        gives(answer, 400, {"code": 401, "reason": "invalid_channel_name"})
    for path, value in [
        *[("uid", v) for v in ("", "0", "007", "4294967296", "x", "-1", "1.0", 527841, None, ...)],
        ("clientRequest", ...),
        ("clientRequest", "x"),
        *[("clientRequest.scene", v) for v in (3, "0", 1.0, True, None)],
        ("clientRequest.region", "na"),
        ("clientRequest.region", "US"),
        ("clientRequest.excludeResourceIds", "x"),
        ("clientRequest.excludeResourceIds", [1]),
        ("clientRequest.startParameter", {}),
        ("clientRequest.startParameter", {"storageConfig": STORAGE | {"vendor": 4}}),
    ]:
        has(s.call("POST", BASE + "/acquire", changed(good, path, value)), 400, code=2)
        noted(s, "refused")


def test_acquire_accepts(s):
    for uid in ("1", "4294967295"):
        acquire(s, uid=uid)
    for cname in ("a" * 64, "a !#$%&()+-:;<=.>?@[]^_{}|~,"):
        acquire(s, cname=cname)
    acquire(s, cname="w" * 1024, scene=1)  # a label in web mode
    acquire(s, excludeResourceIds=["x"], region="NA", resourceExpiredHour=720)


def test_storage_lies_in_the_area(s):
    good = {"storageConfig": STORAGE}
    acquire(s, region="NA", startParameter=good)
    body = {"cname": "lobby", "uid": "1", "clientRequest": {"region": "EU", "startParameter": good}}
    has(s.call("POST", BASE + "/acquire", body), 400, code=2)


# start


def test_start_in_every_mode(s):
    for mode in ("individual", "raw", "mix", "web"):
        task = Task(s, mode, cname=mode, ready=False)
        expect(re.fullmatch(r"[0-9a-f]{32}", task.sid), "sid")
    same(s.state("recording")["started"], 4, "started")


def test_documented_start_bodies(s):
    """The long ones of C.2.2."""
    config = {
        "channelType": 1, "decryptionMode": 7, "secret": "key", "salt": "A" * 43 + "=",
        "maxIdleTime": 30, "streamTypes": 2, "videoStreamType": 0,
        "subscribeAudioUids": ["123", "456"], "subscribeVideoUids": ["#allstream#"],
    }
    mixed = config | {
        "audioProfile": 1,
        "transcodingConfig": {
            "width": 1920, "height": 1080, "fps": 30, "bitrate": 500, "mixedVideoLayout": 3,
            "backgroundColor": "#FF0000", "backgroundImage": "https://h/i.png",
            "layoutConfig": [{"uid": "1", "x_axis": 0, "y_axis": 0.1, "width": 0.333333,
                              "height": 1.0, "alpha": 1.0, "render_mode": 1}],
            "backgroundConfig": [{"uid": "1", "image_url": "https://h/i.png", "render_mode": 0}],
        },
    }
    each = config | {"streamMode": "original", "subscribeUidGroup": 0}
    storage = STORAGE | {"extensionParams": {"sse": "kms", "tag": "t"}}
    Task(s, "mix", "a", recordingConfig=mixed, storageConfig=storage,
         recordingFileConfig={"avFileType": ["hls", "mp4"]})
    Task(s, "individual", "b", recordingConfig=each, recordingFileConfig={"avFileType": ["hls"]},
         snapshotConfig={"captureInterval": 5, "fileType": ["jpg"]})
    Task(s, "raw", "c", recordingConfig=changed(each, "streamMode"))
    services = [WEB["extensionServices"][0] | {"errorHandlePolicy": "error_abort"}, PUSH_SERVICE]
    web = {"errorHandlePolicy": "error_abort", "extensionServices": services}
    Task(s, "web", "d", extensionServiceConfig=web,
         recordingFileConfig={"avFileType": ["hls", "mp4"]})
    Task(s, "mix", "e", storageConfig=STORAGE | {"vendor": 11, "extensionParams":
         {"endpoint": "https://s3.example.com"}})
    Task(s, "mix", "f", storageConfig=STORAGE | {"stsToken": "t",
         "stsExpiration": int(time.time()) + 5 * 3600})


def test_start_refuses(s):
    """Each field of C.2.2 in a way that is wrong."""
    config, storage = "recordingConfig.", "storageConfig."
    layout = config + "transcodingConfig.layoutConfig"
    square = {"x_axis": 0.5, "y_axis": 0, "width": 1, "height": 1}
    every = [
        ("storageConfig", ...),
        *[(storage + name, ...) for name in STORAGE if name != "fileNamePrefix"],
        (storage + "vendor", "1"),
        (storage + "vendor", 4),
        (storage + "region", 17),
        (storage + "region", 23),
        (storage + "region", 26),
        (storage + "region", -1),
        (storage + "bucket", ""),
        (storage + "accessKey", 5),
        (storage + "fileNamePrefix", "dir"),
        *[(storage + "fileNamePrefix", [v]) for v in ("a-b", "a/b", "", "ü", "a" * 128, 1)],
        (storage + "fileNamePrefix", ["a" * 63, "b" * 64]),
        (storage + "stsToken", "t"),
        (storage + "stsExpiration", int(time.time()) + 5 * 3600),
        (storage + "extensionParams", {"endpoint": "https://h"}),
        (storage + "extensionParams", {"sse": "none"}),
    ]
    channel = [
        ("recordingConfig", ...),
        ("token", ...),
        (config + "channelType", ...),
        (config + "channelType", 2),
        (config + "channelType", "0"),
        (config + "decryptionMode", 9),
        (config + "decryptionMode", "1"),
        (config + "decryptionMode", 1),
        (config + "maxIdleTime", 4),
        (config + "maxIdleTime", 2592001),
        (config + "streamTypes", 3),
        (config + "videoStreamType", 2),
        *[(config + "subscribeAudioUids", v) for v in
          ("1", [1], ["x"], ["0"], ["#allstream#", "1"], [str(n) for n in range(1, 34)])],
        ("extensionServiceConfig", WEB),
    ]
    mix = [
        (config + "streamMode", "raw"),
        (config + "subscribeUidGroup", 6),
        (config + "audioProfile", 3),
        ("snapshotConfig", {"fileType": ["jpg"]}),
        *[("recordingFileConfig", {"avFileType": v}) for v in (["mp4"], [], ["flv"], "hls")],
        (config + "transcodingConfig", {"width": 1921, "height": 1080}),
        (config + "transcodingConfig", {"mixedVideoLayout": 4}),
        (config + "transcodingConfig", {"backgroundColor": "red"}),
        (config + "transcodingConfig", {"maxResolutionUid": 5}),
        *[(layout, [changed(square, name, v)]) for name in square
          for v in (1.1, -0.1, 360, "0", ...)],
        (layout, [square] * 18),
    ]
    individual = [
        (config + "streamMode", "raw"),
        (config + "subscribeUidGroup", 6),
        (config + "audioProfile", 1),
        (config + "transcodingConfig", {}),
        ("recordingFileConfig", {"avFileType": ["hls", "mp4"]}),
        *[("snapshotConfig", v) for v in
          ({}, {"fileType": ["png"]}, {"fileType": ["jpg"], "captureInterval": 4},
           {"fileType": ["jpg"], "captureInterval": 3601})],
    ]
    raw = [(config + "streamMode", "standard"), (config + "transcodingConfig", {})]
    service = "extensionServiceConfig.extensionServices"
    parameters = service + ".0.serviceParam."
    web = [
        ("extensionServiceConfig", ...),
        (service, []),
        (service, [PUSH_SERVICE]),
        (service, WEB["extensionServices"] * 2),
        (service + ".0.serviceName", "x"),
        *[(parameters + n, ...) for n in ("url", "audioProfile", "videoWidth", "maxRecordingHour")],
        (parameters + "url", "page"),
        (parameters + "videoFps", 61),
        (parameters + "maxRecordingHour", 721),
        (parameters + "maxVideoDuration", 29),
        (parameters + "readyTimeout", 61),
        ("recordingConfig", {"channelType": 0}),
        ("snapshotConfig", {"fileType": ["jpg"]}),
    ]
    for uid, mode, cases in (
        ("1", "mix", every + channel + mix),
        ("2", "individual", every + channel + individual),
        ("3", "raw", channel + raw),
        ("4", "web", every + web),
    ):
        good = client_request(mode, uid=uid)
        rid = acquire(s, uid=uid, scene=int(mode == "web"))
        for path, value in cases:
            answer = start(s, rid, changed(good, path, value), mode, uid=uid)
            expect(answer.status == 400, f"{mode}: {path} = {value}: {answer}")
            same(answer.json["code"], 2, f"{mode}: {path} = {value}")
        gives(start(s, rid, good, mode, uid=uid), 200)
    same(s.state("recording")["started"], 4, "started")


def test_lists_exclude_each_other(s):
    for kind in ("Audio", "Video"):
        both = {"channelType": 0, f"subscribe{kind}Uids": ["1"], f"unsubscribe{kind}Uids": ["2"]}
        has(start(s, acquire(s), client_request(recordingConfig=both)), 400, code=2)


def test_every_storage_region(s):
    for vendor, regions in AREAS.items():
        for region in (*regions, -1, 29):
            storage = STORAGE | {"vendor": vendor, "region": region}
            if vendor == 11:
                storage["extensionParams"] = {"endpoint": "https://h"}
            body = {"cname": "l", "uid": "1", "clientRequest":
                    {"startParameter": {"storageConfig": storage}}}
            answer = s.call("POST", BASE + "/acquire", body)
            same(answer.status, 200 if region in regions else 400, f"{vendor} {region}")


def test_tokens_of_the_bot(s):
    rid, now = acquire(s), time.time()
    for bad in (
        "",
        "007eJx",
        token("other", "527841"),
        token("lobby", "527842"),
        token("lobby", "527841", app_id="f" * 32),
        token("lobby", "527841", certificate="f" * 32),
        token("lobby", "527841", issued=now - 90000),
        token("lobby", "527841", (2,)),
    ):
        answer = start(s, rid, client_request(token=bad))
        gives(answer, 400, {"code": 2, "reason": "Start: invalid token value!"})
        noted(s, "bad token")
    gives(start(s, rid, client_request(token=token("lobby", "527841", (1,), 3600))), 200)
    noted(s, "lives 3600 s")
    s.reset()
    s.config(tokens="off")
    gives(start(s, acquire(s), client_request(token="x")), 200)
    clean(s)


def test_the_token_of_acquire_is_looked_at_too(s):
    request = client_request(token=token("other", "527841"))
    body = {"cname": "lobby", "uid": "527841", "clientRequest": {"startParameter": request}}
    gives(s.call("POST", BASE + "/acquire", body), 400,
          {"code": 2, "reason": "Acquire: invalid startParameter.token value!"})
    noted(s, "bad token")


def test_resource_ids_serve_once(s):
    task = Task(s)
    again = start(s, task.rid, task.request)
    got = has(again, 201, code=7, sid=task.sid, resourceId=task.rid)
    same(got["reason"], "already started", "reason")
    clean(s)
    same(s.state("recording")["started"], 1, "started")
    gives(task.stop(), 200)
    has(start(s, task.rid, task.request), 400, code=2)
    same(s.state("recording")["started"], 1, "started")


def test_a_second_resource_conflicts(s):
    task = Task(s)
    other = start(s, acquire(s), task.request)
    gives(other, 400, {"code": 53, "reason": "task conflict"})
    gives(task.stop(), 200)
    gives(start(s, acquire(s), task.request), 200)
    same(s.state("recording")["startedPerChannel"], {"lobby": 2}, "started")


def test_resource_ids_are_bound(s):
    rid = acquire(s)
    has(start(s, "unknown", client_request()), 400, code=2)
    has(start(s, rid, client_request(cname="other"), cname="other"), 400, code=2)
    noted(s, "differ from acquire")
    has(start(s, rid, client_request(uid="2"), uid="2"), 400, code=2)
    has(start(s, rid, client_request("web"), "web"), 400, code=2)
    noted(s, "scene")
    has(start(s, rid, client_request(), "other"), 400, code=2)
    s.advance(301)
    has(start(s, rid, client_request()), 400, code=2)
    same(s.state("recording")["started"], 0, "started")


def test_start_agrees_with_acquire(s):
    request = client_request()
    rid = acquire(s, startParameter=request)
    storage = STORAGE | {"fileNamePrefix": ["dir2"]}
    has(start(s, rid, client_request(storageConfig=storage, token=request["token"])), 400, code=2)
    noted(s, "startParameter")
    gives(start(s, rid, request), 200)
    clean(s)


# query


def test_status_advances(s):
    s.config(statusStep=10)
    task, seen = Task(s, ready=False), []
    for _ in range(7):
        seen.append(task.query().json["serverResponse"]["status"])
        s.advance(10)
    same(seen, [0, 1, 2, 3, 4, 5, 5], "status")
    s.config(statusLimit={"stays": 3, "crashes": 20})
    for cname, last in (("stays", 3), ("crashes", 20)):
        task = Task(s, cname=cname)
        s.advance(100)
        same(task.query().json["serverResponse"]["status"], last, cname)


def test_query_shapes(s):
    task = Task(s)
    got = has(task.query(), 200, **task.names)["serverResponse"]
    same(got["fileListMode"], "string", "mix, hls")
    same(got["fileList"], f"{task.sid}_lobby.m3u8", "fileList")
    expect(got["sliceStartTime"] > 10**12, "ms")
    task = Task(s, "mix", "b", recordingFileConfig={"avFileType": ["hls", "mp4"]})
    got = task.query().json["serverResponse"]
    same(got["fileListMode"], "json", "mix, mp4")
    same([f["fileName"] for f in got["fileList"]],
         [f"{task.sid}_b.m3u8", f"{task.sid}_b_0.mp4"], "files")
    same(got["fileList"][0]["uid"], "0", "uid in mix")
    task = Task(s, "individual", "c")
    one = task.query().json["serverResponse"]["fileList"][0]
    same(set(one), {"fileName", "trackType", "uid", "mixedAllUser", "isPlayable",
                    "sliceStartTime"}, "members")
    same(one["fileName"], f"{task.sid}_c__uid_s_123__uid_e_audio.m3u8", "fileName")
    task = Task(s, "individual", "d", snapshotConfig={"fileType": ["jpg"]})
    same(set(task.query().json["serverResponse"]), {"status", "sliceStartTime"}, "screenshots")
    services = WEB["extensionServices"] + [PUSH_SERVICE]
    task = Task(s, "web", "e", extensionServiceConfig={"extensionServices": services})
    recorder, push = task.query().json["serverResponse"]["extensionServiceState"]
    same(recorder["serviceName"], "web_recorder_service", "web")
    recorder, push = recorder["payload"], push["payload"]
    same((recorder["state"], recorder["onhold"]), ("inProgress", False), "web")
    same(set(recorder["fileList"][0]), {"filename", "sliceStartTime"}, "web files")
    wanted = [{"rtmpUrl": "rtmp://h/live/k", "status": "publishing"}]
    same(push["outputs"], wanted, "push")


def test_shapes_that_vary(s):
    task = Task(s)
    for mode, kind in (("json", list), ("string", str), ("absent", type(None))):
        s.config(fileListMode=mode)
        got = task.query().json["serverResponse"]
        same(type(got.get("fileList")), kind, mode)
    s.config(fileListMode="json", sliceStartTime="s")
    one = task.query().json["serverResponse"]["fileList"][0]
    expect(one["sliceStartTime"] < 10**11, "seconds")


def test_a_task_that_is_not_there(s):
    task = Task(s)
    gives(s.call("GET", task.path("query").replace(task.sid, "0" * 32)), 404, NO_WORKER)
    gives(s.call("GET", task.path("query").replace(task.rid, "x")), 404, NO_WORKER)
    has(s.call("GET", task.path("query", "individual")), 400, code=2)
    has(s.call("GET", task.path("query", "other")), 400, code=2)
    gives(task.stop(), 200)
    for answer in (task.query(), task.stop(), task.post("updateLayout", {})):
        gives(answer, 404, NO_WORKER)


def test_tasks_end_of_themselves(s):
    s.config(idleChannels=["empty"])
    idle, talk = Task(s, cname="empty"), Task(s, cname="full")
    web = Task(s, "web", "page")
    s.advance(60)
    gives(idle.query(), 404, NO_WORKER)
    gives(talk.query(), 200)
    s.advance(3 * 3600)
    gives(web.query(), 404)  # maxRecordingHour
    s.advance(21 * 3600 + 60)
    gives(talk.query(), 404)  # its token ended
    short = acquire(s, "short", resourceExpiredHour=1)
    has(start(s, short, client_request(cname="short"), cname="short"), 200)
    s.advance(3601)
    acquire(s, "next")  # looks for itself
    same(s.state("recording")["running"], 0, "running")


# update


def test_update(s):
    task = Task(s)
    subscribe = {"streamSubscribe": {"audioUidList": {"subscribeAudioUids": ["#allstream#"]},
                                     "videoUidList": {"unsubscribeVideoUids": ["444", "555"]}}}
    gives(task.post("update", subscribe), 200, task.names)
    clean(s)
    refresh = {"storageConfig": {"stsToken": "t", "stsExpiration": int(time.time()) + 5 * 3600}}
    gives(task.post("update", refresh), 200)
    for bad in (
        {},
        {"webRecordingConfig": {"onhold": True}},
        {"streamSubscribe": {}},
        {"streamSubscribe": {"audioUidList": {}}},
        {"streamSubscribe": {"audioUidList": {"subscribeAudioUids": ["1"],
                                              "unsubscribeAudioUids": ["2"]}}},
        {"streamSubscribe": {"videoUidList": {"unsunscribeVideoUids": ["1"]}}},
        {"storageConfig": {"stsToken": "t", "stsExpiration": int(time.time()) + 3600}},
        {**subscribe, **refresh},
    ):
        has(task.post("update", bad), 400, code=2)
    has(task.post("update", subscribe, uid="1"), 400, code=2)
    same(len(s.state("recording")["tasks"][0]["updates"]), 2, "updates")


def test_update_in_web_mode(s):
    services = WEB["extensionServices"] + [PUSH_SERVICE]
    task = Task(s, "web", "page", extensionServiceConfig={"extensionServices": services})
    gives(task.post("update", {"webRecordingConfig": {"onhold": True}}), 200, task.names)
    outputs = [{"rtmpUrl": "rtmp://other/live/k"}]
    gives(task.post("update", {"rtmpPublishConfig": {"outputs": outputs}}), 200)
    recorder, push = task.query().json["serverResponse"]["extensionServiceState"]
    same(recorder["payload"]["onhold"], True, "onhold")
    same(push["payload"]["outputs"], [{**outputs[0], "status": "onhold"}], "outputs")
    for bad in (
        {"webRecordingConfig": {"onhold": "true"}},
        {"rtmpPublishConfig": {"outputs": outputs * 2}},
        {"rtmpPublishConfig": {"outputs": [{"rtmpUrl": "http://h"}]}},
        {"streamSubscribe": {"audioUidList": {"subscribeAudioUids": ["1"]}}},
    ):
        has(task.post("update", bad), 400, code=2)


def test_update_layout(s):
    task = Task(s)
    layout = {"mixedVideoLayout": 3, "backgroundColor": "#000000", "layoutConfig":
              [{"uid": "1", "x_axis": 0.1, "y_axis": 0.1, "width": 0.5, "height": 0.5}]}
    gives(task.post("updateLayout", layout), 200, task.names)
    clean(s)
    gives(task.post("updateLayout", {"mixedVideoLayout": 2}), 200)
    noted(s, "maxResolutionUid")
    for path, value in (("layoutConfig.0.x_axis", 100), ("mixedVideoLayout", 4),
                        ("backgroundColor", "#12345"), ("layoutConfig.0.uid", 1)):
        has(task.post("updateLayout", changed(layout, path, value)), 400, code=2)
    single = Task(s, "individual", "b")
    has(single.post("updateLayout", layout), 400, code=2)


# stop


def test_stop_shapes(s):
    def stopped(*arguments, **more):
        task = Task(s, *arguments, **more)
        return has(task.stop(async_stop=False), 200, **task.names)["serverResponse"], task

    got, task = stopped()
    same(got, {"fileListMode": "string", "fileList": f"{task.sid}_lobby.m3u8",
               "uploadingStatus": "uploaded"}, "mix, hls")
    got, task = stopped("individual")
    same((got["fileListMode"], type(got["fileList"])), ("json", list), "individual")
    got, task = stopped("raw")
    same(got["fileListMode"], "json", "raw")
    got, task = stopped("individual", snapshotConfig={"fileType": ["jpg"]})
    same(got, {"uploadingStatus": "uploaded"}, "screenshots")
    got, task = stopped("web")
    upload, recorder = got["extensionServiceState"]
    same(upload["serviceName"], "upload_service", "web")
    same(upload["payload"], {"uploadingStatus": "uploaded"}, "web")
    same(recorder["payload"]["state"], "exit", "web")
    s.config(fileListMode="absent")
    got, task = stopped()
    same(got, {"uploadingStatus": "uploaded"}, "no fileList")


def test_stop_asynchronously(s):
    task = Task(s)
    same(gives(task.stop(async_stop=True), 200).json, task.names, "no serverResponse")
    same(task.query().json["serverResponse"]["status"], 6, "status")
    gives(task.stop(), 400, {"code": 49, "reason": "invalid operation"})
    s.advance(2)
    gives(task.query(), 404, NO_WORKER)
    s.config(asyncStopShape="empty")
    same(Task(s).stop(async_stop=True).json["serverResponse"], {}, "serverResponse")


def test_stop_without_data(s):
    s.config(idleChannels=["lobby"])
    has(Task(s).stop(), 206, code=435, reason="no recorded data")
    s.config(idleChannels=[], dataAfter=100)
    has(Task(s).stop(), 206, code=435)
    task = Task(s)
    s.advance(100)
    gives(task.stop(), 200)


def test_stop_refuses(s):
    task = Task(s)
    has(task.post("stop", {"async_stop": "true"}), 400, code=2)
    has(s.call("POST", task.path("stop"), {"cname": "lobby", "uid": "527841"}), 400, code=2)
    has(task.post("stop", {}, uid="1"), 400, code=2)
    same(s.state("recording")["running"], 1, "running")
    gives(task.post("stop", {}, resourceId=""), 200)
    noted(s, "resourceId: no such field")


def test_slow_stops(s):
    s.config(stopSeconds=0.3)
    task, began = Task(s), time.monotonic()
    gives(task.stop(), 200)
    expect(time.monotonic() - began >= 0.3, "took its time")


def test_limit_of_tasks(s):
    s.config(concurrencyLimits=True)
    for n in range(50):
        Task(s, cname=f"c{n}", ready=False)
    body = {"cname": "one-more", "uid": "1", "clientRequest": {}}
    gives(s.call("POST", BASE + "/acquire", body), 400,
          {"code": 406, "reason": "vendor_over_load"})
