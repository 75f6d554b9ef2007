"""Rows of a Dask frame brought together by their partition keys and buckets."""
import numpy
import pandas

#: column of the bucket while rows are on their way; it never reaches a file
BUCKET = "__KTK_HASH_BUCKET"


def buckets(frame, columns, num_buckets):
    """
    The bucket of each row, as kartothek has it: pandas' hash of the columns (all, if none are named), modulo the number of buckets.

    An array of the smallest unsigned type that is wide enough.
    """
    hashes = pandas.util.hash_pandas_object(frame[columns] if columns else frame, index=False).to_numpy()
    return (hashes % numpy.uint64(num_buckets)).astype(numpy.min_scalar_type(num_buckets - 1))


def with_buckets(frame, columns, num_buckets):
    """The frame with the bucket of each row in a column more: rows that are equal in ``columns`` (all, if none are named) get the same."""
    return frame.assign(**{BUCKET: buckets(frame, columns, num_buckets)})


def split_buckets(frame):
    """A list of frames, one a bucket that has rows, without that column."""
    return [rows.drop(columns=BUCKET) for _, rows in frame.groupby(BUCKET, sort=True)]


def shuffled(ddf, partition_on, bucket_by, num_buckets):
    """
    A Dask frame with the column of buckets, in which all rows of a bucket and of the same values of ``partition_on`` are in one partition.

    Rows go from worker to worker by Dask's own shuffle in tasks, which works with every scheduler.
    """
    meta = with_buckets(ddf._meta, bucket_by, num_buckets)
    ddf = ddf.map_partitions(with_buckets, bucket_by, num_buckets, meta=meta)
    keys = list(partition_on) + [BUCKET]
    try:
        return ddf.shuffle(on=keys, shuffle_method="tasks")
    except TypeError:
        return ddf.shuffle(on=keys, shuffle="tasks")
