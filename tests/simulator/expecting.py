"""How the self-test's cases say what they want."""

import time


def expect(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(w) for w in what))


def same(got, wanted, what="value"):
    expect(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def gives(answer, status, body=None):
    """The status, and the body: as JSON, or what must be in it if it is a dict with less."""
    expect(answer.status == status, f"wanted {status}, got {answer}")
    if body is not None:
        same(answer.json, body, "body")
    return answer


def has(answer, wanted, /, **members):
    gives(answer, wanted)
    for name, value in members.items():
        same(answer.json.get(name), value, name)
    return answer.json


def fails(call, *kinds):
    """The call raises one of these."""
    try:
        result = call()
    except kinds as error:
        return error
    raise AssertionError(f"wanted {' or '.join(k.__name__ for k in kinds)}, got {result!r}")


def wait_until(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < end, "waited for", what)
        time.sleep(0.01)


def noted(simulator, text):
    """The newest request has a violation with this text in it."""
    notes = simulator.log(last=1)[0]["violations"]
    expect(any(text in note for note in notes), f"no {text!r} in {notes}")


def clean(simulator):
    """The newest request has no violation."""
    same(simulator.log(last=1)[0]["violations"], [], "violations")
