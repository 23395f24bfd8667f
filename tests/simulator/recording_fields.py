"""What may stand in the bodies of the cloud recording calls, mode by mode."""

from fields import (
    MISSING,
    TYPE,
    VALUE,
    Refused,
    anything,
    array,
    boolean,
    choice,
    encryption,
    exactly_one,
    exclusive_lists,
    forbidden,
    fraction,
    integer,
    record,
    text,
    uid_list,
    uid_text,
    unused,
    url,
)
from storage import recording_storage, sts

MODES = ("individual", "raw", "mix", "web")
SEPARATE = ("individual", "raw")  # a file per user
uids = uid_list("#allstream#", 32)
# Agora's pages write unsubscribe, its clients in Go and Java unSubscribe.
AVOIDED = {kind: (f"unsubscribe{kind}Uids", f"unSubscribe{kind}Uids")
           for kind in ("Audio", "Video")}
color = text(7, 7, r"#[0-9A-Fa-f]{6}", "must be a colour, #RRGGBB")
image = url("http", "https")

# Layouts

render_mode = choice(0, 1)
layout_item = record(
    {"x_axis": fraction, "y_axis": fraction, "width": fraction, "height": fraction},
    {"uid": uid_text, "alpha": fraction, "render_mode": render_mode},
)
LAYOUT = {
    "mixedVideoLayout": choice(0, 1, 2, 3),
    "maxResolutionUid": uid_text,
    "backgroundColor": color,
    "backgroundImage": image,
    "defaultUserBackgroundImage": image,
    "layoutConfig": array(layout_item, 0, 17),
    "backgroundConfig": array(
        record({"uid": uid_text, "image_url": image}, {"render_mode": render_mode})
    ),
    "watermarks": array(anything),
}


def layout_is_whole(value, path, notes):
    kind = value.get("mixedVideoLayout", 0)
    if kind == 2 and "maxResolutionUid" not in value:
        notes.append(f"{path}.maxResolutionUid: layout 2 is of no use without")
    if kind == 3 and "layoutConfig" not in value:
        notes.append(f"{path}.layoutConfig: layout 3 is of no use without")


layout = record({}, LAYOUT, layout_is_whole)


def picture_is_not_too_large(value, path, _notes):
    if value.get("width", 360) * value.get("height", 640) > 1920 * 1080:
        raise Refused(VALUE, path + ".width", "width x height may be 1920 x 1080")


transcoding = record(
    {},
    {
        "width": integer(1),
        "height": integer(1),
        "fps": integer(1, 60),
        "bitrate": integer(1),
        **LAYOUT,
    },
    layout_is_whole,
    picture_is_not_too_large,
)

# recordingConfig and the others


def recording_config(mode):
    rules = [
        exclusive_lists("subscribeAudioUids", *AVOIDED["Audio"]),
        exclusive_lists("subscribeVideoUids", *AVOIDED["Video"]),
        encryption("decryptionMode", "secret", "salt", (7, 8)),
    ]
    if mode == "raw":
        rules.append(forbidden("is for mode individual", "streamMode"))
    if mode == "mix":  # Agora takes what the middleware sends, and makes nothing of it
        rules.append(unused("is for mode individual", "streamMode", "subscribeUidGroup"))
    if mode and mode != "mix":
        rules.append(forbidden("is for mode mix", "audioProfile", "transcodingConfig"))
    return record(
        {"channelType": choice(0, 1)},
        {
            "decryptionMode": integer(0, 8),
            "secret": text(),
            "salt": text(),
            "maxIdleTime": integer(5, 2592000),
            "streamTypes": choice(0, 1, 2),
            "videoStreamType": choice(0, 1),
            "subscribeAudioUids": uids,
            "subscribeVideoUids": uids,
            **dict.fromkeys(AVOIDED["Audio"] + AVOIDED["Video"], uids),
            "subscribeUidGroup": choice(0, 1, 2, 3, 4, 5),
            "streamMode": choice("default", "standard", "original"),
            "audioProfile": choice(0, 1, 2),
            "transcodingConfig": transcoding,
        },
        *rules,
    )


def file_types(mode):
    def check(value, path, _notes):
        if not isinstance(value, list):
            raise Refused(TYPE, path, "must be a list")
        allowed = [["hls"]] if mode in SEPARATE else [["hls"], ["hls", "mp4"], ["mp4", "hls"]]
        if value not in allowed:
            raise Refused(VALUE, path, 'must be ["hls"], or ["hls","mp4"] in mix and web')

    return check


def one_file_type(value, path, _notes):
    if value != ["jpg"]:
        raise Refused(VALUE, path, 'must be ["jpg"]')


snapshot = record({"fileType": one_file_type}, {"captureInterval": integer(5, 3600)})
push_parameters = record({"outputs": array(record({"rtmpUrl": url("rtmp", "rtmps")}), 1, 1)})
web_parameters = record(
    {
        "url": url("http", "https", high=None),
        "audioProfile": choice(0, 1, 2),
        "videoWidth": integer(1),
        "videoHeight": integer(1),
        "maxRecordingHour": integer(1, 720),
    },
    {
        "videoBitrate": integer(1),
        "videoFps": integer(5, 60),
        "mobile": boolean,
        "maxVideoDuration": integer(30, 240),
        "onhold": boolean,
        "readyTimeout": integer(0, 60),
    },
)
error_policy = choice("error_abort", "error_ignore")


def one_service(value, path, notes):
    parameters = push_parameters
    if isinstance(value, dict) and value.get("serviceName") == "web_recorder_service":
        parameters = web_parameters
    record(
        {
            "serviceName": choice("web_recorder_service", "rtmp_publish_service"),
            "serviceParam": parameters,
        },
        {"errorHandlePolicy": error_policy},
    )(value, path, notes)


def has_web_recorder(value, path, _notes):
    names = [service["serviceName"] for service in value["extensionServices"]]
    if names.count("web_recorder_service") != 1:
        raise Refused(VALUE, path + ".extensionServices", "must hold one web_recorder_service")


extension = record(
    {"extensionServices": array(one_service, 1)}, {"errorHandlePolicy": error_policy},
    has_web_recorder,
)


def start_request(mode, now):
    """clientRequest of start; mode None: of an acquire that does not tell."""
    required = {"storageConfig": recording_storage(now)}
    optional = {
        "recordingFileConfig": record({}, {"avFileType": file_types(mode)}),
        "appsCollection": record({}, {"combinationPolicy": text()}),
        "transcodeOptions": record({}, {"container": record({}, {"format": text()}),
                                        "transConfig": record({}, {"transMode": text()})}),
    }
    with_channel = {"token": text(0, None), "recordingConfig": recording_config(mode)}
    in_web = {"extensionServiceConfig": extension}
    rules = []
    if mode == "web":
        required.update(in_web)
        rules.append(_web_takes_no_channel)
        optional["token"] = text(0, None)
    elif mode:
        required.update(recordingConfig=with_channel["recordingConfig"])
        optional.update(token=with_channel["token"])
        rules.append(forbidden("is for mode web", "extensionServiceConfig"))
    else:
        optional.update(with_channel, **in_web)
    if mode in SEPARATE or mode is None:
        optional["snapshotConfig"] = snapshot
    else:
        rules.append(forbidden("is for mode individual", "snapshotConfig"))
    return record(required, optional, *rules)


def _web_takes_no_channel(value, path, notes):
    if "recordingConfig" in value:
        raise Refused(VALUE, path + ".recordingConfig", "is not for mode web")
    if "token" in value:
        notes.append(f"{path}.token: mode web takes no token")


def acquire_request(mode, now):
    return record(
        {},
        {
            "scene": choice(0, 1, 2),
            "resourceExpiredHour": integer(1, 720),
            "excludeResourceIds": array(text()),
            "region": choice("CN", "AP", "EU", "NA"),
            "regionAffinity": integer(0, 100),
            "startParameter": start_request(mode, now),
        },
    )


# update, updateLayout, stop


def _uid_lists(kind):
    names = (f"subscribe{kind}Uids", *AVOIDED[kind])
    return record({}, dict.fromkeys(names, uids), exactly_one(*names))


def _has_a_list(value, path, _notes):
    if not ("audioUidList" in value or "videoUidList" in value):
        raise Refused(MISSING, path + ".audioUidList", "is required, or videoUidList")


def update_request(mode, now):
    changes = ("streamSubscribe", "webRecordingConfig", "rtmpPublishConfig", "storageConfig")
    rules = [exactly_one(*changes)]
    if mode == "web":
        rules.append(forbidden("is not for mode web", "streamSubscribe"))
    else:
        rules.append(forbidden("is for mode web", "webRecordingConfig", "rtmpPublishConfig"))
    return record(
        {},
        {
            "streamSubscribe": record(
                {},
                {"audioUidList": _uid_lists("Audio"), "videoUidList": _uid_lists("Video")},
                _has_a_list,
            ),
            "webRecordingConfig": record({"onhold": boolean}),
            "rtmpPublishConfig": push_parameters,
            "storageConfig": record(
                {"stsToken": text(), "stsExpiration": integer(0)},
                {"vendor": integer(), "region": integer(), "bucket": text(),
                 "accessKey": text(), "secretKey": text()},
                sts(now),
            ),
        },
        *rules,
    )


stop_request = record({}, {"async_stop": boolean})
