"""
Random programs of kartothek's API: made of a seed, run by whatever package of that name is there, told as plain data.

Runs under Python 3.8, where the original is, and under ours.
"""
import datetime
import json
import random
import shutil
import sys
import tempfile
import warnings

LETTERS = ["a", "b", "c", "ä=%"]  # a slash is lost by the original (D-18)
DAYS = ["2020-01-01", "2020-01-02", "2021-12-31"]
TIMES = ["2020-01-01T00:00:00", "2020-01-02T03:04:05", "2021-12-31T00:00:00"]

#: kind of column: its values; None stands for null
VALUES = {
    "int": [-1, 0, 1, 2, 3],
    "small": [0, 1, 2],  # int8
    "float": [-1.5, 0.0, 0.5, 2.25, None],
    "bool": [True, False],
    "text": LETTERS + [None],
    "category": ["a", "b", "c"],
    "date": DAYS + [None],
    "time": TIMES + [None],
}

#: kinds that may be partition keys, or have an index
KEY_KINDS = ("int", "text", "time", "float")
INDEX_KINDS = ("int", "text", "date", "time", "bool")


# ---- making ----


def make(seed):
    """A program: the kinds of its columns and a list of steps."""
    rng = random.Random(seed)
    kinds = {name: rng.choice(list(VALUES)) for name in rng.sample("abcdefg", rng.randrange(2, 6))}
    keys = [name for name in sorted(kinds) if kinds[name] in KEY_KINDS]
    keys = rng.sample(keys, min(len(keys), len(kinds) - 1, rng.choice([0, 1, 1, 2])))
    indexed = [name for name in sorted(kinds) if kinds[name] in INDEX_KINDS and name not in keys]
    indexed = rng.sample(indexed, min(len(indexed), rng.choice([0, 1, 2])))
    maker = _Maker(rng, kinds, keys, indexed)
    steps = [maker.store()]
    for _ in range(rng.randrange(1, 4)):
        steps.append(rng.choice([maker.read_table, maker.read_table, maker.read_parts, maker.update, maker.update, maker.other])())
    return {"seed": seed, "kinds": kinds, "steps": steps + [maker.read_table()]}


class _Maker:
    def __init__(self, rng, kinds, keys, indexed):
        self.rng = rng
        self.kinds = kinds
        self.keys = keys
        self.indexed = indexed

    def frame(self):
        count = self.rng.choice([1, 2, 3, 5, 8])
        return {name: [self.value(name, kind) for _ in range(count)] for name, kind in self.kinds.items()}

    def value(self, name, kind):
        values = VALUES[kind]
        return self.rng.choice([value for value in values if value is not None] if name in self.keys else values)

    def frames(self, least=1):
        return [self.frame() for _ in range(self.rng.randrange(least, 4))]

    def literal(self, name):
        kind = self.kinds[name]
        values = [value for value in VALUES[kind] if value is not None]
        op = self.rng.choice(["==", "!=", "<", "<=", ">", ">=", "in"])
        if op == "in":
            return [name, op, [self.rng.choice(values) for _ in range(self.rng.randrange(1, 4))]]
        return [name, op, self.rng.choice(values)]

    def predicates(self):
        if self.rng.random() < 0.3:
            return None
        names = sorted(self.kinds)
        return [[self.literal(self.rng.choice(names)) for _ in range(self.rng.randrange(1, 3))] for _ in range(self.rng.randrange(1, 3))]

    def columns(self):
        names = sorted(self.kinds)
        return self.rng.sample(names, self.rng.randrange(1, len(names) + 1)) if self.rng.random() < 0.3 else None

    def store(self):
        return {
            "call": "store",
            "frames": self.frames(),
            "partition_on": self.keys,
            "secondary_indices": self.indexed,
            "metadata": {"k": self.rng.randrange(3)},
            "overwrite": self.rng.random() < 0.3,
            "iter": self.rng.random() < 0.2,
        }

    def update(self):
        scope = []
        if self.keys and self.rng.random() < 0.5:
            key = self.rng.choice(self.keys)
            scope = [{key: self.value(key, self.kinds[key])}]
        return {
            "call": "update",
            "frames": self.frames(0 if scope else 1),
            "delete_scope": scope,
            "metadata": {"l": self.rng.randrange(3)} if self.rng.random() < 0.3 else None,
            "sort": self.rng.choice([None, None, self.rng.choice(sorted(self.kinds))]),
        }

    def read_table(self):
        return {
            "call": "read_table",
            "predicates": self.predicates(),
            "columns": self.columns(),
            "dates_as_object": self.rng.random() < 0.7,
            "pushdown": self.rng.random() < 0.8,
        }

    def read_parts(self):
        by = None
        if self.rng.random() < 0.4 and self.keys + self.indexed:
            by = self.rng.sample(self.keys + self.indexed, self.rng.randrange(0, 2))
        return dict(self.read_table(), call="read_parts", dispatch_by=by, iter=self.rng.random() < 0.3)

    def other(self):
        kind = self.rng.choice(["index", "collect", "delete", "look", "indices", "store"])
        if kind == "store":
            return self.store()
        if kind == "index":
            names = [name for name in sorted(self.kinds) if self.kinds[name] in INDEX_KINDS] or sorted(self.kinds)
            return {"call": "index", "columns": [self.rng.choice(names)]}
        return {"call": kind}


# ---- running ----


def run(program, url, collect_options):
    """What each step of a program gives."""
    return [_run_step(step, program["kinds"], url, collect_options) for step in program["steps"]]


def _run_step(step, kinds, url, collect_options):
    try:
        return {"result": _STEPS[step["call"]](step, kinds, url, collect_options)}
    except Exception as error:
        builtin = next(base for base in type(error).__mro__ if base.__module__ == "builtins")
        return {"error": builtin.__name__, "text": str(error)[:300]}


def _frame(data, kinds):
    import pandas as pd

    return pd.DataFrame({name: _series(values, kinds[name]) for name, values in data.items()})


def _series(values, kind):
    import pandas as pd

    if kind == "date":
        return pd.Series([None if value is None else datetime.date(*map(int, value.split("-"))) for value in values], dtype=object)
    if kind == "time":
        return pd.Series(pd.to_datetime(values))
    dtype = {"int": "int64", "small": "int8", "float": "float64", "bool": "bool", "text": object, "category": "category"}[kind]
    return pd.Series(values, dtype=dtype)


def _scalar(value, kind):
    import pandas as pd

    if isinstance(value, list):
        return [_scalar(one, kind) for one in value]
    if kind == "date":
        return datetime.date(*map(int, value.split("-")))
    return pd.Timestamp(value) if kind == "time" else value


def _literals(step, kinds):
    if step["predicates"] is None:
        return None
    return [[(name, op, _scalar(value, kinds[name])) for name, op, value in conjunction] for conjunction in step["predicates"]]


def _store(step, kinds, url, _):
    from kartothek.io.eager import store_dataframes_as_dataset
    from kartothek.io.iter import store_dataframes_as_dataset__iter

    frames = [_frame(data, kinds) for data in step["frames"]]
    options = {name: step[name] for name in ("partition_on", "secondary_indices", "metadata", "overwrite")}
    if step["iter"]:
        return _dataset(store_dataframes_as_dataset__iter((frame for frame in frames), store=url, dataset_uuid="u", **options))
    return _dataset(store_dataframes_as_dataset(store=url, dataset_uuid="u", dfs=frames, **options))


def _update(step, kinds, url, _):
    from kartothek.io.eager import update_dataset_from_dataframes

    scope = [{name: _scalar(value, kinds[name]) for name, value in part.items()} for part in step["delete_scope"]]
    frames = [_frame(data, kinds) for data in step["frames"]]
    options = {"metadata": step["metadata"], "sort_partitions_by": step["sort"]}
    return _dataset(update_dataset_from_dataframes(frames, store=url, dataset_uuid="u", delete_scope=scope, **options))


def _read_table(step, kinds, url, _):
    from kartothek.io.eager import read_table

    return _told(
        read_table(
            "u",
            url,
            "table",
            columns=step["columns"],
            predicates=_literals(step, kinds),
            dates_as_object=step["dates_as_object"],
            predicate_pushdown_to_io=step["pushdown"],
        )
    )


def _read_parts(step, kinds, url, _):
    from kartothek.io.eager import read_dataset_as_dataframes
    from kartothek.io.iter import read_dataset_as_dataframes__iterator

    read = read_dataset_as_dataframes__iterator if step["iter"] else read_dataset_as_dataframes
    frames = read(
        "u",
        url,
        columns=None if step["columns"] is None else {"table": step["columns"]},
        predicates=_literals(step, kinds),
        dates_as_object=step["dates_as_object"],
        predicate_pushdown_to_io=step["pushdown"],
        dispatch_by=step["dispatch_by"],
    )
    return sorted((_told(tables["table"]) for tables in frames), key=json.dumps)


def _index(step, kinds, url, _):
    from kartothek.io.eager import build_dataset_indices

    build_dataset_indices(url, "u", step["columns"])
    return _indices(step, kinds, url, None)


def _collect(step, kinds, url, options):
    from kartothek.io.eager import garbage_collect_dataset

    return garbage_collect_dataset("u", url, **options)


def _delete(step, kinds, url, _):
    from kartothek.core.dataset import DatasetMetadata
    from kartothek.core.utils import ensure_store
    from kartothek.io.eager import delete_dataset

    delete_dataset("u", url)
    return DatasetMetadata.exists("u", ensure_store(url))


def _loaded(url):
    from kartothek.core.dataset import DatasetMetadata
    from kartothek.core.utils import ensure_store

    store = ensure_store(url)
    return DatasetMetadata.load_from_store("u", store), store


def _look(step, kinds, url, _):
    return _dataset(_loaded(url)[0])


def _indices(step, kinds, url, _):
    """Each index as {value: number of its partitions}: labels are random."""
    dataset, store = _loaded(url)
    loaded = dataset.load_all_indices(store, load_partition_indices=False)
    found = {}
    for column, index in loaded.indices.items():
        entries = ((_plain(value), len(set(labels))) for value, labels in index.index_dct.items())
        found[column] = sorted(entries, key=json.dumps)
    return found


_STEPS = {
    "store": _store,
    "update": _update,
    "read_table": _read_table,
    "read_parts": _read_parts,
    "index": _index,
    "collect": _collect,
    "delete": _delete,
    "look": _look,
    "indices": _indices,
}


# ---- telling ----


def _dataset(dataset):
    """What is the same whoever wrote it; labels are random but for what stands before the last slash."""
    return {
        "partitions": sorted(label.rpartition("/")[0] for label in dataset.partitions),
        "partition_keys": list(dataset.partition_keys),
        "indices": sorted(dataset.secondary_indices),
        "tables": list(dataset.tables),
        "metadata": {key: value for key, value in dataset.metadata.items() if key in ("k", "l")},
    }


def _told(frame):
    """A frame as columns, dtypes and sorted rows, and whether its index is a plain one."""
    rows = [[_plain(value) for value in row] for row in zip(*(frame[name].astype(object) for name in frame.columns))]
    return {
        "columns": list(frame.columns),
        "dtypes": [str(dtype) for dtype in frame.dtypes],
        "rows": sorted(rows, key=json.dumps),
        "count": len(frame),
    }


def _plain(value):
    if value is None or value != value:
        return None
    if isinstance(value, datetime.datetime) or type(value).__name__ == "datetime64":
        import pandas as pd

        return pd.Timestamp(value).isoformat()
    if isinstance(value, datetime.date):
        return "date " + value.isoformat()
    if isinstance(value, bytes):
        return "bytes " + value.hex()
    if type(value).__module__ == "numpy":
        value = value.item()
    return repr(value) if isinstance(value, float) else value


def main():
    """Run the programs of the seeds in a range, one line of JSON each. The third argument is what garbage_collect_dataset gets more."""
    warnings.simplefilter("ignore")
    first, last, collect_options = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    for seed in range(first, last):
        folder = tempfile.mkdtemp(dir=sys.argv[4])
        print(json.dumps(run(make(seed), "hfs://" + folder, collect_options)), flush=True)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
