"""What a dataset's metadata document says."""
import copy
import json

from kartothek import _core
from kartothek.core import naming
from kartothek.core._mixins import CopyMixin
from kartothek.core._partitions import Partitions
from kartothek.core.index import ExplicitSecondaryIndex
from kartothek.core.utils import core_store


class DatasetMetadataBase(CopyMixin):
    """What a dataset and its factory have in common."""

    #: What a factory asks the dataset that it has read.
    FORWARDED = (
        "copy", "index_columns", "partitions", "secondary_indices", "tables", "to_dict", "to_json",
    )  # fmt: skip

    def __init__(
        self,
        uuid,
        partitions=None,
        metadata=None,
        indices=None,
        metadata_version=naming.DEFAULT_METADATA_VERSION,
        explicit_partitions=True,
        partition_keys=None,
        tables=None,
    ):
        _core.uuid_check(uuid)
        self.uuid = uuid
        self._partitions = partitions if partitions is not None else {}
        self._snapshot = None
        self.metadata = metadata if metadata is not None else {}
        self.indices = indices if indices is not None else {}
        self.metadata_version = metadata_version
        self.explicit_partitions = explicit_partitions
        self.partition_keys = list(partition_keys) if partition_keys is not None else []
        self._tables = tables

    @property
    def partitions(self):
        """{label: Partition}, in the order of the document."""
        return self._partitions

    @partitions.setter
    def partitions(self, partitions):
        self._partitions = partitions

    def __getstate__(self):
        partitions = self.partitions.copy() if isinstance(self.partitions, Partitions) else self.partitions
        return dict(self.__dict__, _partitions=partitions, _snapshot=None)

    @property
    def tables(self):
        """Names of the tables."""
        if self._tables is None:
            first = next(iter(self.partitions.values()), None)
            return list(first.files) if first is not None else []
        return self._tables

    @property
    def index_columns(self):
        """Columns by which partitions can be chosen without reading data."""
        return set(self.indices) | set(self.partition_keys)

    @property
    def secondary_indices(self):
        """{column: :class:`kartothek.core.index.ExplicitSecondaryIndex`}"""
        return dict(self.indices)

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

    def load_index(self, column, store):
        """Another DatasetMetadata with the index on ``column`` loaded. KeyError if there is none."""
        if column not in self.indices:
            raise KeyError("No index specified for column '{}'".format(column))
        return self._with_indices([column], store)

    def load_all_indices(self, store, load_partition_indices=True):
        """Another DatasetMetadata with all secondary indices loaded."""
        return self._with_indices(list(self.indices), store)

    def _with_indices(self, columns, store):
        snapshot = self._snapshot
        if snapshot is None:
            snapshot = _core.Dataset.from_document(core_store(store), self.to_json())
        other = copy.copy(self)
        other._snapshot = self._snapshot
        other.indices = dict(self.indices)
        for column in columns:
            if not other.indices[column].loaded:
                other.indices[column] = other.indices[column].load_from(snapshot)
        return other

    def to_dict(self):
        """The document as a dict, in its order of keys."""
        dct = {naming.METADATA_VERSION_KEY: self.metadata_version, naming.UUID_KEY: self.uuid}
        if self.indices:
            dct["indices"] = {
                column: index.index_dct if index.index_storage_key is None else index.index_storage_key
                for column, index in self.indices.items()
            }
        if self.metadata:
            dct["metadata"] = self.metadata
        if self.explicit_partitions:
            dct["partitions"] = {label: part.to_dict() for label, part in self.partitions.items()}
        dct["partition_keys"] = self.partition_keys
        return dct

    def to_json(self):
        """The document as JSON bytes."""
        return json.dumps(self.to_dict()).encode("utf-8")

    def __eq__(self, other):
        return isinstance(other, DatasetMetadataBase) and self.to_dict() == other.to_dict()


class DatasetMetadata(DatasetMetadataBase):
    """A snapshot of one dataset: its partitions, keys, user metadata and index files."""

    @classmethod
    def load_from_store(cls, uuid, store, load_schema=True, load_all_indices=False, *, version=None, at=None):
        """
        The newest committed state, or an earlier one: a ``version`` by its number or the start of its id, or what was current ``at``
        a time (a datetime or its text; UTC unless it says otherwise). KeyError if there is no such dataset or state.
        """
        store = core_store(store)
        dataset = cls._from_core(open_snapshot(store, uuid, version, at))
        return dataset.load_all_indices(store) if load_all_indices else dataset

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

    @classmethod
    def _from_core(cls, dataset):
        self = cls(
            uuid=dataset.uuid,
            metadata=json.loads(dataset.metadata),
            indices=_indices_of(dataset),
            explicit_partitions=dataset.is_explicit,
            partition_keys=dataset.partition_keys,
            tables=dataset.tables,
        )
        self._partitions = Partitions(dataset)
        self._snapshot = dataset
        return self

    def __repr__(self):
        return (
            "DatasetMetadata(uuid={}, tables={}, partition_keys={}, metadata_version={}, indices={}, "
            "explicit_partitions={})"
        ).format(
            self.uuid, self.tables, self.partition_keys, self.metadata_version, list(self.indices), self.explicit_partitions
        )


def _indices_of(dataset):
    """One without a key is in the document, by the texts of its values, and loaded at once."""
    keys = dataset.indices
    embedded = json.loads(dataset.document)["indices"] if None in keys.values() else {}
    return {
        column: ExplicitSecondaryIndex(column, embedded[column] if key is None else None, key) for column, key in keys.items()
    }


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
