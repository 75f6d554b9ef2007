"""Writing: frames into one update of the C library, committed in one step."""
from kartothek import _core
from kartothek._lazy import LazyModule
from kartothek._predicates import scope_predicate
from kartothek.core.dataset import DatasetMetadata, open_snapshot, user_metadata
from kartothek.core.index import ExplicitSecondaryIndex, PartitionIndex
from kartothek.core.naming import DEFAULT_METADATA_STORAGE_FORMAT, EXTERNAL_INDEX_SUFFIX, SINGLE_TABLE
from kartothek.core.utils import core_store, ensure_store, verify_metadata_version
from kartothek.core.uuid import gen_uuid, given_uuid
from kartothek.exceptions import DatasetExists
from kartothek.io_components.metapartition import (
    MetaPartition,
    parse_input_to_metapartition,
    partition_labels_from_mps,
    tables_of,
)
from kartothek.io_components.utils import (
    address,
    check_indices,
    combine_metadata,
    extract_duplicates,
    missing_index_column,
    normalize_arg,
    raise_if_indices_overlap,
    sort_values_categorical,
)
from kartothek.serialization import default_serializer

json = LazyModule("json")
pd = LazyModule("pandas")
common_metadata = LazyModule("kartothek.core.common_metadata")
to_arrow = LazyModule("kartothek._frames.to_arrow")

_DUPLICATED = "The labels {} are duplicated. Dataset metadata was not written."
_NOTHING = "Cannot store empty datasets, partition_list must not be empty if in store mode."
_OTHER_TABLES = "Input partitions for update have different tables than dataset:\nInput partition tables: {}\nTables of existing dataset: {}"


def raise_if_dataset_exists(dataset_uuid, store):
    """DatasetExists if ``store`` has a dataset of the name ``dataset_uuid``."""
    if _core.dataset_exists(core_store(store), dataset_uuid):
        raise _exists(dataset_uuid)


class Input:
    """The rows of one partition before it is split: frames of some tables."""

    def __init__(self, label, data, indices=(), keys=None, folders="", partition_keys=()):
        #: without the values of partition keys; None: one that nobody else has
        self.label = label
        #: these values, if the rows are split already
        self.folders = folders
        self.data = data
        self.indices = list(indices)
        #: the columns that the rows are split by already
        self.partition_keys = list(partition_keys)
        #: of these, values that are known, as Series of one row
        self.keys = keys or {}

    def frames(self):
        """``(table, frame)`` with the columns that were taken out."""
        for table, frame in self.data.items():
            keys = {column: key.iloc[[0] * len(frame)].set_axis(frame.index) for column, key in self.keys.items() if column not in frame}
            yield table, frame.assign(**keys) if keys else frame


def inputs_of(element):
    """
    The inputs of one element of ``dfs`` as a list of :class:`Input`; nothing for None, ``[]`` and ``{}``.

    A frame or Arrow data, ``{table: frame}``, ``{"label": …, "data": {table: frame} or [(table, frame), …]}``, ``[(table, frame), …]``, a MetaPartition
    with frames, or a list of these.
    """
    inputs = list(_inputs_of(element))
    if extract_duplicates((part.folders, part.label) for part in inputs if part.label is not None):
        raise RuntimeError("Duplicate labels for nested metapartitions are not allowed!")
    return inputs


def _inputs_of(element):
    if element is None or (isinstance(element, dict) and not element):
        return
    if isinstance(element, pd.DataFrame) or to_arrow.is_arrow(element):
        yield Input(None, {SINGLE_TABLE: element})
    elif isinstance(element, MetaPartition):
        yield from map(_input_of_partition, element)
    elif isinstance(element, list) and element and isinstance(element[0], tuple):
        yield from _inputs_of({"data": element})
    elif isinstance(element, list):
        for part in element:
            yield from _inputs_of(part)
    elif isinstance(element, dict):
        label, data, indices = tables_of(element)
        if any(frame is None for frame in data.values()):
            raise ValueError("Input must be a pyarrow schema, or a pandas dataframe")
        yield Input(label, data, indices)
    else:
        raise ValueError("Unexpected type during parsing encountered: ({}, {})".format(type(element), element))


def _input_of_partition(part):
    if not part.data:
        raise ValueError("Partition {!r} holds no frames that could be written; its files are committed by commit_dataset.".format(part.label))
    folders, _, label = part.label.rpartition("/") if part.partition_keys else ("", "", part.label)
    return Input(label, part.data, part.indices, part.metapartitions[0].get("keys"), folders, part.partition_keys)


def _exists(dataset_uuid):
    return DatasetExists("Dataset `%s` already exists and overwrite is not permitted!", dataset_uuid)


class Settings:
    """What a write is asked to do, checked before anything is written."""

    def __init__(
        self,
        mode,
        metadata=None,
        partition_on=None,
        df_serializer=None,
        secondary_indices=None,
        metadata_storage_format="json",
        metadata_version=4,
        delete_scope=None,
        delete_mode="exact",
        metadata_merger=None,
        sort_partitions_by=None,
        commit_id=None,
        is_part=False,
    ):
        verify_metadata_version(metadata_version)
        self.document_format = str(metadata_storage_format).lower()
        if self.document_format not in ("json", "msgpack"):
            raise ValueError("Unknown metadata storage format encountered: {}".format(metadata_storage_format))
        partition_on = normalize_arg("partition_on", partition_on)
        secondary_indices = normalize_arg("secondary_indices", secondary_indices)
        raise_if_indices_overlap(partition_on, secondary_indices)
        self.mode = mode
        self.metadata = metadata() if callable(metadata) else metadata
        self.partition_on = [str(column) for column in partition_on]
        self.serializer = df_serializer if df_serializer is not None else default_serializer()
        self.secondary_indices = list(secondary_indices)
        self.scope = scope_predicate(normalize_arg("delete_scope", delete_scope))
        self.delete_mode = delete_mode
        self.metadata_merger = metadata_merger
        self.sort_partitions_by = list(normalize_arg("sort_partitions_by", sort_partitions_by))
        self.commit_id = commit_id
        #: the commit is somebody else's, and so are the indices
        self.is_part = is_part

    def of_inputs(self, inputs):
        """What is not asked for is as in the first of the inputs."""
        if inputs and not self.partition_on:
            self.partition_on = inputs[0].partition_keys
        return self


def settings_among(arguments, without=()):
    """Of the arguments of a function, as ``locals()`` gives them at its start, those that :class:`Settings` has by the same name."""
    code = Settings.__init__.__code__
    taken = set(code.co_varnames[: code.co_argcount]) - {"self", "mode"} - set(without)
    settings = {name: value for name, value in arguments.items() if name in taken}
    if "default_metadata_version" in arguments:
        settings["metadata_version"] = arguments["default_metadata_version"]
    return settings


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
    # Elements of a list are one, whose labels must differ.
    elements = [elements] if isinstance(elements, list) else elements
    write_frames(store, dataset_uuid, elements, Settings("create_or_update", **settings))
    return DatasetMetadata.load_from_store(dataset_uuid, store)


def write_part(data, store, dataset_uuid, factory, mode="update", **settings):
    """Write the partitions of an element for a commit of somebody else, which brings up the indices."""
    dataset_uuid, store = address(dataset_uuid, store, factory)
    inputs = inputs_of(data)
    writing = _Writing(ensure_store(store), dataset_uuid, Settings(mode, is_part=True, **settings).of_inputs(inputs))
    try:
        writing.add(inputs)
        written = writing.hand_over()
        for part in written.metapartitions:
            part["index_columns"] = sorted({column for given in inputs for column in given.indices})
        return written
    finally:
        writing.update.close()


def commit_partitions(partitions, store, dataset_uuid, factory, mode="update", **settings):
    """Commit what :func:`write_part` or :func:`write_partition` has written. Returns the committed state."""
    dataset_uuid, store = address(dataset_uuid, store, factory)
    store = ensure_store(store)
    parts = parse_input_to_metapartition(partitions)
    writing = _Writing(store, dataset_uuid, Settings(mode, **settings))
    try:
        writing.add_written(parts)
        # One element without rows, as {}, makes an empty dataset where one is made for sure; none at all never does.
        has_element = isinstance(partitions, MetaPartition) or bool(partitions)
        if writing.is_empty and writing.makes_dataset and not (has_element and mode != "create_or_update"):
            raise ValueError(_NOTHING)
        writing.commit()
    finally:
        writing.update.close()
    return DatasetMetadata.load_from_store(dataset_uuid, store)


def create_header(store, dataset_uuid, tables, overwrite, **settings):
    """Make a dataset with the columns of some tables and without partitions. Returns the committed state."""
    store = ensure_store(store)
    settings = Settings("overwrite" if overwrite else "create", **settings)
    if not overwrite:
        raise_if_dataset_exists(dataset_uuid, store)
    writing = _Writing(store, dataset_uuid, settings)
    try:
        writing.add_schemas(tables)
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
                writing = _Writing(store, dataset_uuid, settings.of_inputs(inputs))
            writing.add(inputs)
        if writing is None and settings.mode == "create_or_update":
            writing = _Writing(store, dataset_uuid, settings)
            writing.add([])
        if writing is None or (writing.is_empty and writing.makes_dataset and settings.mode == "create_or_update"):
            raise ValueError(_NOTHING)
        return writing.commit()
    finally:
        if writing is not None:
            writing.update.close()


class _Writing:
    """One update of the C library, with kartothek's words for what fails."""

    def __init__(self, store, dataset_uuid, settings):
        self.store = store
        self.uuid = dataset_uuid
        self.settings = settings
        self.is_empty = True
        #: the last failure by a label that came before
        self.repeated = None
        self.built = set(settings.secondary_indices)
        self.update = self._begin()
        try:
            base = self.update.base
            self.makes_dataset = base is None
            self.partition_keys = settings.partition_on if base is None else base.partition_keys
            #: those that all partitions have; [] before the first
            self.tables = [] if base is None else base.tables
            self.indices = None if base is None else list(base.indices)
            self._take_indices(base)
            self._take_metadata(base)
            if settings.scope is not None and base is not None:
                self._delete()
        except BaseException:
            self.update.close()
            raise

    def _begin(self):
        settings = self.settings
        try:
            return begin(
                self.store,
                self.uuid,
                mode=settings.mode,
                partition_on=settings.partition_on,
                compression=settings.serializer.compression,
                metadata=None if settings.metadata is None else json.dumps(settings.metadata),
                row_group_rows=settings.serializer.chunk_size or 0,
                document_format=settings.document_format,
                delete_mode=settings.delete_mode,
                commit_id=settings.commit_id,
            )
        except (RuntimeError, ValueError) as error:
            raise self._in_kartotheks_words(error) from None

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
        old = {} if base is None else user_metadata(base)
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
        for part in inputs:
            self._check_tables(part.data)
            self._take_given_indices(part.indices)
            label = self._check_index_columns(part) if self.is_empty else part.label
            label = given_uuid() if label is None else label
            self.is_empty = False
            frames = [(table, to_arrow.stream_of(frame, self.settings.sort_partitions_by)) for table, frame in part.frames()]
            try:
                self.update.add_tables(frames, label)
            except ValueError as error:
                if getattr(error, "reason", None) != "duplicate labels":
                    raise self._in_kartotheks_words(error) from None
                # kartothek names all of them: the inputs to come are looked through, and not written.
                self.repeated = error

    def check_labels(self):
        """ValueError that names all labels that came more than once."""
        if self.repeated is not None:
            raise self._in_kartotheks_words(self.repeated)

    def hand_over(self):
        """What was written, for a commit of somebody else."""
        self.check_labels()
        return MetaPartition.from_description(self.update.hand_over())

    def add_written(self, parts):
        """What others wrote, and files that are named."""
        if parts.is_sentinel and not parts._origins:
            self.update.add_nothing()
        self.is_empty = parts.is_sentinel
        for part in parts.metapartitions:
            self._take_given_indices(part.get("index_columns", ()))
            if "written" not in part and part["label"] is not None:
                self._check_files(part)
            self.tables = self.tables or list(part["files"])
        for description in parts.descriptions(self.uuid, self.partition_keys):
            try:
                self.update.add_written(description)
            except ValueError as error:
                raise self._in_kartotheks_words(error) from None

    def _check_files(self, part):
        """Nobody knows whether files that are named by their keys alone were ever written."""
        files = part["files"] or {table: "{}/{}/{}.parquet".format(self.uuid, table, part["label"]) for table in part["data"]}
        if files:
            self._check_tables(files)
        store = ensure_store(self.store)
        for key in files.values():
            if key not in store:
                raise KeyError(key)

    def add_schemas(self, schemas):
        """``{table: frame or pyarrow schema}``"""
        streams = []
        for table, schema in schemas.items():
            if isinstance(schema, pd.DataFrame):
                streams.append((table, to_arrow.stream_of(schema)))
            elif hasattr(schema, "empty_table"):
                streams.append((table, schema.empty_table()))
            else:
                raise ValueError("Input must be a pyarrow schema, or a pandas dataframe")
        self.tables = list(schemas)
        try:
            self.update.add_schemas(streams)
        except ValueError as error:
            raise self._in_kartotheks_words(error) from None

    def _check_tables(self, tables):
        if self.tables and set(tables) != set(self.tables):
            raise ValueError(_OTHER_TABLES.format(set(tables), self.tables))
        self.tables = self.tables or list(tables)

    def _take_given_indices(self, columns):
        """Indices that come with a partition; what they say of it is looked up in its rows."""
        if self.indices is not None:
            check_indices(columns, self.indices)
        elif self.settings.secondary_indices:
            check_indices(columns, self.settings.secondary_indices)
        for column in columns:
            if self.indices is None and column not in self.built and not self.settings.is_part:
                self.built.add(column)
                self.update.build_index(column)

    def _check_index_columns(self, part):
        """The other inputs have the same columns, else they are refused."""
        label = part.label
        for column in self.settings.secondary_indices:
            # Of Arrow data the C library finds out, at the commit.
            if not any(to_arrow.is_arrow(frame) or column in frame.columns for frame in part.data.values()):
                label = label if label is not None else gen_uuid()
                raise RuntimeError(missing_index_column(column, label, sorted(part.data)))
        return label

    def commit(self):
        self.check_labels()
        try:
            return self.update.commit()
        except (RuntimeError, ValueError) as error:
            raise self._in_kartotheks_words(error) from None

    def _in_kartotheks_words(self, error):
        """The exception that kartothek raises for the same failure, where programs may look for its text."""
        status = getattr(error, "status", None)
        reason = getattr(error, "reason", None)
        if status == "exists":
            return _with_facts(_exists(self.uuid), error)
        if reason == "shared column":
            return _with_facts(ValueError('Found incompatible entries for column "{}"\n{}'.format(error.subject, error)), error)
        if status == "schema":
            table = error.subject if reason == "table schema" else next(iter(self.tables), SINGLE_TABLE)
            words = "Schemas for table '{}' of dataset '{}' are not compatible!\n\nSchema violation\n\n{}"
            return _with_facts(ValueError(words.format(table, self.uuid, error)), error)
        if reason == "duplicate labels":
            return _with_facts(ValueError(_DUPLICATED.format(", ".join(self.update.repeated_labels or [error.subject]))), error)
        if reason == "partition keys":
            return self._other_partitioning(error)
        return error

    def _other_partitioning(self, error):
        keys = _core.Dataset.open(core_store(self.store), self.uuid).partition_keys
        text = "Incompatible set of partition keys encountered. Input partitioning was `{}` while actual dataset was `{}`"
        return _with_facts(ValueError(text.format(self.settings.partition_on, keys)), error)


def _with_facts(ours, error):
    """An exception in kartothek's words with what the one of the C library knows."""
    for name in ("status", "detail", "reason", "subject", "commit_id"):
        setattr(ours, name, getattr(error, name, None))
    return ours


def begin(store, dataset_uuid, **options):
    """An update of the C library; a dataset that must exist and does not is a KeyError in kartothek's words."""
    store = core_store(store)
    try:
        return _core.Update.begin(store, dataset_uuid, **options)
    except KeyError:
        open_snapshot(store, dataset_uuid)
        raise


# ---- what kartothek's own back-ends are made of


def write_partition(
    partition_df,
    secondary_indices,
    sort_partitions_by,
    dataset_uuid,
    partition_on,
    store_factory,
    df_serializer,
    metadata_version,
    dataset_table_name=None,
):
    """
    Write what users give to writers as one element (see :func:`kartothek.io_components.metapartition.parse_input_to_metapartition`), sorted, split
    and indexed as it is asked for. Nobody sees the files before :func:`store_dataset_from_partitions`.

    Returns
    -------
    MetaPartition
        With files and indices, without frames.
    """
    if dataset_table_name and isinstance(partition_df, pd.DataFrame):
        partition_df = {dataset_table_name: partition_df}
    parts = parse_input_to_metapartition(partition_df, metadata_version, secondary_indices)
    if sort_partitions_by:
        parts = parts.apply(lambda frame: sort_values_categorical(frame, sort_partitions_by))
    if partition_on:
        parts = parts.partition_on(partition_on)
    if secondary_indices:
        parts = parts.build_indices(normalize_arg("secondary_indices", secondary_indices))
    return parts.store_dataframes(ensure_store(store_factory), dataset_uuid, df_serializer)


def store_dataset_from_partitions(
    partition_list,
    store,
    dataset_uuid,
    dataset_metadata=None,
    metadata_merger=None,
    update_dataset=None,
    remove_partitions=None,
    metadata_storage_format=DEFAULT_METADATA_STORAGE_FORMAT,
):
    """
    Commit what :func:`write_partition` has written: as a dataset of its own, which replaces one of that name, or added to ``update_dataset``.

    Parameters
    ----------
    partition_list: list of MetaPartition
        Their indices become those of a dataset of its own.
    dataset_metadata: dict or callable, optional
        Set over what ``metadata_merger`` makes of the metadata of the dataset and of each MetaPartition.
    update_dataset: DatasetMetadata or DatasetFactory, optional
        Names the dataset; its newest state is changed.
    remove_partitions
        Labels cannot be removed: NotImplementedError. :func:`kartothek.io_components.update.update_dataset_from_partitions` takes a scope.

    Returns
    -------
    DatasetMetadata
        The committed state.
    """
    if remove_partitions:
        raise NotImplementedError("Partitions are removed by what they hold, not by their labels: use delete_scope of update_dataset_from_partitions.")
    return commit_list(
        partition_list,
        store,
        dataset_uuid,
        "update" if update_dataset else "overwrite",
        metadata=dataset_metadata,
        metadata_merger=metadata_merger,
        metadata_storage_format=metadata_storage_format,
    )


def check_labels(parts):
    """ValueError that names all labels that several MetaPartitions have."""
    repeated = extract_duplicates(partition_labels_from_mps(parts))
    if repeated:
        raise ValueError(_DUPLICATED.format(", ".join(repeated)))


def commit_list(partition_list, store, dataset_uuid, mode, metadata_merger=None, **settings):
    """Commit MetaPartitions with the indices and the metadata that they bring. Returns the committed state."""
    parts = list(partition_list)
    if not parts and mode == "overwrite":
        raise ValueError(_NOTHING)
    check_labels(parts)
    brought = [part.dataset_metadata for part in parts]
    merger = None
    if metadata_merger is not None or any(brought):
        merger = lambda known: (metadata_merger or combine_metadata)(known + brought)  # noqa: E731
    columns = dict.fromkeys(column for nested in parts for part in nested.metapartitions for column in part["indices"])
    keys = next((part.partition_keys for part in parts if part.partition_keys), None)
    return commit_partitions(
        parts, store, dataset_uuid, None, mode=mode, metadata_merger=merger, secondary_indices=list(columns), partition_on=keys, **settings
    )


def persist_indices(store, dataset_uuid, indices):
    """Write the file of each of ``{column: index}`` but of partition indices; ``{column: key}``. An index may be ``{value: [label, …]}``."""
    keys = {}
    for column, index in indices.items():
        if isinstance(index, dict):
            index = ExplicitSecondaryIndex(column, index, "{}.{}{}".format(dataset_uuid, column, EXTERNAL_INDEX_SUFFIX))
        if not isinstance(index, PartitionIndex):
            keys[column] = index.store(store, dataset_uuid)
    return keys


def persist_common_metadata(partition_list, update_dataset, store, dataset_uuid):
    """
    Write the schemas that all MetaPartitions, and the dataset if one is given, agree on; ``{table: schema}``. ValueError if they do not, or if they
    have other tables than the dataset.
    """
    store = ensure_store(store)
    found = {}
    for part in partition_list:
        for table, schema in part.table_meta.items():
            found.setdefault(table, {})[schema] = None
    if update_dataset:
        if found and set(found) != set(update_dataset.tables):
            raise ValueError(_OTHER_TABLES.format(set(found), update_dataset.tables))
        for table in update_dataset.tables:
            found.setdefault(table, {})[common_metadata.read_schema_metadata(dataset_uuid, store, table)] = None
    agreed = {}
    for table in sorted(found):
        try:
            agreed[table] = common_metadata.validate_compatible(sorted(found[table], key=lambda schema: sorted(schema.origin)))
        except ValueError as error:
            raise ValueError("Schemas for table '{}' of dataset '{}' are not compatible!\n\n{}".format(table, dataset_uuid, error)) from None
    common_metadata.validate_shared_columns(list(agreed.values()))
    for table, schema in agreed.items():
        common_metadata.store_schema_metadata(schema, dataset_uuid, store, table)
    return agreed
