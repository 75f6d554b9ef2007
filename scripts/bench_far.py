#!/usr/bin/env python3
"""
Measure datasets on an S3 server of this machine - ours, the peers and a bare client in turns, in one run - and print the tables of
docs/performance.md.

The server is radosgw or versitygw, which tests/servers/servers.py installs and starts. It shares the processors with whoever is
measured. What a round writes is removed after it: radosgw keeps it in memory. The bare client is curl with the bytes of the same
files, addresses that are signed beforehand, and as many connections as ours has.
"""
import argparse
import datetime
import functools
import hashlib
import hmac
import importlib
import json
import os
import pathlib
import random
import resource
import statistics
import subprocess
import sys
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ["plateau==4.6.2", "pandas", "pyarrow", "polars", "duckdb", "deltalake", "s3fs"]
OURS = ["pandas", "pyarrow"]
CONNECTIONS = 16
ROWS = 65536  # of two columns of 8 bytes that do not shrink: a file of 1 MiB
WRITERS, COMMITS = 16, 25
#: task, its row, contenders
TASKS = (
    ("write", "write {files:,} files of 1 MiB", ("ours", "curl", "plateau")),
    ("read", "read {files:,} files of 1 MiB", ("ours", "curl", "plateau")),
    ("iterate", "the same one by one, which are let go", ("ours", "curl", "plateau")),
    ("filter", "1 % range of a sorted column of a file of {mib:,} MiB", ("ours", "polars", "duckdb")),
    ("commits", "{writers} writers, {commits} commits each", ("ours", "delta-rs")),
)


# ---- what a contender's process does; it has the packages of its environment alone ----


def frame(number, rows=ROWS):
    import numpy
    import pandas

    numbers = numpy.random.default_rng(number)
    return pandas.DataFrame({"a": numbers.integers(0, 2**62, rows), "b": numbers.random(rows)})


def frames(count):
    kinds = [frame(number) for number in range(8)]
    return [kinds[number % 8] for number in range(count)]


@functools.lru_cache(None)
def plateau_store():
    from minimalkv._mixins import ExtendedKeyspaceMixin
    from minimalkv.fsspecstore import FSSpecStore
    from s3fs import S3FileSystem

    class Store(ExtendedKeyspaceMixin, FSSpecStore):
        def _create_filesystem(self):
            keys = {"key": os.environ["AWS_ACCESS_KEY_ID"], "secret": os.environ["AWS_SECRET_ACCESS_KEY"]}
            return S3FileSystem(client_kwargs={"endpoint_url": os.environ["S3_ENDPOINT"]}, **keys)

    return Store(prefix=os.environ["S3_BUCKET"] + "/")


def eager(contender):
    """The module and the store of ours or of plateau, whose calls are the same. What ours imports when it is needed is there."""
    import pandas  # noqa: F401

    if contender == "ours":
        import kartothek.io.eager

        return kartothek.io.eager, os.environ["KTK_TEST_S3"]
    import plateau.io.eager

    return plateau.io.eager, plateau_store


def storage_options():
    taken = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    return dict({name: os.environ[name] for name in taken}, AWS_ENDPOINT_URL=os.environ["S3_ENDPOINT"], AWS_ALLOW_HTTP="true")


def prepare_write(contender, sizes):
    io, store = eager(contender)
    made = frames(sizes["files"])
    return lambda: io.store_dataframes_as_dataset(store=store, dataset_uuid=sizes["prefix"], dfs=made) and sizes["files"]


def prepare_read(contender, sizes):
    io, store = eager(contender)
    return lambda: sum(len(read["table"] if contender == "ours" else read) for read in io.read_dataset_as_dataframes("data", store))


def prepare_iterate(contender, sizes):
    io, store = eager(contender)
    module = importlib.import_module(io.__name__.replace("eager", "iter"))
    return lambda: sum(len(read["table"] if contender == "ours" else read) for read in module.read_dataset_as_dataframes__iterator("data", store))


def prepare_filter(contender, sizes):
    low = sizes["mib"] * 16384
    high = low + sizes["mib"] * 32768 // 100
    path = "s3://{}/{}".format(os.environ["S3_BUCKET"], sizes["large"])
    if contender == "ours":
        io, store = eager(contender)
        return lambda: len(io.read_table("large", store, predicates=[[("id", ">=", low), ("id", "<", high)]]))
    if contender == "polars":
        import polars

        options = {name.lower(): value for name, value in storage_options().items()}
        where = (polars.col("id") >= low) & (polars.col("id") < high)
        return lambda: len(polars.scan_parquet(path, storage_options=options).filter(where).collect())
    import duckdb

    connection = duckdb.connect()
    connection.execute("LOAD httpfs")
    secret = "CREATE SECRET (TYPE s3, KEY_ID '{}', SECRET '{}', REGION '{}', ENDPOINT '{}', URL_STYLE 'path', USE_SSL false)"
    endpoint = urllib.parse.urlsplit(os.environ["S3_ENDPOINT"]).netloc
    connection.execute(secret.format(*(os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")), endpoint))
    query = "SELECT * FROM read_parquet('{}') WHERE id >= {} AND id < {}".format(path, low, high)
    return lambda: connection.execute(query).to_arrow_table().num_rows


def prepare_commits(contender, sizes):
    made = frame(os.getpid(), 100)
    if contender == "ours":
        io, store = eager(contender)
        return lambda: [io.update_dataset_from_dataframes([made], store, sizes["dataset"]) for _ in range(COMMITS)] and COMMITS
    import deltalake

    url, done = "s3://{}/{}".format(os.environ["S3_BUCKET"], sizes["dataset"]), []
    for_all = dict(mode="append", storage_options=storage_options())

    def run():
        for _ in range(COMMITS):
            try:
                deltalake.write_deltalake(url, made, **for_all)
                done.append(1)
            except Exception as error:  # it gives up after some tries: that commit is not made
                print(error, file=sys.stderr)
        return len(done)

    return run


def worker(task, contender, sizes):
    """Get ready, wait for a line, and tell the seconds and what came of it."""
    run = globals()["prepare_" + task](contender, sizes)
    print("ready", flush=True)
    sys.stdin.readline()
    start, cpu = time.perf_counter(), time.process_time()
    result = run()
    print(json.dumps({"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu, "result": result}), flush=True)


# ---- the bare client ----


def signed_url(environ, method, key, seconds=7 * 86400):
    """An address that needs no other signature: AWS' Signature Version 4 in the query."""
    host = urllib.parse.urlsplit(environ["S3_ENDPOINT"]).netloc
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = "{}/{}/s3/aws4_request".format(now[:8], environ["AWS_REGION"])
    path = urllib.parse.quote("/{}/{}".format(environ["S3_BUCKET"], key))
    query = urllib.parse.urlencode(
        {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": environ["AWS_ACCESS_KEY_ID"] + "/" + scope,
            "X-Amz-Date": now,
            "X-Amz-Expires": seconds,
            "X-Amz-SignedHeaders": "host",
        }
    )
    request = "\n".join([method, path, query, "host:" + host, "", "host", "UNSIGNED-PAYLOAD"])
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    secret = ("AWS4" + environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in (*scope.split("/"), text):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    return "{}{}?{}&X-Amz-Signature={}".format(environ["S3_ENDPOINT"], path, query, secret.hex())


def curl(task, environ, keys, folder, prefix):
    """The same bytes by curl; they are put under new keys, as those of the others are."""
    lines = ["silent", "show-error", "no-progress-meter", "fail", "parallel", "parallel-max = {}".format(CONNECTIONS)]
    for number, key in enumerate(keys):
        if task == "write":
            lines += ['url = "{}"'.format(signed_url(environ, "PUT", "{}/{}".format(prefix, number))), 'upload-file = "{}"'.format(folder / "{}".format(number % 8))]
        else:
            lines += ['url = "{}"'.format(signed_url(environ, "GET", key))]
        lines.append('output = "/dev/null"')
    config = folder / "curl.txt"
    config.write_text("\n".join(lines) + "\n")
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["curl", "-K", str(config)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": time.perf_counter() - start, "cpu": cpu, "result": len(keys)}


# ---- measuring ----


class Run:
    def __init__(self, arguments, build, environ):
        from environments import environment

        self.environ = dict(os.environ, **environ)
        self.python = {"ours": environment(build, "bench", sys.executable, OURS)}
        self.peers = environment(build, "far-peers", sys.executable, PEERS, with_package=False)
        self.sizes = {"files": arguments.files, "mib": arguments.mib}
        self.folder = build / "bench" / "far"
        self.folder.mkdir(parents=True, exist_ok=True)

    def start(self, task, contender, **sizes):
        command = [self.python.get(contender, self.peers), "-W", "ignore", __file__, "--worker", task, contender, json.dumps(dict(self.sizes, **sizes))]
        return subprocess.Popen([str(part) for part in command], env=self.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def finish(self, processes):
        """All begin at the same time; what each tells, and the seconds up to the last one's end. None: one of them cannot."""
        if any(process.stdout.readline() != "ready\n" for process in processes):
            for process in processes:
                process.communicate("\n")
            return None
        start = time.perf_counter()
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        told = [json.loads(process.stdout.readline()) for process in processes]
        seconds = time.perf_counter() - start
        for process in processes:
            process.communicate()
        return told, seconds

    def ask_ours(self, program, *arguments):
        done = subprocess.run([str(self.python["ours"]), "-c", program, *map(str, arguments)], env=self.environ, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.split()

    def make_data(self):
        """The dataset of many files, made by plateau, and the large file, made by ours; bytes of files for curl."""
        self.keys = self.ask_ours(MAKE_FILES, pathlib.Path(__file__).parent, self.sizes["files"], self.folder)
        if self.sizes["mib"]:
            self.sizes["large"] = self.ask_ours(MAKE_LARGE, self.sizes["mib"])[0]

    def commits(self, contender):
        dataset = "{}-commits-{}".format(contender, time.time_ns())
        if contender == "ours":
            self.ask_ours(MAKE_EMPTY, dataset)
        found = self.finish([self.start("commits", contender, dataset=dataset) for _ in range(WRITERS)])
        return found and {"seconds": found[1], "result": sum(one["result"] for one in found[0])}

    def once(self, task, contender):
        if task == "commits":
            return self.commits(contender)
        prefix = "{}-{}".format(contender, time.time_ns())
        if contender == "curl":
            measured = curl(task, self.environ, self.keys, self.folder, prefix)
        else:
            found = self.finish([self.start(task, contender, prefix=prefix)])
            measured = found and found[0][0]
        if task == "write":
            self.ask_ours(REMOVE, prefix)
        return measured


MAKE_FILES = """
import os, sys
sys.path.insert(0, sys.argv[1])
import bench_far
io, store = bench_far.eager("ours")
dataset = io.store_dataframes_as_dataset(store=store, dataset_uuid="data", dfs=bench_far.frames(int(sys.argv[2])), overwrite=True)
keys = [partition.files["table"] for partition in dataset.partitions.values()]
for number in range(8):
    with open(os.path.join(sys.argv[3], str(number)), "wb") as file:
        bench_far.frame(number).to_parquet(file, compression="snappy")
print("\\n".join(keys))
"""
MAKE_LARGE = """
import os, sys
import numpy, pandas
import kartothek.io.eager as io
rows, numbers = int(sys.argv[1]) * 32768, numpy.random.default_rng(1)
large = pandas.DataFrame({"id": numpy.arange(rows), **{name: numbers.random(rows) for name in "abc"}})
dataset = io.store_dataframes_as_dataset(store=os.environ["KTK_TEST_S3"], dataset_uuid="large", dfs=[large], overwrite=True)
print(next(iter(dataset.partitions.values())).files["table"])
"""
REMOVE = """
import concurrent.futures, os, sys
from kartothek import _core
store = _core.Store.open(os.environ["KTK_TEST_S3"])
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    print(len(list(pool.map(store.delete, store.keys(sys.argv[1])))))
"""
MAKE_EMPTY = """
import os, sys
import numpy, pandas
import kartothek.io.eager as io
rows = pandas.DataFrame({"a": numpy.zeros(1, "int64"), "b": numpy.zeros(1)})
io.store_dataframes_as_dataset(store=os.environ["KTK_TEST_S3"], dataset_uuid=sys.argv[1], dfs=[rows])
"""


def show(run, tasks, measured):
    """Medians of the rounds; processor time is that of the client."""
    print("| task | ours | others / ours | processor time, ours | others / ours |\n|---|---:|---|---:|---|")
    for task, title, contenders in tasks:
        found = {name: rounds for name, rounds in measured[task].items() if rounds}
        columns = []
        for field in ("seconds", "cpu"):
            middle = {name: statistics.median(one[field] for one in rounds) for name, rounds in found.items() if field in rounds[0]}
            columns.append("{:.2f} s".format(middle["ours"]) if "ours" in middle else "")
            columns.append(", ".join("{} {:.2g}".format(name, middle[name] / middle["ours"]) for name in contenders[1:] if name in middle))
        if task == "commits":
            wanted = WRITERS * COMMITS
            told = ("{}: {} of {}, {:.1f} a second".format(name, one["result"], wanted, one["result"] / one["seconds"]) for name, (one, *_) in found.items())
            columns[2:] = ["; ".join(told), ""]
        columns[1] += "".join("; {} cannot".format(name) for name in contenders if name not in found)
        print("| {} | {} |".format(title.format(writers=WRITERS, commits=COMMITS, **run.sizes), " | ".join(columns)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n")[0])
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument("--only", default="write,read,iterate,filter,commits", help="tasks, with commas between")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=1000, help="of the datasets that are written and read (default: 1000)")
    parser.add_argument("--mib", type=int, default=1024, help="size of the file that is filtered (default: 1024)")
    parser.add_argument("--server", choices=("radosgw", "versitygw"), default="radosgw", help="default: radosgw")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker[0], arguments.worker[1], json.loads(arguments.worker[2]))
        return
    sys.path.insert(0, str(ROOT / "tests" / "servers"))
    import servers

    build = pathlib.Path(arguments.build).resolve()
    server = getattr(servers, arguments.server.capitalize())(build / "bench" / "servers")
    tasks = [task for task in TASKS if task[0] in arguments.only.split(",")]
    try:
        run = Run(arguments, build, server.start())
        run.make_data()
        measured = {task: {name: [] for name in contenders} for task, _, contenders in tasks}
        for _ in range(arguments.rounds):
            for task, _, contenders in tasks:
                for contender in random.sample(contenders, len(contenders)):
                    found = run.once(task, contender)
                    measured[task][contender] += [found] if found else []
        (build / "bench" / "far.json").write_text(json.dumps(measured, indent=1))
        show(run, tasks, measured)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
