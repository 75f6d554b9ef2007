"""Factories stand for datasets and read them late, once."""
import copy
import pickle

import pandas as pd
import pytest

from kartothek.core.dataset import DatasetMetadata
from kartothek.core.factory import DatasetFactory
from kartothek.core.utils import ensure_store
from kartothek.io.eager import read_table, store_dataframes_as_dataset, update_dataset_from_dataframes

FRAME = pd.DataFrame({"k": [1, 2], "v": ["a", "b"]})


@pytest.fixture
def dataset(store_url):
    return store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAME], partition_on=["k"], secondary_indices=["v"])


def counted(url):
    calls = []

    def make():
        calls.append(1)
        return ensure_store(url)

    return calls, make


def test_reads_nothing_before_it_is_asked(dataset, store_url):
    calls, make = counted(store_url)
    factory = DatasetFactory("u", make)
    assert (calls, factory.is_loaded, repr(factory)) == ([], False, "<DatasetFactory: uuid=u is_loaded=False>")
    assert factory.store is factory.store
    assert calls == [1]
    assert not factory.is_loaded
    assert factory.partition_keys == ["k"]
    assert factory.is_loaded
    assert len(factory.partitions) == 2
    assert calls == [1]


def test_forwards_to_the_dataset(dataset, store_url):
    factory = DatasetFactory("u", store_url)
    assert factory.dataset_metadata == dataset == factory
    assert (factory.uuid, factory.tables, factory.index_columns) == ("u", ["table"], {"k", "v"})
    assert factory.to_json() == dataset.to_json()
    with pytest.raises(AttributeError):
        factory.nothing_of_that_name


def test_does_not_see_later_commits_until_told(dataset, store_url):
    factory = DatasetFactory("u", store_url)
    assert len(factory.partitions) == 2
    update_dataset_from_dataframes([FRAME], store=store_url, dataset_uuid="u")
    assert len(factory.partitions) == 2
    factory.invalidate()
    assert (factory._cache_store, factory._cache_metadata) == (None, None)
    assert len(factory.partitions) == 4


def test_loads_indices_in_place(dataset, store_url):
    factory = DatasetFactory("u", store_url)
    assert factory.load_index("v") is factory
    assert set(factory.indices["v"].index_dct) == {"a", "b"}
    assert DatasetFactory("u", store_url).load_all_indices().indices["v"].loaded
    assert DatasetFactory("u", store_url, load_all_indices=True).indices["v"].loaded
    with pytest.raises(KeyError, match="No index specified for column 'x'"):
        factory.load_index("x")


def test_pickles_without_what_it_has_read(dataset, store_url):
    factory = DatasetFactory("u", store_url, load_dataset_metadata=False)
    assert factory.metadata == {}
    size = len(pickle.dumps(DatasetFactory("u", store_url, load_dataset_metadata=False)))
    assert len(pickle.dumps(factory)) == size
    other = pickle.loads(pickle.dumps(factory))
    assert not other.is_loaded
    assert (other.metadata, len(other.partitions)) == ({}, 2)


def test_deep_copies_share_what_was_read(dataset, store_url):
    calls, make = counted(store_url)
    factory = DatasetFactory("u", make)
    assert len(factory.partitions) == 2
    other = copy.deepcopy(factory)
    other.load_index("v")
    assert not factory.indices["v"].loaded


def test_names_a_dataset_for_readers(dataset, store_url):
    assert sorted(read_table(factory=DatasetFactory("u", store_url))["v"]) == ["a", "b"]
    with pytest.raises(ValueError, match="Need to supply either a `factory` or `dataset_uuid` and `store`"):
        read_table(dataset_uuid="u", store=store_url, factory=DatasetFactory("u", store_url))


def test_stands_for_an_earlier_state(dataset, store_url):
    update_dataset_from_dataframes([FRAME], store=store_url, dataset_uuid="u")
    oldest = DatasetMetadata.history("u", store_url)[-1]
    assert len(DatasetFactory("u", store_url, version=oldest["version"]).partitions) == 2
    assert len(pickle.loads(pickle.dumps(DatasetFactory("u", store_url, at=oldest["time"]))).partitions) == 2


def test_tells_of_a_missing_dataset(store_url):
    factory = DatasetFactory("nope", store_url)
    with pytest.raises(KeyError, match="Dataset does not exist. Tried nope.by-dataset-metadata.json"):
        factory.partitions
