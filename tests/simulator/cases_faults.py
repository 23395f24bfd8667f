"""Each scripted fault over a real socket."""

import http.client
import json
import threading
import time
from urllib.parse import urlsplit

from cases_recording import BASE, Task, acquire, client_request, start
from client import APP_ID, basic
from expecting import expect, fails, gives, same, wait_until

ACQUIRE = BASE + "/acquire"
GOOD = {"cname": "lobby", "uid": "42", "clientRequest": {}}
RESOURCES = "resources"
GONE = (http.client.RemoteDisconnected, ConnectionResetError)


def call(s, **more):
    return s.call("POST", ACQUIRE, GOOD, **more)


def resources(s):
    return s.state("recording")["resources"]


def timed(function):
    began = time.monotonic()
    return function(), time.monotonic() - began


def sent(s):
    entry = s.log(last=1)[0]
    return entry["fault"], entry["worked"], entry["status"], entry["sent"]


def test_delay(s):
    s.fault("delay", ms=300)
    answer, seconds = timed(lambda: call(s))
    gives(answer, 200)
    expect(0.3 <= seconds < 2, seconds)
    same(sent(s), ("delay", True, 200, 200), "log")
    answer, seconds = timed(lambda: call(s))
    expect(seconds < 0.25, "only once")


def test_delay_after(s):
    s.fault("delay_after", ms=500)
    fails(lambda: call(s, timeout=0.1), TimeoutError)
    same(resources(s), 1, "the work was done")


def test_a_delayed_call_that_was_given_up_still_works(s):
    s.fault("delay", ms=300)
    fails(lambda: call(s, timeout=0.1), TimeoutError)
    same(resources(s), 0, "not yet")
    wait_until(lambda: resources(s) == 1, "the work")


def test_hang(s):
    s.fault("hang")
    fails(lambda: call(s, timeout=0.2), TimeoutError)
    s.fault("hang_after")
    fails(lambda: call(s, timeout=0.2), TimeoutError)
    same(resources(s), 1, "one of them worked")
    wait_until(lambda: s.state()["inFlight"] == 0, "the end of the connections")


def test_drop(s):
    for number, action in enumerate(("drop", "drop_after")):
        s.fault(action)
        fails(lambda: call(s), http.client.RemoteDisconnected)
        same(resources(s), number, action)
    same(sent(s), ("drop_after", True, 200, None), "log")


def test_reset(s):
    for number, action in enumerate(("reset", "reset_after")):
        s.fault(action)
        fails(lambda: call(s), ConnectionResetError)
        same(resources(s), number, action)


def test_truncate(s):
    s.fault("truncate")
    error = fails(lambda: call(s), http.client.IncompleteRead)
    expect(error.partial and error.expected, "half of it")
    s.fault("truncate", bytes=0)
    fails(lambda: call(s), http.client.IncompleteRead)
    s.fault("truncate_head", bytes=5)
    fails(lambda: call(s), http.client.HTTPException)
    same(resources(s), 3, "the work was done")


def test_garbage(s):
    s.fault("garbage")
    fails(lambda: call(s), http.client.BadStatusLine)
    same(resources(s), 1, "the work was done")


def test_huge(s):
    for more in ({}, {"mib": 3}, {"chunked": True}):
        s.fault("huge", **more)
        answer = gives(call(s), 200)
        same(len(answer.body), more.get("mib", 2) * 1024 * 1024, more)
        expect(set(answer.json) == {"padding"}, "JSON")
    s.fault("huge_head")
    fails(lambda: call(s), http.client.HTTPException)


def test_status(s):
    s.fault("status", status=500)
    gives(call(s), 500)
    same(sent(s), ("status", False, None, 500), "log")
    gives(call(s), 200)  # 500, then fine
    s.fault("status", status=429, headers={"Retry-After": "2"})
    answer = gives(call(s), 429, {"message": "API rate limit exceeded"})
    same(answer.header("Retry-After"), "2", "Retry-After")
    s.fault("status", status=429)
    same(call(s).header("Retry-After"), None, "Retry-After")
    s.fault("status", status=206, body={"code": 65, "reason": "request not completed"})
    gives(call(s), 206, {"code": 65, "reason": "request not completed"})
    s.fault("status", status=502, body="<html>", headers={"Content-Type": "text/html"})
    same(gives(call(s), 502).body, b"<html>", "body")
    same(resources(s), 1, "the work was not done")


def test_status_after(s):
    s.fault("status_after", status=504)
    gives(call(s), 504)
    same(sent(s), ("status_after", True, 200, 504), "log")
    same(resources(s), 1, "the work was done")


def test_a_start_whose_answer_was_lost_is_repeated_safely(s):
    rid, request = acquire(s), client_request()
    s.fault("status_after", match={"path": "/start$"}, status=504)
    s.fault("drop_after", match={"path": "/start$"})
    gives(start(s, rid, request), 504)
    fails(lambda: start(s, rid, request), *GONE)
    same(gives(start(s, rid, request), 201).json["code"], 7, "code")
    same(s.state("recording")["startedPerChannel"], {"lobby": 1}, "started")


def test_request_ids(s):
    given = {"X-Request-ID": "abc"}
    s.fault("rename_request_id")
    answer = call(s, headers=given)
    same(answer.header("X-Custom-Request-ID"), "abc", "renamed")
    same(answer.header("X-Request-ID"), None, "renamed")
    s.fault("omit_request_id")
    same(call(s, headers=given).header("X-Request-ID"), None, "omitted")


def test_slow_loris(s):
    s.config(acquireShape="resourceId")
    s.fault("slow_loris", ms=1)
    answer, seconds = timed(lambda: call(s))
    expect(len(answer.json["resourceId"]) == 256 and seconds > 0.25, seconds)
    s.fault("slow_loris", ms=100)
    fails(lambda: call(s, timeout=0.05), TimeoutError)
    s.fault("slow_loris", ms=1, body_only=True)
    gives(call(s), 200)


def test_not_json_and_empty(s):
    s.fault("not_json")
    answer = gives(call(s), 200)
    same(answer.header("Content-Type"), "text/html", "type")
    fails(lambda: answer.json, ValueError)
    s.fault("not_json", status=503, body="down")
    same(gives(call(s), 503).body, b"down", "body")
    s.fault("empty")
    same(gives(call(s), 200).body, b"", "body")


def test_close_and_chunked(s):
    s.fault("close")
    gives(call(s), 200)
    s.fault("chunked")
    answer = gives(call(s), 200)
    same(answer.header("Transfer-Encoding"), "chunked", "coding")
    same(answer.json["cname"], "lobby", "body")
    parts = urlsplit(s.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    connection.auto_open = True
    headers = {"Authorization": basic(), "Content-Type": "application/json"}
    s.fault("close")
    connection.request("POST", ACQUIRE, json.dumps(GOOD), headers)
    expect(not connection.getresponse().read() == b"", "answered")
    time.sleep(0.05)
    connection.auto_open = False
    fails(lambda: (connection.request("POST", ACQUIRE, json.dumps(GOOD), headers),
                   connection.getresponse()), ConnectionError, http.client.HTTPException)
    connection.close()


def test_work_can_be_overridden(s):
    s.fault("not_json", work=False)
    s.fault("status", work=True, status=500)
    call(s)
    same(resources(s), 0, "not_json without work")
    call(s)
    same(resources(s), 1, "status with work")


def test_matching(s):
    s.fault("status", status=500, match={"method": "GET"})
    s.fault("status", status=501, match={"path": "nowhere"})
    s.fault("status", status=502, match={"host": "h9"})
    s.fault("status", status=503, match={"body": '"uid": "43"'})
    gives(call(s), 200)
    gives(s.call("GET", ACQUIRE), 500)
    gives(s.call("POST", "/nowhere?x"), 501)
    gives(call(s, headers={"Host": "h9"}), 502)
    gives(s.call("POST", ACQUIRE, GOOD | {"uid": "43"}), 503)
    same([f["fired"] for f in s.control("GET", "faults")["faults"]], [1] * 4, "fired")
    s.control("DELETE", "faults")
    same(s.control("GET", "faults")["faults"], [], "cleared")


def test_times_skip_and_order(s):
    s.fault("status", times=2, skip=1, status=500)
    s.fault("status", times=1, status=502)
    same([call(s).status for _ in range(5)], [502, 500, 500, 200, 200], "statuses")
    s.fault("status", times=None, status=500)
    same({call(s).status for _ in range(5)}, {500}, "for ever")


def test_several_at_once_and_for_a_while(s):
    many = [{"action": "status", "status": n} for n in (500, 502, 503)]
    same(len(s.control("POST", "faults", many)["ids"]), 3, "ids")
    same([call(s).status for _ in range(4)], [500, 502, 503, 200], "statuses")
    s.fault("status", times=None, seconds=0.2, status=500)
    gives(call(s), 500)
    time.sleep(0.25)
    gives(call(s), 200)


def test_chance(s):
    def series():
        s.config(seed=7)
        s.fault("status", times=None, probability=0.5, status=500)
        got = [call(s).status for _ in range(40)]
        s.control("DELETE", "faults")
        return got

    first = series()
    expect(5 < first.count(500) < 35, first)
    same(series(), first, "the same seed")


def test_a_temporary_404(s):
    task = Task(s)
    s.fault("status", times=2, match={"path": "/query$"}, status=404,
            body={"code": 404, "reason": "failed to find worker"})
    same([task.query().status for _ in range(3)], [404, 404, 200], "statuses")


def test_faults_come_before_credentials(s):
    s.fault("status", status=503)
    gives(s.call("GET", "/x", headers={"Authorization": None}), 503)


def test_reset_ends_what_waits(s):
    s.fault("delay", times=None, ms=60000)
    errors = []

    def stuck():
        try:
            call(s)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=stuck) for _ in range(20)]
    for thread in threads:
        thread.start()
    wait_until(lambda: s.state()["inFlight"] == 20, "20 calls")
    s.reset()
    for thread in threads:
        thread.join(5)
    same(len(errors), 20, "errors")
    same(resources(s), 0, "no work of before the reset")
    same(s.state()["inFlight"], 0, "in flight")


def test_other_products_meet_them_too(s):
    path = f"/na/v1/projects/{APP_ID}/rtmp-converters"
    converter = {"rawOptions": {"rtcChannel": "c", "rtcStreamUid": 1}, "rtmpUrl": "rtmp://h/k",
                 "name": "n"}
    s.fault("status_after", match={"method": "POST", "path": "rtmp-converters"}, status=504)
    gives(s.call("POST", path, {"converter": converter}), 504)
    gives(s.call("POST", path, {"converter": converter}), 409)
    same(s.state("push")["startedPerName"], {"n": 1}, "started")
