"""Partitions on their way from who makes them to who writes and commits them."""
import os
import time

from kartothek import _core
from kartothek._deprecated import APPLY_TO_TABLES, deprecated, warn_user
from kartothek._lazy import LazyModule, wraps
from kartothek.core._size import size_of
from kartothek.core.index import ExplicitSecondaryIndex
from kartothek.core.naming import DEFAULT_METADATA_VERSION, SINGLE_TABLE
from kartothek.core.partition import Partition
from kartothek.core.urlencode import decode_key
from kartothek.core.utils import core_store, ensure_store, verify_metadata_version
from kartothek.core.uuid import gen_uuid
from kartothek.io_components.utils import align_categories, check_indices, combine_metadata, extract_duplicates, groups_of, joined_meta, missing_index_column

json = LazyModule("json")
pd = LazyModule("pandas")
to_arrow = LazyModule("kartothek._frames.to_arrow")
common_metadata = LazyModule("kartothek.core.common_metadata")

_METADATA_SCHEMA = {
    "partition_label": "object",
    "row_group_id": "int64",
    "row_group_compressed_size": "int64",
    "row_group_uncompressed_size": "int64",
    "number_rows_total": "int64",
    "number_row_groups": "int64",
    "serialized_size": "int64",
    "number_rows_per_row_group": "int64",
}

_NO_FRAME = "Input must be a pyarrow schema, or a pandas dataframe"


def _each(method):
    """A method of one partition, called for each one of a nested MetaPartition; what the calls return is nested again."""

    @wraps(method)
    def call(self, *args, **kwargs):
        if len(self) == 1 and self.label is None:
            return method(self, *args, **kwargs)
        return _joined([method(part, *args, **kwargs) for part in self], schema_validation=False)

    return call


def _joined(parts, metadata_merger=combine_metadata, schema_validation=True):
    """One of all that hold partitions; else the last one, which may still know the columns of its tables."""
    whole = [part for part in parts if not part.is_sentinel]
    if len(whole) < 2:
        return whole[0] if whole else parts[-1]
    if extract_duplicates(label["label"] for part in whole for label in part.metapartitions):
        raise RuntimeError("Duplicate labels for nested metapartitions are not allowed!")
    result = whole[-1]._with([label for part in whole for label in part.metapartitions])
    for part in whole:
        result._table_meta = dict(result._table_meta, **part._table_meta)
    # Without pyarrow there is no schema to look at before the C library does when it writes.
    if schema_validation and common_metadata.has_pyarrow() and all(part._has_frames() for part in whole):
        metas = [part.table_meta for part in whole]
        for table in dict.fromkeys(table for meta in metas for table in meta):
            result._table_meta[table] = common_metadata.validate_compatible([meta[table] for meta in metas if table in meta])
    result.dataset_metadata = metadata_merger([part.dataset_metadata for part in whole])
    result._origins = list({_key(origin): origin for part in whole for origin in part._origins}.values())
    return result


def _key(origin):
    return json.dumps(origin, sort_keys=True)


def merge(left, right, **kwargs):
    """:func:`pandas.merge`, which is imported when it is needed."""
    return pd.merge(left, right, **kwargs)


class MetaPartition:
    """
    Partitions with their frames, or with the files that hold them. Never changed: methods return another one.

    With several partitions it is nested: it iterates over them, and ``label``, ``data``, ``files`` and ``indices`` are those of each one only. With
    label None it is a sentinel, which stands for no partition.

    Parameters
    ----------
    label: str or None
    files: dict, optional
        ``{table: key in the store}``
    data: dict, optional
        ``{table: frame}``
    dataset_metadata: dict, optional
        User metadata for the dataset.
    indices: dict, optional
        ``{column: index or {value: [label, …]}}``
    table_meta: dict, optional
        ``{table: schema}``
    partition_keys: list, optional
        Columns whose values are in the label.
    logical_conjunction: list, optional
        ``[(column, operator, value), …]`` that all rows must satisfy when they are loaded.
    """

    @deprecated
    def __init__(
        self,
        label,
        files=None,
        metadata=None,
        data=None,
        dataset_metadata=None,
        indices=None,
        metadata_version=None,
        table_meta=None,
        partition_keys=None,
        logical_conjunction=None,
    ):
        self.metadata_version = DEFAULT_METADATA_VERSION if metadata_version is None else metadata_version
        verify_metadata_version(self.metadata_version)
        # A schema, or ``(bytes of its file, where it comes from)`` until somebody asks for it.
        self._table_meta = dict(table_meta or {})
        self.dataset_metadata = dataset_metadata or {}
        self.partition_keys = list(partition_keys or [])
        self.logical_conjunction = logical_conjunction
        #: one dict a partition
        self.metapartitions = [
            {
                "label": label,
                "data": dict(data or {}),
                "files": dict(files or {}),
                "indices": {column: _index(column, index) for column, index in (indices or {}).items()},
                "logical_conjunction": logical_conjunction,
            }
        ]
        # What the C library tells of files that it wrote, without a partition if there was none.
        self._origins = []

    # ---- what the C library wrote

    @classmethod
    def from_description(cls, description):
        """Of what an update of the C library has handed over."""
        content = json.loads(description)
        written = content.pop("partitions")
        self = cls(None, partition_keys=content["partition_on"])
        self._origins = [content]
        if written:
            self.metapartitions = [
                {
                    "label": part["label"],
                    "data": {},
                    "files": {table: file["key"] for table, file in part["files"].items()},
                    "indices": {},
                    "logical_conjunction": None,
                    "written": (content, part["files"]),
                }
                for part in written
            ]
        return self

    def descriptions(self, dataset_uuid, partition_keys):
        """
        For updates of the C library, in bytes: what the partitions are of a dataset. Files that it did not write are taken by their keys.

        ValueError for a partition without files.
        """
        groups = {_key(origin): (origin, []) for origin in self._origins}
        for part in self.metapartitions:
            if part["label"] is None:
                continue
            origin, files = part.get("written") or _origin_of_files(part, dataset_uuid, partition_keys)
            groups.setdefault(_key(origin), (origin, []))[1].append({"label": part["label"], "files": files})
        return [json.dumps(dict(origin, partitions=group)).encode("utf-8") for origin, group in groups.values()]

    @property
    def description(self):
        """All of :meth:`descriptions` of partitions that the C library wrote."""
        return b"\n".join(self.descriptions(None, None))

    # ---- what it holds

    @property
    def table_meta(self):
        """``{table: schema}``: those that were given, else those of the frames (needs pyarrow)."""
        for part in self.metapartitions:
            self._note_meta(part["data"], part["label"])
        for table, schema in self._table_meta.items():
            if isinstance(schema, tuple):
                self._table_meta[table] = common_metadata._bytes2schema(*schema)
        return self._table_meta

    @table_meta.setter
    def table_meta(self, table_meta):
        self._table_meta = dict(table_meta or {})

    def _note_meta(self, frames, label):
        for table, frame in frames.items():
            if frame is not None and table not in self._table_meta:
                origin = "{}/{}".format(table, label)
                self._table_meta[table] = common_metadata.make_meta(frame, origin=origin, partition_keys=self.partition_keys)

    def _meta_without(self, data, new):
        """The schemas of tables that have no frame in ``new`` data; for one that had a frame pyarrow is needed."""
        if common_metadata.has_pyarrow():
            self._note_meta({table: frame for table, frame in data.items() if table not in new}, self.label)
        return {table: schema for table, schema in self._table_meta.items() if table not in new}

    def _has_frames(self):
        return all(part["data"] for part in self.metapartitions)

    def _only(self, name):
        if len(self.metapartitions) > 1:
            raise AttributeError("Accessing `{}` attribute is not allowed while nested".format(name))
        return self.metapartitions[0][name]

    @property
    def label(self):
        """Name of the partition; None for a sentinel. AttributeError if nested."""
        return self._only("label")

    @property
    def data(self):
        """``{table: frame}``. AttributeError if nested."""
        return self._only("data")

    @property
    def files(self):
        """``{table: key in the store}``. AttributeError if nested."""
        return self._only("files")

    @property
    def indices(self):
        """``{column: index}``. AttributeError if nested."""
        return self._only("indices")

    @property
    def is_sentinel(self):
        """Whether there is no partition at all."""
        return len(self.metapartitions) == 1 and self.label is None

    @property
    def tables(self):
        """Names of the tables of the partition."""
        return list(dict.fromkeys([*self.data, *self.files]))

    @property
    def partition(self):
        """The :class:`kartothek.core.partition.Partition`: label and files. AttributeError if nested."""
        return Partition(label=self.label, files=self.files)

    def __len__(self):
        return len(self.metapartitions)

    def __iter__(self):
        if not self.is_sentinel:
            for part in self.metapartitions:
                yield self._with([part])

    def __getitem__(self, label):
        for part in self:
            if part.label == label:
                return part
        raise KeyError("Metapartition doesn't contain partition `{}`".format(label))

    def __eq__(self, other):
        """Frames count by their values; partitions may come in any order."""
        if not isinstance(other, MetaPartition) or len(self) != len(other):
            return False
        mine = (self.metadata_version, self.dataset_metadata, self.partition_keys)
        if mine != (other.metadata_version, other.dataset_metadata, other.partition_keys):
            return False
        pairs = zip(*(sorted(parts.metapartitions, key=lambda part: part["label"] or "") for parts in (self, other)))
        return all(_equal(a, b) for a, b in pairs)

    def __sizeof__(self):
        """With the frames and indices: Dask asks how much a worker holds."""
        contents = [content for part in self.metapartitions for content in (*part["data"].values(), *part["indices"].values())]
        return object.__sizeof__(self) + sum(map(size_of, contents))

    def __repr__(self):
        label = "NESTED ({})".format(len(self)) if len(self) > 1 else self.label
        tables = {table for part in self.metapartitions for table in (*part["data"], *part["files"])} | set(self._table_meta)
        return "<MetaPartition v{} | {} | tables {} >".format(self.metadata_version, label, sorted(tables))

    # ---- others made of it

    def _with(self, parts):
        other = MetaPartition(
            None,
            dataset_metadata=self.dataset_metadata,
            metadata_version=self.metadata_version,
            table_meta=self._table_meta,
            partition_keys=self.partition_keys,
            logical_conjunction=self.logical_conjunction,
        )
        other.metapartitions = [dict(part) for part in parts]
        return other

    def copy(self, **kwargs):
        """The same but for some arguments of the constructor."""
        parts = [dict(part) for part in self.metapartitions]
        for part in parts if len(parts) == 1 else ():
            if "files" in kwargs:
                part.pop("written", None)
            if "data" in kwargs:
                part.pop("keys", None)
                kwargs.setdefault("table_meta", self._meta_without(part["data"], kwargs["data"] or {}))
            for name in ("label", "data", "files", "indices", "logical_conjunction"):
                if name in kwargs:
                    part[name] = kwargs[name] if name in ("label", "logical_conjunction") else dict(kwargs[name] or {})
        other = self._with(parts)
        other._origins = list(self._origins)
        for name in ("dataset_metadata", "metadata_version", "table_meta", "partition_keys", "logical_conjunction"):
            if name in kwargs:
                setattr(other, name, kwargs[name])
        return other

    def as_sentinel(self):
        """One without a partition."""
        return MetaPartition(None, metadata_version=self.metadata_version, partition_keys=self.partition_keys)

    @deprecated
    def add_metapartition(self, metapartition, metadata_merger=None, schema_validation=True):
        """
        This one and another as one. RuntimeError if they have a label in common, ValueError if the schemas of their frames do not agree and
        ``schema_validation`` is asked for.
        """
        return _joined([self, metapartition], metadata_merger or combine_metadata, schema_validation)

    @staticmethod
    @deprecated
    def from_partition(
        partition,
        data=None,
        dataset_metadata=None,
        indices=None,
        metadata_version=None,
        table_meta=None,
        partition_keys=None,
        logical_conjunction=None,
    ):
        """Of a :class:`kartothek.core.partition.Partition`."""
        return MetaPartition(
            partition.label, partition.files, None, data, dataset_metadata, indices, metadata_version, table_meta, partition_keys, logical_conjunction
        )

    @staticmethod
    def from_dict(dct):
        """Of what :meth:`to_dict` gives."""
        names = (
            "label", "files", "data", "indices", "metadata_version", "dataset_metadata", "table_meta", "partition_keys", "logical_conjunction",
        )  # fmt: skip
        return MetaPartition(**{name: dct.get(name) for name in names})

    def to_dict(self):
        """The constructor's arguments as a dict. AttributeError if nested."""
        return {
            "label": self.label,
            "files": self.files,
            "data": self.data,
            "indices": self.indices,
            "metadata_version": self.metadata_version,
            "dataset_metadata": self.dataset_metadata,
            "table_meta": self.table_meta if common_metadata.has_pyarrow() else self._table_meta,
            "partition_keys": self.partition_keys,
            "logical_conjunction": self.logical_conjunction,
        }

    # ---- frames

    @_each
    def remove_dataframes(self):
        """Without the frames."""
        return self.copy(data={})

    @deprecated
    @_each
    def apply(self, func, tables=None, metadata=None, type_safe=False):
        """With what ``func``, or ``func[table]``, makes of each frame; of ``tables`` alone if they are given."""
        if tables is not None:
            warn_user(APPLY_TO_TABLES, FutureWarning)
        data = {table: frame for table, frame in self.data.items() if tables is None or table in tables}
        return self.copy(data={table: (func[table] if isinstance(func, dict) else func)(frame) for table, frame in data.items()})

    @deprecated
    @_each
    def merge_dataframes(self, left, right, output_label, merge_func=merge, merge_kwargs=None):
        """
        With one table, ``output_label``, in place of two: what ``merge_func(left frame, right frame, **merge_kwargs)`` makes of them, by default
        :func:`pandas.merge`. It has no files any more.
        """
        data = dict(self.data)
        frames = data.pop(left), data.pop(right)
        data[output_label] = merge_func(*frames, **(merge_kwargs or {}))
        return self.copy(files={}, data=data)

    @_each
    def concat_dataframes(self):
        """With the rows of tables that have the same columns in one, named by how their names begin; it has no files any more if there are such."""
        alike = {}
        for table, frame in self.data.items():
            alike.setdefault(tuple(sorted(frame.columns)), []).append(table)
        if len(alike) == len(self.data):
            return self
        data = {}
        for tables in alike.values():
            frames = [self.data[table] for table in tables]
            data[_common_name(tables)] = frames[0] if len(frames) == 1 else pd.concat(frames).reset_index(drop=True)
        return self.copy(files={}, data=data)

    @_each
    def build_indices(self, columns):
        """With indices on ``columns``, of the frames of all tables. RuntimeError for a column that no table has."""
        if self.label is None:
            return self
        indices = {}
        for column in columns:
            frames = [frame for frame in self.data.values() if column in frame]
            if not frames:
                raise RuntimeError(missing_index_column(column, self.label, sorted(self.data)))
            values = dict.fromkeys(value for frame in frames for value in frame[column].dropna().unique())
            indices[column] = ExplicitSecondaryIndex(column, {value: [self.label] for value in values})
        return self.copy(indices=indices)

    @_each
    def partition_on(self, partition_on):
        """
        Split by the values of columns, which go from the frames into the labels: one partition for equal values, whatever the table. A table without
        rows has an empty frame in every partition.
        """
        partition_on = [partition_on] if isinstance(partition_on, str) else list(partition_on)
        if partition_on == self.partition_keys:
            return self
        if any(column in self.indices for column in partition_on):
            raise ValueError("Trying to `partition_on` on a column with an explicit index!")
        known = self.partition_keys
        if known and partition_on[: len(known)] != known:
            text = (
                "Incompatible partitioning encountered. `partition_on` needs to include the already existing partition keys and must preserve their "
                "order.\nCurrent partition keys: `{}`\nPartition on called with: `{}`"
            )
            raise ValueError(text.format(known, partition_on))
        folders, _, base = (self.label or "").rpartition("/")
        parts = {}
        for table, frame in self.data.items():
            for values, keys, group in groups_of(frame, partition_on[len(known) :]):
                label = "/".join([*([folders] if folders else []), *values, base])
                part = parts.setdefault(label, {"data": {}, "keys": dict(self.metapartitions[0].get("keys") or {}, **keys)})
                part["data"][table] = group
        # Columns that go into the label are in no frame any more.
        schemas = {}
        if common_metadata.has_pyarrow():
            schemas = {table: common_metadata.normalize_column_order(schema, partition_on) for table, schema in self.table_meta.items()}
        results = [self.as_sentinel().copy(partition_keys=partition_on)]
        for label, part in parts.items():
            for table, frame in self.data.items():
                part["data"].setdefault(table, frame.drop(columns=partition_on[len(known) :]).iloc[:0])
            one = self.copy(label=label, data=part["data"], files={}, indices={}, partition_keys=partition_on, table_meta=schemas)
            one.metapartitions[0]["keys"] = part["keys"]
            results.append(one.build_indices(list(self.indices)))
        return _joined(results, schema_validation=False)

    @deprecated
    @_each
    def load_dataframes(
        self, store, tables=None, columns=None, predicate_pushdown_to_io=True, categoricals=None, dates_as_object=False, predicates=None
    ):
        """With the frames that the files hold. ``columns`` and ``categoricals`` are ``{table: list}``."""
        from kartothek.io_components.read import Group

        unknown = set(columns or ()) - set(self.tables)
        if unknown:
            raise ValueError("You are trying to read columns from invalid table(s): {}".format(unknown))
        if not self.files:
            return self
        readings = self._readings(self._snapshot(store), tables, columns, categoricals, dates_as_object, predicates)
        return self._loaded(readings, Group([0]))

    def _readings(self, dataset, tables=None, columns=None, categoricals=None, dates_as_object=False, predicates=None):
        """``{table: TableReading}`` of those of its tables that are wanted."""
        from kartothek.io_components.read import TableReading

        predicates = _and(predicates, self.logical_conjunction)
        readings = {}
        for table in self.files:
            if not tables or table in tables:
                wanted = (columns or {}).get(table)
                missing = sorted(set(wanted or ()) - {name for name, _, _ in dataset.schema(table)})
                if missing:
                    raise ValueError("Columns cannot be found in stored dataframe: {}".format(", ".join(missing)))
                readings[table] = TableReading(dataset, table, wanted, (categoricals or {}).get(table), dates_as_object, predicates, False)
        return readings

    def _loaded(self, readings, group):
        """With the frames of a group of partitions, which is this one."""
        data = dict(self.data, **{table: reading.group(group) for table, reading in readings.items()})
        return self.copy(data=data, table_meta=self._table_meta)

    def _snapshot(self, store, others=()):
        """The C library's snapshot of a dataset that has this partition and the others, which are like it."""
        uuid, _, in_path, _ = decode_key(next(iter(self.files.values())))
        document = {
            "dataset_metadata_version": 4,
            "dataset_uuid": uuid,
            "partitions": {part.label: {"files": part.files} for part in (self, *others)},
            # Of files that are named by hand the keys alone tell.
            "partition_keys": self.partition_keys or [column for column, _ in in_path],
        }
        dataset = _core.Dataset.from_document(core_store(store), json.dumps(document).encode("utf-8"))
        for table in self.files:
            known = self._table_meta.get(table)
            if isinstance(known, tuple):
                dataset.set_schema_file(table, known[0])
                continue
            try:
                dataset.schema(table)
            except KeyError:
                # The dataset is not there yet; what wrote the file knows its columns.
                if known is None:
                    raise
                dataset.set_schema_file(table, common_metadata._schema2bytes(known))
        return dataset

    @deprecated
    @_each
    def store_dataframes(self, store, dataset_uuid, df_serializer=None, store_metadata=False, metadata_storage_format=None):
        """With files of the frames, which nobody sees before they are committed, instead of the frames."""
        from kartothek.io_components.write import write_part

        if self.label is None:
            return self
        written = write_part(self, store, dataset_uuid, None, mode="overwrite", partition_on=self.partition_keys, df_serializer=df_serializer)
        written.dataset_metadata = self.dataset_metadata
        written.logical_conjunction = self.logical_conjunction
        if common_metadata.has_pyarrow():
            written.table_meta = self.table_meta
        for part in written.metapartitions:
            part.update(indices=self.indices, logical_conjunction=self.logical_conjunction)
        return written

    @_each
    def delete_from_store(self, dataset_uuid, store):
        """Without the files, which are removed from the store, and without the frames."""
        store = ensure_store(store)
        for key in self.files.values():
            store.delete(key)
        return self.copy(files={}, data={})

    # ---- what the store knows

    @_each
    def load_all_table_meta(self, store, dataset_uuid):
        """With the schemas of its tables."""
        return self.copy(table_meta=self._stored_meta(store, dataset_uuid))

    def _stored_meta(self, store, dataset_uuid):
        return {table: common_metadata.read_schema_metadata(dataset_uuid, ensure_store(store), table) for table in self.tables}

    @_each
    def validate_schema_compatible(self, store, dataset_uuid):
        """The same; ValueError if its frames do not have the schemas of the dataset."""
        for table, stored in self._stored_meta(store, dataset_uuid).items():
            try:
                common_metadata.validate_compatible([self.table_meta[table], stored])
            except ValueError as error:
                text = "Schemas for table '{}' of dataset '{}' are not compatible!\n\n{}"
                raise ValueError(text.format(table, dataset_uuid, error)) from None
        common_metadata.validate_shared_columns(list(self.table_meta.values()))
        return self

    def get_parquet_metadata(self, store, table_name):
        """A frame with a row for each row group of the file of a table; without rows if there is no such file."""
        if not isinstance(table_name, str):
            raise TypeError("Expecting a string for parameter `table_name`.")
        return footers(self._snapshot(store) if table_name in self.files else None, table_name)

    # ---- several as one

    @staticmethod
    def merge_indices(metapartitions):
        """``{column: index}`` of all partitions."""
        merged = {}
        for part in (part for nested in metapartitions for part in nested):
            for column, index in part.indices.items():
                values = merged.setdefault(column, {})
                for value, labels in (index.index_dct or {}).items():
                    known = values.setdefault(value, [])
                    known.extend(label for label in labels if label not in known)
        return {column: ExplicitSecondaryIndex(column, values) for column, values in merged.items()}

    @staticmethod
    def merge_metapartitions(metapartitions, label_merger=None, metadata_merger=None):
        """
        One partition with all tables, under the shortest of the labels; where several have a table of that name, they are numbered: ``table_0``,
        ``table_1``. TypeError if the rows of the partitions have different things in common (``logical_conjunction``).
        """
        metapartitions = list(metapartitions)
        conjunction = metapartitions[0].logical_conjunction
        if any(part.logical_conjunction != conjunction for part in metapartitions):
            raise TypeError("Can only merge metapartitions belonging to the same logical partition.")
        data = {}
        for table, frames in _frames_by_table(metapartitions).items():
            names = [table] if len(frames) == 1 else ["{}_{}".format(table, number) for number in range(len(frames))]
            data.update(zip(names, frames))
        return _merged(metapartitions, data, label_merger, metadata_merger, logical_conjunction=conjunction)

    @staticmethod
    def concat_metapartitions(metapartitions, label_merger=None, metadata_merger=None):
        """One partition with all rows, under the shortest of the labels. ValueError if schemas of a table differ, which pyarrow knows."""
        metapartitions = list(metapartitions)
        return _merged(
            metapartitions,
            {table: _concatenated(frames) for table, frames in _frames_by_table(metapartitions).items()},
            label_merger,
            metadata_merger,
            table_meta=joined_meta(metapartitions),
            partition_keys=metapartitions[-1].partition_keys,
        )


class MetaPartitionIterator:
    """The partitions of a MetaPartition one after the other, as its own iterator gives them."""

    def __init__(self, metapartition):
        self.metapartition = metapartition
        self._parts = iter(metapartition)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._parts)

    def next(self):
        """The next partition. StopIteration after the last."""
        return next(self._parts)


def _frames_by_table(metapartitions):
    frames = {}
    for part in metapartitions:
        for table, frame in part.data.items():
            frames.setdefault(table, []).append(frame)
    return frames


def _concatenated(frames):
    if len(frames) == 1:
        return frames[0]
    categoricals = [column for column, dtype in frames[0].dtypes.items() if isinstance(dtype, pd.CategoricalDtype)]
    return pd.concat(align_categories(frames, categoricals))


def _merged(metapartitions, data, label_merger, metadata_merger, **further):
    labels = [part.label for part in metapartitions]
    return MetaPartition(
        label=label_merger(labels) if label_merger is not None else min(labels, key=len),
        data=data,
        dataset_metadata=(metadata_merger or combine_metadata)([part.dataset_metadata for part in metapartitions]),
        metadata_version=max(part.metadata_version for part in metapartitions),
        **further,
    )


def _common_name(names):
    """What several names begin with, up to its last letter or digit; all of them in a row if that is nothing."""
    if len(names) == 1:
        return names[0]
    name = os.path.commonprefix(names) or "_".join(names)
    while name and not name[-1].isalnum():
        name = name[:-1]
    return name


def footers(dataset, table):
    """What the footers of the files of a table say, a row a row group; an empty frame for None."""
    rows = [] if dataset is None else _core.statistics(dataset, table, None, 0.0, 0)
    return pd.DataFrame(rows, columns=list(_METADATA_SCHEMA)).astype(_METADATA_SCHEMA)


def _index(column, index):
    return ExplicitSecondaryIndex(column, index) if isinstance(index, dict) else index


def _equal(part, other):
    if (part["label"], part["files"], list(part["data"])) != (other["label"], other["files"], list(other["data"])):
        return False
    return all(frame.equals(other["data"][table]) for table, frame in part["data"].items())


def _and(predicates, conjunction):
    if not conjunction:
        return predicates
    return [list(conjunction)] if predicates is None else [list(known) + list(conjunction) for known in predicates]


def _origin_of_files(part, dataset_uuid, partition_keys):
    files = part["files"] or {table: "{}/{}/{}.parquet".format(dataset_uuid, table, part["label"]) for table in part["data"]}
    if not files:
        raise ValueError(
            "Trying to commit partitions without `data` or `files` information."
            "Either one is necessary to infer the dataset tables"
        )
    origin = {
        "written": 2,
        "dataset": dataset_uuid,
        "tables": dict.fromkeys(files),
        "begun_ms": int(time.time() * 1000),
        "partition_on": list(partition_keys),
    }
    return origin, {table: {"key": key, "rows": 0, "bytes": 0} for table, key in files.items()}


def tables_of(obj):
    """``(label or None, {table: frame}, {column: index})`` of a dict: of tables, or with ``data`` and maybe ``label`` and ``indices``."""
    given = obj["data"] if obj.get("data") else obj
    data = dict(given)
    if len(data) < len(given):
        raise ValueError("A table is given twice in a list of pairs: {}".format(", ".join(repr(table) for table, _ in given)))
    indices = {column: index for column, index in (obj.get("indices") or {}).items() if index} if obj.get("data") else {}
    for table, frame in data.items():
        if frame is not None and not isinstance(frame, pd.DataFrame) and not to_arrow.is_arrow(frame):
            raise ValueError(_NO_FRAME)
        for column in indices:
            if frame is None or (not to_arrow.is_arrow(frame) and column not in frame.columns):
                raise ValueError("In table {}, no column corresponding to index {}".format(table, column))
    return (obj.get("label") if obj.get("data") else None), data, indices


@deprecated
def parse_input_to_metapartition(obj, metadata_version=None, expected_secondary_indices=False):
    """
    The MetaPartition of what users give to writers.

    Parameters
    ----------
    obj
        A frame; ``{table: frame}``; ``{"label": …, "data": {table: frame} or [(table, frame), …], "indices": …}``; ``[(table, frame), …]``; a
        MetaPartition; a list of these; or None and ``[]`` for a sentinel.
    metadata_version: int, optional
        Version of the format; 4 is the only one.
    expected_secondary_indices: False or list of str
        Columns whose indices may come along, and no others; False: whatever comes.

    Returns
    -------
    MetaPartition

    Raises
    ------
    ValueError
        For anything else, and for indices that may not come along.
    """
    if isinstance(obj, MetaPartition):
        return obj
    if obj is None or (isinstance(obj, list) and not obj):
        return MetaPartition(None, metadata_version=metadata_version)
    if isinstance(obj, list) and isinstance(obj[0], tuple):
        obj = {"data": obj}
    if isinstance(obj, list):
        return _joined([parse_input_to_metapartition(part, metadata_version, expected_secondary_indices) for part in obj])
    if isinstance(obj, pd.DataFrame):
        obj = {"data": {SINGLE_TABLE: obj}}
    if not isinstance(obj, dict):
        raise ValueError("Unexpected type during parsing encountered: ({}, {})".format(type(obj), obj))
    label, data, indices = tables_of(obj)
    if expected_secondary_indices not in (None, False):
        check_indices(indices, expected_secondary_indices)
    return MetaPartition(gen_uuid() if label is None else label, data=data, indices=indices, metadata_version=metadata_version)


def partition_labels_from_mps(mps):
    """
    The labels of all partitions.

    Parameters
    ----------
    mps: list of MetaPartition
        Nested ones among them.

    Returns
    -------
    list of str
    """
    return [part.label for nested in mps for part in nested]


__all__ = ["MetaPartition", "SINGLE_TABLE", "parse_input_to_metapartition", "partition_labels_from_mps"]
