"""nginx/serve, as its user has it."""

import glob
import json
import os
import re
import secrets
import signal
import subprocess
import time

import kit
import tokens
from cases import ALLOW_ORIGIN, check_common, check_error
from kit import TOP, Skip, connect, exchange, expect, http, read_answer, request_bytes, same, wait_until
from sites import APP_ID, CERTIFICATE, environment, read, write

SERVE = os.path.join(TOP, "nginx", "serve")
FIRST = 900.0  # seconds: the first run builds
BODY = b'{"tokenType":"rtc","channel":"demo","uid":"1"}'


class Serve:
    def __init__(self, run, *args, env=None, cwd=None):
        self.directory = cwd or run.directory()
        self.out_path = os.path.join(run.directory(), "stdout")
        self.err_path = os.path.join(run.directory(), "stderr")
        env = environment({"APP_ID": "", "APP_CERTIFICATE": ""}) | (env or {})
        self.before = set(runtime_directories())
        self.began = time.monotonic()
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = run.start([SERVE, *args], err, env, stdout=out, cwd=self.directory)

    def out(self):
        return read(self.out_path)

    def err(self):
        return read(self.err_path)

    def ready(self):
        """Waits for all that it says then, and returns the port."""

        def found():
            expect(self.process.poll() is None, f"it ended: {self.out()} {self.err()}")
            return re.search(r"ready on http://127\.0\.0\.1:(\d+).*^Try: [^\n]*\n",
                             self.out(), re.M | re.S)

        self.port = int(wait_until(found, "the ready line", FIRST)[1])
        self.took = time.monotonic() - self.began
        self.children = descendants(self.process.pid)
        words = "".join(of_process(child, "cmdline") for child in self.children)
        self.ours = [d for d in runtime_directories() if d in words]
        same(len(self.ours), 1, "runtime directories")
        return self.port

    def ends(self, status):
        """It ended so, and nothing of it is left."""
        same(self.process.wait(FIRST), status, f"exit status ({self.err()[-600:]})")
        wait_until(lambda: not [p for p in self.children if alive(p)], "its processes to end")
        for path in self.ours:
            expect(not os.path.exists(path), f"{path} is left")
        with open("/proc/net/tcp") as file:
            listening = [line.split()[1] for line in file if line.split()[3] == "0A"]
        expect(f"0100007F:{self.port:04X}" not in listening, "it still listens")

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.ends(0)


def runtime_directories():
    return glob.glob("/run/agora-serve.*") + glob.glob("/tmp/agora-serve.*")


def of_process(pid, name):
    try:
        return read(f"/proc/{pid}/{name}")
    except (FileNotFoundError, ProcessLookupError):
        return ""  # it has just ended


def descendants(pid):
    found = []
    for child in of_process(pid, f"task/{pid}/children").split():
        found += [int(child)] + descendants(int(child))
    return found


def alive(pid):
    status = of_process(pid, "status")
    return status != "" and "State:\tZ" not in status


def program(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except FileNotFoundError:
        return ""


def refuses(run, status, says, *args, env=None, cwd=None):
    """It ends with one line that says this, and leaves nothing."""
    serve = Serve(run, *args, env=env, cwd=cwd)
    same(serve.process.wait(FIRST), status, f"exit status ({serve.err()[-600:]})")
    lines = serve.err().splitlines()
    same(len(lines), 1, f"lines ({lines})")
    expect(lines[0].startswith("nginx/serve: "), lines[0])
    for text in says:
        expect(text in lines[0], f"{lines[0]!r} does not say {text!r}")
    same(set(runtime_directories()) - serve.before, set(), "runtime directories left")
    expect("ready" not in serve.out(), serve.out())


def credentials(directory, *lines, name=".env"):
    path = os.path.join(directory, name)
    write(path, "\n".join([f"APP_ID={APP_ID}", f'export APP_CERTIFICATE="{CERTIFICATE}"', *lines, ""]))
    return path


def port_line():
    return ["--port", str(kit.free_port())]


def test_demo(run):
    serve = Serve(run, "--demo", *port_line())
    port = serve.ready()
    expect("thrown away" in serve.out(), f"no word of throw-away credentials: {serve.out()}")
    command = re.search(r"^Try: +(curl .*)$", serve.out(), re.M)[1]
    directory = run.directory()
    write(directory + "/.curlrc", kit.CURL_SETTINGS)
    done = subprocess.run(["sh", "-c", command + " -sS"], capture_output=True, text=True, check=False,
                          env=os.environ | {"CURL_HOME": directory})
    same(kit.note_curl(done.stdout, done.stderr), "", "what curl complains of")
    answer = json.loads(done.stdout)
    for child in serve.children:
        if program(child) == "agora-fcgi":
            break
    variables = dict(v.split("=", 1) for v in read(f"/proc/{child}/environ").split("\0") if "=" in v)
    expect(re.fullmatch("[0-9a-f]{32}", variables["APP_CERTIFICATE"]), "a random certificate")
    sheet = tokens.inspect(run.build, answer["token"])
    same(sheet["appId"], variables["APP_ID"], "App ID in the token")
    same(sheet["services"][0]["channelName"], "demo", "channel in the token")

    secret = variables["APP_CERTIFICATE"]
    argvs = [of_process(pid, "cmdline") for pid in os.listdir("/proc") if pid.isdigit()]
    expect(not [a for a in argvs if secret in a], "the certificate is on a command line")
    expect(secret not in serve.out() + serve.err(), "the certificate is shown")
    expect(answer["token"] not in serve.out() + serve.err(), "a token is logged")

    page = [("Origin", "https://page.example")]
    for target, body, status in (("/ping", b"", 200), ("/getToken", b"x" * 65537, 413)):
        got = http(port, "POST" if body else "GET", target, page, body)
        same(got.status, status, "status")
        same(got.header(ALLOW_ORIGIN), "https://page.example", f"{ALLOW_ORIGIN} of {target}")
    with open("/proc/net/tcp") as file:
        where = [w for w in file.read().split() if w.endswith(f":{port:04X}")]
    expect(set(where) <= {f"0100007F:{port:04X}"}, f"it listens on {where}")
    serve.stop()

    again = Serve(run, "--demo", *port_line())
    again.ready()
    other = [read(f"/proc/{c}/environ") for c in again.children if program(c) == "agora-fcgi"]
    expect(secret not in "".join(other), "the credentials are the same again")
    again.stop()


def test_a_second_run_is_ready_within_2_seconds(run):
    times = []
    for _ in range(3):  # another test's load may slow one of them
        serve = Serve(run, "--demo", *port_line())
        serve.ready()
        times.append(serve.took)
        serve.stop()
    print(f"     nginx/serve ready after {', '.join(f'{t:.2f}' for t in times)} s", flush=True)
    expect(min(times) < 2, f"ready after {times} s")


def test_port_comes_from_option_variables_and_file(run):
    directory = run.directory()
    ports = {name: str(kit.free_port()) for name in "abcde"}
    for lines, env, args, wanted in (
        ([], {"SERVER_PORT": ports["b"], "PORT": ports["c"]}, ["--port", ports["a"]], "a"),
        ([f"SERVER_PORT={ports['d']}"], {"SERVER_PORT": ports["b"], "PORT": ports["c"]}, [], "b"),
        ([f"PORT={ports['e']}"], {"PORT": ports["c"]}, [], "c"),
        ([f"PORT={ports['e']}", f" export SERVER_PORT = '{ports['d']}' # x"], {}, [], "d"),
        ([f'PORT="{ports["e"]}"', "SERVER_PORT="], {}, [f"--env-file={directory}/.env"], "e"),
    ):
        credentials(directory, *lines)
        serve = Serve(run, *args, env=env, cwd=directory)
        same(str(serve.ready()), ports[wanted], f"port with {lines} {env} {args}")
        answer = http(serve.port, "POST", "/getToken", body=BODY).json()
        tokens.check(run.build, answer["token"], tokens.rtc("demo", "1"))
        serve.stop()


def test_settings_of_the_file_count_for_nginx_too(run):
    origins = "CORS_ALLOW_ORIGIN='https://a.example , https://b.example:1'"
    # What is said there of the socket is for another web server.
    path = credentials(run.directory(), origins, "SOCKET_MODE=0600", "SOCKET_GROUP=nogroup")
    serve = Serve(run, "--env-file", path, *port_line())
    serve.ready()
    for origin, allowed in (
        ("https://a.example", True),
        ("https://b.example:1", True),
        ("https://c.example", False),
        ("null", False),
    ):
        answer = http(serve.port, "POST", "/getToken", [("Origin", origin)], b"x" * 65537)
        check_common(answer, "")
        check_error(answer, 413, "body_too_large")
        same(answer.header(ALLOW_ORIGIN), origin if allowed else None, ALLOW_ORIGIN)
        status = http(serve.port, "GET", "/ping", [("Origin", origin)]).status
        same(status, 200 if allowed else 403, "our status")
    serve.stop()


def test_origins_of_nginx_are_the_responders(run):
    for listed, allowed, refused in (
        ("https://A.example:443/,http://b.example:80", ("https://a.example", "http://b.example"),
         ("null", "https://a.example:444")),
        ("https://*.example.com", ("https://a.example.com", "https://a.b.example.com"),
         ("https://example.com", "https://evilexample.com", "https://a.example.com.evil")),
        ("https://c.example, *", ("https://c.example", "https://d.example", "null"), ()),
    ):
        path = credentials(run.directory(), f"CORS_ALLOW_ORIGIN={listed}")
        serve = Serve(run, "--env-file", path, *port_line())
        serve.ready()
        for origin in (*allowed, *refused):
            answer = http(serve.port, "POST", "/getToken", [("Origin", origin)], b"x" * 65537)
            check_error(answer, 413, "body_too_large")
            wanted = origin if origin in allowed else None
            same(answer.header(ALLOW_ORIGIN), wanted, f"nginx's {ALLOW_ORIGIN} with {listed}")
            status = http(serve.port, "GET", "/ping", [("Origin", origin)]).status
            same(status, 200 if wanted else 403, f"our status to {origin} with {listed}")
        serve.stop()


def test_below_a_path(run):
    path = credentials(run.directory(), "BASE_PATH=/agora")
    serve = Serve(run, "--env-file", path, *port_line())
    serve.ready()
    answer = http(serve.port, "POST", "/agora/getToken", body=BODY).json()
    tokens.check(run.build, answer["token"], tokens.rtc("demo", "1"))
    # Every location is there, and none of them elsewhere.
    shipped = read(TOP, "conf", "nginx", "agora-server.conf")
    conf = read(serve.ours[0], "agora", "agora-server.conf")
    wanted = [line if ".agora-error" in line else line.replace(" /", " /agora/", 1)
              for line in re.findall(r"^location (?:= )?/\S*", shipped, re.M)]
    same(re.findall(r"^location (?:= )?/\S*", conf, re.M), wanted, "locations")
    same(http(serve.port, "GET", "/agora/rtm").status, 404, "status of a path without its last part")
    same(http(serve.port, "GET", "/ping").status, 404, "status elsewhere")
    serve.stop()


def test_the_console_is_shown_as_told(run):
    for lines, base, shown in (([], "", True), (["CONSOLE=off"], "", False), (["CONSOLE=on"], "", True),
                               (["BASE_PATH=/agora"], "/agora", True)):
        path = credentials(run.directory(), *lines)
        serve = Serve(run, "--env-file", path, *port_line())
        port = serve.ready()
        wait_until(lambda: "Try: " in serve.out(), "all that it says")
        same(f"Console: http://127.0.0.1:{port}{base}/console/" in serve.out(), shown, f"said with {lines}")
        answer = http(port, "GET", f"{base}/console/")
        same(answer.status, 200 if shown else 404, f"status with {lines}")
        if not shown:
            check_error(answer, 404, "not_found")
        # Nobody asks a CONSOLE that is off; else this machine may see it.
        status = http(port, "GET", f"{base}/status")
        same(status.status, 200 if shown else 501, f"/status with {lines}")
        same("projects" in status.json(), shown, f"projects with {lines}")
        page = http(port, "GET", f"{base}/status", [("Origin", "https://page.example")])
        expect("projects" not in page.json(), "a page of another origin")
        serve.stop()


def test_it_answers_to_this_machine_alone(run):
    """Whoever's name leads here (DNS rebinding) gets neither tokens nor the console."""
    own = os.uname().nodename
    for lines, base, good, bad in (
            ([], "", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]", "192.0.2.7:80", own],
             ["evil.example", "localhost.evil.example", "0x7f.1", "2130706433", "tokens.example"]),
            (["ALLOWED_HOSTS='Tokens.example., *.apps.example'", "BASE_PATH=/agora"], "/agora",
             ["tokens.example", "a.b.apps.example", "[::1]:80", "127.0.0.1"],
             ["localhost", "apps.example", "evil.example", own + ".example"])):
        serve = Serve(run, "--env-file", credentials(run.directory(), *lines), *port_line())
        port = serve.ready()
        for host in good + bad:
            head = [("Host", host)]
            statuses = [http(port, "POST", f"{base}/getToken", head, BODY).status] + [
                http(port, "GET", base + path, head).status for path in (
                    "/console/", "/ping", "/livez", "/readyz")]
            same(statuses, [200] * 5 if host in good else [421, 421, 421, 200, 200], f"as {host}")
            page = [*head, ("Origin", f"http://{host}")]
            answer = http(port, "POST", f"{base}/getToken", page, BODY)
            if host in bad:
                check_error(answer, 421, "host_not_allowed")
                same(answer.header(ALLOW_ORIGIN), None, "what a page there may read")
                check_error(http(port, "GET", "/", head), 421, "host_not_allowed")
        with connect(port) as client:
            client.sendall(f"GET {base}/ping HTTP/1.0\r\n\r\n".encode())
            expect(b" 200 " in client.recv(64), "HTTP/1.0, without a host")
        serve.stop()
    for value in ("localhost:8080", "a.example,https://b.example", "*"):
        path = credentials(run.directory(), f"ALLOWED_HOSTS={value}")
        refuses(run, 78, ["ALLOWED_HOSTS: entry "], "--env-file", path, *port_line())


def test_what_it_refuses(run):
    directory = run.directory()
    port = port_line()
    bad = os.path.join(directory, "bad.env")
    write(bad, "# x\nAPP_ID=123\n")
    empty = os.path.join(directory, "empty.env")
    write(empty, "")
    good = credentials(directory, "SERVER_PORT=eighty", name="port.env")
    refuses(run, 64, ["--prot"], "--prot", "1")
    refuses(run, 64, ["--port", "value"], "--port")
    refuses(run, 64, ["--demo", "--env-file"], "--demo", "--env-file", good)
    refuses(run, 66, ["missing.env"], "--env-file", "missing.env")
    for wrong in ("0", "65536", "080", "x", "80x", "-1", "8 0"):
        refuses(run, 78, ["--port", f'"{wrong}"'], "--demo", "--port", wrong)
    refuses(run, 78, ["SERVER_PORT", "eighty"], "--env-file", good)
    odd = credentials(directory, "BASE_PATH=/a;b", name="odd.env")
    refuses(run, 78, ["BASE_PATH"], "--env-file", odd, *port)
    maybe = credentials(directory, "CONSOLE=maybe", name="console.env")
    refuses(run, 78, ["CONSOLE", "off, local or on"], "--env-file", maybe, *port)
    refuses(run, 78, [f"{bad}:2: APP_ID"], "--env-file", bad, *port)
    refuses(run, 78, ["APP_ID", "required"], "--env-file", empty, *port)
    env = {"APP_ID": APP_ID, "APP_CERTIFICATE": "not hexadecimal" * 2 + ", "}
    refuses(run, 78, ["APP_CERTIFICATE"], "--env-file", empty, *port, env=env)


def test_without_any_settings_it_says_where_they_go(run):
    if os.path.exists(os.path.join(TOP, ".env")):
        raise Skip("this checkout has a .env")
    refuses(run, 78, ["APP_ID", ".env", "--demo"], *port_line())


def test_help(run):
    done = subprocess.run([SERVE, "--help"], capture_output=True, text=True, check=False)
    same((done.returncode, done.stderr), (0, ""), "status and stderr")
    for option in ("--port", "--env-file", "--demo", "--help"):
        expect(option in done.stdout, f"{option} in the help")


def test_port_is_taken(run):
    first = Serve(run, "--demo", *port_line())
    first.ready()
    refuses(run, 69, [str(first.port), "taken"], "--demo", "--port", str(first.port))
    same(http(first.port, "GET", "/ping").status, 200, "the first still answers")
    first.stop()


def test_ctrl_c(run):
    """The terminal sends SIGINT to the whole foreground group."""
    serve = Serve(run, "--demo", *port_line())
    serve.ready()
    kit.signal_group(serve.process, signal.SIGINT)
    serve.ends(0)


def test_what_is_under_way_is_finished(run):
    serve = Serve(run, "--demo", *port_line())
    serve.ready()
    data = request_bytes("POST", "/getToken", body=BODY)
    with kit.connect(serve.port) as s, s.makefile("rb") as stream:
        s.sendall(data[:-5])
        # nginx has begun with it once it has answered what came behind it.
        same(http(serve.port, "GET", "/ping").status, 200, "status")
        serve.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not listens(serve.port), "nginx to stop listening")
        s.sendall(data[-5:])
        same(read_answer(stream, data).status, 200, "status of the request under way")
    serve.ends(0)


def listens(port):
    try:
        kit.connect(port).close()
    except ConnectionRefusedError:
        return False
    return True


def test_when_one_dies_the_other_is_stopped(run):
    for name in ("agora-fcgi", "nginx"):
        serve = Serve(run, "--demo", *port_line())
        serve.ready()
        first = [c for c in serve.children if program(c) == name][0]
        os.kill(first, signal.SIGKILL)
        serve.ends(1)
        last = serve.err().splitlines()[-1]
        expect(last.startswith(f"nginx/serve: {name} ended"), f"last line {last!r}")


def test_when_it_is_killed_nothing_runs_on(run):
    serve = Serve(run, "--demo", *port_line())
    serve.ready()
    serve.process.kill()
    serve.process.wait()
    wait_until(lambda: not [p for p in serve.children if alive(p)], "its processes to end")
    for path in serve.ours:
        run.directories.append(path)
