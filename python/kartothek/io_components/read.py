"""Reading: one snapshot, one predicate, and frames out of the streams of the C library."""
import os

from kartothek import _core
from kartothek._deprecated import MULTI_TABLE_DATASET, deprecated, warn_user
from kartothek._lazy import LazyModule
from kartothek._predicates import columns_in_predicates, core_predicate
from kartothek.core.dataset import open_snapshot
from kartothek.core.docs import default_docs
from kartothek.core.factory import DatasetFactory, _ensure_factory
from kartothek.core.utils import core_store, lazy_store
from kartothek.io_components.metapartition import MetaPartition
from kartothek.io_components.utils import address, check_addressing, normalize_arg

#: what type checkers take for True
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator, Optional

    from kartothek.core.typing import Columns, Predicates, StoreInput

json = LazyModule("json")
from_arrow = LazyModule("kartothek._frames.from_arrow")
_progress = LazyModule("kartothek._progress")


#: Rows of several groups are read together as long as they take no more than this.
GROUPS_BYTES = 64 << 20

#: Partitions are read ahead as long as they take no more than this.
AHEAD_BYTES = 64 << 20

#: A last column of what is read of a group: the number of the partition.
_POSITION = "ktk.position"
_PARTITIONS = "ktk.partitions"


class Group:
    """The partitions (by number) of one work item, and what its rows have in common: a list of ``(column, "==", value)``."""

    def __init__(self, partitions, conjunction=()):
        self.partitions = partitions
        self.conjunction = list(conjunction)

    @property
    def values(self):
        """The values alone, a tuple."""
        return tuple(value for _, _, value in self.conjunction)


class Selection:
    """What to read of a dataset, checked once; plain data but for the snapshot."""

    def __init__(
        self,
        dataset_uuid,
        store,
        factory,
        predicates,
        label_filter=None,
        dispatch_by=None,
        version=None,
        at=None,
        concat_partitions_on_primary_index=False,
        is_read=True,
    ):
        if dispatch_by is not None:
            dispatch_by = normalize_arg("dispatch_by", dispatch_by)
            if concat_partitions_on_primary_index:
                raise ValueError("Both `dispatch_by` and `concat_partitions_on_primary_index` are provided.")
        check_addressing(dataset_uuid, store, factory)
        if isinstance(factory, DatasetFactory) and version is None and at is None:
            # It has read the state that it stands for.
            self.dataset = factory.dataset_metadata._snapshot
        else:
            dataset_uuid, store = address(dataset_uuid, store, factory)
            self.dataset = open_snapshot(core_store(store), dataset_uuid, version, at)
        if is_read and len(self.dataset.tables) > 1:
            warn_user(MULTI_TABLE_DATASET)
        self.predicates = predicates
        self.where = core_predicate(predicates)
        self.label_filter = label_filter
        #: None: each partition by itself
        self.dispatch_by = self.dataset.partition_keys if concat_partitions_on_primary_index else dispatch_by

    def is_indexed(self, column):
        """Whether partitions can be chosen by its values."""
        return column in self.dataset.partition_keys or column in self.dataset.indices

    def schema_columns(self, table):
        """Names of the columns of a table, partition keys first."""
        return [name for name, _, _ in self.dataset.schema(table)]

    def check_columns(self, table, columns):
        """ValueError for columns that the table does not have."""
        missing = sorted(set(columns or ()) - set(self.schema_columns(table)))
        if missing:
            raise ValueError("Columns cannot be found in stored dataframe: {}".format(", ".join(missing)))

    def partitions(self, table):
        """Indices of the partitions that may hold matching rows, in document order."""
        if self.dataset.partition_count == 0:
            return []
        matching = self.dataset.matching_partitions(table=table, where=self.where)
        if self.label_filter is not None:
            labels = self.dataset.labels()
            matching = [i for i in matching if self.label_filter(labels[i])]
        return matching

    def groups(self, table):
        """Work items. Without ``dispatch_by`` one per partition; else ascending by value."""
        if self.dispatch_by:
            self._check_dispatch()
        matching = self.partitions(table)
        if self.dispatch_by is None:
            return [Group([i]) for i in matching]
        if not self.dispatch_by:
            return [Group(matching)] if matching else []
        if not matching:
            return []
        stream = self.dataset.groups(by=self.dispatch_by, table=table, where=self.where, partitions=matching)
        frame = from_arrow.frame_from_stream(stream, dates_as_object=True)
        partitions = frame.pop(_PARTITIONS)
        return [
            Group(numbers.tolist(), [(column, "==", value) for column, value in zip(self.dispatch_by, values)])
            for values, numbers in zip(_rows(frame), partitions)
        ]

    def _check_dispatch(self):
        available = sorted(set(self.dataset.partition_keys) | set(self.dataset.indices))
        if not set(self.dispatch_by) <= set(available):
            raise RuntimeError(
                "Dispatch columns must be indexed.\nRequested index: {} but available index columns: {}".format(
                    self.dispatch_by, available
                )
            )


def _rows(frame):
    """The rows as tuples of Python's own objects."""
    return list(zip(*(frame[column].tolist() for column in frame.columns)))


def _conjunct(predicates, literals):
    """``predicates`` and all of ``literals``."""
    if not literals:
        return predicates
    return [conjunction + literals for conjunction in predicates or [[]]]


def read_frame(selection, table, columns, categoricals, dates_as_object):
    """All matching rows as one frame in the shape of the table's schema."""
    selection.check_columns(table, columns)
    partitions = None if selection.label_filter is None else selection.partitions(table)
    batches = selection.dataset.read(table=table, columns=columns, where=selection.where, partitions=partitions)
    return from_arrow.frame_from_batches(batches, dates_as_object, categoricals or ())


class TableReading:
    """How the frames of a table are made: ``columns`` None for all, and a list of those that become categories."""

    def __init__(self, dataset, table, columns, categoricals, dates_as_object, predicates, grouped):
        self.dataset = dataset
        self.table = table
        self.columns = columns
        self.categoricals = categoricals or ()
        self.dates_as_object = dates_as_object
        self.predicates = predicates
        #: whether frames keep the numbers of rows that these have in their partitions
        self.grouped = grouped

    def group(self, group):
        """The rows of a group as they are stored: partition keys first, then file order."""
        return self.frame(self._stream(group.partitions, group.conjunction, self.columns))

    def frame(self, stream):
        """The rows of a stream of the C library."""
        return from_arrow.frame_from_stream(
            stream, self.dates_as_object, self.categoricals, position=_POSITION if self.grouped else None, columns=self.columns
        )

    def split(self, groups, all_groups, bytes_max):
        """``{values: stream}`` of groups that are read together; ValueError with the status "limit" if their rows take too much."""
        by = [column for column, _, _ in groups[0].conjunction]
        literals = []
        if len(groups) < all_groups:
            literals = [(column, "in", list(dict.fromkeys(values))) for column, values in zip(by, zip(*(group.values for group in groups)))]
        columns = None if self.columns is None else self.columns + [column for column in by if column not in self.columns]
        partitions = sorted({number for group in groups for number in group.partitions})
        values, streams = self._stream(partitions, literals, columns).split(by, bytes_max)
        return dict(zip(_rows(from_arrow.frame_from_stream(values, dates_as_object=True)), streams))

    def ahead(self, partitions):
        """A reader of these partitions, by number."""
        return self.dataset.each_partition(partitions=partitions, ahead_bytes_max=AHEAD_BYTES, **self._query(self.predicates, self.columns))

    def _stream(self, partitions, literals, columns):
        return self.dataset.query(partitions=partitions, **self._query(_conjunct(self.predicates, literals), columns))

    def _query(self, predicates, columns):
        return {
            "table": self.table,
            "columns": columns,
            "where": core_predicate(predicates),
            "as_stored": True,
            "position_column": _POSITION if self.grouped else None,
        }


class ReadingAhead:
    """The frames of groups of one partition each, one at a time, in the order of ``groups``, while those behind are being read."""

    def __init__(self, reading, groups):
        self._reading = reading
        self._reader = reading.ahead([number for group in groups for number in group.partitions])
        self._found = None

    def group(self, group):
        """The frame of the next group. Partitions that the reader leaves out, as they have no matching row or no file of the table, are read alone."""
        if self._reader is not None and self._reader.pid != os.getpid():
            self._reader = None
        if self._reader is None:
            return self._reading.group(group)
        number, stream = self._found or self._reader.next() or (None, None)
        self._found = None
        if number == group.partitions[0]:
            return self._reading.frame(stream)
        self._found = number, stream
        return self._reading.group(group)


def wanted_tables(known, tables, columns, categoricals):
    """Those of a dataset's tables that are asked for; ValueError if ``columns`` or ``categoricals`` name others."""
    for given in (columns, categoricals):
        unknown = set(given or ()) - set(known)
        if unknown:
            raise ValueError("You are trying to read columns from invalid table(s): {}".format(unknown))
    return [table for table in known if tables is None or table in tables]


def iterate_dataframes(
    dataset_uuid,
    store,
    factory,
    tables=None,
    columns=None,
    categoricals=None,
    dates_as_object=False,
    predicates=None,
    predicate_pushdown_to_io=True,
    **selected,
):
    """
    ``{table: frame}`` for each partition or group, one at a time, out of one snapshot. ``selected``: see :class:`Selection`. Rows are filtered while
    they are read, whatever ``predicate_pushdown_to_io`` says: the result is the same.
    """
    selection = Selection(dataset_uuid, store, factory, predicates, **selected)
    wanted = wanted_tables(selection.dataset.tables, tables, columns, categoricals)
    for table in wanted:
        selection.check_columns(table, (columns or {}).get(table))
    readings = [
        TableReading(
            selection.dataset,
            table,
            (columns or {}).get(table),
            (categoricals or {}).get(table),
            dates_as_object,
            predicates,
            selection.dispatch_by is not None,
        )
        for table in wanted
    ]
    groups = selection.groups(wanted[0]) if wanted else []
    if len(readings) == 1 and set(selection.dispatch_by or ()) - set(selection.dataset.partition_keys):
        for frame in _frames_together(readings[0], groups):
            yield {readings[0].table: frame}
        return
    if len(groups) > 1 and all(_is_partition(group, selection.dataset.partition_keys) for group in groups):
        readings = [ReadingAhead(reading, groups) for reading in readings]
    yield from _progress.each(lambda group: {table: reading.group(group) for table, reading in zip(wanted, readings)}, groups, "partitions read")


def _is_partition(group, partition_keys):
    """Whether its rows are all that match of a partition: values of partition keys are the same in all of them."""
    return len(group.partitions) == 1 and all(column in partition_keys for column, _, _ in group.conjunction)


def _frames_together(reading, groups):
    """
    The frames of groups that share partitions. A partition is read once for as many groups as fit into memory of a fixed size; if a single one
    does not, it is read by itself.
    """
    count = len(groups)
    at = 0
    while at < len(groups):
        part = groups[at : at + count]
        try:
            streams = reading.split(part, len(groups), GROUPS_BYTES) if len(part) > 1 else {}
        except ValueError as error:
            if getattr(error, "status", None) != "limit":
                raise
            count = len(part) // 2
            continue
        for group in part:
            stream = streams.pop(group.values, None)
            yield reading.group(group) if stream is None else reading.frame(stream)
        at += len(part)


class PartsReader:
    """
    A read in parts: plain data, sent to every worker, and :class:`Item` objects, one a part, which choose it.

    All workers read the snapshot of the ``selection``, whatever is committed meanwhile.
    """

    def __init__(self, selection, store, tables, columns=None, categoricals=None, dates_as_object=False, predicates=None):
        """``columns`` and ``categoricals``: ``{table: list}``."""
        dataset = selection.dataset
        for table in tables:
            selection.check_columns(table, (columns or {}).get(table))
        self.store = store
        self.uuid = dataset.uuid
        self.partition_keys = dataset.partition_keys
        self.tables = list(tables)
        self.columns = columns or {}
        self.categoricals = categoricals or {}
        self.dates_as_object = dates_as_object
        self.predicates = predicates
        self.grouped = selection.dispatch_by is not None
        self.schemas = {table: dataset.schema_file(table) for table in tables} if dataset.partition_count else {}

    def items(self, selection):
        """A list of what workers are to read, one a partition or group."""
        dataset = selection.dataset
        return [
            Item(tuple(self._short(*dataset.partition(number)) for number in group.partitions), tuple(group.conjunction))
            for group in (selection.groups(self.tables[0]) if self.tables else [])
        ]

    def _short(self, label, files):
        """A label alone if its files are where the format puts them, else with them."""
        return label if files == self._files(label) else (label, files)

    def dataset(self, item):
        """The partitions of an item, as the C library's snapshot."""
        document = {
            "dataset_metadata_version": 4,
            "dataset_uuid": self.uuid,
            "partitions": dict(self._whole(part) for part in item.partitions),
            "partition_keys": self.partition_keys,
        }
        dataset = _core.Dataset.from_document(core_store(self.store), json.dumps(document).encode("utf-8"))
        for table, schema in self.schemas.items():
            dataset.set_schema_file(table, schema)
        return dataset

    def _whole(self, part):
        label, files = (part, self._files(part)) if isinstance(part, str) else part
        return label, {"files": files}

    def _files(self, label):
        return {table: "{}/{}/{}.parquet".format(self.uuid, table, label) for table in self.tables}

    def tables_of(self, item):
        """``{table: frame}`` of an item; runs on any worker."""
        dataset = self.dataset(item)
        return {table: self._frame(dataset, item, table, self.columns.get(table)) for table in self.tables}

    def frame(self, item, columns=None):
        """The frame of the only table, or ``columns`` of it."""
        (table,) = self.tables
        return self._frame(self.dataset(item), item, table, self.columns.get(table) if columns is None else columns)

    def _frame(self, dataset, item, table, columns):
        reading = TableReading(dataset, table, columns, self.categoricals.get(table), self.dates_as_object, self.predicates, self.grouped)
        return reading.group(Group(list(range(dataset.partition_count)), item.conjunction))


class Item:
    """``partitions``: of each the label, or (label, files); ``conjunction``: what the rows have in common."""

    __slots__ = ("partitions", "conjunction")

    def __init__(self, partitions, conjunction):
        self.partitions = partitions
        self.conjunction = conjunction

    def __reduce__(self):
        return Item, (self.partitions, self.conjunction)


# ---- what kartothek's own back-ends are made of


@deprecated
@default_docs
def dispatch_metapartitions(
    dataset_uuid: str,
    store: "StoreInput",
    load_dataset_metadata: bool = True,
    keep_indices: bool = True,
    keep_table_meta: bool = True,
    label_filter: "Optional[Callable[[str], bool]]" = None,
    concat_partitions_on_primary_index: bool = False,
    predicates: "Optional[Predicates]" = None,
    dispatch_by: "Optional[Columns]" = None,
    dispatch_metadata: bool = False,
) -> "Iterator[Any]":
    """
    :func:`dispatch_metapartitions_from_factory` of a dataset by its name.

    Parameters
    ----------
    load_dataset_metadata, keep_indices, keep_table_meta
        Have no effect.

    Yields
    ------
    MetaPartition or list of MetaPartition
    """
    factory = _ensure_factory(dataset_uuid, store, None, load_dataset_metadata=load_dataset_metadata)
    yield from dispatch_metapartitions_from_factory(
        factory, label_filter, concat_partitions_on_primary_index, predicates, None, dispatch_by, dispatch_metadata
    )


@deprecated
@default_docs
def dispatch_metapartitions_from_factory(
    dataset_factory: DatasetFactory,
    label_filter: "Optional[Callable[[str], bool]]" = None,
    concat_partitions_on_primary_index: bool = False,
    predicates: "Optional[Predicates]" = None,
    store: "Optional[StoreInput]" = None,
    dispatch_by: "Optional[Columns]" = None,
    dispatch_metadata: bool = False,
) -> "Iterator[Any]":
    """
    What is there to be read, without reading it: MetaPartitions without frames, of the partitions that may hold matching rows. Objects are made for what the
    plan leaves alone.

    Parameters
    ----------
    dataset_factory: DatasetFactory
    store: optional
        Has no effect.

    Yields
    ------
    MetaPartition or list of MetaPartition
        One for each partition, in document order; with ``dispatch_by`` a list for each group, which know by their ``logical_conjunction`` what the rows of
        the group have in common.
    """
    selection = Selection(
        None,
        None,
        dataset_factory,
        predicates,
        label_filter=label_filter,
        dispatch_by=dispatch_by,
        concat_partitions_on_primary_index=concat_partitions_on_primary_index,
        is_read=False,
    )
    common = {
        "metadata_version": dataset_factory.metadata_version,
        "partition_keys": selection.dataset.partition_keys,
        "table_meta": dataset_factory._schemas(),
    }
    if dispatch_metadata:
        common["dataset_metadata"] = dataset_factory.metadata
        common["indices"] = {column: index.unload() for column, index in dataset_factory.secondary_indices.items()}
    grouped = selection.dispatch_by is not None
    for group in selection.groups(_table_of(selection)):
        conjunction = group.conjunction if grouped else None
        parts = [
            MetaPartition(label=label, files=files, logical_conjunction=conjunction, **common)
            for label, files in map(selection.dataset.partition, group.partitions)
        ]
        if grouped:
            yield parts
        else:
            yield from parts


class MetaPartitionReader:
    """What loads the frames of a MetaPartition, or of those of a group into one: plain data, sent to every worker."""

    def __init__(self, store, tables=None, columns=None, categoricals=None, dates_as_object=False, predicates=None):
        self.store = store
        self.options = {
            "tables": tables,
            "columns": columns,
            "categoricals": categoricals,
            "dates_as_object": dates_as_object,
            "predicates": predicates,
        }

    def __call__(self, found):
        """``found``: as :func:`dispatch_metapartitions_from_factory` yields it."""
        if not isinstance(found, list):
            return found.load_dataframes(self.store, **self.options)
        return MetaPartition.concat_metapartitions([part.load_dataframes(self.store, **self.options) for part in found])

    def each(self, found):
        """What the call gives for each of ``found``, as it is asked for. Partitions of a dataset that have the same tables are read ahead."""
        found = list(found)
        call = self._ahead(found) if self._are_alike(found) else self
        return _progress.each(call, found, "partitions read")

    def _are_alike(self, found):
        if len(found) < 2 or any(isinstance(part, list) for part in found):
            return False
        tables = found[0].files.keys()
        return len(tables) > 0 and all(part.files.keys() == tables for part in found) and set(self.options["columns"] or ()) <= set(tables)

    def _ahead(self, found):
        groups = [Group([number]) for number in range(len(found))]
        dataset = found[0]._snapshot(self.store, found[1:])
        readings = {table: ReadingAhead(reading, groups) for table, reading in found[0]._readings(dataset, **self.options).items()}
        numbered = iter(groups)
        return lambda part: part._loaded(readings, next(numbered))


def metapartitions_in_parts(
    dataset_uuid,
    store,
    factory,
    tables=None,
    columns=None,
    categoricals=None,
    dates_as_object=False,
    predicates=None,
    dispatch_by=None,
    predicate_pushdown_to_io=True,
    load_dataset_metadata=False,
    **selected,
):
    """
    ``(MetaPartitionReader, what it is to be called with, one by one)``. ``selected``: see :func:`dispatch_metapartitions_from_factory`;
    ``predicate_pushdown_to_io`` and ``load_dataset_metadata`` have no effect.
    """
    factory = _ensure_factory(dataset_uuid, store, factory)
    if len(factory.tables) > 1:
        warn_user(MULTI_TABLE_DATASET)
    reader = MetaPartitionReader(lazy_store(factory.store_factory), tables, columns, categoricals, dates_as_object, predicates)
    dispatch_by = normalize_arg("dispatch_by", dispatch_by)
    return reader, dispatch_metapartitions_from_factory(factory, predicates=predicates, dispatch_by=dispatch_by, **selected)


def _table_of(selection):
    """The first table with all columns of the predicate, else the first one."""
    tables = selection.dataset.tables
    asked = columns_in_predicates(selection.predicates)
    fits = (table for table in tables if len(tables) > 1 and asked <= set(selection.schema_columns(table)))
    return next(fits, tables[0] if tables else None)


__all__ = [
    "Item",
    "MetaPartitionReader",
    "PartsReader",
    "Selection",
    "columns_in_predicates",
    "dispatch_metapartitions",
    "dispatch_metapartitions_from_factory",
    "iterate_dataframes",
    "metapartitions_in_parts",
    "read_frame",
    "wanted_tables",
]
