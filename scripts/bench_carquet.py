"""
One task of the benchmark with carquet, as an executable of the contract in ../shared/bench/README.md, told as one line of JSON.

carquet is measured through its Python package, which hands over Arrow arrays; that reads whole files only and has no predicates.
"""
import argparse
import json
import os
import pathlib
import resource
import sys
import time

import carquet


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def memory_kb(name):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def task(arguments):
    """What to time, how many times it does the job, and how to clear what the call before left."""
    if arguments.command == "read" and not arguments.columns:

        def read():
            with carquet.open_reader(arguments.file, num_threads=arguments.threads) as reader:
                return reader.read_all()

        return read, 1, None
    if arguments.command == "open":

        def count():
            for _ in range(20):
                reader = carquet.open_reader(arguments.file)
                reader.close()
            return reader

        return count, 20, None
    if arguments.command == "write":
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(arguments.file)
        level = 1 if arguments.codec == "zstd" else None

        def write():
            carquet.write_table(table, arguments.out, compression=arguments.codec, compression_level=level)
            return table

        return write, 1, lambda: pathlib.Path(arguments.out).unlink(missing_ok=True)
    return None, 0, None


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n")[0])
    parser.add_argument("command")
    parser.add_argument("file")
    for option in ("--columns", "--where", "--raw", "--out", "--codec"):
        parser.add_argument(option)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--min-s", type=float, default=1.0)
    parser.add_argument("--max-reps", type=int, default=5)
    parser.add_argument("--checksum", action="store_true")
    arguments = parser.parse_args()
    run, inner, clear = task(arguments)
    if run is None:
        print(json.dumps({"unsupported": True}))
        return
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    answer = {"version": carquet.__version__, "rss_before_kb": memory_kb("VmRSS:")}
    seconds, processor = [], []
    while len(seconds) <= arguments.max_reps and (len(seconds) < 2 or sum(seconds[1:]) * inner < arguments.min_s):
        result = None
        if clear:
            clear()
        started = processor_seconds(), time.perf_counter()
        result = run()
        seconds.append((time.perf_counter() - started[1]) / inner)
        processor.append((processor_seconds() - started[0]) / inner)
        answer.setdefault("rss_peak_kb", memory_kb("VmHWM:"))
    answer.update(first_s=seconds[0], seconds=seconds[1:], cpu=processor[1:], rows=result.num_rows)
    if clear:
        answer["extra"] = {"files": 1, "bytes": os.path.getsize(arguments.out)}
    elif arguments.checksum and arguments.command == "read":
        sys.path.insert(0, os.environ["BENCH_DIGEST"])
        import digest

        answer.update(digest.table(result))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
