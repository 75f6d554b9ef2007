"""dask.delayed: lazy, picklable, and on the snapshot of the call."""
import pickle

import pandas as pd
import pytest

from kartothek.io.eager import store_dataframes_as_dataset

pytest.importorskip("dask")
from kartothek.io.dask.delayed import read_table_as_delayed  # noqa: E402

FRAME = pd.DataFrame({"p": [1, 1, 2], "x": [10, 20, 30]})


def frames(delayed):
    import dask

    return list(dask.compute(*delayed, scheduler="sync"))


def test_one_task_per_partition(store_url):
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAME, FRAME], partition_on=["p"])
    delayed = read_table_as_delayed("u", store_url)
    assert len(delayed) == 4
    assert [frame.x.tolist() for frame in frames(delayed)] == [[10, 20], [30]] * 2
    assert [list(frame.columns) for frame in frames(delayed)] == [["p", "x"]] * 4


def test_graphs_pickle_and_run_elsewhere(store_url):
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAME], partition_on=["p"])
    delayed = pickle.loads(pickle.dumps(read_table_as_delayed("u", store_url, predicates=[[("x", ">", 10)]])))
    assert [frame.x.tolist() for frame in frames(delayed)] == [[20], [30]]


def test_reads_the_snapshot_of_the_call(store_url):
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAME])
    delayed = read_table_as_delayed("u", store_url)
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAME[:0]], overwrite=True)
    assert [len(frame) for frame in frames(delayed)] == [3]


def test_predicates_choose_partitions_at_the_call(store_url):
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAME], partition_on=["p"])
    assert len(read_table_as_delayed("u", store_url, predicates=[[("p", "==", 2)]])) == 1
    assert read_table_as_delayed("u", store_url, predicates=[[("p", "==", 3)]]) == []


def test_dispatch_by(store_url):
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAME, FRAME], partition_on=["p"])
    delayed = read_table_as_delayed("u", store_url, dispatch_by=["p"], columns=["x"])
    assert [sorted(frame.x.tolist()) for frame in frames(delayed)] == [[10, 10, 20, 20], [30, 30]]


def test_bad_calls_fail_at_once(store_url):
    with pytest.raises(KeyError, match="Dataset does not exist"):
        read_table_as_delayed("u", store_url)
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAME])
    with pytest.raises(ValueError, match="Columns cannot be found in stored dataframe: z"):
        read_table_as_delayed("u", store_url, columns=["z"])
