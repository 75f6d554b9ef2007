# Types of eager.py; the texts stand there.
import datetime
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Union

import pandas

from kartothek.compat.plateau.core.dataset import DatasetMetadata
from kartothek.compat.plateau.core.factory import DatasetFactory
from kartothek.compat.plateau.io_components.metapartition import MetaPartition
from kartothek.core.typing import Columns, DeleteScope, Element, Predicates, StoreInput
from kartothek.serialization import DataFrameSerializer

__all__ = (
    "build_dataset_indices",
    "commit_dataset",
    "create_empty_dataset_header",
    "delete_dataset",
    "garbage_collect_dataset",
    "read_dataset_as_dataframes",
    "read_table",
    "store_dataframes_as_dataset",
    "update_dataset_from_dataframes",
    "write_single_partition",
)

def build_dataset_indices(
    store: StoreInput,
    dataset_uuid: str,
    columns: Columns,
    factory: Optional[DatasetFactory] = None,
) -> DatasetMetadata: ...
def commit_dataset(
    store: Optional[StoreInput] = None,
    dataset_uuid: Optional[str] = None,
    new_partitions: Optional[Sequence[Any]] = None,
    delete_scope: Optional[DeleteScope] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    metadata_merger: Optional[Callable[[Sequence[Dict[str, Any]]], Dict[str, Any]]] = None,
    default_metadata_version: int = 4,
    partition_on: Optional[Columns] = None,
    factory: Optional[DatasetFactory] = None,
    secondary_indices: Optional[Columns] = None,
    *,
    delete_mode: str = "exact",
) -> DatasetMetadata: ...
def create_empty_dataset_header(
    store: StoreInput,
    dataset_uuid: str,
    schema: Any,
    partition_on: Optional[Columns] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    overwrite: bool = False,
    metadata_storage_format: str = "json",
    metadata_version: int = 4,
    table_name: str = "table",
) -> DatasetMetadata: ...
def delete_dataset(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    factory: Optional[DatasetFactory] = None,
) -> None: ...
def garbage_collect_dataset(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    factory: Optional[DatasetFactory] = None,
    *,
    grace: Union[datetime.timedelta, float, None] = None,
) -> None: ...
def read_dataset_as_dataframes(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    columns: Optional[Sequence[str]] = None,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Sequence[str]] = None,
    dates_as_object: bool = True,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    dispatch_by: Optional[Columns] = None,
    version: Union[int, str, None] = None,
    at: Union[datetime.datetime, str, None] = None,
) -> List[pandas.DataFrame]: ...
def read_dataset_as_metapartitions(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    columns: Optional[Sequence[str]] = None,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Sequence[str]] = None,
    dates_as_object: bool = True,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    dispatch_by: Optional[Columns] = None,
) -> List[MetaPartition]: ...
def read_table(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    columns: Optional[Sequence[str]] = None,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Sequence[str]] = None,
    dates_as_object: bool = True,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    version: Union[int, str, None] = None,
    at: Union[datetime.datetime, str, None] = None,
) -> pandas.DataFrame: ...
def store_dataframes_as_dataset(
    store: StoreInput,
    dataset_uuid: Optional[str],
    dfs: Sequence[Element],
    metadata: Optional[Mapping[str, Any]] = None,
    partition_on: Optional[Columns] = None,
    df_serializer: Optional[DataFrameSerializer] = None,
    overwrite: bool = False,
    secondary_indices: Optional[Columns] = None,
    metadata_storage_format: str = "json",
    metadata_version: int = 4,
    table_name: str = "table",
) -> DatasetMetadata: ...
def update_dataset_from_dataframes(
    df_list: Optional[Sequence[Element]],
    store: Optional[StoreInput] = None,
    dataset_uuid: Optional[str] = None,
    delete_scope: Optional[DeleteScope] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    df_serializer: Optional[DataFrameSerializer] = None,
    metadata_merger: Optional[Callable[[Sequence[Dict[str, Any]]], Dict[str, Any]]] = None,
    default_metadata_version: int = 4,
    partition_on: Optional[Columns] = None,
    sort_partitions_by: Optional[Columns] = None,
    secondary_indices: Optional[Columns] = None,
    table_name: str = "table",
    factory: Optional[DatasetFactory] = None,
    *,
    delete_mode: str = "exact",
) -> DatasetMetadata: ...
def write_single_partition(
    store: Optional[StoreInput] = None,
    dataset_uuid: Optional[str] = None,
    data: Union[Element, None] = None,
    df_serializer: Optional[DataFrameSerializer] = None,
    metadata_version: int = 4,
    partition_on: Optional[Columns] = None,
    factory: Optional[DatasetFactory] = None,
    secondary_indices: Optional[Columns] = None,
    table_name: str = "table",
) -> MetaPartition: ...
