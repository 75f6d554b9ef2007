"""
Calls that are repeated take no memory that they do not give back.

What is counted: Python's own blocks, which are exact, and the bytes that the C library's malloc has handed out, which the extension's and
libkartothek's are part of.
"""
import ctypes
import gc
import sys

import numpy as np
import pandas as pd
import pytest

import kartothek
from kartothek._frames import from_arrow, to_arrow
from kartothek.core.dataset import DatasetMetadata
from kartothek.core.factory import DatasetFactory
from kartothek.io.eager import read_table, store_dataframes_as_dataset, update_dataset_from_dataframes
from kartothek.parquet import read, write

ROWS = 50

# Each warning that is heard is kept.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class _MallocInfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]


def _malloc_bytes():
    """Bytes handed out and not given back; None where the C library does not tell."""
    try:
        ask = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError, TypeError):
        return None
    ask.restype = _MallocInfo
    info = ask()
    return info.uordblks + info.hblkhd


def growth(call, count):
    """
    What ``count`` calls keep: (Python blocks, bytes), the least of five rounds.

    Caches fill in some rounds and not in others; what a call leaks is there in each.
    """
    rounds = []
    for _ in range(5):
        gc.collect()
        blocks, used = sys.getallocatedblocks(), _malloc_bytes()
        for _ in range(count // 5):
            call()
        gc.collect()
        rounds.append((sys.getallocatedblocks() - blocks, 0 if used is None else _malloc_bytes() - used))
    return min(blocks for blocks, _ in rounds), min(used for _, used in rounds)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    return "hfs://{}".format(tmp_path_factory.mktemp("leaks"))


def new_frame():
    """One of its own for each call: pandas keeps weak references to all that was ever made of a frame, until they are many."""
    return pd.DataFrame(
        {
            "p": np.arange(ROWS) % 2,
            "i": np.arange(ROWS),
            "s": ["text {}".format(i) if i % 3 else None for i in range(ROWS)],
            "t": (np.arange(ROWS) * 1000).astype("M8[ns]"),
            "c": pd.Categorical(["a", "b"] * (ROWS // 2)),
        }
    )


@pytest.fixture(scope="module")
def stored(url):
    store_dataframes_as_dataset(store=url, dataset_uuid="d", dfs=[new_frame()], partition_on=["p"], secondary_indices=["i"])
    return url


def raises(error, call, *args, **kwargs):
    def repeated():
        try:
            call(*args, **kwargs)
        except error:
            return
        raise AssertionError("no {}".format(error))

    return repeated


def calls(url, path):
    """name -> (call, how often)"""
    dataset = kartothek.open(url, "d")
    factory = DatasetFactory("d", url)
    loaded = DatasetMetadata.load_from_store("d", url)
    write(to_arrow.frame_stream(new_frame()), path)
    write_path = path + ".new"
    return {
        "frames to Arrow and back": (lambda: from_arrow.frame_from_stream(to_arrow.frame_stream(new_frame()), True), 500),
        "store": (lambda: store_dataframes_as_dataset(store=url, dataset_uuid="w", dfs=[new_frame()], partition_on=["p"], overwrite=True), 100),
        "update": (lambda: update_dataset_from_dataframes([new_frame()], store=url, dataset_uuid="u", partition_on=["p"], delete_scope=[{"p": 0}, {"p": 1}]), 100),
        "read_table": (lambda: read_table("d", url, predicates=[[("i", ">", 3), ("s", "!=", "text 4")]]), 300),
        "open": (lambda: repr(kartothek.open(url, "d")), 2000),
        "query": (lambda: dataset.query("i >= 10 and p == 1", columns=["s", "t"]).to_pandas(), 500),
        "query given up": (lambda: dataset.query("i >= 10").__arrow_c_stream__(), 1000),
        "load_index": (lambda: loaded.load_index("i", url).indices["i"].eval_operator("==", 4), 300),
        "partition indices": (lambda: len(loaded.load_partition_indices().indices["p"].index_dct), 500),
        "partitions": (lambda: list(DatasetMetadata.load_from_store("d", url).partitions.values()), 500),
        "factory": (lambda: (factory.invalidate(), factory.partitions), 500),
        "parquet read": (lambda: read(path).to_pandas(), 500),
        "parquet write": (lambda: write(to_arrow.frame_stream(new_frame()), write_path), 200),
        "no such dataset": (raises(KeyError, kartothek.open, url, "absent"), 2000),
        "no such column": (raises(KeyError, dataset.query, "absent == 1"), 2000),
        "no predicate": (raises(ValueError, dataset.query, "i >=> 1"), 2000),
        "no Arrow type": (raises(TypeError, lambda: to_arrow.frame_stream(pd.DataFrame({"a": [object()]}))), 500),
        "dataset is there": (raises(RuntimeError, lambda: store_dataframes_as_dataset(store=url, dataset_uuid="d", dfs=[new_frame()])), 100),
        "read with progress": (lambda: _read_with_progress(url), 300),
        "read ended by progress": (raises(ZeroDivisionError, _read_with_progress, url, lambda *_: 1 / 0), 300),
        "update given up": (raises(ZeroDivisionError, _give_up, url), 100),
    }


def _read_with_progress(url, report=lambda *_: None):
    with kartothek.progress(report):
        return read_table("d", url)


def _give_up(url):
    with kartothek.create(url, "given-up") as update:
        update.add(new_frame())
        raise ZeroDivisionError


NAMES = (
    "frames to Arrow and back, store, update, read_table, open, query, query given up, load_index, partition indices, partitions, factory, parquet read, "
    "parquet write, no such dataset, no such column, no predicate, no Arrow type, dataset is there, read with progress, read ended by progress, update given up"
)


@pytest.mark.parametrize("name", NAMES.split(", "))
def test_memory_is_constant(stored, tmp_path, name):
    table = calls(stored, str(tmp_path / "f.parquet"))
    assert sorted(table) == sorted(NAMES.split(", "))
    call, count = table[name]
    blocks, used = growth(call, count)
    of = "are left of {} calls".format(count // 5)
    assert blocks < count // 5, "{} Python blocks {}".format(blocks, of)
    # The smallest leak is 32 bytes a call; arenas of threads that come and go are not given back to the last byte.
    assert used < 16 * (count // 5) + 8192, "{} bytes {}".format(used, of)


def test_calls_are_many(stored, tmp_path):
    assert sum(count for _, count in calls(stored, str(tmp_path / "f.parquet")).values()) >= 10_000


def test_a_leak_is_seen():
    kept = []
    blocks, _ = growth(lambda: kept.append(object()), 500)
    assert blocks >= 90
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    _, used = growth(lambda: libc.malloc(200), 500)
    assert used >= 200 * 90 if _malloc_bytes() is not None else used == 0
