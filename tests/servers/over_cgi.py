"""What only plain CGI shows: how web servers differ in what they pass on, and bad settings."""

import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess

import access_kit as ak
import kit
import sites
import tokens
from cases import check_common, check_error
from kit import expect, same
from sites import Cgi, environment, responder_path, write

BODY = b'{"tokenType":"rtm","uid":"u"}'


def test_chunked_body_without_a_length(build):
    """Apache's mod_cgid: no CONTENT_LENGTH, the body ends with the input."""
    cgi = Cgi(build)
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": None}
    answer = cgi.send("POST", "/getToken", body=BODY, variables=chunked)
    tokens.check(build, answer.json()["token"], tokens.rtm("u"))
    for length, status, code in ((65536, 400, "invalid_body"), (65537, 413, "body_too_large")):
        answer = cgi.send("POST", "/getToken", body=b"x" * length, variables=chunked)
        check_error(answer, status, code)


def test_wrong_lengths(build):
    cgi = Cgi(build)
    for length, status, code in (
        ("30", 400, "body_cut"),
        ("x", 400, "body_cut"),
        ("-1", 400, "body_cut"),
        ("65537", 413, "body_too_large"),
        ("99999999999999999999", None, None),
        ("0", 400, "invalid_body"),
        ("", 400, "invalid_body"),
        ("28", 400, "invalid_body"),
    ):
        variables = {"CONTENT_LENGTH": length}
        answer = cgi.send("POST", "/getToken", body=BODY, variables=variables)
        check_error(answer, status or answer.status, code)
        expect(answer.status in (400, 413), f"status {answer.status} for {length!r}")
        check_common(answer, "")


def test_a_large_body_is_not_waited_for(build):
    env = environment({}) | {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST"}
    env |= {"REQUEST_URI": "/getToken", "CONTENT_LENGTH": "70000"}
    ours, theirs = os.pipe()
    try:
        done = subprocess.run(
            [responder_path(build)], stdin=ours, env=env, capture_output=True, timeout=10, check=False
        )
        same(kit.cgi_answer(done.stdout, "POST", "/getToken").status, 413, "status")
    finally:
        os.close(ours)
        os.close(theirs)


def test_paths_as_servers_pass_them_on(build):
    cgi = Cgi(build)
    script = {"SCRIPT_NAME": "/cgi-bin/agora.cgi"}
    for name, target, variables in (
        ("Apache mod_cgid", "/cgi-bin/agora.cgi/rtm/u/", script | {"PATH_INFO": "/rtm/u/"}),
        ("encoded", "/cgi-bin/agora.cgi/rtm/%75?expiry=", script | {"PATH_INFO": "/rtm/u"}),
        ("nginx", "/rtm/u/", {"SCRIPT_NAME": "/rtm/u/", "PATH_INFO": None}),
        ("no REQUEST_URI", "", {"REQUEST_URI": None, "PATH_INFO": "/rtm/u"}),
    ):
        try:
            answer = cgi.send("GET", target, variables=variables)
            tokens.check(build, answer.json()["rtmToken"], tokens.rtm("u"))
        except (AssertionError, KeyError) as error:
            raise AssertionError(f"{name}: {error!r}") from error
    answer = cgi.send("GET", "/cgi-bin/agora.cgiX/ping", variables=script | {"PATH_INFO": "/ping"})
    check_error(answer, 404, "not_found")


def test_arguments_are_the_clients(build):
    """Apache makes them of a query without =, as RFC 3875 section 4.4 has it."""
    run = kit.Run()
    try:
        there = os.path.join(run.directory(), "socket")
        for program in ("agora-fcgi", "agora.cgi"):
            cgi = Cgi(build, program=program)
            for arguments in (["x"], ["--version"], ["--dump-openapi"], ["--check-config"], ["--bad"],
                              ["--env-file", "/etc/passwd"], ["--socket", there]):
                cgi.arguments = arguments
                answer = cgi.send("GET", "/ping?" + "+".join(arguments))
                same(answer.json(), {"message": "pong"}, f"answer with {arguments}")
    finally:
        run.clean_up()


def test_ports_of_the_web_server_are_no_settings(build):
    answer = Cgi(build).send("GET", "/ping", variables={"SERVER_PORT": "x", "PORT": "y"})
    same(answer.status, 200, "status")


def test_bad_settings_are_a_500_that_tells_nothing(build):
    for settings, name in (
        ({"APP_ID": ""}, "APP_ID"),
        ({"APP_CERTIFICATE": "secret-but-malformed"}, "APP_CERTIFICATE"),
    ):
        cgi = Cgi(build)
        answer = cgi.send("GET", "/ping", settings=settings)
        check_error(answer, 500, "internal")
        check_common(answer, "")
        expect(name in cgi.log[0] and len(cgi.log) == 2, f"a line with {name}: {cgi.log}")
        expect("secret-but" not in cgi.log[0], "the bad value is logged")


def test_hosts(build):
    """Without a process that stays, and with a web server that says less of the request."""
    settings = {"ALLOWED_HOSTS": "tokens.example, *.apps.example"}
    for program in ("agora-fcgi", "agora.cgi"):
        if program == "agora.cgi":
            build = sites.release()
        cgi = Cgi(build, program=program)
        for host, status in (("tokens.example", 200), ("TOKENS.example.:8080", 200),
                             ("a.apps.example:1", 200), ("127.0.0.1:80", 200), ("[::1]", 200),
                             (None, 200), ("", 200), ("evil.example", 421), ("localhost", 421),
                             ("apps.example", 421), ("127.1", 421), ("tokens.example:x", 421)):
            variables = {"HTTP_HOST": host, "HTTP_X_FORWARDED_HOST": "tokens.example",
                         "SERVER_NAME": "tokens.example"}
            answer = cgi.send("POST", "/getToken", [], BODY, variables, settings)
            same(answer.status, status, f"status of {host}")
            if status == 421:
                check_error(answer, 421, "host_not_allowed")
                check_common(answer, "")
            same(cgi.send("GET", "/livez", [], b"", variables, settings).status, 200, "a probe")
            same(cgi.send("GET", "/nothing", [], b"", variables, settings).status,
                 404 if status == 200 else 421, "what is not there")


JWKS = "https://keys.example.com/set"
WARNINGS = ("rates are not kept under CGI", "LOG_FILE: /nowhere/log: No such file",
            "KEY_CACHE: {cache}/keys-", "AUDIT_FILE: /dev/full: No space left", "audit=lost")


def test_every_line_has_the_requests_id(build):
    """Also those of its start; Cgi.send looks at each. Whoever sends none, or a bad one, gets one
    that is known before the first line, and to the program that takes over."""
    run = kit.Run()
    try:
        cache, policy = run.directory(), os.path.join(run.directory(), "policy.json")
        write(policy, json.dumps({
            "callers": {"all": {"type": "anonymous"},
                        "login": {"type": "jwt", "keys": JWKS, "algorithms": "ES256",
                                  "issuer": "https://id.example.com/", "audience": "us"}},
            "grants": [{"name": "g", "from": ["all"], "services": "rtm", "uid": "any", "channels": "*",
                        "actions": ["token.issue", "rtt.*"]}]}))
        os.chmod(policy, 0o640)
        name = hashlib.sha256(JWKS.encode()).hexdigest()[:32]
        write(os.path.join(cache, f"keys-{name}.json"), "no keys")
        settings = {"ADDRESS_RATE": "5/s", "LOG_FILE": "/nowhere/log", "KEY_CACHE": cache,
                    "POLICY_FILE": policy, "AUDIT_FILE": "/dev/full"}
        rest = {"AGORA_BASE_URL": "http://127.0.0.1:1/", "CUSTOMER_ID": "customer",
                "CUSTOMER_SECRET": secrets.token_hex(16), "CALL_TIMEOUT": "1",
                "AGORA_RTT_URL": "api/speech-to-text/v1/projects/{appId}",
                "AUDIT_REQUIRED": "false"}
        cgi = Cgi(build, program="agora.cgi")
        for log_format in ("text", "logfmt", "json"):
            for id_header in ([], [("X-Request-ID", "mine")], [("X-Request-ID", "not well formed")]):
                more = settings | {"LOG_FORMAT": log_format}
                answer = cgi.send("POST", "/getToken", id_header, BODY, settings=more)
                check_error(answer, 503, "audit_unavailable")
                logged(cgi, *WARNINGS, cache=cache)
                more |= rest
                answer = cgi.send("GET", "/rtt/list", id_header,
                                  settings=more | {"AGORA_FCGI": "/nowhere/agora-fcgi"})
                check_error(answer, 501, "not_configured")
                logged(cgi, *WARNINGS, "AGORA_FCGI: /nowhere/agora-fcgi: No such", cache=cache)
                answer = cgi.send("GET", "/rtt/list", id_header,
                                  settings=more | {"AGORA_FCGI": cgi.program})
                check_error(answer, 501, "not_configured")
                logged(cgi, "this is the program that hands over")
                answer = cgi.send("GET", "/rtt/list", id_header,
                                  settings=more | {"AGORA_FCGI": responder_path(build)})
                check_error(answer, 504, "upstream_timeout")
                logged(cgi, *WARNINGS, "http://127.0.0.1:1: the host does not take connections, try 1",
                       cache=cache)
                same("\n".join(cgi.log).count("rates are not kept"), 2, "of both programs")
    finally:
        run.clean_up()


def logged(cgi, *says, **values):
    log = "\n".join(cgi.log).replace('"audit":"lost"', "audit=lost")
    for word in says:
        expect(word.format(**values) in log, f"no {word!r} in {log}")


def test_settings_file(build):
    run = kit.Run()
    try:
        top = run.directory()
        scripts = os.path.join(top, "cgi-bin")
        os.mkdir(scripts)
        env_file = os.path.join(top, "named.env")
        write(env_file, f"APP_ID='{'a' * 32}'\nexport APP_CERTIFICATE=\"{'b' * 32}\" # x\n")
        os.chmod(env_file, 0o640)
        nothing = {"APP_ID": "", "APP_CERTIFICATE": ""}
        variables = {
            "AGORA_ENV_FILE": env_file,
            "SCRIPT_FILENAME": os.path.join(scripts, "agora.cgi"),
            "DOCUMENT_ROOT": os.path.join(top, "html"),
        }
        cgi = Cgi(build)
        answer = cgi.send("GET", "/rtm/u", variables=variables, settings=nothing)
        same(tokens.inspect(build, answer.json()["rtmToken"])["appId"], "a" * 32, "App ID")

        for refused in ({"DOCUMENT_ROOT": top}, {"AGORA_ENV_FILE": env_file + "x"}):
            answer = cgi.send("GET", "/rtm/u", variables=variables | refused, settings=nothing)
            check_error(answer, 500, "internal")
            expect(env_file in cgi.log[0], f"the line names the file: {cgi.log}")
        os.chmod(env_file, 0o644)
        answer = cgi.send("GET", "/rtm/u", variables=variables, settings=nothing)
        check_error(answer, 500, "internal")
        expect("chmod" in cgi.log[0], f"the line says what to do: {cgi.log}")

        os.chmod(env_file, 0o640)
        shutil.move(env_file, os.path.join(top, "agora.env"))
        variables["AGORA_ENV_FILE"] = None
        answer = cgi.send("GET", "/rtm/u", variables=variables, settings=nothing)
        same(tokens.inspect(build, answer.json()["rtmToken"])["appId"], "a" * 32, "App ID")
    finally:
        run.clean_up()


def test_what_is_left_of_a_body(build):
    """Apache's mod_cgid: one Unix socket is input and output, and one that is closed with bytes
    unread resets what the other side has yet to read."""
    for settings, target, body, status in (
        ({}, "/getToken", b"x" * 70000, 413),
        ({"APP_ID": "malformed"}, "/getToken", BODY, 500),
    ):
        env = environment(settings) | {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST"}
        env |= {"REQUEST_URI": target, "CONTENT_LENGTH": str(len(body))}
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                ours.settimeout(kit.DEADLINE)
                ours.sendall(body)
                program = subprocess.Popen([responder_path(build)], stdin=theirs, stdout=theirs,
                                           stderr=subprocess.DEVNULL, env=env)
            said = b""
            while some := ours.recv(65536):
                said += some
            program.wait(kit.DEADLINE)
        same(kit.cgi_answer(said, "POST", target).status, status, "status")


def test_the_log_is_written_before_the_answer(build):
    """lighttpd kills the program as soon as it has the whole answer."""
    env = environment({}) | {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET"}
    env |= {"REQUEST_URI": "/ping"}
    with sites.held_answer(responder_path(build), env):
        pass


def test_alone_on_a_machine_that_has_nothing(build):
    """Shared hosting: the one file, its settings, a policy and the login's key; no libraries, no
    /dev, no /etc, no certificates."""
    if os.geteuid() != 0:
        raise kit.Skip("only root may change the root directory")
    run = kit.Run()
    try:
        top = run.directory()
        scripts = os.path.join(top, "srv/you/public_html/cgi-bin")
        os.makedirs(scripts)
        shutil.copyfile(os.path.join(sites.release(), "agora.cgi"), os.path.join(scripts, "agora.cgi"))
        key = ak.EcKey(run.directory(), "login")
        made = subprocess.run([os.path.join(sites.release(), "agora-token"), "key", "new", "web"],
                              capture_output=True, text=True, check=True)
        api_key, caller = made.stdout.splitlines()
        grant = '{"name":"web","from":"web","channels":"room","uid":"*","services":"rtc"}'
        policy = sites.changed("classroom.json", ak.policy_text("classroom"),
                               ('"callers": {', f'"callers": {{ {caller},'),
                               ('"grants": [', f'"grants": [ {grant},'))
        files = {
            "agora.env": f"APP_ID={sites.APP_ID}\nAPP_CERTIFICATE={sites.CERTIFICATE}\n"
                         "POLICY_FILE=/srv/you/policy.json\n",
            "policy.json": policy,
            "classroom.pem": key.pem(),
        }
        for name, text in files.items():
            write(os.path.join(top, "srv/you", name), text)
            os.chmod(os.path.join(top, "srv/you", name), 0o600)
        os.chmod(top, 0o755)
        for directory, _, names in os.walk(top):
            for path in [directory, *(os.path.join(directory, name) for name in names)]:
                os.chown(path, 65534, 65534)
        os.chmod(os.path.join(scripts, "agora.cgi"), 0o755)

        def go_there():
            os.chroot(top)
            os.chdir("/")
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

        cgi = Cgi(build)
        cgi.program, cgi.before = "/srv/you/public_html/cgi-bin/agora.cgi", go_there
        variables = {"SCRIPT_FILENAME": cgi.program, "DOCUMENT_ROOT": "/srv/you/public_html",
                     "SCRIPT_NAME": "/cgi-bin/agora.cgi", "PATH_INFO": "/getToken",
                     "APP_ID": None, "APP_CERTIFICATE": None}

        def ask(headers, body=b'{"tokenType":"rtc","channel":"class-1"}'):
            target = "/cgi-bin/agora.cgi/getToken"
            return cgi.send("POST", target, headers, body, variables, settings={})

        answer = ask(ak.bearer(ak.jwt(key, sub="alice", groups="student")))
        same(answer.status, 200, f"status ({answer.body} {cgi.log})")
        same(answer.json()["uid"], "alice", "uid")
        tokens.check(build, answer.json()["token"], tokens.rtc("class-1", "alice", expire=1800), 1800)
        answer = ask([("X-API-Key", api_key)], b'{"tokenType":"rtc","channel":"room","uid":7}')
        tokens.check(build, answer.json()["token"], tokens.rtc("room", "7"))
        check_error(ask([("X-API-Key", api_key + "x")]), 401, "unauthenticated")
        other = ak.EcKey(run.directory(), "login")
        check_error(ask(ak.bearer(ak.jwt(other, sub="alice", groups="student"))), 401, "unauthenticated")
        check_error(ask([]), 401, "unauthenticated")
    finally:
        run.clean_up()


def test_a_client_that_goes_away(build):
    """A body that never ends whole, and an output that nobody reads."""
    env = environment({}) | {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET"}
    env |= {"REQUEST_URI": "/ping"}
    ours, theirs = os.pipe()
    os.close(ours)
    argv = [responder_path(build)]
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, env=env, check=False
    )
    os.close(theirs)
    expect(done.returncode != 0, f"exit status {done.returncode}")
    expect(not sites.SANITIZER.search(done.stderr.decode()), done.stderr)
