"""What ./do bench starts and talks to: Mitral on SQLite or PostgreSQL, a PostgreSQL of its own, the load generator, a browser.

Everything is on loopback. The server has one core, the load generator another; commits are durable (fsync) everywhere.
What was started is stopped by its process id; everything that was written goes with the temporary folder.
"""
import base64
import hashlib
import html.parser
import http.cookiejar
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/release"
MITRAL = BUILD / "mitral"
LOAD = BUILD / "bench/mitral_load"
TICK = os.sysconf("SC_CLK_TCK")
SERVER_CORE, LOAD_CORE = "0", "1"
REDIRECT = "http://127.0.0.1/callback"
VERIFIER = "bench-verifier-" + "0123456789abcdef" * 2
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
DATABASE = "mitral_bench"
POSTGRES_PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")


def use_build(build):
    global BUILD, MITRAL, LOAD
    BUILD, MITRAL, LOAD = build, build / "mitral", build / "bench/mitral_load"


def say(text):
    print(text, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    """User and system time of all threads of a process, ended ones included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def family_cpu_seconds(pid):
    """The same, with its children and those that it has waited for."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    total = sum(int(fields[i]) for i in (11, 12, 13, 14)) / TICK
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            total += cpu_seconds(child)
        except OSError:
            pass  # it ended between the two reads
    return total


def pinned(core, command):
    return ["taskset", "-c", core, *map(str, command)]


def load(port, *arguments):
    done = subprocess.run(pinned(LOAD_CORE, [LOAD, "--port", port, *arguments]), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"load failed: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def lines(folder, name, items):
    path = folder / name
    path.write_text("".join(item + "\n" for item in items))
    return path


def basic(client_id, secret):
    return "Authorization: Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


class Forms(html.parser.HTMLParser):
    """Forms of a page: action and the fields that a browser would send."""

    def __init__(self):
        super().__init__()
        self.forms = []

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append({"action": a.get("action", ""), "fields": []})
        elif tag == "input" and self.forms and a.get("name"):
            kind = a.get("type", "text")
            if kind not in ("checkbox", "radio") or "checked" in a:
                self.forms[-1]["fields"].append([a["name"], a.get("value", "on" if kind == "checkbox" else "")])


class Browser:
    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    def __init__(self):
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar), self.NoRedirect())

    def cookie_header(self):
        return "Cookie: " + "; ".join(f"{c.name}={c.value}" for c in self.jar)

    def ask(self, url, data=None, headers=None):
        request = urllib.request.Request(url, data=data, headers=headers or {})
        try:
            answer = self.opener.open(request, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        return answer.status, dict(answer.headers), answer.read().decode()

    def follow(self, url, data=None, headers=None):
        """Follows redirects on the server; stops at the client's redirect URI."""
        for _ in range(10):
            status, head, body = self.ask(url, data, headers)
            if status not in (302, 303):
                return url, body
            url, data, headers = urllib.parse.urljoin(url, head["Location"]), None, None
            if url.startswith(REDIRECT):
                return url, ""
        raise RuntimeError("too many redirects")

    def authorize(self, issuer, parameters, user, password):
        url, body = self.follow(issuer + "/authorize?" + urllib.parse.urlencode(parameters))
        for _ in range(5):
            if url.startswith(REDIRECT):
                query = urllib.parse.parse_qs(urllib.parse.urlparse(url).query)
                if "code" not in query:
                    raise RuntimeError("no code: " + url)
                return query["code"][0]
            parser = Forms()
            parser.feed(body)
            form = next((f for f in parser.forms if "cancel" not in f["action"] and "switch" not in f["action"]), None)
            if form is None:
                raise RuntimeError(f"no form at {url}:\n{body[:2000]}")
            if "decision" not in dict(form["fields"]) and "/consent" in form["action"]:
                form["fields"].append(["decision", "allow"])
            fields = [(n, user if n == "username" else password if n == "password" else v) for n, v in form["fields"]]
            url, body = self.follow(urllib.parse.urljoin(url, form["action"]), urllib.parse.urlencode(fields).encode(),
                                    {"Origin": issuer, "Content-Type": "application/x-www-form-urlencoded"})
        raise RuntimeError("the pages did not come to an end:\n" + body[:2000])


class Postgres:
    """A PostgreSQL of the bench's own, as it comes (fsync on) but for `settings`, on the server's core unless told otherwise."""

    def __init__(self, folder, core, settings=()):
        if not (POSTGRES_PROGRAMS / "postgres").exists():
            raise RuntimeError("PostgreSQL 15 is not installed (Debian's package postgresql)")
        self.folder = folder / "database"
        self.folder.mkdir()
        self.port = free_port()
        self.as_user = []
        if os.geteuid() == 0:  # it refuses to run as root
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            folder.chmod(0o755)
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        data = self.folder / "data"
        self.run("initdb", "-D", data, "-U", "mitral", "-A", "trust", "--no-locale", "-E", "UTF8")
        with open(data / "postgresql.conf", "a") as out:
            out.write(f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{self.folder}'\nfsync = on\nsynchronous_commit = on\n")
            out.writelines(f"{setting}\n" for setting in settings)
        self.process = subprocess.Popen(self.as_user + pinned(core, [POSTGRES_PROGRAMS / "postgres", "-D", data]), stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd=self.folder)
        for _ in range(400):
            if subprocess.run([POSTGRES_PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not start")

    def run(self, program, *arguments):
        done = subprocess.run([*self.as_user, POSTGRES_PROGRAMS / program, *map(str, arguments)], capture_output=True, text=True, cwd=self.folder)
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr}")
        return done.stdout

    def sql(self, text, database="postgres"):
        return self.run("psql", "-h", "127.0.0.1", "-p", self.port, "-U", "mitral", "-d", database, "-v", "ON_ERROR_STOP=1", "-q", "-t", "-A", "-c", text)

    def database(self, name):
        self.sql(f'CREATE DATABASE "{name}"')
        return f"postgresql://mitral@127.0.0.1:{self.port}/{name}?sslmode=disable"

    def cpu(self):
        return family_cpu_seconds(self.process.pid)

    def stop(self):
        self.process.send_signal(signal.SIGINT)  # fast shutdown
        self.process.wait(30)


class Server:
    """Mitral, as users run it: `mitral serve` with one loop."""

    def __init__(self, folder, name="sqlite", postgres=None):
        self.folder = folder / name
        self.folder.mkdir()
        self.name, self.postgres = name, postgres
        self.port, self.admin_port = free_port(), free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.config = self.folder / "mitral.toml"
        storage = f'path = "{self.folder}/mitral.db", durability = "full"'
        if postgres:
            storage = f'postgres = "{postgres.database(DATABASE)}"'
        self.config.write_text(f"""
[log]
level = "warn"
[server]
listen = "127.0.0.1:{self.port}"
admin_listen = "127.0.0.1:{self.admin_port}"
threads = 1
master_key_file = "{self.folder}/master.key"
storage = {{ {storage} }}
[[issuer]]
id = "{self.issuer}"
name = "Bench"
""")
        self.command("key", "master", self.folder / "master.key")
        self.process = None

    def command(self, *arguments, **kw):
        done = subprocess.run([MITRAL, "-c", self.config, *map(str, arguments)], capture_output=True, text=True, **kw)
        if done.returncode != 0:
            raise RuntimeError(f"mitral {' '.join(map(str, arguments))}: {done.stderr}")
        return done.stdout

    def made(self, *arguments):
        """What a command that makes something tells about it."""
        return json.loads(self.command("--json", *arguments))

    def start(self):
        """Seconds from the start of the process to the first 200 on discovery."""
        began = time.perf_counter()
        self.process = subprocess.Popen(pinned(SERVER_CORE, [MITRAL, "-c", self.config, "serve"]))
        ask = f"GET /.well-known/openid-configuration HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n".encode()
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as s:
                    s.sendall(ask)
                    if s.recv(64).startswith(b"HTTP/1.1 200"):
                        return time.perf_counter() - began
            except OSError:
                pass
            if time.perf_counter() - began > 20 or self.process.poll() is not None:
                self.stop()
                raise RuntimeError("the server did not start")
            time.sleep(0.0005)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None

    def counters(self):
        """What the store has done until now, as /metrics tells."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return {name: int(re.search(rf"^mitral_store_{name}_total (\d+)", text, re.M).group(1)) for name in ("reads", "commits", "batches")}

    def load(self, *arguments):
        """A load on this server, with CPU time and store work per answer."""
        before, cpu = self.counters(), cpu_seconds(self.process.pid)
        database = self.postgres.cpu() if self.postgres else 0
        out = load(self.port, *arguments)
        cpu, after = cpu_seconds(self.process.pid) - cpu, self.counters()
        out["cpu_us"] = cpu * 1e6 / out["answered"]
        out["database_cpu_us"] = ((self.postgres.cpu() if self.postgres else 0) - database) * 1e6 / out["answered"]
        done = {name: after[name] - before[name] for name in after}
        out["reads"], out["commits"] = (done[name] / out["answered"] for name in ("reads", "commits"))
        out["commits_per_fsync"] = done["commits"] / max(1, done["batches"])
        return out

    def memory_mb(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return {key: int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1)) / 1024 for key in ("Rss", "Pss_Anon")}


def signing_key(folder):
    """A P-256 key of a client: jwks.json for the server, private.jwk for the load generator."""
    key = subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"], capture_output=True, check=True).stdout
    text = subprocess.run(["openssl", "ec", "-text", "-noout"], input=key, capture_output=True, check=True).stdout.decode()
    hexes = [re.sub(r"[\s:]", "", part) for part in re.findall(r"(?:priv|pub):\n((?:\s+[0-9a-f:]+\n)+)", text)]
    d, point = bytes.fromhex(hexes[0])[-32:].rjust(32, b"\0"), bytes.fromhex(hexes[1])
    b64 = lambda b: base64.urlsafe_b64encode(b).rstrip(b"=").decode()
    public = {"kty": "EC", "crv": "P-256", "kid": "bench-1", "alg": "ES256", "use": "sig", "x": b64(point[1:33]), "y": b64(point[33:])}
    (folder / "jwks.json").write_text(json.dumps({"keys": [public]}))
    (folder / "private.jwk").write_text(json.dumps({**public, "d": b64(d)}))


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
