"""What a dataset's metadata document says, of a dataset that has one table."""
from kartothek.compat.plateau._adapt import only_table
from kartothek.core import dataset as _ours
from kartothek.core.dataset import create_partition_key, to_ordinary_dict
from kartothek.core.naming import DEFAULT_METADATA_VERSION, SINGLE_TABLE


class DatasetMetadataBase(_ours.DatasetMetadataBase):
    """:class:`kartothek.core.dataset.DatasetMetadataBase` with ``schema`` and ``table_name`` in place of ``table_meta``."""

    _table_name = None

    def __init__(
        self,
        uuid,
        partitions=None,
        metadata=None,
        indices=None,
        metadata_version=DEFAULT_METADATA_VERSION,
        explicit_partitions=True,
        partition_keys=None,
        schema=None,
        table_name=SINGLE_TABLE,
    ):
        table_meta = None if schema is None else {table_name: schema}
        super().__init__(uuid, partitions, metadata, indices, metadata_version, explicit_partitions, partition_keys, table_meta)
        self._table_name = table_name

    @property
    def tables(self):
        """A list of the table. RuntimeError if there are several."""
        return only_table(self.uuid, super().tables)

    @property
    def table_name(self):
        """The name of the table."""
        tables = self.tables
        return tables[0] if tables else self._table_name or "<Unknown Table>"

    @table_name.setter
    def table_name(self, table_name):
        self._table_name = table_name
        if self._table_meta:
            self._table_meta = {table_name: self.schema}

    @property
    def schema(self):
        """The schema of the table, None if it was not loaded."""
        return next(iter(self.table_meta.values()), None)

    @schema.setter
    def schema(self, schema):
        self.table_meta = {} if schema is None else {self.table_name: schema}


class DatasetMetadata(DatasetMetadataBase, _ours.DatasetMetadata):
    """:class:`kartothek.core.dataset.DatasetMetadata` of a dataset that has one table."""

    @classmethod
    def _of(cls, dataset):
        self = cls.__new__(cls)
        self.__dict__.update(dataset.__dict__)
        return self

    @classmethod
    def from_buffer(cls, buf, format="json", explicit_partitions=True):
        """Of the bytes of a document that says everything."""
        return cls._of(_ours.DatasetMetadata.from_buffer(buf, format, explicit_partitions))

    @classmethod
    def from_dict(cls, dct, explicit_partitions=True):
        """Of a document as a dict, which may have ``schema`` and ``table_name``."""
        self = cls._of(_ours.DatasetMetadata.from_dict(dct, explicit_partitions))
        self._table_name = dct.get("table_name", SINGLE_TABLE)
        if dct.get("schema") is not None:
            self.schema = dct["schema"]
        return self

    def __repr__(self):
        return "DatasetMetadata(uuid={}, table_name={}, partition_keys={}, metadata_version={}, indices={}, explicit_partitions={})".format(
            self.uuid, self.table_name, self.partition_keys, self.metadata_version, list(self.indices), self.explicit_partitions
        )


class DatasetMetadataBuilder(_ours.DatasetMetadataBuilder):
    """:class:`kartothek.core.dataset.DatasetMetadataBuilder` with ``schema`` in place of ``table_meta``."""

    def __init__(self, uuid, metadata_version=DEFAULT_METADATA_VERSION, explicit_partitions=True, partition_keys=None, schema=None):
        super().__init__(uuid, metadata_version, explicit_partitions, partition_keys, None if schema is None else {SINGLE_TABLE: schema})

    @classmethod
    def from_dataset(cls, dataset):
        """With what a dataset holds, copied."""
        self = cls.__new__(cls)
        self.__dict__.update(_ours.DatasetMetadataBuilder.from_dataset(dataset).__dict__)
        return self

    def to_dataset(self):
        """The :class:`DatasetMetadata`."""
        return DatasetMetadata._of(super().to_dataset())


__all__ = ("DatasetMetadata", "DatasetMetadataBase")
