"""CSV data files, as people read them: no types come back but those that the text shows."""
import io

from kartothek._lazy import LazyModule
from kartothek.serialization._serializer import DataFrameSerializer, check_columns

gzip = LazyModule("gzip")
pd = LazyModule("pandas")
_filter = LazyModule("kartothek.serialization._filter")


class CsvSerializer(DataFrameSerializer):
    """
    Values are parted by semicolons, in UTF-8, below a line of names.

    Parameters
    ----------
    compress: bool
        Whether files are packed by gzip, and end in ``.csv.gz``.
    """

    def __init__(self, compress=True):
        self.compress = compress

    @staticmethod
    def restore_dataframe(
        store,
        key,
        filter_query=None,
        columns=None,
        predicate_pushdown_to_io=None,
        categories=None,
        predicates=None,
        date_as_object=None,
        **kwargs
    ):
        """The frame of a file; see :meth:`DataFrameSerializer.restore_dataframe`. ``date_as_object`` and further arguments have no effect."""
        content = store.get(key)
        content = gzip.decompress(content) if key.endswith(".gz") else content
        if not content.strip():
            frame = pd.DataFrame()
        else:
            frame = pd.read_csv(io.BytesIO(content), sep=";", encoding="utf-8")
            # Old pandas gives a frame without rows no range.
            frame = frame.reset_index(drop=True) if frame.empty else frame
        check_columns(columns, frame.columns)
        frame = _filter.filter_df_from_predicates(frame, predicates)
        frame = _filter.filter_df(frame, filter_query)
        frame = frame if columns is None else frame[columns]
        if categories:
            frame = frame.astype({column: "category" for column in categories})
        return frame.reset_index(drop=True) if predicates else frame

    def store(self, store, key_prefix, df):
        """Put a frame under the prefix and ``.csv`` or ``.csv.gz``; returns the key."""
        df = df if isinstance(df, pd.DataFrame) else df.to_pandas()
        content = df.to_csv(sep=";", index=False).encode("utf-8")
        key = key_prefix + (".csv.gz" if self.compress else ".csv")
        # Without the time of day, so that equal frames make equal files.
        store.put(key, gzip.compress(content, mtime=0) if self.compress else content)
        return key


DataFrameSerializer.register_serializer(".csv.gz", CsvSerializer)
DataFrameSerializer.register_serializer(".csv", CsvSerializer)
