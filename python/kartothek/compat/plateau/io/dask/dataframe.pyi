# Types of dataframe.py; the texts stand there.
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Union

from dask.dataframe import DataFrame as DaskFrame, Series as DaskSeries
from dask.delayed import Delayed

from kartothek.compat.plateau.core.factory import DatasetFactory
from kartothek.core.typing import Columns, DeleteScope, Predicates, StoreInput
from kartothek.serialization import DataFrameSerializer

__all__ = ("collect_dataset_metadata", "hash_dataset", "read_dataset_as_ddf", "store_dataset_from_ddf", "update_dataset_from_ddf")

def collect_dataset_metadata(
    store: Optional[StoreInput] = None,
    dataset_uuid: Optional[str] = None,
    predicates: Optional[Predicates] = None,
    frac: float = 1.0,
    factory: Optional[DatasetFactory] = None,
) -> DaskFrame: ...
def hash_dataset(
    store: Optional[StoreInput] = None,
    dataset_uuid: Optional[str] = None,
    subset: Optional[Columns] = None,
    group_key: Optional[Columns] = None,
    table: str = "table",
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
) -> DaskSeries: ...
def read_dataset_as_ddf(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    table: str = "table",
    columns: Optional[Sequence[str]] = None,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Sequence[str]] = None,
    dates_as_object: bool = True,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    dask_index_on: Optional[str] = None,
    dispatch_by: Optional[Columns] = None,
) -> DaskFrame: ...
def store_dataset_from_ddf(
    ddf: DaskFrame,
    store: StoreInput,
    dataset_uuid: str,
    table: str = "table",
    secondary_indices: Optional[Columns] = None,
    shuffle: bool = False,
    repartition_ratio: Optional[float] = None,
    num_buckets: int = 1,
    sort_partitions_by: Optional[Columns] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    df_serializer: Optional[DataFrameSerializer] = None,
    metadata_merger: Optional[Callable[[Sequence[Dict[str, Any]]], Dict[str, Any]]] = None,
    metadata_version: int = 4,
    partition_on: Optional[Columns] = None,
    bucket_by: Optional[Columns] = None,
    overwrite: bool = False,
) -> Delayed: ...
def update_dataset_from_ddf(
    ddf: Optional[DaskFrame],
    store: Optional[StoreInput] = None,
    dataset_uuid: Optional[str] = None,
    table: str = "table",
    secondary_indices: Optional[Columns] = None,
    shuffle: bool = False,
    repartition_ratio: Optional[float] = None,
    num_buckets: int = 1,
    sort_partitions_by: Optional[Columns] = None,
    delete_scope: Union[DeleteScope, Delayed, None] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    df_serializer: Optional[DataFrameSerializer] = None,
    metadata_merger: Optional[Callable[[Sequence[Dict[str, Any]]], Dict[str, Any]]] = None,
    default_metadata_version: int = 4,
    partition_on: Optional[Columns] = None,
    factory: Optional[DatasetFactory] = None,
    bucket_by: Optional[Columns] = None,
    *,
    delete_mode: str = "exact",
) -> Delayed: ...
