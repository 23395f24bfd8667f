"""Reloading: a new worker with a new configuration, and nobody who notices."""

import os
import re
import shutil
import signal
import time

import engine_client as fc
import kit
from engine_client import TOKEN, Load, get
from engine_responder import Responder, children, descriptors, exists
from kit import Skip, expect, same, wait_until

PING = get("/ping")
CLIENTS = 64
SITE = """
{user}
daemon off;
pid {directory}/nginx.pid;
worker_processes 2;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory}/tmp-body;
    fastcgi_temp_path {directory}/tmp-fastcgi;
    proxy_temp_path {directory}/tmp-proxy;
    scgi_temp_path {directory}/tmp-scgi;
    uwsgi_temp_path {directory}/tmp-uwsgi;
    keepalive_requests 1000000;
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param REQUEST_URI    $request_uri;
    fastcgi_param CONTENT_LENGTH $content_length;
    fastcgi_param REMOTE_ADDR    $remote_addr;
    upstream tokens {{ server unix:{socket}; keepalive 32; }}
    upstream billed {{ server unix:{socket}; }}
    server {{
        listen 127.0.0.1:{tokens};
        fastcgi_keep_conn on;
        fastcgi_next_upstream error timeout non_idempotent;
        location / {{ fastcgi_pass tokens; }}
    }}
    server {{
        listen 127.0.0.1:{billed};
        fastcgi_keep_conn off;
        fastcgi_next_upstream off;
        location / {{ fastcgi_pass billed; }}
    }}
}}
"""


class Nginx:
    """Two ports: `tokens` keeps connections and asks again, `billed` does neither."""

    def __init__(self, run, responder):
        if not shutil.which("nginx"):
            raise Skip("there is no nginx")
        self.directory = run.directory()
        self.tokens, self.billed = kit.free_port(), kit.free_port()
        self.path, self.log_path = (os.path.join(self.directory, n) for n in ("conf", "log"))
        with open(self.path, "w") as file:
            user = "user www-data;" if os.geteuid() == 0 else ""
            file.write(SITE.format(user=user, socket=responder.address, **vars(self)))
        with open(self.log_path, "wb") as log:
            argv = ["nginx", "-e", "stderr", "-p", self.directory, "-c", self.path]
            self.process = run.start(argv, log)
        wait_until(self.listens, "nginx")

    def listens(self):
        expect(self.process.poll() is None, f"nginx ended: {self.log()}")
        try:
            kit.connect(self.billed).close()
        except ConnectionRefusedError:
            return False
        return True

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        same(self.process.wait(kit.DEADLINE), 0, "nginx's exit status")


def http_token():
    head = f"POST /getToken HTTP/1.1\r\nHost: a\r\nContent-Length: {len(fc.TOKEN_BODY)}\r\n\r\n"
    return head.encode() + fc.TOKEN_BODY


def reload(responder, ended=True):
    """Until the new worker serves and, unless it has something to do, the old one has ended: for a
    moment both accept.  Gives the old one."""
    old, mark = responder.worker(), responder.mark()
    responder.tell(signal.SIGHUP)
    responder.wait_log(" serves", mark)
    if ended:
        wait_until(lambda: not exists(old), "the old worker to end")
    return old


def reload_under(responder, load, times):
    """Each under load and until the old worker has ended."""
    thread = fc.started(load)
    wait_until(lambda: len(load.times) > 500, "answers")
    began = time.monotonic()
    for _ in range(times):
        before = len(load.times)
        reload(responder)
        wait_until(lambda n=before: len(load.times) > n + 4 * CLIENTS, "answers")
    seconds = time.monotonic() - began
    load.stop()
    thread.join()
    return seconds


def check_reloads(run, build, report, name, connect, request, finished, once=False, times=20):
    """connect: a function of the responder that gives the clients' connect function."""
    with Responder(build, run) as responder:
        first = responder.worker()
        wait_until(lambda: len(children(responder.master)) == 1, "one worker")
        files = descriptors(responder.master), descriptors(first)
        nginx, connect = connect(responder)
        load = Load(CLIENTS, connect, request, finished, once)
        seconds = reload_under(responder, load, times)
        pause = max(b - a for a, b in zip(load.times, load.times[1:]))
        report(
            f"{times} reloads, {name}",
            f"{len(load.lost)} of {len(load.times)} requests lost in {seconds:.1f} s, "
            f"statuses {load.statuses}, longest pause {pause * 1000:.0f} ms",
        )
        said = nginx.log()[-1000:] if nginx else ""
        same(load.lost, [], f"requests without an answer ({said})")
        same(set(load.statuses), {200}, f"statuses ({said})")
        if nginx:
            nginx.stop()
        # Nothing is left of all those workers.
        same(set(children(responder.master).values()) & {"Z"}, set(), "zombies")
        same(len(children(responder.master)), 1, "workers")
        worker = responder.worker()
        wait_until(lambda: descriptors(worker) <= files[1], "the worker's descriptors", 5)
        same((descriptors(responder.master), descriptors(worker)), files, "open files")
        log = responder.log()
        same(log.count(", stopping, ended with exit code 0"), times, "workers that ended well")
        expect("cut off" not in log, "requests were cut off")


def test_reloads_behind_nginx_that_keeps_connections(run, build, report):
    def connect(responder):
        nginx = Nginx(run, responder)
        return nginx, lambda: kit.connect(nginx.tokens)

    check_reloads(
        run,
        build,
        report,
        "nginx keepalive non_idempotent",
        connect,
        http_token(),
        fc.http_finished,
    )


def test_reloads_behind_nginx_that_never_asks_twice(run, build, report):
    def connect(responder):
        nginx = Nginx(run, responder)
        return nginx, lambda: kit.connect(nginx.billed)

    check_reloads(
        run,
        build,
        report,
        "nginx without keepalive or retries",
        connect,
        http_token(),
        fc.http_finished,
    )


def test_reloads_with_a_connection_for_each_request(run, build, report):
    def connect(responder):
        return None, lambda: fc.connect(responder.address)

    request = fc.post(keep=False)
    check_reloads(
        run, build, report, "a connection each", connect, request, fc.fastcgi_finished, True, 8
    )


# What a reload does


def allowed_origin(responder, origin="https://a.example"):
    answer = responder.ask(get("/ping", HTTP_ORIGIN=origin))
    return answer.headers.get("access-control-allow-origin")


def test_new_configuration(run, build, report):
    with Responder(build, run, env_file="CORS_ALLOW_ORIGIN=https://b.example\n") as responder:
        same(allowed_origin(responder), None, "allowed origin")
        responder.write_env("CORS_ALLOW_ORIGIN=https://a.example\nLOG_LEVEL=error\n")
        reload(responder)
        same(allowed_origin(responder), "https://a.example", "allowed origin after it")
        mark = responder.mark()
        responder.token()
        responder.write_env("LOG_LEVEL=info\n")
        reload(responder)
        expect("status=200" not in responder.log(mark), "requests were logged all the same")
        responder.token()
        responder.wait_log("status=200", mark)


BAD = {
    "LOG_LEVEL=loud\n": ("LOG_LEVEL", "env:1: "),
    "\nMAX_BODY=7\n": ("MAX_BODY", "env:2: "),
    "no line at all\n": ("env:1: ",),
    "LOG_FILE=/no/such/directory/log\n": ("LOG_FILE: /no/such/directory/log: ",),
    "WAIT_TIMEOUT=0\n": ("WAIT_TIMEOUT",),
    None: ("env: No such file or directory",),
}


def last_reload(responder):
    """What those see who look: the check of /readyz, and the metric."""
    with responder.client() as client:
        ready = client.ask(get("/readyz?verbose"))
        same((ready.status, ready.json()["status"]), (200, "ready"), "readiness")
        status, = (c["status"] for c in ready.json()["checks"] if c["name"] == "settings")
        metrics = client.ask(get("/metrics")).body.decode()
    return status, re.search(r"^agora_config_last_reload_successful (\d)$", metrics, re.M).group(1)


def test_bad_configuration(run, build, report):
    good = "CORS_ALLOW_ORIGIN=https://a.example\n"
    with Responder(build, run, env_file=good) as responder:
        pid = responder.worker()
        for text, words in BAD.items():
            if text is None:
                os.remove(responder.env_path)
            else:
                responder.write_env(text)
            mark = responder.mark()
            responder.tell(signal.SIGHUP)
            log = responder.wait_log(
                f"the new configuration is not used; worker {pid} goes on", mark
            )
            for word in words:
                expect(word in log, f"{text!r}: no {word!r} in {log!r}")
            same(allowed_origin(responder), "https://a.example", "allowed origin")
            same(last_reload(responder), ("warning", "0"), "what it says of its settings")
        same(list(children(responder.master)), [pid], "workers")
        other = "https://b.example"
        responder.write_env(f"CORS_ALLOW_ORIGIN={other}\n")
        reload(responder)
        same(allowed_origin(responder, other), other, "allowed origin once it is good again")
        same(last_reload(responder), ("ok", "1"), "what it says then")


def test_bad_configuration_at_the_start(run, build, report):
    for text, words in BAD.items():
        responder = Responder(build, run, env_file=text or "")
        if text is None:
            continue
        same(responder.wait_end(), 78, "exit status")
        for word in words:
            expect(word in responder.log(), f"{text!r}: no {word!r} in {responder.log()!r}")
        expect(not os.path.exists(responder.address), "the socket is left")


def test_many_at_once(run, build, report):
    """The last configuration counts, however many signals melt into one."""
    with Responder(build, run, env_file="") as responder:
        for i in range(30):
            responder.write_env(f"CORS_ALLOW_ORIGIN=https://{i}.example\n")
            responder.tell(signal.SIGHUP)
        origin = "https://29.example"
        wait_until(lambda: allowed_origin(responder, origin) == origin, "the last configuration")
        wait_until(lambda: len(children(responder.master)) == 1, "one worker")


def test_more_than_may_drain(run, build, report):
    """Each of the old workers has a request that waits; the last configuration still comes."""
    with Responder(build, run, env_file="") as responder:
        clients = []
        for i in range(6):
            clients.append(responder.client())
            clients[-1].send(get("/test/wait/2500"))
            responder.wait_counts(lambda c: c["started"] > 0)
            mark = responder.mark()
            responder.write_env(f"CORS_ALLOW_ORIGIN=https://{i}.example\n")
            responder.tell(signal.SIGHUP)
            if i < 3:
                responder.wait_log(" serves", mark)
        for client in clients:
            same(client.ask(b"").status, 200, "status of one that waits")
            client.close()
        origin = "https://5.example"
        wait_until(lambda: allowed_origin(responder, origin) == origin, "the last configuration")


def test_waiting_requests_survive(run, build, report):
    with Responder(build, run) as responder, responder.client() as idle:
        idle.ask(PING)
        clients = [responder.client() for _ in range(100)]
        for i, client in enumerate(clients):
            client.ask(PING)
            client.send(get("/test/wait/1500" if i % 2 else "/test/bill/1500"))
        gone = clients.pop(0)
        responder.wait_counts(lambda c: c["started"] == 100)
        old = reload(responder, ended=False)
        gone.close()
        expect(idle.wait_closed(3) is not None, "an idle connection stays with the old worker")
        idle.close()
        for _ in range(20):
            responder.token()
        expect(exists(old), "the old worker has ended already")
        same(responder.counts()["started"], 0, "calls of the new worker")
        for client in clients:
            same(client.ask(b"").status, 200, "status of one that waits")
            expect(client.wait_closed(3) is not None, "its connection stays open")
            client.close()
        responder.wait_log(f"worker {old}, stopping, ended with exit code 0")
        same(responder.log().count("route=/test/bill/:n status=200"), 50, "lines of billed calls")


def test_half_a_request_survives(run, build, report):
    with Responder(build, run) as responder:
        clients = [responder.client() for _ in range(3)]
        clients[0].ask(PING)
        for client in clients[:2]:
            client.send(TOKEN[:40])
        # The third has only connected; it is accepted once a later one is answered.
        responder.token()
        old = reload(responder, ended=False)
        for client in clients[:2]:
            same(client.ask(TOKEN[40:]).status, 200, "status of one that had begun")
        same(clients[2].ask(TOKEN).status, 200, "status of one that had connected")
        for client in clients:
            client.close()
        responder.wait_log(f"worker {old}, stopping, ended with exit code 0")


def test_the_new_worker_dies_at_once(run, build, report):
    """As it starts: the old one goes on."""
    with Responder(build, run, env_file="") as responder:
        pid = responder.worker()
        for _ in range(3):
            mark = responder.mark()
            responder.tell(signal.SIGHUP)
            new = wait_until(
                lambda: [p for p in children(responder.master) if p != pid], "a new worker"
            )[0]
            try:
                os.kill(new, signal.SIGKILL)
            except ProcessLookupError:
                pass
            responder.wait_log("was killed by signal 9", mark)
            wait_until(lambda: len(children(responder.master)) == 1, "one worker")
            wait_until(lambda: responder.log(mark).count("killed") >= 1, "the log")
            responder.token()
            pid = next(iter(children(responder.master)))
