"""What nobody sends who means well, as each value of each route: the answer is the service's own,
nothing leaves that Agora's hosts would read as another path, and nothing ends."""

import json
import random
from urllib.parse import quote

import engine_client as fc
import kit
import rest_kit as rk
import rest_openapi
from engine_secrets import only_child
from kit import expect, same

LONG = 20000
# As text of a path or query, percent-encoded by its bytes.
TEXTS = (b"a" * LONG, b"\xc3\xa9" * (LONG // 2), b"\0", b"lobby\0-public", b"\xff", b"\xed\xa0\x80", b"..", b".", b"../x",
         b"a/../b", b"%2e%2e", b"\xe2\x80\xae", b"\xc2\x85", b"\r\nX: 1", b"*", b"a*", b"a,b", b"-1", b"1e400",
         b"18446744073709551616", b"{}", b'"', b"\\", b"'", b" ", b"+")
# As JSON, in the place of a value.
VALUES = (
    b'"' + b"a" * LONG + b'"', b'"' + b"\xc3\xa9" * (LONG // 2) + b'"', rb'"\u0000"', rb'"lobby\u0000-public"',
    b'"\xff"', rb'"\ud800"', b'".."', b'"../x"', b'"a/../b"', b'"%2e%2e"', b'"\xe2\x80\xae"', rb'"\u0085"',
    rb'"\r\nX: 1"', b'"*"', b'"a*"', b'" "', b'""', b"null", b"true", b"-0", b"-1", b"1e400", b"0.1",
    b"18446744073709551616", b"-9223372036854775809", b"1" * LONG, b"[" * 40 + b"]" * 40, b"[" * LONG,
    b"[" + b"{}," * (LONG // 3) + b"{}]", b'{"a":1,"a":2}', b'{"":{"":{}}}', b'["' + b"a" * LONG + b'"]',
    b'{"' + b"a" * LONG + b'":1}', b"{", b"",
)
HEADERS = ("HTTP_HOST", "HTTP_ORIGIN", "HTTP_AUTHORIZATION", "HTTP_X_API_KEY", "HTTP_COOKIE", "HTTP_X_REQUEST_ID",
           "HTTP_TRACEPARENT", "HTTP_TRACESTATE", "HTTP_BAGGAGE", "HTTP_ACCESS_CONTROL_REQUEST_METHOD",
           "HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "HTTP_X_FORWARDED_FOR", "HTTP_IDEMPOTENCY_KEY", "CONTENT_TYPE",
           "CONTENT_LENGTH", "REMOTE_ADDR", "REMOTE_USER", "REQUEST_METHOD", "QUERY_STRING", "SCRIPT_NAME",
           "SERVER_PROTOCOL", "SSL_CLIENT_VERIFY", "SSL_CLIENT_S_DN")
HERE = "the value goes here"
SHARE = 0.12  # of all of them, chosen by chance; with --all each is asked


def bodies_of(document, operation):
    """Each body with HERE in the place of one member, of whole values and of those within them."""
    content = operation["requestBody"]["content"]["application/json"]
    example, schema = content["example"], content["schema"]["$ref"].split("/")[-1]
    names, left = set(), [schema]
    while left:
        one = document["components"]["schemas"][left.pop()]
        names |= set(one.get("properties", {}))
        left += [way["$ref"].split("/")[-1] for way in one.get("oneOf", one.get("anyOf", [])) if "$ref" in way]
    yield HERE
    yield from (example | {name: HERE} for name in sorted(names))

    def within(value):
        if isinstance(value, dict):
            for name in value:
                yield from (value | {name: other} for other in [HERE, *within(value[name])])
        elif isinstance(value, list):
            for i, one in enumerate(value):
                yield from (value[:i] + [other] + value[i + 1:] for other in [HERE, *within(one)])

    for name in example:
        yield from (example | {name: other} for other in within(example[name]))


def targets_of(path, operation):
    """Each target with HERE in the place of one parameter."""
    given = [(p["in"], p["name"], p.get("example", "1")) for p in operation["parameters"]]
    for wrong in [None, *[(place, name) for place, name, _ in given if place != "header"]]:
        target, query = path, []
        for place, name, value in given:
            text = HERE if (place, name) == wrong else quote(str(value), safe="")
            if place == "path":
                target = target.replace("{%s}" % name, text)
            elif place == "query" and ((place, name) == wrong or wrong is None):
                query.append(f"{name}={text}")
        yield target + ("?" + "&".join(query) if query else "")


def requests_of(document, method, path, operation):
    """(target, body, more parameters), each with one hostile value: all there are."""
    first, *targets = targets_of(path, operation)
    for target in targets:
        yield from ((target.replace(HERE, quote(text, safe="")), b"", {}) for text in TEXTS)
    whole = b""
    if "requestBody" in operation:
        whole = json.dumps(operation["requestBody"]["content"]["application/json"]["example"]).encode()
        for body in bodies_of(document, operation):
            data = json.dumps(body).encode()
            yield from ((first, data.replace(b'"%s"' % HERE.encode(), value), {}) for value in VALUES)
    yield from ((first, whole, {name: value}) for name in HEADERS
                for value in ("a" * LONG, "\u202e", "a\r\nX: 1", "-1", "", "a, b;c=\"d"))


def ask(site, method, key, target, body, more):
    params = {"HTTP_X_API_KEY": key} | more
    data = fc.begin() + fc.stream(fc.PARAMS, fc.params_for(target, method, body, **params)) + fc.stream(fc.STDIN, body)
    return fc.ask(site.socket, data)


def test_no_value_of_any_route_ends_anything(w):
    path, (_, key) = rest_openapi.policy(w)
    sim = rk.Simulator(w.run)
    site = rk.Site(w.run, w.build, rk.settings_for(sim) | {"POLICY_FILE": path, "STORAGE_OVERRIDE": "true"})
    document = site.ask("GET", "/openapi.json", headers=[("X-API-Key", key)]).json()
    worker = only_child(site.responder.pid)
    wrong, asked = [], [0]

    def one(method, path, operation):
        dice = random.Random(f"{w.seed} {method} {path}")
        for target, body, more in requests_of(document, method, path, operation):
            if not w.all and dice.random() > SHARE:
                continue
            asked[0] += 1
            where = f"{method} {target[:100]} {body[:100]} {[f'{n}={v[:20]}' for n, v in more.items()]}"
            try:
                answer = ask(site, method, key, target, body, more)
                if answer.status not in (200, 204) and not 400 <= answer.status < 500 and answer.status != 501:
                    wrong.append(f"{where}: {answer.status} {answer.body[:200]}")
                if answer.header("Content-Type") == "application/json":
                    answer.json()
            except (AssertionError, OSError, ValueError) as error:
                wrong.append(f"{where}: {error}")

    rk.in_threads(*[lambda m=method.upper(), p=path, o=operation: one(m, p, o)
                    for path, item in document["paths"].items() for method, operation in item.items()])
    same(wrong, [], f"requests that were not answered as wrong ones are (--seed {w.seed})")
    same(only_child(site.responder.pid), worker, "the worker")
    expect(asked[0] > 1000, f"only {asked[0]} asked")
    print(f"     {asked[0]} requests")
    for entry in sim.since(0):
        expect(not {".", ".."} & set(entry["path"].split("/")), f"a dot segment reached Agora: {entry['target']}")
    site.stop()
