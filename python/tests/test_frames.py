"""Frames of every dtype come back with the values they had; dtypes as kartothek 5.3 gives them."""
import datetime
import decimal

import numpy as np
import pandas as pd
import pytest

from kartothek.core.utils import ensure_store
from kartothek.io.eager import read_dataset_as_dataframes, read_table, store_dataframes_as_dataset
from kartothek.serialization import ParquetSerializer

PANDAS_3 = pd.__version__ >= "3"
TEXT = "str" if PANDAS_3 else "object"


def round_trip(store_url, frame, **kwargs):
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[frame])
    return read_table(dataset_uuid="u", store=store_url, **kwargs)


NUMBERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("dtype", NUMBERS)
def test_integers_widen_to_the_schema(store_url, dtype):
    limits = np.iinfo(dtype)
    frame = pd.DataFrame({"x": np.array([limits.min, 0, 1, limits.max], dtype=dtype)})
    result = round_trip(store_url, frame)
    assert str(result.x.dtype) == ("uint64" if dtype.startswith("u") else "int64")
    assert result.x.tolist() == [limits.min, 0, 1, limits.max]
    stored = read_dataset_as_dataframes(dataset_uuid="u", store=store_url)[0]["table"]
    assert str(stored.x.dtype) == dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_keep_nan_infinity_and_sign_of_zero(store_url, dtype):
    values = np.array([0.1, -0.0, np.inf, -np.inf, np.nan, 1e-30], dtype=dtype)
    result = round_trip(store_url, pd.DataFrame({"x": values}))
    assert str(result.x.dtype) == "float64"
    want = values.astype("float64")
    assert np.array_equal(result.x.to_numpy(), want, equal_nan=True)
    assert np.signbit(result.x[1])


def test_texts_bytes_bools_and_nulls(store_url):
    frame = pd.DataFrame(
        {
            "text": ["ä", "", None, "x" * 5000, "\U0001f600"],
            "bytes": [b"\x00\xff", b"", None, b"abc", b"\x80"],
            "bool": [True, False, True, False, True],
            "maybe": np.array([True, None, False, None, True], dtype=object),
            "none": [None] * 5,
        }
    )
    result = round_trip(store_url, frame)
    assert list(result.columns) == ["bool", "bytes", "maybe", "none", "text"]
    assert result.text.dtype == TEXT
    assert [None if value != value else value for value in result.text.tolist()] == frame.text.tolist()[:2] + [None] + frame.text.tolist()[3:]
    assert result.bytes.tolist() == frame.bytes.tolist()
    assert result["bool"].dtype == bool and result["bool"].tolist() == frame["bool"].tolist()
    assert result.maybe.tolist() == [True, None, False, None, True]
    assert result.none.isna().all()


@pytest.mark.parametrize("dates_as_object", [True, False])
def test_dates_and_times(store_url, dates_as_object):
    dates = [datetime.date(1970, 1, 1), datetime.date(2020, 2, 29), None]
    frame = pd.DataFrame(
        {
            "date": np.array(dates, dtype=object),
            "stamp": pd.Series([pd.Timestamp("2020-01-01 01:02:03.000004"), pd.NaT, pd.Timestamp("1969-12-31")]).astype("datetime64[ns]"),
            "zoned": pd.Series([pd.Timestamp("2020-07-01 12:00"), pd.NaT, pd.Timestamp("2020-01-01")]).dt.tz_localize("Europe/Berlin"),
            "time": np.array([datetime.time(1, 2, 3, 4), None, datetime.time(0)], dtype=object),
        }
    )
    result = round_trip(store_url, frame, dates_as_object=dates_as_object)
    if dates_as_object:
        assert result.date.tolist() == dates
    else:
        assert str(result.date.dtype) == "datetime64[ns]"
        assert result.date[1] == pd.Timestamp(2020, 2, 29) and result.date.isna().tolist() == [False, False, True]
    assert str(result.stamp.dtype) == "datetime64[ns]"
    assert result.stamp.equals(frame.stamp)
    assert str(result.zoned.dtype.tz) == "Europe/Berlin"
    assert (result.zoned[[0, 2]] == frame.zoned[[0, 2]]).all() and result.zoned.isna().tolist() == [False, True, False]
    assert result.time.tolist() == frame.time.tolist()


def test_decimals(store_url):
    values = [decimal.Decimal("1.50"), decimal.Decimal("-0.05"), None, decimal.Decimal("12345678901234567890.1")]
    result = round_trip(store_url, pd.DataFrame({"x": np.array(values, dtype=object)}))
    assert result.x.tolist() == values
    assert str(result.x[0]) == "1.50"


def test_categories_become_their_values(store_url):
    frame = pd.DataFrame({"c": pd.Categorical(["b", "a", None, "b"], categories=["a", "b", "unseen"]), "n": pd.Categorical([3, 1, 3, 1])})
    result = round_trip(store_url, frame)
    assert [None if value != value else value for value in result.c.tolist()] == ["b", "a", None, "b"]
    assert result.n.tolist() == [3, 1, 3, 1]
    again = read_table(dataset_uuid="u", store=store_url, categoricals=["c"])
    assert list(again.c.cat.categories) == ["b", "a"] and not again.c.cat.ordered
    assert again.c.isna().tolist() == [False, False, True, False]


def test_nullable_dtypes(store_url):
    frame = pd.DataFrame(
        {
            "i": pd.array([2**53 + 1, None, 3], dtype="Int64"),
            "b": pd.array([True, None, False], dtype="boolean"),
            "s": pd.array(["x", None, "z"], dtype="string"),
        }
    )
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[frame])
    stored = read_dataset_as_dataframes(dataset_uuid="u", store=store_url)[0]["table"]
    assert [str(dtype) for dtype in stored.dtypes] == ["Int64", "boolean", "string"]
    assert stored.i[0] == 2**53 + 1 and stored.i[1] is pd.NA
    assert stored.b.tolist() == [True, pd.NA, False]
    assert stored.s.tolist() == ["x", pd.NA, "z"]


def test_arrow_backed_columns(store_url):
    pa = pytest.importorskip("pyarrow")
    if not hasattr(pd, "ArrowDtype") or not hasattr(pa.Array, "__arrow_c_array__"):
        pytest.skip("needs pandas 1.5 and pyarrow 14")
    frame = pd.DataFrame({"i": pd.array([1, None, 3], dtype="int32[pyarrow]"), "s": pd.array(["a", None, "c"], dtype="string[pyarrow]")})
    result = round_trip(store_url, frame)
    assert result.i.isna().tolist() == [False, True, False] and result.i[2] == 3
    assert [None if pd.isna(value) else value for value in result.s] == ["a", None, "c"]


def test_texts_of_arrow_are_stored_as_those_of_objects(store_url):
    pq = pytest.importorskip("pyarrow.parquet")
    texts = ["", "a", None, "\u00e9\u00e9", "b" * 40, None, "c", "d", "e", None, "f"]
    whole = pd.DataFrame({"t": pd.array(texts, dtype="string[pyarrow]"), "c": pd.Categorical(texts)})
    parts = [whole, whole.iloc[3:9], whole.iloc[:0], whole.iloc[2:3]]
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[{"label": str(i), "data": [("table", part)]} for i, part in enumerate(parts)])
    for i, part in enumerate(parts):
        stored = pq.ParquetFile("{}/u/table/{}.parquet".format(store_url[len("hfs://") :], i)).read()
        assert str(stored.schema.field("t").type) == "string"
        assert stored.column("t").to_pylist() == [None if text is pd.NA else text for text in part["t"]]
    again = read_table(dataset_uuid="u", store=store_url)
    assert len(again) == sum(map(len, parts))


def test_numbers_of_numpy_among_objects(store_url):
    frame = pd.DataFrame(
        {
            "int": np.array([np.int64(2**62), None, np.int8(-1)], dtype=object),
            "bool": np.array([np.bool_(True), None, False], dtype=object),
            "float": np.array([np.float32(0.5), None, 2.0], dtype=object),
            "list": [np.array([], dtype=object), np.array([1, 2**62]), None],
        }
    )
    result = round_trip(store_url, frame)
    assert result["bool"].tolist() == [True, None, False]
    assert [value for value in result["int"].tolist() if value == value] == [2**62, -1]
    assert [value for value in result["float"].tolist() if value == value] == [0.5, 2.0]
    assert [value if value is None else list(value) for value in result["list"]] == [[], [1, 2**62], None]


def test_lists(store_url):
    frame = pd.DataFrame({"l": [[1, 2], [], None, [3, None]], "t": [["a"], ["b", "c"], [], None]})
    result = round_trip(store_url, frame)
    assert [None if v is None else [x if x == x else None for x in v.tolist()] for v in result.l] == [[1, 2], [], None, [3, None]]
    assert {v.dtype for v in result.l if v is not None} == {np.dtype("float64")}
    assert [None if v is None else v.tolist() for v in result.t] == [["a"], ["b", "c"], [], None]


def test_index_is_stored_but_no_column(store_url):
    frame = pd.DataFrame({"x": [1, 2, 3]}, index=[7, 5, 6])
    result = round_trip(store_url, frame)
    assert list(result.columns) == ["x"] and result.x.tolist() == [1, 2, 3]
    assert result.index.tolist() == [0, 1, 2]


def test_empty_frame_keeps_its_types(store_url):
    frame = pd.DataFrame({"i": np.array([], dtype="int8"), "t": np.array([], dtype="datetime64[ns]"), "s": np.array([], dtype=object)})
    result = round_trip(store_url, frame)
    assert len(result) == 0
    assert [str(result[c].dtype) for c in ["i", "t"]] == ["int64", "datetime64[ns]"]


def test_slices_and_views_of_a_frame(store_url):
    whole = pd.DataFrame({"x": np.arange(20)[::2], "y": np.arange(10.0), "b": np.arange(10) % 3 == 0})
    part = whole[3:8:2]
    result = round_trip(store_url, part)
    assert result.x.tolist() == [6, 10, 14] and result.y.tolist() == [3.0, 5.0, 7.0] and result.b.tolist() == [True, False, False]


DAYS = pd.to_datetime(["2020-01-01", "2020-02-01", "2021-01-01"])


@pytest.mark.parametrize(
    "column",
    [
        pd.array(["2020-01", None, "2020-03"], dtype="period[M]"),
        pd.period_range("2020-01-01", periods=3, freq="D").array,
        pd.interval_range(0, 3, closed="neither").array,
        pd.arrays.IntervalArray.from_tuples([(0.0, 1.5), None, (1.5, 3.0)], closed="left"),
        pd.arrays.IntervalArray.from_arrays(DAYS, DAYS + pd.Timedelta("1D"), closed="both"),
        pd.arrays.IntervalArray.from_arrays(DAYS - DAYS[0], DAYS - DAYS[0] + pd.Timedelta("1D")),
        pd.array([1.5, None, 3], dtype="Float64"),
        pd.array([1.5, None, 3], dtype="Float32"),
    ],
    ids=lambda column: str(column.dtype),
)
def test_dtypes_of_pandas_own(store_url, column):
    """In single files, which hold what a dataset does not."""
    frame = pd.DataFrame({"x": column})
    store = ensure_store(store_url)
    found = ParquetSerializer.restore_dataframe(store, ParquetSerializer().store(store, "u", frame))
    pd.testing.assert_frame_equal(found, frame)
    chosen = ParquetSerializer.restore_dataframe(store, "u.parquet", columns=["x"])
    pd.testing.assert_frame_equal(chosen, frame)


def test_many_batches_make_one_frame(store_url):
    frames = [pd.DataFrame({"x": np.arange(n, dtype="int16"), "s": np.array([str(n)] * n, dtype=object)}) for n in (3, 0, 5, 1)]
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=frames)
    result = read_table(dataset_uuid="u", store=store_url)
    assert result.x.tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 0]
    assert result.s.tolist() == ["3"] * 3 + ["5"] * 5 + ["1"]


@pytest.mark.parametrize(
    "column, part",
    [
        ([object()], "object"),
        ([1, "a"], "int, str"),
        ([pd.Period("2020-01")], "period.* in a dataset"),
        (pd.interval_range(0, 2), "interval.* in a dataset"),
        (pd.cut([1, 2], [0, 1, 2]), "interval"),
        (pd.Categorical(pd.period_range("2020-01", periods=2, freq="M")), "period"),
        (pd.arrays.SparseArray([0, 1]), "Sparse"),
        ([1 + 2j], "complex128"),
    ],
)
def test_what_has_no_place_in_parquet_is_refused_by_name(store_url, column, part):
    with pytest.raises(TypeError, match="Column 'bad'.*{}".format(part)):
        store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[pd.DataFrame({"bad": column})])


def test_duplicate_columns_are_refused(store_url):
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(ValueError, match="Duplicate column names found: \\['a', 'a'\\]"):
        store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[frame])
