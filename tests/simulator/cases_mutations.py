"""Good bodies with any one member replaced or gone: always an answer, never a stumble."""

import json

import cases_media
import cases_recording
import cases_speech
from cases_door import ACQUIRE
from client import APP_ID, CERTIFICATE, CUSTOMER, basic
from expecting import expect, same
from simulator import Simulator
from wire import Request

STRANGE = (None, True, -1, 0, 2**64, 1.5, "", "x", "\ud800", "0", [], [1], [[]], ["x"], {}, {"a": 1})
SETTINGS = {"appId": APP_ID, "appCertificate": CERTIFICATE,
            "customerId": CUSTOMER[0], "customerSecret": CUSTOMER[1]}


def _mutations(value):
    """Every copy of the value with one place in it changed."""
    for strange in STRANGE:
        yield strange
    if not isinstance(value, (dict, list)):
        return
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in members:
        for new in _mutations(inner):
            copy = value.copy()
            copy[key] = new
            yield copy
        copy = value.copy()
        del copy[key]
        yield copy


def _call(simulator, method, target, body):
    headers = {"authorization": basic(), "content-type": "application/json", "x-request-id": "x"}
    request = Request(method, target, "HTTP/1.1", headers, json.dumps(body).encode())
    return simulator.door.serve(request)


def _everything_is_answered(method, target, good, also=None):
    simulator = Simulator(SETTINGS)
    if also:
        target = also(simulator)
    statuses = {}
    for body in _mutations(good):
        response = _call(simulator, method, target, body)
        statuses[response.status] = statuses.get(response.status, 0) + 1
        if response.body:
            json.loads(response.body)
    same(set(statuses) - {200, 201, 400, 404, 409}, set(), "statuses")
    expect(statuses[400] > 50, statuses)
    json.dumps(simulator.world.state())


def _recording(mode, call, good):
    def prepared(simulator):
        names = {"cname": "lobby", "uid": "527841"}
        scene = {"clientRequest": {"scene": int(mode == "web")}}
        rid = _call(simulator, "POST", ACQUIRE, names | scene).json["resourceId"]
        path = f"{cases_recording.BASE}/resourceid/{rid}"
        if call == "start":
            return f"{path}/mode/{mode}/start"
        request = cases_recording.client_request(mode)
        body = names | {"clientRequest": request}
        sid = _call(simulator, "POST", f"{path}/mode/{mode}/start", body).json["sid"]
        return f"{path}/sid/{sid}/mode/{mode}/{call}"

    body = {"cname": "lobby", "uid": "527841", "clientRequest": good}
    _everything_is_answered("POST", "", body, prepared)


def test_recording_start():
    request = cases_recording.client_request
    config = {"channelType": 0, "subscribeAudioUids": ["1"], "decryptionMode": 7, "secret": "s",
              "salt": "A" * 43 + "=", "transcodingConfig": {"width": 5, "layoutConfig": [
                  {"x_axis": 0.5, "y_axis": 0, "width": 1, "height": 1}]}}
    storage = cases_recording.STORAGE | {"stsToken": "t", "stsExpiration": 2**40,
                                         "extensionParams": {"sse": "kms"}}
    files = {"avFileType": ["hls"]}
    _recording("mix", "start", request(recordingConfig=config, storageConfig=storage,
                                       recordingFileConfig=files))
    shots = {"fileType": ["jpg"], "captureInterval": 5}
    _recording("individual", "start", request("individual", snapshotConfig=shots))
    services = cases_recording.WEB["extensionServices"] + [cases_recording.PUSH_SERVICE]
    web = {"extensionServices": services}
    _recording("web", "start", request("web", extensionServiceConfig=web))


def test_recording_acquire():
    start = cases_recording.client_request()
    body = {"cname": "lobby", "uid": "527841", "clientRequest":
            {"scene": 0, "region": "NA", "excludeResourceIds": ["x"], "startParameter": start}}
    _everything_is_answered("POST", ACQUIRE, body)


def test_recording_changes():
    lists = {"audioUidList": {"subscribeAudioUids": ["1"]},
             "videoUidList": {"unsubscribeVideoUids": ["1"]}}
    _recording("mix", "update", {"streamSubscribe": lists})
    refresh = {"storageConfig": {"stsToken": "t", "stsExpiration": 2**40}}
    _recording("mix", "update", refresh)
    _recording("web", "update", {"webRecordingConfig": {"onhold": True}})
    _recording("mix", "updateLayout", {"mixedVideoLayout": 3, "layoutConfig":
               [{"x_axis": 0.5, "y_axis": 0, "width": 1, "height": 1, "uid": "1"}]})
    _recording("mix", "stop", {"async_stop": True})


def test_speech():
    body = cases_speech.join_body(
        uidLanguagesConfig=[{"uid": "1", "languages": ["en-US"]}], keywords=["k"],
        translateConfig={"languages": [{"source": "en-US", "target": ["zh-CN"]}]},
        captionConfig={"storage": cases_speech.STORAGE, "extensionParams": {"tag": "t"}},
    )
    body["rtcConfig"] |= {"subBotUid": "88222", "cryptionMode": 7, "secret": "s",
                          "salt": "A" * 43 + "=", "subscribeAudioUids": ["1"]}
    _everything_is_answered("POST", cases_speech.BASE + "/join", body)

    def joined(simulator):
        answer = _call(simulator, "POST", cases_speech.BASE + "/join", cases_speech.join_body())
        agent = answer.json["agent_id"]
        return f"{cases_speech.BASE}/agents/{agent}/update?sequenceId=1&updateMask=rtcConfig"

    change = {"rtcConfig": {"subscribeAudioUids": ["1"]}, "languages": ["en-US"],
              "translateConfig": {"enable": True, "languages": []}}
    _everything_is_answered("POST", "", change, joined)


def test_media():
    _everything_is_answered("POST", cases_media.PUSH, {"converter": cases_media.TRANSCODED})
    _everything_is_answered("POST", cases_media.PUSH, {"converter": cases_media.RAW})
    _everything_is_answered("POST", cases_media.PULL, {"player": cases_media.player(
        audioOptions={"volume": 5}, videoOptions={"width": 100}, encryptMode="aes-128-gcm2",
        encryptKey="k", encryptKdfSalt="s", dataStreamOptions={"enable": True})})

    def pushing(simulator):
        answer = _call(simulator, "POST", cases_media.PUSH, {"converter": cases_media.TRANSCODED})
        return f"{cases_media.PUSH}/{answer.json['converter']['id']}?sequence=1"

    def playing(simulator):
        answer = _call(simulator, "POST", cases_media.PULL, {"player": cases_media.player()})
        return f"{cases_media.PULL}/{answer.json['player']['id']}?sequence=1"

    options = {"audioOptions": {"rtcStreamUids": [1], "volumes": [{"rtcStreamUid": 1,
               "volume": 5}]}, "videoOptions": {"bitrate": 5, "layout": [{"rtcStreamUid": 1,
               "region": {"xPos": 1}}]}}
    change = {"rtmpUrl": "rtmp://h/k", "transcodeOptions": options}
    _everything_is_answered("PATCH", "", {"converter": change, "fields": "rtmpUrl"}, pushing)
    change = {"streamUrl": "rtmp://h/k", "audioOptions": {"volume": 5}, "isPause": True}
    _everything_is_answered("PATCH", "", {"player": change}, playing)


def test_channels_and_keys():
    rule = {"appid": APP_ID, "cname": "c", "uid": 1, "time": 5, "privileges": ["join_channel"]}
    _everything_is_answered("POST", "/dev/v1/kicking-rule", rule)
    _everything_is_answered("PUT", "/dev/v1/kicking-rule", {"appid": APP_ID, "id": 1, "time": 5,
                                                            "x": {"y": [1]}, "z": [1, 2]})
    key = {"settings": {"channel": "c", "uid": "5", "expiresAfter": 0, "templateId": "x"}}
    _everything_is_answered("POST", cases_media.KEYS, key)
