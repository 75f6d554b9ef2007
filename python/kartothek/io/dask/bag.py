"""Reading and writing through :mod:`dask.bag`."""
from kartothek.core.naming import DEFAULT_METADATA_STORAGE_FORMAT, DEFAULT_METADATA_VERSION
from kartothek.io_components.parts import PartsWriter
from kartothek.io_components.utils import normalize_arg

__all__ = ["store_bag_as_dataset"]


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
    writer = PartsWriter(
        store,
        dataset_uuid,
        mode="overwrite" if overwrite else "create",
        metadata=metadata,
        df_serializer=df_serializer,
        metadata_merger=metadata_merger,
        metadata_version=metadata_version,
        partition_on=normalize_arg("partition_on", partition_on),
        metadata_storage_format=metadata_storage_format,
        secondary_indices=normalize_arg("secondary_indices", secondary_indices),
    )
    return bag.reduction(perpartition=writer.write_all, aggregate=writer.commit, split_every=False)
