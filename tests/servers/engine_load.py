"""Many connections, many waiting requests, many requests: what they cost the others."""

import os
import resource
import signal
import socket
import statistics
import time

import engine_client as fc
from engine_client import ABORT, TOKEN, get, post, record
from engine_responder import (
    Responder,
    children,
    cpu_ticks,
    descriptors,
    faults,
    is_sanitized,
    rss,
    status_of,
)
from kit import Skip, expect, same, wait_until

MANY = 1000
PING = get("/ping")


def need_descriptors(count):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < count:
        raise Skip(f"it needs {count} descriptors (ulimit -n)")


def latencies(client, count, request=TOKEN):
    """Seconds of so many requests, one after the other."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        same(client.ask(request).status, 200, "status")
        times.append(time.perf_counter() - began)
    return times


def told(times):
    times = sorted(times)
    p50, p99 = statistics.median(times), times[len(times) * 99 // 100]
    return f"p50 {p50 * 1e6:.0f} us, p99 {p99 * 1e6:.0f} us"


def tokens_at_once(client, before, report, what):
    """Tokens now, against those before."""
    now = latencies(client, 500)
    ratio = statistics.median(now) / statistics.median(before)
    report(f"tokens {what}", f"{told(now)}; at rest {told(before)}; ratio of medians {ratio:.2f}")
    expect(ratio < 3, f"tokens take {ratio:.1f} times as long ({told(now)}, {told(before)})")
    expect(sorted(now)[-2] < 0.5, f"a token took {max(now):.2f} s")


# Connections


def test_a_thousand_idle_connections(run, build, report):
    need_descriptors(MANY + 100)
    with Responder(build, run) as responder, responder.client() as watch:
        pid = responder.worker()
        before = latencies(watch, 500)
        memory, files = rss(pid), descriptors(pid)
        clients = [responder.client() for _ in range(MANY)]
        for client in clients:
            same(client.ask(TOKEN).status, 200, "status")
        cost = (rss(pid) - memory) / MANY
        report("RSS of an idle kept connection", f"{cost:.2f} KiB")
        expect(cost < (64 if is_sanitized(build) else 8), f"{cost:.1f} KiB a connection")
        same(descriptors(pid), files + MANY, "descriptors of the worker")
        tokens_at_once(watch, before, report, "beside 1,000 idle connections")
        ticks = cpu_ticks(pid)
        time.sleep(1.5)  # idle time is what is measured
        expect(cpu_ticks(pid) - ticks <= 3, f"{cpu_ticks(pid) - ticks} ticks of CPU while idle")
        for client in clients:
            expect(client.is_open(), "a connection was closed")
            same(client.ask(PING).status, 200, "status")
            client.close()
        wait_until(lambda: descriptors(pid) == files, "the descriptors to be closed")


def test_oldest_idle_connection_gives_way(run, build, report):
    with Responder(build, run, {"MAX_CONNECTIONS": "8"}) as responder:
        clients = [responder.client() for _ in range(8)]
        for client in clients:
            client.ask(PING)
        for client in (clients[0], clients[2]):  # used since: they are no longer the oldest
            client.ask(PING)
        with responder.client() as new:
            same(new.ask(TOKEN).status, 200, "status")
            same([c.is_open() for c in clients], [True, False] + [True] * 6, "those still open")
        responder.wait_log("1 idle connections closed for new ones (MAX_CONNECTIONS)", 0, 3)
        for client in clients:
            client.close()


def test_a_new_connection_is_not_taken_for_idle(run, build, report):
    """One that has just come is about to ask."""
    with Responder(build, run, {"MAX_CONNECTIONS": "8"}) as responder:
        old = [responder.client() for _ in range(4)]
        for client in old:
            client.ask(PING)
        new = [responder.client() for _ in range(4)]
        more = [responder.client() for _ in range(4)]
        for client in new + more:
            same(client.ask(TOKEN).status, 200, "status")
        same([c.is_open() for c in old], [False] * 4, "old ones still open")
        for client in old + new + more:
            client.close()


def test_overload_is_said_once_a_second(run, build, report):
    with Responder(build, run, {"MAX_CONNECTIONS": "8"}) as responder:
        began = time.monotonic()
        clients = []
        for _ in range(500):
            clients.append(responder.client())
            same(clients[-1].ask(PING).status, 200, "status")
        responder.wait_log("idle connections closed")
        seconds = time.monotonic() - began
        lines = responder.log().count("overload:")
        expect(1 <= lines <= seconds + 1, f"{lines} lines in {seconds:.1f} s")
        for client in clients:
            client.close()


def busy(responder, count, keep, ms):
    clients = [responder.client() for _ in range(count)]
    for client in clients:
        client.send(get(f"/test/wait/{ms}", keep=keep))
    responder_busy = clients[0]
    responder_busy.pump(b"", lambda: False, 0.05)
    return clients


def check_new_ones_wait(run, build, keep):
    with Responder(build, run, {"MAX_CONNECTIONS": "8"}) as responder:
        clients = busy(responder, 8, keep, 1500)
        new = [responder.client() for _ in range(3)]
        for client in new:
            client.send(TOKEN)
        new[0].pump(b"", lambda: False, 0.3)
        same(new[0].events, [], "answers while all are busy")
        for client in clients:
            same(client.converse(b""), ["200"], "the busy ones' answers")
        for client in new:
            client.pump(b"", lambda c=client: c.events, 3)
            same(client.events, ["200"], "a new one's answer once a place is free")
        log = responder.log()
        expect("all 8 connections are busy, new ones wait (MAX_CONNECTIONS)" in log, log[-800:])
        expect(log.count("overload:") <= 4, f"{log.count('overload:')} lines")
        for client in clients + new:
            client.close()


def test_new_ones_wait_for_connections_that_close(run, build, report):
    check_new_ones_wait(run, build, keep=False)


def test_new_ones_wait_for_connections_that_are_kept(run, build, report):
    check_new_ones_wait(run, build, keep=True)


def test_new_ones_get_the_place_of_one_that_is_silent(run, build, report):
    """It is as good as idle once it has had a second to begin."""
    settings = {"MAX_CONNECTIONS": "8", "REQUEST_TIMEOUT": "60"}
    with Responder(build, run, settings) as responder:
        silent = [responder.client() for _ in range(8)]
        with responder.client() as new:
            new.pump(TOKEN, lambda: new.events, 5)
            same(new.events, ["200"], "the new one's answer")
        for client in silent:
            client.close()


def limit_descriptors(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_idle_connections_give_way_when_descriptors_end(run, build, report):
    with Responder(build, run, preexec_fn=limit_descriptors(64, 64)) as responder:
        clients = [responder.client() for _ in range(100)]
        for client in clients:
            client.pump(PING, lambda c=client: c.events, 3)
            same(client.events, ["200"], "the answer")
            client.pump(b"", lambda: False, 0)
        responder.token()
        for client in clients:
            client.close()


def test_descriptors_suffice_for_the_connections(run, build, report):
    """As many as MAX_CONNECTIONS says, whatever the soft limit is."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with Responder(
        build, run, {"MAX_CONNECTIONS": "200"}, preexec_fn=limit_descriptors(64, most)
    ) as responder:
        clients = [responder.client() for _ in range(199)]
        for client in clients:
            same(client.ask(PING).status, 200, "status")
        expect(all(c.is_open() for c in clients), "some were closed")
        for client in clients:
            client.close()


# Requests that wait


def test_a_thousand_requests_that_wait(run, build, report):
    need_descriptors(MANY + 100)
    with Responder(build, run) as responder, responder.client() as watch:
        pid = responder.worker()
        before = latencies(watch, 500)
        memory = rss(pid)
        began = time.monotonic()
        clients = [responder.client() for _ in range(MANY)]
        for client in clients:
            client.send(get("/test/wait/3000"))
        responder.wait_counts(lambda c: c["started"] == MANY)
        cost = (rss(pid) - memory) / MANY
        report("RSS of a waiting request", f"{cost:.1f} KiB")
        tokens_at_once(watch, before, report, "beside 1,000 waiting requests")
        same(responder.counts()["ended"], 0, "calls that have ended")
        for client in clients:
            answer = client.ask(b"")
            same((answer.status, answer.json()), (200, {"text": "waited"}), "the answer")
        took = time.monotonic() - began
        report("1,000 requests that wait 3 s", f"all answered after {took:.2f} s")
        expect(3 <= took < 8, f"it took {took:.1f} s")
        same(responder.counts(), {"started": MANY, "ended": MANY, "cancelled": 0}, "calls")
        for client in clients:
            same(client.ask(PING).status, 200, "status of the next request")
            client.close()
        report("RSS that they leave behind", f"{rss(pid) - memory} KiB")


def test_too_many_that_wait(run, build, report):
    with Responder(build, run, {"MAX_WAITING": "2"}) as responder, responder.client() as client:
        waiting = busy(responder, 2, True, 2000)
        responder.wait_counts(lambda c: c["started"] == 2)
        began = time.monotonic()
        for _ in range(200):
            answer = client.ask(get("/test/wait/1"))
            same(answer.status, 503, "status")
            same(answer.headers.get("retry-after"), "1", "Retry-After")
            same(answer.json()["code"], "overloaded", "code")
        same(client.ask(TOKEN).status, 200, "a token's status meanwhile")
        for other in waiting:  # the newest is shed: those that wait are answered
            same(other.ask(b"").status, 200, "status of one that waits")
            other.close()
        same(client.ask(get("/test/wait/1")).status, 200, "status once there is room")
        responder.wait_log("requests refused; ")
        seconds = time.monotonic() - began
        lines = responder.log().count("overload:")
        expect(1 <= lines <= seconds + 1, f"{lines} lines in {seconds:.1f} s")


def test_one_that_waits_too_long(run, build, report):
    with Responder(build, run, {"WAIT_TIMEOUT": "1"}) as responder, responder.client() as client:
        began = time.monotonic()
        answer = client.ask(get("/test/wait/60000"))
        took = time.monotonic() - began
        same((answer.status, answer.json()["code"]), (504, "timeout"), "answer")
        same(answer.headers["content-type"], "application/json", "type")
        expect(1 <= took < 4, f"after {took:.2f} s")
        same(responder.counts(), {"started": 1, "ended": 0, "cancelled": 1}, "calls")
        same(client.ask(TOKEN).status, 200, "status of the next request")
        responder.wait_log("route=/test/wait/:n status=504")


def check_gone(run, build, path, leave, counts, status):
    """Many clients go while their calls are under way."""
    with Responder(build, run) as responder:
        clients = [responder.client() for _ in range(50)]
        for client in clients:
            client.send(get(path))
        responder.wait_counts(lambda c: c["started"] == 50)
        for client in clients:
            leave(client)
        responder.wait_counts(lambda c: all(c[k] == v for k, v in counts.items()))
        route = path.rpartition("/")[0] + "/:n"
        line = f"route={route} status={status} "
        wait_until(lambda: responder.log().count(line) == 50, f"50 lines with {line!r}")
        for client in clients:
            client.close()


def aborting(client):
    """The connection goes on; ABORT_REQUEST is answered at once."""
    same(client.converse(record(ABORT)), ["END 1 REQUEST_COMPLETE"], "answer to the abort")
    same(client.ask(TOKEN).status, 200, "the next request on the connection")


CANCELLED = {"started": 50, "ended": 0, "cancelled": 50}
ENDED = {"started": 50, "ended": 50, "cancelled": 0}


def test_client_gone_cancels(run, build, report):
    check_gone(run, build, "/test/wait/60000", fc.Client.close, CANCELLED, 499)


def test_client_gone_does_not_cancel_what_may_bill(run, build, report):
    check_gone(run, build, "/test/bill/1000", fc.Client.close, ENDED, 200)


def test_abort_cancels(run, build, report):
    check_gone(run, build, "/test/wait/60000", aborting, CANCELLED, 499)


def test_abort_does_not_cancel_what_may_bill(run, build, report):
    check_gone(run, build, "/test/bill/1000", aborting, ENDED, 200)


def test_what_may_bill_ends_at_the_latest_with_its_timeout(run, build, report):
    with Responder(build, run, {"WAIT_TIMEOUT": "1"}) as responder:
        client = responder.client()
        client.send(get("/test/bill/60000"))
        responder.wait_counts(lambda c: c["started"] == 1)
        client.close()
        responder.wait_counts(lambda c: c["cancelled"] == 1, 5)


# Small and steady


def big_answer(build):
    """Its request and its bytes.  A sanitized build takes seconds for 16 MiB."""
    size = 4 << 20 if is_sanitized(build) else 16 << 20
    return get(f"/test/big/{size}"), size


def test_a_big_answer_costs_those_behind_it_nothing(run, build, report):
    with Responder(build, run) as responder, responder.client() as client:
        pid = responder.worker()
        before = latencies(client, 300)
        memory = rss(pid)
        request, size = big_answer(build)
        for _ in range(3):
            same(len(responder.ask(request).json()["text"]), size, "length")
        after, kept = latencies(client, 300), rss(pid) - memory
        ratio = statistics.median(after) / statistics.median(before)
        report(
            f"RSS left by answers of {size >> 20} MiB",
            f"{kept} KiB; tokens then take {ratio:.2f} times",
        )
        expect(ratio < 3, f"tokens take {ratio:.1f} times as long after it")
        if not is_sanitized(build):
            expect(kept < 65536, f"{kept} KiB are kept")


def test_big_answers_that_nobody_reads(run, build, report):
    """They cost what they are, for as long as they may."""
    count, (request, size) = 8, big_answer(build)
    with Responder(build, run, {"ANSWER_TIMEOUT": "1"}) as responder:
        pid = responder.worker()
        memory, files = rss(pid), descriptors(pid)
        clients = [responder.client() for _ in range(count)]
        for client in clients:
            client.send(request)
        responder.wait_log("did not take its answer in time")
        most = status_of(pid, "VmHWM") - memory
        wait_until(lambda: descriptors(pid) == files, "the connections to be closed")
        responder.token()
        kept = rss(pid) - memory
        report(f"RSS of 8 unread answers of {size >> 20} MiB", f"{most} KiB, then {kept} KiB")
        if not is_sanitized(build):
            expect(most < (count * 2 + 6) * 16384, f"{most} KiB at once")
            expect(kept < 65536, f"{kept} KiB are kept")
        for client in clients:
            client.close()


def pipelined(client, request, count, batch=100):
    """Many requests in few writes: the client's own cost is out of the way."""
    for _ in range(count // batch):
        before = len(client.events)
        client.pump(request * batch, lambda: len(client.events) >= before + batch)
    same(set(client.events), {"200"}, "statuses")
    client.events.clear()
    client.answers.clear()


def test_no_growth(run, build, report):
    if is_sanitized(build):
        raise Skip("the memory of a sanitized build says nothing")
    with Responder(build, run) as responder:
        pid = responder.worker()
        with responder.client() as client:
            pipelined(client, TOKEN, 20000)
            first, faulted, began = rss(pid), faults(pid), time.monotonic()
            pipelined(client, TOKEN, 200000)
            seconds = time.monotonic() - began
        grown, faulted = rss(pid) - first, faults(pid) - faulted
        report("200,000 tokens", f"{grown} KiB more RSS, {faulted} page faults, {seconds:.1f} s")
        expect(grown <= 64, f"{grown} KiB more")
        expect(faulted <= 200, f"{faulted} page faults")


def test_page_faults_one_at_a_time(run, build, report):
    if is_sanitized(build):
        raise Skip("the memory of a sanitized build says nothing")
    with Responder(build, run) as responder:
        pid = responder.worker()
        for keep in (True, False):
            kinds = [post(keep=keep), get("/ping", keep=keep), get("/no", keep=keep)]
            count = 0
            for count in range(4000):
                if count == 1000:
                    faulted = faults(pid)
                if count == 0 or not keep:
                    client = responder.client()
                client.pump(kinds[count % 3], lambda c=client: c.answers)
                expect(client.answers, "no answer")
                client.answers.clear()
                if not keep:
                    client.close()
            each = (faults(pid) - faulted) / 3000
            name = "kept connection" if keep else "connection each"
            report(f"page faults per request, {name}", f"{each:.4f}")
            expect(each < 0.01, f"{each:.3f} page faults a request, {name}")


def packets_until(sock, text):
    packets = []
    while not any(text in packet for packet in packets):
        packets.append(sock.recv(1 << 20).decode())
    return packets


def test_log_lines_of_a_turn_are_one_write(run, build, report):
    """Standard error is a socket that keeps writes apart."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(10)
    with ours, theirs:
        responder = Responder(build, run, stderr=theirs)
        packets_until(ours, " serves")
        with responder.client() as client:
            client.ask(TOKEN)
            same(len(packets_until(ours, "status=200")), 1, "packets of one request")
            same(set(client.converse(TOKEN * 50, 50)), {"200"}, "answers")
            packets = packets_until(ours, "status=200")
            same([p.count("status=200") for p in packets], [50], "lines in each write")
            same([p[-1] for p in packets], ["\n"], "ends of the writes")
        responder.tell(signal.SIGTERM)
        same(responder.wait_end(), 0, "exit status")


def flood_log(responder, client, lines):
    for _ in range(lines // 50):
        expect(
            client.pump(TOKEN * 50, lambda: len(client.answers) >= 50, 10),
            f"it stopped after {len(client.answers)} answers: nobody reads its log",
        )
        client.answers.clear()


def check_unread_log(run, build, theirs, read, end):
    """Nobody reads the log: lines are lost, requests are not; and it says how many."""
    responder = Responder(build, run, stderr=theirs)
    try:
        wait_until(lambda: b" serves" in read(), "the start")
        pid = next(iter(children(responder.master)))
        with responder.client() as client:
            flood_log(responder, client, 3000)
            text = b"".join(iter(read, b""))
            expect(text.endswith(b"\n") or b"\n" in text, "no whole lines")
            client.ask(TOKEN)
            client.ask(TOKEN)
            text = wait_until(lambda: read(), "lines after the pause")
        expect(b"log lines lost: nobody read them" in text, text[-300:])
        same(list(children(responder.master)), [pid], "the worker")
        end()
        responder.token()  # with nobody there any more
        responder.tell(signal.SIGHUP)
        wait_until(lambda: list(children(responder.master)) not in ([], [pid]), "another worker")
        responder.token()
        responder.tell(signal.SIGTERM)
        same(responder.wait_end(), 0, "exit status")
    finally:
        responder.kill()


def test_a_log_pipe_that_nobody_reads(run, build, report):
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    reader = os.fdopen(ours, "rb", buffering=0)

    def read():
        return reader.read(1 << 20) or b""

    try:
        with os.fdopen(theirs, "wb") as write_end:
            check_unread_log(
                run, build, write_end, read, lambda: (write_end.close(), reader.close())
            )
    finally:
        reader.close()


def test_a_log_socket_that_nobody_reads(run, build, report):
    """As systemd's journal is."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def read():
        try:
            return ours.recv(1 << 22)
        except BlockingIOError:
            return b""

    with ours, theirs:
        check_unread_log(run, build, theirs, read, lambda: (theirs.close(), ours.close()))
