"""Partitions on their way from who makes them to who writes and commits them."""
from kartothek.compat.plateau._adapt import adapted, element, in_plateaus_shape
from kartothek.core.naming import SINGLE_TABLE
from kartothek.io_components import metapartition as _ours
from kartothek.io_components.metapartition import partition_labels_from_mps


def _method(ours, **rules):
    return adapted(getattr(_ours.MetaPartition, ours), __name__, **rules)


def _known(name):
    return property(lambda self: getattr(self._inner, name), doc=getattr(getattr(_ours.MetaPartition, name), "__doc__", None))


def _first(by_table):
    return next(iter(by_table.values()), None)


class MetaPartition:
    """
    A :class:`kartothek.io_components.metapartition.MetaPartition` of one table: ``file``, ``data`` and ``schema`` are that table's.

    Never changed: methods return another one. With several partitions it is nested: it iterates over them. With label None it is a sentinel, which
    stands for no partition.
    """

    def __init__(
        self,
        label,
        file=None,
        table_name=SINGLE_TABLE,
        data=None,
        indices=None,
        metadata_version=None,
        schema=None,
        partition_keys=None,
        logical_conjunction=None,
    ):
        self.table_name = table_name
        self._inner = _ours.MetaPartition(
            label,
            files={table_name: file} if file else None,
            data=None if data is None else {table_name: data},
            indices=indices,
            metadata_version=metadata_version,
            table_meta=None if schema is None else {table_name: schema},
            partition_keys=partition_keys,
            logical_conjunction=logical_conjunction,
        )

    @classmethod
    def _of(cls, inner):
        self = cls.__new__(cls)
        tables = [table for part in inner.metapartitions for table in (*part["files"], *part["data"])]
        self.table_name = tables[0] if tables else SINGLE_TABLE
        self._inner = inner
        return self

    label = _known("label")
    indices = _known("indices")
    is_sentinel = _known("is_sentinel")
    partition = _known("partition")

    @property
    def data(self):
        """The frame, or None."""
        return _first(self._inner.data)

    @property
    def file(self):
        """The key of the file in the store, or None."""
        return _first(self._inner.files)

    @property
    def schema(self):
        """The schema, None if nothing tells it."""
        return self._inner.table_meta.get(self.table_name)

    def __getattr__(self, name):
        # Reached for what is kartothek's as it is, not while a copy is being made.
        if name not in ("logical_conjunction", "metadata_version", "metapartitions", "partition_keys"):
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __len__(self):
        return len(self._inner)

    def __iter__(self):
        return map(in_plateaus_shape, self._inner)

    def __getitem__(self, label):
        return in_plateaus_shape(self._inner[label])

    def __eq__(self, other):
        return isinstance(other, MetaPartition) and self.table_name == other.table_name and self._inner == other._inner

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self):
        label = "NESTED ({})".format(len(self)) if len(self) > 1 else self.label
        return "<MetaPartition v{} | {} >".format(self.metadata_version, label)

    def copy(self, **kwargs):
        """The same but for some arguments of the constructor."""
        table = kwargs.pop("table_name", self.table_name)
        for name, ours in (("file", "files"), ("data", "data"), ("schema", "table_meta")):
            if name in kwargs:
                value = kwargs.pop(name)
                kwargs[ours] = {} if value is None else {table: value}
        other = in_plateaus_shape(self._inner.copy(**kwargs))
        other.table_name = table
        return other

    @staticmethod
    def from_partition(
        partition,
        data=None,
        indices=None,
        metadata_version=None,
        schema=None,
        partition_keys=None,
        logical_conjunction=None,
        table_name=SINGLE_TABLE,
    ):
        """Of a :class:`kartothek.core.partition.Partition`."""
        file = partition.files.get(table_name)
        return MetaPartition(partition.label, file, table_name, data, indices, metadata_version, schema, partition_keys, logical_conjunction)

    @staticmethod
    def from_dict(dct):
        """Of what :meth:`to_dict` gives."""
        return MetaPartition(**{name: dct[name] for name in _ARGUMENTS if name in dct})

    def to_dict(self):
        """The arguments of the constructor."""
        return {name: getattr(self, name) for name in _ARGUMENTS}

    add_metapartition = _method("add_metapartition", without=("metadata_merger",))
    apply = _method("apply", without=("metadata",))
    as_sentinel = _method("as_sentinel")
    build_indices = _method("build_indices")
    concat_metapartitions = staticmethod(_method("concat_metapartitions", without=("metadata_merger",)))
    delete_from_store = _method("delete_from_store")
    get_parquet_metadata = _method("get_parquet_metadata", without=("table_name",))
    load_dataframes = _method("load_dataframes")
    load_schema = _method("load_all_table_meta", name="load_schema")
    merge_indices = staticmethod(_method("merge_indices", as_is=True))
    partition_on = _method("partition_on")
    remove_dataframes = _method("remove_dataframes")
    store_dataframes = _method("store_dataframes")
    validate_schema_compatible = _method("validate_schema_compatible")


_ARGUMENTS = (
    "label", "file", "table_name", "data", "indices", "metadata_version", "schema", "partition_keys", "logical_conjunction",
)  # fmt: skip


def parse_input_to_metapartition(obj, table_name=SINGLE_TABLE, metadata_version=None):
    """The MetaPartition of a frame, a MetaPartition, a list of these, or None and ``[]`` for a sentinel."""
    return in_plateaus_shape(_ours.parse_input_to_metapartition(element(obj, table_name), metadata_version))


__all__ = ["MetaPartition", "SINGLE_TABLE", "parse_input_to_metapartition", "partition_labels_from_mps"]
