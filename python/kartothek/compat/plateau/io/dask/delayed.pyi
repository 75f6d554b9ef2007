# Types of delayed.py; the texts stand there.
import datetime
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Union

from dask.delayed import Delayed

from kartothek.compat.plateau.core.factory import DatasetFactory
from kartothek.core.typing import Columns, DeleteScope, Predicates, StoreInput
from kartothek.serialization import DataFrameSerializer

__all__ = (
    "delete_dataset__delayed",
    "garbage_collect_dataset__delayed",
    "read_dataset_as_delayed",
    "store_delayed_as_dataset",
    "update_dataset_from_delayed",
)

def delete_dataset__delayed(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    factory: Optional[DatasetFactory] = None,
) -> Delayed: ...
def garbage_collect_dataset__delayed(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    chunk_size: int = 100,
    factory: Optional[DatasetFactory] = None,
    *,
    grace: Union[datetime.timedelta, float, None] = None,
) -> List[Delayed]: ...
def read_dataset_as_delayed(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    columns: Optional[Sequence[str]] = None,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Sequence[str]] = None,
    dates_as_object: bool = True,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    dispatch_by: Optional[Columns] = None,
) -> List[Delayed]: ...
def read_dataset_as_delayed_metapartitions(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    columns: Optional[Sequence[str]] = None,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Sequence[str]] = None,
    dates_as_object: bool = True,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    dispatch_by: Optional[Columns] = None,
) -> List[Delayed]: ...
def store_delayed_as_dataset(
    delayed_tasks: Iterable[Any],
    store: StoreInput,
    dataset_uuid: Optional[str] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    df_serializer: Optional[DataFrameSerializer] = None,
    overwrite: bool = False,
    metadata_merger: Optional[Callable[[Sequence[Dict[str, Any]]], Dict[str, Any]]] = None,
    metadata_version: int = 4,
    partition_on: Optional[Columns] = None,
    metadata_storage_format: str = "json",
    table_name: str = "table",
    secondary_indices: Optional[Columns] = None,
) -> Delayed: ...
def update_dataset_from_delayed(
    delayed_tasks: Iterable[Any],
    store: Optional[StoreInput] = None,
    dataset_uuid: Optional[str] = None,
    delete_scope: Union[DeleteScope, Delayed, None] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    df_serializer: Optional[DataFrameSerializer] = None,
    metadata_merger: Optional[Callable[[Sequence[Dict[str, Any]]], Dict[str, Any]]] = None,
    default_metadata_version: int = 4,
    partition_on: Optional[Columns] = None,
    sort_partitions_by: Optional[Columns] = None,
    secondary_indices: Optional[Columns] = None,
    factory: Optional[DatasetFactory] = None,
    table_name: str = "table",
    *,
    delete_mode: str = "exact",
) -> Delayed: ...
