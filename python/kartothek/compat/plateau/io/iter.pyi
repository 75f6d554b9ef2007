# Types of iter.py; the texts stand there.
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Optional, Sequence

import pandas

from kartothek.compat.plateau.core.dataset import DatasetMetadata
from kartothek.compat.plateau.core.factory import DatasetFactory
from kartothek.compat.plateau.io_components.metapartition import MetaPartition
from kartothek.core.typing import Columns, DeleteScope, Element, Predicates, StoreInput
from kartothek.serialization import DataFrameSerializer

__all__ = ("read_dataset_as_dataframes__iterator", "store_dataframes_as_dataset__iter", "update_dataset_from_dataframes__iter")

def read_dataset_as_dataframes__iterator(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    columns: Optional[Sequence[str]] = None,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Sequence[str]] = None,
    dates_as_object: bool = True,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    dispatch_by: Optional[Columns] = None,
) -> Iterator[pandas.DataFrame]: ...
def read_dataset_as_metapartitions__iterator(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    columns: Optional[Sequence[str]] = None,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Sequence[str]] = None,
    dates_as_object: bool = True,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    dispatch_by: Optional[Columns] = None,
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
    table_name: str = "table",
) -> DatasetMetadata: ...
def update_dataset_from_dataframes__iter(
    df_generator: Iterable[Element],
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
    factory: Optional[DatasetFactory] = None,
    table_name: str = "table",
    *,
    delete_mode: str = "exact",
) -> DatasetMetadata: ...
