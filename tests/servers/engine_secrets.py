"""What the processes keep: secrets in locked memory, no core files, few descriptors.  Of the program
as it is installed: a sanitizer has core files and memory of its own."""

import base64
import json
import os
import re
import resource
import shutil
import signal

import kit
import sites
from engine_client import Client, get, post
from engine_responder import children
from kit import Skip, expect, same, wait_until

NOBODY = 65534
CERTIFICATE, SECOND = "c0ffee00" * 4, "5ec0ed00" * 4
CUSTOMER_SECRET, PROJECT_SECRET = "customer-secret-71f3", "project-secret-2c88"
STORAGE_KEY = "storage-secret-key-90ab"
SIGNING = "signing-secret-of-the-login-" + "x" * 20
SECRETS = (CERTIFICATE, SECOND, CUSTOMER_SECRET, PROJECT_SECRET, STORAGE_KEY, SIGNING,
           base64.b64encode(f"customer:{CUSTOMER_SECRET}".encode()).decode(),
           base64.b64encode(f"other:{PROJECT_SECRET}".encode()).decode())
FILES = {
    "agora.env": f"""APP_ID={sites.APP_ID}
APP_CERTIFICATE={CERTIFICATE}
APP_CERTIFICATE_SECONDARY={SECOND}
AGORA_BASE_URL=http://127.0.0.1:1
AGORA_RTT_URL=api/speech-to-text/v1/projects/{{appId}}
CUSTOMER_ID=customer
CUSTOMER_SECRET={CUSTOMER_SECRET}
STORAGE_VENDOR=1
STORAGE_REGION=0
STORAGE_BUCKET=b
STORAGE_BUCKET_ACCESS_KEY=storage-access-key
STORAGE_BUCKET_SECRET_KEY={STORAGE_KEY}
""",
    "policy.json": json.dumps({
        "callers": {
            "login": {"type": "jwt", "keys": "file:signer.secret", "algorithms": "HS256",
                      "issuer": "https://id.example.com/", "audience": "us"},
            "all": {"type": "anonymous"}},
        "grants": [{"name": "g", "from": ["all"], "services": "rtc", "channels": "*", "uid": "any",
                    "role": "publisher", "actions": ["token.issue", "rtt.*", "metrics.read"]}],
        "projects": {"two": {"appId": "ab" * 16, "certificateFile": "two.secret",
                             "customerId": "other", "customerSecret": PROJECT_SECRET}}}),
    "signer.secret": SIGNING,
    "two.secret": SECOND[::-1],
}


class Installed:
    """The service as another user, started by root.  become: what it does before it is started."""

    def __init__(self, run, become=None):
        if os.geteuid() != 0:
            raise Skip("only root may look into another user's processes")
        kit.used_secrets.update(secret.encode() for secret in SECRETS)
        self.directory = run.directory()
        self.log_path = os.path.join(self.directory, "log")
        shutil.copy(os.path.join(sites.release(), "agora-fcgi"), self.directory)
        for name, text in FILES.items():
            sites.write(os.path.join(self.directory, name), text)
            os.chmod(os.path.join(self.directory, name), 0o640)
        for name in (".", *FILES):
            os.chown(os.path.join(self.directory, name), NOBODY, NOBODY)
        env = sites.environment({"POLICY_FILE": os.path.join(self.directory, "policy.json")})
        del env["APP_ID"], env["APP_CERTIFICATE"]
        self.socket = os.path.join(self.directory, "s")
        with open(self.log_path, "ab") as log:
            process = run.start(
                ["./agora-fcgi", "--socket", self.socket, "--env-file", "agora.env"], log, env,
                cwd=self.directory, preexec_fn=become or become_nobody)
        wait_until(lambda: self.log().count(" serves") == 1 or process.poll() is not None, "a worker")
        expect(process.poll() is None, self.log())
        self.process, self.master, self.worker = process, process.pid, only_child(process.pid)
        with Client(self.socket) as client:
            same(client.ask(post()).status, 200, "status of a token")

    def log(self):
        return sites.read(self.log_path)

    def stop(self):
        self.process.terminate()
        same(self.process.wait(kit.DEADLINE), 0, "exit status")


def become_nobody():
    os.dup2(0, 200, inheritable=True)  # a descriptor of whoever starts it
    unlimited = resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_CORE, (unlimited, unlimited))
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def only_child(pid):
    return list(children(pid))[0]


def regions(pid):
    """(first address, behind the last, flags) of what can be written or read of its memory."""
    with open(f"/proc/{pid}/smaps") as file:
        for line in file:
            if found := re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line):
                start, end = (int(address, 16) for address in found.groups())
            elif re.match(r"[0-9a-f]+-", line):
                start = end = 0
            elif line.startswith("VmFlags:") and start != end:
                yield start, end, line.split()[1:]


def look_into(pid):
    """{secret: the flags of each region that has it}"""
    found = {secret: [] for secret in SECRETS}
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, flags in regions(pid):
            if "io" in flags:
                continue
            try:
                memory.seek(start)
                held = memory.read(end - start)
            except (OSError, OverflowError):  # the kernel's own
                continue
            for secret in SECRETS:
                if secret.encode() in held:
                    found[secret].append(flags)
    return found


def test_secrets_are_in_locked_memory(run, build, report):
    """And nowhere else: not in what was read or signed with, and not in the master.  libcurl keeps
    the customer secret as it likes, from the first call on."""
    service = Installed(run)
    for secret, places in look_into(service.worker).items():
        expect(places, f"{secret} is not found: the test tests nothing")
        for flags in places:
            expect("lo" in flags, f"{secret} may be swapped: {flags}")
    for secret, places in look_into(service.master).items():
        same(places, [], f"where the master has {secret}")
    service.stop()


def test_the_search_in_logs_knows_what_files_have(run, build, report):
    """Settings, a policy, a secret alone in its file: as tests write them.  A policy has comments,
    or what looks like them, and may be cut."""
    commented = '''// "customerSecret": "a comment's own"
{"a": "http://b", "customerSecret": /* " */ "of-comments-1", "b": "/*", // {
 "secondCertificate"
  : "of-\\"comments\\"-2", "c": "*/", "certificateFile": "a-name-of-a-file", '''
    before = set(kit.used_secrets)
    kit.used_secrets.clear()
    try:
        for name, text in FILES.items():
            sites.write(os.path.join(run.directory(), name), text)
        sites.write(os.path.join(run.directory(), "policy.json"), commented)
        known = {"of-comments-1", 'of-"comments"-2', CERTIFICATE, SECOND, CUSTOMER_SECRET, STORAGE_KEY, "storage-access-key",
                 PROJECT_SECRET, SIGNING, SECOND[::-1]}
        same({secret.decode() for secret in kit.used_secrets}, known, "secrets of the files")
        pattern = kit.secret_pattern()
        for secret in known:
            expect(pattern.search(f"a line with {secret}\n".encode()), f"{secret} is not found")
        expect(not pattern.search(b"a line with none\n"), "it finds what is not there")
        expect(pattern.search(b"Authorization: Basic " + base64.b64encode(b"customer:secret")), "Basic")
        for name, text in (("agora.env", "CUSTOMER_SECRET=short"), ("policy.json", '"certificate":"x"'),
                           ("two.secret", "1234567")):
            try:
                kit.use_file(name, text)
            except AssertionError:
                continue
            raise AssertionError(f"{text!r}: one that is too short to be found")
    finally:
        kit.used_secrets.update(before)


def test_no_core_files(run, build, report):
    """Though whoever started it allowed them."""
    service = Installed(run)
    for pid in (service.master, service.worker):
        limits = re.search(r"Max core file size +(\S+) +(\S+)", sites.read(f"/proc/{pid}/limits"))
        same(limits.groups(), ("0", "0"), "limit of a core file")
        # What cannot be dumped, or traced by its own user, is root's.
        same(os.stat(f"/proc/{pid}/mem").st_uid, 0, "who may read its memory")
    os.kill(service.worker, signal.SIGSEGV)
    wait_until(lambda: service.log().count(" serves") == 2, "a new worker")
    expect("was killed by signal 11" in service.log(), service.log())
    same([name for name in os.listdir(service.directory) if "core" in name], [], "core files")
    service.stop()


def capabilities(pid):
    return set(re.findall(r"Cap(?:Inh|Prm|Eff):\t(\w+)", sites.read(f"/proc/{pid}/status")))


def test_a_worker_of_root_has_no_capabilities(run, build, report):
    """Who starts it as root keeps a worker that cannot use it."""
    service = Installed(run, become=lambda: None)
    expect(capabilities(service.master) != {"0" * 16}, "root has none here: nothing is tested")
    same(capabilities(service.worker), {"0" * 16}, "capabilities of the worker")
    expect("capabilities are kept" not in service.log(), service.log())
    service.stop()


def become_nobody_without_locks():
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    become_nobody()


def test_memory_that_cannot_be_locked_is_said(run, build, report):
    said = "secrets may be written to swap: memory cannot be locked"
    for become, count in ((become_nobody_without_locks, 1), (become_nobody, 0)):
        service = Installed(run, become=become)
        same(service.log().count(said), count, service.log())
        service.stop()


def opened(pid):
    names = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            names.append(re.sub(r":?\[.*", "", os.readlink(f"/proc/{pid}/fd/{fd}")))
        except FileNotFoundError:  # just closed
            pass
    return sorted(names)


def test_no_more_descriptors_than_needed(run, build, report):
    """Input, the log twice, the listening socket, signals, the loop, and the pipe between the two.
    Calls to Agora have a loop of their own in the worker, and libcurl a pair of sockets."""
    service = Installed(run)
    both = ["/dev/null", service.log_path, service.log_path, "anon_inode", "anon_inode", "pipe",
            "socket"]
    same(opened(service.master), sorted(both), "of the master")
    both += ["anon_inode", "socket", "socket"]
    wait_until(lambda: len(opened(service.worker)) <= len(both), "the client to be gone")
    same(opened(service.worker), sorted(both), "of the worker")
    service.stop()
