#!/usr/bin/env python3
"""The simulator against Agora's documents: selftest.py [--only TEXT] [--verbose]"""

import argparse
import os
import sys
import time
import traceback

sys.dont_write_bytecode = True

import cases_channels
import cases_door
import cases_faults
import cases_hosts
import cases_media
import cases_mutations
import cases_recording
import cases_speech
import cases_tokens
import client

ONE_SIMULATOR = (
    cases_door,
    cases_recording,
    cases_speech,
    cases_media,
    cases_channels,
    cases_faults,
)


class Suite:
    def __init__(self, only, verbose):
        self.only, self.verbose = only, verbose
        self.passed = self.failed = 0

    def run(self, module, argument=None, before=None):
        for name, test in list(vars(module).items()):
            title = f"{module.__name__.removeprefix('cases_')}: {name[5:].replace('_', ' ')}"
            if not name.startswith("test_") or self.only not in title:
                continue
            began = time.monotonic()
            try:
                if before:
                    before()
                test(*(() if argument is None else (argument,)))
            except Exception as error:  # whatever it is, the next case still runs
                self.failed += 1
                place = traceback.extract_tb(error.__traceback__)[-1]
                for frame in traceback.extract_tb(error.__traceback__):
                    if os.path.basename(frame.filename).startswith("cases_"):
                        place = frame
                where = f"{os.path.basename(place.filename)}:{place.lineno}"
                print(f"FAIL {title}: {where}: {type(error).__name__}: {error}", flush=True)
            else:
                self.passed += 1
                if self.verbose:
                    print(f"ok   {title} ({time.monotonic() - began:.2f} s)", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="run the cases whose name holds this")
    parser.add_argument("--verbose", action="store_true", help="name the cases that pass too")
    parsed = parser.parse_args()
    suite = Suite(parsed.only, parsed.verbose)
    suite.run(cases_tokens)
    suite.run(cases_mutations)
    simulator = client.Simulator()
    try:
        for module in ONE_SIMULATOR:
            suite.run(module, simulator, simulator.reset)
    finally:
        simulator.stop()
    if simulator.errors():
        suite.failed += 1
        print("FAIL the simulator wrote:\n" + simulator.errors())
    suite.run(cases_hosts)
    print(f"{suite.passed} passed, {suite.failed} failed")
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
