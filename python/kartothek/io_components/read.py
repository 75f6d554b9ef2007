"""Reading: one snapshot, one predicate, and frames out of the streams of the C library."""
from kartothek import _core
from kartothek._lazy import LazyModule
from kartothek._predicates import columns_in_predicates, core_predicate
from kartothek.core.dataset import open_snapshot
from kartothek.core.utils import core_store
from kartothek.io_components.utils import address, normalize_arg

from_arrow = LazyModule("kartothek._frames.from_arrow")


class Selection:
    """What to read of a dataset, checked once; plain data but for the snapshot."""

    def __init__(self, dataset_uuid, store, factory, predicates, label_filter=None, dispatch_by=None, version=None, at=None):
        dataset_uuid, store = address(dataset_uuid, store, factory)
        self.dataset = open_snapshot(core_store(store), dataset_uuid, version, at)
        self.predicates = predicates
        self.where = core_predicate(predicates)
        self.label_filter = label_filter
        self.dispatch_by = dispatch_by
        self._labels = None

    def schema_columns(self, table):
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
            labels = [label for label, _ in self.dataset.partitions()]
            matching = [i for i in matching if self.label_filter(labels[i])]
        return matching

    def groups(self, table):
        """Work items: lists of partition indices. Without ``dispatch_by`` one per partition."""
        matching = self.partitions(table)
        if self.dispatch_by is None:
            return [[i] for i in matching]
        if not self.dispatch_by:
            return [matching] if matching else []
        return self._groups_by_keys(table, matching)

    def _groups_by_keys(self, table, matching):
        keys = self.dataset.partition_keys
        unknown = [column for column in self.dispatch_by if column not in keys and column not in self.dataset.indices]
        if unknown:
            available = sorted(set(keys) | set(self.dataset.indices))
            raise RuntimeError(
                "Dispatch columns must be indexed.\nRequested index: {} but available index columns: {}".format(
                    self.dispatch_by, available
                )
            )
        if any(column not in keys for column in self.dispatch_by):
            raise NotImplementedError("dispatch_by works on partition keys; secondary indices are not read yet")
        groups = {}
        for i in matching:
            stream = self.dataset.query(table=table, columns=list(self.dispatch_by), partitions=[i])
            values = from_arrow.frame_from_stream(stream, dates_as_object=True).head(1)
            if len(values):
                groups.setdefault(tuple(values.iloc[0]), []).append(i)
        return [groups[key] for key in sorted(groups)]


def read_frame(selection, table, columns, categoricals, dates_as_object):
    """All matching rows as one frame in the shape of the table's schema."""
    selection.check_columns(table, columns)
    partitions = None if selection.label_filter is None else selection.partitions(table)
    stream = selection.dataset.query(table=table, columns=columns, where=selection.where, partitions=partitions)
    return from_arrow.frame_from_stream(stream, dates_as_object, categoricals or ())


def iterate_dataframes(
    dataset_uuid,
    store,
    factory,
    tables,
    columns,
    concat_partitions_on_primary_index,
    categoricals,
    label_filter,
    dates_as_object,
    predicates,
    dispatch_by,
    version=None,
    at=None,
):
    """``{table: frame}`` for each partition or group, one at a time, out of one snapshot."""
    if dispatch_by is not None:
        dispatch_by = normalize_arg("dispatch_by", dispatch_by)
    if concat_partitions_on_primary_index:
        if dispatch_by is not None:
            raise ValueError("Both `dispatch_by` and `concat_partitions_on_primary_index` are provided.")
    selection = Selection(dataset_uuid, store, factory, predicates, label_filter, dispatch_by, version, at)
    if concat_partitions_on_primary_index:
        selection.dispatch_by = selection.dataset.partition_keys
    known = selection.dataset.tables
    for given in (columns, categoricals):
        unknown = set(given or ()) - set(known)
        if unknown:
            raise ValueError("You are trying to read columns from invalid table(s): {}".format(unknown))
    wanted = [table for table in known if tables is None or table in tables]
    for table in wanted:
        selection.check_columns(table, (columns or {}).get(table))
    for group in selection.groups(wanted[0]) if wanted else []:
        yield {
            table: read_partitions(
                selection.dataset,
                table,
                group,
                (columns or {}).get(table),
                (categoricals or {}).get(table),
                dates_as_object,
                selection.where,
            )
            for table in wanted
        }


def read_partitions(dataset, table, partitions, columns, categoricals, dates_as_object, where):
    """The rows of some partitions as one frame, as they are stored: partition keys first, then file order."""
    stream = dataset.query(table=table, columns=columns, where=where, partitions=partitions, as_stored=len(partitions) == 1)
    return from_arrow.frame_from_stream(stream, dates_as_object, categoricals or ())


def work_items(selection, table, columns):
    """
    One self-contained, picklable description per group of partitions: the part of the document and the schema file that a worker needs,
    so that it reads the same snapshot whatever is committed meanwhile.
    """
    selection.check_columns(table, columns)
    dataset = selection.dataset
    groups = selection.groups(table)
    if not groups:
        return []
    partitions = dataset.partitions()
    schema = dataset.schema_file(table)
    return [
        {
            "uuid": dataset.uuid,
            "partition_keys": dataset.partition_keys,
            "partitions": {partitions[i][0]: partitions[i][1] for i in group},
            "schema": schema,
        }
        for group in groups
    ]


def read_work_item(item, store, table, columns, categoricals, dates_as_object, predicates):
    """The frame of one description made by :func:`work_items`; runs on any worker."""
    import json

    document = {
        "dataset_metadata_version": 4,
        "dataset_uuid": item["uuid"],
        "partitions": {label: {"files": files} for label, files in item["partitions"].items()},
        "partition_keys": item["partition_keys"],
    }
    dataset = _core.Dataset.from_document(core_store(store), json.dumps(document).encode("utf-8"))
    dataset.set_schema_file(table, item["schema"])
    partitions = list(range(dataset.partition_count))
    return read_partitions(dataset, table, partitions, columns, categoricals, dates_as_object, core_predicate(predicates))


__all__ = ["Selection", "columns_in_predicates", "iterate_dataframes", "read_frame", "read_partitions", "read_work_item", "work_items"]
