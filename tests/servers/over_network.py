"""conf/nginx/cluster.conf over network namespaces: a responder that is cut off, not killed."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading

import kit
import over_cluster
import sites
from kit import expect, same, wait_until


class Network(over_cluster.Cluster):
    """Each responder in a network namespace of its own, behind a cable that can be pulled."""

    name = "nginx, cluster over a network"
    # Of RFC 2544, for tests between machines: no network that this one is in.
    near, far = ("198.18.77.1", "198.19.77.1"), ("198.18.77.2", "198.19.77.2")
    port_there = 9000

    def more_settings(self):
        self.spaces = [f"agora-{os.getpid()}-{i}" for i in range(2)]
        for i, space in enumerate(self.spaces):
            ip("netns", "add", space)
            ip("link", "add", f"agora{i}", "type", "veth", "peer", "name", "there", "netns", space)
            ip("address", "add", f"{self.near[i]}/30", "dev", f"agora{i}")
            ip("link", "set", f"agora{i}", "up")
            ip("-n", space, "address", "add", f"{self.far[i]}/30", "dev", "there")
            ip("-n", space, "link", "set", "there", "up")
        return {}

    def start_responder(self, **_):
        self.socket, self.log = f"{self.far[0]}:{self.port_there}", None
        self.other_log = os.path.join(self.directory, "other.log")
        first = self.start_there(0, self.log_path)
        self.other = self.start_there(1, self.other_log)
        return first

    def start_there(self, i, path):
        with open(path, "ab") as log:
            process = self.run.start(
                ["ip", "netns", "exec", self.spaces[i], self.program_path(), "--socket",
                 f"{self.far[i]}:{self.port_there}"], log, sites.environment(self.variables))
        wait_until(lambda: " serves" in sites.read(path), "a responder")
        return process

    @property
    def other_address(self):
        return f"{self.far[1]}:{self.port_there}"

    def pull(self):
        ip("-n", self.spaces[0], "link", "set", "there", "down")

    def plug(self):
        ip("-n", self.spaces[0], "link", "set", "there", "up")

    def take_down(self):
        for i, space in enumerate(self.spaces):
            ip("netns", "delete", space, check=False)
            ip("link", "delete", f"agora{i}", check=False)


def ip(*args, check=True):
    done = subprocess.run(["ip", *args], capture_output=True, text=True, check=False)
    expect(done.returncode == 0 or not check, f"ip {' '.join(args)}: {done.stderr}")


@contextlib.contextmanager
def network(run, build, **config):
    if os.geteuid() != 0 or not shutil.which("ip"):
        raise kit.Skip("network namespaces need root and ip")
    site = Network.__new__(Network)  # its namespaces go, however far it came
    site.spaces = []
    try:
        site.__init__(run, build, **config)
        yield site
        site.stop()
    finally:
        site.take_down()


def test_no_token_is_lost(run, build):
    """With the time that cluster.conf names, where no keys are fetched."""
    quick = ("agora-again.conf", "fastcgi_read_timeout 15s", "fastcgi_read_timeout 3s")
    with network(run, build, changes=[quick]) as site:
        over_cluster.lose(site, site.pull, 10)


def test_nothing_billed_is_asked_twice(run, build):
    """The first has the request, and its answer cannot come."""
    with network(run, build) as site:
        os.killpg(site.responder.pid, signal.SIGSTOP)
        answers = []
        client = threading.Thread(target=lambda: answers.append(start_recording(site)))
        client.start()
        wait_until(lambda: unread(site.spaces[0]), "the request at the first")
        site.pull()
        client.join()
        same([a.status for a in answers], [504], "its answer")
        site.plug()
        os.killpg(site.responder.pid, signal.SIGCONT)
        wait_until(lambda: not unread(site.spaces[0]), "the first to go on")
        same(sites.read(site.other_log).count("id=billed "), 0, "how often the second was asked")


def start_recording(site):
    """nginx waits longer than others here do."""
    data = site.request("POST", "/cloud_recording/start", [("X-Request-ID", "billed")],
                        b'{"channelName":"room"}')
    with kit.connect(site.port, 2 * kit.DEADLINE) as s, s.makefile("rb") as stream:
        s.sendall(data)
        return kit.read_answer(stream, data)


def unread(space):
    """Whether a connection there has bytes that its program did not read."""
    shown = subprocess.run(["ip", "netns", "exec", space, "cat", "/proc/net/tcp"],
                           capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in shown.splitlines()[1:]]
    return any(row[3] != "0A" and int(row[4].split(":")[1], 16) > 0 for row in rows)
