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
         "timestamp", "tokenName", "pubBotUid", "createTs", "updateTs", "start_ts", "taskId", "agent_id", "id",
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


def test_the_token_that_is_inspected_is_whole(w):
    """The example as it is printed, without a token of today's in its place: it has long expired."""
    d = documented(w)
    shown = d.document["paths"]["/token/inspect"]["post"]
    wanted = shown["responses"]["200"]["content"]["application/json"]["example"]
    answer = d.ask("POST", "/token/inspect", shown["requestBody"]["content"]["application/json"]["example"])
    got = answer.json()
    for name in wanted:
        if name not in ("expired", "problems"):
            same(got[name], wanted[name], name)
    problem, = [problem for problem in got["problems"] if problem["code"] == "uid_mismatch"]
    same(problem, wanted["problems"][0], "its problem")


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


# What of a body its schema says in words alone: there the bodies below have it.
IN_WORDS = {"GetTokenRequestApaas": {"uid": "ann"}, "GetTokenRequestConvoai": {"rtmUid": "ann"},
            "GetTokenRequestStt": {"rtmUid": "ann"},
            **{f"CloudRecordingStartRequest{mode}": {"sceneMode": "postponed"}
               for mode in ("Individual", "Mix", "Raw")},
            "RttStartRequest": {"enableStorage": True}}
# The same of objects that are Agora's.
AGORAS = {"storageConfig": {"vendor": 1, "region": 3, "bucket": "b", "accessKey": "a", "secretKey": "s"},
          "recordingConfig": {"streamSubscribe": {}}}
# Near what patterns and lengths allow.
TEXTS = ["a", "", "0", "00", "1", "007", "42", "4294967295", "4294967296", "9999999999", "-1", "1.5", "en-US", "*",
         "a b", "a/b", "a.b", "A", "_-", "~=", "caf\u00e9", "192.0.2.1", "255.0.0.255", "256.1.1.1",
         "999.1.1.1", "1.2.3", "1.2.3.4.5", "://", "rtmp://a/b", "rtmp://a b", "007eJx"]
REFUSED = {"invalid_field", "missing_field"}


def texts(schema):
    """(text, whether the schema takes it)"""
    most = schema.get("maxLength")
    more = [fill for n in (most, most + 1) for fill in ("1" * n, "a" * n, "x://".ljust(n, "a"))] if most else []
    for text in TEXTS + more:
        yield text, (schema.get("minLength", 0) <= len(text) <= (most or len(text)) and
                     bool(re.search(schema.get("pattern", ""), text)))


def values(schema, name):
    """(value, whether the schema takes it), for each rule that is in it."""
    if "anyOf" in schema:  # names, or the numbers that some of them are
        for one in schema["anyOf"]:
            yield from values(one, name)
        return
    if "enum" in schema:
        yield from ((value, True) for value in schema["enum"])
        yield from ((value, False) for value in ("none of them", 99, True, [], {}))
        return
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    yield from ((value, False) for kind, value in (
        ("boolean", True), ("array", []), ("object", {}), ("number", 1.5)) if kind not in kinds)
    if "string" in kinds:
        yield from texts(schema)
    elif "integer" not in kinds:
        yield "a", False
    if "integer" in kinds:
        least, most = schema.get("minimum", 0), schema.get("maximum")
        yield from ((value, True) for value in (least, most or least + 7))
        yield from ((value, False) for value in (least - 1, most and most + 1) if value is not None)
    elif "string" in kinds:
        yield 7, False
    if "boolean" in kinds:
        yield from ((True, True), (False, True))
    if "array" in kinds:
        most, each = schema.get("maxItems"), list(values(schema["items"], name)) if schema["items"] else [({}, True)]
        one = min((value for value, good in each if good), key=lambda value: len(json.dumps(value)))
        yield [], True
        yield from (([value], good) for value, good in each)
        if most:
            yield from (([one] * most, True), ([one] * (most + 1), False))
    if "object" in kinds:
        if schema["additionalProperties"]:
            yield AGORAS.get(name, {}), True
        else:
            yield from bodies(schema, {})


def first(schema, name):
    return next(value for value, good in values(schema, name) if good)


def bodies(schema, more):
    """(body, whether the schema takes it): the least one, one without each of what it must have, and
    each value of each member."""
    members = schema["properties"]
    must = schema.get("required", [])
    ways = [choice["required"] for choice in schema.get("anyOf", [])] or [[]]
    said = [name for name, rule in members.items() if "required unless" in rule.get("description", "")]

    def made(names, consts):
        return {name: consts.get(name, {}).get("const", first(members[name], name)) for name in names}

    consts = [choice.get("properties", {}) for choice in schema.get("anyOf", [{}])]
    least = more | made(must + said, {})
    whole = least | made(ways[0], consts[0])
    for way, const in zip(ways, consts):
        yield least | made(way, const), True
        yield from ((least | made(set(way) - {name}, const), False) for name in way)
    yield from (({n: v for n, v in whole.items() if n != name}, False) for name in must)
    for name, rule in members.items():
        # The one is of a policy, and there is none; tests/servers/rest_members.py has the other.
        if name in ("project", "fileNamePrefix"):
            continue
        if name == "recordingConfig" and "resourceId" not in members:  # of a start
            yield whole | {name: {}}, True
            continue
        # Which member excludes which is said in words alone.
        other = re.search(r"(?:in place of|the same as) (\w+)", rule.get("description", ""))
        rest = {n: v for n, v in whole.items() if other is None or n != other.group(1)}
        yield from ((rest | {name: value}, good) for value, good in values(rule, name))


def test_schemas_of_requests_are_what_the_service_takes(w):
    """What a schema allows is not refused for a member, and what it refuses is: with no account at
    Agora, so that the service says 501 where it would ask."""
    document = documented(w).document
    site = w.get("site without an account", lambda: w.new_site(
        {"AGORA_BASE_URL": "", "CUSTOMER_ID": "", "CUSTOMER_SECRET": "", "STORAGE_OVERRIDE": "true"}))
    schemas, seen, wrong, taken, refused = document["components"]["schemas"], set(), [], 0, 0
    for path, item in document["paths"].items():
        if "post" not in item:
            continue
        name = item["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
        if name in seen:  # of a route of the same handler
            continue
        seen.add(name)
        whole = schemas[name]
        if "properties" in whole:
            variants = [name]
        else:
            variants = [one["$ref"].split("/")[-1] for one in whole.get("oneOf") or whole["anyOf"]]
        for variant in variants:
            for body, good in bodies(schemas[variant], IN_WORDS.get(variant, {})):
                if not good and "anyOf" in whole and "recordingMode" not in body:
                    continue  # which is another variant then
                answer = site.post(path.replace("{taskId}", "t"), body)
                code = "" if answer.status < 400 else answer.json()["code"]
                if code == "too_many_values":
                    continue  # a bound of whole bodies, which no schema has words for
                if (code in REFUSED) == good:
                    wrong.append(f"{path} {json.dumps(body)[:200]}: {answer.status} {answer.body.decode()[:200]}")
                taken, refused = taken + good, refused + (not good)
    same(wrong, [], "requests that are taken or refused where their schema says otherwise")
    expect(taken > 300 and refused > 300, f"{taken} taken, {refused} refused")


def test_document_of_the_program_is_the_one_served(w):
    done = subprocess.run([sites.responder_path(w.build), "--dump-openapi"], env={},
                             capture_output=True, check=True, timeout=kit.DEADLINE)
    same(json.loads(done.stdout), documented(w).document, "the document")
    same(done.stderr, b"", "what it says beside it")
