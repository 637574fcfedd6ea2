#!/usr/bin/env python3
"""Overload, the long form: a real server on one core, asked for more than it can do by a generator that does not wait for it.

  peak      what a closed loop reaches, before and after
  twice     at twice the peak: goodput, refusals and how fast they come, health checks on new connections meanwhile; and what
            nginx needs for a static answer to the same requests on as many connections: no refusal can cost less
  fairness  a modest caller from another address, while one address asks for twice the peak
  slow      slow heads, slow bodies, slow readers and idle connections by the thousand, and a client that wants an answer

One line of JSON for each, then a table and what of the aims was missed (exit status 1). Needs build/release.
"""
import argparse
import json
import os
import pathlib
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import peers
import workloads
import world

GOODPUT_KEPT = 0.90  # of the peak, at twice the load
REFUSAL_MS = 50


class Overload:
    WARMUP = 3  # seconds

    def __init__(self, folder, options):
        self.options = options
        self.server = world.Server(folder)
        self.work = workloads.Workloads(self.server, options)
        self.work.register()
        if options.first:
            if os.getsid(0) != os.getpid():
                os.setsid()  # the server's scheduling group is then its own and ours
        self.server.start()
        self.put_first(self.server.process.pid)
        self.generator = world.BUILD / "bench/mitral_open_loop"
        self.missed = []

    def miss(self, text):
        self.missed.append(text)
        world.say("MISSED " + text)

    def requests(self, name):
        """What one workload sends, for both generators; and what only the closed one needs."""
        if name == "W2":
            form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "system/*.rs", "resource": workloads.SIGNED}) + workloads.ASSERTION
            return ["--path", "/token", "--bodies", self.work.lines("o2", [form]), "--key", self.server.folder / "private.jwk", "--client", "backend", "--aud",
                    self.server.issuer], ["--assertions", str(int(8000 * (self.options.seconds + 2)))]
        if name == "W1":
            form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "jobs.run", "resource": workloads.JOBS})
            return ["--path", "/token", "--header", self.work.secret_of(self.work.machine), "--bodies", self.work.lines("o1", [form])], []
        if name == "W3":
            browser = world.Browser()
            tokens = [self.work.tokens(browser, scope="launch/patient openid offline_access patient/*.rs")["access_token"] for _ in range(50)]
            return ["--path", "/introspect", "--header", self.work.secret_of(self.work.jobs), "--bodies",
                    self.work.lines("o3", ["token=" + urllib.parse.quote(t) for t in tokens])], []
        if name == "W4":  # a signed-in person comes back: authorize with a session, consent remembered
            browser = world.Browser()
            self.work.tokens(browser)
            return ["--get", "--path", "/authorize?" + urllib.parse.urlencode(self.work.parameters("web")), "--header", browser.cookie_header()], ["--status", "302"]
        raise RuntimeError(name)

    def put_first(self, *pids):
        """Before everything else on the machine, where that is allowed: a build beside it would be measured otherwise."""
        for pid in pids if self.options.first else ():
            pathlib.Path(f"/proc/{pid}/autogroup").write_text("-20")
            for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
                os.setpriority(os.PRIO_PROCESS, int(thread.name), -20)

    def open_loop(self, what, rate, seconds=None, core=world.LOAD_CORE, health=True, source="127.0.0.1", conns=2000, port=None):
        command = [self.generator, "--port", port or self.server.port, "--rate", rate, "--duration", seconds or self.options.seconds, "--warmup", self.WARMUP, "--conns", conns,
                   "--source", source, *what]
        if health:
            command += ["--health", self.server.admin_port]
        process = subprocess.Popen(world.pinned(core, command), stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.put_first(process.pid)
        return process

    def cheapest_refusal(self, what, rate):
        """Seconds of the core that nginx needs to answer one of these requests with as many bytes as a refusal has."""
        folder = self.server.folder / "nginx"
        folder.mkdir(exist_ok=True)
        nginx = peers.Nginx(folder, 101)
        try:
            before = world.cpu_seconds(nginx.worker())
            row = self.result(self.open_loop(what, round(rate), health=False, port=nginx.port))
            used = world.cpu_seconds(nginx.worker()) - before
            return used / (row["goodput"] * (self.options.seconds + self.WARMUP))
        finally:
            nginx.stop()

    @staticmethod
    def result(process):
        out, _ = process.communicate()
        if process.returncode != 0:
            raise RuntimeError("the generator failed")
        return json.loads(out)

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.admin_port}/metrics", timeout=10) as answer:
            return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in answer.read().decode().splitlines() if line and line[0] != "#"}

    def peak(self, what, closed_only):
        """What a closed loop of 32 connections reaches: the most that this server does."""
        return world.load(self.server.port, *what, *closed_only, "--duration", str(self.options.seconds))["ops_per_s"]

    def workload(self, name):
        """Several rounds, for a machine's speed moves within seconds: the peak before, twice of it, the peak after. The median round counts."""
        what, closed_only = self.requests(name)
        rounds = []
        for _ in range(self.options.rounds):
            first = self.peak(what, closed_only)
            before = self.metrics()
            row = self.result(self.open_loop(what, round(2 * first)))
            after = self.metrics()
            time.sleep(1.5)  # until nothing is refused any more
            row["peak"] = (first + self.peak(what, closed_only)) / 2
            row["kept"] = row["goodput"] / row["peak"]
            row["shed"] = {key.split('"')[1]: after[key] - before[key] for key in after if key.startswith("mitral_http_shed_total") and after[key] != before[key]}
            row["nginx_us"] = round(1e6 * self.cheapest_refusal(what, 2 * first), 1)
            cost = row["nginx_us"] * 1e-6 * row["peak"]
            # Of twice the peak, what is left when every refusal costs that: served + refused * cost = 1, served + refused = 2.
            row["possible"] = round(max(0.0, (1 - 2 * cost) / (1 - cost)), 2)
            row["held_part"] = row["held"] / row["offered"]
            world.say(json.dumps({"workload": name, "phase": "twice", **row}))
            rounds.append(row)
        rounds.sort(key=lambda row: row["kept"])
        twice, kept = rounds[len(rounds) // 2], [row["kept"] for row in rounds]
        self.judge(name, twice)
        return (name, f"{twice['peak']:,.0f}", f"{twice['goodput']:,.0f} ({twice['kept']:.0%}; {kept[0]:.0%} to {kept[-1]:.0%})", f"{twice['refused_per_s']:,.0f}",
                f"{twice['held_part']:.0%}", f"{twice['possible']:.0%}", f"{twice['refused_sent_p50_ms']:.1f} / {twice['refused_sent_p99_ms']:.1f}",
                f"{twice['good_sent_p50_ms']:.1f} / {twice['good_sent_p99_ms']:.1f}", f"{twice['health_good']} of {twice['health_asked']}, {twice['health_max_ms']:.0f} ms")

    def judge(self, name, twice):
        if twice["kept"] < GOODPUT_KEPT:
            self.miss(f"{name}: goodput at twice the load is {twice['kept']:.0%} of the peak")
        if twice["refused_sent_p99_ms"] > REFUSAL_MS:
            self.miss(f"{name}: 99 % of refusals came within {twice['refused_sent_p99_ms']:.0f} ms")
        if twice["held_part"] > 0.01:
            self.miss(f"{name}: {twice['held_part']:.0%} of the requests were held back by the sender, whose connections were all waiting")
        if twice["health_good"] < twice["health_asked"]:
            self.miss(f"{name}: {twice['health_asked'] - twice['health_good']} of {twice['health_asked']} health checks failed")
        if twice["failed"] or twice["unanswered"]:
            self.miss(f"{name}: {twice['failed']} requests failed, {twice['unanswered']} got no answer")

    def fairness(self, name):
        what, closed_only = self.requests(name)
        peak = self.peak(what, closed_only)
        noisy = self.open_loop(what, round(2 * peak), self.options.seconds + 2, health=False)
        modest = self.open_loop(what, round(0.05 * peak), health=False, source="127.0.0.2", conns=200)
        modest, noisy = self.result(modest), self.result(noisy)
        served = modest["goodput"] / max(1, modest["goodput"] + modest["refused_per_s"])
        world.say(json.dumps({"phase": "fairness", "modest_served": round(served, 4), "noisy_served": round(noisy["goodput"] / (noisy["goodput"] + noisy["refused_per_s"]), 4),
                              "modest": modest, "noisy": noisy}))
        if served < 0.9:
            self.miss(f"fairness: a modest caller was served {served:.0%} of its requests")

    def slow(self, count):
        """Clients that hold what they have: the server bounds how many, how long and how much."""
        pid = self.server.process.pid
        fds = lambda: len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))
        before = {"memory_mb": self.server.memory_mb()["Rss"], "fds": fds()}
        watcher = selectors.DefaultSelector()
        kinds = {"head": b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ", "flood": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"a" * 25_000,
                 "body": b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\ngrant_type=" + b"a" * 30_000,
                 "reader": f"GET /jwks HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\n\r\n".encode() * 3000, "silent": b""}
        opened = {name: 0 for name in kinds}
        for i in range(count):
            name = list(kinds)[i % len(kinds)]
            s = socket.socket()
            if name == "reader":
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            try:
                s.settimeout(2)
                s.connect(("127.0.0.1", self.server.port))
                s.setblocking(False)
                s.send(kinds[name])
                opened[name] += 1
                watcher.register(s, selectors.EVENT_READ)
            except OSError:
                s.close()
        during = {"memory_mb": self.server.memory_mb()["Rss"], "fds": fds()}
        good, slowest = 0, 0.0
        for _ in range(50):  # new connections all the while
            began = time.perf_counter()
            try:
                with urllib.request.urlopen(self.server.issuer + "/jwks", timeout=5) as answer:
                    good += answer.status == 200
            except urllib.error.HTTPError as answer:
                good += answer.code == 503 and "Retry-After" in answer.headers
            except OSError:
                pass
            slowest = max(slowest, time.perf_counter() - began)
            time.sleep(0.05)
        time.sleep(25)  # every deadline has passed: heads 5 s, bodies and readers 15 s
        left = {"memory_mb": self.server.memory_mb()["Rss"], "fds": fds()}
        for key in list(watcher.get_map().values()):
            key.fileobj.close()
        time.sleep(1)
        after = {"memory_mb": self.server.memory_mb()["Rss"], "fds": fds()}
        world.say(json.dumps({"phase": "slow", "opened": opened, "before": before, "during": during, "after_deadlines": left, "after": after, "good": good, "slowest_ms": round(slowest * 1e3, 1)}))
        if good < 50:
            self.miss(f"slow clients: {50 - good} of 50 requests of others got no answer")
        # A reader whose answers fit into the sockets' buffers idles, for a minute.
        if left["fds"] - before["fds"] > opened["reader"] + 0.05 * count:
            self.miss("slow clients: their connections outlive every deadline")
        if (during["memory_mb"] - before["memory_mb"]) * 1024 > 64 * count:
            self.miss("slow clients: more than 64 KB for each connection")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5, help="of each workload")
    parser.add_argument("--workloads", default="W1,W2,W3,W4")
    parser.add_argument("--slow", type=int, default=4000, help="slow clients; 0 leaves them out")
    parser.add_argument("--first", action="store_true", help="put server and generator before everything else on the machine (root)")
    parser.add_argument("--build", type=pathlib.Path, default=world.BUILD)
    options = parser.parse_args()
    world.use_build(options.build)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="mitral-overload-") as folder:
        run = Overload(pathlib.Path(folder), options)
        try:
            rows = [run.workload(name) for name in options.workloads.split(",") if name]
            if "W2" in options.workloads:
                run.fairness("W2")
            if options.slow:
                run.slow(options.slow)
        finally:
            run.server.stop()
    world.say("\n| | peak | at twice the peak | refused | held back | goodput possible when all are answered | refusals p50 / p99, ms | answers p50 / p99, ms | health |\n"
              "|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        world.say("| " + " | ".join(row) + " |")
    for text in run.missed:
        world.say("missed: " + text)
    return 1 if run.missed else 0


if __name__ == "__main__":
    sys.exit(main())
