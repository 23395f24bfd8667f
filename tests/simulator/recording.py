"""Cloud recording: resource ids that serve once, tasks that come up in steps, files at the end."""

from dataclasses import dataclass, field

import recording_fields as shapes
import tokens
from fields import MISSING, TYPE, VALUE, Refused, channel_name, record, text, uid_text
from product import APP_ID, Answered, Product, route
from storage import AREAS
from wire import answer

BASE = "/v1/apps/{appid}/cloud_recording"
TASK = BASE + "/resourceid/{rid}/sid/{sid}/mode/{mode}"
NO_WORKER = {"code": 404, "reason": "failed to find worker"}
NO_DATA = {"code": 435, "reason": "no recorded data"}
EXITING, STOPPED, CRASHED = 6, 7, 20
DEFAULT_HOURS, DEFAULT_IDLE = 72, 30
CONCURRENT_TASKS = 50


@dataclass
class Resource:
    id: str
    cname: str
    uid: str
    made: float
    hours: int
    scene: int
    start: object  # startParameter, or None
    sid: str = ""  # once it has served


@dataclass
class Task:
    sid: str
    resource: Resource
    mode: str
    request: dict
    began: float
    leaves: float  # when its token ends
    ends: float  # when it is over of itself
    exits: float = 0  # set by an asynchronous stop
    over: str = ""  # why it is over
    starts: int = 1  # how often it was really started: never anything else
    updates: list = field(default_factory=list)

    @property
    def key(self):
        return self.resource.cname, self.resource.uid


class Recording(Product):
    name = "recording"

    def reset(self):
        self.resources = {}
        self.tasks = {}  # by sid, all there ever were
        self.running = {}  # by (cname, uid)
        self.per_channel = {}  # cname: how many were started

    # Errors

    def refused(self, request, why):
        call = request.operation[0].upper() + request.operation[1:]
        name = why.path.removeprefix("clientRequest.")
        if why.path == "cname" and request.operation == "acquire":
            return answer(400, {"code": 401, "reason": "invalid_channel_name"})
        if why.kind == MISSING:
            reason = f"{call}: {name} is required!"
        elif why.kind == TYPE:
            reason = f"{call}: invalid {name} type, {why.why}!"
        else:
            reason = f"{call}: invalid {name} value!"
        return answer(400, {"code": 2, "reason": reason})

    def wrong_app(self, request):
        appid = request.path.split("/")[3]
        if request.operation == "acquire" and APP_ID.fullmatch(appid):
            return answer(400, {"code": 400, "reason": "invalid_appid"})
        return answer(400, {"message": "appid is invalid"})

    @staticmethod
    def fail(status, code, reason):
        raise Answered(answer(status, {"code": code, "reason": reason}))

    # acquire and start

    def envelope(self, request, table, web=False):
        """cname, uid and clientRequest of a POST."""
        name = text(1, 1024) if web else channel_name
        self.check(
            request, record({"cname": name, "uid": uid_text, "clientRequest": table}), request.json
        )
        return request.json["cname"], request.json["uid"], request.json["clientRequest"]

    @route("POST", BASE + "/acquire", body="json")
    def acquire(self, request):
        client = request.json.get("clientRequest")
        web = isinstance(client, dict) and client.get("scene") == 1
        mode = "web" if web else None
        table = shapes.acquire_request(mode, self.world.now)
        cname, uid, client = self.envelope(request, table, web)
        self.area_matches(client)
        start = client.get("startParameter")
        if start and "token" in start and not web:
            path = "clientRequest.startParameter.token"
            self.check_token(request, start["token"], path, cname, uid, (tokens.JOIN,))
        alive = sum(self.is_alive(task) for task in list(self.running.values()))
        if self.world.config.concurrencyLimits and alive >= CONCURRENT_TASKS:
            self.fail(400, 406, "vendor_over_load")
        rid = self.world.url_id(256)
        self.resources[rid] = Resource(
            rid, cname, uid, self.world.now(), client.get("resourceExpiredHour", DEFAULT_HOURS),
            client.get("scene", 0), start,
        )
        if self.world.config.acquireShape == "resourceId":
            return answer(200, {"resourceId": rid})
        return answer(200, {"cname": cname, "uid": uid, "resourceId": rid})

    @staticmethod
    def area_matches(client):
        """Storage lies in the area of the recording."""
        area, start = client.get("region"), client.get("startParameter")
        if area and start:
            storage = start["storageConfig"]
            lies_in = AREAS[storage["vendor"]][storage["region"]]
            if lies_in and lies_in != area:
                raise Refused(VALUE, "clientRequest.region", f"the storage lies in {lies_in}")

    @route("POST", BASE + "/resourceid/{rid}/mode/{mode}/start", body="json")
    def start(self, request, rid, mode):
        self.known_mode(mode)
        table = shapes.start_request(mode, self.world.now)
        cname, uid, client = self.envelope(request, table, mode == "web")
        self.files_fit(client)
        seconds = self.token_seconds(request, mode, cname, uid, client)
        resource = self.resource_for(request, rid, mode, cname, uid, client)
        if resource.sid:
            return self.started_before(request, resource, mode, client)
        self.no_conflict(cname, uid)
        now = self.world.now()
        if now > resource.made + self.world.config.resourceSeconds:
            self.fail(400, 2, "Start: resourceId has expired!")
        task = self.new_task(resource, mode, client, now, seconds)
        return answer(200, self.names(task))

    @staticmethod
    def known_mode(mode):
        if mode not in shapes.MODES:
            raise Refused(VALUE, "mode", "must be one of " + ", ".join(shapes.MODES))

    @staticmethod
    def files_fit(client):
        """Screenshots alone come without recordingFileConfig; an empty one is no choice."""
        files = client.get("recordingFileConfig")
        if files is not None and "avFileType" not in files:
            raise Refused(MISSING, "clientRequest.recordingFileConfig.avFileType", "is required")

    def token_seconds(self, request, mode, cname, uid, client):
        if mode == "web":
            return float("inf")
        path = "clientRequest.token"
        if "token" not in client and self.world.config.tokens == "strict":
            raise Refused(MISSING, path, "is required, the project has a certificate")
        return self.check_token(
            request, client.get("token", ""), path, cname, uid, (tokens.JOIN,)
        )

    def resource_for(self, request, rid, mode, cname, uid, client):
        resource = self.resources.get(rid)
        if resource is None:
            self.fail(400, 2, "Start: resourceId is unknown!")
        if (resource.cname, resource.uid) != (cname, uid):
            request.notes.append("cname or uid differ from acquire")
            self.fail(400, 2, "Start: cname or uid is not that of the resourceId!")
        if (resource.scene == 1) != (mode == "web"):
            request.notes.append("mode does not fit the scene of acquire")
            self.fail(400, 2, "Start: mode does not match the scene of acquire!")
        if resource.start is not None and resource.start != client:
            request.notes.append("clientRequest differs from startParameter of acquire")
            self.fail(400, 2, "Start: clientRequest does not match startParameter of acquire!")
        return resource

    def started_before(self, request, resource, mode, client):
        """The same start again: that is how one repeats, and it never starts a second task."""
        task = self.tasks[resource.sid]
        if mode != task.mode or client != task.request:
            request.notes.append("a repeated start differs from the first")
        if not self.is_alive(task):
            self.fail(400, 2, "Start: resourceId has been used!")
        body = {"code": 7, "reason": "already started", **self.names(task)}
        return answer(201, body)

    def no_conflict(self, cname, uid):
        running = self.running.get((cname, uid))
        if running and self.is_alive(running):
            self.fail(400, 53, "task conflict")

    def new_task(self, resource, mode, client, now, token_seconds):
        idle = client.get("recordingConfig", {}).get("maxIdleTime", DEFAULT_IDLE)
        ends = now + resource.hours * 3600
        if mode == "web":
            services = client["extensionServiceConfig"]["extensionServices"]
            web = next(s for s in services if s["serviceName"] == "web_recorder_service")
            ends = min(ends, now + web["serviceParam"]["maxRecordingHour"] * 3600)
        elif self.world.is_idle(resource.cname):
            ends = min(ends, now + idle)
        else:
            ends = min(ends, now + token_seconds + idle)
        sid = self.world.hex_id(32)
        task = Task(sid, resource, mode, client, now, now + token_seconds, ends)
        resource.sid = sid
        self.tasks[sid] = self.running[task.key] = task
        self.per_channel[resource.cname] = self.per_channel.get(resource.cname, 0) + 1
        return task

    # The life of a task

    def is_alive(self, task):
        if not task.over:
            now = self.world.now()
            if task.exits and now >= task.exits:
                task.over = "stopped"
            elif now >= task.ends:
                task.over = "ended"
            if task.over and self.running.get(task.key) is task:
                del self.running[task.key]
        return not task.over

    def status(self, task):
        if task.exits:
            return EXITING
        steps = int((self.world.now() - task.began) / max(self.world.config.statusStep, 1e-6))
        limit = self.world.config.statusLimit.get(task.resource.cname, 5)
        if limit == CRASHED:
            return steps if steps < 3 else CRASHED
        return min(steps, limit, 5)

    def has_data(self, task):
        age = self.world.now() - task.began
        return not self.world.is_idle(task.resource.cname) and age >= self.world.config.dataAfter

    def names(self, task):
        return {
            "cname": task.resource.cname,
            "uid": task.resource.uid,
            "resourceId": task.resource.id,
            "sid": task.sid,
        }

    def task_for(self, rid, sid, mode):
        self.known_mode(mode)
        task = self.tasks.get(sid)
        if task is None or task.resource.id != rid or not self.is_alive(task):
            raise Answered(answer(404, NO_WORKER))
        if task.mode != mode:
            self.fail(400, 2, "invalid mode, the task has another!")
        return task

    def owned_task(self, request, rid, sid, mode, table):
        """The task of a POST, whose body names cname and uid again."""
        cname, uid, client = self.envelope(request, table, mode == "web")
        task = self.task_for(rid, sid, mode)
        if task.key != (cname, uid):
            request.notes.append("cname or uid are not those of the task")
            self.fail(400, 2, "cname or uid is not that of the task!")
        return task, client

    # query, update, stop

    @route("GET", TASK + "/query")
    def query(self, _request, rid, sid, mode):
        task = self.task_for(rid, sid, mode)
        return answer(200, self.names(task) | {"serverResponse": self.progress(task)})

    @route("POST", TASK + "/update", body="json")
    def update(self, request, rid, sid, mode):
        self.known_mode(mode)
        table = shapes.update_request(mode, self.world.now)
        task, client = self.owned_task(request, rid, sid, mode, table)
        if "rtmpPublishConfig" in client and not self.service(task, "rtmp_publish_service"):
            raise Refused(VALUE, "clientRequest.rtmpPublishConfig", "nothing is being pushed")
        task.updates.append(client)
        return answer(200, self.names(task))

    @route("POST", TASK + "/updateLayout", body="json")
    def updateLayout(self, request, rid, sid, mode):  # named as Agora's call
        if mode != "mix":
            raise Refused(VALUE, "mode", "must be mix")
        task, client = self.owned_task(request, rid, sid, mode, shapes.layout)
        task.updates.append(client)
        return answer(200, self.names(task))

    @route("POST", TASK + "/stop", body="json")
    def stop(self, request, rid, sid, mode):
        self.known_mode(mode)
        task, client = self.owned_task(request, rid, sid, mode, shapes.stop_request)
        if task.exits:
            self.fail(400, 49, "invalid operation")
        config = self.world.config
        had_data, files = self.has_data(task), self.results(task)
        task.exits = self.world.now() + (config.exitSeconds if client.get("async_stop") else 0)
        self.is_alive(task)
        delay = 0 if client.get("async_stop") else config.stopSeconds
        if not had_data:
            return answer(206, self.names(task) | NO_DATA, delay=delay)
        if client.get("async_stop"):
            files = {} if config.asyncStopShape == "empty" else None
        body = self.names(task) | ({} if files is None else {"serverResponse": files})
        return answer(200, body, delay=delay)

    # Files

    @staticmethod
    def service(task, name):
        services = task.request.get("extensionServiceConfig", {}).get("extensionServices", [])
        return next((s for s in services if s["serviceName"] == name), None)

    @staticmethod
    def file_types(task):
        """What is written: "hls", "mp4", "jpg"."""
        files = task.request.get("recordingFileConfig", {}).get("avFileType")
        types = list(files or [])
        if "snapshotConfig" in task.request:
            return types + ["jpg"]
        return types or ["hls"]

    def slice_start(self, task, inside_list=True):
        milliseconds = int(task.began * 1000) + 1000
        if inside_list and self.world.config.sliceStartTime == "s":
            return milliseconds // 1000
        return milliseconds

    def files(self, task):
        """fileListMode and fileList of a recording without screenshots."""
        if self.world.config.fileListMode == "absent":
            return {}
        playlist = f"{task.sid}_{task.resource.cname}.m3u8"
        types = self.file_types(task)
        mode = self.world.config.fileListMode
        if mode == "string" or (mode == "auto" and task.mode == "mix" and types == ["hls"]):
            return {"fileListMode": "string", "fileList": playlist}
        return {"fileListMode": "json", "fileList": self.file_objects(task, playlist, types)}

    def file_objects(self, task, playlist, types):
        start = self.slice_start(task)

        def one(name, track, uid, mixed):
            return {
                "fileName": name,
                "trackType": track,
                "uid": uid,
                "mixedAllUser": mixed,
                "isPlayable": True,
                "sliceStartTime": start,
            }

        if task.mode == "mix":
            names = [playlist] + ([playlist[:-5] + "_0.mp4"] if "mp4" in types else [])
            return [one(name, "audio_and_video", "0", True) for name in names]
        stem = playlist[:-5]
        wanted = task.request["recordingConfig"].get("streamTypes", 2)
        tracks = {0: ["audio"], 1: ["video"], 2: ["audio", "video"]}[wanted]
        return [
            one(f"{stem}__uid_s_{uid}__uid_e_{track}.m3u8", track, uid, False)
            for uid in self.users(task)
            for track in tracks
        ]

    def users(self, task):
        asked = task.request["recordingConfig"].get("subscribeAudioUids", ["#allstream#"])
        return ["123", "456"] if asked in (["#allstream#"], []) else asked

    def web_files(self, task):
        names = [f"{task.sid}_{task.resource.cname}.m3u8"]
        if "mp4" in self.file_types(task):
            names.append(f"{task.sid}_{task.resource.cname}_0.mp4")
        return [{"filename": n, "sliceStartTime": self.slice_start(task)} for n in names]

    def on_hold(self, task):
        onhold = self.service(task, "web_recorder_service")["serviceParam"].get("onhold", False)
        for change in task.updates:
            onhold = change.get("webRecordingConfig", {}).get("onhold", onhold)
        return onhold

    def progress(self, task):
        """serverResponse of query."""
        status = self.status(task)
        if task.mode == "web":
            return {"status": status, "extensionServiceState": self.web_progress(task, status)}
        started = status >= 4
        body = {"status": status, "sliceStartTime": self.slice_start(task, False) if started else 0}
        if "jpg" in self.file_types(task):
            return body
        files = self.files(task)
        if not started and files:
            files["fileList"] = "" if files["fileListMode"] == "string" else []
        return files | body

    def web_progress(self, task, status):
        started = status >= 4
        state = "exit" if status in (EXITING, CRASHED) else "inProgress" if started else "init"
        payload = {
            "fileList": self.web_files(task) if started else [],
            "onhold": self.on_hold(task),
            "state": state,
        }
        services = [{"payload": payload, "serviceName": "web_recorder_service"}]
        push = self.service(task, "rtmp_publish_service")
        if push:
            outputs = push["serviceParam"]["outputs"]
            for change in task.updates:
                outputs = change.get("rtmpPublishConfig", {}).get("outputs", outputs)
            how = "connecting" if not started else "onhold" if self.on_hold(task) else "publishing"
            payload = {
                "outputs": [{"rtmpUrl": o["rtmpUrl"], "status": how} for o in outputs],
                "state": state,
            }
            services.append({"payload": payload, "serviceName": "rtmp_publish_service"})
        return services

    def results(self, task):
        """serverResponse of stop."""
        if task.mode == "web":
            recorder = {"fileList": self.web_files(task), "onhold": self.on_hold(task)}
            return {
                "extensionServiceState": [
                    {"payload": {"uploadingStatus": "uploaded"}, "serviceName": "upload_service"},
                    {
                        "payload": recorder | {"state": "exit"},
                        "serviceName": "web_recorder_service",
                    },
                ]
            }
        if self.file_types(task) == ["jpg"]:
            return {"uploadingStatus": "uploaded"}
        return self.files(task) | {"uploadingStatus": "uploaded"}

    # What really happened

    def state(self):
        tasks = []
        for task in self.tasks.values():
            alive = self.is_alive(task)
            tasks.append(
                self.names(task)
                | {
                    "mode": task.mode,
                    "starts": task.starts,
                    "running": alive,
                    "over": task.over,
                    "status": self.status(task) if alive else STOPPED,
                    "began": task.began,
                    "ends": task.ends,
                    "updates": task.updates,
                }
            )
        return {
            "resources": len(self.resources),
            "started": len(tasks),
            "running": sum(task["running"] for task in tasks),
            "startedPerChannel": self.per_channel,
            "tasks": tasks,
        }
