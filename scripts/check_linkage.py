#!/usr/bin/env python3
"""
What is shipped needs no library at run time but the C library and those that docs/dependencies.md names; above all, not
the runtime of C++.

Usage: check_linkage.py DEPENDENCIES_MD BINARY... Prints TAP; exit 1 if a rule is broken.
"""

import pathlib
import re
import subprocess
import sys

from tap import Report

# Of the C library and the compiler, and what sanitizers bring along.
PLATFORM = re.compile(r"(libc|libm|libpthread|libgcc_s|libresolv|ld-linux[-\w]*|lib(a|l|t|ub)san)$")
# Parts of a library that is named.
PARTS = {"libbrotlicommon": "libbrotlidec"}


def needed_libraries(binary):
    output = subprocess.run(["readelf", "--dynamic", "--wide", binary], stdout=subprocess.PIPE, check=True).stdout.decode()
    for name in re.findall(r"\(NEEDED\).*\[(.*?)\]", output):
        yield name.split(".so")[0]


def main():
    taken = pathlib.Path(sys.argv[1]).read_text().split("## Written here")[0]
    named = set(re.findall(r"\blib\w+", taken)) | {"libkartothek"}
    report = Report()
    for binary in sys.argv[2:]:
        report.check(
            "{} needs what docs/dependencies.md names".format(pathlib.Path(binary).name),
            [
                "{} is not named there".format(name)
                for name in needed_libraries(binary)
                if not PLATFORM.match(name) and PARTS.get(name, name) not in named
            ],
        )
    report.finish()


if __name__ == "__main__":
    main()
