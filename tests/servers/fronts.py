"""Every web server in front of the service, each with its files of conf/ as they ship: only paths,
ports, users and names are the test's."""

import glob
import json
import os
import re
import shutil
import signal
import ssl
import subprocess

import kit
import over_nginx
import sites
from kit import TOP, expect, same, wait_until
from sites import Front, Nginx, Own, changed, environment, read, write

IS_ROOT = os.geteuid() == 0
POLICY = {
    "grants": [
        {"name": "all", "from": "backend", "services": ["rtc", "rtm"], "channels": "*",
         "uid": "*", "role": "publisher", "ttl": "2h"}
    ],
}
ORIGINS = {
    "list": r"^https://(a\.example|b\.example:8443)$",
    "star": r"^[!-~]{1,512}$",
    "below": r"^https://([a-z0-9_-]+\.)+example\.com$",
    "null": r"^null$",
}


def conf(*names):
    return read(TOP, "conf", *names)


class Guarded(Front):
    """Of the kind "key": with a policy, a key for it, and a record."""

    oversize = 9000  # of a header or a path that this server does not take

    @property
    def tools(self):
        return sites.release()

    def more_settings(self):
        self.private = os.path.join(self.directory, "private")
        os.mkdir(self.private)
        os.chmod(self.private, 0o2770)
        self.audit_path = os.path.join(self.private, "audit")
        if self.kind != "key":
            return {}
        done = subprocess.run([os.path.join(self.build, "agora-token"), "key", "new", "backend"],
                              capture_output=True, text=True, check=True)
        self.key, line = done.stdout.splitlines()
        policy = os.path.join(self.private, "policy.json")
        write(policy, json.dumps({"callers": json.loads("{" + line + "}")} | POLICY))
        os.chmod(policy, 0o640)
        return {"POLICY_FILE": policy, "AUDIT_FILE": self.audit_path}

    def settings_file(self, **more):
        path = os.path.join(self.private, "agora.env")
        wanted = {"APP_ID": sites.APP_ID, "APP_CERTIFICATE": sites.CERTIFICATE} | self.variables
        write(path, "".join(f"{n}='{v}'\n" for n, v in (wanted | more).items()))
        os.chmod(path, 0o640)
        return path

    def copy_program(self, name, directory=None):
        """Where the web server's user may run it."""
        directory = directory or os.path.join(self.directory, "bin")
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, name)
        shutil.copyfile(self.program_path(), path)
        os.chmod(path, 0o755)
        return path


NGINX_OWN = {
    "headers": Own("large_client_header_buffers", 431, "headers_too_large", keeps_id=False),
    "path": Own("large_client_header_buffers", 414, "uri_too_long", keeps_id=False),
    "TRACE": Own("nginx has no TRACE", 405, "method_not_allowed"),
    "gone": Own("nobody listens", 502, "bad_gateway"),
}

class NginxSocket(Guarded, Nginx):
    name = "nginx, Unix socket"
    own = NGINX_OWN
    below_a_path = over_nginx.BELOW_A_PATH, "base"


class NginxTcp(NginxSocket):
    name = "nginx, TCP"

    def more_settings(self):
        self.responder_port = kit.free_port()
        self.socket = f"127.0.0.1:{self.responder_port}"
        return super().more_settings()

    def responder_listens(self):
        try:
            kit.connect(self.responder_port).close()
        except ConnectionRefusedError:
            return False
        return True

    def config(self, **more):
        text = super().config(**more)
        return changed("nginx.conf.in", text, ("server unix:@RUN@/fcgi.sock", f"server {self.socket}"))


class NginxTls(Guarded, over_nginx.ExampleSite):
    """The whole example site, with room for as many requests a second as the tests make."""

    name = "nginx, TLS"
    own = NGINX_OWN
    below_a_path = over_nginx.BELOW_A_PATH, "base"
    server_name = "tokens.example.com"

    def config(self, changes=()):
        text = changed(
            "example-site.conf",
            super().config(),
            ("rate=20r/s", "rate=10000r/s"),
            ("    set_real_ip_from", "    #set_real_ip_from"),
            ("    real_ip_", "    #real_ip_"),
            ('"https://app.example.com"  1;', sites.ORIGINS.get(self.kind, "")),
        )
        self.tls = ssl.create_default_context(cafile=self.certificate)
        os.unlink(os.path.join(self.directory, "agora"))
        self.copy_snippets(changes)
        return text


class NginxSpawned(NginxSocket):
    """The responder on descriptor 0 of spawn-fcgi."""

    name = "nginx, spawn-fcgi"

    def more_settings(self):
        self.socket = os.path.join(self.directory, "made", "fcgi.sock")
        return super().more_settings()

    def config(self, **more):
        text = super().config(**more)
        return changed("nginx.conf.in", text, ("@RUN@/fcgi.sock", self.socket))

    def start_responder(self, **more):
        text = changed(
            "agora-spawn",
            conf("spawn-fcgi", "agora-spawn"),
            ("/etc/agora-backend/agora.env", self.settings_file()),
            ("/run/agora-backend", os.path.dirname(self.socket)),
            ("/usr/local/sbin/agora-fcgi", self.copy_program("agora-fcgi")),
            *(() if IS_ROOT else (("-u www-data -g www-data -U www-data -G www-data ", ""),)),
        )
        path = os.path.join(self.directory, "agora-spawn")
        write(path, text)
        os.chmod(path, 0o755)
        self.log = open(self.log_path, "ab")
        process = self.run.start([path], self.log, {
            n: v for n, v in environment({}).items() if not n.startswith("APP_")})
        wait_until(self.responder_listens, "spawn-fcgi's socket")
        return process


class Apache(Guarded):
    """Debian's default modules, and those that the file of conf/ says to enable."""

    partial = True
    changes_headers = {"HEAD /ping": {"Content-Length": None}}
    own = {
        "headers": Own("LimitRequestFieldSize", 400, "bad_request"),
        "path": Own("LimitRequestLine", 414, "uri_too_long"),
        "TRACE": Own("TraceEnable Off", 405, "method_not_allowed"),
        "gone": Own("nobody listens", 503, "unavailable"),
    }
    file = None
    server_name = "tokens.example.com"
    # Which Debian enables by itself; CGI's depends on the MPM, so the files name it.
    modules = ("mpm_event authz_core authz_host alias authn_core dir env filter mime negotiation "
               "reqtimeout setenvif")
    LOG_PREFIX = re.compile(r"^\[[^]]*\] (\[[^]]*\] )*(AH01215: (stderr from [^:]*: )?)?")
    LOG_SUFFIX = re.compile(r"(: [^ ]*agora[^ ]*(, referer: .*)?)$")

    def answers_itself(self, case):
        path = case.target.partition("?")[0]
        if "%zz" in path or path.endswith(("%", "%4")):
            return Own("it finds the path malformed", 400, "bad_request", keeps_id=False)
        if path.endswith("%00"):
            return Own("no file has such a name", 404, "not_found", keeps_id=False)
        return None

    def replaced(self):
        """What is the test's in the file of conf/."""
        return ()

    def around(self):
        """Of the server's own configuration."""
        return ""

    def site(self, changes):
        origins = ORIGINS.get(self.kind, "^$")
        return changed(
            self.file,
            conf("apache", self.file),
            ("<VirtualHost *:80>", f"<VirtualHost 127.0.0.1:{self.port}>"),
            (r"^https://app\.example\.com$", origins),
            *self.replaced(),
            *changes,
        )

    def load_modules(self, text):
        names = self.modules.split()
        for line in re.findall(r"^# +a2enmod (.*)$", text, re.M):
            names += [name for name in line.split() if name not in names]
        return "".join(
            f"LoadModule {n}_module /usr/lib/apache2/modules/mod_{n}.so\n" for n in names
        )

    def start_server(self, changes=()):
        text = self.site(changes)
        os.symlink(os.path.join(TOP, "conf", "apache"), os.path.join(self.directory, "agora"))
        kept = [n for n in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS") if n in os.environ]
        lines = [
            f'ServerRoot "{self.directory}"',
            f'DefaultRuntimeDir "{self.directory}"',
            f'PidFile "{self.directory}/apache.pid"',
            "ServerName 127.0.0.1",
            f"Listen 127.0.0.1:{self.port}",
            f'ErrorLog "{self.server_log_path}"',
            *(["User www-data", "Group www-data"] if IS_ROOT else []),
            self.load_modules(text) + "TypesConfig /dev/null",
            "<Directory />\n    Require all denied\n    AllowOverride None\n</Directory>",
            *([f"PassEnv {' '.join(kept)}"] if kept else []),
            self.around(),
            text,
        ]
        path = os.path.join(self.directory, "apache.conf")
        write(path, "\n".join(lines))
        self.start(["apache2", "-D", "FOREGROUND", "-f", path])

    def site_lines(self, request_id):
        """Of Apache's error log: what the program itself has written there."""
        found = []
        for line in self.server_log().splitlines():
            if f"id={request_id} " in line:
                line = self.LOG_SUFFIX.sub("", self.LOG_PREFIX.sub("", line))
                found.append(line)
        return found


class ApacheProxy(Apache):
    name = "Apache, mod_proxy_fcgi"
    below_a_path = (('ProxyPass "/" ', 'ProxyPass "/agora/" '), ("localhost/", "localhost/agora/"),
                    ('Location "/"', 'Location "/agora/"'),
                    ('Location "/metrics"', 'Location "/agora/metrics"')), "base"
    file = "agora-proxy-fcgi.conf"

    def replaced(self):
        return (("/run/agora-backend/fcgi.sock", self.socket),)


class Started(Front):
    """The web server starts the program itself, so it is one that starts fast."""

    def program_path(self):
        shipped = self.program == "agora-fcgi"
        return os.path.join(sites.release(), self.starts) if shipped else super().program_path()

    def start_responder(self, **_):
        return None


class ApacheStarts(Started, Apache):
    """The program's log is Apache's."""

    installed = None

    @property
    def starts(self):
        return os.path.basename(self.installed)

    def replaced(self):
        return ((self.installed, self.copy_program(self.starts)),
                ("/etc/agora-backend/agora.env", self.settings_file()))

    def responder_log(self):
        return self.server_log()

    def log_lines(self, request_id):
        return self.site_lines(request_id)

    def stop(self):
        super().stop()
        self.look_at_log()


class ApacheCgi(ApacheStarts):
    name = "Apache, CGI"
    below_a_path = (('ScriptAlias "/" ', 'ScriptAlias "/agora" '), ('agora.cgi/"', 'agora.cgi"'),
                    ('Location "/"', 'Location "/agora"'),
                    ('Location "/metrics"', 'Location "/agora/metrics"')), "list"
    file = "agora-cgi.conf"
    installed = "/usr/lib/cgi-bin/agora.cgi"


class ApacheFcgid(ApacheStarts):
    name = "Apache, mod_fcgid"
    below_a_path = (('ScriptAlias "/" ', 'ScriptAlias "/agora" '), ('agora-fcgi/"', 'agora-fcgi"'),
                    ('Location "/"', 'Location "/agora"'),
                    ('Location "/metrics"', 'Location "/agora/metrics"')), "list"
    file = "agora-fcgid.conf"
    changes_headers = {}
    installed = "/usr/local/sbin/agora-fcgi"


class ApacheHtaccess(ApacheStarts):
    """A customer's directory at a provider who lets him do what is usual."""

    name = "Apache, .htaccess"
    below_a_path = (), "base"
    file = "htaccess"
    starts = "agora.cgi"
    own = {
        "headers": Own("LimitRequestFieldSize", 400),
        "path": Own("LimitRequestLine", 414),
        "TRACE": Own("TraceEnable is the provider's", 200),
    }
    modules = Apache.modules + " cgid rewrite headers"
    below = "/agora"

    def start_server(self, changes=(), settings=None):
        self.more = {"BASE_PATH": self.below} | (settings or {})
        super().start_server(changes)

    def site(self, changes):
        self.root = os.path.join(self.directory, "public_html")
        self.place = os.path.join(self.root, "agora")
        os.makedirs(self.place)
        self.copy_program("agora.cgi", self.place)
        found = os.path.join(self.directory, "agora.env")
        shutil.move(self.settings_file(**self.more), found)
        write(os.path.join(self.place, ".htaccess"), changed(self.file, conf("apache", "htaccess"), *changes))
        return f"""<VirtualHost 127.0.0.1:{self.port}>
    ServerName tokens.example.com
    DocumentRoot "{self.root}"
    <Directory "{self.root}">
        Require all granted
        AllowOverride AuthConfig FileInfo Indexes Limit Options
    </Directory>
</VirtualHost>
"""

    def request(self, method, target, *rest, **more):
        below = "" if target.startswith(self.below + "/") else self.below
        return super().request(method, below + target, *rest, **more)

    def answers_itself(self, case):
        if "%2f" in case.target.lower() and "?" not in case.target:
            return Own("AllowEncodedSlashes is the provider's", 404)
        own = super().answers_itself(case)
        return own and own._replace(code="")


class Lighttpd(Guarded):
    file = None
    exit_statuses = (0, 1)  # 1 is its own way to say that a connection was still open
    oversize = 40000
    own = {
        "headers": Own("server.max-request-field-size", 431),
        "path": Own("server.max-request-field-size", 431),
        "FOO": Own("a method that it does not know", 501),
        "gone": Own("nobody listens", 503),
    }
    server_name = "tokens.example.com"

    def answers_itself(self, case):
        path = case.target.partition("?")[0]
        if "%00" in case.target or "%0A" in path or "%7F" in path:
            return Own("url-ctrls-reject", 400)
        if case.method == "POST" and not case.body:
            return Own("a POST must have a length", 411)
        return None

    def replaced(self):
        return ()

    def start_server(self, changes=()):
        text = changed(self.file, conf("lighttpd", self.file), *self.replaced(), *changes)
        self.breakage_path = os.path.join(self.private, "breakage")
        modules = os.path.dirname(glob.glob("/usr/lib*/lighttpd/mod_cgi.so")[0])
        users = 'server.username = "www-data"\nserver.groupname = "www-data"\n' if IS_ROOT else ""
        path = os.path.join(self.directory, "lighttpd.conf")
        write(path, f"""server.port = {self.port}
server.bind = "127.0.0.1"
server.document-root = "{self.directory}"
server.modules = ( "mod_accesslog" )
server.breakagelog = "{self.breakage_path}"
{users}{text}""")
        self.start(["lighttpd", "-D", "-f", path, "-m", modules])


class LighttpdFastcgi(Lighttpd):
    name = "lighttpd, FastCGI"
    below_a_path = (('"/" =>', '"/agora/" =>'), ("^/+metrics", "^/agora/+metrics")), "base"
    file = "agora-fastcgi.conf"

    def replaced(self):
        return (("/run/agora-backend/fcgi.sock", self.socket),)


class LighttpdCgi(Started, Lighttpd):
    starts = "agora.cgi"
    name = "lighttpd, CGI"
    below_a_path = (('"/" =>', '"/agora" =>'), ('agora.cgi/"', 'agora.cgi"'),
                    ("^/+metrics", "^/agora/+metrics")), "list"
    file = "agora-cgi.conf"

    def replaced(self):
        return (("/usr/lib/cgi-bin/agora.cgi", self.copy_program("agora.cgi")),
                ("/etc/agora-backend/agora.env", self.settings_file()))

    def responder_log(self):
        return self.server_log() + read(self.breakage_path)

    def stop(self):
        super().stop()
        self.look_at_log()


DEFAULT = (ApacheProxy, ApacheCgi)
OTHERS = (NginxTcp, NginxTls, NginxSpawned, ApacheFcgid, ApacheHtaccess, LighttpdFastcgi, LighttpdCgi)
