"""kartothek 5.3.0's own test suites of readers, writers and the rest, with our package as `kartothek`."""
import datetime

import dask
import pandas as pd
import pytest
import suites
from storefact import get_store_from_url
from suites import *  # noqa: F403: the fixtures

from kartothek.core.factory import DatasetFactory
from kartothek.io.eager import store_dataframes_as_dataset
from kartothek.io_components.metapartition import SINGLE_TABLE, MetaPartition

PACKAGE = "kartothek"

globals().update(suites.load("kartothek", "k53"))

#: tests that fail, as regular expressions, and the difference in docs/python.md that makes them
DIFFERENCES = {
    "test_schema_check_write_shared": "each partition has a file of each table: the error says that before columns are compared",
    "test_schema_check_write_nice_error": "the text names the column and the inputs, it does not print both schemas",
    "test_schema_check_write_cut_error": "the text names the column and the inputs, it does not print both schemas",
    "test_table_consistency_resistance": "each partition has a file of each table: the original cannot read what it has written here",
    "test_store_empty_dataframes_partition_on": "what is returned is what a load gives, in which an empty dataset has all tables that there were",
    "test_store_overwrite_none": "what is returned is what a load gives, in which an empty dataset has all tables that there were",
    "test_update_dataset_with_partitions__reducer_delete_only": "a clock that Python stops does not stop for the C library, so no index file is overwritten",
    "test_update_dataset_with_partitions__reducer_nonexistent": "a clock that Python stops does not stop for the C library, which notes the time of creation",
}

#: tests that give what a back-end cannot be given
LEFT_OUT = {"test_raises_on_new_index_creation": ["dask.dataframe"], "test_raises_on_invalid_input": ["dask.dataframe"]}

# It replaces a function inside of the original.
del TestUpdate.test_metadata_version  # noqa: F821


def pytest_generate_tests(metafunc):
    suites.parametrize(metafunc, LEFT_OUT)


def test_differences_are_of_tests():
    suites.check_differences(globals())


@pytest.fixture(scope="session")
def get_store():
    return get_store_from_url


def partitions():
    """Two partitions of one row in each of two tables."""
    for i, (day, info) in enumerate([(datetime.date(2010, 1, 1), "a"), (datetime.date(2009, 12, 31), "b")], 1):
        tables = {SINGLE_TABLE: pd.DataFrame({"P": [i], "L": [i], "TARGET": [i], "DATE": [day]}), "helper": pd.DataFrame({"P": [i], "info": [info]})}
        yield MetaPartition(label="cluster_{}".format(i), data=tables, metadata_version=4)


def dataset_of(parts, uuid, store_factory, **kwargs):
    return store_dataframes_as_dataset(store_factory, uuid, list(parts), metadata={"dataset": "metadata"}, **kwargs)


@pytest.fixture(scope="session")
def dataset(store_session_factory):
    return dataset_of(partitions(), "dataset_uuid", store_session_factory)


@pytest.fixture(scope="session")
def evaluation_dataset(store_session_factory):
    """Two partitions for each of the other dataset, whose labels begin with those."""
    parts = []
    for i in (1, 2):
        for j in (1, 2):
            frame = pd.DataFrame({"P": [i], "L": [i], "HORIZON": [j], "PRED": [10 * j]})
            parts.append(MetaPartition(label="cluster_{}_{}".format(i, j), data={"PRED": frame}, metadata_version=4))
    return dataset_of(parts, "evaluation_uuid", store_session_factory)


@pytest.fixture
def bound_merge_datasets(backend):
    return lambda **kwargs: dask.compute(*suites.again(backend.merge_datasets_as_delayed(**kwargs)))


@pytest.fixture
def dataset_function(store_factory):
    return dataset_of(partitions(), "dataset_uuid", store_factory)


@pytest.fixture(scope="session")
def dataset_partition_keys(store_session_factory):
    return dataset_of(partitions(), "dataset_uuid_partition_keys", store_session_factory, partition_on=["P"])


@pytest.fixture(scope="session")
def dataset_factory(dataset, store_session_factory):
    return DatasetFactory(dataset.uuid, store_session_factory, load_schema=True, load_all_indices=False, load_dataset_metadata=True)


@pytest.fixture
def alternative_table_name():
    return "other_table"


@pytest.fixture
def dataset_alternative_table_name(store_factory, alternative_table_name):
    parts = [MetaPartition(label=part.label, data={alternative_table_name: part.data[SINGLE_TABLE]}, metadata_version=4) for part in partitions()]
    return dataset_of(parts, "dataset_uuid_alternative_name", store_factory)


@pytest.fixture
def dataset_factory_alternative_table_name(dataset_alternative_table_name, store_factory):
    return DatasetFactory(dataset_alternative_table_name.uuid, store_factory, load_schema=True, load_all_indices=False, load_dataset_metadata=True)
