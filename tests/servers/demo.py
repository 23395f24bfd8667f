"""nginx/serve --demo with what the middleware's clients send it."""

import json
import os
import re
from urllib.parse import urlsplit

import kit
import rest_kit as rk
import rest_load
from kit import TOP, expect, same
from one_command import Serve, port_line, program
from rest_routes import COLLECTION, filled
from sites import read


class Demo:
    def __init__(self, run):
        self.serve = Serve(run, "--demo", *port_line())
        self.port = self.serve.ready()
        responder = next(c for c in self.serve.children if program(c) == "agora-fcgi")
        variables = read(f"/proc/{responder}/environ").split("\0")
        self.env = dict(v.split("=", 1) for v in variables if "=" in v)
        self.sim = rk.Control(urlsplit(self.env["AGORA_BASE_URL"]).port)

    def running(self):
        state = self.sim.control("GET", "state")
        return {p: state[p]["running"] for p in ("recording", "speech", "push", "pull")}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        said = self.serve.out() + self.serve.err()
        self.serve.stop()
        for secret in ("APP_CERTIFICATE", "CUSTOMER_SECRET", "STORAGE_BUCKET_SECRET_KEY"):
            expect(self.env[secret] not in said, f"{secret} is shown")


def holds(got, wanted, where):
    """Objects of wanted may be parts of what was got."""
    if not isinstance(wanted, dict):
        same(got, wanted, where)
        return
    for name, value in wanted.items():
        expect(isinstance(got, dict) and name in got, f"{where} has no {name}: {got}")
        holds(got[name], value, f"{where}.{name}")


def send(demo, call, ids, slash):
    path, question, query = filled(call.target, ids).partition("?")
    headers = [("Content-Type", "application/json"), ("Origin", "https://app.example")]
    if path.startswith("/rtmp/"):
        headers.append(("X-Request-ID", f"collection-{len(ids)}"))
    body = b"" if call.body is None else json.dumps(filled(call.body, ids)).encode()
    answer = kit.http(demo.port, call.method, path + slash + question + query, headers, body)
    expect(200 <= answer.status < 300, f"{call.method} {path}: {answer.status} {answer.body}")
    same(answer.header("Access-Control-Allow-Origin"), "https://app.example", "allowed origin")
    return answer.json()


def test_the_middlewares_collection(run):
    """In its order; once as it is, once with a slash at the end of each path."""
    with Demo(run.run) as demo:
        for slash in ("", "/"):
            ids = {"appId": demo.env["APP_ID"]}
            for call in COLLECTION:
                what = f"{call.method} {call.target}"
                mark = demo.sim.newest()
                answer = send(demo, call, ids, slash)
                same(sorted(answer), sorted(call.members), f"members of {what}")
                if "timestamp" in answer:
                    expect(rk.TIMESTAMP.fullmatch(answer["timestamp"]), f"timestamp of {what}")
                for name, way in call.keep.items():
                    ids[name] = answer
                    for member in way:
                        ids[name] = ids[name][member]
                entries = demo.sim.since(mark)
                same([(e["method"], e["target"]) for e in entries],
                     [(method, filled(target, ids)) for method, target, _ in call.arrived],
                     f"what {what} asked of Agora")
                for entry, (_, _, body) in zip(entries, call.arrived):
                    same(entry["status"], 200, "Agora's answer")
                    same(entry["violations"], [], f"violations of {what}")
                    holds(entry["json"], filled(body, ids), f"body of {entry['target']}")
            same(set(demo.running().values()), {0}, "what is left running")
        state = demo.sim.control("GET", "state")
        for product in demo.running():
            same(state[product]["started"], 2, f"{product}: started")


# What many calls over TLS leave behind, in the program that the demo has built: a sanitizer's memory
# is its own.

RELEASE = os.path.join(TOP, "build", "release")
CALLS = 150


def anonymous(site):
    """KiB of the worker's own."""
    worker = read(f"/proc/{site.responder.pid}/task/{site.responder.pid}/children").split()[0]
    return int(re.search(r"RssAnon:\s+(\d+)", read(f"/proc/{worker}/status"))[1])


def test_memory_of_many_calls_is_given_back(run):
    sim = rk.Simulator(run.run, tls=True)
    settings = rk.settings_for(sim) | {"AGORA_CA_FILE": sim.ca_file} | rest_load.PATIENT
    site = rk.Site(run.run, RELEASE, settings)
    before = anonymous(site)
    sim.fault("hang", times=None, match={"method": "GET"})
    stuck = rest_load.Stuck(site.socket, CALLS, lambda: None)
    kit.wait_until(lambda: stuck.ask_again() or rest_load.in_flight(sim) >= CALLS, "the calls")
    during = anonymous(site)
    stuck.close()
    rest_load.given_up(sim)
    most = before + (during - before) / 2
    kit.wait_until(lambda: anonymous(site) < most, f"memory below {most} KiB, where it was {during}")
    print(f"     {before} KiB before, {during} with {CALLS} calls, {anonymous(site)} after", flush=True)
    sim.no_faults()
    rk.succeeds(site.get("/rtt/list"))
    site.stop()
