"""Members of Agora's own objects: none is dropped in silence, and nobody who is excluded is recorded."""

import rest_kit as rk
import tokens
from kit import expect, same
from rest_bugs import ids_of, push, record, transcribe
from rest_kit import fails, succeeds
from rest_routes import PULL, RAW_PUSH

START = "/cloud_recording/start"
LISTS = "/cloud_recording/update/subscriber-list"
ALL = ["#allstream#"]
TASK = {"channelName": "ch", "languages": ["en-US"]}
KINDS = ("Audio", "Video")


def recorded(w, **more):
    """clientRequest of acquire, and of the start, which has the same."""
    upstream = rk.Upstream(w.sim)
    job = record(w, **more)
    acquire, start = (entry["json"]["clientRequest"] for entry in upstream.entries()[:2])
    same(acquire["startParameter"], start, "startParameter")
    mode = more.get("recordingMode", "mix")
    succeeds(w.site.post("/cloud_recording/stop", ids_of(job) | {"recordingMode": mode}))
    return acquire, start


def config_of(w, **config):
    return recorded(w, recordingConfig=config)[1]["recordingConfig"]


def refused(w, target, body, field, says="", code="invalid_field"):
    upstream = rk.Upstream(w.sim)
    fails(w.site.post(target, body), 400, code, field, says)
    upstream.nothing()


def test_an_excluded_user_is_not_recorded(w):
    for kind in KINDS:
        other = KINDS[kind == "Audio"]
        for spelled, sent in (
            (f"unsubscribe{kind}Uids", f"unsubscribe{kind}Uids"),
            (f"unSubscribe{kind}Uids", f"unSubscribe{kind}Uids"),
            (f"UnSubscribe{kind}UIDs", f"unsubscribe{kind}Uids"),
            (f"unsunscribe{kind}Uids", f"unsubscribe{kind}Uids"),
        ):
            config = config_of(w, **{spelled: ["7"]})
            same(config.get(sent), ["7"], f"{spelled} as {sent}")
            expect(f"subscribe{kind}Uids" not in config, f"{spelled}: {config}")
            same(config[f"subscribe{other}Uids"], ALL, f"the others' {other}")
            same(len([n for n in config if n.lower().startswith("uns")]), 1, "lists")


def test_an_empty_exclusion_is_none(w):
    for kind in KINDS:
        want, avoid = f"subscribe{kind}Uids", f"unsubscribe{kind}Uids"
        for name in (avoid, f"unSubscribe{kind}Uids"):
            config = config_of(w, **{name: []})
            same((config[want], name in config), (ALL, False), f"only {name}")
            config = config_of(w, **{want: ["5"], name: []})
            same((config[want], name in config), (["5"], False), f"{want} beside {name}")
            config = config_of(w, **{want: None, name: ["5"]})
            same((want in config, config[name]), (False, ["5"]), f"null beside {name}")


def test_lists_that_cannot_be_meant(w):
    def start(config, says, field="recordingConfig"):
        refused(w, START, {"channelName": "ch", "recordingConfig": config}, field, says)

    for name in ("unsubscribeAudioUid", "unsubscribeUids", "excludeAudioUids", "subscribeUids",
                 "unsubscribeaudiouidlist", "subscribe_audio_uids", "unsunscribeAll"):
        start({name: ["7"]}, "does not know")
    for kind in KINDS:
        field = f"recordingConfig.unsubscribe{kind}Uids"
        start({f"unsubscribe{kind}Uids": ["1"], f"unSubscribe{kind}Uids": ["2"]}, "twice", field)
        start({f"subscribe{kind}Uids": ["1"], f"unSubscribe{kind}Uids": ["2"]}, "excludes", field)
        start({f"unSubscribe{kind}Uids": [7]}, "as strings", field)
        start({f"unSubscribe{kind}Uids": "7"}, "a list", field)


def test_an_update_keeps_who_is_excluded(w):
    job = ids_of(record(w))

    def update(**lists):
        upstream = rk.Upstream(w.sim)
        succeeds(w.site.post(LISTS, job | {"recordingConfig": {"streamSubscribe": lists}}))
        return upstream.entries()[-1]["json"]["clientRequest"]["streamSubscribe"]

    for kind in KINDS:
        name = kind.lower() + "UidList"
        for spelled in (f"unsubscribe{kind}Uids", f"unSubscribe{kind}Uids"):
            same(update(**{name: {spelled: ["7"]}}), {name: {spelled: ["7"]}}, "lists")
            same(update(**{name: {spelled: []}}), {name: {spelled: []}}, "nobody is excluded")
            same(update(**{name: {f"subscribe{kind}Uids": ["1"], spelled: []}}),
                 {name: {f"subscribe{kind}Uids": ["1"]}}, "lists")
        same(update(**{name.upper(): {f"UNSUBSCRIBE{kind}UIDS": ["7"]}}),
             {name: {f"unsubscribe{kind}Uids": ["7"]}}, "lists")
        field = f"recordingConfig.streamSubscribe.{name}"
        for wrong, at in (({f"unsubscribe{kind}": ["7"]}, field),
                          ({f"unSubscribe{kind}Uids": [7]}, f"{field}.unsubscribe{kind}Uids")):
            refused(w, LISTS, job | {"recordingConfig": {"streamSubscribe": {name: wrong}}}, at)
    succeeds(w.site.post("/cloud_recording/stop", job))


def test_members_of_a_recording_go_through(w):
    apps = {"combinationPolicy": "postpone_transcoding"}
    transcode = {"container": {"format": "mp4"}, "transConfig": {"transMode": "postponeTranscoding"}}
    acquire, start = recorded(w, sceneMode="postponed", recordingMode="individual", regionAffinity=2,
                              appsCollection=apps, transcodeOptions=transcode)
    same((acquire["scene"], acquire["regionAffinity"]), (2, 2), "of acquire")
    same((start["appsCollection"], start["transcodeOptions"]), (apps, transcode), "of start")
    for name, value in (("appsCollection", apps), ("transcodeOptions", transcode)):
        refused(w, START, {"channelName": "ch", name: value}, name, "postponed")
    for value in (-1, "EU", 1.5, 101):
        refused(w, START, {"channelName": "ch", "regionAffinity": value}, "regionAffinity")


def test_members_that_are_not_known(w):
    """A start or an update that is half understood would do something else than was asked."""
    job = {"cname": "ch", "uid": "7", "resourceId": "rid", "sid": "5id"}
    for target, body in (
        (START, {"channelName": "ch"}),
        (LISTS, job | {"recordingConfig": {"streamSubscribe": {"audioUidList": {}}}}),
        ("/cloud_recording/update/layout", job | {"recordingConfig": {}}),
        ("/rtt/start", TASK),
        ("/rtt/update/t", {"languages": ["en-US"]}),
        ("/rtmp/push/start", RAW_PUSH),
        ("/rtmp/push/update", {"converterId": "c", "region": "na", "jitterBufferSizeMs": 5}),
        ("/rtmp/pull/start", PULL),
        ("/rtmp/pull/update", {"playerId": "p", "region": "na", "isPause": True}),
    ):
        for name in ("clientRequest", "converter", "player", "unsubscribeUids", "x"):
            refused(w, target, body | {name: {}}, name, "is not a member of this request")
        refused(w, target, body | {"a\nb": 1}, None, "is not a member of this request")
        refused(w, target, body | {name.upper(): value for name, value in list(body.items())[:1]},
                list(body)[0], "twice")
    succeeds(w.site.post("/cloud_recording/stop", ids_of(record(w, x=None)) | {"x": 1}))


def test_members_of_a_transcription_go_through(w):
    caption = {"sliceDuration": 30}
    answer, entry = transcribe(w, unSubscribeAudioUids=["7"], enableJsonProtocol=True,
                               captionConfig=caption, pubBotUid="4000000001", maxIdleTime=0)
    rtc = entry["json"]["rtcConfig"]
    same(rtc["unSubscribeAudioUids"], ["7"], "exclusion")
    same(rtc["enableJsonProtocol"], True, "enableJsonProtocol")
    same((rtc["pubBotUid"], rtc["subBotUid"]), ("4000000001",) * 2, "bot")
    same(answer["start"]["pubBotUid"], "4000000001", "the answer's bot")
    same((entry["json"]["captionConfig"], entry["json"]["maxIdleTime"]), (caption, 0), "the rest")
    tokens.check(w.build, rtc["pubBotToken"],
                 tokens.rtc("ch", "4000000001", tokens.PUBLISHER, rk.DAY), rk.DAY)
    answer, entry = transcribe(w, captionConfig=caption, enableStorage=True)
    sent = entry["json"]["captionConfig"]
    same((sent["sliceDuration"], sent["storage"]["bucket"]), (30, "bucket"), "captionConfig")
    same(answer["start"]["pubBotUid"], entry["json"]["rtcConfig"]["pubBotUid"], "a random bot")
    for name in ("unSubscribeAudioUids", "unsubscribeAudioUids"):
        answer, entry = transcribe(w, rtcConfig={
            name: ["8"], "subscribeAudioUids": [], "enableJsonProtocol": False, "pubBotUid": "9"})
        rtc = entry["json"]["rtcConfig"]
        same((rtc[name], rtc["pubBotUid"], rtc["enableJsonProtocol"]), (["8"], "9", False), "rtcConfig")
    expect("unsubscribeAudioUids" not in
           transcribe(w, rtcConfig={"unsubscribeAudioUids": []})[1]["json"]["rtcConfig"], "an empty list")


def test_rtc_config_of_a_start(w):
    for rtc, field, says in (
        ({"channelName": "other"}, "rtcConfig.channelName", "left out"),
        ({"channelName": 7}, "rtcConfig.channelName", "left out"),
        ({"pubBotToken": "007x"}, "rtcConfig.pubBotToken", "makes the token"),
        ({"SubBotToken": "007x"}, "rtcConfig.subBotToken", "makes the token"),
        ({"pubBotUid": "0"}, "rtcConfig.pubBotUid", "1 to 4294967295"),
        ({"pubBotUid": "7", "subBotUid": "8"}, "subBotUid", "the same"),
        ({"unSubscribeAudioUids": [7]}, "rtcConfig.unsubscribeAudioUids", "strings"),
        ({"unsubscribeUid": ["7"]}, "rtcConfig", "does not know"),
        ({"subscribeAudioUids": ["1"], "unSubscribeAudioUids": ["2"]},
         "rtcConfig.unsubscribeAudioUids", "excludes"),
    ):
        refused(w, "/rtt/start", TASK | {"rtcConfig": rtc}, field, says)
    for name, value in (("subscribeAudioUids", ["1"]), ("unSubscribeAudioUids", ["1"]), ("pubBotUid", "7"),
                        ("cryptionMode", 1), ("secret", "s"), ("salt", "s"), ("enableJsonProtocol", True)):
        refused(w, "/rtt/start", TASK | {name: value, "rtcConfig": {name: value}}, "rtcConfig." + name,
                "twice")
    refused(w, "/rtt/start", TASK | {"subscribeAudioUids": ["1"], "unSubscribeAudioUids": ["2"]},
            "rtcConfig.unsubscribeAudioUids", "excludes")
    for caption, field in (
        ({"storage": {"vendor": 1}}, "captionConfig.storage"),
        ({"extensionParams": {"endpoint": "https://evil.example"}}, "captionConfig.extensionParams"),
        ({"storage": []}, "captionConfig.storage"),
    ):
        for storage in (True, False):
            refused(w, "/rtt/start", TASK | {"captionConfig": caption, "enableStorage": storage}, field)


def test_an_update_of_a_transcription_says_what_it_changes(w):
    task = transcribe(w)[0]["start"]["taskId"]
    for name in ("subscribeAudioUids", "unSubscribeAudioUids", "unsubscribeAudioUids"):
        upstream = rk.Upstream(w.sim)
        succeeds(w.site.post(f"/rtt/update/{task}", {"rtcConfig": {name: ["7"]}}))
        entry = upstream.entries()[-1]
        same(entry["json"]["rtcConfig"], {name: ["7"]}, "rtcConfig")
        expect(f"updateMask=rtcConfig.{name}" in entry["target"], entry["target"])
    for rtc in ({"channelName": "x"}, {"pubBotToken": "t"}, {"enableJsonProtocol": True}):
        refused(w, f"/rtt/update/{task}", {"rtcConfig": rtc}, "rtcConfig", "can only change")


def test_errors_keep_what_agora_says(w):
    """reason and detail, and of a 409 the id that is there."""
    name = "a-task"
    task = transcribe(w, name=name)[0]["start"]["taskId"]
    error = fails(w.site.post("/rtt/start", TASK | {"name": name}), 409, "upstream_refused",
                  known={"name": name, "taskId": task})
    expect(error["upstream"]["detail"] and error["upstream"]["reason"], error)
    one, _ = push(w, converterName="a-converter")
    fails(w.site.post("/rtmp/push/start", RAW_PUSH | {"converterName": "a-converter"}), 409,
          "upstream_refused", known={"converterName": "a-converter", "converterId": one})
    succeeds(w.site.post("/rtmp/push/stop", {"converterId": one, "region": "na"}))
    first = succeeds(w.site.post("/rtmp/pull/start", PULL | {"name": "a-player"}))
    one = first["player"]["id"]
    fails(w.site.post("/rtmp/pull/start", PULL | {"name": "a-player"}), 409, "upstream_refused",
          known={"playerName": "a-player", "playerId": one})
    succeeds(w.site.post("/rtmp/pull/stop", {"playerId": one, "region": first["region"]}))


def test_a_player_with_an_account(w):
    body = {k: v for k, v in PULL.items() if k not in ("name", "uid")} | {"account": "camera one"}
    upstream = rk.Upstream(w.sim)
    answer = succeeds(w.site.post("/rtmp/pull/start", body))
    player = upstream.entries()[-1]["json"]["player"]
    same((player["account"], "uid" in player), ("camera one", False), "player")
    tokens.check(w.build, player["token"],
                 tokens.rtc(body["channelName"], "camera one", tokens.PUBLISHER, rk.DAY), rk.DAY)
    succeeds(w.site.post("/rtmp/pull/stop",
                         {"playerId": answer["player"]["id"], "region": answer["region"]}))
    for changes, says in (({"uid": "5"}, "excludes uid"), ({"account": "0"}, "number"),
                          ({"account": "42"}, "number"), ({"account": "*"}, "does not allow"),
                          ({"account": ""}, "empty"), ({"account": "x" * 256}, "255")):
        refused(w, "/rtmp/pull/start", body | changes, "account", says)


def test_files_are_named_by_the_request(w):
    ours = recorded(w, channelName="class-1")[1]["storageConfig"]["fileNamePrefix"]
    same(ours[0], "class1", "the channel's folder")
    refused(w, START, {"channelName": "ch", "fileNamePrefix": ["ch", "a"]}, "fileNamePrefix", "STORAGE_PREFIX")
    refused(w, START, {"channelName": "ch", "storageConfig": {"fileNamePrefix": ["ch"]}}, "fileNamePrefix",
            "STORAGE_PREFIX")
    for setting, good, bad in (("channel", ["class1", "a", "B2"], ["class2"]), ("any", ["x", "y"], [])):
        site = w.at(rk.Site(w.run, w.build, rk.settings_for(w.sim) | {"STORAGE_PREFIX": setting}))
        for more in ({"fileNamePrefix": good}, {"storageConfig": {"fileNamePrefix": good}}):
            start = recorded(site, channelName="class-1", **more)[1]["storageConfig"]
            same((start["fileNamePrefix"], start["bucket"]), (good, "bucket"), "storageConfig")
        sent = transcribe(site, channelName="class-1", enableStorage=True, fileNamePrefix=good)[1]["json"]
        same(sent["captionConfig"]["storage"]["fileNamePrefix"], good, "captions")
        for prefix in ([bad] if bad else []) + [[], ["a-b"], ["../x"], [""], ["class1", "a" * 128]]:
            refused(site, START, {"channelName": "class-1", "fileNamePrefix": prefix}, "fileNamePrefix")
        refused(site, START, {"channelName": "class-1", "storageConfig": {"fileNamePrefix": good, "vendor": 1}},
                "storageConfig", "STORAGE_OVERRIDE")
        refused(site, "/rtt/start", TASK | {"channelName": "class-1", "fileNamePrefix": good},
                "fileNamePrefix", "enableStorage")
        site.site.stop()


def test_a_storage_of_the_request_names_what_is_wrong(w):
    site = w.at(rk.Site(w.run, w.build, rk.settings_for(w.sim) | {"STORAGE_OVERRIDE": "true"}))
    storage = {"vendor": 1, "region": 3, "bucket": "b", "accessKey": "a", "secretKey": "s"}
    same(recorded(site, storageConfig=storage)[1]["storageConfig"]["bucket"], "b", "bucket")
    for name in storage:
        less = {k: v for k, v in storage.items() if k != name}
        refused(site, START, {"channelName": "ch", "storageConfig": less}, "storageConfig." + name,
                "is required", "missing_field")
        wrong = str(storage[name]) if name in ("vendor", "region") else 7
        refused(site, START, {"channelName": "ch", "storageConfig": storage | {name: wrong}},
                "storageConfig." + name, "must be a")
        refused(site, "/rtt/start", TASK | {"captionConfig": {"storage": less}},
                "captionConfig.storage." + name, "is required", "missing_field")
    refused(site, START, {"channelName": "ch", "storageConfig": storage | {"vendor": 4}},
            "storageConfig.vendor", "Agora's table")
    refused(site, START, {"channelName": "ch", "storageConfig": storage | {"region": 17}},
            "storageConfig.region", "Agora's table")
    refused(site, START, {"channelName": "ch", "storageConfig": storage | {"fileNamePrefix": ["a/b"]}},
            "storageConfig.fileNamePrefix", "letters and digits")
    refused(site, START, {"channelName": "ch", "storageConfig": storage, "fileNamePrefix": ["a"]},
            "fileNamePrefix", "goes into")
    site.site.stop()
