"""
Our results in the neutral encoding of the golden expectations (tests/data/golden/FORMAT.md), by way of pyarrow or of a pandas frame.
"""
import datetime
import decimal
import hashlib
import json

UNIT_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def integer(value):
    return value if abs(value) <= 2**53 else str(value)


def real(value):
    text = repr(float(value))
    return text


def days(value):
    """A date that may lie outside Python's years."""
    if 1 - 719163 <= value <= 3652059 - 719163:
        return datetime.date.fromordinal(value + 719163).isoformat()
    return {"days": value}



def column_values(array):
    """Values of a pyarrow array (a chunk or a combined one) in the golden encoding."""
    import pyarrow as pa

    t = array.type
    nulls = array.is_null().to_pylist()
    if pa.types.is_dictionary(t):
        return column_values(array.dictionary_decode())
    if pa.types.is_timestamp(t) or pa.types.is_duration(t) or pa.types.is_time(t):
        raw = array.cast(pa.int32()).cast(pa.int64()) if pa.types.is_time32(t) else array.cast(pa.int64())
        return [None if n else str(v * UNIT_NS[t.unit]) for v, n in zip(raw.to_pylist(), nulls)]
    if pa.types.is_date32(t):
        return [None if n else days(v) for v, n in zip(array.cast(pa.int32()).to_pylist(), nulls)]
    if pa.types.is_date64(t):
        return [None if n else days(v // 86400000) for v, n in zip(array.cast(pa.int64()).to_pylist(), nulls)]
    if pa.types.is_floating(t):
        return [None if n or v != v else real(v) for v, n in zip(array.to_pylist(), nulls)]
    if pa.types.is_struct(t):
        fields = {t.field(i).name: column_values(array.field(i)) for i in range(t.num_fields)}
        return [None if n else {name: values[row] for name, values in fields.items()} for row, n in enumerate(nulls)]
    if pa.types.is_list(t) or pa.types.is_large_list(t) or pa.types.is_map(t):
        ends = array.offsets.to_pylist()
        if pa.types.is_map(t):
            items = [{"key": k, "value": v} for k, v in zip(column_values(array.keys), column_values(array.items))]
        else:
            items = column_values(array.values)
        return [None if n else items[start:end] for n, start, end in zip(nulls, ends, ends[1:])]
    return [None if n else scalar(v, t) for v, n in zip(array.to_pylist(), nulls)]


def frame_values(series, type_name):
    """Values of a pandas column in the golden encoding, given the Arrow type that the expectation names."""
    import pandas as pd

    missing = series.isna().tolist()
    if type_name.startswith(("timestamp", "duration")):
        if str(series.dtype) == "object" or hasattr(series.dtype, "pyarrow_dtype"):
            return [None if n else str(pd.Timestamp(v).value) for v, n in zip(series, missing)]
        ints = series.astype("int64") if "tz" not in type_name else series.dt.tz_convert("UTC").dt.tz_localize(None).astype("int64")
        return [None if n else str(v) for v, n in zip(ints.tolist(), missing)]
    if type_name.startswith("time"):
        return [None if n else str(_time_ns(v)) for v, n in zip(series, missing)]
    if type_name.startswith(("int", "uint")):
        return [None if n else integer(int(v)) for v, n in zip(series.tolist(), missing)]
    if type_name.startswith("map"):
        return [None if v is None else [{"key": scalar(key), "value": scalar(item)} for key, item in v] for v in series]
    if type_name.startswith("list"):
        if not any(name in type_name for name in ("float", "double", "decimal")):
            series = [None if v is None else _as_integers(v) for v in series]
        return [None if v is None else [scalar(item) for item in v] for v in series]
    return [None if n else scalar(v) for v, n in zip(series.tolist(), missing)]


def _as_integers(value):
    """What is inside of a list: a frame has integers with nulls there as float64, too."""
    if type(value).__module__ == "numpy":
        value = value.tolist()
    if isinstance(value, list):
        return [_as_integers(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_integers(item) for key, item in value.items()}
    if isinstance(value, float):
        return None if value != value else int(value)
    return value


def as_floats(expected, names):
    """The expectation for integer columns with nulls, which a frame holds as float64 as kartothek has it: large ones are rounded."""
    if not names or "rows" not in expected:
        return expected
    rows = [dict(row) for row in expected["rows"]]
    for row in rows:
        for name in names:
            row[name] = None if row[name] is None else integer(int(float(row[name])))
    return dict(expected, rows=rows)


def _time_ns(value):
    return (((value.hour * 60 + value.minute) * 60 + value.second) * 10**6 + value.microsecond) * 1000


def scalar(value, t=None):
    """One Python value in the golden encoding; ``t`` is its pyarrow type where one is needed."""
    if type(value).__module__ == "numpy":
        value = value.tolist()
    if value is None or value != value:
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, float):
        return real(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        return str((value - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1) * 1000)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [scalar(item, getattr(t, "value_type", None)) for item in value]
    if isinstance(value, dict):
        return {key: scalar(item) for key, item in value.items()}
    if isinstance(value, str):
        return value
    raise TypeError("no golden encoding for {!r}".format(value))


def checksum(values):
    """The part of an expectation's ``checksums`` that depends on values and order."""
    lines = [compact(value) for value in values]
    return {
        "count": len(values),
        "nulls": sum(value is None for value in values),
        "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
    }


def differences(expected, columns):
    """What differs between ``rows.<table>`` of an expectation and our columns, ``{name: [encoded value, …]}``; empty if nothing."""
    wrong = []
    if expected["columns"] != list(columns):
        wrong.append("columns {} instead of {}".format(list(columns), expected["columns"]))
    for name in expected["columns"]:
        values = columns.get(name, [])
        if len(values) != expected["count"]:
            wrong.append("{}: {} values instead of {}".format(name, len(values), expected["count"]))
            continue
        if "rows" in expected:
            wanted = [row[name] for row in expected["rows"]]
            wrong += [
                "{} row {}: {!r} instead of {!r}".format(name, i, got, want)
                for i, (got, want) in enumerate(zip(values, wanted))
                if got != want
            ][:3]
        else:
            want = expected["checksums"][name]
            got = checksum(values)
            if any(got[key] != want[key] for key in got):
                wrong.append("{}: {} instead of {}".format(name, got, want))
    return wrong
