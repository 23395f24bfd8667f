"""What is billed: a thousand starts while everything goes wrong. By the simulator's own count each
was started once at most, and whoever asked for one that runs can find it."""

import collections
import queue
import random
import threading
import time

import rest_kit as rk
from kit import expect, same
from rest_failures import KINDS, PULLED, PUSH, RECORDING, TRANSCRIPTION
from rest_hosts import area

COUNTS = ((RECORDING, 300), (TRANSCRIPTION, 300), (PUSH, 300), (PULLED, 100))
RESPONDERS = 4  # each keeps Agora's limits for itself
CLIENTS = 12  # of each responder
CHANNEL = {RECORDING: "channelName", TRANSCRIPTION: "channelName", PUSH: "rtcChannel", PULLED: "channelName"}
BILLED = {"method": "POST", "path": "(/start|/join|/rtmp-converters|/players)$"}
ACQUIRE = {"method": "POST", "path": "/acquire$"}
FAULTS = (  # action, probability of a billed request, parameters
    ("drop", 0.03, {}),
    ("drop_after", 0.05, {}),
    ("reset", 0.03, {}),
    ("reset_after", 0.04, {}),
    ("status", 0.04, {"status": 500}),
    ("status", 0.02, {"status": 429}),
    ("status_after", 0.05, {"status": 504}),
    ("status_after", 0.03, {"status": 500}),
    ("delay", 0.03, {"ms": 1500}),
    ("delay_after", 0.03, {"ms": 1500}),
    ("truncate", 0.04, {}),
    ("truncate_head", 0.02, {}),
    ("hang_after", 0.01, {}),
    ("garbage", 0.02, {}),
    ("not_json", 0.02, {}),
    ("slow_loris", 0.01, {}),
    # Agora comes back with "later" and does it all the same.
    ("status_after", 0.02, {"status": 206, "body": {"code": 65, "reason": "request not completed"},
                            "match": {"method": "POST", "path": "/start$"}}),
)


class Start:
    def __init__(self, number, kind):
        self.kind, self.channel, self.answer, self.refused = kind, f"start{number}", None, 0

    def run(self, site):
        body = self.kind.body | {CHANNEL[self.kind]: self.channel}
        while True:
            self.answer = site.ask("POST", self.kind.target, body, patient=False)
            if self.answer.status != 429 or self.answer.json()["code"] != "rate_limited":
                return
            self.refused += 1
            time.sleep(0.2)  # as it is told


def things_at_agora(sim):
    """{channel: [what Agora calls it]} of each kind; every one was started, once or more."""
    found = {}
    for kind, name, channel, identity in (
        (RECORDING, "tasks", "cname", "sid"), (TRANSCRIPTION, "agents", "channel", "agent_id"),
        (PUSH, "things", "channel", "id"), (PULLED, "things", "channel", "id"),
    ):
        things = collections.defaultdict(list)
        for thing in sim.state(kind.product)[name]:
            things[thing[channel]] += [thing | {"is": thing[identity]}] * thing["starts"]
        found[kind] = things
    return found


def verdict(start, things):
    """What became of one: a word for the figures, or AssertionError."""
    runs = things[start.kind].get(start.channel, [])
    body = start.answer.json()
    expect(len(runs) <= 1, f"{start.channel} was started {len(runs)} times: {body}")
    if start.answer.status == 200:
        expect(len(runs) == 1, f"{start.channel} does not run: {body}")
        same(start.kind.id_of(body), runs[0]["is"], f"id of {start.channel}")
        return "answered with its ids"
    if body["code"] == "unknown_outcome":
        expect(set(start.kind.known) <= set(body["known"]), f"not enough is known: {body}")
        if runs:
            name = body["known"].get("resourceId") or next(iter(body["known"].values()))
            expect(name in (runs[0].get("resourceId"), runs[0].get("name")), f"{body} {runs}")
            return "unknown, and runs"
        return "unknown, and does not run"
    same(runs, [], f"{start.channel} runs, and its client was told that it does not: {body}")
    return f"failed: {body['code']}"


def test_a_thousand_starts(w):
    began = time.monotonic()
    sim = rk.Simulator(w.run, hosts=4, tls=True, config={"seed": 4711})
    sites = [rk.Site(w.run, w.build, area(sim, TRY_TIMEOUT="1", CALL_TIMEOUT="6"))
             for _ in range(RESPONDERS)]
    kinds = [kind for kind, count in COUNTS for _ in range(count)]
    random.Random(4).shuffle(kinds)
    starts = [Start(n, kind) for n, kind in enumerate(kinds)]
    work = queue.SimpleQueue()
    for start in starts:
        work.put(start)
    for action, probability, more in FAULTS:
        more = dict(more)
        sim.fault(action, times=None, match=more.pop("match", BILLED), probability=probability, **more)
    sim.fault("drop", times=None, match=ACQUIRE, probability=0.05)
    sim.fault("status", times=None, match=ACQUIRE, probability=0.05, status=503)
    broken = []

    def client(site):
        while True:
            try:
                start = work.get_nowait()
            except queue.Empty:
                return
            try:
                start.run(site)
            except Exception as error:
                broken.append(f"{start.channel}: {error!r}")

    threads = [threading.Thread(target=client, args=(site,)) for site in sites for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    # In the middle of it a host dies, and later nearly no answer comes back for a while.
    while work.qsize() > 600:
        time.sleep(0.05)
    sim.set_host("h0", state="down")
    while work.qsize() > 400:
        time.sleep(0.05)
    sim.set_host("h0", state="up")
    sim.fault("drop_after", times=None, match=BILLED, probability=0.9, seconds=5)
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    expect(not broken, broken[:3])

    things = things_at_agora(sim)
    outcomes, wrong = collections.Counter(), []
    for start in starts:
        try:
            outcomes[verdict(start, things)] += 1
        except AssertionError as error:
            wrong.append(str(error)[:500])
    fired = sum(count for number, count in sim.fired().items())
    running = sum(len(t) for kind in KINDS for t in things[kind].values())
    told = ", ".join(f"{count} {what}" for what, count in sorted(outcomes.items()))
    print(f"     {len(starts)} starts in {took:.0f} s, {fired} faults, {sum(s.refused for s in starts)} "
          f"times told to come again; {running} started; {told}", flush=True)
    expect(not wrong, f"{len(wrong)} wrong:\n  " + "\n  ".join(wrong[:10]))
    same(sum(outcomes.values()), len(starts), "starts accounted for")
    same(outcomes["answered with its ids"] + outcomes["unknown, and runs"], running, "what runs")
    expect(fired > 300, f"only {fired} faults")
    same(sim.violations()[:3], [], "violations")
    for site in sites:
        site.stop()
