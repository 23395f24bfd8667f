"""The master: its socket, its worker, its signals, and what it tells systemd."""

import grp
import os
import re
import signal
import socket
import stat
import time

import engine_client as fc
import kit
from engine_client import TOKEN, Load, get
from engine_responder import (
    Responder,
    bound_socket,
    children,
    exists,
    group_members,
    is_sanitized,
    stat_of,
)
from kit import Skip, expect, same, wait_until

EXIT_USAGE, EXIT_OS, EXIT_CONFIG = 64, 71, 78
PING = get("/ping")


def refused(run, build, code, *texts, **how):
    """It does not start, and says why."""
    responder = Responder(build, run, **how)
    same(responder.wait_end(), code, "exit status")
    for text in texts:
        expect(text in responder.log(), f"no {text!r} in {responder.log()!r}")
    responder.look_at_log()


# The socket


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_socket_mode(run, build, report):
    for settings, mode in (
        ({}, 0o660),
        ({"SOCKET_MODE": "0600"}, 0o600),
        ({"SOCKET_MODE": "0666"}, 0o666),
    ):
        with Responder(build, run, settings) as responder:
            same(oct(mode_of(responder.address)), oct(mode), f"mode with {settings}")
    refused(run, build, EXIT_CONFIG, "SOCKET_MODE", settings={"SOCKET_MODE": "0777"})


def test_socket_group(run, build, report):
    ours = os.getgroups() if os.geteuid() else [grp.getgrnam("www-data").gr_gid]
    others = [g for g in ours if g != os.getegid()]
    if not others:
        raise Skip("we are in one group only")
    name = grp.getgrgid(others[0]).gr_name
    with Responder(build, run, {"SOCKET_GROUP": name}) as responder:
        same(os.stat(responder.address).st_gid, others[0], "group")
        same(oct(mode_of(responder.address)), "0o660", "mode")
        responder.token()


def test_unknown_socket_group(run, build, report):
    directory = run.directory()
    path = os.path.join(directory, "s")
    settings = {"SOCKET_GROUP": "no-such-group"}
    refused(
        run, build, EXIT_OS, "SOCKET_GROUP: there is no such group", settings=settings, address=path
    )
    same(os.listdir(directory), [], "what is left")


def test_stale_socket_is_replaced(run, build, report):
    path = os.path.join(run.directory(), "s")
    bound_socket(path).close()
    expect(os.path.exists(path), "there is no stale socket to begin with")
    with Responder(build, run, address=path) as responder:
        responder.token()


def test_live_socket_is_refused(run, build, report):
    with Responder(build, run) as responder:
        text = f"cannot listen on {responder.address}: another program listens there"
        refused(run, build, EXIT_OS, text, address=responder.address)
        responder.token()


def test_live_socket_with_a_full_queue_is_refused(run, build, report):
    path = os.path.join(run.directory(), "s")
    waiting = []
    with bound_socket(path, 1) as listener:
        try:
            while len(waiting) < 50:
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].setblocking(False)
                waiting[-1].connect(path)
        except BlockingIOError:
            pass
        refused(run, build, EXIT_OS, "another program listens there", address=path)
        for sock in waiting:
            sock.close()
        listener.accept()[0].close()


def test_other_files_are_refused(run, build, report):
    directory = run.directory()
    path = os.path.join(directory, "file")
    with open(path, "w") as file:
        file.write("kept")
    link = os.path.join(directory, "link")
    os.symlink(path, link)
    for name in (path, link, directory):
        refused(run, build, EXIT_OS, "a file that is no socket is there", address=name)
    with open(path) as file:
        same(file.read(), "kept", "the file")


def test_paths_that_cannot_be(run, build, report):
    directory = run.directory()
    long = os.path.join(directory, "x" * 108)
    refused(run, build, EXIT_OS, "longer than a socket's may be", address=long)
    missing = os.path.join(directory, "missing", "s")
    refused(run, build, EXIT_OS, "No such file or directory", address=missing)
    refused(run, build, EXIT_OS, "give a path with a / in it, or host:port", address=("word", ""))


def test_tcp_addresses(run, build, report):
    for form in ("127.0.0.1:{}", "localhost:{}", "*:{}", "0.0.0.0:{}", "[::1]:{}"):
        port = kit.free_port()
        with Responder(build, run, where=form.format(port)):
            family = socket.AF_INET6 if "::" in form else socket.AF_INET
            try:
                with socket.socket(family) as sock:
                    sock.connect(("::1" if "::" in form else "127.0.0.1", port))
            except ConnectionRefusedError:
                if form not in ("localhost:{}", "*:{}"):  # these may mean IPv6
                    raise


def test_tcp_port_in_use(run, build, report):
    with Responder(build, run, tcp=True) as responder:
        refused(run, build, EXIT_OS, "Address already in use", address=responder.address)
        responder.token()


def test_tcp_port_is_free_at_once(run, build, report):
    """Though connections of the last one are in TIME_WAIT."""
    with Responder(build, run, tcp=True) as responder:
        with responder.client() as client:
            client.ask(fc.post(keep=False))
            client.wait_closed()
        address = responder.address
    with Responder(build, run, address=address) as responder:
        responder.token()


# Sockets from others


def systemd(pid="$$", count=1):
    """As sd_listen_fds(3): the socket is descriptor 3, the variables name the process."""
    return [
        "sh",
        "-c",
        f'exec 3<&0 </dev/null; LISTEN_PID={pid} LISTEN_FDS={count} exec "$@"',
        "sh",
    ]


def test_listen_fds(run, build, report):
    for path in (os.path.join(run.directory(), "s"), None):
        with bound_socket(path) as listener:
            address = listener.getsockname()
            with Responder(
                build, run, address=address, listen=False, wrap=systemd(), stdin=listener
            ) as responder:
                responder.token()
                expect("the socket of systemd" in responder.log(), responder.log())
                responder.stop_handed_over()
                late = fc.Client(address)  # it waits in the queue for the next one
                late.send(TOKEN)
            with Responder(
                build, run, address=address, listen=False, wrap=systemd(), stdin=listener
            ) as responder:
                same(late.ask(b"").status, 200, "status of one that came between them")
                late.close()
                responder.stop_handed_over()


def test_listen_fds_for_another_process(run, build, report):
    path = os.path.join(run.directory(), "s")
    with bound_socket(path) as listener:
        responder = Responder(
            build, run, address=path, listen=False, wrap=systemd(pid=1), stdin=listener
        )
        expect(responder.wait_end() in (EXIT_USAGE, EXIT_OS), "it started")
        responder.look_at_log()


def alone(build, run, settings=None, tcp=False, **more):
    """The socket as descriptor 0, as spawn-fcgi has it."""
    listener = bound_socket(None if tcp else os.path.join(run.directory(), "s"))
    responder = Responder(
        build, run, settings, address=listener.getsockname(), listen=False, stdin=listener, **more
    )
    listener.close()
    return responder


def test_descriptor_0(run, build, report):
    for tcp in (False, True):
        responder = alone(build, run, tcp=tcp)
        responder.token()
        same(children(responder.master), {}, "processes below it")
        with responder.client() as client:
            client.ask(PING)
            client.send(get("/test/wait/500"))
            responder.wait_counts(lambda c: c["started"] == 1)
            responder.tell(signal.SIGTERM)
            same(client.ask(b"").status, 200, "status of one that waits")
            closed(client)
        responder.stop_handed_over(signalled=True)


def test_descriptor_0_and_interrupt(run, build, report):
    responder = alone(build, run)
    responder.token()
    responder.tell(signal.SIGINT)
    responder.stop_handed_over(signalled=True)


def test_descriptor_0_reopens_its_log(run, build, report):
    path = os.path.join(run.directory(), "own.log")
    responder = alone(build, run, {"LOG_FILE": path})
    responder.token()
    check_reopened(responder, path, [responder.master])
    responder.stop_handed_over()


def test_no_socket_at_all(run, build, report):
    refused(run, build, EXIT_USAGE, "--socket says where to listen", listen=False)


# Signals


def check_reopened(responder, path, pids):
    def text(name):
        with open(name) as file:
            return file.read()

    wait_until(lambda: "status=200" in text(path), "a line in the log file")
    os.rename(path, path + ".1")
    responder.tell(signal.SIGUSR1)
    wait_until(lambda: os.path.exists(path), "a new log file")
    for pid in pids:
        wait_until(lambda p=pid: holds_open(p, path, path + ".1"), f"{pid} to open the new file")
    old = text(path + ".1")
    responder.token()
    wait_until(lambda: "status=200" in text(path), "a line in the new file")
    same(text(path + ".1"), old, "the old file")


def holds_open(pid, path, old):
    links = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            links.add(os.readlink(f"/proc/{pid}/fd/{name}"))
        except FileNotFoundError:
            pass
    return path in links and old not in links


def test_usr1_reopens_the_log(run, build, report):
    path = os.path.join(run.directory(), "own.log")
    responder = Responder(build, run, env_file=f"LOG_FILE={path}\n")
    wait_until(lambda: os.path.exists(path) and " serves" in open(path).read(), "the start")
    worker = next(iter(children(responder.master)))
    for _ in range(2):
        responder.token()
        check_reopened(responder, path, [responder.master, worker])
        os.remove(path + ".1")
    responder.tell(signal.SIGHUP)
    wait_until(lambda: list(children(responder.master)) not in ([worker], []), "a new worker")
    responder.token()
    same(responder.log(), "", "what comes on standard error")
    responder.stop()
    expect("stopping" in open(path).read(), "the end is not in the file")


def closed(client):
    expect(client.wait_closed(3) is not None, "the connection stays open")
    client.close()


def drained(responder, number, check):
    """Sends the signal while one request waits and others are at other points."""
    with responder.client() as waiting, responder.client() as idle, responder.client() as fresh:
        idle.ask(PING)
        waiting.ask(PING)
        waiting.send(get("/test/wait/1200"))
        responder.wait_counts(lambda c: c["started"] == 1)
        fresh.send(TOKEN[:30])
        began = time.monotonic()
        responder.tell(number)
        closed(idle)
        fresh.send(TOKEN[30:])
        same(fresh.ask(b"").status, 200, "status of one that was arriving")
        same(waiting.ask(b"").status, 200, "status of one that waited")
        closed(waiting)
        closed(fresh)
        check(began)


def test_term_and_int_drain(run, build, report):
    for number in (signal.SIGTERM, signal.SIGINT):
        with Responder(build, run) as responder:

            def check(began, responder=responder):
                same(responder.wait_end(), 0, "exit status")
                took = time.monotonic() - began
                expect(1 < took < 5, f"it took {took:.1f} s")

            drained(responder, number, check)
            responder.stop()


def test_drain_ends_in_time(run, build, report):
    settings = {"DRAIN_TIMEOUT": "1", "REQUEST_TIMEOUT": "60"}
    with Responder(build, run, settings) as responder:
        clients = [responder.client() for _ in range(3)]
        clients[0].send(get("/test/wait/60000"))
        clients[1].send(get("/test/bill/60000"))
        clients[2].send(TOKEN[:30])
        responder.wait_counts(lambda c: c["started"] == 2)
        began = time.monotonic()
        responder.stop()
        took = time.monotonic() - began
        expect(1 <= took < 4, f"it took {took:.1f} s")
        expect("connections and waiting requests cut off" in responder.log(), responder.log())
        for client in clients:
            client.close()


def test_silent_connections_do_not_hold_a_stop(run, build, report):
    """Neither those that never asked, nor those that ask for nothing more, nor half a request."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        with Responder(build, run, {"REQUEST_TIMEOUT": "60", "DRAIN_TIMEOUT": "60"}) as responder:
            silent, kept, half, late = (responder.client() for _ in range(4))
            kept.ask(PING)
            half.ask(PING)
            half.send(TOKEN[:60])
            responder.token()  # all of them are accepted
            old = responder.worker()
            began = time.monotonic()
            responder.tell(number)
            expect(kept.wait_closed(3) is not None, "an idle connection stays")
            same(late.ask(TOKEN).status, 200, "status of one that had only connected")
            wait_until(lambda: not exists(old), "the end of the worker", 10)
            took = time.monotonic() - began
            report(f"seconds that silent connections hold signal {number}", f"{took:.1f}")
            expect(took < 6, f"it took {took:.1f} s")
            expect("a request did not arrive whole before the stop" in responder.log(),
                   responder.log())
            expect("REQUEST_TIMEOUT" not in responder.log(), responder.log())
            for client in (silent, half, late, kept):
                expect(client.wait_closed(3) is not None, "it is still open")
                client.close()


def test_what_came_on_a_kept_connection_before_a_stop_is_answered(run, build, report):
    with Responder(build, run) as responder:
        clients = [responder.client() for _ in range(50)]
        for client in clients:
            client.ask(PING)
        pid = responder.worker()
        os.kill(pid, signal.SIGSTOP)
        # First the signal: the worker finds it and the requests in one turn.
        os.kill(pid, signal.SIGTERM)
        for client in clients:
            client.send(TOKEN)
        os.kill(pid, signal.SIGCONT)
        same([client.converse(b"") for client in clients], [["200"]] * 50, "answers")
        for client in clients:
            client.close()


def test_a_second_term_ends_at_once(run, build, report):
    with Responder(build, run, {"DRAIN_TIMEOUT": "60"}) as responder:
        with responder.client() as client:
            client.send(get("/test/wait/60000"))
            responder.wait_counts(lambda c: c["started"] == 1)
            responder.tell(signal.SIGTERM)
            responder.wait_log("connections and waiting requests to end")
            began = time.monotonic()
            responder.stop()
            expect(time.monotonic() - began < 3, "it took longer")


def test_those_in_the_queue_are_served_before_it_ends(run, build, report):
    """They had connected when it was told to."""
    with Responder(build, run) as responder:
        pid = responder.worker()
        os.kill(pid, signal.SIGSTOP)
        clients = [responder.client() for _ in range(200)]
        for client in clients:
            client.send(TOKEN)
        responder.tell(signal.SIGTERM)
        responder.wait_log("info stopping")
        os.kill(pid, signal.SIGCONT)
        statuses = [client.converse(b"") for client in clients]
        same(statuses.count(["200"]), 200, "answers")
        for client in clients:
            client.close()
        responder.stop()


def test_new_clients_are_refused_while_it_drains(run, build, report):
    """Rather than left to wait for an answer that nobody will give."""
    with Responder(build, run, {"DRAIN_TIMEOUT": "60"}) as responder:
        with responder.client() as client:
            client.send(get("/test/wait/2500"))
            responder.wait_counts(lambda c: c["started"] == 1)
            responder.tell(signal.SIGTERM)
            responder.wait_log("connections and waiting requests to end")
            began = time.monotonic()
            try:
                with responder.client() as new:
                    new.send(TOKEN)
                    new.wait_closed(10)
            except OSError:
                pass
            expect(time.monotonic() - began < 1, f"{time.monotonic() - began:.1f} s unanswered")
            same(client.ask(b"").status, 200, "status of the one that waits")
        responder.stop()


# A worker that dies


def seconds_of(line):
    clock = re.match(r"\S+T(\d+):(\d+):([\d.]+)Z", line)
    hours, minutes, seconds = clock.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def kill_under_load(run, build):
    """Each of 64 clients has a request under way: that one is lost at most.  Gives the time until
    the next answer, how many were lost and how many were answered."""
    with Responder(build, run) as responder:
        load = Load(64, lambda: fc.connect(responder.address), TOKEN, fc.fastcgi_finished)
        thread = fc.started(load)
        wait_until(lambda: len(load.times) > 1000, "requests")
        pid = responder.worker()
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        responder.wait_log(f"worker {pid}, serving, was killed by signal 9 (Killed)")
        responder.wait_worker(pid)
        wait_until(lambda n=len(load.times): len(load.times) > n + 500, "requests")
        load.stop()
        thread.join()
        same(set(load.statuses) - {None}, {200}, "statuses")
        # Answers that had been sent before it died are still read for a moment.
        gap = max(b - a for a, b in zip(load.times, load.times[1:]) if b > killed)
        return gap, len(load.lost), len(load.times)


def test_killed_under_load(run, build, report):
    runs = [kill_under_load(run, build) for _ in range(3)]
    gaps = ", ".join(f"{gap * 1000:.0f} ms" for gap, _, _ in runs)
    report("longest pause of answers after SIGKILL under load", gaps)
    report("lost then, 64 clients", ", ".join(f"{lost} of {all}" for _, lost, all in runs))
    for gap, lost, _ in runs:
        expect(lost <= 64, f"{lost} requests lost")
        expect(gap < (1 if is_sanitized(build) else 0.5), f"back after {gap:.2f} s")


def test_killed_with_waiting_connections(run, build, report):
    """Those that no worker had accepted are served by the next."""
    with Responder(build, run) as responder:
        pid = responder.worker()
        os.kill(pid, signal.SIGSTOP)
        clients = [responder.client() for _ in range(20)]
        for client in clients:
            client.send(TOKEN)
        os.kill(pid, signal.SIGKILL)
        for client in clients:
            same(client.ask(b"").status, 200, "status")
            client.close()


def test_crash_loop_backs_off(run, build, report):
    with Responder(build, run) as responder:
        for i in range(6):
            mark, pid = responder.mark(), responder.worker()
            with responder.client() as client:
                client.pump(get("/test/crash"), lambda: False, 10)
                expect(client.closed_at, "the connection outlived the worker")
            responder.wait_log(f"worker {pid}, serving, was killed by signal 9", mark)
            responder.wait_worker(pid)
        lines = responder.log().splitlines()
        gaps, died = [], None
        for line in lines:
            if "was killed" in line:
                died = seconds_of(line)
            elif " serves" in line and died is not None:
                gaps.append((seconds_of(line) - died) % 86400)
        report("restarts in a crash loop", ", ".join(f"{gap:.2f} s" for gap in gaps))
        for gap, wanted in zip(gaps, (0, 0.1, 0.2, 0.4, 0.8, 1.6)):
            expect(wanted <= gap + 0.01 and gap < wanted + 1, f"gaps of {gaps}")
        responder.token()


def test_end_as_soon_as_the_socket_is_there(run, build, report):
    """The socket is no sign that it has started; its file goes all the same."""
    for _ in range(8):
        responder = Responder(build, run)
        while not os.path.exists(responder.address) and responder.process.poll() is None:
            pass  # no pause: the moment after is what is tried
        responder.stop()


def test_worker_that_hangs(run, build, report):
    with Responder(build, run, {"WORKER_TIMEOUT": "2"}) as responder:
        pid = responder.worker()
        with responder.client() as client:
            began = time.monotonic()
            client.pump(get("/test/hang/60"), lambda: False, 10)
            took = time.monotonic() - began
            expect(client.closed_at and took < 6, f"killed after {took:.1f} s")
        log = responder.wait_log("s (WORKER_TIMEOUT): killed")
        expect(re.search(rf"worker {pid} gives no sign of life for [2-9] s ", log), log)
        responder.wait_worker(pid)
        responder.token()
        report("a worker that hangs, WORKER_TIMEOUT=2", f"replaced after {took:.1f} s")
        expect(f"worker {pid}, serving, was killed by signal 9" in responder.log(), log)


def test_worker_that_is_slow_is_left_alone(run, build, report):
    with Responder(build, run, {"WORKER_TIMEOUT": "4"}) as responder:
        pid = responder.worker()
        same(responder.ask(get("/test/hang/2")).status, 200, "status")
        same(responder.worker(), pid, "the worker")


def test_master_dies(run, build, report):
    """The worker ends what it has, and then itself."""
    with Responder(build, run) as responder:
        pid = responder.worker()
        with responder.client() as waiting, responder.client() as billing:
            waiting.ask(PING)
            waiting.send(get("/test/wait/2500"))
            billing.send(get("/test/bill/2500"))
            responder.wait_counts(lambda c: c["started"] == 2)
            os.kill(responder.master, signal.SIGKILL)
            responder.process.wait()
            same(waiting.ask(b"").status, 200, "status of one that waits")
            same(billing.ask(b"").status, 200, "status of one that may bill")
        wait_until(lambda: not group_members(responder.master), "the worker to end")
        expect(not exists(pid) or stat_of(pid)[0] == "Z", "the worker is still there")
        responder.gone = True
        responder.look_at_log()
    with Responder(build, run, address=responder.address) as again:
        again.token()


def test_master_dies_while_an_old_worker_drains(run, build, report):
    with Responder(build, run) as responder:
        with responder.client() as waiting:
            waiting.send(get("/test/bill/2500"))
            responder.wait_counts(lambda c: c["started"] == 1)
            old = responder.worker()
            responder.tell(signal.SIGHUP)
            responder.wait_worker(old)
            wait_until(lambda: exists(old), "the old worker")
            os.kill(responder.master, signal.SIGKILL)
            responder.process.wait()
            same(waiting.ask(b"").status, 200, "status of one that the old worker has")
        wait_until(lambda: not group_members(responder.master), "the workers to end")
        responder.gone = True


def test_a_new_master_while_the_last_ones_worker_drains(run, build, report):
    """Whoever starts the service again need not wait for the longest call."""
    with Responder(build, run) as responder, responder.client() as waiting:
        waiting.send(get("/test/wait/2500"))
        responder.wait_counts(lambda c: c["started"] == 1)
        os.kill(responder.master, signal.SIGKILL)
        responder.process.wait()
        responder.wait_log("connections and waiting requests to end")
        with Responder(build, run, address=responder.address) as again:
            again.token()
            same(waiting.ask(b"").status, 200, "status of the one that waits")
            waiting.close()
            again.token()
        wait_until(lambda: not group_members(responder.master), "the worker to end")
        responder.gone = True


# What systemd is told


class Notified:
    def __init__(self, address):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(address)
        self.sock.settimeout(kit.DEADLINE)

    def next(self, skip="WATCHDOG=1"):
        """The next datagram as a dict, but those alone that are to be skipped."""
        while True:
            text = self.sock.recv(4096).decode()
            if text != skip:
                return dict(line.split("=", 1) for line in text.splitlines())


def check_notify(run, build, directory, address, name):
    env = {"NOTIFY_SOCKET": name}
    notified = Notified(address)
    with notified.sock, Responder(build, run, env, env_file="") as responder:
        ready = notified.next()
        same((ready["READY"], ready["MAINPID"]), ("1", str(responder.master)), "the first")
        responder.token()
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        responder.tell(signal.SIGHUP)
        reloading = notified.next()
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        same(reloading["RELOADING"], "1", "on SIGHUP")
        expect(before <= int(reloading["MONOTONIC_USEC"]) <= after, f"{before} {reloading} {after}")
        ready = notified.next()
        same((ready["READY"], ready["MAINPID"]), ("1", str(responder.master)), "then")
        responder.write_env("LOG_LEVEL=loud\n")
        responder.tell(signal.SIGHUP)
        same(notified.next()["RELOADING"], "1", "on a second SIGHUP")
        failed = notified.next()
        same(failed["READY"], "1", "when the configuration is bad")
        expect("failed" in failed["STATUS"], failed)
        responder.tell(signal.SIGTERM)
        same(notified.next(), {"STOPPING": "1"}, "on SIGTERM")
        responder.stop()


def test_notify_by_path(run, build, report):
    directory = run.directory()
    path = os.path.join(directory, "notify")
    check_notify(run, build, directory, path, path)


def test_notify_by_abstract_name(run, build, report):
    directory = run.directory()
    check_notify(run, build, directory, "\0" + directory, "@" + directory)


def test_notify_that_nobody_hears(run, build, report):
    path = os.path.join(run.directory(), "notify")
    for name in (path, "/dev/null", "@nobody" + path, "x" * 200, "relative"):
        with Responder(build, run, {"NOTIFY_SOCKET": name}) as responder:
            responder.token()


def test_notify_is_the_masters(run, build, report):
    """And not passed on to the worker."""
    path = os.path.join(run.directory(), "notify")
    notified = Notified(path)
    with notified.sock, Responder(build, run, {"NOTIFY_SOCKET": path}) as responder:
        notified.next()
        # Of the worker, whose first environment is the master's: no datagram comes from it.
        notified.sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        responder.tell(signal.SIGHUP)
        for _ in range(2):
            _, extra, _, _ = notified.sock.recvmsg(4096, socket.CMSG_SPACE(12))
            pid = int.from_bytes(extra[0][2][:4], "little")
            same(pid, responder.master, "the sender")


def test_watchdog(run, build, report):
    path = os.path.join(run.directory(), "notify")
    notified = Notified(path)
    env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "2000000", "WORKER_TIMEOUT": "2"}
    with notified.sock, Responder(build, run, env) as responder:
        times = []
        while len(times) < 3:
            if notified.sock.recv(4096) == b"WATCHDOG=1":
                times.append(time.monotonic())
        gaps = [b - a for a, b in zip(times, times[1:])]
        expect(max(gaps) < 2, f"gaps of {gaps}")
        pid = responder.worker()
        os.kill(pid, signal.SIGSTOP)
        stopped = time.monotonic()
        responder.wait_log(f"worker {pid} gives no sign of life for ")
        responder.wait_worker(pid)
        notified.sock.settimeout(2)
        while notified.sock.recv(4096) != b"WATCHDOG=1":
            pass
        report("a stopped worker, WORKER_TIMEOUT=2", f"{time.monotonic() - stopped:.1f} s")


def test_watchdog_of_a_second(run, build, report):
    path = os.path.join(run.directory(), "notify")
    notified = Notified(path)
    env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"}
    with notified.sock, Responder(build, run, env):
        times = []
        while len(times) < 4:
            if notified.sock.recv(4096) == b"WATCHDOG=1":
                times.append(time.monotonic())
        gaps = [b - a for a, b in zip(times, times[1:])]
        expect(max(gaps) < 1, f"gaps of {gaps}")
