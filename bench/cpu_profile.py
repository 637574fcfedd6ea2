"""The CPU profile of each workload: where the server's time goes, by part and by function (./do bench --profile).

Needs perf, and a kernel that lets it look (kernel.perf_event_paranoid below 2, or root). Functions of libraries without symbols
are counted as one entry for each library; a kernel function stands for the whole system call that it belongs to.
"""
import collections
import re
import signal
import subprocess
import time

import world


def recorded(server, path, measure):
    """Runs `measure` under perf; what it returned."""
    perf = subprocess.Popen(["perf", "record", "-q", "-F", "1499", "-g", "-p", str(server.process.pid), "-o", path],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    try:
        return measure()
    finally:
        perf.send_signal(signal.SIGINT)
        perf.wait(30)


def short(name):
    name = re.sub(r"\[clone [^]]*\]|\[abi:\w+\]", "", name)
    while True:  # templates, innermost first
        plain = re.sub(r"<[^<>]*>", "", name)
        if plain == name:
            break
        name = plain
    name = re.sub(r"\(anonymous namespace\)::", "", name)
    return name.split("(")[0].strip().replace("mitral::", "")


def entry(frames):
    """What a sample is counted as: (part, function)."""
    name, part = frames[0]
    if part == "kernel":
        calls = [found[1] for f, p in frames if p == "kernel" and (found := re.match(r"_+(?:x64_|se_)?sys_(\w+)$", f))]
        call = calls[-1] if calls else "interrupts and scheduling"
        return "kernel", call
    if name == "[unknown]" and part != "mitral":
        return part, "(no symbols)"
    return part, short(name)


def samples(path):
    text = subprocess.run(["perf", "script", "-i", path, "-F", "tid,ip,sym,dso"], capture_output=True, text=True, errors="replace").stdout
    for block in text.split("\n\n"):
        frames = []
        for line in block.splitlines()[1:]:
            found = re.match(r"\s*[0-9a-f]+ (.*) \((.*)\)$", line)
            if found:
                file = found[2].split("/")[-1]
                frames.append((re.sub(r"\+0x[0-9a-f]+$", "", found[1]), "kernel" if "kernel" in file or file.startswith("[") and "vdso" not in file else re.sub(r"\.so.*", "", file)))
        if frames:
            yield frames


def summary(path):
    """Shares by part, and the first five entries."""
    parts, entries, count = collections.Counter(), collections.Counter(), 0
    for frames in samples(path):
        part, name = entry(frames)
        parts[part] += 1
        entries[(part, name)] += 1
        count += 1
    share = lambda n: f"{100 * n / max(1, count):.1f} %"
    return {"samples": count, "parts": [(p, share(n)) for p, n in parts.most_common(6)],
            "entries": [(f"{name} ({part})", share(n)) for (part, name), n in entries.most_common(5)]}


def say(what, path):
    found = summary(path)
    world.say(f"  profile of {what}, {found['samples']:,} samples: " + ", ".join(f"{p} {s}" for p, s in found["parts"]))
    for name, share in found["entries"]:
        world.say(f"      {share:>7}  {name}")
    return found
