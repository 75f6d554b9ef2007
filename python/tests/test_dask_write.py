"""Writing with Dask: many workers write, one task commits. The oracle is pandas on the frames that went in."""
import functools
import os
import pickle

import pandas as pd
import pytest

import kartothek.io_components.parts
from kartothek.core.dataset import DatasetMetadata
from kartothek.core.utils import ensure_store
from kartothek.exceptions import DatasetExists
from kartothek.io.eager import read_dataset_as_dataframes, read_table, store_dataframes_as_dataset

dask = pytest.importorskip("dask")
from kartothek.io.dask.bag import store_bag_as_dataset  # noqa: E402
from kartothek.io.dask.delayed import store_delayed_as_dataset, update_dataset_from_delayed  # noqa: E402

SCHEDULERS = ["sync", "threads", "processes"]
FRAMES = [pd.DataFrame({"p": [i % 3, 7, 7], "x": [10 * i, 10 * i + 1, 10 * i + 2], "s": list("abc")}) for i in range(5)]


def rows(frame):
    return sorted(map(tuple, frame[["p", "x", "s"]].itertuples(index=False)))


def stored(store_url, uuid="u"):
    return rows(read_table(uuid, store_url))


def files(store_url):
    folder = store_url[len("hfs://"):]
    return sorted(os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names if name.endswith(".parquet"))


def compute(task, scheduler="sync"):
    return dask.compute(pickle.loads(pickle.dumps(task, pickle.HIGHEST_PROTOCOL)), scheduler=scheduler)[0]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("element", [{}, None, []])
def test_one_element_without_rows_makes_an_empty_dataset(store_url, element, overwrite):
    """As in kartothek, where no element at all does not."""
    if overwrite:
        store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=FRAMES)
    made = compute(store_delayed_as_dataset([dask.delayed(element)], store=store_url, dataset_uuid="u", overwrite=overwrite))
    assert len(made.partitions) == 0
    assert len(DatasetMetadata.load_from_store("u", store_url).partitions) == 0
    with pytest.raises(ValueError, match="Cannot store empty datasets"):
        compute(store_delayed_as_dataset([], store=store_url, dataset_uuid="v", overwrite=overwrite))
    with pytest.raises(ValueError, match="Cannot store empty datasets"):
        compute(update_dataset_from_delayed([dask.delayed(element)], store=store_url, dataset_uuid="v"))
    with pytest.raises(KeyError):
        DatasetMetadata.load_from_store("v", store_url)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_delayed_frames_are_stored(store_url, scheduler):
    tasks = [dask.delayed(frame) for frame in FRAMES]
    task = store_delayed_as_dataset(tasks, store_url, "u", partition_on="p", secondary_indices=["x"], metadata={"k": 1})
    assert not DatasetMetadata.exists("u", store_url)
    dataset = compute(task, scheduler)
    assert len(dataset.partitions) == sum(frame.p.nunique() for frame in FRAMES)
    assert dataset.metadata["k"] == 1
    assert stored(store_url) == rows(pd.concat(FRAMES))
    assert set(dataset.load_index("x", store_url).indices["x"].observed_values()) == set(pd.concat(FRAMES).x)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_bag_is_stored(store_url, scheduler):
    import dask.bag

    task = store_bag_as_dataset(dask.bag.from_sequence(FRAMES, partition_size=2), store_url, "u", partition_on=["p"])
    compute(task, scheduler)
    assert stored(store_url) == rows(pd.concat(FRAMES))


def test_delayed_frames_update(store_url):
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAMES[0]], partition_on=["p"])
    scope = dask.delayed(lambda: [{"p": 7}])()
    compute_plainly = dask.compute(update_dataset_from_delayed([dask.delayed(FRAMES[1])], store_url, "u", delete_scope=scope), scheduler="sync")
    assert len(compute_plainly[0].partitions) == 3
    kept = FRAMES[0][FRAMES[0].p != 7]
    assert stored(store_url) == rows(pd.concat([kept, FRAMES[1]]))


def test_an_update_makes_a_dataset(store_url):
    compute(update_dataset_from_delayed([dask.delayed(FRAMES[0])], store_url, "u", partition_on="p", secondary_indices="s"))
    assert list(DatasetMetadata.load_from_store("u", store_url).indices) == ["s"]
    assert stored(store_url) == rows(FRAMES[0])


def test_a_name_that_is_taken_is_seen_at_the_call_and_at_the_commit(store_url):
    late = store_delayed_as_dataset([dask.delayed(FRAMES[1])], store_url, "u")
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAMES[0]])
    with pytest.raises(RuntimeError, match="already exists"):
        store_delayed_as_dataset([dask.delayed(FRAMES[1])], store_url, "u")
    with pytest.raises(DatasetExists):
        compute(late)
    assert stored(store_url) == rows(FRAMES[0])
    compute(store_delayed_as_dataset([dask.delayed(FRAMES[1])], store_url, "u", overwrite=True))
    assert stored(store_url) == rows(FRAMES[1])


def test_nothing_to_store(store_url):
    with pytest.raises(ValueError, match="Cannot store empty datasets"):
        compute(store_delayed_as_dataset([], store_url, "u"))
    assert not DatasetMetadata.exists("u", store_url)


def test_bad_settings_fail_at_the_call(store_url):
    with pytest.raises(NotImplementedError, match="Minimal supported metadata version is 4"):
        store_delayed_as_dataset([], store_url, "u", metadata_version=3)
    with pytest.raises(RuntimeError, match="Cannot create secondary index on partition columns"):
        store_delayed_as_dataset([], store_url, "u", partition_on="p", secondary_indices="p")
    with pytest.raises(ValueError, match="illegal character"):
        store_delayed_as_dataset([], store_url, "u/v")


def test_a_failed_part_fails_the_whole(store_url):
    tasks = [dask.delayed(FRAMES[0]), dask.delayed(FRAMES[1].rename(columns={"x": "y"}))]
    with pytest.raises(ValueError, match="not compatible"):
        compute(store_delayed_as_dataset(tasks, store_url, "u"))
    assert not DatasetMetadata.exists("u", store_url)


@pytest.mark.parametrize("mode", ["create", "overwrite", "create_or_update"])
def test_tasks_that_run_again_change_nothing(store_url, mode):
    writer = kartothek.io_components.parts.PartsWriter(store_url, "u", mode=mode, partition_on=["p"])
    writer.write(FRAMES[0])  # of a worker that was lost
    parts = [writer.write(frame) for frame in FRAMES]
    first = writer.commit(parts)
    again = pickle.loads(pickle.dumps(writer)).commit(pickle.loads(pickle.dumps(parts)))
    assert list(again.partitions) == list(first.partitions)
    assert stored(store_url) == rows(pd.concat(FRAMES))
    assert len(files(store_url)) > len(first.partitions)


def test_a_commit_that_runs_again_later_changes_nothing(store_url):
    writer = kartothek.io_components.parts.PartsWriter(store_url, "u", mode="overwrite")
    parts = [writer.write(FRAMES[0])]
    writer.commit(parts)
    other = kartothek.io_components.parts.PartsWriter(store_url, "u")
    other.commit([other.write(FRAMES[1])])
    writer.commit(parts)
    assert stored(store_url) == rows(pd.concat(FRAMES[:2]))


# ---- dask.dataframe ----


@pytest.fixture
def ddf():
    """1,000 rows in 5 partitions, and the frame."""
    dd = pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame({"p": [i % 3 for i in range(1000)], "x": range(1000), "s": [str(i * i % 11) for i in range(1000)]})
    return dd.from_pandas(frame, npartitions=5), frame


def partitions(store_url, uuid="u"):
    return [tables["table"] for tables in read_dataset_as_dataframes(uuid, store_url)]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_dask_frame_is_stored(store_url, ddf, scheduler):
    from kartothek.io.dask.dataframe import store_dataset_from_ddf

    dataset = compute(store_dataset_from_ddf(ddf[0], store_url, "u", partition_on=["p"]), scheduler)
    assert len(dataset.partitions) == 15
    assert stored(store_url) == rows(ddf[1])


def test_buckets_are_those_of_kartothek():
    from kartothek.io.dask._shuffle import buckets

    found = buckets(pd.DataFrame({"range": range(10)}), ["range"], 5)
    assert found.tolist() == [0, 0, 1, 2, 0, 3, 2, 0, 1, 4] and found.dtype == "uint8"


@pytest.mark.parametrize("bucket_by, partition_on", [("s", ["p"]), (["s"], None), (None, ["p"])])
def test_shuffled_rows_of_a_bucket_share_a_file(store_url, ddf, bucket_by, partition_on):
    from kartothek.io.dask.dataframe import store_dataset_from_ddf

    task = store_dataset_from_ddf(
        ddf[0], store_url, "u", shuffle=True, num_buckets=4, bucket_by=bucket_by, partition_on=partition_on, sort_partitions_by="x"
    )
    compute(task)
    frames = partitions(store_url)
    assert len(frames) <= 4 * (3 if partition_on else 1)
    assert all(frame.x.is_monotonic_increasing for frame in frames)
    assert all(set(frame.columns) == {"p", "x", "s"} for frame in frames)
    assert stored(store_url) == rows(ddf[1])
    keys = (partition_on or []) + ([bucket_by] if isinstance(bucket_by, str) else bucket_by or ["s", "p", "x"])
    owners = [set(map(tuple, frame[keys].itertuples(index=False))) for frame in frames]
    assert len(set().union(*owners)) == sum(map(len, owners))


def test_a_dask_frame_updates(store_url, ddf):
    from kartothek.io.dask.dataframe import store_dataset_from_ddf, update_dataset_from_ddf

    compute(store_dataset_from_ddf(ddf[0], store_url, "u", partition_on=["p"]))
    compute(update_dataset_from_ddf(ddf[0], store_url, "u", shuffle=True, delete_scope=[{"p": 1}], repartition_ratio=2))
    assert stored(store_url) == rows(pd.concat([ddf[1][ddf[1].p != 1], ddf[1]]))
    assert len(partitions(store_url)) == 10 + 3
    compute(update_dataset_from_ddf(None, store_url, "u", delete_scope=[{"p": 0}]))
    assert stored(store_url) == rows(pd.concat([ddf[1][ddf[1].p == 2], ddf[1][ddf[1].p != 0]]))


def test_what_a_dask_frame_cannot_be_stored_as(store_url, ddf):
    from kartothek.io.dask.dataframe import store_dataset_from_ddf, update_dataset_from_ddf

    with pytest.raises(TypeError, match="The parameter `table` is not optional"):
        update_dataset_from_ddf(ddf[0], store_url, "u", table=None)
    with pytest.raises(ValueError, match="num_buckets.*must not be None"):
        store_dataset_from_ddf(ddf[0], store_url, "u", shuffle=True, num_buckets=None)


# ---- a cluster ----


def _write_or_die(writer, element, marker):
    """The first worker that comes here writes, and is killed before it can tell."""
    part = writer.write(element)
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return part
    os._exit(1)


def test_a_killed_worker_costs_no_row(store_url, tmp_path):
    distributed = pytest.importorskip("distributed")
    writer = kartothek.io_components.parts.PartsWriter(store_url, "u", mode="create", partition_on=["p"])
    with distributed.LocalCluster(n_workers=4, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(tmp_path)) as cluster:
        with distributed.Client(cluster) as client:
            marker = str(tmp_path / "died")
            parts = [dask.delayed(_write_or_die)(writer, frame, marker) for frame in FRAMES * 4]
            dataset = client.compute(dask.delayed(writer.commit)(parts)).result(timeout=120)
    assert os.path.exists(marker)
    assert stored(store_url) == rows(pd.concat(FRAMES * 4))
    assert len(files(store_url)) > len(dataset.partitions)


def test_a_cluster_stores_and_shuffles(store_url, ddf, tmp_path):
    distributed = pytest.importorskip("distributed")
    from kartothek.io.dask.dataframe import store_dataset_from_ddf

    with distributed.LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, local_directory=str(tmp_path)) as cluster:
        with distributed.Client(cluster):
            store_dataset_from_ddf(ddf[0], store_url, "u", shuffle=True, num_buckets=2, partition_on=["p"], bucket_by="s").compute()
    assert stored(store_url) == rows(ddf[1])
    assert len(partitions(store_url)) <= 6


def test_a_factory_whose_store_does_not_pickle_goes_to_workers(store_url):
    from kartothek.core.factory import DatasetFactory

    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAMES[0]], partition_on="p")
    task = update_dataset_from_delayed([dask.delayed(FRAMES[1])], factory=DatasetFactory("u", functools.partial(_unpicklable, store_url)))
    compute(task)
    assert stored(store_url) == rows(pd.concat(FRAMES[:2]))


def _unpicklable(url):
    store = ensure_store(url)
    store.handle = lambda: None
    store.__class__ = type("Unpicklable", (type(store),), {"__reduce__": object.__reduce__})
    return store
