"""
A pandas frame as an Arrow stream of one batch.

Numeric memory is lent, not copied. Each column is described to the C side by a small tuple (see ``frame_in.c``); what pandas
knows of the columns goes along as the ``pandas`` metadata that pyarrow would write (dataset.md 3.3).
"""
import json
import operator

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from kartothek import _core
from kartothek.io_components.utils import sort_values_categorical

#: Arrow format by NumPy's kind and width
_FIXED = {
    "b1": "b",
    "i1": "c",
    "u1": "C",
    "i2": "s",
    "u2": "S",
    "i4": "i",
    "u4": "I",
    "i8": "l",
    "u8": "L",
    "f2": "e",
    "f4": "f",
    "f8": "g",
}

#: name of pandas_type by Arrow format, for types without parameters
_PANDAS_TYPE = {
    "n": "empty",
    "b": "bool",
    "c": "int8",
    "C": "uint8",
    "s": "int16",
    "S": "uint16",
    "i": "int32",
    "I": "uint32",
    "l": "int64",
    "L": "uint64",
    "e": "float16",
    "f": "float32",
    "g": "float64",
    "u": "unicode",
    "z": "bytes",
    "tdD": "date",
    "ttu": "time",
}

#: objects that stand for null besides None and NaN
_NULLS = (pd.NaT, pd.NA)

_PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3

#: pandas before 2 has times in nanoseconds alone
_HAS_UNITS = hasattr(pd.Timestamp, "as_unit")


class _Column:
    """What the C side is told of a column, and what the metadata says of it."""

    def __init__(self, description, pandas_type, numpy_type, metadata=None):
        self.description = description
        self.pandas_type = pandas_type
        self.numpy_type = numpy_type
        self.metadata = metadata


def is_arrow(data):
    """
    Whether it is Arrow data of another library. A frame of pandas 2 and later has the protocol, too, through pyarrow, but ours keeps what pandas knows
    of the columns.
    """
    return not isinstance(data, pd.DataFrame) and (hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"))


def stream_of(data, sort_by=()):
    """What the C side takes as the rows of a frame, or of Arrow data, in the order of some columns."""
    if not is_arrow(data):
        _check_dtypes(data)
        return frame_stream(sort_values_categorical(data, list(sort_by)))
    if sort_by:
        raise TypeError("sort_partitions_by sorts pandas frames, not {}; sort the data before.".format(type(data)))
    return data


def _check_dtypes(df):
    """TypeError for dtypes that a file has, but no dataset: kartothek 5.3 cannot load its schema."""
    for name, dtype in df.dtypes.items() if isinstance(df, pd.DataFrame) else ():
        if isinstance(dtype, (pd.IntervalDtype, pd.PeriodDtype)):
            raise TypeError("Column '{}': data type {} cannot be stored in a dataset; store times, or both ends of an interval".format(name, dtype))


def name_of(name):
    """The text that a file has for the name of a column, as pyarrow writes it."""
    if isinstance(name, tuple):
        return str(tuple(map(name_of, name)))
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)


def frame_stream(df):
    """The frame as a ``_core.Stream``. TypeError for a column that has no Arrow type; ValueError for duplicate names."""
    if not isinstance(df, pd.DataFrame):
        raise TypeError("Expected a pandas.DataFrame, got {}".format(type(df)))
    names = [name_of(name) for name in df.columns]
    if len(set(names)) < len(names):
        raise ValueError("Duplicate column names found: {}".format(list(df.columns)))
    keep = []  # NumPy arrays whose memory is lent
    columns = [(name, _describe(name, series, keep)) for name, (_, series) in zip(names, df.items())]
    index_fields, index_columns = _index_columns(df.index, names, keep)
    entries = [_entry(name, name, column) for name, column in columns]
    entries += [_entry(field, name, column) for field, name, column in index_columns]
    columns += [(field, column) for field, _, column in index_columns]
    metadata = {
        "column_indexes": [
            {
                "field_name": None,
                "metadata": {"encoding": "UTF-8"},
                "name": None,
                "numpy_type": "object",
                "pandas_type": "unicode",
            }
        ],
        "columns": entries,
        "creator": {"library": "kartothek", "version": _core.version()},
        "index_columns": index_fields,
        "pandas_version": pd.__version__,
    }
    described = [(name, column.description) for name, column in columns]
    return _core.frame_stream(described, json.dumps(metadata), len(df), keep)


def _entry(field_name, name, column):
    return {
        "field_name": field_name,
        "metadata": column.metadata,
        "name": name,
        "numpy_type": column.numpy_type,
        "pandas_type": column.pandas_type,
    }


def _index_columns(index, names, keep):
    """(entries of ``index_columns``, [(field, name, column)] of those that are stored). A RangeIndex is stored as metadata alone."""
    if isinstance(index, pd.RangeIndex):
        name = None if index.name is None else name_of(index.name)
        span = {"kind": "range", "name": name, "start": index.start, "step": index.step, "stop": index.stop}
        return [span], []
    if isinstance(index, pd.MultiIndex):
        raise NotImplementedError("Treatement of MultiIndex not implemented.")
    name = None if index.name is None else name_of(index.name)
    field = name if name is not None and name not in names else "__index_level_0__"
    return [field], [(field, name, _describe(field, index.to_series(), keep))]


def _describe(name, series, keep):
    dtype = series.dtype
    values = series.array
    if isinstance(dtype, pd.CategoricalDtype):
        return _categorical(name, values, keep)
    if isinstance(dtype, pd.DatetimeTZDtype):
        unit = getattr(dtype, "unit", "ns")
        zone = _zone_name(dtype.tz)
        ints = np.ascontiguousarray(values.asi8) if hasattr(values, "asi8") else series.astype("int64").to_numpy()
        column = _fixed(ints, "ts{}:{}".format(unit[0], zone), keep)
        return _Column(column, "datetimetz", "datetime64[ns]", {"timezone": zone})
    if isinstance(dtype, np.dtype):
        return _numpy(name, series.to_numpy(), keep)
    if isinstance(dtype, pd.PeriodDtype):
        return _periods(values, keep)
    if isinstance(dtype, pd.IntervalDtype):
        return _intervals(name, values, keep)
    if hasattr(values, "_mask") and hasattr(values, "_data"):
        return _masked(values, str(dtype), keep)
    if isinstance(dtype, pd.StringDtype):
        # `str` of pandas 3 (missing value NaN) is stored as plain text, so that every reader takes it; NA strings keep their name.
        is_na = getattr(dtype, "na_value", pd.NA) is pd.NA
        return _Column(_text(values, keep), "unicode", "string" if is_na else "object")
    if hasattr(values, "_pa_array") or (hasattr(dtype, "pyarrow_dtype") and hasattr(values, "__arrow_array__")):
        return _arrow(name, values)
    raise TypeError("Column '{}': data type {} cannot be stored in Parquet".format(name, dtype))


def _fixed(array, arrow_format, keep, mask=None):
    array = np.ascontiguousarray(array)
    keep.append(array)
    mask_address = 0
    if mask is not None:
        mask = np.ascontiguousarray(mask, dtype=np.uint8)
        keep.append(mask)
        mask_address = mask.ctypes.data
    return ("fixed", arrow_format, array.ctypes.data, mask_address)


def _numpy(name, array, keep):
    dtype = array.dtype
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
        dtype = array.dtype
    code = dtype.kind + str(dtype.itemsize)
    if code in _FIXED:
        arrow_format = _FIXED[code]
        return _Column(_fixed(array, arrow_format, keep), _PANDAS_TYPE[arrow_format], str(dtype))
    if dtype.kind in "mM":
        unit = np.datetime_data(dtype)[0]
        if unit not in ("s", "ms", "us", "ns"):
            array, unit = array.astype("{}8[ns]".format(dtype.kind)), "ns"
        ints = array.view("i8")
        if dtype.kind == "M":
            return _Column(_fixed(ints, "ts{}:".format(unit[0]), keep), "datetime", "datetime64[ns]")
        return _Column(_fixed(ints, "tD{}".format(unit[0]), keep), "timedelta", "timedelta64[ns]")
    if dtype.kind in "OUS":
        return _objects(name, array.astype(object, copy=False), keep)
    raise TypeError("Column '{}': data type {} cannot be stored in Parquet".format(name, dtype))


def _masked(values, numpy_type, keep):
    data = values._data
    arrow_format = _FIXED[data.dtype.kind + str(data.dtype.itemsize)]
    return _Column(_fixed(data, arrow_format, keep, values._mask), _PANDAS_TYPE[arrow_format], numpy_type)


def _object_column(array, keep, kind):
    array = np.ascontiguousarray(array, dtype=object)
    keep.append(array)
    return ("objects", array.ctypes.data, _NULLS, kind)


def _text(values, keep):
    chunked = getattr(values, "_pa_array", None)
    if chunked is None:
        chunked = getattr(values, "_data", None)
    if hasattr(chunked, "combine_chunks") and hasattr(chunked, "__arrow_c_stream__"):
        return ("arrow", _plain_text(_one_chunk(chunked)))
    array = values.to_numpy(dtype=object) if hasattr(values, "to_numpy") else np.asarray(values, dtype=object)
    return _object_column(array, keep, "text")


def _plain_text(array):
    """Texts whose places have 32 bits, where they fit: kartothek 5.3 has no predicates on others."""
    return array.cast("string") if str(array.type) == "large_string" and array.nbytes < 1 << 31 else array


def _one_chunk(chunked):
    if getattr(chunked, "num_chunks", 0) == 1:
        return chunked.chunk(0)
    combined = chunked.combine_chunks()
    return combined.chunk(0) if hasattr(combined, "chunk") and combined.num_chunks == 1 else combined


def _arrow(name, values):
    """A column that already is Arrow data (``ArrowDtype``); pyarrow is there, then."""
    chunked = getattr(values, "_pa_array", None)
    if chunked is None:
        chunked = values.__arrow_array__()
    array = _plain_text(_one_chunk(chunked))
    if not hasattr(array, "__arrow_c_array__"):
        raise TypeError("Column '{}': needs pyarrow 14 or newer to be stored".format(name))
    pandas_type, numpy_type = _names_of_arrow(array.type)
    return _Column(("arrow", array), pandas_type, numpy_type)


def _names_of_arrow(arrow_type):
    text = str(arrow_type)
    plain = {"string": "unicode", "large_string": "unicode", "binary": "bytes", "date32[day]": "date", "double": "float64"}
    plain.update({"float": "float32", "halffloat": "float16", "bool": "bool", "null": "empty"})
    if text in plain:
        name = plain[text]
        return name, name if name.startswith(("float", "bool")) else "object"
    if text.startswith(("int", "uint")):
        return text, text
    if text.startswith("timestamp"):
        return ("datetimetz" if "tz=" in text else "datetime"), "datetime64[ns]"
    return "object", "object"


def _extension(name, storage, parameters, dtype):
    """A type of pandas' own, called in the file as pandas registers it with pyarrow."""
    return _Column(("extension", name, json.dumps(parameters), storage), "object", str(dtype))


def _periods(values, keep):
    storage = _fixed(values.asi8, "l", keep, values.isna())
    return _extension("pandas.period", storage, {"freq": str(values.dtype)[len("period[") : -1]}, values.dtype)


def _intervals(name, values, keep):
    """A struct of both sides. pandas before 2 cannot read the name of one with a zone."""
    if isinstance(values.dtype.subtype, pd.DatetimeTZDtype) and not _HAS_UNITS:
        raise TypeError("Column '{}': data type {} cannot be stored in Parquet".format(name, values.dtype))
    mask = np.ascontiguousarray(values.isna(), dtype=np.uint8)
    keep.append(mask)
    sides = [_side(name, side, keep) for side in (values.left, values.right)]
    storage = ("struct", mask.ctypes.data, list(zip(("left", "right"), sides)))
    parameters = {"subtype": _arrow_name(sides[0][1]), "closed": values.closed}
    return _extension("pandas.interval", storage, parameters, values.dtype)


def _side(name, index, keep):
    """Times in microseconds, which a file of any version holds, where they are whole ones: an extension type is none if its storage is changed."""
    series = index.to_series()
    if series.dtype.kind == "M" and (series == series.dt.floor("us"))[series.notna()].all():
        if isinstance(series.dtype, np.dtype):
            return _numpy(name, series.to_numpy().astype("M8[us]"), keep).description
        series = series.dt.as_unit("us")
    return _describe(name, series, keep).description


def _arrow_name(arrow_format):
    """pyarrow's name of a type that an interval can have."""
    names = {"g": "double", "f": "float"}
    if arrow_format[0] != "t":
        return names.get(arrow_format) or _PANDAS_TYPE[arrow_format]
    zone = arrow_format.partition(":")[2]
    kind = "duration" if arrow_format[1] == "D" else "timestamp"
    return "{}[{}{}]".format(kind, {"s": "s", "m": "ms", "u": "us", "n": "ns"}[arrow_format[2]], ", tz=" + zone if zone else "")


def _categorical(name, values, keep):
    if isinstance(values.categories.dtype, (pd.IntervalDtype, pd.PeriodDtype)):
        raise TypeError("Column '{}': categories of data type {} cannot be stored in Parquet".format(name, values.categories.dtype))
    codes = np.ascontiguousarray(values.codes)
    keep.append(codes)
    categories = values.categories
    inner = _describe(name, categories.to_series(), keep)
    description = (
        "dictionary",
        _FIXED[codes.dtype.kind + str(codes.dtype.itemsize)],
        codes.ctypes.data,
        bool(values.ordered),
        len(categories),
        inner.description,
    )
    metadata = {"num_categories": len(categories), "ordered": bool(values.ordered)}
    return _Column(description, "categorical", str(codes.dtype), metadata)


def _zone_name(tz):
    """The zone's IANA name, or its fixed offset as ``+HH:MM``."""
    name = getattr(tz, "zone", None) or getattr(tz, "key", None)
    if name is not None:
        return name
    offset = tz.utcoffset(None) if hasattr(tz, "utcoffset") else None
    if offset is None:
        return str(tz)
    minutes = int(offset.total_seconds() // 60)
    if minutes == 0:
        return "UTC"
    return "{}{:02d}:{:02d}".format("-" if minutes < 0 else "+", abs(minutes) // 60, abs(minutes) % 60)


# ---- columns of Python objects ----


#: pandas_type of the kinds that the C side makes columns of by itself
_OBJECT_KINDS = {
    "empty": "empty",
    "text": "unicode",
    "bytes": "bytes",
    "bool": "bool",
    "int": "int64",
    "uint": "uint64",
    "float": "float64",
    "date": "date",
    "time": "time",
}

#: NumPy's numbers as objects, where they are not those of Python as well
_NUMPY_SCALARS = (np.integer, np.bool_, np.float16, np.float32)


def _objects(name, array, keep):
    array = np.ascontiguousarray(array)
    kind = _core.object_kind(array.ctypes.data, len(array), _NULLS, np.ndarray)
    if kind in _OBJECT_KINDS:
        return _Column(_object_column(array, keep, kind), _OBJECT_KINDS[kind], "object")
    if kind in _PARTED:
        return _PARTED[kind](name, array, keep)
    convert = _CONVERSIONS.get(infer_dtype(array, skipna=True))
    if convert is not None:
        return convert(array, keep)
    plain = np.empty(len(array), dtype=object)
    _core.plain_objects(array.ctypes.data, len(array), _NUMPY_SCALARS, plain.ctypes.data)
    if _core.object_kind(plain.ctypes.data, len(plain), _NULLS, np.ndarray) != "other":
        return _objects(name, plain, keep)
    types = sorted({type(value).__name__ for value in array if _is_value(value)})
    raise TypeError("Column '{}': cannot store objects of type {} in one column".format(name, ", ".join(types)))


def _is_value(value):
    return value is not None and value is not pd.NaT and value is not pd.NA and value == value


def _datetimes(array, keep):
    index = pd.to_datetime(pd.Series(array, dtype=object))
    return _describe("", index, keep)


def _timedeltas(array, keep):
    return _describe("", pd.to_timedelta(pd.Series(array, dtype=object)), keep)


#: by pandas' name for the common type
_CONVERSIONS = {
    "datetime": _datetimes,
    "datetime64": _datetimes,
    "timedelta": _timedeltas,
    "timedelta64": _timedeltas,
}


def _durations(name, array, keep):
    """In microseconds, as Python has them; pandas 1 and 2 know durations in nanoseconds alone."""
    if not _PANDAS_3:
        return _timedeltas(array, keep)
    return _Column(_object_column(array, keep, "timedelta"), "timedelta", "timedelta64[ns]")


def _decimals(name, array, keep):
    """Precision and scale are the smallest that hold every value, as pyarrow has it."""
    mask = np.empty(len(array), dtype=np.uint8)
    precision, scale, data = _core.decimal_values(name, array.ctypes.data, len(array), _NULLS, mask.ctypes.data)
    values = np.frombuffer(data or b"\0", dtype=np.uint8)
    suffix = "" if precision <= 38 else ",256"
    column = _fixed(values, "d:{},{}{}".format(precision, scale, suffix), keep, mask)
    return _Column(column, "decimal", "object", {"precision": precision, "scale": scale})


def _lists(name, array, keep):
    offsets = np.zeros(len(array) + 1, dtype=np.int32)
    mask = np.empty(len(array), dtype=np.uint8)
    place = (name, array.ctypes.data, len(array))
    count, has_lists = _core.list_offsets(*place, _NULLS, offsets.ctypes.data, mask.ctypes.data)
    items = None if has_lists else _joined(array[offsets[1:] > offsets[:-1]].tolist())
    if items is None:
        items = np.empty(count, dtype=object)
        _core.list_items(*place, offsets.ctypes.data, items.ctypes.data)
    inner = _numpy(name, items, keep)
    keep.extend([offsets, mask])
    description = ("list", offsets.ctypes.data, mask.ctypes.data, len(items), inner.description)
    return _Column(description, "list[{}]".format(inner.pandas_type), "object")


def _joined(arrays):
    """Arrays that are not empty as one, if they are of one type of NumPy's own. An empty one tells no type: it is one of objects after a read."""
    dtypes = set(map(operator.attrgetter("dtype"), arrays))
    if len(dtypes) != 1 or next(iter(dtypes)).kind == "O" or set(map(operator.attrgetter("ndim"), arrays)) != {1}:
        return None
    return np.concatenate(arrays)


def _dicts(name, array, keep):
    """Structs with all keys in alphabetical order, whatever the order in which rows have them."""
    mask = np.empty(len(array), dtype=np.uint8)
    names = sorted(_core.dict_names(name, array.ctypes.data, len(array), _NULLS, mask.ctypes.data))
    if not names:
        raise TypeError("Column '{}': dicts without any key cannot be stored in Parquet".format(name))
    fields = []
    for key in names:
        values = np.empty(len(array), dtype=object)
        _core.dict_values(array.ctypes.data, len(array), mask.ctypes.data, key, values.ctypes.data)
        fields.append((key, _numpy("{}.{}".format(name, key), values, keep).description))
    keep.append(mask)
    return _Column(("struct", mask.ctypes.data, fields), "object", "object")


#: kinds of which the C side makes the parts
_PARTED = {"timedelta": _durations, "decimal": _decimals, "list": _lists, "dict": _dicts}
