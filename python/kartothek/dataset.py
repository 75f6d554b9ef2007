"""
Datasets without a frame library: what goes in and comes out is Arrow data of whatever library has it.

:func:`kartothek.open` gives a :class:`Dataset`, :func:`kartothek.create` an :class:`Update` that makes one.
"""
from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from kartothek import _core, _facts
from kartothek._lazy import LazyModule
from kartothek._predicates import core_predicate, scope_predicate
from kartothek.core.dataset import open_snapshot, user_metadata
from kartothek.core.naming import SINGLE_TABLE
from kartothek.core.utils import core_store, lazy_store

if TYPE_CHECKING:
    import datetime
    from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

    import pandas
    import polars
    import pyarrow

    from kartothek.core.typing import Columns, DeleteScope, Frame, Predicates, StoreInput

to_arrow = LazyModule("kartothek._frames.to_arrow")
from_arrow = LazyModule("kartothek._frames.from_arrow")


def open(
    store: StoreInput, uuid: str, version: Union[int, str, None] = None, at: Union[datetime.datetime, str, None] = None
) -> Dataset:
    """
    Open a dataset.

    Parameters
    ----------
    store: str, store or callable
        URL such as ``hfs:///data/lake``, a storefact or minimalkv store, or a factory of one.
    uuid: str
        Name of the dataset.
    version, at
        An earlier state: by its number or the start of its id, or what was current at a time (a datetime or its text, UTC unless it says otherwise).

    Raises
    ------
    KeyError
        If there is no such dataset or state.
    """
    return Dataset(store, uuid, version, at)


def create(
    store: StoreInput,
    uuid: str,
    partition_on: Columns = (),
    indices: Sequence[str] = (),
    metadata: Optional[Mapping[str, Any]] = None,
    overwrite: bool = False,
    compression: str = "snappy",
) -> Update:
    """
    Begin a dataset, which is there when the ``with`` block ends without an exception::

        with kartothek.create(store, "flights", partition_on=["month"], indices=["carrier"]) as update:
            update.add(table)

    Parameters
    ----------
    store: str, store or callable
        As for :func:`open`.
    uuid: str
        Name of the dataset: letters, digits, ``+``, ``-`` and ``_``.
    partition_on: str or list of str
        Columns whose values become part of the path instead of the files.
    indices: list of str
        Columns that get a secondary index.
    metadata: dict, optional
        Of JSON values, kept in the dataset's document.
    overwrite: bool
        Replace a dataset of that name, in one step.
    compression: str
        Of the files: ``"snappy"``, ``"zstd"``, ``"lz4_raw"``, ``"gzip"``, ``"brotli"`` or ``"none"``.

    Raises
    ------
    kartothek.exceptions.DatasetExists
        At the commit or now, if there is one of that name and ``overwrite`` is False.
    """
    update = Update(core_store(store), uuid, "overwrite" if overwrite else "create", partition_on, metadata, compression=compression)
    for column in indices:
        update.build_index(column)
    return update


class Dataset:
    """
    A dataset as one commit left it: what others commit later is not seen, see :meth:`refresh`.

    May be shared between threads and with forked processes. Pickles as its store, which must have a URL or pickle itself, and the state's id: what is
    unpickled reads the same state.
    """

    def __init__(
        self, store: StoreInput, uuid: str, version: Union[int, str, None] = None, at: Union[datetime.datetime, str, None] = None
    ) -> None:
        self._given = store
        self._store = core_store(store)
        self._snapshot = open_snapshot(self._store, uuid, version, at)

    def __reduce__(self):
        # A state that names no commit is told by its document, which is all that a snapshot has of its own.
        version = self.commit.get("id")
        if isinstance(version, str):
            return Dataset, (lazy_store(self._given), self.uuid, version)
        return _of_document, (lazy_store(self._given), self._snapshot.document)

    @property
    def uuid(self) -> str:
        """Name of the dataset."""
        return self._snapshot.uuid

    @property
    def tables(self) -> List[str]:
        """Names of its tables; most datasets have one."""
        return self._snapshot.tables

    @property
    def partition_keys(self) -> List[str]:
        """Columns whose values are in the paths of the files."""
        return self._snapshot.partition_keys

    @property
    def indices(self) -> List[str]:
        """Columns with a secondary index."""
        return sorted(self._snapshot.indices)

    @property
    def metadata(self) -> Dict[str, Any]:
        """What users keep with the dataset: a dict."""
        return user_metadata(self._snapshot)

    @property
    def commit(self) -> Dict[str, Any]:
        """The commit that led to this state: ``{"id", "seq", "time", "op", …}``; empty if a program wrote it that names no commits."""
        try:
            found = json.loads(json.loads(self._snapshot.metadata).get("ktk.commit", "{}"))
        except (TypeError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def schema(self, table: Optional[str] = None) -> Dict[str, str]:
        """``{column: type}`` of a table, partition keys first."""
        return {name: text for name, _, text in self._snapshot.schema(self._table(table))}

    def __len__(self) -> int:
        """Number of partitions."""
        return self._snapshot.partition_count

    def query(
        self, where: Union[str, Predicates, None] = None, columns: Optional[Sequence[str]] = None, table: Optional[str] = None
    ) -> Query:
        """
        Rows of a table, read when they are asked for.

        Parameters
        ----------
        where: str or list, optional
            ``"day >= 2020-01-02 and label in ('a', 'b')"``, or predicates as kartothek has them: a list (or) of lists (and) of
            ``(column, operator, value)``. Files, row groups and pages that cannot match are not read.
        columns: list of str, optional
            In this order; None: all.
        table: str, optional
            Of a dataset that has several.

        Raises
        ------
        KeyError
            For columns and tables that are not there.
        ValueError
            For values that are not of their column's type.
        """
        return Query(self, self._table(table), where, columns)

    def update(
        self, partition_on: Columns = (), metadata: Optional[Mapping[str, Any]] = None, delete_mode: str = "exact", compression: str = "snappy"
    ) -> Update:
        """
        Begin a change, committed in one step when the ``with`` block ends without an exception::

            with dataset.update() as update:
                update.delete("day == 2020-01-02")
                update.add(table)

        Parameters
        ----------
        partition_on: str or list of str
            None, or just those of the dataset.
        metadata: dict, optional
            Keys that are set; others stay.
        delete_mode: str
            What a delete does with columns that are no partition keys: ``"exact"`` refuses them, ``"rows"`` writes the rows that stay into new files,
            ``"whole_partitions"`` deletes every partition that holds such a row.
        compression: str
            As for :func:`create`.
        """
        return Update(self._store, self.uuid, "update", partition_on, metadata, delete_mode, compression)

    def refresh(self) -> Dataset:
        """The dataset as it is now."""
        return Dataset(self._given, self.uuid)

    def history(self, limit: Optional[int] = None) -> List[Dict[str, Any]]:
        """What led to the current state, newest first, as dicts; see :meth:`kartothek.core.dataset.DatasetMetadata.history`."""
        return _core.history(self._store, self.uuid, 0 if limit is None else limit)

    def restore(self, version: Union[int, str]) -> Dataset:
        """Make an earlier version the current state again, as a commit of its own. The dataset as it is then."""
        _core.restore(self._store, self.uuid, str(version))
        return self.refresh()

    def check(self, deep: bool = False) -> List[Dict[str, Any]]:
        """
        What is not as it should be with the dataset as it is now: a list of ``{"severity", "what", "key", "text"}``, empty if all is well.

        ``deep`` reads all files.
        """
        return _core.check(self._store, self.uuid, deep)

    def verify_indices(self, columns: Optional[Columns] = None) -> List[Dict[str, Any]]:
        """
        Compare what secondary indices say with what is in the files of this state; reads the columns of all files.

        Parameters
        ----------
        columns: str or list of str, optional
            Those whose indices are meant; None: all.

        Returns
        -------
        list of dict
            One for each index: ``{"column", "right", "problem", "unknown_partitions", "stale_labels", "differences"}``. ``problem`` is None or a text that
            says why the index cannot be used; ``unknown_partitions`` are those that it does not cover, which are always read; ``stale_labels`` are no
            partition's. ``differences`` is a list of ``{"label", "missing_values", "excess_values"}``: values of that partition that the index lacks, and
            values that it has in vain. An index that is not ``right`` is built anew with :meth:`Update.build_index`.

        Raises
        ------
        KeyError
            For a column without an index.
        """
        wanted = [columns] if isinstance(columns, str) else self.indices if columns is None else list(columns)
        found = [_core.index_verify(self._snapshot, column) for column in wanted]
        for index in found:
            index["right"] = index["problem"] is None and not index["stale_labels"] and not index["differences"]
        return found

    def compact(
        self,
        where: Union[str, Predicates, None] = None,
        target_bytes: int = 128 << 20,
        sort_by: Columns = (),
        compression: str = "snappy",
        dry_run: bool = False,
    ) -> Dict[str, Any]:
        """
        Put the rows of many small files into few larger ones, in one commit on the dataset as it is now.

        Partitions of the same values of partition keys are put together. Rows and indices stay what they are, others may read and write meanwhile, and
        states before still find their files until these are collected. :meth:`refresh` gives the dataset with the new files.

        Parameters
        ----------
        where: str or list, optional
            Which partitions, on partition keys alone, as for :meth:`query`; None: all.
        target_bytes: int
            Size of files to aim at, in bytes; larger ones are left alone.
        sort_by: str or list of str
            Columns that the rows of each new file are sorted by, nulls last; single small files are written anew for that, too.
        compression: str
            As for :func:`create`.
        dry_run: bool
            Only tell what would be done.

        Returns
        -------
        dict
            ``{"partitions_before", "bytes_before", "partitions_after", "rows", "commit"}``: of the partitions that are put together; ``commit`` is the id
            of the commit, None if there was nothing to do, and of a dry run, which does not know ``rows`` either (0).

        Raises
        ------
        kartothek.exceptions.CommitConflict
            If somebody removed or replaced one of the partitions meanwhile; nothing was changed.
        KeyError
            For a column to sort by that is not there.
        ValueError
            For a column in ``where`` that is no partition key.
        NotImplementedError
            For a column that cannot be sorted by.
        """
        if target_bytes < 1:
            raise ValueError("target_bytes must be positive, not {}".format(target_bytes))
        columns = [sort_by] if isinstance(sort_by, str) else list(sort_by)
        return _core.compact(self._store, self.uuid, _predicate(where), target_bytes, columns, compression, dry_run)

    def _table(self, table: Optional[str]) -> str:
        if table is not None:
            return table
        if len(self.tables) > 1:
            raise ValueError("dataset '{}' has several tables, choose one of: {}".format(self.uuid, ", ".join(self.tables)))
        return self.tables[0] if self.tables else SINGLE_TABLE

    def _facts(self) -> Iterator[Tuple[str, str]]:
        """(name, text) of what people want to see first."""
        commit = self.commit
        yield "partitions", _facts.counted(len(self), self.partition_keys)
        if self.indices:
            yield "indices", ", ".join(self.indices)
        if commit:
            yield "commit", "{} ({}), {}".format(commit.get("seq"), commit.get("op"), commit.get("time"))
        for table in self.tables:
            yield ("columns" if len(self.tables) == 1 else table), _facts.typed(self.schema(table))

    def __repr__(self):
        return _facts.as_text("Dataset '{}' in {!r}".format(self.uuid, self._store), self._facts())

    def _repr_html_(self) -> str:
        return _facts.as_html(self.uuid, self._facts())


def _of_document(store, document):
    """A state that is there as a document."""
    dataset = Dataset.__new__(Dataset)
    dataset._given = store
    dataset._store = core_store(store)
    dataset._snapshot = _core.Dataset.from_document(dataset._store, document)
    return dataset


def _predicate(where):
    return _core.Predicate.parse(where) if isinstance(where, str) else core_predicate(where)


class Query:
    """Rows of a table of one snapshot. Each call reads anew; nothing is kept. Pickles as its dataset and what was asked."""

    def __init__(self, dataset, table, where, columns):
        self._dataset = dataset
        self._snapshot = dataset._snapshot
        self._table = table
        self._text = where
        self._where = _predicate(where)
        self._columns = columns
        self._stream()  # a mistake is told here and now

    def __reduce__(self):
        return Query, (self._dataset, self._table, self._text, self._columns)

    def _stream(self, columns=None):
        return self._snapshot.query(table=self._table, columns=self._columns if columns is None else columns, where=self._where)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The rows, batch by batch, for any library that takes Arrow data; batches are read as they are asked for."""
        return self._stream().__arrow_c_stream__(requested_schema)

    def to_arrow(self) -> pyarrow.Table:
        """A :class:`pyarrow.Table`."""
        import pyarrow

        return pyarrow.table(self)

    def to_pandas(self, dates_as_object: bool = True) -> pandas.DataFrame:
        """A :class:`pandas.DataFrame` with a RangeIndex; dates as ``datetime.date``, or with ``dates_as_object`` False as ``datetime64[ns]``."""
        batches = self._snapshot.read(table=self._table, columns=self._columns, where=self._where)
        return from_arrow.frame_from_batches(batches, dates_as_object)

    def to_polars(self) -> polars.DataFrame:
        """A :class:`polars.DataFrame`."""
        import polars

        return polars.DataFrame(self)

    def count(self) -> int:
        """Number of rows."""
        return self._stream([]).read().row_count

    def __repr__(self):
        parts = ["table={!r}".format(self._table)]
        parts += ["where={!r}".format(self._text)] if self._text is not None else []
        parts += ["columns={!r}".format(self._columns)] if self._columns is not None else []
        return "<Query of '{}': {}>".format(self._snapshot.uuid, ", ".join(parts))


class Update:
    """
    A change of a dataset: nothing is visible before :meth:`commit`, then all of it. Belongs to one thread at a time.

    As a context manager it commits at the end of the block, unless that was done in it, or takes everything back after an exception.
    """

    def __init__(self, store, uuid, mode, partition_on=(), metadata=None, delete_mode="exact", compression="snappy"):
        self._uuid = uuid
        self._state = "open"
        self._update = _core.Update.begin(
            store,
            uuid,
            mode=mode,
            partition_on=[partition_on] if isinstance(partition_on, str) else list(partition_on),
            compression=compression,
            metadata=None if metadata is None else json.dumps(metadata),
            delete_mode=delete_mode,
        )

    def add(self, data: Union[Frame, Mapping[str, Frame]], label: Optional[str] = None) -> Update:
        """
        Add rows: a pandas frame, or anything with ``__arrow_c_stream__`` or ``__arrow_c_array__`` (of pyarrow, Polars, DuckDB and others); for a dataset
        of several tables a dict of these by table.

        ``label`` is the base name of the files; None: a fresh one.
        """
        tables = data if isinstance(data, dict) else {self._table(): data}
        streams = [(table, _rows(rows)) for table, rows in tables.items()]
        self._update.add_tables(streams, label)
        return self

    def _table(self):
        tables = [] if self._update.base is None else self._update.base.tables
        if len(tables) > 1:
            raise ValueError("dataset '{}' has several tables, give a dict of: {}".format(self._uuid, ", ".join(tables)))
        return tables[0] if tables else SINGLE_TABLE

    def delete(self, where: Union[str, Predicates, DeleteScope]) -> Update:
        """
        Delete the rows that are there and match, once an update: a text or predicates as for :meth:`Dataset.query`, or a list of maps from column to
        value. What the update adds stays.
        """
        is_scope = where and not isinstance(where, str) and all(isinstance(part, dict) for part in where)
        scope = scope_predicate(where) if is_scope else _predicate(where)
        if scope is None:
            raise ValueError("delete needs to be told which rows")
        self._update.delete(scope)
        return self

    def build_index(self, column: str) -> Update:
        """Keep a secondary index on a column, from this commit on; one that is there is built anew."""
        self._update.build_index(column)
        return self

    def drop_index(self, column: str) -> Update:
        """Keep no index on a column any more."""
        self._update.drop_index(column)
        return self

    def set_metadata(self, metadata: Mapping[str, Any]) -> Update:
        """Set keys of the metadata; others stay."""
        self._update.set_metadata(json.dumps(metadata))
        return self

    def commit(self) -> Dict[str, Any]:
        """
        Make it visible in one step. What others commit meanwhile is joined with it.

        Returns
        -------
        dict
            ``{"id", "attempts", "partitions", "rows", "removed", "rewritten"}``

        Raises
        ------
        kartothek.exceptions.CommitConflict
            If what others did cannot be joined with it; nothing was changed.
        kartothek.exceptions.UnknownOutcome
            If nobody can say whether it came through.
        """
        done = self._update.commit()
        self._state = "committed"
        return done

    def close(self) -> None:
        """End it; without a commit its files are removed."""
        if self._state == "open":
            self._state = "closed"
        self._update.close()

    def __enter__(self) -> Update:
        return self

    def __exit__(self, error: Any, value: Any, trace: Any) -> None:
        try:
            if error is None and self._state == "open":
                self.commit()
        finally:
            self.close()

    def __repr__(self):
        return "<Update of '{}', {}>".format(self._uuid, self._state)


def _rows(data):
    # No pandas frame is there before pandas is, and other Arrow data goes in without it.
    if "pandas" not in sys.modules and (hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")):
        return data
    return to_arrow.stream_of(data)
