"""The second record of an action, which says what became of it at Agora, and the chain that holds
records together."""

import json
import os
import re
import resource
import signal
import subprocess

import engine_client
import kit
import rest_kit as rk
import sites
from access_records import ROOM, guarded, records
from kit import expect, same, wait_until
from rest_access import token, worker_of
from rest_failures import KINDS, PUSH, RECORDING
from rest_load import in_flight, leave

KEY = "0123456789abcdef" * 4
ALL = {"actions": "*"}
IDS = {"recording": ("resourceId", "sid"), "transcription": ("taskId",), "push": ("converterId",),
       "pull": ("playerId",)}
HOSTS = {"push": "live.example", "pull": "source.example"}


def pairs(site):
    """Both records of each action that asked Agora."""
    found = records(site)
    first = {r["act"]: r for r in found if "act" in r and "record" not in r}
    second = [r for r in found if r.get("record") == "outcome"]
    same(sorted(first), sorted(r["act"] for r in second), "actions with an outcome")
    return [(first[r["act"]], r) for r in second]


def stop_of(kind, answer):
    """What ends it, and its ids."""
    if kind.name == "recording":
        ids = {n: answer[n] for n in ("cname", "uid", "resourceId", "sid")}
        return "POST", "/cloud_recording/stop", ids, {n: ids[n] for n in IDS[kind.name]}
    name = IDS[kind.name][0]
    ids = {name: kind.id_of(answer)}
    if kind.name == "transcription":
        return "POST", f"/rtt/stop/{ids[name]}", {}, ids
    return "POST", f"/rtmp/{kind.name}/stop", ids | {"region": "na"}, ids


def test_what_became_of_it(w):
    """Both records name the job, and where its stream goes; never its key."""
    site, key = guarded(w, ALL)
    wanted = []
    for kind in KINDS:
        answer = rk.succeeds(site.ask("POST", kind.target, kind.body, key + [("X-Request-ID", "same")]))
        method, target, body, ids = stop_of(kind, answer)
        same(site.ask(method, target, body, key + [("X-Request-ID", "same")]).status, 200, "stop")
        wanted.append((kind, ids))
    site.stop()
    found = pairs(site)
    same(len(found), 2 * len(KINDS), "pairs")
    same(len({first["act"] for first, _ in found}), len(found), "ids of our own")
    for n, (kind, ids) in enumerate(wanted):
        (asked, started), (stop_asked, stopped) = found[2 * n:2 * n + 2]
        for record in (started, stop_asked, stopped):
            same({name: record.get(name) for name in ids}, ids, f"ids in {record}")
        same([name for name in ids if name in asked], [], f"ids before the start in {asked}")
        same({r["id"] for r in (asked, started, stop_asked, stopped)}, {"same"}, "the client's id")
        same([(r["outcome"], r["status"], r["agoraStatus"] // 100, "verdict" in r)
              for r in (started, stopped)], [("done", 200, 2, False)] * 2, f"{kind.name}")
        same([(r["verdict"], r.get("status")) for r in (asked, stop_asked)], [("allow", None)] * 2,
             f"{kind.name}, before")
        for record in (asked, started):
            same(record.get("host"), HOSTS.get(kind.name), f"host in {record}")
    text = sites.read(site.audit_path)
    for secret in (rk.STREAM_KEY, "/app", "rtmp://"):
        expect(secret not in text, f"{secret} is recorded")


def test_hosts(w):
    """Of each URL of a stream or a page, wherever it stands; a name, a password and a key never."""
    site, key = guarded(w, ALL)
    outputs = [{"rtmpUrl": f"rtmp://u:{rk.STREAM_KEY}@a.example:1935/x/{rk.STREAM_KEY}"},
               {"rtmpUrl": "rtmps://[2001:db8::1]:443/x/k"}, {"rtmpUrl": "rtmp://a.example"},
               {"rtmpUrl": f"{rk.STREAM_KEY}"}, {"rtmpUrl": f"rtmp://b.example?{rk.STREAM_KEY}"},
               {"rtmpUrl": f"rtmp://c.example\\{rk.STREAM_KEY}"}, {"RTMPURL": "rtmp:///x"}]
    job = {"cname": "room", "uid": "1", "resourceId": "r", "sid": "s"}
    site.ask("POST", "/cloud_recording/update/subscriber-list",
             job | {"recordingConfig": {"rtmpPublishConfig": {"outputs": outputs}}}, key)
    web = [{"serviceName": "web_recorder_service",
            "serviceParam": {"url": f"https://page.example/{rk.STREAM_KEY}"}}]
    site.ask("POST", "/cloud_recording/start",
             {"channelName": "room", "recordingMode": "web",
              "extensionServiceConfig": {"extensionServices": web}}, key)
    site.stop()
    same([(first["host"], second["host"]) for first, second in pairs(site)],
         [("a.example,[2001:db8::1],b.example,c.example",) * 2, ("page.example",) * 2], "hosts")
    expect(rk.STREAM_KEY not in sites.read(site.audit_path), "a key is recorded")


def test_what_failed_and_what_is_unknown(w):
    site, key = guarded(w, ALL, **rk.HASTY)
    for kind in KINDS:
        w.sim.fault("status", times=9, match=kind.match, status=400, body={"message": "no"})
        rk.fails(site.ask("POST", kind.target, kind.body, key), 400, "upstream_refused",
                 upstream={"status": 400, "reason": "no"})
        w.sim.no_faults()
        w.sim.fault("hang_after", times=9, match=kind.match)
        rk.fails(site.ask("POST", kind.target, kind.body, key), 504, "unknown_outcome")
        w.sim.no_faults()
    w.sim.fault("hang", times=9, match={"path": "/acquire$"})
    rk.fails(site.ask("POST", RECORDING.target, RECORDING.body, key), 504, "upstream_timeout")
    w.sim.no_faults()
    w.sim.fault("hang_after", times=9, match={"path": "/rtmp-converters/c$"})
    rk.fails(site.ask("POST", "/rtmp/push/stop", {"converterId": "c", "region": "na"}, key), 504,
             "upstream_timeout")
    w.sim.no_faults()
    rk.fails(site.ask("POST", "/rtmp/push/stop", {"converterId": "gone", "region": "na"}, key), 404,
             "upstream_refused")
    rk.fails(site.ask("POST", RECORDING.target, RECORDING.body | {"recordingConfig": {
        "subscribeAudioUids": "1"}}, key), 400, "invalid_field", "recordingConfig.subscribeAudioUids")
    site.stop()
    found = [second for _, second in pairs(site)]
    same([(r["outcome"], r["status"], r.get("agoraStatus"), r["reason"]) for r in found],
         [("failed", 400, 400, "upstream_refused"), ("unknown", 504, None, "unknown_outcome")] * 4 +
         [("failed", 504, None, "upstream_timeout"), ("unknown", 504, None, "upstream_timeout"),
          ("failed", 404, 404, "upstream_refused"), ("failed", 400, None, "invalid_field")], "outcomes")
    same(["resourceId" in r or "name" in r for r in found[:8]], [True] * 8, "what is known of the job")
    same([r["converterId"] for r in found[9:11]], ["c", "gone"], "which was to be stopped")


def test_clients_that_go(w):
    """Starts that they left behind get their outcome, and so does what was given up."""
    site, _ = guarded(w, ALL, caller="guest")
    for kind in KINDS:
        w.sim.fault("delay", match=kind.match, ms=600)
        leave(site, w, kind)
    w.sim.fault("hang", match={"method": "GET", "path": "/rtmp-converters$"})
    leave(site, w, None)
    wait_until(lambda: sum("outcome" in r for r in records(site)) == 5, "outcomes")
    site.stop()
    found = {second["action"]: second for _, second in pairs(site)}
    same({action: (r["outcome"], r["status"]) for action, r in found.items()},
         {**{f"{name}.start": ("done", 200) for name in ("recording", "rtt", "push", "pull")},
          "push.list": ("failed", 499)}, "outcomes")
    for kind, name in zip(KINDS, ("recording", "rtt", "push", "pull")):
        record = found[f"{name}.start"]
        expect(all(record.get(name) for name in IDS[kind.name]), f"no ids in {record}")


def test_starts_that_are_cut_off(w):
    """By the time limit and by the end of the service: unknown, and each has its line in the log."""
    for settings, ends in (({"WAIT_TIMEOUT": "1"}, False), ({"DRAIN_TIMEOUT": "1"}, True)):
        site, key = guarded(w, ALL, **settings)
        fault = w.sim.fault("hang_after", match=PUSH.match)
        request = engine_client.post(rk.json.dumps(PUSH.body).encode(),
                                     REQUEST_URI="/rtmp/push/start", HTTP_X_REQUEST_ID="cut",
                                     **{"HTTP_X_API_KEY": key[0][1]})
        with engine_client.Client(site.socket) as client:
            client.send(request)
            wait_until(lambda f=fault: w.sim.fired()[f] == 1, "the start at Agora")
            if ends:
                site.responder.terminate()
                same(site.responder.wait(kit.DEADLINE), 0, "exit status")
                site.responder = None
            else:
                same(client.ask(b"").status, 504, "status")
        w.sim.no_faults()
        same([(second["outcome"], second["status"]) for _, second in pairs(site)],
             [("unknown", 499 if ends else 504)], "outcomes")
        lines = [line for line in site.responder_log().splitlines() if " method=POST " in line]
        same(len(lines), 1, f"lines of the request ({lines})")
        site.stop()


def test_an_outcome_that_cannot_be_written(w):
    """The answer stays, and the loss is counted and said."""
    site, key = guarded(w, ALL | {"actions": ["*", "metrics.read"]})
    # The file of records is to be larger than that of the log, which the limit is for, too.
    for _ in range(60):
        same(token(site, ROOM | {"channel": "x" * 64}, key[0]).status, 200, "a token")
    worker = worker_of(site)
    w.sim.fault("delay", match=PUSH.match, ms=800)

    def fill():
        wait_until(lambda: in_flight(w.sim) > 0, "the start at Agora")
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (os.path.getsize(site.audit_path), -1))

    answer, _ = rk.in_threads(lambda: site.ask("POST", PUSH.target, PUSH.body, key), fill)
    rk.succeeds(answer)
    line = site.access_lines(answer)[-1]
    expect(line.endswith(" audit=lost") and " status=200 " in line, line)
    metrics = engine_client.ask(site.socket, engine_client.get("/metrics", HTTP_X_API_KEY=key[0][1]))
    # The metrics' own record has no room, either, and that refuses them.
    same(metrics.status, 503, "without room")
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (-1, -1))
    metrics = engine_client.ask(site.socket, engine_client.get("/metrics", HTTP_X_API_KEY=key[0][1]))
    expect(b"\nagora_audit_lost_total 2\n" in metrics.body, metrics.body[-3000:])
    site.stop()
    same([r["outcome"] for r in records(site) if "outcome" in r], [], "outcomes")


def test_text_that_does_not_show(w):
    """From outside, in every value and both formats: escaped in the record and in the log."""
    odd = "a\u0085\u009b\u2028\u202e\u2066\u200b\ufeff\U000e0041b"
    for form in ("json", "logfmt"):
        site, key = guarded(w, ALL, AUDIT_FORMAT=form)
        for cname in (odd, odd + odd):
            site.ask("POST", "/cloud_recording/stop",
                     {"cname": cname, "uid": "1", "resourceId": "r", "sid": "s"}, key)
        site.stop()
        for text in (sites.read(site.audit_path), site.responder_log()):
            same([hex(ord(c)) for c in text if ord(c) > 126 or (c < " " and c != "\n")], [], "raw")
        escaped = r"a\u0085\u009b\u2028\u202e\u2066\u200b\ufeff\udb40\udc41b"
        same(sites.read(site.audit_path).count(escaped), 6, "how often it is escaped")


def verify(w, *files, key=KEY, options=()):
    """What the command says of them: its exit status and its JSON."""
    done = subprocess.run(
        [os.path.join(w.build, "agora-token"), "audit", "verify", "--json", *options, *files],
        env={"AUDIT_KEY": key, "PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False,
        timeout=kit.DEADLINE, stdin=subprocess.DEVNULL)
    expect(done.returncode in (0, 1), done.stderr)
    return done.returncode, json.loads(done.stdout)


def problems(said):
    return [f["problem"] for f in said["findings"]]


def test_a_chain_over_rotation_and_reload(w):
    """Two workers at a time write to one file, and to the next; each ends its chain."""
    site, key = guarded(w, ALL, AUDIT_KEY=KEY)
    request = engine_client.post(keep=False, HTTP_X_API_KEY=key[0][1])
    load = engine_client.Load(8, lambda: engine_client.connect(site.socket), request,
                              engine_client.fastcgi_finished, once=True)
    thread = engine_client.started(load)
    for n in range(6):
        wait_until(lambda m=len(load.times): len(load.times) > m + 50, "answers")
        os.rename(site.audit_path, f"{site.audit_path}.{n}")
        if n % 3 == 2:
            serving = worker_of(site)
            site.responder.send_signal(signal.SIGHUP)
            wait_until(lambda old=serving: worker_of(site) != old, "another worker")
        site.responder.send_signal(signal.SIGUSR1)
        wait_until(lambda: os.path.exists(site.audit_path), "the new file")
    files = [site.audit_path, *(f"{site.audit_path}.{n}" for n in range(6))]
    wait_until(lambda m=len(load.times): len(load.times) > m + 50, "answers of the last worker")
    load.stop()
    thread.join()
    code, said = verify(w, *files, options=["--partial"])
    same((code, said["findings"]), (0, []), "while it serves")
    site.stop()
    code, said = verify(w, *files)  # the newest first: their times put them in order
    same((code, said["findings"], said["chains"], said["closed"]), (0, [], 3, 3), "the whole")
    same(said["records"], load.statuses[200] + 2 * 3, "records, and three of open and close")
    logged = re.findall(r"audit chain ([a-z2-7]{26})$", site.responder_log(), re.M)
    same(sorted(logged), sorted({re.search(r'"chain":"(.{26})"', line)[1] for file in files
                                 for line in sites.read(file).splitlines()}), "chains in the log")
    subprocess.run(["gzip", *files[1:4]], check=True)
    files[1:4] = [f"{file}.gz" for file in files[1:4]]
    same(verify(w, *files)[0], 0, "some of them packed")
    code, said = verify(w, *files[:2], *files[3:])
    same((code, set(problems(said))), (1, {"gap"}), "without one of them")
    same(verify(w, *files, key=KEY[::-1])[0], 1, "another key")


def test_chains_that_end_otherwise(w):
    """A worker that is killed leaves no close; a full disk a number; CGI a chain for each request."""
    site, key = guarded(w, ALL, AUDIT_KEY=KEY, AUDIT_FORMAT="logfmt", LOG_LEVEL="info")
    same(token(site, ROOM, key[0]).status, 200, "a token")
    killed = worker_of(site)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: worker_of(site) != killed, "another worker")
    same(token(site, ROOM, key[0]).status, 200, "another token")
    worker = worker_of(site)
    size = os.path.getsize(site.audit_path)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (size + 20, -1))
    same([token(site, ROOM, key[0]).status for _ in range(3)], [503] * 3, "a full disk")
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (-1, -1))
    same(token(site, ROOM, key[0]).status, 200, "room again")
    site.stop()
    code, said = verify(w, site.audit_path)
    same((code, problems(said), said["lost"], said["chains"], said["closed"]),
         (1, ["fragment", "no_close"], 3, 2, 1), "what is said")
    same(said["problems"], 1, "a fragment is none")


def test_a_chain_under_cgi(w):
    directory = w.run.directory()
    audit = os.path.join(directory, "audit")
    environment = sites.environment({
        "AUDIT_FILE": audit, "AUDIT_KEY": KEY, "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/rtc/room/publisher/uid/7", "REMOTE_ADDR": "127.0.0.1"})
    for name in ("agora.cgi", "agora-fcgi"):
        for _ in range(2):
            done = subprocess.run([os.path.join(w.build, name)], env=environment, capture_output=True,
                                  check=False, stdin=subprocess.DEVNULL, timeout=kit.DEADLINE)
            expect(b'"rtcToken"' in done.stdout, f"{done}")
    code, said = verify(w, audit)
    same((code, said["records"], said["chains"], said["closed"]), (0, 12, 4, 4), f"{said}")
    ping = environment | {"REQUEST_URI": "/ping"}
    subprocess.run([os.path.join(w.build, "agora.cgi")], env=ping, capture_output=True, check=True,
                   stdin=subprocess.DEVNULL, timeout=kit.DEADLINE)
    same(verify(w, audit)[1]["lines"], 12, "lines after a request without a record")


def test_the_key_is_nowhere(w):
    """Neither in the worker's memory, however it came, nor in its environment."""
    with open(sites.responder_path(w.build), "rb") as program:
        is_sanitized = b"__asan_init" in program.read()  # that runtime copies the environment
    for how in ("file", "env file") if is_sanitized else ("environment", "file", "env file"):
        more = {"AUDIT_KEY": KEY}
        if how == "file":
            path = os.path.join(w.run.directory(), "key")
            sites.write(path, KEY + "\n")
            more = {"AUDIT_KEY_FILE": path}
        elif how == "env file":
            path = os.path.join(w.run.directory(), "agora.env")
            sites.write(path, f"AUDIT_KEY={KEY}\n")
            more = {"AGORA_ENV_FILE": path}
        site, key = guarded(w, ALL, **more)
        same(token(site, ROOM, key[0]).status, 200, "a token")
        found = memory_of(worker_of(site))
        same([form in found for form in (KEY.encode(), bytes.fromhex(KEY))], [False, False],
             f"the key, which came by the {how}")
        site.stop()
        same(verify(w, site.audit_path)[0], 0, "verified")


def memory_of(pid):
    """What can be written of its memory; for root alone."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            start, end, mode = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            size = int(end, 16) - int(start, 16)
            if not mode.startswith("rw") or size > 1 << 28:
                continue
            try:
                memory.seek(int(start, 16))
                found.append(memory.read(size))
            except OSError:
                pass
    return b"\0".join(found)
