"""What is in a token, by agora-token inspect; every token seen is also kept for Agora's own parser."""

import json
import os
import shutil
import subprocess
import time

from kit import TOP, Skip, expect, same
from sites import APP_ID, CERTIFICATE, environment

PUBLISHER = (1, 2, 3, 4)
SUBSCRIBER = (1,)
seen = []


def service(name, ids, expire=3600, **names):
    return {"name": name, "privileges": {i: expire for i in ids}, **names}


def rtc(channel, uid, ids=SUBSCRIBER, expire=3600):
    return [service("RTC", ids, expire, channelName=channel, uid=uid)]


def rtm(user, expire=3600):
    return [service("RTM", (1,), expire, userId=user)]


def rtm_with_channel(user, channel, expire=3600):
    return rtc(channel, user, (1, 4), expire) + rtm(user, expire)


def chat(user="", expire=3600):
    return [service("Chat", (1,) if user else (2,), expire, userId=user)]


def inspect(build, token):
    done = subprocess.run(
        [os.path.join(build, "agora-token"), "inspect", "--json", "-"],
        input=token.encode(),
        env=environment({}),
        capture_output=True,
        check=False,
    )
    expect(done.returncode in (0, 1), f"agora-token inspect: {done.stderr.decode()}")
    return json.loads(done.stdout)


def check(build, token, services, expire=3600):
    """The token is good, of now, and holds exactly these services."""
    seen.append(token)
    sheet = inspect(build, token)
    expect(sheet["valid"] and sheet["signatureValid"], f"not valid: {sheet['problems']}")
    same(sheet["appId"], APP_ID, "appId")
    same(sheet["expire"], expire, "expire in the token")
    expect(abs(time.time() - sheet["issueTs"]) < 60, f"issued at {sheet['issueTs']}")
    found = []
    for one in sheet["services"]:
        one = {k: v for k, v in one.items() if k != "type"}
        one["privileges"] = {p["id"]: p["expire"] for p in one["privileges"]}
        found.append(one)
    same(found, services, "services in the token")
    return sheet


def test_npm_reads_every_token():
    verify = os.path.join(TOP, "tests", "npm", "verify.js")
    modules = os.path.join(TOP, "tests", "npm", "node_modules")
    node = shutil.which("node")
    if not (node and os.path.exists(verify) and os.path.isdir(modules)):
        raise Skip(f"no node with tests/npm/node_modules; {len(seen)} tokens not tried with it")
    done = subprocess.run(
        [node, verify, CERTIFICATE],
        input="\n".join(seen) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    words = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    bad = [token for token, word in zip(seen, words) if word != "ok"]
    expect(words.count("ok") >= len(seen) and not bad, f"npm's parser refuses {bad[:3]} {done.stderr}")
