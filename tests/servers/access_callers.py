"""Callers whom nginx knows, and whom nobody knows: basic authentication, client certificates, and
requests without credentials, through real nginx."""

import base64
import os
import ssl

import kit
import sites
from access_keys import certificates
from access_kit import Guarded, bearer, issued, openssl, unknown
from kit import expect, same
from rest_access import denied, new_key

DN = "CN=simulator"
CERTIFICATES = {
    "callers": {"device": {"type": "mtls", "claims": {"issuer": "SSL_CLIENT_I_DN"}}},
    "grants": [{"name": "devices", "from": "device", "services": "rtc", "channels": "class-*",
                "when": {"sub": DN, "issuer": "CN=Simulator authority"}, "uid": "7",
                "ttl": "30m"}]}
LAST_PARAMETER = 'fastcgi_param HTTP_PROXY         "";'


def in_location(*lines):
    """A change of the snippets: more lines for each request."""
    return [("agora-location.conf", LAST_PARAMETER, "\n".join((LAST_PARAMETER, *lines)))]


def basic(name, password):
    return ("Authorization", "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode())


def test_basic_authentication_of_nginx(w):
    passwords = os.path.join(w.run.directory(), "passwords")
    sites.write(passwords, "ann:{PLAIN}of-ann\nbob:{PLAIN}of-bob\n")
    policy = {"callers": {"site": {"type": "frontend"}},
              "grants": [{"name": "users", "from": "site", "services": "rtc",
                          "channels": "class-*", "ttl": "30m"}]}
    site = Guarded(w.run, w.build, policy, changes=in_location(
        'auth_basic "agora";', f"auth_basic_user_file {passwords};",
        "fastcgi_param REMOTE_USER $remote_user;", "error_page 401 /.agora-error;"))
    issued(site, site.token([basic("ann", "of-ann")]), "class-1", "ann")
    issued(site, site.token([basic("bob", "of-bob")]), "class-1", "bob")
    denied(site.token([basic("bob", "of-bob")], uid="ann"), "uid")
    denied(site.token([basic("ann", "of-ann")], channel="hall"), "channel")
    forged = [("Remote-User", "ann"), ("REMOTE_USER", "ann"), ("X-Remote-User", "ann")]
    for headers in ([], [basic("ann", "of-bob")], [basic("eve", "of-ann")], [basic("ann", "")],
                    bearer("ann"), forged):
        answer = site.token(headers)
        same((answer.status, answer.json()["code"]), (401, "unauthenticated"), f"{headers}")
        expect(answer.header("WWW-Authenticate").startswith("Basic "), "nginx's own challenge")
    issued(site, site.token([basic("bob", "of-bob"), *forged]), "class-1", "bob")
    site.stop()


def test_clients_that_name_themselves(w):
    """Debian's fastcgi_params, beside what a login says: the client's name is never believed."""
    policy = {"callers": {"site": {"type": "frontend"}, "guest": {"type": "anonymous"}},
              "grants": [{"name": "users", "from": "site", "services": "rtc", "channels": "*"},
                         {"name": "guests", "from": "guest", "services": "rtc", "channels": "*",
                          "uid": "*"}]}
    both = ("include /etc/nginx/fastcgi_params;", "fastcgi_param REMOTE_USER $agora_login;")
    for lines in (both, both[::-1]):
        site = Guarded(w.run, w.build, policy, changes=[
            *in_location(*lines), ("agora-http.conf", "map $http_x_request_id",
                                   'map $http_x_login $agora_login { default $http_x_login; }\n'
                                   "map $http_x_request_id")])
        for name in ("", "ann"):
            unknown(site.token([basic("boss", "x"), ("X-Login", name)]), "says two things",
                    invalid=False)
        issued(site, site.token([basic("ann", "x"), ("X-Login", "ann")]), "class-1", "ann",
               expire=3600)
        site.stop()
        expect("parameter REMOTE_USER came twice" in site.responder_log(), "the log says why")


class Authority:
    """Signs certificates, of servers and clients alike."""

    def __init__(self, directory):
        certificates.make(directory)
        self.directory, self.file = directory, os.path.join(directory, "ca.pem")
        self.good = certificates.pair(directory, "good")

    def pair(self, name):
        """A certificate for CN=name."""
        path = os.path.join(self.directory, name)
        openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                "-keyout", path + ".key", "-out", path + ".csr")
        openssl("x509", "-req", "-in", path + ".csr", "-days", "1", "-CA", self.file, "-CAkey",
                os.path.join(self.directory, "ca.key"), "-CAcreateserial", "-out", path + ".pem")
        return path + ".pem", path + ".key"


def over_tls(port, authority, pair=None, headers=()):
    """Asks for a token; pair: the client's certificate and key."""
    context = ssl.create_default_context(cafile=authority.file)
    if pair is not None:
        context.load_cert_chain(*pair)
    body = b'{"tokenType":"rtc","channel":"class-1"}'
    data = kit.request_bytes("POST", "/getToken", headers, body)
    with context.wrap_socket(kit.connect(port), server_hostname="localhost") as s:
        s.sendall(data)
        with s.makefile("rb") as stream:
            return kit.read_answer(stream, data)


def test_client_certificates(w):
    authority, other = Authority(w.run.directory()), Authority(w.run.directory())
    ports = {"optional": kit.free_port()}
    ports["optional_no_ca"] = kit.free_port()
    servers = "".join(f"""
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {authority.good[0]};
        ssl_certificate_key {authority.good[1]};
        ssl_client_certificate {authority.file};
        ssl_verify_client {verify};
        include agora/agora-server.conf;
    }}
""" for verify, port in ports.items())
    site = Guarded(w.run, w.build, CERTIFICATES, servers=servers, changes=in_location(
        "fastcgi_param SSL_CLIENT_VERIFY $ssl_client_verify;",
        "fastcgi_param SSL_CLIENT_S_DN   $ssl_client_s_dn;",
        "fastcgi_param SSL_CLIENT_I_DN   $ssl_client_i_dn;"))
    forged = [("SSL-Client-Verify", "SUCCESS"), ("SSL-Client-S-DN", DN),
              ("SSL_CLIENT_VERIFY", "SUCCESS"), ("SSL_CLIENT_S_DN", DN)]
    another = authority.pair("tablet")
    for port in ports.values():
        issued(site, over_tls(port, authority, authority.good), "class-1", "7")
        unknown(over_tls(port, authority), "no credentials came", invalid=False)
        unknown(over_tls(port, authority, headers=forged), invalid=False)
        denied(over_tls(port, authority, another, forged), "caller")
    # nginx refuses these itself, unless it is told to leave that to others.
    for pair in (other.good, certificates.pair(authority.directory, "expired")):
        answer = over_tls(ports["optional"], authority, pair, forged)
        same((answer.status, answer.json()["code"]), (400, "bad_request"), "nginx's answer")
    unknown(over_tls(ports["optional_no_ca"], authority, other.good, forged), invalid=False)
    unknown(site.token(forged), invalid=False)
    site.stop()
    allowed = [line for line in sites.read(site.audit_path).splitlines() if '"allow"' in line]
    same(len(allowed), 2, "records")
    expect(all(f'"caller":"device","sub":"{DN}"' in line for line in allowed), allowed)


NAMES = {
    "callers": {"device": {"type": "mtls", "parameter": "SSL_CLIENT_S_DN_CN",
                           "claims": {"cn": "SSL_CLIENT_S_DN_CN", "dn": "SSL_CLIENT_S_DN"}}},
    "grants": [{"name": "admins", "from": "device", "when": {"cn": "admin"}, "services": "rtc",
                "channels": "*", "uid": "1", "role": "publisher", "ttl": "30m"},
               {"name": "people", "from": "device", "when": {"dn": ["CN=guest", "CN=admin"]},
                "services": "rtc", "channels": "class-*", "uid": "2", "ttl": "30m"}]}


def test_a_comma_in_a_certificates_name(w):
    """Whoever asks for a certificate chooses the name: it is one value, commas and all."""
    authority, port = Authority(w.run.directory()), kit.free_port()
    servers = f"""
    map $ssl_client_s_dn $agora_cn {{
        "~CN=(?<agora_found>.*)$"  $agora_found;
    }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {authority.good[0]};
        ssl_certificate_key {authority.good[1]};
        ssl_client_certificate {authority.file};
        ssl_verify_client optional;
        include agora/agora-server.conf;
    }}
"""
    changes = in_location("fastcgi_param SSL_CLIENT_VERIFY $ssl_client_verify;",
                          "fastcgi_param SSL_CLIENT_S_DN $ssl_client_s_dn;",
                          "fastcgi_param SSL_CLIENT_S_DN_CN $agora_cn;")
    site = Guarded(w.run, w.build, NAMES, servers=servers, changes=changes)
    issued(site, over_tls(port, authority, authority.pair("admin")), "class-1", "1")
    for name in ("guest,admin", "admin,guest", "admin,", ",admin", "guest, admin"):
        denied(over_tls(port, authority, authority.pair(name)), "caller")
    site.stop()


def test_a_list_only_where_the_policy_says_so(w):
    policy = {"callers": {"site": {"type": "frontend", "claims": {"groups": "AUTH_GROUPS"}}},
              "grants": [{"name": "staff", "from": "site", "when": {"groups": "staff"},
                          "services": "rtc", "channels": "class-*", "ttl": "30m"}]}
    changes = in_location("fastcgi_param REMOTE_USER ann;",
                          "fastcgi_param AUTH_GROUPS $http_x_groups;")
    for lists, takes in ((None, ("staff",)), ([], ("staff",)),
                         ("groups", ("staff", "staff,mods", "mods, staff", "staff,", ",,staff"))):
        caller = policy["callers"]["site"] | ({} if lists is None else {"lists": lists})
        site = Guarded(w.run, w.build, policy | {"callers": {"site": caller}}, changes=changes)
        for groups in ("staff", "staff,mods", "mods, staff", "staff,", ",,staff"):
            answer = site.token([("X-Groups", groups)])
            if groups in takes:
                issued(site, answer, "class-1", "ann")
            else:
                denied(answer, "caller")
        for groups in ("staffs", "mods", "", ",", "staff;mods", "staff mods"):
            denied(site.token([("X-Groups", groups)]), "caller")
        site.stop()
        same("/callers/site does not say which of its claims are lists" in site.responder_log(),
             lists is None, "a warning")


def test_anyone(w):
    key, digest = new_key(w, "app")
    site = Guarded(w.run, w.build, {
        "callers": {"guest": {"type": "anonymous"}, "app": {"type": "apikey", "sha256": digest}},
        "grants": [{"name": "lobby", "from": "guest", "services": "rtc", "channels": "lobby",
                    "uid": "*", "ttl": "5m"},
                   {"name": "app", "from": "app", "services": "rtc", "channels": "*",
                    "uid": "*", "ttl": "30m"}]})
    issued(site, site.token([], "lobby", uid="7"), "lobby", "7", expire=300)
    issued(site, site.token(bearer(key), "class-1", uid="7"), "class-1", "7")
    denied(site.token([], "class-1", uid="7"), "channel")
    denied(site.token([], "lobby", uid=0), "uid")
    denied(site.token([], "lobby", uid="7", role="publisher"), "role")
    # Who shows a wrong key is nobody, not anyone.
    unknown(site.token(bearer(key[:-1] + "_"), "lobby", uid="7"), "not known here")
    same(site.ask("GET", "/me").json()["caller"], "guest", "me")
    denied(site.ask("POST", "/cloud_recording/start", {"channelName": "lobby"}), "action")
    site.stop()
