"""How data files are written and read, and predicates on frames."""
from kartothek._predicates import check_predicates, columns_in_predicates
from kartothek.serialization._csv import CsvSerializer
from kartothek.serialization._parquet import ParquetSerializer, default_serializer
from kartothek.serialization._serializer import DataFrameSerializer

#: these need pandas, which is imported with the first of them
_OF_FRAMES = ("filter_array_like", "filter_df", "filter_df_from_predicates", "filter_predicates_by_column")
#: and these :mod:`typing`
_TYPES = ("ConjunctionType", "LiteralType", "LiteralValue", "PredicatesType")

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
    if name in _TYPES:
        from kartothek.serialization import _types as module
    elif name in _OF_FRAMES:
        from kartothek.serialization import _filter as module
    else:
        raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
    return getattr(module, name)
