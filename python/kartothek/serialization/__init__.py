"""How data files are written and read, and predicates on frames."""
from typing import Any, List, Optional, Tuple

from kartothek._predicates import check_predicates, columns_in_predicates
from kartothek.serialization._csv import CsvSerializer
from kartothek.serialization._parquet import ParquetSerializer, default_serializer
from kartothek.serialization._serializer import DataFrameSerializer

LiteralValue = Any
LiteralType = Tuple[str, str, LiteralValue]
ConjunctionType = List[LiteralType]
PredicatesType = Optional[List[ConjunctionType]]

#: these need pandas, which is imported with the first of them
_OF_FRAMES = ("filter_array_like", "filter_df", "filter_df_from_predicates", "filter_predicates_by_column")

__all__ = [
    "ConjunctionType",
    "CsvSerializer",
    "DataFrameSerializer",
    "LiteralType",
    "LiteralValue",
    "ParquetSerializer",
    "PredicatesType",
    "check_predicates",
    "columns_in_predicates",
    "default_serializer",
    "filter_array_like",
    "filter_df",
    "filter_df_from_predicates",
    "filter_predicates_by_column",
]


def __getattr__(name):
    if name not in _OF_FRAMES:
        raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
    from kartothek.serialization import _filter

    return getattr(_filter, name)
