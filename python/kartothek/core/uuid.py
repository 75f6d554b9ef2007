"""Fresh names for datasets and partitions; tests put names of their own in by the two hooks."""
from kartothek import _core
from kartothek._lazy import LazyModule

uuid = LazyModule("uuid")


def gen_uuid():
    """32 hex digits of a version 7 UUID: unique without coordination, sortable by time of creation."""
    return _uuid_hook_str()


def given_uuid():
    """What a hook put in by a test gives; None where there is none, and the C library makes a fresh name, which nobody else can have."""
    return None if _uuid_hook_str is _fresh_uuid else _uuid_hook_str()


def gen_uuid_object():
    """The same as a :class:`uuid.UUID`."""
    return _uuid_hook_object()


def _fresh_uuid():
    return _core.uuid_generate()


def _uuid_hook_object():
    return uuid.UUID(hex=_core.uuid_generate())


_uuid_hook_str = _fresh_uuid
