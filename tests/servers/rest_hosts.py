"""Agora's area with its hosts, over TLS: which are asked, in what order, and what a failing one costs."""

import itertools
import threading
import time

import rest_kit as rk
from kit import expect, same, wait_until
from rest_failures import KINDS, PUSH, TRANSCRIPTION
from rest_kit import CUSTOMER, IMPATIENT, PATHS, STORAGE, fails, succeeds

# of AGORA_AREA: the first region's hosts, the second's; the first suffix, the second
HOSTS = {
    "US": ("api-us-west-1.agora.io", "api-us-west-1.sd-rtn.com",
           "api-us-east-1.agora.io", "api-us-east-1.sd-rtn.com"),
    "EU": ("api-eu-west-1.agora.io", "api-eu-west-1.sd-rtn.com",
           "api-eu-central-1.agora.io", "api-eu-central-1.sd-rtn.com"),
    "AP": ("api-ap-southeast-1.agora.io", "api-ap-southeast-1.sd-rtn.com",
           "api-ap-northeast-1.agora.io", "api-ap-northeast-1.sd-rtn.com"),
    "CN": ("api-cn-east-1.sd-rtn.com", "api-cn-east-1.agora.io",
           "api-cn-north-1.sd-rtn.com", "api-cn-north-1.agora.io"),
    "": ("api.agora.io", "api.sd-rtn.com"),
}
US = HOSTS["US"]
# A handshake that a busy machine does not end within a second says nothing of the certificate.
TIME_FOR_TLS = {"CONNECT_TIMEOUT": "5", "TRY_TIMEOUT": "5", "CALL_TIMEOUT": "5"}


def connect_to(sim, hosts=US, **instead):
    """Each name leads to a host of the simulator; instead: h0="name:port"."""
    pairs = []
    for i, name in enumerate(hosts):
        pairs.append(f"{name}:443:" + instead.get(f"h{i}", f"127.0.0.1:{sim.ports[i]}"))
    return ",".join(pairs)


def area(sim, **more):
    more.setdefault("AGORA_CONNECT_TO", connect_to(sim) if len(sim.ports) == 4 else
                    f"::127.0.0.1:{sim.ports[0]}")
    return {"AGORA_AREA": "US", "AGORA_CA_FILE": sim.ca_file, **CUSTOMER, **PATHS, **STORAGE,
            **IMPATIENT, "CALL_TIMEOUT": "6"} | more


class Area:
    """Four hosts and a site that knows nothing yet of any of them."""

    def __init__(self, w, **more):
        self.sim = w.get("area", lambda: rk.Simulator(w.run, hosts=4, tls=True))
        self.sim.reset()
        self.site = rk.Site(w.run, w.build, area(self.sim) | more)

    def __enter__(self):
        return self.sim, self.site

    def __exit__(self, kind, *_):
        if kind is None:
            self.site.stop()


def asked(sim, mark=0):
    """Which hosts, one after another, got requests that were answered or not."""
    return [e["host"] for e in sim.since(mark)]


NUMBERS = itertools.count()


def listed(site):
    """A list that was not asked for before: what was is kept for some seconds."""
    return succeeds(site.get("/rtt/list", channel=f"c{next(NUMBERS)}"))


def test_the_first_host_gets_everything_over_few_connections(w):
    with Area(w) as (sim, site):
        for _ in range(20):
            listed(site)
        entries = sim.since(0)
        same({(e["host"], e["headers"]["host"]) for e in entries}, {("h0", US[0])}, "hosts")
        same(len({e["connection"] for e in entries}), 1, "connections")


def test_order_of_hosts_in_every_area(w):
    """All but the last answer 503: the next region, then the other suffix."""
    sim = rk.Simulator(w.run, tls=True)
    for name, hosts in HOSTS.items():
        for url in ("", f"https://{hosts[0]}/", f"https://{hosts[-1]}", f"http://{hosts[0].upper()}/"):
            if name == "" and url == "":
                continue  # that turns the services off
            settings = area(sim, AGORA_AREA=name, AGORA_BASE_URL=url)
            if url:
                settings["AGORA_AREA"] = ""
            sim.reset()
            sim.fault("status", times=len(hosts) - 1, match={"path": "/agents[?]"}, status=503)
            site = rk.Site(w.run, w.build, settings)
            listed(site)
            got = [e["headers"]["host"] for e in sim.since(0)]
            wanted = list(hosts)
            if name:
                wanted = [hosts[0], hosts[2], hosts[1], hosts[3]]
            same(got, wanted, f"hosts of {name or 'the world'} by {url or 'AGORA_AREA'}")
            site.stop()
            if name not in ("US", ""):
                break
    # An area beside a host of Agora's: the area. Beside any other host: that one.
    sim.reset()
    site = rk.Site(w.run, w.build, area(sim, AGORA_AREA="EU", AGORA_BASE_URL="https://api.agora.io"))
    listed(site)
    same(sim.since(0)[-1]["headers"]["host"], HOSTS["EU"][0], "host")
    site.stop()
    site = rk.Site(w.run, w.build, area(sim, AGORA_AREA="EU", AGORA_BASE_URL=sim.url,
                                        AGORA_CONNECT_TO=""))
    listed(site)
    same(sim.since(0)[-1]["headers"]["host"], sim.url.removeprefix("https://"), "host")
    site.stop()


def starts_once(kind, sim, site):
    before = sim.state(kind.product)["started"]
    job = succeeds(kind.start(site))
    expect(kind.id_of(job), job)
    same(sim.state(kind.product)["started"] - before, 1, f"{kind.name} started")


def check_failover(w, fail, next_host, most, **more):
    """h0 fails: a safe call and every start are answered by the next, which is then the first."""
    with Area(w, **more) as (sim, site):
        fail(sim)
        began = time.monotonic()
        listed(site)
        took = time.monotonic() - began
        expect(took < most, f"answered after {took:.1f} s")
        mark = sim.newest()
        began = time.monotonic()
        for _ in range(5):
            listed(site)
        expect(time.monotonic() - began < 1, "the host that failed is asked again and again")
        same(set(asked(sim, mark)), {next_host}, "hosts afterwards")
    for kind in KINDS:
        with Area(w, **more) as (sim, site):
            fail(sim)
            starts_once(kind, sim, site)
            same(asked(sim)[-1], next_host, "host that answered")


def test_host_down(w):
    check_failover(w, lambda sim: sim.set_host("h0", state="down"), "h2", 1)


def test_host_whose_certificate_has_expired(w):
    check_failover(w, lambda sim: sim.set_host("h0", tls="expired"), "h2", 1)


def test_host_that_answers_5xx(w):
    check_failover(w, lambda sim: sim.fault("status", times=None, match={"host": "h0"}, status=503), "h2", 1.5)


def test_host_that_answers_5xx_and_does_it_all_the_same(w):
    check_failover(w, lambda sim: sim.fault("status_after", times=None, match={"host": "h0"}, status=504),
                   "h2", 1.5)


def test_host_that_never_answers(w):
    check_failover(w, lambda sim: sim.set_host("h0", state="stuck"), "h2", 2.5)


def test_host_that_takes_no_connection(w):
    check_failover(w, lambda sim: sim.set_host("h0", state="blackhole"), "h2", 2.5)


def test_name_that_does_not_resolve(w):
    """The other suffix of the same region."""
    sim = w.get("area", lambda: rk.Simulator(w.run, hosts=4, tls=True))
    names = connect_to(sim, h0="no-such-host.invalid:443")
    check_failover(w, lambda sim: None, "h1", 1, AGORA_CONNECT_TO=names)


def test_three_of_four_fail(w):
    with Area(w) as (sim, site):
        sim.set_host("h0", state="down")
        sim.set_host("h1", tls="expired")
        sim.fault("status", times=None, match={"host": "h2"}, status=500)
        listed(site)
        for kind in KINDS:
            starts_once(kind, sim, site)
        same(asked(sim)[-1], "h3", "host that answered")


def test_all_fail_and_come_back(w):
    with Area(w, CALL_TIMEOUT="3") as (sim, site):
        for name in ("h0", "h1", "h2", "h3"):
            sim.set_host(name, state="down")
        fails(site.get("/rtt/list"), 504, "upstream_timeout", says="does not take connections")
        for answer in rk.in_threads(*[lambda k=kind: k.start(site) for kind in (PUSH, TRANSCRIPTION)]):
            fails(answer, 504, "upstream_timeout")
        for name in ("h0", "h1", "h2", "h3"):
            sim.set_host(name, state="up")
        listed(site)
        for kind in KINDS:
            starts_once(kind, sim, site)


def test_all_certificates_have_expired(w):
    with Area(w, **TIME_FOR_TLS) as (sim, site):
        for name in ("h0", "h1", "h2", "h3"):
            sim.set_host(name, tls="expired")
        fails(site.get("/rtt/list"), 504, "upstream_timeout", says="TLS")
        same(asked(sim), [], "requests that left")


def test_certificate_of_an_unknown_authority(w):
    """Without AGORA_CA_FILE: not one byte of the credentials leaves."""
    with Area(w, AGORA_CA_FILE="", **TIME_FOR_TLS) as (sim, site):
        for kind in KINDS[1:2]:
            fails(kind.start(site), 504, "upstream_timeout", says="TLS")
        same(asked(sim), [], "requests that left")


def test_time_that_ends_hides_no_reason(w):
    """Two tries: the connection breaks, and then the time is over."""
    mark = w.sim.newest()
    w.sim.fault("drop", times=1)
    w.sim.fault("hang", times=None)
    try:
        fails(w.hasty.get("/rtt/list"), 504, "upstream_timeout", says="the connection broke")
    finally:
        w.sim.no_faults()
    expect(len(w.sim.since(mark)) >= 2, "it was not tried again")


def test_certificate_of_another_name(w):
    sim = rk.Simulator(w.run, tls=True)
    site = rk.Site(w.run, w.build, area(sim, AGORA_AREA="", AGORA_BASE_URL="https://other.example",
                                        **TIME_FOR_TLS))
    fails(site.get("/rtt/list"), 504, "upstream_timeout", says="TLS")
    same(asked(sim), [], "requests that left")
    site.stop()


def test_429_stays_at_its_host(w):
    with Area(w) as (sim, site):
        sim.fault("status", times=2, match={"path": "/agents[?]"}, status=429)
        listed(site)
        same(asked(sim), ["h0"] * 3, "hosts")


# Killed in the middle of it


class Traffic:
    """Clients that query and start, until they are told to stop; what each was answered."""

    def __init__(self, site, threads=8):
        self.site, self.stopped, self.lock = site, threading.Event(), threading.Lock()
        self.safe, self.starts, self.broken = [], [], []
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(threads)]

    def run(self, number):
        kind = (None, None, PUSH, None, None, None, TRANSCRIPTION, None)[number]
        while not self.stopped.is_set():
            try:
                if kind:
                    answer = kind.start(self.site)
                    with self.lock:
                        self.starts.append((kind, answer))
                else:
                    answer = self.site.get("/rtmp/push/list" if number % 2 else "/rtmp/push/status/none",
                                           **({} if number % 2 else {"region": "na"}))
                    with self.lock:
                        self.safe.append(answer.status)
            except Exception as error:
                with self.lock:
                    self.broken.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def wait_for(self, more):
        wanted = len(self.safe) + more
        wait_until(lambda: len(self.safe) >= wanted or self.broken, "the traffic's answers")
        expect(not self.broken, self.broken[:2])


def test_hosts_are_killed_in_mid_traffic(w):
    """No safe call is lost, nothing is started twice, and what was started is told of."""
    with Area(w, CALL_TIMEOUT="10") as (sim, site):
        with Traffic(site) as traffic:
            traffic.wait_for(60)
            for name, state in (("h0", "down"), ("h2", "stuck"), ("h0", "up"), ("h1", "down"),
                                ("h2", "up"), ("h3", "down"), ("h1", "up")):
                sim.set_host(name, state=state)
                traffic.wait_for(60)
        expect(not traffic.broken, traffic.broken[:2])
        same(set(traffic.safe), {200, 404}, "statuses of safe calls")
        told = {200: 0, 504: 0}
        for kind, answer in traffic.starts:
            told[answer.status] = told.get(answer.status, 0) + 1
            if answer.status != 200:
                fails(answer, 504, "unknown_outcome", known=kind.known)
        same(set(told), {200, 504}, f"statuses of starts ({told})")
        for kind in (PUSH, TRANSCRIPTION):
            state = sim.state(kind.product)
            things = {t.get("id", t.get("agent_id")): t for t in state.get("things", state.get("agents"))}
            expect(all(t["starts"] == 1 for t in things.values()), "started twice")
            same(len({t["name"] for t in things.values()}), len(things), "names of what was started")
            answers = [a.json() for k, a in traffic.starts if k is kind]
            ids = {kind.id_of(a) for a in answers if "error" not in a}
            names = {next(iter(a["known"].values())) for a in answers if "error" in a}
            lost = [i for i, t in things.items() if i not in ids and t["name"] not in names]
            same(lost, [], f"{kind.name} that nobody was told of")
        print(f"     {len(traffic.safe)} safe calls, none lost; {len(traffic.starts)} starts, "
              f"{told[200]} answered with ids, {told[504]} unknown", flush=True)
