"""MessagePack in a frame of ZSTD, as documents are stored; for values that JSON has."""
from kartothek import _core
from kartothek._lazy import LazyModule

json = LazyModule("json")


def packb(obj):
    """The bytes for a value. Keys of maps become texts."""
    return _core.document_pack(json.dumps(obj).encode("utf-8"))


def unpackb(bts):
    """The value in such bytes. ValueError if they are none."""
    return json.loads(_core.document_unpack(bytes(bts)))
