"""Bad input of every kind (tests/support/bad_input.py): the exception names what is wrong, and nothing is changed."""
import datetime
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from kartothek.core.dataset import DatasetMetadata
from kartothek.io.eager import build_dataset_indices, garbage_collect_dataset, read_table, store_dataframes_as_dataset, update_dataset_from_dataframes

sys.path.insert(0, str(ROOT / "tests" / "support"))
import bad_input  # noqa: E402

PEOPLE = pd.DataFrame(
    {
        "name": ["Ann", "Bob", "C"],
        "age": [31, 5, 7],
        "born": [datetime.date(1990, 5, 1), datetime.date(1985, 12, 31), datetime.date(2014, 2, 28)],
        "member": [True, False, True],
    }
)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    url = "hfs://{}".format(folder)
    store_dataframes_as_dataset(store=url, dataset_uuid="people", dfs=[PEOPLE], partition_on=["member"], secondary_indices=["name"])
    store_dataframes_as_dataset(store=url, dataset_uuid="other", dfs=[PEOPLE])
    return folder


def refused(told, folder, call):
    """It raises an exception that is no bug of ours and that tells what is wrong; the store is as it was."""
    before = bad_input.fingerprint(folder)
    with pytest.raises((ValueError, TypeError, KeyError, RuntimeError, OSError, OverflowError)) as raised:
        call("hfs://{}".format(folder))
    assert told in str(raised.value)
    assert not isinstance(raised.value, MemoryError)
    assert bad_input.fingerprint(folder) == before


@pytest.mark.parametrize("case", [case for case in bad_input.READS], ids=[case[0] for case in bad_input.READS])
def test_bad_reads_are_refused(folder, case):
    _, plant, dataset, where, predicates, told = case
    if where is not None and predicates is None:
        pytest.skip("only the text of a predicate can be wrong so")
    plant(folder)
    refused(told, folder, lambda url: read_table(dataset, store=url, predicates=predicates))


def update(**arguments):
    return lambda url: update_dataset_from_dataframes([PEOPLE], store=url, dataset_uuid="people", **arguments)


def added(df, **arguments):
    return lambda url: update_dataset_from_dataframes([df], store=url, dataset_uuid="people", **arguments)


UPDATES = {
    "an empty scope": ("", update(delete_scope=[{}])),
    "a scope of a column that is not there": ("nope", update(delete_scope=[{"nope": 1}])),
    "a scope of a column without an index": ("age", update(delete_scope=[{"age": 1}])),
    "a scope with a value of another type": ("member", update(delete_scope=[{"member": "perhaps"}])),
    "a scope that is none": ("", update(delete_scope=["member"])),
    "a key that is not there": ("", update(partition_on=["nope"])),
    "an index of a column that is not there": ("nope", lambda url: build_dataset_indices(store=url, dataset_uuid="people", columns=["nope"])),
    "a number that is too large": ("age", added(PEOPLE.assign(age=np.array([2**64] * 3, dtype=object)))),
    "a column of another type": ("age", added(PEOPLE.assign(age=["x", "y", "z"]))),
    "objects of several types": ("name", added(PEOPLE.assign(name=["x", 1, datetime.date(2020, 1, 1)]))),
    "objects that nothing can store": ("name", added(PEOPLE.assign(name=[object()] * 3))),
    "text that is no UTF-8": ("", added(PEOPLE.assign(name=pd.Series(["\ud800"] * 3, dtype=object)))),
    "a key that is NaN": ("member", added(PEOPLE.assign(member=[True, None, False]))),
    "columns of one name": ("name", added(pd.concat([PEOPLE, PEOPLE[["name"]]], axis=1))),
    "a column that is missing": ("age", added(PEOPLE[["name", "born", "member"]])),
    "a dataset that exists": ("people", lambda url: store_dataframes_as_dataset(store=url, dataset_uuid="people", dfs=[PEOPLE])),
    "a name that leads elsewhere": ("../x", lambda url: store_dataframes_as_dataset(store=url, dataset_uuid="../x", dfs=[PEOPLE])),
    "a collection of nothing": ("nope", lambda url: garbage_collect_dataset(store=url, dataset_uuid="nope")),
    "a dataset that is not there": ("nope", lambda url: DatasetMetadata.load_from_store("nope", url)),
}


@pytest.mark.parametrize("name", sorted(UPDATES))
def test_bad_updates_are_refused(folder, name):
    told, call = UPDATES[name]
    refused(told, folder, call)


def test_equal_labels_are_refused(folder):
    partition = {"label": "same", "data": [("table", PEOPLE)]}
    refused("same", folder, lambda url: store_dataframes_as_dataset(store=url, dataset_uuid="q", dfs=[partition, dict(partition)]))


def test_an_empty_frame_adds_no_row(folder):
    url = "hfs://{}".format(folder)
    update_dataset_from_dataframes([PEOPLE.iloc[:0]], store=url, dataset_uuid="people")
    assert len(read_table("people", store=url)) == 3


def test_an_index_of_unknown_labels_loses_no_row(folder):
    bad_input.plant_index_with_unknown_labels(folder)
    found = read_table("bad", store="hfs://{}".format(folder), predicates=[[("name", "==", "Ann")]])
    assert found["age"].tolist() == [31]


def test_what_is_no_folder_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_text("text")
    with pytest.raises((ValueError, OSError), match="not a folder"):
        store_dataframes_as_dataset(store="hfs://{}".format(path), dataset_uuid="q", dfs=[PEOPLE])
    assert path.read_text() == "text"
