#!/usr/bin/env python3
"""The tests of Agora's REST services against tests/simulator:
tests/servers/rest.py BUILD_DIR [--only TEXT] [--verbose]"""

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True

import access_audit
import access_callers
import access_keys
import access_records
import access_verdicts
import demo
import kit
import rest_access
import rest_billing
import rest_bugs
import rest_clients
import rest_doctor
import rest_failures
import rest_hosts
import rest_hostile
import rest_kit as rk
import rest_load
import rest_members
import rest_memory
import rest_objects
import rest_openapi
import rest_programs
import rest_routes
import rest_rules
import sites

MODULES = (access_audit, access_callers, access_keys, access_records, access_verdicts, rest_access,
           rest_objects, rest_routes, rest_rules, rest_members, rest_bugs, rest_failures, rest_hosts,
           rest_hostile, rest_billing, rest_load, rest_programs, rest_openapi, rest_clients, demo,
           rest_memory, rest_doctor)


class World:
    """What most tests share: a simulator, and sites that call it, each made when it is wanted."""

    all, seed = False, 0

    def __init__(self, run, build, sim=None, site=None):
        self.run, self.build, self.made = run, build, {"sim": sim, "site": site}
        self.lock = threading.RLock()

    def get(self, name, make):
        with self.lock:
            if self.made.get(name) is None:
                self.made[name] = make()
            return self.made[name]

    def new_site(self, more):
        return rk.Site(self.run, self.build, rk.settings_for(self.sim) | more)

    @property
    def sim(self):
        return self.get("sim", lambda: rk.Simulator(self.run))

    @property
    def site(self):
        return self.get("site", lambda: self.new_site({}))

    @property
    def impatient(self):
        """A site that gives Agora less time."""
        return self.get("impatient", lambda: self.new_site(rk.IMPATIENT))

    @property
    def hasty(self):
        """A site that gives Agora hardly any time: two tries."""
        return self.get("hasty", lambda: self.new_site(rk.HASTY))

    def at(self, site, sim=None):
        return World(self.run, self.build, sim or self.sim, site)

    def responder_ends(self, settings):
        """Exit code and what is said, of a responder that must not start."""
        done = subprocess.run(
            [sites.responder_path(self.build), "--socket", os.path.join(self.run.directory(), "s")],
            env=sites.environment(settings), capture_output=True, text=True, check=False,
            timeout=kit.DEADLINE, stdin=subprocess.DEVNULL)
        return done.returncode, done.stderr

    def end(self):
        """The sites, and what they and the simulator have to say."""
        for made in self.made.values():
            if isinstance(made, rk.Site):
                made.stop()
        for sim in [made for made in self.made.values() if isinstance(made, rk.Simulator)]:
            kit.expect(sim.process.poll() is None, "the simulator ended")
            kit.same(sites.read(sim.log_path), "", "what the simulator complains of")


class Suite(kit.Suite):
    """Says how long each case took."""

    def run(self, name, test, *args):
        began = time.monotonic()
        super().run(name, test, *args)
        if self.verbose and self.only in name:
            print(f"     {time.monotonic() - began:.1f} s", flush=True)


def end(*_):
    sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="where agora-fcgi, agora-token and agora.cgi are")
    parser.add_argument("--only", default="", help="run the cases whose name holds this")
    parser.add_argument("--all", action="store_true", help="build without libcurl too, if it is not there")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 16),
                        help="of what is chosen by chance; a failure names it")
    parser.add_argument("--verbose", action="store_true", help="name the cases that pass too")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, end)

    World.all, World.seed = options.all, options.seed
    suite = Suite(options.only, options.verbose)
    run = kit.Run()
    kit.used_secrets.update(form.encode() for form in rk.secret_forms())
    began = time.monotonic()
    try:
        for module in MODULES:
            world = getattr(module, "World", World)(run, build)
            if hasattr(module, "run_all"):
                module.run_all(suite, world)
            else:
                suite.run_module(module, world)
            suite.run(f"{module.__name__}: ends cleanly", world.end)
            if options.verbose:
                print(f"     after {time.monotonic() - began:.1f} s", flush=True)
        suite.run("answers: each is as the document says", kit.described, build)
        suite.run("logs: no secret is in them", run.look_for_secrets)
    finally:
        run.clean_up()
    print(suite.closing_line())
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
