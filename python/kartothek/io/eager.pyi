# Types of eager.py; the texts stand there.
import datetime
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Union

import pandas

from kartothek.core.dataset import DatasetMetadata
from kartothek.core.factory import DatasetFactory
from kartothek.core.typing import Columns, DeleteScope, Element, Predicates, StoreInput
from kartothek.io_components.metapartition import MetaPartition
from kartothek.serialization import DataFrameSerializer

__all__ = [
    "build_dataset_indices",
    "commit_dataset",
    "copy_dataset",
    "create_empty_dataset_header",
    "delete_dataset",
    "garbage_collect_dataset",
    "read_dataset_as_dataframes",
    "read_table",
    "store_dataframes_as_dataset",
    "update_dataset_from_dataframes",
    "write_single_partition",
]

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
) -> DatasetMetadata: ...
def update_dataset_from_dataframes(
    df_list: Optional[Sequence[Element]],
    store: Optional[StoreInput] = None,
    dataset_uuid: Optional[str] = None,
    delete_scope: Optional[DeleteScope] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    df_serializer: Optional[DataFrameSerializer] = None,
    metadata_merger: Optional[Callable[[Sequence[Dict[str, Any]]], Dict[str, Any]]] = None,
    central_partition_metadata: bool = True,
    default_metadata_version: int = 4,
    partition_on: Optional[Columns] = None,
    load_dynamic_metadata: bool = True,
    sort_partitions_by: Optional[Columns] = None,
    secondary_indices: Optional[Columns] = None,
    factory: Optional[DatasetFactory] = None,
    *,
    delete_mode: str = "exact",
) -> DatasetMetadata: ...
def create_empty_dataset_header(
    store: StoreInput,
    dataset_uuid: str,
    table_meta: Mapping[str, Any],
    partition_on: Optional[Columns] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    overwrite: bool = False,
    metadata_storage_format: str = "json",
    metadata_version: int = 4,
) -> DatasetMetadata: ...
def write_single_partition(
    store: Optional[StoreInput] = None,
    dataset_uuid: Optional[str] = None,
    data: Union[Element, None] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    df_serializer: Optional[DataFrameSerializer] = None,
    overwrite: bool = False,
    metadata_merger: Optional[Callable[[Sequence[Dict[str, Any]]], Dict[str, Any]]] = None,
    metadata_version: int = 4,
    partition_on: Optional[Columns] = None,
    factory: Optional[DatasetFactory] = None,
    secondary_indices: Optional[Columns] = None,
) -> MetaPartition: ...
def commit_dataset(
    store: Optional[StoreInput] = None,
    dataset_uuid: Optional[str] = None,
    new_partitions: Optional[Sequence[Any]] = None,
    output_dataset_uuid: Optional[str] = None,
    delete_scope: Optional[DeleteScope] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    df_serializer: Optional[DataFrameSerializer] = None,
    metadata_merger: Optional[Callable[[Sequence[Dict[str, Any]]], Dict[str, Any]]] = None,
    default_metadata_version: int = 4,
    partition_on: Optional[Columns] = None,
    factory: Optional[DatasetFactory] = None,
    secondary_indices: Optional[Columns] = None,
    *,
    delete_mode: str = "exact",
) -> DatasetMetadata: ...
def build_dataset_indices(
    store: StoreInput,
    dataset_uuid: str,
    columns: Columns,
    factory: Optional[DatasetFactory] = None,
) -> DatasetMetadata: ...
def read_table(
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
    version: Union[int, str, None] = None,
    at: Union[datetime.datetime, str, None] = None,
) -> pandas.DataFrame: ...
def read_dataset_as_dataframes(
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
    version: Union[int, str, None] = None,
    at: Union[datetime.datetime, str, None] = None,
) -> List[Dict[str, pandas.DataFrame]]: ...
def read_dataset_as_metapartitions(
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
    dispatch_metadata: bool = True,
) -> List[MetaPartition]: ...
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
def copy_dataset(
    source_dataset_uuid: str,
    store: StoreInput,
    target_dataset_uuid: Optional[str] = None,
    target_store: Optional[StoreInput] = None,
) -> Dict[str, DatasetMetadata]: ...
