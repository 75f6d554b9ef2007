"""Everything at once, in the calling thread."""
from kartothek import _core
from kartothek._deprecated import SINGLE_FRAME, deprecated, warn_user
from kartothek._lazy import LazyModule
from kartothek.core.dataset import DatasetMetadata, open_snapshot
from kartothek.core.docs import document
from kartothek.core.naming import DEFAULT_METADATA_STORAGE_FORMAT, DEFAULT_METADATA_VERSION, SINGLE_TABLE, metadata_key_from_uuid
from kartothek.core.utils import core_store
from kartothek.io_components.read import Selection, iterate_dataframes, metapartitions_in_parts, read_frame
from kartothek.io_components.utils import address, columns_of_table, missing_index_column, normalize_arg
from kartothek.io_components.write import (
    begin,
    commit_partitions,
    create_header,
    settings_among,
    store_elements,
    update_elements,
    write_part,
)

__all__ = [
    "build_dataset_indices",
    "commit_dataset",
    "copy_dataset",
    "create_empty_dataset_header",
    "delete_dataset",
    "garbage_collect_dataset",
    "read_dataset_as_dataframes",
    "read_table",
    "store_dataframes_as_dataset",
    "update_dataset_from_dataframes",
    "write_single_partition",
]

pd = LazyModule("pandas")


@deprecated
def store_dataframes_as_dataset(
    store,
    dataset_uuid,
    dfs,
    metadata=None,
    partition_on=None,
    df_serializer=None,
    overwrite=False,
    secondary_indices=None,
    metadata_storage_format=DEFAULT_METADATA_STORAGE_FORMAT,
    metadata_version=DEFAULT_METADATA_VERSION,
):
    """
    Store frames as a new dataset: one partition per frame, split further by ``partition_on``. It becomes visible in one step; after any exception
    nothing has.

    Parameters
    ----------
    dataset_uuid: str or None
        Name of the dataset: letters, digits, ``+``, ``-`` and ``_``. None makes one up.
    dfs: list
        One element a partition: a frame, or anything with ``__arrow_c_stream__``; ``{table: frame}`` for several tables;
        ``{"label": …, "data": {table: frame} or [(table, frame), …]}`` to choose the base name of the files; ``[(table, frame), …]``;
        a MetaPartition; or a list of these.
    metadata: dict, optional
        Of JSON values, kept in the dataset's document.

    Returns
    -------
    DatasetMetadata
        The committed state.

    Raises
    ------
    RuntimeError
        For a column of ``secondary_indices`` that a frame does not have, or that is a partition key, too.
    """
    if isinstance(dfs, (pd.DataFrame, dict)):
        warn_user(SINGLE_FRAME)
        dfs = [dfs]
    return store_elements(store, dataset_uuid, dfs, overwrite, **settings_among(locals()))


@deprecated
def update_dataset_from_dataframes(
    df_list,
    store=None,
    dataset_uuid=None,
    delete_scope=None,
    metadata=None,
    df_serializer=None,
    metadata_merger=None,
    central_partition_metadata=True,
    default_metadata_version=DEFAULT_METADATA_VERSION,
    partition_on=None,
    load_dynamic_metadata=True,
    sort_partitions_by=None,
    secondary_indices=None,
    factory=None,
    *,
    delete_mode="exact",
):
    """
    Add frames to a dataset and delete from it in one commit; make the dataset if there is none. What others commit meanwhile is joined with it.

    Parameters
    ----------
    df_list: list or None
        As ``dfs`` of :func:`store_dataframes_as_dataset`; None or ``[]`` only deletes and sets metadata.

    Returns
    -------
    DatasetMetadata
        The committed state.

    Raises
    ------
    ValueError
        For frames whose columns or types differ from those of the dataset; for a ``delete_scope`` that is ``{}`` or has columns that the dataset does
        not have, or that are no partition keys with ``delete_mode="exact"``. Nothing was changed.
    """
    elements = [] if df_list is None else df_list if isinstance(df_list, list) else [df_list]
    return update_elements(elements, store, dataset_uuid, factory, **settings_among(locals()))


@deprecated
def create_empty_dataset_header(
    store,
    dataset_uuid,
    table_meta,
    partition_on=None,
    metadata=None,
    overwrite=False,
    metadata_storage_format=DEFAULT_METADATA_STORAGE_FORMAT,
    metadata_version=DEFAULT_METADATA_VERSION,
):
    """
    Make a dataset that has columns and no partitions, for :func:`write_single_partition`.

    The document lists its partitions, none, so that what is written later is seen when it is committed and not before.

    Parameters
    ----------
    table_meta: dict
        ``{table: frame or pyarrow schema}``; rows of a frame do not matter.
    metadata: dict, optional
        Of JSON values, kept in the dataset's document.

    Returns
    -------
    DatasetMetadata
        The committed state.
    """
    return create_header(store, dataset_uuid, table_meta, overwrite, **settings_among(locals()))


@deprecated
def write_single_partition(
    store=None,
    dataset_uuid=None,
    data=None,
    metadata=None,
    df_serializer=None,
    overwrite=False,
    metadata_merger=None,
    metadata_version=DEFAULT_METADATA_VERSION,
    partition_on=None,
    factory=None,
    secondary_indices=None,
):
    """
    Write the files of a frame for a dataset that is there, without a commit: nobody sees them before :func:`commit_dataset`.

    Indices are brought up by the commit.

    Parameters
    ----------
    data
        A frame, or another element as ``dfs`` of :func:`store_dataframes_as_dataset` has them.
    metadata, overwrite, metadata_merger
        Have no effect: they belong to the commit.

    Returns
    -------
    MetaPartition
        May be pickled and committed in another process.

    Raises
    ------
    KeyError
        If there is no such dataset.
    TypeError
        Without ``data``.
    """
    if data is None:
        raise TypeError("The parameter `data` is not optional")
    return write_part(data, store, dataset_uuid, factory, **settings_among(locals(), without=("metadata", "metadata_merger")))


@deprecated
def commit_dataset(
    store=None,
    dataset_uuid=None,
    new_partitions=None,
    output_dataset_uuid=None,
    delete_scope=None,
    metadata=None,
    df_serializer=None,
    metadata_merger=None,
    default_metadata_version=DEFAULT_METADATA_VERSION,
    partition_on=None,
    factory=None,
    secondary_indices=None,
    *,
    delete_mode="exact",
):
    """
    Commit in one step what :func:`write_single_partition` returned, in this process or others, and delete and set metadata as
    :func:`update_dataset_from_dataframes` does. All indices of the dataset are brought up. Partitions of a dataset that does not exist make it.

    Parameters
    ----------
    new_partitions: list, optional
        MetaPartitions of :func:`write_single_partition`. Partitions may also be named: ``{"label": …, "data": [(table, None), …]}``, whose files have the
        names that the label gives them, or a MetaPartition with ``files``.
    output_dataset_uuid, df_serializer
        Have no effect.

    Returns
    -------
    DatasetMetadata
        The committed state.

    Raises
    ------
    KeyError
        If a file of a named partition is not there.
    ValueError
        Without partitions, metadata and scope; without partitions if there is no such dataset; for files whose columns or types differ from those of
        the dataset; for a ``delete_scope`` that is not allowed (see :func:`update_dataset_from_dataframes`).
    """
    if not new_partitions and not metadata and not delete_scope:
        raise ValueError("Need to provide either new data, new metadata or a delete scope. None of it was provided.")
    partitions = [] if new_partitions is None else new_partitions
    return commit_partitions(partitions, store, dataset_uuid, factory, mode="create_or_update", **settings_among(locals()))


def build_dataset_indices(store, dataset_uuid, columns, factory=None):
    """
    Build secondary indices, in one commit: anew where there are some. Other indices and all metadata stay.

    Parameters
    ----------
    columns: str or list of str
        Columns to build an index on; partition keys may be among them.

    Returns
    -------
    DatasetMetadata
        The committed state.

    Raises
    ------
    KeyError
        If there is no such dataset.
    RuntimeError
        For a column that the dataset does not have.
    """
    dataset_uuid, store = address(dataset_uuid, store, factory)
    update = begin(store, dataset_uuid, mode="update")
    try:
        for column in normalize_arg("columns", columns):
            update.build_index(column)
        update.commit()
    except KeyError as error:
        raise _missing_column(error, update.base, columns) from None
    finally:
        update.close()
    return DatasetMetadata.load_from_store(dataset_uuid, store)


def _missing_column(error, dataset, columns):
    known = {name for table in dataset.tables for name, _, _ in dataset.schema(table)}
    missing = [column for column in normalize_arg("columns", columns) if column not in known]
    if not missing or dataset.partition_count == 0:
        return error
    return RuntimeError(missing_index_column(missing[0], dataset.partitions()[0][0], dataset.tables))


@deprecated
def read_table(
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
    version=None,
    at=None,
):
    """
    All (matching) rows of a table as one frame with a RangeIndex, of one snapshot.

    Parameters
    ----------
    columns: list of str, optional
        In this order. None: all, partition keys first and the rest by name.
    categoricals: list of str, optional
        Columns that come as pandas categories.
    version: int or str, optional
        Read an earlier state, by its number or the start of its id.
    at: datetime or str, optional
        Read what was current at a time; UTC unless it says otherwise.

    Returns
    -------
    pandas.DataFrame
        Of the columns and types of the dataset, also without rows.
    """
    if not isinstance(table, str):
        raise TypeError("Argument `table` needs to be a string")
    selection = Selection(dataset_uuid, store, factory, predicates, label_filter, version=version, at=at)
    return read_frame(
        selection,
        table,
        columns_of_table(columns, table, "columns"),
        columns_of_table(categoricals, table, "categoricals"),
        dates_as_object,
    )


@deprecated
def read_dataset_as_dataframes(
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
    version=None,
    at=None,
):
    """
    Frames of a dataset, one per partition or group, of one snapshot; columns as stored, partition keys first.

    Without ``dispatch_by`` they come in the order of the document. With it there is one per combination of values of these columns, ascending by value:
    each holds just the rows that have its values, of all partitions, and none whose value is null. Rows of such frames are numbered in each partition by
    itself, so that numbers repeat, as in kartothek.

    Parameters
    ----------
    version: int or str, optional
        Read an earlier state, by its number or the start of its id.
    at: datetime or str, optional
        Read what was current at a time; UTC unless it says otherwise.

    Returns
    -------
    list of dict
        ``{table: frame}``
    """
    return list(iterate_dataframes(**locals()))


@deprecated
def read_dataset_as_metapartitions(
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
    dispatch_metadata=True,
):
    """
    The list of what :func:`kartothek.io.iter.read_dataset_as_metapartitions__iterator` yields.

    Returns
    -------
    list of MetaPartition
        With frames.
    """
    reader, found = metapartitions_in_parts(**locals())
    return list(reader.each(found))


def delete_dataset(dataset_uuid=None, store=None, factory=None):
    """
    Remove a dataset with all its files, now. Its document goes first, so that nobody reads half of it.

    Raises
    ------
    KeyError
        If there is no such dataset.
    """
    dataset_uuid, store = address(dataset_uuid, store, factory)
    store = core_store(store)
    if not _core.dataset_exists(store, dataset_uuid):
        open_snapshot(store, dataset_uuid)
    _core.dataset_drop(store, dataset_uuid)


def garbage_collect_dataset(dataset_uuid=None, store=None, factory=None, *, grace=None):
    """
    Remove files of a dataset that nothing names: of partitions that are gone, of index files that were replaced, of writers that died.

    Other programs may write and read meanwhile. Therefore it takes two calls: the first one notes the files, one after the grace removes those that are
    still unnamed; files that are younger stay (docs/garbage-collection.md).

    Parameters
    ----------
    grace: datetime.timedelta or float, optional
        The time, or its seconds; None: 72 hours. 0 removes at once all that nothing names just now, as kartothek does, also the files of a write that is
        under way: for datasets that nobody uses meanwhile.

    Raises
    ------
    KeyError
        If there is no such dataset.
    ValueError
        For a negative grace.
    """
    dataset_uuid, store = address(dataset_uuid, store, factory)
    store = core_store(store)
    if not _core.dataset_exists(store, dataset_uuid):
        open_snapshot(store, dataset_uuid)
    _core.gc(store, dataset_uuid, True, _milliseconds(grace))


def _milliseconds(grace):
    """As the C library has it: 0 stands for its default, negative for none."""
    if grace is None:
        return 0
    seconds = grace.total_seconds() if hasattr(grace, "total_seconds") else float(grace)
    if not seconds >= 0:
        raise ValueError("grace must not be negative, got {!r}".format(grace))
    return round(seconds * 1000) or -1


def copy_dataset(source_dataset_uuid, store, target_dataset_uuid=None, target_store=None):
    """
    Copy a dataset under another name, into another store, or both. Its history begins with the copy.

    Parameters
    ----------
    source_dataset_uuid: str
        Name of the dataset.
    target_dataset_uuid: str, optional
        Name of the copy; None: the same.
    target_store: str, store or callable, optional
        Where the copy goes; None: the same store.

    Returns
    -------
    dict
        ``{key of the document: DatasetMetadata}`` of the copy.

    Raises
    ------
    KeyError
        If there is no such dataset.
    kartothek.exceptions.DatasetExists
        If there is one where the copy is to go.
    ValueError
        If neither name nor store is another one.
    """
    source = core_store(store)
    target = source if target_store is None else core_store(target_store)
    target_dataset_uuid = source_dataset_uuid if target_dataset_uuid is None else target_dataset_uuid
    if target_dataset_uuid == source_dataset_uuid and (target_store is None or repr(target) == repr(source)):
        raise ValueError("Cannot copy to a dataset with the same UUID within the same store!")
    _core.dataset_copy(target, target_dataset_uuid, open_snapshot(source, source_dataset_uuid))
    copied = DatasetMetadata.load_from_store(target_dataset_uuid, target)
    keys = [metadata_key_from_uuid(target_dataset_uuid, form) for form in ("json", "msgpack")]
    return {next(key for key in keys if key in DatasetMetadata.storage_keys(target_dataset_uuid, target)): copied}


document(globals())
