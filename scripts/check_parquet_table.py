#!/usr/bin/env python3
"""
Every file that docs/parquet.md names in its tables exists and is used by a test; prints TAP. Argument: the source root.

A Parquet file is used if the golden test has an expectation for it; a test is used if its folder's meson.build or scripts/check.py runs it.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
SHARED = ROOT.parent / "shared" / "golden"
#: where files are, and where the expectations are that tests/parquet/test_golden_files.c walks over
GOLDEN = [
    (ROOT / "tests/data/golden/parquet", ROOT / "tests/data/golden/expected/parquet"),
    (SHARED / "parquet-testing", SHARED / "expected/parquet-testing"),
]


def problem_of_data(name):
    if not name.startswith(("data/", "bad_data/")):
        places = GOLDEN[:1]
    elif SHARED.is_dir():
        places = GOLDEN[1:]
    else:
        return None
    for files, expected in places:
        if (files / name).is_file():
            return None if (expected / (name + ".json")).is_file() else "has no expectation"
    return "does not exist"


def problem_of_test(name):
    path = ROOT / "tests" / name
    if not path.is_file():
        return "does not exist"
    if path.suffix == ".py":
        found = re.search(r"\b{}\b".format(path.name), (ROOT / "scripts/check.py").read_text())
        return None if found or path.match("interop/test_parquet_*.py") else "is not run"
    build = (path.parent / "meson.build").read_text()
    return None if "'{}'".format(path.stem[len("test_") :]) in build else "is not built"


def main():
    problems = []
    rows = 0
    for line in (ROOT / "docs" / "parquet.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or cells[0] == "feature" or set(line) <= set("|-"):
            continue
        rows += 1
        names = re.findall(r"`([^`]+)`", cells[-1])
        if len(cells) != 4 or not names:
            problems.append("{}: four cells, and a file in the last".format(cells[0]))
        for name in names:
            data = name.endswith((".parquet", ".encrypted"))
            problem = problem_of_data(name) if data else problem_of_test(name)
            if problem:
                problems.append("{}: {} {}".format(cells[0], name, problem))
    for problem in problems:
        print("# " + problem)
    print("{} 1 - {} rows of the support table".format("not ok" if problems or rows < 30 else "ok", rows))
    print("1..1")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
