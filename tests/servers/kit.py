"""What every server test needs: counting, waiting, processes, and HTTP as it is on the wire."""

import functools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
DEADLINE = 30.0  # seconds; only a failure waits that long


class Skip(Exception):
    """This cannot run here; the text says why."""


class Suite:
    def __init__(self, only="", verbose=False):
        self.only, self.verbose = only, verbose
        self.passed = self.failed = self.skipped = 0

    def run(self, name, test, *args):
        if self.only not in name:
            return
        try:
            test(*args)
        except Skip as why:
            self.skipped += 1
            print(f"SKIP {name}: {why}", flush=True)
        except Exception as error:  # whatever it is, the next case still runs
            self.failed += 1
            print(f"FAIL {name}: {type(error).__name__}: {error}", flush=True)
        else:
            self.passed += 1
            if self.verbose:
                print(f"ok   {name}", flush=True)

    def run_module(self, module, *args, prefix=""):
        """A test may have a `where`, that says of the arguments whether it concerns them."""
        for name, test in list(vars(module).items()):
            if name.startswith("test_") and getattr(test, "where", lambda *_: True)(*args):
                name = f"{prefix or module.__name__}: {name[5:].replace('_', ' ')}"
                self.run(name, test, *args)

    def closing_line(self):
        line = f"{self.passed} passed, {self.failed} failed"
        return line + (f", {self.skipped} skipped" if self.skipped else "")


def expect(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(w) for w in what))


def same(got, wanted, what):
    expect(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def wait_until(condition, what, seconds=DEADLINE):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.01)


def free_port():
    """One below those that the kernel gives away, so that it stays free until it is used."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    while True:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", random.randrange(first // 2, first) if first > 4096 else 0))
            except OSError:
                continue  # somebody has it
            return s.getsockname()[1]


# Processes and directories, all gone at the end

# Secrets by their names: settings, members of a policy, files.
SECRET_SETTING = re.compile(r"(CERTIFICATE(_SECONDARY)?|SECRET|_KEY)$")
SECRET_MEMBER = re.compile(r'"([^"\\]*[cC]ertificate|customerSecret)"\s*:\s*("(?:\\.|[^"\\])*")')
SECRET_FILE = re.compile(rf"{SECRET_SETTING.pattern}|(^|\.)secret$")
# A policy may have comments, and something like them in its strings.
STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\r\n]*|/\*.*?\*/', re.DOTALL)
SECRET_LEAST = 8  # characters; less is not told from other text
# Tokens of both versions, API keys, JSON Web Tokens, names with passwords.
SECRET_SHAPES = [rb"007eJ[A-Za-z0-9+/]{40,}", rb"006[0-9a-f]{32}[A-Za-z0-9+/]{20,}",
                 rb"\bak_[^\s_]+_[A-Za-z0-9_-]{20,}", rb"\beyJ[\w-]{8,}\.[\w-]{8,}\.",
                 rb"\b[Bb]asic [A-Za-z0-9+/]{12,}"]


used_secrets = set()  # bytes: of all settings and files that tests gave to a program


def use_secrets(pairs, names=SECRET_SETTING):
    """Notes the values of (name, value) whose name is a secret's."""
    for name, value in pairs:
        if not value or not names.search(name):
            continue
        expect(len(value) >= SECRET_LEAST, f"{name} is {value!r}: the search in logs wants a secret "
               f"that nothing else looks like, of {SECRET_LEAST} characters or more")
        used_secrets.add(value.encode())


def members(text):
    """(name, value) of a policy's secrets, also of one that is broken on purpose."""
    text = STRING_OR_COMMENT.sub(lambda found: found.group(1) or " ", text)
    for name, value in SECRET_MEMBER.findall(text):
        yield name, json.loads(value, strict=False)


def use_file(name, text):
    """Notes the secrets of a file: one alone, a policy, or settings."""
    use_secrets([(os.path.basename(name), text.strip())], SECRET_FILE)
    use_secrets(members(text), re.compile(""))
    lines = re.findall(r"(?m)^(?:export )?(\w+)=(.*)$", text)
    use_secrets((name, value.strip().strip("'\"")) for name, value in lines)


def write(path, text):
    """All that tests write for programs to read is written here: the search for secrets in logs
    knows what is in it."""
    use_file(path, text)
    with open(path, "w") as file:
        file.write(text)


def secret_pattern():
    return re.compile(b"|".join(SECRET_SHAPES + [re.escape(s) for s in sorted(used_secrets)]))


def names_request(line, request_id):
    """Whether a line of the log, in any of its formats, has the request's id."""
    wanted = re.escape(request_id)
    return re.search(rf'\sid="?{wanted}"?(\s|$)|"id":"{wanted}"', line)


class Run:
    def __init__(self):
        self.processes, self.directories = [], []
        self.logs = set()  # paths

    def directory(self):
        path = tempfile.mkdtemp(prefix="agora-test.")
        self.directories.append(path)
        if os.geteuid() == 0:  # nginx's workers are www-data then
            shutil.chown(path, group="www-data")
            os.chmod(path, 0o2750)
        return path

    def start(self, argv, log, env=None, **more):
        """A process in a session of its own: its children are found by its group."""
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", log)
        process = subprocess.Popen(argv, stderr=log, env=env, start_new_session=True, **more)
        self.processes.append(process)
        if isinstance(getattr(log, "name", None), str):  # else a pipe or a socket
            self.logs.add(log.name)
        use_secrets((env or {}).items())
        return process

    def end(self):
        for process in self.processes:
            signal_group(process, signal.SIGKILL)
            process.wait()

    def look_for_secrets(self):
        """In what every program wrote while the tests ran: its stderr, its log and audit files."""
        self.end()
        logs = self.logs | {os.path.join(where, name) for top in self.directories
                            for where, _, names in os.walk(top) for name in names
                            if "log" in name or "audit" in name}
        secrets, lines = secret_pattern(), 0
        for path in sorted(logs):
            if not os.path.isfile(path):  # a test's own, and gone with it
                continue
            with open(path, "rb") as log:
                for line in log:
                    lines += 1
                    found = secrets.search(line)
                    expect(not found, f"{path} has {found and found.group()!r} in {line!r}")
        expect(lines > 100 and used_secrets, f"{lines} lines, {len(used_secrets)} secrets")

    def clean_up(self):
        self.end()
        for path in self.directories:
            shutil.rmtree(path, ignore_errors=True)


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


# HTTP


@dataclass
class Answer:
    status: int
    headers: list  # (name, value) as they came
    body: bytes
    request_id: str = ""  # that was sent, or ""

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        expect(len(values) <= 1, f"{name} came {len(values)} times")
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)


answers = []  # lines for tests/npm/answers.js: each answer of the service in JSON


def note(method, target, answer, direct=False):
    """Keeps the answer for described().  direct: the program's own, with no web server between;
    else it is one of the service where it has an id."""
    # What tests/servers/waiting.c says itself is not the service's.
    own = answer.status >= 400 or not re.match("(/agora)?/test/", target)
    own = own and not answer.header("X-Stand-In")
    if own and (direct or answer.header("X-Request-ID")):
        answers.append(json.dumps({
            "method": method, "target": target, "status": answer.status, "direct": direct,
            "headers": answer.headers, "body": answer.body.decode()}))


# What curl is to say on stderr of what it asked and what came; and for its settings, in CURL_HOME.
CURL_SAYS = r"%{stderr}\nasked: %{method} %{url_effective} %{response_code} %{header_json}"
CURL_SETTINGS = f'write-out = "{CURL_SAYS}"\n'


def note_curl(body, said):
    """The one answer of a curl with CURL_SAYS, if one came.  What else it said."""
    expect(said.count("\nasked: ") <= 1, f"two answers, and their bodies in one: {said}")
    before, found, after = said.rpartition("\nasked: ")
    if not found:
        return said
    method, url, status, headers = after.split(" ", 3)
    headers = [(name, value) for name, values in json.loads(headers).items() for value in values]
    note(method, re.sub("^[a-z]+://[^/]*", "", url), Answer(int(status), headers, body.encode()))
    return before


def by_curl(argv, home):
    """Runs what calls curl once, which finds its settings in `home`."""
    write(os.path.join(home, ".curlrc"), CURL_SETTINGS)
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          env=os.environ | {"CURL_HOME": home})
    note_curl(done.stdout, done.stderr)
    return done


def cgi_answer(data, method, target):
    """What a CGI program or a FastCGI responder says to that; noted."""
    head, separator, body = data.partition(b"\r\n\r\n")
    expect(separator and head.startswith(b"Status: "), f"no CGI answer but {data[:80]!r}")
    (_, status), *headers = parse_headers(head.decode("latin-1").split("\r\n"))
    answer = Answer(int(status.split()[0]), headers, body)
    note(method, target, answer, direct=True)
    return answer


def described(build):
    """All that were noted are as the API's description has them; those that are the same are judged
    once."""
    lines = [f'{line[:-1]}, "times": {times}}}' for line, times in Counter(answers).items()]
    done = subprocess.run([os.path.join(TOP, "tests", "npm", "run"), "answers.js",
                           os.path.join(build, "agora-fcgi")],
                          input="\n".join(lines), capture_output=True, text=True, check=False)
    if "0 passed, 0 failed, 1 skipped" in done.stdout:
        raise Skip(f"{done.stdout} {len(answers)} live answers were not judged")
    expect(done.returncode == 0, done.stdout, done.stderr)
    expect(f"{len(answers)} live answers judged, 0 not as described" in done.stdout and answers,
           done.stdout)
    print(done.stdout.rstrip().splitlines()[-1], flush=True)


@functools.cache
def billed(build):
    """(method, path) of each row that Agora may bill, by the program's own description."""
    out = subprocess.check_output([os.path.join(build, "agora-fcgi"), "--dump-openapi"], env={})
    return [(method.upper(), re.sub(r"\{\w+\}", "x", path))
            for path, methods in json.loads(out)["paths"].items()
            for method, told in methods.items()
            if "Agora may bill it." in told.get("description", "")]


def request_bytes(method, target, headers=(), body=b"", host="127.0.0.1", close=True):
    names = {n.lower() for n, _ in headers}
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {host}")
    if close:
        lines.append("Connection: close")
    lines += [f"{n}: {v}" for n, v in headers]
    if body and "content-length" not in names and "transfer-encoding" not in names:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines + ["", ""]).encode("latin-1") + body


def parse_headers(lines):
    return [tuple(re.split(r":[ \t]*", line, maxsplit=1)) for line in lines]


def read_answer(stream, asked):
    """The answer to the request whose bytes begin so, off a connection's file; noted."""
    words = asked.partition(b"\r\n")[0].decode("latin-1").split(" ")
    answer = read_head(stream)
    read_body(stream, answer, words[0])
    note(words[0], words[1] if len(words) > 1 else "", answer)
    return answer


def read_head(stream):
    first = stream.readline().decode("latin-1").rstrip("\r\n")
    expect(re.match(r"HTTP/1\.[01] \d{3}", first), f"no status line but {first!r}")
    lines = []
    while True:
        line = stream.readline().decode("latin-1")
        expect(line, "the answer ended in its headers")
        if line == "\r\n":
            break
        lines.append(line.rstrip("\r\n"))
    return Answer(int(first.split(" ")[1]), parse_headers(lines), b"")


def read_body(stream, answer, method):
    length = answer.header("Content-Length")
    if method == "HEAD" or answer.status in (204, 304):
        return
    if length is not None:
        answer.body = stream.read(int(length))
        same(len(answer.body), int(length), "length of the body")
    elif answer.header("Transfer-Encoding") == "chunked":
        while size := int(stream.readline(), 16):
            answer.body += stream.read(size)
            stream.readline()
        stream.readline()
    else:
        answer.body = stream.read()


def connect(port, timeout=DEADLINE, tls=None, server_name=None, source="127.0.0.1"):
    """tls: an ssl.SSLContext, that expects this name.  source: the client's address."""
    s = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.wrap_socket(s, server_hostname=server_name) if tls else s


def exchange(port, data, tls=None, server_name=None, **more):
    """Sends raw bytes on a connection of their own and reads the one answer."""
    with connect(port, tls=tls, server_name=server_name, **more) as s, s.makefile("rb") as stream:
        try:
            s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # answered before it was all sent
        return read_answer(stream, data)


def http(port, method, target, headers=(), body=b""):
    return exchange(port, request_bytes(method, target, headers, body, f"127.0.0.1:{port}"))
