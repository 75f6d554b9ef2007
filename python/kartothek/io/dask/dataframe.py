"""Reading and writing through :mod:`dask.dataframe`."""
import copy
import math
import random

from kartothek._deprecated import deprecated
from kartothek._lazy import LazyModule, imported
from kartothek.core.docs import document
from kartothek.core.naming import DEFAULT_METADATA_VERSION, SINGLE_TABLE
from kartothek.io.dask.delayed import committed, select
from kartothek.io_components.metapartition import footers
from kartothek.io_components.parts import PartsWriter
from kartothek.io_components.read import PartsReader
from kartothek.io_components.utils import columns_of_table, normalize_arg
from kartothek.io_components.write import settings_among

pd = LazyModule("pandas")
from_arrow = LazyModule("kartothek._frames.from_arrow")
_shuffle = LazyModule("kartothek.io.dask._shuffle")

__all__ = ["collect_dataset_metadata", "hash_dataset", "read_dataset_as_ddf", "store_dataset_from_ddf", "update_dataset_from_ddf"]

#: what Dask takes for "these categories are not known yet"
UNKNOWN_CATEGORIES = "__UNKNOWN_CATEGORIES__"


@deprecated
def read_dataset_as_ddf(
    dataset_uuid=None,
    store=None,
    table=SINGLE_TABLE,
    columns=None,
    concat_partitions_on_primary_index=False,
    predicate_pushdown_to_io=True,
    categoricals=None,
    label_filter=None,
    dates_as_object=False,
    predicates=None,
    factory=None,
    dask_index_on=None,
    dispatch_by=None,
):
    """
    A Dask frame of a table: one partition of it per partition of the dataset, or per group.

    Which they are is decided by the call. Where Dask knows how to (2022.6 and later), a choice of columns of the frame becomes one of the files' columns.

    Parameters
    ----------
    columns: list of str, optional
        In this order. None: all, partition keys first and the rest by name.
    categoricals: list of str, optional
        Columns to come as categories: all values of the dataset for indexed columns, else unknown ones.
    dask_index_on: str, optional
        An indexed column that becomes the index: the frame has one partition per value, and knows where each is.
    dispatch_by: list of str, optional
        Indexed columns; the frame has one partition per combination of their values. Not together with ``dask_index_on``.

    Returns
    -------
    dask.dataframe.DataFrame
        Its ``_meta`` has the columns and types of the dataset.
    """
    if dask_index_on is not None and not isinstance(dask_index_on, str):
        raise TypeError("The paramter `dask_index_on` must be a string but got {}".format(type(dask_index_on)))
    if dask_index_on is not None and dispatch_by:
        raise ValueError(
            "`read_dataset_as_ddf` got parameters `dask_index_on` and `dispatch_by`. "
            "Note that `dispatch_by` can only be used if `dask_index_on` is None."
        )
    selection, store = select(
        dataset_uuid,
        store,
        factory,
        predicates,
        label_filter=label_filter,
        dispatch_by=dispatch_by if dask_index_on is None else [dask_index_on],
        concat_partitions_on_primary_index=concat_partitions_on_primary_index,
    )
    reader = _TableReader(selection, store, table, columns, categoricals, dates_as_object, predicates, dask_index_on)
    items = reader.parts.items(selection)
    divisions = None
    if dask_index_on is not None and items:
        values = [item.conjunction[0][2] for item in items]
        divisions = tuple(values + values[-1:])
    return _frame_of(reader, items, divisions)


def _frame_of(reader, items, divisions=None):
    # Dask would make texts of all objects, also of dates and bytes.
    with imported("dask").config.set({"dataframe.convert-string": False}):
        return _read_by(reader, items, divisions)


def _read_by(reader, items, divisions):
    graph, dd = imported("kartothek.io.dask._graph"), imported("dask.dataframe")

    if not items:
        return dd.from_pandas(reader.meta, npartitions=1)
    if hasattr(dd, "from_map"):
        return dd.from_map(reader, graph.Packed(items), meta=reader.meta, divisions=divisions, label="read-dataset", enforce_metadata=False)
    return dd.from_delayed(graph.delayed_calls(reader, items), meta=reader.meta, divisions=divisions, verify_meta=False)


class _TableReader:
    """One partition of a Dask frame, made of an item of a :class:`kartothek.io_components.read.PartsReader`; Dask may choose columns of it."""

    def __init__(self, selection, store, table, columns, categoricals, dates_as_object, predicates, index):
        columns = columns_of_table(columns, table, "columns")
        if isinstance(categoricals, dict):
            categoricals = columns_of_table(categoricals, table, "categoricals")
        categoricals = list(categoricals or ())
        if index is not None and columns is not None and index not in columns:
            columns = columns + [index]
        dataset = selection.dataset
        self.parts = PartsReader(selection, store, [table], {table: columns}, {table: categoricals}, dates_as_object, predicates)
        self.index = index
        self.names = selection.schema_columns(table) if columns is None else columns
        self.categories = {column: _values(dataset, column) for column in categoricals if selection.is_indexed(column)}
        stream = dataset.query(table=table, columns=self.names, partitions=[])
        meta = from_arrow.frame_from_stream(stream, dates_as_object, categoricals)[self.names]
        for column in categoricals:
            if column not in self.categories:
                meta[column] = pd.Categorical([], categories=[UNKNOWN_CATEGORIES])
        self.meta = self._shaped(meta)

    def _shaped(self, frame):
        for column, values in self.categories.items():
            if column in frame.columns:
                frame[column] = frame[column].astype(pd.CategoricalDtype(values))
        return frame if self.index is None else frame.set_index(self.index)

    @property
    def columns(self):
        """Those that are read, without the index."""
        return [name for name in self.names if name != self.index]

    def project_columns(self, columns):
        """Another reader, of some of the columns."""
        other = copy.copy(self)
        other.names = list(columns) + ([] if self.index is None else [self.index])
        other.meta = self.meta[list(columns)]
        return other

    def __call__(self, item, columns=None):
        names = self.names if columns is None else list(columns) + ([] if self.index is None else [self.index])
        return self._shaped(self.parts.frame(item, names))


def _values(dataset, column):
    """All values of an indexed column, ascending."""
    stream = dataset.groups(by=[column])
    return from_arrow.frame_from_stream(stream, dates_as_object=True)[column].tolist()


@deprecated
def collect_dataset_metadata(store=None, dataset_uuid=None, table_name=SINGLE_TABLE, predicates=None, frac=1.0, factory=None):
    """
    What the footers of the data files say.

    Parameters
    ----------
    predicates: list of list of tuple, optional
        Leave out files as indices and partition keys tell.
    frac: float
        The part of the files to look at, above 0 and up to 1, chosen by chance, one at least.

    Returns
    -------
    dask.dataframe.DataFrame
        A row per row group, a partition per file. Columns: ``partition_label``, ``row_group_id``, ``row_group_compressed_size`` and
        ``row_group_uncompressed_size`` in bytes, ``number_rows_total`` and ``number_row_groups`` of the file, ``serialized_size`` of its footer in bytes,
        ``number_rows_per_row_group``. (kartothek gives the uncompressed size for both.)

    Raises
    ------
    ValueError
        For a ``frac`` that is out of range.
    """
    if not isinstance(table_name, str):
        raise TypeError("Argument `table_name` needs to be a string")
    if not 0 < frac <= 1:
        raise ValueError("Invalid value for parameter `frac`: {}. It must be larger than 0 and not larger than 1.".format(frac))
    selection, store = select(dataset_uuid, store, factory, predicates, is_read=False)
    # No partition has a file of a table that there is not.
    tables = [table_name] if table_name in selection.dataset.tables else []
    reader = _FooterReader(PartsReader(selection, store, tables, predicates=predicates))
    items = reader.parts.items(selection)
    if frac < 1 and items:
        items = random.sample(items, max(1, int(len(items) * frac)))
    return _frame_of(reader, items)


class _FooterReader:
    """The row groups of the files of an item."""

    def __init__(self, parts):
        self.parts = parts

    @property
    def meta(self):
        return footers(None, None)

    def __call__(self, item):
        return footers(self.parts.dataset(item), self.parts.tables[0])


def hash_dataset(store=None, dataset_uuid=None, subset=None, group_key=None, table=SINGLE_TABLE, predicates=None, factory=None):
    """
    Hashes of rows, whatever order they are in: to see whether two datasets hold the same.

    Parameters
    ----------
    subset: list of str, optional
        Columns that count; None: all.
    group_key: list of str, optional
        A hash for each combination of values of these columns; None: for each partition.

    Returns
    -------
    dask.dataframe.Series
        Of uint64, a sum of the hashes of the rows.
    """
    group_key = None if group_key is None else normalize_arg("group_key", group_key)
    subset = None if subset is None else normalize_arg("subset", subset)
    columns = subset
    if subset and group_key:
        columns = sorted(set(subset) | set(group_key))
    ddf = read_dataset_as_ddf(
        dataset_uuid, store, table=table, columns=columns, predicates=predicates, factory=factory, dates_as_object=True
    )
    if not group_key:
        return ddf.map_partitions(_hash_of_rows, meta=pd.Series([], dtype="uint64"))
    meta = _halves_of_hashes(ddf._meta.head(0), group_key, subset)
    halves = ddf.map_partitions(_halves_of_hashes, group_key, subset, meta=meta).groupby(group_key)[["high", "low"]].sum()
    return halves.map_partitions(_joined_halves, meta=_joined_halves(meta.set_index(group_key)))


def _row_hashes(frame, subset=None):
    return pd.util.hash_pandas_object(frame if subset is None else frame[subset], index=False).to_numpy()


def _hash_of_rows(frame):
    # NumPy wraps around, pandas 1.3 does not.
    return pd.Series(_row_hashes(frame).sum(keepdims=True))


def _halves_of_hashes(frame, group_key, subset):
    """Sums of uint64 in groups go through doubles in pandas 1.3, those of halves of them are exact."""
    hashes = _row_hashes(frame, subset)
    return frame[group_key].assign(high=(hashes >> 32).astype("int64"), low=(hashes & 0xFFFFFFFF).astype("int64"))


def _joined_halves(frame):
    return (frame.high.astype("uint64") * 2**32 + frame.low.astype("uint64")).astype("uint64")


@deprecated
def store_dataset_from_ddf(
    ddf,
    store,
    dataset_uuid,
    table=SINGLE_TABLE,
    secondary_indices=None,
    shuffle=False,
    repartition_ratio=None,
    num_buckets=1,
    sort_partitions_by=None,
    delete_scope=None,
    metadata=None,
    df_serializer=None,
    metadata_merger=None,
    metadata_version=DEFAULT_METADATA_VERSION,
    partition_on=None,
    bucket_by=None,
    overwrite=False,
):
    """
    Store a Dask frame as a new dataset: the worker that has a partition writes its files, one task commits them all.

    Parameters
    ----------
    delete_scope
        Has no effect.
    metadata: dict, optional
        Of JSON values, kept in the dataset's document.

    Returns
    -------
    dask.delayed.Delayed
        Of the DatasetMetadata of the committed state.

    Raises
    ------
    TypeError
        If ``table`` is None.
    """
    writer = PartsWriter(store, dataset_uuid, mode="overwrite" if overwrite else "create", table=_checked(table), **settings_among(locals(), without=["delete_scope"]))
    return committed(writer, _pieces(ddf, writer, shuffle, repartition_ratio, num_buckets, bucket_by))


def update_dataset_from_ddf(
    ddf,
    store=None,
    dataset_uuid=None,
    table=SINGLE_TABLE,
    secondary_indices=None,
    shuffle=False,
    repartition_ratio=None,
    num_buckets=1,
    sort_partitions_by=None,
    delete_scope=None,
    metadata=None,
    df_serializer=None,
    metadata_merger=None,
    default_metadata_version=DEFAULT_METADATA_VERSION,
    partition_on=None,
    factory=None,
    bucket_by=None,
    *,
    delete_mode="exact",
):
    """
    Add a Dask frame to a dataset, and delete from it, in one commit; the dataset is made if there is none. Workers write, one task commits.

    Parameters
    ----------
    ddf: dask.dataframe.DataFrame or None
        The rows; its index is not stored. None only deletes and sets metadata.
    delete_scope: list of dict or dask.delayed.Delayed, optional
        What is deleted: a list (or) of ``{column: value}`` (and). What the same call adds stays.

    Returns
    -------
    dask.delayed.Delayed
        Of the DatasetMetadata of the committed state.

    Raises
    ------
    TypeError
        If ``table`` is None.
    """
    writer = PartsWriter(store, dataset_uuid, factory, table=_checked(table), **settings_among(locals(), without=["delete_scope"]))
    pieces = [] if ddf is None else _pieces(ddf, writer, shuffle, repartition_ratio, num_buckets, bucket_by)
    return committed(writer, pieces, delete_scope)


def _checked(table):
    if table is None:
        raise TypeError("The parameter `table` is not optional.")
    return table


def _pieces(ddf, writer, shuffle, repartition_ratio, num_buckets, bucket_by):
    """Delayed frames, or lists of them, one for each task that writes."""
    delayed = imported("dask").delayed

    if shuffle and num_buckets is None:
        raise ValueError("``num_buckets`` must not be None when shuffling data.")
    if repartition_ratio is not None:
        ddf = ddf.repartition(npartitions=math.ceil(ddf.npartitions / repartition_ratio))
    if not shuffle:
        return ddf.to_delayed()
    ddf = _shuffle.shuffled(ddf, writer.partition_on, normalize_arg("bucket_by", bucket_by), num_buckets)
    split = delayed(_shuffle.split_buckets)
    return [split(piece) for piece in ddf.to_delayed()]


document(globals())
