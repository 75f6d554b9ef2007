"""Names, stores and dataset metadata."""
from kartothek._lazy import imported

#: where the names are that this module has for all of its modules; they are imported when they are asked for
_PLACES = {
    "DatasetFactory": "factory",
    "DatasetMetadata": "dataset",
    "DatasetMetadataBase": "dataset",
    "ExplicitSecondaryIndex": "index",
    "IndexBase": "index",
    "PartitionIndex": "index",
    "SchemaWrapper": "common_metadata",
    "StoreFactory": "typing",
    "StoreInput": "typing",
    "empty_dataframe_from_schema": "common_metadata",
    "ensure_store": "utils",
    "lazy_store": "utils",
    "make_meta": "common_metadata",
    "normalize_column_order": "common_metadata",
    "normalize_type": "common_metadata",
    "validate_compatible": "common_metadata",
}

__all__ = sorted(_PLACES)


def __getattr__(name):
    if name not in _PLACES:
        raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
    return getattr(imported("{}.{}".format(__name__, _PLACES[name])), name)
