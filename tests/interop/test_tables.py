"""Datasets of several tables, which kartothek 5.3.0 and we update in turn. plateau has no such datasets."""
import pytest

from kartothek.core.dataset import DatasetMetadata
from kartothek.io.eager import (
    commit_dataset,
    read_dataset_as_dataframes,
    read_table,
    store_dataframes_as_dataset,
    update_dataset_from_dataframes,
    write_single_partition,
)

pd = pytest.importorskip("pandas")

#: what the original does to the dataset and then sees in it
TURN = """
import json, sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
from kartothek.core.dataset import DatasetMetadata
from kartothek.core.utils import ensure_store
from kartothek.io import eager
url, work = json.loads(sys.stdin.read())
def frames(tables):
    return {table: pd.DataFrame(columns) for table, columns in tables.items()}
if "create" in work:
    eager.store_dataframes_as_dataset(
        store=url, dataset_uuid="u", dfs=[{"label": "k", "data": frames(work["create"])}], partition_on=work["keys"], secondary_indices=["x"]
    )
if "update" in work:
    eager.update_dataset_from_dataframes([frames(work["update"])], store=url, dataset_uuid="u", delete_scope=work["delete_scope"])
if "commit" in work:
    parts = eager.write_single_partition(store=url, dataset_uuid="u", data=frames(work["commit"]), secondary_indices=["x"])
    eager.commit_dataset(store=url, dataset_uuid="u", new_partitions=[parts])
store = ensure_store(url)
dataset = DatasetMetadata.load_from_store("u", store).load_all_indices(store)
def cells(table, **kwargs):
    frame = eager.read_table(dataset_uuid="u", store=url, table=table, **kwargs)
    return sorted(frame[sorted(frame.columns)].values.tolist())
print(json.dumps({
    "tables": sorted(dataset.tables),
    "rows": {table: cells(table) for table in ("core", "helper")},
    "found": {table: cells(table, predicates=[[("x", "==", 3)]]) for table in ("core", "helper")},
    "labels": sorted(label.rsplit("/", 1)[0] for label in dataset.partitions) if work["keys"] else len(dataset.partitions),
    "index": sorted(int(value) for value in dataset.indices["x"].index_dct),
    "parts": [sorted(part) for part in eager.read_dataset_as_dataframes(dataset_uuid="u", store=url)],
}))
"""


def tables(core, helper):
    """Columns of two tables; rows are ``(p, x)`` and ``(p, x, y)``."""
    return {
        "core": {"p": [row[0] for row in core], "x": [row[1] for row in core]},
        "helper": {"p": [row[0] for row in helper], "x": [row[1] for row in helper], "y": [row[2] for row in helper]},
    }


def frames(core, helper):
    return {table: pd.DataFrame(columns) for table, columns in tables(core, helper).items()}


class Turns:
    """One dataset, and the rows that it must have: lists in this process."""

    def __init__(self, original, url, keys):
        self.original, self.url, self.keys = original, url, keys
        self.core, self.helper, self.partitions = [], [], []

    def holds(self, core, helper, removed=None):
        for rows, new in ((self.core, core), (self.helper, helper)):
            rows[:] = [row for row in rows if row[0] != removed] + list(new)
        found = sorted({row[0] for row in [*core, *helper]}) if self.keys else [None]
        self.partitions = [part for part in self.partitions if removed is None or part != removed] + found

    def look(self, **work):
        """Both see the same, which is what there must be."""
        seen = self.original.run(TURN, [self.url, dict(work, keys=self.keys)])
        rows = {"core": sorted(map(list, self.core)), "helper": sorted(map(list, self.helper))}
        assert seen["rows"] == rows and seen["tables"] == ["core", "helper"]
        assert seen["found"] == {table: [row for row in found if row[1] == 3] for table, found in rows.items()}
        assert seen["labels"] == (sorted("p={}".format(part) for part in self.partitions) if self.keys else len(self.partitions))
        assert seen["index"] == sorted({row[1] for row in [*self.core, *self.helper]})
        assert seen["parts"] == [["core", "helper"]] * len(self.partitions)
        for table in rows:
            frame = read_table("u", self.url, table=table)
            assert sorted(frame[sorted(frame.columns)].values.tolist()) == rows[table]
            frame = read_table("u", self.url, table=table, predicates=[[("x", "==", 3)]])
            assert sorted(frame[sorted(frame.columns)].values.tolist()) == seen["found"][table]
        parts = read_dataset_as_dataframes("u", self.url)
        assert [sorted(part) for part in parts] == seen["parts"]
        index = DatasetMetadata.load_from_store("u", self.url, load_all_indices=True).indices["x"]
        assert sorted(index.index_dct) == seen["index"]


#: all rows of an input have keys that both tables have: the original leaves tables out of partitions otherwise, and cannot read them then
FIRST = ([("a", 1), ("b", 2), ("a", 3)], [("a", 3, "s"), ("b", 5, "t")])
MORE = ([("c", 3)], [("c", 7, "u"), ("c", 8, "v")])


@pytest.mark.parametrize("keys", [["p"], []])
@pytest.mark.parametrize("who", ["ours", "theirs"])
def test_kartothek_and_we_take_turns(kartothek_5_3, tmp_path, who, keys):
    url = "hfs://{}".format(tmp_path)
    turns = Turns(kartothek_5_3, url, keys)
    turns.holds(*FIRST)
    if who == "ours":
        store_dataframes_as_dataset(
            store=url, dataset_uuid="u", dfs=[{"label": "k", "data": frames(*FIRST)}], partition_on=keys, secondary_indices=["x"]
        )
        turns.look()
    else:
        turns.look(create=tables(*FIRST))
    turns.holds(*MORE, removed="a" if keys else None)
    update_dataset_from_dataframes([frames(*MORE)], url, "u", delete_scope=[{"p": "a"}] if keys else None)
    turns.look()
    turns.holds([("a", 11)], [("a", 12, "w")], removed="b" if keys else None)
    turns.look(update=tables([("a", 11)], [("a", 12, "w")]), delete_scope=[{"p": "b"}] if keys else [])
    turns.holds([("d", 3)], [("d", 3, "x")])
    commit_dataset(url, "u", write_single_partition(url, "u", frames([("d", 3)], [("d", 3, "x")])))
    turns.look()
    turns.holds([("e", 20)], [("e", 21, "y")])
    turns.look(commit=tables([("e", 20)], [("e", 21, "y")]))


def test_kartothek_reads_tables_that_lack_rows(kartothek_5_3, tmp_path):
    """Every partition has a file of each table, be it empty."""
    url = "hfs://{}".format(tmp_path)
    turns = Turns(kartothek_5_3, url, ["p"])
    core, helper = [("a", 1), ("b", 3)], [("c", 3, "s")]
    turns.holds(core, helper)
    store_dataframes_as_dataset(store=url, dataset_uuid="u", dfs=[frames(core, helper)], partition_on=["p"], secondary_indices=["x"])
    turns.look()
