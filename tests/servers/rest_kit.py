"""A responder behind nginx whose Agora is the simulator; what each was asked and answered."""

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from urllib.parse import quote, urlencode, urlsplit

import kit
import sites
import tokens
from cases import check_common
from kit import TOP, expect, same, wait_until
from sites import APP_ID, CERTIFICATE

CUSTOMER_ID = "rest-customer-id-b1"
CUSTOMER_SECRET = "rest-customer-secret-9f31c2"
ACCESS_KEY, SECRET_KEY = "storage-access-key-77d0", "storage-secret-key-4ae6"
STREAM_KEY = "stream-key-5bd1e0"
CIPHER_SECRET = "cipher-secret-c0ffee"
CIPHER_SALT = "c2FsdC1vZi0zMi1ieXRlcy1mb3ItdGhlLXRlc3RzISE="
OWN_SECRET_KEY = "clients-own-storage-key-19b"
# None of these may be in a log or in an error.
SECRETS = (CERTIFICATE, CUSTOMER_SECRET, ACCESS_KEY, SECRET_KEY, STREAM_KEY, CIPHER_SECRET,
           CIPHER_SALT, OWN_SECRET_KEY)
TOKEN = re.compile(r"007eJ[A-Za-z0-9+/=]{40,}")  # eJ: how zlib begins
DAY = 86400

PATHS = {
    "AGORA_CLOUD_RECORDING_URL": "v1/apps/{appId}/cloud_recording",
    "AGORA_RTT_URL": "api/speech-to-text/v1/projects/{appId}",
    "AGORA_RTMP_URL": "v1/projects/{appId}/rtmp-converters",
    "AGORA_CLOUD_PLAYER_URL": "v1/projects/{appId}/cloud-player",
}
STORAGE = {
    "STORAGE_VENDOR": "1",
    "STORAGE_REGION": "3",
    "STORAGE_BUCKET": "bucket",
    "STORAGE_BUCKET_ACCESS_KEY": ACCESS_KEY,
    "STORAGE_BUCKET_SECRET_KEY": SECRET_KEY,
}
CUSTOMER = {"CUSTOMER_ID": CUSTOMER_ID, "CUSTOMER_SECRET": CUSTOMER_SECRET}
IMPATIENT = {"CONNECT_TIMEOUT": "1", "TRY_TIMEOUT": "1", "CALL_TIMEOUT": "4"}
HASTY = IMPATIENT | {"CALL_TIMEOUT": "2"}

RECORDING = f"/v1/apps/{APP_ID}/cloud_recording"
SPEECH = f"/api/speech-to-text/v1/projects/{APP_ID}"
PROJECT = f"/v1/projects/{APP_ID}"
UUID = r"[0-9a-f]{32}"
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Control:
    """A simulator that runs. Entries of its log are what a responder sent, exactly."""

    def __init__(self, port):
        self.control_port = port

    def control(self, method, name, body=None, **query):
        target = f"/_sim/{name}" + ("?" + urlencode(query) if query else "")
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=30)
        try:
            connection.request(method, target, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        expect(answer.status == 200, f"{method} {target}: {answer.status} {text!r}")
        return json.loads(text)

    def reset(self):
        self.control("POST", "reset")

    def fault(self, action, times=1, match=None, **parameters):
        body = {"action": action, "times": times, "match": match or {}, **parameters}
        return self.control("POST", "faults", body)["ids"][0]

    def fired(self):
        return {f["id"]: f["fired"] for f in self.control("GET", "faults")["faults"]}

    def no_faults(self):
        self.control("DELETE", "faults")

    def config(self, **settings):
        self.control("POST", "config", settings)

    def advance(self, seconds):
        self.control("POST", "advance", {"seconds": seconds})

    def set_host(self, host, **what):
        self.control("POST", "hosts", {"host": host, **what})

    def state(self, product):
        return self.control("GET", "state")[product]

    def newest(self):
        return self.control("GET", "log", last=1, fields="n")["newest"]

    def since(self, mark, **query):
        return self.control("GET", "log", since=mark, **query)["entries"]

    def violations(self, mark=0):
        return [(e["method"], e["path"], e["violations"]) for e in self.since(mark, violations=1)]


class Simulator(Control):
    """Agora, started here."""

    def __init__(self, run, *arguments, hosts=1, tls=False, config=None):
        self.directory = run.directory()
        self.log_path = os.path.join(self.directory, "simulator.log")
        argv = [
            sys.executable, os.path.join(TOP, "tests", "simulator", "simulator.py"),
            "--control", "0", *["--listen", "127.0.0.1:0"] * hosts,
            "--app-id", APP_ID, "--app-certificate", CERTIFICATE,
            "--customer-id", CUSTOMER_ID, "--customer-secret", CUSTOMER_SECRET, *arguments,
        ]
        if tls:
            argv += ["--tls-make", self.directory]
            self.ca_file = os.path.join(self.directory, "ca.pem")
        if config:
            argv += ["--config", json.dumps(config)]
        with open(self.log_path, "wb") as log:
            self.process = run.start(argv, log, stdout=subprocess.PIPE)
        words = self.process.stdout.readline().decode().split()
        expect(words[:1] == ["ready"], f"the simulator did not start: {sites.read(self.log_path)}")
        self.urls = words[1:-1]
        self.ports = [urlsplit(url).port for url in self.urls]
        super().__init__(urlsplit(words[-1].removeprefix("control=")).port)
        self.url = self.urls[0]


def settings_for(simulator):
    return {"AGORA_BASE_URL": simulator.url + "/", **CUSTOMER, **PATHS, **STORAGE}


class Site(sites.Nginx):
    """nginx and a responder with these settings."""

    def __init__(self, run, build, settings, kind="list", env_file=None):
        self.settings, self.env_text = settings, env_file
        super().__init__(run, build, kind)

    def start_responder(self, **_):
        argv = [sites.responder_path(self.build), "--socket", self.socket]
        if self.env_text is not None:
            path = os.path.join(self.directory, ".env")
            sites.write(path, self.env_text)
            argv += ["--env-file", path]
        env = sites.environment(sites.SETTINGS[self.kind] | self.settings)
        if self.env_text is not None:
            del env["APP_ID"], env["APP_CERTIFICATE"]
        with open(self.log_path, "ab") as log:
            process = self.run.start(argv, log, env)
        wait_until(lambda: " serves" in self.responder_log() or process.poll() is not None,
                   "the responder")
        expect(process.poll() is None, f"the responder ended: {self.responder_log()}")
        return process

    def config(self, **more):
        conf = super().config(**more)
        # A call to Agora may take CALL_TIMEOUT; the shipped 15 s is for tokens.
        path = os.path.join(self.directory, "agora", "agora-location.conf")
        sites.write(path, re.sub(r"fastcgi_read_timeout\s+\w+;", "fastcgi_read_timeout 45s;",
                                 sites.read(path)))
        return conf

    def ask(self, method, target, body=None, headers=(), patient=True):
        """Asks; a client that is told that Agora's limit is used up asks again."""
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        while True:
            answer = self.send(method, target, headers, data)
            if not (patient and answer.status == 429 and answer.header("Retry-After")):
                break
            if answer.json()["code"] != "rate_limited":
                break
            time.sleep(0.1)
        check_common(answer, answer.request_id)
        if answer.status >= 400:
            no_secrets(answer.body.decode(), f"the error of {method} {target}")
        return answer

    def post(self, target, body, **more):
        return self.ask("POST", target, body, **more)

    def get(self, target, **query):
        return self.ask("GET", target + ("?" + urlencode(query) if query else ""))

    def stop(self):
        super().stop()
        no_secrets(self.responder_log(), "the responder's log")
        no_secrets(self.server_log(), "nginx's log")


def secret_forms():
    return {form for secret in SECRETS for form in (secret, quote(secret, safe=""))}


def no_secrets(text, where):
    for form in secret_forms():
        expect(form not in text, f"{where} holds {form}: {text[:2000]}")
    expect(not TOKEN.search(text), f"{where} holds a token: {text[:2000]}")


def succeeds(answer, status=200):
    same(answer.status, status, f"status ({answer.body.decode()})")
    body = answer.json()
    expect(TIMESTAMP.fullmatch(body.get("timestamp", "")), f"timestamp in {body}")
    return body


def fails(answer, status, code, field=None, says="", upstream=None, known=None):
    """An error of ours. upstream: what is in its member of that name, exactly."""
    same(answer.status, status, f"status ({answer.body.decode()})")
    error = answer.json()
    same(error["code"], code, f"code ({error})")
    same(error["status"], status, "status in the body")
    same(error["requestId"], answer.header("X-Request-ID"), "requestId")
    same(error.get("field"), field, f"field ({error})")
    expect(says in error["error"], f"{error['error']!r} does not say {says!r}")
    if upstream is not None:
        same(error.get("upstream"), upstream, f"upstream ({error})")
    if known is not None:
        expect(set(known) <= set(error.get("known", {})), f"{known} is not known ({error})")
        expect(all(error["known"].values()), f"known, and empty: {error}")
    return error


def in_threads(*jobs):
    """Runs them at the same time; their results in order. An error of one is raised."""
    results, errors = [None] * len(jobs), []

    def run(i, job):
        try:
            results[i] = job()
        except BaseException as error:  # it is raised again, by whoever waits
            errors.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


class Upstream:
    """What our responder asked the simulator from here on."""

    def __init__(self, simulator):
        self.simulator, self.mark = simulator, simulator.newest()

    def entries(self):
        return self.simulator.since(self.mark)

    def nothing(self):
        same([(e["method"], e["target"]) for e in self.entries()], [], "asked of Agora")

    def exactly(self, *wanted, build=None, channel=None, uid=None, ids=None, clean=True):
        """wanted: (method, target, body), in order. Tokens in bodies are looked at and then
        "TOKEN"; the name of files is looked at and then "PREFIX"."""
        entries = self.entries()
        got = []
        for e in entries:
            body = e["json"]
            if e["text"]:
                body = e["text"]
            got.append((e["method"], e["target"], normal(body, build, channel, uid, ids)))
            same(e["headers"].get("authorization"), "Basic <redacted>", "authorization")
            same(e["headers"].get("content-type"), "application/json", "Content-Type")
            if clean:
                same(e["violations"], [], f"violations of {e['method']} {e['target']} {e['json']}")
        for one, other in zip(got, wanted):
            same(one, other, "request to Agora")
        same(len(got), len(wanted), f"requests to Agora ({got})")
        return entries


def normal(value, build, channel, uid, ids):
    if isinstance(value, dict):
        value = {k: normal(v, build, channel, uid, ids) for k, v in value.items()}
        if "fileNamePrefix" in value and value["fileNamePrefix"][-1:] == ["PREFIX"]:
            value["fileNamePrefix"] = "PREFIX"
        return value
    if isinstance(value, list):
        if len(value) in (2, 3) and all(isinstance(v, str) for v in value):
            made = time.strftime("%Y%m%d")
            if re.fullmatch(r"\d{8}", value[-2]) and re.fullmatch(r"\d{6}", value[-1]):
                days = {made, time.strftime("%Y%m%d", time.gmtime()),
                        time.strftime("%Y%m%d", time.gmtime(time.time() - 60))}
                expect(value[-2] in days, f"the day in fileNamePrefix {value}")
                name = re.sub("[^A-Za-z0-9]", "", channel or "")[:111]
                same(value[:-2], [name] if name else [], "the channel in fileNamePrefix")
                return ["PREFIX"]
        return [normal(v, build, channel, uid, ids) for v in value]
    if isinstance(value, str) and TOKEN.fullmatch(value) and build:
        tokens.check(build, value, tokens.rtc(channel, uid, ids, DAY), DAY)
        return "TOKEN"
    return value
