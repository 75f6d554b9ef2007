"""
An Arrow stream as a pandas frame, through NumPy memory that the C side fills.

Dtypes are those that kartothek 5.3 gives: timestamps in ns, integers with nulls as float64 (or the nullable dtype that the file
names), dates as ``datetime64[ns]`` or ``datetime.date``, text as ``object`` (as ``str`` from pandas 3 on).
"""
import importlib
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
    "Float32": "f",
    "Float64": "g",
    "boolean": "b",
}

_NULLABLE_OF_TABLES = {"l": "Int64", "L": "UInt64", "g": "Float64"}

_PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3

#: pandas before 2 has times in nanoseconds alone
_HAS_UNITS = hasattr(pd.Timestamp, "as_unit")

#: how the names of dtypes of pandas begin that are made of Arrow data of another type
_MADE = ("period[", "interval[")

#: how they end that are Arrow data of that very type
_IS_ARROW = "[pyarrow]"


def frame_from_stream(stream, dates_as_object=False, categoricals=(), with_index=False, position=None, columns=None, shared=False):
    """
    Read the stream to its end into a frame with a RangeIndex, or that which was stored. ``categoricals`` become categories in order of appearance.
    ``columns``: of those, in that order; None: of all.

    With ``position``, a column that says which partition a row is of, rows are counted in each partition by itself, as
    a concatenation has it; the categories of the partition with most rows come first then, the others sorted. That column is no part of the frame.

    Columns of numbers and times that lie in Arrow memory as NumPy has them are not copied, unless that memory is ``shared`` with somebody.
    """
    return frame_from_batches(stream.read(), dates_as_object, categoricals, with_index, position, columns, shared)


def frame_from_batches(batches, dates_as_object=False, categoricals=(), with_index=False, position=None, columns=None, shared=False):
    """The same, of a stream that has been read."""
    numpy_types = _numpy_types(batches)
    reader = _Reader(batches, dates_as_object, shared)
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
    """
    {column: numpy_type} of the stream's ``pandas`` metadata.

    Schemas of tables do not tell nullable numbers: a column is of such a dtype if one of its files is, as pandas concatenates frames.
    """
    found = _types_in(_pandas_metadata(batches))
    formats = {name: arrow_format for name, arrow_format, _ in batches.columns}
    for entry in [] if batches.nullable is None else json.loads(batches.nullable):
        for name, numpy_type in _types_in(entry).items():
            if numpy_type in _NULLABLE and formats.get(name) in _NULLABLE_OF_TABLES:
                found[name] = _NULLABLE_OF_TABLES[formats[name]]
    return found


def _types_in(entry):
    try:
        return {column.get("field_name", column.get("name")): column.get("numpy_type") for column in entry.get("columns", [])}
    except (TypeError, AttributeError):
        return {}


def index_field(batches):
    """Where the index of the frame is that was stored: the name of a column, a dict of a range, or None."""
    fields = _pandas_metadata(batches).get("index_columns")
    return fields[0] if isinstance(fields, list) and len(fields) == 1 else None


def _indexed(frame, batches):
    """The frame with the index that was stored, in a column or as a range, where there is one."""
    field = index_field(batches)
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


#: NumPy's units of time by those of Arrow formats
_UNITS = {"s": "s", "m": "ms", "u": "us", "n": "ns"}


class _Taken:
    """Memory of a column, in NumPy's array interface; an array of it keeps this object, and with it the memory."""

    def __init__(self, address, owner, dtype, count):
        self.owner = owner
        self.__array_interface__ = {"version": 3, "shape": (count,), "typestr": np.dtype(dtype).str, "data": (address, False)}


class _Reader:
    def __init__(self, batches, dates_as_object, shared=True):
        self.batches = batches
        self.count = batches.row_count
        self.dates_as_object = dates_as_object
        self.shared = shared  # whether the memory of the batches must stay as it is
        self.text_dtype = None  # made when first wanted: to parse "str" takes longer than to make a column of it

    def _filled(self, dtype, fill, i, *more):
        array = np.empty(self.count, dtype=dtype)
        fill(i, array.ctypes.data, *more)
        return array

    def _taken_or_filled(self, dtype, fill, i):
        taken = None if self.shared else self.batches.take(i)
        return self._filled(dtype, fill, i) if taken is None else np.asarray(_Taken(*taken, dtype, self.count))

    def column(self, i, arrow_format, numpy_type):
        dtype = _dtype_of(numpy_type)
        if isinstance(dtype, pd.PeriodDtype) and arrow_format == "l":
            return self._periods(i, dtype)
        if isinstance(dtype, pd.IntervalDtype) and arrow_format == "+s":
            return self._intervals(i, dtype)
        if dtype is not None and hasattr(dtype, "pyarrow_dtype"):
            return self._of_arrow(i, dtype)
        if arrow_format in _FIXED or arrow_format == "b":
            return self._number(i, arrow_format, numpy_type)
        if arrow_format[:2] == "td" and self.dates_as_object:
            return self.objects(i)
        if arrow_format[:2] in ("td", "ts", "tD"):
            return self._time(i, arrow_format)
        if arrow_format in ("u", "U", "vu"):
            return self._text(i, numpy_type)
        if arrow_format[0] == "+":
            return self._nested(i, arrow_format)
        return self.objects(i)

    def _number(self, i, arrow_format, numpy_type):
        batches = self.batches
        nullable = _NULLABLE.get(numpy_type)
        dtype = "bool" if arrow_format == "b" else _FIXED[arrow_format]
        if nullable == arrow_format:
            mask = self._filled("bool", batches.fill_mask, i)
            data = self._taken_or_filled(dtype, batches.fill_values, i)
            return _masked_array(arrow_format)(data, mask)
        if arrow_format in "efg" or batches.null_count(i) == 0:
            return self._taken_or_filled(dtype, batches.fill_values, i)
        if arrow_format == "b":
            return self.objects(i)
        return self._filled("f8", batches.fill_float64, i)

    def _time(self, i, arrow_format):
        try:
            ints = self._taken_or_filled("i8", self.batches.fill_datetime_ns, i)
        except OverflowError as error:
            raise pd.errors.OutOfBoundsDatetime(str(error)) from None
        if arrow_format[:2] == "tD":
            return ints.view("m8[ns]")
        zone = arrow_format.split(":", 1)[1] if arrow_format[:2] == "ts" else ""
        if not zone:
            return ints.view("M8[ns]")
        return pd.DatetimeIndex(ints.view("M8[ns]"), tz="UTC").tz_convert(_zone(zone))

    def _of_arrow(self, i, dtype):
        import pyarrow

        return dtype.__from_arrow__(pyarrow.table(self.batches.only(i)).column(0))

    def _periods(self, i, dtype):
        ordinals = self._filled("i8", self.batches.fill_values, i)
        ordinals[self._filled("bool", self.batches.fill_mask, i)] = pd.NaT.value
        return pd.arrays.PeriodArray(ordinals, dtype=dtype)

    def _intervals(self, i, dtype):
        inner = _Reader(self.batches.nested(i), self.dates_as_object)
        sides = [pd.Index(inner.column(k, inner.batches.columns[k][1], None)) for k in range(2)]
        if _HAS_UNITS:
            sides = [side.astype(dtype.subtype) for side in sides]
        return pd.arrays.IntervalArray.from_arrays(*sides, closed=dtype.closed)

    def _text(self, i, numpy_type):
        if numpy_type == "string":
            dtype = pd.StringDtype()
            if getattr(dtype, "storage", "python") == "python":
                return pd.arrays.StringArray(self._filled(object, self.batches.fill_objects, i, pd.NA))
            return self._text_of_arrow(i, dtype)
        if not _PANDAS_3:
            return self.objects(i)
        if not _has_pyarrow():
            return pd.array(self.objects(i), dtype="str")
        if self.text_dtype is None:
            self.text_dtype = pd.StringDtype(na_value=np.nan)
        return self._text_of_arrow(i, self.text_dtype)

    def _text_of_arrow(self, i, dtype):
        import pyarrow

        return pd.array(pyarrow.table(self.batches.only(i)).column(0).cast(pyarrow.large_string()), dtype=dtype)

    def objects(self, i):
        return self._filled(object, self.batches.fill_objects, i)

    def _nested(self, i, arrow_format):
        """Lists as arrays, structs as dicts, maps as lists of pairs."""
        inner = _Reader(self.batches.nested(i), self.dates_as_object)
        if arrow_format == "+s":
            names = [name for name, _, _ in inner.batches.columns]
            fields = [inner.field(k) for k in range(len(names))]
            return self._filled(object, self.batches.fill_dicts, i, names, [field.ctypes.data for field in fields])
        if arrow_format == "+m":
            pairs = _Reader(inner.batches.nested(0), self.dates_as_object)
            keys, values = pairs.field(0), pairs.field(1)
            return self._filled(object, self.batches.fill_pairs, i, keys.ctypes.data, values.ctypes.data)
        return self._filled(object, self.batches.fill_slices, i, inner.items(0))

    def items(self, i):
        """A column inside of another one as an array of NumPy's own: times keep their unit."""
        arrow_format = self.batches.columns[i][1]
        if arrow_format == "n":
            return self.objects(i)
        if arrow_format in _FIXED or arrow_format == "b":
            return self._number(i, arrow_format, None)
        if arrow_format == "tdD" and not self.dates_as_object:
            days = self._filled("i4", self.batches.fill_values, i).astype("M8[D]")
            days[self._filled("bool", self.batches.fill_mask, i)] = np.datetime64("NaT")
            return days
        if arrow_format[:2] in ("ts", "tD"):
            kind = "M8" if arrow_format[:2] == "ts" else "m8"
            return self._filled("i8", self.batches.fill_values, i).view("{}[{}]".format(kind, _UNITS[arrow_format[2]]))
        if arrow_format[0] == "+":
            return self._nested(i, arrow_format)
        return self.objects(i)

    def field(self, i):
        """A column inside of another one as an array of objects, None where it is null."""
        arrow_format = self.batches.columns[i][1]
        if arrow_format in _FIXED and self.batches.null_count(i) > 0:
            return self.objects(i)
        array = self.items(i)
        if arrow_format[:2] == "ts" and arrow_format[4:]:
            array = pd.DatetimeIndex(array, tz="UTC").tz_convert(_zone(arrow_format[4:])).to_pydatetime()
        array = np.ascontiguousarray(array, dtype=object)
        if arrow_format[:2] == "ts":
            array[self._filled("bool", self.batches.fill_mask, i)] = None
        return array


def _dtype_of(numpy_type):
    """The dtype of periods, intervals or Arrow data that the metadata names; None for others, and for one that this pandas does not know."""
    if not isinstance(numpy_type, str) or not (numpy_type.startswith(_MADE) or (numpy_type.endswith(_IS_ARROW) and _has_pyarrow())):
        return None
    try:
        return pd.api.types.pandas_dtype(numpy_type)
    except (ImportError, NotImplementedError, TypeError, ValueError):
        return None


def _masked_array(arrow_format):
    if arrow_format == "b":
        return pd.arrays.BooleanArray
    return pd.arrays.FloatingArray if arrow_format in "fg" else pd.arrays.IntegerArray


def _has_pyarrow():
    try:
        return bool(importlib.import_module("pyarrow"))
    except ImportError:
        return False


def _zone(name):
    """A fixed offset such as ``+01:00`` as minutes, an IANA name as it is."""
    if name[:1] in "+-":
        import datetime

        sign = -1 if name[0] == "-" else 1
        hours, _, minutes = name[1:].partition(":")
        return datetime.timezone(sign * datetime.timedelta(hours=int(hours), minutes=int(minutes or 0)))
    return name
