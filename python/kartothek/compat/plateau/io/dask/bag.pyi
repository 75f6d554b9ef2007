# Types of bag.py; the texts stand there.
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from dask.bag import Bag, Item

from kartothek.compat.plateau.core.factory import DatasetFactory
from kartothek.core.typing import Columns, Predicates, StoreInput
from kartothek.serialization import DataFrameSerializer

__all__ = ("build_dataset_indices__bag", "read_dataset_as_dataframe_bag", "store_bag_as_dataset")

def build_dataset_indices__bag(
    store: StoreInput,
    dataset_uuid: str,
    columns: Columns,
    partition_size: Optional[int] = None,
    factory: Optional[DatasetFactory] = None,
) -> Bag: ...
def read_dataset_as_dataframe_bag(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    columns: Optional[Sequence[str]] = None,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Sequence[str]] = None,
    dates_as_object: bool = True,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    dispatch_by: Optional[Columns] = None,
    partition_size: Optional[int] = None,
) -> Bag: ...
def read_dataset_as_metapartitions_bag(
    dataset_uuid: Optional[str] = None,
    store: Optional[StoreInput] = None,
    columns: Optional[Sequence[str]] = None,
    predicate_pushdown_to_io: bool = True,
    categoricals: Optional[Sequence[str]] = None,
    dates_as_object: bool = True,
    predicates: Optional[Predicates] = None,
    factory: Optional[DatasetFactory] = None,
    dispatch_by: Optional[Columns] = None,
    partition_size: Optional[int] = None,
) -> Bag: ...
def store_bag_as_dataset(
    bag: Bag,
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
    table_name: str = "table",
) -> Item: ...
