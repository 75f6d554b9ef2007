"""Indices: which partitions hold which value of a column."""
from kartothek import _core
from kartothek._lazy import LazyModule
from kartothek.core import _time, naming
from kartothek.core._mixins import CopyMixin
from kartothek.core._size import size_of
from kartothek.core._types import array_of, is_nested, normalised, normalize_value, pyarrow_type, time_zone, type_name, type_of_values
from kartothek.core.urlencode import quote
from kartothek.core.utils import core_store, ensure_store

json = LazyModule("json")
logging = LazyModule("logging")
np = LazyModule("numpy")
pd = LazyModule("pandas")
from_arrow = LazyModule("kartothek._frames.from_arrow")


#: name of the column of labels in index files
_PARTITION_COLUMN_NAME = "partition"


class IndexBase(CopyMixin):
    """
    ``{value: [label, …]}`` of a column.

    Parameters
    ----------
    column: str
    index_dct: dict, optional
        None: not loaded.
    dtype: str or pyarrow.DataType, optional
        Type of the values, which are brought to it; None: what they look like.
    normalize_dtype: bool
        Take the type that schemas of datasets have: ``int64`` for ``int8``.
    """

    def __init__(self, column, index_dct=None, dtype=None, normalize_dtype=True):
        if column == _PARTITION_COLUMN_NAME:
            raise ValueError("Cannot create an index for column {}: index files have a column of that name for the labels.".format(column))
        self.column = column
        self.creation_time = _time.datetime_now()
        self._loaded = index_dct is not None
        self._type = self._checked_type(dtype, index_dct, normalize_dtype)
        self.index_dct = {} if self._type is None or not index_dct else self._normalised(index_dct)

    @staticmethod
    def _checked_type(dtype, index_dct, normalize_dtype):
        name = type_name(dtype) if dtype is not None or not index_dct else type_of_values(index_dct)
        if name is None:
            return None
        name = normalised(name) if normalize_dtype else name
        if is_nested(name):
            raise NotImplementedError("Indices w/ nested types are not supported")
        if name == "null":
            raise NotImplementedError("Indices w/ null/NA type are not supported")
        return name

    def _normalised(self, index_dct):
        result = {}
        collisions = 0
        for value, labels in index_dct.items():
            value = normalize_value(self._type, value)
            collisions += value in result
            known = result.get(value)
            result[value] = list(labels) if known is None else list(dict.fromkeys(known + list(labels)))
        if collisions:
            logging.getLogger(__name__).warning(
                "Value normalization for index column %s resulted in %d collision(s). Kartothek merged the affected partition lists, but you may "
                "want to check if this was desired.",
                self.column,
                collisions,
            )
        return result

    @property
    def dtype(self):
        """The type of the values as a pyarrow type; None as long as it is not known."""
        return None if self._type is None else pyarrow_type(self._type)

    @dtype.setter
    def dtype(self, dtype):
        self._type = None if dtype is None else type_name(dtype)

    @property
    def loaded(self):
        """Whether the values are here."""
        return self._loaded

    @staticmethod
    def normalize_value(dtype, value):
        """``value`` as one of type ``dtype``. ValueError if it is none."""
        return normalize_value(dtype, value)

    def _need(self):
        if not self._loaded:
            raise RuntimeError("The index on column {!r} is not loaded; DatasetMetadata.load_index does it.".format(self.column))

    def query(self, value):
        """The labels of the partitions that hold ``value``, which is taken as the type of the column: ``"1"`` finds the integer 1."""
        self._need()
        return list(self.index_dct.get(normalize_value(self._type, value), [])) if self.index_dct else []

    def observed_values(self, date_as_object=True):
        """All values, in the order of the index; those of a time zone as ``pandas.Timestamp`` in it."""
        values = self._values(date_as_object)
        zone = time_zone(self._type or "null")
        return values if zone is None else np.array(pd.Series(values).dt.tz_localize("UTC").dt.tz_convert(zone), dtype=object)

    def _values(self, date_as_object=True):
        self._need()
        return array_of(self._type or "null", list(self.index_dct), date_as_object)

    def eval_operator(self, op, value):
        """The labels of the partitions with a value for which ``value_of_partition op value`` holds. TypeError unless ``value`` is of the type."""
        from kartothek.serialization import filter_array_like

        matches = filter_array_like(self._values(), op, value, strict_date_types=True, column_name=self.column)
        return {label for labels, is_match in zip(self.index_dct.values(), matches) if is_match for label in labels}

    def to_dict(self):
        """``{value: [label, …]}``"""
        return self.index_dct

    def _with(self, index_dct, inplace):
        """This index, or another one, with other content, which has no file yet."""
        index = self if inplace else self.copy()
        index.index_dct = index_dct
        index.creation_time = _time.datetime_now()
        return index

    def update(self, index, inplace=False):
        """With the values and labels of another index on the column."""
        if not index.index_dct:
            return self
        if self.column != index.column:
            raise ValueError("Trying to update an index with the wrong column. Got `{}` but expected `{}`".format(index.column, self.column))
        if self._type != index._type:
            raise TypeError("Trying to update an index with different types. Expected `{}` but got `{}`".format(self._type, index._type))
        merged = {value: list(labels) for value, labels in self.index_dct.items()}
        for value, labels in index.index_dct.items():
            merged[value] = list(dict.fromkeys(merged.get(value, []) + list(labels)))
        return self._with(merged, inplace)

    def remove_partitions(self, list_of_partitions, inplace=False):
        """Without the labels; values that no other partition has go."""
        if not list_of_partitions:
            return self
        gone = set(list_of_partitions)
        kept = ((value, [label for label in labels if label not in gone]) for value, labels in self.index_dct.items())
        return self._with({value: labels for value, labels in kept if labels}, inplace)

    def remove_values(self, list_of_values, inplace=False):
        """Without the values."""
        if not list_of_values:
            return self
        gone = {normalize_value(self._type, value) for value in list_of_values}
        return self._with({value: labels for value, labels in self.index_dct.items() if value not in gone}, inplace)

    def as_flat_series(self, compact=False, partitions_as_index=False, date_as_object=False, predicates=None):
        """
        A series of labels by value, an entry for each pair.

        Parameters
        ----------
        compact: bool
            One entry for each value, a list of labels.
        partitions_as_index: bool
            Values by label.
        date_as_object: bool
            Dates as ``datetime.date``, else as ``datetime64[ns]``.
        predicates: list of list of tuple, optional
            Which values; literals on other columns hold for all.
        """
        self._need()
        pairs = [(value, label) for value, labels in self._matching(predicates) for label in labels]
        values = array_of(self._type or "null", [value for value, _ in pairs], date_as_object)
        labels = array_of("string", [label for _, label in pairs])
        key, name, content = (labels, _PARTITION_COLUMN_NAME, values) if partitions_as_index else (values, self.column, labels)
        other = self.column if partitions_as_index else _PARTITION_COLUMN_NAME
        index = pd.Index(key, name=name, dtype=object if key.dtype == object else None)
        series = pd.Series(content, index=index, name=other, dtype=object if content.dtype == object else None)
        return series.groupby(level=0, sort=False).agg(list).rename(other) if compact and len(series) else series

    def _matching(self, predicates):
        from kartothek.serialization import filter_array_like, filter_predicates_by_column

        chosen = filter_predicates_by_column(predicates, [self.column])
        if chosen is None:
            return list(self.index_dct.items())
        values = self._values()
        matches = [False] * len(values)
        for conjunction in chosen:
            holds = [True] * len(values)
            for column, op, value in conjunction:
                found = filter_array_like(values, op, value, strict_date_types=True, column_name=column)
                holds = [a and b for a, b in zip(holds, found)]
            matches = [a or b for a, b in zip(matches, holds)]
        return [item for item, is_match in zip(self.index_dct.items(), matches) if is_match]

    def __eq__(self, other):
        """Lists of labels have no order."""
        if type(self) is not type(other) or (self.column, self._loaded) != (other.column, other._loaded):
            return False
        if not self._loaded:
            return True
        return (self._type == other._type or not self.index_dct) and _as_sets(self.index_dct) == _as_sets(other.index_dct)

    def __ne__(self, other):
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __sizeof__(self):
        """With its values."""
        return object.__sizeof__(self) + size_of(self.index_dct)

    def __repr__(self):
        return "{}(column={!r}, dtype={}, {}loaded={})".format(type(self).__name__, self.column, self._type, self._more_repr(), self._loaded)

    def _more_repr(self):
        return ""


class PartitionIndex(IndexBase):
    """What a partition key tells: the values stand in the labels."""

    def __init__(self, column, index_dct=None, dtype=None, normalize_dtype=True):
        if dtype is None:
            raise ValueError('PartitionIndex dtype of column "{}" cannot be None!'.format(column))
        super().__init__(column, index_dct if index_dct is not None else {}, dtype, normalize_dtype)


class ExplicitSecondaryIndex(IndexBase):
    """
    An index in a file of its own, or embedded in the document of the dataset.

    Nulls are in no index: a partition whose values are all null is in none of the lists. Indices are not changed unless told ``inplace``;
    :meth:`load` and the like return others.

    Parameters
    ----------
    index_storage_key: str, optional
        Key of the file; None: there is none (yet).
    """

    def __init__(self, column, index_dct=None, index_storage_key=None, dtype=None, normalize_dtype=True):
        if index_dct is None and index_storage_key is None:
            raise ValueError("No valid index source specified")
        if not index_dct and index_storage_key is None and dtype is None:
            raise ValueError("Trying to create non-typesafe index")
        super().__init__(column, index_dct, dtype, normalize_dtype)
        self.index_storage_key = index_storage_key

    def _with(self, index_dct, inplace):
        index = super()._with(index_dct, inplace)
        index.index_storage_key = None
        return index

    def copy(self, **kwargs):
        """The same index with some arguments of the constructor given anew: one of other content has no file yet, unless that is given."""
        return super().copy(**dict({"index_storage_key": None}, **kwargs)) if kwargs else super().copy()

    @staticmethod
    def from_v2(column, dct_or_str):
        """As a document has it: the key of a file, or a map."""
        if isinstance(dct_or_str, str):
            return ExplicitSecondaryIndex(column, index_storage_key=dct_or_str)
        return ExplicitSecondaryIndex(column, dct_or_str, dtype=None if dct_or_str else "string")

    def load(self, store):
        """The same index with what its file holds; itself if it is loaded. KeyError if there is no such file."""
        if self._loaded:
            return self
        document = {"dataset_metadata_version": 4, "dataset_uuid": "index", "partitions": {}, "indices": {self.column: self.index_storage_key}}
        snapshot = _core.Dataset.from_document(core_store(store), json.dumps(document).encode("utf-8"))
        return self.load_from(snapshot)

    def load_from(self, snapshot):
        """The same index with what a snapshot of the dataset holds of it."""
        frame = from_arrow.frame_from_stream(snapshot.index_stream(self.column), dates_as_object=True)
        values = frame[self.column]
        zone = getattr(values.dtype, "tz", None)
        if zone is not None:
            values = values.dt.tz_convert(None)
        index_dct = {}
        for value, labels in zip(values.to_numpy() if values.dtype.kind == "M" else values.tolist(), frame[_PARTITION_COLUMN_NAME]):
            known = index_dct.setdefault(value, [])
            known.extend(labels if not known else [label for label in labels if label not in known])
        # Texts of an empty index are objects as dates are; nobody can ask it for a value of the wrong type.
        dtype = self._type or (type_of_values(index_dct) if index_dct else "string" if values.dtype.kind == "O" else type_name(values.dtype.name))
        other = self.copy()
        other._loaded = True
        other._type = normalised(dtype.replace("datetime64", "timestamp")) if zone is None else "timestamp[ns, tz={}]".format(zone)
        other.index_dct = index_dct
        return other

    def unload(self):
        """The same index without its values."""
        other = self.copy()
        other._loaded = False
        other.index_dct = {}
        return other

    def store(self, store, dataset_uuid):
        """Write the file of the index; its key. That of a file of the dataset is used again."""
        from kartothek.serialization import ParquetSerializer

        self._need()
        key = self.index_storage_key
        if key is None or dataset_uuid not in key:
            stamp = quote(self.creation_time.isoformat())
            key = "{}/indices/{}/{}{}".format(dataset_uuid, quote(self.column), stamp, naming.EXTERNAL_INDEX_SUFFIX)
        labels = array_of("null", [list(labels) for labels in self.index_dct.values()])
        frame = pd.DataFrame({self.column: self.observed_values(), _PARTITION_COLUMN_NAME: labels}) if self.index_dct else self._no_rows()
        return _store_frame(ensure_store(store), key, frame, ParquetSerializer(chunk_size=10000))

    def _no_rows(self):
        """Of no rows a frame does not tell the types."""
        import pyarrow

        return pyarrow.table({self.column: pyarrow.array([], self.dtype), _PARTITION_COLUMN_NAME: pyarrow.array([], pyarrow.list_(pyarrow.string()))})

    def __eq__(self, other):
        return super().__eq__(other) and self.index_storage_key == other.index_storage_key

    def _more_repr(self):
        return "index_storage_key={!r}, ".format(self.index_storage_key)


def _store_frame(store, key, frame, serializer):
    """Under just that key; serializers put their suffix behind."""
    suffix = naming.PARQUET_FILE_SUFFIX
    if key.endswith(suffix):
        return serializer.store(store, key[: -len(suffix)], frame)
    raise ValueError("The file of an index needs a key that ends with '{}', not '{}'.".format(suffix, key))


def _as_sets(index_dct):
    return {value: set(labels) for value, labels in index_dct.items()}


def merge_indices(list_of_indices):
    """
    One ``{column: index}`` with the values of all.

    Parameters
    ----------
    list_of_indices: list of dict
        Each ``{column: index}``.
    """
    merged = {}
    for indices in list_of_indices:
        for column, index in indices.items():
            merged[column] = merged[column].update(index) if column in merged else index
    return merged


def remove_partitions_from_indices(index_dict, partitions):
    """
    ``{column: index}`` without some labels.

    Parameters
    ----------
    index_dict: dict
        ``{column: index}``
    partitions: list of str
        The labels.
    """
    return {column: index.remove_partitions(partitions) for column, index in index_dict.items()}


def filter_indices(index_dict, partitions):
    """
    ``{column: index}`` with some labels alone; values keep their place, with an empty list if need be.

    Parameters
    ----------
    index_dict: dict
        ``{column: index}``
    partitions: list of str
        The labels.
    """
    wanted = set(partitions)
    return {
        column: index._with({value: [label for label in labels if label in wanted] for value, labels in index.index_dct.items()}, False)
        for column, index in index_dict.items()
    }


__all__ = ("ExplicitSecondaryIndex", "IndexBase", "PartitionIndex")
