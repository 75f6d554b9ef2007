#!/usr/bin/env python3
"""
Measure ours against the peers in one run and print the ratios (best peer / ours; above 1 we are faster).

The workloads, the peers' programs and the rules are those of ../shared/bench; this only sets up what they need and starts them.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time

from environments import ROOT, environment, meson_build, run, say

BENCH = ROOT.parent / "shared" / "bench"
GOLDEN = ROOT.parent / "shared" / "golden"
PEERS = ["plateau==4.6.2", "pandas", "pyarrow", "polars", "duckdb", "dask"]
OURS = ["pandas", "pyarrow", "dask"]

#: what exists so far
ONLY = r"^(A\.read\.|A\.read2\.|A\.filter\.|A\.write\.|A\.count\.|A\.pandas\.|B\.import|B\.store|B\.partition\.1000$|B\.read\.whole|B\.read\.primary|B\.open\.1000+\.json)"

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


def import_and_open(environ, folder, rounds):
    """Import and open a dataset of three partitions: ours and kartothek in turn."""
    pythons = {"ours": environ["BENCH_PY_OURS"], "kartothek": environ.get("BENCH_PY_K")}
    folder.mkdir(parents=True, exist_ok=True)
    run([pythons["ours"], "-c", STORE_SMALL, folder], quiet=True)
    seconds = {name: [] for name, python in pythons.items() if python}
    for _ in range(rounds + 1):
        for name in seconds:
            start = time.perf_counter()
            run([pythons[name], "-W", "ignore", "-c", OPEN_SMALL, folder, name], quiet=True)
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    text = ", ".join("{} {:.3f} s".format(name, median) for name, median in medians.items())
    if "kartothek" in medians:
        text += "; kartothek / ours {:.1f}".format(medians["kartothek"] / medians["ours"])
    print("import and open of a small dataset, whole process: " + text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n")[0])
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument("--scale", default="mid", choices=["small", "mid", "full"], help="size of the files (default: mid)")
    parser.add_argument("--only", default=ONLY, help="regular expression of task names")
    parser.add_argument("--rounds", default="3")
    parser.add_argument("--contenders", default="ours-native,ours-python,pyarrow,duckdb,polars,plateau,kartothek")
    arguments = parser.parse_args()
    if not BENCH.is_dir():
        raise SystemExit("SKIPPED: ../shared/bench is absent, and with it the workloads and the peers")
    build = pathlib.Path(arguments.build).resolve()
    meson_build(build / "release", ["-Dwerror=true"])
    subprocess.run(["sh", str(GOLDEN / "setup_originals.sh"), str(build / "originals"), "k53"], stdout=subprocess.DEVNULL)
    environ = dict(os.environ)
    environ["BENCH_PY_P"] = str(environment(build, "peers", sys.executable, PEERS, with_package=False))
    environ["BENCH_PY_OURS"] = str(environment(build, "bench", sys.executable, OURS))
    environ["BENCH_KTK"] = str(build / "release" / "bench" / "ktk-bench")
    kartothek = build / "originals" / "k53" / "bin" / "python"
    if kartothek.exists():
        environ["BENCH_PY_K"] = str(kartothek)
    else:
        print("SKIPPED: kartothek 5.3.0 is not set up (needs Python 3.8)")
    result = build / "bench" / "result.json"
    result.parent.mkdir(parents=True, exist_ok=True)
    command = [environ["BENCH_PY_P"], BENCH / "run.py", "--cache", build / "bench", "--out", result]
    command += ["--scale", arguments.scale, "--only", arguments.only, "--rounds", arguments.rounds, "--contenders", arguments.contenders]
    say("measuring; the data is made on first use")
    run(command, env=environ)
    run([environ["BENCH_PY_P"], BENCH / "run.py", "--report", result], env=environ)
    import_and_open(environ, build / "bench" / "small", rounds=9)


if __name__ == "__main__":
    main()
