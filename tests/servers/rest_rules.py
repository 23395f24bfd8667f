"""What the REST routes refuse by themselves: a 400 that names the field, and nothing to Agora."""

import rest_kit as rk
from kit import expect, same
from rest_kit import fails
from rest_routes import PULL, RAW_PUSH, WEB

START = "/cloud_recording/start"
STOP = "/cloud_recording/stop"
STATUS = "/cloud_recording/status"
LISTS = "/cloud_recording/update/subscriber-list"
LAYOUT = "/cloud_recording/update/layout"
JOB = {"cname": "ch", "uid": "7", "resourceId": "rid", "sid": "5id"}
ABSENT = object()
NO_IDS = ("../x", "a/b", "a?b", "a#b", "a%2Fb", "..", ".", "a b", "a\u00e9", "a\n")


def without(body, **changes):
    body = body | changes
    return {k: v for k, v in body.items() if v is not ABSENT}


def bad(method, target, body, field, says="", code="invalid_field"):
    return method, target, body, field, says, code


def missing(method, target, body, field):
    return bad(method, target, without(body, **{field: ABSENT}), field, "is required", "missing_field")


def recording_start():
    def start(field, value, says="", name=None, **more):
        body = without({"channelName": "ch"} | more, **{field: value})
        return bad("POST", START, body, name or field, says)

    yield missing("POST", START, {}, "channelName")
    yield bad("POST", START, {"channelName": None}, "channelName", "is required", "missing_field")
    yield start("channelName", "", "empty")
    yield start("channelName", "x" * 65, "64 bytes")
    for value in (-7, 1.5, True, [7]):
        yield start("channelName", value, "must be a string")
    for name in ("a*", "a/b", "a\"", "\u00e9"):
        yield start("channelName", name, "does not allow")
    yield start("channelName", "x" * 1025, "1024 bytes", recordingMode="web",
                extensionServiceConfig=WEB)
    for mode in ("", "MIX", "individually", 1, True, ["mix"]):
        yield start("recordingMode", mode, "individual, raw, mix or web")
    for uid in ("0", "", "abc", "-1", "1.5", "007", "4294967296", 0, -1, 4294967296, 1.5, [], True):
        yield start("uid", uid)
    for scene in ("live", "", 3, True):
        yield start("sceneMode", scene, "realtime, web or postponed")
    for value in ("x", {}, 7, "[]"):
        yield start("excludeResourceIds", value, "must be an array")
    for region in ("XX", "", "na", 1):
        yield start("region", region)
    for hours in (0, 721, -1, "24h", 1.5, True):
        yield start("resourceExpiredHour", hours, "1 to 720")
    for wait in (-1, 21, "5s", 2.5):
        yield start("wait", wait, "0 to 20")
    for field in ("recordingConfig", "recordingFileConfig"):
        for value in ([], "x", 7, True):
            yield start(field, value, "must be an object")
    yield start("snapshotConfig", {"fileType": ["jpg"]}, "no meaning with recordingMode mix")
    yield start("snapshotConfig", [], "must be an object", recordingMode="raw")
    yield start("extensionServiceConfig", WEB, "no meaning with recordingMode raw", recordingMode="raw")
    yield start("recordingConfig", {}, "no meaning with recordingMode web", recordingMode="web",
                extensionServiceConfig=WEB)
    yield missing("POST", START, {"channelName": "ch", "recordingMode": "web"}, "extensionServiceConfig")
    yield start("storageConfig", {"vendor": 1}, "STORAGE_OVERRIDE")
    yield start("storageConfig", [], "must be an object")
    for name in ("subscribeAudioUids", "unsubscribeAudioUids", "subscribeVideoUids", "unsubscribeVideoUids"):
        field = "recordingConfig." + name
        yield start("recordingConfig", {name: [7]}, "as strings", field)
        yield start("recordingConfig", {name: [None]}, "as strings", field)
        yield start("recordingConfig", {name: "7"}, "a list of at most 32", field)
        yield start("recordingConfig", {name: ["7"] * 33}, "a list of at most 32", field)
    for kind in ("Audio", "Video"):
        both = {f"subscribe{kind}Uids": ["1"], f"unsubscribe{kind}Uids": ["2"]}
        yield start("recordingConfig", both, "excludes", f"recordingConfig.unsubscribe{kind}Uids")
    yield start("recordingConfig", {"streamMode": "standard"}, "raw", "recordingConfig.streamMode",
                recordingMode="raw")


def recording_jobs():
    update = JOB | {"recordingConfig": {"streamSubscribe": {}}}
    for target, body in ((STOP, JOB), (LISTS, update), (LAYOUT, update)):
        for field in JOB:
            yield missing("POST", target, body, field)
            yield bad("POST", target, body | {field: ""}, field)
            yield bad("POST", target, body | {field: []}, field)
        for field in ("resourceId", "sid"):
            for value in NO_IDS:
                yield bad("POST", target, body | {field: value}, field, "no id that Agora gave")
        yield bad("POST", target, body | {"resourceId": "x" * 1025}, "resourceId", "1024")
        yield bad("POST", target, body | {"sid": "x" * 129}, "sid", "128")
        yield bad("POST", target, body | {"cname": "x" * 1025}, "cname", "1024")
        for uid in ("0", "x", "4294967296", 0):
            yield bad("POST", target, body | {"uid": uid}, "uid")
        for mode in ("", "Mix", 2):
            yield bad("POST", target, body | {"recordingMode": mode}, "recordingMode")
    yield missing("POST", STOP, {}, "cname")
    for value in ("true", 1, "yes", []):
        yield bad("POST", STOP, JOB | {"async_stop": value}, "async_stop", "true or false")
    for target in (LISTS, LAYOUT):
        yield missing("POST", target, update, "recordingConfig")
        yield bad("POST", target, update | {"recordingConfig": []}, "recordingConfig", "an object")
    for config in ({}, {"other": {}}, {"streamSubscribe": {}, "webRecordingConfig": {}},
                   {"rtmpPublishConfig": {}, "streamSubscribe": {}}):
        yield bad("POST", LISTS, JOB | {"recordingConfig": config}, "recordingConfig", "exactly one")
    yield bad("POST", LISTS, JOB | {"recordingConfig": {"storageConfig": {}}},
              "recordingConfig.storageConfig", "STORAGE_OVERRIDE")
    for mode in ("individual", "raw", "web"):
        yield bad("POST", LAYOUT, update | {"recordingMode": mode}, "recordingMode", "mix")
    yield missing("GET", STATUS + "?sid=s", {}, "resourceId")
    yield missing("GET", STATUS + "?resourceId=r&sid=", {}, "sid")
    yield missing("GET", STATUS, {}, "resourceId")
    for value in ("a%00b", "%00"):
        yield bad("GET", f"{STATUS}?resourceId={value}&sid=s", None, "resourceId", "%00 (NUL)")
        yield bad("GET", f"{STATUS}?resourceId=r&sid=s&cname={value}", None, "cname", "%00 (NUL)")
    for value in ("..%2Fx", "a%3Fb", "a%23b"):
        yield bad("GET", f"{STATUS}?resourceId={value}&sid=s", None, "resourceId", "no id")
        yield bad("GET", f"{STATUS}?resourceId=r&sid={value}", None, "sid", "no id")
    yield bad("GET", f"{STATUS}?resourceId=r&sid=s&mode=all", None, "mode", "individual, raw, mix or web")


def transcription():
    body = {"channelName": "ch", "languages": ["en-US"]}

    def start(field, value, says=""):
        return bad("POST", "/rtt/start", without(body, **{field: value}), field, says)

    for field in body:
        yield missing("POST", "/rtt/start", body, field)
    yield start("channelName", "a*", "does not allow")
    yield start("languages", "en-US", "must be an array")
    yield start("languages", [1], "must hold strings")
    yield start("languages", ["en-US"] * 5, "at most 4")
    yield start("subscribeAudioUids", [1], "must hold strings")
    yield start("subscribeAudioUids", ["1"] * 33, "at most 32")
    for value in (9, "9", "-1", "x", -1, True, 1.5):
        yield start("cryptionMode", value)
    for value in ("30s", 1.5, True, []):
        yield start("maxIdleTime", value, "whole number")
    for field in ("secret", "salt"):
        yield start(field, 7, "must be a string")
    yield start("translateConfig", [], "must be an object")
    yield start("enableStorage", "yes", "true or false")
    yield start("enableNTPtimestamp", 1, "true or false")
    yield start("keywords", "a", "must be an array")
    yield start("uidLanguagesConfig", {}, "must be an array")
    for name in ("", "a b", "x" * 65, "a.b", 7):
        yield start("name", name)
    for method, target in (("GET", "/rtt/status/"), ("DELETE", "/rtt/stop/"), ("POST", "/rtt/stop/"),
                           ("POST", "/rtt/update/")):
        for value in ("..%2F", "a%2F..", ".%2Fa"):
            yield bad(method, target + value, {}, None, "segments . and ..", "invalid_path")
    for value in ("a%2Fb", "a%3Fb", "a%23b", "%20"):
        yield bad("GET", f"/rtt/status/{value}", None, "taskId", "no id")
        yield bad("DELETE", f"/rtt/stop/{value}", None, "taskId", "no id")
        yield bad("POST", f"/rtt/stop/{value}", {}, "taskId", "no id")
        yield bad("POST", f"/rtt/update/{value}", {"languages": []}, "taskId", "no id")
    yield bad("GET", "/rtt/status//", None, "taskId", "required", "missing_field")
    yield bad("DELETE", "/rtt/stop//", None, "taskId", "empty")
    yield bad("GET", "/rtt/status/" + "x" * 257, None, "taskId", "256")
    yield bad("POST", "/rtt/update/t", {}, None, "nothing to update", "missing_field")
    yield bad("POST", "/rtt/update/t", {"languages": "x"}, "languages", "must be an array")
    for value in (-1, "x", 1.5):
        yield bad("POST", "/rtt/update/t", {"languages": [], "sequenceId": value}, "sequenceId")
    for name in ("from_time", "to_time", "state", "limit"):
        for value in ("-1", "x", "1.5"):
            yield bad("GET", f"/rtt/list?{name}={value}", None, name, "whole number")
    yield bad("GET", "/rtt/list?cursor=a%2Fb", None, "cursor", "no id")
    yield bad("GET", "/rtt/list?cursor=" + "a" * 257, None, "cursor", "256")
    yield bad("GET", "/rtt/list?channel=secret-board%00-public", None, "channel", "%00 (NUL)")
    for value in ("*", "a%2Fb", "a%0Ab", "%FF", "%22"):
        yield bad("GET", f"/rtt/list?channel={value}", None, "channel", "does not allow")
    yield bad("GET", "/rtt/list?channel=" + "x" * 65, None, "channel", "64 bytes")
    yield bad("GET", "/rtt/list?channel=" + "x" * 7000, None, "channel", "64 bytes")
    yield start("secret", "x" * 257, "256")
    yield start("salt", "x" * 20000, "256")


def push():
    def start(field, value, says="", name=None, **more):
        return bad("POST", "/rtmp/push/start", without(RAW_PUSH | more, **{field: value}), name or field, says)

    for field in ("rtcChannel", "streamUrl", "region", "rtcStreamUid"):
        yield missing("POST", "/rtmp/push/start", RAW_PUSH, field)
    yield start("rtcChannel", "a*", "does not allow")
    for url in ("live.example/app", "rtmp://a b", "rtmp://a\u00e9/", "", "rtmp://" + "x" * 1020):
        yield start("streamUrl", url)
    for key in ("a b", "a\n", "\u00e9", "x" * 1025):
        yield start("streamKey", key)
    for region in ("us", "NA", "", 1):
        yield start("region", region, "na, eu, ap or cn")
    for uid in ("x", "-1", "4294967296", "", "1.5", 4294967296, -1, 1.5, []):
        yield start("rtcStreamUid", uid)
    for value in ("300.1.1.1", "1.2.3", "1.2.3.4.5", "::1", "a.b.c.d", "1.2.3.", "", "1.2.3.4 "):
        yield start("regionHintIp", value, "IPv4")
    for value in ("yes", 1):
        yield start("useTranscoding", value, "true or false")
    for name in ("a b", "x" * 65, "", "a/b"):
        yield start("converterName", name)
    for value in (4, 601, "601", 1.5):
        yield start("idleTimeOut", value, "5 to 600")
    for value in (-1, 1001, "1001"):
        yield start("jitterBufferSizeMs", value, "0 to 1000")
    for field in ("audioOptions", "videoOptions"):
        yield start(field, [], "must be an object", useTranscoding=True)
    for uid in ("x", "4294967296", -1, None, 1.5, [], {}):
        video = {"layout": [{"rtcStreamUid": uid}]}
        yield start("videoOptions", video, "numeric uids", useTranscoding=True)
    yield start("videoOptions", {"vertical": {"maxResolutionUid": "x"}}, "numeric", useTranscoding=True)
    yield start("audioOptions", {"rtcStreamUids": ["x"]}, "numeric uids", useTranscoding=True)
    yield start("audioOptions", {"rtcStreamUids": [None]}, "numeric uids", useTranscoding=True)
    stop = {"converterId": "c", "region": "na"}
    for field in stop:
        yield missing("POST", "/rtmp/push/stop", stop, field)
        yield missing("POST", "/rtmp/push/update", stop, field)
    for value in NO_IDS:
        yield bad("POST", "/rtmp/push/stop", stop | {"converterId": value}, "converterId", "no id")
        yield bad("POST", "/rtmp/push/update", stop | {"converterId": value}, "converterId", "no id")
    yield bad("POST", "/rtmp/push/stop", stop | {"converterId": ""}, "converterId", "empty")
    for body in ({}, {"streamUrl": "rtmp://a.example/"}, {"streamKey": "k"}, {"rtcChannel": "ch"}):
        yield bad("POST", "/rtmp/push/update", stop | body, None, "nothing to update", "missing_field")
    yield bad("POST", "/rtmp/push/update", stop | {"sequenceId": -1, "jitterBufferSizeMs": 1}, "sequenceId")
    yield missing("GET", "/rtmp/push/status/c", {}, "region")
    yield bad("GET", "/rtmp/push/status/c?region=xx", None, "region")
    yield bad("GET", "/rtmp/push/status/a%3Fb?region=na", None, "id", "no id")
    yield bad("GET", "/rtmp/push/status//?region=na", None, "id", "required", "missing_field")
    yield bad("GET", "/rtmp/push/list?cursor=x", None, "cursor")
    yield bad("GET", "/rtmp/push/list?channel=a*", None, "channel")


def pull():
    def start(field, value, says="", name=None, **more):
        return bad("POST", "/rtmp/pull/start", without(PULL | more, **{field: value}), name or field, says)

    for field in ("channelName", "streamUrl", "region"):
        yield missing("POST", "/rtmp/pull/start", PULL, field)
    yield start("channelName", "a*", "does not allow")
    for url in ("source", "rtmp://a b", "", 7):
        yield start("streamUrl", url)
    for uid in ("x", "-1", "4294967296", "", 4294967296, -1, 1.5):
        yield start("uid", uid)
    for region in ("us", "NA", ""):
        yield start("region", region, "na, eu, ap or cn")
    for field in ("name", "playerName"):
        for name in ("a b", "x" * 65, ""):
            yield start(field, name)
    for value in ("300.1.1.1", "x"):
        yield start("streamOriginIp", value, "IPv4")
    for field in ("audioOptions", "videoOptions", "dataStreamOptions"):
        yield start(field, [], "must be an object")
    for value in (-1, "60s", 1.5):
        yield start("idleTimeOut", value, "whole number")
    for field, value in (("playTs", -1), ("playTs", "x"), ("repeatTime", -2), ("seekPosition", -1)):
        yield start(field, value, "whole number")
    yield start("encryptMode", "x" * 33)
    yield start("encryptMode", 7)
    stop = {"playerId": "p", "region": "na"}
    for field in stop:
        yield missing("POST", "/rtmp/pull/stop", stop, field)
        yield missing("POST", "/rtmp/pull/update", stop, field)
    for value in NO_IDS:
        yield bad("POST", "/rtmp/pull/stop", stop | {"playerId": value}, "playerId", "no id")
        yield bad("POST", "/rtmp/pull/update", stop | {"playerId": value}, "playerId", "no id")
    yield bad("POST", "/rtmp/pull/update", stop, None, "nothing to update", "missing_field")
    yield bad("POST", "/rtmp/pull/update", stop | {"isPause": 1}, "isPause", "true or false")
    yield bad("POST", "/rtmp/pull/update", stop | {"streamUrl": "x"}, "streamUrl", "URL")
    yield bad("POST", "/rtmp/pull/update", stop | {"isPause": True, "sequenceId": "1x"}, "sequenceId")
    yield bad("GET", "/rtmp/pull/status/a%3Fb", None, "id", "no id")
    yield bad("GET", "/rtmp/pull/list?pageSize=0", None, "pageSize")
    yield bad("GET", "/rtmp/pull/list?pageSize=501", None, "pageSize")
    yield bad("GET", "/rtmp/pull/list?pageToken=a%26b", None, "pageToken", "no id")


def check(w, rules):
    upstream = rk.Upstream(w.sim)
    wrong, count = [], 0
    for method, target, body, field, says, code in rules:
        count += 1
        try:
            answer = w.site.ask(method, target, None if method == "GET" else body)
            fails(answer, 400, code, field, says)
        except AssertionError as error:
            wrong.append(f"{method} {target} {body}: {error}")
    expect(not wrong, f"{len(wrong)} of {count}:\n  " + "\n  ".join(w[:500] for w in wrong[:20]))
    upstream.nothing()
    print(f"     {count} requests", flush=True)


def test_recording_start(w):
    check(w, recording_start())


def test_recording_jobs(w):
    check(w, recording_jobs())


def test_transcription(w):
    check(w, transcription())


def test_push(w):
    check(w, push())


def test_pull(w):
    check(w, pull())


def test_bodies_that_are_no_object(w):
    targets = [START, STOP, LISTS, LAYOUT, "/rtt/start", "/rtt/stop/t", "/rtt/update/t",
               "/rtmp/push/start", "/rtmp/push/stop", "/rtmp/push/update", "/rtmp/pull/start",
               "/rtmp/pull/stop", "/rtmp/pull/update"]
    upstream = rk.Upstream(w.sim)
    for target in targets:
        for body in (b"", b"[]", b"{", b"null", b'{"a":1}x'):
            fails(w.site.post(target, body), 400, "invalid_body")
    fails(w.site.ask("DELETE", "/rtt/stop/t", b"[]"), 400, "invalid_body")
    fails(w.site.post(START, b'{"channelName":"' + b"x" * 70000 + b'"}'), 413, "body_too_large")
    upstream.nothing()


def test_nulls_are_absent_and_harmless(w):
    """null at any place: never a crash, at most an error."""
    null_lists = {"streamSubscribe": {"videoUidList": {"unsunscribeVideoUids": None}}}
    for target, body in (
        (LISTS, JOB | {"recordingConfig": null_lists}),
        (LISTS, JOB | {"recordingConfig": {"streamSubscribe": None}}),
        (LISTS, JOB | {"recordingConfig": {"streamSubscribe": {"videoUidList": None}}}),
        (LAYOUT, JOB | {"recordingConfig": {"layoutConfig": None}}),
        (START, {"channelName": "ch", "recordingMode": "web", "extensionServiceConfig": {"x": None}}),
        ("/rtt/start", {"channelName": "ch", "languages": [None]}),
        ("/rtt/start", {"channelName": "ch", "languages": ["en-US"], "translateConfig": {"languages": None}}),
        ("/rtt/update/t", {"rtcConfig": {"subscribeAudioUids": None}}),
        ("/rtmp/push/start", RAW_PUSH | {"useTranscoding": True, "videoOptions": {
            "layout": [None], "vertical": None, "canvas": None}}),
        ("/rtmp/push/start", RAW_PUSH | {"useTranscoding": True, "audioOptions": {"rtcStreamUids": None}}),
        ("/rtmp/push/update", {"converterId": "c", "region": "na", "videoOptions": {"codec": None}}),
        ("/rtmp/pull/start", PULL | {"audioOptions": {"volume": None}}),
        ("/rtmp/pull/update", {"playerId": "p", "region": "na", "audioOptions": {"volume": None}}),
    ):
        answer = w.site.post(target, body)
        expect(answer.status in (400, 404), f"{target} {body}: {answer.status} {answer.body!r}")
    expect("killed" not in w.site.responder_log(), "the worker died")
    answer = w.site.post(START, {k: None for k in ("uid", "region", "wait", "storageConfig",
                                                    "recordingConfig")} | {"channelName": "ch"})
    same(answer.status, 200, f"status ({answer.body!r})")
    answer = w.site.post(START, {"channelName": "ch", "recordingConfig": {k: None for k in (
        "channelType", "subscribeAudioUids", "unsubscribeAudioUids", "streamTypes", "streamMode")}})
    same(answer.status, 200, f"status ({answer.body!r})")
