"""How objects look that people ask for in a shell or a notebook: worked out by hand."""
import pandas as pd
import pytest

import kartothek
from kartothek.core.dataset import DatasetMetadata
from kartothek.core.factory import DatasetFactory
from kartothek.io.eager import store_dataframes_as_dataset

LONG = "a_column_with_a_name_that_takes_much_of_a_line_{}"


@pytest.fixture
def store(store_url):
    frame = pd.DataFrame({"day": ["mon", "tue", "tue"], "sold": [1, 2, 3], "<shop>": ["A", "B", "A"]})
    store_dataframes_as_dataset(store_url, "sales", [frame], partition_on=["day"], secondary_indices=["<shop>"])
    return store_url


def test_dataset_in_text(store):
    first, partitions, indices, commit, columns = repr(kartothek.open(store, "sales")).split("\n")
    assert first == "Dataset 'sales' in <kartothek store {}>".format(store)
    assert partitions == "  partitions  2 by day"
    assert indices == "  indices     <shop>"
    assert commit.startswith("  commit      1 (create), 20")
    assert columns == "  columns     day: string, <shop>: string, sold: int64"


def test_long_lines_are_cut_in_text_and_whole_in_html(store_url):
    columns = [LONG.format(number) for number in range(3)]
    store_dataframes_as_dataset(store_url, "wide", [pd.DataFrame({name: [1.5] for name in columns})])
    dataset = kartothek.open(store_url, "wide")
    last = repr(dataset).split("\n")[-1]
    assert last.endswith("…") and len(last) == 14 + 100
    assert ", ".join(name + ": double" for name in columns) in dataset._repr_html_()


@pytest.mark.parametrize("load", [lambda store: kartothek.open(store, "sales"), lambda store: DatasetMetadata.load_from_store("sales", store)])
def test_html_is_a_table_whose_names_are_escaped(store, load):
    html = load(store)._repr_html_()
    assert html.startswith("<table><caption>sales</caption>") and html.endswith("</table>")
    assert "<tr><th>partitions</th><td>2 by day</td></tr>" in html
    assert "<tr><th>indices</th><td>&lt;shop&gt;</td></tr>" in html
    assert "&lt;shop&gt;: string" in html and "sold: int64" in html and "<shop>" not in html


def test_a_factory_is_looked_at_without_reading(store):
    factory = DatasetFactory("sales", store)
    assert factory._repr_html_() is None
    for method in ("_ipython_canary_method_should_not_exist_", "_ipython_display_", "_repr_mimebundle_", "_repr_png_"):
        assert not hasattr(factory, method)
    assert not factory.is_loaded
    assert len(factory.partitions) == 2
    assert factory._repr_html_() == DatasetMetadata.load_from_store("sales", store)._repr_html_()


def test_an_update_says_how_far_it_is(store):
    dataset = kartothek.open(store, "sales")
    with dataset.update() as update:
        assert repr(update) == "<Update of 'sales', open>"
        update.delete("day == 'tue'")
    assert repr(update) == "<Update of 'sales', committed>"
    with pytest.raises(ZeroDivisionError), dataset.update() as update:
        update.delete("day == 'mon'")
        1 / 0
    assert repr(update) == "<Update of 'sales', closed>"
    assert len(dataset.refresh()) == 1


def test_an_update_may_be_committed_before_its_block_ends(store):
    dataset = kartothek.open(store, "sales")
    with dataset.update() as update:
        update.delete("day == 'tue'")
        assert update.commit()["removed"] == 1
    assert len(dataset.refresh()) == 1 and len(dataset.history()) == 2
