"""Everything at once, in the calling thread."""
import warnings

from kartothek import _core
from kartothek._lazy import LazyModule
from kartothek.core.dataset import DatasetMetadata, open_snapshot
from kartothek.core.naming import DEFAULT_METADATA_STORAGE_FORMAT, DEFAULT_METADATA_VERSION, SINGLE_TABLE
from kartothek.core.utils import core_store, ensure_store
from kartothek.core.uuid import gen_uuid
from kartothek.io_components.read import Selection, read_frame, read_partitions
from kartothek.io_components.utils import check_addressing, columns_of_table, normalize_arg
from kartothek.io_components.write import raise_if_dataset_exists, store_frames

__all__ = ["delete_dataset", "read_dataset_as_dataframes", "read_table", "store_dataframes_as_dataset"]

pd = LazyModule("pandas")


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
    Store frames as a new dataset: one partition per frame, split further by ``partition_on``.

    Parameters
    ----------
    store: str, store or callable
        URL such as ``hfs:///data/lake``, a storefact, simplekv or minimalkv store, or a factory of one.
    dataset_uuid: str or None
        Name of the dataset; None makes one up.
    dfs: list
        Frames, or ``{"label": …, "data": {"table": frame}}`` to choose the base name of the files.
    metadata: dict, optional
        Kept in the dataset's document.
    partition_on: str or list of str, optional
        Columns whose values become part of the path instead of the files.
    df_serializer: ParquetSerializer, optional
    overwrite: bool
        Replace a dataset of that name; otherwise RuntimeError if there is one.

    Returns
    -------
    DatasetMetadata
        The committed state. It became visible in one step; after any exception nothing has.
    """
    store = ensure_store(store)
    if dataset_uuid is None:
        dataset_uuid = gen_uuid()
    if isinstance(dfs, (pd.DataFrame, dict)):
        warnings.warn("Pass a list of dataframes; a single one is deprecated.", DeprecationWarning, stacklevel=2)
        dfs = [dfs]
    if not overwrite:
        raise_if_dataset_exists(dataset_uuid, store)
    store_frames(
        store,
        dataset_uuid,
        dfs,
        metadata=metadata() if callable(metadata) else metadata,
        partition_on=normalize_arg("partition_on", partition_on),
        df_serializer=df_serializer,
        overwrite=overwrite,
        secondary_indices=normalize_arg("secondary_indices", secondary_indices),
        metadata_storage_format=metadata_storage_format,
        metadata_version=metadata_version,
    )
    return DatasetMetadata.load_from_store(dataset_uuid, store)


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
):
    """
    All (matching) rows of a table as one frame with a RangeIndex.

    Columns come in the order of ``columns``, else partition keys first and the rest by name. ``predicates`` is a list (OR) of lists
    (AND) of ``(column, operator, value)``.
    """
    if not isinstance(table, str):
        raise TypeError("Argument `table` needs to be a string")
    selection = Selection(dataset_uuid, store, factory, predicates, label_filter)
    return read_frame(
        selection,
        table,
        columns_of_table(columns, table, "columns"),
        columns_of_table(categoricals, table, "categoricals"),
        dates_as_object,
    )


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
):
    """
    One ``{table: frame}`` per partition, in the order of the document; with ``dispatch_by`` one per value of these partition keys.

    ``columns`` and ``categoricals`` are ``{table: list}``. Frames hold the columns as stored, partition keys first.
    """
    if dispatch_by is not None:
        dispatch_by = normalize_arg("dispatch_by", dispatch_by)
    if concat_partitions_on_primary_index:
        if dispatch_by is not None:
            raise ValueError("Both `dispatch_by` and `concat_partitions_on_primary_index` are provided.")
    selection = Selection(dataset_uuid, store, factory, predicates, label_filter, dispatch_by)
    if concat_partitions_on_primary_index:
        selection.dispatch_by = selection.dataset.partition_keys
    known = selection.dataset.tables
    for given in (columns, categoricals):
        unknown = set(given or ()) - set(known)
        if unknown:
            raise ValueError("You are trying to read columns from invalid table(s): {}".format(unknown))
    wanted = [table for table in known if tables is None or table in tables]
    for table in wanted:
        selection.check_columns(table, (columns or {}).get(table))
    if not wanted:
        return []
    return [
        {
            table: read_partitions(
                selection.dataset,
                table,
                group,
                (columns or {}).get(table),
                (categoricals or {}).get(table),
                dates_as_object,
                selection.where,
            )
            for table in wanted
        }
        for group in selection.groups(wanted[0])
    ]


def delete_dataset(dataset_uuid=None, store=None, factory=None):
    """Remove a dataset with all its files. KeyError if there is none. Its document goes first, so nobody reads half of it."""
    check_addressing(dataset_uuid, store, factory)
    if factory is not None:
        dataset_uuid, store = factory.dataset_uuid, factory.store
    store = core_store(store)
    if not _core.dataset_exists(store, dataset_uuid):
        open_snapshot(store, dataset_uuid)
    _core.dataset_drop(store, dataset_uuid)
