"""Everything the simulator knows: settings, time, products, and the log of what it was asked."""

import random
import string
from collections import deque
from dataclasses import asdict, dataclass, field, fields

import tokens
from clock import Clock

LOG_ENTRIES = 20000


class BadSetting(Exception):
    pass


@dataclass
class Config:
    """What /_sim/config shows and changes. Names are as in JSON."""

    # whose project it is
    appId: str = "0123456789abcdef0123456789abcdef"
    appCertificate: str = "fedcba9876543210fedcba9876543210"
    customerId: str = "simulated-customer"
    customerSecret: str = "simulated-secret"

    # how strict
    tokenSeconds: int = tokens.DAY  # a token that lives shorter is a violation
    tokens: str = "strict"  # "off": tokens in requests are not looked at
    strictUnknown: bool = False  # true: unknown fields are refused, not only noted
    rateLimits: bool = False
    concurrencyLimits: bool = False

    # what happens in the simulated world
    idleChannels: list = field(default_factory=list)  # nobody is in these
    channels: dict = field(default_factory=dict)  # name: {"mode", "users"|"broadcasters",...}
    statusStep: float = 1.0  # seconds from one status of a recording to the next
    statusLimit: dict = field(default_factory=dict)  # cname: the last status it reaches (20: crash)
    resourceSeconds: float = 300  # life of an unused resourceId
    dataAfter: float = 0  # seconds until a recording has recorded something
    stopSeconds: float = 0  # how long a synchronous stop takes
    exitSeconds: float = 2  # how long an asynchronous one works on
    startSeconds: float = 1  # until an agent, converter or player runs
    pullListDelay: float = 10  # seconds until a new player appears in the list

    # shapes of answers that vary
    fileListMode: str = "auto"  # or "string", "json", "absent"
    sliceStartTime: str = "ms"  # or "s": inside fileList
    acquireShape: str = "full"  # or "resourceId": nothing else in it, as of old
    asyncStopShape: str = "absent"  # or "empty": serverResponse of an asynchronous stop
    errorKey: str = "message"  # or "reason": errors of push, pull
    speechErrors: str = "detail"  # or "message"
    speechConflict: str = "full"  # or "bare": a 409 that does not tell the running task
    speechEnded: int = 404  # or 410: how the ended v5/v6 paths answer
    pushGetShape: str = "documented"  # or "wrapped", "unwrapped"
    pushNumbers: str = "string"  # or "number": in the converter list
    pushConflictId: bool = True  # X-Resource-ID on 409
    pullUid: str = "number"  # or "string": in a player's answers
    listFilter: str = "kept"  # or "ignored": lists of a channel hold what is in others too
    pageSize: int = 500
    requestId: str = "echo"  # or "rename", "omit"
    requestIdOnErrors: bool = True
    seed: int = 1  # of faults by chance; counts from the next reset or change on

    CHOICES = {
        "tokens": ("strict", "off"),
        "fileListMode": ("auto", "string", "json", "absent"),
        "sliceStartTime": ("ms", "s"),
        "acquireShape": ("full", "resourceId"),
        "asyncStopShape": ("absent", "empty"),
        "errorKey": ("message", "reason"),
        "speechErrors": ("detail", "message"),
        "speechConflict": ("full", "bare"),
        "speechEnded": (404, 410),
        "pushGetShape": ("documented", "wrapped", "unwrapped"),
        "pushNumbers": ("string", "number"),
        "pullUid": ("number", "string"),
        "requestId": ("echo", "rename", "omit"),
        "listFilter": ("kept", "ignored"),
    }

    def change(self, changes):
        kinds = {f.name: f.type for f in fields(self)}
        for name, value in changes.items():
            if name not in kinds:
                raise BadSetting(f"{name}: no such setting")
            if kinds[name] is float and type(value) is int:
                value = float(value)
            if kinds[name] is int and type(value) is float and value == int(value):
                value = int(value)
            if type(value) is not kinds[name]:
                raise BadSetting(f"{name}: must be {kinds[name].__name__}")
            if value not in self.CHOICES.get(name, (value,)):
                raise BadSetting(f"{name}: must be one of {self.CHOICES[name]}")
            setattr(self, name, value)

    def shown(self):
        return asdict(self) | {"customerSecret": "...", "appCertificate": "..."}


class World:
    def __init__(self, settings=None):
        self.settings = dict(settings or {})  # a reset comes back to these
        self.clock = Clock()
        self.config = Config()
        self.products = {}
        self.log = deque(maxlen=LOG_ENTRIES)
        self.entries = 0
        self.dice = random.Random()  # for faults by chance: the same after each reset
        self.reset()

    def reset(self):
        self.config = Config()
        self.config.change(self.settings)
        self.dice.seed(self.config.seed)
        self.clock.reset()
        self.log.clear()
        for product in self.products.values():
            product.reset()

    def add(self, kind):
        self.products[kind.name] = kind(self)

    def now(self):
        return self.clock.now()

    def is_idle(self, channel):
        return channel in self.config.idleChannels

    def judge(self, token, channel, uid, privileges):
        config = self.config
        return tokens.judge(
            token,
            config.appId,
            config.appCertificate,
            channel,
            uid,
            privileges,
            self.clock.real(),
            config.tokenSeconds,
        )

    # Names for things

    def identifier(self, alphabet, length):
        return "".join(random.choices(alphabet, k=length))

    def hex_id(self, length=32):
        return self.identifier("0123456789abcdef", length)

    def word_id(self, length=32):
        return self.identifier(string.ascii_uppercase + string.digits, length)

    def url_id(self, length):
        return self.identifier(string.ascii_letters + string.digits + "-_", length)

    # The log

    def entry(self, **what):
        self.entries += 1
        entry = {"n": self.entries, "time": self.clock.real(), "now": self.now(), **what}
        self.log.append(entry)
        return entry

    def state(self):
        return {
            "now": self.now(),
            "skipped": self.clock.skipped,
            **{name: product.state() for name, product in self.products.items()},
        }
