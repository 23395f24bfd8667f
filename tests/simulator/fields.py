"""Checks of JSON values, put together from small ones: the field tables of the products.

A check is called as check(value, path, notes). It raises Refused at the first thing that is wrong
and adds to notes what Agora would let pass in silence although it is no use (a misspelt name).
"""

import base64
import binascii
import re
from urllib.parse import urlsplit

MISSING, TYPE, VALUE, UNKNOWN = "missing", "type", "value", "unknown"
UINT32 = 2**32 - 1


class Refused(Exception):
    def __init__(self, kind, path, why):
        super().__init__(f"{path}: {why}")
        self.kind, self.path, self.why = kind, path, why


def anything(_value, _path, _notes):
    pass


def boolean(value, path, _notes):
    if not isinstance(value, bool):
        raise Refused(TYPE, path, "must be true or false")


def integer(low=None, high=None):
    def check(value, path, _notes):
        if type(value) is not int:  # a bool is an int in Python
            raise Refused(TYPE, path, "must be a whole number")
        if (low is not None and value < low) or (high is not None and value > high):
            raise Refused(VALUE, path, f"must be {low} to {high}")

    return check


def fraction(value, path, notes):
    """A place or size in a layout: 0 to 1, six decimals."""
    if type(value) not in (int, float):
        raise Refused(TYPE, path, "must be a number")
    if not 0 <= value <= 1:
        raise Refused(VALUE, path, "must be a fraction, 0 to 1")
    if round(value, 6) != value:
        notes.append(f"{path}: more than six decimals")


def text(low=1, high=None, pattern=None, why="has characters that are not allowed"):
    legal = re.compile(pattern) if pattern else None

    def check(value, path, _notes):
        if not isinstance(value, str):
            raise Refused(TYPE, path, "must be a string")
        size = len(value.encode("utf-8", "surrogatepass"))
        if size < low or (high is not None and size > high):
            raise Refused(VALUE, path, f"must have {low} to {high} bytes")
        if legal and not legal.fullmatch(value):
            raise Refused(VALUE, path, why)

    return check


def choice(*values):
    def check(value, path, _notes):
        if not any(type(value) is type(v) and value == v for v in values):
            kind = VALUE if type(value) in {type(v) for v in values} else TYPE
            raise Refused(kind, path, "must be one of " + ", ".join(map(repr, values)))

    return check


def array(item, low=0, high=None):
    def check(value, path, notes):
        if not isinstance(value, list):
            raise Refused(TYPE, path, "must be a list")
        if len(value) < low or (high is not None and len(value) > high):
            raise Refused(VALUE, path, f"must have {low} to {high} items")
        for i, one in enumerate(value):
            item(one, f"{path}[{i}]", notes)

    return check


def record(required=None, optional=None, *rules):
    """An object. The rules look at it as a whole, after its members, and are checks too."""
    required, optional = required or {}, optional or {}
    known = {**required, **optional}

    def check(value, path, notes):
        if not isinstance(value, dict):
            raise Refused(TYPE, path, "must be an object")
        prefix = path + "." if path else ""
        for name in required:
            if name not in value:
                raise Refused(MISSING, prefix + name, "is required")
        for name, one in value.items():
            if name in known:
                known[name](one, prefix + name, notes)
            else:
                notes.append(f"{prefix}{name}: no such field")
        for rule in rules:
            rule(value, path, notes)

    return check


# Rules over several members


def _inside(path, name):
    return f"{path}.{name}" if path else name


def exclusive(*names):
    def rule(value, path, _notes):
        given = [n for n in names if n in value]
        if len(given) > 1:
            raise Refused(VALUE, _inside(path, given[1]), f"excludes {given[0]}")

    return rule


def exclusive_lists(*names):
    """Of these lists one at most has anything in it: an empty one is no list."""

    def rule(value, path, _notes):
        given = [n for n in names if value.get(n)]
        if len(given) > 1:
            raise Refused(VALUE, _inside(path, given[1]), f"excludes {given[0]}")

    return rule


def unused(reason, *names):
    """Members that are taken and have no effect."""

    def rule(value, path, notes):
        notes.extend(f"{_inside(path, n)}: {reason}" for n in names if n in value)

    return rule


def exactly_one(*names):
    only = exclusive(*names)

    def rule(value, path, notes):
        if not any(n in value for n in names):
            others = ", ".join(names[1:])
            raise Refused(MISSING, _inside(path, names[0]), f"is required, or {others}")
        only(value, path, notes)

    return rule


def forbidden(reason, *names):
    def rule(value, path, _notes):
        for name in names:
            if name in value:
                raise Refused(VALUE, _inside(path, name), reason)

    return rule


def encryption(mode, key, salt, salted):
    """A mode that encrypts needs its key, and some of them a salt: 32 bytes in base64."""

    def rule(value, path, _notes):
        chosen = value.get(mode)
        if not chosen or chosen == "none":
            return
        if not value.get(key):
            raise Refused(MISSING, _inside(path, key), f"is required with {mode} {chosen}")
        if chosen in salted:
            if salt not in value:
                raise Refused(MISSING, _inside(path, salt), f"is required with {mode} {chosen}")
            if not _is_salt(value[salt]):
                raise Refused(VALUE, _inside(path, salt), "must be 32 bytes in base64")

    return rule


def _is_salt(value):
    try:
        return len(base64.b64decode(value, validate=True)) == 32
    except (binascii.Error, TypeError, ValueError):
        return False


# Names that every product shares

channel_name = text(
    1, 64, r"[A-Za-z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,]*", "is not a legal channel name"
)
account = text(1, 255, r"[A-Za-z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,]*", "is not a legal account")
resource_name = text(1, 64, r"[A-Za-z0-9_-]*", "may hold letters, digits, _ and - only")
uid_number = integer(0, UINT32)
language = text(2, 35, r"[a-z]{2,3}(-[A-Z][a-z]{3})?-[A-Z0-9]{2,3}", "is not a BCP-47 code")


def uid_text(value, path, _notes):
    """A numeric uid written as a decimal string, 1 to 2^32-1."""
    if not isinstance(value, str):
        raise Refused(TYPE, path, "must be a string")
    if not re.fullmatch(r"[1-9][0-9]{0,9}", value) or int(value) > UINT32:
        raise Refused(VALUE, path, "must be a decimal number in a string, 1 to 4294967295")


def url(*schemes, high=1024):
    length = text(1, high)

    def check(value, path, notes):
        length(value, path, notes)
        try:
            parts = urlsplit(value)
        except ValueError:
            raise Refused(VALUE, path, "is not a URL") from None
        if parts.scheme not in schemes or not parts.netloc or any(c <= " " for c in value):
            raise Refused(VALUE, path, "must be a URL of " + ", ".join(schemes))

    return check


def uid_list(everyone, high):
    """A list of numeric uids as strings, or the word for everyone alone."""

    def one(value, path, notes):
        if value != everyone:
            uid_text(value, path, notes)

    items = array(one, 0, high)

    def check(value, path, notes):
        items(value, path, notes)
        if everyone in value and len(value) > 1:
            raise Refused(VALUE, path, f"{everyone} must stand alone")

    return check


def query_number(request, name, default, low, high):
    """A whole number from the query string."""
    if name not in request.query:
        if default is None:
            raise Refused(MISSING, name, "is required")
        return default
    given = request.query[name]
    if not re.fullmatch(r"[0-9]{1,18}", given):
        raise Refused(TYPE, name, "must be a whole number")
    if not low <= int(given) <= high:
        raise Refused(VALUE, name, f"must be {low} to {high}")
    return int(given)
