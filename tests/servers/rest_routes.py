"""Every REST route over nginx: the exact requests to Agora, and the exact answers to clients."""

import re
import time
from collections import defaultdict
from typing import NamedTuple

import rest_kit as rk
from kit import expect, same, wait_until
from rest_kit import APP_ID, CUSTOMER, DAY, PATHS, PROJECT, RECORDING, SPEECH, STORAGE, fails, succeeds
from tokens import PUBLISHER, SUBSCRIBER

UPSTREAM_STORAGE = {
    "vendor": 1,
    "region": 3,
    "bucket": "bucket",
    "accessKey": rk.ACCESS_KEY,
    "secretKey": rk.SECRET_KEY,
    "fileNamePrefix": "PREFIX",
}
ALL = ["#allstream#"]
MIX = {
    "channelType": 0,
    "maxIdleTime": 120,
    "streamTypes": 2,
    "videoStreamType": 0,
    "subscribeAudioUids": ALL,
    "subscribeVideoUids": ALL,
}
RAW = MIX | {"subscribeUidGroup": 0}
INDIVIDUAL = RAW | {"streamMode": "standard"}
WEB = {
    "extensionServices": [
        {
            "serviceName": "web_recorder_service",
            "errorHandlePolicy": "error_abort",
            "serviceParam": {
                "url": "https://page.example/?a=1&b=2",
                "audioProfile": 1,
                "videoWidth": 1280,
                "videoHeight": 720,
                "maxRecordingHour": 3,
            },
        }
    ]
}
PUSHED = f"rtmp://live.example/app/{rk.STREAM_KEY}"
WEB_AND_PUSH = {
    "extensionServices": WEB["extensionServices"]
    + [{"serviceName": "rtmp_publish_service", "serviceParam": {"outputs": [{"rtmpUrl": PUSHED}]}}]
}

DOCUMENTED_RECORDING = {
    "channelName": "testChannel",
    "sceneMode": "realtime",
    "recordingMode": "mix",
    "excludeResourceIds": [],
    "recordingConfig": {
        "channelType": 1,
        "decryptionMode": 1,
        "secret": rk.CIPHER_SECRET,
        "maxIdleTime": 60,
        "streamTypes": 2,
        "videoStreamType": 1,
        "subscribeAudioUids": ["123", "456"],
        "subscribeVideoUids": ["123", "456"],
        "audioProfile": 1,
        "transcodingConfig": {
            "width": 640, "height": 360, "fps": 15, "bitrate": 500,
            "mixedVideoLayout": 3, "backgroundColor": "#FF0000",
            "layoutConfig": [{"uid": "123", "x_axis": 0.5, "y_axis": 0, "width": 0.25,
                              "height": 1, "alpha": 0.5, "render_mode": 1}],
        },
    },
}

JOB_IDS = ("cname", "uid", "resourceId", "sid")


def ids_of(job):
    return {k: job[k] for k in JOB_IDS}


def job_path(job, mode, verb):
    return f"{RECORDING}/resourceid/{job['resourceId']}/sid/{job['sid']}/mode/{mode}/{verb}"


def start_recording(w, body, mode="mix", config=MIX, scene=None, hours=24, more=None, acquire=None):
    """Starts one, and looks at all there is to look at."""
    upstream = rk.Upstream(w.sim)
    began = int(time.time())
    job = succeeds(w.site.post("/cloud_recording/start", body))
    web = mode == "web"
    wanted = ["cname", "uid", "resourceId", "sid"] + ([] if web else ["recordsUntil"]) + ["timestamp"]
    same(list(job), wanted, "members of the answer")
    same(job["cname"], body["channelName"], "cname")
    expect(1 <= int(job["uid"]) <= 4294967295 and str(int(job["uid"])) == job["uid"], job["uid"])
    if not web:
        expect(0 <= job["recordsUntil"] - began - DAY <= 5, f"recordsUntil {job['recordsUntil']}")
    request = {"storageConfig": UPSTREAM_STORAGE} | (more or {})
    if not web:
        request |= {"token": "TOKEN", "recordingConfig": config}
    first = {"resourceExpiredHour": hours, "startParameter": request} | (acquire or {})
    if scene:
        first["scene"] = scene
    names = {"cname": job["cname"], "uid": job["uid"]}
    entries = upstream.exactly(
        ("POST", f"{RECORDING}/acquire", names | {"clientRequest": first}),
        ("POST", f"{RECORDING}/resourceid/{job['resourceId']}/mode/{mode}/start",
         names | {"clientRequest": request}),
        build=w.build, channel=job["cname"], uid=job["uid"], ids=SUBSCRIBER,
    )
    bodies = [e["json"]["clientRequest"] for e in entries]
    same(bodies[0]["startParameter"], bodies[1], "startParameter and what was started")
    return job


def stop_recording(w, job, mode="mix", async_stop=None, status=200):
    upstream = rk.Upstream(w.sim)
    body = ids_of(job) | {"recordingMode": mode}
    if async_stop is not None:
        body["async_stop"] = async_stop
    stopped = succeeds(w.site.post("/cloud_recording/stop", body), status)
    request = {"async_stop": True} if async_stop else {}
    sent = {"cname": job["cname"], "uid": job["uid"], "clientRequest": request}
    upstream.exactly(("POST", job_path(job, mode, "stop"), sent))
    same({k: stopped[k] for k in ids_of(job)}, ids_of(job), "ids in the answer")
    return stopped


def recording_status(w, job, mode="mix"):
    upstream = rk.Upstream(w.sim)
    body = succeeds(w.site.get("/cloud_recording/status", resourceId=job["resourceId"],
                               sid=job["sid"], mode=mode))
    upstream.exactly(("GET", job_path(job, mode, "query"), None))
    same({k: body[k] for k in ids_of(job)}, ids_of(job), "ids in the answer")
    return body


# Cloud recording


def test_recording_with_nothing_but_a_channel(w):
    job = start_recording(w, {"channelName": "lobby-1"})
    status = recording_status(w, job)
    same(status["serverResponse"]["fileListMode"], "string", "fileListMode")
    stopped = stop_recording(w, job)
    same(list(stopped), ["resourceId", "sid", "serverResponse", "cname", "uid", "timestamp"], "stop")
    same(stopped["serverResponse"], {
        "fileListMode": "string",
        "fileList": f"{job['sid']}_lobby-1.m3u8",
        "uploadingStatus": "uploaded",
    }, "serverResponse")
    state = next(t for t in w.sim.state("recording")["tasks"] if t["sid"] == job["sid"])
    same((state["running"], state["starts"]), (False, 1), "at Agora")


def test_recording_as_the_middlewares_documentation_has_it(w):
    body = DOCUMENTED_RECORDING
    job = start_recording(w, body, config=body["recordingConfig"],
                          acquire={"excludeResourceIds": []})
    stop_recording(w, job)


def test_recording_defaults_field_by_field(w):
    for mode, base in (("mix", MIX), ("individual", INDIVIDUAL), ("raw", RAW)):
        body = {"channelName": "ch", "recordingMode": mode, "recordingConfig": {"maxIdleTime": 5}}
        stop_recording(w, start_recording(w, body, mode, base | {"maxIdleTime": 5}), mode)
    audio = {k: v for k, v in MIX.items() if "ideo" not in k} | {"streamTypes": 0}
    video = {k: v for k, v in MIX.items() if "Audio" not in k} | {"streamTypes": 1}
    for own, wanted in (
        ({"streamTypes": 0}, audio),
        ({"streamTypes": 1}, video),
        ({"unsubscribeAudioUids": ["7"]},
         {k: v for k, v in MIX.items() if k != "subscribeAudioUids"}
         | {"unsubscribeAudioUids": ["7"]}),
    ):
        job = start_recording(w, {"channelName": "ch", "recordingConfig": own}, config=wanted)
        stop_recording(w, job)


def test_recording_every_mode(w):
    snapshot = {"captureInterval": 5, "fileType": ["jpg"]}
    for mode, config in (("individual", INDIVIDUAL), ("raw", RAW)):
        body = {"channelName": "ch", "recordingMode": mode}
        job = start_recording(w, body, mode, config)
        files = stop_recording(w, job, mode)["serverResponse"]
        same(files["fileListMode"], "json", "fileListMode")
        expect(isinstance(files["fileList"], list) and files["fileList"][0]["trackType"], files)
        shots = body | {"snapshotConfig": snapshot}
        job = start_recording(w, shots, mode, config, more={"snapshotConfig": snapshot})
        same(stop_recording(w, job, mode)["serverResponse"], {"uploadingStatus": "uploaded"}, "stop")
    files = {"avFileType": ["hls", "mp4"]}
    job = start_recording(w, {"channelName": "ch", "recordingFileConfig": files},
                          more={"recordingFileConfig": files})
    names = [f["fileName"] for f in stop_recording(w, job)["serverResponse"]["fileList"]]
    same([n.rpartition(".")[2] for n in names], ["m3u8", "mp4"], "files")


def test_recording_a_web_page(w):
    for name, extension in (("a label, of no channel: \u00e9*\"", WEB), ("page", WEB_AND_PUSH)):
        body = {"channelName": name, "recordingMode": "web", "extensionServiceConfig": extension,
                "recordingFileConfig": {"avFileType": ["hls", "mp4"]}}
        job = start_recording(w, body, "web", scene=1, more={
            "extensionServiceConfig": extension,
            "recordingFileConfig": {"avFileType": ["hls", "mp4"]}})
        w.sim.advance(6)
        state = recording_status(w, job, "web")["serverResponse"]
        same(state["extensionServiceState"][0]["payload"]["state"], "inProgress", "state")
        update = {"webRecordingConfig": {"onhold": True}}
        upstream = rk.Upstream(w.sim)
        answer = succeeds(w.site.post("/cloud_recording/update/subscriber-list",
                                      ids_of(job) | {"recordingMode": "web", "recordingConfig": update}))
        same(ids_of(answer), ids_of(job), "ids")
        same(set(answer), {"cname", "uid", "resourceId", "sid", "timestamp"}, "members")
        sent = {"cname": name, "uid": job["uid"], "clientRequest": update}
        upstream.exactly(("POST", job_path(job, "web", "update"), sent))
        if extension is WEB_AND_PUSH:
            other = {"rtmpPublishConfig": {"outputs": [{"rtmpUrl": "rtmp://other.example/app/k2"}]}}
            succeeds(w.site.post("/cloud_recording/update/subscriber-list",
                                 ids_of(job) | {"recordingMode": "web", "recordingConfig": other}))
        stopped = stop_recording(w, job, "web")
        services = [s["serviceName"] for s in stopped["serverResponse"]["extensionServiceState"]]
        same(services, ["upload_service", "web_recorder_service"], "services")


def test_recording_options_of_start(w):
    body = {"channelName": "ch", "uid": "527841", "region": "NA", "resourceExpiredHour": 720}
    job = start_recording(w, body, hours=720, acquire={"region": "NA"})
    same(job["uid"], "527841", "uid")
    rid = job["resourceId"]
    stop_recording(w, job)
    body = {"channelName": "ch", "uid": 4294967295, "excludeResourceIds": [rid]}
    job = start_recording(w, body, acquire={"excludeResourceIds": [rid]})
    same(job["uid"], "4294967295", "uid")
    stop_recording(w, job)
    job = start_recording(w, {"channelName": "ch", "sceneMode": "postponed"}, scene=2)
    stop_recording(w, job)


def test_recording_prefix_of_files_is_legal(w):
    for channel in ("a-b_c!d", "-", "x" * 64, "~%_=" * 16):
        stop_recording(w, start_recording(w, {"channelName": channel}))


def test_recording_stop_in_all_shapes(w):
    job = start_recording(w, {"channelName": "ch"})
    stopped = stop_recording(w, job, async_stop=True)
    expect("serverResponse" not in stopped, stopped)
    again = w.site.post("/cloud_recording/stop", ids_of(job))
    fails(again, 400, "upstream_refused", says="invalid operation",
          upstream={"status": 400, "code": "49", "reason": "invalid operation",
                    "requestId": again.request_id})
    w.sim.config(asyncStopShape="empty")
    job = start_recording(w, {"channelName": "ch"})
    same(stop_recording(w, job, async_stop=True)["serverResponse"], {}, "serverResponse")
    w.sim.config(asyncStopShape="absent", fileListMode="absent")
    job = start_recording(w, {"channelName": "ch"})
    same(stop_recording(w, job, async_stop=False)["serverResponse"],
         {"uploadingStatus": "uploaded"}, "serverResponse")
    w.sim.config(fileListMode="auto", idleChannels=["nobody"])
    job = start_recording(w, {"channelName": "nobody"})
    stopped = stop_recording(w, job, status=206)
    same((stopped["code"], stopped["reason"]), (435, "no recorded data"), "code")
    w.sim.config(idleChannels=[])


def test_recording_status_in_all_shapes(w):
    job = start_recording(w, {"channelName": "ch"})
    target = "/cloud_recording/status"
    query = {"resourceId": job["resourceId"], "sid": job["sid"]}
    first = succeeds(w.site.get(target, **query))["serverResponse"]
    expect(first["status"] < 4 and first["fileList"] == "", first)
    w.sim.advance(10)
    same(succeeds(w.site.get(target + "/", **query))["serverResponse"]["status"], 5, "status")
    w.sim.fault("status", status=206, body={"code": 65, "reason": "request not completed"})
    answer = succeeds(w.site.get(target, **query), 206)
    same((answer["code"], answer["reason"]), (65, "request not completed"), "206")
    lost = {"code": 404, "reason": "failed to find worker"}
    w.sim.fault("status", status=404, body=lost)
    answer = w.site.get(target, **query)
    fails(answer, 404, "upstream_refused", says="failed to find worker",
          upstream={"status": 404, "code": "404", "reason": "failed to find worker"})
    same(answer.header("Retry-After"), "10", "Retry-After")
    same(succeeds(w.site.get(target, **query))["serverResponse"]["status"], 5, "status again")
    stop_recording(w, job)
    fails(w.site.get(target, **query), 404, "upstream_refused")


def test_recording_updates(w):
    job = start_recording(w, {"channelName": "ch"})
    target = "/cloud_recording/update/subscriber-list"
    lists = {"audioUidList": {"subscribeAudioUids": ["1", "2"]}}
    for own, sent in (
        (lists, lists),
        ({"videoUidList": {"unsubscribeVideoUids": ["3"]}},) * 2,
        ({"videoUidList": {"unsunscribeVideoUids": ["3"]}},
         {"videoUidList": {"unsubscribeVideoUids": ["3"]}}),
    ):
        upstream = rk.Upstream(w.sim)
        body = ids_of(job) | {"recordingMode": "mix", "recordingConfig": {"streamSubscribe": own}}
        answer = succeeds(w.site.post(target, body))
        same(set(answer), {"cname", "uid", "resourceId", "sid", "timestamp"}, "members")
        same(ids_of(answer), ids_of(job), "ids")
        upstream.exactly(("POST", job_path(job, "mix", "update"),
                          {"cname": "ch", "uid": job["uid"],
                           "clientRequest": {"streamSubscribe": sent}}))
    layout = {
        "mixedVideoLayout": 3,
        "backgroundColor": "#00FF00",
        "layoutConfig": [{"uid": "1", "x_axis": 0.123456, "y_axis": 0.5, "width": 0.5, "height": 0.5}],
    }
    upstream = rk.Upstream(w.sim)
    answer = succeeds(w.site.post("/cloud_recording/update/layout",
                                  ids_of(job) | {"recordingConfig": layout}))
    same(set(answer), {"cname", "uid", "resourceId", "sid", "timestamp"}, "members")
    upstream.exactly(("POST", job_path(job, "mix", "updateLayout"),
                      {"cname": "ch", "uid": job["uid"], "clientRequest": layout}))
    stop_recording(w, job)


def test_recording_waits_until_it_records(w):
    """wait: the answer comes when it records, has failed, or the time is over."""
    w.sim.config(statusStep=0.3, statusLimit={"crash": 20, "slow": 3})
    mark = w.sim.newest()

    def start(channel, wait):
        return w.site.post("/cloud_recording/start", {"channelName": channel, "wait": wait})

    def use_up():
        """Agora's limit, while the first query is put off: it is not sent sooner for that."""
        wait_until(lambda: len([e for e in w.sim.since(mark) if e["target"].endswith("/acquire")]) >= 3,
                   "the acquires")
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            w.site.ask("GET", "/cloud_recording/status?resourceId=r&sid=s", patient=False)
            time.sleep(0.05)

    w.sim.fault("delay", times=3, match={"path": "/start$"}, ms=1000)
    fine, crash, slow, *_ = rk.in_threads(
        lambda: start("ch", 20), lambda: start("crash", 20), lambda: start("slow", 8), *[use_up] * 25)
    job = succeeds(fine)
    expect(job["serverResponse"]["status"] in (4, 5), job)
    fails(crash, 502, "upstream_error", says="ended before it recorded", known=JOB_IDS)
    error = fails(slow, 504, "unknown_outcome", says="does not record yet", known=JOB_IDS)
    entries = w.sim.since(mark)
    for one in (job, error["known"]):
        began = next(e["time"] for e in entries
                     if e["target"].endswith(f"/{one['resourceId']}/mode/mix/start"))
        asked = [e["time"] - began for e in entries if e["target"] == job_path(one, "mix", "query")]
        expect(asked and asked[0] >= 5, f"asked after {asked} s")
    w.sim.config(statusStep=1, statusLimit={})
    for one in (job, error["known"]):
        stop_recording(w, one)


# Transcription


def start_transcription(w, body, sent):
    upstream = rk.Upstream(w.sim)
    answer = succeeds(w.site.post("/rtt/start", body))
    same({k: list(v) if isinstance(v, dict) else 0 for k, v in answer.items()}, {
        "acquire": ["tokenName", "createTs", "instanceId", "timestamp"],
        "start": ["createTs", "status", "taskId", "pubBotUid", "timestamp"],
        "timestamp": 0,
    }, "members")
    same(answer["acquire"]["instanceId"], body["channelName"], "instanceId")
    expect(answer["acquire"]["tokenName"], "tokenName")
    entry = upstream.entries()[0]
    uid = entry["json"]["rtcConfig"]["pubBotUid"]
    expect(1 <= int(uid) <= 4294967295, uid)
    bots = {"pubBotUid": uid, "subBotUid": uid, "pubBotToken": "TOKEN", "subBotToken": "TOKEN"}
    wanted = {"name": answer["acquire"]["tokenName"], "maxIdleTime": 30} | sent
    wanted["rtcConfig"] = {"channelName": body["channelName"]} | bots | sent.get("rtcConfig", {})
    upstream.exactly(("POST", f"{SPEECH}/join", wanted), build=w.build,
                     channel=body["channelName"], uid=uid, ids=PUBLISHER)
    return answer


def test_transcription_from_start_to_stop(w):
    body = {"channelName": "lobby", "languages": ["en-US"]}
    task = start_transcription(w, body, {"languages": ["en-US"]})["start"]
    for builder in ("", "?builderToken=x%2B%3D", "/?builderToken=" + task["taskId"]):
        upstream = rk.Upstream(w.sim)
        answer = succeeds(w.site.get(f"/rtt/status/{task['taskId']}{builder}"))
        same(list(answer["query"]), ["createTs", "status", "taskId", "timestamp"], "members")
        same(answer["query"]["taskId"], task["taskId"], "taskId")
        upstream.exactly(("GET", f"{SPEECH}/agents/{task['taskId']}", None))
    upstream = rk.Upstream(w.sim)
    answer = succeeds(w.site.ask("DELETE", f"/rtt/stop/{task['taskId']}", {"builderToken": "anything"}))
    same({k: set(v) if isinstance(v, dict) else 0 for k, v in answer.items()},
         {"stop": {"status", "timestamp"}, "timestamp": 0}, "members")
    same(answer["stop"]["status"], "Success", "status")
    upstream.exactly(("POST", f"{SPEECH}/agents/{task['taskId']}/leave", None))
    answer = succeeds(w.site.get(f"/rtt/status/{task['taskId']}"))
    same(answer["query"]["status"], "STOPPED", "status")
    agent = next(a for a in w.sim.state("speech")["agents"] if a["agent_id"] == task["taskId"])
    same((agent["running"], agent["starts"]), (False, 1), "at Agora")


def test_transcription_stop_in_three_ways(w):
    for method, body in (("DELETE", None), ("POST", {}), ("POST", {"builderToken": "x"})):
        body_start = {"channelName": "lobby", "languages": ["en-US"]}
        task = start_transcription(w, body_start, {"languages": ["en-US"]})["start"]
        succeeds(w.site.ask(method, f"/rtt/stop/{task['taskId']}/", body))


def test_transcription_with_everything(w):
    translate = {"languages": [{"source": "en-US", "target": ["de-DE", "fr-FR"]}]}
    body = {
        "channelName": "lobby",
        "languages": ["en-US", "de-DE"],
        "subscribeAudioUIDs": ["11", "12"],
        "cryptionMode": "7",
        "secret": rk.CIPHER_SECRET,
        "salt": rk.CIPHER_SALT,
        "maxIdleTime": 60,
        "translateConfig": {"forceTranslateInterval": 5} | translate,
        "enableStorage": True,
        "enableNTPtimestamp": True,
        "keywords": ["Agora"],
        "uidLanguagesConfig": [{"uid": "11", "languages": ["de-DE"]}],
        "name": "my-task_1",
    }
    sent = {
        "name": "my-task_1",
        "languages": ["en-US", "de-DE"],
        "maxIdleTime": 60,
        "rtcConfig": {"subscribeAudioUids": ["11", "12"], "cryptionMode": 7,
                      "secret": rk.CIPHER_SECRET, "salt": rk.CIPHER_SALT},
        "translateConfig": translate,
        "captionConfig": {"storage": UPSTREAM_STORAGE},
        "keywords": ["Agora"],
        "uidLanguagesConfig": [{"uid": "11", "languages": ["de-DE"]}],
    }
    answer = start_transcription(w, body, sent)
    same(answer["acquire"]["tokenName"], "my-task_1", "name")
    refused = w.site.post("/rtt/start", body)
    fails(refused, 409, "upstream_refused", known=["name"])
    succeeds(w.site.ask("DELETE", f"/rtt/stop/{answer['start']['taskId']}"))


def test_transcription_idle_time_is_the_middlewares(w):
    for asked, sent in ((4, 30), (5, 5), (259200, 259200), (259201, 259200), (2592000, 259200),
                        (2592001, 30), (0, 0), (-7, 30)):
        body = {"channelName": "lobby", "languages": ["en-US"], "maxIdleTime": asked}
        start_transcription(w, body, {"languages": ["en-US"], "maxIdleTime": sent})
    for mode in (2, "2"):
        body = {"channelName": "lobby", "languages": ["en-US"], "cryptionMode": mode,
                "secret": rk.CIPHER_SECRET}
        rtc = {"cryptionMode": 2, "secret": rk.CIPHER_SECRET}
        start_transcription(w, body, {"languages": ["en-US"], "rtcConfig": rtc})


def test_transcription_updates_with_growing_numbers(w):
    body = {"channelName": "lobby", "languages": ["en-US"]}
    task = start_transcription(w, body, {"languages": ["en-US"]})["start"]["taskId"]
    last = 0
    for change, mask in (
        ({"languages": ["de-DE"]}, "languages"),
        ({"keywords": ["a"], "uidLanguagesConfig": []}, "keywords,uidLanguagesConfig"),
        ({"rtcConfig": {"subscribeAudioUids": ["all"]}}, "rtcConfig.subscribeAudioUids"),
        ({"translateConfig": {"enable": False}}, "translateConfig"),
    ):
        upstream = rk.Upstream(w.sim)
        answer = succeeds(w.site.post(f"/rtt/update/{task}", change))
        same(list(answer["update"]), ["createTs", "status", "taskId", "timestamp"], "members")
        number = int(upstream.entries()[0]["query"]["sequenceId"])
        expect(number > last, f"sequenceId {number} after {last}")
        last = number
        upstream.exactly(("POST", f"{SPEECH}/agents/{task}/update?sequenceId={number}"
                          f"&updateMask={mask}", change))
    upstream = rk.Upstream(w.sim)
    succeeds(w.site.post(f"/rtt/update/{task}/", {"sequenceId": last + 5000, "languages": ["en-US"]}))
    same(upstream.entries()[0]["query"]["sequenceId"], str(last + 5000), "sequenceId")
    succeeds(w.site.ask("DELETE", f"/rtt/stop/{task}"))


def test_transcription_list(w):
    tasks = [start_transcription(w, {"channelName": "listed one", "languages": ["en-US"]},
                                 {"languages": ["en-US"]})["start"]["taskId"] for _ in range(3)]
    w.sim.advance(2)
    upstream = rk.Upstream(w.sim)
    page = succeeds(w.site.get("/rtt/list", channel="listed one", limit=2, state=2, from_time=1,
                               to_time=9999999999))
    same(list(page), ["data", "meta", "status", "timestamp"], "members")
    upstream.exactly(("GET", f"{SPEECH}/agents?from_time=1&to_time=9999999999&state=2&limit=2"
                      "&channel=listed%20one", None))
    more = succeeds(w.site.get("/rtt/list/", channel="listed one", cursor=page["meta"]["cursor"]))
    found = [a["agent_id"] for p in (page, more) for a in p["data"]["list"]]
    same(found, tasks, "tasks in the list")
    same(page["status"], "ok", "status")
    upstream = rk.Upstream(w.sim)
    succeeds(w.site.get("/rtt/list"))
    upstream.exactly(("GET", f"{SPEECH}/agents", None))


# Media push

RAW_PUSH = {
    "rtcChannel": "lobby",
    "streamUrl": "rtmp://live.example/app/",
    "streamKey": rk.STREAM_KEY,
    "region": "na",
    "rtcStreamUid": "5",
}
VIDEO = {
    "canvas": {"width": 640, "height": 360, "color": 255},
    "layout": [{"rtcStreamUid": "11", "region": {"xPos": 0, "yPos": 0, "zIndex": 1, "width": 640,
                                                 "height": 360}, "fillMode": "fit"},
               {"imageUrl": "https://page.example/logo.png", "region": {"xPos": 0, "yPos": 0}}],
    "codec": "H.264", "codecProfile": "high", "frameRate": 15, "gop": 30, "bitrate": 400,
    "seiOptions": {"source": {"metadata": True}, "sink": {"type": 100}},
}
UPSTREAM_VIDEO = VIDEO | {"layout": [VIDEO["layout"][0] | {"rtcStreamUid": 11}, VIDEO["layout"][1]]}
AUDIO = {"codecProfile": "LC-AAC", "sampleRate": 48000, "bitrate": 48, "audioChannels": 2,
         "rtcStreamUids": ["11", 12], "volumes": [{"rtcStreamUid": "11", "volume": 50}]}
UPSTREAM_AUDIO = AUDIO | {"rtcStreamUids": [11, 12], "volumes": [{"rtcStreamUid": 11, "volume": 50}]}


def start_push(w, body, sent, query="", **more):
    upstream = rk.Upstream(w.sim)
    answer = succeeds(w.site.post("/rtmp/push/start", body, **more))
    same(list(answer), ["converter", "converterName", "region", "fields", "timestamp"], "members")
    same(list(answer["converter"]), ["id", "createTs", "updateTs", "state"], "converter")
    same(answer["fields"], "id,createTs,updateTs,state", "fields")
    wanted = {"name": answer["converterName"], "rtmpUrl": PUSHED} | sent
    entries = upstream.exactly(("POST", f"/{body['region']}{PROJECT}/rtmp-converters{query}",
                                {"converter": wanted}))
    return answer, entries[0]


def converter(answer):
    return answer["converter"]["id"]


def stop_push(w, answer, region="na"):
    upstream = rk.Upstream(w.sim)
    done = succeeds(w.site.post("/rtmp/push/stop", {"converterId": converter(answer), "region": region}))
    same(list(done), ["status", "timestamp"], "members")
    same(done["status"], "Success", "status")
    upstream.exactly(("DELETE", f"/{region}{PROJECT}/rtmp-converters/{converter(answer)}", None))


def test_push_of_one_stream(w):
    raw = {"rawOptions": {"rtcChannel": "lobby", "rtcStreamUid": 5}}
    for uid in ("5", 5):
        for region in ("na", "eu", "ap", "cn"):
            body = RAW_PUSH | {"rtcStreamUid": uid, "region": region}
            answer, _ = start_push(w, body, raw)
            stop_push(w, answer, region)
    for url, key in (("rtmp://live.example/app", rk.STREAM_KEY),
                     ("rtmp://live.example/app/", rk.STREAM_KEY),
                     ("rtmp://live.example/app//", "/" + rk.STREAM_KEY)):
        answer, _ = start_push(w, RAW_PUSH | {"streamUrl": url, "streamKey": key}, raw)
        stop_push(w, answer)
    body = {k: v for k, v in RAW_PUSH.items() if k != "streamKey"} | {"streamUrl": PUSHED}
    stop_push(w, start_push(w, body, raw)[0])


def test_push_mixed(w):
    body = RAW_PUSH | {"useTranscoding": True, "audioOptions": AUDIO, "videoOptions": VIDEO,
                       "idleTimeOut": 60, "jitterBufferSizeMs": 500, "converterName": "my_one",
                       "regionHintIp": "192.0.2.9"}
    options = {"rtcChannel": "lobby", "audioOptions": UPSTREAM_AUDIO, "videoOptions": UPSTREAM_VIDEO}
    answer, _ = start_push(w, body, {"name": "my_one", "transcodeOptions": options, "idleTimeout": 60,
                                     "jitterBufferSizeMs": 500}, "?regionHintIp=192.0.2.9")
    same(answer["converterName"], "my_one", "name")
    refused = w.site.post("/rtmp/push/start", body)
    fails(refused, 409, "upstream_refused", known=["converterName", "converterId"])
    stop_push(w, answer)
    vertical = {"canvas": {"width": 640, "height": 360}, "bitrate": 400, "layoutType": 1,
                "vertical": {"maxResolutionUid": "11", "fillMode": "fill"}}
    sent = {"rtcChannel": "lobby",
            "videoOptions": vertical | {"vertical": {"maxResolutionUid": 11, "fillMode": "fill"}}}
    answer, _ = start_push(w, RAW_PUSH | {"useTranscoding": True, "videoOptions": vertical},
                           {"transcodeOptions": sent})
    stop_push(w, answer)


def test_push_request_id_is_passed_on_or_made(w):
    raw = {"rawOptions": {"rtcChannel": "lobby", "rtcStreamUid": 5}}
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer, entry = start_push(w, RAW_PUSH, raw,
                               headers=[("X-Request-ID", "client-1"), ("traceparent", trace),
                                        ("tracestate", "rojo=00f067aa0ba902b7 ,"), ("tracestate", "congo=t61")])
    same(entry["headers"]["x-request-id"], "client-1", "X-Request-ID")
    same(entry["headers"].get("traceparent"), trace, "traceparent")
    same(entry["headers"].get("tracestate"), "rojo=00f067aa0ba902b7,congo=t61", "tracestate")
    line = wait_until(lambda: w.site.log_lines("client-1"), "the request's log line")[-1]
    expect(line.endswith(" trace=0af7651916cd43dd8448eb211c80319c"), f"the trace is not in {line!r}")
    stop_push(w, answer)
    upstream = rk.Upstream(w.sim)
    body = b'{"region":"na","converterId":"none"}'
    # Without a header of its own.
    import kit
    got = kit.http(w.site.port, "POST", "/rtmp/push/stop",
                   [("traceparent", trace.upper()), ("tracestate", "rojo=1")], body)
    same(got.status, 404, "status")
    sent = upstream.entries()[0]["headers"]
    same(sent["x-request-id"], got.header("X-Request-ID"), "X-Request-ID")
    expect("traceparent" not in sent and "tracestate" not in sent, "a malformed traceparent was passed on")
    upstream = rk.Upstream(w.sim)
    kit.http(w.site.port, "POST", "/rtmp/push/stop", [("traceparent", trace), ("tracestate", "a=1,=2")], body)
    sent = upstream.entries()[0]["headers"]
    expect("traceparent" in sent and "tracestate" not in sent, "a malformed tracestate was passed on")


def test_push_updates(w):
    raw, _ = start_push(w, RAW_PUSH, {"rawOptions": {"rtcChannel": "lobby", "rtcStreamUid": 5}})
    mixed, _ = start_push(
        w, RAW_PUSH | {"useTranscoding": True, "audioOptions": AUDIO, "videoOptions": VIDEO},
        {"transcodeOptions": {"rtcChannel": "lobby", "audioOptions": UPSTREAM_AUDIO,
                              "videoOptions": UPSTREAM_VIDEO}})
    changed = {k: v for k, v in UPSTREAM_VIDEO.items() if k not in ("codec", "codecProfile")}
    last = {}
    for one, change, sent in (
        (raw, {"streamUrl": "rtmp://b.example/app", "streamKey": rk.STREAM_KEY},
         {"rtmpUrl": f"rtmp://b.example/app/{rk.STREAM_KEY}"}),
        (raw, {"jitterBufferSizeMs": 0}, {"jitterBufferSizeMs": 0}),
        (mixed, {"videoOptions": VIDEO}, {"transcodeOptions": {"videoOptions": changed}}),
        (mixed, {"audioOptions": {"rtcStreamUids": ["11"]}},
         {"transcodeOptions": {"audioOptions": {"rtcStreamUids": [11]}}}),
        # Only one of url and key: the peers leave the address as it is.
        (raw, {"streamUrl": "rtmp://c.example/app", "jitterBufferSizeMs": 9}, {"jitterBufferSizeMs": 9}),
    ):
        upstream = rk.Upstream(w.sim)
        body = {"converterId": converter(one), "region": "na", "rtcChannel": "lobby"} | change
        answer = succeeds(w.site.post("/rtmp/push/update", body))
        same(list(answer), ["converter", "fields", "timestamp"], "members")
        number = int(upstream.entries()[0]["query"]["sequence"])
        expect(number > last.get(converter(one), 0), f"sequence {number}")
        last[converter(one)] = number
        upstream.exactly(("PATCH", f"/na{PROJECT}/rtmp-converters/{converter(one)}?sequence={number}",
                          {"converter": sent}))
    upstream = rk.Upstream(w.sim)
    succeeds(w.site.post("/rtmp/push/update", {"converterId": converter(raw), "region": "na",
                                               "jitterBufferSizeMs": 7, "sequenceId": 2**40}))
    same(upstream.entries()[0]["query"], {"sequence": str(2**40)}, "sequence")
    for one in (raw, mixed):
        stop_push(w, one)


def test_push_status_and_list(w):
    raw, _ = start_push(w, RAW_PUSH | {"rtcChannel": "a channel"},
                        {"rawOptions": {"rtcChannel": "a channel", "rtcStreamUid": 5}})
    for shape in ("documented", "wrapped", "unwrapped"):
        w.sim.config(pushGetShape=shape)
        upstream = rk.Upstream(w.sim)
        answer = w.site.get(f"/rtmp/push/status/{converter(raw)}", region="na")
        rk.no_secrets(answer.body.decode(), "the status")
        body = succeeds(answer)
        same(body["converter"]["id"], converter(raw), "id")
        same(body["converter"]["rtmpUrl"], "rtmp://live.example/app/***", "rtmpUrl")
        upstream.exactly(("GET", f"/na{PROJECT}/rtmp-converters/{converter(raw)}", None))
    w.sim.config(pushGetShape="documented")
    for query, target in (
        ({}, f"{PROJECT}/rtmp-converters"),
        ({"cursor": 0}, f"{PROJECT}/rtmp-converters?cursor=0"),
        ({"channel": "a channel"}, f"{PROJECT}/channels/a%20channel/rtmp-converters"),
        ({"channel": "a channel", "cursor": 0}, f"{PROJECT}/channels/a%20channel/rtmp-converters?cursor=0"),
    ):
        upstream = rk.Upstream(w.sim)
        answer = w.site.get("/rtmp/push/list", **query)
        rk.no_secrets(answer.body.decode(), "the list")
        body = succeeds(answer)
        same(list(body), ["data", "timestamp"], "members")
        same(set(body["data"]), {"total_count", "cursor", "members"}, "data")
        found = [m for m in body["data"]["members"] if m["converterId"] == converter(raw)]
        same([m["rtmpUrl"] for m in found], ["rtmp://live.example/app/***"], "members")
        upstream.exactly(("GET", target, None))
    stop_push(w, raw)


# Media pull

PULL = {
    "channelName": "lobby",
    "streamUrl": "rtmp://source.example/live/one",
    "region": "na",
    "uid": "101",
    "name": "player-1",
}


def start_pull(w, body, sent, query=""):
    upstream = rk.Upstream(w.sim)
    answer = succeeds(w.site.post("/rtmp/pull/start", body))
    same(list(answer), ["player", "playerName", "region", "fields", "timestamp"], "members")
    same(list(answer["player"]), ["uid", "id", "createTs", "status"], "player")
    expect(isinstance(answer["player"]["uid"], int), "uid is a number")
    uid = answer["player"]["uid"]
    wanted = {"name": answer["playerName"], "streamUrl": body["streamUrl"], "channelName": "lobby",
              "uid": uid, "token": "TOKEN"} | sent
    upstream.exactly(("POST", f"/{body['region']}{PROJECT}/cloud-player/players{query}",
                      {"player": wanted}), build=w.build, channel="lobby",
                     uid="" if wanted["uid"] == 0 else str(uid), ids=PUBLISHER)
    return answer


def player(answer):
    return answer["player"]["id"]


def stop_pull(w, answer, region="na"):
    upstream = rk.Upstream(w.sim)
    done = succeeds(w.site.post("/rtmp/pull/stop", {"playerId": player(answer), "region": region}))
    same((list(done), done["status"]), (["status", "timestamp"], "Success"), "answer")
    upstream.exactly(("DELETE", f"/{region}{PROJECT}/cloud-player/players/{player(answer)}", None))


def test_pull_of_one_stream(w):
    for region, uid in (("na", "101"), ("eu", 101), ("ap", 4294967295), ("cn", "007")):
        body = PULL | {"region": region, "uid": uid}
        number = int(uid)
        answer = start_pull(w, body, {"name": "player-1", "uid": number})
        same(answer["player"]["uid"], number, "uid")
        stop_pull(w, answer, region)
    body = {k: v for k, v in PULL.items() if k not in ("uid", "name")}
    stop_pull(w, start_pull(w, body, {}))
    stop_pull(w, start_pull(w, body | {"playerName": "mine"}, {"name": "mine"}))


def test_pull_with_everything(w):
    now = int(time.time())
    video = {"width": 640, "height": 360, "widthHeightAdaption": True, "frameRate": 15, "bitrate": 400,
             "codec": "H.264", "fillMode": "fill", "gop": 30}
    audio = {"profile": 1, "volume": 50}
    body = PULL | {
        "streamOriginIp": "192.0.2.8", "audioOptions": audio, "videoOptions": video,
        "idleTimeOut": 300, "playTs": now, "encryptMode": "aes-128-gcm2",
        "encryptKey": rk.CIPHER_SECRET, "encryptKdfSalt": rk.CIPHER_SALT, "repeatTime": -1,
        "seekPosition": 3, "dataStreamOptions": {"enable": True},
    }
    answer = start_pull(w, body, {
        "audioOptions": audio, "videoOptions": video, "idleTimeout": 300, "playTs": now,
        "encryptMode": "aes-128-gcm2", "encryptKey": rk.CIPHER_SECRET,
        "encryptKdfSalt": rk.CIPHER_SALT, "repeatTime": -1, "seekPosition": 3,
        "dataStreamOptions": {"enable": True},
    }, "?streamIp=192.0.2.8")
    refused = w.site.post("/rtmp/pull/start", body)
    error = fails(refused, 409, "upstream_refused", known=["playerName", "playerId"])
    same(error["known"]["playerId"], player(answer), "the player that runs")
    stop_pull(w, answer)
    for asked, sent in ((0, 5), (4, 5), (601, 600), (99999, 600)):
        answer = start_pull(w, PULL | {"idleTimeOut": asked}, {"idleTimeout": sent})
        stop_pull(w, answer)


def test_pull_updates(w):
    answer = start_pull(w, PULL, {})
    last = 0
    for change, sent in (
        ({"streamUrl": "rtmp://source.example/live/two"},) * 2,
        ({"audioOptions": {"volume": 7}},) * 2,
        ({"isPause": True, "seekPosition": 9},) * 2,
        ({"isPause": False},) * 2,
    ):
        upstream = rk.Upstream(w.sim)
        body = {"playerId": player(answer), "region": "na"} | change
        done = succeeds(w.site.post("/rtmp/pull/update", body))
        same((list(done), done["status"]), (["status", "timestamp"], "Success"), "answer")
        number = int(upstream.entries()[0]["query"]["sequence"])
        expect(number > last, f"sequence {number} after {last}")
        last = number
        upstream.exactly(("PATCH", f"/na{PROJECT}/cloud-player/players/{player(answer)}"
                          f"?sequence={number}", {"player": sent}))
    stop_pull(w, answer)


def numbers_of_updates(w, count):
    """Of so many jobs, one each, at the same time: {path: number}."""
    upstream = rk.Upstream(w.sim)
    rk.in_threads(*[lambda n=n: w.site.post("/rtmp/pull/update", {
        "playerId": f"player{n}", "region": "na", "isPause": True}) for n in range(count)])
    return {e["path"]: int(e["query"]["sequence"]) for e in upstream.entries()}


def test_numbers_of_updates_stay_with_the_time(w):
    """Those of one job do not grow with the updates of others: one that runs ahead of the time would
    be larger than those of a worker that comes after this one."""
    began = time.time()
    first, second = numbers_of_updates(w, 8), numbers_of_updates(w, 8)
    most = time.time() - began + 3  # jobs may share a place
    same((len(first), set(first)), (8, set(second)), "jobs")
    grown = max(second[path] - first[path] for path in first)
    expect(grown <= most, f"grown by {grown} in {most - 3:.1f} s")


def test_pull_status_and_list(w):
    answer = start_pull(w, PULL, {})
    target = f"/rtmp/pull/status/{player(answer)}"
    fails(w.site.get(target), 404, "not_found", says="ten seconds")
    w.sim.advance(11)
    upstream = rk.Upstream(w.sim)
    wait_until(lambda: w.site.get(target).status == 200, "a list that is asked for anew")
    body = succeeds(w.site.get(target))
    same(body["player"]["id"], player(answer), "id")
    same(list(body), ["player", "timestamp"], "members")
    upstream.exactly(("GET", f"{PROJECT}/cloud-player/players?pageSize=500", None))
    for query, target in (
        ({}, ""),
        ({"channel": "lobby", "pageSize": 3}, "?filter=channelName%20eq%20lobby&pageSize=3"),
        ({"pageSize": 1, "pageToken": "0"}, "?pageSize=1&pageToken=0"),
    ):
        upstream = rk.Upstream(w.sim)
        body = succeeds(w.site.get("/rtmp/pull/list", **query))
        same(list(body), ["totalSize", "players", "fields", "nextPageToken", "timestamp"], "members")
        same([p["id"] for p in body["players"]], [player(answer)], "players")
        upstream.exactly(("GET", f"{PROJECT}/cloud-player/players{target}", None))
    stop_pull(w, answer)


# What one setting or another turns on


def test_slashes_at_the_end(w):
    for method, target, status in (
        ("POST", "/cloud_recording/start/", 400), ("POST", "/cloud_recording/stop/", 400),
        ("GET", "/cloud_recording/status/", 400), ("POST", "/rtt/start/", 400),
        ("POST", "/cloud_recording/update/layout/", 400), ("POST", "/rtmp/push/start/", 400),
        ("POST", "/cloud_recording/update/subscriber-list/", 400),
        ("POST", "/rtmp/push/stop/", 400), ("POST", "/rtmp/push/update/", 400),
        ("POST", "/rtmp/pull/start/", 400), ("POST", "/rtmp/pull/stop/", 400),
        ("POST", "/rtmp/pull/update/", 400), ("GET", "/rtmp/push/list/", 200),
        ("GET", "/rtmp/pull/list/", 200), ("GET", "/rtt/list/", 200),
    ):
        answer = w.site.ask(method, target, {} if method == "POST" else None)
        same(answer.status, status, f"status of {method} {target}")


def test_methods_of_the_routes(w):
    for target, allow in (("/cloud_recording/start", "POST, OPTIONS"),
                          ("/cloud_recording/status", "GET, HEAD, OPTIONS"),
                          ("/rtt/stop/x", "DELETE, POST, OPTIONS"),
                          ("/rtmp/push/list", "GET, HEAD, OPTIONS")):
        answer = w.site.ask("PATCH", target, {})
        fails(answer, 405, "method_not_allowed")
        same(answer.header("Allow"), allow, "Allow")
    for target in ("/rtt/stop", "/rtt/status", "/cloud_recording", "/rtmp/push", "/rtt/stop/a/b"):
        fails(w.site.post(target, {}), 404, "not_found")


class Call(NamedTuple):
    """A request of the middleware's clients. {{name}} in it is of an earlier answer."""

    method: str
    target: str
    body: dict | None
    members: list  # of the answer
    keep: dict = {}  # name: where it is in the answer, for later requests
    arrived: list = []  # at Agora: method, target, some of the body


JOB = {name: "{{%s}}" % name for name in JOB_IDS}
SUBSCRIBE = {"streamSubscribe": {"audioUidList": {"subscribeAudioUids": ["123"]},
                                 "videoUidList": {"subscribeVideoUids": ["123"]}}}
LAYOUT = {"mixedVideoLayout": 3, "backgroundColor": "#FF0000",
          "layoutConfig": [{"uid": "123", "x_axis": 0.0, "y_axis": 0.0, "width": 1.0, "height": 1.0}]}
TRANSLATE = {"languages": [{"source": "en-US", "target": ["de-DE"]}]}
MIXED_PUSH = RAW_PUSH | {"useTranscoding": True, "audioOptions": AUDIO, "videoOptions": VIDEO,
                         "idleTimeOut": 300}
CONVERTER = {"converterId": "{{converterId}}", "region": "na"}
PLAYER = {"playerId": "{{playerId}}", "region": "na"}
AGENT = "/api/speech-to-text/v1/projects/{{appId}}"
JOB_AT_AGORA = "/v1/apps/{{appId}}/cloud_recording/resourceid/{{resourceId}}/sid/{{sid}}/mode/mix/"
ACQUIRE = "/v1/apps/{{appId}}/cloud_recording/acquire"
START = "/v1/apps/{{appId}}/cloud_recording/resourceid/{{resourceId}}/mode/mix/start"
CONVERTERS, PLAYERS = ("/v1/projects/{{appId}}/" + n for n in ("rtmp-converters", "cloud-player/players"))
RECORDED = {"recordingConfig": DOCUMENTED_RECORDING["recordingConfig"]}
IDS = list(JOB_IDS) + ["timestamp"]

# As its published collection has them, in its order; transcription's update, which it has not, is
# beside the others of its kind.
COLLECTION = [
    Call("GET", "/ping", None, ["message"]),
    Call("POST", "/token/getNew", {"tokenType": "rtc", "channel": "testChannel", "uid": "123",
                                   "role": "publisher", "expire": 3600},
         ["token", "expire", "expiresAt"]),
    Call("POST", "/token/getNew", {"tokenType": "rtm", "channel": "testChannel", "uid": "123",
                                   "expire": 3600}, ["token", "expire", "expiresAt"]),
    Call("POST", "/token/getNew", {"tokenType": "chat", "uid": "123"},
         ["token", "expire", "expiresAt"]),
    Call("POST", "/token/getNew", {"tokenType": "chat"}, ["token", "expire", "expiresAt"]),

    Call("POST", "/cloud_recording/start", DOCUMENTED_RECORDING,
         list(JOB_IDS) + ["recordsUntil", "timestamp"], {name: (name,) for name in JOB_IDS}, [
             ("POST", ACQUIRE, {"cname": "testChannel", "clientRequest": {
                 "excludeResourceIds": [], "startParameter": RECORDED}}),
             ("POST", START, {"cname": "testChannel", "uid": "{{uid}}", "clientRequest": RECORDED})]),
    Call("GET", "/cloud_recording/status?resourceId={{resourceId}}&sid={{sid}}&mode=mix", None,
         ["resourceId", "sid", "serverResponse", "cname", "uid", "timestamp"], {},
         [("GET", JOB_AT_AGORA + "query", None)]),
    Call("POST", "/cloud_recording/update/subscriber-list",
         JOB | {"recordingMode": "mix", "recordingConfig": SUBSCRIBE}, IDS, {},
         [("POST", JOB_AT_AGORA + "update", {"clientRequest": SUBSCRIBE})]),
    Call("POST", "/cloud_recording/update/layout",
         JOB | {"recordingMode": "mix", "recordingConfig": LAYOUT}, IDS, {},
         [("POST", JOB_AT_AGORA + "updateLayout", {"clientRequest": LAYOUT})]),
    Call("POST", "/cloud_recording/stop", JOB | {"recordingMode": "mix", "async_stop": False},
         ["resourceId", "sid", "serverResponse", "cname", "uid", "timestamp"], {},
         [("POST", JOB_AT_AGORA + "stop", {"cname": "testChannel", "uid": "{{uid}}"})]),

    Call("POST", "/rtt/start", {
        "channelName": "testChannel", "languages": ["en-US"], "subscribeAudioUIDs": ["123"],
        "maxIdleTime": 60, "translateConfig": {"forceTranslateInterval": 5} | TRANSLATE,
    }, ["acquire", "start", "timestamp"],
         {"tokenName": ("acquire", "tokenName"), "taskId": ("start", "taskId")},
         [("POST", AGENT + "/join", {
             "name": "{{tokenName}}", "languages": ["en-US"], "maxIdleTime": 60,
             "translateConfig": TRANSLATE,
             "rtcConfig": {"channelName": "testChannel", "subscribeAudioUids": ["123"]}})]),
    Call("GET", "/rtt/status/{{taskId}}?builderToken={{tokenName}}", None, ["query", "timestamp"], {},
         [("GET", AGENT + "/agents/{{taskId}}", None)]),
    Call("POST", "/rtt/update/{{taskId}}",
         {"builderToken": "{{tokenName}}", "sequenceId": 5, "languages": ["de-DE"]},
         ["update", "timestamp"], {},
         [("POST", AGENT + "/agents/{{taskId}}/update?sequenceId=5&updateMask=languages",
           {"languages": ["de-DE"]})]),
    Call("DELETE", "/rtt/stop/{{taskId}}", {"builderToken": "{{tokenName}}"}, ["stop", "timestamp"], {},
         [("POST", AGENT + "/agents/{{taskId}}/leave", None)]),

    Call("POST", "/rtmp/push/start", MIXED_PUSH, ["converter", "converterName", "region", "fields", "timestamp"],
         {"converterId": ("converter", "id")},
         [("POST", "/na" + CONVERTERS, {"converter": {
             "rtmpUrl": PUSHED, "idleTimeout": 300,
             "transcodeOptions": {"rtcChannel": "lobby", "audioOptions": UPSTREAM_AUDIO,
                                  "videoOptions": UPSTREAM_VIDEO}}})]),
    Call("POST", "/rtmp/push/update",
         CONVERTER | {"streamUrl": "rtmp://live.example/app/", "streamKey": rk.STREAM_KEY,
                      "rtcChannel": "lobby", "jitterBufferSizeMs": 500, "sequenceId": 1},
         ["converter", "fields", "timestamp"], {},
         [("PATCH", "/na" + CONVERTERS + "/{{converterId}}?sequence=1",
           {"converter": {"rtmpUrl": PUSHED, "jitterBufferSizeMs": 500}})]),
    Call("GET", "/rtmp/push/list", None, ["data", "timestamp"], {}, [("GET", CONVERTERS, None)]),
    Call("POST", "/rtmp/push/stop", CONVERTER, ["status", "timestamp"], {},
         [("DELETE", "/na" + CONVERTERS + "/{{converterId}}", None)]),

    Call("POST", "/rtmp/pull/start",
         PULL | {"audioOptions": {"profile": 1}, "videoOptions": {"width": 640, "height": 360},
                 "idleTimeOut": 300},
         ["player", "playerName", "region", "fields", "timestamp"], {"playerId": ("player", "id")},
         [("POST", "/na" + PLAYERS, {"player": {
             "name": "player-1", "channelName": "lobby", "uid": 101, "idleTimeout": 300,
             "streamUrl": PULL["streamUrl"], "audioOptions": {"profile": 1},
             "videoOptions": {"width": 640, "height": 360}}})]),
    Call("POST", "/rtmp/pull/update",
         PLAYER | {"streamUrl": "rtmp://source.example/live/two", "audioOptions": {"volume": 50},
                   "isPause": False, "seekPosition": 3, "sequenceId": 1},
         ["status", "timestamp"], {},
         [("PATCH", "/na" + PLAYERS + "/{{playerId}}?sequence=1", {"player": {
             "streamUrl": "rtmp://source.example/live/two", "audioOptions": {"volume": 50},
             "isPause": False, "seekPosition": 3}})]),
    Call("GET", "/rtmp/pull/list", None,
         ["totalSize", "players", "fields", "nextPageToken", "timestamp"], {}, [("GET", PLAYERS, None)]),
    Call("POST", "/rtmp/pull/stop", PLAYER, ["status", "timestamp"], {},
         [("DELETE", "/na" + PLAYERS + "/{{playerId}}", None)]),
]
# What the middleware has not.
MORE = [
    ("POST", "/rtt/stop/{{taskId}}", {}),
    ("GET", "/rtt/list", None),
    ("GET", "/rtmp/push/status/{{converterId}}?region=na", None),
    ("GET", "/rtmp/pull/status/{{playerId}}", None),
]


def filled(value, ids):
    """With what {{names}} stand for."""
    if isinstance(value, dict):
        return {k: filled(v, ids) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, ids) for v in value]
    if isinstance(value, str):
        return re.sub(r"\{\{(\w+)\}\}", lambda found: ids[found[1]], value)
    return value


ON = {"AGORA_BASE_URL": None, **CUSTOMER, **PATHS, **STORAGE}
FEATURES = {
    setting: [(method, filled(target, defaultdict(lambda: "1")), filled(body, defaultdict(lambda: "1")))
              for method, target, body in [call[:3] for call in COLLECTION] + MORE
              if target.startswith(prefix)]
    for setting, prefix in (("AGORA_CLOUD_RECORDING_URL", "/cloud_recording/"), ("AGORA_RTT_URL", "/rtt/"),
                            ("AGORA_RTMP_URL", "/rtmp/push/"), ("AGORA_CLOUD_PLAYER_URL", "/rtmp/pull/"))
}


def not_configured(site, requests, setting):
    for method, target, body in requests:
        fails(site.ask(method, target, body), 501, "not_configured", says=setting)


def test_501_names_the_setting(w):
    upstream = rk.Upstream(w.sim)
    url = {"AGORA_BASE_URL": w.sim.url}
    storage = FEATURES["AGORA_CLOUD_RECORDING_URL"][:1] + [
        ("POST", "/rtt/start", {"channelName": "ch", "languages": ["en-US"], "enableStorage": True})]
    site = rk.Site(w.run, w.build, url | CUSTOMER)
    for setting, requests in FEATURES.items():
        not_configured(site, requests, setting)
    site.stop()
    site = rk.Site(w.run, w.build, PATHS | STORAGE | CUSTOMER)
    for requests in FEATURES.values():
        not_configured(site, requests, "AGORA_BASE_URL")
    site.stop()
    for name in STORAGE:
        lacking = {k: v for k, v in (url | CUSTOMER | PATHS | STORAGE).items() if k != name}
        site = rk.Site(w.run, w.build, lacking)
        not_configured(site, storage, name)
        site.stop()
    for settings in (url | CUSTOMER | PATHS | STORAGE | {"AGORA_RTT_URL": ""},):
        site = rk.Site(w.run, w.build, settings)
        not_configured(site, FEATURES["AGORA_RTT_URL"], "AGORA_RTT_URL")
        site.stop()
    upstream.nothing()


PEERS_ENV = """# Agora Go middleware
APP_ID={app_id}
APP_CERTIFICATE={certificate}
CORS_ALLOW_ORIGIN=*
SERVER_PORT=8080
AGORA_BASE_URL={url}
AGORA_CLOUD_RECORDING_URL=v1/apps/{{appId}}/cloud_recording
AGORA_RTT_URL=v1/projects/{{appId}}/rtsc/speech-to-text
AGORA_RTMP_URL=v1/projects/{{appId}}/rtmp-converters
AGORA_CLOUD_PLAYER_URL=v1/projects/{{appId}}/cloud-player
CUSTOMER_ID={customer}
CUSTOMER_SECRET={secret}
STORAGE_VENDOR=1
STORAGE_REGION=3
STORAGE_BUCKET=bucket
STORAGE_BUCKET_ACCESS_KEY={access}
STORAGE_BUCKET_SECRET_KEY={secret_key}
"""


def test_the_peers_settings_file_as_it_is(w):
    for url in (w.sim.url + "/", w.sim.url):
        text = PEERS_ENV.format(
            app_id=APP_ID, certificate=rk.CERTIFICATE, url=url, customer=rk.CUSTOMER_ID,
            secret=rk.CUSTOMER_SECRET, access=rk.ACCESS_KEY, secret_key=rk.SECRET_KEY)
        site = rk.Site(w.run, w.build, {}, env_file=text)
        here = w.at(site)
        log = site.responder_log()
        expect("AGORA_RTT_URL" in log and " warning " in log, f"no warning of the ended API: {log}")
        expect("POLICY_FILE is not set: the service is open" in log, f"not said to be open: {log}")
        expect(log.count(" warning ") == 2, f"more than these two warnings: {log}")
        stop_recording(here, start_recording(here, {"channelName": "lobby"}))
        task = start_transcription(here, {"channelName": "lobby", "languages": ["en-US"]},
                                   {"languages": ["en-US"]})["start"]["taskId"]
        succeeds(site.ask("DELETE", f"/rtt/stop/{task}", {"builderToken": "x"}))
        stop_push(here, start_push(here, RAW_PUSH, {
            "rawOptions": {"rtcChannel": "lobby", "rtcStreamUid": 5}})[0])
        stop_pull(here, start_pull(here, PULL, {}))
        site.stop()


def test_agora_base_url_in_every_form(w):
    """With a path (a proxy's), and templates with a slash in front or at the end."""
    settings = rk.settings_for(w.sim) | {
        "AGORA_BASE_URL": w.sim.url + "//",
        "AGORA_RTMP_URL": "/v1/projects/{appId}/rtmp-converters/",
        "AGORA_CLOUD_RECORDING_URL": "/v1/apps/{appId}/cloud_recording",
        "AGORA_RTT_URL": f"api/speech-to-text/v1/projects/{APP_ID}/",
    }
    site = rk.Site(w.run, w.build, settings)
    here = w.at(site)
    stop_recording(here, start_recording(here, {"channelName": "lobby"}))
    succeeds(site.get("/rtt/list"))
    succeeds(site.get("/rtmp/push/list"))
    site.stop()
    site = rk.Site(w.run, w.build, settings | {"AGORA_BASE_URL": w.sim.url + "/behind/a/proxy/"})
    upstream = rk.Upstream(w.sim)
    fails(site.get("/rtt/list"), 404, "upstream_refused")
    upstream.exactly(("GET", f"/behind/a/proxy{SPEECH}/agents", None), clean=False)
    site.stop()


def test_transcription_without_a_customer_id(w):
    """Its API takes tokens. The simulator refuses one that is not for the channel."""
    settings = {"AGORA_BASE_URL": w.sim.url, "AGORA_RTT_URL": PATHS["AGORA_RTT_URL"]}
    site = rk.Site(w.run, w.build, settings)
    mark = w.sim.newest()
    answer = succeeds(site.post("/rtt/start", {"channelName": "lobby", "languages": ["en-US"]}))
    task = answer["start"]["taskId"]
    succeeds(site.get(f"/rtt/status/{task}"))
    succeeds(site.post(f"/rtt/update/{task}", {"languages": ["de-DE"]}))
    succeeds(site.get("/rtt/list", channel="lobby"))
    succeeds(site.ask("DELETE", f"/rtt/stop/{task}"))
    entries = w.sim.since(mark)
    same([(e["status"], e["violations"]) for e in entries], [(200, [])] * 5, "Agora's answers")
    expect(all(e["headers"]["authorization"].startswith("agora ") for e in entries), "credentials")
    not_configured(site, FEATURES["AGORA_RTMP_URL"], "AGORA_RTMP_URL")
    site.stop()
    site = rk.Site(w.run, w.build, settings | {"APP_CERTIFICATE": "f" * 32})
    error = fails(site.get("/rtt/list"), 502, "upstream_auth", says="App ID and certificate")
    same(error["upstream"]["reason"], "Invalid token", "Agora's reason")
    site.stop()


def test_bad_settings_end_the_program(w):
    good = rk.settings_for(w.sim)
    for changes, says in (
        ({"CUSTOMER_ID": ""}, "CUSTOMER_ID"),
        ({"CUSTOMER_SECRET": ""}, "CUSTOMER_SECRET"),
        ({"CUSTOMER_ID": "", "CUSTOMER_SECRET": ""}, "CUSTOMER_ID"),
        (dict.fromkeys([*PATHS, "CUSTOMER_SECRET"], "") | {"AGORA_RTT_URL": "rtt"}, "CUSTOMER_SECRET"),
        (dict.fromkeys([*PATHS, "CUSTOMER_ID", "CUSTOMER_SECRET"], ""), "CUSTOMER_ID"),
        ({"AGORA_BASE_URL": "", "AGORA_AREA": "US", "CUSTOMER_SECRET": ""}, "CUSTOMER_SECRET"),
        ({"STORAGE_PREFIX": "yes"}, "STORAGE_PREFIX"),
        ({"STORAGE_VENDOR": "x"}, "STORAGE_VENDOR"),
        ({"AGORA_AREA": "JP", "AGORA_BASE_URL": ""}, "AGORA_AREA"),
        ({"AGORA_BASE_URL": "api.agora.example"}, "AGORA_BASE_URL"),
        ({"AGORA_BASE_URL": "ftp://a.example"}, "AGORA_BASE_URL"),
        ({"AGORA_BASE_URL": "https://u:p@a.example"}, "AGORA_BASE_URL"),
        ({"MAX_CALLS": "0"}, "MAX_CALLS"),
        ({"CALL_TIMEOUT": "301"}, "CALL_TIMEOUT"),
    ):
        code, said = w.responder_ends(good | changes)
        same(code, 78, f"exit code with {changes} ({said})")
        expect(says in said, f"{said!r} does not name {says}")
        rk.no_secrets(said, "the message")


def test_a_new_storage_region_is_no_end(w):
    """Agora's table grows: what this release does not know is told, and goes to Agora."""
    for changes in ({"STORAGE_VENDOR": "4"}, {"STORAGE_REGION": "17"}, {"STORAGE_REGION": "99"},
                    {"STORAGE_VENDOR": "8", "STORAGE_REGION": "0"}):
        site = rk.Site(w.run, w.build, rk.settings_for(w.sim) | changes)
        log = site.responder_log()
        expect("STORAGE_REGION" in log and "Agora may refuse it" in log, log)
        error = fails(site.post("/cloud_recording/start", {"channelName": "lobby"}), 400,
                      "upstream_refused")
        expect("storageConfig" in error["error"], error)
        site.stop()


def test_secrets_come_from_files_too(w):
    directory = w.run.directory()
    settings = rk.settings_for(w.sim)
    for name in ("CUSTOMER_ID", "CUSTOMER_SECRET", "STORAGE_BUCKET_ACCESS_KEY",
                 "STORAGE_BUCKET_SECRET_KEY"):
        path = f"{directory}/{name}"
        rk.sites.write(path, settings.pop(name) + "\n")
        settings[name + "_FILE"] = path
    site = rk.Site(w.run, w.build, settings)
    here = w.at(site)
    stop_recording(here, start_recording(here, {"channelName": "lobby"}))
    site.stop()
