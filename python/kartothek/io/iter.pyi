# Types of iter.py; the texts stand there.
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Optional, Sequence

import pandas

from kartothek.core.dataset import DatasetMetadata
from kartothek.core.factory import DatasetFactory
from kartothek.core.typing import Columns, DeleteScope, Element, Predicates, StoreInput
from kartothek.io_components.metapartition import MetaPartition
from kartothek.serialization import DataFrameSerializer

__all__ = ["read_dataset_as_dataframes__iterator", "store_dataframes_as_dataset__iter", "update_dataset_from_dataframes__iter"]

def read_dataset_as_dataframes__iterator(
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
) -> Iterator[Dict[str, pandas.DataFrame]]: ...
def read_dataset_as_metapartitions__iterator(
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
) -> Iterator[MetaPartition]: ...
def store_dataframes_as_dataset__iter(
    df_generator: Iterable[Element],
    store: StoreInput,
    dataset_uuid: Optional[str] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    partition_on: Optional[Columns] = None,
    df_serializer: Optional[DataFrameSerializer] = None,
    overwrite: bool = False,
    metadata_storage_format: str = "json",
    metadata_version: int = 4,
    secondary_indices: Optional[Columns] = None,
) -> DatasetMetadata: ...
def update_dataset_from_dataframes__iter(
    df_generator: Iterable[Element],
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
