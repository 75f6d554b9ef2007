"""Single Parquet files, without a dataset around them. Results follow the Arrow PyCapsule protocol: ``pyarrow.table(read(path))``."""
from __future__ import annotations

from typing import TYPE_CHECKING

from kartothek import _core
from kartothek._lazy import LazyModule
from kartothek._predicates import core_predicate

if TYPE_CHECKING:
    import os
    from typing import Any, List, Optional, Sequence, Union

    import pandas

    from kartothek.core.typing import ArrowStream, Predicates

__all__ = ["read", "write"]

from_arrow = LazyModule("kartothek._frames.from_arrow")


class Table:
    """All rows of a file in Arrow memory."""

    def __init__(self, read):
        self._read = read
        self._batches = read()
        self._is_shared = False
        self._row_count = self._batches.row_count
        self._column_names = [name for name, _, _ in self._batches.columns]

    def _present(self):
        if self._batches is None:
            self._batches = self._read()
        return self._batches

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return self._row_count

    @property
    def column_names(self) -> List[str]:
        """Names of the columns, in the order of the file."""
        return list(self._column_names)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        self._is_shared = True
        return self._present().__arrow_c_stream__(requested_schema)

    def to_pandas(self, dates_as_object: bool = True) -> pandas.DataFrame:
        """
        As a frame with a RangeIndex; dates as ``datetime.date``, or with ``dates_as_object`` False as ``datetime64[ns]``.

        The frame takes over the memory of the table, unless Arrow data of it has been handed out; a table that is asked again reads its file again.
        """
        batches = self._present()
        if not self._is_shared:
            self._batches = None
        return from_arrow.frame_from_batches(batches, dates_as_object, shared=self._is_shared)

    def __repr__(self):
        return "<kartothek.parquet.Table of {} rows: {}>".format(self.num_rows, ", ".join(self.column_names))


def read(
    path: Union[str, os.PathLike[str], bytes],
    columns: Optional[Sequence[str]] = None,
    filters: Optional[Predicates] = None,
    threads: int = 0,
) -> Table:
    """
    Read a file.

    Parameters
    ----------
    path: str, path or bytes
        Of a local file; bytes are its content.
    columns: list of str, optional
        In this order; None: all.
    filters: list of list of tuple, optional
        Which rows: a list (or) of lists (and) of ``(column, operator, value)``. Row groups and pages that cannot match are passed over.
    threads: int
        How many to read with; 0: one per processor.

    Raises
    ------
    KeyError
        If there is no such file, or column.
    ValueError
        For a file that is none or is damaged, and values that are not of their column's type.
    """
    source = path if isinstance(path, bytes) else str(path)
    where = core_predicate(filters)
    return Table(lambda: _core.parquet_read(source, columns, threads, where).read())


def write(
    table: ArrowStream,
    path: Union[str, os.PathLike[str]],
    compression: str = "snappy",
    threads: int = 0,
    bloom: Optional[Sequence[str]] = None,
    sorted_by: Optional[Sequence[str]] = None,
) -> None:
    """
    Write a local file.

    Parameters
    ----------
    table
        Anything with ``__arrow_c_stream__``: a pyarrow table, a Polars frame.
    path: str or path
        Of the file; one that is there is replaced.
    compression: str
        ``"snappy"``, ``"zstd"``, ``"lz4_raw"``, ``"gzip"``, ``"brotli"`` or ``"none"``.
    threads: int
        How many to write with; 0: one per processor.
    bloom: list of str, optional
        Columns (parts of nested ones by path, such as ``"tags.list.item"``) that get Bloom filters, by which readers pass over row groups without a value.
    sorted_by: list of str, optional
        Notes in the file that its rows are sorted by these columns, ascending, nulls last; it is not checked.
    """
    _core.parquet_write(table, str(path), compression, threads, bloom, sorted_by)
