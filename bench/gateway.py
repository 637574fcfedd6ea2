"""The gateway's part of ./do bench: a guarded read beside nginx as a plain proxy, the judge on its treadmill, and how
soon a revoked token is refused by a gateway that remembers many others.

nginx proxies, and the gateway guards, the same file of the same upstream (another nginx) in the same run, on the same core.
"""
import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import report
import run

PATH = "/fhir/Observation/o1"


def observation(size):
    """A result of the given size, of the patient whom the bench's user is."""
    resource = {
        "resourceType": "Observation", "id": "o1", "meta": {"versionId": "1", "lastUpdated": "2025-11-01T08:15:30.123+00:00"},
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2339-0", "display": "Glucose"}], "text": "Glucose"},
        "subject": {"reference": "Patient/1"}, "encounter": {"reference": "Encounter/e1"},
        "effectiveDateTime": "2025-10-31T07:00:00+00:00",
        "component": [{"code": {"coding": [{"system": "http://loinc.org", "code": f"{n}-1"}]},
                       "valueQuantity": {"value": 80.5 + n, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"}} for n in range(6)],
        "note": [{"text": ""}]}
    empty = len(json.dumps(resource, separators=(",", ":")))
    resource["note"][0]["text"] = "n" * (size - empty)
    return json.dumps(resource, separators=(",", ":"))


def user():
    """nginx started by root would read files as nobody, who may not enter the bench's folder."""
    return "user root; " if os.geteuid() == 0 else ""


class Web(run.Nginx):
    """nginx with one worker and the given server blocks."""

    def __init__(self, folder, name, core, http):
        self.folder = folder / name
        self.folder.mkdir()
        self.port = run.free_port()
        (self.folder / "nginx.conf").write_text(f"""
{user()}worker_processes 1; daemon off; pid {self.folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000;
  client_body_temp_path {self.folder}; proxy_temp_path {self.folder}; fastcgi_temp_path {self.folder}; uwsgi_temp_path {self.folder}; scgi_temp_path {self.folder};
  {http.replace("PORT", str(self.port))} }}
""")
        self.process = subprocess.Popen(run.pinned(core, ["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf"]), stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("nginx did not start")


def upstream(folder, size):
    folder = folder / f"upstream-{run.free_port()}"
    files = folder / "files"
    (files / "fhir/Observation").mkdir(parents=True)
    (files / "fhir/Observation/o1").write_text(observation(size))
    return Web(folder, "nginx", run.LOAD_CORE,
               f"server {{ listen 127.0.0.1:PORT; root {files}; default_type application/fhir+json; open_file_cache max=10; }}")


def proxy(folder, port):
    return Web(folder, "proxy", run.SERVER_CORE, f"""
  upstream fhir {{ server 127.0.0.1:{port}; keepalive 64; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:PORT reuseport; location / {{ proxy_pass http://fhir; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}""")


class Gateway:
    def __init__(self, bench, upstream_port):
        self.port, self.admin_port = run.free_port(), run.free_port()
        self.base = f"http://127.0.0.1:{self.port}/fhir"
        self.folder = bench.folder / f"gateway-{self.port}"
        self.folder.mkdir()
        made = json.loads(bench.server.command("--json", "resource", "add", "--id", f"gateway-{self.port}", "--name", "Gateway", "--audience", self.base,
                                               "--token-format", "wrapped", "--token-lifetime", "3600"))
        secret = self.folder / "secret"
        secret.write_text(made["secret"])
        secret.chmod(0o600)
        config = self.folder / "gateway.toml"
        config.write_text(f"""
[log]
level = "error"
[gateway]
listen = "127.0.0.1:{self.port}"
admin_listen = "127.0.0.1:{self.admin_port}"
threads = 1
public_base = "{self.base}"
upstream = "http://127.0.0.1:{upstream_port}/fhir"
issuer = "{bench.server.issuer}"
credential_id = "gateway-{self.port}"
credential_secret_file = "{secret}"
master_key_file = "{bench.folder}/master.key"
audit = {{ path = "{self.folder}/audit.db", durability = "full" }}
""")
        time.sleep(0.8)  # the server beside it notices the new registration
        self.process = subprocess.Popen(run.pinned(run.SERVER_CORE, [run.MITRAL, "-c", config, "gateway"]))
        for _ in range(400):
            try:
                if self.metric("feed_polls") > 1:
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError("the gateway did not start")

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"mitral_gateway_{name}_total "):
                    return int(line.split()[1])
        return 0

    def status(self, token):
        request = urllib.request.Request(self.base + "/Observation/o1", headers={"Authorization": "Bearer " + token})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def measured(pid, port, *arguments):
    before = run.cpu_seconds(pid)
    out = run.load(port, "--get", "--path", PATH, "--require", '"Observation"', *arguments)
    out["cpu_us"] = (run.cpu_seconds(pid) - before) * 1e6 / out["answered"]
    return out


def guarded(bench):
    """A read of 2 kB with a wrapped token that the gateway remembers."""
    web = upstream(bench.folder, 2048)
    plain = proxy(bench.folder, web.port)
    gateway = Gateway(bench, web.port)
    try:
        browser = run.Browser()
        parameters = bench.parameters("public") | {"aud": gateway.base}
        code = browser.authorize(bench.server.issuer, parameters, *bench.user)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": run.REDIRECT, "code_verifier": run.VERIFIER, "client_id": "public"}
        status, _, body = browser.ask(bench.server.issuer + "/token", urllib.parse.urlencode(form).encode())
        if status != 200:
            raise RuntimeError(f"token endpoint: {status} {body}")
        token = json.loads(body)["access_token"]
        if (got := gateway.status(token)) != 200:
            raise RuntimeError(f"the guarded read is answered {got}")
        header = ("--header", "Authorization: Bearer " + token, "--duration", bench.options.seconds)
        ours, theirs = zip(*report.Turns.taken(bench.options.repeats, lambda: (
            measured(gateway.process.pid, gateway.port, *header), measured(plain.worker(), plain.port, *header))))
        cpu, other = min(o["cpu_us"] for o in ours), min(o["cpu_us"] for o in theirs)
        best, fastest = max(ours, key=lambda o: o["ops_per_s"]), max(theirs, key=lambda o: o["ops_per_s"])
        bench.row("guarded read of a 2 kB resource, wrapped token, durable audit", f"{best['ops_per_s']:,.0f}/s (p99 {best['p99_us'] / 1000:.1f} ms), nginx as a plain proxy {fastest['ops_per_s']:,.0f}/s",
                  f"{cpu - other:.0f} us beyond nginx", "60 us of CPU beyond nginx", cpu - other <= 60, f"{cpu:.1f} us, nginx {other:.1f} us", {"ours": ours, "nginx": theirs})
    finally:
        gateway.stop()
        plain.stop()
        web.stop()


def judging(bench):
    """What the judge makes of a Bundle, without network and store."""
    def judged():
        done = subprocess.run(run.pinned(run.SERVER_CORE, [run.LOAD.parent / "mitral_judge", "--seconds", max(1, int(float(bench.options.seconds)))]),
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)
    runs = report.Turns.taken(bench.options.repeats, judged)
    best = max(runs, key=lambda r: r["mb_per_s"])
    # The yardstick is a plain scan of the same bytes, in turns with the judge: when the machine itself is slow, both are.
    ratio = best["mb_per_s"] / best["scan_mb_per_s"]
    bench.row("searchset of 1 MB with 1,000 resources, judged while it passes", f"{best['mb_per_s']:.0f} MB/s of CPU time on one core (its best round {best['best_mb_per_s']:.0f})",
              f"{ratio:.2f} of a byte-wise scan of the same text ({best['scan_mb_per_s']:.0f} MB/s) in the same seconds", "300 MB/s", best["mb_per_s"] >= 300,
              f"{best['bytes'] / best['mb_per_s'] / best['resources']:.1f} us for each resource", runs)


def revocation(bench):
    """From the start of the program that sends a revocation to the first refusal, in a gateway that remembers very many tokens."""
    count = bench.options.tokens
    web = upstream(bench.folder, 2048)
    gateway = Gateway(bench, web.port)
    try:
        # Backend services prove themselves by signed assertions (SMART), so the load generator signs for the revocations too.
        signed = ["--key", bench.folder / "private.jwk", "--client", "backend", "--aud", bench.server.issuer]
        assertion = "&client_assertion_type=" + urllib.parse.quote("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") + "&client_assertion={assertion}"
        form = run.lines(bench.folder, "many", [urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "system/*.rs", "resource": gateway.base}) + assertion])
        tokens = bench.folder / "tokens"
        run.load(bench.server.port, "--path", "/token", "--bodies", form, "--assertions", count, *signed, "--take-field", "access_token", tokens, "--warmup", "0", "--duration", "240")
        known = tokens.read_text().split()
        filled = run.load(gateway.port, "--get", "--path", PATH, "--bearer", tokens, "--once", "--require", '"Observation"', "--duration", "300")
        hits = gateway.metric("token_cache_hits")
        waits = []
        for token in known[:: max(1, len(known) // 7)][:7]:
            if (got := gateway.status(token)) != 200:
                raise RuntimeError(f"before it is revoked, a token is answered {got}")
            began = time.perf_counter()  # before the generator starts: what is reported is more than the wait itself
            run.load(bench.server.port, "--path", "/revoke", "--bodies", run.lines(bench.folder, "revoke", [urllib.parse.urlencode({"token": token}) + assertion]),
                     "--assertions", "1", *signed, "--conns", "1", "--warmup", "0", "--duration", "5")
            while gateway.status(token) != 401:
                if time.perf_counter() - began > 10:
                    raise RuntimeError("a revoked token is still accepted")
            waits.append(time.perf_counter() - began)
        remembered = gateway.metric("token_cache_hits") - hits
        # A machine that is taken away for a moment has a few of them refused; the row says how many there were.
        bench.row(f"revocation reaches a gateway with {filled['answered']:,} cached tokens", f"{max(waits) * 1000:.0f} ms at worst, {sorted(waits)[len(waits) // 2] * 1000:.0f} ms in the middle of {len(waits)}",
                  "-", "1 s", max(waits) <= 1 and filled["answered"] >= 0.99 * count and remembered >= len(waits), "", {"waits": waits, "filled": filled})
    finally:
        gateway.stop()
        web.stop()
