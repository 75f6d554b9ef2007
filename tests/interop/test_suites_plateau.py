"""plateau 4.6.2's own test suites of readers, writers and the rest, with kartothek.compat.plateau as `plateau`."""
import datetime
import sys
import types

import pandas as pd
import pytest
import suites
from conftest import ROOT
from minimalkv import get_store_from_url
from suites import *  # noqa: F403: the fixtures

from kartothek.compat.plateau.core.factory import DatasetFactory
from kartothek.compat.plateau.io.eager import store_dataframes_as_dataset

# The distribution that gives programs the name. What the suites ask the original's insides for is what pandas this is.
sys.path.insert(0, str(ROOT / "python" / "plateau"))
PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3
sys.modules["plateau.core._compat"] = types.SimpleNamespace(PANDAS_3=PANDAS_3, pandas_infer_string=lambda: PANDAS_3)

PACKAGE = "plateau"

globals().update(suites.load("plateau", "p46"))

TEXT = "the text names the table, the column and the inputs, it does not print both schemas"
#: tests that fail, as regular expressions, and the difference in docs/python.md that makes them
DIFFERENCES = {
    r"test_schema_check_(write|update)\[.*-False\]": TEXT,
    "test_metadata_consistency_errors_fails": TEXT,
    r"test_read_dataset_as_dataframes_predicate_empty\[(eager|iter|dask.bag)-.*\]": "columns that there are not are an error, also where no partition is selected",
    "test_update_dataset_with_partitions__reducer_nonexistent": "a clock that Python stops does not stop for the C library, which notes the creation",
    "test_store_dataframes_as_dataset_overwrite": "a frame without a column is refused",
    r"test_update_after_empty_partition_string_dtypes\[(eager|iter|dask.delayed)-nan-.*\]": "texts of both of pandas' types go into one column",
    r"test_update_after_empty_partition_string_dtypes\[.*-na_value1-.*\]": "read as the type that this pandas has for it, as the original does, too",
    "test_update_after_empty_partition_string_dtypes_categoricals": "texts of both of pandas' types go into one column",
}

#: tests that give what a back-end cannot be given
LEFT_OUT = {"test_raises_on_invalid_input": ["dask.dataframe"]}

# They replace functions inside of the original.
del TestUpdate.test_metadata_version, TestWrite.test_schema_check_write_nice_error, TestWrite.test_schema_check_write_cut_error  # noqa: F821


def pytest_generate_tests(metafunc):
    suites.parametrize(metafunc, LEFT_OUT)


def test_differences_are_of_tests():
    suites.check_differences(globals())


@pytest.fixture(scope="session")
def get_store():
    return get_store_from_url


def dataset_of(uuid, store_factory, **kwargs):
    """Two partitions of one row."""
    frames = [
        pd.DataFrame({"P": [i], "L": [i], "TARGET": [i], "DATE": [day]}) for i, day in enumerate([datetime.date(2010, 1, 1), datetime.date(2009, 12, 31)], 1)
    ]
    return store_dataframes_as_dataset(store_factory, uuid, frames, metadata={"dataset": "metadata"}, **kwargs)


@pytest.fixture(scope="session")
def dataset(store_session_factory):
    return dataset_of("dataset_uuid", store_session_factory)


@pytest.fixture
def dataset_function(store_factory):
    return dataset_of("dataset_uuid", store_factory)


@pytest.fixture(scope="session")
def dataset_partition_keys(store_session_factory):
    return dataset_of("dataset_uuid_partition_keys", store_session_factory, partition_on=["P"])


@pytest.fixture(scope="session")
def dataset_factory(dataset, store_session_factory):
    return DatasetFactory(dataset.uuid, store_session_factory)
