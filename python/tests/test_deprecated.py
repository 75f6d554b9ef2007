"""Calls from outside warn of what they give that kartothek 5.3 calls deprecated; the texts are compared with its own in tests/interop."""
import importlib
import inspect
import warnings

import pandas as pd
import pytest

from kartothek._deprecated import DEPRECATED
from kartothek.core.factory import DatasetFactory
from kartothek.io.eager import read_dataset_as_dataframes, read_table, store_dataframes_as_dataset
from kartothek.io.iter import read_dataset_as_dataframes__iterator
from kartothek.io_components.metapartition import MetaPartition

FRAME = pd.DataFrame({"a": [1, 2]})


def warned(function, *args, **kwargs):
    """The texts of the warnings of a call; all of them point here."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = function(*args, **kwargs)
        if inspect.isgenerator(result):
            list(result)
    assert {warning.filename for warning in found} <= {__file__}
    return sorted(str(warning.message) for warning in found)


@pytest.fixture
def url(store_url):
    store_dataframes_as_dataset(store_url, "u", [FRAME])
    return store_url


def test_a_parameter_that_is_given(url):
    text = "The `{}` keyword is deprecated in version: 5.3 and will be removed in version: 6.0 in an effort to remove the multi table feature."
    text += "\nAffected Kartothek function: {}"
    assert warned(read_table, "u", url) == []
    assert warned(read_table, "u", url, table="table") == [text.format("table", "read_table")]
    assert warned(read_table, "u", url, "table") == [text.format("table", "read_table")]
    assert warned(read_dataset_as_dataframes__iterator, "u", url, tables=None) == [text.format("tables", "read_dataset_as_dataframes__iterator")]
    two = warned(read_dataset_as_dataframes, "u", url, label_filter=lambda label: True, concat_partitions_on_primary_index=False)
    assert two == [text.format(name, "read_dataset_as_dataframes") for name in ("concat_partitions_on_primary_index", "label_filter")]
    assert warned(DatasetFactory, "u", url, load_dataset_metadata=False) == [text.format("load_dataset_metadata", "__init__")]


def test_what_the_library_calls_does_not_warn(url):
    """These make MetaPartitions with all their parameters."""
    from kartothek.io.eager import read_dataset_as_metapartitions, update_dataset_from_dataframes

    assert warned(read_dataset_as_metapartitions, "u", url) == []
    assert warned(update_dataset_from_dataframes, [FRAME], url, "u") == []
    assert len(warned(MetaPartition, "l", data={"table": FRAME}, files={"table": "u/table/l.parquet"})) == 2


def test_a_single_frame(store_url):
    assert warned(store_dataframes_as_dataset, store_url, "v", FRAME) == [
        "Passing a single dataframe instead of an iterable is deprecated and may be removed in the next major release."
    ]


def test_a_dataset_of_several_tables(store_url):
    assert warned(store_dataframes_as_dataset, store_url, "w", [{"core": FRAME, "more": FRAME}]) == []
    for function in (read_dataset_as_dataframes, read_dataset_as_dataframes__iterator):
        (text,) = warned(function, "w", store_url)
        assert text.startswith("Trying to read a dataset with multiple internal tables. This functionality will be removed")


def test_a_category_can_make_it_an_error(url):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        with pytest.raises(DeprecationWarning, match="label_filter"):
            read_table("u", url, label_filter=None)
        read_table("u", url)


def test_the_table_names_functions_and_parameters():
    """Each is decorated, which looks itself up; here the other way."""
    for path, rules in DEPRECATED.items():
        module, found, names = "kartothek." + path, None, []
        while found is None:
            module, _, name = module.rpartition(".")
            names.insert(0, name)
            try:
                found = importlib.import_module(module)
            except ModuleNotFoundError as error:
                if not error.name.startswith("kartothek"):
                    break
        if found is None:
            continue
        for name in names:
            found = getattr(found, name)
        assert hasattr(found, "__wrapped__"), path
        assert set(rules) - {None} <= set(inspect.signature(found).parameters), path
