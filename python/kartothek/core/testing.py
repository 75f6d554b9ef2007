"""What tests of programs that use datasets need: a clock that stands still and frames with a column of every type."""
import contextlib
import datetime
import uuid
from unittest import mock

import numpy as np
import pandas as pd

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


__all__ = ["TIME_TO_FREEZE", "TIME_TO_FREEZE_ISO", "TIME_TO_FREEZE_ISO_QUOTED", "cm_frozen_time", "get_dataframe_alltypes", "get_dataframe_not_nested"]
