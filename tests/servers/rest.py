#!/usr/bin/env python3
"""The tests of Agora's REST services (issue 4) against tests/simulator:
tests/servers/rest.py BUILD_DIR [--only TEXT] [--verbose]"""

import argparse
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import kit
import rest_failures
import rest_kit as rk
import rest_routes
import rest_rules
import sites

MODULES = (rest_routes, rest_rules, rest_failures)


class World:
    """What most tests share: a simulator, and a site that calls it."""

    def __init__(self, run, build, sim=None, site=None):
        self.run, self.build, self._sim, self._site = run, build, sim, site
        self._impatient = self._hasty = None

    @property
    def sim(self):
        if self._sim is None:
            self._sim = rk.Simulator(self.run)
        return self._sim

    @property
    def site(self):
        if self._site is None:
            self._site = rk.Site(self.run, self.build, rk.settings_for(self.sim))
        return self._site

    @property
    def impatient(self):
        """A site that gives Agora less time."""
        if self._impatient is None:
            settings = rk.settings_for(self.sim) | rk.IMPATIENT
            self._impatient = rk.Site(self.run, self.build, settings)
        return self._impatient

    @property
    def hasty(self):
        """A site that gives Agora hardly any time: two tries."""
        if self._hasty is None:
            settings = rk.settings_for(self.sim) | rk.IMPATIENT | {"CALL_TIMEOUT": "2"}
            self._hasty = rk.Site(self.run, self.build, settings)
        return self._hasty

    def at(self, site):
        return World(self.run, self.build, self.sim, site)

    def responder_ends(self, settings):
        """Exit code and what is said, of a responder that must not start."""
        done = subprocess.run(
            [sites.responder_path(self.build), "--socket", os.path.join(self.run.directory(), "s")],
            env=sites.environment(settings), capture_output=True, text=True, check=False,
            timeout=kit.DEADLINE, stdin=subprocess.DEVNULL)
        return done.returncode, done.stderr

    def end(self):
        for site in (self._site, self._impatient, self._hasty):
            if site is not None:
                site.stop()


def end(*_):
    sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="where agora-fcgi, agora-token and agora.cgi are")
    parser.add_argument("--only", default="", help="run the cases whose name holds this")
    parser.add_argument("--verbose", action="store_true", help="name the cases that pass too")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, end)

    suite = kit.Suite(options.only, options.verbose)
    run = kit.Run()
    began = time.monotonic()
    try:
        for module in MODULES:
            world = World(run, build)
            suite.run_module(module, world)
            suite.run(f"{module.__name__}: ends cleanly", world.end)
            if options.verbose:
                print(f"     after {time.monotonic() - began:.1f} s", flush=True)
    finally:
        run.clean_up()
    print(suite.closing_line())
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
