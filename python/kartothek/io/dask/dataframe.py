"""Reading and writing through :mod:`dask.dataframe`."""
import math

from kartothek.core.naming import DEFAULT_METADATA_VERSION, SINGLE_TABLE
from kartothek.io.dask import _shuffle
from kartothek.io.dask.delayed import committed
from kartothek.io_components.parts import PartsWriter
from kartothek.io_components.utils import normalize_arg

__all__ = ["store_dataset_from_ddf", "update_dataset_from_ddf"]


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
    A :class:`dask.delayed.Delayed` that stores a Dask frame as a new dataset and gives its DatasetMetadata.

    Parameters
    ----------
    shuffle: bool
        False: one file per partition of ``ddf`` and combination of values of ``partition_on``. True: rows are brought together first, so that there
        are at most ``num_buckets`` files per combination.
    num_buckets: int
        Into how many files the rows of a combination go, by the hash of ``bucket_by``.
    bucket_by: str or list of str, optional
        Rows that are equal in these columns are never in different files of a combination. None: all columns.
    repartition_ratio: float, optional
        ``ddf`` is brought to this fraction of its number of partitions first.
    sort_partitions_by: str or list of str, optional
        Columns by which the rows of each file are put in order.
    delete_scope
        Has no effect.
    """
    writer = PartsWriter(
        store,
        dataset_uuid,
        mode="overwrite" if overwrite else "create",
        table=_checked(table),
        metadata=metadata,
        df_serializer=df_serializer,
        metadata_merger=metadata_merger,
        metadata_version=metadata_version,
        partition_on=normalize_arg("partition_on", partition_on),
        secondary_indices=normalize_arg("secondary_indices", secondary_indices),
        sort_partitions_by=normalize_arg("sort_partitions_by", sort_partitions_by),
    )
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
    A :class:`dask.delayed.Delayed` that adds a Dask frame to a dataset, and deletes from it, in one commit; the dataset is made if there is none.

    As :func:`store_dataset_from_ddf`. ``ddf`` may be None to delete only; ``delete_scope`` (see
    :func:`kartothek.io.eager.update_dataset_from_dataframes`) may be a Delayed.
    """
    writer = PartsWriter(
        store,
        dataset_uuid,
        factory,
        table=_checked(table),
        metadata=metadata,
        df_serializer=df_serializer,
        metadata_merger=metadata_merger,
        metadata_version=default_metadata_version,
        partition_on=normalize_arg("partition_on", partition_on),
        secondary_indices=normalize_arg("secondary_indices", secondary_indices),
        sort_partitions_by=normalize_arg("sort_partitions_by", sort_partitions_by),
        delete_mode=delete_mode,
    )
    pieces = [] if ddf is None else _pieces(ddf, writer, shuffle, repartition_ratio, num_buckets, bucket_by)
    return committed(writer, pieces, delete_scope)


def _checked(table):
    if table is None:
        raise TypeError("The parameter `table` is not optional.")
    return table


def _pieces(ddf, writer, shuffle, repartition_ratio, num_buckets, bucket_by):
    """Delayed frames, or lists of them, one for each task that writes."""
    from dask import delayed

    if shuffle and num_buckets is None:
        raise ValueError("``num_buckets`` must not be None when shuffling data.")
    if repartition_ratio is not None:
        ddf = ddf.repartition(npartitions=math.ceil(ddf.npartitions / repartition_ratio))
    if not shuffle:
        return ddf.to_delayed()
    ddf = _shuffle.shuffled(ddf, writer.partition_on, normalize_arg("bucket_by", bucket_by), num_buckets)
    split = delayed(_shuffle.split_buckets)
    return [split(piece) for piece in ddf.to_delayed()]
