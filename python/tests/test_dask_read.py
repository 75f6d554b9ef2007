"""Reading with Dask: small tasks of one snapshot. The oracle is pandas on the frames that went in."""
import datetime
import pickle

import pandas as pd
import pytest

from kartothek.core.factory import DatasetFactory
from kartothek.core.index import ExplicitSecondaryIndex
from kartothek.io.eager import read_dataset_as_dataframes, store_dataframes_as_dataset, update_dataset_from_dataframes

dask = pytest.importorskip("dask")
from dask.graph_manipulation import clone  # noqa: E402
from dask.highlevelgraph import HighLevelGraph  # noqa: E402

from kartothek.io.dask.bag import build_dataset_indices__bag, read_dataset_as_dataframe_bag  # noqa: E402
from kartothek.io.dask.delayed import (  # noqa: E402
    delete_dataset__delayed,
    garbage_collect_dataset__delayed,
    read_dataset_as_delayed,
    read_table_as_delayed,
)

FRAMES = [
    pd.DataFrame(
        {
            "p": [1, 1, 2],
            "x": [10 * i, 10 * i + 1, 10 * i + 2],
            "k": ["a", "b", "c"] if i % 2 else ["a", "a", "d"],
            "d": [datetime.date(2020, 1, 1 + i)] * 3,
        }
    )
    for i in range(4)
]
ALL = pd.concat(FRAMES)


@pytest.fixture
def stored(store_url):
    """Dataset `u` of eight partitions with an index."""
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=FRAMES, partition_on=["p"], secondary_indices=["k"])
    return store_url


def rows(frames):
    frames = [frame for frame in frames if len(frame)]
    return sorted(map(tuple, pd.concat(frames)[["p", "x", "k"]].itertuples(index=False))) if frames else []


def expected(frame):
    return rows([frame])


def compute(task, scheduler="sync"):
    return dask.compute(pickle.loads(pickle.dumps(task, pickle.HIGHEST_PROTOCOL)), scheduler=scheduler)[0]


# ---- delayed ----


@pytest.mark.parametrize("scheduler", ["sync", "threads", "processes"])
def test_datasets_as_delayed(stored, scheduler):
    tasks = read_dataset_as_delayed("u", stored)
    assert len(tasks) == 8
    frames = compute(tasks, scheduler)
    assert all(list(tables) == ["table"] for tables in frames)
    assert rows([tables["table"] for tables in frames]) == expected(ALL)


def test_parts_are_what_the_eager_function_lists(stored):
    for options in (
        {},
        {"predicates": [[("k", "==", "a"), ("x", ">", 5)]]},
        {"columns": {"table": ["x", "p"]}},
        {"dispatch_by": ["k"]},
        {"dispatch_by": []},
        {"concat_partitions_on_primary_index": True},
        {"label_filter": lambda label: label.startswith("p=2")},
        {"dates_as_object": True},
        {"categoricals": {"table": ["k"]}},
        {"tables": ["no"]},
    ):
        ours = dask.compute(read_dataset_as_delayed("u", stored, **options), scheduler="sync")[0]
        theirs = read_dataset_as_dataframes("u", stored, **options)
        assert len(ours) == len(theirs), options
        for mine, other in zip(ours, theirs):
            assert list(mine) == list(other)
            pd.testing.assert_frame_equal(mine["table"], other["table"])


def test_a_factory_names_the_dataset(stored):
    factory = DatasetFactory("u", stored)
    assert rows(compute(read_table_as_delayed(factory=factory))) == expected(ALL)
    with pytest.raises(ValueError, match="Need to supply either a `factory` or `dataset_uuid` and `store`"):
        read_table_as_delayed("u")


def test_tasks_keep_to_the_snapshot_of_the_call(stored):
    tasks = read_dataset_as_delayed("u", stored)
    update_dataset_from_dataframes([FRAMES[0]], store=stored, dataset_uuid="u", delete_scope=[{"p": 1}])
    assert rows([tables["table"] for tables in compute(tasks)]) == expected(ALL)


def test_graphs_are_small(stored, dataframe):
    def graphs():
        tasks = read_dataset_as_delayed("u", stored)
        bag = read_dataset_as_dataframe_bag("u", stored, partition_size=84)
        (optimized,) = dask.optimize(bag)
        delayed = HighLevelGraph.merge(*(task.dask for task in tasks))
        known = [delayed, bag.dask, optimized.dask, tasks]
        return len(tasks), known + ([dataframe.read_dataset_as_ddf("u", stored)] if hasattr(dask.dataframe, "from_map") else [])

    count, few = graphs()
    assert count == 8
    # The names of these files have 16 bytes of chance each, all of them. Dask of 2022 notes the numbers of a frame's partitions.
    update_dataset_from_dataframes(FRAMES * 20, store=stored, dataset_uuid="u")
    count, many = graphs()
    assert count == 168
    for one, other in zip(few, many):
        each = 64 if hasattr(one, "npartitions") else 40
        assert len(pickle.dumps(other)) < len(pickle.dumps(one)) + 160 * each


def test_dask_does_to_graphs_what_it_does_to_all(stored):
    tasks = read_dataset_as_delayed("u", stored)
    want = [tables["table"] for tables in read_dataset_as_dataframes("u", stored)]

    def check(got, numbers=range(8)):
        for one, number in zip(got, numbers):
            pd.testing.assert_frame_equal(one["table"], want[number])

    numbers = [5, 2]
    chosen = [tasks[number] for number in numbers]
    check([task.compute(scheduler="sync") for task in chosen], numbers)
    check(dask.compute(*chosen, scheduler="sync"), numbers)
    culled = chosen[0].dask.cull([task.key for task in chosen])
    assert sorted(culled.to_dict()) == sorted(task.key for task in chosen)
    check(compute(dask.optimize(*chosen)), numbers)
    check(compute(dask.persist(*tasks, scheduler="sync")))
    with dask.config.set({"optimization.fuse.delayed": True}):
        pd.testing.assert_frame_equal(compute(tasks[3]["table"]), want[3])
    assert compute(dask.delayed(sum)([dask.delayed(len)(task["table"]) for task in tasks])) == len(ALL)
    check(compute(clone(*chosen)), numbers)
    with dask.annotate(retries=3):
        (layer,) = pickle.loads(pickle.dumps(read_dataset_as_delayed("u", stored)[7].dask)).layers.values()
    assert layer.annotations == {"retries": 3}


def test_datasets_are_removed_and_collected_by_tasks(stored):
    (task,) = garbage_collect_dataset__delayed("u", stored, grace=0)
    compute(task)
    assert rows(compute(read_table_as_delayed("u", stored))) == expected(ALL)
    compute(delete_dataset__delayed("u", stored))
    with pytest.raises(KeyError, match="Dataset does not exist"):
        read_dataset_as_delayed("u", stored)


def test_a_cluster_reads(stored, tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, local_directory=str(tmp_path)
    ) as cluster:
        with distributed.Client(cluster) as client:
            frames = [future.result()["table"] for future in client.compute(read_dataset_as_delayed("u", stored))]
    assert rows(frames) == expected(ALL)


# ---- metapartitions ----


@pytest.mark.parametrize("options", [{}, {"dispatch_by": ["k"]}, {"predicates": [[("x", ">", 11)]]}, {"columns": {"table": ["x", "p", "k"]}}])
def test_metapartitions_of_all_back_ends_are_the_same(stored, options):
    from kartothek.io.dask.bag import read_dataset_as_metapartitions_bag
    from kartothek.io.dask.delayed import read_dataset_as_delayed_metapartitions
    from kartothek.io.eager import read_dataset_as_metapartitions
    from kartothek.io.iter import read_dataset_as_metapartitions__iterator

    eager = read_dataset_as_metapartitions("u", stored, **options)
    frames = [tables["table"] for tables in read_dataset_as_dataframes("u", stored, **options)]
    assert [len(part.data["table"]) for part in eager] == [len(frame) for frame in frames]
    assert rows([part.data["table"] for part in eager]) == rows(frames)
    for others in (
        list(read_dataset_as_metapartitions__iterator("u", stored, **options)),
        compute(read_dataset_as_delayed_metapartitions("u", stored, **options)),
        compute(read_dataset_as_metapartitions_bag("u", stored, partition_size=3, **options)),
    ):
        assert [part.label for part in others] == [part.label for part in eager]
        for one, other in zip(others, eager):
            pd.testing.assert_frame_equal(one.data["table"], other.data["table"])


# ---- bags ----


@pytest.mark.parametrize("partition_size", [None, 3])
def test_bags(stored, partition_size):
    bag = read_dataset_as_dataframe_bag("u", stored, partition_size=partition_size, predicates=[[("x", ">=", 10)]])
    assert bag.npartitions == (8 if partition_size is None else 3)
    frames = [tables["table"] for tables in compute(bag)]
    assert rows(frames) == expected(ALL[ALL.x >= 10])
    nothing = read_dataset_as_dataframe_bag("u", stored, partition_size=partition_size, predicates=[[("p", "==", 5)]])
    assert nothing.npartitions == 1 and compute(nothing) == []


def test_an_index_is_built_in_a_task(stored):
    (dataset,) = compute(build_dataset_indices__bag(stored, "u", "x"))
    index = dataset.load_index("x", stored).indices["x"]
    assert isinstance(index, ExplicitSecondaryIndex)
    assert sorted(index.observed_values()) == sorted(ALL.x)


# ---- frames ----


@pytest.fixture
def dataframe():
    pytest.importorskip("dask.dataframe")
    from kartothek.io.dask import dataframe

    return dataframe


@pytest.mark.parametrize("scheduler", ["sync", "threads", "processes"])
def test_frames(stored, dataframe, scheduler):
    ddf = dataframe.read_dataset_as_ddf("u", stored)
    assert ddf.npartitions == 8 and list(ddf.columns) == ["p", "d", "k", "x"]
    assert rows([compute(ddf, scheduler)]) == expected(ALL)
    dtypes = ddf.dtypes.astype(str)
    assert dtypes["x"] == "int64" and dtypes["d"].startswith("datetime64")


def test_columns_and_rows_are_chosen(stored, dataframe):
    ddf = dataframe.read_dataset_as_ddf("u", stored, columns=["x", "k"], predicates=[[("p", "==", 2), ("x", ">", 5)]])
    assert list(ddf.columns) == ["x", "k"] and ddf.npartitions == 4
    found = compute(ddf)
    assert sorted(found.x) == [x for x in ALL[ALL.p == 2].x if x > 5]
    assert sorted(compute(dataframe.read_dataset_as_ddf("u", stored)["x"])) == sorted(ALL.x)
    assert compute(dataframe.read_dataset_as_ddf("u", stored, columns={"table": ["x"]}).x.sum()) == ALL.x.sum()
    with pytest.raises(ValueError, match="Columns cannot be found in stored dataframe: y"):
        dataframe.read_dataset_as_ddf("u", stored, columns=["y"])


def test_a_choice_of_columns_reaches_the_files(stored, dataframe, monkeypatch):
    import dask.dataframe as dd

    if not hasattr(dd, "from_map"):
        pytest.skip("this Dask does not choose columns of a source")
    seen = []
    read = dataframe.PartsReader.frame
    monkeypatch.setattr(dataframe.PartsReader, "frame", lambda self, item, columns: seen.append(columns) or read(self, item, columns))
    dask.compute(dataframe.read_dataset_as_ddf("u", stored)["x"].sum(), scheduler="sync")
    assert seen == [["x"]] * 8


def test_nothing_to_read_has_types(stored, dataframe):
    ddf = dataframe.read_dataset_as_ddf("u", stored, predicates=[[("p", "==", 9)]], dates_as_object=True)
    found = compute(ddf)
    assert len(found) == 0 and found.x.dtype == "int64" and list(found.columns) == ["p", "d", "k", "x"]


@pytest.mark.parametrize("column", ["k", "p"])
def test_an_indexed_column_becomes_the_index(stored, dataframe, column):
    ddf = dataframe.read_dataset_as_ddf("u", stored, dask_index_on=column)
    values = sorted(ALL[column].unique())
    assert ddf.npartitions == len(values) and list(ddf.divisions) == values + values[-1:]
    found = compute(ddf)
    assert found.index.name == column and sorted(found.index) == sorted(ALL[column])
    assert sorted(compute(ddf.loc[values[0]]).x) == sorted(ALL[ALL[column] == values[0]].x)


def test_groups_of_values(stored, dataframe):
    ddf = dataframe.read_dataset_as_ddf("u", stored, dispatch_by=["k", "p"])
    parts = [compute(ddf.get_partition(i)) for i in range(ddf.npartitions)]
    assert [(part.k.unique().tolist(), part.p.unique().tolist()) for part in parts] == [
        ([k], [p]) for k, p in sorted(set(zip(ALL.k, ALL.p)))
    ]
    assert rows(parts) == expected(ALL)


def test_what_cannot_be_asked_for(stored, dataframe):
    with pytest.raises(TypeError, match="must be a string but got"):
        dataframe.read_dataset_as_ddf("u", stored, dask_index_on=["k"])
    with pytest.raises(ValueError, match="`dispatch_by` can only be used if `dask_index_on` is None"):
        dataframe.read_dataset_as_ddf("u", stored, dask_index_on="k", dispatch_by=["p"])
    with pytest.raises(RuntimeError, match="Dispatch columns must be indexed"):
        dataframe.read_dataset_as_ddf("u", stored, dask_index_on="x")


def test_categories(stored, dataframe):
    ddf = dataframe.read_dataset_as_ddf("u", stored, categoricals=["k", "x"])
    assert ddf._meta.k.cat.categories.tolist() == ["a", "b", "c", "d"]
    assert ddf._meta.x.cat.categories.tolist() == ["__UNKNOWN_CATEGORIES__"]
    found = compute(ddf)
    assert found.k.cat.categories.tolist() == ["a", "b", "c", "d"]
    assert rows([found.astype({"k": object, "x": "int64"})]) == expected(ALL)


def test_footers(stored, dataframe):
    found = compute(dataframe.collect_dataset_metadata(stored, "u"))
    assert found.columns.tolist()[:3] == ["partition_label", "row_group_id", "row_group_compressed_size"]
    assert len(found) == 8 and found.number_rows_total.sum() == len(ALL) == found.number_rows_per_row_group.sum()
    assert len(compute(dataframe.collect_dataset_metadata(stored, "u", predicates=[[("p", "==", 1)]]))) == 4
    assert len(compute(dataframe.collect_dataset_metadata(stored, "u", frac=0.3))) == 2
    empty = compute(dataframe.collect_dataset_metadata(stored, "u", predicates=[[("p", "==", 9)]]))
    assert len(empty) == 0 and list(empty.columns) == list(found.columns)
    with pytest.raises(ValueError, match="Invalid value for parameter `frac`: 0"):
        dataframe.collect_dataset_metadata(stored, "u", frac=0)
    # Of a table that there is not there are no files, in a dataset without partitions neither.
    store_dataframes_as_dataset(store=stored, dataset_uuid="none", dfs=[{}])
    for uuid, table in (("u", "other"), ("none", "table")):
        found = compute(dataframe.collect_dataset_metadata(stored, uuid, table_name=table))
        assert (len(found), list(found), list(found.dtypes)) == (0, list(empty), list(empty.dtypes))


def test_hashes_are_those_of_kartothek(store_url, dataframe):
    days = {1: datetime.date(2010, 1, 1), 2: datetime.date(2009, 12, 31)}
    frames = [pd.DataFrame({"P": [p], "L": [p], "TARGET": [p], "DATE": [day]}) for p, day in days.items()]
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=frames, partition_on=["P"])

    def hashes(**options):
        return compute(dataframe.hash_dataset(store_url, "u", **options))

    assert hashes().tolist() == [11462879952839863487, 12568779102514529673]
    assert hashes(subset=["TARGET"]).tolist() == [11358988112447789330, 826468140851422801]
    grouped = hashes(group_key=["P"], subset=["P", "TARGET"]).sort_index()
    assert grouped.dtype == "uint64" and grouped.index.tolist() == [1, 2]
    assert grouped.tolist() == [7554402398462747209, 1687604933839263903]
