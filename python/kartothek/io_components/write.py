"""Writing: frames into one update of the C library, committed in one step."""
import json

from kartothek import _core
from kartothek._lazy import LazyModule
from kartothek._predicates import scope_predicate
from kartothek.core.dataset import DatasetMetadata, open_snapshot
from kartothek.core.naming import SINGLE_TABLE
from kartothek.core.utils import core_store, ensure_store, verify_metadata_version
from kartothek.core.uuid import gen_uuid
from kartothek.exceptions import DatasetExists
from kartothek.io_components.metapartition import MetaPartition
from kartothek.io_components.utils import address
from kartothek.serialization import default_serializer

pd = LazyModule("pandas")
to_arrow = LazyModule("kartothek._frames.to_arrow")


def raise_if_dataset_exists(dataset_uuid, store):
    if _core.dataset_exists(core_store(store), dataset_uuid):
        raise _exists(dataset_uuid)


def inputs_of(element):
    """
    The inputs of one element of ``dfs`` as a list of ``(label or None, table, frame)``; nothing for None and ``[]``.

    A frame, ``{table: frame}``, ``{"label": …, "data": {table: frame} or [(table, frame)]}``, or a list of these.
    """
    if element is None:
        return []
    if isinstance(element, pd.DataFrame):
        return [(None, SINGLE_TABLE, element)]
    if isinstance(element, list):
        return [item for part in element for item in inputs_of(part)]
    if isinstance(element, dict):
        label = element.get("label") if element.get("data") else None
        data = element["data"] if element.get("data") else element
        tables = list(data.items()) if isinstance(data, dict) else list(data)
        if element.get("indices") and element.get("data"):
            raise NotImplementedError("ready-made indices are not written yet")
        if len(tables) != 1:
            raise NotImplementedError("a partition with {} tables: several tables are not written yet".format(len(tables)))
        return [(label, tables[0][0], tables[0][1])]
    raise ValueError("Unexpected type during parsing encountered: ({}, {})".format(type(element), element))


def _exists(dataset_uuid):
    return DatasetExists("Dataset `%s` already exists and overwrite is not permitted!", dataset_uuid)


class Settings:
    """What a write is asked to do, checked before anything is written."""

    def __init__(
        self,
        mode,
        metadata=None,
        partition_on=(),
        df_serializer=None,
        secondary_indices=(),
        metadata_storage_format="json",
        metadata_version=4,
        delete_scope=(),
        delete_mode="exact",
        metadata_merger=None,
        sort_partitions_by=(),
        commit_id=None,
        is_part=False,
    ):
        verify_metadata_version(metadata_version)
        self.document_format = str(metadata_storage_format).lower()
        if self.document_format not in ("json", "msgpack"):
            raise ValueError("Unknown metadata storage format encountered: {}".format(metadata_storage_format))
        overlap = set(partition_on) & set(secondary_indices)
        if overlap:
            raise RuntimeError("Cannot create secondary index on partition columns: {}".format(overlap))
        self.mode = mode
        self.metadata = metadata() if callable(metadata) else metadata
        self.partition_on = [str(column) for column in partition_on]
        self.serializer = df_serializer if df_serializer is not None else default_serializer()
        self.secondary_indices = list(secondary_indices)
        self.scope = scope_predicate(delete_scope)
        self.delete_mode = delete_mode
        self.metadata_merger = metadata_merger
        self.sort_partitions_by = list(sort_partitions_by)
        self.commit_id = commit_id
        #: the commit is somebody else's, and so are the indices
        self.is_part = is_part


def store_elements(store, dataset_uuid, elements, overwrite, **settings):
    """What all functions that store a dataset do. Returns the committed state."""
    store = ensure_store(store)
    if dataset_uuid is None:
        dataset_uuid = gen_uuid()
    settings = Settings("overwrite" if overwrite else "create", **settings)
    if not overwrite:
        raise_if_dataset_exists(dataset_uuid, store)
    write_frames(store, dataset_uuid, elements, settings)
    return DatasetMetadata.load_from_store(dataset_uuid, store)


def update_elements(elements, store, dataset_uuid, factory, **settings):
    """What all functions that update a dataset do. Returns the committed state."""
    dataset_uuid, store = address(dataset_uuid, store, factory)
    store = ensure_store(store)
    write_frames(store, dataset_uuid, elements, Settings("create_or_update", **settings))
    return DatasetMetadata.load_from_store(dataset_uuid, store)


def write_partition(data, store, dataset_uuid, factory, mode="update", **settings):
    """Write the partitions of an element for a commit of somebody else."""
    dataset_uuid, store = address(dataset_uuid, store, factory)
    inputs = inputs_of(data)
    settings = Settings(mode, is_part=True, **settings)
    writing = _Writing(ensure_store(store), dataset_uuid, settings, inputs[0][1] if inputs else None)
    try:
        writing.add(inputs)
        return MetaPartition(writing.update.hand_over())
    finally:
        writing.update.close()


def commit_partitions(partitions, store, dataset_uuid, factory, mode="update", **settings):
    """Commit what :func:`write_partition` has written. Returns the committed state."""
    dataset_uuid, store = address(dataset_uuid, store, factory)
    store = ensure_store(store)
    partitions = _flat(partitions)
    table = next((part.tables[0] for part in partitions if isinstance(part, MetaPartition) and not part.is_sentinel), None)
    writing = _Writing(store, dataset_uuid, Settings(mode, **settings), table)
    try:
        for partition in partitions:
            writing.add_written(partition)
        if writing.is_empty and writing.makes_dataset:
            raise ValueError("Cannot store empty datasets, partition_list must not be empty if in store mode.")
        writing.commit()
    finally:
        writing.update.close()
    return DatasetMetadata.load_from_store(dataset_uuid, store)


def _flat(partitions):
    if isinstance(partitions, list):
        return [item for part in partitions for item in _flat(part)]
    return [partitions]


def create_header(store, dataset_uuid, tables, overwrite, **settings):
    """Make a dataset with the columns of some tables and without partitions. Returns the committed state."""
    store = ensure_store(store)
    settings = Settings("overwrite" if overwrite else "create", **settings)
    if not overwrite:
        raise_if_dataset_exists(dataset_uuid, store)
    if len(tables) != 1:
        raise NotImplementedError("a header with {} tables: several tables are not written yet".format(len(tables)))
    ((table, schema),) = tables.items()
    writing = _Writing(store, dataset_uuid, settings, table)
    try:
        writing.add_schema(schema)
        writing.commit()
    finally:
        writing.update.close()
    return DatasetMetadata.load_from_store(dataset_uuid, store)


def write_frames(store, dataset_uuid, elements, settings):
    """Create, overwrite or update a dataset by an iterable of elements (see :func:`inputs_of`). Nothing is visible before the end."""
    _core.uuid_check(dataset_uuid)
    writing = None
    try:
        for element in elements:
            inputs = inputs_of(element)
            if writing is None:
                writing = _Writing(store, dataset_uuid, settings, inputs[0][1] if inputs else None)
            writing.add(inputs)
        if writing is None and settings.mode == "create_or_update":
            writing = _Writing(store, dataset_uuid, settings, None)
            writing.add([])
        if writing is None or (writing.is_empty and writing.makes_dataset and settings.mode == "create_or_update"):
            raise ValueError("Cannot store empty datasets, partition_list must not be empty if in store mode.")
        return writing.commit()
    finally:
        if writing is not None:
            writing.update.close()


class _Writing:
    """One update of the C library, with kartothek's words for what fails."""

    def __init__(self, store, dataset_uuid, settings, table):
        self.store = store
        self.uuid = dataset_uuid
        self.settings = settings
        self.is_empty = True
        self.update = self._begin(table)
        try:
            base = self.update.base
            self.makes_dataset = base is None
            self.table = table if table is not None else (base.tables[:1] or [SINGLE_TABLE])[0] if base is not None else SINGLE_TABLE
            self._take_indices(base)
            self._take_metadata(base)
            if settings.scope is not None and base is not None:
                self._delete()
        except BaseException:
            self.update.close()
            raise

    def _begin(self, table):
        settings = self.settings
        try:
            return begin(
                self.store,
                self.uuid,
                mode=settings.mode,
                table=table,
                partition_on=settings.partition_on,
                compression=settings.serializer.compression,
                metadata=None if settings.metadata is None else json.dumps(settings.metadata),
                row_group_rows=settings.serializer.chunk_size or 0,
                document_format=settings.document_format,
                delete_mode=settings.delete_mode,
                commit_id=settings.commit_id,
            )
        except (RuntimeError, ValueError) as error:
            raise self._in_kartotheks_words(error, table) from None

    def _take_indices(self, base):
        wanted = self.settings.secondary_indices
        if base is None:
            for column in wanted if not self.settings.is_part else ():
                self.update.build_index(column)
        elif not set(wanted) <= set(base.indices):
            raise ValueError(
                "Incorrect indices provided for dataset.\nExpected: {}\nBut got: {}".format(list(base.indices), wanted)
            )

    def _take_metadata(self, base):
        """What ``metadata_merger`` makes of the metadata that is there, with that of the caller."""
        merger = self.settings.metadata_merger
        if merger is None:
            return
        old = {} if base is None else {key: value for key, value in json.loads(base.metadata).items() if not key.startswith("ktk.")}
        merged = dict(merger([json.loads(json.dumps(old))]), **(self.settings.metadata or {}))
        missing = object()
        self.update.set_metadata(json.dumps({key: value for key, value in merged.items() if old.get(key, missing) != value}))

    def _delete(self):
        try:
            self.update.delete(self.settings.scope)
        except KeyError as error:
            raise ValueError("delete_scope: {}".format(error.args[0])) from None

    def add(self, inputs):
        if not inputs:
            self.update.add_nothing()
        for label, table, frame in inputs:
            if table != self.table:
                raise NotImplementedError("tables {!r} and {!r}: several tables are not written yet".format(self.table, table))
            if self.is_empty:
                label = self._check_index_columns(label, frame)
            self.is_empty = False
            try:
                self.update.add(to_arrow.frame_stream(_sorted(frame, self.settings.sort_partitions_by)), label)
            except ValueError as error:
                raise self._in_kartotheks_words(error, self.table) from None

    def add_written(self, partition):
        if partition is None:
            self.update.add_nothing()
        elif isinstance(partition, MetaPartition):
            self.is_empty = self.is_empty and partition.is_sentinel
            try:
                self.update.add_written(partition.description)
            except ValueError as error:
                raise self._in_kartotheks_words(error, self.table) from None
        else:
            raise NotImplementedError("only what write_single_partition returned can be committed, not {!r}".format(partition))

    def add_schema(self, schema):
        """Of a frame, or of a pyarrow schema."""
        if isinstance(schema, pd.DataFrame):
            stream = to_arrow.frame_stream(schema)
        elif hasattr(schema, "empty_table"):
            stream = schema.empty_table()
        else:
            raise ValueError("Input must be a pyarrow schema, or a pandas dataframe")
        self.update.add_schema(stream)

    def _check_index_columns(self, label, frame):
        """The other frames have the same columns, else they are refused."""
        for column in self.settings.secondary_indices:
            if column not in frame.columns:
                label = label if label is not None else _core.uuid_generate()
                raise RuntimeError(missing_index_column(column, label, [self.table]))
        return label

    def commit(self):
        try:
            return self.update.commit()
        except (RuntimeError, ValueError) as error:
            raise self._in_kartotheks_words(error, self.table) from None

    def _in_kartotheks_words(self, error, table):
        """The exception that kartothek raises for the same failure, where programs may look for its text."""
        status = getattr(error, "status", None)
        if status == "exists":
            ours = _exists(self.uuid)
            ours.commit_id = getattr(error, "commit_id", None)
            return ours
        if status == "schema":
            text = "Schemas for table '{}' of dataset '{}' are not compatible!\n\nSchema violation\n\n{}"
            return ValueError(text.format(table, self.uuid, error))
        if status == "invalid" and self.settings.partition_on and self.settings.mode in ("update", "create_or_update"):
            return self._other_partitioning(error)
        return error

    def _other_partitioning(self, error):
        try:
            keys = _core.Dataset.open(core_store(self.store), self.uuid).partition_keys
        except KeyError:
            return error
        if keys == self.settings.partition_on:
            return error
        text = "Incompatible set of partition keys encountered. Input partitioning was `{}` while actual dataset was `{}`"
        return ValueError(text.format(self.settings.partition_on, keys))


def begin(store, dataset_uuid, **options):
    """An update of the C library; a dataset that must exist and does not is a KeyError in kartothek's words."""
    store = core_store(store)
    try:
        return _core.Update.begin(store, dataset_uuid, **options)
    except KeyError:
        open_snapshot(store, dataset_uuid)
        raise


def missing_index_column(column, label, tables):
    return (
        "Column `{}` could not be found in the partition `{}` with tables `{}`. Please check for any typos and validate your dataset."
    ).format(column, label, tables)


def _sorted(frame, columns):
    """The frame in the order of some columns, nulls last, equal rows as they were; categories count by their values."""
    if not columns:
        return frame
    frame = frame.copy(deep=False)
    for column in columns:
        if isinstance(frame[column].dtype, pd.CategoricalDtype):
            categories = frame[column].cat.categories.sort_values()
            frame[column] = frame[column].cat.set_categories(categories, ordered=True)
    return frame.sort_values(by=columns, kind="mergesort").reset_index(drop=True)
