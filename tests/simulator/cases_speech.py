"""Speech-to-text v7: C.3.2 and H.4 of the reference."""

import time

from cases_recording import changed
from client import APP_ID, token
from expecting import clean, expect, gives, has, noted, same

BASE = f"/api/speech-to-text/v1/projects/{APP_ID}"
OLD = f"/v1/projects/{APP_ID}/rtsc/speech-to-text"
STORAGE = {"accessKey": "a", "secretKey": "s", "bucket": "b", "vendor": 1, "region": 0,
           "fileNamePrefix": ["dir"]}


def join_body(name="task-1", channel="lobby", uid="88222", **more):
    config = {"channelName": channel, "pubBotUid": uid, "pubBotToken": token(channel, uid)}
    return {"name": name, "languages": ["en-US"], "maxIdleTime": 30, "rtcConfig": config} | more


def join(s, *arguments, **more):
    got = gives(s.call("POST", BASE + "/join", join_body(*arguments, **more)), 200).json
    clean(s)
    return got


def test_join(s):
    got = join(s)
    same(set(got), {"agent_id", "create_ts", "status"}, "members")
    same(got["status"], "STARTING", "status")
    expect(abs(got["create_ts"] - time.time()) < 5, "create_ts")


def test_a_full_join(s):
    body = join_body(
        languages=["zh-CN", "en-US", "ja-JP", "fr-FR"],
        uidLanguagesConfig=[{"uid": "1", "languages": ["en-US"]}],
        maxIdleTime=259200,
        translateConfig={"languages": [{"source": "en-US", "target": ["zh-CN", "fr-FR"]}]},
        captionConfig={"sliceDuration": 60, "storage": STORAGE},
        keywords=["Agora"],
    )
    body["rtcConfig"] |= {"subBotUid": "88222", "subBotToken": token("lobby", "88222", (1,)),
                          "subscribeAudioUids": ["1", "2"], "cryptionMode": 1, "secret": "k",
                          "enableJsonProtocol": True}
    gives(s.call("POST", BASE + "/join", body), 200)
    clean(s)
    lower = {"accesskey": "a", "secretkey": "s", "bucket": "b", "vendor": 11, "region": 0}
    body |= {"name": "2", "captionConfig": {"storage": lower},
             "extensionParams": {"endpoint": "https://h", "type": "s3"}}
    gives(s.call("POST", BASE + "/join", body), 200)
    clean(s)


def test_join_refuses(s):
    rtc = "rtcConfig."
    cases = [
        ("name", "a" * 65), ("name", ""), ("name", 5), ("languages", []), ("languages", "en-US"),
        ("languages", ["en-US"] * 5), ("languages", ["english"]), ("maxIdleTime", -1),
        ("maxIdleTime", 259201), ("maxIdleTime", "30"), (rtc + "channelName", "a" * 65),
        (rtc + "pubBotUid", 88222), (rtc + "pubBotUid", "0"), (rtc + "subBotUid", "5"),
        (rtc + "cryptionMode", "1"), (rtc + "cryptionMode", 9),
        (rtc + "subscribeAudioUids", [str(n) for n in range(1, 34)]),
        (rtc + "unSubscribeAudioUids", ["1", "2", "3", "4", "5", "6"]),
        (rtc + "enableJsonProtocol", "true"), ("keywords", ["k"] * 501),
        ("translateConfig", {"languages": [{"source": "en-US", "target": ["zh-CN"] * 11}]}),
        ("uidLanguagesConfig", [{"uid": "1", "languages": ["en-US"]}] * 6),
        ("captionConfig", {"sliceDuration": 4}),
        *[("captionConfig", {"storage": changed(STORAGE, n, v)}) for n, v in
          (("vendor", 4), ("region", 17), ("region", "0"), ("fileNamePrefix", ["a-b"]))],
        ("captionConfig", {"storage": STORAGE | {"accesskey": "a"}}),
    ]
    for path, value in cases:
        answer = s.call("POST", BASE + "/join", changed(join_body(), path, value))
        expect(answer.status == 400, f"{path} = {value}: {answer}")
        expect(answer.json["detail"].startswith(path.split(".", maxsplit=1)[0]), answer)
        same(answer.json["reason"], "InvalidFieldValue", f"{path} = {value}")
    for path in ("name", "languages", "rtcConfig", "rtcConfig.channelName", "rtcConfig.pubBotUid",
                 "rtcConfig.pubBotToken"):
        answer = s.call("POST", BASE + "/join", changed(join_body(), path))
        has(answer, 400, reason="MissingRequiredField")
    both = changed(join_body(), "rtcConfig.subscribeAudioUids", ["1"])
    both = changed(both, "rtcConfig.unSubscribeAudioUids", ["2"])
    has(s.call("POST", BASE + "/join", both), 400, reason="InvalidFieldValue")
    has(s.call("POST", BASE + "/join", b"{"), 400, reason="InvalidRequestBody")
    same(s.state("speech")["started"], 0, "started")
    s.config(speechErrors="message")
    same(set(s.call("POST", BASE + "/join", {}).json),
         {"message", "agent_id", "create_ts", "status"}, "errors as on the query page")


def test_tokens_of_the_bot(s):
    for bad in (token("lobby", "88222", (1,)), token("lobby", "1"), token("other", "88222"), "x"):
        body = changed(join_body(), "rtcConfig.pubBotToken", bad)
        has(s.call("POST", BASE + "/join", body), 400, reason="InvalidFieldValue")
        noted(s, "bad token")
    body = changed(join_body(), "rtcConfig.subBotToken", token("lobby", "1"))
    gives(s.call("POST", BASE + "/join", body), 400)


def test_names_are_unique_for_ever(s):
    first = join(s)
    s.advance(2)
    same(join(s, "task-2")["agent_id"] == first["agent_id"], False, "another task")
    answer = s.call("POST", BASE + "/join", join_body(channel="other"))
    has(answer, 409, reason="TaskConflict", agent_id=first["agent_id"], status="RUNNING")
    gives(s.call("POST", f"{BASE}/agents/{first['agent_id']}/leave"), 200)
    has(s.call("POST", BASE + "/join", join_body()), 409, status="STOPPED")
    same(s.state("speech")["started"], 2, "started")
    s.config(speechConflict="bare")
    same(set(s.call("POST", BASE + "/join", join_body()).json), {"detail", "reason"}, "bare")


def test_get_and_leave(s):
    agent = join(s)["agent_id"]
    path = f"{BASE}/agents/{agent}"
    has(s.call("GET", path), 200, agent_id=agent, status="STARTING")
    s.advance(1)
    got = has(s.call("GET", path), 200, status="RUNNING")
    same(set(got), {"message", "agent_id", "create_ts", "status"}, "members")
    same(gives(s.call("POST", path + "/leave"), 200).body, b"", "empty body")
    has(s.call("GET", path), 200, status="STOPPED")
    has(s.call("POST", path + "/leave", {}), 404, reason="TaskNotFound")
    has(s.call("GET", BASE + "/agents/none"), 404, reason="TaskNotFound")


def test_update(s):
    agent = join(s)["agent_id"]
    path = f"{BASE}/agents/{agent}/update"

    def update(query, body):
        return s.call("POST", path + query, body)

    languages = {"languages": ["fr-FR"]}
    has(update("?sequenceId=1&updateMask=languages", languages), 200, agent_id=agent)
    clean(s)
    everyone = {"rtcConfig": {"subscribeAudioUids": ["all"]}, "translateConfig": {"enable": False}}
    mask = "rtcConfig.subscribeAudioUids,translateConfig"
    gives(update(f"?sequenceId=2&updateMask={mask}", everyone), 200)
    clean(s)
    for query, body in (
        ("?sequenceId=2&updateMask=languages", languages),
        ("?sequenceId=x&updateMask=languages", languages),
        ("?updateMask=languages", languages),
        ("?sequenceId=3", languages),
        ("?sequenceId=3&updateMask=keywords", languages),
        ("?sequenceId=3&updateMask=maxIdleTime", {"maxIdleTime": 5}),
    ):
        gives(update(query, body), 400)
    gives(update("?sequenceId=3&updateMask=languages", languages | {"keywords": []}), 200)
    noted(s, "not in updateMask")
    gives(s.call("POST", path.replace(agent, "none") + "?sequenceId=1&updateMask=languages",
                 languages), 404)


def test_list(s):
    agents = [join(s, f"t{n}", f"c{n % 2}")["agent_id"] for n in range(5)]
    s.advance(1)

    def listed(query=""):
        return has(s.call("GET", f"{BASE}/agents{query}"), 200, status="ok")

    got = listed()
    same([a["agent_id"] for a in got["data"]["list"]], agents, "agents")
    same(got["data"]["count"], 5, "count")
    same(got["meta"], {"cursor": "", "total": 5}, "meta")
    same(set(got["data"]["list"][0]), {"start_ts", "status", "agent_id"}, "members")
    same(listed("?channel=c1")["data"]["count"], 2, "channel")
    same(listed("?state=4")["data"]["count"], 0, "state")
    same(listed(f"?to_time={int(time.time()) - 60}")["data"]["count"], 0, "to_time")
    page = listed("?limit=2")
    same(page["meta"], {"cursor": agents[1], "total": 5}, "cursor")
    page = listed("?limit=3&cursor=" + agents[1])
    same([a["agent_id"] for a in page["data"]["list"]], agents[2:], "second page")
    same(page["meta"]["cursor"], "", "end")
    gives(s.call("GET", BASE + "/agents?limit=x"), 400)
    gives(s.call("GET", BASE + "/agents?cursor=none"), 400)


def test_tasks_end_of_themselves(s):
    s.config(idleChannels=["empty"])
    idle = join(s, "idle", "empty")["agent_id"]
    never = join(s, "never", "empty", maxIdleTime=0)["agent_id"]
    s.advance(31)
    got = has(s.call("GET", f"{BASE}/agents/{idle}"), 200, status="STOPPED")
    same(got["message"], "Idle for too long", "message")
    has(s.call("GET", f"{BASE}/agents/{never}"), 200, status="RUNNING")
    s.advance(86400)
    has(s.call("GET", f"{BASE}/agents/{never}"), 200, status="FAILED")  # its token ended
    s.config(tokens="off")
    long = join(s, "long")["agent_id"]
    s.advance(72 * 3600)
    got = has(s.call("GET", f"{BASE}/agents/{long}"), 200, status="STOPPED")
    same(got["message"], "Task exceeded maximum lifetime", "message")


def test_the_old_api_has_ended(s):
    calls = (("POST", "/builderTokens"), ("POST", "/tasks?builderToken=x"),
             ("GET", "/tasks/1?builderToken=x"), ("DELETE", "/tasks/1?builderToken=x"))
    for method, path in calls:
        gives(s.call(method, OLD + path, {"instanceId": "x"} if method == "POST" else None), 404)
        noted(s, "ended")
    s.config(speechEnded=410)
    gives(s.call("POST", OLD + "/builderTokens", {}), 410)


def test_token_credentials(s):
    def join_with(given, name):
        headers = {"Authorization": given}
        return s.call("POST", BASE + "/join", join_body(name), headers)

    gives(join_with(f'agora token="{token("lobby", "88222")}"', "a"), 200)
    gives(join_with(f"agora token={token('lobby', '88222')}", "b"), 200)
    old = token("lobby", "88222", issued=time.time() - 90000)
    gives(join_with(f'agora token="{old}"', "c"), 401, {"message": "Token is expired"})
    bad = token("lobby", "88222", certificate="f" * 32)
    gives(join_with(f'agora token="{bad}"', "c"), 401, {"message": "Invalid token"})
    gives(join_with('agora token="x"', "c"), 401, {"message": "Invalid token"})
    gives(join_with(f'agora token="{token("other", "1")}"', "c"), 401, {"message": "Invalid token"})
    noted(s, "not for channel 'lobby'")
    agent = gives(join_with(f'agora token="{token("*", "0")}"', "d"), 200).json["agent_id"]
    for channel, status in (("other", 401), ("lobby", 200)):
        headers = {"Authorization": f'agora token="{token(channel, "1")}"'}
        gives(s.call("GET", f"{BASE}/agents/{agent}", None, headers), status)
