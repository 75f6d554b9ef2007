"""
Types of columns by the names that Arrow gives them (``"int64"``, ``"string"``, ``"timestamp[ns]"``), so that pyarrow is needed only by those who
ask for its objects.
"""
from kartothek._lazy import LazyModule

datetime = LazyModule("datetime")
re = LazyModule("re")
np = LazyModule("numpy")
pd = LazyModule("pandas")

_ALIASES = {
    "binary": "binary", "bool": "bool", "boolean": "bool", "date32": "date32[day]", "date64": "date64[ms]", "float16": "halffloat",
    "float32": "float", "float64": "double", "utf8": "string", "large_utf8": "large_string", "str": "string",
}  # fmt: skip
_INTEGERS = "u?int(8|16|32|64)$"
_REALS = ("halffloat", "float", "double")
_TEXTS = ("string", "large_string", "string_view")
_BINARIES = ("binary", "large_binary", "binary_view")


def type_name(dtype):
    """The name of a pyarrow type or of one that is a name already; None for None."""
    if dtype is None:
        return None
    name = str(dtype)
    return _ALIASES.get(name, name)


def pyarrow_type(name):
    """The pyarrow type of that name. ImportError without pyarrow."""
    import pyarrow as pa

    zone = time_zone(name)
    if zone is not None:
        return pa.timestamp(name[len("timestamp[") :].split(",")[0], zone)
    decimal = re.match(r"decimal(?:128)?\((\d+), (-?\d+)\)$", name)
    if decimal:
        return pa.decimal128(int(decimal.group(1)), int(decimal.group(2)))
    return pa.type_for_alias({"halffloat": "float16"}.get(name, name))


def is_nested(name):
    return name.startswith(("list", "large_list", "fixed_size_list", "struct", "map", "dense_union", "sparse_union"))


def is_integer(name):
    return re.match(_INTEGERS, name) is not None


def is_date(name):
    return name.startswith("date")


def is_temporal(name):
    """A time stamp; the original takes times of day for one, too."""
    return name.startswith(("timestamp", "time32", "time64"))


def time_zone(name):
    """The zone of a type of time stamps, None without one."""
    zoned = re.match(r"timestamp\[(?:s|ms|us|ns), tz=(.+)\]$", name)
    return zoned.group(1) if zoned else None


def normalised(name):
    """The type that a dataset's schema has for it: the widest number, the values of a dictionary."""
    if is_integer(name):
        return "uint64" if name.startswith("u") else "int64"
    if name in _REALS:
        return "double"
    dictionary = re.match(r"dictionary<values=(.+), indices=.+>$", name)
    return dictionary.group(1) if dictionary else name


def type_of_values(values):
    """The type of Python values, by the first one."""
    value = next(iter(values), None)
    if isinstance(value, (bool, np.bool_)):
        return "bool"
    if isinstance(value, (int, np.integer)):
        return "uint64" if max(values) > 2**63 - 1 else "int64"
    if isinstance(value, (float, np.floating)):
        return "double"
    if isinstance(value, str):
        return "string"
    if isinstance(value, bytes):
        return "binary"
    if isinstance(value, np.datetime64) or (isinstance(value, datetime.datetime) and hasattr(value, "nanosecond")):
        return "timestamp[ns]"
    if isinstance(value, datetime.datetime):
        return "timestamp[us]"
    return "date32[day]" if isinstance(value, datetime.date) else "null"


def normalize_value(dtype, value):
    """
    A value as one of a type, as the columns of a dataset hold it: ``"1"`` becomes the integer 1, a time stamp ``numpy.datetime64[ns]`` in UTC.

    ValueError or TypeError for what is none.
    """
    name = type_name(dtype)
    if name is None:
        raise ValueError("Cannot normalize index values as long as dtype is not set")
    if name in _TEXTS:
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    if name in _BINARIES:
        return value if isinstance(value, bytes) else str(value).encode("utf-8")
    if name == "bool":
        return _bool(value)
    if is_integer(name):
        return int(value)
    if name in _REALS:
        return float(value)
    if is_date(name):
        return pd.Timestamp(_text_or(value)).date()
    if is_temporal(name):
        return _moment(value)
    raise NotImplementedError("Cannot normalize index value for type {}".format(name))


def _text_or(value):
    return value.decode("utf-8") if isinstance(value, bytes) else value


def _bool(value):
    if not isinstance(value, (str, bytes)):
        return bool(value)
    text = _text_or(value).lower()
    if text not in ("true", "false"):
        raise ValueError('Cannot parse boolean value "{}"'.format(_text_or(value)))
    return text == "true"


def _moment(value):
    stamp = pd.Timestamp(_text_or(value))
    if stamp is not pd.NaT and stamp.tzinfo is not None:
        stamp = stamp.tz_convert("UTC").tz_localize(None)
    return np.datetime64(stamp.to_datetime64(), "ns")


def array_of(name, values, date_as_object=True):
    """A NumPy array of normalised values."""
    if is_date(name):
        return np.array(values, dtype=object) if date_as_object else np.array(values, dtype="datetime64[D]").astype("datetime64[ns]")
    if is_temporal(name):
        return np.array(values, dtype="datetime64[ns]")
    if is_integer(name):
        return np.array(values, dtype=name)
    if name in _REALS:
        return np.array(values, dtype={"halffloat": "f2", "float": "f4", "double": "f8"}[name])
    if name == "bool":
        return np.array(values, dtype=bool)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
