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
        cluster = sites.changed("cluster.conf", sites.read(kit.TOP, "conf", "nginx", "cluster.conf"),
                                ("10.0.0.11:9000", self.socket),
                                ("10.0.0.12:9000", self.other_address))
        text, count = re.subn(r"    upstream agora \{.*?\}\n    upstream agora_once \{.*?\}\n",
                              lambda _: cluster, super().config(**more), flags=re.S)
        same(count, 1, "the upstreams that it takes the place of")
        return text

    def kill(self):
        """The first one, with its worker, at once."""
        os.killpg(os.getpgid(self.responder.pid), signal.SIGKILL)
        self.responder.wait()
        self.responder = None


def ask_on(site, stop, statuses):
    while not stop.is_set():
        statuses.append(site.send("POST", "/getToken", (), BODY).status)


def lose(site, cut):
    """Clients ask on and on, and one responder is lost under them."""
    stop, statuses = threading.Event(), []
    clients = [threading.Thread(target=ask_on, args=(site, stop, statuses)) for _ in range(CLIENTS)]
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


def test_no_token_is_lost(run, build):
    site = Cluster(run, build)
    lose(site, site.kill)
    site.stop()


def test_nothing_billed_is_asked_twice(run, build):
    site = Cluster(run, build)
    site.kill()
    asked, answers = time.monotonic(), []
    while 501 not in answers and time.monotonic() < asked + kit.DEADLINE:
        answer = site.send("POST", "/cloud_recording/start", (), b'{"channelName":"room"}')
        answers.append(answer.status)
        served = sites.read(site.other_log).count(f"id={answer.request_id} ")
        same(served, 1 if answer.status == 501 else 0, f"how often it was asked ({answers})")
    # The first finds nobody and is not passed on; when that is known the second stands in.
    same((answers[0], answers[-1]), (502, 501), f"answers ({answers})")
    site.stop()
