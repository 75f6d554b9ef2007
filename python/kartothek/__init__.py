"""Tables as Parquet files in a blob store, committed atomically: kartothek 5.3's API on the C library libkartothek."""
from kartothek._core import version as _version

__version__ = _version()

#: what type checkers take for True
TYPE_CHECKING = False
if TYPE_CHECKING:
    from kartothek._progress import progress
    from kartothek.dataset import create, open
    from kartothek.store_check import check_store

__all__ = ["check_store", "create", "open", "progress"]


def __getattr__(name):
    # Most programs import what they need from kartothek.io and know nothing of these.
    if name not in __all__:
        raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
    if name == "progress":
        from kartothek._progress import progress

        return progress
    if name == "check_store":
        from kartothek.store_check import check_store

        return check_store
    from kartothek import dataset

    return getattr(dataset, name)
