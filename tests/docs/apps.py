"""The samples of docs/apps.md: those for JavaScript, and with --all those for Kotlin and C#, are run
against an open service and each policy of conf/policies, with the SDK's place taken by sdk/; all of them are
looked at."""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
from urllib.parse import quote

import kit
import sites
import tokens
from kit import Skip, expect, same

SDK = pathlib.Path(__file__).resolve().parent / "sdk"
TYPES = SDK.parent / "types"
POLICIES = pathlib.Path(kit.TOP) / "conf" / "policies"
TSC = shlex.split("--noEmit --allowJs --checkJs --skipLibCheck --target es2022 --module esnext "
                  "--moduleResolution bundler --lib es2022,dom")
# How it is compiled and run, and where it asks: the address in its text, and what stands there instead.
COMPILED = {"kotlinc": (["kotlinc", "-d", "classes"], ["kotlin", "-classpath", "classes", "Driver"],
                        "https://tokens.example.com", '${System.getenv("PLACE")}'),
            "mcs": (["mcs", "-out:sample.exe"], ["mono", "sample.exe"],
                    '"https://tokens.example.com/', 'Driver.Env("PLACE") + "/')}
APP_ID = "ffeeddccbbaa99887766554433221100"
DRIVER = """
import {{ writeFileSync }} from "node:fs";
import {{ calls, says }} from "{sdk}";
import {{ join }} from "./{name}";

const ask = fetch, answers = [];
globalThis.fetch = async (asked, options) => {{
	const url = asked.replace("https://tokens.example.com", process.env.PLACE);
	if (process.env.COOKIE) options.headers.Cookie = `login=${{process.env.COOKIE}}`;
	const came = await ask(url, options);
	answers.push([options.method, url, came.status, [...came.headers], await came.clone().text()]);
	return came;
}};
process.on("exit", () => writeFileSync("answers.json", JSON.stringify(answers)));
const login = async () => process.env.CREDENTIAL;
await join("{app_id}", process.env.CHANNEL, login, JSON.parse(process.env.WHO));
{events}
console.log(JSON.stringify(calls));
"""


def names(*wanted):
    """In a language that nothing here compiles."""

    def scene(w, b):
        for text in (*wanted, '"rtc"', "Authorization", "Bearer "):
            text = text.replace('"', "['\"]")
            expect(re.search(text, b.text), f"it has no {text}")
        for pair in ("{}", "()", "[]"):
            same(b.text.count(pair[0]), b.text.count(pair[1]), f"number of {pair}")

    return scene


def compiled(program, stub, *wanted):
    """The same; with --all compiled, with a stub in the SDK's place, and run as those for JavaScript are."""

    def scene(w, b):
        names(*wanted)(w, b)
        if not w.everything:
            return
        compiler, runs, place, here = COMPILED[program]
        if not shutil.which(program):
            raise Skip(f"there is no {program}")
        directory, end = w.run.directory(), os.path.splitext(stub)[1]
        expect(place in b.text, f"it has no {place}")
        parts = [b.text.replace(place, here), *re.split("(?m)^(?=package )", (SDK / stub).read_text())]
        paths = [os.path.join(directory, f"{n}{end}") for n in range(len(parts))]
        for path, part in zip(paths, parts):
            sites.write(path, part)
        done = subprocess.run([*compiler, *paths], cwd=directory, capture_output=True, text=True, check=False)
        same(done.returncode, 0, f"status of {program} ({done.stdout}{done.stderr})")

        def asked(place, shows, channel, who):
            env = {"PLACE": place.url, "CHANNEL": channel, "APP": APP_ID, "ROLE": who.get("role", ""), **shows}
            if "uid" in who:
                env["JOINS_AS"] = str(who["uid"])
            done = subprocess.run(runs, capture_output=True, text=True, check=False, timeout=60,
                                  env=sites.environment(env), cwd=directory)
            same((done.returncode, done.stderr), (0, ""), f"status of what {program} made")
            return [json.loads(line) for line in done.stdout.splitlines()]

        for place, shows, channel, who, uid, ttl in ways(w):
            got = asked(place, shows, channel, who)
            join = "joinChannel" if isinstance(uid, int) else "joinChannelWithUserAccount"
            first, renewed, again = (call[1] for call in got)
            same(got, [[join, first, channel, str(uid), "1" if "role" in who else "2"],
                       ["renewToken", renewed], ["renewToken", again]], f"what the SDK is asked as {uid}")
            good(w, channel, who, uid, ttl, first, renewed, again)
        for word, said in asked(w.get("classroom"), a_student(w), "class-7", SENDS):
            same(word, "error", f"what a student who sends gets ({said})")
            expect('"code":"not_granted"' in said and '"requestId":"' in said, f"what is said: {said}")

    return scene


def folder(w):
    """Where the samples are, with the SDKs' places taken."""
    if "samples" not in w.made:
        if not shutil.which("node"):
            raise Skip("there is no node")
        w.made["samples"] = directory = w.run.directory()
        sites.write(os.path.join(directory, "package.json"), '{"type":"module"}')
        for sdk in SDK.glob("*.js"):
            path = os.path.join(directory, "node_modules", sdk.stem)
            os.makedirs(path)
            shutil.copy(sdk, os.path.join(path, "index.js"))
            sites.write(os.path.join(path, "package.json"), '{"type":"module","main":"index.js"}')
    return w.made["samples"]


def kept(w, b):
    """In a file of the name that its first line says."""
    name = re.match(r"// (\S+\.js)\n", b.text)[1]
    directory = folder(w)
    sites.write(os.path.join(directory, name), b.text)
    done = subprocess.run(["node", "--check", name], cwd=directory, capture_output=True, text=True,
                          check=False)
    same(done.returncode, 0, f"node --check ({done.stderr})")
    return name


SENDS, LISTENS = {"role": "publisher"}, {}
# What a login may call its users, Google's among them, and what is not a number of Agora's.
NAMES_OF_DIGITS = ("007", "4294967296", "108204268033311374519")


def ways(w):
    """(place, what its users show, channel, who joins, as whom and for how long): an open service and
    each policy of conf/policies, with all that it tells apart."""
    places = {name: w.get(name) for name in ("own", "backend", "classroom", "site")}
    covered = {"backend.json", "classroom.json", "auth_request.json"}
    same({path.name for path in POLICIES.glob("*.json")}, covered, "policies")
    teacher, student, number, largest, *accounts = (w.user(sub=sub, groups=group) for sub, group in (
        ("ann", "teacher"), ("bob", "student"), ("42", "teacher"), ("4294967295", "teacher"),
        *((name, "teacher") for name in NAMES_OF_DIGITS)))
    for place, shows, channel, who, uid, ttl in (
        ("own", {}, "class-7", SENDS | {"uid": 42}, 42, 3600),
        ("own", {}, "class-7", LISTENS | {"uid": "ann"}, "ann", 3600),
        ("backend", {"CREDENTIAL": w.made["key"]}, "class-7", SENDS | {"uid": "42"}, 42, 3600),
        ("classroom", {"CREDENTIAL": teacher}, "class-7", SENDS, "ann", 3600),
        ("classroom", {"CREDENTIAL": number}, "class-7", SENDS, 42, 3600),
        ("classroom", {"CREDENTIAL": student}, "class-7", LISTENS, "bob", 1800),
        ("classroom", {"CREDENTIAL": largest}, "class-7", SENDS, 4294967295, 3600),
        *(("classroom", {"CREDENTIAL": account}, "class-7", SENDS, name, 3600)
          for name, account in zip(NAMES_OF_DIGITS, accounts)),
        ("site", {"COOKIE": quote("eve/members,staff", "")}, "room-7", SENDS, "eve", 3600),
        ("site", {"COOKIE": quote("ann/members", "")}, "room-7", LISTENS, "ann", 3600),
    ):
        yield places[place], shows, channel, who, uid, ttl


def a_student(w):
    return {"CREDENTIAL": w.user(sub="bob", groups="student")}


def run_as(w, driver, place, shows, channel, who):
    done = subprocess.run(["node", driver], capture_output=True, text=True, check=False, timeout=60,
                          env=sites.environment({"PLACE": place.url, "CHANNEL": channel,
                                                 "WHO": json.dumps(who), **shows}), cwd=folder(w))
    for method, url, status, headers, body in json.loads(sites.read(folder(w), "answers.json")):
        kit.note(method, url, kit.Answer(status, headers, body.encode()))
    return done


def calls_of(w, b, sdk, *events):
    """For each of the ways: (what the SDK is asked, channel, who, uid, lifetime)."""
    name = kept(w, b)
    driver = os.path.join(folder(w), "driver.js")
    sites.write(driver, DRIVER.format(sdk=sdk, name=name, app_id=APP_ID, events="\n".join(
        f'await says("{event}");' for event in events)))
    for place, shows, channel, who, uid, ttl in ways(w):
        done = run_as(w, driver, place, shows, channel, who)
        same(done.returncode, 0, f"status of {name} as {uid} ({done.stderr})")
        yield json.loads(done.stdout), channel, who, uid, ttl
    student = run_as(w, driver, w.get("classroom"), a_student(w), "class-7", SENDS)
    expect(student.returncode == 1 and re.search(
        r"Error: role: .* \(not_granted, request [0-9a-f]{16,}\)", student.stderr),
           f"a student does not get what the error says: {student.stderr}")


def good(w, channel, who, uid, ttl, *issued):
    """Tokens that join there as that; each of them a new one."""
    rights = tokens.PUBLISHER if who.get("role") == "publisher" else tokens.SUBSCRIBER
    for token in issued:
        tokens.check(w.run.build, token, tokens.rtc(channel, str(uid), rights, ttl), ttl)
    same(len(set(issued)), len(issued), "different tokens")


def web(w, b):
    for got, channel, who, uid, ttl in calls_of(w, b, "agora-rtc-sdk-ng", "token-privilege-will-expire",
                                                "token-privilege-did-expire"):
        first, renewed, again = (call[3] if call[0] == "join" else call[1] for call in got)
        same(got, [["join", APP_ID, channel, first, uid], ["renewToken", renewed],
                   ["join", APP_ID, channel, again, uid]], "what the SDK is asked")
        good(w, channel, who, uid, ttl, first, renewed, again)


def native(w, b):
    for got, channel, who, uid, ttl in calls_of(w, b, "react-native-agora", "onTokenPrivilegeWillExpire",
                                                "onRequestToken"):
        first, renewed, again = (call[1] for call in got[1:])
        join = "joinChannel" if isinstance(uid, int) else "joinChannelWithUserAccount"
        role = 1 if who.get("role") == "publisher" else 2
        same(got, [["initialize", {"appId": APP_ID, "channelProfile": 1}],
                   [join, first, channel, uid, {"clientRoleType": role}],
                   ["renewToken", renewed], ["renewToken", again]], "what the SDK is asked")
        good(w, channel, who, uid, ttl, first, renewed, again)


def types(w):
    """The compiler finds the samples' calls in the SDKs' own types."""
    directory = folder(w)
    npm = shutil.which("npm")
    if not npm:
        raise Skip("there is no npm")
    if not (TYPES / "node_modules/.bin/tsc").exists():
        done = subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=TYPES, capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"npm could not fetch its packages: {done.stderr[-300:]}")
    modules = os.path.join(directory, "node_modules")
    shutil.rmtree(modules)
    os.symlink(TYPES / "node_modules", modules)
    samples = sorted(set(os.listdir(directory)) & {"token.js", "call.js", "native-call.js"})
    same(len(samples), 3, "samples")
    done = subprocess.run(["node", "node_modules/.bin/tsc", *TSC, *samples], cwd=directory,
                          capture_output=True, text=True, check=False)
    same((done.returncode, done.stdout), (0, ""), "what the compiler says")
