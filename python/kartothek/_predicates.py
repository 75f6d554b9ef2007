"""Predicates in kartothek's form, a list (OR) of lists (AND) of ``(column, operator, value)``, for the C side."""
from kartothek import _core
from kartothek._lazy import LazyModule

datetime = LazyModule("datetime")
np = LazyModule("numpy")
pd = LazyModule("pandas")

_OPERATORS = {"==": 0, "!=": 1, "<": 2, "<=": 3, ">": 4, ">=": 5, "in": 6, "not in": 7, "is distinct from": 8}
_NULL, _BOOL, _INT, _UINT, _FLOAT, _TEXT, _BINARY, _DATE, _TIMESTAMP, _UNTYPED = range(10)
#: the ordinal of 1970-01-01
_EPOCH_DAY = 719163


def check_predicates(predicates):
    """ValueError, with kartothek's text, unless ``predicates`` is None or well formed."""
    if predicates is None:
        return
    if len(predicates) == 0:
        raise ValueError("Empty predicates")
    for i, conjunction in enumerate(predicates):
        if not isinstance(conjunction, list):
            raise ValueError(
                "Invalid predicates: Conjunction {} should be a list of 3-tuples, got object of type {} instead.".format(
                    i, type(conjunction)
                )
            )
        if len(conjunction) == 0:
            raise ValueError("Invalid predicates: Conjunction {} is empty".format(i))
        for j, clause in enumerate(conjunction):
            if not isinstance(clause, tuple) or len(clause) != 3:
                raise ValueError(
                    "Invalid predicates: Clause {} in conjunction {} should be a 3-tuple, got object of type {} "
                    "instead".format(j, i, type(clause))
                )
            _, op, value = clause
            if _is_null(value) and op not in ("==", "!=", "is distinct from"):
                raise ValueError(
                    "Invalid predicates: Clause {} in conjunction {} with null value and operator {}. "
                    "Only operators supporting null values are '==', '!=' and 'in'.".format(j, i, op)
                )


def core_predicate(predicates):
    """A ``_core.Predicate``, or None for None."""
    check_predicates(predicates)
    if predicates is None:
        return None
    return _core.Predicate.build([[_literal(*clause) for clause in conjunction] for conjunction in predicates])


def scope_predicate(delete_scope):
    """
    A ``_core.Predicate`` of a list (OR) of maps (AND) from column to value; None for an empty list. Texts take the type of the column, as
    kartothek has it.
    """
    conjunctions = []
    for part in delete_scope:
        if not isinstance(part, dict):
            raise TypeError("delete_scope must be a list of maps from column to value, got {!r} in it.".format(part))
        if not part:
            raise ValueError("delete_scope: {} names no column and would delete the whole dataset; use delete_dataset for that.")
        conjunctions.append([_scope_literal(column, value) for column, value in part.items()])
    return _core.Predicate.build(conjunctions) if conjunctions else None


def _scope_literal(column, value):
    if isinstance(value, (list, tuple, set, frozenset, dict, np.ndarray)):
        raise TypeError("delete_scope: column {!r} needs one value, got {!r}; add a map for each value.".format(column, value))
    kind, payload = _value(column, value)
    return _text(column), _OPERATORS["=="], [(_UNTYPED if kind == _TEXT else kind, payload)]


def columns_in_predicates(predicates):
    """The set of columns that occur in ``predicates``."""
    if predicates is None:
        return set()
    return {_text(clause[0]) for conjunction in predicates for clause in conjunction}


def _text(column):
    return column.decode("utf-8") if isinstance(column, bytes) else str(column)


def _literal(column, op, value):
    if op not in _OPERATORS:
        raise NotImplementedError("op not supported")
    many = op in ("in", "not in")
    if many and (isinstance(value, (str, bytes)) or not np.iterable(value)):
        raise ValueError(
            "Invalid predicates: operator '{}' must be used with a tuple or list, got {} instead.".format(op, type(value))
        )
    if not many and isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        raise ValueError(
            "Invalid predicates: operator '{}' must be used with a scalar type, got {} instead.".format(op, type(value))
        )
    return _text(column), _OPERATORS[op], [_value(column, item) for item in (value if many else [value])]


def _is_null(value):
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value)


def _value(column, value):
    if _is_null(value):
        return _NULL, None
    if isinstance(value, (bool, np.bool_)):
        return _BOOL, int(value)
    if isinstance(value, (int, np.integer)):
        value = int(value)
        return (_UINT if value > 2**63 - 1 else _INT), value
    if isinstance(value, (float, np.floating)):
        return _FLOAT, float(value)
    if isinstance(value, str):
        return _TEXT, str(value)
    if isinstance(value, bytes):
        return _BINARY, bytes(value)
    if isinstance(value, (datetime.datetime, np.datetime64)):
        stamp = pd.Timestamp(value)
        return (_NULL, None) if stamp is pd.NaT else (_TIMESTAMP, _nanoseconds(stamp))
    if isinstance(value, datetime.date):
        return _DATE, value.toordinal() - _EPOCH_DAY
    raise TypeError("Unexpected type for predicate: Column {!r}, predicate value {!r} ({}).".format(column, value, type(value)))


def _nanoseconds(stamp):
    return (stamp.as_unit("ns") if hasattr(stamp, "as_unit") else stamp).value
