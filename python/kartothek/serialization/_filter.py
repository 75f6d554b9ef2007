"""Predicates applied to frames that are in memory already."""
import datetime

import numpy as np
import pandas as pd

from kartothek._predicates import check_predicates, columns_in_predicates

_ORDERED = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "is distinct from": np.not_equal,
}

#: operators that null rows match
_NULLS_MATCH = ("!=", "is distinct from", "not in")


def filter_predicates_by_column(predicates, columns):
    """The predicates without the clauses on other columns; a conjunction of which nothing is left goes, None if all do."""
    if predicates is None:
        return None
    kept = [[clause for clause in conjunction if clause[0] in columns] for conjunction in predicates]
    return [conjunction for conjunction in kept if conjunction] or None


def filter_df(df, filter_query=None):
    """The rows for which an expression of :meth:`pandas.DataFrame.query` is true; all for None."""
    return df if filter_query is None else df.query(filter_query)


def filter_df_from_predicates(df, predicates, strict_date_types=False):
    """The rows that match, with their index. None matches all, and gives the frame itself."""
    if predicates is None:
        return df
    check_predicates(predicates)
    matches = np.zeros(len(df), dtype=bool)
    for conjunction in predicates:
        mask = np.ones(len(df), dtype=bool)
        for column, op, value in conjunction:
            mask = filter_array_like(df[column], op, value, mask=mask, strict_date_types=strict_date_types, column_name=column)
        matches |= mask
    return df[matches]


def filter_array_like(array_like, op, value, mask=None, out=None, strict_date_types=False, column_name=None):
    """
    Which elements match, as an array of bool.

    Parameters
    ----------
    array_like: numpy array, pandas Series, Index or extension array
    op: str
        ``== != < <= > >=``, ``in``, ``not in``, ``is distinct from``.
    value
        A scalar, or a list for ``in`` and ``not in``. None, NaN and NaT are the same: null.
    mask: array of bool, optional
        Elements to look at; the others do not match.
    out: array of bool, optional
        Where the result goes.
    strict_date_types: bool
        Whether dates do not match datetimes.
    column_name: str, optional
        For the messages of errors.

    Raises
    ------
    TypeError
        For a value of another type than the elements.
    """
    if op not in _ORDERED and op not in ("in", "not in"):
        raise NotImplementedError("op not supported")
    nulls = np.asarray(pd.isnull(array_like))
    matches = np.zeros(len(array_like), dtype=bool) if out is None else out
    matches[:] = False
    rows = ~nulls if mask is None else ~nulls & mask
    if op in ("in", "not in"):
        if not pd.api.types.is_list_like(value):
            raise _wrong_type(column_name, np.asarray(array_like).dtype, value)
        has_null = any(_is_null(item) for item in value)
        wanted = [item for item in value if not _is_null(item)]
        if wanted and rows.any():
            matches[rows] = _is_in(_elements(array_like, rows), wanted, strict_date_types, column_name)
        if op == "not in":
            matches[rows] = ~matches[rows]
        matches[nulls] = has_null != (op == "not in")
    elif _is_null(value):
        if op not in ("==", *_NULLS_MATCH):
            raise TypeError("Unexpected type for predicate: operator {!r} does not take a null value (column {!r}).".format(op, column_name))
        matches[:] = nulls if op == "==" else ~nulls
    else:
        if rows.any():
            matches[rows] = _compared(_elements(array_like, rows), op, value, strict_date_types, column_name)
        matches[nulls] = op in _NULLS_MATCH
    if mask is not None:
        matches &= mask
    return matches


def _is_null(value):
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, (float, np.floating)) and value != value)


def _elements(array_like, rows):
    """The chosen elements, one at least and none null, as a numpy array; of categories their values, texts as objects."""
    dtype = getattr(array_like, "dtype", None)
    chosen = np.asarray(array_like)[rows] if isinstance(dtype, np.dtype) or dtype is None else _plain(array_like[rows])
    # Not every version of numpy compares arrays of texts with one text.
    chosen = chosen.astype(object) if chosen.dtype.kind in "US" else chosen
    if chosen.dtype == object and all(isinstance(item, (bool, np.bool_)) for item in chosen):
        return chosen.astype(bool)
    return chosen


def _plain(chosen):
    dtype = chosen.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return np.asarray(dtype.categories)[np.asarray(chosen.codes if hasattr(chosen, "codes") else chosen.cat.codes)]
    kind = getattr(dtype, "kind", "O")
    if isinstance(dtype, pd.DatetimeTZDtype):
        return np.asarray(chosen.astype("datetime64[ns, UTC]")).astype("datetime64[ns]")
    if kind in "iufb":
        return np.asarray(chosen, dtype=dtype.numpy_dtype if hasattr(dtype, "numpy_dtype") else None)
    return np.asarray(chosen, dtype=None if kind == "M" else object)


def _compared(elements, op, value, strict, column):
    value = _typed(elements, value, strict, column)
    if elements.dtype == object:
        # By itself numpy would cut zeros off bytes.
        holder = np.empty((), dtype=object)
        holder[()] = value
        value = holder
    return _ORDERED[op](elements, value).astype(bool)


def _is_in(elements, wanted, strict, column):
    typed = [_typed(elements, item, strict, column) for item in wanted]
    if elements.dtype == object:
        typed = set(typed)
        return np.fromiter((item in typed for item in elements), dtype=bool, count=len(elements))
    return np.isin(elements, np.array(typed, dtype=elements.dtype if elements.dtype.kind == "M" else None))


def _typed(elements, value, strict, column):
    """The value as it compares with the elements; TypeError if it does not."""
    kind = elements.dtype.kind
    is_number = isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))
    if kind in "iu" and is_number:
        return value
    if kind == "f" and isinstance(value, (float, np.floating)):
        return value
    if kind == "b" and isinstance(value, (bool, np.bool_)):
        return value
    if kind == "M" and _is_moment(value, strict):
        return np.datetime64(pd.Timestamp(value).tz_convert(None) if pd.Timestamp(value).tz else pd.Timestamp(value))
    if kind in "OSU" and _is_alike(elements[0], value):
        return value
    raise _wrong_type(column, elements.dtype, value)


def _wrong_type(column, dtype, value):
    text = "Unexpected type for predicate: Column {!r} has pandas type '{}', but predicate value {!r} has pandas type '{}' (Python type '{}')."
    return TypeError(text.format("<unknown>" if column is None else column, dtype, value, pd.Series([value]).dtype, type(value)))


def _is_moment(value, strict):
    if isinstance(value, (datetime.datetime, np.datetime64)):
        return True
    return not strict and isinstance(value, (datetime.date, str))


def _is_alike(element, value):
    """Whether two objects are of types that compare: both text, both bytes, both dates and so on."""
    for kind in (str, bytes, datetime.datetime, datetime.date):
        if isinstance(element, kind) or isinstance(value, kind):
            return isinstance(element, kind) and isinstance(value, kind)
    return isinstance(value, type(element)) or isinstance(element, type(value))


__all__ = [
    "check_predicates",
    "columns_in_predicates",
    "filter_array_like",
    "filter_df",
    "filter_df_from_predicates",
    "filter_predicates_by_column",
]
