#!/usr/bin/env python3
"""
Calls of the Python package beside those of kartothek 5.3, plateau and delta-rs, in turns: rows of docs/performance.md that scripts/bench.py lacks.

A turn is a process that makes some calls of one task. Told are the least times of all calls, by the clock / of the processor, and the ratios to ours.
Data are in memory (/dev/shm), so that disks have no part in it; where a machine has other work, the processor's times are the better ones.
"""
import argparse
import itertools
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

FOLDER = pathlib.Path("/dev/shm/bench_python")
ROWS, PARTS = 2_000_000, 20
DOCUMENT_PARTITIONS = 100_000

#: task -> what others are called in its row, with the least ratio that is wanted
GOALS = {
    "import": {"deltalake": 3, "plateau": 10, "kartothek": 10},
    "iter write": {"kartothek": 10},
    "dispatch by 6": {"kartothek": 10},
    "dispatch by 20": {"kartothek": 10},
    "messagepack": {"plateau": 20},
}
CALLS = {"import": 7, "iter write": 5, "dispatch by 6": 1, "dispatch by 20": 2, "messagepack": 7}


def frames():
    """The columns of the workload `sales2m` of ../shared/bench: six numbers and times, two texts, in frames of 100,000 rows."""
    import numpy as np
    import pandas as pd

    rng = np.random.RandomState(5)
    size = ROWS // PARTS
    channels = np.array(["web", "app", "store", "phone", "partner", "kiosk"], dtype=object)
    notes = np.array(["note-%06d" % i for i in range(100_000)], dtype=object)
    for part in range(PARTS):
        yield pd.DataFrame(
            {
                "day": pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.randint(0, 1000, size), unit="D"),
                "store": rng.randint(1, 501, size).astype("int64"),
                "product": rng.randint(1, 20_001, size).astype("int64"),
                "customer": rng.permutation(size).astype("int64") + part * size,
                "amount": np.round(rng.gamma(2.0, 20.0, size), 2),
                "quantity": rng.randint(1, 11, size).astype("int64"),
                "channel": channels[rng.randint(0, 6, size)],
                "note": notes[rng.randint(0, 100_000, size)],
            }
        )


def url(name):
    (FOLDER / name).mkdir(parents=True, exist_ok=True)
    return "hfs://{}".format(FOLDER / name)


def iter_write(package):
    """A function of no argument that writes the dataset, and what clears the place before each call."""
    module = __import__(package + ".io.iter", fromlist=["x"])
    parts = list(frames())
    name = "written.{}".format(os.getpid())

    def before():
        shutil.rmtree(str(FOLDER / name), ignore_errors=True)

    def call():
        module.store_dataframes_as_dataset__iter((part for part in parts), store=url(name), dataset_uuid="d")

    return call, before


def dispatcher(name, column, parts, rows):
    """Row-wise by an indexed column, of a dataset that ours has made of the first rows of some frames, for all contenders."""
    url_of_all = url(name)

    def some():
        for part in itertools.islice(frames(), parts):
            yield part.head(rows).assign(key=part["store"].head(rows) % 20)

    def task(package):
        module = __import__(package + ".io.iter", fromlist=["x"])
        if not list((FOLDER / name).iterdir()):
            module.store_dataframes_as_dataset__iter(some(), store=url_of_all, dataset_uuid="d", secondary_indices=[column])

        def call():
            found = 0
            for part in module.read_dataset_as_dataframes__iterator(dataset_uuid="d", store=url_of_all, dispatch_by=[column]):
                while not hasattr(part, "columns"):
                    part = list(part.values())[0] if isinstance(part, dict) else part[0]
                found += len(part)
            assert found == parts * rows

        return call, lambda: None

    return task


def messagepack(package):
    """Open a document of 100,000 partitions, ask for the number of them and for one."""
    metadata = __import__(package + ".core.dataset", fromlist=["x"]).DatasetMetadata
    store = __import__(package + ".core.utils", fromlist=["x"]).ensure_store(url("documents"))
    labels = json.loads((FOLDER / "documents" / "labels.json").read_text())

    def call():
        dataset = metadata.load_from_store("d", store)
        assert len(dataset.partitions) == DOCUMENT_PARTITIONS
        assert dataset.partitions[labels["one"]].label == labels["one"]

    return call, lambda: None


def make_document(package):
    """By one contender for all: ten partitions a day."""
    if (FOLDER / "documents" / "labels.json").exists():
        return
    import numpy as np
    import pandas as pd

    module = __import__(package + ".io.eager", fromlist=["x"])
    days = [pd.Timestamp("2000-01-01") + pd.Timedelta(days=i // 10) for i in range(DOCUMENT_PARTITIONS)]
    module.store_dataframes_as_dataset(
        store=url("documents"), dataset_uuid="d", dfs=[pd.DataFrame({"day": days[:1], "value": [1]})], partition_on=["day"]
    )
    path = FOLDER / "documents" / "d.by-dataset-metadata.json"
    document = json.loads(path.read_text())
    random = np.random.RandomState(11).bytes(16 * DOCUMENT_PARTITIONS).hex()
    labels = ["day={}%2000%3A00%3A00/{}".format(day.date(), random[32 * i : 32 * i + 32]) for i, day in enumerate(days)]
    document["partitions"] = {label: {"files": {"table": "d/table/{}.parquet".format(label)}} for label in labels}
    packb = __import__(package + ".core._zmsgpack", fromlist=["x"]).packb
    (FOLDER / "documents" / "d.by-dataset-metadata.msgpack.zstd").write_bytes(packb(document))
    path.unlink()
    (FOLDER / "documents" / "labels.json").write_text(json.dumps({"one": labels[len(labels) // 2]}))


TASKS = {
    "iter write": iter_write,
    "dispatch by 6": dispatcher("by6", "channel", PARTS, ROWS // PARTS),
    "dispatch by 20": dispatcher("by20", "key", 10, 50_000),
    "messagepack": messagepack,
}


def spent():
    """Seconds of processor time, children included."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measure(call, before, calls):
    """``[(seconds by the clock, seconds of processor time), …]``; one call before them is for what is done once a process."""
    result = []
    for i in range(calls + 1):
        before()
        clock, processor = time.perf_counter(), spent()
        call()
        result.append((time.perf_counter() - clock, spent() - processor))
    before()
    return result[1:]


def import_task(python, package):
    module = package if package == "deltalake" else package + ".io.eager"
    command = [python, "-W", "ignore", "-c", "import " + module]
    return (lambda: subprocess.run(command, check=True, stderr=subprocess.DEVNULL)), (lambda: None)


def turn(python, task, package):
    """The calls of one contender's turn, in a process of its own but for imports, which are processes anyway."""
    if task == "import":
        return measure(*import_task(python, package), CALLS[task])
    command = [python, "-W", "ignore", __file__, "--worker", task, package]
    # Not checked: old versions of pyarrow may abort when their process ends.
    lines = subprocess.run(command, stdout=subprocess.PIPE).stdout.decode().splitlines()
    if not lines:
        raise SystemExit("{} failed for {}".format(task, python))
    return json.loads(lines[-1])


def report(task, times):
    """A row of the least times, and of the ratios to ours."""
    least = {name: [min(row[i] for row in rows) for i in (0, 1)] for name, rows in times.items()}
    cells = []
    for name, (clock, processor) in least.items():
        text = "{} {:.1f} / {:.1f} ms".format(name, clock * 1000, processor * 1000)
        if name != "ours":
            text += " ({:.1f} / {:.1f}, goal {})".format(clock / least["ours"][0], processor / least["ours"][1], GOALS[task][name])
        cells.append(text)
    print("| {} | {} |".format(task, " | ".join(cells)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", nargs=2, metavar=("TASK", "PACKAGE"), help=argparse.SUPPRESS)
    parser.add_argument("--ours", default="build/venv/bench/bin/python", help="an interpreter that has the package")
    parser.add_argument("--kartothek", default="build/originals/k53/bin/python", help="one that has kartothek 5.3")
    parser.add_argument("--plateau", default="build/originals/p46/bin/python", help="one that has plateau 4.6")
    parser.add_argument("--deltalake", default="build/venv/peers/bin/python", help="one that has deltalake")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=sorted(GOALS), nargs="+", default=list(GOALS))
    arguments = parser.parse_args()
    if arguments.worker:
        task, package = arguments.worker
        if task == "messagepack":
            make_document(package)
        print(json.dumps(measure(*TASKS[task](package), CALLS[task])))
        return
    packages = {"ours": "kartothek", "kartothek": "kartothek", "plateau": "plateau", "deltalake": "deltalake"}
    for task in arguments.only:
        times = {}
        for _ in range(arguments.rounds):
            for name in ["ours"] + list(GOALS[task]):
                times.setdefault(name, []).extend(turn(getattr(arguments, name), task, packages[name]))
        report(task, times)
    shutil.rmtree(str(FOLDER), ignore_errors=True)


if __name__ == "__main__":
    main()
