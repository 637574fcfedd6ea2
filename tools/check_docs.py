#!/usr/bin/env python3
"""Holds the documents to the tree: every test, file and link they name exists, and every threat has a test or a reason.

Prints every breach as file:line: what, and exits with 1 if there is one.

    docs/threat-model.md, docs/conformance.md, docs/onc/*.md
        `Suite.Name`            a GoogleTest test in tests/
        `file.mjs: title`       a check of a script in tests/ (the beginning of its title is enough)
        `src/…`, `tests/…` …    a file or folder of this tree
    docs/threat-model.md        each row that begins with an id names a test, or says why there is none:
                                "not applicable yet: …", "not applicable: …", "by construction: …"
                                an id that a test carries in its name (J12_…, W7_…) has a row
    docs/operator.md            names every key that src/app/config*.cc read, and every metric
    every *.md                  relative links lead to a file, and to a heading of it
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCS = ("docs/threat-model.md", "docs/conformance.md", *sorted(f"docs/onc/{p.name}" for p in (ROOT / "docs/onc").glob("*.md")))
SKIPPED = {"build", "node_modules", ".git"}
REASON = re.compile(r"\b(not applicable yet|not applicable|by construction): \w")
ROW = re.compile(r"^\| *((?:M|B|BU|BB|N|X|J|W|E|S)-[0-9][0-9a-z.]*)[ ,|]")
# Rows that tests speak of by letter and number alone.
IN_NAMES = re.compile(r"(?:^|_)([JWES])(\d{1,2})(?=_)")


def files(pattern):
    for path in sorted(ROOT.rglob(pattern)):
        if not SKIPPED.intersection(path.relative_to(ROOT).parts):
            yield path


def gtest_names():
    macro = re.compile(r"\b(?:TYPED_TEST|TYPED_TEST_P|TEST|TEST_F|TEST_P|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\(\s*(\w+),\s*(\w+)")
    names = set()
    for path in (ROOT / "tests").rglob("*"):
        if path.suffix in (".cc", ".h") and "node_modules" not in path.parts:
            names.update(f"{suite}.{name}" for suite, name in macro.findall(path.read_text(encoding="utf-8")))
    return names


def script_titles():
    """File name -> text of all string literals of it."""
    out = {}
    for suffix in ("*.mjs", "*.py"):
        for path in (ROOT / "tests").rglob(suffix):
            if "node_modules" not in path.parts:
                out[path.name] = path.read_text(encoding="utf-8")
    return out


def anchors(path):
    """Headings as the addresses that forges make of them."""
    found = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        heading = re.match(r"#+ +(.*)", line)
        if heading:
            text = re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading.group(1)).strip().lower()
            found.add(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return found


def prose(text):
    """Lines with their numbers, without fenced code."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def expand(name):
    """`a/b.{h,cc}` names two files."""
    found = re.match(r"(.*)\{([^}]*)\}(.*)$", name)
    return [found.group(1) + part + found.group(3) for part in found.group(2).split(",")] if found else [name]


class Checker:
    def __init__(self):
        self.breaches = []
        self.tests = gtest_names()
        self.scripts = script_titles()
        self.counted = 0

    def breach(self, path, line, text):
        self.breaches.append(f"{path.relative_to(ROOT)}:{line}: {text}")

    def names_in(self, path, number, line):
        """Checks what stands in backticks; how many tests the line names."""
        count = 0
        for name in re.findall(r"`([^`]+)`", line):
            script = re.match(r"([\w.-]+\.(?:mjs|py)): (.+)$", name)
            # Tests that are called like a row of somebody else's test kit keep its lower case.
            if re.fullmatch(r"[A-Z]\w*\.[A-Z]\w*|Onc\w*\.\w+|Smart_\w+\.\w+", name):
                count += 1
                if name not in self.tests:
                    self.breach(path, number, f"there is no test {name}")
            elif script:
                count += 1
                if script.group(2) not in self.scripts.get(script.group(1), ""):
                    self.breach(path, number, f"tests/ has no check '{name}'")
            elif re.match(r"(src|tests|tools|docs|fuzz|bench|cmake)/[\w./{},-]+$", name):
                for one in expand(name):
                    if not (ROOT / one).exists():
                        self.breach(path, number, f"there is no {one}")
        self.counted += count
        return count

    def documents(self):
        rows = {}
        for name in DOCS:
            path = ROOT / name
            if not path.exists():
                self.breach(path, 1, "is missing")
                continue
            for number, line in prose(path.read_text(encoding="utf-8")):
                count = self.names_in(path, number, line)
                row = ROW.match(line) if name.endswith("threat-model.md") else None
                if not row:
                    continue
                if row.group(1) in rows:
                    self.breach(path, number, f"{row.group(1)} has two rows")
                rows[row.group(1)] = number
                if count == 0 and not REASON.search(line):
                    self.breach(path, number, f"{row.group(1)} has neither a test nor a reason")
        threats = ROOT / DOCS[0]
        for test in sorted(self.tests):
            for letter, digits in IN_NAMES.findall(test.split(".", 1)[1]):
                if f"{letter}-{digits}" not in rows:
                    self.breach(threats, 1, f"{test} speaks of {letter}-{digits}, which has no row")

    def links(self):
        for path in files("*.md"):
            for number, line in prose(path.read_text(encoding="utf-8")):
                for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
                    if re.match(r"[a-z]+:", target):
                        continue
                    file, _, anchor = target.partition("#")
                    there = (path.parent / file).resolve() if file else path
                    if not there.exists():
                        self.breach(path, number, f"broken link {target}")
                    elif anchor and there.suffix == ".md" and anchor not in anchors(there):
                        self.breach(path, number, f"no such heading: {target}")

    def operator(self):
        path = ROOT / "docs/operator.md"
        if not path.exists():
            self.breach(path, 1, "is missing")
            return
        text = "\n".join(line for _, line in prose(path.read_text(encoding="utf-8")))
        config = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src/app").glob("config*.cc")))
        keys = re.findall(r'\b[rs]\.(?:text|texts|flag|number|duration|address|choice<[^>]*>)\("(\w+)"', config)
        for key in sorted(set(keys)):
            if f"`{key}`" not in text:
                self.breach(path, 1, f"does not explain the configuration key {key}")
        for metric in self.metrics():
            if not any(metric in part for part in re.findall(r"`([^`]+)`", text)):
                self.breach(path, 1, f"does not explain the metric {metric}")

    @staticmethod
    def metrics():
        out = set()
        for name in ("src/flow/metrics.cc", "src/app/as_node.cc", "src/app/process.cc", "src/net/server.cc"):
            file = ROOT / name
            if file.exists():
                out.update(re.findall(r'"(mitral_[a-z_]+?)(?:"|\{)', file.read_text(encoding="utf-8")))
        gateway = (ROOT / "src/gateway/metrics.cc").read_text(encoding="utf-8")
        out.update("mitral_gateway_" + name for name in re.findall(r'line\(out, "([a-z_]+)"', gateway))
        return sorted(name for name in out if not name.endswith("_"))


def main() -> int:
    checker = Checker()
    checker.documents()
    checker.links()
    checker.operator()
    for text in checker.breaches:
        print(text)
    good = f"the documents hold: {checker.counted} mentions of tests"
    print(f"{len(checker.breaches)} breaches" if checker.breaches else good)
    return 1 if checker.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
