#!/usr/bin/env python3
"""Faults with real parts: real nodes, a real PostgreSQL primary with a synchronous standby, kill -9, cut cables, full disks.

  run.py PROGRAM SHIM [--storage sqlite|postgres] [--rounds N] [--length SECONDS] [--only FAULT] [--soak MINUTES] [--report FILE]

Clients use all nodes the whole time, and note what was acknowledged; between and during that the faults happen. Afterwards a
checker holds what the servers know against what they had acknowledged: no code redeemed twice, no acknowledged revocation
forgotten, no audit record missing, no token of a dead family accepted, no living grant lost.

Exit status: 0 held, 1 did not, 77 the machine can't do it (needs root for namespaces; PostgreSQL for that storage).
"""
import argparse
import json
import pathlib
import random
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import network
import postgres


def say(text):
    print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("shim")
    parser.add_argument("--storage", choices=["sqlite", "postgres"], default="postgres")
    parser.add_argument("--rounds", type=int, default=1, help="how often every fault happens")
    parser.add_argument("--length", type=float, default=4, help="how long one lasts, in seconds")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--soak", type=float, default=0, help="minutes of load without any fault, before them; memory and open files must stay flat")
    parser.add_argument("--only", help="this fault alone")
    parser.add_argument("--report", help="write the verdict as JSON here")
    options = parser.parse_args()
    options.program, options.shim = (str(pathlib.Path(p).resolve()) for p in (options.program, options.shim))
    try:
        import jwcrypto  # noqa: F401
    except ImportError:
        say("skipped: python3-jwcrypto is not installed")
        return 77
    if options.storage == "postgres" and postgres.binaries() is None:
        say("skipped: PostgreSQL is not installed (Debian: postgresql-15)")
        return 77
    if not network.isolate():
        say("skipped: network namespaces need root")
        return 77
    return run(options)


def soak(options, load):
    end = time.monotonic() + options.soak * 60
    while time.monotonic() < end:
        time.sleep(min(30, end - time.monotonic()))
        say(f"  {max(0, end - time.monotonic()) / 60:.1f} minutes left, {len(load.history.acknowledged)} answers acknowledged, {len(load.history.violations)} violations")


def run(options):
    from checker import check
    from faults import FAULTS
    from load import Load
    from watch import Watch
    from world import World
    network.prepare()
    with tempfile.TemporaryDirectory(prefix="mitral-cluster-", ignore_cleanup_errors=True) as folder:
        say(f"Starting {'three nodes over a PostgreSQL primary with a synchronous standby' if options.storage == 'postgres' else 'a node with SQLite'}")
        world = World(options.program, options.shim, folder, options.storage, soak=options.soak > 0)
        world.start()
        load = Load(world, options.threads)
        load.start()
        watch = Watch(world.nodes)
        rows = []
        try:
            time.sleep(options.length)
            soak(options, load)
            table = [f for f in FAULTS if options.storage in f[1] and options.only in (None, f[0])]
            for turn in range(options.rounds):
                order = table if turn == 0 else random.Random(turn).sample(table, len(table))
                for name, _, act in order:
                    began, before = time.monotonic(), len(load.history.acknowledged)
                    act(world, options.length)
                    ended = time.monotonic()
                    rows.append({"fault": name, "seconds": round(ended - began, 1), "acknowledged": len(load.history.acknowledged) - before,
                                 "longest_silence_s": round(load.history.longest_silence(began, ended), 2), "violations_so_far": len(load.history.violations)})
                    say(f"  {name}: {rows[-1]['seconds']} s, {rows[-1]['acknowledged']} answers acknowledged, longest silence {rows[-1]['longest_silence_s']} s")
                    time.sleep(1)
        except RuntimeError as failure:  # a fault that did not end as it must
            load.history.violate(str(failure))
        finally:
            load.stop()
            watch.stop()
        violations = check(world, load.history, say)
        statuses = world.stop()
        if any(statuses):
            violations.append(f"nodes ended with {statuses}")
        flat = watch.verdict()
        for row in flat:
            say(f"  {row['node']} in {row['minutes']} minutes: {row['memory_mb'][0]} MB then {row['memory_mb'][1]} MB, {row['open_files'][0]:.0f} then {row['open_files'][1]:.0f} open files")
            if not row["flat"]:
                violations.append(f"{row['node']} grows: {row}")
        counts = {f"{kind}: {verdict}": n for (kind, verdict), n in sorted(load.history.counts.items())}
        for line, n in counts.items():
            say(f"  {n:6} {line}")
        for text in sorted(set(violations)):
            say(f"VIOLATION ({violations.count(text)}x): {text}")
        if violations:
            for node in world.nodes:
                say(f"--- {node.name}\n" + node.log.read_text()[-1500:])
        if options.report:
            pathlib.Path(options.report).write_text(json.dumps({"storage": options.storage, "faults": rows, "answers": counts, "cost": flat, "violations": violations}, indent=1))
        say("Held." if not violations else "DID NOT HOLD.")
        return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
