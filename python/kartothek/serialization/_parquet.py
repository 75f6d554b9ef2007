"""Parquet data files: settings, and single files in a store. The format itself is the C library's."""
from kartothek import _core
from kartothek._lazy import LazyModule
from kartothek._predicates import core_predicate
from kartothek.serialization._serializer import DataFrameSerializer, check_columns

pd = LazyModule("pandas")
from_arrow = LazyModule("kartothek._frames.from_arrow")
to_arrow = LazyModule("kartothek._frames.to_arrow")


class ParquetSerializer(DataFrameSerializer):
    """
    Parameters
    ----------
    compression: str
        "SNAPPY", "GZIP", "ZSTD" or "NONE", in any case.
    chunk_size: int, optional
        Rows per row group.
    """

    type_stable = True

    def __init__(self, compression="SNAPPY", chunk_size=None):
        if chunk_size is not None:
            if not isinstance(chunk_size, int) or isinstance(chunk_size, bool):
                raise TypeError("Cannot initialize ParquetSerializer because chunk size is not integer type")
            if chunk_size < 1:
                raise ValueError("Cannot initialize ParquetSerializer because chunk size < 1")
        self.compression = compression
        self.chunk_size = chunk_size

    def __repr__(self):
        return "ParquetSerializer(compression={!r}, chunk_size={!r})".format(self.compression, self.chunk_size)

    @staticmethod
    def restore_dataframe(
        store,
        key,
        filter_query=None,
        columns=None,
        predicate_pushdown_to_io=True,
        categories=None,
        predicates=None,
        date_as_object=False,
    ):
        """The frame of a file; see :meth:`DataFrameSerializer.restore_dataframe`."""
        content = store.get(key)
        # The expression may name any column.
        wanted = None if filter_query is not None else columns
        with_index = wanted is None
        if wanted is not None:
            index = from_arrow.index_field(_core.parquet_read(content, []).read())
            with_index = index not in wanted
            wanted = [*wanted, index] if with_index and isinstance(index, str) else wanted
        try:
            stream = _core.parquet_read(content, wanted, 0, core_predicate(predicates))
        except KeyError:
            check_columns(columns, [name for name, _, _ in _core.parquet_read(content, None).read().columns])
            raise
        frame = from_arrow.frame_from_stream(stream, date_as_object, categories or (), with_index=with_index)
        if filter_query is not None:
            frame = frame.query(filter_query)
            check_columns(columns, frame.columns)
            frame = frame if columns is None else frame[columns]
        return frame

    def store(self, store, key_prefix, df):
        """Put a frame, or an Arrow table, under the prefix and ``.parquet``; returns the key."""
        stream = to_arrow.frame_stream(df) if isinstance(df, pd.DataFrame) else df
        content = _core.parquet_write(stream, None, self.compression or "none", 0, None, None, self.chunk_size or 0)
        key = key_prefix + ".parquet"
        store.put(key, content)
        return key


def default_serializer():
    """Of the functions that write, where none is given."""
    return ParquetSerializer()


DataFrameSerializer.register_serializer(".parquet", ParquetSerializer)
