"""Single Parquet files, without a dataset around them. Results follow the Arrow PyCapsule protocol: ``pyarrow.table(read(path))``."""
from kartothek import _core
from kartothek._lazy import LazyModule
from kartothek._predicates import core_predicate

__all__ = ["read", "write"]

from_arrow = LazyModule("kartothek._frames.from_arrow")


class Table:
    """All rows of a file in Arrow memory."""

    def __init__(self, batches):
        self._batches = batches

    @property
    def num_rows(self):
        """Number of rows."""
        return self._batches.row_count

    @property
    def column_names(self):
        """Names of the columns, in the order of the file."""
        return [name for name, _, _ in self._batches.columns]

    def __arrow_c_stream__(self, requested_schema=None):
        return self._batches.__arrow_c_stream__(requested_schema)

    def to_pandas(self, dates_as_object=True):
        """As a frame with a RangeIndex."""
        return from_arrow.frame_from_stream(_Read(self._batches), dates_as_object)

    def __repr__(self):
        return "<kartothek.parquet.Table of {} rows: {}>".format(self.num_rows, ", ".join(self.column_names))


class _Read:
    """Batches that are read already, for what expects a stream."""

    def __init__(self, batches):
        self._batches = batches

    def read(self):
        return self._batches


def read(path, columns=None, filters=None, threads=0):
    """
    Read a local file, or one whose content is given as bytes.

    ``filters`` are predicates (a list of lists of ``(column, operator, value)``), by which row groups and pages are passed over and rows chosen;
    ``threads`` 0 means one per processor.
    """
    source = path if isinstance(path, bytes) else str(path)
    return Table(_core.parquet_read(source, columns, threads, core_predicate(filters)).read())


def write(table, path, compression="snappy", threads=0, bloom=None, sorted_by=None):
    """
    Write anything with ``__arrow_c_stream__`` (a pyarrow table, a Polars frame) to a local file.

    Columns in ``bloom`` (parts of nested ones by path, such as ``"tags.list.item"``) get Bloom filters, by which readers pass over row groups
    without a value. ``sorted_by`` notes in the file that its rows are sorted by these columns, ascending, nulls last; it is not checked.
    """
    _core.parquet_write(table, str(path), compression, threads, bloom, sorted_by)
