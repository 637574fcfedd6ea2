#!/usr/bin/env python3
"""Holds the house to its plan (ARCHITECTURE.md): floors, file sizes, banned calls, headers' docstrings.

Prints every breach as file:line: rule, and exits with 1 if there is one.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"

FLOOR = {
    "base": 0,
    "codec": 1, "crypto": 1,
    "jose": 2,
    "spec": 3, "model": 3, "fhir": 3,
    "policy": 4, "ports": 4, "audit": 4,
    "flow": 5, "login": 5,
    "net": 6, "store": 6,
    "web": 7, "gateway": 7, "sandbox": 7,
    "app": 8, "sdk": 8,
}
# The arrows between rooms of one floor.
SIBLINGS = {("audit", "ports"), ("audit", "policy"), ("login", "flow")}
# Rooms that must not be entered although they lie below.
FORBIDDEN = {("net", "flow"), ("net", "login"), ("net", "policy"), ("net", "ports")}

LINES_MAX = 700
# Written by a program: nobody reads them from end to end.
GENERATED = {"fhir/r4_elements_table.cc"}
BANNED = [
    # pattern, where it is allowed, why
    (r"#include <openssl/", {"crypto", "net"}, "only crypto/ (and net/ for TLS) includes OpenSSL"),
    (r"#include <boost/asio|#include <boost/beast", {"net"}, "only net/ includes Asio"),
    (r"#include <sqlite3\.h>", {"store"}, "only store/ includes SQLite"),
    (r"#include <kainjow/", {"web"}, "only web/ renders templates"),
    (r"\b(strcpy|strcat|sprintf|gets|strtok|system|popen)\s*\(", set(), "banned call"),
    (r"\bsystem_clock::now\(", {"base"}, "time is handed in (base/time.h Clock)"),
    (r"\bstd::(rand|srand|mt19937|random_device)\b", set(), "randomness is handed in (base/random.h)"),
    (r"\bmemcmp\s*\(", {"base", "crypto"}, "compare secrets with constant_time_equal"),
    (r"#include <regex>|\bstd::regex\b", set(), "no regular expressions: their time depends on the input (threat W-16)"),
    (r"\b(TODO|FIXME|XXX|HACK)\b", set(), "unfinished work does not land"),
    (r"std::cout|std::cerr|\bprintf\s*\(", {"app", "main"}, "write through base/log.h"),
]


def main() -> int:
    breaches = []

    def breach(path, line, text):
        breaches.append(f"{path.relative_to(ROOT)}:{line}: {text}")

    for path in sorted(SRC.rglob("*")):
        if path.suffix not in (".h", ".cc"):
            continue
        room = path.relative_to(SRC).parts[0] if path.parent != SRC else "main"
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        if len(lines) > LINES_MAX and path.relative_to(SRC).as_posix() not in GENERATED:
            breach(path, len(lines), f"longer than {LINES_MAX} lines: make it two rooms")
        if path.suffix == ".h":
            if not lines or not lines[0].startswith("//"):
                breach(path, 1, "a header opens with what it is, its source and its thread rules")
            if "#pragma once" not in text:
                breach(path, 1, "#pragma once is missing")
        for number, line in enumerate(lines, 1):
            found = re.match(r'\s*#include "([a-z_]+)/', line)
            if found and room in FLOOR:
                other = found.group(1)
                if other not in FLOOR:
                    breach(path, number, f"includes the unknown room {other}/")
                elif other != room:
                    if FLOOR[other] > FLOOR[room] or (FLOOR[other] == FLOOR[room] and (room, other) not in SIBLINGS):
                        breach(path, number, f"{room}/ (floor {FLOOR[room]}) includes {other}/ (floor {FLOOR[other]})")
                    elif (room, other) in FORBIDDEN:
                        breach(path, number, f"{room}/ must not know {other}/")
            if len(line) > 140:
                breach(path, number, "line over 140 columns")
            code = line.split("//")[0] if "TODO" not in line and "FIXME" not in line else line
            for pattern, allowed, why in BANNED:
                if room not in allowed and re.search(pattern, code):
                    breach(path, number, why)
    # A profile is data: no code outside policy/ compares a profile's name.
    for path in sorted(SRC.rglob("*.cc")):
        room = path.relative_to(SRC).parts[0]
        if room == "policy":
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r'profile(_name|\.name)?\s*==\s*"', line):
                breach(path, number, "compares a profile's name: read a field of the row instead")
    for text in breaches:
        print(text)
    print(f"{len(breaches)} breaches" if breaches else "the house stands as planned")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
