"""The token decoder against the vectors, and what it says of tokens that come in requests."""

import json
import os
import time

import tokens
from client import APP_ID, CERTIFICATE, HERE, token
from expecting import expect, fails, same

VECTORS = os.path.join(HERE, "..", "vectors", "accesstoken2.json")
with open(VECTORS, encoding="utf-8") as file:
    VECTOR = json.load(file)


def _names(text):
    """Strings in the vectors that are not text are written in another way."""
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def _permissions(decoded):
    return [
        (r["resource_type"], [(p["permission_type"], p["list"]) for p in r["permissions"]])
        for r in decoded
    ]


def _check_service(service, wanted, name):
    same(service.type, wanted["type"], f"{name}: type")
    same(service.name, wanted["name"], f"{name}: name")
    pairs = [(p["id"], p["expire"]) for p in wanted["privileges"]]
    same(sorted(service.privileges), sorted(pairs), f"{name}: privileges")
    for field, value in service.fields.items():
        if field != "permissions":
            same(value, wanted[field], f"{name}: {field}")


def test_positive_vectors():
    for vector in VECTOR["positive"]:
        name, wanted = vector["name"], vector["decoded"]
        for spelling in [{"token": vector["token"]}, *vector["token_spellings"]]:
            read = tokens.decode(spelling["token"])
            for field in ("app_id", "issue_ts", "expire", "salt", "complete"):
                same(getattr(read, field), wanted[field], f"{name}: {field}")
            same(read.ends, wanted["expire_at"], f"{name}: ends")
            same(read.signature.hex(), vector["signature_hex"], f"{name}: signature")
            certificate = vector["inputs"]["app_certificate"]
            expect(read.signature_is_right(certificate), f"{name}: signature is wrong")
            same(len(read.services), len(wanted["services"]), f"{name}: services")
            for service, one in zip(read.services, wanted["services"]):
                _check_service(service, one, name)
            content, _ = tokens.encode(read, certificate)
            same(content.hex(), vector["packed_hex"], f"{name}: written again")


def test_negative_vectors():
    for vector in VECTOR["negative"]:
        name, wanted = vector["name"], vector["expect"]
        try:
            read = tokens.decode(vector["token"])
        except tokens.TokenError as error:
            codes = wanted["codes"]
            expect(error.code in codes, f"{name}: {error.code}, wanted one of {codes}")
            continue
        if "parse_ok" in wanted:
            expect(wanted["parse_ok"], f"{name}: was read")
        good = read.signature_is_right(vector["app_certificate"])
        expired = vector["now"] > read.ends
        same(good and not expired, wanted["valid"], f"{name}: valid")
        same(expired, wanted.get("expired", False), f"{name}: expired")


def test_old_tokens_are_refused():
    for vector in VECTOR["v006"]:
        same(fails(lambda t=vector["token"]: tokens.decode(t), tokens.TokenError).code,
             "bad_version", "code")


def test_every_cut_and_every_flipped_bit_is_found():
    good = token("lobby", "42")
    content = tokens.unpack(good)
    for end in range(3, len(good)):
        fails(lambda e=end: tokens.decode(good[:e]), tokens.TokenError)
    for place in range(len(content) * 8):
        spoilt = bytearray(content)
        spoilt[place // 8] ^= 1 << place % 8
        text = "007" + tokens.base64.b64encode(tokens.zlib.compress(bytes(spoilt))).decode()
        try:
            expect(not tokens.decode(text).signature_is_right(CERTIFICATE), f"bit {place} flipped")
        except tokens.TokenError:
            pass


def _judge(text, channel="lobby", uid="42", privileges=(1,)):
    return tokens.judge(text, APP_ID, CERTIFICATE, channel, uid, privileges, time.time())


def test_good_tokens_are_good():
    for text in (token("lobby", "42"), token("lobby", "42", (1,))):
        verdict = _judge(text)
        same((verdict.errors, verdict.notes), ([], []), "verdict")
    same(_judge(token("lobby", ""), uid="").errors, [], "uid 0")


def test_bad_tokens_are_told():
    now = time.time()
    cases = (
        ("", "not a token"),
        ("007", "not a token"),
        (token("lobby", "42", app_id="f" * 32), "another App ID"),
        (token("lobby", "42", certificate="0" * 32), "signature"),
        (token("lobby", "42", issued=now - 3700, expire=3600), "expired"),
        (token("lobby", "42", issued=now + 3600), "in the future"),
        (token("lobbi", "42"), "channel"),
        (token("lobby", "43"), "uid"),
        (token("lobby", "42", (2,)), "lacks privilege 1"),
    )
    for text, wanted in cases:
        errors = "; ".join(_judge(text).errors)
        expect(wanted in errors, f"{wanted!r} is not in {errors!r}")
    errors = _judge(token("lobby", "42", (1,)), privileges=(1, 2, 3)).errors
    same(errors, ["lacks privilege 2", "lacks privilege 3"], "subscriber who publishes")


def test_tokens_with_a_short_life_are_noted():
    verdict = _judge(token("lobby", "42", expire=3600))
    same(verdict.errors, [], "errors")
    expect("lives 3600 s" in verdict.notes[0], verdict.notes)
    expect("maximum" in _judge(token("lobby", "42", expire=90000)).notes[0], "over a day")


def test_wildcards():
    for channel, uid in (("*", "42"), ("", "42"), ("lobby", ""), ("lobby", "*"), ("l*y", "4*")):
        verdict = _judge(token(channel, uid))
        same(verdict.errors, [], f"{channel!r} {uid!r}")
        expect(verdict.notes, f"{channel!r} {uid!r} is not noted")
    expect(_judge(token("l*x", "42")).errors, "l*x is not lobby")
    expect(_judge(token("lobb[y]", "42")).errors, "brackets are no pattern")
