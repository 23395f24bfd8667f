#!/usr/bin/env python3
"""The package under a running systemd: tests/packages/run starts this in a machine of its own."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "servers"))

import engine_client as fc  # noqa: E402
import kit  # noqa: E402
from engine_responder import children, exists  # noqa: E402
from kit import expect, same, wait_until  # noqa: E402

UNIT, SOCKET = "agora-backend.service", "/run/agora-backend/fcgi.sock"
ENV = "/etc/agora-backend/agora.env"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/tests.conf"
HERE = os.path.dirname(os.path.realpath(__file__))
APP_ID, CERTIFICATE = secrets.token_hex(16), secrets.token_hex(16)
BODY = b'{"tokenType":"rtc","channel":"lobby","uid":"42"}'
made = {}  # "key", of init


def shell(command, status=0):
    done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    expect(status is None or done.returncode == status,
           f"{command}: status {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout


def show(name):
    return shell(f"systemctl show --value -p {name} {UNIT}").strip()


def master():
    return int(show("MainPID"))


def worker():
    """The one worker, once it is alone."""
    return wait_until(lambda: len(found := list(children(master()))) == 1 and found[0], "one worker")


def journal(options="-n 100"):
    """The service's own entries."""
    lines = shell(f"journalctl -q --sync; journalctl -q -o json _SYSTEMD_UNIT={UNIT} {options}")
    return [json.loads(line) for line in lines.splitlines()]


def cursor():
    return journal("-n 1")[0]["__CURSOR"]


def wait_for(text, since):
    return wait_until(lambda: next((e for e in journal(f"--after-cursor='{since}'")
                                    if text in e["MESSAGE"]), None), text)


def ask(key=None, more=()):
    """For a token, by nginx; the answer."""
    return kit.http(8081, "POST", "/getToken", [("X-API-Key", key or made["key"]), *more], BODY)


def token():
    answer = ask()
    same(answer.status, 200, f"status ({answer.body!r}, {journal()[-5:]})")
    return answer.json()["token"]


def drop_in(text):
    os.makedirs(os.path.dirname(DROP_IN), exist_ok=True)
    kit.write(DROP_IN, text)
    shell("systemctl daemon-reload")


def under_load(what, commands):
    """Through nginx and at the socket itself: whoever asks is answered."""
    head = [("X-API-Key", made["key"])]
    raw = fc.post(BODY, keep=False, HTTP_X_API_KEY=made["key"])
    loads = [fc.Load(8, lambda: kit.connect(8081), kit.request_bytes("POST", "/getToken", head, BODY),
                     fc.http_finished, True),
             fc.Load(8, lambda: fc.connect(SOCKET), raw, fc.fastcgi_finished, True)]
    threads = [fc.started(load) for load in loads]

    def answered():
        before = [len(load.times) for load in loads]
        wait_until(lambda: all(len(load.times) > n + 20 for load, n in zip(loads, before)), "answers")

    try:
        answered()
        for command in commands:
            old = worker()
            shell(command)
            wait_until(lambda: not exists(old), "the old worker to end")
            answered()
    finally:
        for load in loads:
            load.stop()
        for thread in threads:
            thread.join()
    for load in loads:
        pause = max(b - a for a, b in zip(load.times, load.times[1:]))
        print(f"     {what}: {len(load.lost)} of {len(load.times)} requests lost, longest pause "
              f"{pause:.2f} s", flush=True)
        same(load.lost, [], "requests lost")
        same(set(load.statuses), {200}, f"statuses {load.statuses}")


# In this order.


def test_installed():
    """It starts nothing, not even the socket."""
    shell(f"dpkg -i {HERE}/agora-backend_*.deb")
    for unit in (UNIT, "agora-backend.socket"):
        same(shell(f"systemctl is-enabled {unit}", None).strip(), "disabled", unit)
        same(shell(f"systemctl is-active {unit}", None).strip(), "inactive", unit)


def test_without_settings():
    """It says so, and is not started again and again."""
    expect("agora-backend.service failed" in shell(f"systemctl start {UNIT}", 1), "systemctl says so")
    same((show("ExecMainStatus"), show("NRestarts")), ("78", "0"), "exit code, restarts")
    expect(any("agora.env" in e["MESSAGE"] and e["PRIORITY"] == "3" for e in journal()), journal())
    shell(f"systemctl stop agora-backend.socket; systemctl reset-failed {UNIT}")


def test_first_token():
    """By what init says."""
    began = time.monotonic()
    done = subprocess.run(["agora-token", "init", "-"], capture_output=True, text=True, check=True,
                          input=f"APP_ID={APP_ID}\nAPP_CERTIFICATE={CERTIFICATE}\n")
    made["key"] = done.stdout.strip()
    shell(re.search(r"^    (systemctl enable --now .*)$", done.stderr, re.M).group(1))
    where = re.search(r"Put this into (\S+) and run `(.*?)`", done.stderr)
    kit.write(where.group(1), re.search(r"^    server \{\n.*?^    \}$", done.stderr, re.S | re.M).group())
    shell(where.group(2))
    question = re.search(r"^    (echo .*\\\n.*)$", done.stderr, re.M).group(1)
    line = ["sh", "-c", question.replace("KEY", made["key"])]
    answer = wait_until(lambda: '"token"' in (said := kit.by_curl(line, HERE).stdout) and said,
                        "nginx's new address")
    print(f"     from init to the first token: {time.monotonic() - began:.1f} s", flush=True)
    expect('"token":"007' in answer, answer)
    same(ask("wrong").status, 401, "status without the key")


def test_ready():
    same((show("Type"), show("ActiveState"), show("SubState")), ("notify", "active", "running"), "state")
    same(show("StatusText"), f"worker {worker()} serves", "what it says of itself")
    for unit in (UNIT, "agora-backend.socket"):
        same(shell(f"systemctl is-enabled {unit}").strip(), "enabled", unit)


def test_confined():
    for pid in (master(), worker()):
        with open(f"/proc/{pid}/status") as file:
            status = dict(line.split(":\t") for line in file.read().splitlines())
        same((status["NoNewPrivs"], status["Seccomp"], status["CapEff"]), ("1", "2", "0" * 16), "confinement")
        same(status["Uid"].split()[0], shell("id -u agora-backend").strip(), "its user")
    said = [e["MESSAGE"] for e in journal() if "sandbox: " in e["MESSAGE"]]
    expect("files can only be read, but for logs and keys" in said[-1] and "filtered" in said[-1], said)
    score = shell(f"systemd-analyze security --no-pager --threshold=15 {UNIT}").strip().splitlines()[-1]
    print(f"     {score}", flush=True)


def test_journal():
    since = cursor()
    answer = ask(more=[("X-Request-ID", "asked-here-1")])
    same(answer.status, 200, "status")
    entry = wait_for("id=asked-here-1", since)
    same((entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]), ("6", "agora-fcgi"), entry["MESSAGE"])
    expect(entry["MESSAGE"].startswith("info "), "no time of its own:", entry["MESSAGE"])
    text = shell("journalctl -q --no-pager -b")
    for secret in (CERTIFICATE, made["key"], answer.json()["token"]):
        expect(secret not in text, "a secret is in the journal")


def test_credentials():
    """Root's alone, and not in the settings."""
    path = "/etc/agora-backend/app_certificate"
    kit.write(path, CERTIFICATE + "\n")
    os.chmod(path, 0o600)
    with open(ENV) as file:
        text = file.read()
    kit.write(ENV, re.sub("^APP_CERTIFICATE=.*\n", "", text, flags=re.M))
    same(oct(os.stat(ENV).st_mode), "0o100640", "mode of the settings")
    shell(f"systemctl restart {UNIT} 2>&1", 1)
    line = next(line for line in shell(f"systemctl cat {UNIT}").splitlines()
                if "LoadCredential=app_certificate" in line)
    drop_in(f"[Service]\n{line.lstrip('#')}\n")
    shell(f"systemctl restart {UNIT}")
    # agora-token checks it by the same certificate, from a file.
    settings = f"APP_ID={APP_ID}\nAPP_CERTIFICATE_FILE={path}\n"
    kit.write("/run/check.env", settings)
    os.chmod("/run/check.env", 0o600)
    shell(f"agora-token inspect --env-file /run/check.env {token()}")
    shell(f"systemctl reload {UNIT}")
    kit.write(ENV, text)


def test_reload_that_fails():
    """It is seen at once, by whoever reloads, looks or measures; and what served goes on."""
    with open(ENV) as file:
        text = file.read()
    pid, since = worker(), cursor()
    kit.write(ENV, text + "LOG_LEVEL=loud\n")
    said = shell(f"systemctl reload {UNIT} 2>&1", 1)
    expect("failed" in said, said)
    wait_for("LOG_LEVEL", since)
    wait_until(lambda: show("StatusText") == "reload failed, the old configuration serves", "the status")
    same((worker(), show("ActiveState"), show("SubState")), (pid, "active", "running"), "what serves")
    found = shell("agora-token doctor --offline", 1)
    expect("the last reload failed" in found, found)
    token()
    kit.write(ENV, text)
    shell(f"systemctl reload {UNIT}")
    wait_until(lambda: show("StatusText") == f"worker {worker()} serves", "the status")


def test_rotation():
    """Of the file of records, by what the package gives logrotate."""
    path = "/var/log/agora-backend/audit.log"
    with open(ENV) as file:
        text = file.read()
    kit.write(ENV, text + f"AUDIT_FILE={path}\n")
    shell(f"systemctl restart {UNIT}")
    token()
    same(shell("logrotate --force /etc/logrotate.d/agora-backend"), "", "what logrotate says")
    wait_until(lambda: os.path.exists(path), "a new file")
    token()
    for name in (path + ".1", path):
        with open(name) as file:
            same(file.read().count("action=token.issue"), 1, f"records in {name}")
    shell(f"systemctl stop {UNIT}")
    same(shell("logrotate --force /etc/logrotate.d/agora-backend"), "", "what it says of one that is stopped")
    kit.write(ENV, text)
    shell(f"systemctl start {UNIT}")


def test_killed_again_and_again():
    """More often than systemd's limit of starts allows for at once."""
    for _ in range(7):
        old = master()
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: show("ActiveState") == "active" and master() != old, "systemd's restart", 60)
    token()
    same(shell("systemctl is-active agora-backend.socket").strip(), "active", "the socket")


def test_killed_worker():
    old, since, count = worker(), cursor(), show("NRestarts")
    os.kill(old, signal.SIGKILL)
    same(wait_for("signal 9", since)["PRIORITY"], "3", "priority")
    wait_until(lambda: worker() != old, "another worker")
    token()
    same(show("NRestarts"), count, "restarts by systemd")


def test_worker_that_hangs():
    old, since = worker(), cursor()
    os.kill(old, signal.SIGSTOP)
    began = time.monotonic()
    wait_until(lambda: not exists(old), "its end", 60)
    token()
    print(f"     a worker that hangs: served again after {time.monotonic() - began:.1f} s", flush=True)
    same(wait_for("worker", since)["_PID"], str(master()), "who says so")


def test_watchdog():
    drop_in("[Service]\nWatchdogSec=3\n")
    shell(f"systemctl restart {UNIT}")
    old, count = master(), int(show("NRestarts"))
    os.kill(old, signal.SIGSTOP)
    began = time.monotonic()
    wait_until(lambda: int(show("NRestarts")) == count + 1 and show("ActiveState") == "active",
               "systemd's restart", 120)
    token()
    print(f"     a master that hangs: served again after {time.monotonic() - began:.1f} s", flush=True)
    expect(not exists(old), "the old one is gone")
    shutil.rmtree(os.path.dirname(DROP_IN))
    shell("systemctl daemon-reload")
    shell(f"systemctl restart {UNIT}")


def test_reload_under_load():
    pid = master()
    under_load("2 reloads", [f"systemctl reload {UNIT}"] * 2)
    same(master(), pid, "the master")


def test_restart_under_load():
    under_load("2 restarts", [f"systemctl restart {UNIT}"] * 2)


def test_upgrade_under_load():
    pid = master()
    # Ahead of who asks: there are two slow processors for all.
    under_load("an upgrade", [f"nice -n -15 dpkg -i --force-confold,unsafe-io {HERE}/newer.deb"])
    expect(master() != pid, "the new one runs")
    expect("+newer" in shell("dpkg-query -Wf '${Version}' agora-backend"), "it is installed")


def test_stop_drains():
    """What is under way is answered; then the socket starts it again."""
    data = fc.post(BODY, HTTP_X_API_KEY=made["key"])
    with fc.Client(SOCKET) as client:
        client.send(data[:-20])
        old, since = worker(), cursor()
        stop = subprocess.Popen(["systemctl", "stop", UNIT])
        wait_for("to end", since)
        expect(stop.poll() is None and exists(old), "it waits")
        same(client.ask(data[-20:]).status, 200, "status of what was under way")
    same(stop.wait(kit.DEADLINE), 0, "systemctl's status")
    same((show("ActiveState"), show("Result"), show("MainPID")), ("inactive", "success", "0"), "state")
    token()
    same(show("ActiveState"), "active", "state")


def test_removed_and_purged():
    pid = master()
    shell("dpkg -r agora-backend")
    expect(not exists(pid) and not os.path.exists(SOCKET), "nothing runs")
    expect(os.path.exists(ENV), "the settings stay")
    shell("dpkg -P agora-backend; systemctl daemon-reload; systemctl reset-failed")
    same(shell("systemctl list-units --all --plain --no-legend 'agora*'"), "", "units")
    same(shell("systemctl list-unit-files --no-legend 'agora*'", None), "", "unit files")
    left = shell(r"find / -xdev \( -path /srv -o -path /proc -o -path /sys \) -prune -o -name '*agora*' -print")
    # nginx's file is the administrator's.
    same(left.split(), ["/etc/nginx/conf.d/agora.conf"], "what is left")


def main():
    suite = kit.Suite(verbose=True)
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            suite.run(name[5:].replace("_", " "), test)
    if suite.failed:
        print(shell("journalctl -q --no-pager -b -n 9999 | grep -v status=200 | tail -n 100", None))
    with open("/srv/answers", "w") as file:  # judged outside, where node is
        file.write("\n".join(kit.answers))
    print(suite.closing_line())


main()
