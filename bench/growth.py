#!/usr/bin/env python3
"""./do growth: what an operation costs with ten thousand live grants, and with ten million.

For each size an installation is filled straight into its database (bench/fill.cc: grants with refresh families, a tenth as many users
and sessions, twice as many audit events; with PostgreSQL by COPY), the server is started on one core with a memory for a thousand grants,
and asked from another for random grants, so that nearly every one has to be looked up:

  introspection    of an opaque token        refresh    by a public client, with rotation: durable
  remembered       the same, of 200 in turn  revocation of a refresh token: durable
  sign-in session  /authorize?prompt=none

p99 with many may be at most 1.5 times p99 with few. Rounds alternate between the sizes, so that what the machine does to one it does to the
other. Afterwards the audit record is verified, and the server's memory is measured before and after it has come to remember a million grants.
"""
import argparse
import json
import math
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse

import world
from world import say

# As somebody sets a PostgreSQL up that holds millions of grants.
SETTINGS = ("shared_buffers = 2GB", "wal_compression = on", "max_wal_size = 8GB", "checkpoint_timeout = 30min")
HOT = ("grants", "grants_pkey", "grants_user", "grants_by_session", "grants_expires", "users", "users_pkey", "sessions", "sessions_pkey", "sessions_user")
READS = ("introspection", "remembered", "sign-in session")
REMEMBERED = 200
LEAST_REMEMBERED = 1024  # grants in memory: what `grants_in_memory` may be at least
CHANGES = {"refresh": 900, "revocation": 500}  # grants that one measurement uses up: ten thousand have to do for all rounds
TABLES = ("clients", "resource_servers", "users", "sessions", "grants", "changes", "signing_keys", "audit")
WORK = (*READS, *CHANGES)
FACTOR = 1.5


def made(server, *arguments):
    out = server.made(*arguments)
    return world.basic(out.get("client_id") or out["id"], out.get("client_secret") or out["secret"])


class Installation:
    def __init__(self, folder, name, grants, options, postgres=None):
        self.grants, self.options = grants, options
        self.seed = self.used = 0
        self.server = world.Server(folder, name)
        s = self.server
        self.resource = made(s, "resource", "add", "--id", "opaque", "--name", "Opaque", "--audience", "https://opaque.example/fhir", "--token-format", "opaque",
                             "--token-lifetime", "3600")
        code = ["--grant", "authorization_code", "--grant", "refresh_token", "--redirect-uri", world.REDIRECT, "--offline"]
        for scope in ("openid", "offline_access", "launch/patient", "patient/*.rs"):
            code += ["--scope", scope]
        s.command("client", "add", "--id", "public", "--name", "Public", "--auth", "none", *code, "--verified", "--id-token-alg", "ES256")
        s.start()
        s.stop()
        began = time.perf_counter()
        done = subprocess.run(["nice", "-n", "10", world.BUILD / "bench/mitral_fill", "fill", "--config", s.config, "--grants", str(grants), "--events", str(options.events * grants)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)
        self.filled = time.perf_counter() - began
        if postgres:
            self.move_to(postgres, name)

    def move_to(self, postgres, name):
        """The same installation in PostgreSQL: its rows by COPY, which `mitral db copy` would take longer for."""
        s = self.server
        began = time.perf_counter()
        target = s.folder / "postgres.toml"
        storage = f'path = "{s.folder}/mitral.db", durability = "full"'
        text = s.config.read_text()
        assert storage in text
        target.write_text(text.replace(storage, f'postgres = "{postgres.database(name)}"'))
        subprocess.run([world.MITRAL, "-c", target, "db", "migrate"], check=True, capture_output=True)
        for table in TABLES:
            with sqlite3.connect(s.folder / "mitral.db") as database:
                columns = ", ".join(f'"{row[1]}"' for row in database.execute(f"PRAGMA table_info({table})"))
            rows = subprocess.Popen([world.BUILD / "bench/mitral_fill", "rows", "--config", s.config, "--table", table], stdout=subprocess.PIPE)
            subprocess.run([world.POSTGRES_PROGRAMS / "psql", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "mitral", "-d", name, "-v", "ON_ERROR_STOP=1", "-q",
                            "-c", "SET synchronous_commit = off", "-c", f"COPY mitral.{table}({columns}) FROM STDIN"], stdin=rows.stdout, check=True)
            if rows.wait() != 0:
                raise RuntimeError(f"{table} could not be read")
        postgres.sql("UPDATE mitral.head SET (audit_seq, audit_hash, audit_at) = (SELECT seq, hash, at FROM mitral.audit ORDER BY seq DESC LIMIT 1), "
                     "sealed = (SELECT max(seq) FROM mitral.audit WHERE checkpoint IS NOT NULL), change_seq = (SELECT coalesce(max(seq), 0) FROM mitral.changes)", name)
        for file in s.folder.glob("mitral.db*"):
            file.unlink()
        s.config, s.postgres = target, postgres
        postgres.sql("VACUUM (ANALYZE)", name)  # what autovacuum does within minutes
        postgres.sql("CHECKPOINT", name)
        postgres.sql("CREATE EXTENSION pg_prewarm", name)
        self.copied = time.perf_counter() - began

    def warm(self):
        """What grants are found by lies in the machine's memory, as after some hours of use; the audit record need not."""
        for relation in HOT if self.server.postgres else ():
            self.server.postgres.sql(f"SELECT pg_prewarm('mitral.{relation}', 'read')", self.server.folder.name)

    def size_mb(self):
        if self.server.postgres:
            return int(self.server.postgres.sql(f"SELECT pg_database_size('{self.server.folder.name}')")) / 1e6
        return sum(file.stat().st_size for file in self.server.folder.glob("mitral.db*")) / 1e6

    def remember(self, grants):
        """How many grants the server keeps in memory, from its next start on."""
        text = re.sub(r", grants_in_memory = \d+", "", self.server.config.read_text())
        self.server.config.write_text(re.sub(r"^(storage = .*) \}$", rf"\1, grants_in_memory = {grants} }}", text, flags=re.M))

    def requests(self, changes=0, reads=0):
        """Writes request bodies: for grants that were not used before, and for random ones that are left as they are."""
        self.seed += 1
        subprocess.run([world.BUILD / "bench/mitral_fill", "tokens", "--config", self.server.config, "--grants", str(self.grants), "--offset", str(self.used),
                        "--count", str(changes), "--reads", str(reads), "--seed", str(self.seed), "--out", self.server.folder], check=True)
        self.used += changes

    def measure(self, what):
        s, file, o = self.server, self.server.folder, self.options
        common = ("--conns", str(o.connections), "--duration", str(o.seconds))
        count = REMEMBERED if what == "remembered" else int(o.seconds * 30_000)
        self.requests(reads=count) if what in READS else self.requests(changes=CHANGES[what])
        if what in ("introspection", "remembered"):
            return s.load("--path", "/introspect", "--header", self.resource, "--bodies", file / "introspect", "--require", '"active":true', *common)
        if what == "sign-in session":
            query = {"response_type": "code", "client_id": "public", "redirect_uri": world.REDIRECT, "scope": "openid", "state": "state-0123456789",
                     "nonce": "nonce-0123456789", "code_challenge": world.CHALLENGE, "code_challenge_method": "S256", "prompt": "none"}
            return s.load("--get", "--path", "/authorize?" + urllib.parse.urlencode(query), "--cookies", file / "cookies", "--status", "302", *common)
        if what == "refresh":
            return s.load("--path", "/token", "--bodies", file / "refresh", "--once", "--require", '"access_token":"mat_', *common)
        return s.load("--path", "/revoke", "--bodies", file / "revoke", "--once", *common)

    def signed_in(self):
        """A session of the fill is one: with prompt=none its user is only not asked for her consent."""
        cookie = (self.server.folder / "cookies").read_text().split("\n", 1)[0]
        query = {"response_type": "code", "client_id": "public", "redirect_uri": world.REDIRECT, "scope": "openid", "state": "state-0123456789",
                 "nonce": "nonce-0123456789", "code_challenge": world.CHALLENGE, "code_challenge_method": "S256", "prompt": "none"}
        status, head, _ = world.Browser().ask(self.server.issuer + "/authorize?" + urllib.parse.urlencode(query), headers={"Cookie": "mitral_session=" + cookie})
        if "error=consent_required" not in head.get("Location", ""):
            raise RuntimeError(f"the session is not taken for one: {status} {head.get('Location')}")

    def touch(self, count):
        """Memory before and after so many times a random grant of a quarter was introspected; about how many different ones they were."""
        self.server.stop()
        self.remember(max(count, LEAST_REMEMBERED))
        self.server.start()
        before = self.server.memory_mb()
        self.requests(reads=count)
        quarter = self.grants / 4
        lines = self.server.load("--path", "/introspect", "--header", self.resource, "--bodies", self.server.folder / "introspect", "--once", "--conns",
                                 str(self.options.connections), "--duration", "600", "--require", '"active":true')
        if lines["answered"] != count:
            raise RuntimeError(f"{lines['answered']} of {count} answers")
        return before, self.server.memory_mb(), round(quarter * (1 - math.exp(-count / quarter)))

    def verify(self):
        began = time.perf_counter()
        out = json.loads(self.server.command("--json", "audit", "verify"))
        return out, time.perf_counter() - began


class Run:
    def __init__(self, folder, options):
        self.folder, self.options = folder, options
        self.results = {"storage": options.storage, "sizes": options.sizes, "rows": []}

    def run(self):
        o = self.options
        postgres = world.Postgres(self.folder, world.SERVER_CORE, SETTINGS) if o.storage == "postgres" else None
        places = []
        try:
            for grants in o.sizes:
                place = Installation(self.folder, f"with{grants}", grants, o, postgres)
                places.append(place)
                copied = f", copied in {place.copied:.0f} s" if postgres else ""
                say(f"{o.storage}, {grants:,} grants, {o.events * grants:,} audit events: {place.size_mb():,.0f} MB, filled in {place.filled:.0f} s{copied}")
            for place in places:
                place.warm()
                place.remember(LEAST_REMEMBERED)
                place.server.start()
                place.requests(reads=1000)
                place.signed_in()
            self.compare(places)
            self.memory(places[-1])
            if not o.no_verify:
                self.verify(places[-1])
        finally:
            for place in places:
                place.server.stop()
            if postgres:
                postgres.stop()
        return self.results

    def compare(self, places):
        runs = {(what, place.grants): [] for what in WORK for place in places}
        for _ in range(self.options.rounds):
            for what in WORK:
                for place in places:
                    runs[what, place.grants].append(place.measure(what))
        few, many = places[0].grants, places[-1].grants
        say(f"\n{'':18}{'p50 ' + format(few, ','):>16}{'p50 ' + format(many, ','):>18}{'p99 ' + format(few, ','):>16}{'p99 ' + format(many, ','):>18}{'p99 ratio':>11}")
        for what in WORK:
            p50, p99, reads, rate, cpu = ({n: self.median(runs[what, n], key) for n in (few, many)} for key in ("p50_us", "p99_us", "reads", "ops_per_s", "cpu_us"))
            ratio = p99[many] / p99[few]
            say(f"{what:18}{p50[few]:13.0f} us{p50[many]:15.0f} us{p99[few]:13.0f} us{p99[many]:15.0f} us{ratio:10.2f}x  {'' if ratio <= FACTOR else 'MISSED'}"
                f"  ({rate[few]:,.0f}/s and {rate[many]:,.0f}/s; CPU {cpu[few]:.0f} us and {cpu[many]:.0f} us; reads of the database {reads[few]:.2f} and {reads[many]:.2f})")
            self.results["rows"].append({"what": what, "p50_us": p50, "p99_us": p99, "ratio": ratio, "reads": reads, "ops_per_s": rate, "cpu_us": cpu})

    @staticmethod
    def median(runs, key):
        values = sorted(run[key] for run in runs)
        return values[len(values) // 2]

    def memory(self, place):
        before, after, grants = place.touch(min(self.options.touch, place.grants))
        million = (after["Pss_Anon"] - before["Pss_Anon"]) * 1e6 / grants
        say(f"\nmemory of the server: {before['Pss_Anon']:.1f} MB of its own, {after['Pss_Anon']:.1f} MB when it remembers about {grants:,} grants: {million:,.0f} MB for a million")
        self.results["memory"] = {"before": before, "after": after, "grants": grants, "mb_per_million": million}

    def verify(self, place):
        out, took = place.verify()
        say(f"mitral audit verify: {out['finding']}, {out['records']:,} records in {took:.0f} s")
        self.results["verify"] = {**out, "seconds": took}
        if out["finding"] != "intact":
            raise RuntimeError("the audit record does not hold")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 10_000_000], help="grants; the first and the last are compared")
    parser.add_argument("--events", type=int, default=2, help="audit events for each grant")
    parser.add_argument("--storage", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement that changes nothing")
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 6), help="the median counts")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--touch", type=int, default=1_000_000, help="grants, for the server's memory")
    parser.add_argument("--no-verify", action="store_true", help="leave out the verification of the audit record")
    parser.add_argument("--build", type=pathlib.Path, default=world.BUILD, help="folder of the build to measure")
    parser.add_argument("--json", type=pathlib.Path, help="write the results to this file")
    return parser.parse_args()


def main():
    options = arguments()
    world.use_build(options.build.resolve())
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mitral-growth-"))
    try:
        results = Run(folder, options).run()
    finally:
        world.remove(folder)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 1 if any(row["ratio"] > FACTOR for row in results["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
