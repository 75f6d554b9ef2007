"""
What no engine beats on the files of the benchmark: limits.c of ../shared/bench, run with the snappy of the distribution and with ours.

It decompresses and compresses the same pages that are read and written, and moves memory; docs/performance.md defines the limits made of that.
"""
import json
import os
import re
import subprocess

from environments import ROOT, run

BENCH = ROOT.parent / "shared" / "bench"

#: the pages of the reads of two columns, as a folder that limits.c understands; and the size of every result
PREPARE = """
import json, os, sys
sys.path[:0] = [sys.argv[1]]
import gen, pyarrow.parquet as pq
cache, scale = sys.argv[2:4]
columns = {"trips": ["pickup_at", "total"], "wide": ["c007", "c201"], "strings": ["key", "ref"], "lineitem": ["l_shipdate", "l_extendedprice"]}
folder = gen.ensure(cache, scale, list(columns), say=lambda *_: None)
os.makedirs(folder + ".two", exist_ok=True)
sizes = {}
for name, two in columns.items():
    file = "%s/%s.snappy.parquet" % (folder, name)
    sizes["read." + name] = pq.read_table(file).nbytes
    table = pq.read_table(file, columns=two)
    sizes["read2." + name] = table.nbytes
    pages = "%s.two/%s.snappy" % (folder, name)
    if not os.path.exists(pages + ".pages"):
        gen.write(table, pages + ".parquet", "snappy")
        gen.dump_pages(pages + ".parquet", pages + ".pages")
print(json.dumps(sizes))
"""


def programs(build):
    """limits.c, linked with each snappy."""
    flags = ["cc", "-O3", "-march=native", BENCH / "limits.c"]
    ours = ["-I", ROOT / "src", "-I", ROOT / "include", ROOT / "scripts" / "bench_snappy.c"]
    ours += [build / "release" / "src" / layer / "libktki_{}.a".format(layer) for layer in ("codec", "base")]
    result = {}
    for name, parts in {"distribution": ["-lsnappy"], "ours": ours}.items():
        result[name] = build / "bench" / "limits-{}".format(name)
        run(flags + parts + ["-lzstd", "-pthread", "-o", result[name]])
    return result


def measure(environ, build, scale, limits):
    """Measure every limit on one processor and keep the best seen so far, e.g. limits["ours"]["read.trips.snappy.decompress"] in ms."""
    cache = build / "bench"
    prepared = run([environ["BENCH_PY_P"], "-c", PREPARE, BENCH, cache, scale], stdout=subprocess.PIPE)
    limits["sizes"] = json.loads(prepared.stdout.decode())
    one = {max(os.sched_getaffinity(0))}
    for kind, program in programs(build).items():
        found = limits.setdefault(kind, {})
        for task, folder in (("read", cache / scale), ("read2", cache / (scale + ".two"))):
            done = run([program, folder, cache / "scratch"], stdout=subprocess.PIPE, preexec_fn=lambda: os.sched_setaffinity(0, one))
            for name, value, unit in re.findall(r"^(\S+) ([\d.]+) (\S+)", done.stdout.decode(), re.MULTILINE):
                name = name.replace("pages", task, 1)
                better = max if unit == "GB/s" else min
                found[name] = better(float(value), found.get(name, float(value)))
