"""For tests: starts a simulator, scripts it, looks into it, and calls it as Agora's clients do."""

import base64
import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from urllib.parse import urlencode, urlsplit

import tokens

HERE = os.path.dirname(os.path.abspath(__file__))
APP_ID = "0123456789abcdef0123456789abcdef"
CERTIFICATE = "fedcba9876543210fedcba9876543210"
CUSTOMER = ("customer", "secret")


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, dict(response.getheaders())
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    def header(self, name):
        return next((v for k, v in self.headers.items() if k.lower() == name.lower()), None)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


def fetch(url, method="GET", target="/", headers=None, body=None, timeout=10, context=None):
    parts = urlsplit(url)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=timeout, context=context
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request(method, target, body, headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def trusting(ca):
    return ssl.create_default_context(cafile=ca)


def basic(customer=CUSTOMER):
    return "Basic " + base64.b64encode(":".join(customer).encode()).decode()


class Simulator:
    """A simulator process. Closing its standard input ends it, so it never outlives the test."""

    def __init__(self, *arguments, hosts=1, log=None):
        listen = [f"--listen=127.0.0.1:{0}"] * hosts
        self.log_file = log or tempfile.TemporaryFile()
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("APP_", "CUST"))}
        self.process = subprocess.Popen(
            [
                sys.executable, os.path.join(HERE, "simulator.py"), "--until-eof", "--control=0",
                f"--app-id={APP_ID}", f"--app-certificate={CERTIFICATE}",
                f"--customer-id={CUSTOMER[0]}", f"--customer-secret={CUSTOMER[1]}",
                *listen, *arguments,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log_file, env=environment,
        )
        words = self.process.stdout.readline().decode().split()
        if not words or words[0] != "ready":
            raise RuntimeError("the simulator did not start: " + self.errors())
        self.urls = words[1:-1]
        self.control_url = words[-1].removeprefix("control=")
        self.url = self.urls[0]

    def errors(self):
        self.log_file.seek(0)
        return self.log_file.read().decode("utf-8", "replace")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
        return self.process.returncode

    # /_sim/

    def control(self, method, name, body=None, **query):
        target = f"/_sim/{name}" + ("?" + urlencode(query) if query else "")
        data = None if body is None else json.dumps(body)
        answer = fetch(self.control_url, method, target, body=data)
        if answer.status != 200:
            raise AssertionError(f"{method} {target}: {answer}")
        return answer.json

    def reset(self):
        self.control("POST", "reset")

    def fault(self, action, times=1, match=None, **parameters):
        body = {"action": action, "times": times, "match": match or {}, **parameters}
        return self.control("POST", "faults", body)["ids"][0]

    def config(self, **settings):
        return self.control("POST", "config", settings)

    def advance(self, seconds):
        return self.control("POST", "advance", {"seconds": seconds})

    def set_host(self, host, **what):
        return self.control("POST", "hosts", {"host": host, **what})

    def log(self, **query):
        return self.control("GET", "log", **query)["entries"]

    def state(self, product=None):
        state = self.control("GET", "state")
        return state[product] if product else state

    # Agora's API

    def call(self, method, target, body=None, headers=None, url=None, **more):
        """One request with the right credentials. A body that is not bytes goes out as JSON."""
        given = {"Authorization": basic(), "X-Request-ID": f"test-{time.monotonic_ns()}"}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            given["Content-Type"] = "application/json"
        for name, value in (headers or {}).items():
            given.pop(name, None)
            if value is not None:
                given[name] = value
        return fetch(url or self.url, method, target, given, body, **more)


def token(channel, uid, privileges=(1, 2, 3, 4), expire=tokens.DAY, issued=None, **other):
    return tokens.rtc(
        other.get("app_id", APP_ID),
        other.get("certificate", CERTIFICATE),
        channel,
        uid,
        privileges,
        time.time() if issued is None else issued,
        expire,
    )
