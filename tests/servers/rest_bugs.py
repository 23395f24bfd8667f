"""The 50 bugs of the Go services (../shared/reference/agora-rest.md, parts B and H.2), by their
numbers: each with the request that shows that it is not here, or the test elsewhere that does."""

import os
import re

import rest_access
import rest_kit as rk
import rest_routes as routes
import tokens
from kit import TOP, expect, same
from rest_kit import DAY, PROJECT, SPEECH, fails, succeeds
from rest_routes import PULL, RAW_PUSH, WEB, ids_of
from sites import read

HERE = os.path.dirname(os.path.abspath(__file__))
ORIGIN = [("Origin", "https://a.example")]
START = "/cloud_recording/start"
STOP = "/cloud_recording/stop"


def record(w, **more):
    return succeeds(w.site.post(START, {"channelName": "ch"} | more))


def stop(w, job, **more):
    return w.site.post(STOP, ids_of(job) | more)


def transcribe(w, **more):
    """The answer, and what Agora was sent."""
    upstream = rk.Upstream(w.sim)
    body = {"channelName": "ch", "languages": ["en-US"]} | more
    return succeeds(w.site.post("/rtt/start", body)), upstream.entries()[-1]


def push(w, **more):
    upstream = rk.Upstream(w.sim)
    answer = succeeds(w.site.post("/rtmp/push/start", RAW_PUSH | more))
    return answer["converter"]["id"], upstream.entries()[-1]


def pull(w, **more):
    upstream = rk.Upstream(w.sim)
    body = {k: v for k, v in (PULL | more).items() if k != "name"}
    return succeeds(w.site.post("/rtmp/pull/start", body)), upstream.entries()[-1]


def bearer(w, token, channel, uid, ids):
    tokens.check(w.build, token, tokens.rtc(channel, uid, ids, DAY), DAY)


def bug_1(w):
    job = record(w)
    answer = succeeds(w.site.get("/cloud_recording/status", resourceId=job["resourceId"], sid=job["sid"]))
    expect("status" in answer["serverResponse"], answer)
    stop(w, job)


def bug_2(w):
    expect("members" in succeeds(w.site.get("/rtmp/push/list"))["data"], "no converters")
    expect("players" in succeeds(w.site.get("/rtmp/pull/list")), "no players")


def bug_3(w):
    task = transcribe(w)[0]["start"]["taskId"]
    upstream = rk.Upstream(w.sim)
    succeeds(w.site.ask("DELETE", f"/rtt/stop/{task}", {"builderToken": "b"}))
    same(upstream.entries()[0]["target"], f"{SPEECH}/agents/{task}/leave", "path at Agora")


def bug_4(w):
    for target in (START, START + "/"):
        answer = w.site.post(target, {"channelName": "ch"}, headers=ORIGIN)
        stop(w, succeeds(answer))
        same(answer.header("Access-Control-Allow-Origin"), ORIGIN[0][1], "CORS header")
        same(answer.header("Location"), None, "Location")


def bug_5(w):
    for ntp in (True, False):
        sent = transcribe(w, enableStorage=True, enableNTPtimestamp=ntp)[1]["json"]
        same(sent["captionConfig"]["storage"]["secretKey"], rk.SECRET_KEY, "storage")


def bug_6(w):
    body = {k: v for k, v in RAW_PUSH.items() if k != "rtcStreamUid"}
    fails(w.site.post("/rtmp/push/start", body), 400, "missing_field", "rtcStreamUid")


def bug_7(w):
    one = pull(w)[0]["player"]["id"]
    succeeds(w.site.post("/rtmp/pull/update", {"playerId": one, "region": "na", "isPause": True}))


def bug_8(w):
    files = succeeds(stop(w, record(w)))["serverResponse"]
    same((files["fileListMode"], type(files["fileList"])), ("string", str), "files")


def bug_9(w):
    job = record(w, recordingMode="web", extensionServiceConfig=WEB)
    answer = succeeds(stop(w, job, recordingMode="web"))
    expect(isinstance(answer["serverResponse"]["extensionServiceState"], list), answer)


def bug_10(w):
    job = record(w, recordingMode="individual", snapshotConfig={"fileType": ["jpg"]})
    same(succeeds(stop(w, job, recordingMode="individual"))["serverResponse"],
         {"uploadingStatus": "uploaded"}, "serverResponse")
    expect("serverResponse" not in succeeds(stop(w, record(w), async_stop=True)), "files")


def bug_11(w):
    answer = pull(w)[0]
    same(answer["player"]["uid"], 101, "uid")
    w.sim.config(pullUid="string")
    same(pull(w)[0]["player"]["uid"], "101", "uid")
    w.sim.config(pullUid="number")
    succeeds(w.site.post("/rtmp/pull/stop", {"playerId": answer["player"]["id"], "region": "na"}))


def bug_12(w):
    for action in ("rename_request_id", "omit_request_id"):
        w.sim.fault(action, match={"path": "rtmp-converters$"})
        push(w)


def bug_13(w):
    w.sim.fault("drop_after", match={"path": "/start$"})
    upstream = rk.Upstream(w.sim)
    job = record(w)  # Agora answers the second time with 201, "already started"
    same(upstream.entries()[-1]["status"], 201, "Agora's status")
    stop(w, job)
    w.sim.config(idleChannels=["nobody"])
    same(succeeds(stop(w, record(w, channelName="nobody")), 206)["code"], 435, "code")
    w.sim.config(idleChannels=[])


def bug_14(w):
    rtc = transcribe(w)[1]["json"]["rtcConfig"]
    bearer(w, rtc["pubBotToken"], "ch", rtc["pubBotUid"], tokens.PUBLISHER)


def bug_15(w):
    one = pull(w)[0]["player"]["id"]
    upstream = rk.Upstream(w.sim)
    succeeds(w.site.post("/rtmp/pull/update", {"playerId": one, "region": "na",
                                               "streamUrl": "rtmp://source.example/live/b"}))
    sent = upstream.entries()[0]
    same(sent["path"], f"/na{PROJECT}/cloud-player/players/{one}", "path at Agora")
    same(sent["json"], {"player": {"streamUrl": "rtmp://source.example/live/b"}}, "body")


def bug_16(w):
    player = pull(w, idleTimeOut=60)[1]["json"]["player"]
    same((player["uid"], player["idleTimeout"], "idleTimeOut" in player), (101, 60, False), "player")
    same(push(w, rtcStreamUid="5")[1]["json"]["converter"]["rawOptions"]["rtcStreamUid"], 5, "uid")


def bug_17(w):
    player = pull(w)[1]["json"]["player"]
    bearer(w, player["token"], "lobby", "101", tokens.PUBLISHER)


def bug_18(w):
    """tokens.check compares the lifetime; the simulator notes every token that lives shorter."""
    upstream = rk.Upstream(w.sim)
    job = record(w)
    for entry in upstream.entries():
        same(entry["violations"], [], "violations")
    token = upstream.entries()[-1]["json"]["clientRequest"]["token"]
    bearer(w, token, "ch", job["uid"], tokens.SUBSCRIBER)
    stop(w, job)


def bug_19(w):
    job = record(w)
    for name in ("unsubscribeVideoUids", "unsunscribeVideoUids"):
        upstream = rk.Upstream(w.sim)
        config = {"streamSubscribe": {"videoUidList": {name: ["7"]}}}
        succeeds(w.site.post("/cloud_recording/update/subscriber-list",
                             ids_of(job) | {"recordingConfig": config}))
        same(upstream.entries()[0]["json"]["clientRequest"],
             {"streamSubscribe": {"videoUidList": {"unsubscribeVideoUids": ["7"]}}}, "sent")
    stop(w, job)


def bug_20(w):
    layout = {"mixedVideoLayout": 3, "layoutConfig": [
        {"x_axis": 0.5, "y_axis": 0.25, "width": 0.5, "height": 0.333333}]}
    upstream = rk.Upstream(w.sim)
    job = record(w, recordingConfig={"transcodingConfig": layout})
    sent = upstream.entries()[-1]["json"]["clientRequest"]["recordingConfig"]["transcodingConfig"]
    same(sent, layout, "layout at the start")
    succeeds(w.site.post("/cloud_recording/update/layout", ids_of(job) | {"recordingConfig": layout}))
    stop(w, job)


def bug_21(w):
    for mode in ("2", 2):
        sent = transcribe(w, cryptionMode=mode, secret=rk.CIPHER_SECRET)[1]["json"]
        same(sent["rtcConfig"]["cryptionMode"], 2, "cryptionMode")


def bug_22(w):
    answer, entry = transcribe(w, channelName="a channel: {x}")
    same(answer["acquire"]["instanceId"], "a channel: {x}", "instanceId")
    expect(re.fullmatch("[A-Za-z0-9_-]{1,64}", entry["json"]["name"]), entry["json"]["name"])


def bug_23(w):
    upstream = rk.Upstream(w.sim)
    stop(w, record(w, channelName="a_b!-" * 12))
    prefix = upstream.entries()[0]["json"]["clientRequest"]["startParameter"]["storageConfig"]["fileNamePrefix"]
    expect(all(re.fullmatch("[A-Za-z0-9]+", part) for part in prefix), prefix)
    expect(sum(len(part) + 1 for part in prefix) <= 128, prefix)


def bug_24(w):
    upstream = rk.Upstream(w.sim)
    stop(w, record(w))
    config = upstream.entries()[1]["json"]["clientRequest"]["recordingConfig"]
    expect(not {"streamMode", "subscribeUidGroup"} & set(config), config)


def bug_25(w):
    job = record(w)
    upstream = rk.Upstream(w.sim)
    succeeds(stop(w, job))
    expect("resourceId" not in upstream.entries()[0]["json"], "resourceId in the body")


def bug_26(w):
    one, _ = push(w)
    upstream = rk.Upstream(w.sim)
    succeeds(w.site.post("/rtmp/push/update", {
        "converterId": one, "region": "na", "rtcChannel": "lobby",
        "streamUrl": "rtmp://b.example/app", "streamKey": rk.STREAM_KEY}))
    sent = upstream.entries()[0]
    same(list(sent["json"]["converter"]), ["rtmpUrl"], "what is updated")
    expect(sent["query"]["sequence"].isdigit(), "no sequence")


def bug_27(w):
    for url in ("rtmp://live.example/app", "rtmp://live.example/app/"):
        same(push(w, streamUrl=url)[1]["json"]["converter"]["rtmpUrl"],
             f"rtmp://live.example/app/{rk.STREAM_KEY}", "rtmpUrl")


def bug_28(w):
    video = pull(w, videoOptions={"width": 640})[1]["json"]["player"]["videoOptions"]
    same(video, {"width": 640}, "videoOptions")


def bug_29(w):
    upstream = rk.Upstream(w.sim)
    fails(w.site.ask("GET", "/rtt/status/a~=b?builderToken=%2B%3D%26x"), 404, "upstream_refused")
    same(upstream.entries()[0]["target"], f"{SPEECH}/agents/a~%3Db", "path at Agora")
    upstream = rk.Upstream(w.sim)
    for bad in ("../x", "a?b", "a#b", ""):
        answer = w.site.post("/rtmp/push/stop", {"converterId": bad, "region": "na"})
        fails(answer, 400, "invalid_field", "converterId")
    upstream.nothing()


def bug_30(w):
    """The simulator compares startParameter with what is started, and notes a difference."""
    upstream = rk.Upstream(w.sim)
    channels = [f"one{i}" for i in range(4)]
    jobs = rk.in_threads(*[lambda c=c: record(w, channelName=c) for c in channels])
    for entry in upstream.entries():
        same(entry["violations"], [], "violations")
    prefixes = {e["json"]["clientRequest"]["storageConfig"]["fileNamePrefix"][0]
                for e in upstream.entries() if e["target"].endswith("/start")}
    same(prefixes, set(channels), "channels in fileNamePrefix")
    for job in jobs:
        stop(w, job)


def bug_31(w):
    site, keys, _ = rest_access.backend(w, ADDRESS_RATE="3/min")
    upstream = rk.Upstream(w.sim)
    started = {"channelName": "meeting-1"}
    fails(site.post(START, started), 401, "unauthenticated")
    fails(site.ask("POST", START, started, [keys["web"]]), 403, "not_granted")
    fails(rest_access.token(site, {"channel": "c", "uid": "1"}), 401, "unauthenticated")
    fails(site.ask("POST", START, started, [keys["recorder"]], patient=False), 429, "rate_limited")
    upstream.nothing()
    site.stop()


def bug_32(w):
    large = b'{"channelName":"' + b"x" * 70000 + b'"}'
    fails(w.site.post(START, large), 413, "body_too_large")
    fails(w.site.ask("GET", "/rtt/status/none?builderToken=in-the-query"), 404, "upstream_refused")
    expect("in-the-query" not in w.site.responder_log() + w.site.server_log(), "the query is logged")


def bug_33(w):
    for uid in (4294967296, "4294967297", -1):
        fails(w.site.post(START, {"channelName": "ch", "uid": uid}), 400, "invalid_field", "uid")
    elsewhere("cases.py", "def uids", "def lifetimes")


def bug_35(w):
    for target in (START, "/rtmp/push/start"):
        answer = w.site.send("OPTIONS", target, ORIGIN + [("Access-Control-Request-Method", "POST")])
        same(answer.status, 204, "status")
        allowed = answer.header("Access-Control-Allow-Headers").lower()
        for name in ("x-request-id", "x-requested-with", "authorization", "content-type"):
            expect(name in allowed, f"{name} is not in {allowed}")
        same(answer.header("Vary"), "Origin", "Vary")
    succeeds(w.site.get("/rtmp/push/list"))  # a list of origins, and a client without one
    elsewhere("cases.py", "def cors")


def bug_36(w):
    w.sim.fault("status", match={"path": "/query$"}, status=404,
                body={"code": 404, "reason": "failed to find worker"}, headers={"X-Request-ID": "r"})
    answer = w.site.get("/cloud_recording/status", resourceId="r", sid="s")
    fails(answer, 404, "upstream_refused", upstream={
        "status": 404, "code": "404", "reason": "failed to find worker", "requestId": "r"})


def bug_37(w):
    w.sim.fault("status", match={"path": "/agents$"}, status=503)
    succeeds(w.site.get("/rtt/list"))
    job = record(w)
    w.sim.config(stopSeconds=2)
    succeeds(w.impatient.post(STOP, ids_of(job)))  # others have a second for a try there
    w.sim.config(stopSeconds=0)
    elsewhere("rest_hosts.py", "def test_")


def bug_38(w):
    both = {"avFileType": ["hls", "mp4"]}
    job = record(w, recordingMode="web", extensionServiceConfig=WEB, recordingFileConfig=both)
    succeeds(stop(w, job, recordingMode="web"))
    files = succeeds(stop(w, record(w, recordingFileConfig=both)))["serverResponse"]["fileList"]
    expect(any(f["fileName"].endswith(".mp4") for f in files), files)
    elsewhere("rest_routes.py", "snapshotConfig")


def bug_39(w):
    upstream = rk.Upstream(w.sim)
    stop(w, record(w, recordingConfig={"channelType": 1}))
    same(upstream.entries()[1]["json"]["clientRequest"]["recordingConfig"],
         routes.MIX | {"channelType": 1}, "recordingConfig")


def bug_40(w):
    upstream = rk.Upstream(w.sim)
    fails(w.site.post(START, {}), 400, "missing_field", "channelName")
    fails(w.site.post("/rtt/start", {"languages": ["en-US"]}), 400, "missing_field", "channelName")
    upstream.nothing()


def bug_41(w):
    video = {"canvas": {"width": 640, "height": 360, "color": 255}, "bitrate": 400, "layoutType": 0,
             "layout": [{"imageUrl": "https://a.example/i.png", "region": {}}]}
    audio = {"rtcStreamUids": [1], "volumes": [{"rtcStreamUid": 1, "volume": 9}]}
    _, entry = push(w, useTranscoding=True, videoOptions=video, audioOptions=audio)
    options = entry["json"]["converter"]["transcodeOptions"]
    same((options["videoOptions"], options["audioOptions"]), (video, audio), "options")


def bug_42(w):
    for asked, sent in ((1, 5), (9999, 600)):
        same(pull(w, idleTimeOut=asked)[1]["json"]["player"]["idleTimeout"], sent, "idleTimeout")


def bug_43(w):
    shapes = set()
    for answer in (w.site.post(START, {}), w.site.post("/rtt/stop/t", {}), w.site.get("/nothing"),
                   w.site.post("/rtmp/push/stop", {"converterId": "c", "region": "x"}),
                   w.site.post(START, b"{"), w.site.get("/rtmp/pull/status/none")):
        error = answer.json()
        expect({"error", "code", "status", "requestId"} <= set(error), error)
        shapes.add(type(error["error"]))
    same(shapes, {str}, "what error is")


def bug_44(w):
    empty = {"AGORA_RTT_URL": "", "AGORA_AREA": "", "AGORA_PROXY": "", "AGORA_CA_FILE": ""}
    site = rk.Site(w.run, w.build, rk.settings_for(w.sim) | empty | {"AGORA_BASE_URL": w.sim.url})
    succeeds(site.get("/rtmp/push/list"))
    fails(site.get("/rtt/list"), 501, "not_configured", says="AGORA_RTT_URL")
    site.stop()


def bug_45(_w):
    names = "|".join([*routes.ON, "APP_ID", "APP_CERTIFICATE"])
    for directory, _, files in os.walk(TOP):
        if "node_modules" in directory or "/build" in directory:
            continue
        for name in files:
            if re.match("(Dockerfile|Containerfile)", name):
                lines = read(directory, name).replace("\\\n", " ").splitlines()
                wrong = [line for line in lines if re.match(rf"\s*(ARG|ENV)\s.*\b({names})", line, re.I)]
                same(wrong, [], f"settings in {directory}/{name}")
                expect(".env" in read(TOP, ".dockerignore"), ".env may get into the image")
    elsewhere("rest_routes.py", "def test_secrets_come_from_files_too")


def bug_46(w):
    answers = [w.site.get("/rtmp/push/list"), w.site.post(START, {}), w.site.get("/nothing")]
    for answer in answers:
        expect(answer.header("X-Timestamp"), "no X-Timestamp")


def bug_47(w):
    same(transcribe(w)[1]["path"], f"{SPEECH}/join", "path at Agora")
    expect(not [e for e in w.sim.since(0) if "rtsc" in e["target"]], "v5 or v6 was asked")


def bug_48(w):
    upstream = rk.Upstream(w.sim)
    for target in (STOP, "/rtmp/push/stop", "/rtmp/pull/stop", "/cloud_recording/update/layout"):
        fails(w.site.post(target, {}), 400, "missing_field", w.site.post(target, {}).json()["field"])
    upstream.nothing()


def bug_49(w):
    upstream = rk.Upstream(w.sim)
    w.sim.fault("status", match={"path": "/agents$"}, status=499, body={"message": "told in words"})
    error = fails(w.site.get("/rtt/list"), 502, "upstream_error")
    expect("told in words" in error["error"], error)
    same(len(upstream.entries()), 1, "tries")
    elsewhere("rest_hosts.py", "5xx")


def bug_50(w):
    for own in ({"volume": 50}, {"profile": 1, "volume": 200}):
        same(pull(w, audioOptions=own)[1]["json"]["player"]["audioOptions"], own, "audioOptions")


def elsewhere(name, *texts):
    """The test is there; it is run with that file."""
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        source = file.read()
    for text in texts:
        expect(text in source, f"{name} has no {text!r}")


BUGS = (
    (1, "recording status answers 200 with nothing", bug_1),
    (2, "the lists of push and pull answer 200 with nothing", bug_2),
    (3, "/rtt/stop/:taskId is not routable, and no id goes upstream", bug_3),
    (4, "redirects for a slash, without CORS headers", bug_4),
    (5, "enableStorage crashes /rtt/start", bug_5),
    (6, "push without transcoding and rtcStreamUid crashes", bug_6),
    (7, "pull update without streamUrl crashes", bug_7),
    (8, "stop with fileListMode string is a 500", bug_8),
    (9, "stop in web mode is a 500", bug_9),
    (10, "stop without a fileList is a 500", bug_10),
    (11, "pull start with a numeric uid upstream is a 500, and the player runs on", bug_11),
    (12, "a renamed or missing X-Request-ID is a 500", bug_12),
    (13, "201 and 206 are a 500", bug_13),
    (14, "the publishing bot's token is of the subscribing bot's uid", bug_14),
    (15, "pull update patches a converter and sends empty fields", bug_15),
    (16, "uids as strings, idleTimeOut for idleTimeout", bug_16),
    (17, "player and transcriber get subscriber tokens", bug_17),
    (18, "bots' tokens last an hour", bug_18),
    (19, "unsunscribeVideoUids", bug_19),
    (20, "layouts take whole numbers only", bug_20),
    (21, "cryptionMode goes upstream as a string", bug_21),
    (22, "instanceId is the raw channel name", bug_22),
    (23, "fileNamePrefix holds what Agora forbids", bug_23),
    (24, "streamMode and subscribeUidGroup in mix mode", bug_24),
    (25, 'stop sends "resourceId":""', bug_25),
    (26, "push update sends transcodeOptions always, sequence not always", bug_26),
    (27, "streamUrl and streamKey are glued", bug_27),
    (28, "widthHeightAdaption: null", bug_28),
    (29, "builderToken and ids go unescaped into paths", bug_29),
    (30, "fileNamePrefix of one request in another's", bug_30),
    (31, "no authentication, no rate limit", bug_31),
    (32, "unbounded bodies; queries in the log", bug_32),
    (33, "uids are cut, expire wraps", bug_33),
    (34, "numeric roles", lambda w: elsewhere("cases.py", "def roles")),
    (35, "CORS: no Vary, headers that browsers need are not allowed", bug_35),
    (36, "Agora's status, code and request id are lost", bug_36),
    (37, "no retry, no failover, 10 s for everything", bug_37),
    (38, "no MP4, no screenshots, no web recording", bug_38),
    (39, "recording defaults are all or nothing", bug_39),
    (40, "a missing channelName is a 500, or costs a builder token", bug_40),
    (41, "push lacks layoutType, color, rtcStreamUids, volumes, images", bug_41),
    (42, "idleTimeOut out of range becomes 300", bug_42),
    (43, "errors of four shapes", bug_43),
    (44, "empty variables count as set; a base URL without a slash", bug_44),
    (45, "the image holds secrets", bug_45),
    (46, "X-Timestamp is hardly ever sent", bug_46),
    (47, "transcription by an API that has ended", bug_47),
    (48, "ids are not checked", bug_48),
    (49, "the Go client: unreadable errors, 499 retried, 5xx stays at its region", bug_49),
    (50, "pull drops audioOptions and volume", bug_50),
)


def run_all(suite, w):
    suite.run(f"{__name__}: every number once", lambda: same([b[0] for b in BUGS], [*range(1, 51)], "bugs"))
    for number, what, test in BUGS:
        suite.run(f"{__name__}: bug {number}: {what}", test, w)
