"""A machine to install on: an overlay of this one, that nobody else sees and that is gone after."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import kit
import sites
from kit import Skip, expect

TOP = pathlib.Path(__file__).resolve().parents[2]
CLONE = "/usr/src/agora-backend"

# There is no sudo where root builds; this one does what the documentation asks of it.  And no systemd
# runs in a chroot.
SUDO = """#!/bin/bash
if [[ $1 == systemctl ]]; then exit; fi
if [[ $1 == -u ]]; then exec runuser -u "$2" -- "${@:3}"; fi
exec "$@"
"""

# In namespaces of its own.  $1: where to mount it; $2: what comes along.
MOUNT = f"""set -euo pipefail
mount -t tmpfs tmpfs "$1"
mkdir "$1"/upper "$1"/work "$1"/root
mount -t overlay overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" "$1/root"
mkdir -p "$1/root{CLONE}"
cp -a "$2"/clone/. "$1/root{CLONE}"
install -m 755 "$2/sudo" "$1/root/usr/local/bin/sudo"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs -o mode=0755 tmpfs "$1/root/run"
mount -t tmpfs -o mode=1777 tmpfs "$1/root/tmp"
echo ready
exec sleep infinity
"""


def clone(where):
    """The files of this tree as git has them, or would."""
    listed = subprocess.run(["git", "-C", TOP, "ls-files", "-co", "--exclude-standard", "-z"],
                            capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        raise Skip("it wants a clone, and this is none")
    for name in listed.stdout.split("\0"):
        if name and (TOP / name).exists():
            os.makedirs(os.path.join(where, os.path.dirname(name)), exist_ok=True)
            shutil.copy(TOP / name, os.path.join(where, name), follow_symlinks=False)


class Machine:
    def __init__(self, run):
        directory = run.directory()
        self.root = os.path.join(directory, "mount", "root")
        os.mkdir(os.path.dirname(self.root))
        clone(os.path.join(directory, "clone"))
        sites.write(os.path.join(directory, "sudo"), SUDO)
        out = os.path.join(directory, "mount.out")
        with open(out, "wb") as log:
            holder = run.start(["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c",
                                MOUNT, "mount", os.path.dirname(self.root), directory], log)
        kit.wait_until(lambda: holder.poll() is not None or sites.read(out) == "ready\n",
                       "the overlay")
        if holder.poll() is not None:
            raise Skip(f"no overlay can be mounted here: {sites.read(out).strip()}")
        children = f"/proc/{holder.pid}/task/{holder.pid}/children"
        self.inside = ["nsenter", "--target", sites.read(children).strip(), "--mount", "--pid",
                       "chroot", self.root]

    def run(self, text, seconds):
        """As root, in the clone."""
        env = sites.environment({}) | {"HOME": "/root", "MAKEFLAGS": f"-j{os.cpu_count()}"}
        # Not a pipe: what it leaves running would keep that open.
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            done = subprocess.run(
                [*self.inside, "bash", "-euo", "pipefail", "-c", f"cd {CLONE}\n{text}"], stdout=said,
                stderr=subprocess.STDOUT, check=False, env=env, timeout=seconds, stdin=subprocess.DEVNULL)
            said.seek(0)
            expect(done.returncode == 0, f"status {done.returncode}: {said.read()[-3000:]}")
