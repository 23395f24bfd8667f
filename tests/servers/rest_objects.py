"""Whose a job is, what of it is shown, and who may use up Agora's lists: channels of any name,
lists of Agora's that hold more than was asked for, and callers who ask without end."""

import json
import time
from urllib.parse import quote

import access_kit as ak
import rest_kit as rk
from kit import expect, same

ACTIONS = ["push.*", "pull.*", "rtt.*", "recording.*"]
# Names whose segment of a path somebody on the way may take for another one.
DOTS = ("..", ".", "...", "..;", "%2e%2e", "%2e", ".%2E", "%252e%252e", "..%2f", "..%00", ".. ",
        "..#", "..?", "..+", "*", "meeting 1", "channelName eq victim")
KEY = "key-of-the-victim-55d1"


def guarded(w, **settings):
    """A site whose users have the channel of their name, and what signs them in."""
    key = ak.EcKey(w.run.directory(), "kid")
    policy = {
        "callers": {"app": {"type": "jwt", "keys": "file:app.pem", "algorithms": "ES256",
                            "issuer": ak.ISSUER, "audience": ak.AUDIENCE}},
        "grants": [{"name": "own", "from": "app", "channels": ["${sub}", "${sub}-*"],
                    "actions": ACTIONS}]}
    site = ak.Guarded(w.run, w.build, policy, rk.settings_for(w.sim) | settings,
                      {"app.pem": key.pem()})
    return site, lambda sub: ak.bearer(ak.jwt(key, sub=sub))


def start_all(site, who, channel):
    """A converter, a player and a task in this channel: their ids."""
    converter = rk.succeeds(site.ask("POST", "/rtmp/push/start", {
        "rtcChannel": channel, "streamUrl": "rtmp://live.example/app", "streamKey": KEY,
        "region": "na", "rtcStreamUid": "7"}, who))["converter"]["id"]
    player = rk.succeeds(site.ask("POST", "/rtmp/pull/start", {
        "channelName": channel, "streamUrl": f"https://ann:{KEY}@media.example/{KEY}.m3u8?t={KEY}",
        "region": "na"}, who))["player"]["id"]
    task = rk.succeeds(site.ask("POST", "/rtt/start", {
        "channelName": channel, "languages": ["en-US"]}, who))["start"]["taskId"]
    return converter, player, task


def asked_for(ids, channel):
    """All that may be asked of those jobs, by somebody who says that they are in this channel."""
    converter, player, task = ids
    name = quote(channel, safe="")
    push = {"converterId": converter, "region": "na", "rtcChannel": channel}
    pull = {"playerId": player, "region": "na", "channelName": channel}
    rtt = {"channelName": channel}
    return (
        ("GET", f"/rtmp/push/status/{converter}?region=na&rtcChannel={name}", None),
        ("POST", "/rtmp/push/update", push | {"jitterBufferSizeMs": 7}),
        ("POST", "/rtmp/push/stop", push),
        ("GET", f"/rtmp/pull/status/{player}?channelName={name}", None),
        ("POST", "/rtmp/pull/update", pull | {"isPause": True}),
        ("POST", "/rtmp/pull/stop", pull),
        ("GET", f"/rtt/status/{task}?channelName={name}", None),
        ("POST", f"/rtt/update/{task}", rtt | {"languages": ["de-DE"]}),
        ("DELETE", f"/rtt/stop/{task}", rtt),
    )


def listed(site, target, name, who):
    """The items of a list; none where it is refused."""
    answer = site.ask("GET", f"{target}?channel={quote(name, safe='')}", headers=who, patient=True)
    if answer.status != 200:
        expect(answer.status in (400, 403), f"{target} of {name}: {answer.status} {answer.body}")
        return []
    body = answer.json()
    data = body.get("data") or {}
    return body.get("players", data.get("members", data.get("list", [])))


def lists_asked(w, mark):
    return [e["target"] for e in w.sim.since(mark) if e["method"] == "GET"]


def test_a_name_is_no_way_to_others(w):
    """Whatever the caller is called: what it gets is what is in that channel."""
    site, who = guarded(w)
    victim = start_all(site, who("victim"), "victim")
    w.sim.advance(30)  # until all are listed
    for name in DOTS:
        mark = w.sim.newest()
        few = name in DOTS[:1] + DOTS[-1:]  # Agora gives fifteen lists of players a minute
        for target in ("/rtmp/push/list", "/rtt/list", *["/rtmp/pull/list"] * few):
            same(listed(site, target, name, who(name)), [], f"{target} of {name!r}")
        for method, target, body in asked_for(victim, name):
            if "/pull/" in target and not few:
                continue
            answer = site.ask(method, target, body, who(name), patient=True)
            expect(answer.status in (400, 403), f"{name!r}: {method} {target}: {answer.status}")
        same([(e["method"], e["target"]) for e in w.sim.since(mark) if e["method"] != "GET"], [],
             f"what {name!r} changed")
        same(w.sim.violations(mark), [], f"what {name!r} made of a path")
    site.stop()


def test_a_channel_of_dots_is_its_owners(w):
    """A legal name: what is started there can be looked at and ended."""
    site, who = guarded(w)
    start_all(site, who("victim"), "victim")
    own = start_all(site, who(".."), "..")
    w.sim.advance(30)
    mark = w.sim.newest()
    for target, member in (("/rtmp/push/list", "converterId"), ("/rtmp/pull/list", "id"),
                           ("/rtt/list", "agent_id")):
        found = [item[member] for item in listed(site, target, "..", who(".."))]
        expect(len(found) == 1 and found[0] in own, f"{target}: {found}, not of {own}")
    for method, target, body in asked_for(own, ".."):
        rk.succeeds(site.ask(method, target, body, who(".."), patient=True))
    same(w.sim.violations(mark), [], "violations")
    site.stop()


def test_what_agora_lists_is_looked_at(w):
    """A filter that does nothing shows nothing of others, and opens nothing."""
    site, who = guarded(w)
    victim, own = (start_all(site, who(name), name) for name in ("victim", "guest"))
    w.sim.config(listFilter="ignored")
    w.sim.advance(30)
    for target, member, count in (("/rtmp/push/list", "converterId", "total_count"),
                                  ("/rtmp/pull/list", "id", "totalSize")):
        answer = site.ask("GET", target + "?channel=guest", headers=who("guest"), patient=True)
        body = rk.succeeds(answer)
        data = body.get("data", body)
        items = data.get("members", data.get("players"))
        same([i[member] in own for i in items], [True], f"{target}: {items}")
        same(data[count], 1, count)
        expect("victim" not in answer.body.decode(), answer.body)
    mark = w.sim.newest()
    for method, target, body in asked_for(victim, "guest")[:6]:
        answer = site.ask(method, target, body, who("guest"), patient=True)
        same((answer.status, answer.json().get("dimension")), (403, "channel"), target)
    same({e["method"] for e in w.sim.since(mark)} - {"GET"}, set(), "what was changed")
    for method, target, body in asked_for(own, "guest"):
        rk.succeeds(site.ask(method, target, body, who("guest"), patient=True))
    w.sim.config(listFilter="kept")
    site.stop()


def test_one_caller_cannot_use_up_the_lists(w):
    """Fifteen looks for players that are not there, and as many at channels without end."""
    site, who = guarded(w)
    ids = start_all(site, who("ann"), "ann")
    w.sim.advance(30)
    mark, began = w.sim.newest(), time.monotonic()
    for n in range(15):
        answer = site.ask("GET", f"/rtmp/pull/status/nope{n}?channelName=eve", headers=who("eve"))
        same(answer.status, 403, answer.body)
    calls = len(lists_asked(w, mark))  # one, and one each 8 s that a slow machine took
    expect(calls <= 1 + (time.monotonic() - began) // 8, f"{calls} calls")
    statuses = []
    for n in range(20):
        name = f"eve-{n}"
        body = {"playerId": "nope", "region": "na", "channelName": name}
        target, data = (f"/rtmp/pull/status/nope?channelName={name}", None) if n % 2 else (
            "/rtmp/pull/stop", body)
        statuses.append(site.ask("GET" if n % 2 else "POST", target, data, who("eve")).status)
    expect(set(statuses) == {403, 429}, f"{statuses}")
    same(statuses[-1], 429, "the last")
    calls = len(lists_asked(w, mark))  # half of fifteen, and more as time goes on
    expect(calls <= 7 + (time.monotonic() - began) * 7 / 60, f"{calls} calls")
    method, target, body = asked_for(ids, "ann")[5]
    rk.succeeds(site.ask(method, target, body, who("ann"), patient=True))
    site.stop()


def test_a_list_is_asked_for_once(w):
    """By all who ask at the same time, and after each change anew."""
    site, who = guarded(w)
    ids = start_all(site, who("ann"), "ann")
    w.sim.advance(30)
    mark = w.sim.newest()
    w.sim.fault("delay", ms=400, match={"path": "cloud-player"})
    target = f"/rtmp/pull/status/{ids[1]}?channelName=ann"
    answers = rk.in_threads(*[lambda: site.ask("GET", target, headers=who("ann"))] * 8)
    same([a.status for a in answers], [200] * 8, "answers")
    same(len(lists_asked(w, mark)), 1, "calls")
    for method, changed, body in asked_for(ids, "ann")[4:6]:
        rk.succeeds(site.ask(method, changed, body, who("ann"), patient=True))
    answer = site.ask("GET", target, headers=who("ann"), patient=True)
    same(answer.status, 403, "once it was stopped")
    site.stop()


def test_lists_show_no_keys(w):
    site = w.site
    start_all(site, [], "lobby-of-keys")
    w.sim.advance(30)
    for target in ("/rtmp/push/list", "/rtmp/pull/list", "/rtmp/pull/list?channel=lobby-of-keys"):
        answer = site.ask("GET", target)
        rk.succeeds(answer)
        expect(KEY not in answer.body.decode(), f"{target}: {answer.body}")
        expect("***" in answer.body.decode(), f"{target}: {answer.body}")
    response = {"status": 5, "extensionServiceState": [
        {"serviceName": "rtmp_publish_service", "payload": {"outputs": [
            {"rtmpUrl": f"rtmp://live.example/app/{KEY}", "status": "publishing"}]}}]}
    w.sim.fault("status", status=200, match={"path": "/query$"},
                body=json.dumps({"cname": "c", "uid": "7", "serverResponse": response}))
    answer = site.get("/cloud_recording/status?resourceId=r&sid=s")
    outputs = rk.succeeds(answer)["serverResponse"]["extensionServiceState"][0]["payload"]["outputs"]
    same(outputs[0]["rtmpUrl"], "rtmp://live.example/app/***", "rtmpUrl")


def test_bytes_that_are_not_utf8(w):
    """A name of Agora's in another encoding spoils neither our answer nor what is known."""
    for body in ('{"cname":"caf\udce9","uid":"7","sid":"5id","resourceId":"rid","serverResponse":{}}',
                 '{"cname":"\udcff\udcfe","uid":"7","serverResponse":{"fileList":"\udc80.m3u8"}}'):
        w.sim.fault("status", status=200, match={"path": "/query$"}, body=body)
        answer = w.site.get("/cloud_recording/status?resourceId=rid&sid=5id")
        expect("\ufffd" in rk.succeeds(answer)["cname"], answer.body)
    w.sim.fault("status", status=400, match={"path": "/query$"}, body='{"code":2,"reason":"\udcff!"}')
    error = rk.fails(w.site.get("/cloud_recording/status?resourceId=rid&sid=5id"), 400,
                     "upstream_refused")
    same(error["upstream"]["reason"], "\ufffd!", "reason")


def test_storage_is_the_servers(w):
    """Wherever a client's object would take it to Agora."""
    job = {"cname": "ch", "uid": "7", "resourceId": "rid", "sid": "5id"}
    own = {"vendor": 1, "region": 3, "bucket": "b", "accessKey": "a", "secretKey": "s"}
    start = {"channelName": "ch"}
    cases = (
        ("/cloud_recording/update/layout", job, "recordingConfig", {"storageConfig": own}),
        ("/cloud_recording/update/layout", job, "recordingConfig", {"StorageConfig": own}),
        ("/cloud_recording/update/layout", job, "recordingConfig",
         {"mixedVideoLayout": 1, "layoutConfig": [{"storageConfig": own}]}),
        ("/cloud_recording/update/subscriber-list", job, "recordingConfig",
         {"streamSubscribe": {}, "storageconfig": own}),
        ("/cloud_recording/update/subscriber-list", job, "recordingConfig",
         {"streamSubscribe": {"clientRequest": {"storageConfig": own}}}),
        ("/cloud_recording/start", start, "recordingConfig", {"storageConfig": own}),
        ("/cloud_recording/start", start, "recordingFileConfig", {"storageConfig": own}),
        ("/cloud_recording/start", start, "extensionServiceConfig", {"storageConfig": own}),
        ("/rtt/start", start | {"languages": ["en-US"]}, "translateConfig",
         {"captionConfig": {"storage": own}}),
        ("/rtt/start", start | {"languages": ["en-US"]}, "uidLanguagesConfig", [{"storage": own}]),
        ("/rtt/update/t", {}, "rtcConfig", {"storage": own}),
        ("/rtt/update/t", {}, "translateConfig", {"captionConfig": own}),
    )
    mark = w.sim.newest()
    for target, body, field, value in cases:
        answer = w.site.post(target, body | {field: value})
        error = answer.json()
        same((answer.status, error["code"]), (400, "invalid_field"), f"{target}: {error}")
        expect(error["field"].startswith(field + ".") and "STORAGE_OVERRIDE" in error["error"],
               error)
    same(w.sim.since(mark), [], "calls to Agora")
