"""
An Arrow stream as a pandas frame, through NumPy memory that the C side fills.

Dtypes are those that kartothek 5.3 gives: timestamps in ns, integers with nulls as float64 (or the nullable dtype that the file
names), dates as ``datetime64[ns]`` or ``datetime.date``, text as ``object`` (as ``str`` from pandas 3 on).
"""
import json

import numpy as np
import pandas as pd

_FIXED = {
    "c": "i1",
    "C": "u1",
    "s": "i2",
    "S": "u2",
    "i": "i4",
    "I": "u4",
    "l": "i8",
    "L": "u8",
    "e": "f2",
    "f": "f4",
    "g": "f8",
}

_NULLABLE = {
    "Int8": "c",
    "Int16": "s",
    "Int32": "i",
    "Int64": "l",
    "UInt8": "C",
    "UInt16": "S",
    "UInt32": "I",
    "UInt64": "L",
    "boolean": "b",
}

_PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3


def frame_from_stream(stream, dates_as_object=False, categoricals=(), with_index=False, position=None, columns=None):
    """
    Read the stream to its end into a frame with a RangeIndex, or that which was stored. ``categoricals`` become categories in order of appearance.
    ``columns``: of those, in that order; None: of all.

    With ``position``, a column that says which partition a row is of, rows are counted in each partition by itself, as
    a concatenation has it; the categories of the partition with most rows come first then, the others sorted. That column is no part of the frame.
    """
    batches = stream.read()
    numpy_types = _numpy_types(batches)
    reader = _Reader(batches, dates_as_object)
    places = {name: i for i, (name, _, _) in enumerate(batches.columns)}
    positions = None if position is None else reader.column(places.pop(position), "l", None)
    names = list(places) if columns is None else list(columns)
    values = {}
    for name in names:
        i = places[name]
        values[name] = reader.column(i, batches.columns[i][1], numpy_types.get(name))
        if name in categoricals:
            values[name] = as_categorical(values[name], positions)
    frame = pd.DataFrame(values, index=_index(batches.row_count, positions), copy=False)
    if not names:
        # pandas would number columns that are not there, in place of naming them.
        return frame.set_axis(pd.Index([""])[:0], axis=1)
    frame = frame if list(frame.columns) == names else frame[names]
    return _indexed(frame, batches) if with_index else frame


def _starts(positions):
    """Where the rows of each partition start, and the number of rows."""
    changes = np.flatnonzero(positions[1:] != positions[:-1]) + 1
    return np.concatenate([[0], changes, [len(positions)]])


def _index(count, positions):
    if positions is None or count == 0 or positions[0] == positions[-1]:
        return pd.RangeIndex(count)
    starts = _starts(positions)
    return pd.Index(np.arange(count) - np.repeat(starts[:-1], np.diff(starts)))


def as_categorical(values, positions=None):
    """Categories in order of first appearance; with positions: first those of the longest partition, then the others sorted."""
    codes, uniques = pd.factorize(values)
    if positions is not None and len(positions) > 0 and positions[0] != positions[-1]:
        starts = _starts(positions)
        longest = int(np.argmax(np.diff(starts)))
        first = pd.unique(codes[starts[longest] : starts[longest + 1]])
        first = first[first >= 0]
        others = np.setdiff1d(np.arange(len(uniques)), first)
        order = np.concatenate([first, others[pd.Index(uniques[others]).argsort()]]).astype("int64")
        ranks = np.empty(len(order) + 1, dtype="int64")
        ranks[order] = np.arange(len(order))
        ranks[-1] = -1
        codes, uniques = ranks[codes], uniques[order]
    return pd.Categorical.from_codes(codes, categories=uniques)


def _pandas_metadata(batches):
    """The stream's ``pandas`` metadata; what is malformed is taken as absent."""
    try:
        found = json.loads(batches.metadata.get(b"pandas", b"{}").decode("utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _numpy_types(batches):
    """{column: numpy_type} of the stream's ``pandas`` metadata."""
    try:
        columns = _pandas_metadata(batches).get("columns", [])
        return {column.get("field_name", column.get("name")): column.get("numpy_type") for column in columns}
    except (TypeError, AttributeError):
        return {}


def _indexed(frame, batches):
    """The frame with the index that was stored, in a column or as a range, where there is one."""
    fields = _pandas_metadata(batches).get("index_columns")
    field = fields[0] if isinstance(fields, list) and len(fields) == 1 else None
    if isinstance(field, dict):
        try:
            index = pd.RangeIndex(field["start"], field["stop"], field["step"])
        except (KeyError, TypeError, ValueError):
            return frame
        return frame.set_axis(index, axis=0) if len(index) == len(frame) else frame
    if not isinstance(field, str) or field not in frame.columns:
        return frame
    frame = frame.set_index(field)
    return frame.rename_axis(None) if field.startswith("__index_level_") else frame


class _Reader:
    def __init__(self, batches, dates_as_object):
        self.batches = batches
        self.count = batches.row_count
        self.dates_as_object = dates_as_object
        self.table = None  # the batches as a pyarrow table, made when first wanted
        self.text_dtype = None  # made with it: to parse "str" takes longer than to make a column of it

    def _filled(self, dtype, fill, i):
        array = np.empty(self.count, dtype=dtype)
        fill(i, array.ctypes.data)
        return array

    def column(self, i, arrow_format, numpy_type):
        if arrow_format in _FIXED or arrow_format == "b":
            return self._number(i, arrow_format, numpy_type)
        if arrow_format[:2] == "td" and self.dates_as_object:
            return self.objects(i)
        if arrow_format[:2] in ("td", "ts", "tD"):
            return self._time(i, arrow_format)
        if arrow_format in ("u", "U", "vu"):
            return self._text(i, numpy_type)
        values = self.objects(i)
        if arrow_format[:2] in ("+l", "+L", "+w"):
            for row, value in enumerate(values):
                if value is not None:
                    values[row] = _list_array(value)
        if arrow_format == "+m":
            for row, value in enumerate(values):
                if value is not None:
                    values[row] = [tuple(entry.values()) for entry in value]
        return values

    def _number(self, i, arrow_format, numpy_type):
        batches = self.batches
        nullable = _NULLABLE.get(numpy_type)
        dtype = "bool" if arrow_format == "b" else _FIXED[arrow_format]
        if nullable == arrow_format:
            mask = self._filled("bool", batches.fill_mask, i)
            data = self._filled(dtype, batches.fill_values, i)
            make = pd.arrays.BooleanArray if arrow_format == "b" else pd.arrays.IntegerArray
            return make(data, mask)
        if arrow_format in "efg" or batches.null_count(i) == 0:
            return self._filled(dtype, batches.fill_values, i)
        if arrow_format == "b":
            return self.objects(i)
        return self._filled("f8", batches.fill_float64, i)

    def _time(self, i, arrow_format):
        try:
            ints = self._filled("i8", self.batches.fill_datetime_ns, i)
        except OverflowError as error:
            raise pd.errors.OutOfBoundsDatetime(str(error)) from None
        if arrow_format[:2] == "tD":
            return ints.view("m8[ns]")
        zone = arrow_format.split(":", 1)[1] if arrow_format[:2] == "ts" else ""
        if not zone:
            return ints.view("M8[ns]")
        return pd.DatetimeIndex(ints.view("M8[ns]"), tz="UTC").tz_convert(_zone(zone))

    def _text(self, i, numpy_type):
        if numpy_type == "string":
            return pd.array(self.objects(i), dtype="string")
        if not _PANDAS_3:
            return self.objects(i)
        try:
            import pyarrow
        except ImportError:
            return pd.array(self.objects(i), dtype="str")
        if self.table is None:
            self.table = pyarrow.table(self.batches)
            self.text_dtype = pd.StringDtype(na_value=np.nan)
        return pd.array(self.table.column(i).cast(pyarrow.large_string()), dtype=self.text_dtype)

    def objects(self, i):
        return self._filled(object, self.batches.fill_objects, i)


def _list_array(items):
    """The items of a list; lists among them become arrays of their own. Texts stay objects: NumPy's own cut zeros off."""
    if not any(isinstance(item, (list, str, bytes)) for item in items):
        return np.array(items) if items else np.array([], dtype=object)
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = _list_array(item) if isinstance(item, list) else item
    return array


def _zone(name):
    """A fixed offset such as ``+01:00`` as minutes, an IANA name as it is."""
    if name[:1] in "+-":
        import datetime

        sign = -1 if name[0] == "-" else 1
        hours, _, minutes = name[1:].partition(":")
        return datetime.timezone(sign * datetime.timedelta(hours=int(hours), minutes=int(minutes or 0)))
    return name
