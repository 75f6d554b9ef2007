"""What becomes of columns of every dtype that the pandas at hand has, stored and read. Runs in the environment of an original, and in ours."""
import datetime
import decimal
import json
import os
import sys
import warnings

warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

try:
    from plateau.core.utils import ensure_store
    from plateau.serialization import ParquetSerializer
except ImportError:
    from kartothek.core.utils import ensure_store
    from kartothek.serialization import ParquetSerializer

DAYS = ("2020-01-01", "2020-01-02", "2020-03-04")
TIMES = pd.DatetimeIndex(DAYS)

#: by the name of the file; what cannot be made is one that this pandas does not have
COLUMNS = {
    "period-year": lambda: pd.PeriodIndex(DAYS, freq="Y" if hasattr(pd.Timestamp, "as_unit") else "A-DEC"),
    "period-month-null": lambda: pd.PeriodIndex([DAYS[0], None, DAYS[2]], freq="M"),
    "period-day": lambda: pd.PeriodIndex(DAYS, freq="D"),
    "period-second": lambda: pd.PeriodIndex(DAYS, freq="S" if not hasattr(pd.Timestamp, "as_unit") else "s"),
    "interval-ints": lambda: pd.interval_range(-1, 2),
    "interval-ints-neither": lambda: pd.interval_range(0, 3, closed="neither"),
    "interval-floats-null": lambda: pd.arrays.IntervalArray.from_tuples([(0.0, 1.5), None, (1.5, 3.0)], closed="left"),
    "interval-times": lambda: pd.IntervalIndex.from_arrays(TIMES, TIMES + pd.Timedelta("1D"), closed="both"),
    "interval-zoned": lambda: pd.interval_range(pd.Timestamp(DAYS[0], tz="Europe/Berlin"), periods=3),
    "categories-of-ints": lambda: pd.Categorical([1, None, 1]),
    "categories-of-times": lambda: pd.Categorical(TIMES),
    "categories-of-intervals": lambda: pd.cut([1, 2, 3], [0, 1, 2, 3]),
    "categories-of-periods": lambda: pd.Categorical(pd.PeriodIndex(DAYS, freq="D")),
    "sparse": lambda: pd.arrays.SparseArray([0, 0, 1]),
    "complex": lambda: [1j, 2, 3],
    "unlike": lambda: [1, "a", 2.5],
    "bytes-and-ints": lambda: [1, b"a", None],
    "ints-and-floats": lambda: pd.array([1, 2.5, None], dtype=object),
    "bytes": lambda: [b"a", None, b""],
    "dates": lambda: [datetime.date(2020, 1, 1), None, datetime.date(1999, 12, 31)],
    "times-of-day": lambda: [datetime.time(1, 2, 3), None, datetime.time(0, 0, 0, 5)],
    "decimals": lambda: [decimal.Decimal("1.5"), None, decimal.Decimal("2.25")],
    "lists": lambda: [[[1], [2, 3]], None, []],
    "tuples": lambda: [(1, 2), (3,), None],
    "arrays": lambda: [np.array([1.5]), np.array([2.5, 3]), None],
    "zoned": lambda: TIMES.tz_localize("Europe/Berlin"),
}
for dtype in ("Int8", "Int64", "UInt64", "Float32", "Float64", "boolean", "string", "string[python]", "string[pyarrow]"):
    values = ["a", None, "b"] if dtype.startswith("string") else [1, None, 0]
    COLUMNS[dtype.replace("[", "-").rstrip("]")] = lambda dtype=dtype, values=values: pd.array(values, dtype=dtype)
for dtype in ("int32", "double", "bool", "timestamp[ms]"):
    COLUMNS["arrow-" + dtype.replace("[", "-").rstrip("]")] = lambda dtype=dtype: pd.array([1, None, 0], dtype=dtype + "[pyarrow]")
for unit in ("s", "ms", "us", "ns"):
    COLUMNS["moments-" + unit] = lambda unit=unit: np.array([*DAYS[:2], "NaT"], "M8[{}]".format(unit))
    COLUMNS["durations-" + unit] = lambda unit=unit: np.array([1, -2, "NaT"], "m8[{}]".format(unit))


def told(frame):
    return [str(frame.x.dtype), [repr(value) for value in frame.x]]


def stored(store, name, make):
    """[what was stored, what is read of it], or the kind of the error; None where this pandas has no such column."""
    try:
        frame = pd.DataFrame({"x": make()})
    except (AttributeError, ImportError, NotImplementedError, TypeError, ValueError):
        return None
    try:
        key = ParquetSerializer().store(store, name, frame)
    except Exception as error:
        return type(error).__name__
    return [told(frame), read(store, key)]


def read(store, key):
    try:
        return told(ParquetSerializer.restore_dataframe(store, key))
    except Exception as error:
        return type(error).__name__


def facts(own, others):
    """{column: what `stored` says} of columns stored into the folder `own`; {folder: {column: what is read of its file}} of the others."""
    store = ensure_store("hfs://" + own)
    found = {name: stored(store, name, make) for name, make in COLUMNS.items()}
    of_others = {}
    for folder in others:
        store = ensure_store("hfs://" + folder)
        keys = sorted(key for key in os.listdir(folder) if key.endswith(".parquet"))
        of_others[folder] = {key[: -len(".parquet")]: read(store, key) for key in keys}
    return {name: entry for name, entry in found.items() if entry is not None}, of_others


if __name__ == "__main__":
    print(json.dumps(facts(**json.loads(sys.stdin.read()))))
