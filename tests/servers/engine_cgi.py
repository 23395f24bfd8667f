"""agora.cgi: one static file, its settings out of the web's reach, bodies as servers hand them."""

import json
import os
import select
import shutil
import struct
import subprocess
import time

import engine_client as fc
import kit
from engine_responder import is_sanitized
from kit import Skip, expect, same
from sites import APP_ID, CERTIFICATE, SANITIZER

EXIT_USAGE, EXIT_CONFIG = 64, 78
BODY = fc.TOKEN_BODY
MAX_BODY = 65536
SETTINGS = f"APP_ID={APP_ID}\nAPP_CERTIFICATE={CERTIFICATE}\n"
ORIGIN = "https://a.example"


def variables(target="/ping", method="GET", **more):
    """All that the program gets: nothing of ours is among it."""
    env = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": method, "REQUEST_URI": target}
    if "ASAN_OPTIONS" in os.environ:
        env["ASAN_OPTIONS"] = os.environ["ASAN_OPTIONS"]
    return env | {name: value for name, value in more.items() if value is not None}


class Cgi:
    """A site: cgi-bin beside the document root, three directories below our own."""

    def __init__(self, run, build):
        self.program = os.path.join(build, "agora.cgi")
        self.top = run.directory()
        self.site = os.path.join(self.top, "a", "b", "site")
        self.root = os.path.join(self.site, "htdocs")
        self.bin = os.path.join(self.site, "cgi-bin")
        os.makedirs(self.root)
        os.makedirs(self.bin)
        self.script = os.path.join(self.bin, "agora.cgi")

    def write(self, *path, mode=0o600, text=SETTINGS, origin=None):
        name = os.path.join(*path)
        os.makedirs(os.path.dirname(name), exist_ok=True)
        kit.write(name, text + (f"CORS_ALLOW_ORIGIN={origin}\n" if origin else ""))
        os.chmod(name, mode)
        return name

    def run(self, body=b"", code=0, **env):
        env = {"DOCUMENT_ROOT": self.root, "SCRIPT_FILENAME": self.script} | env
        done = subprocess.run(
            [self.program],
            input=body,
            env=variables(**env),
            cwd="/",
            capture_output=True,
            timeout=kit.DEADLINE,
            check=False,
        )
        self.log = done.stderr.decode("utf-8", "replace")
        expect(not SANITIZER.search(self.log), f"a sanitizer complains: {self.log}")
        expect(not kit.secret_pattern().search(done.stderr), f"the log has a secret: {self.log}")
        same(done.returncode, code, f"exit status ({self.log})")
        answer = fc.parse_answer(done.stdout, env.get("method", "GET"), env["target"])
        for line in self.log.splitlines():
            expect(kit.names_request(line, answer.headers["x-request-id"]), f"no id in {line}")
        return answer

    def token(self, body=BODY, status=200, **env):
        env = {"CONTENT_LENGTH": str(len(body))} | env
        answer = self.run(body, target="/getToken", method="POST", **env)
        same(answer.status, status, f"status ({self.log} {answer.body})")
        return answer.json()

    def refused(self, reason, **env):
        """500 that tells the world nothing, and the operator why."""
        answer = self.run(target="/ping", **env)
        same(answer.status, 500, f"status ({self.log})")
        same(answer.headers["content-type"], "application/json", "type")
        same(answer.json()["code"], "internal", "code")
        expect(reason in self.log, f"no {reason!r} in {self.log!r}")
        for secret in (CERTIFICATE, APP_ID):
            expect(
                secret not in self.log and secret.encode() not in answer.body, "a secret is told"
            )
        for word in (b"agora.env", b"/", b"DOCUMENT_ROOT"):
            expect(word not in answer.body, f"the answer tells {word}: {answer.body}")


def program_headers(path):
    """Types of an ELF file's segments (64 bits, little endian)."""
    with open(path, "rb") as file:
        data = file.read()
    same(data[:6], b"\x7fELF\2\1", "ELF header")
    (at,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    return [struct.unpack_from("<I", data, at + i * size)[0] for i in range(count)]


def test_is_static(run, build, report):
    if is_sanitized(build):
        raise Skip("a sanitized build is linked dynamically")
    types = program_headers(os.path.join(build, "agora.cgi"))
    expect(2 not in types and 3 not in types, "it has DYNAMIC or INTERP")


def test_with_an_empty_environment(run, build, report):
    cgi = Cgi(run, build)
    for env in ({}, {"GATEWAY_INTERFACE": "CGI/1.1"}, {"REQUEST_METHOD": "GET"}):
        done = subprocess.run([cgi.program], env=env, capture_output=True, check=False)
        same(done.returncode, EXIT_USAGE, "exit status")
        same(done.stdout, b"", "output")
        expect(b"a web server starts this program" in done.stderr, done.stderr)


def test_check_by_hand(run, build, report):
    """What a web server's log would have, for whoever sees none."""
    cgi = Cgi(run, build)
    script = shutil.copy(cgi.program, cgi.script)

    def check(code, **env):
        env = {n: v for n, v in variables(**env).items() if n.startswith(("AGORA", "ASAN"))}
        done = subprocess.run([script, "--check-config"], env=env, capture_output=True, text=True,
                              check=False)
        same(done.returncode, code, f"exit status ({done.stderr})")
        return done.stdout if code == 0 else done.stderr

    expect("APP_ID: is required" in check(EXIT_CONFIG), "without settings")
    name = cgi.write(cgi.site, "agora.env")
    same(check(0), "the configuration is good\n", "what it says")
    os.chmod(name, 0o644)
    expect("every user of this machine may use it" in check(EXIT_CONFIG), "its mode")
    other = cgi.write(cgi.top, "other.env", text=SETTINGS + "POLICY_FILE=/nowhere\n")
    expect("/nowhere" in check(EXIT_CONFIG, AGORA_ENV_FILE=other), "its policy")
    # A query may become arguments.
    cgi.write(cgi.site, "agora.env")
    done = subprocess.run([script, "--check-config"], capture_output=True, check=False,
                          env=variables(target="/ping?--check-config", SCRIPT_FILENAME=script,
                                        DOCUMENT_ROOT=cgi.root))
    same(fc.parse_answer(done.stdout, "GET", "/ping").json(), {"message": "pong"}, "a request's answer")


def test_settings_in_the_environment(run, build, report):
    cgi = Cgi(run, build)
    token = cgi.token(APP_ID=APP_ID, APP_CERTIFICATE=CERTIFICATE)["token"]
    expect(token.startswith("007"), token)
    answer = cgi.run(target="/ping", APP_ID=APP_ID, APP_CERTIFICATE=CERTIFICATE)
    same((answer.status, answer.json()), (200, {"message": "pong"}), "answer")


def test_settings_beside_and_above(run, build, report):
    for up, where in enumerate((("a", "b", "site"), ("a", "b"), ("a",))):
        cgi = Cgi(run, build)
        cgi.write(cgi.top, *where, "agora.env")
        expect(cgi.token()["token"].startswith("007"), f"no token, {up} above")
    cgi = Cgi(run, build)
    cgi.write(cgi.top, "agora.env")
    cgi.refused("APP_ID")


def test_the_nearest_settings_count(run, build, report):
    cgi = Cgi(run, build)
    cgi.write(cgi.top, "a", "agora.env", origin="*")
    cgi.write(cgi.site, "agora.env", origin=ORIGIN)
    answer = cgi.run(target="/ping", HTTP_ORIGIN=ORIGIN)
    same(answer.headers.get("access-control-allow-origin"), ORIGIN, "allowed origin")


def test_named_settings(run, build, report):
    cgi = Cgi(run, build)
    cgi.write(cgi.site, "agora.env", origin="*")  # not looked at then
    name = cgi.write(cgi.top, "elsewhere", "settings", origin=ORIGIN)
    answer = cgi.run(target="/ping", HTTP_ORIGIN=ORIGIN, AGORA_ENV_FILE=name)
    same(answer.headers.get("access-control-allow-origin"), ORIGIN, "allowed origin")
    cgi.refused("No such file", AGORA_ENV_FILE=name + "x")
    cgi.refused("too long", AGORA_ENV_FILE="/" + "x" * 5000)
    cgi.token(AGORA_ENV_FILE=name, DOCUMENT_ROOT=None, SCRIPT_FILENAME=None)


SERVED = "lies where the web server may serve it"


def test_settings_that_the_web_would_serve(run, build, report):
    cgi = Cgi(run, build)
    for name in (
        cgi.write(cgi.root, "agora.env"),
        cgi.write(cgi.root, "private", "deep", ".env"),
        cgi.write(cgi.bin, "agora.env"),
        cgi.write(cgi.bin, "lib", "agora.env"),
    ):
        cgi.refused(SERVED, AGORA_ENV_FILE=name)
        cgi.refused(SERVED, AGORA_ENV_FILE=name, DOCUMENT_ROOT=cgi.root + "/")
        link = os.path.join(cgi.top, "link")
        os.symlink(name, link)
        cgi.refused(SERVED, AGORA_ENV_FILE=link)
        os.remove(link)
    below = cgi.write(cgi.root, "agora.env")
    roundabout = os.path.join(cgi.bin, "..", "htdocs", ".", "agora.env")
    cgi.refused(SERVED, AGORA_ENV_FILE=roundabout)
    os.symlink(cgi.root, os.path.join(cgi.top, "www"))
    cgi.refused(SERVED, AGORA_ENV_FILE=below, DOCUMENT_ROOT=os.path.join(cgi.top, "www"))
    cgi.refused(SERVED, AGORA_ENV_FILE=cgi.write(cgi.top, "s"), DOCUMENT_ROOT="/")


def test_settings_found_in_the_document_root(run, build, report):
    """cgi-bin within it: what is beside it is served."""
    cgi = Cgi(run, build)
    cgi.write(cgi.site, "agora.env")
    cgi.refused(SERVED, DOCUMENT_ROOT=cgi.site)
    cgi.refused(SERVED, DOCUMENT_ROOT=os.path.join(cgi.top, "a"))


def test_a_name_that_only_begins_alike(run, build, report):
    cgi = Cgi(run, build)
    cgi.token(AGORA_ENV_FILE=cgi.write(cgi.root + "-private", "agora.env"))
    cgi.token(AGORA_ENV_FILE=cgi.write(cgi.bin + "2", "agora.env"))


def test_settings_that_others_may_use(run, build, report):
    cgi = Cgi(run, build)
    for mode in (0o644, 0o604, 0o602, 0o601, 0o666):
        name = cgi.write(cgi.site, "agora.env", mode=mode)
        cgi.refused("every user of this machine may use it; chmod o=")
        cgi.refused("every user of this machine may use it; chmod o=", AGORA_ENV_FILE=name)
    for mode in (0o400, 0o600, 0o640, 0o660):
        cgi.write(cgi.site, "agora.env", mode=mode)
        cgi.token()


def test_bad_settings(run, build, report):
    cgi = Cgi(run, build)
    cgi.write(cgi.site, "agora.env", text=SETTINGS + "MAX_BODY=lots\n")
    cgi.refused("agora.env:3: MAX_BODY")
    cgi.write(cgi.site, "agora.env", text="APP_ID=0123\nAPP_CERTIFICATE=\n")
    cgi.refused("APP_ID")
    cgi.write(cgi.site, "agora.env", text="what is this\n")
    cgi.refused("agora.env:1: ")
    os.remove(os.path.join(cgi.site, "agora.env"))
    cgi.refused("APP_ID")


def test_a_body_is_read_though_it_is_of_no_use(run, build, report):
    """Else the site's log has nothing but Apache's failure to write it."""
    cgi = Cgi(run, build)
    with spawn(cgi, target="/getToken", method="POST", CONTENT_LENGTH=str(len(BODY))) as process:
        expect(not select.select([process.stdout], [], [], 0.3)[0], "it answers before it has read it")
        out, _ = process.communicate(BODY, timeout=kit.DEADLINE)
        same(fc.parse_answer(out, "POST", "/getToken").status, 500, "status")


def with_settings(run, build):
    cgi = Cgi(run, build)
    cgi.write(cgi.site, "agora.env")
    return cgi


CHUNKED = {"CONTENT_LENGTH": None, "HTTP_TRANSFER_ENCODING": "chunked"}


def test_bodies(run, build, report):
    cgi = with_settings(run, build)
    big = fc.padded_body(MAX_BODY)
    cgi.token(big)
    cgi.token(BODY + b"more than was announced", CONTENT_LENGTH=str(len(BODY)))
    cgi.token(**CHUNKED)
    cgi.token(big, **CHUNKED)
    for body, status, code, env in (
        (big + b" ", 413, "body_too_large", {}),
        (b"", 413, "body_too_large", {"CONTENT_LENGTH": "65537"}),
        (b"", 413, "body_too_large", {"CONTENT_LENGTH": "9223372036854775807"}),
        (big + b" ", 413, "body_too_large", CHUNKED),
        (big * 4, 413, "body_too_large", CHUNKED),
        (BODY, 400, "body_cut", {"CONTENT_LENGTH": str(len(BODY) + 1)}),
        (b"", 400, "body_cut", {"CONTENT_LENGTH": "1"}),
        (BODY, 400, "body_cut", {"CONTENT_LENGTH": "-1"}),
        (BODY, 400, "body_cut", {"CONTENT_LENGTH": "+5"}),
        (BODY, 400, "body_cut", {"CONTENT_LENGTH": "0x10"}),
        (BODY, 400, "body_cut", {"CONTENT_LENGTH": "99999999999999999999"}),
        (BODY, 400, "invalid_body", {"CONTENT_LENGTH": None}),
        (BODY, 400, "invalid_body", {"CONTENT_LENGTH": ""}),
        (BODY, 400, "invalid_body", {"CONTENT_LENGTH": "0"}),
        (b"", 400, "invalid_body", CHUNKED),
    ):
        same(cgi.token(body, status, **env)["code"], code, f"code with {env}")


def spawn(cgi, **env):
    env = {"SCRIPT_FILENAME": cgi.script, "DOCUMENT_ROOT": cgi.root} | env
    return subprocess.Popen(
        [cgi.program],
        env=variables(**env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_body_that_comes_slowly(run, build, report):
    cgi = with_settings(run, build)
    for env in ({"CONTENT_LENGTH": str(len(BODY))}, {"HTTP_TRANSFER_ENCODING": "chunked"}):
        with spawn(cgi, target="/getToken", method="POST", **env) as process:
            for i in range(0, len(BODY), 10):
                process.stdin.write(BODY[i : i + 10])
                process.stdin.flush()
                time.sleep(0.005)
            out, _ = process.communicate(timeout=kit.DEADLINE)
            same(fc.parse_answer(out, "POST", "/getToken").status, 200, "status")


def test_input_that_stays_open(run, build, report):
    """Where no more is announced, nothing more is waited for."""
    cgi = with_settings(run, build)
    for target, method, body in (("/ping", "GET", b""), ("/getToken", "POST", BODY)):
        length = str(len(body)) if body else ""
        with spawn(cgi, target=target, method=method, CONTENT_LENGTH=length) as process:
            began = time.monotonic()
            process.stdin.write(body)
            process.stdin.flush()
            out = process.stdout.read()
            expect(time.monotonic() - began < 10, "it waited for the end of the input")
            same(fc.parse_answer(out, method, target).status, 200, "status")
            process.stdin.close()


def test_head(run, build, report):
    answer = with_settings(run, build).run(target="/ping", method="HEAD")
    same((answer.status, answer.body), (200, b""), "answer")
    expect(int(answer.headers["content-length"]) > 0, answer.headers)


def test_answer_is_json(run, build, report):
    cgi = with_settings(run, build)
    answer = cgi.run(target="/no/such/thing")
    same(answer.status, 404, "status")
    same(json.loads(answer.body)["code"], "not_found", "code")
