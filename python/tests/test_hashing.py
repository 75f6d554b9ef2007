"""Hashes of rows against those of the installed pandas, which is the oracle."""
import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from pandas.util import hash_pandas_object

from kartothek._frames.hashing import buckets, hash_frame, hash_rows

COLUMNS = {
    "int64": pd.Series([0, 1, -1, 2**62, -(2**63)]),
    "int8": pd.Series([0, 1, -1, 127, -128], dtype="int8"),
    "uint16": pd.Series([0, 1, 65535, 7, 8], dtype="uint16"),
    "float64": pd.Series([0.0, 1.5, np.nan, np.inf, -1e-300]),
    "float32": pd.Series([0.0, 1.5, np.nan, -np.inf, 0.1], dtype="float32"),
    "negative zero": pd.Series([-0.0, 0.0, 1.0, -1.0, 2.0]),
    "bool": pd.Series([True, False, True, True, False]),
    "text": pd.Series(["", "a", "x\0y", "ünï", "a long text of more than twelve bytes"]),
    "text with nulls": pd.Series(["a", None, "b", None, "a"], dtype=object),
    "bytes": pd.Series([b"", b"a", b"\xff", b"12345678", b"123456789"]),
    "timestamp": pd.Series(pd.to_datetime(["2020-01-01 00:00:00", "1969-12-31 23:59:59", None, "2262-01-01 00:00:01", "1970-01-01 00:00:00"])),
    "with zone": pd.Series(pd.to_datetime(["2020-01-01", "2020-07-01", None, "2100-01-01", "1970-01-01"])).dt.tz_localize("Europe/Berlin"),
    "duration": pd.Series(pd.to_timedelta([0, 1, None, 10**15, -1])),
    "dates": pd.Series([datetime.date(2020, 1, 1), datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31), datetime.date(1969, 12, 31)]),
    "decimals": pd.Series([decimal.Decimal("1.50"), decimal.Decimal("-2"), None, decimal.Decimal("0"), decimal.Decimal("1E+3")]),
    "object ints": pd.Series([1, 2, None, 2**40, -3], dtype=object),
    "categories": pd.Series(["b", "a", None, "b", "c"]).astype("category"),
    "int categories": pd.Series([3, 1, 2, 3, 1]).astype("category"),
    "nothing": pd.Series([None] * 5, dtype=object),
}


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_a_column_is_hashed_as_pandas_does(name):
    df = pd.DataFrame({"a": COLUMNS[name]})
    assert hash_rows(df).tolist() == hash_pandas_object(df, index=False).tolist()


def test_rows_are_hashed_as_pandas_does_in_any_order_of_columns():
    df = pd.DataFrame(COLUMNS)
    random = np.random.RandomState(0)
    for count in list(range(1, 8)) + [len(COLUMNS)]:
        subset = list(random.permutation(sorted(COLUMNS))[:count])
        wanted = hash_pandas_object(df[subset], index=False)
        assert hash_rows(df, subset).tolist() == wanted.tolist()
        assert hash_frame(df, subset) == wanted.sum()
    assert hash_frame(df) == hash_frame(df.iloc[::-1])


def test_an_odd_index_changes_nothing():
    df = pd.DataFrame({"a": [1, 2, 3]}, index=["x", "x", "y"])
    assert hash_rows(df).tolist() == hash_pandas_object(df, index=False).tolist()


def test_an_empty_frame_has_no_hashes():
    for df in (pd.DataFrame({"a": pd.Series([], dtype="int64")}), pd.DataFrame({"a": pd.Series([], dtype=object)})):
        assert hash_rows(df).dtype == np.dtype("uint64") and len(hash_rows(df)) == 0
        assert hash_frame(df) == 0


def test_the_sums_that_kartothek_pins():
    df = pd.DataFrame({"P": [1, 2], "TARGET": [1, 2]})
    assert [hash_frame(df.iloc[[i]], ["TARGET"]) for i in (0, 1)] == [11358988112447789330, 826468140851422801]


def test_buckets_are_those_of_kartothek():
    found = buckets(pd.DataFrame({"a": range(10)}), ["a"], 5)
    assert found.dtype == np.dtype("uint8") and found.tolist() == [0, 0, 1, 2, 0, 3, 2, 0, 1, 4]
    assert buckets(pd.DataFrame({"a": [1]}), ["a"], 256).dtype == np.dtype("uint16")


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(KeyError, match="'nope'"):
        hash_rows(pd.DataFrame({"a": [1]}), ["nope"])
