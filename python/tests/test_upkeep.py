"""Collecting garbage, copying datasets and values."""
import datetime
import os

import pandas as pd
import pytest

from kartothek.core.dataset import DatasetMetadata
from kartothek.core.utils import ensure_store
from kartothek.io.eager import (
    copy_dataset,
    garbage_collect_dataset,
    read_table,
    store_dataframes_as_dataset,
    update_dataset_from_dataframes,
)
from kartothek.utils.store import copy_keys, copy_rename_keys

FRAME = pd.DataFrame({"p": [1, 1, 2], "x": [10, 20, 30]})


@pytest.fixture
def dataset(store_url):
    """Two partitions that are named, one that was deleted, and a file that nobody knows."""
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAME], partition_on="p", secondary_indices="x", metadata={"k": "v"})
    update_dataset_from_dataframes([FRAME], store=store_url, dataset_uuid="u", delete_scope=[{"p": 2}])
    ensure_store(store_url).put("u/table/stray.parquet", b"PAR1")
    return store_url


def data_files(store_url):
    return {key for key in ensure_store(store_url).keys("u/table/") if key.endswith(".parquet")}


def named_files(store_url):
    return {part.files["table"] for part in DatasetMetadata.load_from_store("u", store_url).partitions.values()}


def test_without_a_grace_what_nothing_names_goes(dataset):
    before = read_table("u", dataset)
    assert data_files(dataset) > named_files(dataset)
    for _ in range(2):  # what earlier versions name goes when they are gone
        garbage_collect_dataset("u", dataset, grace=0)
    assert "u/table/stray.parquet" not in data_files(dataset)
    assert named_files(dataset) <= data_files(dataset)
    pd.testing.assert_frame_equal(read_table("u", dataset), before)


@pytest.mark.parametrize("grace", [None, 7200, datetime.timedelta(hours=2)])
def test_within_the_grace_nothing_goes(dataset, grace):
    before = data_files(dataset)
    garbage_collect_dataset("u", dataset, grace=grace)
    garbage_collect_dataset("u", dataset, grace=grace)
    assert data_files(dataset) == before


def test_what_cannot_be_collected(dataset):
    with pytest.raises(KeyError, match="Dataset does not exist"):
        garbage_collect_dataset("v", dataset)
    with pytest.raises(ValueError, match="must not be negative"):
        garbage_collect_dataset("u", dataset, grace=-1)


def test_a_dataset_is_copied(dataset, tmp_path):
    other = "hfs://{}".format(tmp_path / "other")
    os.mkdir(str(tmp_path / "other"))
    for target, store in (("w", None), ("u", other), ("w", other)):
        found = copy_dataset("u", ensure_store(dataset), target, None if store is None else ensure_store(store))
        store = dataset if store is None else store
        assert list(found) == [target + ".by-dataset-metadata.json"]
        assert found[target + ".by-dataset-metadata.json"].metadata["k"] == "v"
        pd.testing.assert_frame_equal(read_table(target, store), read_table("u", dataset))
        loaded = DatasetMetadata.load_from_store(target, store).load_index("x", store).indices["x"]
        assert sorted(loaded.observed_values()) == [10, 20, 30]
    with pytest.raises(ValueError, match="Cannot copy to a dataset with the same UUID within the same store"):
        copy_dataset("u", ensure_store(dataset))
    with pytest.raises(RuntimeError, match="exists"):
        copy_dataset("u", ensure_store(dataset), "w")


def test_values_are_copied(tmp_path):
    stores = [ensure_store("hfs://{}".format(tmp_path / name)) for name in ("a", "b")]
    for key in ("k/1", "k/2", "l"):
        stores[0].put(key, key.encode())
    copy_keys({"k/1", "l"}, *stores)
    assert {key: stores[1].get(key) for key in stores[1].keys()} == {"k/1": b"k/1", "l": b"l"}
    copy_rename_keys({"k/1": "m/1", "k/2": "m/2"}, stores[0], stores[1], {"m/2": b"new"})
    assert (stores[1].get("m/1"), stores[1].get("m/2")) == (b"k/1", b"new")
    with pytest.raises(ValueError, match="Illegal key: k\\|1"):
        copy_keys(["l", "k|1"], *stores)
    with pytest.raises(KeyError):
        copy_keys(["no"], *stores)
