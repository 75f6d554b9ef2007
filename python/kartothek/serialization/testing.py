"""A frame with a column of every type, of any length."""
import datetime

import numpy as np
import pandas as pd

from kartothek.core.testing import NUMBERS

#: bytes that are text, text of another encoding, or none
BINARY_COLUMNS = [
    b"\x01", b"1", b"2", b"3", "4".encode("utf-16"), "4".encode("utf-32"),
    b"\x8f\xb6\xe5@\x90\xdc\x11\xe8\xa0\xae\x02B\xac\x12\x01\x06", "\U0001f648".encode("utf-8"), "\u0080".encode("utf-8"),
]  # fmt: skip


def get_dataframe_not_nested(n):
    """A frame of ``n`` rows with a column for each common type; columns are in alphabetical order."""
    counted = np.arange(n)
    days = [1 + (1 + i) % 31 for i in range(n)]
    columns = {name: pd.Series(counted, dtype=name) for name in NUMBERS}
    columns["bool"] = pd.Series(counted < n // 2)
    columns["date"] = pd.Series([datetime.date(2018, 1, day) for day in days], dtype=object)
    columns["datetime64"] = pd.Series([datetime.datetime(2018, 1, day) for day in days], dtype="datetime64[ns]")
    columns["unicode"] = pd.Series([str(i) for i in range(n)], dtype=str)
    columns["null"] = pd.Series([None] * n, dtype=object)
    rest = [str(i).encode("ascii") for i in range(len(BINARY_COLUMNS), n)]
    columns["bytes"] = pd.Series((BINARY_COLUMNS + rest)[:n], dtype=object)
    return pd.DataFrame(columns).sort_index(axis=1)


__all__ = ["BINARY_COLUMNS", "get_dataframe_not_nested"]
