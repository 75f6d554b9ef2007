"""What cubes ask of their datasets."""
from kartothek import _core
from kartothek._deprecated import deprecated
from kartothek._lazy import LazyModule
from kartothek.core.factory import DatasetFactory
from kartothek.core.index import ExplicitSecondaryIndex, PartitionIndex
from kartothek.core.naming import SINGLE_TABLE, TABLE_METADATA_FILE, metadata_key_from_uuid
from kartothek.core.store import KeyValueStore
from kartothek.core.utils import core_store

pd = LazyModule("pandas")

__all__ = (
    "get_dataset_columns",
    "get_dataset_keys",
    "get_dataset_schema",
    "get_partition_dataframe",
    "get_physical_partition_stats",
    "metadata_factory_from_dataset",
)

#: a column of very old cubes, which nobody sees
_TIMESTAMP = "KLEE_TS"


@deprecated
def get_dataset_schema(dataset):
    """
    The schema of the table of a dataset, a :class:`kartothek.core.common_metadata.SchemaWrapper`. ImportError without pyarrow.

    Deprecated: ``dataset.schema`` is the same.
    """
    return dataset.table_meta[SINGLE_TABLE]


def get_dataset_columns(dataset):
    """The columns of a dataset as a set, without those that cubes do not see: ``KLEE_TS``, and all that begin with ``__``."""
    return {column for column in dataset._columns(SINGLE_TABLE) if not column.startswith("__") and column != _TIMESTAMP}


def get_dataset_keys(dataset):
    """
    The keys of the store that the document of a dataset names, and its own, as a set.

    The history of the dataset and files that nobody names any more are not among them.
    """
    # One that was never in a store will be JSON.
    is_packed = dataset._snapshot is not None and dataset._snapshot.document_format == "msgpack"
    keys = {metadata_key_from_uuid(dataset.uuid, "msgpack" if is_packed else "json")}
    keys.update("{}/{}/{}".format(dataset.uuid, table, TABLE_METADATA_FILE) for table in dataset.tables)
    keys.update(index.index_storage_key for index in dataset.indices.values() if isinstance(index, ExplicitSecondaryIndex))
    keys.update(key for partition in dataset.partitions.values() for key in partition.files.values())
    # An index may stand in the document itself.
    return keys - {None}


class _NoStore(KeyValueStore):
    """Stands where nobody may ask for a store: all that it does is NotImplementedError."""

    def __init__(self):
        self.url = None

    @property
    def _core(self):
        raise NotImplementedError("The factory was made of a dataset alone, so it has no store.")

    def __reduce__(self):
        return _NoStore, ()

    def __repr__(self):
        return "<no store>"


def metadata_factory_from_dataset(dataset, with_schema=True, store=None):
    """
    A :class:`kartothek.core.factory.DatasetFactory` that has read a dataset already.

    Parameters
    ----------
    dataset: kartothek.core.dataset.DatasetMetadata
    with_schema: bool
        Whether the dataset was read with its schema, and is again after a pickle of the factory.
    store: callable, str or store, optional
        None: whatever asks the factory's store for something gets a NotImplementedError.
    """
    factory = DatasetFactory(dataset.uuid, _NoStore if store is None else store, load_schema=with_schema)
    factory._cache_metadata = dataset
    return factory


def get_physical_partition_stats(metapartitions, store):
    """
    What the files of some partitions hold together.

    Parameters
    ----------
    metapartitions: iterable of kartothek.io_components.metapartition.MetaPartition
        Those of one combination of partition keys.
    store: callable, str or store

    Returns
    -------
    dict
        ``blobsize``, in bytes; ``files``; ``partitions``, which is 1; ``rows``.
    """
    store = core_store(store)
    stats = {"blobsize": 0, "files": 0, "partitions": 1, "rows": 0}
    for part in metapartitions:
        snapshot = part._snapshot(store) if part.files else None
        for table, key in part.files.items():
            stats["files"] += 1
            stats["blobsize"] += store.size(key)
            stats["rows"] += sum(row_group[-1] for row_group in _core.statistics(snapshot, table, None, 0.0, 0))
    return stats


def get_partition_dataframe(dataset, cube):
    """
    The values of the partition keys of a dataset.

    Parameters
    ----------
    dataset: kartothek.core.dataset.DatasetMetadata
    cube: kartothek.core.cube.cube.Cube
        Has no effect.

    Returns
    -------
    pandas.DataFrame
        A row for each partition, ascending by their labels, which are the index ``partition``; a column for each key, by name.
    """
    keys = sorted(set(dataset.partition_keys) - {_TIMESTAMP})
    if not keys:
        return pd.DataFrame(index=pd.Index(sorted(dataset.partitions), name="partition", dtype=object))
    if not all(isinstance(dataset.indices.get(key), PartitionIndex) for key in keys):
        dataset = dataset.copy(indices={}).load_partition_indices()
    columns = [dataset.indices[key].as_flat_series(partitions_as_index=True) for key in keys]
    return pd.concat(columns, axis=1, sort=False, keys=keys).sort_index().rename_axis(index="partition")
