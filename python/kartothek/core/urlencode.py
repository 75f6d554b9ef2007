"""Values in storage keys: all bytes but letters, digits and ``_.-~`` are written ``%XX``."""
from kartothek._lazy import LazyModule

_parse = LazyModule("urllib.parse")


def quote(value):
    """The text of a value as a part of a key. Bytes are taken as they are."""
    return _parse.quote(value if isinstance(value, bytes) else str(value), safe="")


def unquote(value):
    """The text behind a part of a key."""
    return _parse.unquote(value)


def decode_key(key):
    """
    ``(uuid, table, [(column, value), …], name)`` of a data file's key; ``(key, None, [], None)`` for one of fewer than three parts. Parts that are no
    single ``column=value`` are passed over.
    """
    parts = key.split("/")
    if len(parts) < 3:
        return key, None, [], None
    return parts[0], parts[1], unquote_indices(parts[2:-1]), parts[-1]


def quote_indices(indices):
    """``["column=value", …]`` of pairs."""
    return ["{}={}".format(quote(column), quote(value)) for column, value in indices]


def unquote_indices(index_strings):
    """The pairs of ``column=value``."""
    pairs = (text.split("=") for text in index_strings)
    return [(unquote(pair[0]), unquote(pair[1])) for pair in pairs if len(pair) == 2]
