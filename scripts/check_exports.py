#!/usr/bin/env python3
"""
The names the library shows to the linker: the shared library exports exactly what the list says, all of it declared in
the public headers; the static ones hold nothing that could collide with the names of a program.

Usage: check_exports.py LIST INCLUDE_FOLDER SHARED_LIBRARY STATIC_LIBRARY... Prints TAP; exit 1 if a rule is broken.
"""

import pathlib
import re
import subprocess
import sys

from tap import Report


def defined_names(library, *options):
    """Names the library defines, without those of the compiler and its sanitizers, which start with '__'."""
    output = subprocess.run(["nm", "--defined-only", *options, library], stdout=subprocess.PIPE, check=True).stdout.decode()
    names = {line.split()[2] for line in output.splitlines() if len(line.split()) == 3}
    return {name for name in names if not name.startswith("__")}


def declared_names(folder):
    for header in sorted(pathlib.Path(folder).rglob("*.h")):
        code = re.sub(r"/\*.*?\*/", " ", header.read_text(), flags=re.S)
        yield from re.findall(r"^KTK_API\b[^;{(]*\b(\w+)\s*\(", code, re.M)


def main():
    list_path, include, shared = sys.argv[1:4]
    listed = pathlib.Path(list_path).read_text().split()
    exported = defined_names(shared, "--dynamic")
    declared = set(declared_names(include))

    report = Report()
    report.check(
        "the list of exports is sorted, without doubles",
        ["{} is out of order".format(b) for a, b in zip(listed, listed[1:]) if a >= b],
    )
    report.check(
        "the library exports what the list says",
        ["{} is exported but not listed".format(name) for name in sorted(exported - set(listed))]
        + ["{} is listed but not exported".format(name) for name in sorted(set(listed) - exported)],
    )
    report.check(
        "exports and public headers agree",
        ["{} is exported but not declared".format(name) for name in sorted(exported - declared)]
        + ["{} is declared but not exported".format(name) for name in sorted(declared - exported)],
    )
    report.check(
        "exported names start with ktk_",
        ["{} does not".format(name) for name in sorted(exported) if not name.startswith("ktk_")],
    )
    for library in sys.argv[4:]:
        names = defined_names(library, "--extern-only")
        report.check(
            "{}: names start with ktk_ or ktki_".format(pathlib.Path(library).name),
            ["{} does not".format(name) for name in sorted(names) if not name.startswith(("ktk_", "ktki_"))],
        )
    report.finish()


if __name__ == "__main__":
    main()
