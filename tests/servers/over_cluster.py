"""conf/nginx/cluster.conf, unmodified but for addresses: two responders, one of which dies."""

import os
import re
import signal
import threading
import time

import fronts
import kit
import sites
from kit import expect, same, wait_until

BODY = b'{"tokenType":"rtc","channel":"room","uid":7}'
CLIENTS = 8


class Cluster(fronts.NginxTcp):
    """The front's own responder, and another one."""

    name = "nginx, cluster"

    def start_responder(self, **more):
        process = super().start_responder(**more)
        self.other_port = kit.free_port()
        self.other_log = os.path.join(self.directory, "other.log")
        self.start_other()
        return process

    def start_other(self):
        with open(self.other_log, "ab") as log:
            self.other = self.run.start(
                [self.program_path(), "--socket", f"127.0.0.1:{self.other_port}"], log,
                sites.environment(self.variables))
        wait_until(lambda: " serves" in sites.read(self.other_log), "the other responder")

    @property
    def other_address(self):
        return f"127.0.0.1:{self.other_port}"

    def config(self, **more):
        self.ports = [kit.free_port(), kit.free_port()]  # of each one's own answers
        cluster = sites.changed("cluster.conf", sites.read(kit.TOP, "conf", "nginx", "cluster.conf"),
                                ("10.0.0.11:9000", self.socket),
                                ("10.0.0.12:9000", self.other_address),
                                *((text.format(old), text.format(new)) for text, old, new in (
                                    ("    {}  ", 9101, self.ports[0]), ("    {}  ", 9102, self.ports[1]),
                                    ("listen {};", 9101, f"127.0.0.1:{self.ports[0]}"),
                                    ("listen {};", 9102, f"127.0.0.1:{self.ports[1]}"))))
        text, count = re.subn(r"    upstream agora \{.*?\}\n    upstream agora_once \{.*?\}\n",
                              lambda _: cluster, super().config(**more), flags=re.S)
        same(count, 1, "the upstreams that it takes the place of")
        return text

    def kill(self):
        """The first one, with its worker, at once."""
        os.killpg(os.getpgid(self.responder.pid), signal.SIGKILL)
        self.responder.wait()
        self.responder = None


def ask_on(site, stop, statuses, times):
    while not stop.is_set():
        asked = time.monotonic()
        statuses.append(site.send("POST", "/getToken", (), BODY).status)
        times.append(time.monotonic() - asked)


def lose(site, cut, longest):
    """Clients ask on and on, and one responder is lost under them.  longest: seconds for a token."""
    stop, statuses, times = threading.Event(), [], []
    clients = [threading.Thread(target=ask_on, args=(site, stop, statuses, times))
               for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    wait_until(lambda: len(statuses) > 100, "tokens of both")
    both = [sites.read(path).count("route=/getToken") for path in (site.log_path, site.other_log)]
    cut()
    before = len(statuses)
    wait_until(lambda: len(statuses) > before + 200, "tokens of the one that is left")
    stop.set()
    for client in clients:
        client.join()
    expect(min(both) > 10, f"both served: {both}")
    same([s for s in statuses if s != 200], [], "what was not answered with a token")
    expect(max(times) < longest, f"a token after {max(times):.1f} s")


def test_no_token_is_lost(run, build):
    site = Cluster(run, build)
    lose(site, site.kill, 5)
    site.stop()


def test_each_ones_own_counts(run, build):
    """Which through the site are those of the one that happens to answer."""
    site = Cluster(run, build)
    for _ in range(5):
        same(site.send("POST", "/getToken", (), BODY).status, 200, "status")

    def served():
        return [sites.read(path).count("route=/getToken") for path in (site.log_path, site.other_log)]

    wait_until(lambda: sum(served()) == 5, "their log lines")
    for port, count in zip(site.ports, served()):
        for _ in range(2):
            text = kit.http(port, "GET", "/metrics").body.decode()
            tokens = re.findall(r"^agora_tokens_issued_total\{.*\} (\d+)$", text, re.M)
            same(sum(map(int, tokens)), count, "tokens of one")
        for target, status in (("/readyz", 200), ("/status", 501), ("/getToken", 404)):
            same(kit.http(port, "GET", target).status, status, f"status of {target}")
        data = kit.request_bytes("GET", "/metrics")
        same(kit.exchange(port, data, source="127.0.0.2").status, 403, "from another address")
    site.stop()


def test_nothing_billed_is_asked_twice(run, build):
    site = Cluster(run, build)
    site.kill()
    asked, answers, ids = time.monotonic(), [], []
    while 501 not in answers and time.monotonic() < asked + kit.DEADLINE:
        answer = site.send("POST", "/cloud_recording/start", (), b'{"channelName":"room"}')
        answers.append(answer.status)
        ids.append(answer.request_id)
    # A line may be written after its answer has left.
    wait_until(lambda: f"id={ids[-1]} " in sites.read(site.other_log), "the last one's line")
    for request_id, status in zip(ids, answers):
        served = sites.read(site.other_log).count(f"id={request_id} ")
        same(served, 1 if status == 501 else 0, f"how often it was asked ({answers})")
    # The first finds nobody and is not passed on; when that is known the second stands in.
    same((answers[0], answers[-1]), (502, 501), f"answers ({answers})")
    site.stop()
