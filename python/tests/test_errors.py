"""Exceptions carry the facts of the failure, whatever their text is."""
import pandas as pd
import pytest

import kartothek
from kartothek import _core
from kartothek.exceptions import DatasetExists
from kartothek.io.eager import store_dataframes_as_dataset, update_dataset_from_dataframes
from kartothek.io.iter import store_dataframes_as_dataset__iter


def facts(error):
    return error.status, error.reason, error.subject


@pytest.fixture
def url(store_url):
    frame = pd.DataFrame({"p": [1], "x": [1]})
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[{"label": "l", "data": [("core", frame)]}], partition_on=["p"])
    return store_url


def update(url, frame, **settings):
    update_dataset_from_dataframes([{"label": "m", "data": [("core", frame)]}], store=url, dataset_uuid="u", **settings)


def test_a_key_that_is_not_there(url):
    with pytest.raises(KeyError) as caught:
        _core.Store.open(url).get("u/absent")
    assert facts(caught.value) == ("not found", "key", "u/absent")
    assert caught.value.detail == 0


def test_a_text_that_is_no_predicate(url):
    with pytest.raises(ValueError) as caught:
        kartothek.open(url, "u").query("x >=> 1")
    assert facts(caught.value) == ("invalid", None, None)
    assert caught.value.detail == 5  # the place of the second ">", from 1


def test_another_schema(url):
    with pytest.raises(ValueError, match="^Schemas for table 'core' of dataset 'u' are not compatible!") as caught:
        update(url, pd.DataFrame({"p": [1], "x": ["text"]}))
    assert facts(caught.value) == ("schema", "table schema", "core")


def test_a_shared_column_of_another_type(store_url):
    tables = [("a", pd.DataFrame({"x's 'y'": [1], "i": [1]})), ("b", pd.DataFrame({"x's 'y'": ["1"], "i": [1]}))]
    with pytest.raises(ValueError, match="^Found incompatible entries for column \"x's 'y'\"\n") as caught:
        store_dataframes_as_dataset(store=store_url, dataset_uuid="v", dfs=[{"label": "l", "data": tables}])
    assert facts(caught.value) == ("schema", "shared column", "x's 'y'")


def test_labels_that_are_there_twice(store_url):
    parts = [{"label": label, "data": [("table", pd.DataFrame({"x": [1]}))]} for label in "ba"]
    with pytest.raises(ValueError) as caught:
        store_dataframes_as_dataset(store=store_url, dataset_uuid="v", dfs=parts + parts[:1])
    assert str(caught.value) == "The labels b are duplicated. Dataset metadata was not written."
    assert facts(caught.value) == ("invalid", "duplicate labels", "b")


@pytest.mark.parametrize("store, parameter", [(store_dataframes_as_dataset, "dfs"), (store_dataframes_as_dataset__iter, "df_generator")])
def test_all_labels_that_are_there_twice(store_url, store, parameter):
    def elements():
        for label in [*names, "alone", names[1], names[0], names[1]]:
            yield {"label": label, "data": [("table", pd.DataFrame({"p": ["ä", "b"], "x": [1, 2]}))]}

    names = ["{:030}".format(number) for number in range(12)]
    with pytest.raises(ValueError) as caught:
        store(store=store_url, dataset_uuid="v", partition_on=["p"], **{parameter: elements()})
    labels = ["p={}/{}".format(value, name) for name in names[:2] for value in ("%C3%A4", "b")]
    assert str(caught.value) == "The labels {} are duplicated. Dataset metadata was not written.".format(", ".join(labels))
    assert _core.Store.open(store_url).keys() == []


def test_other_partition_keys(url):
    with pytest.raises(ValueError, match="^Incompatible set of partition keys encountered") as caught:
        update(url, pd.DataFrame({"p": [1], "x": [1]}), partition_on=["x"])
    assert facts(caught.value) == ("invalid", "partition keys", "'p'")


def test_a_dataset_that_is_there(url):
    begun = _core.Update.begin(_core.Store.open(url), "v")
    store_dataframes_as_dataset(store=url, dataset_uuid="v", dfs=[pd.DataFrame({"x": [1]})])
    begun.add_nothing()
    with pytest.raises(DatasetExists) as caught:
        begun.commit()
    assert facts(caught.value) == ("exists", None, None)
    assert len(caught.value.commit_id) == 32
    begun.close()
