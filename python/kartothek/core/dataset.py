"""What a dataset's metadata document says."""
from _collections_abc import Mapping  # as in _partitions

from kartothek import _core, _facts
from kartothek._deprecated import deprecated
from kartothek._lazy import LazyModule
from kartothek.core import _time, naming
from kartothek.core._mixins import CopyMixin
from kartothek.core._partitions import Partitions
from kartothek.core._size import size_of
from kartothek.core._types import normalised
from kartothek.core._zmsgpack import packb
from kartothek.core.index import ExplicitSecondaryIndex, PartitionIndex, filter_indices
from kartothek.core.partition import Partition
from kartothek.core.urlencode import decode_key, quote_indices
from kartothek.core.utils import core_store, verify_metadata_version

copy = LazyModule("copy")
json = LazyModule("json")
common_metadata = LazyModule("kartothek.core.common_metadata")
index_frame = LazyModule("kartothek.core._index_frame")


class DatasetMetadataBase(CopyMixin):
    """
    What a dataset and its factory have in common.

    Nothing is changed but by setting attributes; what loads something returns another object.

    Parameters
    ----------
    uuid: str
    partitions: dict, optional
        ``{label: Partition}``
    metadata: dict, optional
        The user's; ``creation_time`` is added.
    indices: dict, optional
        ``{column: index}``
    metadata_version: int
    explicit_partitions: bool
        Whether the document lists the partitions.
    partition_keys: list of str, optional
    table_meta: dict, optional
        ``{table: SchemaWrapper}``
    """

    #: What a factory asks the dataset that it has read.
    FORWARDED = (
        "copy", "get_indices_as_dataframe", "index_columns", "partitions", "primary_indices_loaded", "query", "schema", "secondary_indices",
        "table_meta", "tables", "to_dict", "to_json", "to_msgpack",
    )  # fmt: skip

    @deprecated
    def __init__(
        self,
        uuid,
        partitions=None,
        metadata=None,
        indices=None,
        metadata_version=naming.DEFAULT_METADATA_VERSION,
        explicit_partitions=True,
        partition_keys=None,
        table_meta=None,
    ):
        _core.uuid_check(uuid)
        verify_metadata_version(metadata_version)
        self.uuid = uuid
        self.partitions = partitions if partitions is not None else {}
        self.metadata = dict(metadata) if metadata is not None else {}
        self.metadata.setdefault("creation_time", _time.datetime_utcnow().isoformat())
        self.indices = indices if indices is not None else {}
        self.metadata_version = metadata_version
        self.explicit_partitions = explicit_partitions
        self.partition_keys = list(partition_keys) if partition_keys is not None else []
        self._table_meta = table_meta if table_meta is not None else {}
        self._snapshot = None
        self._reads = False

    # Partitions and schemas of a snapshot are made when they are asked for.

    @property
    def partitions(self):
        """``{label: Partition}``, in the order of the document."""
        return self._partitions

    @partitions.setter
    def partitions(self, partitions):
        self._partitions = partitions

    @property
    def table_meta(self):
        """``{table: SchemaWrapper}``. ImportError without pyarrow."""
        if self._table_meta is None:
            self._table_meta = {table: common_metadata._bytes2schema(*file) for table, file in self._schemas().items()}
        return self._table_meta

    @table_meta.setter
    def table_meta(self, table_meta):
        self._table_meta = table_meta

    def _schema_files(self):
        """``{table: bytes}`` of the snapshot; a table whose file is missing is not in it."""
        files = {}
        for table in self._snapshot.tables:
            try:
                files[table] = self._snapshot.schema_file(table)
            except KeyError:
                pass
        return files

    def _schemas(self):
        """``{table: schema, or (bytes of its file, where it comes from)}``"""
        if self._table_meta is not None:
            return self._table_meta
        return {table: (data, "{}/{}".format(self.uuid, table)) for table, data in self._schema_files().items()}

    @property
    def schema(self):
        """The schema of the only table. AttributeError if there are several."""
        if len(self.tables) > 1:
            raise AttributeError("Attribute schema can only be accessed for a single tabled dataset")
        return self.table_meta[self.tables[0]]

    def _columns(self, table):
        """``{column: type}`` by name of a table, as its schema has them. KeyError if there is none."""
        if self._table_meta is not None:
            return {field.name: str(field.type) for field in self._table_meta[table]}
        return {name: dtype for name, _, dtype in self._snapshot.schema(table)}

    def _types(self):
        """``{column: type}`` by name of all tables."""
        types = {}
        for table in self._snapshot.tables if self._table_meta is None else self._table_meta:
            try:
                types.update((name, normalised(dtype)) for name, dtype in self._columns(table).items())
            except KeyError:
                pass
        return types

    @property
    def tables(self):
        """Names of the tables."""
        if self._table_meta:
            return list(self._table_meta)
        if self._snapshot is not None:
            return self._snapshot.tables
        first = next(iter(self.partitions.values()), None)
        return list(first.files) if first is not None else []

    @property
    def index_columns(self):
        """Columns by which partitions can be chosen without reading data."""
        return set(self.indices) | set(self.partition_keys)

    @property
    def secondary_indices(self):
        """``{column: ExplicitSecondaryIndex}``"""
        return {column: index for column, index in self.indices.items() if isinstance(index, ExplicitSecondaryIndex)}

    @property
    def primary_indices_loaded(self):
        """Whether there are partition keys, and an index on each."""
        return bool(self.partition_keys) and all(key in self.indices for key in self.partition_keys)

    @staticmethod
    def exists(uuid, store):
        """Whether the store holds a metadata document, JSON or msgpack, of that name."""
        return _core.dataset_exists(core_store(store), uuid)

    @staticmethod
    def commit_status(uuid, store, commit_id):
        """What became of a commit: "committed", "absent" (so far, if its put may still be under way) or "unknown"."""
        return _core.commit_status(core_store(store), uuid, commit_id)

    @staticmethod
    def storage_keys(uuid, store):
        """All keys of the store that belong to the dataset, ascending."""
        keys = core_store(store).keys(uuid)
        return [key for key in keys if key.startswith((uuid + ".", uuid + "/"))]

    def to_dict(self):
        """The document as a dict, in its order of keys. Indices with a file of their own are named by its key, loaded or not."""
        dct = {naming.METADATA_VERSION_KEY: self.metadata_version, naming.UUID_KEY: self.uuid}
        if self.secondary_indices:
            dct["indices"] = {
                column: index.to_dict() if index.index_storage_key is None else index.index_storage_key
                for column, index in self.secondary_indices.items()
            }
        if self.metadata:
            dct["metadata"] = self.metadata
        if self.explicit_partitions or self.partitions:
            dct["partitions"] = {label: part.to_dict() for label, part in self.partitions.items()}
        dct["partition_keys"] = self.partition_keys
        return dct

    def to_json(self):
        """The document as JSON bytes."""
        return json.dumps(self.to_dict()).encode("utf-8")

    def to_msgpack(self):
        """The document as the bytes of a ``.msgpack.zstd`` file."""
        return packb(self.to_dict())

    def load_index(self, column, store):
        """Another object with the index on ``column`` loaded; those of all partition keys for one of them. KeyError if there is none."""
        if column in self.partition_keys:
            return self.load_partition_indices()
        if column not in self.indices:
            raise KeyError("No index specified for column '{}'".format(column))
        return self._with_indices([column], store)

    @deprecated
    def load_all_indices(self, store, load_partition_indices=True):
        """Another object with all secondary indices loaded, and those of the partition keys unless told otherwise."""
        loaded = self._with_indices(list(self.indices), store)
        return loaded.load_partition_indices() if load_partition_indices else loaded

    def _with_indices(self, columns, store):
        indices = dict(self.indices)
        for column in columns:
            if not indices[column].loaded:
                index = indices[column].load(store)
                indices[column] = index if self.explicit_partitions else filter_indices({column: index}, self.partitions)[column]
        return self.copy(indices=indices)

    @deprecated
    def load_partition_indices(self):
        """
        Another object with indices on the partition keys, whose values stand in the keys of the files. ValueError if the schema does not say of which
        type they are.
        """
        if not self.partition_keys or self.primary_indices_loaded:
            return self
        return self.copy(indices=dict(self.indices, **_partition_indices(self.partitions, self.partition_keys, self._types())))

    def _loaded_indices(self, columns):
        """``{column: index}`` of some index columns, read out of the snapshot if they are not loaded."""
        loaded = self.load_partition_indices() if set(columns) & set(self.partition_keys) else self
        indices = {column: loaded.indices[column] for column in columns}
        for column, index in indices.items():
            if not index.loaded and self._reads:
                indices[column] = index.load_from(self._snapshot)
        return indices

    def query(self, indices=None, **kwargs):
        """
        The labels of the partitions that, by the indices, hold all the values: ``query(country="DE", year="2020")``. Values are taken as the type of
        the column. Columns without an index are passed over; ``indices``: further ones.
        """
        further = {index.column: index for index in indices or ()}
        known = self._loaded_indices([column for column in kwargs if column in self.index_columns and column not in further])
        labels = None
        for column, value in kwargs.items():
            index = further.get(column, known.get(column))
            if index is not None:
                found = set(index.query(value))
                labels = found if labels is None else labels & found
        return list(self.partitions) if labels is None else list(labels)

    def get_indices_as_dataframe(self, columns=None, date_as_object=True, predicates=None):
        """
        What the indices say, as a frame with a row for each label and combination of values, and the labels as its index.

        Labels without a value in one of the columns are not in it. Rows of combinations that no data has may be.

        Parameters
        ----------
        columns: list of str, optional
            None: all that have an index, by name; ``[]``: labels alone.
        date_as_object: bool
        predicates: list of list of tuple, optional
            Which values; literals on columns without an index hold for all.
        """
        return index_frame.frame_of_indices(self, columns, date_as_object, predicates)

    def copy(self, **kwargs):
        """The same dataset with some of the constructor's arguments given anew."""
        if "uuid" in kwargs:
            _core.uuid_check(kwargs["uuid"])
        if "metadata" in kwargs:
            kwargs["metadata"] = dict(kwargs["metadata"] or {})
            kwargs["metadata"].setdefault("creation_time", _time.datetime_utcnow().isoformat())
        return super().copy(**kwargs)

    def __sizeof__(self):
        """With its indices."""
        return object.__sizeof__(self) + sum(size_of(index) for index in self.indices.values())

    def __copy__(self):
        # A snapshot does not change, so that both may have it; what reads indices out of it stays with the one that was loaded.
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__, _reads=False)
        return other

    def __getstate__(self):
        state = dict(self.__dict__, _snapshot=None, _reads=False)
        if self._snapshot is not None and self._table_meta is None:
            # Schemas come out of a snapshot without pyarrow, so that one is made again.
            files = {"{}/{}/{}".format(self._snapshot.uuid, table, naming.TABLE_METADATA_FILE): data for table, data in self._schema_files().items()}
            state["_pickled"] = (self._complete_document(), files)
        if isinstance(self.partitions, Partitions):
            state["_partitions"] = None if "_pickled" in state else self.partitions.copy()
        return state

    def _complete_document(self):
        """That of the snapshot, with the partitions that were found by listing."""
        if self._snapshot.is_explicit:
            return self._snapshot.document
        partitions = {label: {"files": files} for label, files in self._snapshot.partitions()}
        return json.dumps(dict(json.loads(self._snapshot.document), partitions=partitions)).encode("utf-8")

    def __setstate__(self, state):
        pickled = state.pop("_pickled", None)
        self.__dict__.update(state)
        if pickled is None:
            return
        document, files = pickled
        store = _core.Store.open("hmemory://")
        # A dataset without partitions has the tables that have a schema in its store.
        for key, data in files.items():
            store.put(key, data)
        self._snapshot = _core.Dataset.from_document(store, document)
        if self._partitions is None:
            self._partitions = Partitions(self._snapshot)

    def __deepcopy__(self, memo):
        other = copy.copy(self)
        other.metadata = copy.deepcopy(self.metadata, memo)
        other.indices = copy.deepcopy(self.indices, memo)
        if not isinstance(self.partitions, Partitions):
            other.partitions = copy.deepcopy(self.partitions, memo)
        return other

    def __eq__(self, other):
        """The same document, and schemas that are equal as far as both know them."""
        if not isinstance(other, DatasetMetadataBase):
            return NotImplemented
        types, others = self._types(), other._types()
        return (not types or not others or types == others) and self._content() == other._content()

    def _content(self):
        """What makes two datasets one, but for the schemas; partitions may be whatever the caller gave."""
        indices = {
            column: index.to_dict() if index.index_storage_key is None else index.index_storage_key
            for column, index in self.secondary_indices.items()
        }
        return self.uuid, self.metadata_version, self.metadata, dict(self.partitions), indices, self.explicit_partitions, self.partition_keys

    __hash__ = None  # type: ignore[assignment]


class DatasetMetadata(DatasetMetadataBase):
    """A snapshot of one dataset: its partitions, keys, user metadata and index files."""

    def __repr__(self):
        return (
            "DatasetMetadata(uuid={}, tables={}, partition_keys={}, metadata_version={}, indices={}, "
            "explicit_partitions={})"
        ).format(
            self.uuid, self.tables, self.partition_keys, self.metadata_version, list(self.indices), self.explicit_partitions
        )

    def _repr_html_(self):
        facts = [("partitions", _facts.counted(len(self.partitions), self.partition_keys))]
        facts += [("indices", ", ".join(self.secondary_indices))] if self.secondary_indices else []
        facts += [("tables", ", ".join(self.tables))] if self.tables else []
        types = self._types() if self._table_meta is not None or self._snapshot is not None else {}
        return _facts.as_html(self.uuid, facts + ([("columns", _facts.typed(types))] if types else []))

    @classmethod
    def load_from_store(cls, uuid, store, load_schema=True, load_all_indices=False, *, version=None, at=None):
        """
        The newest committed state, or an earlier one: a ``version`` by its number or the start of its id, or what was current ``at``
        a time (a datetime or its text; UTC unless it says otherwise). KeyError if there is no such dataset or state.

        Schemas are read when they are first asked for; ``load_schema=False`` leaves ``table_meta`` empty.
        """
        store = core_store(store)
        return cls._loaded(open_snapshot(store, uuid, version, at), store, load_schema, load_all_indices)

    @classmethod
    def load_from_buffer(cls, buf, store, format="json", load_schema=True):
        """Of the bytes of a document, ``format`` "json" or "msgpack"; partitions that it does not list are looked for in the store."""
        store = core_store(store)
        return cls._loaded(_core.Dataset.from_document(store, _json_of(buf, format)), store, load_schema, False)

    @classmethod
    def load_from_dict(cls, dct, store, load_schema=True):
        """Of a document as a dict, as :meth:`load_from_buffer`."""
        return cls.load_from_buffer(json.dumps(dct).encode("utf-8"), store, load_schema=load_schema)

    @staticmethod
    def from_buffer(buf, format="json", explicit_partitions=True):
        """Of the bytes of a document that says everything; ``table_meta`` is empty."""
        return DatasetMetadata.from_dict(json.loads(_json_of(buf, format)), explicit_partitions)

    @staticmethod
    def from_dict(dct, explicit_partitions=True):
        """Of a document as a dict, which may have ``table_meta``. KeyError without version or name."""
        verify_metadata_version(dct[naming.METADATA_VERSION_KEY])
        return DatasetMetadata(
            uuid=dct[naming.UUID_KEY],
            partitions={label: Partition.from_dict(label, part) for label, part in dct.get("partitions", {}).items()},
            metadata=dct.get("metadata"),
            indices={column: ExplicitSecondaryIndex.from_v2(column, index) for column, index in dct.get("indices", {}).items()},
            metadata_version=dct[naming.METADATA_VERSION_KEY],
            explicit_partitions=explicit_partitions,
            partition_keys=dct["partition_keys"] if "partition_keys" in dct else _keys_in(dct.get("partitions")),
            table_meta=dct.get("table_meta"),
        )

    @classmethod
    def _loaded(cls, snapshot, store, load_schema, load_all_indices):
        self = cls.__new__(cls)
        self.uuid = snapshot.uuid
        self.partitions = Partitions(snapshot)
        self.metadata = user_metadata(snapshot)
        self.indices = _indices_of(snapshot)
        self.metadata_version = naming.DEFAULT_METADATA_VERSION
        self.explicit_partitions = snapshot.is_explicit
        self.partition_keys = snapshot.partition_keys
        self._table_meta = None if load_schema else {}
        self._snapshot = snapshot
        self._reads = True
        return self.load_all_indices(store) if load_all_indices else self

    @staticmethod
    def history(uuid, store, limit=None):
        """
        What led to the current state, newest first, as dicts: ``kind`` ("commit", "not kept", or "foreign" for states that a program
        without a history wrote), ``version``, ``id``, ``parent``, ``time``, ``writer``, ``operation``, ``partitions``, ``added``,
        ``removed``, ``current``; None for what is not known.
        """
        return _core.history(core_store(store), uuid, 0 if limit is None else limit)

    @staticmethod
    def restore(uuid, store, version):
        """Make an earlier version the current state again, as a commit of its own; the commit's id. KeyError if files are gone."""
        return _core.restore(core_store(store), uuid, str(version))


def _keys_in(partitions):
    """What the first file of a document that does not say it is partitioned by."""
    files = next(iter(partitions.values())).get("files", {}) if partitions else {}
    return [column for column, _ in decode_key(next(iter(files.values())))[2]] if files else []


def user_metadata(snapshot):
    """The metadata of a dataset without what the library notes there for itself."""
    return {key: value for key, value in json.loads(snapshot.metadata).items() if not key.startswith("ktk.")}


def _json_of(buf, format):
    if format not in ("json", "msgpack"):
        raise ValueError("Unknown metadata storage format encountered: {}".format(format))
    buf = buf.encode("utf-8") if isinstance(buf, str) else bytes(buf)
    return buf if format == "json" else _core.document_unpack(buf)


def _indices_of(snapshot):
    """One without a key is in the document, by the texts of its values, and loaded at once."""
    keys = snapshot.indices
    embedded = json.loads(snapshot.document)["indices"] if None in keys.values() else {}
    return {
        column: ExplicitSecondaryIndex(column, embedded[column], dtype="string") if key is None else ExplicitSecondaryIndex(column, None, key)
        for column, key in keys.items()
    }


def _partition_indices(partitions, partition_keys, types):
    """``{key: PartitionIndex}`` out of the keys of the files."""
    for key in partition_keys:
        if key not in types:
            raise ValueError('Cannot find type information for partition column "{}"'.format(key))
    found = {key: {} for key in partition_keys}
    for label, partition in partitions.items():
        file = next(iter(partition.files.values()), None)
        if file is None:
            continue
        texts = dict(decode_key(file)[2])
        for key in partition_keys:
            if key not in texts:
                raise RuntimeError(
                    "Unknown file structure encountered. Depth of filename indices is not equal for all partitions: {} has no {}.".format(file, key)
                )
            found[key].setdefault(texts[key], []).append(label)
    return {key: PartitionIndex(key, found[key], types[key]) for key in partition_keys}


def to_ordinary_dict(dct):
    """The same with plain dicts in place of mappings of other kinds, at all depths."""
    return {key: to_ordinary_dict(value) if isinstance(value, Mapping) else value for key, value in dct.items()}


def create_partition_key(dataset_uuid, table, index_values, filename="data"):
    """Storage key of a file below the folders of ``[(column, value), …]``."""
    return "/".join([dataset_uuid, table] + quote_indices(index_values) + [filename])


class DatasetMetadataBuilder(CopyMixin):
    """A document in the making; the methods that add return it."""

    @deprecated
    def __init__(
        self, uuid, metadata_version=naming.DEFAULT_METADATA_VERSION, explicit_partitions=True, partition_keys=None, table_meta=None
    ):
        verify_metadata_version(metadata_version)
        self.uuid = uuid
        self.metadata = {"creation_time": _time.datetime_utcnow().isoformat()}
        self.partitions = {}
        self.indices = {}
        self.metadata_version = metadata_version
        self.explicit_partitions = explicit_partitions
        self.partition_keys = partition_keys
        self.table_meta = table_meta

    @staticmethod
    def from_dataset(dataset):
        """With what a dataset holds, copied."""
        builder = DatasetMetadataBuilder(dataset.uuid, dataset.metadata_version, dataset.explicit_partitions, list(dataset.partition_keys))
        builder.metadata = copy.deepcopy(dataset.metadata)
        builder.partitions = {label: Partition(label, dict(part.files)) for label, part in dataset.partitions.items()}
        builder.indices = dict(dataset.secondary_indices)
        builder.table_meta = dataset._table_meta
        return builder

    def modify_uuid(self, target_uuid):
        """Another name; the keys of files and indices follow."""

        def moved(key):
            return target_uuid + key[len(self.uuid) :] if key.startswith((self.uuid + "/", self.uuid + ".")) else key

        _core.uuid_check(target_uuid)
        self.partitions = {
            label: Partition(label, {table: moved(key) for table, key in part.files.items()}) for label, part in self.partitions.items()
        }
        self.indices = {
            column: index if index.index_storage_key is None else index.copy(index_storage_key=moved(index.index_storage_key))
            for column, index in self.indices.items()
        }
        self.uuid = target_uuid
        return self

    def add_partition(self, name, partition):
        """A partition; one of that name is replaced."""
        self.partitions[name] = partition
        return self

    def add_embedded_index(self, column, index):
        """An index whose values stand in the document. RuntimeError if it is on another column."""
        if column != index.column:
            raise RuntimeError("The index is on column '{}', not on '{}'.".format(index.column, column))
        self.indices[column] = index
        return self

    def add_external_index(self, column, filename=None):
        """An index in a file; its key, which is made up unless given."""
        key = "{}.{}{}".format(self.uuid, column, naming.EXTERNAL_INDEX_SUFFIX) if filename is None else filename
        self.indices[column] = ExplicitSecondaryIndex(column, index_storage_key=key)
        return key

    def add_metadata(self, key, value):
        """An entry of the user's metadata."""
        self.metadata[key] = value
        return self

    def to_dict(self):
        """The document."""
        dct = self.to_dataset().to_dict()
        if self.partition_keys is None:
            del dct["partition_keys"]
        return dct

    def to_json(self):
        """``(key, bytes)`` of the document as JSON."""
        return naming.metadata_key_from_uuid(self.uuid), json.dumps(self.to_dict()).encode("utf-8")

    def to_msgpack(self):
        """``(key, bytes)`` of the document as MessagePack."""
        return naming.metadata_key_from_uuid(self.uuid, "msgpack"), packb(self.to_dict())

    def to_dataset(self):
        """The :class:`DatasetMetadata`."""
        return DatasetMetadata(
            uuid=self.uuid,
            partitions=dict(self.partitions),
            metadata=self.metadata,
            indices=dict(self.indices),
            metadata_version=self.metadata_version,
            explicit_partitions=self.explicit_partitions,
            partition_keys=self.partition_keys,
            table_meta=self.table_meta,
        )


def open_snapshot(store, uuid, version=None, at=None):
    """The C library's snapshot; KeyError in kartothek's words if there is none."""
    version = None if version is None else str(version)
    at = at.isoformat() if hasattr(at, "isoformat") else at
    try:
        return _core.Dataset.open(store, uuid, version, at)
    except KeyError as error:
        if getattr(error, "status", None) != "not found" or version is not None or at is not None:
            raise
        raise KeyError(
            "Dataset does not exist. Tried {} and {}".format(
                naming.metadata_key_from_uuid(uuid, "json"), naming.metadata_key_from_uuid(uuid, "msgpack")
            )
        ) from None


__all__ = ("DatasetMetadata", "DatasetMetadataBase")
