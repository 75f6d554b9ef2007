"""Argument conventions shared by all entry points (python-api 3.2, 3.3), and what those who write back-ends import."""
from kartothek._deprecated import deprecated
from kartothek._lazy import LazyModule
from kartothek.core.urlencode import quote_indices
from kartothek.core.utils import lazy_store

functools = LazyModule("functools")
inspect = LazyModule("inspect")
pd = LazyModule("pandas")
common_metadata = LazyModule("kartothek.core.common_metadata")


_LISTS = ("partition_on", "delete_scope", "secondary_indices", "sort_partitions_by", "bucket_by", "dispatch_by")


def normalize_arg(arg_name, old_value):
    """A list for ``partition_on`` and its like, a factory for ``store``.

    None gives ``[]`` (None for ``dispatch_by`` and ``store``), a scalar ``[scalar]``; what has another name stays as it is.
    """
    if arg_name == "store" and old_value is not None:
        return lazy_store(old_value)
    if old_value is None and arg_name in _LISTS:
        return None if arg_name == "dispatch_by" else []
    if arg_name not in _LISTS or isinstance(old_value, list):
        return old_value
    if isinstance(old_value, (str, bytes, int, float)):
        return [old_value]
    if isinstance(old_value, (set, frozenset, dict)):
        raise ValueError("{} is incompatible for normalisation.".format(type(old_value)))
    return list(old_value)


def normalize_args(function):
    """A decorator for those who write back-ends: the parameters that :func:`normalize_arg` knows reach ``function`` as it makes them."""
    signature = inspect.signature(function)
    known = [name for name in _LISTS + ("store",) if name in signature.parameters]

    @functools.wraps(function)
    def normalized(*args, **kwargs):
        given = signature.bind(*args, **kwargs)
        given.arguments.update({name: normalize_arg(name, given.arguments.get(name)) for name in known})
        return function(*given.args, **given.kwargs)

    return normalized


def check_addressing(dataset_uuid, store, factory):
    """Either ``factory`` alone, or ``dataset_uuid`` and ``store``."""
    by_name = dataset_uuid is not None and store is not None
    if (factory is None) != by_name or (factory is not None and (dataset_uuid is not None or store is not None)):
        raise ValueError("Need to supply either a `factory` or `dataset_uuid` and `store`")


def address(dataset_uuid, store, factory):
    """``(dataset_uuid, store)`` of a dataset that is named in either way."""
    check_addressing(dataset_uuid, store, factory)
    return (dataset_uuid, store) if factory is None else (factory.dataset_uuid, factory.store)


def lazy_address(dataset_uuid, store, factory):
    """The same with a factory of the store, for tasks that run elsewhere."""
    check_addressing(dataset_uuid, store, factory)
    return (dataset_uuid, lazy_store(store)) if factory is None else (factory.dataset_uuid, factory.store_factory)


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


def joined_meta(metapartitions):
    """``{table: schema}`` of several MetaPartitions; ValueError if they do not agree."""
    if not common_metadata.has_pyarrow():
        return {table: schema for part in metapartitions for table, schema in part._table_meta.items()}
    schemas = {}
    for part in metapartitions:
        for table, schema in part.table_meta.items():
            schemas.setdefault(table, []).append(schema)
    return {table: common_metadata.validate_compatible(of_table) for table, of_table in schemas.items()}


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


class InvalidObject:
    """Stands for a key of metadata whose values do not go together."""


def check_indices(given, expected):
    """ValueError for an index that the dataset does not have."""
    if not set(given) <= set(expected):
        raise ValueError(
            "Incorrect indices provided for dataset.\nExpected index columns: {}\nProvided index: {}".format(list(expected), list(given))
        )


def extract_duplicates(lst):
    """The values that come more than once, as a list in the order in which they come first."""
    counts = {}
    for value in lst:
        counts[value] = counts.get(value, 0) + 1
    return [value for value, count in counts.items() if count > 1]


def missing_index_column(column, label, tables):
    """What is said of an index on a column that a partition does not have."""
    text = "Column `{}` could not be found in the partition `{}` with tables `{}`. Please check for any typos and validate your dataset."
    return text.format(column, label, tables)


def raise_if_indices_overlap(partition_on, secondary_indices):
    """RuntimeError for columns that are to be both partition keys and indexed."""
    overlap = set(partition_on) & set(secondary_indices)
    if overlap:
        raise RuntimeError("Cannot create secondary index on partition columns: {}".format(overlap))


@deprecated
def validate_partition_keys(dataset_uuid, store, ds_factory, default_metadata_version, partition_on, load_dataset_metadata=True):
    """
    ``(factory or None if there is no dataset, metadata version, partition keys)`` for an update; ValueError unless ``partition_on`` is empty or what
    the dataset has.
    """
    from kartothek.core.factory import DatasetFactory

    if ds_factory is None and DatasetFactory.exists(dataset_uuid, store):
        ds_factory = DatasetFactory(dataset_uuid, store, load_dataset_metadata=load_dataset_metadata)
    if ds_factory is None:
        return None, default_metadata_version, list(partition_on or [])
    keys = ds_factory.partition_keys
    if partition_on and list(partition_on) != list(keys):
        raise ValueError(
            "Incompatible set of partition keys encountered. Input partitioning was `{}` while actual dataset was `{}`".format(partition_on, keys)
        )
    return ds_factory, ds_factory.metadata_version, keys


@deprecated
def check_single_table_dataset(dataset, expected_table=None):
    """TypeError unless the dataset has one table, of that name."""
    if len(dataset.tables) > 1:
        raise TypeError("Expected single table dataset but found dataset with tables: `{}`".format(dataset.tables))
    if expected_table is not None and list(dataset.tables) != [expected_table]:
        raise TypeError("Unexpected table in dataset:\nFound:\t{}\nExpected:\t{}".format(list(dataset.tables), expected_table))


def align_categories(dfs, categoricals):
    """The frames with the same categories in each column: those of the longest frame that has any first, the others ascending."""
    dfs = list(dfs)
    for column in categoricals:
        series = [df[column] for df in dfs]
        categorical = [values for values in series if isinstance(values.dtype, pd.CategoricalDtype)]
        longest = list(max(categorical, key=len).cat.categories) if categorical else []
        known = [values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else values.dropna() for values in series]
        others = sorted({value for values in known for value in values} - set(longest))
        dtype = pd.CategoricalDtype(longest + others)
        dfs = [df.assign(**{column: df[column].astype(dtype)}) for df in dfs]
    return dfs


def sort_values_categorical(df, columns):
    """The frame in the order of some columns, nulls last, equal rows as they were; categories count by their values."""
    columns = normalize_arg("sort_partitions_by", columns)
    if not columns:
        return df
    df = df.copy(deep=False)
    for column in columns:
        if isinstance(df[column].dtype, pd.CategoricalDtype):
            df[column] = df[column].cat.set_categories(df[column].cat.categories.sort_values(), ordered=True)
    return df.sort_values(by=columns, kind="mergesort").reset_index(drop=True)


def groups_of(frame, columns):
    """``(["column=value", …], {column: Series of one row}, rows)`` for each combination of values, in the order of their first appearance."""
    missing = sorted(set(columns) - set(frame.columns))
    if missing:
        raise ValueError("Partition column(s) missing: {}".format(", ".join(missing)))
    if not set(frame.columns) - set(columns):
        raise ValueError("No data left to save outside partition columns")
    rest = frame.drop(columns=columns)
    positions = pd.Series(range(len(frame)))
    count = 0
    for _, rows in positions.groupby([frame[column].reset_index(drop=True) for column in columns], sort=False, observed=True):
        keys = {column: frame[column].iloc[rows.iloc[:1]] for column in columns}
        count += len(rows)
        yield quote_indices((column, key.iloc[0]) for column, key in keys.items()), keys, rest.iloc[rows.to_numpy()]
    if count != len(frame):
        text = (
            "Original dataframe size ({} rows) does not match new dataframe size ({} rows). "
            "Hint: you may see this if you are trying to use `partition_on` on a column with null values."
        )
        raise ValueError(text.format(len(frame), count))
