"""The API's description of itself: each of its examples sent for real, and its patterns of names."""

import json
import re
import subprocess
from urllib.parse import quote, urlencode

import kit
import rest_access
import sites
from kit import expect, same

# What is another each time: made by chance, or of the time.
OTHER = {"token", "rtcToken", "rtmToken", "chatToken", "expiresAt", "issueTs", "expireAt", "salt",
         "signature", "uid", "resourceId", "sid", "fileList", "sliceStartTime", "recordsUntil",
         "timestamp", "tokenName", "createTs", "updateTs", "start_ts", "taskId", "agent_id", "id",
         "converterName", "playerName", "name", "create", "converterId", "time", "agoraAhead",
         "requests", "tokens", "denied", "failures", "limited", "calls", "audit"}


def policy(w):
    """Of a caller that may have anything, as the example of /me shows it; and its key."""
    key, digest = rest_access.new_key(w, "backend")
    grant = {"name": "all", "from": "backend",
             "actions": ["token.*", "policy.check", "metrics.read", "status.read", "recording.*",
                         "rtt.*", "push.*", "pull.*"],
             "services": ["rtc", "rtm", "chat", "chat-app"], "channels": "*", "wildcard": True, "uid": "*",
             "role": "publisher", "ttl": "24h"}
    path = w.run.directory() + "/policy.json"
    with open(path, "w") as file:
        json.dump({"callers": {"backend": {"type": "apikey", "sha256": digest}},
                   "grants": [grant]}, file)
    return path, ("X-API-Key", key)


class Documented:
    """A site with that policy, and the document that it serves."""

    def __init__(self, w):
        path, self.key = policy(w)
        self.site = w.get("documented site", lambda: w.new_site({"POLICY_FILE": path}))
        self.document = self.ask("GET", "/openapi.json").json()

    def ask(self, method, target, body=None):
        if target == "/metrics":  # whose answer is no JSON
            return self.site.send(method, target, [self.key])
        return self.site.ask(method, target, body, headers=[self.key])

    def operations(self):
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                yield method.upper(), path, operation


def documented(w):
    return w.get("documented", lambda: Documented(w))


def replaced(value, made):
    """Texts of examples, for what came in their place."""
    if isinstance(value, dict):
        return {name: replaced(one, made) for name, one in value.items()}
    if isinstance(value, list):
        return [replaced(one, made) for one in value]
    return made.get(value, value) if isinstance(value, str) else value


def request_of(path, operation, made):
    """Target and body of the example."""
    parameters = [(p["in"], p["name"], replaced(p["example"], made))
                  for p in operation["parameters"] if "example" in p]
    for place, name, value in parameters:
        if place == "path":
            path = path.replace("{%s}" % name, quote(str(value), safe=""))
    expect("{" not in path, f"{path}: each part of the path has an example")
    query = urlencode({name: value for place, name, value in parameters if place == "query"})
    body = None
    if "requestBody" in operation:
        body = replaced(operation["requestBody"]["content"]["application/json"]["example"], made)
    return path + ("?" + query if query else ""), body


def compare(shown, got, made, where):
    """The same members, of the same types, and but for OTHER the same values."""
    same(type(got), type(shown), f"type of {where}")
    if isinstance(shown, dict):
        same(list(got), list(shown), f"members of {where}")
        for name in shown:
            if name in OTHER:
                same(type(got[name]), type(shown[name]), f"type of {where}.{name}")
                if isinstance(shown[name], str):
                    made[shown[name]] = got[name]
            else:
                compare(shown[name], got[name], made, f"{where}.{name}")
    elif isinstance(shown, list):
        same(len(got), len(shown), f"length of {where}")
        for i, (one, other) in enumerate(zip(shown, got)):
            compare(one, other, made, f"{where}[{i}]")
    else:
        same(got, replaced(shown, made), where)


def send(d, method, path, operation, made):
    target, body = request_of(path, operation, made)
    wanted = [status for status in operation["responses"] if status.startswith("2")][0]
    answer = d.ask(method, target, body)
    same(str(answer.status), wanted, f"status of {method} {target} ({answer.body.decode()})")
    kind, content = next(iter(operation["responses"][wanted]["content"].items()))
    same(answer.header("Content-Type"), kind, f"Content-Type of {method} {path}")
    if "example" in content:
        compare(content["example"], answer.json(), made, f"{method} {path}")


def test_each_example_is_answered_as_it_says(w):
    """A start before what asks about it and ends it; what it made takes the place of what it shows."""
    d = documented(w)
    operations = list(d.operations())
    starts = {path.rsplit("/", 1)[0]: (path, operation)
              for method, path, operation in operations if path.endswith("/start")}
    made, sent = {}, 0
    for method, path, operation in operations:
        resource = next((r for r in starts if path.startswith(r + "/")), None)
        if resource:
            w.sim.reset()
            send(d, "POST", *starts[resource], made)
            w.sim.advance(15)  # until Agora lists it
        if not path.endswith("/start"):
            send(d, method, path, operation, made)
        sent += 1
    same(sent, len(operations), "operations")
    expect(sent > 35 and len(starts) == 4, f"{sent} of {list(starts)}")


def test_patterns_are_what_the_service_takes(w):
    """Each printable character, at the end of a name."""
    d = documented(w)
    schemas = d.document["components"]["schemas"]
    cases = [
        ("GetTokenRequestRtc", "channel", {"tokenType": "rtc", "uid": "1"}),
        ("GetTokenRequestRtc", "uid", {"tokenType": "rtc", "channel": "a"}),
        ("GetTokenRequestRtm", "uid", {"tokenType": "rtm"}),
        ("GetTokenRequestChat", "uid", {"tokenType": "chat"}),
    ]
    names = ["a" + chr(c) for c in range(0x20, 0x7f)] + ["0", "00", "a\u00e9"]
    for schema, member, body in cases:
        pattern = schemas[schema]["properties"][member]["pattern"]
        refused = 0
        for name in names:
            answer = d.ask("POST", "/getToken", body | {member: name})
            taken = answer.status != 400
            expect(answer.status in (200, 400) or answer.json()["code"] == "not_granted", answer.body)
            same(bool(re.fullmatch(pattern, name)), taken, f"{member} {name!r}")
            refused += not taken
        expect(refused > 4, f"{schema}.{member}: {refused} refused")


def test_document_of_the_program_is_the_one_served(w):
    done = subprocess.run([sites.responder_path(w.build), "--dump-openapi"], env={},
                             capture_output=True, check=True, timeout=kit.DEADLINE)
    same(json.loads(done.stdout), documented(w).document, "the document")
    same(done.stderr, b"", "what it says beside it")
