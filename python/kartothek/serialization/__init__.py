"""How data files are written."""
from kartothek.serialization._parquet import ParquetSerializer, default_serializer

__all__ = ["ParquetSerializer", "default_serializer"]
