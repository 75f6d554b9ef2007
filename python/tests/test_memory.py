"""
What is written from a generator or read by an iterator is in memory part by part.

What is counted: frames that are alive, and the memory that the process has; the library takes that of large results from the system itself.
"""
import gc
import os
import weakref

import numpy as np
import pandas as pd
import pytest

from kartothek.io.eager import store_dataframes_as_dataset
from kartothek.io.iter import read_dataset_as_dataframes__iterator, store_dataframes_as_dataset__iter, update_dataset_from_dataframes__iter

COUNT = 12
ROWS = 100_000
#: of a frame
BYTES = 5 * 8 * ROWS


def frame(number):
    values = np.arange(ROWS) + number * ROWS
    return pd.DataFrame({"k": values % 4, "a": values * 7919, "b": values * 104729, "c": values * 1299709, "d": values * 15485863})


def used():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(autouse=True)
def needs_a_count():
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("the system does not tell in /proc what memory the process has")


class Source:
    """Frames one by one; each time, how many of them are alive and how many bytes are in use."""

    def __init__(self):
        self.frames = []
        self.alive = []
        self.bytes = []

    def __iter__(self):
        for number in range(COUNT):
            self.bytes.append(used())
            self.alive.append(sum(one() is not None for one in self.frames))
            made = frame(number)
            self.frames.append(weakref.ref(made))
            yield made
            del made


@pytest.mark.parametrize("write", [store_dataframes_as_dataset__iter, update_dataset_from_dataframes__iter])
def test_of_what_is_written_one_frame_is_in_memory(store_url, write):
    source = Source()
    write(iter(source), store=store_url, dataset_uuid="u")
    assert len(source.frames) == COUNT
    assert max(source.alive) <= 1
    assert max(source.bytes[2:]) - source.bytes[1] < 4 * BYTES


@pytest.fixture
def stored(store_url):
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[frame(number) for number in range(COUNT)], secondary_indices=["k"])
    return store_url


def test_of_what_is_read_one_partition_is_in_memory(stored):
    before = used()
    rows, most = 0, 0
    for tables in read_dataset_as_dataframes__iterator("u", stored):
        rows += len(tables["table"])
        most = max(most, used() - before)
    assert rows == COUNT * ROWS
    assert most < 4 * BYTES
