#!/usr/bin/env python3
"""System calls and allocations of the worker fail, one at a time and at random, while a few clients
ask through nginx: tests/servers/faults.py [--all] [--only TEXT] [--seed N] [--verbose]

Whatever fails, no answer is a wrong one, none is missing, nothing leaks, and what was started at
Agora is known.  --all: each of the first calls fails in each way, and so does each allocation.
"""

import argparse
import errno
import itertools
import json
import mmap
import os
import random
import re
import secrets
import signal
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import engine_responder
import kit
import rest_kit as rk
import sites
import tokens
from kit import TOP, expect, same, wait_until
from rest_failures import KINDS, PULLED

SHORT = -1
ERRORS = {  # a row each, in the order of tests/servers/faults.c
    "recv": ("EINTR", "EAGAIN", "ECONNRESET", "ENOMEM", "SHORT"),
    "send": ("EINTR", "EAGAIN", "ECONNRESET", "ENOBUFS", "SHORT"),
    "accept4": ("EINTR", "EAGAIN", "ECONNABORTED", "EMFILE", "ENOMEM"),
    "epoll_wait": ("EINTR",),
    "epoll_ctl": ("ENOMEM", "ENOSPC"),
    "socket": ("EMFILE", "ENOMEM"),
    "connect": ("EINTR", "ECONNREFUSED", "ENETUNREACH"),
    "write": ("EINTR", "EAGAIN", "ENOSPC", "EIO", "SHORT"),
    "fsync": ("EIO",),
    "malloc": ("ENOMEM",),
}
ROW = struct.Struct("qIiqq")  # left, chance, error, calls, failed
PATIENCE = 25  # seconds for an answer; calls to Agora have 4, and the machine may be busy
KINDS_ASKED = [kind for kind in KINDS if kind is not PULLED]  # two starts a second are no load
CHANNEL = {"recording": "channelName", "transcription": "channelName", "push": "rtcChannel"}


class Faults:
    """The memory that is shared with the workers."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "faults")
        with open(self.path, "wb") as file:
            file.write(bytes(ROW.size * len(ERRORS)))
        with open(self.path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)

    def at(self, call):
        return ROW.size * list(ERRORS).index(call)

    def set(self, call, error="", left=0, chance=0):
        number = SHORT if error == "SHORT" else getattr(errno, error) if error else 0
        # Last what lets it fail.
        struct.pack_into("Ii", self.memory, self.at(call) + 8, 0, number)
        struct.pack_into("q", self.memory, self.at(call), left)
        struct.pack_into("I", self.memory, self.at(call) + 8, chance)

    def get(self, call):
        """How often it was called, and how often it failed."""
        return ROW.unpack_from(self.memory, self.at(call))[3:]

    def clear(self):
        for call in ERRORS:
            self.set(call)


class Site(rk.Site):
    """nginx, and a responder whose calls may fail."""

    def __init__(self, run, build, library, sim, more=None):
        self.library, self.directory_of_faults = library, run.directory()
        self.faults = Faults(self.directory_of_faults)
        self.audit = os.path.join(self.directory_of_faults, "audit.log")
        settings = rk.settings_for(sim) | rk.IMPATIENT | {"AUDIT_FILE": self.audit} | (more or {})
        super().__init__(run, build, settings, kind="unset")

    def start_responder(self, **_):
        env = sites.environment(self.settings) | {
            "LD_PRELOAD": self.library, "FAULTS": self.faults.path, "FAULTS_SEED": str(SEED)}
        self.mark = len(sites.read(self.log_path)) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            return self.run.start([sites.responder_path(self.build), "--socket", self.socket], log,
                                  env)

    def serves(self):
        return " serves" in sites.read(self.log_path)[self.mark:]

    def worker(self):
        found = [pid for pid, state in engine_responder.children(self.responder.pid).items()
                 if state != "Z"]
        return found[0] if found else None

    def end_responder(self, number=signal.SIGTERM):
        if self.responder.poll() is None:
            self.responder.send_signal(number)
        self.responder.wait(kit.DEADLINE)

    def restart(self, fails_at=0):
        """Anew; the worker's allocation of that number fails."""
        self.end_responder(signal.SIGKILL)
        kit.signal_group(self.responder, signal.SIGKILL)
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        self.faults.set("malloc", "ENOMEM", fails_at)
        self.responder = self.start_responder()

    def ask_once(self, method, target, body=None):
        """The answer with its request's id, or the reason why none came."""
        request_id = secrets.token_hex(8)
        data = b"" if body is None else json.dumps(body).encode()
        headers = [("X-Request-ID", request_id)]
        began = time.monotonic()
        try:
            answer = kit.exchange(self.port, self.request(method, target, headers, data),
                                  timeout=PATIENCE)
        except TimeoutError:
            said = sites.read(self.log_path)[self.mark:]
            raise AssertionError(f"{method} {target} {request_id}: no answer; {said[-1500:]}") from None
        answer.request_id = request_id
        expect(time.monotonic() - began < PATIENCE, f"{method} {target} took too long")
        return answer


class Load:
    """A few requests, and what is known of them."""

    def __init__(self, site, sim, build):
        self.site, self.sim, self.build = site, sim, build
        self.count, self.statuses, self.starts = itertools.count(1), {}, []
        self.run_id = secrets.token_hex(4)

    def judge(self, answer, what):
        """200, or an error of ours or of nginx's that says it is not the client's fault."""
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        body = answer.json()
        expect(isinstance(body, dict), f"{what}: {body}")
        if answer.status == 200:
            return body
        expect(answer.status >= 500 or body["code"] == "rate_limited",
               f"{what}: {answer.status} {body}")
        expect({"error", "code", "status", "requestId"} <= set(body), f"{what}: {body}")
        same(body["status"], answer.status, f"{what}: status in {body}")
        return None

    def ping(self):
        body = self.judge(self.site.ask_once("GET", "/ping"), "/ping")
        expect(body is None or body.get("message") == "pong", f"/ping: {body}")

    def token(self):
        number = next(self.count)
        channel, uid = f"room-{self.run_id}-{'x' * (number % 30)}{number}", str(1000 + number)
        body = self.judge(self.site.ask_once("POST", "/getToken", {
            "tokenType": "rtc", "channel": channel, "uid": uid, "role": "publisher",
            "expire": 1800}), "/getToken")
        if body is not None:
            tokens.check(self.build, body["token"], tokens.rtc(channel, uid, tokens.PUBLISHER, 1800),
                         1800)

    def start(self, kind):
        channel = f"start-{self.run_id}-{next(self.count)}"
        answer = self.site.ask_once("POST", kind.target, kind.body | {CHANNEL[kind.name]: channel})
        body = self.judge(answer, kind.target)
        self.starts.append((kind, channel, answer, body))
        if body is None or kind.name != "push":
            return
        body = self.judge(self.site.ask_once("GET", "/rtmp/push/status/" + kind.id_of(body) + "?region=na"),
                          "status")
        expect(body is None or channel in json.dumps(body), f"status: {body}")

    def round(self, number=0):
        self.ping()
        self.token()
        self.start(KINDS_ASKED[number % len(KINDS_ASKED)])
        self.token()

    def account(self):
        """Each thing that runs at Agora is in an answer, or its request is in a record or a line."""
        written = sites.read(self.site.log_path) + sites.read(self.site.audit)
        things = {kind: json.dumps(self.sim.state(kind.product)) for kind in KINDS_ASKED}
        for kind, channel, answer, body in self.starts:
            runs = things[kind].count(json.dumps(channel)) > 0
            if body is not None:
                expect(runs, f"{channel} was said to run, and does not: {body}")
                expect(kind.id_of(body) in things[kind], f"{kind.id_of(body)} is not Agora's")
            elif runs and answer.json()["code"] != "unknown_outcome":
                expect(answer.request_id in written,
                       f"{channel} runs, and nothing says so: {answer.status} {answer.body}")
        self.starts.clear()


def back_at_rest(load):
    """Without faults all is as before."""
    load.site.faults.clear()
    wait_until(load.site.worker, "a worker")
    for attempt in range(200):
        answer = load.site.ask_once("GET", "/ping")
        if answer.status == 200:
            break
        time.sleep(0.05)
    same(answer.status, 200, "status once nothing fails")


def descriptors(site):
    return len(os.listdir(f"/proc/{site.worker()}/fd"))


def call_fails(load, call, numbers):
    site, rounds = load.site, itertools.count()
    back_at_rest(load)
    load.round()
    pid, before = site.worker(), descriptors(site)
    rss = engine_responder.rss(pid)
    fired = site.faults.get(call)[1]
    for error in ERRORS[call]:
        for left in numbers:
            site.faults.set(call, error, left)
            load.round(next(rounds))
    site.faults.clear()
    fired = site.faults.get(call)[1] - fired
    expect(fired > 0 or site.faults.get(call)[0] == 0, "none of them failed")
    back_at_rest(load)
    load.account()
    same(site.worker(), pid, "the worker, which no error of a call ends")
    # What nginx and the client for Agora keep comes and goes.
    wait_until(lambda: descriptors(site) <= before + 24, "descriptors to be closed")
    expect(engine_responder.rss(pid) < rss + 8192, f"RSS {rss} to {engine_responder.rss(pid)} KiB")
    return fired


def calls_fail_at_random(load, chance, rounds):
    """All kinds at once but malloc."""
    back_at_rest(load)
    for call in ERRORS:
        if call != "malloc":
            load.site.faults.set(call, chance=chance)
    pid = load.site.worker()
    for number in range(rounds):
        load.round(number)
    back_at_rest(load)
    load.account()
    same(load.site.worker(), pid, "the worker, which no error of a call ends")


def signals_under_load(load, seconds):
    """What is stopped and goes on finds its calls interrupted."""
    back_at_rest(load)
    pid, end, number = load.site.worker(), time.monotonic() + seconds, 0
    # The master's reloads and dead children are tested elsewhere; this is the worker's loop.
    nudge = subprocess.Popen(["sh", "-c", f"while kill -STOP {pid} && sleep 0.003 && kill -CONT {pid}; "
                              "do sleep 0.007; done"], stderr=subprocess.DEVNULL)
    try:
        while time.monotonic() < end:
            load.round(number)
            number += 1
    finally:
        nudge.kill()
        nudge.wait()
        os.kill(pid, signal.SIGCONT)
    back_at_rest(load)
    load.account()
    same(load.site.worker(), pid, "the worker, which goes on")


def look_at_ends(site, what):
    """A worker that has no memory aborts; it does not crash."""
    said = sites.read(site.log_path)[site.mark:]
    ends = re.findall(r"was killed by signal (\d+)", said)
    expect(set(ends) <= {"6"}, f"{what}: {said[-1500:]}")
    return len(ends)


def allocations_at_start(site, numbers):
    """The worker's first allocations fail; it starts again, or the responder ends and says why."""
    aborted, ended, failed = 0, 0, site.faults.get("malloc")[1]
    for left in numbers:
        site.restart(left)
        wait_until(lambda: site.serves() or site.responder.poll() is not None, "the start")
        aborted += look_at_ends(site, f"allocation {left} of the start")
        if site.responder.poll() is not None:
            ended += 1
            expect(site.responder.returncode in (70, 71, 78), f"{site.responder.returncode}")
            expect("error" in sites.read(site.log_path)[site.mark:], "no reason in the log")
    # The last ones may be of what comes after the start.
    failed = site.faults.get("malloc")[1] - failed
    expect(failed > len(numbers) * 0.8, f"{failed} of {len(numbers)} failed")
    return f"{failed} failed: {aborted} aborts, {ended} ends"


def allocations_of_start(site):
    before = site.faults.get("malloc")[0]
    site.restart()
    wait_until(site.serves, "the start")
    count = site.faults.get("malloc")[0] - before
    expect(count > 100, f"{count} allocations of a start")
    return count


def allocations_of_requests(load, numbers):
    aborted = 0
    site = load.site
    for number, left in enumerate(numbers):
        site.restart()
        wait_until(site.serves, "the start")
        site.faults.set("malloc", "ENOMEM", left)
        try:
            load.round(number)
        except AssertionError as error:
            raise AssertionError(f"allocation {left}, round {number}: {error}") from error
        back_at_rest(load)
        aborted += look_at_ends(site, f"allocation {left}")
        load.account()
    return f"{aborted} aborts of {len(numbers)}"


def build_all():
    """Without sanitizers, and with the library that is preloaded."""
    release = sites.release()
    done = subprocess.run([os.path.join(TOP, "build-aux", "build"), "--make",
                           "tests/servers/libfaults.la", release],
                          capture_output=True, text=True, check=False)
    same(done.returncode, 0, f"status of the build ({done.stderr[-2000:]})")
    return release, os.path.join(release, "tests", "servers", ".libs", "libfaults.so")


def main():
    global SEED
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="all that can fail, for minutes")
    parser.add_argument("--only", default="", help="run the cases whose name holds this")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 16))
    parser.add_argument("--verbose", action="store_true", help="name the cases that pass too")
    options = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    SEED = options.seed
    random.seed(SEED)
    suite, run = kit.Suite(options.only, options.verbose), kit.Run()
    release, library = build_all()
    try:
        sim = rk.Simulator(run)
        site = Site(run, release, library, sim)
        load = Load(site, sim, release)

        def told(name, test, *args):
            def test_and_tell():
                result = test(*args)
                if options.verbose and result is not None:
                    print(f"     {name}: {result}", flush=True)
            suite.run(name, test_and_tell)

        for call in ERRORS:
            if call != "malloc":
                told(f"{call} fails", call_fails, load, call,
                     range(1, 25) if options.all else range(1, 4))
        for chance in (200, 1500) if options.all else (1000,):
            told(f"calls fail at random, {chance} of 65536", calls_fail_at_random, load, chance,
                 400 if options.all else 15)
        told("stopped and continued", signals_under_load, load, 60 if options.all else 4)
        count = allocations_of_start(site)
        told("allocations of a start fail", allocations_at_start, site,
             range(1, count + 1) if options.all else sorted(random.sample(range(1, count + 1), 20)))
        told("allocations of requests fail", allocations_of_requests, load,
             range(1, 1500) if options.all else sorted(random.sample(range(1, 900), 20)))
        suite.run("logs: no secret is in them", run.look_for_secrets)
    finally:
        run.clean_up()
    if suite.failed:
        print(f"seed {SEED}")
    print(suite.closing_line())
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
