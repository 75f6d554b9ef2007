# Types of delayed.py; the texts stand there.
import datetime
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Union

from dask.delayed import Delayed

from kartothek.core.factory import DatasetFactory
from kartothek.core.typing import Columns, DeleteScope, Predicates, StoreInput
from kartothek.serialization import DataFrameSerializer

__all__ = [
    "delete_dataset__delayed",
    "garbage_collect_dataset__delayed",
    "read_dataset_as_delayed",
    "store_delayed_as_dataset",
    "update_dataset_from_delayed",
]

def read_table_as_delayed(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    table: str = "table",
    columns: Optional[Sequence[str]] = None,
    concat_partitions_on_primary_index: bool = False,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Sequence[str]] = None,
    label_filter: Optional[Callable[[str], bool]] = None,
    dates_as_object: bool = False,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    dispatch_by: Optional[Columns] = None,
) -> List[Delayed]: ...
def read_dataset_as_delayed(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    tables: Optional[Sequence[str]] = None,
    columns: Optional[Mapping[str, Optional[Sequence[str]]]] = None,
    concat_partitions_on_primary_index: bool = False,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Mapping[str, Optional[Sequence[str]]]] = None,
    label_filter: Optional[Callable[[str], bool]] = None,
    dates_as_object: bool = False,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    dispatch_by: Optional[Columns] = None,
) -> List[Delayed]: ...
def read_dataset_as_delayed_metapartitions(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    tables: Optional[Sequence[str]] = None,
    columns: Optional[Mapping[str, Optional[Sequence[str]]]] = None,
    concat_partitions_on_primary_index: bool = False,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Mapping[str, Optional[Sequence[str]]]] = None,
    label_filter: Optional[Callable[[str], bool]] = None,
    dates_as_object: bool = False,
    load_dataset_metadata: bool = False,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    dispatch_by: Optional[Columns] = None,
    dispatch_metadata: bool = True,
) -> List[Delayed]: ...
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
def merge_datasets_as_delayed(
    left_dataset_uuid: str,
    right_dataset_uuid: str,
    store: StoreInput,
    merge_tasks: Sequence[Mapping[str, Any]],
    match_how: Union[str, Callable[[str, str], bool]] = "exact",
    label_merger: Optional[Callable[[List[str]], str]] = None,
    metadata_merger: Optional[Callable[[List[Dict[str, Any]]], Dict[str, Any]]] = None,
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
    *,
    delete_mode: str = "exact",
) -> Delayed: ...
