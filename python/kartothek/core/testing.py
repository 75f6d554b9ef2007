"""
What tests of programs that use datasets need: a clock that stands still, frames with a column of every type, and arrays of any type for hypothesis, which
is needed for these alone.
"""
import contextlib
import datetime
import uuid
import warnings
from unittest import mock

import numpy as np
import pandas as pd

from kartothek._lazy import LazyModule

strategies = LazyModule("hypothesis.strategies")
numpy_strategies = LazyModule("hypothesis.extra.numpy")

TIME_TO_FREEZE = datetime.datetime(2000, 1, 1, 1, 1, 1, 1)
TIME_TO_FREEZE_ISO = TIME_TO_FREEZE.isoformat()
TIME_TO_FREEZE_ISO_QUOTED = TIME_TO_FREEZE_ISO.replace(":", "%3A")

#: dtypes of numbers
NUMBERS = ["{}{}".format(kind, bits) for kind in ("int", "uint") for bits in (8, 16, 32, 64)] + ["float32", "float64"]


def get_dataframe_not_nested():
    """A frame of one row with a column for each common type; columns are in alphabetical order."""
    columns = {name: pd.Series([1], dtype=name) for name in ["bool"] + NUMBERS}
    columns["date"] = pd.Series([datetime.date(2018, 1, 1)], dtype=object)
    columns["datetime64"] = pd.Series(["2018-01-01"], dtype="datetime64[ns]")
    columns["unicode"] = pd.Series(["\u00d6"], dtype=str)
    columns["null"] = pd.Series([None], dtype=object)
    # The first byte is not the beginning of any UTF-8 text.
    columns["byte"] = pd.Series([b"\xff" + uuid.uuid4().bytes[1:]], dtype=object)
    return pd.DataFrame(columns).sort_index(axis=1)


def get_dataframe_alltypes():
    """The same with columns of arrays."""
    arrays = {"array_" + name: pd.Series([np.array([1], dtype=name)], dtype=object) for name in NUMBERS}
    arrays["array_unicode"] = pd.Series([np.array(["\u00d6"], dtype=object)], dtype=object)
    return get_dataframe_not_nested().assign(**arrays).sort_index(axis=1)


@contextlib.contextmanager
def cm_frozen_time(time_to_freeze):
    """Within the block it is always ``time_to_freeze``, wherever this process notes a time in Python."""
    with mock.patch("kartothek.core._time.datetime_now", return_value=time_to_freeze):
        with mock.patch("kartothek.core._time.datetime_utcnow", return_value=time_to_freeze):
            yield


def get_scalar_dtype_strategy(exclude=None):
    """
    NumPy types.

    Parameters
    ----------
    exclude: str or list of str, optional
        "datetime", "uint", "int", "float", "byte" or "unicode". ValueError for others.
    """
    kinds = {
        "datetime": numpy_strategies.datetime64_dtypes(max_period="ms", min_period="ns"),
        "uint": numpy_strategies.unsigned_integer_dtypes(),
        "int": numpy_strategies.integer_dtypes(),
        "float": numpy_strategies.floating_dtypes(),
        "byte": numpy_strategies.byte_string_dtypes(),
        "unicode": numpy_strategies.unicode_string_dtypes(),
    }
    for kind in _listed(exclude):
        if kind not in kinds:
            raise ValueError("Strategy {} unknown. Possible values are {}".format(kind, kinds.keys()))
        del kinds[kind]
    return strategies.one_of(*kinds.values())


def _listed(kinds):
    return [] if kinds is None else kinds if isinstance(kinds, list) else [kinds]


def get_numpy_array_strategy(shape=10, exclude_dtypes=None, unique=False, sort=False, allow_nan=True):
    """
    NumPy arrays of any of the types, and object arrays of dates.

    Parameters
    ----------
    shape: int
        Number of values.
    exclude_dtypes: str or list of str, optional
        As for :func:`get_scalar_dtype_strategy`, and "date".
    unique: bool
        No value twice, NaN included.
    sort: bool
    allow_nan: bool
    """
    with warnings.catch_warnings():
        # The first text takes long, for which hypothesis would blame the test.
        warnings.simplefilter("ignore")
        strategies.text().example()
    excluded = _listed(exclude_dtypes)
    dtypes = get_scalar_dtype_strategy([kind for kind in excluded if kind != "date"])
    arrays = numpy_strategies.arrays(dtype=dtypes, shape=shape, unique=unique)
    if "date" not in excluded:
        dates = strategies.dates(min_value=datetime.date(1970, 1, 1), max_value=datetime.date(2100, 1, 1))
        arrays = strategies.one_of(arrays, strategies.lists(dates, min_size=shape, max_size=shape, unique=unique).map(np.array))
    nan_max = shape if allow_nan and not unique else int(allow_nan)
    arrays = arrays.filter(lambda array: _is_in_range(array) and _nan_count(array) <= nan_max)
    return arrays.map(np.sort) if sort else arrays


def _is_in_range(array):
    """Time stamps are of years that all units of pandas can say; NaT is none of them."""
    if array.dtype.kind != "M":
        return True
    return bool(((array < np.datetime64("2200-01-01")) & (array > np.datetime64("1970-01-01"))).all())


def _nan_count(array):
    return int(np.isnan(array).sum()) if array.dtype.kind == "f" else 0


__all__ = [
    "TIME_TO_FREEZE",
    "TIME_TO_FREEZE_ISO",
    "TIME_TO_FREEZE_ISO_QUOTED",
    "cm_frozen_time",
    "get_dataframe_alltypes",
    "get_dataframe_not_nested",
    "get_numpy_array_strategy",
    "get_scalar_dtype_strategy",
]
