"""
Hashes of rows, as ``pandas.util.hash_pandas_object(df, index=False)`` has them: they bucket rows, and datasets are compared
by their sum.
"""
import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype
from pandas.util import hash_array

from kartothek import _core
from kartothek._frames.to_arrow import frame_stream

#: pandas 1 took bools for their texts, and up to version 2 it told the two zeros apart.
_BOOLS_AS_TEXT = bool(hash_array(np.array([True]))[0] != hash_array(np.array([1]))[0])
_SIGNED_ZEROS = bool(hash_array(np.array([-0.0]))[0] != hash_array(np.array([0.0]))[0])

#: objects that the C side takes as they are, or shows as ``str`` does
_PLAIN = ("string", "bytes", "date", "empty")


def _as_text(column):
    """Objects other than text, bytes and dates are hashed through ``str``."""
    if column.dtype == object and infer_dtype(column, skipna=True) not in _PLAIN:
        return column.map(str, na_action="ignore")
    return column


def hash_rows(df, subset=None):
    """A uint64 for each row of a frame, of the columns in ``subset`` (in that order) or of all of them."""
    columns = [str(name) for name in (df.columns if subset is None else subset)]
    missing = [name for name in columns if name not in df.columns]
    if missing:
        raise KeyError("there is no column {}".format(", ".join(map(repr, missing))))
    chosen = pd.DataFrame({name: _as_text(df[name]) for name in columns}, index=pd.RangeIndex(len(df)) if len(columns) == 0 else df.index)
    hashes = _core.hash_rows(frame_stream(chosen.reset_index(drop=True)), columns, _BOOLS_AS_TEXT, _SIGNED_ZEROS)
    return np.frombuffer(hashes, dtype="uint64")


def hash_frame(df, subset=None):
    """The sum of the hashes of all rows, modulo 2**64: the same in whatever order they are."""
    return hash_rows(df, subset).sum(dtype="uint64")


def buckets(df, subset, num_buckets):
    """In which of ``num_buckets`` each row goes, as the smallest unsigned type whose width exceeds log2 of their number."""
    width = next(width for width in (8, 16, 32, 64) if np.log2(num_buckets) < width)
    return (hash_rows(df, subset) % np.uint64(num_buckets)).astype("uint{}".format(width))
