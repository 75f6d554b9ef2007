"""Argument conventions shared by all entry points (python-api 3.2, 3.3)."""
import functools


def normalize_arg(name, value):
    """A list for ``partition_on`` and its like: None gives ``[]``, a scalar ``[scalar]``."""
    if value is None:
        return []
    if isinstance(value, (str, bytes, int, float)):
        return [value]
    if isinstance(value, list):
        return value
    if isinstance(value, (set, frozenset, dict)):
        raise ValueError("{} is incompatible for normalisation.".format(type(value)))
    return list(value)


def check_addressing(dataset_uuid, store, factory):
    """Either ``factory`` alone, or ``dataset_uuid`` and ``store``."""
    by_name = dataset_uuid is not None and store is not None
    if (factory is None) != by_name or (factory is not None and (dataset_uuid is not None or store is not None)):
        raise ValueError("Need to supply either a `factory` or `dataset_uuid` and `store`")


def address(dataset_uuid, store, factory):
    """``(dataset_uuid, store)`` of a dataset that is named in either way."""
    check_addressing(dataset_uuid, store, factory)
    return (dataset_uuid, store) if factory is None else (factory.dataset_uuid, factory.store)


def columns_of_table(columns, table, argument):
    """``columns`` or ``categoricals`` given as a list or as ``{table: list}``: the list for ``table``, or None."""
    if columns is None or isinstance(columns, list):
        return columns
    if isinstance(columns, dict):
        if table not in columns:
            raise ValueError("Provided table {} is not compatible with input from argument {}.".format(table, argument))
        return columns[table]
    raise TypeError(
        "Unknown type encountered for argument {}. Expected `list`, got `{}` instead".format(argument, type(columns))
    )


def combine_metadata(dataset_metadata, append_to_list=True):
    """
    One dict of a list of dicts: what only some have is kept, and so is what is equal in all; dicts are combined key by key, and lists are joined, with
    each value once unless ``append_to_list``. What differs otherwise is left out, and so are dicts without a key.
    """
    return _without_conflicts(functools.reduce(functools.partial(_combine, append_to_list=append_to_list), dataset_metadata, {}))


_CONFLICT = object()


def _combine(first, second, append_to_list):
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, dict) and isinstance(second, dict):
        return {key: _combine(first.get(key), second.get(key), append_to_list) for key in (*first, *(key for key in second if key not in first))}
    if first is _CONFLICT or second is _CONFLICT:
        return _CONFLICT
    if first == second:
        return first
    if isinstance(first, list) and isinstance(second, list):
        joined = first + second
        return joined if append_to_list else [value for i, value in enumerate(joined) if value not in joined[:i]]
    return _CONFLICT


def _without_conflicts(value):
    if not isinstance(value, dict):
        return value
    kept = {key: _without_conflicts(part) for key, part in value.items() if part is not _CONFLICT}
    return {key: part for key, part in kept.items() if part != {}}


def extract_duplicates(values):
    """The values that come more than once, as a set."""
    seen = set()
    return {value for value in values if value in seen or seen.add(value)}
