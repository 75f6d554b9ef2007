"""
What kartothek and plateau get wrong, by its number in the list of their defects, and what is done instead here.

Other defects are named by the tests of the part that they concern, in this folder or in tests/: `grep -rE 'D-[0-9]{2}|test_d[0-9]{2}'` finds them
all.
"""
import datetime
import decimal
import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from conftest import GOLDEN
from kartothek.core.dataset import DatasetMetadata
from kartothek.io.eager import (
    build_dataset_indices,
    create_empty_dataset_header,
    delete_dataset,
    read_dataset_as_dataframes,
    read_table,
    store_dataframes_as_dataset,
    update_dataset_from_dataframes,
)

DOCUMENT = "u.by-dataset-metadata.json"


def store(url, *frames, **kwargs):
    return store_dataframes_as_dataset(store=url, dataset_uuid="u", dfs=list(frames), **kwargs)


def update(url, *frames, **kwargs):
    return update_dataset_from_dataframes(list(frames), store=url, dataset_uuid="u", **kwargs)


def read(url, predicates=None, **kwargs):
    return read_table(dataset_uuid="u", store=url, predicates=predicates, **kwargs)


def numbers(url, *predicates):
    """The values of `x` in the rows that match any of the conjunctions, ascending."""
    return sorted(read(url, list(predicates) or None).x.tolist())


def path(url, key):
    return os.path.join(url[len("hfs://") :], key)


def document(url):
    with open(path(url, DOCUMENT)) as file:
        return json.load(file)


def put_document(url, changed):
    with open(path(url, DOCUMENT), "w") as file:
        json.dump(changed, file)


def files(url):
    folder = url[len("hfs://") :]
    return sorted(
        os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names if not name.startswith(".")
    )


def data_file(url):
    (partition,) = DatasetMetadata.load_from_store("u", url).partitions.values()
    return path(url, partition.files["table"])


def replace_data(url, table, **options):
    """Put a file of another writer into the place of the only data file."""
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(table, data_file(url), **options)


def stamps(*texts):
    return pd.Series([pd.Timestamp(text) for text in texts]).astype("datetime64[ns]")


@pytest.mark.parametrize("value", ["a/b", "/", "../../up", "a//b", "a%2Fb", "P=1/x"])
def test_d05_slash_in_partition_values_reads_back(store_url, value):
    store(store_url, pd.DataFrame({"p": [value, "plain"], "x": [1, 2]}), partition_on=["p"])
    assert sorted(read(store_url).p.tolist()) == sorted([value, "plain"])
    assert numbers(store_url, [("p", "==", value)]) == [1]
    assert all(name == DOCUMENT or name.startswith("u/") for name in files(store_url))
    update(store_url, delete_scope=[{"p": value}])
    assert numbers(store_url) == [2]


@pytest.mark.parametrize("value", ["\0", "a\0b", "a\0"])
def test_d05_nul_in_partition_values_is_refused(store_url, value):
    with pytest.raises(ValueError, match="'?p'?.*NUL|NUL.*'?p'?"):
        store(store_url, pd.DataFrame({"p": [value], "x": [1]}), partition_on=["p"])
    assert files(store_url) == []


@pytest.mark.parametrize(
    "values",
    [
        np.array([True, False]),
        np.array([b"ab", b"c/d"], dtype=object),
        stamps("2020-01-01 12:00", "1969-12-31 23:59:59.000001"),
        stamps("2020-07-01 12:00", "2020-01-01 00:00").dt.tz_localize("Europe/Berlin"),
    ],
    ids=["bool", "bytes", "stamp", "zoned"],
)
def test_d06_partition_values_have_the_type_of_their_column(store_url, values):
    frame = pd.DataFrame({"p": values, "x": [1, 2]})
    store(store_url, frame, partition_on=["p"])
    result = read(store_url)
    assert result.p.tolist() == frame.p.tolist() and result.x.tolist() == [1, 2]
    assert numbers(store_url, [("p", "==", frame.p[0])]) == [1]


def test_d07_building_indices_keeps_the_document(store_url):
    store(store_url, pd.DataFrame({"p": [1], "x": [1]}), metadata={"mine": [1, {"a": None}]}, partition_on=["p"])
    before = document(store_url)
    before["somebody else's"] = {"b": 1}
    put_document(store_url, before)
    build_dataset_indices(store_url, "u", ["x"])
    after = document(store_url)
    assert after.pop("indices").keys() == {"x"}
    for part in (before, after):
        part["metadata"] = {key: value for key, value in part["metadata"].items() if not key.startswith("ktk.")}
    assert after == before and "creation_time" in after["metadata"] and after["metadata"]["mine"] == [1, {"a": None}]


def test_d08_no_index_is_embedded_in_the_document(store_url):
    store(store_url, pd.DataFrame({"p": [1, 2], "x": [1, 2]}), partition_on=["p"], secondary_indices=["x"])
    build_dataset_indices(store_url, "u", ["p", "x"])
    indices = document(store_url)["indices"]
    assert sorted(indices) == ["p", "x"]
    assert all(isinstance(key, str) and os.path.isfile(path(store_url, key)) for key in indices.values())


@pytest.fixture
def with_nulls(store_url):
    """Two files with an index on `s`: nulls beside values, nothing but nulls; then values alone."""
    frames = [
        pd.DataFrame({"s": ["a", None, "b"], "x": [1, 2, 3]}),
        pd.DataFrame({"s": [None, None], "x": [4, 5]}),
        pd.DataFrame({"s": ["a", "a"], "x": [6, 7]}),
        pd.DataFrame({"s": ["a", None], "x": [8, 9]}),
    ]
    store(store_url, *frames, secondary_indices=["s"])
    return store_url


@pytest.mark.parametrize(
    "predicates, expected",
    [
        ([[("s", "==", "a")]], [1, 6, 7, 8]),
        ([[("s", "!=", "a")]], [2, 3, 4, 5, 9]),
        ([[("s", "is distinct from", "a")]], [2, 3, 4, 5, 9]),
        ([[("s", "==", None)]], [2, 4, 5, 9]),
        ([[("s", "!=", None)]], [1, 3, 6, 7, 8]),
        ([[("s", "in", ["b", None])]], [2, 3, 4, 5, 9]),
        ([[("s", "not in", ["a"])]], [2, 3, 4, 5, 9]),
        ([[("s", "not in", ["a", None])]], [3]),
        ([[("s", "==", "b")], [("x", ">=", 4)]], [3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_d09_indices_and_statistics_lose_no_nulls(with_nulls, predicates, expected):
    """Also D-11: `not in` and `is distinct from` get by statistics and indices."""
    assert numbers(with_nulls, *predicates) == expected


def test_d09_null_is_found_in_files_of_nothing_else(store_url):
    store(store_url, pd.DataFrame({"s": ["a"], "x": [1]}), pd.DataFrame({"s": [None], "x": [2]}))
    assert numbers(store_url, [("s", "==", None)]) == [2]
    assert numbers(store_url, [("s", "!=", "a")]) == [2]
    assert numbers(store_url, [("s", "==", "a")]) == [1]


@pytest.mark.parametrize(
    "values, least, largest",
    [
        (["a", None, "b"], "a", "b"),
        ([b"a", None, b"\xff"], b"a", b"\xff"),
        ([datetime.date(1969, 1, 1), None, datetime.date(2020, 1, 1)], datetime.date(1969, 1, 1), datetime.date(2020, 1, 1)),
        ([False, None, True], False, True),
    ],
    ids=["text", "bytes", "date", "bool"],
)
def test_d10_null_is_in_no_order(store_url, values, least, largest):
    store(store_url, pd.DataFrame({"v": np.array(values, dtype=object), "x": [1, 2, 3]}))
    for op, bound, expected in [
        ("<", largest, [1]),
        ("<=", largest, [1, 3]),
        (">", least, [3]),
        (">=", least, [1, 3]),
        ("<", least, []),
        (">", largest, []),
    ]:
        assert numbers(store_url, [("v", op, bound)]) == expected


@pytest.mark.parametrize(
    "op, value, expected",
    [
        ("not in", [1, 3], [2, 4]),
        ("not in", [1, 2, 3, 4], []),
        ("not in", [], [1, 2, 3, 4]),
        ("in", [], []),
        ("is distinct from", 2, [1, 3, 4]),
        ("is distinct from", None, [1, 2, 3, 4]),
    ],
)
@pytest.mark.parametrize("indices", [None, ["x"]])
def test_d11_all_operators_work_everywhere(store_url, op, value, expected, indices):
    store(store_url, *[pd.DataFrame({"x": [i]}) for i in (1, 2)], pd.DataFrame({"x": [3, 4]}), secondary_indices=indices)
    assert numbers(store_url, [("x", op, value)]) == expected


def test_d13_metadata_of_the_last_writer_counts(store_url):
    store(store_url, pd.DataFrame({"x": [1]}), metadata={"list": [1, 2], "map": {"a": 1, "b": 2}, "kept": 1, "type": 1})
    update(store_url, metadata={"list": [3], "map": {"a": 9}, "type": "text", "null": None})
    metadata = {key: value for key, value in document(store_url)["metadata"].items() if not key.startswith("ktk.")}
    del metadata["creation_time"]
    assert metadata == {"list": [3], "map": {"a": 9}, "kept": 1, "type": "text", "null": None}


def test_d16_statistics_may_be_missing(store_url):
    pa = pytest.importorskip("pyarrow")
    store(store_url, pd.DataFrame({"x": [0]}))
    replace_data(store_url, pa.table({"x": pa.array([1, None, 3, 4], pa.int64())}), write_statistics=False, row_group_size=2)
    for op, value, expected in [("==", 3, [3]), (">", 3, [4]), ("in", [1, 4], [1, 4])]:
        assert numbers(store_url, [("x", op, value)]) == expected
    assert read(store_url, [[("x", "==", None)]]).x.isna().tolist() == [True]
    assert len(read(store_url, [[("x", "!=", 3)]])) == 3


def test_d16_columns_behind_nested_ones_are_found(store_url):
    pa = pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"a": [[1, 2], [], [3]], "s": ["k", "l", "m"], "x": [10, 20, 30]})
    store(store_url, frame)
    assert numbers(store_url, [("s", "==", "l")]) == [20]
    columns = {name: frame[name].tolist() for name in frame.columns}
    columns = dict({"a": columns.pop("a"), "b": [{"p": i, "q": str(i)} for i in range(3)]}, **columns)
    replace_data(store_url, pa.table(columns), row_group_size=1)
    assert numbers(store_url, [("s", "==", "l")]) == [20]
    assert numbers(store_url, [("x", ">", 10), ("s", "!=", "m")]) == [20]


def test_d20_index_files_are_no_partitions(store_url):
    store(store_url, pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": [3]}), secondary_indices=["x"])
    changed = document(store_url)
    labels = sorted(changed.pop("partitions"))
    put_document(store_url, changed)
    dataset = DatasetMetadata.load_from_store("u", store_url)
    assert not dataset.explicit_partitions and sorted(dataset.partitions) == labels
    assert numbers(store_url) == [1, 2, 3] and numbers(store_url, [("x", "==", 3)]) == [3]


def test_d22_a_name_and_a_store_are_enough_for_everything(store_url):
    """The same two arguments for every function, or one object that has them."""

    class Handle:
        dataset_uuid, store = "u", store_url

    frame = pd.DataFrame({"p": [1], "x": [1]})
    for where in ({"store": store_url, "dataset_uuid": "u"}, {"factory": Handle()}):
        store(store_url, frame, partition_on=["p"])
        update_dataset_from_dataframes([frame], **where)
        assert read_table(**where).x.tolist() == [1, 1]
        assert len(read_dataset_as_dataframes(**where)) == 2
        delete_dataset(**where)
        assert files(store_url) == []


def test_d23_schemas_are_normalised_whatever_made_them(store_url):
    store(store_url, pd.DataFrame({"x": np.array([], dtype="int32"), "f": np.array([], dtype="float32")}))
    update(store_url, pd.DataFrame({"x": np.array([2**40], dtype="int64"), "f": np.array([0.1], dtype="float64")}))
    result = read(store_url)
    assert result.x.tolist() == [2**40] and result.f.tolist() == [0.1]


def test_d23_so_are_those_of_headers(store_url):
    pa = pytest.importorskip("pyarrow")
    create_empty_dataset_header(store_url, "u", {"table": pa.schema([("s", pa.string()), ("x", pa.int32())])})
    update(store_url, pd.DataFrame({"s": ["a"], "x": np.array([2**40], dtype="int64")}))
    assert numbers(store_url) == [2**40]


@pytest.mark.parametrize("as_object", [True, False])
def test_d24_dates_look_alike_in_every_read(store_url, as_object):
    days = [datetime.date(2020, 1, 1), datetime.date(2020, 2, 29)]
    frame = pd.DataFrame({"p": ["a", "b"], "d": np.array(days, dtype=object)})
    store(store_url, frame, frame, partition_on=["p"])
    whole = read(store_url, dates_as_object=as_object)
    groups = read_dataset_as_dataframes(dataset_uuid="u", store=store_url, dispatch_by=["p"], dates_as_object=as_object)
    single = read_dataset_as_dataframes(dataset_uuid="u", store=store_url, dates_as_object=as_object)
    nothing = read(store_url, [[("p", "==", "z")]], dates_as_object=as_object)
    assert len(groups) == 2 and len(single) == 4 and len(nothing) == 0
    for result in [whole, nothing] + [part["table"] for part in groups + single]:
        assert str(result.d.dtype) == ("object" if as_object else "datetime64[ns]")
        assert all(type(day) is (datetime.date if as_object else pd.Timestamp) for day in result.d)


def test_d25_frames_in_a_list_of_pairs_are_kept_or_refused(store_url):
    first, second = pd.DataFrame({"x": [1]}), pd.DataFrame({"x": [2]})
    for tables in ([("a", first), ("a", second)], [("a", first)] * 2):
        for element in (tables, {"label": "l", "data": tables}):
            with pytest.raises(ValueError, match="given twice"):
                store(store_url, element)
            assert files(store_url) == []
    store(store_url, [("a", first), ("b", second)])
    (tables,) = read_dataset_as_dataframes("u", store_url)
    assert {table: frame.x.tolist() for table, frame in tables.items()} == {"a": [1], "b": [2]}


def test_d26_frames_of_the_caller_stay_as_they_are(store_url):
    frame = pd.DataFrame({"c": pd.Categorical(["b", "a"], categories=["b", "a", "z"]), "x": [2, 1]}, index=[7, 3])
    before = frame.copy(deep=True)
    store(store_url, frame, partition_on=["c"])
    dataset = update(store_url, frame, partition_on=["c"], sort_partitions_by=["x"])
    pd.testing.assert_frame_equal(frame, before)
    assert sorted(label.split("/")[0] for label in dataset.partitions) == ["c=a", "c=a", "c=b", "c=b"]


def test_d28_columns_may_have_the_names_of_types(store_url):
    frame = pd.DataFrame({"bytes": [b"a", b"b"], "bytes of it": [1, 2], "object": ["bytes", "unicode"]})
    store(store_url, frame)
    update(store_url, frame)
    result = read(store_url, [[("bytes", "==", b"a")]])
    assert list(result.columns) == ["bytes", "bytes of it", "object"]
    assert result.values.tolist() == [[b"a", 1, "bytes"]] * 2


def test_d29_partitions_and_index_entries_have_one_order(store_url):
    rows = pd.DataFrame({"p": list("cabacb"), "k": [1, 2, 1, 2, 1, 2], "x": range(6)})
    for uuid in ("one", "two"):
        store_dataframes_as_dataset(store=store_url, dataset_uuid=uuid, dfs=[rows, rows], partition_on=["p"], secondary_indices=["k"])
    seen = []
    for uuid in ("one", "two"):
        dataset = DatasetMetadata.load_from_store(uuid, store_url)
        order = [label.split("/")[0] for label in dataset.partitions]
        assert order == ["p=c", "p=a", "p=b"] * 2
        frames = read_dataset_as_dataframes(dataset_uuid=uuid, store=store_url, dispatch_by=["p"])
        seen.append([part["table"].x.tolist() for part in frames])
    assert seen == [[[1, 3, 1, 3], [2, 5, 2, 5], [0, 4, 0, 4]]] * 2


def test_d29_index_lists_labels_in_the_order_of_the_dataset(store_url):
    parquet = pytest.importorskip("pyarrow.parquet")
    dataset = store(store_url, *[pd.DataFrame({"k": [1, i % 2]}) for i in range(8)], secondary_indices=["k"])
    table = parquet.read_table(path(store_url, dataset.indices["k"].index_storage_key)).to_pydict()
    assert table["k"] == sorted(table["k"])
    labels = dict(zip(table["k"], table["partition"]))
    assert labels[1] in (list(dataset.partitions), sorted(dataset.partitions))
    assert set(labels[0]) == set(list(dataset.partitions)[::2]) and len(labels[0]) == 4


def test_d30_null_does_not_cost_digits(store_url):
    store(store_url, pd.DataFrame({"x": pd.array([2**53 + 1, None, 2**53], dtype="Int64"), "y": [1, 2, 3]}))
    assert read(store_url, [[("x", "==", 2**53 + 1)]]).y.tolist() == [1]
    assert read(store_url, [[("x", "==", None)]]).y.tolist() == [2]
    assert read(store_url, [[("x", "!=", 2**53)]]).y.tolist() == [1, 2]
    (part,) = read_dataset_as_dataframes(dataset_uuid="u", store=store_url)
    assert part["table"].x.tolist() == [2**53 + 1, pd.NA, 2**53]


@pytest.mark.parametrize(
    "change, part",
    [
        (lambda frame: {"n": np.array([decimal.Decimal("12345.50")], dtype=object)}, r"'n'.*decimal128\(3, 2\).*decimal128\(7, 2\)"),
        (lambda frame: {"t": frame.t + pd.Timedelta(1, "ns")}, "'t'.*below a microsecond"),
    ],
)
def test_d34_what_a_table_cannot_take_is_named(store_url, change, part):
    """The files are those of kartothek: a decimal has the precision that its frame needs, and a timestamp has microseconds."""
    frame = pd.DataFrame({"n": np.array([decimal.Decimal("1.25")], dtype=object), "t": stamps("2020-01-01 00:00:00.000001")})
    store(store_url, frame)
    before = files(store_url)
    with pytest.raises(ValueError, match=part):
        update(store_url, frame.assign(**change(frame)))
    assert files(store_url) == before
    update(store_url, frame)
    result = read(store_url)
    assert result.n.tolist() == [decimal.Decimal("1.25")] * 2 and result.t.tolist() == frame.t.tolist() * 2


def test_d34_decimals_of_a_given_precision_are_one_type(store_url):
    pa = pytest.importorskip("pyarrow")
    if not hasattr(pd, "ArrowDtype") or not hasattr(pa.Array, "__arrow_c_array__"):
        pytest.skip("needs pandas 1.5 and pyarrow 14")
    exact = [decimal.Decimal("1.25"), decimal.Decimal("12345.50")]
    for value in exact:
        update(store_url, pd.DataFrame({"n": pd.Series([value], dtype=pd.ArrowDtype(pa.decimal128(12, 2)))}))
    assert read(store_url).n.tolist() == exact


def test_d34_date64_is_a_date(store_url):
    pa = pytest.importorskip("pyarrow")
    days = [datetime.date(2020, 2, 29), None, datetime.date(1969, 12, 31)]
    store(store_url, pd.DataFrame({"d": np.array(days, dtype=object), "x": [1, 2, 3]}))
    replace_data(store_url, pa.table({"d": pa.array(days, pa.date64()), "x": [1, 2, 3]}))
    assert read(store_url, dates_as_object=True).d.tolist() == days
    assert numbers(store_url, [("d", "==", days[0])]) == [1]


def test_d35_an_empty_dataset_has_no_groups(store_url):
    store(store_url, pd.DataFrame({"p": ["a"], "x": [1]}), partition_on=["p"])
    update(store_url, delete_scope=[{"p": "a"}])
    for dispatch_by in ([], ["p"], None):
        assert read_dataset_as_dataframes(dataset_uuid="u", store=store_url, dispatch_by=dispatch_by) == []
    assert list(read(store_url).columns) == ["p", "x"] and len(read(store_url)) == 0


def test_d35_labels_that_are_no_partitions_are_passed_over(store_url):
    frames = [{"label": label, "data": {"table": pd.DataFrame({"x": x})}} for label, x in [("gone", [1, 2]), ("left", [2, 3])]]
    store(store_url, *frames, secondary_indices=["x"])
    changed = document(store_url)
    del changed["partitions"]["gone"]
    put_document(store_url, changed)
    for predicates, expected in [([], [2, 3]), ([[("x", "in", [1, 2, 3])]], [2, 3]), ([[("x", "==", 2)]], [2]), ([[("x", "==", 1)]], [])]:
        assert numbers(store_url, *predicates) == expected


def test_d35_unknown_columns_are_named(store_url):
    store(store_url, pd.DataFrame({"p": ["a"], "x": [1]}), partition_on=["p"])
    for predicates in ([[("nope", "==", 1)]], [[("p", "==", "a"), ("nope", "==", 1)]], [[("p", "==", "z"), ("nope", "==", 1)]]):
        with pytest.raises((KeyError, ValueError), match="'nope'"):
            read(store_url, predicates)


def with_type(schema_file, column, kind):
    """Let another writer's type of a column stand in the schema file; its bytes."""
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.parquet.read_schema(schema_file)
    schema = schema.set(schema.get_field_index(column), pyarrow.field(column, kind))
    pyarrow.parquet.write_metadata(schema, schema_file)
    return content(schema_file)


def content(file):
    with open(file, "rb") as opened:
        return opened.read()


@pytest.mark.parametrize("text", ["string", "large_string"])
def test_d36_no_update_changes_the_kind_of_text(store_url, text):
    """A dataset with the text of kartothek or with the one of newer pandas stays as its writer can use it."""
    pa = pytest.importorskip("pyarrow")
    store(store_url, pd.DataFrame({"s": ["a"], "x": [1]}))
    schema_file = path(store_url, "u/table/_common_metadata")
    before = with_type(schema_file, "s", pa.string() if text == "string" else pa.large_string())
    update(store_url, pd.DataFrame({"s": ["b"], "x": [2]}))
    with pytest.raises(ValueError, match="Schema violation"):
        update(store_url, pd.DataFrame({"s": [1.5], "x": [3]}))
    assert content(schema_file) == before
    assert numbers(store_url) == [1, 2] and numbers(store_url, [("s", ">=", "b")]) == [2]


@pytest.mark.parametrize("inner", ["item", "element"])
def test_d36_no_update_changes_the_inner_name_of_lists(store_url, inner):
    pa = pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"l": [[1, 2], None], "x": [1, 2]})
    store(store_url, frame)
    schema_file = path(store_url, "u/table/_common_metadata")
    assert pytest.importorskip("pyarrow.parquet").read_schema(schema_file).field("l").type == pa.list_(pa.field("item", pa.int64()))
    before = with_type(schema_file, "l", pa.list_(pa.field(inner, pa.int64())))
    update(store_url, frame)
    assert content(schema_file) == before
    assert numbers(store_url) == [1, 1, 2, 2]


@pytest.mark.parametrize("origin, text", [("k53", "string"), ("p46", "large_string")])
def test_d36_schemas_and_indices_of_the_originals_keep_theirs(tmp_path, origin, text):
    parquet = pytest.importorskip("pyarrow.parquet")
    shutil.copytree(str(GOLDEN / "stores" / origin / "updates"), str(tmp_path / "s"))
    url = "hfs://{}".format(tmp_path / "s")
    schema_file = path(url, "upd_append/table/_common_metadata")
    before = content(schema_file)
    frame = pd.DataFrame({"P": [1], "c": ["new"], "v": [1]})
    dataset = update_dataset_from_dataframes([frame], store=url, dataset_uuid="upd_append")
    assert content(schema_file) == before
    assert str(parquet.read_schema(path(url, dataset.indices["c"].index_storage_key)).field("c").type) == text
    assert read_table(dataset_uuid="upd_append", store=url, predicates=[[("c", "==", "new")]]).v.tolist() == [1]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_d37_an_index_on_times_of_any_unit_is_kept_up(store_url, unit):
    if unit != "ns" and pd.__version__ < "2":
        pytest.skip("frames have nanoseconds alone")
    dtype = "datetime64[{}]".format(unit)
    first, second = (pd.DataFrame({"t": stamps(text).astype(dtype), "x": [x]}) for text, x in [("2020-01-01", 1), ("2021-01-01", 2)])
    store(store_url, first, secondary_indices=["t"])
    update(store_url, second)
    update(store_url, first.astype({"t": "datetime64[ns]"}))
    assert numbers(store_url, [("t", "==", pd.Timestamp("2020-01-01"))]) == [1, 1]
    assert numbers(store_url, [("t", ">", pd.Timestamp("2020-06-01"))]) == [2]
    assert str(read(store_url).t.dtype) == "datetime64[ns]"


@pytest.mark.parametrize("values", [["a\0b", "a", "a\0c", "\0"], [b"a\0b", b"a", b"a\0c", b"\0"]], ids=["text", "bytes"])
def test_d38_index_values_are_whole(store_url, values):
    frames = [pd.DataFrame({"v": np.array([value], dtype=object), "x": [i]}) for i, value in enumerate(values)]
    dataset = store(store_url, *frames, secondary_indices=["v"])
    for i, value in enumerate(values):
        assert numbers(store_url, [("v", "==", value)]) == [i]
    parquet = pytest.importorskip("pyarrow.parquet")
    stored = parquet.read_table(path(store_url, dataset.indices["v"].index_storage_key)).to_pydict()
    labels = list(dataset.partitions)
    assert sorted(zip(stored["v"], stored["partition"])) == sorted((value, [labels[i]]) for i, value in enumerate(values))


@pytest.mark.parametrize("value", ["a" * 5000, "b" * 4096, "c" * 4097, "\U0010ffff" * 2000])
def test_d39_statistics_are_written_for_both_sides_or_none(store_url, value):
    parquet = pytest.importorskip("pyarrow.parquet")
    for other in ("a", "zz", value):
        store(store_url, pd.DataFrame({"s": [value, other], "x": [1, 2]}), overwrite=True)
        statistics = parquet.ParquetFile(data_file(store_url)).metadata.row_group(0).column(0).statistics
        assert statistics is None or not statistics.has_min_max or (statistics.min <= min(value, other) and statistics.max >= max(value, other))
        assert 1 in numbers(store_url, [("s", "==", value)]) and 1 in numbers(store_url, [("s", ">=", value)])


@pytest.mark.parametrize("origin", ["k53", "p46"])
@pytest.mark.parametrize("folder, uuid", [("serialisers", "long_statistics"), ("indices", "idx_nul")])
def test_d38_d39_every_value_in_files_of_the_originals_is_found(origin, folder, uuid):
    """Statistics with one side, and index values that end at their first NUL, cost no row."""
    parquet = pytest.importorskip("pyarrow.parquet")
    url = "hfs://{}#wrap:readonly".format(GOLDEN / "stores" / origin / folder)
    partitions = DatasetMetadata.load_from_store(uuid, url).partitions.values()
    tables = [parquet.read_table(str(GOLDEN / "stores" / origin / folder / part.files["table"])).to_pydict() for part in partitions]
    for column in set(tables[0]) & {"text", "bytes"}:
        stored = [value for table in tables for value in table[column]]
        for value in set(stored) - {None}:
            for op, expected in [
                ("==", stored.count(value)),
                (">=", sum(other is not None and other >= value for other in stored)),
                ("<", sum(other is not None and other < value for other in stored)),
                ("in", stored.count(value)),
            ]:
                literal = (column, op, [value] if op == "in" else value)
                assert len(read_table(dataset_uuid=uuid, store=url, predicates=[[literal]])) == expected


def test_d40_infinite_numbers_in_metadata_are_read(store_url):
    """Python's writer of JSON makes such documents unless told otherwise; readers need not take them."""
    store(store_url, pd.DataFrame({"x": [1]}), metadata={"a": 1})
    changed = document(store_url)
    changed["metadata"]["bad"] = [float("nan"), float("inf"), -float("inf")]
    put_document(store_url, changed)
    assert numbers(store_url) == [1]
    bad = DatasetMetadata.load_from_store("u", store_url).metadata["bad"]
    assert str(bad) == "[nan, inf, -inf]"
