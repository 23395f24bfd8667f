"""AccessToken2 ("007"): reading, writing, and what is wrong with one that came in a request."""

import base64
import binascii
import fnmatch
import hashlib
import hmac
import re
import struct
import zlib
from dataclasses import dataclass, field

JOIN, AUDIO, VIDEO, DATA = 1, 2, 3, 4
DAY = 86400
MAX_TEXT, MAX_CONTENT = 64 * 1024, 256 * 1024

# type: name, what follows the privilege map
SERVICES = {
    1: ("RTC", [("channel_name", "string"), ("uid", "string")]),
    2: ("RTM", [("user_id", "string")]),
    3: ("Streaming", [("channel_name", "string"), ("account", "string")]),
    4: ("FPA", []),
    5: ("Chat", [("user_id", "string")]),
    6: ("FCDN", [("channel_name", "string"), ("account", "string")]),
    7: ("APaaS", [("room_uuid", "string"), ("user_uuid", "string"), ("role", "i16")]),
    8: ("RTM2", [("user_id", "string"), ("permissions", "permissions")]),
    9: ("ConvoAI", []),
    10: ("STT", []),
}


class TokenError(Exception):
    def __init__(self, code, why):
        super().__init__(why)
        self.code = code


@dataclass
class Service:
    type: int
    privileges: list  # (id, seconds after issue), as they stand on the wire
    fields: dict = field(default_factory=dict)

    @property
    def name(self):
        return SERVICES[self.type][0]


@dataclass
class Token:
    app_id: str
    issue_ts: int
    expire: int
    salt: int
    services: list
    signature: bytes = b""
    signed: bytes = b""  # the bytes the signature stands for, as received
    complete: bool = True  # false: a service of an unknown type, and what follows, was not read

    @property
    def ends(self):
        return self.issue_ts + self.expire

    def opens(self, channel):
        return any(_matches(s.fields["channel_name"], channel) for s in self.services if s.type == 1)

    def signature_is_right(self, certificate):
        wanted = sign(certificate, self.issue_ts, self.salt, self.signed)
        return hmac.compare_digest(wanted, self.signature)


def sign(certificate, issue_ts, salt, signed):
    """The numbers are the keys, the certificate is the message."""
    key = hmac.digest(struct.pack("<I", issue_ts), certificate.encode(), hashlib.sha256)
    key = hmac.digest(struct.pack("<I", salt), key, hashlib.sha256)
    return hmac.digest(key, signed, hashlib.sha256)


# Reading


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise TokenError("truncated", "the content ends too early")
        piece = self.data[self.at : self.at + count]
        self.at += count
        return piece

    def u16(self):
        return struct.unpack("<H", self.take(2))[0]

    def i16(self):
        return struct.unpack("<h", self.take(2))[0]

    def u32(self):
        return struct.unpack("<I", self.take(4))[0]

    def string(self):
        return self.take(self.u16())

    def map(self):
        return [(self.u16(), self.u32()) for _ in range(self.u16())]

    def permissions(self):
        return [
            (self.u16(), [(self.u16(), [_text(self.string()) for _ in range(self.u16())])
                          for _ in range(self.u16())])
            for _ in range(self.u16())
        ]


def _text(data):
    return data.decode("utf-8", "surrogateescape")


def unpack(token):
    """The content of the token's text, inflated."""
    if not token:
        raise TokenError("empty", "the token is empty")
    if not token.startswith("007"):
        raise TokenError("bad_version", "the token does not start with 007")
    if len(token) > MAX_TEXT:
        raise TokenError("too_large", "the token is too long")
    if len(token) == 3:
        raise TokenError("truncated", "nothing follows 007")
    if not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", token[3:]) or len(token[3:]) % 4:
        raise TokenError("bad_base64", "not base64")
    try:
        packed = base64.b64decode(token[3:], validate=True)
    except binascii.Error as error:
        raise TokenError("bad_base64", str(error)) from None
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(packed, MAX_CONTENT)
    except zlib.error as error:
        raise TokenError("bad_zlib", str(error)) from None
    if stream.unconsumed_tail:
        raise TokenError("too_large", "the content is too large")
    if not stream.eof:
        raise TokenError("bad_zlib", "the compressed stream is cut")
    if stream.unused_data:
        raise TokenError("trailing_data", "bytes follow the compressed stream")
    return content


def decode(token):
    content = Cursor(unpack(token))
    signature = content.string()
    signed = content.data[content.at :]
    app_id = _text(content.string())
    result = Token(app_id, content.u32(), content.u32(), content.u32(), [], signature, signed)
    for _ in range(content.u16()):
        kind = content.u16()
        if kind not in SERVICES:
            result.complete = False
            break
        service = Service(kind, content.map())
        for name, form in SERVICES[kind][1]:
            value = getattr(content, form)()
            service.fields[name] = _text(value) if form == "string" else value
        result.services.append(service)
    return result


# Writing


def _string(value):
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return struct.pack("<H", len(data)) + data


def _map(pairs):
    return struct.pack("<H", len(pairs)) + b"".join(struct.pack("<HI", *p) for p in pairs)


def _permissions(resources):
    out = struct.pack("<H", len(resources))
    for resource, permissions in resources:
        out += struct.pack("<HH", resource, len(permissions))
        for permission, names in permissions:
            out += struct.pack("<HH", permission, len(names)) + b"".join(map(_string, names))
    return out


WRITERS = {"string": _string, "i16": lambda v: struct.pack("<h", v), "permissions": _permissions}


def encode(token, certificate):
    """The content (signature and all) and the text of the token."""
    out = _string(token.app_id)
    out += struct.pack("<III", token.issue_ts, token.expire, token.salt)
    out += struct.pack("<H", len(token.services))
    for service in token.services:
        out += struct.pack("<H", service.type) + _map(service.privileges)
        for name, form in SERVICES[service.type][1]:
            out += WRITERS[form](service.fields[name])
    content = _string(sign(certificate, token.issue_ts, token.salt, out)) + out
    return content, "007" + base64.b64encode(zlib.compress(content)).decode()


def rtc(app_id, certificate, channel, uid, privileges, issue_ts, expire=DAY):
    """An RTC token, as the self-test and other tests need them."""
    service = Service(1, [(p, expire) for p in privileges], {"channel_name": channel, "uid": uid})
    token = Token(app_id, int(issue_ts), expire, 1234567, [service])
    return encode(token, certificate)[1]


# Judging


@dataclass
class Verdict:
    errors: list = field(default_factory=list)  # Agora would not let this user in
    notes: list = field(default_factory=list)  # it would, but not for as long as it is needed
    seconds: float = DAY  # how long it is good for from now on


def is_wildcard(name):
    return name == "" or "*" in name


def _matches(pattern, name):
    if pattern in ("", "*"):
        return True
    return fnmatch.fnmatchcase(name, re.sub(r"([\[?])", r"[\1]", pattern))


def judge(token, app_id, certificate, channel, uid, privileges, now, life=DAY):
    """Is this token good for the user in the channel, with these privileges, from now on?"""
    verdict = Verdict()
    wrong = verdict.errors.append
    try:
        read = decode(token)
    except TokenError as error:
        wrong(f"not a token ({error.code}): {error}")
        return verdict
    if read.app_id != app_id:
        wrong("made for another App ID")
    if not read.signature_is_right(certificate):
        wrong("the signature is wrong")
    if now > read.ends:
        wrong("expired")
    if read.issue_ts > now + 300:
        wrong("issued in the future")
    found = [s for s in read.services if s.type == 1]
    if not found:
        wrong("no RTC service in it")
        return verdict
    here = [s for s in found if _matches(s.fields["channel_name"], channel)]
    if not here:
        wrong(f"made for channel {found[0].fields['channel_name']!r}, not {channel!r}")
        return verdict
    mine = [s for s in here if _matches(s.fields["uid"], uid)]
    if not mine:
        wrong(f"made for uid {here[0].fields['uid']!r}, not {uid!r}")
        return verdict
    verdict.seconds = _judge_privileges(read, mine[0], privileges, now, verdict)
    if is_wildcard(mine[0].fields["channel_name"]) or is_wildcard(mine[0].fields["uid"]):
        if uid != "":  # uid 0 has no other form than the empty string
            verdict.notes.append("a bot's token should name its channel and uid")
    lasts = verdict.seconds + (now - read.issue_ts)
    if lasts < life:
        verdict.notes.append(f"lives {lasts:.0f} s and cannot be renewed, {life} s are needed")
    if read.expire > DAY:
        verdict.notes.append(f"lives {read.expire} s, Agora's maximum is {DAY} s")
    return verdict


def _judge_privileges(read, service, privileges, now, verdict):
    own = dict(service.privileges)
    seconds = read.ends - now
    for one in privileges:
        if one not in own:
            verdict.errors.append(f"lacks privilege {one}")
        elif own[one]:  # 0: no end of its own
            left = read.issue_ts + own[one] - now
            seconds = min(seconds, left)
            if left < 0:
                verdict.errors.append(f"privilege {one} has expired")
    return seconds
