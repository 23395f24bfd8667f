"""Many calls that wait: what they cost those who want a token, and what is left of them when their
clients go."""

import os
import re
import signal
import statistics
import threading
import time

import engine_client as fc
import kit
import rest_kit as rk
from kit import expect, same, wait_until
from rest_failures import KINDS, PUSH, RECORDING
from rest_kit import fails, succeeds
from rest_routes import ids_of
from sites import write

MANY = 500
PATIENT = {"TRY_TIMEOUT": "60", "CALL_TIMEOUT": "90", "WAIT_TIMEOUT": "120", "MAX_CALLS": "600"}
# Not of players, of which Agora takes only 20 in a minute.
# Each differs from the others, as those who want the same list share one call.
LISTS = ("/rtmp/push/list?channel=c{}",) * 5 + (
    "/rtt/list?channel=c{}", "/cloud_recording/status?resourceId=r&sid=s{}")


def latencies(client, count):
    """Milliseconds of so many tokens, one after the other."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        same(client.ask(fc.TOKEN).status, 200, "status")
        times.append(1000 * (time.perf_counter() - began))
    return times


def p99(times):
    return sorted(times)[len(times) * 99 // 100]


class Stuck:
    """Clients whose calls Agora does not answer. What Agora's limit refuses is asked again."""

    def __init__(self, address, count, between):
        self.clients = []
        begun = time.monotonic()
        for number in range(count):
            client = fc.Client(address)
            self.clients.append((client, fc.get(LISTS[number % len(LISTS)].format(number))))
            client.send(self.clients[-1][1])
            between()
            # A little below Agora's limits less what is for stops, all of them together.
            while time.monotonic() < begun + number / 50:
                between()
            self.ask_again()

    def ask_again(self):
        for client, request in self.clients:
            expect(client.is_open(), "a connection was closed")
            while client.answers:
                answer = client.answers.pop()
                same(answer.status, 429, f"status of a call that hangs ({answer.body})")
                client.send(request)

    def close(self):
        for client, _ in self.clients:
            client.close()


def in_flight(sim):
    return sim.control("GET", "state")["inFlight"]


def given_up(sim):
    try:
        wait_until(lambda: in_flight(sim) == 0, "the calls to be given up")
    except AssertionError as error:
        raise AssertionError(f"{error}: {in_flight(sim)} are left") from None


def told(times):
    return f"{statistics.median(times):.2f}/{p99(times):.2f}"


def check_tokens(w, settings, sim, what, accepted, told_at_once=True):
    """Token latency before, while 500 calls begin, and while they hang; another call gets through
    meanwhile. accepted() counts the connections that Agora took."""
    site = rk.Site(w.run, w.build, settings | PATIENT)
    with fc.Client(site.socket) as client:
        latencies(client, 300)  # warm
        before = latencies(client, 2000)
        sim.fault("hang", times=None,
                  match={"method": "GET", "path": "(rtmp-converters|agents|query)([?]|$)"})
        began = []
        stuck = Stuck(site.socket, MANY, lambda: began.extend(latencies(client, 5)))
        wait_until(lambda: stuck.ask_again() or in_flight(sim) >= MANY,
                   f"{MANY} calls at Agora, where {in_flight(sim)} are")
        during = latencies(client, 2000)
        start = time.monotonic()
        fails(site.get("/rtmp/push/status/other", region="na"), 404, "upstream_refused")
        took = time.monotonic() - start
        ratio, ratio_99 = (f(during) / f(before) for f in (statistics.median, p99))
        print(f"     {what}: {in_flight(sim)} calls hang over {accepted()} connections; token p50/p99 "
              f"{told(before)} ms before, {told(began)} while they begin, {told(during)} while they "
              f"hang: ratios {ratio:.2f} and {ratio_99:.2f}; another call took {1000 * took:.0f} ms",
              flush=True)
        expect(ratio < 3, f"tokens take {ratio:.1f} times as long")
        expect(p99(during) < 100, f"p99 of tokens {p99(during):.0f} ms")
        expect(took < 1, f"a call beside those that hang took {took:.1f} s")
        # All their clients go: nothing of theirs is left, at Agora neither.
        stuck.close()
        if told_at_once:
            given_up(sim)
        wait_until(lambda: site.responder_log().count("status=499") >= MANY, "their log lines")
        same(site.responder_log().count("status=499"), MANY, "calls that were cancelled")
        sim.no_faults()
        succeeds(site.get("/rtt/list"))
    site.stop()


def host_connections(sim):
    return lambda: sim.control("GET", "hosts")["hosts"][0]["connections"]


def test_tokens_while_500_calls_hang(w):
    sim = rk.Simulator(w.run, tls=True)
    settings = rk.settings_for(sim) | {"AGORA_CA_FILE": sim.ca_file}
    check_tokens(w, settings, sim, "HTTP/1.1 over TLS", host_connections(sim))


HTTP2 = """
daemon off;
pid nginx.pid;
worker_processes 1;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path body; fastcgi_temp_path f; proxy_temp_path p; scgi_temp_path s; uwsgi_temp_path u;
    log_format protocol "$connection $server_protocol $request_method $status";
    access_log protocol.log protocol;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {directory}/good.pem;
        ssl_certificate_key {directory}/good.key;
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_read_timeout 120s;
        }}
    }}
}}
"""


class Http2:
    """nginx in front of the simulator: Agora over HTTP/2."""

    def __init__(self, run):
        certificates = rk.Simulator(run, tls=True)  # makes them
        self.ca_file, self.sim = certificates.ca_file, rk.Simulator(run)
        self.directory, self.port = run.directory(), kit.free_port()
        path = os.path.join(self.directory, "nginx.conf")
        write(path, HTTP2.format(port=self.port, directory=certificates.directory,
                                 upstream=self.sim.ports[0]))
        self.log_path = os.path.join(self.directory, "protocol.log")
        with open(os.path.join(self.directory, "log"), "wb") as log:
            argv = ["nginx", "-e", "stderr", "-p", self.directory, "-c", path]
            self.nginx = run.start(argv, log)
        wait_until(self.listens, "nginx with HTTP/2")
        self.url = f"https://127.0.0.1:{self.port}"

    def listens(self):
        expect(self.nginx.poll() is None, "nginx with HTTP/2 ended")
        try:
            kit.connect(self.port).close()
        except ConnectionRefusedError:
            return False
        return True

    def settings(self):
        return rk.settings_for(self) | {"AGORA_CA_FILE": self.ca_file}

    def protocols(self):
        with open(self.log_path, encoding="utf-8") as file:
            return [line.split()[:2] for line in file]

    def connections(self):
        with open("/proc/net/tcp", encoding="ascii") as file:
            rows = [line.split() for line in file]
        here = f"0100007F:{self.port:04X}"
        return sum(1 for row in rows if row[1] == here and row[3] == "01")


def test_tokens_while_500_calls_hang_over_http_2(w):
    agora = Http2(w.run)
    # libcurl 7.88 tells Agora of a stream that is given up only with the next thing that it sends.
    check_tokens(w, agora.settings(), agora.sim, "HTTP/2 over TLS", agora.connections, False)
    same({protocol for _, protocol in agora.protocols()}, {"HTTP/2.0"}, "protocols")


def test_http_2_calls_share_connections_and_starts_are_sent_once(w):
    agora = Http2(w.run)
    site = rk.Site(w.run, w.build, agora.settings())
    for _ in range(10):
        succeeds(site.get("/rtmp/push/list"))
    same(len({c for c, _ in agora.protocols()}), 1, "connections of safe calls")
    for kind in KINDS:
        agora.sim.fault("drop_after", match=kind.match)  # nginx makes it a 502
        before = kind.started(w.at(site, agora.sim))
        succeeds(kind.start(site))
        same(kind.started(w.at(site, agora.sim)), before + 1, f"{kind.name} started")
    same({protocol for _, protocol in agora.protocols()}, {"HTTP/2.0"}, "protocols")
    site.stop()


# Limits


def hanging(site, sim, count, target="/rtt/list"):
    """So many clients whose calls hang: of lists that differ, as those who want the same share one."""
    clients = []
    for number in range(count):
        clients.append(fc.Client(site.socket))
        clients[-1].send(fc.get(f"{target}?channel=c{number}"))
    wait_until(lambda: in_flight(sim) >= count, f"{count} calls")
    return clients


def check_503(w, settings, says):
    site = rk.Site(w.run, w.build, rk.settings_for(w.sim) | PATIENT | settings)
    w.sim.fault("hang", times=None, match={"method": "GET", "path": "/agents[?]"})
    clients = hanging(site, w.sim, 3)
    for answer in [site.get("/rtt/list"), *[kind.start(site) for kind in KINDS]]:
        fails(answer, 503, "overloaded", says=says)
        same(answer.header("Retry-After"), "1", "Retry-After")
    same(fc.ask(site.socket, fc.TOKEN).status, 200, "status of a token")
    for client in clients:
        client.close()
    wait_until(lambda: in_flight(w.sim) == 0, "the calls to be given up")
    w.sim.no_faults()
    succeeds(site.get("/rtt/list"))
    succeeds(PUSH.start(site))
    site.stop()


def test_more_calls_than_max_calls(w):
    check_503(w, {"MAX_CALLS": "3"}, "too many calls to Agora in progress (MAX_CALLS)")


def test_more_requests_than_max_waiting(w):
    check_503(w, {"MAX_WAITING": "3"}, "as many requests under way")


# Clients that go


def leave(site, w, kind):
    """Asks through nginx, and goes once Agora has the call."""
    body = rk.json.dumps(kind.body if kind else {}).encode()
    method, target = ("POST", kind.target) if kind else ("GET", "/rtmp/push/list")
    headers = [("X-Request-ID", f"gone-{time.monotonic_ns()}")]
    data = kit.request_bytes(method, target, headers, body if kind else b"")
    with kit.connect(site.port) as connection:
        connection.sendall(data)
        match = kind.match["path"] if kind else "/rtmp-converters$"
        wait_until(lambda: [e for e in w.sim.since(0, last=3) if re.search(match, e["target"])
                            and e["headers"]["x-request-id"] == headers[0][1]], "the call at Agora")
    return headers[0][1]


def line_of(site, request_id):
    wait_until(lambda: site.log_lines(request_id), "the log line")
    return site.log_lines(request_id)[0]


def test_clients_that_go(w):
    """What only asks is given up; what starts something goes to its end, and is logged."""
    w.sim.fault("hang", match={"method": "GET", "path": "/rtmp-converters$"})
    request_id = leave(w.site, w, None)
    expect(" status=499 " in line_of(w.site, request_id), line_of(w.site, request_id))
    wait_until(lambda: in_flight(w.sim) == 0, "the call to be given up")
    for kind in KINDS:
        before = kind.started(w)
        w.sim.fault("delay", match=kind.match, ms=600)
        request_id = leave(w.site, w, kind)
        same(kind.started(w), before, "started while it waits")
        line = line_of(w.site, request_id)
        expect(" status=200 " in line, line)
        same(kind.started(w), before + 1, f"{kind.name} started")
    job = succeeds(RECORDING.start(w.site))
    w.sim.fault("delay", match={"path": "/stop$"}, ms=600)
    stop = rk.json.dumps(ids_of(job)).encode()
    with kit.connect(w.site.port) as connection:
        connection.sendall(kit.request_bytes("POST", "/cloud_recording/stop", [], stop))
        wait_until(lambda: w.sim.since(0, last=1)[0]["target"].endswith("/stop"), "the stop at Agora")
    wait_until(lambda: not [t for t in w.sim.state("recording")["tasks"]
                            if t["sid"] == job["sid"] and t["running"]], "the recording to stop")


def test_calls_under_way_when_the_service_stops_or_reloads(w):
    for number in (signal.SIGTERM, signal.SIGHUP):
        site = rk.Site(w.run, w.build, rk.settings_for(w.sim))
        before = {kind: kind.started(w) for kind in KINDS}
        for kind in KINDS:
            w.sim.fault("delay", match=kind.match, ms=1000)
        answers = []
        thread = threading.Thread(target=lambda s=site, a=answers: a.extend(
            rk.in_threads(*[lambda k=kind: k.start(s) for kind in KINDS])))
        thread.start()
        wait_until(lambda: in_flight(w.sim) >= len(KINDS), "the starts at Agora")
        site.responder.send_signal(number)
        thread.join()
        for kind, answer in zip(KINDS, answers):
            succeeds(answer)
            same(kind.started(w), before[kind] + 1, f"{kind.name} started")
        if number == signal.SIGTERM:
            same(site.responder.wait(kit.DEADLINE), 0, "exit status")
            site.responder = None
        site.stop()
