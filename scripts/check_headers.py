#!/usr/bin/env python3
"""
Each public header compiles alone, as C17 and as C++17, without a warning.

Usage: check_headers.py INCLUDE_FOLDER CC [ARGUMENT...]. Prints TAP; exit 1 if one does not.
"""

import os
import pathlib
import shutil
import subprocess
import sys

from tap import Report

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def compile_alone(compiler, language, header, include):
    """What the compiler complains about. The header comes twice: its guard is tested too."""
    line = "#include <{}>\n".format(header)
    done = subprocess.run(
        [*compiler, "-fsyntax-only", "-I", include, *WARNINGS, "-x", *language, "-"],
        input=(line + line).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.stdout.decode(errors="replace").splitlines() if done.returncode != 0 else []


def find_cxx(cc):
    """The C++ compiler that goes with the C compiler, or any."""
    beside = cc[0].replace("clang", "clang++") if "clang" in cc[0] else cc[0].replace("gcc", "g++")
    for name in (os.environ.get("CXX"), beside if beside != cc[0] else None, "c++", "g++", "clang++"):
        if name and shutil.which(name):
            return [name]
    return None


def main():
    include = pathlib.Path(sys.argv[1])
    cc = sys.argv[2:]
    cxx = find_cxx(cc)
    report = Report()

    for path in sorted(include.rglob("*.h")):
        header = path.relative_to(include).as_posix()
        report.check("{} as C17".format(header), compile_alone(cc, ["c", "-std=c17"], header, str(include)))
        if cxx is None:
            report.skip("{} as C++17".format(header), "there is no C++ compiler")
        else:
            report.check("{} as C++17".format(header), compile_alone(cxx, ["c++", "-std=c++17"], header, str(include)))
    report.finish()


if __name__ == "__main__":
    main()
