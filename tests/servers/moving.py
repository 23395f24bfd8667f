"""Random requests, beside what the Go services would sign: each difference is a row of docs/moving.md."""

import base64
import json
import os
import random
import re
import struct
import time
import urllib.parse
import zlib

import sites
from kit import TOP, expect, same

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RTC = LETTERS + "0123456789 !#$%&()+-:;<=.>?@[]^_{}|~,"
CHAT = "abcdefghijklmnopqrstuvwxyz0123456789_-."
PUBLISHER, SUBSCRIBER, DATA = (1, 2, 3, 4), (1,), (1, 4)
NAMES = ("RTC", "RTM", "Chat")


def content(token):
    """What a token says: its lifetime and its services, each with name, texts and privileges."""
    data = zlib.decompress(base64.b64decode(token[3:]))
    at = 2 + 32

    def number(form):
        nonlocal at
        value, = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize(form)
        return value

    def text():
        nonlocal at
        length = number("H")
        at += length
        return data[at - length:at].decode()

    text()
    number("I")
    expire, _ = number("I"), number("I")
    found = []
    for _ in range(number("H")):
        kind = number("H")
        rights = {number("H"): number("I") for _ in range(number("H"))}
        found.append((NAMES[{1: 0, 2: 1, 5: 2}[kind]], [text() for _ in range(2 if kind == 1 else 1)], rights))
    return expire, found


# The Go services: what they read of a request, and what they put into a token.  None: refused.


def unsigned(value):
    """strconv.ParseUint with 64 bits, cut to 32."""
    if not re.fullmatch(r"[0-9]+", value) or int(value) >= 1 << 64:
        return None
    return int(value) & 0xffffffff


def rights(ids, expire):
    return {i: expire for i in ids}


def rtc(r, user, ids, expire):
    return expire, [("RTC", [r["channel"], user], rights(ids, expire))]


def rtm(user, channel, expire):
    if user in ("", "0"):
        return None
    joined = [("RTC", [channel, user], rights(DATA, expire))] if channel else []
    return expire, [*joined, ("RTM", [user], rights((1,), expire))]


def chat(user, expire):
    return expire, [("Chat", [user], rights((1,) if user else (2,), expire))]


def number_or_account(r):
    """The RTC user of a token; None: it is refused."""
    if r.get("is_account") or r["form"] == "userAccount":
        return r["uid"]
    number = unsigned(r["uid"])
    if number is None:
        return None if r["form"] else r["uid"]
    return str(number) if number else ""


def lifetime(r):
    if r["expire"] is None:
        return 3600
    if r["form"] is None:
        return (int(r["expire"]) & 0xffffffff) or 3600
    return unsigned(r["expire"])


def go_service(r):
    """The tokens' contents, or None where it answers 400."""
    ids = PUBLISHER if r["role"] == "publisher" else SUBSCRIBER
    expire, kind = lifetime(r), r["kind"]
    if r.get("refused") or expire is None or not isinstance(r["uid"], str) \
            or not isinstance(r["channel"], str) or not isinstance(r["role"], str):
        return None
    if kind == "chat":
        return [chat(r["uid"], expire)]
    if kind == "rtm":
        tokens = [rtm(r["uid"], r["channel"] if r["form"] is None else "", expire)]
    else:
        user = number_or_account(r)
        if user is None or not r["channel"] or (r["form"] is None and not r["uid"]):
            return None
        tokens = [rtc(r, user, ids, expire)]
        if kind == "rte":
            tokens.append(rtm(r["rtm"] or r["uid"], r["channel"], expire))
    return None if None in tokens else tokens


# Rows of docs/moving.md: (how the row begins, whether it is about a request, what the request is
# here, as the Go services would have it).


def is_legal(text, legal, most):
    return isinstance(text, str) and len(text) <= most and all(c in legal for c in text)


def has_illegal_name(r):
    user = r["uid"] if isinstance(r["uid"], str) else ""
    legal, most = {"chat": (CHAT, 64), "rtm": (RTC, 64)}.get(r["kind"], (RTC + "*", 255))
    if r["kind"] == "rte" and not r["rtm"]:
        legal, most = RTC, 64
    channel = r["channel"] if isinstance(r["channel"], str) else ""
    return not is_legal(user, legal, most) or not is_legal(r["rtm"] or "", RTC, 64) \
        or (has_channel(r) and not is_legal(channel, RTC + "*", 64)) or user == "0" and r["kind"] == "chat"


def has_channel(r):
    return r["kind"] in ("rtc", "rte") or r["kind"] == "rtm" and in_body(r)


def in_body(r):
    return r["form"] is None


def digits(r):
    return isinstance(r["uid"], str) and re.fullmatch("[0-9]+", r["uid"]) and r["kind"] in ("rtc", "rte") \
        and r["form"] != "userAccount"


def too_large(value):
    return isinstance(value, str) and re.fullmatch("[0-9]+", value) and int(value) > 0xffffffff


def seconds(r):
    return r["expire"] if isinstance(r["expire"], int) else unsigned(r["expire"] or "") or 0


ROWS = (
    ("`uid` as a JSON number", lambda r: isinstance(r["uid"], int) and 0 <= r["uid"] <= 0xffffffff,
     lambda r: r | {"uid": str(r["uid"])}),
    ("`uid` over 4294967295", lambda r: digits(r) and too_large(r["uid"]),
     lambda r: r | ({"is_account": True} if in_body(r) else {"refused": True})),
    ('account `"007"` in a body', lambda r: in_body(r) and digits(r) and r["uid"][0] == "0" and r["uid"] != "0",
     lambda r: r | {"is_account": True}),
    ("a negative `uid` as a string", lambda r: in_body(r) and r["kind"] == "rtc" and isinstance(r["uid"], str)
     and re.fullmatch("-[0-9]+", r["uid"]), lambda r: r | {"refused": True}),
    ("`channel` as a JSON number", lambda r: isinstance(r["channel"], int), lambda r: r | {"channel": str(r["channel"])}),
    ("`role` of `1` or `2`", lambda r: r["role"] in ("1", "2", 1, 2),
     lambda r: r | {"role": "publisher" if str(r["role"]) == "1" else "subscriber"}),
    ("`role` of `host` or `broadcaster`", lambda r: r["role"] in ("host", "broadcaster"), lambda r: r | {"role": "publisher"}),
    ("words for `role` in another case", lambda r: r["role"] in ("Publisher", "HOST", "Broadcaster"),
     lambda r: r | {"role": "publisher"}),
    ("any other word for `role`", lambda r: r["kind"] in ("rtc", "rte") or in_body(r) and isinstance(r["role"], str)
     and r["role"] in ("admin", "3"),
     lambda r: r | {"refused": r.get("refused") or r["role"] in ("admin", "3")}),
    ("negative `expire`", lambda r: in_body(r) and seconds(r) < 0, lambda r: r | {"refused": True}),
    ("`expiry=` left empty", lambda r: not in_body(r) and r["expire"] == "", lambda r: r | {"expire": None}),
    ("`expiry=0`", lambda r: not in_body(r) and r["expire"] == "0", lambda r: r | {"expire": None}),
    ("`expiry` over 4294967295", lambda r: too_large(r["expire"]), lambda r: r | {"refused": True}),
    ("`expire` over 24 hours", lambda r: seconds(r) > 86400,
     lambda r: r | {"expire": 86400 if in_body(r) else "86400"}),
    ("channel and user names", has_illegal_name, lambda r: r | {"refused": True}),
)


def random_request(rng):
    form = rng.choice(("uid", "userAccount", None))
    kind = rng.choice(("rtc", "rtc", "rte", "rtm", "chat")) if form else rng.choice(("rtc", "rtc", "rtm", "chat"))
    name = "".join(rng.choice(RTC) for _ in range(rng.randint(1, 20)))
    channel = rng.choice(("lobby", "a b", "*", "1*a*2", "x" * 64, "x" * 65, "caf\u00e9", 'a"b', name))
    uid = rng.choice(("0", "00", "7", "007", "4294967295", "4294967296", "18446744073709551617", "ann", "Ann",
                      "a b", "*", "x" * 65, str(rng.randrange(1 << 33)), "hello", "-1", name))
    role = rng.choice(("publisher", "subscriber", "1", "2", "host", "broadcaster", "audience", "Publisher",
                       "HOST", "admin", "3"))
    expire = rng.choice((None, "0", "", "1", "60", "86400", "86401", "4294967295", "4294967296", "x", "-1"))
    if form is None:
        uid = rng.choice((uid, uid, rng.randrange(1 << 32)))
        channel = rng.choice((channel, channel, rng.randrange(1 << 40)))
        role = rng.choice((role, role, "", 1, 2))
        expire = rng.choice((None, 0, 1, 60, 86400, 86401, 604800, -1))
    if kind == "rtm" and form is None:
        channel = rng.choice((channel, ""))
    rtm_user = rng.choice((None, "bob", "0", "b c")) if kind == "rte" else None
    return {"form": form, "kind": kind, "channel": channel, "uid": uid, "role": role, "expire": expire, "rtm": rtm_user}


def send(site, r):
    """The tokens' contents, or None where it is refused."""
    if in_body(r):
        body = {"tokenType": r["kind"], "channel": r["channel"], "uid": r["uid"], "role": r["role"], "expire": r["expire"]}
        if body["expire"] is None:
            del body["expire"]
        answer = site.send("POST", "/getToken", body=json.dumps(body).encode())
    else:
        path = {"rtm": ["rtm", r["uid"]], "chat": ["chat", "account", r["uid"]]}.get(
            r["kind"], [r["kind"], r["channel"], r["role"], r["form"], r["uid"], *([r["rtm"]] if r["rtm"] else [])])
        target = "/" + "/".join(urllib.parse.quote(part, safe="") for part in path) + "/"
        answer = site.send("GET", target + ("" if r["expire"] is None else f"?expiry={urllib.parse.quote(r['expire'])}"))
    expect(answer.status in (200, 400), f"{r}: {answer.status} {answer.body!r}")
    if answer.status == 400:
        return None
    said = answer.json()
    return [content(said[name]) for name in ("token", "rtcToken", "rtmToken", "chatToken") if name in said]


def test_each_difference_to_the_go_services_is_told(build):
    page = open(os.path.join(TOP, "docs", "moving.md"), encoding="utf-8").read()
    table = page.partition("## What is different for tokens")[2].partition("\n## ")[0]
    told = re.findall(r"^\| (.*?) \|", table, re.M)
    rng, site, seen, plain = random.Random(17), sites.Cgi(build), set(), 0
    for begins, _, _ in ROWS:
        expect(any(cell.startswith(begins) for cell in told), f"docs/moving.md has no row {begins!r}")
    until = time.monotonic() + 600
    for _ in range(600):
        r = changed = random_request(rng)
        for begins, applies, change in ROWS:
            if applies(changed):
                after = change(changed)
                if go_service(after) != go_service(changed):
                    seen.add(begins)
                changed = after
        plain += changed is r
        same(send(site, r), go_service(changed), f"{r}, which the Go services sign as {go_service(r)}")
        expect(time.monotonic() < until, "it takes too long")
    same(sorted({begins for begins, _, _ in ROWS} - seen), [], "rows that no request showed")
    expect(plain > 20, f"{plain} requests are the same in both")
