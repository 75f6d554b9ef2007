"""Tables as Parquet files in a blob store, committed atomically: kartothek 5.3's API on the C library libkartothek."""
from kartothek._core import version as _version

__version__ = _version()
