"""Certificates by openssl: an authority of our own, a good certificate and an expired one."""

import os
import subprocess

# every address and name under which tests reach the simulator
DEFAULT_NAMES = (
    "DNS:localhost",
    "DNS:*.agora.io",
    "DNS:*.sd-rtn.com",
    *(f"IP:127.0.0.{n}" for n in range(1, 17)),
    "IP:::1",
)
CONFIG = """[ca]
default_ca = own
[own]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""
VALIDITY = {
    "good": ("20250101000000Z", "20491231235959Z"),
    "expired": ("20200101000000Z", "20200102000000Z"),
}


def _openssl(directory, *arguments):
    done = subprocess.run(
        ("openssl", *arguments), cwd=directory, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()}")


def _key(directory, name):
    path = os.path.join(directory, name)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb"):
        pass
    _openssl(directory, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name)


def make(directory, names=DEFAULT_NAMES):
    """Writes ca.pem, good.pem, good.key, expired.pem, expired.key (and what openssl leaves)."""
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "ca.cnf"), "w", encoding="ascii") as file:
        file.write(CONFIG)
    with open(os.path.join(directory, "index"), "w", encoding="ascii"):
        pass
    _key(directory, "ca.key")
    _openssl(
        directory, "req", "-x509", "-new", "-key", "ca.key", "-days", "3650",
        "-subj", "/CN=Simulator authority", "-out", "ca.pem",
    )
    for kind, (start, end) in VALIDITY.items():
        _key(directory, kind + ".key")
        _openssl(
            directory, "req", "-new", "-key", kind + ".key", "-subj", "/CN=simulator",
            "-addext", "subjectAltName=" + ",".join(names), "-out", kind + ".csr",
        )
        _openssl(
            directory, "ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.pem",
            "-keyfile", "ca.key", "-in", kind + ".csr", "-out", kind + ".pem",
            "-startdate", start, "-enddate", end,
        )
    return directory


def pair(directory, kind):
    return os.path.join(directory, kind + ".pem"), os.path.join(directory, kind + ".key")
