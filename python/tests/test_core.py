"""Datasets, their documents and indices as Python objects; what the original says of the same is compared in tests/interop/test_core.py."""
import collections
import copy
import datetime
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from conftest import GOLDEN

from kartothek import _core
from kartothek.core._types import normalised, type_name
from kartothek.core._zmsgpack import packb, unpackb
from kartothek.core.common_metadata import make_meta
from kartothek.core.dataset import DatasetMetadata, DatasetMetadataBuilder, to_ordinary_dict
from kartothek.core.index import ExplicitSecondaryIndex, IndexBase, PartitionIndex, filter_indices
from kartothek.core.partition import Partition
from kartothek.core.uuid import gen_uuid_object
from kartothek.io.eager import store_dataframes_as_dataset

try:
    import pyarrow as pa
except ImportError:
    pa = None

needs_pyarrow = pytest.mark.skipif(pa is None, reason="needs pyarrow")


@pytest.fixture
def dataset(store_url):
    frame = pd.DataFrame({"k": [1, 1, 2, 3], "s": ["x", "y", "x", None], "d": [datetime.date(2020, 1, 1)] * 4})
    dfs = [{"label": label, "data": [("table", frame[frame["k"] == k])]} for label, k in (("a", 1), ("b", 2), ("c", 3))]
    return store_dataframes_as_dataset(
        store=store_url, dataset_uuid="u", dfs=dfs, partition_on=["k"], secondary_indices=["s", "d"], metadata={"note": "n"}
    )


def test_partitions_are_a_mapping(dataset):
    partitions = dataset.partitions
    assert (len(partitions), list(partitions)) == (3, ["k=1/a", "k=2/b", "k=3/c"])
    assert partitions["k=2/b"] == Partition("k=2/b", {"table": "u/table/k=2/b.parquet"})
    assert "k=2/b" in partitions and "k=2" not in partitions and 3 not in partitions and "k=2/b\0" not in partitions
    with pytest.raises(KeyError):
        partitions["k=9/z"]
    assert partitions == dict(partitions.items()) == partitions.copy()
    assert [partition.label for partition in partitions.values()] == list(partitions)


def test_one_label_of_many_makes_no_other_objects():
    count = 20000
    parts = ", ".join('"p{0}": {{"files": {{"table": "u/table/p{0}.parquet"}}}}'.format(i) for i in range(count))
    document = '{{"dataset_metadata_version": 4, "dataset_uuid": "u", "partitions": {{{}}}, "partition_keys": []}}'.format(parts)
    dataset = DatasetMetadata.load_from_buffer(document, "hmemory://")
    assert len(dataset.partitions) == count
    assert dataset.partitions["p12345"].files == {"table": "u/table/p12345.parquet"}
    assert dataset.partitions._made is None


def test_values_of_partition_keys_are_typed(dataset, store_url):
    loaded = dataset.load_partition_indices()
    assert loaded.primary_indices_loaded and not dataset.primary_indices_loaded
    assert loaded.indices["k"] == PartitionIndex("k", {1: ["k=1/a"], 2: ["k=2/b"], 3: ["k=3/c"]}, "int64")
    assert loaded.to_dict() == dataset.to_dict()
    no_schema = DatasetMetadata.load_from_store("u", store_url, load_schema=False)
    with pytest.raises(ValueError, match='Cannot find type information for partition column "k"'):
        no_schema.load_partition_indices()


def test_queries_read_the_indices_they_need(dataset):
    assert sorted(dataset.query(s="x")) == ["k=1/a", "k=2/b"]
    assert dataset.query(s="x", k="2") == ["k=2/b"]
    assert sorted(dataset.query(nothing=1)) == ["k=1/a", "k=2/b", "k=3/c"]
    assert dataset.query(indices=[ExplicitSecondaryIndex("z", {7: ["k=3/c"]})], z=7) == ["k=3/c"]


def rows(frame):
    assert frame.index.name == "partition"
    return sorted(zip(frame.index, *(frame[column] for column in frame.columns)))


def test_indices_as_one_frame(dataset):
    assert rows(dataset.get_indices_as_dataframe()[["d", "k", "s"]]) == [
        ("k=1/a", datetime.date(2020, 1, 1), 1, "x"),
        ("k=1/a", datetime.date(2020, 1, 1), 1, "y"),
        ("k=2/b", datetime.date(2020, 1, 1), 2, "x"),
    ]
    labels = dataset.get_indices_as_dataframe([])
    assert (list(labels.index), list(labels.columns)) == (["k=1/a", "k=2/b", "k=3/c"], [])
    assert dataset.get_indices_as_dataframe(["d"], date_as_object=False)["d"].dtype.kind == "M"
    assert rows(dataset.get_indices_as_dataframe(["k"], predicates=[[("s", "==", "x")], [("k", ">", 1)]])) == [("k=1/a", 1), ("k=2/b", 2), ("k=3/c", 3)]
    assert rows(dataset.get_indices_as_dataframe(["k"], predicates=[[("k", "==", 9)]])) == []
    with pytest.raises(ValueError, match="Unknown index columns: z"):
        dataset.get_indices_as_dataframe(["z"])


def test_datasets_pickle_with_types_and_without_their_store(dataset, store_url):
    again = pickle.loads(pickle.dumps(dataset))
    assert again == dataset
    assert again.partitions["k=2/b"] == dataset.partitions["k=2/b"]
    assert again.query(k=2) == ["k=2/b"]
    with pytest.raises(RuntimeError, match="not loaded"):
        again.query(s="x")
    assert pickle.loads(pickle.dumps(again)) == again == copy.deepcopy(again)
    assert sorted(again.load_index("s", store_url).query(s="x")) == ["k=1/a", "k=2/b"]
    implicit = "hfs://{}#wrap:readonly".format(GOLDEN / "stores/k53/empty")
    found = DatasetMetadata.load_from_store("implicit_keys", implicit)
    assert list(pickle.loads(pickle.dumps(found)).partitions) == list(found.partitions) and len(found.partitions) == 3


def test_documents_go_both_ways(dataset, store_url):
    assert json.loads(dataset.to_json()) == dataset.to_dict()
    assert unpackb(dataset.to_msgpack()) == dataset.to_dict()
    for buffer, form in ((dataset.to_json(), "json"), (dataset.to_msgpack(), "msgpack")):
        assert DatasetMetadata.from_buffer(buffer, form).to_dict() == dataset.to_dict()
        assert DatasetMetadata.load_from_buffer(buffer, store_url, form) == dataset
    assert DatasetMetadata.load_from_dict(dataset.to_dict(), store_url) == dataset
    with pytest.raises(ValueError, match="Unknown metadata storage format encountered: x"):
        DatasetMetadata.from_buffer(dataset.to_json(), "x")


@pytest.mark.parametrize("value", [{}, {"a": [1, -5, 2.5, None, True, "ä", {"b": []}]}, [2**63, -(2**63)], "x" * 70000])
def test_msgpack_keeps_values(value):
    assert unpackb(packb(value)) == value


def test_msgpack_of_the_originals():
    stores = [path for path in GOLDEN.glob("stores/*/*/*.by-dataset-metadata.msgpack.zstd")]
    assert stores
    for path in stores:
        assert unpackb(path.read_bytes())["dataset_metadata_version"] == 4
    with pytest.raises(ValueError):
        unpackb(b"no frame of ZSTD")


def test_a_dataset_is_built_and_opened(store_url):
    builder = DatasetMetadataBuilder("b", partition_keys=["k"])
    builder.add_partition("k=1/p", Partition("k=1/p", {"table": "b/table/k=1/p.parquet"})).add_metadata("x", 1)
    store = _core.Store.open(store_url)
    for key, data in (builder.to_json(), builder.modify_uuid("c").to_msgpack()):
        store.put(key, data)
    for uuid in ("b", "c"):
        opened = DatasetMetadata.load_from_store(uuid, store_url)
        assert (opened.metadata["x"], opened.partitions["k=1/p"].files) == (1, {"table": uuid + "/table/k=1/p.parquet"})
    assert builder.to_dataset() == opened


def test_copies_take_arguments_of_the_constructor(dataset):
    other = dataset.copy(metadata={"a": 1}, uuid="v")
    assert list(other.metadata) == ["a", "creation_time"] and other.metadata["a"] == 1
    assert (other.uuid, len(other.partitions), dataset.uuid) == ("v", 3, "u")
    with pytest.raises(TypeError, match="unexpected arguments: nothing"):
        dataset.copy(nothing=1)
    with pytest.raises(ValueError):
        dataset.copy(uuid="v v")


def test_indices_without_pyarrow():
    index = ExplicitSecondaryIndex("c", {"1": ["a"], "2": ["b", "c"]}, dtype="int8")
    assert (index.index_dct, index.query("2"), index.eval_operator(">", 1)) == ({1: ["a"], 2: ["b", "c"]}, ["b", "c"], {"b", "c"})
    assert index.remove_partitions(["b", "a"]).index_dct == {2: ["c"]} and index.query(2) == ["b", "c"]
    assert filter_indices({"c": index}, ["a"])["c"].index_dct == {1: ["a"], 2: []}
    assert index.as_flat_series().to_dict() == {1: "a", 2: "c"}
    assert index.unload() != index and not index.unload().loaded
    changed = index.copy()
    assert changed.update(ExplicitSecondaryIndex("c", {3: ["z"]}), inplace=True) is changed and 3 in changed.index_dct and 3 not in index.index_dct


@pytest.mark.parametrize(
    "values",
    [[1, 2], ["a", "ü"], [b"x", b"\0y"], [0.5], [True, False], [datetime.date(2020, 1, 1)], [np.datetime64("2020-01-01T12:00:00.5", "ns")]],
)
def test_index_files_keep_values_and_types(store_url, values):
    index = ExplicitSecondaryIndex("c", {value: ["p", "q"] for value in values})
    key = index.store(store_url, "u")
    assert key.startswith("u/indices/c/") and key.endswith(".by-dataset-index.parquet")
    loaded = ExplicitSecondaryIndex("c", index_storage_key=key).load(store_url)
    assert loaded.index_dct == index.index_dct and loaded._type == index._type
    assert loaded.store(store_url, "u") == key and loaded.load(store_url) is loaded


def test_values_take_the_type_of_their_column():
    noon = datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    assert IndexBase.normalize_value("timestamp[ns]", noon) == np.datetime64("2020-01-01T10:00:00")
    assert IndexBase.normalize_value("bool", "TRUE") is True
    with pytest.raises(ValueError, match='Cannot parse boolean value "1"'):
        IndexBase.normalize_value("bool", "1")
    with pytest.raises(NotImplementedError, match="decimal128"):
        IndexBase.normalize_value("decimal128(5, 2)", 1)
    assert [normalised(type_name(name)) for name in ("uint8", "float32", "utf8", "dictionary<values=string, indices=int8, ordered=0>")] == [
        "uint64", "double", "string", "string",
    ]  # fmt: skip


def test_schemas_need_pyarrow(dataset):
    frame = pd.DataFrame({"a": [1]})
    if pa is not None:
        assert dataset.schema == make_meta(pd.DataFrame({"k": [1], "s": ["x"], "d": [datetime.date(2020, 1, 1)]}), "o", ["k"])
        assert list(dataset.table_meta) == ["table"]
        assert isinstance(ExplicitSecondaryIndex("c", {1: ["a"]}).dtype, pa.DataType)
        return
    for call in (lambda: dataset.schema, lambda: dataset.table_meta, lambda: make_meta(frame, "o")):
        with pytest.raises(ImportError, match="pyarrow"):
            call()


def test_mappings_become_dicts():
    plain = to_ordinary_dict(collections.OrderedDict(a=collections.OrderedDict(b=1), c=[2]))
    assert plain == {"a": {"b": 1}, "c": [2]} and type(plain) is type(plain["a"]) is dict


def test_names_are_fresh():
    assert gen_uuid_object().version == 7 and gen_uuid_object() != gen_uuid_object()
