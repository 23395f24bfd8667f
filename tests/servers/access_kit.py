"""What tests of access control need: keys, JWTs, copies of conf/policies, a site with a policy."""

import base64
import json
import os
import subprocess
import time

import rest_kit as rk
import sites
import tokens
from kit import TOP, expect, same

ISSUER, AUDIENCE = "https://id.example.com/", "agora-backend"
POLICIES = os.path.join(TOP, "conf", "policies")


def openssl(*arguments, data=None):
    done = subprocess.run(("openssl", *arguments), input=data, capture_output=True, check=False)
    expect(done.returncode == 0, f"openssl {arguments[0]}: {done.stderr.decode()}")
    return done.stdout


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def der_number(der, at):
    """An INTEGER of DER as 32 bytes, and where it ends."""
    length = der[at + 1]
    number = int.from_bytes(der[at + 2 : at + 2 + length], "big")
    return number.to_bytes(32, "big"), at + 2 + length


class EcKey:
    """Signs ES256."""

    algorithm = "ES256"

    def __init__(self, directory, name):
        self.kid, self.path = name, os.path.join(directory, f"{name}.key")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path)

    def pem(self):
        return openssl("ec", "-in", self.path, "-pubout").decode()

    def jwk(self):
        point = openssl("ec", "-in", self.path, "-pubout", "-outform", "DER")[-64:]
        return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
                "x": base64url(point[:32]), "y": base64url(point[32:])}

    def sign(self, message):
        der = openssl("dgst", "-sha256", "-sign", self.path, data=message)
        r, end = der_number(der, 2)
        return r + der_number(der, end)[0]


def jwt(key, algorithm=None, kid="", **claims):
    header = {"alg": algorithm or key.algorithm, "typ": "JWT"}
    if kid or key.kid:
        header["kid"] = kid or key.kid
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 300} | claims
    claims = {name: value for name, value in claims.items() if value is not None}
    message = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{message}.{base64url(key.sign(message.encode()))}"


def bearer(token):
    return [("Authorization", f"Bearer {token}")]


def policy_text(name, **changes):
    """The text of one of conf/policies, with some of it replaced: old=new pairs."""
    text = sites.read(POLICIES, name + ".json")
    for old, new in changes.items():
        expect(old in text, f"{name}.json has no {old}")
        text = text.replace(old, new)
    return text


class Guarded(rk.Site):
    """A site whose responder has this policy. text: the policy, None: none. files: beside it."""

    def __init__(self, run, build, text, settings=None, files=None, changes=(), servers=""):
        self.policy_directory = run.directory()
        self.policy_path = os.path.join(self.policy_directory, "policy.json")
        self.audit_path = os.path.join(self.policy_directory, "audit")
        self.changes, self.servers = changes, servers
        for name, content in (files or {}).items():
            sites.write(os.path.join(self.policy_directory, name), content)
        more = {"AUDIT_FILE": self.audit_path, "AUDIT_FORMAT": "json"}
        if text is not None:
            self.write_policy(text)
            more["POLICY_FILE"] = self.policy_path
        super().__init__(run, build, more | (settings or {}))

    def config(self, **_):
        return super().config(changes=self.changes, servers=self.servers)

    def write_policy(self, text):
        sites.write(self.policy_path, text if isinstance(text, str) else json.dumps(text))

    def ask(self, method, target, body=None, headers=(), patient=False):
        return super().ask(method, target, body, headers, patient)

    def token(self, headers, channel="class-1", **more):
        body = {"tokenType": "rtc", "channel": channel} | more
        return self.ask("POST", "/getToken", body, headers)

    def stop(self):
        """The record holds no token either, and no credentials."""
        super().stop()
        if os.path.isfile(self.audit_path):
            text = sites.read(self.audit_path)
            rk.no_secrets(text, "the record")
            for secret in ("eyJ", "ak_"):
                expect(secret not in text, f"the record holds {secret}...: {text[:2000]}")
                expect(secret not in self.responder_log(), f"the log holds {secret}...")


def issued(site, answer, channel, uid, ids=tokens.SUBSCRIBER, expire=1800, app_id=None):
    """A good answer, whose token holds just that."""
    same(answer.status, 200, f"status ({answer.body.decode()})")
    body = answer.json()
    same(body["expire"], expire, "expire")
    sheet = tokens.inspect(site.build, body["token"])
    if app_id is not None:
        same(sheet["appId"], app_id, "appId")
        return body
    tokens.check(site.build, body["token"], tokens.rtc(channel, uid, ids, expire), expire)
    return body


def unknown(answer, says="", invalid=True):
    """401, with what a client can make of it."""
    rk.fails(answer, 401, "unauthenticated", says=says)
    header = answer.header("WWW-Authenticate") or ""
    expect(header.startswith('Bearer realm="agora-backend"'), f"WWW-Authenticate: {header}")
    same('error="invalid_token"' in header, invalid, f"invalid_token in {header}")
