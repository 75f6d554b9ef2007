#!/usr/bin/env python3
"""Fuzz every decoder with libFuzzer for a while, within a bound of memory, from its committed corpus; new finds stay in the build folder."""
import argparse
import os
import pathlib
import subprocess
import sys

from environments import ROOT, meson_build, say

# No input of this size makes a decoder take this much memory, sanitizer and fuzzer included.
INPUT_BYTES = 1 << 20
MEMORY_MIB = 512


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument("--seconds", type=int, default=60, help="time for each target (default: 60)")
    parser.add_argument("targets", nargs="*", help="names such as 'json'; default: all")
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.build).resolve() / "fuzz"
    options = ["-Dfuzzers=true", "-Dtests=false", "-Dbench=false", "-Dcli=disabled", "-Db_lundef=false"]
    options += ["-Dbuildtype=debugoptimized", "-Db_sanitize=address,undefined"]
    meson_build(folder, options, env={"CC": "clang-19"}, what="the fuzz targets")
    # What is freed is given back soon, so that the bound is one of what is in use.
    environ = dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=16:allocator_release_to_os_interval_ms=500")
    failed = []
    for program in sorted((folder / "fuzz").glob("fuzz_*")):
        name = program.name[len("fuzz_") :]
        if not program.is_file() or not os.access(str(program), os.X_OK) or (arguments.targets and name not in arguments.targets):
            continue
        found = folder / "corpora" / name
        found.mkdir(parents=True, exist_ok=True)
        seeds = ROOT / "fuzz" / "corpora" / name
        say("{} for {} s".format(name, arguments.seconds))
        command = [str(program), "-max_total_time={}".format(arguments.seconds), "-artifact_prefix={}/".format(found)]
        command += ["-rss_limit_mb={}".format(MEMORY_MIB), "-malloc_limit_mb={}".format(MEMORY_MIB), "-max_len={}".format(INPUT_BYTES)]
        command += ["-print_final_stats=1", "-timeout=20", str(found)] + ([str(seeds)] if seeds.is_dir() else [])
        done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.stdout.write(done.stdout.decode("utf-8", "replace")[-8000:])
            failed.append(name)
    for name in failed:
        print("FAILED: {}".format(name))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
