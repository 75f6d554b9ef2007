"""Reading and writing through :mod:`dask.bag`."""
from kartothek._deprecated import deprecated
from kartothek._lazy import imported
from kartothek.core.docs import document
from kartothek.core.naming import DEFAULT_METADATA_STORAGE_FORMAT, DEFAULT_METADATA_VERSION
from kartothek.io.dask.delayed import dataset_in_parts
from kartothek.io_components.parts import PartsWriter
from kartothek.io_components.read import metapartitions_in_parts
from kartothek.io_components.utils import lazy_address, normalize_arg
from kartothek.io_components.write import settings_among

__all__ = ["build_dataset_indices__bag", "read_dataset_as_dataframe_bag", "store_bag_as_dataset"]


@deprecated
def read_dataset_as_dataframe_bag(
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
    partition_size=None,
):
    """
    Frames of a dataset, as :func:`kartothek.io.eager.read_dataset_as_dataframes` lists them; chosen by the call, read by the tasks.

    Returns
    -------
    dask.bag.Bag
        Of ``{table: frame}``.
    """
    arguments = dict(locals())
    del arguments["partition_size"]
    graph = imported("kartothek.io.dask._graph")

    reader, items = dataset_in_parts(**arguments)
    return graph.bag_of_calls(reader.tables_of, items, partition_size)


@deprecated
def read_dataset_as_metapartitions_bag(
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
    partition_size=None,
    dispatch_metadata=True,
):
    """
    What :func:`kartothek.io.iter.read_dataset_as_metapartitions__iterator` yields; chosen by the call, read by the tasks.

    Returns
    -------
    dask.bag.Bag
        Of :class:`kartothek.io_components.metapartition.MetaPartition` with frames.
    """
    arguments = dict(locals())
    del arguments["partition_size"]
    graph = imported("kartothek.io.dask._graph")

    reader, found = metapartitions_in_parts(**arguments)
    return graph.bag_of_calls(reader, found, partition_size)


def build_dataset_indices__bag(store, dataset_uuid, columns, partition_size=None, factory=None):
    """
    What :func:`kartothek.io.eager.build_dataset_indices` does, as a task.

    One task does it, with all threads of its worker: files are read for the columns alone, and the indices are merged as they are read.

    Parameters
    ----------
    columns: str or list of str
        Columns to build an index on.
    partition_size: int, optional
        Has no effect.

    Returns
    -------
    dask.bag.Bag
        Of one element, the DatasetMetadata of the committed state.
    """
    bag = imported("dask.bag")

    from kartothek.io.eager import build_dataset_indices

    dataset_uuid, store = lazy_address(dataset_uuid, store, factory)
    return bag.from_delayed([imported("dask").delayed(_as_list)(build_dataset_indices, store, dataset_uuid, normalize_arg("columns", columns))])


def _as_list(function, *arguments):
    return [function(*arguments)]


def store_bag_as_dataset(
    bag,
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
    Store the frames of a bag as a new dataset: one task per partition of the bag writes files, one commits them all.

    Parameters
    ----------
    dataset_uuid: str, optional
        Name of the dataset: letters, digits, ``+``, ``-`` and ``_``. None makes one up.
    metadata: dict, optional
        Of JSON values, kept in the dataset's document.

    Returns
    -------
    dask.bag.Item
        Of the DatasetMetadata of the committed state.
    """
    writer = PartsWriter(store, dataset_uuid, mode="overwrite" if overwrite else "create", **settings_among(locals()))
    return bag.reduction(perpartition=writer.write_all, aggregate=writer.commit, split_every=False)


document(globals())
