"""Serializers put and restore single files; filters choose rows of frames, compared with a loop over the elements."""
import datetime
import gzip
import operator
import random

import numpy as np
import pandas as pd
import pytest

from kartothek.core.utils import ensure_store
from kartothek.serialization import (
    CsvSerializer,
    DataFrameSerializer,
    ParquetSerializer,
    default_serializer,
    filter_array_like,
    filter_df,
    filter_df_from_predicates,
    filter_predicates_by_column,
)

FRAME = pd.DataFrame(
    {
        "n": [3, 1, 2],
        "x": [0.5, None, 2.5],
        "s": ["a", "b", None],
        "d": [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2), None],
        "t": pd.to_datetime(["2020-01-01 00:00", "2020-01-02 03:04", None]),
    }
)


@pytest.fixture
def store(store_url):
    return ensure_store(store_url)


# ---- files ----


def test_parquet_comes_back_as_it_was(store):
    key = ParquetSerializer("ZSTD", chunk_size=2).store(store, "some/prefix", FRAME)
    assert key == "some/prefix.parquet"
    frame = DataFrameSerializer.restore_dataframe(store, key, date_as_object=True)
    assert frame["n"].tolist() == [3, 1, 2]
    assert frame["d"].tolist() == FRAME["d"].tolist()
    assert frame["t"].tolist()[:2] == FRAME["t"].tolist()[:2] and pd.isnull(frame["t"][2])
    assert frame["s"][:2].tolist() == ["a", "b"] and pd.isnull(frame["s"][2])


def test_row_groups_are_those_asked_for(store):
    pq = pytest.importorskip("pyarrow.parquet")
    key = ParquetSerializer(chunk_size=2).store(store, "f", FRAME)
    metadata = pq.ParquetFile(store.open(key)).metadata
    assert metadata.num_row_groups == 2
    assert metadata.row_group(0).column(0).compression == "SNAPPY"


def test_an_index_survives(store):
    key = default_serializer().store(store, "f", FRAME.set_index("n"))
    assert DataFrameSerializer.restore_dataframe(store, key).index.tolist() == [3, 1, 2]
    key = default_serializer().store(store, "g", FRAME.iloc[[2, 0]])
    assert DataFrameSerializer.restore_dataframe(store, key).index.tolist() == [2, 0]
    assert DataFrameSerializer.restore_dataframe(store, key, columns=["n"]).index.tolist() == [2, 0]


@pytest.mark.parametrize("serializer", [ParquetSerializer(), CsvSerializer(), CsvSerializer(compress=False)])
def test_columns_and_rows_are_chosen(store, serializer):
    key = serializer.store(store, "f", FRAME[["n", "x", "s"]])
    restore = DataFrameSerializer.restore_dataframe
    assert list(restore(store, key, columns=["s", "n"]).columns) == ["s", "n"]
    assert restore(store, key, columns=[b"n"])["n"].tolist() == [3, 1, 2]
    assert restore(store, key, predicates=[[("n", ">", 1), ("n", "<", 3)], [("s", "==", "a")]])["n"].tolist() == [3, 2]
    assert restore(store, key, filter_query="n > 1", columns=["x"])["x"].tolist() == [0.5, 2.5]
    assert restore(store, key, categories=["s"])["s"].dtype == "category"
    with pytest.raises(ValueError, match="Columns cannot be found in stored dataframe: y, z"):
        restore(store, key, columns=["z", "n", "y"])
    with pytest.raises(ValueError, match="Can only specify one of filter_query and predicates"):
        restore(store, key, filter_query="n > 1", predicates=[[("n", ">", 1)]])


def test_csv_is_what_people_read(store):
    assert CsvSerializer(compress=False).store(store, "f", FRAME[["n", "s"]]) == "f.csv"
    assert store.get("f.csv") == b"n;s\n3;a\n1;b\n2;\n"
    assert CsvSerializer().store(store, "f", FRAME[["n", "s"]]) == "f.csv.gz"
    assert gzip.decompress(store.get("f.csv.gz")) == store.get("f.csv")
    store.put("empty.csv", b"")
    assert DataFrameSerializer.restore_dataframe(store, "empty.csv").empty


def test_what_is_no_serializer(store):
    with pytest.raises(ValueError, match="The specified file format for 'f.orc' is not supported"):
        DataFrameSerializer.restore_dataframe(store, "f.orc")
    with pytest.raises(TypeError, match="chunk size is not integer type"):
        ParquetSerializer(chunk_size="2")
    with pytest.raises(ValueError, match="chunk size < 1"):
        ParquetSerializer(chunk_size=0)
    with pytest.raises(TypeError):
        DataFrameSerializer()


def test_equal_settings_are_equal():
    assert ParquetSerializer("ZSTD") == ParquetSerializer("ZSTD") != ParquetSerializer()
    assert CsvSerializer() != CsvSerializer(compress=False) and CsvSerializer() != ParquetSerializer()
    assert repr(ParquetSerializer()) == "ParquetSerializer(compression='SNAPPY', chunk_size=None)"
    assert repr(CsvSerializer()) == "CsvSerializer(compress=True)"
    assert len({ParquetSerializer(), ParquetSerializer(), CsvSerializer()}) == 2


# ---- filters ----

OPERATORS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
COLUMNS = {
    "int64": ([-3, 0, 1, 7, 2**62], lambda items: np.array(items, dtype="int64"), False),
    "uint8": ([0, 1, 200], lambda items: np.array(items, dtype="uint8"), False),
    "float": ([-1.5, 0.0, 2.25, None], lambda items: np.array(items, dtype="float64"), True),
    "bool": ([True, False], np.array, False),
    "text": (["", "a", "b", "\u00e4", None], lambda items: pd.Series(items, dtype=object), True),
    "pandas text": (["", "a", "b", None], lambda items: pd.Series(items, dtype="string"), True),
    "category": (["a", "b", "z", None], lambda items: pd.Series(pd.Categorical(items, categories=["z", "b", "a"])), True),
    "nullable": ([1, 2, 3, None], lambda items: pd.Series(items, dtype="Int32"), True),
    "bytes": ([b"", b"a\x00", b"b", None], lambda items: pd.Series(items, dtype=object), True),
    "date": ([datetime.date(2020, 1, day) for day in (1, 2, 3)] + [None], lambda items: pd.Series(items, dtype=object), True),
    "time": (list(pd.to_datetime(["2020-01-01 00:00", "2020-01-02 01:00"])) + [None], lambda items: pd.Series(items, dtype="datetime64[ns]"), True),
}


def matches(item, op, value):
    """The truth table of the format for one element."""
    if op in ("in", "not in"):
        return any(matches(item, "==", one) for one in value) == (op == "in")
    if op == "is distinct from":
        op = "!="
    if item is None or value is None:
        equal = item is None and value is None
        return equal if op == "==" else not equal if op == "!=" else False
    return OPERATORS[op](item, value)


@pytest.mark.parametrize("kind", COLUMNS)
def test_filters_agree_with_a_loop(kind):
    values, make, _ = COLUMNS[kind]
    rng = random.Random(kind)
    literals = [value for value in values if value is not None]
    for _ in range(300):
        items = [rng.choice(values) for _ in range(rng.randrange(8))]
        op = rng.choice(list(OPERATORS) + ["in", "not in", "is distinct from"])
        value = [rng.choice(values) for _ in range(rng.randrange(4))] if op in ("in", "not in") else rng.choice(literals)
        if op in ("==", "!=", "is distinct from") and rng.random() < 0.2:
            value = None
        mask = np.array([rng.random() < 0.7 for _ in items], dtype=bool) if rng.random() < 0.5 else None
        expected = [matches(item, op, value) and (mask is None or bool(mask[i])) for i, item in enumerate(items)]
        array = make(items)
        assert filter_array_like(array, op, value, mask=mask).tolist() == expected, (items, op, value)
        out = np.ones(len(items), dtype=bool)
        assert filter_array_like(array, op, value, mask=mask, out=out) is out and out.tolist() == expected


@pytest.mark.parametrize(
    "array, value", [([1, 2], 1.0), ([1, 2], "1"), ([1.5], 1), ([True], 1), (["a"], 1), ([b"a"], "a"), ([1, 2], True)]
)
def test_values_of_another_type_are_refused(array, value):
    for op in ("==", "<"):
        with pytest.raises(TypeError, match="Unexpected type for predicate: Column 'c'"):
            filter_array_like(pd.Series(array), op, value, column_name="c")
    with pytest.raises(TypeError, match="Unexpected type"):
        filter_array_like(pd.Series(array), "in", [value])


def test_dates_and_datetimes():
    times = pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"]))
    assert filter_array_like(times, "==", datetime.date(2020, 1, 1)).tolist() == [True, False]
    assert filter_array_like(times, "in", ["2020-01-02"]).tolist() == [False, True]
    with pytest.raises(TypeError, match="Unexpected type"):
        filter_array_like(times, "==", datetime.date(2020, 1, 1), strict_date_types=True)
    with pytest.raises(NotImplementedError, match="op not supported"):
        filter_array_like(times, "~", None)


def test_frames_are_filtered_in_disjunctive_form():
    predicates = [[("n", ">", 1), ("x", "<", 1.0)], [("s", "==", None)]]
    chosen = filter_df_from_predicates(FRAME.set_index(pd.Index([5, 6, 7])), predicates)
    assert chosen.index.tolist() == [5, 7]
    assert filter_df_from_predicates(FRAME, None) is FRAME
    with pytest.raises(ValueError, match="Empty predicates"):
        filter_df_from_predicates(FRAME, [])
    assert filter_df(FRAME) is FRAME
    assert filter_df(FRAME, "n == 1").index.tolist() == [1]


def test_predicates_of_some_columns():
    predicates = [[("a", "==", 1), ("b", "==", 2)], [("c", "==", 3)]]
    assert filter_predicates_by_column(predicates, ["a"]) == [[("a", "==", 1)]]
    assert filter_predicates_by_column(predicates, ["z"]) is None
    assert filter_predicates_by_column(None, ["a"]) is None
