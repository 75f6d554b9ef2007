"""What objects take in memory, for Dask, which asks ``sys.getsizeof`` of what it does not know."""
import sys


def size_of(value):
    """Bytes: Dask's estimate if it is in use, which looks at some of the values of a frame or dict alone."""
    dask = sys.modules.get("dask.sizeof")
    return sys.getsizeof(value) if dask is None else dask.sizeof(value)
