"""Datasets of several tables, and partitions on their way: every form that writers take, and what readers make of it."""
import pickle

import pandas as pd
import pytest

from kartothek.core.dataset import DatasetMetadata
from kartothek.io.eager import (
    build_dataset_indices,
    commit_dataset,
    create_empty_dataset_header,
    read_dataset_as_dataframes,
    read_table,
    store_dataframes_as_dataset,
    update_dataset_from_dataframes,
    write_single_partition,
)
from kartothek.io.iter import store_dataframes_as_dataset__iter
from kartothek.io_components.metapartition import MetaPartition, parse_input_to_metapartition, partition_labels_from_mps
from kartothek.io_components.utils import combine_metadata

CORE = pd.DataFrame({"p": ["a", "b", "a"], "x": [1, 2, 3]})
HELPER = pd.DataFrame({"p": ["a", "c"], "x": [1, 9], "y": ["s", "t"]})
BOTH = {"core": CORE, "helper": HELPER}


def frames(**tables):
    return {table: pd.DataFrame(columns) for table, columns in tables.items()}


def cells(url, table, **kwargs):
    return sorted(read_table("u", url, table=table, **kwargs).itertuples(index=False, name=None))


@pytest.fixture
def url(store_url):
    store_dataframes_as_dataset(
        store=store_url, dataset_uuid="u", dfs=[{"label": "l", "data": BOTH}], partition_on="p", secondary_indices=["x"]
    )
    return store_url


def test_a_partition_has_a_file_of_each_table(url):
    dataset = DatasetMetadata.load_from_store("u", url)
    assert dataset.tables == ["core", "helper"]
    assert list(dataset.partitions) == ["p=a/l", "p=b/l", "p=c/l"]
    assert dataset.partitions["p=c/l"].files == {"core": "u/core/p=c/l.parquet", "helper": "u/helper/p=c/l.parquet"}
    assert cells(url, "core") == [("a", 1), ("a", 3), ("b", 2)]
    assert cells(url, "helper") == [("a", 1, "s"), ("c", 9, "t")]
    parts = read_dataset_as_dataframes("u", url)
    assert [{table: len(frame) for table, frame in part.items()} for part in parts] == [
        {"core": 2, "helper": 1},
        {"core": 1, "helper": 0},
        {"core": 0, "helper": 1},
    ]
    parts = read_dataset_as_dataframes("u", url, tables=["helper"], columns={"helper": ["y"]}, predicates=[[("p", "==", "c")]])
    assert len(parts) == 1 and list(parts[0]) == ["helper"] and parts[0]["helper"].y.tolist() == ["t"]
    with pytest.raises(ValueError, match="invalid table"):
        read_dataset_as_dataframes("u", url, columns={"other": ["x"]})


# kartothek 5.3 raises KeyError(b"y"), which names no table.
@pytest.mark.parametrize("predicates", [[[("y", "==", "s")]], [[("p", "==", "a"), ("y", "==", "s")]], [[("x", "==", 1)], [("y", "==", "s")]]])
def test_a_predicate_must_be_on_columns_that_all_tables_read_have(url, predicates):
    message = "table 'core' of dataset 'u': there is no column 'y'"
    with pytest.raises(KeyError, match=message):
        read_dataset_as_dataframes("u", url, predicates=predicates)
    with pytest.raises(KeyError, match=message):
        read_dataset_as_dataframes("u", url, tables=["helper", "core"], predicates=predicates)
    with pytest.raises(KeyError, match=message):
        read_table("u", url, table="core", predicates=predicates)
    parts = read_dataset_as_dataframes("u", url, tables=["helper"], predicates=predicates)
    assert [row for part in parts for row in part["helper"].itertuples(index=False, name=None)] == [("a", 1, "s")]


def test_an_index_is_over_all_tables(url):
    index = DatasetMetadata.load_from_store("u", url, load_all_indices=True).indices["x"].index_dct
    assert {value: sorted(labels) for value, labels in index.items()} == {1: ["p=a/l"], 2: ["p=b/l"], 3: ["p=a/l"], 9: ["p=c/l"]}
    build_dataset_indices(url, "u", ["y"])
    update_dataset_from_dataframes([frames(core={"p": ["d"], "x": [4]}, helper={"p": ["d"], "x": [5], "y": ["v"]})], url, "u")
    indices = DatasetMetadata.load_from_store("u", url, load_all_indices=True).indices
    assert set(indices["x"].index_dct) == {1, 2, 3, 4, 5, 9} and set(indices["y"].index_dct) == {"s", "t", "v"}


PAIRS = list(BOTH.items())
FORMS = {
    "tables": (BOTH, 1),
    "data": ({"label": "m", "data": BOTH}, 1),
    "pairs in data": ({"data": PAIRS}, 1),
    "pairs": (PAIRS, 1),
    "nested": ([BOTH, [{"label": "m", "data": BOTH}]], 2),
    "metapartition": (MetaPartition("m", data=BOTH), 1),
    "split metapartition": (MetaPartition("m", data=BOTH).partition_on(["p"]), 1),
    "with an index": ({"label": "m", "data": BOTH, "indices": {"x": {1: ["m"]}}}, 1),
    "with nothing": ([None, BOTH, []], 1),
}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_are_taken_by_all_writers(url, form):
    element, count = FORMS[form]
    core, helper = cells(url, "core"), cells(url, "helper")
    update_dataset_from_dataframes([element], url, "u")
    assert cells(url, "core") == sorted(core * (1 + count)) and cells(url, "helper") == sorted(helper * (1 + count))
    store_dataframes_as_dataset(url, "u", [BOTH], partition_on=["p"], secondary_indices="x", overwrite=True)
    written = pickle.loads(pickle.dumps(write_single_partition(url, "u", element)))
    assert len(written) == 3 * count and cells(url, "core") == core
    commit_dataset(url, "u", [written])
    assert cells(url, "core") == sorted(core * (1 + count)) and cells(url, "helper") == sorted(helper * (1 + count))
    dataset = store_dataframes_as_dataset(url, "v", [element], partition_on=["p"])
    assert len(dataset.partitions) == 3 * count and dataset.tables == ["core", "helper"]
    assert list(dataset.indices) == (["x"] if form == "with an index" else [])
    dataset = store_dataframes_as_dataset__iter(iter([element]), url, "w")
    assert dataset.tables == ["core", "helper"] and dataset.partition_keys == (["p"] if form == "split metapartition" else [])


def test_nothing_only_deletes(url):
    for nothing in (None, [], [None], [[]]):
        update_dataset_from_dataframes(nothing, url, "u", delete_scope=[{"p": "b"}])
        assert cells(url, "core") == [("a", 1), ("a", 3)] and cells(url, "helper") == [("a", 1, "s"), ("c", 9, "t")]


@pytest.mark.parametrize(
    "element, exception, text",
    [
        (CORE, ValueError, "Input partitions for update have different tables than dataset:\nInput partition tables: {'table'}"),
        ({"core": CORE}, ValueError, "different tables than dataset"),
        (dict(BOTH, more=CORE), ValueError, "different tables than dataset"),
        ({"core": CORE.assign(x="1"), "helper": HELPER}, ValueError, "Schemas for table 'core' of dataset 'u' are not compatible!\n\nSchema violation"),
        ({"core": CORE, "helper": HELPER.assign(z=1)}, ValueError, "Schemas for table 'helper' of dataset 'u' are not compatible!"),
        ({"core": CORE.drop(columns="p"), "helper": HELPER}, ValueError, "Partition column\\(s\\) missing: p"),
        ({"core": CORE, "helper": HELPER.assign(p=None)}, ValueError, "Original dataframe size"),
        ([{"label": "m", "data": BOTH}, {"label": "m", "data": BOTH}], RuntimeError, "Duplicate labels for nested metapartitions are not allowed!"),
        ({"label": "m", "data": BOTH, "indices": {"y": {"s": ["m"]}}}, ValueError, "In table core, no column corresponding to index y"),
        ({"label": "m", "data": BOTH, "indices": {"p": {"a": ["m"]}}}, ValueError, "Incorrect indices provided for dataset."),
        ({"core": 1, "helper": HELPER}, ValueError, "Input must be a pyarrow schema, or a pandas dataframe"),
        ("frame", ValueError, "Unexpected type during parsing encountered: "),
        (1.5, ValueError, "Unexpected type during parsing encountered: "),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(url, element, exception, text):
    keys = DatasetMetadata.storage_keys("u", url)
    with pytest.raises(exception, match=text):
        update_dataset_from_dataframes([element], url, "u")
    assert DatasetMetadata.storage_keys("u", url) == keys
    with pytest.raises(exception, match=text):
        write_single_partition(url, "u", [element])
    assert DatasetMetadata.storage_keys("u", url) == keys


def test_what_does_not_fit_is_refused_in_a_new_dataset(store_url):
    shared = {"core": CORE, "helper": HELPER.assign(x="1")}
    with pytest.raises(ValueError, match='Found incompatible entries for column "x"\n'):
        store_dataframes_as_dataset(store_url, "u", [shared])
    with pytest.raises(ValueError, match="The labels m are duplicated. Dataset metadata was not written."):
        store_dataframes_as_dataset(store_url, "u", [{"label": "m", "data": BOTH}, {"label": "m", "data": BOTH}])
    with pytest.raises(ValueError, match="different tables"):
        store_dataframes_as_dataset(store_url, "u", [BOTH, {"core": CORE}])
    with pytest.raises(ValueError, match="'indices'"):
        store_dataframes_as_dataset(store_url, "u", [{"indices": CORE, "core": CORE}])
    with pytest.raises(RuntimeError, match=r"Column `z` could not be found in the partition `m` with tables `\['core', 'helper'\]`"):
        store_dataframes_as_dataset(store_url, "u", [{"label": "m", "data": BOTH}], secondary_indices="z")
    assert DatasetMetadata.storage_keys("u", store_url) == []


def test_files_are_committed_by_their_names(url):
    keys = DatasetMetadata.load_from_store("u", url).partitions["p=a/l"].files
    store_dataframes_as_dataset(url, "v", [{"label": "one", "data": BOTH}])
    written = write_single_partition(url, "v", {"label": "two", "data": BOTH})
    assert written.label == "two" and written.files == {"core": "v/core/two.parquet", "helper": "v/helper/two.parquet"}
    assert not written.is_sentinel and written.data == {} and written.partition_keys == []
    for form in ({"label": "two", "data": [("core", None), ("helper", None)]}, MetaPartition("two", files=written.files)):
        dataset = commit_dataset(url, "v", [form], delete_scope=None)
        assert list(dataset.partitions) == ["one", "two"] and dataset.partitions["two"].files == written.files
        assert len(read_table("v", url, table="core")) == 6
        update_dataset_from_dataframes([{"label": "x", "data": BOTH}], url, "v")
        dataset = DatasetMetadata.load_from_store("v", url)
        store_dataframes_as_dataset(url, "v", [{"label": "one", "data": BOTH}], overwrite=True)
        assert len(dataset.partitions) == 3
    with pytest.raises(KeyError, match="three"):
        commit_dataset(url, "v", [{"label": "three", "data": [("core", None), ("helper", None)]}])
    with pytest.raises(ValueError, match="Trying to commit partitions without `data` or `files` information."):
        commit_dataset(url, "v", [MetaPartition("three")])
    with pytest.raises(ValueError, match="different tables"):
        commit_dataset(url, "v", [{"label": "two", "data": [("core", None)]}])
    with pytest.raises(ValueError, match="no data file"):
        commit_dataset(url, "v", [MetaPartition("two", files=keys)])
    with pytest.raises(RuntimeError, match="Duplicate labels"):
        commit_dataset(url, "v", [written, written])


def test_a_header_has_several_tables(store_url):
    create_empty_dataset_header(store_url, "u", {"core": CORE, "helper": HELPER}, partition_on=["p"])
    dataset = DatasetMetadata.load_from_store("u", store_url)
    assert sorted(dataset.tables) == ["core", "helper"]
    written = write_single_partition(store_url, "u", BOTH)
    assert read_table("u", store_url, table="core").empty
    commit_dataset(store_url, "u", written)
    assert cells(store_url, "core") == [("a", 1), ("a", 3), ("b", 2)]


# ---- metapartitions


def test_metapartitions_are_parsed():
    sentinel = parse_input_to_metapartition(None)
    assert sentinel.is_sentinel and len(sentinel) == 1 and list(sentinel) == [] and sentinel == parse_input_to_metapartition([])
    one = parse_input_to_metapartition({"label": "m", "data": PAIRS, "indices": {"x": {1: ["m"]}}})
    assert (one.label, one.tables, list(one.indices)) == ("m", ["core", "helper"], ["x"])
    assert repr(one) == "<MetaPartition v4 | m | tables ['core', 'helper'] >"
    assert len(parse_input_to_metapartition(CORE).label) == 32
    nested = parse_input_to_metapartition([CORE, [one, None], BOTH])
    assert len(nested) == 3 and "NESTED (3)" in repr(nested) and nested["m"] == one
    assert partition_labels_from_mps([nested, sentinel])[1] == "m"
    with pytest.raises(AttributeError, match="Accessing `data` attribute is not allowed while nested"):
        nested.data
    with pytest.raises(KeyError, match="doesn't contain partition `n`"):
        nested["n"]
    with pytest.raises(RuntimeError, match="Duplicate labels"):
        nested.add_metapartition(one)
    with pytest.raises(NotImplementedError, match="Minimal supported metadata version is 4"):
        MetaPartition("m", metadata_version=3)
    assert MetaPartition.from_dict(one.to_dict()) == one and one.copy(label="n") != one
    assert pickle.loads(pickle.dumps(nested)) == nested


def test_metapartitions_are_split_and_indexed():
    parts = MetaPartition("m", data=BOTH, indices={"x": {1: ["m"]}}).partition_on("p")
    assert [part.label for part in parts] == ["p=a/m", "p=b/m", "p=c/m"] and parts.partition_keys == ["p"]
    assert [part.data["core"].x.tolist() for part in parts] == [[1, 3], [2], []]
    assert [part.indices["x"].index_dct for part in parts] == [
        {1: ["p=a/m"], 3: ["p=a/m"]},
        {2: ["p=b/m"]},
        {9: ["p=c/m"]},
    ]
    merged = MetaPartition.merge_indices([parts])
    assert {value: labels for value, labels in merged["x"].index_dct.items() if value == 9} == {9: ["p=c/m"]}
    more = MetaPartition("m", data={"helper": HELPER}).partition_on(["p"]).partition_on(["p", "x"])
    assert [part.label for part in more] == ["p=a/x=1/m", "p=c/x=9/m"] and more["p=c/x=9/m"].data["helper"].to_dict("list") == {"y": ["t"]}
    with pytest.raises(ValueError, match="explicit index"):
        parts.partition_on(["p", "x"])
    with pytest.raises(ValueError, match="Incompatible partitioning encountered."):
        MetaPartition("m", data=BOTH).partition_on("p").partition_on(["x"])
    with pytest.raises(ValueError, match=r"Partition column\(s\) missing: q, z"):
        MetaPartition("m", data=BOTH).partition_on(["z", "q"])
    with pytest.raises(ValueError, match="No data left"):
        MetaPartition("m", data={"core": CORE}).partition_on(["p", "x"])
    with pytest.raises(ValueError, match=r"Original dataframe size \(3 rows\) does not match new dataframe size \(1 rows\)"):
        MetaPartition("m", data={"core": CORE.assign(p=["a", None, None])}).partition_on(["p"])
    with pytest.raises(RuntimeError, match=r"Column `z` could not be found in the partition `m` with tables `\['core', 'helper'\]`"):
        MetaPartition("m", data=BOTH).build_indices(["z"])


def test_frames_of_equal_index_labels_are_split_by_position():
    frame = pd.DataFrame({"p": ["a", "b"], "x": [1, 2]}, index=[7, 7])
    parts = MetaPartition("m", data={"table": frame}).partition_on(["p"])
    assert {part.label: part.data["table"].x.tolist() for part in parts} == {"p=a/m": [1], "p=b/m": [2]}


def test_metapartitions_load_store_and_remove(url, store_url):
    dataset = DatasetMetadata.load_from_store("u", url)
    part = MetaPartition.from_partition(dataset.partitions["p=a/l"], partition_keys=["p"])
    loaded = part.load_dataframes(url, columns={"helper": ["y", "p"]}, predicates=[[("x", "<", 3)]])
    assert loaded.data["core"].to_dict("list") == {"p": ["a"], "x": [1]}
    assert loaded.data["helper"].to_dict("list") == {"y": ["s"], "p": ["a"]}
    assert list(part.load_dataframes(url, tables=["core"]).data) == ["core"]
    only = part.copy(logical_conjunction=[("x", "==", 3)]).load_dataframes(url, tables=["core"])
    assert only.data["core"].x.tolist() == [3] and only.remove_dataframes().data == {}
    with pytest.raises(ValueError, match="invalid table"):
        part.load_dataframes(url, columns={"other": ["x"]})
    with pytest.raises(ValueError, match="Columns cannot be found in stored dataframe: z"):
        part.load_dataframes(url, columns={"core": ["z"]})
    stored = MetaPartition("n", data=BOTH).partition_on(["p"]).store_dataframes(url, "u")
    assert [part.label for part in stored] == ["p=a/n", "p=b/n", "p=c/n"] and stored["p=a/n"].data == {}
    commit_dataset(url, "u", stored)
    assert len(cells(url, "core")) == 6
    assert stored["p=a/n"].delete_from_store("u", url).files == {}
    assert "u/core/p=a/n.parquet" not in DatasetMetadata.storage_keys("u", url)


def test_metapartitions_know_their_schemas(url):
    pytest.importorskip("pyarrow")
    part = MetaPartition("m", data=BOTH)
    assert part.table_meta["helper"].names == ["p", "x", "y"]
    assert part.validate_schema_compatible(url, "u") == part
    with pytest.raises(ValueError, match="Schemas for table 'core' of dataset 'u' are not compatible!"):
        MetaPartition("m", data={"core": CORE.assign(x="1")}).validate_schema_compatible(url, "u")
    with pytest.raises(ValueError, match="Schema violation"):
        parse_input_to_metapartition([CORE, CORE.assign(x="1")])
    assert len(parse_input_to_metapartition([CORE, CORE.assign(x=None)])) == 2
    stored = MetaPartition.from_partition(DatasetMetadata.load_from_store("u", url).partitions["p=a/l"], partition_keys=["p"])
    assert stored.load_all_table_meta(url, "u").table_meta["core"].names == ["p", "x"]


def test_metapartitions_know_their_files(url):
    part = MetaPartition.from_partition(DatasetMetadata.load_from_store("u", url).partitions["p=a/l"], partition_keys=["p"])
    known = part.get_parquet_metadata(url, "core")
    assert known[["partition_label", "row_group_id", "number_rows_total", "number_row_groups"]].values.tolist() == [["p=a/l", 0, 2, 1]]
    assert part.get_parquet_metadata(url, "other").empty
    with pytest.raises(TypeError, match="Expecting a string"):
        part.get_parquet_metadata(url, ["core"])


def test_readers_warn_of_several_tables(url):
    with pytest.warns(DeprecationWarning, match="Trying to read a dataset with multiple internal tables."):
        read_table("u", url, table="core")


def test_metapartitions_are_joined():
    one, two = MetaPartition("aa", data={"core": CORE}), MetaPartition("b", data={"core": CORE})
    joined = MetaPartition.concat_metapartitions([one, two])
    assert joined.label == "b" and joined.data["core"].x.tolist() == [1, 2, 3, 1, 2, 3]
    doubled = one.add_metapartition(two).apply(lambda frame: frame.assign(x=2 * frame.x))
    assert [part.data["core"].x.tolist() for part in doubled] == [[2, 4, 6]] * 2
    assert one.apply({"core": len, "other": None}, tables=["core"]).data == {"core": 3}


def test_metadata_is_combined():
    assert combine_metadata([{"a": 1, "b": [1], "c": {"x": 1, "y": 2}, "d": 1}, {"a": 1, "b": [2], "c": {"x": 2, "y": 2}, "e": None}]) == {
        "a": 1,
        "b": [1, 2],
        "c": {"y": 2},
        "d": 1,
        "e": None,
    }
    assert combine_metadata([{"b": [1, 2]}, {"b": [2, 3]}], append_to_list=False) == {"b": [1, 2, 3]}
    assert combine_metadata([{"a": 1}, {"a": 2}, {"a": 1}]) == {}


def test_files_of_a_dataset_that_is_not_there_are_read_again(store_url):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    stored = pickle.loads(pickle.dumps(parse_input_to_metapartition(frame).store_dataframes(store_url, "p")))
    loaded = stored.load_dataframes(store_url, columns={"table": ["b"]})
    assert loaded.data["table"]["b"].tolist()[0] == "x" and list(loaded.data["table"]) == ["b"] and len(loaded.data["table"]) == 2
    assert loaded.get_parquet_metadata(store_url, "table")["number_rows_total"].tolist() == [2]
