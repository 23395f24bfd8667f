#!/usr/bin/env python3
"""The tests of keys that are fetched, through nginx: tests/servers/access.py BUILD_DIR [--only TEXT]
[--verbose]"""

import argparse
import os
import signal
import sys

sys.dont_write_bytecode = True

import access_keys
import kit
import rest

MODULES = (access_keys,)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="where agora-fcgi, agora-token and agora.cgi are")
    parser.add_argument("--only", default="", help="run the cases whose name holds this")
    parser.add_argument("--verbose", action="store_true", help="name the cases that pass too")
    options = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, rest.end)

    suite = rest.Suite(options.only, options.verbose)
    run = kit.Run()
    try:
        for module in MODULES:
            world = module.World(run, os.path.abspath(options.build))
            suite.run_module(module, world)
            suite.run(f"{module.__name__}: ends cleanly", world.end)
    finally:
        run.clean_up()
    print(suite.closing_line())
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
