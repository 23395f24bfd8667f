#!/usr/bin/env python3
"""The engine's tests: tests/servers/engine.py BUILD_DIR [--only TEXT] [--verbose]

They need tests/waiting in the build, the responder with handlers that wait; `make tests/waiting`
makes it.
"""

import argparse
import os
import resource
import signal
import sys

sys.dont_write_bytecode = True

import engine_cgi
import engine_framing
import engine_limits
import engine_load
import engine_master
import engine_reload
import engine_secrets
import kit

FIGURES = []


def report(name, value):
    """A figure, for --figures: not everything that is measured can be asserted everywhere."""
    FIGURES.append((name, value))


def end(*_):
    sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="where agora-fcgi, agora.cgi and tests/waiting are")
    parser.add_argument("--only", default="", help="run the cases whose name holds this")
    parser.add_argument("--verbose", action="store_true", help="name the cases that pass too")
    parser.add_argument("--figures", action="store_true", help="print what was measured")
    parser.add_argument("--groups", default="", help="only these: " + " ".join(GROUPS))
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    signal.signal(signal.SIGTERM, end)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))

    suite = kit.Suite(options.only, options.verbose)
    run = kit.Run()
    try:
        for name, run_group in GROUPS.items():
            if not options.groups or name in options.groups.split():
                try:
                    run_group(suite, run, build, report)
                except Exception as error:  # a responder that does not even start
                    suite.failed += 1
                    print(f"FAIL {name}: {type(error).__name__}: {error}", flush=True)
        suite.run("answers: each is as the document says", kit.described, build)
        suite.run("logs: no secret is in them", run.look_for_secrets)
    finally:
        run.clean_up()
    if options.figures:
        for name, value in FIGURES:
            print(f"{name}: {value}")
    print(suite.closing_line())
    return 1 if suite.failed else 0


def module(module):
    """Its test functions, as a group."""

    def run_tests(suite, *args):
        for name, test in list(vars(module).items()):
            if name.startswith("test_"):
                title = f"{module.__name__[7:]}: {name[5:].replace('_', ' ')}"
                suite.run(title, test, *args)

    return run_tests


GROUPS = {
    "framing": engine_framing.run_all,
    "limits": module(engine_limits),
    "load": module(engine_load),
    "master": module(engine_master),
    "reload": module(engine_reload),
    "cgi": module(engine_cgi),
    "secrets": module(engine_secrets),
}

if __name__ == "__main__":
    sys.exit(main())
