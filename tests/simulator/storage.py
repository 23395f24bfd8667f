"""Where files go: the vendors and regions Agora knows, and the storage settings of a request."""

from fields import MISSING, VALUE, Refused, array, choice, integer, record, text, url

AREAS = {  # vendor: region: the part of the world it lies in ("" = none of Agora's four)
    1: {
        **dict.fromkeys((0, 1, 2, 3, 13), "NA"),
        **dict.fromkeys((4, 5, 6, 7, 21, 25), "EU"),
        **dict.fromkeys((8, 9, 10, 11, 14, 19, 20, 24), "AP"),
        **dict.fromkeys((15, 16), "CN"),
        **dict.fromkeys((12, 18, 22), ""),
    },
    2: {
        **dict.fromkeys((*range(0, 7), *range(20, 28)), "CN"),
        **dict.fromkeys((8, 9), "NA"),
        **dict.fromkeys((7, *range(10, 16), 19), "AP"),
        **dict.fromkeys((16, 17, 18), "EU"),
    },
    3: {
        **dict.fromkeys(range(0, 9), "CN"),
        **dict.fromkeys(range(9, 15), "AP"),
        **dict.fromkeys((15, 16, 17), "NA"),
        **dict.fromkeys((18, 19), "EU"),
    },
    5: {0: ""},
    6: {0: ""},
    7: {
        **dict.fromkeys(range(0, 6), "CN"),
        **dict.fromkeys((6, 7, 8), "AP"),
        **dict.fromkeys(range(9, 16), ""),
        12: "NA",
    },
    8: {**dict.fromkeys((1, 2, 3, 6, 7), "CN"), 4: "AP", 5: "AP"},
    11: {0: ""},
}
STS_VENDORS = (1, 2, 3)
STS_SECONDS = 4 * 3600
PREFIX_BYTES = 128

file_name_prefix_part = text(1, None, r"[A-Za-z0-9]*", "may hold letters and digits only")
_prefix_parts = array(file_name_prefix_part)


def file_name_prefix(value, path, notes):
    _prefix_parts(value, path, notes)
    if sum(len(part) + 1 for part in value) > PREFIX_BYTES:
        raise Refused(VALUE, path, f"must have at most {PREFIX_BYTES} bytes with its slashes")


def known_region(value, path, _notes):
    if value["vendor"] not in AREAS:
        raise Refused(VALUE, path + ".vendor", "is no vendor")
    if value["region"] not in AREAS[value["vendor"]]:
        raise Refused(VALUE, path + ".region", f"is no region of vendor {value['vendor']}")


def sts(now):
    """Temporary credentials come in pairs, for three vendors, and live at least four hours."""

    def rule(value, path, _notes):
        given = [name for name in ("stsToken", "stsExpiration") if name in value]
        if len(given) == 1:
            missing = "stsToken" if given == ["stsExpiration"] else "stsExpiration"
            raise Refused(MISSING, f"{path}.{missing}", f"is required with {given[0]}")
        if given and value.get("vendor", STS_VENDORS[0]) not in STS_VENDORS:
            raise Refused(VALUE, path + ".stsToken", "this vendor takes none")
        if given and value["stsExpiration"] < now() + STS_SECONDS:
            raise Refused(VALUE, path + ".stsExpiration", "must be four hours away or more")

    return rule


def _extension(value, path, _notes):
    extra, vendor = value.get("extensionParams", {}), value["vendor"]
    if vendor == 11 and "endpoint" not in extra:
        raise Refused(MISSING, path + ".extensionParams.endpoint", "is required with vendor 11")
    if vendor != 11 and "endpoint" in extra:
        raise Refused(VALUE, path + ".extensionParams.endpoint", "is for vendor 11")
    if vendor != 1 and "sse" in extra:
        raise Refused(VALUE, path + ".extensionParams.sse", "is for vendor 1")
    if vendor not in (1, 2) and "tag" in extra:
        raise Refused(VALUE, path + ".extensionParams.tag", "is for vendors 1 and 2")


def recording_storage(now):
    return record(
        {
            "vendor": integer(),
            "region": integer(),
            "bucket": text(),
            "accessKey": text(),
            "secretKey": text(),
        },
        {
            "stsToken": text(),
            "stsExpiration": integer(0),
            "fileNamePrefix": file_name_prefix,
            "extensionParams": record(
                {}, {"sse": choice("kms", "aes256"), "tag": text(), "endpoint": text()}
            ),
        },
        known_region,
        sts(now),
        _extension,
    )


def caption_storage():
    """Speech-to-text spells the keys in two ways; either will do, both at once will not."""

    def keys(value, path, _notes):
        for names in (("accessKey", "accesskey"), ("secretKey", "secretkey")):
            given = [n for n in names if n in value]
            if len(given) != 1:
                kind = VALUE if given else MISSING
                raise Refused(kind, f"{path}.{names[0]}", "is required, once")

    return record(
        {
            "bucket": text(),
            "vendor": choice(1, 2, 3, 5, 6, 7, 8, 11),
            "region": integer(),
        },
        {
            "accessKey": text(),
            "secretKey": text(),
            "accesskey": text(),
            "secretkey": text(),
            "fileNamePrefix": file_name_prefix,
        },
        keys,
        known_region,
    )


caption_extension = record(
    {},
    {
        "endpoint": url("http", "https"),
        "type": choice("s3"),
        "provider": text(),
        "region": text(),
        "tag": text(),
        "tagByRule": lambda *_: None,
        "sse": text(),
        "overwritekeys": lambda *_: None,
    },
)
