"""Small things that programs of kartothek see, each found by a test of its own."""
import datetime
import io
import pickle

import numpy as np
import pandas as pd
import pytest

from kartothek.core import _time
from kartothek.core.cube.conditions import C
from kartothek.core.dataset import DatasetMetadata
from kartothek.core.index import ExplicitSecondaryIndex
from kartothek.core.testing import TIME_TO_FREEZE, TIME_TO_FREEZE_ISO, cm_frozen_time, get_dataframe_alltypes, get_dataframe_not_nested
from kartothek.core.utils import ensure_store
from kartothek.io.eager import read_dataset_as_dataframes, read_table, store_dataframes_as_dataset, update_dataset_from_dataframes
from kartothek.io_components.metapartition import MetaPartition
from kartothek.serialization import CsvSerializer, ParquetSerializer, filter_array_like, testing

FRAME = pd.DataFrame({"p": [1, 2], "x": [5, 6]})


def test_metadata_is_the_users(store_url):
    stored = store_dataframes_as_dataset(store_url, "u", [FRAME], metadata={"a": 1})
    assert set(stored.metadata) == {"a", "creation_time"}
    updated = update_dataset_from_dataframes([FRAME], store=store_url, dataset_uuid="u", metadata={"b": 2})
    loaded = DatasetMetadata.load_from_store("u", store_url)
    assert updated.metadata == loaded.metadata == dict(stored.metadata, b=2)


def test_an_element_without_tables_is_nothing(store_url):
    assert len(store_dataframes_as_dataset(store_url, "u", [{}, FRAME]).partitions) == 1
    update_dataset_from_dataframes([{}], store=store_url, dataset_uuid="u")
    assert len(read_table("u", store_url)) == 2


def test_nulls_in_partition_keys_are_told_in_kartotheks_words(store_url):
    words = r"^Original dataframe size \(2 rows\) does not match new dataframe size \(1 rows\)\. Hint: .*`partition_on` on a column with null values.*'p'"
    with pytest.raises(ValueError, match=words):
        store_dataframes_as_dataset(store_url, "u", [FRAME.assign(p=["a", None])], partition_on=["p"])


def test_a_frame_of_no_columns_has_no_numbered_ones(store_url):
    store_dataframes_as_dataset(store_url, "u", [FRAME])
    for frame in (read_table("u", store_url, columns=[]), read_dataset_as_dataframes("u", store_url, columns={"table": []})[0]["table"]):
        assert len(frame) == 2 and len(frame.columns) == 0
        assert frame.columns.dtype == pd.DataFrame({"a": [1]}).columns.dtype


def indexed(label, frame, column):
    index = ExplicitSecondaryIndex(column, {value: [label] for value in frame[column]})
    return {"label": label, "data": [("core", frame)], "indices": {column: index}}


def test_indices_that_come_with_an_element_are_built_by_dask(store_url):
    dask = pytest.importorskip("dask")
    dask_bag = pytest.importorskip("dask.bag")
    from kartothek.io.dask.bag import store_bag_as_dataset
    from kartothek.io.dask.delayed import store_delayed_as_dataset, update_dataset_from_delayed

    parts = [indexed("a", FRAME, "x"), indexed("b", FRAME.assign(x=7), "x")]
    with dask.config.set(scheduler="threads"):
        store_delayed_as_dataset(parts, store_url, "delayed").compute()
        store_bag_as_dataset(dask_bag.from_sequence(parts), store_url, "bag").compute()
        update_dataset_from_delayed(parts, store_url, "updated").compute()
        with pytest.raises(ValueError, match="Incorrect indices provided for dataset"):
            update_dataset_from_delayed([indexed("c", FRAME, "p")], store_url, "updated").compute()
    for uuid in ("delayed", "bag", "updated"):
        dataset = DatasetMetadata.load_from_store(uuid, store_url, load_all_indices=True)
        assert {value: list(labels) for value, labels in dataset.indices["x"].to_dict().items()} == {5: ["a"], 6: ["a"], 7: ["b"]}


def test_all_repeated_labels_are_told_by_dask(store_url):
    dask = pytest.importorskip("dask")
    from kartothek.io.dask.delayed import store_delayed_as_dataset

    parts = [{"label": label, "data": [("table", FRAME)]} for label in "bacaba"]
    with pytest.raises(ValueError, match="^The labels b, a are duplicated. Dataset metadata was not written.$"):
        dask.compute(store_delayed_as_dataset(parts, store_url, "u"), scheduler="sync")


def test_schemas_that_do_not_agree_are_told_of_their_table_by_dask(store_url):
    dask = pytest.importorskip("dask")
    from kartothek.io.dask.delayed import store_delayed_as_dataset

    parts = [{"core": FRAME}, {"core": FRAME.astype({"x": "uint64"})}]
    with pytest.raises(ValueError, match="Schemas for table 'core' of dataset 'u' are not compatible!"):
        dask.compute(store_delayed_as_dataset(parts, store_url, "u"), scheduler="sync")


@pytest.fixture
def objects(store_url):
    pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame({"day": [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)], "raw": [b"\xff\x00", b"a"], "text": ["x", "y"], "n": [1, 2]})
    store_dataframes_as_dataset(store_url, "u", [{"core": frame.iloc[:1]}, {"core": frame.iloc[1:]}])
    return frame


def test_a_dask_frame_keeps_dates_and_bytes(objects, store_url):
    from kartothek.io.dask.dataframe import read_dataset_as_ddf

    ddf = read_dataset_as_ddf("u", store_url, table="core", dates_as_object=True)
    found = ddf.compute(scheduler="sync")
    assert dict(ddf.dtypes) == dict(found.dtypes) == dict(objects.dtypes[list(found)])
    assert list(found["day"]) == list(objects["day"]) and list(found["raw"]) == list(objects["raw"])
    assert list(ddf[["raw"]].compute(scheduler="sync")["raw"]) == list(objects["raw"])


def test_categoricals_of_a_dask_frame_may_be_named_by_table(objects, store_url):
    from kartothek.io.dask.dataframe import read_dataset_as_ddf

    ddf = read_dataset_as_ddf("u", store_url, table="core", categoricals={"core": ["n"]})
    assert list(ddf.columns) == sorted(objects.columns)
    assert ddf.compute(scheduler="sync").dtypes["n"] == "category"
    with pytest.raises(ValueError, match="Provided table core is not compatible"):
        read_dataset_as_ddf("u", store_url, table="core", categoricals={"other": ["n"]})


def test_frames_of_every_type_are_stored(store_url):
    for uuid, frame in (("a", get_dataframe_not_nested()), ("b", get_dataframe_alltypes()), ("c", testing.get_dataframe_not_nested(12))):
        assert list(frame.columns) == sorted(frame.columns)
        store_dataframes_as_dataset(store_url, uuid, [frame])
        found = read_dataset_as_dataframes(uuid, store_url, dates_as_object=True)[0]["table"]
        for column in frame:
            assert all(np.array_equal(a, b) or (a is None and b is None) for a, b in zip(frame[column], found[column])), column
    assert len(get_dataframe_alltypes()) == 1 and get_dataframe_alltypes()["array_int8"][0].dtype == "int8"
    assert [len(testing.get_dataframe_not_nested(n)) for n in (0, 3, 40)] == [0, 3, 40]


def test_the_clock_stands_still():
    with cm_frozen_time(TIME_TO_FREEZE):
        assert _time.datetime_now() == _time.datetime_utcnow() == TIME_TO_FREEZE
        assert DatasetMetadata("u").metadata["creation_time"] == TIME_TO_FREEZE_ISO
    assert _time.datetime_utcnow().year > 2025


def test_labels_come_from_the_hook(store_url, monkeypatch):
    monkeypatch.setattr("kartothek.core.uuid._uuid_hook_str", iter(["first", "second"]).__next__)
    assert list(store_dataframes_as_dataset(store_url, "u", [FRAME, FRAME]).partitions) == ["first", "second"]


def test_an_index_of_other_content_has_no_file():
    index = ExplicitSecondaryIndex("x", {1: ["a"]}, index_storage_key="u/key.parquet")
    assert index.copy().index_storage_key == "u/key.parquet"
    assert index.copy(column="y").index_storage_key is None
    assert index.copy(column="y", index_storage_key="k").index_storage_key == "k"


@pytest.mark.parametrize("name", ["int64", "string", "bool", "float64", "date32", "timestamp[ns]", "binary"])
def test_an_index_without_values_is_stored(store_url, name):
    pyarrow = pytest.importorskip("pyarrow")
    get_store = pytest.importorskip("kartothek.core.utils").ensure_store
    index = ExplicitSecondaryIndex("x", {}, dtype=pyarrow.type_for_alias(name) if name != "timestamp[ns]" else pyarrow.timestamp("ns"))
    key = index.store(get_store(store_url), "u")
    found = ExplicitSecondaryIndex("x", index_storage_key=key).load(get_store(store_url))
    assert found.index_dct == {} and found.copy(index_storage_key=None) == index
    index.dtype = pyarrow.int64()
    assert index.dtype == pyarrow.int64()


def test_a_document_may_leave_out_the_partition_keys():
    dct = {"dataset_metadata_version": 4, "dataset_uuid": "u", "partitions": {"a=1/b=2/x": {"files": {"t": "u/t/a=1/b=2/x.parquet"}}}}
    assert DatasetMetadata.from_dict(dct).partition_keys == ["a", "b"]
    assert DatasetMetadata.from_dict(dict(dct, partitions={})).partition_keys == []
    # Partitions that were found by listing are told, too.
    assert list(DatasetMetadata.from_dict(dct, explicit_partitions=False).to_dict()["partitions"]) == ["a=1/b=2/x"]


@pytest.mark.parametrize("dtype", ["U", "S", object])
def test_arrays_of_texts_are_filtered(dtype):
    array = np.array(["a", "b", "c"], dtype=dtype)
    value = array[1]
    for op, expected in (("==", [0, 1, 0]), ("<=", [1, 1, 0]), (">", [0, 0, 1]), ("!=", [1, 0, 1])):
        assert filter_array_like(array, op, value).tolist() == [bool(found) for found in expected]
    assert filter_array_like(array, "in", [value]).tolist() == [False, True, False]


@pytest.mark.parametrize("op, value", [("==", "1"), ("in", 1), ("in", "1"), ("<", None), ("in", ["1"])])
def test_values_of_the_wrong_type_are_told_in_kartotheks_words(op, value):
    with pytest.raises(TypeError, match="^Unexpected type for predicate: "):
        filter_array_like(np.array([1, 2]), op, value, column_name="x")
    with pytest.raises(TypeError, match="Column 'x' has pandas type 'int64', but predicate value '1' has pandas type '.*' \\(Python type '<class 'str'>'\\)"):
        filter_array_like(np.array([1, 2]), "==", "1", column_name="x")


@pytest.mark.parametrize("serializer", [ParquetSerializer(), CsvSerializer()])
def test_a_frame_without_rows_has_a_range_as_its_index(store_url, serializer):
    store = ensure_store(store_url)
    key = serializer.store(store, "empty", pd.DataFrame({"a": [], "b": []}).astype(object))
    for columns in (None, ["a"]):
        index = serializer.restore_dataframe(store, key, columns=columns).index
        assert isinstance(index, pd.RangeIndex) and len(index) == 0


@pytest.mark.parametrize("index", [pd.Index([5, 3]), pd.Index(["u", "v"], name="n"), pd.RangeIndex(4, 8, 2)])
def test_some_columns_of_a_file_have_the_index_that_was_stored(store_url, index):
    store = ensure_store(store_url)
    frame = FRAME.set_index(index)
    key = ParquetSerializer().store(store, "indexed", frame)
    pd.testing.assert_frame_equal(ParquetSerializer.restore_dataframe(store, key, columns=["x"]), frame[["x"]], check_index_type=False)


def test_names_of_columns_that_are_no_texts_become_those_of_pyarrow(store_url):
    frame = FRAME.set_axis([b"\xc3\xa4", ("a", 1)], axis=1)
    key = ParquetSerializer().store(ensure_store(store_url), "named", frame)
    assert list(ParquetSerializer.restore_dataframe(ensure_store(store_url), key).columns) == ["ä", "('a', '1')"]


def test_a_partition_keeps_its_schema_without_its_frames(store_url):
    pytest.importorskip("pyarrow")
    part = MetaPartition("l", data={"core": FRAME}).store_dataframes(ensure_store(store_url), "nobody")
    bare = part.copy(data={})
    assert list(bare.table_meta) == ["core"]
    pd.testing.assert_frame_equal(bare.load_dataframes(ensure_store(store_url)).data["core"], FRAME)
    assert MetaPartition("l", data={"core": FRAME}).remove_dataframes().table_meta["core"].names == ["p", "x"]
    other = MetaPartition("l", data={"core": FRAME}).copy(data={"core": FRAME.astype("float64")})
    assert str(other.table_meta["core"].field("x").type) == "double"


def test_a_partition_named_by_hand_has_the_values_in_its_key(store_url):
    store_dataframes_as_dataset(store_url, "u", [{"label": "l", "data": [("table", FRAME)]}], partition_on=["p"])
    part = MetaPartition("p=2/l", files={"table": "u/table/p=2/l.parquet"})
    pd.testing.assert_frame_equal(part.load_dataframes(ensure_store(store_url)).data["table"], FRAME[FRAME["p"] == 2].reset_index(drop=True))
    assert len(part.load_dataframes(ensure_store(store_url), predicates=[[("p", "==", 1)]]).data["table"]) == 0


def test_copied_metadata_has_a_time_of_creation():
    with cm_frozen_time(TIME_TO_FREEZE):
        copied = DatasetMetadata(uuid="u", metadata={"a": 1}).copy(metadata={"b": 2})
    assert copied.metadata == {"b": 2, "creation_time": TIME_TO_FREEZE_ISO}
    assert copied.copy(metadata={"creation_time": "then"}).metadata == {"creation_time": "then"}


def test_conditions_are_not_to_be_changed():
    condition = C("x") == 42
    for name in ("column", "value", "OP"):
        with pytest.raises(AttributeError):
            setattr(condition, name, "y")
    assert condition == (C("x") == 42) and hash(condition) == hash(C("x") == 42) and condition != (C("x") != 42)


@pytest.mark.parametrize("value", [1.5, "a", b"a", True, datetime.date(2020, 1, 1)])
def test_a_value_of_another_type_than_its_column_is_a_type_error(store_url, value):
    store_dataframes_as_dataset(store_url, "u", [FRAME])
    key = ParquetSerializer().store(ensure_store(store_url), "file", FRAME)
    for operator, operand in (("==", value), ("in", [value]), (">", value)):
        predicates = [[("x", operator, operand)]]
        with pytest.raises(TypeError, match="^Unexpected type for predicate: column 'x' is int64: ") as caught:
            read_table("u", store_url, predicates=predicates)
        assert isinstance(caught.value, ValueError) and (caught.value.reason, caught.value.subject) == ("literal type", "x")
        with pytest.raises(TypeError, match="^Unexpected type for predicate: "):
            ParquetSerializer.restore_dataframe(ensure_store(store_url), key, predicates=predicates)
        assert isinstance(pickle.loads(pickle.dumps(caught.value)), TypeError)


def test_sets_become_lists(store_url):
    nested = [{"k": {1}}, None, {"k": set()}]
    frame = pd.DataFrame({"s": [{1}, None, set()], "l": [[{"a"}], [], None], "d": nested}, dtype=object)
    store_dataframes_as_dataset(store_url, "u", [frame])
    read = read_table("u", store_url)
    assert [None if value is None else value.tolist() for value in read["s"]] == [[1], None, []]
    assert read["l"][0][0].tolist() == ["a"] and read["l"][2] is None
    assert [None if value is None else value["k"].tolist() for value in read["d"]] == [[1], None, []]
    with pytest.raises(TypeError, match="frozenset"):
        store_dataframes_as_dataset(store_url, "v", [pd.DataFrame({"s": [frozenset([1])]})])


def test_files_of_texts_that_arrow_holds_say_string(store_url):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    if not hasattr(pd, "ArrowDtype"):
        pytest.skip("pandas before 1.5 has no column of large_string")
    texts = pd.Series(["a", None, "ö"], dtype=pd.ArrowDtype(pyarrow.large_string()))
    frame = pd.DataFrame({"arrow": texts, "text": pd.Series(["a", None, "ö"], dtype="string[pyarrow]")})
    store = ensure_store(store_url)
    key = ParquetSerializer().store(store, "texts", frame)
    assert [str(field.type) for field in parquet.read_schema(io.BytesIO(store.get(key)))] == ["string", "string"]
    assert ParquetSerializer.restore_dataframe(store, key)["text"].fillna("-").tolist() == ["a", "-", "ö"]
