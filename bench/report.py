"""Rows, ratios and verdicts of ./do bench, for people and as JSON."""
import os
import platform
import statistics
import subprocess
import sys
import time

import peers
import world

# What the aims were set from: the best peers' rates, and nginx's beside them, in one run on one core. The machine drifts by
# a third from hour to hour, so an aim in requests a second is scaled by what nginx does now.
BASELINE_NGINX_POST = 118_574
BASELINE_NGINX_GET = 121_372


def median_run(runs, key="ops_per_s"):
    """The run in the middle, and the spread."""
    ordered = sorted(runs, key=lambda r: r[key])
    return ordered[(len(ordered) - 1) // 2], (ordered[0][key], ordered[-1][key])


def median(values):
    return statistics.median(values)


class Report:
    def __init__(self):
        self.rows = []

    def row(self, what, figure, ratio, aim, met, cpu="", detail=None):
        """met: True, False, or None where there is no aim."""
        self.rows.append({"what": what, "wall_clock": figure, "ratio": ratio, "cpu": cpu, "aim": aim, "met": met, "detail": detail})
        verdict = "" if met is None or aim == "none" else ": met" if met else ": NOT met"
        world.say(f"  {what}\n      {figure}" + (f"; {ratio}" if ratio != "-" else "") + (f"\n      CPU {cpu}" if cpu else "") + f"\n      aim {aim}{verdict}")

    @staticmethod
    def rate(run, spread):
        return f"{run['ops_per_s']:,.0f}/s ({spread[0]:,.0f} to {spread[1]:,.0f}), p99 {run['p99_us'] / 1000:.2f} ms"

    @staticmethod
    def store_work(run):
        fsync = f", {run['commits_per_fsync']:.1f} commits per fsync" if run["commits"] > 0.01 else ""
        database = f", PostgreSQL {run['database_cpu_us']:.0f} us" if run["database_cpu_us"] else ""
        return f"{run['cpu_us']:.1f} us for each{database}; {run['reads']:.1f} reads, {run['commits']:.1f} commits{fsync}"

    def text(self, about):
        out = [where(about), *busy(about), "Rates and latencies are wall clock (median of the repeats, and the spread); CPU is the server's own time for one answer.", "",
               "| | wall clock | ratio | CPU, round trips | aim |", "|---|---|---|---|---|"]
        for r in self.rows:
            verdict = "" if r["met"] is None or r["aim"] == "none" else ": met" if r["met"] else ": **not met**"
            aim = "" if r["aim"] == "none" else r["aim"]
            out.append(f"| {r['what']} | {r['wall_clock']} | {'' if r['ratio'] == '-' else r['ratio']} | {r['cpu']} | {aim}{verdict} |")
        return "\n".join(out)


def where(about):
    return (f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, commit {about['commit']}, {about['date']}, release build, durable commits; {about['nginx']}; "
            f"{about['openssl']}; {about['postgres']}. Command: `{about['command']}`.")


def busy(about):
    """What to say of a machine that did something else as well, or was taken away."""
    said = f"In the second before the run other programs used {about['others']:.0%} of the processors; during it the host took {about['stolen']:.0%} of them away"
    if Turns.counted:
        said += f", during the turns that count {about['stolen_counted']:.0%} ({len(Turns.counted)} of {len(Turns.counted) + Turns.again}: where it took more than {QUIET:.0%} a turn was taken again)"
    said += "."
    if about["others"] > 0.1:
        return [f"**The machine was busy: rates, latencies and their verdicts mean nothing, CPU figures little.** {said}"]
    return [f"**The host was busy: rates and latencies are lower bounds.** {said}" if about["stolen_counted"] > 0.1 else said]


def profile_text(about, profiles):
    out = [where(about), "", "| | parts | first five entries |", "|---|---|---|"]
    for name, found in profiles.items():
        parts = ", ".join(f"{part} {share}" for part, share in found["parts"])
        entries = "; ".join(f"{entry} {share}" for entry, share in found["entries"])
        out.append(f"| {name} | {parts} | {entries} |")
    return "\n".join(out)


def put(name, text):
    """Puts the text into docs/performance.md, between the marks of that name."""
    path = world.ROOT / "docs/performance.md"
    document = path.read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, rest = document.split(begin, 1)
    path.write_text(before + begin + text + "\n" + end + rest.split(end, 1)[1])


def processors():
    """Ticks of all processors since the start of the machine: used, stolen by the host, and all."""
    with open("/proc/stat") as stat:
        user, nice, system, idle, iowait, irq, softirq, stolen = map(int, stat.readline().split()[1:9])
    used = user + nice + system + irq + softirq
    return used, stolen, used + stolen + idle + iowait


def share(which, before, after):
    return (after[which] - before[which]) / max(1, after[2] - before[2])


QUIET = 0.02  # of the processors, taken away by the host


class Turns:
    """How the turns of all measurements went."""
    again = 0
    counted = []  # what the host took during those that count

    @classmethod
    def taken(cls, count, turn):
        """`count` results of turn(). One that the host disturbed is taken again, at most twice as many are taken altogether, and
        the quietest count: chosen by what the host took, never by what came out."""
        turns = []
        while len(turns) < count or len(turns) < 2 * count and sum(stolen <= QUIET for stolen, _ in turns) < count:
            before = processors()
            result = turn()
            turns.append((share(1, before, processors()), result))
        cls.again += len(turns) - count
        quietest = sorted(turns, key=lambda one: one[0])[:count]
        cls.counted += [stolen for stolen, _ in quietest]
        return [result for _, result in quietest]


FIRST = processors()
time.sleep(1)
BEGAN = processors()


def machine():
    with open("/proc/cpuinfo") as info:
        cpu = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), platform.machine())

    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=world.ROOT, capture_output=True, text=True).stdout.strip()
    commit = git("rev-parse", "--short", "HEAD") or "unknown"
    if git("status", "--porcelain", "--", "src", "bench", "CMakeLists.txt", "cmake"):
        commit += " with changes"
    return {"cpu": cpu, "kernel": platform.release(), "commit": commit, "date": time.strftime("%Y-%m-%d"), "command": " ".join(["./do bench", *sys.argv[1:]]), "others": share(0, FIRST, BEGAN), "stolen": share(1, BEGAN, processors()),
            "stolen_counted": sum(Turns.counted) / len(Turns.counted) if Turns.counted else share(1, BEGAN, processors()), **peers.versions(), "cores": os.cpu_count()}
