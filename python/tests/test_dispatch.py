"""Grouped reads: each group holds just the rows of its values, against a search through the frames that were stored."""
import datetime
import itertools
import pickle

import numpy as np
import pandas as pd
import pytest

from kartothek.io.eager import read_dataset_as_dataframes, store_dataframes_as_dataset, update_dataset_from_dataframes
from kartothek.io.iter import read_dataset_as_dataframes__iterator
from kartothek.io_components import read

UUID = "u"


def made_frames(seed, partitions, rows, types=("text", "int", "date", "float", "bytes", "bool", "time")):
    rng = np.random.default_rng(seed)
    day = datetime.date(2020, 1, 1)
    choices = {
        "text": ["b", "a", "ä c/d", "", None],
        "int": [3, -1, 2**40],
        "date": [day, day + datetime.timedelta(1), None],
        "float": [0.5, -2.0, float("nan")],
        "bytes": [b"x", b"\x00y", None],
        "bool": [True, False],
        "time": [pd.Timestamp("2020-01-01 00:00:00.000001"), pd.Timestamp("2021-05-05")],
    }
    frames = []
    for i in range(partitions):
        columns = {name: pd.Series([choices[name][k] for k in rng.integers(0, len(choices[name]), rows)]) for name in types}
        columns["text"] = columns["text"].astype(object)
        columns["k"] = rng.integers(0, 2, rows)
        columns["row"] = np.arange(rows, dtype="int16") + i * rows
        frames.append(pd.DataFrame(columns))
    return frames


def is_null(value):
    return value is None or value is pd.NaT or value != value


def rows_by_values(frames, by, matches=lambda row: True):
    """[(values, numbers of rows)], ascending by value: row by row."""
    groups = {}
    for frame in frames:
        for row in frame.to_dict("records"):
            values = tuple(row[column] for column in by)
            if matches(row) and not any(is_null(value) for value in values):
                groups.setdefault(values, []).append(row["row"])
    return sorted(groups.items())


def read_groups(url, by, **arguments):
    got = read_dataset_as_dataframes(UUID, url, dispatch_by=by, dates_as_object=True, **arguments)
    again = list(read_dataset_as_dataframes__iterator(UUID, url, dispatch_by=by, dates_as_object=True, **arguments))
    assert len(got) == len(again)
    for one, other in zip(got, again):
        pd.testing.assert_frame_equal(one["table"], other["table"])
    return [group["table"] for group in got]


def check_groups(got, wanted, by):
    """Combinations that no row has may come as empty frames where several columns have an index."""
    got = [frame for frame in got if len(frame) > 0]
    assert [sorted(frame["row"]) for frame in got] == [sorted(rows) for _, rows in wanted]
    for frame, (values, _) in zip(got, wanted):
        for column, value in zip(by, values):
            assert set(frame[column]) == {value}


@pytest.mark.parametrize("column", ["text", "int", "date", "float", "bytes", "bool", "time"])
@pytest.mark.parametrize("partition_on", [None, ["k"]])
def test_groups_by_a_column_with_an_index(store_url, column, partition_on):
    frames = made_frames(1, 4, 25)
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames, secondary_indices=[column], partition_on=partition_on)
    check_groups(read_groups(store_url, [column]), rows_by_values(frames, [column]), [column])


@pytest.mark.parametrize("by", list(itertools.permutations(["text", "k", "int"], 2)) + [("k", "text", "int")])
def test_groups_by_several_columns(store_url, by):
    frames = made_frames(2, 3, 30)
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames, secondary_indices=["text", "int"], partition_on=["k"])
    check_groups(read_groups(store_url, list(by)), rows_by_values(frames, by), by)


@pytest.mark.parametrize(
    "predicates, matches",
    [
        ([[("row", ">", 40)]], lambda row: row["row"] > 40),
        ([[("text", "==", "a")]], lambda row: row["text"] == "a"),
        ([[("text", "!=", "a"), ("int", ">", 0)]], lambda row: row["text"] != "a" and row["int"] > 0),
        ([[("text", "in", ["b", ""])], [("k", "==", 1)]], lambda row: row["text"] in ("b", "") or row["k"] == 1),
        ([[("k", "==", 0)], [("text", "<", "b")]], lambda row: row["k"] == 0 or (isinstance(row["text"], str) and row["text"] < "b")),
        ([[("k", "==", 7)]], lambda row: False),
    ],
)
@pytest.mark.parametrize("by", [["text"], ["k"], ["k", "text"]])
def test_predicates_choose_rows_and_groups(store_url, by, predicates, matches):
    frames = made_frames(3, 4, 25)
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames, secondary_indices=["text"], partition_on=["k"])
    got = read_groups(store_url, by, predicates=predicates)
    check_groups(got, rows_by_values(frames, by, matches), by)


def test_values_that_a_predicate_rules_out_are_no_group(store_url):
    frames = made_frames(3, 4, 25)
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames, secondary_indices=["text"])
    assert len(read_groups(store_url, ["text"], predicates=[[("text", "==", "a")], [("text", "==", "b"), ("row", "<", 0)]])) == 2
    assert len(read_groups(store_url, ["text"], predicates=[[("row", "<", 0)]])) == 4


def test_no_column_puts_all_rows_into_one(store_url):
    frames = made_frames(4, 3, 10)
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames)
    (frame,) = read_groups(store_url, [])
    assert list(frame["row"]) == list(range(30))
    assert list(frame.index) == list(range(10)) * 3
    assert frame["row"].dtype == "int16"
    assert list(frame.columns) == list(frames[0].columns)
    assert read_groups(store_url, [], label_filter=lambda label: False) == []


def test_concat_partitions_on_primary_index_is_dispatch_by_the_keys(store_url):
    frames = made_frames(5, 3, 10)
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames, partition_on=["k"])
    by_keys = read_groups(store_url, ["k"])
    for one, other in zip(by_keys, read_groups(store_url, None, concat_partitions_on_primary_index=True)):
        pd.testing.assert_frame_equal(one, other)
    check_groups(by_keys, rows_by_values(frames, ["k"]), ["k"])
    with pytest.raises(ValueError, match="Both `dispatch_by` and"):
        read_groups(store_url, ["k"], concat_partitions_on_primary_index=True)


def test_label_filter(store_url):
    frames = made_frames(6, 4, 20)
    dfs = [{"label": "part{}".format(i), "data": {"table": frame}} for i, frame in enumerate(frames)]
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=dfs, secondary_indices=["text"])
    got = read_groups(store_url, ["text"], label_filter=lambda label: label in ("part1", "part3"))
    check_groups(got, rows_by_values([frames[1], frames[3]], ["text"]), ["text"])


def test_columns_are_those_asked_for_in_that_order(store_url):
    frames = made_frames(7, 3, 20)
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames, secondary_indices=["text"], partition_on=["k"])
    for columns in (["row", "k"], ["text", "row"], ["row"]):
        got = read_groups(store_url, ["text"], columns={"table": columns})
        assert all(list(frame.columns) == columns for frame in got)
        assert [sorted(frame["row"]) for frame in got] == [rows for _, rows in rows_by_values(frames, ["text"])]


def test_categoricals_have_those_of_the_longest_partition_first(store_url):
    frames = [pd.DataFrame({"k": 1, "c": list(values)}) for values in ("zb", "dadac", "bx")]
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames, partition_on=["k"])
    (frame,) = read_groups(store_url, ["k"], categoricals={"table": ["c"]})
    assert list(frame["c"]) == list("zbdadacbx")
    assert list(frame["c"].cat.categories) == list("dacbxz")


def test_dates(store_url):
    frames = made_frames(8, 2, 20)
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames, secondary_indices=["date"])
    got = [group["table"] for group in read_dataset_as_dataframes(UUID, store_url, dispatch_by=["date"])]
    assert [frame["date"].unique().tolist() for frame in got] == [
        [pd.Timestamp("2020-01-01").value],
        [pd.Timestamp("2020-01-02").value],
    ] or [list(frame["date"].unique()) for frame in got] == [[pd.Timestamp("2020-01-01")], [pd.Timestamp("2020-01-02")]]


@pytest.mark.parametrize("limit", [1, 1500, 1 << 40])
def test_groups_are_the_same_whatever_fits_into_memory(store_url, monkeypatch, limit):
    frames = made_frames(9, 5, 40)
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames, secondary_indices=["int", "text"], partition_on=["k"])
    monkeypatch.setattr(read, "GROUPS_BYTES", limit)
    for by in (["text"], ["int", "text"]):
        check_groups(read_groups(store_url, by), rows_by_values(frames, by), by)


def test_partitions_that_an_index_does_not_know_are_looked_into(store_url):
    frames = made_frames(10, 3, 15)
    dataset = store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames, secondary_indices=["text"])
    key = dataset.indices["text"].index_storage_key
    store = read.core_store(store_url)
    before = store.get(key)
    more = made_frames(11, 2, 15)
    for frame in more:
        frame["row"] += 1000
    dataset = update_dataset_from_dataframes(more, store=store_url, dataset_uuid=UUID)
    store.put(dataset.indices["text"].index_storage_key, before)
    check_groups(read_groups(store_url, ["text"]), rows_by_values(frames + more, ["text"]), ["text"])
    store.delete(dataset.indices["text"].index_storage_key)
    check_groups(read_groups(store_url, ["text"]), rows_by_values(frames + more, ["text"]), ["text"])


def test_numbers_are_as_wide_as_the_widest_stored(store_url):
    frames = [pd.DataFrame({"c": ["a"], "i": np.array([1], dtype=i), "f": np.array([1], dtype=f)}) for i, f in [("int8", "f4"), ("int32", "f4")]]
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames, secondary_indices=["c"])
    (frame,) = read_groups(store_url, ["c"])
    assert (frame["i"].dtype, frame["f"].dtype) == ("int32", "float32")
    pd.testing.assert_frame_equal(frame[["i", "f"]], pd.concat(frames)[["i", "f"]])


def test_columns_must_have_an_index(store_url):
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=made_frames(1, 1, 3), secondary_indices=["text"], partition_on=["k"])
    for column in ("row", "nothing"):
        with pytest.raises(RuntimeError, match="Dispatch columns must be indexed.\nRequested index: .*available index columns: .'k', 'text'."):
            read_groups(store_url, [column])


def test_work_items_are_small_and_whole(store_url):
    frames = made_frames(12, 6, 20)
    store_dataframes_as_dataset(store=store_url, dataset_uuid=UUID, dfs=frames, secondary_indices=["text"], partition_on=["k"])
    selection = read.Selection(UUID, store_url, None, [[("row", ">", 5)]], dispatch_by=["text"])
    reader = read.PartsReader(selection, store_url, ["table"], dates_as_object=True, predicates=[[("row", ">", 5)]])
    reader, items = pickle.loads(pickle.dumps((reader, reader.items(selection))))
    got = [reader.frame(item) for item in items]
    check_groups(got, rows_by_values(frames, ["text"], lambda row: row["row"] > 5), ["text"])
    for one, other in zip(got, read_groups(store_url, ["text"], predicates=[[("row", ">", 5)]])):
        pd.testing.assert_frame_equal(one, other)
