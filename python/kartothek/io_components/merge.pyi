# Types of merge.py; the texts stand there.
from typing import Any, Callable, Iterator, List, Optional, Sequence

from kartothek.core.typing import StoreInput
from kartothek.io_components.metapartition import MetaPartition

__all__ = ["align_datasets"]

def align_datasets(left_dataset_uuid: str, right_dataset_uuid: str, store: StoreInput, match_how: str = "exact") -> Iterator[List[MetaPartition]]: ...

# Of the package alone.
class Merging:
    def __init__(
        self,
        store: StoreInput,
        merge_tasks: Sequence[Any],
        label_merger: Optional[Callable[..., Any]] = None,
        metadata_merger: Optional[Callable[..., Any]] = None,
    ) -> None: ...
    def __call__(self, parts: Sequence[MetaPartition]) -> MetaPartition: ...
