"""Secondary indices as Python objects."""
import datetime
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from conftest import GOLDEN

from kartothek.core.dataset import DatasetMetadata
from kartothek.core.index import ExplicitSecondaryIndex
from kartothek.io.eager import store_dataframes_as_dataset, update_dataset_from_dataframes

FRAME = {
    "i": [1, 2, 2],
    "f": [0.5, 0.5, None],
    "b": [True, False, True],
    "t": ["x", "y", None],
    "y": [b"x", b"y", b"x"],
    "d": np.array([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2), None], dtype=object),
    "s": pd.to_datetime(["2020-01-01 12:00", "2020-01-02 00:00", None]),
}


@pytest.fixture
def dataset(store_url):
    frames = [{"label": "p{}".format(i), "data": {"table": pd.DataFrame(FRAME)[i : i + 1]}} for i in range(3)]
    return store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=frames, secondary_indices=list(FRAME))


@pytest.mark.parametrize(
    "column, value, labels",
    [
        ("i", 2, ["p1", "p2"]),
        ("i", "2", ["p1", "p2"]),
        ("i", 7, []),
        ("f", 0.5, ["p0", "p1"]),
        ("f", "0.5", ["p0", "p1"]),
        ("b", True, ["p0", "p2"]),
        ("b", "FALSE", ["p1"]),
        ("t", "x", ["p0"]),
        ("t", b"x", ["p0"]),
        ("y", b"x", ["p0", "p2"]),
        ("y", "x", ["p0", "p2"]),
        ("d", datetime.date(2020, 1, 2), ["p1"]),
        ("d", "2020-01-02", ["p1"]),
        ("s", pd.Timestamp("2020-01-01 12:00"), ["p0"]),
        ("s", "2020-01-01 12:00", ["p0"]),
        ("s", np.datetime64("2020-01-02"), ["p1"]),
        ("s", datetime.datetime(2020, 1, 1, 12), ["p0"]),
    ],
)
def test_query(dataset, store_url, column, value, labels):
    loaded = dataset.load_index(column, store_url)
    assert sorted(loaded.indices[column].query(value)) == labels
    assert [name for name, index in loaded.indices.items() if index.loaded] == [column]


@pytest.mark.parametrize("column, value", [("i", "two"), ("f", "half"), ("b", "maybe"), ("d", "someday")])
def test_values_of_another_type(dataset, store_url, column, value):
    with pytest.raises(ValueError):
        dataset.load_index(column, store_url).indices[column].query(value)


def test_loading_makes_another_object(dataset, store_url):
    index = dataset.indices["i"]
    assert not index.loaded and index.index_storage_key.startswith("u/indices/i/")
    loaded = dataset.load_all_indices(store_url)
    assert loaded is not dataset and not dataset.indices["i"].loaded
    assert all(index.loaded for index in loaded.secondary_indices.values())
    assert loaded.indices["i"].index_dct.keys() == {1, 2} and loaded.indices["t"].index_dct == {"x": ["p0"], "y": ["p1"]}
    assert loaded == dataset and loaded.to_dict()["indices"]["i"] == index.index_storage_key
    again = pickle.loads(pickle.dumps(dataset)).load_index("i", store_url)
    assert again.indices["i"] == loaded.indices["i"] and again.indices["i"] != index
    with pytest.raises(KeyError, match="No index specified for column 'c'"):
        dataset.load_index("c", store_url)
    with pytest.raises(RuntimeError, match="not loaded"):
        index.query(1)


def test_it_is_the_index_of_that_state(dataset, store_url):
    update_dataset_from_dataframes([pd.DataFrame(FRAME)], store=store_url, dataset_uuid="u")
    assert sorted(dataset.load_index("i", store_url).indices["i"].query(2)) == ["p1", "p2"]


def test_observed_values(dataset, store_url):
    loaded = dataset.load_all_indices(store_url)
    assert sorted(loaded.indices["i"].observed_values()) == [1, 2]
    assert sorted(loaded.indices["t"].observed_values()) == ["x", "y"]
    assert sorted(loaded.indices["d"].observed_values()) == [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)]
    assert loaded.indices["d"].observed_values(date_as_object=False).dtype.kind == "M"
    assert sorted(loaded.indices["s"].observed_values()) == [np.datetime64("2020-01-01T12"), np.datetime64("2020-01-02")]


def test_embedded_in_the_document():
    expected = json.loads((GOLDEN / "expected" / "k53" / "legacy_embedded_index.json").read_text())
    store = "hfs://{}#wrap:readonly".format(GOLDEN / expected["store"])
    dataset = DatasetMetadata.load_from_store(expected["dataset_uuid"], store).load_all_indices(store)
    for column, index in expected["indices"].items():
        assert dataset.indices[column].index_dct == {value: labels for value, labels in index["values"]}
        assert dataset.to_dict()["indices"][column] == dataset.indices[column].index_dct


def test_an_index_needs_a_source():
    with pytest.raises(ValueError, match="No valid index source specified"):
        ExplicitSecondaryIndex("c")
