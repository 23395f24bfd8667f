"""The responder under test, and what the kernel says about its processes."""

import os
import re
import signal
import socket
import subprocess

import kit
from engine_client import TOKEN, Client, ask, get
from kit import expect, same, wait_until
from sites import SANITIZER, environment

SERVES = re.compile(r"worker (\d+) serves")


def is_sanitized(build):
    with open(os.path.join(build, "tests", "waiting"), "rb") as file:
        return b"__asan_init" in file.read()


def status_of(pid, name):
    """A number of /proc/PID/status: VmRSS and its like in KiB."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise KeyError(name)


def stat_of(pid):
    """The fields of /proc/PID/stat behind the program's name; [0] is the state, [1] the parent."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(") ")[2].split()


def rss(pid):
    return status_of(pid, "VmRSS")


def faults(pid):
    return int(stat_of(pid)[7])


def cpu_ticks(pid):
    fields = stat_of(pid)
    return int(fields[11]) + int(fields[12])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def children(pid):
    """{pid: state}"""
    found = {}
    for name in os.listdir("/proc"):
        try:
            fields = stat_of(name) if name.isdigit() else None
        except OSError:
            continue  # it has just ended
        if fields and int(fields[1]) == pid:
            found[int(name)] = fields[0]
    return found


def exists(pid):
    return os.path.exists(f"/proc/{pid}")


class Responder:
    """agora-fcgi with the test routes, on a socket in a directory of its own.

    settings: of the environment.  env_file: content of an --env-file.  address: to listen on, if
    not there; `where`: the same as --socket has it.  listen: whether it is told.  wrap: what starts
    it.
    """

    def __init__(self, build, run, settings=None, tcp=False, env_file=None, address=None, **popen):
        self.directory = run.directory()
        self.log_path = os.path.join(self.directory, "log")
        self.env_path = os.path.join(self.directory, "env")
        self.argv = [os.path.join(build, "tests", "waiting")]
        self.settings, self.gone = dict(settings or {}), False
        self.address = address or os.path.join(self.directory, "fcgi.sock")
        if tcp:
            self.address = ("127.0.0.1", kit.free_port())
        if env_file is not None:
            self.write_env(env_file)
            self.argv += ["--env-file", self.env_path]
        self.launch(run, **popen)

    def launch(self, run, wrap=(), listen=True, where=None, stderr=None, **popen):
        if where is None:
            where = self.address if isinstance(self.address, str) else "%s:%s" % self.address
        argv = [*wrap, *self.argv, *(["--socket", where] if listen else [])]
        with open(self.log_path, "ab") as log:
            env = environment(self.settings)
            self.process = run.start(argv, stderr or log, env, **popen)
        self.master = self.process.pid

    def write_env(self, text):
        kit.write(self.env_path, text)

    def started(self):
        self.wait_log(" serves")
        return self

    def __enter__(self):
        return self.started()

    def __exit__(self, kind, *_):
        if kind is None and not self.gone:
            self.stop()
        elif not self.gone:
            self.kill()

    def log(self, since=0):
        with open(self.log_path, "rb") as file:
            file.seek(since)
            return file.read().decode("utf-8", "replace")

    def mark(self):
        return os.path.getsize(self.log_path)

    def wait_log(self, text, since=0, seconds=kit.DEADLINE):
        """The log since then, once it has that text."""

        def look():
            log = self.log(since)
            return log if text in log else None

        try:
            return wait_until(look, f"{text!r} in the log", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it says: {self.log(since)[-1500:]}") from None

    def worker(self):
        """The one that serves, as the log says."""
        return int(SERVES.findall(self.log())[-1])

    def wait_worker(self, other_than, seconds=kit.DEADLINE):
        def look():
            pid = self.worker()
            return pid if pid != other_than else None

        return wait_until(look, "another worker", seconds)

    def tell(self, number):
        os.kill(self.master, number)

    def token(self, seconds=5):
        same(ask(self.address, TOKEN, seconds).status, 200, "a token's status")

    def ask(self, data):
        return ask(self.address, data)

    def counts(self):
        return self.ask(get("/test/counts")).json()

    def wait_counts(self, condition, seconds=kit.DEADLINE):
        """Of the calls that handlers made: started, ended, cancelled."""
        last = {}

        def look():
            last.update(self.counts())
            return condition(last)

        try:
            wait_until(look, "the calls", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {last}") from None
        return last

    def client(self, seconds=kit.DEADLINE):
        return Client(self.address, seconds)

    def wait_end(self, seconds=kit.DEADLINE):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"still there after {seconds} s; log: {self.log()[-1500:]}"
            ) from None
        finally:
            self.gone = self.process.returncode is not None

    def stop(self, number=signal.SIGTERM, code=0):
        """Ends it, and looks at what it leaves: nothing."""
        if self.process.poll() is None:
            self.tell(number)
        status = self.wait_end()
        self.look_at_log()
        same(status, code, f"exit status (log: {self.log()[-1500:]})")
        expect(not group_members(self.master), "a process is left")
        if isinstance(self.address, str):
            expect(not os.path.exists(self.address), "the socket file is left")

    def stop_handed_over(self, signalled=False):
        """One whose socket is another's: that stays."""
        if not signalled:
            self.tell(signal.SIGTERM)
        same(self.wait_end(), 0, "exit status")
        self.look_at_log()
        if isinstance(self.address, str):
            expect(os.path.exists(self.address), "the socket file is gone")

    def look_at_log(self):
        log = self.log()
        found = SANITIZER.search(log)
        expect(
            not found, f"a sanitizer complains: {log[found.start() - 100:][:3000]}" if found else ""
        )

    def kill(self):
        kit.signal_group(self.process, signal.SIGKILL)
        self.process.wait()
        self.gone = True


def group_members(group):
    """Processes of that group that are not zombies."""
    found = []
    for name in os.listdir("/proc"):
        try:
            fields = stat_of(name) if name.isdigit() else None
        except OSError:
            continue
        if fields and int(fields[2]) == group and fields[0] != "Z":
            found.append(int(name))
    return found


def bound_socket(path=None, backlog=64):
    """A listening socket that is handed to a responder."""
    if path is None:
        sock = socket.socket(socket.AF_INET)
        sock.bind(("127.0.0.1", 0))
    else:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(path)
    sock.listen(backlog)
    return sock
