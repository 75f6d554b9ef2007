"""
What is written from a generator or read by an iterator is in memory part by part, and what is read ahead within a bound.

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
from kartothek.io_components.read import AHEAD_BYTES

ROWS = 100_000
BYTES_A_ROW = 5 * 8
#: of a frame of so many rows
BYTES = BYTES_A_ROW * ROWS
#: How many partitions, and rows of each: with four times as many, the same bound holds; with four times as many rows it is four times as high.
SIZES = [(12, ROWS), (48, ROWS), (12, 4 * ROWS)]


def frame(number, rows=ROWS):
    values = np.arange(rows) + number * rows
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

    def __init__(self, count, rows):
        self.count = count
        self.rows = rows
        self.frames = []
        self.alive = []
        self.bytes = []

    def __iter__(self):
        for number in range(self.count):
            self.bytes.append(used())
            self.alive.append(sum(one() is not None for one in self.frames))
            made = frame(number, self.rows)
            self.frames.append(weakref.ref(made))
            yield made
            del made


@pytest.mark.parametrize("count, rows", SIZES)
@pytest.mark.parametrize("write", [store_dataframes_as_dataset__iter, update_dataset_from_dataframes__iter])
def test_of_what_is_written_one_frame_is_in_memory(store_url, write, count, rows):
    source = Source(count, rows)
    write(iter(source), store=store_url, dataset_uuid="u")
    assert len(source.frames) == count
    assert max(source.alive) <= 1
    assert max(source.bytes[2:]) - source.bytes[1] < 4 * BYTES_A_ROW * rows


def most_while_read(store_url, **options):
    """Rows, and the most bytes that are in use beside those from before."""
    before = used()
    rows, most = 0, 0
    for tables in read_dataset_as_dataframes__iterator("u", store_url, **options):
        rows += len(tables["table"])
        most = max(most, used() - before)
    return rows, most


@pytest.mark.parametrize("count, rows", [(48, ROWS), (128, ROWS), (16, 4 * ROWS)])
def test_of_what_is_read_ahead_some_partitions_are_in_memory(store_url, count, rows):
    """What is taken, and partitions behind it, in memory of a fixed size."""
    store_dataframes_as_dataset__iter((frame(number, rows) for number in range(count)), store=store_url, dataset_uuid="u")
    read, most = most_while_read(store_url)
    assert read == count * rows
    assert most < AHEAD_BYTES + 4 * BYTES_A_ROW * rows < count * BYTES_A_ROW * rows


@pytest.mark.parametrize("count", [32, 128])
def test_groups_that_are_read_together_take_memory_of_a_fixed_size(store_url, count):
    """Four partitions share four groups, each as large as a partition; the larger dataset takes 512 MB in all."""

    def frames():
        for number in range(count):
            made = frame(number)
            made["k"] += number // 4 * 4
            yield made

    store_dataframes_as_dataset__iter(frames(), store=store_url, dataset_uuid="u", secondary_indices=["k"])
    read, most = most_while_read(store_url, dispatch_by=["k"])
    assert read == count * ROWS
    assert most < (64 << 20) + 4 * BYTES
