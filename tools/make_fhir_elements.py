#!/usr/bin/env python3
"""Writes src/fhir/r4_elements_table.cc: which elements the types of FHIR R4 have, of what type, and which repeat.

  python3 tools/make_fhir_elements.py FOLDER

FOLDER holds profiles-types.xml and profiles-resources.xml of FHIR R4 4.0.1, from
https://hl7.org/fhir/R4/definitions.xml.zip (the definitions are dedicated to the public domain, CC0). Only facts are taken:
names, types, cardinalities. The table changes when the version of FHIR does, and is committed.

One row a type. Its elements stand in the order of the XML form, each as name, mark, type; the mark says how:
  :  at most once          *  repeats          @  an attribute in XML          #  a choice: one of the types, once
Elements with parts of their own become types that are named by their path ("Patient.contact").
"""
import pathlib
import sys
import xml.etree.ElementTree as xml

NS = "{http://hl7.org/fhir}"
OUT = pathlib.Path(__file__).resolve().parent.parent / "src" / "fhir" / "r4_elements_table.cc"
NUMBERS = {"decimal": "decimal", "integer": "integer", "positiveInt": "integer", "unsignedInt": "integer"}


def value(node, name):
    found = node.find(NS + name)
    return None if found is None else found.get("value")


def codes(element):
    """The types of an element, without the profiles of what they may refer to."""
    out = []
    for item in element.findall(NS + "type"):
        code = value(item, "code")
        if code.startswith("http://hl7.org/fhirpath/"):
            code = "string"
        if code not in out:
            out.append(code)
    return out


def read(folder):
    types, rows = [], {}
    for name in ("profiles-types.xml", "profiles-resources.xml"):
        for definition in xml.parse(folder / name).getroot().iter(NS + "StructureDefinition"):
            kind, derivation = value(definition, "kind"), value(definition, "derivation")
            if derivation != "constraint" and kind in ("primitive-type", "complex-type", "resource"):
                types.append((kind, definition))
    for kind, definition in types:
        name = value(definition, "type")
        base = (value(definition, "baseDefinition") or "").rsplit("/", 1)[-1]
        if kind == "primitive-type":
            form = "xhtml" if name == "xhtml" else name if name == "boolean" else NUMBERS.get(name, "text")
            rows[name] = ("Element", form, [])
            continue
        rows[name] = (base, "resource" if kind == "resource" else "complex", [])
        for element in definition.find(NS + "differential").findall(NS + "element"):
            path = value(element, "path")
            if "." not in path:
                continue
            owner, last = path.rsplit(".", 1)
            found = codes(element)
            if value(element, "contentReference"):
                found = [value(element, "contentReference").lstrip("#")]
            elif found in (["BackboneElement"], ["Element"]):
                rows[path] = (found[0], "complex", [])
                found = [path]
            attribute = [item.get("value") for item in element.findall(NS + "representation")] == ["xmlAttr"]
            repeats = value(element, "max") != "1"
            if last.endswith("[x]"):
                assert not repeats, path
                rows[owner][2].append((last[:-3], "#", found))
            else:
                assert len(found) == 1, (path, found)
                rows[owner][2].append((last, "@" if attribute else "*" if repeats else ":", found))
    return rows


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    rows = read(pathlib.Path(sys.argv[1]))
    open_types = [item for item in rows["Extension"][2] if item[0] == "value"][0][2]
    lines = [
        "// Written by tools/make_fhir_elements.py from the definitions of FHIR R4 4.0.1. Not to be edited.",
        "// clang-format off",
        '#include "fhir/r4_elements_table.h"',
        "",
        "namespace mitral::fhir {",
        "",
    ]

    def text(words, indent):
        out, line = [], ""
        for word in words:
            if line and len(line) + len(word) + 1 > 108 - indent:
                out.append(line + " ")
                line = word
            else:
                line = word if not line else line + " " + word
        out.append(line)
        return ("\n" + " " * indent).join(f'"{piece}"' for piece in out)

    lines.append("// The types of a choice that takes any: Extension.value[x] and others.")
    pieces = " ".join(open_types)
    lines += [f"extern const std::string_view kR4OpenTypes =\n    {text(pieces.split(' '), 4)};", ""]
    lines.append("extern const R4TypeRow kR4Types[] = {")
    names = sorted(rows, key=lambda item: item.encode())
    for name in names:
        base, form, elements = rows[name]
        base = names.index(base) if base else -1
        words = []
        for element, mark, found in elements:
            shown = "?" if mark == "#" and found == open_types else "|".join(found)
            words.append(element + mark + shown)
        lines.append(f'    {{"{name}", {base}, R4Form::{form},\n     {text(words, 5)}}},')
    lines += ["};", f"extern const std::size_t kR4TypesCount = {len(rows)};", "", "}  // namespace mitral::fhir", ""]
    OUT.write_text("\n".join(lines), encoding="utf-8")
    print(f"{OUT.name}: {len(rows)} types, {sum(len(row[2]) for row in rows.values())} elements")
    return 0


if __name__ == "__main__":
    sys.exit(main())
