#!/usr/bin/env python3
"""
Measure ours, the peers and the physical limits in one run, and print the tables of docs/performance.md.

The workloads, the peers' programs and the rules are those of ../shared/bench; this sets up what they need and starts them.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

from environments import ROOT, environment, meson_build, run, say

BENCH = ROOT.parent / "shared" / "bench"
if not (BENCH / "run.py").exists():
    raise SystemExit("SKIPPED: ../shared/bench is absent, and with it the workloads and the peers")

import bench_limits  # noqa: E402
import bench_report  # noqa: E402
from bench_report import harness  # noqa: E402

GOLDEN = ROOT.parent / "shared" / "golden"
PEERS = ["plateau==4.6.2", "pandas", "pyarrow", "polars", "duckdb", "deltalake", "dask"]
MORE_PEERS = ["arro3-core", "arro3-io", "datafusion", "carquet", "pyarrow", "numpy"]
OURS = ["pandas", "pyarrow", "dask"]

#: what is measured together: its name, its tasks, the contenders that come near the best, and about how long one process takes, in seconds
GROUPS = [
    ("read", r"^A\.read2?\.", "ours-native,polars,pyarrow,arro3,carquet", 2.5),
    ("write", r"^A\.write\.", "ours-native,polars,pyarrow,duckdb,arro3,carquet", 4),
    ("filter", r"^A\.filter\.", "ours-native,polars,pyarrow,duckdb,datafusion", 2),
    ("open", r"^A\.count\.", "ours-native,polars,pyarrow,duckdb,carquet", 1),
    ("pandas", r"^A\.pandas\.read\.", "ours-python,polars,pandas,pandas-1.3", 4),
    ("datasets", r"^B\.(import|store|partition|read|dispatch)", "ours-python,pyarrow,duckdb,polars,deltalake,plateau,kartothek", 15),
    # The originals take a quarter of an hour for an index over 10,000 files.
    ("documents", r"^B\.(open|plan|append|gc|index_build\.1000$)", "ours-native,ours-python,deltalake,plateau,kartothek", 15),
    ("graphs", r"^B\.dask", "ours-python,plateau,kartothek", 15),
    ("concurrent", r"^B\.concurrent", "ours-python,deltalake,plateau,kartothek", 40),
]

#: what a short script does first; whole processes, so the harness does not have it
OPEN_SMALL = """
import sys
import kartothek.io.eager
from kartothek.core.dataset import DatasetMetadata
store = "hfs://" + sys.argv[1]
if sys.argv[2] == "kartothek":
    from storefact import get_store_from_url
    store = get_store_from_url(store)
assert len(DatasetMetadata.load_from_store("small", store).partitions) == 3
"""
STORE_SMALL = """
import sys
import pandas
from kartothek.io.eager import store_dataframes_as_dataset
frames = [pandas.DataFrame({"number": [i, i + 1], "text": ["a", "b"]}) for i in range(3)]
store_dataframes_as_dataset(dfs=frames, dataset_uuid="small", store="hfs://" + sys.argv[1], overwrite=True)
"""


#: the documents that all contenders open are made by plateau's; ours may have its turn before plateau has made them
MAKE_DOCUMENTS = """
import sys
sys.path.insert(0, sys.argv[1])
import run
from contenders.karto import Contender
for name, _, _, parameters in run.tasks(sys.argv[2], sys.argv[3]):
    if name.startswith("B.open."):
        Contender("plateau").synth(parameters, parameters["n"], parameters["fmt"])
"""


def import_and_open(environ, folder, rounds):
    """Seconds of a process that imports and opens a dataset of three partitions: ours and kartothek in turn."""
    pythons = {"ours": environ["BENCH_PY_OURS"], "kartothek": environ.get("BENCH_PY_K")}
    folder.mkdir(parents=True, exist_ok=True)
    run([pythons["ours"], "-c", STORE_SMALL, folder], quiet=True)
    seconds = {name: [] for name, python in pythons.items() if python}
    for _ in range(rounds + 1):
        for name in seconds:
            start = time.perf_counter()
            run([pythons[name], "-W", "ignore", "-c", OPEN_SMALL, folder, name], quiet=True)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def setup(build):
    """Build ours and the environments of the peers; the variables that the harness wants."""
    meson_build(build / "release", ["-Dwerror=true"])
    subprocess.run(["sh", str(GOLDEN / "setup_originals.sh"), str(build / "originals"), "k53"], stdout=subprocess.DEVNULL)
    environ = dict(os.environ, BENCH_DIGEST=str(BENCH))
    environ["BENCH_PY_P"] = str(environment(build, "peers", sys.executable, PEERS, with_package=False))
    environ["BENCH_PY_X"] = str(environment(build, "peers-more", sys.executable, MORE_PEERS, with_package=False))
    environ["BENCH_PY_OURS"] = str(environment(build, "bench", sys.executable, OURS))
    environ["BENCH_KTK"] = str(build / "release" / "bench" / "ktk-bench")
    kartothek = build / "originals" / "k53" / "bin" / "python"
    if kartothek.exists():
        environ["BENCH_PY_K"] = str(kartothek)
    else:
        print("SKIPPED: kartothek 5.3.0 is not set up (needs Python 3.8)")
    carquet = build / "bench" / "carquet"
    carquet.parent.mkdir(parents=True, exist_ok=True)
    carquet.write_text('#!/bin/sh\nexec "{}" "{}" "$@"\n'.format(environ["BENCH_PY_X"], ROOT / "scripts" / "bench_carquet.py"))
    carquet.chmod(0o755)
    environ["BENCH_CARQUET"] = str(carquet)
    return environ


def plan(arguments, build):
    """The chosen groups as (pattern, contenders), and about how many seconds they take."""
    result, seconds = [], 100 * (not arguments.no_limits)
    only = re.compile(arguments.only)
    of_groups = any(only.search(group[0]) for group in GROUPS)
    for group, pattern, contenders, each in GROUPS:
        if of_groups and not only.search(group):
            continue
        if arguments.contenders:
            contenders = ",".join(name for name in contenders.split(",") if name in arguments.contenders.split(","))
        names = [task[0] for task in harness.tasks(str(build / "bench"), arguments.scale) if re.search(pattern, task[0])]
        names = names if of_groups else [name for name in names if only.search(name)]
        if names and contenders:
            result.append(("^({})$".format("|".join(map(re.escape, names))), contenders))
            seconds += len(names) * (contenders.count(",") + 1) * arguments.rounds * each
    return result, seconds


def measure(arguments, build, result):
    environ = setup(build)
    groups, seconds = plan(arguments, build)
    if not groups:
        raise SystemExit("no task or contender is named like that")
    say("measuring takes about {:.0f} minutes, and making the data 2 to 10 more on first use".format(seconds / 60))
    limits = {}
    result.unlink(missing_ok=True)
    if not arguments.no_limits:
        bench_limits.measure(environ, build, arguments.scale, limits)
    command = [environ["BENCH_PY_P"], BENCH / "run.py", "--cache", build / "bench", "--out", result, "--append", "--scale", arguments.scale]
    if any("B\\.open" in pattern for pattern, _ in groups):
        run([environ["BENCH_PY_P"], "-W", "ignore", "-c", MAKE_DOCUMENTS, BENCH, build / "bench", arguments.scale])
    load = harness.load_average()
    for pattern, contenders in groups:
        run(command + ["--rounds", arguments.rounds, "--only", pattern, "--contenders", contenders], env=environ)
    if not arguments.no_limits:
        bench_limits.measure(environ, build, arguments.scale, limits)
    measured = json.loads(result.read_text())
    measured.update(limits=limits, load_before=load)
    if re.search(arguments.only, "datasets"):
        measured["import_and_open"] = import_and_open(environ, build / "bench" / "import", rounds=9)
    result.write_text(json.dumps(measured, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n")[0])
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument("--scale", default="mid", choices=["small", "mid", "full"], help="size of the files (default: mid)")
    parser.add_argument("--only", default="", help="regular expression of groups (read, write, filter, open, pandas, datasets), or else of tasks")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--contenders", default="", help="only these, with commas between")
    parser.add_argument("--no-limits", action="store_true", help="do not measure the physical limits")
    parser.add_argument("--report", action="store_true", help="print the tables of the last run again")
    arguments = parser.parse_args()
    build = pathlib.Path(arguments.build).resolve()
    result = build / "bench" / "result.json"
    if not arguments.report:
        measure(arguments, build, result)
    bench_report.Report(result).show()


if __name__ == "__main__":
    main()
