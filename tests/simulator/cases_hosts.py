"""Several hosts, TLS, and very many connections: each case with simulators of its own."""

import http.client
import os
import resource
import selectors
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from urllib.parse import urlsplit

from cases_door import ACQUIRE, GOOD
from client import HERE, Simulator, basic, fetch, trusting
from expecting import expect, fails, gives, same, wait_until

STUCK = 1000


def _with(test, *arguments, **more):
    simulator = Simulator(*arguments, **more)
    try:
        test(simulator)
    finally:
        status = simulator.stop()
    same((status, simulator.errors()), (0, ""), "how it ended")


def _call(s, number=0, **more):
    more.setdefault("timeout", 5)
    return s.call("POST", ACQUIRE, GOOD, url=s.urls[number], **more)


def test_hosts_share_their_state_and_fail_alone():
    def test(s):
        same(len(set(s.urls)), 3, "hosts")
        for number in range(3):
            gives(_call(s, number), 200)
        same(s.state("recording")["resources"], 3, "resources")
        same([entry["host"] for entry in s.log()], ["h0", "h1", "h2"], "hosts in the log")
        s.fault("status", times=None, match={"host": "h1"}, status=503)
        same([_call(s, n).status for n in range(3)], [200, 503, 200], "one host is faulty")

    _with(test, hosts=3)


def test_a_host_goes_down_and_comes_back():
    def test(s):
        parts = urlsplit(s.urls[1])
        kept = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        kept.request("GET", "/x", headers={"Authorization": basic()})
        kept.getresponse().read()
        s.set_host("h1", state="down")
        fails(lambda: _call(s, 1), ConnectionRefusedError)
        kept.auto_open = 0
        fails(lambda: (kept.request("GET", "/x"), kept.getresponse()),
              ConnectionError, http.client.HTTPException)
        kept.close()
        gives(_call(s, 0), 200)
        s.set_host("h1", state="up")
        gives(_call(s, 1), 200)
        gives(fetch(s.urls[1], "POST", "/_sim/hosts", body=b'{"host":"h1","state":"down"}'), 200)
        wait_until(lambda: s.control("GET", "hosts")["hosts"][1]["state"] == "down", "its own end")
        s.reset()
        gives(_call(s, 1), 200)

    _with(test, hosts=2)


def test_a_host_is_stuck():
    def test(s):
        s.set_host("h0", state="stuck")
        fails(lambda: _call(s, 0, timeout=0.2), TimeoutError)
        same(s.log(last=1)[0]["fault"], "stuck", "fault")
        gives(_call(s, 1), 200)
        s.set_host("h0", state="up")
        gives(_call(s, 0), 200)

    _with(test, hosts=2)


def test_a_host_is_a_black_hole():
    def test(s):
        s.set_host("h0", state="blackhole")
        fails(lambda: _call(s, 0, timeout=0.3), TimeoutError)
        fails(lambda: _call(s, 0, timeout=0.3), TimeoutError)
        gives(_call(s, 1), 200)
        s.set_host("h0", state="up")
        gives(_call(s, 0), 200)

    _with(test, hosts=2)


def test_tls():
    directory = tempfile.mkdtemp(prefix="agora-simulator-test.")
    try:
        _with(lambda s: _tls(s, directory), "--tls-make", directory, hosts=2)
        pair = [os.path.join(directory, "good" + end) for end in (".pem", ".key")]
        expired = [os.path.join(directory, "expired" + end) for end in (".pem", ".key")]
        trust = trusting(os.path.join(directory, "ca.pem"))
        _with(lambda s: gives(_call(s, context=trust), 200), "--tls", *pair)
        _with(lambda s: _expired(s, 0, trust), "--expired-tls", *expired)
        _with(lambda s: fails(lambda: _call(s, context=trust), ssl.SSLError), "--expired-tls")
    finally:
        shutil.rmtree(directory)


def _expired(s, number, trust):
    error = fails(lambda: _call(s, number, context=trust), ssl.SSLCertVerificationError)
    expect("expired" in str(error), error)


def _tls(s, directory):
    expect(all(url.startswith("https://127.0.0.1:") for url in s.urls), s.urls)
    trust = trusting(os.path.join(directory, "ca.pem"))
    gives(_call(s, 0, context=trust), 200)
    fails(lambda: _call(s, 0, context=ssl.create_default_context()), ssl.SSLError)
    s.set_host("h1", tls="expired")
    _expired(s, 1, trust)
    gives(_call(s, 0, context=trust), 200)
    s.set_host("h1", tls="good")
    gives(_call(s, 1, context=trust), 200)
    for action, error in (("reset", ConnectionError), ("drop", http.client.RemoteDisconnected),
                          ("truncate", http.client.IncompleteRead)):
        s.fault(action)
        fails(lambda: _call(s, 0, context=trust), error, ssl.SSLError)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(os.path.join(directory, "ca.pem"))
    parts = urlsplit(s.urls[0])
    with socket.create_connection((parts.hostname, parts.port), 5) as raw:
        with old.wrap_socket(raw, server_hostname=parts.hostname) as wrapped:
            expect(wrapped.version() in ("TLSv1.2", "TLSv1.3"), wrapped.version())


def test_a_thousand_stuck_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = STUCK + 200
    expect(hard == resource.RLIM_INFINITY or hard >= wanted, "too few open files allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        _with(_stuck)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _stuck(s):
    s.fault("delay", times=STUCK, ms=2000)
    parts = urlsplit(s.url)
    text = f"GET /stuck HTTP/1.1\r\nHost: x\r\nAuthorization: {basic()}\r\n\r\n".encode()
    waiting, sockets = selectors.DefaultSelector(), []
    for _ in range(STUCK):
        one = socket.create_connection((parts.hostname, parts.port), 5)
        one.sendall(text)
        waiting.register(one, selectors.EVENT_READ)
        sockets.append(one)
    same(gives(_call(s), 200).status, 200, "others are served")
    same(s.state()["peakInFlight"] >= STUCK, True, "stuck at once")
    answered = 0
    while answered < STUCK:
        ready = waiting.select(10)
        expect(ready, f"only {answered} were answered")
        for key, _ in ready:
            expect(key.fileobj.recv(100).startswith(b"HTTP/1.1 404 "), "an answer")
            waiting.unregister(key.fileobj)
            answered += 1
    for one in sockets:
        one.close()


def test_options():
    environment = {"APP_ID": "a" * 32, "APP_CERTIFICATE": "b" * 32, "CUSTOMER_ID": "id",
                   "CUSTOMER_SECRET": "key", "PATH": os.environ["PATH"]}
    process = subprocess.Popen(
        [sys.executable, os.path.join(HERE, "simulator.py"), "--demo", "--port", "0",
         "--config", '{"statusStep": 3}'],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    )
    try:
        words = process.stdout.readline().decode().split()
        same((len(words), words[0]), (2, "ready"), "the first line")
        config = fetch(words[1], target="/_sim/config").json
        same(config["appId"], "a" * 32, "appId")
        same((config["statusStep"], config["pullListDelay"]), (3.0, 0.0), "settings")
        headers = {"Authorization": basic(("id", "key"))}
        gives(fetch(words[1], "GET", "/x", headers), 404)
        process.send_signal(signal.SIGTERM)
        same(process.wait(10), 0, "how it ended")
        same(process.stderr.read(), b"", "what it wrote")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
