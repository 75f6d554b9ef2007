"""Secondary indices: which partitions hold which value of a column."""
import datetime

from kartothek._lazy import LazyModule

np = LazyModule("numpy")
pd = LazyModule("pandas")
from_arrow = LazyModule("kartothek._frames.from_arrow")


class ExplicitSecondaryIndex:
    """
    An index as the document names it, loaded or not. Never changed: :meth:`load_from` returns another one.

    Nulls are in no index: a partition whose values are all null is in none of the lists.
    """

    def __init__(self, column, index_dct=None, index_storage_key=None):
        if index_dct is None and index_storage_key is None:
            raise ValueError("No valid index source specified")
        self.column = column
        #: {value: [label, …]}; None: not loaded
        self.index_dct = index_dct
        #: None: it is embedded in the document
        self.index_storage_key = index_storage_key

    @property
    def loaded(self):
        return self.index_dct is not None

    def query(self, value):
        """The labels of the partitions that hold ``value``, which is taken as the type of the column: ``"1"`` finds the integer 1."""
        if not self.index_dct:
            self._need()
            return []
        return list(self.index_dct.get(_as_type_of(next(iter(self.index_dct)), value), []))

    def observed_values(self, date_as_object=True):
        """All values, in the order of the index."""
        self._need()
        values = list(self.index_dct)
        if values and isinstance(values[0], datetime.date):
            return np.array(values, dtype=object if date_as_object else "datetime64[ns]")
        return np.array(values, dtype=object) if values and isinstance(values[0], (str, bytes)) else np.array(values)

    def _need(self):
        if self.index_dct is None:
            raise RuntimeError("The index on column {!r} is not loaded; DatasetMetadata.load_index does it.".format(self.column))

    def load_from(self, snapshot):
        """The same index with what a snapshot of the dataset holds of it."""
        frame = from_arrow.frame_from_stream(snapshot.index_stream(self.column), dates_as_object=True)
        values = frame[self.column]
        index_dct = {}
        for value, labels in zip(values.to_numpy() if values.dtype.kind == "M" else values.tolist(), frame["partition"]):
            known = index_dct.setdefault(value, [])
            known.extend(label for label in labels if label not in known)
        return ExplicitSecondaryIndex(self.column, index_dct, self.index_storage_key)

    def __eq__(self, other):
        """Lists of labels have no order."""
        if not isinstance(other, ExplicitSecondaryIndex) or self.loaded != other.loaded:
            return False
        if (self.column, self.index_storage_key) != (other.column, other.index_storage_key):
            return False
        return not self.loaded or _as_sets(self.index_dct) == _as_sets(other.index_dct)

    def __repr__(self):
        return "ExplicitSecondaryIndex(column={!r}, index_storage_key={!r}, loaded={})".format(self.column, self.index_storage_key, self.loaded)


def _as_sets(index_dct):
    return {value: set(labels) for value, labels in index_dct.items()}


def _as_type_of(known, value):
    """A value as one of the type of those that are in the index. ValueError if it is none."""
    if isinstance(known, str):
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    if isinstance(known, bytes):
        return value if isinstance(value, bytes) else str(value).encode("utf-8")
    if isinstance(known, bool):
        if isinstance(value, (str, bytes)):
            text = (value.decode("utf-8") if isinstance(value, bytes) else value).lower()
            if text not in ("true", "false"):
                raise ValueError("Cannot parse bool: {!r}".format(value))
            return text == "true"
        return bool(value)
    if isinstance(known, int):
        return int(value)
    if isinstance(known, float):
        return float(value)
    if isinstance(known, datetime.date):
        return pd.Timestamp(value).date()
    stamp = pd.Timestamp(value)
    return (stamp.tz_convert(None) if stamp.tzinfo is not None else stamp).to_datetime64()


__all__ = ["ExplicitSecondaryIndex"]
