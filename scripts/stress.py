#!/usr/bin/env python3
"""
The long forms of the tests of commits (docs/commits.md names them): other seeds, more rounds; the last line is "N passed, N failed, N skipped".

Each test is repeated with seeds drawn from --seed until its share of time is over; the exhaustive ones run once, with nothing left out.
What fails is told with the seed, and is repeated by KTK_TEST_SEED and KTK_TEST_SCALE in the environment of the test.
"""
import argparse
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

from check import Totals, add_tap
from environments import ROOT, meson_build, say

# Name, test, how many times the usual number of cases a repetition has; 0: everything, once.
TESTS = [
    ("T1, T14: writers in processes, an old program", "update/test_writers", 2),
    ("T2: the simulator", "update/test_simulator", 1),
    ("T3: conflicts", "update/test_conflict", 1),
    ("T5, T8: each system call killed or failing", "fault/test_kill_points", 0),
    ("T5: kills at random times", "fault/test_update_faults", 5),
    ("T6: collections in simulated time", "upkeep/test_gc_races", 2),
    ("T6: collections in real processes", "upkeep/test_gc_processes", 5),
    ("T7: each allocation failing", "fault/test_life_faults", 0),
]
ALL_CASES = 1000  # a scale at which nothing is left out


def run_once(program, seed, scale):
    environ = {"CMOCKA_MESSAGE_OUTPUT": "TAP", "KTK_SOURCE_ROOT": str(ROOT), "KTK_TEST_SEED": str(seed), "KTK_TEST_SCALE": str(scale)}
    done = subprocess.run([str(program)], env=dict(os.environ, **environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def stress(totals, folder, test, seconds, dice):
    """Repeat a test until its time is over or it fails; its cases count once."""
    title, path, scale = test
    say("{} ({})".format(title, path))
    program = folder / "tests" / path
    deadline = time.monotonic() + seconds
    runs = 0
    while True:
        seed = dice.randrange(1, 1 << 48)
        code, text = run_once(program, seed, scale or ALL_CASES)
        runs += 1
        failed = code != 0 or re.search(r"^not ok (?!.*# ?SKIP)", text, re.M)
        if failed or scale == 0 or time.monotonic() >= deadline:
            break
    if failed:
        print(text)
        print("repeat with KTK_TEST_SEED={} KTK_TEST_SCALE={} {}".format(seed, scale or ALL_CASES, program))
        if code < 0:
            totals.add("{}: ended by signal {}".format(path, -code), "failed")
    for line in re.findall(r"^# (?!ok|not ok|seed ).*", text, re.M)[-6:]:
        print(line)
    print("{} runs, the last with seed {}".format(runs, seed), flush=True)
    add_tap(totals, path, text)


def soak(totals, folder, commits, partitions):
    say("T15: {} commits on one dataset, {} partitions".format(commits, partitions))
    where = tempfile.mkdtemp(prefix="ktk-soak-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    try:
        done = subprocess.run([str(folder / "bench" / "ktk-soak"), where, str(commits), str(partitions)])
    finally:
        shutil.rmtree(where, ignore_errors=True)
    totals.add("T15: every commit is there", "passed" if done.returncode == 0 else "failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument("--seconds", type=float, default=60, help="time of each test that draws its cases (default: 60)")
    parser.add_argument("--seed", type=int, default=None, help="where the seeds come from (default: the clock)")
    parser.add_argument("--commits", type=int, default=10000, help="of T15 (default: 10000)")
    parser.add_argument("--partitions", type=int, default=100000, help="of T15 (default: 100000)")
    parser.add_argument("--only", action="append", help="run the tests whose title has this, e.g. T6")
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.build).resolve() / "release"
    seed = int(time.time()) if arguments.seed is None else arguments.seed
    dice = random.Random(seed)
    totals = Totals()
    meson_build(folder, ["-Dwerror=true"], what="with gcc")
    print("seeds are drawn from --seed {}".format(seed), flush=True)
    wanted = [word.upper() for word in arguments.only or []]
    for test in TESTS:
        if not wanted or any(re.search(r"\b{}\b".format(re.escape(word)), test[0]) for word in wanted):
            stress(totals, folder, test, arguments.seconds, dice)
    if not wanted or "T15" in wanted:
        soak(totals, folder, arguments.commits, arguments.partitions)
    return totals.finish()


if __name__ == "__main__":
    sys.exit(main())
