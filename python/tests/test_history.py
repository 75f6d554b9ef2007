"""Earlier states of a dataset, told apart by what the test itself wrote."""
import datetime
import time

import pandas as pd
import pytest

from kartothek.core.dataset import DatasetMetadata
from kartothek.io.eager import read_dataset_as_dataframes, read_table, store_dataframes_as_dataset, update_dataset_from_dataframes


def moment():
    """A time that no commit has, later than all so far."""
    time.sleep(0.005)
    now = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(0.005)
    return now


def values(frame):
    return sorted(zip(frame["k"], frame["v"]))


@pytest.fixture
def past(store_url):
    """[(rows after a commit, a time after it)]"""
    states = []

    def remember():
        states.append((values(read_table("d", store_url)), moment()))

    frame = pd.DataFrame({"k": ["a", "b"], "v": [1, 2]})
    store_dataframes_as_dataset(store=store_url, dataset_uuid="d", dfs=[frame], partition_on=["k"])
    remember()
    update_dataset_from_dataframes([pd.DataFrame({"k": ["c"], "v": [3]})], store=store_url, dataset_uuid="d")
    remember()
    update_dataset_from_dataframes([pd.DataFrame({"k": ["a"], "v": [9]})], store=store_url, dataset_uuid="d", delete_scope=[{"k": "a"}])
    remember()
    assert [rows for rows, _ in states] == [
        [("a", 1), ("b", 2)],
        [("a", 1), ("b", 2), ("c", 3)],
        [("a", 9), ("b", 2), ("c", 3)],
    ]
    return states


def test_versions_are_read(past, store_url):
    for number, (rows, then) in enumerate(past, 1):
        for state in ({"version": number}, {"version": str(number)}, {"at": then}, {"at": then.isoformat()}, {"at": pd.Timestamp(then)}):
            assert values(read_table("d", store_url, **state)) == rows
            assert len(DatasetMetadata.load_from_store("d", store_url, **state).partitions) == len(rows)
            frames = read_dataset_as_dataframes("d", store_url, **state)
            assert sorted(row for part in frames for row in values(part["table"])) == rows
    naive = past[0][1].replace(tzinfo=None)
    assert values(read_table("d", store_url, at=naive)) == past[0][0]


def test_history_is_told(past, store_url):
    history = DatasetMetadata.history("d", store_url)
    assert [(entry["version"], entry["operation"], entry["added"], entry["removed"]) for entry in history] == [
        (3, "replace", 1, 1),
        (2, "append", 1, 0),
        (1, "create", 2, 0),
    ]
    assert [entry["kind"] for entry in history] == ["commit"] * 3
    assert [entry["current"] for entry in history] == [True, False, False]
    assert [entry["parent"] for entry in history] == [history[1]["id"], history[2]["id"], None]
    assert DatasetMetadata.history("d", store_url, limit=1) == history[:1]
    assert values(read_table("d", store_url, version=history[2]["id"])) == past[0][0]


def test_version_is_restored(past, store_url):
    commit = DatasetMetadata.restore("d", store_url, 1)
    assert values(read_table("d", store_url)) == past[0][0]
    assert DatasetMetadata.history("d", store_url, limit=1)[0]["id"] == commit
    assert values(read_table("d", store_url, version=3)) == past[2][0]


def test_states_that_never_were(past, store_url):
    with pytest.raises(KeyError, match="its newest is 3"):
        read_table("d", store_url, version=4)
    with pytest.raises(KeyError, match="does not go back so far"):
        read_table("d", store_url, at="1999-12-31")
    with pytest.raises(ValueError, match="is no version"):
        read_table("d", store_url, version="x")
    with pytest.raises(ValueError, match="is no time"):
        read_table("d", store_url, at="soon")
    with pytest.raises(ValueError, match="'99999-01-01T00:00:00' is out of range: give one of the years 0001 to 9999"):
        read_table("d", store_url, at="99999-01-01")
    with pytest.raises(ValueError, match="exclude each other"):
        read_table("d", store_url, at="2020-01-01", version=1)
    with pytest.raises(KeyError):
        DatasetMetadata.history("none", store_url)
    with pytest.raises(ValueError, match="is its current state"):
        DatasetMetadata.restore("d", store_url, 3)
