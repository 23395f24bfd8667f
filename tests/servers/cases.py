"""One table of requests and what they must get, tried over nginx and as CGI alike."""

import gzip
import json
import re
import time
import zlib
from dataclasses import dataclass, field
from urllib.parse import quote

import tokens
from kit import expect, same
from sites import ACCESS_LINE, APP_ID, CERTIFICATE
from tokens import PUBLISHER, SUBSCRIBER, chat, rtc, rtm, rtm_with_channel, service

LEGAL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 !#$%&()+-:;<=.>?@[]^_{}|~,"
REQUEST_ID = r"[A-Za-z0-9._~+/=:@-]{1,128}"
JSON_TYPE = "application/json"
CACHE = {
    "Cache-Control": "private, no-cache, no-store, must-revalidate",
    "Expires": "-1",
    "Pragma": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Origin",
}
CORS = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE, PATCH, OPTIONS",
    "Access-Control-Allow-Headers": "Origin, Content-Type, Authorization, X-API-Key, X-Request-ID, X-Requested-With, "
    "traceparent, tracestate, baggage, Idempotency-Key, Last-Event-ID",
}
ALLOW_ORIGIN = "Access-Control-Allow-Origin"


@dataclass
class Case:
    name: str
    method: str
    target: str
    headers: list = field(default_factory=list)
    body: bytes = b""
    status: int = 200
    tokens: dict = field(default_factory=dict)  # member: services
    expire: int = 3600  # in the tokens
    clamped: tuple = ()  # names in the answer
    code: str = ""  # of the error
    member: str = None  # that the error names
    says: str = ""  # somewhere in the error's sentence
    wanted: dict = field(default_factory=dict)  # headers: value, or None for absent
    site: str = "list"


def get(target, **more):
    more.setdefault("name", f"GET {target[:90]}")
    return Case(method="GET", target=target, **more)


def post(body, target="/getToken", **more):
    """body: an object, or the very text."""
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    more.setdefault("name", f"POST {target} {body[:70].decode('latin-1')}")
    return Case(method="POST", target=target, body=body, **more)


def refused(case, field_name=None, says="", code="invalid_field", status=400):
    case.status, case.code, case.member, case.says = status, code, field_name, says
    return case


def routes():
    """Every route answers 200 by itself with and without a slash at the end."""
    both = {"rtcToken": rtc("ch", "7", PUBLISHER), "rtmToken": rtm_with_channel("7", "ch")}
    other = both | {"rtmToken": rtm_with_channel("bob", "ch")}
    for slash in ("", "/"):
        yield get("/ping" + slash)
        yield get(f"/rtc/ch/publisher/uid/7{slash}", tokens={"rtcToken": rtc("ch", "7", PUBLISHER)})
        yield get(f"/rtm/bob{slash}", tokens={"rtmToken": rtm("bob")})
        yield get(f"/rte/ch/publisher/uid/7{slash}", tokens=both)
        yield get(f"/rte/ch/publisher/uid/7/bob{slash}", tokens=other)
        yield get(f"/chat/app{slash}", tokens={"chatToken": chat()})
        yield get(f"/chat/account/bob{slash}", tokens={"chatToken": chat("bob")})
        for path in ("/getToken", "/token/getNew", "/fetchToken"):
            body = {"tokenType": "rtc", "channel": "ch", "uid": "7", "role": "publisher"}
            yield post(body, path + slash, tokens={"token": rtc("ch", "7", PUBLISHER)})


def real_clients():
    """The request forms of reference/agora-rest.md E.1 and E.2."""
    for slash in ("", "/"):
        for uid in ("0", "1234567890"):
            name = "" if uid == "0" else uid
            yield get(
                f"/rtc/test/publisher/uid/{uid}{slash}",
                name=f"UIKit: /rtc/test/publisher/uid/{uid}{slash}",
                tokens={"rtcToken": rtc("test", name, PUBLISHER)},
            )
        yield refused(get(f"/rtm/0{slash}", name=f"UIKit Web: /rtm/0{slash}"), "rtmuid", '"0"')
        for role, ids in (("1", PUBLISHER), ("2", SUBSCRIBER), ("publisher", PUBLISHER)):
            yield get(
                f"/rtc/test/{role}/uid/12{slash}?expiry=45",
                name=f"docs samples: role {role}, {slash or 'no slash'}, expiry",
                tokens={"rtcToken": rtc("test", "12", ids, 45)},
                expire=45,
            )
        yield get(f"/rtm/bob{slash}?expiry=45", tokens={"rtmToken": rtm("bob", 45)}, expire=45)
        yield get(f"/rtm/bob{slash}?expiry=", tokens={"rtmToken": rtm("bob")})
    yield get(
        "/rtc/test/1/uid/12/?expiry=45",
        name="docs Web sample: X-Requested-With and Origin",
        headers=[("Origin", "https://a.example"), ("X-Requested-With", "XMLHttpRequest")],
        tokens={"rtcToken": rtc("test", "12", PUBLISHER, 45)},
        expire=45,
        wanted={ALLOW_ORIGIN: "https://a.example"},
    )
    for slashes in ("//", "///"):
        yield get(f"{slashes}ping")
        yield get(f"{slashes}rtc/ch/publisher/uid/7/", tokens={"rtcToken": rtc("ch", "7", PUBLISHER)})
        yield get(f"{slashes}rtc/ch/publisher/uid//", tokens={"rtcToken": rtc("ch", "", PUBLISHER)})
        yield post({"tokenType": "rtm", "uid": "u"}, f"{slashes}getToken", tokens={"token": rtm("u")})
    path = "/fetch_rtc_token"
    for body, holds in (
        ({"uid": 7, "channelName": "ch", "role": 1}, rtc("ch", "7", PUBLISHER)),
        ({"uid": 7, "ChannelName": "ch", "role": 2}, rtc("ch", "7")),
        ({"uid": "7", "channel": "ch", "role": "publisher"}, rtc("ch", "7", PUBLISHER)),
        ({"uid": "ann", "channelName": "ch"}, rtc("ch", "ann")),
        ({"uid": 0, "channelName": "ch"}, rtc("ch", "")),
        ({"uid": 7, "channelName": "ch", "tokenType": "rtm"}, rtc("ch", "7")),
    ):
        yield post(body, path, tokens={"token": holds})
    for member in ("expire", "expiry", "expireTime"):
        body = {"uid": 7, "channelName": "ch", member: 60}
        yield post(body, path, tokens={"token": rtc("ch", "7", expire=60)}, expire=60)
        yield post({"uid": "u", member: "60"}, "/fetch_rtm_token", tokens={"token": rtm("u", 60)}, expire=60)
        query = f"channel=ch&uid=7&{member}=60"
        yield get(f"/access_token?{query}", tokens={"token": rtc("ch", "7", expire=60)}, expire=60)
        yield refused(post(body | {member: -1}, path), member)
        yield refused(get(f"/access_token?channel=ch&uid=7&{member}=x"), member)
    yield post({"uid": 7}, "/fetch_rtm_token", tokens={"token": rtm("7")})
    yield post({"uid": "u", "channelName": "", "role": 1}, "/fetch_rtm_token", tokens={"token": rtm("u")})
    yield post({"uid": "u", "channelName": "ch", "role": 1}, "/fetch_rtm_token",
               tokens={"token": rtm_with_channel("u", "ch")})
    for query, holds in (
        ("channelName=ch&uid=7&role=publisher", rtc("ch", "7", PUBLISHER)),
        ("channel=ch&uid=7&role=1", rtc("ch", "7", PUBLISHER)),
        ("channelName=ch&uid=7&role=subscriber", rtc("ch", "7")),
        ("channelName=ch&uid=ann&role=", rtc("ch", "ann")),
        ("channelName=ch&uid=", rtc("ch", "")),
        ("channelName=ch&uid=0", rtc("ch", "")),
        ("channelName=ch", rtc("ch", "")),
        ("channelName=&channel=ch&uid=7", rtc("ch", "7")),
        ("channelName=a+b&uid=7", rtc("a b", "7")),
    ):
        for slash in ("", "/"):
            yield get(f"/access_token{slash}?{query}", tokens={"token": holds})
    for target, body, member in (
        ("/fetch_rtc_token", {"uid": 7}, "channelName"),
        ("/fetch_rtc_token", {"channelName": "ch"}, "uid"),
        ("/fetch_rtm_token", {"channelName": "ch"}, "uid"),
    ):
        yield refused(post(body, target), member, "is required", code="missing_field")
    for query in ("uid=7", "uid=7&channelName=", "uid=7&channel=&channelName=", ""):
        yield refused(get(f"/access_token?{query}"), "channelName", "is required", code="missing_field")
    yield refused(get("/access_token?channelName=a/b&uid=7"), "channelName")
    yield refused(get("/access_token?channel=a/b&uid=7"), "channel")
    yield refused(get("/access_token?channelName=ch&uid=a/b"), "uid")
    yield refused(get("/access_token?channelName=ch&uid=7&role=x"), "role")
    yield refused(post({"uid": 7, "channelName": ""}, "/fetch_rtc_token"), "channelName", "empty")
    for path in ("/getToken", "/fetchToken"):
        for kind, holds in (("rtc", rtc("test", "12", PUBLISHER)), ("rtm", rtm("12"))):
            body = {"tokenType": kind, "uid": "12", "role": "publisher"}
            if kind == "rtc":
                body["channel"] = "test"
            yield post(
                body,
                path,
                name=f"docs iOS sample: POST {path} {kind}",
                headers=[("Content-Type", "application/json"), ("Authorization", "Bearer x.y.z")],
                tokens={"token": holds},
            )


def uids():
    text = "must be a whole number, 0 to 4294967295"
    for written, means in (("0", ""), ("", ""), ("007", "7"), ("4294967295", "4294967295")):
        yield get(f"/rtc/ch/2/uid/{written}/", tokens={"rtcToken": rtc("ch", means)})
    for written in ("4294967296", "18446744073709551617", "-1", "1.5", "abc", "%2B1", "1%20", "0x1"):
        yield refused(get(f"/rtc/ch/2/uid/{written}"), "rtcuid", text)
    for account in ("007", "0", "4294967296", "*", "a b", "", "a*b"):
        yield get(
            f"/rtc/ch/2/userAccount/{quote(account, safe='')}/",
            tokens={"rtcToken": rtc("ch", account)},
        )
    yield refused(get("/rtc/ch/2/userAccount/" + "u" * 256), "rtcuid", "255 bytes")
    yield refused(get("/rtc/ch/2/userAccount/a%2Fb"), "rtcuid", "byte 2 is '/' (0x2f)")
    for word in ("uids", "UID", "", "account"):
        yield refused(get(f"/rtc/ch/2/{word}/1/"), "tokenType", code=None)

    for value, means in (
        (0, ""),
        ("0", ""),
        (7, "7"),
        (4294967295, "4294967295"),
        (42.0, "42"),
        (1e3, "1000"),
        ("007", "007"),
        ("4294967296", "4294967296"),
        ("18446744073709551617", "18446744073709551617"),
        ("*", "*"),
        ("b*", "b*"),
        ("u" * 255, "u" * 255),
        (LEGAL, LEGAL),
    ):
        body = {"tokenType": "rtc", "channel": "ch", "uid": value}
        yield post(body, name=f"uid {value!r:.40}", tokens={"token": rtc("ch", means)})
    for value in (4294967296, -1, 1.5, 1e10, True, [], {}, 10**30):
        body = {"tokenType": "rtc", "channel": "ch", "uid": value}
        yield refused(post(body, name=f"uid {value!r:.40} is refused"), "uid", "4294967295")
    yield refused(
        post({"tokenType": "rtc", "channel": "ch", "uid": "u" * 256}, name="uid of 256 bytes"),
        "uid",
        "255 bytes",
    )
    for body in ({}, {"uid": None}):
        body = {"tokenType": "rtc", "channel": "ch"} | body
        yield refused(post(body), "uid", "required", code="missing_field")
    yield refused(post({"tokenType": "rtc", "channel": "ch", "uid": ""}), "uid", "empty")
    yield refused(post({"tokenType": "rtc", "channel": "ch", "uid": 'a"b'}), "uid", "0x22")


def roles():
    for role, ids in (
        ("publisher", PUBLISHER),
        ("subscriber", SUBSCRIBER),
        ("1", PUBLISHER),
        ("2", SUBSCRIBER),
        ("host", PUBLISHER),
        ("Broadcaster", PUBLISHER),
        ("PUBLISHER", PUBLISHER),
        ("audience", SUBSCRIBER),
        ("", SUBSCRIBER),
    ):
        yield get(f"/rtc/ch/{role}/uid/7", tokens={"rtcToken": rtc("ch", "7", ids)})
        yield post(
            {"tokenType": "rtc", "channel": "ch", "uid": "7", "role": role},
            tokens={"token": rtc("ch", "7", ids)},
        )
    for role, ids in ((1, PUBLISHER), (2, SUBSCRIBER), (None, SUBSCRIBER)):
        yield post(
            {"tokenType": "rtc", "channel": "ch", "uid": "7", "role": role},
            tokens={"token": rtc("ch", "7", ids)},
        )
    for role in ("3", "admin", "hosts", "01", "101"):
        yield refused(get(f"/rtc/ch/{role}/uid/7"), "role", "publisher, subscriber, 1, 2")
    for role in ("admin", "publisher ", 0, 3, 101, True, [1]):
        body = {"tokenType": "rtc", "channel": "ch", "uid": "7", "role": role}
        yield refused(post(body), "role", "publisher, subscriber, 1, 2")


def lifetimes():
    text = "must be a whole number of seconds, 0 to 4294967295"
    for written, lasts in (("0", 3600), ("", 3600), ("1", 1), ("86400", 86400)):
        yield get(f"/rtm/u?expiry={written}", tokens={"rtmToken": rtm("u", lasts)}, expire=lasts)
    for written in ("86401", "4294967295"):
        yield get(
            f"/rtm/u?expiry={written}",
            tokens={"rtmToken": rtm("u", 86400)},
            expire=86400,
            clamped=("expiry",),
        )
    for written in ("-1", "1.5", "1e3", "abc", "+1", "%201", "60s", "4294967296"):
        yield refused(get(f"/rtm/u?expiry={written}"), "expiry", text)
    yield refused(get("/rtm/u?expiry=1%00"), "expiry", "%00 (NUL)")
    same_name = "/rtm/u?x=1&expiry=60&expiry=70"
    yield get(same_name, tokens={"rtmToken": rtm("u", 60)}, expire=60)
    yield get("/rtm/u?EXPIRY=60", tokens={"rtmToken": rtm("u", 60)}, expire=60)
    yield get("/rtm/u?rtmuid=evil", tokens={"rtmToken": rtm("u")})
    yield get("/chat/app?expiry=60", tokens={"chatToken": chat(expire=60)}, expire=60)
    yield get("/rtm/u?", tokens={"rtmToken": rtm("u")})

    body = {"tokenType": "rtm", "uid": "u"}
    for value, lasts in ((0, 3600), (None, 3600), (1, 1), (86400, 86400), ("60", 60), (60.0, 60),
                         (1e3, 1000), ("0", 3600)):
        yield post(body | {"expire": value}, tokens={"token": rtm("u", lasts)}, expire=lasts)
    for value in (86401, 4294967295):
        yield post(
            body | {"expire": value},
            tokens={"token": rtm("u", 86400)},
            expire=86400,
            clamped=("expire",),
        )
    for value in (-1, "-1", 1.5, "60s", " 60", "1.5", "", True, [], 4294967296, 10**30):
        yield refused(post(body | {"expire": value}), "expire", text)


def channels():
    for name in (LEGAL[:64], LEGAL[25:], "x" * 64, "*", "1*a*2", "a b", "%41", "..x", "a+b"):
        yield get(
            f"/rtc/{quote(name, safe='')}/2/uid/7",
            name=f"channel {name} in a path",
            tokens={"rtcToken": rtc(name, "7")},
        )
        yield post(
            {"tokenType": "rtc", "channel": name, "uid": "7"}, tokens={"token": rtc(name, "7")}
        )
    yield get("/rtc/a+b/2/uid/7", tokens={"rtcToken": rtc("a+b", "7")})
    yield get("/rtc/%2541/2/uid/7", tokens={"rtcToken": rtc("%41", "7")})
    for raw, says in (
        ("a%2Fb", "byte 2 is '/' (0x2f)"),
        ("%2f", "byte 1 is '/' (0x2f)"),
        ("a%5Cb", "(0x5c)"),
        ("%22", "(0x22)"),
        ("%27", "(0x27)"),
        ("%60", "(0x60)"),
        ("a%0Ab", "byte 2 is 0x0a"),
        ("%7F", "byte 1 is 0x7f"),
        ("%C3%A9", "byte 1 is 0xc3"),
        ("x" * 65, "at most 64 bytes"),
    ):
        yield refused(get(f"/rtc/{raw}/2/uid/7"), "channelName", says)
    yield refused(get("/rtc//2/uid/7"), "channelName", "required", code="missing_field")
    for name, says in (
        ("x" * 65, "at most 64 bytes"),
        ("", "empty"),
        ("a/b", "byte 2 is '/' (0x2f)"),
        ("<\">", "byte 2 is '\"' (0x22)"),
        ("\u00e9", "byte 1 is 0xc3"),
        ("a\n", "byte 2 is 0x0a"),
        (-7, "must be a string"),
        (7.5, "must be a string"),
        ([], "must be a string"),
    ):
        body = {"tokenType": "rtc", "channel": name, "uid": "7"}
        yield refused(post(body), "channel", says)
    yield post({"tokenType": "rtc", "channel": 7, "uid": "7"}, tokens={"token": rtc("7", "7")})
    body = {"tokenType": "rtc", "uid": "7"}
    yield refused(post(body), "channel", "required", code="missing_field")


def users():
    """RTM and Chat users."""
    yield refused(get("/rtm//"), "rtmuid", code=None)
    yield refused(get("/rtm/" + "u" * 65), "rtmuid", "64 bytes")
    yield refused(get("/rtm/a*b"), "rtmuid", "'*'")
    yield get("/rtm/" + "u" * 64, tokens={"rtmToken": rtm("u" * 64)})
    yield get("/rtm/007", tokens={"rtmToken": rtm("007")})
    yield refused(get("/chat/account/0"), "chatid", '"0"')
    yield refused(get("/chat/account//"), "chatid", code=None)
    yield refused(get("/chat/account/Bob"), "chatid", "byte 1 is 'B'")
    yield refused(get("/chat/account/" + "u" * 65), "chatid", "64 bytes")
    for uid in ("0", "", 0):
        yield refused(post({"tokenType": "rtm", "uid": uid}), "uid")
        yield refused(post({"tokenType": "chat", "uid": uid}), "uid")
    yield refused(post({"tokenType": "rtm"}), "uid", "required", code="missing_field")
    yield refused(get("/rte/ch/1/uid/0"), "rtmuid", "required", code="missing_field")
    yield refused(get("/rte/ch/1/uid//"), "rtmuid", "required", code="missing_field")
    yield get(
        "/rte/ch/1/uid/0/bob/",
        tokens={"rtcToken": rtc("ch", "", PUBLISHER), "rtmToken": rtm_with_channel("bob", "ch")},
    )
    yield refused(get("/rte/ch/1/uid/7/0"), "rtmuid", '"0"')


def kinds():
    yield post({"tokenType": "chat"}, tokens={"token": chat()})
    yield post({"tokenType": "chat", "uid": "bob"}, tokens={"token": chat("bob")})
    yield post(
        {"tokenType": "rtm", "uid": "bob", "channel": "ch"},
        tokens={"token": rtm_with_channel("bob", "ch")},
    )
    yield post({"tokenType": "rtm", "uid": "bob", "channel": ""}, tokens={"token": rtm("bob")})
    privileges = rtc("ch", "7")
    privileges[0]["privileges"] = {1: 0, 2: 60, 4: 86400}
    yield post(
        {
            "tokenType": "rtc",
            "channel": "ch",
            "uid": "7",
            "privileges": {"join": 0, "audio": 60, "data": 90000},
        },
        tokens={"token": privileges},
        clamped=("privileges.data",),
    )
    body = {"tokenType": "rtc", "channel": "ch", "uid": "7", "privileges": {"audio": 60}}
    yield refused(post(body), "privileges.join", "required", code="missing_field")
    for kind in ("apaas", "education"):
        yield post(
            {"tokenType": kind, "uid": "bob", "room": "r", "role": 2},
            tokens={
                "token": rtm("bob")
                + chat("9f9d51bc70ef21ca5c14f307980a29d8")
                + [service("APaaS", (1,), roomUuid="r", userUuid="bob", role=2)]
            },
        )
    yield post(
        {"tokenType": "apaas", "uid": "bob"},
        tokens={"token": [service("APaaS", (2,), roomUuid="", userUuid="bob", role=-1)]},
    )
    yield post(
        {"tokenType": "apaas"},
        tokens={"token": [service("APaaS", (3,), roomUuid="", userUuid="", role=-1)]},
    )
    yield refused(post({"tokenType": "apaas", "room": "r"}), "uid", code="missing_field")
    yield post({"tokenType": "fpa"}, tokens={"token": [service("FPA", (1,), 0)]}, expire=86400)
    yield post(
        {"tokenType": "streaming", "channel": "ch", "uid": 0},
        tokens={"token": [service("Streaming", (1, 2), channelName="ch", account="")]},
    )
    yield post(
        {"tokenType": "fcdn", "channel": "ch", "uid": "7", "role": 1},
        tokens={"token": [service("FCDN", (1, 2), channelName="ch", account="7")]},
    )
    permissions = [{"resource": "messageChannels", "permission": "read", "resources": ["a", "b*"]}]
    may = [{"resource": 0, "permission": 0, "resources": ["a", "b*"]}]
    yield post(
        {"tokenType": "rtm2", "uid": "bob", "permissions": permissions},
        tokens={"token": [service("RTM2", (1,), userId="bob", permissions=may)]},
    )
    for kind, name in (("convoai", "ConvoAI"), ("stt", "STT")):
        yield post(
            {"tokenType": kind, "channel": "ch", "uid": "7", "rtmUid": "bob"},
            tokens={"token": rtc("ch", "7") + rtm("bob") + [service(name, ())]},
        )
    for kind in ("", "RTC", "rtc ", "video", 1, True, []):
        yield refused(post({"tokenType": kind, "channel": "ch", "uid": "7"}), "tokenType")
    yield refused(post({"channel": "ch", "uid": "7"}), "tokenType", code="missing_field")


def bodies():
    good = '{"tokenType":"rtm","uid":"u"}'
    holds = {"token": rtm("u")}
    for text in (
        '{"TOKENTYPE":"rtm","Uid":"u"}',
        '{"tokenType":"rtm","uid":"u","unknown":{"a":[1,2,{}]},"x":null}',
        '{"uid":"x","tokenType":"rtm","uid":"u"}',
        ' \t\r\n{ "tokenType" : "rtm" , "uid" : "u" } \r\n',
        '{"tokenType":"r\\u0074m","uid":"\\u0075"}',
    ):
        yield post(text, tokens=holds)
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "nonsense"):
        headers = [("Content-Type", content_type)]
        yield post(good, name=f"Content-Type {content_type}", headers=headers, tokens=holds)
    yield post(good, "/getToken?uid=evil&expire=1", name="a query beside a body", tokens=holds)

    for name, text in (
        ("empty", b""),
        ("blank", b"  \n"),
        ("cut", good[:-1]),
        ("cut in a string", good[:-3]),
        ("garbage behind", good + "x"),
        ("two objects", good + good),
        ("array", "[" + good + "]"),
        ("string", '"rtm"'),
        ("number", "7"),
        ("null", "null"),
        ("trailing comma", '{"tokenType":"rtm","uid":"u",}'),
        ("comment", '{"tokenType":"rtm",/**/"uid":"u"}'),
        ("single quotes", "{'tokenType':'rtm','uid':'u'}"),
        ("NUL in a string", '{"tokenType":"rtm","uid":"u\\u0000"}'),
        ("NUL in a name", '{"tokenType\\u0000x":"rtm","uid":"u"}'),
        ("NUL byte", b'{"tokenType":"rtm","uid":"u\0"}'),
        ("NUL byte behind", good.encode() + b"\0"),
        ("invalid UTF-8", b'{"tokenType":"rtm","uid":"\xff"}'),
        ("overlong UTF-8", b'{"tokenType":"rtm","uid":"\xc0\x80"}'),
        ("deep", '{"tokenType":"rtm","uid":"u","x":' + "[" * 500 + "]" * 500 + "}"),
        ("very deep", "[" * 60000),
        ("raw line end in a string", '{"tokenType":"rtm","uid":"u\n"}'),
        ("leading zero", '{"tokenType":"rtm","uid":"u","expire":010}'),
    ):
        yield refused(post(text, name=f"body: {name}"), code="invalid_body")
    yield post(b"\xef\xbb\xbf" + good.encode(), name="body: a byte order mark", tokens=holds)
    yield post(b"\xef\xbb\xbf\r\n" + good.encode(), name="body: a mark and a line end", tokens=holds)
    for kind in ("application/x-www-form-urlencoded", "text/plain;charset=UTF-8", "multipart/form-data",
                 "application/xml", ""):
        yield post(good, name=f"body: JSON called {kind}", headers=[("Content-Type", kind)], tokens=holds)
    form = "application/x-www-form-urlencoded"
    boundary = b"--x\r\nContent-Disposition: form-data; name=\"uid\"\r\n\r\nu\r\n--x--\r\n"
    for name, text, says in (
        ("a form", "tokenType=rtm&uid=u", form),
        ("a form with one value", "uid=u", form),
        ("a form with brackets", "user%5Bid%5D=u&user[name]=v", form),
        ("JSON that is encoded as a form", quote(good), form),
        ("a multipart form", boundary, "multipart"),
        ("gzip", gzip.compress(good.encode()), "gzip"),
        ("deflate", zlib.compress(good.encode()), "deflate"),
        ("zstd", b"\x28\xb5\x2f\xfd\x20\x01", "zstd"),
        ("UTF-16", good.encode("utf-16"), "UTF-16"),
        ("UTF-16 LE without a mark", good.encode("utf-16-le"), "UTF-16"),
        ("UTF-16 BE without a mark", good.encode("utf-16-be"), "UTF-16"),
        ("UTF-16 BE", b"\xfe\xff" + good.encode("utf-16-be"), "UTF-16"),
        ("UTF-16 with a line end first", ("\r\n" + good).encode("utf-16-le"), "UTF-16"),
        ("UTF-32", good.encode("utf-32"), "UTF-32"),
        ("UTF-32 LE without a mark", good.encode("utf-32-le"), "UTF-32"),
        ("UTF-32 BE without a mark", good.encode("utf-32-be"), "UTF-32"),
        ("XML", "<token/>", "XML"),
        ("MessagePack", b"\x82\xa9tokenType\xa3rtm\xa3uid\xa1u", "not text"),
    ):
        yield refused(post(text, name=f"body: {name}"), code="unsupported_body", status=415, says=says)
    for name, text, says in (
        ("an object that was not encoded", "[object Object]", "JSON.stringify"),
        ("single quotes around it", f"'{good}'", "single quote"),
        ("single quotes in it", good.replace('"', "'"), "single quotes"),
        ("no quotes", good.replace('"', ""), "double quotes"),
        ("a file's name", "@body.json", "curl"),
        ("encoded twice", json.dumps(good), "twice"),
        ("JSON that is called a form, cut", good[:-1], "ends"),
    ):
        yield refused(post(text, name=f"body: {name}"), code="invalid_body", says=says)
    padded = good[:-1] + ',"x":"' + "y" * (65536 - len(good) - 7) + '"}'
    same(len(padded), 65536, "length of the padded body")
    yield post(padded, name="a body of 65536 bytes", tokens=holds)
    larger = post(padded + " ", name="a body of 65537 bytes")
    yield refused(larger, says="65536", code="body_too_large", status=413)


def methods_and_paths():
    yield Case("HEAD /ping", "HEAD", "/ping", wanted={"Content-Length": "18"})
    yield Case("HEAD of a token", "HEAD", "/rtc/ch/1/uid/7")
    head = Case("HEAD of an error", "HEAD", "/nothing", status=404)
    yield head
    for target in ("/ping", "/getToken", "/rtc/ch/1/uid/7/", "/nothing", "/"):
        yield Case(
            f"OPTIONS {target}",
            "OPTIONS",
            target,
            status=204,
            wanted=CORS | {"Access-Control-Max-Age": "7200", ALLOW_ORIGIN: None},
        )
    for method, target, allow in (
        ("GET", "/getToken", "POST, OPTIONS"),
        ("HEAD", "/fetchToken/", "POST, OPTIONS"),
        ("POST", "/ping", "GET, HEAD, OPTIONS"),
        ("PUT", "/rtm/u", "GET, HEAD, OPTIONS"),
        ("DELETE", "/token/getNew/", "POST, OPTIONS"),
        ("PATCH", "/chat/app", "GET, HEAD, OPTIONS"),
        ("PROPFIND", "/rtc/ch/1/uid/7", "GET, HEAD, OPTIONS"),
    ):
        yield refused(
            Case(f"{method} {target}", method, target, wanted={"Allow": allow}),
            code="method_not_allowed",
            status=405,
        )
    for target in (
        "/",
        "/nothing",
        "/Ping",
        "/ping/x",
        "/ping//",
        "/rtc/ch/publisher/uid/",
        "/rtc/ch/publisher/uid/7/8",
        "/rtm",
        "/chat/account",
        "/getToken/x",
        "/cloud_recording/elsewhere",
        "/?x=/ping",
    ):
        yield refused(get(target), code="not_found", status=404)
    for target in ("/rtc/./1/uid/7", "/rtc/%2e%2e/1/uid/7", "/x/../ping"):
        yield refused(get(target), code="invalid_path")
    for target in ("/rtm/%zz", "/rtm/%", "/rtm/u%4"):
        yield refused(get(target), code="invalid_path")
    yield refused(get("/rtm/u%00"), says="%00 (NUL)", code="invalid_path")
    yield refused(get("/a" * 13), code=None)
    yield get("/%70ing", name="an escaped letter of a route")
    # Without the slash a directory of a hosting customer is the web server's own.
    for target in ("/agora/", "/agora/?x"):
        yield get(target, name=f"the console is on: {target}", site="base", status=302,
                  wanted={"Location": "/agora/console/"})
    for target in ("/ping", "/agora/ping", "/agora/ping/"):
        yield get(target, name=f"BASE_PATH=/agora: {target}", site="base")
    yield refused(
        get("/agorax/ping", name="BASE_PATH ends with a segment", site="base"),
        code="not_found",
        status=404,
    )


def request_ids():
    for name in ("a", "x" * 128, "AZaz09._~+/=:@-", "0f0e0d"):
        headers = [("X-Request-ID", name)]
        yield get("/ping", name=f"id {name[:20]} is kept", headers=headers, wanted={"X-Request-ID": name})
    for name in ("x" * 129, "a b", "a,b", 'a"b', "a\xe9b", "<x>", "a;b"):
        yield get("/ping", name=f"id {name[:20]!r} is replaced", headers=[("X-Request-ID", name)])


def cors():
    listed, trimmed = "https://a.example", "https://b.example:8443"
    yield get("/ping", name="no Origin", wanted={ALLOW_ORIGIN: None})
    for origin in (listed, trimmed):
        passes = {ALLOW_ORIGIN: origin} | CORS
        sent = [("Origin", origin)]
        yield get("/ping", name=f"listed {origin}", headers=sent, wanted=passes)
        yield refused(
            get("/rtm/0", name=f"an error to {origin}", headers=sent, wanted=passes), "rtmuid"
        )
        yield refused(
            get("/nothing", name=f"404 to {origin}", headers=sent, wanted=passes),
            code="not_found",
            status=404,
        )
        yield Case(
            f"preflight of {origin}",
            "OPTIONS",
            "/getToken",
            sent + [("Access-Control-Request-Method", "POST")],
            status=204,
            wanted=passes | {"Access-Control-Max-Age": "7200"},
        )
    for origin in (
        "https://c.example",
        "http://a.example",
        "https://a.example.evil",
        "https://a.example:443",
        "https://A.example",
        "https://a.example ,",
        "https://a.example , https://b.example:8443",
        "null",
        "*",
        "https://b.example",
    ):
        for method in ("GET", "OPTIONS"):
            case = Case(f"{method} of {origin}", method, "/ping", [("Origin", origin)])
            case.wanted = {ALLOW_ORIGIN: None}
            yield refused(case, code="origin_not_allowed", status=403, says="Origin not allowed")
    for site in ("list", "unset", "star", "null"):
        yield get(
            "/ping",
            name=f"{site}: the same origin",
            headers=[("Origin", "{self}")],
            site=site,
            wanted={ALLOW_ORIGIN: "{self}"},
        )
        for origin, allowed in (
            ("https://x.example", site == "star"),
            ("null", site in ("null", "star")),
            ("{other}://{host}", site == "star"),
        ):
            case = get(
                "/ping",
                name=f"{site}: {origin}",
                headers=[("Origin", origin)],
                site=site,
                wanted={ALLOW_ORIGIN: origin if allowed else None},
            )
            yield case if allowed else refused(case, code="origin_not_allowed", status=403)
    known = CORS["Access-Control-Allow-Headers"]
    for site, origin, asked, more in (
        ("star", "https://x.example", None, ""),
        ("star", "null", "x-custom,traceparent,sentry-trace", ", x-custom, sentry-trace"),
        ("star", "https://x.example", 'x b,"x",x-good', ", x-good"),
        ("below", "https://a.example.com", "x-custom,x-other", ", X-Custom"),
    ):
        sent = [("Origin", origin), ("Access-Control-Request-Method", "POST")]
        sent += [("Access-Control-Request-Headers", asked)] if asked else []
        yield Case(f"{site}: preflight of {origin} for {asked}", "OPTIONS", "/x", sent, status=204,
                   site=site, wanted={ALLOW_ORIGIN: origin, "Access-Control-Allow-Headers": known + more})
    for origin, allowed in (
        ("https://a.example.com", True),
        ("https://a.b.example.com", True),
        ("https://example.com", False),
        ("https://evilexample.com", False),
        ("https://a.example.com:8443", False),
        ("https://x@a.example.com", False),
        ("http://a.example.com", False),
    ):
        case = get("/ping", name=f"below: {origin}", headers=[("Origin", origin)], site="below",
                   wanted={ALLOW_ORIGIN: origin if allowed else None})
        yield case if allowed else refused(case, code="origin_not_allowed", status=403)


GROUPS = (routes, real_clients, uids, roles, lifetimes, channels, users, kinds, bodies,
          methods_and_paths, request_ids, cors)


def check_common(answer, sent_id):
    """What every answer has, the web server's own errors included."""
    for name, value in CACHE.items():
        same(answer.header(name), value, name)
    stamp = answer.header("X-Timestamp")
    expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", stamp), f"X-Timestamp {stamp}")
    if stamp.endswith("Z"):
        then = time.mktime(time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
        expect(abs(time.time() - then) < 60, f"X-Timestamp {stamp} is not now")
    request_id = answer.header("X-Request-ID")
    expect(re.fullmatch(REQUEST_ID, request_id), f"X-Request-ID {request_id}")
    if sent_id:
        same(request_id, sent_id, "X-Request-ID")
    else:
        expect(re.fullmatch(r"[0-9a-f]{32}", request_id), f"a made X-Request-ID {request_id}")
    if answer.body:
        same(answer.header("Content-Type"), JSON_TYPE, "Content-Type")
        answer.json()
    if answer.header(ALLOW_ORIGIN) is not None:
        for name, value in CORS.items():
            # The settings or a preflight may name more; cases that do say which they want.
            same((answer.header(name) or "")[:len(value)], value, name)
        expect(answer.header("Access-Control-Expose-Headers"), "no Expose-Headers")


def check_partial(answer):
    """What the own errors of servers other than nginx have of it."""
    for name, value in CACHE.items():
        same(answer.header(name), value, name)
    same(answer.header("Content-Type"), JSON_TYPE, "Content-Type")


def check_error(answer, status, code=None, field_name=None, says=""):
    same(answer.status, status, f"status ({answer.body!r})")
    error = answer.json()
    wanted = ["error", "code"] + (["field"] if field_name else []) + ["status", "requestId"]
    same(list(error), wanted, f"members of {error}")
    same(error["status"], status, "status in the body")
    same(error["requestId"], answer.header("X-Request-ID") or "", "requestId in the body")
    if code:
        same(error["code"], code, "code")
    else:
        expect(re.fullmatch(r"[a-z_]+", error["code"]), f"code {error['code']}")
    same(error.get("field"), field_name, "field")
    expect(says in error["error"], f"{error['error']!r} does not say {says!r}")
    return error


def check_tokens(build, case, answer):
    got = answer.json()
    allowed = {*case.tokens, "expire", "expiresAt", "clamped"}
    expect(set(got) <= allowed, f"members {list(got)}")
    same(tuple(got.get("clamped", ())), case.clamped, "clamped")
    for member, services in case.tokens.items():
        sheet = tokens.check(build, got[member], services, case.expire)
        if member == "token":
            same(got["expire"], case.expire, "expire")
            same(got["expiresAt"], sheet["expireAt"], "expiresAt")
        elif case.clamped:
            same(got["expire"], case.expire, "expire")


def check_log(case, answer, site):
    lines = site.access_lines(answer)
    same(len(lines), 1, "log lines")
    for line in lines:
        # The whole line matches, so there is room for no token, certificate or query.
        match = ACCESS_LINE.fullmatch(line)
        expect(match, f"log line {line!r}")
        same(match["status"], str(answer.status), "status in the log")
        same(match["method"], case.method, "method in the log")
        if answer.status == 200:
            expect(match["route"].startswith("/"), f"route in {line!r}")


def check_own(own, answer, site):
    """The web server answered in our place."""
    same(answer.status, own.status, f"status ({own.why}; {answer.body!r})")
    if not own.code:
        expect(b'"code"' not in answer.body, f"its own page has our shape: {answer.body!r}")
        return
    keeps_id = own.keeps_id and re.fullmatch(REQUEST_ID, answer.request_id)
    if site.partial:
        check_partial(answer)
    else:
        check_common(answer, answer.request_id if keeps_id else "")
    check_error(answer, own.status, own.code)
    if answer.header("X-Request-ID"):
        same(site.access_lines(answer, 0), [], "our log lines")


def check_answer(case, answer, build):
    if case.method == "HEAD" or case.status in (204, 302):
        same(answer.status, case.status, "status")
        same(answer.body, b"", "body")
    elif case.status >= 400:
        check_error(answer, case.status, case.code, case.member, case.says)
    else:
        same(answer.status, case.status, f"status ({answer.body!r})")
        if case.tokens:
            check_tokens(build, case, answer)
        else:
            same(answer.json(), {"message": "pong"}, "answer")


def run_case(case, site):
    def here(text):
        for name, value in (
            ("{self}", f"{site.scheme}://{site.host}"),
            ("{host}", site.host),
            ("{other}", "http" if site.scheme == "https" else "https"),
        ):
            text = text and text.replace(name, value)
        return text

    headers = [(n, here(v)) for n, v in case.headers]
    answer = site.send(case.method, case.target, headers, case.body)
    for secret in (CERTIFICATE.encode(), *([] if answer.status == 200 else [APP_ID.encode()])):
        expect(secret not in answer.body, "a secret in the answer")
    own = site.answers_itself(case)
    if own is None:
        keeps_id = re.fullmatch(REQUEST_ID, answer.request_id)
        check_common(answer, answer.request_id if keeps_id else "")
        check_answer(case, answer, site.tools)
        check_log(case, answer, site)
    else:
        check_own(own, answer, site)
    if own is None or own.code:
        for name, value in (case.wanted | site.changes_headers.get(case.name, {})).items():
            same(answer.header(name), here(value), name)


def run_all(suite, transport, get_site):
    """get_site(kind): the site with those settings, over that transport."""
    for group in GROUPS:
        for case in group():
            name = f"{transport}: {group.__name__.replace('_', ' ')}: {case.name}"
            suite.run(name, lambda c=case: run_case(c, get_site(c.site)))
