"""The responder behind a real nginx, as nginx/serve runs it, and as plain CGI."""

import contextlib
import functools
import os
import re
import secrets
import shutil
import signal
import subprocess
from typing import NamedTuple

import kit
from kit import TOP, expect, same, wait_until, write

APP_ID = "0123456789abcdef0123456789abcdef"
CERTIFICATE = "fedcba9876543210fedcba9876543210"
SETTINGS = {
    "list": {"CORS_ALLOW_ORIGIN": "https://a.example , https://b.example:8443"},
    "star": {"CORS_ALLOW_ORIGIN": "*"},
    "null": {"CORS_ALLOW_ORIGIN": "null"},
    "below": {"CORS_ALLOW_ORIGIN": "https://*.example.com/", "CORS_ALLOW_HEADERS": "X-Custom"},
    "unset": {},
    "base": {"BASE_PATH": "/agora", "CONSOLE": "on"},
    "small": {"MAX_PARAMS": "4096", "MAX_BODY": "1024"},
    "key": {},
}
ORIGINS = {
    "list": '"https://a.example" 1; "https://b.example:8443" 1;',
    "star": '"~^[!-~]{1,512}$" 1;',
    "below": '"~^https://([a-z0-9_-]+\\.)+example\\.com$" 1;',
    "null": '"null" 1;',
}
ACCESS_LINE = re.compile(
    r"[0-9T:.-]+Z info id=(?P<id>[A-Za-z0-9._~+/=:@-]{1,128}) method=(?P<method>[A-Z-]+) "
    r"route=(?P<route>[A-Za-z_/:-]+) status=(?P<status>\d+) duration_us=\d+ client=[0-9a-f.:]+( error=[a-z_]+)?"
)
SANITIZER = re.compile(r"Sanitizer|runtime error:")


def environment(settings):
    """Only what is meant to be there: nothing of the tester's own."""
    kept = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LANG")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env["PATH"] = env.get("PATH", "") + ":/usr/sbin:/sbin"
    env |= {"APP_ID": APP_ID, "APP_CERTIFICATE": CERTIFICATE} | settings
    kit.use_secrets(env.items())
    return env


def responder_path(build):
    return os.path.join(build, "agora-fcgi")


@functools.cache
def release():
    """A build as it is installed: agora.cgi is static, and everything starts fast."""
    directory = os.path.join(TOP, "build", "release")
    argv = [os.path.join(TOP, "build-aux", "build")]
    argv += ["--make", "agora-fcgi agora-token agora.cgi", directory]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    same(done.returncode, 0, f"status of the build ({done.stderr[-2000:]})")
    return directory


def read(*path):
    with open(os.path.join(*path), errors="replace") as file:
        return file.read()


def changed(name, text, *changes):
    """The text of a file of conf/ with (from, to) done; each from must be there."""
    for old, new in changes:
        expect(old in text, f"{name} has no {old!r}")
        text = text.replace(old, new)
    return text


class Own(NamedTuple):
    """What a web server answers in our place, and why it cannot be otherwise."""

    why: str
    status: int
    code: str = ""  # "": the server's own page, not our shape
    keeps_id: bool = True  # the client's X-Request-ID


class Front:
    """A web server, and unless told otherwise a responder behind it."""

    tls = None  # an ssl.SSLContext
    server_name = "127.0.0.1"
    partial = False  # its own errors have less than ours
    changes_headers = {}  # name of a case: {header: what it becomes, None: it is dropped}
    exit_statuses = (0,)  # of one that was asked to end

    def __init__(self, run, build, kind="list", responder=True, program="agora-fcgi", **config):
        self.run, self.build, self.kind, self.program = run, build, kind, program
        self.directory = run.directory()
        self.socket = os.path.join(self.directory, "fcgi.sock")
        self.log_path = os.path.join(self.directory, "responder.log")
        self.server_log_path = os.path.join(self.directory, "server.log")
        self.port = kit.free_port()
        self.variables = SETTINGS[kind] | self.more_settings()
        self.responder = self.start_responder() if responder else None
        self.start_server(**config)
        wait_until(self.listens, self.name)

    @property
    def tools(self):
        """Where the agora-token is that reads what comes."""
        return self.build

    @property
    def host(self):
        """As clients of this site write it in Host."""
        return f"{self.server_name}:{self.port}"

    @property
    def scheme(self):
        return "https" if self.tls else "http"

    def answers_itself(self, case):
        """An Own, where this server does not let us answer."""
        return None

    def more_settings(self):
        return {}

    def program_path(self):
        return os.path.join(self.build, self.program)

    def start_responder(self, **more):
        self.log = open(self.log_path, "ab")
        argv = [self.program_path()]
        if "stdin" not in more:
            argv += ["--socket", self.socket]
        process = self.run.start(argv, self.log, environment(self.variables), **more)
        if "stdin" not in more:
            wait_until(self.responder_listens, "the responder's socket")
        return process

    def responder_listens(self):
        return os.path.exists(self.socket)

    def start(self, argv):
        with open(self.server_log_path, "ab") as log:
            self.server = self.run.start(argv, log, environment({}), cwd=self.directory)

    def listens(self):
        expect(self.server.poll() is None, f"{self.name} ended: {self.server_log()}")
        try:
            kit.connect(self.port).close()
        except ConnectionRefusedError:
            return False
        return True

    def server_log(self):
        return read(self.server_log_path)

    def responder_log(self):
        return read(self.log_path)

    def log_lines(self, request_id):
        return [line for line in self.responder_log().splitlines() if f"id={request_id} " in line]

    def request(self, method, target, headers=(), body=b"", **more):
        return kit.request_bytes(method, target, headers, body, self.host, **more)

    def exchange(self, data, **more):
        return kit.exchange(self.port, data, self.tls, self.server_name, **more)

    def send(self, method, target, headers=(), body=b""):
        """With a request id of its own, so that its log line is found."""
        sent = [v for n, v in headers if n.lower() == "x-request-id"]
        request_id = sent[0] if sent else secrets.token_hex(8)
        if not sent:
            headers = [*headers, ("X-Request-ID", request_id)]
        answer = self.exchange(self.request(method, target, headers, body))
        answer.request_id = request_id
        return answer

    def access_lines(self, answer, wanted=1):
        """What the responder logged of this request; its line may come after the answer."""
        request_id = answer.header("X-Request-ID")
        if wanted:
            wait_until(lambda: self.log_lines(request_id), "the request's log line")
        return self.log_lines(request_id)

    def stop(self, number=signal.SIGTERM):
        """Both, the web server first, and what they said is looked at."""
        if self.server.poll() is None:
            self.server.send_signal(number)
            status = self.server.wait(kit.DEADLINE)
            expect(status in self.exit_statuses,
                   f"exit status {status} of {self.name}: {self.server_log()[-2000:]}")
        if self.responder is not None:
            self.stop_responder()

    def stop_responder(self):
        self.responder.send_signal(signal.SIGTERM)
        status = self.responder.wait(kit.DEADLINE)
        self.look_at_log()
        same(status, 0, "the responder's exit status")
        self.responder = None

    def look_at_log(self):
        log = self.responder_log()
        expect(not SANITIZER.search(log), f"a sanitizer complains in {log[-4000:]}")


class Nginx(Front):
    """nginx over the shipped snippets, as nginx/serve runs it."""

    name = "nginx"

    def answers_itself(self, case):
        if case.status == 413:
            return Own("it does not read so large a body", 413, "body_too_large")
        path = case.target.partition("?")[0]
        if "%zz" in path or path.endswith(("%", "%4", "%00")):
            why = "it finds the path malformed before it has read the headers"
            return Own(why, 400, "bad_request", keeps_id=False)
        return None

    def copy_snippets(self, changes):
        snippets = os.path.join(self.directory, "agora")
        shutil.copytree(os.path.join(TOP, "conf", "nginx"), snippets)
        for name, old, new in changes:
            path = os.path.join(snippets, name)
            write(path, changed(name, read(path), (old, new)))

    def config(self, changes=(), zone="", servers="", twice=False):
        """changes: (file, from, to) in copies of the snippets; zone: another limit_req_zone;
        servers: more at the end; twice: as if there were two responders."""
        self.copy_snippets(changes)
        conf = read(TOP, "nginx", "nginx.conf.in")
        if zone:
            conf, count = re.subn(r"limit_req_zone .*;", zone, conf)
            same(count, 1, "limit_req_zone lines")
        if twice:
            # Failures are what the test makes: nginx must not rest from them.
            conf = re.sub(r"(server unix:.*);", r"\1 max_fails=0; \1 max_fails=0;", conf)
        return conf.rstrip()[:-1] + servers + "}\n"

    def start_server(self, **config):
        self.start_nginx(self.config(**config))

    def start_nginx(self, conf):
        values = {
            "USER": "user www-data;" if os.geteuid() == 0 else "",
            "RUN": self.directory,
            "PATIENCE": "30",
            "ADDRESS": "127.0.0.1",
            "PORT": str(self.port),
            "MORE": "",
            "CONSOLE": "",
            "ORIGINS": ORIGINS.get(self.kind, ""),
        }
        for name, value in values.items():
            conf = conf.replace(f"@{name}@", value)
        path = os.path.join(self.directory, "nginx.conf")
        write(path, conf)
        self.start(["nginx", "-e", "stderr", "-p", self.directory, "-c", path])

    def stop(self):
        super().stop(signal.SIGQUIT)


@contextlib.contextmanager
def held_answer(program, env):
    """Started as CGI: yields the process when its log is written, and the end of the full pipe that
    its answer has to wait for."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    try:
        while os.write(theirs, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(theirs, True)
    process = subprocess.Popen([program], stdin=subprocess.DEVNULL, stdout=theirs,
                               stderr=subprocess.PIPE, env=env)
    os.close(theirs)
    try:
        os.set_blocking(process.stderr.fileno(), False)
        log = kit.wait_until(process.stderr.read, "the log", 10)
        while b" status=200 " not in log:
            log += kit.wait_until(process.stderr.read, "the request's log line", 10)
        yield process, ours
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        os.close(ours)


class Cgi:
    """The same program started once a request, as a web server does it (RFC 3875)."""

    name, host, scheme = "cgi", "127.0.0.1", "http"
    before = None  # called in the new process
    arguments = ()
    changes_headers = {}

    def __init__(self, build, kind="list", program="agora-fcgi"):
        self.build = self.tools = build
        self.kind, self.program = kind, os.path.join(build, program)

    def send(self, method, target, headers=(), body=b"", variables=None, settings=None):
        host = "127.0.0.1"
        env = {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": "test",
            "SERVER_NAME": host,
            "SERVER_PORT": "80",
            "REQUEST_METHOD": method,
            "REQUEST_SCHEME": "http",
            "REQUEST_URI": target,
            "SCRIPT_NAME": "",
            "QUERY_STRING": target.partition("?")[2],
            "REMOTE_ADDR": "192.0.2.7",
            "HTTP_HOST": host,
        }
        if body:
            env["CONTENT_LENGTH"] = str(len(body))
        for name, value in headers:
            key = name.upper().replace("-", "_")
            env[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        for name, value in (variables or {}).items():
            env.pop(name, None)
            if value is not None:
                env[name] = value
        env = environment(SETTINGS[self.kind] if settings is None else settings) | env
        encoded = {n.encode(): v.encode("latin-1") for n, v in env.items()}
        done = subprocess.run(
            [self.program, *self.arguments],
            input=body,
            env=encoded,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=kit.DEADLINE,
            check=False,
            preexec_fn=self.before,
        )
        log = done.stderr.decode("utf-8", "replace")
        expect(not SANITIZER.search(log), f"a sanitizer complains: {log}")
        expect(not kit.secret_pattern().search(done.stderr), f"the log has a secret: {log}")
        same(done.returncode, 0, f"exit status ({log})")
        answer = kit.cgi_answer(done.stdout, method, target or env.get("PATH_INFO", ""))
        sent = [v for n, v in headers if n.lower() == "x-request-id"]
        answer.request_id = sent[0] if sent else ""
        self.log = log.splitlines()
        for line in self.log:
            expect(kit.names_request(line, answer.header("X-Request-ID")),
                   f"{line!r} is not of the request {answer.header('X-Request-ID')}")
        return answer

    def answers_itself(self, case):
        return None

    def access_lines(self, answer, wanted=1):
        return [line for line in self.log if f"id={answer.header('X-Request-ID')} " in line]
