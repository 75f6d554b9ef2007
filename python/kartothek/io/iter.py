"""One frame at a time: generators in and out, with one partition in memory, and of what is read those behind it up to 64 MiB."""
from kartothek._deprecated import deprecated
from kartothek.core.docs import document
from kartothek.core.naming import DEFAULT_METADATA_STORAGE_FORMAT, DEFAULT_METADATA_VERSION
from kartothek.io_components.read import iterate_dataframes, metapartitions_in_parts
from kartothek.io_components.write import settings_among, store_elements, update_elements

__all__ = ["read_dataset_as_dataframes__iterator", "store_dataframes_as_dataset__iter", "update_dataset_from_dataframes__iter"]


@deprecated
def read_dataset_as_dataframes__iterator(
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
    Frames one at a time: a generator of what :func:`kartothek.io.eager.read_dataset_as_dataframes` lists.

    All are of the snapshot that is newest at the first ``next``, whatever is committed meanwhile.

    Yields
    ------
    dict
        ``{table: frame}``
    """
    yield from iterate_dataframes(**locals())


@deprecated
def read_dataset_as_metapartitions__iterator(
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
    A generator of :class:`kartothek.io_components.metapartition.MetaPartition` with frames, one per partition or group.

    Yields
    ------
    MetaPartition
        Its ``data`` is ``{table: frame}``.
    """
    reader, found = metapartitions_in_parts(**locals())
    yield from reader.each(found)


def store_dataframes_as_dataset__iter(
    df_generator,
    store,
    dataset_uuid=None,
    metadata=None,
    partition_on=None,
    df_serializer=None,
    overwrite=False,
    metadata_storage_format=DEFAULT_METADATA_STORAGE_FORMAT,
    metadata_version=DEFAULT_METADATA_VERSION,
    secondary_indices=None,
):
    """
    :func:`kartothek.io.eager.store_dataframes_as_dataset` of frames that are written as they come, and committed together.

    Parameters
    ----------
    dataset_uuid: str, optional
        Name of the dataset: letters, digits, ``+``, ``-`` and ``_``. None makes one up.
    metadata: dict, optional
        Of JSON values, kept in the dataset's document.

    Returns
    -------
    DatasetMetadata
        The committed state.
    """
    return store_elements(store, dataset_uuid, df_generator, overwrite, **settings_among(locals()))


@deprecated
def update_dataset_from_dataframes__iter(
    df_generator,
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
    :func:`kartothek.io.eager.update_dataset_from_dataframes` of frames that are written as they come, and committed together.

    Returns
    -------
    DatasetMetadata
        The committed state.
    """
    return update_elements(df_generator, store, dataset_uuid, factory, **settings_among(locals()))


document(globals())
