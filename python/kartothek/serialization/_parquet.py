"""Settings of Parquet data files; the writing itself is the C library's."""


class ParquetSerializer:
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

    def __eq__(self, other):
        return isinstance(other, ParquetSerializer) and (self.compression, self.chunk_size) == (
            other.compression,
            other.chunk_size,
        )

    def __repr__(self):
        return "ParquetSerializer(compression={!r}, chunk_size={!r})".format(self.compression, self.chunk_size)


def default_serializer():
    return ParquetSerializer()
