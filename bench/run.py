#!/usr/bin/env python3
"""./do bench: Mitral on SQLite and on PostgreSQL, beside nginx and the crypto's own bound, on this machine, in one run.

Everything runs on loopback: the server (with its database) on one core, the load on another. Commits are durable (fsync).
Figures are ratios within one run: absolute numbers of another machine or another hour mean little.

Two kinds of figures: rates and latencies are wall clock, and suffer from whatever else runs on the machine; CPU is the
server's own time (user and system, all its threads) for one answer, which other programs hardly change.

world.py: what is started.  peers.py: what is compared with.  workloads.py: W1 to W7.  gateway.py: a guarded read, the judge,
revocation.  report.py: rows and verdicts.
"""
import argparse
import json
import os
import pathlib
import sys
import tempfile
import time

import peers
import report
import workloads
import world
from peers import Nginx  # noqa: F401  gateway.py takes these from here
from world import *  # noqa: F401,F403

WORKLOADS = ("W1", "W2", "W3", "W4s", "W5", "W6d", "W6j", "W7")
GATEWAY = ("guarded", "judging", "revocation")
CLIENTS = 100_000


class Bench:
    """One server with its workloads; gateway.py measures against the first one."""

    def __init__(self, folder, options, rows, name="sqlite", postgres=None):
        self.folder, self.options, self.rows, self.name = folder, options, rows, name
        self.server = world.Server(folder, name, postgres)
        if not (folder / "master.key").exists():  # gateways share it
            (folder / "master.key").write_bytes((self.server.folder / "master.key").read_bytes())
            (folder / "master.key").chmod(0o600)
        self.work = workloads.Workloads(self.server, options)
        self.work.register()
        self.server.start()
        if not (folder / "private.jwk").exists():
            for name in ("private.jwk", "jwks.json"):
                (folder / name).write_bytes((self.server.folder / name).read_bytes())
        time.sleep(0.6)  # commands beside a running server are noticed within half a second

    # For gateway.py.
    @property
    def user(self):
        return self.work.user

    def parameters(self, client):
        return self.work.parameters(client, "openid launch/patient offline_access patient/*.rs")

    def row(self, *arguments, **kw):
        self.rows.row(*arguments, **kw)


class Run:
    def __init__(self, folder, options):
        self.folder, self.options, self.rows = folder, options, report.Report()
        self.benches, self.postgres = [], None

    def start(self):
        if "sqlite" in self.options.storage:
            self.benches.append(Bench(self.folder, self.options, self.rows))
        if "postgres" in self.options.storage:
            self.postgres = world.Postgres(self.folder, self.options.postgres_core)
            self.benches.append(Bench(self.folder, self.options, self.rows, "postgres", self.postgres))

    def stop(self):
        for bench in self.benches:
            bench.server.stop()
        if self.postgres:
            self.postgres.stop()

    def repeated(self, *measurements):
        """Each of them `repeats` times, in turn: what the machine does to one it does to the others."""
        return list(zip(*report.Turns.taken(self.options.repeats, lambda: [measure() for measure in measurements])))

    def static(self, size, post):
        return lambda: peers.static_answer(self.folder, size, self.options.seconds, post)

    def rows_of(self, what, ours, compare):
        """A row for each store; `compare(run, spread)` gives (ratio, aim, met) for the first, the rest is held to twice its time."""
        first = None
        for bench, runs in zip(self.benches, ours):
            run, spread = report.median_run(runs)
            ratio, aim, met = compare(run)
            if first is not None:
                factor = first["ops_per_s"] / run["ops_per_s"]
                ratio, aim, met = f"{factor:.1f} times slower than SQLite ({ratio})", "within a factor of 2", factor <= 2
            first = first or run
            self.rows.row(f"{what}, {bench.name}", self.rows.rate(run, spread), ratio, aim, met, self.rows.store_work(run), runs)

    def beside_nginx(self, what, measure, size, post, share, words):
        """Held to a share of nginx's static answer of the same size."""
        measured = self.repeated(*[lambda b=b: measure(b.work) for b in self.benches], self.static(size, post))
        nginx, spread = report.median_run(measured[-1])
        verb = "POST" if post else "GET"
        self.rows.row(f"nginx, static answer of {size} bytes to a {verb}", self.rows.rate(nginx, spread), "-", "none", None, f"{nginx['cpu_us']:.1f} us for each", measured[-1])

        def compare(run):
            ratio = run["ops_per_s"] / nginx["ops_per_s"]
            return f"{ratio:.1%} of nginx (CPU {nginx['cpu_us'] / run['cpu_us']:.0%})", f"{share:.1%} of nginx{words}", ratio >= share
        return self.rows_of(what, measured[:-1], compare)

    def disk(self):
        """What no durable answer can be faster than: of 32 connections, half wait for the batch that is being written, half for the next."""
        rates = self.repeated(lambda: peers.durable_writes(self.folder, self.options.seconds))[0]
        rate = report.median(rates)
        self.rows.row("the disk: 32 KiB appended with fdatasync", f"{rate:,.0f}/s ({min(rates):,.0f} to {max(rates):,.0f})",
                      f"32 connections in two groups: at most {16 * rate:,.0f} durable answers/s, each after {1.5e3 / rate:.1f} ms or more", "none", None, "", rates)

    def w1(self):
        self.disk()
        share = 6 * 6_800 / report.BASELINE_NGINX_POST
        self.beside_nginx("W1 client_credentials, secret to opaque token", lambda w: w.w1(), 300, True, share, " (40,800/s where the aim was set)")

    def w2(self):
        seconds = str(max(1, int(float(self.options.seconds))))
        speed = peers.openssl_speed(seconds)
        bound = 1 / (1 / speed[0] + 1 / speed[1])
        measured = self.repeated(*[lambda b=b: b.work.w2(1.3 * bound) for b in self.benches], lambda: peers.openssl_speed(seconds))
        sign, verify = (report.median([s[i] for s in measured[-1]]) for i in (0, 1))
        bound = 1 / (1 / sign + 1 / verify)
        self.rows.row("openssl, ECDSA P-256", f"{sign:,.0f} signatures/s, {verify:,.0f} verifications/s", "-", "none", None, f"{1e6 / bound:.0f} us for one of each")

        def compare(run):
            ratio = run["ops_per_s"] / bound
            return f"{ratio:.0%} of 1/(verify + sign) = {bound:,.0f}/s (CPU {1e6 / bound / run['cpu_us']:.0%})", "60 %", ratio >= 0.6
        self.rows_of("W2 private_key_jwt ES256 to ES256 JWT", measured[:-1], compare)

    def w3(self):
        for bench in self.benches:
            bench.work.w3()  # makes the tokens; not counted
        self.beside_nginx("W3 introspection of a live opaque token", lambda w: w.w3(), self.benches[0].work.introspection_size, True, 0.45, "")

    def w4s(self):
        share = 10 * 910 / report.BASELINE_NGINX_POST
        self.beside_nginx("W4s code + PKCE flow, signed in, consent remembered, ES256 ID token (flows)", lambda w: w.w4s(), 300, True, share,
                          " (9,100 flows/s where the aim was set)")

    def w5(self):
        measured = self.repeated(*[lambda b=b: b.work.w5() for b in self.benches])
        self.rows_of("W5 refresh with rotation and an ES256 ID token", measured,
                     lambda run: ("-", "5,000/s, p99 under 25 ms at 32 connections", run["ops_per_s"] >= 5000 and run["p99_us"] < 25_000))

    def w6(self, what, path):
        bench = self.benches[0]  # the store has no part in it
        size, _ = bench.work.document(path)
        measured = self.repeated(lambda: bench.work.document(path)[1], self.static(size, False))
        (run, spread), (nginx, _) = report.median_run(measured[0]), report.median_run(measured[1])
        ratio = run["ops_per_s"] / nginx["ops_per_s"]
        self.rows.row(f"{what}, {size:,} bytes", self.rows.rate(run, spread),
                      f"{ratio:.0%} of nginx's static answer of that size, {nginx['ops_per_s']:,.0f}/s (CPU {nginx['cpu_us'] / run['cpu_us']:.0%})",
                      "70 % of nginx", ratio >= 0.7, f"{run['cpu_us']:.1f} us, nginx {nginx['cpu_us']:.1f} us", measured[0])

    def w6d(self):
        self.w6("W6 discovery", "/.well-known/openid-configuration")

    def w6j(self):
        self.w6("W6 JWKS", "/jwks")

    def w7(self):
        times = max(5, self.options.repeats)
        for bench in self.benches:
            aimed = bench.name == "sqlite"
            starts, memory = bench.work.starts(times)
            self.rows.row(f"W7 start to the first 200, {bench.name}", f"{report.median(starts):.0f} ms (best {min(starts):.0f}, of {times})", "-",
                          "26 ms" if aimed else "none", report.median(starts) <= 26 if aimed else None, "", starts)
            self.rows.row(f"W7 memory after three idle seconds, {bench.name}", f"{memory['Rss']:.1f} MB resident, {memory['Pss_Anon']:.1f} MB of it its own", "-",
                          "16 MB" if aimed else "none", memory["Rss"] <= 16 if aimed else None, "", memory)
            bench.server.stop()
            bench.work.fill_clients(CLIENTS)
            bench.server.start()
            starts, memory = bench.work.starts(times)
            self.rows.row(f"W7 start with {CLIENTS:,} clients stored, {bench.name}", f"{report.median(starts):.0f} ms (best {min(starts):.0f}, of {times}); "
                          f"then {memory['Rss']:.1f} MB", "-", "150 ms" if aimed else "none", report.median(starts) <= 150 if aimed else None, "", starts)

    def profiles(self, wanted):
        """Where the server's time goes in each workload: perf runs beside it, so these runs give no rates."""
        import cpu_profile
        done = {}
        for bench in self.benches:
            w = bench.work
            for name, measure in {"w1": w.w1, "w2": lambda: w.w2(12_000), "w3": w.w3, "w4s": w.w4s, "w5": w.w5,
                                  "w6d": lambda: w.document("/.well-known/openid-configuration"), "w6j": lambda: w.document("/jwks")}.items():
                if name in wanted:
                    if name == "w3":
                        measure()  # makes the tokens
                    path = self.folder / f"{name}-{bench.name}.perf"
                    cpu_profile.recorded(bench.server, path, measure)
                    done[f"{name} {bench.name}"] = cpu_profile.say(f"{name.upper()}, {bench.name}", path)
        return done

    def run(self):
        wanted = [w.lower() for w in self.options.only] or [w.lower() for w in WORKLOADS + GATEWAY]
        wanted += [w for w in ("w6d", "w6j") if "w6" in wanted]
        try:
            self.start()
            if self.options.profile:
                self.profiled = self.profiles(wanted)
                return
            for name in GATEWAY:
                if name in wanted:
                    import gateway
                    world.say(name)
                    getattr(gateway, name)(self.benches[0])
            for name in WORKLOADS:
                if name.lower() in wanted:
                    world.say(name)
                    try:
                        getattr(self, name.lower())()
                    except RuntimeError as error:  # the others can still be measured
                        self.rows.row(f"{name} failed", str(error).splitlines()[0][:200], "-", "an answer", False)
        finally:
            self.stop()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", default="5", help="of each measurement")
    parser.add_argument("--repeats", type=int, default=3, help="of each; the median counts")
    parser.add_argument("--only", nargs="*", default=[], help=" ".join(WORKLOADS + GATEWAY))
    parser.add_argument("--storage", nargs="+", default=["sqlite", "postgres"], choices=["sqlite", "postgres"])
    parser.add_argument("--postgres-core", default=world.SERVER_CORE, help="PostgreSQL shares the server's core unless told otherwise")
    parser.add_argument("--profile", action="store_true", help="instead of rates: the first five entries of each workload's CPU profile (perf)")
    parser.add_argument("--tokens", type=int, default=100_000, help="that the gateway remembers when one of them is revoked")
    parser.add_argument("--build", type=pathlib.Path, default=world.BUILD, help="folder of the build to measure")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--json", help="write the results to this file")
    return parser.parse_args()


def main():
    global MITRAL, LOAD
    options = arguments()
    world.use_build(options.build.resolve())
    MITRAL, LOAD = world.MITRAL, world.LOAD
    if (os.cpu_count() or 1) < 2:
        sys.exit("bench: two cores are needed: one for the server, one for the load")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mitral-bench-"))
    run = Run(folder, options)
    try:
        run.run()
    finally:
        world.remove(folder)
    about = report.machine()
    if options.profile:
        text, result = report.profile_text(about, run.profiled), {"machine": about, "profiles": run.profiled}
    else:
        text, result = run.rows.text(about), {"machine": about, "rows": run.rows.rows}
    world.say("\n" + text)
    if options.write:
        report.put("profiles" if options.profile else "results", text)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    sys.modules["run"] = sys.modules["__main__"]  # gateway.py works with what is here
    main()
