"""
Reading and writing through :mod:`dask.delayed`.

The partitions of a read are chosen at call time, the files are read by the tasks. Written parts become visible together, by the task that is returned.
"""
from kartothek._deprecated import deprecated
from kartothek._lazy import imported
from kartothek.core.docs import document
from kartothek.core.naming import DEFAULT_METADATA_STORAGE_FORMAT, DEFAULT_METADATA_VERSION, SINGLE_TABLE
from kartothek.core.utils import lazy_store
from kartothek.io_components.merge import Merging, align_datasets
from kartothek.io_components.parts import PartsWriter
from kartothek.io_components.read import PartsReader, Selection, metapartitions_in_parts, wanted_tables
from kartothek.io_components.utils import columns_of_table, lazy_address
from kartothek.io_components.write import settings_among

__all__ = [
    "delete_dataset__delayed",
    "garbage_collect_dataset__delayed",
    "read_dataset_as_delayed",
    "store_delayed_as_dataset",
    "update_dataset_from_delayed",
]


@deprecated
def read_table_as_delayed(
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
    dispatch_by=None,
):
    """
    Frames of a table, one task per partition or group.

    Which they are is decided by the call: all tasks read the snapshot that was newest then, whatever is committed meanwhile.

    Parameters
    ----------
    columns: list of str, optional
        None: all, in the order of the file.
    categoricals: list of str, optional
        Columns that come as pandas categories.

    Returns
    -------
    list of dask.delayed.Delayed
        Each a frame.
    """
    reader, items = table_in_parts(**locals())
    return _delayed(reader.frame, items)


@deprecated
def read_dataset_as_delayed(
    dataset_uuid=None,
    store=None,
    tables=None,
    columns=None,
    concat_partitions_on_primary_index=False,
    predicate_pushdown_to_io=True,
    categoricals=None,
    label_filter=None,
    dates_as_object=False,
    predicates=None,
    factory=None,
    dispatch_by=None,
):
    """
    Frames of a dataset, one task per partition or group, as :func:`kartothek.io.eager.read_dataset_as_dataframes` lists them.

    Which they are is decided by the call: all tasks read the snapshot that was newest then, whatever is committed meanwhile.

    Returns
    -------
    list of dask.delayed.Delayed
        Each a ``{table: frame}``.
    """
    reader, items = dataset_in_parts(**locals())
    return _delayed(reader.tables_of, items)


@deprecated
def read_dataset_as_delayed_metapartitions(
    dataset_uuid=None,
    store=None,
    tables=None,
    columns=None,
    concat_partitions_on_primary_index=False,
    predicate_pushdown_to_io=True,
    categoricals=None,
    label_filter=None,
    dates_as_object=False,
    load_dataset_metadata=False,
    predicates=None,
    factory=None,
    dispatch_by=None,
    dispatch_metadata=True,
):
    """
    What :func:`kartothek.io.iter.read_dataset_as_metapartitions__iterator` yields, one task each.

    Returns
    -------
    list of dask.delayed.Delayed
        Each a :class:`kartothek.io_components.metapartition.MetaPartition` with frames.
    """
    reader, found = metapartitions_in_parts(**locals())
    return _delayed(reader, found)


def table_in_parts(dataset_uuid, store, factory, table, columns, categoricals, dates_as_object, predicates, predicate_pushdown_to_io, **selected):
    """(PartsReader, its items) of one table. ``selected``: see :class:`kartothek.io_components.read.Selection`."""
    selection, store = select(dataset_uuid, store, factory, predicates, **selected)
    columns, categoricals = columns_of_table(columns, table, "columns"), columns_of_table(categoricals, table, "categoricals")
    reader = PartsReader(selection, store, [table], {table: columns}, {table: categoricals}, dates_as_object, predicates)
    return reader, reader.items(selection)


def dataset_in_parts(dataset_uuid, store, factory, tables, columns, categoricals, dates_as_object, predicates, predicate_pushdown_to_io, **selected):
    """(PartsReader, its items) of some tables, None for all."""
    selection, store = select(dataset_uuid, store, factory, predicates, **selected)
    wanted = wanted_tables(selection.dataset.tables, tables, columns, categoricals)
    reader = PartsReader(selection, store, wanted, columns, categoricals, dates_as_object, predicates)
    return reader, reader.items(selection)


def select(dataset_uuid, store, factory, predicates, **selected):
    """(Selection, factory of the store) for a read in parts."""
    selection = Selection(dataset_uuid, store, factory, predicates, **selected)
    return selection, lazy_address(dataset_uuid, store, factory)[1]


def _delayed(function, items):
    return imported("kartothek.io.dask._graph").delayed_calls(function, items)


def delete_dataset__delayed(dataset_uuid=None, store=None, factory=None):
    """
    Remove a dataset as :func:`kartothek.io.eager.delete_dataset` does, as a task.

    Returns
    -------
    dask.delayed.Delayed
        Of None.
    """
    delayed = imported("dask").delayed

    from kartothek.io.eager import delete_dataset

    dataset_uuid, store = lazy_address(dataset_uuid, store, factory)
    return delayed(delete_dataset)(dataset_uuid, store)


def garbage_collect_dataset__delayed(dataset_uuid=None, store=None, chunk_size=100, factory=None, *, grace=None):
    """
    What :func:`kartothek.io.eager.garbage_collect_dataset` does, as a task.

    Parameters
    ----------
    chunk_size: int
        Has no effect: whether a file is still unnamed is looked at right before it is removed, by the task that does so.
    grace: datetime.timedelta or float, optional
        The time, or its seconds; None: 72 hours.

    Returns
    -------
    list of dask.delayed.Delayed
        One, of None.
    """
    delayed = imported("dask").delayed

    from kartothek.io.eager import garbage_collect_dataset

    dataset_uuid, store = lazy_address(dataset_uuid, store, factory)
    return [delayed(garbage_collect_dataset)(dataset_uuid, store, grace=grace)]


@deprecated
def merge_datasets_as_delayed(left_dataset_uuid, right_dataset_uuid, store, merge_tasks, match_how="exact", label_merger=None, metadata_merger=None):
    """
    Join two datasets partition by partition.

    Parameters
    ----------
    left_dataset_uuid, right_dataset_uuid: str
    merge_tasks: list of dict
        One after the other, the arguments of :meth:`kartothek.io_components.metapartition.MetaPartition.merge_dataframes`: ``left``, ``right``,
        ``output_label``, and maybe ``merge_func`` and ``merge_kwargs``. Rows of tables with the same columns are put together before.
    match_how: str or callable
        Which partitions go together; see :func:`kartothek.io_components.merge.align_datasets`.
    label_merger, metadata_merger: callable, optional
        Make one label, and one dict, of a list of them.

    Returns
    -------
    list of dask.delayed.Delayed
        Of :class:`kartothek.io_components.metapartition.MetaPartition`.
    """
    store = lazy_store(store)
    aligned = align_datasets(left_dataset_uuid, right_dataset_uuid, store, match_how)
    return _delayed(Merging(store, merge_tasks, label_merger, metadata_merger), aligned)


def store_delayed_as_dataset(
    delayed_tasks,
    store,
    dataset_uuid=None,
    metadata=None,
    df_serializer=None,
    overwrite=False,
    metadata_merger=None,
    metadata_version=DEFAULT_METADATA_VERSION,
    partition_on=None,
    metadata_storage_format=DEFAULT_METADATA_STORAGE_FORMAT,
    secondary_indices=None,
):
    """
    Store the frames of tasks as a new dataset: the worker that has a frame writes its files, one task commits them all.

    Whether the name is free is looked at by the call and, so that nobody is overwritten, at the commit.

    Parameters
    ----------
    dataset_uuid: str, optional
        Name of the dataset: letters, digits, ``+``, ``-`` and ``_``. None makes one up.
    metadata: dict, optional
        Of JSON values, kept in the dataset's document.

    Returns
    -------
    dask.delayed.Delayed
        Of the DatasetMetadata of the committed state.
    """
    writer = PartsWriter(store, dataset_uuid, mode="overwrite" if overwrite else "create", **settings_among(locals()))
    return committed(writer, delayed_tasks)


def update_dataset_from_delayed(
    delayed_tasks,
    store=None,
    dataset_uuid=None,
    delete_scope=None,
    metadata=None,
    df_serializer=None,
    metadata_merger=None,
    default_metadata_version=DEFAULT_METADATA_VERSION,
    partition_on=None,
    sort_partitions_by=None,
    secondary_indices=None,
    factory=None,
    *,
    delete_mode="exact",
):
    """
    What :func:`kartothek.io.eager.update_dataset_from_dataframes` does, with frames of tasks: the worker that has a frame writes its files, one task
    commits them all.

    Parameters
    ----------
    delete_scope: list of dict or dask.delayed.Delayed, optional
        What is deleted: a list (or) of ``{column: value}`` (and). What the same call adds stays.

    Returns
    -------
    dask.delayed.Delayed
        Of the DatasetMetadata of the committed state.
    """
    writer = PartsWriter(store, dataset_uuid, factory, **settings_among(locals(), without=["delete_scope"]))
    return committed(writer, delayed_tasks, delete_scope)


def committed(writer, elements, delete_scope=None):
    """A Delayed of the commit: one task writes each element, one commits them all."""
    delayed = imported("dask").delayed

    write = delayed(writer.write)
    return delayed(writer.commit)([write(element) for element in elements or ()], delete_scope)


document(globals())
