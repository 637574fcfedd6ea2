#!/usr/bin/env python3
"""./do bench: Mitral beside nginx and beside the crypto's own bound, on this machine, in one run.

Everything runs on loopback: the server on one core, the load on another. Commits are durable (fsync). Figures are ratios
within one run: absolute numbers of another machine or another hour mean little.

Two kinds of figures: rates and latencies are wall clock, and suffer from whatever else runs on the machine; "CPU us" is the
server's own time (user and system, all its threads) for one answer, which other programs hardly change.
"""
import argparse
import base64
import hashlib
import html.parser
import http.cookiejar
import json
import os
import pathlib
import platform
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
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


def pinned(core, command):
    return ["taskset", "-c", core, *map(str, command)]


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


class Server:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.admin_port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.config = folder / "mitral.toml"
        self.config.write_text(f"""
[log]
level = "warn"
[server]
listen = "127.0.0.1:{self.port}"
admin_listen = "127.0.0.1:{self.admin_port}"
threads = 1
master_key_file = "{folder}/master.key"
storage = {{ path = "{folder}/mitral.db", durability = "full" }}
[[issuer]]
id = "{self.issuer}"
name = "Bench"
""")
        self.command("key", "master", folder / "master.key")
        self.process = None

    def command(self, *arguments, **kw):
        done = subprocess.run([MITRAL, "-c", self.config, *map(str, arguments)], capture_output=True, text=True, **kw)
        if done.returncode != 0:
            raise RuntimeError(f"mitral {' '.join(map(str, arguments))}: {done.stderr}")
        return done.stdout

    def start(self):
        """Seconds from the start of the process to the first answer."""
        began = time.perf_counter()
        self.process = subprocess.Popen(pinned(SERVER_CORE, [MITRAL, "-c", self.config, "serve"]))
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as s:
                    s.sendall(f"GET /jwks HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n".encode())
                    if b" 200 " in s.recv(64):
                        return time.perf_counter() - began
            except OSError:
                pass
            if time.perf_counter() - began > 20 or self.process.poll() is not None:
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
        out = load(self.port, *arguments)
        cpu, after = cpu_seconds(self.process.pid) - cpu, self.counters()
        out["cpu_us"] = cpu * 1e6 / out["answered"]
        done = {name: after[name] - before[name] for name in after}
        out["reads"], out["commits"] = (done[name] / out["answered"] for name in ("reads", "commits"))
        out["commits_per_fsync"] = done["commits"] / max(1, done["batches"])
        return out

    def memory_mb(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return {key: int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1)) / 1024 for key in ("Rss", "Pss_Anon")}


class Nginx:
    """One worker that answers any request with `size` bytes: what a request costs when nothing is decided."""

    def __init__(self, folder, size):
        self.port = free_port()
        self.folder = folder
        body = "x" * size
        (folder / "nginx.conf").write_text(f"""
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{self.port} reuseport; location / {{ default_type application/json; return 200 "{body}"; }} }} }}
""")
        self.process = subprocess.Popen(pinned(SERVER_CORE, ["nginx", "-p", folder, "-c", folder / "nginx.conf"]),
                                        stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("nginx did not start")

    def worker(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


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


def openssl_speed(seconds):
    text = subprocess.run(pinned(SERVER_CORE, ["openssl", "speed", "-seconds", seconds, "ecdsap256"]), capture_output=True, text=True).stdout
    sign, verify = map(float, re.search(r"ecdsa \(nistp256\)\s+\S+s\s+\S+s\s+([\d.]+)\s+([\d.]+)", text).groups())
    return sign, verify


class Bench:
    def __init__(self, folder, options):
        self.folder, self.options, self.rows = folder, options, []
        self.server = Server(folder)

    def row(self, what, figure, ratio, aim, met, cpu="", detail=None):
        self.rows.append({"what": what, "wall_clock": figure, "ratio": ratio, "cpu": cpu, "aim": aim, "met": met, "detail": detail})
        say(f"  {what}: {figure}; {ratio}; {cpu}  (aim: {aim}) {'met' if met else 'NOT met'}")

    @staticmethod
    def store_work(run):
        return f"{run['cpu_us']:.0f} us; {run['reads']:.1f} reads, {run['commits']:.1f} commits each, {run['commits_per_fsync']:.1f} commits per fsync"

    def register(self):
        s = self.server
        self.rs_opaque = json.loads(s.command("--json", "resource", "add", "--id", "rs-opaque", "--name", "Opaque", "--audience", "https://opaque.example/fhir", "--token-format", "opaque"))
        json.loads(s.command("--json", "resource", "add", "--id", "rs-jwt", "--name", "JWT", "--audience", "https://jwt.example/fhir", "--token-format", "jwt"))
        scopes = ["--scope", "openid", "--scope", "offline_access", "--scope", "launch/patient", "--scope", "patient/*.rs"]
        code = ["--grant", "authorization_code", "--grant", "refresh_token", "--redirect-uri", REDIRECT, "--offline", *scopes]
        self.web = json.loads(s.command("--json", "client", "add", "--id", "web", "--name", "Web", "--auth", "client_secret_basic", "--verified", *code))
        json.loads(s.command("--json", "client", "add", "--id", "public", "--name", "Public", "--auth", "none", *code))
        key = subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"], capture_output=True).stdout
        text = subprocess.run(["openssl", "ec", "-text", "-noout"], input=key, capture_output=True).stdout.decode()
        hexes = [re.sub(r"[\s:]", "", part) for part in re.findall(r"(?:priv|pub):\n((?:\s+[0-9a-f:]+\n)+)", text)]
        d, point = bytes.fromhex(hexes[0])[-32:].rjust(32, b"\0"), bytes.fromhex(hexes[1])
        b64 = lambda b: base64.urlsafe_b64encode(b).rstrip(b"=").decode()
        public = {"kty": "EC", "crv": "P-256", "kid": "bench-1", "alg": "ES256", "use": "sig", "x": b64(point[1:33]), "y": b64(point[33:])}
        (self.folder / "jwks.json").write_text(json.dumps({"keys": [public]}))
        (self.folder / "private.jwk").write_text(json.dumps({**public, "d": b64(d)}))
        s.command("client", "add", "--id", "backend", "--name", "Backend", "--auth", "private_key_jwt", "--grant", "client_credentials",
                  "--scope", "system/*.rs", "--jwks", self.folder / "jwks.json")
        self.user = ("alice", json.loads(s.command("--json", "user", "add", "--username", "alice", "--name", "Alice Sample", "--fhir-user", "Patient/1", "--generate-password"))["password"])

    def parameters(self, client):
        return {"response_type": "code", "client_id": client, "redirect_uri": REDIRECT, "scope": "openid launch/patient offline_access patient/*.rs",
                "state": secrets.token_urlsafe(16), "nonce": secrets.token_urlsafe(16), "aud": "https://opaque.example/fhir",
                "code_challenge": CHALLENGE, "code_challenge_method": "S256"}

    def tokens(self, browser, client, headers=None):
        code = browser.authorize(self.server.issuer, self.parameters(client), *self.user)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        if not headers:
            form["client_id"] = client
        status, _, body = browser.ask(self.server.issuer + "/token", urllib.parse.urlencode(form).encode(), headers or {})
        if status != 200:
            raise RuntimeError(f"token endpoint: {status} {body}")
        return json.loads(body)

    def nginx(self, size):
        nginx = Nginx(self.folder, size)
        try:
            path = lines(self.folder, "nginx-bodies", ["token=" + "x" * 200])
            worker = nginx.worker()
            cpu = cpu_seconds(worker)
            out = load(nginx.port, "--bodies", path, "--duration", self.options.seconds)
            out["cpu_us"] = (cpu_seconds(worker) - cpu) * 1e6 / out["answered"]
            return out
        finally:
            nginx.stop()

    def introspection(self):
        browser = Browser()
        header = basic("web", self.web["client_secret"]).split(": ", 1)
        tokens = [self.tokens(browser, "web", {header[0]: header[1]})["access_token"] for _ in range(20)]
        path = lines(self.folder, "introspect", ["token=" + urllib.parse.quote(t) for t in tokens])
        auth = basic(self.rs_opaque["id"], self.rs_opaque["secret"])
        status, _, body = browser.ask(self.server.issuer + "/introspect", ("token=" + tokens[0]).encode(), {"Authorization": auth.split(": ", 1)[1]})
        ours, theirs = [], []
        for _ in range(self.options.repeats):
            ours.append(self.server.load("--path", "/introspect", "--header", auth, "--bodies", path, "--require", '"active":true', "--duration", self.options.seconds))
            theirs.append(self.nginx(len(body)))
        best, other = max(ours, key=lambda o: o["ops_per_s"]), max(theirs, key=lambda o: o["ops_per_s"])
        cpu, other_cpu = min(o["cpu_us"] for o in ours), min(o["cpu_us"] for o in theirs)
        ratio = best["ops_per_s"] / other["ops_per_s"]
        self.row("introspection of a live opaque token", f"{best['ops_per_s']:,.0f}/s (p99 {best['p99_us'] / 1000:.2f} ms), nginx static answer {other['ops_per_s']:,.0f}/s",
                 f"{ratio:.0%} of nginx", "45 %", ratio >= 0.45, f"{cpu:.1f} us, nginx {other_cpu:.1f} us: {other_cpu / cpu:.0%}; {best['reads']:.1f} reads", {"ours": ours, "nginx": theirs})

    def client_credentials(self):
        sign, verify = openssl_speed(str(max(1, int(float(self.options.seconds)))))
        bound = 1 / (1 / sign + 1 / verify)
        body = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "system/*.rs", "resource": "https://jwt.example/fhir",
                                       "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}) + "&client_assertion={assertion}"
        path = lines(self.folder, "cc", [body])
        count = int(bound * (float(self.options.seconds) + 1.5))
        runs = [self.server.load("--path", "/token", "--bodies", path, "--assertions", count, "--key", self.folder / "private.jwk", "--client", "backend",
                                 "--aud", self.server.issuer, "--require", "access_token", "--duration", self.options.seconds) for _ in range(self.options.repeats)]
        best = max(runs, key=lambda o: o["ops_per_s"])
        least = min(runs, key=lambda o: o["cpu_us"])
        bound_us = 1e6 / bound
        self.row("client_credentials, private_key_jwt ES256 to ES256 JWT", f"{best['ops_per_s']:,.0f}/s (p99 {best['p99_us'] / 1000:.1f} ms), openssl bound {bound:,.0f}/s",
                 f"{best['ops_per_s'] / bound:.0%} of 1/(verify + sign)", "60 %", best["ops_per_s"] / bound >= 0.6,
                 f"{self.store_work(least)}, bound {bound_us:.0f} us: {bound_us / least['cpu_us']:.0%}", runs)

    def refresh(self):
        browser = Browser()
        chains = [f"grant_type=refresh_token&client_id=public&refresh_token=\t{self.tokens(browser, 'public')['refresh_token']}\t" for _ in range(32)]
        best = self.server.load("--path", "/token", "--bodies", lines(self.folder, "refresh", chains), "--chain", "refresh_token",
                                "--require", "access_token", "--duration", self.options.seconds)
        self.row("refresh with durable rotation", f"{best['ops_per_s']:,.0f}/s, p99 {best['p99_us'] / 1000:.1f} ms at 32 connections",
                 "-", "5,000/s, p99 under 25 ms", best["ops_per_s"] >= 5000 and best["p99_us"] < 25000, self.store_work(best), best)

    def redemption(self):
        browser = Browser()
        header = basic("web", self.web["client_secret"])
        self.tokens(browser, "web", {"Authorization": header.split(": ", 1)[1]})  # signed in, consent remembered
        cookies = "Cookie: " + "; ".join(f"{c.name}={c.value}" for c in browser.jar)
        # An ID token costs an RSA signature (RS256 is what OpenID Connect clients can rely on), which dwarfs the rest.
        for scope, what in (("launch/patient offline_access patient/*.rs", "no ID token"), (None, "with an RS256 ID token")):
            parameters = self.parameters("web")
            if scope:
                parameters["scope"] = scope
            codes = self.folder / "codes"
            minted = self.server.load("--get", "--path", "/authorize?" + urllib.parse.urlencode(parameters), "--header", cookies, "--status", "302",
                                      "--take-code", codes, "--warmup", "0", "--duration", self.options.seconds)
            bodies = [f"grant_type=authorization_code&code={code}&redirect_uri={urllib.parse.quote(REDIRECT, safe='')}&code_verifier={VERIFIER}"
                      for code in codes.read_text().split()]
            best = self.server.load("--path", "/token", "--header", header, "--bodies", lines(self.folder, "redeem", bodies), "--once", "--require", "access_token",
                                    "--duration", "20")
            if scope:
                self.row("signed-in authorization (a code minted, durable)", f"{minted['ops_per_s']:,.0f}/s, p99 {minted['p99_us'] / 1000:.1f} ms", "-", "none", True,
                         self.store_work(minted), minted)
            self.row(f"code redemption, durable, {what}", f"{best['ops_per_s']:,.0f}/s, p99 {best['p99_us'] / 1000:.1f} ms at 32 connections", "-",
                     "5,000/s, p99 under 25 ms" if scope else "none", not scope or (best["ops_per_s"] >= 5000 and best["p99_us"] < 25000), self.store_work(best), best)

    def cold(self):
        starts, cpus = [], []
        for _ in range(5):
            self.server.stop()
            starts.append(self.server.start())
            cpus.append(cpu_seconds(self.server.process.pid))
        time.sleep(2)
        memory = self.server.memory_mb()
        self.row("start to first answer", f"{min(starts) * 1000:.0f} ms (best of 5)", "-", "30 ms", min(starts) <= 0.030, f"{min(cpus) * 1000:.0f} ms")
        self.row("idle memory", f"{memory['Rss']:.1f} MB resident, {memory['Pss_Anon']:.1f} MB of it its own", "-", "20 MB", memory["Rss"] <= 20)

    def run(self):
        say("starting")
        self.server.start()
        try:
            self.register()
            time.sleep(0.6)  # commands beside a running server are noticed within half a second
            for name in ("introspection", "client_credentials", "refresh", "redemption", "guarded", "judging", "revocation", "cold"):
                if not self.options.only or name in self.options.only:
                    say(name)
                    if hasattr(self, name):
                        getattr(self, name)()
                    else:
                        getattr(gateway, name)(self)
        finally:
            self.server.stop()


def machine():
    cpu = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip() or "unknown"
    return {"cpu": cpu, "cores": os.cpu_count(), "kernel": platform.release(), "commit": commit, "date": time.strftime("%Y-%m-%d")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", default="5", help="of each measurement")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="introspection client_credentials refresh redemption guarded judging revocation cold")
    parser.add_argument("--tokens", type=int, default=100_000, help="that the gateway remembers when one of them is revoked")
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, help="folder of the build to measure")
    parser.add_argument("--json", help="write the results to this file")
    options = parser.parse_args()
    global MITRAL, LOAD
    MITRAL, LOAD = options.build / "mitral", options.build / "bench/mitral_load"
    if (os.cpu_count() or 1) < 2:
        sys.exit("bench: two cores are needed: one for the server, one for the load")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mitral-bench-"))
    try:
        bench = Bench(folder, options)
        bench.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    on = machine()
    say(f"\nOn {on['cpu']}, {on['cores']} cores, Linux {on['kernel']}, commit {on['commit']}, {on['date']}; one server core, durable commits.")
    say("Rates and latencies are wall clock; CPU is the server's own time for one answer.")
    for r in bench.rows:
        say(f"  {r['what']}")
        say(f"      wall clock  {r['wall_clock']}" + (f"; {r['ratio']}" if r["ratio"] != "-" else ""))
        if r["cpu"]:
            say(f"      CPU         {r['cpu']}")
        say(f"      aim         {r['aim']}" + ("" if r["aim"] == "none" else ": met" if r["met"] else ": not met"))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"machine": on, "rows": bench.rows}, indent=2) + "\n")


if __name__ == "__main__":
    sys.modules["run"] = sys.modules["__main__"]  # gateway.py works with what is here
    import gateway
    main()
