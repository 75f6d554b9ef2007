"""Reading and writing through :mod:`dask.bag`."""
from kartothek._lazy import imported
from kartothek.core.naming import DEFAULT_METADATA_STORAGE_FORMAT, DEFAULT_METADATA_VERSION
from kartothek.io.dask.delayed import dataset_in_parts
from kartothek.io_components.parts import PartsWriter
from kartothek.io_components.read import metapartitions_in_parts
from kartothek.io_components.utils import lazy_address, normalize_arg
from kartothek.io_components.write import settings_among

__all__ = ["build_dataset_indices__bag", "read_dataset_as_dataframe_bag", "store_bag_as_dataset"]


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
    A :class:`dask.bag.Bag` of ``{table: frame}``, as :func:`kartothek.io.eager.read_dataset_as_dataframes` lists them.

    ``partition_size``: how many partitions or groups make a partition of the bag; None leaves it to Dask.
    """
    arguments = dict(locals())
    del arguments["partition_size"]
    bag = imported("dask.bag")

    reader, items = dataset_in_parts(**arguments)
    return bag.from_sequence(items, partition_size=partition_size).map(reader.tables_of)


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
    A :class:`dask.bag.Bag` of :class:`kartothek.io_components.metapartition.MetaPartition`, as
    :func:`kartothek.io.iter.read_dataset_as_metapartitions__iterator` yields them.
    """
    arguments = dict(locals())
    del arguments["partition_size"]
    bag = imported("dask.bag")

    reader, found = metapartitions_in_parts(**arguments)
    return bag.from_sequence(list(found), partition_size=partition_size).map(reader)


def build_dataset_indices__bag(store, dataset_uuid, columns, partition_size=None, factory=None):
    """
    A :class:`dask.bag.Bag` of one element, the DatasetMetadata after :func:`kartothek.io.eager.build_dataset_indices`.

    One task does it, with all threads of its worker: files are read for the columns alone, and the indices are merged as they are read.
    ``partition_size`` has no effect.
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
    A :class:`dask.bag.Item` that stores the frames of a bag as a new dataset and gives its DatasetMetadata.

    As :func:`kartothek.io.dask.delayed.store_delayed_as_dataset`, with one task per partition of the bag and one for the commit.
    """
    writer = PartsWriter(store, dataset_uuid, mode="overwrite" if overwrite else "create", **settings_among(locals()))
    return bag.reduction(perpartition=writer.write_all, aggregate=writer.commit, split_every=False)
