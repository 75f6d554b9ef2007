"""Argument conventions shared by all entry points (python-api 3.2, 3.3)."""


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
