"""A dataset by its name, read when something of it is asked for."""
from kartothek._deprecated import deprecated
from kartothek._lazy import wraps
from kartothek.core._size import size_of
from kartothek.core.dataset import DatasetMetadata, DatasetMetadataBase
from kartothek.core.utils import lazy_store
from kartothek.io_components.utils import check_addressing

TYPE_CHECKING = False  # what type checkers take for True
if TYPE_CHECKING:
    import datetime
    from typing import Optional, Union

    from kartothek.core.typing import Store, StoreInput


class DatasetFactory(DatasetMetadataBase):
    """
    Stands for a dataset: reads it once, with the first attribute that is asked for, and forwards everything to it.

    Later commits do not show until :meth:`invalidate`. Pickles as what it was made of, without what it has read.

    Parameters
    ----------
    dataset_uuid: str
        Name of the dataset.
    store_factory: callable, str or store
        A function without arguments that makes the store, a URL, or a store object.
    load_schema: bool
        False: ``table_meta`` is empty.
    load_all_indices: bool
        Load the secondary indices together with the document.
    load_dataset_metadata: bool
        False: ``metadata`` is empty.
    version, at: optional
        An earlier state, as for :meth:`kartothek.core.dataset.DatasetMetadata.load_from_store`.
    """

    @deprecated
    def __init__(
        self,
        dataset_uuid: str,
        store_factory: "StoreInput",
        load_schema: bool = True,
        load_all_indices: bool = False,
        load_dataset_metadata: bool = True,
        *,
        version: "Union[int, str, None]" = None,
        at: "Union[datetime.datetime, str, None]" = None,
    ) -> None:
        self._cache_metadata: "Optional[DatasetMetadata]" = None
        self._cache_store: "Optional[Store]" = None
        self.dataset_uuid = dataset_uuid
        self.store_factory = lazy_store(store_factory)
        self.load_schema = load_schema
        self.load_all_indices_flag = load_all_indices
        self.load_dataset_metadata = load_dataset_metadata
        self.version = version
        self.at = at

    @property
    def is_loaded(self) -> bool:
        """Whether the dataset has been read."""
        return self._cache_metadata is not None

    @property
    def store(self) -> "Store":
        """The store, made once."""
        if self._cache_store is None:
            self._cache_store = self.store_factory()
        return self._cache_store

    @property
    def dataset_metadata(self) -> DatasetMetadata:
        """The :class:`kartothek.core.dataset.DatasetMetadata`. KeyError if there is no such dataset."""
        if self._cache_metadata is None:
            dataset = DatasetMetadata.load_from_store(
                self.dataset_uuid,
                self.store,
                load_schema=self.load_schema,
                load_all_indices=self.load_all_indices_flag,
                version=self.version,
                at=self.at,
            )
            if not self.load_dataset_metadata:
                dataset = dataset.copy()
                dataset.metadata = {}
            self._cache_metadata = dataset
        return self._cache_metadata

    def invalidate(self) -> None:
        """Forget what was read; the next attribute reads the newest state."""
        self._cache_metadata = None
        self._cache_store = None

    def __getattr__(self, name):
        # Reached only for what is neither here nor in the class. Without the guard a copy that is being made would read the dataset.
        # Whoever looks at how it shows in a notebook does not ask for the dataset.
        if name.startswith(("__", "_repr_", "_ipython_")) or "_cache_metadata" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.dataset_metadata, name)

    def load_index(self, column: str, store: "Optional[StoreInput]" = None) -> "DatasetFactory":
        """Load the index on ``column`` into what was read. KeyError if there is none."""
        self._cache_metadata = self.dataset_metadata.load_index(column, self.store)
        return self

    @deprecated
    def load_all_indices(self, store: "Optional[StoreInput]" = None, load_partition_indices: bool = True) -> "DatasetFactory":
        """Load all indices into what was read."""
        self._cache_metadata = self.dataset_metadata.load_all_indices(self.store, load_partition_indices)
        return self

    def load_partition_indices(self) -> "DatasetFactory":
        """Load the indices on the partition keys into what was read."""
        self._cache_metadata = self.dataset_metadata.load_partition_indices()
        return self

    def __sizeof__(self):
        """With what was read."""
        return object.__sizeof__(self) + (size_of(self._cache_metadata) if self.is_loaded else 0)

    def __getstate__(self):
        return dict(self.__dict__, _cache_metadata=None, _cache_store=None)

    def __setstate__(self, state):
        self.__dict__.update(state)

    def __deepcopy__(self, memo):
        """What was read is never changed, and need not be read again."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__, _cache_store=None)
        return other

    def __repr__(self):
        return "<DatasetFactory: uuid={} is_loaded={}>".format(self.dataset_uuid, self.is_loaded)

    def _repr_html_(self):
        # None: as the text says, and without reading anything.
        return self.dataset_metadata._repr_html_() if self.is_loaded else None


def _forward(name):
    """What the class has from its parent, asked of the dataset that was read; it would be found before ``__getattr__``."""
    inherited = getattr(DatasetMetadataBase, name)
    if isinstance(inherited, property):
        return property(lambda self: getattr(self.dataset_metadata, name), doc=inherited.__doc__)

    @wraps(inherited)
    def call(self, *args, **kwargs):
        return getattr(self.dataset_metadata, name)(*args, **kwargs)

    return call


for _name in DatasetMetadataBase.FORWARDED:
    setattr(DatasetFactory, _name, _forward(_name))


def _ensure_factory(dataset_uuid, store, factory, load_dataset_metadata=True, load_schema=True):
    """The factory that was given, or one for the dataset of that name."""
    check_addressing(dataset_uuid, store, factory)
    if factory is not None:
        return factory
    return DatasetFactory(dataset_uuid, store, load_schema=load_schema, load_dataset_metadata=load_dataset_metadata)


__all__ = ("DatasetFactory",)
