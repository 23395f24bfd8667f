"""What requests and answers cost in memory: each of the worst kinds, and many that wait at once."""

import json
import os
import re
import time

import engine_client as fc
import kit
import rest_kit as rk
from kit import TOP, expect, same, wait_until
from rest_kit import fails
from rest_load import PATIENT, given_up, in_flight
from sites import read

# A sanitizer's memory is its own, so this is the program that nginx/serve has built.
RELEASE = os.path.join(TOP, "build", "release")
MAX_BODY, MAX_VALUES = 65536, 4096
WAITING = 500
MIB = 1024  # in KiB
JOB = {"cname": "c", "uid": "1", "resourceId": "r", "sid": "s"}
PUSH = {"rtcChannel": "class-1", "streamUrl": "rtmp://a/b", "streamKey": rk.STREAM_KEY, "region": "na",
        "useTranscoding": True}
PULL = {"channelName": "class-1", "streamUrl": "rtmp://a/" + rk.STREAM_KEY, "region": "na"}
SPEECH = {"channelName": "class-1", "languages": ["en-US"]}

# Where Agora's own JSON is taken: the route, the rest of the body, and the member; a list where Agora
# has one.
OWNED = (
    ("/cloud_recording/start", {"channelName": "class-1"}, "recordingConfig", dict),
    ("/cloud_recording/start", {"channelName": "class-1"}, "recordingFileConfig", dict),
    ("/cloud_recording/start", {"channelName": "class-1"}, "excludeResourceIds", list),
    ("/cloud_recording/start", {"channelName": "class-1", "recordingMode": "individual"},
     "snapshotConfig", dict),
    ("/cloud_recording/start", {"channelName": "class-1", "recordingMode": "web"},
     "extensionServiceConfig", dict),
    ("/cloud_recording/update/subscriber-list", JOB, "recordingConfig", "streamSubscribe"),
    ("/cloud_recording/update/layout", JOB, "recordingConfig", dict),
    ("/rtt/start", SPEECH, "translateConfig", dict),
    ("/rtt/start", SPEECH, "keywords", list),
    ("/rtt/start", SPEECH, "uidLanguagesConfig", list),
    ("/rtt/update/t", {}, "rtcConfig", dict),
    ("/rtt/update/t", {}, "translateConfig", dict),
    ("/rtt/update/t", {}, "languages", list),
    ("/rtmp/push/start", PUSH, "audioOptions", dict),
    ("/rtmp/push/start", PUSH, "videoOptions", dict),
    ("/rtmp/push/update", {"converterId": "c", "region": "na"}, "videoOptions", dict),
    ("/rtmp/pull/start", PULL, "audioOptions", dict),
    ("/rtmp/pull/start", PULL, "dataStreamOptions", dict),
    ("/rtmp/pull/update", {"playerId": "p", "region": "na"}, "audioOptions", dict),
)
# And what is only read.
READ = (
    ("/getToken", {"tokenType": "rtm", "uid": "u"}, "x", dict),
    ("/getToken", {"tokenType": "rtm2", "uid": "u"}, "permissions", list),
    ("/token/inspect", {"token": "t"}, "expect", dict),
    ("/rtmp/push/stop", {"converterId": "c", "region": "na"}, "x", list),
)


def many(text, count, join=","):
    return join.join([text] * count)


def deep(count):
    return "[" * count + "]" * count


# name: one more value's text, and how many values and names that is. Within a list, but for the names.
KINDS = {
    "objects": ("{}", 1),
    "lists": ("[]", 1),
    "objects with a member": ('{"":{}}', 3),
    "nested": (deep(8), 8),
    "numbers": ("0", 1),
    "long numbers": ("-1.000000001e-9", 1),
    "texts": ('""', 1),
    "escapes": (r'"\u00e9\u0001"', 1),
}
NAMES = {
    "short names": lambda n: f'"{n:x}":0',
    "names with escapes": lambda n: f'"\\u00e9{n:x}":0',
    "equal names": lambda n: '"a":0',
}


def document(rest, member, shape, inner):
    """The body whose member holds this text, one of a list's items or members."""
    before = json.dumps(rest, separators=(",", ":"))[1:-1]
    inner = f"[{inner}]" if shape is list else f'{{"x":{inner}}}'
    if isinstance(shape, str):
        inner = f'{{"{shape}":{inner}}}'
    return ("{" + before + ("," if before else "") + f'"{member}":{inner}}}').encode()


def values(text):
    """Values and names of a JSON text, those of equal names too."""
    def pairs(items):
        return 1 + sum(1 + count(v) for _, v in items)

    def count(value):
        if isinstance(value, int) and not isinstance(value, bool) and value < 0:
            return -value
        return 1 + sum(map(count, value)) if isinstance(value, list) else 1

    # An object becomes minus its count, so that it is told from a number.
    return count(json.loads(text, object_pairs_hook=lambda items: -pairs(items),
                            parse_int=lambda _: 0, parse_float=lambda _: 0.0))


def bodies(rest, member, shape, most):
    """Bodies of each kind that hold at most so many values and names, and fit in MAX_BODY."""
    own = values(document(rest, member, shape, "[]"))
    for name, (item, each) in KINDS.items():
        count = min((most - own) // each, (MAX_BODY - 1000) // (len(item) + 1))
        yield name, document(rest, member, shape, f"[{many(item, count)}]")
    for name, make in NAMES.items():
        count = min((most - own) // 2, (MAX_BODY - 1000) // (len(make(9999)) + 1))
        yield name, document(rest, member, shape, "{" + ",".join(map(make, range(count))) + "}")


def padded(body):
    """As large as a body may be: what is added is a text within the last object."""
    room = MAX_BODY - len(body) - len(b',"pad":""')
    return body[:-2] + b',"pad":"' + b"p" * room + b'"}}'


def test_every_body_is_bounded(w):
    """By its values, on every route and whatever they are; one that holds as many as it may is read."""
    for target, rest, member, shape in OWNED + READ:
        for name, body in bodies(rest, member, shape, 3 * MAX_VALUES):
            if values(body) <= MAX_VALUES:
                continue
            answer = w.site.ask("POST", target, body)
            fails(answer, 400, "too_many_values", says="4096 values and names")
    for target, rest, member, shape in READ:
        for name, body in bodies(rest, member, shape, MAX_VALUES):
            answer = w.site.ask("POST", target, body)
            expect(answer.status < 500 and answer.json().get("code") != "too_many_values",
                   f"{target} {name}: {answer.body[:300]}")
    mark = w.sim.newest()
    query = "&".join(f"a{n}" for n in range(MAX_VALUES))
    for target in ("/rtmp/push/list", "/rtt/list", "/cloud_recording/status", "/rtm/u", "/readyz"):
        # nginx takes no line so long.
        answer = fc.ask(w.site.socket, fc.get(f"{target}?{query}"))
        same((answer.status, answer.json()["code"]), (400, "too_many_values"), target)
    same(w.sim.since(mark), [], "what was asked of Agora")


def test_a_body_of_as_many_values_as_may_be(w):
    """It reaches Agora whole."""
    items = [[], {}, "é\x01", -1.5, {"a": {}}]
    x = items * 450
    w.sim.fault("status", status=409)  # before Agora's own rules
    fails(w.site.post("/rtmp/push/start", PUSH | {"videoOptions": {"x": x}}), 409, "upstream_refused")
    sent = w.sim.since(0, last=1)[0]["json"]["converter"]
    same(sent["transcodeOptions"]["videoOptions"], {"x": x}, "videoOptions")
    site = rk.Site(w.run, w.build, rk.settings_for(w.sim) | {"MAX_VALUES": "100"})
    fails(site.post("/rtmp/push/start", PUSH | {"videoOptions": {"x": x}}), 400, "too_many_values",
          says="more than 100 values")
    w.sim.fault("status", status=409)
    fails(site.post("/rtmp/push/start", PUSH | {"videoOptions": {"x": [0] * 70}}), 409,
          "upstream_refused")
    site.stop()


# Memory


def worker_of(site):
    return read(f"/proc/{site.responder.pid}/task/{site.responder.pid}/children").split()[0]


def anonymous(site):
    """KiB of the worker's own."""
    return int(re.search(r"RssAnon:\s+(\d+)", read(f"/proc/{worker_of(site)}/status"))[1])


def most(site):
    """KiB that it ever had, with the program's own pages."""
    return int(re.search(r"VmHWM:\s+(\d+)", read(f"/proc/{worker_of(site)}/status"))[1])


def metric(site, name):
    text = site.send("GET", "/metrics").body.decode()
    return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1])


def test_what_one_body_takes(run):
    """While it is read, each kind on each route: what is taken then is given back."""
    sim = rk.Simulator(run.run)
    site = rk.Site(run.run, RELEASE, rk.settings_for(sim))
    sim.fault("status", times=None, status=400)
    site.get("/ping")
    before, began = anonymous(site), most(site)
    with fc.Client(site.socket) as client:
        for target, rest, member, shape in OWNED + READ:
            for _, body in bodies(rest, member, shape, MAX_VALUES):
                client.ask(fc.post(body, REQUEST_URI=target))
    peak, left = most(site) - began, anonymous(site) - before
    print(f"     {peak} KiB more while a body is read, {left} KiB more afterwards", flush=True)
    expect(peak < 8 * MIB, f"reading a body takes {peak} KiB")
    site.stop()


RATES = {"push": 40, "recording": 8, "rtt": 8}  # a second, below Agora's limits


def starts():
    """So many starts of all kinds in the products' turns, each as large as it may be."""
    routes = {"push": ("/rtmp/push/start", PUSH, "videoOptions", dict),
              "recording": ("/cloud_recording/start", {"channelName": "class-1"}, "recordingConfig", dict),
              "rtt": ("/rtt/start", SPEECH, "translateConfig", dict)}
    turns = [name for name, rate in RATES.items() for _ in range(rate // 8)]
    kinds = {name: [padded(body) for _, body in bodies(*route[1:], MAX_VALUES - 2)]
             for name, route in routes.items()}
    for number in range(10 * WAITING):
        name = turns[number % len(turns)]
        yield fc.post(kinds[name][number // len(turns) % len(kinds[name])],
                      REQUEST_URI=routes[name][0])


def wait_with(site, sim, count):
    """Clients whose starts hang at Agora."""
    clients, begun = [], time.monotonic()
    for number, request in zip(range(count), starts()):
        client = fc.Client(site.socket)
        clients.append((client, request))
        client.send(request)
        while time.monotonic() < begun + number / sum(RATES.values()):
            time.sleep(0.002)  # Agora's limit

    refused = []

    def again():
        for client, request in clients:
            expect(client.is_open(), "a connection was closed")
            while client.answers:
                answer = client.answers.pop()
                if answer.status == 503 and answer.json()["code"] == "overloaded":
                    refused.append(client)
                    continue
                same(answer.status, 429, f"status of a start that hangs ({answer.body[:200]})")
                client.send(request)
        return in_flight(sim) + len(refused) >= count

    wait_until(again, f"{count} starts to wait at Agora or to be refused", 60)
    return [client for client, _ in clients], len(refused)


def check_500(run, tls):
    sim = rk.Simulator(run.run, tls=tls)
    more = {"AGORA_CA_FILE": sim.ca_file} if tls else {}
    site = rk.Site(run.run, RELEASE, rk.settings_for(sim) | more | PATIENT | {"DRAIN_TIMEOUT": "1"})
    sim.fault("hang", times=None, match={"method": "POST"})
    before = anonymous(site)
    clients, refused = wait_with(site, sim, WAITING)
    wait_until(lambda: metric(site, "agora_waiting_requests") == WAITING - refused, "the count of a second")
    during, peak, counted = anonymous(site), most(site), metric(site, "agora_waiting_bytes")
    print(f"     {WAITING - refused} starts that wait{' over TLS' if tls else ''}: {before} KiB before, {during} with "
          f"them, {peak} at most, {counted / 1024:.0f} KiB counted", flush=True)
    for client in clients:
        client.close()
    sim.no_faults()
    site.stop()
    expect(during < 64 * MIB and peak < 72 * MIB, f"{during} KiB, {peak} at most")
    expect(during - 8 * MIB < counted / 1024 < during + 8 * MIB,
           f"{counted / 1024} KiB are counted where {during} are held")
    return refused


def test_500_starts_that_wait(run):
    same(check_500(run, False), 0, "starts that were refused")


def test_500_starts_that_wait_over_tls(run):
    """Each over a connection of its own, which counts as well: what has no room beside them is refused."""
    refused = check_500(run, True)
    expect(0 < refused < WAITING // 3, f"{refused} of {WAITING} are refused")


def test_waiting_bytes_are_all_there_is(run):
    """Starts beyond them get 503 at once, stops have a part of their own, and tokens do not wait."""
    sim = rk.Simulator(run.run)
    site = rk.Site(run.run, run.build, rk.settings_for(sim) | PATIENT |
                   {"WAITING_BYTES": "1M", "DRAIN_TIMEOUT": "1"})
    sim.fault("hang", times=None, match={"method": "POST"})
    start = fc.post(padded(document(PUSH, "videoOptions", dict, "[]")), REQUEST_URI="/rtmp/push/start")
    clients = []
    while len(clients) < 100 and not (clients and clients[-1].answers):
        client = fc.Client(site.socket)
        clients.append(client)
        client.send(start)
        wait_until(lambda: clients[-1].is_open() and (
            clients[-1].answers or in_flight(sim) == len(clients)), "a start to wait or to be refused")
    answer = clients[-1].answers.pop()
    same((answer.status, answer.json()["code"], answer.header("Retry-After")), (503, "overloaded", "1"),
         "a start beyond them")
    expect(5 < len(clients) < 20, f"{len(clients) - 1} starts of 64 KiB in 1 MiB")
    for _ in range(3):
        fails(site.post("/rtmp/push/stop", {"converterId": "c", "region": "na"}), 404, "upstream_refused")
    same(site.post("/getToken", {"tokenType": "rtm", "uid": "u"}).status, 200, "a token meanwhile")
    wait_until(lambda: "WAITING_BYTES" in site.responder_log(), "what is said of it")
    for client in clients:
        client.close()
    sim.no_faults()
    site.stop()
