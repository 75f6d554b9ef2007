"""Partitions are read ahead of whoever takes their frames: the frames are those that each partition gives alone, and end where it fails."""
import io
import json
import multiprocessing
import os
import pathlib
import threading

import numpy as np
import pandas as pd
import pytest

from kartothek.core.store import KeyValueStore
from kartothek.io.eager import read_dataset_as_dataframes, read_dataset_as_metapartitions, store_dataframes_as_dataset
from kartothek.io.iter import read_dataset_as_dataframes__iterator, read_dataset_as_metapartitions__iterator
from kartothek.io_components import read

COUNT = 20


def frame(number):
    """Of types and lengths of its own."""
    values = np.arange(number % 5 + 1, dtype="int8" if number % 2 else "int32") + number
    texts = pd.Series([None if number % 3 == 0 else "text {}".format(value) for value in values], dtype=object)
    return pd.DataFrame({"k": number, "x": values, "s": texts, "row": np.arange(len(values))})


def stored(store, **settings):
    store_dataframes_as_dataset(store=store, dataset_uuid="d", dfs=[frame(number) for number in range(COUNT)], **settings)


def check_alike(frames, wanted):
    assert [list(tables) for tables in frames] == [list(tables) for tables in wanted]
    for tables, others in zip(frames, wanted):
        for table in tables:
            pd.testing.assert_frame_equal(tables[table], others[table])


@pytest.fixture
def alone(monkeypatch):
    """Reads each partition by a query of its own."""

    def read_alone(*arguments, **options):
        with monkeypatch.context() as patch:
            patch.setattr(read, "_is_partition", lambda group, partition_keys: False)
            return read_dataset_as_dataframes(*arguments, **options)

    return read_alone


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"columns": {"table": ["s", "x"]}},
        {"categoricals": {"table": ["s"]}},
        {"predicates": [[("x", ">", 7)]]},
        {"predicates": [[("k", "in", [1, 2, 5]), ("row", "==", 0)], [("x", "==", 12)]]},
        {"predicates": [[("k", "<", 0)]]},
        {"label_filter": lambda label: "k=1" in label},
        {"dispatch_by": ["k"]},
        {"dispatch_by": ["k"], "predicates": [[("row", ">", 2)]]},
        {"concat_partitions_on_primary_index": True, "categoricals": {"table": ["s"]}},
    ],
)
def test_frames_are_those_of_each_partition_alone(store_url, alone, options):
    stored(store_url, partition_on=["k"])
    wanted = alone("d", store_url, **options)
    check_alike(read_dataset_as_dataframes("d", store_url, **options), wanted)
    check_alike(list(read_dataset_as_dataframes__iterator("d", store_url, **options)), wanted)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_partition_without_a_file_of_a_table(store_url, alone):
    data = [[("core", frame(number)), ("ext", frame(number + 50))] for number in range(COUNT)]
    store_dataframes_as_dataset(store=store_url, dataset_uuid="d", dfs=[{"data": tables} for tables in data])
    store, key = KeyValueStore(store_url), "d.by-dataset-metadata.json"
    document = json.loads(store.get(key).decode())
    for label in sorted(document["partitions"])[::3]:
        del document["partitions"][label]["files"]["ext"]
    store.put(key, json.dumps(document).encode())
    wanted = alone("d", store_url)
    assert [len(tables["ext"]) for tables in wanted].count(0) == len(range(0, COUNT, 3))
    check_alike(read_dataset_as_dataframes("d", store_url), wanted)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"columns": {"core": ["s", "x"]}, "tables": ["core"]},
        {"categoricals": {"core": ["s"]}, "predicates": [[("x", ">", 7)]]},
        {"dispatch_by": ["k"]},
        {"label_filter": lambda label: "k=1" in label},
    ],
)
@pytest.mark.parametrize("tables", [["core"], ["core", "ext"]])
def test_metapartitions_are_those_of_each_partition_alone(store_url, monkeypatch, tables, options):
    parts = [{"data": [(table, frame(number)) for table in tables]} for number in range(COUNT)]
    store_dataframes_as_dataset(store=store_url, dataset_uuid="d", dfs=parts, partition_on=["k"])
    ahead = read_dataset_as_metapartitions("d", store_url, **options)
    iterated = list(read_dataset_as_metapartitions__iterator("d", store_url, **options))
    monkeypatch.setattr(read.MetaPartitionReader, "_are_alike", lambda self, found: False)
    wanted = read_dataset_as_metapartitions("d", store_url, **options)
    for parts in (ahead, iterated):
        assert [(part.label, part.files, part.logical_conjunction) for part in parts] == [
            (part.label, part.files, part.logical_conjunction) for part in wanted
        ]
        check_alike([part.data for part in parts], [part.data for part in wanted])


def test_an_error_comes_where_its_frame_would_stand(tmp_path):
    stored("hfs://{}".format(tmp_path), partition_on=["k"])
    for number in (13, 15):
        (damaged,) = (pathlib.Path(str(tmp_path)) / "d" / "table" / "k={}".format(number)).iterdir()
        damaged.write_bytes(b"PAR1 nothing PAR1")
    taken = []
    with pytest.raises(ValueError, match="k=13"):
        for tables in read_dataset_as_dataframes__iterator("d", "hfs://{}".format(tmp_path)):
            taken.append(int(tables["table"]["k"][0]))
    assert taken == list(range(13))


class Store(dict):
    """In Python; notes from which thread it is asked for files, and whether by two at once."""

    def __init__(self):
        super().__init__()
        self.threads = []
        self.lock = threading.Lock()
        self.is_asked_twice = False

    def put(self, key, data):
        self[key] = bytes(data)
        return key

    def get(self, key):
        return self.open(key).read()

    def open(self, key):
        if not self.lock.acquire(blocking=False):
            self.is_asked_twice = True
        else:
            self.lock.release()
        with self.lock:
            if key.endswith(".parquet"):
                self.threads.append(threading.get_ident())
            return io.BytesIO(self[key])

    def delete(self, key):
        self.pop(key, None)

    def keys(self, prefix=""):
        return [key for key in self if key.startswith(prefix)]

    def iter_keys(self, prefix=""):
        return iter(self.keys(prefix))

    def iter_prefixes(self, delimiter, prefix=""):
        return iter([])


def test_stores_in_python_are_asked_by_whoever_takes_frames():
    store = Store()
    stored(lambda: store)
    del store.threads[:]
    frames = read_dataset_as_dataframes__iterator("d", lambda: store)
    next(frames)
    asked = len(store.threads)
    assert len(list(frames)) == COUNT - 1
    assert len(store.threads) == COUNT * asked and set(store.threads) == {threading.get_ident()}
    assert not store.is_asked_twice


def test_an_iterator_is_read_to_its_end_whatever_happens_to_others(store_url):
    """One that is closed, and one that is forgotten half-way."""
    stored(store_url)
    for taken in range(COUNT + 1):
        frames = [read_dataset_as_dataframes__iterator("d", store_url) for _ in range(3)]
        for _ in range(taken):
            assert len({int(next(one)["table"]["k"][0]) for one in frames}) == 1
        frames[0].close()
        del frames[1:2]
        assert [int(tables["table"]["k"][0]) for tables in frames[1]] == list(range(taken, COUNT))


def _go_on(frames, connection):
    connection.send([int(tables["table"]["k"][0]) for tables in frames])
    connection.close()


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system has no fork")
def test_a_forked_child_goes_on_with_an_iterator(tmp_path):
    url = "hfs://{}".format(tmp_path)
    stored(url)
    frames = read_dataset_as_dataframes__iterator("d", url)
    assert [int(next(frames)["table"]["k"][0]) for _ in range(4)] == [0, 1, 2, 3]
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_go_on, args=(frames, theirs))
    child.start()
    assert ours.poll(60) and ours.recv() == list(range(4, COUNT))
    child.join(60)
    assert child.exitcode == 0
    assert [int(tables["table"]["k"][0]) for tables in frames] == list(range(4, COUNT))


def test_a_reader_of_the_extension_tells_its_end_again(store_url):
    stored(store_url)
    reader = read.Selection("d", store_url, None, None).dataset.each_partition(as_stored=True, partitions=[3, 1])
    assert reader.pid == os.getpid()
    assert [reader.next()[0], reader.next()[0], reader.next(), reader.next()] == [3, 1, None, None]
