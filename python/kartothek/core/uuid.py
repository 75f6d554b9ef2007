"""Fresh names for datasets and partitions."""
from kartothek import _core


def gen_uuid():
    """32 hex digits of a version 7 UUID: unique without coordination, sortable by time of creation."""
    return _core.uuid_generate()
