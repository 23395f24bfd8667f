"""Clients that generators make of the API's description: each compiles, and gets tokens."""

import json
import os
import shlex
import shutil
import subprocess

import kit
import rest_openapi
import sites
import tokens
from kit import Skip, same

NPM = os.path.join(kit.TOP, "tests", "npm")
TSC = shlex.split("--strict --noEmitOnError --outDir out --target es2022 --module nodenext "
                  "--lib es2022,dom,dom.iterable")
GENERATORS = {
    "orval": "orval/dist/bin/orval.mjs --config orval.config.mjs",
    "hey-api": "@hey-api/openapi-ts/bin/run.js -i openapi.json -o made/hey-api --no-log-file --silent",
    "openapi-typescript": "openapi-typescript/bin/cli.js openapi.json -o made/openapi-typescript/api.ts",
}
ORVAL = """export default { api: { input: "./openapi.json", output: { mode: "single", client: "fetch",
	target: "./made/orval/client.ts", baseUrl: "%s" } } };
"""
LONGEST = 120  # seconds for a program


def node(directory, *words, **env):
    return subprocess.run(["node", *words], cwd=directory, capture_output=True, text=True, check=False,
                          timeout=LONGEST, env=sites.environment({}) | env)


def folder(w, d):
    """Where they are made: the document, our programs, and the packages of tests/npm."""
    done = subprocess.run([os.path.join(NPM, "run"), "-e", ""], capture_output=True, text=True, check=False)
    if done.returncode != 0 or "1 skipped" in done.stdout:
        raise Skip(done.stdout)
    directory = w.run.directory()
    shutil.copytree(os.path.join(NPM, "clients"), directory, dirs_exist_ok=True)
    os.symlink(os.path.join(NPM, "node_modules"), os.path.join(directory, "node_modules"))
    # As who makes a client has it, who need not run the service.
    sites.write(os.path.join(directory, "openapi.json"), subprocess.check_output(
        [sites.responder_path(w.build), "--dump-openapi"], env={}, text=True))
    sites.write(os.path.join(directory, "orval.config.mjs"), ORVAL % place(d))
    sites.write(os.path.join(directory, "package.json"), "{}")
    return directory


def place(d):
    return f"http://127.0.0.1:{d.site.port}"


def test_generated_clients_compile_and_get_tokens(w):
    """Strictly; the programs say what the types must refuse, too."""
    d = rest_openapi.documented(w)
    directory = folder(w, d)
    programs = sorted(name for name in os.listdir(directory) if name.endswith(".ts"))
    same(programs, sorted(f"{name}.ts" for name in GENERATORS), "programs")
    for command in GENERATORS.values():
        script, *words = command.split()
        done = node(directory, f"node_modules/{script}", *words)
        same(done.returncode, 0, f"status of {command} ({done.stdout}{done.stderr})")
    done = node(directory, "node_modules/typescript/bin/tsc", *TSC, *programs)
    same((done.returncode, done.stdout), (0, ""), "what the compiler says")
    for name in GENERATORS:
        done = node(directory, f"out/{name}.js", PLACE=place(d), KEY=d.key[1])
        same(done.returncode, 0, f"status of {name} ({done.stderr})")
        said = json.loads(done.stdout)
        listens, publishes = said["tokens"]
        tokens.check(w.build, listens, tokens.rtc("lobby", "42"))
        tokens.check(w.build, publishes, tokens.rtc("lobby", "42", tokens.PUBLISHER, 600), 600)
        same((said["codes"], said["field"]), (["invalid_field", "unauthenticated"], "uid"), f"{name}'s errors")
