"""What stands for stores, frames and predicates in signatures."""
from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping, Protocol, Sequence, Tuple, Union

if TYPE_CHECKING:
    import pandas

    from kartothek.compat.plateau.io_components.metapartition import MetaPartition as PlateauMetaPartition
    from kartothek.io_components.metapartition import MetaPartition


class Store(Protocol):
    """A key-value store: ours, or one of storefact, simplekv or minimalkv."""

    def get(self, __key: str) -> bytes:
        """The whole value; KeyError if there is none."""

    def iter_prefixes(self, __delimiter: str, __prefix: str = ...) -> Iterable[str]:
        """Each distinct beginning of keys up to the delimiter."""


class ArrowStream(Protocol):
    """Rows of any library that speaks the Arrow PyCapsule protocol."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """A capsule of the rows."""


StoreFactory = Callable[[], Store]
StoreInput = Union[str, Store, StoreFactory]

Frame = Union["pandas.DataFrame", ArrowStream]
Element = Union[Frame, Mapping[str, Any], Sequence[Any], "MetaPartition", "PlateauMetaPartition"]

Predicates = Sequence[Sequence[Tuple[str, str, Any]]]
Columns = Union[str, Sequence[str]]
DeleteScope = Sequence[Mapping[str, Any]]
